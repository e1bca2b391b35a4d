// SPDX-License-Identifier: Apache-2.0
// ICMP for IPv4: echoes answered, errors obeyed (told to the protocol they are about), errors sent. RFC 792, RFC 1122
// section 3.2.2, RFC 1191, RFC 1812 section 4.3.
#include "dataplane/wire/icmp.hh"

#include <algorithm>

#include "dataplane/core/chain.hh"
#include "dataplane/ip/state.hh"
#include "dataplane/wire/checksum.hh"

namespace sluice::ip {

namespace {

// RFC 1812 section 4.3.2.3: quote as much as leaves the whole within 576 bytes.
constexpr uint32_t kErrorLimitBytes = 576 - wire::kIpv4HeaderBytes;

// RFC 1191 section 7.1: routers that do not tell the MTU; the next smaller one that is common.
uint32_t plateau_below(uint32_t total_bytes) {
  for (uint32_t plateau : {32000u, 17914u, 8166u, 4352u, 2002u, 1492u, 1006u})
    if (plateau < total_bytes) return plateau;
  return PathMtuCache::kFloorBytes;
}

struct Meaning {
  Error error;
  bool hard;
};
// What an error means for a connection (RFC 1122 sections 3.2.2.1 and 4.2.3.9). kNone: nothing.
Meaning meaning_of(uint8_t type, uint8_t code) {
  if (type == wire::kIcmpTimeExceeded) return {Error::kHostUnreachable, false};
  if (type == wire::kIcmpParameterProblem) return {Error::kIo, false};
  if (type != wire::kIcmpUnreachable) return {Error::kNone, false};
  switch (code) {
    case 0:
    case 5:
    case 6:
    case 9:
    case 11: return {Error::kNetworkUnreachable, false};
    case 1:
    case 7:
    case 8:
    case 10:
    case 12:
    case 13: return {Error::kHostUnreachable, false};  // 13: filtered, RFC 1812 section 5.2.7.1
    case wire::kIcmpProtocolUnreachable:
    case wire::kIcmpPortUnreachable: return {Error::kConnectionRefused, true};
    case wire::kIcmpFragmentationNeeded: return {Error::kMessageTooLong, false};
    default: return {Error::kNone, false};
  }
}

}  // namespace

void Stack::State::input_icmp(const ReceivedPacket& about, Buffer* packet) {
  ++counters.icmp_received;
  const auto view = wire::IcmpView::parse(packet->bytes());
  if (!view || wire::checksum_finish(wire::checksum_add_chain(0, packet, packet->chain_length())) != 0) {
    ++counters.icmp_malformed;
    release(packet);
    return;
  }
  if (wire::icmp_type_is_error(view->type())) {
    input_icmp_error(about, packet);
    if (!stack.give_to_kernel(about, packet)) release(packet);  // it may be about something of the kernel's
    return;
  }
  // RFC 1122 section 3.2.2.6: an echo to a broadcast address may be ignored, and is.
  if (view->type() != wire::kIcmpEchoRequest || about.broadcast || packet->references > 1) {
    if (stack.give_to_kernel(about, packet)) return;
    ++counters.icmp_ignored;
    release(packet);
    return;
  }
  // The request's own Buffer becomes the reply: only the type changes, and the checksum by as much.
  const uint16_t checksum = wire::checksum_update_16(view->checksum(), wire::kIcmpEchoRequest << 8, 0);
  wire::store_8(packet->data, wire::kIcmpEchoReply);
  wire::set_icmp_checksum(packet->data, checksum);
  packet->flags &= Buffer::kExternal;
  IpAddress local = about.destination;
  Path path;
  if (stack.find_path(about.source, local, path) != Error::kNone) {
    ++counters.icmp_ignored;
    release(packet);
    return;
  }
  ++counters.echo_replied;
  stack.send(path,
             {.source = local,
              .destination = about.source,
              .protocol = kProtocolIcmp,
              .traffic_class = static_cast<uint8_t>(about.traffic_class & 0xfc),
              .may_fragment = true},
             packet);
}

void Stack::State::input_icmp_error(const ReceivedPacket& about, const Buffer* packet) {
  const auto view = wire::IcmpView::parse(packet->bytes());
  const auto [error, hard] = meaning_of(view->type(), view->code());
  if (about.broadcast || error == Error::kNone) {
    ++counters.icmp_ignored;  // redirects too: routes come from the configuration
    return;
  }
  const std::span<const std::byte> quote = packet->bytes().subspan(wire::kIcmpHeaderBytes);
  const auto header = wire::Ipv4View::parse(quote);
  // The quote must be of something that we could have sent: from an address of ours, with the 8 bytes of RFC 792. Of 127/8 we
  // sent it to ourselves, and hear of it from ourselves.
  if (!header || quote.size() < header->header_bytes() + 8 ||
      (is_loopback(header->source()) ? !stack.is_local(about.source) : !is_local(header->source())) ||
      header->fragment_offset_bytes() != 0 || header->destination() == 0) {
    ++counters.icmp_malformed;
    return;
  }
  uint32_t path_mtu_bytes = 0;
  if (error == Error::kMessageTooLong) {
    path_mtu_bytes = view->next_hop_mtu();
    // 0: an old router. One as large as the packet was, or larger, is of no sense.
    if (path_mtu_bytes == 0) path_mtu_bytes = plateau_below(header->total_bytes());
    if (path_mtu_bytes >= header->total_bytes()) {
      ++counters.icmp_ignored;
      return;
    }
    path_mtu_bytes = std::max(path_mtu_bytes, PathMtuCache::kFloorBytes);
  }
  Protocol* protocol = protocols[header->protocol()];
  if (protocol == nullptr) {
    ++counters.icmp_ignored;
    return;
  }
  protocol->icmp_error({.error = error,
                        .hard = hard,
                        .path_mtu_bytes = path_mtu_bytes,
                        .local = IpAddress::v4(header->source()),
                        .remote = IpAddress::v4(header->destination()),
                        .l4 = quote.subspan(header->header_bytes())});
}

void Stack::State::send_icmp_error(const ReceivedPacket& about, const Buffer* packet, uint8_t type,
                                   uint8_t code) {
  // RFC 1122 section 3.2.2: never about a broadcast or an ICMP error. (Never about later fragments and from no-one either:
  // such packets do not come so far.)
  if (about.broadcast) return;
  if (about.protocol == kProtocolIcmp &&
      (packet->length == 0 || wire::icmp_type_is_error(wire::load_8(packet->data))))
    return;
  if (!icmp_errors.take(now_ns)) {
    ++counters.icmp_rate_limited;
    return;
  }
  IpAddress local = about.destination;
  Path path;
  if (stack.find_path(about.source, local, path) != Error::kNone) return;
  Buffer* reply = stack.pool(path).allocate();
  if (reply == nullptr) {
    ++counters.no_buffer;
    return;
  }
  wire::emit_icmp(reply->append(wire::kIcmpHeaderBytes), type, code, 0);
  const uint32_t quoted = std::min({about.network_header_bytes + packet->length,
                                    kErrorLimitBytes - wire::kIcmpHeaderBytes, reply->tailroom()});
  reply->append(packet->data - about.network_header_bytes, quoted);
  wire::set_icmp_checksum(reply->data,
                          wire::checksum_finish(wire::checksum_add(0, reply->data, reply->length)));
  ++counters.icmp_sent;
  stack.send(path, {.source = local, .destination = about.source, .protocol = kProtocolIcmp}, reply);
}

}  // namespace sluice::ip
