// SPDX-License-Identifier: Apache-2.0
// The timer wheel: four levels of 256 slots, 1 ms to about 50 days; longer deadlines wait in the last level and are
// placed anew when their slot comes round.
#include "dataplane/core/timer.hh"

#include <bit>

namespace sluice {

// Rounded up: a timer never fires early.
static uint64_t tick_of(uint64_t deadline_ns) {
  return (deadline_ns >> TimerWheel::kTickShift) + ((deadline_ns & (TimerWheel::kTickNs - 1)) != 0);
}

TimerWheel::TimerWheel(uint64_t now_ns) : tick_(now_ns >> kTickShift) {
  for (auto& level : slots_)
    for (auto& head : level) head.next = head.previous = &head;
}

void TimerWheel::unlink(Timer& timer) {
  timer.previous->next = timer.next;
  timer.next->previous = timer.previous;
  timer.next = timer.previous = nullptr;
}

void TimerWheel::insert(Timer& timer, uint64_t tick) {
  // While a slot fires, what is due at once waits for the next tick: a timer that re-arms itself must not hold the turn.
  const uint64_t earliest = tick_ + (firing_ ? 1 : 0);
  if (tick < earliest) tick = earliest;
  uint64_t distance = tick - tick_;
  unsigned level = 0;
  while (level + 1 < kLevels && distance >= (uint64_t{1} << (kSlotBits * (level + 1)))) ++level;
  constexpr uint64_t kFarthest = (uint64_t{1} << (kSlotBits * kLevels)) - 1;
  if (distance > kFarthest) tick = tick_ + kFarthest;
  const unsigned slot = static_cast<unsigned>(tick >> (kSlotBits * level)) & (kSlots - 1);
  Timer& head = slots_[level][slot];
  timer.previous = head.previous;
  timer.next = &head;
  head.previous->next = &timer;
  head.previous = &timer;
  occupied_[level][slot / 64] |= uint64_t{1} << (slot % 64);
}

void TimerWheel::arm(Timer& timer, uint64_t deadline_ns) {
  SLUICE_ASSERT(timer.fire != nullptr);
  if (timer.armed()) {
    unlink(timer);
  } else {
    ++armed_;
  }
  timer.deadline_ns = deadline_ns;
  insert(timer, tick_of(deadline_ns));
}

void TimerWheel::cancel(Timer& timer) {
  if (!timer.armed()) return;
  unlink(timer);
  --armed_;
}

void TimerWheel::cascade(unsigned level, unsigned slot) {
  Timer& head = slots_[level][slot];
  occupied_[level][slot / 64] &= ~(uint64_t{1} << (slot % 64));
  Timer* timer = head.next;
  head.next = head.previous = &head;
  while (timer != &head) {
    Timer* next = timer->next;
    insert(*timer, tick_of(timer->deadline_ns));
    timer = next;
  }
}

size_t TimerWheel::advance(uint64_t now_ns, size_t limit) {
  const uint64_t now_tick = now_ns >> kTickShift;
  size_t fired = 0;
  while (tick_ <= now_tick) {
    if (armed_ == 0) {
      tick_ = now_tick + 1;
      break;
    }
    const unsigned slot = tick_ & (kSlots - 1);
    if (slot == 0) {
      for (unsigned level = 1; level < kLevels; ++level) {
        const unsigned upper = static_cast<unsigned>(tick_ >> (kSlotBits * level)) & (kSlots - 1);
        cascade(level, upper);
        if (upper != 0) break;
      }
    }
    Timer& head = slots_[0][slot];
    while (head.next != &head) {
      if (fired == limit) return fired;
      Timer& timer = *head.next;
      unlink(timer);
      --armed_;
      ++fired;
      firing_ = true;
      timer.fire(timer, now_ns);
      firing_ = false;
    }
    occupied_[0][slot / 64] &= ~(uint64_t{1} << (slot % 64));
    ++tick_;
  }
  return fired;
}

uint64_t TimerWheel::next_deadline_ns() const {
  if (armed_ == 0) return UINT64_MAX;
  // The nearest occupied slot of the lowest level, but no further than the next cascade, which may bring nearer ones.
  const unsigned start = tick_ & (kSlots - 1);
  if (start == 0) return tick_ << kTickShift;
  for (unsigned slot = start; slot < kSlots;) {
    const uint64_t word = occupied_[0][slot / 64] >> (slot % 64);
    if (word == 0) {
      slot = (slot / 64 + 1) * 64;
      continue;
    }
    slot += static_cast<unsigned>(std::countr_zero(word));
    if (slots_[0][slot].next != &slots_[0][slot]) return (tick_ + (slot - start)) << kTickShift;
    ++slot;
  }
  return (tick_ + (kSlots - start)) << kTickShift;
}

}  // namespace sluice
