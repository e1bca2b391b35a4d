// SPDX-License-Identifier: Apache-2.0
// What a request costs between the HTTP engine and the script, without a network: requests are fed to the engine in memory,
// and only the turn's hand-over to the isolate is timed (processor time of this thread). The engine's own share, respond(),
// is measured by a handler in C++ in the same way and shown for comparison.
//
//   bridge_bench [BATCH] [HANDLER]       HANDLER: a JavaScript function, or the name of one of those below
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "dataplane/http/fake_transport.hh"
#include "drivers/kernel/host_clock.hh"
#include "drivers/kernel/host_entropy.hh"
#include "jsapi/modules.hh"
#include "runtime/builtins.hh"
#include "runtime/config/config.hh"
#include "runtime/core.hh"
#include "runtime/host_internals.hh"
#include "runtime/isolate_host.hh"
#include "runtime/platform.hh"
#include "runtime/server_registry.hh"

namespace sluice {
namespace {

constexpr int kRounds = 20;
constexpr int kRequestsPerRound = 100'000;

uint64_t thread_ns() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<uint64_t>(now.tv_sec) * kNanosecondsPerSecond + static_cast<uint64_t>(now.tv_nsec);
}

// The client's end of a connection: drops what it gets.
struct Sink final : transport::StreamUser {
  void on_connected(transport::Stream&) override {}
  void on_data(transport::Stream& stream, Buffer* chain) override {
    const uint32_t bytes = chain->chain_length();
    received += bytes;
    if (first.empty()) first = std::string(chain->text());
    release(chain);
    stream.consumed(bytes);
  }
  void on_end(transport::Stream&) override {}
  void on_closed(transport::Stream&, Error) override {}
  uint64_t received = 0;
  std::string first;
};

// Answers from C++, all requests of a turn together, as the isolate does.
struct Native final : http::ServerHandler {
  void on_request(http::Exchange& exchange) override { waiting.push_back(&exchange); }
  void on_body(http::Exchange&, Buffer* chain) override { release(chain); }
  void on_body_end(http::Exchange&) override {}
  void answer() {
    for (http::Exchange* exchange : waiting)
      exchange->respond(200, "Content-Type: text/plain\r\n", "Hello, World!\n");
    waiting.clear();
  }
  std::vector<http::Exchange*> waiting;
};

struct Named {
  const char* name;
  const char* handler;
  bool post = false;  // requests carry 1 KB of JSON
};
constexpr Named kHandlers[] = {
    {"end", "(req, res) => { res.end('Hello, World!\\n'); }"},
    {"hello", "(req, res) => { res.setHeader('Content-Type', 'text/plain'); res.end('Hello, World!\\n'); }"},
    {"writeHead",
     "(req, res) => { res.writeHead(200, { 'Content-Type': 'text/plain' }); res.end('Hello, World!\\n'); }"},
    {"length",
     "(req, res) => { res.setHeader('Content-Type', 'text/plain'); res.setHeader('Content-Length', 14); "
     "res.end('Hello, World!\\n'); }"},
    {"url",
     "(req, res) => { res.setHeader('Content-Type', 'text/plain'); res.end(req.url === '/' ? 'Hello, "
     "World!\\n' : ''); }"},
    {"headers", "(req, res) => { res.setHeader('Content-Type', 'text/plain'); res.end(req.headers.host); }"},
    {"header", "(req, res) => { res.setHeader('Content-Type', 'text/plain'); res.end(req.header('host')); }"},
    {"changing",
     "(req, res) => { res.setHeader('X-Id', String(n++)); res.setHeader('Content-Type', 'text/plain'); "
     "res.end('Hello, World!\\n'); }"},
    {"async",
     "async (req, res) => { res.setHeader('Content-Type', 'text/plain'); res.end('Hello, World!\\n'); }"},
    {"await",
     "async (req, res) => { await undefined; res.setHeader('Content-Type', 'text/plain'); res.end('Hello, "
     "World!\\n'); }"},
    {"write",
     "(req, res) => { res.setHeader('Content-Type', 'text/plain'); res.write('Hello, '); "
     "res.end('World!\\n'); }"},
    {"ignored", "(req, res) => { res.end('Hello, World!\\n'); }", true},
    {"text", "async (req, res) => { res.end(await req.text()); }", true},
    {"json",
     "(req, res) => req.json().then((value) => { res.setHeader('Content-Type', 'application/json'); "
     "res.end(JSON.stringify(value)); })",
     true},
    {"pieces",
     "async (req, res) => { let n = 0; for await (const chunk of req) n += chunk.length; res.end(String(n)); "
     "}",
     true},
    {"worker", "{ fetch() { return new Response('Hello, World!\\n'); } }"},
};

class Bench {
 public:
  Bench(const char* handler, int batch)
      : batch_(batch),
        reactor_(clock_, waiter_, PollMode::kBusy),
        registry_(reactor_, clock_, transport_),
        core_{0, 1, reactor_, clock_, entropy_, transport_, configuration_, registry_} {
    configuration_.http.pipeline_requests = 1024;
    const auto own = runtime::runtime_builtins();
    image_.builtins.assign(own.begin(), own.end());
    const auto more = jsapi::builtin_modules();
    image_.builtins.insert(image_.builtins.end(), more.begin(), more.end());
    const auto natives = jsapi::native_modules();
    image_.natives = runtime::runtime_natives();
    image_.natives.insert(image_.natives.end(), natives.begin(), natives.end());
    image_.arguments = {"sluice", "bench"};
    host_ = std::make_unique<runtime::IsolateHost>(core_, image_, runtime::HostLimits{});
    runtime::Program program;
    program.kind = runtime::Program::Kind::kEval;
    program.source = std::string("let n = 0; const { serve } = require('sluice:http'); const handler = ") +
                     handler + "; serve({ port: 80, limits: { pipelineRequests: 1024 } }, handler);";
    host_->start(program);
    transport::ConnectOptions options;
    options.remote.port = 80;
    stream_ = transport_.connect(options, sink_).value;
    for (int i = 0; i < 4; ++i) transport_.receive(0);
  }

