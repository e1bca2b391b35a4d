// SPDX-License-Identifier: Apache-2.0
#include "dataplane/core/reactor.hh"

#include "dataplane/core/cycles.hh"

#include <algorithm>

namespace sluice {

Reactor::Reactor(Clock& clock, Waiter& waiter, PollMode mode)
    : clock_(clock), waiter_(waiter), mode_(mode), now_ns_(clock.monotonic_ns()), timers_(now_ns_) {}

bool Reactor::turn() {
  cycles::Turn account;
  now_ns_ = clock_.monotonic_ns();
  bool worked = false;
  {
    const cycles::Scope stage(cycles::Stage::kPacket);
    for (ReactorPart* part : parts_) worked |= part->receive(now_ns_);
  }
  const size_t fired = timers_.advance(now_ns_, kTimersPerTurn);
  counters.timers_fired += fired;
  worked |= fired != 0;
  for (ReactorPart* part : parts_) worked |= part->deliver(now_ns_);
  {
    const cycles::Scope stage(cycles::Stage::kPacket);
    for (ReactorPart* part : parts_) part->transmit(now_ns_);
  }
  account.end(worked);
  ++counters.turns;
  if (!worked) ++counters.idle_turns;
  return worked;
}

void Reactor::run() { run_while(nullptr, nullptr); }

void Reactor::run_while(Wanted wanted, void* context) {
  unsigned idle = 0;
  while (!stopping_.load(std::memory_order_relaxed) && (wanted == nullptr || wanted(context))) {
    if (turn()) {
      idle = 0;
      continue;
    }
    if (mode_ == PollMode::kBusy || ++idle < kIdleTurnsBeforeSleep) continue;
    uint64_t timeout_ns = kLongestSleepNs;
    const uint64_t deadline_ns = timers_.next_deadline_ns();
    if (deadline_ns != UINT64_MAX) {
      const uint64_t now_ns = clock_.monotonic_ns();
      timeout_ns = deadline_ns > now_ns ? std::min(timeout_ns, deadline_ns - now_ns) : 0;
    }
    bool sleep = timeout_ns > 0;
    size_t prepared = 0;
    while (sleep && prepared < parts_.size()) sleep = parts_[prepared++]->prepare_sleep(timeout_ns);
    if (sleep && timeout_ns > 0) {
      ++counters.sleeps;
      waiter_.wait(timeout_ns);
    }
    while (prepared > 0) parts_[--prepared]->after_sleep();
    // After a sleep, one idle turn is enough to sleep again: a timer or a stray wake-up must not cost a whole spin.
    idle = kIdleTurnsBeforeSleep - 1;
  }
}

void Reactor::stop() {
  stopping_.store(true, std::memory_order_relaxed);
  waiter_.wake();
}

}  // namespace sluice
