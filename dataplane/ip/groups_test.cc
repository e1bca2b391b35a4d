// SPDX-License-Identifier: Apache-2.0
// Groups of both families: what routers are told (RFC 3376, RFC 2236, RFC 3810), what they may ask, and what is taken in.
#include <gtest/gtest.h>

#include "dataplane/ip/ipv6_address.hh"
#include "dataplane/ip/test_host.hh"

namespace sluice::ip {
namespace {

constexpr uint64_t kMs = kNanosecondsPerMillisecond, kSecond = kNanosecondsPerSecond;
const IpAddress kGroup = ip_address("239.1.2.3"), kOther = ip_address("239.129.2.3"),
                kGroup6 = ip_address("ff05::123");
constexpr MacAddress kAllHostsMac{{1, 0, 0x5e, 0, 0, 1}};

struct Igmp {
  uint8_t type;
  std::string destination;
  std::vector<std::pair<int, std::string>> records;  // of version 3; else one of type 0
};

struct GroupsTest : testing::Test {
  simulation::Simulation sim{8};
  TestStation router{sim};
  TestHost host{
      sim, InterfaceOptions{.name = "test",
                            .addresses = {{ip_address("192.0.2.1"), 24}, {ip_address("2001:db8::1"), 64}},
                            .duplicate_detections = 0}};
  RecordingProtocol taken;
  GroupsTest() {
    host.stack.set_protocol(99, &taken);
    sim.run_for(5 * kSecond);
    router.received();
  }

  std::vector<Igmp> told() {
    std::vector<Igmp> all;
    for (const Bytes& packet : router.received_ipv4()) {
      const auto header = *wire::Ipv4View::parse(packet);
      if (header.protocol() != 2) continue;
      EXPECT_EQ(header.hop_limit(), 1);
      EXPECT_EQ(header.traffic_class(), 0xc0);
      EXPECT_EQ(header.header_bytes(), 24u);  // the router alert
      EXPECT_EQ(wire::load_32(&packet[20]), 0x94040000u);
      EXPECT_EQ(header.source(), v4("192.0.2.1"));
      const auto message = std::span(packet).subspan(24);
      EXPECT_EQ(wire::checksum_finish(wire::checksum_add(0, message.data(), message.size())), 0);
      Igmp one{wire::load_8(message.data()), IpAddress::v4(header.destination()).to_string(), {}};
      const auto address_at = [&](size_t at) {
        return IpAddress::v4(wire::load_32(&message[at])).to_string();
      };
      if (one.type == 0x22) {
        const size_t count = wire::load_16(&message[6]);
        EXPECT_EQ(message.size(), 8 + 8 * count);
        for (size_t i = 0; i < count; ++i)
          one.records.push_back({wire::load_8(&message[8 + 8 * i]), address_at(12 + 8 * i)});
      } else {
        EXPECT_EQ(message.size(), 8u);
        one.records.push_back({0, address_at(4)});
      }
      all.push_back(one);
    }
    return all;
  }
  // A query; `bytes` 8 for versions 1 and 2, 12 for 3.
  void ask(size_t bytes, uint8_t code, const IpAddress& group = IpAddress::v4(0), uint8_t hop_limit = 1) {
    Bytes message(bytes);
    wire::store_8(message.data(), 0x11);
    wire::store_8(&message[1], code);
    if (bytes >= 8) wire::store_32(&message[4], group.v4());
    if (bytes >= 4)
      wire::store_16(&message[2], wire::checksum_finish(wire::checksum_add(0, message.data(), bytes)));
    router.send_ipv4(
        kAllHostsMac,
        {.hop_limit = hop_limit, .protocol = 2, .source = v4("192.0.2.9"), .destination = v4("224.0.0.1")},
        message);
    sim.run_for(kMs);
  }
  void send(const IpAddress& to) {
    if (to.is_v4()) {
      router.send_ipv4({{1, 0, 0x5e, 1, 2, 3}},
                       {.hop_limit = 3, .protocol = 99, .source = v4("192.0.2.9"), .destination = to.v4()},
                       pattern_bytes(9));
    } else {
      router.send_ipv6(
          multicast_mac(to),
          {.next_header = 99, .hop_limit = 3, .source = ip_address("2001:db8::9"), .destination = to},
          pattern_bytes(9));
    }
    sim.run_for(kMs);
  }
};
using Records = std::vector<std::pair<int, std::string>>;

TEST_F(GroupsTest, JoiningIsToldTwiceAndLeavingToo) {
  ASSERT_EQ(host.stack.join_group(0, kGroup), Error::kNone);
  sim.run_for(10 * kSecond);
  auto all = told();
  ASSERT_EQ(all.size(), 2u);
  for (const Igmp& each : all) {
    EXPECT_EQ(each.type, 0x22);
    EXPECT_EQ(each.destination, "224.0.0.22");
    EXPECT_EQ(each.records, (Records{{4, "239.1.2.3"}}));  // to "all but none"
  }
  // A second member is nobody's news.
  ASSERT_EQ(host.stack.join_group(0, kGroup), Error::kNone);
  host.stack.leave_group(0, kGroup);
  sim.run_for(10 * kSecond);
  EXPECT_TRUE(told().empty());
  host.stack.leave_group(0, kGroup);
  sim.run_for(10 * kSecond);
  all = told();
  ASSERT_EQ(all.size(), 2u);
  for (const Igmp& each : all) EXPECT_EQ(each.records, (Records{{3, "239.1.2.3"}}));
}

TEST_F(GroupsTest, OnlyWhatWasJoinedIsTakenIn) {
  send(kGroup);
  EXPECT_TRUE(taken.packets.empty());
  ASSERT_EQ(host.stack.join_group(0, kGroup), Error::kNone);
  send(kOther);  // the same Ethernet group
  EXPECT_TRUE(taken.packets.empty());
  send(kGroup);
  ASSERT_EQ(taken.packets.size(), 1u);
  EXPECT_TRUE(taken.packets[0].about.broadcast);
  EXPECT_EQ(taken.packets[0].about.destination, kGroup);
  host.stack.leave_group(0, kGroup);
  send(kGroup);
  EXPECT_EQ(taken.packets.size(), 1u);

  send(kGroup6);
  EXPECT_EQ(taken.packets.size(), 1u);
  ASSERT_EQ(host.stack.join_group(0, kGroup6), Error::kNone);
  send(kGroup6);
  EXPECT_EQ(taken.packets.size(), 2u);
  host.stack.leave_group(0, kGroup6);
  send(kGroup6);
  EXPECT_EQ(taken.packets.size(), 2u);
}

TEST_F(GroupsTest, QueriesAreAnsweredInTheirTime) {
  ASSERT_EQ(host.stack.join_group(0, kGroup), Error::kNone);
  ASSERT_EQ(host.stack.join_group(0, kOther), Error::kNone);
  sim.run_for(10 * kSecond);
  told();
  ask(12, 20);  // all groups, within two seconds
  sim.run_for(2 * kSecond);
  auto all = told();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].records, (Records{{2, "239.1.2.3"}, {2, "239.129.2.3"}}));
  ask(12, 20, kOther);
  sim.run_for(2 * kSecond);
  all = told();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].records, (Records{{2, "239.129.2.3"}}));
  // A time in floating point: (16 | 1) << (0 + 3) tenths.
  ask(12, 0x81);
  sim.run_for(13'700 * kMs);
  EXPECT_EQ(told().size(), 1u);
  // Of groups that nobody joined, and questions that cannot be.
  ask(12, 20, ip_address("239.9.9.9"));
  ask(12, 20, ip_address("192.0.2.1"));
  ask(12, 20, IpAddress::v4(0), 64);
  ask(11, 20);
  ask(7, 20);
  sim.run_for(20 * kSecond);
  EXPECT_TRUE(told().empty());
  EXPECT_EQ(host.stack.counters.icmp_malformed, 2u);
}

