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

// An error as Node makes it: its stack begins with "Error [CODE]: ".
void throw_node_error(v8::Isolate* isolate, v8::Local<v8::Value> (*make)(v8::Local<v8::String>),
                      const std::string& message, const std::string& code, const std::string& url = {}) {
  v8::Local<v8::Context> context = isolate->GetCurrentContext();
  v8::Local<v8::Value> error = make(to_v8(isolate, message));
  if (error->IsObject()) {
    v8::Local<v8::Object> object = error.As<v8::Object>();
    v8::Local<v8::Value> stack;
    if (object->Get(context, name_of(isolate, "stack")).ToLocal(&stack) && stack->IsString()) {
      std::string text = from_v8(isolate, stack);
      if (const size_t colon = text.find(':'); colon != std::string::npos) {
        text.insert(colon, " [" + code + "]");
        object->DefineOwnProperty(context, name_of(isolate, "stack"), to_v8(isolate, text), v8::DontEnum)
            .FromMaybe(false);
      }
    }
    object->CreateDataProperty(context, name_of(isolate, "code"), to_v8(isolate, code)).FromMaybe(false);
    if (!url.empty())
      object->CreateDataProperty(context, name_of(isolate, "url"), to_v8(isolate, url)).FromMaybe(false);
  }
  isolate->ThrowException(error);
}

// "data:type/subtype;parameters;base64,body"
bool parse_data_url(std::string_view url, std::string& type, std::string& body) {
  url.remove_prefix(5);
  url = url.substr(0, url.find('#'));
  const size_t comma = url.find(',');
  if (comma == std::string_view::npos) return false;
  std::string_view head = url.substr(0, comma), rest = url.substr(comma + 1);
  const bool base64 = head.ends_with(";base64");
  type = std::string(head.substr(0, head.find(';')));
  if (type.find('/') == std::string::npos) type.clear();
  const auto digit = [](char c) {
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
  };
  std::string plain;
  for (size_t i = 0; i < rest.size(); ++i) {
    if (rest[i] == '%' && i + 2 < rest.size() && digit(rest[i + 1]) >= 0 && digit(rest[i + 2]) >= 0) {
      plain += static_cast<char>(digit(rest[i + 1]) * 16 + digit(rest[i + 2]));
      i += 2;
    } else {
      plain += rest[i];
    }
  }
  if (!base64) {
    body = std::move(plain);
    return true;
  }
  uint32_t bits = 0;
  int count = 0;
  for (const char c : plain) {
    int value = c >= 'A' && c <= 'Z'   ? c - 'A'
                : c >= 'a' && c <= 'z' ? c - 'a' + 26
                : c >= '0' && c <= '9' ? c - '0' + 52
                : c == '+' || c == '-' ? 62
                : c == '/' || c == '_' ? 63
                                       : -1;
    if (value < 0) continue;
    bits = bits << 6 | static_cast<uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    body += static_cast<char>(bits >> count & 255);
  }
  return true;
}

std::string extension_of(const std::string& path) {
  const size_t slash = path.rfind('/'), dot = path.rfind('.');
  if (dot == std::string::npos || dot <= (slash == std::string::npos ? 0 : slash + 1)) return {};
  return path.substr(dot);
}

}  // namespace

