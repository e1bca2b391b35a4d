// SPDX-License-Identifier: Apache-2.0
// Time as the data plane sees it: passed in, so that the same code runs on a NIC and in a simulation with virtual time.
#pragma once
#include <cstdint>

namespace sluice {

inline constexpr uint64_t kNanosecondsPerMillisecond = 1'000'000;
inline constexpr uint64_t kNanosecondsPerSecond = 1'000'000'000;

// A source of monotonic time. Implementations: the host's clock (drivers/kernel/host_clock.hh), virtual time
// (tests/simulation). One reader thread each, unless the implementation says otherwise.
class Clock {
 public:
  virtual ~Clock() = default;
  // Nanoseconds since an arbitrary start; never goes back.
  virtual uint64_t monotonic_ns() = 0;
  // Nanoseconds since 1970-01-01T00:00:00Z, for what people read (the Date header, logs).
  virtual uint64_t realtime_ns() = 0;
};

}  // namespace sluice
