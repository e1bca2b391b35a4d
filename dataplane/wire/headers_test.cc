// SPDX-License-Identifier: Apache-2.0
// Ethernet, ARP, IPv4, IPv6, ICMP, ICMPv6 and UDP headers: round trips and what must be refused.
#include <gtest/gtest.h>

#include <vector>

#include "dataplane/wire/arp.hh"
#include "dataplane/wire/ethernet.hh"
#include "dataplane/wire/icmp.hh"
#include "dataplane/wire/icmpv6.hh"
#include "dataplane/wire/ipv4.hh"
#include "dataplane/wire/ipv6.hh"
#include "dataplane/wire/udp.hh"

namespace sluice::wire {
namespace {

constexpr MacAddress kMacA{{2, 0, 0, 0, 0, 1}}, kMacB{{2, 0, 0, 0, 0, 2}};

// A view's parse() refuses every cut of a header of `whole` bytes, and takes the whole.
template <typename View>
void expect_whole(std::span<const std::byte> bytes, size_t whole) {
  for (size_t length = 0; length < whole; ++length) {
    const std::vector<std::byte> cut(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(length));
    EXPECT_FALSE(View::parse(cut)) << length;
  }
  EXPECT_TRUE(View::parse(bytes.first(whole)));
}

TEST(Ethernet, RoundTripAndTag) {
  std::byte bytes[18] = {};
  emit_ethernet(bytes, kMacA, kMacB, kEtherTypeIpv4);
  const auto plain = EthernetView::parse(bytes);
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->destination(), kMacA);
  EXPECT_EQ(plain->source(), kMacB);
  EXPECT_EQ(plain->ether_type(), kEtherTypeIpv4);
  EXPECT_EQ(plain->header_bytes(), 14u);
  EXPECT_FALSE(plain->tagged());
  expect_whole<EthernetView>(bytes, 14);

  emit_ethernet(bytes, kMacA, kMacB, kEtherTypeVlan);
  store_16(bytes + 14, 0xe064);
  store_16(bytes + 16, kEtherTypeArp);
  const auto tagged = EthernetView::parse(bytes);
  ASSERT_TRUE(tagged);
  EXPECT_EQ(tagged->vlan(), 100);
  EXPECT_EQ(tagged->ether_type(), kEtherTypeArp);
  EXPECT_EQ(tagged->header_bytes(), 18u);
  expect_whole<EthernetView>(bytes, 18);
}

TEST(Arp, RoundTripAndRefusal) {
  const ArpFields fields{.operation = kArpReply,
                         .sender_mac = kMacA,
                         .target_mac = kMacB,
                         .sender_ip = 0xc0000201,
                         .target_ip = 0xc0000202};
  std::vector<std::byte> bytes(kArpBytes + 18);  // padded as on the wire
  emit_arp(bytes.data(), fields);
  EXPECT_EQ(parse_arp(bytes), fields);
  for (size_t length = 0; length < kArpBytes; ++length)
    EXPECT_FALSE(parse_arp(std::span(bytes).first(length)));
  // Hardware type, protocol type, address lengths.
  for (const size_t at : {0u, 1u, 2u, 3u, 4u, 5u}) {
    auto wrong = bytes;
    wrong[at] ^= std::byte{1};
    EXPECT_FALSE(parse_arp(wrong)) << at;
  }
}

TEST(Ipv4, RoundTripAndChecksum) {
  const Ipv4Fields fields{.traffic_class = 0x2e,
                          .total_bytes = 1500,
                          .identification = 0xbeef,
                          .fragment_word = kIpv4MoreFragments | 185,
                          .hop_limit = 63,
                          .protocol = 17,
                          .source = 0xc0000201,
                          .destination = 0xc6336407};
  std::byte bytes[kIpv4HeaderBytes];
  emit_ipv4(bytes, fields);
  set_ipv4_checksum(bytes, fields);
  const auto view = Ipv4View::parse(bytes);
  ASSERT_TRUE(view);
  EXPECT_TRUE(view->checksum_is_right());
  EXPECT_EQ(view->header_bytes(), 20u);
  EXPECT_EQ(view->traffic_class(), 0x2e);
  EXPECT_EQ(view->total_bytes(), 1500);
  EXPECT_EQ(view->identification(), 0xbeef);
  EXPECT_TRUE(view->more_fragments());
  EXPECT_FALSE(view->dont_fragment());
  EXPECT_TRUE(view->is_fragment());
  EXPECT_EQ(view->fragment_offset_bytes(), 1480u);
  EXPECT_EQ(view->hop_limit(), 63);
  EXPECT_EQ(view->protocol(), 17);
  EXPECT_EQ(view->source(), 0xc0000201u);
  EXPECT_EQ(view->destination(), 0xc6336407u);
  expect_whole<Ipv4View>(bytes, 20);
  bytes[8] ^= std::byte{1};
  EXPECT_FALSE(Ipv4View::parse(bytes)->checksum_is_right());
}

TEST(Ipv4, RefusesImpossibleHeaders) {
  struct Case {
    const char* name;
    int first_byte;
    int total_bytes;
    size_t available;
    bool good;
  };
  const Case cases[] = {
      {"version 6", 0x65, 60, 60, false},
      {"version 0", 0x05, 60, 60, false},
      {"header of 16", 0x44, 60, 60, false},
      {"options cut off", 0x4f, 60, 59, false},
      {"options whole", 0x4f, 60, 60, true},
      {"total less than header", 0x46, 20, 60, false},
      {"total as long as header", 0x46, 24, 24, true},
      {"total 0 (TSO capture)", 0x45, 0, 60, false},
  };
  for (const Case& each : cases) {
    std::vector<std::byte> bytes(each.available);
    bytes[0] = static_cast<std::byte>(each.first_byte);
    store_16(bytes.data() + 2, static_cast<uint16_t>(each.total_bytes));
    EXPECT_EQ(Ipv4View::parse(bytes).has_value(), each.good) << each.name;
  }
}

TEST(Ipv6, RoundTripAndRefusal) {
  const Ipv6Fields fields{.traffic_class = 0xab,
                          .flow_label = 0xfedcb,
                          .payload_bytes = 1234,
                          .next_header = 58,
                          .hop_limit = 255,
                          .source = *IpAddress::parse("2001:db8::1"),
                          .destination = *IpAddress::parse("fe80::2")};
  std::byte bytes[kIpv6HeaderBytes];
  emit_ipv6(bytes, fields);
  const auto view = Ipv6View::parse(bytes);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->traffic_class(), 0xab);
  EXPECT_EQ(view->flow_label(), 0xfedcbu);
  EXPECT_EQ(view->payload_bytes(), 1234);
  EXPECT_EQ(view->next_header(), 58);
  EXPECT_EQ(view->hop_limit(), 255);
  EXPECT_EQ(view->source(), fields.source);
  EXPECT_EQ(view->destination(), fields.destination);
  expect_whole<Ipv6View>(bytes, 40);
  bytes[0] = std::byte{0x45};
  EXPECT_FALSE(Ipv6View::parse(bytes));
}

