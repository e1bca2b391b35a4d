// SPDX-License-Identifier: Apache-2.0
// How much one connection carries over a wire with given conditions, in virtual time: the same figure on every
// machine. Two shapes: a transfer in one direction (`--seconds`), and round trips of small messages (`--echo`),
// which is what callgrind is run on to count the instructions of the short way.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "dataplane/tcp/test_host.hh"

namespace {

using namespace sluice;
using namespace sluice::tcp::test;

// Writes without end.
class Source final : public transport::StreamUser {
 public:
  explicit Source(const std::string& bytes) : bytes_(bytes) {}
  void on_connected(Stream& stream) override {
    stream_ = &stream;
    pump();
  }
  void on_data(Stream& stream, Buffer* chain) override {
    stream.consumed(chain->chain_length());
    release(chain);
  }
  void on_end(Stream&) override {}
  void on_writable(Stream&) override { pump(); }
  void on_closed(Stream&, Error) override { stream_ = nullptr; }
  void pump() {
    while (stream_ && !stream_->write_is_full()) stream_->write_copy(bytes_);
  }
  Stream* stream_ = nullptr;

 private:
  const std::string& bytes_;
};

class Sink final : public transport::StreamUser, public transport::ListenerUser {
 public:
  explicit Sink(bool echoes) : echoes_(echoes) {}
  void on_accepted(Stream& stream) override { stream.set_user(this); }
  void on_data(Stream& stream, Buffer* chain) override {
    const uint32_t length = chain->chain_length();
    received += length;
    if (echoes_) stream.write_copy(chain->text());
    release(chain);
    stream.consumed(length);
  }
  void on_end(Stream& stream) override { stream.shutdown(); }
  void on_closed(Stream&, Error) override {}
  uint64_t received = 0;

 private:
  const bool echoes_;
};

// Asks, waits for the answer, asks again.
class Asker final : public transport::StreamUser {
 public:
  explicit Asker(unsigned rounds) : left(rounds) {}
  void on_connected(Stream& stream) override { stream.write_copy(text_); }
  void on_data(Stream& stream, Buffer* chain) override {
    stream.consumed(chain->chain_length());
    release(chain);
    if (--left > 0) stream.write_copy(text_);
  }
  void on_end(Stream&) override {}
  void on_closed(Stream&, Error) override {}
  unsigned left;

 private:
  const std::string text_ = std::string(100, 'q');
};

}  // namespace

int main(int argc, char** argv) {
  double loss = 0, rtt_ms = 20, rate_mbps = 100, seconds = 60;
  uint64_t seed = 1;
  unsigned echo = 0, queue_frames = 200;
  std::string control = "cubic";
  for (int i = 1; i + 1 < argc; i += 2) {
    const char* value = argv[i + 1];
    if (!std::strcmp(argv[i], "--loss")) loss = std::atof(value) / 100;
    if (!std::strcmp(argv[i], "--rtt-ms")) rtt_ms = std::atof(value);
    if (!std::strcmp(argv[i], "--rate-mbps")) rate_mbps = std::atof(value);
    if (!std::strcmp(argv[i], "--seconds")) seconds = std::atof(value);
    if (!std::strcmp(argv[i], "--queue-frames")) queue_frames = static_cast<unsigned>(std::atoi(value));
    if (!std::strcmp(argv[i], "--seed")) seed = std::strtoull(value, nullptr, 10);
    if (!std::strcmp(argv[i], "--echo")) echo = static_cast<unsigned>(std::atoi(value));
    if (!std::strcmp(argv[i], "--congestion")) control = value;
  }
  Simulation world(seed);
  simulation::Conditions conditions;
  conditions.delay_ns = static_cast<uint64_t>(rtt_ms * 500'000);
  conditions.loss = loss;
  conditions.rate_bits_per_second = static_cast<uint64_t>(rate_mbps * 1e6);
  conditions.queue_frames = queue_frames;
  world.wire.set_conditions(conditions);
  tcp::Limits limits;
  limits.receive_window_bytes = 4 << 20;
  Host client(world, IpAddress::v4(0xc0000201), limits), server(world, IpAddress::v4(0xc0000202), limits);
  client.tcp->congestion_control = control == "reno"  ? tcp::CongestionControl::kReno
                                   : control == "bbr" ? tcp::CongestionControl::kBbr
                                                      : tcp::CongestionControl::kCubic;
  Sink sink(echo > 0);
  transport::ListenOptions listen;
  listen.local.port = 80;
  auto listener = server.tcp->listen(listen, sink);
  transport::ConnectOptions connect;
  connect.remote = {server.address, 80};
  const std::string bytes(8000, 'x');
  Source source(bytes);
  Asker asker(echo);
  auto opened = echo ? client.tcp->connect(connect, asker) : client.tcp->connect(connect, source);
  SLUICE_ASSERT(opened);
  if (echo) {
    world.run_until([&] { return asker.left == 0; }, uint64_t{100'000} * kNanosecondsPerSecond);
  } else {
    for (uint64_t left_ms = static_cast<uint64_t>(seconds * 1000); left_ms > 0;
         left_ms -= std::min<uint64_t>(left_ms, 5)) {
      world.run_for(5'000'000);
      source.pump();
    }
  }
  const auto& c = client.tcp->counters;
  std::printf(
      "%s loss %.2f %% rtt %.1f ms rate %.0f Mb/s seed %llu: %.2f Mb/s (%llu segments, %llu retransmitted, "
      "%llu timeouts)\n",
      control.c_str(), loss * 100, rtt_ms, rate_mbps, static_cast<unsigned long long>(seed),
      static_cast<double>(sink.received) * 8 / 1e6 / seconds,
      static_cast<unsigned long long>(c.segments_sent), static_cast<unsigned long long>(c.retransmitted),
      static_cast<unsigned long long>(c.timeouts));
  return 0;
}
