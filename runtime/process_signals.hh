// SPDX-License-Identifier: Apache-2.0
// Signals: handled by the control thread, which hands them on.
#pragma once
#include <string_view>

namespace sluice::runtime {

// Number of "SIGTERM"; -1 when there is none of that name.
int signal_number(std::string_view name);
// From now on `number` does not do its default action; the control thread hands it to the programs. Any thread.
void deliver_signal_to_control(int number);
// Descriptor that is readable when a signal came, for the control thread; next_signal() takes the number, 0: none.
int signal_descriptor();
int next_signal();

}  // namespace sluice::runtime
