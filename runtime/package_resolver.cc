// SPDX-License-Identifier: Apache-2.0
#include "runtime/package_resolver.hh"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdlib>

#include "runtime/builtins.hh"
#include "runtime/isolate_host.hh"
#include "runtime/v8_text.hh"

namespace sluice::runtime {

namespace {

enum class What { kNothing, kFile, kDirectory };

What what_is(const std::string& path) {
  struct stat status;
  if (::stat(path.c_str(), &status) != 0) return What::kNothing;
  return S_ISDIR(status.st_mode) ? What::kDirectory : What::kFile;
}

std::string directory_of(const std::string& path) {
  const size_t at = path.rfind('/');
  return at == std::string::npos || at == 0 ? "/" : path.substr(0, at);
}

// Resolves "." and ".." in an absolute path without looking at the disk.
std::string normal(std::string_view path) {
  std::string out;
  size_t at = 0;
  while (at < path.size()) {
    size_t end = path.find('/', at);
    if (end == std::string_view::npos) end = path.size();
    const std::string_view piece = path.substr(at, end - at);
    if (piece == "..") {
      const size_t slash = out.rfind('/');
      out.resize(slash == std::string::npos ? 0 : slash);
    } else if (!piece.empty() && piece != ".") {
      out += '/';
      out += piece;
    }
    at = end + 1;
  }
  return out.empty() ? "/" : out;
}

std::string joined(const std::string& directory, std::string_view rest) {
  return normal(directory + "/" + std::string(rest));
}

bool is_relative(std::string_view specifier) {
  return specifier == "." || specifier == ".." || specifier.starts_with("./") || specifier.starts_with("../");
}

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = static_cast<char>(c | 0x20);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

constexpr unsigned kTargetDepth = 16;

}  // namespace

std::string PackageResolver::url_of(const std::string& path) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string url = "file://";
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7f || c == '%' || c == '?' || c == '#' || c == '"' || c == '<' ||
        c == '>' || c == '`' || c == '{' || c == '}' || c == '\\') {
      url += '%';
      url += kHex[byte >> 4];
      url += kHex[byte & 15];
    } else {
      url += c;
    }
  }
  return url;
}

bool PackageResolver::path_of(std::string_view url, std::string& path) {
  if (!url.starts_with("file://")) return false;
  url.remove_prefix(7);
  if (url.starts_with("localhost/")) url.remove_prefix(9);
  if (!url.starts_with('/')) return false;
  url = url.substr(0, url.find_first_of("?#"));
  path.clear();
  for (size_t i = 0; i < url.size(); ++i) {
    if (url[i] == '%' && i + 2 < url.size() && hex(url[i + 1]) >= 0 && hex(url[i + 2]) >= 0) {
      path += static_cast<char>(hex(url[i + 1]) * 16 + hex(url[i + 2]));
      i += 2;
    } else {
      path += url[i];
    }
  }
  path = normal(path);
  return true;
}

bool PackageResolver::read_file(const std::string& path, std::string& text) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return false;
  struct stat status;
  if (::fstat(descriptor, &status) == 0 && S_ISDIR(status.st_mode)) {
    ::close(descriptor);
    errno = EISDIR;
    return false;
  }
  text.clear();
  if (status.st_size > 0) text.reserve(static_cast<size_t>(status.st_size) + 1);
  char piece[65536];
  ssize_t count;
  while ((count = ::read(descriptor, piece, sizeof(piece))) != 0) {
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) break;
    text.append(piece, static_cast<size_t>(count));
  }
  const int error = errno;
  ::close(descriptor);
  errno = error;
  return count == 0;
}

Resolution PackageResolver::real(const std::string& path) {
  char buffer[PATH_MAX];
  Resolution found;
  found.path = !options().preserve_symlinks && ::realpath(path.c_str(), buffer) ? buffer : path;
  return found;
}

LoaderOptions& PackageResolver::options() {
  static LoaderOptions the_options;
  return the_options;
}

static Resolution failed(std::string message, std::string code, std::string url = {}) {
  Resolution resolution;
  resolution.message = std::move(message);
  resolution.code = std::move(code);
  resolution.url = std::move(url);
  return resolution;
}

