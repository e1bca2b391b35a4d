// SPDX-License-Identifier: Apache-2.0
// IPv4 input and output, seen from the wire: what gets up, what is dropped and counted, what goes out and how.
#include <gtest/gtest.h>

#include "dataplane/ip/test_host.hh"

namespace sluice::ip {
namespace {

constexpr uint64_t kMs = kNanosecondsPerMillisecond, kSecond = kNanosecondsPerSecond;

struct Ipv4Test : testing::Test {
  explicit Ipv4Test(const simulation::SimulatedPortOptions& options = {}) : host(sim, "192.0.2.1", options) {
    host.stack.set_protocol(99, &protocol);
    host.stack.set_protocol(kProtocolTcp, &protocol);
    sim.run_for(kMs);
    station.received();
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
  wire::Ipv4Fields from_station() const {
    return {.hop_limit = 60, .protocol = 99, .source = v4("192.0.2.9"), .destination = v4("192.0.2.1")};
  }
  void introduce_station() {
    station.send_arp(wire::kBroadcastMac, {.operation = wire::kArpRequest,
                                           .sender_mac = station.mac,
                                           .sender_ip = v4("192.0.2.9"),
                                           .target_ip = v4("192.0.2.1")});
    sim.run_for(kMs);
    station.received();
  }
};

TEST_F(Ipv4Test, PacketGetsUpWithoutItsPadding) {
  auto fields = from_station();
  fields.traffic_class = 0x2d;
  station.send_ipv4(host.port.mac(), fields, pattern_bytes(10));  // the frame is padded to 60
  sim.run_for(kMs);
  ASSERT_EQ(protocol.packets.size(), 1u);
  const auto& [about, l4, first] = protocol.packets[0];
  EXPECT_EQ(l4, pattern_bytes(10));
  EXPECT_EQ(about.source, ip_address("192.0.2.9"));
  EXPECT_EQ(about.destination, ip_address("192.0.2.1"));
  EXPECT_EQ(about.protocol, 99);
  EXPECT_EQ(about.hop_limit, 60);
  EXPECT_EQ(about.traffic_class, 0x2d);
  EXPECT_FALSE(about.l4_checksum_verified);
  EXPECT_FALSE(about.broadcast);
  EXPECT_EQ(about.network_header_bytes, 20);
}

TEST_F(Ipv4Test, PriorityTagIsSeenThroughOtherVlansAreNotOurs) {
  for (const int vlan : {0xe000, 0x0005}) {
    Bytes payload(4);
    wire::store_16(payload.data(), static_cast<uint16_t>(vlan));
    wire::store_16(payload.data() + 2, wire::kEtherTypeIpv4);
    wire::Ipv4Fields fields = from_station();
    fields.total_bytes = 28;
    payload.resize(4 + 28);
    wire::emit_ipv4(payload.data() + 4, fields);
    wire::set_ipv4_checksum(payload.data() + 4, fields);
    station.send(host.port.mac(), wire::kEtherTypeVlan, payload);
  }
  sim.run_for(kMs);
  EXPECT_EQ(protocol.packets.size(), 1u);
  EXPECT_EQ(host.stack.counters.not_for_us, 1u);
}

TEST_F(Ipv4Test, DropsByCause) {
  using Counter = uint64_t Stack::Counters::*;
  struct Case {
    const char* name;
    void (*spoil)(wire::Ipv4Fields& fields);
    Counter counter;
  };
  const Case cases[] = {
      {"other host", [](auto& f) { f.destination = v4("192.0.2.2"); }, &Stack::Counters::not_for_us},
      {"multicast", [](auto& f) { f.destination = v4("224.0.0.1"); }, &Stack::Counters::not_for_us},
      {"from 0.0.0.0", [](auto& f) { f.source = 0; }, &Stack::Counters::source_invalid},
      {"from loopback", [](auto& f) { f.source = v4("127.0.0.1"); }, &Stack::Counters::source_invalid},
      {"from multicast", [](auto& f) { f.source = v4("224.1.2.3"); }, &Stack::Counters::source_invalid},
      {"from 255.255.255.255", [](auto& f) { f.source = 0xffffffff; }, &Stack::Counters::source_invalid},
      {"from the directed broadcast", [](auto& f) { f.source = v4("192.0.2.255"); },
       &Stack::Counters::source_invalid},
      {"from ourselves", [](auto& f) { f.source = v4("192.0.2.1"); }, &Stack::Counters::source_invalid},
      {"unknown protocol", [](auto& f) { f.protocol = 200; }, &Stack::Counters::unknown_protocol},
      {"TCP to all", [](auto& f) { f.destination = v4("192.0.2.255"), f.protocol = 6; },
       &Stack::Counters::not_for_us},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.name);
    const uint64_t before = host.stack.counters.*each.counter;
    auto fields = from_station();
    each.spoil(fields);
    station.send_ipv4(host.port.mac(), fields, pattern_bytes(40));
    sim.run_for(kMs);
    EXPECT_EQ(host.stack.counters.*each.counter, before + 1);
  }
  EXPECT_TRUE(protocol.packets.empty());
}

TEST_F(Ipv4Test, MalformedFramesAreCounted) {
  using Counter = uint64_t Stack::Counters::*;
  struct Case {
    const char* name;
    void (*spoil)(Bytes& packet);
    Counter counter;
  };
  const Case cases[] = {
      {"checksum", [](Bytes& p) { p[10] ^= std::byte{1}; }, &Stack::Counters::bad_checksum},
      {"a bit flipped", [](Bytes& p) { p[15] ^= std::byte{4}; }, &Stack::Counters::bad_checksum},
      {"version", [](Bytes& p) { p[0] = std::byte{0x55}; }, &Stack::Counters::malformed},
      {"header length", [](Bytes& p) { p[0] = std::byte{0x44}; }, &Stack::Counters::malformed},
      {"longer than the frame", [](Bytes& p) { p[2] = std::byte{1}; }, &Stack::Counters::malformed},
      {"shorter than its header", [](Bytes& p) { p[3] = std::byte{19}; }, &Stack::Counters::malformed},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.name);
    const uint64_t before = host.stack.counters.*each.counter;
    auto fields = from_station();
    fields.total_bytes = 80;
    Bytes packet(80);
    wire::emit_ipv4(packet.data(), fields);
    wire::set_ipv4_checksum(packet.data(), fields);
    each.spoil(packet);
    station.send(host.port.mac(), wire::kEtherTypeIpv4, packet);
    sim.run_for(kMs);
    EXPECT_EQ(host.stack.counters.*each.counter, before + 1);
  }
  station.port.inject(Bytes(13));  // the wire itself takes nothing so short
  EXPECT_TRUE(protocol.packets.empty());
  const uint64_t before = host.stack.counters.unknown_ethertype;
  station.send(host.port.mac(), wire::kEtherTypeIpv6, pattern_bytes(60));
  station.send(host.port.mac(), 0x88cc, pattern_bytes(60));
  sim.run_for(kMs);
  EXPECT_EQ(host.stack.counters.unknown_ethertype, before + 2);
}

TEST_F(Ipv4Test, FramesForOtherStationsAreNotOurs) {
  // The wire floods what it does not know.
  station.send_ipv4({{2, 9, 9, 9, 9, 9}}, from_station(), pattern_bytes(40));
  // To all on the link, but to one address (RFC 1122 section 3.3.6).
  station.send_ipv4(wire::kBroadcastMac, from_station(), pattern_bytes(40));
  sim.run_for(kMs);
  EXPECT_EQ(host.stack.counters.not_for_us, 2u);
  EXPECT_TRUE(protocol.packets.empty());
}

TEST_F(Ipv4Test, BroadcastGetsUpAndSaysSo) {
  auto fields = from_station();
  for (const char* to : {"192.0.2.255", "255.255.255.255"}) {
    fields.destination = v4(to);
    station.send_ipv4(wire::kBroadcastMac, fields, pattern_bytes(40));
  }
  sim.run_for(kMs);
  ASSERT_EQ(protocol.packets.size(), 2u);
  EXPECT_TRUE(protocol.packets[0].about.broadcast);
  EXPECT_TRUE(protocol.packets[1].about.broadcast);
}

TEST_F(Ipv4Test, OptionsAreSkippedButNotSourceRoutes) {
  const auto send = [&](std::initializer_list<int> options) {
    Bytes packet(20);
    auto fields = from_station();
    fields.total_bytes = static_cast<uint16_t>(20 + options.size() + 30);
    wire::emit_ipv4(packet.data(), fields);
    packet[0] = static_cast<std::byte>(0x45 + options.size() / 4);
    for (const int each : options) packet.push_back(static_cast<std::byte>(each));
    wire::store_16(packet.data() + 10,
                   wire::checksum_finish(wire::checksum_add(0, packet.data(), packet.size())));
    const Bytes l4 = pattern_bytes(30);
    packet.insert(packet.end(), l4.begin(), l4.end());
    station.send(host.port.mac(), wire::kEtherTypeIpv4, packet);
    sim.run_for(kMs);
  };
  send({1, 1, 1, 0});
  send({148, 4, 0, 0});  // router alert
  ASSERT_EQ(protocol.packets.size(), 2u);
  EXPECT_EQ(protocol.packets[0].l4, pattern_bytes(30));
  EXPECT_EQ(protocol.packets[1].about.network_header_bytes, 24);
  send({131, 7, 4, 10, 0, 0, 1, 0});
  send({137, 7, 4, 10, 0, 0, 1, 0});
  EXPECT_EQ(host.stack.counters.source_routed, 2u);
  const uint64_t before = host.stack.counters.malformed;
  send({7, 1, 0, 0});
  send({7, 9, 0, 0});
  EXPECT_EQ(host.stack.counters.malformed, before + 2);
  EXPECT_EQ(protocol.packets.size(), 2u);
}

TEST_F(Ipv4Test, FragmentsAreReassembledInAnyOrder) {
  const Bytes whole = pattern_bytes(3000);
  auto fields = from_station();
  fields.identification = 77;
  struct Piece {
    uint32_t offset, length;
    bool more;
  };
  for (const Piece& piece : {Piece{2048, 952, false}, Piece{0, 1024, true}, Piece{1024, 1024, true}}) {
    fields.fragment_word =
        static_cast<uint16_t>(piece.offset / 8 | (piece.more ? wire::kIpv4MoreFragments : 0));
    station.send_ipv4(host.port.mac(), fields,
                      Bytes(whole.begin() + piece.offset, whole.begin() + piece.offset + piece.length));
  }
  sim.run_for(kMs);
  ASSERT_EQ(protocol.packets.size(), 1u);
  EXPECT_EQ(protocol.packets[0].l4, whole);
  EXPECT_EQ(host.stack.counters.reassembled, 1u);
  EXPECT_EQ(host.stack.counters.fragments_received, 3u);
}

TEST_F(Ipv4Test, TinyFirstFragmentIsPulledTogether) {
  const Bytes whole = pattern_bytes(80);
  auto fields = from_station();
  fields.identification = 78;
  for (uint32_t offset = 0; offset < 80; offset += 8) {
    fields.fragment_word =
        static_cast<uint16_t>(offset / 8 | (offset + 8 < 80 ? wire::kIpv4MoreFragments : 0));
    station.send_ipv4(host.port.mac(), fields, Bytes(whole.begin() + offset, whole.begin() + offset + 8));
  }
  sim.run_for(kMs);
  ASSERT_EQ(protocol.packets.size(), 1u);
  EXPECT_EQ(protocol.packets[0].l4, whole);
  EXPECT_GE(protocol.packets[0].first_segment_bytes, 60u);
}

TEST_F(Ipv4Test, ReassemblyThatTimesOutIsReported) {
  introduce_station();
  auto fields = from_station();
  fields.fragment_word = wire::kIpv4MoreFragments;
  fields.identification = 1;
  station.send_ipv4(host.port.mac(), fields, pattern_bytes(64));
  fields.identification = 2;
  fields.fragment_word = wire::kIpv4MoreFragments | 8;  // not the first: nothing to quote
  station.send_ipv4(host.port.mac(), fields, pattern_bytes(64));
  sim.run_for(29 * kSecond);
  EXPECT_EQ(host.stack.counters.reassembly_timed_out, 0u);
  sim.run_for(2 * kSecond);
  EXPECT_EQ(host.stack.counters.reassembly_timed_out, 2u);
  const auto packets = station.received_ipv4();
  ASSERT_EQ(packets.size(), 1u);
  const auto icmp = wire::IcmpView::parse(std::span(packets[0]).subspan(20));
  EXPECT_EQ(icmp->type(), wire::kIcmpTimeExceeded);
  EXPECT_EQ(icmp->code(), wire::kIcmpReassemblyTimeExceeded);
  const auto quoted = wire::Ipv4View::parse(std::span(packets[0]).subspan(28));
  ASSERT_TRUE(quoted);
  EXPECT_EQ(quoted->identification(), 1);
}

TEST_F(Ipv4Test, OutputIsWhatWasAskedFor) {
  introduce_station();
  IpAddress source;
  Path path;
  ASSERT_EQ(host.stack.find_path(ip_address("192.0.2.9"), source, path), Error::kNone);
  for (const bool may_fragment : {false, true}) {
    Buffer* packet = host.stack.pool(path).allocate();
    const Bytes l4 = pattern_bytes(33);
    packet->append(l4.data(), 33);
    ASSERT_EQ(host.stack.send(path,
                              {.source = source,
                               .destination = ip_address("192.0.2.9"),
                               .protocol = 99,
                               .hop_limit = 17,
                               .traffic_class = 0x12,
                               .may_fragment = may_fragment},
                              packet),
              Error::kNone);
    sim.run_for(kMs);
    const auto packets = station.received_ipv4();
    ASSERT_EQ(packets.size(), 1u);
    const auto header = wire::Ipv4View::parse(packets[0]);
    EXPECT_EQ(header->header_bytes(), 20u);
    EXPECT_EQ(header->total_bytes(), 53);
    EXPECT_EQ(header->hop_limit(), 17);
    EXPECT_EQ(header->traffic_class(), 0x12);
    EXPECT_EQ(header->protocol(), 99);
    EXPECT_EQ(header->source(), v4("192.0.2.1"));
    EXPECT_EQ(header->destination(), v4("192.0.2.9"));
    EXPECT_EQ(header->dont_fragment(), !may_fragment);
    EXPECT_EQ(Bytes(packets[0].begin() + 20, packets[0].end()), l4);
  }
}

TEST_F(Ipv4Test, ChainIsMadeFlatForAPortThatCannotScatter) {
  introduce_station();
  const Bytes l4 = pattern_bytes(1480);
  IpAddress source;
  Path path;
  ASSERT_EQ(host.stack.find_path(ip_address("192.0.2.9"), source, path), Error::kNone);
  Buffer *head = nullptr, *tail = nullptr;
  for (int i = 0; i < 4; ++i) {
    Buffer* piece = host.stack.pool(path).allocate();
    piece->append(l4.data() + 370 * i, 370);
    (tail ? tail->next_segment : head) = piece;
    tail = piece;
  }
  ASSERT_EQ(
      host.stack.send(path, {.source = source, .destination = ip_address("192.0.2.9"), .protocol = 99}, head),
      Error::kNone);
  sim.run_for(kMs);
  const auto packets = station.received_ipv4();
  ASSERT_EQ(packets.size(), 1u);
  EXPECT_EQ(Bytes(packets[0].begin() + 20, packets[0].end()), l4);
}

TEST_F(Ipv4Test, TooLongIsRefusedOrFragmented) {
  introduce_station();
  EXPECT_EQ(host.send("192.0.2.9", 99, pattern_bytes(1481), false), Error::kMessageTooLong);
  for (const size_t length : {1481u, 4000u, 2960u, 10'000u}) {
    const Bytes l4 = pattern_bytes(length);
    ASSERT_EQ(host.send("192.0.2.9", 99, l4, true), Error::kNone);
    sim.run_for(kMs);
    Bytes whole;
    const auto packets = station.received_ipv4();
    EXPECT_EQ(packets.size(), (length + 1479) / 1480);
    uint16_t identification = 0;
    for (size_t i = 0; i < packets.size(); ++i) {
      const auto header = wire::Ipv4View::parse(packets[i]);
      EXPECT_EQ(header->fragment_offset_bytes(), whole.size());
      EXPECT_EQ(header->more_fragments(), i + 1 < packets.size());
      EXPECT_FALSE(header->dont_fragment());
      if (i == 0) identification = header->identification();
      EXPECT_EQ(header->identification(), identification);
      whole.insert(whole.end(), packets[i].begin() + 20, packets[i].end());
    }
    EXPECT_EQ(whole, l4);
  }
  EXPECT_EQ(host.send("192.0.2.9", 99, pattern_bytes(65'516), true), Error::kMessageTooLong);
}

TEST_F(Ipv4Test, PacketsToOurselvesComeBackNextTurn) {
  ASSERT_EQ(host.send("192.0.2.1", 99, pattern_bytes(1000)), Error::kNone);
  EXPECT_TRUE(protocol.packets.empty());
  EXPECT_TRUE(host.stack.has_pending());
  sim.run_for(kMs);
  ASSERT_EQ(protocol.packets.size(), 1u);
  EXPECT_EQ(protocol.packets[0].l4, pattern_bytes(1000));
  EXPECT_EQ(protocol.packets[0].about.source, ip_address("192.0.2.1"));
  EXPECT_TRUE(protocol.packets[0].about.l4_checksum_verified);
  EXPECT_TRUE(station.received().empty());
  EXPECT_FALSE(host.stack.has_pending());
}

TEST_F(Ipv4Test, BroadcastAndMulticastGoToGroupAddresses) {
  ASSERT_EQ(host.send("255.255.255.255", 99, pattern_bytes(30)), Error::kNone);
  ASSERT_EQ(host.send("192.0.2.255", 99, pattern_bytes(30)), Error::kNone);
  ASSERT_EQ(host.send("239.129.2.3", 99, pattern_bytes(30)), Error::kNone);
  sim.run_for(kMs);
  const auto frames = station.received(wire::kEtherTypeIpv4);
  ASSERT_EQ(frames.size(), 3u);
  EXPECT_EQ(wire::EthernetView::parse(frames[0])->destination(), wire::kBroadcastMac);
  EXPECT_EQ(wire::EthernetView::parse(frames[1])->destination(), wire::kBroadcastMac);
  EXPECT_EQ(wire::EthernetView::parse(frames[2])->destination(), (MacAddress{{1, 0, 0x5e, 1, 2, 3}}));
}

struct SlowPortTest : Ipv4Test {
  SlowPortTest() : Ipv4Test({.transmit_queue_frames = 1}) {}
};

TEST_F(SlowPortTest, FullQueueDropsAndSaysSoAndRoomTells) {
  introduce_station();
  sim.clock.advance_by(1);
  IpAddress source;
  Path path;
  ASSERT_EQ(host.stack.find_path(ip_address("192.0.2.9"), source, path), Error::kNone);
  EXPECT_EQ(host.stack.transmit_room(path), Stack::kTransmitQueueFrames);
  unsigned accepted = 0;
  // One goes out when the queue is full, as the port takes one.
  while (host.send("192.0.2.9", 99, pattern_bytes(30)) == Error::kNone) ++accepted;
  EXPECT_EQ(accepted, Stack::kTransmitQueueFrames + 1);
  EXPECT_EQ(host.stack.transmit_room(path), 0u);
  EXPECT_EQ(host.stack.counters.transmit_queue_full, 1u);
  EXPECT_TRUE(host.stack.has_pending());
  // What waited gets out in order, as the port takes it.
  for (unsigned i = 0; i < Stack::kTransmitQueueFrames; ++i) {
    sim.clock.advance_by(kMs);
    host.stack.transmit(sim.now_ns());
  }
  EXPECT_FALSE(host.stack.has_pending());
  sim.run_for(kMs);
  EXPECT_EQ(station.received(wire::kEtherTypeIpv4).size(), accepted);
}

struct CapablePortTest : Ipv4Test {
  CapablePortTest()
      : Ipv4Test({.capabilities = {.transmit_ip_checksum = true,
                                   .transmit_tcp_checksum = true,
                                   .transmit_udp_checksum = true,
                                   .tso = true,
                                   .transmit_scatter = true,
                                   .tso_limit_bytes = 60'000},
                  .verifies_checksums = true}) {}
};

TEST_F(CapablePortTest, PortFillsInTheHeaderChecksum) {
  introduce_station();
  ASSERT_EQ(host.send("192.0.2.9", 99, pattern_bytes(30)), Error::kNone);
  ASSERT_EQ(host.send("192.0.2.9", 99, pattern_bytes(3000), true), Error::kNone);
  sim.run_for(kMs);
  EXPECT_EQ(station.received_ipv4().size(), 4u);  // each checked there
}

TEST_F(CapablePortTest, BadChecksumSeenByThePortIsBelieved) {
  Bytes packet(40);
  auto fields = from_station();
  fields.total_bytes = 40;
  wire::emit_ipv4(packet.data(), fields);
  station.send(host.port.mac(), wire::kEtherTypeIpv4, packet);
  sim.run_for(kMs);
  EXPECT_EQ(host.stack.counters.bad_checksum, 1u);
}

// Frames of random bytes and of mutated packets: nothing crashes, nothing leaks, all is counted.
TEST_F(Ipv4Test, GarbageIsSurvived) {
  simulation::SeededEntropy entropy(9);
  for (int i = 0; i < 20'000; ++i) {
    Bytes packet(20 + entropy.below(120));
    entropy.fill(packet);
    if (entropy.chance(0.9)) {
      auto fields = from_station();
      fields.total_bytes = static_cast<uint16_t>(packet.size());
      fields.protocol = static_cast<uint8_t>(entropy.chance(0.5) ? 1 : entropy.below(256));
      fields.fragment_word = static_cast<uint16_t>(entropy.chance(0.5) ? entropy.next() : 0);
      fields.identification = static_cast<uint16_t>(entropy.below(4));
      wire::emit_ipv4(packet.data(), fields);
      if (entropy.chance(0.3)) packet[0] = static_cast<std::byte>(0x45 + entropy.below(4));
      wire::store_16(packet.data() + 10, 0);
      const size_t header = std::min<size_t>((static_cast<size_t>(packet[0]) & 15) * 4, packet.size());
      wire::store_16(packet.data() + 10, wire::checksum_finish(wire::checksum_add(0, packet.data(), header)));
    }
    station.send(entropy.chance(0.1) ? wire::kBroadcastMac : host.port.mac(),
                 entropy.chance(0.1) ? wire::kEtherTypeArp : wire::kEtherTypeIpv4, packet);
    if (i % 50 == 0) sim.run_for(kMs);
  }
  sim.run_for(kMs);
  station.received();
}

}  // namespace
}  // namespace sluice::ip
