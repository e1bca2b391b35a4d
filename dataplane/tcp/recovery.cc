// SPDX-License-Identifier: Apache-2.0
// What follows from an acknowledgement once something is amiss, and from a timeout: recoveries begin, go on and end.
// With SACK losses are found by RACK (rack.cc), without by three duplicates (RFC 6582, NewReno).
#include "dataplane/tcp/recovery.hh"

#include <algorithm>

#include "dataplane/tcp/connection.hh"
#include "dataplane/tcp/tcp.hh"

namespace sluice::tcp {

namespace {
constexpr uint32_t kRetransmitBurst = 64;  // segments in a turn
constexpr uint8_t kLargestBackoff = 12;
}  // namespace

// The slow way of an acknowledgement: SND.UNA and the records are as it says, `sample` is what it delivered.
void Connection::recovery_step(AckSample& sample) {
  Recovery& recovery = *active_->recovery;
  tail_probe_acknowledged(sample);
  const uint32_t lost_before = recovery.lost_bytes;
  // What duplicates have told of is not told again by the number that follows them.
  const uint32_t credited = sack_ ? 0 : std::min(recovery.sacked_bytes, sample.acked_bytes);
  uint32_t wait_us = 0;
  if (sack_) {
    adapt_reordering_window(sample);
    rack_update(sample);
  }
  if (undo_if_spurious(sample)) {
    release_recovery_if_done();
    update_window(sample);
    return;
  }
  if (recovery.forward_rto != ForwardRto::kNone && !forward_rto_acknowledged(sample) &&
      recovery.forward_rto == ForwardRto::kNone) {
    // The timeout was real: RFC 5681 (4) goes on from here.
    window_.cwnd_bytes = std::min<uint32_t>(window_.cwnd_bytes, 2u * mss_);
  }
  if (sack_ && recovery.forward_rto == ForwardRto::kNone) wait_us = rack_detect();
  const bool leaves =
      phase_ != RecoveryPhase::kOpen && at_or_after(snd_una_, active_->recover) && sample.acked_bytes > 0;
  if (leaves) {
    const bool after_timeout = phase_ == RecoveryPhase::kLoss && recovery.forward_rto == ForwardRto::kNone;
    leave_recovery();
    // It is slow start that goes on (RFC 5681 section 3.1), with this acknowledgement like with those before.
    if (after_timeout && control_ != CongestionControl::kBbr)
      congestion_on_ack(sample.acked_bytes, window_.cwnd_bytes, sample.rtt_us);
  }
  if (!sack_) count_duplicates(sample);
  sample.grown_by_bytes =
      sample.acked_bytes > 0 && sample.delivered_bytes > credited ? sample.delivered_bytes - credited : 0;
  sample.lost_more = recovery.lost_bytes > lost_before;
  if (recovery.probe_only && sample.lost_more && phase_ == RecoveryPhase::kFast) {
    // More than the probe: that is congestion.
    recovery.probe_only = false;
    recovery.prr.begin(snd_nxt_ - snd_una_);
    congestion_loss(sample);
  }
  if (phase_ == RecoveryPhase::kOpen && recovery.lost_bytes > 0) {
    enter_fast_recovery(sample);
  } else if (!leaves || control_ == CongestionControl::kBbr) {
    update_window(sample);
  }
  if (wait_us) start_reordering_timer(wait_us);
  if (recovery.lost_bytes > 0 || phase_ != RecoveryPhase::kOpen) mark_dirty();
  release_recovery_if_done();
}

// Without SACK (RFC 6582): each duplicate acknowledgement says that a segment has left the network, and a partial one
// that the next hole begins where it ends.
void Connection::count_duplicates(const AckSample& sample) {
  Recovery& recovery = *active_->recovery;
  const uint32_t flight = snd_nxt_ - snd_una_;
  if (sample.acked_bytes > 0) {
    // One segment of what was acknowledged filled the hole, the others had been counted.
    const uint32_t counted = sample.acked_bytes > mss_ ? sample.acked_bytes - mss_ : 0;
    recovery.sacked_bytes -= std::min(recovery.sacked_bytes, counted);
    if (phase_ == RecoveryPhase::kOpen) recovery.sacked_bytes = 0;
    if (phase_ == RecoveryPhase::kFast) mark_head_lost();
  }
  const uint32_t most = flight > mss_ ? flight - mss_ : 0;
  recovery.sacked_bytes =
      std::min(recovery.sacked_bytes, most > recovery.lost_bytes ? most - recovery.lost_bytes : 0);
  // Section 3.2, step 2: not again for what a recovery has dealt with.
  if (phase_ == RecoveryPhase::kOpen && active_->duplicate_acks >= kDuplicateThreshold &&
      at_or_after(snd_una_, active_->recover))
    mark_head_lost();
}

void Connection::enter_fast_recovery(const AckSample& sample) {
  ++tcp_->counters.fast_recoveries;
  if (!make_recovery()) return;
  Recovery& recovery = *active_->recovery;
  remember_for_undo();
  phase_ = RecoveryPhase::kFast;
  active_->recover = snd_nxt_;
  recovery.rescued = false;
  recovery.probing = false;
  recovery.prr.begin(snd_nxt_ - snd_una_);
  recovery.probe_only = search_mtu_ && recovery.lost_bytes == active_->mtu_search.lost_bytes &&
                        control_ != CongestionControl::kBbr;
  active_->mtu_search.lost_bytes = 0;
  if (recovery.probe_only)
    window_.ssthresh_bytes = window_.cwnd_bytes;  // until the end of the recovery
  else
    congestion_loss(sample);
  update_window(sample);
  start_retransmit_timer();
  arm_timer();
  mark_dirty();
}

void Connection::leave_recovery() {
  Recovery& recovery = *active_->recovery;
  if (phase_ == RecoveryPhase::kFast) {
    relax_reordering_window();
    if (recovery.probe_only) {
      recovery.probe_only = recovery.undo_possible = false;
      window_.cwnd_bytes = recovery.prior_cwnd_bytes;
      window_.ssthresh_bytes = recovery.prior_ssthresh_bytes;
    } else if (active_->congestion && control_ == CongestionControl::kBbr) {
      active_->congestion->bbr().restore_window(window_);
    } else {
      // RFC 6937 section 3: the recovery ends at ssthresh; RFC 6582 section 3.2, step 3: without a burst.
      window_.cwnd_bytes = sack_ ? window_.ssthresh_bytes
                                 : std::min<uint32_t>(window_.ssthresh_bytes,
                                                      std::max<uint32_t>(snd_nxt_ - snd_una_, mss_) + mss_);
    }
  } else if (phase_ == RecoveryPhase::kLoss) {
    relax_reordering_window();
    if (active_->congestion && control_ == CongestionControl::kBbr)
      active_->congestion->bbr().restore_window(window_);
  }
  phase_ = RecoveryPhase::kOpen;
  recovery.forward_rto = ForwardRto::kNone;
  recovery.rescued = false;
  recovery.hold_until = snd_nxt_;
  active_->recover = snd_una_;
}

// When nothing needs it any more. What may still be taken back is kept for a round trip: until what was in flight at
// the end is acknowledged or, if that was nothing, until a timer says so.
void Connection::release_recovery_if_done() {
  if (!active_->recovery || phase_ != RecoveryPhase::kOpen) return;
  const Recovery& recovery = *active_->recovery;
  if (recovery.lost_bytes > 0 || (recovery.sacked_bytes > 0 && snd_nxt_ != snd_una_)) return;
  if (before(snd_una_, recovery.hold_until)) return;
  const bool awaits_reports =
      (recovery.undo_possible && recovery.undo_retransmissions > 0) || recovery.probing;
  if (awaits_reports && snd_una_ == recovery.hold_until) {
    if (snd_nxt_ == snd_una_ && active_->retransmit_at == 0) {
      retransmit_for_ = RetransmitTimer::kForget;
      active_->retransmit_at = std::max(1u, tcp_->tick() + ticks_of_us(rtt_.rto_us()));
      arm_timer();
    }
    return;
  }
  release_recovery();
}

// The congestion window after an acknowledgement on the slow way.
void Connection::update_window(const AckSample& sample) {
  if (control_ == CongestionControl::kBbr) {
    update_bbr(sample);
    return;
  }
  switch (phase_) {
    case RecoveryPhase::kOpen:
      // By what is new: SACKed bytes have made room for others when they were reported.
      if (sample.grown_by_bytes > 0)
        congestion_on_ack(sample.grown_by_bytes, sample.acked_bytes + flight_bytes(), sample.rtt_us);
      break;
    case RecoveryPhase::kFast:
      window_.cwnd_bytes = std::max<uint32_t>(
          mss_, active_->recovery->prr.on_ack(sample.delivered_bytes, pipe_bytes(), window_.ssthresh_bytes,
                                              mss_, sample.acked_bytes > 0 && !sample.lost_more));
      break;
    case RecoveryPhase::kLoss:
      if (sample.acked_bytes > 0 && active_->recovery->forward_rto == ForwardRto::kNone)
        congestion_on_ack(sample.acked_bytes, window_.cwnd_bytes, sample.rtt_us);
      break;
  }
}

// What is lost is sent again, as far as the window allows.
bool Connection::retransmit_lost() {
  bool sent = false;
  uint32_t count = 0;
  for (FlightRecord* record = active_->flight.head();
       record && active_->recovery && active_->recovery->lost_bytes > 0; record = record->next) {
    while (record->lost) {
      if (count == kRetransmitBurst || tcp_->stack_.transmit_room(path_) < Tcp::kTransmitReserve) {
        mark_dirty();
        return sent;
      }
      const uint32_t limit = std::min<uint32_t>(mss_, record->bytes());
      const uint32_t pipe = pipe_bytes();
      if (pipe > 0 && pipe + limit > window_.cwnd_bytes) return sent;
      if (!may_send_by_pace()) return sent;
      if (record->bytes() > limit &&
          !active_->flight.split(record, record->begin + limit, tcp_->flight_records_)) {
        ++tcp_->counters.recovery_limit;
        if (active_->flight.head() != record) return sent;  // what there is room for goes on from the head
      }
      if (!retransmit(*record)) return sent;
      if (phase_ == RecoveryPhase::kFast) active_->recovery->prr.on_sent(limit);
      ++count;
      sent = true;
    }
  }
  return sent;
}

// RFC 6675 section 4, NextSeg (4): when all that can be sent was sent, the last segment once more, because a
// loss at the very end of the data has nothing behind it that would tell.
void Connection::rescue() {
  if (phase_ != RecoveryPhase::kFast || !sack_ || active_->recovery->rescued ||
      active_->recovery->lost_bytes > 0)
    return;
  FlightRecord* last = active_->flight.tail();
  if (!last || last->sacked || last->retransmitted || pipe_bytes() + mss_ > window_.cwnd_bytes) return;
  if (active_->recovery->sacked_bytes == 0) return;
  if (last->bytes() > mss_) last = active_->flight.split(last, last->end - mss_, tcp_->flight_records_);
  if (!last) return;
  active_->recovery->rescued = true;
  if (retransmit(*last)) active_->recovery->prr.on_sent(last->bytes());
}

// Sends a record, of a segment at most, again.
bool Connection::retransmit(FlightRecord& record) {
  const uint32_t bytes = std::min<uint32_t>(record.bytes(), mss_);
  if (!retransmit_bytes(record.begin, bytes)) return false;
  if (record.lost) active_->recovery->lost_bytes -= record.bytes();
  record.lost = false;
  record.retransmitted = true;
  record.sent_us = static_cast<uint32_t>(tcp_->now_us());
  note_sent(record);
  note_retransmission(bytes);
  return true;
}

bool Connection::retransmit_bytes(Sequence at, uint32_t limit_bytes) {
  const Sequence end = at + limit_bytes;
  const bool fin = fin_queued_ && after(end, write_seq_);
  const uint32_t length = earlier(end, write_seq_) - at;
  if (length == 0 && !fin) return false;
  SendEntry* entry = length ? active_->queue.find(at) : nullptr;
  if (!send_data(at, length, fin, entry, false, false)) return false;
  ++tcp_->counters.retransmitted;
  return true;
}

void Connection::on_retransmit_timeout() {
  Counters& counters = tcp_->counters;
  const uint32_t now_tick = tcp_->tick();
  if (state_ == State::kSynSent || state_ == State::kSynReceived) {
    ++counters.timeouts;
    timing_ = false;
    if (active_->backoff < kLargestBackoff) ++active_->backoff;
    send_syn();
    start_retransmit_timer();
    return;
  }
  const RetransmitTimer due = retransmit_for_;
  retransmit_for_ = RetransmitTimer::kTimeout;
  if (due == RetransmitTimer::kForget) {
    if (phase_ == RecoveryPhase::kOpen && snd_nxt_ == snd_una_) release_recovery();
    return;
  }
  if (snd_nxt_ == snd_una_ && !has_unsent()) return;
  if (starved_ && snd_nxt_ == snd_una_) {
    mark_dirty();  // there was no Buffer: try again
    return;
  }
  if (due == RetransmitTimer::kReordering) {
    on_reordering_timeout();
    return;
  }
  if (due == RetransmitTimer::kTailProbe) {
    if (postpone_tail_probe()) return;
    send_tail_probe();
    tail_probed_ = true;
    start_retransmit_timer();
    return;
  }
  if (active_->stuck_since == 0) {
    active_->stuck_since = std::max(1u, now_tick);
  } else if (now_tick - active_->stuck_since >= ticks_of_ms(user_timeout_ms())) {
    ++counters.timed_out;
    send_reset();  // if it is only deaf one way
    finish(error_ != Error::kNone ? error_ : Error::kTimedOut);
    return;
  }
  if (snd_nxt_ == snd_una_ || snd_wnd_ == 0) {
    send_probe();
  } else {
    ++counters.timeouts;
    if (search_mtu_) forget_mtu_probe();
    look_for_black_hole();
    if (!make_recovery()) {
      // No room to remember: the head alone.
      retransmit_bytes(snd_una_, std::min<uint32_t>(mss_, snd_nxt_ - snd_una_));
    } else {
      if (active_->backoff == 0) {
        if (phase_ == RecoveryPhase::kOpen) remember_for_undo();
        congestion_loss({});
      }
      const bool test = begin_forward_rto();
      if (active_->congestion) active_->congestion->on_timeout();
      window_.cwnd_bytes = mss_;  // RFC 5681 (4): the loss window
      active_->recovery->probing = active_->recovery->probe_only = false;
      phase_ = RecoveryPhase::kLoss;
      active_->recover = snd_nxt_;
      active_->duplicate_acks = 0;
      tail_probed_ = false;
      // After a second timeout nothing that was reported is believed any more.
      if ((active_->flight.head() && active_->flight.head()->sacked) || active_->backoff > 0) forget_sacked();
      if (test) {
        if (!sack_) active_->recovery->sacked_bytes = 0;
        mark_head_lost();
      } else {
        active_->recovery->forward_rto = ForwardRto::kNone;
        mark_all_lost();
      }
      // The head leaves now, whatever the window says.
      FlightRecord* head = active_->flight.head();
      if (head) {
        if (head->bytes() > mss_) active_->flight.split(head, head->begin + mss_, tcp_->flight_records_);
        retransmit(*head);
      }
    }
  }
  if (active_->backoff < kLargestBackoff) ++active_->backoff;
  start_retransmit_timer();
}

}  // namespace sluice::tcp
