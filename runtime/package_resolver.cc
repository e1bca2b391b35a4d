// SPDX-License-Identifier: Apache-2.0
#include "runtime/package_resolver.hh"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

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
  return {::realpath(path.c_str(), buffer) ? buffer : path, {}, {}};
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
  if (!v8::JSON::Parse(context, to_v8(isolate, text)).ToLocal(&value) || !value->IsObject()) return package;
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

bool PackageResolver::as_file(const std::string& path, std::string& found) {
  if (what_is(path) == What::kFile) {
    found = path;
    return true;
  }
  for (const char* extension : {".js", ".json", ".node", ".cjs", ".mjs"}) {
    if (what_is(path + extension) != What::kFile) continue;
    found = path + extension;
    return true;
  }
  return false;
}

bool PackageResolver::as_directory(const std::string& path, std::string& found) {
  if (what_is(path) != What::kDirectory) return false;
  Package& package = package_in(path);
  if (package.exists && !package.main.empty()) {
    const std::string main = joined(path, package.main);
    if (as_file(main, found) || as_file(main + "/index", found)) return true;
  }
  return as_file(path + "/index", found);
}

Resolution PackageResolver::file_or_directory(const std::string& path, ResolveMode mode) {
  if (mode == ResolveMode::kImport) {
    switch (what_is(path)) {
      case What::kFile: return real(path);
      case What::kDirectory:
        return {{},
                "Directory import '" + path + "' is not supported resolving ES modules",
                "ERR_UNSUPPORTED_DIR_IMPORT"};
      case What::kNothing: return {{}, "Cannot find module '" + path + "'", "ERR_MODULE_NOT_FOUND"};
    }
  }
  std::string found;
  if (!path.ends_with('/') && as_file(path, found)) return real(found);
  if (as_directory(path, found)) return real(found);
  return {{}, "Cannot find module '" + path + "'", "MODULE_NOT_FOUND"};
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

Resolution PackageResolver::resolve(std::string_view specifier, const std::string& parent, ResolveMode mode) {
  v8::HandleScope scope(host_.isolate());
  if (const std::string id = builtin_id(specifier); !id.empty()) return {id, {}, {}};
  if (is_public_builtin(specifier))
    return {{}, "No such built-in module: " + std::string(specifier), "ERR_UNKNOWN_BUILTIN_MODULE"};
  std::string path;
  if (specifier.starts_with("file:")) {
    if (!path_of(specifier, path))
      return {{}, "Invalid file URL '" + std::string(specifier) + "'", "ERR_INVALID_FILE_URL_HOST"};
    return file_or_directory(path, mode);
  }
  if (is_relative(specifier) || specifier.starts_with('/')) {
    std::string_view name = specifier;
    if (mode == ResolveMode::kImport) name = name.substr(0, name.find_first_of("?#"));
    path = name.starts_with('/') ? normal(name) : joined(directory_of(parent), name);
    if (mode == ResolveMode::kImport && name.find('%') != std::string_view::npos) {
      std::string decoded;
      if (path_of("file://" + path, decoded)) path = decoded;
    }
    // "./x/" means the directory even where a file x.js lies beside it.
    if (mode == ResolveMode::kRequire && (name.ends_with('/') || name == "." || name == ".." ||
                                          name.ends_with("/..") || name.ends_with("/."))) {
      std::string found;
      if (as_directory(path, found)) return real(found);
    }
    return file_or_directory(path, mode);
  }
  if (specifier.empty()) return {{}, "An empty specifier was given", "ERR_INVALID_MODULE_SPECIFIER"};
  if (specifier.starts_with('#')) {
    Package* package = nearest_package(parent);
    v8::Local<v8::Value> found;
    std::string star;
    if (package && !package->imports.IsEmpty() &&
        match(package->imports.Get(host_.isolate()).As<v8::Object>(), std::string(specifier), found, star)) {
      Resolution resolution = target(*package, found, star, true, mode, 0);
      if (resolution || !resolution.code.empty()) return resolution;
    }
    return {{},
            "Package import specifier \"" + std::string(specifier) + "\" is not defined" +
                (package ? " in package " + package->directory + "/package.json" : std::string()),
            "ERR_PACKAGE_IMPORT_NOT_DEFINED"};
  }
  if (const size_t colon = specifier.find(':');
      colon != std::string_view::npos && mode == ResolveMode::kImport && specifier.find('/') > colon)
    return {{},
            "Only URLs with a scheme in: file and sluice are supported. Received protocol '" +
                std::string(specifier.substr(0, colon + 1)) + "'",
            "ERR_UNSUPPORTED_ESM_URL_SCHEME"};
  return bare(specifier, parent, mode);
}

Resolution PackageResolver::bare(std::string_view specifier, const std::string& parent, ResolveMode mode) {
  size_t slash = specifier.find('/');
  if (specifier.starts_with('@') && slash != std::string_view::npos) slash = specifier.find('/', slash + 1);
  const std::string name(specifier.substr(0, slash));
  const std::string subpath =
      slash == std::string_view::npos ? "." : "." + std::string(specifier.substr(slash));
  // A package may import itself by its name.
  if (Package* own = nearest_package(parent); own && own->name == name && !own->exports.IsEmpty())
    return from_exports(*own, subpath, mode);
  for (std::string directory = directory_of(parent);; directory = directory_of(directory)) {
    if (!directory.ends_with("/node_modules")) {
      const std::string root = joined(directory, "node_modules/" + name);
      if (what_is(root) == What::kDirectory) {
        Package& package = package_in(root);
        if (!package.exports.IsEmpty()) return from_exports(package, subpath, mode);
        std::string found;
        if (subpath == ".") {
          if (as_directory(root, found)) return real(found);
        } else if (mode == ResolveMode::kImport) {
          return file_or_directory(joined(root, subpath), mode);
        } else if (as_file(joined(root, subpath), found) || as_directory(joined(root, subpath), found)) {
          return real(found);
        }
      } else if (subpath == "." && mode == ResolveMode::kRequire) {
        std::string found;
        if (as_file(root, found)) return real(found);
      }
    }
    if (directory == "/") break;
  }
  return {{},
          "Cannot find package '" + name + "'",
          mode == ResolveMode::kImport ? "ERR_MODULE_NOT_FOUND" : "MODULE_NOT_FOUND"};
}

Resolution PackageResolver::from_exports(Package& package, const std::string& subpath, ResolveMode mode) {
  v8::Isolate* isolate = host_.isolate();
  v8::Local<v8::Context> context = host_.context();
  v8::Local<v8::Value> exports = package.exports.Get(isolate);
  bool by_path = false;
  if (exports->IsObject() && !exports->IsArray()) {
    v8::Local<v8::Array> keys = exports.As<v8::Object>()->GetOwnPropertyNames(context).ToLocalChecked();
    if (keys->Length() > 0)
      by_path = from_v8(isolate, keys->Get(context, 0).ToLocalChecked()).starts_with('.');
  }
  v8::Local<v8::Value> found;
  std::string star;
  bool there = false;
  if (!by_path) {
    there = subpath == ".";
    found = exports;
  } else {
    there = match(exports.As<v8::Object>(), subpath, found, star);
  }
  if (there) {
    Resolution resolution = target(package, found, star, false, mode, 0);
    if (resolution || !resolution.code.empty()) return resolution;
  }
  return {{},
          subpath == "." ? "No \"exports\" main defined in " + package.directory + "/package.json"
                         : "Package subpath '" + subpath + "' is not defined by \"exports\" in " +
                               package.directory + "/package.json",
          "ERR_PACKAGE_PATH_NOT_EXPORTED"};
}

bool PackageResolver::match(v8::Local<v8::Object> table, const std::string& key, v8::Local<v8::Value>& found,
                            std::string& star) {
  v8::Isolate* isolate = host_.isolate();
  v8::Local<v8::Context> context = host_.context();
  v8::Local<v8::Array> keys = table->GetOwnPropertyNames(context).ToLocalChecked();
  std::string best;
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
    if (!best.empty() && best.find('*') >= at) continue;  // the longest part in front of the star wins
    best = candidate;
    star = key.substr(at, key.size() - before.size() - after.size());
  }
  if (best.empty()) return false;
  return table->Get(context, to_v8(isolate, best)).ToLocal(&found);
}

