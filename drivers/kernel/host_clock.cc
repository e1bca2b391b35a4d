// SPDX-License-Identifier: Apache-2.0
// HostClock: CLOCK_MONOTONIC and CLOCK_REALTIME.
#include "drivers/kernel/host_clock.hh"

#include <ctime>

namespace sluice::kernel {

static uint64_t read(clockid_t clock) {
  timespec at;
  clock_gettime(clock, &at);
  return static_cast<uint64_t>(at.tv_sec) * kNanosecondsPerSecond + static_cast<uint64_t>(at.tv_nsec);
}

uint64_t HostClock::monotonic_ns() { return read(CLOCK_MONOTONIC); }
uint64_t HostClock::realtime_ns() { return read(CLOCK_REALTIME); }

}  // namespace sluice::kernel
