// SPDX-License-Identifier: Apache-2.0
// What a connection costs that waits, and what it costs to find one among millions: opens as many as it is told against our
// stack, lets each carry one byte both ways, and measures when all have come to rest. The peers have no memory: each segment of
// ours is answered from the segment itself. In this process, without a wire and in virtual time; only the look-ups
// are measured, in time of the processor.
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <string>
#include <vector>

#include "dataplane/core/timer.hh"
#include "dataplane/ip/stack.hh"
#include "dataplane/tcp/tcp.hh"
#include "dataplane/wire/arp.hh"
#include "dataplane/wire/ethernet.hh"
#include "dataplane/wire/ipv4.hh"
#include "dataplane/wire/tcp.hh"
#include "tests/simulation/seeded_entropy.hh"
#include "tests/simulation/virtual_clock.hh"

namespace {

using namespace sluice;

constexpr uint32_t kUs = 0xc0000201, kGateway = 0xc0000209;  // 192.0.2.1 and .9
constexpr uint32_t kFirstPeer = 0x0a000001;                  // 10.0.0.1
constexpr uint32_t kPortsPerPeer = 50'000, kFirstPeerPort = 10'000;
constexpr uint16_t kOurPort = 80;
constexpr MacAddress kOurMac{{2, 0, 0, 0, 0, 1}}, kGatewayMac{{2, 0, 0, 0, 0, 9}};
constexpr uint32_t kHeadersBytes = wire::kEthernetHeaderBytes + 20;

tcp::Flow flow_of(uint32_t peer) {
  return {IpAddress::v4(kUs), IpAddress::v4(kFirstPeer + peer / kPortsPerPeer), kOurPort,
          static_cast<uint16_t>(kFirstPeerPort + peer % kPortsPerPeer)};
}

// A port behind which all peers are.
class PeersPort final : public Port {
 public:
  PeersPort() { capabilities_.transmit_ip_checksum = capabilities_.transmit_tcp_checksum = true; }
  unsigned receive(Buffer** frames, unsigned limit) override {
    unsigned count = 0;
    for (; count < limit && !waiting_.empty(); ++count) {
      frames[count] = waiting_.front();
      waiting_.pop_front();
    }
    return count;
  }
  unsigned transmit(Buffer** frames, unsigned count) override {
    for (unsigned i = 0; i < count; ++i) {
      answer(*frames[i]);
      release(frames[i]);
    }
    return count;
  }
  BufferPool& pool() override { return pool_; }
  MacAddress mac() const override { return kOurMac; }
  uint32_t mtu_bytes() const override { return 1500; }
  const PortCapabilities& capabilities() const override { return capabilities_; }

  void open(uint32_t peer) {
    const tcp::Flow flow = flow_of(peer);
    wire::TcpOptions options;
    options.mss = 1460;
    options.sack_permitted = options.has_timestamp = options.has_window_scale = true;
    options.window_scale = 7;
    options.timestamp = 1;
    send(flow.remote.v4(), flow.remote_port, 1'000'000 + peer, 0, wire::kTcpSyn, options, 0);
  }
  // A segment that is looked up, and then dropped as it has no timestamp (RFC 7323 section 3.2).
  void prod(uint32_t peer) {
    const tcp::Flow flow = flow_of(peer);
    send(flow.remote.v4(), flow.remote_port, 1'000'002 + peer, 0, wire::kTcpAck, {}, 0);
  }
  size_t waiting() const { return waiting_.size(); }
  uint64_t answered = 0;

