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

  explicit EphemeralPorts(Entropy& entropy, uint16_t first = kFirst, uint16_t last = kLast)
      : first_(first), count_(last - first + 1u), key_(HashKey::from(entropy)) {
    SLUICE_ASSERT(first <= last);
    for (auto& each : table_) each = entropy.u32() % count_;
  }

  // Sets flow.local_port to the first port for which `suitable(flow)` holds; false when there is none.
  template <typename Suitable>
  bool choose(Flow& flow, Suitable&& suitable) {
    flow.local_port = 0;
    // The algorithm's two functions are the halves of one hash.
    const uint64_t hash = flow.hash(key_);
    const auto offset = static_cast<uint32_t>(hash);
    uint32_t& next = table_[(hash >> 32) % table_.size()];
    for (uint32_t tries = 0; tries < count_; ++tries) {
      flow.local_port = static_cast<uint16_t>(first_ + (uint64_t{offset} + next) % count_);
      next = (next + 1) % count_;
      if (suitable(flow)) return true;
    }
    return false;
  }

 private:
  const uint16_t first_;
  const uint32_t count_;
  HashKey key_;
  std::array<uint32_t, 64> table_{};
};

}  // namespace sluice::tcp
