// SPDX-License-Identifier: Apache-2.0
// One connection of the client engine: sending a request, cutting out its response, failing in a way that says whether the
// request may be tried again.
#include "dataplane/http/client_connection.hh"

#include <algorithm>
#include <cstring>

#include "dataplane/http/exchange_body.hh"

namespace sluice::http {

namespace {
// Interim responses to one request: more are a server gone wrong.
constexpr uint16_t kInformationalLimit = 32;
// For a server to answer our FIN with its own.
constexpr uint32_t kCloseTimeoutMs = 2'000;
}  // namespace

ClientConnection::ClientConnection(Client& client, ClientOrigin& origin) : client_(client), origin_(origin) {
  fire = [](Timer& timer, uint64_t) { static_cast<ClientConnection&>(timer).on_timer(); };
}

ClientConnection::~ClientConnection() {
  client_.reactor_.timers().cancel(*this);
  client_.heads_.release(partial_);
  release(body_.take());
}

void ClientConnection::assign(ClientRequest& request) {
  SLUICE_ASSERT(request_ == nullptr);
  request_ = &request;
  request.connection_ = this;
}

// Puts the request on the connection, which is established and free.
void ClientConnection::send(ClientRequest& request) {
  phase_ = Phase::kHead;
  reusable_ = false;
  request.reused_ = reused_;
  written_bytes_ = taken_bytes_ = 0;
  wait_for(client_.limits_.response_timeout_ms);
  if (!request.put(request.block_->text())) return;
  if (request.pending_head_) {
    Buffer* chain = request.pending_head_;
    request.pending_head_ = request.pending_tail_ = nullptr;
    request.pending_bytes_ = 0;
    request.put(chain);
  }
}

// ---- events of the stream

void ClientConnection::on_connected(transport::Stream&) {
  Turn turn(*this);
  if (dead_) return;
  ++client_.counters.connections_opened;
  if (!request_) {  // cancelled meanwhile
    become_idle();
    return;
  }
  send(*request_);
  tell_connected();
  if (!dead_ && !stream_->write_is_full()) tell_drained();
}

void ClientConnection::tell_connected() {
  if (!request_ || dead_) return;
  ClientRequest& request = *request_;
  ++request.calls_;
  request.handler_->on_connected(request);
  --request.calls_;
  if (request.over_) client_.free_request(request);
}

void ClientConnection::tell_drained() {
  if (!request_ || !request_->told_full_ || dead_) return;
  ClientRequest& request = *request_;
  request.told_full_ = false;
  ++request.calls_;
  request.handler_->on_drained(request);
  --request.calls_;
  if (request.over_) client_.free_request(request);
}

void ClientConnection::on_data(transport::Stream&, Buffer* chain) {
  if (dead_ || phase_ == Phase::kDrop) {
    const uint32_t bytes = chain->chain_length();
    release(chain);
    if (!dead_) stream_->consumed(bytes);
    return;
  }
  Turn turn(*this);
  input_.push(chain);
}

void ClientConnection::on_end(transport::Stream&) {
  Turn turn(*this);
  peer_ended_ = true;
}

void ClientConnection::on_writable(transport::Stream&) {
  Turn turn(*this);
  tell_drained();
}

void ClientConnection::on_closed(transport::Stream&, Error error) {
  Turn turn(*this);
  const bool was_connecting = phase_ == Phase::kConnecting;
  gone_ = true;
  dead_ = true;
  stream_ = nullptr;
  leave_idle();
  drop_input();
  if (close_error_ != Error::kNone) error = close_error_;
  if (was_connecting) ++client_.counters.connect_failed;
  if (!request_) return;
  if (!was_connecting && retry()) return;
  fail(error == Error::kNone ? Error::kConnectionReset : error);
}

// ---- the end of every call from outside

void ClientConnection::settle() {
  if (!dead_) process();
  if (!dead_ && peer_ended_ && phase_ != Phase::kDrop) {
    if (phase_ == Phase::kUntilClose) {
      reusable_ = false;
      complete({});
    } else if (phase_ != Phase::kConnecting) {
      // The server closed an idle connection, or did not finish its response. Its FIN acknowledged all that had reached it,
      // and it receives nothing after it.
      if (request_) {
        request_->untouched_ =
            !request_->response_begun_ && written_bytes_ > 0 && stream_->queued_bytes() >= written_bytes_;
        if (!retry()) fail(Error::kConnectionReset);
      }
      close_gently();
    }
  }
  if (to_consume_bytes_ && !dead_ && stream_) stream_->consumed(to_consume_bytes_);
  to_consume_bytes_ = 0;
  depth_ = 0;
  ClientOrigin& origin = origin_;
  Client& client = client_;
  ++origin.pins;
  const bool closed = gone_;
  if (gone_) {
    --origin.connections;
    client.connections_->release(number_);  // destroys this
  }
  if (origin.waiting_head) client.serve_waiting(origin);
  --origin.pins;
  if (closed && client.waiting_ > 0) client.serve_others();
  if (origin.connections == 0) client.leave_origin(origin);
}

void ClientConnection::process() {
  while (!input_.empty() && !dead_) {
    Buffer* buffer = input_.front();
    switch (phase_) {
      case Phase::kConnecting:
      case Phase::kIdle:  // nobody asked (RFC 9112 section 9.2); a 408 before closing is the usual case
        drop();
        break;
      case Phase::kHead: process_head(buffer); break;
      case Phase::kBody:
      case Phase::kUntilClose: process_body(buffer); break;
      case Phase::kChunked: process_chunked(); break;
      case Phase::kTrailers: process_trailers(buffer); break;
      case Phase::kDrop: drop_input(); break;
    }
  }
}

// ---- input

void ClientConnection::drop_input() { to_consume_bytes_ += input_.drop(); }

void ClientConnection::drop_body() { release(body_.take()); }

void ClientConnection::process_head(Buffer* buffer) {
  ClientRequest& request = *request_;
  if (!request.response_begun_) {
    request.response_begun_ = true;  // from now on it is not tried again
    if (request.block_) client_.heads_.release(request.block_);
    request.block_ = nullptr;
  }
  const HeadLimits limits{client_.limits_.head_bytes, 0};
  ParsedHead head;
  head.field_store = client_.parse_fields_;
  if (!partial_) {
    const HeadResult result = parse_response_head(buffer->text(), limits, head);
    if (result == HeadResult::kError) return malformed();
    if (result == HeadResult::kComplete) {
      // The views must outlive the calls that follow, which may release this Buffer.
      BufferRef held(buffer->retain());
      to_consume_bytes_ += head.head_bytes;
      input_.take(head.head_bytes);
      return head_complete(head);
    }
  }
  const uint32_t before = partial_ ? partial_->size : 0;
  const uint32_t count = std::min(buffer->length, limits.head_bytes - before);
  HeadBlock* block = client_.heads_.append(partial_, buffer->text().substr(0, count));
  if (!block) return malformed();
  partial_ = block;
  const bool look = may_decide(block->text(), before) || block->size >= limits.head_bytes;
  const HeadResult result =
      look && before ? parse_response_head(block->text(), limits, head) : HeadResult::kIncomplete;
  if (result == HeadResult::kError) return malformed();
  if (result == HeadResult::kIncomplete) {
    to_consume_bytes_ += count;
    return input_.take(count);
  }
  partial_ = nullptr;
  to_consume_bytes_ += head.head_bytes - before;
  input_.take(head.head_bytes - before);
  Client& client = client_;
  head_complete(head);
  client.heads_.release(block);
}

void ClientConnection::head_complete(const ParsedHead& head) {
  ClientRequest& request = *request_;
  ClientHandler& handler = *request.handler_;
  if (head.status < 200 && head.status != 101) {
    if (++request.informational_ > kInformationalLimit) return malformed();
    ++request.calls_;
    handler.on_informational(request, head.status, head.fields());
    --request.calls_;
    if (request.over_) client_.free_request(request);
    return;
  }
  const bool switched = head.status == 101 || (request.connect_ && head.status < 300);
  if (switched) {
    if (head.status == 101 && !request.upgrade_asked_) return malformed();
    if (head.status == 101 && !head.upgrade) return malformed();
    ++client_.counters.responses;
    ++request.calls_;
    handler.on_upgraded(request, head.status, head.fields());
    --request.calls_;
    if (request.over_) {  // cancelled, or upgraded
      client_.free_request(request);
    } else {
      fail(Error::kInvalid);
      drop();
    }
    return;
  }
  reusable_ = head.keep_alive && !request.close_asked_;
  ++client_.counters.responses;
  if (request.head_only_ || head.status == 204 || head.status == 304) {
    // What a server might send behind it all the same would be read as the next response.
    if (head.status == 204 && (head.chunked || head.content_length > 0)) reusable_ = false;
    body_remaining_bytes_ = 0;
    phase_ = Phase::kBody;
  } else if (head.chunked) {
    decoder_.reset();
    phase_ = Phase::kChunked;
  } else if (head.has_content_length) {
    body_remaining_bytes_ = head.content_length;
    phase_ = Phase::kBody;
  } else {
    reusable_ = false;
    body_remaining_bytes_ = UINT64_MAX;
    phase_ = Phase::kUntilClose;
  }
  wait_for(client_.limits_.body_timeout_ms);
  ++request.calls_;
  handler.on_response(request, head.status, head.reason, head.version_minor, head.fields());
  --request.calls_;
  if (request.over_) return client_.free_request(request);
  if (phase_ == Phase::kBody && body_remaining_bytes_ == 0) complete({});
}

void ClientConnection::process_body(Buffer* buffer) {
  const uint32_t count = static_cast<uint32_t>(std::min<uint64_t>(buffer->length, body_remaining_bytes_));
  if (!piece(count)) return;
  if (phase_ == Phase::kBody) body_remaining_bytes_ -= count;
  const bool last = body_remaining_bytes_ == 0;
  ClientRequest* const request = request_;
  deliver();
  if (last && request_ == request && request && !dead_) complete({});
}

void ClientConnection::process_chunked() {
  switch (input_.read_chunked(
      decoder_, [this](uint32_t framing) { to_consume_bytes_ += framing; },
      [this](uint32_t count) { return piece(count); })) {
    case InputQueue::Chunked::kError: return malformed();
    case InputQueue::Chunked::kStopped: return;
    case InputQueue::Chunked::kTrailers: phase_ = Phase::kTrailers; break;
    case InputQueue::Chunked::kMore: break;
  }
  deliver();
}

void ClientConnection::process_trailers(Buffer* buffer) {
  if (!partial_ && buffer->length >= 2 && std::memcmp(buffer->data, "\r\n", 2) == 0) {
    to_consume_bytes_ += 2;
    input_.take(2);
    return complete({});
  }
  const HeadLimits limits{client_.limits_.head_bytes, 0};
  ParsedHead head;
  head.field_store = client_.parse_fields_;
  const uint32_t before = partial_ ? partial_->size : 0;
  const uint32_t count = std::min(buffer->length, limits.head_bytes - before);
  HeadBlock* block = client_.heads_.append(partial_, buffer->text().substr(0, count));
  if (!block) return malformed();
  partial_ = block;
  const HeadResult result = parse_trailers(block->text(), limits, head);
  if (result == HeadResult::kError) return malformed();
  if (result == HeadResult::kIncomplete) {
    to_consume_bytes_ += count;
    return input_.take(count);
  }
  partial_ = nullptr;
  to_consume_bytes_ += head.head_bytes - before;
  input_.take(head.head_bytes - before);
  Client& client = client_;
  complete(head.fields());
  client.heads_.release(block);
}

// The first `count` bytes of the front of the input are body. False: the connection cannot go on.
bool ClientConnection::piece(uint32_t count) {
  wait_for(client_.limits_.body_timeout_ms);
  request_->unconsumed_bytes_ += count;
  if (input_.cut(count, body_, stream_->pool())) return true;
  fail(Error::kNoBuffers);
  drop();
  return false;
}

void ClientConnection::deliver() {
  Buffer* const chain = body_.take();
  if (!chain) return;
  ClientRequest& request = *request_;
  ++request.calls_;
  request.handler_->on_body(request, chain);
  --request.calls_;
  if (request.over_) client_.free_request(request);
}

// ---- ends

// The request is over: it and the connection know nothing of each other any more.
void ClientConnection::detach(ClientRequest& request) {
  SLUICE_ASSERT(request_ == &request);
  if (stream_ && !dead_ && request.unconsumed_bytes_)
    stream_->consumed(static_cast<uint32_t>(request.unconsumed_bytes_));
  request.unconsumed_bytes_ = 0;
  request.connection_ = nullptr;
  request_ = nullptr;
}

void ClientConnection::complete(std::span<const HeaderField> trailers) {
  ClientRequest& request = *request_;
  const bool clean = reusable_ && request.sent_ && !peer_ended_ && phase_ != Phase::kUntilClose;
  detach(request);
  if (!request.sent_) {
    drop();
  } else if (!clean) {
    close_gently();
  } else if (!input_.empty()) {
    // More than the response: whose would it be? (RFC 9112 section 11.2)
    ++client_.counters.malformed;
    drop();
  } else {
    become_idle();
  }
  request.over_ = true;
  ++request.calls_;
  request.handler_->on_complete(request, trailers);
  --request.calls_;
  client_.free_request(request);
}

void ClientConnection::malformed() {
  ++client_.counters.malformed;
  fail(Error::kInvalid);
  drop();
}

void ClientConnection::fail(Error error) {
  if (!request_) return;
  ClientRequest& request = *request_;
  detach(request);
  drop_body();
  client_.fail_request(request, error);
}

// A request that found its pooled connection closed goes to the front of the queue, for another connection.
bool ClientConnection::retry() {
  ClientRequest& request = *request_;
  if (!reused_ || request.response_begun_ || request.streamed_ || request.fresh_ || !request.block_ ||
      !(request.idempotent_ || request.untouched_))
    return false;
  if (request.told_full_) return false;
  ++client_.counters.stale_retried;
  request.fresh_ = true;
  request.untouched_ = false;
  detach(request);
  ++client_.waiting_;
  origin_.push_waiting_front(request);
  return true;
}

// No further use, but nothing is wrong: FIN, and the server's is waited for a while.
void ClientConnection::close_gently() {
  if (dead_ || phase_ == Phase::kDrop) return;
  leave_idle();
  phase_ = Phase::kDrop;
  drop_input();
  drop_body();
  stream_->shutdown();
  wait_for(kCloseTimeoutMs);
}

// No further use: closes. What is queued to be sent is of no interest to anybody.
void ClientConnection::drop() {
  if (dead_) return;
  leave_idle();
  phase_ = Phase::kDrop;
  drop_input();
  drop_body();
  dead_ = true;
  wake_ns_ = UINT64_MAX;
  stream_->abort();
}

void ClientConnection::become_idle() {
  phase_ = Phase::kIdle;
  reused_ = true;
  if (origin_.idle_count >= client_.limits_.idle_connections_per_origin) return close_gently();
  next_idle_ = origin_.idle;
  previous_idle_ = nullptr;
  if (next_idle_) next_idle_->previous_idle_ = this;
  origin_.idle = this;
  ++origin_.idle_count;
  ++client_.idle_connections_;
  in_idle_ = true;
  wait_for(client_.limits_.idle_timeout_ms);
}

void ClientConnection::leave_idle() {
  if (!in_idle_) return;
  in_idle_ = false;
  (previous_idle_ ? previous_idle_->next_idle_ : origin_.idle) = next_idle_;
  if (next_idle_) next_idle_->previous_idle_ = previous_idle_;
  next_idle_ = previous_idle_ = nullptr;
  --origin_.idle_count;
  --client_.idle_connections_;
}

// ---- time

void ClientConnection::wait_for(uint32_t timeout_ms) {
  wake_ns_ = timeout_ms ? client_.reactor_.now_ns() + timeout_ms * kNanosecondsPerMillisecond : UINT64_MAX;
  if (wake_ns_ == UINT64_MAX) return;
  if (!armed() || deadline_ns > wake_ns_) client_.reactor_.timers().arm(*this, wake_ns_);
}

void ClientConnection::on_timer() {
  if (wake_ns_ > client_.reactor_.now_ns()) {
    if (wake_ns_ != UINT64_MAX) client_.reactor_.timers().arm(*this, wake_ns_);
    return;
  }
  Turn turn(*this);
  if (dead_) return;
  switch (phase_) {
    case Phase::kIdle: return close_gently();
    case Phase::kDrop: return drop();
    case Phase::kHead:
      // The response is waited for from the request's end, and the server may take its time over the request while it takes
      // anything of it.
      if (!request_->sent_) {
        const uint64_t taken = written_bytes_ - stream_->queued_bytes();
        if (taken != taken_bytes_ || stream_->queued_bytes() == 0) {
          taken_bytes_ = taken;
          return wait_for(client_.limits_.body_timeout_ms);
        }
      }
      break;
    case Phase::kBody:
    case Phase::kChunked:
    case Phase::kTrailers:
    case Phase::kUntilClose:
      if (request_->unconsumed_bytes_ > 0)
        return wait_for(client_.limits_.body_timeout_ms);  // this side is late
      break;
    case Phase::kConnecting: break;
  }
  ++client_.counters.timed_out;
  if (phase_ == Phase::kConnecting) ++client_.counters.connect_failed;
  fail(Error::kTimedOut);
  drop();
}

}  // namespace sluice::http
