// SPDX-License-Identifier: Apache-2.0
// Requests that a script makes (`request()` and `fetch()` of `sluice:http`), by slot number. One object per isolate.
#pragma once
#include <v8.h>

#include <string>
#include <utility>
#include <vector>

#include "dataplane/core/slab.hh"
#include "dataplane/http/client.hh"
#include "jsapi/native/function_arguments.hh"
#include "jsapi/native/received_bytes.hh"
#include "runtime/isolate_host.hh"

namespace sluice::jsapi {

class Api;

// Written again in jsapi/sluice/http_client.js. All carry slot and generation in words 1 and 2.
enum HttpClientEvent : int32_t {
  kClientResponse = runtime::kEventHttpClient,  // status, minor version; the head is ready
  kClientBody,                                  // there is something to take, or the body is complete
  kClientFailed,                                // error, 1 when nothing had come back
  kClientDrained,                               // the request's body may go on
};

// A request under way as the script holds it. Goes when it is over and the script has let go.
struct OutgoingRequest {
  http::ClientRequest* request = nullptr;
  uint32_t number = 0, generation = 0;
  bool announced = false;
  bool body_ended = false;
  bool failed = false;
  bool gathering = false;
  bool too_large = false;
  uint64_t gather_limit_bytes = 0;
  int64_t content_length = -1;
  std::string reason;
  std::vector<std::pair<std::string, std::string>> headers, trailers;  // names as received
  ReceivedBytes body;
};

class HttpClients final : public http::ClientHandler {
 public:
  static constexpr uint32_t kRequestsLimit = 1 << 17;

  explicit HttpClients(Api& api);
  ~HttpClients();
  void install(v8::Local<v8::Context> context, v8::Local<v8::Object> target, v8::Local<v8::Value> data);
  void teardown();

  void on_response(http::ClientRequest& request, uint16_t status, std::string_view reason,
                   uint8_t version_minor, std::span<const http::HeaderField> headers) override;
  void on_body(http::ClientRequest& request, Buffer* chain) override;
  void on_complete(http::ClientRequest& request, std::span<const http::HeaderField> trailers) override;
  void on_failed(http::ClientRequest& request, Error error, bool sent_nothing_back) override;
  void on_drained(http::ClientRequest& request) override;

 private:
  static void request(const Arguments& info);
  static void head(const Arguments& info);
  static void trailers(const Arguments& info);
  static void write(const Arguments& info);
  static void end(const Arguments& info);
  static void take(const Arguments& info);
  static void whole(const Arguments& info);
  static void cancel(const Arguments& info);
  static HttpClients& from(const Arguments& info);
  OutgoingRequest* find(const Arguments& info) { return requests_.find(word(info[0]), word(info[1])); }
  void announce(OutgoingRequest& outgoing);
  void finished(OutgoingRequest& outgoing);
  void let_go(OutgoingRequest& outgoing);

  Api& api_;
  Slab<OutgoingRequest> requests_{kRequestsLimit};
  std::string scratch_;
};

}  // namespace sluice::jsapi
