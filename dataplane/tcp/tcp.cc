// SPDX-License-Identifier: Apache-2.0
// Where segments find what they belong to, and the steps of a turn.
#include "dataplane/tcp/tcp.hh"

#include <algorithm>
#include <utility>

#include "dataplane/core/cycles.hh"
#include "dataplane/wire/checksum.hh"

namespace sluice::tcp {

using wire::kTcpAck;
using wire::kTcpRst;
using wire::kTcpSyn;

Tcp::Tcp(TimerWheel& timers, Clock& clock, Entropy& entropy, ip::Stack& stack, const Limits& limits)
    : timers_(timers),
      stack_(stack),
      limits_(limits),
      now_ns_(clock.monotonic_ns()),
      now_us_(now_ns_ / 1000),
      flow_key_(HashKey::from(entropy)),
      isn_(entropy),
      cookies_(entropy),
      fast_open_cookies_(entropy),
      fast_open_cache_(entropy),
      ports_(entropy, limits.ephemeral_first, limits.ephemeral_last),
      flows_(static_cast<uint32_t>(std::min<uint64_t>(
          uint64_t{limits.connections} + limits.half_open + limits.time_wait, (1u << 30) - 2))),
      connections_(limits.connections),
      activities_(limits.connections),
      half_open_(limits.half_open),
      reassemblies_(limits.connections),
      recoveries_(limits.connections),
      congestions_(limits.connections),
      flight_records_(limits.flight_records),
      send_entries_(limits.send_entries),
      time_wait_(limits.time_wait) {
  while (receive_scale_ < 14 && (65'535u << receive_scale_) <
                                    std::max(limits.receive_window_bytes, limits.receive_window_limit_bytes))
    ++receive_scale_;
  time_wait_timer_.fire = &Tcp::on_time_wait_timer;
  time_wait_timer_.tcp = this;
  stack_.set_protocol(ip::kProtocolTcp, this);
}

Tcp::~Tcp() {
  stack_.set_protocol(ip::kProtocolTcp, nullptr);
  timers_.cancel(time_wait_timer_);
  for (uint32_t i = 0; i < half_open_.end(); ++i)
    if (half_open_.live(i)) timers_.cancel(half_open_[i].timer);
  for (uint32_t i = 0; i < connections_.end(); ++i)
    if (connections_.live(i)) connections_.release(i);
}

uint32_t Tcp::open_streams() const {
  const auto& by_state = counters.connections;
  uint32_t count = 0;
  for (unsigned i = static_cast<unsigned>(State::kEstablished); i < kStates; ++i) count += by_state[i];
  return count;
}

size_t Tcp::memory_bytes() const {
  return flows_.memory_bytes() + connections_.memory_bytes() + activities_.memory_bytes() +
         half_open_.memory_bytes() + send_entries_.memory_bytes() + reassemblies_.memory_bytes() +
         recoveries_.memory_bytes() + congestions_.memory_bytes() + flight_records_.memory_bytes() +
         time_wait_.memory_bytes();
}

// ---- connections
// ---------------------------------------------------------------------------------------------------

FlowReference Tcp::find_flow(const Flow& flow, uint32_t hash) {
  return flows_.find(hash, [&](FlowReference reference) {
    switch (reference.kind()) {
      case FlowReference::kConnection: return connections_.known(reference.number()).flow_ == flow;
      case FlowReference::kHalfOpen: return half_open_[reference.number()].flow == flow;
      case FlowReference::kTimeWait: return time_wait_[reference.number()].flow == flow;
      default: return false;
    }
  });
}

Connection* Tcp::find_connection(const Flow& flow) {
  const FlowReference reference = find_flow(flow, hash_of(flow));
  return reference.kind() == FlowReference::kConnection ? &connections_.known(reference.number()) : nullptr;
}

Connection* Tcp::new_connection(const Flow& flow, uint32_t hash, const ip::Path& path) {
  uint32_t number;
  Connection* connection = connections_.allocate(number, *this, number, flow, hash, path);
  if (!connection || connection->wake()) return connection;
  connections_.release(number);
  return nullptr;
}

void Tcp::push_dirty(Connection& connection) {
  connection.dirty_ = true;
  Activity& activity = *connection.active_;
  activity.next_dirty = nullptr;
  (dirty_tail_ ? dirty_tail_->next_dirty : dirty_head_) = &activity;
  dirty_tail_ = &activity;
}

void Tcp::push_closed(Connection& connection) {
  Activity& activity = *connection.active_;
  activity.next_closed = nullptr;
  (closed_tail_ ? closed_tail_->next_closed : closed_head_) = &activity;
  closed_tail_ = &activity;
}

bool Tcp::report_closed_now() {
  bool any = false;
  while (closed_head_) {
    Connection* const connection = closed_head_->owner;
    closed_head_ = closed_head_->next_closed;
    if (!closed_head_) closed_tail_ = nullptr;
    any = true;
    if (transport::StreamUser* user = connection->user_) {
      connection->user_ = nullptr;
      user->on_closed(*connection, connection->error_);
    }
    // Still in the list of those that want to send: it goes when it is taken out of there.
    if (connection->dirty_) {
      connection->gone_ = true;
    } else {
      connections_.release(connection->number_);
    }
  }
  return any;
}

void Tcp::flush_now() {
  const cycles::Scope stage(cycles::Stage::kTcp);
  for (unsigned round = 0; round < kFlushRounds && (dirty_head_ || closed_head_); ++round) {
    report_closed();
    Activity* next = std::exchange(dirty_head_, nullptr);
    dirty_tail_ = nullptr;
    while (next) {
      Connection* const at = next->owner;
      next = next->next_dirty;
      at->dirty_ = false;
      if (at->state_ != State::kClosed) {
        at->output();
      } else if (at->gone_) {
        connections_.release(at->number_);
      }
    }
    // What has more to send than its share waits for the next turn; only what callbacks began goes on in this
    // one.
    if (!closed_head_) break;
  }
}

// `pieces`: what a port makes of it.
void Tcp::segment_was_sent(uint32_t pieces) {
  ++counters.segments_sent;
  unsent_segments_ += pieces;
  if (unsent_segments_ >= kSegmentsPerTransmit) {
    unsent_segments_ = 0;
    stack_.transmit(now_ns_);
  }
}

// ---- receiving
// -----------------------------------------------------------------------------------------------------

void Tcp::receive(const ip::ReceivedPacket& about, Buffer* packet) {
  ++counters.segments_received;
  const auto view = wire::TcpView::parse(packet->bytes());
  if (!view || view->source_port() == 0 || view->destination_port() == 0) {
    ++counters.malformed;
    release(packet);
    return;
  }
  const uint32_t packet_bytes = packet->next_segment ? packet->chain_length() : packet->length;
  if (!about.l4_checksum_verified) {
    const auto sum = wire::pseudo_header_sum(about.source, about.destination, ip::kProtocolTcp, packet_bytes);
    if (wire::checksum_finish(wire::checksum_add_chain(sum, packet, packet_bytes)) != 0) {
      ++counters.bad_checksum;
      release(packet);
      return;
    }
  }
  const Flow flow{about.destination, about.source, view->destination_port(), view->source_port()};
  if ((!runs_.empty() || (about.more_follow && packet_bytes > SegmentRuns::kLeastBytes)) &&
      merge(about, flow, *view, packet, packet_bytes))
    return;
  dispatch(about, flow, hash_of(flow), *view, packet, packet_bytes);
}

void Tcp::dispatch(const ip::ReceivedPacket& about, const Flow& flow, uint32_t hash,
                   const wire::TcpView& view, Buffer* packet, uint32_t packet_bytes) {
  const FlowReference found = find_flow(flow, hash);
  if (found.kind() == FlowReference::kConnection) {
    connections_.known(found.number()).receive(view, packet, packet_bytes, (about.traffic_class & 3) == 3);
    return;
  }
  const uint32_t payload_bytes = packet_bytes - view.header_bytes();
  if (found.kind() == FlowReference::kHalfOpen) {
    if (!receive_half_open(half_open_[found.number()], view, packet, packet_bytes)) release(packet);
    return;
  }
  Sequence least_iss = 0;
  if (found.kind() == FlowReference::kTimeWait) {
    if (!receive_time_wait(found.number(), hash, view, payload_bytes, least_iss)) {
      release(packet);
      return;
    }
    if (ListeningEndpoint* listener = listeners_.find(flow.local, flow.local_port))
      receive_syn(*listener, flow, hash, view, least_iss, packet, packet_bytes);
    release(packet);
    return;
  }
  receive_without_flow(about, flow, hash, view, packet, packet_bytes);
}

// RFC 9293 sections 3.10.7.1 and 3.10.7.2.
void Tcp::receive_without_flow(const ip::ReceivedPacket& about, const Flow& flow, uint32_t hash,
                               const wire::TcpView& view, Buffer* packet, uint32_t packet_bytes) {
  const uint32_t payload_bytes = packet_bytes - view.header_bytes();
  const uint8_t flags = view.flags();
  // To a broadcast or multicast address nobody connects (RFC 9293 section 3.9.2.3); SYN with FIN is nobody's
  // handshake.
  if (!stack_.is_local(about.destination) ||
      (flags & (kTcpSyn | wire::kTcpFin)) == (kTcpSyn | wire::kTcpFin)) {
    ++(flags & kTcpSyn && flags & wire::kTcpFin ? counters.malformed : counters.not_unicast);
    release(packet);
    return;
  }
  ListeningEndpoint* listener = listeners_.find(flow.local, flow.local_port);
  if (listener && !(flags & kTcpRst)) {
    if (flags & kTcpAck) {
      if (!(flags & kTcpSyn) && receive_cookie(*listener, flow, hash, view, packet, packet_bytes)) return;
    } else if (flags & kTcpSyn) {
      receive_syn(*listener, flow, hash, view, 0, packet, packet_bytes);
      release(packet);
      return;
    } else {
      ++counters.no_ack;
      release(packet);
      return;
    }
  }
  if (stack_.pass_on(about, packet)) return;
  if (listener == nullptr && stack_.give_to_kernel(about, packet)) return;
  ++counters.no_connection;
  reset_segment(flow, view, payload_bytes);
  release(packet);
}

void Tcp::icmp_error(const ip::IcmpError& about) {
  if (about.l4.size() < 8) {
    ++counters.icmp_ignored;
    return;
  }
  Flow flow{about.local, about.remote, wire::load_16(about.l4.data()), wire::load_16(about.l4.data() + 2)};
  const FlowReference found = find_flow(flow, hash_of(flow));
  if (found.kind() == FlowReference::kConnection) {
    connections_[found.number()].icmp_error(about);
  } else {
    // Half-open records expire by themselves; a forged error must not hurry them.
    ++counters.icmp_ignored;
  }
}

// What was chosen, with the defaults filled in.
ConnectionChoice Tcp::choice(transport::Congestion congestion, bool paced, uint32_t user_timeout_ms) const {
  ConnectionChoice chosen;
  switch (congestion) {
    case transport::Congestion::kDefault: chosen.control = congestion_control; break;
    case transport::Congestion::kReno: chosen.control = CongestionControl::kReno; break;
    case transport::Congestion::kCubic: chosen.control = CongestionControl::kCubic; break;
    case transport::Congestion::kBbr: chosen.control = CongestionControl::kBbr; break;
  }
  chosen.paced = paced || pacing;
  chosen.user_timeout_ms = user_timeout_ms;
  return chosen;
}

// ---- connecting
// ----------------------------------------------------------------------------------------------------

transport::Result<transport::Stream*> Tcp::connect(const transport::ConnectOptions& options,
                                                   transport::StreamUser& user) {
  const auto fail = [&](Error error, const char* why) {
    ++counters.connect_failed;
    return transport::Result<transport::Stream*>{nullptr, error, options.remote.to_string() + ": " + why};
  };
  if (options.remote.port == 0 || options.remote.address.is_any())
    return fail(Error::kInvalid, "not an address to connect to");
  if (connections_full()) {
    ++counters.connections_limit;
    return fail(Error::kTooManyFiles, "the limit of connections is reached");
  }
  Flow flow;
  flow.local = options.local_address;
  flow.remote = options.remote.address;
  flow.remote_port = options.remote.port;
  ip::Path path;
  const Error error = stack_.find_path(flow.remote, flow.local, path);
  if (error == Error::kAddressNotAvailable) return fail(error, "the local address is not one of this host");
  if (error != Error::kNone) return fail(error, "no route to it");
  uint32_t hash = 0;
  FlowReference occupied;
  const bool found = ports_.choose(flow, [&](const Flow& candidate) {
    if (listeners_.uses_port(candidate.local_port)) return false;
    if (!stack_.flow_is_local(path, {candidate.local, candidate.local_port}, options.remote)) return false;
    hash = hash_of(candidate);
    occupied = find_flow(candidate, hash);
    if (!occupied) return true;
    if (occupied.kind() != FlowReference::kTimeWait) return false;
    // RFC 6191 section 2, from this side: timestamps tell the incarnations apart when their clock has moved
    // on.
    const TimeWait& old = time_wait_[occupied.number()];
    return old.timestamps && tick() - old.since_tick > ticks_of_ms(limits_.time_wait_reuse_ms);
  });
  if (!found) {
    ++counters.ports_exhausted;
    return fail(Error::kAddressNotAvailable, "no local port is free for it");
  }
  Sequence least_iss = 0;
  if (occupied) {
    least_iss = time_wait_[occupied.number()].send_next + 1;
    ++counters.time_wait_reused;
    forget_time_wait(occupied.number(), hash);
  }
  Connection* connection = new_connection(flow, hash, path);
  if (!connection) return fail(Error::kTooManyFiles, "the limit of connections that do something is reached");
  flows_.insert(hash, {FlowReference::kConnection, connection->number_});
  connection->user_ = &user;
  connection->no_delay_ = options.no_delay;
  connection->choose(choice(options.congestion, options.paced, options.user_timeout_ms));
  connection->fast_open_ = options.fast_open;
  if (options.mss_limit_bytes)
    connection->local_mss_ = std::max<uint16_t>(options.mss_limit_bytes, kLeastMssBytes);
  connection->open_active(options.timeout_ms, occupied ? &least_iss : nullptr);
  return {connection, Error::kNone, {}};
}

}  // namespace sluice::tcp
