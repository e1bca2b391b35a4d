// SPDX-License-Identifier: Apache-2.0
// Which upstream is asked next: each balance, with and without upstreams that are out.
#include "dataplane/proxy/upstream.hh"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "drivers/clock.hh"

namespace sluice::proxy {
namespace {

constexpr uint64_t kStartNs = 1'000 * kNanosecondsPerSecond;
constexpr uint64_t kNothingTried = 0;

UpstreamGroup group_of(unsigned count, const UpstreamOptions& options) {
  std::vector<Upstream> upstreams(count);
  for (unsigned i = 0; i < count; ++i) upstreams[i].endpoint.port = static_cast<uint16_t>(8000 + i);
  return {std::move(upstreams), options};
}

std::vector<int> choices(UpstreamGroup& group, unsigned count, uint64_t now_ns = kStartNs) {
  std::vector<int> chosen;
  for (unsigned i = 0; i < count; ++i) chosen.push_back(group.choose(now_ns, kNothingTried));
  return chosen;
}

TEST(UpstreamGroup, RoundRobinTakesEachInTurn) {
  UpstreamGroup group = group_of(3, {});
  EXPECT_EQ(choices(group, 7), (std::vector<int>{0, 1, 2, 0, 1, 2, 0}));
}

TEST(UpstreamGroup, FailoverStaysWithTheFirstThatWorks) {
  UpstreamGroup group = group_of(3, {.balance = Balance::kFailover});
  EXPECT_EQ(choices(group, 3), (std::vector<int>{0, 0, 0}));
  group.failed(0, kStartNs);
  EXPECT_EQ(choices(group, 3), (std::vector<int>{1, 1, 1}));
}

TEST(UpstreamGroup, LeastConnectionsTakesTheOneWithTheFewest) {
  UpstreamGroup group = group_of(3, {.balance = Balance::kLeastConnections});
  group[0].active = 2;
  group[1].active = 1;
  group[2].active = 3;
  EXPECT_EQ(group.choose(kStartNs, kNothingTried), 1);
  group[1].active = 4;
  EXPECT_EQ(group.choose(kStartNs, kNothingTried), 0);
}

TEST(UpstreamGroup, LeastConnectionsSpreadsOverEquals) {
  UpstreamGroup group = group_of(4, {.balance = Balance::kLeastConnections});
  std::map<int, int> times;
  for (const int chosen : choices(group, 40)) ++times[chosen];
  EXPECT_EQ(times, (std::map<int, int>{{0, 10}, {1, 10}, {2, 10}, {3, 10}}));
}

TEST(UpstreamGroup, NoUpstreamIsAskedTwiceForOneRequest) {
  for (const Balance balance : {Balance::kRoundRobin, Balance::kFailover, Balance::kLeastConnections}) {
    UpstreamGroup group = group_of(3, {.balance = balance});
    group.failed(1, kStartNs);  // out, but still better than none
    uint64_t tried = 0;
    for (int attempt = 0; attempt < 3; ++attempt) {
      const int chosen = group.choose(kStartNs, tried);
      ASSERT_GE(chosen, 0);
      EXPECT_FALSE(tried >> chosen & 1) << chosen << " was tried before";
      tried |= uint64_t{1} << chosen;
    }
    EXPECT_EQ(group.choose(kStartNs, tried), -1);
  }
}

TEST(UpstreamGroup, OneThatFailedIsLeftOutForItsTimeAndThenAskedAgain) {
  UpstreamGroup group = group_of(2, {.fail_timeout_ms = 5'000});
  group.failed(0, kStartNs);
  EXPECT_EQ(choices(group, 3), (std::vector<int>{1, 1, 1}));
  const uint64_t later_ns = kStartNs + 5'000 * kNanosecondsPerMillisecond;
  EXPECT_EQ(choices(group, 2, later_ns - 1), (std::vector<int>{1, 1}));
  EXPECT_EQ(choices(group, 2, later_ns), (std::vector<int>{0, 1}));
}

TEST(UpstreamGroup, OnlyFailuresInARowCount) {
  UpstreamGroup group = group_of(2, {.balance = Balance::kFailover, .failures_limit = 3});
  group.failed(0, kStartNs);
  group.failed(0, kStartNs);
  group.succeeded(0);
  group.failed(0, kStartNs);
  group.failed(0, kStartNs);
  EXPECT_EQ(group.choose(kStartNs, kNothingTried), 0);
  group.failed(0, kStartNs);
  EXPECT_EQ(group.choose(kStartNs, kNothingTried), 1);
  EXPECT_EQ(group[0].failed, 5u);
}

TEST(UpstreamGroup, ASuccessBringsItBackAtOnce) {
  UpstreamGroup group = group_of(2, {.balance = Balance::kFailover});
  group.failed(0, kStartNs);
  group.succeeded(0);
  EXPECT_EQ(group.choose(kStartNs, kNothingTried), 0);
}

TEST(UpstreamGroup, WithoutALimitOfFailuresNoneIsEverOut) {
  UpstreamGroup group = group_of(2, {.balance = Balance::kFailover, .failures_limit = 0});
  for (int i = 0; i < 100; ++i) group.failed(0, kStartNs);
  EXPECT_EQ(group.choose(kStartNs, kNothingTried), 0);
}

TEST(UpstreamGroup, WhenAllAreOutTheOneThatComesBackFirstIsAsked) {
  UpstreamGroup group = group_of(3, {});
  group.failed(2, kStartNs);
  group.failed(0, kStartNs + 1);
  group.failed(1, kStartNs + 2);
  EXPECT_EQ(choices(group, 2, kStartNs + 3), (std::vector<int>{2, 2}));
}

TEST(UpstreamGroup, TheLargestGroupUsesAllOfItsMembers) {
  UpstreamGroup group = group_of(UpstreamGroup::kUpstreamsLimit, {});
  uint64_t tried = 0;
  for (unsigned i = 0; i < UpstreamGroup::kUpstreamsLimit; ++i) {
    const int chosen = group.choose(kStartNs, tried);
    ASSERT_GE(chosen, 0);
    tried |= uint64_t{1} << chosen;
  }
  EXPECT_EQ(tried, UINT64_MAX);
}

}  // namespace
}  // namespace sluice::proxy
