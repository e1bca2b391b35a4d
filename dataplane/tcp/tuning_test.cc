// SPDX-License-Identifier: Apache-2.0
// Windows and queues that grow where a path holds more than they do.
#include <gtest/gtest.h>

#include "dataplane/tcp/test_host.hh"

namespace sluice::tcp::test {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

// A transfer over 100 ms at 400 Mb/s, which holds 5 MB.
struct LongPath : testing::Test {
  void start(const Limits& receiver) {
    pair = std::make_unique<Pair>(1, Limits{}, receiver);
    simulation::Conditions conditions;
    conditions.delay_ns = 50'000'000;
    conditions.rate_bits_per_second = 400'000'000;
    pair->world.wire.set_conditions(conditions);
    pair->listen();
    pair->connect(user);
    ASSERT_TRUE(pair->world.run_until([&] { return user.connected == 1 && !pair->acceptor.users.empty(); }));
  }
  void fill_for(uint64_t seconds) {
    for (uint64_t i = 0; i < seconds * 100; ++i) {
      if (user.pending.size() < 2'000'000) user.pending += std::string(2'000'000, 'x');
      user.pump();
      pair->world.run_for(kSecond / 100);
    }
  }
  Connection& server() { return static_cast<Connection&>(*pair->acceptor.only().stream); }
  std::unique_ptr<Pair> pair;
  Recorder user;
};

TEST_F(LongPath, TheReceiveWindowGrowsToItsLimitAndSoDoesTheSendQueue) {
  start({});
  EXPECT_EQ(server().receive_limit_bytes(), 256u * 1024);
  fill_for(6);
  EXPECT_EQ(server().receive_limit_bytes(), 4u * 1024 * 1024);
  EXPECT_GT(pair->server.tcp->counters.receive_window_raised, 0u);
  // Far more than 256 KiB a round trip, which would be 21 Mb/s.
  EXPECT_GT(pair->acceptor.only().received.size(), 60'000'000u);
}

TEST_F(LongPath, NotWhereTheLimitForbidsIt) {
  Limits receiver;
  receiver.receive_window_limit_bytes = 256 * 1024;
  start(receiver);
  fill_for(3);
  EXPECT_EQ(server().receive_limit_bytes(), 256u * 1024);
  EXPECT_LT(pair->acceptor.only().received.size(), 8'000'000u);
}

TEST_F(LongPath, NotForAReaderThatTakesNothing) {
  start({});
  pair->acceptor.only().consumes = false;
  fill_for(3);
  EXPECT_EQ(server().receive_limit_bytes(), 256u * 1024);
  EXPECT_LE(pair->acceptor.only().received.size(), 300'000u);  // what came before it stopped, and a window
}

TEST_F(LongPath, NotWhenTheRoomForAllIsShort) {
  Limits receiver;
  receiver.receive_total_bytes = 300'000;
  start(receiver);
  pair->acceptor.only().consumes = true;
  fill_for(2);
  EXPECT_LE(server().receive_limit_bytes(), 4u * 1024 * 1024);
  EXPECT_LE(pair->acceptor.only().held, 300'000u);
}

}  // namespace
}  // namespace sluice::tcp::test
