// SPDX-License-Identifier: Apache-2.0
// Finding losses and mending them: RFC 6675 with SACK, RFC 6582 (NewReno) without, RFC 3042 before either,
// RFC 5681 and RFC 6298 after a timeout.
#include "dataplane/tcp/recovery.hh"

#include <algorithm>

#include "dataplane/tcp/connection.hh"
#include "dataplane/tcp/tcp.hh"

namespace sluice::tcp {

namespace {
constexpr uint32_t kRetransmitBurst = 64;  // segments in a turn
constexpr uint8_t kLargestBackoff = 12;
}  // namespace

CongestionEvent Connection::congestion_event(uint32_t acked_bytes) const {
  return {.acked_bytes = acked_bytes,
          .flight_bytes = snd_nxt_ - snd_una_,
          .mss_bytes = mss_,
          .rtt_us = rtt_.smoothed_us(),
          .now_us = tcp_->now_us()};
}

// The curve's state, made at the first loss; nullptr means Reno (chosen, or no room for the state).
Cubic* Connection::cubic_state() {
  if (!cubic_ && tcp_->congestion_control == CongestionControl::kCubic) {
    uint32_t number;
    cubic_ = tcp_->cubics_.allocate(number, number);
  }
  return cubic_;
}

void Connection::release_scoreboard() {
  if (!scoreboard_) return;
  tcp_->scoreboards_.release(scoreboard_->number);
  scoreboard_ = nullptr;
}

// Whether the blocks told of anything new.
bool Connection::update_scoreboard(const wire::TcpOptions& options) {
  const Sequence ack = snd_una_;
  bool news = false;
  for (unsigned i = 0; i < options.sack_blocks; ++i) {
    Sequence left = options.sack[i].left, right = options.sack[i].right;
    // A block at or below the acknowledgement reports a duplicate (RFC 2883); anything else must be in
    // flight.
    if (!before(left, right) || at_or_before(right, ack) || after(right, snd_nxt_) || before(left, ack))
      continue;
    if (!scoreboard_) {
      uint32_t number;
      scoreboard_ = tcp_->scoreboards_.allocate(number, number);
      if (!scoreboard_) {
        ++tcp_->counters.recovery_limit;
        return false;
      }
    }
    news |= scoreboard_->sacked.insert(left, right) > 0;
  }
  return news;
}

void Connection::detect_loss() {
  if (phase_ != RecoveryPhase::kOpen) {
    // A retransmission of the first hole that was itself lost: what was sent well after it has arrived.
    if (scoreboard_ && scoreboard_->head_retransmitted && scoreboard_->head == snd_una_ &&
        !scoreboard_->sacked.empty() &&
        after(scoreboard_->sacked.last().end, scoreboard_->head_mark + kDuplicateThreshold * mss_)) {
      ++tcp_->counters.head_retransmitted_again;
      const Range& first = scoreboard_->sacked[0];
      if (after(first.begin, snd_una_)) retransmit(snd_una_, first.begin - snd_una_);
    }
    return;
  }
  // The probe of the tail has arrived and something before it has not (RFC 8985 section 7.4, without its
  // clock).
  if (tail_probed_ && scoreboard_ && !scoreboard_->sacked.empty() &&
      scoreboard_->sacked.last().end == snd_nxt_)
    scoreboard_->tail_lost = true;
  const bool lost = duplicate_acks_ >= kDuplicateThreshold ||
                    (scoreboard_ && scoreboard_->lost_edge(snd_una_, mss_) != snd_una_);
  // RFC 6582 section 3.2, step 2: not again for what a recovery has dealt with.
  if (lost && at_or_after(snd_una_, recover_)) enter_fast_recovery();
}

void Connection::enter_fast_recovery() {
  ++tcp_->counters.fast_recoveries;
  phase_ = RecoveryPhase::kFast;
  recover_ = snd_nxt_;
  high_rxt_ = snd_una_;
  window_.ssthresh_bytes = congestion_on_loss(window_, cubic_state(), congestion_event(0));
  window_.cwnd_bytes = window_.ssthresh_bytes;
  if (!sack_) window_.cwnd_bytes += kDuplicateThreshold * mss_;
  if (scoreboard_) scoreboard_->rescued = false;
  // The first hole at once, whatever the window says (RFC 6675 section 5, (4.3)).
  uint32_t hole = mss_;
  if (scoreboard_ && !scoreboard_->sacked.empty() && after(scoreboard_->sacked[0].begin, snd_una_))
    hole = std::min<uint32_t>(hole, scoreboard_->sacked[0].begin - snd_una_);
  high_rxt_ = snd_una_ + retransmit(snd_una_, hole);
  start_retransmit_timer();
  arm_timer();
  mark_dirty();
}

void Connection::leave_recovery() {
  if (phase_ == RecoveryPhase::kFast) {
    // RFC 6582 section 3.2, step 3, full acknowledgement: no burst.
    window_.cwnd_bytes = sack_ ? window_.ssthresh_bytes
                               : std::min<uint32_t>(window_.ssthresh_bytes,
                                                    std::max<uint32_t>(snd_nxt_ - snd_una_, mss_) + mss_);
  }
  phase_ = RecoveryPhase::kOpen;
  recover_ = high_rxt_ = snd_una_;
  if (scoreboard_) {
    if (scoreboard_->sacked.empty()) {
      release_scoreboard();
    } else {
      scoreboard_->head_retransmitted = scoreboard_->rescued = scoreboard_->tail_lost = false;
    }
  }
}

// New data was acknowledged during a recovery.
void Connection::recovery_acknowledgement(uint32_t acked_bytes) {
  if (phase_ == RecoveryPhase::kLoss) {
    congestion_on_ack(window_, cubic_,
                      {.acked_bytes = acked_bytes,
                       .flight_bytes = window_.cwnd_bytes,
                       .mss_bytes = mss_,
                       .rtt_us = rtt_.smoothed_us(),
                       .now_us = tcp_->now_us()});
  } else if (!sack_) {
    // RFC 6582 section 3.2, step 3, partial acknowledgement.
    window_.cwnd_bytes -= std::min(window_.cwnd_bytes - mss_, acked_bytes);
    if (acked_bytes >= mss_) window_.cwnd_bytes += mss_;
  }
}

// RFC 6675 section 4, SetPipe: what is thought to be under way.
uint32_t Connection::pipe_bytes() const {
  uint32_t pipe = snd_nxt_ - snd_una_;
  Sequence lost_edge = snd_una_;
  if (phase_ == RecoveryPhase::kLoss) {
    lost_edge = recover_;
  } else if (scoreboard_ && phase_ == RecoveryPhase::kFast) {
    lost_edge = scoreboard_->lost_edge(snd_una_, mss_);
  }
  const Sequence from = later(high_rxt_, snd_una_);
  if (scoreboard_) {
    pipe -= scoreboard_->sacked.bytes_within(snd_una_, snd_nxt_);
    if (before(from, lost_edge)) pipe -= lost_edge - from - scoreboard_->sacked.bytes_within(from, lost_edge);
  } else if (before(from, lost_edge)) {
    pipe -= lost_edge - from;
  }
  return pipe;
}

bool Connection::retransmit_lost() {
  bool sent = false;
  for (uint32_t count = 0; count < kRetransmitBurst && phase_ != RecoveryPhase::kOpen; ++count) {
    Sequence edge;
    if (phase_ == RecoveryPhase::kLoss) {
      edge = recover_;
    } else if (sack_) {
      edge = scoreboard_ ? scoreboard_->lost_edge(snd_una_, mss_) : snd_una_;
      // NextSeg (3): with nothing new to send, holes that may or may not be losses.
      if (scoreboard_ && !scoreboard_->sacked.empty() && !has_unsent())
        edge = later(edge, scoreboard_->sacked.last().begin);
    } else {
      edge = earlier(snd_una_ + mss_, recover_);  // NewReno: one segment with each partial acknowledgement
    }
    Sequence at = later(high_rxt_, snd_una_);
    uint32_t limit = mss_;
    if (scoreboard_) {
      while (const Range* range = scoreboard_->sacked.find(at)) at = range->end;
      if (const Range* range = scoreboard_->sacked.next(at)) limit = std::min(limit, range->begin - at);
    }
    if (!before(at, edge)) break;
    limit = std::min(limit, edge - at);
    const uint32_t pipe = pipe_bytes();
    const bool unconditional = phase_ == RecoveryPhase::kFast && !sack_;
    if (!unconditional && pipe > 0 && pipe + limit > window_.cwnd_bytes) break;
    const uint32_t length = retransmit(at, limit);
    if (length == 0) break;
    high_rxt_ = at + length;
    sent = true;
  }
  return sent;
}

// RFC 6675 section 4, NextSeg (4): when all that can be sent was sent, the last segment once more, because a
// loss at the very end of the data has nothing behind it that would tell.
void Connection::rescue() {
  if (phase_ != RecoveryPhase::kFast || !scoreboard_ || scoreboard_->rescued || scoreboard_->sacked.empty())
    return;
  const Sequence from = later(scoreboard_->sacked.last().end, high_rxt_);
  if (!before(from, snd_nxt_) || pipe_bytes() + mss_ > window_.cwnd_bytes) return;
  scoreboard_->rescued = true;
  const uint32_t length = std::min<uint32_t>(mss_, snd_nxt_ - from);
  retransmit(snd_nxt_ - length, length);
}

uint32_t Connection::retransmit(Sequence at, uint32_t limit_bytes) {
  limit_bytes = std::min<uint32_t>({limit_bytes, mss_, snd_nxt_ - at});
  const Sequence end = at + limit_bytes;
  const bool fin = fin_queued_ && after(end, write_seq_);
  const uint32_t length = earlier(end, write_seq_) - at;
  SendEntry* entry = length ? queue_.find(at) : nullptr;
  if (length == 0 && !fin) return 0;
  if (!send_data(at, length, fin, entry, false)) return 0;
  ++tcp_->counters.retransmitted;
  timing_ = false;  // Karn
  rtt_seq_ = timestamp_now();
  if (at == snd_una_ && scoreboard_) {
    scoreboard_->head = at;
    scoreboard_->head_mark = snd_nxt_;
    scoreboard_->head_retransmitted = true;
  }
  return limit_bytes;
}

void Connection::on_retransmit_timeout() {
  Counters& counters = tcp_->counters;
  const uint32_t now_tick = tcp_->tick();
  if (state_ == State::kSynSent || state_ == State::kSynReceived) {
    ++counters.timeouts;
    timing_ = false;
    if (backoff_ < kLargestBackoff) ++backoff_;
    send_syn();
    start_retransmit_timer();
    return;
  }
  if (snd_nxt_ == snd_una_ && !has_unsent()) return;
  if (starved_ && snd_nxt_ == snd_una_) {
    mark_dirty();  // there was no Buffer: try again
    return;
  }
  if (tail_probe_due_) {
    tail_probe_due_ = false;
    send_tail_probe();
    start_retransmit_timer();
    return;
  }
  if (stuck_since_ == 0) {
    stuck_since_ = std::max(1u, now_tick);
  } else if (now_tick - stuck_since_ >= ticks_of_ms(tcp_->limits_.user_timeout_ms)) {
    ++counters.timed_out;
    send_reset();  // if it is only deaf one way
    finish(error_ != Error::kNone ? error_ : Error::kTimedOut);
    return;
  }
  if (snd_nxt_ == snd_una_ || snd_wnd_ == 0) {
    send_probe();
  } else {
    ++counters.timeouts;
    if (backoff_ == 0)
      window_.ssthresh_bytes = congestion_on_loss(window_, cubic_state(), congestion_event(0));
    if (cubic_) cubic_->restart();
    window_.cwnd_bytes = mss_;  // RFC 5681 (4): the loss window
    tail_probed_ = false;
    phase_ = RecoveryPhase::kLoss;
    recover_ = snd_nxt_;
    duplicate_acks_ = 0;
    if (scoreboard_) {
      // RFC 2018 section 8: the peer may have dropped what it reported. It shows in a report of the very
      // first byte; and after a second timeout nothing is believed any more.
      const bool reneged = !scoreboard_->sacked.empty() && scoreboard_->sacked[0].begin == snd_una_;
      if (reneged || backoff_ > 0) scoreboard_->sacked.clear();
      scoreboard_->head_retransmitted = scoreboard_->tail_lost = false;
    }
    uint32_t hole = mss_;
    if (scoreboard_ && !scoreboard_->sacked.empty())
      hole = std::min<uint32_t>(hole, scoreboard_->sacked[0].begin - snd_una_);
    high_rxt_ = snd_una_ + retransmit(snd_una_, hole);
  }
  if (backoff_ < kLargestBackoff) ++backoff_;
  start_retransmit_timer();
}

}  // namespace sluice::tcp
