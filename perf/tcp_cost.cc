// SPDX-License-Identifier: Apache-2.0
// What a message, a connection and a segment cost in our stack itself: two hosts in one thread, joined by a port that only
// copies. No other core, no driver, no kernel: the figures are the same again and again, and callgrind counts the instructions
// (valgrind --tool=callgrind --toggle-collect='measured*' tcp_cost echo 10000).
//
//   tcp_cost echo|open|bulk COUNT [plain]     cycles of both hosts together for each echo, connection, or 1448 bytes;
//                                             plain: segments are neither merged nor cut in software
#include <x86intrin.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/core/reactor.hh"
#include "dataplane/tcp/tcp.hh"
#include "dataplane/transport/bypass.hh"
#include "drivers/kernel/event_waiter.hh"
#include "drivers/kernel/host_entropy.hh"

namespace {

using namespace sluice;
using transport::Stream;

// Some microseconds pass with each turn.
class CountingClock final : public Clock {
 public:
  uint64_t monotonic_ns() override { return now_ns += 2'000; }
  uint64_t realtime_ns() override { return now_ns; }
  uint64_t now_ns = 1'000'000'000'000;
};

class CrossPort final : public Port {
 public:
  explicit CrossPort(uint8_t number) : pool_(2048 + kTransmitHeadroomBytes, 1 << 16), number_(number) {}
  ~CrossPort() override {
    for (unsigned i = taken_; i < waiting_.size(); ++i) release(waiting_[i]);
  }
  unsigned receive(Buffer** frames, unsigned limit) override {
    unsigned count = 0;
    while (count < limit && taken_ < waiting_.size()) frames[count++] = waiting_[taken_++];
    if (taken_ == waiting_.size()) {
      waiting_.clear();
      taken_ = 0;
    }
    return count;
  }
  unsigned transmit(Buffer** frames, unsigned count) override {
    for (unsigned i = 0; i < count; ++i) {
      Buffer* copy = other->pool_.allocate();
      if (!copy) return i;
      for (const Buffer* each = frames[i]; each; each = each->next_segment)
        copy->append(each->data, each->length);
      copy->flags = Buffer::kReceiveIpChecksumGood | Buffer::kReceiveL4ChecksumGood;
      other->waiting_.push_back(copy);
      release(frames[i]);
    }
    return count;
  }
  BufferPool& pool() override { return pool_; }
  MacAddress mac() const override { return {{2, 0, 0, 0, 0, number_}}; }
  uint32_t mtu_bytes() const override { return 1500; }
  const PortCapabilities& capabilities() const override { return capabilities_; }
  CrossPort* other = nullptr;

 private:
  HeapBufferPool pool_;
  std::vector<Buffer*> waiting_;
  size_t taken_ = 0;
  const uint8_t number_;
  const PortCapabilities capabilities_{.transmit_ip_checksum = true,
                                       .transmit_tcp_checksum = true,
                                       .transmit_udp_checksum = true,
                                       .transmit_scatter = true};
};

struct Host {
  Host(Clock& clock, uint8_t number, bool plain)
      : port(number),
        reactor(clock, waiter, PollMode::kBusy),
        stack(reactor.timers(), entropy),
        transport(reactor.timers(), clock, entropy, stack) {
    ip::InterfaceOptions options;
    options.addresses = {{IpAddress::v4(0xc0000200u + number), 24}};
    options.merge_received = options.cut_sent = !plain;
    stack.add_interface(port, options);
    reactor.add(transport);
  }
  CrossPort port;
  kernel::HostEntropy entropy;
  kernel::EventWaiter waiter;
  Reactor reactor;
  ip::Stack stack;
  transport::BypassTransport transport;
};

uint64_t done = 0;
std::string message;
bool bulk = false, opens = false;

class Server final : public transport::StreamUser, public transport::ListenerUser {
 public:
  void on_accepted(Stream& stream) override {
    stream.set_user(this);
    if (!opens) return;
    stream.write_copy("x");
    stream.shutdown();
  }
  void on_data(Stream& stream, Buffer* chain) override {
    const uint32_t length = chain->chain_length();
    if (bulk) {
      done += length;
    } else {
      stream.write_copy(chain->text());
    }
    release(chain);
    stream.consumed(length);
  }
  void on_end(Stream& stream) override { stream.shutdown(); }
  void on_closed(Stream&, Error) override {}
};

class Client final : public transport::StreamUser {
 public:
  explicit Client(transport::Transport& transport) : transport_(transport) {
    options_.remote = {IpAddress::v4(0xc0000202), 7};
  }
  void open() {
    if (!transport_.connect(options_, *this)) std::exit(2);
  }
  void pump(Stream& stream) {
    while (!stream.write_is_full()) stream.write_copy(message);
  }
  void on_connected(Stream& stream) override {
    if (bulk) {
      pump(stream);
    } else if (!opens) {
      stream.write_copy(message);
    }
  }
  void on_writable(Stream& stream) override { pump(stream); }
  void on_data(Stream& stream, Buffer* chain) override {
    const uint32_t length = chain->chain_length();
    release(chain);
    stream.consumed(length);
    if (opens) return;
    ++done;
    stream.write_copy(message);
  }
  void on_end(Stream& stream) override { stream.shutdown(); }
  void on_closed(Stream&, Error) override {
    if (!opens) return;
    ++done;
    open();
  }

 private:
  transport::Transport& transport_;
  transport::ConnectOptions options_;
};

}  // namespace

// What callgrind is to count.
__attribute__((noinline)) void measured_turns(Reactor& a, Reactor& b, uint64_t until) {
  while (done < until) {
    a.turn();
    b.turn();
  }
}

int main(int count, char** words) {
  const std::string mode = count > 2 ? words[1] : "";
  const auto wanted = count > 2 ? static_cast<uint64_t>(std::atoll(words[2])) : 0;
  bulk = mode == "bulk";
  opens = mode == "open";
  if (!bulk && !opens && mode != "echo") {
    std::fprintf(stderr, "usage: tcp_cost echo|open|bulk COUNT [plain]\n");
    return 2;
  }
  message.assign(bulk ? 16 << 10 : 64, 'q');
  CountingClock clock;
  const bool plain = count > 3 && std::strcmp(words[3], "plain") == 0;
  Host near(clock, 1, plain), far(clock, 2, plain);
  near.port.other = &far.port;
  far.port.other = &near.port;
  Server server;
  auto listener = far.transport.listen({.local = {IpAddress::v4(0), 7}, .backlog = 4096}, server);
  Client client(near.transport);
  const unsigned connections = bulk ? 1 : 32;
  for (unsigned i = 0; i < connections; ++i) client.open();
  const uint64_t unit = bulk ? 1448 : 1;
  measured_turns(near.reactor, far.reactor, wanted / 10 * unit);
  const uint64_t before = done, begin = __rdtsc();
  measured_turns(near.reactor, far.reactor, before + wanted * unit);
  const uint64_t end = __rdtsc();
  std::printf(
      "{\"mode\": \"%s\", \"cycles\": %.1f, \"segments\": %.2f}\n", mode.c_str(),
      static_cast<double>(end - begin) * static_cast<double>(unit) / static_cast<double>(done - before),
      static_cast<double>(near.transport.tcp().counters.segments_sent) * static_cast<double>(unit) /
          static_cast<double>(done));
  std::fflush(stdout);
  std::_Exit(0);
}
