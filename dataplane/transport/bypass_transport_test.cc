// SPDX-License-Identifier: Apache-2.0
// How a core on bypass goes to sleep.
#include <gtest/gtest.h>

#include "dataplane/transport/bypass.hh"
#include "tests/simulation/simulation.hh"

namespace sluice::transport {
namespace {

struct BypassSleep : testing::Test {
  BypassSleep() {
    stack.add_interface(port, {.name = "sim", .addresses = {{IpAddress::v4(0xc0000201), 24}}});
    transport.sleep_on(port, world.waiter);
    transport.transmit(world.now_ns());  // the announcement of the address
  }
  // For how long it would sleep now; 0: not at all.
  uint64_t sleep_ns() {
    uint64_t timeout_ns = kNanosecondsPerSecond;
    if (!transport.prepare_sleep(timeout_ns)) return 0;
    transport.after_sleep();
    return timeout_ns;
  }
  void frame_arrives() {
    std::byte frame[60] = {};
    port.deliver(frame);
  }
  simulation::Simulation world{1};
  simulation::SimulatedPort& port = world.wire.add_port();
  TimerWheel timers{world.now_ns()};
  ip::Stack stack{timers, world.entropy};
  BypassTransport transport{timers, world.clock, world.entropy, stack};
};

TEST_F(BypassSleep, NapsGrowWhileNothingComes) {
  uint64_t last_ns = sleep_ns(), naps = 1, total_ns = last_ns;
  EXPECT_EQ(last_ns, BypassTransport::kShortestNapNs);
  while (last_ns < BypassTransport::kLongestNapNs) {
    const uint64_t next_ns = sleep_ns();
    ASSERT_GT(next_ns, last_ns);
    last_ns = next_ns;
    total_ns += next_ns;
    ASSERT_LT(++naps, 100u);
  }
  EXPECT_EQ(sleep_ns(), BypassTransport::kLongestNapNs);
  EXPECT_LT(total_ns, kNanosecondsPerSecond / 10);
}

TEST_F(BypassSleep, AFrameMakesThemShortAgain) {
  for (int i = 0; i < 100; ++i) sleep_ns();
  frame_arrives();
  EXPECT_TRUE(transport.receive(world.now_ns()));
  EXPECT_EQ(sleep_ns(), BypassTransport::kShortestNapNs);
  // One that comes at the last moment forbids the sleep.
  for (int i = 0; i < 100; ++i) sleep_ns();
  frame_arrives();
  EXPECT_EQ(sleep_ns(), 0u);
  EXPECT_EQ(sleep_ns(), BypassTransport::kShortestNapNs);
}

}  // namespace
}  // namespace sluice::transport
