// SPDX-License-Identifier: Apache-2.0
// Loading addons. An addon either has a function of a known name, or registers itself from a constructor while it is loaded, once
// in the process; each isolate that loads it gets an environment of its own. Addons made for the C++ interfaces of V8 and Node
// register themselves in another way, which is here so that they can be refused by name.
#include "jsapi/native/node/napi/modules.hh"

#include <dlfcn.h>

#include <mutex>
#include <string>
#include <tuple>
#include <unordered_map>

#include "jsapi/native/node/napi/env.hh"
#include "runtime/v8_text.hh"
#include "runtime/version.hh"

namespace {

// What the constructors of the file that this thread is loading have said.
struct Registered {
  napi_module* module = nullptr;
  int foreign_version = 0;  // NODE_MODULE_VERSION of one that does not use Node-API
};
thread_local Registered registered;

// Constructors run once, so that they are remembered for the other isolates. Never empties: files stay loaded.
struct Loaded {
  std::mutex mutex;  // held while a file is loaded: its constructors may run on this thread only
  std::unordered_map<void*, Registered> by_handle;
};
Loaded& loaded() {
  static Loaded* all = new Loaded;
  return *all;
}

}  // namespace

extern "C" {

void napi_module_register(napi_module* module) { registered.module = module; }

// Of Node's C++ interface. The structure begins with the version.
__attribute__((visibility("default"))) void node_module_register(void* module) {
  registered.foreign_version = *static_cast<const int*>(module);
}

}  // extern "C"

namespace sluice::jsapi::napi {

namespace {

using Info = v8::FunctionCallbackInfo<v8::Value>;
using runtime::from_v8;
using runtime::name_of;

constexpr const char* kFailed = "ERR_DLOPEN_FAILED";

void refuse(v8::Isolate* isolate, const std::string& message) {
  runtime::throw_error(isolate, v8::Exception::Error, message, kFailed);
}

// The version of Node's C++ interface that a file has an entry point for; 0: none.
int foreign_entry(void* handle) {
  for (int version = 46; version < 200; ++version)
    if (::dlsym(handle, ("node_register_module_v" + std::to_string(version)).c_str())) return version;
  return 0;
}

std::string foreign_text(const std::string& path, int version) {
  const std::string ours = std::to_string(runtime::kNodeModuleVersion);
  if (version == runtime::kNodeModuleVersion)
    return "The module '" + path +
           "'\nwas compiled for the C++ interfaces of V8 and Node.js (NODE_MODULE_VERSION " + ours +
           "), which sluice does not have. It loads addons that use Node-API.";
  return "The module '" + path +
         "'\nwas compiled against a different Node.js version using\nNODE_MODULE_VERSION " +
         std::to_string(version) + ". This version of Node.js requires\nNODE_MODULE_VERSION " + ours +
         ". Please try re-compiling or re-installing\nthe module (for instance, using `npm rebuild` or `npm "
         "install`). "
         "sluice loads addons that use Node-API only.";
}

std::string file_url(const std::string& path) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string url = "file://";
  for (const char c : path) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                       std::strchr("/-._~!$&'()*+,;=:@", c) != nullptr;
    if (plain && c != '\0') {
      url += c;
    } else {
      url += '%';
      url += kDigits[static_cast<unsigned char>(c) >> 4];
      url += kDigits[static_cast<unsigned char>(c) & 15];
    }
  }
  return url;
}

// dlopen(module, path[, flags]): loads an addon and gives its exports to `module`.
void open(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::Context> context = isolate->GetCurrentContext();
  if (info.Length() < 2)
    return runtime::throw_error(isolate, v8::Exception::TypeError,
                                "process.dlopen needs at least 2 arguments.", "ERR_MISSING_ARGS");
  int flags = RTLD_LAZY;
  if (info.Length() > 2) {
    if (!info[2]->IsInt32())
      return runtime::throw_error(isolate, v8::Exception::TypeError, "flag argument must be an integer.",
                                  "ERR_INVALID_ARG_TYPE");
    flags = info[2].As<v8::Int32>()->Value();
  }
  v8::Local<v8::Object> module;
  v8::Local<v8::Value> had;
  v8::Local<v8::Object> exports;
  v8::Local<v8::String> path_text;
  if (!info[0]->ToObject(context).ToLocal(&module) ||
      !module->Get(context, name_of(isolate, "exports")).ToLocal(&had) ||
      !had->ToObject(context).ToLocal(&exports) || !info[1]->ToString(context).ToLocal(&path_text))
    return;
  const std::string path = from_v8(isolate, path_text);

  void* handle;
  Registered found;
  {
    Loaded& all = loaded();
    std::lock_guard lock(all.mutex);
    registered = {};
    handle = ::dlopen(path.c_str(), flags);
    if (!handle) {
      const char* words = ::dlerror();
      std::string message = words ? words : "cannot be loaded: " + path;
      // Names of V8's and Node's classes.
      if (registered.foreign_version != 0)
        message = foreign_text(path, registered.foreign_version);
      else if (message.find("undefined symbol: _ZN") != std::string::npos)
        message += " (sluice loads addons that use Node-API, not those that use V8's C++ interface)";
      return refuse(isolate, message);
    }
    if (registered.module || registered.foreign_version) all.by_handle[handle] = registered;
    if (const auto known = all.by_handle.find(handle); known != all.by_handle.end()) found = known->second;
  }
  napi_addon_register_func initialize = found.module ? found.module->nm_register_func : nullptr;
  int32_t version = kVersionIfUnsaid;
  if (!initialize)
    initialize = reinterpret_cast<napi_addon_register_func>(::dlsym(handle, "napi_register_module_v1"));
  if (!initialize) {
    const int foreign = found.foreign_version ? found.foreign_version : foreign_entry(handle);
    if (!found.foreign_version) ::dlclose(handle);
    if (foreign) return refuse(isolate, foreign_text(path, foreign));
    return refuse(isolate, "Module did not self-register: '" + path + "'.");
  }
  if (const auto ask = reinterpret_cast<node_api_addon_get_api_version_func>(
          ::dlsym(handle, "node_api_module_get_api_version_v1")))
    version = ask();
  if (version < kVersionIfUnsaid) version = kVersionIfUnsaid;
  if (version != NAPI_VERSION_EXPERIMENTAL && version > static_cast<int32_t>(runtime::kNodeApiVersion))
    return refuse(isolate, "The module '" + path + "'\nrequires Node-API version " + std::to_string(version) +
                               ", but this version of sluice only supports version " +
                               std::to_string(runtime::kNodeApiVersion) + " add-ons.");

  napi_env env =
      static_cast<Addons*>(info.Data().As<v8::External>()->Value())->make_env(file_url(path), version);
  ++env->addons.depth;
  const napi_value result = initialize(env, to_napi(exports));
  --env->addons.depth;
  env->addons.ended = false;
  if (!env->last_exception.IsEmpty()) {
    v8::Local<v8::Value> error = env->last_exception.Get(isolate);
    env->last_exception.Reset();
    isolate->ThrowException(error);
    return;
  }
  if (result && to_local(result) != exports)
    std::ignore = module->Set(context, name_of(isolate, "exports"), to_local(result));
}

}  // namespace

}  // namespace sluice::jsapi::napi

namespace sluice::jsapi {

void install_addons(v8::Local<v8::Context> context, v8::Local<v8::Object> target,
                    runtime::IsolateHost& host) {
  auto* addons = host.own(std::make_unique<napi::Addons>(host));
  runtime::set_function(context, target, "dlopen", napi::open,
                        v8::External::New(context->GetIsolate(), addons));
}

}  // namespace sluice::jsapi
