// SPDX-License-Identifier: Apache-2.0
// Which file a specifier means: relative and absolute paths, file: URLs, directories, packages in node_modules with
// "exports", "imports" and "main", as Node's documentation gives the algorithm. Shared by import and require.
#pragma once
#include <v8.h>

#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace sluice::runtime {

class IsolateHost;

struct Resolution {
  std::string
      path;  // absolute and without symbolic links, id of a built-in module, or data: URL; empty: not found
  std::string suffix;           // "?query#hash" of what was imported: another one is another module
  std::string message;          // why not, without who asked
  std::string code;             // Node's code of the error
  std::string url;              // that was looked for, where Node says so
  std::string package_request;  // CommonJS: what "imports" maps to is to be looked for in turn
  bool nothing = false;         // an explicit null
  explicit operator bool() const { return !path.empty() || !package_request.empty(); }
};

// What the command line says of loading; for the whole process, set before any isolate runs.
struct LoaderOptions {
  std::vector<std::string> conditions;  // --conditions
  bool preserve_symlinks = false;       // --preserve-symlinks
  bool preserve_symlinks_main = false;  // --preserve-symlinks-main
};

enum class ResolveMode : uint8_t { kImport, kRequire };

class PackageResolver {
 public:
  explicit PackageResolver(IsolateHost& host) : host_(host) {}

  // What `import` of `specifier` means; `parent` is the absolute path of the file that asks, or its data: URL.
  Resolution resolve(std::string_view specifier, const std::string& parent);
  // "#name" of the package that `parent` lies in.
  Resolution package_import(const std::string& specifier, const std::string& parent, ResolveMode mode);
  // "." or "./x" of the package in `directory`, which has "exports".
  Resolution package_export(const std::string& directory, const std::string& subpath, ResolveMode mode);
  // The id of the built-in module that `specifier` names ("fs" and "node:fs" are "node:fs"); empty: none.
  std::string builtin_id(std::string_view specifier);
  // "module", "commonjs" or "" of the nearest package.json.
  const std::string& package_type(const std::string& path);

  struct Package {
    bool exists = false;
    std::string directory, name, main, type;
    std::string invalid;  // why the file is no JSON
    v8::Global<v8::Value> exports, imports;
  };
  Package& package_in(const std::string& directory);
  // Of the file or directory at `path`, up to the nearest node_modules; nullptr: none.
  Package* nearest_package(const std::string& path);
  static LoaderOptions& options();

  static std::string url_of(const std::string& path);                 // file: URL
  static bool path_of(std::string_view url, std::string& path);       // of a file: URL; false: not one
  static bool read_file(const std::string& path, std::string& text);  // false: errno says why

 private:
  Resolution file(const std::string& path, const std::string& suffix);
  Resolution invalid_package(const Package& package);
  bool legacy_main(Package& package, std::string& found);
  Resolution bare(std::string_view specifier, const std::string& parent);
  Resolution from_exports(Package& package, const std::string& subpath, ResolveMode mode);
  // Key of an "exports" or "imports" object that matches; false: none.
  bool match(v8::Local<v8::Object> table, const std::string& wanted, v8::Local<v8::Value>& target,
             std::string& star, std::string& key);
  Resolution target(Package& package, v8::Local<v8::Value> target, const std::string& star,
                    const std::string& key, bool internal, ResolveMode mode, unsigned depth);
  static bool condition_holds(const std::string& name, ResolveMode mode);
  static Resolution real(const std::string& path);

  IsolateHost& host_;
  std::unordered_set<std::string_view> builtins_;      // ids of the public ones, once asked for
  std::unordered_map<std::string, Package> packages_;  // by directory
};

}  // namespace sluice::runtime
