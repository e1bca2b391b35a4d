// SPDX-License-Identifier: Apache-2.0
// Segments that arrived before their turn, and what to tell the peer about them (RFC 2018 section 4, RFC
// 2883). Made when a hole appears, gone when it is filled.
#pragma once
#include <array>
#include <cstdint>

#include "dataplane/tcp/range_set.hh"
#include "dataplane/tcp/sequence.hh"
#include "dataplane/wire/tcp.hh"
#include "drivers/buffer.hh"

namespace sluice::tcp {

class Reassembly {
 public:
  explicit Reassembly(uint32_t own_number) : number(own_number) {}
  ~Reassembly() { queue_clear(); }
  Reassembly(const Reassembly&) = delete;

  enum class Outcome : uint8_t { kQueued, kDuplicate, kNoRoom };
  // Takes a chain of `length` bytes whose first byte is `sequence`. Bytes that are there already are kept as
  // they are.
  Outcome insert(Sequence sequence, uint32_t length, Buffer* chain, uint32_t buffer_limit);
  // Takes out what continues at `next`: a chain and its length, or nullptr. Bytes before `next` are dropped.
  Buffer* take(Sequence next, uint32_t& length);

  bool empty() const { return head_ == nullptr; }
  bool has_duplicate() const { return has_duplicate_; }
  uint32_t bytes() const { return bytes_; }
  // Sequence behind the last byte held; only when not empty.
  Sequence end() const { return ranges_.last().end; }

  // [begin, end) arrived a second time: to be told once (RFC 2883 section 4).
  void note_duplicate(Sequence begin, Sequence end) {
    duplicate_ = {begin, end};
    has_duplicate_ = true;
  }
  // Fills in the SACK blocks of an acknowledgement, at most `limit`: a duplicate first, then the newest (RFC
  // 2018).
  void report(wire::TcpOptions& options, unsigned limit);

  const uint32_t number;  // in its slab

 private:
  static constexpr unsigned kRanges = 32, kRecent = 3;
  void queue_clear();
  static Sequence sequence_of(const Buffer* chain) { return chain->rss_hash; }

  // Chains in order, disjoint, linked by `next`; their first sequence number is kept in `rss_hash`, which has
  // served.
  Buffer* head_ = nullptr;
  Buffer* tail_ = nullptr;
  RangeSet<kRanges> ranges_;
  uint32_t bytes_ = 0, buffers_ = 0;
  std::array<Sequence, kRecent> recent_{};  // a byte of the newest ranges, newest first
  unsigned recent_count_ = 0;
  Range duplicate_;
  bool has_duplicate_ = false;
};

}  // namespace sluice::tcp
