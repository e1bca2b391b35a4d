// SPDX-License-Identifier: Apache-2.0
// The server engine fed with arbitrary bytes. What must hold: the same bytes in other pieces have the same outcome; what comes
// back is a sequence of whole, well-framed responses in the order of the requests; every exchange is released once; all
// Buffers return; no connection outlives its timers.
//
// Input: one byte of options, one of seed for the pieces, then the bytes of one connection.
#include <random>
#include <string>

#include "dataplane/http/head_parser.hh"
#include "dataplane/http/test_rig.hh"
#include "tests/fuzz/http_mutation.hh"

using namespace sluice;
using namespace sluice::http;

namespace {

// Answers according to the target, so that the way of a request depends on its bytes only.
class Answers final : public ServerHandler {
 public:
  explicit Answers(HeapBufferPool& pool) : pool_(pool) {}

  void on_request(Exchange& exchange) override {
    ++alive;
    methods.push_back(exchange.method());
    log += std::string(method_name(exchange.method())) + " " + std::string(exchange.target()) + " " +
           std::to_string(exchange.content_length());
    for (const HeaderField& field : exchange.headers())
      log += "|" + std::string(field.name) + "=" + std::string(field.value);
    log += "\n";
    switch (way(exchange)) {
      case 'b':
      case 'e': exchange.read_body(); break;
      case 'c':
        exchange.discard_body();
        exchange.respond(200, "X: y\r\n", "discarded");
        break;
      case 'd': deferred.push_back(&exchange); break;
      case 'f':
        exchange.start(200, "", "", Exchange::kLengthUnknown);
        exchange.write("first");
        deferred.push_back(&exchange);
        break;
      case 'g': exchange.respond(204, "Connection: close\r\n", ""); break;
      case 'h':
        exchange.informational(103, "Link: x\r\n");
        exchange.start(200, "", "", 3);
        exchange.write("abcdef");
        exchange.end();
        break;
      default: exchange.respond(200, "Content-Type: text/plain\r\n", "hello"); break;
    }
  }
  void on_body(Exchange& exchange, Buffer* chain) override {
    const uint32_t bytes = chain->chain_length();
    bodies[exchange.number()] += text_of(chain);
    release(chain);
    exchange.body_consumed(bytes);
  }
  void on_body_end(Exchange& exchange) override {
    const std::string body = bodies[exchange.number()];
    log += "body " + body + "\n";
    for (const HeaderField& field : exchange.trailers())
      log += "trailer " + std::string(field.name) + "=" + std::string(field.value) + "\n";
    if (exchange.response_started()) return;
    if (way(exchange) == 'e')
      exchange.respond(200, "", chain_of(body, pool_));
    else
      exchange.respond(200, "", body);
  }
  void on_aborted(Exchange& exchange, Error) override {
    std::erase(deferred, &exchange);
    ++aborted;
  }
  void on_released(Exchange& exchange) override {
    --alive;
    SLUICE_ASSERT(std::find(deferred.begin(), deferred.end(), &exchange) == deferred.end());
    bodies.erase(exchange.number());
  }
  // Those put off, last first.
  bool answer_deferred() {
    if (deferred.empty()) return false;
    Exchange* exchange = deferred.back();
    deferred.pop_back();
    if (exchange->response_started())
      exchange->end("T: u\r\n");
    else
      exchange->respond(200, "", "late");
    return true;
  }
  static char way(const Exchange& exchange) {
    return exchange.target().size() > 1 ? exchange.target()[1] : '?';
  }

