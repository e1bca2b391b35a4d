// SPDX-License-Identifier: Apache-2.0
// How a reactor with nothing to do sleeps, and how another thread wakes it.
#pragma once
#include <cstdint>

namespace sluice {

class Waiter {
 public:
  virtual ~Waiter() = default;
  // Sleeps until a watched descriptor is readable, wake() is called, or `timeout_ns` has passed. Own thread only.
  virtual void wait(uint64_t timeout_ns) = 0;
  // Ends the current or the next wait(). Any thread; async-signal-safe.
  virtual void wake() = 0;
  // From now on a readable `fd` ends wait(). Own thread only.
  virtual void watch(int fd) = 0;
  virtual void unwatch(int fd) = 0;
};

}  // namespace sluice