// RFC 3376 section 7, RFC 2236.
TEST_F(GroupsTest, OlderRoutersAreSpokenToInTheirWords) {
  ASSERT_EQ(host.stack.join_group(0, kGroup), Error::kNone);
  sim.run_for(10 * kSecond);
  told();
  ask(8, 10);
  sim.run_for(kSecond);
  auto all = told();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].type, 0x16);
  EXPECT_EQ(all[0].destination, "239.1.2.3");
  // Somebody else's report is enough.
  ask(8, 100);
  Bytes report(8);
  wire::store_8(report.data(), 0x16);
  wire::store_32(&report[4], kGroup.v4());
  wire::store_16(&report[2], wire::checksum_finish(wire::checksum_add(0, report.data(), 8)));
  router.send_ipv4({{1, 0, 0x5e, 1, 2, 3}},
                   {.hop_limit = 1, .protocol = 2, .source = v4("192.0.2.7"), .destination = kGroup.v4()},
                   report);
  sim.run_for(20 * kSecond);
  EXPECT_TRUE(told().empty());
  host.stack.leave_group(0, kGroup);
  sim.run_for(kMs);
  all = told();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].type, 0x17);
  EXPECT_EQ(all[0].destination, "224.0.0.2");
  EXPECT_EQ(all[0].records, (Records{{0, "239.1.2.3"}}));
  // Version 1 has no word for leaving.
  ASSERT_EQ(host.stack.join_group(0, kOther), Error::kNone);
  sim.run_for(30 * kSecond);
  told();
  ask(8, 0);
  sim.run_for(10 * kSecond);
  all = told();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].type, 0x12);
  host.stack.leave_group(0, kOther);
  sim.run_for(kSecond);
  EXPECT_TRUE(told().empty());
  // When nothing was heard of it for long, version 3 again.
  sim.run_for(300 * kSecond);
  ASSERT_EQ(host.stack.join_group(0, kGroup), Error::kNone);
  sim.run_for(kMs);
  EXPECT_EQ(told().at(0).type, 0x22);
}

