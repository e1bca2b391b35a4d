// SPDX-License-Identifier: Apache-2.0
// What a port needs of the machine: privileges, devices, interfaces, driver bindings. Asked before DPDK is, because its
// own complaints name the function that failed instead of the way out.
#pragma once
#include <string>

#include "drivers/ethdev/port_spec.hh"

namespace sluice::ethdev {

// "" when nothing is known to be missing, else one line: what is missing and the command that mends it. `sysfs` is where
// the kernel shows PCI devices; tests pass a directory of their own.
std::string port_preflight(const PortSpec& spec, const std::string& sysfs = "/sys");

}  // namespace sluice::ethdev
