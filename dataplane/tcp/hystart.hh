// SPDX-License-Identifier: Apache-2.0
// HyStart++ (RFC 9406): slow start that notices by the round-trip time that a queue has begun to grow, grows slower for
// some rounds, and only then goes over to congestion avoidance.
#pragma once
#include <algorithm>
#include <cstdint>

#include "dataplane/tcp/congestion_window.hh"
#include "dataplane/tcp/sequence.hh"

namespace sluice::tcp {

class HyStart {
 public:
  // In slow start, `acked_bytes` were acknowledged up to `una`; `nxt` is SND.NXT; `rtt_us` of this acknowledgement, 0 when
  // unknown. Grows the window.
  void on_ack(CongestionWindow& window, uint32_t acked_bytes, uint32_t mss_bytes, uint32_t rtt_us,
              Sequence una, Sequence nxt) {
    if (!round_begun_ || at_or_after(una, round_end_)) begin_round(window, nxt);
    if (rtt_us) {
      round_rtt_us_ = std::min(round_rtt_us_, rtt_us);
      if (samples_ < 255) ++samples_;
    }
    const uint32_t most = std::min(acked_bytes, kBurstSegments * mss_bytes);
    if (!conservative_) {
      window.cwnd_bytes += most;
      if (samples_ >= kSamples && round_rtt_us_ != UINT32_MAX && last_round_rtt_us_ != UINT32_MAX) {
        const uint32_t threshold_us = std::clamp(last_round_rtt_us_ / 8, kLeastThresholdUs, kMostThresholdUs);
        if (round_rtt_us_ >= last_round_rtt_us_ + threshold_us) {
          baseline_rtt_us_ = round_rtt_us_;
          conservative_ = true;
          rounds_ = 0;
        }
      }
      return;
    }
    window.cwnd_bytes += std::max(1u, most / kGrowthDivisor);
    // It was a jitter: back to slow start.
    if (samples_ >= kSamples && round_rtt_us_ < baseline_rtt_us_) {
      baseline_rtt_us_ = UINT32_MAX;
      conservative_ = false;
    }
  }
  // A new slow start, after a timeout or an idle time.
  void restart() { *this = HyStart(); }
  bool conservative() const { return conservative_; }

 private:
  // Section 4.3.
  static constexpr uint32_t kLeastThresholdUs = 4'000, kMostThresholdUs = 16'000;
  static constexpr uint32_t kSamples = 8, kGrowthDivisor = 4, kRounds = 5;
  static constexpr uint32_t kBurstSegments = 32;  // RFC 3465's limit, for acknowledgements of merged segments

  void begin_round(CongestionWindow& window, Sequence nxt) {
    if (round_begun_ && conservative_ && ++rounds_ >= kRounds) window.ssthresh_bytes = window.cwnd_bytes;
    last_round_rtt_us_ = round_rtt_us_;
    round_rtt_us_ = UINT32_MAX;
    samples_ = 0;
    round_end_ = nxt;
    round_begun_ = true;
  }

  Sequence round_end_ = 0;
  uint32_t last_round_rtt_us_ = UINT32_MAX, round_rtt_us_ = UINT32_MAX, baseline_rtt_us_ = UINT32_MAX;
  uint8_t samples_ = 0, rounds_ = 0;
  bool round_begun_ = false, conservative_ = false;
};

}  // namespace sluice::tcp
