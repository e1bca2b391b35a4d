// SPDX-License-Identifier: Apache-2.0
#include "runtime/module_loader.hh"

#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <tuple>

#include "runtime/builtins.hh"
#include "runtime/error_report.hh"
#include "runtime/host_internals.hh"
#include "runtime/v8_text.hh"

namespace sluice::runtime {

namespace {

std::string working_directory() {
  char buffer[PATH_MAX];
  return ::getcwd(buffer, sizeof(buffer)) ? buffer : "/";
}

std::string directory_of(const std::string& path) {
  const size_t at = path.rfind('/');
  return at == std::string::npos || at == 0 ? "/" : path.substr(0, at);
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<signed char>(c) >= 0; });
}

v8::MaybeLocal<v8::String> source_string(v8::Isolate* isolate, std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  v8::MaybeLocal<v8::String> string =
      is_ascii(text) ? v8::String::NewFromOneByte(isolate, reinterpret_cast<const uint8_t*>(text.data()),
                                                  v8::NewStringType::kNormal, static_cast<int>(text.size()))
                     : v8::String::NewFromUtf8(isolate, text.data(), v8::NewStringType::kNormal,
                                               static_cast<int>(text.size()));
  if (string.IsEmpty())
    throw_error(isolate, v8::Exception::RangeError, "Source text is too long", "ERR_STRING_TOO_LONG");
  return string;
}

}  // namespace

ModuleLoader::ModuleLoader(IsolateHost& host) : host_(host), resolver_(host) {
  host.isolate()->SetHostImportModuleDynamicallyCallback(import_dynamically);
  host.isolate()->SetHostInitializeImportMetaObjectCallback(fill_import_meta);
}

ModuleLoader::~ModuleLoader() = default;

// ---- files

v8::MaybeLocal<v8::String> ModuleLoader::read_text(const std::string& path) {
  std::string text;
  if (PackageResolver::read_file(path, text)) return source_string(host_.isolate(), text);
  const int number = errno;
  const char* code = strerrorname_np(number);
  throw_error(host_.isolate(), v8::Exception::Error,
              std::string(code ? code : "EIO") + ": " + std::strerror(number) + ", open '" + path + "'",
              code ? code : "EIO");
  return {};
}

v8::MaybeLocal<v8::Value> ModuleLoader::read_json(const std::string& path) {
  v8::Isolate* isolate = host_.isolate();
  v8::Local<v8::String> text;
  if (!read_text(path).ToLocal(&text)) return {};
  v8::TryCatch caught(isolate);
  v8::Local<v8::Value> value;
  if (v8::JSON::Parse(host_.context(), text).ToLocal(&value)) return value;
  if (!caught.HasTerminated() && caught.Exception()->IsObject()) {
    // The parser does not know the file's name.
    v8::Local<v8::Object> error = caught.Exception().As<v8::Object>();
    v8::Local<v8::Value> message;
    if (error->Get(host_.context(), name_of(isolate, "message")).ToLocal(&message)) {
      v8::Local<v8::Value> renamed =
          v8::Exception::SyntaxError(to_v8(isolate, path + ": " + from_v8(isolate, message)));
      caught.Reset();
      isolate->ThrowException(renamed);
      caught.ReThrow();
      return {};
    }
  }
  caught.ReThrow();
  return {};
}

