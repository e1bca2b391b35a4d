// SPDX-License-Identifier: Apache-2.0
// The programs of an isolate: ES modules with their graph, and the way to CommonJS files (which built-in JavaScript
// runs). Files are read synchronously: loading is start-up work.
#pragma once
#include <v8.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
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

  // For code that node:vm compiled: import() calls `hook` with the number in the code's options, the specifier, the attributes as
  // [key, value, ...] and the name of the code.
  void set_import_hook(v8::Local<v8::Function> hook) { import_hook_.Reset(host_.isolate(), hook); }
  // Fills import.meta of a module that is not this loader's; false: not the hook's either.
  using ImportMetaHook = bool (*)(v8::Local<v8::Context> context, v8::Local<v8::Module> module,
                                  v8::Local<v8::Object> meta);
  void set_import_meta_hook(ImportMetaHook hook) { import_meta_hook_ = hook; }

  // ---- for built-in JavaScript; an empty result means that an exception is pending
  enum class Format : uint8_t { kEsModule, kCommonJs, kJson, kWasm, kUnsupported };
  Format format_of(const std::string& path);
  // The body of a CommonJS file as a function (exports, require, module, __filename, __dirname). `has_module_syntax` is
  // set instead when the text can only be an ES module (and its package does not say otherwise).
  v8::MaybeLocal<v8::Function> compile_common_js(v8::Local<v8::String> source, const std::string& path,
                                                 bool& has_module_syntax);
  // A text that the engine refused, with newer syntax in terms of older; empty, and nothing thrown, when there is no such thing.
  v8::MaybeLocal<v8::String> in_older_syntax(v8::Local<v8::String> source, bool is_module);
  // Evaluates an ES module at once and returns what require() gives for it; fails when it awaits something. `source`, if any,
  // stands for the file's text; `suffix` ("?query") makes it a module of its own.
  v8::MaybeLocal<v8::Value> require_es_module(const std::string& path, const std::string& parent,
                                              v8::Local<v8::Value> source, const std::string& suffix = "");
  v8::MaybeLocal<v8::Value> read_json(const std::string& path);
  // The text of a file, made fit for the engine (TypeScript without its types).
  v8::MaybeLocal<v8::String> read_source(const std::string& path);
  v8::MaybeLocal<v8::String> read_text(const std::string& path);
  bool prepare(std::string& text, const std::string& path);  // false: an exception is pending
  // import(specifier) from `base`, a path or URL; `type`: of the attributes, or undefined.
  v8::MaybeLocal<v8::Promise> import_from(const std::string& specifier, const std::string& base,
                                          v8::Local<v8::Value> pairs);
  // Gives imports of built-in modules the present properties of those.
  void sync_builtins();
  // Functions that stand before resolving and loading (module.registerHooks); undefined: none.
  void set_hooks(v8::Local<v8::Value> resolve, v8::Local<v8::Value> load);
  // Throws what a failed resolution means.
  void throw_resolution(const Resolution& resolution, const std::string& suffix,
                        const std::string& arrow = {});
  v8::MaybeLocal<v8::Value> builtin_exports(const std::string& id);

 private:
  enum class Kind : uint8_t { kSource, kCommonJs, kJson, kBuiltin };
  struct Record {
    std::string key;   // path with "?query", URL, or id of a built-in module; and the type of the attributes
    std::string path;  // of the file; a URL where there is none: what its own imports start from
    std::string url;   // as import.meta.url and stack traces show it
    Kind kind = Kind::kSource;
    bool main = false, wasm = false;
    v8::Global<v8::Module> module, facade;
    v8::Global<v8::Value> source;                       // kCommonJs, kJson: text that stands for the file's
    std::vector<std::string> export_names;              // kCommonJs, kBuiltin
    std::unordered_map<std::string, Record*> requests;  // specifier and type -> module
    bool requests_loaded = false;
  };
  // What an import asks for.
  struct Request {
    std::string specifier, parent;
    std::vector<std::pair<std::string, std::string>> attributes;
    std::string type;  // of the attributes
  };

  static v8::MaybeLocal<v8::Promise> import_dynamically(v8::Local<v8::Context> context,
                                                        v8::Local<v8::Data> options,
                                                        v8::Local<v8::Value> resource_name,
                                                        v8::Local<v8::String> specifier,
                                                        v8::Local<v8::FixedArray> assertions);
  v8::MaybeLocal<v8::Promise> import_by_hook(v8::Local<v8::Context> context, v8::Local<v8::Value> id,
                                             v8::Local<v8::String> specifier,
                                             v8::Local<v8::FixedArray> attributes,
                                             v8::Local<v8::Value> resource_name);
  static void run_import(void* pending);
  static void fill_import_meta(v8::Local<v8::Context> context, v8::Local<v8::Module> module,
                               v8::Local<v8::Object> meta);
  static v8::MaybeLocal<v8::Module> resolve_request(v8::Local<v8::Context> context,
                                                    v8::Local<v8::String> specifier,
                                                    v8::Local<v8::FixedArray> assertions,
                                                    v8::Local<v8::Module> referrer);
  static v8::MaybeLocal<v8::Value> fill_synthetic(v8::Local<v8::Context> context,
                                                  v8::Local<v8::Module> module);
  static v8::MaybeLocal<v8::Value> evaluate_synthetic(v8::Local<v8::Context> context,
                                                      v8::Local<v8::Module> module);

  // The module that is asked for, compiled; its own imports are load_requests()' work. nullptr: an exception is pending.
  // `arrow`: where the import stands.
  Record* obtain(const Request& request, const std::function<std::string()>& arrow = {});
  Record* make(const Resolution& found, const Request& request, const std::string& format,
               v8::Local<v8::Value> source);
  Record* make_source(std::unique_ptr<Record> record, v8::Local<v8::String> text);
  Record* make_synthetic(std::unique_ptr<Record> record);
  Record* make_data(std::unique_ptr<Record> record, const Request& request);
  Record* main_record(const std::string& path);
  bool check_attributes(const Request& request, const std::string& url, const std::string& format);
  bool load_requests(Record& record);
  bool evaluates(Record& record, std::unordered_set<Record*>& seen);
  v8::MaybeLocal<v8::Value> exports_for_require(Record& record);
  void explain_missing_export(Record& record, v8::TryCatch& caught);
  bool find_export_names(Record& record);  // false: an exception is pending
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
  // Whether the pending syntax error says that the text is an ES module.
  static bool is_module_syntax_error(v8::Isolate* isolate, v8::TryCatch& caught);

  IsolateHost& host_;
  v8::Global<v8::Function> import_hook_;
  ImportMetaHook import_meta_hook_ = nullptr;
  v8::Global<v8::Function> resolve_hook_, load_hook_;
  const Program* waiting_program_ = nullptr;  // runs behind what --import names
  PackageResolver resolver_;
  std::unordered_map<std::string, std::unique_ptr<Record>> records_;
  std::unordered_multimap<int, Record*> by_hash_;
  std::unordered_map<std::string, v8::Global<v8::Function>>
      compiled_;  // CommonJS, compiled to look at its syntax
};

}  // namespace sluice::runtime