TEST_F(GroupsTest, AllHostsAreMembersWithoutAWord) {
  ASSERT_EQ(host.stack.join_group(0, ip_address("224.0.0.1")), Error::kNone);
  ASSERT_EQ(host.stack.join_group(0, ip_address("ff02::1")), Error::kNone);
  ask(12, 10);
  sim.run_for(5 * kSecond);
  EXPECT_TRUE(told().empty());
  EXPECT_TRUE(router.received_icmpv6(wire::kIcmpv6MulticastListenerReport2).empty());
  send(ip_address("224.0.0.1"));
  EXPECT_EQ(taken.packets.size(), 1u);
}

TEST_F(GroupsTest, ListenersReportWhatProgramsJoin) {
  ASSERT_EQ(host.stack.join_group(0, kGroup6), Error::kNone);
  sim.run_for(5 * kSecond);
  unsigned joined = 0;
  for (const Bytes& packet : router.received_ipv6()) {
    // Behind a hop-by-hop header with the router alert (RFC 2711): one record, "to all but none".
    const auto header = *wire::Ipv6View::parse(packet);
    if (header.next_header() != 0 || wire::load_8(&packet[48]) != wire::kIcmpv6MulticastListenerReport2)
      continue;
    EXPECT_EQ(wire::load_16(&packet[54]), 1);
    EXPECT_EQ(wire::load_8(&packet[56]), 4);
    joined += std::memcmp(&packet[60], kGroup6.bytes.data(), 16) == 0;
  }
  EXPECT_EQ(joined, 2u);
}

TEST_F(GroupsTest, LimitsAndWhatIsNoGroup) {
  EXPECT_EQ(host.stack.join_group(0, ip_address("192.0.2.5")), Error::kInvalid);
  EXPECT_EQ(host.stack.join_group(0, ip_address("2001:db8::5")), Error::kInvalid);
  EXPECT_EQ(host.stack.join_group(1, kGroup), Error::kAddressNotAvailable);
  for (unsigned i = 0; i < Stack::kGroupsLimit; ++i) {
    ASSERT_EQ(host.stack.join_group(0, IpAddress::v4(0xef000100 + i)), Error::kNone);
    ASSERT_EQ(host.stack.join_group(0, ip_address("ff05::" + std::to_string(1000 + i))), Error::kNone);
  }
  EXPECT_EQ(host.stack.join_group(0, kGroup), Error::kNoBuffers);
  EXPECT_EQ(host.stack.join_group(0, kGroup6), Error::kNoBuffers);
  EXPECT_EQ(host.stack.counters.group_limit, 2u);
  // All of them in one report each.
  sim.run_for(10 * kSecond);
  told();
  ask(12, 1);
  sim.run_for(kSecond);
  const auto all = told();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].records.size(), Stack::kGroupsLimit);
}

TEST_F(GroupsTest, WhatIsSentToAGroupComesBackToMembers) {
  IpAddress local;
  Path path;
  ASSERT_EQ(host.stack.find_group_path(0, kGroup, local, path), Error::kNone);
  EXPECT_EQ(local, ip_address("192.0.2.1"));
  const auto loop = [&] {
    Buffer* packet = host.stack.pool().allocate();
    packet->append("123456789", 9);
    host.stack.loop_group(path, {.source = local, .destination = kGroup, .protocol = 99}, packet);
    release(packet);
    sim.run_for(kMs);
  };
  loop();
  EXPECT_TRUE(taken.packets.empty());
  ASSERT_EQ(host.stack.join_group(0, kGroup), Error::kNone);
  loop();
  ASSERT_EQ(taken.packets.size(), 1u);
  EXPECT_TRUE(taken.packets[0].about.broadcast);
  EXPECT_EQ(taken.packets[0].l4.size(), 9u);
}

TEST_F(GroupsTest, InterfacesByNameNumberAndAddress) {
  EXPECT_EQ(host.stack.interface_named("test"), uint8_t{0});
  EXPECT_EQ(host.stack.interface_named("1"), uint8_t{0});
  EXPECT_EQ(host.stack.interface_named("2"), std::nullopt);
  EXPECT_EQ(host.stack.interface_named("0"), std::nullopt);
  EXPECT_EQ(host.stack.interface_named("tes"), std::nullopt);
  EXPECT_EQ(host.stack.interface_with(ip_address("192.0.2.1")), uint8_t{0});
  EXPECT_EQ(host.stack.interface_with(ip_address("2001:db8::1")), uint8_t{0});
  EXPECT_EQ(host.stack.interface_with(ip_address("192.0.2.2")), std::nullopt);
}

}  // namespace
}  // namespace sluice::ip