ModuleLoader::Format ModuleLoader::format_of(const std::string& path) {
  if (path.ends_with(".mjs")) return Format::kEsModule;
  if (path.ends_with(".cjs")) return Format::kCommonJs;
  if (path.ends_with(".json")) return Format::kJson;
  if (path.ends_with(".node") || path.ends_with(".wasm") || path.ends_with(".ts") || path.ends_with(".mts"))
    return Format::kUnsupported;
  const std::string& type = resolver_.package_type(path);
  if (type == "module" && path.ends_with(".js")) return Format::kEsModule;
  if (type == "commonjs") return Format::kCommonJs;
  // Nothing says which: the syntax does.
  std::string text;
  if (compiled_.contains(path) || !PackageResolver::read_file(path, text)) return Format::kCommonJs;
  v8::Isolate* isolate = host_.isolate();
  v8::HandleScope scope(isolate);
  v8::TryCatch caught(isolate);
  v8::Local<v8::String> source;
  bool has_module_syntax = false;
  v8::Local<v8::Function> function;
  if (!source_string(isolate, text).ToLocal(&source)) return Format::kCommonJs;
  if (compile_common_js(source, path, has_module_syntax).ToLocal(&function))
    compiled_[path].Reset(isolate, function);
  return has_module_syntax ? Format::kEsModule : Format::kCommonJs;
}

bool ModuleLoader::is_module_syntax_error(v8::Isolate* isolate, v8::TryCatch& caught) {
  if (!caught.HasCaught() || caught.HasTerminated() || caught.Message().IsEmpty()) return false;
  const std::string text = from_v8(isolate, caught.Message()->Get());
  for (const char* sign :
       {"Cannot use import statement outside a module", "Unexpected token 'export'",
        "Cannot use 'import.meta' outside a module", "await is only valid in async functions"})
    if (text.find(sign) != std::string::npos) return true;
  return false;
}

v8::MaybeLocal<v8::Function> ModuleLoader::compile_common_js(v8::Local<v8::String> source,
                                                             const std::string& path,
                                                             bool& has_module_syntax) {
  v8::Isolate* isolate = host_.isolate();
  has_module_syntax = false;
  if (const auto known = compiled_.find(path); known != compiled_.end()) {
    v8::Local<v8::Function> function = known->second.Get(isolate);
    compiled_.erase(known);
    return function;
  }
  // "#!" is no JavaScript inside a function.
  if (source->Length() > 2) {
    uint16_t first[2];
    source->Write(isolate, first, 0, 2);
    if (first[0] == '#' && first[1] == '!') {
      std::string text = from_v8(isolate, source);
      text[0] = text[1] = '/';
      source = to_v8(isolate, text);
    }
  }
  v8::Local<v8::String> parameters[] = {name_of(isolate, "exports"), name_of(isolate, "require"),
                                        name_of(isolate, "module"), name_of(isolate, "__filename"),
                                        name_of(isolate, "__dirname")};
  v8::ScriptOrigin origin(isolate, to_v8(isolate, path));
  v8::ScriptCompiler::Source unit(source, origin);
  v8::TryCatch caught(isolate);
  v8::Local<v8::Function> function;
  if (v8::ScriptCompiler::CompileFunction(host_.context(), &unit, 5, parameters).ToLocal(&function))
    return function;
  if (is_module_syntax_error(isolate, caught) && !path.ends_with(".cjs") &&
      resolver_.package_type(path) != "commonjs") {
    has_module_syntax = true;
    return {};
  }
  if (!caught.HasTerminated()) remember_arrow(isolate, host_.context(), caught.Exception(), caught.Message());
  caught.ReThrow();
  return {};
}

v8::MaybeLocal<v8::Value> ModuleLoader::builtin_exports(const std::string& id) {
  v8::Local<v8::Object> exports;
  if (!host_.builtin(id).ToLocal(&exports)) return {};
  return exports;
}

// ---- records

void ModuleLoader::throw_resolution(const Resolution& resolution, const std::string& suffix,
                                    const std::string& arrow) {
  v8::Isolate* isolate = host_.isolate();
  v8::TryCatch caught(isolate);
  throw_error(
      isolate,
      resolution.code == "ERR_INVALID_MODULE_SPECIFIER" ? v8::Exception::TypeError : v8::Exception::Error,
      resolution.code == "ERR_UNKNOWN_BUILTIN_MODULE" ? resolution.message : resolution.message + suffix,
      resolution.code);
  if (!caught.HasTerminated()) set_arrow(isolate, host_.context(), caught.Exception(), arrow);
  caught.ReThrow();
}

