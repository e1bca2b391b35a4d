// SPDX-License-Identifier: Apache-2.0
// Our TCP alone, with no HTTP above it, over one port on one core: what perf/tcp_bench.py measures.
//
//   tcp_load serve PORT       echo on 7, discard on 9, a byte and the end on 13, bytes without end on 19
//   tcp_load echo PORT        --connections messages of --bytes are under way; counts the answers
//   tcp_load push|pull PORT   one connection (or more), as many bytes as it takes
//   tcp_load open PORT        opens --connections at once, reads the byte and the end, closes, opens the next
//   tcp_load fill PORT        no TCP: frames of --bytes, filled by memcpy, as fast as the port takes them
//   tcp_load drain PORT       no TCP: reads them by memcpy
//
// PORT is kind:name[,setting=value...]. --window-limit bounds what a receive window grows to. Prints one line of JSON at the end.
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <x86intrin.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/core/cycles.hh"
#include "dataplane/core/reactor.hh"
#include "dataplane/tcp/tcp.hh"
#include "dataplane/transport/bypass.hh"
#include "drivers/ethdev/eal.hh"
#include "drivers/ethdev/ethdev.hh"
#include "drivers/kernel/event_waiter.hh"
#include "drivers/kernel/host_clock.hh"
#include "drivers/kernel/host_entropy.hh"
#include "perf/port_words.hh"

namespace {

using namespace sluice;
using transport::Stream;

constexpr uint16_t kEchoPort = 7, kDiscardPort = 9, kBytePort = 13, kSourcePort = 19;
constexpr uint32_t kMemoryBytes = 4 << 20;  // what bytes are copied from and to: more than a cache of level 2
constexpr uint64_t kWindowNs = 100'000'000;
constexpr unsigned kBurst = 32;

struct Options {
  std::string mode;
  ethdev::PortSpec port;
  ethdev::EalOptions eal;
  IpAddress own = IpAddress::v4(0xc0000202), remote = IpAddress::v4(0xc0000202);  // 192.0.2.2
  unsigned cpu = 0, connections = 32, bytes = 64;
  double seconds = 2;
  bool account = false;
  tcp::Limits limits;
};

Reactor* running = nullptr;
volatile sig_atomic_t stopping = 0;
void on_signal(int) {
  stopping = 1;
  if (running) running->stop();
}

[[noreturn]] void fail(const std::string& text) {
  std::fprintf(stderr, "tcp_load: %s\n", text.c_str());
  std::exit(2);
}

Options parse(int count, char** words) {
  Options options;
  if (count < 3) fail("usage: tcp_load serve|echo|push|pull|open|fill|drain PORT [options]");
  options.mode = words[1];
  if (options.mode != "serve" && options.mode != "drain") options.own = IpAddress::v4(0xc0000201);
  const auto port = perf::parse_port(words[2]);
  if (!port) fail(std::string("not a port: ") + words[2]);
  options.port = *port;
  for (int i = 3; i < count; ++i) {
    const std::string word = words[i];
    const auto text = [&] {
      if (i + 1 >= count) fail(word + " wants a value");
      return words[++i];
    };
    const auto number = [&] { return static_cast<unsigned>(std::atoi(text())); };
    const auto address = [&] {
      const auto parsed = IpAddress::parse(text());
      if (!parsed) fail("not an address: " + std::string(words[i]));
      return *parsed;
    };
    if (word == "--cpu") {
      options.cpu = number();
    } else if (word == "--connections") {
      options.connections = number();
    } else if (word == "--bytes") {
      options.bytes = number();
    } else if (word == "--seconds") {
      options.seconds = std::atof(text());
    } else if (word == "--address") {
      options.own = address();
    } else if (word == "--to") {
      options.remote = address();
    } else if (word == "--window-limit") {
      options.limits.receive_window_limit_bytes = number();
    } else if (word == "--account") {
      options.account = true;
    } else if (word == "--primary") {
      options.eal.role = ethdev::EalRole::kPrimary;
    } else if (word == "--secondary") {
      options.eal.role = ethdev::EalRole::kSecondary;
    } else if (word == "--group") {
      options.eal.group = text();
    } else {
      fail("unknown option " + word);
    }
  }
  options.eal.ports = {options.port};
  options.eal.memory_mb = 128;
  options.port.settings.emplace("buffers", "16384");
  return options;
}

// Accounts the port's own bursts apart from the stack's work.
class AccountedPort final : public Port {
 public:
  explicit AccountedPort(Port& under) : under_(under) {}
  unsigned receive(Buffer** frames, unsigned limit) override {
    const cycles::Scope stage(cycles::Stage::kBridge);
    return under_.receive(frames, limit);
  }
  unsigned transmit(Buffer** frames, unsigned count) override {
    const cycles::Scope stage(cycles::Stage::kBridge);
    return under_.transmit(frames, count);
  }
  BufferPool& pool() override { return under_.pool(); }
  MacAddress mac() const override { return under_.mac(); }
  uint32_t mtu_bytes() const override { return under_.mtu_bytes(); }
  const PortCapabilities& capabilities() const override { return under_.capabilities(); }

