// SPDX-License-Identifier: Apache-2.0
// Node-API: what an addon asks of its environment: versions, its own file, data of the instance, hooks for the end.
#include <algorithm>
#include <cstdio>

#include "jsapi/native/node/napi/env.hh"
#include "runtime/version.hh"

namespace runtime = sluice::runtime;

// A hook that may take its time: it is told that the end comes; what it then leaves to a loop of libuv does not happen.
struct napi_async_cleanup_hook_handle__ {
  napi_env env;
  uint64_t number;
};

extern "C" {

napi_status napi_get_version(napi_env env, uint32_t* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, result);
  *result = runtime::kNodeApiVersion;
  return env->succeed();
}

napi_status napi_get_node_version(napi_env env, const napi_node_version** result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, result);
  static const napi_node_version kVersion = [] {
    napi_node_version version{0, 0, 0, "node"};
    SLUICE_ASSERT(
        std::sscanf(runtime::kNodeVersion, "%u.%u.%u", &version.major, &version.minor, &version.patch) == 3);
    return version;
  }();
  *result = &kVersion;
  return env->succeed();
}

napi_status node_api_get_module_file_name(napi_env env, const char** result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, result);
  *result = env->file_url.c_str();
  return env->succeed();
}

// There is none: the isolate's turns are the reactor's.
napi_status napi_get_uv_event_loop(napi_env env, uv_loop_s** loop) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, loop);
  *loop = nullptr;
  return env->fail(napi_generic_failure);
}

napi_status napi_adjust_external_memory(napi_env env, int64_t change_bytes, int64_t* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, result);
  *result = env->isolate->AdjustAmountOfExternalAllocatedMemory(change_bytes);
  return env->succeed();
}

napi_status napi_set_instance_data(napi_env env, void* data, napi_finalize finalizer, void* hint) {
  NAPI_CHECK_ENV(env);
  env->instance.data = data;
  env->instance.finalizer = finalizer;
  env->instance.hint = hint;
  return env->succeed();
}
napi_status napi_get_instance_data(napi_env env, void** data) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, data);
  *data = env->instance.data;
  return env->succeed();
}

napi_status napi_add_env_cleanup_hook(napi_env env, napi_cleanup_hook function, void* argument) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, function);
  env->add_cleanup([function, argument] { function(argument); }, function, argument);
  return napi_ok;
}
napi_status napi_remove_env_cleanup_hook(napi_env env, napi_cleanup_hook function, void* argument) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, function);
  for (const auto& hook : env->cleanup_hooks) {
    if (hook.function != function || hook.argument != argument) continue;
    env->remove_cleanup(hook.number);
    break;
  }
  return napi_ok;
}

napi_status napi_add_async_cleanup_hook(napi_env env, napi_async_cleanup_hook function, void* argument,
                                        napi_async_cleanup_hook_handle* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, function);
  auto* handle = new napi_async_cleanup_hook_handle__{env, 0};
  handle->number = env->add_cleanup([function, argument, handle] { function(handle, argument); });
  if (result) *result = handle;
  return env->succeed();
}
napi_status napi_remove_async_cleanup_hook(napi_async_cleanup_hook_handle handle) {
  if (!handle) return napi_invalid_arg;
  handle->env->remove_cleanup(handle->number);
  delete handle;
  return napi_ok;
}

}  // extern "C"
