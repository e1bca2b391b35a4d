// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate_host.hh"

#include <csignal>
#include <cstdio>
#include <mutex>
#include <tuple>

#include "dataplane/core/cycles.hh"
#include "runtime/array_buffer_allocator.hh"
#include "runtime/builtins.hh"
#include "runtime/descriptor_watch.hh"
#include "runtime/error_report.hh"
#include "runtime/host_internals.hh"
#include "runtime/module_loader.hh"
#include "runtime/platform.hh"
#include "runtime/v8_text.hh"

namespace sluice::runtime {

namespace {

constexpr uint32_t kHostSlot = 0;              // isolate data slot
constexpr size_t kHeapGraceBytes = 64u << 20;  // for unwinding when the heap is full

}  // namespace

// ---- mailbox

IsolateHost::Mailbox::Mailbox(Waiter& waiter) : state_(std::make_unique<State>()) {
  state_->waiter = &waiter;
}
IsolateHost::Mailbox::~Mailbox() = default;

bool IsolateHost::Mailbox::post(std::function<void(IsolateHost&)> task) {
  std::lock_guard lock(state_->mutex);
  if (state_->closed) return false;
  state_->tasks.push_back(std::move(task));
  state_->any.store(true, std::memory_order_release);
  state_->waiter->wake();
  return true;
}

// ---- entry

IsolateHost::Entry::Entry(IsolateHost& host)
    : host_(host),
      isolate_scope_(host.isolate_),
      handle_scope_(host.isolate_),
      context_scope_(host.context()),
      outermost_(host.depth_++ == 0) {
  if (outermost_) {
    const uint64_t now_ns = host.core_.clock.monotonic_ns();
    const double now_ms = static_cast<double>(now_ns - host.internals_->started_ns) * 1e-6;
    std::memcpy(&host.ring_.word(kRingNow), &now_ms, sizeof(now_ms));
    host.entry_started_ns_.store(now_ns, std::memory_order_relaxed);
    ++host.counters.entries;
  }
}

IsolateHost::Entry::~Entry() {
  --host_.depth_;
  if (outermost_) host_.entry_started_ns_.store(0, std::memory_order_relaxed);
}

// ---- making and ending

namespace {

void on_gc_begin(v8::Isolate*, v8::GCType, v8::GCCallbackFlags, void* data) {
  auto& host = *static_cast<IsolateHost*>(data);
  host.internals().gc_started_ns = host.core().clock.monotonic_ns();
  if (cycles::enabled()) host.internals().stage_before_gc = cycles::account.enter(cycles::Stage::kGc);
}

void on_gc_end(v8::Isolate*, v8::GCType, v8::GCCallbackFlags, void* data) {
  auto& host = *static_cast<IsolateHost*>(data);
  if (cycles::enabled()) cycles::account.enter(host.internals().stage_before_gc);
  const uint64_t spent_ns = host.core().clock.monotonic_ns() - host.internals().gc_started_ns;
  ++host.counters.gc_count;
  host.counters.gc_ns += spent_ns;
  if (spent_ns > host.counters.gc_longest_ns) host.counters.gc_longest_ns = spent_ns;
}

void on_promise_reject(v8::PromiseRejectMessage message) {
  v8::Local<v8::Promise> promise = message.GetPromise();
  v8::Isolate* isolate = promise->GetIsolate();
  auto& internals = IsolateHost::from(isolate).internals();
  switch (message.GetEvent()) {
    case v8::kPromiseRejectWithNoHandler:
      internals.rejections.push_back(
          {v8::Global<v8::Promise>(isolate, promise), v8::Global<v8::Value>(isolate, message.GetValue())});
      break;
    case v8::kPromiseHandlerAddedAfterReject: {
      auto& waiting = internals.rejections;
      for (size_t i = 0; i < waiting.size(); ++i) {
        if (waiting[i].promise != promise) continue;
        waiting.erase(waiting.begin() + static_cast<ptrdiff_t>(i));
        return;
      }
      for (size_t i = 0; i < internals.reported.size(); ++i) {
        if (internals.reported[i] != promise) continue;
        internals.reported.erase(internals.reported.begin() + static_cast<ptrdiff_t>(i));
        v8::HandleScope scope(isolate);
        v8::Local<v8::Context> context = isolate->GetCurrentContext();
        v8::Local<v8::Value> arguments[] = {promise};
        v8::TryCatch caught(isolate);
        std::ignore =
            internals.on_rejection_handled.Get(isolate)->Call(context, v8::Undefined(isolate), 1, arguments);
        return;
      }
      break;
    }
    default: {
      if (!internals.watches_resolves) break;
      v8::HandleScope scope(isolate);
      const bool resolved = message.GetEvent() == v8::kPromiseResolveAfterResolved;
      v8::Local<v8::Value> arguments[] = {to_v8(isolate, resolved ? "resolve" : "reject"), promise,
                                          message.GetValue()};
      if (arguments[2].IsEmpty()) arguments[2] = v8::Undefined(isolate);
      v8::TryCatch caught(isolate);
      std::ignore = internals.on_multiple_resolves.Get(isolate)->Call(isolate->GetCurrentContext(),
                                                                      v8::Undefined(isolate), 3, arguments);
      break;
    }
  }
}

// internalBinding(name), first use: makes the object.
void make_binding(const v8::FunctionCallbackInfo<v8::Value>& info) {
  v8::Isolate* isolate = info.GetIsolate();
  IsolateHost& host = IsolateHost::from(isolate);
  const std::string name = from_v8(isolate, info[0]);
  for (const NativeModule& module : host.image().natives) {
    if (name != module.name) continue;
    v8::Local<v8::Object> target = v8::Object::New(isolate);
    module.install(isolate->GetCurrentContext(), target, host);
    info.GetReturnValue().Set(target);
    return;
  }
  throw_error(isolate, v8::Exception::Error, "no native module '" + name + "'");
}

// The factory of a built-in module that is not in the snapshot.
void compile_module(const v8::FunctionCallbackInfo<v8::Value>& info) {
  v8::Isolate* isolate = info.GetIsolate();
  IsolateHost& host = IsolateHost::from(isolate);
  const std::string id = from_v8(isolate, info[0]);
  for (const BuiltinModule& module : host.image().builtins) {
    if (id != module.id) continue;
    v8::Local<v8::Function> factory;
    if (compile_builtin(host.context(), module).ToLocal(&factory)) info.GetReturnValue().Set(factory);
    return;
  }
  throw_error(isolate, v8::Exception::Error, "no built-in module '" + id + "'");
}

size_t on_near_heap_limit(void* data, size_t current, size_t) {
  auto& host = *static_cast<IsolateHost*>(data);
  if (!host.internals().heap_limit_hit) {
    host.internals().heap_limit_hit = true;
    host.isolate()->TerminateExecution();
  }
  return current + kHeapGraceBytes;
}

}  // namespace

double IsolateHost::Internals::now_ms() const {
  return static_cast<double>(host->core().clock.monotonic_ns() - started_ns) * 1e-6;
}

IsolateHost& IsolateHost::from(v8::Isolate* isolate) {
  return *static_cast<IsolateHost*>(isolate->GetData(kHostSlot));
}

CoreServices& core_services(v8::Isolate* isolate) { return IsolateHost::from(isolate).core(); }

void set_function(v8::Local<v8::Context> context, v8::Local<v8::Object> target, const char* name,
                  v8::FunctionCallback callback, v8::Local<v8::Value> data) {
  v8::Isolate* isolate = context->GetIsolate();
  v8::Local<v8::Function> function =
      v8::Function::New(context, callback, data, 0, v8::ConstructorBehavior::kThrow).ToLocalChecked();
  v8::Local<v8::String> key = name_of(isolate, name);
  function->SetName(key);
  target->Set(context, key, function).Check();
}

IsolateHost::IsolateHost(CoreServices& core, const RuntimeImage& image, const HostLimits& limits)
    : core_(core),
      image_(image),
      allocator_(std::make_shared<CountingAllocator>(limits.array_buffer_bytes)),
      mailbox_(std::make_shared<Mailbox>(core.reactor.waiter())),
      internals_(std::make_unique<Internals>()) {
  Internals& in = *internals_;
  in.host = this;
  in.started_ns = core.clock.monotonic_ns();
  in.started_realtime_ns = core.clock.realtime_ns();
  in.script_timer.host = this;
  in.script_timer.fire = [](Timer& timer, uint64_t) {
    static_cast<Internals::ScriptTimer&>(timer).host->push(kEventTimers);
  };

  v8::Isolate::CreateParams parameters;
  // Shared: a body that is sent by reference outlives the isolate, and gives its memory back to the allocator.
  parameters.array_buffer_allocator_shared = allocator_;
  parameters.array_buffer_allocator = allocator_.get();
  parameters.snapshot_blob = const_cast<v8::StartupData*>(image.snapshot);  // V8 only reads it
  if (limits.heap_mb) parameters.constraints.ConfigureDefaultsFromHeapSize(0, size_t{limits.heap_mb} << 20);
  if (limits.young_heap_mb)
    parameters.constraints.set_max_young_generation_size_in_bytes(size_t{limits.young_heap_mb} << 20);
  if (limits.code_range_mb)
    parameters.constraints.set_code_range_size_in_bytes(size_t{limits.code_range_mb} << 20);
  if (limits.stack_limit)
    parameters.constraints.set_stack_limit(reinterpret_cast<uint32_t*>(limits.stack_limit));
  isolate_ = v8::Isolate::Allocate();
  tasks_ = platform().add_isolate(isolate_, &core.reactor.waiter());
  v8::Isolate::Initialize(isolate_, parameters);
  isolate_->SetData(kHostSlot, this);
  isolate_->SetMicrotasksPolicy(v8::MicrotasksPolicy::kExplicit);
  isolate_->SetCaptureStackTraceForUncaughtExceptions(true, 10, v8::StackTrace::kOverview);
  isolate_->SetPromiseRejectCallback(on_promise_reject);
  isolate_->AddGCPrologueCallback(on_gc_begin, this);
  isolate_->AddGCEpilogueCallback(on_gc_end, this);
  isolate_->AddNearHeapLimitCallback(on_near_heap_limit, this);
  loader_ = std::make_unique<ModuleLoader>(*this);

  v8::Isolate::Scope isolate_scope(isolate_);
  v8::HandleScope handle_scope(isolate_);
  v8::Local<v8::Context> context;
  if (!image.snapshot || !v8::Context::FromSnapshot(isolate_, kSnapshotMainContext).ToLocal(&context))
    context = v8::Context::New(isolate_);
  context_.Reset(isolate_, context);
  v8::Context::Scope context_scope(context);
  v8::TryCatch caught(isolate_);
  v8::Local<v8::Object> bootstrap;
  const bool there =
      image.snapshot ? context->GetDataFromSnapshotOnce<v8::Object>(kSnapshotBootstrap).ToLocal(&bootstrap)
                     : evaluate_builtins(context, image.builtins).ToLocal(&bootstrap);
  if (!there) {
    std::fprintf(stderr, "sluice: built-in JavaScript failed:\n%s",
                 describe_caught(isolate_, context, caught).c_str());
    std::abort();
  }
  in.bootstrap.Reset(isolate_, bootstrap);

  auto backing = v8::ArrayBuffer::NewBackingStore(
      ring_.words(), kRingWords * sizeof(int32_t), [](void*, size_t, void*) {}, nullptr);
  v8::Local<v8::ArrayBuffer> buffer = v8::ArrayBuffer::New(isolate_, std::move(backing));
  v8::Local<v8::Value> arguments[] = {
      v8::Function::New(context, make_binding).ToLocalChecked(),
      v8::Int32Array::New(buffer, 0, kRingWords),
      v8::Function::New(context, compile_module).ToLocalChecked(),
  };
  v8::Local<v8::Value> wake = bootstrap->Get(context, name_of(isolate_, "wake")).ToLocalChecked();
  if (wake.As<v8::Function>()->Call(context, bootstrap, 3, arguments).IsEmpty()) {
    std::fprintf(stderr, "sluice: built-in JavaScript failed:\n%s",
                 describe_caught(isolate_, context, caught).c_str());
    std::abort();
  }
  struct Hook {
    v8::Global<v8::Function>* function;
    const char *module, *name;
  };
  const Hook hooks[] = {
      {&in.on_turn, "internal/events", "onTurn"},
      {&in.process_ticks, "internal/ticks", "processTicks"},
      {&in.run_immediates, "internal/ticks", "runImmediates"},
      {&in.on_uncaught, "internal/process", "onUncaught"},
      {&in.on_unhandled_rejection, "internal/process", "onUnhandledRejection"},
      {&in.on_rejection_handled, "internal/process", "onRejectionHandled"},
      {&in.on_multiple_resolves, "internal/process", "onMultipleResolves"},
      {&in.rejection_error, "internal/process", "rejectionError"},
      {&in.describe, "internal/process", "describe"},
      {&in.on_before_exit, "internal/process", "onBeforeExit"},
      {&in.on_exit, "internal/process", "onExit"},
      {&in.on_signal, "internal/process", "onSignal"},
      {&in.load_common_js, "internal/loader", "load"},
      {&in.evaluation_globals, "internal/loader", "evaluationGlobals"},
  };
  for (const Hook& hook : hooks) {
    v8::Local<v8::Object> exports = builtin(hook.module).ToLocalChecked();
    hook.function->Reset(
        isolate_, exports->Get(context, name_of(isolate_, hook.name)).ToLocalChecked().As<v8::Function>());
  }
}

IsolateHost::~IsolateHost() {
  teardown();
  core_.reactor.timers().cancel(internals_->script_timer);
  {
    std::lock_guard lock(mailbox_->state_->mutex);
    mailbox_->state_->closed = true;
    mailbox_->state_->tasks.clear();
  }
  {
    v8::Isolate::Scope isolate_scope(isolate_);
    v8::HandleScope handle_scope(isolate_);
    for (auto at = owned_.rbegin(); at != owned_.rend(); ++at) at->destroy(at->pointer);
    isolate_->RemoveNearHeapLimitCallback(on_near_heap_limit, 0);
    loader_.reset();
    descriptors_.reset();
    internals_.reset();
    context_.Reset();
  }
  tasks_->close();
  isolate_->Dispose();
  platform().remove_isolate(isolate_);
}

uint32_t IsolateHost::on_teardown(std::function<void()> function) {
  const uint32_t number = next_teardown_++;
  teardowns_.emplace_back(number, std::move(function));
  return number;
}

void IsolateHost::cancel_teardown(uint32_t number) {
  for (size_t i = 0; i < teardowns_.size(); ++i) {
    if (teardowns_[i].first != number) continue;
    teardowns_.erase(teardowns_.begin() + static_cast<ptrdiff_t>(i));
    return;
  }
}

void IsolateHost::teardown() {
  if (tearing_down_) return;
  tearing_down_ = true;
  v8::Isolate::Scope isolate_scope(isolate_);
  v8::HandleScope handle_scope(isolate_);
  while (!teardowns_.empty()) {
    auto function = std::move(teardowns_.back().second);
    teardowns_.pop_back();
    function();
  }
  ring_.clear();
}

v8::MaybeLocal<v8::Object> IsolateHost::builtin(std::string_view id) {
  v8::EscapableHandleScope scope(isolate_);
  v8::Local<v8::Context> context = context_.Get(isolate_);
  v8::Local<v8::Object> bootstrap = internals_->bootstrap.Get(isolate_);
  v8::Local<v8::Value> require;
  if (!bootstrap->Get(context, name_of(isolate_, "requireBuiltin")).ToLocal(&require)) return {};
  v8::Local<v8::Value> arguments[] = {to_v8(isolate_, id)};
  v8::Local<v8::Value> exports;
  if (!require.As<v8::Function>()->Call(context, bootstrap, 1, arguments).ToLocal(&exports) ||
      !exports->IsObject())
    return {};
  return scope.Escape(exports.As<v8::Object>());
}

bool IsolateHost::busy() const {
  for (const auto& check : busy_checks_)
    if (check()) return true;
  return references_ > 0;
}

DescriptorWatch& IsolateHost::descriptors() {
  if (!descriptors_) descriptors_ = std::make_unique<DescriptorWatch>(core_.reactor.waiter());
  return *descriptors_;
}

uint64_t IsolateHost::array_buffer_bytes() const { return allocator_->bytes(); }

// ---- the program

bool IsolateHost::start(const Program& program) {
  Entry entry(*this);
  loader_->run(program);
  settle();
  return ending_ == Ending::kRunning;
}

bool IsolateHost::wants_to_live() const {
  return references_ > 0 || ring_.word(kRingTimers) > 0 || has_work();
}

void IsolateHost::finish() {
  if (ending_ != Ending::kRunning) return;
  Entry entry(*this);
  if (!call_hook(internals_->on_before_exit)) return;
  settle();
  if (ending_ != Ending::kRunning || wants_to_live()) return;
  // A top-level await that can never go on: Node's exit code for it.
  int code = 0;
  if (!evaluated_) {
    code = 13;
    std::fputs("sluice: the program waits at its top level for a promise that nothing can settle any more\n",
               stderr);
  }
  conclude(code);
}

void IsolateHost::conclude(int code) {
  if (ending_ != Ending::kRunning) return;
  Entry entry(*this);
  internals_->exit_emitted = true;
  v8::Local<v8::Value> arguments[] = {v8::Integer::New(isolate_, code)};
  v8::Local<v8::Value> result;
  if (call_hook(internals_->on_exit, 1, arguments, &result) && result->IsInt32())
    exit_code_ = result.As<v8::Int32>()->Value();
  if (ending_ == Ending::kRunning) ending_ = Ending::kFinished;
}

void IsolateHost::emit_signal(int signal_number, bool& handled) {
  handled = false;
  if (ending_ != Ending::kRunning) return;
  if (!(watched_signals_ >> signal_number & 1)) return;
  Entry entry(*this);
  const char* name = sigabbrev_np(signal_number);
  v8::Local<v8::Value> arguments[] = {to_v8(isolate_, std::string("SIG") + (name ? name : "")),
                                      v8::Integer::New(isolate_, signal_number)};
  v8::Local<v8::Value> result;
  if (call_hook(internals_->on_signal, 2, arguments, &result)) handled = result->IsTrue();
  settle();
}

void IsolateHost::request_exit(int code) {
  exit_code_ = code;
  internals_->exit_requested = true;
  isolate_->TerminateExecution();
  // V8 notices at the next function entry. This call is it (nothing of the function runs), so that not even the
  // caller's next statement does.
  std::ignore = internals_->process_ticks.Get(isolate_)->Call(context_.Get(isolate_), v8::Undefined(isolate_),
                                                              0, nullptr);
}

bool IsolateHost::exit_requested() const { return internals_->exit_requested; }

// ---- watchdog

void IsolateHost::interrupt(uint64_t entry_started_ns) {
  interrupt_entry_.store(entry_started_ns, std::memory_order_relaxed);
  isolate_->RequestInterrupt(
      [](v8::Isolate* isolate, void* data) {
        auto& host = *static_cast<IsolateHost*>(data);
        // The entry that was meant may have returned while the request travelled.
        if (host.entry_started_ns() != host.interrupt_entry_.load(std::memory_order_relaxed)) return;
        v8::HandleScope scope(isolate);
        host.entry_stack_ =
            stack_text(isolate, v8::StackTrace::CurrentStackTrace(isolate, 12, v8::StackTrace::kOverview));
        isolate->TerminateExecution();
      },
      this);
}

}  // namespace sluice::runtime
