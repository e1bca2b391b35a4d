// SPDX-License-Identifier: Apache-2.0
// Runs simulated networks by seed: `simulation --seeds N` tries N of them (from --from, or 1) and names those
// that fail; `simulation --seed S` runs one and tells about it; with `--trace PATH` it writes a pcap file.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/scenarios/tcp_scenario.hh"

int main(int argc, char** argv) {
  uint64_t seeds = 200, first = 1;
  bool one = false;
  const char* trace_path = nullptr;
  for (int i = 1; i < argc; ++i) {
    const bool more = i + 1 < argc;
    if (!std::strcmp(argv[i], "--seeds") && more) {
      seeds = std::strtoull(argv[++i], nullptr, 10);
    } else if (!std::strcmp(argv[i], "--from") && more) {
      first = std::strtoull(argv[++i], nullptr, 10);
    } else if (!std::strcmp(argv[i], "--trace") && more) {
      trace_path = argv[++i];
    } else if (!std::strcmp(argv[i], "--seed") && more) {
      first = std::strtoull(argv[++i], nullptr, 10);
      seeds = 1;
      one = true;
    } else {
      std::fprintf(stderr, "usage: %s [--seeds N] [--from S] | --seed S [--trace PATH]\n", argv[0]);
      return 2;
    }
  }
  uint64_t failed = 0;
  for (uint64_t seed = first; seed < first + seeds; ++seed) {
    const std::string wrong = sluice::scenarios::run_tcp_scenario(seed, one, trace_path);
    if (wrong.empty()) continue;
    ++failed;
    std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed), wrong.c_str());
    std::fflush(stdout);
  }
  std::printf("%llu passed, %llu failed\n", static_cast<unsigned long long>(seeds - failed),
              static_cast<unsigned long long>(failed));
  return failed ? 1 : 0;
}
