// SPDX-License-Identifier: Apache-2.0
// Local ports of outbound connections (RFC 6056, algorithm 4: double hash), so that they are hard to guess
// and seldom collide with an earlier incarnation.
#pragma once
#include <array>
#include <cstdint>

#include "dataplane/tcp/flow.hh"

namespace sluice::tcp {

class EphemeralPorts {
 public:
  static constexpr uint16_t kFirst = 10'240, kLast = 65'535;
  static constexpr uint32_t kCount = kLast - kFirst + 1;

  explicit EphemeralPorts(Entropy& entropy) : key_(HashKey::from(entropy)) {
    for (auto& each : table_) each = entropy.u32() % kCount;
  }

  // Sets flow.local_port to the first port for which `suitable(flow)` holds; false when there is none.
  template <typename Suitable>
  bool choose(Flow& flow, Suitable&& suitable) {
    flow.local_port = 0;
    // The algorithm's two functions are the halves of one hash.
    const uint64_t hash = flow.hash(key_);
    const auto offset = static_cast<uint32_t>(hash);
    uint32_t& next = table_[(hash >> 32) % table_.size()];
    for (uint32_t tries = 0; tries < kCount; ++tries) {
      flow.local_port = static_cast<uint16_t>(kFirst + (uint64_t{offset} + next) % kCount);
      next = (next + 1) % kCount;
      if (suitable(flow)) return true;
    }
    return false;
  }

 private:
  HashKey key_;
  std::array<uint32_t, 64> table_{};
};

}  // namespace sluice::tcp