ModuleLoader::ModuleLoader(IsolateHost& host) : host_(host), resolver_(host) {
  LoaderOptions& options = resolver_.options();
  const std::vector<std::string>& given = host.image().node_options;
  for (size_t i = 0; i + 1 < given.size(); i += 2) {
    if (given[i] == "--conditions") options.conditions.push_back(given[i + 1]);
    if (given[i] == "--preserve-symlinks") options.preserve_symlinks = given[i + 1] == "true";
    if (given[i] == "--preserve-symlinks-main") options.preserve_symlinks_main = given[i + 1] == "true";
  }
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

v8::MaybeLocal<v8::String> ModuleLoader::read_source(const std::string& path) {
  std::string text;
  if (!PackageResolver::read_file(path, text)) return read_text(path);  // which says why
  if (!prepare(text, path)) return {};
  return source_string(host_.isolate(), text);
}

bool ModuleLoader::prepare(std::string& text, const std::string& path) {
  if (path.ends_with(".ts") || path.ends_with(".mts") || path.ends_with(".cts")) {
    v8::Isolate* isolate = host_.isolate();
    v8::Local<v8::Object> exports;
    v8::Local<v8::Value> strip, result;
    v8::Local<v8::Value> arguments[] = {to_v8(isolate, text), to_v8(isolate, path)};
    if (!host_.builtin("internal/node/typescript").ToLocal(&exports) ||
        !exports->Get(host_.context(), name_of(isolate, "stripFile")).ToLocal(&strip) ||
        !strip.As<v8::Function>()->Call(host_.context(), exports, 2, arguments).ToLocal(&result))
      return false;
    text = from_v8(isolate, result);
  }
  return true;
}

ModuleLoader::Format ModuleLoader::format_of(const std::string& path) {
  const std::string extension = extension_of(path);
  if (extension == ".mjs" || extension == ".mts") return Format::kEsModule;
  if (extension == ".cjs" || extension == ".cts") return Format::kCommonJs;
  if (extension == ".json") return Format::kJson;
  if (extension == ".wasm") return Format::kWasm;
  if (extension != ".js" && extension != ".ts" && !extension.empty()) return Format::kUnsupported;
  const std::string type = resolver_.package_type(path);
  if (type == "module") return Format::kEsModule;
  if (type == "commonjs") return Format::kCommonJs;
  // Nothing says which: the syntax does.
  std::string text;
  if (compiled_.contains(path) || !PackageResolver::read_file(path, text)) return Format::kCommonJs;
  v8::Isolate* isolate = host_.isolate();
  v8::HandleScope scope(isolate);
  v8::TryCatch caught(isolate);
  if (!prepare(text, path)) return Format::kCommonJs;  // fails again, and is told then
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
  if (is_module_syntax_error(isolate, caught) && !path.ends_with(".cjs") && !path.ends_with(".cts") &&
      resolver_.package_type(path) != "commonjs") {
    has_module_syntax = true;
    return {};
  }
  v8::Local<v8::String> changed;
  if (!caught.HasTerminated() && in_older_syntax(source, false).ToLocal(&changed)) {
    v8::ScriptCompiler::Source again(changed, origin);
    if (v8::ScriptCompiler::CompileFunction(host_.context(), &again, 5, parameters).ToLocal(&function))
      return function;
  }
  if (!caught.HasTerminated()) remember_arrow(isolate, host_.context(), caught.Exception(), caught.Message());
  caught.ReThrow();
  return {};
}

v8::MaybeLocal<v8::String> ModuleLoader::in_older_syntax(v8::Local<v8::String> source, bool is_module) {
  v8::Isolate* isolate = host_.isolate();
  v8::TryCatch caught(isolate);  // whatever goes wrong here, the engine's own error is the one to be told
  v8::Local<v8::Object> exports;
  v8::Local<v8::Value> downlevel, result;
  v8::Local<v8::Value> arguments[] = {source, v8::Boolean::New(isolate, is_module)};
  if (!host_.builtin("internal/node/newer_syntax").ToLocal(&exports) ||
      !exports->Get(host_.context(), name_of(isolate, "downlevel")).ToLocal(&downlevel) ||
      !downlevel.As<v8::Function>()->Call(host_.context(), exports, 2, arguments).ToLocal(&result) ||
      !result->IsString())
    return {};
  return result.As<v8::String>();
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
  std::string code = resolution.code;
  std::string message = resolution.message;
  if (code == "ERR_INVALID_PACKAGE_CONFIG") {
    // "... package.json while importing x."
  } else if (code != "ERR_UNKNOWN_BUILTIN_MODULE" && code != "ERR_UNSUPPORTED_ESM_URL_SCHEME" &&
             code != "ERR_UNSUPPORTED_RESOLVE_REQUEST" && code != "ERR_INVALID_FILE_URL_HOST") {
    message += suffix;
  }
  if (code.ends_with('/')) {
    code.pop_back();
    message += "; targets must start with \"./\"";
  }
  bool type_error = false;
  for (const std::string_view each :
       {"ERR_INVALID_MODULE_SPECIFIER", "ERR_PACKAGE_IMPORT_NOT_DEFINED", "ERR_INVALID_FILE_URL_HOST",
        "ERR_UNSUPPORTED_RESOLVE_REQUEST", "ERR_UNKNOWN_FILE_EXTENSION"})
    type_error = type_error || code == each;
  throw_node_error(isolate, type_error ? v8::Exception::TypeError : v8::Exception::Error, message, code,
                   resolution.url);
  if (!caught.HasTerminated()) set_arrow(isolate, host_.context(), caught.Exception(), arrow);
  caught.ReThrow();
}

ModuleLoader::Record* ModuleLoader::record_of(v8::Local<v8::Module> module) {
  const auto [begin, end] = by_hash_.equal_range(module->GetIdentityHash());
  for (auto at = begin; at != end; ++at)
    if (at->second->module == module) return at->second;
  return nullptr;
}

ModuleLoader::Record* ModuleLoader::make_source(std::unique_ptr<Record> record, v8::Local<v8::String> text) {
  v8::Isolate* isolate = host_.isolate();
  v8::ScriptOrigin origin(isolate, to_v8(isolate, record->url), 0, 0, false, -1, v8::Local<v8::Value>(),
                          false, false, true);
  v8::ScriptCompiler::Source unit(text, origin);
  v8::TryCatch caught(isolate);
  v8::Local<v8::Module> module;
  bool compiled = v8::ScriptCompiler::CompileModule(isolate, &unit).ToLocal(&module);
  v8::Local<v8::String> changed;
  if (!compiled && !caught.HasTerminated() && in_older_syntax(text, true).ToLocal(&changed)) {
    v8::ScriptCompiler::Source again(changed, origin);
    compiled = v8::ScriptCompiler::CompileModule(isolate, &again).ToLocal(&module);
  }
  if (!compiled) {
    if (!caught.HasTerminated())
      remember_arrow(isolate, host_.context(), caught.Exception(), caught.Message());
    caught.ReThrow();
    return nullptr;
  }
  record->module.Reset(isolate, module);
  Record* raw = record.get();
  records_[raw->key] = std::move(record);
  by_hash_.emplace(module->GetIdentityHash(), raw);
  return raw;
}

ModuleLoader::Record* ModuleLoader::make_synthetic(std::unique_ptr<Record> record) {
  v8::Isolate* isolate = host_.isolate();
  std::vector<v8::Local<v8::String>> names = {name_of(isolate, "default")};
  if (record->kind == Kind::kCommonJs) record->export_names.push_back("module.exports");
  for (const std::string& name : record->export_names) names.push_back(name_of(isolate, name));
  v8::Local<v8::Module> module =
      v8::Module::CreateSyntheticModule(isolate, to_v8(isolate, record->url), names, evaluate_synthetic);
  record->module.Reset(isolate, module);
  Record* raw = record.get();
  records_[raw->key] = std::move(record);
  by_hash_.emplace(module->GetIdentityHash(), raw);
  return raw;
}

// As Node checks them: what the engine was told must fit what the module is.
bool ModuleLoader::check_attributes(const Request& request, const std::string& url,
                                    const std::string& format) {
  v8::Isolate* isolate = host_.isolate();
  const auto unsupported = [&](const std::string& key, const std::string& value) {
    throw_node_error(isolate, v8::Exception::TypeError,
                     "Import attribute \"" + key + "\" with value \"" + value + "\" is not supported",
                     "ERR_IMPORT_ATTRIBUTE_UNSUPPORTED");
    return false;
  };
  const std::string* type = nullptr;
  for (const auto& [key, value] : request.attributes) {
    if (key != "type") return unsupported(key, value);
    type = &value;
  }
  if (format.empty()) return true;
  if (format == "json") {
    if (!type) {
      throw_node_error(isolate, v8::Exception::TypeError,
                       "Module \"" + url + "\" needs an import attribute of \"type: json\"",
                       "ERR_IMPORT_ATTRIBUTE_MISSING");
      return false;
    }
    return *type == "json" ? true : unsupported("type", *type);
  }
  if (!type) return true;
  if (*type != "json") return unsupported("type", *type);
  throw_node_error(isolate, v8::Exception::TypeError,
                   "Module \"" + url + "\" is not of type \"" + *type + "\"",
                   "ERR_IMPORT_ATTRIBUTE_TYPE_INCOMPATIBLE");
  return false;
}

bool ModuleLoader::find_export_names(Record& record) {
  v8::Isolate* isolate = host_.isolate();
  v8::Local<v8::Context> context = host_.context();
  v8::Local<v8::Object> exports;
  v8::Local<v8::Value> function, result;
  v8::Local<v8::Value> arguments[] = {to_v8(isolate, record.path), v8::Undefined(isolate)};
  if (!record.source.IsEmpty()) arguments[1] = record.source.Get(isolate);
  if (!host_.builtin("internal/node/common_js_names").ToLocal(&exports) ||
      !exports->Get(context, name_of(isolate, "namesOf")).ToLocal(&function) ||
      !function.As<v8::Function>()->Call(context, exports, 2, arguments).ToLocal(&result) ||
      !result->IsArray())
    return false;
  v8::Local<v8::Array> names = result.As<v8::Array>();
  for (uint32_t i = 0; i < names->Length(); ++i)
    record.export_names.push_back(from_v8(isolate, names->Get(context, i).ToLocalChecked()));
  return true;
}

ModuleLoader::Record* ModuleLoader::make_data(std::unique_ptr<Record> record, const Request& request) {
  v8::Isolate* isolate = host_.isolate();
  std::string type, body, format;
  const bool whole = parse_data_url(record->url, type, body);
  if (whole && (type == "text/javascript" || type == "application/javascript"))
    format = "module";
  else if (whole && type == "application/json")
    format = "json";
  if (!check_attributes(request, record->url, format)) return nullptr;
  if (format.empty()) {
    throw_node_error(isolate, v8::Exception::RangeError,
                     "Unknown module format: " + (type.empty() ? "null" : type) + " for URL " + record->url,
                     "ERR_UNKNOWN_MODULE_FORMAT");
    return nullptr;
  }
  if (format == "module") {
    if (!prepare(body, "")) return nullptr;
    v8::Local<v8::String> text;
    return source_string(isolate, body).ToLocal(&text) ? make_source(std::move(record), text) : nullptr;
  }
  v8::Local<v8::Value> value;
  if (!v8::JSON::Parse(host_.context(), to_v8(isolate, body)).ToLocal(&value)) return nullptr;
  record->kind = Kind::kJson;
  record->source.Reset(isolate, value);
  return make_synthetic(std::move(record));
}

// `format`: of a hook, or empty; `source`: text, a value that JSON stands for, or undefined.
ModuleLoader::Record* ModuleLoader::make(const Resolution& found, const Request& request,
                                         const std::string& format, v8::Local<v8::Value> source) {
  v8::Isolate* isolate = host_.isolate();
  v8::Local<v8::Context> context = host_.context();
  auto record = std::make_unique<Record>();
  record->key = found.path + found.suffix + (request.type.empty() ? "" : "\n" + request.type);
  record->path = found.path;
  const bool is_file = found.path.starts_with('/');
  record->url = is_file ? PackageResolver::url_of(found.path) + found.suffix : found.path;
  const bool given = !source.IsEmpty() && !source->IsNullOrUndefined();
  if (is_public_builtin(found.path) && !given) {
    if (!check_attributes(request, record->url, "builtin")) return nullptr;
    record->kind = Kind::kBuiltin;
    v8::Local<v8::Object> exports;
    if (!host_.builtin(found.path).ToLocal(&exports)) return nullptr;
    v8::Local<v8::Array> names;
    if (!exports->GetOwnPropertyNames(context).ToLocal(&names)) return nullptr;
    for (uint32_t i = 0; i < names->Length(); ++i) {
      const std::string name = from_v8(isolate, names->Get(context, i).ToLocalChecked());
      if (name != "default" && name != "init") record->export_names.push_back(name);
    }
    return make_synthetic(std::move(record));
  }
  if (found.path.starts_with("data:") && !given && format.empty())
    return make_data(std::move(record), request);
  std::string kind = format;
  if (kind == "module-typescript") kind = "module";
  if (kind == "commonjs-typescript") kind = "commonjs";
  if (kind.empty() && is_file) {
    switch (format_of(found.path)) {
      case Format::kEsModule: kind = "module"; break;
      case Format::kCommonJs: kind = "commonjs"; break;
      case Format::kJson: kind = "json"; break;
      case Format::kWasm: kind = "wasm"; break;
      case Format::kUnsupported: break;
    }
  }
  if (!check_attributes(request, record->url, kind)) return nullptr;
  if (kind == "module") {
    v8::Local<v8::String> text;
    if (given) {
      std::string prepared = from_v8(isolate, source);
      if (!prepare(prepared, format == "module-typescript" ? found.path : "") ||
          !source_string(isolate, prepared).ToLocal(&text))
        return nullptr;
    } else if (!read_source(found.path).ToLocal(&text)) {
      return nullptr;
    }
    return make_source(std::move(record), text);
  }
  if (kind == "json") {
    record->kind = Kind::kJson;
    if (given) {
      v8::Local<v8::Value> value;
      if (!v8::JSON::Parse(context, source.As<v8::String>()).ToLocal(&value)) return nullptr;
      record->source.Reset(isolate, value);
    } else if (!found.suffix.empty()) {
      v8::Local<v8::Value> value;
      if (!read_json(found.path).ToLocal(&value)) return nullptr;
      record->source.Reset(isolate, value);
    }
    return make_synthetic(std::move(record));
  }
  if (kind == "commonjs") {
    record->kind = Kind::kCommonJs;
    if (given) record->source.Reset(isolate, source);
    if (!find_export_names(*record)) return nullptr;
    return make_synthetic(std::move(record));
  }
  if (kind == "wasm") {
    v8::Local<v8::Object> exports;
    v8::Local<v8::Value> make_text, text;
    v8::Local<v8::Value> arguments[] = {to_v8(isolate, record->url), to_v8(isolate, found.path),
                                        source.IsEmpty() ? v8::Undefined(isolate).As<v8::Value>() : source};
    if (!host_.builtin("internal/node/wasm_modules").ToLocal(&exports) ||
        !exports->Get(context, name_of(isolate, "textOf")).ToLocal(&make_text) ||
        !make_text.As<v8::Function>()->Call(context, exports, 3, arguments).ToLocal(&text) ||
        !text->IsString())
      return nullptr;
    record->wasm = true;
    return make_source(std::move(record), text.As<v8::String>());
  }
  if (!format.empty() || !is_file) {
    throw_node_error(
        isolate, v8::Exception::RangeError,
        "Unknown module format: " + (format.empty() ? "undefined" : format) + " for URL " + record->url,
        "ERR_UNKNOWN_MODULE_FORMAT");
  } else {
    throw_node_error(isolate, v8::Exception::TypeError,
                     "Unknown file extension \"" + extension_of(found.path) + "\" for " + found.path,
                     "ERR_UNKNOWN_FILE_EXTENSION");
  }
  return nullptr;
}

ModuleLoader::Record* ModuleLoader::obtain(const Request& request,
                                           const std::function<std::string()>& arrow) {
  v8::Isolate* isolate = host_.isolate();
  v8::Local<v8::Context> context = host_.context();
  const std::string suffix = " imported from " + request.parent;
  if (resolve_hook_.IsEmpty()) {
    const Resolution found = resolver_.resolve(request.specifier, request.parent);
    if (!found) {
      throw_resolution(found, suffix, arrow ? arrow() : std::string());
      return nullptr;
    }
    if (const auto known =
            records_.find(found.path + found.suffix + (request.type.empty() ? "" : "\n" + request.type));
        known != records_.end())
      return check_attributes(request, known->second->url,
                              known->second->kind == Kind::kJson ? "json" : "module")
                 ? known->second.get()
                 : nullptr;
    return make(found, request, {}, {});
  }
  // resolve(specifier, parentURL, attributes) -> [url, format or undefined, attributes]
  v8::Local<v8::Object> attributes = v8::Object::New(isolate, v8::Null(isolate), nullptr, nullptr, 0);
  for (const auto& [key, value] : request.attributes)
    attributes->CreateDataProperty(context, name_of(isolate, key), to_v8(isolate, value)).Check();
  v8::Local<v8::Value> arguments[] = {
      to_v8(isolate, request.specifier),
      to_v8(isolate,
            request.parent.starts_with('/') ? PackageResolver::url_of(request.parent) : request.parent),
      attributes};
  v8::Local<v8::Value> resolved;
  if (!resolve_hook_.Get(isolate)->Call(context, v8::Undefined(isolate), 3, arguments).ToLocal(&resolved) ||
      !resolved->IsArray())
    return nullptr;
  v8::Local<v8::Array> parts = resolved.As<v8::Array>();
  const std::string url = from_v8(isolate, parts->Get(context, 0).ToLocalChecked());
  v8::Local<v8::Value> format = parts->Get(context, 1).ToLocalChecked();
  v8::Local<v8::Value> chosen = parts->Get(context, 2).ToLocalChecked();
  Request actual{request.specifier, request.parent, {}, {}};
  if (chosen->IsObject()) {
    v8::Local<v8::Array> names;
    if (!chosen.As<v8::Object>()->GetOwnPropertyNames(context).ToLocal(&names)) return nullptr;
    for (uint32_t i = 0; i < names->Length(); ++i) {
      v8::Local<v8::Value> name = names->Get(context, i).ToLocalChecked(), value;
      if (!chosen.As<v8::Object>()->Get(context, name).ToLocal(&value)) return nullptr;
      actual.attributes.emplace_back(from_v8(isolate, name), from_v8(isolate, value));
      if (actual.attributes.back().first == "type") actual.type = actual.attributes.back().second;
    }
  }
  Resolution found;
  const size_t mark = url.find_first_of("?#");
  if (url.starts_with("file:") && PackageResolver::path_of(url.substr(0, mark), found.path)) {
    if (mark != std::string::npos) found.suffix = url.substr(mark);
  } else {
    found.path = url;
  }
  if (const auto known =
          records_.find(found.path + found.suffix + (actual.type.empty() ? "" : "\n" + actual.type));
      known != records_.end())
    return known->second.get();
  // load(url, format, attributes) -> [format or undefined, source or undefined]
  v8::Local<v8::Value> load_arguments[] = {to_v8(isolate, url), format, chosen};
  v8::Local<v8::Value> loaded;
  if (!load_hook_.Get(isolate)->Call(context, v8::Undefined(isolate), 3, load_arguments).ToLocal(&loaded) ||
      !loaded->IsArray())
    return nullptr;
  v8::Local<v8::Value> actual_format = loaded.As<v8::Array>()->Get(context, 0).ToLocalChecked();
  v8::Local<v8::Value> source = loaded.As<v8::Array>()->Get(context, 1).ToLocalChecked();
  std::string name = actual_format->IsString() ? from_v8(isolate, actual_format) : std::string();
  if (name == "builtin") {
    name.clear();
    source = v8::Undefined(isolate);
  }
  return make(found, actual, name, source);
}

// V8 wants what fails thrown anew here: an exception on its way to a handler further out is none for it.
v8::MaybeLocal<v8::Value> ModuleLoader::evaluate_synthetic(v8::Local<v8::Context> context,
                                                           v8::Local<v8::Module> module) {
  v8::TryCatch caught(context->GetIsolate());
  v8::Local<v8::Value> result;
  if (fill_synthetic(context, module).ToLocal(&result)) return result;
  caught.ReThrow();
  return {};
}

v8::MaybeLocal<v8::Value> ModuleLoader::fill_synthetic(v8::Local<v8::Context> context,
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
      if (!record->source.IsEmpty()) {
        exports = record->source.Get(isolate);
        break;
      }
      [[fallthrough]];
    default: {
      v8::Local<v8::Value> arguments[] = {to_v8(isolate, record->path), v8::Boolean::New(isolate, false),
                                          v8::Undefined(isolate)};
      if (!record->source.IsEmpty()) arguments[2] = record->source.Get(isolate);
      if (!host.internals()
               .load_common_js.Get(isolate)
               ->Call(context, v8::Undefined(isolate), 3, arguments)
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
    if (name == "module.exports" && record->kind == Kind::kCommonJs) {
      value = exports;
    } else if (exports->IsObject()) {
      // A getter that throws leaves the name undefined.
      v8::TryCatch caught(isolate);
      if (!exports.As<v8::Object>()->Get(context, name_of(isolate, name)).ToLocal(&value)) {
        if (caught.HasTerminated()) {
          caught.ReThrow();
          return {};
        }
        value = v8::Undefined(isolate);
      }
    }
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
    for (int i = 0; i < requests->Length(); ++i) {
      v8::Local<v8::ModuleRequest> request = requests->Get(context, i).As<v8::ModuleRequest>();
      Request wanted{from_v8(isolate, request->GetSpecifier()), record.path, {}, {}};
      v8::Local<v8::FixedArray> attributes = request->GetImportAssertions();
      for (int j = 0; j + 1 < attributes->Length(); j += 3) {  // key, value, place
        wanted.attributes.emplace_back(from_v8(isolate, attributes->Get(context, j).As<v8::Value>()),
                                       from_v8(isolate, attributes->Get(context, j + 1).As<v8::Value>()));
        if (wanted.attributes.back().first == "type") wanted.type = wanted.attributes.back().second;
      }
      const std::string name = wanted.specifier + "\n" + wanted.type;
      if (record.requests.contains(name)) continue;
      v8::Location location = module->SourceOffsetToLocation(request->GetSourceOffset());
      Record* found = obtain(wanted, [&] {
        std::string text;
        if (!PackageResolver::read_file(record.path, text)) return std::string();
        return arrow_at(record.url, text, location.GetLineNumber(), location.GetColumnNumber(),
                        static_cast<int>(wanted.specifier.size()) + 2);
      });
      if (!found) {
        record.requests_loaded = false;
        return false;
      }
      record.requests[name] = found;
      if (!found->requests_loaded) waiting.push_back(found);
    }
  }
  return true;
}

v8::MaybeLocal<v8::Module> ModuleLoader::resolve_request(v8::Local<v8::Context> context,
                                                         v8::Local<v8::String> specifier,
                                                         v8::Local<v8::FixedArray> attributes,
                                                         v8::Local<v8::Module> referrer) {
  v8::Isolate* isolate = context->GetIsolate();
  ModuleLoader& loader = IsolateHost::from(isolate).loader();
  Record* record = loader.record_of(referrer);
  SLUICE_ASSERT(record != nullptr);
  std::string name = from_v8(isolate, specifier) + "\n";
  for (int j = 0; j + 1 < attributes->Length(); j += 3)
    if (from_v8(isolate, attributes->Get(context, j).As<v8::Value>()) == "type")
      name += from_v8(isolate, attributes->Get(context, j + 1).As<v8::Value>());
  const auto found = record->requests.find(name);
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
      explain_missing_export(record, caught);
      if (!caught.HasTerminated()) remember_arrow(isolate, context, caught.Exception(), caught.Message());
      caught.ReThrow();
      return {};
    }
  }
  v8::Local<v8::Value> result;
  if (!module->Evaluate(context).ToLocal(&result)) return {};
  return result.As<v8::Promise>();
}

