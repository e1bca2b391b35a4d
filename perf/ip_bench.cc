// SPDX-License-Identifier: Apache-2.0
// What the IP layer costs per packet, both ways, without a wire: a port that hands out the same frames over and over and
// swallows what is sent.
#include <benchmark/benchmark.h>

#include <cstring>
#include <vector>

#include "dataplane/ip/stack.hh"
#include "dataplane/wire/arp.hh"
#include "dataplane/wire/checksum.hh"
#include "dataplane/wire/ethernet.hh"
#include "dataplane/wire/ipv4.hh"
#include "tests/simulation/seeded_entropy.hh"

namespace sluice {
namespace {

constexpr uint32_t kUs = 0xc0000201, kPeer = 0xc0000209;  // 192.0.2.1 and .9
constexpr MacAddress kOurMac{{2, 0, 0, 0, 0, 1}}, kPeerMac{{2, 0, 0, 0, 0, 9}};

// Endless frames of one flow.
class EndlessPort final : public Port {
 public:
  unsigned receive(Buffer** frames, unsigned limit) override {
    if (arp_next) {
      arp_next = false;
      frames[0] = pool_.allocate();
      std::byte* at = frames[0]->append(60);
      wire::emit_ethernet(at, kOurMac, kPeerMac, wire::kEtherTypeArp);
      wire::emit_arp(at + 14, {.operation = wire::kArpReply,
                               .sender_mac = kPeerMac,
                               .target_mac = kOurMac,
                               .sender_ip = kPeer,
                               .target_ip = kUs});
      return 1;
    }
    if (!endless) return 0;
    for (unsigned i = 0; i < limit; ++i) {
      frames[i] = pool_.allocate();
      std::memcpy(frames[i]->append(74), frame_, 74);
      if (verified) frames[i]->flags = Buffer::kReceiveIpChecksumGood;
    }
    return limit;
  }
  unsigned transmit(Buffer** frames, unsigned count) override {
    for (unsigned i = 0; i < count; ++i) release(frames[i]);
    return count;
  }
  BufferPool& pool() override { return pool_; }
  MacAddress mac() const override { return kOurMac; }
  uint32_t mtu_bytes() const override { return 1500; }
  const PortCapabilities& capabilities() const override { return capabilities_; }

  EndlessPort() {
    wire::emit_ethernet(frame_, kOurMac, kPeerMac, wire::kEtherTypeIpv4);
    const wire::Ipv4Fields fields{.total_bytes = 60, .protocol = 99, .source = kPeer, .destination = kUs};
    wire::emit_ipv4(frame_ + 14, fields);
    wire::set_ipv4_checksum(frame_ + 14, fields);
  }
  bool arp_next = false, endless = false, verified = false;
  PortCapabilities capabilities_;

 private:
  HeapBufferPool pool_{2048, 4096};
  std::byte frame_[74] = {};
};

struct Sink final : ip::Protocol {
  void receive(const ip::ReceivedPacket& about, Buffer* packet) override {
    benchmark::DoNotOptimize(about);
    ++packets;
    release(packet);
  }
  void icmp_error(const ip::IcmpError&) override {}
  uint64_t packets = 0;
};

struct Rig {
  simulation::SeededEntropy entropy{1};
  EndlessPort port;
  TimerWheel timers{1'000'000'000};
  ip::Stack stack{timers, entropy};
  Sink sink;
  IpAddress source;
  ip::Path path;
  explicit Rig(bool offload) {
    port.verified = offload;
    port.capabilities_.transmit_ip_checksum = offload;
    stack.add_interface(port, {.name = "bench", .addresses = {{IpAddress::v4(kUs), 24}}});
    stack.set_protocol(99, &sink);
    stack.find_path(IpAddress::v4(kPeer), source, path);
    send();
    stack.transmit(1'000'000'000);
    port.arp_next = true;
    stack.receive(1'000'000'000);
    stack.transmit(1'000'000'000);
  }
  void send() {
    Buffer* packet = port.pool().allocate();
    packet->append(40);
    stack.send(path, {.source = source, .destination = IpAddress::v4(kPeer), .protocol = 99}, packet);
  }
};

void count_cycles(benchmark::State& state, uint64_t packets, uint64_t cycles) {
  state.counters["cycles/packet"] = static_cast<double>(cycles) / static_cast<double>(packets);
  state.SetItemsProcessed(static_cast<int64_t>(packets));
}

// The port's own part (a Buffer allocated, filled and released), to be taken off the next one.
void BM_PortOnly(benchmark::State& state) {
  EndlessPort port;
  port.endless = true;
  Buffer* frames[64];
  uint64_t packets = 0;
  const uint64_t begin = __builtin_ia32_rdtsc();
  for (auto _ : state) {
    packets += port.receive(frames, 64);
    for (Buffer* frame : frames) release(frame);
  }
  count_cycles(state, packets, __builtin_ia32_rdtsc() - begin);
}
BENCHMARK(BM_PortOnly);

void BM_Receive(benchmark::State& state) {
  Rig rig(state.range(0) != 0);
  rig.port.endless = true;
  const uint64_t begin = __builtin_ia32_rdtsc();
  for (auto _ : state) rig.stack.receive(1'000'000'000);
  count_cycles(state, rig.sink.packets, __builtin_ia32_rdtsc() - begin);
}
BENCHMARK(BM_Receive)->ArgName("offload")->Arg(0)->Arg(1);

void BM_Send(benchmark::State& state) {
  Rig rig(state.range(0) != 0);
  uint64_t packets = 0;
  const uint64_t begin = __builtin_ia32_rdtsc();
  for (auto _ : state) {
    for (int i = 0; i < 64; ++i) rig.send();
    rig.stack.transmit(1'000'000'000);
    packets += 64;
  }
  count_cycles(state, packets, __builtin_ia32_rdtsc() - begin);
}
BENCHMARK(BM_Send)->ArgName("offload")->Arg(0)->Arg(1);

void BM_Checksum(benchmark::State& state) {
  std::vector<std::byte> bytes(static_cast<size_t>(state.range(0)));
  for (auto _ : state)
    benchmark::DoNotOptimize(wire::checksum_finish(wire::checksum_add(0, bytes.data(), bytes.size())));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Checksum)->Arg(20)->Arg(40)->Arg(60)->Arg(576)->Arg(1460)->Arg(65535);

}  // namespace
}  // namespace sluice

BENCHMARK_MAIN();
