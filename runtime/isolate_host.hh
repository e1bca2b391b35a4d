// SPDX-License-Identifier: Apache-2.0
// One V8 isolate on one data core: its context, its event ring, its program. It takes part in each turn of the core's
// reactor: events that the turn produced are handed to JavaScript in one call, then microtasks run once.
//
// All calls come from the core's thread, unless said otherwise. An isolate can be torn down between any two turns
// (watchdog, heap limit, reload); what is native and belongs to it registers on_teardown().
#pragma once
#include <v8.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/core.hh"
#include "runtime/event_ring.hh"
#include "runtime/event_types.hh"
#include "runtime/native_module.hh"

namespace sluice::runtime {

class ModuleLoader;
class CountingAllocator;
class TaskQueue;
class DescriptorWatch;

// What all isolates of a process share. Read-only once the cores run.
struct RuntimeImage {
  std::vector<BuiltinModule> builtins;  // the runtime's own, then jsapi's
  std::vector<NativeModule> natives;
  const v8::StartupData* snapshot = nullptr;     // nullptr: built-in modules are compiled at start
  std::vector<std::string> arguments;            // process.argv
  std::vector<std::string> exec_arguments;       // process.execArgv
  std::vector<std::string> node_options;         // of Node's command line: name, value, ...
  std::vector<std::string> environment_options;  // names that NODE_OPTIONS may hold
  std::string first_argument;                    // process.argv0
  std::string executable;                        // process.execPath
};

// What to run.
struct Program {
  enum class Kind : uint8_t { kNone, kFile, kEval, kPrint, kStdin, kBuiltIn } kind = Kind::kNone;
  std::string source;  // path of the file, or the code
};

struct HostLimits {
  uint32_t heap_mb = 0;             // 0: V8's own choice
  uint32_t young_heap_mb = 0;       // of it, the young generation; 0: V8's own choice
  uint32_t code_range_mb = 0;       // 0: V8's own choice
  uintptr_t stack_limit = 0;        // the lowest address that JavaScript may use; 0: V8's own choice
  uint64_t array_buffer_bytes = 0;  // 0: no limit beyond the machine's
};

// Why an isolate does not go on.
enum class Ending : uint8_t {
  kRunning,
  kFinished,   // nothing left to wait for, or process.exit(): see exit_code()
  kUncaught,   // an error nobody caught: reported; exit_code() is 1
  kWatchdog,   // ran too long without returning; reported
  kHeapLimit,  // its heap was full; reported
};

class IsolateHost {
 public:
  // Makes isolate and context from the image. Core's thread.
  IsolateHost(CoreServices& core, const RuntimeImage& image, const HostLimits& limits);
  ~IsolateHost();
  IsolateHost(const IsolateHost&) = delete;

  static IsolateHost& from(v8::Isolate* isolate);
  v8::Isolate* isolate() const { return isolate_; }
  v8::Local<v8::Context> context() const { return context_.Get(isolate_); }
  CoreServices& core() const { return core_; }
  const RuntimeImage& image() const { return image_; }

  // ---- for native modules

  // An event for the script; handled within this turn when pushed before or during deliver(). See EventRing.
  void push(int32_t type, int32_t w1 = 0, int32_t w2 = 0, int32_t w3 = 0, int32_t w4 = 0, int32_t w5 = 0,
            int32_t w6 = 0, int32_t w7 = 0) {
    ring_.push(type, w1, w2, w3, w4, w5, w6, w7);
  }
  EventRing& ring() { return ring_; }

  // The program does not end while any reference is held: a listener, a request under way, an open socket.
  void ref() { ++references_; }
  void unref() {
    SLUICE_ASSERT(references_ > 0);
    --references_;
  }
  uint32_t references() const { return references_; }

  // `function` runs once, when the isolate is about to go: hand back or abort what belongs to it. It may use the core, but
  // must not call JavaScript. Later registrations run first. Returns a number for cancel_teardown().
  uint32_t on_teardown(std::function<void()> function);
  void cancel_teardown(uint32_t number);
  bool tearing_down() const { return tearing_down_; }

  // `function` tells whether something is under way that this isolate should finish when it has been replaced by a reload
  // (requests that it is answering), beyond what holds a reference.
  void on_busy_check(std::function<bool()> function) { busy_checks_.push_back(std::move(function)); }
  bool busy() const;

  // Pipes, terminals and children of the program: who is told when they are ready. Made at its first use.
  DescriptorWatch& descriptors();

  // Keeps per-isolate state of a native module alive until teardown callbacks have run. Returns the raw pointer.
  template <typename T>
  T* own(std::unique_ptr<T> state) {
    T* raw = state.get();
    owned_.push_back({state.release(), [](void* pointer) { delete static_cast<T*>(pointer); }});
    return raw;
  }

  // Runs `task` on the core's thread, outside JavaScript, in the next turn (enter with Entry to call functions). Dropped
  // when the isolate is gone by then. ANY thread; holds a lock, so not for the data path.
  class Mailbox;
  std::shared_ptr<Mailbox> mailbox() const { return mailbox_; }

  // Guards a call into V8 from C++ that is not itself called by JavaScript: scopes, and the watchdog's clock.
  class Entry {
   public:
    explicit Entry(IsolateHost& host);
    ~Entry();
    Entry(const Entry&) = delete;

   private:
    IsolateHost& host_;
    v8::Isolate::Scope isolate_scope_;
    v8::HandleScope handle_scope_;
    v8::Context::Scope context_scope_;
    bool outermost_;
  };

