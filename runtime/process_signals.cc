// SPDX-License-Identifier: Apache-2.0
#include "runtime/process_signals.hh"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "drivers/assert.hh"

namespace sluice::runtime {

// A pipe written by the handler: signalfd would need the signals blocked in every thread, those of libraries included.
static int the_pipe[2] = {-1, -1};

static void on_signal(int number) {
  const int saved = errno;
  const auto byte = static_cast<unsigned char>(number);
  (void)!::write(the_pipe[1], &byte, 1);
  errno = saved;
}

int signal_number(std::string_view name) {
  if (!name.starts_with("SIG")) return -1;
  for (int number = 1; number < NSIG; ++number) {
    const char* known = sigabbrev_np(number);
    if (known && name.substr(3) == known) return number;
  }
  return -1;
}

int signal_descriptor() {
  if (the_pipe[0] < 0) SLUICE_ASSERT(::pipe2(the_pipe, O_CLOEXEC | O_NONBLOCK) == 0);
  return the_pipe[0];
}

void deliver_signal_to_control(int number) {
  signal_descriptor();
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  ::sigaction(number, &action, nullptr);
}

int next_signal() {
  unsigned char number = 0;
  return ::read(the_pipe[0], &number, 1) == 1 ? number : 0;
}

}  // namespace sluice::runtime
