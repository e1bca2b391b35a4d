// SPDX-License-Identifier: Apache-2.0
// BBR version 1 (draft-cardwell-iccrg-bbr-congestion-control-00): the window and the pace come from a model of the path,
// the bandwidth of its bottleneck and its round-trip time without a queue, and not from losses.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>

#include "dataplane/tcp/congestion_window.hh"

namespace sluice::tcp {

// The largest of the last rounds (section 4.1.2.4): the best, and the best of what came after it, and after that, so that
// there is a successor when it grows too old.
class RoundMaximum {
 public:
  uint64_t best() const { return entries_[0].value; }
  void update(uint64_t value, uint32_t round, uint32_t window_rounds);

 private:
  struct Entry {
    uint64_t value = 0;
    uint32_t round = 0;
  };
  std::array<Entry, 3> entries_{};
};

class Bbr {
 public:
  enum class Mode : uint8_t { kStartup, kDrain, kProbeBandwidth, kProbeRtt };

  // `initial_rtt_us`: 0 when unknown. `random`: any number, so that flows do not probe in step (section 4.3.4.2).
  Bbr(const CongestionWindow& window, uint32_t initial_rtt_us, uint32_t random);

  struct Ack {
    uint64_t now_us = 0;
    uint32_t delivered_bytes = 0;  // by this acknowledgement
    uint32_t rtt_us = 0;           // 0: none
    uint32_t pipe_bytes = 0;       // after it
    uint32_t mss_bytes = 0;
    uint32_t lost_bytes = 0;  // found lost by it
    bool recovering = false;
    // The delivery-rate sample (draft-cheng-iccrg-delivery-rate-estimation section 3.3); none when `rate` is false.
    bool rate = false, application_limited = false;
    uint32_t prior_delivered_bytes = 0, prior_delivered_us = 0, send_elapsed_us = 0;
  };
  void on_ack(CongestionWindow& window, const Ack& ack);
  // A loss recovery or timeout begins: what the window was (section 4.2.3.4).
  void save_window(const CongestionWindow& window) {
    prior_cwnd_bytes_ = std::max(prior_cwnd_bytes_, window.cwnd_bytes);
  }
  void begin_recovery() {
    conserving_ = true;
    conserve_until_bytes_ = delivered_bytes;
  }
  void restore_window(CongestionWindow& window) {
    window.cwnd_bytes = std::max(window.cwnd_bytes, prior_cwnd_bytes_);
    prior_cwnd_bytes_ = 0;
    conserving_ = false;
  }
  // What outlives the rest of this, in bytes a second: the bandwidth of the path, once its pipe has been filled. 0: nothing.
  float memory() const { return pipe_filled_ ? static_cast<float>(bandwidth()) : 0; }
  // Goes on from there after a silence, as section 4.3.4.4 would: at the known rate, without a new start.
  void remember(float memory, uint32_t round_trip_us, uint64_t now_us);
  // The application has nothing more to send although it might: rates until all of this is delivered say nothing about
  // the path.
  void limit_by_application(uint32_t pipe_bytes) {
    application_limited_until_bytes = delivered_bytes + pipe_bytes;
    application_limited = true;
  }

  Mode mode() const { return mode_; }
  uint64_t bandwidth() const { return bandwidth_.best(); }  // bytes a second
  uint32_t round_trip_us() const { return round_trip_us_; }
  uint64_t pacing_rate() const { return pacing_rate_; }  // bytes a second

  // The connection's counts of what was delivered (same draft, section 3.1.1); records keep copies.
  uint32_t delivered_bytes = 0, delivered_us = 0, first_sent_us = 0;
  uint32_t application_limited_until_bytes = 0;
  bool application_limited = false;

 private:
  void update_model(const Ack& ack);
  void advance_cycle(const Ack& ack);
  void check_full_pipe(const Ack& ack);
  void check_drain(const Ack& ack);
  void check_probe_rtt(CongestionWindow& window, const Ack& ack);
  void enter_probe_bandwidth(uint64_t now_us);
  void set_window(CongestionWindow& window, const Ack& ack);
  uint64_t inflight(float gain, uint32_t mss_bytes) const;

  Mode mode_ = Mode::kStartup;
  uint8_t cycle_ = 0;
  uint8_t full_rounds_ = 0;
  bool pipe_filled_ = false, round_start_ = false, probe_rtt_round_done_ = false, round_trip_expired_ = false;
  bool conserving_ = false;
  float pacing_gain_, cwnd_gain_;
  uint32_t random_;
  uint32_t round_ = 0;
  uint32_t next_round_bytes_ = 0;  // the round ends when what was sent after this count is delivered
  uint32_t conserve_until_bytes_ = 0;
  uint32_t round_trip_us_ = UINT32_MAX;
  uint32_t prior_cwnd_bytes_ = 0, initial_cwnd_bytes_;
  uint64_t round_trip_stamp_us_ = 0, cycle_stamp_us_ = 0, probe_rtt_done_us_ = 0;
  uint64_t full_bandwidth_ = 0, pacing_rate_ = 0;
  RoundMaximum bandwidth_;
};

}  // namespace sluice::tcp
