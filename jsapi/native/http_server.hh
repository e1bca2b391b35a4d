// SPDX-License-Identifier: Apache-2.0
// The bridge between the HTTP server engine and `sluice:http`: a request becomes one event in the ring and a slot here;
// what the script touches is read from the exchange by slot number, what it answers is encoded straight into the send
// queue. One object per isolate.
#pragma once
#include <v8.h>

#include <memory>
#include <string>
#include <vector>

#include "dataplane/core/slab.hh"
#include "dataplane/http/server.hh"
#include "jsapi/native/function_arguments.hh"
#include "jsapi/native/head_cache.hh"
#include "jsapi/native/header_shapes.hh"
#include "jsapi/native/received_bytes.hh"
#include "jsapi/native/spares.hh"
#include "runtime/isolate_host.hh"
#include "runtime/server_registry.hh"

namespace sluice::jsapi {

class Api;

// Numbers of the events, beginning with runtime::kEventHttpServer; written again in jsapi/sluice/http_server.js.
// All but kHttpRequest carry slot and generation in words 1 and 2.
enum HttpServerEvent : int32_t {
  kHttpRequest = runtime::kEventHttpServer,  // slot, generation, flags (RequestFlag | method), server
  kHttpBody,                                 // there is something to take, or the body is complete
  kHttpDrained,                              // the send queue has room again
  kHttpAborted,                              // error
  kHttpUpgrade,                              // as kHttpRequest: the peer wants another protocol
  kHttpProxied,                              // status, upstream, attempts, error
};
enum RequestFlag : int32_t {
  kRequestMethodMask = 0xff,
  kRequestMinorVersion = 1 << 8,
  kRequestHasBody = 1 << 9
};

// The head of a request whose exchange is gone while its handler has not settled.
struct SavedHead {
  std::string text;
  std::string_view target;
  std::vector<http::HeaderField> fields;
  Endpoint remote, local;
  int64_t content_length = 0;

  void clear() {
    text.clear();
    fields.clear();
  }
};

// What has come of a request's body, of one that a script reads.
struct IncomingBody {
  ReceivedBytes bytes;
  uint64_t gather_limit_bytes = 0;
  std::vector<std::pair<std::string, std::string>> trailers;

  void clear() {
    bytes.clear();
    trailers.clear();
  }
};

class Serving;

// A request as the script holds it, by slot and generation. Goes when the exchange is released and the script has let go.
struct IncomingRequest {
  http::Exchange* exchange = nullptr;
  Serving* serving = nullptr;
  uint32_t number = 0, generation = 0;
  bool held = true;  // the script may still ask for something
  bool aborted = false;
  bool reading = false;  // read_body() was called
  bool body_ended = false;
  bool discarded = false;              // the body is gone unread
  bool announced = true;               // the script knows of what waits in `body`, or does not want it yet
  bool gathering = false;              // the script wants the body whole
  bool too_large = false;              // and it is larger than it may be
  bool proxied = false;                // belongs to the proxy for now
  std::unique_ptr<IncomingBody> body;  // nullptr: nothing has come
  std::unique_ptr<SavedHead> saved;

  std::string_view target() const {
    return exchange ? exchange->target() : saved ? saved->target : std::string_view();
  }
  std::span<const http::HeaderField> headers() const {
    if (exchange) return exchange->headers();
    if (saved) return saved->fields;
    return {};
  }
  bool readable() const { return exchange || saved; }
  uint64_t waiting_bytes() const { return body ? body->bytes.size() : 0; }
};

class HttpServers {
 public:
  static constexpr uint32_t kRequestsLimit =
      1 << 20;  // in progress at once in one isolate; beyond it 503, counted
  static constexpr uint32_t kHeaderBlocksLimit = 1024;  // blocks of constant response fields
  static constexpr uint32_t kByReferenceBytes =
      16 * 1024;                              // bodies in ArrayBuffers from this size on are not copied
  static constexpr int kInPlaceBytes = 4096;  // strings of up to this size are encoded on the stack

  explicit HttpServers(Api& api);
  ~HttpServers();
  void install(v8::Local<v8::Context> context, v8::Local<v8::Object> target, v8::Local<v8::Value> data);
  // Answers or ends what is in progress; nothing of it calls back afterwards.
  void teardown();

  // nullptr when it is gone.
  IncomingRequest* find(uint32_t number, uint32_t generation) { return requests_.find(number, generation); }

  struct Counters {
    uint64_t refused = 0;  // requests beyond kRequestsLimit
  } counters;

 private:
  friend class Serving;
  static void listen(const Arguments& info);
  static void close(const Arguments& info);
  static void target(const Arguments& info);
  static void headers(const Arguments& info);
  static void header(const Arguments& info);
  static void raw_headers(const Arguments& info);
  static void shape_names(const Arguments& info);
  static void trailers(const Arguments& info);
  static void address(const Arguments& info);
  static void content_length(const Arguments& info);
  static void add_block(const Arguments& info);
  static void respond(const Arguments& info);
  static void start(const Arguments& info);
  static void write(const Arguments& info);
  static void end(const Arguments& info);
  static void informational(const Arguments& info);
  static void abort(const Arguments& info);
  static void upgrade(const Arguments& info);
  static void drop(const Arguments& info);
  static void body_take(const Arguments& info);
  static void body_whole(const Arguments& info);
  static void body_discard(const Arguments& info);

  static HttpServers& from(const Arguments& info);
  IncomingRequest* find(const Arguments& info) { return requests_.find(word(info[0]), word(info[1])); }
  // The header lines of a response: a block, and lines that were put together for this response only.
  std::string_view fields(const v8::Local<v8::Value>& block, const v8::Local<v8::Value>& more);
  // Before a response ends the exchange: a body that nobody reads is dropped.
  static void before_end(IncomingRequest& request);
  void let_go(IncomingRequest& request);
  void recycle(IncomingRequest& request);
  IncomingBody& body_of(IncomingRequest& request) {
    if (!request.body) request.body = bodies_.take();
    return *request.body;
  }
  Api& api_;
  v8::Isolate* isolate_;
  Slab<IncomingRequest> requests_{kRequestsLimit};
  std::vector<std::unique_ptr<Serving>> servings_;
  std::vector<std::string> blocks_;
  HeaderShapes shapes_;
  HeadCache heads_;
  Spares<IncomingBody> bodies_;
  Spares<SavedHead> saved_heads_;
  std::string scratch_, fields_scratch_;
};

// One serve() of a script: hands the engine's events to the ring.
class Serving final : public http::ServerHandler {
 public:
  Serving(HttpServers& servers, uint32_t index, bool upgrades)
      : servers_(servers), index_(index), upgrades_(upgrades) {}
  void on_request(http::Exchange& exchange) override;
  void on_body(http::Exchange& exchange, Buffer* chain) override;
  void on_body_end(http::Exchange& exchange) override;
  void on_drained(http::Exchange& exchange) override;
  void on_aborted(http::Exchange& exchange, Error error) override;
  bool on_upgrade(http::Exchange& exchange) override;
  void on_released(http::Exchange& exchange) override;

 private:
  friend class HttpServers;
  IncomingRequest* admit(http::Exchange& exchange);
  HttpServers& servers_;
  const uint32_t index_;
  const bool upgrades_;
  runtime::ServerRegistry::Entry* entry_ = nullptr;
};

}  // namespace sluice::jsapi
