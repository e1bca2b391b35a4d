// SPDX-License-Identifier: Apache-2.0
// Node-API: functions, from JavaScript into the addon and back.
#include "jsapi/native/node/napi/functions.hh"

#include <vector>

#include "runtime/v8_text.hh"

namespace napi = sluice::jsapi::napi;

struct napi_callback_info__ {
  const v8::FunctionCallbackInfo<v8::Value>& info;
  void* data;
};

namespace sluice::jsapi::napi {

namespace {

// Which function of the addon is meant; freed when V8 has let go of the value that holds it.
struct Bound final : Tracked {
  Bound(napi_env in, napi_callback function, void* with) : env(in), callback(function), data(with) {
    link(env->tracked);
  }
  void finalize() override { delete this; }
  napi_env env;
  napi_callback callback;
  void* data;
  v8::Global<v8::External> holder;
};

}  // namespace

v8::Local<v8::Value> bind_callback(napi_env env, napi_callback callback, void* data) {
  auto* bound = new Bound(env, callback, data);
  v8::Local<v8::External> holder = v8::External::New(env->isolate, bound);
  bound->holder.Reset(env->isolate, holder);
  bound->holder.SetWeak(
      bound,
      [](const v8::WeakCallbackInfo<Bound>& info) {
        Bound* gone = info.GetParameter();
        gone->holder.Reset();
        delete gone;
      },
      v8::WeakCallbackType::kParameter);
  return holder;
}

// V8 has opened a scope of handles around it.
void call(const v8::FunctionCallbackInfo<v8::Value>& info) {
  auto* bound = static_cast<Bound*>(info.Data().As<v8::External>()->Value());
  napi_env env = bound->env;
  napi_callback_info__ callback_info{info, bound->data};
  const int handle_scopes = env->open_handle_scopes, callback_scopes = env->open_callback_scopes;
  env->succeed();
  ++env->addons.depth;
  const napi_value result = bound->callback(env, &callback_info);
  --env->addons.depth;
  env->addons.ended = false;  // V8 ends the caller by itself
  SLUICE_ASSERT(env->open_handle_scopes == handle_scopes);
  SLUICE_ASSERT(env->open_callback_scopes == callback_scopes);
  if (__builtin_expect(!env->last_exception.IsEmpty(), 0)) {
    v8::Local<v8::Value> error = env->last_exception.Get(env->isolate);
    env->last_exception.Reset();
    env->isolate->ThrowException(error);
    return;
  }
  if (result) info.GetReturnValue().Set(to_local(result));
}

v8::MaybeLocal<v8::Function> make_function(napi_env env, napi_callback callback, void* data) {
  return v8::Function::New(env->context(), call, bind_callback(env, callback, data));
}

}  // namespace sluice::jsapi::napi

namespace {

std::vector<v8::Local<v8::Value>> locals(size_t count, const napi_value* values) {
  std::vector<v8::Local<v8::Value>> result;
  result.reserve(count);
  for (size_t i = 0; i < count; ++i) result.push_back(napi::to_local(values[i]));
  return result;
}

}  // namespace

