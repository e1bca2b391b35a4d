// SPDX-License-Identifier: Apache-2.0
// A token bucket: how often something that a stranger can provoke may be done (RFC 1812 section 4.3.2.8).
#pragma once
#include <cstdint>

#include "drivers/clock.hh"

namespace sluice::ip {

class RateLimit {
 public:
  RateLimit(uint32_t per_second, uint32_t burst)
      : interval_ns_(kNanosecondsPerSecond / per_second), burst_ns_(interval_ns_ * burst) {}
  // True when it may be done now, which then counts.
  bool take(uint64_t now_ns) {
    // `spent_until_ns_` runs ahead of the time by an interval per use, at most by the burst.
    const uint64_t from_ns = spent_until_ns_ > now_ns ? spent_until_ns_ : now_ns;
    if (from_ns + interval_ns_ > now_ns + burst_ns_) return false;
    spent_until_ns_ = from_ns + interval_ns_;
    return true;
  }

 private:
  const uint64_t interval_ns_, burst_ns_;
  uint64_t spent_until_ns_ = 0;
};

}  // namespace sluice::ip
