// SPDX-License-Identifier: Apache-2.0
// Scripts and functions of node:vm: compiling, code caches, and running under a limit of time.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <unordered_map>

#include "drivers/assert.hh"
#include "jsapi/native/node/bindings.hh"
#include "jsapi/native/node/vm.hh"
#include "runtime/error_report.hh"
#include "runtime/module_loader.hh"
#include "runtime/v8_text.hh"

namespace sluice::jsapi::vm {

using runtime::name_of;
using runtime::set_function;
using runtime::throw_error;
using Info = v8::FunctionCallbackInfo<v8::Value>;

// ---- guard

namespace {

std::atomic<int> sigint_pipe{-1};  // of the innermost guard that waits for SIGINT

void on_sigint(int) {
  const int saved = errno;
  const char byte = 'i';
  if (const int descriptor = sigint_pipe.load(); descriptor >= 0) (void)!::write(descriptor, &byte, 1);
  errno = saved;
}

}  // namespace

struct Guard::Signals {
  struct sigaction before {};
  int pipe_before = -1;
};

Guard::Guard(v8::Isolate* isolate, uint64_t timeout_ms, bool on_signal) {
  if (timeout_ms == 0 && !on_signal) return;
  if (::pipe2(wake_, O_CLOEXEC | O_NONBLOCK) != 0) return;
  if (on_signal) {
    signals_ = std::make_unique<Signals>();
    signals_->pipe_before = sigint_pipe.exchange(wake_[1]);
    struct sigaction action {};
    action.sa_handler = on_sigint;
    action.sa_flags = SA_RESTART;
    ::sigaction(SIGINT, &action, &signals_->before);
  }
  thread_ = std::thread([this, isolate, timeout_ms] {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    const int64_t end_ms = now.tv_sec * 1000 + now.tv_nsec / 1'000'000 + static_cast<int64_t>(timeout_ms);
    for (;;) {
      int left_ms = -1;
      if (timeout_ms > 0) {
        ::clock_gettime(CLOCK_MONOTONIC, &now);
        const int64_t left = end_ms - (now.tv_sec * 1000 + now.tv_nsec / 1'000'000);
        left_ms = static_cast<int>(std::min<int64_t>(std::max<int64_t>(left, 0), 1 << 30));
      }
      pollfd waited{wake_[0], POLLIN, 0};
      const int count = ::poll(&waited, 1, left_ms);
      if (count < 0 && errno == EINTR) continue;
      if (count > 0) {
        char byte = 0;
        if (::read(wake_[0], &byte, 1) != 1 || byte != 'i') return;
        fate_ = kInterrupted;
      } else {
        fate_ = kTimedOut;
      }
      isolate->TerminateExecution();
      return;
    }
  });
}

Guard::~Guard() {
  if (signals_) {
    ::sigaction(SIGINT, &signals_->before, nullptr);
    sigint_pipe = signals_->pipe_before;
  }
  if (thread_.joinable()) {
    const char byte = 'q';
    (void)!::write(wake_[1], &byte, 1);
    thread_.join();
  }
  for (const int descriptor : wake_)
    if (descriptor >= 0) ::close(descriptor);
}

v8::Local<v8::Value> guarded_error(runtime::IsolateHost& host, const Guard& guard, uint64_t timeout_ms) {
  if ((!guard.timed_out() && !guard.interrupted()) || host.exit_requested()) return {};
  v8::Isolate* isolate = host.isolate();
  isolate->CancelTerminateExecution();
  v8::TryCatch caught(isolate);
  if (guard.timed_out()) {
    throw_error(isolate, v8::Exception::Error,
                "Script execution timed out after " + std::to_string(timeout_ms) + "ms",
                "ERR_SCRIPT_EXECUTION_TIMEOUT");
  } else {
    throw_error(isolate, v8::Exception::Error, "Script execution was interrupted by `SIGINT`",
                "ERR_SCRIPT_EXECUTION_INTERRUPTED");
  }
  return caught.Exception();
}

// ---- what all compiled code has

void decorate(v8::Isolate* isolate, v8::Local<v8::Context> context, v8::TryCatch& caught) {
  if (caught.HasTerminated() || !caught.Exception()->IsNativeError()) return;
  runtime::decorate_stack(isolate, context, caught.Exception(), caught.Message());
}

v8::ScriptCompiler::CachedData* cached_data(v8::Local<v8::Value> value) {
  if (!value->IsArrayBufferView()) return nullptr;
  v8::Local<v8::ArrayBufferView> view = value.As<v8::ArrayBufferView>();
  auto* bytes = new uint8_t[view->ByteLength()];
  view->CopyContents(bytes, view->ByteLength());
  return new v8::ScriptCompiler::CachedData(bytes, static_cast<int>(view->ByteLength()),
                                            v8::ScriptCompiler::CachedData::BufferOwned);
}

v8::Local<v8::Value> cache_bytes(v8::Isolate* isolate, v8::ScriptCompiler::CachedData* data) {
  if (!data) return v8::Undefined(isolate);
  const std::unique_ptr<v8::ScriptCompiler::CachedData> owned(data);
  const auto length = static_cast<size_t>(data->length);
  v8::Local<v8::ArrayBuffer> buffer = v8::ArrayBuffer::New(isolate, length);
  if (length > 0) std::memcpy(buffer->GetBackingStore()->Data(), data->data, length);
  return v8::Uint8Array::New(buffer, 0, length);
}

namespace {

// Callbacks for import() in compiled code, by number, as long as a symbol lives that the code holds.
struct Imports {
  explicit Imports(runtime::IsolateHost& owner) : host(owner) {}
  runtime::IsolateHost& host;
  struct Entry {
    Imports* all;
    int32_t id;
    v8::Global<v8::Symbol> symbol;
  };
  std::unordered_map<int32_t, std::unique_ptr<Entry>> entries;
  v8::Global<v8::Function> forget, prepare;
};

Imports* imports_of(v8::Isolate* isolate, Imports* made = nullptr) {
  static thread_local std::unordered_map<v8::Isolate*, Imports*> all;
  if (made) all[isolate] = made;
  return all[isolate];
}

int integer(v8::Local<v8::Context> context, v8::Local<v8::Value> value) {
  return value->Int32Value(context).FromMaybe(0);
}

struct Script {
  v8::Global<v8::UnboundScript> unbound;
  v8::Global<v8::Object> holder;
};

Script* script_of(v8::Local<v8::Value> value) {
  return static_cast<Script*>(value.As<v8::Object>()->GetAlignedPointerFromInternalField(0));
}

v8::ScriptOrigin origin_of(v8::Isolate* isolate, v8::Local<v8::Value> filename, int line, int column,
                           v8::Local<v8::Data> options) {
  return {isolate, filename, line, column, true, -1, v8::Local<v8::Value>(), false, false, false, options};
}

// compileScript(code, filename, line, column, cachedData, produceCachedData, id, parsing sandbox, displayErrors, holder template data)
//   -> [handle, rejected or undefined, produced cache or undefined, sourceMapURL]
void compile_script(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::Context> current = isolate->GetCurrentContext();
  v8::Local<v8::Context> context = current;
  if (Context* chosen = context_of(isolate, info[7])) context = chosen->context.Get(isolate);
  v8::ScriptCompiler::CachedData* cache = cached_data(info[4]);
  const v8::ScriptOrigin origin = origin_of(isolate, info[1], integer(current, info[2]),
                                            integer(current, info[3]), import_options(isolate, info[6]));
  v8::ScriptCompiler::Source source(info[0].As<v8::String>(), origin, cache);
  v8::TryCatch caught(isolate);
  v8::Local<v8::UnboundScript> unbound;
  {
    v8::Context::Scope scope(context);
    if (!v8::ScriptCompiler::CompileUnboundScript(
             isolate, &source,
             cache ? v8::ScriptCompiler::kConsumeCodeCache : v8::ScriptCompiler::kNoCompileOptions)
             .ToLocal(&unbound)) {
      if (info[8]->IsTrue()) decorate(isolate, context, caught);
      caught.ReThrow();
      return;
    }
  }
  v8::Local<v8::ObjectTemplate> shape = v8::ObjectTemplate::New(isolate);
  shape->SetInternalFieldCount(1);
  v8::Local<v8::Object> holder;
  if (!shape->NewInstance(current).ToLocal(&holder)) return;
  auto* script = new Script;
  script->unbound.Reset(isolate, unbound);
  script->holder.Reset(isolate, holder);
  holder->SetAlignedPointerInInternalField(0, script);
  script->holder.SetWeak(
      script,
      [](const v8::WeakCallbackInfo<Script>& gone) {
        gone.GetParameter()->holder.Reset();
        gone.SetSecondPassCallback(
            [](const v8::WeakCallbackInfo<Script>& second) { delete second.GetParameter(); });
      },
      v8::WeakCallbackType::kParameter);
  v8::Local<v8::Value> rejected = v8::Undefined(isolate), produced = v8::Undefined(isolate);
  if (cache) rejected = v8::Boolean::New(isolate, source.GetCachedData()->rejected);
  if (info[5]->IsTrue()) produced = cache_bytes(isolate, v8::ScriptCompiler::CreateCodeCache(unbound));
  v8::Local<v8::Value> parts[] = {holder, rejected, produced, unbound->GetSourceMappingURL()};
  info.GetReturnValue().Set(v8::Array::New(isolate, parts, 4));
}

// runScript(handle, sandbox or null, timeout, displayErrors, breakOnSigint)
void run_script(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  runtime::IsolateHost& host = runtime::IsolateHost::from(isolate);
  v8::Local<v8::Context> context = isolate->GetCurrentContext();
  v8::MicrotaskQueue* microtasks = nullptr;
  if (Context* chosen = context_of(isolate, info[1])) {
    context = chosen->context.Get(isolate);
    microtasks = chosen->microtasks.get();
  } else if (!info[1]->IsNull()) {
    throw_error(isolate, v8::Exception::Error, "The context is gone");
    return;
  } else {
    context = host.context();
  }
  const auto timeout_ms =
      static_cast<uint64_t>(std::max(info[2]->IntegerValue(context).FromMaybe(0), int64_t{0}));
  v8::Local<v8::Value> result, ended;
  {
    v8::TryCatch caught(isolate);
    v8::Context::Scope scope(context);
    v8::Local<v8::Script> script = script_of(info[0])->unbound.Get(isolate)->BindToCurrentContext();
    bool done;
    {
      Guard guard(isolate, timeout_ms, info[4]->IsTrue());
      done = script->Run(context).ToLocal(&result);
      if (done && microtasks) microtasks->PerformCheckpoint(isolate);
      ended = guarded_error(host, guard, timeout_ms);
    }
    if (ended.IsEmpty() && !done) {
      if (info[3]->IsTrue()) decorate(isolate, context, caught);
      caught.ReThrow();
      return;
    }
  }
  if (!ended.IsEmpty()) {
    isolate->ThrowException(ended);
    return;
  }
  info.GetReturnValue().Set(result);
}

void create_cached_data(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  info.GetReturnValue().Set(
      cache_bytes(isolate, v8::ScriptCompiler::CreateCodeCache(script_of(info[0])->unbound.Get(isolate))));
}

// compileFunction(code, filename, line, column, cachedData, produceCachedData, id, parsing sandbox, extensions, params)
//   -> [function, rejected or undefined, produced cache or undefined, sourceMapURL]
void compile_function(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::Context> current = isolate->GetCurrentContext();
  v8::Local<v8::Context> context = current;
  if (Context* chosen = context_of(isolate, info[7])) context = chosen->context.Get(isolate);
  v8::ScriptCompiler::CachedData* cache = cached_data(info[4]);
  const v8::ScriptOrigin origin = origin_of(isolate, info[1], integer(current, info[2]),
                                            integer(current, info[3]), import_options(isolate, info[6]));
  v8::ScriptCompiler::Source source(info[0].As<v8::String>(), origin, cache);
  std::vector<v8::Local<v8::Object>> extensions;
  std::vector<v8::Local<v8::String>> parameters;
  if (info[8]->IsArray())
    for (uint32_t i = 0; i < info[8].As<v8::Array>()->Length(); ++i) {
      v8::Local<v8::Value> value;
      if (!info[8].As<v8::Array>()->Get(current, i).ToLocal(&value) || !value->IsObject()) return;
      extensions.push_back(value.As<v8::Object>());
    }
  if (info[9]->IsArray())
    for (uint32_t i = 0; i < info[9].As<v8::Array>()->Length(); ++i) {
      v8::Local<v8::Value> value;
      if (!info[9].As<v8::Array>()->Get(current, i).ToLocal(&value) || !value->IsString()) return;
      parameters.push_back(value.As<v8::String>());
    }
  v8::TryCatch caught(isolate);
  v8::Local<v8::Function> function;
  {
    v8::Context::Scope scope(context);
    if (!v8::ScriptCompiler::CompileFunction(
             context, &source, parameters.size(), parameters.data(), extensions.size(), extensions.data(),
             cache ? v8::ScriptCompiler::kConsumeCodeCache : v8::ScriptCompiler::kNoCompileOptions)
             .ToLocal(&function)) {
      decorate(isolate, context, caught);
      caught.ReThrow();
      return;
    }
  }
  v8::Local<v8::Value> rejected = v8::Undefined(isolate), produced = v8::Undefined(isolate);
  if (cache) rejected = v8::Boolean::New(isolate, source.GetCachedData()->rejected);
  if (info[5]->IsTrue())
    produced = cache_bytes(isolate, v8::ScriptCompiler::CreateCodeCacheForFunction(function));
  v8::Local<v8::Value> map = function->GetScriptOrigin().SourceMapUrl();
  v8::Local<v8::Value> parts[] = {function, rejected, produced,
                                  map.IsEmpty() ? v8::Undefined(isolate).As<v8::Value>() : map};
  info.GetReturnValue().Set(v8::Array::New(isolate, parts, 4));
}

v8::MaybeLocal<v8::Value> prepare_stack_trace(v8::Local<v8::Context> context, v8::Local<v8::Value> error,
                                              v8::Local<v8::Array> sites) {
  v8::Isolate* isolate = context->GetIsolate();
  // A program's own Error.prepareStackTrace comes first.
  v8::Local<v8::Value> constructor, own;
  if (context->Global()->Get(context, name_of(isolate, "Error")).ToLocal(&constructor) &&
      constructor->IsObject() &&
      constructor.As<v8::Object>()->Get(context, name_of(isolate, "prepareStackTrace")).ToLocal(&own) &&
      own->IsFunction()) {
    v8::Local<v8::Value> arguments[] = {error, sites};
    return own.As<v8::Function>()->Call(context, constructor, 2, arguments);
  }
  v8::Local<v8::Value> arguments[] = {error, sites};
  return imports_of(isolate)->prepare.Get(isolate)->Call(context, v8::Undefined(isolate), 2, arguments);
}

// setPrepareStackTrace(function(error, call sites) or undefined)
void set_prepare_stack_trace(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  if (!info[0]->IsFunction()) return isolate->SetPrepareStackTraceCallback(nullptr);
  imports_of(isolate)->prepare.Reset(isolate, info[0].As<v8::Function>());
  isolate->SetPrepareStackTraceCallback(prepare_stack_trace);
}

// setImportHooks(import(id, specifier, attributes, resourceName), forget(id))
void set_import_hooks(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  runtime::IsolateHost::from(isolate).loader().set_import_hook(info[0].As<v8::Function>());
  imports_of(isolate)->forget.Reset(isolate, info[1].As<v8::Function>());
}

}  // namespace

v8::Local<v8::Data> import_options(v8::Isolate* isolate, v8::Local<v8::Value> id) {
  v8::Local<v8::PrimitiveArray> options = v8::PrimitiveArray::New(isolate, 2);
  v8::Local<v8::Symbol> symbol = v8::Symbol::New(isolate);
  options->Set(isolate, 0, symbol);
  options->Set(isolate, 1, v8::Integer::New(isolate, id->IsInt32() ? id.As<v8::Int32>()->Value() : -1));
  if (!id->IsInt32() || id.As<v8::Int32>()->Value() < 0) return options;
  Imports* all = imports_of(isolate);
  auto entry = std::make_unique<Imports::Entry>();
  entry->all = all;
  entry->id = id.As<v8::Int32>()->Value();
  entry->symbol.Reset(isolate, symbol);
  entry->symbol.SetWeak(
      entry.get(),
      [](const v8::WeakCallbackInfo<Imports::Entry>& gone) {
        gone.GetParameter()->symbol.Reset();
        gone.SetSecondPassCallback([](const v8::WeakCallbackInfo<Imports::Entry>& second) {
          Imports::Entry* entry = second.GetParameter();
          Imports* imports = entry->all;
          const int32_t number = entry->id;
          imports->entries.erase(number);
          if (imports->host.tearing_down() || imports->forget.IsEmpty()) return;
          // Not from within the collection: JavaScript may not run there.
          (void)imports->host.mailbox()->post([number, imports](runtime::IsolateHost& host) {
            v8::Local<v8::Value> arguments[] = {v8::Integer::New(host.isolate(), number)};
            (void)imports->forget.Get(host.isolate())
                ->Call(host.context(), v8::Undefined(host.isolate()), 1, arguments)
                .IsEmpty();
          });
        });
      },
      v8::WeakCallbackType::kParameter);
  all->entries[entry->id] = std::move(entry);
  return options;
}

void install_scripts(v8::Local<v8::Context> context, v8::Local<v8::Object> target,
                     runtime::IsolateHost& host) {
  imports_of(host.isolate(), host.own(std::make_unique<Imports>(host)));
  set_function(context, target, "compileScript", compile_script);
  set_function(context, target, "runScript", run_script);
  set_function(context, target, "createCachedData", create_cached_data);
  set_function(context, target, "compileFunction", compile_function);
  set_function(context, target, "setPrepareStackTrace", set_prepare_stack_trace);
  set_function(context, target, "setImportHooks", set_import_hooks);
}

}  // namespace sluice::jsapi::vm

namespace sluice::jsapi {

void install_vm(v8::Local<v8::Context> context, v8::Local<v8::Object> target, runtime::IsolateHost& host) {
  vm::install_contexts(context, target, host);
  vm::install_scripts(context, target, host);
  vm::install_modules(context, target, host);
}

}  // namespace sluice::jsapi