PackageResolver::Package& PackageResolver::package_in(const std::string& directory) {
  auto [at, added] = packages_.try_emplace(directory);
  Package& package = at->second;
  if (!added) return package;
  package.directory = directory;
  std::string text;
  if (!read_file(joined(directory, "package.json"), text)) return package;
  v8::Isolate* isolate = host_.isolate();
  v8::HandleScope scope(isolate);
  v8::Local<v8::Context> context = host_.context();
  v8::TryCatch caught(isolate);
  v8::Local<v8::Value> value;
  package.exists = true;
  if (!v8::JSON::Parse(context, to_v8(isolate, text)).ToLocal(&value)) {
    package.invalid = caught.Message().IsEmpty() ? "invalid" : from_v8(isolate, caught.Message()->Get());
    if (package.invalid.starts_with("Uncaught ")) package.invalid.erase(0, 9);
    if (package.invalid.starts_with("SyntaxError: ")) package.invalid.erase(0, 13);
    return package;
  }
  if (!value->IsObject()) return package;
  v8::Local<v8::Object> object = value.As<v8::Object>();
  const auto field = [&](const char* name) {
    v8::Local<v8::Value> found;
    if (!object->Get(context, name_of(isolate, name)).ToLocal(&found))
      return v8::Undefined(isolate).As<v8::Value>();
    return found;
  };
  const auto text_field = [&](const char* name) {
    v8::Local<v8::Value> found = field(name);
    return found->IsString() ? from_v8(isolate, found) : std::string();
  };
  package.name = text_field("name");
  package.main = text_field("main");
  package.type = text_field("type");
  if (package.type != "module" && package.type != "commonjs") package.type.clear();
  if (v8::Local<v8::Value> exports = field("exports"); !exports->IsNullOrUndefined())
    package.exports.Reset(isolate, exports);
  if (v8::Local<v8::Value> imports = field("imports"); imports->IsObject())
    package.imports.Reset(isolate, imports);
  return package;
}

PackageResolver::Package* PackageResolver::nearest_package(const std::string& path) {
  for (std::string directory = directory_of(path);; directory = directory_of(directory)) {
    if (directory.ends_with("/node_modules")) return nullptr;
    Package& package = package_in(directory);
    if (package.exists) return &package;
    if (directory == "/") return nullptr;
  }
}

const std::string& PackageResolver::package_type(const std::string& path) {
  static const std::string kNone;
  Package* package = nearest_package(path);
  return package ? package->type : kNone;
}

// "main" of a package without "exports", as import finds it.
bool PackageResolver::legacy_main(Package& package, std::string& found) {
  std::vector<std::string> tries;
  if (!package.main.empty())
    for (const char* end : {"", ".js", ".json", ".node", "/index.js", "/index.json", "/index.node"})
      tries.push_back(package.main + end);
  for (const char* name : {"index.js", "index.json", "index.node"}) tries.push_back(name);
  for (const std::string& name : tries) {
    found = joined(package.directory, name);
    if (what_is(found) == What::kFile) return true;
  }
  return false;
}

Resolution PackageResolver::file(const std::string& path, const std::string& suffix) {
  switch (what_is(path)) {
    case What::kFile: {
      Resolution found = real(path);
      found.suffix = suffix;
      return found;
    }
    case What::kDirectory:
      return failed("Directory import '" + path + "' is not supported resolving ES modules",
                    "ERR_UNSUPPORTED_DIR_IMPORT", url_of(path) + suffix);
    case What::kNothing: break;
  }
  return failed("Cannot find module '" + path + "'", "ERR_MODULE_NOT_FOUND", url_of(path) + suffix);
}

std::string PackageResolver::builtin_id(std::string_view specifier) {
  if (specifier.starts_with('.') || specifier.starts_with('/')) return {};
  if (builtins_.empty())
    for (const BuiltinModule& module : host_.image().builtins)
      if (is_public_builtin(module.id)) builtins_.emplace(module.id);
  if (is_public_builtin(specifier)) return builtins_.contains(specifier) ? std::string(specifier) : "";
  for (const std::string_view needs_scheme : {"sea", "sqlite", "test", "test/reporters"})
    if (specifier == needs_scheme) return {};
  const std::string id = "node:" + std::string(specifier);
  return builtins_.contains(id) ? id : "";
}

