// SPDX-License-Identifier: Apache-2.0
// What the commands of a script ask of the host, as far as it is a setting of our TCP: sysctl, and packetdrill's files of
// defaults, which hold Linux's values.
#pragma once
#include <optional>

#include "dataplane/tcp/congestion.hh"
#include "dataplane/tcp/limits.hh"
#include "tests/packetdrill/script.hh"

namespace sluice::packetdrill {

struct Settings {
  tcp::Limits limits;
  tcp::CongestionControl congestion_control = tcp::CongestionControl::kCubic;
  std::optional<NotApplicable> foreign;  // a command without a meaning here
};

Settings settings_of(const Script& script);

}  // namespace sluice::packetdrill
