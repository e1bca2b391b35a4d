// SPDX-License-Identifier: Apache-2.0
// What the first core's DHCP clients have learnt, for the other cores of the same ports: the newest state of each port, which
// a core takes over when it sees that there is a newer one.
#pragma once
#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

#include "dataplane/core/reactor.hh"
#include "dataplane/ip/stack.hh"

namespace sluice::runtime {

// What one port has learnt; ready for the stack.
struct Learnt {
  ip::LearntIpv4 ipv4;
  std::vector<ip::LearntIpv6> ipv6;
};

// Made before the cores, outlives them.
class LearntBoard {
 public:
  LearntBoard(size_t ports, std::vector<Waiter*> waiters) : ports_(ports), waiters_(std::move(waiters)) {}
  // The first core. `change` alters what stands there for a port.
  template <typename Change>
  void publish(size_t port, Change change) {
    {
      std::lock_guard lock(mutex_);
      change(ports_[port]);
    }
    version_.fetch_add(1, std::memory_order_release);
    for (size_t i = 1; i < waiters_.size(); ++i) waiters_[i]->wake();
  }
  // The first core: whether all that addresses are asked for have got one.
  void set_complete(bool complete) {
    complete_.store(complete, std::memory_order_release);
    for (size_t i = 1; i < waiters_.size(); ++i) waiters_[i]->wake();
  }
  bool complete() const { return complete_.load(std::memory_order_acquire); }
  // Any core. Moves on with each publish().
  uint64_t version() const { return version_.load(std::memory_order_acquire); }
  Learnt read(size_t port) {
    std::lock_guard lock(mutex_);
    return ports_[port];
  }

 private:
  std::mutex mutex_;
  std::vector<Learnt> ports_;
  std::atomic<uint64_t> version_{0};
  std::atomic<bool> complete_{false};
  const std::vector<Waiter*> waiters_;
};

}  // namespace sluice::runtime
