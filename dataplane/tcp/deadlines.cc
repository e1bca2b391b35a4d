// SPDX-License-Identifier: Apache-2.0
// All that waits for time to pass: one timer a connection, armed for the nearest deadline and left alone when
// that moves away. When it fires too early it is armed again, which is cheaper than moving it with every
// segment.
#include <algorithm>
#include <cstddef>

#include "dataplane/tcp/connection.hh"
#include "dataplane/tcp/tcp.hh"

namespace sluice::tcp {

namespace {
constexpr uint32_t kMinimumProbeUs = 10'000;  // ten ticks: not upon every hiccup of a busy peer
// A peer may hold back the acknowledgement of a single segment (RFC 8985 section 7.2, TLP.max_ack_delay); ours and most do
// so for 40 ms, some for 200.
constexpr uint32_t kPeerAckDelayUs = 200'000;

bool due(uint32_t deadline, uint32_t now_tick) { return deadline != 0 && at_or_before(deadline, now_tick); }
}  // namespace

void Connection::start_retransmit_timer() {
  const uint32_t flight = snd_nxt_ - snd_una_;
  uint32_t wait_us = rtt_.rto_us(backoff_);
  retransmit_for_ = RetransmitTimer::kTimeout;
  // A probe of the tail comes before the timeout (RFC 8985 section 7.2).
  if (phase_ == RecoveryPhase::kOpen && sack_ && backoff_ == 0 && !tail_probed_ && flight > 0 &&
      rtt_.has_sample() && synchronized() && !(recovery_ && recovery_->sacked_bytes > 0)) {
    uint32_t probe_us = std::max(2 * rtt_.smoothed_us(), kMinimumProbeUs);
    if (flight <= mss_) probe_us += kPeerAckDelayUs;
    if (probe_us < wait_us) {
      wait_us = probe_us;
      retransmit_for_ = RetransmitTimer::kTailProbe;
    }
  }
  const uint32_t wait = starved_ && flight == 0 ? 1 : ticks_of_us(wait_us);
  retransmit_at_ = std::max(1u, tcp_->tick() + wait);
}

// RFC 8985 section 6.2, step 5: the timer of what may yet be lost comes before any other.
void Connection::start_reordering_timer(uint32_t wait_us) {
  const uint32_t at = std::max(1u, tcp_->tick() + ticks_of_us(wait_us) + 1);
  if (retransmit_at_ != 0 && at_or_before(retransmit_at_, at) && retransmit_for_ != RetransmitTimer::kForget)
    return;
  retransmit_at_ = at;
  retransmit_for_ = RetransmitTimer::kReordering;
  arm_timer();
}

void Connection::arm_timer() {
  const uint32_t now_tick = tcp_->tick();
  // Distances, because ticks wrap.
  uint32_t nearest = UINT32_MAX;
  for (const uint32_t deadline : {retransmit_at_, ack_at_, idle_at_, pace_at_}) {
    if (deadline == 0) continue;
    nearest = std::min(nearest, after(deadline, now_tick) ? deadline - now_tick : 0u);
  }
  if (nearest == UINT32_MAX) return;  // one that is armed fires once for nothing
  const uint64_t deadline_ns = ((tcp_->now_ns_ >> kTickShift) + nearest) << kTickShift;
  if (timer_.armed() && timer_.deadline_ns <= deadline_ns) return;
  tcp_->timers_.arm(timer_, deadline_ns);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winvalid-offsetof"
void Connection::on_timer(Timer& timer, uint64_t now_ns) {
  auto* connection =
      reinterpret_cast<Connection*>(reinterpret_cast<std::byte*>(&timer) - offsetof(Connection, timer_));
  connection->tcp_->set_now(now_ns);
  connection->on_deadlines(connection->tcp_->tick());
}
#pragma GCC diagnostic pop

void Connection::on_deadlines(uint32_t now_tick) {
  if (reset_pending_) return;
  if (due(ack_at_, now_tick)) {
    // ack_at_ stays until the segment has left: emit() counts by it.
    ack_now_ = true;
    ack_by_timer_ = true;
    ack_at_ = std::max(1u, now_tick + ticks_of_ms(tcp_->limits_.delayed_ack_ms));
    mark_dirty();
  }
  if (due(retransmit_at_, now_tick)) {
    retransmit_at_ = 0;
    on_retransmit_timeout();
    if (state_ == State::kClosed) return;
  }
  if (due(pace_at_, now_tick)) {
    pace_at_ = 0;
    mark_dirty();
  }
  if (due(idle_at_, now_tick)) {
    idle_at_ = 0;
    on_idle_deadline(now_tick);
    if (state_ == State::kClosed) return;
  }
  arm_timer();
}

// The deadline of a state rather than of a segment: connecting, waiting without a user, keeping alive.
void Connection::on_idle_deadline(uint32_t now_tick) {
  Counters& counters = tcp_->counters;
  if (state_ == State::kSynSent || state_ == State::kSynReceived) {
    ++counters.timed_out;
    if (state_ == State::kSynReceived) send_reset();
    finish(error_ != Error::kNone ? error_ : Error::kTimedOut);
    return;
  }
  if (state_ == State::kFinWait2 && !user_) {
    finish(Error::kNone);
    return;
  }
  if (!keep_alive_) return;
  // RFC 9293 section 3.8.4. The deadline is not moved by each segment; it is looked at when it comes.
  const uint32_t idle = now_tick - last_receive_tick_;
  const uint32_t limit = ticks_of_ms(keep_idle_ms_);
  if (idle < limit || snd_nxt_ != snd_una_) {
    probes_ = 0;
    idle_at_ = std::max(1u, idle < limit ? last_receive_tick_ + limit : now_tick + limit);
    return;
  }
  if (probes_ >= tcp_->limits_.keep_alive_probes) {
    ++counters.keep_alive_failed;
    ++counters.timed_out;
    send_reset();
    finish(Error::kTimedOut);
    return;
  }
  ++probes_;
  ++counters.keep_alive_probes;
  // No data, one before what the peer expects: it must answer.
  std::byte options[wire::kTcpOptionsLimitBytes];
  const uint32_t options_bytes = common_options(options, false);
  emit(wire::kTcpAck, snd_una_ - 1, nullptr, options, options_bytes, false);
  idle_at_ =
      std::max(1u, now_tick + ticks_of_ms(std::min(keep_idle_ms_, tcp_->limits_.keep_alive_interval_ms)));
}

}  // namespace sluice::tcp
