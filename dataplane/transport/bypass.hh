// SPDX-License-Identifier: Apache-2.0
// The bypass transport: streams and datagrams of one core from our own TCP and UDP over our own IP stack. It
// also drives that stack: a turn of the reactor receives, and later sends, through it.
#pragma once
#include <memory>
#include <vector>

#include "dataplane/core/reactor.hh"
#include "dataplane/core/timer.hh"
#include "dataplane/ip/stack.hh"
#include "dataplane/transport/transport.hh"
#include "drivers/clock.hh"
#include "drivers/entropy.hh"
#include "drivers/port.hh"
#include "drivers/waiter.hh"

namespace sluice::tcp {
class Tcp;
struct Limits;
}  // namespace sluice::tcp
namespace sluice::udp {
class Udp;
}

namespace sluice::transport {

class BypassTransport final : public Transport, public ReactorPart {
 public:
  // Borrows all; they outlive the transport. Registers itself with `stack` for TCP and UDP. The stack's
  // interfaces may be added before or after; the reactor's parts are added by whoever made them: this one
  // before the isolate.
  BypassTransport(TimerWheel& timers, Clock& clock, Entropy& entropy, ip::Stack& stack);
  // The same with limits of TCP other than the defaults (dataplane/tcp/limits.hh).
  BypassTransport(TimerWheel& timers, Clock& clock, Entropy& entropy, ip::Stack& stack,
                  const tcp::Limits& limits);
  // Ends every connection without a word to the peers; users are not called any more.
  ~BypassTransport() override;

  // Lets the core sleep until `port` has frames: its descriptor is watched by `waiter`. Call once for each
  // port of the stack; without it, or when the port has no descriptor, the core naps: kShortestNapNs when
  // frames came of late, and longer with each nap in vain, up to kLongestNapNs, which costs about 1 % of a
  // processor. The first frame makes naps short again.
  void sleep_on(Port& port, Waiter& waiter);
  static constexpr uint64_t kShortestNapNs = 200'000, kLongestNapNs = 4'000'000;

  // ---- Transport ----
  const char* name() const override { return "bypass"; }
  Result<std::unique_ptr<Listener>> listen(const ListenOptions& options, ListenerUser& user) override;
  Result<Stream*> connect(const ConnectOptions& options, StreamUser& user) override;
  Result<std::unique_ptr<DatagramSocket>> bind_datagram(const DatagramOptions& options,
                                                        DatagramUser& user) override;
  BufferPool& pool() override;
  uint32_t open_streams() const override;

  // ---- ReactorPart ----
  bool receive(uint64_t now_ns) override;
  bool deliver(uint64_t now_ns) override;
  void transmit(uint64_t now_ns) override;
  bool prepare_sleep(uint64_t& timeout_ns) override;
  void after_sleep() override;

  tcp::Tcp& tcp() { return *tcp_; }
  udp::Udp& udp() { return *udp_; }
  ip::Stack& stack() { return stack_; }

 private:
  struct SleepingPort {
    Port* port;
    bool watched;  // its descriptor ends a sleep
  };
  ip::Stack& stack_;
  uint64_t now_ns_ = 0;  // of this turn
  std::unique_ptr<tcp::Tcp> tcp_;
  std::unique_ptr<udp::Udp> udp_;
  std::vector<SleepingPort> sleeping_ports_;
  uint64_t nap_ns_ = kShortestNapNs;
};

}  // namespace sluice::transport
