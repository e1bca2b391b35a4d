// SPDX-License-Identifier: Apache-2.0
// The data structures by themselves: flow table, ranges, reassembly, TIME-WAIT ring, cookies, round-trip
// times, CUBIC.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "dataplane/tcp/cubic.hh"
#include "dataplane/tcp/flow_table.hh"
#include "dataplane/tcp/isn.hh"
#include "dataplane/tcp/range_set.hh"
#include "dataplane/tcp/reassembly.hh"
#include "dataplane/tcp/rtt.hh"
#include "dataplane/tcp/syn_cookie.hh"
#include "dataplane/tcp/time_wait.hh"
#include "tests/simulation/seeded_entropy.hh"

namespace sluice::tcp {
namespace {

using simulation::SeededEntropy;

TEST(FlowTable, AgreesWithAMapThroughGrowthAndRemoval) {
  FlowTable table(200'000);
  std::map<uint32_t, uint32_t> model;  // number -> hash
  SeededEntropy random(3);
  uint32_t next = 1;
  for (int i = 0; i < 400'000; ++i) {
    if (model.empty() || random.chance(i < 200'000 ? 0.8 : 0.3)) {
      const uint32_t hash = random.chance(0.1) ? 77 : static_cast<uint32_t>(random.below(1u << 20));
      if (hash == 77 && model.size() > 2000 && random.chance(0.99)) continue;
      ASSERT_TRUE(table.insert(hash, {FlowReference::kConnection, next}));
      model[next++] = hash;
    } else {
      auto at = model.lower_bound(static_cast<uint32_t>(random.below(next)));
      if (at == model.end()) at = model.begin();
      table.erase(at->second, {FlowReference::kConnection, at->first});
      model.erase(at);
    }
    if (i % 16 == 0 && !model.empty()) {
      auto at = model.lower_bound(static_cast<uint32_t>(random.below(next)));
      if (at == model.end()) at = model.begin();
      const auto found =
          table.find(at->second, [&](FlowReference reference) { return reference.number() == at->first; });
      ASSERT_EQ(found.number(), at->first);
    }
  }
  EXPECT_EQ(table.size(), model.size());
  for (const auto& [number, hash] : model) {
    const uint32_t wanted = number;
    ASSERT_TRUE(table.find(hash, [&](FlowReference reference) { return reference.number() == wanted; }));
  }
  EXPECT_FALSE(table.find(5, [](FlowReference) { return false; }));
}

// Whatever lies around the end of the table, at every size it grows through: nothing is lost, nothing found that is gone.
TEST(FlowTable, EntriesThatWentRoundTheEndAreFoundWhileItGrows) {
  FlowTable table(1u << 20);
  SeededEntropy random(5);
  std::map<uint32_t, uint32_t> model;  // number -> hash
  const auto check = [&](uint32_t number, uint32_t hash) {
    return static_cast<bool>(table.find(hash, [&](FlowReference found) { return found.number() == number; }));
  };
  for (uint32_t number = 1; number <= 30'000; ++number) {
    // Crowded about the last slots of every size, so that many go round.
    const uint32_t hash = random.chance(0.01) ? 0u - static_cast<uint32_t>(random.below(8))
                                              : static_cast<uint32_t>(random.u64());
    ASSERT_TRUE(table.insert(hash, {FlowReference::kConnection, number}));
    model[number] = hash;
    if (hash > 0u - 9) {
      for (uint32_t back = 0; back < 20 && back < number; ++back) {
        const auto at = model.find(number - back);
        if (at != model.end()) ASSERT_TRUE(check(at->first, at->second)) << at->first;
      }
    }
    if (random.chance(0.2)) {
      const auto at = model.lower_bound(static_cast<uint32_t>(random.below(number)) + 1);
      if (at == model.end()) continue;
      table.erase(at->second, {FlowReference::kConnection, at->first});
      ASSERT_FALSE(check(at->first, at->second));
      model.erase(at);
    }
    if (number % 9'973 == 0)
      for (const auto& [each, its_hash] : model) ASSERT_TRUE(check(each, its_hash)) << each;
  }
}

TEST(FlowTable, WhatIsLikelyIsWhatIsFoundUnlessHashesCollide) {
  FlowTable table(1u << 20);
  SeededEntropy random(6);
  std::map<uint32_t, uint32_t> model;
  for (uint32_t number = 1; number <= 50'000; ++number) {
    const auto hash = static_cast<uint32_t>(random.u64());
    table.insert(hash, {FlowReference::kConnection, number});
    model[number] = hash;
  }
  uint32_t right = 0;
  for (const auto& [number, hash] : model) {
    table.prefetch(hash);
    right += table.likely(hash) == FlowReference(FlowReference::kConnection, number);
  }
  EXPECT_GT(right, 40'000u);
}

// A table costs 11 to 21 bytes an entry, and half as much again for a moment while it grows.
TEST(FlowTable, MemoryIsBounded) {
  FlowTable table(1u << 20);
  SeededEntropy random(7);
  for (uint32_t number = 1; number <= 300'000; ++number) {
    table.insert(static_cast<uint32_t>(random.u64()), {FlowReference::kConnection, number});
    if (number > 10'000) ASSERT_LE(table.memory_bytes() * 10 / number, 321u) << number;
  }
  EXPECT_LE(table.memory_bytes() / 300'000, 21u);
}

TEST(FlowTable, RefusesBeyondItsLimit) {
  FlowTable table(3);
  for (uint32_t i = 0; i < 3; ++i) EXPECT_TRUE(table.insert(i, {FlowReference::kConnection, i}));
  EXPECT_FALSE(table.insert(9, {FlowReference::kConnection, 9}));
  EXPECT_EQ(table.refused, 1u);
  table.erase(1, {FlowReference::kConnection, 1});
  EXPECT_TRUE(table.insert(9, {FlowReference::kConnection, 9}));
}

TEST(RangeSet, MergesAndCountsAcrossTheWrap) {
  RangeSet<8> set;
  const Sequence base = 0xffffff00;
  EXPECT_EQ(set.insert(base, base + 100), 100u);
  EXPECT_EQ(set.insert(base + 200, base + 400), 200u);  // over the wrap
  EXPECT_EQ(set.count(), 2u);
  EXPECT_EQ(set.insert(base + 50, base + 250), 100u);
  EXPECT_EQ(set.count(), 1u);
  EXPECT_EQ(set.insert(base + 10, base + 20), 0u);
  EXPECT_EQ(set.bytes_within(base + 300, base + 1000), 100u);
  set.trim_before(base + 350);
  EXPECT_EQ(set[0].begin, base + 350);
  set.trim_before(base + 400);
  EXPECT_TRUE(set.empty());
}

TEST(RangeSet, TakesNoFurtherRangeWhenFullButStillMerges) {
  RangeSet<2> set;
  set.insert(0, 10);
  set.insert(20, 30);
  EXPECT_EQ(set.insert(40, 50), 0u);
  EXPECT_EQ(set.count(), 2u);
  EXPECT_EQ(set.insert(10, 20), 10u);
  EXPECT_EQ(set.count(), 1u);
}

class ReassemblyTest : public testing::Test {
 protected:
  Buffer* piece(Sequence from, uint32_t length) {
    Buffer* buffer = pool_.allocate();
    for (uint32_t i = 0; i < length; ++i) *buffer->append(1) = static_cast<std::byte>(from + i);
    return buffer;
  }
  Reassembly::Outcome insert(Sequence from, uint32_t length) {
    return queue_.insert(from, length, piece(from, length), 100);
  }
  // Takes what is in order at `next`, checks the bytes, and says how many there were.
  uint32_t take(Sequence next) {
    uint32_t length = 0;
    Buffer* chain = queue_.take(next, length);
    uint32_t seen = 0;
    for (Buffer* segment = chain; segment; segment = segment->next_segment)
      for (std::byte byte : segment->bytes()) EXPECT_EQ(byte, static_cast<std::byte>(next + seen++));
    EXPECT_EQ(seen, length);
    release(chain);
    return length;
  }
  HeapBufferPool pool_{2048, 1000};
  Reassembly queue_{0};
};

TEST_F(ReassemblyTest, ReportsNewestFirstAndTellsOfDuplicatesOnce) {
  insert(100, 10);
  insert(200, 10);
  insert(300, 10);
  insert(110, 10);
  wire::TcpOptions options;
  queue_.report(options, 3);
  ASSERT_EQ(options.sack_blocks, 3);
  EXPECT_EQ(options.sack[0], (wire::SackBlock{100, 120}));
  EXPECT_EQ(options.sack[1], (wire::SackBlock{300, 310}));
  EXPECT_EQ(options.sack[2], (wire::SackBlock{200, 210}));
  EXPECT_EQ(insert(205, 5), Reassembly::Outcome::kDuplicate);
  options = {};
  queue_.report(options, 4);
  EXPECT_EQ(options.sack[0], (wire::SackBlock{205, 210}));
  options = {};
  queue_.report(options, 4);
  EXPECT_EQ(options.sack[0], (wire::SackBlock{100, 120}));
}

TEST_F(ReassemblyTest, OverlapsOfEveryKindGiveEachByteOnce) {
  SeededEntropy random(11);
  for (int round = 0; round < 300; ++round) {
    const auto base = static_cast<Sequence>(random.next());
    std::set<uint32_t> have;
    for (int i = 0; i < 30; ++i) {
      const auto from = static_cast<uint32_t>(1 + random.below(200));
      const auto length = static_cast<uint32_t>(1 + random.below(40));
      insert(base + from, length);
      for (uint32_t k = from; k < from + length; ++k) have.insert(k);
    }
    // The rest of a segment that was cut short may be missing; whatever is reported must be there.
    wire::TcpOptions options;
    queue_.report(options, 4);
    uint32_t next = 0;
    while (!queue_.empty()) {
      // Fills the hole before the next range by hand.
      while (!have.contains(next)) ++next;
      const uint32_t got = take(base + next);
      for (uint32_t k = 0; k < got; ++k) EXPECT_TRUE(have.contains(next + k));
      next += got ? got : 1;
    }
    EXPECT_EQ(queue_.bytes(), 0u);
    EXPECT_EQ(pool_.outstanding(), 0u);
  }
}

TEST_F(ReassemblyTest, RefusesMoreBuffersAndMoreRangesThanItsLimits) {
  unsigned refused = 0;
  for (Sequence at = 0; at < 200; ++at) refused += insert(at * 10, 5) == Reassembly::Outcome::kNoRoom;
  EXPECT_EQ(refused, 200u - 32u);
  unsigned more = 0;
  for (uint32_t i = 0; i < 200; ++i)
    more += queue_.insert(315 + i, 1, piece(315 + i, 1), 100) == Reassembly::Outcome::kNoRoom;
  EXPECT_EQ(more, 200u - 68u);
}

TEST(TimeWaitRing, KeepsNumbersWhileItGrowsAndWraps) {
  TimeWaitRing ring(1000);
  std::map<uint32_t, uint32_t> model;
  uint32_t value = 0;
  for (int i = 0; i < 5000; ++i) {
    if (ring.full()) {
      EXPECT_EQ(ring.oldest().since_tick, model[ring.oldest_number()]);
      model.erase(ring.oldest_number());
      ring.pop_oldest();
    }
    TimeWait record;
    record.since_tick = ++value;
    model[ring.push(record)] = value;
  }
  EXPECT_EQ(ring.count(), 1000u);
  for (const auto& [number, since] : model) EXPECT_EQ(ring[number].since_tick, since);
}

TEST(SynCookies, ComeBackOnlyForTheSameFlowAndInTime) {
  SeededEntropy random(5);
  SynCookies cookies(random);
  Flow flow{IpAddress::v4(1), IpAddress::v4(2), 80, 1234};
  const uint64_t now_ns = 1'000'000'000'000;
  for (uint16_t mss : {100, 536, 1000, 1459, 1460, 1461, 9000}) {
    const Sequence iss = cookies.make(flow, 777, mss, now_ns);
    const auto back = cookies.check(flow, 777, iss, now_ns + 60'000'000'000);
    ASSERT_TRUE(back);
    EXPECT_LE(*back, std::max<uint16_t>(mss, 536));
    if (mss == 1461) {
      EXPECT_EQ(*back, 1460);
    }
    EXPECT_FALSE(cookies.check(flow, 778, iss, now_ns));
    EXPECT_FALSE(cookies.check(flow, 777, iss, now_ns + 200'000'000'000));
    Flow other = flow;
    other.remote_port = 1235;
    EXPECT_FALSE(cookies.check(other, 777, iss, now_ns));
  }
}

TEST(SynCookies, CarryOptionsInTheTimestampWithoutRunningAhead) {
  SeededEntropy random(6);
  for (int i = 0; i < 1000; ++i) {
    const auto now = static_cast<uint32_t>(random.next());
    SynCookies::Options options{random.chance(0.5), random.chance(0.7),
                                static_cast<uint8_t>(random.below(15))};
    const uint32_t stamp = SynCookies::encode(now, options);
    EXPECT_TRUE(at_or_before(stamp, now));
    EXPECT_LT(now - stamp, 64u);
    const auto back = SynCookies::decode(stamp);
    EXPECT_EQ(back.sack_permitted, options.sack_permitted);
    EXPECT_EQ(back.has_window_scale, options.has_window_scale);
    if (options.has_window_scale) {
      EXPECT_EQ(back.window_scale, options.window_scale);
    }
  }
}

TEST(InitialSequence, GrowsWithTimeAndDiffersBetweenFlows) {
  SeededEntropy random(5);
  InitialSequence isn(random);
  Flow flow{IpAddress::v4(1), IpAddress::v4(2), 80, 1234},
      other{IpAddress::v4(1), IpAddress::v4(2), 80, 1235};
  EXPECT_NEAR(isn.choose(flow, 5'000'000'000) - isn.choose(flow, 1'000'000'000), 4'000'000'000 / 4096, 1);
  EXPECT_NE(isn.choose(flow, 0), isn.choose(other, 0));
}

TEST(RttEstimator, FollowsRfc6298) {
  RttEstimator rtt;
  EXPECT_EQ(rtt.rto_us(), 1'000'000u);
  EXPECT_EQ(rtt.rto_us(2), 4'000'000u);
  rtt.sample(800'000);
  EXPECT_EQ(rtt.smoothed_us(), 800'000u);
  EXPECT_EQ(rtt.rto_us(), 800'000u + 4 * 400'000u);
  for (int i = 0; i < 100; ++i) rtt.sample(1'000);
  EXPECT_NEAR(rtt.smoothed_us(), 1'000, 20);
  // The round trip, and 200 ms for what it may vary.
  EXPECT_NEAR(rtt.rto_us(), 201'000u, 20);
  EXPECT_NEAR(rtt.rto_us(1), 402'000u, 40);
  EXPECT_EQ(rtt.rto_us(12), 60'000'000u);
}

TEST(Cubic, ReturnsToItsPlateauAndGoesBeyond) {
  constexpr uint32_t kMss = 1000, kRtt = 100'000;
  CongestionWindow window{100 * kMss, 0};
  Cubic cubic;
  window.ssthresh_bytes = cubic.on_loss(window, kMss);
  EXPECT_EQ(window.ssthresh_bytes, 70 * kMss);
  window.cwnd_bytes = window.ssthresh_bytes;
  uint64_t now_us = 1'000'000;
  uint32_t at_k = 0;
  // K = cbrt(30 / 0.4) = 4.2 s.
  for (int round = 0; round < 80; ++round, now_us += kRtt) {
    for (uint32_t sent = window.cwnd_bytes; sent >= kMss; sent -= kMss)
      cubic.on_ack(window, kMss, kMss, kRtt, now_us);
    if (round == 42) at_k = window.cwnd_bytes;
  }
  EXPECT_NEAR(at_k, 100 * kMss, 3 * kMss);
  EXPECT_GT(window.cwnd_bytes, 108 * kMss);
  EXPECT_LT(window.cwnd_bytes, 135 * kMss);
}

}  // namespace
}  // namespace sluice::tcp
