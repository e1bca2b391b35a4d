// SPDX-License-Identifier: Apache-2.0
// The ICMPv6 header (RFC 4443) and the fixed part of neighbour discovery messages (RFC 4861 section 4).
#pragma once
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "dataplane/wire/bytes.hh"
#include "drivers/address.hh"

namespace sluice::wire {

inline constexpr uint32_t kIcmpv6HeaderBytes = 8;

enum Icmpv6Type : uint8_t {
  kIcmpv6Unreachable = 1,
  kIcmpv6PacketTooBig = 2,
  kIcmpv6TimeExceeded = 3,
  kIcmpv6ParameterProblem = 4,
  kIcmpv6EchoRequest = 128,
  kIcmpv6EchoReply = 129,
  kIcmpv6MulticastListenerQuery = 130,
  kIcmpv6RouterSolicitation = 133,
  kIcmpv6RouterAdvertisement = 134,
  kIcmpv6NeighbourSolicitation = 135,
  kIcmpv6NeighbourAdvertisement = 136,
  kIcmpv6Redirect = 137,
  kIcmpv6MulticastListenerReport2 = 143,
};

// Codes of kIcmpv6Unreachable, kIcmpv6TimeExceeded and kIcmpv6ParameterProblem (RFC 4443 section 3) that we send.
inline constexpr uint8_t kIcmpv6PortUnreachable = 4, kIcmpv6ReassemblyTimeExceeded = 1,
                         kIcmpv6ErroneousField = 0, kIcmpv6UnrecognizedNextHeader = 1,
                         kIcmpv6UnrecognizedOption = 2;

// Options of neighbour discovery messages (RFC 4861 section 4.6).
enum NeighbourOption : uint8_t {
  kOptionSourceLinkAddress = 1,
  kOptionTargetLinkAddress = 2,
  kOptionPrefixInformation = 3,
  kOptionMtu = 5,
};
// Flags of a neighbour advertisement, in its `rest`.
inline constexpr uint32_t kAdvertisedRouter = 1u << 31, kAdvertisedSolicited = 1u << 30,
                          kAdvertisedOverride = 1u << 29;

// RFC 4443 section 2.1: the high bit of the type tells.
inline bool icmpv6_type_is_error(uint8_t type) { return type < 128; }

// An ICMPv6 header in place. Borrows the bytes. The checksum covers the pseudo-header of RFC 8200 section 8.1.
class Icmpv6View {
 public:
  static std::optional<Icmpv6View> parse(std::span<const std::byte> bytes) {
    if (bytes.size() < kIcmpv6HeaderBytes) return std::nullopt;
    return Icmpv6View(bytes);
  }
  uint8_t type() const { return load_8(bytes_.data()); }
  uint8_t code() const { return load_8(bytes_.data() + 1); }
  uint16_t checksum() const { return load_16(bytes_.data() + 2); }
  uint32_t rest() const { return load_32(bytes_.data() + 4); }
  // Of a neighbour solicitation or advertisement; nullopt when it is cut short.
  std::optional<IpAddress> target() const {
    if (bytes_.size() < kIcmpv6HeaderBytes + 16) return std::nullopt;
    IpAddress address;
    std::memcpy(address.bytes.data(), bytes_.data() + kIcmpv6HeaderBytes, 16);
    return address;
  }

 private:
  explicit Icmpv6View(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::span<const std::byte> bytes_;
};

// Writes kIcmpv6HeaderBytes at `at`, the checksum field 0.
inline void emit_icmpv6(std::byte* at, uint8_t type, uint8_t code, uint32_t rest) {
  store_8(at, type);
  store_8(at + 1, code);
  store_16(at + 2, 0);
  store_32(at + 4, rest);
}

}  // namespace sluice::wire
