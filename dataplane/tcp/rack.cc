// SPDX-License-Identifier: Apache-2.0
// RACK-TLP (RFC 8985): losses are found by the time at which segments were sent, not by counting, and the tail of a
// flight is probed before the timeout comes.
#include <algorithm>

#include "dataplane/tcp/connection.hh"
#include "dataplane/tcp/tcp.hh"

namespace sluice::tcp {

namespace {
constexpr uint8_t kReorderingPersists =
    16;  // recoveries without a duplicate until the window shrinks (section 6.2, step 4)
constexpr uint8_t kLargestMultiplier = 255;
}  // namespace

// Section 6.2, steps 1 and 2: the segment sent last among all that have been delivered.
void Connection::rack_update(const AckSample& sample) {
  if (!sample.newest) return;
  Recovery& recovery = *active_->recovery;
  const uint32_t rtt_us = static_cast<uint32_t>(tcp_->now_us()) - sample.newest_sent_us;
  // The acknowledgement of a retransmission that comes too early is the original's.
  if (sample.newest_retransmitted && rtt_us < rtt_.minimum_us()) return;
  recovery.rack_rtt_us = rtt_us;
  if (!recovery.rack_valid ||
      sent_after(sample.newest_sent_us, sample.newest_end, recovery.rack_sent_us, recovery.rack_end)) {
    recovery.rack_valid = true;
    recovery.rack_sent_us = sample.newest_sent_us;
    recovery.rack_end = sample.newest_end;
  }
}

// Section 6.2, step 4: how long a segment may be overtaken before it counts as lost.
uint32_t Connection::reordering_window_us() const {
  if (!reordering_) {
    if (phase_ != RecoveryPhase::kOpen) return 0;
    // As RFC 6675 counts: more than two segments' worth of bytes have overtaken it.
    if (active_->recovery->sacked_bytes > (kDuplicateThreshold - 1) * mss_) return 0;
  }
  const uint64_t window_us = uint64_t{rtt_.minimum_us()} / 4 * reordering_multiplier_;
  return static_cast<uint32_t>(std::min<uint64_t>(window_us, rtt_.smoothed_us()));
}

void Connection::adapt_reordering_window(const AckSample& sample) {
  Recovery& recovery = *active_->recovery;
  if (recovery.dsack_round_valid && at_or_after(snd_una_, recovery.dsack_round))
    recovery.dsack_round_valid = false;
  if (!sample.duplicate_reported || recovery.dsack_round_valid) return;
  recovery.dsack_round_valid = true;
  recovery.dsack_round = snd_nxt_;
  if (reordering_multiplier_ < kLargestMultiplier) ++reordering_multiplier_;
  reordering_persists_ = kReorderingPersists;
}

// A recovery went by without a duplicate.
void Connection::relax_reordering_window() {
  if (reordering_persists_ > 0 && --reordering_persists_ == 0) reordering_multiplier_ = 1;
}

// Section 6.2, step 5. Marks what is lost; returns how long to wait, in microseconds, until more may be (0: nothing
// to wait for).
uint32_t Connection::rack_detect() {
  Recovery& recovery = *active_->recovery;
  if (!recovery.rack_valid) return 0;
  const auto now_us = static_cast<uint32_t>(tcp_->now_us());
  const uint32_t window_us = reordering_window_us();
  uint32_t wait_us = 0;
  for (FlightRecord* record = active_->flight.head(); record; record = record->next) {
    if (record->sacked || record->lost) continue;
    if (!sent_after(recovery.rack_sent_us, recovery.rack_end, record->sent_us, record->end)) {
      // Whatever follows was first sent later still.
      if (!record->retransmitted) break;
      continue;
    }
    const auto remaining_us =
        static_cast<int32_t>(record->sent_us + recovery.rack_rtt_us + window_us - now_us);
    if (remaining_us <= 0) {
      record->lost = true;
      recovery.lost_bytes += record->bytes();
      if (search_mtu_) look_for_lost_mtu_probe(*record);
      if (record->retransmitted) ++tcp_->counters.retransmissions_lost;
    } else {
      wait_us = std::max(wait_us, static_cast<uint32_t>(remaining_us));
    }
  }
  return wait_us;
}

// The wait that rack_detect() asked for is over.
void Connection::on_reordering_timeout() {
  if (!active_->recovery) return;
  const uint32_t lost_before = active_->recovery->lost_bytes;
  const uint32_t wait_us = rack_detect();
  if (active_->recovery->lost_bytes > lost_before) {
    ++tcp_->counters.reordering_timeouts;
    if (phase_ == RecoveryPhase::kOpen) enter_fast_recovery(AckSample{});
    mark_dirty();
  }
  start_retransmit_timer();
  if (wait_us) start_reordering_timer(wait_us);
}

// ---- the probe of the tail (section 7)
// ----------------------------------------------------------------------------------

// Section 7.3. New data if there is any, else the last segment once more: it brings an acknowledgement, or a SACK that
// shows the hole, long before the timeout.
void Connection::send_tail_probe() {
  FlightRecord* last = active_->flight.tail();
  if (!last || last->sacked || !make_recovery()) return;
  const Sequence nxt_before = snd_nxt_;
  const uint32_t unsent = before(snd_nxt_, write_seq_) ? write_seq_ - snd_nxt_ : 0;
  if (unsent > 0 && std::min<uint32_t>(unsent, mss_) <= usable_window()) {
    active_->probe_allowance = true;
    send_new();
    active_->probe_allowance = false;
  }
  active_->recovery->probe_retransmitted = snd_nxt_ == nxt_before;
  if (active_->recovery->probe_retransmitted) {
    last = active_->flight.tail();
    if (last->bytes() > mss_) {
      FlightRecord* rest = active_->flight.split(last, last->end - mss_, tcp_->flight_records_);
      if (!rest) return;
      last = rest;
    }
    if (!retransmit(*last)) return;
  }
  active_->recovery->probing = true;
  active_->recovery->probe_end = snd_nxt_;
  active_->recovery->hold_until = later(active_->recovery->hold_until, snd_nxt_);
  ++tcp_->counters.tail_probes;
}

// Section 7.4.2: what the acknowledgement says of a probe. When the probe itself repaired the only loss, there was still
// one.
void Connection::tail_probe_acknowledged(const AckSample& sample) {
  Recovery& recovery = *active_->recovery;
  if (!recovery.probing || before(snd_una_, recovery.probe_end)) return;
  if (!recovery.probe_retransmitted || sample.duplicate_reported) {
    recovery.probing = false;  // it was new data, or both copies have arrived
  } else if (after(snd_una_, recovery.probe_end)) {
    recovery.probing = false;
    ++tcp_->counters.tail_probe_losses;
    if (phase_ == RecoveryPhase::kOpen) reduce_once();
  } else if (sample.acked_bytes == 0 && sample.delivered_bytes == 0) {
    recovery.probing = false;  // a duplicate acknowledgement of a peer that does not report them
  }
}

}  // namespace sluice::tcp
