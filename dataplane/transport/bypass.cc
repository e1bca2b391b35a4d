// SPDX-License-Identifier: Apache-2.0
// The bypass transport: our stack as a Transport and a ReactorPart.
#include "dataplane/transport/bypass.hh"

#include <algorithm>

#include "dataplane/tcp/tcp.hh"
#include "dataplane/udp/udp.hh"

namespace sluice::transport {

BypassTransport::BypassTransport(TimerWheel& timers, Clock& clock, Entropy& entropy, ip::Stack& stack)
    : BypassTransport(timers, clock, entropy, stack, tcp::Limits{}) {}

BypassTransport::BypassTransport(TimerWheel& timers, Clock& clock, Entropy& entropy, ip::Stack& stack,
                                 const tcp::Limits& limits)
    : stack_(stack),
      tcp_(std::make_unique<tcp::Tcp>(timers, clock, entropy, stack, limits)),
      udp_(std::make_unique<udp::Udp>(stack, entropy)) {}

BypassTransport::~BypassTransport() = default;

void BypassTransport::sleep_on(Port& port, Waiter& waiter) {
  const int fd = port.interrupt_fd();
  if (fd >= 0) waiter.watch(fd);
  sleeping_ports_.push_back({&port, fd >= 0});
}

Result<std::unique_ptr<Listener>> BypassTransport::listen(const ListenOptions& options, ListenerUser& user) {
  return tcp_->listen(options, user);
}

Result<Stream*> BypassTransport::connect(const ConnectOptions& options, StreamUser& user) {
  return tcp_->connect(options, user);
}

Result<std::unique_ptr<DatagramSocket>> BypassTransport::bind_datagram(const DatagramOptions& options,
                                                                       DatagramUser& user) {
  return udp_->bind(options, user);
}

BufferPool& BypassTransport::pool() { return stack_.pool(); }
uint32_t BypassTransport::open_streams() const { return tcp_->open_streams(); }

bool BypassTransport::receive(uint64_t now_ns) {
  now_ns_ = now_ns;
  tcp_->set_now(now_ns);
  // What had to wait for this turn counts as work: the core must not sleep upon it.
  const bool waiting = tcp_->has_work() || stack_.has_pending();
  const bool received = stack_.receive(now_ns);
  if (received) nap_ns_ = kShortestNapNs;
  return received || waiting;
}

bool BypassTransport::deliver(uint64_t now_ns) {
  // Connections that ended in this turn, by a segment or a timer, before the isolate takes its batch.
  tcp_->set_now(now_ns);
  return tcp_->report_closed();
}

void BypassTransport::transmit(uint64_t now_ns) {
  tcp_->set_now(now_ns);
  tcp_->flush();
  stack_.transmit(now_ns);
}

bool BypassTransport::prepare_sleep(uint64_t& timeout_ns) {
  if (tcp_->has_work() || stack_.has_pending()) return false;
  bool all_watched = !sleeping_ports_.empty();
  for (const SleepingPort& each : sleeping_ports_) {
    each.port->arm_interrupt();
    all_watched &= each.watched;
  }
  // What came before the interrupt was armed would not end the sleep (Port::arm_interrupt).
  if (stack_.receive(now_ns_)) {
    nap_ns_ = kShortestNapNs;
    return false;
  }
  if (!all_watched) {
    timeout_ns = std::min(timeout_ns, nap_ns_);
    nap_ns_ = std::min(nap_ns_ + nap_ns_ / 8, kLongestNapNs);
  }
  return true;
}

void BypassTransport::after_sleep() {
  for (const SleepingPort& each : sleeping_ports_) each.port->disarm_interrupt();
}

}  // namespace sluice::transport
