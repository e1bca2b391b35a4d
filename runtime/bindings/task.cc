// SPDX-License-Identifier: Apache-2.0
// Microtasks, the script's timer, errors that built-in JavaScript caught on behalf of the user.
#include "runtime/bindings/bindings.hh"
#include "runtime/host_internals.hh"

namespace sluice::runtime {

using Info = v8::FunctionCallbackInfo<v8::Value>;

static void run_microtasks(const Info& info) { info.GetIsolate()->PerformMicrotaskCheckpoint(); }

static void enqueue_microtask(const Info& info) {
  info.GetIsolate()->EnqueueMicrotask(info[0].As<v8::Function>());
}

static void trigger_uncaught(const Info& info) {
  v8::Local<v8::Message> message;
  if (info[0]->IsNativeError()) message = v8::Exception::CreateMessage(info.GetIsolate(), info[0]);
  IsolateHost::from(info.GetIsolate()).uncaught(info[0], message);
}

// armTimer(milliseconds since the isolate's start, or Infinity)
static void arm_timer(const Info& info) {
  IsolateHost& host = IsolateHost::from(info.GetIsolate());
  const double at_ms = info[0].As<v8::Number>()->Value();
  TimerWheel& wheel = host.core().reactor.timers();
  IsolateHost::Internals& in = host.internals();
  if (at_ms > 1e15) {
    wheel.cancel(in.script_timer);
    return;
  }
  // A tick of the wheel early would find nothing due and arm anew; round up instead.
  wheel.arm(in.script_timer, in.started_ns + static_cast<uint64_t>(at_ms * 1e6) + 1);
}

// The value that V8 keeps with each continuation.
static void get_continuation(const Info& info) {
  info.GetReturnValue().Set(info.GetIsolate()->GetCurrentContext()->GetContinuationPreservedEmbedderData());
}
static void set_continuation(const Info& info) {
  info.GetIsolate()->GetCurrentContext()->SetContinuationPreservedEmbedderData(info[0]);
}

// setPromiseHooks(init, before, after, resolve): functions, or undefined where none is wanted
static void set_promise_hooks(const Info& info) {
  const auto hook = [&info](int i) {
    return info[i]->IsFunction() ? info[i].As<v8::Function>() : v8::Local<v8::Function>();
  };
  info.GetIsolate()->GetCurrentContext()->SetPromiseHooks(hook(0), hook(1), hook(2), hook(3));
}

void install_task(v8::Local<v8::Context> context, v8::Local<v8::Object> target, IsolateHost&) {
  set_function(context, target, "runMicrotasks", run_microtasks);
  set_function(context, target, "enqueueMicrotask", enqueue_microtask);
  set_function(context, target, "triggerUncaught", trigger_uncaught);
  set_function(context, target, "armTimer", arm_timer);
  set_function(context, target, "setPromiseHooks", set_promise_hooks);
  set_function(context, target, "getContinuation", get_continuation);
  set_function(context, target, "setContinuation", set_continuation);
}

}  // namespace sluice::runtime
