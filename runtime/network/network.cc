// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/network.hh"

#include "runtime/network/bypass_network.hh"
#include "runtime/network/kernel_network.hh"

namespace sluice::runtime {

std::unique_ptr<Network> Network::open(const config::Configuration& configuration, std::string& error) {
  if (configuration.transport == config::TransportKind::kBypass)
    return BypassNetwork::open(configuration, error);
  return std::make_unique<KernelNetwork>(configuration);
}

}  // namespace sluice::runtime
