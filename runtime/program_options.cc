// SPDX-License-Identifier: Apache-2.0
// What options of Node's command line do with the program before it runs: modules evaluated first, looking at its syntax only,
// code that is a module, built-in modules in its place.
#include <unistd.h>

#include <tuple>

#include "runtime/host_internals.hh"
#include "runtime/module_loader.hh"
#include "runtime/v8_text.hh"

namespace sluice::runtime {

static std::vector<std::string> values_of(const std::vector<std::string>& options, std::string_view name) {
  std::vector<std::string> values;
  for (size_t i = 0; i + 1 < options.size(); i += 2)
    if (options[i] == name) values.push_back(options[i + 1]);
  return values;
}

std::string ModuleLoader::option(std::string_view name) const {
  const std::vector<std::string> values = values_of(host_.image().node_options, name);
  return values.empty() ? std::string() : values.back();
}

static std::string here() {
  char buffer[4096];
  return ::getcwd(buffer, sizeof(buffer)) ? buffer : "/";
}

static std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char letter : text) {
    if (letter == '"' || letter == '\\') result += '\\';
    result += letter;
  }
  return result + "\"";
}

bool ModuleLoader::preload(const Program& program) {
  const std::vector<std::string>& options = host_.image().node_options;
  if (options.empty()) return true;
  v8::Isolate* isolate = host_.isolate();
  v8::Local<v8::Context> context = host_.context();
  {
    v8::TryCatch caught(isolate);
    v8::Local<v8::Object> process;
    v8::Local<v8::Value> prepare;
    if (!host_.builtin("internal/process").ToLocal(&process) ||
        !process->Get(context, name_of(isolate, "prepare")).ToLocal(&prepare) ||
        prepare.As<v8::Function>()->Call(context, process, 0, nullptr).IsEmpty()) {
      host_.uncaught(caught);
      return false;
    }
  }
  if (option("--check") == "true") {
    check_syntax(program);
    return false;
  }
  const std::vector<std::string> required = values_of(options, "--require"),
                                 imported = values_of(options, "--import");
  if (!required.empty()) {
    v8::TryCatch caught(isolate);
    v8::Local<v8::Object> loader;
    v8::Local<v8::Value> create, require;
    v8::Local<v8::Value> base[] = {to_v8(isolate, here() + "/internal/preload")};
    if (!host_.builtin("internal/loader").ToLocal(&loader) ||
        !loader->Get(context, name_of(isolate, "createRequire")).ToLocal(&create) ||
        !create.As<v8::Function>()->Call(context, loader, 1, base).ToLocal(&require)) {
      host_.uncaught(caught);
      return false;
    }
    for (const std::string& name : required) {
      v8::Local<v8::Value> arguments[] = {to_v8(isolate, name)};
      if (!require.As<v8::Function>()->Call(context, v8::Undefined(isolate), 1, arguments).IsEmpty())
        continue;
      host_.uncaught(caught);
      if (host_.ending() != Ending::kRunning) return false;
    }
  }
  if (imported.empty()) return true;
  // One after the other; the program runs behind them.
  std::string source = "(async () => {";
  for (const std::string& name : imported) source += "await import(" + quoted(name) + ");";
  source += "})()";
  v8::TryCatch caught(isolate);
  v8::ScriptOrigin origin(isolate, to_v8(isolate, "[import]"));
  v8::Local<v8::Script> script;
  v8::Local<v8::Value> started;
  if (!v8::Script::Compile(context, to_v8(isolate, source), &origin).ToLocal(&script) ||
      !script->Run(context).ToLocal(&started)) {
    host_.uncaught(caught);
    return false;
  }
  v8::Local<v8::Promise> done = started.As<v8::Promise>();
  waiting_program_ = &program;
  const auto fulfilled = [](const v8::FunctionCallbackInfo<v8::Value>& info) {
    ModuleLoader& loader = IsolateHost::from(info.GetIsolate()).loader();
    v8::HandleScope scope(info.GetIsolate());
    loader.run_program(*loader.waiting_program_);
  };
  const auto rejected = [](const v8::FunctionCallbackInfo<v8::Value>& info) {
    IsolateHost& host = IsolateHost::from(info.GetIsolate());
    host.evaluated_ = true;
    v8::Local<v8::Message> message;
    if (info[0]->IsNativeError()) message = v8::Exception::CreateMessage(info.GetIsolate(), info[0]);
    host.uncaught(info[0], message);
  };
  std::ignore = done->Then(context, v8::Function::New(context, fulfilled).ToLocalChecked(),
                           v8::Function::New(context, rejected).ToLocalChecked());
  return false;
}

void ModuleLoader::run_built_in(const std::string& id) {
  v8::TryCatch caught(host_.isolate());
  if (host_.builtin(id).IsEmpty()) return host_.uncaught(caught);
  host_.evaluated_ = true;
}

static bool compiles_as_module(v8::Isolate* isolate, v8::Local<v8::String> text, const std::string& path) {
  v8::ScriptOrigin origin(isolate, to_v8(isolate, path), 0, 0, false, -1, v8::Local<v8::Value>(), false,
                          false, true);
  v8::ScriptCompiler::Source source(text, origin);
  return !v8::ScriptCompiler::CompileModule(isolate, &source).IsEmpty();
}

// Compiles, and runs nothing. The exit code is 1 when there is an error, which is printed.
void ModuleLoader::check_syntax(const Program& program) {
  v8::Isolate* isolate = host_.isolate();
  v8::TryCatch caught(isolate);
  host_.evaluated_ = true;
  std::string path = here() + "/[stdin]";
  v8::Local<v8::String> text = to_v8(isolate, program.source);
  if (program.kind == Program::Kind::kFile) {
    std::string specifier = program.source;
    if (!specifier.starts_with('/')) specifier = "./" + specifier;
    v8::Local<v8::Context> context = host_.context();
    v8::Local<v8::Object> loader;
    v8::Local<v8::Value> resolve, found;
    v8::Local<v8::Value> arguments[] = {to_v8(isolate, specifier), to_v8(isolate, here() + "/[main]")};
    if (!host_.builtin("internal/loader").ToLocal(&loader) ||
        !loader->Get(context, name_of(isolate, "resolveFrom")).ToLocal(&resolve) ||
        !resolve.As<v8::Function>()->Call(context, loader, 2, arguments).ToLocal(&found))
      return host_.uncaught(caught);
    path = from_v8(isolate, found);
    if (!read_text(path).ToLocal(&text)) return host_.uncaught(caught);
    if (format_of(path) == Format::kEsModule) {
      if (!compiles_as_module(isolate, text, path)) host_.uncaught(caught);
      return;
    }
  }
  bool has_module_syntax = false;
  if (!compile_common_js(text, path, has_module_syntax).IsEmpty()) return;
  if (!has_module_syntax) return host_.uncaught(caught);
  caught.Reset();
  if (!compiles_as_module(isolate, text, path)) host_.uncaught(caught);
}

}  // namespace sluice::runtime
