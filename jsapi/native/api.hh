// SPDX-License-Identifier: Apache-2.0
// All that one isolate has of the network, in one object: what JavaScript gets by internalBinding('network').
#pragma once
#include <v8.h>

#include "dataplane/http/client.hh"
#include "jsapi/native/encoding.hh"
#include "jsapi/native/host_names.hh"
#include "jsapi/native/http_clients.hh"
#include "jsapi/native/http_server.hh"
#include "jsapi/native/proxying.hh"
#include "jsapi/native/sockets.hh"
#include "jsapi/native/string_cache.hh"
#include "runtime/isolate_host.hh"

namespace sluice::jsapi {

class Api {
 public:
  explicit Api(runtime::IsolateHost& host);
  Api(const Api&) = delete;
  void install(v8::Local<v8::Context> context, v8::Local<v8::Object> target);

  static Api& from(const Arguments& info) {
    return *static_cast<Api*>(info.Data().As<v8::External>()->Value());
  }
  // The core's; made at the first request that goes out.
  http::Client& client();
  // A chain that refers to the memory of an ArrayBuffer, which lives as long; nullptr when there is no Buffer for it.
  Buffer* refer_to(v8::Local<v8::Value> value, const Bytes& bytes);

  runtime::IsolateHost& host;
  v8::Isolate* const isolate;
  StringCache strings;
  HostNames host_names;
  Sockets sockets;
  HttpServers servers;
  HttpClients clients;
  Proxying proxying;

 private:
  void teardown();
};

// Text as the script gave it ("127.0.0.1", "localhost", "" for any) and a port, as an endpoint. False: an error is pending.
bool endpoint_of(Api& api, v8::Local<v8::Value> hostname, v8::Local<v8::Value> port, Endpoint& endpoint);

}  // namespace sluice::jsapi
