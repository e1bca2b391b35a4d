// SPDX-License-Identifier: Apache-2.0
// The DHCPv4 client against a server that the test plays by hand (RFC 2131), through a whole stack on a simulated wire.
#include <gtest/gtest.h>

#include "dataplane/dhcp/domain_names.hh"
#include "dataplane/dhcp/test_host.hh"

namespace sluice::dhcp {
namespace {

constexpr uint64_t kMs = kNanosecondsPerMillisecond, kSecond = kNanosecondsPerSecond;

uint32_t v4(const char* text) { return IpAddress::parse(text)->v4(); }

// An option as it lies in a message.
struct Option {
  uint8_t code;
  Bytes value;
};
Bytes words(std::initializer_list<uint32_t> values) {
  Bytes bytes(values.size() * 4);
  size_t at = 0;
  for (const uint32_t value : values) wire::store_32(&bytes[4 * at++], value);
  return bytes;
}
Bytes octets(std::initializer_list<int> values) {
  Bytes bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}
Bytes text(std::string_view value) {
  const auto bytes = std::as_bytes(std::span(value));
  return {bytes.begin(), bytes.end()};
}

// A message of the client, as the server reads it.
struct Heard {
  uint32_t source, destination;
  uint16_t flags;
  uint32_t transaction, own_address;
  MacAddress mac;
  std::vector<Option> options;
  const Bytes* option(uint8_t code) const {
    for (const Option& each : options)
      if (each.code == code) return &each.value;
    return nullptr;
  }
  uint32_t word(uint8_t code) const {
    const Bytes* value = option(code);
    return value && value->size() == 4 ? wire::load_32(value->data()) : 0;
  }
  Type4 type() const { return static_cast<Type4>((*option(53))[0]); }
};

struct Dhcp4Test : testing::Test {
  static constexpr uint32_t kServer = 0xc0000201, kOffered = 0xc0000205;  // 192.0.2.1, 192.0.2.5
  explicit Dhcp4Test(bool check = true) : host(sim, {.ipv4 = true, .interface_id = 7, .check = check}) {}
  simulation::Simulation sim{3};
  ip::TestStation server{sim};
  DhcpHost host;

  // What the client sent since the last call; other packets are left out.
  std::vector<Heard> heard() {
    std::vector<Heard> all;
    for (const Bytes& packet : server.received_ipv4()) {
      const auto header = *wire::Ipv4View::parse(packet);
      const auto udp = std::span(packet).subspan(header.header_bytes());
      if (header.protocol() != 17 || wire::load_16(&udp[2]) != 67) continue;
      EXPECT_EQ(wire::load_16(udp.data()), 68);
      const auto sum =
          wire::pseudo_header_sum(IpAddress::v4(header.source()), IpAddress::v4(header.destination()), 17,
                                  static_cast<uint32_t>(udp.size()));
      EXPECT_EQ(wire::checksum_finish(wire::checksum_add(sum, udp.data(), udp.size())), 0);
      const auto message = udp.subspan(8);
      EXPECT_GE(message.size(), 300u);
      Heard one{header.source(),
                header.destination(),
                wire::load_16(&message[10]),
                wire::load_32(&message[4]),
                wire::load_32(&message[12]),
                wire::load_mac(&message[28]),
                {}};
      for (size_t at = 240; wire::load_8(&message[at]) != 255;) {
        const size_t length = wire::load_8(&message[at + 1]);
        const auto value = message.subspan(at + 2, length);
        one.options.push_back({wire::load_8(&message[at]), Bytes(value.begin(), value.end())});
        at += 2 + length;
      }
      all.push_back(one);
    }
    return all;
  }
  Heard heard_one(Type4 type) {
    const auto all = heard();
    EXPECT_EQ(all.size(), 1u);
    if (all.empty()) {
      ADD_FAILURE() << "nothing was sent";
      return {};
    }
    EXPECT_EQ(all[0].type(), type);
    return all[0];
  }

