// SPDX-License-Identifier: Apache-2.0
// Where the search for the largest segment that a path takes stands (RFC 4821 section 7, RFC 8899 section 5).
#pragma once
#include <cstdint>

#include "dataplane/tcp/sequence.hh"

namespace sluice::tcp {

// After which more is tried than a router has allowed, or than an earlier search has found (RFC 8899 section 5.1.1,
// PMTU_RAISE_TIMER; RFC 1191 section 6.3).
inline constexpr uint32_t kMtuRaiseMs = 600'000;

struct MtuSearch {
  Sequence begin = 0;      // of the probe under way
  uint32_t next_tick = 0;  // no probe before this
  uint32_t lost_bytes =
      0;  // of a probe that was just found lost, until the recovery that begins upon it has looked
  uint16_t probe_bytes = 0;  // payload of the probe under way; 0: none
  uint16_t ceiling_bytes =
      0;  // what is too large is larger than this; 0: only what the link and the peer take limits
  uint8_t losses = 0;  // of probes of this size
};

}  // namespace sluice::tcp
