// SPDX-License-Identifier: Apache-2.0
// What routers tell (RFC 4861 section 6.3, RFC 4862 section 5.5), and which address is chosen as source (RFC 6724).
#include <gtest/gtest.h>

#include "dataplane/ip/ipv6_address.hh"
#include "dataplane/ip/test_host.hh"

namespace sluice::ip {
namespace {

constexpr uint64_t kMs = kNanosecondsPerMillisecond, kSecond = kNanosecondsPerSecond;
constexpr uint32_t kInfinite = UINT32_MAX;
const IpAddress kRouter = ip_address("fe80::9"), kOtherRouter = ip_address("fe80::8"),
                kFar = ip_address("2001:db8:77::1");

struct AutoconfigurationTest : testing::Test {
  AutoconfigurationTest()
      : host(sim, InterfaceOptions{.name = "test", .autoconfigure = true, .stable_key = {3, 4}}) {}
  simulation::Simulation sim{6};
  TestStation station{sim};
  TestHost host;

  struct Advertisement {
    uint16_t lifetime_s = 1800;
    uint8_t preference = 0;  // as coded: 1 high, 3 low
    uint8_t hop_limit = 0;
    uint8_t sent_hop_limit = 255;
    uint32_t mtu_bytes = 0;
    const char* prefix = nullptr;
    uint8_t prefix_bits = 64;
    uint8_t flags = 0xc0;
    uint32_t valid_s = 86400, preferred_s = 14400;
  };
  void advertise(const Advertisement& what, const IpAddress& router = kRouter) {
    Bytes body(8);  // reachable and retransmission times
    const auto option = [&](std::initializer_list<uint32_t> words) {
      for (const uint32_t word : words) {
        body.resize(body.size() + 4);
        wire::store_32(&body[body.size() - 4], word);
      }
    };
    body.resize(body.size() + 8);
    wire::store_16(&body[8], 0x0101);
    wire::store_mac(&body[10], station.mac);
    if (what.mtu_bytes) option({0x05010000, what.mtu_bytes});
    if (what.prefix) {
      option({0x03040000u | uint32_t{what.prefix_bits} << 8 | what.flags, what.valid_s, what.preferred_s, 0});
      const IpAddress prefix = ip_address(what.prefix);
      body.insert(body.end(), reinterpret_cast<const std::byte*>(prefix.bytes.data()),
                  reinterpret_cast<const std::byte*>(prefix.bytes.data()) + 16);
    }
    station.send_icmpv6(multicast_mac(kAllNodes),
                        {.hop_limit = what.sent_hop_limit, .source = router, .destination = kAllNodes},
                        wire::kIcmpv6RouterAdvertisement, 0,
                        uint32_t{what.hop_limit} << 24 | uint32_t{what.preference} << 19 | what.lifetime_s,
                        body);
    sim.run_for(2500 * kMs);
  }
  // Our address in this prefix, or the unspecified one.
  IpAddress own(const char* prefix, uint8_t bits = 64) {
    for (const IpAddress& each : host.stack.addresses())
      if (in_prefix(each, ip_address(prefix), bits)) return each;
    return {};
  }
  Error find(const IpAddress& remote, IpAddress& local, Path& path) {
    local = {};
    return host.stack.find_path(remote, local, path);
  }
  Error find(const IpAddress& remote) {
    IpAddress local;
    Path path;
    return find(remote, local, path);
  }
  // Whom a packet to `remote` is for on the link, by whom is asked or, when it is known, by its Ethernet address.
  IpAddress next_hop(const IpAddress& remote) {
    station.received();
    EXPECT_EQ(host.send(remote.to_string(), 99, pattern_bytes(9)), Error::kNone);
    sim.run_for(kMs);
    const auto asked = station.received_icmpv6(wire::kIcmpv6NeighbourSolicitation);
    return asked.empty() ? IpAddress{} : *wire::Icmpv6View::parse(std::span(asked[0]).subspan(40))->target();
  }
};

// RFC 4861 section 6.3.7.
TEST_F(AutoconfigurationTest, RoutersAreAskedForThreeTimes) {
  sim.run_for(30 * kSecond);
  const auto questions = station.received_icmpv6(wire::kIcmpv6RouterSolicitation);
  ASSERT_EQ(questions.size(), 3u);
  for (const Bytes& packet : questions) {
    EXPECT_EQ(wire::Ipv6View::parse(packet)->destination(), kAllRouters);
    EXPECT_EQ(wire::Ipv6View::parse(packet)->hop_limit(), 255);
  }
  // From the address of the link as soon as there is one.
  EXPECT_EQ(wire::Ipv6View::parse(questions[2])->source(), own("fe80::", 10));
  EXPECT_EQ(find(kFar), Error::kNetworkUnreachable);
}

TEST_F(AutoconfigurationTest, AddressRouterAndMtuComeFromAnAdvertisement) {
  sim.run_for(1100 * kMs);
  advertise({.hop_limit = 77, .mtu_bytes = 1400, .prefix = "2001:db8:1::"});
  const IpAddress formed = own("2001:db8:1::");
  ASSERT_NE(formed, IpAddress{});
  EXPECT_EQ(host.stack.counters.addresses_formed, 1u);
  EXPECT_NE(address_half(formed, 1),
            address_half(own("fe80::", 10), 1));  // RFC 7217: not the same in each prefix
  station.received();
  IpAddress local;
  Path path;
  ASSERT_EQ(find(kFar, local, path), Error::kNone);
  EXPECT_EQ(local, formed);
  EXPECT_EQ(path.mtu_bytes, 1400);
  // The router's Ethernet address came along.
  ASSERT_EQ(host.send(kFar.to_string(), 99, pattern_bytes(9)), Error::kNone);
  sim.run_for(kMs);
  const auto frames = station.received(wire::kEtherTypeIpv6);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(wire::EthernetView::parse(frames[0])->destination(), station.mac);
  // On the link: no router in between.
  EXPECT_EQ(next_hop(ip_address("2001:db8:1::9")), ip_address("2001:db8:1::9"));
  // It is enough: nobody is asked any more.
  sim.run_for(20 * kSecond);
  EXPECT_TRUE(station.received_icmpv6(wire::kIcmpv6RouterSolicitation).empty());
}

TEST_F(AutoconfigurationTest, AdvertisementsThatCannotBeTrueAreIgnored) {
  advertise({.sent_hop_limit = 254, .prefix = "2001:db8:1::"});
  advertise({.prefix = "2001:db8:1::"}, ip_address("2001:db8::9"));  // not of the link
  advertise({.prefix = "fe80::"});
  advertise({.mtu_bytes = 1279, .prefix = "2001:db8:2::", .valid_s = 10, .preferred_s = 11});
  advertise({.mtu_bytes = 9000, .prefix = "2001:db8:3::", .prefix_bits = 63});
  EXPECT_EQ(host.stack.counters.icmp_malformed, 2u);
  EXPECT_EQ(host.stack.addresses().size(), 1u);
  IpAddress local;
  Path path;
  ASSERT_EQ(find(kFar, local, path), Error::kNone);
  EXPECT_EQ(path.mtu_bytes, 1500);
}

TEST_F(AutoconfigurationTest, FlagsOfAPrefixSayWhatItIsFor) {
  advertise({.prefix = "2001:db8:1::", .flags = 0x80});  // on the link
  EXPECT_EQ(own("2001:db8:1::"), IpAddress{});
  EXPECT_EQ(next_hop(ip_address("2001:db8:1::5")), ip_address("2001:db8:1::5"));
  advertise({.prefix = "2001:db8:2::", .flags = 0x40});  // for addresses, through the router
  EXPECT_NE(own("2001:db8:2::"), IpAddress{});
  EXPECT_EQ(next_hop(ip_address("2001:db8:2::5")), IpAddress{});
}

// RFC 4862 sections 5.5.3 e and 5.5.4.
TEST_F(AutoconfigurationTest, LifetimesEnd) {
  advertise({.prefix = "2001:db8:1::", .valid_s = 600, .preferred_s = 100});
  advertise({.prefix = "2001:db8:2::", .valid_s = kInfinite, .preferred_s = kInfinite});
  const IpAddress first = own("2001:db8:1::"), second = own("2001:db8:2::");
  IpAddress local;
  Path path;
  ASSERT_EQ(find(ip_address("2001:db8:1:9::1"), local, path), Error::kNone);
  EXPECT_EQ(local, first);  // the longer match
  sim.run_for(110 * kSecond);
  ASSERT_EQ(find(ip_address("2001:db8:1:9::1"), local, path), Error::kNone);
  EXPECT_EQ(local, second);  // the other one is deprecated
  EXPECT_TRUE(host.stack.is_local(first));
  sim.run_for(500 * kSecond);
  EXPECT_FALSE(host.stack.is_local(first));
  EXPECT_FALSE(host.stack.path_is_current(path));
  EXPECT_TRUE(host.stack.is_local(second));
}

TEST_F(AutoconfigurationTest, NobodyShortensAnAddressToLessThanTwoHours) {
  advertise({.prefix = "2001:db8:1::", .valid_s = 86400, .preferred_s = 86400});
  advertise({.lifetime_s = 9000, .prefix = "2001:db8:1::", .valid_s = 1, .preferred_s = 1});
  const IpAddress formed = own("2001:db8:1::");
  sim.run_for(7100 * kSecond);
  EXPECT_TRUE(host.stack.is_local(formed));
  sim.run_for(110 * kSecond);
  EXPECT_FALSE(host.stack.is_local(formed));
}

TEST_F(AutoconfigurationTest, RoutersComeAndGo) {
  advertise({.lifetime_s = 100, .prefix = "2001:db8:1::"});
  EXPECT_EQ(find(kFar), Error::kNone);
  sim.run_for(101 * kSecond);
  EXPECT_EQ(find(kFar), Error::kNetworkUnreachable);
  advertise({.lifetime_s = 100});
  EXPECT_EQ(find(kFar), Error::kNone);
  advertise({.lifetime_s = 0});
  EXPECT_EQ(find(kFar), Error::kNetworkUnreachable);
}

// RFC 4191 section 3.2; RFC 4861 section 6.3.6.
TEST_F(AutoconfigurationTest, ThePreferredRouterThatAnswersIsUsed) {
  advertise({.prefix = "2001:db8:1::"}, kOtherRouter);
  advertise({.preference = 1}, kRouter);
  IpAddress local;
  Path preferred, path;
  ASSERT_EQ(find(kFar, local, preferred), Error::kNone);
  ASSERT_EQ(find(kRouter, local = {}, path), Error::kNone);
  EXPECT_EQ(path.neighbour, preferred.neighbour);
  // It falls silent: after a while, packets go through the other one.
  for (int i = 0; i < 20; ++i) {
    ASSERT_NE(host.send(kFar.to_string(), 99, pattern_bytes(9)), Error::kNetworkUnreachable);
    sim.run_for(kSecond);
    if (!host.stack.path_is_current(preferred)) break;
  }
  ASSERT_EQ(find(kFar, local, path), Error::kNone);
  EXPECT_NE(path.neighbour, preferred.neighbour);
  Path other;
  ASSERT_EQ(find(kOtherRouter, local, other), Error::kNone);
  EXPECT_EQ(path.neighbour, other.neighbour);
}

TEST_F(AutoconfigurationTest, WhatStrangersCanMakeUsKeepIsBounded) {
  for (int i = 0; i < 40; ++i)
    advertise({.prefix = ("2001:db8:" + std::to_string(1000 + i) + "::").c_str()},
              ip_address("fe80::" + std::to_string(100 + i)));
  EXPECT_LE(host.stack.addresses().size(), 16u);
  EXPECT_GT(host.stack.counters.discovery_limit, 40u);
}

// ---- without autoconfiguration -----------------------------------------------------------------------------------

TEST(Ipv6WithoutAutoconfiguration, AdvertisementsAreIgnoredAndIpv4HostsAreDeaf) {
  simulation::Simulation sim{6};
  TestStation station(sim);
  TestHost configured(
      sim, InterfaceOptions{
               .name = "a", .addresses = {{ip_address("2001:db8::1"), 64}}, .duplicate_detections = 0});
  TestHost old(sim, "192.0.2.1");
  station.send_icmpv6(multicast_mac(kAllNodes),
                      {.hop_limit = 255, .source = kRouter, .destination = kAllNodes},
                      wire::kIcmpv6RouterAdvertisement, 0, 1800, Bytes(8));
  sim.run_for(5 * kSecond);
  EXPECT_EQ(configured.stack.counters.icmp_ignored, 1u);
  EXPECT_EQ(old.stack.counters.icmp_received, 0u);
  IpAddress local;
  Path path;
  EXPECT_EQ(configured.stack.find_path(kFar, local, path), Error::kNetworkUnreachable);
  EXPECT_EQ(old.stack.find_path(kFar, local, path), Error::kNetworkUnreachable);
  for (const Bytes& packet : station.received_ipv6())
    EXPECT_NE(wire::load_8(&packet[40]), wire::kIcmpv6RouterSolicitation);
}

// RFC 6724 section 5, rule by rule; the destinations are of section 10.1 where it has them.
TEST(SourceAddress, IsChosenByTheRules) {
  simulation::Simulation sim{6};
  TestHost host(sim, InterfaceOptions{.name = "a",
                                      .addresses = {{ip_address("2001:db8:1::2"), 64},
                                                    {ip_address("2001:db8:3::2"), 64},
                                                    {ip_address("fd00:1::2"), 64},
                                                    {ip_address("2002:c633:6401::d5e3"), 64},
                                                    {ip_address("fe80::2"), 64}},
                                      .duplicate_detections = 0});
  ASSERT_EQ(host.stack.add_route({}, 0, kRouter), Error::kNone);
  const auto source_for = [&](const char* remote) {
    IpAddress local;
    Path path;
    EXPECT_EQ(host.stack.find_path(ip_address(remote), local, path), Error::kNone);
    return local.to_string();
  };
  EXPECT_EQ(source_for("2001:db8:1::1"), "2001:db8:1::2");  // 8: longest match
  EXPECT_EQ(source_for("2001:db8:3::1"), "2001:db8:3::2");
  EXPECT_EQ(source_for("fe80::1"), "fe80::2");      // 2: scope
  EXPECT_EQ(source_for("fd00:9::1"), "fd00:1::2");  // 6: label
  EXPECT_EQ(source_for("2002:c633:6401::1"), "2002:c633:6401::d5e3");
  EXPECT_EQ(source_for("ff02::1"), "fe80::2");
  EXPECT_EQ(source_for("fd00:1::2"), "fd00:1::2");  // 1: itself
  // The address of link scope that was given stands for the one that would have been made.
  EXPECT_EQ(host.stack.addresses().size(), 5u);
}

}  // namespace
}  // namespace sluice::ip
