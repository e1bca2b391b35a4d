// SPDX-License-Identifier: Apache-2.0
// CUBIC congestion avoidance (RFC 9438). The curve begins with a first loss: before it there is slow start alone
// (hystart.hh).
#pragma once
#include <cstdint>

#include "dataplane/tcp/congestion_window.hh"

namespace sluice::tcp {

class Cubic {
 public:
  // In congestion avoidance, `acked_bytes` were acknowledged at `now_us`.
  void on_ack(CongestionWindow& window, uint32_t acked_bytes, uint32_t mss_bytes, uint32_t rtt_us,
              uint64_t now_us);
  // A loss was found with the window as it is: the new ssthresh (section 4.6), and what to remember of it
  // (4.7).
  uint32_t on_loss(const CongestionWindow& window, uint32_t mss_bytes);
  // The curve begins anew with the next acknowledgement: after a timeout or an idle time.
  void restart() { epoch_us_ = 0; }
  // What outlives the rest of this: w_max.
  float memory() const { return w_max_bytes_; }
  void remember(float memory) { w_max_bytes_ = memory; }
  // The last loss was none (section 4.9): the plateau from before. The curve begins anew there.
  void undo() {
    w_max_bytes_ = prior_w_max_bytes_;
    epoch_us_ = 0;
  }

 private:
  float w_max_bytes_ = 0;  // the window before the last reduction
  float prior_w_max_bytes_ = 0;
  float origin_bytes_ = 0;   // the plateau of the curve
  float k_seconds_ = 0;      // when the curve reaches it
  float w_est_bytes_ = 0;    // what Reno would have (4.3)
  float surplus_bytes_ = 0;  // growth not yet paid out
  uint64_t epoch_us_ = 0;    // 0: no epoch has begun
};

}  // namespace sluice::tcp
