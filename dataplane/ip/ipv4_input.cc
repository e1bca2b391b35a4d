// SPDX-License-Identifier: Apache-2.0
// From a received frame to the protocol above: what a packet must be to get there (RFC 791, RFC 1122 section 3.2.1).
#include "dataplane/core/chain.hh"
#include "dataplane/core/cycles.hh"
#include "dataplane/ip/state.hh"
#include "dataplane/wire/icmp.hh"

namespace sluice::ip {

namespace {

enum class OptionsVerdict : uint8_t { kFine, kMalformed, kSourceRouted };

// Options are skipped, but for source routes: packets that were led here by their sender are not answered (RFC 6274).
OptionsVerdict look_at_options(std::span<const std::byte> options) {
  constexpr uint8_t kEnd = 0, kNop = 1, kLooseSourceRoute = 131, kStrictSourceRoute = 137;
  while (!options.empty()) {
    const uint8_t kind = wire::load_8(options.data());
    if (kind == kEnd) break;
    if (kind == kNop) {
      options = options.subspan(1);
      continue;
    }
    if (kind == kLooseSourceRoute || kind == kStrictSourceRoute) return OptionsVerdict::kSourceRouted;
    if (options.size() < 2) return OptionsVerdict::kMalformed;
    const uint8_t length = wire::load_8(options.data() + 1);
    if (length < 2 || length > options.size()) return OptionsVerdict::kMalformed;
    options = options.subspan(length);
  }
  return OptionsVerdict::kFine;
}

// An answer to a host that has no address yet (Stack::await_address).
bool is_awaited(const Interface& in, const wire::Ipv4View& header, const Buffer* packet, bool group_frame) {
  const uint32_t header_bytes = header.header_bytes();
  return in.awaits_on_port != 0 && !group_frame && header.protocol() == kProtocolUdp &&
         !header.is_fragment() && packet->length >= header_bytes + 4 &&
         wire::load_16(packet->data + header_bytes + 2) == in.awaits_on_port;
}

// RFC 1122 section 3.2.1.3: what no honest packet from the wire has as its source: 0/8, 127/8, and all from multicast up.
bool source_is_sane(uint32_t source) {
  const uint32_t net = source >> 24;
  return net != 0 && net != 127 && net < 224;
}

}  // namespace

void Stack::State::input_frame(Interface& in, Buffer* frame) {
  if (frame->length < wire::kEthernetHeaderBytes) [[unlikely]] {
    ++counters.malformed;
    release(frame);
    return;
  }
  const bool group = (static_cast<uint8_t>(*frame->data) & 1) != 0;
  if (!group && mac_word(frame->data) != in.mac_as_word) [[unlikely]] {
    ++counters.not_for_us;
    release(frame);
    return;
  }
  uint16_t type = wire::load_16(frame->data + 12);
  if (type == wire::kEtherTypeVlan) [[unlikely]] {
    const auto view = wire::EthernetView::parse(frame->bytes());
    // A tag of VLAN 0 gives a priority only; other VLANs are no interface of ours.
    if (!view || view->vlan() != 0) {
      if (view && in.exception != nullptr) {
        frame->trim_front(wire::kEthernetHeaderBytes);
        return not_ours(in, frame, counters.not_for_us);
      }
      ++(view ? counters.not_for_us : counters.malformed);
      release(frame);
      return;
    }
    // So that an ordinary header lies in front of what follows.
    type = view->ether_type();
    std::memmove(frame->data + wire::kVlanTagBytes, frame->data, 12);
    wire::store_16(frame->data + wire::kVlanTagBytes + 12, type);
    frame->trim_front(wire::kVlanTagBytes);
  }
  frame->trim_front(wire::kEthernetHeaderBytes);
  if (type == wire::kEtherTypeIpv4) [[likely]] {
    input_ipv4(in, frame, group);
  } else if (type == wire::kEtherTypeIpv6 && in.ipv6.enabled) {
    input_ipv6(in, frame, group);
  } else if (type == wire::kEtherTypeArp) {
    input_arp(in, frame);
  } else {
    not_ours(in, frame, counters.unknown_ethertype);
  }
}

void Stack::State::input_ipv4(Interface& in, Buffer* packet, bool group_frame) {
  const auto drop = [&](uint64_t& counter) {
    ++counter;
    release(packet);
  };
  if (packet->next_segment) [[unlikely]] {
    const uint32_t all = packet->chain_length(), want = wire::kIpv4HeaderLimitBytes + kContiguousBytes;
    if (!pull_up(packet, all < want ? all : want)) return drop(counters.no_buffer);
  }
  const auto header = wire::Ipv4View::parse(packet->bytes());
  if (!header) [[unlikely]]
    return drop(counters.malformed);
  const uint32_t header_bytes = header->header_bytes(), total_bytes = header->total_bytes();
  const uint32_t available = packet->next_segment ? packet->chain_length() : packet->length;
  if (total_bytes > available) [[unlikely]]
    return drop(counters.malformed);
  if (!(packet->flags & Buffer::kReceiveIpChecksumGood)) {
    if ((packet->flags & Buffer::kReceiveIpChecksumBad) || !header->checksum_is_right()) [[unlikely]]
      return drop(counters.bad_checksum);
  }
  if (total_bytes < available) trim_chain_to(packet, total_bytes);  // padding of a short frame

  const uint32_t source = header->source(), destination = header->destination();
  bool broadcast = false;
  if (!is_local(destination)) [[unlikely]] {
    if (in.is_broadcast(destination) || takes_group(in, destination, header->protocol())) {
      broadcast = true;
    } else if (!is_awaited(in, *header, packet, group_frame)) {
      return not_ours(in, packet, counters.not_for_us);
    }
  } else if (group_frame) [[unlikely]] {
    return drop(counters.not_for_us);  // RFC 1122 section 3.3.6: to all on the link, but to one address
  }
  // A DHCP server of the kernel's hears those who have no address yet.
  if (broadcast && source == 0 && in.exception != nullptr) [[unlikely]]
    return not_ours(in, packet, counters.source_invalid);
  if (!source_is_sane(source) || is_local(source) || in.is_broadcast(source)) [[unlikely]]
    return drop(counters.source_invalid);
  if (header_bytes > wire::kIpv4HeaderBytes) [[unlikely]] {
    const OptionsVerdict verdict = look_at_options(header->options());
    if (verdict == OptionsVerdict::kSourceRouted) return drop(counters.source_routed);
    if (verdict == OptionsVerdict::kMalformed) return drop(counters.malformed);
  }
  const ReceivedPacket about{
      .source = IpAddress::v4(source),
      .destination = IpAddress::v4(destination),
      .protocol = header->protocol(),
      .hop_limit = header->hop_limit(),
      .traffic_class = header->traffic_class(),
      .interface_index = in.index,
      .l4_checksum_verified = (packet->flags & Buffer::kReceiveL4ChecksumGood) != 0,
      .broadcast = broadcast,
      .network_header_bytes = static_cast<uint8_t>(header_bytes),
      .more_follow = more_follow,
  };
  packet->trim_front(header_bytes);
  if (header->is_fragment()) [[unlikely]]
    return reassemble(about, *header, packet);
  deliver(about, packet);
}

void Stack::State::deliver(const ReceivedPacket& about, Buffer* packet) {
  if (Protocol* protocol = protocols[about.protocol]) [[likely]] {
    // RFC 1122 section 4.2.3.10: nobody connects to everybody.
    if (about.broadcast && about.protocol == kProtocolTcp) [[unlikely]] {
      ++counters.not_for_us;
      release(packet);
      return;
    }
    const cycles::Scope stage(cycles::Stage::kTcp);
    protocol->receive(about, packet);
    return;
  }
  if (about.protocol == kProtocolIcmp) return input_icmp(about, packet);
  if (about.protocol == kProtocolIgmp) return input_igmp(about, packet);
  if (stack.give_to_kernel(about, packet)) return;
  ++counters.unknown_protocol;
  send_icmp_error(about, packet, wire::kIcmpUnreachable, wire::kIcmpProtocolUnreachable);
  release(packet);
}

void Stack::State::reassemble(const ReceivedPacket& about, const wire::Ipv4View& header, Buffer* packet) {
  ++counters.fragments_received;
  const Reassembly::Fragment fragment{
      .key = {about.source, about.destination, header.identification(), header.protocol()},
      .offset_bytes = header.fragment_offset_bytes(),
      .more = header.more_fragments(),
  };
  add_fragment(fragment, about, packet);
}

void Stack::State::add_fragment(const Reassembly::Fragment& fragment, const ReceivedPacket& about,
                                Buffer* packet) {
  ReceivedPacket whole_about;
  Buffer* whole = reassembly.add(fragment, about, packet, now_ns, whole_about);
  if (!reassembly_timer.armed()) {
    const uint64_t deadline_ns = reassembly.next_deadline_ns();
    if (deadline_ns != UINT64_MAX) timers.arm(reassembly_timer, deadline_ns);
  }
  if (whole != nullptr) deliver_reassembled(whole_about, whole);
}

void Stack::State::deliver_reassembled(ReceivedPacket& whole_about, Buffer* whole) {
  const uint32_t total = whole->chain_length();
  whole_about.more_follow = false;  // its first fragment may be of another burst
  // RFC 1858: a first fragment so small, in a Buffer so full, is nobody's honest doing.
  if (!pull_up(whole, total < kContiguousBytes ? total : kContiguousBytes)) {
    ++counters.malformed;
    release(whole);
    return;
  }
  if (whole_about.source.is_v4()) return deliver(whole_about, whole);
  // The fragment header was the last before what was cut.
  process_ipv6(whole_about, whole, whole_about.protocol,
               whole_about.network_header_bytes - wire::kFragmentHeaderBytes, false);
}

void Stack::State::reassembly_expired() {
  Buffer* first = nullptr;
  ReceivedPacket about;
  while (reassembly.expire(now_ns, first, about)) {
    if (first == nullptr) continue;
    // RFC 1122 section 3.3.2, RFC 8200 section 4.5: the sender is told when its first fragment is here.
    if (about.source.is_v4()) {
      send_icmp_error(about, first, wire::kIcmpTimeExceeded, wire::kIcmpReassemblyTimeExceeded);
    } else {
      send_icmpv6_error(about, first, wire::kIcmpv6TimeExceeded, wire::kIcmpv6ReassemblyTimeExceeded, 0);
    }
    release(first);
  }
  const uint64_t deadline_ns = reassembly.next_deadline_ns();
  if (deadline_ns != UINT64_MAX) timers.arm(reassembly_timer, deadline_ns);
}

}  // namespace sluice::ip
