// SPDX-License-Identifier: Apache-2.0
// The client engine fed with arbitrary bytes by a server. What must hold: each request ends in exactly one of its last calls;
// the same bytes in other pieces give the same response; all Buffers return; nothing outlives its timers.
//
// Input: one byte that chooses the request and whether the server closes, one of seed for the pieces, then the server's bytes.
#include <random>
#include <string>

#include "dataplane/http/client.hh"
#include "dataplane/http/test_rig.hh"
#include "tests/fuzz/http_mutation.hh"

using namespace sluice;
using namespace sluice::http;

namespace {

class Notes final : public ClientHandler {
 public:
  void on_informational(ClientRequest&, uint16_t status, std::span<const HeaderField> headers) override {
    note("interim", status, headers);
  }
  void on_response(ClientRequest&, uint16_t status, std::string_view reason, uint8_t,
                   std::span<const HeaderField> headers) override {
    SLUICE_ASSERT(!ended);
    log += std::string(reason) + " ";
    note("response", status, headers);
  }
  void on_body(ClientRequest& request, Buffer* chain) override {
    SLUICE_ASSERT(!ended);
    const uint32_t bytes = chain->chain_length();
    body += text_of(chain);
    release(chain);
    request.body_consumed(bytes);
  }
  void on_complete(ClientRequest&, std::span<const HeaderField> trailers) override {
    end();
    log += body;
    note("complete", 0, trailers);
  }
  void on_failed(ClientRequest&, Error error, bool nothing_back) override {
    end();
    // How much of a body came before it was found bad depends on the pieces.
    log += std::string("failed ") + error_code(error) + (nothing_back ? " early" : "");
  }
  void on_upgraded(ClientRequest& request, uint16_t status, std::span<const HeaderField> headers) override {
    note("upgraded", status, headers);
    if (!take) return;
    end();
    raw.stream = static_cast<FakeStream*>(request.upgrade(raw));
  }
  void end() {
    SLUICE_ASSERT(!ended);
    ended = true;
  }
  void note(const char* what, uint16_t status, std::span<const HeaderField> headers) {
    log += std::string(what) + " " + std::to_string(status);
    for (const HeaderField& field : headers)
      log += "|" + std::string(field.name) + "=" + std::string(field.value);
    log += "\n";
  }
  std::string log, body;
  RawPeer raw;
  bool ended = false, take = false;
};

class Listening final : public transport::ListenerUser {
 public:
  void on_accepted(transport::Stream& stream) override {
    peers.push_back(std::make_unique<RawPeer>());
    peers.back()->stream = static_cast<FakeStream*>(&stream);
    stream.set_user(peers.back().get());
  }
  std::vector<std::unique_ptr<RawPeer>> peers;
};

std::string run_once(uint8_t options, std::string_view bytes, int seed, bool compare) {
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
  const auto run = [&] {
    for (int i = 0; i < 100'000 && reactor.turn(); ++i) {
    }
  };
  std::string log;
  Listening listening;
  transport::ListenOptions listen;
  listen.local.port = 80;
  auto listener = transport.listen(listen, listening).value;
  {
    ClientLimits limits;
    limits.head_bytes = 1024;
    limits.header_count = 20;
    limits.connections_per_origin = 1;
    Client client(reactor, clock, transport, limits);
    Endpoint origin;
    origin.port = 80;
    Notes notes[3];
    RequestHead head;
    head.fields = "Host: a\r\n";
    switch (options & 3) {
      case 0: break;
      case 1: head.method = "HEAD"; break;
      case 2:
        head.method = "CONNECT";
        head.target = "a:443";
        break;
      default: head.fields = "Host: a\r\nConnection: upgrade\r\nUpgrade: x\r\n"; break;
    }
    // When outcomes are compared there is one request: whether a connection with bytes left over serves another depends on
    // whether they have come yet.
    const int requests = compare ? 1 : 3;
    for (int i = 0; i < requests; ++i) {
      notes[i].take = options & 4;
      SLUICE_ASSERT(client.request(origin, head, notes[i]));
    }
    run();
    SLUICE_ASSERT(!listening.peers.empty());
    listening.peers[0]->send(bytes);
    if ((options & 8) && listening.peers[0]->stream) listening.peers[0]->stream->shutdown();
    run();
    for (int i = 0; i < 60; ++i) {
      clock.advance_by(5 * kNanosecondsPerSecond);
      run();
    }
    for (int i = 0; i < requests; ++i) {
      SLUICE_ASSERT(notes[i].ended);
      log += notes[i].log;
      if (notes[i].raw.stream) notes[i].raw.stream->abort();
    }
    run();
    SLUICE_ASSERT(client.requests_in_progress() == 0 && client.connections() == 0 &&
                  client.idle_connections() == 0);
  }
  for (auto& peer : listening.peers)
    if (peer->stream) peer->stream->abort();
  run();
  SLUICE_ASSERT(transport.pool().outstanding() == 0);
  return log;
}

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return fuzz::mutate_http(data, size, max_size, seed, 2);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2 || size > 4096) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::string whole = run_once(data[0], bytes, -1, true);
  SLUICE_ASSERT(whole == run_once(data[0], bytes, data[1], true));
  run_once(data[0], bytes, data[1], false);
  return 0;
}
