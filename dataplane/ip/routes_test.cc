// SPDX-License-Identifier: Apache-2.0
// Routes, paths and path MTUs.
#include "dataplane/ip/routes.hh"

#include <gtest/gtest.h>

#include "dataplane/ip/ipv6_routes.hh"
#include "dataplane/ip/path_mtu.hh"
#include "dataplane/ip/rate_limit.hh"
#include "dataplane/ip/test_host.hh"

namespace sluice::ip {
namespace {

TEST(Routes, LongestPrefixWinsWhateverTheOrder) {
  Routes routes;
  EXPECT_EQ(routes.find(v4("192.0.2.1")), nullptr);
  ASSERT_EQ(routes.add(0, 0, v4("10.0.0.1"), 1), Error::kNone);
  ASSERT_EQ(routes.add(v4("198.51.100.128"), 25, v4("10.0.0.3"), 3), Error::kNone);
  ASSERT_EQ(routes.add(v4("198.51.100.7"), 24, v4("10.0.0.2"), 2), Error::kNone);  // host bits are cut off
  ASSERT_EQ(routes.add(v4("198.51.100.200"), 32, v4("10.0.0.4"), 4), Error::kNone);
  EXPECT_EQ(routes.find(v4("203.0.113.1"))->interface_index, 1);
  EXPECT_EQ(routes.find(v4("198.51.100.1"))->interface_index, 2);
  EXPECT_EQ(routes.find(v4("198.51.100.129"))->interface_index, 3);
  EXPECT_EQ(routes.find(v4("198.51.100.200"))->interface_index, 4);
}

TEST(Routes, SamePrefixIsReplacedAndTheTableIsBounded) {
  Routes routes;
  ASSERT_EQ(routes.add(v4("198.51.100.0"), 24, 0, 0), Error::kNone);
  ASSERT_EQ(routes.add(v4("198.51.100.0"), 24, 2, 0), Error::kNone);
  EXPECT_EQ(routes.find(v4("198.51.100.9"))->gateway, 2u);
  EXPECT_EQ(routes.add(0, 33, 1, 0), Error::kInvalid);
  for (uint32_t i = 1; i < Routes::kLimit; ++i) ASSERT_EQ(routes.add(i << 8, 24, 1, 0), Error::kNone);
  EXPECT_EQ(routes.add(v4("203.0.113.0"), 24, 1, 0), Error::kNoBuffers);
}

// RFC 2992: one destination always takes the same one.
TEST(Routes, EqualGatewaysShareTheDestinations) {
  Routes routes;
  ASSERT_EQ(routes.add(v4("198.51.100.128"), 25, 9, 0), Error::kNone);
  for (uint32_t gateway : {1u, 2u, 3u, 2u}) ASSERT_EQ(routes.add(0, 0, gateway, 0), Error::kNone);
  ASSERT_EQ(routes.add(v4("198.51.100.0"), 24, 8, 0), Error::kNone);
  unsigned taken[4] = {};
  for (uint32_t spread = 0; spread < 300; ++spread) {
    ++taken[routes.find(v4("203.0.113.1"), spread)->gateway];
    EXPECT_EQ(routes.find(v4("198.51.100.200"), spread)->gateway, 9u);
    EXPECT_EQ(routes.find(v4("198.51.100.1"), spread)->gateway, 8u);
  }
  for (unsigned gateway = 1; gateway <= 3; ++gateway) EXPECT_EQ(taken[gateway], 100u);
  for (uint32_t gateway = 4; gateway <= Routes::kEqualLimit; ++gateway)
    ASSERT_EQ(routes.add(0, 0, gateway, 0), Error::kNone);
  EXPECT_EQ(routes.add(0, 0, 99, 0), Error::kInvalid);
}

TEST(Ipv6Routes, EqualGatewaysShareTheDestinations) {
  Ipv6Routes routes;
  const IpAddress network = ip_address("2001:db8::"), inner = ip_address("2001:db8:1::");
  const auto gateway = [](int number) { return ip_address("fd00::" + std::to_string(number)); };
  ASSERT_EQ(routes.add({.prefix = inner, .gateway = gateway(9), .prefix_bits = 48}), Error::kNone);
  for (int number : {1, 2, 3, 2})
    ASSERT_EQ(routes.add({.prefix = network, .gateway = gateway(number), .prefix_bits = 32}), Error::kNone);
  for (uint32_t spread = 0; spread < 6; ++spread) {
    EXPECT_EQ(routes.find(ip_address("2001:db8:2::1"), spread)->gateway,
              gateway(1 + static_cast<int>(spread % 3)));
    EXPECT_EQ(routes.find(ip_address("2001:db8:1::1"), spread)->gateway, gateway(9));
  }
  // On the link on two ports: the first, but either is known to be on its link.
  for (uint8_t index : {0, 1})
    ASSERT_EQ(routes.add({.prefix = ip_address("fe80::"), .prefix_bits = 10, .interface_index = index}),
              Error::kNone);
  EXPECT_TRUE(routes.on_link(ip_address("fe80::1"), 0) && routes.on_link(ip_address("fe80::1"), 1));
  EXPECT_EQ(routes.find(ip_address("fe80::1"), 1)->interface_index, 0);
  // What a router says does not stand in for what is configured.
  ASSERT_EQ(routes.add({.prefix = inner, .prefix_bits = 48, .expires_ns = 5, .learnt = true}), Error::kNone);
  EXPECT_EQ(routes.find(ip_address("2001:db8:1::1"))->gateway, gateway(9));
  ASSERT_EQ(
      routes.add({.prefix = ip_address("2001:db8:7::"), .prefix_bits = 64, .expires_ns = 5, .learnt = true}),
      Error::kNone);
  EXPECT_EQ(routes.next_expiry_ns(), 5u);
  EXPECT_EQ(routes.learnt(0), 1u);
  EXPECT_EQ(routes.expire(5), 1u);
  EXPECT_EQ(routes.find(ip_address("2001:db8:7::1"), 1)->gateway, gateway(2));
  EXPECT_EQ(routes.find(ip_address("2001:db9::1")), nullptr);
}

TEST(PathMtu, SmallerIsKeptUntilItExpires) {
  PathMtuCache cache;
  EXPECT_EQ(cache.find(IpAddress::v4(1), 1500, 0), 1500u);
  cache.learn(IpAddress::v4(1), 1400, 0);
  cache.learn(IpAddress::v4(1), 1450, 10);  // larger: not believed
  EXPECT_EQ(cache.find(IpAddress::v4(1), 1500, 20), 1400u);
  EXPECT_EQ(cache.find(IpAddress::v4(2), 1500, 20), 1500u);
  cache.learn(IpAddress::v4(1), 68, 30);
  EXPECT_EQ(cache.find(IpAddress::v4(1), 1500, 40), PathMtuCache::kFloorBytes);
  EXPECT_EQ(cache.find(IpAddress::v4(1), 1500, 30 + PathMtuCache::kLifetimeNs), 1500u);
}

TEST(PathMtu, StaysBounded) {
  PathMtuCache cache;
  for (uint32_t remote = 0; remote < 100'000; ++remote) cache.learn(IpAddress::v4(remote), 1000, remote);
  EXPECT_EQ(cache.find(IpAddress::v4(99'999), 1500, 100'000), 1000u);
}

TEST(RateLimit, AllowsABurstThenTheRate) {
  RateLimit limit(10, 5);
  uint64_t now_ns = kNanosecondsPerSecond;
  int taken = 0;
  for (int i = 0; i < 20; ++i) taken += limit.take(now_ns);
  EXPECT_EQ(taken, 5);
  now_ns += kNanosecondsPerSecond / 10;
  EXPECT_TRUE(limit.take(now_ns));
  EXPECT_FALSE(limit.take(now_ns));
  // A long silence saves up no more than the burst.
  now_ns += 100 * kNanosecondsPerSecond;
  taken = 0;
  for (int i = 0; i < 20; ++i) taken += limit.take(now_ns);
  EXPECT_EQ(taken, 5);
}

struct PathTest : testing::Test {
  simulation::Simulation sim{1};
  TestHost host{sim, "192.0.2.1"};
  IpAddress local;
  Path path;
};

TEST_F(PathTest, OnLinkChoosesTheAddressOfTheInterface) {
  EXPECT_EQ(host.stack.find_path(ip_address("192.0.2.9"), local, path), Error::kNone);
  EXPECT_EQ(local, ip_address("192.0.2.1"));
  EXPECT_EQ(path.mtu_bytes, 1500);
  EXPECT_TRUE(host.stack.path_is_current(path));
}

TEST_F(PathTest, NoRouteAndForeignAddresses) {
  EXPECT_EQ(host.stack.find_path(ip_address("203.0.113.1"), local, path), Error::kNetworkUnreachable);
  EXPECT_EQ(host.stack.find_path(ip_address("2001:db8::1"), local, path), Error::kNetworkUnreachable);
  EXPECT_EQ(host.stack.find_path(IpAddress{}, local, path), Error::kNetworkUnreachable);
  local = ip_address("192.0.2.77");
  EXPECT_EQ(host.stack.find_path(ip_address("192.0.2.9"), local, path), Error::kAddressNotAvailable);
}

TEST_F(PathTest, GatewayMustBeOnLink) {
  EXPECT_EQ(host.stack.add_route({}, 0, ip_address("198.51.100.1")), Error::kNetworkUnreachable);
  EXPECT_EQ(host.stack.add_route({}, 0, ip_address("192.0.2.1")), Error::kInvalid);  // ourselves
  EXPECT_EQ(host.stack.add_route({}, 0, ip_address("192.0.2.254")), Error::kNone);
  EXPECT_EQ(host.stack.find_path(ip_address("203.0.113.1"), local, path), Error::kNone);
}

TEST_F(PathTest, NewRouteOutdatesPathsAndSendingStillWorks) {
  ASSERT_EQ(host.stack.find_path(ip_address("192.0.2.9"), local, path), Error::kNone);
  ASSERT_EQ(host.stack.add_route(ip_address("198.51.100.0"), 24, ip_address("192.0.2.254")), Error::kNone);
  EXPECT_FALSE(host.stack.path_is_current(path));
  TestStation station(sim);
  Buffer* packet = host.stack.pool().allocate();
  packet->append(20);
  EXPECT_EQ(host.stack.send(path, {.source = local, .destination = ip_address("192.0.2.9"), .protocol = 99},
                            packet),
            Error::kNone);
  sim.run_for(kNanosecondsPerMillisecond);
  EXPECT_FALSE(station.received_arp().empty());
}

TEST_F(PathTest, LearntPathMtuShowsInLaterPaths) {
  const IpAddress remote = ip_address("192.0.2.9");
  host.stack.learn_path_mtu(remote, 1280);
  ASSERT_EQ(host.stack.find_path(remote, local, path), Error::kNone);
  EXPECT_EQ(path.mtu_bytes, 1280);
  sim.run_for(PathMtuCache::kLifetimeNs + kNanosecondsPerSecond);
  ASSERT_EQ(host.stack.find_path(remote, local, path), Error::kNone);
  EXPECT_EQ(path.mtu_bytes, 1500);
}

TEST_F(PathTest, InterfaceMtuMayBeSetBelowThePorts) {
  TestHost small(sim, "192.0.2.2", {}, 24, 1000);
  ASSERT_EQ(small.stack.find_path(ip_address("192.0.2.9"), local, path), Error::kNone);
  EXPECT_EQ(path.mtu_bytes, 1000);
}

}  // namespace
}  // namespace sluice::ip