Resolution PackageResolver::package_import(const std::string& specifier, const std::string& parent,
                                           ResolveMode mode) {
  v8::HandleScope scope(host_.isolate());
  if (specifier == "#" || specifier.starts_with("#/") || specifier.ends_with('/'))
    return failed("Invalid module \"" + specifier + "\" is not a valid internal imports specifier name",
                  "ERR_INVALID_MODULE_SPECIFIER");
  Package* package = nearest_package(parent);
  if (package && !package->invalid.empty()) return invalid_package(*package);
  v8::Local<v8::Value> found;
  std::string star, key;
  if (package && !package->imports.IsEmpty() &&
      match(package->imports.Get(host_.isolate()).As<v8::Object>(), specifier, found, star, key)) {
    Resolution resolution = target(*package, found, star, key, true, mode, 0);
    if (resolution || !resolution.code.empty()) return resolution;
  }
  return failed("Package import specifier \"" + specifier + "\" is not defined" +
                    (package ? " in package " + joined(package->directory, "package.json") : std::string()),
                "ERR_PACKAGE_IMPORT_NOT_DEFINED");
}

Resolution PackageResolver::package_export(const std::string& directory, const std::string& subpath,
                                           ResolveMode mode) {
  v8::HandleScope scope(host_.isolate());
  return from_exports(package_in(directory), subpath, mode);
}

Resolution PackageResolver::invalid_package(const Package& package) {
  return failed("Invalid package config " + joined(package.directory, "package.json") + ".",
                "ERR_INVALID_PACKAGE_CONFIG");
}

Resolution PackageResolver::resolve(std::string_view specifier, const std::string& parent) {
  v8::HandleScope scope(host_.isolate());
  if (const std::string id = builtin_id(specifier); !id.empty()) {
    Resolution found;
    found.path = id;
    return found;
  }
  if (is_public_builtin(specifier))
    return failed("No such built-in module: " + std::string(specifier), "ERR_UNKNOWN_BUILTIN_MODULE");
  if (specifier.starts_with("data:")) {
    Resolution found;
    found.path = std::string(specifier);
    return found;
  }
  const auto split = [](std::string_view text, std::string& suffix) {
    const size_t at = text.find_first_of("?#");
    suffix = at == std::string_view::npos ? "" : std::string(text.substr(at));
    return text.substr(0, at);
  };
  const auto encoded_separator = [](std::string_view path) {
    for (const std::string_view bad : {"%2f", "%2F", "%5c", "%5C"})
      if (path.find(bad) != std::string_view::npos) return true;
    return false;
  };
  std::string path, suffix;
  if (specifier.starts_with("file:")) {
    const std::string_view rest = split(specifier, suffix);
    if (encoded_separator(rest))
      return failed("Invalid module \"" + std::string(specifier) +
                        "\" must not include encoded \"/\" or \"\\\" characters",
                    "ERR_INVALID_MODULE_SPECIFIER");
    std::string whole(rest);
    if (!whole.starts_with("file://"))
      whole = "file://" + std::string(rest.substr(5).starts_with('/') ? "" : "/") + whole.substr(5);
    if (!path_of(whole, path))
      return failed("File URL host must be \"localhost\" or empty on linux", "ERR_INVALID_FILE_URL_HOST");
    return file(path, suffix);
  }
  if (is_relative(specifier) || specifier.starts_with('/')) {
    if (parent.starts_with("data:"))
      return failed("Failed to resolve module specifier \"" + std::string(specifier) + "\" from \"" + parent +
                        "\": Invalid relative URL or base scheme is not hierarchical.",
                    "ERR_UNSUPPORTED_RESOLVE_REQUEST");
    const std::string_view name = split(specifier, suffix);
    if (encoded_separator(name))
      return failed("Invalid module \"" + std::string(specifier) +
                        "\" must not include encoded \"/\" or \"\\\" characters",
                    "ERR_INVALID_MODULE_SPECIFIER");
    path = name.starts_with('/') ? normal(name) : joined(directory_of(parent), name);
    if (name.find('%') != std::string_view::npos) {
      std::string decoded, at = directory_of(parent);
      // What the specifier says is encoded, where it starts from is not.
      const std::string url =
          name.starts_with('/') ? std::string(name) : url_of(at).substr(7) + "/" + std::string(name);
      if (path_of("file://" + url, decoded)) path = decoded;
    }
    if (name.ends_with('/') && what_is(path) != What::kDirectory)
      return failed("Cannot find module '" + path + "/'", "ERR_MODULE_NOT_FOUND",
                    url_of(path) + "/" + suffix);
    return file(path, suffix);
  }
  if (specifier.starts_with('#')) return package_import(std::string(specifier), parent, ResolveMode::kImport);
  // "scheme:..." is a URL.
  if (const size_t colon = specifier.find(':'); colon != std::string_view::npos && colon > 0) {
    bool scheme = std::isalpha(static_cast<unsigned char>(specifier[0]));
    for (const char c : specifier.substr(0, colon))
      scheme = scheme && (std::isalnum(static_cast<unsigned char>(c)) || c == '+' || c == '-' || c == '.');
    if (scheme)
      return failed(
          "Only URLs with a scheme in: file, data, node, and sluice are supported by the default ESM loader. "
          "Received protocol '" +
              std::string(specifier.substr(0, colon + 1)) + "'",
          "ERR_UNSUPPORTED_ESM_URL_SCHEME");
  }
  if (parent.starts_with("data:"))
    return failed("Failed to resolve module specifier \"" + std::string(specifier) + "\" from \"" + parent +
                      "\": Invalid relative URL or base scheme is not hierarchical.",
                  "ERR_UNSUPPORTED_RESOLVE_REQUEST");
  return bare(specifier, parent);
}

