// SPDX-License-Identifier: Apache-2.0
// The cores' networks on DPDK ports: one queue of each port a core, with a stack of its own on top.
#pragma once
#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/core/keyed_hash.hh"
#include "dataplane/filter/filtered_port.hh"
#include "dataplane/udp/port_owners.hh"
#include "drivers/ethdev/ethdev.hh"
#include "drivers/ethdev/jit_matcher.hh"
#include "drivers/kernel/event_waiter.hh"
#include "drivers/kernel/kernel_interface.hh"
#include "runtime/capture/capture.hh"
#include "runtime/network/buffer_exchange.hh"
#include "runtime/network/learnt_board.hh"
#include "runtime/network/neighbour_exchange.hh"
#include "runtime/network/network.hh"

namespace sluice::runtime {

class BypassNetwork final : public Network {
 public:
  static std::unique_ptr<Network> open(const config::Configuration& configuration, std::string& error);
  ~BypassNetwork() override;
  std::unique_ptr<CoreNetwork> make_core(unsigned index, std::string& error) override;
  Capture* capture() override { return capture_.get(); }

 private:
  friend class BypassCore;
  bool is_shared(size_t device) const { return std::count(device_of_.begin(), device_of_.end(), device) > 1; }
  explicit BypassNetwork(const config::Configuration& configuration) : configuration_(configuration) {}
  std::vector<filter::Rule> rules_of(size_t port) const;
  std::string open_kernel_interface(size_t port);
  const config::Configuration& configuration_;
  std::vector<std::unique_ptr<ethdev::EthernetDevice>> devices_;
  std::vector<size_t> device_of_;  // in the order of configuration_.ports: VLANs share a device
  std::vector<std::unique_ptr<kernel::EventWaiter>>
      waiters_;  // of the cores; here, so that each may wake the others
  std::unique_ptr<NeighbourExchange> neighbours_;
  // In the order of devices_: null for a port without one.
  std::vector<std::unique_ptr<kernel::KernelInterface>> kernel_interfaces_;
  // In the order of devices_: frames between the cores of a port that does not steer; null for one that does.
  std::vector<std::unique_ptr<BufferExchange>> steering_;
  std::unique_ptr<LearntBoard> learnt_;                        // with several cores
  std::vector<std::unique_ptr<ethdev::JitMatcher>> matchers_;  // in the order of configuration_.filters
  std::unique_ptr<Capture> capture_;
  std::unique_ptr<udp::PortOwners> udp_ports_;
  std::unique_ptr<BufferExchange> loop_;  // packets to ourselves, with several cores
  std::array<uint64_t, 2> stable_key_{};
  // Of all cores: a cookie that one of them gives is good on the others, where the next connection may go.
  HashKey fast_open_key_;
};

}  // namespace sluice::runtime
