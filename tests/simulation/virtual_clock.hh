// SPDX-License-Identifier: Apache-2.0
// Time that only moves when a test says so.
#pragma once
#include "drivers/assert.hh"
#include "drivers/clock.hh"

namespace sluice::simulation {

class VirtualClock final : public Clock {
 public:
  // A start other than 0 finds code that takes 0 for "never"; 2024-01-01T00:00:00Z for the people's time.
  static constexpr uint64_t kStartNs = 1'000 * kNanosecondsPerSecond;
  static constexpr uint64_t kStartRealtimeNs = 1'704'067'200 * kNanosecondsPerSecond;

  uint64_t monotonic_ns() override { return now_ns_; }
  uint64_t realtime_ns() override { return now_ns_ - kStartNs + kStartRealtimeNs; }
  uint64_t now_ns() const { return now_ns_; }
  void advance_to(uint64_t at_ns) {
    SLUICE_ASSERT(at_ns >= now_ns_);
    now_ns_ = at_ns;
  }
  void advance_by(uint64_t duration_ns) { now_ns_ += duration_ns; }

 private:
  uint64_t now_ns_ = kStartNs;
};

}  // namespace sluice::simulation
