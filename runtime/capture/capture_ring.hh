// SPDX-License-Identifier: Apache-2.0
// Copies of frames on their way from one data core to the thread that writes them: a ring of bytes, one producer, one
// consumer, no lock. When it is full the frame is not captured; traffic never waits for the file.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>

#include "drivers/buffer.hh"

namespace sluice::runtime {

struct CapturedFrame {
  uint64_t time_ns = 0;         // since 1970
  uint32_t original_bytes = 0;  // of the frame
  uint32_t bytes = 0;           // of those, kept
  uint8_t interface_index = 0;
  bool outgoing = false;
};

class CaptureRing {
 public:
  static constexpr uint64_t kBytes = 16 << 20;

  // The data core. Copies at most `about.bytes` of the chain; false when there is no room.
  bool put(const CapturedFrame& about, const Buffer* chain) {
    const uint64_t tail = tail_.load(std::memory_order_relaxed);
    const uint64_t need = sizeof about + about.bytes;
    if (kBytes - (tail - head_.load(std::memory_order_acquire)) < need) return false;
    copy_in(tail, &about, sizeof about);
    uint64_t at = tail + sizeof about;
    uint32_t left = about.bytes;
    for (; chain && left > 0; chain = chain->next_segment) {
      const uint32_t part = std::min(left, chain->length);
      copy_in(at, chain->data, part);
      at += part;
      left -= part;
    }
    tail_.store(tail + need, std::memory_order_release);
    return true;
  }

  // The writer. The next frame's description; false when there is none. Then take_bytes() must follow.
  bool take(CapturedFrame& about) {
    const uint64_t head = head_.load(std::memory_order_relaxed);
    if (head == tail_.load(std::memory_order_acquire)) return false;
    copy_out(head, &about, sizeof about);
    return true;
  }
  // Its bytes, `about.bytes` of them.
  void take_bytes(const CapturedFrame& about, std::byte* into) {
    const uint64_t head = head_.load(std::memory_order_relaxed);
    copy_out(head + sizeof about, into, about.bytes);
    head_.store(head + sizeof about + about.bytes, std::memory_order_release);
  }

 private:
  void copy_in(uint64_t at, const void* from, uint64_t count) {
    if (count == 0) return;
    const uint64_t offset = at % kBytes, first = std::min(count, kBytes - offset);
    std::memcpy(memory_.get() + offset, from, first);
    std::memcpy(memory_.get(), static_cast<const std::byte*>(from) + first, count - first);
  }
  void copy_out(uint64_t at, void* into, uint64_t count) {
    if (count == 0) return;
    const uint64_t offset = at % kBytes, first = std::min(count, kBytes - offset);
    std::memcpy(into, memory_.get() + offset, first);
    std::memcpy(static_cast<std::byte*>(into) + first, memory_.get(), count - first);
  }
  std::unique_ptr<std::byte[]> memory_ = std::make_unique_for_overwrite<std::byte[]>(kBytes);
  alignas(64) std::atomic<uint64_t> head_{0};
  alignas(64) std::atomic<uint64_t> tail_{0};
};

}  // namespace sluice::runtime
