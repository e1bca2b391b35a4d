// SPDX-License-Identifier: Apache-2.0
// A ring between two cores: one thread puts, one takes, nobody locks (Lamport, 1983). How cores talk where they must.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>

namespace sluice {

// kItems is a power of two. T is copied.
template <typename T, uint32_t kItems>
class Ring {
  static_assert((kItems & (kItems - 1)) == 0);

 public:
  // The one producer's thread. False when the ring is full: the item is not taken, and counted in `refused`.
  bool put(const T& item) {
    const uint32_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_.load(std::memory_order_acquire) == kItems) {
      ++refused;
      return false;
    }
    items_[tail & (kItems - 1)] = item;
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }
  // The one consumer's thread. False when the ring is empty.
  bool take(T& item) {
    const uint32_t head = head_.load(std::memory_order_relaxed);
    if (head == tail_.load(std::memory_order_acquire)) return false;
    item = items_[head & (kItems - 1)];
    head_.store(head + 1, std::memory_order_release);
    return true;
  }
  // The consumer's thread.
  bool empty() const {
    return head_.load(std::memory_order_relaxed) == tail_.load(std::memory_order_acquire);
  }

  uint64_t refused = 0;  // the producer's

 private:
  alignas(64) std::atomic<uint32_t> head_{0};
  alignas(64) std::atomic<uint32_t> tail_{0};
  std::array<T, kItems> items_{};
};

}  // namespace sluice