  struct Answer {
    Type4 type = Type4::kAck;
    uint32_t address = kOffered;
    uint32_t transaction = 0;
    std::vector<Option> options;
    bool standard = true;  // server, lease and mask in front of the options
    uint32_t server = kServer;
    uint32_t lease_s = 3600;
    bool unicast = false;
    uint16_t source_port = 67;
    Bytes file, name;  // overloaded
    int operation = 2;
    MacAddress client{};  // all zero: the right one
  };
  void answer(const Answer& what) {
    Bytes message(240);
    wire::store_32(message.data(), 0x00010600u | static_cast<uint32_t>(what.operation) << 24);
    wire::store_32(&message[4], what.transaction);
    wire::store_32(&message[16], what.address);
    wire::store_mac(&message[28], what.client == MacAddress{} ? host.port.mac() : what.client);
    wire::store_32(&message[236], 0x63825363);
    std::copy(what.name.begin(), what.name.end(), message.begin() + 44);
    std::copy(what.file.begin(), what.file.end(), message.begin() + 108);
    const auto put = [&](const Option& option) {
      message.push_back(std::byte{option.code});
      message.push_back(static_cast<std::byte>(option.value.size()));
      message.insert(message.end(), option.value.begin(), option.value.end());
    };
    put({53, octets({static_cast<int>(what.type)})});
    if (what.standard) {
      put({54, words({what.server})});
      if (what.type != Type4::kNak) {
        put({51, words({what.lease_s})});
        put({1, words({0xffffff00})});
      }
    }
    for (const Option& option : what.options) put(option);
    message.push_back(std::byte{255});
    send(message, what.unicast ? what.address : 0xffffffff,
         what.unicast ? host.port.mac() : wire::kBroadcastMac, what.source_port);
  }
  void send(const Bytes& message, uint32_t destination, const MacAddress& mac, uint16_t source_port = 67) {
    Bytes udp(8);
    wire::emit_udp(udp.data(), source_port, 68, static_cast<uint16_t>(8 + message.size()));
    udp.insert(udp.end(), message.begin(), message.end());
    server.send_ipv4(mac, {.protocol = 17, .source = kServer, .destination = destination}, udp);
    sim.run_for(kMs);
  }

