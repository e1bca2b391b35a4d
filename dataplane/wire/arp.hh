// SPDX-License-Identifier: Apache-2.0
// ARP for IPv4 over Ethernet (RFC 826).
#pragma once
#include <cstdint>
#include <optional>
#include <span>

#include "dataplane/wire/bytes.hh"
#include "dataplane/wire/ethernet.hh"

namespace sluice::wire {

inline constexpr uint32_t kArpBytes = 28;

enum ArpOperation : uint16_t { kArpRequest = 1, kArpReply = 2 };

struct ArpFields {
  uint16_t operation = 0;
  MacAddress sender_mac, target_mac;
  uint32_t sender_ip = 0, target_ip = 0;  // host order
  bool operator==(const ArpFields&) const = default;
};

// nullopt unless it is ARP for IPv4 over Ethernet. What follows the 28 bytes is padding. The operation is not judged.
inline std::optional<ArpFields> parse_arp(std::span<const std::byte> bytes) {
  if (bytes.size() < kArpBytes) return std::nullopt;
  const std::byte* at = bytes.data();
  if (load_16(at) != 1 || load_16(at + 2) != kEtherTypeIpv4 || load_16(at + 4) != 0x0604) return std::nullopt;
  return ArpFields{.operation = load_16(at + 6),
                   .sender_mac = load_mac(at + 8),
                   .target_mac = load_mac(at + 18),
                   .sender_ip = load_32(at + 14),
                   .target_ip = load_32(at + 24)};
}

// Writes kArpBytes at `at`.
inline void emit_arp(std::byte* at, const ArpFields& fields) {
  store_16(at, 1);
  store_16(at + 2, kEtherTypeIpv4);
  store_16(at + 4, 0x0604);
  store_16(at + 6, fields.operation);
  store_mac(at + 8, fields.sender_mac);
  store_32(at + 14, fields.sender_ip);
  store_mac(at + 18, fields.target_mac);
  store_32(at + 24, fields.target_ip);
}

}  // namespace sluice::wire