Resolution PackageResolver::bare(std::string_view specifier, const std::string& parent) {
  size_t slash = specifier.find('/');
  bool valid = !specifier.empty() && !specifier.starts_with('.');
  if (specifier.starts_with('@')) {
    if (slash == std::string_view::npos)
      valid = false;
    else
      slash = specifier.find('/', slash + 1);
  }
  const std::string name(specifier.substr(0, slash));
  if (name.find_first_of("%\\") != std::string::npos) valid = false;
  if (!valid)
    return failed("Invalid module \"" + std::string(specifier) + "\" is not a valid package name",
                  "ERR_INVALID_MODULE_SPECIFIER");
  const std::string subpath =
      slash == std::string_view::npos ? "." : "." + std::string(specifier.substr(slash));
  // A package may import itself by its name.
  Package* own = nearest_package(parent);
  if (own && !own->invalid.empty()) return invalid_package(*own);
  if (own && own->name == name && !own->exports.IsEmpty())
    return from_exports(*own, subpath, ResolveMode::kImport);
  for (std::string directory = directory_of(parent);; directory = directory_of(directory)) {
    if (!directory.ends_with("/node_modules")) {
      const std::string root = joined(directory, "node_modules/" + name);
      if (what_is(root) == What::kDirectory) {
        Package& package = package_in(root);
        if (!package.invalid.empty()) return invalid_package(package);
        if (!package.exports.IsEmpty()) return from_exports(package, subpath, ResolveMode::kImport);
        if (subpath != ".") {
          std::string suffix;
          std::string_view rest = subpath;
          const size_t at = rest.find_first_of("?#");
          if (at != std::string_view::npos) {
            suffix = std::string(rest.substr(at));
            rest = rest.substr(0, at);
          }
          return file(joined(root, rest), suffix);
        }
        std::string found;
        if (legacy_main(package, found)) return real(found);
        return failed("Cannot find package '" + root + "'", "ERR_MODULE_NOT_FOUND", url_of(root));
      }
    }
    if (directory == "/") break;
  }
  return failed("Cannot find package '" + name + "'", "ERR_MODULE_NOT_FOUND");
}