// "does not provide an export named": of a CommonJS module there is more to say.
void ModuleLoader::explain_missing_export(Record& first, v8::TryCatch& caught) {
  v8::Isolate* isolate = host_.isolate();
  v8::Local<v8::Context> context = host_.context();
  if (caught.HasTerminated() || !caught.Exception()->IsNativeError()) return;
  v8::Local<v8::Object> error = caught.Exception().As<v8::Object>();
  v8::Local<v8::Value> value;
  if (!error->Get(context, name_of(isolate, "message")).ToLocal(&value)) return;
  const std::string message = from_v8(isolate, value);
  const std::string_view begin = "The requested module '", middle = "' does not provide an export named '";
  const size_t at = message.find(middle);
  if (!message.starts_with(begin) || at == std::string::npos || !message.ends_with('\'')) return;
  const std::string specifier = message.substr(begin.size(), at - begin.size());
  const std::string name = message.substr(at + middle.size(), message.size() - at - middle.size() - 1);
  // Whose import it is, the message's place tells.
  const std::string script = from_v8(isolate, caught.Message()->GetScriptResourceName());
  Record* wanted = nullptr;
  std::unordered_set<Record*> seen;
  std::vector<Record*> waiting = {&first};
  while (!waiting.empty() && !wanted) {
    Record* record = waiting.back();
    waiting.pop_back();
    if (!seen.insert(record).second) continue;
    for (const auto& [request, target] : record->requests) {
      if (record->url == script && request == specifier + "\n") wanted = target;
      waiting.push_back(target);
    }
  }
  if (!wanted || wanted->kind != Kind::kCommonJs) return;
  std::string line;
  if (v8::Local<v8::String> source; caught.Message()->GetSourceLine(context).ToLocal(&source))
    line = from_v8(isolate, source);
  std::string text = "Named export '" + name + "' not found. The requested module '" + specifier +
                     "' is a CommonJS module, which may not support all module.exports as named exports.\n"
                     "CommonJS modules can always be imported via the default export, for example using:\n\n"
                     "import pkg from '" +
                     specifier + "';\n";
  const size_t open = line.find('{'), close = line.find('}', open);
  if (open != std::string::npos && close != std::string::npos) {
    std::string names = line.substr(open, close - open + 1);
    for (size_t as = names.find(" as "); as != std::string::npos; as = names.find(" as "))
      names.replace(as, 4, ": ");
    text += "const " + names + " = pkg;\n";
  }
  v8::Local<v8::Value> stack;
  if (error->Get(context, name_of(isolate, "stack")).ToLocal(&stack) && stack->IsString()) {
    std::string whole = from_v8(isolate, stack);
    if (const size_t old = whole.find(message); old != std::string::npos) {
      whole.replace(old, message.size(), text);
      error->Set(context, name_of(isolate, "stack"), to_v8(isolate, whole)).FromMaybe(false);
    }
  }
  error->Set(context, name_of(isolate, "message"), to_v8(isolate, text)).FromMaybe(false);
}

