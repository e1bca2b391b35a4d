// SPDX-License-Identifier: Apache-2.0
// An addon that registers itself from a constructor, and gives a function for exports.
#include <node_api.h>

static napi_value answer(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value result;
  return napi_create_int32(env, 42, &result) == napi_ok ? result : NULL;
}

static napi_value initialize(napi_env env, napi_value exports) {
  (void)exports;
  napi_value function;
  return napi_create_function(env, "answer", NAPI_AUTO_LENGTH, answer, NULL, &function) == napi_ok ? function
                                                                                                   : NULL;
}

static napi_module module = {1, 0, __FILE__, initialize, "registers", NULL, {0}};

__attribute__((constructor)) static void load(void) { napi_module_register(&module); }