  // Nanoseconds a request: the best round, the middle one.
  template <typename Deliver>
  void run(const char* name, Deliver deliver, bool post = false) {
    std::string burst, body;
    if (post) {
      body = "{\"list\":[";
      while (body.size() < 1000) body += "{\"id\":1234,\"name\":\"someone\"},";
      body += "0]}";
    }
    for (int i = 0; i < batch_; ++i) {
      burst += post ? "POST / HTTP/1.1\r\n" : "GET / HTTP/1.1\r\n";
      burst +=
          "Host: 127.0.0.1:8080\r\nUser-Agent: bench/1.0\r\nAccept: */*\r\nAccept-Encoding: gzip, "
          "deflate\r\n";
      if (post)
        burst += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
      burst += "\r\n" + body;
    }
    const uint64_t idle = overhead();
    std::vector<double> rounds;
    for (int round = 0; round < kRounds; ++round) {
      uint64_t spent = 0;
      int done = 0;
      while (done < kRequestsPerRound) {
        stream_->write_copy(burst);
        for (int i = 0; i < 3; ++i) transport_.receive(0);
        const uint64_t begin = thread_ns();
        deliver();
        const uint64_t took = thread_ns() - begin;
        spent += took > idle ? took - idle : 0;
        for (int i = 0; i < 3; ++i) transport_.receive(0);
        done += batch_;
      }
      rounds.push_back(static_cast<double>(spent) / done);
    }
    std::sort(rounds.begin(), rounds.end());
    std::printf("%-12s batch %-4d best %6.0f ns  median %6.0f ns  (%zu bytes each)\n", name, batch_,
                rounds.front(), rounds[rounds.size() / 2],
                static_cast<size_t>(sink_.received / (uint64_t{kRounds} * kRequestsPerRound)));
    std::fflush(stdout);
    sink_.received = 0;
  }
  void run_script(const char* name, bool post) {
    run(
        name, [this] { host_->deliver(clock_.monotonic_ns()); }, post);
    if (std::getenv("SHOW")) std::printf("%s\n", sink_.first.c_str());
  }
  void run_native() {
    Native native;
    for (const auto& entry : registry_.entries()) entry->server->set_handler(native);
    run("C++", [&native] { native.answer(); });
  }
  ~Bench() {
    registry_.abandon(*host_);
    host_.reset();
    registry_.abort_all();
    stream_->abort();
    for (int i = 0; i < 8; ++i) transport_.receive(0);
  }

 private:
  static uint64_t overhead() {
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < 1000; ++i) {
      const uint64_t begin = thread_ns();
      least = std::min(least, thread_ns() - begin);
    }
    return least;
  }
  int batch_;
  kernel::HostClock clock_;
  kernel::HostEntropy entropy_;
  http::NoWaiter waiter_;
  Reactor reactor_;
  http::FakeTransport transport_;
  config::Configuration configuration_;
  runtime::ServerRegistry registry_;
  runtime::CoreServices core_;
  runtime::RuntimeImage image_;
  std::unique_ptr<runtime::IsolateHost> host_;
  Sink sink_;
  transport::Stream* stream_ = nullptr;
};

int main_of(int count, char** values) {
  const int batch = count > 1 ? std::atoi(values[1]) : 32;
  const char* flags = std::getenv("V8_FLAGS");
  runtime::start_v8(1, flags ? flags : "");
  if (count > 2) {
    const char* handler = values[2];
    bool post = false;
    for (const Named& named : kHandlers)
      if (std::strcmp(named.name, values[2]) == 0) handler = named.handler, post = named.post;
    Bench(handler, batch).run_script(values[2], post);
    return 0;
  }
  for (const Named& named : kHandlers) {
    Bench bench(named.handler, batch);
    bench.run_script(named.name, named.post);
    if (&named == kHandlers) bench.run_native();
  }
  return 0;
}

}  // namespace
}  // namespace sluice

int main(int count, char** values) { return sluice::main_of(count, values); }
