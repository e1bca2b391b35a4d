// SPDX-License-Identifier: Apache-2.0
#include "runtime/builtins.hh"

#include <memory>
#include <string_view>

#include "drivers/assert.hh"
#include "runtime/array_buffer_allocator.hh"
#include "runtime/error_report.hh"
#include "runtime/v8_text.hh"

namespace sluice::runtime {

namespace {

// The text lies in the program: V8 refers to it.
class EmbeddedText final : public v8::String::ExternalOneByteStringResource {
 public:
  explicit EmbeddedText(const BuiltinModule& module) : module_(module) {}
  const char* data() const override { return module_.source; }
  size_t length() const override { return module_.length; }

 private:
  BuiltinModule module_;
};

}  // namespace

bool is_public_builtin(std::string_view id) { return id.starts_with("sluice:") || id.starts_with("node:"); }

bool in_snapshot(std::string_view id) {
  return !id.starts_with("node:") && !id.starts_with("internal/node/") && !id.starts_with("npm/");
}

static v8::MaybeLocal<v8::Function> compile_text(v8::Local<v8::Context> context, const BuiltinModule& module,
                                                 v8::Local<v8::String> text) {
  v8::Isolate* isolate = context->GetIsolate();
  v8::Local<v8::String> parameters[] = {name_of(isolate, "exports"), name_of(isolate, "require"),
                                        name_of(isolate, "internalBinding"), name_of(isolate, "module")};
  const std::string id = module.id;
  v8::ScriptOrigin origin(isolate, to_v8(isolate, is_public_builtin(id) ? id : "sluice:" + id));
  v8::ScriptCompiler::Source source(text, origin);
  return v8::ScriptCompiler::CompileFunction(context, &source, 4, parameters);
}

// For the snapshot, which cannot refer to memory outside of it.
static v8::MaybeLocal<v8::Function> compile_copy(v8::Local<v8::Context> context,
                                                 const BuiltinModule& module) {
  v8::Local<v8::String> text;
  if (!v8::String::NewFromOneByte(context->GetIsolate(), reinterpret_cast<const uint8_t*>(module.source),
                                  v8::NewStringType::kNormal, static_cast<int>(module.length))
           .ToLocal(&text))
    return {};
  return compile_text(context, module, text);
}

v8::MaybeLocal<v8::Function> compile_builtin(v8::Local<v8::Context> context, const BuiltinModule& module) {
  auto resource = std::make_unique<EmbeddedText>(module);
  v8::Local<v8::String> text;
  if (!v8::String::NewExternalOneByte(context->GetIsolate(), resource.get()).ToLocal(&text)) return {};
  resource.release();  // the string's, from now on
  return compile_text(context, module, text);
}

v8::MaybeLocal<v8::Object> evaluate_builtins(v8::Local<v8::Context> context,
                                             std::span<const BuiltinModule> modules) {
  v8::Isolate* isolate = context->GetIsolate();
  v8::EscapableHandleScope scope(isolate);
  v8::Local<v8::Function> bootstrap;
  if (!compile_copy(context, modules[0]).ToLocal(&bootstrap)) return {};
  v8::Local<v8::Object> exports = v8::Object::New(isolate);
  v8::Local<v8::Value> arguments[] = {exports};
  if (bootstrap->Call(context, v8::Undefined(isolate), 1, arguments).IsEmpty()) return {};
  v8::Local<v8::Array> table = v8::Array::New(isolate);
  uint32_t at = 0;
  for (const BuiltinModule& module : modules.subspan(1)) {
    v8::Local<v8::Value> factory = v8::Null(isolate);
    if (in_snapshot(module.id)) {
      v8::Local<v8::Function> function;
      if (!compile_copy(context, module).ToLocal(&function)) return {};
      factory = function;
    }
    table->Set(context, at++, to_v8(isolate, module.id)).Check();
    table->Set(context, at++, factory).Check();
  }
  v8::Local<v8::Value> evaluate = exports->Get(context, name_of(isolate, "evaluate")).ToLocalChecked();
  v8::Local<v8::Value> evaluate_arguments[] = {table};
  if (evaluate.As<v8::Function>()->Call(context, exports, 1, evaluate_arguments).IsEmpty()) return {};
  return scope.Escape(exports);
}

v8::StartupData make_snapshot(std::span<const BuiltinModule> modules, std::string& error) {
  v8::SnapshotCreator creator;
  v8::Isolate* isolate = creator.GetIsolate();
  {
    v8::HandleScope scope(isolate);
    // The default one is what contexts of node:vm begin as: nothing of ours is in it but what the language lacks here.
    v8::Local<v8::Context> plain = v8::Context::New(isolate);
    for (const BuiltinModule& module : modules) {
      if (std::string_view(module.id) != "internal/language") continue;
      v8::Context::Scope plain_scope(plain);
      v8::TryCatch caught(isolate);
      v8::Local<v8::Function> factory;
      v8::Local<v8::Value> arguments[] = {v8::Object::New(isolate)};
      if (!compile_copy(plain, module).ToLocal(&factory) ||
          factory->Call(plain, v8::Undefined(isolate), 1, arguments).IsEmpty())
        error = describe_caught(isolate, plain, caught);
    }
    creator.SetDefaultContext(plain);
    v8::Local<v8::Context> context = v8::Context::New(isolate);
    v8::Context::Scope context_scope(context);
    v8::TryCatch caught(isolate);
    v8::Local<v8::Object> bootstrap;
    if (!evaluate_builtins(context, modules).ToLocal(&bootstrap)) {
      error = describe_caught(isolate, context, caught);
    } else {
      isolate->PerformMicrotaskCheckpoint();
      const size_t index = creator.AddData(context, bootstrap);
      SLUICE_ASSERT(index == kSnapshotBootstrap);
      const size_t main = creator.AddContext(context);
      SLUICE_ASSERT(main == kSnapshotMainContext);
    }
  }
  v8::StartupData blob = creator.CreateBlob(v8::SnapshotCreator::FunctionCodeHandling::kKeep);
  if (!error.empty()) {
    delete[] blob.data;
    blob = {nullptr, 0};
  }
  return blob;
}

}  // namespace sluice::runtime
