// SPDX-License-Identifier: Apache-2.0
// Node-API: functions that any thread may call. Calls wait in a queue of the function, and the isolate's mailbox says that
// there are some.
#include <condition_variable>
#include <deque>
#include <mutex>
#include <tuple>

#include "jsapi/native/node/napi/env.hh"

namespace napi = sluice::jsapi::napi;
using sluice::runtime::IsolateHost;

// Calls that one turn of the isolate makes before others get theirs.
static constexpr unsigned kCallsPerTurn = 1000;

// Belongs to the threads that hold it and to the environment: gone when both have let go.
struct napi_threadsafe_function__ : std::enable_shared_from_this<napi_threadsafe_function__> {
  explicit napi_threadsafe_function__(napi_env in) : env(in), mailbox(in->host.mailbox()), frame(in) {}

  napi_status call(void* data, napi_threadsafe_function_call_mode mode);
  napi_status acquire();
  napi_status release(napi_threadsafe_function_release_mode mode);

  void notify();    // with the lock held
  void dispatch();  // isolate's thread
  void close();     // isolate's thread: no call is made any more
  void leave();     // with the lock held: frees what no thread holds any more
  void hold_alive(bool hold) {
    if (hold == holds_alive) return;
    holds_alive = hold;
    if (hold) {
      env->host.ref();
    } else {
      env->host.unref();
    }
  }

  napi_env env;
  std::shared_ptr<IsolateHost::Mailbox> mailbox;
  std::shared_ptr<napi_threadsafe_function__> self;
  // Any thread, with the lock.
  std::mutex mutex;
  std::condition_variable room;
  std::deque<void*> queue;
  size_t threads = 0;
  bool closing = false, closed = false, notified = false;
  // Constant.
  size_t limit = 0;  // of the queue; 0: none
  void* context = nullptr;
  napi_threadsafe_function_call_js call_js = nullptr;
  napi_finalize finalizer = nullptr;
  void* finalizer_data = nullptr;
  // Isolate's thread.
  v8::Global<v8::Function> function;
  napi::ContextFrame frame;
  bool holds_alive = false;
  uint64_t hook = 0;
};

napi_status napi_threadsafe_function__::call(void* data, napi_threadsafe_function_call_mode mode) {
  std::unique_lock lock(mutex);
  while (limit > 0 && queue.size() >= limit && !closing) {
    if (mode == napi_tsfn_nonblocking) return napi_queue_full;
    room.wait(lock);
  }
  if (closing) {
    if (threads == 0) return napi_invalid_arg;
    --threads;
    const auto keep = shared_from_this();  // the lock is part of it
    leave();
    lock.unlock();
    return napi_closing;
  }
  queue.push_back(data);
  notify();
  return napi_ok;
}

napi_status napi_threadsafe_function__::acquire() {
  std::lock_guard lock(mutex);
  if (closing) return napi_closing;
  ++threads;
  return napi_ok;
}

napi_status napi_threadsafe_function__::release(napi_threadsafe_function_release_mode mode) {
  const auto keep = shared_from_this();
  std::lock_guard lock(mutex);
  if (threads == 0) return napi_invalid_arg;
  --threads;
  if ((threads == 0 || mode == napi_tsfn_abort) && !closing) {
    closing = mode == napi_tsfn_abort;
    if (closing) room.notify_all();
    notify();
  }
  leave();
  return napi_ok;
}

void napi_threadsafe_function__::notify() {
  if (notified || closed) return;
  notified = true;
  std::ignore = mailbox->post([keep = shared_from_this()](IsolateHost&) { keep->dispatch(); });
}

void napi_threadsafe_function__::leave() {
  if (closed && threads == 0) self.reset();
}

