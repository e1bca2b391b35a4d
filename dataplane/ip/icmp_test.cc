// SPDX-License-Identifier: Apache-2.0
// ICMP: echoes answered, errors obeyed when they make sense, errors sent when they may be.
#include <gtest/gtest.h>

#include <algorithm>

#include "dataplane/ip/test_host.hh"

namespace sluice::ip {
namespace {

constexpr uint64_t kMs = kNanosecondsPerMillisecond, kSecond = kNanosecondsPerSecond;

Bytes icmp_message(uint8_t type, uint8_t code, uint32_t rest, const Bytes& body) {
  Bytes bytes(wire::kIcmpHeaderBytes + body.size());
  wire::emit_icmp(bytes.data(), type, code, rest);
  std::copy(body.begin(), body.end(), bytes.begin() + wire::kIcmpHeaderBytes);
  wire::set_icmp_checksum(bytes.data(),
                          wire::checksum_finish(wire::checksum_add(0, bytes.data(), bytes.size())));
  return bytes;
}

struct IcmpTest : testing::Test {
  simulation::Simulation sim{6};
  TestStation station{sim};
  TestHost host{sim, "192.0.2.1"};
  RecordingProtocol protocol;

  IcmpTest() {
    host.stack.set_protocol(99, &protocol);
    station.send_arp(wire::kBroadcastMac, {.operation = wire::kArpRequest,
                                           .sender_mac = station.mac,
                                           .sender_ip = v4("192.0.2.9"),
                                           .target_ip = v4("192.0.2.1")});
    sim.run_for(kMs);
    station.received();
  }
  void TearDown() override {
    sim.run_for(60 * kSecond);
    station.received();
    EXPECT_EQ(host.port.pool().outstanding(), 0u);
  }
  wire::Ipv4Fields from_station(uint8_t its_protocol = kProtocolIcmp) const {
    return {
        .hop_limit = 60, .protocol = its_protocol, .source = v4("192.0.2.9"), .destination = v4("192.0.2.1")};
  }
  std::vector<Bytes> exchange(const wire::Ipv4Fields& fields, const Bytes& l4) {
    station.send_ipv4(host.port.mac(), fields, l4);
    sim.run_for(kMs);
    return station.received_ipv4();
  }
  // A quote of a packet that we might have sent.
  static Bytes quote(uint32_t source, uint32_t destination, uint16_t total_bytes, size_t l4_bytes,
                     uint16_t fragment = 0) {
    const wire::Ipv4Fields fields{.total_bytes = total_bytes,
                                  .fragment_word = fragment,
                                  .protocol = 99,
                                  .source = source,
                                  .destination = destination};
    Bytes bytes(20);
    wire::emit_ipv4(bytes.data(), fields);
    const Bytes l4 = pattern_bytes(l4_bytes);
    bytes.insert(bytes.end(), l4.begin(), l4.end());
    return bytes;
  }
};

TEST_F(IcmpTest, EchoIsAnswered) {
  for (const size_t length : {0u, 1u, 56u, 1472u}) {
    const Bytes body = pattern_bytes(length);
    const auto replies = exchange(from_station(), icmp_message(wire::kIcmpEchoRequest, 0, 0x12340007, body));
    ASSERT_EQ(replies.size(), 1u) << length;
    const auto header = wire::Ipv4View::parse(replies[0]);
    EXPECT_EQ(header->source(), v4("192.0.2.1"));
    EXPECT_EQ(header->destination(), v4("192.0.2.9"));
    const auto l4 = std::span(replies[0]).subspan(20);
    const auto icmp = wire::IcmpView::parse(l4);
    EXPECT_EQ(icmp->type(), wire::kIcmpEchoReply);
    EXPECT_EQ(icmp->identifier(), 0x1234);
    EXPECT_EQ(icmp->sequence(), 7);
    EXPECT_EQ(wire::checksum_finish(wire::checksum_add(0, l4.data(), l4.size())), 0);
    EXPECT_EQ(Bytes(l4.begin() + 8, l4.end()), body);
  }
  EXPECT_EQ(host.stack.counters.echo_replied, 4u);
}

TEST_F(IcmpTest, FragmentedEchoIsAnsweredInFragments) {
  const Bytes message = icmp_message(wire::kIcmpEchoRequest, 0, 1, pattern_bytes(4000));
  auto fields = from_station();
  fields.identification = 9;
  std::vector<Bytes> replies;
  for (size_t at = 0; at < message.size(); at += 1480) {
    const size_t count = std::min<size_t>(1480, message.size() - at);
    fields.fragment_word =
        static_cast<uint16_t>(at / 8 | (at + count < message.size() ? wire::kIpv4MoreFragments : 0));
    replies = exchange(fields, Bytes(message.begin() + static_cast<ptrdiff_t>(at),
                                     message.begin() + static_cast<ptrdiff_t>(at + count)));
  }
  ASSERT_EQ(replies.size(), 3u);
  Bytes whole;
  for (const Bytes& reply : replies) whole.insert(whole.end(), reply.begin() + 20, reply.end());
  EXPECT_EQ(whole, icmp_message(wire::kIcmpEchoReply, 0, 1, pattern_bytes(4000)));
}

TEST_F(IcmpTest, NoAnswerToBroadcastOrABadChecksum) {
  auto fields = from_station();
  fields.destination = v4("192.0.2.255");
  station.send_ipv4(wire::kBroadcastMac, fields, icmp_message(wire::kIcmpEchoRequest, 0, 1, {}));
  Bytes broken = icmp_message(wire::kIcmpEchoRequest, 0, 1, pattern_bytes(20));
  broken[12] ^= std::byte{1};
  EXPECT_TRUE(exchange(from_station(), broken).empty());
  EXPECT_TRUE(exchange(from_station(), Bytes(7)).empty());
  EXPECT_EQ(host.stack.counters.icmp_malformed, 2u);
  EXPECT_EQ(host.stack.counters.icmp_ignored, 1u);
}

TEST_F(IcmpTest, TwoStacksPingEachOther) {
  TestHost other(sim, "192.0.2.2");
  RecordingProtocol replies;
  other.stack.set_protocol(kProtocolIcmp, &replies);
  ASSERT_EQ(
      other.send("192.0.2.1", kProtocolIcmp, icmp_message(wire::kIcmpEchoRequest, 0, 5, pattern_bytes(56))),
      Error::kNone);
  sim.run_for(10 * kMs);
  ASSERT_EQ(replies.packets.size(), 1u);
  EXPECT_EQ(replies.packets[0].l4, icmp_message(wire::kIcmpEchoReply, 0, 5, pattern_bytes(56)));
}

TEST_F(IcmpTest, ErrorsGetToTheProtocolTheyAreAbout) {
  struct Case {
    uint8_t type, code;
    Error error;
    bool hard;
  };
  const Case cases[] = {
      {3, 0, Error::kNetworkUnreachable, false},
      {3, 1, Error::kHostUnreachable, false},
      {3, 2, Error::kConnectionRefused, true},
      {3, 3, Error::kConnectionRefused, true},
      {3, 13, Error::kHostUnreachable, false},
      {11, 0, Error::kHostUnreachable, false},
      {12, 0, Error::kIo, false},
  };
  for (const Case& each : cases) {
    protocol.errors.clear();
    exchange(from_station(),
             icmp_message(each.type, each.code, 0, quote(v4("192.0.2.1"), v4("203.0.113.5"), 60, 8)));
    ASSERT_EQ(protocol.errors.size(), 1u) << int{each.type} << "/" << int{each.code};
    const IcmpError& about = protocol.errors[0].about;
    EXPECT_EQ(about.error, each.error);
    EXPECT_EQ(about.hard, each.hard);
    EXPECT_EQ(about.path_mtu_bytes, 0u);
    EXPECT_EQ(about.local, ip_address("192.0.2.1"));
    EXPECT_EQ(about.remote, ip_address("203.0.113.5"));
    EXPECT_EQ(protocol.errors[0].l4, pattern_bytes(8));
  }
}

TEST_F(IcmpTest, FragmentationNeededGivesAPathMtu) {
  struct Case {
    const char* name;
    uint16_t next_hop_mtu, total_bytes;
    uint32_t expected;  // 0: ignored
  };
  const Case cases[] = {
      {"as told", 1400, 1500, 1400},
      {"never below the floor", 68, 1500, 576},
      {"not told: the next plateau", 0, 1500, 1492},
      {"not told, small packet", 0, 1006, 576},
      {"no smaller than what was sent", 1500, 1500, 0},
      {"larger than what was sent", 9000, 1500, 0},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.name);
    protocol.errors.clear();
    exchange(from_station(), icmp_message(3, 4, each.next_hop_mtu,
                                          quote(v4("192.0.2.1"), v4("203.0.113.5"), each.total_bytes, 8)));
    ASSERT_EQ(protocol.errors.size(), each.expected != 0 ? 1u : 0u);
    if (each.expected == 0) continue;
    EXPECT_EQ(protocol.errors[0].about.path_mtu_bytes, each.expected);
    EXPECT_EQ(protocol.errors[0].about.error, Error::kMessageTooLong);
  }
}

TEST_F(IcmpTest, ErrorsThatCannotBeTrueAreIgnored) {
  const uint32_t us = v4("192.0.2.1"), them = v4("203.0.113.5");
  const Bytes quotes[] = {
      quote(v4("192.0.2.7"), them, 60, 8),  // not from us
      quote(us, them, 60, 7),               // too little of L4
      quote(us, them, 60, 8, 100),          // a later fragment
      Bytes(10),                            // no header
      {},
  };
  for (const Bytes& each : quotes) exchange(from_station(), icmp_message(3, 1, 0, each));
  exchange(from_station(), icmp_message(5, 1, v4("192.0.2.66"), quote(us, them, 60, 8)));  // redirect
  exchange(from_station(), icmp_message(4, 0, 0, quote(us, them, 60, 8)));                 // source quench
  EXPECT_TRUE(protocol.errors.empty());
  EXPECT_EQ(host.stack.counters.icmp_malformed, 5u);
  EXPECT_EQ(host.stack.counters.icmp_ignored, 2u);
}

TEST_F(IcmpTest, UnknownProtocolIsReportedWithAQuote) {
  const Bytes l4 = pattern_bytes(900);
  const auto replies = exchange(from_station(200), l4);
  ASSERT_EQ(replies.size(), 1u);
  EXPECT_LE(replies[0].size(), 576u);
  const auto icmp = wire::IcmpView::parse(std::span(replies[0]).subspan(20));
  EXPECT_EQ(icmp->type(), wire::kIcmpUnreachable);
  EXPECT_EQ(icmp->code(), wire::kIcmpProtocolUnreachable);
  const auto body = std::span(replies[0]).subspan(20);
  EXPECT_EQ(wire::checksum_finish(wire::checksum_add(0, body.data(), body.size())), 0);
  const auto quoted = wire::Ipv4View::parse(body.subspan(8));
  ASSERT_TRUE(quoted);
  EXPECT_TRUE(quoted->checksum_is_right());
  EXPECT_EQ(quoted->protocol(), 200);
  EXPECT_TRUE(std::equal(body.begin() + 28, body.end(), l4.begin()));
}

TEST_F(IcmpTest, NoErrorAboutBroadcastsFragmentsOrErrors) {
  auto fields = from_station(200);
  fields.destination = v4("192.0.2.255");
  station.send_ipv4(wire::kBroadcastMac, fields, pattern_bytes(40));
  fields = from_station(200);
  fields.fragment_word = 10;  // a later fragment: it never gets whole
  station.send_ipv4(host.port.mac(), fields, pattern_bytes(40));
  sim.run_for(40 * kSecond);
  EXPECT_TRUE(station.received_ipv4().empty());
  EXPECT_EQ(host.stack.counters.icmp_sent, 0u);
}

TEST_F(IcmpTest, ErrorsAreRateLimited) {
  for (int i = 0; i < 500; ++i) station.send_ipv4(host.port.mac(), from_station(200), pattern_bytes(40));
  sim.run_for(kMs);
  const size_t sent = station.received_ipv4().size();
  EXPECT_GE(sent, 1u);
  EXPECT_LE(sent, 60u);
  EXPECT_EQ(host.stack.counters.icmp_sent, sent);
  EXPECT_EQ(host.stack.counters.icmp_rate_limited, 500 - sent);
  sim.run_for(kSecond);
  EXPECT_EQ(exchange(from_station(200), pattern_bytes(40)).size(), 1u);
}

}  // namespace
}  // namespace sluice::ip
