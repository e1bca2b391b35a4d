// SPDX-License-Identifier: Apache-2.0
// What the ends of a connection tell each other of how long they wait (RFC 5482), as the peer sees it.
#include <gtest/gtest.h>

#include "dataplane/tcp/test_peer.hh"

namespace sluice::tcp::test {
namespace {

Limits with_option(uint32_t user_timeout_ms = 120'000) {
  Limits limits;
  limits.user_timeout_option = true;
  limits.user_timeout_ms = user_timeout_ms;
  return limits;
}

// Unacknowledged data; how long it takes until the connection ends, in seconds.
uint32_t lasts_s(Bench& bench, Recorder& user) {
  user.send("unheard", false);
  for (uint32_t seconds = 0; seconds < 8'000; ++seconds) {
    bench.peer.run_ms(1'000);
    if (user.closed) return seconds;
  }
  return UINT32_MAX;
}

TEST(UserTimeout, IsSaidOnceTheHandshakeIsOver) {
  Bench bench(with_option());
  Recorder& user = bench.open();
  user.send("data", false);
  bench.peer.settle();
  ASSERT_EQ(bench.peer.segments.size(), 2u);
  EXPECT_EQ(bench.peer.take().payload, "data");
  EXPECT_EQ(bench.peer.take().options.user_timeout_s, 120u);
  user.send("more", false);
  bench.peer.settle();
  ASSERT_EQ(bench.peer.segments.size(), 1u);
  EXPECT_EQ(bench.peer.take().options.user_timeout_s, 0u) << "once is enough";
}

TEST(UserTimeout, IsSaidInOurSynAndInTheAcknowledgementOfTheirs) {
  Bench bench(with_option(86'400'000));
  Recorder user;
  bench.connect(user);
  bench.peer.settle();
  const RawSegment syn = bench.peer.take();
  EXPECT_EQ(syn.options.user_timeout_s, 86'400u) << "more than 32,767 seconds are said in minutes";
  bench.peer.acknowledgement = syn.sequence + 1;
  bench.peer.send(kTcpSyn | kTcpAck);
  EXPECT_EQ(bench.peer.take().options.user_timeout_s, 86'400u);
}

TEST(UserTimeout, IsNotSaidWhereNobodyAskedForIt) {
  Bench bench;
  Recorder& user = bench.open();
  user.send("data", false);
  bench.peer.settle();
  ASSERT_EQ(bench.peer.segments.size(), 1u);
  EXPECT_EQ(bench.peer.take().options.user_timeout_s, 0u);
}

TEST(UserTimeout, ThePeersIsWaitedForWithinBounds) {
  struct Case {
    uint32_t said_s, least_s, most_s;
  };
  for (const auto& [said_s, least_s, most_s] :
       {Case{600, 600, 800}, Case{1, 120, 250}, Case{100'000, 3'600, 3'900}}) {
    SCOPED_TRACE(said_s);
    Bench bench(with_option());
    Recorder& user = bench.open();
    RawSegment segment = bench.peer.next();
    segment.options.user_timeout_s = said_s;
    bench.peer.send(segment);
    EXPECT_EQ(bench.counters().user_timeouts_heard, 1u);
    const uint32_t seconds = lasts_s(bench, user);
    EXPECT_GE(seconds, least_s);
    EXPECT_LE(seconds, most_s);
    EXPECT_EQ(user.error, Error::kTimedOut);
  }
}

TEST(UserTimeout, WhoHasChosenOneKeepsIt) {
  Bench bench(with_option());
  bench.user_timeout_ms = 20'000;
  Recorder& user = bench.open();
  RawSegment segment = bench.peer.next();
  segment.options.user_timeout_s = 600;
  bench.peer.send(segment);
  EXPECT_EQ(bench.counters().user_timeouts_heard, 0u);
  EXPECT_LE(lasts_s(bench, user), 60u);
}

}  // namespace
}  // namespace sluice::tcp::test