ModuleLoader::Record* ModuleLoader::record_of(v8::Local<v8::Module> module) {
  const auto [begin, end] = by_hash_.equal_range(module->GetIdentityHash());
  for (auto at = begin; at != end; ++at)
    if (at->second->module == module) return at->second;
  return nullptr;
}

ModuleLoader::Record* ModuleLoader::make_source(const std::string& key, const std::string& url,
                                                v8::Local<v8::String> text) {
  v8::Isolate* isolate = host_.isolate();
  v8::ScriptOrigin origin(isolate, to_v8(isolate, url), 0, 0, false, -1, v8::Local<v8::Value>(), false, false,
                          true);
  v8::ScriptCompiler::Source unit(text, origin);
  v8::TryCatch caught(isolate);
  v8::Local<v8::Module> module;
  if (!v8::ScriptCompiler::CompileModule(isolate, &unit).ToLocal(&module)) {
    if (!caught.HasTerminated())
      remember_arrow(isolate, host_.context(), caught.Exception(), caught.Message());
    caught.ReThrow();
    return nullptr;
  }
  auto record = std::make_unique<Record>();
  record->key = key;
  record->url = url;
  record->module.Reset(isolate, module);
  Record* raw = record.get();
  records_[key] = std::move(record);
  by_hash_.emplace(module->GetIdentityHash(), raw);
  return raw;
}

ModuleLoader::Record* ModuleLoader::make(const std::string& key) {
  v8::Isolate* isolate = host_.isolate();
  v8::Local<v8::Context> context = host_.context();
  auto record = std::make_unique<Record>();
  record->key = key;
  if (is_public_builtin(key)) {
    record->url = key;
    record->kind = Kind::kBuiltin;
    v8::Local<v8::Object> exports;
    if (!host_.builtin(key).ToLocal(&exports)) return nullptr;
    v8::Local<v8::Array> names;
    if (!exports->GetOwnPropertyNames(context).ToLocal(&names)) return nullptr;
    for (uint32_t i = 0; i < names->Length(); ++i) {
      const std::string name = from_v8(isolate, names->Get(context, i).ToLocalChecked());
      if (name != "default" && name != "init") record->export_names.push_back(name);
    }
  } else {
    record->url = PackageResolver::url_of(key);
    switch (format_of(key)) {
      case Format::kEsModule: {
        v8::Local<v8::String> text;
        if (!read_text(key).ToLocal(&text)) return nullptr;
        return make_source(key, record->url, text);
      }
      case Format::kUnsupported:
        throw_error(isolate, v8::Exception::TypeError,
                    "Unknown file extension \"" + key.substr(key.rfind('.')) + "\" for " + key,
                    "ERR_UNKNOWN_FILE_EXTENSION");
        return nullptr;
      case Format::kJson: record->kind = Kind::kJson; break;
      case Format::kCommonJs: {
        record->kind = Kind::kCommonJs;
        std::vector<std::string> files = {key}, seen;
        while (!files.empty() && seen.size() < 64) {
          const std::string file = files.back();
          files.pop_back();
          if (std::find(seen.begin(), seen.end(), file) != seen.end()) continue;
          seen.push_back(file);
          std::string text;
          if (!PackageResolver::read_file(file, text)) continue;
          std::vector<std::string> reexports;
          for (std::string& name : common_js_export_names(text, reexports))
            if (std::find(record->export_names.begin(), record->export_names.end(), name) ==
                record->export_names.end())
              record->export_names.push_back(std::move(name));
          for (const std::string& specifier : reexports)
            if (Resolution found = resolver_.resolve(specifier, file, ResolveMode::kRequire);
                found && found.path.starts_with('/'))
              files.push_back(found.path);
        }
        break;
      }
    }
  }
  std::vector<v8::Local<v8::String>> names = {name_of(isolate, "default")};
  for (const std::string& name : record->export_names) names.push_back(name_of(isolate, name));
  v8::Local<v8::Module> module =
      v8::Module::CreateSyntheticModule(isolate, to_v8(isolate, record->url), names, evaluate_synthetic);
  record->module.Reset(isolate, module);
  Record* raw = record.get();
  records_[key] = std::move(record);
  by_hash_.emplace(module->GetIdentityHash(), raw);
  return raw;
}

