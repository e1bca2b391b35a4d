// SPDX-License-Identifier: Apache-2.0
// The search for larger segments (RFC 4821, RFC 8899) against a peer behind a path that drops what is too large without a
// word.
#include <gtest/gtest.h>

#include <map>

#include "dataplane/tcp/mtu_search.hh"
#include "dataplane/tcp/test_peer.hh"

namespace sluice::tcp::test {
namespace {

constexpr TcpOptions kSack = {.sack_permitted = true, .mss = 1460};
constexpr uint32_t kBatchBytes = 40 * 1460;

class MtuSearching : public testing::Test {
 protected:
  void open(const Limits& limits = {}) {
    bench = std::make_unique<Bench>(limits, 1, 20);
    user = &bench->open(kSack);
    expected = bench->peer.acknowledgement;
    // The round trip is known, and acknowledgements have grown the window.
    carry(200, 1460);
  }
  // Data flows for `ms`, on a path that drops payloads of more than `limit_bytes`.
  void carry(uint32_t ms, uint32_t limit_bytes) {
    for (uint32_t i = 0; i < ms; ++i) {
      if (user->stream->queued_bytes() < kBatchBytes) user->send(pattern(kBatchBytes), false);
      bench->peer.run_ms(1);
      while (!bench->peer.segments.empty()) arrive(bench->peer.take(), limit_bytes);
    }
  }
  void arrive(const RawSegment& segment, uint32_t limit_bytes) {
    const auto bytes = static_cast<uint32_t>(segment.payload.size());
    if (bytes == 0) return;
    if (bytes > limit_bytes) {
      ++dropped;
      return;
    }
    largest = std::max(largest, bytes);
    RawSegment answer;
    if (segment.sequence == expected) {
      expected += bytes;
      while (!early.empty() && early.begin()->first == expected) {
        expected += early.begin()->second;
        early.erase(early.begin());
      }
    } else if (after(segment.sequence, expected)) {
      early[segment.sequence] = bytes;
    }
    bench->peer.acknowledgement = expected;
    answer = bench->peer.next();
    Sequence left = 0, right = 0;
    for (const auto& [begin, length] : early) {
      if (right == begin && answer.options.sack_blocks > 0) {
        right = begin + length;
        answer.options.sack[answer.options.sack_blocks - 1].right = right;
        continue;
      }
      if (answer.options.sack_blocks == TcpOptions::kSackBlocksLimit) break;
      left = begin, right = begin + length;
      answer.options.sack[answer.options.sack_blocks++] = {left, right};
    }
    bench->peer.post(answer);
  }
  Connection& connection() { return bench->connection(); }
  const Counters& counters() { return bench->counters(); }

  std::unique_ptr<Bench> bench;
  Recorder* user = nullptr;
  Sequence expected = 0;
  std::map<Sequence, uint32_t> early;
  uint32_t dropped = 0, largest = 0;
};

TEST_F(MtuSearching, AfterABlackHoleTheLargestSegmentThatGetsThroughIsFound) {
  open();
  EXPECT_EQ(connection().mss_bytes(), 1460u);
  carry(6'000, 1300);
  ASSERT_EQ(counters().black_holes, 1u);
  largest = 0;
  carry(6'000, 1300);
  EXPECT_LE(connection().mss_bytes(), 1300u);
  EXPECT_GT(connection().mss_bytes(), 1300u - 32);
  EXPECT_EQ(largest, connection().mss_bytes());
  EXPECT_GE(counters().mtu_probes_lost, 3u);
  // The search is over: nothing more is lost until it is time to look again.
  const uint32_t dropped_before = dropped;
  carry(20'000, 1300);
  EXPECT_EQ(dropped, dropped_before);
  EXPECT_EQ(counters().black_holes, 1u);
  // Later the path is another.
  bench->peer.run_ms(kMtuRaiseMs);
  carry(15'000, 1460);
  EXPECT_EQ(connection().mss_bytes(), 1460u);
}

TEST_F(MtuSearching, AProbeThatIsLostIsNoCongestion) {
  open();
  while (counters().black_holes == 0) carry(100, 1100);
  while (connection().phase() != RecoveryPhase::kOpen || counters().mtu_probes == 0) carry(1, 1100);
  const uint64_t timeouts = counters().timeouts;
  uint32_t window_bytes = connection().cwnd_bytes();
  for (int i = 0; i < 500; ++i) {
    carry(10, 1040);  // no probe gets through
    if (connection().phase() != RecoveryPhase::kOpen) continue;
    EXPECT_GE(connection().cwnd_bytes(), window_bytes);
    window_bytes = connection().cwnd_bytes();
  }
  EXPECT_GE(counters().mtu_probes_lost, 10u);
  EXPECT_EQ(counters().timeouts, timeouts);
  EXPECT_EQ(connection().mss_bytes(), 1024u);
}

TEST_F(MtuSearching, FromASmallBeginningWhereThatIsWanted) {
  Limits limits;
  limits.mtu_probing = MtuProbing::kAlways;
  bench = std::make_unique<Bench>(limits, 1, 20);
  user = &bench->open(kSack);
  expected = bench->peer.acknowledgement;
  EXPECT_EQ(connection().mss_bytes(), 1024u);
  carry(1'000, 1400);
  EXPECT_GT(connection().mss_bytes(), 1400u - 32);
  EXPECT_LE(connection().mss_bytes(), 1400u);
  EXPECT_EQ(counters().black_holes, 0u);
  EXPECT_EQ(counters().timeouts, 0u);
}

TEST_F(MtuSearching, NotWhereItIsSwitchedOff) {
  Limits limits;
  limits.mtu_probing = MtuProbing::kOff;
  open(limits);
  carry(6'000, 1300);
  ASSERT_EQ(counters().black_holes, 1u);
  carry(6'000, 1460);
  EXPECT_EQ(connection().mss_bytes(), 1024u);
  EXPECT_EQ(counters().mtu_probes, 0u);
}

}  // namespace
}  // namespace sluice::tcp::test
