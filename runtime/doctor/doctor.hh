// SPDX-License-Identifier: Apache-2.0
// `sluice doctor`: what this machine offers, what it lacks for bypass, and the exact command that mends each. It reads
// /sys and /proc (below a root that tests replace) and changes nothing.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::doctor {

enum class Level : uint8_t {
  kGood,     // there
  kNote,     // worth knowing; nothing is broken by it
  kMissing,  // stands in the way of something, which the text names
};

struct Finding {
  Level level;
  std::string text;  // one line
  std::string mend;  // a command for a shell, or what to do; empty: nothing to do
};

struct Section {
  std::string title;
  std::vector<Finding> findings;
};

struct Report {
  std::vector<Section> sections;
  // What follows from them, in this order: the kernel transport, bypass on a virtual port, bypass on a network card.
  std::vector<Finding> verdicts;
};

// What cannot be read from a file.
struct Environment {
  std::string root;        // stands in front of /sys, /proc, /dev
  std::string program;     // path of the sluice binary, for setcap
  int io_uring_error = 0;  // errno of io_uring_setup; 0: it works
};

// The machine that this process runs on.
Environment this_machine();

// Looks at everything. Never fails: what cannot be read counts as not there.
Report examine(const Environment& environment);

// For people, with a newline at the end.
std::string to_text(const Report& report);

// The whole command: looks, prints, returns the exit code, which is 0.
int run();

}  // namespace sluice::doctor
