// SPDX-License-Identifier: Apache-2.0
// Several cores over one port that gives frames to any queue, in virtual time: connections find their cores, and packets
// that the process sends to itself find whoever they are for.
#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/tcp/tcp.hh"
#include "dataplane/tcp/test_host.hh"
#include "dataplane/transport/bypass.hh"
#include "dataplane/udp/udp.hh"
#include "dataplane/wire/ethernet.hh"
#include "dataplane/wire/ipv4.hh"
#include "dataplane/wire/udp.hh"
#include "runtime/network/buffer_exchange.hh"
#include "runtime/network/loop_inbox.hh"
#include "runtime/network/neighbour_exchange.hh"
#include "runtime/network/steered_port.hh"

namespace sluice::runtime {
namespace {

using tcp::test::Acceptor;
using tcp::test::pattern;
using tcp::test::Recorder;

constexpr uint64_t kMs = kNanosecondsPerMillisecond;
const IpAddress kPeer = IpAddress::v4(0xc0000201), kOwn = IpAddress::v4(0xc0000202),
                kLoopback = IpAddress::v4(0x7f000001);

struct CountingWaiter final : Waiter {
  void wait(uint64_t) override {}
  void wake() override { ++woken; }
  void watch(int) override {}
  void unwatch(int) override {}
  unsigned woken = 0;
};

// A port with several queues that gives each frame to one of them at random.
class Device {
 public:
  class Queue final : public Port {
   public:
    explicit Queue(Device& device) : device_(device) {}
    unsigned receive(Buffer** frames, unsigned limit) override {
      device_.distribute();
      unsigned count = 0;
      for (; count < limit && !waiting.empty(); ++count) {
        frames[count] = waiting.front();
        waiting.pop_front();
      }
      return count;
    }
    unsigned transmit(Buffer** frames, unsigned count) override {
      return device_.port.transmit(frames, count);
    }
    BufferPool& pool() override { return device_.port.pool(); }
    MacAddress mac() const override { return device_.port.mac(); }
    uint32_t mtu_bytes() const override { return device_.port.mtu_bytes(); }
    const PortCapabilities& capabilities() const override { return device_.port.capabilities(); }
    std::deque<Buffer*> waiting;

   private:
    Device& device_;
  };

  Device(simulation::Simulation& world, unsigned queues)
      : port(world.wire.add_port()), entropy_(world.entropy) {
    for (unsigned i = 0; i < queues; ++i) this->queues.push_back(std::make_unique<Queue>(*this));
  }
  void distribute() {
    Buffer* frame;
    while (port.receive(&frame, 1) == 1) queues[entropy_.u32() % queues.size()]->waiting.push_back(frame);
  }
  simulation::SimulatedPort& port;
  std::vector<std::unique_ptr<Queue>> queues;

 private:
  Entropy& entropy_;
};

// What BypassNetwork makes of them.
struct Core {
  Core(simulation::Simulation& world, unsigned index, Device& device, NeighbourExchange& arp_exchange,
       BufferExchange& steering, BufferExchange& looping, udp::PortOwners& udp_ports)
      : reactor(world.clock, world.waiter, PollMode::kBusy),
        stack(reactor.timers(), world.entropy),
        arp(arp_exchange, index, stack),
        loop(looping, index, stack),
        port(*device.queues[index], steering, index),
        watch(port),
        transport(reactor.timers(), world.clock, world.entropy, stack),
        world_(world) {
    stack.add_interface(port, {.name = "sim", .addresses = {{kOwn, 24}}});
    for (ReactorPart* part : std::initializer_list<ReactorPart*>{&arp, &loop, &transport, &watch})
      reactor.add(*part);
    transport.udp().share_ports(udp_ports, index);
    world.add_host(reactor);
  }
  ~Core() { world_.remove_host(reactor.timers()); }
  transport::Stream* connect(Recorder& user, const Endpoint& remote) {
    auto result = transport.connect({.remote = remote}, user);
    EXPECT_TRUE(result) << result.detail;
    return result.value;
  }
  void listen(const Endpoint& local) {
    acceptor.echoes = true;
    auto result = transport.listen({.local = local}, acceptor);
    ASSERT_TRUE(result) << result.detail;
    listener = std::move(result.value);
  }
  Reactor reactor;
  ip::Stack stack;
  NeighbourInbox arp;
  LoopInbox loop;
  SteeredPort port;
  SteeringWatch watch;
  transport::BypassTransport transport;
  Acceptor acceptor;
  std::unique_ptr<transport::Listener> listener;

