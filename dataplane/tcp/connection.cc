// SPDX-License-Identifier: Apache-2.0
// The connection as its user sees it, and its way through the states.
#include "dataplane/tcp/connection.hh"

#include <algorithm>

#include "dataplane/core/cycles.hh"
#include "dataplane/tcp/tcp.hh"

namespace sluice::tcp {

namespace {
// Small pieces are copied behind what waits to be sent rather than sent as a segment of their own.
constexpr uint32_t kCoalesceBytes = 512;
// Segments at the start of a connection that are acknowledged at once: the peer's slow start lives on them.
constexpr uint8_t kQuickAcks = 8;
}  // namespace

Connection::Connection(Tcp& tcp, uint32_t number, const Flow& flow, uint32_t hash, const ip::Path& path)
    : quick_acks_(kQuickAcks),
      timestamps_(false),
      sack_(false),
      window_scaling_(false),
      no_delay_(true),
      ack_now_(false),
      fin_queued_(false),
      fin_received_(false),
      dirty_(false),
      gone_(false),
      writable_wanted_(false),
      timing_(false),
      keep_alive_(false),
      ack_by_timer_(false),
      was_connecting_(false),
      window_update_(false),
      starved_(false),
      reset_pending_(false),
      tail_probed_(false),
      reordering_(false),
      paced_(false),
      ecn_(false),
      ecn_echo_(false),
      cwr_due_(false),
      user_timeout_due_(tcp.limits_.user_timeout_option),
      user_timeout_heard_(false),
      search_mtu_(false),
      fast_open_(false),
      syn_data_(false),
      number_(number),
      tcp_(&tcp),
      receive_limit_bytes_(tcp.limits_.receive_window_bytes),
      hash_(hash),
      flow_(flow),
      path_(path) {
  ++tcp.counters.connections[static_cast<unsigned>(State::kClosed)];
}

Connection::~Connection() {
  if (active_) {
    release_queues();
    tcp_->timers_.cancel(active_->timer);
    tcp_->activities_.release(active_->number);
  }
  if (fast_open_) end_fast_open();
  --tcp_->counters.connections[static_cast<unsigned>(state_)];
}

void Connection::set_state(State next) {
  SLUICE_ASSERT(legal_edge(state_, next));
  if (fast_open_) end_fast_open();
  auto& by_state = tcp_->counters.connections;
  --by_state[static_cast<unsigned>(state_)];
  ++by_state[static_cast<unsigned>(next)];
  state_ = next;
}

void Connection::open_active(uint32_t timeout_ms, const Sequence* least_iss) {
  active_->iss = tcp_->isn_.choose(flow_, tcp_->now_ns_);
  if (least_iss && before(active_->iss, *least_iss)) active_->iss = *least_iss;
  snd_una_ = active_->recover = active_->cwr_until = active_->iss;
  snd_nxt_ = active_->snd_max = active_->small_end = write_seq_ = active_->iss + 1;
  local_mss_ = std::min(local_mss_, tcp_->advertised_mss(flow_, path_));
  was_connecting_ = true;
  set_state(State::kSynSent);
  ++tcp_->counters.active_opens;
  timing_ = true;
  active_->rtt_seq = static_cast<uint32_t>(tcp_->now_us());
  if (timeout_ms) active_->idle_at = std::max(1u, tcp_->tick() + ticks_of_ms(timeout_ms));
  start_retransmit_timer();
  arm_timer();
  // The SYN leaves with the rest of the turn: connect() itself must not call back.
  mark_dirty();
}

void Connection::agree(const Agreement& agreement) {
  active_->iss = agreement.iss;
  peer_mss_ = std::max<uint16_t>(agreement.peer_mss_bytes, 64);
  timestamps_ = agreement.timestamps;
  sack_ = agreement.sack;
  window_scaling_ = agreement.window_scaling;
  send_scale_ = agreement.window_scaling ? std::min<uint8_t>(agreement.peer_window_scale, 14)
                                         : 0;  // RFC 7323 section 2.3
  receive_scale_ = agreement.window_scaling ? tcp_->receive_scale_ : 0;
  ts_recent_ = agreement.timestamp_recent;
  ts_recent_tick_ = tcp_->tick();
  rcv_nxt_ = last_ack_sent_ = agreement.irs + 1;
  const uint16_t advertised = tcp_->advertised_mss(flow_, path_);
  if (local_mss_ < advertised) {
    peer_mss_ = std::min(peer_mss_, local_mss_);  // a limit was asked for
  } else {
    local_mss_ = advertised;
  }
  receive_mss_ = std::min<uint16_t>(local_mss_, 536);
  update_mss();
  begin_mtu_search();
  ecn_ = agreement.ecn;
  active_->tune_seq = rcv_nxt_;
  // What our SYN, or the one that carries it, could say without scaling.
  rcv_adv_ = rcv_nxt_ + std::min<uint32_t>(tcp_->limits_.receive_window_bytes, 65'535);
}

void Connection::open_established(const Agreement& agreement, uint32_t window_bytes) {
  agree(agreement);
  snd_una_ = snd_nxt_ = active_->snd_max = active_->small_end = write_seq_ = active_->recover =
      active_->cwr_until = active_->rtt_seq = agreement.iss + 1;
  snd_wnd_ = max_snd_wnd_ = agreement.window_scaling ? window_bytes << send_scale_ : window_bytes;
  active_->snd_wl1 = agreement.irs + 1;
  active_->snd_wl2 = snd_una_;
  if (agreement.rtt_us) rtt_.sample(agreement.rtt_us);
  begin_congestion_control();
  set_state(State::kEstablished);
  arm_timer();
}

void Connection::update_mss() {
  // RFC 6691: what the peer said, what the path takes, less the options of every segment.
  const uint32_t headers = (flow_.remote.is_v4() ? 20 : 40) + wire::kTcpHeaderBytes;
  const uint32_t path_bytes = path_.mtu_bytes > headers + 88 ? path_.mtu_bytes - headers : 88;
  const uint32_t mss = std::min<uint32_t>(peer_mss_, path_bytes);
  mss_ = static_cast<uint16_t>(mss - (timestamps_ ? 12 : 0));
  const bool searched = search_mtu_;
  search_mtu_ = mss_ < full_mss() && tcp_->limits_.mtu_probing != MtuProbing::kOff;
  if (search_mtu_ && !searched) wait_for_mtu_search(kMtuRaiseMs);
}

// ---- the user's calls
// ----------------------------------------------------------------------------------------------

BufferPool& Connection::pool() { return tcp_->stack_.pool(path_); }

void Connection::mark_dirty() {
  if (!dirty_) tcp_->push_dirty(*this);
}

Error Connection::write(Buffer* chain) {
  const cycles::Scope stage(cycles::Stage::kTcp);
  if (fin_queued_ || !may_send_data() || reset_pending_) {
    release(chain);
    return fin_queued_ ? Error::kBrokenPipe : Error::kConnectionReset;
  }
  if (!active_ && !wake()) {
    release(chain);
    return Error::kNoBuffers;
  }
  while (chain) {
    Buffer* piece = chain;
    chain = piece->next_segment;
    piece->next_segment = nullptr;
    const uint32_t length = piece->length;
    if (length == 0) {
      release(piece);
      continue;
    }
    SendEntry* tail = active_->queue.tail();
    const bool tail_open = tail && at_or_after(tail->sequence, snd_nxt_) && tail->owned_alone();
    if (tail_open && tail->length > 0 && length <= kCoalesceBytes && length <= tail->buffer->tailroom()) {
      tail->buffer->append(piece->data, length);
      tail->length += length;
      release(piece);
    } else if (tail && tail->length == 0) {
      // Reserved and not used: its place is taken.
      release(tail->buffer);
      tail->buffer = piece;
      tail->payload = piece->data;
      tail->length = length;
      tail->sequence = write_seq_;
    } else {
      uint32_t number;
      SendEntry* entry = tcp_->send_entries_.allocate(number);
      if (!entry) {
        ++tcp_->counters.send_entries_limit;
        release(piece);
        release(chain);
        return Error::kNoBuffers;
      }
      *entry = {.buffer = piece,
                .payload = piece->data,
                .length = length,
                .sequence = write_seq_,
                .number = number};
      active_->queue.push(entry);
    }
    write_seq_ += length;
    queued_bytes_ += length;
  }
  if (queued_bytes_ >= send_high_mark_bytes_) writable_wanted_ = true;
  mark_dirty();
  return Error::kNone;
}

Buffer* Connection::reserve(uint32_t bytes) {
  const cycles::Scope stage(cycles::Stage::kTcp);
  SLUICE_ASSERT(bytes <= kReserveLimitBytes);
  if (fin_queued_ || !may_send_data() || reset_pending_) return nullptr;
  if (!active_ && !wake()) return nullptr;
  SendEntry* tail = active_->queue.tail();
  if (tail && at_or_after(tail->sequence, snd_nxt_) && tail->owned_alone() &&
      tail->buffer->tailroom() >= bytes)
    return tail->buffer;
  BufferPool& pool = tcp_->stack_.pool(path_);
  // The payload's room is made exactly one segment long, so that a full Buffer is sent as it is.
  // Before the peer has said how long that is, as long as we would have it.
  const uint32_t room = std::max<uint32_t>(state_ == State::kSynSent ? local_mss_ - 12u : mss_, bytes);
  const uint32_t storage = pool.storage_bytes();
  Buffer* buffer =
      pool.allocate(storage > room + kTransmitHeadroomBytes ? storage - room : kTransmitHeadroomBytes);
  if (!buffer) return nullptr;
  if (buffer->tailroom() < bytes) {
    release(buffer);
    return nullptr;
  }
  if (tail && tail->length == 0) {
    release(tail->buffer);
    tail->buffer = buffer;
    tail->payload = buffer->data;
    tail->sequence = write_seq_;
    return buffer;
  }
  uint32_t number;
  SendEntry* entry = tcp_->send_entries_.allocate(number);
  if (!entry) {
    ++tcp_->counters.send_entries_limit;
    release(buffer);
    return nullptr;
  }
  *entry = {.buffer = buffer, .payload = buffer->data, .length = 0, .sequence = write_seq_, .number = number};
  active_->queue.push(entry);
  return buffer;
}

void Connection::commit(uint32_t appended_bytes) {
  const cycles::Scope stage(cycles::Stage::kTcp);
  if (appended_bytes == 0 || state_ == State::kClosed) return;
  SendEntry* tail = active_->queue.tail();
  SLUICE_ASSERT(tail && tail->payload + tail->length + appended_bytes == tail->buffer->end());
  tail->length += appended_bytes;
  write_seq_ += appended_bytes;
  queued_bytes_ += appended_bytes;
  if (queued_bytes_ >= send_high_mark_bytes_) writable_wanted_ = true;
  mark_dirty();
}

void Connection::shutdown() {
  if (fin_queued_ || reset_pending_) return;
  if (state_ == State::kEstablished) wake(true);
  switch (state_) {
    case State::kEstablished:
      fin_queued_ = true;
      set_state(State::kFinWait1);
      break;
    case State::kCloseWait:
      fin_queued_ = true;
      set_state(State::kLastAck);
      break;
    case State::kSynSent:
    case State::kSynReceived:
      if (fast_open_ && state_ == State::kSynReceived) {
        // Answered, and to be ended, before the handshake is over: the end waits for that.
        fin_queued_ = true;
        break;
      }
      // RFC 9293 section 3.10.4: nothing was promised to anybody yet.
      abort();
      return;
    default: return;
  }
  mark_dirty();
}

void Connection::abort() {
  if (state_ == State::kClosed || reset_pending_) return;
  wake(true);
  // The reset leaves, and the user is told, at the end of the turn.
  reset_pending_ = true;
  mark_dirty();
}

void Connection::consumed(uint32_t count) {
  if (state_ == State::kClosed || !active_) return;
  count = std::min(count, active_->unconsumed);
  active_->unconsumed -= count;
  tcp_->held_bytes_ -= count;
  if (!receives_data()) return;
  tune_receive_window();
  // Worth telling when it opens by two segments or half of the buffer (RFC 9293 section 3.8.6.2.2).
  const uint32_t opens = rcv_nxt_ + receive_room() - rcv_adv_;
  const uint32_t worth = std::min<uint32_t>(2u * local_mss_, receive_limit() / 2);
  if (static_cast<int32_t>(opens) >= static_cast<int32_t>(worth) && !window_update_) {
    window_update_ = true;
    mark_dirty();
  }
}

void Connection::set_no_delay(bool enabled) {
  no_delay_ = enabled;
  if (enabled && state_ != State::kClosed && has_unsent()) mark_dirty();
}

void Connection::set_keep_alive(bool enabled, uint32_t idle_ms) {
  if (state_ == State::kClosed) return;
  keep_alive_ = enabled;
  if (!active_ && !enabled) return;
  wake(true);
  active_->keep_idle_ms = std::max(idle_ms, 1u);
  active_->probes = 0;
  if (state_ == State::kSynSent || state_ == State::kSynReceived) return;  // begins with the connection
  active_->idle_at =
      enabled ? std::max(1u, active_->last_receive_tick + ticks_of_ms(active_->keep_idle_ms)) : 0;
  arm_timer();
}

// ---- the end
// -------------------------------------------------------------------------------------------------------

void Connection::release_queues() {
  active_->queue.clear(tcp_->send_entries_);
  queued_bytes_ = 0;
  if (active_->reassembly) {
    tcp_->held_bytes_ -= active_->reassembly->bytes();
    tcp_->reassemblies_.release(active_->reassembly->number);
    active_->reassembly = nullptr;
  }
  active_->flight.clear(tcp_->flight_records_);
  release_recovery();
  if (active_->congestion) {
    tcp_->congestions_.release(active_->congestion->number);
    active_->congestion = nullptr;
  }
  tcp_->held_bytes_ -= active_->unconsumed;
  active_->unconsumed = 0;
}

void Connection::finish(Error error) {
  if (state_ == State::kClosed) return;
  tcp_->flows_.erase(hash_, {FlowReference::kConnection, number_});
  tcp_->timers_.cancel(active_->timer);
  release_queues();
  error_ = error;
  if (was_connecting_) ++tcp_->counters.connect_failed;
  if (error == Error::kNone) ++tcp_->counters.closed_in_order;
  set_state(State::kClosed);
  tcp_->push_closed(*this);
}

void Connection::enter_time_wait() {
  // Everything is known to have arrived, so the user is done; the record answers what is still under way.
  if (state_ == State::kClosed) return;
  TimeWait record;
  record.flow = flow_;
  record.send_next = snd_nxt_;
  record.receive_next = rcv_nxt_;
  record.timestamp_recent = ts_recent_;
  record.since_tick = tcp_->tick();
  record.window = static_cast<uint16_t>(std::min<uint32_t>((rcv_adv_ - rcv_nxt_) >> receive_scale_, 65'535));
  record.timestamps = timestamps_;
  record.live = true;
  send_ack_now();
  finish(Error::kNone);
  tcp_->enter_time_wait(hash_, record);
}

}  // namespace sluice::tcp
