// SPDX-License-Identifier: Apache-2.0
// What CommonJS in built-in JavaScript needs from the module loader.
#include "runtime/bindings/bindings.hh"
#include "runtime/isolate_host.hh"
#include "runtime/module_loader.hh"
#include "runtime/v8_text.hh"

namespace sluice::runtime {

using Info = v8::FunctionCallbackInfo<v8::Value>;

static ModuleLoader& loader_of(const Info& info) { return IsolateHost::from(info.GetIsolate()).loader(); }

template <typename T>
static void give(const Info& info, v8::MaybeLocal<T> result) {
  v8::Local<T> value;
  if (result.ToLocal(&value)) info.GetReturnValue().Set(value);
}

// resolve(specifier, parent): path, or undefined when there is nothing; other failures are thrown.
static void resolve(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const Resolution found = loader_of(info).resolver().resolve(
      from_v8(isolate, info[0]), from_v8(isolate, info[1]), ResolveMode::kRequire);
  if (found) return info.GetReturnValue().Set(to_v8(isolate, found.path));
  if (found.code == "MODULE_NOT_FOUND") return;
  if (found.code == "ERR_UNKNOWN_BUILTIN_MODULE")
    return throw_error(isolate, v8::Exception::Error, found.message, found.code);
  throw_error(isolate, v8::Exception::Error,
              found.message + " (required from " + from_v8(isolate, info[1]) + ")", found.code);
}

static void read_text(const Info& info) {
  give(info, loader_of(info).read_text(from_v8(info.GetIsolate(), info[0])));
}
static void read_json(const Info& info) {
  give(info, loader_of(info).read_json(from_v8(info.GetIsolate(), info[0])));
}
static void builtin(const Info& info) {
  give(info, loader_of(info).builtin_exports(from_v8(info.GetIsolate(), info[0])));
}

static void require_es_module(const Info& info) {
  give(info, loader_of(info).require_es_module(from_v8(info.GetIsolate(), info[0])));
}

static void is_es_module(const Info& info) {
  const std::string path = from_v8(info.GetIsolate(), info[0]);
  if (path.ends_with(".mjs")) return info.GetReturnValue().Set(true);
  info.GetReturnValue().Set(path.ends_with(".js") &&
                            loader_of(info).resolver().package_type(path) == "module");
}

// compileFunction(source, path): undefined when the text is an ES module.
static void compile_function(const Info& info) {
  bool has_module_syntax = false;
  give(info, loader_of(info).compile_common_js(info[0].As<v8::String>(), from_v8(info.GetIsolate(), info[1]),
                                               has_module_syntax));
}

void install_loader(v8::Local<v8::Context> context, v8::Local<v8::Object> target, IsolateHost&) {
  set_function(context, target, "resolve", resolve);
  set_function(context, target, "readText", read_text);
  set_function(context, target, "readJson", read_json);
  set_function(context, target, "builtin", builtin);
  set_function(context, target, "requireEsModule", require_es_module);
  set_function(context, target, "isEsModule", is_es_module);
  set_function(context, target, "compileFunction", compile_function);
}

}  // namespace sluice::runtime
