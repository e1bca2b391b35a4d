// SPDX-License-Identifier: Apache-2.0
// What jsapi brings into each isolate: for the program and for the snapshot builder.
#pragma once
#include <span>

#include "runtime/native_module.hh"

namespace sluice::jsapi {

std::span<const runtime::NativeModule> native_modules();
// In the order in which they are evaluated into the snapshot. Generated from jsapi/sluice and jsapi/web.
std::span<const runtime::BuiltinModule> builtin_modules();

}  // namespace sluice::jsapi
