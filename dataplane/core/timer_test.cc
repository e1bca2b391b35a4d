// SPDX-License-Identifier: Apache-2.0
// The timer wheel: never early, late by a tick at most, over all its levels; against a plain sorted model.
#include "dataplane/core/timer.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <vector>

#include "tests/simulation/seeded_entropy.hh"

namespace sluice {
namespace {

constexpr uint64_t kStartNs = 1'000'000'007;

struct Probe : Timer {
  Probe() {
    fire = [](Timer& timer, uint64_t now_ns) {
      auto& self = static_cast<Probe&>(timer);
      ++self.fired;
      self.fired_ns = now_ns;
    };
  }
  int fired = 0;
  uint64_t fired_ns = 0;
};

TEST(TimerWheel, FiresOnceAtItsDeadlineAndNotBefore) {
  TimerWheel wheel(kStartNs);
  Probe timer;
  const uint64_t deadline_ns = kStartNs + 10'500'000;
  wheel.arm(timer, deadline_ns);
  EXPECT_TRUE(timer.armed());
  EXPECT_EQ(wheel.advance(deadline_ns - 1), 0u);
  EXPECT_EQ(wheel.advance(deadline_ns + TimerWheel::kTickNs), 1u);
  EXPECT_EQ(timer.fired, 1);
  EXPECT_FALSE(timer.armed());
  wheel.advance(deadline_ns + 1000 * TimerWheel::kTickNs);
  EXPECT_EQ(timer.fired, 1);
  EXPECT_EQ(wheel.armed(), 0u);
  EXPECT_EQ(wheel.next_deadline_ns(), UINT64_MAX);
}

TEST(TimerWheel, PastDeadlineFiresAtTheNextAdvance) {
  TimerWheel wheel(kStartNs);
  wheel.advance(kStartNs + 50 * TimerWheel::kTickNs);
  Probe timer;
  wheel.arm(timer, kStartNs);
  wheel.advance(kStartNs + 51 * TimerWheel::kTickNs);
  EXPECT_EQ(timer.fired, 1);
}

TEST(TimerWheel, CancelledTimerStaysSilentAndCanBeArmedAgain) {
  TimerWheel wheel(kStartNs);
  Probe timer;
  wheel.arm(timer, kStartNs + 5 * TimerWheel::kTickNs);
  wheel.cancel(timer);
  wheel.cancel(timer);
  wheel.advance(kStartNs + 20 * TimerWheel::kTickNs);
  EXPECT_EQ(timer.fired, 0);
  wheel.arm(timer, kStartNs + 25 * TimerWheel::kTickNs);
  wheel.advance(kStartNs + 30 * TimerWheel::kTickNs);
  EXPECT_EQ(timer.fired, 1);
}

TEST(TimerWheel, RearmingMovesTheDeadlineBothWays) {
  TimerWheel wheel(kStartNs);
  Probe later, sooner;
  wheel.arm(later, kStartNs + 5 * TimerWheel::kTickNs);
  wheel.arm(later, kStartNs + 5000 * TimerWheel::kTickNs);
  wheel.arm(sooner, kStartNs + 5000 * TimerWheel::kTickNs);
  wheel.arm(sooner, kStartNs + 5 * TimerWheel::kTickNs);
  EXPECT_EQ(wheel.armed(), 2u);
  wheel.advance(kStartNs + 100 * TimerWheel::kTickNs);
  EXPECT_EQ(later.fired, 0);
  EXPECT_EQ(sooner.fired, 1);
  wheel.advance(kStartNs + 5002 * TimerWheel::kTickNs);
  EXPECT_EQ(later.fired, 1);
}

TEST(TimerWheel, TimerThatRearmsItselfInThePastDoesNotHoldTheTurn) {
  struct Eager : Timer {
    TimerWheel* wheel = nullptr;
    int fired = 0;
  } timer;
  TimerWheel wheel(kStartNs);
  timer.wheel = &wheel;
  timer.fire = [](Timer& base, uint64_t) {
    auto& self = static_cast<Eager&>(base);
    ++self.fired;
    self.wheel->arm(self, 0);
  };
  wheel.arm(timer, 0);
  wheel.advance(kStartNs);
  EXPECT_EQ(timer.fired, 1);
  wheel.advance(kStartNs + TimerWheel::kTickNs);
  EXPECT_EQ(timer.fired, 2);
}

TEST(TimerWheel, FireMayCancelAnotherDueAtTheSameTick) {
  struct Killer : Timer {
    TimerWheel* wheel = nullptr;
    Probe* victim = nullptr;
  } killer;
  TimerWheel wheel(kStartNs);
  Probe victim;
  killer.wheel = &wheel;
  killer.victim = &victim;
  killer.fire = [](Timer& base, uint64_t) {
    auto& self = static_cast<Killer&>(base);
    self.wheel->cancel(*self.victim);
  };
  const uint64_t deadline_ns = kStartNs + 3 * TimerWheel::kTickNs;
  wheel.arm(killer, deadline_ns);
  wheel.arm(victim, deadline_ns);
  wheel.advance(deadline_ns + 2 * TimerWheel::kTickNs);
  EXPECT_EQ(victim.fired, 0);
  EXPECT_EQ(wheel.armed(), 0u);
}

TEST(TimerWheel, LimitLeavesTheRestForTheNextCall) {
  TimerWheel wheel(kStartNs);
  std::vector<Probe> timers(10);
  for (Probe& timer : timers) wheel.arm(timer, kStartNs + 300 * TimerWheel::kTickNs);
  const uint64_t now_ns = kStartNs + 302 * TimerWheel::kTickNs;
  EXPECT_EQ(wheel.advance(now_ns, 4), 4u);
  EXPECT_LE(wheel.next_deadline_ns(), now_ns);
  EXPECT_EQ(wheel.advance(now_ns, 4), 4u);
  EXPECT_EQ(wheel.advance(now_ns, 4), 2u);
  for (const Probe& timer : timers) EXPECT_EQ(timer.fired, 1);
}

// One deadline in each level and beyond the last one.
TEST(TimerWheel, EveryLevelKeepsItsTime) {
  for (const uint64_t ticks :
       {uint64_t{1}, uint64_t{255}, uint64_t{256}, uint64_t{257}, uint64_t{65535}, uint64_t{65536},
        uint64_t{70000}, uint64_t{1} << 24, (uint64_t{1} << 24) + 12345}) {
    TimerWheel wheel(kStartNs);
    Probe timer;
    const uint64_t deadline_ns = kStartNs + ticks * TimerWheel::kTickNs;
    wheel.arm(timer, deadline_ns);
    wheel.advance(deadline_ns - 1);
    EXPECT_EQ(timer.fired, 0) << ticks;
    wheel.advance(deadline_ns + TimerWheel::kTickNs);
    EXPECT_EQ(timer.fired, 1) << ticks;
  }
}

// Random arming, re-arming, cancelling and stepping; next_deadline_ns() must never be later than what fires.
TEST(TimerWheel, AgreesWithASortedModel) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    simulation::SeededEntropy entropy(seed);
    uint64_t now_ns = kStartNs + entropy.below(uint64_t{1} << 40);
    TimerWheel wheel(now_ns);
    std::vector<Probe> timers(200);
    std::map<size_t, uint64_t> deadlines;  // of those armed
    for (int round = 0; round < 2000; ++round) {
      const size_t which = entropy.below(timers.size());
      const uint64_t choice = entropy.below(10);
      if (choice < 6) {
        const uint64_t span_ns = uint64_t{1} << (16 + entropy.below(22));
        const uint64_t deadline_ns = now_ns + entropy.below(span_ns);
        wheel.arm(timers[which], deadline_ns);
        deadlines[which] = deadline_ns;
      } else if (choice == 6) {
        wheel.cancel(timers[which]);
        deadlines.erase(which);
      } else {
        const uint64_t bound_ns = wheel.next_deadline_ns();
        if (choice == 9 && bound_ns != UINT64_MAX && bound_ns > now_ns) {
          // Right up to the bound nothing may fire.
          ASSERT_EQ(wheel.advance(bound_ns - 1), 0u) << "seed " << seed;
          now_ns = bound_ns - 1;
        }
        now_ns += entropy.below(uint64_t{1} << (18 + entropy.below(14)));
        for (Probe& timer : timers) timer.fired = 0;
        wheel.advance(now_ns);
        for (size_t i = 0; i < timers.size(); ++i) {
          const auto armed = deadlines.find(i);
          if (armed == deadlines.end()) {
            ASSERT_EQ(timers[i].fired, 0) << "seed " << seed;
          } else if (timers[i].fired) {
            ASSERT_EQ(timers[i].fired, 1) << "seed " << seed;
            ASSERT_LE(armed->second, now_ns) << "seed " << seed;
            deadlines.erase(armed);
          } else {
            ASSERT_GT(armed->second + TimerWheel::kTickNs, now_ns) << "seed " << seed;
          }
        }
      }
      ASSERT_EQ(wheel.armed(), deadlines.size()) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace sluice
