// SPDX-License-Identifier: Apache-2.0
// What CommonJS and node:module, in built-in JavaScript, need from the module loader.
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cerrno>

#include "runtime/bindings/bindings.hh"
#include "runtime/isolate_host.hh"
#include "runtime/module_loader.hh"
#include "runtime/v8_text.hh"

namespace sluice::runtime {

using Info = v8::FunctionCallbackInfo<v8::Value>;

static ModuleLoader& loader_of(const Info& info) { return IsolateHost::from(info.GetIsolate()).loader(); }

static std::string text_of(const Info& info, int index) { return from_v8(info.GetIsolate(), info[index]); }

template <typename T>
static void give(const Info& info, v8::MaybeLocal<T> result) {
  v8::Local<T> value;
  if (result.ToLocal(&value)) info.GetReturnValue().Set(value);
}

// stat(path): 0 a file, 1 a directory, else a negative errno
static void stat_path(const Info& info) {
  struct stat status;
  const v8::String::Utf8Value path(info.GetIsolate(), info[0]);
  if (!*path || ::stat(*path, &status) != 0) return info.GetReturnValue().Set(-errno);
  info.GetReturnValue().Set(S_ISDIR(status.st_mode) ? 1 : 0);
}

// realpath(path): the same path when there is nothing at it
static void real_path(const Info& info) {
  char buffer[PATH_MAX];
  const v8::String::Utf8Value path(info.GetIsolate(), info[0]);
  if (!*path || !::realpath(*path, buffer)) return info.GetReturnValue().Set(info[0]);
  info.GetReturnValue().Set(to_v8(info.GetIsolate(), buffer));
}

// readPackage(directory) -> undefined, or [name, main, type, has exports, why it is no JSON]
static void read_package(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const auto& package = loader_of(info).resolver().package_in(text_of(info, 0));
  if (!package.exists) return;
  v8::Local<v8::Value> parts[] = {
      to_v8(isolate, package.name), to_v8(isolate, package.main), to_v8(isolate, package.type),
      v8::Boolean::New(isolate, !package.exports.IsEmpty()), to_v8(isolate, package.invalid)};
  info.GetReturnValue().Set(v8::Array::New(isolate, parts, 5));
}

// nearestPackage(path): directory of the package that it lies in, or undefined
static void nearest_package(const Info& info) {
  if (const auto* package = loader_of(info).resolver().nearest_package(text_of(info, 0)))
    info.GetReturnValue().Set(to_v8(info.GetIsolate(), package->directory));
}

// A path; or, of "imports", [what is to be required instead]. `suffix` ends messages.
static void give_resolution(const Info& info, const Resolution& found, const std::string& suffix) {
  v8::Isolate* isolate = info.GetIsolate();
  if (!found.path.empty()) return info.GetReturnValue().Set(to_v8(isolate, found.path + found.suffix));
  if (!found.package_request.empty()) {
    v8::Local<v8::Value> request[] = {to_v8(isolate, found.package_request)};
    return info.GetReturnValue().Set(v8::Array::New(isolate, request, 1));
  }
  loader_of(info).throw_resolution(found, suffix);
}

// packageExports(directory, subpath)
static void package_exports(const Info& info) {
  give_resolution(
      info,
      loader_of(info).resolver().package_export(text_of(info, 0), text_of(info, 1), ResolveMode::kRequire),
      "");
}

// packageImports(specifier, parent)
static void package_imports(const Info& info) {
  const std::string parent = text_of(info, 1);
  give_resolution(info,
                  loader_of(info).resolver().package_import(text_of(info, 0), parent, ResolveMode::kRequire),
                  " imported from " + parent);
}

// resolveImport(specifier, parent): path with query, id of a built-in module, or data: URL
static void resolve_import(const Info& info) {
  const std::string parent = text_of(info, 1);
  give_resolution(info, loader_of(info).resolver().resolve(text_of(info, 0), parent),
                  " imported from " + parent);
}

// formatOf(path): "module", "commonjs", "json", "wasm" or undefined
static void format_of(const Info& info) {
  static constexpr const char* kNames[] = {"module", "commonjs", "json", "wasm", nullptr};
  const char* name = kNames[static_cast<int>(loader_of(info).format_of(text_of(info, 0)))];
  if (name) info.GetReturnValue().Set(to_v8(info.GetIsolate(), name));
}

static void read_text(const Info& info) { give(info, loader_of(info).read_text(text_of(info, 0))); }
static void read_source(const Info& info) { give(info, loader_of(info).read_source(text_of(info, 0))); }
static void read_json(const Info& info) { give(info, loader_of(info).read_json(text_of(info, 0))); }
static void builtin(const Info& info) { give(info, loader_of(info).builtin_exports(text_of(info, 0))); }

// requireEsModule(path, parent, source or undefined, "?query" or undefined)
static void require_es_module(const Info& info) {
  give(info, loader_of(info).require_es_module(text_of(info, 0), info[1]->IsString() ? text_of(info, 1) : "",
                                               info[2], info[3]->IsString() ? text_of(info, 3) : ""));
}

static void is_es_module(const Info& info) {
  const std::string path = text_of(info, 0);
  if (path.ends_with(".mjs") || path.ends_with(".mts")) return info.GetReturnValue().Set(true);
  info.GetReturnValue().Set((path.ends_with(".js") || path.ends_with(".ts")) &&
                            loader_of(info).resolver().package_type(path) == "module");
}

// compileFunction(source, path): undefined when the text is an ES module.
static void compile_function(const Info& info) {
  bool has_module_syntax = false;
  give(info,
       loader_of(info).compile_common_js(info[0].As<v8::String>(), text_of(info, 1), has_module_syntax));
}

// importFrom(specifier, base, [key, value, ...]) -> promise of a namespace
static void import_from(const Info& info) {
  give(info, loader_of(info).import_from(text_of(info, 0), text_of(info, 1), info[2]));
}

static void run_microtasks(const Info& info) { v8::MicrotasksScope::PerformCheckpoint(info.GetIsolate()); }
static void sync_builtins(const Info& info) { loader_of(info).sync_builtins(); }
static void set_hooks(const Info& info) { loader_of(info).set_hooks(info[0], info[1]); }

// options() -> [conditions, preserveSymlinks, preserveSymlinksMain]
static void options(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const LoaderOptions& chosen = loader_of(info).resolver().options();
  std::vector<v8::Local<v8::Value>> conditions;
  for (const std::string& each : chosen.conditions) conditions.push_back(to_v8(isolate, each));
  v8::Local<v8::Value> parts[] = {v8::Array::New(isolate, conditions.data(), conditions.size()),
                                  v8::Boolean::New(isolate, chosen.preserve_symlinks),
                                  v8::Boolean::New(isolate, chosen.preserve_symlinks_main)};
  info.GetReturnValue().Set(v8::Array::New(isolate, parts, 3));
}

void install_loader(v8::Local<v8::Context> context, v8::Local<v8::Object> target, IsolateHost&) {
  set_function(context, target, "stat", stat_path);
  set_function(context, target, "realpath", real_path);
  set_function(context, target, "readPackage", read_package);
  set_function(context, target, "nearestPackage", nearest_package);
  set_function(context, target, "packageExports", package_exports);
  set_function(context, target, "packageImports", package_imports);
  set_function(context, target, "resolveImport", resolve_import);
  set_function(context, target, "formatOf", format_of);
  set_function(context, target, "readText", read_text);
  set_function(context, target, "readSource", read_source);
  set_function(context, target, "readJson", read_json);
  set_function(context, target, "builtin", builtin);
  set_function(context, target, "requireEsModule", require_es_module);
  set_function(context, target, "isEsModule", is_es_module);
  set_function(context, target, "compileFunction", compile_function);
  set_function(context, target, "importFrom", import_from);
  set_function(context, target, "syncBuiltins", sync_builtins);
  set_function(context, target, "runMicrotasks", run_microtasks);
  set_function(context, target, "setHooks", set_hooks);
  set_function(context, target, "options", options);
}

}  // namespace sluice::runtime
