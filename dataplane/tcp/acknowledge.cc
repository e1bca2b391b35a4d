// SPDX-License-Identifier: Apache-2.0
// The acknowledgement and the window that a segment carries (RFC 9293 section 3.10.7.4, "fifth", RFC 5961
// section 5).
#include <algorithm>

#include "dataplane/tcp/connection.hh"
#include "dataplane/tcp/tcp.hh"

namespace sluice::tcp {

AckSample Connection::new_sample() const {
  AckSample sample;
  if (const Recovery* recovery = active_->recovery) {
    sample.prior_forward_most = recovery->forward_most;
    sample.prior_forward_most_valid = recovery->forward_most_valid;
  }
  return sample;
}

bool Connection::process_ack(const Segment& segment) {
  Counters& counters = tcp_->counters;
  const Sequence ack = segment.acknowledgement;
  if (after(ack, later(active_->snd_max, snd_nxt_))) {
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
    // Late, but what comes with it may be new; so may its SACK blocks be.
    if (sack_ && segment.options.sack_blocks > 0 && snd_nxt_ != snd_una_) {
      AckSample sample = new_sample();
      update_scoreboard(segment.options, ack, sample);
      if (active_->recovery) recovery_step(sample);
      if (has_unsent() || phase_ != RecoveryPhase::kOpen) mark_dirty();
    }
    return true;
  }
  AckSample sample = new_sample();
  sample.has_echo = segment.options.has_timestamp;
  sample.echo = segment.options.timestamp_echo;
  if (sack_ && segment.options.sack_blocks > 0) update_scoreboard(segment.options, ack, sample);
  const uint32_t window_before = snd_wnd_;
  update_send_window(segment);
  if (snd_wnd_ == 0) active_->stuck_since = 0;  // closed, but answering (section 3.8.6.1)
  if (segment.has(wire::kTcpEce) && ecn_) congestion_marked();
  if (ack != snd_una_) {
    advance_una(ack, &sample);
  } else if (snd_nxt_ != snd_una_) {
    // RFC 5681 section 2; with SACK only what brings news (RFC 6675 section 2).
    const bool duplicate = segment.length == 0 && !segment.has(wire::kTcpFin) && snd_wnd_ == window_before;
    if (sack_ ? sample.sacked_bytes > 0 : duplicate) {
      ++counters.duplicate_acks;
      if (active_->duplicate_acks < 255) ++active_->duplicate_acks;
      if (!sack_ && make_recovery()) {
        // A segment has left the network (RFC 6582 section 3.2, RFC 3042); which one is not known.
        active_->recovery->sacked_bytes += mss_;
        sample.delivered_bytes = mss_;
      }
    }
  }
  if (active_->recovery) {
    recovery_step(sample);
  } else if (control_ == CongestionControl::kBbr && sample.delivered_bytes > 0) {
    update_bbr(sample);
  }
  if (has_unsent() || phase_ != RecoveryPhase::kOpen) mark_dirty();
  return true;
}

// The peer says that routers have marked what we sent (RFC 3168 section 6.1.2).
void Connection::congestion_marked() {
  ++tcp_->counters.marks_reported;
  if (phase_ != RecoveryPhase::kOpen || before(snd_una_, active_->cwr_until)) return;
  reduce_once();
  cwr_due_ = true;
}

void Connection::update_send_window(const Segment& segment) {
  // Not from an older segment than the last one used. One that acknowledges more is newer whatever its number: the
  // peer has sent old data again, and its window counts from there.
  if (!(after(segment.acknowledgement, snd_una_) || before(active_->snd_wl1, segment.sequence) ||
        (active_->snd_wl1 == segment.sequence && at_or_before(active_->snd_wl2, segment.acknowledgement))))
    return;
  const bool was_closed = snd_wnd_ == 0;
  snd_wnd_ = segment.window_bytes;
  max_snd_wnd_ = std::max(max_snd_wnd_, snd_wnd_);
  active_->snd_wl1 = segment.sequence;
  active_->snd_wl2 = segment.acknowledgement;
  if (was_closed && snd_wnd_ > 0) {
    // Probing ends.
    active_->backoff = 0;
    active_->stuck_since = 0;
    if (snd_nxt_ == snd_una_) stop_retransmit_timer();
  }
}

// SND.UNA moves on to `ack`, which is within what was sent. What that delivers is added to `sample`.
void Connection::advance_una(Sequence ack, AckSample* sample) {
  const uint32_t acked = ack - snd_una_;
  const uint32_t flight_before = snd_nxt_ - snd_una_;
  if (before(snd_una_, write_seq_)) queued_bytes_ -= earlier(ack, write_seq_) - snd_una_;
  snd_una_ = ack;
  if (after(ack, snd_nxt_)) {
    // A window probe's byte was taken after all.
    snd_nxt_ = ack;
    active_->queue.sent_until(ack);
  }
  active_->queue.acknowledge(ack, tcp_->send_entries_);
  uint32_t rtt_us;
  if (sample) {
    sample->acked_bytes = acked;
    acknowledge_flight(ack, *sample);
    rtt_us = sample->rtt_us;
  } else {
    rtt_us = std::max(static_cast<uint32_t>(tcp_->now_us()) - acknowledge_flight(ack), 1u);
  }
  bool round_begins = false;
  if (at_or_after(ack, active_->rtt_seq)) {
    round_begins = true;
    // A sample a round trip (RFC 6298 section 3), of what was sent once (Karn's algorithm); after timeouts it may
    // be the acknowledgements that were lost, for as long as those took.
    if (rtt_us && active_->backoff == 0) {
      rtt_.sample(rtt_us);
      active_->rtt_seq = snd_nxt_;
    } else if (sample && timestamps_ && sample->has_echo && active_->recovery && active_->recovery->stamped &&
               !before(sample->echo, active_->recovery->last_stamp)) {
      // The echo tells which one it was (RFC 7323 section 4.1). One from before the last retransmission is
      // left out: it would count the wait for that as a part of the round trip.
      const uint32_t ticks = timestamp_now() - sample->echo;
      if (ticks < ticks_of_us(kMaximumRtoUs)) rtt_.sample((ticks + 1) * 1049);
      active_->rtt_seq = snd_nxt_;
    }
  }
  active_->backoff = 0;
  active_->stuck_since = 0;
  active_->probes = 0;
  active_->duplicate_acks = 0;
  tail_probed_ = false;
  if (phase_ == RecoveryPhase::kOpen && before(active_->recover, ack)) active_->recover = ack;
  // On the slow way the rest follows in recovery_step(). A window that was not used has no reason to grow.
  if (!active_->recovery && control_ != CongestionControl::kBbr &&
      (uint64_t{std::max(flight_before, active_->round_flight)} * 2 > window_.cwnd_bytes ||
       flight_before + 4u * mss_ >= window_.cwnd_bytes))
    congestion_on_ack(acked, flight_before, rtt_us);
  if (round_begins) active_->round_flight = flight_before;
  if (window_.cwnd_bytes > send_high_mark_bytes_ / 2) raise_send_mark();
  // RFC 6298 (5.2), (5.3).
  stop_retransmit_timer();
  if (snd_nxt_ != snd_una_) {
    start_retransmit_timer();
    arm_timer();
  }
  tcp_->stack_.confirm_neighbour(path_);
}

// The send queue must hold what is under way and what is to follow it.
void Connection::raise_send_mark() {
  const uint64_t wanted =
      std::min<uint64_t>(uint64_t{window_.cwnd_bytes} * 2, tcp_->limits_.send_queue_limit_bytes);
  send_high_mark_bytes_ = std::max(send_high_mark_bytes_, static_cast<uint32_t>(wanted));
}

// What the user is told once a segment has been dealt with.
void Connection::after_progress() {
  if (writable_wanted_ && queued_bytes_ < send_low_mark() && state_ != State::kClosed && !reset_pending_) {
    writable_wanted_ = false;
    if (user_ && !fin_queued_) user_->on_writable(*this);
  }
}

}  // namespace sluice::tcp