 private:
  Port& under_;
};

// The bytes that are sent, and room for those received: written and read as a program would.
class Memory {
 public:
  Memory() : bytes_(kMemoryBytes, std::byte{'x'}) {}
  void take(const Buffer* chain) {
    for (; chain; chain = chain->next_segment) {
      if (at_ + chain->length > bytes_.size()) at_ = 0;
      std::memcpy(bytes_.data() + at_, chain->data, chain->length);
      at_ += chain->length;
    }
  }
  std::string_view next(uint32_t count) {
    if (at_ + count > bytes_.size()) at_ = 0;
    const std::byte* from = bytes_.data() + at_;
    at_ += count;
    return {reinterpret_cast<const char*>(from), count};
  }

 private:
  std::vector<std::byte> bytes_;
  size_t at_ = 0;
};

// What each kind of stream does, on both ends. One object serves all streams of its kind.
class User : public transport::StreamUser, public transport::ListenerUser {
 public:
  virtual ~User() = default;
  uint64_t count = 0, errors = 0;

  void on_accepted(Stream& stream) override { stream.set_user(this); }
  void on_data(Stream& stream, Buffer* chain) override {
    stream.consumed(chain->chain_length());
    release(chain);
  }
  void on_end(Stream& stream) override { stream.shutdown(); }
  void on_closed(Stream&, Error error) override { errors += error != Error::kNone; }
};

class Echo final : public User {
 public:
  void on_data(Stream& stream, Buffer* chain) override {
    const cycles::Scope stage(cycles::Stage::kHttp);
    uint32_t length = 0;
    for (const Buffer* each = chain; each; each = each->next_segment) {
      stream.write_copy(each->text());
      length += each->length;
    }
    release(chain);
    stream.consumed(length);
    ++count;
  }
};

class Discard final : public User {
 public:
  void on_data(Stream& stream, Buffer* chain) override {
    const cycles::Scope stage(cycles::Stage::kHttp);
    memory_.take(chain);
    const uint32_t length = chain->chain_length();
    count += length;
    release(chain);
    stream.consumed(length);
  }

 private:
  Memory memory_;
};

class Source final : public User {
 public:
  void on_accepted(Stream& stream) override {
    stream.set_user(this);
    pump(stream);
  }
  void on_connected(Stream& stream) override { pump(stream); }
  void on_writable(Stream& stream) override { pump(stream); }

 private:
  void pump(Stream& stream) {
    const cycles::Scope stage(cycles::Stage::kHttp);
    while (!stream.write_is_full())
      if (stream.write_copy(memory_.next(16 << 10)) != Error::kNone) return;
  }
  Memory memory_;
};

class OneByte final : public User {
 public:
  void on_accepted(Stream& stream) override {
    const cycles::Scope stage(cycles::Stage::kHttp);
    stream.set_user(this);
    stream.write_copy("x");
    stream.shutdown();
    ++count;
  }
};

class Asker final : public User {
 public:
  explicit Asker(unsigned bytes) : message_(bytes, 'q') {}
  void on_connected(Stream& stream) override { stream.write_copy(message_); }
  void on_data(Stream& stream, Buffer* chain) override {
    const cycles::Scope stage(cycles::Stage::kHttp);
    const uint32_t length = chain->chain_length();
    release(chain);
    stream.consumed(length);
    // Answers are not split: they are shorter than a segment.
    count += length / message_.size();
    stream.write_copy(message_);
  }