v8::MaybeLocal<v8::Value> ModuleLoader::evaluate_synthetic(v8::Local<v8::Context> context,
                                                           v8::Local<v8::Module> module) {
  v8::Isolate* isolate = context->GetIsolate();
  IsolateHost& host = IsolateHost::from(isolate);
  Record* record = host.loader().record_of(module);
  SLUICE_ASSERT(record != nullptr);
  v8::Local<v8::Value> exports;
  switch (record->kind) {
    case Kind::kBuiltin:
      if (!host.loader().builtin_exports(record->key).ToLocal(&exports)) return {};
      break;
    case Kind::kJson:
      if (!host.loader().read_json(record->key).ToLocal(&exports)) return {};
      break;
    default: {
      v8::Local<v8::Value> arguments[] = {to_v8(isolate, record->key), v8::Boolean::New(isolate, false)};
      if (!host.internals()
               .load_common_js.Get(isolate)
               ->Call(context, v8::Undefined(isolate), 2, arguments)
               .ToLocal(&exports))
        return {};
    }
  }
  v8::Local<v8::Value> standard = exports;
  if (record->kind == Kind::kBuiltin && record->key.starts_with("sluice:")) {
    v8::Local<v8::Value> own;
    if (exports.As<v8::Object>()->Get(context, name_of(isolate, "default")).ToLocal(&own) &&
        !own->IsUndefined())
      standard = own;
  }
  if (module->SetSyntheticModuleExport(isolate, name_of(isolate, "default"), standard).IsNothing()) return {};
  for (const std::string& name : record->export_names) {
    v8::Local<v8::Value> value = v8::Undefined(isolate);
    if (exports->IsObject() &&
        !exports.As<v8::Object>()->Get(context, name_of(isolate, name)).ToLocal(&value))
      return {};
    if (module->SetSyntheticModuleExport(isolate, name_of(isolate, name), value).IsNothing()) return {};
  }
  v8::Local<v8::Promise::Resolver> done;
  if (!v8::Promise::Resolver::New(context).ToLocal(&done)) return {};
  done->Resolve(context, v8::Undefined(isolate)).Check();
  return done->GetPromise();
}

bool ModuleLoader::load_requests(Record& first) {
  v8::Isolate* isolate = host_.isolate();
  v8::Local<v8::Context> context = host_.context();
  std::vector<Record*> waiting = {&first};
  while (!waiting.empty()) {
    Record& record = *waiting.back();
    waiting.pop_back();
    if (record.requests_loaded || record.kind != Kind::kSource) continue;
    record.requests_loaded = true;
    v8::HandleScope scope(isolate);
    v8::Local<v8::Module> module = record.module.Get(isolate);
    v8::Local<v8::FixedArray> requests = module->GetModuleRequests();
    const std::string parent = record.key;
    for (int i = 0; i < requests->Length(); ++i) {
      v8::Local<v8::ModuleRequest> request = requests->Get(context, i).As<v8::ModuleRequest>();
      const std::string specifier = from_v8(isolate, request->GetSpecifier());
      if (record.requests.contains(specifier)) continue;
      const Resolution found = resolver_.resolve(specifier, parent, ResolveMode::kImport);
      if (!found) {
        record.requests_loaded = false;
        v8::Location location = module->SourceOffsetToLocation(request->GetSourceOffset());
        std::string text, arrow;
        if (PackageResolver::read_file(parent, text))
          arrow = arrow_at(record.url, text, location.GetLineNumber(), location.GetColumnNumber(),
                           static_cast<int>(specifier.size()) + 2);
        throw_resolution(found, " imported from " + parent, arrow);
        return false;
      }
      Record* wanted = nullptr;
      if (const auto known = records_.find(found.path); known != records_.end()) {
        wanted = known->second.get();
      } else if ((wanted = make(found.path)) == nullptr) {
        record.requests_loaded = false;
        return false;
      }
      record.requests[specifier] = wanted;
      if (!wanted->requests_loaded) waiting.push_back(wanted);
    }
  }
  return true;
}

