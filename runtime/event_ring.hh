// SPDX-License-Identifier: Apache-2.0
// The bridge from C++ into JavaScript: events of one turn, as eight 32-bit words each, in memory that the script sees as
// an Int32Array. A whole batch is handed over in one call. Words cost next to nothing on either side, handles do not;
// whatever is larger than a word stays in C++ and is fetched by number when the script touches it.
#pragma once
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "drivers/assert.hh"

namespace sluice::runtime {

inline constexpr uint32_t kEventWords = 8;          // [type, w1 .. w7]
inline constexpr uint32_t kEventRingEvents = 4096;  // a turn; what is beyond waits in order in the spill list
// Words behind the events that both sides share.
inline constexpr uint32_t kRingCursor =
    kEventRingEvents * kEventWords;                      // event being handled, for going on after a throw
inline constexpr uint32_t kRingTicks = kRingCursor + 1;  // non-zero: process.nextTick() callbacks wait
inline constexpr uint32_t kRingImmediates = kRingCursor + 2;  // non-zero: setImmediate() callbacks wait
inline constexpr uint32_t kRingTimers = kRingCursor + 3;      // timers that keep the program alive
inline constexpr uint32_t kRingNow =
    kRingCursor + 4;  // two words, a double: milliseconds since the isolate's start
inline constexpr uint32_t kRingWords = kRingCursor + 8;

class EventRing {
 public:
  EventRing() : words_(std::make_unique<int32_t[]>(kRingWords)) {}
  EventRing(const EventRing&) = delete;

  // Appends an event; never refused: beyond kEventRingEvents it waits in the spill list (counted in `spilled`), whose
  // length is bounded by the limits of those who push (requests, streams, datagrams in progress).
  void push(int32_t type, int32_t w1 = 0, int32_t w2 = 0, int32_t w3 = 0, int32_t w4 = 0, int32_t w5 = 0,
            int32_t w6 = 0, int32_t w7 = 0) {
    if (__builtin_expect(end_ == kEventRingEvents || !spill_.empty(), 0)) {
      ++spilled;
      spill_.push_back({type, w1, w2, w3, w4, w5, w6, w7});
      return;
    }
    int32_t* at = &words_[size_t{end_++} * kEventWords];
    at[0] = type, at[1] = w1, at[2] = w2, at[3] = w3, at[4] = w4, at[5] = w5, at[6] = w6, at[7] = w7;
  }

  // Events [begin(), end()) are not yet handled.
  bool empty() const { return begin_ == end_; }
  uint32_t begin() const { return begin_; }
  uint32_t end() const { return end_; }
  // Events before `position` have been handled. When none is left the ring starts anew, from the spill list if there is one.
  void handled(uint32_t position) {
    SLUICE_ASSERT(position >= begin_ && position <= end_);
    begin_ = position;
    if (begin_ != end_) return;
    begin_ = end_ = 0;
    if (__builtin_expect(!spill_.empty(), 0)) refill();
  }
  void clear() {
    begin_ = end_ = 0;
    spill_.clear();
  }

  int32_t* words() { return words_.get(); }
  int32_t& word(uint32_t index) { return words_[index]; }
  int32_t word(uint32_t index) const { return words_[index]; }

  uint64_t spilled = 0;  // events that found the ring full

 private:
  struct Event {
    int32_t words[kEventWords];
  };
  void refill() {
    const size_t count = spill_.size() < kEventRingEvents ? spill_.size() : size_t{kEventRingEvents};
    std::memcpy(words_.get(), spill_.data(), count * sizeof(Event));
    spill_.erase(spill_.begin(), spill_.begin() + static_cast<ptrdiff_t>(count));
    end_ = static_cast<uint32_t>(count);
  }
  std::unique_ptr<int32_t[]> words_;
  std::vector<Event> spill_;
  uint32_t begin_ = 0, end_ = 0;
};

}  // namespace sluice::runtime
