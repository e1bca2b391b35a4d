// SPDX-License-Identifier: Apache-2.0
// The neighbour cache and ARP, seen from the wire.
#include "dataplane/ip/neighbour.hh"

#include <gtest/gtest.h>

#include "dataplane/ip/test_host.hh"

namespace sluice::ip {
namespace {

constexpr uint64_t kMs = kNanosecondsPerMillisecond, kSecond = kNanosecondsPerSecond;

struct NeighbourTest : testing::Test {
  simulation::Simulation sim{3};
  TestStation station{sim};
  TestHost host{sim, "192.0.2.1"};
  RecordingProtocol protocol;

  NeighbourTest() {
    host.stack.set_protocol(99, &protocol);
    sim.run_for(kMs);
    station.received();  // the announcement
  }
  ~NeighbourTest() override { host.stack.set_protocol(99, nullptr); }
  void TearDown() override {
    sim.run_for(60 * kSecond);
    station.received();
    EXPECT_EQ(host.port.pool().outstanding(), 0u);
  }

  void reply(const std::string& address, const MacAddress& mac) {
    station.send_arp(host.port.mac(), {.operation = wire::kArpReply,
                                       .sender_mac = mac,
                                       .target_mac = host.port.mac(),
                                       .sender_ip = v4(address),
                                       .target_ip = v4("192.0.2.1")});
    sim.run_for(kMs);
  }
  // Makes 192.0.2.9 known and reachable as the station.
  void resolve() {
    ASSERT_EQ(host.send("192.0.2.9", 99, pattern_bytes(30)), Error::kNone);
    sim.run_for(kMs);
    reply("192.0.2.9", station.mac);
    ASSERT_EQ(station.received(wire::kEtherTypeIpv4).size(), 1u);
  }
};

TEST_F(NeighbourTest, AnnouncesItsAddressWhenItComesUp) {
  TestHost other(sim, "192.0.2.2");
  sim.run_for(kMs);
  const auto arps = station.received_arp();
  ASSERT_EQ(arps.size(), 1u);
  EXPECT_EQ(arps[0].sender_ip, v4("192.0.2.2"));
  EXPECT_EQ(arps[0].target_ip, v4("192.0.2.2"));
  EXPECT_EQ(arps[0].sender_mac, other.port.mac());
}

TEST_F(NeighbourTest, AsksHoldsThePacketAndSendsItWhenAnswered) {
  const Bytes l4 = pattern_bytes(30);
  ASSERT_EQ(host.send("192.0.2.9", 99, l4), Error::kNone);
  sim.run_for(kMs);
  auto frames = station.received();
  ASSERT_EQ(frames.size(), 1u);
  const auto question = wire::parse_arp(std::span(frames[0]).subspan(14));
  ASSERT_TRUE(question);
  EXPECT_EQ(wire::EthernetView::parse(frames[0])->destination(), wire::kBroadcastMac);
  EXPECT_EQ(question->operation, wire::kArpRequest);
  EXPECT_EQ(question->sender_ip, v4("192.0.2.1"));
  EXPECT_EQ(question->target_ip, v4("192.0.2.9"));
  reply("192.0.2.9", station.mac);
  frames = station.received(wire::kEtherTypeIpv4);
  ASSERT_EQ(frames.size(), 1u);
  const auto ethernet = wire::EthernetView::parse(frames[0]);
  EXPECT_EQ(ethernet->destination(), station.mac);
  EXPECT_EQ(ethernet->source(), host.port.mac());
  EXPECT_EQ(Bytes(frames[0].begin() + 34, frames[0].end()), l4);
  // Known now: no question before the next packet.
  ASSERT_EQ(host.send("192.0.2.9", 99, l4), Error::kNone);
  sim.run_for(kMs);
  EXPECT_EQ(station.received().size(), 1u);
}

TEST_F(NeighbourTest, AsksThreeTimesThenTellsTheSender) {
  ASSERT_EQ(host.send("192.0.2.9", 99, pattern_bytes(30)), Error::kNone);
  sim.run_for(20 * kSecond);
  EXPECT_EQ(station.received_arp().size(), 3u);
  EXPECT_EQ(host.stack.counters.neighbour_failed, 1u);
  ASSERT_EQ(protocol.errors.size(), 1u);
  EXPECT_EQ(protocol.errors[0].about.error, Error::kHostUnreachable);
  EXPECT_FALSE(protocol.errors[0].about.hard);
  EXPECT_EQ(protocol.errors[0].about.remote, ip_address("192.0.2.9"));
  EXPECT_EQ(protocol.errors[0].l4, pattern_bytes(30));
  // Later it is asked again.
  ASSERT_EQ(host.send("192.0.2.9", 99, pattern_bytes(30)), Error::kNone);
  sim.run_for(kMs);
  EXPECT_EQ(station.received_arp().size(), 1u);
  reply("192.0.2.9", station.mac);
  EXPECT_EQ(station.received(wire::kEtherTypeIpv4).size(), 1u);
}

TEST_F(NeighbourTest, RefusesForAWhileAfterFailing) {
  ASSERT_EQ(host.send("192.0.2.9", 99, pattern_bytes(30)), Error::kNone);
  ASSERT_TRUE(sim.run_until([&] { return host.stack.counters.neighbour_failed == 1; }));
  EXPECT_EQ(host.send("192.0.2.9", 99, pattern_bytes(30)), Error::kHostUnreachable);
}

TEST_F(NeighbourTest, QuestionsAreAtLeastASecondApart) {
  std::vector<uint64_t> asked_ns;
  sim.wire.set_hook([&](std::span<std::byte> frame, unsigned, unsigned) {
    if (wire::EthernetView::parse(frame)->ether_type() == wire::kEtherTypeArp)
      asked_ns.push_back(sim.now_ns());
    return true;
  });
  for (int i = 0; i < 40; ++i) {
    host.send("192.0.2.9", 99, pattern_bytes(30));
    sim.run_for(100 * kMs);
  }
  ASSERT_GE(asked_ns.size(), 3u);
  for (size_t i = 1; i < asked_ns.size(); ++i) EXPECT_GE(asked_ns[i] - asked_ns[i - 1], kSecond);
}

TEST_F(NeighbourTest, HoldsEightPacketsTheLatest) {
  for (unsigned i = 0; i < 11; ++i) ASSERT_EQ(host.send("192.0.2.9", 99, pattern_bytes(30, i)), Error::kNone);
  EXPECT_EQ(host.stack.counters.neighbour_queue_dropped, 3u);
  sim.run_for(kMs);
  reply("192.0.2.9", station.mac);
  const auto packets = station.received_ipv4();
  ASSERT_EQ(packets.size(), 8u);
  for (unsigned i = 0; i < 8; ++i)
    EXPECT_EQ(Bytes(packets[i].begin() + 20, packets[i].end()), pattern_bytes(30, i + 3));
}

TEST_F(NeighbourTest, OldEntryIsUsedThenProbedByUnicast) {
  resolve();
  sim.run_for(40 * kSecond);  // reachable time has passed
  station.received();
  ASSERT_EQ(host.send("192.0.2.9", 99, pattern_bytes(30)), Error::kNone);
  sim.run_for(kMs);
  EXPECT_EQ(station.received(wire::kEtherTypeIpv4).size(), 1u);  // at once
  sim.run_for(5 * kSecond + 100 * kMs);
  const auto frames = station.received(wire::kEtherTypeArp);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(wire::EthernetView::parse(frames[0])->destination(), station.mac);
  reply("192.0.2.9", station.mac);
  sim.run_for(10 * kSecond);
  EXPECT_TRUE(station.received_arp().empty());
}

TEST_F(NeighbourTest, ConfirmationFromAboveSparesTheProbe) {
  resolve();
  IpAddress local;
  Path path;
  ASSERT_EQ(host.stack.find_path(ip_address("192.0.2.9"), local, path), Error::kNone);
  for (int i = 0; i < 10; ++i) {
    sim.run_for(20 * kSecond);
    host.send("192.0.2.9", 99, pattern_bytes(30));
    host.stack.confirm_neighbour(path);
  }
  EXPECT_TRUE(station.received_arp().empty());
}

TEST_F(NeighbourTest, SilentNeighbourIsSoughtByBroadcastAndFoundElsewhere) {
  resolve();
  sim.run_for(40 * kSecond);
  host.send("192.0.2.9", 99, pattern_bytes(30));
  sim.run_for(9 * kSecond);  // delay, three probes, then to all
  const auto frames = station.received(wire::kEtherTypeArp);
  ASSERT_GE(frames.size(), 4u);
  EXPECT_EQ(wire::EthernetView::parse(frames[2])->destination(), station.mac);
  EXPECT_EQ(wire::EthernetView::parse(frames[3])->destination(), wire::kBroadcastMac);
  const MacAddress moved{{2, 0xbb, 0, 0, 0, 9}};
  ASSERT_EQ(host.send("192.0.2.9", 99, pattern_bytes(30)), Error::kNone);
  reply("192.0.2.9", moved);
  const auto packets = station.received(wire::kEtherTypeIpv4);
  ASSERT_EQ(packets.size(), 1u);
  EXPECT_EQ(wire::EthernetView::parse(packets[0])->destination(), moved);
}

TEST_F(NeighbourTest, AnswersQuestionsAboutItselfOnly) {
  const wire::ArpFields question{.operation = wire::kArpRequest,
                                 .sender_mac = station.mac,
                                 .sender_ip = v4("192.0.2.9"),
                                 .target_ip = v4("192.0.2.1")};
  station.send_arp(wire::kBroadcastMac, question);
  sim.run_for(kMs);
  auto arps = station.received_arp();
  ASSERT_EQ(arps.size(), 1u);
  EXPECT_EQ(arps[0].operation, wire::kArpReply);
  EXPECT_EQ(arps[0].sender_mac, host.port.mac());
  EXPECT_EQ(arps[0].sender_ip, v4("192.0.2.1"));
  EXPECT_EQ(arps[0].target_mac, station.mac);
  EXPECT_EQ(arps[0].target_ip, v4("192.0.2.9"));
  // Who asked is known now.
  ASSERT_EQ(host.send("192.0.2.9", 99, pattern_bytes(30)), Error::kNone);
  sim.run_for(kMs);
  EXPECT_EQ(station.received(wire::kEtherTypeIpv4).size(), 1u);

  auto other = question;
  other.target_ip = v4("192.0.2.2");
  station.send_arp(wire::kBroadcastMac, other);
  sim.run_for(kMs);
  EXPECT_TRUE(station.received_arp().empty());
}

TEST_F(NeighbourTest, AnswersAProbeWithoutLearningFromIt) {
  station.send_arp(wire::kBroadcastMac,
                   {.operation = wire::kArpRequest, .sender_mac = station.mac, .target_ip = v4("192.0.2.1")});
  sim.run_for(kMs);
  EXPECT_EQ(station.received_arp().size(), 1u);
}

TEST_F(NeighbourTest, LearnsNothingFromRepliesNobodyAskedFor) {
  reply("192.0.2.50", station.mac);
  ASSERT_EQ(host.send("192.0.2.50", 99, pattern_bytes(30)), Error::kNone);
  sim.run_for(kMs);
  EXPECT_EQ(station.received_arp().size(), 1u);  // still has to ask
}

TEST_F(NeighbourTest, GratuitousArpMovesAKnownNeighbour) {
  resolve();
  const MacAddress moved{{2, 0xbb, 0, 0, 0, 9}};
  station.send_arp(wire::kBroadcastMac, {.operation = wire::kArpRequest,
                                         .sender_mac = moved,
                                         .sender_ip = v4("192.0.2.9"),
                                         .target_ip = v4("192.0.2.9")});
  sim.run_for(kMs);
  host.send("192.0.2.9", 99, pattern_bytes(30));
  sim.run_for(kMs);
  const auto packets = station.received(wire::kEtherTypeIpv4);
  ASSERT_EQ(packets.size(), 1u);
  EXPECT_EQ(wire::EthernetView::parse(packets[0])->destination(), moved);
}

TEST_F(NeighbourTest, ConflictIsCountedAndDefendedOnceInAWhile) {
  for (int i = 0; i < 5; ++i) {
    station.send_arp(wire::kBroadcastMac, {.operation = wire::kArpRequest,
                                           .sender_mac = station.mac,
                                           .sender_ip = v4("192.0.2.1"),
                                           .target_ip = v4("192.0.2.1")});
    sim.run_for(kSecond);
  }
  EXPECT_EQ(host.stack.counters.address_conflicts, 5u);
  const auto arps = station.received_arp();
  ASSERT_EQ(arps.size(), 1u);
  EXPECT_EQ(arps[0].sender_ip, v4("192.0.2.1"));
}

TEST_F(NeighbourTest, MalformedArpIsCounted) {
  const uint64_t before = host.stack.counters.malformed;
  station.send(wire::kBroadcastMac, wire::kEtherTypeArp, pattern_bytes(28));
  station.send_arp(wire::kBroadcastMac, {.operation = 7,
                                         .sender_mac = station.mac,
                                         .sender_ip = v4("192.0.2.9"),
                                         .target_ip = v4("192.0.2.1")});
  station.send_arp(wire::kBroadcastMac, {.operation = wire::kArpReply,
                                         .sender_mac = wire::kBroadcastMac,
                                         .sender_ip = v4("192.0.2.9"),
                                         .target_ip = v4("192.0.2.1")});
  sim.run_for(kMs);
  EXPECT_EQ(host.stack.counters.malformed, before + 3);
  EXPECT_TRUE(station.received_arp().empty());
}

// Two cores on one port: the second one's question is answered to the first one's queue.
TEST_F(NeighbourTest, CoresTellOneAnotherWhatTheyHear) {
  TestHost second(sim, "192.0.2.1", {.mac = host.port.mac()});
  host.stack.set_neighbour_listener(
      [](void* context, uint8_t interface_index, std::span<const std::byte> arp) {
        static_cast<Stack*>(context)->hear_neighbour(interface_index, arp);
      },
      &second.stack);
  // All that is sent to the common address arrives at the first queue.
  sim.wire.set_hook([&](std::span<std::byte>, unsigned, unsigned to) { return to != second.port.number(); });
  ASSERT_EQ(second.send("192.0.2.9", 99, pattern_bytes(30)), Error::kNone);
  sim.run_for(kMs);
  station.received();
  sim.wire.set_hook([&](std::span<std::byte> frame, unsigned, unsigned to) {
    if (to == second.port.number()) host.port.deliver(frame);
    return to != second.port.number();
  });
  reply("192.0.2.9", station.mac);
  EXPECT_EQ(station.received_ipv4().size(), 1u);
  // A question for us is answered by the one that received it only, and teaches both.
  station.send_arp(host.port.mac(), {.operation = wire::kArpRequest,
                                     .sender_mac = station.mac,
                                     .sender_ip = v4("192.0.2.8"),
                                     .target_ip = v4("192.0.2.1")});
  sim.run_for(kMs);
  EXPECT_EQ(station.received_arp().size(), 1u);
  ASSERT_EQ(second.send("192.0.2.8", 99, pattern_bytes(30)), Error::kNone);
  sim.run_for(kMs);
  EXPECT_EQ(station.received_arp().size(), 0u);
}

TEST_F(NeighbourTest, OffLinkTrafficGoesToTheGateway) {
  ASSERT_EQ(host.stack.add_route({}, 0, ip_address("192.0.2.254")), Error::kNone);
  ASSERT_EQ(host.send("203.0.113.7", 99, pattern_bytes(30)), Error::kNone);
  sim.run_for(kMs);
  const auto arps = station.received_arp();
  ASSERT_EQ(arps.size(), 1u);
  EXPECT_EQ(arps[0].target_ip, v4("192.0.2.254"));
  reply("192.0.2.254", station.mac);
  const auto packets = station.received_ipv4();
  ASSERT_EQ(packets.size(), 1u);
  EXPECT_EQ(wire::Ipv4View::parse(packets[0])->destination(), v4("203.0.113.7"));
}

TEST_F(NeighbourTest, TableIsBoundedAndStalePathsDoNotGoAstray) {
  TestHost wide(sim, "10.0.0.1", {}, 8);
  wide.stack.set_protocol(99, &protocol);
  IpAddress local;
  Path first;
  ASSERT_EQ(wide.stack.find_path(ip_address("10.1.0.0"), local, first), Error::kNone);
  for (uint32_t i = 1; i < 3 * NeighbourCache::kLimit; ++i) {
    Path path;
    ASSERT_EQ(wide.stack.find_path(IpAddress::v4(v4("10.1.0.0") + i), local, path), Error::kNone);
    ASSERT_TRUE(wide.stack.path_is_current(path));
    if (i % 16 == 0) sim.clock.advance_by(kMs);
  }
  EXPECT_EQ(wide.stack.counters.neighbour_table_full, 2 * NeighbourCache::kLimit);
  // The first entry is long gone, but a packet on the old path still asks for the right neighbour.
  EXPECT_FALSE(wide.stack.path_is_current(first));
  Buffer* packet = wide.stack.pool().allocate();
  packet->append(20);
  station.received();
  ASSERT_EQ(wide.stack.send(first, {.source = local, .destination = ip_address("10.1.0.0"), .protocol = 99},
                            packet),
            Error::kNone);
  sim.run_for(10 * kMs);
  bool asked = false;
  for (const auto& arp : station.received_arp()) asked |= arp.target_ip == v4("10.1.0.0");
  EXPECT_TRUE(asked);
  sim.run_for(60 * kSecond);
  EXPECT_EQ(wide.port.pool().outstanding(), 0u);
}

}  // namespace
}  // namespace sluice::ip
