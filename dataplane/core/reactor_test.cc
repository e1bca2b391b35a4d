// SPDX-License-Identifier: Apache-2.0
// The reactor's loop, with a clock and a waiter under the test's control.
#include "dataplane/core/reactor.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "tests/simulation/virtual_clock.hh"

namespace sluice {
namespace {

// Sleeping moves the virtual clock; after `stop_after` sleeps the reactor is told to stop.
class FakeWaiter final : public Waiter {
 public:
  explicit FakeWaiter(simulation::VirtualClock& clock) : clock_(clock) {}
  void wait(uint64_t timeout_ns) override {
    slept_ns.push_back(timeout_ns);
    clock_.advance_by(timeout_ns);
    if (reactor && slept_ns.size() == stop_after) reactor->stop();
  }
  void wake() override { ++wakes; }
  void watch(int) override {}
  void unwatch(int) override {}

  std::vector<uint64_t> slept_ns;
  int wakes = 0;
  Reactor* reactor = nullptr;
  size_t stop_after = 1;

 private:
  simulation::VirtualClock& clock_;
};

struct FakePart final : ReactorPart {
  explicit FakePart(std::string its_name, std::vector<std::string>& its_log)
      : name(std::move(its_name)), log(its_log) {}
  bool receive(uint64_t) override {
    log.push_back(name + ".receive");
    return work_left > 0 && work_left-- > 0;
  }
  bool deliver(uint64_t) override {
    log.push_back(name + ".deliver");
    return false;
  }
  void transmit(uint64_t) override {
    log.push_back(name + ".transmit");
    if (on_transmit) on_transmit();
  }
  bool prepare_sleep(uint64_t& timeout_ns) override {
    log.push_back(name + ".prepare");
    if (nap_ns < timeout_ns) timeout_ns = nap_ns;
    return !veto;
  }
  void after_sleep() override { log.push_back(name + ".after"); }

  std::string name;
  std::vector<std::string>& log;
  int work_left = 0;
  uint64_t nap_ns = UINT64_MAX;
  bool veto = false;
  std::function<void()> on_transmit;
};

struct ReactorTest : testing::Test {
  simulation::VirtualClock clock;
  FakeWaiter waiter{clock};
  std::vector<std::string> log;
};

struct LoggingTimer : Timer {
  explicit LoggingTimer(std::vector<std::string>& its_log) : log(its_log) {
    fire = [](Timer& timer, uint64_t) { static_cast<LoggingTimer&>(timer).log.push_back("timer"); };
  }
  std::vector<std::string>& log;
};

TEST_F(ReactorTest, ATurnGoesThroughItsStepsInOrder) {
  Reactor reactor(clock, waiter, PollMode::kAdaptive);
  FakePart a("a", log), b("b", log);
  reactor.add(a);
  reactor.add(b);
  LoggingTimer timer(log);
  reactor.timers().arm(timer, clock.now_ns());
  clock.advance_by(2 * TimerWheel::kTickNs);
  EXPECT_TRUE(reactor.turn());
  EXPECT_EQ(reactor.now_ns(), clock.now_ns());
  const std::vector<std::string> expected = {"a.receive", "b.receive",  "timer",     "a.deliver",
                                             "b.deliver", "a.transmit", "b.transmit"};
  EXPECT_EQ(log, expected);
  EXPECT_EQ(reactor.counters.timers_fired, 1u);
}

TEST_F(ReactorTest, TurnTellsWhetherThereWasWork) {
  Reactor reactor(clock, waiter, PollMode::kAdaptive);
  FakePart part("p", log);
  part.work_left = 1;
  reactor.add(part);
  EXPECT_TRUE(reactor.turn());
  EXPECT_FALSE(reactor.turn());
  EXPECT_EQ(reactor.counters.turns, 2u);
  EXPECT_EQ(reactor.counters.idle_turns, 1u);
}

TEST_F(ReactorTest, SleepsNoLongerThanTheNextTimer) {
  Reactor reactor(clock, waiter, PollMode::kAdaptive);
  waiter.reactor = &reactor;
  LoggingTimer timer(log);
  const uint64_t deadline_ns = clock.now_ns() + 20 * TimerWheel::kTickNs;
  reactor.timers().arm(timer, deadline_ns);
  waiter.stop_after = 1000;
  FakePart part("p", log);
  part.on_transmit = [&] {
    if (reactor.counters.timers_fired > 0) reactor.stop();
  };
  reactor.add(part);
  reactor.run();
  EXPECT_EQ(reactor.counters.timers_fired, 1u);
  EXPECT_GE(clock.now_ns(), deadline_ns);
  EXPECT_LE(clock.now_ns(), deadline_ns + 2 * TimerWheel::kTickNs);
  EXPECT_GT(reactor.counters.sleeps, 0u);
}

TEST_F(ReactorTest, APartMayShortenTheSleep) {
  Reactor reactor(clock, waiter, PollMode::kAdaptive);
  waiter.reactor = &reactor;
  FakePart part("p", log);
  part.nap_ns = 12'345;
  reactor.add(part);
  reactor.run();
  ASSERT_EQ(waiter.slept_ns.size(), 1u);
  EXPECT_EQ(waiter.slept_ns[0], 12'345u);
}

TEST_F(ReactorTest, AVetoKeepsItAwakeAndUndoesWhatWasPrepared) {
  Reactor reactor(clock, waiter, PollMode::kAdaptive);
  FakePart first("first", log), vetoing("vetoing", log), third("third", log);
  vetoing.veto = true;
  reactor.add(first);
  reactor.add(vetoing);
  reactor.add(third);
  int turns = 0;
  first.on_transmit = [&] {
    if (++turns == 200) reactor.stop();
  };
  reactor.run();
  EXPECT_TRUE(waiter.slept_ns.empty());
  const auto count = [&](const std::string& entry) { return std::count(log.begin(), log.end(), entry); };
  EXPECT_GT(count("first.prepare"), 0);
  EXPECT_EQ(count("first.prepare"), count("first.after"));
  EXPECT_EQ(count("vetoing.prepare"), count("vetoing.after"));
  EXPECT_EQ(count("third.prepare"), 0);
}

TEST_F(ReactorTest, BusyModeNeverSleeps) {
  Reactor reactor(clock, waiter, PollMode::kBusy);
  FakePart part("p", log);
  int turns = 0;
  part.on_transmit = [&] {
    if (++turns == 500) reactor.stop();
  };
  reactor.add(part);
  reactor.run();
  EXPECT_EQ(reactor.counters.sleeps, 0u);
  EXPECT_EQ(reactor.counters.turns, 500u);
}

TEST_F(ReactorTest, StopWakesTheWaiter) {
  Reactor reactor(clock, waiter, PollMode::kAdaptive);
  reactor.stop();
  EXPECT_EQ(waiter.wakes, 1);
  reactor.run();
  EXPECT_EQ(reactor.counters.turns, 0u);
}

}  // namespace
}  // namespace sluice
