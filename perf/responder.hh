// SPDX-License-Identifier: Apache-2.0
// The native responder: the HTTP engine with a handler in C++ that answers as perf/programs/serve.mjs does. It is what
// JavaScript is measured against, and the upstream of the proxy's measurement.
#pragma once
#include <cstdint>
#include <string>

#include "dataplane/core/slab.hh"
#include "dataplane/http/server.hh"

namespace sluice::perf {

// GET anything -> hello; POST -> its body back.
class Responder final : public http::ServerHandler {
 public:
  static constexpr uint32_t kBodyLimitBytes = 1024 * 1024;
  static constexpr uint32_t kBodiesLimit = 100'000;

  void on_request(http::Exchange& exchange) override {
    if (!exchange.has_body()) {
      exchange.respond(200, "Content-Type: text/plain\r\n", "Hello, World!\n");
      return;
    }
    uint32_t number;
    std::string* body = bodies_.allocate(number);
    if (!body) {
      exchange.discard_body();
      exchange.respond(503, "", "");
      return;
    }
    exchange.handler_data = reinterpret_cast<void*>(uintptr_t{number} + 1);
    exchange.read_body();
  }
  void on_body(http::Exchange& exchange, Buffer* chain) override {
    const uint32_t length = chain->chain_length();
    std::string& body = bodies_[number_of(exchange)];
    for (Buffer* segment = chain; segment; segment = segment->next_segment)
      if (body.size() < kBodyLimitBytes) body.append(segment->text());
    release(chain);
    exchange.body_consumed(length);
  }
  void on_body_end(http::Exchange& exchange) override {
    exchange.respond(200, "Content-Type: application/json\r\n", bodies_[number_of(exchange)]);
  }
  void on_released(http::Exchange& exchange) override {
    if (exchange.handler_data) bodies_.release(number_of(exchange));
  }

 private:
  static uint32_t number_of(const http::Exchange& exchange) {
    return static_cast<uint32_t>(reinterpret_cast<uintptr_t>(exchange.handler_data) - 1);
  }
  Slab<std::string> bodies_{kBodiesLimit};
};

}  // namespace sluice::perf
