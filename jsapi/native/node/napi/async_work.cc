// SPDX-License-Identifier: Apache-2.0
// Node-API: work on the thread pool, and asynchronous contexts.
#include <condition_variable>
#include <mutex>
#include <tuple>

#include "jsapi/native/node/napi/env.hh"
#include "jsapi/native/node/pool.hh"

namespace napi = sluice::jsapi::napi;
using sluice::runtime::IsolateHost;

namespace {

enum class State : uint8_t { kIdle, kQueued, kRunning, kDone, kCancelled };

// What the pool and the isolate share of a piece of work.
struct Shared {
  std::mutex mutex;
  std::condition_variable changed;
  State state = State::kIdle;
};

}  // namespace

struct napi_async_work__ {
  napi_async_work__(napi_env in, napi_async_execute_callback run, napi_async_complete_callback then,
                    void* with)
      : env(in), execute(run), complete(then), data(with), frame(in) {}
  napi_env env;
  napi_async_execute_callback execute;
  napi_async_complete_callback complete;
  void* data;
  napi::ContextFrame frame;
  std::shared_ptr<Shared> shared = std::make_shared<Shared>();
  // Cleared when the addon deletes the work: what is on its way back then finds nothing.
  std::shared_ptr<napi_async_work__*> self = std::make_shared<napi_async_work__*>(this);
  uint64_t hook = 0;  // of the env's end, while it is under way
};

namespace {

// Back on the isolate's thread.
void finish(napi_async_work work, napi_status status) {
  napi_env env = work->env;
  env->remove_cleanup(work->hook);
  env->host.unref();
  {
    std::lock_guard lock(work->shared->mutex);
    work->shared->state = State::kIdle;
  }
  if (!work->complete) return;
  env->enter([&](napi_env to) {
    const napi::ContextFrame::Scope frame(to, work->frame);
    work->complete(to, status, work->data);  // may delete the work
  });
}

// The environment ends: what waits does not run, what runs is waited for, because it uses the addon's data.
void abandon(Shared& shared) {
  std::unique_lock lock(shared.mutex);
  if (shared.state == State::kQueued) shared.state = State::kCancelled;
  shared.changed.wait(lock, [&] { return shared.state != State::kRunning; });
}

}  // namespace

extern "C" {

napi_status napi_create_async_work(napi_env env, napi_value resource, napi_value name,
                                   napi_async_execute_callback execute, napi_async_complete_callback complete,
                                   void* data, napi_async_work* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, execute);
  NAPI_CHECK_ARG(env, result);
  *result = new napi_async_work__(env, execute, complete, data);
  return env->succeed();
}

napi_status napi_delete_async_work(napi_env env, napi_async_work work) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, work);
  *work->self = nullptr;
  delete work;
  return env->succeed();
}

napi_status napi_queue_async_work(napi_env env, napi_async_work work) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, work);
  NAPI_CHECK(env, env->may_run_js, napi_generic_failure);
  std::shared_ptr<Shared> shared = work->shared;
  {
    std::lock_guard lock(shared->mutex);
    NAPI_CHECK(env, shared->state == State::kIdle, napi_generic_failure);
    shared->state = State::kQueued;
  }
  env->host.ref();
  work->hook = env->add_cleanup([shared] { abandon(*shared); });
  sluice::jsapi::Pool::shared().add([shared, env, execute = work->execute, data = work->data,
                                     self = work->self, mailbox = env->host.mailbox()] {
    {
      std::lock_guard lock(shared->mutex);
      if (shared->state != State::kQueued) return;
      shared->state = State::kRunning;
    }
    execute(env, data);
    {
      std::lock_guard lock(shared->mutex);
      shared->state = State::kDone;
      shared->changed.notify_all();
    }
    // From here on the environment may be gone.
    std::ignore = mailbox->post([self](IsolateHost&) {
      if (*self) finish(*self, napi_ok);
    });
  });
  return env->succeed();
}

napi_status napi_cancel_async_work(napi_env env, napi_async_work work) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, work);
  {
    std::lock_guard lock(work->shared->mutex);
    NAPI_CHECK(env, work->shared->state == State::kQueued, napi_generic_failure);
    work->shared->state = State::kCancelled;
  }
  std::ignore = env->host.mailbox()->post([self = work->self](IsolateHost&) {
    if (*self) finish(*self, napi_cancelled);
  });
  return env->succeed();
}

// ---- asynchronous contexts

struct napi_async_context__ {
  explicit napi_async_context__(napi_env env) : frame(env) {}
  napi::ContextFrame frame;
};

napi_status napi_async_init(napi_env env, napi_value resource, napi_value name, napi_async_context* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, name);
  NAPI_CHECK_ARG(env, result);
  *result = new napi_async_context__(env);
  return env->succeed();
}
napi_status napi_async_destroy(napi_env env, napi_async_context context) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, context);
  delete context;
  return env->succeed();
}

napi_status napi_make_callback(napi_env env, napi_async_context context, napi_value receiver,
                               napi_value function, size_t count, const napi_value* values,
                               napi_value* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, receiver);
  napi_status status;
  if (context) {
    const napi::ContextFrame::Scope frame(env, context->frame);
    status = napi_call_function(env, receiver, function, count, values, result);
  } else {
    status = napi_call_function(env, receiver, function, count, values, result);
  }
  if (env->addons.depth == 0 && env->open_callback_scopes == 0) env->host.settle();
  return status;
}

napi_status napi_open_callback_scope(napi_env env, napi_value resource, napi_async_context context,
                                     napi_callback_scope* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, result);
  const napi::ContextFrame now(env);
  *result = reinterpret_cast<napi_callback_scope>(
      new napi::ContextFrame::Scope(env, context ? context->frame : now));
  ++env->open_callback_scopes;
  return env->succeed();
}
napi_status napi_close_callback_scope(napi_env env, napi_callback_scope scope) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, scope);
  if (env->open_callback_scopes == 0) return napi_callback_scope_mismatch;
  delete reinterpret_cast<napi::ContextFrame::Scope*>(scope);
  if (--env->open_callback_scopes == 0 && env->addons.depth == 0) env->host.settle();
  return env->succeed();
}

}  // extern "C"
