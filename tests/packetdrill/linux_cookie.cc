// SPDX-License-Identifier: Apache-2.0
// SipHash-2-4 (Aumasson and Bernstein, 2012) of one 64-bit word; dataplane/core has the faster SipHash-1-3.
#include "tests/packetdrill/linux_cookie.hh"

#include <bit>
#include <cstdint>
#include <cstring>

namespace sluice::packetdrill {
namespace {

struct State {
  uint64_t v0, v1, v2, v3;
  void rounds(int count) {
    while (count-- > 0) {
      v0 += v1, v1 = std::rotl(v1, 13) ^ v0, v0 = std::rotl(v0, 32);
      v2 += v3, v3 = std::rotl(v3, 16) ^ v2;
      v0 += v3, v3 = std::rotl(v3, 21) ^ v0;
      v2 += v1, v1 = std::rotl(v1, 17) ^ v2, v2 = std::rotl(v2, 32);
    }
  }
  void add(uint64_t word) {
    v3 ^= word;
    rounds(2);
    v0 ^= word;
  }
};

// Lowest byte first, as the algorithm reads.
uint64_t load(const std::byte* at) {
  uint64_t value = 0;
  for (int i = 7; i >= 0; --i) value = value << 8 | static_cast<uint8_t>(at[i]);
  return value;
}

}  // namespace

std::string linux_cookie(const std::array<std::byte, 16>& key, const IpAddress& client,
                         const IpAddress& server) {
  const uint64_t k0 = load(key.data()), k1 = load(key.data() + 8);
  State state{k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261,
              k1 ^ 0x7465646279746573};
  uint64_t addresses = 0;
  for (const uint32_t v4 : {server.v4(), client.v4()})
    for (int shift = 0; shift < 32; shift += 8) addresses = addresses << 8 | (v4 >> shift & 0xff);
  state.add(addresses);
  state.add(uint64_t{8} << 56);  // the length
  state.v2 ^= 0xff;
  state.rounds(4);
  const uint64_t hash = state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
  std::string cookie;
  for (int shift = 0; shift < 64; shift += 8) cookie += static_cast<char>(hash >> shift);
  return cookie;
}

}  // namespace sluice::packetdrill
