// SPDX-License-Identifier: Apache-2.0
// The hostile run of TCP: see tcp_scenario.hh.
#include "tests/scenarios/tcp_scenario.hh"

#include <cstdio>
#include <memory>
#include <vector>

#include "dataplane/tcp/test_host.hh"
#include "dataplane/wire/checksum.hh"
#include "dataplane/wire/ethernet.hh"
#include "dataplane/wire/icmp.hh"
#include "dataplane/wire/icmpv6.hh"
#include "dataplane/wire/ipv4.hh"
#include "dataplane/wire/ipv6.hh"
#include "tests/scenarios/tcp_observer.hh"

namespace sluice::scenarios {

namespace {

using namespace tcp::test;
using simulation::SeededEntropy;

// One end of a connection: sends its bytes in random pieces, takes what comes at its own pace, ends when it
// has sent all (and, if it is the polite one, when the other has ended).
class Peer final : public transport::StreamUser {
 public:
  Peer(uint64_t seed, uint32_t bytes, bool waits_for_end)
      : random_(seed), data_(pattern(bytes, seed)), waits_for_end_(waits_for_end) {
    lazy_ = random_.chance(0.3);
    external_ = random_.chance(0.3);
    largest_piece_ = 1 + static_cast<uint32_t>(random_.below(random_.chance(0.5) ? 400 : 20'000));
  }

  void begin(Stream& stream) {
    stream_ = &stream;
    if (random_.chance(0.3)) stream.set_no_delay(false);
    pump();
  }
  void on_connected(Stream& stream) override { begin(stream); }
  // Before the stream is connected: some of it may go with the SYN.
  void write_early(Stream& stream) {
    const auto piece = static_cast<uint32_t>(std::min<uint64_t>(1 + random_.below(3000), data_.size()));
    if (piece > 0 && stream.write_copy(std::string_view(data_).substr(0, piece)) == Error::kNone)
      sent_ = piece;
  }
  void on_data(Stream& stream, Buffer* chain) override {
    uint32_t length = 0;
    for (Buffer* segment = chain; segment; segment = segment->next_segment) {
      received.append(segment->text());
      length += segment->length;
    }
    release(chain);
    if (lazy_) {
      held_ += length;
    } else {
      stream.consumed(length);
    }
    if (random_.chance(0.3)) pump();
  }
  void on_end(Stream&) override {
    ended = true;
    pump();
  }
  void on_writable(Stream&) override { pump(); }
  void on_closed(Stream&, Error its_error) override {
    closed = true;
    error = its_error;
    stream_ = nullptr;
  }
  // Called now and then.
  void poke() {
    if (!stream_) return;
    if (held_ && random_.chance(0.5)) {
      stream_->consumed(held_);
      held_ = 0;
    }
    pump();
  }
  const std::string& data() const { return data_; }

  std::string received;
  bool closed = false, ended = false;
  Error error = Error::kNone;

 private:
  void pump() {
    while (stream_ && sent_ < data_.size() && !stream_->write_is_full()) {
      const auto piece =
          static_cast<uint32_t>(std::min<uint64_t>(1 + random_.below(largest_piece_), data_.size() - sent_));
      if (external_ && random_.chance(0.5)) {
        Buffer* buffer = stream_->pool().allocate_external(
            data_.data() + sent_, piece, [](void*) {}, nullptr);
        if (!buffer) return;
        if (stream_->write(buffer) != Error::kNone) return;
      } else if (stream_->write_copy(std::string_view(data_).substr(sent_, piece)) != Error::kNone) {
        return;
      }
      sent_ += piece;
      if (random_.chance(0.05)) return;
    }
    if (stream_ && sent_ == data_.size() && !done_ && (ended || !waits_for_end_)) {
      done_ = true;
      stream_->shutdown();
    }
  }

  SeededEntropy random_;
  const std::string data_;
  const bool waits_for_end_;
  Stream* stream_ = nullptr;
  size_t sent_ = 0;
  uint32_t held_ = 0, largest_piece_;
  bool done_ = false, lazy_, external_;
};

class Server final : public transport::ListenerUser {
 public:
  std::vector<std::unique_ptr<Peer>> waiting,
      taken;  // by order of acceptance; which client got whom is told by its address and port
  std::vector<Endpoint> remotes;
  void on_accepted(Stream& stream) override {
    SLUICE_ASSERT(!waiting.empty());
    taken.push_back(std::move(waiting.front()));
    waiting.erase(waiting.begin());
    remotes.push_back(stream.remote());
    stream.set_user(taken.back().get());
    taken.back()->begin(stream);
  }
};

std::string mismatch(const char* who, const std::string& sent, const std::string& received) {
  size_t at = 0;
  while (at < sent.size() && at < received.size() && sent[at] == received[at]) ++at;
  return std::string(who) + ": received " + std::to_string(received.size()) + " bytes of " +
         std::to_string(sent.size()) + ", first difference at " + std::to_string(at);
}

// What a router on the way says of a frame that is too large: to its sender, from nobody's address.
std::vector<std::byte> too_big(std::span<const std::byte> frame, uint32_t mtu_bytes,
                               const MacAddress& sender) {
  const bool ipv6 = frame[12] == std::byte{0x86};
  const auto quoted = frame.subspan(14, std::min<size_t>(frame.size() - 14, 500));
  std::vector<std::byte> message(ipv6 ? wire::kIcmpv6HeaderBytes : wire::kIcmpHeaderBytes),
      out(ipv6 ? 54 : 34);
  wire::emit_ethernet(out.data(), sender, {{2, 0, 0, 0, 0, 99}},
                      ipv6 ? wire::kEtherTypeIpv6 : wire::kEtherTypeIpv4);
  if (ipv6) {
    wire::emit_icmpv6(message.data(), wire::kIcmpv6PacketTooBig, 0, mtu_bytes);
  } else {
    wire::emit_icmp(message.data(), wire::kIcmpUnreachable, 4, mtu_bytes);
  }
  message.insert(message.end(), quoted.begin(), quoted.end());
  const auto bytes = static_cast<uint32_t>(message.size());
  if (ipv6) {
    const IpAddress source = *IpAddress::parse("2001:db8::99");
    const IpAddress destination = wire::Ipv6View::parse(frame.subspan(14))->source();
    const auto sum = wire::pseudo_header_sum(source, destination, 58, bytes);
    wire::store_16(&message[2], wire::checksum_finish(wire::checksum_add(sum, message.data(), bytes)));
    wire::emit_ipv6(&out[14], {.payload_bytes = static_cast<uint16_t>(bytes),
                               .next_header = 58,
                               .hop_limit = 64,
                               .source = source,
                               .destination = destination});
  } else {
    wire::set_icmp_checksum(message.data(),
                            wire::checksum_finish(wire::checksum_add(0, message.data(), bytes)));
    const wire::Ipv4Fields fields{.total_bytes = static_cast<uint16_t>(20 + bytes),
                                  .hop_limit = 64,
                                  .protocol = 1,
                                  .source = 0xc0000263,
                                  .destination = wire::load_32(&frame[26])};
    wire::emit_ipv4(&out[14], fields);
    wire::set_ipv4_checksum(&out[14], fields);
  }
  out.insert(out.end(), message.begin(), message.end());
  return out;
}

}  // namespace

std::string run_tcp_scenario(uint64_t seed, bool talkative, const char* trace_path) {
  SeededEntropy random(seed * 0x9e3779b97f4a7c15 + 1);
  simulation::Conditions conditions;
  conditions.delay_ns = 1'000 + random.below(random.chance(0.3) ? 50'000'000 : 500'000);
  if (random.chance(0.5)) conditions.jitter_ns = random.below(conditions.delay_ns * 2);
  const bool calm = random.chance(0.15);
  if (!calm && random.chance(0.7)) conditions.loss = static_cast<double>(random.below(100)) / 1000;
  if (!calm && random.chance(0.2)) conditions.burst_loss = 0.005;
  // Counted in frames, so a longer one would outlast every backed-off retransmission of a quiet connection.
  conditions.burst_loss_frames = 4;
  if (!calm && random.chance(0.4)) conditions.duplication = static_cast<double>(random.below(60)) / 1000;
  if (random.chance(0.3)) {
    conditions.rate_bits_per_second = 1'000'000 + random.below(100'000'000);
    conditions.queue_frames = 10 + static_cast<unsigned>(random.below(200));
  }
  const double corruption = !calm && random.chance(0.4) ? static_cast<double>(random.below(50)) / 1000 : 0;

