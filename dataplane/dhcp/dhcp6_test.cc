// SPDX-License-Identifier: Apache-2.0
// The DHCPv6 client against a server that the test plays by hand (RFC 8415), through a whole stack on a simulated wire.
#include <gtest/gtest.h>

#include "dataplane/dhcp/test_host.hh"
#include "dataplane/ip/ipv6_address.hh"

namespace sluice::dhcp {
namespace {

constexpr uint64_t kMs = kNanosecondsPerMillisecond, kSecond = kNanosecondsPerSecond;
const IpAddress kServer = *IpAddress::parse("fe80::5"), kGiven = *IpAddress::parse("2001:db8:7::100"),
                kOther = *IpAddress::parse("2001:db8:7::200");
constexpr uint32_t kAssociationId = 9;

struct Option {
  uint16_t code;
  Bytes value;
};
void put(Bytes& into, const Option& option) {
  const size_t at = into.size();
  into.resize(at + 4);
  wire::store_16(&into[at], option.code);
  wire::store_16(&into[at + 2], static_cast<uint16_t>(option.value.size()));
  into.insert(into.end(), option.value.begin(), option.value.end());
}
Bytes text(std::string_view value) {
  const auto bytes = std::as_bytes(std::span(value));
  return {bytes.begin(), bytes.end()};
}
Bytes words(std::initializer_list<uint32_t> values) {
  Bytes bytes(values.size() * 4);
  size_t at = 0;
  for (const uint32_t value : values) wire::store_32(&bytes[4 * at++], value);
  return bytes;
}
Option status(Status6 code) { return {13, {std::byte{0}, static_cast<std::byte>(code)}}; }
Option address(const IpAddress& which, uint32_t preferred_s = 1000, uint32_t valid_s = 2000) {
  Bytes value(24);
  std::memcpy(value.data(), which.bytes.data(), 16);
  wire::store_32(&value[16], preferred_s);
  wire::store_32(&value[20], valid_s);
  return {5, value};
}
Option association(const std::vector<Option>& inner, uint32_t renewal_s = 0, uint32_t rebinding_s = 0,
                   uint32_t id = kAssociationId) {
  Bytes value = words({id, renewal_s, rebinding_s});
  for (const Option& each : inner) put(value, each);
  return {3, value};
}

struct Heard {
  Type6 type;
  uint32_t transaction;
  IpAddress source, destination;
  std::vector<Option> options;
  const Bytes* option(uint16_t code) const {
    for (const Option& each : options)
      if (each.code == code) return &each.value;
    return nullptr;
  }
};

struct Dhcp6Test : testing::Test {
  explicit Dhcp6Test(Dhcp6 wish = Dhcp6::kAlways, bool autoconfigure = false)
      : host(
            sim, {.ipv6 = wish, .interface_id = kAssociationId},
            ip::InterfaceOptions{
                .name = "test", .autoconfigure = autoconfigure, .obey_routers = true, .stable_key = {1, 2}}) {
  }
  simulation::Simulation sim{5};
  ip::TestStation server{sim};
  DhcpHost host;
  IpAddress client_address;
  Bytes client_id;

