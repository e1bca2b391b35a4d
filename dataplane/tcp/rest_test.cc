// SPDX-License-Identifier: Apache-2.0
// Connections that come to rest and wake: nobody on either side can tell, but for the memory.
#include <gtest/gtest.h>

#include "dataplane/tcp/test_host.hh"

namespace sluice::tcp::test {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

struct Rest : testing::Test {
  void start(const Limits& server_limits = {}, unsigned clients = 1) {
    pair = std::make_unique<Pair>(1, Limits{}, server_limits);
    simulation::Conditions conditions;
    conditions.delay_ns = 10'000'000;
    pair->world.wire.set_conditions(conditions);
    pair->listen();
    users.resize(clients);
    for (Recorder& user : users) open(user);
  }
  void open(Recorder& user) {
    const size_t before = pair->acceptor.users.size();
    pair->connect(user);
    ASSERT_TRUE(pair->world.run_until(
        [&] { return user.connected == 1 && pair->acceptor.users.size() == before + 1; }));
  }
  void exchange(Recorder& user, Recorder& peer, size_t bytes) {
    const std::string text = pattern(bytes);
    user.received.clear();
    peer.received.clear();
    user.send(text, false);
    ASSERT_TRUE(pair->world.run_until([&] { return peer.received.size() == bytes; }, 600 * kSecond));
    peer.send(text, false);
    ASSERT_TRUE(pair->world.run_until([&] { return user.received.size() == bytes; }, 600 * kSecond));
    EXPECT_EQ(peer.received, text);
    EXPECT_EQ(user.received, text);
  }
  void be_quiet(uint64_t seconds = 3) { pair->world.run_for(seconds * kSecond); }
  Recorder& served(size_t index) { return *pair->acceptor.users[index]; }
  Connection& client(size_t index = 0) { return static_cast<Connection&>(*users[index].stream); }
  Connection& server(size_t index = 0) { return static_cast<Connection&>(*served(index).stream); }
  void expect_sound() {
    EXPECT_EQ(pair->client.tcp->broken_invariant(), nullptr);
    EXPECT_EQ(pair->server.tcp->broken_invariant(), nullptr);
  }
  std::unique_ptr<Pair> pair;
  std::deque<Recorder> users;
};

TEST_F(Rest, AQuietConnectionHasNoTimerAndGoesOnAsIfNothingHadBeen) {
  start();
  exchange(users[0], served(0), 50'000);
  EXPECT_FALSE(client().at_rest());
  const uint32_t rtt_us = client().smoothed_rtt_us();
  be_quiet();
  EXPECT_TRUE(client().at_rest());
  EXPECT_TRUE(server().at_rest());
  EXPECT_EQ(pair->client.reactor.timers().armed(), 0u);
  EXPECT_EQ(client().smoothed_rtt_us(), rtt_us);
  expect_sound();
  exchange(users[0], served(0), 50'000);
  be_quiet();
  EXPECT_EQ(pair->client.tcp->counters.retransmitted, 0u);
  EXPECT_EQ(pair->server.tcp->counters.retransmitted, 0u);
  EXPECT_EQ(pair->client.tcp->counters.challenge_acks, 0u);
  EXPECT_TRUE(client().at_rest());
  expect_sound();
  // It ends in order, from rest.
  users[0].send("", true);
  ASSERT_TRUE(pair->world.run_until([&] { return users[0].closed == 1 && served(0).closed == 1; }));
  EXPECT_EQ(users[0].error, Error::kNone);
  EXPECT_TRUE(pair->quiet());
}

TEST_F(Rest, ABusyConnectionIsNotLaidToRest) {
  start();
  for (int i = 0; i < 20; ++i) {
    exchange(users[0], served(0), 100);
    pair->world.run_for(kSecond / 2);
  }
  EXPECT_EQ(pair->client.tcp->counters.rested, 0u);
  EXPECT_EQ(pair->server.tcp->counters.rested, 0u);
}

TEST_F(Rest, NotWhileTheUserHoldsBytesOrKeepsAlive) {
  start();
  served(0).consumes = false;
  users[0].send("kept", false);
  be_quiet();
  EXPECT_TRUE(client().at_rest());
  EXPECT_FALSE(server().at_rest());
  served(0).give_back();
  be_quiet();
  EXPECT_TRUE(server().at_rest());
  // Wakes it, too.
  served(0).stream->set_keep_alive(true, 10'000);
  be_quiet(5);
  EXPECT_FALSE(server().at_rest());
  EXPECT_EQ(pair->server.tcp->counters.keep_alive_probes, 0u);
  be_quiet(10);
  EXPECT_GE(pair->server.tcp->counters.keep_alive_probes, 1u);
  served(0).stream->set_keep_alive(false, 0);
  be_quiet();
  EXPECT_TRUE(server().at_rest());
  expect_sound();
}

TEST_F(Rest, AResetAndAnAbortReachAConnectionAtRest) {
  start({}, 2);
  be_quiet();
  ASSERT_TRUE(server(0).at_rest() && server(1).at_rest());
  users[0].stream->abort();
  served(1).stream->abort();
  ASSERT_TRUE(pair->world.run_until([&] { return served(0).closed == 1 && users[1].closed == 1; }));
  EXPECT_EQ(served(0).error, Error::kConnectionReset);
  EXPECT_EQ(users[1].error, Error::kConnectionReset);
  be_quiet(1);
  EXPECT_TRUE(pair->quiet());
}

TEST_F(Rest, WhatWasLearntOfTheReceiverIsKept) {
  start();
  exchange(users[0], served(0), 3'000'000);
  const uint32_t limit = server().receive_limit_bytes();
  EXPECT_GT(limit, 256u * 1024);
  be_quiet();
  ASSERT_TRUE(server().at_rest());
  exchange(users[0], served(0), 1000);
  EXPECT_EQ(server().receive_limit_bytes(), limit);
}

// CUBIC's plateau outlives the rest: after it the window does not go over to probing beyond the plateau as if it were new.
TEST_F(Rest, TheLastLossIsRemembered) {
  start();
  exchange(users[0], served(0), 500'000);
  simulation::Conditions lossy;
  lossy.delay_ns = 10'000'000;
  lossy.loss = 0.02;
  pair->world.wire.set_conditions(lossy);
  exchange(users[0], served(0), 500'000);
  lossy.loss = 0;
  pair->world.wire.set_conditions(lossy);
  exchange(users[0], served(0), 1000);
  const uint32_t ssthresh = client().ssthresh_bytes();
  ASSERT_LT(ssthresh, 1u << 30);
  be_quiet(30);
  ASSERT_TRUE(client().at_rest());
  EXPECT_EQ(client().ssthresh_bytes(), ssthresh);
  users[0].send(pattern(10), false);
  ASSERT_FALSE(client().at_rest());
  pair->world.run_for(kSecond);
  users[0].send(pattern(4'000'000), false);
  ASSERT_TRUE(pair->world.run_until(
      [&] { return client().congestion() && !(client().cwnd_bytes() < client().ssthresh_bytes()); }));
  EXPECT_GT(client().congestion()->memory(), 0);
}

TEST_F(Rest, BbrGoesOnWithTheBandwidthItKnows) {
  pair = std::make_unique<Pair>(1, Limits{}, Limits{});
  simulation::Conditions conditions;
  conditions.delay_ns = 10'000'000;
  conditions.rate_bits_per_second = 50'000'000;
  pair->world.wire.set_conditions(conditions);
  pair->listen();
  pair->client.tcp->congestion_control = CongestionControl::kBbr;
  users.resize(1);
  open(users[0]);
  exchange(users[0], served(0), 10'000'000);
  const uint64_t known = client().congestion()->bbr().bandwidth();
  ASSERT_GT(known, 4'000'000u);
  be_quiet(20);
  ASSERT_TRUE(client().at_rest());
  EXPECT_EQ(client().congestion(), nullptr);
  users[0].send(pattern(100), false);
  ASSERT_NE(client().congestion(), nullptr);
  EXPECT_EQ(client().congestion()->bbr().mode(), Bbr::Mode::kProbeBandwidth);
  EXPECT_NEAR(static_cast<double>(client().congestion()->bbr().bandwidth()), static_cast<double>(known),
              static_cast<double>(known) * 1e-6);
  ASSERT_TRUE(pair->world.run_until([&] { return served(0).received.ends_with(pattern(100)); }));
  exchange(users[0], served(0), 10'000'000);
  EXPECT_EQ(pair->client.tcp->counters.timeouts, 0u);
}

TEST_F(Rest, ConnectionsAreFoundAwakeOrNot) {
  start({}, 40);
  be_quiet();
  served(3).stream->write_copy("awake");
  std::vector<Flow> flows;
  for (size_t i = 0; i < users.size(); ++i) {
    const Endpoint local = server(i).local(), remote = server(i).remote();
    flows.push_back({local.address, remote.address, local.port, remote.port});
  }
  flows.push_back({flows[0].local, flows[0].remote, 81, flows[0].remote_port});
  Tcp& tcp = *pair->server.tcp;
  tcp.expect(flows.data(), static_cast<unsigned>(flows.size()));
  for (size_t i = 0; i < users.size(); ++i) EXPECT_EQ(tcp.find_connection(flows[i]), &server(i)) << i;
  EXPECT_EQ(tcp.find_connection(flows.back()), nullptr);
  EXPECT_EQ(pair->server.tcp->active_count(), 1u);
}

// ---- the limit
// ----------------------------------------------------------------------------------------------------

TEST_F(Rest, WhoHasBeenQuietMakesRoomForOthers) {
  Limits limits;
  limits.active_connections = 2;
  limits.rest_after_ms = 3'600'000;
  start(limits, 6);
  EXPECT_EQ(pair->acceptor.users.size(), 6u);
  EXPECT_EQ(pair->server.tcp->counters.active_limit, 0u);
  for (size_t i = 0; i < users.size(); ++i) {
    be_quiet(1);
    exchange(users[i], served(i), 10'000);
  }
  EXPECT_EQ(pair->server.tcp->counters.active_limit, 0u);
  EXPECT_GE(pair->server.tcp->counters.rested, 8u);
  expect_sound();
}

TEST_F(Rest, BeyondTheLimitSegmentsWaitAndWritesAreRefusedButEndsAreNot) {
  Limits limits;
  limits.active_connections = 2;
  start(limits, 2);
  be_quiet();
  // Two that hold what they were given take all there is.
  Recorder third, fourth;
  served(0).consumes = served(1).consumes = false;
  users[0].send("held", false);
  users[1].send("held", false);
  ASSERT_TRUE(pair->world.run_until([&] { return served(0).held == 4 && served(1).held == 4; }));
  be_quiet();
  Tcp& tcp = *pair->server.tcp;
  // A handshake is not finished, but nor is it refused: it goes on when there is room.
  pair->connect(third);
  pair->connect(fourth);
  ASSERT_TRUE(pair->world.run_until([&] { return third.connected == 1 && fourth.connected == 1; }));
  be_quiet(1);
  EXPECT_EQ(pair->acceptor.users.size(), 2u);
  EXPECT_GT(tcp.counters.active_limit, 0u);
  served(0).give_back();
  served(1).give_back();
  third.send("three", false);
  fourth.send("four", false);
  ASSERT_TRUE(pair->world.run_until([&] { return pair->acceptor.users.size() == 4; }, 100 * kSecond));
  ASSERT_TRUE(pair->world.run_until(
      [&] { return served(2).received.size() + served(3).received.size() == 9; }, 100 * kSecond));
  be_quiet();
  // Full again. What comes for one at rest is dropped, and comes again.
  served(2).consumes = served(3).consumes = false;
  third.send("!", false);
  fourth.send("!", false);
  ASSERT_TRUE(pair->world.run_until([&] { return served(2).held == 1 && served(3).held == 1; }));
  ASSERT_TRUE(server(0).at_rest() && server(1).at_rest());
  const uint64_t refused = tcp.counters.active_limit;
  served(0).consumes = true;
  served(0).received.clear();
  users[0].send("later", false);
  be_quiet(1);
  EXPECT_EQ(served(0).received, "");
  EXPECT_GT(tcp.counters.active_limit, refused);
  Buffer* chain = served(1).stream->pool().allocate();
  chain->append(10);
  EXPECT_EQ(served(1).stream->write(chain), Error::kNoBuffers);
  EXPECT_EQ(served(1).stream->reserve(10), nullptr);
  // Ends go through all the same.
  served(1).stream->shutdown();
  ASSERT_TRUE(pair->world.run_until([&] { return users[1].ended == 1; }));
  served(2).give_back();
  ASSERT_TRUE(pair->world.run_until([&] { return served(0).received == "later"; }, 100 * kSecond));
  expect_sound();
}

TEST_F(Rest, ConnectIsRefusedBeyondTheLimit) {
  Limits limits;
  limits.active_connections = 1;
  pair = std::make_unique<Pair>(1, limits, Limits{});
  pair->listen();
  users.resize(1);
  open(users[0]);
  transport::ConnectOptions options;
  options.remote = {pair->server.address, 80};
  users[0].consumes = false;
  pair->acceptor.only().send("x", false);
  ASSERT_TRUE(pair->world.run_until([&] { return users[0].held == 1; }));
  be_quiet();
  Recorder another;
  const auto refused = pair->client.tcp->connect(options, another);
  EXPECT_EQ(refused.error, Error::kTooManyFiles);
  EXPECT_NE(refused.detail.find("limit"), std::string::npos);
  users[0].give_back();
  be_quiet();
  EXPECT_TRUE(pair->client.tcp->connect(options, another));
  ASSERT_TRUE(pair->world.run_until([&] { return another.connected == 1; }));
}

}  // namespace
}  // namespace sluice::tcp::test
