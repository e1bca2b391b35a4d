// SPDX-License-Identifier: Apache-2.0
// Connections between two of our own stacks on a clean wire: opening, data both ways, every way of ending.
#include <gtest/gtest.h>

#include "dataplane/tcp/test_host.hh"

namespace sluice::tcp::test {
namespace {

constexpr uint64_t kSecond = kNanosecondsPerSecond;

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
  pair.world.run_for(59 * kSecond);
  EXPECT_EQ(pair.client.tcp->flow_count(), 1u);
  pair.world.run_for(3 * kSecond);
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
  EXPECT_GT(user.writable, 0u);
  user.send("", true);
  ASSERT_TRUE(pair.world.run_until([&] { return user.closed == 1; }));
  EXPECT_EQ(pair.client.tcp->counters.retransmitted, 0u);
  pair.world.run_for(130 * kSecond);
  EXPECT_TRUE(pair.quiet());
}

TEST(Connection, TheServerMaySpeakFirst) {
  Pair pair;
  pair.listen();
  pair.acceptor.greeting = "220 ready";
  Recorder user;
  pair.connect(user);
  ASSERT_TRUE(pair.world.run_until([&] { return user.received == "220 ready"; }));
}

TEST(Connection, HalfCloseLeavesTheOtherDirectionOpen) {
  Pair pair;
  pair.listen();
  pair.acceptor.shuts_down_on_end = false;
  Recorder user;
  pair.connect(user);
  user.send("question", true);
  ASSERT_TRUE(
      pair.world.run_until([&] { return pair.acceptor.users.size() == 1 && pair.acceptor.only().ended; }));
  Recorder& server = pair.acceptor.only();
  EXPECT_EQ(server.received, "question");
  EXPECT_EQ(user.stream->write(user.stream->pool().allocate()), Error::kBrokenPipe);
  const std::string answer = pattern(700'000);
  server.send(answer, false);
  ASSERT_TRUE(pair.world.run_until([&] { return user.received == answer; }));
  EXPECT_EQ(user.closed, 0u);
  server.send("", true);
  ASSERT_TRUE(pair.world.run_until([&] { return user.closed && server.closed; }));
  EXPECT_EQ(user.error, Error::kNone);
  EXPECT_EQ(server.error, Error::kNone);
  EXPECT_TRUE(pair.quiet());
}

TEST(Connection, BothEndsMayCloseAtOnce) {
  Pair pair;
  pair.listen();
  Recorder user;
  pair.connect(user);
  ASSERT_TRUE(pair.world.run_until([&] { return user.connected && !pair.acceptor.users.empty(); }));
  user.stream->shutdown();
  pair.acceptor.only().stream->shutdown();
  ASSERT_TRUE(pair.world.run_until([&] { return user.closed && pair.acceptor.only().closed; }));
  EXPECT_EQ(user.error, Error::kNone);
  EXPECT_EQ(pair.acceptor.only().error, Error::kNone);
  // Each sent the first FIN, so each waits.
  EXPECT_EQ(pair.client.tcp->time_wait_count(), 1u);
  EXPECT_EQ(pair.server.tcp->time_wait_count(), 1u);
  pair.world.run_for(70 * kSecond);
  EXPECT_EQ(pair.client.tcp->flow_count() + pair.server.tcp->flow_count(), 0u);
}

TEST(Connection, AbortResetsThePeer) {
  Pair pair;
  pair.listen();
  Recorder user;
  pair.connect(user);
  user.send("some", false);
  ASSERT_TRUE(pair.world.run_until(
      [&] { return !pair.acceptor.users.empty() && pair.acceptor.only().received == "some"; }));
  user.stream->abort();
  EXPECT_EQ(user.closed, 0u);  // never from inside abort()
  ASSERT_TRUE(pair.world.run_until([&] { return user.closed && pair.acceptor.only().closed; }));
  EXPECT_EQ(user.error, Error::kConnectionAborted);
  EXPECT_EQ(pair.acceptor.only().error, Error::kConnectionReset);
  EXPECT_EQ(pair.client.tcp->flow_count() + pair.server.tcp->flow_count(), 0u);
  EXPECT_TRUE(pair.quiet());
}

TEST(Connection, WhatWasQueuedIsDroppedByAbort) {
  Pair pair;
  pair.listen();
  Recorder user;
  pair.connect(user);
  ASSERT_TRUE(pair.world.run_until([&] { return user.connected == 1; }));
  user.send(pattern(3'000'000), false);
  pair.world.run_for(100'000);
  user.stream->abort();
  EXPECT_EQ(user.stream->write(user.stream->pool().allocate()), Error::kConnectionReset);
  EXPECT_EQ(user.stream->reserve(10), nullptr);
  ASSERT_TRUE(pair.world.run_until([&] { return user.closed && pair.acceptor.only().closed; }));
  EXPECT_TRUE(pair.quiet());
}

TEST(Connection, NobodyListensMeansRefused) {
  Pair pair;
  Recorder user;
  pair.connect(user, 81);
  ASSERT_TRUE(pair.world.run_until([&] { return user.closed == 1; }));
  EXPECT_EQ(user.error, Error::kConnectionRefused);
  EXPECT_EQ(user.connected, 0u);
  EXPECT_EQ(pair.server.tcp->counters.resets_sent, 1u);
  EXPECT_EQ(pair.client.tcp->flow_count(), 0u);
}

TEST(Connection, ConnectingTimesOutAndRetriesBefore) {
  Pair pair;
  Recorder user;
  // The neighbour is known, then the wire is cut.
  pair.connect(user, 81);
  ASSERT_TRUE(pair.world.run_until([&] { return user.closed == 1; }));
  pair.world.wire.conditions(0, 1).cut = true;
  Recorder second;
  const uint64_t began_ns = pair.world.now_ns();
  pair.connect(second, 80, 10'000);
  ASSERT_TRUE(pair.world.run_until([&] { return second.closed == 1; }));
  EXPECT_EQ(second.error, Error::kTimedOut);
  EXPECT_NEAR(static_cast<double>(pair.world.now_ns() - began_ns) / 1e9, 10.0, 0.1);
  EXPECT_EQ(pair.client.tcp->counters.timeouts, 3u);  // after 1, 3 and 7 seconds
  EXPECT_EQ(pair.client.tcp->flow_count(), 0u);
}

TEST(Connection, ANeighbourThatIsNotThereIsUnreachableOrTimesOut) {
  Pair pair;
  Recorder user;
  transport::ConnectOptions options;
  options.remote = {IpAddress::v4(0xc0000263), 80};
  options.timeout_ms = 8'000;
  auto result = pair.client.tcp->connect(options, user);
  ASSERT_TRUE(result);
  ASSERT_TRUE(pair.world.run_until([&] { return user.closed == 1; }));
  EXPECT_TRUE(user.error == Error::kHostUnreachable || user.error == Error::kTimedOut);
  pair.world.run_for(10 * kSecond);
  EXPECT_TRUE(pair.quiet());
}

TEST(Connection, ConnectFailsAtOnceWithoutARoute) {
  Pair pair;
  Recorder user;
  transport::ConnectOptions options;
  options.remote = {IpAddress::v4(0xcb007101), 80};
  auto result = pair.client.tcp->connect(options, user);
  EXPECT_EQ(result.error, Error::kNetworkUnreachable);
  EXPECT_FALSE(result.detail.empty());
  options.remote = {pair.server.address, 80};
  options.local_address = IpAddress::v4(0xcb007102);
  EXPECT_EQ(pair.client.tcp->connect(options, user).error, Error::kAddressNotAvailable);
  EXPECT_EQ(user.closed, 0u);
}

TEST(Connection, AbortWhileConnectingIsSilent) {
  Pair pair;
  Recorder user;
  Stream* stream = pair.connect(user, 81);
  stream->abort();
  ASSERT_TRUE(pair.world.run_until([&] { return user.closed == 1; }));
  EXPECT_EQ(user.error, Error::kConnectionAborted);
  EXPECT_EQ(pair.client.tcp->counters.resets_sent, 0u);
  EXPECT_EQ(pair.client.tcp->flow_count(), 0u);
}

// Users that end things from inside their callbacks.
class Impatient : public Recorder {
 public:
  enum What { kAbortOnData, kAbortOnConnected, kShutdownOnData, kAbortOnEnd, kAbortOnWritable } what;
  explicit Impatient(What its_what) : what(its_what) {}
  void on_connected(Stream& its_stream) override {
    Recorder::on_connected(its_stream);
    if (what == kAbortOnConnected) its_stream.abort();
  }
  void on_data(Stream& its_stream, Buffer* chain) override {
    Recorder::on_data(its_stream, chain);
    if (what == kAbortOnData) its_stream.abort();
    if (what == kShutdownOnData) its_stream.shutdown();
  }
  void on_end(Stream& its_stream) override {
    ++ended;
    if (what == kAbortOnEnd) {
      its_stream.abort();
    } else {
      its_stream.shutdown();
    }
  }
  void on_writable(Stream& its_stream) override {
    if (what == kAbortOnWritable) its_stream.abort();
  }
};

class EndingInsideCallbacks : public testing::TestWithParam<Impatient::What> {};

TEST_P(EndingInsideCallbacks, IsSafe) {
  Pair pair;
  pair.listen();
  pair.acceptor.greeting = "data";
  Impatient user(GetParam());
  pair.connect(user);
  if (GetParam() != Impatient::kAbortOnConnected) {
    ASSERT_TRUE(pair.world.run_until([&] { return !pair.acceptor.users.empty(); }));
  }
  if (GetParam() == Impatient::kAbortOnWritable) {
    ASSERT_TRUE(pair.world.run_until([&] { return user.connected == 1; }));
    user.send(pattern(2'000'000), false);
  }
  if (GetParam() == Impatient::kAbortOnEnd) pair.acceptor.only().send("", true);
  ASSERT_TRUE(pair.world.run_until(
      [&] { return user.closed && (pair.acceptor.users.empty() || pair.acceptor.only().closed); }));
  EXPECT_EQ(user.error, GetParam() == Impatient::kShutdownOnData ? Error::kNone : Error::kConnectionAborted);
  pair.world.run_for(70 * kSecond);
  EXPECT_TRUE(pair.quiet());
  EXPECT_EQ(pair.client.tcp->flow_count() + pair.server.tcp->flow_count(), 0u);
}

INSTANTIATE_TEST_SUITE_P(All, EndingInsideCallbacks,
                         testing::Values(Impatient::kAbortOnData, Impatient::kAbortOnConnected,
                                         Impatient::kShutdownOnData, Impatient::kAbortOnEnd,
                                         Impatient::kAbortOnWritable));

TEST(Connection, AReaderThatStopsStopsTheWriterAndNothingIsLost) {
  Limits small;
  small.receive_window_bytes = small.receive_window_limit_bytes = 20'000;
  Pair pair(1, {}, small);
  pair.listen();
  pair.acceptor.consumes = false;
  Recorder user;
  pair.connect(user);
  const std::string data = pattern(400'000);
  user.send(data, false);
  ASSERT_TRUE(pair.world.run_until([&] { return !pair.acceptor.users.empty(); }));
  Recorder& server = pair.acceptor.only();
  pair.world.run_for(30 * kSecond);
  // Exactly what the window took; the rest waits on the client's side, and write_is_full() said so.
  EXPECT_EQ(server.received.size(), 20'000u);
  EXPECT_GE(user.stream->queued_bytes(), Stream::kSendHighMarkBytes - 20'000);
  EXPECT_GT(user.pending.size(), 0u);
  EXPECT_GT(pair.client.tcp->counters.window_probes, 3u);
  while (server.received.size() < data.size()) {
    const size_t before = server.received.size();
    server.give_back();
    ASSERT_TRUE(pair.world.run_until([&] { return server.received.size() > before; }));
  }
  EXPECT_EQ(server.received, data);
  user.send("", true);
  server.give_back();
  ASSERT_TRUE(pair.world.run_until([&] { return user.closed && server.closed; }));
  EXPECT_TRUE(pair.quiet());
}

TEST(Connection, AWindowUpdateThatIsLostDoesNotStall) {
  Limits small;
  small.receive_window_bytes = 8'000;
  Pair pair(1, {}, small);
  pair.listen();
  pair.acceptor.consumes = false;
  Recorder user;
  pair.connect(user);
  user.send(pattern(16'000), false);
  ASSERT_TRUE(pair.world.run_until(
      [&] { return !pair.acceptor.users.empty() && pair.acceptor.only().received.size() >= 8'000; }));
  pair.world.run_for(10'000'000);
  pair.world.wire.conditions(1, 0).cut = true;
  pair.acceptor.only().give_back();
  pair.world.run_for(10'000'000);
  pair.world.wire.conditions(1, 0).cut = false;
  ASSERT_TRUE(
      pair.world.run_until([&] { return pair.acceptor.only().received.size() == 16'000; }, 5 * kSecond));
  EXPECT_GT(pair.client.tcp->counters.window_probes, 0u);
}

TEST(Connection, APeerThatVanishesTimesTheWriterOut) {
  Pair pair;
  pair.listen();
  Recorder user;
  pair.connect(user);
  ASSERT_TRUE(pair.world.run_until([&] { return user.connected == 1; }));
  pair.world.wire.conditions(0, 1).cut = true;
  user.send("into the void", false);
  const uint64_t began_ns = pair.world.now_ns();
  ASSERT_TRUE(pair.world.run_until([&] { return user.closed == 1; }, 400 * kSecond));
  // Of the neighbour's silence, if that was noticed meanwhile.
  EXPECT_TRUE(user.error == Error::kTimedOut || user.error == Error::kHostUnreachable);
  // R2 is at least 100 s (RFC 9293 section 3.8.3).
  EXPECT_GE(pair.world.now_ns() - began_ns, 100 * kSecond);
  EXPECT_LE(pair.world.now_ns() - began_ns, 200 * kSecond);
  EXPECT_GE(pair.client.tcp->counters.timeouts, 6u);
}

TEST(Connection, KeepAliveFindsAPeerThatIsGone) {
  Limits limits;
  limits.keep_alive_interval_ms = 1'000;
  limits.keep_alive_probes = 3;
  Pair pair(1, limits);
  pair.listen();
  Recorder user;
  pair.connect(user);
  ASSERT_TRUE(pair.world.run_until([&] { return user.connected == 1; }));
  user.stream->set_keep_alive(true, 5'000);
  pair.world.run_for(60 * kSecond);
  EXPECT_EQ(user.closed, 0u);  // it answers
  EXPECT_NEAR(static_cast<double>(pair.client.tcp->counters.keep_alive_probes), 11, 2);
  pair.world.wire.conditions(0, 1).cut = true;
  ASSERT_TRUE(pair.world.run_until([&] { return user.closed == 1; }));
  EXPECT_EQ(user.error, Error::kTimedOut);
  EXPECT_EQ(pair.client.tcp->counters.keep_alive_failed, 1u);
}

TEST(Connection, SequenceNumbersWrap) {
  // The seed decides the first sequence numbers; the second run starts them just before the wrap.
  Sequence first[2] = {0, 0};
  for (const bool biased : {false, true}) {
    Pair pair(99);
    pair.listen();
    pair.acceptor.echoes = true;
    unsigned synchronised = 0;
    Sequence seen[2] = {};
    pair.world.wire.set_hook([&](std::span<std::byte> frame, unsigned from, unsigned) {
      if (frame.size() >= 54 && frame[12] == std::byte{8} &&
          (frame[34 + 13] & std::byte{2}) != std::byte{0}) {
        seen[from] = wire::load_32(frame.data() + 38);
        ++synchronised;
      }
      return true;
    });
    if (biased) {
      pair.client.tcp->bias_initial_sequence(0u - first[0] - 50'000);
      pair.server.tcp->bias_initial_sequence(0u - first[1] - 1);
    }
    Recorder user;
    pair.connect(user);
    const std::string data = pattern(300'000);
    user.send(data, false);
    ASSERT_TRUE(pair.world.run_until([&] { return user.received == data; }));
    user.send("", true);
    ASSERT_TRUE(pair.world.run_until([&] { return user.closed && pair.acceptor.only().closed; }));
    EXPECT_EQ(user.error, Error::kNone);
    ASSERT_EQ(synchronised, 2u);
    if (biased) {
      EXPECT_EQ(seen[0], 0u - 50'000);
      EXPECT_EQ(seen[1], 0u - 1);
    }
    first[0] = seen[0];
    first[1] = seen[1];
  }
}

TEST(Connection, OffloadsAreUsed) {
  simulation::SimulatedPortOptions ports;
  ports.capabilities = {.transmit_ip_checksum = true, .transmit_tcp_checksum = true};
  ports.verifies_checksums = true;
  Pair pair(1, {}, {}, ports);
  pair.listen();
  pair.acceptor.echoes = true;
  Recorder user;
  pair.connect(user);
  const std::string data = pattern(200'000);
  user.send(data, false);
  ASSERT_TRUE(pair.world.run_until([&] { return user.received == data; }));
  EXPECT_EQ(pair.server.tcp->counters.bad_checksum, 0u);
}

TEST(Connection, ThePortCutsLargeSendsWhereItCan) {
  simulation::SimulatedPortOptions ports;
  ports.capabilities = {.transmit_ip_checksum = true,
                        .transmit_tcp_checksum = true,
                        .tso = true,
                        .transmit_scatter = true,
                        .tso_limit_bytes = 60'000};
  Pair pair(1, {}, {}, ports);
  pair.listen();
  pair.acceptor.echoes = true;
  Recorder user;
  pair.connect(user);
  const std::string data = pattern(2'000'000);
  user.send(data, true);
  ASSERT_TRUE(pair.world.run_until([&] { return user.closed == 1; }));
  EXPECT_EQ(user.received, data);
  EXPECT_GT(pair.client.tcp->counters.sent_large, 10u);
  EXPECT_LT(pair.client.tcp->counters.segments_sent, 1'000u);
  EXPECT_EQ(pair.client.tcp->counters.retransmitted, 0u);
}

TEST(Connection, SmallRequestsCostOneSegmentEachWay) {
  Pair pair;
  pair.listen();
  pair.acceptor.echoes = true;
  Recorder user;
  pair.connect(user);
  user.send("warm up", false);
  ASSERT_TRUE(pair.world.run_until([&] { return user.received.size() == 7; }));
  const uint64_t before = pair.client.tcp->counters.segments_sent + pair.server.tcp->counters.segments_sent;
  for (int i = 0; i < 100; ++i) {
    const size_t had = user.received.size();
    user.send("request", false);
    ASSERT_TRUE(pair.world.run_until([&] { return user.received.size() == had + 7; }));
  }
  const uint64_t sent =
      pair.client.tcp->counters.segments_sent + pair.server.tcp->counters.segments_sent - before;
  // The acknowledgement of the last answer apart, and those at once at a connection's beginning.
  EXPECT_LE(sent, 210u);
  EXPECT_GT(pair.server.tcp->counters.predicted, 90u);
  EXPECT_GT(pair.server.tcp->counters.sent_in_place, 90u);
}

}  // namespace
}  // namespace sluice::tcp::test
