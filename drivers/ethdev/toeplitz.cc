// SPDX-License-Identifier: Apache-2.0
// The Toeplitz hash: a 32-bit window slides over the key, bit by bit, and is added (xor) wherever the input has a 1.
#include "drivers/ethdev/toeplitz.hh"

#include <cstring>

#include "drivers/assert.hh"

namespace sluice::ethdev {

namespace {

constexpr std::array<uint8_t, kRssKeyBytes> make_symmetric_key() {
  std::array<uint8_t, kRssKeyBytes> key{};
  for (size_t i = 0; i < key.size(); ++i) key[i] = i % 2 ? 0x5a : 0x6d;
  return key;
}

void put32(uint8_t* at, uint32_t value) {
  for (int i = 0; i < 4; ++i) at[i] = static_cast<uint8_t>(value >> (24 - 8 * i));
}

void put16(uint8_t* at, uint16_t value) {
  at[0] = static_cast<uint8_t>(value >> 8);
  at[1] = static_cast<uint8_t>(value);
}

}  // namespace

constinit const std::array<uint8_t, kRssKeyBytes> kSymmetricRssKey = make_symmetric_key();

uint32_t toeplitz(std::span<const uint8_t> key, std::span<const uint8_t> input) {
  SLUICE_ASSERT(key.size() >= input.size() + 4);
  uint32_t hash = 0;
  uint64_t window = uint64_t{key[0]} << 24 | uint64_t{key[1]} << 16 | uint64_t{key[2]} << 8 | key[3];
  for (size_t i = 0; i < input.size(); ++i) {
    window = window << 8 | key[i + 4];  // 40 bits: the 32 in use, then 8 that move in
    for (int bit = 7; bit >= 0; --bit) {
      if (input[i] >> bit & 1) hash ^= static_cast<uint32_t>(window >> (bit + 1));
    }
  }
  return hash;
}

namespace {

// The hash is linear: that of a word is the sum of those of its two bytes.
struct ByteHashes {
  std::array<uint32_t, 256> high{}, low{};
  constexpr ByteHashes() {
    constexpr auto kKey = make_symmetric_key();
    constexpr uint64_t kWindow = uint64_t{kKey[0]} << 40 | uint64_t{kKey[1]} << 32 | uint64_t{kKey[2]} << 24 |
                                 uint64_t{kKey[3]} << 16 | uint64_t{kKey[4]} << 8 | kKey[5];
    for (unsigned byte = 0; byte < 256; ++byte) {
      for (unsigned bit = 0; bit < 8; ++bit) {
        if (!(byte >> (7 - bit) & 1)) continue;
        high[byte] ^= static_cast<uint32_t>(kWindow >> (16 - bit));
        low[byte] ^= static_cast<uint32_t>(kWindow >> (8 - bit));
      }
    }
  }
};
constexpr ByteHashes kByteHashes;

}  // namespace

uint32_t symmetric_hash(uint16_t sum_of_words) {
  return kByteHashes.high[sum_of_words >> 8] ^ kByteHashes.low[sum_of_words & 0xff];
}

uint32_t toeplitz_ipv4(std::span<const uint8_t> key, uint32_t source, uint32_t destination,
                       uint16_t source_port, uint16_t destination_port) {
  uint8_t input[12];
  put32(input, source);
  put32(input + 4, destination);
  put16(input + 8, source_port);
  put16(input + 10, destination_port);
  return toeplitz(key, input);
}

uint32_t toeplitz_ipv6(std::span<const uint8_t> key, const IpAddress& source, const IpAddress& destination,
                       uint16_t source_port, uint16_t destination_port) {
  uint8_t input[36];
  std::memcpy(input, source.bytes.data(), 16);
  std::memcpy(input + 16, destination.bytes.data(), 16);
  put16(input + 32, source_port);
  put16(input + 34, destination_port);
  return toeplitz(key, input);
}

uint32_t toeplitz_ipv4(std::span<const uint8_t> key, uint32_t source, uint32_t destination) {
  uint8_t input[8];
  put32(input, source);
  put32(input + 4, destination);
  return toeplitz(key, input);
}

}  // namespace sluice::ethdev