 private:
  const std::string message_;
};

class Opener final : public User {
 public:
  Opener(transport::Transport& transport, const Endpoint& to) : transport_(transport) {
    options_.remote = to;
  }
  void open() { errors += !transport_.connect(options_, *this); }
  void on_closed(Stream& stream, Error error) override {
    User::on_closed(stream, error);
    ++count;
    open();
  }

 private:
  transport::Transport& transport_;
  transport::ConnectOptions options_;
};

// Reads a counter every tenth of a second; ends the reactor when the time is over. The first half second does not count.
class Meter final : public ReactorPart {
 public:
  Meter(Reactor& reactor, const uint64_t& counter, double seconds)
      : reactor_(reactor), counter_(counter), left_ns_(static_cast<uint64_t>((seconds + 0.5) * 1e9)) {}
  bool receive(uint64_t now_ns) override {
    if (begun_ns_ == 0 && counter_ > 0) begun_ns_ = window_ns_ = now_ns;
    if (begun_ns_ == 0) return false;
    if (now_ns - window_ns_ >= kWindowNs) {
      const auto rate =
          static_cast<double>(counter_ - seen_) * 1e9 / static_cast<double>(now_ns - window_ns_);
      if (now_ns - begun_ns_ > 500'000'000) rates_.push_back(rate);
      seen_ = counter_;
      window_ns_ = now_ns;
    }
    if (now_ns - begun_ns_ > left_ns_) reactor_.stop();
    return false;
  }
  void transmit(uint64_t) override {}
  bool prepare_sleep(uint64_t&) override { return false; }
  double middle() {
    std::sort(rates_.begin(), rates_.end());
    return rates_.empty() ? 0 : rates_[rates_.size() / 2];
  }

