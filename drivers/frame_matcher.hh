// SPDX-License-Identifier: Apache-2.0
// A question that is asked of received frames: does it match? What stands behind it (a compiled packet filter) is the
// driver's: drivers/ethdev/jit_matcher.hh, drivers/pcap/pcap_filter.hh.
#pragma once
#include <cstdint>

#include "drivers/buffer.hh"

namespace sluice {

class FrameMatcher {
 public:
  static constexpr unsigned kBurstFrames = 64;
  virtual ~FrameMatcher() = default;
  // Of the frames whose bit is set in `candidates` (bit i: frames[i]), the bits of those that match. Each frame has its
  // Ethernet header in front; of a chain the first segment is looked at. Any thread.
  virtual uint64_t match(Buffer* const* frames, uint64_t candidates) const = 0;
};

}  // namespace sluice
