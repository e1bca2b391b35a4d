// SPDX-License-Identifier: Apache-2.0
// The least that can answer an HTTP client on the kernel transport: a fixed keep-alive response for each
// request head. What this reaches under wrk is the ceiling for everything built on the transport.
//
//   kernel_echo [--driver uring|epoll|auto] [--port N] [--seconds S] [--busy] [--close]
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "dataplane/core/reactor.hh"
#include "dataplane/transport/kernel.hh"
#include "drivers/kernel/host_clock.hh"

using namespace sluice;

namespace {

constexpr std::string_view kResponse =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, world!";

class Responder final : public transport::ListenerUser, public transport::StreamUser {
 public:
  uint64_t requests = 0;
  bool close = false;

  void on_accepted(transport::Stream& stream) override { stream.set_user(this); }
  void on_data(transport::Stream& stream, Buffer* chain) override {
    const uint32_t bytes = chain->chain_length();
    // Requests without bodies end in an empty line; one that is split over two Buffers is not counted, wrk
    // sends none.
    std::string_view text = chain->text();
    for (size_t at = text.find("\r\n\r\n"); at != std::string_view::npos;
         at = text.find("\r\n\r\n", at + 4)) {
      ++requests;
      stream.write_copy(kResponse);
    }
    release(chain);
    stream.consumed(bytes);
    if (close) stream.shutdown();
  }
  void on_end(transport::Stream& stream) override { stream.shutdown(); }
  void on_closed(transport::Stream&, Error) override {}
};

struct Stop : Timer {
  Reactor* reactor;
};

}  // namespace

int main(int argc, char** argv) {
  kernel::DriverOptions options;
  uint16_t port = 0;
  uint64_t seconds = 10;
  PollMode mode = PollMode::kAdaptive;
  bool close = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    const char* value = i + 1 < argc ? argv[i + 1] : "";
    if (name == "--busy") {
      mode = PollMode::kBusy;
      continue;
    }
    if (name == "--close") {
      close = true;
      continue;
    }
    if (name == "--driver") {
      options.kind = !strcmp(value, "uring")   ? kernel::DriverKind::kUring
                     : !strcmp(value, "epoll") ? kernel::DriverKind::kEpoll
                                               : kernel::DriverKind::kAutomatic;
    } else if (name == "--port") {
      port = static_cast<uint16_t>(atoi(value));
    } else if (name == "--seconds") {
      seconds = strtoull(value, nullptr, 10);
    } else {
      std::fprintf(
          stderr,
          "usage: kernel_echo [--driver uring|epoll|auto] [--port N] [--seconds S] [--busy] [--close]\n");
      return 2;
    }
    ++i;
  }

  HeapBufferPool pool(transport::KernelTransport::kBufferStorageBytes, 65'536);
  std::string why;
  auto driver = kernel::make_socket_driver(options, pool, why);
  if (!why.empty()) std::fprintf(stderr, "kernel_echo: %s\n", why.c_str());
  if (!driver) return 1;
  kernel::HostClock clock;
  Reactor reactor(clock, driver->waiter(), mode);
  transport::KernelTransport transport(reactor, *driver, pool);
  reactor.add(transport);
  Responder responder;
  responder.close = close;
  auto listener = transport.listen({.local = {IpAddress::v4(0x7f000001), port}}, responder);
  if (!listener) {
    std::fprintf(stderr, "kernel_echo: %s\n", listener.detail.c_str());
    return 1;
  }
  std::printf("%s listens on %s for %llu s\n", driver->name(), listener.value->local().to_string().c_str(),
              static_cast<unsigned long long>(seconds));
  std::fflush(stdout);
  Stop stop;
  stop.reactor = &reactor;
  stop.fire = [](Timer& timer, uint64_t) { static_cast<Stop&>(timer).reactor->stop(); };
  reactor.timers().arm(stop, reactor.now_ns() + seconds * kNanosecondsPerSecond);
  reactor.run();

  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const double user =
      static_cast<double>(usage.ru_utime.tv_sec) + static_cast<double>(usage.ru_utime.tv_usec) / 1e6;
  const double system =
      static_cast<double>(usage.ru_stime.tv_sec) + static_cast<double>(usage.ru_stime.tv_usec) / 1e6;
  const double requests = static_cast<double>(responder.requests);
  std::printf(
      "%s: %llu requests, %.0f per CPU-second (user %.2f s, system %.2f s), %.2f system calls and %.2f turns "
      "a request, "
      "%llu sleeps, %llu connections\n",
      driver->name(), static_cast<unsigned long long>(responder.requests), requests / (user + system), user,
      system, static_cast<double>(driver->counters.system_calls) / requests,
      static_cast<double>(reactor.counters.turns) / requests,
      static_cast<unsigned long long>(reactor.counters.sleeps),
      static_cast<unsigned long long>(transport.counters.accepted));
  listener.value.reset();
  return 0;
}
