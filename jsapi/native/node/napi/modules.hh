// SPDX-License-Identifier: Apache-2.0
// Loading addons: process.dlopen, and so require() of a file that ends in .node.
#pragma once
#include "runtime/native_module.hh"

namespace sluice::jsapi {

// internalBinding('addons'): see AddonsBinding in jsapi/native/node/bindings.d.ts.
void install_addons(v8::Local<v8::Context> context, v8::Local<v8::Object> target, runtime::IsolateHost& host);

}  // namespace sluice::jsapi