// Whether a module of the graph is being evaluated right now.
bool ModuleLoader::evaluates(Record& record, std::unordered_set<Record*>& seen) {
  if (!seen.insert(&record).second) return false;
  if (record.module.Get(host_.isolate())->GetStatus() == v8::Module::kEvaluating) return true;
  for (const auto& [name, target] : record.requests)
    if (evaluates(*target, seen)) return true;
  return false;
}

v8::MaybeLocal<v8::Value> ModuleLoader::exports_for_require(Record& record) {
  v8::Isolate* isolate = host_.isolate();
  v8::Local<v8::Context> context = host_.context();
  v8::Local<v8::Module> module = record.module.Get(isolate);
  v8::Local<v8::Object> space = module->GetModuleNamespace().As<v8::Object>();
  v8::Local<v8::Value> value;
  if (space->HasOwnProperty(context, name_of(isolate, "module.exports")).FromMaybe(false)) {
    if (!space->Get(context, name_of(isolate, "module.exports")).ToLocal(&value)) return {};
    return value;
  }
  if (!space->HasOwnProperty(context, name_of(isolate, "default")).FromMaybe(false) ||
      space->HasOwnProperty(context, name_of(isolate, "__esModule")).FromMaybe(false))
    return space;
  // What transpiled code expects: the same names, live, and __esModule.
  if (record.facade.IsEmpty()) {
    v8::ScriptOrigin origin(isolate, to_v8(isolate, "sluice:facade"), 0, 0, false, -1, v8::Local<v8::Value>(),
                            false, false, true);
    v8::ScriptCompiler::Source unit(
        to_v8(isolate, "export * from 'x'; export { default } from 'x'; export const __esModule = true;"),
        origin);
    v8::Local<v8::Module> facade;
    if (!v8::ScriptCompiler::CompileModule(isolate, &unit).ToLocal(&facade)) return {};
    auto made = std::make_unique<Record>();
    made->key = record.key + "\n(required)";
    made->path = record.path;
    made->url = "sluice:facade";
    made->requests["x\n"] = &record;
    made->requests_loaded = true;
    made->module.Reset(isolate, facade);
    by_hash_.emplace(facade->GetIdentityHash(), made.get());
    records_[made->key] = std::move(made);
    if (!facade->InstantiateModule(context, resolve_request).FromMaybe(false) ||
        !facade->Evaluate(context).ToLocal(&value))
      return {};
    record.facade.Reset(isolate, facade);
  }
  return record.facade.Get(isolate)->GetModuleNamespace();
}

