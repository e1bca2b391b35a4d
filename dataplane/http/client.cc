// SPDX-License-Identifier: Apache-2.0
// The client engine: origins, their pools, and the sending side of a request.
#include "dataplane/http/client.hh"

#include <algorithm>
#include <cstring>

#include "dataplane/http/client_connection.hh"
#include "dataplane/http/response_head.hh"

namespace sluice::http {

namespace {
constexpr uint32_t kReserveBytes = transport::Stream::kReserveLimitBytes;

bool is_idempotent(std::string_view method) {  // RFC 9110 section 9.2.2
  return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE" ||
         method == "OPTIONS" || method == "TRACE";
}

// Whether `fields` have the field `name` with `token` in its list (any value when `token` is empty).
bool fields_name(std::string_view fields, std::string_view name, std::string_view token) {
  while (!fields.empty()) {
    const size_t end = fields.find('\n');
    std::string_view line = fields.substr(0, end);
    if (line.size() > name.size() && line[name.size()] == ':' &&
        field_name_equals(line.substr(0, name.size()), name)) {
      if (token.empty()) return true;
      line.remove_prefix(name.size() + 1);
      while (!line.empty() && static_cast<unsigned char>(line.back()) <= ' ') line.remove_suffix(1);
      if (list_has_token(line, token)) return true;
    }
    if (end == std::string_view::npos) break;
    fields.remove_prefix(end + 1);
  }
  return false;
}
}  // namespace

// ---- requests of one origin that wait

void ClientOrigin::push_waiting(ClientRequest& request) {
  request.next_ = nullptr;
  (waiting_tail ? waiting_tail->next_ : waiting_head) = &request;
  waiting_tail = &request;
}

void ClientOrigin::push_waiting_front(ClientRequest& request) {
  request.next_ = waiting_head;
  waiting_head = &request;
  if (!waiting_tail) waiting_tail = &request;
}

void ClientOrigin::remove_waiting(ClientRequest& request) {
  ClientRequest* before = nullptr;
  for (ClientRequest* each = waiting_head; each; before = each, each = each->next_) {
    if (each != &request) continue;
    (before ? before->next_ : waiting_head) = request.next_;
    if (waiting_tail == &request) waiting_tail = before;
    request.next_ = nullptr;
    return;
  }
}

// ---- requests

bool ClientRequest::connected() const {
  return connection_ && connection_->stream_ && !connection_->dead_ &&
         connection_->phase_ != ClientConnection::Phase::kConnecting;
}

bool ClientRequest::put(std::string_view bytes) {
  if (!connected()) {
    if (Buffer* tail = pending_tail_; tail && tail->references == 1 && tail->tailroom() >= bytes.size()) {
      tail->append(bytes.data(), static_cast<uint32_t>(bytes.size()));
      pending_bytes_ += bytes.size();
      return true;
    }
    while (!bytes.empty()) {
      Buffer* buffer = client_->transport_.pool().allocate();
      if (!buffer) return false;
      const uint32_t count = static_cast<uint32_t>(std::min<size_t>(bytes.size(), buffer->tailroom()));
      buffer->append(bytes.data(), count);
      bytes.remove_prefix(count);
      (pending_tail_ ? pending_tail_->next_segment : pending_head_) = buffer;
      pending_tail_ = buffer;
      pending_bytes_ += count;
    }
    return true;
  }
  transport::Stream& stream = *connection_->stream_;
  connection_->written_bytes_ += bytes.size();
  while (!bytes.empty()) {
    Buffer* buffer = stream.reserve(static_cast<uint32_t>(std::min<size_t>(bytes.size(), kReserveBytes)));
    if (!buffer) {  // a request that cannot be completed
      connection_->close_error_ = Error::kNoBuffers;
      stream.abort();
      return false;
    }
    const uint32_t count = static_cast<uint32_t>(std::min<size_t>(bytes.size(), buffer->tailroom()));
    buffer->append(bytes.data(), count);
    stream.commit(count);
    bytes.remove_prefix(count);
  }
  return true;
}

bool ClientRequest::put(Buffer* chain) {
  const uint32_t bytes = chain->chain_length();
  if (connected()) {
    connection_->written_bytes_ += bytes;
    return connection_->stream_->write(chain) == Error::kNone;
  }
  (pending_tail_ ? pending_tail_->next_segment : pending_head_) = chain;
  while (chain->next_segment) chain = chain->next_segment;
  pending_tail_ = chain;
  pending_bytes_ += bytes;
  return true;
}

bool ClientRequest::write(std::string_view bytes) {
  if (over_ || sent_) return false;
  if (bytes.empty()) return true;
  if (chunked_) {
    put(ChunkLine(bytes.size()).text()) && put(bytes) && put("\r\n");
  } else {
    bytes = bytes.substr(0, body_remaining_bytes_);  // never more than announced
    body_remaining_bytes_ -= bytes.size();
    put(bytes);
  }
  const bool full =
      connected() ? connection_->stream_->write_is_full() : pending_bytes_ >= kPendingHighMarkBytes;
  told_full_ = told_full_ || full;
  return !full;
}

bool ClientRequest::write(Buffer* chain) {
  const uint32_t bytes = chain ? chain->chain_length() : 0;
  if (over_ || sent_ || bytes == 0) {
    release(chain);
    return !over_ && !sent_;
  }
  if (chunked_) {
    if (put(ChunkLine(bytes).text())) {
      put(chain) && put("\r\n");
    } else {
      release(chain);
    }
  } else if (bytes <= body_remaining_bytes_) {
    body_remaining_bytes_ -= bytes;
    put(chain);
  } else {
    for (Buffer* segment = chain; segment; segment = segment->next_segment) {
      const std::string_view text = segment->text().substr(0, body_remaining_bytes_);
      body_remaining_bytes_ -= text.size();
      put(text);
    }
    release(chain);
  }
  const bool full =
      connected() ? connection_->stream_->write_is_full() : pending_bytes_ >= kPendingHighMarkBytes;
  told_full_ = told_full_ || full;
  return !full;
}

void ClientRequest::end(std::string_view trailers) {
  if (over_ || sent_) return;
  if (chunked_) {
    put("0\r\n") && put(trailers) && put("\r\n");
  } else if (body_remaining_bytes_ > 0) {
    // Less than announced: the server must not take it for whole.
    if (connection_ && !connection_->dead_) {
      connection_->close_error_ = Error::kInvalid;
      connection_->stream_->abort();
    }
    return;
  }
  sent_ = true;
  if (connected() && connection_->phase_ == ClientConnection::Phase::kHead)
    connection_->wait_for(client_->limits_.response_timeout_ms);
}

void ClientRequest::body_consumed(uint32_t bytes) {
  if (over_ || !connection_ || connection_->dead_) return;
  SLUICE_ASSERT(bytes <= unconsumed_bytes_);
  unconsumed_bytes_ -= bytes;
  if (connection_->depth_ > 0)
    connection_->to_consume_bytes_ += bytes;
  else
    connection_->stream_->consumed(bytes);
}

void ClientRequest::cancel() {
  if (over_) return;
  over_ = true;
  Client& client = *client_;
  if (connection_) {
    ClientConnection& connection = *connection_;
    ClientConnection::Turn turn(connection);
    const bool connecting = connection.phase_ == ClientConnection::Phase::kConnecting;
    connection.detach(*this);
    if (!connecting) connection.drop();
  } else {
    origin_->remove_waiting(*this);
    --client.waiting_;
  }
  client.free_request(*this);
}

transport::Stream* ClientRequest::upgrade(transport::StreamUser& user) {
  if (over_ || !connection_ || connection_->dead_ || calls_ == 0) return nullptr;
  ClientConnection& connection = *connection_;
  transport::Stream* const stream = connection.stream_;
  connection.detach(*this);
  over_ = true;
  if (connection.to_consume_bytes_) stream->consumed(connection.to_consume_bytes_);
  connection.to_consume_bytes_ = 0;
  stream->set_user(&user);
  Buffer* const input = connection.input_.take_chain();
  connection.stream_ = nullptr;
  connection.dead_ = connection.gone_ = true;
  const bool ended = connection.peer_ended_;
  if (input) user.on_data(*stream, input);
  if (ended) user.on_end(*stream);
  return stream;
}

// ---- the client

Client::Client(Reactor& reactor, Clock&, transport::Transport& transport, const ClientLimits& limits)
    : reactor_(reactor),
      transport_(transport),
      limits_(limits),
      requests_(limits.waiting_requests + limits.connections),
      connections_(std::make_unique<Slab<ClientConnection>>(limits.connections)),
      parse_fields_(limits.header_count) {}

namespace {
// Hears the end of streams whose client is gone.
class Nobody final : public transport::StreamUser {
 public:
  void on_data(transport::Stream& stream, Buffer* chain) override {
    const uint32_t bytes = chain->chain_length();
    release(chain);
    stream.consumed(bytes);
  }
  void on_end(transport::Stream&) override {}
  void on_closed(transport::Stream&, Error) override {}
} nobody;
}  // namespace

Client::~Client() {
  for (uint32_t i = 0; i < connections_->end(); ++i) {
    if (!connections_->live(i)) continue;
    ClientConnection& connection = (*connections_)[i];
    if (connection.stream_) {
      connection.stream_->set_user(&nobody);
      if (!connection.dead_) connection.stream_->abort();
    }
    connections_->release(i);
  }
  for (uint32_t i = 0; i < requests_.end(); ++i) {
    if (!requests_.live(i)) continue;
    release(requests_[i].pending_head_);
    heads_.release(requests_[i].block_);
  }
}

size_t Client::EndpointHash::operator()(const Endpoint& endpoint) const {
  uint64_t high, low;
  std::memcpy(&high, endpoint.address.bytes.data(), 8);
  std::memcpy(&low, endpoint.address.bytes.data() + 8, 8);
  uint64_t hash = (high ^ (low + endpoint.port)) * 0x9e3779b97f4a7c15;
  return static_cast<size_t>(hash ^ hash >> 32);
}

ClientOrigin& Client::origin_of(const Endpoint& endpoint) {
  if (last_origin_ && last_origin_->endpoint == endpoint) return *last_origin_;
  auto& entry = origins_[endpoint];
  if (!entry) {
    entry = std::make_unique<ClientOrigin>();
    entry->endpoint = endpoint;
  }
  last_origin_ = entry.get();
  return *entry;
}

// Forgets an origin that has neither connections nor requests.
void Client::leave_origin(ClientOrigin& origin) {
  if (origin.connections || origin.waiting_head || origin.pins) return;
  if (last_origin_ == &origin) last_origin_ = nullptr;
  const Endpoint endpoint = origin.endpoint;
  origins_.erase(endpoint);
}

HeadBlock* Client::serialise(const RequestHead& head, ClientRequest& request) {
  const bool has_body = head.content_length != 0;
  if (!is_token(head.method) || head.target.empty()) return nullptr;
  const char* const target_end = head.target.data() + head.target.size();
  if (find_control(head.target.data(), target_end) != target_end ||
      head.target.find_first_of(" \t") != std::string_view::npos)
    return nullptr;
  if (head.content_length >= 0 && head.body.size() > static_cast<uint64_t>(head.content_length))
    return nullptr;
  const size_t bound = head.method.size() + head.target.size() + head.fields.size() + head.body.size() + 96;
  if (bound > 1024 * 1024) return nullptr;
  HeadBlock* block = heads_.allocate(static_cast<uint32_t>(bound));
  if (!block) return nullptr;
  char* at = block->bytes();
  const auto put = [&at](std::string_view text) {
    if (!text.empty()) std::memcpy(at, text.data(), text.size());
    at += text.size();
  };
  put(head.method);
  put(" ");
  put(head.target);
  put(" HTTP/1.1\r\n");
  put(head.fields);
  if (head.content_length < 0) {
    put("Transfer-Encoding: chunked\r\n");
  } else if (has_body || head.method == "POST" || head.method == "PUT" || head.method == "PATCH") {
    put("Content-Length: ");
    at = write_decimal(at, static_cast<uint64_t>(head.content_length));
    put("\r\n");
  }
  put("\r\n");
  request.chunked_ = head.content_length < 0;
  request.head_only_ = !head.expect_body || head.method == "HEAD";
  request.connect_ = head.method == "CONNECT";
  request.idempotent_ = is_idempotent(head.method);
  request.upgrade_asked_ = fields_name(head.fields, "upgrade", {});
  request.close_asked_ = fields_name(head.fields, "connection", "close");
  if (request.chunked_) {
    if (!head.body.empty()) {
      at = write_hexadecimal(at, head.body.size());
      put("\r\n");
      put(head.body);
      put("\r\n");
    }
    request.streamed_ = true;
  } else {
    put(head.body);
    request.body_remaining_bytes_ = static_cast<uint64_t>(head.content_length) - head.body.size();
    request.streamed_ = request.body_remaining_bytes_ > 0;
  }
  request.sent_ = !request.streamed_;
  request.fresh_ = head.fresh_connection;
  block->size = static_cast<uint32_t>(at - block->bytes());
  return block;
}

ClientConnection* Client::open(ClientOrigin& origin, Error& error) {
  uint32_t number;
  ClientConnection* connection = connections_->allocate(number, *this, origin);
  if (!connection) {
    error = Error::kTooManyFiles;
    return nullptr;
  }
  connection->number_ = number;
  transport::ConnectOptions options;
  options.remote = origin.endpoint;
  options.timeout_ms = limits_.connect_timeout_ms;
  const auto result = transport_.connect(options, *connection);
  if (!result) {
    ++counters.connect_failed;
    connections_->release(number);
    error = result.error;
    return nullptr;
  }
  connection->stream_ = result.value;
  ++origin.connections;
  // The transport's own timeout comes first; this is for one that has none.
  connection->wait_for(limits_.connect_timeout_ms ? limits_.connect_timeout_ms + 500 : 0);
  return connection;
}

ClientRequest* Client::request(const Endpoint& endpoint, const RequestHead& head, ClientHandler& handler) {
  ClientOrigin& origin = origin_of(endpoint);
  const bool at_limit = origin.connections >= limits_.connections_per_origin ||
                        connections_->live_count() >= limits_.connections;
  const bool pooled = origin.idle && (!head.fresh_connection || at_limit);
  const bool must_wait = origin.waiting_head || (!pooled && at_limit);
  uint32_t number;
  ClientRequest* request = nullptr;
  if (must_wait && waiting_ >= limits_.waiting_requests)
    ++counters.waiting_refused;
  else
    request = requests_.allocate(number);
  if (!request) {
    leave_origin(origin);
    return nullptr;
  }
  request->number_ = number;
  request->client_ = this;
  request->handler_ = &handler;
  request->origin_ = &origin;
  request->block_ = serialise(head, *request);
  if (!request->block_) {
    requests_.release(number);
    leave_origin(origin);
    return nullptr;
  }
  if (must_wait) {
    ++waiting_;
    origin.push_waiting(*request);
  } else if (pooled) {
    ClientConnection& connection = *origin.idle;
    connection.leave_idle();
    ++counters.connections_reused;
    connection.assign(*request);
    connection.send(*request);
  } else {
    Error error = Error::kNone;
    ClientConnection* connection = open(origin, error);
    if (!connection) {
      heads_.release(request->block_);
      requests_.release(number);
      leave_origin(origin);
      return nullptr;
    }
    connection->assign(*request);
  }
  ++counters.requests;
  return request;
}

// Gives connections to requests that wait for one.
void Client::serve_waiting(ClientOrigin& origin) {
  while (ClientRequest* request = origin.waiting_head) {
    ClientConnection* connection = nullptr;
    // A request that is tried again gets a new connection: another pooled one may be as stale.
    if (origin.idle && !request->fresh_) {
      connection = origin.idle;
    } else if (origin.connections >= limits_.connections_per_origin ||
               connections_->live_count() >= limits_.connections) {
      if (!origin.idle) return;
      connection = origin.idle;
    }
    origin.remove_waiting(*request);
    --waiting_;
    if (connection) {
      connection->leave_idle();
      ++counters.connections_reused;
      connection->assign(*request);
      connection->send(*request);
      connection->tell_connected();
      continue;
    }
    Error error = Error::kNone;
    connection = open(origin, error);
    if (connection)
      connection->assign(*request);
    else
      fail_request(*request, error);
  }
}

// A place among all connections is free: it may be another origin that waits for one.
void Client::serve_others() {
  for (auto& [endpoint, origin] : origins_) {
    if (!origin->waiting_head || origin->connections >= limits_.connections_per_origin) continue;
    ++origin->pins;
    ClientOrigin& chosen = *origin;
    serve_waiting(chosen);
    --chosen.pins;
    return leave_origin(chosen);  // calls of handlers may have changed the table
  }
}

void Client::fail_request(ClientRequest& request, Error error) {
  ++counters.failed;
  const bool nothing_back = !request.response_begun_;
  request.over_ = true;
  ++request.calls_;
  request.handler_->on_failed(request, error, nothing_back);
  --request.calls_;
  free_request(request);
}

// Not while one of its handler's calls is in progress: the one who made the call frees it then.
void Client::free_request(ClientRequest& request) {
  if (request.calls_ > 0) return;
  release(request.pending_head_);
  heads_.release(request.block_);
  requests_.release(request.number_);
}

void Client::close_idle() {
  for (uint32_t i = 0; i < connections_->end(); ++i) {
    if (!connections_->live(i)) continue;
    ClientConnection& connection = (*connections_)[i];
    if (connection.in_idle_) connection.close_gently();
  }
}

uint32_t Client::connections() const { return connections_->live_count(); }

}  // namespace sluice::http
