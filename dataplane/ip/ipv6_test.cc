// SPDX-License-Identifier: Apache-2.0
// IPv6 input and output, ICMPv6 and fragments, seen from the wire: what gets up, what is dropped and counted, what is said
// about it, what goes out and how.
#include <gtest/gtest.h>

#include "dataplane/ip/ipv6_address.hh"
#include "dataplane/ip/ipv6_extensions.hh"
#include "dataplane/ip/test_host.hh"

namespace sluice::ip {
namespace {

constexpr uint64_t kMs = kNanosecondsPerMillisecond, kSecond = kNanosecondsPerSecond;
constexpr uint8_t kProtocol = 99;
const IpAddress kUs = ip_address("2001:db8::1"), kPeer = ip_address("2001:db8::9");

struct Ipv6Test : testing::Test {
  explicit Ipv6Test(const simulation::SimulatedPortOptions& options = {})
      : host(sim, InterfaceOptions{.name = "test", .addresses = {{kUs, 64}}, .duplicate_detections = 0},
             options) {
    host.stack.set_protocol(kProtocol, &protocol);
    host.stack.set_protocol(kProtocolTcp, &protocol);
    host.stack.set_protocol(kProtocolUdp, &protocol);
    sim.run_for(2 * kSecond);
    introduce_station();
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
  void introduce_station() {
    station.send_icmpv6(host.port.mac(), from_station(255), wire::kIcmpv6NeighbourSolicitation, 0, 0,
                        discovery_body(kUs, wire::kOptionSourceLinkAddress, station.mac));
    sim.run_for(kMs);
    station.received();
  }
  static wire::Ipv6Fields from_station(uint8_t hop_limit = 60) {
    return {.next_header = kProtocol, .hop_limit = hop_limit, .source = kPeer, .destination = kUs};
  }
  void send(wire::Ipv6Fields fields, const Bytes& payload) {
    station.send_ipv6(is_multicast(fields.destination) ? multicast_mac(fields.destination) : host.port.mac(),
                      fields, payload);
    sim.run_for(kMs);
  }
  void send_with(uint8_t next_header, const Bytes& payload) {
    auto fields = from_station();
    fields.next_header = next_header;
    send(fields, payload);
  }
  void send_fragment(uint16_t offset, bool more, const Bytes& bytes, uint32_t identification = 7,
                     uint8_t next_header = kProtocol) {
    Bytes payload(wire::kFragmentHeaderBytes);
    wire::emit_fragment(payload.data(), {next_header, offset, more, identification});
    payload.insert(payload.end(), bytes.begin(), bytes.end());
    send_with(wire::kNextFragment, payload);
  }
  // The only message of this type that came since the last look: code and pointer, MTU or whatever stands there.
  std::pair<unsigned, uint32_t> only(uint8_t type) {
    const auto all = station.received_icmpv6(type);
    if (all.size() != 1) {
      ADD_FAILURE() << all.size() << " messages of type " << unsigned{type};
      return {};
    }
    return {wire::load_8(&all[0][41]), wire::load_32(&all[0][44])};
  }
};

using Answer = std::pair<unsigned, uint32_t>;

// A header of `bytes` bytes before one of kind `next`, filled with these.
Bytes extension(uint8_t next, size_t bytes, const Bytes& contents = {}) {
  Bytes header(bytes);
  wire::store_8(header.data(), next);
  wire::store_8(header.data() + 1, static_cast<uint8_t>(bytes / 8 - 1));
  std::copy(contents.begin(), contents.end(), header.begin() + 2);
  return header;
}
Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
Bytes octets(std::initializer_list<int> values) {
  Bytes bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

TEST_F(Ipv6Test, PacketGetsUpWithoutItsPadding) {
  auto fields = from_station();
  fields.traffic_class = 0x2d;
  fields.flow_label = 0x12345;
  send(fields, pattern_bytes(3));  // the frame is padded to 60
  ASSERT_EQ(protocol.packets.size(), 1u);
  const auto& [about, l4, first] = protocol.packets[0];
  EXPECT_EQ(l4, pattern_bytes(3));
  EXPECT_EQ(about.source, kPeer);
  EXPECT_EQ(about.destination, kUs);
  EXPECT_EQ(about.protocol, kProtocol);
  EXPECT_EQ(about.hop_limit, 60);
  EXPECT_EQ(about.traffic_class, 0x2d);
  EXPECT_FALSE(about.broadcast);
  EXPECT_EQ(about.network_header_bytes, 40);
}

TEST_F(Ipv6Test, DropsByCause) {
  using Counter = uint64_t Stack::Counters::*;
  struct Case {
    const char* name;
    void (*spoil)(wire::Ipv6Fields& fields);
    Counter counter;
  };
  const Case cases[] = {
      {"other host", [](auto& f) { f.destination = ip_address("2001:db8::2"); },
       &Stack::Counters::not_for_us},
      {"a group that is not ours", [](auto& f) { f.destination = ip_address("ff02::1:ff00:2"); },
       &Stack::Counters::not_for_us},
      {"TCP to all", [](auto& f) { f.destination = kAllNodes, f.next_header = kProtocolTcp; },
       &Stack::Counters::not_for_us},
      {"from a group", [](auto& f) { f.source = kAllNodes; }, &Stack::Counters::source_invalid},
      {"from loopback", [](auto& f) { f.source = ip_address("::1"); }, &Stack::Counters::source_invalid},
      {"from a mapped address", [](auto& f) { f.source = ip_address("192.0.2.9"); },
       &Stack::Counters::source_invalid},
      {"from nobody", [](auto& f) { f.source = {}; }, &Stack::Counters::source_invalid},
      {"from ourselves", [](auto& f) { f.source = kUs; }, &Stack::Counters::source_invalid},
      {"to a mapped address", [](auto& f) { f.destination = ip_address("192.0.2.1"); },
       &Stack::Counters::not_for_us},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.name);
    const uint64_t before = host.stack.counters.*each.counter;
    auto fields = from_station();
    each.spoil(fields);
    send(fields, pattern_bytes(40));
    EXPECT_EQ(host.stack.counters.*each.counter, before + 1);
  }
  EXPECT_TRUE(protocol.packets.empty());
}

TEST_F(Ipv6Test, TruncatedPacketsAndOtherVersionsAreMalformed) {
  Bytes packet(wire::kIpv6HeaderBytes + 60);
  auto fields = from_station();
  fields.payload_bytes = 61;
  wire::emit_ipv6(packet.data(), fields);
  station.send(host.port.mac(), wire::kEtherTypeIpv6, packet);
  packet[0] = std::byte{0x50};
  station.send(host.port.mac(), wire::kEtherTypeIpv6, packet);
  sim.run_for(kMs);
  EXPECT_EQ(host.stack.counters.malformed, 2u);
  EXPECT_TRUE(protocol.packets.empty());
}

TEST_F(Ipv6Test, ToAllNodesGoesToDatagramProtocolsOnly) {
  auto fields = from_station();
  fields.destination = kAllNodes;
  fields.next_header = kProtocolUdp;
  send(fields, pattern_bytes(40));
  ASSERT_EQ(protocol.packets.size(), 1u);
  EXPECT_TRUE(protocol.packets[0].about.broadcast);
  // To one address, but to all on the link.
  station.send_ipv6(multicast_mac(kAllNodes), from_station(), pattern_bytes(40));
  sim.run_for(kMs);
  EXPECT_EQ(protocol.packets.size(), 1u);
}

// RFC 8200 section 4: padding, a router alert, an option that may be skipped, a route that has ended.
TEST_F(Ipv6Test, ExtensionHeadersAreSkipped) {
  const Bytes l4 = pattern_bytes(30);
  send_with(wire::kNextHopByHop,
            extension(wire::kNextDestinationOptions, 8, octets({5, 2, 0, 0, 1, 0})) +
                extension(wire::kNextRouting, 16, octets({0x1e, 4, 1, 2, 3, 4, 0, 0, 1, 4})) +
                extension(kProtocol, 24, octets({0, 0})) + l4);
  ASSERT_EQ(protocol.packets.size(), 1u);
  EXPECT_EQ(protocol.packets[0].l4, l4);
  EXPECT_EQ(protocol.packets[0].about.network_header_bytes, 40 + 8 + 16 + 24);
}

TEST_F(Ipv6Test, ExtensionHeadersBeyondTheLimitsAreDropped) {
  Bytes many;
  for (unsigned i = 0; i < ExtensionWalk::kHeadersLimit; ++i)
    many = many + extension(wire::kNextDestinationOptions, 8, octets({1, 4}));
  send_with(wire::kNextDestinationOptions,
            many + extension(kProtocol, 8, octets({1, 4})) + pattern_bytes(20));
  send_with(wire::kNextDestinationOptions,
            extension(kProtocol, ExtensionWalk::kBytesLimit + 8, octets({1, 164})) + pattern_bytes(20));
  EXPECT_EQ(host.stack.counters.extension_limit, 2u);
  send_with(wire::kNextDestinationOptions, extension(kProtocol, 64, octets({1, 4})));
  EXPECT_TRUE(protocol.packets.size() <= 1u);
  // As many as the limit allows.
  protocol.packets.clear();
  wire::store_8(&many[many.size() - 8], kProtocol);
  send_with(wire::kNextDestinationOptions, many + pattern_bytes(20));
  ASSERT_EQ(protocol.packets.size(), 1u);
  EXPECT_EQ(protocol.packets[0].l4, pattern_bytes(20));
  // Longer than the packet.
  const uint64_t before = host.stack.counters.malformed;
  send_with(wire::kNextDestinationOptions, octets({kProtocol, 4, 1, 4, 0, 0, 0, 0}));
  EXPECT_EQ(host.stack.counters.malformed, before + 1);
}

// RFC 5095: type 0; RFC 8200 section 4.4: any other.
TEST_F(Ipv6Test, RoutesThatHaveNotEndedAreRefused) {
  for (const int type : {0, 3, 200}) {
    send_with(wire::kNextDestinationOptions, extension(wire::kNextRouting, 8, octets({1, 4})) +
                                                 extension(kProtocol, 24, octets({type, 1})) +
                                                 pattern_bytes(20));
    EXPECT_EQ(only(wire::kIcmpv6ParameterProblem), Answer(wire::kIcmpv6ErroneousField, 40 + 8 + 2));
  }
  EXPECT_EQ(host.stack.counters.source_routed, 3u);
  EXPECT_TRUE(protocol.packets.empty());
}

// RFC 8200 section 4.2: the first two bits of an option say what is to be done by who does not know it.
TEST_F(Ipv6Test, UnknownOptionsAreTreatedAsTheySay) {
  const auto packet = [](int kind) {
    return extension(kProtocol, 8, octets({0, kind, 2, 0, 0, 0})) + pattern_bytes(20);
  };
  send_with(wire::kNextDestinationOptions, packet(0x1e));
  EXPECT_EQ(protocol.packets.size(), 1u);
  send_with(wire::kNextDestinationOptions, packet(0x5e));
  EXPECT_TRUE(station.received_icmpv6(wire::kIcmpv6ParameterProblem).empty());
  for (const int kind : {0x9e, 0xde}) {
    send_with(wire::kNextDestinationOptions, packet(kind));
    EXPECT_EQ(only(wire::kIcmpv6ParameterProblem), Answer(wire::kIcmpv6UnrecognizedOption, 40 + 3));
  }
  auto fields = from_station();
  fields.next_header = wire::kNextDestinationOptions;
  fields.destination = kAllNodes;
  send(fields, packet(0xde));  // not about what went to a group
  EXPECT_TRUE(station.received_icmpv6(wire::kIcmpv6ParameterProblem).empty());
  send(fields, packet(0x9e));  // but this one is
  EXPECT_EQ(only(wire::kIcmpv6ParameterProblem), Answer(wire::kIcmpv6UnrecognizedOption, 40 + 3));
  EXPECT_EQ(protocol.packets.size(), 1u);
  EXPECT_EQ(host.stack.counters.option_refused, 5u);
}

TEST_F(Ipv6Test, UnknownNextHeadersAreAnswered) {
  send_with(200, pattern_bytes(20));
  EXPECT_EQ(only(wire::kIcmpv6ParameterProblem), Answer(wire::kIcmpv6UnrecognizedNextHeader, 6));
  send_with(wire::kNextDestinationOptions, extension(kProtocolIcmp, 8, octets({1, 4})) + pattern_bytes(20));
  EXPECT_EQ(only(wire::kIcmpv6ParameterProblem), Answer(wire::kIcmpv6UnrecognizedNextHeader, 40));
  // Hop-by-hop options that are not the first.
  send_with(wire::kNextDestinationOptions,
            extension(wire::kNextHopByHop, 8, octets({1, 4})) + extension(kProtocol, 8, octets({1, 4})));
  EXPECT_EQ(only(wire::kIcmpv6ParameterProblem), Answer(wire::kIcmpv6UnrecognizedNextHeader, 40));
  send_with(wire::kNextNone, pattern_bytes(20));
  EXPECT_TRUE(station.received_ipv6().empty());
}

TEST_F(Ipv6Test, ErrorsQuoteThePacketWithinTheMinimumMtuAndAreLimited) {
  send_with(200, pattern_bytes(1400));
  const auto errors = station.received_icmpv6(wire::kIcmpv6ParameterProblem);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].size(), wire::kIpv6MinimumMtuBytes);
  const auto quoted = *wire::Ipv6View::parse(std::span(errors[0]).subspan(48));
  EXPECT_EQ(quoted.payload_bytes(), 1400);
  EXPECT_EQ(quoted.destination(), kUs);
  for (int i = 0; i < 200; ++i) {
    auto fields = from_station();
    fields.next_header = 200;
    station.send_ipv6(host.port.mac(), fields, pattern_bytes(20));
  }
  sim.run_for(kMs);
  const size_t told = station.received_icmpv6(wire::kIcmpv6ParameterProblem).size();
  EXPECT_GT(told, 0u);
  EXPECT_LT(told, 100u);
  EXPECT_GT(host.stack.counters.icmp_rate_limited, 0u);
  // Nothing is said about an error.
  station.send_icmpv6(host.port.mac(), from_station(), 100, 0, 0, pattern_bytes(60));
  sim.run_for(kSecond);
  EXPECT_TRUE(station.received_ipv6().empty());
}

TEST_F(Ipv6Test, EchoesAreAnswered) {
  station.send_icmpv6(host.port.mac(), from_station(), wire::kIcmpv6EchoRequest, 0, 0x11112222,
                      pattern_bytes(100));
  sim.run_for(kMs);
  auto replies = station.received_icmpv6(wire::kIcmpv6EchoReply);
  ASSERT_EQ(replies.size(), 1u);
  EXPECT_EQ(wire::load_32(&replies[0][44]), 0x11112222u);
  EXPECT_EQ(Bytes(replies[0].begin() + 48, replies[0].end()), pattern_bytes(100));
  auto fields = from_station();
  fields.destination = kAllNodes;
  station.send_icmpv6(multicast_mac(kAllNodes), fields, wire::kIcmpv6EchoRequest, 0, 1, pattern_bytes(9));
  sim.run_for(kMs);
  replies = station.received_icmpv6(wire::kIcmpv6EchoReply);
  ASSERT_EQ(replies.size(), 1u);
  EXPECT_EQ(wire::Ipv6View::parse(replies[0])->source(), kUs);
  // A wrong checksum.
  Bytes message = icmpv6_message(kPeer, kUs, wire::kIcmpv6EchoRequest, 0, 1, pattern_bytes(9));
  message[9] ^= std::byte{1};
  send_with(wire::kNextIcmpv6, message);
  EXPECT_TRUE(station.received_ipv6().empty());
  EXPECT_EQ(host.stack.counters.icmp_malformed, 1u);
}

TEST_F(Ipv6Test, FragmentsInAnyOrderGiveTheWhole) {
  const Bytes whole = pattern_bytes(2000);
  const auto part = [&](size_t from, size_t to) {
    return Bytes(whole.begin() + static_cast<ptrdiff_t>(from), whole.begin() + static_cast<ptrdiff_t>(to));
  };
  send_fragment(1600, false, part(1600, 2000));
  send_fragment(0, true, part(0, 800));
  send_fragment(0, true, part(0, 800));  // networks duplicate
  EXPECT_TRUE(protocol.packets.empty());
  send_fragment(800, true, part(800, 1600));
  ASSERT_EQ(protocol.packets.size(), 1u);
  EXPECT_EQ(protocol.packets[0].l4, whole);
  EXPECT_EQ(protocol.packets[0].about.protocol, kProtocol);
}

TEST_F(Ipv6Test, ReassembledPacketsMayHaveFurtherHeaders) {
  const Bytes whole = extension(kProtocol, 16, octets({1, 12})) + pattern_bytes(100);
  send_fragment(0, true, Bytes(whole.begin(), whole.begin() + 64), 9, wire::kNextDestinationOptions);
  send_fragment(64, false, Bytes(whole.begin() + 64, whole.end()), 9, wire::kNextDestinationOptions);
  ASSERT_EQ(protocol.packets.size(), 1u);
  EXPECT_EQ(protocol.packets[0].l4, pattern_bytes(100));
}

// RFC 5722: the datagram is dropped, with what still comes of it.
TEST_F(Ipv6Test, OverlappingFragmentsSpoilTheDatagram) {
  send_fragment(0, true, pattern_bytes(80));
  send_fragment(72, true, pattern_bytes(80));
  send_fragment(80, false, pattern_bytes(80));
  EXPECT_TRUE(protocol.packets.empty());
  EXPECT_EQ(host.stack.counters.fragment_overlap, 2u);
}

// RFC 6946: whole in itself, whatever else is under way with its identification.
TEST_F(Ipv6Test, AtomicFragmentsAreWhole) {
  send_fragment(8, false, pattern_bytes(80), 7);
  send_fragment(0, false, pattern_bytes(20), 7);
  ASSERT_EQ(protocol.packets.size(), 1u);
  EXPECT_EQ(protocol.packets[0].l4, pattern_bytes(20));
  EXPECT_EQ(host.stack.counters.fragment_overlap, 0u);
}

TEST_F(Ipv6Test, ImpossibleFragmentsAreAnswered) {
  send_fragment(0, true, pattern_bytes(81));
  EXPECT_EQ(only(wire::kIcmpv6ParameterProblem), Answer(wire::kIcmpv6ErroneousField, 4));
  send_fragment(0xfff8, false, pattern_bytes(80));
  EXPECT_EQ(only(wire::kIcmpv6ParameterProblem), Answer(wire::kIcmpv6ErroneousField, 42));
  // RFC 7112: the first one does not hold all headers.
  send_fragment(0, true, extension(kProtocol, 32, octets({1, 28})) + Bytes(), 3,
                wire::kNextDestinationOptions);
  EXPECT_EQ(host.stack.counters.malformed, 3u);
}

TEST_F(Ipv6Test, TheSenderHearsOfPiecesThatDidNotCome) {
  send_fragment(0, true, pattern_bytes(80), 1);
  send_fragment(80, false, pattern_bytes(80), 2);  // its first piece is not here: nothing can be said
  sim.run_for(29 * kSecond);
  introduce_station();
  sim.run_for(5 * kSecond);
  EXPECT_EQ(only(wire::kIcmpv6TimeExceeded).first, wire::kIcmpv6ReassemblyTimeExceeded);
  EXPECT_EQ(host.stack.counters.reassembly_timed_out, 2u);
}

TEST_F(Ipv6Test, PacketsGoOutWithAFlowLabelOfTheirFlow) {
  ASSERT_EQ(host.send("2001:db8::9", kProtocol, pattern_bytes(50)), Error::kNone);
  ASSERT_EQ(host.send("2001:db8::9", kProtocol, pattern_bytes(60)), Error::kNone);
  ASSERT_EQ(host.send("2001:db8::9", kProtocol, pattern_bytes(50, 3)), Error::kNone);
  sim.run_for(kMs);
  const auto packets = station.received_ipv6();
  ASSERT_EQ(packets.size(), 3u);
  const auto first = *wire::Ipv6View::parse(packets[0]), second = *wire::Ipv6View::parse(packets[1]),
             other = *wire::Ipv6View::parse(packets[2]);
  EXPECT_EQ(first.source(), kUs);
  EXPECT_EQ(first.destination(), kPeer);
  EXPECT_EQ(first.next_header(), kProtocol);
  EXPECT_EQ(first.hop_limit(), 64);
  EXPECT_EQ(first.payload_bytes(), 50);
  EXPECT_EQ(Bytes(packets[0].begin() + 40, packets[0].end()), pattern_bytes(50));
  EXPECT_EQ(first.flow_label(), second.flow_label());
  EXPECT_NE(first.flow_label(), other.flow_label());  // other ports
}

TEST_F(Ipv6Test, WhatDoesNotFitIsCutOrRefused) {
  EXPECT_EQ(host.send("2001:db8::9", kProtocol, pattern_bytes(1461)), Error::kMessageTooLong);
  ASSERT_EQ(host.send("2001:db8::9", kProtocol, pattern_bytes(4000), true), Error::kNone);
  sim.run_for(kMs);
  const auto packets = station.received_ipv6();
  ASSERT_EQ(packets.size(), 3u);
  Bytes whole;
  for (const Bytes& packet : packets) {
    const auto header = *wire::Ipv6View::parse(packet);
    EXPECT_LE(packet.size(), 1500u);
    ASSERT_EQ(header.next_header(), wire::kNextFragment);
    const auto fragment = *wire::parse_fragment(std::span(packet).subspan(40));
    EXPECT_EQ(fragment.offset_bytes, whole.size());
    EXPECT_EQ(fragment.more, &packet != &packets.back());
    EXPECT_EQ(fragment.next_header, kProtocol);
    EXPECT_EQ(fragment.identification,
              wire::parse_fragment(std::span(packets[0]).subspan(40))->identification);
    whole.insert(whole.end(), packet.begin() + 48, packet.end());
  }
  EXPECT_EQ(whole, pattern_bytes(4000));
}

// RFC 8201: what a path does not carry is told to the protocol that sent it, unless it cannot be true.
TEST_F(Ipv6Test, PacketTooBigIsBelievedWithinReason) {
  const auto too_big = [&](uint32_t mtu, const IpAddress& source, uint16_t payload_bytes) {
    Bytes quote(wire::kIpv6HeaderBytes + 60);
    wire::emit_ipv6(quote.data(), {.payload_bytes = payload_bytes,
                                   .next_header = kProtocol,
                                   .source = source,
                                   .destination = ip_address("2001:db8:1::1")});
    station.send_icmpv6(host.port.mac(), from_station(), wire::kIcmpv6PacketTooBig, 0, mtu, quote);
    sim.run_for(kMs);
  };
  too_big(1400, kUs, 1460);
  ASSERT_EQ(protocol.errors.size(), 1u);
  EXPECT_EQ(protocol.errors[0].about.error, Error::kMessageTooLong);
  EXPECT_EQ(protocol.errors[0].about.path_mtu_bytes, 1400u);
  EXPECT_EQ(protocol.errors[0].about.local, kUs);
  EXPECT_EQ(protocol.errors[0].about.remote, ip_address("2001:db8:1::1"));
  too_big(1279, kUs, 1460);  // no link is so narrow
  too_big(1500, kUs, 1460);  // it would have fitted
  too_big(1400, ip_address("2001:db8::77"), 1460);
  EXPECT_EQ(protocol.errors.size(), 1u);
  EXPECT_EQ(host.stack.counters.icmp_malformed, 1u);

  ASSERT_EQ(host.stack.add_route({}, 0, kPeer), Error::kNone);
  IpAddress local;
  Path path;
  ASSERT_EQ(host.stack.find_path(ip_address("2001:db8:1::1"), local, path), Error::kNone);
  EXPECT_EQ(path.mtu_bytes, 1500);
  host.stack.learn_path_mtu(ip_address("2001:db8:1::1"), 600);
  ASSERT_EQ(host.stack.find_path(ip_address("2001:db8:1::1"), local, path), Error::kNone);
  EXPECT_EQ(path.mtu_bytes, 1280);
}

TEST_F(Ipv6Test, ErrorsReachTheProtocolTheyAreAbout) {
  struct Case {
    uint8_t type, code;
    Error error;
    bool hard;
  };
  for (const Case& each :
       {Case{1, 0, Error::kNetworkUnreachable, false}, Case{1, 3, Error::kHostUnreachable, false},
        Case{1, 4, Error::kConnectionRefused, true}, Case{3, 0, Error::kHostUnreachable, false},
        Case{4, 1, Error::kConnectionRefused, true}}) {
    Bytes quote(wire::kIpv6HeaderBytes + 8);
    wire::emit_ipv6(quote.data(),
                    {.payload_bytes = 8, .next_header = kProtocol, .source = kUs, .destination = kPeer});
    station.send_icmpv6(host.port.mac(), from_station(), each.type, each.code, 0, quote);
    sim.run_for(kMs);
    ASSERT_FALSE(protocol.errors.empty());
    EXPECT_EQ(protocol.errors.back().about.error, each.error);
    EXPECT_EQ(protocol.errors.back().about.hard, each.hard);
  }
}

TEST_F(Ipv6Test, PacketsToOurselvesComeBack) {
  ASSERT_EQ(host.send("2001:db8::1", kProtocol, pattern_bytes(5000)), Error::kNone);
  sim.run_for(kMs);
  ASSERT_EQ(protocol.packets.size(), 1u);
  EXPECT_EQ(protocol.packets[0].l4, pattern_bytes(5000));
  EXPECT_EQ(protocol.packets[0].about.source, kUs);
  EXPECT_TRUE(station.received().empty());
}

TEST_F(Ipv6Test, RoutesOfTheLongestPrefixWin) {
  EXPECT_EQ(host.send("2001:db8:1::1", kProtocol, pattern_bytes(9)), Error::kNetworkUnreachable);
  EXPECT_EQ(host.stack.add_route({}, 0, ip_address("2001:db8:5::1")), Error::kNetworkUnreachable);
  EXPECT_EQ(host.stack.add_route({}, 0, kUs), Error::kInvalid);
  EXPECT_EQ(host.stack.add_route({}, 0, ip_address("ff02::1")), Error::kInvalid);
  ASSERT_EQ(host.stack.add_route({}, 0, ip_address("fe80::9")), Error::kNone);  // of link scope
  ASSERT_EQ(host.stack.add_route(ip_address("2001:db8:1::"), 48, kPeer), Error::kNone);
  ASSERT_EQ(host.send("2001:db8:1::1", kProtocol, pattern_bytes(9)), Error::kNone);
  ASSERT_EQ(host.send("2001:db8:2::1", kProtocol, pattern_bytes(9)), Error::kNone);
  sim.run_for(kMs);
  const auto packets = station.received_ipv6();
  ASSERT_EQ(packets.size(), 2u);
  EXPECT_EQ(wire::Ipv6View::parse(packets[0])->destination(), ip_address("2001:db8:1::1"));
  // The other one is waiting for its router.
  EXPECT_EQ(wire::Ipv6View::parse(packets[1])->destination(), ip_address("ff02::1:ff00:9"));
  EXPECT_EQ(wire::Icmpv6View::parse(std::span(packets[1]).subspan(40))->target(), ip_address("fe80::9"));
}

}  // namespace
}  // namespace sluice::ip
