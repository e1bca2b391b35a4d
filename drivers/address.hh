// SPDX-License-Identifier: Apache-2.0
// Internet addresses as values, both families in one type. Text forms: RFC 4632 dotted quad, RFC 5952 for IPv6.
#pragma once
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace sluice {

// An IPv4 or IPv6 address. IPv4 is held in its mapped form, ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2), so that tables need
// one key type; the all-zero value means "any".
struct IpAddress {
  std::array<uint8_t, 16> bytes{};

  static constexpr IpAddress v4(uint32_t host_order) {
    IpAddress address;
    address.bytes[10] = address.bytes[11] = 0xff;
    for (int i = 0; i < 4; ++i) address.bytes[12 + i] = static_cast<uint8_t>(host_order >> (24 - 8 * i));
    return address;
  }
  bool is_v4() const {
    static constexpr uint8_t kPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return std::memcmp(bytes.data(), kPrefix, 12) == 0;
  }
  uint32_t v4() const {  // host order; only for is_v4()
    return uint32_t{bytes[12]} << 24 | uint32_t{bytes[13]} << 16 | uint32_t{bytes[14]} << 8 | bytes[15];
  }
  // :: or 0.0.0.0.
  bool is_any() const {
    for (int i = 0; i < 10; ++i)
      if (bytes[i]) return false;
    const bool mapped = bytes[10] == 0xff && bytes[11] == 0xff;
    if (!mapped && (bytes[10] || bytes[11])) return false;
    return !(bytes[12] | bytes[13] | bytes[14] | bytes[15]);
  }
  // Whether packets to `other` are for who is bound to this address: the address itself, 0.0.0.0 for all of IPv4, :: for all
  // of IPv6 and, unless `ipv6_only`, of IPv4 as well (RFC 3493 section 5.3).
  bool takes(const IpAddress& other, bool ipv6_only = false) const {
    if (*this == other) return true;
    if (!is_any()) return false;
    return is_v4() ? other.is_v4() : !(ipv6_only && other.is_v4());
  }
  bool operator==(const IpAddress&) const = default;

  // "192.0.2.1" or "2001:db8::1"; nullopt when the text is not exactly one address.
  static std::optional<IpAddress> parse(std::string_view text);
  std::string to_string() const;
};

struct Endpoint {
  IpAddress address;
  uint16_t port = 0;  // host order
  bool operator==(const Endpoint&) const = default;
  // "192.0.2.1:80" or "[2001:db8::1]:80"
  std::string to_string() const;
};

}  // namespace sluice
