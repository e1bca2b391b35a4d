// SPDX-License-Identifier: Apache-2.0
// What a TryCatch caught, as plain text: for errors of built-in JavaScript, which only its authors should ever see.
#include "runtime/error_report.hh"
#include "runtime/v8_text.hh"

namespace sluice::runtime {

std::string describe_caught(v8::Isolate* isolate, v8::Local<v8::Context> context, v8::TryCatch& caught) {
  if (caught.HasTerminated()) return "terminated\n";
  if (!caught.HasCaught()) return "unknown error\n";
  std::string text;
  const v8::Local<v8::Message> message = caught.Message();
  if (!message.IsEmpty())
    text = from_v8(isolate, message->GetScriptResourceName()) + ":" +
           std::to_string(message->GetLineNumber(context).FromMaybe(0)) + "\n";
  v8::Local<v8::Value> stack;
  const v8::Local<v8::Value> error = caught.Exception();
  if (error->IsNativeError() &&
      error.As<v8::Object>()->Get(context, name_of(isolate, "stack")).ToLocal(&stack) && stack->IsString())
    return text + from_v8(isolate, stack) + "\n";
  return text + from_v8(isolate, error) + "\n";
}

}  // namespace sluice::runtime
