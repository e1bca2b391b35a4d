// SPDX-License-Identifier: Apache-2.0
// What one data core offers to the isolates that run on it. Made once per core, before its first isolate, and outlives
// all of them: an isolate may be replaced (watchdog, heap limit, reload) while connections of the core go on.
#pragma once
#include <memory>

#include "dataplane/core/reactor.hh"
#include "dataplane/transport/transport.hh"
#include "drivers/clock.hh"
#include "drivers/entropy.hh"

namespace v8 {
class Isolate;
}
namespace sluice::config {
struct Configuration;
}

namespace sluice::runtime {

class ServerRegistry;

struct CoreServices {
  unsigned index;  // 0 .. count-1
  unsigned count;  // data cores of this process
  Reactor& reactor;
  Clock& clock;
  Entropy& entropy;
  transport::Transport& transport;
  const config::Configuration& configuration;
  ServerRegistry& servers;
  // jsapi's own of this core (client connections, proxy), made at its first use; outlives the isolates.
  std::shared_ptr<void> script_network = nullptr;
};

// The services of the core that `isolate` runs on. Core's thread.
CoreServices& core_services(v8::Isolate* isolate);

}  // namespace sluice::runtime
