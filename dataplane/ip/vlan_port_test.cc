// SPDX-License-Identifier: Apache-2.0
// One VLAN of a port as a port: tags on the wire, none above.
#include "dataplane/ip/vlan_port.hh"

#include <gtest/gtest.h>

#include "dataplane/ip/test_host.hh"

namespace sluice::ip {
namespace {

constexpr uint64_t kMs = kNanosecondsPerMillisecond;
constexpr uint8_t kProtocol = 99;

struct VlanTest : testing::Test {
  explicit VlanTest(const simulation::SimulatedPortOptions& options = {})
      : under(sim.wire.add_port(options)), port(under, 7), timers(sim.now_ns()), stack(timers, sim.entropy) {
    stack.add_interface(port, {.name = "vlan",
                               .addresses = {{ip_address("192.0.2.1"), 24}, {ip_address("2001:db8::1"), 64}},
                               .duplicate_detections = 0});
    stack.set_protocol(kProtocol, &protocol);
    sim.add_host(timers, [this](uint64_t now_ns) {
      bool any = stack.receive(now_ns);
      any |= timers.advance(now_ns) > 0;
      stack.transmit(now_ns);
      return any;
    });
    sim.run_for(kMs);
  }
  ~VlanTest() override { sim.remove_host(timers); }
  void TearDown() override {
    sim.run_for(60 * kNanosecondsPerSecond);
    station.received();
    EXPECT_EQ(under.pool().outstanding(), 0u);
  }
  // An echo request for us with this tag; -1: none.
  void ping(int tag) {
    Bytes packet(28);
    const wire::Ipv4Fields fields{
        .total_bytes = 28, .protocol = 1, .source = v4("192.0.2.9"), .destination = v4("192.0.2.1")};
    wire::emit_ipv4(packet.data(), fields);
    wire::set_ipv4_checksum(packet.data(), fields);
    wire::emit_icmp(&packet[20], wire::kIcmpEchoRequest, 0, 1);
    wire::set_icmp_checksum(&packet[20], wire::checksum_finish(wire::checksum_add(0, &packet[20], 8)));
    send(tag, wire::kEtherTypeIpv4, packet);
  }
  void send(int tag, uint16_t type, Bytes payload) {
    if (tag >= 0) {
      Bytes tagged(4);
      wire::store_16(tagged.data(), static_cast<uint16_t>(tag));
      wire::store_16(tagged.data() + 2, type);
      tagged.insert(tagged.end(), payload.begin(), payload.end());
      payload = tagged;
      type = wire::kEtherTypeVlan;
    }
    station.send(under.mac(), type, payload);
    sim.run_for(kMs);
  }
  void introduce_station() {
    Bytes arp(wire::kArpBytes);
    wire::emit_arp(arp.data(), {.operation = wire::kArpRequest,
                                .sender_mac = station.mac,
                                .sender_ip = v4("192.0.2.9"),
                                .target_ip = v4("192.0.2.1")});
    send(7, wire::kEtherTypeArp, arp);
    station.received();
  }
  simulation::Simulation sim{5};
  TestStation station{sim};
  simulation::SimulatedPort& under;
  VlanPort port;
  TimerWheel timers;
  Stack stack;
  RecordingProtocol protocol;
};

TEST_F(VlanTest, EverythingGoesOutTagged) {
  const auto frames = station.received();  // announcements, reports
  ASSERT_GE(frames.size(), 2u);
  for (const Bytes& frame : frames) {
    const auto view = *wire::EthernetView::parse(frame);
    EXPECT_EQ(view.vlan(), 7);
    EXPECT_EQ(view.source(), under.mac());
    EXPECT_TRUE(view.ether_type() == wire::kEtherTypeArp || view.ether_type() == wire::kEtherTypeIpv6);
  }
}

TEST_F(VlanTest, OnlyItsOwnFramesComeIn) {
  introduce_station();
  const uint64_t before = port.other_vlans;
  ping(-1);
  ping(0);
  ping(8);
  EXPECT_EQ(port.other_vlans, before + 3);
  EXPECT_TRUE(station.received().empty());
  ping(0xe007);  // with a priority
  const auto replies = station.received();
  ASSERT_EQ(replies.size(), 1u);
  const auto view = *wire::EthernetView::parse(replies[0]);
  EXPECT_EQ(view.vlan(), 7);
  EXPECT_EQ(view.destination(), station.mac);
  EXPECT_EQ(view.ether_type(), wire::kEtherTypeIpv4);
  const auto header = wire::Ipv4View::parse(std::span(replies[0]).subspan(18));
  ASSERT_TRUE(header && header->checksum_is_right());
  EXPECT_EQ(header->destination(), v4("192.0.2.9"));
}

// A port that takes one frame at a time: what it refuses is offered again, as it was.
struct SlowVlanTest : VlanTest {
  SlowVlanTest() : VlanTest({.transmit_queue_frames = 1}) {}
};
TEST_F(SlowVlanTest, RefusedFramesKeepASingleTag) {
  introduce_station();
  for (int i = 0; i < 5; ++i) {
    IpAddress local;
    Path path;
    ASSERT_EQ(stack.find_path(ip_address("192.0.2.9"), local, path), Error::kNone);
    Buffer* packet = stack.pool(path).allocate();
    packet->append(pattern_bytes(30).data(), 30);
    ASSERT_EQ(
        stack.send(path, {.source = local, .destination = ip_address("192.0.2.9"), .protocol = kProtocol},
                   packet),
        Error::kNone);
  }
  for (int i = 0; i < 20; ++i) {
    stack.transmit(sim.now_ns());
    sim.run_for(kMs);
  }
  const auto frames = station.received();
  ASSERT_EQ(frames.size(), 5u);
  for (const Bytes& frame : frames) {
    EXPECT_EQ(wire::EthernetView::parse(frame)->ether_type(), wire::kEtherTypeIpv4);
    EXPECT_EQ(Bytes(frame.begin() + 38, frame.begin() + 68), pattern_bytes(30));
  }
}

// ---- several of one port

struct SharedVlanTest : testing::Test {
  simulation::Simulation sim{5};
  TestStation station{sim};
  simulation::SimulatedPort& under = sim.wire.add_port({});
  VlanPort seven{under, 7}, nine{under, 9}, plain{under, 0};
  std::vector<VlanPort*> siblings{&seven, &nine, &plain};
  SharedVlanTest() {
    for (VlanPort* each : siblings) each->share(siblings);
  }
  // A frame with this tag; -1: none.
  void send(int tag, uint8_t content) {
    Bytes payload(50, std::byte{content});
    uint16_t type = 0x88b5;
    if (tag >= 0) {
      Bytes tagged(4);
      wire::store_16(tagged.data(), static_cast<uint16_t>(tag));
      wire::store_16(tagged.data() + 2, type);
      tagged.insert(tagged.end(), payload.begin(), payload.end());
      payload = tagged;
      type = wire::kEtherTypeVlan;
    }
    station.send(under.mac(), type, payload);
  }
  // The contents of the frames that this one has, in order.
  static std::vector<int> contents(VlanPort& port, unsigned limit = 64) {
    std::vector<int> all;
    Buffer* frames[64];
    for (unsigned count; (count = port.receive(frames, limit)) > 0;) {
      for (unsigned i = 0; i < count; ++i) {
        EXPECT_EQ(wire::EthernetView::parse(frames[i]->bytes())->ether_type(), 0x88b5);
        all.push_back(wire::load_8(frames[i]->end() - 1));
        release(frames[i]);
      }
    }
    return all;
  }
};

TEST_F(SharedVlanTest, EachGetsItsOwnInOrderWhoeverAsksFirst) {
  for (uint8_t i = 0; i < 30; ++i) send(i % 3 == 0 ? 7 : i % 3 == 1 ? 9 : -1, i);
  send(8, 100);
  send(0, 101);  // a priority only
  sim.run_for(kMs);
  EXPECT_EQ(contents(nine, 4), (std::vector<int>{1, 4, 7, 10, 13, 16, 19, 22, 25, 28}));
  EXPECT_EQ(contents(seven), (std::vector<int>{0, 3, 6, 9, 12, 15, 18, 21, 24, 27}));
  EXPECT_EQ(nine.other_vlans + seven.other_vlans + plain.other_vlans, 1u);
  Buffer* frames[64];
  EXPECT_EQ(plain.receive(frames, 64), 11u);
  for (unsigned i = 0; i < 11; ++i) release(frames[i]);
  EXPECT_EQ(under.pool().outstanding(), 0u);
}

TEST_F(SharedVlanTest, WhatNobodyFetchesIsBounded) {
  for (unsigned i = 0; i < VlanPort::kWaitingLimit + 10; ++i) {
    send(7, 1);
    sim.run_for(kMs);
    EXPECT_TRUE(contents(nine).empty());
  }
  EXPECT_EQ(seven.waiting_limit, 10u);
  EXPECT_EQ(contents(seven).size(), VlanPort::kWaitingLimit);
}

TEST_F(SharedVlanTest, TagsGoOutAsTheyAre) {
  const auto transmit = [&](VlanPort& port) {
    Buffer* frame = port.pool().allocate();
    wire::emit_ethernet(frame->append(60), station.mac, under.mac(), 0x88b5);
    EXPECT_EQ(port.transmit(&frame, 1), 1u);
    sim.run_for(kMs);
    const Bytes received = station.received().at(0);
    const auto view = *wire::EthernetView::parse(received);
    return view.tagged() ? int{view.vlan()} : -1;
  };
  EXPECT_EQ(transmit(seven), 7);
  EXPECT_EQ(transmit(nine), 9);
  EXPECT_EQ(transmit(plain), -1);
}

}  // namespace
}  // namespace sluice::ip
