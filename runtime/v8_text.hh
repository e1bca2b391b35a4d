// SPDX-License-Identifier: Apache-2.0
// Strings between C++ and V8, in the forms that the runtime needs all the time.
#pragma once
#include <v8.h>

#include <string>
#include <string_view>

namespace sluice::runtime {

// UTF-8 -> V8. An empty string when it is beyond V8's length.
inline v8::Local<v8::String> to_v8(v8::Isolate* isolate, std::string_view text) {
  v8::Local<v8::String> result;
  if (v8::String::NewFromUtf8(isolate, text.data(), v8::NewStringType::kNormal, static_cast<int>(text.size()))
          .ToLocal(&result))
    return result;
  return v8::String::Empty(isolate);
}

// For names that occur again and again.
inline v8::Local<v8::String> name_of(v8::Isolate* isolate, std::string_view text) {
  return v8::String::NewFromUtf8(isolate, text.data(), v8::NewStringType::kInternalized,
                                 static_cast<int>(text.size()))
      .ToLocalChecked();
}

inline std::string from_v8(v8::Isolate* isolate, v8::Local<v8::Value> value) {
  if (value.IsEmpty()) return {};
  v8::String::Utf8Value text(isolate, value);
  return *text ? std::string(*text, static_cast<size_t>(text.length())) : std::string();
}

// Throws an error of the given constructor with `code`, as Node's errors have.
inline void throw_error(v8::Isolate* isolate, v8::Local<v8::Value> (*make)(v8::Local<v8::String>),
                        std::string_view message, std::string_view code = {}) {
  v8::Local<v8::Value> error = make(to_v8(isolate, message));
  if (!code.empty() && error->IsObject())
    error.As<v8::Object>()
        ->Set(isolate->GetCurrentContext(), name_of(isolate, "code"), to_v8(isolate, code))
        .Check();
  isolate->ThrowException(error);
}

}  // namespace sluice::runtime
