// SPDX-License-Identifier: Apache-2.0
// Initial sequence numbers (RFC 6528) and the offsets of timestamp clocks (RFC 7323 section 5.4): both go on
// from where an earlier incarnation of the same flow was, and are unforeseeable to everybody else.
#pragma once
#include <cstdint>

#include "dataplane/tcp/flow.hh"
#include "dataplane/tcp/sequence.hh"

namespace sluice::tcp {

// A tick of our timestamps and deadlines: 2^20 ns, the timer wheel's.
inline constexpr unsigned kTickShift = 20;
inline constexpr uint32_t tick_of(uint64_t now_ns) { return static_cast<uint32_t>(now_ns >> kTickShift); }
inline constexpr uint32_t ticks_of_ms(uint32_t ms) {
  return static_cast<uint32_t>((uint64_t{ms} * 1'000'000 + (1u << kTickShift) - 1) >> kTickShift);
}

class InitialSequence {
 public:
  explicit InitialSequence(Entropy& entropy)
      : sequence_key_(HashKey::from(entropy)), clock_key_(HashKey::from(entropy)) {}

  // ISN = M + F(flow, key); M counts in 4.096 us.
  Sequence choose(const Flow& flow, uint64_t now_ns) const {
    return static_cast<uint32_t>(now_ns >> 12) + static_cast<uint32_t>(flow.hash(sequence_key_)) + bias;
  }
  // Added to the tick to make the flow's timestamp.
  uint32_t timestamp_offset(const Flow& flow) const { return static_cast<uint32_t>(flow.hash(clock_key_)); }
  Sequence bias = 0;  // tests bring the numbers near their wrap with it

 private:
  HashKey sequence_key_, clock_key_;
};

}  // namespace sluice::tcp
