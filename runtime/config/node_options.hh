// SPDX-License-Identifier: Apache-2.0
// Options of Node's command line that programs, tools and people give: which there are, whether they take a value, whether the
// variable NODE_OPTIONS may hold them, and whose they are.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::config {

struct NodeOption {
  enum class Kind : uint8_t {
    kFlag,     // on; --no-NAME is off
    kValue,    // takes one
    kV8,       // V8's own
    kIgnored,  // what it turns on is always on here, or only says how Node itself is to be built up
    kMissing,  // said to be missing, and ignored
  } kind;
  std::string_view name;
  bool in_environment = true;
  bool takes_value =
      false;  // of kIgnored, kMissing and kV8: when it stands behind the option as a word of its own
};

// By any of its spellings: -r, --expose_gc, --no-warnings (then `negated`). nullptr: there is none of that name.
const NodeOption* find_node_option(std::string_view name, bool& negated);
// Names that NODE_OPTIONS may hold.
std::vector<std::string> environment_options();
// The words of NODE_OPTIONS: separated by spaces; "..." holds them together, with \ in front of " and \ itself. False: a quote
// is not closed.
bool split_node_options(std::string_view text, std::vector<std::string>& words);

}  // namespace sluice::config
