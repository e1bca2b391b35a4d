// SPDX-License-Identifier: Apache-2.0
// Node-API: the environment that an addon's functions get (one for each addon that an isolate has loaded), and what all of an
// isolate's addons share. Node's documentation of Node-API is the contract; docs/node-api.md says what is there.
//
// Everything here is called on the isolate's thread, except where it says otherwise. The declarations of the functions are those
// of Node's public headers.
#pragma once
#define NAPI_EXPERIMENTAL
#define NODE_API_EXPERIMENTAL_NOGC_ENV_OPT_OUT
#include <node_api.h>
#include <v8.h>

#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/isolate_host.hh"

namespace sluice::jsapi::napi {

// From this version of the interface on, an addon may refer to values that are no objects, and is told napi_cannot_run_js.
inline constexpr int32_t kVersionOfAllReferences = 10;
inline constexpr int32_t kVersionIfUnsaid = 8;

// Something that an environment has to release at its end: a member of one of its two lists.
class Tracked {
 public:
  Tracked() = default;
  Tracked(const Tracked&) = delete;
  virtual ~Tracked() { unlink(); }
  // Runs the addon's finalizer, if there is one that has not run, and releases what nobody else will.
  virtual void finalize() = 0;

  void link(Tracked& list) {
    unlink();
    next_ = list.next_;
    previous_ = &list;
    if (next_) next_->previous_ = this;
    list.next_ = this;
  }
  void unlink() {
    if (previous_) previous_->next_ = next_;
    if (next_) next_->previous_ = previous_;
    previous_ = next_ = nullptr;
  }
  Tracked* next() const { return next_; }

 private:
  Tracked* next_ = nullptr;
  Tracked* previous_ = nullptr;
};

struct ListHead final : Tracked {
  void finalize() override {}
};

// What the addons of an isolate share. Made when the first is loaded, gone with the isolate.
class Addons {
 public:
  explicit Addons(runtime::IsolateHost& host);
  ~Addons();

  napi_env make_env(std::string file_url, int32_t version);
  v8::Local<v8::Private> wrap_key() { return wrap_key_.Get(host.isolate()); }
  v8::Local<v8::Private> tag_key() { return tag_key_.Get(host.isolate()); }
  // A Buffer over a part of `memory`.
  v8::MaybeLocal<v8::Value> buffer(v8::Local<v8::Context> context, v8::Local<v8::ArrayBuffer> memory,
                                   size_t offset, size_t length);

  runtime::IsolateHost& host;
  // Of calls into addons under way: at 0 nothing of JavaScript is on the stack, and ticks are run behind a callback.
  unsigned depth = 0;
  // JavaScript was ended (process.exit, the watchdog) within the present call into an addon: no more of it runs.
  bool ended = false;

 private:
  void end();
  std::vector<std::unique_ptr<napi_env__>> envs_;
  v8::Global<v8::Private> wrap_key_, tag_key_;
  v8::Global<v8::Function> buffer_class_;
};

// Locals and napi_values are the same thing: the address of a handle.
static_assert(sizeof(v8::Local<v8::Value>) == sizeof(napi_value));
inline napi_value to_napi(v8::Local<v8::Value> local) {
  napi_value value;
  std::memcpy(static_cast<void*>(&value), static_cast<const void*>(&local), sizeof(local));
  return value;
}
inline v8::Local<v8::Value> to_local(napi_value value) {
  v8::Local<v8::Value> local;
  std::memcpy(static_cast<void*>(&local), static_cast<const void*>(&value), sizeof(local));
  return local;
}

// The asynchronous context at a moment (AsyncLocalStorage), to be in again when a callback runs.
class ContextFrame {
 public:
  explicit ContextFrame(napi_env env);
  // In the frame while the object lives.
  class Scope {
   public:
    Scope(napi_env env, const ContextFrame& frame);
    ~Scope();

   private:
    napi_env env_;
    v8::Global<v8::Value> before_;
  };

 private:
  v8::Global<v8::Value> frame_;
};

}  // namespace sluice::jsapi::napi

struct napi_env__ {
  napi_env__(sluice::jsapi::napi::Addons& owner, std::string url, int32_t version);
  napi_env__(const napi_env__&) = delete;