  const auto port_options = [&] {
    simulation::SimulatedPortOptions options;
    options.verifies_checksums = random.chance(0.5);
    options.capabilities.transmit_ip_checksum = random.chance(0.5);
    options.capabilities.transmit_tcp_checksum = random.chance(0.5);
    options.capabilities.transmit_scatter = random.chance(0.5);
    if (options.capabilities.transmit_tcp_checksum && options.capabilities.transmit_ip_checksum &&
        random.chance(0.5)) {
      options.capabilities.tso = options.capabilities.transmit_scatter = true;
      options.capabilities.tso_limit_bytes = 60'000;
    }
    return options;
  };
  const auto limits = [&] {
    tcp::Limits result;
    result.receive_window_bytes =
        3'000 + static_cast<uint32_t>(random.below(random.chance(0.5) ? 30'000 : 1'000'000));
    if (random.chance(0.5)) result.receive_window_limit_bytes = result.receive_window_bytes;
    result.ecn_offer = random.chance(0.5);
    result.ecn_accept = random.chance(0.8);
    if (random.chance(0.1)) result.flight_records = 1024;
    // The wire may be cut for some time: nobody gives up, and a client whose last acknowledgement was lost hears of it.
    result.syn_ack_retries = 9;
    result.user_timeout_ms = 600'000;
    result.user_timeout_option = random.chance(0.2);
    result.mtu_probing = random.chance(0.2) ? tcp::MtuProbing::kAlways : tcp::MtuProbing::kAfterReduction;
    return result;
  };

