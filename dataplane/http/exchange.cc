// SPDX-License-Identifier: Apache-2.0
// The response side of an exchange: framing that is always right, into the stream when it is this exchange's turn and into
// a chain of its own until then.
#include <algorithm>
#include <cstring>

#include "dataplane/core/cycles.hh"
#include "dataplane/http/response_head.hh"
#include "dataplane/http/server_connection.hh"

namespace sluice::http {

namespace {
constexpr uint32_t kReserveBytes = transport::Stream::kReserveLimitBytes;
}  // namespace

std::string_view Exchange::header(std::string_view name) const {
  for (const HeaderField& field : headers())
    if (field_name_equals(field.name, name)) return field.value;
  return {};
}

Endpoint Exchange::local() const { return connection_->stream_ ? connection_->stream_->local() : Endpoint(); }
Endpoint Exchange::remote() const {
  return connection_->stream_ ? connection_->stream_->remote() : Endpoint();
}

// ---- request body

void Exchange::read_body() {
  if (reading_body_ || discarding_ || aborted_) return;
  ServerConnection::Turn turn(*connection_);
  reading_body_ = true;
  connection_->send_continue(*this);
  connection_->deliver_wanted_ = true;
}

void Exchange::body_consumed(uint32_t bytes) {
  if (aborted_) return;
  SLUICE_ASSERT(bytes <= unconsumed_bytes_);
  ServerConnection::Turn turn(*connection_);
  unconsumed_bytes_ -= bytes;
  connection_->to_consume_bytes_ += bytes;
  if (unconsumed_bytes_ <= connection_->server_.limits_.pending_body_bytes / 2) body_paused_ = false;
}

void Exchange::discard_body() {
  if (discarding_ || aborted_) return;
  ServerConnection::Turn turn(*connection_);
  discarding_ = true;
  reading_body_ = false;
  connection_->drop_body(*this);
}

// ---- output

bool Exchange::is_front() const { return connection_->first_ == this; }

bool Exchange::is_full() {
  const bool full = is_front() ? connection_->stream_->write_is_full() : held_bytes_ >= kHeldHighMarkBytes;
  told_full_ = told_full_ || full;
  return full;
}

Buffer* Exchange::reserve(uint32_t bytes) {
  if (is_front()) return connection_->stream_->reserve(bytes);
  if (held_tail_ && held_tail_->references == 1 && held_tail_->tailroom() >= bytes) return held_tail_;
  Buffer* buffer = connection_->stream_->pool().allocate();
  if (!buffer) return nullptr;
  (held_tail_ ? held_tail_->next_segment : held_head_) = buffer;
  held_tail_ = buffer;
  return buffer;
}

void Exchange::commit(uint32_t bytes) {
  connection_->server_.counters.bytes_sent += bytes;
  if (is_front()) {
    connection_->stream_->commit(bytes);
    connection_->sent_bytes_ += bytes;
  } else {
    held_bytes_ += bytes;
  }
}

// A response that cannot be completed must not look complete.
void Exchange::lose_connection() {
  ++connection_->server_.counters.no_buffers;
  connection_->abort_stream();
}

bool Exchange::put(std::string_view bytes) {
  while (!bytes.empty()) {
    if (connection_->dead_) return false;
    Buffer* buffer = reserve(static_cast<uint32_t>(std::min<size_t>(bytes.size(), kReserveBytes)));
    if (!buffer) {
      lose_connection();
      return false;
    }
    const uint32_t count = static_cast<uint32_t>(std::min<size_t>(bytes.size(), buffer->tailroom()));
    buffer->append(bytes.data(), count);
    commit(count);
    bytes.remove_prefix(count);
  }
  return true;
}

bool Exchange::put(Buffer* chain) {
  if (!chain) return true;
  if (connection_->dead_) {
    release(chain);
    return false;
  }
  const uint32_t bytes = chain->chain_length();
  connection_->server_.counters.bytes_sent += bytes;
  if (is_front()) {
    connection_->sent_bytes_ += bytes;
    return connection_->stream_->write(chain) == Error::kNone;
  }
  (held_tail_ ? held_tail_->next_segment : held_head_) = chain;
  while (chain->next_segment) chain = chain->next_segment;
  held_tail_ = chain;
  held_bytes_ += bytes;
  return true;
}

bool Exchange::put_head(const ResponseHead& head) {
  const uint32_t bound = head.bound_bytes();
  if (bound <= kReserveBytes) {
    Buffer* buffer = reserve(bound);
    if (!buffer) {
      lose_connection();
      return false;
    }
    char* const start = reinterpret_cast<char*>(buffer->end());
    const uint32_t count = static_cast<uint32_t>(head.write(start) - start);
    buffer->append(count);
    commit(count);
    return true;
  }
  // A long head is put together aside: rare, and it may be longer than any Buffer.
  HeadBlock* block = connection_->server_.heads_.allocate(bound);
  if (!block) {
    lose_connection();
    return false;
  }
  const size_t count = static_cast<size_t>(head.write(block->bytes()) - block->bytes());
  const bool done = put(std::string_view(block->bytes(), count));
  connection_->server_.heads_.release(block);
  return done;
}

// ---- the response

bool Exchange::begin_response() {
  if (aborted_ || connection_->dead_) return false;
  SLUICE_ASSERT(!response_started_);
  response_started_ = true;
  return true;
}

bool Exchange::response_has_no_body() const {
  return method_ == Method::kHead || status_ == 204 || status_ == 304;
}

// Whether the connection goes on after this response, and what the head says of it (RFC 9112 section 9.3).
void Exchange::plan_connection(ResponseHead& head, const OwnFields& own) {
  ServerConnection& connection = *connection_;
  close_after_ =
      close_after_ || !keep_alive_ || own.close || connection.drain_ || connection.server_.draining_;
  if (!body_complete_ && !reading_body_) {
    // The client may or may not send the body that it announced, so what follows could not be told apart; or so much is
    // still to come that dropping it costs more than a new connection.
    if (expect_continue_ && !continue_sent_ && body_received_bytes_ == 0) close_after_ = true;
    if (content_length_ > 0 && static_cast<uint64_t>(content_length_) - body_received_bytes_ > kDiscardBytes)
      close_after_ = true;
  }
  if (close_after_) {
    head.drop_own_connection = own.connection && !own.close;
    if (!own.close) head.connection = ResponseHead::Connection::kClose;
  } else if (version_minor_ == 0 && !own.connection) {
    head.connection = ResponseHead::Connection::kKeepAlive;
  }
  if (!own.date) head.date_line = connection.server_.date_.line(connection.now_ns());
}

// The head of a response whose body of `body_bytes` is at hand; returns how many of these bytes are to be sent.
uint64_t Exchange::plan_complete(ResponseHead& head, const OwnFields& own, uint64_t body_bytes) {
  plan_connection(head, own);
  head.drop_own_framing = own.has_framing();
  if (head.status == 204) return 0;  // RFC 9110 section 8.6: no Content-Length
  if (head.status == 304 || method_ == Method::kHead) {
    // The length that GET would have: as the fields say, else that of the body given.
    if (own.content_length && !own.bad_content_length) body_bytes = own.length;
    if (head.status != 304 || own.content_length) {
      head.framing = ResponseHead::Framing::kLength;
      head.length = body_bytes;
    }
    return 0;
  }
  head.framing = ResponseHead::Framing::kLength;
  head.length = head.status == 205 ? 0 : body_bytes;  // RFC 9110 section 15.3.6
  return head.length;
}

void Exchange::finish_response() {
  Server& server = connection_->server_;
  response_ended_ = true;
  ++server.counters.responses[status_ < 600 ? status_ / 100 : 5];
  const uint64_t now_ns = server.clock_.monotonic_ns();
  server.latency.record(now_ns > received_ns_ ? now_ns - received_ns_ : 0);
  if (!body_complete_ && !reading_body_ && !discarding_) {
    discarding_ = true;
    connection_->drop_body(*this);
  }
  // An answer to a request for an upgrade turns it down.
  if (upgrade_wanted_ && connection_->last_ == this &&
      connection_->phase_ == ServerConnection::Phase::kUpgrade) {
    if (method_ == Method::kConnect) close_after_ = true;
    connection_->phase_ = connection_->keep_alive_over_ || close_after_ ? ServerConnection::Phase::kDrop
                                                                        : ServerConnection::Phase::kHead;
  }
}

namespace {
constexpr uint16_t sound_status(uint16_t status) { return status >= 200 && status <= 999 ? status : 500; }
}  // namespace

void Exchange::respond(uint16_t status, std::string_view fields, std::string_view body) {
  const cycles::Scope stage(cycles::Stage::kHttp);
  if (!begin_response()) return;
  ServerConnection::Turn turn(*connection_);
  status_ = sound_status(status);
  ResponseHead head;
  head.status = status_;
  head.fields = fields;
  const uint64_t count = plan_complete(head, read_own_fields(fields), body.size());
  body = body.substr(0, count);
  const uint64_t bound = head.bound_bytes() + count;
  if (bound <= kReserveBytes) {
    Buffer* buffer = reserve(static_cast<uint32_t>(bound));
    if (!buffer) return lose_connection();
    char* const start = reinterpret_cast<char*>(buffer->end());
    char* const end = head.write(start);
    if (!body.empty()) std::memcpy(end, body.data(), body.size());
    const uint32_t total = static_cast<uint32_t>(end - start) + static_cast<uint32_t>(body.size());
    buffer->append(total);
    commit(total);
  } else if (!put_head(head) || !put(body)) {
    return;
  }
  finish_response();
}

void Exchange::respond(uint16_t status, std::string_view fields, Buffer* body) {
  const cycles::Scope stage(cycles::Stage::kHttp);
  if (!begin_response()) return release(body);
  ServerConnection::Turn turn(*connection_);
  status_ = sound_status(status);
  ResponseHead head;
  head.status = status_;
  head.fields = fields;
  const uint64_t count = plan_complete(head, read_own_fields(fields), body ? body->chain_length() : 0);
  if (!put_head(head)) return release(body);
  if (count == 0) {
    release(body);
  } else if (!put(body)) {
    return;
  }
  finish_response();
}

void Exchange::respond(uint16_t status, std::string_view fields, uint32_t body_bytes, BodyProducer producer) {
  const cycles::Scope stage(cycles::Stage::kHttp);
  if (!begin_response()) return;
  ServerConnection::Turn turn(*connection_);
  status_ = sound_status(status);
  ResponseHead head;
  head.status = status_;
  head.fields = fields;
  const uint32_t count = static_cast<uint32_t>(plan_complete(head, read_own_fields(fields), body_bytes));
  const uint32_t bound = head.bound_bytes();
  uint32_t offset = 0;
  if (bound + count <= kReserveBytes) {
    Buffer* buffer = reserve(bound + count);
    if (!buffer) return lose_connection();
    char* const start = reinterpret_cast<char*>(buffer->end());
    char* const end = head.write(start);
    if (count) producer.produce(producer.context, reinterpret_cast<std::byte*>(end), 0, count);
    const uint32_t total = static_cast<uint32_t>(end - start) + count;
    buffer->append(total);
    commit(total);
    offset = count;
  } else if (!put_head(head)) {
    return;
  }
  while (offset < count) {
    Buffer* buffer = reserve(std::min(count - offset, kReserveBytes));
    if (!buffer) return lose_connection();
    const uint32_t piece = std::min(count - offset, buffer->tailroom());
    producer.produce(producer.context, buffer->end(), offset, piece);
    buffer->append(piece);
    commit(piece);
    offset += piece;
  }
  finish_response();
}

void Exchange::start(uint16_t status, std::string_view fields, std::string_view reason,
                     int64_t content_length) {
  const cycles::Scope stage(cycles::Stage::kHttp);
  if (!begin_response()) return;
  ServerConnection::Turn turn(*connection_);
  status_ = sound_status(status);
  const OwnFields own = read_own_fields(fields);
  ResponseHead head;
  head.status = status_;
  head.fields = fields;
  const bool sound_reason = std::all_of(reason.begin(), reason.end(), [](char c) {
    return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  });
  if (sound_reason) head.reason = reason;
  head.drop_own_framing = own.has_framing();
  if (content_length < 0 && own.content_length && !own.bad_content_length && !own.chunked)
    content_length = static_cast<int64_t>(own.length);
  drop_body_ = response_has_no_body();
  if (status_ == 205) content_length = 0;
  if (status_ == 204) {
    framing_ = Framing::kNone;
  } else if (content_length >= 0) {
    framing_ = Framing::kLength;
    response_remaining_bytes_ = static_cast<uint64_t>(content_length);
  } else if (drop_body_) {
    framing_ = Framing::kNone;  // HEAD and 304 of unknown length say nothing of it
  } else {
    framing_ = version_minor_ >= 1 ? Framing::kChunked : Framing::kUntilClose;
  }
  if (framing_ == Framing::kUntilClose) close_after_ = true;
  plan_connection(head, own);
  if (framing_ == Framing::kLength) {
    head.framing = ResponseHead::Framing::kLength;
    head.length = response_remaining_bytes_;
  } else if (framing_ == Framing::kChunked) {
    head.framing = ResponseHead::Framing::kChunked;
  }
  put_head(head);
}

bool Exchange::write(std::string_view bytes) {
  const cycles::Scope stage(cycles::Stage::kHttp);
  if (aborted_ || connection_->dead_ || response_ended_) return false;
  SLUICE_ASSERT(response_started_);
  if (bytes.empty() || drop_body_) return true;
  ServerConnection::Turn turn(*connection_);
  if (framing_ == Framing::kLength) {
    if (bytes.size() > response_remaining_bytes_) {
      ++connection_->server_.counters.response_cut;
      bytes = bytes.substr(0, response_remaining_bytes_);
    }
    response_remaining_bytes_ -= bytes.size();
    put(bytes);
  } else if (framing_ == Framing::kChunked) {
    put(ChunkLine(bytes.size()).text()) && put(bytes) && put("\r\n");
  } else {
    put(bytes);
  }
  return !connection_->dead_ && !is_full();
}

bool Exchange::write(Buffer* chain) {
  const cycles::Scope stage(cycles::Stage::kHttp);
  if (aborted_ || connection_->dead_ || response_ended_) {
    release(chain);
    return false;
  }
  SLUICE_ASSERT(response_started_);
  const uint32_t bytes = chain ? chain->chain_length() : 0;
  if (bytes == 0 || drop_body_) {
    release(chain);
    return true;
  }
  ServerConnection::Turn turn(*connection_);
  if (framing_ == Framing::kLength) {
    if (bytes > response_remaining_bytes_) {
      // More than was announced: the rest would be read as the next response.
      ++connection_->server_.counters.response_cut;
      uint64_t left = response_remaining_bytes_;
      response_remaining_bytes_ = 0;
      for (Buffer* segment = chain; segment && left > 0; segment = segment->next_segment) {
        const uint32_t count = static_cast<uint32_t>(std::min<uint64_t>(segment->length, left));
        put(segment->text().substr(0, count));
        left -= count;
      }
      release(chain);
    } else {
      response_remaining_bytes_ -= bytes;
      put(chain);
    }
  } else if (framing_ == Framing::kChunked) {
    if (put(ChunkLine(bytes).text())) {
      put(chain) && put("\r\n");
    } else {
      release(chain);
    }
  } else {
    put(chain);
  }
  return !connection_->dead_ && !is_full();
}

void Exchange::end(std::string_view trailers) {
  const cycles::Scope stage(cycles::Stage::kHttp);
  if (aborted_ || connection_->dead_ || response_ended_) return;
  SLUICE_ASSERT(response_started_);
  ServerConnection::Turn turn(*connection_);
  if (framing_ == Framing::kChunked && !drop_body_) {
    if (!put("0\r\n") || !put(trailers) || !put("\r\n")) return;
  } else if (framing_ == Framing::kLength && !drop_body_ && response_remaining_bytes_ > 0) {
    // Less than was announced: only closing tells the client (RFC 9112 section 8).
    ++connection_->server_.counters.response_cut;
    connection_->abort_stream();
    return;
  }
  finish_response();
}

void Exchange::informational(uint16_t status, std::string_view fields) {
  if (aborted_ || connection_->dead_ || response_started_ || version_minor_ == 0) return;
  if (status < 100 || status > 199 || status == 101) return;
  ServerConnection::Turn turn(*connection_);
  if (status == 100) continue_sent_ = true;
  ResponseHead head;
  head.status = status;
  head.fields = fields;
  put_head(head);
}

void Exchange::abort() {
  if (aborted_) return;
  ServerConnection::Turn turn(*connection_);
  connection_->abort_stream();
}

transport::Stream* Exchange::upgrade(transport::StreamUser& user) {
  ServerConnection& connection = *connection_;
  if (aborted_ || connection.dead_ || !upgrade_wanted_ || response_started_ || !is_front()) return nullptr;
  ServerConnection::Turn turn(connection);
  ++connection.server_.counters.upgraded;
  transport::Stream* const stream = connection.stream_;
  if (connection.to_consume_bytes_) stream->consumed(connection.to_consume_bytes_);
  connection.to_consume_bytes_ = 0;
  response_started_ = response_ended_ = true;
  stream->set_user(&user);
  connection.stream_ = nullptr;
  Buffer* const input = connection.input_.take_chain();
  const bool ended = connection.peer_ended_;
  if (input) user.on_data(*stream, input);
  if (ended) user.on_end(*stream);
  return stream;
}

}  // namespace sluice::http
