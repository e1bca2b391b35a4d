// SPDX-License-Identifier: Apache-2.0
// Assertions that stay on in release builds: a broken invariant stops the process with the place and the condition,
// because a data plane that goes on with a broken table corrupts other people's connections.
#pragma once
#include <cstdio>
#include <cstdlib>

namespace sluice {

[[noreturn, gnu::cold, gnu::noinline]] inline void assertion_failed(const char* condition, const char* file,
                                                                    int line) {
  std::fprintf(stderr, "sluice: assertion failed: %s (%s:%d)\n", condition, file, line);
  std::abort();
}

}  // namespace sluice

#define SLUICE_ASSERT(condition) \
  (__builtin_expect(!!(condition), 1) ? (void)0 : ::sluice::assertion_failed(#condition, __FILE__, __LINE__))
