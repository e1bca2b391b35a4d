// SPDX-License-Identifier: Apache-2.0
// Cutting received Buffers into the pieces of a message body. Whole Buffers are handed on as they are; a part of a Buffer
// that somebody else needs too (its head is still read, or another message follows) becomes a view that keeps it alive,
// or a copy when it is small, since a Buffer of 2 KB for each of many tiny pieces would be memory given away.
#pragma once
#include <cstdint>
#include <cstring>

#include "drivers/buffer.hh"

namespace sluice::http {

// Pieces up to this long are copied rather than referred to.
inline constexpr uint32_t kCopyPieceBytes = 256;

// Moves the bytes of a small `piece` to the end of `tail` when they fit there. The caller then releases `piece`.
inline bool absorb(Buffer& tail, const Buffer& piece) {
  if (piece.length > kCopyPieceBytes || tail.references != 1 || tail.tailroom() < piece.length) return false;
  tail.append(piece.data, piece.length);
  return true;
}

// A Buffer with the first `count` bytes of `whole`, from `pool`: `tail` when they were appended to it, else a new one with
// one reference, or nullptr when the pool is at its limit.
inline Buffer* slice(Buffer& whole, uint32_t count, Buffer* tail, BufferPool& pool) {
  if (count <= kCopyPieceBytes) {
    if (tail && tail->references == 1 && tail->tailroom() >= count) {
      tail->append(whole.data, count);
      return tail;
    }
    Buffer* copy = pool.allocate();
    if (!copy) return nullptr;
    if (copy->tailroom() >= count) {
      copy->append(whole.data, count);
      return copy;
    }
    release(copy);
  }
  Buffer* view = pool.allocate_external(
      whole.data, count, [](void* context) { release(static_cast<Buffer*>(context)); }, &whole);
  if (view) whole.retain();
  return view;
}

}  // namespace sluice::http
