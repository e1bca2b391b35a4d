// SPDX-License-Identifier: Apache-2.0
// The fields of a frame that make its flow. Header lengths are looked at only as far as the hash needs them: whether the
// packet is sound is for the stack to say.
#include "drivers/ethdev/software_rss.hh"

#include "drivers/ethdev/toeplitz.hh"

namespace sluice::ethdev {

namespace {

constexpr uint16_t kEtherTypeIpv4 = 0x0800, kEtherTypeIpv6 = 0x86dd, kEtherTypeVlan = 0x8100;
constexpr uint8_t kIcmp = 1, kTcp = 6, kUdp = 17, kIcmpv6 = 58;
constexpr uint32_t kNoFlow = 0x10000;  // beyond any sum of words

using Bytes = std::span<const std::byte>;

uint8_t byte_at(Bytes bytes, size_t at) { return static_cast<uint8_t>(bytes[at]); }
uint16_t word_at(Bytes bytes, size_t at) {
  return static_cast<uint16_t>(byte_at(bytes, at) << 8 | byte_at(bytes, at + 1));
}
uint32_t sum_of_words(Bytes bytes, size_t at, size_t count) {
  uint16_t sum = 0;
  for (size_t i = 0; i < count; ++i) sum ^= word_at(bytes, at + 2 * i);
  return sum;
}

uint32_t with_ports(uint32_t addresses, uint8_t protocol, Bytes l4) {
  return (protocol == kTcp || protocol == kUdp) && l4.size() >= 4 ? addresses ^ sum_of_words(l4, 0, 2)
                                                                  : addresses;
}

// The sum of the words that make the flow. An ICMP error counts as the packet that it quotes, which is one of the flow's
// other direction: to the hash it is the same. `quoted`: it is such a quote.
uint32_t ipv4_flow(Bytes packet, bool quoted) {
  if (packet.size() < 20) return kNoFlow;
  const size_t header_bytes = (byte_at(packet, 0) & 15u) * 4u;
  const uint32_t addresses = sum_of_words(packet, 12, 4);
  const bool fragment = (word_at(packet, 6) & 0x3fff) != 0;
  if (fragment || header_bytes < 20 || packet.size() < header_bytes) return addresses;
  const uint8_t protocol = byte_at(packet, 9);
  const Bytes l4 = packet.subspan(header_bytes);
  if (protocol == kIcmp && !quoted && l4.size() >= 8) {
    const uint8_t type = byte_at(l4, 0);
    if (type == 3 || type == 4 || type == 5 || type == 11 || type == 12) {  // RFC 1122 section 3.2.2
      const uint32_t flow = ipv4_flow(l4.subspan(8), true);
      return flow == kNoFlow ? addresses : flow;
    }
  }
  return with_ports(addresses, protocol, l4);
}

uint32_t ipv6_flow(Bytes packet, bool quoted) {
  if (packet.size() < 40) return kNoFlow;
  const uint32_t addresses = sum_of_words(packet, 8, 16);
  const uint8_t protocol = byte_at(packet, 6);
  const Bytes l4 = packet.subspan(40);
  if (protocol == kIcmpv6 && !quoted && l4.size() >= 8) {
    const uint8_t type = byte_at(l4, 0);
    if (type < 128) {  // RFC 4443 section 2.1: an error
      const uint32_t flow = ipv6_flow(l4.subspan(8), true);
      return flow == kNoFlow ? addresses : flow;
    }
    if (type >= 130 && type <= 137) return kNoFlow;  // RFC 4861, RFC 2710: neighbours, listeners
  }
  return with_ports(addresses, protocol, l4);
}

}  // namespace

int software_rss_queue(Bytes frame, unsigned queues) {
  if (frame.size() < 18) return -1;
  uint16_t type = word_at(frame, 12);
  size_t header_bytes = 14;
  if (type == kEtherTypeVlan) {
    type = word_at(frame, 16);
    header_bytes = 18;
  }
  const Bytes packet = frame.subspan(header_bytes);
  const uint32_t flow = type == kEtherTypeIpv4   ? ipv4_flow(packet, false)
                        : type == kEtherTypeIpv6 ? ipv6_flow(packet, false)
                                                 : kNoFlow;
  if (flow == kNoFlow) return -1;
  return static_cast<int>(symmetric_hash(static_cast<uint16_t>(flow)) % queues);
}

unsigned software_rss_queue(const IpAddress& source, const IpAddress& destination, uint16_t source_port,
                            uint16_t destination_port, unsigned queues) {
  // What both mapped IPv4 addresses begin with cancels out.
  const uint32_t addresses = sum_of_words(std::as_bytes(std::span(source.bytes)), 0, 8) ^
                             sum_of_words(std::as_bytes(std::span(destination.bytes)), 0, 8);
  return symmetric_hash(static_cast<uint16_t>(addresses ^ source_port ^ destination_port)) % queues;
}

}  // namespace sluice::ethdev
