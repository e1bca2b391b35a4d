// SPDX-License-Identifier: Apache-2.0
// Objects of one type for one core, by number: grown by chunks up to a limit, recycled without touching the allocator,
// at stable addresses. A number with its generation is a handle that tells when its object has been recycled.
#pragma once
#include <cstdint>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "drivers/assert.hh"

namespace sluice {

// T must be constructible anew at each allocate(). Not thread-safe.
template <typename T, uint32_t kChunkObjects = 256>
class Slab {
 public:
  explicit Slab(uint32_t limit_objects) : limit_(limit_objects) {}
  Slab(const Slab&) = delete;
  ~Slab() {
    for (uint32_t i = 0; i < size_; ++i)
      if (cell(i).live) object(cell(i))->~T();
  }

  // A new object and its number, or nullptr at the limit (counted).
  template <typename... Arguments>
  T* allocate(uint32_t& number, Arguments&&... arguments) {
    if (free_ != kNone) {
      number = free_;
      free_ = cell(number).next_free;
    } else if (size_ < limit_) {
      if (size_ % kChunkObjects == 0) chunks_.push_back(std::make_unique<Cell[]>(kChunkObjects));
      number = size_++;
    } else {
      ++refused;
      return nullptr;
    }
    Cell& at = cell(number);
    at.live = true;
    ++live_;
    return new (at.storage) T(std::forward<Arguments>(arguments)...);
  }
  void release(uint32_t number) {
    Cell& at = cell(number);
    SLUICE_ASSERT(at.live);
    object(at)->~T();
    at.live = false;
    ++at.generation;
    at.next_free = free_;
    free_ = number;
    --live_;
  }
  T& operator[](uint32_t number) {
    SLUICE_ASSERT(number < size_ && cell(number).live);
    return *object(cell(number));
  }
  // The object, or nullptr when the number was released since `generation` was read.
  T* find(uint32_t number, uint32_t generation) {
    if (number >= size_) return nullptr;
    Cell& at = cell(number);
    return at.live && at.generation == generation ? object(at) : nullptr;
  }
  uint32_t generation(uint32_t number) const {
    return chunks_[number / kChunkObjects][number % kChunkObjects].generation;
  }
  bool live(uint32_t number) const {
    return number < size_ && chunks_[number / kChunkObjects][number % kChunkObjects].live;
  }
  uint32_t live_count() const { return live_; }
  uint32_t limit() const { return limit_; }
  uint32_t end() const { return size_; }  // numbers are below this

  uint64_t refused = 0;  // allocations beyond the limit

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  struct Cell {
    alignas(T) std::byte storage[sizeof(T)];
    uint32_t generation = 1;
    uint32_t next_free = kNone;
    bool live = false;
  };
  static T* object(Cell& at) { return std::launder(reinterpret_cast<T*>(at.storage)); }
  Cell& cell(uint32_t number) { return chunks_[number / kChunkObjects][number % kChunkObjects]; }
  std::vector<std::unique_ptr<Cell[]>> chunks_;
  uint32_t size_ = 0, free_ = kNone, live_ = 0, limit_;
};

}  // namespace sluice
