// SPDX-License-Identifier: Apache-2.0
// HeapBufferPool: slabs of Buffers with their storage behind them.
#include "drivers/buffer.hh"

#include <new>

namespace sluice {

namespace {
struct alignas(64) Slab {
  Slab* next;
};
}  // namespace

HeapBufferPool::HeapBufferPool(uint32_t storage_bytes, uint32_t limit_buffers)
    : limit_buffers_(limit_buffers) {
  storage_bytes_ = (storage_bytes + 63) & ~63u;
}

HeapBufferPool::~HeapBufferPool() {
  for (auto* slab = static_cast<Slab*>(slabs_); slab;) {
    Slab* next = slab->next;
    ::operator delete(slab, std::align_val_t(64));
    slab = next;
  }
}

void HeapBufferPool::grow() {
  const uint32_t count = limit_buffers_ - total_ < kSlabBuffers ? limit_buffers_ - total_ : kSlabBuffers;
  if (count == 0) return;
  const size_t each = sizeof(Buffer) + storage_bytes_;
  auto* memory = static_cast<std::byte*>(::operator new(sizeof(Slab) + each * count, std::align_val_t(64)));
  auto* slab = new (memory) Slab{static_cast<Slab*>(slabs_)};
  slabs_ = slab;
  std::byte* at = memory + sizeof(Slab);
  for (uint32_t i = 0; i < count; ++i, at += each) {
    auto* buffer = new (at) Buffer;
    buffer->storage = at + sizeof(Buffer);
    buffer->capacity = storage_bytes_;
    buffer->pool = this;
    buffer->next = free_;
    free_ = buffer;
  }
  total_ += count;
}

Buffer* HeapBufferPool::take() {
  if (!free_) grow();
  Buffer* buffer = free_;
  if (buffer) {
    free_ = buffer->next;
    ++outstanding_;
  }
  return buffer;
}

void HeapBufferPool::give_back(Buffer* buffer) {
  buffer->next = free_;
  free_ = buffer;
  --outstanding_;
}

}  // namespace sluice
