// SPDX-License-Identifier: Apache-2.0
// Randomness as the data plane sees it: passed in, so that a run can be replayed from its seed.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace sluice {

class Entropy {
 public:
  virtual ~Entropy() = default;
  // Fills `out` with bytes that an attacker cannot predict (in production) or that follow from a seed (in simulation).
  virtual void fill(std::span<std::byte> out) = 0;
  uint64_t u64() {
    uint64_t value = 0;
    fill(std::as_writable_bytes(std::span(&value, 1)));
    return value;
  }
  uint32_t u32() { return static_cast<uint32_t>(u64()); }
};

}  // namespace sluice
