// SPDX-License-Identifier: Apache-2.0
// F-RTO (RFC 5682, section 3.1 in the version for SACK, section 2.1 without): after a timeout only the head is sent
// again, and the next two acknowledgements tell whether the rest was lost or merely late.
#include <algorithm>

#include "dataplane/tcp/connection.hh"
#include "dataplane/tcp/tcp.hh"

namespace sluice::tcp {

// Step 1, at a timeout. False: the timeout is dealt with in the ordinary way.
bool Connection::begin_forward_rto() {
  // Not for a second timeout upon the same data, and not out of a recovery, whose retransmissions would confuse it.
  if (active_->backoff > 0 || phase_ != RecoveryPhase::kOpen) return false;
  // Without new data there is nothing to test with.
  if (!has_unsent() || usable_window() < mss_) return false;
  active_->recovery->forward_rto = ForwardRto::kFirst;
  return true;
}

// An acknowledgement while the test is on. True when the timeout was found spurious and taken back.
bool Connection::forward_rto_acknowledged(const AckSample& sample) {
  Recovery& recovery = *active_->recovery;
  // Step 3 (c) of the SACK version, and 2 (b): whatever was sent once, before the timeout, and arrives now was only
  // late.
  if (recovery.forward_rto == ForwardRto::kSecond &&
      (sack_ ? sample.original_delivered : sample.acked_bytes > 0)) {
    ++tcp_->counters.spurious_timeouts;
    undo();
    return true;
  }
  if (recovery.forward_rto == ForwardRto::kFirst && sample.acked_bytes > 0 &&
      before(snd_una_, active_->recover) && has_unsent() && usable_window() > 0) {
    // Step 2 (b): up to two new segments, and the next acknowledgement decides.
    recovery.forward_rto = ForwardRto::kSecond;
    window_.cwnd_bytes = pipe_bytes() + 2u * mss_;
    mark_dirty();
    return false;
  }
  if (recovery.forward_rto == ForwardRto::kFirst && sample.acked_bytes == 0 && sample.delivered_bytes == 0)
    return false;
  // Steps 2 (a), 3 (a), 3 (b): it was lost.
  recovery.forward_rto = ForwardRto::kNone;
  mark_all_lost_but_retransmitted();
  mark_dirty();
  return false;
}

// What was sent before the timeout and not since counts as lost; what was sent anew after it does not.
void Connection::mark_all_lost_but_retransmitted() {
  for (FlightRecord* record = active_->flight.head(); record && before(record->begin, active_->recover);
       record = record->next) {
    if (record->sacked || record->lost || record->retransmitted) continue;
    record->lost = true;
    active_->recovery->lost_bytes += record->bytes();
  }
}

}  // namespace sluice::tcp
