// SPDX-License-Identifier: Apache-2.0
#include "runtime/config/node_options.hh"

#include <algorithm>

namespace sluice::config {

namespace {

using enum NodeOption::Kind;

constexpr NodeOption kNodeOptions[] = {
    {kFlag, "--abort-on-uncaught-exception"},
    {kIgnored, "--addons"},
    {kFlag, "--check", false},
    {kValue, "--conditions"},
    {kMissing, "--cpu-prof"},
    {kFlag, "--deprecation"},
    {kValue, "--diagnostic-dir"},
    {kValue, "--disable-proto"},
    {kValue, "--disable-warning"},
    {kIgnored, "--disable-wasm-trap-handler"},
    {kValue, "--dns-result-order"},
    {kFlag, "--enable-source-maps"},
    {kFlag, "--entry-url"},
    {kValue, "--env-file", false},
    {kValue, "--env-file-if-exists", false},
    {kIgnored, "--experimental-abortcontroller"},
    {kIgnored, "--experimental-async-context-frame"},
    {kIgnored, "--experimental-default-type", true, true},
    {kIgnored, "--experimental-detect-module"},
    {kIgnored, "--experimental-eventsource"},
    {kIgnored, "--experimental-fetch"},
    {kIgnored, "--experimental-global-customevent"},
    {kIgnored, "--experimental-global-navigator"},
    {kIgnored, "--experimental-global-webcrypto"},
    {kIgnored, "--experimental-import-meta-resolve"},
    {kIgnored, "--experimental-json-modules"},
    {kMissing, "--experimental-loader", true, true},
    {kMissing, "--experimental-permission"},
    {kIgnored, "--experimental-print-required-tla"},
    {kIgnored, "--experimental-repl-await"},
    {kIgnored, "--experimental-require-module"},
    {kIgnored, "--experimental-shadow-realm"},
    {kIgnored, "--experimental-specifier-resolution", true, true},
    {kIgnored, "--experimental-sqlite"},
    {kMissing, "--experimental-strip-types"},
    {kIgnored, "--experimental-test-coverage"},
    {kIgnored, "--experimental-test-module-mocks"},
    {kMissing, "--experimental-transform-types"},
    {kIgnored, "--experimental-vm-modules"},
    {kIgnored, "--experimental-wasm-modules"},
    {kIgnored, "--experimental-webstorage"},
    {kIgnored, "--experimental-websocket"},
    {kIgnored, "--experimental-worker"},
    {kIgnored, "--expose-internals"},
    {kIgnored, "--extra-info-on-fatal-exception"},
    {kMissing, "--force-context-aware"},
    {kMissing, "--force-fips"},
    {kIgnored, "--frozen-intrinsics"},
    {kIgnored, "--global-search-paths"},
    {kMissing, "--heap-prof"},
    {kMissing, "--heapsnapshot-near-heap-limit", true, true},
    {kMissing, "--heapsnapshot-signal", true, true},
    {kIgnored, "--icu-data-dir", true, true},
    {kValue, "--import"},
    {kValue, "--input-type"},
    {kFlag, "--insecure-http-parser"},
    {kMissing, "--inspect"},
    {kMissing, "--inspect-brk"},
    {kMissing, "--inspect-port", true, true},
    {kMissing, "--inspect-publish-uid", true, true},
    {kMissing, "--inspect-wait"},
    {kFlag, "--interactive", false},
    {kIgnored, "--localstorage-file", true, true},
    {kValue, "--max-http-header-size"},
    {kIgnored, "--network-family-autoselection"},
    {kValue, "--network-family-autoselection-attempt-timeout"},
    {kIgnored, "--node-snapshot"},
    {kMissing, "--openssl-config", true, true},
    {kMissing, "--openssl-legacy-provider"},
    {kMissing, "--openssl-shared-config"},
    {kFlag, "--pending-deprecation"},
    {kMissing, "--permission"},
    {kFlag, "--preserve-symlinks"},
    {kFlag, "--preserve-symlinks-main"},
    {kMissing, "--prof"},
    {kValue, "--redirect-warnings"},
    {kMissing, "--report-compact"},
    {kMissing, "--report-dir", true, true},
    {kMissing, "--report-directory", true, true},
    {kMissing, "--report-filename", true, true},
    {kMissing, "--report-on-fatalerror"},
    {kMissing, "--report-on-signal"},
    {kMissing, "--report-signal", true, true},
    {kMissing, "--report-uncaught-exception"},
    {kValue, "--require"},
    {kValue, "--run", false},
    {kMissing, "--secure-heap", true, true},
    {kMissing, "--secure-heap-min", true, true},
    {kFlag, "--test", false},
    {kValue, "--test-concurrency"},
    {kIgnored, "--test-coverage-exclude", true, true},
    {kIgnored, "--test-coverage-include", true, true},
    {kFlag, "--test-force-exit", false},
    {kValue, "--test-isolation", false},
    {kValue, "--test-name-pattern"},
    {kFlag, "--test-only"},
    {kValue, "--test-reporter"},
    {kValue, "--test-reporter-destination"},
    {kValue, "--test-shard"},
    {kValue, "--test-skip-pattern"},
    {kValue, "--test-timeout", false},
    {kFlag, "--test-update-snapshots", false},
    {kFlag, "--throw-deprecation"},
    {kValue, "--title"},
    {kValue, "--tls-cipher-list"},
    {kValue, "--tls-keylog", true},
    {kFlag, "--tls-max-v1.2"},
    {kFlag, "--tls-max-v1.3"},
    {kFlag, "--tls-min-v1.0"},
    {kFlag, "--tls-min-v1.1"},
    {kFlag, "--tls-min-v1.2"},
    {kFlag, "--tls-min-v1.3"},
    {kFlag, "--trace-deprecation"},
    {kMissing, "--trace-env"},
    {kMissing, "--trace-event-categories", true, true},
    {kFlag, "--trace-exit"},
    {kFlag, "--trace-promises"},
    {kIgnored, "--trace-require-module"},
    {kFlag, "--trace-sigint"},
    {kFlag, "--trace-sync-io"},
    {kFlag, "--trace-tls"},
    {kFlag, "--trace-uncaught"},
    {kFlag, "--trace-warnings"},
    {kFlag, "--track-heap-objects"},
    {kValue, "--unhandled-rejections"},
    {kFlag, "--use-bundled-ca"},
    {kIgnored, "--use-largepages", true, true},
    {kFlag, "--use-openssl-ca"},
    {kFlag, "--use-system-ca"},
    {kIgnored, "--v8-pool-size", true, true},
    {kIgnored, "--verify-base-objects"},
    {kFlag, "--warnings"},
    {kFlag, "--watch"},
    {kValue, "--watch-path"},
    {kFlag, "--watch-preserve-output"},
    {kIgnored, "--zero-fill-buffers"},
    // Of V8, those that people give; any other of it is taken as well.
    {kV8, "--allow-natives-syntax", false},
    {kV8, "--disallow-code-generation-from-strings"},
    {kV8, "--enable-etw-stack-walking"},
    {kV8, "--expose-gc"},
    {kV8, "--harmony-import-attributes"},
    {kV8, "--harmony-shadow-realm"},
    {kV8, "--huge-max-old-generation-size"},
    {kV8, "--interpreted-frames-native-stack"},
    {kV8, "--jitless"},
    {kV8, "--max-old-space-size"},
    {kV8, "--max-semi-space-size"},
    {kV8, "--perf-basic-prof"},
    {kV8, "--perf-basic-prof-only-functions"},
    {kV8, "--perf-prof"},
    {kV8, "--perf-prof-unwinding-info"},
    {kV8, "--stack-size", false},
    {kV8, "--stack-trace-limit"},
};

}  // namespace

const NodeOption* find_node_option(std::string_view given, bool& negated) {
  negated = false;
  std::string name(given);
  if (name == "-r") name = "--require";
  if (name == "-C") name = "--conditions";
  if (name == "-c") name = "--check";
  if (name == "-i") name = "--interactive";
  if (!name.starts_with("--")) return nullptr;
  std::replace(name.begin() + 2, name.end(), '_', '-');
  for (int round = 0; round < 2; ++round) {
    for (const NodeOption& option : kNodeOptions) {
      if (option.name != name) continue;
      negated = round == 1;
      if (negated && (option.kind == kValue || option.kind == kV8)) return nullptr;
      return &option;
    }
    if (!name.starts_with("--no-")) break;
    name.erase(2, 3);
  }
  return nullptr;
}

std::vector<std::string> environment_options() {
  std::vector<std::string> names = {"-C", "-r"};
  for (const NodeOption& option : kNodeOptions) {
    if (!option.in_environment) continue;
    const bool only_off = option.name == "--warnings" || option.name == "--deprecation" ||
                          option.name == "--addons" || option.name == "--global-search-paths";
    if (!only_off) names.emplace_back(option.name);
    if (option.kind != kValue && option.kind != kV8 && option.kind != kMissing)
      names.push_back("--no-" + std::string(option.name.substr(2)));
  }
  return names;
}

bool split_node_options(std::string_view text, std::vector<std::string>& words) {
  std::string word;
  bool quoted = false, any = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char letter = text[i];
    if (letter == '\\' && quoted) {
      if (i + 1 == text.size()) return false;
      letter = text[++i];
    } else if (letter == ' ' && !quoted) {
      if (any) words.push_back(word);
      word.clear();
      any = false;
      continue;
    } else if (letter == '"') {
      quoted = !quoted;
      any = true;
      continue;
    }
    word += letter;
    any = true;
  }
  if (any) words.push_back(word);
  return !quoted;
}

}  // namespace sluice::config