TEST(Icmp, RoundTrip) {
  std::byte bytes[kIcmpHeaderBytes];
  emit_icmp(bytes, kIcmpUnreachable, kIcmpFragmentationNeeded, 1400);
  set_icmp_checksum(bytes, 0x1234);
  const auto view = IcmpView::parse(bytes);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->type(), kIcmpUnreachable);
  EXPECT_EQ(view->code(), kIcmpFragmentationNeeded);
  EXPECT_EQ(view->next_hop_mtu(), 1400);
  EXPECT_EQ(view->checksum(), 0x1234);
  expect_whole<IcmpView>(bytes, 8);
  for (const int type : {0, 8, 13, 14}) EXPECT_FALSE(icmp_type_is_error(static_cast<uint8_t>(type)));
  for (const int type : {3, 4, 5, 11, 12}) EXPECT_TRUE(icmp_type_is_error(static_cast<uint8_t>(type)));
}

TEST(Icmpv6, RoundTripAndTarget) {
  std::byte bytes[kIcmpv6HeaderBytes + 16] = {};
  emit_icmpv6(bytes, kIcmpv6NeighbourSolicitation, 0, 0);
  const IpAddress target = *IpAddress::parse("fe80::1234");
  std::memcpy(bytes + 8, target.bytes.data(), 16);
  const auto view = Icmpv6View::parse(bytes);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->type(), kIcmpv6NeighbourSolicitation);
  EXPECT_EQ(view->target(), target);
  EXPECT_FALSE(Icmpv6View::parse(std::span(bytes).first(23))->target());
  expect_whole<Icmpv6View>(bytes, 8);
  EXPECT_TRUE(icmpv6_type_is_error(kIcmpv6PacketTooBig));
  EXPECT_FALSE(icmpv6_type_is_error(kIcmpv6EchoRequest));
}

TEST(Udp, RoundTripAndRefusal) {
  std::byte bytes[kUdpHeaderBytes];
  emit_udp(bytes, 5353, 53, 100);
  set_udp_checksum(bytes, 0);
  const auto view = UdpView::parse(bytes);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->source_port(), 5353);
  EXPECT_EQ(view->destination_port(), 53);
  EXPECT_EQ(view->total_bytes(), 100);
  EXPECT_EQ(view->checksum(), 0xffff);  // 0 would say that there is none
  expect_whole<UdpView>(bytes, 8);
  for (const uint16_t total : {0, 7}) {
    emit_udp(bytes, 1, 2, total);
    EXPECT_FALSE(UdpView::parse(bytes)) << total;
  }
}

}  // namespace
}  // namespace sluice::wire
