// SPDX-License-Identifier: Apache-2.0
#include "dataplane/http/head_store.hh"

#include <bit>
#include <cstdlib>
#include <cstring>

#include "drivers/assert.hh"

namespace sluice::http {

HeadStore::~HeadStore() {
  for (HeadBlock* block : free_) {
    while (block) {
      HeadBlock* next = block->next;
      std::free(block);
      block = next;
    }
  }
}

unsigned HeadStore::class_of(uint32_t bytes) {
  const unsigned shift =
      bytes <= (1u << kSmallestShift) ? kSmallestShift : static_cast<unsigned>(std::bit_width(bytes - 1));
  return shift - kSmallestShift;
}

HeadBlock* HeadStore::allocate(uint32_t bytes) {
  const unsigned index = class_of(bytes);
  const uint32_t capacity = 1u << (kSmallestShift + index);
  if (index >= kClasses || bytes_in_use_ + capacity > kLimitBytes) {
    ++refused;
    return nullptr;
  }
  HeadBlock* block = free_[index];
  if (block) {
    free_[index] = block->next;
    --free_count_[index];
  } else {
    block = static_cast<HeadBlock*>(std::malloc(sizeof(HeadBlock) + capacity));
    SLUICE_ASSERT(block != nullptr);
    block->capacity = capacity;
  }
  block->next = nullptr;
  block->size = 0;
  bytes_in_use_ += capacity;
  ++outstanding_;
  return block;
}

HeadBlock* HeadStore::grow(HeadBlock* block, uint32_t bytes) {
  if (bytes <= block->capacity) return block;
  HeadBlock* larger = allocate(bytes);
  if (!larger) return nullptr;
  std::memcpy(larger->bytes(), block->bytes(), block->size);
  larger->size = block->size;
  release(block);
  return larger;
}

HeadBlock* HeadStore::append(HeadBlock* block, std::string_view bytes) {
  const uint32_t before = block ? block->size : 0;
  const uint32_t total = before + static_cast<uint32_t>(bytes.size());
  HeadBlock* const at = block ? grow(block, total) : allocate(total);
  if (!at) return nullptr;
  std::memcpy(at->bytes() + before, bytes.data(), bytes.size());
  at->size = total;
  return at;
}

void HeadStore::release(HeadBlock* block) {
  if (!block) return;
  const unsigned index = class_of(block->capacity);
  bytes_in_use_ -= block->capacity;
  --outstanding_;
  if (free_count_[index] >= kKeptPerClass) {
    std::free(block);
    return;
  }
  block->next = free_[index];
  free_[index] = block;
  ++free_count_[index];
}

}  // namespace sluice::http
