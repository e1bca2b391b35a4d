// SPDX-License-Identifier: Apache-2.0
// The HTTP/1.1 server engine of one core (RFC 9110, RFC 9112): streams in, exchanges out. It has never heard of
// JavaScript: a handler in C++ (the native responder, the proxy) and the bridge to V8 use the same interface.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "dataplane/core/histogram.hh"
#include "dataplane/core/reactor.hh"
#include "dataplane/core/slab.hh"
#include "dataplane/http/date_cache.hh"
#include "dataplane/http/head_store.hh"
#include "dataplane/http/input_queue.hh"
#include "dataplane/http/message.hh"
#include "dataplane/transport/transport.hh"

namespace sluice::http {

class Server;
class ServerConnection;
class ServerHandler;
struct OwnFields;
struct ParsedHead;
struct ResponseHead;

// One request and its response. Lives in a slab of its server from on_request until both the response has been queued in
// full (or the connection died and on_aborted returned) and the request body has been received or discarded; then
// on_released is its last call. Its head (method, target, fields) stays readable until on_released.
//
// Calls out of calls: while a handler is inside a call from the engine, nothing that it does releases an exchange of the
// same connection before it returns. A call from outside (respond() a turn later, say) may, before it returns, lead to
// on_released of this exchange and to on_request, on_body, ... of later ones of the same connection.
class Exchange {
 public:
  // --- the request
  Method method() const { return method_; }
  std::string_view target() const {
    return target_;
  }  // as received (origin-form, absolute-form, authority-form, asterisk-form)
  uint8_t version_minor() const { return version_minor_; }                          // HTTP/1.x
  std::span<const HeaderField> headers() const { return {fields_, field_count_}; }  // in order of arrival
  std::string_view header(
      std::string_view name) const;  // the first of that name, or empty with data() == nullptr
  bool has_body() const { return content_length_ != 0; }      // Content-Length > 0 or chunked
  int64_t content_length() const { return content_length_; }  // -1: chunked
  bool keep_alive() const { return keep_alive_; }
  std::span<const HeaderField> trailers() const { return trailers_; }  // from on_body_end on
  Endpoint local() const;
  Endpoint remote() const;
  uint64_t received_ns() const { return received_ns_; }  // reactor time at which the head was complete

  // --- the request's body. Pieces come by on_body once read_body() was called; until then they wait in the connection
  // (bounded by Limits::pending_body_bytes, then the peer is held back). Calling read_body() also sends 100 Continue when
  // that was expected (RFC 9110 section 10.1.1).
  void read_body();
  // The pieces wait in the connection again, until read_body() is called the next time.
  void pause_body() { reading_body_ = false; }
  // The handler has dealt with `bytes` of the pieces that it took: more may come.
  void body_consumed(uint32_t bytes);
  // The rest of the body is of no interest: received and dropped, or the connection is closed after the response when
  // that is cheaper.
  void discard_body();

  // --- the response. `fields` are header lines "Name: value\r\n", well-formed (the caller has checked them); the engine adds
  // Date, Connection / Keep-Alive and the framing (Content-Length or Transfer-Encoding) unless the fields name them.
  // Complete response at once; the bytes are copied into the send queue. For HEAD requests `body` only gives the length.
  void respond(uint16_t status, std::string_view fields, std::string_view body);
  // The same with a body by reference; takes the chain.
  void respond(uint16_t status, std::string_view fields, Buffer* body);
  // In-place variant for callers that produce bytes themselves (the bridge encodes a JavaScript string straight into the
  // send queue): writes the head with Content-Length `body_bytes`, then calls produce(context, destination) once or more
  // for consecutive pieces of the body.
  struct BodyProducer {
    void* context;
    void (*produce)(void* context, std::byte* destination, uint32_t offset, uint32_t count);
  };
  void respond(uint16_t status, std::string_view fields, uint32_t body_bytes, BodyProducer producer);

  static constexpr int64_t kLengthUnknown = -1;  // chunked for HTTP/1.1, until close for 1.0
  void start(uint16_t status, std::string_view fields, std::string_view reason, int64_t content_length);
  // False: the send queue is full; on_drained will tell when to go on (the bytes were queued all the same).
  bool write(std::string_view bytes);
  bool write(Buffer* chain);  // takes it
  // Ends the response; `trailers` are header lines, sent when the body is chunked.
  void end(std::string_view trailers = {});
  // 1xx before the response: 103 Early Hints, 102, 100 (RFC 9110 section 15.2).
  void informational(uint16_t status, std::string_view fields);
  bool response_started() const { return response_started_; }
  bool response_ended() const { return response_ended_; }
  // The peer is gone or the connection broke: nothing that is written arrives any more.
  bool aborted() const { return aborted_; }
  // Ends the connection at once, the response unfinished.
  void abort();

