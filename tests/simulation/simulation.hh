// SPDX-License-Identifier: Apache-2.0
// A world in virtual time: a clock, a seed, a wire, and hosts that take their turns. Time jumps from event to event, so
// minutes of timeouts cost nothing and a run is the same each time.
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "dataplane/core/reactor.hh"
#include "dataplane/core/timer.hh"
#include "tests/simulation/seeded_entropy.hh"
#include "tests/simulation/virtual_clock.hh"
#include "tests/simulation/wire.hh"

namespace sluice::simulation {

// For Reactors whose loop the simulation owns: they never sleep by themselves.
class NullWaiter final : public Waiter {
 public:
  void wait(uint64_t) override {}
  void wake() override {}
  void watch(int) override {}
  void unwatch(int) override {}
};

class Simulation {
 public:
  explicit Simulation(uint64_t seed) : entropy(seed), wire(clock, seed ^ 0x5eed'5eed'5eed'5eed) {}

  VirtualClock clock;
  SeededEntropy entropy;  // for hosts; the wire has its own stream, so that neither disturbs the other
  SimulatedWire wire;
  NullWaiter waiter;

  // A host that takes a turn each time something may have happened: `turn(now_ns)` receives, fires the timers of `timers`
  // and transmits; it returns whether it did anything.
  using Turn = std::function<bool(uint64_t now_ns)>;
  void add_host(TimerWheel& timers, Turn turn) { hosts_.push_back({&timers, std::move(turn)}); }
  // A host that is a whole reactor, made with this simulation's clock and waiter.
  void add_host(Reactor& reactor) {
    hosts_.push_back({&reactor.timers(), [&reactor](uint64_t) { return reactor.turn(); }});
  }
  // A host may be taken out by its wheel before it is destroyed.
  void remove_host(const TimerWheel& timers) {
    std::erase_if(hosts_, [&](const Host& host) { return host.timers == &timers; });
  }

  // Lets the hosts turn at the present moment until nothing happens any more, then moves time to the next arrival or
  // timer, but not past `until_ns`. False when there is neither before `until_ns` (time is then `until_ns`).
  bool step(uint64_t until_ns = UINT64_MAX);
  // Steps for `duration_ns` of virtual time.
  void run_for(uint64_t duration_ns);
  // Steps until `done()`, which is asked whenever the hosts have come to rest and before time moves on; false when it has
  // not come within `limit_ns` of virtual time.
  bool run_until(const std::function<bool()>& done, uint64_t limit_ns = 60 * kNanosecondsPerSecond);
  uint64_t now_ns() const { return clock.now_ns(); }

 private:
  // Rounds of turns at one moment after which the hosts are taken to be in an endless conversation without time.
  static constexpr unsigned kTurnsPerMoment = 100'000;
  struct Host {
    TimerWheel* timers;
    Turn turn;
  };
  void settle();
  bool advance(uint64_t until_ns);
  std::vector<Host> hosts_;
};

}  // namespace sluice::simulation
