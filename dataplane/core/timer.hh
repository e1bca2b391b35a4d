// SPDX-License-Identifier: Apache-2.0
// Timers of one core: a hierarchical wheel (Varghese and Lauck, 1987) with intrusive nodes. Arming, re-arming and
// cancelling cost a few stores and no allocation, as most timers of a network stack never fire.
#pragma once
#include <cstddef>
#include <cstdint>

#include "drivers/assert.hh"

namespace sluice {

// One timer, embedded in its owner. Fires at most once per arming, never before its deadline, and late by at most one
// tick of its wheel beyond the turn that notices it.
struct Timer {
  Timer* next = nullptr;  // both null while not armed
  Timer* previous = nullptr;
  uint64_t deadline_ns = 0;
  void (*fire)(Timer& timer, uint64_t now_ns) = nullptr;

  bool armed() const { return next != nullptr; }
};
static_assert(sizeof(Timer) == 32);

class TimerWheel {
 public:
  // Length of a tick: about a millisecond, a power of two so that the tick of a time is a shift.
  static constexpr unsigned kTickShift = 20;
  static constexpr uint64_t kTickNs = uint64_t{1} << kTickShift;

  explicit TimerWheel(uint64_t now_ns);
  TimerWheel(const TimerWheel&) = delete;

  // (Re-)arms `timer`, whose `fire` is set and which stays at its place until it fired or is cancelled. A deadline in the
  // past fires at the next advance().
  void arm(Timer& timer, uint64_t deadline_ns);
  void cancel(Timer& timer);

  // Fires what is due at `now_ns`, at most `limit` timers (the rest at the next call). `fire` may arm and cancel timers,
  // its own included. Returns how many fired.
  size_t advance(uint64_t now_ns, size_t limit = SIZE_MAX);

  // A lower bound of the next deadline: nothing fires before it. UINT64_MAX when nothing is armed.
  uint64_t next_deadline_ns() const;
  size_t armed() const { return armed_; }
  // The wheel's own idea of the time, to a tick: for who must know the time before the first turn.
  uint64_t now_ns() const { return tick_ << kTickShift; }

 private:
  static constexpr unsigned kSlotBits = 8, kSlots = 1u << kSlotBits, kLevels = 4;
  void insert(Timer& timer, uint64_t tick);
  void cascade(unsigned level, unsigned slot);
  static void unlink(Timer& timer);

  uint64_t tick_;  // the tick whose slot is looked at next; all before are done
  size_t armed_ = 0;
  bool firing_ = false;
  uint64_t occupied_[kLevels][kSlots / 64] = {};  // may have stale ones; never misses an occupied slot
  Timer slots_[kLevels][kSlots];                  // list heads
};

}  // namespace sluice
