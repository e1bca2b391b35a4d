// SPDX-License-Identifier: Apache-2.0
// For tests only: hosts with our IP and TCP on a simulated wire, and users of streams that record what
// happened to them.
#pragma once
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/core/reactor.hh"
#include "dataplane/ip/stack.hh"
#include "dataplane/tcp/tcp.hh"
#include "tests/simulation/simulation.hh"

namespace sluice::tcp::test {

using simulation::Simulation;
using transport::Stream;

// What the stack does in software where the port does not.
struct SoftwareOffloads {
  bool merge_received = true, cut_sent = true;
};

class Host final : public ReactorPart {
 public:
  Host(Simulation& world, IpAddress own, const Limits& limits = {},
       const simulation::SimulatedPortOptions& port_options = {},
       const std::vector<ip::InterfaceAddress>& further = {}, const SoftwareOffloads& software = {})
      : address(own),
        port(world.wire.add_port(port_options)),
        reactor(world.clock, world.waiter, PollMode::kBusy),
        stack(reactor.timers(), world.entropy),
        world_(world) {
    ip::InterfaceOptions interface;
    interface.name = "sim";
    interface.addresses = {{own, 24}};
    interface.addresses.insert(interface.addresses.end(), further.begin(), further.end());
    interface.duplicate_detections = 0;
    interface.merge_received = software.merge_received;
    interface.cut_sent = software.cut_sent;
    stack.add_interface(port, interface);
    tcp = std::make_unique<Tcp>(reactor.timers(), world.clock, world.entropy, stack, limits);
    reactor.add(*this);
    world.add_host(reactor);
  }
  ~Host() override { world_.remove_host(reactor.timers()); }

  bool receive(uint64_t now_ns) override {
    tcp->set_now(now_ns);
    const bool waiting = tcp->has_work() || stack.has_pending();
    return stack.receive(now_ns) || waiting;
  }
  bool deliver(uint64_t now_ns) override {
    tcp->set_now(now_ns);
    return tcp->report_closed();
  }
  void transmit(uint64_t now_ns) override {
    tcp->set_now(now_ns);
    tcp->flush();
    stack.transmit(now_ns);
  }
  bool prepare_sleep(uint64_t&) override { return false; }

  const IpAddress address;
  simulation::SimulatedPort& port;
  Reactor reactor;
  ip::Stack stack;
  std::unique_ptr<Tcp> tcp;

 private:
  Simulation& world_;
};

// A user that keeps what it receives and writes what it is given, with back-pressure.
class Recorder : public transport::StreamUser {
 public:
  virtual ~Recorder() = default;
  Stream* stream = nullptr;
  std::string received;
  unsigned connected = 0, ended = 0, closed = 0, writable = 0, chunks = 0;
  Error error = Error::kNone;
  bool consumes = true;  // at once
  bool shuts_down_on_end = true;
  bool echoes = false;
  uint32_t held = 0;  // bytes not given back
  bool* answered = nullptr;

  void on_connected(Stream& its_stream) override {
    stream = &its_stream;
    ++connected;
    pump();
  }
  void on_data(Stream& its_stream, Buffer* chain) override {
    ++chunks;
    uint32_t length = 0;
    for (Buffer* segment = chain; segment; segment = segment->next_segment) {
      received.append(segment->text());
      length += segment->length;
      if (echoes) its_stream.write_copy(segment->text());
    }
    release(chain);
    if (consumes) {
      its_stream.consumed(length);
    } else {
      held += length;
    }
  }
  void on_end(Stream& its_stream) override {
    ++ended;
    if (shuts_down_on_end && pending.empty()) its_stream.shutdown();
    ends_after_pending = shuts_down_on_end;
  }
  void on_writable(Stream&) override {
    ++writable;
    pump();
  }
  void on_closed(Stream&, Error its_error) override {
    ++closed;
    error = its_error;
    stream = nullptr;
  }

  // Writes as much as the stream takes, the rest as it drains; then ends it if `end`.
  void send(std::string bytes, bool end) {
    pending += bytes;
    ends_after_pending |= end;
    pump();
  }
  void pump() {
    if (!stream) return;
    while (!pending.empty() && !stream->write_is_full()) {
      const size_t count = std::min<size_t>(pending.size(), 8000);
      if (stream->write_copy(std::string_view(pending).substr(0, count)) != Error::kNone) return;
      pending.erase(0, count);
    }
    if (pending.empty() && ends_after_pending) stream->shutdown();
  }
  void give_back() {
    stream->consumed(held);
    held = 0;
  }

  std::string pending;
  bool ends_after_pending = false;
};

// Accepts everything, with a Recorder each.
class Acceptor : public transport::ListenerUser {
 public:
  virtual ~Acceptor() = default;
  void on_accepted(Stream& stream) override {
    users.push_back(std::make_unique<Recorder>());
    Recorder& user = *users.back();
    user.echoes = echoes;
    user.consumes = consumes;
    user.shuts_down_on_end = shuts_down_on_end;
    user.stream = &stream;
    stream.set_user(&user);
    if (!greeting.empty()) user.send(greeting, false);
  }
  Recorder& only() {
    SLUICE_ASSERT(users.size() == 1);
    return *users.front();
  }
  std::vector<std::unique_ptr<Recorder>> users;
  bool echoes = false, consumes = true, shuts_down_on_end = true;
  std::string greeting;
};

// Two hosts on a wire.
struct Pair {
  explicit Pair(uint64_t seed = 1, const Limits& client_limits = {}, const Limits& server_limits = {},
                const simulation::SimulatedPortOptions& ports = {})
      : world(seed),
        client(world, IpAddress::v4(0xc0000201), client_limits, ports),
        server(world, IpAddress::v4(0xc0000202), server_limits, ports) {}

  void listen(uint16_t port = 80, uint32_t backlog = 4096) {
    transport::ListenOptions options;
    options.local = {IpAddress{}, port};
    options.backlog = backlog;
    auto result = server.tcp->listen(options, acceptor);
    SLUICE_ASSERT(result);
    listener = std::move(result.value);
  }
  Stream* connect(Recorder& user, uint16_t port = 80, uint32_t timeout_ms = 10'000) {
    transport::ConnectOptions options;
    options.remote = {server.address, port};
    options.timeout_ms = timeout_ms;
    auto result = client.tcp->connect(options, user);
    SLUICE_ASSERT(result);
    user.stream = nullptr;  // until it is connected
    return result.value;
  }
  // Nothing is left of anything, TIME-WAIT excepted.
  bool quiet() const {
    return client.port.pool().outstanding() == 0 && server.port.pool().outstanding() == 0 &&
           client.tcp->open_streams() == 0 && server.tcp->open_streams() == 0;
  }

  Simulation world;
  Host client, server;
  Acceptor acceptor;
  std::unique_ptr<transport::Listener> listener;
};

inline std::string pattern(size_t length, uint64_t seed = 7) {
  simulation::SeededEntropy entropy(seed);
  std::string bytes(length, '\0');
  entropy.fill(std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

}  // namespace sluice::tcp::test
