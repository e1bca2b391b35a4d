// SPDX-License-Identifier: Apache-2.0
// TCP over IPv6: what differs from IPv4 is the pseudo-header, the room in a packet, and who a listener is for.
#include <gtest/gtest.h>

#include "dataplane/tcp/test_host.hh"
#include "dataplane/wire/checksum.hh"
#include "dataplane/wire/ethernet.hh"
#include "dataplane/wire/icmpv6.hh"
#include "dataplane/wire/ipv6.hh"
#include "dataplane/wire/tcp.hh"

namespace sluice::tcp::test {
namespace {

constexpr uint64_t kSecond = kNanosecondsPerSecond;
const IpAddress kClient6 = *IpAddress::parse("2001:db8::1"), kServer6 = *IpAddress::parse("2001:db8::2");
const IpAddress kClient4 = IpAddress::v4(0xc0000201), kServer4 = IpAddress::v4(0xc0000202);

// Two hosts that have both families.
struct Ipv6Pair {
  explicit Ipv6Pair(const simulation::SimulatedPortOptions& ports = {})
      : client(world, kClient4, {}, ports, {{kClient6, 64}}),
        server(world, kServer4, {}, ports, {{kServer6, 64}}) {}
  std::unique_ptr<transport::Listener> listen(const IpAddress& address, Acceptor& user,
                                              bool ipv6_only = false, Error expected = Error::kNone) {
    auto result = server.tcp->listen({.local = {address, 80}, .ipv6_only = ipv6_only}, user);
    EXPECT_EQ(result.error, expected);
    return std::move(result.value);
  }
  // What becomes of a connection to this address.
  Error connect(const IpAddress& to) {
    Recorder user;
    auto result = client.tcp->connect({.remote = {to, 80}}, user);
    if (!result) return result.error;
    world.run_until([&] { return user.connected + user.closed > 0; });
    if (user.stream != nullptr) user.stream->abort();
    const Error error = user.error;
    world.run_for(kSecond);
    return error;
  }
  Simulation world{1};
  Host client, server;
  Acceptor acceptor;
};

void transfer(const simulation::SimulatedPortOptions& ports, double loss) {
  Ipv6Pair pair(ports);
  auto conditions = simulation::Conditions{};
  conditions.loss = loss;
  conditions.corruption = loss;
  pair.world.wire.set_conditions(conditions);
  pair.acceptor.echoes = true;
  const auto listener = pair.listen({}, pair.acceptor);
  Recorder user;
  ASSERT_TRUE(pair.client.tcp->connect({.remote = {kServer6, 80}}, user));
  const std::string sent = pattern(300'000);
  user.send(sent, true);
  ASSERT_TRUE(pair.world.run_until([&] { return user.closed == 1; }, 600 * kSecond));
  pair.world.run_for(10 * kSecond);
  EXPECT_EQ(user.received, sent);
  EXPECT_EQ(pair.acceptor.only().received, sent);
  EXPECT_EQ(pair.client.port.pool().outstanding() + pair.server.port.pool().outstanding(), 0u);
}

TEST(TcpOverIpv6, BytesArriveWhole) { transfer({}, 0); }
TEST(TcpOverIpv6, BytesArriveWholeOverAHostileWire) { transfer({}, 0.02); }
// The simulated port refuses a wrong pseudo-header sum, and cuts as a NIC does.
TEST(TcpOverIpv6, BytesArriveWholeWithOffloads) {
  transfer({.capabilities = {.transmit_ip_checksum = true,
                             .transmit_tcp_checksum = true,
                             .transmit_udp_checksum = true,
                             .tso = true,
                             .transmit_scatter = true,
                             .tso_limit_bytes = 65'000},
            .verifies_checksums = true},
           0);
}

// A port that cuts IPv4 alone gets segments that fit; the simulated one refuses others.
TEST(TcpOverIpv6, LargeSegmentsAreNotForPortsThatCutIpv4Alone) {
  transfer({.capabilities = {.transmit_ip_checksum = true,
                             .transmit_tcp_checksum = true,
                             .transmit_udp_checksum = true,
                             .tso = true,
                             .tso_ipv4_only = true,
                             .transmit_scatter = true,
                             .tso_limit_bytes = 65'000},
            .verifies_checksums = true},
           0);
}

TEST(TcpOverIpv6, SegmentsFillThePacketAndFollowThePath) {
  Ipv6Pair pair;
  const auto listener = pair.listen({}, pair.acceptor);
  Recorder user;
  ASSERT_TRUE(pair.client.tcp->connect({.remote = {kServer6, 80}}, user));
  uint32_t announced = 0, largest = 0, path_mtu = 1500;
  std::vector<std::byte> too_big;
  pair.world.wire.set_hook([&](std::span<std::byte> frame, unsigned from, unsigned) {
    const auto header = wire::Ipv6View::parse(frame.subspan(14));
    if (wire::load_16(&frame[12]) != wire::kEtherTypeIpv6 || !header || header->next_header() != 6 ||
        from != 0)
      return true;
    const auto view = wire::TcpView::parse(frame.subspan(54));
    if (!view) return true;
    wire::TcpOptions options;
    wire::parse_tcp_options(view->options(), options);
    if (view->flags() & wire::kTcpSyn) announced = options.mss;
    const uint32_t total = 40u + header->payload_bytes();
    if (total > path_mtu) {
      // What a router would say.
      const IpAddress router = *IpAddress::parse("2001:db8::99");
      std::vector<std::byte> message(wire::kIcmpv6HeaderBytes);
      wire::emit_icmpv6(message.data(), wire::kIcmpv6PacketTooBig, 0, path_mtu);
      message.insert(message.end(), frame.begin() + 14, frame.begin() + 14 + 1232);
      const auto bytes = static_cast<uint32_t>(message.size());
      const auto sum = wire::pseudo_header_sum(router, kClient6, 58, bytes);
      wire::store_16(&message[2], wire::checksum_finish(wire::checksum_add(sum, message.data(), bytes)));
      too_big.assign(54, {});
      wire::emit_ethernet(too_big.data(), pair.client.port.mac(), pair.server.port.mac(),
                          wire::kEtherTypeIpv6);
      wire::emit_ipv6(&too_big[14], {.payload_bytes = static_cast<uint16_t>(bytes),
                                     .next_header = 58,
                                     .source = router,
                                     .destination = kClient6});
      too_big.insert(too_big.end(), message.begin(), message.end());
      pair.client.port.deliver(too_big);
      return false;
    }
    largest = std::max(largest, total);
    return true;
  });
  pair.world.run_for(kSecond);
  EXPECT_EQ(announced, 1440u);
  user.send(pattern(100'000), false);
  pair.world.run_for(5 * kSecond);
  EXPECT_EQ(largest, 1500u);
  path_mtu = 1300;
  largest = 0;
  user.send(pattern(100'000), true);
  ASSERT_TRUE(pair.world.run_until([&] { return user.closed == 1; }));
  EXPECT_EQ(pair.acceptor.only().received.size(), 200'000u);
  EXPECT_EQ(largest, 1300u);
  EXPECT_EQ(pair.client.tcp->counters.path_mtu_reductions, 1u);
}

TEST(TcpOverIpv6, AListenerOnAnyTakesBothFamilies) {
  Ipv6Pair pair;
  const auto listener = pair.listen({}, pair.acceptor);
  EXPECT_EQ(pair.connect(kServer6), Error::kNone);
  EXPECT_EQ(pair.connect(kServer4), Error::kNone);
  Acceptor second;
  pair.listen(IpAddress::v4(0), second, false, Error::kAddressInUse);
  pair.listen({}, second, true, Error::kAddressInUse);
}

TEST(TcpOverIpv6, FamiliesMayBeListenedToApart) {
  Ipv6Pair pair;
  Acceptor six, four;
  const auto of_six = pair.listen({}, six, true);
  EXPECT_EQ(pair.connect(kServer4), Error::kConnectionRefused);
  const auto of_four = pair.listen(IpAddress::v4(0), four);
  EXPECT_EQ(pair.connect(kServer4), Error::kNone);
  EXPECT_EQ(pair.connect(kServer6), Error::kNone);
  EXPECT_EQ(six.users.size(), 1u);
  EXPECT_EQ(four.users.size(), 1u);
  pair.listen({}, six, false, Error::kAddressInUse);
}

TEST(TcpOverIpv6, AnIpv4ListenerIsNotForIpv6) {
  Ipv6Pair pair;
  const auto listener = pair.listen(IpAddress::v4(0), pair.acceptor);
  EXPECT_EQ(pair.connect(kServer6), Error::kConnectionRefused);
  EXPECT_EQ(pair.connect(kServer4), Error::kNone);
  Acceptor other;
  const auto one = pair.listen(kServer6, other);
  EXPECT_EQ(pair.connect(kServer6), Error::kNone);
  EXPECT_EQ(other.users.size(), 1u);
  pair.listen(*IpAddress::parse("2001:db8::77"), other, false, Error::kAddressNotAvailable);
}

TEST(TcpOverIpv6, CookiesHoldForIpv6) {
  Ipv6Pair pair;
  auto result = pair.server.tcp->listen({.local = {{}, 80}, .backlog = 1}, pair.acceptor);
  ASSERT_TRUE(result);
  std::vector<std::unique_ptr<Recorder>> users;
  for (int i = 0; i < 20; ++i) {
    users.push_back(std::make_unique<Recorder>());
    ASSERT_TRUE(pair.client.tcp->connect({.remote = {kServer6, 80}}, *users.back()));
  }
  pair.world.run_for(10 * kSecond);
  EXPECT_GT(pair.server.tcp->counters.cookies_accepted, 0u);
  EXPECT_EQ(pair.acceptor.users.size(), 20u);
  for (auto& user : users) user->stream->abort();
  pair.world.run_for(kSecond);
}

}  // namespace
}  // namespace sluice::tcp::test
