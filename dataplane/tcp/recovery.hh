// SPDX-License-Identifier: Apache-2.0
// The rarely used half of a connection that sends: what the peer has told by SACK (RFC 6675 section 3), and
// what is known of retransmissions. Exists only while there is something to remember.
#pragma once
#include <cstdint>

#include "dataplane/tcp/range_set.hh"
#include "dataplane/tcp/sequence.hh"

namespace sluice::tcp {

inline constexpr uint32_t kDuplicateThreshold = 3;  // RFC 5681 section 3.2, RFC 6675's DupThresh

struct Scoreboard {
  explicit Scoreboard(uint32_t own_number) : number(own_number) {}

  RangeSet<64> sacked;
  // The first hole was last retransmitted when SND.NXT was `head_mark`: if bytes sent after that are SACKed
  // while the hole remains, the retransmission was lost too.
  Sequence head = 0, head_mark = 0;
  bool head_retransmitted = false;
  bool tail_lost = false;  // a probe of the tail has shown that all before it is lost
  bool rescued = false;    // RFC 6675's rescue retransmission of this recovery was used
  const uint32_t number;   // in its slab

  // Everything before this that is not SACKed counts as lost (RFC 6675 IsLost): more than two segments' worth
  // of bytes, or three separate ranges, are SACKed above it. `una` when nothing is.
  Sequence lost_edge(Sequence una, uint32_t mss_bytes) const {
    if (tail_lost && !sacked.empty()) return later(sacked.last().begin, una);
    uint32_t bytes = 0;
    for (unsigned i = sacked.count(); i-- > 0;) {
      bytes += sacked[i].end - sacked[i].begin;
      if (bytes > (kDuplicateThreshold - 1) * mss_bytes || sacked.count() - i >= kDuplicateThreshold)
        return later(sacked[i].begin, una);
    }
    return una;
  }
};

enum class RecoveryPhase : uint8_t {
  kOpen,
  kFast,  // fast recovery: RFC 6675 with SACK, RFC 6582 without
  kLoss,  // after a retransmission timeout
};

}  // namespace sluice::tcp
