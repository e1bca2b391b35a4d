// SPDX-License-Identifier: Apache-2.0
// UDP between two of our stacks, over clean and hostile wires, and against a station that the test plays by hand.
#include "dataplane/udp/udp.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>
#include <string>

#include "dataplane/ip/test_host.hh"

namespace sluice::udp {
namespace {

using ip::Bytes;
using ip::ip_address;
using ip::pattern_bytes;
using ip::v4;

constexpr uint64_t kMs = kNanosecondsPerMillisecond, kSecond = kNanosecondsPerSecond;

struct RecordingUser final : transport::DatagramUser {
  struct Datagram {
    Endpoint from, to;
    Bytes bytes;
  };
  void on_datagram(const Endpoint& from, const Endpoint& to, Buffer* payload) override {
    Datagram datagram{from, to, {}};
    for (const Buffer* segment = payload; segment; segment = segment->next_segment)
      datagram.bytes.insert(datagram.bytes.end(), segment->data, segment->end());
    datagrams.push_back(std::move(datagram));
    if (echo != nullptr) {
      echo->send(from, payload);
    } else {
      release(payload);
    }
    if (then) then();
  }
  void on_error(const Endpoint& remote, Error error) override { errors.emplace_back(remote, error); }

  std::vector<Datagram> datagrams;
  std::vector<std::pair<Endpoint, Error>> errors;
  transport::DatagramSocket* echo = nullptr;  // sends all back through it
  std::function<void()> then;
};

struct UdpHost : ip::TestHost {
  UdpHost(simulation::Simulation& its_sim, const std::string& address,
          const simulation::SimulatedPortOptions& options = {})
      : TestHost(its_sim, address, options), udp(stack, its_sim.entropy) {}
  UdpHost(simulation::Simulation& its_sim, const ip::InterfaceOptions& interface)
      : TestHost(its_sim, interface), udp(stack, its_sim.entropy) {}

  std::unique_ptr<transport::DatagramSocket> bind(uint16_t port_number, RecordingUser& user,
                                                  const IpAddress& address = {}) {
    auto result = udp.bind({address, port_number}, user);
    SLUICE_ASSERT(result.error == Error::kNone);
    return std::move(result.value);
  }
  static Buffer* payload(transport::DatagramSocket& socket, const Bytes& bytes) {
    Buffer *head = nullptr, *tail = nullptr;
    size_t at = 0;
    do {
      Buffer* piece = socket.pool().allocate();
      const auto count = static_cast<uint32_t>(std::min<size_t>(bytes.size() - at, 1400));
      if (count > 0) piece->append(bytes.data() + at, count);
      at += count;
      (tail ? tail->next_segment : head) = piece;
      tail = piece;
    } while (at < bytes.size());
    return head;
  }
  Udp udp;
};

struct UdpTest : testing::Test {
  simulation::Simulation sim{8};
  UdpHost a{sim, "192.0.2.1"}, b{sim, "192.0.2.2"};
  RecordingUser user_a, user_b;

