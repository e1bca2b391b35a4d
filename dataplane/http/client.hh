// SPDX-License-Identifier: Apache-2.0
// The HTTP/1.1 client engine of one core: pools of keep-alive connections per origin, used by the proxy, by scripts and
// by the load generator.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dataplane/core/reactor.hh"
#include "dataplane/core/slab.hh"
#include "dataplane/http/head_store.hh"
#include "dataplane/http/message.hh"
#include "dataplane/transport/transport.hh"

namespace sluice::http {

class Client;
class ClientConnection;
class ClientRequest;
struct ClientOrigin;

// Who asked. All calls on the client's core, none from inside Client::request() or a call into the same request, except where
// said. The views of a response head are valid during the call. After its last call the request is gone; what of the body was
// not given back by body_consumed() by then is given back by the engine.
class ClientHandler {
 public:
  virtual void on_informational(ClientRequest& request, uint16_t status,
                                std::span<const HeaderField> headers) {
    (void)request, (void)status, (void)headers;
  }
  virtual void on_response(ClientRequest& request, uint16_t status, std::string_view reason,
                           uint8_t version_minor, std::span<const HeaderField> headers) = 0;
  // A piece of the body; takes the chain; give its length back by request.body_consumed().
  virtual void on_body(ClientRequest& request, Buffer* chain) = 0;
  virtual void on_complete(ClientRequest& request, std::span<const HeaderField> trailers) = 0;  // last call
  // The request failed; last call. `sent_nothing_back`: no byte of a response had come, so an idempotent request may be tried
  // again elsewhere.
  virtual void on_failed(ClientRequest& request, Error error, bool sent_nothing_back) = 0;
  // A request that had no connection when request() returned has one: its head is on the way, and what write() takes from now
  // on goes there too. Until then nothing of a body needs to be taken from where it comes.
  virtual void on_connected(ClientRequest& request) { (void)request; }
  // The send queue of the request's body has room again.
  virtual void on_drained(ClientRequest& request) { (void)request; }
  // 101 or a 2xx to CONNECT: call request.upgrade() inside this call to take the stream. Else the request fails.
  virtual void on_upgraded(ClientRequest& request, uint16_t status, std::span<const HeaderField> headers) {
    (void)request, (void)status, (void)headers;
  }

 protected:
  ~ClientHandler() = default;
};

// A timeout of 0 is none.
struct ClientLimits {
  uint32_t connections_per_origin = 256;
  uint32_t idle_connections_per_origin = 256;
  uint32_t connections = 65'536;       // to all origins together; beyond it requests wait
  uint32_t waiting_requests = 10'000;  // beyond it request() refuses
  uint32_t head_bytes = 64 * 1024;
  uint32_t header_count = 200;
  uint32_t connect_timeout_ms = 5'000;
  uint32_t response_timeout_ms = 60'000;  // from the request's end to the response's head
  uint32_t idle_timeout_ms = 4'000;       // of a pooled connection; shorter than what servers commonly use
  uint32_t body_timeout_ms = 60'000;
};

class ClientRequest {
 public:
  // Pieces of the request's body, when it was started with a body to follow. False: full, on_drained tells.
  bool write(std::string_view bytes);
  bool write(Buffer* chain);  // takes it
  // `trailers` are header lines, sent when the body is chunked.
  void end(std::string_view trailers = {});
  // Whether the head is on the way: there is a connection.
  bool connected() const;
  // Whether its connection had carried another request before, so that the server may have closed it just as this one was
  // sent. Holds for the last connection in on_failed, too.
  bool reused() const { return reused_; }
  // In on_failed: the server ended the connection before it had received any byte of the request, which was not acted on
  // then, whatever its method.
  bool untouched() const { return untouched_; }
  // The handler has dealt with `bytes` of the pieces that it took: more may come.
  void body_consumed(uint32_t bytes);
  // Gives up: the connection is closed unless it is clean; no further calls.
  void cancel();
  // Inside on_upgraded: the connection becomes the caller's raw stream. Bytes that came after the head are delivered to
  // `user` from inside this call. The request is gone when on_upgraded returns.
  transport::Stream* upgrade(transport::StreamUser& user);
  void* handler_data = nullptr;

