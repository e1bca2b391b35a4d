// SPDX-License-Identifier: Apache-2.0
// The two numbers every congestion control works on (RFC 5681 section 3.1), and the windows to start from.
#pragma once
#include <algorithm>
#include <cstdint>

namespace sluice::tcp {

struct CongestionWindow {
  uint32_t cwnd_bytes = 0;
  uint32_t ssthresh_bytes = UINT32_MAX;
  bool in_slow_start() const { return cwnd_bytes < ssthresh_bytes; }
};

// RFC 6928 section 2.
constexpr uint32_t initial_window_bytes(uint32_t mss_bytes) {
  return std::min(10 * mss_bytes, std::max(2 * mss_bytes, 14'600u));
}
inline constexpr uint32_t kLargestWindowBytes = 1u << 30;

}  // namespace sluice::tcp
