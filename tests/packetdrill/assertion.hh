// SPDX-License-Identifier: Apache-2.0
// The Python that scripts hold between %{ and }%: as far as it asserts things of tcp_info. Statements are assert (with or
// without a message), assignments and print, expressions are made of numbers, names, comparisons (chained too), and, or,
// not, + - * / % and parentheses.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "tests/packetdrill/script.hh"

namespace sluice::packetdrill {

struct AssertionResult {
  std::string failure;  // empty: all hold
  std::optional<NotApplicable> foreign;
};

// `names` are the variables; assignments are added to them.
AssertionResult check_assertions(const std::string& code, std::map<std::string, double>& names);

}  // namespace sluice::packetdrill
