// SPDX-License-Identifier: Apache-2.0
// What every function that JavaScript calls needs: its object in C++, its arguments, and errors with a code.
#pragma once
#include <v8.h>

#include <cstdint>
#include <string>

#include "drivers/error.hh"

namespace sluice::jsapi {

using Arguments = v8::FunctionCallbackInfo<v8::Value>;

// A small integer argument. Anything else is 0: only our own built-in JavaScript calls these functions. Reads the tagged
// word in place, because a call into V8 for each of six arguments would cost more than the work itself.
inline int32_t small_integer(const v8::Local<v8::Value>& value) {
  const auto word = *reinterpret_cast<const v8::internal::Address*>(*value);
  if (!v8::internal::Internals::HasHeapObjectTag(word)) return v8::internal::Internals::SmiValue(word);
  return value->IsNumber() ? static_cast<int32_t>(value.As<v8::Number>()->Value()) : 0;
}
inline uint32_t word(const v8::Local<v8::Value>& value) {
  return static_cast<uint32_t>(small_integer(value));
}
inline double number(const v8::Local<v8::Value>& value) {
  return value->IsNumber() ? value.As<v8::Number>()->Value() : 0;
}

// An Error with a `code` property.
v8::Local<v8::Value> make_error(v8::Isolate* isolate, const char* code, const std::string& message);
void throw_error(v8::Isolate* isolate, const char* code, const std::string& message);
// "EADDRINUSE: listen 127.0.0.1:80", with what the layer below had to say.
void throw_system_error(v8::Isolate* isolate, Error error, const std::string& what,
                        const std::string& detail);

}  // namespace sluice::jsapi
