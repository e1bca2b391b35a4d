// SPDX-License-Identifier: Apache-2.0
// Recoveries that were not needed: how it shows, and taking them back. Three witnesses: the echoed timestamp (Eifel,
// RFC 3522), reports that every retransmission arrived twice (RFC 3708), and F-RTO (RFC 5682) for timeouts. The response
// is RFC 4015's: the windows from before.
#include <algorithm>

#include "dataplane/tcp/connection.hh"
#include "dataplane/tcp/tcp.hh"

namespace sluice::tcp {

// A reduction begins: what to go back to.
void Connection::remember_for_undo() {
  Recovery& recovery = *active_->recovery;
  recovery.undo_possible = true;
  recovery.undo_from = snd_una_;
  recovery.undo_retransmissions = 0;
  recovery.prior_cwnd_bytes = window_.cwnd_bytes;
  recovery.prior_ssthresh_bytes = window_.ssthresh_bytes;
  recovery.stamped = false;
}

void Connection::note_retransmission(uint32_t bytes) {
  Recovery& recovery = *active_->recovery;
  recovery.last_stamp = timestamp_now();
  if (!recovery.stamped) {
    recovery.stamped = true;
    recovery.first_stamp = recovery.last_stamp;
  }
  if (recovery.undo_possible) recovery.undo_retransmissions += (bytes + mss_ - 1) / mss_;
}

// Whether the acknowledgement shows that nothing had been lost. Called before the phase changes upon it.
bool Connection::undo_if_spurious(const AckSample& sample) {
  Recovery& recovery = *active_->recovery;
  if (!recovery.undo_possible) return false;
  bool all_duplicate = false;
  if (sample.duplicate_reported && recovery.undo_retransmissions > 0 &&
      at_or_after(sample.duplicate_begin, recovery.undo_from)) {
    const uint32_t segments = (sample.duplicate_bytes + mss_ - 1) / mss_;
    recovery.undo_retransmissions -= std::min(recovery.undo_retransmissions, segments);
    all_duplicate = recovery.undo_retransmissions == 0;
  }
  // RFC 3522 section 3.2, step 5: the first acknowledgement of new data is of a segment sent before the retransmission.
  const bool eifel = phase_ != RecoveryPhase::kOpen && sample.acked_bytes > 0 && timestamps_ &&
                     sample.has_echo && recovery.stamped && before(sample.echo, recovery.first_stamp);
  if (!all_duplicate && !eifel) return false;
  undo();
  return true;
}

void Connection::undo() {
  Recovery& recovery = *active_->recovery;
  ++tcp_->counters.spurious_recoveries;
  recovery.undo_possible = false;
  recovery.forward_rto = ForwardRto::kNone;
  window_.cwnd_bytes = std::max(window_.cwnd_bytes, recovery.prior_cwnd_bytes);
  window_.ssthresh_bytes = std::max(window_.ssthresh_bytes, recovery.prior_ssthresh_bytes);
  if (active_->congestion) active_->congestion->undo();
  if (phase_ != RecoveryPhase::kOpen) {
    // What counted as lost is under way.
    for (FlightRecord* record = active_->flight.head(); record; record = record->next) record->lost = false;
    recovery.lost_bytes = 0;
    phase_ = RecoveryPhase::kOpen;
    recovery.hold_until = snd_nxt_;
    active_->duplicate_acks = 0;
  }
  mark_dirty();
}

}  // namespace sluice::tcp
