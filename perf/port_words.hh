// SPDX-License-Identifier: Apache-2.0
// A port as the programs that measure are told it on their command line: kind:name[,setting=value...], as in
// memif:/tmp/wire,role=client; `mtu` is taken off.
#pragma once
#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>

#include "drivers/ethdev/port_spec.hh"

namespace sluice::perf {

// nullopt when it is none.
inline std::optional<ethdev::PortSpec> parse_port(const std::string& text) {
  const size_t colon = text.find(':');
  const auto kind = ethdev::parse_port_kind(text.substr(0, colon));
  if (colon == std::string::npos || !kind) return std::nullopt;
  ethdev::PortSpec spec;
  spec.kind = *kind;
  size_t comma = std::min(text.find(',', colon), text.size());
  spec.name = text.substr(colon + 1, comma - colon - 1);
  while (comma < text.size()) {
    const size_t end = std::min(text.find(',', comma + 1), text.size());
    const std::string part = text.substr(comma + 1, end - comma - 1);
    const size_t equals = std::min(part.find('='), part.size());
    const std::string value = equals < part.size() ? part.substr(equals + 1) : "1";
    if (part.substr(0, equals) == "mtu") {
      spec.mtu_bytes = static_cast<uint32_t>(std::atoi(value.c_str()));
    } else {
      spec.settings[part.substr(0, equals)] = value;
    }
    comma = end;
  }
  return spec;
}

}  // namespace sluice::perf
