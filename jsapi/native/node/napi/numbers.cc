// SPDX-License-Identifier: Apache-2.0
// Node-API: numbers, BigInts, dates.
#include <cmath>
#include <limits>
#include <vector>

#include "jsapi/native/node/napi/env.hh"

namespace napi = sluice::jsapi::napi;

namespace {

template <typename Make>
napi_status create(napi_env env, napi_value* result, Make make) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, result);
  *result = napi::to_napi(make(env->isolate));
  return env->succeed();
}

// `read` gets the number.
template <typename T, typename Read>
napi_status number(napi_env env, napi_value value, T* result, Read read) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, value);
  NAPI_CHECK_ARG(env, result);
  v8::Local<v8::Value> local = napi::to_local(value);
  NAPI_CHECK(env, local->IsNumber(), napi_number_expected);
  *result = read(local);
  return env->succeed();
}

template <typename T, typename Read>
napi_status bigint(napi_env env, napi_value value, T* result, bool* lossless, Read read) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, value);
  NAPI_CHECK_ARG(env, result);
  NAPI_CHECK_ARG(env, lossless);
  v8::Local<v8::Value> local = napi::to_local(value);
  NAPI_CHECK(env, local->IsBigInt(), napi_bigint_expected);
  *result = read(local.As<v8::BigInt>(), lossless);
  return env->succeed();
}

int64_t saturated(double value) {
  if (!std::isfinite(value)) return 0;
  constexpr double kLimit = 9223372036854775808.0;  // 2^63
  if (value >= kLimit) return std::numeric_limits<int64_t>::max();
  if (value < -kLimit) return std::numeric_limits<int64_t>::min();
  return static_cast<int64_t>(value);
}

}  // namespace

extern "C" {

napi_status napi_create_double(napi_env env, double value, napi_value* result) {
  return create(env, result, [value](v8::Isolate* isolate) { return v8::Number::New(isolate, value); });
}
napi_status napi_create_int32(napi_env env, int32_t value, napi_value* result) {
  return create(env, result, [value](v8::Isolate* isolate) { return v8::Integer::New(isolate, value); });
}
napi_status napi_create_uint32(napi_env env, uint32_t value, napi_value* result) {
  return create(env, result,
                [value](v8::Isolate* isolate) { return v8::Integer::NewFromUnsigned(isolate, value); });
}
napi_status napi_create_int64(napi_env env, int64_t value, napi_value* result) {
  return create(env, result, [value](v8::Isolate* isolate) {
    return v8::Number::New(isolate, static_cast<double>(value));
  });
}

napi_status napi_get_value_double(napi_env env, napi_value value, double* result) {
  return number(env, value, result,
                [](v8::Local<v8::Value> local) { return local.As<v8::Number>()->Value(); });
}
// Beyond 32 bits: the low ones; not finite: 0 (as ToInt32 of the language).
napi_status napi_get_value_int32(napi_env env, napi_value value, int32_t* result) {
  return number(env, value, result, [env](v8::Local<v8::Value> local) {
    return local->IsInt32() ? local.As<v8::Int32>()->Value() : local->Int32Value(env->context()).FromMaybe(0);
  });
}
napi_status napi_get_value_uint32(napi_env env, napi_value value, uint32_t* result) {
  return number(env, value, result, [env](v8::Local<v8::Value> local) {
    return local->IsUint32() ? local.As<v8::Uint32>()->Value()
                             : local->Uint32Value(env->context()).FromMaybe(0);
  });
}
napi_status napi_get_value_int64(napi_env env, napi_value value, int64_t* result) {
  return number(env, value, result,
                [](v8::Local<v8::Value> local) { return saturated(local.As<v8::Number>()->Value()); });
}

napi_status napi_create_bigint_int64(napi_env env, int64_t value, napi_value* result) {
  return create(env, result, [value](v8::Isolate* isolate) { return v8::BigInt::New(isolate, value); });
}
napi_status napi_create_bigint_uint64(napi_env env, uint64_t value, napi_value* result) {
  return create(env, result,
                [value](v8::Isolate* isolate) { return v8::BigInt::NewFromUnsigned(isolate, value); });
}
napi_status napi_create_bigint_words(napi_env env, int sign, size_t count, const uint64_t* words,
                                     napi_value* result) {
  NAPI_BEGIN(env);
  NAPI_CHECK_ARG(env, words);
  NAPI_CHECK_ARG(env, result);
  NAPI_CHECK(env, count <= std::numeric_limits<int>::max(), napi_invalid_arg);
  v8::Local<v8::BigInt> made;
  if (!v8::BigInt::NewFromWords(env->context(), sign, static_cast<int>(count), words).ToLocal(&made))
    return attempt.failure(napi_generic_failure);
  *result = napi::to_napi(made);
  return attempt.status();
}
napi_status napi_get_value_bigint_int64(napi_env env, napi_value value, int64_t* result, bool* lossless) {
  return bigint(env, value, result, lossless,
                [](v8::Local<v8::BigInt> from, bool* exact) { return from->Int64Value(exact); });
}
napi_status napi_get_value_bigint_uint64(napi_env env, napi_value value, uint64_t* result, bool* lossless) {
  return bigint(env, value, result, lossless,
                [](v8::Local<v8::BigInt> from, bool* exact) { return from->Uint64Value(exact); });
}
// Without `sign` and `words`: how many words there are.
napi_status napi_get_value_bigint_words(napi_env env, napi_value value, int* sign, size_t* count,
                                        uint64_t* words) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, value);
  NAPI_CHECK_ARG(env, count);
  v8::Local<v8::Value> local = napi::to_local(value);
  NAPI_CHECK(env, local->IsBigInt(), napi_bigint_expected);
  v8::Local<v8::BigInt> from = local.As<v8::BigInt>();
  int there = static_cast<int>(*count);
  if (!sign && !words) {
    there = from->WordCount();
  } else {
    NAPI_CHECK_ARG(env, sign);
    NAPI_CHECK_ARG(env, words);
    from->ToWordsArray(sign, &there, words);
  }
  *count = static_cast<size_t>(there);
  return env->succeed();
}

napi_status napi_create_date(napi_env env, double time_ms, napi_value* result) {
  NAPI_BEGIN(env);
  NAPI_CHECK_ARG(env, result);
  v8::Local<v8::Value> date;
  if (!v8::Date::New(env->context(), time_ms).ToLocal(&date)) return attempt.failure(napi_generic_failure);
  *result = napi::to_napi(date);
  return attempt.status();
}
napi_status napi_get_date_value(napi_env env, napi_value value, double* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, value);
  NAPI_CHECK_ARG(env, result);
  NAPI_CHECK(env, napi::to_local(value)->IsDate(), napi_date_expected);
  *result = napi::to_local(value).As<v8::Date>()->ValueOf();
  return env->succeed();
}

}  // extern "C"
