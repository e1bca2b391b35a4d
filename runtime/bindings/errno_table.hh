// SPDX-License-Identifier: Apache-2.0
// Names and words of the system's errors, as Node gives them.
#pragma once

namespace sluice::runtime {

struct ErrnoText {
  int number;  // positive
  const char* name;
  const char* words;
};

// "UNKNOWN" for a number that is not in the table.
ErrnoText errno_text(int number);

}  // namespace sluice::runtime
