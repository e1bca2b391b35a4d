// SPDX-License-Identifier: Apache-2.0
// Data in the first segment (RFC 7413): who may send it, who takes it, and what happens when it does not work out.
#include "dataplane/tcp/fast_open.hh"

#include <gtest/gtest.h>

#include "dataplane/tcp/test_peer.hh"

namespace sluice::tcp::test {
namespace {

// ---- the server ----

class FastOpenServer : public testing::Test {
 protected:
  void listen(bool fast_open = true) {
    transport::ListenOptions options;
    options.local.port = 80;
    options.fast_open = fast_open;
    auto result = bench.host.tcp->listen(options, bench.acceptor);
    ASSERT_TRUE(result);
    bench.listener = std::move(result.value);
  }
  RawSegment syn(const TcpOptions& options, const std::string& payload = {}) {
    RawSegment segment;
    segment.flags = kTcpSyn;
    segment.sequence = bench.peer.sequence;
    segment.options = options;
    segment.payload = payload;
    return segment;
  }
  // Asks for a cookie, and gives the connection up.
  TcpOptions cookie() {
    bench.peer.send(syn({.has_fast_open = true, .mss = 1460}));
    const RawSegment answer = bench.peer.take();
    EXPECT_TRUE(answer.options.has_fast_open);
    EXPECT_EQ(answer.options.cookie_bytes, 8u);
    RawSegment reset;
    reset.flags = kTcpRst;
    reset.sequence = bench.peer.sequence + 1;
    bench.peer.send(reset);
    TcpOptions options;
    options.mss = 1460;
    options.has_fast_open = true;
    options.cookie_bytes = answer.options.cookie_bytes;
    options.cookie = answer.options.cookie;
    bench.peer.sequence += 1'000'000;
    return options;
  }
  Bench bench;
};

TEST_F(FastOpenServer, DataWithAValidCookieIsAnsweredBeforeTheHandshakeIsOver) {
  listen();
  bench.acceptor.echoes = true;
  const TcpOptions options = cookie();
  bench.peer.send(syn(options, "hello"));
  ASSERT_EQ(bench.acceptor.users.size(), 1u);
  EXPECT_EQ(bench.acceptor.only().received, "hello");
  const RawSegment answer = bench.peer.take();
  EXPECT_EQ(answer.flags, kTcpSyn | kTcpAck);
  EXPECT_EQ(answer.acknowledgement, bench.peer.sequence + 6);
  const RawSegment echo = bench.peer.take();
  EXPECT_EQ(echo.payload, "hello");
  EXPECT_EQ(bench.connection().state(), State::kSynReceived);
  bench.peer.sequence += 6;
  bench.peer.acknowledgement = echo.sequence + 5;
  bench.peer.send(kTcpAck);
  EXPECT_EQ(bench.connection().state(), State::kEstablished);
  EXPECT_EQ(bench.acceptor.only().connected, 0u);
  bench.peer.send(kTcpAck | kTcpPsh, "more");
  EXPECT_EQ(bench.acceptor.only().received, "hellomore");
  EXPECT_EQ(bench.peer.take().payload, "more");
  EXPECT_EQ(bench.counters().fast_opens_accepted, 1u);
}

TEST_F(FastOpenServer, AWrongCookieMeansAnOrdinaryHandshakeAndANewCookie) {
  listen();
  TcpOptions options = cookie();
  const std::array<std::byte, TcpOptions::kCookieLimitBytes> right = options.cookie;
  options.cookie[0] ^= std::byte{1};
  bench.peer.send(syn(options, "hello"));
  EXPECT_TRUE(bench.acceptor.users.empty());
  const RawSegment answer = bench.peer.take();
  EXPECT_EQ(answer.acknowledgement, bench.peer.sequence + 1);  // the data is not taken
  EXPECT_EQ(answer.options.cookie, right);
  EXPECT_EQ(bench.counters().fast_opens_accepted, 0u);
}

TEST_F(FastOpenServer, WhoDidNotAskForItGivesNoCookies) {
  listen(false);
  bench.peer.send(syn({.has_fast_open = true, .mss = 1460}));
  EXPECT_FALSE(bench.peer.take().options.has_fast_open);
}

TEST_F(FastOpenServer, ALostAnswerIsRepeatedAndADeadClientForgotten) {
  listen();
  const TcpOptions options = cookie();
  bench.peer.send(syn(options, "hello"));
  bench.peer.segments.clear();
  bench.peer.run_ms(1500);
  EXPECT_EQ(bench.peer.take().flags, kTcpSyn | kTcpAck);
  bench.peer.run_ms(100'000);
  EXPECT_EQ(bench.acceptor.only().closed, 1u);
  EXPECT_EQ(bench.acceptor.only().error, Error::kTimedOut);
  EXPECT_EQ(bench.host.tcp->flow_count(), 0u);
}

TEST_F(FastOpenServer, AnAnswerThatEndsAtOnceIsDeliveredAndEnds) {
  listen();
  bench.acceptor.echoes = true;
  const TcpOptions options = cookie();
  bench.peer.send(syn(options, "hello"));
  bench.acceptor.only().stream->shutdown();
  bench.peer.settle();
  bench.peer.take();
  EXPECT_EQ(bench.peer.take().payload, "hello");
  const RawSegment end = bench.peer.take();
  EXPECT_TRUE(end.flags & kTcpFin);
  bench.peer.sequence += 6;
  bench.peer.acknowledgement = end.sequence + 1;
  bench.peer.send(kTcpAck | kTcpFin);
  EXPECT_EQ(bench.acceptor.only().closed, 1u);
  EXPECT_EQ(bench.acceptor.only().error, Error::kNone);
}

TEST(FastOpenLimits, BeyondTheLimitEverybodyShakesHands) {
  Limits limits;
  limits.fast_open_pending = 1;
  Pair pair(1, {}, limits);
  transport::ListenOptions listen;
  listen.local.port = 80;
  listen.fast_open = true;
  auto listener = pair.server.tcp->listen(listen, pair.acceptor);
  ASSERT_TRUE(listener);
  transport::ConnectOptions connect;
  connect.remote = {pair.server.address, 80};
  connect.fast_open = true;
  Recorder first, second, third;
  ASSERT_TRUE(pair.client.tcp->connect(connect, first));
  ASSERT_TRUE(pair.world.run_until([&] { return first.connected == 1; }));
  // Two at once, with the cookie.
  for (Recorder* user : {&second, &third}) {
    auto stream = pair.client.tcp->connect(connect, *user);
    ASSERT_TRUE(stream);
    ASSERT_EQ(stream.value->write_copy("early"), Error::kNone);
  }
  ASSERT_TRUE(pair.world.run_until([&] {
    return pair.acceptor.users.size() == 3 && pair.acceptor.users[1]->received == "early" &&
           pair.acceptor.users[2]->received == "early";
  }));
  EXPECT_EQ(pair.server.tcp->counters.fast_opens_accepted, 1u);
  EXPECT_EQ(pair.server.tcp->counters.fast_open_limit, 1u);
  EXPECT_EQ(pair.client.tcp->counters.fast_opens_sent, 2u);
  EXPECT_EQ(pair.client.tcp->counters.fast_opens_refused, 1u);
}

// ---- the client ----

struct FastOpenClient : testing::Test {
  Bench bench;
  Recorder user;
  Stream* connect() {
    bench.peer.remote_port = 0;
    transport::ConnectOptions options;
    options.remote = {bench.peer.address, bench.peer.port};
    options.fast_open = true;
    auto result = bench.host.tcp->connect(options, user);
    SLUICE_ASSERT(result);
    return result.value;
  }
  // The first connection asks for a cookie and is given one.
  void learn() {
    Recorder first;
    bench.peer.remote_port = 0;
    transport::ConnectOptions options;
    options.remote = {bench.peer.address, bench.peer.port};
    options.fast_open = true;
    ASSERT_TRUE(bench.host.tcp->connect(options, first));
    bench.peer.settle();
    const RawSegment syn = bench.peer.take();
    EXPECT_TRUE(syn.options.has_fast_open);
    EXPECT_EQ(syn.options.cookie_bytes, 0u);
    TcpOptions answer;
    answer.mss = 1460;
    answer.has_fast_open = true;
    answer.cookie_bytes = 8;
    answer.cookie[3] = std::byte{42};
    reply(syn, 1, answer);
    bench.peer.settle();
    first.stream->abort();
    bench.peer.settle();
    bench.peer.segments.clear();
    bench.peer.sequence += 100'000;
  }
  void reply(const RawSegment& syn, uint32_t acknowledged, const TcpOptions& options) {
    bench.peer.acknowledgement = syn.sequence + acknowledged;
    RawSegment answer = bench.peer.next(kTcpSyn | kTcpAck);
    answer.options = options;
    bench.peer.send(answer);
    ++bench.peer.sequence;
  }
};

TEST_F(FastOpenClient, WhatIsWrittenAtOnceGoesWithTheSynOnceACookieIsKnown) {
  learn();
  ASSERT_EQ(connect()->write_copy("request"), Error::kNone);
  bench.peer.settle();
  const RawSegment syn = bench.peer.take();
  EXPECT_EQ(syn.flags, kTcpSyn);
  EXPECT_EQ(syn.options.cookie_bytes, 8u);
  EXPECT_EQ(syn.options.cookie[3], std::byte{42});
  EXPECT_EQ(syn.payload, "request");
  reply(syn, 8, {.mss = 1460});
  EXPECT_EQ(user.connected, 1u);
  EXPECT_EQ(user.stream->queued_bytes(), 0u);
  bench.peer.segments.clear();
  user.send("next", false);
  bench.peer.settle();
  const RawSegment next = bench.peer.take();
  EXPECT_EQ(next.payload, "next");
  EXPECT_EQ(next.sequence, syn.sequence + 8);
}

TEST_F(FastOpenClient, DataThatWasNotTakenFollowsTheHandshake) {
  learn();
  ASSERT_EQ(connect()->write_copy("request"), Error::kNone);
  bench.peer.settle();
  const RawSegment syn = bench.peer.take();
  reply(syn, 1, {.mss = 1460});
  const RawSegment again = bench.peer.take();
  EXPECT_EQ(again.payload, "request");
  EXPECT_EQ(again.sequence, syn.sequence + 1);
  EXPECT_EQ(bench.counters().fast_opens_refused, 1u);
}

TEST_F(FastOpenClient, ASynThatIsNotAnsweredIsRepeatedWithoutItsData) {
  learn();
  ASSERT_EQ(connect()->write_copy("request"), Error::kNone);
  bench.peer.settle();
  EXPECT_EQ(bench.peer.take().payload, "request");
  bench.peer.run_ms(1500);
  const RawSegment again = bench.peer.take();
  EXPECT_EQ(again.flags, kTcpSyn);
  EXPECT_EQ(again.payload, "");
  EXPECT_FALSE(again.options.has_fast_open);
  reply(again, 1, {.mss = 1460});
  EXPECT_EQ(bench.peer.take().payload, "request");
}

TEST_F(FastOpenClient, AnAcknowledgementOfMoreThanWasSentIsRefused) {
  learn();
  ASSERT_EQ(connect()->write_copy("request"), Error::kNone);
  bench.peer.settle();
  const RawSegment syn = bench.peer.take();
  reply(syn, 9, {.mss = 1460});
  EXPECT_EQ(user.connected, 0u);
  EXPECT_TRUE(bench.peer.take().flags & kTcpRst);
}

}  // namespace
}  // namespace sluice::tcp::test