ModuleLoader::Record* ModuleLoader::load(const std::string& key, const std::string&) {
  Record* record = nullptr;
  if (const auto known = records_.find(key); known != records_.end()) {
    record = known->second.get();
  } else if ((record = make(key)) == nullptr) {
    return nullptr;
  }
  return load_requests(*record) ? record : nullptr;
}

v8::MaybeLocal<v8::Module> ModuleLoader::resolve_request(v8::Local<v8::Context> context,
                                                         v8::Local<v8::String> specifier,
                                                         v8::Local<v8::FixedArray>,
                                                         v8::Local<v8::Module> referrer) {
  v8::Isolate* isolate = context->GetIsolate();
  ModuleLoader& loader = IsolateHost::from(isolate).loader();
  Record* record = loader.record_of(referrer);
  SLUICE_ASSERT(record != nullptr);
  const auto found = record->requests.find(from_v8(isolate, specifier));
  SLUICE_ASSERT(found != record->requests.end());
  return found->second->module.Get(isolate);
}

v8::MaybeLocal<v8::Promise> ModuleLoader::evaluate(Record& record) {
  v8::Isolate* isolate = host_.isolate();
  v8::Local<v8::Context> context = host_.context();
  v8::Local<v8::Module> module = record.module.Get(isolate);
  if (module->GetStatus() == v8::Module::kUninstantiated) {
    v8::TryCatch caught(isolate);
    if (!module->InstantiateModule(context, resolve_request).FromMaybe(false)) {
      if (!caught.HasTerminated()) remember_arrow(isolate, context, caught.Exception(), caught.Message());
      caught.ReThrow();
      return {};
    }
  }
  v8::Local<v8::Value> result;
  if (!module->Evaluate(context).ToLocal(&result)) return {};
  return result.As<v8::Promise>();
}

v8::MaybeLocal<v8::Value> ModuleLoader::require_es_module(const std::string& path) {
  v8::Isolate* isolate = host_.isolate();
  Record* record = load(path);
  if (!record) return {};
  v8::Local<v8::Module> module = record->module.Get(isolate);
  v8::Local<v8::Promise> promise;
  if (module->GetStatus() == v8::Module::kEvaluating) {
    throw_error(isolate, v8::Exception::Error, "Cannot require() ES Module " + path + " in a cycle.",
                "ERR_REQUIRE_CYCLE_MODULE");
    return {};
  }
  if (!evaluate(*record).ToLocal(&promise)) return {};
  switch (promise->State()) {
    case v8::Promise::kFulfilled: return module->GetModuleNamespace();
    case v8::Promise::kRejected:
      promise->MarkAsHandled();
      isolate->ThrowException(promise->Result());
      return {};
    case v8::Promise::kPending: break;
  }
  throw_error(isolate, v8::Exception::Error,
              "require() cannot be used on an ESM graph with top-level await. Use import() instead: " + path,
              "ERR_REQUIRE_ASYNC_MODULE");
  return {};
}

// ---- dynamic import and import.meta

namespace {

struct PendingImport {
  IsolateHost* host;
  std::string specifier, parent;
  v8::Global<v8::Promise::Resolver> resolver;
};

}  // namespace

