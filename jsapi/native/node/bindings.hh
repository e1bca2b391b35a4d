// SPDX-License-Identifier: Apache-2.0
// The native halves of core modules, a file each. What each gives to JavaScript stands in jsapi/native/node/bindings.d.ts.
#pragma once
#include "runtime/native_module.hh"

namespace sluice::jsapi {

void install_buffer(v8::Local<v8::Context> context, v8::Local<v8::Object> target, runtime::IsolateHost& host);
void install_types(v8::Local<v8::Context> context, v8::Local<v8::Object> target, runtime::IsolateHost& host);
void install_os(v8::Local<v8::Context> context, v8::Local<v8::Object> target, runtime::IsolateHost& host);
void install_spawn(v8::Local<v8::Context> context, v8::Local<v8::Object> target, runtime::IsolateHost& host);
void install_vm(v8::Local<v8::Context> context, v8::Local<v8::Object> target, runtime::IsolateHost& host);
void install_ipc(v8::Local<v8::Context> context, v8::Local<v8::Object> target, runtime::IsolateHost& host);
void install_pipe(v8::Local<v8::Context> context, v8::Local<v8::Object> target, runtime::IsolateHost& host);
void install_serdes(v8::Local<v8::Context> context, v8::Local<v8::Object> target, runtime::IsolateHost& host);
void install_heap(v8::Local<v8::Context> context, v8::Local<v8::Object> target, runtime::IsolateHost& host);
void install_watch(v8::Local<v8::Context> context, v8::Local<v8::Object> target, runtime::IsolateHost& host);
void install_fs(v8::Local<v8::Context> context, v8::Local<v8::Object> target, runtime::IsolateHost& host);
void install_crypto(v8::Local<v8::Context> context, v8::Local<v8::Object> target, runtime::IsolateHost& host);
void install_sqlite(v8::Local<v8::Context> context, v8::Local<v8::Object> target, runtime::IsolateHost& host);
void install_zlib(v8::Local<v8::Context> context, v8::Local<v8::Object> target, runtime::IsolateHost& host);

}  // namespace sluice::jsapi
