// SPDX-License-Identifier: Apache-2.0
// Pacing: segments leave at a rate instead of in bursts. The timer wheel ticks about every millisecond, so what is due
// within a tick leaves together.
#pragma once
#include <algorithm>
#include <cstdint>

#include "dataplane/core/timer.hh"

namespace sluice::tcp {

class Pacing {
 public:
  static constexpr uint64_t kQuantumUs = (TimerWheel::kTickNs + 999) / 1000;

  // Bytes a second; 0: no limit.
  void set_rate(uint64_t bytes_per_second) { rate_ = bytes_per_second; }
  uint64_t rate() const { return rate_; }
  // Whether a segment may leave now. Not before the time that earlier ones have used up, but for the quantum.
  bool may_send(uint64_t now_us) const { return rate_ == 0 || next_us_ <= now_us + kQuantumUs; }
  // When the next one may leave.
  uint64_t next_us() const { return next_us_ - std::min(next_us_, kQuantumUs); }
  void on_sent(uint32_t bytes, uint64_t now_us) {
    if (rate_ == 0) return;
    // Time that was not used is lost, so that a silence does not end in a burst.
    next_us_ = std::max(next_us_, now_us) + uint64_t{bytes} * 1'000'000 / rate_;
  }

 private:
  uint64_t rate_ = 0;
  uint64_t next_us_ = 0;
};

}  // namespace sluice::tcp
