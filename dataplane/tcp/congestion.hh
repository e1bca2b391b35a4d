// SPDX-License-Identifier: Apache-2.0
// The seam of congestion control: what loss recovery tells an algorithm, and what it answers. One algorithm a
// connection, picked by a tag instead of a virtual call, because it is asked with every acknowledgement.
#pragma once
#include <algorithm>
#include <cstdint>

#include "dataplane/tcp/congestion_window.hh"
#include "dataplane/tcp/cubic.hh"

namespace sluice::tcp {

enum class CongestionControl : uint8_t { kReno, kCubic };

struct CongestionEvent {
  uint32_t acked_bytes = 0;
  uint32_t flight_bytes = 0;  // before this event
  uint32_t mss_bytes = 0;
  uint32_t rtt_us = 0;
  uint64_t now_us = 0;
};

// New data was acknowledged outside of fast recovery. `cubic` is null before the first loss, and with Reno.
inline void congestion_on_ack(CongestionWindow& window, Cubic* cubic, const CongestionEvent& event) {
  if (window.cwnd_bytes >= kLargestWindowBytes) return;
  if (window.in_slow_start()) {
    // A window that was not used says nothing about the path (RFC 7661).
    if (uint64_t{event.flight_bytes} * 2 < window.cwnd_bytes) return;
    window.cwnd_bytes +=
        std::min(event.acked_bytes, 2 * event.mss_bytes * 16);  // RFC 3465 with a burst's limit
    return;
  }
  if (event.flight_bytes + 4 * event.mss_bytes < window.cwnd_bytes) return;
  if (cubic) {
    cubic->on_ack(window, event.acked_bytes, event.mss_bytes, event.rtt_us, event.now_us);
  } else {
    // RFC 5681 section 3.1, (3).
    window.cwnd_bytes += std::max<uint32_t>(
        1, static_cast<uint32_t>(uint64_t{event.mss_bytes} * std::min(event.acked_bytes, window.cwnd_bytes) /
                                 window.cwnd_bytes));
  }
}

// A loss: the new ssthresh. RFC 5681 (4) for Reno.
inline uint32_t congestion_on_loss(const CongestionWindow& window, Cubic* cubic,
                                   const CongestionEvent& event) {
  if (cubic) return cubic->on_loss(window, event.mss_bytes);
  return std::max(event.flight_bytes / 2, 2 * event.mss_bytes);
}

}  // namespace sluice::tcp
