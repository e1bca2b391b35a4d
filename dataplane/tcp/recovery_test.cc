// SPDX-License-Identifier: Apache-2.0
// Losses, real and imagined, on a path of 20 ms: how they are found, mended and taken back. The peer is the test itself.
#include <gtest/gtest.h>

#include "dataplane/tcp/prr.hh"
#include "dataplane/tcp/test_peer.hh"

namespace sluice::tcp::test {
namespace {

constexpr TcpOptions kSack = {.sack_permitted = true, .mss = 1460};
constexpr TcpOptions kSackAndStamps = {
    .has_timestamp = true, .sack_permitted = true, .mss = 1460, .timestamp = 5000};
constexpr uint32_t kSegment = 1460;

class LossRecovery : public testing::Test {
 protected:
  // A connection past its beginning, with a round-trip time that is known.
  Recorder& open(const TcpOptions& options = kSack) {
    Recorder& user = bench.open(options);
    for (int i = 0; i < 8; ++i) bench.peer.send(kTcpAck | kTcpPsh, "x");
    bench.peer.run_ms(100);
    bench.peer.segments.clear();
    return user;
  }
  // Writes `segments` full ones; they have arrived at the peer when this returns, and are forgotten.
  void send_segments(Recorder& user, unsigned segments) {
    user.send(pattern(segments * kSegment), false);
    pass_ms(11);
    ASSERT_GE(bench.peer.segments.size(), segments);
    starts.clear();
    for (const RawSegment& segment : bench.peer.segments) starts.push_back(segment.sequence);
    end = bench.peer.segments.back().sequence +
          static_cast<uint32_t>(bench.peer.segments.back().payload.size());
    bench.peer.segments.clear();
  }
  // Where a segment begins; behind those that were sent by send_segments() they are counted as full ones.
  Sequence at(uint32_t segment) const {
    const auto count = static_cast<uint32_t>(starts.size());
    return segment < count ? starts[segment] : end + kSegment * (segment - count);
  }
  void pass_ms(uint64_t ms) { bench.peer.run_ms(ms); }
  // An acknowledgement of all before `segment`, with blocks; does not wait.
  void ack(uint32_t segment, std::initializer_list<std::pair<uint32_t, uint32_t>> blocks = {}) {
    bench.peer.acknowledgement = at(segment);
    RawSegment answer = bench.peer.next();
    for (const auto& [left, right] : blocks)
      answer.options.sack[answer.options.sack_blocks++] = {at(left), at(right)};
    bench.peer.post(answer);
  }
  // The numbers of the segments that have come to the peer since the last call.
  std::vector<uint32_t> came() {
    std::vector<uint32_t> numbers;
    while (!bench.peer.segments.empty()) {
      const Sequence sequence = bench.peer.take().sequence;
      uint32_t number = 0;
      while (number < starts.size() && starts[number] != sequence) ++number;
      if (number == starts.size()) number += (sequence - end) / kSegment;
      numbers.push_back(number);
    }
    return numbers;
  }
  using Numbers = std::vector<uint32_t>;
  Connection& connection() { return bench.connection(); }

