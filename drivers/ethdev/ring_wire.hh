// SPDX-License-Identifier: Apache-2.0
// A wire of shared memory: two DPDK ring ports, back to back, in one process or between a primary and a secondary
// process. Frames change hands as pointers, nothing is copied.
#pragma once
#include <cstdint>
#include <string>

#include "drivers/ethdev/port_spec.hh"

namespace sluice::ethdev {

// Makes sure that the wire which `spec` (kind ring) names exists, and gives the DPDK port of its side in `port_id`.
// Returns "" or what is wrong. A secondary process only finds the wires that its primary had made before it started.
std::string find_ring_port(const PortSpec& spec, uint16_t& port_id);

// Called when a side is closed; the wire goes when nobody in this process holds a side any more.
void drop_ring_port(const PortSpec& spec);

}  // namespace sluice::ethdev
