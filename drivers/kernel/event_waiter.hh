// SPDX-License-Identifier: Apache-2.0
// Sleeping over epoll, for a core that has no kernel sockets (the bypass transport alone).
#pragma once
#include <atomic>

#include "drivers/waiter.hh"

namespace sluice::kernel {

class EventWaiter final : public Waiter {
 public:
  EventWaiter();
  ~EventWaiter() override;
  EventWaiter(const EventWaiter&) = delete;

  void wait(uint64_t timeout_ns) override;
  void wake() override;
  void watch(int fd) override;
  void unwatch(int fd) override;

 private:
  int epoll_ = -1, event_ = -1;
  std::atomic<bool> woken_{false};  // the eventfd was written and not yet read
};

}  // namespace sluice::kernel
