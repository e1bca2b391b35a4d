// SPDX-License-Identifier: Apache-2.0
// Node-API: promises that the addon settles.
#include "jsapi/native/node/napi/env.hh"

namespace napi = sluice::jsapi::napi;

using Deferred = v8::Global<v8::Promise::Resolver>;

static napi_status settle(napi_env env, napi_deferred deferred, napi_value value, bool resolve) {
  NAPI_BEGIN(env);
  NAPI_CHECK_ARG(env, deferred);
  NAPI_CHECK_ARG(env, value);
  auto* resolver = reinterpret_cast<Deferred*>(deferred);
  v8::Local<v8::Promise::Resolver> local = resolver->Get(env->isolate);
  const v8::Maybe<bool> done = resolve ? local->Resolve(env->context(), napi::to_local(value))
                                       : local->Reject(env->context(), napi::to_local(value));
  delete resolver;
  if (!done.FromMaybe(false)) return attempt.failure(napi_generic_failure);
  return attempt.status();
}

extern "C" {

napi_status napi_create_promise(napi_env env, napi_deferred* deferred, napi_value* promise) {
  NAPI_BEGIN(env);
  NAPI_CHECK_ARG(env, deferred);
  NAPI_CHECK_ARG(env, promise);
  v8::Local<v8::Promise::Resolver> resolver;
  if (!v8::Promise::Resolver::New(env->context()).ToLocal(&resolver))
    return attempt.failure(napi_generic_failure);
  *deferred = reinterpret_cast<napi_deferred>(new Deferred(env->isolate, resolver));
  *promise = napi::to_napi(resolver->GetPromise());
  return attempt.status();
}
napi_status napi_resolve_deferred(napi_env env, napi_deferred deferred, napi_value value) {
  return settle(env, deferred, value, true);
}
napi_status napi_reject_deferred(napi_env env, napi_deferred deferred, napi_value value) {
  return settle(env, deferred, value, false);
}

}  // extern "C"
