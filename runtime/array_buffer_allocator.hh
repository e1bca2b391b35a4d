// SPDX-License-Identifier: Apache-2.0
// Memory of ArrayBuffers, counted, because V8's heap limit does not see it: beyond the limit the script gets a RangeError.
#pragma once
#include <v8.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>

namespace sluice::runtime {

class CountingAllocator final : public v8::ArrayBuffer::Allocator {
 public:
  // `limit_bytes` 0: no limit.
  explicit CountingAllocator(uint64_t limit_bytes) : limit_bytes_(limit_bytes ? limit_bytes : UINT64_MAX) {}
  void* Allocate(size_t length) override {
    return take(length) ? finish(std::calloc(length ? length : 1, 1), length) : nullptr;
  }
  void* AllocateUninitialized(size_t length) override {
    return take(length) ? finish(std::malloc(length ? length : 1), length) : nullptr;
  }
  void Free(void* data, size_t length) override {
    std::free(data);
    bytes_.fetch_sub(length, std::memory_order_relaxed);
  }
  uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  // Buffers are freed by V8's garbage collection threads too, hence atomics; not on the path of a packet.
  bool take(size_t length) {
    if (bytes_.fetch_add(length, std::memory_order_relaxed) + length <= limit_bytes_) return true;
    bytes_.fetch_sub(length, std::memory_order_relaxed);
    refused_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  void* finish(void* data, size_t length) {
    if (!data) bytes_.fetch_sub(length, std::memory_order_relaxed);
    return data;
  }
  const uint64_t limit_bytes_;
  std::atomic<uint64_t> bytes_{0}, refused_{0};
};

}  // namespace sluice::runtime
