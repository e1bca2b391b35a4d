// SPDX-License-Identifier: Apache-2.0
// The IPv4 header (RFC 791; ECN: RFC 3168).
#pragma once
#include <cstdint>
#include <optional>
#include <span>

#include "dataplane/wire/bytes.hh"
#include "dataplane/wire/checksum.hh"

namespace sluice::wire {

inline constexpr uint32_t kIpv4HeaderBytes = 20;  // without options
inline constexpr uint32_t kIpv4HeaderLimitBytes = 60;
inline constexpr uint32_t kIpv4PacketLimitBytes = 65535;

enum Ipv4Fragment : uint16_t {
  kIpv4DontFragment = 0x4000,
  kIpv4MoreFragments = 0x2000,
  kIpv4OffsetMask = 0x1fff,  // in units of 8 bytes
};

// An IPv4 header in place. Borrows the bytes.
class Ipv4View {
 public:
  // nullopt unless `bytes` begins with a whole IPv4 header, options included, whose total length holds at least that
  // header. Whether the frame is as long as the total length says is the caller's to look at, as is the checksum.
  static std::optional<Ipv4View> parse(std::span<const std::byte> bytes) {
    if (bytes.size() < kIpv4HeaderBytes) return std::nullopt;
    const Ipv4View view(bytes.data());
    const uint8_t first = load_8(bytes.data());
    if (first != 0x45 && (first >> 4 != 4 || (first & 15) < 5 || view.header_bytes() > bytes.size()))
      return std::nullopt;
    if (view.total_bytes() < view.header_bytes()) return std::nullopt;
    return view;
  }

  uint32_t header_bytes() const { return (uint32_t{load_8(at_)} & 15) * 4; }
  uint8_t traffic_class() const { return load_8(at_ + 1); }
  uint16_t total_bytes() const { return load_16(at_ + 2); }
  uint16_t identification() const { return load_16(at_ + 4); }
  uint16_t fragment_word() const { return load_16(at_ + 6); }
  bool dont_fragment() const { return (fragment_word() & kIpv4DontFragment) != 0; }
  bool more_fragments() const { return (fragment_word() & kIpv4MoreFragments) != 0; }
  uint32_t fragment_offset_bytes() const { return (uint32_t{fragment_word()} & kIpv4OffsetMask) * 8; }
  bool is_fragment() const { return (fragment_word() & (kIpv4MoreFragments | kIpv4OffsetMask)) != 0; }
  uint8_t hop_limit() const { return load_8(at_ + 8); }
  uint8_t protocol() const { return load_8(at_ + 9); }
  uint16_t checksum() const { return load_16(at_ + 10); }
  uint32_t source() const { return load_32(at_ + 12); }
  uint32_t destination() const { return load_32(at_ + 16); }
  std::span<const std::byte> options() const {
    return {at_ + kIpv4HeaderBytes, header_bytes() - kIpv4HeaderBytes};
  }
  bool checksum_is_right() const { return checksum_finish(checksum_add(0, at_, header_bytes())) == 0; }

 private:
  explicit Ipv4View(const std::byte* at) : at_(at) {}
  const std::byte* at_;
};

struct Ipv4Fields {
  uint8_t traffic_class = 0;
  uint16_t total_bytes = 0;
  uint16_t identification = 0;
  uint16_t fragment_word = 0;  // flags and offset
  uint8_t hop_limit = 64;
  uint8_t protocol = 0;
  uint32_t source = 0, destination = 0;  // host order
};

// Writes a header without options at `at`, the checksum field 0.
inline void emit_ipv4(std::byte* at, const Ipv4Fields& fields) {
  store_16(at, static_cast<uint16_t>(0x4500 | fields.traffic_class));
  store_16(at + 2, fields.total_bytes);
  store_16(at + 4, fields.identification);
  store_16(at + 6, fields.fragment_word);
  store_16(at + 8, static_cast<uint16_t>(fields.hop_limit << 8 | fields.protocol));
  store_16(at + 10, 0);
  store_32(at + 12, fields.source);
  store_32(at + 16, fields.destination);
}
// Fills in the checksum of a header without options whose checksum field is 0. From the fields, not from the bytes:
// loads that straddle the stores just made would stall.
inline void set_ipv4_checksum(std::byte* at, const Ipv4Fields& fields) {
  uint32_t sum = 0x4500u + fields.traffic_class + fields.total_bytes + fields.identification +
                 fields.fragment_word + (uint32_t{fields.hop_limit} << 8) + fields.protocol +
                 (fields.source >> 16) + (fields.source & 0xffff) + (fields.destination >> 16) +
                 (fields.destination & 0xffff);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  store_16(at + 10, static_cast<uint16_t>(~sum));
}

}  // namespace sluice::wire
