// SPDX-License-Identifier: Apache-2.0
// The program `sluice`: reads the command line and hands over to the runtime, the load generator or the doctor.
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>

#include <unistd.h>

#include "jsapi/modules.hh"
#include "runtime/bench/bench_command.hh"
#include "runtime/config/config.hh"
#include "runtime/doctor/doctor.hh"
#include "runtime/platform.hh"
#include "runtime/process.hh"
#include "runtime/process_title.hh"

// The start-up snapshot, made by jsapi/program/make_snapshot.cc and linked in.
extern "C" const char sluice_snapshot_begin[];
extern "C" const char sluice_snapshot_end[];

int main(int count, char** values) {
  sluice::runtime::keep_process_title(count, values);
  namespace config = sluice::config;
  namespace runtime = sluice::runtime;
  std::string error;
  const std::span<const char* const> arguments(values + 1, static_cast<size_t>(count > 0 ? count - 1 : 0));
  const std::optional<config::Configuration> configuration =
      config::load(arguments, std::getenv("NODE_OPTIONS"), error);
  const char* const first = values[0];
  if (!configuration) {
    const bool as_node = error.ends_with("requires an argument") || error.ends_with("in NODE_OPTIONS") ||
                         error.find("for NODE_OPTIONS") != std::string::npos;
    std::fprintf(stderr, "%s: %s\n", as_node ? first : "sluice", error.c_str());
    return as_node ? runtime::kExitBadOption : runtime::kExitConfiguration;
  }
  if (const std::string bad = runtime::give_to_v8(configuration->v8_words); !bad.empty()) {
    std::fprintf(stderr, "%s: bad option: %s; sluice --help lists them\n", first, bad.c_str());
    return runtime::kExitBadOption;
  }
  switch (configuration->command) {
    case config::Command::kHelp: std::fputs(config::help_text().c_str(), stdout); return 0;
    case config::Command::kVersion: std::fputs(config::version_text().c_str(), stdout); return 0;
    case config::Command::kDoctor: return sluice::doctor::run();
    case config::Command::kBench: return runtime::bench_command(*configuration);
    case config::Command::kNone:
      if (::isatty(0)) {
        std::fputs(config::help_text().c_str(), stdout);
        return 0;
      }
      break;
    default: break;
  }
  runtime::ProgramParts parts;
  parts.builtins = sluice::jsapi::builtin_modules();
  parts.natives = sluice::jsapi::native_modules();
  parts.snapshot_bytes = static_cast<size_t>(sluice_snapshot_end - sluice_snapshot_begin);
  if (parts.snapshot_bytes > 0 && !std::getenv("SLUICE_NO_SNAPSHOT")) parts.snapshot = sluice_snapshot_begin;
  char path[PATH_MAX];
  const ssize_t length = ::readlink("/proc/self/exe", path, sizeof(path));
  parts.executable = length > 0 ? std::string(path, static_cast<size_t>(length)) : values[0];
  parts.first_argument = first;
  return runtime::run_program(*configuration, parts);
}
