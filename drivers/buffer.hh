// SPDX-License-Identifier: Apache-2.0
// The unit of bytes that travels through the house: a received frame, a segment waiting for its acknowledgement, a piece
// of a response body. On a DPDK port its storage is an mbuf and this header lies in the mbuf's private area; on the kernel
// transport and in tests it comes from a heap pool. Same header, same rules, so that nothing above has to know.
//
// Ownership: a Buffer has a count of references, all held by one core (no atomics). A function that "takes" a Buffer
// takes one reference. Buffers form two kinds of lists: `next_segment` links the pieces of one packet or one message
// (a chain, owned through its head); `next` is a free hook for whichever queue currently owns the head.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "drivers/assert.hh"

namespace sluice {

class BufferPool;

// Room kept before the data of a Buffer that is to be sent: Ethernet with VLAN (18) + IPv6 (40) + TCP with options (60),
// rounded up to a cache line.
inline constexpr uint32_t kTransmitHeadroomBytes = 128;

struct alignas(64) Buffer {
  // What the port knows of a received packet, or is asked to do for one that is sent.
  enum Flag : uint16_t {
    kReceiveIpChecksumGood = 1 << 0,
    kReceiveIpChecksumBad = 1 << 1,
    kReceiveL4ChecksumGood = 1 << 2,
    kReceiveL4ChecksumBad = 1 << 3,
    kTransmitIpChecksum = 1 << 4,   // the port is to fill in the IPv4 header checksum (field is 0)
    kTransmitTcpChecksum = 1 << 5,  // the port is to fill in; the field holds the pseudo-header sum
    kTransmitUdpChecksum = 1 << 6,
    kTransmitTso = 1 << 7,  // cut into tso_segment_bytes pieces of TCP payload
    kExternal = 1 << 8,     // `data` points into memory that `release_external` gives back
    kRssHashValid = 1 << 9,
  };

  std::byte* data = nullptr;  // first valid byte of this segment
  uint32_t length = 0;        // valid bytes of this segment
  uint16_t references = 0;
  uint16_t flags = 0;
  Buffer* next_segment = nullptr;
  Buffer* next = nullptr;
  std::byte* storage = nullptr;  // own storage, [storage, storage + capacity)
  uint32_t capacity = 0;         // bytes
  uint32_t rss_hash = 0;         // valid with kRssHashValid
  BufferPool* pool = nullptr;
  // Transmit offload request, valid with the kTransmit* flags.
  uint8_t l2_bytes = 0, l4_bytes = 0;
  uint16_t l3_bytes = 0;
  uint16_t tso_segment_bytes = 0;
  uint16_t user = 0;  // free for whoever owns the Buffer

  // The external memory of a kExternal Buffer: called once, when the last reference goes.
  void (*release_external)(void* context) = nullptr;
  void* external_context = nullptr;

  uint32_t headroom() const { return flags & kExternal ? 0 : static_cast<uint32_t>(data - storage); }
  uint32_t tailroom() const {
    return flags & kExternal ? 0 : static_cast<uint32_t>(storage + capacity - data) - length;
  }
  std::byte* end() const { return data + length; }
  std::span<std::byte> bytes() const { return {data, length}; }
  std::string_view text() const { return {reinterpret_cast<const char*>(data), length}; }

  // Extends the segment at its front by `count` bytes (<= headroom()) and returns the new front.
  std::byte* prepend(uint32_t count) {
    SLUICE_ASSERT(count <= headroom());
    data -= count;
    length += count;
    return data;
  }
  // Extends the segment at its end by `count` bytes (<= tailroom()) and returns where they begin.
  std::byte* append(uint32_t count) {
    SLUICE_ASSERT(count <= tailroom());
    std::byte* at = end();
    length += count;
    return at;
  }
  // `source` may be nullptr when `count` is 0.
  void append(const void* source, uint32_t count) {
    std::byte* at = append(count);
    if (count != 0) std::memcpy(at, source, count);
  }
  void trim_front(uint32_t count) {
    SLUICE_ASSERT(count <= length);
    data += count;
    length -= count;
  }
  void trim_back(uint32_t count) {
    SLUICE_ASSERT(count <= length);
    length -= count;
  }
  // Bytes in this segment and those chained behind it.
  uint32_t chain_length() const {
    uint32_t total = 0;
    for (const Buffer* segment = this; segment; segment = segment->next_segment) total += segment->length;
    return total;
  }
  Buffer* retain() {
    ++references;
    return this;
  }
};
static_assert(sizeof(Buffer) == 128);

// A supply of Buffers for one core. Not thread-safe: a Buffer is released on the core that allocated it, or adopted it.
class BufferPool {
 public:
  virtual ~BufferPool() = default;

  // A Buffer with one reference, empty, `headroom_bytes` before its data, or nullptr when the pool is at its limit
  // (counted in `exhausted`; the caller drops or applies back-pressure).
  Buffer* allocate(uint32_t headroom_bytes = kTransmitHeadroomBytes) {
    Buffer* buffer = take();
    if (__builtin_expect(buffer == nullptr, 0)) {
      ++exhausted;
      return nullptr;
    }
    buffer->data = buffer->storage + headroom_bytes;
    buffer->length = 0;
    buffer->references = 1;
    buffer->flags = 0;
    buffer->next_segment = nullptr;
    buffer->next = nullptr;
    return buffer;
  }

