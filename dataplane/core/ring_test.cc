// SPDX-License-Identifier: Apache-2.0
#include "dataplane/core/ring.hh"

#include <gtest/gtest.h>

#include <thread>

namespace sluice {
namespace {

TEST(Ring, GivesBackInOrderAndRefusesWhenFull) {
  Ring<int, 4> ring;
  int item = 0;
  EXPECT_FALSE(ring.take(item));
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(ring.put(10 * round + i));
    EXPECT_FALSE(ring.put(99));
    for (int i = 0; i < 4; ++i) {
      ASSERT_TRUE(ring.take(item));
      EXPECT_EQ(item, 10 * round + i);
    }
    EXPECT_TRUE(ring.empty());
  }
  EXPECT_EQ(ring.refused, 5u);
}

TEST(Ring, LosesNothingBetweenTwoThreads) {
  Ring<uint32_t, 64> ring;
  constexpr uint32_t kCount = 200'000;
  std::thread producer([&] {
    for (uint32_t i = 0; i < kCount;) {
      if (ring.put(i))
        ++i;
      else
        std::this_thread::yield();
    }
  });
  uint32_t item = 0;
  for (uint32_t expected = 0; expected < kCount;) {
    if (!ring.take(item)) {
      std::this_thread::yield();
      continue;
    }
    if (item != expected) {
      ADD_FAILURE() << item << " instead of " << expected;
      break;
    }
    ++expected;
  }
  producer.join();
}

}  // namespace
}  // namespace sluice
