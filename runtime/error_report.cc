// SPDX-License-Identifier: Apache-2.0
#include "runtime/error_report.hh"

#include <algorithm>

#include "runtime/builtins.hh"
#include "runtime/package_resolver.hh"
#include "runtime/v8_text.hh"

namespace sluice::runtime {

static v8::Local<v8::Private> arrow_key(v8::Isolate* isolate) {
  return v8::Private::ForApi(isolate, name_of(isolate, "sluice.arrow"));
}

static v8::Local<v8::Private> decorated_key(v8::Isolate* isolate) {
  return v8::Private::ForApi(isolate, name_of(isolate, "sluice.decorated"));
}

// Thrown by built-in JavaScript: the place of the user's call of it.
static std::string arrow_of_caller(v8::Isolate* isolate, v8::Local<v8::Message> message) {
  const v8::Local<v8::StackTrace> stack = message->GetStackTrace();
  for (int i = 0; !stack.IsEmpty() && i < stack->GetFrameCount(); ++i) {
    const v8::Local<v8::StackFrame> frame = stack->GetFrame(isolate, static_cast<uint32_t>(i));
    const std::string file = from_v8(isolate, frame->GetScriptName());
    if (file.empty() || is_public_builtin(file)) continue;
    std::string path = file, text;
    PackageResolver::path_of(file, path);
    if (!PackageResolver::read_file(path, text)) return {};
    return arrow_at(file, text, frame->GetLineNumber() - 1, frame->GetColumn() - 1, 1);
  }
  return {};
}

std::string arrow_of(v8::Isolate* isolate, v8::Local<v8::Context> context, v8::Local<v8::Message> message) {
  if (message.IsEmpty()) return {};
  const std::string file = from_v8(isolate, message->GetScriptResourceName());
  if (is_public_builtin(file)) return arrow_of_caller(isolate, message);
  if (file.empty() || file == "undefined") return {};
  std::string text = file + ":" + std::to_string(message->GetLineNumber(context).FromMaybe(0)) + "\n";
  v8::Local<v8::String> line;
  if (!message->GetSourceLine(context).ToLocal(&line)) return text;
  const std::string source = from_v8(isolate, line);
  constexpr size_t kLongestLine = 400;  // minified files
  const int start = message->GetStartColumn(context).FromMaybe(0);
  const int end = std::max(message->GetEndColumn(context).FromMaybe(start + 1), start + 1);
  if (source.size() > kLongestLine) {
    const size_t from = static_cast<size_t>(std::max(start - 60, 0));
    if (from < source.size())
      text += source.substr(from, 120) + "\n" + std::string(static_cast<size_t>(start) - from, ' ') + "^\n";
    return text;
  }
  text += source + "\n";
  for (int column = 0; column < start; ++column)
    text += static_cast<size_t>(column) < source.size() && source[static_cast<size_t>(column)] == '\t' ? '\t'
                                                                                                       : ' ';
  text.append(static_cast<size_t>(std::min(end, static_cast<int>(source.size()) + 1) > start
                                      ? std::min(end, static_cast<int>(source.size()) + 1) - start
                                      : 1),
              '^');
  return text + "\n";
}

void remember_arrow(v8::Isolate* isolate, v8::Local<v8::Context> context, v8::Local<v8::Value> error,
                    v8::Local<v8::Message> message) {
  set_arrow(isolate, context, error, arrow_of(isolate, context, message));
}

void set_arrow(v8::Isolate* isolate, v8::Local<v8::Context> context, v8::Local<v8::Value> error,
               const std::string& arrow) {
  if (arrow.empty() || !error->IsObject() || error->IsProxy()) return;
  error.As<v8::Object>()->SetPrivate(context, arrow_key(isolate), to_v8(isolate, arrow)).FromMaybe(false);
}

void decorate_stack(v8::Isolate* isolate, v8::Local<v8::Context> context, v8::Local<v8::Value> error,
                    v8::Local<v8::Message> message) {
  if (!error->IsNativeError()) return;
  v8::Local<v8::Object> object = error.As<v8::Object>();
  if (object->HasPrivate(context, decorated_key(isolate)).FromMaybe(true)) return;
  std::string arrow = remembered_arrow(isolate, context, error);
  if (arrow.empty()) arrow = arrow_of(isolate, context, message);
  v8::Local<v8::Value> stack;
  if (arrow.empty() || !object->Get(context, name_of(isolate, "stack")).ToLocal(&stack) || !stack->IsString())
    return;
  v8::Local<v8::String> whole =
      v8::String::Concat(isolate, to_v8(isolate, arrow + "\n"), stack.As<v8::String>());
  object->Set(context, name_of(isolate, "stack"), whole).FromMaybe(false);
  object->SetPrivate(context, decorated_key(isolate), v8::True(isolate)).FromMaybe(false);
}

std::string arrow_at(const std::string& file, std::string_view text, int line, int column, int width) {
  size_t begin = 0;
  for (int i = 0; i < line && begin != std::string_view::npos; ++i) {
    begin = text.find('\n', begin);
    if (begin != std::string_view::npos) ++begin;
  }
  if (begin == std::string_view::npos) return {};
  const std::string_view source = text.substr(begin, text.find('\n', begin) - begin);
  return file + ":" + std::to_string(line + 1) + "\n" + std::string(source) + "\n" +
         std::string(static_cast<size_t>(column), ' ') +
         std::string(static_cast<size_t>(std::max(width, 1)), '^') + "\n";
}

std::string remembered_arrow(v8::Isolate* isolate, v8::Local<v8::Context> context,
                             v8::Local<v8::Value> error) {
  if (!error->IsObject() || error->IsProxy()) return {};
  v8::Local<v8::Value> arrow;
  if (!error.As<v8::Object>()->GetPrivate(context, arrow_key(isolate)).ToLocal(&arrow) || !arrow->IsString())
    return {};
  return from_v8(isolate, arrow);
}

std::string uncaught_report(v8::Isolate* isolate, v8::Local<v8::Context> context, v8::Local<v8::Value> error,
                            v8::Local<v8::Message> message, const std::string& shown) {
  std::string report;
  const bool decorated = error->IsNativeError() &&
                         error.As<v8::Object>()->HasPrivate(context, decorated_key(isolate)).FromMaybe(false);
  if (!decorated) report = remembered_arrow(isolate, context, error);
  if (!decorated && report.empty()) report = arrow_of(isolate, context, message);
  if (!report.empty()) report += "\n";
  if (!error->IsNativeError() && !error->IsObject()) report += "Uncaught ";
  return report + shown + "\n";
}

std::string stack_text(v8::Isolate* isolate, v8::Local<v8::StackTrace> stack) {
  std::string text;
  for (int i = 0; i < stack->GetFrameCount(); ++i) {
    const v8::Local<v8::StackFrame> frame = stack->GetFrame(isolate, static_cast<uint32_t>(i));
    const std::string function = from_v8(isolate, frame->GetFunctionName());
    std::string file = from_v8(isolate, frame->GetScriptName());
    if (file.empty()) file = "<anonymous>";
    const std::string place =
        file + ":" + std::to_string(frame->GetLineNumber()) + ":" + std::to_string(frame->GetColumn());
    text += function.empty() ? "    at " + place + "\n" : "    at " + function + " (" + place + ")\n";
  }
  return text;
}

}  // namespace sluice::runtime
