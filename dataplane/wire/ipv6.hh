// SPDX-License-Identifier: Apache-2.0
// The fixed IPv6 header (RFC 8200 section 3). Extension headers are not walked here.
#pragma once
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "dataplane/wire/bytes.hh"
#include "drivers/address.hh"

namespace sluice::wire {

inline constexpr uint32_t kIpv6HeaderBytes = 40;

// An IPv6 header in place. Borrows the bytes.
class Ipv6View {
 public:
  // nullopt unless `bytes` begins with a whole header of version 6. Whether the payload is all there is the caller's to
  // look at.
  static std::optional<Ipv6View> parse(std::span<const std::byte> bytes) {
    if (bytes.size() < kIpv6HeaderBytes || load_8(bytes.data()) >> 4 != 6) return std::nullopt;
    return Ipv6View(bytes.data());
  }

  uint8_t traffic_class() const { return static_cast<uint8_t>(load_16(at_) >> 4); }
  uint32_t flow_label() const { return load_32(at_) & 0xfffff; }
  uint16_t payload_bytes() const { return load_16(at_ + 4); }
  uint8_t next_header() const { return load_8(at_ + 6); }
  uint8_t hop_limit() const { return load_8(at_ + 7); }
  IpAddress source() const { return load_address(at_ + 8); }
  IpAddress destination() const { return load_address(at_ + 24); }

 private:
  explicit Ipv6View(const std::byte* at) : at_(at) {}
  static IpAddress load_address(const std::byte* at) {
    IpAddress address;
    std::memcpy(address.bytes.data(), at, 16);
    return address;
  }
  const std::byte* at_;
};

struct Ipv6Fields {
  uint8_t traffic_class = 0;
  uint32_t flow_label = 0;  // 20 bits
  uint16_t payload_bytes = 0;
  uint8_t next_header = 0;
  uint8_t hop_limit = 64;
  IpAddress source, destination;
};

// Writes kIpv6HeaderBytes at `at`.
inline void emit_ipv6(std::byte* at, const Ipv6Fields& fields) {
  store_32(at, 6u << 28 | uint32_t{fields.traffic_class} << 20 | (fields.flow_label & 0xfffff));
  store_16(at + 4, fields.payload_bytes);
  store_8(at + 6, fields.next_header);
  store_8(at + 7, fields.hop_limit);
  std::memcpy(at + 8, fields.source.bytes.data(), 16);
  std::memcpy(at + 24, fields.destination.bytes.data(), 16);
}

}  // namespace sluice::wire
