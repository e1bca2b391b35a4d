// SPDX-License-Identifier: Apache-2.0
// What HTTP costs by itself, in nanoseconds: reading heads (ours, and llhttp for comparison), writing heads, a whole exchange
// over streams in memory.
#include <benchmark/benchmark.h>

#include <cstring>

#include "dataplane/core/histogram.hh"
#include "dataplane/http/chunked_decoder.hh"
#include "dataplane/http/client.hh"
#include "dataplane/http/head_parser.hh"
#include "dataplane/http/llhttp_judge.hh"
#include "dataplane/http/response_head.hh"
#include "dataplane/http/server_connection.hh"
#include "dataplane/http/test_rig.hh"

namespace sluice::http {
namespace {

constexpr std::string_view kWrk = "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";
constexpr std::string_view kBrowser =
    "GET /index.html?query=1 HTTP/1.1\r\nHost: www.example.com\r\nConnection: keep-alive\r\nCache-Control: "
    "max-age=0\r\n"
    "Upgrade-Insecure-Requests: 1\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, "
    "like Gecko) "
    "Chrome/126.0.0.0 Safari/537.36\r\nAccept: "
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n"
    "Accept-Encoding: gzip, deflate, br\r\nAccept-Language: en-GB,en;q=0.9\r\nCookie: "
    "session=0123456789abcdef0123456789abcdef\r\n\r\n";

void parse(benchmark::State& state, std::string_view bytes) {
  HeaderField store[64];
  for (auto _ : state) {
    ParsedHead head;
    head.field_store = store;
    benchmark::DoNotOptimize(bytes);
    benchmark::DoNotOptimize(parse_request_head(bytes, {16384, 8192}, head));
    benchmark::DoNotOptimize(head);
  }
}
void BM_ParseWrkGet(benchmark::State& state) { parse(state, kWrk); }
void BM_ParseBrowserGet(benchmark::State& state) { parse(state, kBrowser); }
BENCHMARK(BM_ParseWrkGet);
BENCHMARK(BM_ParseBrowserGet);

void judge(benchmark::State& state, std::string_view bytes) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(bytes);
    benchmark::DoNotOptimize(llhttp_read_head(bytes, true));
  }
}
void BM_LlhttpWrkGet(benchmark::State& state) { judge(state, kWrk); }
void BM_LlhttpBrowserGet(benchmark::State& state) { judge(state, kBrowser); }
BENCHMARK(BM_LlhttpWrkGet);
BENCHMARK(BM_LlhttpBrowserGet);

void BM_WriteSmallHead(benchmark::State& state) {
  char out[1024];
  std::string_view fields = "Content-Type: text/plain\r\n";
  for (auto _ : state) {
    benchmark::DoNotOptimize(fields);
    const OwnFields own = read_own_fields(fields);
    ResponseHead head;
    head.fields = fields;
    head.drop_own_framing = own.has_framing();
    head.date_line = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
    head.framing = ResponseHead::Framing::kLength;
    head.length = 13;
    char* end = head.write(out);
    std::memcpy(end, "Hello, world!", 13);
    benchmark::DoNotOptimize(out);
    benchmark::ClobberMemory();
  }
}
BENCHMARK(BM_WriteSmallHead);

void BM_HistogramRecord(benchmark::State& state) {
  Histogram histogram;
  uint64_t value = 1;
  for (auto _ : state) {
    histogram.record(value & 0xfffff);
    value = value * 6364136223846793005u + 1442695040888963407u;
  }
}
BENCHMARK(BM_HistogramRecord);

// A stream that takes and forgets: the engine without a transport.
class SinkStream final : public transport::Stream {
 public:
  explicit SinkStream(BufferPool& pool) : pool_(pool), buffer_(pool.allocate()) {}
  ~SinkStream() { release(buffer_); }
  Error write(Buffer* chain) override {
    release(chain);
    return Error::kNone;
  }
  Buffer* reserve(uint32_t) override {
    buffer_->data = buffer_->storage + kTransmitHeadroomBytes;
    buffer_->length = 0;
    return buffer_;
  }
  void commit(uint32_t) override {}
  void shutdown() override {}
  void abort() override {}
  void consumed(uint32_t) override {}
  void set_no_delay(bool) override {}
  void set_keep_alive(bool, uint32_t) override {}
  Endpoint local() const override { return {}; }
  Endpoint remote() const override { return {}; }
  BufferPool& pool() override { return pool_; }

 private:
  BufferPool& pool_;
  Buffer* buffer_;
};

class Hello final : public ServerHandler {
 public:
  void on_request(Exchange& exchange) override {
    exchange.respond(200, "Content-Type: text/plain\r\n", "Hello, world!");
  }
  void on_body(Exchange&, Buffer* chain) override { release(chain); }
  void on_body_end(Exchange&) override {}
};

// From a received Buffer to a response in the send queue, `state.range(0)` requests in each Buffer.
void BM_ServerExchange(benchmark::State& state) {
  simulation::VirtualClock clock;
  NoWaiter waiter;
  Reactor reactor(clock, waiter, PollMode::kBusy);
  HeapBufferPool pool(2176, 1024);
  Hello hello;
  Server server(reactor, clock, {}, hello);
  std::string bytes;
  for (int64_t i = 0; i < state.range(0); ++i) bytes += kWrk;
  {
    SinkStream stream(pool);
    server.on_accepted(stream);
    for (auto _ : state) {
      Buffer* buffer = pool.allocate();
      buffer->append(bytes.data(), static_cast<uint32_t>(bytes.size()));
      stream.user()->on_data(stream, buffer);
    }
    stream.user()->on_closed(stream, Error::kNone);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.counters["connection_bytes"] = sizeof(ServerConnection);
  state.counters["exchange_bytes"] = sizeof(Exchange);
}
BENCHMARK(BM_ServerExchange)->Arg(1)->Arg(16);

class Answered final : public ClientHandler {
 public:
  void on_response(ClientRequest&, uint16_t, std::string_view, uint8_t,
                   std::span<const HeaderField>) override {}
  void on_body(ClientRequest& request, Buffer* chain) override {
    const uint32_t bytes = chain->chain_length();
    release(chain);
    request.body_consumed(bytes);
  }
  void on_complete(ClientRequest&, std::span<const HeaderField>) override { ++answered; }
  void on_failed(ClientRequest&, Error, bool) override {}
  uint64_t answered = 0;
};

// Our client against our server over the fake transport, which copies the bytes once each way.
void BM_ClientAndServer(benchmark::State& state) {
  simulation::VirtualClock clock;
  NoWaiter waiter;
  Reactor reactor(clock, waiter, PollMode::kBusy);
  FakeTransport transport;
  reactor.add(transport);
  Hello hello;
  Server server(reactor, clock, {}, hello);
  transport::ListenOptions options;
  options.local.port = 80;
  auto listener = transport.listen(options, server).value;
  {
    Client client(reactor, clock, transport, {});
    Answered answered;
    RequestHead head;
    head.fields = "Host: a\r\n";
    Endpoint origin;
    origin.port = 80;
    for (auto _ : state) {
      const uint64_t before = answered.answered;
      client.request(origin, head, answered);
      while (answered.answered == before) reactor.turn();
    }
  }
  while (reactor.turn()) {
  }
  server.abort_all();
  while (reactor.turn()) {
  }
}
BENCHMARK(BM_ClientAndServer);

}  // namespace
}  // namespace sluice::http

BENCHMARK_MAIN();