  // A Buffer that refers to `length` bytes of somebody else's memory, which must stay as it is until `release(context)`
  // is called (on this core). nullptr when the pool is at its limit (then `release` is NOT called).
  Buffer* allocate_external(const void* memory, uint32_t length, void (*release)(void*), void* context) {
    Buffer* buffer = allocate(0);
    if (buffer == nullptr) return nullptr;
    buffer->data = const_cast<std::byte*>(static_cast<const std::byte*>(memory));
    buffer->length = length;
    buffer->flags = Buffer::kExternal;
    buffer->release_external = release;
    buffer->external_context = context;
    return buffer;
  }

  // Another core has handed `chain` over, which came from a pool like this one of the same port: from now on it is released
  // through this pool, on this pool's core. Heap pools do not change hands between threads; to them this means nothing.
  virtual void adopt(Buffer* chain) { (void)chain; }

  // Bytes of storage of each Buffer, headroom included.
  uint32_t storage_bytes() const { return storage_bytes_; }
  // Whether each Buffer lies behind an mbuf, so that a DPDK port can send it as it is.
  bool has_mbufs() const { return has_mbufs_; }

  uint64_t exhausted = 0;  // allocations refused

 protected:
  friend void release(Buffer* chain);
  // Next free Buffer with `storage`, `capacity` and `pool` set, or nullptr.
  virtual Buffer* take() = 0;
  // Takes back a Buffer whose last reference went.
  virtual void give_back(Buffer* buffer) = 0;
  uint32_t storage_bytes_ = 0;
  bool has_mbufs_ = false;
};

// Drops one reference of every segment of the chain; those that nobody else holds go back to their pools.
inline void release(Buffer* chain) {
  while (chain) {
    Buffer* next = chain->next_segment;
    SLUICE_ASSERT(chain->references > 0);
    if (--chain->references == 0) {
      if (chain->flags & Buffer::kExternal && chain->release_external) {
        chain->release_external(chain->external_context);
        chain->release_external = nullptr;
      }
      chain->pool->give_back(chain);
    }
    chain = next;
  }
}

// Owns one reference of a chain.
class BufferRef {
 public:
  BufferRef() = default;
  explicit BufferRef(Buffer* taken) : buffer_(taken) {}
  BufferRef(BufferRef&& other) noexcept : buffer_(other.buffer_) { other.buffer_ = nullptr; }
  BufferRef& operator=(BufferRef&& other) noexcept {
    if (this != &other) {
      release(buffer_);
      buffer_ = other.buffer_;
      other.buffer_ = nullptr;
    }
    return *this;
  }
  ~BufferRef() { release(buffer_); }
  Buffer* get() const { return buffer_; }
  Buffer* operator->() const { return buffer_; }
  explicit operator bool() const { return buffer_ != nullptr; }
  // Hands the reference over to the caller.
  Buffer* take() {
    Buffer* taken = buffer_;
    buffer_ = nullptr;
    return taken;
  }

 private:
  Buffer* buffer_ = nullptr;
};

// First-in first-out list of chains through `Buffer::next`. Owns one reference of each.
class BufferQueue {
 public:
  BufferQueue() = default;
  BufferQueue(const BufferQueue&) = delete;
  BufferQueue& operator=(const BufferQueue&) = delete;
  ~BufferQueue() { clear(); }
  bool empty() const { return head_ == nullptr; }
  Buffer* front() const { return head_; }
  Buffer* back() const { return tail_; }
  void push(Buffer* taken) {
    taken->next = nullptr;
    (tail_ ? tail_->next : head_) = taken;
    tail_ = taken;
  }
  Buffer* pop() {
    Buffer* buffer = head_;
    if (buffer) {
      head_ = buffer->next;
      if (!head_) tail_ = nullptr;
      buffer->next = nullptr;
    }
    return buffer;
  }
  void clear() {
    while (Buffer* buffer = pop()) release(buffer);
  }

 private:
  Buffer* head_ = nullptr;
  Buffer* tail_ = nullptr;
};

// A pool of ordinary memory: for the kernel transport, the simulator and tests. Grows by slabs up to `limit_buffers`.
class HeapBufferPool final : public BufferPool {
 public:
  HeapBufferPool(uint32_t storage_bytes, uint32_t limit_buffers);
  ~HeapBufferPool() override;
  HeapBufferPool(const HeapBufferPool&) = delete;
  uint32_t outstanding() const { return outstanding_; }  // Buffers that somebody holds; 0 when nothing leaks

 protected:
  Buffer* take() override;
  void give_back(Buffer* buffer) override;

 private:
  void grow();
  static constexpr uint32_t kSlabBuffers = 64;
  Buffer* free_ = nullptr;
  void* slabs_ = nullptr;  // singly linked
  uint32_t total_ = 0, outstanding_ = 0, limit_buffers_;
};

}  // namespace sluice
