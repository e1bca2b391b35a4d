// SPDX-License-Identifier: Apache-2.0
// Slabs: limits, recycling, stable addresses, handles that tell of recycling.
#include "dataplane/core/slab.hh"

#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <vector>

namespace sluice {
namespace {

struct Counted {
  explicit Counted(int* its_count, int its_value = 0) : count(its_count), value(its_value) { ++*count; }
  ~Counted() { --*count; }
  int* count;
  int value;
};

TEST(Slab, RefusesBeyondItsLimitAndCountsIt) {
  int living = 0;
  Slab<Counted, 4> slab(6);
  uint32_t number = 0;
  for (int i = 0; i < 6; ++i) ASSERT_NE(slab.allocate(number, &living), nullptr);
  EXPECT_EQ(slab.allocate(number, &living), nullptr);
  EXPECT_EQ(slab.refused, 1u);
  EXPECT_EQ(slab.live_count(), 6u);
  slab.release(3);
  EXPECT_EQ(living, 5);
  ASSERT_NE(slab.allocate(number, &living), nullptr);
  EXPECT_EQ(number, 3u);
}

TEST(Slab, ObjectsStayWhereTheyAreWhileItGrows) {
  int living = 0;
  Slab<Counted, 4> slab(1000);
  std::vector<Counted*> addresses;
  uint32_t number = 0;
  for (int i = 0; i < 1000; ++i) addresses.push_back(slab.allocate(number, &living, i));
  for (uint32_t i = 0; i < 1000; ++i) {
    EXPECT_EQ(&slab[i], addresses[i]);
    EXPECT_EQ(slab[i].value, static_cast<int>(i));
  }
}

TEST(Slab, HandleOfARecycledNumberFindsNothing) {
  int living = 0;
  Slab<Counted> slab(10);
  uint32_t number = 0;
  slab.allocate(number, &living);
  const uint32_t generation = slab.generation(number);
  EXPECT_NE(slab.find(number, generation), nullptr);
  slab.release(number);
  EXPECT_EQ(slab.find(number, generation), nullptr);
  EXPECT_FALSE(slab.live(number));
  uint32_t again = 0;
  slab.allocate(again, &living);
  ASSERT_EQ(again, number);
  EXPECT_EQ(slab.find(number, generation), nullptr);
  EXPECT_NE(slab.find(number, slab.generation(number)), nullptr);
  EXPECT_EQ(slab.find(77, 1), nullptr);
}

// What is kept beside an object is apart from it, whether it lives or not.
TEST(Slab, ObjectsOfALineLieOnLines) {
  struct alignas(64) Line {
    std::byte bytes[192];
  };
  Slab<Line, 8> slab(20);
  uint32_t number = 0;
  for (int i = 0; i < 20; ++i) {
    Line* line = slab.allocate(number);
    std::memset(line->bytes, 0xff, sizeof line->bytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(line) % 64, 0u);
  }
  for (uint32_t i = 0; i < 20; i += 3) slab.release(i);
  for (uint32_t i = 0; i < 20; ++i) EXPECT_EQ(slab.live(i), i % 3 != 0) << i;
  EXPECT_FALSE(slab.would_grow());
  for (int i = 0; i < 7; ++i) ASSERT_NE(slab.allocate(number), nullptr);
  EXPECT_TRUE(slab.would_grow());
  EXPECT_LE(slab.memory_bytes(), 24 * 192 + 3 * 64u);
}

TEST(Slab, DestroysWhatIsLeft) {
  int living = 0;
  {
    Slab<Counted, 4> slab(20);
    uint32_t number = 0;
    for (int i = 0; i < 10; ++i) slab.allocate(number, &living);
    slab.release(2);
    slab.release(9);
    EXPECT_EQ(living, 8);
  }
  EXPECT_EQ(living, 0);
}

}  // namespace
}  // namespace sluice
