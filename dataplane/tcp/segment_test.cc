// SPDX-License-Identifier: Apache-2.0
// What a connection does with each kind of segment that a peer may send: RFC 9293 section 3.10.7, RFC 5961,
// RFC 7323.
#include <gtest/gtest.h>

#include "dataplane/tcp/test_peer.hh"

namespace sluice::tcp::test {
namespace {

constexpr TcpOptions kModern = {.has_timestamp = true,
                                .has_window_scale = true,
                                .sack_permitted = true,
                                .window_scale = 7,
                                .mss = 1460,
                                .timestamp = 5000};

TEST(Segment, HandshakeAgreesOnOptions) {
  Bench bench;
  bench.open(kModern);
  const TcpOptions& theirs = bench.peer.syn_ack.options;
  EXPECT_EQ(theirs.mss, 1460);
  EXPECT_TRUE(theirs.has_timestamp);
  EXPECT_EQ(theirs.timestamp_echo, 5000u);
  EXPECT_TRUE(theirs.has_window_scale);
  EXPECT_TRUE(theirs.sack_permitted);
  EXPECT_TRUE(bench.connection().timestamps());
  EXPECT_EQ(bench.connection().mss_bytes(), 1448u);
}

TEST(Segment, HandshakeOffersNothingThatWasNotAskedFor) {
  Bench bench;
  bench.open({});
  const TcpOptions& theirs = bench.peer.syn_ack.options;
  EXPECT_FALSE(theirs.has_timestamp || theirs.has_window_scale || theirs.sack_permitted);
  EXPECT_EQ(theirs.mss, 1460);
  EXPECT_EQ(bench.connection().mss_bytes(), 536u);  // RFC 9293 section 3.7.1
}

TEST(Segment, DataWithTheLastAckOfTheHandshakeIsDelivered) {
  Bench bench;
  bench.listen();
  bench.peer.send({.flags = kTcpSyn, .sequence = 1000});
  const RawSegment answer = bench.peer.take();
  bench.peer.send({.flags = kTcpAck | kTcpPsh,
                   .sequence = 1001,
                   .acknowledgement = answer.sequence + 1,
                   .payload = "early"});
  EXPECT_EQ(bench.acceptor.only().received, "early");
}

TEST(Segment, ARepeatedSynIsAnsweredAgainWithTheSameNumber) {
  Bench bench;
  bench.listen();
  bench.peer.send({.flags = kTcpSyn, .sequence = 1000});
  bench.peer.send({.flags = kTcpSyn, .sequence = 1000});
  const RawSegment first = bench.peer.take(), second = bench.peer.take();
  EXPECT_EQ(first.sequence, second.sequence);
  EXPECT_EQ(bench.host.tcp->half_open_count(), 1u);
}

TEST(Segment, AnOldDuplicateSynEndsInAResetFromThePeer) {
  // RFC 9293 section 3.5, figure 8: the peer resets what it did not mean.
  Bench bench;
  bench.listen();
  bench.peer.send({.flags = kTcpSyn, .sequence = 90});
  const RawSegment answer = bench.peer.take();
  EXPECT_EQ(answer.acknowledgement, 91u);
  bench.peer.send({.flags = kTcpRst, .sequence = 91});
  EXPECT_EQ(bench.host.tcp->half_open_count(), 0u);
  bench.peer.sequence = 100;
  bench.peer.open();
  EXPECT_EQ(bench.acceptor.users.size(), 1u);
}

TEST(Segment, AWrongAckInTheHandshakeIsReset) {
  Bench bench;
  bench.listen();
  bench.peer.send({.flags = kTcpSyn, .sequence = 1000});
  const RawSegment answer = bench.peer.take();
  bench.peer.send({.flags = kTcpAck, .sequence = 1001, .acknowledgement = answer.sequence + 77});
  const RawSegment reset = bench.peer.take();
  EXPECT_EQ(reset.flags, kTcpRst);
  EXPECT_EQ(reset.sequence, answer.sequence + 77);
  EXPECT_TRUE(bench.acceptor.users.empty());
}

TEST(Segment, SegmentsOfNoConnectionAreReset) {
  Bench bench;
  bench.peer.send({.flags = kTcpAck, .sequence = 5, .acknowledgement = 1234});
  RawSegment reset = bench.peer.take();
  EXPECT_EQ(reset.flags, kTcpRst);
  EXPECT_EQ(reset.sequence, 1234u);
  bench.peer.send({.flags = kTcpSyn, .sequence = 5});
  reset = bench.peer.take();
  EXPECT_EQ(reset.flags, kTcpRst | kTcpAck);
  EXPECT_EQ(reset.acknowledgement, 6u);
  bench.peer.send({.flags = kTcpRst, .sequence = 5});
  EXPECT_TRUE(bench.peer.segments.empty());
}

TEST(Segment, ResetsAreLimited) {
  Limits limits;
  limits.resets_per_second = 3;
  Bench bench(limits);
  for (int i = 0; i < 10; ++i) bench.peer.send({.flags = kTcpAck, .sequence = 5, .acknowledgement = 1234});
  EXPECT_EQ(bench.peer.segments.size(), 3u);
  EXPECT_EQ(bench.counters().resets_limited, 7u);
}

TEST(Segment, OnlyTheExactNumberResets) {
  Bench bench;
  Recorder& user = bench.open();
  // Outside of the window: nothing at all.
  bench.peer.send({.flags = kTcpRst, .sequence = bench.peer.sequence - 1});
  bench.peer.send({.flags = kTcpRst, .sequence = bench.peer.sequence + 100'000'000});
  EXPECT_TRUE(bench.peer.segments.empty());
  // Within it: a challenge (RFC 5961 section 3.2).
  bench.peer.send({.flags = kTcpRst, .sequence = bench.peer.sequence + 10});
  const RawSegment challenge = bench.peer.take();
  EXPECT_EQ(challenge.flags, kTcpAck);
  EXPECT_EQ(challenge.acknowledgement, bench.peer.sequence);
  EXPECT_EQ(user.closed, 0u);
  bench.peer.send({.flags = kTcpRst, .sequence = bench.peer.sequence});
  EXPECT_EQ(user.closed, 1u);
  EXPECT_EQ(user.error, Error::kConnectionReset);
}

TEST(Segment, ASynInAnEstablishedConnectionIsChallenged) {
  Bench bench;
  Recorder& user = bench.open();
  for (const Sequence sequence :
       {bench.peer.sequence, bench.peer.sequence - 1, bench.peer.sequence + 50'000}) {
    bench.peer.send({.flags = kTcpSyn, .sequence = sequence});
    const RawSegment challenge = bench.peer.take();
    EXPECT_EQ(challenge.flags, kTcpAck);
    EXPECT_EQ(challenge.acknowledgement, bench.peer.sequence);
  }
  EXPECT_EQ(user.closed, 0u);
}

TEST(Segment, ChallengesAreLimitedSoThatTwoHostsDoNotQuarrelForEver) {
  Limits limits;
  limits.challenge_acks_per_second = 5;
  Bench bench(limits);
  bench.open();
  for (int i = 0; i < 50; ++i) bench.peer.send({.flags = kTcpSyn, .sequence = bench.peer.sequence});
  EXPECT_EQ(bench.peer.segments.size(), 5u);
  EXPECT_EQ(bench.counters().challenge_acks_limited, 45u);
}

TEST(Segment, AnAckOfWhatWasNeverSentIsAnsweredAndDropped) {
  Bench bench;
  Recorder& user = bench.open();
  RawSegment segment = bench.peer.next();
  segment.acknowledgement += 500;
  segment.payload = "poison";
  bench.peer.send(segment);
  EXPECT_EQ(bench.peer.take().acknowledgement, bench.peer.sequence);
  EXPECT_TRUE(user.received.empty());
  // And one from far before anything that a window allowed (RFC 5961 section 5.2).
  segment.acknowledgement = bench.peer.acknowledgement - 10'000'000;
  bench.peer.send(segment);
  EXPECT_EQ(bench.peer.take().acknowledgement, bench.peer.sequence);
  EXPECT_TRUE(user.received.empty());
}

TEST(Segment, WithoutAckNothingCounts) {
  Bench bench;
  Recorder& user = bench.open();
  RawSegment segment = bench.peer.next(kTcpPsh);
  segment.payload = "x";
  bench.peer.send(segment);
  EXPECT_TRUE(user.received.empty());
  EXPECT_EQ(bench.counters().no_ack, 1u);
}

// RFC 9293 section 3.4: numbers wrap. What is old in a segment is cut off, on whichever side of 0 it begins.
TEST(Segment, WhatIsOldIsCutOffAcrossTheWrap) {
  Bench bench;
  const std::string sent = pattern(400);
  bench.peer.sequence = 0u - 101;
  bench.open();
  ASSERT_EQ(bench.peer.sequence, 0u - 100);
  bench.peer.send(kTcpAck, sent.substr(0, 200));
  // Begins before 0, where half of it is old.
  RawSegment segment = bench.peer.next();
  segment.sequence = 0u - 50;
  segment.payload = sent.substr(50, 350);
  bench.peer.send(segment);
  EXPECT_EQ(bench.acceptor.only().received, sent);
  // And one all of which is old: not out of order, but a duplicate.
  segment.payload = sent.substr(50, 40);
  bench.peer.send(segment);
  EXPECT_EQ(bench.acceptor.only().received, sent);
  EXPECT_EQ(bench.counters().out_of_order, 0u);
}

TEST(Segment, PawsRejectsTheOldAndTakesTheNew) {
  Bench bench;
  Recorder& user = bench.open(kModern);
  bench.peer.timestamp = 6000;
  bench.peer.send(kTcpAck | kTcpPsh, "one");
  EXPECT_EQ(user.received, "one");
  bench.peer.segments.clear();
  bench.peer.timestamp = 5999;
  RawSegment old = bench.peer.next(kTcpAck | kTcpPsh);
  old.payload = "old";
  bench.peer.send(old);
  EXPECT_EQ(user.received, "one");
  EXPECT_EQ(bench.counters().paws_rejected, 1u);
  EXPECT_EQ(bench.peer.take().acknowledgement, bench.peer.sequence);
  bench.peer.timestamp = 6000;
  bench.peer.send(kTcpAck | kTcpPsh, "two");
  EXPECT_EQ(user.received, "onetwo");
  // Without a timestamp, once agreed upon: dropped without a word (RFC 7323 section 3.2), a reset excepted.
  bench.peer.segments.clear();
  RawSegment bare = bench.peer.next(kTcpAck | kTcpPsh);
  bare.options = {};
  bare.payload = "bare";
  bench.peer.send(bare);
  EXPECT_EQ(user.received, "onetwo");
  EXPECT_TRUE(bench.peer.segments.empty());
  bench.peer.send({.flags = kTcpRst, .sequence = bench.peer.sequence});
  EXPECT_EQ(user.closed, 1u);
}

TEST(Segment, TimestampsAreEchoedAsRfc7323Says) {
  Bench bench;
  bench.open(kModern);
  bench.peer.timestamp = 7000;
  bench.peer.send(kTcpAck | kTcpPsh, "a");
  EXPECT_EQ(bench.peer.take().options.timestamp_echo, 7000u);
  // A segment beyond a hole does not move TS.Recent.
  bench.peer.timestamp = 7100;
  RawSegment ahead = bench.peer.next(kTcpAck);
  ahead.sequence += 100;
  ahead.payload = "later";
  bench.peer.send(ahead);
  EXPECT_EQ(bench.peer.take().options.timestamp_echo, 7000u);
}

TEST(Segment, OutOfOrderDataIsKeptReportedAndDeliveredInOrder) {
  Bench bench;
  Recorder& user = bench.open(kModern);
  const Sequence base = bench.peer.sequence;
  const auto at = [&](uint32_t offset, const std::string& bytes) {
    RawSegment segment = bench.peer.next();
    segment.sequence = base + offset;
    segment.payload = bytes;
    bench.peer.send(segment);
  };
  at(10, "klmno");
  RawSegment ack = bench.peer.take();
  EXPECT_EQ(ack.acknowledgement, base);
  ASSERT_EQ(ack.options.sack_blocks, 1);
  EXPECT_EQ(ack.options.sack[0], (SackBlock{base + 10, base + 15}));
  at(5, "fghij");
  ack = bench.peer.take();
  EXPECT_EQ(ack.options.sack[0], (SackBlock{base + 5, base + 15}));
  at(20, "uvwxy");
  ack = bench.peer.take();
  EXPECT_EQ(ack.options.sack[0], (SackBlock{base + 20, base + 25}));
  EXPECT_EQ(ack.options.sack[1], (SackBlock{base + 5, base + 15}));
  EXPECT_TRUE(user.received.empty());
  at(0, "abcde");
  ack = bench.peer.take();
  EXPECT_EQ(user.received, "abcdefghijklmno");
  EXPECT_EQ(ack.acknowledgement, base + 15);
  at(12, "mnopqrst");  // half old, half new
  EXPECT_EQ(user.received, "abcdefghijklmnopqrstuvwxy");
  EXPECT_EQ(bench.host.port.pool().outstanding(), 0u);
}

TEST(Segment, DuplicatesAreReportedByDsack) {
  Bench bench;
  bench.open(kModern);
  const Sequence base = bench.peer.sequence;
  bench.peer.send(kTcpAck | kTcpPsh, "hello");
  bench.peer.segments.clear();
  RawSegment again = bench.peer.next();
  again.sequence = base;
  again.payload = "hello";
  bench.peer.send(again);
  const RawSegment ack = bench.peer.take();
  EXPECT_EQ(ack.acknowledgement, base + 5);
  ASSERT_EQ(ack.options.sack_blocks, 1);
  EXPECT_EQ(ack.options.sack[0], (SackBlock{base, base + 5}));
  EXPECT_EQ(bench.counters().duplicate_sacks_sent, 1u);
}

TEST(Segment, DataBeyondTheWindowIsCutOff) {
  Limits limits;
  limits.receive_window_bytes = 1000;
  Bench bench(limits);
  bench.acceptor.consumes = false;
  Recorder& user = bench.open();
  bench.peer.send(kTcpAck, std::string(1200, 'x'));
  EXPECT_EQ(user.received.size(), 1000u);
  const RawSegment ack = bench.peer.take();
  EXPECT_EQ(ack.acknowledgement, bench.peer.sequence - 200);
  EXPECT_EQ(ack.window, 0);
}

TEST(Segment, AClosedWindowStillTakesAcksAndAnswersProbes) {
  Limits limits;
  limits.receive_window_bytes = 1000;
  Bench bench(limits);
  bench.acceptor.consumes = false;
  Recorder& user = bench.open();
  bench.peer.send(kTcpAck, std::string(1000, 'x'));
  bench.peer.segments.clear();
  user.send("answer", false);
  bench.peer.settle();
  EXPECT_EQ(bench.peer.take_data(), "answer");
  // The probe's byte does not fit; its acknowledgement counts.
  RawSegment probe = bench.peer.next();
  probe.payload = "y";
  bench.peer.send(probe);
  const RawSegment ack = bench.peer.take();
  EXPECT_EQ(ack.window, 0);
  EXPECT_EQ(ack.acknowledgement, bench.peer.sequence);
  EXPECT_EQ(user.stream->queued_bytes(), 0u);
  EXPECT_EQ(user.received.size(), 1000u);
  user.give_back();
  bench.peer.settle();
  EXPECT_EQ(bench.peer.take().window, 1000);
  bench.peer.send(kTcpAck, "y");
  EXPECT_EQ(user.received.size(), 1001u);
}

TEST(Segment, ASillyWindowIsNotTold) {
  Limits limits;
  limits.receive_window_bytes = 10'000;
  Bench bench(limits);
  bench.acceptor.consumes = false;
  Recorder& user = bench.open();
  for (int i = 0; i < 10; ++i) bench.peer.send(kTcpAck, std::string(1000, 'x'));
  EXPECT_EQ(bench.peer.segments.back().window, 0);
  bench.peer.segments.clear();
  // RFC 9293 section 3.8.6.2.2: room of less than a segment stays closed, also to who asks.
  user.stream->consumed(100);
  RawSegment probe = bench.peer.next();
  probe.payload = "y";
  bench.peer.send(probe);
  EXPECT_EQ(bench.peer.take().window, 0);
  user.stream->consumed(1460);
  bench.peer.send(probe);
  EXPECT_EQ(bench.peer.take().window, 1560);
}

TEST(Segment, TheWindowOfTheHandshakesLastAcknowledgementIsScaled) {
  Bench bench;
  bench.peer.window = 100;  // times 128
  Recorder& user = bench.open({.has_window_scale = true, .window_scale = 7, .mss = 1460});
  user.send(pattern(5'000), false);
  bench.peer.settle();
  size_t bytes = 0;
  for (const RawSegment& segment : bench.peer.segments) bytes += segment.payload.size();
  EXPECT_EQ(bytes, 5'000u);
}

TEST(Segment, TheWindowOfASynIsNotScaled) {
  Bench bench;
  Recorder user;
  bench.connect(user);
  bench.peer.settle();
  const RawSegment syn = bench.peer.take();
  bench.peer.acknowledgement = syn.sequence + 1;
  RawSegment answer = bench.peer.next(kTcpSyn | kTcpAck);
  answer.window = 1'000;
  answer.options.mss = 1460;
  answer.options.has_window_scale = true;
  answer.options.window_scale = 7;
  bench.peer.send(answer);
  bench.peer.segments.clear();
  user.send(pattern(5'000), false);
  bench.peer.settle();
  size_t bytes = 0;
  for (const RawSegment& segment : bench.peer.segments) bytes += segment.payload.size();
  EXPECT_GT(bytes, 0u);
  EXPECT_LE(bytes, 1'000u);  // RFC 7323 section 2.2
}

TEST(Segment, AFinBeforeDataThatHasArrivedIsNone) {
  Bench bench;
  Recorder& user = bench.open();
  RawSegment later = bench.peer.next();
  later.sequence += 5;
  later.payload = "67890";
  bench.peer.send(later);
  bench.peer.segments.clear();
  RawSegment end = bench.peer.next(kTcpAck | kTcpFin);
  end.payload = "12345";
  bench.peer.send(end);
  EXPECT_EQ(user.received, "1234567890");
  EXPECT_FALSE(user.ended);
  EXPECT_EQ(bench.peer.segments.back().acknowledgement, bench.peer.sequence + 10);
}

TEST(Segment, TheWindowOfAnOvertakenSegmentIsStale) {
  Bench bench;
  Recorder& user = bench.open();
  RawSegment newer = bench.peer.next();
  newer.sequence += 5;
  newer.payload = "67890";
  newer.window = 2'000;
  bench.peer.send(newer);
  RawSegment older = bench.peer.next();
  older.payload = "12345";
  older.window = 60'000;
  bench.peer.send(older);
  bench.peer.segments.clear();
  user.send(pattern(5'000), false);
  bench.peer.settle();
  size_t bytes = 0;
  for (const RawSegment& segment : bench.peer.segments) bytes += segment.payload.size();
  EXPECT_GT(bytes, 0u);
  EXPECT_LE(bytes, 2'000u);  // RFC 9293 section 3.10.7.4, SND.WL1
}

TEST(Segment, TheWindowIsNeverTakenBackAndOpensInWorthwhileSteps) {
  Limits limits;
  limits.receive_window_bytes = 10'000;
  Bench bench(limits);
  bench.acceptor.consumes = false;
  Recorder& user = bench.open();
  Sequence edge = 0;
  std::vector<RawSegment> acks;
  for (int i = 0; i < 8; ++i) {
    bench.peer.send(kTcpAck, std::string(1000, 'x'));
    const RawSegment ack = bench.peer.take();
    if (i > 0) {
      EXPECT_GE(static_cast<int32_t>(ack.acknowledgement + ack.window - edge), 0);
    }
    edge = ack.acknowledgement + ack.window;
  }
  bench.peer.segments.clear();
  user.stream->consumed(100);  // silly
  bench.peer.settle();
  EXPECT_TRUE(bench.peer.segments.empty());
  user.stream->consumed(4900);
  bench.peer.settle();
  const RawSegment update = bench.peer.take();
  EXPECT_EQ(update.acknowledgement + update.window, edge + 5000);
}

TEST(Segment, FinIsAcknowledgedAndEndsTheStream) {
  Bench bench;
  bench.acceptor.shuts_down_on_end = false;
  Recorder& user = bench.open();
  bench.peer.send(kTcpAck | kTcpFin, "last words");
  EXPECT_EQ(user.received, "last words");
  EXPECT_EQ(user.ended, 1u);
  EXPECT_EQ(bench.peer.take().acknowledgement, bench.peer.sequence);
  // A repeated FIN is acknowledged again, and told once.
  RawSegment again = bench.peer.next(kTcpAck | kTcpFin);
  again.sequence -= 1;
  bench.peer.send(again);
  EXPECT_EQ(bench.peer.take().acknowledgement, bench.peer.sequence);
  EXPECT_EQ(user.ended, 1u);
  EXPECT_EQ(bench.connection().state(), State::kCloseWait);
  user.send("reply", true);
  bench.peer.settle();
  const RawSegment fin = bench.peer.take();
  EXPECT_EQ(fin.payload, "reply");
  EXPECT_TRUE(fin.flags & kTcpFin);
  bench.peer.acknowledgement = fin.sequence + 6;
  bench.peer.send(kTcpAck);
  EXPECT_EQ(user.closed, 1u);
  EXPECT_EQ(user.error, Error::kNone);
  EXPECT_EQ(bench.host.tcp->flow_count(), 0u);
}

TEST(Segment, AFinBeforeItsDataWaits) {
  Bench bench;
  Recorder& user = bench.open();
  RawSegment fin = bench.peer.next(kTcpAck | kTcpFin);
  fin.sequence += 4;
  bench.peer.send(fin);
  EXPECT_EQ(user.ended, 0u);
  bench.peer.send(kTcpAck, "data");
  EXPECT_EQ(user.ended, 0u);
  bench.peer.send(kTcpAck | kTcpFin);
  EXPECT_EQ(user.ended, 1u);
}

TEST(Segment, SimultaneousOpen) {
  Bench bench;
  Recorder user;
  bench.connect(user);
  const RawSegment syn = bench.peer.take();
  EXPECT_EQ(syn.flags, kTcpSyn);
  bench.peer.send({.flags = kTcpSyn, .sequence = 1000, .options = {.mss = 1400}});
  const RawSegment answer = bench.peer.take();
  EXPECT_EQ(answer.flags, kTcpSyn | kTcpAck);
  EXPECT_EQ(answer.sequence, syn.sequence);
  EXPECT_EQ(answer.acknowledgement, 1001u);
  EXPECT_EQ(user.connected, 0u);
  bench.peer.send({.flags = kTcpSyn | kTcpAck,
                   .sequence = 1000,
                   .acknowledgement = syn.sequence + 1,
                   .options = {.mss = 1400}});
  bench.peer.sequence = 1001;
  bench.peer.acknowledgement = syn.sequence + 1;
  bench.peer.send(kTcpAck);
  EXPECT_EQ(user.connected, 1u);
  bench.peer.send(kTcpAck | kTcpPsh, "hi");
  EXPECT_EQ(user.received, "hi");
}

TEST(Segment, AResetAfterASimultaneousOpenRefuses) {
  Bench bench;
  Recorder user;
  bench.connect(user);
  bench.peer.take();
  bench.peer.send({.flags = kTcpSyn, .sequence = 1000});
  bench.peer.send({.flags = kTcpRst, .sequence = 1001});
  EXPECT_EQ(user.closed, 1u);
  EXPECT_EQ(user.error, Error::kConnectionRefused);
}

TEST(Segment, SynSentIgnoresResetsThatAcknowledgeNothing) {
  Bench bench;
  Recorder user;
  bench.connect(user);
  const RawSegment syn = bench.peer.take();
  bench.peer.send({.flags = kTcpRst, .sequence = 0});
  bench.peer.send({.flags = kTcpRst | kTcpAck, .sequence = 0, .acknowledgement = syn.sequence + 9});
  EXPECT_EQ(user.closed, 0u);
  bench.peer.send({.flags = kTcpRst | kTcpAck, .sequence = 0, .acknowledgement = syn.sequence + 1});
  EXPECT_EQ(user.closed, 1u);
  EXPECT_EQ(user.error, Error::kConnectionRefused);
}

TEST(Segment, SynSentResetsAHalfOpenPeer) {
  // RFC 9293 section 3.5.1, figure 9: the peer still believes in an older connection.
  Bench bench;
  Recorder user;
  bench.connect(user);
  bench.peer.take();
  bench.peer.send({.flags = kTcpAck, .sequence = 300, .acknowledgement = 100});
  const RawSegment reset = bench.peer.take();
  EXPECT_EQ(reset.flags, kTcpRst);
  EXPECT_EQ(reset.sequence, 100u);
  EXPECT_EQ(user.closed, 0u);
}

TEST(Segment, DataInTheSynAckIsDelivered) {
  Bench bench;
  Recorder user;
  bench.connect(user);
  const RawSegment syn = bench.peer.take();
  bench.peer.send(
      {.flags = kTcpSyn | kTcpAck, .sequence = 1000, .acknowledgement = syn.sequence + 1, .payload = "fast"});
  EXPECT_EQ(user.connected, 1u);
  EXPECT_EQ(user.received, "fast");
  EXPECT_EQ(bench.peer.take().acknowledgement, 1005u);
}

TEST(Segment, BadChecksumsAreDropped) {
  Bench bench;
  Recorder& user = bench.open();
  bench.world.wire.set_hook([&](std::span<std::byte> frame, unsigned from, unsigned) {
    if (from == 1 && frame.size() > 60) frame[60 - 3] ^= std::byte{1};
    return true;
  });
  bench.peer.send(kTcpAck | kTcpPsh, std::string(100, 'a'));
  EXPECT_EQ(bench.counters().bad_checksum, 1u);
  EXPECT_TRUE(user.received.empty());
}

TEST(Segment, IcmpErrorsEndConnectingButNotAConnection) {
  Bench bench;
  Recorder connecting;
  bench.connect(connecting);
  const RawSegment syn = bench.peer.take();
  bench.peer.send_icmp(kIcmpUnreachable, 3, 0, syn.sequence + 1000);  // not ours: ignored
  EXPECT_EQ(connecting.closed, 0u);
  bench.peer.send_icmp(kIcmpUnreachable, 3, 0, syn.sequence);
  EXPECT_EQ(connecting.closed, 1u);
  EXPECT_EQ(connecting.error, Error::kConnectionRefused);

  Bench second;
  Recorder& user = second.open();
  user.send("data", false);
  second.peer.settle();
  const Sequence sent = second.peer.take().sequence;
  second.peer.send_icmp(kIcmpUnreachable, 3, 0, sent);
  EXPECT_EQ(user.closed, 0u);
}

TEST(Segment, ASmallerPathMtuMakesSmallerSegmentsAtOnce) {
  Bench bench;
  Recorder& user = bench.open();
  const std::string data = pattern(2920);
  user.send(data, false);
  bench.peer.settle();
  const RawSegment first = bench.peer.take();
  EXPECT_EQ(first.payload.size(), 1460u);
  bench.peer.segments.clear();
  bench.peer.send_icmp(kIcmpUnreachable, 4, 1000, first.sequence);
  std::string got;
  while (!bench.peer.segments.empty()) {
    const RawSegment segment = bench.peer.take();
    EXPECT_LE(segment.payload.size(), 960u);
    EXPECT_EQ(segment.sequence, first.sequence + got.size());
    got += segment.payload;
  }
  EXPECT_EQ(got, data);
  EXPECT_EQ(bench.counters().path_mtu_reductions, 1u);
}

TEST(Segment, AFarawayMtuErrorIsNotBelieved) {
  Bench bench;
  Recorder& user = bench.open();
  user.send(pattern(1460), false);
  bench.peer.settle();
  const RawSegment first = bench.peer.take();
  bench.peer.send_icmp(kIcmpUnreachable, 4, 600, first.sequence + 100'000);
  EXPECT_EQ(bench.connection().mss_bytes(), 1460u);
}

}  // namespace
}  // namespace sluice::tcp::test
