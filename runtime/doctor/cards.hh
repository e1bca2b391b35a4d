// SPDX-License-Identifier: Apache-2.0
// The PCI devices that matter here: network cards and Intel QAT accelerators.
#pragma once
#include <string>
#include <vector>

#include "runtime/doctor/machine.hh"

namespace sluice::doctor {

struct Card {
  std::string address;                  // 0000:01:00.0
  std::string id;                       // "8086:10fb"
  std::string name;                     // from pci.ids, or empty
  std::string driver;                   // that it belongs to now, or empty
  std::string pmd;                      // DPDK driver of ours that would take it, or empty
  std::vector<std::string> interfaces;  // of the kernel
  int numa_node = -1;
  bool carries_default_route = false;
  bool virtual_function = false;
};

// DPDK takes it as it is: bound to a userspace driver, or (mlx5) through the kernel's own.
bool ready_for_dpdk(const Card& card);

std::vector<Card> network_cards(const Machine& machine);
// QAT; `name` says which generation.
std::vector<Card> accelerators(const Machine& machine);

}  // namespace sluice::doctor