Resolution PackageResolver::from_exports(Package& package, const std::string& subpath, ResolveMode mode) {
  v8::Isolate* isolate = host_.isolate();
  v8::Local<v8::Context> context = host_.context();
  v8::Local<v8::Value> exports = package.exports.Get(isolate);
  const std::string config = joined(package.directory, "package.json");
  bool by_path = false, by_condition = false;
  if (exports->IsObject() && !exports->IsArray()) {
    v8::Local<v8::Array> keys = exports.As<v8::Object>()->GetOwnPropertyNames(context).ToLocalChecked();
    for (uint32_t i = 0; i < keys->Length(); ++i) {
      const std::string key = from_v8(isolate, keys->Get(context, i).ToLocalChecked());
      (key.starts_with('.') ? by_path : by_condition) = true;
    }
    if (by_path && by_condition)
      return failed("Invalid package config " + config +
                        ". \"exports\" cannot contain some keys starting with '.' and some not. The exports "
                        "object must "
                        "either be an object of package subpath keys or an object of main entry condition "
                        "name keys only.",
                    "ERR_INVALID_PACKAGE_CONFIG");
  }
  v8::Local<v8::Value> found;
  std::string star, key = ".";
  bool there = false;
  if (!by_path) {
    there = subpath == ".";
    found = exports;
  } else {
    there = match(exports.As<v8::Object>(), subpath, found, star, key);
  }
  if (there) {
    Resolution resolution = target(package, found, star, key, false, mode, 0);
    if (resolution || !resolution.code.empty()) return resolution;
  }
  return failed(subpath == "."
                    ? "No \"exports\" main defined in " + config
                    : "Package subpath '" + subpath + "' is not defined by \"exports\" in " + config,
                "ERR_PACKAGE_PATH_NOT_EXPORTED");
}

bool PackageResolver::match(v8::Local<v8::Object> table, const std::string& key, v8::Local<v8::Value>& found,
                            std::string& star, std::string& best) {
  v8::Isolate* isolate = host_.isolate();
  v8::Local<v8::Context> context = host_.context();
  v8::Local<v8::Array> keys = table->GetOwnPropertyNames(context).ToLocalChecked();
  best.clear();
  for (uint32_t i = 0; i < keys->Length(); ++i) {
    const std::string candidate = from_v8(isolate, keys->Get(context, i).ToLocalChecked());
    const size_t at = candidate.find('*');
    if (candidate == key && at == std::string::npos) {
      best = candidate;
      star.clear();
      break;
    }
    if (at == std::string::npos) continue;
    const std::string_view before = std::string_view(candidate).substr(0, at),
                           after = std::string_view(candidate).substr(at + 1);
    if (key.size() < candidate.size() || !key.starts_with(before) || !key.ends_with(after)) continue;
    if (candidate.find('*', at + 1) != std::string::npos) continue;
    if (key.size() == candidate.size() - 1) continue;  // a star stands for something
    // The longest part in front of the star wins, then the longest.
    if (!best.empty() && (best.find('*') > at || (best.find('*') == at && best.size() >= candidate.size())))
      continue;
    best = candidate;
    star = key.substr(at, key.size() - before.size() - after.size());
  }
  if (best.empty()) return false;
  return table->Get(context, to_v8(isolate, best)).ToLocal(&found);
}

// "..", "." and node_modules do not stand in targets.
static bool leaves(std::string_view path) {
  size_t at = 0;
  while (at <= path.size()) {
    size_t end = path.find_first_of("/\\", at);
    if (end == std::string_view::npos) end = path.size();
    std::string piece;
    for (size_t i = at; i < end; ++i) {
      if (path[i] == '%' && i + 2 < end && hex(path[i + 1]) >= 0 && hex(path[i + 2]) >= 0) {
        piece += static_cast<char>(hex(path[i + 1]) * 16 + hex(path[i + 2]));
        i += 2;
      } else {
        piece += static_cast<char>(std::tolower(static_cast<unsigned char>(path[i])));
      }
    }
    if (piece == ".." || piece == "." || piece == "node_modules") return true;
    at = end + 1;
  }
  return false;
}