 private:
  Reactor& reactor_;
  const uint64_t& counter_;
  const uint64_t left_ns_;
  uint64_t begun_ns_ = 0, window_ns_ = 0, seen_ = 0;
  std::vector<double> rates_;
};

void run_tcp(const Options& options, ethdev::EthernetDevice& device) {
  kernel::HostClock clock;
  kernel::HostEntropy entropy;
  kernel::EventWaiter waiter;
  Reactor reactor(clock, waiter, PollMode::kBusy);
  ip::Stack stack(reactor.timers(), entropy);
  transport::BypassTransport transport(reactor.timers(), clock, entropy, stack, options.limits);
  AccountedPort accounted(device.queue(0));
  ip::InterfaceOptions interface;
  interface.name = options.port.name;
  interface.addresses = {{options.own, 24}};
  interface.duplicate_detections = 0;
  stack.add_interface(options.account ? static_cast<Port&>(accounted) : device.queue(0), interface);
  reactor.add(transport);
  running = &reactor;
  Echo echo;
  Discard discard;
  OneByte byte;
  Source source;
  Asker asker(options.bytes);
  std::unique_ptr<Opener> opener;
  std::vector<std::unique_ptr<transport::Listener>> listeners;
  std::unique_ptr<Meter> meter;
  if (options.mode == "serve") {
    for (const auto& [port, user] : std::initializer_list<std::pair<uint16_t, User*>>{
             {kEchoPort, &echo}, {kDiscardPort, &discard}, {kBytePort, &byte}, {kSourcePort, &source}}) {
      transport::ListenOptions listen;
      listen.local = {IpAddress::v4(0), port};
      listen.backlog = 1 << 16;
      auto listener = transport.listen(listen, *user);
      if (!listener) fail(listener.detail);
      listeners.push_back(std::move(listener.value));
    }
  } else {
    uint16_t port = kEchoPort;
    User* user = &asker;
    const uint64_t* counter = &asker.count;
    if (options.mode == "push") {
      port = kDiscardPort;
      user = &source;
      counter = &transport.tcp().counters.bytes_sent;
    } else if (options.mode == "pull") {
      port = kSourcePort;
      user = &discard;
      counter = &discard.count;
    } else if (options.mode == "open") {
      opener = std::make_unique<Opener>(transport, Endpoint{options.remote, kBytePort});
      counter = &opener->count;
    } else if (options.mode != "echo") {
      fail("unknown mode " + options.mode);
    }
    meter = std::make_unique<Meter>(reactor, *counter, options.seconds);
    reactor.add(*meter);
    for (unsigned i = 0; i < options.connections; ++i) {
      if (opener) {
        opener->open();
        continue;
      }
      transport::ConnectOptions connect;
      connect.remote = {options.remote, port};
      connect.timeout_ms = 30'000;
      if (!transport.connect(connect, *user)) fail("cannot connect");
    }
  }
  std::fprintf(stderr, "running: %s\n", device.summary().c_str());
  if (options.account) cycles::counter = [] { return static_cast<uint64_t>(__rdtsc()); };
  if (!stopping) reactor.run();
  running = nullptr;
  const tcp::Counters& counters = transport.tcp().counters;
  std::string text = "{\"mode\": \"" + options.mode + "\"";
  const auto add = [&](const char* name, double value) {
    char number[64];
    std::snprintf(number, sizeof number, ", \"%s\": %.6g", name, value);
    text += number;
  };
  if (meter) add("per_second", meter->middle());
  add("errors",
      static_cast<double>(source.errors + asker.errors + discard.errors + (opener ? opener->errors : 0)));
  add("segments_received", static_cast<double>(counters.segments_received));
  add("segments_sent", static_cast<double>(counters.segments_sent));
  add("bytes_received", static_cast<double>(counters.bytes_received));
  add("bytes_sent", static_cast<double>(counters.bytes_sent));
  add("predicted", static_cast<double>(counters.predicted));
  add("sent_large", static_cast<double>(counters.sent_large));
  add("retransmitted", static_cast<double>(counters.retransmitted));
  add("out_of_order", static_cast<double>(counters.out_of_order));
  add("accepted", static_cast<double>(counters.accepted));
  add("served", static_cast<double>(echo.count + byte.count));
  if (options.account) {
    const auto& spent = cycles::account.spent;
    const auto of = [&](cycles::Stage stage) {
      return static_cast<double>(spent[static_cast<unsigned>(stage)]);
    };
    const double units = std::max(
        1.0, static_cast<double>(echo.count + byte.count) + static_cast<double>(discard.count) / 1448);
    add("cycles_port", of(cycles::Stage::kBridge) / units);
    add("cycles_ip", of(cycles::Stage::kPacket) / units);
    add("cycles_tcp", of(cycles::Stage::kTcp) / units);
    add("cycles_application", of(cycles::Stage::kHttp) / units);
    add("cycles_other", of(cycles::Stage::kOther) / units);
    add("cycles_idle", of(cycles::Stage::kIdle) / units);
  }
  std::printf("%s}\n", text.c_str());
  std::fflush(stdout);
  // Connections still stand; their end would be a matter of minutes.
  std::_Exit(0);
}

double seconds_now() {
  kernel::HostClock clock;
  return static_cast<double>(clock.monotonic_ns()) * 1e-9;
}

// What a plain copy of the same bytes through the same wire gives: headers' worth of bytes left out, the rest copied.
constexpr uint32_t kHeaderBytes = 14 + 20 + 32;

void fill(const Options& options, ethdev::EthernetQueue& queue) {
  Memory memory;
  Buffer* frames[kBurst];
  unsigned have = 0;
  uint64_t bytes = 0;
  const MacAddress mac = queue.mac();
  const double begin = seconds_now();
  double last = begin;
  while (!stopping && last - begin < options.seconds + 0.5) {
    for (unsigned turn = 0; turn < 100; ++turn) {
      for (; have < kBurst; ++have) {
        Buffer* head = queue.pool().allocate();
        if (!head) break;
        std::byte* at = head->append(kHeaderBytes);
        std::memset(at, 0xff, 6);
        std::memcpy(at + 6, mac.bytes.data(), 6);
        at[12] = std::byte{0x88};
        at[13] = std::byte{0xb5};
        const uint32_t part = std::min(options.bytes, head->tailroom());
        head->append(memory.next(part).data(), part);
        frames[have] = head;
      }
      const unsigned sent = queue.transmit(frames, have);
      bytes += uint64_t{sent} * options.bytes;
      std::copy(frames + sent, frames + have, frames);
      have -= sent;
    }
    last = seconds_now();
  }
  std::printf("{\"mode\": \"fill\", \"sent_per_second\": %.6g}\n",
              static_cast<double>(bytes) / (last - begin));
}

void drain(const Options& options, ethdev::EthernetQueue& queue) {
  Memory memory;
  Buffer* frames[64];
  uint64_t bytes = 0, seen = 0;
  double begin = 0, window = 0, last_frame = seconds_now();
  std::vector<double> rates;
  const double limit = last_frame + 20;
  while (!stopping) {
    bool any = false;
    for (unsigned turn = 0; turn < 100; ++turn) {
      const unsigned count = queue.receive(frames, 64);
      any |= count > 0;
      for (unsigned i = 0; i < count; ++i) {
        frames[i]->trim_front(std::min(frames[i]->length, kHeaderBytes));
        memory.take(frames[i]);
        bytes += frames[i]->chain_length();
        release(frames[i]);
      }
    }
    const double now = seconds_now();
    if (any && begin == 0) begin = window = now;
    if (any) last_frame = now;
    if (begin == 0 ? now > limit : now - last_frame > 0.5) break;
    if (begin != 0 && now - window > 0.1) {
      if (now - begin > 0.3) rates.push_back(static_cast<double>(bytes - seen) / (now - window));
      seen = bytes;
      window = now;
    }
    if (begin != 0 && now - begin > options.seconds) break;
  }
  std::sort(rates.begin(), rates.end());
  std::printf("{\"mode\": \"drain\", \"per_second\": %.6g}\n", rates.empty() ? 0 : rates[rates.size() / 2]);
}

}  // namespace