 private:
  simulation::Simulation& world_;
};

class Cores : public testing::Test {
 protected:
  static constexpr unsigned kCores = 3;
  Cores() {
    for (unsigned i = 0; i < kCores; ++i) {
      waiters.push_back(std::make_unique<CountingWaiter>());
      pointers.push_back(waiters.back().get());
    }
    arp = std::make_unique<NeighbourExchange>(pointers);
    steering = std::make_unique<BufferExchange>(pointers);
    looping = std::make_unique<BufferExchange>(pointers);
    for (unsigned i = 0; i < kCores; ++i)
      cores.push_back(std::make_unique<Core>(world, i, device, *arp, *steering, *looping, udp_ports));
  }
  ~Cores() override {
    cores.clear();
    for (const auto& queue : device.queues)
      for (Buffer* frame : queue->waiting) release(frame);
    steering.reset();
    looping.reset();
    EXPECT_EQ(device.port.pool().outstanding(), 0u);
  }
  uint64_t resets() const {
    uint64_t sum = peer.tcp->counters.resets_sent;
    for (const auto& core : cores) sum += core->transport.tcp().counters.resets_sent;
    return sum;
  }
  uint64_t handed_over() const {
    uint64_t sum = 0;
    for (const auto& core : cores) sum += core->port.counters.handed_over;
    return sum;
  }
  // A connection from core `from` to `remote` that sends 100 kB, which come back, and ends in order.
  void echo_through(unsigned from, const Endpoint& remote) {
    Recorder user;
    transport::Stream* const stream = cores[from]->connect(user, remote);
    ASSERT_NE(stream, nullptr);
    const std::string sent = pattern(100'000);
    user.send(sent, true);
    EXPECT_TRUE(world.run_until([&] { return user.closed == 1; }));
    EXPECT_EQ(user.error, Error::kNone);
    EXPECT_TRUE(user.received == sent);
  }

  // A UDP datagram of the peer's, of a flow of core 1, in the queue of core 0.
  void arrive_at_core_0_for_core_1() {
    uint16_t port_number = 1;
    while (!cores[1]->port.flow_is_local(kPeer, kOwn, 1, port_number)) ++port_number;
    Buffer* frame = device.port.pool().allocate();
    wire::emit_ethernet(frame->append(wire::kEthernetHeaderBytes), device.port.mac(), peer.port.mac(),
                        wire::kEtherTypeIpv4);
    const wire::Ipv4Fields fields{.total_bytes = wire::kIpv4HeaderBytes + wire::kUdpHeaderBytes,
                                  .hop_limit = 64,
                                  .protocol = ip::kProtocolUdp,
                                  .source = kPeer.v4(),
                                  .destination = kOwn.v4()};
    std::byte* const header = frame->append(wire::kIpv4HeaderBytes);
    wire::emit_ipv4(header, fields);
    wire::set_ipv4_checksum(header, fields);
    wire::emit_udp(frame->append(wire::kUdpHeaderBytes), 1, port_number, wire::kUdpHeaderBytes);
    device.queues[0]->waiting.push_back(frame);
  }

  simulation::Simulation world{11};
  Device device{world, kCores};
  tcp::test::Host peer{world, kPeer};
  std::vector<std::unique_ptr<CountingWaiter>> waiters;
  std::vector<Waiter*> pointers;
  std::unique_ptr<NeighbourExchange> arp;
  std::unique_ptr<BufferExchange> steering, looping;
  udp::PortOwners udp_ports;
  std::vector<std::unique_ptr<Core>> cores;
};

TEST_F(Cores, WhatACoreOpensComesBackToIt) {
  Acceptor acceptor;
  acceptor.echoes = true;
  const auto listener = peer.tcp->listen({.local = {{}, 80}}, acceptor);
  ASSERT_TRUE(listener);
  for (unsigned round = 0; round < 5; ++round)
    for (unsigned from = 0; from < kCores; ++from) echo_through(from, {kPeer, 80});
  EXPECT_EQ(resets(), 0u);
  EXPECT_GT(handed_over(), 0u);
}

TEST_F(Cores, WhatComesInIsSpreadAndStays) {
  for (const auto& core : cores) core->listen({{}, 80});
  constexpr unsigned kConnections = 60;
  std::array<Recorder, kConnections> users;
  for (Recorder& user : users) {
    ASSERT_TRUE(peer.tcp->connect({.remote = {kOwn, 80}}, user));
    user.send(pattern(5000), true);
  }
  EXPECT_TRUE(world.run_until([&] {
    for (const Recorder& user : users)
      if (user.closed == 0) return false;
    return true;
  }));
  for (const Recorder& user : users) {
    EXPECT_TRUE(user.received == pattern(5000));
    EXPECT_EQ(user.error, Error::kNone);
  }
  size_t accepted = 0;
  for (const auto& core : cores) {
    EXPECT_GT(core->acceptor.users.size(), kConnections / kCores / 4);
    accepted += core->acceptor.users.size();
  }
  EXPECT_EQ(accepted, kConnections);
}

TEST_F(Cores, AFullRingDropsAndSaysSo) {
  // Only core 0 turns, and all that it finds is core 1's.
  for (unsigned i = 1; i < kCores; ++i) world.remove_host(cores[i]->reactor.timers());
  constexpr unsigned kFrames = BufferExchange::kBuffersLimit + 100;
  for (unsigned i = 0; i < kFrames; ++i) arrive_at_core_0_for_core_1();
  while (!device.queues[0]->waiting.empty()) cores[0]->reactor.turn();
  EXPECT_EQ(cores[0]->port.counters.handed_over, kFrames);
  EXPECT_EQ(cores[0]->port.counters.dropped, 100u);
  EXPECT_EQ(steering->refused(0), 100u);
  EXPECT_EQ(cores[0]->stack.counters.received_packets, 0u);
  EXPECT_GT(waiters[1]->woken, 0u);
  EXPECT_EQ(waiters[2]->woken, 0u);
  // Core 1 gets what the ring held, a bounded share each turn.
  while (!steering->empty(1)) {
    const uint64_t before = cores[1]->stack.counters.received_packets;
    cores[1]->reactor.turn();
    EXPECT_LE(cores[1]->stack.counters.received_packets - before, ip::Stack::kReceiveBurst);
  }
  EXPECT_EQ(cores[1]->stack.counters.received_packets, BufferExchange::kBuffersLimit);
}

TEST_F(Cores, NoSleepWhenAFrameForAnotherCameAtTheLastMoment) {
  for (unsigned i = 0; i < kCores; ++i) world.remove_host(cores[i]->reactor.timers());
  const auto may_sleep = [&](unsigned core) {
    uint64_t timeout_ns = kMs;
    return cores[core]->transport.prepare_sleep(timeout_ns) && cores[core]->watch.prepare_sleep(timeout_ns);
  };
  for (const auto& core : cores) core->reactor.turn();  // sends the announcements of our address
  ASSERT_TRUE(may_sleep(0) && may_sleep(1));
  arrive_at_core_0_for_core_1();
  EXPECT_FALSE(may_sleep(0)) << "more may wait behind it";
  EXPECT_TRUE(may_sleep(0));
  EXPECT_EQ(waiters[1]->woken, 1u);
  EXPECT_FALSE(may_sleep(1)) << "it has a frame to look at";
  cores[1]->reactor.turn();  // and to answer
  EXPECT_TRUE(may_sleep(1));
}

// ---- within the process

TEST_F(Cores, AProgramReachesItself) {
  for (const auto& core : cores) core->listen({kLoopback, 80});
  for (unsigned from = 0; from < kCores; ++from) {
    echo_through(from, {kLoopback, 80});
    EXPECT_EQ(cores[from]->acceptor.users.size(), 1u) << "answered on the same core";
  }
  EXPECT_EQ(device.port.counters.transmitted, kCores) << "more than the announcements of our address";
}

TEST_F(Cores, AndTheOnlyCoreThatListens) {
  cores[2]->listen({{}, 80});
  for (unsigned from = 0; from < kCores; ++from) {
    echo_through(from, {kLoopback, 80});
    echo_through(from, {kOwn, 80});
  }
  EXPECT_EQ(cores[2]->acceptor.users.size(), 2 * kCores);
  EXPECT_GT(cores[0]->stack.counters.loop_passed_on, 0u);
  EXPECT_GT(waiters[2]->woken, 0u);
  EXPECT_EQ(resets(), 0u);
}

TEST_F(Cores, AFlowStaysWithItsCoreWhenAnotherBeginsToListen) {
  cores[1]->listen({kLoopback, 80});
  Recorder user;
  cores[0]->connect(user, {kLoopback, 80});
  user.send("before", false);
  ASSERT_TRUE(world.run_until([&] { return user.received == "before"; }));
  cores[0]->listen({kLoopback, 80});
  user.send(" and after", true);
  ASSERT_TRUE(world.run_until([&] { return user.closed == 1; }));
  EXPECT_EQ(user.received, "before and after");
  EXPECT_EQ(user.error, Error::kNone);
}

TEST_F(Cores, WhereNobodyListensItIsRefusedAtOnce) {
  for (const bool others : {true, false}) {
    if (!others)
      while (cores.size() > 1) cores.pop_back();  // they have ended, as programs do
    Recorder user;
    cores[0]->connect(user, {kLoopback, 81});
    const uint64_t begin_ns = world.now_ns();
    ASSERT_TRUE(world.run_until([&] { return user.closed == 1; }));
    EXPECT_EQ(user.error, Error::kConnectionRefused);
    EXPECT_LT(world.now_ns() - begin_ns, kMs);
  }
}

TEST_F(Cores, NoTwoCoresOpenOneFlow) {
  cores[2]->listen({kLoopback, 80});
  std::vector<std::unique_ptr<Recorder>> users;
  for (unsigned i = 0; i < 300; ++i) {
    users.push_back(std::make_unique<Recorder>());
    cores[i % kCores]->connect(*users.back(), {kLoopback, 80});
    users.back()->send(pattern(2000, i), true);
  }
  EXPECT_TRUE(world.run_until([&] {
    for (const auto& user : users)
      if (user->closed == 0) return false;
    return true;
  }));
  for (unsigned i = 0; i < 300; ++i) EXPECT_TRUE(users[i]->received == pattern(2000, i)) << i;
  EXPECT_EQ(resets(), 0u);
}

struct Datagrams final : transport::DatagramUser {
  void on_datagram(const Endpoint& from, const Endpoint&, Buffer* payload) override {
    received.emplace_back();
    for (const Buffer* piece = payload; piece; piece = piece->next_segment) received.back() += piece->text();
    release(payload);
    if (!answer.empty()) say(*socket, from, answer);
  }
  void on_error(const Endpoint&, Error error) override { errors.push_back(error); }
  static void say(transport::DatagramSocket& socket, const Endpoint& to, const std::string& text) {
    Buffer *payload = nullptr, *last = nullptr;
    for (size_t at = 0; at < text.size(); at += 1000) {
      Buffer* piece = socket.pool().allocate();
      const std::string_view bytes = std::string_view(text).substr(at, 1000);
      piece->append(bytes.data(), static_cast<uint32_t>(bytes.size()));
      (last ? last->next_segment : payload) = piece;
      last = piece;
    }
    EXPECT_EQ(socket.send(to, payload), Error::kNone);
  }
  std::vector<std::string> received;
  std::vector<Error> errors;
  std::string answer;
  std::unique_ptr<transport::DatagramSocket> socket;
};

TEST_F(Cores, AnswersToDatagramsFindTheCoreThatAsked) {
  udp::Udp peers_udp(peer.stack, world.entropy);
  Datagrams answering;
  answering.answer = pattern(4000);  // comes in fragments, to the core that the addresses alone have
  answering.socket = std::move(peers_udp.bind({{}, 53}, answering).value);
  std::vector<std::unique_ptr<Datagrams>> asking;
  constexpr unsigned kSockets = 30;
  for (unsigned i = 0; i < kSockets; ++i) {
    asking.push_back(std::make_unique<Datagrams>());
    asking.back()->socket =
        std::move(cores[i % kCores]->transport.bind_datagram({{}, 0}, *asking.back()).value);
    ASSERT_TRUE(asking.back()->socket);
    Datagrams::say(*asking.back()->socket, {kPeer, 53}, "question");
    world.run_for(kMs);
  }
  for (const auto& each : asking) EXPECT_EQ(each->received, std::vector<std::string>{answering.answer});
  EXPECT_TRUE(answering.errors.empty()) << "nobody was told that there is no such port";
  // A port that was given up is nobody's: refused, wherever it arrives.
  const Endpoint gone{kOwn, asking[0]->socket->local().port};
  asking.clear();
  for (unsigned i = 0; i < 4; ++i) Datagrams::say(*answering.socket, gone, "too late");
  world.run_for(kMs);
  EXPECT_EQ(answering.errors, std::vector<Error>(4, Error::kConnectionRefused));
  answering.socket.reset();
}

TEST_F(Cores, DatagramsWithinTheProcess) {
  Datagrams asking, answering;
  answering.answer = "pong";
  asking.socket = std::move(cores[0]->transport.bind_datagram({kLoopback, 0}, asking).value);
  answering.socket = std::move(cores[1]->transport.bind_datagram({{}, 5353}, answering).value);
  ASSERT_TRUE(asking.socket && answering.socket);
  Datagrams::say(*asking.socket, {kLoopback, 5353}, "ping");
  world.run_for(kMs);
  EXPECT_EQ(answering.received, std::vector<std::string>{"ping"});
  EXPECT_EQ(asking.received, std::vector<std::string>{"pong"});
  Datagrams::say(*asking.socket, {kLoopback, 5354}, "nobody");
  world.run_for(kMs);
  EXPECT_EQ(asking.errors, std::vector<Error>{Error::kConnectionRefused});
}

}  // namespace
}  // namespace sluice::runtime
