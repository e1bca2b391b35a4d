// SPDX-License-Identifier: Apache-2.0
// What an isolate host keeps for the parts of the runtime that implement it: hooks into built-in JavaScript, rejections
// that nobody has asked for yet, native modules that are made.
#pragma once
#include <v8.h>

#include <functional>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "dataplane/core/cycles.hh"
#include "dataplane/core/timer.hh"
#include "runtime/isolate_host.hh"

namespace sluice::runtime {

class MessagePorts;
class WorkerThread;

struct IsolateHost::Internals {
  v8::Global<v8::Object> bootstrap;
  // Functions of the built-in modules that C++ calls.
  v8::Global<v8::Function> on_turn, process_ticks, run_immediates, on_uncaught, on_unhandled_rejection,
      on_rejection_handled, on_multiple_resolves, rejection_error, describe, on_before_exit, on_exit,
      on_signal, load_common_js, evaluation_globals;

  struct Rejection {
    v8::Global<v8::Promise> promise;
    v8::Global<v8::Value> reason;
  };
  std::vector<Rejection> rejections;              // of this turn, not handled so far
  std::vector<v8::Global<v8::Promise>> reported;  // in case somebody handles them after all
  static constexpr size_t kReportedLimit = 64;

  std::unordered_map<std::string, v8::Global<v8::Object>> bindings;
  struct ScriptTimer : Timer {
    IsolateHost* host = nullptr;
  } script_timer;  // for the earliest deadline of the script
  IsolateHost* host = nullptr;
  uint64_t started_ns = 0;  // of the core's clock: the origin of performance.now() and of script timers
  uint64_t started_realtime_ns = 0;
  uint64_t gc_started_ns = 0;
  cycles::Stage stage_before_gc = cycles::Stage::kOther;
  bool watches_resolves = false;
  bool exit_requested = false;
  bool exit_emitted = false;
  bool heap_limit_hit = false;
  MessagePorts* ports = nullptr;   // once messaging is used
  WorkerThread* worker = nullptr;  // whose isolate it is
  // Takes an error that nobody caught in place of the report on standard error; false: it did not.
  std::function<bool(v8::Local<v8::Value> error)> error_taker;

  double now_ms() const;
};

struct IsolateHost::Mailbox::State {
  std::mutex mutex;
  std::vector<std::function<void(IsolateHost&)>> tasks;
  std::atomic<bool> any{false};
  bool closed = false;
  Waiter* waiter;
};

// The runtime's own native modules.
std::vector<NativeModule> runtime_natives();

}  // namespace sluice::runtime
