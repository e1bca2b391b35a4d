// SPDX-License-Identifier: Apache-2.0
// The host's time. clock_gettime through the vDSO reads the cycle counter and costs some 20 ns without
// entering the kernel; as a turn of the reactor reads it once, a calibrated counter of our own would save
// nothing and could drift.
#pragma once
#include "drivers/clock.hh"

namespace sluice::kernel {

// Any thread.
class HostClock final : public Clock {
 public:
  uint64_t monotonic_ns() override;
  uint64_t realtime_ns() override;
};

}  // namespace sluice::kernel
