// SPDX-License-Identifier: Apache-2.0
// The programs of an isolate: ES modules with their graph, and the way to CommonJS files (which built-in JavaScript
// runs). Files are read synchronously: loading is start-up work.
#pragma once
#include <v8.h>

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/isolate_host.hh"
#include "runtime/package_resolver.hh"

namespace sluice::runtime {

class ModuleLoader {
 public:
  explicit ModuleLoader(IsolateHost& host);
  ~ModuleLoader();
  ModuleLoader(const ModuleLoader&) = delete;

  // Evaluates the program; errors are reported as uncaught. Inside an Entry.
  void run(const Program& program);

  PackageResolver& resolver() { return resolver_; }

  // ---- for built-in JavaScript; an empty result means that an exception is pending
  enum class Format : uint8_t { kEsModule, kCommonJs, kJson, kUnsupported };
  Format format_of(const std::string& path);
  // The body of a CommonJS file as a function (exports, require, module, __filename, __dirname). `has_module_syntax` is
  // set instead when the text can only be an ES module (and its package does not say otherwise).
  v8::MaybeLocal<v8::Function> compile_common_js(v8::Local<v8::String> source, const std::string& path,
                                                 bool& has_module_syntax);
  // Evaluates an ES module at once and returns its namespace; fails when it awaits something.
  v8::MaybeLocal<v8::Value> require_es_module(const std::string& path);
  v8::MaybeLocal<v8::Value> read_json(const std::string& path);
  v8::MaybeLocal<v8::String> read_text(const std::string& path);
  v8::MaybeLocal<v8::Value> builtin_exports(const std::string& id);

 private:
  enum class Kind : uint8_t { kSource, kCommonJs, kJson, kBuiltin };
  struct Record {
    std::string key;  // path or "sluice:..."
    std::string url;  // as import.meta.url and stack traces show it
    Kind kind = Kind::kSource;
    v8::Global<v8::Module> module;
    std::vector<std::string> export_names;              // kCommonJs, kBuiltin
    std::unordered_map<std::string, Record*> requests;  // specifier -> module
    bool requests_loaded = false;
  };

  static v8::MaybeLocal<v8::Promise> import_dynamically(v8::Local<v8::Context> context,
                                                        v8::Local<v8::Data> options,
                                                        v8::Local<v8::Value> resource_name,
                                                        v8::Local<v8::String> specifier,
                                                        v8::Local<v8::FixedArray> assertions);
  static void fill_import_meta(v8::Local<v8::Context> context, v8::Local<v8::Module> module,
                               v8::Local<v8::Object> meta);
  static v8::MaybeLocal<v8::Module> resolve_request(v8::Local<v8::Context> context,
                                                    v8::Local<v8::String> specifier,
                                                    v8::Local<v8::FixedArray> assertions,
                                                    v8::Local<v8::Module> referrer);
  static v8::MaybeLocal<v8::Value> evaluate_synthetic(v8::Local<v8::Context> context,
                                                      v8::Local<v8::Module> module);

  // The module of `key` with all that it imports, compiled; nullptr: an exception is pending.
  Record* load(const std::string& key, const std::string& asked_as_json_by = {});
  Record* make(const std::string& key);
  Record* make_source(const std::string& key, const std::string& url, v8::Local<v8::String> text);
  bool load_requests(Record& record);
  Record* record_of(v8::Local<v8::Module> module);
  v8::MaybeLocal<v8::Promise> evaluate(Record& record);
  void run_module(Record& record, bool print);
  // ---- runtime/program_options.cc
  std::string option(std::string_view name) const;  // of Node's command line; empty: not given
  // -r, --import and --check. False: the program does not run, or runs later.
  bool preload(const Program& program);
  void run_program(const Program& program);
  void run_built_in(const std::string& id);
  void check_syntax(const Program& program);

  void run_file(const std::string& name);
  void run_code(const std::string& code, const std::string& name, bool print);
  void after_main(v8::Local<v8::Value> exports);
  void print_value(v8::Local<v8::Value> value);
  void throw_resolution(const Resolution& resolution, const std::string& suffix,
                        const std::string& arrow = {});
  // Whether the pending syntax error says that the text is an ES module.
  static bool is_module_syntax_error(v8::Isolate* isolate, v8::TryCatch& caught);

  IsolateHost& host_;
  const Program* waiting_program_ = nullptr;  // runs behind what --import names
  PackageResolver resolver_;
  std::unordered_map<std::string, std::unique_ptr<Record>> records_;
  std::unordered_multimap<int, Record*> by_hash_;
  std::unordered_map<std::string, v8::Global<v8::Function>>
      compiled_;  // CommonJS, compiled to look at its syntax
};

// Names that a CommonJS file seems to export, found by reading its text (it has not run yet). Best effort: assignments to
// exports.x and module.exports, defineProperty, and object literals.
std::vector<std::string> common_js_export_names(std::string_view source, std::vector<std::string>& reexports);

}  // namespace sluice::runtime
