// SPDX-License-Identifier: Apache-2.0
// sluice-packetdrill: plays scripts written for packetdrill against our TCP, in this process and in virtual time.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "tests/packetdrill/runner.hh"

namespace {

using namespace sluice::packetdrill;
namespace fs = std::filesystem;

void usage() {
  std::puts(
      "usage: sluice-packetdrill [--seed N] [--pcap DIR] [--quiet] FILE.pkt | DIR ...\n"
      "Plays each script against the TCP of this build. Prints a line for each that does not pass and a "
      "table.\n"
      "  --seed N    of initial sequence numbers (1)\n"
      "  --pcap DIR  write what was sent to DIR, a file for each script\n"
      "  --quiet     the table only\n"
      "Ends with 1 when one fails.");
}

Verdict play(const fs::path& path, uint64_t seed, const std::string& pcap_directory) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) return {Verdict::Kind::kFailed, "cannot be read"};
  const Parsed parsed = parse(text.str());
  if (const auto* mistake = std::get_if<Mistake>(&parsed))
    return {Verdict::Kind::kFailed, "line " + std::to_string(mistake->line) + ": " + mistake->text};
  if (const auto* foreign = std::get_if<NotApplicable>(&parsed))
    return {Verdict::Kind::kNotApplicable, foreign->reason};
  const std::string pcap =
      pcap_directory.empty() ? "" : pcap_directory + "/" + path.stem().string() + ".pcap";
  return run(std::get<Script>(parsed), seed, pcap);
}

struct Row {
  unsigned passed = 0, failed = 0, not_applicable = 0;
};

}  // namespace

int main(int argc, char** argv) {
  uint64_t seed = 1;
  std::string pcap_directory;
  bool quiet = false;
  std::vector<std::pair<fs::path, std::string>> scripts;  // with the name of their row
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--seed" && i + 1 < argc) {
      seed = std::strtoull(argv[++i], nullptr, 10);
    } else if (argument == "--pcap" && i + 1 < argc) {
      pcap_directory = argv[++i];
    } else if (argument == "--quiet") {
      quiet = true;
    } else if (argument.starts_with("-")) {
      usage();
      return 2;
    } else if (fs::is_directory(argument)) {
      for (const auto& entry : fs::recursive_directory_iterator(argument)) {
        if (entry.path().extension() != ".pkt") continue;
        const fs::path below = entry.path().lexically_relative(argument).parent_path();
        scripts.emplace_back(entry.path(), below.empty() ? "." : below.string());
      }
    } else {
      scripts.emplace_back(argument, ".");
    }
  }
  if (scripts.empty()) {
    usage();
    return 2;
  }
  std::sort(scripts.begin(), scripts.end());
  std::map<std::string, Row> rows;
  Row all;
  for (const auto& [path, row_name] : scripts) {
    const Verdict verdict = play(path, seed, pcap_directory);
    Row& row = rows[row_name];
    switch (verdict.kind) {
      case Verdict::Kind::kPassed: ++row.passed, ++all.passed; break;
      case Verdict::Kind::kFailed:
        ++row.failed, ++all.failed;
        if (!quiet) std::printf("FAIL  %s: %s\n", path.c_str(), verdict.text.c_str());
        break;
      case Verdict::Kind::kNotApplicable:
        ++row.not_applicable, ++all.not_applicable;
        if (!quiet) std::printf("n/a   %s: %s\n", path.c_str(), verdict.text.c_str());
        break;
    }
  }
  std::printf("%-40s %8s %8s %8s\n", "", "passed", "failed", "n/a");
  for (const auto& [name, row] : rows)
    std::printf("%-40s %8u %8u %8u\n", name.c_str(), row.passed, row.failed, row.not_applicable);
  std::printf("%u passed, %u failed, %u not applicable\n", all.passed, all.failed, all.not_applicable);
  return all.failed ? 1 : 0;
}
