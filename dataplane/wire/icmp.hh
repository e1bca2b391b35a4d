// SPDX-License-Identifier: Apache-2.0
// ICMP for IPv4 (RFC 792, RFC 1122 section 3.2.2, RFC 1191).
#pragma once
#include <cstdint>
#include <optional>
#include <span>

#include "dataplane/wire/bytes.hh"

namespace sluice::wire {

inline constexpr uint32_t kIcmpHeaderBytes = 8;

enum IcmpType : uint8_t {
  kIcmpEchoReply = 0,
  kIcmpUnreachable = 3,
  kIcmpSourceQuench = 4,
  kIcmpRedirect = 5,
  kIcmpEchoRequest = 8,
  kIcmpTimeExceeded = 11,
  kIcmpParameterProblem = 12,
};
enum IcmpUnreachableCode : uint8_t {
  kIcmpNetUnreachable = 0,
  kIcmpHostUnreachable = 1,
  kIcmpProtocolUnreachable = 2,
  kIcmpPortUnreachable = 3,
  kIcmpFragmentationNeeded = 4,
};
enum IcmpTimeExceededCode : uint8_t { kIcmpHopLimitExceeded = 0, kIcmpReassemblyTimeExceeded = 1 };

// Whether a message of this type is about another packet: then it quotes it, and nobody answers with an error.
inline bool icmp_type_is_error(uint8_t type) {
  return type == kIcmpUnreachable || type == kIcmpSourceQuench || type == kIcmpRedirect ||
         type == kIcmpTimeExceeded || type == kIcmpParameterProblem;
}

// An ICMP header in place. Borrows the bytes.
class IcmpView {
 public:
  static std::optional<IcmpView> parse(std::span<const std::byte> bytes) {
    if (bytes.size() < kIcmpHeaderBytes) return std::nullopt;
    return IcmpView(bytes.data());
  }
  uint8_t type() const { return load_8(at_); }
  uint8_t code() const { return load_8(at_ + 1); }
  uint16_t checksum() const { return load_16(at_ + 2); }
  // The second word: of echoes the identifier and sequence number, of "fragmentation needed" the MTU in its low half.
  uint32_t rest() const { return load_32(at_ + 4); }
  uint16_t identifier() const { return load_16(at_ + 4); }
  uint16_t sequence() const { return load_16(at_ + 6); }
  uint16_t next_hop_mtu() const { return load_16(at_ + 6); }

 private:
  explicit IcmpView(const std::byte* at) : at_(at) {}
  const std::byte* at_;
};

// Writes kIcmpHeaderBytes at `at`, the checksum field 0.
inline void emit_icmp(std::byte* at, uint8_t type, uint8_t code, uint32_t rest) {
  store_8(at, type);
  store_8(at + 1, code);
  store_16(at + 2, 0);
  store_32(at + 4, rest);
}
inline void set_icmp_checksum(std::byte* icmp, uint16_t checksum) { store_16(icmp + 2, checksum); }

}  // namespace sluice::wire
