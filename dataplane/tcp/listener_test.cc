// SPDX-License-Identifier: Apache-2.0
// Listening: backlog, floods and cookies, draining, limits, and new incarnations of old connections.
#include <gtest/gtest.h>

#include "dataplane/tcp/test_peer.hh"

namespace sluice::tcp::test {
namespace {

constexpr uint64_t kSecond = kNanosecondsPerSecond;

TEST(Listener, EndpointsAreTakenAndFreed) {
  Pair pair;
  Acceptor user;
  transport::ListenOptions options;
  options.local = {IpAddress{}, 80};
  auto first = pair.server.tcp->listen(options, user);
  ASSERT_TRUE(first);
  auto second = pair.server.tcp->listen(options, user);
  EXPECT_EQ(second.error, Error::kAddressInUse);
  EXPECT_NE(second.detail.find(":80"), std::string::npos);
  options.local.address = pair.server.address;
  EXPECT_TRUE(pair.server.tcp->listen(options, user));  // more particular than any
  options.local.address = IpAddress::v4(0x08080808);
  EXPECT_EQ(pair.server.tcp->listen(options, user).error, Error::kAddressNotAvailable);
  first.value.reset();
  options.local.address = {};
  EXPECT_TRUE(pair.server.tcp->listen(options, user));
  options.local.port = 0;
  auto chosen = pair.server.tcp->listen(options, user);
  ASSERT_TRUE(chosen);
  EXPECT_NE(chosen.value->local().port, 0);
}

TEST(Listener, OneThatIsNotAcceptingLetsClientsWait) {
  Pair pair;
  pair.listen();
  pair.listener->set_accepting(false);
  Recorder user;
  pair.connect(user);
  pair.world.run_for(2 * kSecond);
  EXPECT_EQ(user.connected + user.closed, 0u);
  EXPECT_GT(pair.server.tcp->counters.not_accepting, 0u);
  pair.listener->set_accepting(true);
  ASSERT_TRUE(pair.world.run_until([&] { return user.connected == 1; }));
}

TEST(Listener, ClosingItKeepsWhatIsEstablishedAndForgetsWhatIsHalfOpen) {
  Bench bench;
  bench.open();
  RawPeer other(bench.world, bench.host, IpAddress::v4(0xc0000203), 1, 80);
  other.send({.flags = kTcpSyn, .sequence = 1});
  EXPECT_EQ(bench.host.tcp->half_open_count(), 1u);
  bench.listener.reset();
  EXPECT_EQ(bench.host.tcp->half_open_count(), 0u);
  bench.peer.send(kTcpAck | kTcpPsh, "still here");
  EXPECT_EQ(bench.acceptor.only().received, "still here");
  other.segments.clear();
  other.send({.flags = kTcpSyn, .sequence = 1});
  EXPECT_TRUE(other.take().flags & kTcpRst);
}

TEST(Listener, HalfOpenConnectionsRetryAndExpire) {
  Bench bench;
  bench.listen();
  bench.peer.send({.flags = kTcpSyn, .sequence = 1000});
  bench.peer.run_ms(70'000);
  EXPECT_EQ(bench.peer.segments.size(), 6u);  // the first and five more
  EXPECT_EQ(bench.host.tcp->half_open_count(), 0u);
  EXPECT_EQ(bench.host.tcp->flow_count(), 0u);
  EXPECT_EQ(bench.counters().half_open_expired, 1u);
  EXPECT_EQ(bench.host.port.pool().outstanding(), 0u);
}

// SYNs of addresses and ports that nobody answers for.
void flood(Bench& bench, unsigned count, uint32_t from = 0) {
  for (unsigned i = 0; i < count; ++i) {
    std::byte frame[54] = {};
    const uint32_t source = 0xc0000280 + (from + i) % 100;
    const auto port = static_cast<uint16_t>(1024 + (from + i) / 100);
    emit_ethernet(frame, bench.host.port.mac(), MacAddress{{2, 0, 0, 0, 9, 9}}, kEtherTypeIpv4);
    const Ipv4Fields fields{.total_bytes = 40,
                            .fragment_word = kIpv4DontFragment,
                            .hop_limit = 64,
                            .protocol = 6,
                            .source = source,
                            .destination = bench.host.address.v4()};
    emit_ipv4(frame + 14, fields);
    set_ipv4_checksum(frame + 14, fields);
    emit_tcp(frame + 34,
             {.source_port = port, .destination_port = 80, .sequence = i, .flags = kTcpSyn, .window = 1000});
    const auto sum = pseudo_header_sum(IpAddress::v4(source), bench.host.address, 6, 20);
    set_tcp_checksum(frame + 34, checksum_finish(checksum_add(sum, frame + 34, 20)));
    bench.world.wire.port(1).inject(frame);
    if (i % 500 == 499) bench.world.run_for(100'000);
  }
  bench.world.run_for(1'000'000);
}

TEST(Listener, AFloodOfSynsCostsABoundedAmountAndClientsAreServed) {
  Bench bench;
  bench.listen(100);
  bench.peer.open({.mss = 1460});
  bench.acceptor.only().echoes = true;
  flood(bench, 5'000);
  EXPECT_EQ(bench.host.tcp->half_open_count(), 100u);
  EXPECT_EQ(bench.counters().cookies_sent, 4'900u);
  // The established one goes on.
  bench.peer.send(kTcpAck | kTcpPsh, "amid the flood");
  bench.peer.settle();
  EXPECT_EQ(bench.acceptor.users[0]->received, "amid the flood");
  // A new one comes through by its cookie, options and all.
  RawPeer client(bench.world, bench.host, IpAddress::v4(0xc0000204), 5555, 80);
  client.open({.has_timestamp = true,
               .has_window_scale = true,
               .sack_permitted = true,
               .window_scale = 9,
               .mss = 1400,
               .timestamp = 77});
  ASSERT_EQ(bench.acceptor.users.size(), 2u);
  EXPECT_EQ(bench.counters().cookies_accepted, 1u);
  auto& connection = static_cast<Connection&>(*bench.acceptor.users[1]->stream);
  EXPECT_TRUE(connection.timestamps());
  EXPECT_TRUE(connection.sack());
  EXPECT_TRUE(connection.window_scaling());
  EXPECT_EQ(connection.mss_bytes(), 1348u);  // 1400 is told as 1360
  client.timestamp = 80;
  client.send(kTcpAck | kTcpPsh, "hello");
  EXPECT_EQ(bench.acceptor.users[1]->received, "hello");
  // The flood's records go by themselves.
  bench.peer.run_ms(130'000);
  EXPECT_EQ(bench.host.tcp->half_open_count(), 0u);
}

TEST(Listener, ACookieServesAClientWithoutOptionsAndWithItsFirstData) {
  Bench bench;
  bench.listen(1);
  flood(bench, 2);
  bench.peer.send({.flags = kTcpSyn, .sequence = 1000});
  const RawSegment answer = bench.peer.take();
  bench.peer.send({.flags = kTcpAck | kTcpPsh,
                   .sequence = 1001,
                   .acknowledgement = answer.sequence + 1,
                   .payload = "GET"});
  EXPECT_EQ(bench.acceptor.only().received, "GET");
  EXPECT_FALSE(bench.connection().timestamps());
}

TEST(Listener, GuessedCookiesAreReset) {
  Bench bench;
  bench.listen(1);
  flood(bench, 2);
  for (uint32_t i = 0; i < 200; ++i)
    bench.peer.send({.flags = kTcpAck, .sequence = 1001, .acknowledgement = i * 1'234'567});
  EXPECT_TRUE(bench.acceptor.users.empty());
  EXPECT_EQ(bench.counters().cookies_invalid, 200u);
  EXPECT_TRUE(bench.peer.take().flags & kTcpRst);
}

TEST(Listener, WithoutAFloodNoAckPassesForACookie) {
  Bench bench;
  bench.listen();
  bench.peer.send({.flags = kTcpAck, .sequence = 1001, .acknowledgement = 5});
  EXPECT_EQ(bench.counters().cookies_invalid, 0u);
  EXPECT_EQ(bench.counters().resets_sent, 1u);
}

TEST(Listener, TheLimitOfConnectionsRefusesNewOnesOnly) {
  Limits limits;
  limits.connections = 3;
  Pair pair(1, {}, limits);
  pair.listen();
  pair.acceptor.echoes = true;
  std::vector<std::unique_ptr<Recorder>> users;
  for (int i = 0; i < 5; ++i) {
    users.push_back(std::make_unique<Recorder>());
    pair.connect(*users.back(), 80, 5'000);
    pair.world.run_for(10'000'000);
  }
  pair.world.run_for(6 * kSecond);
  unsigned connected = 0, timed_out = 0;
  for (auto& user : users) {
    connected += user->connected;
    timed_out += user->error == Error::kTimedOut;
  }
  EXPECT_EQ(connected, 3u);
  EXPECT_EQ(timed_out, 2u);
  EXPECT_GT(pair.server.tcp->counters.connections_limit, 0u);
  Limits one;
  one.connections = 1;
  Pair small(1, one);
  Recorder first, second;
  small.connect(first);
  transport::ConnectOptions options;
  options.remote = {small.server.address, 80};
  EXPECT_EQ(small.client.tcp->connect(options, second).error, Error::kTooManyFiles);
}

// The peer's connection after it was ended by us: in TIME-WAIT.
class TimeWaiting : public testing::Test {
 protected:
  void end(const TcpOptions& options) {
    Recorder& user = bench.open(options);
    user.stream->shutdown();
    bench.peer.settle();
    bench.peer.segments.clear();
    bench.peer.acknowledgement += 1;
    bench.peer.send(kTcpAck | kTcpFin);
    EXPECT_EQ(user.closed, 1u);
    EXPECT_EQ(bench.peer.take().acknowledgement, bench.peer.sequence);
    EXPECT_EQ(bench.host.tcp->time_wait_count(), 1u);
    bench.acceptor.users.clear();
  }
  Bench bench;
};

TEST_F(TimeWaiting, ARepeatedFinIsAcknowledgedAndStartsTheWaitAnew) {
  end({.mss = 1460});
  bench.peer.run_ms(50'000);
  bench.peer.sequence -= 1;
  bench.peer.send(kTcpAck | kTcpFin);
  EXPECT_EQ(bench.peer.take().acknowledgement, bench.peer.sequence);
  bench.peer.run_ms(50'000);
  EXPECT_EQ(bench.host.tcp->time_wait_count(), 1u);
  bench.peer.run_ms(12'000);
  EXPECT_EQ(bench.host.tcp->flow_count(), 0u);
}

TEST_F(TimeWaiting, AResetDoesNotEndIt) {
  end({.mss = 1460});
  bench.peer.send({.flags = kTcpRst, .sequence = bench.peer.sequence});
  EXPECT_EQ(bench.host.tcp->time_wait_count(), 1u);
  EXPECT_EQ(bench.counters().time_wait_reset_ignored, 1u);
}

TEST_F(TimeWaiting, ANewerSynOpensAnewWithLargerNumbers) {
  end({.mss = 1460});
  const Sequence last = bench.peer.acknowledgement;
  bench.peer.sequence += 10;
  bench.peer.open({.mss = 1460});
  EXPECT_TRUE(after(bench.peer.syn_ack.sequence, last));
  EXPECT_EQ(bench.acceptor.users.size(), 1u);
  EXPECT_EQ(bench.host.tcp->time_wait_count(), 0u);
  EXPECT_EQ(bench.counters().time_wait_reused, 1u);
}

TEST_F(TimeWaiting, AnOlderSynIsAcknowledgedOnly) {
  end({.mss = 1460});
  RawSegment syn{.flags = kTcpSyn, .sequence = bench.peer.sequence - 100};
  bench.peer.send(syn);
  const RawSegment ack = bench.peer.take();
  EXPECT_EQ(ack.flags, kTcpAck);
  EXPECT_EQ(ack.acknowledgement, bench.peer.sequence);
  EXPECT_EQ(bench.host.tcp->time_wait_count(), 1u);
}

TEST_F(TimeWaiting, ATimestampTellsASmallerSequenceNumberFromAnOldOne) {
  const TcpOptions options{.has_timestamp = true, .mss = 1460, .timestamp = 5000};
  end(options);
  RawSegment syn{.flags = kTcpSyn, .sequence = bench.peer.sequence - 500'000, .options = options};
  syn.options.timestamp = 4000;
  bench.peer.send(syn);
  EXPECT_EQ(bench.peer.take().flags, kTcpAck);
  syn.options.timestamp = 9000;
  bench.peer.send(syn);
  EXPECT_EQ(bench.peer.take().flags, kTcpSyn | kTcpAck);
}

TEST(TimeWaitTable, TheOldestMakesRoomAtTheLimit) {
  Limits limits;
  limits.time_wait = 10;
  Pair pair(1, limits);
  pair.listen();
  for (int i = 0; i < 25; ++i) {
    Recorder user;
    pair.connect(user);
    ASSERT_TRUE(pair.world.run_until([&] { return user.connected == 1; }));
    user.stream->shutdown();
    ASSERT_TRUE(pair.world.run_until([&] { return user.closed == 1; }));
  }
  EXPECT_EQ(pair.client.tcp->time_wait_count(), 10u);
  EXPECT_EQ(pair.client.tcp->counters.time_wait_evicted, 15u);
  EXPECT_EQ(pair.client.tcp->flow_count(), 10u);
  pair.world.run_for(70 * kSecond);
  EXPECT_EQ(pair.client.tcp->flow_count(), 0u);
}

TEST(Ports, ManyConnectionsInARowFindPortsThroughTimeWait) {
  Limits limits;
  limits.time_wait_ms = 60'000;
  Pair pair(1, limits);
  pair.listen();
  // More than there are ports, in less time than TIME-WAIT lasts: timestamps make reuse safe after a second.
  const unsigned count = EphemeralPorts::kCount + 2'000;
  unsigned done = 0;
  for (unsigned i = 0; i < count; i += 500) {
    std::vector<std::unique_ptr<Recorder>> users;
    for (unsigned k = 0; k < 500; ++k) {
      users.push_back(std::make_unique<Recorder>());
      users.back()->ends_after_pending = true;
      pair.connect(*users.back());
    }
    ASSERT_TRUE(pair.world.run_until([&] {
      for (auto& user : users)
        if (!user->closed) return false;
      return true;
    }));
    for (auto& user : users) done += user->error == Error::kNone;
    pair.world.run_for(40'000'000);
    pair.acceptor.users.clear();
  }
  EXPECT_EQ(done, (count + 499) / 500 * 500);
  EXPECT_GT(pair.client.tcp->counters.time_wait_reused, 0u);
  EXPECT_EQ(pair.client.tcp->counters.ports_exhausted, 0u);
}

}  // namespace
}  // namespace sluice::tcp::test
