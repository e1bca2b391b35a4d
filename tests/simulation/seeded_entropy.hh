// SPDX-License-Identifier: Apache-2.0
// Randomness that follows from a seed (splitmix64: Steele, Lea, Flood 2014), so that a failing run can be replayed.
#pragma once
#include <cstring>

#include "drivers/entropy.hh"

namespace sluice::simulation {

class SeededEntropy final : public Entropy {
 public:
  explicit SeededEntropy(uint64_t seed) : state_(seed) {}

  void fill(std::span<std::byte> out) override {
    while (!out.empty()) {
      const uint64_t value = next();
      const size_t count = out.size() < sizeof value ? out.size() : sizeof value;
      std::memcpy(out.data(), &value, count);
      out = out.subspan(count);
    }
  }
  uint64_t next() {
    state_ += 0x9e3779b97f4a7c15;
    uint64_t value = state_;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
    value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
    return value ^ (value >> 31);
  }
  // Uniform in [0, limit); limit > 0.
  uint64_t below(uint64_t limit) {
    return static_cast<uint64_t>(static_cast<unsigned __int128>(next()) * limit >> 64);
  }
  // True with the given probability.
  bool chance(double probability) {
    return probability > 0 && static_cast<double>(next() >> 11) * 0x1p-53 < probability;
  }

 private:
  uint64_t state_;
};

}  // namespace sluice::simulation
