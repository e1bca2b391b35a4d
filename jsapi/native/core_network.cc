// SPDX-License-Identifier: Apache-2.0
// What the isolates of one core share and what outlives them.
#include "jsapi/native/core_network.hh"

#include "jsapi/native/http_server.hh"

namespace sluice::jsapi {

void DetachedHandler::on_request(http::Exchange& exchange) {
  exchange.respond(503, "Connection: close\r\n", std::string_view());
}

void DetachedHandler::on_body(http::Exchange& exchange, Buffer* chain) {
  const uint32_t bytes = chain->chain_length();
  release(chain);
  exchange.body_consumed(bytes);
}

void DetachedHandler::on_body_end(http::Exchange&) {}

void DetachedHandler::on_released(http::Exchange& exchange) {
  auto* request = static_cast<IncomingRequest*>(exchange.handler_data);
  if (request) request->serving->on_released(exchange);
}

CoreNetwork::CoreNetwork(runtime::CoreServices& core)
    : client(core.reactor, core.clock, core.transport, http::ClientLimits{}), proxy(core.reactor, client) {}

CoreNetwork& CoreNetwork::of(runtime::CoreServices& core) {
  if (!core.script_network) core.script_network = std::make_shared<CoreNetwork>(core);
  return *static_cast<CoreNetwork*>(core.script_network.get());
}

}  // namespace sluice::jsapi
