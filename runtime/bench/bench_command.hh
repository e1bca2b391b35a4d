// SPDX-License-Identifier: Apache-2.0
// `sluice bench URL`: the load generator's command line, its threads, its progress line and its report.
#pragma once
#include <string>

#include "runtime/config/config.hh"

namespace sluice::runtime {

// Runs the load described by `configuration`, that of the command line `sluice bench ...`, and reports on standard output. Returns the exit
// code: 0 when responses came and none of them failed, 1 when some requests failed or none was answered, 2 for an
// argument that cannot be taken. Main thread.
int bench_command(const config::Configuration& configuration);

// What `sluice bench --help` prints.
std::string bench_help_text();

}  // namespace sluice::runtime
