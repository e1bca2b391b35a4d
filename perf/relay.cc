// SPDX-License-Identifier: Apache-2.0
// A wire that impairs, for peers that live in real time: two TAP interfaces, and whatever one of them sends comes out of the
// other one later, if it is not lost. The same conditions as the simulated wire's (tests/simulation), so that the kernel's
// TCP can be measured against ours.
//
//   relay NAME NAME [--delay-ms D] [--loss PERCENT] [--rate-mbps R] [--queue-frames N] [--seed S]
//
// Makes both interfaces in its own network namespace, from where they may be moved. Ends with its standard input.
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <random>
#include <string>
#include <vector>

namespace {

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(2);
}
uint64_t now_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

int open_tap(const char* name) {
  const int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) fail("/dev/net/tun");
  ifreq request{};
  std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  if (ioctl(fd, TUNSETIFF, &request) != 0) fail(name);
  return fd;
}

struct Frame {
  uint64_t leaves_ns, arrives_ns;
  std::vector<char> bytes;
};

struct Direction {
  int from, to;
  uint64_t line_free_ns = 0;
  std::deque<Frame> under_way;
};

}  // namespace

int main(int count, char** words) {
  if (count < 3) {
    std::fprintf(stderr,
                 "usage: relay NAME NAME [--delay-ms D] [--loss PERCENT] [--rate-mbps R] [--queue-frames N] "
                 "[--seed S]\n");
    return 2;
  }
  double delay_ms = 10, loss = 0, rate_mbps = 0;
  size_t queue_frames = 1000;
  unsigned seed = 1;
  for (int i = 3; i + 1 < count; i += 2) {
    const std::string word = words[i];
    const double value = std::atof(words[i + 1]);
    if (word == "--delay-ms") delay_ms = value;
    if (word == "--loss") loss = value / 100;
    if (word == "--rate-mbps") rate_mbps = value;
    if (word == "--queue-frames") queue_frames = static_cast<size_t>(value);
    if (word == "--seed") seed = static_cast<unsigned>(value);
  }
  const int a = open_tap(words[1]), b = open_tap(words[2]);
  Direction directions[2] = {{a, b, 0, {}}, {b, a, 0, {}}};
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> chance(0, 1);
  std::printf("ready\n");
  std::fflush(stdout);
  char frame[65536];
  for (;;) {
    uint64_t next_ns = UINT64_MAX;
    for (Direction& way : directions) {
      for (unsigned burst = 0; burst < 64; ++burst) {
        const ssize_t size = read(way.from, frame, sizeof frame);
        if (size <= 0) break;
        const uint64_t now = now_ns();
        // Frames that have not left yet are the queue: tail drop.
        size_t waiting = 0;
        for (auto at = way.under_way.rbegin(); at != way.under_way.rend() && at->leaves_ns > now; ++at)
          ++waiting;
        if (chance(random) < loss || waiting >= queue_frames) continue;
        uint64_t leaves = now;
        if (rate_mbps > 0) {
          leaves = std::max(now, way.line_free_ns) +
                   static_cast<uint64_t>(static_cast<double>(size) * 8000 / rate_mbps);
          way.line_free_ns = leaves;
        }
        way.under_way.push_back(
            {leaves, leaves + static_cast<uint64_t>(delay_ms * 1e6), {frame, frame + size}});
      }
      const uint64_t now = now_ns();
      while (!way.under_way.empty() && way.under_way.front().arrives_ns <= now) {
        const std::vector<char>& bytes = way.under_way.front().bytes;
        [[maybe_unused]] const ssize_t written = write(way.to, bytes.data(), bytes.size());
        way.under_way.pop_front();
      }
      if (!way.under_way.empty()) next_ns = std::min(next_ns, way.under_way.front().arrives_ns);
    }
    pollfd wait[3] = {{a, POLLIN, 0}, {b, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    const uint64_t now = now_ns();
    timespec timeout{1, 0};
    if (next_ns != UINT64_MAX) {
      const uint64_t left = next_ns > now ? next_ns - now : 0;
      timeout = {static_cast<time_t>(left / 1'000'000'000), static_cast<long>(left % 1'000'000'000)};
    }
    if (ppoll(wait, 3, &timeout, nullptr) < 0) fail("poll");
    if (wait[2].revents) {
      char rest[64];
      if (read(STDIN_FILENO, rest, sizeof rest) <= 0) return 0;
    }
  }
}
