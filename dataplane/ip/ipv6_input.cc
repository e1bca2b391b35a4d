// SPDX-License-Identifier: Apache-2.0
// From a received IPv6 packet to the protocol above: what it must be to get there (RFC 8200), its extension headers, and
// its fragments.
#include "dataplane/core/chain.hh"
#include "dataplane/core/cycles.hh"
#include "dataplane/ip/ipv6_extensions.hh"
#include "dataplane/ip/state.hh"

namespace sluice::ip {

namespace {

// `ReceivedPacket::network_header_bytes` is a byte.
constexpr uint32_t kHeadersLimitBytes = 240;
static_assert(wire::kIpv6HeaderBytes + ExtensionWalk::kBytesLimit + wire::kFragmentHeaderBytes <=
              kHeadersLimitBytes);

// RFC 4291 section 2.5: what no packet from the wire has as its source. An IPv4 address in its mapped form would be taken
// for one that came by IPv4.
bool source_is_sane(const IpAddress& source) {
  return !is_multicast(source) && !is_loopback(source) && !source.is_v4();
}

}  // namespace

void Stack::State::input_ipv6(Interface& in, Buffer* packet, bool group_frame) {
  const auto drop = [&](uint64_t& counter) {
    ++counter;
    release(packet);
  };
  if (packet->next_segment) [[unlikely]] {
    const uint32_t all = packet->chain_length(), want = kHeadersLimitBytes + kContiguousBytes;
    if (!pull_up(packet, all < want ? all : want)) return drop(counters.no_buffer);
  }
  const auto header = wire::Ipv6View::parse(packet->bytes());
  if (!header) [[unlikely]]
    return drop(counters.malformed);
  const uint32_t total_bytes = wire::kIpv6HeaderBytes + header->payload_bytes();
  const uint32_t available = packet->next_segment ? packet->chain_length() : packet->length;
  if (total_bytes > available) [[unlikely]]
    return drop(counters.malformed);
  if (total_bytes < available) trim_chain_to(packet, total_bytes);

  ReceivedPacket about{
      .source = header->source(),
      .destination = header->destination(),
      .hop_limit = header->hop_limit(),
      .traffic_class = header->traffic_class(),
      .interface_index = in.index,
      .l4_checksum_verified = (packet->flags & Buffer::kReceiveL4ChecksumGood) != 0,
      .network_header_bytes = wire::kIpv6HeaderBytes,
      .more_follow = more_follow,
  };
  if (!is_local(about.destination)) [[unlikely]] {
    // With several cores, another one may have somebody for a datagram.
    if (!is_multicast(about.destination) || (!in.ipv6.listens_to(about.destination) &&
                                             (loop_cores == 1 || header->next_header() != kProtocolUdp)))
      return not_ours(in, packet, counters.not_for_us);
    about.broadcast = true;
  } else if (group_frame) [[unlikely]] {
    return drop(counters.not_for_us);  // to all on the link, but to one address
  }
  if (!source_is_sane(about.source) || is_local(about.source)) [[unlikely]]
    return drop(counters.source_invalid);
  packet->trim_front(wire::kIpv6HeaderBytes);
  process_ipv6(about, packet, header->next_header(), 6, true);
}

void Stack::State::process_ipv6(ReceivedPacket& about, Buffer* packet, uint8_t next_header, uint32_t next_at,
                                bool first) {
  for (;; first = false) {
    const ExtensionWalk walk = walk_extensions(packet->bytes(), next_header, first);
    const uint32_t before = about.network_header_bytes;
    about.protocol = walk.next_header;
    using Verdict = ExtensionWalk::Verdict;
    if (walk.verdict != Verdict::kDone) [[unlikely]] {
      const bool named_before = walk.pointer == UINT32_MAX;  // by the header before what was walked
      const uint32_t pointer = named_before ? next_at : before + walk.pointer;
      switch (walk.verdict) {
        case Verdict::kRefusedRoute:
          ++counters.source_routed;
          send_icmpv6_error(about, packet, wire::kIcmpv6ParameterProblem, wire::kIcmpv6ErroneousField,
                            pointer);
          break;
        case Verdict::kUnknownOption:
          ++counters.option_refused;
          if (walk.report)
            send_icmpv6_error(about, packet, wire::kIcmpv6ParameterProblem, wire::kIcmpv6UnrecognizedOption,
                              pointer, walk.report_multicast);
          break;
        case Verdict::kMisplaced:
          ++counters.option_refused;
          send_icmpv6_error(about, packet, wire::kIcmpv6ParameterProblem, wire::kIcmpv6UnrecognizedNextHeader,
                            pointer);
          break;
        case Verdict::kLimit: ++counters.extension_limit; break;
        default: ++counters.malformed; break;
      }
      release(packet);
      return;
    }
    if (before + walk.bytes + wire::kFragmentHeaderBytes > kHeadersLimitBytes) [[unlikely]] {
      ++counters.extension_limit;
      release(packet);
      return;
    }
    if (walk.bytes > 0) {
      packet->trim_front(walk.bytes);
      about.network_header_bytes += static_cast<uint8_t>(walk.bytes);
      next_at = before + walk.next_at;
      next_header = walk.next_header;
    }
    if (next_header != wire::kNextFragment) [[likely]]
      break;
    ++counters.fragments_received;
    const auto fragment = wire::parse_fragment(packet->bytes());
    if (!fragment) {
      ++counters.malformed;
      release(packet);
      return;
    }
    next_at = about.network_header_bytes;
    packet->trim_front(wire::kFragmentHeaderBytes);
    about.network_header_bytes += wire::kFragmentHeaderBytes;
    about.fragmented = true;
    about.protocol = next_header = fragment->next_header;
    // RFC 6946: an atomic fragment is whole, and has nothing to do with others of its identification.
    if (fragment->offset_bytes != 0 || fragment->more) return reassemble_ipv6(about, *fragment, packet);
  }
  deliver_ipv6(about, packet, next_at);
}

void Stack::State::reassemble_ipv6(const ReceivedPacket& about, const wire::FragmentFields& fields,
                                   Buffer* packet) {
  const uint32_t length = packet->chain_length(), header_at = about.network_header_bytes - 8u;
  const auto refuse = [&](uint32_t pointer) {
    ++counters.malformed;
    send_icmpv6_error(about, packet, wire::kIcmpv6ParameterProblem, wire::kIcmpv6ErroneousField, pointer);
    release(packet);
  };
  // RFC 8200 section 4.5.
  if (fields.more && (length % 8 != 0 || length == 0)) return refuse(4);
  if (fields.offset_bytes + length > wire::kIpv6PayloadLimitBytes) return refuse(header_at + 2);
  if (fields.offset_bytes == 0) {
    // RFC 7112: the first fragment has all headers in it, so that what it is can be told.
    const ExtensionWalk walk = walk_extensions(packet->bytes(), fields.next_header, false);
    if (walk.verdict == ExtensionWalk::Verdict::kMalformed || packet->length < walk.bytes + 8) {
      ++counters.malformed;
      release(packet);
      return;
    }
  }
  add_fragment({.key = {about.source, about.destination, fields.identification, 0},
                .offset_bytes = fields.offset_bytes,
                .more = fields.more},
               about, packet);
}

void Stack::State::deliver_ipv6(const ReceivedPacket& about, Buffer* packet, uint32_t next_at) {
  if (about.protocol == kProtocolIcmpv6) return input_icmpv6(about, packet);
  // Only neighbour discovery speaks before it has an address (RFC 4291 section 2.5.2).
  if (is_unspecified(about.source)) [[unlikely]] {
    ++counters.source_invalid;
    release(packet);
    return;
  }
  Protocol* protocol = about.protocol == kProtocolIcmp ? nullptr : protocols[about.protocol];
  if (protocol != nullptr) [[likely]] {
    if (about.broadcast && about.protocol == kProtocolTcp) [[unlikely]] {
      ++counters.not_for_us;
      release(packet);
      return;
    }
    const cycles::Scope stage(cycles::Stage::kTcp);
    protocol->receive(about, packet);
    return;
  }
  if (about.protocol != wire::kNextNone) {
    if (stack.give_to_kernel(about, packet)) return;
    ++counters.unknown_protocol;
    send_icmpv6_error(about, packet, wire::kIcmpv6ParameterProblem, wire::kIcmpv6UnrecognizedNextHeader,
                      next_at);
  }
  release(packet);
}

void Stack::State::deliver_looped_ipv6(Buffer* packet) {
  const auto header = wire::Ipv6View::parse(packet->bytes());
  SLUICE_ASSERT(header.has_value());
  const ReceivedPacket about{
      .source = header->source(),
      .destination = header->destination(),
      .protocol = header->next_header(),
      .hop_limit = header->hop_limit(),
      .traffic_class = header->traffic_class(),
      .interface_index = loop_interface(packet->user),
      .l4_checksum_verified = true,  // it was never on a wire, and may not have been computed
      .broadcast = is_multicast(header->destination()),
      .network_header_bytes = wire::kIpv6HeaderBytes,
      .cores_to_ask = loop_cores_to_ask(packet->user),
  };
  packet->user = 0;
  packet->trim_front(wire::kIpv6HeaderBytes);
  deliver_ipv6(about, packet, 6);
}

}  // namespace sluice::ip