  HeapBufferPool& pool_;
  std::string log;
  std::vector<Method>
      methods;  // of the requests, in their order; not to be read off the log, whose bodies hold any bytes
  std::map<uint32_t, std::string> bodies;
  std::vector<Exchange*> deferred;
  int alive = 0, aborted = 0;
};

struct Outcome {
  std::string log, received;
  std::vector<Method> methods;
  bool ended = false;  // by FIN
  bool cut = false;    // a response was cut, as its request's body turned out bad
};

Outcome run_once(uint8_t options, std::string_view bytes, int seed) {
  Outcome outcome;
  simulation::VirtualClock clock;
  NoWaiter waiter;
  Reactor reactor(clock, waiter, PollMode::kBusy);
  FakeTransport transport;
  reactor.add(transport);
  if (seed >= 0) {
    auto random = std::make_shared<std::minstd_rand>(static_cast<unsigned>(seed) + 1);
    const uint32_t longest = seed == 0 ? 1 : 30;
    transport.split = [random, longest](uint32_t) {
      return 1 + static_cast<uint32_t>((*random)() % longest);
    };
  }
  Limits limits;
  limits.head_bytes = 1024;
  limits.target_bytes = 256;
  limits.header_count = 20;
  limits.body_bytes = 2000;
  limits.pipeline_requests = options & 1 ? 2 : 64;
  limits.requests_per_connection = options & 2 ? 3 : 0;
  Answers answers(transport.pool());
  Server server(reactor, clock, limits, answers);
  transport::ListenOptions listen;
  listen.local.port = 80;
  auto listener = transport.listen(listen, server).value;
  RawPeer peer;
  transport::ConnectOptions connect;
  connect.remote.port = 80;
  peer.stream = static_cast<FakeStream*>(transport.connect(connect, peer).value);
  const auto run = [&] {
    for (int i = 0; i < 100'000 && reactor.turn(); ++i) {
    }
  };
  run();
  peer.send(bytes);
  if ((options & 4) && peer.stream) peer.stream->shutdown();
  run();
  while (answers.answer_deferred()) run();
  // All timers: nothing may hang.
  for (int i = 0; i < 40 && !server.drained(); ++i) {
    clock.advance_by(5 * kNanosecondsPerSecond);
    run();
    while (answers.answer_deferred()) run();
  }
  SLUICE_ASSERT(server.drained());
  SLUICE_ASSERT(answers.alive == 0);
  SLUICE_ASSERT(server.requests_in_progress() == 0 && server.idle_connections() == 0);
  SLUICE_ASSERT(peer.closed);
  SLUICE_ASSERT(transport.pool().outstanding() == 0);
  outcome.log = std::move(answers.log);
  outcome.methods = std::move(answers.methods);
  outcome.received = std::move(peer.received);
  outcome.ended = peer.ended;
  outcome.cut = server.counters.response_cut > 0;
  return outcome;
}

// Cuts `received` into responses; what is left must be nothing, or the beginning of one that was cut, be it by a reset.
void check_responses(const Outcome& outcome) {
  std::string_view rest = outcome.received;
  const bool whole = outcome.ended && !outcome.cut;
  const std::vector<Method>& methods = outcome.methods;
  size_t responses = 0;
  while (!rest.empty()) {
    std::vector<HeaderField> store(50);
    ParsedHead head;
    head.field_store = store;
    const HeadResult result = parse_response_head(rest, {4096, 0}, head);
    if (result == HeadResult::kIncomplete && !whole) return;
    SLUICE_ASSERT(result == HeadResult::kComplete);
    rest.remove_prefix(head.head_bytes);
    if (head.status < 200) continue;
    const bool head_only = responses < methods.size() && methods[responses] == Method::kHead;
    ++responses;
    if (head_only || head.status == 204 || head.status == 304) continue;
    if (head.chunked) {
      const size_t end = rest.find("0\r\n");
      if (end == std::string_view::npos && !whole) return;
      SLUICE_ASSERT(end != std::string_view::npos);
      const size_t last = rest.find("\r\n\r\n", end);
      if (last == std::string_view::npos && !whole) return;
      SLUICE_ASSERT(last != std::string_view::npos);
      rest.remove_prefix(last + 4);
    } else if (head.has_content_length) {
      if (rest.size() < head.content_length && !whole) return;
      SLUICE_ASSERT(rest.size() >= head.content_length);
      rest.remove_prefix(head.content_length);
    } else {
      return;  // until the end: HTTP/1.0
    }
  }
  SLUICE_ASSERT(responses <= methods.size() + 1);
}

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return fuzz::mutate_http(data, size, max_size, seed, 2);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2 || size > 4096) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const Outcome whole = run_once(data[0], bytes, -1);
  check_responses(whole);
  const Outcome split = run_once(data[0], bytes, data[1]);
  SLUICE_ASSERT(whole.log == split.log);
  // A reset throws away what waits to be sent, which is more when everything came at once; and what of a bad body came
  // before its fault may have been answered already.
  if (whole.ended && split.ended && !whole.cut && !split.cut)
    SLUICE_ASSERT(whole.received == split.received);
  else
    SLUICE_ASSERT(std::string_view(whole.received).starts_with(split.received) ||
                  std::string_view(split.received).starts_with(whole.received));
  return 0;
}
