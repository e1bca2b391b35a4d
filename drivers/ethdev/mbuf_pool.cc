// SPDX-License-Identifier: Apache-2.0
// The cache over the mempool, and the ways in which a Buffer comes back.
#include "drivers/ethdev/mbuf_pool.hh"

#include <rte_errno.h>
#include <rte_mempool.h>

#include <new>

#include "drivers/ethdev/eal.hh"
#include "drivers/ethdev/mbuf.hh"

namespace sluice::ethdev {

namespace {

void construct_buffer(rte_mempool*, void*, void* object, unsigned) {
  new (buffer_of(static_cast<rte_mbuf*>(object))) Buffer;
}

}  // namespace

std::unique_ptr<MbufPool> MbufPool::create(const std::string& name, uint32_t limit_buffers,
                                           uint32_t storage_bytes, std::string& error) {
  std::unique_ptr<MbufPool> pool(new MbufPool);
  // A mempool's own cache may hold half as much again and must fit in the pool.
  const uint32_t cache = limit_buffers >= 2048 ? 256 : 64;
  pool->mempool_ =
      rte_pktmbuf_pool_create(name.c_str(), limit_buffers, cache, sizeof(Buffer),
                              static_cast<uint16_t>(storage_bytes), static_cast<int>(SOCKET_ID_ANY));
  if (!pool->mempool_) {
    const int code = rte_errno;
    const uint64_t need = uint64_t{limit_buffers} * (storage_bytes + sizeof(Buffer) + sizeof(rte_mbuf) + 64);
    error =
        "packet buffers: no room for " + std::to_string(limit_buffers) + " of " +
        std::to_string(storage_bytes) + " bytes (" + std::to_string((need >> 20) + 1) + " MB, " +
        rte_strerror(code) + "): " +
        (Eal::on_hugepages() ? "give more hugepages (/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages)"
                             : "raise the packet memory") +
        " or lower 'buffers'";
    return nullptr;
  }
  rte_mempool_obj_iter(pool->mempool_, construct_buffer, nullptr);
  pool->storage_bytes_ = storage_bytes;
  pool->limit_buffers_ = limit_buffers;
  return pool;
}

MbufPool::~MbufPool() {
  if (!mempool_) return;
  flush();
  // Another process may still hold some of these Buffers: leaving the memory behind is the lesser evil.
  if (Eal::role() != EalRole::kAlone && outstanding() > 0) return;
  rte_mempool_free(mempool_);
}

uint32_t MbufPool::outstanding() const {
  const uint32_t free = rte_mempool_avail_count(mempool_) + cached_;
  return limit_buffers_ - (free < limit_buffers_ ? free : limit_buffers_);
}

bool MbufPool::refill() {
  void* objects[kMoveBuffers];
  unsigned count = kMoveBuffers;
  // All or nothing per call, so a nearly empty pool is emptied in smaller steps.
  while (rte_mempool_get_bulk(mempool_, objects, count) != 0) {
    if (count == 1) return false;
    count /= 4;
    if (count == 0) count = 1;
  }
  for (unsigned i = 0; i < count; ++i) {
    auto* mbuf = static_cast<rte_mbuf*>(objects[i]);
    Buffer* buffer = buffer_of(mbuf);
    // Set anew each time: the mbuf may have been in another process, or stood for external memory.
    buffer->storage = static_cast<std::byte*>(mbuf->buf_addr);
    buffer->capacity = mbuf->buf_len;
    buffer->pool = this;
    cache_[cached_++] = buffer;
  }
  return true;
}

void MbufPool::spill() {
  void* objects[kMoveBuffers];
  // The oldest go: what was used last is still in the CPU's cache.
  for (unsigned i = 0; i < kMoveBuffers; ++i) objects[i] = mbuf_of(cache_[i]);
  cached_ -= kMoveBuffers;
  std::memmove(cache_, cache_ + kMoveBuffers, cached_ * sizeof cache_[0]);
  rte_mempool_put_bulk(mempool_, objects, kMoveBuffers);
}

void MbufPool::flush() {
  for (uint32_t i = 0; i < cached_; ++i) rte_mempool_put(mempool_, mbuf_of(cache_[i]));
  cached_ = 0;
  flush_foreign();
}

void MbufPool::flush_foreign() {
  if (foreign_count_ == 0) return;
  rte_mempool_put_bulk(static_cast<rte_mbuf*>(foreign_[0])->pool, foreign_, foreign_count_);
  foreign_count_ = 0;
}

void MbufPool::give_back(Buffer* buffer) {
  const rte_mbuf* mbuf = mbuf_of(buffer);
  // One reference, one segment, own storage, own pool: what nearly every Buffer is when it comes back.
  const bool plain =
      mbuf->refcnt == 1 && mbuf->nb_segs == 1 && RTE_MBUF_DIRECT(mbuf) && mbuf->pool == mempool_;
  if (__builtin_expect(!plain, 0)) return give_back_slowly(buffer);
  if (__builtin_expect(cached_ == kCacheBuffers, 0)) spill();
  cache_[cached_++] = buffer;
}

// A driver still holds it (then its release of the mbuf is the last one), it was part of a chain, it stands for external
// memory, or it came from another pool: DPDK's own release knows all these cases.
void MbufPool::give_back_slowly(Buffer* buffer) {
  rte_mbuf* mbuf = mbuf_of(buffer);
  if (rte_mbuf_refcnt_read(mbuf) == 1) {
    mbuf->next = nullptr;
    mbuf->nb_segs = 1;
    if (RTE_MBUF_DIRECT(mbuf) && mbuf->pool != mempool_) {
      if (foreign_count_ && static_cast<rte_mbuf*>(foreign_[0])->pool != mbuf->pool) flush_foreign();
      foreign_[foreign_count_++] = mbuf;
      if (foreign_count_ == kForeignBuffers) flush_foreign();
      return;
    }
  }
  rte_pktmbuf_free_seg(mbuf);
}

}  // namespace sluice::ethdev
