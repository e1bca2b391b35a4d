// SPDX-License-Identifier: Apache-2.0
// What jsapi brings into each isolate.
#include "jsapi/modules.hh"

#include <memory>

#include "jsapi/native/api.hh"
#include "jsapi/native/node/bindings.hh"
#include "jsapi/native/node/napi/modules.hh"
#include "jsapi/native/url.hh"

namespace sluice::jsapi {

static void install_network(v8::Local<v8::Context> context, v8::Local<v8::Object> target,
                            runtime::IsolateHost& host) {
  host.own(std::make_unique<Api>(host))->install(context, target);
}

std::span<const runtime::NativeModule> native_modules() {
  static const runtime::NativeModule kModules[] = {
      {"network", install_network}, {"url", install_url},       {"buffer", install_buffer},
      {"types", install_types},     {"os", install_os},         {"fs", install_fs},
      {"spawn", install_spawn},     {"vm", install_vm},         {"zlib", install_zlib},
      {"crypto", install_crypto},   {"pipe", install_pipe},     {"ipc", install_ipc},
      {"watch", install_watch},     {"sqlite", install_sqlite}, {"heap", install_heap},
      {"addons", install_addons},   {"serdes", install_serdes},
  };
  return kModules;
}

}  // namespace sluice::jsapi
