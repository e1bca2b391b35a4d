// SPDX-License-Identifier: Apache-2.0
// The kernel's own TCP as the peer, or as what is compared: bytes in one direction over one socket.
//
//   kernel_stream serve                            takes bytes on port 9, gives bytes on port 19
//   kernel_stream push|pull ADDRESS SECONDS [CONGESTION]
//
// push and pull print one line of JSON: bytes a second, the middle one of windows of a tenth of a second (push: of the whole,
// as counted by the other end's acknowledgements).
#include <arpa/inet.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

constexpr uint16_t kDiscardPort = 9, kSourcePort = 19;
char memory[256 << 10];

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(2);
}
double now_s() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}
uint64_t acknowledged_bytes(int fd) {
  tcp_info info{};
  socklen_t size = sizeof info;
  getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size);
  return info.tcpi_bytes_acked;
}

int listening(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(fd, 16) != 0)
    fail("listen");
  return fd;
}

int serve() {
  std::vector<pollfd> all = {{listening(kDiscardPort), POLLIN, 0}, {listening(kSourcePort), POLLIN, 0}};
  std::printf("listening\n");
  std::fflush(stdout);
  for (;;) {
    if (poll(all.data(), all.size(), -1) < 0) fail("poll");
    for (size_t i = 0; i < all.size(); ++i) {
      if (all[i].revents == 0) continue;
      if (i < 2) {
        const int fd = accept4(all[i].fd, nullptr, nullptr, SOCK_NONBLOCK);
        if (fd >= 0) all.push_back({fd, static_cast<short>(i == 0 ? POLLIN : POLLOUT), 0});
        continue;
      }
      const ssize_t count = all[i].events == POLLIN ? read(all[i].fd, memory, sizeof memory)
                                                    : send(all[i].fd, memory, sizeof memory, MSG_NOSIGNAL);
      if (count > 0 || (count < 0 && errno == EAGAIN)) continue;
      close(all[i].fd);
      all.erase(all.begin() + static_cast<ptrdiff_t>(i--));
    }
  }
}

int stream(bool push, const char* to, double seconds, const char* congestion) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (congestion && setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, congestion,
                               static_cast<socklen_t>(std::strlen(congestion))) != 0)
    fail(congestion);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(push ? kDiscardPort : kSourcePort);
  if (inet_pton(AF_INET, to, &address.sin_addr) != 1) fail(to);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("connect");
  const double begin = now_s();
  double window = begin, now = begin;
  uint64_t bytes = 0, seen = 0;
  std::vector<double> rates;
  while (now - begin < seconds) {
    const ssize_t count =
        push ? send(fd, memory, sizeof memory, MSG_NOSIGNAL) : read(fd, memory, sizeof memory);
    if (count <= 0) fail(push ? "send" : "read");
    bytes += static_cast<uint64_t>(count);
    now = now_s();
    if (now - window >= 0.1) {
      if (push) bytes = acknowledged_bytes(fd);
      rates.push_back(static_cast<double>(bytes - seen) / (now - window));
      seen = bytes;
      window = now;
    }
  }
  const double whole = static_cast<double>(push ? acknowledged_bytes(fd) : bytes) / (now - begin);
  std::sort(rates.begin(), rates.end());
  std::printf("{\"per_second\": %.6g, \"whole_per_second\": %.6g}\n",
              rates.empty() ? 0 : rates[rates.size() / 2], whole);
  return 0;
}

}  // namespace

int main(int count, char** words) {
  const std::string mode = count > 1 ? words[1] : "";
  if (mode == "serve") return serve();
  if ((mode == "push" || mode == "pull") && count >= 4)
    return stream(mode == "push", words[2], std::atof(words[3]), count > 4 ? words[4] : nullptr);
  std::fprintf(stderr, "usage: kernel_stream serve | push|pull ADDRESS SECONDS [CONGESTION]\n");
  return 2;
}
