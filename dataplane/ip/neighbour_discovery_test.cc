// SPDX-License-Identifier: Apache-2.0
// Neighbour discovery (RFC 4861 section 7) and the check for duplicates (RFC 4862 section 5.4), seen from the wire.
#include <gtest/gtest.h>

#include "dataplane/ip/ipv6_address.hh"
#include "dataplane/ip/test_host.hh"

namespace sluice::ip {
namespace {

constexpr uint64_t kMs = kNanosecondsPerMillisecond, kSecond = kNanosecondsPerSecond;
constexpr uint8_t kProtocol = 99;
const IpAddress kUs = ip_address("2001:db8::1"), kPeer = ip_address("2001:db8::9");
constexpr MacAddress kOther{{2, 0xbb, 0, 0, 0, 2}};

InterfaceOptions options_with(uint8_t detections) {
  return {.name = "test", .addresses = {{kUs, 64}}, .duplicate_detections = detections, .stable_key = {7, 8}};
}

struct DiscoveryTest : testing::Test {
  explicit DiscoveryTest(uint8_t detections = 0) : host(sim, options_with(detections)) {
    host.stack.set_protocol(kProtocol, &protocol);
    sim.run_for(kMs);
  }
  simulation::Simulation sim{5};
  TestStation station{sim};
  TestHost host;
  RecordingProtocol protocol;

