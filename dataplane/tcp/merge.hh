// SPDX-License-Identifier: Apache-2.0
// Segments of one flow that a port gives in one burst are put together before a connection looks at them, so that one pass
// serves many (known as generic receive offload). They are linked, not copied.
//
// Nobody else can tell: only what an established connection would have taken in order is handed up as one; everything else
// (holes, duplicates, ends, marks of congestion, news in the acknowledgement) goes up segment by segment, as it came.
#pragma once
#include <array>
#include <cstdint>

#include "dataplane/ip/stack.hh"
#include "dataplane/tcp/flow.hh"
#include "dataplane/tcp/sequence.hh"
#include "dataplane/wire/tcp.hh"
#include "drivers/buffer.hh"

namespace sluice::tcp {

// A run of segments without a gap. Each Buffer still has its header in front of its data, but for the first one, whose
// data begins with it.
struct SegmentRun {
  Buffer* head = nullptr;
  Buffer* tail = nullptr;
  Flow flow;
  ip::ReceivedPacket about;
  uint32_t bytes = 0;  // of the first header and all payloads
  uint32_t segments = 0;
  Sequence next = 0;  // where the run ends
  Sequence acknowledgement = 0;
  uint32_t timestamp = 0;  // of the last segment
  uint16_t window = 0;     // of the last segment
  uint16_t header_bytes = 0;
};

// The runs of the burst that is being received; empty between bursts.
class SegmentRuns {
 public:
  static constexpr unsigned kLimit = 4;  // flows at once; beyond it the oldest run goes up
  // What is shorter does not begin a run: requests and answers are not waited upon.
  static constexpr uint32_t kLeastBytes = 512;

  bool empty() const { return count_ == 0; }
  bool full() const { return count_ == kLimit; }
  SegmentRun* find(const Flow& flow) {
    for (unsigned i = 0; i < count_; ++i)
      if (runs_[i].flow == flow) return &runs_[i];
    return nullptr;
  }
  SegmentRun& add() { return runs_[count_++]; }
  SegmentRun& oldest() { return runs_[0]; }
  SegmentRun take(SegmentRun& run) {
    const SegmentRun taken = run;
    for (SegmentRun* at = &run; at + 1 < runs_.data() + count_; ++at) at[0] = at[1];
    --count_;
    return taken;
  }

 private:
  std::array<SegmentRun, kLimit> runs_;
  unsigned count_ = 0;
};

}  // namespace sluice::tcp
