// SPDX-License-Identifier: Apache-2.0
// What must hold of a connection between any two steps: asked by simulations after each of them, never in operation.
#include "dataplane/tcp/connection.hh"
#include "dataplane/tcp/tcp.hh"

namespace sluice::tcp {

const char* Connection::broken_invariant() const {
  if (state_ == State::kClosed)
    return flight_.head() || recovery_ ? "a closed connection holds records" : nullptr;
  if (after(snd_una_, snd_nxt_)) return "SND.UNA lies beyond SND.NXT";
  if (after(snd_nxt_, write_seq_ + (fin_queued_ ? 1 : 0))) return "more was sent than written";
  if (after(rcv_nxt_, rcv_adv_) && !fin_received_) return "more was taken in than the window allowed";
  if (!synchronized()) return nullptr;
  Sequence at = snd_una_;
  uint32_t sacked = 0, lost = 0, count = 0;
  for (const FlightRecord* record = flight_.head(); record; record = record->next) {
    if (record->begin != at) return "the records of the flight have a gap";
    if (record->begin == record->end) return "an empty record of the flight";
    if (record->sacked && record->lost) return "a record both SACKed and lost";
    if (record->sacked) sacked += record->bytes();
    if (record->lost) lost += record->bytes();
    at = record->end;
    ++count;
    if (!record->next && record != flight_.tail()) return "the flight's tail is not its last record";
  }
  if (at != snd_nxt_) return "the records do not cover the flight";
  if (count != flight_.count()) return "the records are miscounted";
  if (sack_ && sacked != (recovery_ ? recovery_->sacked_bytes : 0)) return "SACKed bytes are miscounted";
  if (lost != (recovery_ ? recovery_->lost_bytes : 0)) return "lost bytes are miscounted";
  if (phase_ != RecoveryPhase::kOpen && !recovery_) return "a recovery without its state";
  if (window_.cwnd_bytes == 0) return "an empty congestion window";
  if (dirty_ || reset_pending_) return nullptr;  // it has its turn yet
  if (snd_nxt_ != snd_una_ && retransmit_at_ == 0) return "data in flight and no timer";
  if (has_unsent() && snd_nxt_ == snd_una_ && retransmit_at_ == 0) return "data to be sent and no timer";
  if ((retransmit_at_ || ack_at_ || idle_at_ || pace_at_) && !timer_.armed())
    return "a deadline and no timer armed";
  return nullptr;
}

const char* Tcp::broken_invariant() {
  uint64_t records = 0, held = 0;
  for (uint32_t i = 0; i < connections_.end(); ++i) {
    if (!connections_.live(i)) continue;
    const Connection& connection = connections_[i];
    if (const char* broken = connection.broken_invariant()) return broken;
    records += connection.flight_.count();
    held += connection.unconsumed_ + (connection.reassembly_ ? connection.reassembly_->bytes() : 0);
  }
  if (records != flight_records_.live_count()) return "records of flights are lost or left over";
  if (held != held_bytes_) return "received bytes that are held are miscounted";
  return nullptr;
}

}  // namespace sluice::tcp
