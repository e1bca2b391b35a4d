// SPDX-License-Identifier: Apache-2.0
// One connection of the client engine: carries one request at a time and goes back to its origin's pool only when the last
// response was cut out of the stream beyond doubt.
#pragma once
#include <cstdint>

#include "dataplane/core/timer.hh"
#include "dataplane/http/chunked_decoder.hh"
#include "dataplane/http/client.hh"
#include "dataplane/http/head_parser.hh"
#include "dataplane/http/input_queue.hh"

namespace sluice::http {

// All that is known of one server: its connections and the requests that wait for one.
struct ClientOrigin {
  Endpoint endpoint;
  ClientConnection* idle = nullptr;  // most recently used first
  uint32_t connections = 0, idle_count = 0;
  uint32_t pins = 0;  // users of this object in progress: it stays as long
  ClientRequest* waiting_head = nullptr;
  ClientRequest* waiting_tail = nullptr;

  void push_waiting(ClientRequest& request);
  void push_waiting_front(ClientRequest& request);
  void remove_waiting(ClientRequest& request);
};

class ClientConnection final : public transport::StreamUser, private Timer {
 public:
  ClientConnection(Client& client, ClientOrigin& origin);
  ClientConnection(const ClientConnection&) = delete;
  ~ClientConnection();

  void on_connected(transport::Stream& stream) override;
  void on_data(transport::Stream& stream, Buffer* chain) override;
  void on_end(transport::Stream& stream) override;
  void on_writable(transport::Stream& stream) override;
  void on_closed(transport::Stream& stream, Error error) override;

 private:
  friend class Client;
  friend class ClientRequest;

  class Turn {
   public:
    explicit Turn(ClientConnection& connection) : connection_(connection) { ++connection.depth_; }
    Turn(const Turn&) = delete;
    ~Turn() {
      if (connection_.depth_ == 1)
        connection_.settle();
      else
        --connection_.depth_;
    }

   private:
    ClientConnection& connection_;
  };
  enum class Phase : uint8_t { kConnecting, kIdle, kHead, kBody, kChunked, kTrailers, kUntilClose, kDrop };

  void assign(ClientRequest& request);
  void send(ClientRequest& request);
  void settle();
  void process();
  void process_head(Buffer* buffer);
  void process_body(Buffer* buffer);
  void process_chunked();
  void process_trailers(Buffer* buffer);
  bool piece(uint32_t count);
  void deliver();
  void head_complete(const ParsedHead& head);
  void complete(std::span<const HeaderField> trailers);
  void malformed();
  void fail(Error error);
  bool retry();
  void drop();
  void close_gently();
  void tell_connected();
  void tell_drained();
  void become_idle();
  void leave_idle();
  void detach(ClientRequest& request);
  void drop_input();
  void drop_body();
  void wait_for(uint32_t timeout_ms);
  void on_timer();

  Client& client_;
  transport::Stream* stream_ = nullptr;
  ClientOrigin& origin_;
  ClientRequest* request_ = nullptr;
  ClientConnection* previous_idle_ = nullptr;
  ClientConnection* next_idle_ = nullptr;
  InputQueue input_;
  BodyChain body_;  // for the next on_body
  HeadBlock* partial_ = nullptr;
  uint64_t body_remaining_bytes_ = 0;
  uint64_t wake_ns_ = UINT64_MAX;
  uint64_t written_bytes_ = 0, taken_bytes_ = 0;  // of the request: to see whether the server takes it
  ChunkedDecoder decoder_;
  uint32_t number_ = 0;
  uint32_t to_consume_bytes_ = 0;
  Error close_error_ = Error::kNone;  // why this side aborted
  uint8_t depth_ = 0;
  Phase phase_ = Phase::kConnecting;
  bool reused_ = false, reusable_ = false, peer_ended_ = false, dead_ = false, in_idle_ = false,
       gone_ = false;
};

}  // namespace sluice::http
