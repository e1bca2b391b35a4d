// SPDX-License-Identifier: Apache-2.0
// The loop of one core. A turn: receive a burst, fire timers, hand the batch of events up once, flush what was written,
// transmit. Work per turn is bounded, so no flow starves another. With nothing to do it sleeps, unless told to poll.
#pragma once
#include <atomic>
#include <cstdint>
#include <vector>

#include "dataplane/core/timer.hh"
#include "drivers/clock.hh"
#include "drivers/waiter.hh"

namespace sluice {

// Something that takes part in each turn of a reactor: a network stack over its port, the kernel transport, an isolate.
// All calls come from the reactor's thread, in the order in which the parts were added.
class ReactorPart {
 public:
  virtual ~ReactorPart() = default;
  // First step: takes in what arrived, a bounded amount. Returns whether there was any (the reactor then does not sleep).
  virtual bool receive(uint64_t now_ns) = 0;
  // Second step, after timers: hands what this turn produced to the layer above (the isolate runs here). Returns whether
  // it did anything.
  virtual bool deliver(uint64_t now_ns) {
    (void)now_ns;
    return false;
  }
  // Last step: sends what was written during the turn.
  virtual void transmit(uint64_t now_ns) = 0;
  // Before sleeping: a chance to arm interrupts, and to veto (false) because there is work after all. When true is
  // returned the waiter watches whatever ends this part's idleness; `timeout_ns` may be lowered (a part without an
  // interrupt asks for a short nap).
  virtual bool prepare_sleep(uint64_t& timeout_ns) = 0;
  virtual void after_sleep() {}
};

enum class PollMode : uint8_t { kAdaptive, kBusy };

class Reactor {
 public:
  // All are borrowed and outlive the reactor.
  Reactor(Clock& clock, Waiter& waiter, PollMode mode);

  void add(ReactorPart& part) { parts_.push_back(&part); }
  TimerWheel& timers() { return timers_; }
  Waiter& waiter() { return waiter_; }
  // The time at which the current turn began, nanoseconds: what everything inside a turn uses.
  uint64_t now_ns() const { return now_ns_; }

  // Turns until stop(). Own thread.
  void run();
  // The same as long as `wanted` says so, which is asked before each turn.
  using Wanted = bool (*)(void* context);
  void run_while(Wanted wanted, void* context);
  // One turn; returns whether anything was done. For tests and simulation, which own the loop.
  bool turn();
  // Ends run() after the current turn. Any thread; async-signal-safe.
  void stop();

  struct Counters {
    uint64_t turns = 0, idle_turns = 0, sleeps = 0, timers_fired = 0;
  } counters;

 private:
  // Turns without work before going to sleep: a sleep and its wake-up cost some 10 us, so a short spin pays.
  static constexpr unsigned kIdleTurnsBeforeSleep = 50;
  static constexpr size_t kTimersPerTurn = 1024;
  static constexpr uint64_t kLongestSleepNs = kNanosecondsPerSecond;

  Clock& clock_;
  Waiter& waiter_;
  const PollMode mode_;
  uint64_t now_ns_;
  TimerWheel timers_;
  std::vector<ReactorPart*> parts_;
  std::atomic<bool> stopping_{false};
};

}  // namespace sluice