  // Reports what `caught` caught as an uncaught error: process.on('uncaughtException'), else it is printed with its source
  // line and the program ends with code 1. For callers that call into JavaScript by themselves inside an Entry.
  void uncaught(v8::TryCatch& caught);
  // The same for an error at hand; `message` may be empty. `origin`: "uncaughtException" or "unhandledRejection".
  void uncaught(v8::Local<v8::Value> error, v8::Local<v8::Message> message,
                const char* origin = "uncaughtException");

  // Runs ticks, microtasks and what is due for rejections: between two calls into JavaScript that a script may tell apart.
  // Inside an Entry.
  void settle();

  // exports of a built-in module. Inside an Entry or a call from JavaScript.
  v8::MaybeLocal<v8::Object> builtin(std::string_view id);

  // ---- for the core

  // Evaluates the program: module graph, top-level code, microtasks. False when it ended at once (see ending()).
  bool start(const Program& program);
  // One turn: hands over events, runs ticks and microtasks, reports rejections. Returns whether there was anything.
  bool deliver(uint64_t now_ns);
  // Whether deliver() has something to do right now.
  bool has_work() const;
  void woken();                             // the core slept
  bool descriptors_ready(uint64_t now_ns);  // before it sleeps: whether a descriptor has something, after all
  uint64_t next_task_ns() const;  // when V8 wants to do something on this thread; UINT64_MAX: nothing
  // Nothing keeps the program alive: emits 'beforeExit' (which may start something new) and 'exit'.
  bool wants_to_live() const;
  void finish();
  // Runs the teardown callbacks, if that has not happened; no JavaScript runs any more.
  void teardown();
  // Ends the program from outside: emits 'exit' with `code` (SIGTERM).
  void conclude(int code);
  void emit_signal(int signal_number, bool& handled);

  Ending ending() const { return ending_; }
  int exit_code() const { return exit_code_; }
  const std::string& entry_stack() const { return entry_stack_; }  // where kWatchdog found it
  bool evaluated() const { return evaluated_; }  // top-level code, awaits included, is through
  void request_exit(int code);                   // process.exit()
  bool exit_requested() const;
  // Bit set of those the program listens for. ANY thread.
  uint64_t watched_signals() const { return watched_signals_.load(std::memory_order_acquire); }
  void watch_signal(int number) { watched_signals_.fetch_or(uint64_t{1} << number); }
  void unwatch_signal(int number) { watched_signals_.fetch_and(~(uint64_t{1} << number)); }

  // ---- watchdog; ANY thread
  // Number of the present entry into JavaScript and its start, or 0 when it is outside.
  uint64_t entry_started_ns() const { return entry_started_ns_.load(std::memory_order_relaxed); }
  // Ends the entry under way: its stack is captured, then it is terminated. Nothing happens when it has returned by then.
  void interrupt(uint64_t entry_started_ns);

  struct Counters {
    uint64_t entries = 0;  // calls into JavaScript from the turn
    uint64_t events = 0;   // events handed over
    uint64_t gc_count = 0, gc_ns = 0, gc_longest_ns = 0;
    uint64_t uncaught = 0, unhandled_rejections = 0;
    uint64_t rounds_limited = 0;  // turns that left events for the next one
  } counters;
  ModuleLoader& loader() { return *loader_; }
  uint64_t array_buffer_bytes() const;

  // ---- for the parts of the runtime
  struct Internals;
  Internals& internals() { return *internals_; }

 private:
  friend class Entry;
  friend class ModuleLoader;
  friend struct Internals;
  void hand_over();
  void report_rejections();
  bool stopped(v8::TryCatch& caught);
  void note_termination();
  bool call_hook(v8::Global<v8::Function>& hook, int count = 0, v8::Local<v8::Value>* arguments = nullptr,
                 v8::Local<v8::Value>* result = nullptr);
  CoreServices& core_;
  const RuntimeImage& image_;
  v8::Isolate* isolate_ = nullptr;
  std::shared_ptr<CountingAllocator> allocator_;
  std::shared_ptr<TaskQueue> tasks_;
  std::shared_ptr<Mailbox> mailbox_;
  v8::Global<v8::Context> context_;
  EventRing ring_;
  std::unique_ptr<ModuleLoader> loader_;
  std::unique_ptr<DescriptorWatch> descriptors_;
  std::unique_ptr<Internals> internals_;
  uint32_t references_ = 0;
  unsigned depth_ = 0;
  bool tearing_down_ = false, evaluated_ = false, in_uncaught_ = false, immediates_ran_ = false;
  Ending ending_ = Ending::kRunning;
  int exit_code_ = 0;
  std::string entry_stack_;
  std::atomic<uint64_t> watched_signals_{0};
  std::atomic<uint64_t> entry_started_ns_{0};
  std::atomic<uint64_t> interrupt_entry_{0};
  struct Owned {
    void* pointer;
    void (*destroy)(void*);
  };
  std::vector<Owned> owned_;
  std::vector<std::pair<uint32_t, std::function<void()>>> teardowns_;
  uint32_t next_teardown_ = 1;
  std::vector<std::function<bool()>> busy_checks_;
};

// Tasks from other threads for an isolate's core. Shared, so that a sender may outlive the isolate.
class IsolateHost::Mailbox {
 public:
  explicit Mailbox(Waiter& waiter);
  ~Mailbox();
  // False when the isolate is gone; `task` is then dropped.
  bool post(std::function<void(IsolateHost&)> task);

 private:
  friend class IsolateHost;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::runtime