Resolution PackageResolver::target(Package& package, v8::Local<v8::Value> value, const std::string& star,
                                   const std::string& key, bool internal, ResolveMode mode, unsigned depth) {
  v8::Isolate* isolate = host_.isolate();
  v8::Local<v8::Context> context = host_.context();
  if (depth > kTargetDepth) return {};
  const std::string config = joined(package.directory, "package.json");
  const auto invalid = [&](bool relative) {
    v8::Local<v8::String> shown;
    const std::string text =
        v8::JSON::Stringify(context, value).ToLocal(&shown) ? from_v8(isolate, shown) : "undefined";
    const std::string field = internal ? "\"imports\"" : "\"exports\"";
    return failed(
        key == "." ? "Invalid " + field + " main target " + text + " defined in the package config " + config
                   : "Invalid " + field + " target " + text + " defined for '" + key +
                         "' in the package config " + config,
        relative && !internal ? "ERR_INVALID_PACKAGE_TARGET/" : "ERR_INVALID_PACKAGE_TARGET");
  };
  if (value->IsString()) {
    std::string text = from_v8(isolate, value);
    const bool pattern = key.find('*') != std::string::npos;
    std::string filled;
    for (const char c : text) {
      if (c == '*' && pattern) {
        filled += star;
      } else {
        filled += c;
      }
    }
    if (!text.starts_with("./")) {
      if (internal && !text.starts_with("../") && !text.starts_with('/')) {
        if (const std::string id = builtin_id(filled); !id.empty()) {
          Resolution found;
          found.path = id;
          return found;
        }
        if (mode == ResolveMode::kImport || filled.find("://") != std::string::npos)
          return resolve(filled, config);
        Resolution again;
        again.package_request = filled;  // CommonJS goes on from there
        return again;
      }
      return invalid(!text.empty() && !text.starts_with("./"));
    }
    if (leaves(std::string_view(text).substr(2))) return invalid(false);
    if (pattern && leaves(star) && !star.empty())
      return failed("Invalid module \"" + key.substr(0, key.find('*')) + star +
                        key.substr(key.find('*') + 1) + "\" request is not a valid match in pattern \"" +
                        key + "\" for the \"" + (internal ? "imports" : "exports") + "\" resolution of " +
                        config,
                    "ERR_INVALID_MODULE_SPECIFIER");
    std::string path = joined(package.directory, filled);
    for (const std::string_view bad : {"%2f", "%2F", "%5c", "%5C"})
      if (filled.find(bad) != std::string::npos)
        return failed("Invalid module \"" + filled + "\" must not include encoded \"/\" or \"\\\" characters",
                      "ERR_INVALID_MODULE_SPECIFIER");
    if (filled.find('%') != std::string::npos) {
      std::string decoded;
      if (path_of("file://" + path, decoded)) path = decoded;
    }
    if (mode == ResolveMode::kImport) return file(path, {});
    if (what_is(path) != What::kFile) return failed("Cannot find module '" + path + "'", "MODULE_NOT_FOUND");
    return real(path);
  }
  if (value->IsArray()) {
    v8::Local<v8::Array> list = value.As<v8::Array>();
    Resolution last;
    for (uint32_t i = 0; i < list->Length(); ++i) {
      last = target(package, list->Get(context, i).ToLocalChecked(), star, key, internal, mode, depth + 1);
      if (last) return last;
      if (!last.code.empty() && !last.code.starts_with("ERR_INVALID_PACKAGE_TARGET")) return last;
    }
    return last;
  }
  if (value->IsObject()) {
    v8::Local<v8::Object> conditions = value.As<v8::Object>();
    v8::Local<v8::Array> keys = conditions->GetOwnPropertyNames(context).ToLocalChecked();
    for (uint32_t i = 0; i < keys->Length(); ++i) {
      const std::string name = from_v8(isolate, keys->Get(context, i).ToLocalChecked());
      if (!name.empty() && name.find_first_not_of("0123456789") == std::string::npos &&
          (name == "0" || name[0] != '0'))
        return failed(
            "Invalid package config " + config + ". \"exports\" cannot contain numeric property keys.",
            "ERR_INVALID_PACKAGE_CONFIG");
    }
    for (uint32_t i = 0; i < keys->Length(); ++i) {
      v8::Local<v8::Value> name = keys->Get(context, i).ToLocalChecked();
      if (!condition_holds(from_v8(isolate, name), mode)) continue;
      Resolution resolution = target(package, conditions->Get(context, name).ToLocalChecked(), star, key,
                                     internal, mode, depth + 1);
      if (resolution.nothing || resolution || !resolution.code.empty()) return resolution;
    }
    return {};
  }
  if (value->IsNull()) {
    Resolution resolution;
    resolution.nothing = true;
    return resolution;
  }
  return invalid(false);
}

bool PackageResolver::condition_holds(const std::string& name, ResolveMode mode) {
  for (const std::string_view always : {"default", "node", "node-addons", "module-sync", "sluice"})
    if (name == always) return true;
  if (name == (mode == ResolveMode::kImport ? "import" : "require")) return true;
  const auto& own = options().conditions;
  return std::find(own.begin(), own.end(), name) != own.end();
}

}  // namespace sluice::runtime