v8::MaybeLocal<v8::Value> ModuleLoader::require_es_module(const std::string& path, const std::string& parent,
                                                          v8::Local<v8::Value> source,
                                                          const std::string& suffix) {
  v8::Isolate* isolate = host_.isolate();
  v8::Local<v8::Context> context = host_.context();
  Record* record = nullptr;
  if (const auto known = records_.find(path + suffix); known != records_.end()) {
    record = known->second.get();
  } else {
    Resolution found;
    found.path = path;
    found.suffix = suffix;
    if ((record = make(found, {path, parent, {}, {}}, source->IsString() ? "module" : "", source)) == nullptr)
      return {};
  }
  const std::string whose = parent.empty() ? std::string() : "\n  From " + parent + " ";
  const auto cycle = [&] {
    throw_node_error(
        isolate, v8::Exception::Error,
        "Cannot require() ES Module " + path + " in a cycle." +
            (parent.empty() ? "" : " (from " + parent + ")") +
            " A cycle involving require(esm) is disallowed to maintain invariants mandated by the ECMAScript "
            "specification. Try making at least part of the dependency in the graph lazily loaded.",
        "ERR_REQUIRE_CYCLE_MODULE");
    return v8::MaybeLocal<v8::Value>();
  };
  v8::Local<v8::Module> module = record->module.Get(isolate);
  if (module->GetStatus() == v8::Module::kEvaluating || module->GetStatus() == v8::Module::kInstantiating)
    return cycle();
  if (module->GetStatus() == v8::Module::kErrored) {
    isolate->ThrowException(module->GetException());
    return {};
  }
  if (!load_requests(*record)) return {};
  if (std::unordered_set<Record*> seen;
      module->GetStatus() < v8::Module::kEvaluated && evaluates(*record, seen))
    return cycle();
  if (module->GetStatus() == v8::Module::kUninstantiated) {
    v8::TryCatch caught(isolate);
    if (!module->InstantiateModule(context, resolve_request).FromMaybe(false)) {
      explain_missing_export(*record, caught);
      if (!caught.HasTerminated()) remember_arrow(isolate, context, caught.Exception(), caught.Message());
      caught.ReThrow();
      return {};
    }
  }
  // Known before any of it runs.
  if (module->IsGraphAsync()) {
    throw_node_error(isolate, v8::Exception::Error,
                     "require() cannot be used on an ESM graph with top-level await. Use import() instead. "
                     "To see where the "
                     "top-level await comes from, use --experimental-print-required-tla." +
                         whose + "\n  Requiring " + path + " ",
                     "ERR_REQUIRE_ASYNC_MODULE");
    return {};
  }
  v8::Local<v8::Promise> promise;
  if (!evaluate(*record).ToLocal(&promise)) return {};
  if (promise->State() == v8::Promise::kRejected) {
    promise->MarkAsHandled();
    isolate->ThrowException(promise->Result());
    return {};
  }
  return exports_for_require(*record);
}

