// SPDX-License-Identifier: Apache-2.0
// Explicit Congestion Notification (RFC 3168): who agrees to it, what is marked, and what follows from a mark.
#include <gtest/gtest.h>

#include "dataplane/tcp/test_peer.hh"

namespace sluice::tcp::test {
namespace {

constexpr uint8_t kCapable = 2, kExperienced = 3;

class Ecn : public testing::Test {
 protected:
  // The peer opens with `flags`; returns those of our answer.
  uint8_t open_with(uint8_t flags, const TcpOptions& options = {.sack_permitted = true, .mss = 1460}) {
    bench.listen();
    RawSegment syn;
    syn.flags = flags;
    syn.sequence = bench.peer.sequence++;
    syn.options = options;
    bench.peer.send(syn);
    const RawSegment answer = bench.peer.take();
    bench.peer.acknowledgement = answer.sequence + 1;
    bench.peer.send(kTcpAck);
    EXPECT_EQ(answer.codepoint, 0u);  // RFC 3168 section 6.1.1: a SYN is not ECT
    return answer.flags;
  }
  Bench bench;
};

TEST_F(Ecn, AnOfferIsAcceptedAndDataIsMarkable) {
  EXPECT_EQ(open_with(kTcpSyn | kTcpEce | kTcpCwr), kTcpSyn | kTcpAck | kTcpEce);
  Recorder& user = bench.acceptor.only();
  user.send("data", false);
  bench.peer.settle();
  EXPECT_EQ(bench.peer.take().codepoint, kCapable);
  // Not a second time (section 6.1.5).
  bench.peer.run_ms(500);
  EXPECT_EQ(bench.peer.take().codepoint, 0u);
}

TEST_F(Ecn, WithoutAnOfferNothingIsMarkable) {
  EXPECT_EQ(open_with(kTcpSyn), kTcpSyn | kTcpAck);
  bench.acceptor.only().send("data", false);
  bench.peer.settle();
  EXPECT_EQ(bench.peer.take().codepoint, 0u);
}

TEST_F(Ecn, HalfAnOfferIsNone) { EXPECT_EQ(open_with(kTcpSyn | kTcpEce), kTcpSyn | kTcpAck); }

TEST_F(Ecn, AMarkIsEchoedUntilThePeerHasReduced) {
  open_with(kTcpSyn | kTcpEce | kTcpCwr);
  const auto send_data = [&](uint8_t codepoint, uint8_t flags = 0) {
    RawSegment segment = bench.peer.next(static_cast<uint8_t>(kTcpAck | kTcpPsh | flags));
    segment.payload = std::string(1460, 'x');
    bench.peer.sequence += 1460;
    bench.peer.post(segment, codepoint);
    bench.peer.run_ms(60);
    EXPECT_FALSE(bench.peer.segments.empty());
    const uint8_t answer = bench.peer.segments.back().flags;
    bench.peer.segments.clear();
    return answer;
  };
  EXPECT_EQ(send_data(kCapable), kTcpAck);
  EXPECT_EQ(send_data(kExperienced), kTcpAck | kTcpEce);
  EXPECT_EQ(send_data(kCapable), kTcpAck | kTcpEce);
  EXPECT_EQ(send_data(kCapable, kTcpCwr), kTcpAck);
  EXPECT_EQ(bench.counters().marks_received, 1u);
  // A mark upon the very segment that says CWR counts.
  EXPECT_EQ(send_data(kExperienced, kTcpCwr), kTcpAck | kTcpEce);
}

TEST_F(Ecn, AnEchoReducesTheWindowOnceARoundTripAndSaysSo) {
  open_with(kTcpSyn | kTcpEce | kTcpCwr);
  Recorder& user = bench.acceptor.only();
  user.send(pattern(40'000), false);
  bench.peer.settle();
  ASSERT_EQ(bench.peer.segments.size(), 10u);
  const Sequence base = bench.peer.acknowledgement;
  bench.peer.segments.clear();
  bench.peer.acknowledgement = base + 1460;
  bench.peer.send(kTcpAck | kTcpEce);
  const uint32_t reduced = bench.connection().cwnd_bytes();
  EXPECT_LT(reduced, 14'600u);
  bench.peer.acknowledgement = base + 2920;
  bench.peer.send(kTcpAck | kTcpEce);
  EXPECT_NEAR(bench.connection().cwnd_bytes(), reduced, 200);  // the same window of data
  bench.peer.segments.clear();
  bench.peer.acknowledgement = base + 14'600;
  bench.peer.send(kTcpAck);
  ASSERT_GE(bench.peer.segments.size(), 2u);
  unsigned said = 0;
  for (const RawSegment& segment : bench.peer.segments) said += segment.flags & kTcpCwr ? 1 : 0;
  EXPECT_LE(said, 1u);
  EXPECT_EQ(bench.counters().window_reductions, 1u);
  EXPECT_EQ(bench.counters().retransmitted, 0u);
}

TEST_F(Ecn, ACookieRemembersTheAgreement) {
  bench.listen(1);
  // Fills the backlog.
  RawSegment other;
  other.flags = kTcpSyn;
  other.sequence = 77;
  RawPeer crowd(bench.world, bench.host, IpAddress::v4(0xc0000203), 41'000, 80);
  crowd.send(other);
  RawSegment syn;
  syn.flags = kTcpSyn | kTcpEce | kTcpCwr;
  syn.sequence = bench.peer.sequence++;
  syn.options = {.has_timestamp = true, .sack_permitted = true, .mss = 1460, .timestamp = 5000};
  bench.peer.send(syn);
  const RawSegment answer = bench.peer.take();
  EXPECT_EQ(answer.flags, kTcpSyn | kTcpAck | kTcpEce);
  EXPECT_EQ(bench.counters().cookies_sent, 1u);
  bench.peer.timestamps = true;
  bench.peer.echo = answer.options.timestamp;
  bench.peer.acknowledgement = answer.sequence + 1;
  bench.peer.send(kTcpAck);
  ASSERT_EQ(bench.acceptor.users.size(), 1u);
  EXPECT_TRUE(bench.connection().ecn());
  EXPECT_TRUE(bench.connection().sack());
}

// ---- we offer ----

class EcnOffer : public testing::TestWithParam<std::pair<uint8_t, bool>> {};

TEST_P(EcnOffer, IsTakenUpOnlyByAnAnswerWithEceAlone) {
  Limits limits;
  limits.ecn_offer = true;
  Bench bench(limits);
  Recorder user;
  bench.connect(user);
  const RawSegment syn = bench.peer.take();
  EXPECT_EQ(syn.flags, kTcpSyn | kTcpEce | kTcpCwr);
  bench.peer.acknowledgement = syn.sequence + 1;
  RawSegment answer = bench.peer.next(static_cast<uint8_t>(kTcpSyn | kTcpAck | GetParam().first));
  answer.options = {.mss = 1460};
  bench.peer.send(answer);
  ++bench.peer.sequence;
  bench.peer.segments.clear();
  ASSERT_EQ(user.connected, 1u);
  user.send("data", false);
  bench.peer.settle();
  EXPECT_EQ(bench.peer.take().codepoint, GetParam().second ? kCapable : 0u);
}

INSTANTIATE_TEST_SUITE_P(All, EcnOffer,
                         testing::Values(std::pair<uint8_t, bool>{kTcpEce, true},
                                         std::pair<uint8_t, bool>{0, false},
                                         std::pair<uint8_t, bool>{kTcpEce | kTcpCwr, false}));

TEST(EcnOffers, ASynThatIsNotAnsweredIsRepeatedWithout) {
  Limits limits;
  limits.ecn_offer = true;
  Bench bench(limits);
  Recorder user;
  bench.connect(user);
  EXPECT_EQ(bench.peer.take().flags, kTcpSyn | kTcpEce | kTcpCwr);
  bench.peer.run_ms(1500);
  EXPECT_EQ(bench.peer.take().flags, kTcpSyn);  // RFC 3168 section 6.1.1.1
}

}  // namespace
}  // namespace sluice::tcp::test
