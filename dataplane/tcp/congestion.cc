// SPDX-License-Identifier: Apache-2.0
// Where a connection asks its congestion control: with acknowledgements, losses, after idle times; and the pace.
#include "dataplane/tcp/congestion.hh"

#include "dataplane/tcp/connection.hh"
#include "dataplane/tcp/tcp.hh"

namespace sluice::tcp {

namespace {
constexpr uint32_t kSlowStartSegments =
    32;  // RFC 3465's L is 2; more for acknowledgements of merged segments
}  // namespace

// The state of the connection's algorithm; nullptr: Reno without pacing, or no room for it.
CongestionState* Connection::congestion_state() {
  if (active_->congestion) return active_->congestion;
  if (control_ == CongestionControl::kReno && !paced_) return nullptr;
  uint32_t number;
  const bool bbr = control_ == CongestionControl::kBbr;
  CongestionState* const made =
      bbr ? tcp_->congestions_.allocate(number, number, Bbr(window_, rtt_.smoothed_us(), hash_))
          : tcp_->congestions_.allocate(number, number);
  active_->congestion = made;
  if (!made) {
    // Without its state BBR is nothing; what is left is Reno.
    if (bbr) control_ = CongestionControl::kReno;
    return nullptr;
  }
  // After a rest.
  if (bbr) {
    made->bbr().remember(congestion_memory_, rtt_.minimum_us(), tcp_->now_us());
  } else {
    made->cubic().remember(congestion_memory_);
  }
  return made;
}

void Connection::begin_congestion_control() {
  window_.cwnd_bytes = initial_window_bytes(mss_);
  if (control_ == CongestionControl::kBbr || paced_) {
    congestion_state();
    update_pace();
  }
}

// New data was acknowledged, not in fast recovery. `flight_bytes`: before this acknowledgement.
void Connection::congestion_on_ack(uint32_t acked_bytes, uint32_t flight_bytes, uint32_t rtt_us) {
  if (window_.cwnd_bytes < kLargestWindowBytes) {
    if (window_.in_slow_start()) {
      // A window that was not used says nothing about the path (RFC 7661).
      if (uint64_t{std::max(flight_bytes, active_->round_flight)} * 2 > window_.cwnd_bytes) {
        // Short transfers end before a queue can be noticed, and need no state.
        if (control_ == CongestionControl::kCubic && window_.cwnd_bytes >= 4u * initial_window_bytes(mss_) &&
            congestion_state()) {
          active_->congestion->hystart().on_ack(window_, acked_bytes, mss_, rtt_us, snd_una_, snd_nxt_);
        } else {
          window_.cwnd_bytes += std::min(acked_bytes, kSlowStartSegments * mss_);
        }
      }
    } else if (flight_bytes + 4u * mss_ >= window_.cwnd_bytes) {
      if (control_ == CongestionControl::kCubic && congestion_state()) {
        active_->congestion->cubic().on_ack(window_, acked_bytes, mss_, rtt_.smoothed_us(), tcp_->now_us());
      } else {
        reno_on_ack(window_, acked_bytes, mss_);
      }
    }
  }
  if (paced_) update_pace();
}

// A loss was found: ssthresh, and with BBR the window.
void Connection::congestion_loss(const AckSample& sample) {
  if (control_ == CongestionControl::kBbr && congestion_state()) {
    Bbr& bbr = active_->congestion->bbr();
    bbr.save_window(window_);
    bbr.begin_recovery();
    window_.cwnd_bytes = pipe_bytes() + std::max<uint32_t>(sample.delivered_bytes, mss_);
    return;
  }
  active_->cwr_until = snd_nxt_;
  if (control_ == CongestionControl::kCubic && congestion_state()) {
    window_.ssthresh_bytes = active_->congestion->cubic().on_loss(window_, mss_);
  } else {
    window_.ssthresh_bytes = std::max<uint32_t>(flight_bytes() / 2, 2u * mss_);  // RFC 5681 (4)
  }
}

// Congestion without a loss to mend: a mark (RFC 3168 section 6.1.2), or a loss that a probe has repaired. Once for each
// window of data.
void Connection::reduce_once() {
  if (control_ == CongestionControl::kBbr || before(snd_una_, active_->cwr_until)) return;
  congestion_loss({});
  window_.cwnd_bytes = std::min(window_.cwnd_bytes, window_.ssthresh_bytes);
  ++tcp_->counters.window_reductions;
}

void Connection::update_bbr(const AckSample& sample) {
  if (!congestion_state() || control_ != CongestionControl::kBbr) return;
  Bbr::Ack ack;
  ack.now_us = tcp_->now_us();
  ack.delivered_bytes = sample.delivered_bytes;
  ack.rtt_us = sample.rtt_us;
  ack.pipe_bytes = pipe_bytes();
  ack.mss_bytes = mss_;
  ack.lost_bytes = sample.lost_more ? active_->recovery->lost_bytes : 0;
  ack.recovering = phase_ != RecoveryPhase::kOpen;
  ack.rate = sample.rate;
  ack.application_limited = sample.rate_application_limited;
  ack.prior_delivered_bytes = sample.prior_delivered_bytes;
  ack.prior_delivered_us = sample.prior_delivered_us;
  ack.send_elapsed_us = sample.send_elapsed_us;
  active_->congestion->bbr().on_ack(window_, ack);
  active_->congestion->pacing.set_rate(active_->congestion->bbr().pacing_rate());
}

// Where the algorithm has no pace of its own: the window a round trip, and more while it is to grow.
void Connection::update_pace() {
  if (!active_->congestion) return;
  if (control_ == CongestionControl::kBbr) {
    active_->congestion->pacing.set_rate(active_->congestion->bbr().pacing_rate());
    return;
  }
  if (!rtt_.has_sample()) return;
  const uint64_t share = window_.in_slow_start() ? 200 : 120;
  active_->congestion->pacing.set_rate(
      std::max<uint64_t>(uint64_t{window_.cwnd_bytes} * share * 10'000 / rtt_.smoothed_us(), mss_));
}

bool Connection::wait_for_pace() {
  if (active_->congestion->pacing.may_send(tcp_->now_us())) return true;
  active_->pace_at =
      std::max(1u, static_cast<uint32_t>((active_->congestion->pacing.next_us() * 1000 >> kTickShift) + 1));
  arm_timer();
  return false;
}

}  // namespace sluice::tcp