void ModuleLoader::sync_builtins() {
  v8::Isolate* isolate = host_.isolate();
  v8::Local<v8::Context> context = host_.context();
  for (const auto& [key, record] : records_) {
    if (record->kind != Kind::kBuiltin) continue;
    v8::Local<v8::Module> module = record->module.Get(isolate);
    if (module->GetStatus() != v8::Module::kEvaluated) continue;
    v8::Local<v8::Value> exports;
    if (!builtin_exports(record->path).ToLocal(&exports)) return;
    for (const std::string& name : record->export_names) {
      v8::TryCatch caught(isolate);
      v8::Local<v8::Value> value;
      v8::Local<v8::Object> object = exports.As<v8::Object>();
      // What is no property of its own any more is undefined.
      if (!object->HasOwnProperty(context, name_of(isolate, name)).FromMaybe(false))
        value = v8::Undefined(isolate);
      else if (!object->Get(context, name_of(isolate, name)).ToLocal(&value))
        continue;
      std::ignore = module->SetSyntheticModuleExport(isolate, name_of(isolate, name), value);
    }
  }
}

void ModuleLoader::set_hooks(v8::Local<v8::Value> resolve, v8::Local<v8::Value> load) {
  resolve_hook_.Reset();
  load_hook_.Reset();
  if (!resolve->IsFunction()) return;
  resolve_hook_.Reset(host_.isolate(), resolve.As<v8::Function>());
  load_hook_.Reset(host_.isolate(), load.As<v8::Function>());
}

