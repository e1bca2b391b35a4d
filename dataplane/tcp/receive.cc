// SPDX-License-Identifier: Apache-2.0
// A segment arrives at a connection (RFC 9293 section 3.10.7, with RFC 5961 and RFC 7323).
#include <algorithm>

#include "dataplane/core/chain.hh"
#include "dataplane/tcp/connection.hh"
#include "dataplane/tcp/tcp.hh"

namespace sluice::tcp {

using wire::kTcpAck;
using wire::kTcpCwr;
using wire::kTcpEce;
using wire::kTcpFin;
using wire::kTcpRst;
using wire::kTcpSyn;
using wire::kTcpUrg;

void Connection::receive(const wire::TcpView& view, Buffer* packet, uint32_t packet_bytes, bool marked) {
  const uint32_t length = packet_bytes - view.header_bytes();
  if (!active_ && !wake()) {
    release(packet);  // comes again
    return;
  }
  active_->last_receive_tick = tcp_->tick();
  // Header prediction: the next segment in order of an established connection where nothing is amiss.
  if (state_ == State::kEstablished &&
      (view.flags() & (kTcpAck | kTcpFin | kTcpRst | kTcpSyn | kTcpUrg | kTcpEce | kTcpCwr)) == kTcpAck &&
      view.sequence() == rcv_nxt_ && !active_->reassembly && !active_->recovery && !marked &&
      !reset_pending_) {
    const Sequence ack = view.acknowledgement();
    const uint32_t acked = ack - snd_una_;
    uint32_t timestamp = 0, echo = 0;
    const bool plain = timestamps_ ? wire::parse_tcp_timestamp_only(view.options(), timestamp, echo) &&
                                         !before(timestamp, ts_recent_)
                                   : view.options().empty();
    // What neither carries nor acknowledges is a duplicate or a window update: not so simple.
    if (plain && acked <= snd_nxt_ - snd_una_ && length <= rcv_adv_ - rcv_nxt_ && (acked > 0 || length > 0)) {
      ++tcp_->counters.predicted;
      if (timestamps_ && at_or_before(rcv_nxt_, last_ack_sent_)) {
        ts_recent_ = timestamp;
        ts_recent_tick_ = active_->last_receive_tick;
      }
      snd_wnd_ = uint32_t{view.window()} << send_scale_;
      if (snd_wnd_ > max_snd_wnd_) max_snd_wnd_ = snd_wnd_;
      active_->snd_wl1 = rcv_nxt_;
      active_->snd_wl2 = ack;
      if (acked > 0) {
        if (control_ != CongestionControl::kBbr) {
          advance_una(ack, nullptr);
        } else {
          AckSample sample;
          advance_una(ack, &sample);
          update_bbr(sample);
        }
      }
      if (has_unsent()) mark_dirty();
      if (length > 0) {
        deliver(trim_chain_front(packet, view.header_bytes()), length);
      } else {
        release(packet);
      }
      if (acked > 0) after_progress();
      return;
    }
  }
  receive_slow(view, packet, packet_bytes, marked);
}

void Connection::receive_slow(const wire::TcpView& view, Buffer* packet, uint32_t packet_bytes, bool marked) {
  Segment segment;
  segment.sequence = view.sequence();
  segment.acknowledgement = view.acknowledgement();
  segment.flags = view.flags();
  segment.marked = marked;
  segment.length = packet_bytes - view.header_bytes();
  segment.window_bytes = segment.has(kTcpSyn) ? view.window() : uint32_t{view.window()} << send_scale_;
  if (!wire::parse_tcp_options(view.options(), segment.options)) ++tcp_->counters.malformed;
  segment.payload = segment.length > 0 ? trim_chain_front(packet, view.header_bytes()) : packet;
  if (reset_pending_) {
    // It is over for us; the reset is on its way.
  } else if (state_ == State::kSynSent) {
    receive_syn_sent(segment);
  } else if (state_ != State::kClosed) {
    receive_synchronized(segment);
  }
  release(segment.payload);
}

// ---- SYN-SENT (section 3.10.7.3)
// -----------------------------------------------------------------------------------

void Connection::receive_syn_sent(Segment& segment) {
  const bool ack = segment.has(kTcpAck);
  // Beyond SND.NXT lies what went with the SYN (RFC 7413).
  const bool ack_acceptable = ack && at_or_after(segment.acknowledgement, snd_nxt_) &&
                              at_or_before(segment.acknowledgement, active_->snd_max);
  if (ack && !ack_acceptable) {
    ++tcp_->counters.bad_ack;
    if (!segment.has(kTcpRst)) {
      Tcp::Reply reply{.flow = flow_, .flags = kTcpRst, .sequence = segment.acknowledgement};
      tcp_->send_reply(reply, path_);
      ++tcp_->counters.resets_sent;
    }
    return;
  }
  if (segment.has(kTcpRst)) {
    // Without an acknowledgement anybody may have sent it.
    if (ack_acceptable) {
      ++tcp_->counters.resets_received;
      finish(Error::kConnectionRefused);
    }
    return;
  }
  if (!segment.has(kTcpSyn)) {
    ++tcp_->counters.no_ack;
    return;
  }
  Agreement agreement;
  agreement.iss = active_->iss;
  agreement.irs = segment.sequence;
  if (segment.options.mss) agreement.peer_mss_bytes = segment.options.mss;
  agreement.timestamps = segment.options.has_timestamp && tcp_->limits_.timestamps;
  agreement.sack = segment.options.sack_permitted;
  agreement.window_scaling = segment.options.has_window_scale;
  agreement.peer_window_scale = segment.options.window_scale;
  agreement.timestamp_recent = segment.options.timestamp;
  agree(agreement);
  if (segment.options.user_timeout_s) hear_user_timeout(segment.options.user_timeout_s);
  snd_wnd_ = max_snd_wnd_ = segment.window_bytes;  // never scaled in a SYN
  active_->snd_wl1 = segment.sequence;
  active_->snd_wl2 = segment.acknowledgement;
  if (!ack_acceptable) {
    // Both ends opened at once: answer with SYN and ACK, and wait for theirs.
    ++tcp_->counters.simultaneous_opens;
    fast_open_ = false;
    set_state(State::kSynReceived);
    send_syn();
    start_retransmit_timer();
    arm_timer();
    return;
  }
  fast_open_answered(segment.acknowledgement, segment.options);
  snd_una_ = active_->recover = active_->cwr_until = segment.acknowledgement;
  // RFC 3168 section 6.1.1: ECE alone. Both flags are the mark of who sends back whatever comes.
  ecn_ = tcp_->limits_.ecn_offer && active_->backoff == 0 && segment.has(kTcpEce) && !segment.has(kTcpCwr);
  if (timing_ && active_->backoff == 0) rtt_.sample(static_cast<uint32_t>(tcp_->now_us()) - active_->rtt_seq);
  timing_ = false;
  active_->rtt_seq = snd_nxt_;
  begin_congestion_control();
  active_->backoff = 0;
  was_connecting_ = false;
  stop_retransmit_timer();
  active_->idle_at = keep_alive_ ? std::max(1u, tcp_->tick() + ticks_of_ms(active_->keep_idle_ms)) : 0;
  set_state(State::kEstablished);
  tcp_->stack_.confirm_neighbour(path_);
  ack_now_ = true;
  mark_dirty();
  if (user_) user_->on_connected(*this);
  if (state_ == State::kClosed || reset_pending_) return;
  // Data or FIN in the SYN's segment are legal.
  segment.sequence += 1;
  segment.flags &= static_cast<uint8_t>(~kTcpSyn);
  if (segment.length > 0 || segment.has(kTcpFin)) {
    if (trim_to_window(segment)) receive_payload(segment);
  }
}

// ---- all later states (section 3.10.7.4)
// ---------------------------------------------------------------------------

// RFC 7323 section 5: a segment with a timestamp from the past is an old duplicate.
bool Connection::paws_accepts(const Segment& segment) {
  if (!timestamps_) return true;
  if (!segment.options.has_timestamp) {
    // Section 3.2: must be there once agreed; without it only a reset is looked at.
    return segment.has(kTcpRst);
  }
  if (!before(segment.options.timestamp, ts_recent_)) return true;
  constexpr uint32_t kDay = static_cast<uint32_t>((uint64_t{86'400} * 1'000'000'000) >> kTickShift);
  // Section 5.5: after 24 days without a segment TS.Recent says nothing.
  return segment.has(kTcpRst) || tcp_->tick() - ts_recent_tick_ > 24 * kDay;
}

// An acknowledgement that tells the peer where we are (RFC 5961 section 3.2 and others), limited, so that two
// hosts that disagree do not talk for ever.
void Connection::challenge() {
  constexpr uint32_t kSecond = static_cast<uint32_t>(1'000'000'000u >> kTickShift);
  if (tcp_->tick() - active_->challenge_tick >= kSecond) {
    active_->challenge_tick = tcp_->tick();
    active_->challenges = 0;
  }
  if (active_->challenges >= tcp_->limits_.challenge_acks_per_second) {
    ++tcp_->counters.challenge_acks_limited;
    return;
  }
  ++active_->challenges;
  ++tcp_->counters.challenge_acks;
  ack_now_ = true;
  mark_dirty();
}

// Cuts off what lies outside of the window. False: nothing acceptable is left.
bool Connection::trim_to_window(Segment& segment) {
  const Sequence right = rcv_adv_;
  if (before(segment.sequence, rcv_nxt_)) {
    uint32_t old = rcv_nxt_ - segment.sequence;
    if (segment.has(kTcpSyn)) {
      segment.flags &= static_cast<uint8_t>(~kTcpSyn);
      ++segment.sequence;
      --old;
    }
    if (old > segment.length || (old == segment.length && !segment.has(kTcpFin))) return false;
    if (old > 0) {
      if (old == segment.length) {
        // Only the FIN is new; the Buffer goes when the segment does.
        segment.length = 0;
      } else {
        segment.payload = trim_chain_front(segment.payload, old);
        segment.length -= old;
      }
      segment.sequence += old;
    }
  }
  if (segment.length > 0 && after(segment.sequence + segment.length, right)) {
    if (at_or_after(segment.sequence, right)) return false;
    const uint32_t fits = right - segment.sequence;
    trim_chain_to(segment.payload, fits);
    segment.length = fits;
    segment.flags &= static_cast<uint8_t>(~kTcpFin);
  }
  return true;
}

void Connection::receive_synchronized(Segment& segment) {
  Counters& counters = tcp_->counters;
  if (!paws_accepts(segment)) {
    ++counters.paws_rejected;
    if (segment.options.has_timestamp) challenge();  // RFC 7323 section 5.3, R1; section 3.2 wants silence
    return;
  }
  // Acceptable: some of it lies within [RCV.NXT, right edge), or it stands at RCV.NXT.
  const uint32_t span = segment.sequence_length();
  const uint32_t room = rcv_adv_ - rcv_nxt_;
  bool acceptable;
  if (span == 0) {
    acceptable = segment.sequence == rcv_nxt_ || (room > 0 && segment.sequence - rcv_nxt_ < room);
  } else {
    acceptable =
        room > 0 && (segment.sequence - rcv_nxt_ < room || segment.sequence + span - 1 - rcv_nxt_ < room);
    // "Special allowance should be made to accept valid ACKs" when the window is closed: the data is cut off.
    if (room == 0 && segment.sequence == rcv_nxt_ && !segment.has(kTcpSyn)) acceptable = true;
  }
  if (!acceptable) {
    if (segment.has(kTcpRst)) {
      ++counters.reset_out_of_window;
      return;
    }
    if (segment.length > 0 && at_or_before(segment.sequence + segment.length, rcv_nxt_)) {
      ++counters.duplicate_data;
      if (sack_ && !active_->reassembly) {
        uint32_t number;
        active_->reassembly = tcp_->reassemblies_.allocate(number, number);
      }
      // RFC 2883 section 4: say what came twice.
      if (sack_ && active_->reassembly)
        active_->reassembly->note_duplicate(segment.sequence, segment.sequence + segment.length);
    } else {
      ++counters.out_of_window;
    }
    if (state_ == State::kSynReceived && segment.has(kTcpSyn)) {
      if (!(segment.has(kTcpAck) && was_connecting_ && segment.sequence + 1 == rcv_nxt_ &&
            at_or_after(segment.acknowledgement, snd_nxt_) &&
            at_or_before(segment.acknowledgement, active_->snd_max))) {
        // A repeated SYN means that ours was lost.
        send_syn();
        return;
      }
      // Both ends opened at once, and the peer has our SYN (RFC 9293 section 3.5, figure 8): its own is an old one, but what
      // else the segment says is not.
      if (sack_ && !active_->reassembly) {
        uint32_t number;
        active_->reassembly = tcp_->reassemblies_.allocate(number, number);
      }
      if (sack_ && active_->reassembly)
        active_->reassembly->note_duplicate(segment.sequence, segment.sequence + 1);
      segment.flags &= static_cast<uint8_t>(~kTcpSyn);
      ++segment.sequence;
      ack_now_ = true;
      mark_dirty();
    } else {
      challenge();
      // An old segment's acknowledgement may still be news: not taken, so that a blind attacker gains nothing.
      return;
    }
  }
  if (segment.has(kTcpRst)) {
    // RFC 5961 section 3.2: only the exact next number resets.
    if (segment.sequence != rcv_nxt_) {
      ++counters.reset_out_of_window;
      challenge();
      return;
    }
    ++counters.resets_received;
    if (state_ == State::kSynReceived) {
      // One that was accepted with its SYN has been a connection to its user for long.
      finish(fast_open_ ? Error::kConnectionReset : Error::kConnectionRefused);
    } else {
      // After both FINs it only cuts short what is over anyway, unless our data had not arrived.
      const bool over = (state_ == State::kClosing || state_ == State::kLastAck) && snd_una_ == write_seq_;
      finish(over ? Error::kNone : Error::kConnectionReset);
    }
    return;
  }
  if (segment.has(kTcpSyn)) {
    if (state_ == State::kSynReceived && (segment.sequence + 1 == rcv_nxt_ || fast_open_)) {
      send_syn();
    } else {
      challenge();  // RFC 5961 section 4.2
    }
    return;
  }
  if (!segment.has(kTcpAck)) {
    ++counters.no_ack;
    return;
  }
  if (ecn_) {
    // RFC 3168 section 6.1.3.
    if (segment.has(kTcpCwr)) ecn_echo_ = false;
    if (segment.marked && segment.length > 0) {
      ++counters.marks_received;
      ecn_echo_ = true;
      ack_now_ = true;  // the sooner it is known, the shorter the queue
      mark_dirty();
    }
  }
  // Not from a segment that acknowledges what was never sent: a stranger's timestamp would shut the peer out (PAWS).
  if (segment.options.has_timestamp && timestamps_ && at_or_before(segment.sequence, last_ack_sent_) &&
      !before(segment.options.timestamp, ts_recent_) &&
      !after(segment.acknowledgement, later(active_->snd_max, snd_nxt_))) {
    ts_recent_ = segment.options.timestamp;  // RFC 7323 section 4.3
    ts_recent_tick_ = tcp_->tick();
  }
  if (state_ == State::kSynReceived) {
    if (!fast_open_ && after(segment.acknowledgement, snd_nxt_) &&
        at_or_before(segment.acknowledgement, active_->snd_max))
      take_syn_data(segment.acknowledgement);
    const bool early = fast_open_ && segment.acknowledgement == snd_una_;
    if (segment.acknowledgement != snd_nxt_ && !early &&
        !(after(segment.acknowledgement, snd_una_) && at_or_before(segment.acknowledgement, snd_nxt_))) {
      ++counters.bad_ack;
      Tcp::Reply reply{.flow = flow_, .flags = kTcpRst, .sequence = segment.acknowledgement};
      tcp_->send_reply(reply, path_);
      ++counters.resets_sent;
      return;
    }
    active_->snd_wl1 = segment.sequence - 1;  // so that the window below is taken
    if (!fast_open_) {
      snd_una_ = active_->recover = snd_nxt_;
      timing_ = false;
      active_->rtt_seq = snd_nxt_;
      begin_congestion_control();
    }
    active_->backoff = 0;
    was_connecting_ = false;
    stop_retransmit_timer();
    active_->idle_at = keep_alive_ ? std::max(1u, tcp_->tick() + ticks_of_ms(active_->keep_idle_ms)) : 0;
    set_state(State::kEstablished);
    if (fast_open_) {
      // It was accepted with the SYN; what was sent since has its timer from now on.
      if (snd_nxt_ != snd_una_) start_retransmit_timer();
      if (fin_queued_) set_state(State::kFinWait1);
      mark_dirty();
    } else if (user_) {
      user_->on_connected(*this);
    }
    if (state_ == State::kClosed || reset_pending_) return;
  }
  const bool fin_before = fin_acknowledged();
  if (segment.options.user_timeout_s) hear_user_timeout(segment.options.user_timeout_s);
  if (!process_ack(segment)) return;
  // Our FIN was acknowledged now: the states that wait for that.
  if (!fin_before && fin_acknowledged()) {
    switch (state_) {
      case State::kFinWait1:
        set_state(State::kFinWait2);
        // Somebody who does not listen any more is not waited for for ever.
        if (!user_) {
          active_->idle_at = std::max(1u, tcp_->tick() + ticks_of_ms(tcp_->limits_.fin_wait_2_ms));
          arm_timer();
        }
        break;
      case State::kClosing: enter_time_wait(); return;
      case State::kLastAck: finish(Error::kNone); return;
      default: break;
    }
  }
  if (segment.length > 0 || segment.has(kTcpFin)) {
    if (!trim_to_window(segment)) {
      ++counters.out_of_window;
      challenge();
    } else {
      receive_payload(segment);
      if (state_ == State::kClosed || reset_pending_) return;
    }
  }
  after_progress();
}

// The path takes less than what was sent: all of it again, in smaller pieces.
void Connection::resend_smaller() {
  if (snd_nxt_ == snd_una_) return;
  mark_all_lost();
  phase_ = phase_ == RecoveryPhase::kOpen ? RecoveryPhase::kLoss : phase_;
  active_->recover = snd_nxt_;
}

// ---- ICMP
// ----------------------------------------------------------------------------------------------------------

void Connection::icmp_error(const ip::IcmpError& about) {
  // RFC 5927 section 4.1: only about a segment that is in flight.
  if (!active_) {
    ++tcp_->counters.icmp_ignored;
    return;
  }
  const Sequence quoted = wire::load_32(about.l4.data() + 4);
  const bool in_flight = at_or_after(quoted, snd_una_) && before(quoted, later(snd_nxt_, active_->snd_max));
  if (!in_flight || state_ == State::kClosed) {
    ++tcp_->counters.icmp_ignored;
    return;
  }
  if (about.path_mtu_bytes) {
    if (!refresh_path()) return;
    if (about.path_mtu_bytes < path_.mtu_bytes) {
      path_.mtu_bytes = static_cast<uint16_t>(about.path_mtu_bytes);
      wait_for_mtu_search(kMtuRaiseMs);
    } else if (search_mtu_) {
      limit_mtu_search(about.path_mtu_bytes);
    }
    if (state_ == State::kSynSent) {
      // Only one with data can have been too large (RFC 7413): again, without.
      local_mss_ = std::min(local_mss_, tcp_->advertised_mss(flow_, path_));
      if (active_->snd_max == snd_nxt_ || active_->backoff > 0) return;
      active_->backoff = 1;
      timing_ = false;
      ++tcp_->counters.path_mtu_reductions;
      send_syn();
      start_retransmit_timer();
      arm_timer();
      return;
    }
    const uint16_t before_mss = mss_;
    update_mss();
    if (mss_ < before_mss && synchronized()) {
      ++tcp_->counters.path_mtu_reductions;
      // What was too large is sent again, in smaller pieces, without the peer's asking; it is not congestion.
      resend_smaller();
      window_.cwnd_bytes = std::max<uint32_t>(window_.cwnd_bytes, 2u * mss_);
      mark_dirty();
    }
    return;
  }
  if (state_ == State::kSynSent && about.hard) {
    ++tcp_->counters.icmp_soft;
    finish(about.error == Error::kNone ? Error::kHostUnreachable : about.error);
    return;
  }
  // RFC 1122 section 4.2.3.9, RFC 5461: an established connection survives; what it would die of is
  // remembered.
  ++tcp_->counters.icmp_soft;
  if (about.error != Error::kNone) error_ = about.error;
}

}  // namespace sluice::tcp
