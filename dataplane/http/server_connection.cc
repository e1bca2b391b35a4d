// SPDX-License-Identifier: Apache-2.0
// One connection of the server engine: what is received, and when it ends.
#include "dataplane/http/server_connection.hh"

#include <algorithm>
#include <cstring>

#include "dataplane/core/cycles.hh"
#include "dataplane/http/exchange_body.hh"
#include "dataplane/http/response_head.hh"

namespace sluice::http {

namespace {
// Idle time after which a peer that has sent its FIN and still waits for a response is probed. A host whose program is gone
// answers the first probe after its FIN-WAIT-2 is over, 60 s on Linux.
constexpr uint32_t kHalfClosedProbeMs = 15'000;
}  // namespace

ServerConnection::ServerConnection(Server& server, transport::Stream& stream, uint32_t number)
    : server_(server), stream_(&stream), number_(number) {
  fire = [](Timer& timer, uint64_t) { static_cast<ServerConnection&>(timer).on_timer(); };
  set_waiting(Waiting::kIdle);
}

ServerConnection::~ServerConnection() {
  set_waiting(Waiting::kNothing);
  server_.reactor_.timers().cancel(*this);
  free_partial();
}

// ---- events of the stream

void ServerConnection::on_data(transport::Stream&, Buffer* chain) {
  const cycles::Scope stage(cycles::Stage::kHttp);
  const uint32_t bytes = chain->chain_length();
  server_.counters.bytes_received += bytes;
  activity_ = true;
  if (phase_ == Phase::kDrop) {
    release(chain);
    dropped_bytes_ += bytes;
    if (dropped_bytes_ <= server_.limits_.linger_bytes) {
      stream_->consumed(bytes);
    } else if (closing_ && !dead_) {
      ++server_.counters.linger_aborted;
      abort_stream();
    }
    return;
  }
  Turn turn(*this);
  input_.push(chain);
}

void ServerConnection::on_end(transport::Stream&) {
  Turn turn(*this);
  peer_ended_ = true;
}

void ServerConnection::on_writable(transport::Stream&) {
  const cycles::Scope stage(cycles::Stage::kHttp);
  Turn turn(*this);
  if (first_ && first_->told_full_ && !first_->response_ended_ && !dead_) {
    first_->told_full_ = false;
    first_->handler_->on_drained(*first_);
  }
}

void ServerConnection::on_closed(transport::Stream&, Error error) {
  SLUICE_ASSERT(depth_ == 0);
  ++depth_;
  dead_ = true;
  phase_ = Phase::kDrop;
  for (Exchange* exchange = first_; exchange; exchange = exchange->next_) {
    if (exchange->response_ended_) continue;
    ++server_.counters.aborted_by_peer;
    break;
  }
  abort_exchanges(error == Error::kNone ? Error::kConnectionReset : error);
  stream_ = nullptr;
  server_.connection_gone(number_);
}

void ServerConnection::drain() {
  Turn turn(*this);
  drain_ = true;
  if (waiting_ == Waiting::kClose) wake_after(linger_timeout_ms());
}

void ServerConnection::abort_stream() {
  if (dead_ || !stream_) return;
  dead_ = true;
  phase_ = Phase::kDrop;
  drop_input();
  stream_->abort();
}

// ---- the end of every call from outside

void ServerConnection::settle() {
  while (stream_ && !dead_) {
    advance();
    if (!stream_ || dead_) break;
    if (deliver_wanted_) {
      deliver_wanted_ = false;
      for (Exchange* exchange = first_; exchange; exchange = exchange->next_)
        if (exchange->dispatched_ && exchange->reading_body_) deliver_body(*exchange);
      continue;
    }
    if (may_process()) {
      process();
      continue;
    }
    if (peer_ended_ && !peer_end_handled_ && input_.empty()) {
      handle_peer_end();
      continue;
    }
    break;
  }
  if (!stream_) {  // taken over by an upgrade
    abort_exchanges(Error::kNone);
    server_.connection_gone(number_);  // destroys this
    return;
  }
  if (to_consume_bytes_) {
    const uint32_t bytes = to_consume_bytes_;
    to_consume_bytes_ = 0;
    if (!dead_) stream_->consumed(bytes);
  }
  if (!input_.empty() && phase_ == Phase::kHead && !pipeline_paused_) {
    pipeline_paused_ = true;
    ++server_.counters.pipeline_paused;
  }
  update_waiting();
  depth_ = 0;
}

// Lets go of exchanges that are over and gives the next one its turn.
void ServerConnection::advance() {
  while (first_) {
    Exchange& exchange = *first_;
    if (!exchange.dispatched_) {
      dispatch(exchange);
      if (!stream_ || dead_) return;
      continue;
    }
    if (!exchange.response_ended_) return;
    if (!exchange.body_complete_ && (exchange.reading_body_ || !exchange.close_after_)) return;
    const bool close = exchange.close_after_;
    first_ = exchange.next_;
    if (!first_) last_ = nullptr;
    release_exchange(exchange);
    if (!stream_) return;  // it took the stream over
    if (close) {
      error_status_ = 0;
      abort_exchanges(Error::kConnectionAborted);
      begin_close();
      return;
    }
    if (first_ && first_->dispatched_) take_turn(*first_);
  }
  if (closing_ || dead_) return;
  if (error_status_) {
    send_error();
  } else if (phase_ == Phase::kDrop || (drain_ && phase_ == Phase::kHead && !partial_ && input_.empty())) {
    begin_close();
  }
}

void ServerConnection::take_turn(Exchange& exchange) {
  if (exchange.held_head_) {
    Buffer* chain = exchange.held_head_;
    exchange.held_head_ = exchange.held_tail_ = nullptr;
    sent_bytes_ += exchange.held_bytes_;
    exchange.held_bytes_ = 0;
    stream_->write(chain);
  }
  if (exchange.told_full_ && !exchange.response_ended_ && !stream_->write_is_full()) {
    exchange.told_full_ = false;
    exchange.handler_->on_drained(exchange);
  }
}

void ServerConnection::release_exchange(Exchange& exchange) {
  --in_progress_;
  exchange.aborted_ = exchange.aborted_ || dead_;
  if (exchange.dispatched_ && !exchange.handler_done_) exchange.handler_->on_released(exchange);
  drop_body(exchange);
  to_consume_bytes_ += static_cast<uint32_t>(exchange.unconsumed_bytes_);
  release(exchange.held_head_);
  release(exchange.head_buffer_);
  server_.heads_.release(exchange.head_block_);
  server_.heads_.release(exchange.trailer_block_);
  if (exchange.field_block_) server_.give_field_block(exchange.field_block_);
  if (exchange.trailer_fields_) server_.give_field_block(exchange.trailer_fields_);
  server_.exchanges_.release(exchange.number_);
}

void ServerConnection::abort_exchanges(Error error) {
  for (Exchange* exchange = first_; exchange; exchange = exchange->next_) exchange->aborted_ = true;
  while (first_) {
    Exchange& exchange = *first_;
    first_ = exchange.next_;
    if (exchange.dispatched_ && !exchange.response_ended_ && !exchange.handler_done_)
      exchange.handler_->on_aborted(exchange, error);
    release_exchange(exchange);
  }
  last_ = nullptr;
}

void ServerConnection::remove_last(Exchange& exchange) {
  SLUICE_ASSERT(&exchange == last_);
  if (first_ == last_) {
    first_ = last_ = nullptr;
  } else {
    Exchange* before = first_;
    while (before->next_ != last_) before = before->next_;
    before->next_ = nullptr;
    last_ = before;
  }
  release_exchange(exchange);
}

// ---- input

void ServerConnection::drop_input() {
  const uint32_t bytes = input_.drop();
  to_consume_bytes_ += bytes;
  dropped_bytes_ += bytes;
}

void ServerConnection::free_partial() {
  server_.heads_.release(partial_);
  partial_ = nullptr;
}

bool ServerConnection::may_process() const {
  if (input_.empty() || phase_ == Phase::kUpgrade) return false;
  return phase_ != Phase::kHead || in_progress_ < server_.limits_.pipeline_requests;
}

void ServerConnection::process() {
  while (may_process()) {
    Buffer* buffer = input_.front();
    switch (phase_) {
      case Phase::kHead: process_head(buffer); break;
      case Phase::kBody: process_body(buffer); break;
      case Phase::kChunked: process_chunked(); break;
      case Phase::kTrailers: process_trailers(buffer); break;
      case Phase::kUpgrade: return;
      case Phase::kDrop: drop_input(); break;
    }
    advance();
    // A body that is asked for is delivered before the next request is looked at.
    if (!stream_ || dead_ || deliver_wanted_) return;
  }
}

void ServerConnection::process_head(Buffer* buffer) {
  pipeline_paused_ = false;
  const Limits& limits = server_.limits_;
  const HeadLimits head_limits{limits.head_bytes, limits.target_bytes};
  ParsedHead head;
  head.field_store = server_.parse_fields_;
  if (!partial_) {
    const HeadResult result = parse_request_head(buffer->text(), head_limits, head);
    if (result == HeadResult::kError) return fail(head.error_status, head.error_detail);
    if (result == HeadResult::kIncomplete) {
      partial_ = server_.heads_.append(nullptr, buffer->text());
      if (!partial_) return fail(503, "too many heads in progress");
      to_consume_bytes_ += buffer->length;
      return input_.take(buffer->length);
    }
    Exchange* exchange = make_exchange(head);
    if (!exchange) return;
    exchange->head_buffer_ = buffer->retain();
    to_consume_bytes_ += head.head_bytes;
    input_.take(head.head_bytes);
    return start_exchange(head, *exchange);
  }

  // The rare way: the head came in pieces and is put together in a block.
  const uint32_t before = partial_->size;
  const uint32_t count = std::min(buffer->length, limits.head_bytes - before);
  HeadBlock* block = server_.heads_.append(partial_, buffer->text().substr(0, count));
  if (!block) return fail(503, "too many heads in progress");
  partial_ = block;
  const bool look = may_decide(block->text(), before) || block->size >= limits.target_bytes ||
                    block->size >= limits.head_bytes;
  const HeadResult result =
      look ? parse_request_head(block->text(), head_limits, head) : HeadResult::kIncomplete;
  if (result == HeadResult::kError) return fail(head.error_status, head.error_detail);
  if (result == HeadResult::kIncomplete) {
    to_consume_bytes_ += count;
    return input_.take(count);
  }
  if (waiting_ == Waiting::kHead) set_waiting(Waiting::kNothing);
  Exchange* exchange = make_exchange(head);
  if (!exchange) return;
  exchange->head_block_ = partial_;
  partial_ = nullptr;
  to_consume_bytes_ += head.head_bytes - before;
  input_.take(head.head_bytes - before);
  start_exchange(head, *exchange);
}

// An exchange with what the head says, not yet linked; nullptr when that was refused.
Exchange* ServerConnection::make_exchange(const ParsedHead& head) {
  if (head.content_length > server_.limits_.body_bytes) {
    fail(413, "body too large");
    return nullptr;
  }
  uint32_t number;
  Exchange* exchange = server_.exchanges_.allocate(number);
  if (!exchange) {
    ++server_.counters.requests_refused;
    fail(503, "too many requests in progress");
    return nullptr;
  }
  exchange->number_ = number;
  exchange->generation_ = server_.exchanges_.generation(number);
  exchange->connection_ = this;
  exchange->handler_ = server_.handler_;
  if (head.field_count > Exchange::kInlineFields)
    exchange->fields_ = exchange->field_block_ = server_.take_field_block();
  for (uint32_t i = 0; i < head.field_count; ++i) exchange->fields_[i] = head.field_store[i];
  exchange->field_count_ = head.field_count;
  exchange->target_ = head.target;
  exchange->method_ = head.method;
  exchange->version_minor_ = head.version_minor;
  exchange->received_ns_ = now_ns();
  exchange->expect_continue_ = head.expect_continue;
  exchange->content_length_ = head.chunked ? -1 : static_cast<int64_t>(head.content_length);
  ++requests_;
  const uint32_t most = server_.limits_.requests_per_connection;
  exchange->keep_alive_ = head.keep_alive && (most == 0 || requests_ < most);
  exchange->upgrade_wanted_ = head.upgrade || head.method == Method::kConnect;
  return exchange;
}

void ServerConnection::start_exchange(const ParsedHead& head, Exchange& exchange) {
  ++server_.counters.requests;
  ++in_progress_;
  (last_ ? last_->next_ : first_) = &exchange;
  last_ = &exchange;
  keep_alive_over_ = !exchange.keep_alive_;
  exchange.body_complete_ = !exchange.has_body();
  if (exchange.upgrade_wanted_) {
    phase_ = Phase::kUpgrade;  // advance() puts it to the handler when its turn has come
    return;
  }
  if (head.chunked) {
    decoder_.reset();
    phase_ = Phase::kChunked;
  } else if (head.content_length > 0) {
    body_remaining_bytes_ = head.content_length;
    phase_ = Phase::kBody;
  } else {
    phase_ = keep_alive_over_ ? Phase::kDrop : Phase::kHead;
  }
  dispatch(exchange);
}

void ServerConnection::dispatch(Exchange& exchange) {
  exchange.dispatched_ = true;
  if (exchange.upgrade_wanted_) {
    const bool wanted = exchange.handler_->on_upgrade(exchange);
    if (!stream_ || dead_) return;
    if (exchange.response_started_ && phase_ == Phase::kUpgrade)
      phase_ = keep_alive_over_ ? Phase::kDrop : Phase::kHead;
    if (wanted || exchange.response_started_) {
      exchange.upgrade_offered_ = true;
      return;
    }
    exchange.upgrade_wanted_ = false;
    if (exchange.method_ == Method::kConnect) {
      exchange.keep_alive_ = false;
      exchange.handler_done_ = true;
      phase_ = Phase::kDrop;
      ++server_.counters.unsupported_method;
      exchange.respond(501, "Content-Type: text/plain\r\n",
                       "501 Not Implemented: CONNECT is not offered here\n");
      return;
    }
    phase_ = keep_alive_over_ ? Phase::kDrop : Phase::kHead;
  }
  exchange.handler_->on_request(exchange);
}

// ---- bodies

void ServerConnection::process_body(Buffer* buffer) {
  Exchange& exchange = *last_;
  const uint32_t count = static_cast<uint32_t>(std::min<uint64_t>(buffer->length, body_remaining_bytes_));
  if (!body_bytes(exchange, count)) return;
  body_remaining_bytes_ -= count;
  if (body_remaining_bytes_ == 0) body_complete(exchange);
  deliver_body(exchange);
}

void ServerConnection::process_chunked() {
  Exchange& exchange = *last_;
  switch (input_.read_chunked(
      decoder_, [this](uint32_t framing) { to_consume_bytes_ += framing; },
      [&](uint32_t count) { return body_bytes(exchange, count); })) {
    case InputQueue::Chunked::kError: return fail(400, decoder_.detail());
    case InputQueue::Chunked::kStopped: return;
    case InputQueue::Chunked::kTrailers: phase_ = Phase::kTrailers; break;
    case InputQueue::Chunked::kMore: break;
  }
  deliver_body(exchange);
}

void ServerConnection::process_trailers(Buffer* buffer) {
  const Limits& limits = server_.limits_;
  ParsedHead head;
  head.field_store = server_.parse_fields_;
  const HeadLimits head_limits{limits.head_bytes, 0};
  Exchange& exchange = *last_;
  if (!partial_ && buffer->length >= 2 &&
      std::memcmp(buffer->data, "\r\n", 2) == 0) {  // none, as nearly always
    to_consume_bytes_ += 2;
    input_.take(2);
    body_complete(exchange);
    return deliver_body(exchange);
  }
  const uint32_t before = partial_ ? partial_->size : 0;
  const uint32_t count = std::min(buffer->length, limits.head_bytes - before);
  HeadBlock* block = server_.heads_.append(partial_, buffer->text().substr(0, count));
  if (!block) return fail(503, "too many heads in progress");
  partial_ = block;
  const bool look = may_decide(block->text(), before) || block->size >= limits.head_bytes;
  const HeadResult result = look ? parse_trailers(block->text(), head_limits, head) : HeadResult::kIncomplete;
  if (result == HeadResult::kError) return fail(head.error_status, head.error_detail);
  if (result == HeadResult::kIncomplete) {
    to_consume_bytes_ += count;
    return input_.take(count);
  }
  to_consume_bytes_ += head.head_bytes - before;
  input_.take(head.head_bytes - before);
  exchange.trailer_block_ = partial_;
  partial_ = nullptr;
  if (head.field_count) {
    exchange.trailer_fields_ = server_.take_field_block();
    std::copy_n(head.field_store.data(), head.field_count, exchange.trailer_fields_);
    exchange.trailers_ = {exchange.trailer_fields_, head.field_count};
  }
  body_complete(exchange);
  deliver_body(exchange);
}

void ServerConnection::body_complete(Exchange& exchange) {
  exchange.body_complete_ = true;
  phase_ = keep_alive_over_ ? Phase::kDrop : Phase::kHead;
}

// The first `count` bytes of the front of the input are body. False: the connection cannot go on.
bool ServerConnection::body_bytes(Exchange& exchange, uint32_t count) {
  activity_ = true;
  exchange.body_received_bytes_ += count;
  if (exchange.body_received_bytes_ > server_.limits_.body_bytes) {
    fail(413, "body too large");
    return false;
  }
  if (exchange.discarding_) {
    to_consume_bytes_ += count;
    input_.take(count);
    if (exchange.response_ended_ && exchange.body_received_bytes_ > kDiscardBytes &&
        !exchange.body_complete_ && exchange.content_length_ < 0)
      exchange.close_after_ = true;
    return true;
  }
  exchange.unconsumed_bytes_ += count;
  if (exchange.unconsumed_bytes_ > server_.limits_.pending_body_bytes && !exchange.body_paused_) {
    exchange.body_paused_ = true;
    ++server_.counters.body_paused;
  }
  if (input_.cut(count, exchange.body_, stream_->pool())) return true;
  ++server_.counters.no_buffers;
  abort_stream();
  return false;
}

void ServerConnection::deliver_body(Exchange& exchange) {
  if (!exchange.reading_body_ || exchange.discarding_ || exchange.aborted_ || dead_) return;
  if (Buffer* const chain = exchange.body_.take()) {
    exchange.handler_->on_body(exchange, chain);
    if (exchange.discarding_ || exchange.aborted_ || dead_ || !stream_) return;
  }
  if (exchange.body_complete_ && !exchange.body_end_told_) {
    exchange.body_end_told_ = true;
    exchange.handler_->on_body_end(exchange);
  }
}

void ServerConnection::drop_body(Exchange& exchange) {
  Buffer* const chain = exchange.body_.take();
  if (!chain) return;
  const uint32_t bytes = chain->chain_length();
  to_consume_bytes_ += bytes;
  exchange.unconsumed_bytes_ -= bytes;
  release(chain);
}

// RFC 9110 section 10.1.1: only while the client may still be waiting for it.
void ServerConnection::send_continue(Exchange& exchange) {
  if (!exchange.expect_continue_ || exchange.continue_sent_ || exchange.response_started_ ||
      exchange.aborted_)
    return;
  exchange.continue_sent_ = true;
  if (exchange.body_received_bytes_ == 0 && !exchange.body_complete_)
    exchange.put("HTTP/1.1 100 Continue\r\n\r\n");
}

// ---- ends

void ServerConnection::fail(uint16_t status, const char* detail) {
  ServerCounters& counters = server_.counters;
  switch (status) {
    case 408: break;  // counted by cause
    case 413: ++counters.body_too_large; break;
    case 414: ++counters.target_too_long; break;
    case 417: ++counters.expectation_failed; break;
    case 431:
      ++(std::strcmp(detail, "too many header fields") == 0 ? counters.too_many_headers
                                                            : counters.head_too_large);
      break;
    case 501: ++counters.unsupported_method; break;
    case 503: break;
    case 505: ++counters.unsupported_version; break;
    default: ++counters.bad_request;
  }
  phase_ = Phase::kDrop;
  drop_input();
  free_partial();
  if (last_ && !last_->body_complete_) {
    Exchange& exchange = *last_;
    if (exchange.response_ended_) {  // all was said; the rest of the body will not come
      exchange.body_complete_ = true;
      exchange.reading_body_ = false;
      exchange.close_after_ = true;
      return;
    }
    // A response of which the peer has a part can only be cut. Where its framing shows that (RFC 9112 section 8), FIN does,
    // and the responses before it still arrive; a reset would drop what of them waits to be sent.
    const bool cut = exchange.response_started_ && &exchange == first_;
    if (cut && exchange.framing_ != Exchange::Framing::kLength &&
        exchange.framing_ != Exchange::Framing::kChunked)
      return abort_stream();
    exchange.aborted_ = true;
    exchange.handler_->on_aborted(exchange, status == 408 ? Error::kTimedOut : Error::kInvalid);
    remove_last(exchange);
    if (cut) {
      ++counters.response_cut;
      return begin_close();
    }
  }
  error_status_ = status;
  error_detail_ = detail;
}

void ServerConnection::send_error() {
  const uint16_t status = error_status_;
  error_status_ = 0;
  char body[192];
  char* at = write_decimal(body, status);
  const auto put = [&at](std::string_view text) {
    std::memcpy(at, text.data(), text.size());
    at += text.size();
  };
  put(" ");
  put(status_reason(status));
  put(": ");
  put(std::string_view(error_detail_).substr(0, 96));
  put("\n");
  const uint32_t body_bytes = static_cast<uint32_t>(at - body);
  ResponseHead head;
  head.status = status;
  head.framing = ResponseHead::Framing::kLength;
  head.length = body_bytes;
  head.connection = ResponseHead::Connection::kClose;
  head.date_line = server_.date_.line(now_ns());
  head.fields = "Content-Type: text/plain\r\n";
  const uint32_t bound = head.bound_bytes() + body_bytes;
  Buffer* buffer = stream_->reserve(bound);
  if (!buffer) {
    ++server_.counters.no_buffers;
    return abort_stream();
  }
  char* const start = reinterpret_cast<char*>(buffer->end());
  char* end = head.write(start);
  std::memcpy(end, body, body_bytes);
  const uint32_t total = static_cast<uint32_t>(end - start) + body_bytes;
  buffer->append(total);
  stream_->commit(total);
  sent_bytes_ += total;
  server_.counters.bytes_sent += total;
  ++server_.counters.responses[status / 100];
  begin_close();
}

// The last response is queued: FIN behind it, and what still comes is received and dropped for a while, since closing with
// unread data would make the kernel or our TCP send RST, which can overtake the response (RFC 9112 section 9.6).
void ServerConnection::begin_close() {
  if (closing_ || dead_) return;
  closing_ = true;
  phase_ = Phase::kDrop;
  dropped_bytes_ = 0;
  drop_input();
  free_partial();
  stream_->shutdown();
}

// All was said, and the peer has been waited for.
void ServerConnection::leave_stream() {
  ++server_.counters.linger_aborted;
  dead_ = true;
  drop_input();
  stream_->leave();
}

uint32_t ServerConnection::linger_timeout_ms() const {
  const uint32_t timeout_ms = server_.limits_.linger_timeout_ms;
  return server_.leaving_ ? std::min(timeout_ms, Server::kLeaveTimeoutMs) : timeout_ms;
}

void ServerConnection::handle_peer_end() {
  peer_end_handled_ = true;
  if (closing_) return;
  const bool answered = !last_ || last_->response_ended_;
  if (!answered && !server_.limits_.half_open) {
    ++server_.counters.aborted_by_peer;
    error_status_ = 0;
    abort_exchanges(Error::kConnectionReset);
    return begin_close();
  }
  // Whether it has only finished sending or is gone shows when something is sent to it: a peer that is gone answers a probe
  // with a reset.
  if (!answered) stream_->set_keep_alive(true, kHalfClosedProbeMs);
  switch (phase_) {
    case Phase::kBody:
    case Phase::kChunked:
    case Phase::kTrailers: fail(400, "the body ended early"); break;
    case Phase::kHead:
      free_partial();
      phase_ = Phase::kDrop;
      break;
    case Phase::kUpgrade:
    case Phase::kDrop: break;
  }
}

// ---- time

void ServerConnection::update_waiting() {
  Waiting waiting = Waiting::kIdle;
  if (dead_) {
    waiting = Waiting::kNothing;
  } else if (closing_) {
    waiting = Waiting::kClose;
  } else if (phase_ == Phase::kBody || phase_ == Phase::kChunked || phase_ == Phase::kTrailers) {
    waiting = Waiting::kBody;
  } else if (partial_) {
    waiting = Waiting::kHead;
  } else if (first_) {
    waiting = Waiting::kHandler;
  }
  if (waiting != waiting_) {
    set_waiting(waiting);
  } else if (activity_) {
    if (waiting == Waiting::kIdle) wake_after(server_.limits_.idle_timeout_ms);
    if (waiting == Waiting::kBody) wake_after(server_.limits_.body_timeout_ms);
  }
  activity_ = false;
  if (waiting == Waiting::kHandler && wake_ns_ == UINT64_MAX && stream_->queued_bytes() > 0) {
    stall_taken_bytes_ = sent_bytes_ - stream_->queued_bytes();
    wake_after(server_.limits_.send_timeout_ms);
  }
}

void ServerConnection::set_waiting(Waiting waiting) {
  if (waiting_ == Waiting::kIdle) --server_.idle_connections_;
  if (waiting == Waiting::kIdle) ++server_.idle_connections_;
  waiting_ = waiting;
  const Limits& limits = server_.limits_;
  stall_taken_bytes_ = UINT64_MAX;
  switch (waiting) {
    case Waiting::kNothing:
    case Waiting::kHandler: wake_ns_ = UINT64_MAX; break;
    case Waiting::kIdle: wake_after(limits.idle_timeout_ms); break;
    case Waiting::kHead: wake_after(limits.header_timeout_ms); break;
    case Waiting::kBody: wake_after(limits.body_timeout_ms); break;
    case Waiting::kClose: wake_after(linger_timeout_ms()); break;
  }
}

// The timer is only armed anew when it would fire too late; when it fires too early, on_timer() sees to it.
void ServerConnection::wake_after(uint32_t timeout_ms) {
  wake_ns_ = timeout_ms ? now_ns() + timeout_ms * kNanosecondsPerMillisecond : UINT64_MAX;
  if (wake_ns_ == UINT64_MAX) return;
  if (!armed() || deadline_ns > wake_ns_) server_.reactor_.timers().arm(*this, wake_ns_);
}

// Whether the peer has taken nothing of what is queued since the last look. Otherwise looks again later.
bool ServerConnection::stalled() {
  const uint64_t taken = sent_bytes_ - stream_->queued_bytes();
  if (taken == stall_taken_bytes_) {
    ++server_.counters.send_timeout;
    abort_stream();
    return true;
  }
  stall_taken_bytes_ = taken;
  wake_after(server_.limits_.send_timeout_ms);
  return false;
}

void ServerConnection::on_timer() {
  const uint64_t now = now_ns();
  if (wake_ns_ > now) {
    if (wake_ns_ != UINT64_MAX) server_.reactor_.timers().arm(*this, wake_ns_);
    return;
  }
  Turn turn(*this);
  const bool sending = stream_->queued_bytes() > 0;
  switch (waiting_) {
    case Waiting::kNothing: break;
    case Waiting::kIdle:
      if (sending) {
        stalled();
      } else {
        ++server_.counters.idle_closed;
        begin_close();
      }
      break;
    case Waiting::kHead:
      ++server_.counters.header_timeout;
      fail(408, "the request head took too long");
      break;
    case Waiting::kBody:
      // While the handler holds the peer back, it is not the peer that is late.
      if (last_->unconsumed_bytes_ > 0 || (last_->expect_continue_ && !last_->continue_sent_)) {
        wake_after(server_.limits_.body_timeout_ms);
      } else {
        ++server_.counters.body_timeout;
        fail(408, "the request body took too long");
      }
      break;
    case Waiting::kHandler:
      wake_ns_ = UINT64_MAX;
      if (sending) stalled();
      break;
    case Waiting::kClose:
      if (sending) {
        stalled();
      } else if (!lingered_ && !peer_ended_ && !server_.leaving_) {
        lingered_ = true;
        wake_after(linger_timeout_ms());
      } else {
        leave_stream();
      }
      break;
  }
}

}  // namespace sluice::http
