// SPDX-License-Identifier: Apache-2.0
// Node-API: the values that are always there, what kind a value is, coercion, comparison, symbols, running a text.
#include "jsapi/native/node/napi/env.hh"
#include "runtime/v8_text.hh"

namespace napi = sluice::jsapi::napi;

namespace {

napi_status give(napi_env env, v8::Local<v8::Value> value, napi_value* result) {
  NAPI_CHECK_ARG(env, result);
  *result = napi::to_napi(value);
  return env->succeed();
}

template <typename Test>
napi_status test(napi_env env, napi_value value, bool* result, Test is) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, value);
  NAPI_CHECK_ARG(env, result);
  *result = is(napi::to_local(value));
  return env->succeed();
}

template <typename Convert>
napi_status coerce(napi_env env, napi_value value, napi_value* result, napi_status expected,
                   Convert convert) {
  NAPI_BEGIN(env);
  NAPI_CHECK_ARG(env, value);
  NAPI_CHECK_ARG(env, result);
  auto converted = convert(napi::to_local(value));
  if (converted.IsEmpty()) return attempt.failure(expected);
  *result = napi::to_napi(converted.ToLocalChecked());
  return attempt.status();
}

}  // namespace

extern "C" {

napi_status napi_get_undefined(napi_env env, napi_value* result) {
  NAPI_CHECK_ENV(env);
  return give(env, v8::Undefined(env->isolate), result);
}
napi_status napi_get_null(napi_env env, napi_value* result) {
  NAPI_CHECK_ENV(env);
  return give(env, v8::Null(env->isolate), result);
}
napi_status napi_get_global(napi_env env, napi_value* result) {
  NAPI_CHECK_ENV(env);
  return give(env, env->context()->Global(), result);
}
napi_status napi_get_boolean(napi_env env, bool value, napi_value* result) {
  NAPI_CHECK_ENV(env);
  return give(env, v8::Boolean::New(env->isolate, value), result);
}

napi_status napi_typeof(napi_env env, napi_value value, napi_valuetype* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, value);
  NAPI_CHECK_ARG(env, result);
  v8::Local<v8::Value> local = napi::to_local(value);
  if (local->IsNumber()) {
    *result = napi_number;
  } else if (local->IsString()) {
    *result = napi_string;
  } else if (local->IsFunction()) {
    *result = napi_function;
  } else if (local->IsExternal()) {
    *result = napi_external;
  } else if (local->IsObject()) {
    *result = napi_object;
  } else if (local->IsUndefined()) {
    *result = napi_undefined;
  } else if (local->IsNull()) {
    *result = napi_null;
  } else if (local->IsBoolean()) {
    *result = napi_boolean;
  } else if (local->IsBigInt()) {
    *result = napi_bigint;
  } else if (local->IsSymbol()) {
    *result = napi_symbol;
  } else {
    return env->fail(napi_invalid_arg);
  }
  return env->succeed();
}

napi_status napi_is_array(napi_env env, napi_value value, bool* result) {
  return test(env, value, result, [](v8::Local<v8::Value> local) { return local->IsArray(); });
}
napi_status napi_is_promise(napi_env env, napi_value value, bool* result) {
  return test(env, value, result, [](v8::Local<v8::Value> local) { return local->IsPromise(); });
}
napi_status napi_is_date(napi_env env, napi_value value, bool* result) {
  return test(env, value, result, [](v8::Local<v8::Value> local) { return local->IsDate(); });
}

napi_status napi_strict_equals(napi_env env, napi_value left, napi_value right, bool* result) {
  NAPI_BEGIN(env);
  NAPI_CHECK_ARG(env, left);
  NAPI_CHECK_ARG(env, right);
  NAPI_CHECK_ARG(env, result);
  *result = napi::to_local(left)->StrictEquals(napi::to_local(right));
  return attempt.status();
}

napi_status napi_get_value_bool(napi_env env, napi_value value, bool* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, value);
  NAPI_CHECK_ARG(env, result);
  NAPI_CHECK(env, napi::to_local(value)->IsBoolean(), napi_boolean_expected);
  *result = napi::to_local(value).As<v8::Boolean>()->Value();
  return env->succeed();
}

napi_status napi_coerce_to_bool(napi_env env, napi_value value, napi_value* result) {
  return coerce(env, value, result, napi_boolean_expected, [env](v8::Local<v8::Value> from) {
    return v8::MaybeLocal<v8::Boolean>(from->ToBoolean(env->isolate));
  });
}
napi_status napi_coerce_to_number(napi_env env, napi_value value, napi_value* result) {
  return coerce(env, value, result, napi_number_expected,
                [env](v8::Local<v8::Value> from) { return from->ToNumber(env->context()); });
}
napi_status napi_coerce_to_string(napi_env env, napi_value value, napi_value* result) {
  return coerce(env, value, result, napi_string_expected,
                [env](v8::Local<v8::Value> from) { return from->ToString(env->context()); });
}
napi_status napi_coerce_to_object(napi_env env, napi_value value, napi_value* result) {
  return coerce(env, value, result, napi_object_expected,
                [env](v8::Local<v8::Value> from) { return from->ToObject(env->context()); });
}

napi_status napi_create_symbol(napi_env env, napi_value description, napi_value* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, result);
  if (!description) return give(env, v8::Symbol::New(env->isolate), result);
  v8::Local<v8::Value> text = napi::to_local(description);
  NAPI_CHECK(env, text->IsString(), napi_string_expected);
  return give(env, v8::Symbol::New(env->isolate, text.As<v8::String>()), result);
}

napi_status node_api_symbol_for(napi_env env, const char* text, size_t length, napi_value* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, result);
  napi_value description;
  const napi_status status = napi_create_string_utf8(env, text, length, &description);
  if (status != napi_ok) return status;
  return give(env, v8::Symbol::For(env->isolate, napi::to_local(description).As<v8::String>()), result);
}

napi_status napi_run_script(napi_env env, napi_value script, napi_value* result) {
  NAPI_BEGIN(env);
  NAPI_CHECK_ARG(env, script);
  NAPI_CHECK_ARG(env, result);
  NAPI_CHECK(env, napi::to_local(script)->IsString(), napi_string_expected);
  v8::Local<v8::Script> compiled;
  v8::Local<v8::Value> value;
  if (!v8::Script::Compile(env->context(), napi::to_local(script).As<v8::String>()).ToLocal(&compiled) ||
      !compiled->Run(env->context()).ToLocal(&value))
    return attempt.failure(napi_generic_failure);
  *result = napi::to_napi(value);
  return attempt.status();
}

}  // extern "C"
