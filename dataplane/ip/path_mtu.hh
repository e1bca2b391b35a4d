// SPDX-License-Identifier: Apache-2.0
// Path MTUs that were learnt (RFC 1191), by destination: a small cache, asked when a path is looked up.
#pragma once
#include <array>
#include <cstdint>

#include "drivers/clock.hh"

namespace sluice::ip {

class PathMtuCache {
 public:
  // No smaller value is believed, so that nobody makes us send tiny packets (a host must take 576: RFC 791).
  static constexpr uint32_t kFloorBytes = 576;
  static constexpr uint64_t kLifetimeNs = 600 * kNanosecondsPerSecond;

  // Keeps the smaller of what is known and `mtu_bytes`, for kLifetimeNs from now.
  void learn(uint32_t remote, uint32_t mtu_bytes, uint64_t now_ns) {
    if (mtu_bytes < kFloorBytes) mtu_bytes = kFloorBytes;
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
  // The path MTU to `remote`, at most `limit_bytes`.
  uint32_t find(uint32_t remote, uint32_t limit_bytes, uint64_t now_ns) const {
    if (!used_) return limit_bytes;
    for (const Entry& entry : const_cast<PathMtuCache*>(this)->set_of(remote))
      if (entry.remote == remote && entry.expires_ns > now_ns && entry.mtu_bytes < limit_bytes)
        return entry.mtu_bytes;
    return limit_bytes;
  }

 private:
  static constexpr unsigned kSets = 128, kWays = 4;
  struct Entry {
    uint32_t remote = 0, mtu_bytes = 0;
    uint64_t expires_ns = 0;  // the oldest of a full set gives way
  };
  using Set = std::array<Entry, kWays>;
  Set& set_of(uint32_t remote) { return sets_[(remote * 0x9e3779b1u) >> 25]; }
  static_assert(kSets == 1u << (32 - 25));
  std::array<Set, kSets> sets_{};
  bool used_ = false;
};

}  // namespace sluice::ip
