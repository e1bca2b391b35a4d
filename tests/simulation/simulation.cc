// SPDX-License-Identifier: Apache-2.0
// How simulated time moves.
#include "tests/simulation/simulation.hh"

#include <algorithm>

namespace sluice::simulation {

void Simulation::settle() {
  for (unsigned round = 0;; ++round) {
    SLUICE_ASSERT(round < kTurnsPerMoment);
    bool busy = wire.deliver();
    for (size_t i = 0; i < hosts_.size(); ++i) busy |= hosts_[i].turn(clock.now_ns());
    if (!busy) return;
  }
}

bool Simulation::advance(uint64_t until_ns) {
  uint64_t next_ns = wire.next_event_ns();
  for (const Host& host : hosts_) next_ns = std::min(next_ns, host.timers->next_deadline_ns());
  if (next_ns > until_ns || next_ns == UINT64_MAX) {
    if (until_ns != UINT64_MAX && until_ns > clock.now_ns()) clock.advance_to(until_ns);
    return false;
  }
  // A wheel that still holds what is due says so; one nanosecond keeps time moving.
  clock.advance_to(std::max(next_ns, clock.now_ns() + 1));
  return true;
}

bool Simulation::step(uint64_t until_ns) {
  settle();
  return advance(until_ns);
}

void Simulation::run_for(uint64_t duration_ns) {
  const uint64_t until_ns = clock.now_ns() + duration_ns;
  while (step(until_ns)) {
  }
  settle();
}

bool Simulation::run_until(const std::function<bool()>& done, uint64_t limit_ns) {
  const uint64_t until_ns = clock.now_ns() + limit_ns;
  for (;;) {
    settle();
    if (done()) return true;
    if (!advance(until_ns)) {
      settle();
      return done();
    }
  }
}

}  // namespace sluice::simulation
