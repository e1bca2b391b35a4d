// SPDX-License-Identifier: Apache-2.0
// Errors with a code, as Node makes them.
#include "jsapi/native/function_arguments.hh"

namespace sluice::jsapi {

v8::Local<v8::Value> make_error(v8::Isolate* isolate, const char* code, const std::string& message) {
  const auto context = isolate->GetCurrentContext();
  const auto text = v8::String::NewFromUtf8(isolate, message.data(), v8::NewStringType::kNormal,
                                            static_cast<int>(message.size()))
                        .ToLocalChecked();
  const auto error = v8::Exception::Error(text);
  const auto code_value =
      v8::String::NewFromUtf8(isolate, code, v8::NewStringType::kInternalized).ToLocalChecked();
  error.As<v8::Object>()->Set(context, v8::String::NewFromUtf8Literal(isolate, "code"), code_value).Check();
  return error;
}

void throw_error(v8::Isolate* isolate, const char* code, const std::string& message) {
  isolate->ThrowException(make_error(isolate, code, message));
}

void throw_system_error(v8::Isolate* isolate, Error error, const std::string& what,
                        const std::string& detail) {
  std::string message = std::string(error_code(error)) + ": " + what;
  if (!detail.empty()) message += ": " + detail;
  throw_error(isolate, error_code(error), message);
}

}  // namespace sluice::jsapi
