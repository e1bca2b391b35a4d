// SPDX-License-Identifier: Apache-2.0
// The Ethernet II header, with one VLAN tag seen when there is one (IEEE 802.3, 802.1Q).
#pragma once
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "dataplane/wire/bytes.hh"
#include "drivers/port.hh"

namespace sluice::wire {

inline constexpr uint32_t kEthernetHeaderBytes = 14, kVlanTagBytes = 4;
inline constexpr MacAddress kBroadcastMac{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

enum EtherType : uint16_t {
  kEtherTypeIpv4 = 0x0800,
  kEtherTypeArp = 0x0806,
  kEtherTypeVlan = 0x8100,
  kEtherTypeIpv6 = 0x86dd,
};

inline MacAddress load_mac(const std::byte* at) {
  MacAddress mac;
  std::memcpy(mac.bytes.data(), at, 6);
  return mac;
}
inline void store_mac(std::byte* at, const MacAddress& mac) { std::memcpy(at, mac.bytes.data(), 6); }
// Multicast or broadcast: not a station's own address.
inline bool is_group(const MacAddress& mac) { return (mac.bytes[0] & 1) != 0; }

// An Ethernet header in place. Borrows the bytes.
class EthernetView {
 public:
  static std::optional<EthernetView> parse(std::span<const std::byte> frame) {
    if (frame.size() < kEthernetHeaderBytes) return std::nullopt;
    const EthernetView view(frame.data());
    if (view.tagged() && frame.size() < kEthernetHeaderBytes + kVlanTagBytes) return std::nullopt;
    return view;
  }

  MacAddress destination() const { return load_mac(at_); }
  MacAddress source() const { return load_mac(at_ + 6); }
  bool tagged() const { return load_16(at_ + 12) == kEtherTypeVlan; }
  // 12 bits; 0 also for a frame without a tag, which is what a tag of 0 means (priority only).
  uint16_t vlan() const { return tagged() ? load_16(at_ + 14) & 0x0fff : 0; }
  // Of what the frame carries, behind the tag.
  uint16_t ether_type() const { return load_16(at_ + (tagged() ? 16 : 12)); }
  uint32_t header_bytes() const { return kEthernetHeaderBytes + (tagged() ? kVlanTagBytes : 0); }

 private:
  explicit EthernetView(const std::byte* at) : at_(at) {}
  const std::byte* at_;
};

// Writes the 14 bytes at `at`.
inline void emit_ethernet(std::byte* at, const MacAddress& destination, const MacAddress& source,
                          uint16_t ether_type) {
  store_mac(at, destination);
  store_mac(at + 6, source);
  store_16(at + 12, ether_type);
}

}  // namespace sluice::wire
