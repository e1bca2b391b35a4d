// SPDX-License-Identifier: Apache-2.0
// The event ring: order, overflow, and going on after a part of the batch. The pages that carry a core's numbers.
#include "runtime/event_ring.hh"

#include <gtest/gtest.h>

#include <thread>

#include "runtime/core_page.hh"

namespace sluice::runtime {
namespace {

int32_t w1(EventRing& ring, uint32_t event) { return ring.word(event * kEventWords + 1); }

TEST(EventRing, KeepsWordsInOrder) {
  EventRing ring;
  EXPECT_TRUE(ring.empty());
  ring.push(32, 1, 2, 3, 4, 5, 6, -7);
  ring.push(33);
  EXPECT_EQ(ring.begin(), 0u);
  EXPECT_EQ(ring.end(), 2u);
  const int32_t expected[] = {32, 1, 2, 3, 4, 5, 6, -7, 33, 0};
  for (uint32_t i = 0; i < 10; ++i) EXPECT_EQ(ring.word(i), expected[i]) << i;
}

TEST(EventRing, EventsPushedWhileABatchIsHandledComeAfterIt) {
  EventRing ring;
  ring.push(1, 10);
  ring.push(1, 11);
  const uint32_t end = ring.end();
  ring.push(1, 12);
  ring.handled(end);
  EXPECT_FALSE(ring.empty());
  EXPECT_EQ(w1(ring, ring.begin()), 12);
  ring.handled(ring.end());
  EXPECT_TRUE(ring.empty());
  // All handled: it begins anew, at its front.
  ring.push(1, 13);
  EXPECT_EQ(ring.begin(), 0u);
  EXPECT_EQ(w1(ring, 0), 13);
}

TEST(EventRing, WhatIsBeyondItsCapacityWaitsInOrder) {
  EventRing ring;
  int32_t pushed = 0, next = 0;
  const auto push = [&](int32_t count) {
    while (count-- > 0) ring.push(1, pushed++);
  };
  push(static_cast<int32_t>(kEventRingEvents) * 2 + 100);
  EXPECT_EQ(ring.spilled, uint64_t{kEventRingEvents} + 100);
  while (!ring.empty()) {
    ASSERT_LE(ring.end(), kEventRingEvents);
    for (uint32_t at = ring.begin(); at < ring.end(); ++at) ASSERT_EQ(w1(ring, at), next++);
    // What comes now must not overtake those that wait.
    const uint32_t end = ring.end();
    if (pushed < static_cast<int32_t>(kEventRingEvents) * 3) push(50);
    ring.handled(end);
  }
  EXPECT_EQ(next, pushed);
}

TEST(CorePages, TheReaderGetsTheNewestPage) {
  CorePages pages;
  EXPECT_FALSE(pages.wanted());
  const uint64_t first = pages.request();
  EXPECT_TRUE(pages.wanted());
  EXPECT_LT(pages.front().sequence, first);
  pages.back().latency_count = 7;
  pages.publish();
  EXPECT_FALSE(pages.wanted());
  EXPECT_EQ(pages.front().sequence, first);
  EXPECT_EQ(pages.front().latency_count, 7u);
  pages.request();
  pages.back().latency_count = 8;
  pages.publish();
  const uint64_t third = pages.request();
  pages.back().latency_count = 9;
  pages.publish();
  EXPECT_EQ(pages.front().latency_count, 9u);
  EXPECT_EQ(pages.front().sequence, third);
}

TEST(CorePages, PagesAreNeverTorn) {
  CorePages pages;
  constexpr uint64_t kRounds = 2000;
  std::thread core([&pages] {
    for (uint64_t answered = 0; answered < kRounds;) {
      if (!pages.wanted()) continue;
      CorePage& page = pages.back();
      ++answered;
      page.latency_count = answered;
      page.latency_buckets.assign(8, answered);
      pages.publish();
    }
  });
  for (uint64_t round = 0; round < kRounds; ++round) {
    const uint64_t wanted = pages.request();
    const CorePage* page = &pages.front();
    while (page->sequence < wanted) page = &pages.front();
    for (const uint64_t value : page->latency_buckets) ASSERT_EQ(value, page->latency_count);
  }
  core.join();
}

}  // namespace
}  // namespace sluice::runtime
