// SPDX-License-Identifier: Apache-2.0
// Version numbers that programs and people see.
#pragma once

namespace sluice::runtime {

#ifndef SLUICE_VERSION
#define SLUICE_VERSION "0.1.0"
#endif
inline constexpr const char* kVersion = SLUICE_VERSION;
// The Node whose documented behaviour programs may expect; packages look at it to choose code paths.
inline constexpr const char* kNodeVersion = "22.12.0";

// The version of V8's and Node's C++ interfaces that addons are compiled for: process.versions.modules.
inline constexpr int kNodeModuleVersion = 108;
// The highest version of Node-API that is there: process.versions.napi.
inline constexpr unsigned kNodeApiVersion = 10;

}  // namespace sluice::runtime
