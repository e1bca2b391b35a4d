// SPDX-License-Identifier: Apache-2.0
// SipHash-1-3 (Aumasson and Bernstein, 2012) over 64-bit words. Whoever does not know the key can neither
// choose addresses and ports that collide in a table, nor foretell what is derived from it (initial sequence
// numbers, cookies).
#pragma once
#include <bit>
#include <cstdint>
#include <initializer_list>
#include <span>

#include "drivers/entropy.hh"

namespace sluice {

struct HashKey {
  uint64_t k0 = 0, k1 = 0;
  static HashKey from(Entropy& entropy) {
    HashKey key;
    key.k0 = entropy.u64();
    key.k1 = entropy.u64();
    return key;
  }
};

class KeyedHash {
 public:
  explicit KeyedHash(const HashKey& key)
      : v0_(key.k0 ^ 0x736f6d6570736575),
        v1_(key.k1 ^ 0x646f72616e646f6d),
        v2_(key.k0 ^ 0x6c7967656e657261),
        v3_(key.k1 ^ 0x7465646279746573) {}

  KeyedHash& add(uint64_t word) {
    ++words_;
    v3_ ^= word;
    round();
    v0_ ^= word;
    return *this;
  }
  uint64_t finish() {
    const uint64_t last = words_ << 59;  // the length in bytes, in the top byte
    v3_ ^= last;
    round();
    v0_ ^= last;
    v2_ ^= 0xff;
    round();
    round();
    round();
    return v0_ ^ v1_ ^ v2_ ^ v3_;
  }

 private:
  void round() {
    v0_ += v1_;
    v2_ += v3_;
    v1_ = std::rotl(v1_, 13) ^ v0_;
    v3_ = std::rotl(v3_, 16) ^ v2_;
    v0_ = std::rotl(v0_, 32);
    v2_ += v1_;
    v0_ += v3_;
    v1_ = std::rotl(v1_, 17) ^ v2_;
    v3_ = std::rotl(v3_, 21) ^ v0_;
    v2_ = std::rotl(v2_, 32);
  }
  uint64_t v0_, v1_, v2_, v3_;
  uint64_t words_ = 0;
};

}  // namespace sluice