v8::MaybeLocal<v8::Promise> ModuleLoader::import_dynamically(v8::Local<v8::Context> context,
                                                             v8::Local<v8::Data>,
                                                             v8::Local<v8::Value> resource_name,
                                                             v8::Local<v8::String> specifier,
                                                             v8::Local<v8::FixedArray>) {
  v8::Isolate* isolate = context->GetIsolate();
  IsolateHost& host = IsolateHost::from(isolate);
  v8::Local<v8::Promise::Resolver> resolver;
  if (!v8::Promise::Resolver::New(context).ToLocal(&resolver)) return {};
  std::string parent = from_v8(isolate, resource_name), path;
  if (PackageResolver::path_of(parent, path)) parent = path;
  if (!parent.starts_with('/')) parent = working_directory() + "/[eval]";
  auto* pending = new PendingImport{&host, from_v8(isolate, specifier), parent, {}};
  pending->resolver.Reset(isolate, resolver);
  // Later, as a microtask: no module is being evaluated then.
  isolate->EnqueueMicrotask(
      [](void* data) {
        std::unique_ptr<PendingImport> import(static_cast<PendingImport*>(data));
        IsolateHost& host = *import->host;
        v8::Isolate* isolate = host.isolate();
        v8::HandleScope scope(isolate);
        v8::Local<v8::Context> context = host.context();
        v8::Context::Scope context_scope(context);
        v8::Local<v8::Promise::Resolver> resolver = import->resolver.Get(isolate);
        ModuleLoader& loader = host.loader();
        v8::TryCatch caught(isolate);
        const Resolution found =
            loader.resolver_.resolve(import->specifier, import->parent, ResolveMode::kImport);
        v8::Local<v8::Promise> done;
        Record* record = nullptr;
        if (!found) {
          loader.throw_resolution(found, " imported from " + import->parent);
        } else if ((record = loader.load(found.path)) != nullptr && loader.evaluate(*record).ToLocal(&done)) {
          v8::Local<v8::Object> both = v8::Array::New(isolate, 2);
          both->Set(context, 0, resolver).Check();
          both->Set(context, 1, record->module.Get(isolate)->GetModuleNamespace()).Check();
          const auto fulfil = [](const v8::FunctionCallbackInfo<v8::Value>& info) {
            v8::Local<v8::Context> current = info.GetIsolate()->GetCurrentContext();
            v8::Local<v8::Object> pair = info.Data().As<v8::Object>();
            pair->Get(current, 0)
                .ToLocalChecked()
                .As<v8::Promise::Resolver>()
                ->Resolve(current, pair->Get(current, 1).ToLocalChecked())
                .FromMaybe(false);
          };
          const auto reject = [](const v8::FunctionCallbackInfo<v8::Value>& info) {
            v8::Local<v8::Context> current = info.GetIsolate()->GetCurrentContext();
            info.Data()
                .As<v8::Object>()
                ->Get(current, 0)
                .ToLocalChecked()
                .As<v8::Promise::Resolver>()
                ->Reject(current, info[0])
                .FromMaybe(false);
          };
          v8::Local<v8::Function> on_done = v8::Function::New(context, fulfil, both).ToLocalChecked();
          v8::Local<v8::Function> on_failed = v8::Function::New(context, reject, both).ToLocalChecked();
          std::ignore = done->Then(context, on_done, on_failed);
        }
        if (caught.HasCaught() && !caught.HasTerminated())
          resolver->Reject(context, caught.Exception()).FromMaybe(false);
      },
      pending);
  return resolver->GetPromise();
}

