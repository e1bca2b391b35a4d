// SPDX-License-Identifier: Apache-2.0
// From an L4 packet to a frame in its interface's queue: the IPv4 header, fragments where they are allowed, the Ethernet
// header, and packets to ourselves.
#include "dataplane/core/chain.hh"
#include "dataplane/ip/state.hh"
#include "dataplane/wire/tcp.hh"
#include "dataplane/wire/udp.hh"

namespace sluice::ip {

void Stack::State::finish_l4_checksum(Buffer* packet) {
  const bool udp = (packet->flags & Buffer::kTransmitUdpChecksum) != 0;
  if (!udp && !(packet->flags & Buffer::kTransmitTcpChecksum)) return;
  const uint16_t checksum =
      wire::checksum_finish(wire::checksum_add_chain(0, packet, packet->chain_length()));
  if (udp) {
    wire::set_udp_checksum(packet->data, checksum);
  } else {
    wire::set_tcp_checksum(packet->data, checksum);
  }
  packet->flags &= static_cast<uint16_t>(~kL4Requests);
}

Buffer* Stack::State::flattened(Interface& out, Buffer* packet) {
  Buffer* flat = copy_flat(out.port.pool(), packet, 0, packet->chain_length());
  if (flat == nullptr) {
    ++counters.no_buffer;
  } else {
    flat->flags = packet->flags & kL4Requests;
    flat->l4_bytes = packet->l4_bytes;
    flat->tso_segment_bytes = packet->tso_segment_bytes;
  }
  release(packet);
  return flat;
}

Error Stack::State::output(Interface& out, uint32_t neighbour, uint32_t path_mtu_bytes, const Outgoing& about,
                           Buffer* packet) {
  if (neighbour == NeighbourCache::kOurselves) [[unlikely]]
    return loop_back(out, about, packet);
  uint32_t total_bytes = wire::kIpv4HeaderBytes + packet->length;
  if (packet->next_segment) total_bytes = wire::kIpv4HeaderBytes + packet->chain_length();
  const bool tso = (packet->flags & Buffer::kTransmitTso) != 0;
  const uint32_t limit_bytes = tso                  ? wire::kIpv4PacketLimitBytes
                               : about.may_fragment ? path_mtu_bytes
                                                    : out.mtu_bytes;
  if (total_bytes > limit_bytes) [[unlikely]] {
    if (about.may_fragment && !tso && total_bytes <= wire::kIpv4PacketLimitBytes)
      return output_fragments(out, neighbour, limit_bytes, about, packet);
    release(packet);
    return Error::kMessageTooLong;
  }
  if (packet->next_segment && !out.capabilities.transmit_scatter && !(tso && out.cut_sent)) [[unlikely]] {
    packet = flattened(out, packet);
    if (packet == nullptr) return Error::kNoBuffers;
  }
  const wire::Ipv4Fields fields{
      .traffic_class = about.traffic_class,
      .total_bytes = static_cast<uint16_t>(total_bytes),
      // A packet that is never fragmented needs no identification (RFC 6864 section 4.1).
      .identification =
          about.may_fragment ? next_identification(about.destination.v4(), about.protocol) : uint16_t{0},
      .fragment_word = about.may_fragment ? uint16_t{0} : uint16_t{wire::kIpv4DontFragment},
      .hop_limit = about.hop_limit,
      .protocol = about.protocol,
      .source = about.source.v4(),
      .destination = about.destination.v4(),
  };
  std::byte* at = packet->prepend(wire::kIpv4HeaderBytes);
  wire::emit_ipv4(at, fields);
  if (out.capabilities.transmit_ip_checksum) {
    packet->flags |= Buffer::kTransmitIpChecksum;
  } else {
    packet->flags &= static_cast<uint16_t>(~Buffer::kTransmitIpChecksum);
    wire::set_ipv4_checksum(at, fields);
  }
  packet->l2_bytes = wire::kEthernetHeaderBytes;
  packet->l3_bytes = wire::kIpv4HeaderBytes;
  return output_frame(out, neighbour, fields.destination, packet);
}

Error Stack::State::output_frame(Interface& out, uint32_t neighbour, uint32_t destination, Buffer* packet) {
  if (Neighbour* to = neighbours.by_handle(neighbour)) [[likely]] {
    to->last_used_ns = now_ns;
    if (to->state == NeighbourState::kReachable && now_ns < to->reachable_until_ns) [[likely]] {
      std::memcpy(packet->prepend(wire::kEthernetHeaderBytes), to->header, wire::kEthernetHeaderBytes);
      return enqueue(out, packet);
    }
    return output_unresolved(out, *to, packet);
  }
  MacAddress mac = wire::kBroadcastMac;
  if (neighbour == NeighbourCache::kMulticast) {
    // RFC 1112 section 6.4: the low 23 bits.
    mac = {{0x01, 0x00, 0x5e, static_cast<uint8_t>(destination >> 16 & 0x7f),
            static_cast<uint8_t>(destination >> 8), static_cast<uint8_t>(destination)}};
  } else {
    SLUICE_ASSERT(neighbour == NeighbourCache::kBroadcast);
  }
  wire::emit_ethernet(packet->prepend(wire::kEthernetHeaderBytes), mac, out.mac, wire::kEtherTypeIpv4);
  return enqueue(out, packet);
}

Error Stack::State::enqueue(Interface& out, Buffer* frame) {
  if (frame->flags & Buffer::kTransmitTso && out.cut_sent_ipv6 &&
      (out.cut_sent || wire::load_8(frame->data + frame->l2_bytes) >> 4 == 6))
    return enqueue_cut(out, frame);
  if (out.queue.full()) [[unlikely]] {
    out.queue.flush(out.port);
    if (out.queue.full()) {
      ++counters.transmit_queue_full;
      release(frame);
      return Error::kNoBuffers;
    }
  }
  if (frame_tap != nullptr) [[unlikely]]
    frame_tap(frame_tap_context, out.index, frame, true);
  ++counters.transmitted_packets;
  counters.transmitted_bytes += frame->next_segment ? frame->chain_length() : frame->length;
  out.queue.push(frame);
  return Error::kNone;
}

Error Stack::State::output_fragments(Interface& out, uint32_t neighbour, uint32_t mtu_bytes,
                                     const Outgoing& about, Buffer* packet) {
  finish_l4_checksum(packet);
  const uint32_t total = packet->chain_length(), step = (mtu_bytes - wire::kIpv4HeaderBytes) & ~7u;
  const uint16_t identification = next_identification(about.destination.v4(), about.protocol);
  Error result = Error::kNone;
  for (uint32_t offset = 0; offset < total && result == Error::kNone; offset += step) {
    const uint32_t length = total - offset < step ? total - offset : step;
    Buffer* fragment = copy_flat(out.port.pool(), packet, offset, length);
    if (fragment == nullptr) {
      ++counters.no_buffer;
      result = Error::kNoBuffers;
      break;
    }
    const bool more = offset + length < total;
    const wire::Ipv4Fields fields{
        .traffic_class = about.traffic_class,
        .total_bytes = static_cast<uint16_t>(wire::kIpv4HeaderBytes + length),
        .identification = identification,
        .fragment_word = static_cast<uint16_t>(offset / 8 | (more ? wire::kIpv4MoreFragments : 0)),
        .hop_limit = about.hop_limit,
        .protocol = about.protocol,
        .source = about.source.v4(),
        .destination = about.destination.v4(),
    };
    std::byte* at = fragment->prepend(wire::kIpv4HeaderBytes);
    wire::emit_ipv4(at, fields);
    wire::set_ipv4_checksum(at, fields);
    ++counters.fragments_sent;
    result = output_frame(out, neighbour, fields.destination, fragment);
  }
  release(packet);
  return result;
}

uint16_t Stack::State::next_identification(uint32_t destination, uint8_t protocol) {
  return identifications[((uint64_t{destination} << 8 | protocol) * identification_key) >> 56]++;
}

Error Stack::State::loop_back(Interface& out, const Outgoing& about, Buffer* packet) {
  // The sender may keep its packet to send it again, and the receiver takes what it gets: so it gets a copy.
  const uint32_t total_bytes = wire::kIpv4HeaderBytes + packet->chain_length();
  Error result = Error::kNone;
  if (total_bytes > wire::kIpv4PacketLimitBytes) {
    result = Error::kMessageTooLong;
  } else if (loop_count == kLoopQueuePackets) {
    ++counters.transmit_queue_full;
    result = Error::kNoBuffers;
  } else if (Buffer* copy = copy_chain(out.port.pool(), packet)) {
    wire::emit_ipv4(copy->prepend(wire::kIpv4HeaderBytes), {.traffic_class = about.traffic_class,
                                                            .total_bytes = static_cast<uint16_t>(total_bytes),
                                                            .fragment_word = wire::kIpv4DontFragment,
                                                            .hop_limit = about.hop_limit,
                                                            .protocol = about.protocol,
                                                            .source = about.source.v4(),
                                                            .destination = about.destination.v4()});
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

void Stack::State::deliver_looped() {
  // Only what waits now: answers to it are for the next turn.
  for (unsigned left = loop_count; left > 0; --left) {
    Buffer* packet = loop_queue.pop();
    --loop_count;
    ++counters.looped_back;
    const auto header = wire::Ipv4View::parse(packet->bytes());
    if (!header) {
      deliver_looped_ipv6(packet);
      continue;
    }
    const Interface& in = *interfaces[loop_interface(packet->user)];
    const ReceivedPacket about{
        .source = IpAddress::v4(header->source()),
        .destination = IpAddress::v4(header->destination()),
        .protocol = header->protocol(),
        .hop_limit = header->hop_limit(),
        .traffic_class = header->traffic_class(),
        .interface_index = in.index,
        .l4_checksum_verified = true,  // it was never on a wire, and may not have been computed
        .broadcast = in.is_broadcast(header->destination()) || header->destination() >> 28 == 14,
        .network_header_bytes = static_cast<uint8_t>(header->header_bytes()),
        .cores_to_ask = loop_cores_to_ask(packet->user),
    };
    packet->user = 0;
    packet->trim_front(header->header_bytes());
    deliver(about, packet);
  }
}

}  // namespace sluice::ip
