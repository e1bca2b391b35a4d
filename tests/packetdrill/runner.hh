// SPDX-License-Identifier: Apache-2.0
// Plays one script against a stack of its own on a simulated wire, in virtual time.
#pragma once
#include <string>

#include "tests/packetdrill/script.hh"

namespace sluice::packetdrill {

struct Verdict {
  enum class Kind : uint8_t { kPassed, kFailed, kNotApplicable } kind = Kind::kPassed;
  std::string text;  // what failed with its line, or why the script does not apply
};

// How far a packet, or the return of a call, may be from the time that a script says. Linux's own tests allow 4 ms.
inline constexpr int64_t kToleranceUs = 4'000;

// `pcap_path`: what is sent is written there; empty: nowhere.
Verdict run(const Script& script, uint64_t seed, const std::string& pcap_path);

}  // namespace sluice::packetdrill