  void TearDown() override {
    sim.run_for(60 * kSecond);
    station.received();
    EXPECT_EQ(host.port.pool().outstanding(), 0u);
  }
  void solicit(const IpAddress& source, const IpAddress& target, bool with_mac, uint8_t hop_limit = 255) {
    station.send_icmpv6(multicast_mac(solicited_node(target)),
                        {.hop_limit = hop_limit, .source = source, .destination = solicited_node(target)},
                        wire::kIcmpv6NeighbourSolicitation, 0, 0,
                        discovery_body(target, with_mac ? wire::kOptionSourceLinkAddress : 0, station.mac));
    sim.run_for(kMs);
  }
  void advertise(const IpAddress& target, uint32_t flags, const MacAddress& mac,
                 const IpAddress& destination = kUs) {
    station.send_icmpv6(is_multicast(destination) ? multicast_mac(destination) : host.port.mac(),
                        {.hop_limit = 255, .source = target, .destination = destination},
                        wire::kIcmpv6NeighbourAdvertisement, 0, flags,
                        mac == MacAddress{} ? discovery_body(target)
                                            : discovery_body(target, wire::kOptionTargetLinkAddress, mac));
    sim.run_for(kMs);
  }
  Error send(const char* to = "2001:db8::9") {
    const Error error = host.send(to, kProtocol, pattern_bytes(30));
    sim.run_for(kMs);
    return error;
  }
  // To whom the packets of our protocol went that came since the last look.
  std::vector<MacAddress> sent_to() {
    std::vector<MacAddress> all;
    for (const Bytes& frame : station.received(wire::kEtherTypeIpv6))
      if (wire::Ipv6View::parse(std::span(frame).subspan(14))->next_header() == kProtocol)
        all.push_back(wire::EthernetView::parse(frame)->destination());
    return all;
  }
  static IpAddress target_of(const Bytes& packet) {
    return *wire::Icmpv6View::parse(std::span(packet).subspan(40))->target();
  }
};

TEST_F(DiscoveryTest, NeighbourIsAskedForThenWhatWaitedGoes) {
  station.received();
  ASSERT_EQ(send(), Error::kNone);
  ASSERT_EQ(send(), Error::kNone);
  const auto questions = station.received_icmpv6(wire::kIcmpv6NeighbourSolicitation);
  ASSERT_EQ(questions.size(), 1u);
  const auto header = *wire::Ipv6View::parse(questions[0]);
  EXPECT_EQ(header.source(), kUs);
  EXPECT_EQ(header.destination(), ip_address("ff02::1:ff00:9"));
  EXPECT_EQ(header.hop_limit(), 255);
  EXPECT_EQ(target_of(questions[0]), kPeer);
  EXPECT_EQ(Bytes(questions[0].begin() + 64, questions[0].begin() + 66), (Bytes{std::byte{1}, std::byte{1}}));
  EXPECT_EQ(wire::load_mac(&questions[0][66]), host.port.mac());
  advertise(kPeer, wire::kAdvertisedSolicited | wire::kAdvertisedOverride, station.mac);
  EXPECT_EQ(sent_to(), (std::vector{station.mac, station.mac}));
}

TEST_F(DiscoveryTest, QuestionsForOurAddressesAreAnswered) {
  station.received();
  solicit(kPeer, kUs, true);
  auto answers = station.received_icmpv6(wire::kIcmpv6NeighbourAdvertisement);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(wire::Ipv6View::parse(answers[0])->destination(), kPeer);
  EXPECT_EQ(wire::Ipv6View::parse(answers[0])->hop_limit(), 255);
  EXPECT_EQ(wire::load_32(&answers[0][44]), wire::kAdvertisedSolicited | wire::kAdvertisedOverride);
  EXPECT_EQ(target_of(answers[0]), kUs);
  EXPECT_EQ(wire::load_mac(&answers[0][66]), host.port.mac());
  // Who asks is known from then on.
  ASSERT_EQ(send(), Error::kNone);
  EXPECT_EQ(sent_to(), std::vector{station.mac});
  // One who wants our address for itself: all hear that it is taken.
  solicit({}, kUs, false);
  answers = station.received_icmpv6(wire::kIcmpv6NeighbourAdvertisement);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(wire::Ipv6View::parse(answers[0])->destination(), kAllNodes);
  EXPECT_EQ(wire::load_32(&answers[0][44]), wire::kAdvertisedOverride);
  // One of the same group, but not ours.
  solicit(kPeer, ip_address("2001:db8::aa00:1"), true);
  EXPECT_TRUE(station.received_ipv6().empty());
}

// RFC 4861 sections 7.1.1 and 7.1.2.
TEST_F(DiscoveryTest, MessagesThatCannotBeTrueAreIgnored) {
  station.received();
  const uint64_t before = host.stack.counters.icmp_malformed;
  solicit(kPeer, kUs, true, 254);  // a router passed it on
  solicit({}, kUs, true);          // nobody has no link address
  const auto raw = [&](uint8_t code, const IpAddress& destination, const Bytes& body) {
    station.send_icmpv6(host.port.mac(), {.hop_limit = 255, .source = kPeer, .destination = destination},
                        wire::kIcmpv6NeighbourSolicitation, code, 0, body);
    sim.run_for(kMs);
  };
  raw(1, kUs, discovery_body(kUs));
  raw(0, kUs, Bytes(15));
  raw(0, kUs, discovery_body(kAllNodes));
  Bytes endless = discovery_body(kUs, wire::kOptionSourceLinkAddress, station.mac);
  endless[17] = std::byte{0};
  raw(0, kUs, endless);
  EXPECT_EQ(host.stack.counters.icmp_malformed, before + 6);
  // In pieces (RFC 6980).
  const Bytes message =
      icmpv6_message(kPeer, kUs, wire::kIcmpv6NeighbourSolicitation, 0, 0, discovery_body(kUs));
  Bytes fragment(wire::kFragmentHeaderBytes);
  wire::emit_fragment(fragment.data(), {wire::kNextIcmpv6, 0, false, 1});
  fragment.insert(fragment.end(), message.begin(), message.end());
  station.send_ipv6(
      host.port.mac(),
      {.next_header = wire::kNextFragment, .hop_limit = 255, .source = kPeer, .destination = kUs}, fragment);
  sim.run_for(kMs);
  EXPECT_EQ(host.stack.counters.icmp_malformed, before + 7);
  EXPECT_TRUE(station.received_ipv6().empty());
}

// RFC 4861 section 7.2.5.
TEST_F(DiscoveryTest, OverrideSaysWhetherANewAddressIsBelieved) {
  ASSERT_EQ(send(), Error::kNone);
  advertise(kPeer, wire::kAdvertisedSolicited, station.mac);
  station.received();
  advertise(kPeer, wire::kAdvertisedSolicited, kOther);  // a proxy, perhaps
  ASSERT_EQ(send(), Error::kNone);
  EXPECT_EQ(sent_to(), std::vector{station.mac});
  // But it is asked before long, whether it still hears us.
  sim.run_for(6 * kSecond);
  const auto probes = station.received_icmpv6(wire::kIcmpv6NeighbourSolicitation);
  ASSERT_GE(probes.size(), 1u);
  EXPECT_EQ(wire::Ipv6View::parse(probes[0])->destination(), kPeer);
  advertise(kPeer, wire::kAdvertisedOverride, kOther);
  ASSERT_EQ(send(), Error::kNone);
  EXPECT_EQ(sent_to(), std::vector{kOther});
}

TEST_F(DiscoveryTest, UnaskedAdvertisementsTeachNothingNew) {
  station.received();
  advertise(kPeer, wire::kAdvertisedOverride, station.mac, kAllNodes);
  ASSERT_EQ(send(), Error::kNone);
  EXPECT_TRUE(sent_to().empty());
}

TEST_F(DiscoveryTest, OneWhoDoesNotAnswerIsUnreachable) {
  ASSERT_EQ(send(), Error::kNone);
  sim.run_for(10 * kSecond);
  EXPECT_EQ(station.received_icmpv6(wire::kIcmpv6NeighbourSolicitation).size(), 3u);
  ASSERT_EQ(protocol.errors.size(), 1u);
  EXPECT_EQ(protocol.errors[0].about.error, Error::kHostUnreachable);
  EXPECT_EQ(protocol.errors[0].about.remote, kPeer);
  EXPECT_EQ(protocol.errors[0].l4, pattern_bytes(30));
}

TEST_F(DiscoveryTest, AnotherStationWithOurAddressIsCounted) {
  advertise(kUs, wire::kAdvertisedOverride, station.mac, kAllNodes);
  // It has our address as its source, too: that alone is enough to be dropped.
  EXPECT_EQ(host.stack.counters.source_invalid, 1u);
  station.send_icmpv6(multicast_mac(kAllNodes), {.hop_limit = 255, .source = kPeer, .destination = kAllNodes},
                      wire::kIcmpv6NeighbourAdvertisement, 0, wire::kAdvertisedOverride,
                      discovery_body(kUs, wire::kOptionTargetLinkAddress, station.mac));
  sim.run_for(kMs);
  EXPECT_EQ(host.stack.counters.address_conflicts, 1u);
  EXPECT_TRUE(host.stack.is_local(kUs));
}

TEST_F(DiscoveryTest, CoresTellOneAnotherWhatTheyHear) {
  TestHost second(sim, options_with(0), {.mac = host.port.mac()});
  second.stack.set_protocol(kProtocol, &protocol);
  host.stack.set_neighbour_listener(
      [](void* context, uint8_t interface_index, std::span<const std::byte> packet) {
        static_cast<Stack*>(context)->hear_neighbour(interface_index, packet);
      },
      &second.stack);
  // All that comes arrives at the first queue.
  sim.wire.set_hook([&](std::span<std::byte>, unsigned, unsigned to) { return to != second.port.number(); });
  ASSERT_EQ(second.send("2001:db8::9", kProtocol, pattern_bytes(30)), Error::kNone);
  sim.run_for(kMs);
  station.received();
  sim.wire.set_hook([&](std::span<std::byte> frame, unsigned, unsigned to) {
    if (to == second.port.number()) host.port.deliver(frame);
    return to != second.port.number();
  });
  advertise(kPeer, wire::kAdvertisedSolicited | wire::kAdvertisedOverride, station.mac);
  EXPECT_EQ(sent_to(), std::vector{station.mac});
  // A question is answered by the one that received it, only.
  sim.wire.set_hook([&](std::span<std::byte>, unsigned, unsigned to) { return to != second.port.number(); });
  solicit(kPeer, kUs, true);
  EXPECT_EQ(station.received_icmpv6(wire::kIcmpv6NeighbourAdvertisement).size(), 1u);
}

// ---- duplicates --------------------------------------------------------------------------------------------------

struct DuplicateTest : DiscoveryTest {
  DuplicateTest() : DiscoveryTest(1) {}
  bool takes_packets() {
    const size_t before = protocol.packets.size();
    station.send_ipv6(host.port.mac(), {.next_header = kProtocol, .source = kPeer, .destination = kUs},
                      pattern_bytes(9));
    sim.run_for(kMs);
    return protocol.packets.size() > before;
  }
  IpAddress link_local() {
    for (const IpAddress& own : host.stack.addresses())
      if (is_link_local(own)) return own;
    return {};
  }
};

TEST_F(DuplicateTest, AddressesAreAskedForBeforeTheyAreUsed) {
  unsigned asked = 0;
  for (const Bytes& packet : station.received_icmpv6(wire::kIcmpv6NeighbourSolicitation)) {
    const auto header = *wire::Ipv6View::parse(packet);
    EXPECT_EQ(header.source(), IpAddress{});
    EXPECT_EQ(header.destination(), solicited_node(target_of(packet)));
    EXPECT_EQ(packet.size(), 64u);  // no link address
    asked += target_of(packet) == kUs || is_link_local(target_of(packet));
  }
  EXPECT_EQ(asked, 2u);
  EXPECT_FALSE(takes_packets());
  EXPECT_TRUE(host.stack.is_local(kUs));  // so that somebody may listen on it already
  solicit(kPeer, kUs, true);
  EXPECT_TRUE(station.received_icmpv6(wire::kIcmpv6NeighbourAdvertisement).empty());
  sim.run_for(kSecond);
  EXPECT_TRUE(takes_packets());
  EXPECT_EQ(host.stack.addresses().size(), 2u);
}

TEST_F(DuplicateTest, WhatIsSentInTheMeantimeWaits) {
  station.received();
  ASSERT_EQ(send(), Error::kNone);
  EXPECT_TRUE(station.received_ipv6().empty());
  sim.run_for(kSecond + 100 * kMs);
  const auto questions = station.received_icmpv6(wire::kIcmpv6NeighbourSolicitation);
  ASSERT_EQ(questions.size(), 1u);
  EXPECT_EQ(wire::Ipv6View::parse(questions[0])->source(), kUs);
  advertise(kPeer, wire::kAdvertisedSolicited | wire::kAdvertisedOverride, station.mac);
  EXPECT_EQ(sent_to(), std::vector{station.mac});
}

TEST_F(DuplicateTest, AnAddressThatSomebodyHasIsNotUsed) {
  station.send_icmpv6(multicast_mac(kAllNodes), {.hop_limit = 255, .source = kUs, .destination = kAllNodes},
                      wire::kIcmpv6NeighbourAdvertisement, 0, wire::kAdvertisedOverride,
                      discovery_body(kUs, wire::kOptionTargetLinkAddress, station.mac));
  sim.run_for(5 * kSecond);
  EXPECT_EQ(host.stack.counters.address_conflicts, 1u);
  EXPECT_FALSE(takes_packets());
  EXPECT_FALSE(host.stack.is_local(kUs));
  IpAddress local = kUs;
  Path path;
  EXPECT_EQ(host.stack.find_path(kPeer, local, path), Error::kAddressNotAvailable);
}

TEST_F(DuplicateTest, AnAddressThatSomebodyWantsAtTheSameTimeIsNotUsed) {
  solicit({}, kUs, false);
  sim.run_for(5 * kSecond);
  EXPECT_EQ(host.stack.counters.address_conflicts, 1u);
  EXPECT_FALSE(takes_packets());
}

// A wire that gives us our own frames back (RFC 7527).
TEST_F(DuplicateTest, OurOwnQuestionComeBackIsNoDuplicate) {
  TestStation mirror(sim, host.port.mac());
  mirror.send_icmpv6(multicast_mac(solicited_node(kUs)),
                     {.hop_limit = 255, .source = {}, .destination = solicited_node(kUs)},
                     wire::kIcmpv6NeighbourSolicitation, 0, 0, discovery_body(kUs));
  sim.run_for(2 * kSecond);
  EXPECT_EQ(host.stack.counters.address_conflicts, 0u);
  mirror.received();
}

// RFC 7217: stable by key, not to be told from the port's address, another one after a conflict.
TEST_F(DuplicateTest, IdentifiersComeFromTheKey) {
  sim.run_for(2 * kSecond);
  const IpAddress first = link_local();
  EXPECT_TRUE(is_link_local(first));
  TestHost same(sim, options_with(0), {.mac = host.port.mac()});
  EXPECT_TRUE(same.stack.is_local(first));
  auto options = options_with(0);
  options.stable_key = {7, 9};
  TestHost other(sim, options, {.mac = host.port.mac()});
  EXPECT_FALSE(other.stack.is_local(first));

  TestHost unlucky(sim, options_with(1), {.mac = host.port.mac()});
  sim.wire.set_hook([&](std::span<std::byte>, unsigned, unsigned) { return true; });
  const Bytes taken = discovery_body(first, wire::kOptionTargetLinkAddress, station.mac);
  Bytes frame(wire::kEthernetHeaderBytes + wire::kIpv6HeaderBytes);
  wire::emit_ethernet(frame.data(), multicast_mac(kAllNodes), station.mac, wire::kEtherTypeIpv6);
  const Bytes message = icmpv6_message(first, kAllNodes, wire::kIcmpv6NeighbourAdvertisement, 0, 0, taken);
  wire::emit_ipv6(frame.data() + 14, {.payload_bytes = static_cast<uint16_t>(message.size()),
                                      .next_header = wire::kNextIcmpv6,
                                      .hop_limit = 255,
                                      .source = first,
                                      .destination = kAllNodes});
  frame.insert(frame.end(), message.begin(), message.end());
  unlucky.port.deliver(frame);
  sim.run_for(5 * kSecond);
  EXPECT_FALSE(unlucky.stack.is_local(first));
  EXPECT_EQ(unlucky.stack.addresses().size(), 2u);
}

// ---- groups ------------------------------------------------------------------------------------------------------

// RFC 3810: the records of the reports that came since the last look, as type and group.
std::vector<std::pair<unsigned, IpAddress>> reports(TestStation& station) {
  std::vector<std::pair<unsigned, IpAddress>> all;
  for (const Bytes& packet : station.received_ipv6()) {
    const auto header = *wire::Ipv6View::parse(packet);
    if (header.next_header() != wire::kNextHopByHop) continue;
    EXPECT_EQ(header.destination(), kAllMldRouters);
    EXPECT_EQ(header.hop_limit(), 1);
    EXPECT_EQ(wire::load_32(&packet[40]), 0x3a000502u);  // a router alert
    const auto message = std::span(packet).subspan(48);
    const auto length = static_cast<uint32_t>(message.size());
    const auto sum = wire::pseudo_header_sum(header.source(), header.destination(), 58, length);
    EXPECT_EQ(wire::checksum_finish(wire::checksum_add(sum, message.data(), length)), 0);
    EXPECT_EQ(wire::load_8(message.data()), wire::kIcmpv6MulticastListenerReport2);
    for (unsigned i = 0; i < wire::load_16(&message[6]); ++i) {
      IpAddress group;
      std::memcpy(group.bytes.data(), &message[8 + 20 * i + 4], 16);
      all.emplace_back(wire::load_8(&message[8 + 20 * i]), group);
    }
  }
  return all;
}

TEST_F(DuplicateTest, GroupsAreReported) {
  const auto count = [](const auto& all, unsigned type, const IpAddress& group) {
    return std::count(all.begin(), all.end(), std::pair(type, group));
  };
  sim.run_for(3 * kSecond);
  auto told = reports(station);
  EXPECT_EQ(count(told, 4, solicited_node(kUs)), 2);
  EXPECT_EQ(count(told, 4, solicited_node(link_local())), 2);
  station.send_icmpv6(multicast_mac(kAllNodes),
                      {.hop_limit = 1, .source = ip_address("fe80::9"), .destination = kAllNodes},
                      wire::kIcmpv6MulticastListenerQuery, 0, 1000u << 16, Bytes(20));
  sim.run_for(1100 * kMs);
  told = reports(station);
  EXPECT_EQ(told.size(), 2u);
  EXPECT_EQ(count(told, 2, solicited_node(kUs)), 1);
  // From another link.
  station.send_icmpv6(multicast_mac(kAllNodes), {.hop_limit = 1, .source = kPeer, .destination = kAllNodes},
                      wire::kIcmpv6MulticastListenerQuery, 0, 1000u << 16, Bytes(20));
  sim.run_for(2 * kSecond);
  EXPECT_TRUE(reports(station).empty());
}

}  // namespace
}  // namespace sluice::ip
