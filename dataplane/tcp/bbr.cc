// SPDX-License-Identifier: Apache-2.0
// BBR's model and its state machine. Sections are those of draft-cardwell-iccrg-bbr-congestion-control-00.
#include "dataplane/tcp/bbr.hh"

#include <iterator>

#include "dataplane/tcp/sequence.hh"

namespace sluice::tcp {

namespace {
constexpr float kHighGain = 2.89f;  // 2/ln 2 (section 4.3.2.1)
constexpr float kWindowGain = 2.0f;
constexpr float kCycleGains[] = {1.25f, 0.75f, 1, 1, 1, 1, 1, 1};  // section 4.3.4
constexpr uint32_t kBandwidthRounds = 10;                          // section 4.1.2.1
constexpr uint64_t kRoundTripUs = 10'000'000, kProbeRttUs = 200'000;
constexpr uint32_t kLeastSegments = 4;
constexpr uint8_t kFullRounds = 3;
constexpr float kFullGrowth = 1.25f;
constexpr double kPacingMargin = 0.99;
}  // namespace

void RoundMaximum::update(uint64_t value, uint32_t round, uint32_t window_rounds) {
  const Entry entry{value, round};
  if (value >= entries_[0].value || round - entries_[2].round > window_rounds) {
    entries_ = {entry, entry, entry};
    return;
  }
  if (value >= entries_[1].value) {
    entries_[1] = entries_[2] = entry;
  } else if (value >= entries_[2].value) {
    entries_[2] = entry;
  }
  if (round - entries_[0].round > window_rounds) {
    entries_ = {entries_[1], entries_[2], entry};
    if (round - entries_[0].round > window_rounds) entries_ = {entries_[1], entries_[2], entry};
  } else if (entries_[1].round == entries_[0].round && round - entries_[1].round > window_rounds / 4) {
    entries_[1] = entries_[2] = entry;
  } else if (entries_[2].round == entries_[1].round && round - entries_[2].round > window_rounds / 2) {
    entries_[2] = entry;
  }
}

Bbr::Bbr(const CongestionWindow& window, uint32_t initial_rtt_us, uint32_t random)
    : pacing_gain_(kHighGain),
      cwnd_gain_(kHighGain),
      random_(random),
      initial_cwnd_bytes_(window.cwnd_bytes) {
  const uint32_t rtt_us = initial_rtt_us ? initial_rtt_us : 1000;  // section 4.2.1
  pacing_rate_ = static_cast<uint64_t>(kHighGain * static_cast<double>(window.cwnd_bytes) * 1e6 / rtt_us);
}

void Bbr::remember(float memory, uint32_t round_trip_us, uint64_t now_us) {
  const auto rate = static_cast<uint64_t>(memory);
  if (rate == 0 || round_trip_us == 0) return;
  bandwidth_.update(rate, round_, kBandwidthRounds);
  full_bandwidth_ = rate;
  pipe_filled_ = true;
  round_trip_us_ = round_trip_us;
  round_trip_stamp_us_ = now_us;
  enter_probe_bandwidth(now_us);
  pacing_rate_ = std::max<uint64_t>(static_cast<uint64_t>(kPacingMargin * memory), 1);
}

// Section 4.2.3.2: what the path holds, times a gain, and what hosts hold back on the way.
uint64_t Bbr::inflight(float gain, uint32_t mss_bytes) const {
  if (round_trip_us_ == UINT32_MAX) return initial_cwnd_bytes_;
  const double product = static_cast<double>(bandwidth()) * round_trip_us_ * 1e-6;
  const uint64_t quantum = std::max<uint64_t>(2 * mss_bytes, pacing_rate_ / 1000);
  return static_cast<uint64_t>(gain * product) + 3 * quantum;
}

void Bbr::on_ack(CongestionWindow& window, const Ack& ack) {
  delivered_bytes += ack.delivered_bytes;
  delivered_us = static_cast<uint32_t>(ack.now_us);
  if (application_limited && after(delivered_bytes, application_limited_until_bytes))
    application_limited = false;
  update_model(ack);
  check_probe_rtt(window, ack);
  // Section 4.2.1: until the pipe is full the pace only rises.
  const auto rate = static_cast<uint64_t>(kPacingMargin * pacing_gain_ * static_cast<double>(bandwidth()));
  if (bandwidth() > 0 && (pipe_filled_ || rate > pacing_rate_))
    pacing_rate_ = std::max<uint64_t>(rate, ack.mss_bytes);
  set_window(window, ack);
}

void Bbr::update_model(const Ack& ack) {
  round_start_ = false;
  if (ack.rate) {
    // Section 4.1.1.3: a round is over when something was delivered that was sent after it began.
    if (at_or_after(ack.prior_delivered_bytes, next_round_bytes_)) {
      next_round_bytes_ = delivered_bytes;
      ++round_;
      round_start_ = true;
      if (conserving_ && after(ack.prior_delivered_bytes, conserve_until_bytes_)) conserving_ = false;
    }
    const uint32_t ack_elapsed_us = delivered_us - ack.prior_delivered_us;
    const uint32_t interval_us = std::max(ack_elapsed_us, ack.send_elapsed_us);
    // Faster than the round-trip time is a mistake of measurement.
    const bool believable =
        interval_us > 0 && (round_trip_us_ == UINT32_MAX || interval_us >= round_trip_us_);
    if (believable) {
      const uint64_t rate = uint64_t{delivered_bytes - ack.prior_delivered_bytes} * 1'000'000 / interval_us;
      if (!ack.application_limited || rate >= bandwidth()) bandwidth_.update(rate, round_, kBandwidthRounds);
    }
  }
  advance_cycle(ack);
  check_full_pipe(ack);
  check_drain(ack);
  // Section 4.1.3.
  round_trip_expired_ = ack.now_us > round_trip_stamp_us_ + kRoundTripUs;
  if (ack.rtt_us && (ack.rtt_us <= round_trip_us_ || round_trip_expired_)) {
    round_trip_us_ = ack.rtt_us;
    round_trip_stamp_us_ = ack.now_us;
  }
}

// Section 4.3.4.3.
void Bbr::advance_cycle(const Ack& ack) {
  if (mode_ != Mode::kProbeBandwidth) return;
  const bool full_length = ack.now_us - cycle_stamp_us_ > round_trip_us_;
  const uint32_t before_bytes = ack.pipe_bytes + ack.delivered_bytes;
  bool next = full_length;
  if (pacing_gain_ > 1) {
    next = full_length && (ack.lost_bytes > 0 || before_bytes >= inflight(pacing_gain_, ack.mss_bytes));
  } else if (pacing_gain_ < 1) {
    next = full_length || before_bytes <= inflight(1, ack.mss_bytes);
  }
  if (!next) return;
  cycle_ = static_cast<uint8_t>((cycle_ + 1) % std::size(kCycleGains));
  cycle_stamp_us_ = ack.now_us;
  pacing_gain_ = kCycleGains[cycle_];
}

// Section 4.3.2.2: three rounds without a quarter more of bandwidth.
void Bbr::check_full_pipe(const Ack& ack) {
  if (pipe_filled_ || !round_start_ || ack.application_limited) return;
  if (static_cast<double>(bandwidth()) >= static_cast<double>(full_bandwidth_) * kFullGrowth) {
    full_bandwidth_ = bandwidth();
    full_rounds_ = 0;
    return;
  }
  pipe_filled_ = ++full_rounds_ >= kFullRounds;
}

// Section 4.3.3.
void Bbr::check_drain(const Ack& ack) {
  if (mode_ == Mode::kStartup && pipe_filled_) {
    mode_ = Mode::kDrain;
    pacing_gain_ = 1 / kHighGain;
    cwnd_gain_ = kHighGain;
  }
  if (mode_ == Mode::kDrain && ack.pipe_bytes <= inflight(1, ack.mss_bytes))
    enter_probe_bandwidth(ack.now_us);
}

void Bbr::enter_probe_bandwidth(uint64_t now_us) {
  mode_ = Mode::kProbeBandwidth;
  cwnd_gain_ = kWindowGain;
  // Any phase but the draining one, and one after it.
  random_ = random_ * 1'664'525 + 1'013'904'223;
  cycle_ =
      static_cast<uint8_t>((std::size(kCycleGains) - 1 - (random_ >> 16) % 7 + 1) % std::size(kCycleGains));
  cycle_stamp_us_ = now_us;
  pacing_gain_ = kCycleGains[cycle_];
}

// Section 4.3.5.
void Bbr::check_probe_rtt(CongestionWindow& window, const Ack& ack) {
  if (mode_ != Mode::kProbeRtt && round_trip_expired_ && ack.delivered_bytes > 0) {
    mode_ = Mode::kProbeRtt;
    pacing_gain_ = cwnd_gain_ = 1;
    if (!ack.recovering) save_window(window);
    probe_rtt_done_us_ = 0;
  }
  if (mode_ != Mode::kProbeRtt) return;
  limit_by_application(ack.pipe_bytes);
  if (probe_rtt_done_us_ == 0) {
    if (ack.pipe_bytes <= kLeastSegments * ack.mss_bytes) {
      probe_rtt_done_us_ = ack.now_us + kProbeRttUs;
      probe_rtt_round_done_ = false;
      next_round_bytes_ = delivered_bytes;
    }
    return;
  }
  if (round_start_) probe_rtt_round_done_ = true;
  if (!probe_rtt_round_done_ || ack.now_us < probe_rtt_done_us_) return;
  round_trip_stamp_us_ = ack.now_us;
  restore_window(window);
  if (pipe_filled_) {
    enter_probe_bandwidth(ack.now_us);
  } else {
    mode_ = Mode::kStartup;
    pacing_gain_ = cwnd_gain_ = kHighGain;
  }
}

// Section 4.2.3.5.
void Bbr::set_window(CongestionWindow& window, const Ack& ack) {
  uint64_t cwnd = window.cwnd_bytes;
  const uint64_t target = inflight(cwnd_gain_, ack.mss_bytes);
  const uint64_t least = uint64_t{kLeastSegments} * ack.mss_bytes;
  if (ack.recovering && conserving_) {
    // Section 4.2.3.4: in the first round of a recovery as much leaves as arrives.
    cwnd = std::max<uint64_t>(cwnd > ack.lost_bytes ? cwnd - ack.lost_bytes : 0, ack.mss_bytes);
    cwnd = std::max<uint64_t>(cwnd, uint64_t{ack.pipe_bytes} + ack.delivered_bytes);
  } else {
    if (pipe_filled_) {
      cwnd = std::min(cwnd + ack.delivered_bytes, target);
    } else if (cwnd < target || delivered_bytes < initial_cwnd_bytes_) {
      cwnd += ack.delivered_bytes;
    }
    cwnd = std::max(cwnd, least);
  }
  if (mode_ == Mode::kProbeRtt) cwnd = std::min(cwnd, least);
  window.cwnd_bytes = static_cast<uint32_t>(std::min<uint64_t>(cwnd, kLargestWindowBytes));
}

}  // namespace sluice::tcp