// ---- dynamic import and import.meta

namespace {

struct PendingImport {
  IsolateHost* host;
  std::string specifier, parent;
  std::vector<std::pair<std::string, std::string>> attributes;
  v8::Global<v8::Promise::Resolver> resolver;
};

}  // namespace

v8::MaybeLocal<v8::Promise> ModuleLoader::import_dynamically(v8::Local<v8::Context> context,
                                                             v8::Local<v8::Data> options,
                                                             v8::Local<v8::Value> resource_name,
                                                             v8::Local<v8::String> specifier,
                                                             v8::Local<v8::FixedArray> attributes) {
  v8::Isolate* isolate = context->GetIsolate();
  IsolateHost& host = IsolateHost::from(isolate);
  v8::Local<v8::FixedArray> own = options.As<v8::FixedArray>();
  if (ModuleLoader& loader = host.loader(); own->Length() == 2 && !loader.import_hook_.IsEmpty())
    return loader.import_by_hook(context, own->Get(context, 1).As<v8::Value>(), specifier, attributes,
                                 resource_name);
  v8::Local<v8::Array> pairs = v8::Array::New(isolate);
  for (int i = 0; i < attributes->Length(); ++i)  // key, value
    pairs->Set(context, static_cast<uint32_t>(i), attributes->Get(context, i).As<v8::Value>()).Check();
  return host.loader().import_from(from_v8(isolate, specifier), from_v8(isolate, resource_name), pairs);
}

v8::MaybeLocal<v8::Promise> ModuleLoader::import_from(const std::string& specifier, const std::string& base,
                                                      v8::Local<v8::Value> pairs) {
  v8::Isolate* isolate = host_.isolate();
  v8::Local<v8::Context> context = host_.context();
  v8::Local<v8::Promise::Resolver> resolver;
  if (!v8::Promise::Resolver::New(context).ToLocal(&resolver)) return {};
  std::string parent = base, path;
  if (PackageResolver::path_of(parent, path)) parent = path;
  if (!parent.starts_with('/') && !parent.starts_with("data:")) parent = working_directory() + "/[eval1]";
  auto* pending = new PendingImport{&host_, specifier, parent, {}, {}};
  if (pairs->IsArray()) {
    v8::Local<v8::Array> list = pairs.As<v8::Array>();
    for (uint32_t i = 0; i + 1 < list->Length(); i += 2)
      pending->attributes.emplace_back(from_v8(isolate, list->Get(context, i).ToLocalChecked()),
                                       from_v8(isolate, list->Get(context, i + 1).ToLocalChecked()));
  }
  pending->resolver.Reset(isolate, resolver);
  // Later, as a promise job: no module is being evaluated then. With hooks outside of those, which hooks may wait for.
  if (!resolve_hook_.IsEmpty()) {
    (void)host_.mailbox()->post([pending](IsolateHost&) { run_import(pending); });
  } else {
    isolate->EnqueueMicrotask(run_import, pending);
  }
  return resolver->GetPromise();
}

