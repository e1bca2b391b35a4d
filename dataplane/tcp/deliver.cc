// SPDX-License-Identifier: Apache-2.0
// Data on its way up: in order to the user, out of order into the queue; and what is owed for it: windows and
// acknowledgements.
#include <algorithm>

#include "dataplane/tcp/connection.hh"
#include "dataplane/tcp/tcp.hh"

namespace sluice::tcp {

void Connection::deliver(Buffer* chain, uint32_t length) {
  rcv_nxt_ += length;
  tcp_->counters.bytes_received += length;
  schedule_ack(length);
  if (!user_) {
    release(chain);
    return;
  }
  active_->unconsumed += length;
  tcp_->held_bytes_ += length;
  user_->on_data(*this, chain);
}

// RFC 9293 section 3.8.6.3, RFC 5681 section 4.2.
void Connection::schedule_ack(uint32_t length) {
  if (length > receive_mss_) receive_mss_ = static_cast<uint16_t>(std::min<uint32_t>(length, local_mss_));
  if (quick_acks_ > 0) {
    --quick_acks_;
    ack_now_ = true;
  } else if (rcv_nxt_ - last_ack_sent_ >= 2u * receive_mss_) {
    ack_now_ = true;
  }
  if (ack_now_) {
    mark_dirty();
  } else if (active_->ack_at == 0) {
    active_->ack_at = std::max(1u, tcp_->tick() + ticks_of_ms(tcp_->limits_.delayed_ack_ms));
    arm_timer();
  }
}

void Connection::receive_payload(Segment& segment) {
  Counters& counters = tcp_->counters;
  if (!receives_data()) {
    // The peer's FIN was already there (section 3.10.7.4, "should not occur").
    ++counters.data_after_close;
    return;
  }
  const bool fin = segment.has(wire::kTcpFin);
  if (segment.sequence == rcv_nxt_) {
    if (segment.length > 0) {
      Buffer* chain = segment.payload;
      segment.payload = nullptr;
      uint32_t length = segment.length;
      if (active_->reassembly && !active_->reassembly->empty()) {
        // A hole is filled, or a part of it: said at once (RFC 5681 section 4.2).
        ack_now_ = true;
        mark_dirty();
        uint32_t more = 0;
        const uint32_t held = active_->reassembly->bytes();
        if (Buffer* rest = active_->reassembly->take(rcv_nxt_ + length, more)) {
          ++counters.holes_filled;
          Buffer* last = chain;
          while (last->next_segment) last = last->next_segment;
          last->next_segment = rest;
          length += more;
        }
        tcp_->held_bytes_ -= held - active_->reassembly->bytes();
      }
      deliver(chain, length);
      if (state_ == State::kClosed || reset_pending_) return;
      if (active_->reassembly && active_->reassembly->empty() && !active_->reassembly->has_duplicate()) {
        tcp_->reassemblies_.release(active_->reassembly->number);
        active_->reassembly = nullptr;
      }
    }
    // A FIN counts when all before it has come; one that came early is dropped with its segment's place, and
    // comes again.
    if (fin && segment.sequence + segment.length == rcv_nxt_) receive_fin();
    return;
  }
  if (segment.length == 0) {
    // A FIN ahead of a hole.
    ack_now_ = true;
    mark_dirty();
    return;
  }
  ++counters.out_of_order;
  ack_now_ = true;
  if (!active_->reassembly) {
    uint32_t number;
    active_->reassembly = tcp_->reassemblies_.allocate(number, number);
  }
  if (!active_->reassembly || tcp_->held_bytes_ + segment.length > tcp_->limits_.receive_total_bytes) {
    ++(active_->reassembly ? counters.receive_total_limit : counters.out_of_order_limit);
  } else {
    const uint32_t held = active_->reassembly->bytes();
    Buffer* chain = segment.payload;
    segment.payload = nullptr;
    const auto outcome = active_->reassembly->insert(segment.sequence, segment.length, chain,
                                                     tcp_->limits_.out_of_order_buffers);
    tcp_->held_bytes_ += active_->reassembly->bytes();
    tcp_->held_bytes_ -= held;
    if (outcome == Reassembly::Outcome::kNoRoom) ++counters.out_of_order_limit;
    if (outcome == Reassembly::Outcome::kDuplicate) ++counters.duplicate_data;
  }
  // A peer without SACK counts duplicates: each must leave by itself.
  if (sack_) {
    mark_dirty();
  } else {
    send_ack_now();
  }
}

void Connection::receive_fin() {
  if (fin_received_) return;
  fin_received_ = true;
  rcv_nxt_ += 1;
  ack_now_ = true;
  mark_dirty();
  switch (state_) {
    case State::kEstablished:
      set_state(State::kCloseWait);
      if (user_) {
        user_->on_end(*this);
      } else {
        shutdown();  // nobody is there to do it
      }
      return;
    case State::kFinWait1:
      // Had our FIN been acknowledged by this segment, the state would be FIN-WAIT-2 by now.
      set_state(State::kClosing);
      if (user_) user_->on_end(*this);
      return;
    case State::kFinWait2:
      if (user_) user_->on_end(*this);
      if (state_ != State::kClosed && !reset_pending_) enter_time_wait();
      return;
    default: return;
  }
}

}  // namespace sluice::tcp
