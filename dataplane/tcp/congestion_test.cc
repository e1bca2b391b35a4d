// SPDX-License-Identifier: Apache-2.0
// Congestion controls: which one a connection has, and what each does on its own.
#include <gtest/gtest.h>

#include "dataplane/tcp/test_peer.hh"

namespace sluice::tcp::test {
namespace {

constexpr uint32_t kMss = 1000;

TEST(HyStart, ARisingRoundTripTimeEndsSlowStartGently) {
  HyStart hystart;
  CongestionWindow window{.cwnd_bytes = 100 * kMss};
  Sequence una = 0;
  uint32_t rtt_us = 20'000;
  bool was_conservative = false;
  for (unsigned round = 0; round < 20 && window.in_slow_start(); ++round) {
    const Sequence end = una + window.cwnd_bytes;
    const uint32_t before_bytes = window.cwnd_bytes;
    while (una != end && window.in_slow_start()) {
      una += kMss;
      hystart.on_ack(window, kMss, kMss, rtt_us, una, end);
    }
    if (hystart.conservative()) {
      was_conservative = true;
      EXPECT_LE(window.cwnd_bytes, before_bytes * 2);
    }
    if (round >= 2) rtt_us += 6'000;  // a queue begins to grow
  }
  EXPECT_TRUE(was_conservative);
  EXPECT_FALSE(window.in_slow_start());
  EXPECT_LT(window.cwnd_bytes, 5'000u * kMss);
}

TEST(HyStart, AConstantRoundTripTimeDoesNot) {
  HyStart hystart;
  CongestionWindow window{.cwnd_bytes = 100 * kMss};
  Sequence una = 0;
  for (unsigned round = 0; round < 8; ++round) {
    const Sequence end = una + window.cwnd_bytes;
    const uint32_t before_bytes = window.cwnd_bytes;
    while (una != end) {
      una += kMss;
      hystart.on_ack(window, kMss, kMss, 20'000, una, end);
    }
    EXPECT_EQ(window.cwnd_bytes, 2 * before_bytes);
  }
  EXPECT_TRUE(window.in_slow_start());
}

TEST(HyStart, AJitterIsForgiven) {
  HyStart hystart;
  CongestionWindow window{.cwnd_bytes = 100 * kMss};
  Sequence una = 0;
  for (const uint32_t rtt_us :
       {20'000u, 20'000u, 30'000u, 20'000u, 20'000u, 20'000u, 20'000u, 20'000u, 20'000u}) {
    const Sequence end = una + 100 * kMss;
    while (una != end) {
      una += kMss;
      hystart.on_ack(window, kMss, kMss, rtt_us, una, end);
    }
  }
  EXPECT_FALSE(hystart.conservative());
  EXPECT_TRUE(window.in_slow_start());
}

TEST(Reno, AddsASegmentAWindow) {
  CongestionWindow window{.cwnd_bytes = 20 * kMss, .ssthresh_bytes = 10 * kMss};
  for (unsigned i = 0; i < 20; ++i) reno_on_ack(window, kMss, kMss);
  EXPECT_NEAR(window.cwnd_bytes, 21 * kMss, kMss / 10);
  // The same for acknowledgements of two segments each (RFC 3465).
  CongestionWindow delayed{.cwnd_bytes = 20 * kMss, .ssthresh_bytes = 10 * kMss};
  for (unsigned i = 0; i < 10; ++i) reno_on_ack(delayed, 2 * kMss, kMss);
  EXPECT_NEAR(delayed.cwnd_bytes, window.cwnd_bytes, kMss / 10);
}

TEST(Cubic, AReductionThatIsTakenBackLeavesThePlateau) {
  CongestionWindow window{.cwnd_bytes = 100 * kMss};
  Cubic cubic;
  window.ssthresh_bytes = cubic.on_loss(window, kMss);
  window.cwnd_bytes = window.ssthresh_bytes;
  EXPECT_EQ(window.cwnd_bytes, 70u * kMss);
  cubic.on_loss(window, kMss);
  cubic.undo();
  // The curve aims at 100 segments as before, and stays below them for its first seconds.
  for (uint64_t ms = 20; ms < 1000; ms += 20)
    for (unsigned i = 0; i < 50; ++i) cubic.on_ack(window, kMss, kMss, 20'000, ms * 1000);
  EXPECT_GT(window.cwnd_bytes, 75u * kMss);
}

TEST(Pacing, SpacesSegmentsByTheirRate) {
  Pacing pacing;
  EXPECT_TRUE(pacing.may_send(1'000'000));
  pacing.set_rate(1'000'000);  // a byte a microsecond
  uint64_t now_us = 1'000'000, sent = 0;
  for (; now_us < 2'000'000; now_us += 100)
    while (pacing.may_send(now_us)) {
      pacing.on_sent(1500, now_us);
      sent += 1500;
    }
  EXPECT_NEAR(static_cast<double>(sent), 1e6, 1e4);
}

TEST(Pacing, ASilenceIsNotPaidBackInABurst) {
  Pacing pacing;
  pacing.set_rate(1'000'000);
  pacing.on_sent(1500, 1'000'000);
  unsigned at_once = 0;
  while (pacing.may_send(5'000'000)) {
    pacing.on_sent(1500, 5'000'000);
    ++at_once;
  }
  EXPECT_LE(at_once, 2u);
}

TEST(RoundMaximum, ForgetsWhatIsTooOldAndFallsBackToTheNext) {
  RoundMaximum maximum;
  maximum.update(100, 1, 10);
  maximum.update(50, 4, 10);
  maximum.update(60, 7, 10);
  EXPECT_EQ(maximum.best(), 100u);
  maximum.update(20, 12, 10);
  EXPECT_EQ(maximum.best(), 60u);
  maximum.update(200, 13, 10);
  EXPECT_EQ(maximum.best(), 200u);
}

// A path of 80 Mb/s and 20 ms whose queue holds far more than that.
TEST(Bbr, FindsBandwidthAndRoundTripAndLeavesTheQueueShort) {
  Pair pair;
  pair.listen();
  pair.client.tcp->congestion_control = CongestionControl::kBbr;
  simulation::Conditions conditions;
  conditions.delay_ns = 10'000'000;
  conditions.rate_bits_per_second = 80'000'000;
  pair.world.wire.set_conditions(conditions);
  Recorder user;
  pair.connect(user);
  ASSERT_TRUE(pair.world.run_until([&] { return user.connected == 1; }));
  const auto run_for = [&](unsigned ms) {
    for (unsigned i = 0; i < ms; i += 5) {
      if (user.pending.size() < 500'000) user.pending += std::string(500'000, 'x');
      user.pump();
      pair.world.run_for(5'000'000);
    }
  };
  run_for(4000);
  const Bbr& bbr = static_cast<Connection&>(*user.stream).congestion()->bbr();
  EXPECT_EQ(bbr.mode(), Bbr::Mode::kProbeBandwidth);
  EXPECT_NEAR(static_cast<double>(bbr.bandwidth()), 80e6 / 8 * 1448 / 1538, 0.5e6);
  EXPECT_NEAR(bbr.round_trip_us(), 20'000, 2'000);
  EXPECT_LT(static_cast<Connection&>(*user.stream).smoothed_rtt_us(), 45'000u);
  // After ten seconds the round trip is measured anew, with next to nothing in flight.
  bool probed = false;
  for (unsigned i = 0; i < 1400 && !probed; ++i) {
    run_for(5);
    probed =
        bbr.mode() == Bbr::Mode::kProbeRtt && static_cast<Connection&>(*user.stream).cwnd_bytes() <= 4 * 1448;
  }
  EXPECT_TRUE(probed);
  run_for(500);
  EXPECT_EQ(bbr.mode(), Bbr::Mode::kProbeBandwidth);
}

// ---- the choice ----

TEST(CongestionChoice, IsTheListenersOrTheTransports) {
  Bench bench;
  bench.open();
  EXPECT_EQ(bench.connection().congestion_control(), CongestionControl::kCubic);
  EXPECT_EQ(bench.connection().congestion(), nullptr);  // nothing is kept before it is needed
  Bench reno;
  reno.congestion = transport::Congestion::kReno;
  reno.open();
  EXPECT_EQ(reno.connection().congestion_control(), CongestionControl::kReno);
  Bench bbr;
  bbr.host.tcp->congestion_control = CongestionControl::kBbr;
  bbr.open();
  EXPECT_EQ(bbr.connection().congestion_control(), CongestionControl::kBbr);
  EXPECT_NE(bbr.connection().congestion(), nullptr);
}

TEST(CongestionChoice, RenoHalvesAndCubicTakesThreeTenths) {
  for (const auto& [congestion, expected] :
       {std::pair{transport::Congestion::kReno, 7300u}, std::pair{transport::Congestion::kCubic, 10'220u}}) {
    Bench bench({}, 1, 20);
    bench.congestion = congestion;
    Recorder& user = bench.open({.sack_permitted = true, .mss = 1460});
    user.send(pattern(14'600), false);
    bench.peer.settle();
    ASSERT_GE(bench.peer.segments.size(), 10u);
    const Sequence base = bench.peer.segments.front().sequence;
    RawSegment ack = bench.peer.next();
    ack.options.sack_blocks = 1;
    ack.options.sack[0] = {base + 1460, base + 5 * 1460};
    bench.peer.send(ack);
    EXPECT_EQ(bench.connection().ssthresh_bytes(), expected);
  }
}

TEST(CongestionChoice, APacedConnectionSpreadsItsWindowOverTheRoundTrip) {
  for (const bool paced : {false, true}) {
    Bench bench({}, 1, 100);
    bench.host.tcp->pacing = paced;
    Recorder& user = bench.open();
    user.send(pattern(14'600), false);
    bench.peer.settle();
    ASSERT_EQ(bench.peer.segments.size(), 10u);
    const uint64_t spread_ns = bench.peer.segments.back().at_ns - bench.peer.segments.front().at_ns;
    if (paced) {
      EXPECT_GT(spread_ns, 30'000'000u);  // slow start: twice as fast as the window a round trip
      EXPECT_LT(spread_ns, 60'000'000u);
    } else {
      EXPECT_EQ(spread_ns, 0u);
    }
  }
}

}  // namespace
}  // namespace sluice::tcp::test
