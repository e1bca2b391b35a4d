// SPDX-License-Identifier: Apache-2.0
// What a connection sends, and when: segments, acknowledgements, windows, retransmissions, congestion. The
// peer is the test itself.
#include <gtest/gtest.h>

#include "dataplane/tcp/test_peer.hh"

namespace sluice::tcp::test {
namespace {

constexpr TcpOptions kSack = {.sack_permitted = true, .mss = 1460};

class Sending : public testing::Test {
 protected:
  // A connection past its beginning: no quick acknowledgements any more.
  Recorder& open(const TcpOptions& options = {.mss = 1460}) {
    Recorder& user = bench.open(options);
    for (int i = 0; i < 8; ++i) bench.peer.send(kTcpAck | kTcpPsh, "x");
    bench.peer.run_ms(100);
    bench.peer.segments.clear();
    return user;
  }
  // All payload that waits, by sequence; checks that it is consecutive.
  std::string take_all() {
    std::string got;
    while (!bench.peer.segments.empty()) got += bench.peer.take_data();
    return got;
  }
  // Makes the host's congestion window large: `segments` full segments sent and acknowledged, one by one.
  void warm_up(Recorder& user, unsigned rounds) {
    for (unsigned i = 0; i < rounds; ++i) {
      user.send(pattern(14'600), false);
      bench.peer.settle();
      take_all();
      bench.peer.send(kTcpAck);
    }
  }
  void duplicate_ack(std::initializer_list<SackBlock> blocks = {}) {
    RawSegment ack = bench.peer.next();
    for (const SackBlock& block : blocks) ack.options.sack[ack.options.sack_blocks++] = block;
    bench.peer.send(ack);
  }

  Bench bench;
};

TEST_F(Sending, ASecondFullSegmentIsAcknowledgedAtOnceASingleOneLater) {
  open();
  bench.peer.send(kTcpAck, std::string(1460, 'a'));
  EXPECT_TRUE(bench.peer.segments.empty());
  bench.peer.send(kTcpAck, std::string(1460, 'b'));
  EXPECT_EQ(bench.peer.take().acknowledgement, bench.peer.sequence);
  const uint64_t sent_ns = bench.world.now_ns();
  bench.peer.send(kTcpAck, "small");
  EXPECT_TRUE(bench.peer.segments.empty());
  bench.peer.run_ms(60);
  const RawSegment late = bench.peer.take();
  EXPECT_EQ(late.acknowledgement, bench.peer.sequence);
  EXPECT_GE(late.at_ns - sent_ns, 39'000'000u);
  EXPECT_LE(late.at_ns - sent_ns, 45'000'000u);
  EXPECT_EQ(bench.counters().delayed_acks, 1u);
  bench.peer.run_ms(200);
  EXPECT_TRUE(bench.peer.segments.empty());
}

TEST_F(Sending, DataCarriesTheAcknowledgement) {
  Recorder& user = open();
  user.echoes = true;
  const uint64_t acks = bench.counters().acks_sent;
  bench.peer.send(kTcpAck | kTcpPsh, "ping");
  const RawSegment answer = bench.peer.take();
  EXPECT_EQ(answer.payload, "ping");
  EXPECT_EQ(answer.acknowledgement, bench.peer.sequence);
  EXPECT_TRUE(answer.flags & kTcpPsh);
  bench.peer.acknowledgement += 4;
  bench.peer.send(kTcpAck);
  bench.peer.run_ms(500);
  EXPECT_TRUE(bench.peer.segments.empty());
  EXPECT_EQ(bench.counters().acks_sent, acks);
}

TEST_F(Sending, NagleHoldsSmallSegmentsWhileSomethingIsUnacknowledged) {
  Recorder& user = open();
  user.stream->set_no_delay(false);
  user.send("one", false);
  bench.peer.settle();
  EXPECT_EQ(bench.peer.take_data(), "one");
  user.send("two", false);
  user.send("three", false);
  bench.peer.run_ms(100);
  EXPECT_TRUE(bench.peer.segments.empty());
  bench.peer.send(kTcpAck);
  EXPECT_EQ(bench.peer.take_data(), "twothree");
  // A full segment does not wait; its rest does.
  user.send(pattern(1500), false);
  bench.peer.settle();
  EXPECT_EQ(bench.peer.take_data().size(), 1460u);
  EXPECT_TRUE(bench.peer.segments.empty());
  user.stream->set_no_delay(true);
  bench.peer.settle();
  EXPECT_EQ(bench.peer.take_data().size(), 40u);
  // Nor does the end.
  user.stream->set_no_delay(false);
  user.send("last", true);
  bench.peer.settle();
  EXPECT_EQ(bench.peer.take_data(), "last");
}

TEST_F(Sending, WithoutNagleEachTurnIsSentAtOnce) {
  Recorder& user = open();
  for (const char* word : {"one", "two", "three"}) {
    user.send(word, false);
    bench.peer.settle();
    EXPECT_EQ(bench.peer.take_data(), word);
  }
}

TEST_F(Sending, WhatIsWrittenInOneTurnLeavesInOneSegment) {
  Recorder& user = open();
  user.send("head ", false);
  user.send("and ", false);
  static const std::string external = "external body";
  user.stream->write(user.stream->pool().allocate_external(external.data(), 13, nullptr, nullptr));
  bench.peer.settle();
  EXPECT_EQ(bench.peer.take_data(), "head and external body");
  EXPECT_TRUE(bench.peer.segments.empty());
}

TEST_F(Sending, ExternalMemoryIsGivenBackWhenAcknowledgedNotBefore) {
  Recorder& user = open();
  const std::string body = pattern(10'000);
  int released = 0;
  user.stream->write(user.stream->pool().allocate_external(
      body.data(), 10'000, [](void* count) { ++*static_cast<int*>(count); }, &released));
  bench.peer.settle();
  EXPECT_EQ(take_all(), body);
  EXPECT_EQ(released, 0);
  bench.peer.send(kTcpAck);
  EXPECT_EQ(released, 1);
  EXPECT_EQ(user.stream->queued_bytes(), 0u);
}

TEST_F(Sending, ReservedRoomThatIsNotUsedCostsNothing) {
  Recorder& user = open();
  ASSERT_NE(user.stream->reserve(500), nullptr);
  bench.peer.run_ms(100);
  EXPECT_TRUE(bench.peer.segments.empty());
  Buffer* buffer = user.stream->pool().allocate();
  buffer->append("written", 7);
  user.stream->write(buffer);
  Buffer* room = user.stream->reserve(100);
  room->append("reserved", 8);
  user.stream->commit(8);
  bench.peer.settle();
  EXPECT_EQ(bench.peer.take_data(), "writtenreserved");
  bench.peer.send(kTcpAck);
  EXPECT_NE(user.stream->reserve(10), nullptr);
  user.stream->shutdown();
  bench.peer.settle();
  EXPECT_TRUE(bench.peer.take().flags & kTcpFin);
}

TEST_F(Sending, ReservedRoomMayBeFilledInALaterTurn) {
  Recorder& user = open();
  const std::string first(600, 'f');
  user.send(first, false);
  // More than is left in the tail, so that it is a Buffer of its own.
  Buffer* room = user.stream->reserve(1024);
  Buffer* second = user.stream->reserve(1024);
  EXPECT_EQ(room, second);
  bench.peer.settle();
  EXPECT_EQ(bench.peer.take_data(), first);
  room = user.stream->reserve(1024);
  bench.peer.send(kTcpAck);
  room->append("later", 5);
  user.stream->commit(5);
  bench.peer.settle();
  EXPECT_EQ(bench.peer.take_data(), "later");
}

TEST_F(Sending, DataThatOpensTheWindowLetsUsGoOnAtOnce) {
  Recorder& user = open();
  bench.peer.window = 0;
  bench.peer.send(kTcpAck);
  user.send("held back", false);
  bench.peer.settle();
  EXPECT_TRUE(bench.peer.segments.empty());
  bench.peer.window = 1000;
  bench.peer.send(kTcpAck | kTcpPsh, "data");
  EXPECT_EQ(bench.peer.take_data(), "held back");
}

TEST_F(Sending, NeverMoreThanThePeersWindow) {
  Recorder& user = open();
  bench.peer.window = 3000;
  bench.peer.send(kTcpAck);
  user.send(pattern(10'000), false);
  bench.peer.settle();
  // Two full ones; what is left of the window is less than a segment (RFC 9293 section 3.8.6.2.1).
  EXPECT_EQ(take_all().size(), 2920u);
  bench.peer.send(kTcpAck);
  EXPECT_EQ(take_all().size(), 2920u);
}

TEST_F(Sending, AClosedWindowIsProbedWithBackoff) {
  Recorder& user = open();
  bench.peer.window = 0;
  bench.peer.send(kTcpAck);
  user.send("held back", false);
  bench.peer.settle();
  EXPECT_TRUE(bench.peer.segments.empty());
  std::vector<uint64_t> times;
  for (int i = 0; i < 5; ++i) {
    while (bench.peer.segments.empty()) bench.peer.run_ms(10);
    const RawSegment probe = bench.peer.take();
    EXPECT_EQ(probe.payload, "h");
    EXPECT_EQ(probe.sequence, bench.peer.acknowledgement);
    times.push_back(probe.at_ns);
    bench.peer.send(kTcpAck);  // still closed
  }
  for (size_t i = 2; i < times.size(); ++i) {
    const double ratio =
        static_cast<double>(times[i] - times[i - 1]) / static_cast<double>(times[i - 1] - times[i - 2]);
    EXPECT_NEAR(ratio, 2.0, 0.2);
  }
  bench.peer.window = 1000;
  bench.peer.send(kTcpAck);
  EXPECT_EQ(take_all(), "held back");
  EXPECT_EQ(user.closed, 0u);
}

TEST_F(Sending, AClosedWindowIsProbedForEverWhileThePeerAnswers) {
  Recorder& user = open();
  bench.peer.window = 0;
  bench.peer.send(kTcpAck);
  user.send("held back", false);
  for (int second = 0; second < 1000; ++second) {
    bench.peer.run_ms(1000);
    if (!bench.peer.segments.empty()) bench.peer.send(kTcpAck);
    bench.peer.segments.clear();
  }
  EXPECT_EQ(user.closed, 0u);
  // But not when it has fallen silent.
  bench.peer.run_ms(400'000);
  EXPECT_EQ(user.closed, 1u);
  EXPECT_EQ(user.error, Error::kTimedOut);
}

TEST_F(Sending, AProbesByteThatWasTakenIsNotSentAgain) {
  Recorder& user = open();
  bench.peer.window = 0;
  bench.peer.send(kTcpAck);
  user.send("abc", false);
  bench.peer.run_ms(2000);
  EXPECT_EQ(bench.peer.take().payload, "a");
  bench.peer.segments.clear();
  bench.peer.acknowledgement += 1;
  bench.peer.window = 100;
  bench.peer.send(kTcpAck);
  EXPECT_EQ(take_all(), "bc");
}

TEST_F(Sending, OneFinAgainstAClosedWindowIsProbedToo) {
  Recorder& user = open();
  bench.peer.window = 0;
  bench.peer.send(kTcpAck);
  user.stream->shutdown();
  bench.peer.run_ms(2000);
  const RawSegment fin = bench.peer.take();
  EXPECT_TRUE(fin.flags & kTcpFin);
  bench.peer.acknowledgement = fin.sequence + 1;
  bench.peer.send(kTcpAck | kTcpFin);
  EXPECT_EQ(user.closed, 1u);
  EXPECT_EQ(user.error, Error::kNone);
}

TEST_F(Sending, RetransmissionsBackOffAndStartOver) {
  Recorder& user = open();
  user.send("lost", false);
  bench.peer.settle();
  std::vector<uint64_t> times;
  for (int i = 0; i < 6; ++i) {
    while (bench.peer.segments.empty()) bench.peer.run_ms(10);
    const RawSegment segment = bench.peer.take();
    EXPECT_EQ(segment.payload, "lost");
    times.push_back(segment.at_ns);
  }
  EXPECT_NEAR(static_cast<double>(times[1] - times[0]) / 1e6, 200, 15);
  for (size_t i = 2; i < times.size(); ++i)
    EXPECT_NEAR(
        static_cast<double>(times[i] - times[i - 1]) / static_cast<double>(times[i - 1] - times[i - 2]), 2.0,
        0.1);
  bench.peer.acknowledgement += 4;
  bench.peer.send(kTcpAck);
  EXPECT_EQ(bench.connection().cwnd_bytes(), 1460u + 4);  // the loss window, and slow start from there
  user.send("next", false);
  bench.peer.settle();
  const RawSegment next = bench.peer.take();
  bench.peer.run_ms(300);
  EXPECT_EQ(bench.peer.take().payload, "next");
  EXPECT_EQ(next.payload, "next");
}

TEST_F(Sending, SlowStartBeginsWithTenSegmentsAndDoubles) {
  Recorder& user = open();
  user.send(pattern(200'000), false);
  bench.peer.settle();
  EXPECT_EQ(take_all().size(), 14'600u);
  bench.peer.send(kTcpAck);
  EXPECT_EQ(take_all().size(), 29'200u);
  bench.peer.send(kTcpAck);
  EXPECT_EQ(take_all().size(), 58'400u);
}

TEST_F(Sending, ThreeDuplicatesMeanALossWithoutSack) {
  Recorder& user = open();
  const std::string data = pattern(14'600);
  user.send(data, false);
  bench.peer.settle();
  ASSERT_EQ(bench.peer.segments.size(), 10u);
  bench.peer.segments.clear();
  duplicate_ack();
  duplicate_ack();
  EXPECT_TRUE(bench.peer.segments.empty());  // nothing new to send
  duplicate_ack();
  const RawSegment again = bench.peer.take();
  EXPECT_EQ(again.sequence, bench.peer.acknowledgement);
  EXPECT_EQ(again.payload, data.substr(0, 1460));
  EXPECT_EQ(bench.connection().phase(), RecoveryPhase::kFast);
  EXPECT_EQ(bench.connection().ssthresh_bytes(), 10'220u);  // CUBIC: 0.7
  // Two were lost: a partial acknowledgement brings the next hole at once (RFC 6582).
  const Sequence base = bench.peer.acknowledgement;
  bench.peer.acknowledgement = base + 1460 * 4;
  bench.peer.send(kTcpAck);
  EXPECT_EQ(bench.peer.take().sequence, base + 1460 * 4);
  bench.peer.acknowledgement = base + 14'600;
  bench.peer.send(kTcpAck);
  EXPECT_EQ(bench.connection().phase(), RecoveryPhase::kOpen);
  EXPECT_EQ(bench.counters().retransmitted, 2u);
  EXPECT_EQ(bench.counters().timeouts, 0u);
}

TEST_F(Sending, LimitedTransmitSendsNewDataOnTheFirstTwoDuplicates) {
  Recorder& user = open();
  user.send(pattern(30'000), false);
  bench.peer.settle();
  EXPECT_EQ(bench.peer.segments.size(), 10u);
  const Sequence base = bench.peer.segments.front().sequence;
  bench.peer.segments.clear();
  duplicate_ack();
  EXPECT_EQ(bench.peer.take().sequence, base + 14'600);
  duplicate_ack();
  EXPECT_EQ(bench.peer.take().sequence, base + 16'060);
  duplicate_ack();
  EXPECT_EQ(bench.peer.take().sequence, base);
}

TEST_F(Sending, ALostRetransmissionIsFoundWithoutATimeout) {
  Recorder& user = open(kSack);
  warm_up(user, 1);
  user.send(pattern(100'000), false);
  bench.peer.settle();
  const Sequence base = bench.peer.segments.front().sequence;
  const auto at = [&](uint32_t segment) { return base + 1460 * segment; };
  uint32_t sent = static_cast<uint32_t>(bench.peer.segments.size());
  bench.peer.segments.clear();
  unsigned head_seen = 0;
  // The head is lost, and its retransmission too; everything else arrives, one by one.
  for (uint32_t i = 2; i <= sent && head_seen < 2; ++i) {
    duplicate_ack({{at(1), at(i)}});
    while (!bench.peer.segments.empty()) {
      const RawSegment segment = bench.peer.take();
      if (segment.sequence == base) {
        ++head_seen;
      } else {
        ++sent;
      }
    }
  }
  EXPECT_EQ(head_seen, 2u);
  EXPECT_EQ(bench.counters().timeouts, 0u);
  EXPECT_EQ(bench.counters().retransmissions_lost, 1u);
}

TEST_F(Sending, ReportsOfNonsenseAreNotBelieved) {
  Recorder& user = open(kSack);
  user.send(pattern(14'600), false);
  bench.peer.settle();
  const Sequence base = bench.peer.segments.front().sequence;
  bench.peer.segments.clear();
  for (int i = 0; i < 5; ++i)
    duplicate_ack({{base + 50'000, base + 60'000}, {base - 5000, base - 100}, {base + 20, base + 10}});
  // Nothing but the probe of the tail, which comes for want of a real acknowledgement.
  EXPECT_EQ(bench.counters().retransmitted, bench.counters().tail_probes);
  EXPECT_EQ(bench.counters().fast_recoveries, 0u);
}

TEST_F(Sending, RetransmissionAfterTheDataWasSentInPlaceIsTheSameData) {
  Recorder& user = open();
  user.send("kept in its buffer", false);
  bench.peer.settle();
  EXPECT_EQ(bench.counters().sent_in_place, 1u);
  EXPECT_EQ(bench.peer.take().payload, "kept in its buffer");
  bench.peer.run_ms(300);
  EXPECT_EQ(bench.peer.take().payload, "kept in its buffer");
}

TEST_F(Sending, AnIdleConnectionStartsSlowlyAgain) {
  Recorder& user = open();
  warm_up(user, 5);
  const uint32_t grown = bench.connection().cwnd_bytes();
  EXPECT_EQ(grown, 29'200u);  // twice what was used of it
  bench.peer.run_ms(5'000);
  user.send(pattern(100'000), false);
  bench.peer.settle();
  EXPECT_EQ(take_all().size(), 14'600u);
}

TEST_F(Sending, KeepAliveProbesHaveNoDataAndAnOldNumber) {
  Recorder& user = open();
  user.stream->set_keep_alive(true, 1000);
  bench.peer.run_ms(1100);
  const RawSegment probe = bench.peer.take();
  EXPECT_EQ(probe.payload.size(), 0u);
  EXPECT_EQ(probe.sequence, bench.peer.acknowledgement - 1);
  bench.peer.send(kTcpAck);
  EXPECT_EQ(user.closed, 0u);
  user.stream->set_keep_alive(false, 0);
  bench.peer.run_ms(10'000);
  EXPECT_TRUE(bench.peer.segments.empty());
}

TEST_F(Sending, FinGoesWithTheLastData) {
  Recorder& user = open();
  user.send("bye", true);
  bench.peer.settle();
  const RawSegment last = bench.peer.take();
  EXPECT_EQ(last.payload, "bye");
  EXPECT_TRUE(last.flags & kTcpFin);
  EXPECT_TRUE(bench.peer.segments.empty());
  // Lost: it comes again with its data and its FIN.
  bench.peer.run_ms(300);
  const RawSegment again = bench.peer.take();
  EXPECT_EQ(again.payload, "bye");
  EXPECT_TRUE(again.flags & kTcpFin);
}

TEST_F(Sending, AnExhaustedPoolDelaysButDoesNotBreak) {
  Recorder& user = open();
  std::vector<Buffer*> hoard;
  user.send("waits for a buffer to copy into", false);
  static const std::string external = pattern(3000);
  user.stream->write(user.stream->pool().allocate_external(external.data(), 3000, nullptr, nullptr));
  while (Buffer* buffer = bench.host.port.pool().allocate()) hoard.push_back(buffer);
  bench.world.run_for(1'000'000);
  for (Buffer* buffer : hoard) release(buffer);
  EXPECT_GT(bench.counters().no_buffer, 0u);
  bench.peer.run_ms(100);
  EXPECT_EQ(take_all().size(), 3031u);
}

}  // namespace
}  // namespace sluice::tcp::test
