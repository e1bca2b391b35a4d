// SPDX-License-Identifier: Apache-2.0
// Multicast listener discovery, version 2 (RFC 3810), as far as neighbour discovery needs it: switches and routers learn
// which solicited-node groups are wanted here. Changes are told twice, queries are answered.
#include <algorithm>

#include "dataplane/ip/state.hh"

namespace sluice::ip {

namespace {
constexpr uint8_t kRobustness = 2;  // RFC 3810 section 9.1: how often a change is told
constexpr uint64_t kRepeatWithinNs = kNanosecondsPerSecond;
constexpr uint32_t kRecordBytes = 20;
// Section 5.2.12: types of records.
constexpr uint8_t kIsExclude = 2, kToInclude = 3, kToExclude = 4;
}  // namespace

bool Stack::State::join_group(Interface& in, const IpAddress& group) {
  auto& groups = in.ipv6.groups;
  const auto known =
      std::find_if(groups.begin(), groups.end(), [&](const auto& each) { return each.group == group; });
  if (known != groups.end()) {
    if (known->members++ > 0) return true;
    known->reports_left = kRobustness;
  } else if (groups.size() == Ipv6Interface::kGroupsLimit) {
    ++counters.discovery_limit;
    return false;
  } else {
    // Section 6: all nodes, and what does not leave this host, is nobody else's business.
    const unsigned scope = group.bytes[1] & 15u;
    const bool silent = group == kAllNodes || scope <= 1;
    groups.push_back({group, 1, silent ? uint8_t{0} : kRobustness});
  }
  report_groups(in);
  return true;
}

void Stack::State::leave_group(Interface& in, const IpAddress& group) {
  for (MulticastGroup& each : in.ipv6.groups) {
    if (each.group != group || each.members == 0) continue;
    if (--each.members > 0) return;
    each.reports_left = each.group == kAllNodes || (each.group.bytes[1] & 15u) <= 1 ? 0 : kRobustness;
    return report_groups(in);
  }
}

void Stack::State::report_groups(Interface& in) {
  Ipv6Interface& ipv6 = in.ipv6;
  const bool all = ipv6.answers_query;
  ipv6.answers_query = false;
  Buffer* message = in.port.pool().allocate();
  if (message == nullptr) {
    ++counters.no_buffer;
    return;
  }
  message->append(wire::kIcmpv6HeaderBytes);
  uint32_t records = 0;
  bool again = false;
  for (MulticastGroup& each : ipv6.groups) {
    const bool changed = each.reports_left > 0;
    if (!changed && !(all && each.members > 0 && each.group != kAllNodes && (each.group.bytes[1] & 15u) > 1))
      continue;
    std::byte* at = message->append(kRecordBytes);
    wire::store_32(at, uint32_t{changed ? (each.members > 0 ? kToExclude : kToInclude) : kIsExclude} << 24);
    std::memcpy(at + 4, each.group.bytes.data(), 16);
    ++records;
    if (changed && --each.reports_left > 0) again = true;
  }
  std::erase_if(ipv6.groups, [](const auto& each) { return each.members == 0 && each.reports_left == 0; });
  if (again) timers.arm(ipv6.report_timer, now_ns + 1 + random_delay_ns(kRepeatWithinNs));
  if (records == 0) {
    release(message);
    return;
  }
  wire::emit_icmpv6(message->data, wire::kIcmpv6MulticastListenerReport2, 0, records);
  // RFC 3590: from nobody as long as there is no address of the link.
  const LocalAddress* own = ipv6.link_local();
  const IpAddress source = own ? own->address : IpAddress{};
  set_icmpv6_checksum(message, source, kAllMldRouters);
  // Section 5: routers look at it because of the alert (RFC 2711), which fills its header with a PadN of 0.
  static constexpr uint8_t kAlert[8] = {wire::kNextIcmpv6, 0, 5, 2, 0, 0, 1, 0};
  std::memcpy(message->prepend(sizeof kAlert), kAlert, sizeof kAlert);
  ++counters.icmp_sent;
  output_ipv6(
      in, NeighbourCache::kMulticast, ipv6.mtu_bytes,
      {.source = source, .destination = kAllMldRouters, .protocol = wire::kNextHopByHop, .hop_limit = 1},
      message);
}

void Stack::State::input_listener_query(Interface& in, const ReceivedPacket& about,
                                        std::span<const std::byte> message) {
  const auto group = wire::Icmpv6View::parse(message)->target();
  // RFC 3810 section 5.1.14 and 6.2.
  if (!group || !is_link_local(about.source) || about.hop_limit != 1) {
    ++counters.icmp_malformed;
    return;
  }
  if (!is_unspecified(*group) && !in.ipv6.listens_to(*group)) return;
  in.ipv6.answers_query = true;
  // The code is the delay in milliseconds up to here; larger ones are coded, and only mean that there is more time.
  constexpr uint32_t kLongestMs = 32767;
  const uint32_t delay_ms = std::clamp<uint32_t>(wire::load_16(&message[4]), 1, kLongestMs);
  const uint64_t at_ns = now_ns + random_delay_ns(delay_ms * kNanosecondsPerMillisecond);
  if (!in.ipv6.report_timer.armed() || in.ipv6.report_timer.deadline_ns > at_ns)
    timers.arm(in.ipv6.report_timer, at_ns);
}

}  // namespace sluice::ip
