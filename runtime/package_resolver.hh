// SPDX-License-Identifier: Apache-2.0
// Which file a specifier means: relative and absolute paths, file: URLs, directories, packages in node_modules with
// "exports", "imports" and "main", as Node's documentation gives the algorithm. Shared by import and require.
#pragma once
#include <v8.h>

#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace sluice::runtime {

class IsolateHost;

struct Resolution {
  std::string path;  // absolute and without symbolic links, or the id of a built-in module; empty: not found
  std::string message;  // why not, without who asked
  std::string code;     // Node's code of the error
  explicit operator bool() const { return !path.empty(); }
};

enum class ResolveMode : uint8_t { kImport, kRequire };

class PackageResolver {
 public:
  explicit PackageResolver(IsolateHost& host) : host_(host) {}

  // `parent` is the absolute path of the file that asks.
  Resolution resolve(std::string_view specifier, const std::string& parent, ResolveMode mode);
  // The id of the built-in module that `specifier` names ("fs" and "node:fs" are "node:fs"); empty: none.
  std::string builtin_id(std::string_view specifier);
  // "module", "commonjs" or "" of the nearest package.json.
  const std::string& package_type(const std::string& path);

  static std::string url_of(const std::string& path);                 // file: URL
  static bool path_of(std::string_view url, std::string& path);       // of a file: URL; false: not one
  static bool read_file(const std::string& path, std::string& text);  // false: errno says why

 private:
  struct Package {
    bool exists = false;
    std::string directory, name, main, type;
    v8::Global<v8::Value> exports, imports;
  };
  Package& package_in(const std::string& directory);
  Package* nearest_package(const std::string& path);
  Resolution file_or_directory(const std::string& path, ResolveMode mode);
  bool as_file(const std::string& path, std::string& found);
  bool as_directory(const std::string& path, std::string& found);
  Resolution bare(std::string_view specifier, const std::string& parent, ResolveMode mode);
  Resolution from_exports(Package& package, const std::string& subpath, ResolveMode mode);
  // Key of an "exports" or "imports" object that matches; false: none.
  bool match(v8::Local<v8::Object> table, const std::string& key, v8::Local<v8::Value>& target,
             std::string& star);
  Resolution target(Package& package, v8::Local<v8::Value> target, const std::string& star, bool internal,
                    ResolveMode mode, unsigned depth);
  static Resolution real(const std::string& path);

  IsolateHost& host_;
  std::unordered_set<std::string_view> builtins_;      // ids of the public ones, once asked for
  std::unordered_map<std::string, Package> packages_;  // by directory
};

}  // namespace sluice::runtime
