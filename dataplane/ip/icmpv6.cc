// SPDX-License-Identifier: Apache-2.0
// ICMPv6 (RFC 4443): echoes answered, errors obeyed (told to the protocol they are about), errors sent; neighbour discovery
// and multicast listener messages are handed on.
#include <algorithm>

#include "dataplane/core/chain.hh"
#include "dataplane/ip/ipv6_extensions.hh"
#include "dataplane/ip/state.hh"
#include "dataplane/wire/checksum.hh"

namespace sluice::ip {

namespace {

// RFC 4443 section 2.4 c: quote as much as leaves the whole within the minimum MTU.
constexpr uint32_t kQuoteLimitBytes =
    wire::kIpv6MinimumMtuBytes - wire::kIpv6HeaderBytes - wire::kIcmpv6HeaderBytes;

struct Meaning {
  Error error;
  bool hard;
};
// What an error means for a connection: as RFC 1122 section 4.2.3.9 has it for ICMP. kNone: nothing.
Meaning meaning_of(uint8_t type, uint8_t code) {
  switch (type) {
    case wire::kIcmpv6Unreachable:
      if (code == wire::kIcmpv6PortUnreachable) return {Error::kConnectionRefused, true};
      return {code == 0 ? Error::kNetworkUnreachable : Error::kHostUnreachable, false};
    case wire::kIcmpv6PacketTooBig: return {Error::kMessageTooLong, false};
    case wire::kIcmpv6TimeExceeded: return {Error::kHostUnreachable, false};
    case wire::kIcmpv6ParameterProblem:
      if (code == wire::kIcmpv6UnrecognizedNextHeader) return {Error::kConnectionRefused, true};
      return {Error::kIo, false};
    default: return {Error::kNone, false};
  }
}

}  // namespace

void Stack::State::set_icmpv6_checksum(Buffer* message, const IpAddress& source,
                                       const IpAddress& destination) {
  const uint32_t bytes = message->chain_length();
  wire::store_16(message->data + 2, 0);
  const wire::PartialSum sum = wire::pseudo_header_sum(source, destination, kProtocolIcmpv6, bytes);
  wire::store_16(message->data + 2, wire::checksum_finish(wire::checksum_add_chain(sum, message, bytes)));
}

void Stack::State::input_icmpv6(const ReceivedPacket& about, Buffer* packet) {
  ++counters.icmp_received;
  const auto view = wire::Icmpv6View::parse(packet->bytes());
  const uint32_t bytes = packet->chain_length();
  const wire::PartialSum pseudo =
      wire::pseudo_header_sum(about.source, about.destination, kProtocolIcmpv6, bytes);
  if (!view || wire::checksum_finish(wire::checksum_add_chain(pseudo, packet, bytes)) != 0) {
    ++counters.icmp_malformed;
    release(packet);
    return;
  }
  const uint8_t type = view->type();
  if (wire::icmpv6_type_is_error(type)) {
    input_icmpv6_error(about, packet);
    if (!stack.give_to_kernel(about, packet)) release(packet);  // it may be about something of the kernel's
    return;
  }
  if (type == wire::kIcmpv6EchoRequest) return reply_to_echo(about, packet);
  Interface& in = *interfaces[about.interface_index];
  if (type == wire::kIcmpv6MulticastListenerQuery) {
    if (neighbour_listener != nullptr && packet->next_segment == nullptr &&
        packet->length <= kHeardLimitBytes - wire::kIpv6HeaderBytes) {
      // Without what stands between: the other cores get it as if it had no further headers.
      std::array<std::byte, kHeardLimitBytes> heard;
      wire::emit_ipv6(heard.data(), {.payload_bytes = static_cast<uint16_t>(packet->length),
                                     .next_header = kProtocolIcmpv6,
                                     .hop_limit = about.hop_limit,
                                     .source = about.source,
                                     .destination = about.destination});
      std::memcpy(&heard[wire::kIpv6HeaderBytes], packet->data, packet->length);
      neighbour_listener(neighbour_listener_context, in.index,
                         std::span(heard).first(wire::kIpv6HeaderBytes + packet->length));
    }
    input_listener_query(in, about, packet->bytes());
    if (!stack.give_to_kernel(about, packet)) release(packet);
    return;
  }
  const bool discovery = type == wire::kIcmpv6NeighbourSolicitation ||
                         type == wire::kIcmpv6NeighbourAdvertisement ||
                         type == wire::kIcmpv6RouterAdvertisement;
  if (!discovery) {
    if (stack.give_to_kernel(about, packet)) return;
    ++counters.icmp_ignored;  // redirects too: routes come from the configuration and from routers themselves
    release(packet);
    return;
  }
  // RFC 4861 sections 6.1.2, 7.1.1 and 7.1.2: from this link only, since no router passes 255 on; RFC 6980: in one piece.
  // A frame of our own that came back (RFC 7527) says nothing of others.
  const std::byte* const source_mac =
      packet->data - about.network_header_bytes - wire::kEthernetHeaderBytes + 6;
  if (about.hop_limit != 255 || view->code() != 0 || about.fragmented || packet->next_segment != nullptr) {
    ++counters.icmp_malformed;
  } else if (mac_word(source_mac) == in.mac_as_word) {
    ++counters.icmp_ignored;
  } else {
    const std::span<const std::byte> message = packet->bytes();
    if (neighbour_listener != nullptr && about.network_header_bytes == wire::kIpv6HeaderBytes) {
      if (wire::kIpv6HeaderBytes + message.size() <= kHeardLimitBytes)
        neighbour_listener(
            neighbour_listener_context, in.index,
            {message.data() - wire::kIpv6HeaderBytes, message.size() + wire::kIpv6HeaderBytes});
      else
        ++counters.discovery_limit;
    }
    if (type == wire::kIcmpv6NeighbourSolicitation)
      input_solicitation(in, about, message, true);
    else if (type == wire::kIcmpv6NeighbourAdvertisement)
      input_advertisement(in, about, message);
    else
      input_router_advertisement(in, about, message);
    // Who asks for us has our answer; all else is news for the kernel as well, or a question for an address of its own.
    IpAddress target;
    if (message.size() >= 24) std::memcpy(target.bytes.data(), message.data() + 8, 16);
    const bool asks_for_us = type == wire::kIcmpv6NeighbourSolicitation && in.ipv6.find(target) != nullptr;
    if (!asks_for_us && stack.give_to_kernel(about, packet)) return;
  }
  release(packet);
}

void Stack::State::reply_to_echo(const ReceivedPacket& about, Buffer* packet) {
  IpAddress local = about.broadcast ? IpAddress{} : about.destination;
  Path path;
  // RFC 4443 section 4.2 lets a host answer what went to a group; then not more often than errors are sent.
  if (is_unspecified(about.source) || packet->references > 1 ||
      (about.broadcast && !icmp_errors.take(now_ns)) ||
      stack.find_path(about.source, local, path) != Error::kNone) {
    ++counters.icmp_ignored;
    release(packet);
    return;
  }
  // The request's own Buffer becomes the reply: only the type changes, and one address when it went to a group.
  const uint16_t checksum = wire::load_16(packet->data + 2);
  wire::store_8(packet->data, wire::kIcmpv6EchoReply);
  packet->flags &= Buffer::kExternal;
  if (about.broadcast) {
    set_icmpv6_checksum(packet, local, about.source);
  } else {
    wire::store_16(packet->data + 2, wire::checksum_update_16(checksum, wire::kIcmpv6EchoRequest << 8,
                                                              wire::kIcmpv6EchoReply << 8));
  }
  ++counters.echo_replied;
  stack.send(path,
             {.source = local,
              .destination = about.source,
              .protocol = kProtocolIcmpv6,
              .hop_limit = interfaces[path.interface_index]->ipv6.hop_limit,
              .traffic_class = static_cast<uint8_t>(about.traffic_class & 0xfc),
              .may_fragment = true},
             packet);
}

void Stack::State::input_icmpv6_error(const ReceivedPacket& about, const Buffer* packet) {
  const auto view = wire::Icmpv6View::parse(packet->bytes());
  const auto [error, hard] = meaning_of(view->type(), view->code());
  if (about.broadcast || error == Error::kNone) {
    ++counters.icmp_ignored;
    return;
  }
  const std::span<const std::byte> quote = packet->bytes().subspan(wire::kIcmpv6HeaderBytes);
  const auto header = wire::Ipv6View::parse(quote);
  // The quote must be of something that we could have sent: from an address of ours, with enough of its L4 header.
  if (!header || !is_local(header->source()) || header->destination().is_any()) {
    ++counters.icmp_malformed;
    return;
  }
  std::span<const std::byte> l4 = quote.subspan(wire::kIpv6HeaderBytes);
  uint8_t protocol_number = header->next_header();
  // We send no other header than that of a fragment.
  if (protocol_number == wire::kNextFragment) {
    const auto fragment = wire::parse_fragment(l4);
    if (!fragment || fragment->offset_bytes != 0) {
      ++counters.icmp_malformed;
      return;
    }
    protocol_number = fragment->next_header;
    l4 = l4.subspan(wire::kFragmentHeaderBytes);
  }
  if (l4.size() < 8) {
    ++counters.icmp_malformed;
    return;
  }
  uint32_t path_mtu_bytes = 0;
  if (error == Error::kMessageTooLong) {
    path_mtu_bytes = view->rest();
    // RFC 8201 section 4: no link has less than the minimum (and nobody asks for atomic fragments any more, RFC 8021); one
    // as large as the packet was, or larger, is of no sense.
    if (path_mtu_bytes < wire::kIpv6MinimumMtuBytes ||
        path_mtu_bytes >= wire::kIpv6HeaderBytes + header->payload_bytes()) {
      ++counters.icmp_ignored;
      return;
    }
  }
  Protocol* protocol = protocol_number == kProtocolIcmp ? nullptr : protocols[protocol_number];
  if (protocol == nullptr) {
    ++counters.icmp_ignored;
    return;
  }
  protocol->icmp_error({.error = error,
                        .hard = hard,
                        .path_mtu_bytes = path_mtu_bytes,
                        .local = header->source(),
                        .remote = header->destination(),
                        .l4 = l4});
}

void Stack::State::send_icmpv6_error(const ReceivedPacket& about, const Buffer* packet, uint8_t type,
                                     uint8_t code, uint32_t rest, bool also_multicast) {
  // RFC 4443 section 2.4 e: never about an error or a redirect, about what went to a group, or to nobody.
  if ((about.broadcast && !also_multicast) || is_unspecified(about.source)) return;
  if (about.protocol == kProtocolIcmpv6) {
    if (packet->length == 0) return;
    const uint8_t about_type = wire::load_8(packet->data);
    if (wire::icmpv6_type_is_error(about_type) || about_type == wire::kIcmpv6Redirect) return;
  }
  if (!icmp_errors.take(now_ns)) {
    ++counters.icmp_rate_limited;
    return;
  }
  IpAddress local = about.broadcast ? IpAddress{} : about.destination;
  Path path;
  if (stack.find_path(about.source, local, path) != Error::kNone) return;
  Buffer* reply = stack.pool(path).allocate();
  if (reply == nullptr) {
    ++counters.no_buffer;
    return;
  }
  wire::emit_icmpv6(reply->append(wire::kIcmpv6HeaderBytes), type, code, rest);
  const uint32_t quoted =
      std::min({about.network_header_bytes + packet->length, kQuoteLimitBytes, reply->tailroom()});
  reply->append(packet->data - about.network_header_bytes, quoted);
  set_icmpv6_checksum(reply, local, about.source);
  ++counters.icmp_sent;
  stack.send(path,
             {.source = local,
              .destination = about.source,
              .protocol = kProtocolIcmpv6,
              .hop_limit = interfaces[path.interface_index]->ipv6.hop_limit},
             reply);
}

void Stack::State::send_on_link(Interface& out, const IpAddress& source, const IpAddress& destination,
                                Buffer* message) {
  set_icmpv6_checksum(message, source, destination);
  const uint32_t neighbour = is_multicast(destination)
                                 ? NeighbourCache::kMulticast
                                 : neighbours.find_or_add(destination, out.index, now_ns).handle;
  ++counters.icmp_sent;
  output_ipv6(out, neighbour, out.ipv6.mtu_bytes,
              {.source = source, .destination = destination, .protocol = kProtocolIcmpv6, .hop_limit = 255},
              message);
}

}  // namespace sluice::ip