extern "C" {

napi_status napi_create_function(napi_env env, const char* name, size_t length, napi_callback callback,
                                 void* data, napi_value* result) {
  NAPI_BEGIN(env);
  NAPI_CHECK_ARG(env, callback);
  NAPI_CHECK_ARG(env, result);
  NAPI_CHECK(env, napi::text_fits(length), napi_invalid_arg);
  v8::EscapableHandleScope handles(env->isolate);
  v8::Local<v8::Function> function;
  if (!napi::make_function(env, callback, data).ToLocal(&function))
    return attempt.failure(napi_generic_failure);
  if (name) {
    v8::Local<v8::String> text;
    if (!v8::String::NewFromUtf8(env->isolate, name, v8::NewStringType::kInternalized,
                                 length == NAPI_AUTO_LENGTH ? -1 : static_cast<int>(length))
             .ToLocal(&text))
      return attempt.failure(napi_generic_failure);
    function->SetName(text);
  }
  *result = napi::to_napi(handles.Escape(function));
  return attempt.status();
}

napi_status napi_get_cb_info(napi_env env, napi_callback_info info, size_t* count, napi_value* values,
                             napi_value* receiver, void** data) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, info);
  const v8::FunctionCallbackInfo<v8::Value>& from = info->info;
  const size_t there = static_cast<size_t>(from.Length());
  if (values) {
    NAPI_CHECK_ARG(env, count);
    size_t i = 0;
    for (; i < *count && i < there; ++i) values[i] = napi::to_napi(from[static_cast<int>(i)]);
    if (i < *count) {
      const napi_value nothing = napi::to_napi(v8::Undefined(env->isolate));
      for (; i < *count; ++i) values[i] = nothing;
    }
  }
  if (count) *count = there;
  if (receiver) *receiver = napi::to_napi(from.This());
  if (data) *data = info->data;
  return env->succeed();
}

napi_status napi_get_new_target(napi_env env, napi_callback_info info, napi_value* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, info);
  NAPI_CHECK_ARG(env, result);
  v8::Local<v8::Value> target = info->info.NewTarget();
  *result = target->IsUndefined() ? nullptr : napi::to_napi(target);
  return env->succeed();
}

napi_status napi_call_function(napi_env env, napi_value receiver, napi_value function, size_t count,
                               const napi_value* values, napi_value* result) {
  NAPI_BEGIN(env);
  NAPI_CHECK_ARG(env, function);
  if (count > 0) NAPI_CHECK_ARG(env, values);
  NAPI_CHECK(env, napi::to_local(function)->IsFunction(), napi_function_expected);
  v8::Local<v8::Value> self = v8::Undefined(env->isolate);
  if (receiver) self = napi::to_local(receiver);
  std::vector<v8::Local<v8::Value>> arguments = locals(count, values);
  v8::Local<v8::Value> returned;
  if (!napi::to_local(function)
           .As<v8::Function>()
           ->Call(env->context(), self, static_cast<int>(count), arguments.data())
           .ToLocal(&returned))
    return env->fail(napi_pending_exception);
  if (result) *result = napi::to_napi(returned);
  return attempt.status();
}

napi_status napi_new_instance(napi_env env, napi_value constructor, size_t count, const napi_value* values,
                              napi_value* result) {
  NAPI_BEGIN(env);
  NAPI_CHECK_ARG(env, constructor);
  if (count > 0) NAPI_CHECK_ARG(env, values);
  NAPI_CHECK_ARG(env, result);
  NAPI_CHECK(env, napi::to_local(constructor)->IsFunction(), napi_function_expected);
  std::vector<v8::Local<v8::Value>> arguments = locals(count, values);
  v8::Local<v8::Object> made;
  if (!napi::to_local(constructor)
           .As<v8::Function>()
           ->NewInstance(env->context(), static_cast<int>(count), arguments.data())
           .ToLocal(&made))
    return env->fail(napi_pending_exception);
  *result = napi::to_napi(made);
  return attempt.status();
}

napi_status napi_instanceof(napi_env env, napi_value object, napi_value constructor, bool* result) {
  NAPI_BEGIN(env);
  NAPI_CHECK_ARG(env, object);
  NAPI_CHECK_ARG(env, constructor);
  NAPI_CHECK_ARG(env, result);
  *result = false;
  v8::Local<v8::Value> type = napi::to_local(constructor);
  if (!type->IsFunction()) {
    sluice::runtime::throw_error(env->isolate, v8::Exception::TypeError, "Constructor must be a function",
                                 "ERR_NAPI_CONS_FUNCTION");
    return env->fail(napi_function_expected);
  }
  if (!napi::to_local(object)->InstanceOf(env->context(), type.As<v8::Function>()).To(result))
    return attempt.failure(napi_generic_failure);
  return attempt.status();
}

}  // extern "C"