 private:
  friend class Client;
  friend class ClientConnection;
  friend struct ClientOrigin;
  // What waits for a connection to be made: write() asks the writer to pause beyond it.
  static constexpr uint32_t kPendingHighMarkBytes = 64 * 1024;

  bool put(std::string_view bytes);
  bool put(Buffer* chain);

  Client* client_ = nullptr;
  ClientConnection* connection_ = nullptr;  // null while it waits for one
  ClientHandler* handler_ = nullptr;
  ClientOrigin* origin_ = nullptr;
  ClientRequest* next_ = nullptr;  // waiting ones of one origin
  HeadBlock* block_ =
      nullptr;  // head, and body when it was given whole; kept until the first byte of a response
  Buffer* pending_head_ = nullptr;  // body pieces written before the connection was there
  Buffer* pending_tail_ = nullptr;
  uint64_t pending_bytes_ = 0;
  uint64_t body_remaining_bytes_ = 0;  // announced and not yet written
  uint64_t unconsumed_bytes_ = 0;
  uint32_t number_ = 0;
  uint16_t informational_ = 0;
  uint8_t calls_ = 0;  // handler calls in progress
  bool chunked_ = false, sent_ = false, head_only_ = false, connect_ = false, upgrade_asked_ = false,
       close_asked_ = false;
  bool idempotent_ = false, streamed_ = false, response_begun_ = false, told_full_ = false, over_ = false;
  bool fresh_ = false;  // wants a new connection
  bool reused_ = false, untouched_ = false;
};

struct RequestHead {
  std::string_view method = "GET";
  std::string_view target = "/";
  std::string_view fields;     // header lines "Name: value\r\n", Host included, framing excluded
  int64_t content_length = 0;  // 0: none; -1: chunked, pieces follow
  std::string_view body;       // complete body when content_length == body.size()
  bool expect_body = true;     // false for HEAD
  // A new connection rather than a pooled one (unless the limit leaves none): for a request that cannot be sent again.
  bool fresh_connection = false;
};

struct ClientCounters {
  uint64_t connections_opened = 0, connections_reused = 0, connect_failed = 0, requests = 0, responses = 0,
           failed = 0, stale_retried = 0, timed_out = 0, malformed = 0, waiting_refused = 0;
};

class Client {
 public:
  Client(Reactor& reactor, Clock& clock, transport::Transport& transport, const ClientLimits& limits);
  // Requests in progress get no further call; their connections are aborted, and their streams must not outlive the client by
  // more than the call of on_closed, which nobody hears.
  ~Client();
  Client(const Client&) = delete;
  // Starts a request to `origin`; the head is copied. nullptr when refused at once (counted): too many wait, the head is not
  // sound, no connection can be begun. A pooled connection that turns out closed before any byte came back is replaced once,
  // for requests without a streamed body that are idempotent or that the server has not received any byte of (RFC 9112
  // section 9.3.1, RFC 9110 section 9.2.2).
  ClientRequest* request(const Endpoint& origin, const RequestHead& head, ClientHandler& handler);
  void close_idle();
  uint32_t connections() const;
  uint32_t idle_connections() const { return idle_connections_; }
  uint32_t requests_in_progress() const { return requests_.live_count(); }
  ClientCounters counters;

 private:
  friend class ClientConnection;
  friend class ClientRequest;
  struct EndpointHash {
    size_t operator()(const Endpoint& endpoint) const;
  };
  ClientOrigin& origin_of(const Endpoint& endpoint);
  void leave_origin(ClientOrigin& origin);
  HeadBlock* serialise(const RequestHead& head, ClientRequest& request);
  ClientConnection* open(ClientOrigin& origin, Error& error);
  void serve_waiting(ClientOrigin& origin);
  void serve_others();
  void free_request(ClientRequest& request);
  void fail_request(ClientRequest& request, Error error);

  Reactor& reactor_;
  transport::Transport& transport_;
  const ClientLimits limits_;
  HeadStore heads_;
  Slab<ClientRequest> requests_;
  std::unique_ptr<Slab<ClientConnection>> connections_;
  std::unordered_map<Endpoint, std::unique_ptr<ClientOrigin>, EndpointHash> origins_;
  ClientOrigin* last_origin_ = nullptr;
  std::vector<HeaderField> parse_fields_;
  uint32_t waiting_ = 0, idle_connections_ = 0;
};

}  // namespace sluice::http