 private:
  void send(uint32_t from, uint16_t port, uint32_t sequence, uint32_t acknowledgement, uint8_t flags,
            const wire::TcpOptions& options, uint32_t payload_bytes) {
    Buffer* frame = pool_.allocate();
    SLUICE_ASSERT(frame != nullptr);
    std::byte written[wire::kTcpOptionsLimitBytes];
    const uint32_t options_bytes = wire::emit_tcp_options(written, options);
    const uint32_t tcp_bytes = wire::kTcpHeaderBytes + options_bytes + payload_bytes;
    std::byte* at = frame->append(kHeadersBytes + tcp_bytes);
    std::memset(at, 0, kHeadersBytes + tcp_bytes);
    wire::emit_ethernet(at, kOurMac, kGatewayMac, wire::kEtherTypeIpv4);
    wire::emit_ipv4(at + wire::kEthernetHeaderBytes, {.total_bytes = static_cast<uint16_t>(20 + tcp_bytes),
                                                      .protocol = ip::kProtocolTcp,
                                                      .source = from,
                                                      .destination = kUs});
    wire::emit_tcp(at + kHeadersBytes,
                   {.source_port = port,
                    .destination_port = kOurPort,
                    .sequence = sequence,
                    .acknowledgement = acknowledgement,
                    .flags = flags,
                    .window = 65'535},
                   options_bytes);
    std::memcpy(at + kHeadersBytes + wire::kTcpHeaderBytes, written, options_bytes);
    frame->flags |= Buffer::kReceiveIpChecksumGood | Buffer::kReceiveL4ChecksumGood;
    waiting_.push_back(frame);
  }
  // What the peer says to a segment of ours is all in the segment.
  void answer(const Buffer& frame) {
    const std::byte* at = frame.data;
    if (wire::load_16(at + 12) == wire::kEtherTypeArp) {
      Buffer* reply = pool_.allocate();
      std::byte* to = reply->append(60);
      wire::emit_ethernet(to, kOurMac, kGatewayMac, wire::kEtherTypeArp);
      wire::emit_arp(to + 14, {.operation = wire::kArpReply,
                               .sender_mac = kGatewayMac,
                               .target_mac = kOurMac,
                               .sender_ip = kGateway,
                               .target_ip = kUs});
      waiting_.push_back(reply);
      return;
    }
    const uint32_t peer = wire::load_32(at + 14 + 16);
    const uint32_t total_bytes = wire::load_16(at + 14 + 2);
    const auto view = wire::TcpView::parse(frame.bytes().subspan(kHeadersBytes));
    SLUICE_ASSERT(view);
    wire::TcpOptions theirs, options;
    wire::parse_tcp_options(view->options(), theirs);
    options.has_timestamp = theirs.has_timestamp;
    options.timestamp = theirs.timestamp_echo + 1;
    options.timestamp_echo = theirs.timestamp;
    const uint32_t payload_bytes = total_bytes - 20 - view->header_bytes();
    ++answered;
    if (view->flags() & wire::kTcpRst) return;
    if (view->flags() & wire::kTcpSyn) {
      // Shakes hands, and asks for something.
      send(peer, view->destination_port(), view->acknowledgement(), view->sequence() + 1,
           wire::kTcpAck | wire::kTcpPsh, options, 1);
    } else if (payload_bytes > 0) {
      send(peer, view->destination_port(), view->acknowledgement(), view->sequence() + payload_bytes,
           wire::kTcpAck, options, 0);
    }
  }

  PortCapabilities capabilities_;
  HeapBufferPool pool_{2048, 1u << 16};
  std::deque<Buffer*> waiting_;
};

// Answers a byte with a byte. One for all connections.
struct Service final : transport::StreamUser, transport::ListenerUser {
  void on_accepted(transport::Stream& stream) override { stream.set_user(this); }
  void on_data(transport::Stream& stream, Buffer* chain) override {
    stream.consumed(chain->chain_length());
    release(chain);
    stream.write_copy("a");
    ++served;
  }
  void on_end(transport::Stream& stream) override { stream.shutdown(); }
  void on_closed(transport::Stream&, Error) override { ++closed; }
  uint64_t served = 0, closed = 0;
};

size_t resident_bytes() {
  std::ifstream status("/proc/self/statm");
  size_t total = 0, resident = 0;
  status >> total >> resident;
  return resident * 4096;
}

// Of this thread: what others do on the machine counts as little as possible.
double processor_ns() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

struct World {
  simulation::VirtualClock clock;
  simulation::SeededEntropy entropy{1};
  PeersPort port;
  TimerWheel timers{clock.monotonic_ns()};
  ip::Stack stack{timers, entropy};
  tcp::Tcp tcp;
  Service service;
  std::unique_ptr<transport::Listener> listener;

