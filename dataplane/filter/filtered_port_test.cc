// SPDX-License-Identifier: Apache-2.0
// Rules on the simulated wire: order, counters, the token bucket on virtual time, and what comes through.
#include "dataplane/filter/filtered_port.hh"

#include <gtest/gtest.h>

#include "drivers/pcap/pcap_filter.hh"
#include "drivers/pcap/test_frames.hh"
#include "tests/simulation/simulation.hh"

namespace sluice::filter {
namespace {

using pcap::test_frame;
using pcap::TestFrame;

struct KeptFrames final : FrameSink {
  ~KeptFrames() {
    for (Buffer* frame : frames) release(frame);
  }
  void take(Buffer* frame) override { frames.push_back(frame); }
  std::vector<Buffer*> frames;
};

class Filtered : public ::testing::Test {
 protected:
  struct Text {
    const char* match;
    Action action;
    uint32_t packets_per_second = 0, burst_packets = 0;
  };
  void rules(const std::vector<Text>& texts) {
    std::vector<Rule> rules;
    for (const Text& text : texts) {
      std::string error;
      filters.push_back(pcap::PcapFilter::compile(text.match, error));
      ASSERT_TRUE(filters.back()) << error;
      rules.push_back({text.action, filters.back().get(), text.packets_per_second, text.burst_packets});
    }
    port = std::make_unique<FilteredPort>(wire_end, sim.clock, rules);
  }
  void arrive(const TestFrame& frame, unsigned count = 1) {
    const auto bytes = test_frame(frame);
    for (unsigned i = 0; i < count; ++i) wire_end.deliver(std::as_bytes(std::span(bytes)));
  }
  // UDP or TCP destination ports of what comes through, in order.
  std::vector<unsigned> through() {
    std::vector<unsigned> ports;
    Buffer* frames[64];
    while (const unsigned count = port->receive(frames, 64)) {
      for (unsigned i = 0; i < count; ++i) {
        const auto* bytes = reinterpret_cast<const uint8_t*>(frames[i]->data);
        const unsigned at = bytes[12] == 0x81 ? 40 : 36;
        ports.push_back(bytes[at] << 8 | bytes[at + 1]);
        release(frames[i]);
      }
    }
    return ports;
  }
  simulation::Simulation sim{1};
  simulation::SimulatedPort& wire_end{sim.wire.add_port({})};
  std::vector<std::unique_ptr<pcap::PcapFilter>> filters;
  std::unique_ptr<FilteredPort> port;
};

TEST_F(Filtered, TheFirstRuleThatMatchesDecides) {
  rules({{"udp port 53 and net 10.0.0.0/8", Action::kPass},
         {"udp port 53", Action::kDrop},
         {"udp", Action::kPass},
         {"", Action::kDrop}});
  arrive({.source = 0x0a000001, .destination_port = 53});
  arrive({.destination_port = 53}, 2);
  arrive({.destination_port = 54});
  arrive({.protocol = 6, .destination_port = 55});
  EXPECT_EQ(through(), (std::vector<unsigned>{53, 54}));
  EXPECT_EQ(port->counters(0).matched_packets, 1u);
  EXPECT_EQ(port->counters(1).matched_packets, 2u);
  EXPECT_EQ(port->counters(1).dropped_packets, 2u);
  EXPECT_EQ(port->counters(1).matched_bytes, 2 * test_frame({}).size());
  EXPECT_EQ(port->counters(2).matched_packets, 1u);
  EXPECT_EQ(port->counters(2).dropped_packets, 0u);
  EXPECT_EQ(port->counters(3).matched_packets, 1u);
}

TEST_F(Filtered, WhatNoRuleKnowsPasses) {
  rules({{"tcp", Action::kDrop}});
  arrive({.destination_port = 7});
  EXPECT_EQ(through(), (std::vector<unsigned>{7}));
}

TEST_F(Filtered, OrderIsKeptWithinABurst) {
  rules({{"udp port 2", Action::kDrop}});
  for (const uint16_t each : {1, 2, 3, 2, 2, 4, 5, 2}) arrive({.destination_port = each});
  EXPECT_EQ(through(), (std::vector<unsigned>{1, 3, 4, 5}));
}

TEST_F(Filtered, ARateIsKeptWithItsBurst) {
  rules({{"udp", Action::kRateLimit, 100, 10}});
  arrive({}, 30);
  EXPECT_EQ(through().size(), 10u);
  EXPECT_EQ(port->counters(0).matched_packets, 30u);
  EXPECT_EQ(port->counters(0).dropped_packets, 20u);
  // 100 a second: five in 50 ms, whatever arrives.
  sim.clock.advance_by(50 * kNanosecondsPerMillisecond);
  arrive({}, 30);
  EXPECT_EQ(through().size(), 5u);
  // The bucket does not grow beyond its burst.
  sim.clock.advance_by(3600 * kNanosecondsPerSecond);
  arrive({}, 30);
  EXPECT_EQ(through().size(), 10u);
  // What is not of the rule has no part in it.
  arrive({.protocol = 6}, 30);
  EXPECT_EQ(through().size(), 30u);
}

TEST_F(Filtered, WhatIsTheKernelsGoesThereWhole) {
  KeptFrames kernel;
  rules({{"vlan 7 and tcp port 22", Action::kKernel}, {"tcp port 22", Action::kKernel}});
  arrive({.protocol = 6, .destination_port = 22});
  EXPECT_EQ(through(), (std::vector<unsigned>{}));
  EXPECT_EQ(port->counters(1).dropped_packets, 1u) << "there is no kernel interface yet";
  port->set_kernel(&kernel);
  arrive({.protocol = 6, .destination_port = 22, .vlan = 7});
  arrive({.protocol = 6, .destination_port = 22, .vlan = 8});
  arrive({.protocol = 6, .destination_port = 22});
  EXPECT_EQ(through(), (std::vector<unsigned>{22}));
  ASSERT_EQ(kernel.frames.size(), 2u);
  const auto tagged = test_frame({.protocol = 6, .destination_port = 22, .vlan = 7});
  EXPECT_EQ(kernel.frames[0]->text(),
            std::string_view(reinterpret_cast<const char*>(tagged.data()), tagged.size()));
}

TEST_F(Filtered, AFloodOfStrangersDoesNotLookLikeSilence) {
  rules({{"udp port 9", Action::kDrop}});
  arrive({.destination_port = 9}, 64 * 4);
  arrive({.destination_port = 1});
  Buffer* frames[64];
  EXPECT_EQ(port->receive(frames, 64), 0u);
  EXPECT_TRUE(port->withheld());
  EXPECT_EQ(through(), (std::vector<unsigned>{1}));
  EXPECT_FALSE(port->withheld());
}

}  // namespace
}  // namespace sluice::filter