  void TearDown() override {
    sim.run_for(60 * kSecond);
    EXPECT_EQ(a.port.pool().outstanding(), 0u);
    EXPECT_EQ(b.port.pool().outstanding(), 0u);
  }
  Error send(transport::DatagramSocket& socket, const std::string& to, uint16_t port, const Bytes& bytes) {
    return socket.send({ip_address(to), port}, UdpHost::payload(socket, bytes));
  }
};

TEST_F(UdpTest, DatagramsOfAllSizesAreEchoed) {
  auto client = a.bind(0, user_a);
  auto server = b.bind(7, user_b);
  user_b.echo = server.get();
  EXPECT_GE(client->local().port, Udp::kEphemeralFirst);
  ASSERT_EQ(send(*client, "192.0.2.2", 7, pattern_bytes(1)), Error::kNone);
  sim.run_for(10 * kMs);
  user_a.datagrams.clear();
  // The largest goes in 45 fragments.
  for (const size_t length : {0u, 1u, 13u, 1472u, 1473u, 9000u, 65507u}) {
    SCOPED_TRACE(length);
    user_b.datagrams.clear();
    ASSERT_EQ(send(*client, "192.0.2.2", 7, pattern_bytes(length)), Error::kNone);
    sim.run_for(100 * kMs);
    ASSERT_EQ(user_b.datagrams.size(), 1u);
    EXPECT_EQ(user_b.datagrams[0].from, (Endpoint{ip_address("192.0.2.1"), client->local().port}));
    EXPECT_EQ(user_b.datagrams[0].to, (Endpoint{ip_address("192.0.2.2"), 7}));
    ASSERT_EQ(user_a.datagrams.size(), 1u);
    EXPECT_EQ(user_a.datagrams[0].bytes, pattern_bytes(length));
    user_a.datagrams.clear();
  }
}

TEST_F(UdpTest, HostileWireNeverDeliversWrongBytes) {
  auto client = a.bind(0, user_a);
  auto server = b.bind(7, user_b);
  user_b.echo = server.get();
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    sim.wire.set_conditions({.jitter_ns = 2 * kMs, .loss = 0.1, .duplication = 0.1, .corruption = 0.05});
    user_a.datagrams.clear();
    for (unsigned i = 0; i < 300; ++i) {
      // Length and salt follow from the first byte.
      Bytes bytes = pattern_bytes(1 + 37 * (i % 100), i % 100);
      bytes[0] = static_cast<std::byte>(i % 100);
      send(*client, "192.0.2.2", 7, bytes);
      sim.run_for(kMs);
    }
    sim.run_for(kSecond);
    EXPECT_GT(user_a.datagrams.size(), 100u);
    for (const auto& datagram : user_a.datagrams) {
      ASSERT_FALSE(datagram.bytes.empty());
      const auto i = static_cast<unsigned>(datagram.bytes[0]);
      Bytes expected = pattern_bytes(1 + 37 * i, i);
      expected[0] = static_cast<std::byte>(i);
      ASSERT_EQ(datagram.bytes, expected);
    }
  }
  EXPECT_GT(a.udp.counters.bad_checksum + b.udp.counters.bad_checksum, 0u);
}

TEST_F(UdpTest, NobodyListening) {
  auto client = a.bind(0, user_a);
  ASSERT_EQ(send(*client, "192.0.2.2", 9, pattern_bytes(20)), Error::kNone);
  sim.run_for(10 * kMs);
  EXPECT_EQ(b.udp.counters.no_socket, 1u);
  ASSERT_EQ(user_a.errors.size(), 1u);
  EXPECT_EQ(user_a.errors[0].first, (Endpoint{ip_address("192.0.2.2"), 9}));
  EXPECT_EQ(user_a.errors[0].second, Error::kConnectionRefused);
}

TEST_F(UdpTest, SilentNeighbourIsReported) {
  auto client = a.bind(0, user_a);
  ASSERT_EQ(send(*client, "192.0.2.99", 9, pattern_bytes(20)), Error::kNone);
  sim.run_for(30 * kSecond);
  ASSERT_EQ(user_a.errors.size(), 1u);
  EXPECT_EQ(user_a.errors[0].second, Error::kHostUnreachable);
}

TEST_F(UdpTest, BindingHasItsRules) {
  auto all = a.bind(53, user_a);
  EXPECT_EQ(a.udp.bind({{}, 53}, user_a).error, Error::kAddressInUse);
  const auto same = a.udp.bind({ip_address("192.0.2.1"), 53}, user_a);
  EXPECT_EQ(same.error, Error::kAddressInUse);
  EXPECT_FALSE(same.detail.empty());
  EXPECT_EQ(a.udp.bind({ip_address("192.0.2.2"), 54}, user_a).error, Error::kAddressNotAvailable);
  all.reset();
  auto one = a.bind(53, user_a, ip_address("192.0.2.1"));
  EXPECT_EQ(one->local(), (Endpoint{ip_address("192.0.2.1"), 53}));
  EXPECT_EQ(a.udp.open_sockets(), 1u);
}

TEST_F(UdpTest, SocketsAreBoundedAndEphemeralPortsDiffer) {
  std::vector<std::unique_ptr<transport::DatagramSocket>> sockets;
  std::set<uint16_t> ports;
  for (uint32_t i = 0; i < Udp::kSocketsLimit; ++i) {
    sockets.push_back(a.bind(0, user_a));
    EXPECT_GE(sockets.back()->local().port, Udp::kEphemeralFirst);
    ports.insert(sockets.back()->local().port);
  }
  EXPECT_EQ(ports.size(), Udp::kSocketsLimit);
  EXPECT_EQ(a.udp.bind({{}, 0}, user_a).error, Error::kNoBuffers);
  EXPECT_EQ(a.udp.counters.sockets_refused, 1u);
}

TEST_F(UdpTest, SendingHasItsErrors) {
  auto client = a.bind(0, user_a);
  EXPECT_EQ(send(*client, "192.0.2.2", 7, pattern_bytes(65'508)), Error::kMessageTooLong);
  EXPECT_EQ(send(*client, "203.0.113.1", 7, pattern_bytes(8)), Error::kNetworkUnreachable);
  EXPECT_EQ(send(*client, "192.0.2.2", 0, pattern_bytes(8)), Error::kInvalid);
  EXPECT_EQ(a.udp.counters.send_failed, 3u);
}

TEST_F(UdpTest, PayloadSharedOrWithoutHeadroomIsLeftAsItIs) {
  auto client = a.bind(0, user_a);
  auto server = b.bind(7, user_b);
  ASSERT_EQ(send(*client, "192.0.2.2", 7, pattern_bytes(1)), Error::kNone);
  sim.run_for(10 * kMs);
  user_b.datagrams.clear();

  static const Bytes constant = pattern_bytes(500);
  static int released = 0;
  Buffer* external = client->pool().allocate_external(
      constant.data(), 500, [](void*) { ++released; }, nullptr);
  ASSERT_EQ(client->send({ip_address("192.0.2.2"), 7}, external), Error::kNone);
  sim.run_for(10 * kMs);
  EXPECT_EQ(released, 1);

  Buffer* shared = UdpHost::payload(*client, pattern_bytes(300));
  for (int i = 0; i < 3; ++i)
    ASSERT_EQ(client->send({ip_address("192.0.2.2"), 7}, shared->retain()), Error::kNone);
  EXPECT_EQ(shared->length, 300u);
  release(shared);
  sim.run_for(10 * kMs);
  ASSERT_EQ(user_b.datagrams.size(), 4u);
  EXPECT_EQ(user_b.datagrams[0].bytes, constant);
  for (int i = 1; i < 4; ++i) EXPECT_EQ(user_b.datagrams[static_cast<size_t>(i)].bytes, pattern_bytes(300));
}

TEST_F(UdpTest, UserMayCloseItsSocketWhenCalled) {
  auto client = a.bind(0, user_a);
  auto server = b.bind(7, user_b);
  user_b.then = [&] { server.reset(); };
  ASSERT_EQ(send(*client, "192.0.2.2", 7, pattern_bytes(8)), Error::kNone);
  ASSERT_EQ(send(*client, "192.0.2.2", 7, pattern_bytes(8)), Error::kNone);
  sim.run_for(10 * kMs);
  EXPECT_EQ(user_b.datagrams.size(), 1u);
  EXPECT_EQ(b.udp.counters.no_socket, 1u);
}

TEST_F(UdpTest, DatagramsToOurselves) {
  auto client = a.bind(0, user_a);
  auto server = a.bind(7, user_b);
  ASSERT_EQ(send(*client, "192.0.2.1", 7, pattern_bytes(5000)), Error::kNone);
  sim.run_for(10 * kMs);
  ASSERT_EQ(user_b.datagrams.size(), 1u);
  EXPECT_EQ(user_b.datagrams[0].bytes, pattern_bytes(5000));
  EXPECT_EQ(user_b.datagrams[0].from.address, ip_address("192.0.2.1"));
}

TEST_F(UdpTest, OffloadedChecksumsAreRightOnTheWire) {
  simulation::SimulatedPortOptions options;
  options.capabilities = {
      .transmit_ip_checksum = true, .transmit_udp_checksum = true, .transmit_scatter = true};
  options.verifies_checksums = true;
  UdpHost c(sim, "192.0.2.3", options);
  RecordingUser user_c;
  auto client = c.bind(0, user_c);
  auto server = b.bind(7, user_b);
  user_b.echo = server.get();
  ASSERT_EQ(send(*client, "192.0.2.2", 7, pattern_bytes(1)), Error::kNone);
  sim.run_for(10 * kMs);
  user_c.datagrams.clear();
  for (const size_t length : {0u, 1u, 700u, 1472u, 4000u}) {
    ASSERT_EQ(send(*client, "192.0.2.2", 7, pattern_bytes(length)), Error::kNone);
    sim.run_for(10 * kMs);
    ASSERT_EQ(user_c.datagrams.size(), 1u) << length;
    EXPECT_EQ(user_c.datagrams[0].bytes, pattern_bytes(length));
    user_c.datagrams.clear();
  }
  EXPECT_EQ(b.udp.counters.bad_checksum, 0u);
  sim.run_for(kSecond);
  EXPECT_EQ(c.port.pool().outstanding(), 0u);
}

struct UdpStationTest : testing::Test {
  simulation::Simulation sim{9};
  ip::TestStation station{sim};
  UdpHost host{sim, "192.0.2.1"};
  RecordingUser user;

  void send(const Bytes& udp_bytes, const std::string& to = "192.0.2.1") {
    station.send_ipv4(to == "192.0.2.1" ? host.port.mac() : wire::kBroadcastMac,
                      {.protocol = ip::kProtocolUdp, .source = v4("192.0.2.9"), .destination = v4(to)},
                      udp_bytes);
    sim.run_for(kMs);
  }
  static Bytes datagram(uint16_t length_field, const Bytes& payload, bool checksum,
                        const std::string& to = "192.0.2.1") {
    Bytes bytes(wire::kUdpHeaderBytes + payload.size());
    wire::emit_udp(bytes.data(), 4000, 7, length_field);
    std::copy(payload.begin(), payload.end(), bytes.begin() + wire::kUdpHeaderBytes);
    if (checksum) {
      const auto pseudo = wire::pseudo_header_sum_v4(v4("192.0.2.9"), v4(to), 17, length_field);
      wire::set_udp_checksum(bytes.data(),
                             wire::checksum_finish(wire::checksum_add(pseudo, bytes.data(), length_field)));
    }
    return bytes;
  }
};

TEST_F(UdpStationTest, LengthsAndChecksumsAreChecked) {
  auto socket = host.bind(7, user);
  const Bytes payload = pattern_bytes(50);
  send(datagram(58, payload, true));
  send(datagram(58, payload, false));  // no checksum is allowed on IPv4
  send(datagram(28, payload, true));   // shorter than the packet: the rest is not ours to see
  ASSERT_EQ(user.datagrams.size(), 3u);
  EXPECT_EQ(user.datagrams[1].bytes, payload);
  EXPECT_EQ(user.datagrams[2].bytes, pattern_bytes(20));
  send(datagram(59, payload, false));
  send(datagram(7, payload, false));
  send(Bytes(5));
  EXPECT_EQ(host.udp.counters.malformed, 3u);
  Bytes broken = datagram(58, payload, true);
  broken[30] ^= std::byte{1};
  send(broken);
  EXPECT_EQ(host.udp.counters.bad_checksum, 1u);
  EXPECT_EQ(user.datagrams.size(), 3u);
}

TEST_F(UdpStationTest, BroadcastReachesASocketOnAnyAndNobodyAnswersIt) {
  send(datagram(18, pattern_bytes(10), true, "192.0.2.255"), "192.0.2.255");
  EXPECT_EQ(host.stack.counters.icmp_sent, 0u);
  auto socket = host.bind(7, user);
  send(datagram(18, pattern_bytes(10), true, "192.0.2.255"), "192.0.2.255");
  ASSERT_EQ(user.datagrams.size(), 1u);
  EXPECT_EQ(user.datagrams[0].to.address, ip_address("192.0.2.255"));
}

// ---- IPv6 --------------------------------------------------------------------------------------------------------

struct UdpOverIpv6 : testing::Test {
  static ip::InterfaceOptions interface(const char* ipv4, const char* ipv6) {
    return {.name = "test",
            .addresses = {{ip_address(ipv4), 24}, {ip_address(ipv6), 64}},
            .duplicate_detections = 0};
  }
  simulation::Simulation sim{8};
  UdpHost a{sim, interface("192.0.2.1", "2001:db8::1")}, b{sim, interface("192.0.2.2", "2001:db8::2")};
  RecordingUser user_a, user_b;

  void TearDown() override {
    sim.run_for(60 * kSecond);
    EXPECT_EQ(a.port.pool().outstanding() + b.port.pool().outstanding(), 0u);
  }
  Error send(transport::DatagramSocket& socket, const char* to, const Bytes& bytes) {
    const Error error = socket.send({ip_address(to), 7}, UdpHost::payload(socket, bytes));
    sim.run_for(100 * kMs);
    return error;
  }
};

TEST_F(UdpOverIpv6, DatagramsOfAllSizesAreEchoed) {
  auto client = a.bind(0, user_a);
  auto server = b.bind(7, user_b);
  user_b.echo = server.get();
  ASSERT_EQ(send(*client, "2001:db8::2", pattern_bytes(1)), Error::kNone);
  for (const size_t length : {0u, 1u, 13u, 1452u, 1453u, 9000u, 65507u}) {
    SCOPED_TRACE(length);
    user_a.datagrams.clear();
    ASSERT_EQ(send(*client, "2001:db8::2", pattern_bytes(length)), Error::kNone);
    ASSERT_EQ(user_a.datagrams.size(), 1u);
    EXPECT_EQ(user_a.datagrams[0].from, (Endpoint{ip_address("2001:db8::2"), 7}));
    EXPECT_EQ(user_a.datagrams[0].bytes, pattern_bytes(length));
  }
}

TEST_F(UdpOverIpv6, AnyIsForBothFamiliesAndZeroesOfIpv4ForIpv4) {
  auto client = a.bind(0, user_a);
  {
    auto both = b.bind(7, user_b);
    EXPECT_EQ(b.udp.bind({IpAddress::v4(0), 7}, user_b).error, Error::kAddressInUse);
    ASSERT_EQ(send(*client, "2001:db8::2", pattern_bytes(5)), Error::kNone);
    ASSERT_EQ(send(*client, "192.0.2.2", pattern_bytes(6)), Error::kNone);
    EXPECT_EQ(user_b.datagrams.size(), 2u);
  }
  auto old = b.bind(7, user_b, IpAddress::v4(0));
  auto own = b.bind(7, user_b, ip_address("2001:db8::2"));  // nothing in common
  ASSERT_EQ(send(*client, "192.0.2.2", pattern_bytes(6)), Error::kNone);
  EXPECT_EQ(user_b.datagrams.size(), 3u);
  own.reset();
  ASSERT_EQ(send(*client, "2001:db8::2", pattern_bytes(5)), Error::kNone);
  EXPECT_EQ(user_b.datagrams.size(), 3u);
  ASSERT_EQ(user_a.errors.size(), 1u);
  EXPECT_EQ(user_a.errors[0].second, Error::kConnectionRefused);
  EXPECT_EQ(send(*old, "2001:db8::1", pattern_bytes(5)), Error::kInvalid);
}

// RFC 8200 section 8.1.
TEST_F(UdpOverIpv6, DatagramsWithoutAChecksumAreDropped) {
  auto server = b.bind(7, user_b);
  ip::TestStation station(sim);
  const IpAddress us = ip_address("2001:db8::2"), peer = ip_address("2001:db8::9");
  Bytes l4(wire::kUdpHeaderBytes);
  wire::emit_udp(l4.data(), 1000, 7, static_cast<uint16_t>(l4.size()));
  station.send_ipv6(b.port.mac(), {.next_header = 17, .source = peer, .destination = us}, l4);
  sim.run_for(kMs);
  EXPECT_EQ(b.udp.counters.bad_checksum, 1u);
  const auto sum = wire::pseudo_header_sum(peer, us, 17, 8);
  wire::set_udp_checksum(l4.data(), wire::checksum_finish(wire::checksum_add(sum, l4.data(), 8)));
  station.send_ipv6(b.port.mac(), {.next_header = 17, .source = peer, .destination = us}, l4);
  sim.run_for(kMs);
  EXPECT_EQ(user_b.datagrams.size(), 1u);
}

// ---- groups and everybody

struct UdpGroupTest : testing::TestWithParam<bool> {
  static ip::InterfaceOptions options(const char* v4, const char* v6) {
    return {
        .name = "eth7", .addresses = {{ip_address(v4), 24}, {ip_address(v6), 64}}, .duplicate_detections = 0};
  }
  simulation::Simulation sim{21};
  UdpHost one{sim, options("192.0.2.1", "2001:db8::1")}, two{sim, options("192.0.2.2", "2001:db8::2")};
  const IpAddress group = GetParam() ? ip_address("ff05::77") : ip_address("239.7.7.7"),
                  other = GetParam() ? ip_address("ff05::78") : ip_address("239.7.7.8"),
                  any = GetParam() ? IpAddress{} : IpAddress::v4(0),
                  own_of_one = GetParam() ? ip_address("2001:db8::1") : ip_address("192.0.2.1"),
                  own_of_two = GetParam() ? ip_address("2001:db8::2") : ip_address("192.0.2.2");
  UdpGroupTest() { sim.run_for(2 * kSecond); }
  std::unique_ptr<transport::DatagramSocket> bind(UdpHost& host, const IpAddress& address, uint16_t port,
                                                  RecordingUser& user, bool reuse = false) {
    const Endpoint local{address, port};
    auto result = host.udp.bind(reuse ? transport::DatagramOptions::shared(local) : local, user);
    EXPECT_EQ(result.error, Error::kNone);
    return std::move(result.value);
  }
  Error send(transport::DatagramSocket& from, const IpAddress& to, uint16_t port, size_t bytes = 100) {
    const Error error = from.send({to, port}, UdpHost::payload(from, pattern_bytes(bytes)));
    sim.run_for(100 * kMs);
    return error;
  }
};
INSTANTIATE_TEST_SUITE_P(Families, UdpGroupTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "IPv6" : "IPv4"; });

TEST_P(UdpGroupTest, MembersGetWhatIsSentToTheGroup) {
  RecordingUser sender_user, first_user, second_user, stranger_user;
  auto sender = bind(one, any, 0, sender_user);
  auto first = bind(two, any, 5000, first_user, true), second = bind(two, any, 5000, second_user, true),
       stranger = bind(two, any, 5000, stranger_user, true);
  EXPECT_EQ(two.udp.bind({any, 5000}, stranger_user).error, Error::kAddressInUse);  // it would not share
  ASSERT_EQ(first->join_group({group, {}, {}}), Error::kNone);
  ASSERT_EQ(second->join_group({group, {.address = own_of_two, .name = ""}, {}}), Error::kNone);
  ASSERT_EQ(stranger->join_group({other, {.address = {}, .name = "eth7"}, {}}), Error::kNone);
  EXPECT_EQ(send(*sender, group, 5000), Error::kNone);
  ASSERT_EQ(first_user.datagrams.size(), 1u);
  ASSERT_EQ(second_user.datagrams.size(), 1u);
  EXPECT_TRUE(stranger_user.datagrams.empty());
  EXPECT_EQ(first_user.datagrams[0].bytes, pattern_bytes(100));
  EXPECT_EQ(first_user.datagrams[0].to, (Endpoint{group, 5000}));
  EXPECT_EQ(first_user.datagrams[0].from, (Endpoint{own_of_one, sender->local().port}));
  // In pieces as well.
  EXPECT_EQ(send(*sender, group, 5000, 5000), Error::kNone);
  ASSERT_EQ(second_user.datagrams.size(), 2u);
  EXPECT_EQ(second_user.datagrams[1].bytes, pattern_bytes(5000));
  // An answer goes to one.
  EXPECT_EQ(send(*first, own_of_one, sender->local().port), Error::kNone);
  EXPECT_EQ(sender_user.datagrams.size(), 1u);
  // Who has left, or closed, is left out.
  ASSERT_EQ(first->leave_group({group, {}, {}}), Error::kNone);
  EXPECT_EQ(first->leave_group({group, {}, {}}), Error::kAddressNotAvailable);
  send(*sender, group, 5000);
  EXPECT_EQ(first_user.datagrams.size(), 2u);
  EXPECT_EQ(second_user.datagrams.size(), 3u);
  second.reset();
  const uint64_t before = two.udp.counters.no_socket;
  send(*sender, group, 5000);
  send(*sender, other, 5000);
  EXPECT_EQ(two.udp.counters.no_socket, before);
  EXPECT_EQ(stranger_user.datagrams.size(), 1u);
  EXPECT_TRUE(sender_user.errors.empty());  // nobody answers a group with an error
}

TEST_P(UdpGroupTest, ItComesBackUnlessToldNotTo) {
  RecordingUser user, other_user;
  auto socket = bind(one, any, 5000, user), remote = bind(two, any, 5000, other_user);
  ASSERT_EQ(socket->join_group({group, {}, {}}), Error::kNone);
  ASSERT_EQ(remote->join_group({group, {}, {}}), Error::kNone);
  send(*socket, group, 5000);
  EXPECT_EQ(user.datagrams.size(), 1u);
  EXPECT_EQ(other_user.datagrams.size(), 1u);
  socket->set_multicast_loopback(false);
  send(*socket, group, 5000);
  EXPECT_EQ(user.datagrams.size(), 1u);
  EXPECT_EQ(other_user.datagrams.size(), 2u);
  // No hop: within this host.
  socket->set_multicast_loopback(true);
  socket->set_multicast_hops(0);
  send(*socket, group, 5000);
  EXPECT_EQ(user.datagrams.size(), 2u);
  EXPECT_EQ(other_user.datagrams.size(), 2u);
}

TEST_P(UdpGroupTest, HopsAndInterface) {
  ip::TestStation station(sim);
  RecordingUser user;
  auto socket = bind(one, any, 0, user);
  const auto hops = [&](const IpAddress& to) {
    station.received();
    EXPECT_EQ(send(*socket, to, 9), Error::kNone);
    int found = -1;
    if (GetParam()) {
      for (const Bytes& packet : station.received_ipv6())
        if (wire::load_8(&packet[6]) == 17) found = wire::Ipv6View::parse(packet)->hop_limit();
    } else {
      for (const Bytes& packet : station.received_ipv4())
        if (wire::Ipv4View::parse(packet)->protocol() == 17)
          found = wire::Ipv4View::parse(packet)->hop_limit();
    }
    return found;
  };
  EXPECT_EQ(hops(group), 1);
  socket->set_multicast_hops(9);
  EXPECT_EQ(hops(group), 9);
  EXPECT_EQ(hops(own_of_two), 64);
  EXPECT_EQ(socket->set_hops(0), Error::kInvalid);
  socket->set_hops(17);
  EXPECT_EQ(hops(own_of_two), 17);
  EXPECT_EQ(socket->set_multicast_interface({.address = own_of_one, .name = ""}), Error::kNone);
  EXPECT_EQ(hops(group), 9);
  EXPECT_EQ(socket->set_multicast_interface({.address = own_of_two, .name = ""}),
            Error::kAddressNotAvailable);
  EXPECT_EQ(socket->set_multicast_interface({.address = {}, .name = "eth8"}), Error::kAddressNotAvailable);
  EXPECT_EQ(socket->set_multicast_interface({.address = {}, .name = "eth7"}), Error::kNone);
  EXPECT_EQ(socket->set_multicast_interface({}), Error::kNone);
  EXPECT_EQ(hops(group), 9);
}

TEST_P(UdpGroupTest, WhatCannotBe) {
  RecordingUser user;
  auto socket = bind(one, any, 0, user);
  EXPECT_EQ(socket->join_group({own_of_two, {}, {}}), Error::kInvalid);
  EXPECT_EQ(socket->join_group({group, {}, own_of_two}), Error::kInvalid);  // of one source only
  EXPECT_EQ(socket->join_group({group, {.address = own_of_two, .name = ""}, {}}),
            Error::kAddressNotAvailable);
  EXPECT_EQ(socket->join_group({group, {}, {}}), Error::kNone);
  EXPECT_EQ(socket->join_group({group, {}, {}}), Error::kAddressInUse);
  for (size_t i = 1; i < Socket::kGroupsLimit; ++i) {
    IpAddress another = group;
    another.bytes[15] = static_cast<uint8_t>(150 + i);
    ASSERT_EQ(socket->join_group({another, {}, {}}), Error::kNone);
  }
  EXPECT_EQ(socket->join_group({other, {}, {}}), Error::kNoBuffers);
  // All of them are left with it.
  socket.reset();
  socket = bind(one, any, 0, user);
  EXPECT_EQ(socket->join_group({other, {}, {}}), Error::kNone);
}

TEST_P(UdpGroupTest, ASocketAtTheGroupGetsNothingElse) {
  RecordingUser user, sender_user;
  auto socket = bind(two, group, 5000, user), sender = bind(one, any, 0, sender_user);
  ASSERT_EQ(socket->join_group({group, {}, {}}), Error::kNone);
  ASSERT_EQ(socket->join_group({other, {}, {}}), Error::kNone);
  send(*sender, other, 5000);
  send(*sender, own_of_two, 5000);
  EXPECT_TRUE(user.datagrams.empty());
  send(*sender, group, 5000);
  EXPECT_EQ(user.datagrams.size(), 1u);
  EXPECT_EQ(send(*socket, own_of_one, sender->local().port), Error::kNone);  // from an address of ours
  ASSERT_EQ(sender_user.datagrams.size(), 1u);
  EXPECT_EQ(sender_user.datagrams[0].from.address, own_of_two);
}

TEST_P(UdpGroupTest, AUserMayCloseTheOthers) {
  RecordingUser sender_user, first_user, second_user;
  auto sender = bind(one, any, 0, sender_user), first = bind(two, any, 5000, first_user, true),
       second = bind(two, any, 5000, second_user, true);
  ASSERT_EQ(first->join_group({group, {}, {}}), Error::kNone);
  ASSERT_EQ(second->join_group({group, {}, {}}), Error::kNone);
  first_user.then = [&] { second.reset(); };
  second_user.then = [&] { first.reset(); };
  send(*sender, group, 5000);
  EXPECT_EQ(first_user.datagrams.size() + second_user.datagrams.size(), 1u);
}

TEST(UdpBroadcast, OnlyWhenAllowedAndToEverybodyAtThePort) {
  simulation::Simulation sim{22};
  UdpHost one(sim, "192.0.2.1"), two(sim, "192.0.2.2");
  RecordingUser sender_user, first_user, second_user, bound_user;
  auto sender = one.bind(0, sender_user, IpAddress::v4(0));
  auto first =
      std::move(two.udp.bind(transport::DatagramOptions::shared({IpAddress::v4(0), 5000}), first_user).value);
  auto second = std::move(
      two.udp.bind(transport::DatagramOptions::shared({IpAddress::v4(0), 5000}), second_user).value);
  auto bound = std::move(
      two.udp.bind(transport::DatagramOptions::shared({ip_address("192.0.2.2"), 5000}), bound_user).value);
  for (const char* to : {"255.255.255.255", "192.0.2.255"}) {
    sender->set_broadcast(false);
    EXPECT_EQ(sender->send({ip_address(to), 5000}, UdpHost::payload(*sender, pattern_bytes(10))),
              Error::kAccess);
    sender->set_broadcast(true);
    EXPECT_EQ(sender->send({ip_address(to), 5000}, UdpHost::payload(*sender, pattern_bytes(10))),
              Error::kNone);
    sim.run_for(kMs);
  }
  EXPECT_EQ(first_user.datagrams.size(), 2u);
  EXPECT_EQ(second_user.datagrams.size(), 2u);
  EXPECT_TRUE(bound_user.datagrams.empty());
}

}  // namespace
}  // namespace sluice::udp