void ModuleLoader::fill_import_meta(v8::Local<v8::Context> context, v8::Local<v8::Module> module,
                                    v8::Local<v8::Object> meta) {
  v8::Isolate* isolate = context->GetIsolate();
  ModuleLoader& loader = IsolateHost::from(isolate).loader();
  Record* record = loader.record_of(module);
  if (!record) return;
  const auto set = [&](const char* name, v8::Local<v8::Value> value) {
    meta->CreateDataProperty(context, name_of(isolate, name), value).Check();
  };
  if (record->key.starts_with('/')) {
    set("dirname", to_v8(isolate, directory_of(record->key)));
    set("filename", to_v8(isolate, record->key));
  }
  const auto resolve = [](const v8::FunctionCallbackInfo<v8::Value>& info) {
    v8::Isolate* current = info.GetIsolate();
    ModuleLoader& self = IsolateHost::from(current).loader();
    const std::string parent = from_v8(current, info.Data());
    const Resolution found = self.resolver_.resolve(from_v8(current, info[0]), parent, ResolveMode::kImport);
    if (!found) return self.throw_resolution(found, " imported from " + parent);
    info.GetReturnValue().Set(
        to_v8(current, found.path.starts_with('/') ? PackageResolver::url_of(found.path) : found.path));
  };
  set("resolve",
      v8::Function::New(context, resolve, to_v8(isolate, record->key), 1, v8::ConstructorBehavior::kThrow)
          .ToLocalChecked());
  set("url", to_v8(isolate, record->url));
}

// ---- the program

void ModuleLoader::after_main(v8::Local<v8::Value> exports) {
  host_.evaluated_ = true;
  v8::Isolate* isolate = host_.isolate();
  for (const BuiltinModule& module : host_.image().builtins) {
    if (std::strcmp(module.id, "internal/after_main") != 0) continue;
    v8::TryCatch caught(isolate);
    v8::Local<v8::Object> hook;
    v8::Local<v8::Value> run;
    v8::Local<v8::Value> arguments[] = {exports};
    if (host_.builtin(module.id).ToLocal(&hook) &&
        hook->Get(host_.context(), name_of(isolate, "run")).ToLocal(&run) && run->IsFunction())
      std::ignore = run.As<v8::Function>()->Call(host_.context(), hook, 1, arguments);
    if (caught.HasCaught()) host_.uncaught(caught);
    return;
  }
}

void ModuleLoader::print_value(v8::Local<v8::Value> value) {
  v8::Isolate* isolate = host_.isolate();
  v8::Local<v8::Context> context = host_.context();
  v8::TryCatch caught(isolate);
  v8::Local<v8::Object> exports;
  v8::Local<v8::Value> console, log;
  v8::Local<v8::Value> arguments[] = {value};
  if (host_.builtin("internal/console").ToLocal(&exports) &&
      exports->Get(context, name_of(isolate, "console")).ToLocal(&console) &&
      console.As<v8::Object>()->Get(context, name_of(isolate, "log")).ToLocal(&log))
    std::ignore = log.As<v8::Function>()->Call(context, console, 1, arguments);
  if (caught.HasCaught()) host_.uncaught(caught);
}

void ModuleLoader::run_module(Record& record, bool) {
  v8::Isolate* isolate = host_.isolate();
  v8::Local<v8::Context> context = host_.context();
  v8::TryCatch caught(isolate);
  v8::Local<v8::Promise> done;
  if (!load_requests(record) || !evaluate(record).ToLocal(&done)) {
    host_.uncaught(caught);
    return;
  }
  const auto fulfilled = [](const v8::FunctionCallbackInfo<v8::Value>& info) {
    IsolateHost::from(info.GetIsolate()).loader().after_main(info.Data());
  };
  const auto rejected = [](const v8::FunctionCallbackInfo<v8::Value>& info) {
    IsolateHost& host = IsolateHost::from(info.GetIsolate());
    host.evaluated_ = true;
    v8::Local<v8::Message> message;
    if (info[0]->IsNativeError()) message = v8::Exception::CreateMessage(info.GetIsolate(), info[0]);
    host.uncaught(info[0], message);
  };
  v8::Local<v8::Value> space = record.module.Get(isolate)->GetModuleNamespace();
  std::ignore = done->Then(context, v8::Function::New(context, fulfilled, space).ToLocalChecked(),
                           v8::Function::New(context, rejected).ToLocalChecked());
}

