// SPDX-License-Identifier: Apache-2.0
// A bad wire between two network interfaces: takes the frames of each, in user space, and gives them to the other, with
// losses, duplicates, flipped bits and overtaking by a seed. Runs until SIGTERM, then prints what it has done as JSON.
//
//   relay INTERFACE INTERFACE [loss=PERCENT] [duplicate=PERCENT] [corrupt=PERCENT] [reorder=PERCENT] [seed=N]
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <random>
#include <string>
#include <vector>

namespace {

constexpr size_t kFrameLimitBytes = 65'536 + 64;
constexpr int kQueueBytes = 16 << 20;
constexpr int kHoldMs = 3;            // a frame that is overtaken waits so long at most,
constexpr unsigned kOvertakenBy = 5;  // or until so many have gone past

volatile std::sig_atomic_t ended = 0;

struct Odds {
  double loss = 0, duplicate = 0, corrupt = 0, reorder = 0;
};
struct Counts {
  unsigned long frames = 0, lost = 0, duplicated = 0, corrupted = 0, reordered = 0, unsent = 0;
};
struct Held {
  std::vector<uint8_t> bytes;
  unsigned passed = 0;
};

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(2);
}

int open_interface(const char* name) {
  const int descriptor = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
  if (descriptor < 0) die("socket");
  const int one = 1;
  // What this program sends must not come back to it.
  if (setsockopt(descriptor, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one) != 0)
    die("PACKET_IGNORE_OUTGOING");
  for (const int option : {SO_RCVBUFFORCE, SO_SNDBUFFORCE})
    if (setsockopt(descriptor, SOL_SOCKET, option, &kQueueBytes, sizeof kQueueBytes) != 0)
      die("SO_RCVBUFFORCE");
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(if_nametoindex(name));
  if (address.sll_ifindex == 0) die(name);
  if (bind(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) die("bind");
  packet_mreq promiscuous{};
  promiscuous.mr_ifindex = address.sll_ifindex;
  promiscuous.mr_type = PACKET_MR_PROMISC;
  if (setsockopt(descriptor, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof promiscuous) != 0)
    die("PACKET_ADD_MEMBERSHIP");
  return descriptor;
}

// TCP by itself: a flipped bit in ARP or neighbour discovery is found by nobody.
bool is_tcp(const uint8_t* frame, size_t bytes) {
  if (bytes < 14 + 40) return false;
  const unsigned type = frame[12] << 8 | frame[13];
  return (type == 0x0800 && frame[14 + 9] == 6) || (type == 0x86dd && frame[14 + 6] == 6);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr,
                 "usage: relay INTERFACE INTERFACE [loss=PERCENT] [duplicate=PERCENT] [corrupt=PERCENT] "
                 "[reorder=PERCENT] [seed=N]\n");
    return 2;
  }
  Odds odds;
  std::mt19937_64 random(1);
  for (int i = 3; i < argc; ++i) {
    char* value = std::strchr(argv[i], '=');
    const std::string name(argv[i], value ? static_cast<size_t>(value - argv[i]) : std::strlen(argv[i]));
    const double number = value ? std::atof(value + 1) : 0;
    if (name == "loss") {
      odds.loss = number / 100;
    } else if (name == "duplicate") {
      odds.duplicate = number / 100;
    } else if (name == "corrupt") {
      odds.corrupt = number / 100;
    } else if (name == "reorder") {
      odds.reorder = number / 100;
    } else if (name == "seed") {
      random.seed(static_cast<uint64_t>(number));
    } else {
      std::fprintf(stderr, "relay: what is %s?\n", argv[i]);
      return 2;
    }
  }
  const auto chance = [&](double probability) {
    return probability > 0 && static_cast<double>(random() >> 11) * 0x1p-53 < probability;
  };
  struct sigaction action {};
  action.sa_handler = [](int) { ended = 1; };
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
  std::array<pollfd, 2> ends{{{open_interface(argv[1]), POLLIN, 0}, {open_interface(argv[2]), POLLIN, 0}}};
  std::printf("relaying\n");
  std::fflush(stdout);

  Counts counts;
  std::array<std::deque<Held>, 2> held;  // on their way out of each end
  std::vector<uint8_t> frame(kFrameLimitBytes);
  const auto send_out = [&](unsigned to, const uint8_t* bytes, size_t length) {
    if (send(ends[to].fd, bytes, length, 0) < 0) ++counts.unsent;
  };
  const auto let_go = [&](unsigned to) {
    send_out(to, held[to].front().bytes.data(), held[to].front().bytes.size());
    held[to].pop_front();
  };
  while (!ended) {
    const bool waiting = !held[0].empty() || !held[1].empty();
    const int ready = poll(ends.data(), ends.size(), waiting ? kHoldMs : -1);
    if (ready == 0)
      for (unsigned to = 0; to < 2; ++to)
        while (!held[to].empty()) let_go(to);
    if (ready <= 0) continue;
    for (unsigned from = 0; from < 2; ++from) {
      if (!(ends[from].revents & POLLIN)) continue;
      const unsigned to = 1 - from;
      for (unsigned burst = 0; burst < 64; ++burst) {
        const ssize_t got = recv(ends[from].fd, frame.data(), frame.size(), MSG_DONTWAIT);
        if (got <= 0) break;
        const auto bytes = static_cast<size_t>(got);
        ++counts.frames;
        if (chance(odds.loss)) {
          ++counts.lost;
          continue;
        }
        const bool twice = chance(odds.duplicate);
        if (twice) {
          ++counts.duplicated;
          send_out(to, frame.data(), bytes);
        }
        if (is_tcp(frame.data(), bytes) && chance(odds.corrupt)) {
          // Within one word of 16 bits: what the Internet checksum is sure to find. IPv6's header has none, and its length
          // says how much is summed up.
          ++counts.corrupted;
          const size_t begin = frame[12] == 0x08 ? 14 : 14 + 40;
          const size_t word = begin + 2 * (random() % ((bytes - begin) / 2));
          for (uint64_t flips = 1 + random() % 3; flips > 0; --flips)
            frame[word + random() % 2] ^= static_cast<uint8_t>(1u << random() % 8);
        }
        if (chance(odds.reorder)) {
          ++counts.reordered;
          held[to].push_back({std::vector<uint8_t>(frame.begin(), frame.begin() + got), 0});
          continue;
        }
        send_out(to, frame.data(), bytes);
        for (Held& other : held[to]) ++other.passed;
        while (!held[to].empty() && held[to].front().passed >= kOvertakenBy) let_go(to);
      }
    }
  }
  std::printf(
      "{\"frames\":%lu,\"lost\":%lu,\"duplicated\":%lu,\"corrupted\":%lu,\"reordered\":%lu,\"unsent\":%lu}\n",
      counts.frames, counts.lost, counts.duplicated, counts.corrupted, counts.reordered, counts.unsent);
  return 0;
}
