// SPDX-License-Identifier: Apache-2.0
// 127/8 and our own addresses: within the host, never on the wire.
#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "dataplane/ip/test_host.hh"

namespace sluice::ip {
namespace {

constexpr uint64_t kMs = kNanosecondsPerMillisecond;

struct Kept final : Protocol {
  void receive(const ReceivedPacket& about, Buffer* packet) override {
    packets.push_back(about);
    if (then != nullptr && then(about, packet)) return;
    release(packet);
  }
  void icmp_error(const IcmpError& about) override { errors.push_back(about.error); }
  std::vector<ReceivedPacket> packets;
  std::vector<Error> errors;
  std::function<bool(const ReceivedPacket&, Buffer*)> then;
};

struct LoopbackTest : testing::Test {
  LoopbackTest() { host.stack.set_protocol(99, &kept); }
  ~LoopbackTest() override {
    sim.run_for(kMs);
    EXPECT_EQ(host.port.pool().outstanding(), 0u);
  }
  simulation::Simulation sim{3};
  TestHost host{sim, "192.0.2.1"};
  TestStation station{sim};
  Kept kept;
};

TEST_F(LoopbackTest, AllOfNet127IsThisHost) {
  for (const char* to : {"127.0.0.1", "127.1.2.3"}) {
    ASSERT_EQ(host.send(to, 99, pattern_bytes(500)), Error::kNone);
    sim.run_for(kMs);
    ASSERT_EQ(kept.packets.size(), 1u) << to;
    EXPECT_EQ(kept.packets[0].source, ip_address("127.0.0.1"));
    EXPECT_EQ(kept.packets[0].destination, ip_address(to));
    EXPECT_TRUE(host.stack.is_local(ip_address(to)));
    kept.packets.clear();
  }
  EXPECT_TRUE(station.received(wire::kEtherTypeIpv4).empty());
}

TEST_F(LoopbackTest, SoIsItsNameInIpv6) {
  ASSERT_EQ(host.send("::1", 99, pattern_bytes(500)), Error::kNone);
  sim.run_for(kMs);
  ASSERT_EQ(kept.packets.size(), 1u);
  EXPECT_EQ(kept.packets[0].source, ip_address("::1"));
  EXPECT_TRUE(host.stack.is_local(ip_address("::1")));
  EXPECT_TRUE(station.received(wire::kEtherTypeIpv6).empty());
  IpAddress local = ip_address("::1");
  Path path;
  EXPECT_EQ(host.stack.find_path(ip_address("2001:db8::9"), local, path), Error::kNetworkUnreachable);
}

TEST_F(LoopbackTest, ItsAddressesGoNowhereElse) {
  IpAddress local = ip_address("127.0.0.1");
  Path path;
  EXPECT_EQ(host.stack.find_path(ip_address("192.0.2.9"), local, path), Error::kNetworkUnreachable);
  EXPECT_EQ(host.stack.find_path(ip_address("192.0.2.1"), local, path), Error::kNone);
  local = ip_address("192.0.2.1");
  EXPECT_EQ(host.stack.find_path(ip_address("127.0.0.1"), local, path), Error::kNone);
}

// RFC 1122 section 3.2.1.3 (g).
TEST_F(LoopbackTest, OnTheWireItIsNobodys) {
  const wire::Ipv4Fields to_loopback{
      .hop_limit = 64, .protocol = 99, .source = v4("192.0.2.9"), .destination = v4("127.0.0.1")};
  station.send_ipv4(host.port.mac(), to_loopback, pattern_bytes(50));
  const wire::Ipv4Fields from_loopback{
      .hop_limit = 64, .protocol = 99, .source = v4("127.0.0.1"), .destination = v4("192.0.2.1")};
  station.send_ipv4(host.port.mac(), from_loopback, pattern_bytes(50));
  sim.run_for(kMs);
  EXPECT_TRUE(kept.packets.empty());
  EXPECT_EQ(host.stack.counters.not_for_us, 1u);
  EXPECT_EQ(host.stack.counters.source_invalid, 1u);
}

TEST_F(LoopbackTest, AnErrorAboutIt) {
  // Refused by our own IP layer, and heard by the protocol that sent.
  kept.then = [&](const ReceivedPacket& about, Buffer* packet) {
    host.stack.send_unreachable(about, packet, Stack::Unreachable::kPort);
    return false;
  };
  ASSERT_EQ(host.send("127.0.0.1", 99, pattern_bytes(50)), Error::kNone);
  sim.run_for(kMs);
  EXPECT_EQ(kept.errors, std::vector<Error>{Error::kConnectionRefused});
}

TEST_F(LoopbackTest, WithOneCoreThereIsNobodyElseToAsk) {
  kept.then = [&](const ReceivedPacket& about, Buffer* packet) { return host.stack.pass_on(about, packet); };
  ASSERT_EQ(host.send("127.0.0.1", 99, pattern_bytes(50)), Error::kNone);
  sim.run_for(kMs);
  EXPECT_EQ(kept.packets.size(), 1u);
}

}  // namespace
}  // namespace sluice::ip
