// SPDX-License-Identifier: Apache-2.0
// Operations on chains of Buffers.
#include "dataplane/core/chain.hh"

#include <algorithm>

namespace sluice {

void trim_chain_to(Buffer* chain, uint32_t keep_bytes) {
  while (keep_bytes > chain->length) {
    keep_bytes -= chain->length;
    chain = chain->next_segment;
    SLUICE_ASSERT(chain != nullptr);
  }
  chain->length = keep_bytes;
  release(chain->next_segment);
  chain->next_segment = nullptr;
}

Buffer* trim_chain_front(Buffer* chain, uint32_t count) {
  while (count >= chain->length && chain->next_segment != nullptr) {
    count -= chain->length;
    Buffer* rest = chain->next_segment;
    chain->next_segment = nullptr;
    release(chain);
    chain = rest;
  }
  chain->trim_front(count);
  return chain;
}

bool pull_up(Buffer* chain, uint32_t count) {
  if (chain->length >= count) return true;
  if (chain->references > 1 || chain->tailroom() < count - chain->length) return false;
  while (chain->length < count) {
    Buffer* next = chain->next_segment;
    SLUICE_ASSERT(next != nullptr);
    if (next->references > 1) return false;
    const uint32_t part = std::min(count - chain->length, next->length);
    chain->append(next->data, part);
    next->trim_front(part);
    if (next->length == 0) {
      chain->next_segment = next->next_segment;
      next->next_segment = nullptr;
      release(next);
    }
  }
  return true;
}

namespace {
// Appends `length` bytes of `chain` from `offset` on to the tailroom of `to`.
void append_range(Buffer& to, const Buffer* chain, uint32_t offset, uint32_t length) {
  while (offset >= chain->length && length > 0) {
    offset -= chain->length;
    chain = chain->next_segment;
    SLUICE_ASSERT(chain != nullptr);
  }
  while (length > 0) {
    const uint32_t part = std::min(length, chain->length - offset);
    to.append(chain->data + offset, part);
    length -= part;
    offset = 0;
    chain = chain->next_segment;
    SLUICE_ASSERT(chain != nullptr || length == 0);
  }
}
}  // namespace

Buffer* copy_flat(BufferPool& pool, const Buffer* chain, uint32_t offset, uint32_t length) {
  if (pool.storage_bytes() < kTransmitHeadroomBytes + length) return nullptr;
  Buffer* copy = pool.allocate();
  if (copy != nullptr) append_range(*copy, chain, offset, length);
  return copy;
}

Buffer* copy_chain(BufferPool& pool, const Buffer* chain) {
  Buffer *head = nullptr, *tail = nullptr;
  const uint32_t total = chain->chain_length();
  uint32_t offset = 0;
  do {
    const uint32_t part = std::min(total - offset, pool.storage_bytes() - kTransmitHeadroomBytes);
    Buffer* piece = copy_flat(pool, chain, offset, part);
    if (piece == nullptr) {
      release(head);
      return nullptr;
    }
    (tail ? tail->next_segment : head) = piece;
    tail = piece;
    offset += part;
  } while (offset < total);
  return head;
}

}  // namespace sluice
