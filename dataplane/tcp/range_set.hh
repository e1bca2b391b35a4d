// SPDX-License-Identifier: Apache-2.0
// A small sorted set of disjoint ranges of sequence numbers: what the peer has (the SACK scoreboard) and what
// has arrived out of order. Bounded, so that a peer cannot make it grow by acknowledging or sending every
// other byte.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>

#include "dataplane/tcp/sequence.hh"

namespace sluice::tcp {

struct Range {
  Sequence begin = 0, end = 0;  // [begin, end)
};

template <unsigned kLimit>
class RangeSet {
 public:
  unsigned count() const { return count_; }
  bool empty() const { return count_ == 0; }
  bool full() const { return count_ == kLimit; }
  const Range& operator[](unsigned index) const { return ranges_[index]; }
  const Range& last() const { return ranges_[count_ - 1]; }
  void clear() { count_ = 0; }

  // Adds [begin, end) and merges what touches. Returns the number of bytes that were new; 0 also when a
  // further range would be needed and there is none left.
  uint32_t insert(Sequence begin, Sequence end) {
    unsigned first = 0;
    while (first < count_ && before(ranges_[first].end, begin)) ++first;
    unsigned past = first;
    uint32_t had = 0;
    Range merged{begin, end};
    while (past < count_ && at_or_before(ranges_[past].begin, end)) {
      had += ranges_[past].end - ranges_[past].begin;
      merged.begin = earlier(merged.begin, ranges_[past].begin);
      merged.end = later(merged.end, ranges_[past].end);
      ++past;
    }
    if (past == first) {
      if (full()) return 0;
      std::copy_backward(ranges_.begin() + first, ranges_.begin() + count_, ranges_.begin() + count_ + 1);
      ++count_;
    } else {
      std::copy(ranges_.begin() + past, ranges_.begin() + count_, ranges_.begin() + first + 1);
      count_ -= past - first - 1;
    }
    ranges_[first] = merged;
    return merged.end - merged.begin - had;
  }
  // Forgets everything before `edge`.
  void trim_before(Sequence edge) {
    unsigned gone = 0;
    while (gone < count_ && at_or_before(ranges_[gone].end, edge)) ++gone;
    if (gone) {
      std::copy(ranges_.begin() + gone, ranges_.begin() + count_, ranges_.begin());
      count_ -= gone;
    }
    if (count_ && before(ranges_[0].begin, edge)) ranges_[0].begin = edge;
  }
  // Bytes of the set within [begin, end).
  uint32_t bytes_within(Sequence begin, Sequence end) const {
    uint32_t bytes = 0;
    for (unsigned i = 0; i < count_; ++i) {
      const Sequence from = later(ranges_[i].begin, begin), to = earlier(ranges_[i].end, end);
      if (before(from, to)) bytes += to - from;
    }
    return bytes;
  }
  // The range that holds `at`, or nullptr.
  const Range* find(Sequence at) const {
    for (unsigned i = 0; i < count_; ++i)
      if (at_or_after(at, ranges_[i].begin) && before(at, ranges_[i].end)) return &ranges_[i];
    return nullptr;
  }
  // The first range that begins at or after `at`, or nullptr.
  const Range* next(Sequence at) const {
    for (unsigned i = 0; i < count_; ++i)
      if (at_or_after(ranges_[i].begin, at)) return &ranges_[i];
    return nullptr;
  }

 private:
  std::array<Range, kLimit> ranges_;
  unsigned count_ = 0;
};

}  // namespace sluice::tcp
