// SPDX-License-Identifier: Apache-2.0
// Path MTUs that were learnt (RFC 1191, RFC 8201), by destination: a small cache, asked when a path is looked up.
#pragma once
#include <array>
#include <cstdint>

#include "dataplane/ip/ipv6_address.hh"
#include "dataplane/wire/ipv6.hh"
#include "drivers/clock.hh"

namespace sluice::ip {

class PathMtuCache {
 public:
  // No smaller value is believed, so that nobody makes us send tiny packets. An IPv4 host must take 576 (RFC 791), an IPv6
  // link carries 1280 (RFC 8200 section 5).
  static constexpr uint32_t kFloorBytes = 576;
  static uint32_t floor_bytes(const IpAddress& remote) {
    return remote.is_v4() ? kFloorBytes : wire::kIpv6MinimumMtuBytes;
  }
  static constexpr uint64_t kLifetimeNs = 600 * kNanosecondsPerSecond;

  // Keeps the smaller of what is known and `mtu_bytes`, for kLifetimeNs from now.
  void learn(const IpAddress& remote, uint32_t mtu_bytes, uint64_t now_ns) {
    if (mtu_bytes < floor_bytes(remote)) mtu_bytes = floor_bytes(remote);
    Set& set = set_of(remote);
    Entry* chosen = &set[0];
    for (Entry& entry : set) {
      if (entry.remote == remote && entry.expires_ns > now_ns) {
        if (mtu_bytes > entry.mtu_bytes) return;
        chosen = &entry;
        break;
      }
      if (entry.expires_ns < chosen->expires_ns) chosen = &entry;
    }
    *chosen = {remote, mtu_bytes, now_ns + kLifetimeNs};
    used_ = true;
  }
  // A packet of `mtu_bytes` has got there.
  void raise(const IpAddress& remote, uint32_t mtu_bytes) {
    if (!used_) return;
    for (Entry& entry : set_of(remote))
      if (entry.remote == remote && entry.mtu_bytes < mtu_bytes) entry.mtu_bytes = mtu_bytes;
  }
  // The path MTU to `remote`, at most `limit_bytes`.
  uint32_t find(const IpAddress& remote, uint32_t limit_bytes, uint64_t now_ns) const {
    if (!used_) return limit_bytes;
    for (const Entry& entry : const_cast<PathMtuCache*>(this)->set_of(remote))
      if (entry.remote == remote && entry.expires_ns > now_ns && entry.mtu_bytes < limit_bytes)
        return entry.mtu_bytes;
    return limit_bytes;
  }

 private:
  static constexpr unsigned kSets = 128, kWays = 4;
  struct Entry {
    IpAddress remote;
    uint32_t mtu_bytes = 0;
    uint64_t expires_ns = 0;  // the oldest of a full set gives way
  };
  using Set = std::array<Entry, kWays>;
  Set& set_of(const IpAddress& remote) {
    const uint64_t folded = address_half(remote, 0) * 3 + address_half(remote, 1);
    return sets_[(folded * 0x9e3779b97f4a7c15) >> 57];
  }
  static_assert(kSets == 1u << (64 - 57));
  std::array<Set, kSets> sets_{};
  bool used_ = false;
};

}  // namespace sluice::ip