Resolution PackageResolver::target(Package& package, v8::Local<v8::Value> value, const std::string& star,
                                   bool internal, ResolveMode mode, unsigned depth) {
  v8::Isolate* isolate = host_.isolate();
  v8::Local<v8::Context> context = host_.context();
  if (depth > kTargetDepth) return {};
  if (value->IsString()) {
    std::string text = from_v8(isolate, value);
    std::string filled;
    for (const char c : text) {
      if (c == '*') {
        filled += star;
      } else {
        filled += c;
      }
    }
    if (!filled.starts_with("./")) {
      if (internal && !filled.starts_with("../") && !filled.starts_with('/'))
        return resolve(filled, package.directory + "/package.json", mode);
      return {{},
              "Invalid \"exports\" target \"" + text + "\" in " + package.directory + "/package.json",
              "ERR_INVALID_PACKAGE_TARGET"};
    }
    const std::string path = joined(package.directory, filled);
    if (!path.starts_with(package.directory + "/"))
      return {{},
              "Invalid \"exports\" target \"" + text + "\" in " + package.directory + "/package.json",
              "ERR_INVALID_PACKAGE_TARGET"};
    if (what_is(path) != What::kFile)
      return {{},
              "Cannot find module '" + path + "'",
              mode == ResolveMode::kImport ? "ERR_MODULE_NOT_FOUND" : "MODULE_NOT_FOUND"};
    return real(path);
  }
  if (value->IsArray()) {
    v8::Local<v8::Array> list = value.As<v8::Array>();
    Resolution last;
    for (uint32_t i = 0; i < list->Length(); ++i) {
      last = target(package, list->Get(context, i).ToLocalChecked(), star, internal, mode, depth + 1);
      if (last) return last;
    }
    return last;
  }
  if (value->IsObject()) {
    v8::Local<v8::Object> conditions = value.As<v8::Object>();
    v8::Local<v8::Array> keys = conditions->GetOwnPropertyNames(context).ToLocalChecked();
    for (uint32_t i = 0; i < keys->Length(); ++i) {
      v8::Local<v8::Value> key = keys->Get(context, i).ToLocalChecked();
      const std::string condition = from_v8(isolate, key);
      if (condition != "default" && condition != "node" && condition != "sluice" &&
          condition != (mode == ResolveMode::kImport ? "import" : "require"))
        continue;
      Resolution resolution =
          target(package, conditions->Get(context, key).ToLocalChecked(), star, internal, mode, depth + 1);
      if (resolution || !resolution.code.empty()) return resolution;
    }
  }
  return {};
}

}  // namespace sluice::runtime
