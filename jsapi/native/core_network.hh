// SPDX-License-Identifier: Apache-2.0
// What the isolates of one core share and what outlives them: the HTTP client with its pools of connections, the reverse
// proxy, and a handler for exchanges whose script is gone. A reload neither closes pooled connections nor cuts what is
// being proxied.
#pragma once
#include <memory>

#include "dataplane/http/client.hh"
#include "dataplane/http/server.hh"
#include "dataplane/proxy/proxy.hh"
#include "runtime/core.hh"

namespace sluice::jsapi {

// Deals with exchanges that no script listens to: lets bodies go, and tells the bridge when an exchange is released, as
// long as there is one (Exchange::handler_data).
class DetachedHandler final : public http::ServerHandler {
 public:
  void on_request(http::Exchange& exchange) override;
  void on_body(http::Exchange& exchange, Buffer* chain) override;
  void on_body_end(http::Exchange& exchange) override;
  void on_released(http::Exchange& exchange) override;
};

struct CoreNetwork {
  explicit CoreNetwork(runtime::CoreServices& core);
  http::Client client;
  proxy::Proxy proxy;
  DetachedHandler detached;

  // The one of this core; made at first use.
  static CoreNetwork& of(runtime::CoreServices& core);
};

}  // namespace sluice::jsapi
