// SPDX-License-Identifier: Apache-2.0
// What must hold of a connection between any two steps: asked by simulations after each of them, never in operation.
#include "dataplane/tcp/connection.hh"
#include "dataplane/tcp/tcp.hh"

namespace sluice::tcp {

const char* Connection::broken_invariant() const {
  if (!active_) {
    if (state_ != State::kEstablished) return "a connection at rest that is not established";
    if (snd_una_ != snd_nxt_ || has_unsent() || queued_bytes_ > 0 || fin_queued_)
      return "a connection at rest that has something to send";
    if (dirty_ || reset_pending_ || ack_now_ || window_update_ || phase_ != RecoveryPhase::kOpen)
      return "a connection at rest that owes something";
    return after(rcv_nxt_, rcv_adv_) ? "more was taken in than the window allowed" : nullptr;
  }
  if (state_ == State::kClosed)
    return active_->flight.head() || active_->recovery ? "a closed connection holds records" : nullptr;
  if (after(snd_una_, snd_nxt_)) return "SND.UNA lies beyond SND.NXT";
  if (after(snd_nxt_, write_seq_ + (fin_queued_ ? 1 : 0))) return "more was sent than written";
  if (after(rcv_nxt_, rcv_adv_) && !fin_received_) return "more was taken in than the window allowed";
  if (!synchronized()) return nullptr;
  Sequence at = snd_una_;
  uint32_t sacked = 0, lost = 0, count = 0;
  for (const FlightRecord* record = active_->flight.head(); record; record = record->next) {
    if (record->begin != at) return "the records of the flight have a gap";
    if (record->begin == record->end) return "an empty record of the flight";
    if (record->sacked && record->lost) return "a record both SACKed and lost";
    if (record->sacked) sacked += record->bytes();
    if (record->lost) lost += record->bytes();
    at = record->end;
    ++count;
    if (!record->next && record != active_->flight.tail()) return "the flight's tail is not its last record";
  }
  if (at != snd_nxt_) return "the records do not cover the flight";
  if (count != active_->flight.count()) return "the records are miscounted";
  if (sack_ && sacked != (active_->recovery ? active_->recovery->sacked_bytes : 0))
    return "SACKed bytes are miscounted";
  if (lost != (active_->recovery ? active_->recovery->lost_bytes : 0)) return "lost bytes are miscounted";
  if (phase_ != RecoveryPhase::kOpen && !active_->recovery) return "a recovery without its state";
  if (active_->mtu_search.lost_bytes != 0)
    return "a lost probe of the MTU of which nobody has said what it means";
  if (window_.cwnd_bytes == 0) return "an empty congestion window";
  if (dirty_ || reset_pending_) return nullptr;  // it has its turn yet
  if (snd_nxt_ != snd_una_ && active_->retransmit_at == 0) return "data in flight and no timer";
  if (has_unsent() && snd_nxt_ == snd_una_ && active_->retransmit_at == 0)
    return "data to be sent and no timer";
  if ((active_->retransmit_at || active_->ack_at || active_->idle_at || active_->pace_at) &&
      !active_->timer.armed())
    return "a deadline and no timer armed";
  if (state_ == State::kEstablished && !active_->timer.armed())
    return "not at rest, and no timer that would bring it there";
  return nullptr;
}

const char* Tcp::broken_invariant() {
  uint64_t records = 0, held = 0, active = 0;
  for (uint32_t i = 0; i < connections_.end(); ++i) {
    if (!connections_.live(i)) continue;
    const Connection& connection = connections_[i];
    if (const char* broken = connection.broken_invariant()) return broken;
    if (connection.at_rest()) continue;
    const Activity& activity = *connection.active_;
    ++active;
    records += activity.flight.count();
    held += activity.unconsumed + (activity.reassembly ? activity.reassembly->bytes() : 0);
  }
  if (active != activities_.live_count()) return "activities are lost or left over";
  if (records != flight_records_.live_count()) return "records of flights are lost or left over";
  if (held != held_bytes_) return "received bytes that are held are miscounted";
  return nullptr;
}

}  // namespace sluice::tcp
