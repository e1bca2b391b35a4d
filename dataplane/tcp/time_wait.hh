// SPDX-License-Identifier: Apache-2.0
// TIME-WAIT: what must be remembered of a connection after both sides have ended it (RFC 9293 section 3.6.1),
// in 56 bytes instead of a connection. All wait equally long, so a ring in order of time is all the
// bookkeeping there is.
#pragma once
#include <cstdint>
#include <vector>

#include "dataplane/tcp/flow.hh"
#include "dataplane/tcp/sequence.hh"

namespace sluice::tcp {

struct TimeWait {
  Flow flow;
  Sequence send_next = 0, receive_next = 0;
  uint32_t timestamp_recent = 0;
  uint32_t since_tick = 0;
  uint16_t window = 0;      // as last advertised, scaled down
  bool timestamps = false;  // in use on this connection
  bool live = false;        // false: was reused or restarted
};
static_assert(sizeof(TimeWait) == 56);

class TimeWaitRing {
 public:
  explicit TimeWaitRing(uint32_t limit_records) : limit_(limit_records) {}

  bool full() const { return count() == limit_; }
  bool empty() const { return first_ == next_; }
  // Adds a record at the young end (not when full) and returns its number, which stays its own.
  uint32_t push(const TimeWait& record);
  TimeWait& operator[](uint32_t number) { return records_[number & mask()]; }
  // The oldest record, dead ones included, and its number.
  TimeWait& oldest() { return records_[first_ & mask()]; }
  uint32_t oldest_number() const { return first_ & kNumberMask; }
  void pop_oldest() { ++first_; }
  uint32_t count() const { return next_ - first_; }  // dead ones included
  size_t memory_bytes() const { return records_.capacity() * sizeof(TimeWait); }

 private:
  static constexpr uint32_t kNumberMask = (1u << 30) - 1;
  uint32_t mask() const { return static_cast<uint32_t>(records_.size()) - 1; }
  std::vector<TimeWait> records_;  // a power of two, at most 2^30
  uint32_t first_ = 0, next_ = 0;  // run on and wrap; slot = number modulo size
  uint32_t limit_;
};

inline uint32_t TimeWaitRing::push(const TimeWait& record) {
  if (count() == records_.size()) {
    std::vector<TimeWait> larger(records_.empty() ? 256 : records_.size() * 2);
    for (uint32_t i = first_; i != next_; ++i) larger[i & (larger.size() - 1)] = records_[i & mask()];
    records_ = std::move(larger);
  }
  const uint32_t number = next_++;
  records_[number & mask()] = record;
  return number & kNumberMask;
}

}  // namespace sluice::tcp
