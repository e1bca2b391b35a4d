// SPDX-License-Identifier: Apache-2.0
// From the configuration to the networks of the data cores: opens the ports (bypass) or the sockets' driver (kernel) and
// gives each core its clock, entropy, reactor and transport. Used by the program runner and by the load generator.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "dataplane/core/reactor.hh"
#include "dataplane/transport/transport.hh"
#include "drivers/clock.hh"
#include "drivers/entropy.hh"
#include "drivers/port.hh"
#include "runtime/config/config.hh"

namespace sluice::runtime {

class Capture;

// The network of one core. Made, used and destroyed on that core's thread.
class CoreNetwork {
 public:
  virtual ~CoreNetwork() = default;
  virtual Clock& clock() = 0;
  virtual Entropy& entropy() = 0;
  virtual Reactor& reactor() = 0;  // the transport is its first part already
  virtual transport::Transport& transport() = 0;
  // Whether every port has the addresses that it asks servers for (DHCP). True where none does.
  virtual bool has_addresses() { return true; }
  // The program is over: what has to be said to others is said, within kLeaveNs. The reactor's other parts are still there.
  virtual void leave() {}
  static constexpr uint64_t kLeaveNs = 100 * kNanosecondsPerMillisecond;
  virtual const char* driver() const = 0;  // for people: "io_uring", "epoll", "net_tap"
  // Calls `visit` with every counter of the core's transport, stack and ports: a name in Prometheus' form without the
  // "sluice_" prefix and "_total" suffix ("tcp_segments_received"), optional labels ("cause=\"bad_checksum\""), the value.
  using CounterVisitor = std::function<void(std::string_view name, std::string_view labels, uint64_t value)>;
  virtual void visit_counters(const CounterVisitor& visit) = 0;
  // The same for values that go up and down: connections by state, memory of tables.
  virtual void visit_gauges(const CounterVisitor& visit) = 0;
};

// What the cores share: the EAL and its ports. Made on the control core before any data core, destroyed after the last.
class Network {
 public:
  virtual ~Network() = default;
  // nullptr: `error` is one line that names the thing, the value and the way out.
  static std::unique_ptr<Network> open(const config::Configuration& configuration, std::string& error);
  // On the core's own thread, which is pinned already. `index` below configuration.cores.count.
  virtual std::unique_ptr<CoreNetwork> make_core(unsigned index, std::string& error) = 0;
  // Captures of what goes over the ports; nullptr where there are none.
  virtual Capture* capture() { return nullptr; }
};

}  // namespace sluice::runtime