  explicit World(const tcp::Limits& limits) : tcp(timers, clock, entropy, stack, limits) {
    stack.add_interface(port, {.name = "peers", .addresses = {{IpAddress::v4(kUs), 24}}});
    stack.add_route(IpAddress::v4(0), 0, IpAddress::v4(kGateway));
    transport::ListenOptions options;
    options.local = {IpAddress{}, kOurPort};
    auto result = tcp.listen(options, service);
    SLUICE_ASSERT(result);
    listener = std::move(result.value);
  }
  // One turn of a reactor, after `passed_us`.
  void turn(uint64_t passed_us) {
    clock.advance_by(passed_us * 1000);
    const uint64_t now_ns = clock.now_ns();
    tcp.set_now(now_ns);
    stack.receive(now_ns);
    timers.advance(now_ns);
    tcp.report_closed();
    tcp.flush();
    stack.transmit(now_ns);
  }
};

struct LookUp {
  double alone_ns = 0, burst_ns = 0, segment_ns = 0;
};

// Of random ones among `count`.
LookUp measure_look_ups(World& world, uint32_t count) {
  constexpr uint32_t kLookUps = 1u << 20, kBurst = 32;
  simulation::SeededEntropy random(count);
  std::vector<tcp::Flow> flows;
  std::vector<uint32_t> peers;
  for (uint32_t i = 0; i < kLookUps; ++i) {
    peers.push_back(static_cast<uint32_t>(random.below(count)));
    flows.push_back(flow_of(peers.back()));
  }
  LookUp best{1e9, 1e9, 1e9};
  const uint64_t dropped_before = world.tcp.counters.paws_rejected;
  for (int round = 0; round < 3; ++round) {
    for (const uint32_t burst : {1u, kBurst}) {
      uint32_t missing = 0;
      const double begin_ns = processor_ns();
      for (uint32_t i = 0; i < kLookUps; i += burst) {
        if (burst > 1) world.tcp.expect(&flows[i], burst);
        for (uint32_t k = 0; k < burst; ++k) missing += world.tcp.find_connection(flows[i + k]) == nullptr;
      }
      const double took_ns = processor_ns() - begin_ns;
      SLUICE_ASSERT(missing == 0);
      double& least = burst == 1 ? best.alone_ns : best.burst_ns;
      least = std::min(least, took_ns / kLookUps);
    }
    double took_ns = 0;
    for (uint32_t i = 0; i < kLookUps / 4; i += kBurst) {
      for (uint32_t k = 0; k < kBurst; ++k) world.port.prod(peers[i + k]);
      const double begin_ns = processor_ns();
      world.stack.receive(world.clock.now_ns());
      took_ns += processor_ns() - begin_ns;
    }
    SLUICE_ASSERT(world.tcp.counters.paws_rejected == (round + 1u) * (kLookUps / 4) + dropped_before);
    best.segment_ns = std::min(best.segment_ns, took_ns / (kLookUps / 4));
  }
  return best;
}

}  // namespace

int main(int argc, char** argv) {
  uint32_t most = 1'000'000;
  for (int i = 1; i + 1 < argc; i += 2)
    if (!std::strcmp(argv[i], "--connections"))
      most = static_cast<uint32_t>(std::strtoul(argv[i + 1], nullptr, 10));
  if (argc % 2 == 0 || most == 0) {
    std::fprintf(stderr, "usage: %s [--connections N]   (N up to 100000000; default 1000000)\n", argv[0]);
    return 2;
  }
  tcp::Limits limits;
  limits.connections = most;
  World world(limits);
  // What there is before the first connection, the port's buffers and the neighbour included, has been touched.
  for (int i = 0; i < 1000; ++i) world.turn(1000);
  const size_t before_bytes = resident_bytes();
  std::printf("%11s %9s %11s %9s %9s %9s %13s %13s %11s\n", "connections", "bytes", "connections", "flows",
              "activity", "awake", "look-up ns", "in a burst ns", "segment ns");
  uint32_t opened = 0;
  for (uint32_t step : {1'000u, 10'000u, 100'000u, 1'000'000u, 10'000'000u, 100'000'000u}) {
    step = std::min(step, most);
    if (step <= opened) break;
    while (opened < step) {
      for (int i = 0; i < 32 && opened < step && world.port.waiting() < 64; ++i) world.port.open(opened++);
      world.turn(20);
    }
    for (int i = 0; i < 5'000; ++i) world.turn(1'000);
    const auto& counters = world.tcp.counters;
    if (counters.connections[static_cast<unsigned>(tcp::State::kEstablished)] != step ||
        world.service.served != step || world.service.closed != 0) {
      std::fprintf(stderr, "%u of %u are established, %llu were served, %llu closed\n",
                   counters.connections[static_cast<unsigned>(tcp::State::kEstablished)], step,
                   static_cast<unsigned long long>(world.service.served),
                   static_cast<unsigned long long>(world.service.closed));
      return 1;
    }
    if (const char* broken = step <= 100'000 ? world.tcp.broken_invariant() : nullptr) {
      std::fprintf(stderr, "%s\n", broken);
      return 1;
    }
    const double count = step;
    const double bytes = static_cast<double>(resident_bytes() - before_bytes) / count;
    const auto parts = world.tcp.memory_parts();
    const uint32_t awake = world.tcp.active_count();
    const LookUp look_up = measure_look_ups(world, step);
    std::printf("%11u %9.1f %11.1f %9.1f %9.1f %9u %13.1f %13.1f %11.1f\n", step, bytes,
                static_cast<double>(parts.connections) / count, static_cast<double>(parts.flows) / count,
                static_cast<double>(parts.activities) / count, awake, look_up.alone_ns, look_up.burst_ns,
                look_up.segment_ns);
    std::fflush(stdout);
  }
  return 0;
}
