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
  explicit InitialSequence(Entropy& entropy) : key_(HashKey::from(entropy)) {}

  // What is secret about a flow: the two halves of one keyed hash.
  struct Secret {
    uint32_t sequence = 0;
    uint32_t clock = 0;  // added to the tick to make the flow's timestamp
  };
  Secret secret(const Flow& flow) const {
    const uint64_t hash = flow.hash(key_);
    return {static_cast<uint32_t>(hash), static_cast<uint32_t>(hash >> 32)};
  }
  // ISN = M + F(flow, key); M counts in 4.096 us.
  Sequence choose(const Secret& secret, uint64_t now_ns) const {
    return static_cast<uint32_t>(now_ns >> 12) + secret.sequence + bias;
  }
  Sequence choose(const Flow& flow, uint64_t now_ns) const { return choose(secret(flow), now_ns); }
  uint32_t timestamp_offset(const Flow& flow) const { return secret(flow).clock; }
  Sequence bias = 0;  // tests bring the numbers near their wrap with it

 private:
  HashKey key_;
};

}  // namespace sluice::tcp
