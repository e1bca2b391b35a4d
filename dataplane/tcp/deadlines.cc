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
constexpr uint32_t kMinimumProbeUs = 5'000;  // five ticks: not upon every hiccup of a busy peer
// A peer may hold back the acknowledgement of a single segment (RFC 8985 section 7.2, TLP.max_ack_delay); ours and most do
// so for 40 ms, some for 200.
constexpr uint32_t kPeerAckDelayUs = 200'000;

bool due(uint32_t deadline, uint32_t now_tick) { return deadline != 0 && at_or_before(deadline, now_tick); }
}  // namespace

void Connection::start_retransmit_timer() {
  const uint32_t flight = snd_nxt_ - snd_una_;
  uint32_t wait_us = rtt_.rto_us(active_->backoff);
  retransmit_for_ = RetransmitTimer::kTimeout;
  // A probe of the tail comes before the timeout (RFC 8985 section 7.2).
  if (phase_ == RecoveryPhase::kOpen && sack_ && active_->backoff == 0 && !tail_probed_ && flight > 0 &&
      rtt_.has_sample() && synchronized() && !(active_->recovery && active_->recovery->sacked_bytes > 0)) {
    // "If the time at which an RTO would fire is sooner, the sender schedules a TLP to be sent at that RTO time."
    wait_us = std::min(wait_us, tail_probe_us());
    retransmit_for_ = RetransmitTimer::kTailProbe;
  }
  const uint32_t wait = starved_ && flight == 0 ? 1 : ticks_of_us(wait_us);
  active_->retransmit_at = std::max(1u, tcp_->tick() + wait);
}

uint32_t Connection::tail_probe_us() const {
  uint32_t probe_us = std::max(2 * rtt_.smoothed_us(), kMinimumProbeUs);
  if (snd_nxt_ - snd_una_ <= mss_) probe_us += kPeerAckDelayUs;
  return probe_us;
}

// The probe waits for silence since the last transmission (RFC 8985 section 7.2), which is looked at now rather than with every
// segment; but not beyond the timeout of the oldest. True when it is not yet time.
bool Connection::postpone_tail_probe() {
  const FlightRecord* head = active_->flight.head();
  if (!head) return false;
  const uint32_t now_tick = tcp_->tick();
  const uint32_t age_us = static_cast<uint32_t>(tcp_->now_us()) - head->sent_us;
  const uint32_t rto_us = rtt_.rto_us();
  if (age_us >= rto_us) return false;
  const uint32_t silence = now_tick - last_send_tick_;
  const uint32_t wanted = ticks_of_us(std::min(tail_probe_us(), rto_us));
  if (silence >= wanted) return false;
  active_->retransmit_at = std::max(1u, now_tick + std::min(wanted - silence, ticks_of_us(rto_us - age_us)));
  retransmit_for_ = RetransmitTimer::kTailProbe;
  return true;
}

// RFC 8985 section 6.2, step 5: the timer of what may yet be lost comes before any other.
void Connection::start_reordering_timer(uint32_t wait_us) {
  const uint32_t at = std::max(1u, tcp_->tick() + ticks_of_us(wait_us) + 1);
  if (active_->retransmit_at != 0 && at_or_before(active_->retransmit_at, at) &&
      retransmit_for_ != RetransmitTimer::kForget)
    return;
  active_->retransmit_at = at;
  retransmit_for_ = RetransmitTimer::kReordering;
  arm_timer();
}

void Connection::arm_timer() {
  const uint32_t now_tick = tcp_->tick();
  // Distances, because ticks wrap.
  uint32_t nearest = UINT32_MAX;
  for (const uint32_t deadline :
       {active_->retransmit_at, active_->ack_at, active_->idle_at, active_->pace_at}) {
    if (deadline == 0) continue;
    nearest = std::min(nearest, after(deadline, now_tick) ? deadline - now_tick : 0u);
  }
  if (nearest == UINT32_MAX) {
    // One that is armed fires once for nothing. An established connection is looked at again: it may have come to rest.
    if (state_ != State::kEstablished) return;
    nearest = ticks_of_ms(tcp_->limits_.rest_after_ms);
  }
  const uint64_t deadline_ns = ((tcp_->now_ns_ >> kTickShift) + nearest) << kTickShift;
  if (active_->timer.armed() && active_->timer.deadline_ns <= deadline_ns) return;
  tcp_->timers_.arm(active_->timer, deadline_ns);
}

void Connection::on_timer(Timer& timer, uint64_t now_ns) {
  // The timer is the first member.
  static_assert(offsetof(Activity, timer) == 0);
  Connection& connection = *reinterpret_cast<Activity&>(timer).owner;
  connection.tcp_->set_now(now_ns);
  connection.on_deadlines(connection.tcp_->tick());
}

void Connection::on_deadlines(uint32_t now_tick) {
  if (reset_pending_) return;
  if (due(active_->ack_at, now_tick)) {
    // active_->ack_at stays until the segment has left: emit() counts by it.
    ack_now_ = true;
    ack_by_timer_ = true;
    active_->ack_at = std::max(1u, now_tick + ticks_of_ms(tcp_->limits_.delayed_ack_ms));
    mark_dirty();
  }
  if (due(active_->retransmit_at, now_tick)) {
    active_->retransmit_at = 0;
    on_retransmit_timeout();
    if (state_ == State::kClosed) return;
  }
  if (due(active_->pace_at, now_tick)) {
    active_->pace_at = 0;
    mark_dirty();
  }
  if (due(active_->idle_at, now_tick)) {
    active_->idle_at = 0;
    on_idle_deadline(now_tick);
    if (state_ == State::kClosed) return;
  }
  if (quiet_for(ticks_of_ms(tcp_->limits_.rest_after_ms), now_tick) && may_rest()) {
    rest();
    return;
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
  const uint32_t idle = now_tick - active_->last_receive_tick;
  const uint32_t limit = ticks_of_ms(active_->keep_idle_ms);
  if (idle < limit || snd_nxt_ != snd_una_) {
    active_->probes = 0;
    active_->idle_at = std::max(1u, idle < limit ? active_->last_receive_tick + limit : now_tick + limit);
    return;
  }
  if (active_->probes >= tcp_->limits_.keep_alive_probes) {
    ++counters.keep_alive_failed;
    ++counters.timed_out;
    send_reset();
    finish(Error::kTimedOut);
    return;
  }
  ++active_->probes;
  ++counters.keep_alive_probes;
  // No data, one before what the peer expects: it must answer.
  std::byte options[wire::kTcpOptionsLimitBytes];
  const uint32_t options_bytes = common_options(options, false);
  emit(wire::kTcpAck, snd_una_ - 1, nullptr, options, options_bytes, false);
  active_->idle_at = std::max(
      1u, now_tick + ticks_of_ms(std::min(active_->keep_idle_ms, tcp_->limits_.keep_alive_interval_ms)));
}

}  // namespace sluice::tcp