  v8::Local<v8::Context> context() const { return host.context(); }
  napi_status fail(napi_status status) {
    last_error.error_code = status;
    last_error.engine_error_code = 0;
    last_error.engine_reserved = nullptr;
    return status;
  }
  napi_status succeed() { return fail(napi_ok); }
  // What functions say that would run JavaScript when no JavaScript runs any more.
  napi_status refusal() {
    return fail(version >= sluice::jsapi::napi::kVersionOfAllReferences ? napi_cannot_run_js
                                                                        : napi_pending_exception);
  }

  // A call into the addon from outside of JavaScript: scopes, what it throws is an uncaught error, then ticks and microtasks.
  // False when the program has ended by that.
  bool enter(const std::function<void(napi_env)>& call);
  // A call of a finalizer or a hook, at any time that V8 may be used at. Errors of it are uncaught errors.
  void run_finalizer(napi_finalize finalizer, void* data, void* hint);
  // `item` has lost its object: its finalizer runs soon, not within the garbage collection that found it.
  void finalize_soon(sluice::jsapi::napi::Tracked& item);
  // Runs hooks and finalizers; no JavaScript runs any more.
  void end();

  sluice::jsapi::napi::Addons& addons;
  sluice::runtime::IsolateHost& host;
  v8::Isolate* const isolate;
  const std::string file_url;
  const int32_t version;
  napi_extended_error_info last_error{};
  v8::Global<v8::Value> last_exception;
  int open_handle_scopes = 0, open_callback_scopes = 0;
  bool may_run_js = true;
  sluice::jsapi::napi::ListHead tracked;     // alive
  sluice::jsapi::napi::ListHead finalizing;  // waiting for finalize()
  struct {
    void* data = nullptr;
    napi_finalize finalizer = nullptr;
    void* hint = nullptr;
  } instance;
  struct CleanupHook {
    uint64_t number;
    std::function<void()> run;
    void (*function)(void*);
    void* argument;
  };
  std::vector<CleanupHook> cleanup_hooks;
  uint64_t add_cleanup(std::function<void()> run, void (*function)(void*) = nullptr,
                       void* argument = nullptr);
  void remove_cleanup(uint64_t number);

 private:
  uint64_t next_hook_ = 1;
  bool drain_posted_ = false;
};

namespace sluice::jsapi::napi {

// Keeps what JavaScript throws during a function of the interface for napi_get_and_clear_last_exception, or for the caller
// that the addon returns to.
class Attempt : public v8::TryCatch {
 public:
  explicit Attempt(napi_env env) : v8::TryCatch(env->isolate), env_(env) {}
  ~Attempt() {
    if (!HasCaught()) return;
    if (HasTerminated()) {
      env_->addons.ended = true;
    } else {
      env_->last_exception.Reset(env_->isolate, Exception());
    }
  }
  napi_status status() { return env_->fail(HasCaught() ? napi_pending_exception : napi_ok); }
  // `otherwise`, unless something was thrown.
  napi_status failure(napi_status otherwise) {
    return env_->fail(HasCaught() ? napi_pending_exception : otherwise);
  }

 private:
  napi_env env_;
};

// Text with a length or NAPI_AUTO_LENGTH. False: longer than V8 takes.
bool text_fits(size_t length);

}  // namespace sluice::jsapi::napi

#define NAPI_CHECK_ENV(env)              \
  do {                                   \
    if (!(env)) return napi_invalid_arg; \
  } while (0)
#define NAPI_CHECK(env, condition, status)        \
  do {                                            \
    if (!(condition)) return (env)->fail(status); \
  } while (0)
#define NAPI_CHECK_ARG(env, argument) NAPI_CHECK(env, (argument) != nullptr, napi_invalid_arg)
// The beginning of functions that may run JavaScript: declares `attempt`.
#define NAPI_BEGIN(env)                                                     \
  NAPI_CHECK_ENV(env);                                                      \
  NAPI_CHECK(env, (env)->last_exception.IsEmpty(), napi_pending_exception); \
  if (!(env)->may_run_js || (env)->addons.ended) return (env)->refusal();   \
  (env)->succeed();                                                         \
  sluice::jsapi::napi::Attempt attempt(env)