void napi_threadsafe_function__::dispatch() {
  {
    std::lock_guard lock(mutex);
    notified = false;
    if (closed) return;
  }
  for (unsigned calls = 0; calls < kCallsPerTurn; ++calls) {
    void* data;
    {
      std::lock_guard lock(mutex);
      if (closing || (queue.empty() && threads == 0)) {
        closing = true;
        break;
      }
      if (queue.empty()) return;
      data = queue.front();
      if (queue.size() == limit) room.notify_all();
      queue.pop_front();
    }
    const bool goes_on = env->enter([&](napi_env to) {
      const napi::ContextFrame::Scope scope(to, frame);
      v8::Local<v8::Function> local;
      napi_value callback = nullptr;
      if (!function.IsEmpty()) {
        local = function.Get(to->isolate);
        callback = napi::to_napi(local);
      }
      if (call_js) {
        call_js(to, callback, context, data);
      } else if (callback) {
        napi_value nothing = napi::to_napi(v8::Undefined(to->isolate));
        napi_call_function(to, nothing, callback, 0, nullptr, nullptr);
      }
    });
    if (!goes_on) return;
  }
  bool ends;
  {
    std::lock_guard lock(mutex);
    ends = closing;
    if (!ends) notify();
  }
  if (ends) close();
}

void napi_threadsafe_function__::close() {
  const auto keep = shared_from_this();
  std::deque<void*> left;
  {
    std::lock_guard lock(mutex);
    if (closed) return;
    closing = closed = true;
    left.swap(queue);
    room.notify_all();
  }
  env->remove_cleanup(hook);
  if (env->may_run_js) hold_alive(false);
  env->run_finalizer(finalizer, finalizer_data, context);
  function.Reset();
  // What was to be handed over: the addon frees it.
  if (call_js)
    for (void* data : left) call_js(nullptr, nullptr, context, data);
  std::lock_guard lock(mutex);
  leave();
}

extern "C" {

napi_status napi_create_threadsafe_function(napi_env env, napi_value function, napi_value resource,
                                            napi_value name, size_t limit, size_t threads,
                                            void* finalizer_data, napi_finalize finalizer, void* context,
                                            napi_threadsafe_function_call_js call_js,
                                            napi_threadsafe_function* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, name);
  NAPI_CHECK(env, threads > 0, napi_invalid_arg);
  NAPI_CHECK_ARG(env, result);
  NAPI_CHECK(env, env->may_run_js, napi_generic_failure);
  if (function) {
    NAPI_CHECK(env, napi::to_local(function)->IsFunction(), napi_invalid_arg);
  } else {
    NAPI_CHECK_ARG(env, call_js);
  }
  auto made = std::make_shared<napi_threadsafe_function__>(env);
  made->self = made;
  if (function) made->function.Reset(env->isolate, napi::to_local(function).As<v8::Function>());
  made->limit = limit;
  made->threads = threads;
  made->context = context;
  made->call_js = call_js;
  made->finalizer = finalizer;
  made->finalizer_data = finalizer_data;
  made->hold_alive(true);
  made->hook = env->add_cleanup([raw = made.get()] { raw->close(); });
  *result = made.get();
  return env->succeed();
}

napi_status napi_get_threadsafe_function_context(napi_threadsafe_function function, void** result) {
  SLUICE_ASSERT(function && result);
  *result = function->context;
  return napi_ok;
}
napi_status napi_call_threadsafe_function(napi_threadsafe_function function, void* data,
                                          napi_threadsafe_function_call_mode mode) {
  SLUICE_ASSERT(function);
  return function->call(data, mode);
}
napi_status napi_acquire_threadsafe_function(napi_threadsafe_function function) {
  SLUICE_ASSERT(function);
  return function->acquire();
}
napi_status napi_release_threadsafe_function(napi_threadsafe_function function,
                                             napi_threadsafe_function_release_mode mode) {
  SLUICE_ASSERT(function);
  return function->release(mode);
}
napi_status napi_ref_threadsafe_function(napi_env env, napi_threadsafe_function function) {
  SLUICE_ASSERT(function);
  if (!function->closed) function->hold_alive(true);
  return napi_ok;
}
napi_status napi_unref_threadsafe_function(napi_env env, napi_threadsafe_function function) {
  SLUICE_ASSERT(function);
  if (!function->closed) function->hold_alive(false);
  return napi_ok;
}

}  // extern "C"