  // To the point where the client has asked for what was offered; returns its REQUEST.
  Heard request(std::vector<Option> options = {}) {
    sim.run_for(5 * kMs);
    const Heard discover = heard_one(Type4::kDiscover);
    answer({.type = Type4::kOffer, .transaction = discover.transaction, .options = std::move(options)});
    return heard_one(Type4::kRequest);
  }
  void acquire(std::vector<Option> options = {}, uint32_t lease_s = 3600) {
    const Heard asked = request(options);
    answer({.transaction = asked.transaction, .options = std::move(options), .lease_s = lease_s});
    sim.run_for(2 * kSecond);
    ASSERT_EQ(host.client().state(), State4::kBound);
    heard();
  }
  std::vector<IpAddress> addresses() { return host.stack.addresses(); }
  bool reaches(const char* remote, uint32_t* next_hop = nullptr) {
    IpAddress local;
    ip::Path path;
    if (host.stack.find_path(*IpAddress::parse(remote), local, path) != Error::kNone) return false;
    if (next_hop == nullptr) return true;
    // Whom it asks for.
    server.received();
    Buffer* packet = host.stack.pool().allocate();
    packet->append("12345678", 8);
    host.stack.send(path, {.source = local, .destination = *IpAddress::parse(remote), .protocol = 99},
                    packet);
    sim.run_for(kMs);
    *next_hop = 0;
    for (const auto& asked : server.received_arp()) *next_hop = asked.target_ip;
    return true;
  }
};

// ---- the whole exchange

TEST_F(Dhcp4Test, FromNothingToAnAddressInUse) {
  sim.run_for(5 * kMs);
  const Heard discover = heard_one(Type4::kDiscover);
  EXPECT_EQ(discover.source, 0u);
  EXPECT_EQ(discover.destination, 0xffffffffu);
  EXPECT_EQ(discover.flags, 0x8000);
  EXPECT_EQ(discover.mac, host.port.mac());
  EXPECT_EQ(discover.own_address, 0u);
  ASSERT_NE(discover.option(61), nullptr);
  // RFC 4361: 255, IAID 7, DUID-LL.
  EXPECT_EQ(Bytes(discover.option(61)->begin(), discover.option(61)->begin() + 9),
            octets({255, 0, 0, 0, 7, 0, 3, 0, 1}));
  // RFC 3442: classless routes are asked for before the router.
  const Bytes& wanted = *discover.option(55);
  EXPECT_LT(std::find(wanted.begin(), wanted.end(), std::byte{121}),
            std::find(wanted.begin(), wanted.end(), std::byte{3}));
  EXPECT_FALSE(host.service->all_have_addresses());

  answer({.type = Type4::kOffer, .transaction = discover.transaction});
  const Heard asked = heard_one(Type4::kRequest);
  EXPECT_EQ(asked.word(50), kOffered);
  EXPECT_EQ(asked.word(54), kServer);
  EXPECT_EQ(asked.own_address, 0u);
  EXPECT_EQ(asked.destination, 0xffffffffu);
  EXPECT_TRUE(addresses().empty());

  answer({.transaction = asked.transaction,
          .options = {{3, words({kServer})},
                      {6, words({v4("192.0.2.53"), v4("198.51.100.53")})},
                      {15, text("lab.example")},
                      {26, octets({5, 120})}}});
  // Nobody may have it (RFC 5227): three questions from nobody, then it is used and announced.
  EXPECT_EQ(host.client().state(), State4::kChecking);
  EXPECT_TRUE(addresses().empty());
  sim.run_for(2 * kSecond);
  const auto arps = server.received_arp();
  ASSERT_EQ(arps.size(), 4u);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(arps[i].sender_ip, 0u);
    EXPECT_EQ(arps[i].target_ip, kOffered);
  }
  EXPECT_EQ(arps[3].sender_ip, kOffered);
  EXPECT_EQ(addresses(), std::vector{IpAddress::v4(kOffered)});
  EXPECT_EQ(host.client().state(), State4::kBound);
  EXPECT_TRUE(host.service->all_have_addresses());
  EXPECT_EQ(host.changes, 1u);
  ASSERT_TRUE(host.last);
  EXPECT_EQ(host.last->dns_servers,
            (std::vector{*IpAddress::parse("192.0.2.53"), *IpAddress::parse("198.51.100.53")}));
  EXPECT_EQ(host.last->domains, std::vector<std::string>{"lab.example"});
  EXPECT_EQ(host.stack.mtu_bytes(0), 1400u);
  uint32_t next_hop = 0;
  ASSERT_TRUE(reaches("203.0.113.9", &next_hop));
  EXPECT_EQ(next_hop, kServer);
  ASSERT_TRUE(reaches("192.0.2.77", &next_hop));
  EXPECT_EQ(next_hop, v4("192.0.2.77"));
}

struct Dhcp4UncheckedTest : Dhcp4Test {
  Dhcp4UncheckedTest() : Dhcp4Test(false) {}
};

TEST_F(Dhcp4UncheckedTest, WithoutTheCheckItIsUsedAtOnce) {
  const Heard asked = request();
  answer({.transaction = asked.transaction});
  EXPECT_EQ(addresses(), std::vector{IpAddress::v4(kOffered)});
}

TEST_F(Dhcp4UncheckedTest, AnswersToTheOfferedAddressAreTaken) {
  // Some servers do not care for the broadcast bit.
  sim.run_for(5 * kMs);
  answer({.type = Type4::kOffer, .transaction = heard_one(Type4::kDiscover).transaction, .unicast = true});
  answer({.transaction = heard_one(Type4::kRequest).transaction, .unicast = true});
  EXPECT_EQ(addresses(), std::vector{IpAddress::v4(kOffered)});
  // But not when there is an address: nobody else's packets are taken in then.
  const uint64_t before = host.stack.counters.not_for_us;
  answer({.address = v4("192.0.2.99"), .unicast = true});
  EXPECT_EQ(host.stack.counters.not_for_us, before + 1);
}

TEST_F(Dhcp4Test, ItAsksAgainAndMoreSeldom) {
  std::vector<uint64_t> at_s;
  const uint64_t begin = sim.now_ns();
  for (int i = 0; i < 200; ++i) {
    sim.run_for(kSecond);
    for (const Heard& each : heard()) {
      EXPECT_EQ(each.type(), Type4::kDiscover);
      at_s.push_back((sim.now_ns() - begin) / kSecond);
    }
  }
  ASSERT_GE(at_s.size(), 6u);
  EXPECT_LE(at_s.size(), 8u);
  for (size_t i = 1; i < 5; ++i) {
    const uint64_t gap = at_s[i] - at_s[i - 1], wanted = uint64_t{4} << (i - 1);
    EXPECT_NEAR(static_cast<double>(gap), static_cast<double>(wanted), 2.1);
  }
}

TEST_F(Dhcp4Test, AnOfferThatIsNotKeptIsGivenUp) {
  request();
  unsigned requests = 1;
  bool anew = false;
  for (int i = 0; i < 120 && !anew; ++i) {
    sim.run_for(kSecond);
    for (const Heard& each : heard()) {
      requests += each.type() == Type4::kRequest;
      anew |= each.type() == Type4::kDiscover;
    }
  }
  EXPECT_TRUE(anew);
  EXPECT_EQ(requests, 4u);
}

TEST_F(Dhcp4Test, ARequestIsRepeatedAndTheLaterAnswerTaken) {
  const Heard asked = request();
  sim.run_for(6 * kSecond);
  const Heard again = heard_one(Type4::kRequest);
  EXPECT_EQ(again.transaction, asked.transaction);
  answer({.transaction = again.transaction});
  sim.run_for(2 * kSecond);
  EXPECT_EQ(host.client().state(), State4::kBound);
}

// ---- what is not taken

TEST_F(Dhcp4Test, AnswersThatAreNotOursAreLeft) {
  sim.run_for(5 * kMs);
  const Heard discover = heard_one(Type4::kDiscover);
  answer({.type = Type4::kOffer, .transaction = discover.transaction + 1});
  answer({.type = Type4::kOffer, .transaction = discover.transaction, .client = {{2, 9, 9, 9, 9, 9}}});
  answer({.type = Type4::kAck, .transaction = discover.transaction});
  answer({.type = Type4::kNak, .transaction = discover.transaction});
  EXPECT_EQ(host.client().counters.unexpected, 4u);
  answer({.type = Type4::kOffer, .transaction = discover.transaction, .source_port = 6767});
  EXPECT_EQ(host.client().state(), State4::kSelecting);
  EXPECT_TRUE(heard().empty());
  // Of two offers the first counts.
  answer({.type = Type4::kOffer, .transaction = discover.transaction});
  answer({.type = Type4::kOffer, .address = v4("192.0.2.6"), .transaction = discover.transaction});
  EXPECT_EQ(heard_one(Type4::kRequest).word(50), kOffered);
  // And it is for its server to grant it.
  answer({.transaction = discover.transaction, .server = v4("192.0.2.3")});
  answer({.type = Type4::kNak, .transaction = discover.transaction, .server = v4("192.0.2.3")});
  answer({.address = v4("192.0.2.6"), .transaction = discover.transaction});
  EXPECT_EQ(host.client().state(), State4::kRequesting);
}

TEST_F(Dhcp4Test, MessagesThatCannotBeAreLeft) {
  sim.run_for(5 * kMs);
  const uint32_t transaction = heard_one(Type4::kDiscover).transaction;
  const auto offer = [&](std::vector<Option> options, uint32_t address = kOffered) {
    answer({.type = Type4::kOffer,
            .address = address,
            .transaction = transaction,
            .options = std::move(options),
            .standard = false});
  };
  const Option server{54, words({kServer})}, lease{51, words({60})};
  offer({server});                                   // no lease time
  offer({lease});                                    // no server
  offer({server, {51, words({0})}});                 // a lease of nothing
  offer({server, lease}, 0);                         // no address
  offer({server, lease}, v4("224.0.0.9"));           // a group
  offer({server, lease, {1, words({0xff00ff00})}});  // no mask
  offer({server, lease, {1, words({0xffffff00})}}, v4("192.0.2.255"));
  offer({server, lease, {1, words({0xffffff00})}}, v4("192.0.2.0"));
  offer({{54, octets({1, 2, 3})}, lease});
  answer({.type = Type4::kOffer, .transaction = transaction, .operation = 1});
  send(Bytes(239), 0xffffffff, wire::kBroadcastMac);
  send(Bytes(0), 0xffffffff, wire::kBroadcastMac);
  Bytes cut(240);  // an option that is longer than what is there
  wire::store_32(cut.data(), 0x02010600);
  wire::store_32(&cut[236], 0x63825363);
  for (const int each : {53, 1, 2, 54, 4, 1}) cut.push_back(static_cast<std::byte>(each));
  send(cut, 0xffffffff, wire::kBroadcastMac);
  EXPECT_EQ(host.client().counters.malformed, 13u);
  EXPECT_EQ(host.client().state(), State4::kSelecting);
  answer({.type = Type4::kOffer, .transaction = transaction});
  EXPECT_EQ(host.client().state(), State4::kRequesting);
}

// ---- options

TEST_F(Dhcp4Test, ClasslessRoutesReplaceTheRouter) {
  acquire({{3, words({v4("192.0.2.254")})},
           {121, octets({24, 198, 51,  100, 192, 0, 2, 9,     //
                         0,  192, 0,   2,   1,                //
                         32, 203, 0,   113, 7,   0, 0, 0, 0,  // on the link
                         8,  10,  172, 16,  0,   1})}});      // a router that is nowhere
  uint32_t next_hop = 0;
  ASSERT_TRUE(reaches("198.51.100.7", &next_hop));
  EXPECT_EQ(next_hop, v4("192.0.2.9"));
  ASSERT_TRUE(reaches("10.1.1.1", &next_hop));
  EXPECT_EQ(next_hop, kServer);
  ASSERT_TRUE(reaches("203.0.113.7", &next_hop));
  EXPECT_EQ(next_hop, v4("203.0.113.7"));
}

TEST_F(Dhcp4Test, OptionsInPiecesAndInOtherPlaces) {
  // RFC 3396: the search list comes in two parts, and "file" and "sname" hold options, too.
  const Heard asked = request();
  const Bytes first = octets({3, 'l', 'a', 'b', 7, 'e', 'x', 'a'});
  const Bytes second = octets({'m', 'p', 'l', 'e', 0, 3, 'd', 'e', 'v', 0xc0, 4});
  Bytes file = octets({3, 4, 192, 0, 2, 254, 255}), name = octets({6, 4, 192, 0, 2, 53, 0, 0, 255});
  answer({.transaction = asked.transaction,
          .options = {{119, first}, {119, second}, {52, octets({3})}},
          .file = file,
          .name = name});
  sim.run_for(2 * kSecond);
  ASSERT_TRUE(host.last);
  EXPECT_EQ(host.last->domains, (std::vector<std::string>{"lab.example", "dev.example"}));
  ASSERT_EQ(host.last->routes.size(), 1u);
  EXPECT_EQ(host.last->routes[0].gateway, v4("192.0.2.254"));
  EXPECT_EQ(host.last->dns_servers, std::vector{*IpAddress::parse("192.0.2.53")});
}

TEST(DomainNames, OnlyWhatIsAName) {
  EXPECT_TRUE(domain_names(octets({3, 'a', 'b'}), true).empty());                  // cut off
  EXPECT_TRUE(domain_names(octets({1, 'a', 0xc0, 0}), true).empty());              // in a circle
  EXPECT_TRUE(domain_names(octets({0xc0, 2, 1, 'a', 0}), true).empty());           // forwards
  EXPECT_TRUE(domain_names(octets({1, 'a', 0, 1, 'b', 0xc0, 0}), false).empty());  // none in DHCPv6
  EXPECT_TRUE(domain_names(octets({1, '$', 0}), true).empty());
  EXPECT_TRUE(domain_names(octets({0}), true).empty());
  EXPECT_EQ(domain_names(octets({1, 'a', 0, 1, 'b', 0xc0, 0}), true), (std::vector<std::string>{"a", "b.a"}));
}

// ---- the life of a lease

TEST_F(Dhcp4Test, RenewedByItsServerHalfWay) {
  acquire({{3, words({kServer})}});
  ASSERT_TRUE(sim.run_until([&] { return host.client().state() == State4::kRenewing; }, 1800 * kSecond));
  // The server answers the question for its Ethernet address first.
  server.send_arp(host.port.mac(), {.operation = wire::kArpReply,
                                    .sender_mac = server.mac,
                                    .target_mac = host.port.mac(),
                                    .sender_ip = kServer,
                                    .target_ip = kOffered});
  sim.run_for(kMs);
  const Heard asked = heard_one(Type4::kRequest);
  EXPECT_EQ(host.client().state(), State4::kRenewing);
  EXPECT_EQ(asked.source, kOffered);
  EXPECT_EQ(asked.destination, kServer);
  EXPECT_EQ(asked.own_address, kOffered);
  EXPECT_EQ(asked.option(50), nullptr);
  EXPECT_EQ(asked.option(54), nullptr);
  // With another router.
  answer({.transaction = asked.transaction,
          .options = {{3, words({v4("192.0.2.254")})}},
          .lease_s = 7200,
          .unicast = true});
  EXPECT_EQ(host.client().state(), State4::kBound);
  EXPECT_EQ(host.client().counters.renewed, 1u);
  EXPECT_EQ(host.changes, 2u);
  uint32_t next_hop = 0;
  ASSERT_TRUE(reaches("203.0.113.9", &next_hop));
  EXPECT_EQ(next_hop, v4("192.0.2.254"));
  sim.run_for(3590 * kSecond);
  EXPECT_EQ(host.client().state(), State4::kBound);
  sim.run_for(20 * kSecond);
  EXPECT_EQ(host.client().state(), State4::kRenewing);
}

TEST_F(Dhcp4Test, ThenAnyServerIsAskedThenItIsOver) {
  acquire();
  sim.run_for(3140 * kSecond);
  EXPECT_EQ(host.client().state(), State4::kRenewing);
  heard();
  sim.run_for(15 * kSecond);
  EXPECT_EQ(host.client().state(), State4::kRebinding);
  const Heard asked = heard_one(Type4::kRequest);
  EXPECT_EQ(asked.destination, 0xffffffffu);
  EXPECT_EQ(asked.own_address, kOffered);
  EXPECT_EQ(asked.source, kOffered);
  sim.run_for(430 * kSecond);
  EXPECT_EQ(addresses().size(), 1u);
  heard();
  sim.run_for(30 * kSecond);
  EXPECT_TRUE(addresses().empty());
  EXPECT_FALSE(host.last);
  EXPECT_EQ(host.client().counters.expired, 1u);
  EXPECT_FALSE(reaches("192.0.2.77"));
  // It begins anew, and would like to have the same.
  EXPECT_EQ(heard().at(0).word(50), kOffered);
}

TEST_F(Dhcp4Test, AnotherServerMayTakeItOver) {
  acquire();
  sim.run_for(3155 * kSecond);
  const auto asked = heard();
  ASSERT_FALSE(asked.empty());
  answer({.transaction = asked.back().transaction, .server = v4("192.0.2.3")});
  EXPECT_EQ(host.client().state(), State4::kBound);
  EXPECT_EQ(host.client().lease()->server, v4("192.0.2.3"));
}

TEST_F(Dhcp4Test, ALeaseForEverIsNeverRenewed) {
  acquire({}, UINT32_MAX);
  sim.run_for(40 * 86400 * kSecond);
  EXPECT_EQ(host.client().state(), State4::kBound);
  EXPECT_TRUE(heard().empty());
}

TEST_F(Dhcp4Test, TimesOfTheServerCount) {
  acquire({{58, words({100})}, {59, words({200})}});
  sim.run_for(90 * kSecond);
  EXPECT_EQ(host.client().state(), State4::kBound);
  sim.run_for(10 * kSecond);
  EXPECT_EQ(host.client().state(), State4::kRenewing);
  sim.run_for(100 * kSecond);
  EXPECT_EQ(host.client().state(), State4::kRebinding);
}

TEST_F(Dhcp4Test, ANakTakesTheAddressAway) {
  acquire();
  sim.run_for(3155 * kSecond);
  answer({.type = Type4::kNak, .transaction = heard().back().transaction});
  EXPECT_TRUE(addresses().empty());
  EXPECT_EQ(host.client().counters.naks, 1u);
  sim.run_for(1100 * kMs);
  EXPECT_EQ(heard_one(Type4::kDiscover).word(50), 0u);
  // Again and again: ever longer pauses, so that there is no storm.
  for (int i = 0; i < 4; ++i) {
    answer({.type = Type4::kOffer, .transaction = host.client().transaction()});
    answer({.type = Type4::kNak, .transaction = host.client().transaction()});
    heard();
    sim.run_for((uint64_t{1500} << i) * kMs);
    EXPECT_TRUE(heard().empty());
    sim.run_for((uint64_t{600} << i) * kMs);
    EXPECT_EQ(heard().size(), 1u);
  }
}

TEST_F(Dhcp4Test, WhatSomebodyHasIsDeclined) {
  const Heard asked = request();
  answer({.transaction = asked.transaction});
  sim.run_for(300 * kMs);
  server.send_arp(wire::kBroadcastMac, {.operation = wire::kArpReply,
                                        .sender_mac = {{2, 5, 5, 5, 5, 5}},
                                        .sender_ip = kOffered,
                                        .target_ip = kOffered});
  sim.run_for(kMs);
  const Heard declined = heard_one(Type4::kDecline);
  EXPECT_EQ(declined.word(50), kOffered);
  EXPECT_EQ(declined.word(54), kServer);
  EXPECT_EQ(declined.own_address, 0u);
  EXPECT_EQ(host.client().counters.declined, 1u);
  EXPECT_TRUE(addresses().empty());
  sim.run_for(9 * kSecond);
  EXPECT_TRUE(heard().empty());
  sim.run_for(2 * kSecond);
  heard_one(Type4::kDiscover);
}

TEST_F(Dhcp4Test, WhoComesLaterIsDefendedAgainstOnce) {
  acquire();
  const auto thief = [&] {
    server.send_arp(wire::kBroadcastMac, {.operation = wire::kArpRequest,
                                          .sender_mac = {{2, 5, 5, 5, 5, 5}},
                                          .sender_ip = kOffered,
                                          .target_ip = kOffered});
    sim.run_for(kMs);
  };
  server.received();
  thief();
  EXPECT_EQ(server.received_arp().size(), 1u);  // ours
  EXPECT_EQ(host.client().state(), State4::kBound);
  thief();
  heard_one(Type4::kDecline);
  EXPECT_TRUE(addresses().empty());
}

TEST_F(Dhcp4Test, GivenBackAtTheEnd) {
  acquire();
  // Its Ethernet address is known already: it asked for us.
  server.send_arp(host.port.mac(), {.operation = wire::kArpRequest,
                                    .sender_mac = server.mac,
                                    .sender_ip = kServer,
                                    .target_ip = kOffered});
  sim.run_for(kMs);
  host.service->stop();
  sim.run_for(kMs);
  const Heard released = heard_one(Type4::kRelease);
  EXPECT_EQ(released.source, kOffered);
  EXPECT_EQ(released.destination, kServer);
  EXPECT_EQ(released.own_address, kOffered);
  EXPECT_EQ(released.word(54), kServer);
  sim.run_for(100 * kSecond);
  EXPECT_TRUE(heard().empty());
}

// ---- beside what is configured

TEST(Dhcp4Configured, TheConfiguredGatewayWinsAndAddressesStandSideBySide) {
  simulation::Simulation sim{4};
  DhcpHost host(sim, {},
                ip::InterfaceOptions{.name = "test", .addresses = {{ip::ip_address("192.0.2.7"), 24}}});
  ASSERT_EQ(host.stack.add_route(IpAddress::v4(0), 0, ip::ip_address("192.0.2.200")), Error::kNone);
  ip::TestStation station(sim);
  Lease4 lease;
  lease.address = v4("198.51.100.5");
  lease.prefix_bits = 24;
  lease.routes = {{0, 0, v4("198.51.100.1")}, {v4("203.0.113.0"), 24, v4("198.51.100.1")}};
  host.stack.learn_ipv4(0, learnt_of(lease));
  EXPECT_EQ(host.stack.addresses().size(), 2u);
  const auto next_hop = [&](const char* remote) {
    IpAddress local;
    ip::Path path;
    EXPECT_EQ(host.stack.find_path(ip::ip_address(remote), local, path), Error::kNone);
    station.received();
    Buffer* packet = host.stack.pool().allocate();
    packet->append("12345678", 8);
    host.stack.send(path, {.source = local, .destination = ip::ip_address(remote), .protocol = 99}, packet);
    sim.run_for(kMs);
    const auto asked = station.received_arp();
    return asked.empty() ? "" : IpAddress::v4(asked.back().target_ip).to_string();
  };
  EXPECT_EQ(next_hop("192.88.99.8"), "192.0.2.200");
  EXPECT_EQ(next_hop("203.0.113.8"), "198.51.100.1");
  host.stack.learn_ipv4(0, {});
  EXPECT_EQ(host.stack.addresses(), std::vector{ip::ip_address("192.0.2.7")});
  EXPECT_EQ(next_hop("203.0.113.9"), "");  // asked for the gateway already
}

}  // namespace
}  // namespace sluice::dhcp
