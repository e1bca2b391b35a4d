// SPDX-License-Identifier: Apache-2.0
// From an L4 packet to an IPv6 frame in its interface's queue: header, flow label (RFC 6437), fragments where they are
// allowed (RFC 8200 section 4.5), and packets to ourselves.
#include "dataplane/core/chain.hh"
#include "dataplane/ip/state.hh"
#include "dataplane/wire/checksum.hh"

namespace sluice::ip {

// The same for all packets of a flow, and nothing that a stranger can foretell. Ports come first in the headers of TCP and
// UDP; a later fragment has none, so those that may be cut go by addresses and protocol alone.
uint32_t Stack::State::flow_label_of(const Outgoing& about, const Buffer* packet) const {
  uint64_t sum = address_half(about.source, 0) * 3 + address_half(about.source, 1) * 5 +
                 address_half(about.destination, 0) * 7 + address_half(about.destination, 1) * 11 +
                 about.protocol;
  if (!about.may_fragment && packet->length >= 4) sum += uint64_t{wire::load_32(packet->data)} << 17;
  sum *= identification_key;
  return static_cast<uint32_t>((sum ^ sum >> 29) * identification_key >> 44);
}

Error Stack::State::output_ipv6(Interface& out, uint32_t neighbour, uint32_t path_mtu_bytes,
                                const Outgoing& about, Buffer* packet) {
  if (neighbour == NeighbourCache::kOurselves) [[unlikely]]
    return loop_back_ipv6(out, about, packet);
  const uint32_t payload_bytes = packet->next_segment ? packet->chain_length() : packet->length;
  const bool tso = (packet->flags & Buffer::kTransmitTso) != 0;
  const uint32_t limit_bytes = tso                  ? wire::kIpv6HeaderBytes + wire::kIpv6PayloadLimitBytes
                               : about.may_fragment ? path_mtu_bytes
                                                    : out.ipv6.mtu_bytes;
  if (wire::kIpv6HeaderBytes + payload_bytes > limit_bytes) [[unlikely]] {
    if (about.may_fragment && !tso && payload_bytes <= wire::kIpv6PayloadLimitBytes)
      return output_ipv6_fragments(out, neighbour, limit_bytes, about, packet);
    release(packet);
    return Error::kMessageTooLong;
  }
  if (packet->next_segment && !out.capabilities.transmit_scatter && !(tso && out.cut_sent_ipv6))
      [[unlikely]] {
    packet = flattened(out, packet);
    if (packet == nullptr) return Error::kNoBuffers;
  }
  const wire::Ipv6Fields fields{
      .traffic_class = about.traffic_class,
      .flow_label = flow_label_of(about, packet),
      .payload_bytes = static_cast<uint16_t>(payload_bytes),
      .next_header = about.protocol,
      .hop_limit = about.hop_limit,
      .source = about.source,
      .destination = about.destination,
  };
  wire::emit_ipv6(packet->prepend(wire::kIpv6HeaderBytes), fields);
  packet->flags &= static_cast<uint16_t>(~Buffer::kTransmitIpChecksum);
  packet->l2_bytes = wire::kEthernetHeaderBytes;
  packet->l3_bytes = wire::kIpv6HeaderBytes;
  return output_ipv6_frame(out, neighbour, about.destination, packet);
}

Error Stack::State::output_ipv6_frame(Interface& out, uint32_t neighbour, const IpAddress& destination,
                                      Buffer* packet) {
  if (neighbour != NeighbourCache::kMulticast) [[likely]]
    return output_frame(out, neighbour, 0, packet);
  wire::emit_ethernet(packet->prepend(wire::kEthernetHeaderBytes), multicast_mac(destination), out.mac,
                      wire::kEtherTypeIpv6);
  return enqueue(out, packet);
}

Error Stack::State::output_ipv6_fragments(Interface& out, uint32_t neighbour, uint32_t mtu_bytes,
                                          const Outgoing& about, Buffer* packet) {
  finish_l4_checksum(packet);
  constexpr uint32_t kHeadersBytes = wire::kIpv6HeaderBytes + wire::kFragmentHeaderBytes;
  const uint32_t total = packet->chain_length(), step = (mtu_bytes - kHeadersBytes) & ~7u;
  const uint32_t label = flow_label_of(about, packet);
  // RFC 7739 section 5.3: a counter for each group of destinations, from a start that nobody knows.
  const uint64_t folded = address_half(about.destination, 0) * 3 + address_half(about.destination, 1);
  const uint32_t identification = ipv6_identifications[folded * identification_key >> 56]++;
  Error result = Error::kNone;
  for (uint32_t offset = 0; offset < total && result == Error::kNone; offset += step) {
    const uint32_t length = total - offset < step ? total - offset : step;
    Buffer* fragment = copy_flat(out.port.pool(), packet, offset, length);
    if (fragment == nullptr) {
      ++counters.no_buffer;
      result = Error::kNoBuffers;
      break;
    }
    wire::emit_fragment(fragment->prepend(wire::kFragmentHeaderBytes),
                        {.next_header = about.protocol,
                         .offset_bytes = static_cast<uint16_t>(offset),
                         .more = offset + length < total,
                         .identification = identification});
    wire::emit_ipv6(fragment->prepend(wire::kIpv6HeaderBytes),
                    {.traffic_class = about.traffic_class,
                     .flow_label = label,
                     .payload_bytes = static_cast<uint16_t>(wire::kFragmentHeaderBytes + length),
                     .next_header = wire::kNextFragment,
                     .hop_limit = about.hop_limit,
                     .source = about.source,
                     .destination = about.destination});
    ++counters.fragments_sent;
    result = output_ipv6_frame(out, neighbour, about.destination, fragment);
  }
  release(packet);
  return result;
}

Error Stack::State::loop_back_ipv6(Interface& out, const Outgoing& about, Buffer* packet) {
  // The sender may keep its packet to send it again, and the receiver takes what it gets: so it gets a copy.
  const uint32_t payload_bytes = packet->chain_length();
  Error result = Error::kNone;
  if (payload_bytes > wire::kIpv6PayloadLimitBytes) {
    result = Error::kMessageTooLong;
  } else if (loop_count == kLoopQueuePackets) {
    ++counters.transmit_queue_full;
    result = Error::kNoBuffers;
  } else if (Buffer* copy = copy_chain(out.port.pool(), packet)) {
    wire::emit_ipv6(copy->prepend(wire::kIpv6HeaderBytes),
                    {.traffic_class = about.traffic_class,
                     .payload_bytes = static_cast<uint16_t>(payload_bytes),
                     .next_header = about.protocol,
                     .hop_limit = about.hop_limit,
                     .source = about.source,
                     .destination = about.destination});
    copy->user = loop_tag(out.index, loop_cores > 1 ? loop_cores : 0);
    loop_queue.push(copy);
    ++loop_count;
  } else {
    ++counters.no_buffer;
    result = Error::kNoBuffers;
  }
  release(packet);
  return result;
}

void Stack::State::neighbour_failed_for(const Buffer& packet) {
  const auto header = wire::Ipv6View::parse(packet.bytes());
  if (!header) return;
  std::span<const std::byte> l4 = packet.bytes().subspan(wire::kIpv6HeaderBytes);
  uint8_t protocol = header->next_header();
  if (protocol == wire::kNextFragment) {
    const auto fragment = wire::parse_fragment(l4);
    if (!fragment || fragment->offset_bytes != 0) return;
    protocol = fragment->next_header;
    l4 = l4.subspan(wire::kFragmentHeaderBytes);
  }
  if (protocols[protocol] == nullptr || protocol == kProtocolIcmp || l4.size() < 8) return;
  protocols[protocol]->icmp_error({.error = Error::kHostUnreachable,
                                   .hard = false,
                                   .local = header->source(),
                                   .remote = header->destination(),
                                   .l4 = l4});
}

}  // namespace sluice::ip