  Simulation world(seed);
  world.wire.set_conditions(conditions);
  if (trace_path) world.wire.trace(trace_path);
  // From a sequence of its own, so that what else a seed means stays as it was.
  SeededEntropy offloads(seed ^ 0x0ff10ad5);
  SeededEntropy ahead(seed ^ 0x100cadd);
  const auto look_ahead = [&](tcp::Limits which) {
    if (ahead.chance(0.3)) which.look_ahead_flows = 1;
    return which;
  };
  const auto software = [&] { return SoftwareOffloads{offloads.chance(0.7), offloads.chance(0.7)}; };
  // One server, and mostly one client.
  const bool ipv6 = random.chance(0.35);
  const unsigned guests = random.chance(0.3) ? 2 + static_cast<unsigned>(random.below(4)) : 1;
  std::vector<std::unique_ptr<Host>> hosts;
  for (unsigned i = 0; i <= guests; ++i)
    hosts.push_back(std::make_unique<Host>(
        world, IpAddress::v4(0xc0000202 + i), look_ahead(limits()), port_options(),
        std::vector<ip::InterfaceAddress>{{*IpAddress::parse("2001:db8::" + std::to_string(2 + i)), 64}},
        software()));
  Host& server = *hosts[0];
  Host& client = *hosts[1];
  const IpAddress server_address = ipv6 ? *IpAddress::parse("2001:db8::2") : server.address;
  for (auto& host : hosts) {
    host->tcp->congestion_control = static_cast<tcp::CongestionControl>(random.below(3));
    host->tcp->pacing = random.chance(0.2);
  }
  // Times at which the wire is cut, both ways (a flap) or one way (half a partition).
  struct Cut {
    uint64_t from_ns, until_ns;
    bool forth, back;
  };
  std::vector<Cut> cuts;
  if (!calm && random.chance(0.25)) {
    uint64_t at_ns = world.now_ns();
    for (uint64_t i = 1 + random.below(4); i > 0; --i) {
      at_ns += random.below(3'000'000'000);
      const uint64_t way = random.below(3);
      cuts.push_back({at_ns, at_ns + random.below(random.chance(0.2) ? 5'000'000'000 : 1'000'000'000),
                      way != 1, way != 2});
      at_ns = cuts.back().until_ns;
    }
  }
  // From some time on the wire takes no large frames, without a word.
  const uint64_t narrow_from_ns =
      !calm && random.chance(0.1) ? world.now_ns() + random.below(2'000'000'000) : UINT64_MAX;
  const size_t narrow_frame_bytes = 14 + (ipv6 ? 1280 : 600) + random.below(ipv6 ? 120 : 800);
  // Or with one, as a router would have it.
  const bool narrow_is_told = random.chance(0.5);
  const double marking = random.chance(0.3) ? static_cast<double>(random.below(200)) / 1000 : 0;
  if (random.chance(0.3)) {
    client.tcp->bias_initial_sequence(static_cast<uint32_t>(random.next()));
  }
  // One bit: what the checksums of IP and TCP are sure to find.
  SeededEntropy flips(seed ^ 0xf11b5);
  // Data in SYNs, where the wire repeats nothing: it may arrive as often as the SYN does. A cookie is fetched first, on a
  // calm wire.
  const bool fast_open = conditions.duplication == 0 && random.chance(0.4);
  if (fast_open) {
    world.wire.set_conditions({});
    Acceptor doorman;
    transport::ListenOptions listen;
    listen.local.port = 81;
    listen.fast_open = true;
    auto door = server.tcp->listen(listen, doorman);
    SLUICE_ASSERT(door);
    Recorder visitor;
    transport::ConnectOptions connect;
    connect.remote = {server_address, 81};
    connect.fast_open = true;
    SLUICE_ASSERT(client.tcp->connect(connect, visitor));
    world.run_until([&] { return visitor.connected == 1 && doorman.users.size() == 1; });
    visitor.stream->abort();
    world.run_until([&] { return visitor.closed == 1 && doorman.only().closed == 1; });
    world.run_for(1'000'000'000);
    world.wire.set_conditions(conditions);
  }
  TcpObserver observer;
  world.wire.set_hook([&](std::span<std::byte> frame, unsigned from, unsigned) {
    const uint64_t now_ns = world.now_ns();
    observer.see(frame, now_ns - simulation::VirtualClock::kStartNs);
    for (const Cut& cut : cuts)
      if (now_ns >= cut.from_ns && now_ns < cut.until_ns &&
          (from == server.port.number() ? cut.back : cut.forth))
        return false;
    const bool v4 = frame[12] == std::byte{8} && frame[13] == std::byte{0};
    const bool tcp6 = frame.size() > 54 && frame[12] == std::byte{0x86} && frame[20] == std::byte{6};
    if (now_ns >= narrow_from_ns && frame.size() > narrow_frame_bytes && (v4 || tcp6)) {
      if (narrow_is_told)
        hosts[from]->port.deliver(
            too_big(frame, static_cast<uint32_t>(narrow_frame_bytes - 14), hosts[from]->port.mac()));
      return false;
    }
    // A router with a queue marks what may be marked (RFC 3168 section 5): ECT(0) becomes CE.
    if (tcp6 && (frame[15] & std::byte{0x30}) == std::byte{0x20} && flips.chance(marking))
      frame[15] |= std::byte{0x30};
    if (frame.size() > 34 && v4 && (frame[15] & std::byte{3}) == std::byte{2} && flips.chance(marking)) {
      frame[15] |= std::byte{3};
      // One's complement arithmetic: the header's sum grows by one.
      uint32_t sum = (static_cast<uint32_t>(frame[24]) << 8 | static_cast<uint32_t>(frame[25])) + 0xfffe;
      sum = (sum & 0xffff) + (sum >> 16);
      frame[24] = static_cast<std::byte>(sum >> 8);
      frame[25] = static_cast<std::byte>(sum);
    }
    if ((v4 || tcp6) && flips.chance(corruption)) {
      // The header of IPv6 has no sum.
      const uint64_t first = tcp6 ? 54 * 8 : 0, bit = first + flips.below(frame.size() * 8 - first);
      frame[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
    }
    return true;
  });
  std::string broken;
  const auto run_for = [&](uint64_t duration_ns) {
    const uint64_t until_ns = world.now_ns() + duration_ns;
    bool more = true;
    while (more && broken.empty()) {
      more = world.step(until_ns);
      for (auto& host : hosts)
        if (const char* what = host->tcp->broken_invariant())
          broken = std::string(host.get() == &server ? "server: " : "client: ") + what;
    }
    if (broken.empty()) broken = observer.complaint();
  };
  const auto tell = [&](const std::string& wrong) {
    if (talkative && !wrong.empty()) std::printf("%s", observer.trace().c_str());
    return wrong;
  };
  const unsigned count = guests + static_cast<unsigned>(random.below(6));
  Server acceptor;
  std::vector<std::unique_ptr<Peer>> clients;
  const auto size = [&] {
    return static_cast<uint32_t>(random.chance(0.2) ? 0 : random.below(random.chance(0.5) ? 5'000 : 400'000));
  };
  // Only one side may wait for the other's end; which ends meet is up to the order of acceptance.
  const bool clients_wait = random.chance(0.5);
  for (unsigned i = 0; i < count; ++i) {
    const bool polite = random.chance(0.6);
    clients.push_back(std::make_unique<Peer>(random.next(), size(), polite && clients_wait));
    acceptor.waiting.push_back(std::make_unique<Peer>(random.next(), size(), polite && !clients_wait));
  }
  if (talkative)
    std::printf(
        "seed %llu: %u connections of %u clients over IPv%u, loss %.3f, burst %.3f, duplicates %.3f, flips "
        "%.3f, delay %llu us, "
        "jitter %llu us, rate %llu\n",
        static_cast<unsigned long long>(seed), count, guests, ipv6 ? 6u : 4u, conditions.loss,
        conditions.burst_loss, conditions.duplication, corruption,
        static_cast<unsigned long long>(conditions.delay_ns / 1000),
        static_cast<unsigned long long>(conditions.jitter_ns / 1000),
        static_cast<unsigned long long>(conditions.rate_bits_per_second));
  transport::ListenOptions listen;
  listen.local.port = 80;
  listen.fast_open = fast_open;
  auto listener = server.tcp->listen(listen, acceptor);
  SLUICE_ASSERT(listener);
  std::vector<Endpoint> locals;
  for (auto& peer : clients) {
    transport::ConnectOptions connect;
    connect.remote = {server_address, 80};
    connect.timeout_ms = 300'000;
    connect.fast_open = fast_open;
    Host& guest = *hosts[1 + locals.size() % guests];
    auto result = guest.tcp->connect(connect, *peer);
    SLUICE_ASSERT(result);
    locals.push_back(result.value->local());
    if (fast_open) peer->write_early(*result.value);
  }
  const auto finished = [&] {
    if (acceptor.taken.size() != count) return false;
    for (auto& peer : clients)
      if (!peer->closed) return false;
    for (auto& peer : acceptor.taken)
      if (!peer->closed) return false;
    return true;
  };
  // Two hours of simulated time: far more than any timer.
  for (unsigned step = 0; step < 720'000 && !finished() && broken.empty(); ++step) {
    run_for(10'000'000);
    for (auto& peer : clients) peer->poke();
    for (auto& peer : acceptor.taken) peer->poke();
  }
  if (talkative) {
    for (auto& host : hosts) {
      const auto& c = host->tcp->counters;
      std::printf(
          "  %s: %llu segments, %llu retransmitted, %llu timeouts, %llu recoveries, %llu out of order, %llu "
          "probes\n",
          host.get() == &server ? "server" : "client", static_cast<unsigned long long>(c.segments_sent),
          static_cast<unsigned long long>(c.retransmitted), static_cast<unsigned long long>(c.timeouts),
          static_cast<unsigned long long>(c.fast_recoveries), static_cast<unsigned long long>(c.out_of_order),
          static_cast<unsigned long long>(c.window_probes));
    }
    std::printf("  %.3f s of simulated time\n",
                static_cast<double>(world.now_ns() - simulation::VirtualClock::kStartNs) / 1e9);
  }
  if (!broken.empty()) return tell(broken);
  const auto compare = [&]() -> std::string {
    for (unsigned i = 0; i < count; ++i) {
      const Peer& mine = *clients[i];
      const std::string name = "connection " + std::to_string(i);
      if (!mine.closed)
        return name + ": the client's end never closed, received " + std::to_string(mine.received.size());
      if (mine.error != Error::kNone)
        return name + ": the client's end closed with " + error_code(mine.error);
      const Peer* theirs = nullptr;
      for (size_t k = 0; k < acceptor.taken.size(); ++k)
        if (acceptor.remotes[k] == locals[i]) theirs = acceptor.taken[k].get();
      if (!theirs) return name + ": was never accepted";
      if (!theirs->closed)
        return name + ": the server's end never closed, received " + std::to_string(theirs->received.size());
      if (theirs->error != Error::kNone)
        return name + ": the server's end closed with " + error_code(theirs->error);
      if (mine.received != theirs->data())
        return mismatch((name + ", client").c_str(), theirs->data(), mine.received);
      if (theirs->received != mine.data())
        return mismatch((name + ", server").c_str(), mine.data(), theirs->received);
    }
    return {};
  };
  if (const std::string wrong = compare(); !wrong.empty()) return tell(wrong);
  listener.value.reset();
  run_for(200 * kNanosecondsPerSecond);
  if (!broken.empty()) return tell(broken);
  for (auto& host : hosts) {
    const std::string name = host.get() == &server ? "server" : "client";
    if (host->tcp->flow_count()) return name + ": flows are left";
    if (host->tcp->open_streams()) return name + ": streams are left";
    if (host->port.pool().outstanding())
      return name + ": " + std::to_string(host->port.pool().outstanding()) + " Buffers are left";
    if (const char* what = host->tcp->broken_invariant()) return name + ": " + what;
  }
  return {};
}

}  // namespace sluice::scenarios
