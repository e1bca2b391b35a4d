// SPDX-License-Identifier: Apache-2.0
// What an IPv6 address says of itself (RFC 4291): scope, prefix, and the groups that belong to it.
#pragma once
#include <bit>
#include <cstdint>

#include "drivers/address.hh"
#include "drivers/port.hh"

namespace sluice::ip {

// ff02::<last>, of link scope.
constexpr IpAddress link_group(uint8_t last) {
  IpAddress address;
  address.bytes[0] = 0xff;
  address.bytes[1] = 0x02;
  address.bytes[15] = last;
  return address;
}
inline constexpr IpAddress kAllNodes = link_group(1), kAllRouters = link_group(2),
                           kAllMldRouters = link_group(0x16);

inline bool is_multicast(const IpAddress& address) { return address.bytes[0] == 0xff; }
// fe80::/10
inline bool is_link_local(const IpAddress& address) {
  return address.bytes[0] == 0xfe && (address.bytes[1] & 0xc0) == 0x80;
}
// ::1
inline bool is_loopback(const IpAddress& address) {
  for (int i = 0; i < 15; ++i)
    if (address.bytes[i]) return false;
  return address.bytes[15] == 1;
}
// All 16 bytes zero; 0.0.0.0, which is_any() too holds for any, is not.
inline bool is_unspecified(const IpAddress& address) { return address == IpAddress{}; }

inline uint64_t address_half(const IpAddress& address, int half) {
  uint64_t word;
  std::memcpy(&word, address.bytes.data() + 8 * half, 8);
  return word;
}

// How many leading bits `a` and `b` share, 0 to 128.
inline unsigned common_prefix_bits(const IpAddress& a, const IpAddress& b) {
  for (unsigned i = 0; i < 16; ++i)
    if (const uint8_t differ = a.bytes[i] ^ b.bytes[i])
      return 8 * i + static_cast<unsigned>(std::countl_zero(differ));
  return 128;
}
inline bool in_prefix(const IpAddress& address, const IpAddress& prefix, uint8_t prefix_bits) {
  return common_prefix_bits(address, prefix) >= prefix_bits;
}
// `address` with all bits behind the prefix cleared.
inline IpAddress masked(const IpAddress& address, uint8_t prefix_bits) {
  IpAddress result;
  const unsigned whole = prefix_bits / 8;
  for (unsigned i = 0; i < whole; ++i) result.bytes[i] = address.bytes[i];
  if (prefix_bits % 8)
    result.bytes[whole] = address.bytes[whole] & static_cast<uint8_t>(0xff00 >> prefix_bits % 8);
  return result;
}

// The solicited-node group, ff02::1:ffXX:XXXX (RFC 4291 section 2.7.1).
inline IpAddress solicited_node(const IpAddress& address) {
  IpAddress group = link_group(0);
  group.bytes[11] = 1;
  group.bytes[12] = 0xff;
  for (int i = 13; i < 16; ++i) group.bytes[i] = address.bytes[i];
  return group;
}
// The Ethernet group of an IPv6 group: 33:33 and its last four bytes (RFC 2464 section 7).
inline MacAddress multicast_mac(const IpAddress& group) {
  return {{0x33, 0x33, group.bytes[12], group.bytes[13], group.bytes[14], group.bytes[15]}};
}

}  // namespace sluice::ip
