// SPDX-License-Identifier: Apache-2.0
// Data in the first segment (RFC 7413 section 4.2), from either side.
#include "dataplane/tcp/fast_open.hh"

#include <algorithm>

#include "dataplane/tcp/tcp.hh"

namespace sluice::tcp {

namespace {
constexpr uint32_t kHandshakeMs = 63'000;  // as long as a half-open record lives
}  // namespace

// ---- we are the server
// --------------------------------------------------------------------------------------------------

// A SYN with a valid cookie: a connection at once, which may answer before the handshake is done. `packet` is the caller's;
// its data is at the TCP header. False: it is an ordinary SYN.
bool Tcp::accept_fast_open(ListeningEndpoint& listener, const Flow& flow, uint32_t hash,
                           const wire::TcpView& view, const wire::TcpOptions& options,
                           const Agreement& agreement, Buffer* packet, uint32_t packet_bytes) {
  if (!listener.fast_open || (limits_.fast_open_cookies && !fast_open_cookies_.valid(flow, options)))
    return false;
  // Section 5.1: a limit, beyond which everybody shakes hands first.
  if (fast_open_pending_ >= limits_.fast_open_pending) {
    ++counters.fast_open_limit;
    return false;
  }
  Connection* connection = accept(listener, flow, hash, agreement, view.window(), {});
  if (!connection) return false;
  ++counters.fast_opens_accepted;
  connection->begin_fast_open(view.window());
  listener.user->on_accepted(*connection);
  if (!connection->user_) {
    connection->abort();
    return true;
  }
  const uint32_t length = packet_bytes - view.header_bytes();
  connection->receive_fast_open(packet, view.header_bytes(), length);
  return true;
}

// Just opened as if the handshake were over; what is left of it is that our SYN is not acknowledged.
void Connection::begin_fast_open(uint32_t window_bytes) {
  // Never scaled in a SYN.
  snd_wnd_ = max_snd_wnd_ = window_bytes;
  fast_open_ = true;
  ++tcp_->fast_open_pending_;
  --tcp_->counters.connections[static_cast<unsigned>(state_)];
  ++tcp_->counters.connections[static_cast<unsigned>(State::kSynReceived)];
  state_ = State::kSynReceived;
}

void Connection::receive_fast_open(const Buffer* packet, uint32_t header_bytes, uint32_t length) {
  length = std::min(length, rcv_adv_ - rcv_nxt_);
  Buffer* chain = nullptr;
  if (length > 0) {
    // The packet stays its owner's: the data goes up as a copy.
    chain = pool().allocate();
    if (chain && chain->tailroom() >= length && !packet->next_segment) {
      chain->append(packet->data + header_bytes, length);
      rcv_nxt_ += length;
      syn_data_ = true;
    } else {
      release(chain);
      chain = nullptr;
    }
  }
  send_syn();
  start_retransmit_timer();
  active_->idle_at = std::max(1u, tcp_->tick() + ticks_of_ms(kHandshakeMs));
  arm_timer();
  if (!chain) return;
  tcp_->counters.bytes_received += length;
  active_->unconsumed += length;
  tcp_->held_bytes_ += length;
  user_->on_data(*this, chain);
}

// The handshake is over, one way or the other.
void Connection::end_fast_open() {
  if (!fast_open_ || state_ != State::kSynReceived) return;
  --tcp_->fast_open_pending_;
}

// ---- we are the client
// --------------------------------------------------------------------------------------------------

// What of the queue goes with the first SYN, and the option. nullptr: nothing; the option may still ask for a cookie.
Buffer* Connection::fast_open_data(wire::TcpOptions& options, uint32_t& length) {
  length = 0;
  if (!fast_open_ || active_->backoff > 0)
    return nullptr;  // section 4.1.3.1: a repeated SYN is an ordinary one
  const FastOpenCache::Entry* entry = tcp_->fast_open_cache_.find(flow_.remote);
  if (tcp_->limits_.fast_open_cookies) {
    options.has_fast_open = true;
    if (!entry) return nullptr;
    options.fast_open_experimental = entry->experimental;
    options.cookie_bytes = entry->cookie_bytes;
    options.cookie = entry->cookie;
  }
  const SendEntry* first = active_->queue.head();
  const auto room = tcp_->fast_open_room(flow_.remote);
  if (!room || !first || first->length == 0) return nullptr;
  length = std::min<uint32_t>({write_seq_ - snd_nxt_, *room, local_mss_ - wire::kTcpOptionsLimitBytes});
  Buffer* packet = pool().allocate();
  if (!packet) {
    length = 0;
    return nullptr;
  }
  length = std::min(length, packet->tailroom());
  SendQueue::copy(first, snd_nxt_, length, packet->append(length));
  // Counts as sent only when it is acknowledged: otherwise it follows as ordinary data (section 4.2.2).
  active_->snd_max = snd_nxt_ + length;
  ++tcp_->counters.fast_opens_sent;
  return packet;
}

// The payload of a segment as the server has announced it, less the options that a SYN may need (section 4.1.3.1).
std::optional<uint32_t> Tcp::fast_open_room(const IpAddress& remote) const {
  const FastOpenCache::Entry* entry = fast_open_cache_.find(remote);
  if (limits_.fast_open_cookies && (!entry || entry->cookie_bytes == 0)) return std::nullopt;
  const uint32_t headers = (remote.is_v4() ? 20 : 40) + wire::kTcpHeaderBytes;
  uint32_t most = entry && entry->mss_bytes   ? entry->mss_bytes
                  : limits_.fast_open_cookies ? 536
                                              : 1500 - headers;
  ip::Path path;
  IpAddress local;
  if (stack_.find_path(remote, local, path) == Error::kNone &&
      path.mtu_bytes > headers + wire::kTcpOptionsLimitBytes)
    most = std::min<uint32_t>(most, path.mtu_bytes - headers);
  return most > wire::kTcpOptionsLimitBytes ? most - wire::kTcpOptionsLimitBytes : 0;
}

// The answer to our SYN acknowledges up to `ack`.
void Connection::fast_open_answered(Sequence ack, const wire::TcpOptions& options) {
  if (!fast_open_) return;
  const bool asked = tcp_->limits_.fast_open_cookies && active_->backoff == 0;
  wire::TcpOptions answer = options;
  if (!tcp_->limits_.fast_open_cookies) answer.has_fast_open = false;  // nobody has asked for it
  tcp_->fast_open_cache_.store(flow_.remote, answer, asked);
  const uint32_t taken = ack - snd_nxt_;
  if (taken == 0 && active_->snd_max != snd_nxt_) {
    ++tcp_->counters.fast_opens_refused;
    if (!options.has_fast_open && active_->backoff == 0) tcp_->fast_open_cache_.forget(flow_.remote);
  }
  take_syn_data(ack);
}

// What of the data in our SYN lies before `ack` was sent after all, and has arrived.
void Connection::take_syn_data(Sequence ack) {
  const uint32_t taken = ack - snd_nxt_;
  if (taken > 0) {
    syn_data_ = true;
    tcp_->counters.bytes_sent += taken;
    queued_bytes_ -= taken;
    snd_nxt_ = ack;
    active_->queue.sent_until(ack);
    active_->queue.acknowledge(ack, tcp_->send_entries_);
  }
}

}  // namespace sluice::tcp
