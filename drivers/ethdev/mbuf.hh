// SPDX-License-Identifier: Apache-2.0
// Buffer and rte_mbuf are two headers of the same packet, one behind the other in memory: the Buffer lies in the mbuf's
// private area. So going from one to the other is an addition. Included by this room's .cc files only: nobody above sees
// DPDK's headers.
#pragma once
#include <rte_mbuf.h>

#include "drivers/buffer.hh"

namespace sluice::ethdev {

static_assert(sizeof(rte_mbuf) == 128 && alignof(Buffer) <= 64);

inline Buffer* buffer_of(rte_mbuf* mbuf) { return reinterpret_cast<Buffer*>(mbuf + 1); }
inline rte_mbuf* mbuf_of(Buffer* buffer) { return reinterpret_cast<rte_mbuf*>(buffer) - 1; }

}  // namespace sluice::ethdev
