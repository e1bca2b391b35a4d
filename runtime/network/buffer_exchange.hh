// SPDX-License-Identifier: Apache-2.0
// Buffers that change cores: a ring from each core to each other one, and the waking of whoever sleeps at its end.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/core/ring.hh"
#include "drivers/buffer.hh"
#include "drivers/waiter.hh"

namespace sluice::runtime {

// Made before any core, destroyed after the last one (and before the pools of what still lies in it).
class BufferExchange {
 public:
  // Chains on the way from one core to another; beyond it put() refuses.
  static constexpr uint32_t kBuffersLimit = 1024;

  // `waiters`: of the cores, in their order; borrowed.
  explicit BufferExchange(std::vector<Waiter*> waiters);
  ~BufferExchange();
  BufferExchange(const BufferExchange&) = delete;
  unsigned cores() const { return static_cast<unsigned>(waiters_.size()); }

  // Core `from`: takes the chain, or refuses it (counted) when the other core is that far behind. Call wake() after a burst.
  bool put(unsigned from, unsigned to, Buffer* chain) { return channel(from, to).put(chain); }
  void wake(unsigned core) { waiters_[core]->wake(); }
  // Core `to`: up to `limit` chains from the others, each in turn from the next core on. The pool of the core adopts them.
  unsigned take(unsigned to, Buffer** chains, unsigned limit, BufferPool& pool);
  bool empty(unsigned to) const;

  // Whether somebody takes at that end: a core says so when it comes and when it goes. For users who must not wait in vain;
  // put() does not look at it.
  bool is_attended(unsigned core) const { return attended_[core].load(std::memory_order_acquire); }
  void set_attended(unsigned core, bool attended) {
    attended_[core].store(attended, std::memory_order_release);
  }

  // Chains that found a ring full.
  uint64_t refused(unsigned from) const;

 private:
  using Channel = Ring<Buffer*, kBuffersLimit>;
  Channel& channel(unsigned from, unsigned to) const { return *channels_[from * cores() + to]; }
  const std::vector<Waiter*> waiters_;
  std::vector<std::unique_ptr<Channel>> channels_;  // none from a core to itself
  std::unique_ptr<std::atomic<bool>[]> attended_;
};

}  // namespace sluice::runtime
