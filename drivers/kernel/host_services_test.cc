// SPDX-License-Identifier: Apache-2.0
// The host's clock, randomness and sleep.
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <set>
#include <thread>

#include "drivers/kernel/event_waiter.hh"
#include "drivers/kernel/host_clock.hh"
#include "drivers/kernel/host_entropy.hh"
#include "drivers/kernel/port_registry.hh"

namespace sluice::kernel {
namespace {

constexpr uint64_t kForeverNs = 3600 * kNanosecondsPerSecond;

TEST(HostClock, GoesForwardAndKnowsTheCentury) {
  HostClock clock;
  uint64_t before = clock.monotonic_ns();
  for (int i = 0; i < 1000; ++i) {
    const uint64_t now = clock.monotonic_ns();
    ASSERT_GE(now, before);
    before = now;
  }
  EXPECT_GT(clock.realtime_ns(), 1'600'000'000 * kNanosecondsPerSecond);
  EXPECT_LT(clock.realtime_ns(), 4'200'000'000 * kNanosecondsPerSecond);
}

TEST(HostEntropy, RepeatsNothing) {
  HostEntropy entropy;
  std::set<uint64_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(entropy.u64());
  EXPECT_EQ(seen.size(), 1000u);
}

TEST(HostEntropy, FillsEveryByteOfAnySize) {
  HostEntropy entropy;
  for (size_t size : {1u, 7u, 255u, 256u, 257u, 5000u}) {
    std::vector<std::byte> together(size);  // a byte that is never written stays zero in all rounds
    for (int round = 0; round < 16; ++round) {
      std::vector<std::byte> out(size);
      entropy.fill(out);
      for (size_t i = 0; i < size; ++i) together[i] |= out[i];
    }
    for (size_t i = 0; i < size; ++i) ASSERT_NE(together[i], std::byte{0}) << "byte " << i << " of " << size;
  }
}

TEST(EventWaiter, EndsWhenWokenBeforeAndDuringTheWait) {
  EventWaiter waiter;
  waiter.wake();
  waiter.wait(kForeverNs);  // hangs when broken
  std::thread other([&waiter] { waiter.wake(); });
  waiter.wait(kForeverNs);
  other.join();
  waiter.wake();
  waiter.wait(kForeverNs);
}

TEST(EventWaiter, WatchesDescriptorsAsLongAsTheyAreReadable) {
  EventWaiter waiter;
  const int event = eventfd(1, EFD_CLOEXEC);
  waiter.watch(event);
  waiter.wait(kForeverNs);
  waiter.wait(kForeverNs);  // still readable
  waiter.unwatch(event);
  HostClock clock;
  const uint64_t start = clock.monotonic_ns();
  waiter.wait(2 * kNanosecondsPerMillisecond);
  EXPECT_GE(clock.monotonic_ns() - start, kNanosecondsPerMillisecond);  // no longer ended by it
  ::close(event);
}

TEST(PortRegistry, TellsOwnersApart) {
  const Endpoint endpoint{*IpAddress::parse("127.0.0.1"), 1};
  int one, two;
  EXPECT_EQ(port_use(endpoint, &one), PortUse::kNew);
  add_port(endpoint, &one);
  EXPECT_EQ(port_use(endpoint, &one), PortUse::kTwice);
  EXPECT_EQ(port_use(endpoint, &two), PortUse::kShared);
  remove_port(endpoint, &one);
  EXPECT_EQ(port_use(endpoint, &two), PortUse::kNew);
}

}  // namespace
}  // namespace sluice::kernel