  std::vector<Heard> heard() {
    std::vector<Heard> all;
    for (const Bytes& packet : server.received_ipv6()) {
      const auto header = *wire::Ipv6View::parse(packet);
      if (header.next_header() != 17) continue;
      const auto udp = std::span(packet).subspan(40);
      const auto sum = wire::pseudo_header_sum(header.source(), header.destination(), 17,
                                               static_cast<uint32_t>(udp.size()));
      EXPECT_EQ(wire::checksum_finish(wire::checksum_add(sum, udp.data(), udp.size())), 0);
      EXPECT_EQ(wire::load_16(udp.data()), 546);
      EXPECT_EQ(wire::load_16(&udp[2]), 547);
      const auto message = udp.subspan(8);
      Heard one{static_cast<Type6>(wire::load_8(message.data())),
                wire::load_32(message.data()) & 0xffffff,
                header.source(),
                header.destination(),
                {}};
      for (size_t at = 4; at < message.size();) {
        const size_t length = wire::load_16(&message[at + 2]);
        const auto value = message.subspan(at + 4, length);
        one.options.push_back({wire::load_16(&message[at]), Bytes(value.begin(), value.end())});
        at += 4 + length;
      }
      client_address = one.source;
      if (one.option(1)) client_id = *one.option(1);
      all.push_back(one);
    }
    return all;
  }
  // Waits for the next message.
  Heard next(Type6 type, uint64_t within_ns = 5 * kSecond) {
    std::vector<Heard> all;
    sim.run_until([&] { return !(all = heard()).empty(); }, within_ns);
    EXPECT_EQ(all.size(), 1u);
    if (all.empty()) {
      ADD_FAILURE() << "nothing was sent";
      return {};
    }
    EXPECT_EQ(all[0].type, type);
    return all[0];
  }
  void answer(Type6 type, uint32_t transaction, const std::vector<Option>& options,
              std::string_view server_id = "server", bool with_client = true) {
    Bytes message(4);
    wire::store_32(message.data(), uint32_t{static_cast<uint8_t>(type)} << 24 | transaction);
    if (with_client) put(message, {1, client_id});
    if (!server_id.empty()) put(message, {2, text(server_id)});
    for (const Option& each : options) put(message, each);
    send(message);
  }
  void send(const Bytes& message) {
    Bytes udp(8);
    const auto length = static_cast<uint16_t>(8 + message.size());
    wire::emit_udp(udp.data(), 547, 546, length);
    udp.insert(udp.end(), message.begin(), message.end());
    const auto sum = wire::pseudo_header_sum(kServer, client_address, 17, length);
    wire::set_udp_checksum(udp.data(),
                           wire::checksum_finish(wire::checksum_add(sum, udp.data(), udp.size())));
    server.send_ipv6(host.port.mac(), {.next_header = 17, .source = kServer, .destination = client_address},
                     udp);
    sim.run_for(kMs);
  }
  void advertise_router(uint8_t flags) {
    Bytes body(8);
    server.send_icmpv6(ip::multicast_mac(ip::kAllNodes),
                       {.hop_limit = 255, .source = kServer, .destination = ip::kAllNodes},
                       wire::kIcmpv6RouterAdvertisement, 0, uint32_t{flags} << 16 | 1800, body);
    sim.run_for(kMs);
  }
  // To an address in use.
  void acquire(std::vector<Option> others = {}, uint32_t renewal_s = 0, uint32_t rebinding_s = 0) {
    const Heard solicit = next(Type6::kSolicit);
    answer(Type6::kAdvertise, solicit.transaction, {association({address(kGiven)}), {7, {std::byte{255}}}});
    const Heard asked = next(Type6::kRequest);
    others.push_back(association({address(kGiven)}, renewal_s, rebinding_s));
    answer(Type6::kReply, asked.transaction, others);
    sim.run_for(1500 * kMs);
    ASSERT_EQ(host.client6().state(), State6::kBound);
    ASSERT_TRUE(host.client6().has_address());
    heard();
  }
  bool has(const IpAddress& which) {
    const auto all = host.stack.addresses();
    return std::find(all.begin(), all.end(), which) != all.end();
  }
};

TEST_F(Dhcp6Test, FromNothingToAnAddressInUse) {
  const Heard solicit = next(Type6::kSolicit);
  EXPECT_EQ(solicit.destination, kAllServers6);
  EXPECT_TRUE(ip::is_link_local(solicit.source));
  ASSERT_NE(solicit.option(3), nullptr);
  EXPECT_EQ(wire::load_32(solicit.option(3)->data()), kAssociationId);
  EXPECT_NE(solicit.option(14), nullptr);  // rapid commit
  ASSERT_NE(solicit.option(1), nullptr);
  EXPECT_EQ(*solicit.option(1), duid(host.port.mac()));
  // Advertisements are collected for a second; the best one is taken.
  answer(Type6::kAdvertise, solicit.transaction, {association({address(kOther)}), {7, {std::byte{3}}}}, "b");
  answer(Type6::kAdvertise, solicit.transaction, {association({address(kGiven)}), {7, {std::byte{9}}}}, "a");
  answer(Type6::kAdvertise, solicit.transaction, {association({status(Status6::kNoAddresses)})}, "c");
  EXPECT_EQ(host.client6().state(), State6::kSoliciting);
  const Heard asked = next(Type6::kRequest);
  EXPECT_EQ(*asked.option(2), text("a"));
  EXPECT_NE(asked.transaction, solicit.transaction);
  answer(Type6::kReply, asked.transaction,
         {association({address(kGiven)}),
          {23, Bytes(reinterpret_cast<const std::byte*>(kOther.bytes.data()),
                     reinterpret_cast<const std::byte*>(kOther.bytes.data()) + 16)},
          {24, text(std::string_view("\3lab\7example\0", 13))}},
         "a");
  EXPECT_EQ(host.client6().state(), State6::kBound);
  EXPECT_FALSE(has(kGiven));  // it is being checked
  EXPECT_FALSE(host.service->all_have_addresses());
  sim.run_for(1100 * kMs);
  EXPECT_TRUE(has(kGiven));
  EXPECT_TRUE(host.service->all_have_addresses());
  ASSERT_TRUE(host.last6);
  EXPECT_EQ(host.last6->dns_servers, std::vector{kOther});
  EXPECT_EQ(host.last6->domains, std::vector<std::string>{"lab.example"});
  EXPECT_EQ(host.client6().counters.acquired, 1u);
}

TEST_F(Dhcp6Test, RapidCommit) {
  const Heard solicit = next(Type6::kSolicit);
  answer(Type6::kReply, solicit.transaction, {association({address(kGiven)})});  // it did not say so
  EXPECT_EQ(host.client6().state(), State6::kSoliciting);
  answer(Type6::kReply, solicit.transaction, {association({address(kGiven)}), {14, {}}});
  EXPECT_EQ(host.client6().state(), State6::kBound);
  sim.run_for(1100 * kMs);
  EXPECT_TRUE(has(kGiven));
}

// Section 15: twice as long each time, up to what a server may say (section 21.24).
TEST_F(Dhcp6Test, ItAsksAgainAndMoreSeldom) {
  std::vector<double> at_s;
  while (at_s.size() < 6) {
    std::vector<Heard> all;
    ASSERT_TRUE(sim.run_until([&] { return !(all = heard()).empty(); }, 100 * kSecond));
    EXPECT_EQ(all[0].type, Type6::kSolicit);
    at_s.push_back(static_cast<double>(sim.now_ns()) / 1e9);
    if (at_s.size() == 2)  // an answer that gives nothing, but a limit
      answer(Type6::kAdvertise, all[0].transaction, {status(Status6::kNoAddresses), {82, words({60})}});
    // Elapsed time, hundredths of a second.
    ASSERT_NE(all[0].option(8), nullptr);
    EXPECT_NEAR(wire::load_16(all[0].option(8)->data()) / 100.0, at_s.back() - at_s[0], 0.05);
  }
  double gap = at_s[1] - at_s[0];
  EXPECT_GE(gap, 1.0);
  EXPECT_LE(gap, 1.11);
  for (size_t i = 2; i < at_s.size(); ++i) {
    const double now = at_s[i] - at_s[i - 1];
    EXPECT_GE(now, 1.85 * gap);
    EXPECT_LE(now, 2.15 * gap);
    gap = now;
  }
  heard();
  for (int i = 0; i < 3; ++i) next(Type6::kSolicit, 70 * kSecond);
}

TEST_F(Dhcp6Test, AnswersThatAreNotOursAreLeft) {
  const Heard solicit = next(Type6::kSolicit);
  const Option good = association({address(kGiven)}), at_once{7, {std::byte{255}}};
  answer(Type6::kAdvertise, solicit.transaction ^ 1, {good, at_once});
  answer(Type6::kAdvertise, solicit.transaction, {good, at_once}, "");
  answer(Type6::kAdvertise, solicit.transaction, {good, at_once}, "server", false);
  client_id[9] ^= std::byte{1};
  answer(Type6::kAdvertise, solicit.transaction, {good, at_once});
  client_id[9] ^= std::byte{1};
  EXPECT_EQ(host.client6().counters.unexpected, 4u);
  // Times that cannot be, the wrong association, addresses that nobody can have.
  answer(Type6::kAdvertise, solicit.transaction, {association({address(kGiven)}, 20, 10), at_once});
  answer(Type6::kAdvertise, solicit.transaction, {association({address(kGiven)}, 0, 0, 1), at_once});
  answer(Type6::kAdvertise, solicit.transaction, {association({address(kGiven, 20, 10)}), at_once});
  answer(Type6::kAdvertise, solicit.transaction, {association({address(kAllServers6)}), at_once});
  EXPECT_EQ(host.client6().counters.refused, 4u);
  Bytes cut(4);
  wire::store_32(cut.data(), 0x02000000u | solicit.transaction);
  for (const int each : {0, 1, 0, 9, 1}) cut.push_back(static_cast<std::byte>(each));
  send(cut);
  send({});
  send({std::byte{7}});
  answer(Type6::kAdvertise, solicit.transaction, {{3, Bytes(11)}});
  answer(Type6::kAdvertise, solicit.transaction, {association({{5, Bytes(23)}})});
  EXPECT_EQ(host.client6().counters.malformed, 5u);
  EXPECT_EQ(host.client6().state(), State6::kSoliciting);
  // A reply of a server that was not asked.
  answer(Type6::kAdvertise, solicit.transaction, {good, at_once});
  const Heard asked = next(Type6::kRequest);
  answer(Type6::kReply, asked.transaction, {good}, "another");
  EXPECT_EQ(host.client6().state(), State6::kRequesting);
}

TEST_F(Dhcp6Test, AServerThatFallsSilentIsGivenUp) {
  const Heard solicit = next(Type6::kSolicit);
  answer(Type6::kAdvertise, solicit.transaction, {association({address(kGiven)}), {7, {std::byte{255}}}});
  unsigned requests = 0;
  bool anew = false;
  for (int i = 0; i < 400 && !anew; ++i) {
    for (const Heard& each : heard()) {
      requests += each.type == Type6::kRequest;
      anew |= each.type == Type6::kSolicit;
    }
    sim.run_for(kSecond);
  }
  EXPECT_TRUE(anew);
  EXPECT_EQ(requests, 10u);  // REQ_MAX_RC
}

TEST_F(Dhcp6Test, ANewChanceAfterARefusal) {
  const Heard solicit = next(Type6::kSolicit);
  answer(Type6::kAdvertise, solicit.transaction, {association({address(kGiven)}), {7, {std::byte{255}}}});
  const Heard asked = next(Type6::kRequest);
  answer(Type6::kReply, asked.transaction, {association({status(Status6::kNoAddresses)})});
  EXPECT_EQ(host.client6().counters.refused, 1u);
  next(Type6::kSolicit);
}

// ---- the life of an address

TEST_F(Dhcp6Test, RenewedByItsServerHalfWay) {
  acquire();
  sim.run_for(496 * kSecond);
  EXPECT_TRUE(heard().empty());
  const Heard asked = next(Type6::kRenew);
  EXPECT_EQ(*asked.option(2), text("server"));
  EXPECT_EQ(asked.option(3)->size(), 12u + 28u);
  answer(Type6::kReply, asked.transaction, {association({address(kGiven, 3000, 4000)})});
  EXPECT_EQ(host.client6().state(), State6::kBound);
  EXPECT_EQ(host.client6().counters.renewed, 1u);
  sim.run_for(1490 * kSecond);
  EXPECT_TRUE(heard().empty());
  EXPECT_TRUE(has(kGiven));
  next(Type6::kRenew, 20 * kSecond);
}

TEST_F(Dhcp6Test, ThenAnyServerIsAskedThenItIsOver) {
  acquire({}, 100, 200);
  sim.run_for(110 * kSecond);
  EXPECT_EQ(host.client6().state(), State6::kRenewing);
  sim.run_for(90 * kSecond);
  EXPECT_EQ(host.client6().state(), State6::kRebinding);
  const auto all = heard();
  ASSERT_FALSE(all.empty());
  EXPECT_EQ(all.back().type, Type6::kRebind);
  EXPECT_EQ(all.back().option(2), nullptr);
  sim.run_for(1780 * kSecond);
  EXPECT_TRUE(has(kGiven));
  sim.run_for(40 * kSecond);
  EXPECT_FALSE(has(kGiven));
  EXPECT_EQ(host.client6().counters.expired, 1u);
  EXPECT_FALSE(host.client6().has_address());
  heard();
  next(Type6::kSolicit, 30 * kSecond);
}

TEST_F(Dhcp6Test, AnotherServerMayTakeItOver) {
  acquire({}, 100, 200);
  sim.run_for(205 * kSecond);
  const auto all = heard();
  answer(Type6::kReply, all.back().transaction, {association({address(kGiven)})}, "another");
  EXPECT_EQ(host.client6().state(), State6::kBound);
  EXPECT_EQ(host.client6().lease().server, text("another"));
}

TEST_F(Dhcp6Test, AServerThatHasForgottenIsAskedAnew) {
  acquire();
  const Heard asked = next(Type6::kRenew, 600 * kSecond);
  answer(Type6::kReply, asked.transaction, {association({status(Status6::kNoBinding)})});
  const Heard again = next(Type6::kRequest);
  EXPECT_EQ(again.option(3)->size(), 12u + 28u);
  answer(Type6::kReply, again.transaction, {association({address(kGiven)})});
  EXPECT_EQ(host.client6().state(), State6::kBound);
}

TEST_F(Dhcp6Test, AddressesAreTakenBackAndReplaced) {
  acquire();
  const Heard asked = next(Type6::kRenew, 600 * kSecond);
  answer(Type6::kReply, asked.transaction, {association({address(kGiven, 0, 0), address(kOther)})});
  sim.run_for(1100 * kMs);
  EXPECT_FALSE(has(kGiven));
  EXPECT_TRUE(has(kOther));
}

TEST_F(Dhcp6Test, ForEverMeansForEver) {
  const Heard solicit = next(Type6::kSolicit);
  answer(Type6::kReply, solicit.transaction,
         {association({address(kGiven, UINT32_MAX, UINT32_MAX)}), {14, {}}});
  sim.run_for(40 * 86400 * kSecond);
  EXPECT_TRUE(has(kGiven));
  EXPECT_EQ(host.client6().state(), State6::kBound);
  EXPECT_TRUE(heard().empty());
}

TEST_F(Dhcp6Test, WhatSomebodyHasIsDeclined) {
  const Heard solicit = next(Type6::kSolicit);
  answer(Type6::kReply, solicit.transaction, {association({address(kGiven)}), {14, {}}});
  // RFC 4862 section 5.4.3: another one asks for it as well.
  server.send_icmpv6(ip::multicast_mac(ip::solicited_node(kGiven)),
                     {.hop_limit = 255, .source = {}, .destination = ip::solicited_node(kGiven)},
                     wire::kIcmpv6NeighbourSolicitation, 0, 0, ip::discovery_body(kGiven));
  sim.run_for(kMs);
  const Heard declined = next(Type6::kDecline);
  EXPECT_EQ(*declined.option(2), text("server"));
  EXPECT_EQ(declined.option(3)->size(), 12u + 28u);
  EXPECT_FALSE(has(kGiven));
  EXPECT_FALSE(host.client6().has_address());
  answer(Type6::kReply, declined.transaction, {});
  sim.run_for(9 * kSecond);
  EXPECT_TRUE(heard().empty());
  next(Type6::kSolicit);
}

TEST_F(Dhcp6Test, GivenBackAtTheEnd) {
  acquire();
  host.service->stop();
  const Heard released = next(Type6::kRelease);
  EXPECT_EQ(*released.option(2), text("server"));
  EXPECT_EQ(released.option(3)->size(), 12u + 28u);
  sim.run_for(3000 * kSecond);
  EXPECT_TRUE(heard().empty());
}

// ---- as routers say

struct Dhcp6ByRouterTest : Dhcp6Test {
  Dhcp6ByRouterTest() : Dhcp6Test(Dhcp6::kByRouter, true) {}
};

TEST_F(Dhcp6ByRouterTest, NothingWithoutARoutersWord) {
  sim.run_for(20 * kSecond);
  advertise_router(0);
  sim.run_for(20 * kSecond);
  EXPECT_TRUE(heard().empty());
  EXPECT_TRUE(host.service->all_have_addresses());  // none is asked for
}

TEST_F(Dhcp6ByRouterTest, OtherThingsOnly) {
  sim.run_for(2 * kSecond);
  advertise_router(0x40);
  const Heard asked = next(Type6::kInformationRequest);
  EXPECT_EQ(asked.option(3), nullptr);
  answer(Type6::kReply, asked.transaction,
         {{23, Bytes(reinterpret_cast<const std::byte*>(kOther.bytes.data()),
                     reinterpret_cast<const std::byte*>(kOther.bytes.data()) + 16)},
          {32, words({1200})}});
  EXPECT_EQ(host.client6().state(), State6::kInformed);
  ASSERT_TRUE(host.last6);
  EXPECT_EQ(host.last6->dns_servers, std::vector{kOther});
  sim.run_for(1190 * kSecond);
  advertise_router(0x40);
  EXPECT_TRUE(heard().empty());
  next(Type6::kInformationRequest, 20 * kSecond);
}

TEST_F(Dhcp6ByRouterTest, AddressesToo) {
  sim.run_for(2 * kSecond);
  advertise_router(0x40);
  next(Type6::kInformationRequest);
  advertise_router(0xc0);
  const Heard solicit = next(Type6::kSolicit);
  answer(Type6::kReply, solicit.transaction, {association({address(kGiven)}), {14, {}}});
  sim.run_for(1100 * kMs);
  EXPECT_TRUE(has(kGiven));
  // Through the router that advertised itself.
  IpAddress local;
  ip::Path path;
  EXPECT_EQ(host.stack.find_path(*IpAddress::parse("2001:db8:99::1"), local, path), Error::kNone);
  EXPECT_EQ(local, kGiven);
}

}  // namespace
}  // namespace sluice::dhcp
