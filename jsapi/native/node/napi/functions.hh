// SPDX-License-Identifier: Apache-2.0
// Functions of addons as functions of JavaScript.
#pragma once
#include "jsapi/native/node/napi/env.hh"

namespace sluice::jsapi::napi {

// What V8 hands over to call(), to come back as FunctionCallbackInfo::Data(): lives as long as the value does.
v8::Local<v8::Value> bind_callback(napi_env env, napi_callback callback, void* data);
// The function of V8 behind all functions of addons.
void call(const v8::FunctionCallbackInfo<v8::Value>& info);
v8::MaybeLocal<v8::Function> make_function(napi_env env, napi_callback callback, void* data);

// The key that a property descriptor names. Sets the last error when there is none.
napi_status name_of_property(napi_env env, const napi_property_descriptor& property,
                             v8::Local<v8::Name>* name);

}  // namespace sluice::jsapi::napi
