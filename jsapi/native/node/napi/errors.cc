// SPDX-License-Identifier: Apache-2.0
// Node-API: what went wrong in the last call, errors as values, throwing and catching.
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <tuple>

#include "jsapi/native/node/napi/env.hh"
#include "runtime/v8_text.hh"

using sluice::runtime::name_of;
using sluice::runtime::to_v8;
namespace napi = sluice::jsapi::napi;

namespace {

// In the order of napi_status.
constexpr const char* kWords[] = {
    nullptr,
    "Invalid argument",
    "An object was expected",
    "A string was expected",
    "A string or symbol was expected",
    "A function was expected",
    "A number was expected",
    "A boolean was expected",
    "An array was expected",
    "Unknown failure",
    "An exception is pending",
    "The async work item was cancelled",
    "napi_escape_handle already called on scope",
    "Invalid handle scope usage",
    "Invalid callback scope usage",
    "Thread-safe function queue is full",
    "Thread-safe function handle is closing",
    "A bigint was expected",
    "A date was expected",
    "An arraybuffer was expected",
    "A detachable arraybuffer was expected",
    "Main thread would deadlock",
    "External buffers are not allowed",
    "Cannot run JavaScript",
};
static_assert(std::size(kWords) == napi_cannot_run_js + 1);

using Make = v8::Local<v8::Value> (*)(v8::Local<v8::String>);

napi_status create(napi_env env, Make make, napi_value code, napi_value message, napi_value* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, message);
  NAPI_CHECK_ARG(env, result);
  v8::Local<v8::Value> text = napi::to_local(message);
  NAPI_CHECK(env, text->IsString(), napi_string_expected);
  v8::Local<v8::Value> error = make(text.As<v8::String>());
  if (code) {
    NAPI_CHECK(env, napi::to_local(code)->IsString(), napi_string_expected);
    const bool set = error.As<v8::Object>()
                         ->Set(env->context(), name_of(env->isolate, "code"), napi::to_local(code))
                         .FromMaybe(false);
    NAPI_CHECK(env, set, napi_generic_failure);
  }
  *result = napi::to_napi(error);
  return env->succeed();
}

napi_status throw_new(napi_env env, Make make, const char* code, const char* message) {
  NAPI_BEGIN(env);
  v8::Local<v8::Value> error = make(to_v8(env->isolate, message ? message : ""));
  if (code)
    std::ignore =
        error.As<v8::Object>()->Set(env->context(), name_of(env->isolate, "code"), to_v8(env->isolate, code));
  env->isolate->ThrowException(error);
  return env->succeed();
}

}  // namespace

extern "C" {

napi_status napi_get_last_error_info(napi_env env, const napi_extended_error_info** result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, result);
  env->last_error.error_message = kWords[env->last_error.error_code];
  *result = &env->last_error;
  return napi_ok;
}

napi_status napi_create_error(napi_env env, napi_value code, napi_value message, napi_value* result) {
  return create(env, v8::Exception::Error, code, message, result);
}
napi_status napi_create_type_error(napi_env env, napi_value code, napi_value message, napi_value* result) {
  return create(env, v8::Exception::TypeError, code, message, result);
}
napi_status napi_create_range_error(napi_env env, napi_value code, napi_value message, napi_value* result) {
  return create(env, v8::Exception::RangeError, code, message, result);
}
napi_status node_api_create_syntax_error(napi_env env, napi_value code, napi_value message,
                                         napi_value* result) {
  return create(env, v8::Exception::SyntaxError, code, message, result);
}

napi_status napi_throw(napi_env env, napi_value error) {
  NAPI_BEGIN(env);
  NAPI_CHECK_ARG(env, error);
  env->isolate->ThrowException(napi::to_local(error));
  return env->succeed();
}
napi_status napi_throw_error(napi_env env, const char* code, const char* message) {
  return throw_new(env, v8::Exception::Error, code, message);
}
napi_status napi_throw_type_error(napi_env env, const char* code, const char* message) {
  return throw_new(env, v8::Exception::TypeError, code, message);
}
napi_status napi_throw_range_error(napi_env env, const char* code, const char* message) {
  return throw_new(env, v8::Exception::RangeError, code, message);
}
napi_status node_api_throw_syntax_error(napi_env env, const char* code, const char* message) {
  return throw_new(env, v8::Exception::SyntaxError, code, message);
}

napi_status napi_is_error(napi_env env, napi_value value, bool* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, value);
  NAPI_CHECK_ARG(env, result);
  *result = napi::to_local(value)->IsNativeError();
  return env->succeed();
}

napi_status napi_is_exception_pending(napi_env env, bool* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, result);
  *result = !env->last_exception.IsEmpty();
  return env->succeed();
}

napi_status napi_get_and_clear_last_exception(napi_env env, napi_value* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, result);
  if (env->last_exception.IsEmpty()) return napi_get_undefined(env, result);
  *result = napi::to_napi(env->last_exception.Get(env->isolate));
  env->last_exception.Reset();
  return env->succeed();
}

napi_status napi_fatal_exception(napi_env env, napi_value error) {
  NAPI_BEGIN(env);
  NAPI_CHECK_ARG(env, error);
  v8::Local<v8::Value> value = napi::to_local(error);
  env->host.uncaught(value, v8::Exception::CreateMessage(env->isolate, value));
  return env->succeed();
}

void napi_fatal_error(const char* location, size_t location_length, const char* message,
                      size_t message_length) {
  const auto text = [](const char* from, size_t length) {
    if (!from) return std::string();
    return length == NAPI_AUTO_LENGTH ? std::string(from) : std::string(from, length);
  };
  std::fprintf(stderr, "FATAL ERROR: %s %s\n", text(location, location_length).c_str(),
               text(message, message_length).c_str());
  std::fflush(stderr);
  std::abort();
}

}  // extern "C"