int main(int count, char** words) {
  Options options = parse(count, words);
  signal(SIGINT, on_signal);
  signal(SIGTERM, on_signal);
  // It polls: nobody may be left with one that waits for an end that has gone.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  alarm(static_cast<unsigned>(options.seconds) + 60);
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(options.cpu, &cpus);
  if (sched_setaffinity(0, sizeof cpus, &cpus) != 0)
    fail("CPU " + std::to_string(options.cpu) + " cannot be used");
  if (std::string error = ethdev::Eal::start(options.eal); !error.empty()) fail(error);
  std::string error;
  // Both ends of a ring are made by the primary; a secondary finds the other one.
  std::unique_ptr<ethdev::EthernetDevice> other;
  if (options.port.kind == ethdev::PortKind::kRing && options.eal.role == ethdev::EalRole::kPrimary) {
    ethdev::PortSpec far = options.port;
    far.settings["side"] = far.settings["side"] == "a" ? "b" : "a";
    far.settings["buffers"] = "4096";
    other = ethdev::EthernetDevice::open(far, error);
    if (!other) fail(error);
  }
  auto device = ethdev::EthernetDevice::open(options.port, error);
  if (!device) fail(error);
  if (options.mode == "fill" || options.mode == "drain") {
    std::fprintf(stderr, "running: %s\n", device->summary().c_str());
    if (options.mode == "fill") {
      fill(options, device->queue(0));
    } else {
      drain(options, device->queue(0));
    }
    std::fflush(stdout);
    std::_Exit(0);
  }
  run_tcp(options, *device);
}
