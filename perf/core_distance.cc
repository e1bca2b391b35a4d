// SPDX-License-Identifier: Apache-2.0
// The distance of two cores: the time that a cache line takes there and back. On a virtual machine it changes with where
// the cores lie at the moment, so a figure between two processes means little without it.
//
//   core_distance [CPU CPU]    prints the median round trip in nanoseconds
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

namespace {

constexpr int kSamples = 50, kRoundTrips = 2'000;
constexpr auto kWaitLimit = std::chrono::seconds(5);

struct alignas(128) Line {
  std::atomic<int> value{0};
};

void pin(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

}  // namespace

int main(int count, char** values) {
  const int first = count > 2 ? std::atoi(values[1]) : 0, second = count > 2 ? std::atoi(values[2]) : 1;
  Line ping, pong;
  std::atomic<bool> stop{false};
  std::thread echo([&] {
    pin(second);
    int seen = 0;
    while (!stop.load(std::memory_order_relaxed)) {
      const int value = ping.value.load(std::memory_order_acquire);
      if (value != seen) pong.value.store(seen = value, std::memory_order_release);
    }
  });
  pin(first);
  std::vector<double> samples;
  const auto limit = std::chrono::steady_clock::now() + kWaitLimit;
  int turn = 0;
  for (int sample = 0; sample < kSamples && std::chrono::steady_clock::now() < limit; ++sample) {
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < kRoundTrips; ++i) {
      ping.value.store(++turn, std::memory_order_release);
      while (pong.value.load(std::memory_order_acquire) != turn) {
      }
    }
    const std::chrono::duration<double, std::nano> elapsed = std::chrono::steady_clock::now() - begin;
    samples.push_back(elapsed.count() / kRoundTrips);
  }
  stop.store(true);
  echo.join();
  std::sort(samples.begin(), samples.end());
  std::printf("%.0f\n", samples.empty() ? 0.0 : samples[samples.size() / 2]);
  return 0;
}