  // For Upgrade and CONNECT (on_upgrade): the connection becomes the handler's raw stream. Bytes that came after the head
  // are delivered to `user` first, from inside this call (it gives them back by stream.consumed()). The exchange is released.
  // Called inside on_upgrade, or later when that returned true; respond() instead turns the request down.
  transport::Stream* upgrade(transport::StreamUser& user);

  // From now on this exchange's events go to `handler` (the proxy takes an exchange over this way). May be called inside an event.
  void set_handler(ServerHandler& handler) { handler_ = &handler; }
  ServerHandler& handler() const { return *handler_; }

  // --- the handler's own
  uint32_t number() const { return number_; }          // slot in the server's slab: small and dense
  uint32_t generation() const { return generation_; }  // with number(): a handle that no later request has
  void* handler_data = nullptr;

 private:
  friend class Server;
  friend class ServerConnection;
  // Fields of an ordinary head lie in the exchange itself; of a longer one in a block from the server.
  static constexpr uint32_t kInlineFields = 16;
  // Of a response that waits for its turn behind others, write() asks the writer to pause.
  static constexpr uint32_t kHeldHighMarkBytes = 64 * 1024;
  // Where the body of the response ends.
  enum class Framing : uint8_t { kNone, kLength, kChunked, kUntilClose };

  bool begin_response();
  uint64_t plan_complete(ResponseHead& head, const OwnFields& own, uint64_t body_bytes);
  void plan_connection(ResponseHead& head, const OwnFields& own);
  void finish_response();
  bool is_front() const;
  bool is_full();
  bool response_has_no_body() const;
  // The place for small writes: in the stream when it is this exchange's turn, else in what is held.
  Buffer* reserve(uint32_t bytes);
  void commit(uint32_t bytes);
  bool put(std::string_view bytes);
  bool put(Buffer* chain);
  bool put_head(const ResponseHead& head);
  void lose_connection();

  ServerConnection* connection_ = nullptr;
  ServerHandler* handler_ = nullptr;
  Exchange* next_ = nullptr;  // of the same connection, in order of arrival
  // What the head's views point into: one reference of a received Buffer, or a block.
  Buffer* head_buffer_ = nullptr;
  HeadBlock* head_block_ = nullptr;
  HeadBlock* trailer_block_ = nullptr;
  HeaderField* fields_ = reinterpret_cast<HeaderField*>(inline_fields_);
  HeaderField* field_block_ = nullptr;
  HeaderField* trailer_fields_ = nullptr;
  uint32_t field_count_ = 0;
  uint32_t number_ = 0, generation_ = 0;
  std::string_view target_;
  std::span<const HeaderField> trailers_;
  int64_t content_length_ = 0;
  uint64_t received_ns_ = 0;
  BodyChain body_;  // of the request, what the handler has not got
  uint64_t body_received_bytes_ = 0;
  uint64_t unconsumed_bytes_ = 0;  // received, but not given back to the stream's window
  // Response bytes of an exchange whose turn has not come: one chain.
  Buffer* held_head_ = nullptr;
  Buffer* held_tail_ = nullptr;
  uint64_t held_bytes_ = 0;
  uint64_t response_remaining_bytes_ = 0;  // of kLength
  Method method_ = Method::kGet;
  uint8_t version_minor_ = 1;
  Framing framing_ = Framing::kNone;
  uint16_t status_ = 0;
  bool keep_alive_ = false, expect_continue_ = false, upgrade_wanted_ = false, upgrade_offered_ = false;
  bool reading_body_ = false, discarding_ = false, body_complete_ = true, body_end_told_ = false;
  bool continue_sent_ = false, response_started_ = false, response_ended_ = false, close_after_ = false;
  bool drop_body_ = false, told_full_ = false, aborted_ = false, dispatched_ = false, handler_done_ = false,
       body_paused_ = false;
  alignas(HeaderField) std::byte
      inline_fields_[kInlineFields * sizeof(HeaderField)];  // not cleared for every request
};

// Who answers. All calls on the server's core.
class ServerHandler {
 public:
  // The head is complete and sound. The handler may respond before returning, or any time later.
  virtual void on_request(Exchange& exchange) = 0;
  // A piece of the body, takes the chain. Only after exchange.read_body().
  virtual void on_body(Exchange& exchange, Buffer* chain) = 0;
  virtual void on_body_end(Exchange& exchange) = 0;
  virtual void on_drained(Exchange& exchange) { (void)exchange; }
  // The connection died before the response was complete. Nothing may be written any more.
  virtual void on_aborted(Exchange& exchange, Error error) {
    (void)exchange;
    (void)error;
  }
  // Upgrade or CONNECT was asked for. False: not wanted; then on_request follows and the request is an ordinary one
  // (RFC 9110 section 7.8); CONNECT is answered 501, and no further call follows for it. Asked when all earlier requests of the
  // connection are answered.
  virtual bool on_upgrade(Exchange& exchange) {
    (void)exchange;
    return false;
  }
  virtual void on_released(Exchange& exchange) { (void)exchange; }

