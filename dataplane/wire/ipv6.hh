// SPDX-License-Identifier: Apache-2.0
// The fixed IPv6 header (RFC 8200 section 3) and the fragment header (section 4.5). Extension headers are walked in
// dataplane/ip/ipv6_extensions.hh.
#pragma once
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "dataplane/wire/bytes.hh"
#include "drivers/address.hh"

namespace sluice::wire {

inline constexpr uint32_t kIpv6HeaderBytes = 40;
inline constexpr uint32_t kIpv6PayloadLimitBytes = 65535;
inline constexpr uint32_t kIpv6MinimumMtuBytes = 1280;  // RFC 8200 section 5: every link carries as much
inline constexpr uint32_t kFragmentHeaderBytes = 8;

// Values of "next header" that are no protocols above IP.
enum Ipv6NextHeader : uint8_t {
  kNextHopByHop = 0,
  kNextRouting = 43,
  kNextFragment = 44,
  kNextIcmpv6 = 58,
  kNextNone = 59,
  kNextDestinationOptions = 60,
};

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

struct FragmentFields {
  uint8_t next_header = 0;
  uint16_t offset_bytes = 0;  // a multiple of 8
  bool more = false;
  uint32_t identification = 0;
};

inline std::optional<FragmentFields> parse_fragment(std::span<const std::byte> bytes) {
  if (bytes.size() < kFragmentHeaderBytes) return std::nullopt;
  const uint16_t word = load_16(bytes.data() + 2);
  return FragmentFields{.next_header = load_8(bytes.data()),
                        .offset_bytes = static_cast<uint16_t>(word & 0xfff8),
                        .more = (word & 1) != 0,
                        .identification = load_32(bytes.data() + 4)};
}

// Writes kFragmentHeaderBytes at `at`.
inline void emit_fragment(std::byte* at, const FragmentFields& fields) {
  store_8(at, fields.next_header);
  store_8(at + 1, 0);
  store_16(at + 2, static_cast<uint16_t>(fields.offset_bytes | (fields.more ? 1 : 0)));
  store_32(at + 4, fields.identification);
}

}  // namespace sluice::wire
