// SPDX-License-Identifier: Apache-2.0
// What a stranger on the wire must not be able to foresee, collected as a peer would see it and looked at with plain
// statistics: initial sequence numbers (RFC 6528), offsets of timestamps (RFC 7323 section 5.4), SYN cookies, Fast Open
// cookies, local ports (RFC 6056), identifications of fragments (RFC 7739). Seeds are fixed, so a verdict is the same each
// time; the bounds are five standard deviations wide, so that sound code passes with nearly any seed.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>
#include <vector>

#include "dataplane/tcp/test_host.hh"
#include "dataplane/udp/udp.hh"
#include "dataplane/wire/arp.hh"
#include "dataplane/wire/checksum.hh"
#include "dataplane/wire/ethernet.hh"
#include "dataplane/wire/ipv4.hh"
#include "dataplane/wire/ipv6.hh"
#include "dataplane/wire/tcp.hh"

namespace sluice::scenarios {
namespace {

using namespace tcp::test;

constexpr uint32_t kUs = 0xc0000201, kPeer = 0xc0000209;  // 192.0.2.1 and .9
constexpr MacAddress kPeerMac{{2, 0xaa, 0, 0, 0, 9}};
constexpr uint16_t kPort = 80;

// ---- statistics
// ------------------------------------------------------------------------------------------------------

// Pearson's sum over equal bins. Its mean is bins - 1, its variance twice that.
double chi_squared(const std::vector<uint32_t>& values, unsigned bins,
                   const std::function<uint32_t(uint32_t)>& bin_of) {
  std::vector<unsigned> counts(bins);
  for (const uint32_t value : values) ++counts[bin_of(value)];
  const double expected = static_cast<double>(values.size()) / bins;
  double sum = 0;
  for (const unsigned count : counts) sum += (count - expected) * (count - expected) / expected;
  return sum;
}

void expect_uniform(const std::vector<uint32_t>& values, unsigned bins,
                    const std::function<uint32_t(uint32_t)>& bin_of, const std::string& what) {
  const double freedom = bins - 1, width = 5 * std::sqrt(2 * freedom);
  const double sum = chi_squared(values, bins, bin_of);
  EXPECT_LT(sum, freedom + width) << what << ": some values come more often than others";
  // Too even is not random either: counters look like that.
  EXPECT_GT(sum, freedom - width) << what << ": more even than chance";
}

// Correlation of each value with the next.
double serial_correlation(const std::vector<uint32_t>& values) {
  double mean = 0;
  for (const uint32_t value : values) mean += value;
  mean /= static_cast<double>(values.size());
  double together = 0, alone = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double here = values[i] - mean, next = values[(i + 1) % values.size()] - mean;
    together += here * next;
    alone += here * here;
  }
  return together / alone;
}

void expect_unforeseeable(const std::vector<uint32_t>& values, const std::string& what) {
  ASSERT_GE(values.size(), 10'000u) << what;
  for (unsigned byte = 0; byte < 4; ++byte)
    expect_uniform(
        values, 256, [&](uint32_t value) { return value >> (8 * byte) & 0xff; },
        what + ", byte " + std::to_string(byte));
  EXPECT_LT(std::fabs(serial_correlation(values)), 5 / std::sqrt(static_cast<double>(values.size()))) << what;
  // The step from one to the next, which is what a guesser would add.
  std::vector<uint32_t> steps;
  for (size_t i = 1; i < values.size(); ++i) steps.push_back(values[i] - values[i - 1]);
  for (unsigned byte = 0; byte < 4; ++byte)
    expect_uniform(
        steps, 256, [&](uint32_t value) { return value >> (8 * byte) & 0xff; },
        what + ", byte " + std::to_string(byte) + " of the steps");
  // Of n values among 2^32, n^2 / 2^33 pairs agree.
  std::set<uint32_t> different(values.begin(), values.end());
  EXPECT_GE(different.size() + 4, values.size()) << what << ": values come again";
}

// ---- a host, and somebody who asks it
// ------------------------------------------------------------------------------------------------------

struct Answer {
  uint8_t flags = 0;
  uint16_t port = 0;  // ours
  uint16_t peer_port = 0;
  uint32_t sequence = 0;
  wire::TcpOptions options;
};

struct Rig {
  explicit Rig(uint64_t seed, const tcp::Limits& limits = {})
      : world(seed), peer(world.wire.add_port({.mac = kPeerMac})), host(world, IpAddress::v4(kUs), limits) {
    world.wire.set_conditions({.delay_ns = 0});
    greet();
  }
  // Who asks for us is known to us.
  void greet() {
    std::vector<std::byte> frame(wire::kEthernetHeaderBytes + wire::kArpBytes);
    wire::emit_ethernet(frame.data(), wire::kBroadcastMac, kPeerMac, wire::kEtherTypeArp);
    wire::emit_arp(
        frame.data() + wire::kEthernetHeaderBytes,
        {.operation = wire::kArpRequest, .sender_mac = kPeerMac, .sender_ip = kPeer, .target_ip = kUs});
    peer.inject(frame);
    world.run_for(0);
    drain();
  }
  void listen(uint32_t backlog, bool fast_open = false) {
    auto result =
        host.tcp->listen({.local = {{}, kPort}, .backlog = backlog, .fast_open = fast_open}, acceptor);
    SLUICE_ASSERT(result);
    listener = std::move(result.value);
  }
  void send(uint16_t port, uint32_t sequence, uint8_t flags, const wire::TcpOptions& options) {
    std::vector<std::byte> frame(34 + wire::kTcpHeaderBytes + wire::kTcpOptionsLimitBytes);
    std::byte* const l4 = &frame[34];
    const uint32_t options_bytes = wire::emit_tcp_options(l4 + wire::kTcpHeaderBytes, options);
    const uint32_t bytes = wire::kTcpHeaderBytes + options_bytes;
    frame.resize(34 + bytes);
    wire::emit_tcp(l4,
                   {.source_port = port,
                    .destination_port = kPort,
                    .sequence = sequence,
                    .flags = flags,
                    .window = 65'535},
                   options_bytes);
    const auto sum = wire::pseudo_header_sum(IpAddress::v4(kPeer), IpAddress::v4(kUs), 6, bytes);
    wire::set_tcp_checksum(l4, wire::checksum_finish(wire::checksum_add(sum, l4, bytes)));
    const wire::Ipv4Fields fields{.total_bytes = static_cast<uint16_t>(20 + bytes),
                                  .fragment_word = wire::kIpv4DontFragment,
                                  .hop_limit = 64,
                                  .protocol = 6,
                                  .source = kPeer,
                                  .destination = kUs};
    wire::emit_ethernet(frame.data(), host.port.mac(), kPeerMac, wire::kEtherTypeIpv4);
    wire::emit_ipv4(&frame[14], fields);
    wire::set_ipv4_checksum(&frame[14], fields);
    peer.inject(frame);
  }
  // The segments that came since.
  std::vector<Answer> drain() {
    std::vector<Answer> answers;
    Buffer* frames[64];
    while (const unsigned count = peer.receive(frames, 64)) {
      for (unsigned i = 0; i < count; ++i) {
        const auto bytes = frames[i]->bytes();
        if (wire::load_16(&bytes[12]) == wire::kEtherTypeIpv4 && bytes[23] == std::byte{6}) {
          const auto view = wire::TcpView::parse(bytes.subspan(34));
          Answer answer{view->flags(), view->source_port(), view->destination_port(), view->sequence(), {}};
          wire::parse_tcp_options(view->options(), answer.options);
          answers.push_back(answer);
        }
        release(frames[i]);
      }
    }
    return answers;
  }
  // Opens from ports of the peer's in their order, all at one moment.
  std::vector<Answer> open_from_many(unsigned count, const wire::TcpOptions& options) {
    std::vector<Answer> answers;
    for (unsigned i = 0; i < count; ++i) {
      send(static_cast<uint16_t>(10'000 + i), 1, wire::kTcpSyn, options);
      world.run_for(0);
      for (const Answer& answer : drain()) answers.push_back(answer);
    }
    return answers;
  }

  Simulation world;
  simulation::SimulatedPort& peer;
  Host host;
  Acceptor acceptor;
  std::unique_ptr<transport::Listener> listener;
};

std::vector<uint32_t> sequences(const std::vector<Answer>& answers) {
  std::vector<uint32_t> values;
  for (const Answer& answer : answers) values.push_back(answer.sequence);
  return values;
}

constexpr unsigned kFlows = 20'000;
const wire::TcpOptions kStamped{.has_timestamp = true, .mss = 1460, .timestamp = 1};

TEST(Randomness, InitialSequenceNumbersAndTimestampsOfDifferentFlows) {
  Rig rig(11);
  rig.listen(1u << 16);
  const auto answers = rig.open_from_many(kFlows, kStamped);
  ASSERT_EQ(answers.size(), kFlows);
  EXPECT_EQ(rig.host.tcp->counters.cookies_sent, 0u);
  expect_unforeseeable(sequences(answers), "initial sequence numbers");
  std::vector<uint32_t> stamps;
  for (const Answer& answer : answers) stamps.push_back(answer.options.timestamp);
  expect_unforeseeable(stamps, "timestamps");
}

TEST(Randomness, SynCookies) {
  Rig rig(12);
  rig.listen(1);
  const auto answers = rig.open_from_many(kFlows, kStamped);
  ASSERT_EQ(answers.size(), kFlows);
  EXPECT_EQ(rig.host.tcp->counters.cookies_sent, kFlows - 1);
  expect_unforeseeable(sequences(answers), "SYN cookies");
}

// RFC 6528: of one flow they grow with the clock, a count each 4 us or so, so that an old incarnation's are behind.
TEST(Randomness, InitialSequenceNumbersOfOneFlowGrowWithTheClock) {
  Rig rig(13);
  rig.listen(16);
  uint32_t last = 0, last_stamp = 0;
  uint64_t last_ns = 0;
  for (unsigned round = 0; round < 200; ++round) {
    rig.greet();
    rig.send(5000, round * 1000, wire::kTcpSyn, kStamped);
    rig.world.run_for(0);
    const auto answers = rig.drain();
    ASSERT_EQ(answers.size(), 1u);
    const uint64_t now_ns = rig.world.now_ns();
    if (round > 0) {
      const double counted = answers[0].sequence - last;
      const double ticks = static_cast<double>(now_ns - last_ns) / 4096;
      EXPECT_NEAR(counted, ticks, 1.0);
      EXPECT_GT(counted, 0);
      EXPECT_NEAR(static_cast<double>(answers[0].options.timestamp - last_stamp),
                  static_cast<double>(now_ns - last_ns) / (1 << 20), 1.0);
    }
    last = answers[0].sequence;
    last_stamp = answers[0].options.timestamp;
    last_ns = now_ns;
    rig.send(5000, round * 1000 + 1, wire::kTcpRst, {});
    rig.world.run_for(10'000'000 + round * 7'777'777);
  }
}

// Two machines, or one that was started anew, give nothing away of each other.
TEST(Randomness, AnotherMachineHasOtherNumbers) {
  std::vector<uint32_t> steps;
  Rig one(21), other(22);
  for (Rig* rig : {&one, &other}) rig->listen(1u << 16);
  const auto first = sequences(one.open_from_many(kFlows, kStamped));
  const auto second = sequences(other.open_from_many(kFlows, kStamped));
  ASSERT_EQ(first.size(), second.size());
  for (size_t i = 0; i < first.size(); ++i) steps.push_back(first[i] - second[i]);
  expect_unforeseeable(steps, "the difference of two machines' numbers");
}

TEST(Randomness, LocalPortsAndNumbersOfOurOwnConnections) {
  Rig rig(14);
  constexpr unsigned kConnections = 10'000;
  std::vector<std::unique_ptr<Recorder>> users;
  std::vector<uint32_t> ports, numbers;
  for (unsigned i = 0; i < kConnections; ++i) {
    users.push_back(std::make_unique<Recorder>());
    ASSERT_TRUE(rig.host.tcp->connect(
        {.remote = {IpAddress::v4(kPeer), static_cast<uint16_t>(1000 + i)}, .timeout_ms = 1000},
        *users.back()));
    rig.world.run_for(0);
    for (const Answer& answer : rig.drain()) {
      ASSERT_EQ(answer.flags, wire::kTcpSyn);
      ports.push_back(answer.port);
      numbers.push_back(answer.sequence);
    }
  }
  ASSERT_EQ(ports.size(), kConnections);
  expect_unforeseeable(numbers, "initial sequence numbers of our own");
  const uint32_t first = tcp::EphemeralPorts::kFirst, count = tcp::EphemeralPorts::kCount;
  const auto bin_of = [&](uint32_t offset) { return static_cast<uint32_t>(uint64_t{offset} * 256 / count); };
  expect_uniform(
      ports, 256, [&](uint32_t port) { return bin_of(port - first); }, "local ports");
  EXPECT_LT(std::fabs(serial_correlation(ports)), 5 / std::sqrt(double{kConnections}));
  std::vector<uint32_t> steps;
  for (size_t i = 1; i < ports.size(); ++i) steps.push_back((ports[i] + count - ports[i - 1]) % count);
  expect_uniform(steps, 256, bin_of, "steps of local ports");
}

// To one destination no port comes twice, as long as there are others.
TEST(Randomness, LocalPortsToOneDestinationAreDifferent) {
  Rig rig(15);
  std::vector<std::unique_ptr<Recorder>> users;
  std::set<uint16_t> ports;
  for (unsigned i = 0; i < 2000; ++i) {
    users.push_back(std::make_unique<Recorder>());
    ASSERT_TRUE(
        rig.host.tcp->connect({.remote = {IpAddress::v4(kPeer), 443}, .timeout_ms = 1000}, *users.back()));
    rig.world.run_for(0);
    for (const Answer& answer : rig.drain()) ports.insert(answer.port);
  }
  EXPECT_EQ(ports.size(), 2000u);
}

TEST(Randomness, FastOpenCookies) {
  // One a client's address; the machine's key is in it.
  std::set<uint64_t> cookies;
  std::vector<uint32_t> halves;
  for (uint64_t seed = 1; seed <= 2; ++seed) {
    simulation::SeededEntropy entropy(seed);
    const tcp::FastOpenCookies source(entropy);
    for (uint32_t i = 0; i < kFlows / 2; ++i) {
      tcp::Flow flow;
      flow.local = IpAddress::v4(kUs);
      flow.remote = IpAddress::v4(kPeer + i);
      flow.local_port = kPort;
      flow.remote_port = 1234;
      wire::TcpOptions options;
      source.grant(flow, options);
      uint64_t cookie;
      std::memcpy(&cookie, options.cookie.data(), sizeof cookie);
      cookies.insert(cookie);
      halves.push_back(static_cast<uint32_t>(cookie));
      halves.push_back(static_cast<uint32_t>(cookie >> 32));
    }
  }
  EXPECT_EQ(cookies.size(), kFlows);
  expect_unforeseeable(halves, "Fast Open cookies");
}

// ---- identifications of fragments
// ------------------------------------------------------------------------------------------------------

struct Silent final : transport::DatagramUser {
  void on_datagram(const Endpoint&, const Endpoint&, Buffer* payload) override { release(payload); }
};

// Identifications, by destination, of large datagrams from one of our hosts to all addresses of another.
std::map<std::string, std::vector<uint32_t>> identifications(uint64_t seed, bool ipv6, unsigned datagrams) {
  Simulation world(seed);
  const auto address = [&](unsigned last) {
    return ipv6 ? *IpAddress::parse("2001:db8::" + std::to_string(last)) : IpAddress::v4(0xc0000200 + last);
  };
  std::vector<ip::InterfaceAddress> further;
  for (unsigned i = 21; i < 33; ++i) further.push_back({address(i), static_cast<uint8_t>(ipv6 ? 64 : 24)});
  Host sender(world, IpAddress::v4(0xc0000201), {}, {}, {{address(1), static_cast<uint8_t>(ipv6 ? 64 : 24)}});
  Host receiver(world, IpAddress::v4(0xc0000202), {}, {}, further);
  udp::Udp udp(sender.stack, world.entropy), sink(receiver.stack, world.entropy);
  Silent user;
  std::map<std::string, std::vector<uint32_t>> seen;
  world.wire.set_hook([&](std::span<std::byte> frame, unsigned from, unsigned) {
    const unsigned type = wire::load_16(&frame[12]);
    if (from != sender.port.number()) return true;
    // The first piece of each.
    if (type == wire::kEtherTypeIpv4 && wire::load_16(&frame[20]) == wire::kIpv4MoreFragments) {
      seen[IpAddress::v4(wire::load_32(&frame[30])).to_string()].push_back(wire::load_16(&frame[18]));
    } else if (type == wire::kEtherTypeIpv6 && frame[20] == std::byte{44} &&
               (wire::load_16(&frame[56]) & 0xfff8) == 0) {
      seen[wire::Ipv6View::parse(frame.subspan(14))->destination().to_string()].push_back(
          wire::load_32(&frame[58]));
    }
    return true;
  });
  auto socket = udp.bind({{}, 5000}, user);
  SLUICE_ASSERT(socket.value);
  for (unsigned round = 0; round < datagrams; ++round) {
    for (const auto& each : further) {
      Buffer *head = nullptr, *tail = nullptr;
      for (unsigned piece = 0; piece < 2; ++piece) {
        Buffer* buffer = socket.value->pool().allocate();
        buffer->append(pattern(1400).data(), 1400);
        (tail ? tail->next_segment : head) = buffer;
        tail = buffer;
      }
      socket.value->send({each.address, 5001}, head);
      world.run_for(1'000'000);
    }
  }
  world.run_for(1'000'000'000);
  socket.value.reset();
  return seen;
}

class Identifications : public testing::TestWithParam<bool> {};

TEST_P(Identifications, AreDifferentForOneDestinationAndSayNothingOfOthers) {
  constexpr unsigned kDatagrams = 100;
  // What a stranger sees of his own traffic, and would like to know of somebody else's.
  std::vector<uint32_t> firsts;
  unsigned near = 0, pairs = 0;
  for (uint64_t seed = 31; seed < 51; ++seed) {
    const auto seen = identifications(seed, GetParam(), seed == 31 ? kDatagrams : 1);
    ASSERT_EQ(seen.size(), 12u);
    for (const auto& [destination, values] : seen) {
      const std::set<uint32_t> different(values.begin(), values.end());
      EXPECT_EQ(different.size(), values.size()) << destination << ": one comes twice";
      firsts.push_back(values.front());
    }
    for (auto one = seen.begin(); one != seen.end(); ++one) {
      for (auto other = std::next(one); other != seen.end(); ++other) {
        ++pairs;
        const auto apart = static_cast<int32_t>(one->second.front() - other->second.front());
        near += apart > -50 && apart < 50;
      }
    }
  }
  // Two destinations in 256 have a counter in common; chance adds few.
  EXPECT_LT(near, pairs / 40) << "of " << pairs;
  // Where they begin is not foreseeable either.
  expect_uniform(
      firsts, 16, [&](uint32_t value) { return value >> (GetParam() ? 28 : 12); }, "identifications");
}

INSTANTIATE_TEST_SUITE_P(Families, Identifications, testing::Bool(),
                         [](const auto& info) { return info.param ? "Ipv6" : "Ipv4"; });

}  // namespace
}  // namespace sluice::scenarios
