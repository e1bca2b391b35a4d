// SPDX-License-Identifier: Apache-2.0
// Connections between two of our own stacks on a clean wire: opening, data both ways, every way of ending.
#include <gtest/gtest.h>

#include "dataplane/tcp/test_host.hh"

namespace sluice::tcp::test {
namespace {

TEST(Connection, OpensCarriesDataAndEndsInOrder) {
  Pair pair;
  pair.listen();
  pair.acceptor.echoes = true;
  Recorder user;
  pair.connect(user);
  ASSERT_TRUE(pair.world.run_until([&] { return user.connected == 1; }));
  user.send("hello", false);
  ASSERT_TRUE(pair.world.run_until([&] { return user.received == "hello"; }));
  user.send("", true);
  ASSERT_TRUE(pair.world.run_until([&] { return user.closed && pair.acceptor.only().closed; }));
  EXPECT_EQ(user.error, Error::kNone);
  EXPECT_EQ(pair.acceptor.only().error, Error::kNone);
  EXPECT_EQ(user.ended, 1u);
  EXPECT_EQ(pair.client.tcp->time_wait_count(), 1u);
  EXPECT_EQ(pair.server.tcp->flow_count(), 0u);
  pair.world.run_for(130 * kNanosecondsPerSecond);
  EXPECT_EQ(pair.client.tcp->flow_count(), 0u);
  EXPECT_TRUE(pair.quiet());
  EXPECT_EQ(pair.client.tcp->counters.retransmitted + pair.server.tcp->counters.retransmitted, 0u);
  EXPECT_EQ(pair.client.tcp->counters.timeouts + pair.server.tcp->counters.timeouts, 0u);
}

TEST(Connection, MovesMegabytesBothWays) {
  Pair pair;
  pair.listen();
  pair.acceptor.echoes = true;
  Recorder user;
  pair.connect(user);
  const std::string data = pattern(5'000'000);
  user.send(data, false);
  ASSERT_TRUE(pair.world.run_until([&] { return user.received.size() == data.size(); }));
  EXPECT_EQ(user.received, data);
  user.send("", true);
  ASSERT_TRUE(pair.world.run_until([&] { return user.closed == 1; }));
  EXPECT_EQ(pair.client.tcp->counters.retransmitted, 0u);
  pair.world.run_for(130 * kNanosecondsPerSecond);
  EXPECT_TRUE(pair.quiet());
}

}  // namespace
}  // namespace sluice::tcp::test
