// SPDX-License-Identifier: Apache-2.0
// What a bare port can do, with no stack above it: the figure that everything built on it is compared with.
//
//   port_echo echo PORT [options]       sends every frame back to where it came from
//   port_echo ping PORT [options]       keeps --window frames under way to an echo and counts the round trips
//   port_echo self PORT PORT [options]  both ends in this process on one core: cycles per frame, with and without our layer
//
// PORT is kind:name[,setting=value...], as in memif:/tmp/wire,role=client.
#include <rte_ethdev.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <time.h>
#include <x86intrin.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "drivers/ethdev/eal.hh"
#include "drivers/ethdev/ethdev.hh"
#include "drivers/ethdev/mbuf.hh"
#include "perf/port_words.hh"

namespace {

using sluice::Buffer;
using sluice::ethdev::Eal;
using sluice::ethdev::EalOptions;
using sluice::ethdev::EthernetDevice;
using sluice::ethdev::EthernetQueue;
using sluice::ethdev::PortSpec;

constexpr unsigned kBurst = 32;

volatile sig_atomic_t stopping = 0;
void stop(int) { stopping = 1; }

struct Options {
  std::string mode;
  std::vector<PortSpec> ports;
  unsigned cpu = 0, window = 32, bytes = 64;
  double seconds = 3;
  bool bare = false, nap = false;
  EalOptions eal;
};

[[noreturn]] void fail(const std::string& text) {
  std::fprintf(stderr, "port_echo: %s\n", text.c_str());
  std::exit(1);
}

double now_s() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

PortSpec parse_port(const std::string& text) {
  const auto spec = sluice::perf::parse_port(text);
  if (!spec) fail("not a port: " + text);
  return *spec;
}

Options parse(int argc, char** argv) {
  Options options;
  if (argc < 3)
    fail(
        "port_echo echo|ping PORT or port_echo self PORT PORT; --cpu N --window N --bytes N --seconds N "
        "--bare --ordinary --primary|--secondary --group NAME --verbose");
  options.mode = argv[1];
  for (int i = 2; i < argc; ++i) {
    const std::string word = argv[i];
    const auto number = [&] { return i + 1 < argc ? std::atof(argv[++i]) : 0; };
    if (word == "--cpu")
      options.cpu = static_cast<unsigned>(number());
    else if (word == "--window")
      options.window = static_cast<unsigned>(number());
    else if (word == "--bytes")
      options.bytes = static_cast<unsigned>(number());
    else if (word == "--seconds")
      options.seconds = number();
    else if (word == "--bare")
      options.bare = true;
    else if (word == "--nap")
      options.nap = true;
    else if (word == "--verbose")
      options.eal.verbose = true;
    else if (word == "--ordinary")
      options.eal.memory = sluice::ethdev::EalMemory::kOrdinary;
    else if (word == "--primary")
      options.eal.role = sluice::ethdev::EalRole::kPrimary;
    else if (word == "--secondary")
      options.eal.role = sluice::ethdev::EalRole::kSecondary;
    else if (word == "--group" && i + 1 < argc)
      options.eal.group = argv[++i];
    else if (word.starts_with("--"))
      fail("unknown option " + word);
    else
      options.ports.push_back(parse_port(word));
  }
  options.eal.ports = options.ports;
  return options;
}

void swap_addresses(std::byte* frame) {
  std::byte mac[6];
  std::memcpy(mac, frame, 6);
  std::memcpy(frame, frame + 6, 6);
  std::memcpy(frame + 6, mac, 6);
}

void fill_frame(Buffer* buffer, const EthernetQueue& queue, unsigned bytes) {
  std::byte* at = buffer->append(bytes);
  std::memset(at, 0, bytes);
  std::memset(at, 0xff, 6);
  const sluice::MacAddress mac = queue.mac();
  std::memcpy(at + 6, mac.bytes.data(), 6);
  at[12] = std::byte{0x88};  // an EtherType for experiments
  at[13] = std::byte{0xb5};
}

void echo(EthernetQueue& queue, bool nap) {
  Buffer* frames[kBurst];
  uint64_t total = 0, received = 0, idle = 0;
  const double begin = now_s();
  while (!stopping) {
    const unsigned count = queue.receive(frames, kBurst);
    received += count;
    if (count == 0 && nap && ++idle > 1000) {
      const timespec pause{0, 50'000};
      nanosleep(&pause, nullptr);
    }
    if (count) idle = 0;
    for (unsigned i = 0; i < count; ++i) swap_addresses(frames[i]->data);
    unsigned sent = queue.transmit(frames, count);
    total += sent;
    for (; sent < count; ++sent) sluice::release(frames[sent]);
  }
  std::printf("echoed %lu of %lu frames in %.1f s, %lu refused\n", total, received, now_s() - begin,
              queue.counters.transmit_refused);
}

void ping(EthernetQueue& queue, const Options& options) {
  Buffer* frames[kBurst];
  unsigned under_way = 0;
  uint64_t trips = 0, sent_total = 0;
  const double begin = now_s();
  double window_begin = begin, last_seen = begin;
  std::vector<double> rates;
  uint64_t window_trips = 0;
  while (!stopping) {
    unsigned want = std::min(options.window - under_way, kBurst), have = 0;
    for (; have < want; ++have) {
      Buffer* buffer = queue.pool().allocate();
      if (!buffer) break;
      fill_frame(buffer, queue, options.bytes);
      frames[have] = buffer;
    }
    unsigned sent = queue.transmit(frames, have);
    under_way += sent;
    sent_total += sent;
    for (; sent < have; ++sent) sluice::release(frames[sent]);
    const unsigned count = queue.receive(frames, kBurst);
    for (unsigned i = 0; i < count; ++i) sluice::release(frames[i]);
    under_way -= std::min(under_way, count);
    trips += count;
    window_trips += count;
    const double now = now_s();
    if (count) last_seen = now;
    if (under_way == options.window && now - last_seen > 0.2) {  // lost on the way, or nobody there yet
      under_way = 0;
      last_seen = now;
    }
    if (now - window_begin > 0.25) {
      rates.push_back(static_cast<double>(window_trips) / (now - window_begin));
      window_trips = 0;
      window_begin = now;
      if (now - begin > options.seconds) break;
    }
  }
  std::sort(rates.begin(), rates.end());
  std::printf("%lu round trips, median %.3f M/s (low %.3f, high %.3f), window %u, %u bytes\n", trips,
              rates.empty() ? 0 : rates[rates.size() / 2] / 1e6, rates.empty() ? 0 : rates.front() / 1e6,
              rates.empty() ? 0 : rates.back() / 1e6, options.window, options.bytes);
}

// One burst there and back, on one core, again and again; median cycles for one frame in one direction.
template <typename Send, typename Receive>
double cycles_per_frame(Send send, Receive receive) {
  std::vector<uint64_t> samples;
  for (unsigned round = 0; round < 20'000 && !stopping; ++round) {
    const uint64_t begin = __rdtsc();
    send(0);
    receive(1);
    send(1);
    receive(0);
    samples.push_back(__rdtsc() - begin);
  }
  std::sort(samples.begin(), samples.end());
  return samples.empty() ? 0 : static_cast<double>(samples[samples.size() / 2]) / (2.0 * kBurst);
}

void self(EthernetDevice& a, EthernetDevice& b, const Options& options) {
  EthernetDevice* devices[2] = {&a, &b};
  EthernetQueue* queues[2] = {&a.queue(0), &b.queue(0)};
  Buffer* frames[kBurst];
  for (Buffer*& frame : frames) {
    frame = queues[0]->pool().allocate();
    if (!frame) fail("no buffers");
    fill_frame(frame, *queues[0], options.bytes);
  }
  const double begin = now_s();
  // A memif's receiver offers its slots when it looks for frames, so each end looks once.
  while (!(a.link().up && b.link().up) && now_s() - begin < 5) sched_yield();
  for (EthernetQueue* queue : queues)
    for (unsigned i = queue->receive(frames, kBurst); i > 0; --i) sluice::release(frames[i - 1]);
  // The same frames go round and round.
  const auto send = [&](int side) {
    if (queues[side]->transmit(frames, kBurst) != kBurst) fail("frames were refused");
  };
  const auto receive = [&](int side) {
    unsigned have = 0;
    for (unsigned tries = 0; have < kBurst; ++tries) {
      have += queues[side]->receive(frames + have, kBurst - have);
      if (tries > 1'000'000) fail("frames were lost");
    }
  };
  rte_mbuf* mbufs[kBurst];
  const auto send_bare = [&](int side) {
    if (rte_eth_tx_burst(devices[side]->port_id(), 0, mbufs, kBurst) != kBurst) fail("frames were refused");
  };
  const auto receive_bare = [&](int side) {
    unsigned have = 0;
    for (unsigned tries = 0; have < kBurst; ++tries) {
      have +=
          rte_eth_rx_burst(devices[side]->port_id(), 0, mbufs + have, static_cast<uint16_t>(kBurst - have));
      if (tries > 1'000'000) fail("frames were lost");
    }
  };
  std::vector<double> ours, bare;
  for (int turn = 0; turn < 5; ++turn) {
    ours.push_back(cycles_per_frame(send, receive));
    for (unsigned i = 0; i < kBurst; ++i) mbufs[i] = sluice::ethdev::mbuf_of(frames[i]);
    bare.push_back(cycles_per_frame(send_bare, receive_bare));
    for (unsigned i = 0; i < kBurst; ++i) frames[i] = sluice::ethdev::buffer_of(mbufs[i]);
  }
  std::sort(ours.begin(), ours.end());
  std::sort(bare.begin(), bare.end());
  std::printf("cycles for one frame sent and received: %.1f, bare bursts %.1f, our layer %.1f\n", ours[2],
              bare[2], ours[2] - bare[2]);
  for (Buffer* frame : frames) sluice::release(frame);
}

}  // namespace

int main(int argc, char** argv) {
  Options options = parse(argc, argv);
  signal(SIGINT, stop);
  signal(SIGTERM, stop);
  // It polls: nobody may be left with one whose other end has gone.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(options.cpu, &cpus);
  if (sched_setaffinity(0, sizeof cpus, &cpus) != 0)
    fail("CPU " + std::to_string(options.cpu) + " cannot be used");
  if (std::string error = Eal::start(options.eal); !error.empty()) fail(error);
  {
    std::vector<std::unique_ptr<EthernetDevice>> devices;
    // Both ends of a ring between processes are made by the primary.
    std::unique_ptr<EthernetDevice> far_end;
    for (const PortSpec& spec : options.ports) {
      std::string error;
      if (spec.kind == sluice::ethdev::PortKind::kRing && options.ports.size() == 1 &&
          options.eal.role == sluice::ethdev::EalRole::kPrimary) {
        PortSpec far = spec;
        far.settings["side"] = far.settings["side"] == "a" ? "b" : "a";
        far_end = EthernetDevice::open(far, error);
        if (!far_end) fail(error);
      }
      devices.push_back(EthernetDevice::open(spec, error));
      if (!devices.back()) fail(error);
      std::fprintf(stderr, "%s\n", devices.back()->summary().c_str());
    }
    if (options.mode == "echo" && devices.size() == 1)
      echo(devices[0]->queue(0), options.nap);
    else if (options.mode == "ping" && devices.size() == 1)
      ping(devices[0]->queue(0), options);
    else if (options.mode == "self" && devices.size() == 2)
      self(*devices[0], *devices[1], options);
    else
      fail("echo and ping take one port, self takes two");
  }
  Eal::stop();
  return 0;
}
