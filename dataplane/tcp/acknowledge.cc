// SPDX-License-Identifier: Apache-2.0
// The acknowledgement and the window that a segment carries (RFC 9293 section 3.10.7.4, "fifth", RFC 5961
// section 5).
#include <algorithm>

#include "dataplane/tcp/connection.hh"
#include "dataplane/tcp/tcp.hh"

namespace sluice::tcp {

bool Connection::process_ack(const Segment& segment) {
  Counters& counters = tcp_->counters;
  const Sequence ack = segment.acknowledgement;
  if (after(ack, later(snd_max_, snd_nxt_))) {
    ++counters.bad_ack;
    challenge();
    return false;
  }
  if (before(ack, snd_una_)) {
    // RFC 5961 section 5.2: further back than any window ever was.
    if (snd_una_ - ack > max_snd_wnd_) {
      ++counters.bad_ack;
      challenge();
      return false;
    }
    return true;  // late, but what comes with it may be new
  }
  const bool sack_news = sack_ && segment.options.sack_blocks > 0 && update_scoreboard(segment.options);
  const uint32_t window_before = snd_wnd_;
  update_send_window(segment);
  if (snd_wnd_ == 0) stuck_since_ = 0;  // closed, but answering (section 3.8.6.1)
  if (ack != snd_una_) {
    advance_una(ack, segment.options.has_timestamp, segment.options.timestamp_echo);
  } else if (snd_nxt_ != snd_una_) {
    // RFC 5681 section 2; with SACK only what brings news (RFC 6675 section 2).
    const bool duplicate = segment.length == 0 && !segment.has(wire::kTcpFin) && snd_wnd_ == window_before;
    if (sack_ ? sack_news : duplicate) {
      ++counters.duplicate_acks;
      if (duplicate_acks_ < 255) ++duplicate_acks_;
      // RFC 6582 section 3.2, step 3: a segment has left the network.
      if (!sack_ && phase_ == RecoveryPhase::kFast) window_.cwnd_bytes += mss_;
    }
  }
  if (snd_nxt_ != snd_una_) detect_loss();
  if (has_unsent() || phase_ != RecoveryPhase::kOpen) mark_dirty();
  return true;
}

void Connection::update_send_window(const Segment& segment) {
  // Not from an older segment than the last one used.
  if (!(before(snd_wl1_, segment.sequence) ||
        (snd_wl1_ == segment.sequence && at_or_before(snd_wl2_, segment.acknowledgement))))
    return;
  const bool was_closed = snd_wnd_ == 0;
  snd_wnd_ = segment.window_bytes;
  max_snd_wnd_ = std::max(max_snd_wnd_, snd_wnd_);
  snd_wl1_ = segment.sequence;
  snd_wl2_ = segment.acknowledgement;
  if (was_closed && snd_wnd_ > 0) {
    // Probing ends.
    backoff_ = 0;
    stuck_since_ = 0;
    if (snd_nxt_ == snd_una_) stop_retransmit_timer();
  }
}

// SND.UNA moves on to `ack`, which is within what was sent.
void Connection::advance_una(Sequence ack, bool has_echo, uint32_t echo) {
  const uint32_t acked = ack - snd_una_;
  const CongestionEvent event = congestion_event(acked);
  if (before(snd_una_, write_seq_)) queued_bytes_ -= earlier(ack, write_seq_) - snd_una_;
  snd_una_ = ack;
  if (after(ack, snd_nxt_)) {
    // A window probe's byte was taken after all.
    snd_nxt_ = ack;
    queue_.sent_until(ack);
  }
  queue_.acknowledge(ack, tcp_->send_entries_);
  if (timing_) {
    if (at_or_after(ack, rtt_seq_)) {
      rtt_.sample(static_cast<uint32_t>(tcp_->now_us()) - rtt_start_us_);
      timing_ = false;
    }
  } else if (phase_ != RecoveryPhase::kOpen && has_echo && timestamps_ && !before(echo, rtt_seq_)) {
    // Karn's algorithm forbids timing what was sent twice; the echo tells which one it was (RFC 7323 section
    // 4.1). One from before the last retransmission is left out: it would count the wait for that as a part
    // of the round trip.
    const uint32_t ticks = timestamp_now() - echo;
    if (ticks < ticks_of_us(kMaximumRtoUs)) rtt_.sample((ticks + 1) * 1049);
  }
  backoff_ = 0;
  stuck_since_ = 0;
  probes_ = 0;
  duplicate_acks_ = 0;
  tail_probed_ = false;
  if (scoreboard_) {
    scoreboard_->sacked.trim_before(ack);
    if (scoreboard_->head_retransmitted) {
      // The next hole was retransmitted at some time before now.
      scoreboard_->head = ack;
      scoreboard_->head_mark = snd_nxt_;
    }
  }
  if (before(high_rxt_, ack)) high_rxt_ = ack;
  if (phase_ == RecoveryPhase::kOpen) {
    congestion_on_ack(window_, cubic_, event);
    if (before(recover_, ack)) recover_ = ack;
    if (scoreboard_ && scoreboard_->sacked.empty()) release_scoreboard();
  } else {
    recovery_acknowledgement(acked);
    if (at_or_after(ack, recover_)) leave_recovery();
  }
  // RFC 6298 (5.2), (5.3).
  stop_retransmit_timer();
  if (snd_nxt_ != snd_una_) {
    start_retransmit_timer();
    arm_timer();
  }
  tcp_->stack_.confirm_neighbour(path_);
}

// What the user is told once a segment has been dealt with.
void Connection::after_progress() {
  if (writable_wanted_ && queued_bytes_ < kSendLowMarkBytes && state_ != State::kClosed && !reset_pending_) {
    writable_wanted_ = false;
    if (user_ && !fin_queued_) user_->on_writable(*this);
  }
}

}  // namespace sluice::tcp
