// SPDX-License-Identifier: Apache-2.0
// What the tests of the HTTP engines share: a reactor on virtual time, streams in memory, a peer that speaks raw bytes, and
// a server handler whose behaviour is given by functions.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/http/fake_transport.hh"
#include "dataplane/http/server.hh"
#include "tests/simulation/virtual_clock.hh"

namespace sluice::http {

inline std::string text_of(const Buffer* chain) {
  std::string text;
  for (; chain; chain = chain->next_segment) text += chain->text();
  return text;
}

// Builds the chain of Buffers that holds `bytes`.
inline Buffer* chain_of(std::string_view bytes, BufferPool& pool) {
  Buffer* head = nullptr;
  Buffer** link = &head;
  while (!bytes.empty()) {
    Buffer* buffer = pool.allocate();
    if (!buffer) break;
    const uint32_t count = static_cast<uint32_t>(std::min<size_t>(bytes.size(), buffer->tailroom()));
    buffer->append(bytes.data(), count);
    bytes.remove_prefix(count);
    *link = buffer;
    link = &buffer->next_segment;
  }
  return head;
}

// The other end of a connection, as raw bytes.
class RawPeer final : public transport::StreamUser {
 public:
  void on_connected(transport::Stream&) override { connected = true; }
  void on_data(transport::Stream& from, Buffer* chain) override {
    const uint32_t bytes = chain->chain_length();
    received += text_of(chain);
    release(chain);
    if (reading)
      from.consumed(bytes);
    else
      held_back += bytes;
  }
  void on_end(transport::Stream& from) override {
    ended = true;
    if (close_on_end) from.shutdown();
  }
  void on_closed(transport::Stream&, Error why) override {
    closed = true;
    error = why;
    stream = nullptr;
  }
  void send(std::string_view bytes) {
    if (stream && !bytes.empty()) stream->write(chain_of(bytes, stream->pool()));
  }
  void read_on() {
    reading = true;
    if (stream) stream->consumed(held_back);
    held_back = 0;
  }

  FakeStream* stream = nullptr;
  std::string received;
  bool connected = false, ended = false, closed = false, reading = true, close_on_end = true;
  uint32_t held_back = 0;
  Error error = Error::kNone;
};

// A handler whose answers are given by functions, and which notes what it is told.
class TestHandler final : public ServerHandler {
 public:
  void on_request(Exchange& exchange) override {
    ++requests;
    ++alive;
    log.push_back(std::string(method_name(exchange.method())) + " " + std::string(exchange.target()));
    if (request)
      request(exchange);
    else
      exchange.respond(200, "Content-Type: text/plain\r\n", "hello");
  }
  void on_body(Exchange& exchange, Buffer* chain) override {
    const uint32_t bytes = chain->chain_length();
    bodies[exchange.number()] += text_of(chain);
    release(chain);
    if (consume) exchange.body_consumed(bytes);
    if (body) body(exchange);
  }
  void on_body_end(Exchange& exchange) override {
    ++body_ends;
    for (const HeaderField& field : exchange.trailers())
      trailers += std::string(field.name) + "=" + std::string(field.value) + ";";
    if (body_end) body_end(exchange);
  }
  void on_drained(Exchange& exchange) override {
    ++drained;
    if (drain) drain(exchange);
  }
  void on_aborted(Exchange&, Error error) override {
    ++aborted;
    abort_error = error;
  }
  bool on_upgrade(Exchange& exchange) override {
    ++alive;
    ++upgrades;
    if (!upgrade) {
      --alive;
      return false;
    }
    return upgrade(exchange);
  }
  void on_released(Exchange& exchange) override {
    --alive;
    ++released;
    last_body = bodies[exchange.number()];
    bodies.erase(exchange.number());
  }

  std::function<void(Exchange&)> request, body, body_end, drain;
  std::function<bool(Exchange&)> upgrade;
  std::map<uint32_t, std::string> bodies;
  std::vector<std::string> log;
  std::string trailers, last_body;
  bool consume = true;
  int requests = 0, body_ends = 0, drained = 0, aborted = 0, released = 0, alive = 0, upgrades = 0;
  Error abort_error = Error::kNone;
};

struct Rig {
  explicit Rig(const Limits& limits = {}, uint32_t storage_bytes = 2176, uint32_t limit_buffers = 1 << 16)
      : transport(storage_bytes, limit_buffers), server(reactor, clock, limits, handler) {
    reactor.add(transport);
    transport::ListenOptions options;
    options.local.port = 80;
    listener = transport.listen(options, server).value;
  }
  ~Rig() {
    server.abort_all();
    for (auto& peer : peers)
      if (peer->stream) peer->stream->abort();
    run();
  }
  RawPeer& connect() {
    peers.push_back(std::make_unique<RawPeer>());
    RawPeer& peer = *peers.back();
    transport::ConnectOptions options;
    options.remote.port = 80;
    peer.stream = static_cast<FakeStream*>(transport.connect(options, peer).value);
    run();
    return peer;
  }
  void run() {
    for (int i = 0; i < 2'000'000 && reactor.turn(); ++i) {
    }
  }
  // Lets time pass, in steps so that timers fire in order.
  void pass_ms(uint64_t ms) {
    const uint64_t end_ns = clock.now_ns() + ms * kNanosecondsPerMillisecond;
    while (clock.now_ns() < end_ns) {
      clock.advance_to(std::min(end_ns, clock.now_ns() + 50 * kNanosecondsPerMillisecond));
      run();
    }
  }
  // Sends `bytes` on a connection of its own and gives what came back.
  std::string ask(std::string_view bytes) {
    RawPeer& peer = connect();
    peer.send(bytes);
    run();
    return peer.received;
  }

  simulation::VirtualClock clock;
  NoWaiter waiter;
  Reactor reactor{clock, waiter, PollMode::kBusy};
  FakeTransport transport;
  TestHandler handler;
  Server server;
  std::unique_ptr<transport::Listener> listener;
  std::vector<std::unique_ptr<RawPeer>> peers;
};

}  // namespace sluice::http
