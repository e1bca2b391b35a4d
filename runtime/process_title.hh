// SPDX-License-Identifier: Apache-2.0
// What ps(1) shows for this process: its command line, whose memory a title may overwrite.
#pragma once
#include <string>

namespace sluice::runtime {

// Main thread, first of all: `values` as main() has them. They are kept elsewhere and replaced.
void keep_process_title(int count, char** values);
std::string process_title();
// Cut to the room that the command line had. Any thread.
void set_process_title(const std::string& title);

}  // namespace sluice::runtime
