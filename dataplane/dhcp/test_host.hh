// SPDX-License-Identifier: Apache-2.0
// For tests: a host whose addresses come from servers, on a simulated wire.
#pragma once
#include <memory>
#include <vector>

#include "dataplane/dhcp/service.hh"
#include "dataplane/ip/test_host.hh"

namespace sluice::dhcp {

using ip::Bytes;

struct DhcpHost final : ServiceListener {
  explicit DhcpHost(simulation::Simulation& its_sim, const InterfaceWishes& wishes,
                    ip::InterfaceOptions options = {.name = "test"})
      : sim(its_sim),
        port(sim.wire.add_port({})),
        timers(sim.now_ns()),
        stack(timers, sim.entropy),
        udp(stack, sim.entropy) {
    stack.add_interface(port, options);
    service = std::make_unique<Service>(timers, sim.clock, sim.entropy, stack, udp, *this);
    SLUICE_ASSERT(service->add(0, wishes).empty());
    sim.add_host(timers, [this](uint64_t now_ns) {
      bool any = stack.receive(now_ns);
      any |= timers.advance(now_ns) > 0;
      stack.transmit(now_ns);
      return any;
    });
  }
  ~DhcpHost() { sim.remove_host(timers); }
  void on_lease4(uint8_t, const Lease4* lease) override {
    ++changes;
    last = lease != nullptr ? std::optional(*lease) : std::nullopt;
  }
  void on_held6(uint8_t, std::span<const ip::LearntIpv6>) override {}
  void on_lease6(uint8_t, const Lease6& lease) override {
    ++changes;
    last6 = lease;
  }
  const Client6& client6() { return *service->client6(0); }
  const Client4& client() { return *service->client4(0); }

  simulation::Simulation& sim;
  simulation::SimulatedPort& port;
  TimerWheel timers;
  ip::Stack stack;
  udp::Udp udp;
  std::unique_ptr<Service> service;
  unsigned changes = 0;
  std::optional<Lease4> last;
  std::optional<Lease6> last6;
};

}  // namespace sluice::dhcp
