// SPDX-License-Identifier: Apache-2.0
// What the files of node:vm share: contexts made by scripts, and runs of code under a limit of time.
#pragma once
#include <v8.h>

#include <atomic>
#include <memory>
#include <thread>

#include "runtime/isolate_host.hh"

namespace sluice::jsapi::vm {

// A context whose global object shows the properties of an ordinary object of another context (the sandbox), or one of its own.
struct Context {
  v8::Global<v8::Context> context;                 // weak: the sandbox keeps it, by the holder below
  std::unique_ptr<v8::MicrotaskQueue> microtasks;  // its own, with microtaskMode "afterEvaluate"
  v8::Global<v8::Object> holder;                   // weak; frees this
};

// The context of a contextified object; nullptr: it is none.
Context* context_of(v8::Isolate* isolate, v8::Local<v8::Value> sandbox);

// Ends what runs on `isolate` after `timeout_ms` (0: no limit), or, if wanted, at the first SIGINT, which then does nothing
// else. For the time of its life; made and ended on the isolate's thread.
class Guard {
 public:
  Guard(v8::Isolate* isolate, uint64_t timeout_ms, bool on_sigint);
  ~Guard();
  Guard(const Guard&) = delete;
  bool timed_out() const { return fate_ == kTimedOut; }
  bool interrupted() const { return fate_ == kInterrupted; }

 private:
  enum Fate { kNone, kTimedOut, kInterrupted };
  struct Signals;
  std::atomic<int> fate_{kNone};
  int wake_[2] = {-1, -1};
  std::unique_ptr<Signals> signals_;
  std::thread thread_;
};

// The error that a guard's end means (ERR_SCRIPT_EXECUTION_TIMEOUT and such); lets the isolate run again. Empty: the guard had
// nothing to do with it.
v8::Local<v8::Value> guarded_error(runtime::IsolateHost& host, const Guard& guard, uint64_t timeout_ms);

// Options of compiled code by which import() finds its way: `id` as internal/node/vm registered it. A callback is forgotten
// when the code is.
v8::Local<v8::Data> import_options(v8::Isolate* isolate, v8::Local<v8::Value> id);

// Puts the place of an error, with its line of source, before its stack.
void decorate(v8::Isolate* isolate, v8::Local<v8::Context> context, v8::TryCatch& caught);

// Copies a code cache. nullptr when `value` is no view of bytes.
v8::ScriptCompiler::CachedData* cached_data(v8::Local<v8::Value> value);
// The cache as a Uint8Array; undefined when there is none. Takes ownership.
v8::Local<v8::Value> cache_bytes(v8::Isolate* isolate, v8::ScriptCompiler::CachedData* data);

void install_contexts(v8::Local<v8::Context> context, v8::Local<v8::Object> target,
                      runtime::IsolateHost& host);
void install_scripts(v8::Local<v8::Context> context, v8::Local<v8::Object> target,
                     runtime::IsolateHost& host);
void install_modules(v8::Local<v8::Context> context, v8::Local<v8::Object> target,
                     runtime::IsolateHost& host);

}  // namespace sluice::jsapi::vm
