// SPDX-License-Identifier: Apache-2.0
// What `sluice bench` was asked to do, checked.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "dataplane/load/generator.hh"
#include "runtime/config/config.hh"

namespace sluice::runtime {

struct BenchOptions {
  std::string url;
  load::GeneratorOptions load;  // of all threads together
  uint32_t threads = 1;
  bool json = false;              // the report as JSON on standard output
  bool quiet = false;             // no progress line
  std::string json_file;          // the JSON report into a file as well
  config::Configuration network;  // transport, ports, cores
};

// `configuration` is that of the command line `sluice bench ...`: its `arguments` are the generator's own, the rest (transport,
// ports, cores) is taken as it is. nullopt: `error` is one line. Names in the URL are looked up by getaddrinfo.
std::optional<BenchOptions> parse_bench_options(const config::Configuration& configuration,
                                                std::string& error);

}  // namespace sluice::runtime