void ModuleLoader::run_import(void* data) {
  std::unique_ptr<PendingImport> import(static_cast<PendingImport*>(data));
  IsolateHost& host = *import->host;
  v8::Isolate* isolate = host.isolate();
  v8::HandleScope scope(isolate);
  v8::Local<v8::Context> context = host.context();
  v8::Context::Scope context_scope(context);
  v8::Local<v8::Promise::Resolver> resolver = import->resolver.Get(isolate);
  ModuleLoader& loader = host.loader();
  v8::TryCatch caught(isolate);
  Request request{import->specifier, import->parent, import->attributes, {}};
  for (const auto& [key, value] : request.attributes)
    if (key == "type") request.type = value;
  v8::Local<v8::Promise> done;
  Record* record = loader.obtain(request);
  if (record && loader.load_requests(*record) && loader.evaluate(*record).ToLocal(&done)) {
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
}

v8::MaybeLocal<v8::Promise> ModuleLoader::import_by_hook(v8::Local<v8::Context> context,
                                                         v8::Local<v8::Value> id,
                                                         v8::Local<v8::String> specifier,
                                                         v8::Local<v8::FixedArray> attributes,
                                                         v8::Local<v8::Value> resource_name) {
  v8::Isolate* isolate = context->GetIsolate();
  v8::Local<v8::Array> pairs = v8::Array::New(isolate);
  for (int i = 0; i < attributes->Length(); ++i)  // key, value
    pairs->Set(context, static_cast<uint32_t>(i), attributes->Get(context, i).As<v8::Value>()).Check();
  v8::Local<v8::Value> arguments[] = {id, specifier, pairs, resource_name};
  v8::Local<v8::Value> result;
  if (!import_hook_.Get(isolate)
           ->Call(host_.context(), v8::Undefined(isolate), 4, arguments)
           .ToLocal(&result))
    return {};
  if (result->IsPromise()) return result.As<v8::Promise>();
  v8::Local<v8::Promise::Resolver> resolver;
  if (!v8::Promise::Resolver::New(context).ToLocal(&resolver)) return {};
  resolver->Resolve(context, result).Check();
  return resolver->GetPromise();
}

void ModuleLoader::fill_import_meta(v8::Local<v8::Context> context, v8::Local<v8::Module> module,
                                    v8::Local<v8::Object> meta) {
  v8::Isolate* isolate = context->GetIsolate();
  ModuleLoader& loader = IsolateHost::from(isolate).loader();
  Record* record = loader.record_of(module);
  if (!record) {
    if (loader.import_meta_hook_) loader.import_meta_hook_(context, module, meta);
    return;
  }
  const auto set = [&](const char* name, v8::Local<v8::Value> value) {
    meta->CreateDataProperty(context, name_of(isolate, name), value).Check();
  };
  if (record->wasm) {
    v8::Local<v8::Object> exports;
    v8::Local<v8::Value> function, result;
    v8::Local<v8::Value> arguments[] = {to_v8(isolate, record->url)};
    if (loader.host_.builtin("internal/node/wasm_modules").ToLocal(&exports) &&
        exports->Get(context, name_of(isolate, "instantiatorOf")).ToLocal(&function) &&
        function.As<v8::Function>()->Call(context, exports, 1, arguments).ToLocal(&result))
      set("instantiate", result);
    return;
  }
  if (record->path.starts_with('/')) {
    set("dirname", to_v8(isolate, directory_of(record->path)));
    set("filename", to_v8(isolate, record->path));
  }
  set("main", v8::Boolean::New(isolate, record->main));
  const auto resolve = [](const v8::FunctionCallbackInfo<v8::Value>& info) {
    v8::Isolate* current = info.GetIsolate();
    v8::Local<v8::Object> exports;
    v8::Local<v8::Value> function, result;
    v8::Local<v8::Value> arguments[] = {info[0], info.Data()};
    IsolateHost& host = IsolateHost::from(current);
    if (host.builtin("internal/loader").ToLocal(&exports) &&
        exports->Get(host.context(), name_of(current, "importMetaResolve")).ToLocal(&function) &&
        function.As<v8::Function>()->Call(host.context(), exports, 2, arguments).ToLocal(&result))
      info.GetReturnValue().Set(result);
  };
  if (!record->path.starts_with("data:"))
    set("resolve",
        v8::Function::New(context, resolve, to_v8(isolate, record->path), 1, v8::ConstructorBehavior::kThrow)
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
  // Promise jobs of the program come before what it left for the next tick.
  isolate->PerformMicrotaskCheckpoint();
  v8::Local<v8::Value> space = record.module.Get(isolate)->GetModuleNamespace();
  v8::Local<v8::Function> on_fulfilled, on_rejected;
  // Fails when one of these jobs was process.exit().
  if (!v8::Function::New(context, fulfilled, space).ToLocal(&on_fulfilled) ||
      !v8::Function::New(context, rejected).ToLocal(&on_rejected) ||
      done->Then(context, on_fulfilled, on_rejected).IsEmpty())
    host_.uncaught(caught);
}

ModuleLoader::Record* ModuleLoader::main_record(const std::string& path) {
  if (!resolve_hook_.IsEmpty()) {
    Record* record = obtain({PackageResolver::url_of(path), path, {}, {}});
    if (record) record->main = true;
    return record;
  }
  Resolution found;
  found.path = path;
  Record* record = make(found, {path, path, {}, {}}, {}, {});
  if (record) record->main = true;
  return record;
}

// What a program is, CommonJS decides (Module.runMain may be another's); it gives back what is an ES module.
void ModuleLoader::run_file(const std::string& name) {
  v8::Isolate* isolate = host_.isolate();
  v8::Local<v8::Context> context = host_.context();
  v8::TryCatch caught(isolate);
  v8::Local<v8::Object> exports;
  v8::Local<v8::Value> run, result;
  v8::Local<v8::Value> arguments[] = {to_v8(isolate, name)};
  if (!host_.builtin("internal/loader").ToLocal(&exports) ||
      !exports->Get(context, name_of(isolate, "runMain")).ToLocal(&run) ||
      !run.As<v8::Function>()->Call(context, exports, 1, arguments).ToLocal(&result)) {
    host_.evaluated_ = true;  // a listener may take the error, and the program goes on
    return host_.uncaught(caught);
  }
  // [path of an ES module] or [undefined, exports]
  v8::Local<v8::Value> path;
  if (!result->IsArray() || !result.As<v8::Array>()->Get(context, 0).ToLocal(&path)) {
    after_main(v8::Undefined(isolate));
    return;
  }
  if (path->IsString()) {
    if (Record* record = main_record(from_v8(isolate, path))) {
      run_module(*record, false);
    } else {
      host_.uncaught(caught);
    }
    return;
  }
  v8::Local<v8::Value> value;
  if (result.As<v8::Array>()->Get(context, 1).ToLocal(&value)) after_main(value);
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
    auto made = std::make_unique<Record>();
    made->key = made->path = working_directory() + "/" + name + "1";
    made->url = PackageResolver::url_of(made->key);
    made->main = true;
    Record* record = make_source(std::move(made), text);
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
