// SPDX-License-Identifier: Apache-2.0
// Objects of one type for one core, by number: grown by chunks up to a limit, recycled without touching the allocator,
// at stable addresses. A number with its generation is a handle that tells when its object has been recycled.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

#include "drivers/assert.hh"
#include "drivers/pages.hh"

namespace sluice {

// T must be constructible anew at each allocate(). What is kept beside an object is four bytes, apart from it, so that
// objects whose size is a multiple of a cache line lie on their own lines. Not thread-safe.
// `kLarge`: for millions of objects, in huge pages.
template <typename T, uint32_t kChunkObjects = 256, bool kLarge = false>
class Slab {
 public:
  explicit Slab(uint32_t limit_objects) : limit_(limit_objects) {}
  Slab(const Slab&) = delete;
  ~Slab() {
    for (uint32_t i = 0; i < size_; ++i)
      if (live(i)) object(i)->~T();
  }

  // A new object and its number, or nullptr at the limit (counted).
  template <typename... Arguments>
  T* allocate(uint32_t& number, Arguments&&... arguments) {
    if (free_ != kNone) {
      number = free_;
      std::memcpy(&free_, place(number), sizeof free_);
    } else if (size_ < limit_) {
      if (size_ % kChunkObjects == 0) chunks_.push_back(blocks_.new_chunk());
      number = size_++;
    } else {
      ++refused;
      return nullptr;
    }
    ++state(number);
    ++live_;
    return new (place(number)) T(std::forward<Arguments>(arguments)...);
  }
  void release(uint32_t number) {
    SLUICE_ASSERT(live(number));
    object(number)->~T();
    ++state(number);
    std::memcpy(place(number), &free_, sizeof free_);
    free_ = number;
    --live_;
  }
  T& operator[](uint32_t number) {
    SLUICE_ASSERT(live(number));
    return *object(number);
  }
  // The same for a number that comes out of a table which is known to hold only living ones: looks at nothing but the object.
  T& known(uint32_t number) { return *object(number); }
  // The object, or nullptr when the number was released since `generation` was read.
  T* find(uint32_t number, uint32_t generation) {
    if (!live(number)) return nullptr;
    return state(number) == generation ? object(number) : nullptr;
  }
  // Never 0 for a living object.
  uint32_t generation(uint32_t number) const {
    return chunks_[number / kChunkObjects]->state[number % kChunkObjects];
  }
  bool live(uint32_t number) const { return number < size_ && (generation(number) & 1); }
  uint32_t live_count() const { return live_; }
  uint32_t limit() const { return limit_; }
  uint32_t end() const { return size_; }  // numbers are below this
  // Whether allocate() would take a number that was never used.
  bool would_grow() const { return free_ == kNone; }
  size_t memory_bytes() const { return chunks_.size() * sizeof(Chunk); }

  uint64_t refused = 0;  // allocations beyond the limit

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  struct Chunk {
    static_assert(sizeof(T) >= sizeof(uint32_t), "a free place holds the number of the next one");
    alignas(T) std::byte places[kChunkObjects][sizeof(T)];
    uint32_t state[kChunkObjects];  // counts allocations and releases: odd while the object lives
  };
  std::byte* place(uint32_t number) {
    return chunks_[number / kChunkObjects]->places[number % kChunkObjects];
  }
  T* object(uint32_t number) { return std::launder(reinterpret_cast<T*>(place(number))); }
  uint32_t& state(uint32_t number) { return chunks_[number / kChunkObjects]->state[number % kChunkObjects]; }
  // Chunks, whose `state` is zero.
  class Heap {
   public:
    Chunk* new_chunk() {
      Chunk* chunk = chunks_.emplace_back(new Chunk).get();
      std::memset(chunk->state, 0, sizeof chunk->state);
      return chunk;
    }

   private:
    std::vector<std::unique_ptr<Chunk>> chunks_;
  };
  // Blocks of them, each as large as all before, up to a limit.
  class Blocks {
   public:
    Chunk* new_chunk() {
      if (left_ == 0) {
        left_ = std::clamp<size_t>(made_, 1, std::max<size_t>(kBlockLimitBytes / sizeof(Chunk), 1));
        pages_.emplace_back(left_ * sizeof(Chunk));
        next_ = reinterpret_cast<Chunk*>(pages_.back().data());
      }
      --left_;
      ++made_;
      return next_++;
    }

   private:
    static constexpr size_t kBlockLimitBytes = size_t{32} << 20;
    std::vector<Pages> pages_;
    Chunk* next_ = nullptr;
    size_t left_ = 0, made_ = 0;
  };
  std::conditional_t<kLarge, Blocks, Heap> blocks_;
  std::vector<Chunk*> chunks_;
  uint32_t size_ = 0, free_ = kNone, live_ = 0, limit_;
};

}  // namespace sluice
