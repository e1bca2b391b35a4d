// SPDX-License-Identifier: Apache-2.0
// The Internet checksum against a plain byte-by-byte one, on random data in all alignments, lengths and cuts.
#include "dataplane/wire/checksum.hh"

#include <gtest/gtest.h>

#include <vector>

#include "tests/simulation/seeded_entropy.hh"

namespace sluice::wire {
namespace {

// RFC 1071 section 4.1, with the bytes as the wire has them.
uint16_t plain_checksum(std::span<const std::byte> bytes) {
  uint64_t sum = 0;
  for (size_t i = 0; i < bytes.size(); ++i) sum += static_cast<uint64_t>(bytes[i]) << (i % 2 == 0 ? 8 : 0);
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

std::vector<std::byte> random_bytes(simulation::SeededEntropy& entropy, size_t count) {
  std::vector<std::byte> bytes(count);
  entropy.fill(bytes);
  return bytes;
}

TEST(Checksum, AgreesWithThePlainOneAtAllLengthsAndAlignments) {
  simulation::SeededEntropy entropy(1);
  const auto bytes = random_bytes(entropy, 3000);
  for (size_t offset = 0; offset < 9; ++offset) {
    for (size_t length = 0; length < 300; ++length) {
      const auto part = std::span(bytes).subspan(offset, length);
      ASSERT_EQ(checksum_finish(checksum_add(0, part.data(), length)), plain_checksum(part))
          << offset << " " << length;
    }
  }
  EXPECT_EQ(checksum_finish(checksum_add(0, bytes.data(), bytes.size())), plain_checksum(bytes));
}

TEST(Checksum, CarriesAreNotLost) {
  for (const size_t length : {2u, 3u, 40u, 65534u, 65535u, 1u << 20}) {
    const std::vector<std::byte> ones(length, std::byte{0xff});
    EXPECT_EQ(checksum_finish(checksum_add(0, ones.data(), length)), plain_checksum(ones)) << length;
  }
}

TEST(Checksum, RangeWithItsRightChecksumSumsToZero) {
  simulation::SeededEntropy entropy(2);
  for (int i = 0; i < 100; ++i) {
    auto bytes = random_bytes(entropy, 20 + entropy.below(100));
    store_16(bytes.data() + 10, 0);
    store_16(bytes.data() + 10, checksum_finish(checksum_add(0, bytes.data(), bytes.size())));
    ASSERT_EQ(checksum_finish(checksum_add(0, bytes.data(), bytes.size())), 0);
    bytes[entropy.below(bytes.size())] ^= std::byte{0x10};
    ASSERT_NE(checksum_finish(checksum_add(0, bytes.data(), bytes.size())), 0);
  }
}

TEST(Checksum, ChainOfAnyCutsIsLikeOnePiece) {
  HeapBufferPool pool(2048, 1000);
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    simulation::SeededEntropy entropy(seed);
    std::vector<std::byte> all;
    Buffer *head = nullptr, *tail = nullptr;
    const uint64_t pieces = 1 + entropy.below(8);
    for (uint64_t i = 0; i < pieces; ++i) {
      Buffer* buffer = pool.allocate(static_cast<uint32_t>(64 + entropy.below(8)));
      const auto bytes = random_bytes(entropy, entropy.below(50));
      if (!bytes.empty()) buffer->append(bytes.data(), static_cast<uint32_t>(bytes.size()));
      all.insert(all.end(), bytes.begin(), bytes.end());
      (tail ? tail->next_segment : head) = buffer;
      tail = buffer;
    }
    for (size_t length = 0; length <= all.size(); ++length) {
      ASSERT_EQ(checksum_finish(checksum_add_chain(0, head, static_cast<uint32_t>(length))),
                plain_checksum(std::span(all).first(length)))
          << "seed " << seed << " length " << length;
    }
    release(head);
  }
  EXPECT_EQ(pool.outstanding(), 0u);
}

TEST(Checksum, PseudoHeadersAreSummedAsTheyWouldBeOnTheWire) {
  simulation::SeededEntropy entropy(3);
  for (int i = 0; i < 100; ++i) {
    const uint32_t source = entropy.u32(), destination = entropy.u32();
    const uint32_t length = entropy.u32() & 0xffff;
    std::byte bytes[12] = {};
    store_32(bytes, source);
    store_32(bytes + 4, destination);
    bytes[9] = std::byte{6};
    store_16(bytes + 10, static_cast<uint16_t>(length));
    ASSERT_EQ(
        checksum_finish(pseudo_header_sum(IpAddress::v4(source), IpAddress::v4(destination), 6, length)),
        plain_checksum(bytes));
    ASSERT_EQ(checksum_unfinished(pseudo_header_sum_v4(source, destination, 6, length)),
              static_cast<uint16_t>(~plain_checksum(bytes)));
  }
  const IpAddress a = *IpAddress::parse("2001:db8::1"), b = *IpAddress::parse("2001:db8:1:2:3:4:5:6");
  std::byte bytes[40] = {};
  std::memcpy(bytes, a.bytes.data(), 16);
  std::memcpy(bytes + 16, b.bytes.data(), 16);
  store_32(bytes + 32, 0x12345);
  bytes[39] = std::byte{58};
  EXPECT_EQ(checksum_finish(pseudo_header_sum(a, b, 58, 0x12345)), plain_checksum(bytes));
}

TEST(Checksum, UpdateIsLikeComputingAnew) {
  simulation::SeededEntropy entropy(4);
  for (int i = 0; i < 1000; ++i) {
    auto bytes = random_bytes(entropy, 40);
    const uint16_t before = checksum_finish(checksum_add(0, bytes.data(), bytes.size()));
    const size_t at = entropy.below(18) * 2;
    const uint16_t old_16 = load_16(bytes.data() + at), new_16 = static_cast<uint16_t>(entropy.next());
    store_16(bytes.data() + at, new_16);
    const uint16_t middle = checksum_finish(checksum_add(0, bytes.data(), bytes.size()));
    ASSERT_EQ(checksum_update_16(before, old_16, new_16), middle);
    const uint32_t old_32 = load_32(bytes.data() + at), new_32 = entropy.u32();
    store_32(bytes.data() + at, new_32);
    ASSERT_EQ(checksum_update_32(middle, old_32, new_32),
              checksum_finish(checksum_add(0, bytes.data(), bytes.size())));
  }
}

}  // namespace
}  // namespace sluice::wire
