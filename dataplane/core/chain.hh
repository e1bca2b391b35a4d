// SPDX-License-Identifier: Apache-2.0
// What is done to whole chains of Buffers: cut, copy, bring together. Off the fast path, where packets are one segment.
#pragma once
#include <cstdint>

#include "drivers/buffer.hh"

namespace sluice {

// Cuts the chain's end so that `keep_bytes` (<= its length) are left. Segments that become empty are released, the
// first excepted.
void trim_chain_to(Buffer* chain, uint32_t keep_bytes);

// Takes `count` bytes (<= its length) off the front; segments that become empty are released, the last excepted. Takes
// the chain and returns its new head.
Buffer* trim_chain_front(Buffer* chain, uint32_t count);

// Makes the first `count` bytes (<= the chain's length) lie in the first segment, by moving bytes into its tailroom.
// False when it has not the room or is shared; the chain is then as it was.
bool pull_up(Buffer* chain, uint32_t count);

// A copy of `length` bytes from `offset` on in one Buffer, with kTransmitHeadroomBytes in front. nullptr when the pool
// is exhausted or its Buffers are too small.
Buffer* copy_flat(BufferPool& pool, const Buffer* chain, uint32_t offset, uint32_t length);

// A copy of the chain in as many Buffers as it takes, each with kTransmitHeadroomBytes in front. nullptr when the pool is
// exhausted.
Buffer* copy_chain(BufferPool& pool, const Buffer* chain);

}  // namespace sluice
