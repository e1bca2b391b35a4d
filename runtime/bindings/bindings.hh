// SPDX-License-Identifier: Apache-2.0
// The runtime's own native modules, a file each.
#pragma once
#include "runtime/native_module.hh"

namespace sluice::runtime {

void install_task(v8::Local<v8::Context> context, v8::Local<v8::Object> target, IsolateHost& host);
void install_process(v8::Local<v8::Context> context, v8::Local<v8::Object> target, IsolateHost& host);
void install_inspect(v8::Local<v8::Context> context, v8::Local<v8::Object> target, IsolateHost& host);
void install_encoding(v8::Local<v8::Context> context, v8::Local<v8::Object> target, IsolateHost& host);
void install_messaging(v8::Local<v8::Context> context, v8::Local<v8::Object> target, IsolateHost& host);
void install_random(v8::Local<v8::Context> context, v8::Local<v8::Object> target, IsolateHost& host);
void install_errno(v8::Local<v8::Context> context, v8::Local<v8::Object> target, IsolateHost& host);
void install_loader(v8::Local<v8::Context> context, v8::Local<v8::Object> target, IsolateHost& host);
// Parts of the process binding.
void install_process_identity(v8::Local<v8::Context> context, v8::Local<v8::Object> target);
void install_process_usage(v8::Local<v8::Context> context, v8::Local<v8::Object> target);
void install_worker(v8::Local<v8::Context> context, v8::Local<v8::Object> target, IsolateHost& host);

}  // namespace sluice::runtime
