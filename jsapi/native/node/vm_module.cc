// SPDX-License-Identifier: Apache-2.0
// Modules of node:vm: source text and synthetic ones, linked by the script.
#include <tuple>
#include <unordered_map>

#include "drivers/assert.hh"
#include "jsapi/native/node/bindings.hh"
#include "jsapi/native/node/vm.hh"
#include "runtime/module_loader.hh"
#include "runtime/v8_text.hh"

namespace sluice::jsapi::vm {

using runtime::name_of;
using runtime::set_function;
using runtime::throw_error;
using Info = v8::FunctionCallbackInfo<v8::Value>;

namespace {

struct Modules;

struct Module {
  Modules* all;
  int hash;
  v8::Global<v8::Module> module;
  v8::Global<v8::Object> holder;  // weak
  v8::Global<v8::Context> context;
};

struct Modules {
  explicit Modules(runtime::IsolateHost& owner) : host(owner) {}
  runtime::IsolateHost& host;
  std::unordered_multimap<int, Module*> by_hash;
  v8::Global<v8::ObjectTemplate> shape;
};

Modules* modules_of(const Info& info) {
  return static_cast<Modules*>(info.Data().As<v8::External>()->Value());
}

Module* module_of(v8::Local<v8::Value> holder) {
  return static_cast<Module*>(holder.As<v8::Object>()->GetAlignedPointerFromInternalField(0));
}

Module* find(Modules& all, v8::Local<v8::Module> module) {
  const auto [begin, end] = all.by_hash.equal_range(module->GetIdentityHash());
  for (auto at = begin; at != end; ++at)
    if (at->second->module == module) return at->second;
  return nullptr;
}

thread_local Modules* the_modules = nullptr;  // of the isolate of this thread: V8's callbacks carry no data

v8::Local<v8::Object> hold(Modules& all, v8::Isolate* isolate, v8::Local<v8::Context> context,
                           v8::Local<v8::Module> compiled, Module*& made) {
  v8::Local<v8::Object> holder =
      all.shape.Get(isolate)->NewInstance(isolate->GetCurrentContext()).ToLocalChecked();
  made = new Module;
  made->all = &all;
  made->hash = compiled->GetIdentityHash();
  made->module.Reset(isolate, compiled);
  made->context.Reset(isolate, context);
  made->holder.Reset(isolate, holder);
  holder->SetAlignedPointerInInternalField(0, made);
  made->holder.SetWeak(
      made,
      [](const v8::WeakCallbackInfo<Module>& gone) {
        gone.GetParameter()->holder.Reset();
        gone.SetSecondPassCallback([](const v8::WeakCallbackInfo<Module>& second) {
          Module* module = second.GetParameter();
          const auto [begin, end] = module->all->by_hash.equal_range(module->hash);
          for (auto at = begin; at != end; ++at) {
            if (at->second != module) continue;
            module->all->by_hash.erase(at);
            break;
          }
          delete module;
        });
      },
      v8::WeakCallbackType::kParameter);
  all.by_hash.emplace(made->hash, made);
  return holder;
}

v8::Local<v8::Context> chosen_context(const Info& info, v8::Local<v8::Value> sandbox) {
  v8::Isolate* isolate = info.GetIsolate();
  Context* chosen = context_of(isolate, sandbox);
  return chosen ? chosen->context.Get(isolate) : runtime::IsolateHost::from(isolate).context();
}

// sourceModule(code, url, line, column, cachedData, sandbox, import id, owner, fillMeta) -> [holder, rejected]
void source_module(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  Modules& all = *modules_of(info);
  v8::Local<v8::Context> current = isolate->GetCurrentContext();
  v8::Local<v8::Context> context = chosen_context(info, info[5]);
  v8::ScriptOrigin origin(isolate, info[1], info[2]->Int32Value(current).FromMaybe(0),
                          info[3]->Int32Value(current).FromMaybe(0), true, -1, v8::Local<v8::Value>(), false,
                          false, true, import_options(isolate, info[6]));
  v8::ScriptCompiler::CachedData* cache = cached_data(info[4]);
  v8::ScriptCompiler::Source source(info[0].As<v8::String>(), origin, cache);
  v8::TryCatch caught(isolate);
  v8::Local<v8::Module> compiled;
  {
    v8::Context::Scope scope(context);
    if (!v8::ScriptCompiler::CompileModule(
             isolate, &source,
             cache ? v8::ScriptCompiler::kConsumeCodeCache : v8::ScriptCompiler::kNoCompileOptions)
             .ToLocal(&compiled)) {
      decorate(isolate, context, caught);
      caught.ReThrow();
      return;
    }
  }
  Module* module = nullptr;
  v8::Local<v8::Object> holder = hold(all, isolate, context, compiled, module);
  holder->SetInternalField(1, info[7]);
  if (info[8]->IsFunction()) holder->SetInternalField(2, info[8]);
  v8::Local<v8::Value> parts[] = {holder,
                                  v8::Boolean::New(isolate, cache && source.GetCachedData()->rejected)};
  info.GetReturnValue().Set(v8::Array::New(isolate, parts, 2));
}

v8::MaybeLocal<v8::Value> evaluate_synthetic(v8::Local<v8::Context> context, v8::Local<v8::Module> compiled) {
  v8::Isolate* isolate = context->GetIsolate();
  Module* module = find(*the_modules, compiled);
  SLUICE_ASSERT(module != nullptr);
  v8::Local<v8::Object> holder = module->holder.Get(isolate);
  v8::Local<v8::Value> result;
  if (!holder->GetInternalField(2)
           .As<v8::Function>()
           ->Call(context, holder->GetInternalField(1), 0, nullptr)
           .ToLocal(&result))
    return {};
  v8::Local<v8::Promise::Resolver> done;
  if (!v8::Promise::Resolver::New(context).ToLocal(&done)) return {};
  done->Resolve(context, v8::Undefined(isolate)).Check();
  return done->GetPromise();
}

// syntheticModule(names, url, sandbox, owner, evaluate) -> holder
void synthetic_module(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::Context> current = isolate->GetCurrentContext();
  v8::Local<v8::Context> context = chosen_context(info, info[2]);
  std::vector<v8::Local<v8::String>> names;
  for (uint32_t i = 0; i < info[0].As<v8::Array>()->Length(); ++i)
    names.push_back(info[0].As<v8::Array>()->Get(current, i).ToLocalChecked().As<v8::String>());
  v8::Local<v8::Module> compiled;
  {
    v8::Context::Scope scope(context);
    compiled =
        v8::Module::CreateSyntheticModule(isolate, info[1].As<v8::String>(), names, evaluate_synthetic);
  }
  Module* module = nullptr;
  v8::Local<v8::Object> holder = hold(*modules_of(info), isolate, context, compiled, module);
  holder->SetInternalField(1, info[3]);
  holder->SetInternalField(2, info[4]);
  info.GetReturnValue().Set(holder);
}

// moduleRequests(holder) -> [specifier, line, column, [key, value, ...], ...]
void module_requests(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::Context> context = isolate->GetCurrentContext();
  v8::Local<v8::Module> module = module_of(info[0])->module.Get(isolate);
  v8::Local<v8::FixedArray> requests = module->GetModuleRequests();
  v8::Local<v8::Array> all = v8::Array::New(isolate);
  uint32_t at = 0;
  for (int i = 0; i < requests->Length(); ++i) {
    v8::Local<v8::ModuleRequest> request = requests->Get(context, i).As<v8::ModuleRequest>();
    v8::Location place = module->SourceOffsetToLocation(request->GetSourceOffset());
    v8::Local<v8::FixedArray> attributes = request->GetImportAssertions();
    v8::Local<v8::Array> pairs = v8::Array::New(isolate);
    uint32_t pair = 0;
    for (int j = 0; j + 2 < attributes->Length(); j += 3) {  // key, value, place
      pairs->Set(context, pair++, attributes->Get(context, j).As<v8::Value>()).Check();
      pairs->Set(context, pair++, attributes->Get(context, j + 1).As<v8::Value>()).Check();
    }
    all->Set(context, at++, request->GetSpecifier()).Check();
    all->Set(context, at++, v8::Integer::New(isolate, place.GetLineNumber())).Check();
    all->Set(context, at++, v8::Integer::New(isolate, place.GetColumnNumber())).Check();
    all->Set(context, at++, pairs).Check();
  }
  info.GetReturnValue().Set(all);
}

// linkModule(holder, [holder, ...]): one for each request, in order
void link_module(const Info& info) {
  // Kept by the holder, so that a graph is kept by any of its modules.
  info[0].As<v8::Object>()->SetInternalField(3, info[1]);
}

v8::MaybeLocal<v8::Module> resolve(v8::Local<v8::Context> context, v8::Local<v8::String> specifier,
                                   v8::Local<v8::FixedArray> attributes, v8::Local<v8::Module> referrer) {
  v8::Isolate* isolate = context->GetIsolate();
  Module* module = find(*the_modules, referrer);
  SLUICE_ASSERT(module != nullptr);
  v8::Local<v8::Value> linked = module->holder.Get(isolate)->GetInternalField(3);
  v8::Local<v8::FixedArray> requests = referrer->GetModuleRequests();
  for (int i = 0; i < requests->Length(); ++i) {
    v8::Local<v8::ModuleRequest> request = requests->Get(context, i).As<v8::ModuleRequest>();
    if (!request->GetSpecifier()->StrictEquals(specifier)) continue;
    // The same specifier may stand there with other attributes: key, value, place against key, value.
    v8::Local<v8::FixedArray> own = request->GetImportAssertions();
    bool same = own->Length() / 3 == attributes->Length() / 3;
    for (int j = 0; same && j + 1 < own->Length() && j + 1 < attributes->Length(); j += 3)
      same =
          own->Get(context, j).As<v8::Value>()->StrictEquals(attributes->Get(context, j).As<v8::Value>()) &&
          own->Get(context, j + 1)
              .As<v8::Value>()
              ->StrictEquals(attributes->Get(context, j + 1).As<v8::Value>());
    if (!same) continue;
    v8::Local<v8::Value> found;
    if (linked->IsArray() && linked.As<v8::Array>()->Get(context, static_cast<uint32_t>(i)).ToLocal(&found) &&
        found->IsObject())
      return module_of(found)->module.Get(isolate);
    break;
  }
  throw_error(isolate, v8::Exception::Error,
              "request for '" + runtime::from_v8(isolate, specifier) + "' is not yet fulfilled",
              "ERR_VM_MODULE_LINK_FAILURE");
  return {};
}

void instantiate(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  Module* module = module_of(info[0]);
  v8::Local<v8::Context> context = module->context.Get(isolate);
  v8::TryCatch caught(isolate);
  if (!module->module.Get(isolate)->InstantiateModule(context, resolve).FromMaybe(false)) {
    decorate(isolate, context, caught);
    caught.ReThrow();
  }
}

// evaluate(holder, timeout, breakOnSigint) -> promise
void evaluate(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  runtime::IsolateHost& host = runtime::IsolateHost::from(isolate);
  Module* module = module_of(info[0]);
  v8::Local<v8::Context> context = module->context.Get(isolate);
  v8::Local<v8::Value> result;
  const auto timeout_ms =
      static_cast<uint64_t>(std::max(info[1]->IntegerValue(context).FromMaybe(0), int64_t{0}));
  bool done;
  v8::Local<v8::Value> ended;
  {
    v8::TryCatch caught(isolate);
    Guard guard(isolate, timeout_ms, info[2]->IsTrue());
    done = module->module.Get(isolate)->Evaluate(context).ToLocal(&result);
    ended = guarded_error(host, guard, timeout_ms);
    if (ended.IsEmpty() && !done) {
      caught.ReThrow();
      return;
    }
  }
  if (!ended.IsEmpty()) {
    isolate->ThrowException(ended);
    return;
  }
  info.GetReturnValue().Set(result);
}

void status(const Info& info) {
  info.GetReturnValue().Set(
      static_cast<int32_t>(module_of(info[0])->module.Get(info.GetIsolate())->GetStatus()));
}

void error(const Info& info) {
  info.GetReturnValue().Set(module_of(info[0])->module.Get(info.GetIsolate())->GetException());
}

void name_space(const Info& info) {
  info.GetReturnValue().Set(module_of(info[0])->module.Get(info.GetIsolate())->GetModuleNamespace());
}

// Also before evaluation.
void is_graph_async(const Info& info) {
  v8::Local<v8::Module> module = module_of(info[0])->module.Get(info.GetIsolate());
  info.GetReturnValue().Set(module->GetStatus() >= v8::Module::kInstantiated && module->IsGraphAsync());
}

void set_export(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  std::ignore = module_of(info[0])->module.Get(isolate)->SetSyntheticModuleExport(
      isolate, info[1].As<v8::String>(), info[2]);
}

void create_cached_data(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  info.GetReturnValue().Set(
      cache_bytes(isolate, v8::ScriptCompiler::CreateCodeCache(
                               module_of(info[0])->module.Get(isolate)->GetUnboundModuleScript())));
}

bool fill_meta(v8::Local<v8::Context> context, v8::Local<v8::Module> compiled, v8::Local<v8::Object> meta) {
  Module* module = find(*the_modules, compiled);
  if (!module) return false;
  v8::Isolate* isolate = context->GetIsolate();
  v8::Local<v8::Object> holder = module->holder.Get(isolate);
  v8::Local<v8::Value> filler = holder->GetInternalField(2);
  if (!filler->IsFunction()) return true;
  v8::Local<v8::Value> arguments[] = {meta, holder->GetInternalField(1)};
  std::ignore = filler.As<v8::Function>()->Call(context, v8::Undefined(isolate), 2, arguments);
  return true;
}

}  // namespace

void install_modules(v8::Local<v8::Context> context, v8::Local<v8::Object> target,
                     runtime::IsolateHost& host) {
  v8::Isolate* isolate = host.isolate();
  Modules* all = host.own(std::make_unique<Modules>(host));
  the_modules = all;
  v8::Local<v8::ObjectTemplate> shape = v8::ObjectTemplate::New(isolate);
  shape->SetInternalFieldCount(4);  // the Module, its owner in JavaScript, its function, what it is linked to
  all->shape.Reset(isolate, shape);
  host.loader().set_import_meta_hook(fill_meta);
  v8::Local<v8::External> data = v8::External::New(isolate, all);
  set_function(context, target, "sourceModule", source_module, data);
  set_function(context, target, "syntheticModule", synthetic_module, data);
  set_function(context, target, "moduleRequests", module_requests);
  set_function(context, target, "linkModule", link_module);
  set_function(context, target, "instantiateModule", instantiate);
  set_function(context, target, "evaluateModule", evaluate);
  set_function(context, target, "moduleStatus", status);
  set_function(context, target, "moduleError", error);
  set_function(context, target, "moduleNamespace", name_space);
  set_function(context, target, "isGraphAsync", is_graph_async);
  set_function(context, target, "setModuleExport", set_export);
  set_function(context, target, "createModuleCachedData", create_cached_data);
}

}  // namespace sluice::jsapi::vm
