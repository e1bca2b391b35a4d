// SPDX-License-Identifier: Apache-2.0
// Errors that nobody caught, rejections that nobody asked for, and executions that were terminated: who is told, what is
// printed, how the program ends.
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "runtime/error_report.hh"
#include "runtime/host_internals.hh"
#include "runtime/isolate_host.hh"
#include "runtime/v8_text.hh"

namespace sluice::runtime {

static void write_standard_error(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(2, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text.remove_prefix(static_cast<size_t>(written));
  }
}

// Whether the call that ended with an exception was terminated from outside; then the isolate is at its end.
bool IsolateHost::stopped(v8::TryCatch& caught) {
  if (!caught.HasTerminated() && !isolate_->IsExecutionTerminating()) return false;
  note_termination();
  return true;
}

void IsolateHost::note_termination() {
  if (ending_ != Ending::kRunning) return;
  if (internals_->exit_requested) {
    ending_ = Ending::kFinished;
  } else if (internals_->heap_limit_hit) {
    ending_ = Ending::kHeapLimit;
  } else {
    ending_ = Ending::kWatchdog;
  }
}

bool IsolateHost::call_hook(v8::Global<v8::Function>& hook, int count, v8::Local<v8::Value>* arguments,
                            v8::Local<v8::Value>* result) {
  if (ending_ != Ending::kRunning) return false;
  v8::TryCatch caught(isolate_);
  v8::Local<v8::Value> value;
  if (hook.Get(isolate_)
          ->Call(context_.Get(isolate_), v8::Undefined(isolate_), count, arguments)
          .ToLocal(&value)) {
    if (result) *result = value;
    return true;
  }
  if (!stopped(caught)) uncaught(caught);
  return false;
}

void IsolateHost::report_rejections() {
  Internals& in = *internals_;
  std::vector<Internals::Rejection> waiting;
  waiting.swap(in.rejections);
  for (Internals::Rejection& rejection : waiting) {
    if (ending_ != Ending::kRunning) return;
    v8::HandleScope scope(isolate_);
    v8::Local<v8::Promise> promise = rejection.promise.Get(isolate_);
    v8::Local<v8::Value> reason = rejection.reason.Get(isolate_);
    if (promise->HasHandler()) continue;
    ++counters.unhandled_rejections;
    if (in.reported.size() == Internals::kReportedLimit) in.reported.erase(in.reported.begin());
    in.reported.push_back(std::move(rejection.promise));
    v8::Local<v8::Value> arguments[] = {reason, promise};
    v8::Local<v8::Value> handled;
    if (!call_hook(in.on_unhandled_rejection, 2, arguments, &handled)) continue;
    if (handled->IsTrue()) continue;
    v8::Local<v8::Message> message;
    if (reason->IsNativeError()) {
      message = v8::Exception::CreateMessage(isolate_, reason);
    } else {
      v8::Local<v8::Value> reason_argument[] = {reason};
      if (!call_hook(in.rejection_error, 1, reason_argument, &reason)) continue;
    }
    uncaught(reason, message, "unhandledRejection");
  }
}

void IsolateHost::uncaught(v8::TryCatch& caught) {
  if (stopped(caught)) return;
  v8::HandleScope scope(isolate_);
  v8::Local<v8::Value> error = caught.Exception();
  v8::Local<v8::Message> message = caught.Message();
  caught.Reset();
  uncaught(error, message, "uncaughtException");
}

void IsolateHost::uncaught(v8::Local<v8::Value> error, v8::Local<v8::Message> message, const char* origin) {
  if (ending_ != Ending::kRunning) return;
  ++counters.uncaught;
  v8::Local<v8::Context> context = context_.Get(isolate_);
  int code = 1;
  if (!in_uncaught_) {
    in_uncaught_ = true;
    v8::TryCatch caught(isolate_);
    v8::Local<v8::Value> arguments[] = {error, to_v8(isolate_, origin)};
    v8::Local<v8::Value> handled;
    const bool returned = internals_->on_uncaught.Get(isolate_)
                              ->Call(context, v8::Undefined(isolate_), 2, arguments)
                              .ToLocal(&handled);
    in_uncaught_ = false;
    if (returned && handled->IsTrue()) return;
    if (!returned) {
      if (stopped(caught)) return;
      // The listener itself failed: that is what is reported, with Node's code for it.
      error = caught.Exception();
      message = caught.Message();
      code = 7;
    }
  }
  std::string shown;
  const bool taken = internals_->error_taker && internals_->error_taker(error);
  if (isolate_->IsExecutionTerminating()) return note_termination();
  if (taken) code = 1;
  if (!taken) {
    v8::TryCatch caught(isolate_);
    v8::Local<v8::Value> arguments[] = {error};
    v8::Local<v8::Value> text;
    if (internals_->describe.Get(isolate_)
            ->Call(context, v8::Undefined(isolate_), 1, arguments)
            .ToLocal(&text)) {
      shown = from_v8(isolate_, text);
    } else if (stopped(caught)) {
      return;
    } else {
      shown = "(an error that cannot be shown)";
    }
  }
  if (!taken) write_standard_error(uncaught_report(isolate_, context, error, message, shown));
  if (!internals_->exit_emitted) {
    internals_->exit_emitted = true;
    v8::TryCatch caught(isolate_);
    v8::Local<v8::Value> arguments[] = {v8::Integer::New(isolate_, code)};
    v8::Local<v8::Value> result;
    if (internals_->on_exit.Get(isolate_)
            ->Call(context, v8::Undefined(isolate_), 1, arguments)
            .ToLocal(&result) &&
        result->IsInt32())
      code = result.As<v8::Int32>()->Value();
    if (internals_->exit_requested) return note_termination();
  }
  exit_code_ = code;
  ending_ = Ending::kUncaught;
}

}  // namespace sluice::runtime