  Bench bench{{}, 1, 20};
  std::vector<Sequence> starts;
  Sequence end = 0;
};

// ---- RACK (RFC 8985) ----

TEST_F(LossRecovery, SackRepairsExactlyTheHoles) {
  Recorder& user = open();
  send_segments(user, 10);
  // The first and the fourth were lost.
  ack(0, {{1, 2}});
  ack(0, {{1, 3}});
  ack(0, {{4, 5}, {1, 3}});
  pass_ms(21);
  // One for one that has left (RFC 6937, the conservative bound); the other follows with the next.
  EXPECT_EQ(came(), (Numbers{0}));
  EXPECT_EQ(connection().phase(), RecoveryPhase::kFast);
  EXPECT_EQ(connection().ssthresh_bytes(), 7u * kSegment);
  ack(0, {{4, 10}, {1, 3}});
  pass_ms(21);
  EXPECT_EQ(came(), (Numbers{3}));
  ack(10);
  pass_ms(21);
  EXPECT_EQ(came(), Numbers{});
  EXPECT_EQ(bench.counters().retransmitted, 2u);
  EXPECT_EQ(bench.counters().fast_recoveries, 1u);
  EXPECT_EQ(connection().phase(), RecoveryPhase::kOpen);
  EXPECT_EQ(connection().cwnd_bytes(), 7u * kSegment);
  EXPECT_EQ(user.stream->queued_bytes(), 0u);
}

TEST_F(LossRecovery, ASingleOvertakenSegmentIsWaitedForAQuarterOfARoundTrip) {
  Recorder& user = open();
  send_segments(user, 4);
  ack(0, {{1, 2}});
  pass_ms(13);  // it takes 10 to get there
  EXPECT_EQ(bench.counters().retransmitted, 0u);
  pass_ms(8);
  EXPECT_EQ(bench.counters().retransmitted, 1u);
  EXPECT_EQ(bench.counters().reordering_timeouts, 1u);
  pass_ms(10);
  EXPECT_EQ(came(), (Numbers{0}));
}

TEST_F(LossRecovery, ASegmentThatIsOnlyLateIsNotSentAgain) {
  Recorder& user = open();
  send_segments(user, 4);
  ack(0, {{1, 2}});
  pass_ms(3);
  ack(4);
  pass_ms(60);
  EXPECT_EQ(came(), Numbers{});
  EXPECT_EQ(bench.counters().fast_recoveries, 0u);
  EXPECT_EQ(connection().recovery(), nullptr);
}

TEST_F(LossRecovery, WhereThePathReordersThreeDuplicatesMeanNothing) {
  Recorder& user = open();
  send_segments(user, 10);
  EXPECT_FALSE(connection().reordering_seen());
  // The second arrives after the third: SACKed later, and never sent twice.
  ack(1, {{2, 3}});
  ack(1, {{2, 4}});
  ack(4);
  ack(10);
  pass_ms(21);
  EXPECT_TRUE(connection().reordering_seen());
  send_segments(user, 10);
  ack(0, {{1, 8}});
  pass_ms(12);
  EXPECT_EQ(bench.counters().fast_recoveries, 0u);  // it has 5 ms
  pass_ms(6);
  EXPECT_EQ(bench.counters().fast_recoveries, 1u);
}

TEST_F(LossRecovery, ADuplicateReportWidensTheReorderingWindow) {
  Recorder& user = open();
  send_segments(user, 4);
  EXPECT_EQ(connection().reordering_multiplier(), 1u);
  ack(0, {{1, 4}});
  pass_ms(21);
  EXPECT_EQ(came(), (Numbers{0}));
  ack(4);
  pass_ms(11);
  ack(4, {{0, 1}});  // both copies of the first came (RFC 2883)
  pass_ms(11);
  EXPECT_EQ(bench.counters().duplicates_reported, 1u);
  EXPECT_EQ(connection().reordering_multiplier(), 2u);
}

TEST_F(LossRecovery, ALostRetransmissionIsFoundByTime) {
  Recorder& user = open();
  send_segments(user, 10);
  user.send(pattern(20 * kSegment), false);
  ack(0, {{1, 4}});
  pass_ms(21);
  const Numbers first = came();
  ASSERT_FALSE(first.empty());
  EXPECT_EQ(first.front(), 0u);
  // New data that left after the retransmission arrives, the retransmission does not.
  ack(0, {{1, 10}});
  pass_ms(21);
  const Numbers second = came();
  ASSERT_FALSE(second.empty());
  EXPECT_GE(second.front(), 10u);
  ack(0, {{1, second.front() + 1}});
  pass_ms(30);
  const Numbers third = came();
  EXPECT_NE(std::find(third.begin(), third.end(), 0u), third.end());
  EXPECT_EQ(bench.counters().timeouts, 0u);
  EXPECT_EQ(bench.counters().retransmissions_lost, 1u);
}

// ---- the probe of the tail (RFC 8985 section 7) ----

TEST_F(LossRecovery, AProbeOfTheTailFindsItsLossBeforeTheTimeout) {
  Recorder& user = open();
  send_segments(user, 5);
  // The last three are lost: nothing tells, until the probe.
  ack(2);
  pass_ms(15);
  EXPECT_EQ(came(), Numbers{});
  pass_ms(60);
  EXPECT_EQ(came(), (Numbers{4}));
  EXPECT_EQ(bench.counters().tail_probes, 1u);
  ack(2, {{4, 5}});
  pass_ms(21);
  EXPECT_EQ(came(), (Numbers{2}));
  ack(3, {{4, 5}});
  pass_ms(21);
  EXPECT_EQ(came(), (Numbers{3}));
  ack(5);
  pass_ms(11);
  EXPECT_EQ(bench.counters().timeouts, 0u);
  EXPECT_EQ(connection().phase(), RecoveryPhase::kOpen);
}

TEST_F(LossRecovery, AProbeIsNewDataWhereThereIsSome) {
  Recorder& user = open();
  send_segments(user, 10);
  user.send("more", false);
  pass_ms(70);
  const RawSegment probe = bench.peer.take();
  EXPECT_EQ(probe.sequence, at(10));
  EXPECT_EQ(probe.payload, "more");
  EXPECT_EQ(bench.counters().tail_probes, 1u);
  EXPECT_EQ(bench.counters().retransmitted, 0u);
}

TEST_F(LossRecovery, AProbeThatRepairedTheOnlyLossStillMeansCongestion) {
  Recorder& user = open();
  send_segments(user, 10);
  ack(8);
  pass_ms(100);
  EXPECT_EQ(came(), (Numbers{9}));
  EXPECT_EQ(bench.counters().tail_probes, 1u);
  ack(10);
  pass_ms(11);
  const uint32_t before = connection().cwnd_bytes();
  // What follows is acknowledged without a report of a duplicate.
  send_segments(user, 1);
  ack(1);
  pass_ms(11);
  EXPECT_EQ(bench.counters().tail_probe_losses, 1u);
  EXPECT_LT(connection().cwnd_bytes(), before);
}

TEST_F(LossRecovery, AProbeThatWasNotNeededCostsNothing) {
  Recorder& user = open();
  send_segments(user, 10);
  pass_ms(60);
  EXPECT_EQ(came(), (Numbers{9}));
  ack(10);
  ack(10, {{9, 10}});
  pass_ms(11);
  send_segments(user, 1);
  ack(1);
  pass_ms(11);
  EXPECT_EQ(bench.counters().tail_probe_losses, 0u);
  EXPECT_EQ(connection().recovery(), nullptr);
}

// ---- timeouts ----

TEST_F(LossRecovery, AfterATimeoutAllThatIsNotSackedIsSentAgain) {
  Recorder& user = open();
  send_segments(user, 10);
  pass_ms(1000);
  const Numbers numbers = came();
  ASSERT_GE(numbers.size(), 2u);
  EXPECT_EQ(numbers[0], 9u);  // the probe
  EXPECT_EQ(numbers[1], 0u);
  EXPECT_GE(bench.counters().timeouts, 1u);
  EXPECT_EQ(connection().phase(), RecoveryPhase::kLoss);
  ack(1, {{2, 4}});
  pass_ms(21);
  EXPECT_EQ(came(), (Numbers{1, 4}));
  ack(10);
  pass_ms(11);
  EXPECT_EQ(connection().phase(), RecoveryPhase::kOpen);
  EXPECT_EQ(user.stream->queued_bytes(), 0u);
}

// RFC 2018 section 8: a peer may drop what it has reported. Its acknowledgement stops there, and a timeout finds it.
TEST_F(LossRecovery, WhatThePeerHasDroppedAgainIsSentAgain) {
  Recorder& user = open();
  send_segments(user, 6);
  ack(0, {{1, 6}});
  pass_ms(21);
  EXPECT_EQ(came(), (Numbers{0}));
  ack(1);
  pass_ms(1000);
  EXPECT_EQ(came().front(), 1u);
  // From here on it goes by acknowledgements, not by a timeout for each.
  ack(2);
  pass_ms(21);
  EXPECT_EQ(came(), (Numbers{2, 3}));
  ack(4);
  pass_ms(21);
  EXPECT_EQ(came(), (Numbers{4, 5}));
  ack(6);
  pass_ms(21);
  EXPECT_EQ(user.stream->queued_bytes(), 0u);
}

TEST_F(LossRecovery, ASpuriousTimeoutIsFoundByForwardRtoAndTakenBack) {
  Recorder& user = open();  // no timestamps: only the order of things tells
  send_segments(user, 10);
  user.send(pattern(30 * kSegment), false);
  const uint32_t before = connection().cwnd_bytes();
  pass_ms(400);
  EXPECT_EQ(bench.counters().timeouts, 1u);
  came();
  EXPECT_EQ(connection().cwnd_bytes(), kSegment);
  // The acknowledgements were only late.
  ack(1);
  pass_ms(21);
  const Numbers fresh = came();
  EXPECT_EQ(fresh.size(), 2u);  // two new segments (RFC 5682 section 3.1, step 2 b)
  for (const uint32_t number : fresh) EXPECT_GE(number, 10u);
  ack(2);
  pass_ms(11);
  EXPECT_EQ(bench.counters().spurious_timeouts, 1u);
  EXPECT_EQ(connection().phase(), RecoveryPhase::kOpen);
  EXPECT_GE(connection().cwnd_bytes(), before);
  EXPECT_EQ(bench.counters().retransmitted, 1u);
}

TEST_F(LossRecovery, ARealTimeoutPassesForwardRto) {
  Recorder& user = open();
  send_segments(user, 10);
  user.send(pattern(30 * kSegment), false);
  pass_ms(400);
  came();
  ack(1);
  pass_ms(21);
  const Numbers fresh = came();
  ASSERT_EQ(fresh.size(), 2u);
  // Only the new data arrives: the rest was lost.
  ack(1, {{fresh[0], fresh[1] + 1}});
  pass_ms(21);
  const Numbers again = came();
  ASSERT_FALSE(again.empty());
  EXPECT_EQ(again.front(), 1u);
  EXPECT_EQ(bench.counters().spurious_timeouts, 0u);
  EXPECT_EQ(connection().phase(), RecoveryPhase::kLoss);
}

TEST_F(LossRecovery, WhatWaitedForAHoleIsNoMeasureOfTheRoundTrip) {
  Recorder& user = open();
  send_segments(user, 10);
  pass_ms(5000);
  ASSERT_GT(bench.counters().timeouts, 2u);
  // All but the first had arrived, and the acknowledgements were lost.
  ack(10);
  pass_ms(11);
  EXPECT_LT(connection().smoothed_rtt_us(), 50'000u);
}

// ---- taking back ----

TEST_F(LossRecovery, AnEchoFromBeforeTheRetransmissionTakesARecoveryBack) {
  Recorder& user = open(kSackAndStamps);
  send_segments(user, 8);
  const uint32_t before = connection().cwnd_bytes(), threshold = connection().ssthresh_bytes();
  ++bench.peer.timestamp;
  ack(0, {{1, 5}});
  pass_ms(21);
  EXPECT_EQ(connection().phase(), RecoveryPhase::kFast);
  EXPECT_LT(connection().ssthresh_bytes(), before);
  EXPECT_EQ(came(), (Numbers{0}));
  // The echo is still that of the first transmissions.
  ack(5);
  pass_ms(11);
  EXPECT_EQ(connection().phase(), RecoveryPhase::kOpen);
  EXPECT_EQ(bench.counters().spurious_recoveries, 1u);
  EXPECT_GE(connection().cwnd_bytes(), before);
  EXPECT_EQ(connection().ssthresh_bytes(), threshold);
}

TEST_F(LossRecovery, ReportsThatEveryRetransmissionCameTwiceTakeARecoveryBack) {
  Recorder& user = open();
  send_segments(user, 10);
  const uint32_t before = connection().cwnd_bytes();
  ack(0, {{1, 5}});
  pass_ms(21);
  EXPECT_EQ(came(), (Numbers{0}));
  ack(10);
  pass_ms(11);
  EXPECT_EQ(connection().phase(), RecoveryPhase::kOpen);
  EXPECT_LT(connection().cwnd_bytes(), before);
  EXPECT_NE(connection().recovery(), nullptr);  // the report may yet come
  ack(10, {{0, 1}});
  pass_ms(11);
  EXPECT_EQ(bench.counters().spurious_recoveries, 1u);
  EXPECT_GE(connection().cwnd_bytes(), before);
  EXPECT_EQ(connection().recovery(), nullptr);
}

TEST_F(LossRecovery, AReportOfOneOfTwoRetransmissionsTakesNothingBack) {
  Recorder& user = open();
  send_segments(user, 10);
  const uint32_t before = connection().cwnd_bytes(), threshold = connection().ssthresh_bytes();
  // The first and the fourth are sent again.
  ack(0, {{1, 3}});
  ack(0, {{4, 10}, {1, 3}});
  pass_ms(21);
  EXPECT_EQ(came(), (Numbers{0, 3}));
  ack(10);
  pass_ms(11);
  const uint32_t reduced = connection().cwnd_bytes();
  EXPECT_LT(reduced, before);
  // One of them came twice: the other was lost.
  ack(10, {{0, 1}});
  pass_ms(11);
  EXPECT_EQ(bench.counters().spurious_recoveries, 0u);
  EXPECT_EQ(connection().cwnd_bytes(), reduced);
  // Both did.
  ack(10, {{3, 4}});
  pass_ms(11);
  EXPECT_EQ(bench.counters().spurious_recoveries, 1u);
  EXPECT_GE(connection().cwnd_bytes(), before);
  EXPECT_EQ(connection().ssthresh_bytes(), threshold);
}

TEST_F(LossRecovery, WhatCannotBeTakenBackAnyMoreIsForgotten) {
  Recorder& user = open();
  send_segments(user, 10);
  ack(0, {{1, 5}});
  pass_ms(21);
  ack(10);
  pass_ms(11);
  EXPECT_NE(connection().recovery(), nullptr);
  pass_ms(1000);
  EXPECT_EQ(connection().recovery(), nullptr);
}

// ---- without SACK ----

TEST_F(LossRecovery, WithoutSackPartialAcknowledgementsLeadFromHoleToHole) {
  Recorder& user = open({.mss = 1460});
  send_segments(user, 10);
  ack(0);
  ack(0);
  ack(0);
  pass_ms(21);
  EXPECT_EQ(came(), (Numbers{0}));
  ack(4);  // RFC 6582 section 3.2, step 3
  pass_ms(21);
  EXPECT_EQ(came(), (Numbers{4}));
  ack(10);
  pass_ms(11);
  EXPECT_EQ(connection().phase(), RecoveryPhase::kOpen);
  EXPECT_EQ(bench.counters().retransmitted, 2u);
  EXPECT_EQ(bench.counters().timeouts, 0u);
}

TEST_F(LossRecovery, WhatWaitedBehindAHoleIsNoRoundTrip) {
  Recorder& user = open({.mss = 1460});
  send_segments(user, 10);
  const uint32_t before_us = connection().smoothed_rtt_us();
  ack(0);
  ack(0);
  ack(0);
  pass_ms(21);
  EXPECT_EQ(came(), (Numbers{0}));
  pass_ms(100);
  ack(10);  // the others had arrived long ago (RFC 6298 section 3, Karn's algorithm)
  pass_ms(11);
  EXPECT_EQ(connection().phase(), RecoveryPhase::kOpen);
  EXPECT_EQ(bench.counters().timeouts, 0u);
  EXPECT_LE(connection().smoothed_rtt_us(), before_us + 1'000);
}

// ---- black holes (RFC 4821) ----

TEST_F(LossRecovery, FullSegmentsThatVanishAgainAndAgainBecomeSmaller) {
  Recorder& user = open();
  send_segments(user, 4);
  EXPECT_EQ(connection().mss_bytes(), 1460u);
  pass_ms(3000);
  EXPECT_EQ(bench.counters().black_holes, 1u);
  EXPECT_EQ(connection().mss_bytes(), 1024u);
  EXPECT_EQ(bench.peer.segments.back().payload.size(), 1024u);
  pass_ms(20'000);
  EXPECT_EQ(connection().mss_bytes(), 536u);
  EXPECT_EQ(bench.peer.segments.back().payload.size(), 536u);
}

TEST_F(LossRecovery, ARetransmissionThatAcknowledgesMoreBringsItsWindowAlong) {
  // The peer sends old data again, with a fresh acknowledgement and a window that is nearly used up.
  Recorder& user = open();
  user.consumes = true;
  bench.peer.window = 20'000;
  send_segments(user, 10);
  const Sequence old = bench.peer.sequence;
  bench.peer.acknowledgement = end;
  RawSegment late = bench.peer.next(kTcpAck | kTcpPsh);
  late.payload = std::string(100, 'a');
  late.sequence = old + 100;  // its first part was lost
  late.acknowledgement = at(0);
  bench.peer.post(late);
  pass_ms(11);
  RawSegment again = bench.peer.next(kTcpAck | kTcpPsh);
  again.payload = std::string(100, 'b');
  again.window = 2'000;
  bench.peer.post(again);
  pass_ms(21);
  bench.peer.segments.clear();
  user.send(pattern(10 * kSegment), false);
  pass_ms(21);
  size_t bytes = 0;
  for (const RawSegment& segment : bench.peer.segments) bytes += segment.payload.size();
  EXPECT_LE(bytes, 2'000u);
  EXPECT_GT(bytes, 0u);
}

TEST_F(LossRecovery, TheUsersTimeoutEndsAConnectionThatMakesNoProgress) {
  bench.user_timeout_ms = 3000;
  Recorder& user = open();
  send_segments(user, 2);
  pass_ms(2500);
  EXPECT_EQ(user.closed, 0u);
  pass_ms(5000);
  EXPECT_EQ(user.closed, 1u);
  EXPECT_EQ(user.error, Error::kTimedOut);
}

// ---- PRR (RFC 6937), by itself ----

TEST(Prr, SendsInProportionUntilSsthreshIsInFlight) {
  // 20 in flight, one lost, ssthresh 10: one out for two in.
  Prr prr;
  prr.begin(20'000);
  uint32_t pipe = 18'000, sent = 0;
  for (int i = 0; i < 18; ++i) {
    const uint32_t window = prr.on_ack(1000, pipe, 10'000, 1000, false);
    while (pipe + 1000 <= window) {
      pipe += 1000;
      sent += 1000;
      prr.on_sent(1000);
    }
    EXPECT_LE(window, 19'000u);
    pipe -= 1000;
  }
  EXPECT_NEAR(sent, 9000, 1000);
}

TEST(Prr, AFlightThatWasLostAlmostWholeGrowsAsInSlowStart) {
  Prr prr;
  prr.begin(20'000);
  EXPECT_EQ(prr.on_ack(1000, 1000, 10'000, 1000, true), 3000u);  // one delivered, and one more
  prr.on_sent(2000);
  EXPECT_EQ(prr.on_ack(1000, 2000, 10'000, 1000, true), 4000u);
  // With new losses no more than was delivered.
  prr.on_sent(2000);
  EXPECT_EQ(prr.on_ack(1000, 2000, 10'000, 1000, false), 3000u);
}

TEST(Prr, TheFirstRetransmissionIsAlwaysAllowed) {
  Prr prr;
  prr.begin(20'000);
  EXPECT_EQ(prr.on_ack(0, 19'000, 10'000, 1000, false), 20'000u);
}

}  // namespace
}  // namespace sluice::tcp::test
