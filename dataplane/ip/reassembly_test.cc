// SPDX-License-Identifier: Apache-2.0
// Reassembly by itself: any order, duplicates, overlaps, limits, timeouts.
#include "dataplane/ip/reassembly.hh"

#include <gtest/gtest.h>

#include <algorithm>

#include "dataplane/ip/test_host.hh"

namespace sluice::ip {
namespace {

struct ReassemblyTest : testing::Test {
  HeapBufferPool pool{2048, 1u << 16};
  Stack::Counters counters;
  Reassembly table{counters};
  uint64_t now_ns = kNanosecondsPerSecond;
  ReceivedPacket about;

  Buffer* add(uint16_t identification, uint32_t offset, const Bytes& bytes, bool more,
              uint8_t traffic_class = 0) {
    Buffer* buffer = pool.allocate();
    if (!bytes.empty()) buffer->append(bytes.data(), static_cast<uint32_t>(bytes.size()));
    ReceivedPacket received;
    received.source = IpAddress::v4(1);
    received.traffic_class = traffic_class;
    received.hop_limit = static_cast<uint8_t>(offset == 0 ? 7 : 8);
    return table.add({.key = {IpAddress::v4(1), IpAddress::v4(2), identification, 17},
                      .offset_bytes = offset,
                      .more = more},
                     received, buffer, now_ns, about);
  }
  // Like add(), for those that must not complete.
  void hold(uint16_t identification, uint32_t offset, const Bytes& bytes, bool more,
            uint8_t traffic_class = 0) {
    EXPECT_EQ(add(identification, offset, bytes, more, traffic_class), nullptr);
  }
  static Bytes take(Buffer* chain) {
    Bytes bytes;
    for (const Buffer* segment = chain; segment; segment = segment->next_segment)
      bytes.insert(bytes.end(), segment->data, segment->end());
    release(chain);
    return bytes;
  }
  static Bytes part(const Bytes& whole, size_t offset, size_t length) {
    return Bytes(whole.begin() + static_cast<ptrdiff_t>(offset),
                 whole.begin() + static_cast<ptrdiff_t>(offset + length));
  }
  unsigned expire_all() {
    unsigned count = 0;
    Buffer* first = nullptr;
    while (table.expire(now_ns, first, about)) {
      ++count;
      release(first);
    }
    return count;
  }
};

TEST_F(ReassemblyTest, AnyOrderGivesTheWhole) {
  const Bytes whole = pattern_bytes(100);
  struct Piece {
    uint32_t offset, length;
  };
  std::vector<int> order = {0, 1, 2, 3};
  const Piece pieces[] = {{0, 24}, {24, 40}, {64, 32}, {96, 4}};
  uint16_t identification = 0;
  do {
    ++identification;
    for (int i = 0; i < 4; ++i) {
      const Piece& piece = pieces[order[i]];
      Buffer* done =
          add(identification, piece.offset, part(whole, piece.offset, piece.length), order[i] != 3);
      ASSERT_EQ(done != nullptr, i == 3);
      if (done) {
        EXPECT_EQ(take(done), whole);
        EXPECT_EQ(about.hop_limit, 7);  // of the fragment at offset 0
      }
    }
  } while (std::next_permutation(order.begin(), order.end()));
  EXPECT_EQ(counters.reassembled, 24u);
  EXPECT_EQ(table.storage_bytes(), 0u);
  EXPECT_EQ(pool.outstanding(), 0u);
}

TEST_F(ReassemblyTest, DatagramsDoNotMix) {
  const Bytes a = pattern_bytes(64, 1), b = pattern_bytes(64, 2);
  hold(1, 0, part(a, 0, 32), true);
  hold(2, 32, part(b, 32, 32), false);
  EXPECT_EQ(take(add(1, 32, part(a, 32, 32), false)), a);
  EXPECT_EQ(take(add(2, 0, part(b, 0, 32), true)), b);
}

TEST_F(ReassemblyTest, ExactDuplicatesAreIgnored) {
  const Bytes whole = pattern_bytes(96);
  hold(1, 0, part(whole, 0, 32), true);
  hold(1, 0, part(whole, 0, 32), true);
  hold(1, 64, part(whole, 64, 32), false);
  hold(1, 64, part(whole, 64, 32), false);
  EXPECT_EQ(take(add(1, 32, part(whole, 32, 32), true)), whole);
  EXPECT_EQ(counters.fragment_overlap, 0u);
  EXPECT_EQ(pool.outstanding(), 0u);
}

TEST_F(ReassemblyTest, OverlapPoisonsTheDatagram) {
  struct Case {
    const char* name;
    uint32_t offset, length;
    bool more;
  };
  // Against held fragments [0, 32) and [64, 96), the end not yet seen.
  const Case cases[] = {
      {"into the one before", 24, 40, true},
      {"into the one behind", 32, 40, true},
      {"inside", 8, 8, true},
      {"around", 0, 96, true},
      {"same start, other end", 0, 24, true},
      {"end before what is held", 32, 8, false},
      {"end within what is held", 64, 8, false},
  };
  uint16_t identification = 0;
  for (const Case& each : cases) {
    SCOPED_TRACE(each.name);
    ++identification;
    const uint64_t before = counters.fragment_overlap;
    hold(identification, 0, pattern_bytes(32), true);
    hold(identification, 64, pattern_bytes(32), true);
    hold(identification, each.offset, pattern_bytes(each.length), each.more);
    EXPECT_EQ(counters.fragment_overlap, before + 1);
    EXPECT_EQ(pool.outstanding(), 0u);
    // The pieces that would have made it whole come too late.
    hold(identification, 0, pattern_bytes(32), true);
    hold(identification, 32, pattern_bytes(32), false);
    EXPECT_EQ(pool.outstanding(), 0u);
  }
  EXPECT_EQ(counters.reassembled, 0u);
}

TEST_F(ReassemblyTest, BytesBehindTheEndPoison) {
  hold(1, 32, pattern_bytes(16), false);
  hold(1, 48, pattern_bytes(16), true);
  EXPECT_EQ(counters.fragment_overlap, 1u);
  hold(2, 32, pattern_bytes(16), false);
  hold(2, 48, pattern_bytes(16), false);  // a second end
  EXPECT_EQ(counters.fragment_overlap, 2u);
}

TEST_F(ReassemblyTest, ImpossibleFragmentsAreMalformed) {
  hold(1, 0, pattern_bytes(15), true);      // not a multiple of 8
  hold(1, 8, {}, true);                     // empty
  hold(1, 65528, pattern_bytes(8), false);  // past 65,535 with a header
  EXPECT_EQ(counters.malformed, 3u);
  EXPECT_EQ(pool.outstanding(), 0u);
}

TEST_F(ReassemblyTest, CongestionOfOneIsCongestionOfAll) {
  hold(1, 0, pattern_bytes(8), true, 2);
  hold(1, 8, pattern_bytes(8), true, 3);
  release(add(1, 16, pattern_bytes(8), false, 2));
  EXPECT_EQ(about.traffic_class & 3, 3);
}

TEST_F(ReassemblyTest, TimesOutAfterThirtySecondsFromTheFirst) {
  hold(1, 0, pattern_bytes(32), true);
  const uint64_t deadline_ns = now_ns + Reassembly::kTimeoutNs;
  EXPECT_EQ(table.next_deadline_ns(), deadline_ns);
  now_ns += 20 * kNanosecondsPerSecond;
  hold(1, 32, pattern_bytes(32), true);
  EXPECT_EQ(table.next_deadline_ns(), deadline_ns);
  now_ns = deadline_ns - 1;
  EXPECT_EQ(expire_all(), 0u);
  now_ns = deadline_ns;
  Buffer* first = nullptr;
  ASSERT_TRUE(table.expire(now_ns, first, about));
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(first->length, 32u);
  release(first);
  EXPECT_EQ(counters.reassembly_timed_out, 1u);
  EXPECT_EQ(table.next_deadline_ns(), UINT64_MAX);
  EXPECT_EQ(pool.outstanding(), 0u);
}

TEST_F(ReassemblyTest, NumberOfDatagramsIsBoundedTheOldestGoes) {
  for (uint16_t i = 0; i < Reassembly::kDatagrams; ++i) {
    hold(i, 0, pattern_bytes(32), true);
    ++now_ns;
  }
  EXPECT_EQ(counters.reassembly_limit, 0u);
  hold(1000, 0, pattern_bytes(32), true);
  EXPECT_EQ(counters.reassembly_limit, 1u);
  EXPECT_EQ(pool.outstanding(), Reassembly::kDatagrams);
  // The second is still there, the first is not.
  EXPECT_NE(take(add(1, 32, pattern_bytes(8), false)).size(), 0u);
  hold(0, 32, pattern_bytes(8), false);
}

TEST_F(ReassemblyTest, FragmentsAndStorageAreBounded) {
  for (unsigned i = 0; i < Reassembly::kFragmentsPerDatagram; ++i) hold(1, i * 8, pattern_bytes(8), true);
  EXPECT_EQ(counters.reassembly_limit, 0u);
  hold(1, 8 * Reassembly::kFragmentsPerDatagram, pattern_bytes(8), true);
  EXPECT_EQ(counters.reassembly_limit, 1u);
  EXPECT_EQ(pool.outstanding(), 0u);
  for (uint16_t identification = 0; identification < Reassembly::kDatagrams; ++identification)
    for (unsigned i = 0; i < Reassembly::kFragmentsPerDatagram; ++i)
      hold(identification, i * 8, pattern_bytes(8), true);
  EXPECT_LE(table.storage_bytes(), Reassembly::kStorageLimitBytes);
  EXPECT_GT(counters.reassembly_limit, 1u);
}

TEST_F(ReassemblyTest, RandomPiecesAlwaysGiveTheWholeOrNothing) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    simulation::SeededEntropy entropy(seed);
    const Bytes whole = pattern_bytes(1 + entropy.below(4000), static_cast<unsigned>(seed));
    struct Piece {
      uint32_t offset, length;
      bool more;
    };
    std::vector<Piece> pieces;
    for (uint32_t at = 0; at < whole.size();) {
      const auto left = static_cast<uint32_t>(whole.size()) - at;
      uint32_t length = static_cast<uint32_t>(8 * (1 + entropy.below(100)));
      if (length > left) length = left;
      pieces.push_back({at, length, at + length < whole.size()});
      at += length;
    }
    // Shuffle; duplicate some.
    for (size_t i = pieces.size(); i > 1; --i) std::swap(pieces[i - 1], pieces[entropy.below(i)]);
    std::vector<Piece> sent;
    for (const Piece& piece : pieces) {
      sent.push_back(piece);
      if (entropy.chance(0.2)) sent.push_back(sent[entropy.below(sent.size())]);
    }
    Buffer* done = nullptr;
    for (const Piece& piece : sent) {
      done =
          add(static_cast<uint16_t>(seed), piece.offset, part(whole, piece.offset, piece.length), piece.more);
      if (done) break;
    }
    ASSERT_NE(done, nullptr) << "seed " << seed;
    EXPECT_EQ(take(done), whole) << "seed " << seed;
  }
  now_ns += Reassembly::kTimeoutNs;
  expire_all();
  EXPECT_EQ(pool.outstanding(), 0u);
}

}  // namespace
}  // namespace sluice::ip
