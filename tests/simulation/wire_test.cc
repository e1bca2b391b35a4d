// SPDX-License-Identifier: Apache-2.0
// The simulated wire itself: what tests of everything else rest on.
#include "tests/simulation/wire.hh"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/simulation/simulation.hh"

namespace sluice::simulation {
namespace {

std::vector<std::byte> frame_to(unsigned port_number, const std::string& text) {
  std::vector<std::byte> frame(14);
  frame[0] = std::byte{2};
  frame[5] = static_cast<std::byte>(port_number + 1);
  for (const char c : text) frame.push_back(static_cast<std::byte>(c));
  return frame;
}

std::vector<std::string> receive_all(SimulatedPort& port) {
  std::vector<std::string> texts;
  Buffer* buffer = nullptr;
  while (port.receive(&buffer, 1) == 1) {
    texts.emplace_back(buffer->text().substr(14));
    release(buffer);
  }
  return texts;
}

struct WireTest : testing::Test {
  Simulation sim{42};
  SimulatedPort& a = sim.wire.add_port();
  SimulatedPort& b = sim.wire.add_port();
  SimulatedPort& c = sim.wire.add_port();
  void pass(uint64_t duration_ns) { sim.run_for(duration_ns); }
  Conditions& a_to_b() { return sim.wire.conditions(0, 1); }
};

TEST_F(WireTest, FramesArriveAfterTheDelayAtTheirReceiverOnly) {
  a_to_b().delay_ns = 5'000;
  a.inject(frame_to(1, "x"));
  pass(4'999);
  EXPECT_FALSE(b.has_received());
  pass(1);
  EXPECT_EQ(receive_all(b), std::vector<std::string>{"x"});
  EXPECT_FALSE(c.has_received());
}

TEST_F(WireTest, UnknownAndBroadcastDestinationsAreFlooded) {
  a.inject(frame_to(77, "u"));
  pass(kNanosecondsPerMillisecond);
  EXPECT_EQ(receive_all(b).size(), 1u);
  EXPECT_EQ(receive_all(c).size(), 1u);
  EXPECT_FALSE(a.has_received());
}

TEST_F(WireTest, TransmitTakesTheReferenceAndCopies) {
  Buffer* buffer = a.pool().allocate();
  const auto frame = frame_to(1, "copied");
  buffer->append(frame.data(), static_cast<uint32_t>(frame.size()));
  buffer->retain();
  ASSERT_EQ(a.transmit(&buffer, 1), 1u);
  EXPECT_EQ(buffer->references, 1);
  buffer->data[14] = std::byte{'X'};  // too late
  pass(kNanosecondsPerMillisecond);
  EXPECT_EQ(receive_all(b), std::vector<std::string>{"copied"});
  release(buffer);
  EXPECT_EQ(a.pool().outstanding(), 0u);
  EXPECT_EQ(b.pool().outstanding(), 0u);
}

TEST_F(WireTest, LossHasItsProbability) {
  a_to_b().loss = 0.25;
  for (int i = 0; i < 4000; ++i) a.inject(frame_to(1, "x"));
  pass(kNanosecondsPerMillisecond);
  const size_t arrived = receive_all(b).size();
  EXPECT_GT(arrived, 2800u);
  EXPECT_LT(arrived, 3200u);
  EXPECT_EQ(sim.wire.counters.lost + arrived, 4000u);
}

TEST_F(WireTest, BurstsLoseFramesInARow) {
  a_to_b().burst_loss = 0.01;
  a_to_b().burst_loss_frames = 5;
  for (int i = 0; i < 2000; ++i) a.inject(frame_to(1, std::to_string(i)));
  pass(kNanosecondsPerMillisecond);
  int expected = 0, runs = 0;
  for (const std::string& text : receive_all(b)) {
    const int number = std::stoi(text);
    if (number != expected) {
      ++runs;
      EXPECT_EQ((number - expected) % 5, 0);
    }
    expected = number + 1;
  }
  EXPECT_GT(runs, 5);
}

TEST_F(WireTest, JitterReordersAndNothingIsLost) {
  a_to_b().jitter_ns = 1'000'000;
  std::vector<std::string> sent;
  for (int i = 0; i < 100; ++i) {
    sent.push_back(std::to_string(i));
    a.inject(frame_to(1, sent.back()));
  }
  pass(10 * kNanosecondsPerMillisecond);
  auto got = receive_all(b);
  EXPECT_NE(got, sent);
  std::sort(got.begin(), got.end(), [](const auto& x, const auto& y) { return std::stoi(x) < std::stoi(y); });
  EXPECT_EQ(got, sent);
}

TEST_F(WireTest, DuplicationAndCorruption) {
  a_to_b().duplication = 1;
  a.inject(frame_to(1, "twice"));
  pass(kNanosecondsPerMillisecond);
  EXPECT_EQ(receive_all(b).size(), 2u);
  a_to_b().duplication = 0;
  a_to_b().corruption = 1;
  const auto frame = frame_to(1, std::string(100, 'x'));
  a.inject(frame);
  pass(kNanosecondsPerMillisecond);
  Buffer* buffer = nullptr;
  ASSERT_EQ(b.receive(&buffer, 1), 1u);
  int flipped = 0;
  for (size_t i = 0; i < frame.size(); ++i)
    flipped += __builtin_popcount(static_cast<unsigned>(frame[i] ^ buffer->data[i]));
  EXPECT_GE(flipped, 1);
  EXPECT_LE(flipped, 3);
  release(buffer);
}

TEST_F(WireTest, RateLimitSpacesFramesAndItsQueueIsBounded) {
  a_to_b().rate_bits_per_second = 100'000'000;
  a_to_b().queue_frames = 10;
  a_to_b().delay_ns = 0;
  for (int i = 0; i < 100; ++i) a.inject(frame_to(1, std::string(1500, 'x')));
  EXPECT_GT(sim.wire.counters.queue_dropped, 80u);
  // 1538 bytes on the line at 100 Mb/s: 123.04 us.
  pass(123'039);
  EXPECT_EQ(receive_all(b).size(), 0u);
  pass(1);
  EXPECT_EQ(receive_all(b).size(), 1u);
  pass(123'040);
  EXPECT_EQ(receive_all(b).size(), 1u);
}

TEST_F(WireTest, HookSeesAndDrops) {
  std::vector<std::string> seen;
  sim.wire.set_hook([&](std::span<std::byte> frame, unsigned from, unsigned to) {
    EXPECT_EQ(from, 0u);
    EXPECT_EQ(to, 1u);
    seen.emplace_back(reinterpret_cast<const char*>(frame.data()) + 14, frame.size() - 14);
    return seen.size() != 2;
  });
  for (const char* text : {"1", "2", "3"}) a.inject(frame_to(1, text));
  pass(kNanosecondsPerMillisecond);
  EXPECT_EQ(seen.size(), 3u);
  EXPECT_EQ(receive_all(b), (std::vector<std::string>{"1", "3"}));
  EXPECT_EQ(sim.wire.counters.filtered, 1u);
}

TEST(Wire, SameSeedSameFate) {
  const auto run = [](uint64_t seed) {
    Simulation sim(seed);
    SimulatedPort& a = sim.wire.add_port();
    SimulatedPort& b = sim.wire.add_port();
    sim.wire.set_conditions({.jitter_ns = 100'000, .loss = 0.2, .duplication = 0.1, .corruption = 0.1});
    for (int i = 0; i < 200; ++i) a.inject(frame_to(1, std::to_string(i)));
    sim.run_for(kNanosecondsPerMillisecond);
    return receive_all(b);
  };
  EXPECT_EQ(run(7), run(7));
  EXPECT_NE(run(7), run(8));
}

TEST(Wire, TransmitLimitGivesBackPressure) {
  Simulation sim(1);
  SimulatedPort& a = sim.wire.add_port({.transmit_queue_frames = 2});
  sim.wire.add_port();
  Buffer* frames[4];
  for (Buffer*& each : frames) {
    each = a.pool().allocate();
    const auto frame = frame_to(1, "x");
    each->append(frame.data(), static_cast<uint32_t>(frame.size()));
  }
  EXPECT_EQ(a.transmit(frames, 4), 2u);
  EXPECT_EQ(a.transmit(frames + 2, 2), 0u);
  sim.clock.advance_by(1);
  EXPECT_EQ(a.transmit(frames + 2, 2), 2u);
}

TEST(Simulation, TimeJumpsToTimersAndRunUntilStops) {
  struct Ticker : Timer {
    TimerWheel* wheel = nullptr;
    int fired = 0;
  } ticker;
  Simulation sim(1);
  TimerWheel wheel(sim.now_ns());
  ticker.wheel = &wheel;
  ticker.fire = [](Timer& timer, uint64_t now_ns) {
    auto& self = static_cast<Ticker&>(timer);
    ++self.fired;
    self.wheel->arm(self, now_ns + 10 * kNanosecondsPerSecond);
  };
  wheel.arm(ticker, sim.now_ns() + 10 * kNanosecondsPerSecond);
  sim.add_host(wheel, [&](uint64_t now_ns) { return wheel.advance(now_ns) > 0; });
  const uint64_t start_ns = sim.now_ns();
  EXPECT_TRUE(sim.run_until([&] { return ticker.fired == 3; }));
  EXPECT_GE(sim.now_ns() - start_ns, 30 * kNanosecondsPerSecond);
  EXPECT_LT(sim.now_ns() - start_ns, 31 * kNanosecondsPerSecond);
  EXPECT_FALSE(sim.run_until([&] { return ticker.fired == 1000; }, kNanosecondsPerSecond));
}

}  // namespace
}  // namespace sluice::simulation
