// SPDX-License-Identifier: Apache-2.0
// Round-trip time and retransmission timeout (RFC 6298), in microseconds.
#pragma once
#include <algorithm>
#include <cstdint>

namespace sluice::tcp {

// Lower bound: RFC 6298 (2.4) says 1 s but allows less with a finer clock. A round trip and 200 ms is what hosts of our time
// use, and stays above their delayed acknowledgements.
inline constexpr uint32_t kLeastVarianceUs = 200'000;
inline constexpr uint32_t kMaximumRtoUs = 60'000'000;  // (2.5)
inline constexpr uint32_t kInitialRtoUs = 1'000'000;   // (2.1)

class RttEstimator {
 public:
  void sample(uint32_t rtt_us) {
    rtt_us = std::clamp(rtt_us, 1u, kMaximumRtoUs);
    // The least, which creeps up so that a longer path is noticed in the end (RFC 8985 section 6.2, step 1, wants a
    // windowed one).
    minimum_us_ =
        minimum_us_ == 0 || rtt_us <= minimum_us_ ? rtt_us : minimum_us_ + (rtt_us - minimum_us_) / 256;
    if (smoothed_us_ == 0) {  // (2.2)
      smoothed_us_ = rtt_us;
      variation_us_ = rtt_us / 2;
    } else {  // (2.3): beta 1/4, alpha 1/8
      const uint32_t difference = smoothed_us_ > rtt_us ? smoothed_us_ - rtt_us : rtt_us - smoothed_us_;
      variation_us_ = variation_us_ - variation_us_ / 4 + difference / 4;
      smoothed_us_ = std::max(1u, smoothed_us_ - smoothed_us_ / 8 + rtt_us / 8);
    }
  }
  bool has_sample() const { return smoothed_us_ != 0; }
  uint32_t smoothed_us() const { return smoothed_us_; }
  uint32_t minimum_us() const { return minimum_us_; }
  uint32_t variation_us() const { return variation_us_; }
  // Timeout after `backoff` doublings (5.5), bounded.
  uint32_t rto_us(unsigned backoff = 0) const {
    if (smoothed_us_ == 0)
      return static_cast<uint32_t>(std::min<uint64_t>(uint64_t{kInitialRtoUs} << backoff, kMaximumRtoUs));
    const uint64_t base =
        uint64_t{smoothed_us_} + std::max<uint64_t>(4 * uint64_t{variation_us_}, kLeastVarianceUs);
    return static_cast<uint32_t>(std::min<uint64_t>(base << backoff, kMaximumRtoUs));
  }

 private:
  uint32_t smoothed_us_ = 0;  // 0: no sample yet
  uint32_t variation_us_ = 0;
  uint32_t minimum_us_ = 0;
};

}  // namespace sluice::tcp
