// SPDX-License-Identifier: Apache-2.0
// Passive opens: SYNs, half-open records, cookies, and the step to a connection.
#include "dataplane/tcp/listener.hh"

#include <algorithm>
#include <cstddef>

#include "dataplane/tcp/tcp.hh"

namespace sluice::tcp {

using wire::kTcpAck;
using wire::kTcpRst;
using wire::kTcpSyn;

// What the user of listen() holds.
class TcpListener final : public transport::Listener {
 public:
  explicit TcpListener(Tcp& tcp) : tcp_(tcp) {}
  ~TcpListener() override { tcp_.close_listener(endpoint); }
  Endpoint local() const override { return endpoint.local; }
  void set_accepting(bool accepting) override { endpoint.accepting = accepting; }

  ListeningEndpoint endpoint;

 private:
  Tcp& tcp_;
};

transport::Result<std::unique_ptr<transport::Listener>> Tcp::listen(const transport::ListenOptions& options,
                                                                    transport::ListenerUser& user) {
  Endpoint local = options.local;
  if (!local.address.is_any() && !stack_.is_local(local.address))
    return {nullptr, Error::kAddressNotAvailable, local.to_string() + ": not an address of this host"};
  if (local.port == 0) {
    Flow flow;
    flow.local = local.address;
    if (!ports_.choose(flow,
                       [&](const Flow& candidate) { return !listeners_.uses_port(candidate.local_port); }))
      return {nullptr, Error::kAddressInUse, "no port is free"};
    local.port = flow.local_port;
  }
  if (listeners_.taken(local, options.ipv6_only))
    return {nullptr, Error::kAddressInUse, local.to_string() + ": somebody listens there already"};
  auto listener = std::make_unique<TcpListener>(*this);
  listener->endpoint.local = local;
  listener->endpoint.user = &user;
  listener->endpoint.backlog = std::max(options.backlog, 1u);
  listener->endpoint.no_delay = options.no_delay;
  listener->endpoint.ipv6_only = options.ipv6_only;
  listener->endpoint.congestion = options.congestion;
  listener->endpoint.paced = options.paced;
  listener->endpoint.fast_open = options.fast_open;
  listener->endpoint.user_timeout_ms = options.user_timeout_ms;
  if (options.mss_limit_bytes)
    listener->endpoint.mss_limit_bytes = std::max<uint16_t>(options.mss_limit_bytes, kLeastMssBytes);
  listeners_.add(&listener->endpoint);
  return {std::move(listener), Error::kNone, {}};
}

void Tcp::close_listener(ListeningEndpoint& listener) {
  if (listener.local.port == 0) return;
  for (uint32_t i = 0; i < half_open_.end() && listener.half_open > 0; ++i)
    if (half_open_.live(i) && half_open_[i].listener == &listener) drop_half_open(half_open_[i]);
  listeners_.remove(&listener);
}

uint16_t Tcp::advertised_mss(const Flow& flow, const ip::Path& path) const {
  const uint32_t headers = (flow.remote.is_v4() ? 20 : 40) + wire::kTcpHeaderBytes;
  return static_cast<uint16_t>(path.mtu_bytes > headers + 536 ? path.mtu_bytes - headers : 536);
}

// RFC 9293 section 3.10.7.2. `least_iss`, when not 0: our number must not lie before it.
void Tcp::receive_syn(ListeningEndpoint& listener, const Flow& flow, uint32_t hash, const wire::TcpView& view,
                      Sequence least_iss, Buffer* packet, uint32_t packet_bytes) {
  ++counters.syn_received;
  if (!listener.accepting) {
    ++counters.not_accepting;
    return;
  }
  if (connections_full()) {
    ++counters.connections_limit;
    return;
  }
  ip::Path path;
  IpAddress local = flow.local;
  if (stack_.find_path(flow.remote, local, path) != Error::kNone) {
    ++counters.no_path;
    return;
  }
  wire::TcpOptions options;
  if (!wire::parse_tcp_options(view.options(), options)) ++counters.malformed;
  if (!limits_.timestamps) options.has_timestamp = false;
  const uint16_t peer_mss = options.mss ? options.mss : 536;
  // RFC 3168 section 6.1.1. An offer of accurate ECN (RFC 9768 section 3.1.2) has the same two flags, and is answered in
  // the same way: the peer falls back.
  constexpr uint8_t kOffer = wire::kTcpEce | wire::kTcpCwr;
  const bool ecn = limits_.ecn_accept && (view.flags() & kOffer) == kOffer;
  if (listener.fast_open && (options.has_fast_open || !limits_.fast_open_cookies)) {
    Agreement agreement;
    agreement.irs = view.sequence();
    agreement.iss = isn_.choose(flow, now_ns_);
    if (least_iss && before(agreement.iss, least_iss)) agreement.iss = least_iss;
    agreement.peer_mss_bytes = peer_mss;
    agreement.timestamps = options.has_timestamp;
    agreement.timestamp_recent = options.timestamp;
    agreement.sack = options.sack_permitted;
    agreement.window_scaling = options.has_window_scale;
    agreement.peer_window_scale = std::min<uint8_t>(options.window_scale, 14);
    agreement.ecn = ecn;
    if (accept_fast_open(listener, flow, hash, view, options, agreement, packet, packet_bytes)) return;
  }
  HalfOpen* half = nullptr;
  uint32_t number = 0;
  if (listener.half_open >= listener.backlog) {
    ++counters.backlog_full;
  } else if (!(half = half_open_.allocate(number))) {
    ++counters.half_open_limit;
  } else if (!flows_.insert(hash, {FlowReference::kHalfOpen, number})) {
    half_open_.release(number);
    half = nullptr;
    ++counters.half_open_limit;
  }
  if (!half) {
    // Nothing is stored: all that is needed comes back with the client's acknowledgement.
    ++counters.cookies_sent;
    listener.last_cookie_ns = now_ns_;
    Reply reply;
    reply.flow = flow;
    reply.flags = kTcpSyn | kTcpAck;
    reply.sequence = cookies_.make(flow, view.sequence(), peer_mss, now_ns_);
    reply.acknowledgement = view.sequence() + 1;
    reply.window = static_cast<uint16_t>(std::min<uint32_t>(limits_.receive_window_bytes, 65'535));
    reply.options.mss = std::min(advertised_mss(flow, path), listener.mss_limit_bytes);
    if (options.has_timestamp) {
      reply.options.has_timestamp = true;
      reply.options.timestamp = SynCookies::encode(tick() + isn_.timestamp_offset(flow),
                                                   {options.sack_permitted, options.has_window_scale,
                                                    std::min<uint8_t>(options.window_scale, 14), ecn});
      if (ecn) reply.flags |= wire::kTcpEce;
      reply.options.timestamp_echo = options.timestamp;
      reply.options.sack_permitted = options.sack_permitted;
      reply.options.has_window_scale = options.has_window_scale;
      reply.options.window_scale = receive_scale_;
    }
    send_reply(reply, path);
    return;
  }
  half->timer.fire = &Tcp::on_half_open_timer;
  half->tcp = this;
  half->listener = &listener;
  half->flow = flow;
  half->hash = hash;
  half->number = number;
  half->irs = view.sequence();
  const InitialSequence::Secret secret = isn_.secret(flow);
  half->iss = isn_.choose(secret, now_ns_);
  half->timestamp_offset = secret.clock;
  if (least_iss && before(half->iss, least_iss)) half->iss = least_iss;
  half->timestamps = options.has_timestamp;
  half->timestamp_recent = options.timestamp;
  half->sack = options.sack_permitted;
  half->ecn = ecn;
  // Section 4.2.1: a cookie for who asks for one, or has an old one.
  half->cookie_wanted = listener.fast_open && options.has_fast_open && limits_.fast_open_cookies;
  half->cookie_experimental = options.fast_open_experimental;
  half->window_scaling = options.has_window_scale;
  half->peer_window_scale = std::min<uint8_t>(options.window_scale, 14);
  half->peer_mss_bytes = peer_mss;
  half->sent_us = static_cast<uint32_t>(now_us());
  ++listener.half_open;
  ++counters.passive_opens;
  send_syn_ack(*half, path);
  timers_.arm(half->timer, now_ns_ + uint64_t{kInitialRtoUs} * 1000);
}

void Tcp::send_syn_ack(const HalfOpen& half) {
  ip::Path path;
  IpAddress local = half.flow.local;
  if (stack_.find_path(half.flow.remote, local, path) != Error::kNone) {
    ++counters.no_path;
    return;
  }
  send_syn_ack(half, path);
}

void Tcp::send_syn_ack(const HalfOpen& half, const ip::Path& path) {
  Reply reply;
  reply.flow = half.flow;
  reply.flags = kTcpSyn | kTcpAck;
  if (half.ecn) reply.flags |= wire::kTcpEce;
  reply.sequence = half.iss;
  reply.acknowledgement = half.irs + 1;
  reply.window = static_cast<uint16_t>(std::min<uint32_t>(limits_.receive_window_bytes, 65'535));
  reply.options.mss = std::min(advertised_mss(half.flow, path), half.listener->mss_limit_bytes);
  reply.options.has_timestamp = half.timestamps;
  reply.options.timestamp = tick() + half.timestamp_offset;
  reply.options.timestamp_echo = half.timestamp_recent;
  reply.options.sack_permitted = half.sack;
  reply.options.has_window_scale = half.window_scaling;
  reply.options.window_scale = receive_scale_;
  if (half.cookie_wanted) {
    fast_open_cookies_.grant(half.flow, reply.options);
    reply.options.fast_open_experimental = half.cookie_experimental;
  }
  send_reply(reply, path);
}

void Tcp::drop_half_open(HalfOpen& half) {
  timers_.cancel(half.timer);
  --half.listener->half_open;
  flows_.erase(half.hash, {FlowReference::kHalfOpen, half.number});
  half_open_.release(half.number);
}

void Tcp::on_half_open_timer(Timer& timer, uint64_t now_ns) {
  // The timer is the first member.
  static_assert(offsetof(HalfOpen, timer) == 0);
  HalfOpen& half = reinterpret_cast<HalfOpen&>(timer);
  Tcp& tcp = *half.tcp;
  tcp.set_now(now_ns);
  if (half.retries >= tcp.limits_.syn_ack_retries) {
    ++tcp.counters.half_open_expired;
    tcp.drop_half_open(half);
    return;
  }
  ++half.retries;
  ++tcp.counters.syn_ack_retransmitted;
  half.sent_us = 0;
  tcp.send_syn_ack(half);
  tcp.timers_.arm(half.timer, now_ns + (uint64_t{kInitialRtoUs} * 1000 << half.retries));
}

Connection* Tcp::accept(ListeningEndpoint& listener, const Flow& flow, uint32_t hash,
                        const Agreement& agreement, uint32_t window_bytes, FlowReference replaces) {
  ip::Path path;
  IpAddress local = flow.local;
  if (stack_.find_path(flow.remote, local, path) != Error::kNone) {
    ++counters.no_path;
    return nullptr;
  }
  Connection* connection = new_connection(flow, hash, path);
  if (!connection) {
    ++counters.connections_limit;
    return nullptr;
  }
  const FlowReference reference(FlowReference::kConnection, connection->number_);
  if (replaces) {
    flows_.replace(hash, replaces, reference);
  } else if (!flows_.insert(hash, reference)) {
    ++counters.connections_limit;
    connections_.release(connection->number_);
    return nullptr;
  }
  connection->no_delay_ = listener.no_delay;
  connection->local_mss_ = listener.mss_limit_bytes;
  connection->choose(choice(listener.congestion, listener.paced, listener.user_timeout_ms));
  connection->open_established(agreement, window_bytes);
  ++counters.accepted;
  return connection;
}

// SYN-RECEIVED (section 3.10.7.4), with what applies to a connection that has carried nothing yet.
bool Tcp::receive_half_open(HalfOpen& half, const wire::TcpView& view, Buffer* packet,
                            uint32_t packet_bytes) {
  const uint8_t flags = view.flags();
  const Sequence expected = half.irs + 1;
  const uint32_t window = std::min<uint32_t>(limits_.receive_window_bytes, 65'535);
  wire::TcpOptions options;
  if (!wire::parse_tcp_options(view.options(), options)) ++counters.malformed;
  if (flags & kTcpRst) {
    if (view.sequence() == expected) {
      ++counters.half_open_reset;
      ++counters.resets_received;
      drop_half_open(half);
    } else {
      ++counters.reset_out_of_window;
    }
    return false;
  }
  if ((flags & kTcpSyn) && !(flags & kTcpAck) && view.sequence() == half.irs) {
    // Our SYN was lost, or theirs came twice.
    ++counters.syn_ack_retransmitted;
    half.sent_us = 0;
    send_syn_ack(half);
    return false;
  }
  const bool old_stamp =
      half.timestamps && options.has_timestamp && before(options.timestamp, half.timestamp_recent);
  if (old_stamp || view.sequence() - expected >= window || (flags & kTcpSyn)) {
    ++(old_stamp ? counters.paws_rejected : counters.out_of_window);
    // Where we are: <SEQ=SND.NXT><ACK=RCV.NXT>.
    Reply reply;
    reply.flow = half.flow;
    reply.flags = kTcpAck;
    reply.sequence = half.iss + 1;
    reply.acknowledgement = expected;
    reply.window = static_cast<uint16_t>(window);
    reply.options.has_timestamp = half.timestamps;
    reply.options.timestamp = tick() + half.timestamp_offset;
    reply.options.timestamp_echo = half.timestamp_recent;
    ++counters.challenge_acks;
    send_reply(reply);
    return false;
  }
  if (!(flags & kTcpAck)) {
    ++counters.no_ack;
    return false;
  }
  if (view.acknowledgement() != half.iss + 1) {
    ++counters.bad_ack;
    reset_segment(half.flow, view, packet_bytes - view.header_bytes());
    return false;
  }
  if (!half.listener->accepting) {
    // The client believes in the connection; its data will be retransmitted until we accept, or our SYN times
    // out.
    ++counters.not_accepting;
    return false;
  }
  Agreement agreement;
  agreement.iss = half.iss;
  agreement.irs = half.irs;
  agreement.peer_mss_bytes = half.peer_mss_bytes;
  agreement.timestamps = half.timestamps;
  agreement.sack = half.sack;
  agreement.ecn = half.ecn;
  agreement.window_scaling = half.window_scaling;
  agreement.peer_window_scale = half.peer_window_scale;
  agreement.timestamp_recent = half.timestamp_recent;
  if (half.sent_us) agreement.rtt_us = std::max(1u, static_cast<uint32_t>(now_us()) - half.sent_us);
  ListeningEndpoint& listener = *half.listener;
  Connection* connection = accept(listener, half.flow, half.hash, agreement, view.window(),
                                  {FlowReference::kHalfOpen, half.number});
  if (!connection) return false;
  timers_.cancel(half.timer);
  --listener.half_open;
  half_open_.release(half.number);
  listener.user->on_accepted(*connection);
  if (!connection->user_) connection->abort();
  connection->receive(view, packet, packet_bytes, false);
  return true;
}

bool Tcp::receive_cookie(ListeningEndpoint& listener, const Flow& flow, uint32_t hash,
                         const wire::TcpView& view, Buffer* packet, uint32_t packet_bytes) {
  // Only while cookies of ours may be about: otherwise any acknowledgement would be a guess worth trying.
  if (listener.last_cookie_ns == 0 || now_ns_ - listener.last_cookie_ns > 2 * SynCookies::kPeriodNs)
    return false;
  Agreement agreement;
  agreement.iss = view.acknowledgement() - 1;
  agreement.irs = view.sequence() - 1;
  const auto mss = cookies_.check(flow, agreement.irs, agreement.iss, now_ns_);
  if (!mss) {
    ++counters.cookies_invalid;
    return false;
  }
  if (!listener.accepting || connections_full()) {
    ++(listener.accepting ? counters.connections_limit : counters.not_accepting);
    release(packet);
    return true;
  }
  agreement.peer_mss_bytes = *mss;
  wire::TcpOptions options;
  wire::parse_tcp_options(view.options(), options);
  if (options.has_timestamp) {
    const auto remembered = SynCookies::decode(options.timestamp_echo);
    agreement.timestamps = true;
    agreement.timestamp_recent = options.timestamp;
    agreement.sack = remembered.sack_permitted;
    agreement.ecn = remembered.ecn;
    agreement.window_scaling = remembered.has_window_scale;
    agreement.peer_window_scale = remembered.window_scale;
  }
  Connection* connection = accept(listener, flow, hash, agreement, view.window(), {});
  if (!connection) {
    release(packet);
    return true;
  }
  ++counters.cookies_accepted;
  listener.user->on_accepted(*connection);
  if (!connection->user_) connection->abort();
  connection->receive(view, packet, packet_bytes, false);
  return true;
}

}  // namespace sluice::tcp
