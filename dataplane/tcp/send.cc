// SPDX-License-Identifier: Apache-2.0
// Segments on their way out (RFC 9293 sections 3.7 and 3.8.6): what may be sent, how it is cut, and the
// header in front.
#include <algorithm>

#include "dataplane/tcp/connection.hh"
#include "dataplane/tcp/tcp.hh"

namespace sluice::tcp {

using wire::kTcpAck;
using wire::kTcpFin;
using wire::kTcpPsh;
using wire::kTcpRst;
using wire::kTcpSyn;

namespace {
// Headers of the layers below: Ethernet with VLAN, IPv6.
constexpr uint32_t kLowerHeadroomBytes = 18 + 40;
constexpr uint8_t kEcnCapable = 2;  // ECT(0) (RFC 3168 section 5)
}  // namespace

uint32_t Connection::timestamp_now() const { return tcp_->tick() + active_->ts_offset; }

void Connection::output() {
  if (reset_pending_) {
    ++tcp_->counters.aborted;
    send_reset();
    finish(Error::kConnectionAborted);
    return;
  }
  if (state_ == State::kSynSent) {
    // Only from open_active(); later ones come from the timer.
    if (active_->backoff == 0) send_syn();
    return;
  }
  if (!synchronized() && !(fast_open_ && state_ == State::kSynReceived)) return;
  starved_ = false;
  bool sent = false;
  if (active_->recovery && active_->recovery->lost_bytes > 0) sent = retransmit_lost();
  if (has_unsent()) {
    sent |= send_new();
  } else if (!sent && phase_ == RecoveryPhase::kFast) {
    rescue();
  }
  // Data carried the acknowledgement, unless there are holes to report, for which there may have been no
  // room.
  if (active_->reassembly) {
    if (ack_now_ || sent || active_->reassembly->has_duplicate()) send_ack();
  } else if (ack_now_ || window_update_ || user_timeout_due_) {
    if (window_update_ && !ack_now_) ++tcp_->counters.window_updates;
    send_ack();
  }
  if (snd_nxt_ != snd_una_ || has_unsent()) {
    if (active_->retransmit_at == 0 || retransmit_for_ == RetransmitTimer::kForget) start_retransmit_timer();
    arm_timer();
  }
  if (control_ == CongestionControl::kBbr && active_->congestion && !has_unsent() &&
      pipe_bytes() < window_.cwnd_bytes)
    active_->congestion->bbr().limit_by_application(pipe_bytes());
}

// Bytes of window left beyond SND.NXT.
uint32_t Connection::usable_window() const {
  const Sequence right = snd_una_ + snd_wnd_;
  return after(right, snd_nxt_) ? right - snd_nxt_ : 0;
}

bool Connection::send_new() {
  bool sent = search_mtu_ && !active_->probe_allowance && probe_mtu();
  if (snd_nxt_ == snd_una_ && window_.cwnd_bytes > initial_window_bytes(mss_) &&
      control_ != CongestionControl::kBbr && tcp_->tick() - last_send_tick_ > ticks_of_us(rtt_.rto_us())) {
    // RFC 5681 section 4.1: after an idle time the window says nothing any more.
    window_.ssthresh_bytes = std::max(window_.ssthresh_bytes, window_.cwnd_bytes / 4 * 3);
    window_.cwnd_bytes = initial_window_bytes(mss_);
    if (active_->congestion) active_->congestion->on_timeout();
  }
  for (uint32_t count = 0;; ++count) {
    const uint32_t unsent = before(snd_nxt_, write_seq_) ? write_seq_ - snd_nxt_ : 0;
    const bool fin_due = fin_queued_ && snd_nxt_ + unsent == write_seq_;
    if (unsent == 0 && !(fin_due && snd_nxt_ == write_seq_)) break;
    if (count == Tcp::kBurstSegments || tcp_->stack_.transmit_room(path_) < Tcp::kTransmitReserve) {
      // The rest has its turn in the next turn.
      mark_dirty();
      break;
    }
    const uint32_t flight = snd_nxt_ - snd_una_;
    SendEntry* entry = unsent ? active_->queue.unsent() : nullptr;
    uint32_t length = std::min<uint32_t>(unsent, mss_);
    const uint32_t usable = usable_window();
    bool in_place = false;
    if (unsent > mss_ && !active_->recovery && !cwr_due_) {
      const uint32_t open_bytes =
          window_.cwnd_bytes > flight ? std::min(usable, window_.cwnd_bytes - flight) : 0;
      if (open_bytes >= 2u * mss_)
        length = large_send_bytes(std::min(unsent, open_bytes), unsent, entry, in_place);
    }
    if (!in_place && entry && length <= mss_ && snd_nxt_ == entry->sequence && entry->length <= length &&
        entry->owned_alone() && (entry->length * 2 >= mss_ || entry->length == unsent) &&
        entry->payload - entry->buffer->storage >= ptrdiff_t{kLowerHeadroomBytes + 60}) {
      in_place = true;
      length = entry->length;
    }
    if (length > usable || (length == 0 && usable == 0)) {
      // Sender's silly window avoidance (RFC 9293 section 3.8.6.2.1); the persist timer overrides it.
      if (usable == 0 || usable < std::min<uint32_t>(mss_, std::max(1u, max_snd_wnd_ / 2))) break;
      length = usable;
      in_place = false;
    }
    // Nagle (section 3.7.4), as Minshall changed it (draft-minshall-nagle-01): a small segment waits while another one is
    // unacknowledged. What went with a SYN once is not new.
    if (!no_delay_ && length < mss_ && length == unsent && !fin_queued_ &&
        after(active_->small_end, snd_una_) && !before(snd_nxt_, active_->snd_max))
      break;
    // Congestion window. What duplicates and SACK blocks show to have left counts no more, which is Limited Transmit
    // (RFC 3042).
    const uint32_t pipe = pipe_bytes();
    if (active_->probe_allowance) {
      if (count > 0) break;
    } else if ((pipe > 0 && pipe + length > window_.cwnd_bytes) || !may_send_by_pace()) {
      break;
    }
    const bool fin = fin_due && length == unsent && (length < usable || length == 0);
    FlightRecord* record = record_for(snd_nxt_);
    if (!record) break;
    if (!send_data(snd_nxt_, length, fin, entry, in_place, true)) {
      forget_record(record);
      break;
    }
    if (phase_ == RecoveryPhase::kFast) active_->recovery->prr.on_sent(length);
    if (!no_delay_ && length % mss_ != 0 && after(snd_nxt_ + length, active_->snd_max))
      active_->small_end = snd_nxt_ + length;
    note_new(*record, length + (fin ? 1 : 0));
    sent = true;
  }
  return sent;
}

// What was sent for the first time, as the end of `record`.
void Connection::note_new(FlightRecord& record, uint32_t sequence_bytes) {
  if (active_->congestion) active_->congestion->pacing.on_sent(sequence_bytes, tcp_->now_us());
  record.end += sequence_bytes;
  snd_nxt_ += sequence_bytes;
  tcp_->counters.bytes_sent += earlier(snd_nxt_, write_seq_) - (snd_nxt_ - sequence_bytes);
  last_send_tick_ = tcp_->tick();
  active_->snd_max = later(active_->snd_max, snd_nxt_);
  active_->queue.sent_until(snd_nxt_);
}

// The record that what is sent now belongs to: the newest, when it was begun at this time, or a new one. nullptr: there
// is no room, the next turn tries again.
FlightRecord* Connection::record_for(Sequence at) {
  const auto now_us = static_cast<uint32_t>(tcp_->now_us());
  FlightRecord* last = active_->flight.tail();
  // A probe of the path's MTU is lost or arrives by itself.
  if (last && last->sent_us == now_us && !last->retransmitted && !last->sacked && !last->lost &&
      !(search_mtu_ && last->begin == active_->mtu_search.begin))
    return last;
  FlightRecord* record = new_record(at, now_us);
  if (!record) {
    ++tcp_->counters.recovery_limit;
    if (last && !last->retransmitted && !last->sacked && !last->lost) {
      last->sent_us = now_us;
      return last;
    }
    starved_ = true;
  }
  return record;
}

// An empty one; nullptr: there is no room.
FlightRecord* Connection::new_record(Sequence at, uint32_t now_us) {
  FlightRecord* record = active_->flight.full() ? nullptr : tcp_->flight_records_.allocate();
  if (!record) return nullptr;
  record->begin = record->end = at;
  record->sent_us = now_us;
  record->sacked = record->lost = record->retransmitted = record->application_limited = false;
  active_->flight.push(record);
  if (control_ == CongestionControl::kBbr) note_sent(*record);
  return record;
}

// Nothing was sent after all.
void Connection::forget_record(FlightRecord* record) {
  if (record->begin == record->end) active_->flight.pop_last(tcp_->flight_records_);
}

// The state of delivery at the time of sending (draft-cheng-iccrg-delivery-rate-estimation section 3.2).
void Connection::note_sent(FlightRecord& record) {
  if (!active_->congestion) return;
  active_->congestion->pacing.on_sent(record.retransmitted ? record.bytes() : 0, tcp_->now_us());
  if (control_ != CongestionControl::kBbr) return;
  Bbr& bbr = active_->congestion->bbr();
  if (snd_nxt_ == snd_una_ || pipe_bytes() == 0) bbr.first_sent_us = bbr.delivered_us = record.sent_us;
  record.first_sent_us = bbr.first_sent_us;
  record.delivered_us = bbr.delivered_us;
  record.delivered_bytes = bbr.delivered_bytes;
  record.application_limited = bbr.application_limited;
}

// How much of `bytes`, the beginning of `unsent_bytes`, is to leave as one large segment that the port cuts, or that is cut
// on the way to it; one segment's worth where that is not to be had. `in_place`: as the Buffers from `entry` on, whose
// payloads are a segment's each, without a copy. Whole segments, unless it is the last of the data.
uint32_t Connection::large_send_bytes(uint32_t bytes, uint32_t unsent_bytes, const SendEntry* entry,
                                      bool& in_place) const {
  const ip::Stack::LargeSegment large = tcp_->stack_.large_segment(path_);
  uint32_t most = large.limit_bytes;
  // What is paced leaves in pieces of a tick's worth (pacing.hh).
  if (active_->congestion && active_->congestion->pacing.rate() != 0)
    most = static_cast<uint32_t>(std::min<uint64_t>(most, active_->congestion->pacing.rate() / 1000));
  bytes = std::min(bytes, most);
  if (bytes < 2u * mss_) return mss_;
  uint32_t linked = 0;
  uint16_t buffers = 0;
  const uint16_t buffers_limit = large.buffers_limit ? large.buffers_limit : UINT16_MAX;
  for (; entry && snd_nxt_ + linked == entry->sequence && buffers < buffers_limit; entry = entry->next) {
    const bool last = linked + entry->length == unsent_bytes;
    if (linked + entry->length > bytes || entry->length == 0 || entry->length > mss_ ||
        (entry->length < mss_ && !last) || !entry->owned_alone() ||
        entry->payload - entry->buffer->storage < ptrdiff_t{kLowerHeadroomBytes + 60})
      break;
    linked += entry->length;
    ++buffers;
  }
  if (buffers >= 2) {
    in_place = true;
    return linked;
  }
  if (large.pieces) return mss_;
  if (large.buffers_limit) {
    const uint32_t room = tcp_->stack_.pool(path_).storage_bytes() - kTransmitHeadroomBytes;
    bytes = std::min(bytes, large.buffers_limit * room);
    if (bytes < 2u * mss_) return mss_;
  }
  return bytes == unsent_bytes ? bytes : bytes / mss_ * mss_;
}

// A copy of `length` bytes of the queue from `at` on, in as many Buffers as it takes; nullptr when there are
// not enough.
static Buffer* gather(BufferPool& pool, const SendEntry* entry, Sequence at, uint32_t length) {
  Buffer* const first = pool.allocate();
  Buffer* last = first;
  while (last) {
    const uint32_t part = std::min(length, last->tailroom());
    while (at_or_before(entry->end(), at)) entry = entry->next;
    SendQueue::copy(entry, at, part, last->append(part));
    at += part;
    length -= part;
    if (length == 0) return first;
    last = last->next_segment = pool.allocate(0);
  }
  release(first);
  return nullptr;
}

bool Connection::send_data(Sequence at, uint32_t length, bool fin, SendEntry* entry, bool in_place,
                           bool first_time) {
  std::byte options[wire::kTcpOptionsLimitBytes];
  const uint32_t options_bytes = common_options(options, false);
  Buffer* packet = nullptr;
  if (in_place) {
    packet = entry->buffer->retain();
    Buffer* last = packet;
    for (uint32_t linked = entry->length; linked < length; linked += entry->length) {
      last->flags = 0;
      entry = entry->next;
      last = last->next_segment = entry->buffer->retain();
    }
    last->flags = 0;
    last->next_segment = nullptr;
    ++tcp_->counters.sent_in_place;
  } else if (length > 0) {
    packet = gather(tcp_->stack_.pool(path_), entry, at, length);
    if (!packet) {
      ++tcp_->counters.no_buffer;
      starved_ = true;
      return false;
    }
    ++tcp_->counters.sent_copied;
  }
  // A probe of the path's MTU leaves as it is.
  if (length > mss_ && !(at == active_->mtu_search.begin && length == active_->mtu_search.probe_bytes)) {
    packet->flags |= Buffer::kTransmitTso;
    packet->tso_segment_bytes = mss_;
    ++tcp_->counters.sent_large;
  }
  uint8_t flags = kTcpAck;
  if (fin) flags |= kTcpFin;
  if (length > 0 && at + length == write_seq_) flags |= kTcpPsh;
  // RFC 3168 sections 6.1.5 and 6.1.6: neither retransmissions nor window probes may be marked.
  const bool markable = ecn_ && first_time && length > 0;
  if (markable && cwr_due_) {
    flags |= wire::kTcpCwr;
    cwr_due_ = false;
  }
  const bool done = emit(flags, at, packet, options, options_bytes, markable);
  if (!done) starved_ = true;
  return done;
}

void Connection::send_syn() {
  wire::TcpOptions wanted;
  wanted.mss = local_mss_;
  const bool answer = state_ == State::kSynReceived;
  wanted.sack_permitted = answer ? sack_ : true;
  wanted.has_timestamp = answer ? timestamps_ : tcp_->limits_.timestamps;
  wanted.has_window_scale = answer ? window_scaling_ : true;
  wanted.window_scale = tcp_->receive_scale_;
  wanted.timestamp = timestamp_now();
  wanted.timestamp_echo = answer ? ts_recent_ : 0;
  if (user_timeout_due_ && !answer) say_user_timeout(wanted);
  uint32_t length = 0;
  Buffer* data = answer ? nullptr : fast_open_data(wanted, length);
  std::byte options[wire::kTcpOptionsLimitBytes];
  const uint32_t options_bytes = wire::emit_tcp_options(options, wanted);
  uint8_t flags = answer ? kTcpSyn | kTcpAck : kTcpSyn;
  // RFC 3168 section 6.1.1; a repeated SYN goes without, in case that it was the flags that somebody disliked
  // (6.1.1.1).
  if (!answer && tcp_->limits_.ecn_offer && active_->backoff == 0) flags |= wire::kTcpEce | wire::kTcpCwr;
  if (answer && ecn_) flags |= wire::kTcpEce;
  emit(flags, active_->iss, data, options, options_bytes, false);
}

// An acknowledgement by itself.
void Connection::send_ack() {
  std::byte options[wire::kTcpOptionsLimitBytes];
  const uint32_t options_bytes = common_options(options, true);
  if (emit(kTcpAck, snd_nxt_, nullptr, options, options_bytes, false)) ++tcp_->counters.acks_sent;
}

void Connection::send_ack_now() {
  send_ack();
  ack_now_ = false;
}

// Against a closed window: a byte that does not fit, whose answer tells the window (RFC 9293 section
// 3.8.6.1). Or, when the window is open but too small to be worth a segment, what fits.
void Connection::send_probe() {
  const uint32_t unsent = before(snd_nxt_, write_seq_) ? write_seq_ - snd_nxt_ : 0;
  if (snd_nxt_ != snd_una_) {
    // Sent while there was room, and the window was closed upon it.
    ++tcp_->counters.window_probes;
    retransmit_bytes(snd_una_, 1);
    return;
  }
  const uint32_t usable = usable_window();
  if (usable > 0 && unsent > 0) {
    const uint32_t length = std::min<uint32_t>({usable, unsent, mss_});
    FlightRecord* record = record_for(snd_nxt_);
    if (!record) return;
    if (!send_data(snd_nxt_, length, false, active_->queue.unsent(), false, false)) {
      forget_record(record);
      return;
    }
    record->end += length;
    tcp_->counters.bytes_sent += length;
    snd_nxt_ += length;
    active_->snd_max = later(active_->snd_max, snd_nxt_);
    active_->queue.sent_until(snd_nxt_);
    return;
  }
  ++tcp_->counters.window_probes;
  const bool fin = unsent == 0;
  if (send_data(snd_nxt_, fin ? 0 : 1, fin, active_->queue.unsent(), false, false))
    active_->snd_max = snd_nxt_ + 1;
}

void Connection::send_reset() {
  switch (state_) {
    case State::kSynReceived:
    case State::kEstablished:
    case State::kFinWait1:
    case State::kFinWait2:
    case State::kCloseWait: {
      ++tcp_->counters.resets_sent;
      std::byte options[wire::kTcpOptionsLimitBytes];
      const uint32_t options_bytes = common_options(options, false);  // RFC 7323 section 3.2: SHOULD
      emit(kTcpRst | kTcpAck, snd_nxt_, nullptr, options, options_bytes, false);
      return;
    }
    default: return;  // the peer knows nothing of us, or has said its last word (RFC 9293 section 3.10.5)
  }
}

uint32_t Connection::common_options(std::byte* at, bool with_sack) {
  const bool report = active_->reassembly && sack_;
  if (with_sack && (report || user_timeout_due_)) {
    wire::TcpOptions options;
    options.has_timestamp = timestamps_;
    options.timestamp = timestamp_now();
    options.timestamp_echo = ts_recent_;
    if (user_timeout_due_) {
      user_timeout_due_ = false;
      say_user_timeout(options);
    }
    if (!report) return wire::emit_tcp_options(at, options);
    const bool duplicate = active_->reassembly->has_duplicate();
    active_->reassembly->report(options, timestamps_ ? 3 : 4);
    if (duplicate) ++tcp_->counters.duplicate_sacks_sent;
    if (active_->reassembly->empty()) {
      tcp_->reassemblies_.release(active_->reassembly->number);
      active_->reassembly = nullptr;
    }
    return wire::emit_tcp_options(at, options);
  }
  if (!timestamps_) return 0;
  wire::store_32(at, 0x0101080a);
  wire::store_32(at + 4, timestamp_now());
  wire::store_32(at + 8, ts_recent_);
  return 12;
}

bool Connection::refresh_path() {
  if (tcp_->stack_.path_is_current(path_)) return true;
  IpAddress local = flow_.local;
  if (tcp_->stack_.find_path(flow_.remote, local, path_) != Error::kNone) {
    ++tcp_->counters.no_path;
    return false;
  }
  update_mss();
  return true;
}

// Takes `packet`, the payload (nullptr: none). Whether a segment was handed to the layer below.
bool Connection::emit(uint8_t flags, Sequence sequence, Buffer* packet, const std::byte* options,
                      uint32_t options_bytes, bool markable) {
  if (!refresh_path()) {
    release(packet);
    return false;
  }
  if (!packet) {
    packet = tcp_->stack_.pool(path_).allocate();
    if (!packet) {
      ++tcp_->counters.no_buffer;
      return false;
    }
  }
  wire::TcpFields fields;
  fields.source_port = flow_.local_port;
  fields.destination_port = flow_.remote_port;
  fields.sequence = sequence;
  fields.flags = flags;
  if (flags & kTcpSyn) {
    fields.acknowledgement = flags & kTcpAck ? rcv_nxt_ : 0;
    // What agree() has promised, less what came with the peer's SYN.
    fields.window = static_cast<uint16_t>(
        flags & kTcpAck ? rcv_adv_ - rcv_nxt_
                        : std::min<uint32_t>(tcp_->limits_.receive_window_bytes, 65'535));
  } else {
    if (ecn_echo_ && !(flags & kTcpRst)) fields.flags |= wire::kTcpEce;
    fields.acknowledgement = rcv_nxt_;
    fields.window = static_cast<uint16_t>(choose_window());
    last_ack_sent_ = rcv_nxt_;
    ack_now_ = false;
    window_update_ = false;
    if (active_->ack_at) {
      active_->ack_at = 0;
      if (ack_by_timer_) ++tcp_->counters.delayed_acks;
    }
    ack_by_timer_ = false;
  }
  tcp_->transmit(path_, flow_, fields, options, options_bytes, packet, markable ? kEcnCapable : 0);
  return true;
}

}  // namespace sluice::tcp
