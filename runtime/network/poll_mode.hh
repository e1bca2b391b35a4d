// SPDX-License-Identifier: Apache-2.0
// The reactor's word for the configuration's.
#pragma once
#include "dataplane/core/reactor.hh"
#include "runtime/config/config.hh"

namespace sluice::runtime {

inline PollMode poll_mode(const config::Configuration& configuration) {
  return configuration.poll == config::PollMode::kBusy ? PollMode::kBusy : PollMode::kAdaptive;
}

}  // namespace sluice::runtime
