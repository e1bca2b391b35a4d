// SPDX-License-Identifier: Apache-2.0
// Packets that are not ours: which go to the kernel, which stay, and in what shape; and the kernel's routes.
#include <gtest/gtest.h>

#include "dataplane/ip/test_host.hh"

namespace sluice::ip {
namespace {

struct Kernel final : FrameSink {
  void take(Buffer* frame) override {
    Bytes bytes;
    for (const Buffer* segment = frame; segment; segment = segment->next_segment)
      bytes.insert(bytes.end(), segment->data, segment->end());
    frames.push_back(std::move(bytes));
    release(frame);
  }
  std::vector<Bytes> frames;
};

class Exception : public ::testing::Test {
 protected:
  Exception()
      : host(sim,
             InterfaceOptions{.name = "test",
                              .addresses = {{ip_address("192.0.2.1"), 24}, {ip_address("2001:db8::1"), 64}},
                              .duplicate_detections = 0}) {
    host.stack.set_exception(0, &kernel);
    sim.run_for(kNanosecondsPerSecond);
    station.send_arp(wire::kBroadcastMac, {.operation = wire::kArpRequest,
                                           .sender_mac = station.mac,
                                           .sender_ip = v4("192.0.2.9"),
                                           .target_ip = v4("192.0.2.1")});
    settle();
    station.received();
    kernel.frames.clear();
  }
  void settle() { sim.run_for(10 * kNanosecondsPerMillisecond); }
  // The station sends an IPv4 packet to the host's MAC.
  void send(const std::string& to, uint8_t protocol, const Bytes& l4, uint16_t fragment_word = 0) {
    station.send_ipv4(host.port.mac(),
                      {.fragment_word = fragment_word,
                       .protocol = protocol,
                       .source = v4("192.0.2.9"),
                       .destination = v4(to)},
                      l4);
    settle();
  }
  void share() {
    host.stack.set_kernel_address(ip_address("192.0.2.1"), true);
    host.stack.set_kernel_address(ip_address("2001:db8::1"), true);
  }
  // The only frame that the kernel got since the last call, without its Ethernet header.
  Bytes only_frame() {
    EXPECT_EQ(kernel.frames.size(), 1u);
    if (kernel.frames.size() != 1) return {};
    Bytes frame = std::move(kernel.frames[0]);
    kernel.frames.clear();
    EXPECT_EQ(wire::load_mac(frame.data() + 6), station.mac);
    return {frame.begin() + wire::kEthernetHeaderBytes, frame.end()};
  }
  simulation::Simulation sim{1};
  TestHost host;
  TestStation station{sim};
  Kernel kernel;
};

TEST_F(Exception, AProtocolOfNobodyIsTheKernelsWhereItHasTheAddress) {
  const Bytes ospf = pattern_bytes(40);
  send("192.0.2.1", 89, ospf);
  EXPECT_TRUE(kernel.frames.empty());
  EXPECT_EQ(station.received_ipv4().size(), 1u) << "an ICMP error: the address is only ours";
  share();
  send("192.0.2.1", 89, ospf);
  const Bytes got = only_frame();
  ASSERT_GE(got.size(), 60u);
  EXPECT_TRUE(std::equal(ospf.begin(), ospf.end(), got.begin() + 20));
  EXPECT_TRUE(wire::Ipv4View::parse(got)->checksum_is_right());
  EXPECT_TRUE(station.received_ipv4().empty());
  host.stack.set_kernel_address(ip_address("192.0.2.1"), false);
  send("192.0.2.1", 89, ospf);
  EXPECT_TRUE(kernel.frames.empty());
}

TEST_F(Exception, OtherAddressesAndGroupsAreTheKernels) {
  send("192.0.2.77", 6, pattern_bytes(40));
  EXPECT_EQ(wire::Ipv4View::parse(only_frame())->destination(), v4("192.0.2.77"));
  station.send_ipv4({{1, 0, 0x5e, 0, 0, 5}},
                    {.protocol = 89, .source = v4("192.0.2.9"), .destination = v4("224.0.0.5")},
                    pattern_bytes(40));
  settle();
  EXPECT_EQ(wire::Ipv4View::parse(only_frame())->destination(), v4("224.0.0.5"));
  // Not even these when the frame is for another station.
  station.send_ipv4({{2, 0, 0, 0, 0, 0x77}},
                    {.protocol = 6, .source = v4("192.0.2.9"), .destination = v4("192.0.2.77")},
                    pattern_bytes(40));
  settle();
  EXPECT_TRUE(kernel.frames.empty());
}

TEST_F(Exception, OtherEthertypesGoWhole) {
  const Bytes lldp = pattern_bytes(50);
  station.send({{1, 0x80, 0xc2, 0, 0, 0x0e}}, 0x88cc, lldp);
  settle();
  const Bytes got = only_frame();
  ASSERT_GE(got.size(), lldp.size());
  EXPECT_TRUE(std::equal(lldp.begin(), lldp.end(), got.begin()));
  // A tag of another VLAN is the kernel's, too.
  Bytes tagged(2);
  wire::store_16(tagged.data(), 5);
  tagged.insert(tagged.end(), 60, std::byte{1});
  station.send(host.port.mac(), wire::kEtherTypeVlan, tagged);
  settle();
  EXPECT_EQ(wire::load_16(only_frame().data()), 5);
}

TEST_F(Exception, APriorityTagIsTakenOff) {
  share();
  Bytes packet(wire::kIpv4HeaderBytes + 20);
  const wire::Ipv4Fields fields{
      .total_bytes = 40, .protocol = 89, .source = v4("192.0.2.9"), .destination = v4("192.0.2.1")};
  wire::emit_ipv4(packet.data(), fields);
  wire::set_ipv4_checksum(packet.data(), fields);
  Bytes tagged(4);
  wire::store_16(tagged.data(), 5 << 13);
  wire::store_16(tagged.data() + 2, wire::kEtherTypeIpv4);
  tagged.insert(tagged.end(), packet.begin(), packet.end());
  station.send(host.port.mac(), wire::kEtherTypeVlan, tagged);
  settle();
  const Bytes got = only_frame();
  ASSERT_GE(got.size(), 40u);
  EXPECT_TRUE(std::equal(packet.begin(), packet.end(), got.begin()));
}

TEST_F(Exception, OfReassembledDatagramsTheWholeGoes) {
  share();
  const Bytes whole = pattern_bytes(3000);
  const auto piece = [&](size_t begin, size_t end) {
    return Bytes(whole.begin() + begin, whole.begin() + end);
  };
  send("192.0.2.1", 200, piece(1480, 2960), 0x2000 | 185);
  send("192.0.2.1", 200, piece(2960, 3000), 370);
  EXPECT_TRUE(kernel.frames.empty());
  send("192.0.2.1", 200, piece(0, 1480), 0x2000);
  const Bytes got = only_frame();
  const auto header = wire::Ipv4View::parse(got);
  ASSERT_TRUE(header);
  EXPECT_TRUE(header->checksum_is_right());
  EXPECT_FALSE(header->is_fragment());
  ASSERT_EQ(header->total_bytes(), 3020u);
  EXPECT_TRUE(std::equal(whole.begin(), whole.end(), got.begin() + 20));
}

TEST_F(Exception, OfReassembledIpv6TheWholeGoes) {
  share();
  const Bytes whole = pattern_bytes(1600);
  const auto fragment = [&](size_t begin, size_t end, bool more) {
    Bytes payload(8);
    wire::store_8(payload.data(), 200);
    wire::store_16(payload.data() + 2, static_cast<uint16_t>(begin | more));
    wire::store_32(payload.data() + 4, 77);
    payload.insert(payload.end(), whole.begin() + begin, whole.begin() + end);
    station.send_ipv6(host.port.mac(),
                      {.next_header = wire::kNextFragment,
                       .source = ip_address("2001:db8::9"),
                       .destination = ip_address("2001:db8::1")},
                      payload);
    settle();
  };
  fragment(800, 1600, false);
  fragment(0, 800, true);
  const Bytes got = only_frame();
  const auto header = wire::Ipv6View::parse(got);
  ASSERT_TRUE(header);
  ASSERT_EQ(header->payload_bytes(), 1608u);
  EXPECT_EQ(header->next_header(), wire::kNextFragment);
  EXPECT_EQ(wire::load_16(got.data() + 42), 0) << "an atomic fragment";
  EXPECT_TRUE(std::equal(whole.begin(), whole.end(), got.begin() + 48));
}

TEST_F(Exception, ArpForUsIsAnsweredByUsAndRepliesGoToBoth) {
  const auto arp = [&](uint16_t operation, const char* target) {
    station.send_arp(operation == wire::kArpRequest ? wire::kBroadcastMac : host.port.mac(),
                     {.operation = operation,
                      .sender_mac = station.mac,
                      .target_mac = {},
                      .sender_ip = v4("192.0.2.9"),
                      .target_ip = v4(target)});
    settle();
  };
  arp(wire::kArpRequest, "192.0.2.1");
  EXPECT_TRUE(kernel.frames.empty());
  EXPECT_EQ(station.received_arp().size(), 1u);
  arp(wire::kArpRequest, "192.0.2.77");
  EXPECT_TRUE(station.received_arp().empty());
  EXPECT_EQ(wire::parse_arp(only_frame())->target_ip, v4("192.0.2.77"));
  arp(wire::kArpReply, "192.0.2.1");
  EXPECT_EQ(wire::parse_arp(only_frame())->operation, wire::kArpReply);
}

TEST_F(Exception, DiscoveryLikewise) {
  const IpAddress other = ip_address("2001:db8::77"), own = ip_address("2001:db8::1"),
                  peer = ip_address("2001:db8::9");
  const auto solicit = [&](const IpAddress& target) {
    station.send_icmpv6(host.port.mac(), {.hop_limit = 255, .source = peer, .destination = own},
                        wire::kIcmpv6NeighbourSolicitation, 0, 0, discovery_body(target, 1, station.mac));
    settle();
  };
  share();
  solicit(own);
  EXPECT_TRUE(kernel.frames.empty());
  EXPECT_EQ(station.received_icmpv6(wire::kIcmpv6NeighbourAdvertisement).size(), 1u);
  solicit(other);
  EXPECT_TRUE(station.received_icmpv6(wire::kIcmpv6NeighbourAdvertisement).empty());
  only_frame();
  station.send_icmpv6(host.port.mac(), {.hop_limit = 255, .source = peer, .destination = own},
                      wire::kIcmpv6NeighbourAdvertisement, 0, 0x60000000,
                      discovery_body(peer, 2, station.mac));
  settle();
  only_frame();
  // To a group that only the kernel has joined.
  station.send_icmpv6({{0x33, 0x33, 0xff, 0, 0, 0x77}},
                      {.hop_limit = 255, .source = peer, .destination = ip_address("ff02::1:ff00:77")},
                      wire::kIcmpv6NeighbourSolicitation, 0, 0, discovery_body(other, 1, station.mac));
  settle();
  only_frame();
}

TEST_F(Exception, PingIsOursAndItsRepliesAreTheKernels) {
  share();
  const auto echo = [&](uint8_t type) {
    Bytes message(16);
    wire::emit_icmp(message.data(), type, 0, 0x00010001);
    wire::set_icmp_checksum(message.data(), wire::checksum_finish(wire::checksum_add(0, message.data(), 16)));
    send("192.0.2.1", 1, message);
  };
  echo(wire::kIcmpEchoRequest);
  EXPECT_TRUE(kernel.frames.empty());
  EXPECT_EQ(station.received_ipv4().size(), 1u);
  echo(wire::kIcmpEchoReply);
  only_frame();
  const IpAddress own = ip_address("2001:db8::1"), peer = ip_address("2001:db8::9");
  station.send_icmpv6(host.port.mac(), {.source = peer, .destination = own}, wire::kIcmpv6EchoReply, 0, 1,
                      Bytes(8));
  settle();
  only_frame();
}

TEST_F(Exception, IcmpErrorsGoToBoth) {
  share();
  RecordingProtocol udp;
  host.stack.set_protocol(kProtocolUdp, &udp);
  Bytes quote(28);
  const wire::Ipv4Fields fields{
      .total_bytes = 28, .protocol = kProtocolUdp, .source = v4("192.0.2.1"), .destination = v4("192.0.2.9")};
  wire::emit_ipv4(quote.data(), fields);
  wire::set_ipv4_checksum(quote.data(), fields);
  Bytes message(8);
  wire::emit_icmp(message.data(), wire::kIcmpUnreachable, wire::kIcmpPortUnreachable, 0);
  message.insert(message.end(), quote.begin(), quote.end());
  wire::set_icmp_checksum(message.data(), wire::checksum_finish(wire::checksum_add(
                                              0, message.data(), static_cast<uint32_t>(message.size()))));
  send("192.0.2.1", 1, message);
  EXPECT_EQ(udp.errors.size(), 1u);
  only_frame();
  host.stack.set_protocol(kProtocolUdp, nullptr);
}

TEST_F(Exception, WhatAProtocolTakesStays) {
  share();
  RecordingProtocol tcp;
  host.stack.set_protocol(kProtocolTcp, &tcp);
  send("192.0.2.1", kProtocolTcp, pattern_bytes(40));
  EXPECT_EQ(tcp.packets.size(), 1u);
  EXPECT_TRUE(kernel.frames.empty());
  host.stack.set_protocol(kProtocolTcp, nullptr);
}

TEST_F(Exception, WhatWeSendToOurselvesIsNeverTheKernels) {
  share();
  EXPECT_EQ(host.send("192.0.2.1", 200, pattern_bytes(40)), Error::kNone);
  settle();
  EXPECT_TRUE(kernel.frames.empty());
}

class KernelRoutes : public Exception {
 protected:
  // Where a packet to `to` goes: the next hop that is asked for; "" when there is no way.
  std::string asked_for(const std::string& to) {
    station.received();
    if (host.send(to, 200, pattern_bytes(8)) != Error::kNone) return "";
    settle();
    for (const auto& arp : station.received_arp())
      if (arp.operation == wire::kArpRequest) return IpAddress::v4(arp.target_ip).to_string();
    return "nobody";
  }
  void set(const std::string& prefix, uint8_t bits, std::vector<std::string> gateways) {
    std::vector<Stack::Hop> hops;
    for (const auto& each : gateways) hops.push_back({each.empty() ? IpAddress{} : ip_address(each), 0});
    host.stack.set_kernel_routes(ip_address(prefix), bits, hops);
  }
};

TEST_F(KernelRoutes, AreUsedAndTakenBack) {
  EXPECT_EQ(asked_for("198.51.100.5"), "");
  set("198.51.100.0", 24, {"192.0.2.50"});
  EXPECT_EQ(asked_for("198.51.100.5"), "192.0.2.50");
  set("198.51.100.0", 24, {"192.0.2.51"});
  EXPECT_EQ(asked_for("198.51.100.5"), "192.0.2.51");
  set("198.51.100.0", 24, {});
  EXPECT_EQ(asked_for("198.51.100.5"), "");
  set("203.0.113.0", 24, {""});
  EXPECT_EQ(asked_for("203.0.113.7"), "203.0.113.7") << "on the link";
}

TEST_F(KernelRoutes, TheLongestPrefixWinsAndTheConfigurationAmongEquals) {
  ASSERT_EQ(host.stack.add_route(ip_address("198.51.100.0"), 24, ip_address("192.0.2.60")), Error::kNone);
  set("198.51.100.0", 24, {"192.0.2.61"});
  EXPECT_EQ(asked_for("198.51.100.5"), "192.0.2.60");
  set("198.51.100.128", 25, {"192.0.2.62"});
  EXPECT_EQ(asked_for("198.51.100.200"), "192.0.2.62");
  set("0.0.0.0", 0, {"192.0.2.63"});
  EXPECT_EQ(asked_for("203.0.113.1"), "192.0.2.63");
  EXPECT_EQ(asked_for("198.51.100.6"), "nobody") << "its router was asked for a moment ago";
}

TEST_F(KernelRoutes, APathIsFoundAnewWhenTheyChange) {
  set("198.51.100.0", 24, {"192.0.2.50"});
  IpAddress local;
  Path path;
  ASSERT_EQ(host.stack.find_path(ip_address("198.51.100.5"), local, path), Error::kNone);
  EXPECT_TRUE(host.stack.path_is_current(path));
  set("198.51.100.0", 24, {"192.0.2.51"});
  EXPECT_FALSE(host.stack.path_is_current(path));
}

TEST_F(KernelRoutes, OfIpv6Likewise) {
  IpAddress local;
  Path path;
  const auto reachable = [&] {
    local = {};
    return host.stack.find_path(ip_address("2001:db8:9::1"), local, path) == Error::kNone;
  };
  EXPECT_FALSE(reachable());
  set("2001:db8:9::", 48, {"fe80::1"});
  EXPECT_TRUE(reachable());
  set("2001:db8:9::", 48, {});
  EXPECT_FALSE(reachable());
}

TEST_F(Exception, MoreAddressesOfTheKernelThanAreKeptAreCounted) {
  for (uint32_t i = 0; i < ip::Stack::kKernelAddressesLimit + 3; ++i)
    host.stack.set_kernel_address(IpAddress::v4(0xc6336400 + i), true);
  EXPECT_EQ(host.stack.counters.kernel_addresses_refused, 3u);
}

TEST_F(KernelRoutes, OneThroughOurselvesIsRefused) {
  set("198.51.100.0", 24, {"192.0.2.1"});
  EXPECT_EQ(asked_for("198.51.100.5"), "");
  EXPECT_EQ(host.stack.counters.kernel_routes_refused, 1u);
}

TEST_F(KernelRoutes, NeighboursOfTheKernelNeedNoQuestion) {
  host.stack.learn_kernel_neighbour(0, ip_address("192.0.2.8"), station.mac);
  EXPECT_EQ(host.send("192.0.2.8", 200, pattern_bytes(8)), Error::kNone);
  settle();
  EXPECT_EQ(station.received_ipv4().size(), 1u);
}

}  // namespace
}  // namespace sluice::ip
