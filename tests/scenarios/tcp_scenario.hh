// SPDX-License-Identifier: Apache-2.0
// One simulated run of TCP on a hostile wire, all of it chosen by a seed: conditions of the wire, what the
// ports offload, limits, how many connections, who sends how much in which pieces, who ends first.
#pragma once
#include <cstdint>
#include <string>

namespace sluice::scenarios {

// Empty when every invariant held: all bytes arrived in order and once, every connection ended as it should,
// no Buffer and no record is left. Otherwise what went wrong. `trace_path`, if any, gets all frames as a pcap
// file.
std::string run_tcp_scenario(uint64_t seed, bool talkative = false, const char* trace_path = nullptr);

}  // namespace sluice::scenarios
