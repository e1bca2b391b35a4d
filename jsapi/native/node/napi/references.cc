// SPDX-License-Identifier: Apache-2.0
// Node-API: references to values, and scopes of handles.
#include "jsapi/native/node/napi/references.hh"

namespace napi = sluice::jsapi::napi;

namespace sluice::jsapi::napi {

Reference::Reference(napi_env env, v8::Local<v8::Value> value, uint32_t count, Owner owner,
                     napi_finalize finalizer, void* data, void* hint)
    : env_(env),
      value_(env->isolate, value),
      count_(count),
      owner_(owner),
      can_be_weak_(value->IsObject() || value->IsSymbol() || value->IsExternal()),
      finalizer_(finalizer),
      data_(data),
      hint_(hint) {
  link(env->tracked);
  if (count_ == 0) weaken();
}

void Reference::weaken() {
  if (!can_be_weak_) return value_.Reset();
  value_.SetWeak(
      this,
      [](const v8::WeakCallbackInfo<Reference>& info) {
        Reference* reference = info.GetParameter();
        reference->value_.Reset();
        if (reference->finalizer_ || reference->owner_ == Owner::kEnvironment)
          reference->env_->finalize_soon(*reference);
      },
      v8::WeakCallbackType::kParameter);
}

uint32_t Reference::ref() {
  if (gone()) return 0;
  if (++count_ == 1 && can_be_weak_) value_.ClearWeak();
  return count_;
}

uint32_t Reference::unref() {
  if (gone() || count_ == 0) return 0;
  if (--count_ == 0) weaken();
  return count_;
}

void Reference::forget_finalizer() {
  finalizer_ = nullptr;
  data_ = hint_ = nullptr;
  if (owner_ == Owner::kEnvironment) delete this;
}

// The finalizer may delete what the addon owns.
void Reference::finalize() {
  napi_env env = env_;
  value_.Reset();
  const napi_finalize finalizer = std::exchange(finalizer_, nullptr);
  void* data = data_;
  void* hint = hint_;
  if (owner_ == Owner::kEnvironment) {
    delete this;
  } else if (env->may_run_js) {
    link(env->tracked);
  } else {
    unlink();  // the env goes: what the addon does not delete now is left to it
  }
  env->run_finalizer(finalizer, data, hint);
}

namespace {

struct HandleScope {
  explicit HandleScope(v8::Isolate* isolate) : scope(isolate) {}
  v8::HandleScope scope;
};

struct EscapableScope {
  explicit EscapableScope(v8::Isolate* isolate) : scope(isolate) {}
  v8::EscapableHandleScope scope;
  bool escaped = false;
};

}  // namespace

}  // namespace sluice::jsapi::napi

extern "C" {

napi_status napi_create_reference(napi_env env, napi_value value, uint32_t count, napi_ref* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, value);
  NAPI_CHECK_ARG(env, result);
  v8::Local<v8::Value> local = napi::to_local(value);
  if (env->version < napi::kVersionOfAllReferences)
    NAPI_CHECK(env, local->IsObject() || local->IsFunction() || local->IsSymbol() || local->IsExternal(),
               napi_invalid_arg);
  *result = to_napi(new napi::Reference(env, local, count, napi::Reference::Owner::kAddon));
  return env->succeed();
}

napi_status napi_delete_reference(napi_env env, napi_ref reference) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, reference);
  delete from_napi(reference);
  return env->succeed();
}

napi_status napi_reference_ref(napi_env env, napi_ref reference, uint32_t* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, reference);
  const uint32_t count = from_napi(reference)->ref();
  if (result) *result = count;
  return env->succeed();
}

napi_status napi_reference_unref(napi_env env, napi_ref reference, uint32_t* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, reference);
  NAPI_CHECK(env, from_napi(reference)->count() > 0, napi_generic_failure);
  const uint32_t count = from_napi(reference)->unref();
  if (result) *result = count;
  return env->succeed();
}

napi_status napi_get_reference_value(napi_env env, napi_ref reference, napi_value* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, reference);
  NAPI_CHECK_ARG(env, result);
  *result = from_napi(reference)->gone() ? nullptr : napi::to_napi(from_napi(reference)->get());
  return env->succeed();
}

napi_status napi_open_handle_scope(napi_env env, napi_handle_scope* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, result);
  *result = reinterpret_cast<napi_handle_scope>(new napi::HandleScope(env->isolate));
  ++env->open_handle_scopes;
  return env->succeed();
}

napi_status napi_close_handle_scope(napi_env env, napi_handle_scope scope) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, scope);
  if (env->open_handle_scopes == 0) return napi_handle_scope_mismatch;
  --env->open_handle_scopes;
  delete reinterpret_cast<napi::HandleScope*>(scope);
  return env->succeed();
}

napi_status napi_open_escapable_handle_scope(napi_env env, napi_escapable_handle_scope* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, result);
  *result = reinterpret_cast<napi_escapable_handle_scope>(new napi::EscapableScope(env->isolate));
  ++env->open_handle_scopes;
  return env->succeed();
}

napi_status napi_close_escapable_handle_scope(napi_env env, napi_escapable_handle_scope scope) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, scope);
  if (env->open_handle_scopes == 0) return napi_handle_scope_mismatch;
  --env->open_handle_scopes;
  delete reinterpret_cast<napi::EscapableScope*>(scope);
  return env->succeed();
}

napi_status napi_escape_handle(napi_env env, napi_escapable_handle_scope scope, napi_value value,
                               napi_value* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, scope);
  NAPI_CHECK_ARG(env, value);
  NAPI_CHECK_ARG(env, result);
  auto* open = reinterpret_cast<napi::EscapableScope*>(scope);
  NAPI_CHECK(env, !open->escaped, napi_escape_called_twice);
  open->escaped = true;
  *result = napi::to_napi(open->scope.Escape(napi::to_local(value)));
  return env->succeed();
}

}  // extern "C"
