// SPDX-License-Identifier: Apache-2.0
// IGMP (RFC 3376): routers and switches learn which IPv4 groups are wanted here. Version 3, any source; 2 (RFC 2236) and 1
// (RFC 1112) for as long as a router of that version was heard.
#include <algorithm>

#include "dataplane/core/chain.hh"
#include "dataplane/ip/state.hh"
#include "dataplane/wire/checksum.hh"

namespace sluice::ip {

namespace {

constexpr uint32_t kAllHosts = 0xe0000001, kAllRoutersV4 = 0xe0000002, kAllIgmpRouters = 0xe0000016;
constexpr uint32_t kHeaderBytes = 8, kRecordBytes = 8, kVersion3QueryBytes = 12;
enum Type : uint8_t { kQuery = 0x11, kReport1 = 0x12, kReport2 = 0x16, kLeave = 0x17, kReport3 = 0x22 };
enum Record : uint8_t { kIsExclude = 2, kToInclude = 3, kToExclude = 4 };  // RFC 3376 section 4.2.12
constexpr uint8_t kRobustness = 2;  // section 8.1: how often a change is told
constexpr uint64_t kTenthNs = 100 * kNanosecondsPerMillisecond;
// Section 8.11, RFC 2236 section 8.10: within which a change is told again.
constexpr uint64_t kRepeatNs = kNanosecondsPerSecond, kOldRepeatNs = 10 * kNanosecondsPerSecond;
// Section 8.12: 2 * 125 s + 10 s.
constexpr uint64_t kOlderRouterNs = 260 * kNanosecondsPerSecond;
constexpr uint32_t kRouterAlert = 0x94040000;  // RFC 2113

}  // namespace

unsigned Stack::State::igmp_version(const Interface& in) const {
  return now_ns < in.groups.version1_until_ns ? 1 : now_ns < in.groups.version2_until_ns ? 2 : 3;
}

Error Stack::State::join_ipv4_group(Interface& in, uint32_t group) {
  if (group >> 28 != 14) return Error::kInvalid;
  auto& joined = in.groups.joined;
  const auto known =
      std::find_if(joined.begin(), joined.end(), [&](const auto& each) { return each.group == group; });
  // All hosts are members of theirs, and nobody is told (RFC 3376 section 6).
  const uint8_t reports = group == kAllHosts ? 0 : kRobustness;
  if (known != joined.end()) {
    if (known->members++ > 0) return Error::kNone;
    known->reports_left = reports;
  } else if (joined.size() >= kGroupsLimit) {
    ++counters.group_limit;
    return Error::kNoBuffers;
  } else {
    joined.push_back({group, 1, reports, false});
  }
  report_ipv4_groups(in);
  return Error::kNone;
}

void Stack::State::leave_ipv4_group(Interface& in, uint32_t group) {
  for (Ipv4Group& each : in.groups.joined) {
    if (each.group != group || each.members == 0) continue;
    if (--each.members > 0) return;
    each.reports_left = group == kAllHosts ? 0 : kRobustness;
    each.asked = false;
    return report_ipv4_groups(in);
  }
}

void Stack::State::report_ipv4_groups(Interface& in) {
  auto& joined = in.groups.joined;
  in.groups.timer.owner = this;
  in.groups.timer.interface_index = in.index;
  in.groups.timer.fire = [](Timer& timer, uint64_t at_ns) {
    auto& mine = static_cast<InterfaceTimer&>(timer);
    auto& state = *static_cast<State*>(mine.owner);
    state.now_ns = at_ns;
    state.report_ipv4_groups(*state.interfaces[mine.interface_index]);
  };
  const unsigned version = igmp_version(in);
  Buffer* report = nullptr;
  uint16_t records = 0;
  bool again = false;
  for (Ipv4Group& each : joined) {
    const bool changed = each.reports_left > 0, wanted = each.members > 0;
    if (!changed && !(each.asked && wanted)) continue;
    each.asked = false;
    if (changed) --each.reports_left;
    if (version < 3) {
      if (!wanted) each.reports_left = 0;     // said once
      if (!wanted && version == 1) continue;  // it has no word for it
      if (Buffer* message = in.port.pool().allocate()) {
        std::byte* at = message->append(kHeaderBytes);
        wire::store_32(at, uint32_t{!wanted ? kLeave : version == 1 ? kReport1 : kReport2} << 24);
        wire::store_32(at + 4, each.group);
        send_igmp(in, wanted ? each.group : kAllRoutersV4, message);
      } else {
        ++counters.no_buffer;
      }
    } else {
      if (report == nullptr) {
        report = in.port.pool().allocate();
        if (report == nullptr) {
          ++counters.no_buffer;
          break;
        }
        report->append(kHeaderBytes);
      }
      std::byte* at = report->append(kRecordBytes);
      wire::store_32(at, uint32_t{changed ? (wanted ? kToExclude : kToInclude) : kIsExclude} << 24);
      wire::store_32(at + 4, each.group);
      ++records;
    }
    again |= each.reports_left > 0;
  }
  std::erase_if(joined, [](const auto& each) { return each.members == 0 && each.reports_left == 0; });
  if (again)
    timers.arm(in.groups.timer, now_ns + 1 + random_delay_ns(version == 3 ? kRepeatNs : kOldRepeatNs));
  if (report == nullptr) return;
  wire::store_32(report->data, uint32_t{kReport3} << 24);
  wire::store_32(report->data + 4, records);
  send_igmp(in, kAllIgmpRouters, report);
}

// Takes the message, whose checksum is still 0.
void Stack::State::send_igmp(Interface& out, uint32_t destination, Buffer* message) {
  wire::store_16(message->data + 2,
                 wire::checksum_finish(wire::checksum_add(0, message->data, message->length)));
  // RFC 3376 section 4: hop limit 1, internetwork control, and routers are to look at it. From 0 as long as there is no address.
  constexpr uint32_t kWithAlertBytes = wire::kIpv4HeaderBytes + 4;
  std::byte* at = message->prepend(kWithAlertBytes);
  wire::emit_ipv4(at, {.traffic_class = 0xc0,
                       .total_bytes = static_cast<uint16_t>(message->length),
                       .fragment_word = wire::kIpv4DontFragment,
                       .hop_limit = 1,
                       .protocol = kProtocolIgmp,
                       .source = out.prefixes.empty() ? 0 : out.prefixes[0].address,
                       .destination = destination});
  wire::store_8(at, 0x46);  // six words
  wire::store_32(at + wire::kIpv4HeaderBytes, kRouterAlert);
  wire::store_16(at + 10, 0);
  wire::store_16(at + 10, wire::checksum_finish(wire::checksum_add(0, at, kWithAlertBytes)));
  message->l2_bytes = wire::kEthernetHeaderBytes;
  message->l3_bytes = kWithAlertBytes;
  ++counters.igmp_sent;
  output_frame(out, NeighbourCache::kMulticast, destination, message);
}

void Stack::State::input_igmp(const ReceivedPacket& about, Buffer* packet) {
  ++counters.igmp_received;
  const uint32_t bytes = packet->chain_length();
  if (bytes < kHeaderBytes || wire::checksum_finish(wire::checksum_add_chain(0, packet, bytes)) != 0) {
    ++counters.icmp_malformed;
    release(packet);
    return;
  }
  Interface& in = *interfaces[about.interface_index];
  const uint32_t heard_bytes = about.network_header_bytes + packet->length;
  if (neighbour_listener != nullptr && wire::load_8(packet->data) == kQuery &&
      heard_bytes <= kHeardLimitBytes)
    neighbour_listener(neighbour_listener_context, in.index,
                       {packet->data - about.network_header_bytes, heard_bytes});
  input_igmp_message(in, packet->bytes(), about.hop_limit);
  release(packet);
}

void Stack::State::input_igmp_message(Interface& in, std::span<const std::byte> message, uint8_t hop_limit) {
  if (message.size() < kHeaderBytes) return;
  const uint8_t type = wire::load_8(message.data()), code = wire::load_8(&message[1]);
  const uint32_t group = wire::load_32(&message[4]);
  Ipv4Groups& groups = in.groups;
  if (type == kReport1 || type == kReport2) {
    // RFC 2236 section 3: somebody else has told it for us.
    if (igmp_version(in) == 3) return;
    for (Ipv4Group& each : groups.joined) {
      if (each.group != group || each.members == 0) continue;
      each.asked = false;
      each.reports_left = 0;
    }
    return;
  }
  if (type != kQuery || hop_limit != 1 || (group != 0 && group >> 28 != 14)) {
    ++counters.icmp_ignored;
    return;
  }
  // Section 7.1: the version is told by the length, and by a code of 0.
  uint32_t longest_tenths = code;
  if (message.size() == kHeaderBytes) {
    if (code == 0) {
      groups.version1_until_ns = now_ns + kOlderRouterNs;
      longest_tenths = 100;
    } else {
      groups.version2_until_ns = now_ns + kOlderRouterNs;
    }
  } else if (message.size() < kVersion3QueryBytes) {
    ++counters.icmp_malformed;
    return;
  } else if (code >= 128) {
    longest_tenths = (16u | (code & 15u)) << ((code >> 4 & 7u) + 3u);  // section 4.1.1
  }
  bool any = false;
  for (Ipv4Group& each : groups.joined) {
    if (each.members == 0 || each.group == kAllHosts || (group != 0 && each.group != group)) continue;
    each.asked = any = true;
  }
  if (!any) return;
  const uint64_t at_ns = now_ns + 1 + random_delay_ns(std::max<uint64_t>(longest_tenths, 1) * kTenthNs);
  if (!groups.timer.armed() || groups.timer.deadline_ns > at_ns) timers.arm(groups.timer, at_ns);
}

}  // namespace sluice::ip
