// SPDX-License-Identifier: Apache-2.0
// Buffers from a DPDK mempool: what one queue of a port receives into and sends from.
#pragma once
#include <memory>
#include <string>

#include "drivers/buffer.hh"

struct rte_mbuf;
struct rte_mempool;

namespace sluice::ethdev {

// One thread, except for creation and destruction. Buffers that a driver holds (in a transmit ring) come back by
// themselves: driver and pool share the mbuf's own count of references.
class MbufPool final : public BufferPool {
 public:
  // `limit_buffers` packets of `storage_bytes` each, headroom included. nullptr, with the reason in `error`, when DPDK's
  // memory does not suffice.
  static std::unique_ptr<MbufPool> create(const std::string& name, uint32_t limit_buffers,
                                          uint32_t storage_bytes, std::string& error);
  ~MbufPool() override;
  MbufPool(const MbufPool&) = delete;

  rte_mempool* mempool() const { return mempool_; }
  // Buffers that are neither free nor in this pool's own cache: held by the stack, a driver or a per-core cache of DPDK.
  uint32_t outstanding() const;
  uint32_t limit_buffers() const { return limit_buffers_; }
  // Gives all cached Buffers back to their mempools.
  void flush();
  // A mempool takes its mbufs back from any core: each core that gives some back has a cache of its own there, or goes to
  // the mempool's ring of several producers.
  void adopt(Buffer* chain) override {
    for (; chain; chain = chain->next_segment) chain->pool = this;
  }

 protected:
  Buffer* take() override {
    if (__builtin_expect(cached_ == 0, 0) && !refill()) return nullptr;
    return cache_[--cached_];
  }
  void give_back(Buffer* buffer) override;

 private:
  MbufPool() { has_mbufs_ = true; }
  bool refill();
  void spill();
  void give_back_slowly(Buffer* buffer);

  // Enough for the segments of a burst in both directions; a refill and a spill move half of it at a time.
  static constexpr uint32_t kCacheBuffers = 512, kMoveBuffers = 128;

  rte_mempool* mempool_ = nullptr;
  uint32_t limit_buffers_ = 0;
  uint32_t cached_ = 0;
  Buffer* cache_[kCacheBuffers];

  // Buffers of other pools (of a peer at a ring wire, of another core) on their way home, given back in bulk.
  static constexpr uint32_t kForeignBuffers = 32;
  void flush_foreign();
  uint32_t foreign_count_ = 0;
  void* foreign_[kForeignBuffers];
};

}  // namespace sluice::ethdev
