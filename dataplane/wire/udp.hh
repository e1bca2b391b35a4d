// SPDX-License-Identifier: Apache-2.0
// The UDP header (RFC 768).
#pragma once
#include <cstdint>
#include <optional>
#include <span>

#include "dataplane/wire/bytes.hh"

namespace sluice::wire {

inline constexpr uint32_t kUdpHeaderBytes = 8;

// A UDP header in place. Borrows the bytes.
class UdpView {
 public:
  // nullopt unless a whole header is there whose length counts at least itself. Whether the datagram is all there is the
  // caller's to look at.
  static std::optional<UdpView> parse(std::span<const std::byte> bytes) {
    if (bytes.size() < kUdpHeaderBytes) return std::nullopt;
    const UdpView view(bytes.data());
    if (view.total_bytes() < kUdpHeaderBytes) return std::nullopt;
    return view;
  }
  uint16_t source_port() const { return load_16(at_); }
  uint16_t destination_port() const { return load_16(at_ + 2); }
  uint16_t total_bytes() const { return load_16(at_ + 4); }  // header and payload
  uint16_t checksum() const { return load_16(at_ + 6); }     // 0: the sender made none

 private:
  explicit UdpView(const std::byte* at) : at_(at) {}
  const std::byte* at_;
};

// Writes kUdpHeaderBytes at `at`, the checksum field 0.
inline void emit_udp(std::byte* at, uint16_t source_port, uint16_t destination_port, uint16_t total_bytes) {
  store_16(at, source_port);
  store_16(at + 2, destination_port);
  store_16(at + 4, total_bytes);
  store_16(at + 6, 0);
}
// A computed checksum of 0 is sent as all ones, because 0 says that there is none.
inline void set_udp_checksum(std::byte* udp, uint16_t checksum) {
  store_16(udp + 6, checksum == 0 ? 0xffff : checksum);
}

}  // namespace sluice::wire
