// SPDX-License-Identifier: Apache-2.0
// Where a head is put together that did not arrive in one piece: blocks of memory in powers of two, recycled. The received
// Buffers are given back at once, so that a client which sends a head byte by byte holds a small block and not a Buffer a
// byte.
#pragma once
#include <cstdint>
#include <string_view>

namespace sluice::http {

struct HeadBlock {
  HeadBlock* next;
  uint32_t capacity;  // bytes
  uint32_t size;      // bytes in use
  char* bytes() { return reinterpret_cast<char*>(this + 1); }
  std::string_view text() { return {bytes(), size}; }
};

class HeadStore {
 public:
  // Memory of all blocks in use together; beyond it allocation is refused (counted) and the connection is closed.
  static constexpr uint64_t kLimitBytes = uint64_t{1} << 30;

  HeadStore() = default;
  HeadStore(const HeadStore&) = delete;
  ~HeadStore();

  // An empty block for at least `bytes` (up to 1 MiB), or nullptr.
  HeadBlock* allocate(uint32_t bytes);
  // Makes room for `bytes` in all; the block may move. nullptr: refused, and the block is as it was.
  HeadBlock* grow(HeadBlock* block, uint32_t bytes);
  // `block` (or a new one when it is nullptr) with `bytes` behind what it has; the block may move. nullptr: refused, and the
  // block is as it was.
  HeadBlock* append(HeadBlock* block, std::string_view bytes);
  void release(HeadBlock* block);
  uint32_t outstanding() const { return outstanding_; }

  uint64_t refused = 0;

 private:
  static constexpr unsigned kSmallestShift = 9, kClasses = 12;
  // Free blocks kept of each size; further ones go back to the allocator.
  static constexpr uint32_t kKeptPerClass = 256;
  static unsigned class_of(uint32_t bytes);

  HeadBlock* free_[kClasses] = {};
  uint32_t free_count_[kClasses] = {};
  uint64_t bytes_in_use_ = 0;
  uint32_t outstanding_ = 0;
};

}  // namespace sluice::http