 protected:
  ~ServerHandler() = default;
};

struct ServerCounters {
  uint64_t connections_accepted = 0, connections_refused = 0, accept_paused = 0, requests = 0,
           responses[6] = {};  // by class; [0] unused
  uint64_t bytes_received = 0, bytes_sent = 0;
  uint64_t bad_request = 0, header_timeout = 0, idle_closed = 0, body_timeout = 0, head_too_large = 0,
           target_too_long = 0, body_too_large = 0, too_many_headers = 0, unsupported_version = 0,
           unsupported_method = 0, expectation_failed = 0;
  uint64_t aborted_by_peer = 0, pipeline_paused = 0, body_paused = 0;
  uint64_t send_timeout = 0, linger_aborted = 0, no_buffers = 0, requests_refused = 0, response_cut = 0,
           upgraded = 0;
};

class Server final : public transport::ListenerUser {
 public:
  // Borrows all; they outlive the server. The server is destroyed when no connection is left (drained() or after abort_all()).
  Server(Reactor& reactor, Clock& clock, const Limits& limits, ServerHandler& handler);
  ~Server();
  Server(const Server&) = delete;
  // Pass this as the ListenerUser of transport.listen().
  void on_accepted(transport::Stream& stream) override;

  // The listener whose connections come here, or nullptr before it goes: told to stop accepting at Limits::connections, so
  // that new ones wait in its backlog instead of being refused.
  void set_listener(transport::Listener* listener);
  // Stops keep-alive: idle connections are closed now, others after their current responses (`Connection: close`).
  // `leaving`: the process ends with the last response; peers that do not close their side are waited for no longer than
  // kLeaveTimeoutMs.
  void drain(bool leaving = false);
  static constexpr uint32_t kLeaveTimeoutMs = 100;
  bool drained() const { return connections() == 0; }  // no connection is left
  void abort_all();
  Exchange* find(uint32_t number, uint32_t generation);
  // Hands all requests from now on to another handler; those in progress stay with theirs (hot reload).
  void set_handler(ServerHandler& handler);
  uint32_t connections() const;
  uint32_t idle_connections() const {
    return idle_connections_;
  }  // no request in progress, no part of a head received
  uint32_t requests_in_progress() const { return exchanges_.live_count(); }
  ServerCounters counters;
  Histogram latency;  // from a complete head to a response that is queued in full, one per response

 private:
  friend class ServerConnection;
  friend class Exchange;
  void connection_gone(uint32_t number);
  HeaderField* take_field_block();
  void give_field_block(HeaderField* block);

  Reactor& reactor_;
  Clock& clock_;
  const Limits limits_;
  ServerHandler* handler_;
  DateCache date_;
  HeadStore heads_;
  Slab<Exchange> exchanges_;
  std::unique_ptr<Slab<ServerConnection>> connections_;
  std::vector<HeaderField> parse_fields_;   // where the head that is being parsed puts its fields
  std::vector<HeaderField*> field_blocks_;  // free ones, of limits_.header_count each
  uint32_t idle_connections_ = 0;
  transport::Listener* listener_ = nullptr;
  bool accepting_ = true;
  bool draining_ = false, leaving_ = false;
};

}  // namespace sluice::http
