// SPDX-License-Identifier: Apache-2.0
// What is under way: the sequence space from SND.UNA to SND.NXT as ranges, each with the time it was last sent and
// what is known of it. All that leaves in one turn leaves at the same time, so a range is often many segments, and
// a connection with nothing in flight has none. RACK (RFC 8985 section 5.2), the SACK scoreboard (RFC 6675 section
// 3) and delivery rates (draft-cheng-iccrg-delivery-rate-estimation) all read from here.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/tcp/sequence.hh"

namespace sluice::tcp {

struct FlightRecord {
  FlightRecord* next = nullptr;
  Sequence begin = 0, end = 0;  // [begin, end)
  uint32_t sent_us = 0;         // the last time
  // What was delivered when it was sent, for a rate (only kept where the congestion control wants it).
  uint32_t delivered_bytes = 0, delivered_us = 0, first_sent_us = 0;
  bool sacked = false;
  bool lost = false;           // and not sent again since
  bool retransmitted = false;  // ever
  bool application_limited = false;

  uint32_t bytes() const { return end - begin; }
};
static_assert(sizeof(FlightRecord) == 40);

// Records of one core, up to a limit. One is taken and given back with each message, so this is a list of free ones and
// nothing more.
class FlightPool {
 public:
  explicit FlightPool(uint32_t limit_records) : limit_(limit_records) {}
  FlightPool(const FlightPool&) = delete;

  // Its fields are what they were; nullptr at the limit.
  FlightRecord* allocate() {
    if (!free_ && !grow()) return nullptr;
    FlightRecord* record = free_;
    free_ = record->next;
    ++live_;
    return record;
  }
  void release(FlightRecord* record) {
    record->next = free_;
    free_ = record;
    --live_;
  }
  uint32_t live_count() const { return live_; }
  size_t memory_bytes() const { return chunks_.size() * kChunkRecords * sizeof(FlightRecord); }

 private:
  static constexpr uint32_t kChunkRecords = 1024;
  bool grow() {
    if (chunks_.size() * kChunkRecords >= limit_) return false;
    chunks_.push_back(std::make_unique<FlightRecord[]>(kChunkRecords));
    FlightRecord* chunk = chunks_.back().get();
    for (uint32_t i = kChunkRecords; i-- > 0;) {
      chunk[i].next = free_;
      free_ = &chunk[i];
    }
    return true;
  }
  std::vector<std::unique_ptr<FlightRecord[]>> chunks_;
  FlightRecord* free_ = nullptr;
  uint32_t live_ = 0, limit_;
};

class Flight {
 public:
  // Ranges of a connection. Beyond it new data joins the newest range, which then takes the later time (a loss is
  // found later, never wrongly), and reports that would split a range are not taken.
  static constexpr uint32_t kRecordsLimit = 4096;

  FlightRecord* head() const { return head_; }
  FlightRecord* tail() const { return tail_; }
  bool full() const { return count_ >= kRecordsLimit; }
  uint32_t count() const { return count_; }

  void push(FlightRecord* record) {
    record->next = nullptr;
    (tail_ ? tail_->next : head_) = record;
    tail_ = record;
    ++count_;
  }
  void pop(FlightPool& pool) {
    FlightRecord* gone = head_;
    head_ = gone->next;
    if (!head_) tail_ = nullptr;
    --count_;
    pool.release(gone);
  }
  // Takes the newest off again: it was just pushed.
  void pop_last(FlightPool& pool) {
    FlightRecord* gone = tail_;
    if (head_ == gone) {
      head_ = tail_ = nullptr;
    } else {
      FlightRecord* before_it = head_;
      while (before_it->next != gone) before_it = before_it->next;
      before_it->next = nullptr;
      tail_ = before_it;
    }
    --count_;
    pool.release(gone);
  }
  // Cuts `record` in two at `at`, which lies within it, and returns the second part; nullptr at a limit.
  FlightRecord* split(FlightRecord* record, Sequence at, FlightPool& pool) {
    if (full()) return nullptr;
    FlightRecord* rest = pool.allocate();
    if (!rest) return nullptr;
    *rest = *record;
    rest->begin = at;
    record->end = at;
    record->next = rest;
    if (tail_ == record) tail_ = rest;
    ++count_;
    return rest;
  }
  // Joins `record` and the one behind it, which touches it.
  void join(FlightRecord* record, FlightPool& pool) {
    FlightRecord* gone = record->next;
    record->end = gone->end;
    record->next = gone->next;
    if (tail_ == gone) tail_ = record;
    --count_;
    pool.release(gone);
  }
  void clear(FlightPool& pool) {
    while (head_) pop(pool);
  }

 private:
  FlightRecord* head_ = nullptr;
  FlightRecord* tail_ = nullptr;
  uint32_t count_ = 0;
};

// RFC 8985 section 6.2, RACK_sent_after: sent later, or at the same time and further on.
constexpr bool sent_after(uint32_t us_1, Sequence end_1, uint32_t us_2, Sequence end_2) {
  return after(us_1, us_2) || (us_1 == us_2 && after(end_1, end_2));
}

}  // namespace sluice::tcp