void ModuleLoader::run_file(const std::string& name) {
  v8::Isolate* isolate = host_.isolate();
  v8::TryCatch caught(isolate);
  const std::string start = working_directory() + "/[main]";
  std::string specifier = name;
  if (!specifier.starts_with('/') && !specifier.starts_with("./") && !specifier.starts_with("../") &&
      !specifier.starts_with("file:"))
    specifier = "./" + specifier;
  const Resolution found = resolver_.resolve(specifier, start, ResolveMode::kRequire);
  if (!found) {
    throw_error(isolate, v8::Exception::Error, found.message, "MODULE_NOT_FOUND");
    host_.uncaught(caught);
    return;
  }
  const Format format = format_of(found.path);
  if (format == Format::kEsModule || format == Format::kUnsupported) {
    Record* record = make(found.path);
    if (record) {
      run_module(*record, false);
    } else {
      host_.uncaught(caught);
    }
    return;
  }
  v8::Local<v8::Value> arguments[] = {to_v8(isolate, found.path), v8::Boolean::New(isolate, true)};
  v8::Local<v8::Value> exports;
  if (host_.internals()
          .load_common_js.Get(isolate)
          ->Call(host_.context(), v8::Undefined(isolate), 2, arguments)
          .ToLocal(&exports)) {
    after_main(exports);
  } else {
    host_.evaluated_ = true;  // a listener may take the error, and the program goes on
    host_.uncaught(caught);
  }
}

void ModuleLoader::run_code(const std::string& code, const std::string& name, bool print) {
  const std::string input_type = option("--input-type");
  v8::Isolate* isolate = host_.isolate();
  v8::Local<v8::Context> context = host_.context();
  v8::TryCatch caught(isolate);
  v8::Local<v8::Value> arguments[] = {to_v8(isolate, name)};
  v8::Local<v8::String> text;
  v8::Local<v8::Script> script;
  v8::Local<v8::Value> value;
  if (host_.internals()
          .evaluation_globals.Get(isolate)
          ->Call(context, v8::Undefined(isolate), 1, arguments)
          .IsEmpty() ||
      !source_string(isolate, code).ToLocal(&text))
    return host_.uncaught(caught);
  v8::ScriptOrigin origin(isolate, to_v8(isolate, name));
  if (input_type == "module" || !v8::Script::Compile(context, text, &origin).ToLocal(&script)) {
    if (input_type == "commonjs" || (input_type.empty() && !is_module_syntax_error(isolate, caught)))
      return host_.uncaught(caught);
    caught.Reset();
    const std::string key = working_directory() + "/" + name + "1";
    Record* record = make_source(key, PackageResolver::url_of(key), text);
    if (!record) return host_.uncaught(caught);
    return run_module(*record, print);
  }
  host_.evaluated_ = true;
  if (!script->Run(context).ToLocal(&value)) return host_.uncaught(caught);
  if (print) print_value(value);
}

void ModuleLoader::run(const Program& program) {
  v8::HandleScope scope(host_.isolate());
  if (!preload(program)) return;
  run_program(program);
}

void ModuleLoader::run_program(const Program& program) {
  switch (program.kind) {
    case Program::Kind::kNone: host_.evaluated_ = true; break;
    case Program::Kind::kFile: run_file(program.source); break;
    case Program::Kind::kEval: run_code(program.source, "[eval]", false); break;
    case Program::Kind::kPrint: run_code(program.source, "[eval]", true); break;
    case Program::Kind::kStdin: run_code(program.source, "[stdin]", false); break;
    case Program::Kind::kBuiltIn: run_built_in(program.source); break;
  }
}

}  // namespace sluice::runtime
