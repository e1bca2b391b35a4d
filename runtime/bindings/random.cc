// SPDX-License-Identifier: Apache-2.0
// Random bytes for scripts, from the core's entropy.
#include "runtime/bindings/bindings.hh"
#include "runtime/isolate_host.hh"

namespace sluice::runtime {

static void fill(const v8::FunctionCallbackInfo<v8::Value>& info) {
  v8::Local<v8::ArrayBufferView> view = info[0].As<v8::ArrayBufferView>();
  auto* data = static_cast<std::byte*>(view->Buffer()->Data()) + view->ByteOffset();
  core_services(info.GetIsolate()).entropy.fill({data, view->ByteLength()});
}

void install_random(v8::Local<v8::Context> context, v8::Local<v8::Object> target, IsolateHost&) {
  set_function(context, target, "fill", fill);
}

}  // namespace sluice::runtime
