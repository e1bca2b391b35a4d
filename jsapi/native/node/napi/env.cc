// SPDX-License-Identifier: Apache-2.0
#include "jsapi/native/node/napi/env.hh"

#include <climits>
#include <tuple>

#include "runtime/v8_text.hh"

namespace sluice::jsapi::napi {

using runtime::IsolateHost;

bool text_fits(size_t length) { return length == NAPI_AUTO_LENGTH || length <= INT_MAX; }

ContextFrame::ContextFrame(napi_env env) {
  v8::Local<v8::Value> now = env->context()->GetContinuationPreservedEmbedderData();
  if (!now->IsUndefined()) frame_.Reset(env->isolate, now);
}

ContextFrame::Scope::Scope(napi_env env, const ContextFrame& frame) : env_(env) {
  if (frame.frame_.IsEmpty()) return;
  before_.Reset(env->isolate, env->context()->GetContinuationPreservedEmbedderData());
  env->context()->SetContinuationPreservedEmbedderData(frame.frame_.Get(env->isolate));
}

ContextFrame::Scope::~Scope() {
  if (!before_.IsEmpty()) env_->context()->SetContinuationPreservedEmbedderData(before_.Get(env_->isolate));
}

Addons::Addons(IsolateHost& to) : host(to) {
  v8::Isolate* isolate = host.isolate();
  wrap_key_.Reset(isolate, v8::Private::New(isolate, runtime::name_of(isolate, "napi.wrap")));
  tag_key_.Reset(isolate, v8::Private::New(isolate, runtime::name_of(isolate, "napi.type_tag")));
  host.on_teardown([this] { end(); });
}

Addons::~Addons() = default;

napi_env Addons::make_env(std::string file_url, int32_t version) {
  envs_.push_back(std::make_unique<napi_env__>(*this, std::move(file_url), version));
  return envs_.back().get();
}

void Addons::end() {
  v8::HandleScope handles(host.isolate());
  v8::Context::Scope context(host.context());
  for (auto at = envs_.rbegin(); at != envs_.rend(); ++at) (*at)->end();
}

v8::MaybeLocal<v8::Value> Addons::buffer(v8::Local<v8::Context> context, v8::Local<v8::ArrayBuffer> memory,
                                         size_t offset, size_t length) {
  v8::Isolate* isolate = host.isolate();
  if (buffer_class_.IsEmpty()) {
    // What Buffer[Symbol.species] gives: constructs from memory, offset and length, without checks.
    v8::Local<v8::Object> exports;
    v8::Local<v8::Value> type, symbol, name, species;
    if (!host.builtin("node:buffer").ToLocal(&exports) ||
        !exports->Get(context, runtime::name_of(isolate, "Buffer")).ToLocal(&type) ||
        !context->Global()->Get(context, runtime::name_of(isolate, "Symbol")).ToLocal(&symbol) ||
        !symbol.As<v8::Object>()->Get(context, runtime::name_of(isolate, "species")).ToLocal(&name) ||
        !type.As<v8::Object>()->Get(context, name).ToLocal(&species))
      return {};
    SLUICE_ASSERT(species->IsFunction());
    buffer_class_.Reset(isolate, species.As<v8::Function>());
  }
  v8::Local<v8::Value> arguments[] = {memory, v8::Number::New(isolate, static_cast<double>(offset)),
                                      v8::Number::New(isolate, static_cast<double>(length))};
  v8::Local<v8::Object> made;
  if (!buffer_class_.Get(isolate)->NewInstance(context, 3, arguments).ToLocal(&made)) return {};
  return made;
}

}  // namespace sluice::jsapi::napi

namespace napi = sluice::jsapi::napi;
using sluice::runtime::IsolateHost;

napi_env__::napi_env__(napi::Addons& owner, std::string url, int32_t module_version)
    : addons(owner),
      host(owner.host),
      isolate(owner.host.isolate()),
      file_url(std::move(url)),
      version(module_version) {}

bool napi_env__::enter(const std::function<void(napi_env)>& call) {
  IsolateHost::Entry entry(host);
  {
    v8::TryCatch caught(isolate);
    succeed();
    ++addons.depth;
    call(this);
    --addons.depth;
    if (std::exchange(addons.ended, false)) {
      // V8 takes a termination for dealt with when nothing of JavaScript is left on the stack. It is told once more, in the scope
      // of `caught`: the next call is ended at its beginning.
      last_exception.Reset();
      isolate->TerminateExecution();
      std::ignore = host.builtin("internal/bootstrap");
    }
    if (!last_exception.IsEmpty()) {
      v8::Local<v8::Value> error = last_exception.Get(isolate);
      last_exception.Reset();
      host.uncaught(error, v8::Exception::CreateMessage(isolate, error));
    } else if (caught.HasCaught()) {
      host.uncaught(caught);
    }
  }
  if (addons.depth == 0) host.settle();
  return host.ending() == sluice::runtime::Ending::kRunning;
}

void napi_env__::run_finalizer(napi_finalize finalizer, void* data, void* hint) {
  if (!finalizer) return;
  if (!may_run_js) {
    v8::HandleScope handles(isolate);
    finalizer(this, data, hint);
    last_exception.Reset();
    return;
  }
  enter([&](napi_env env) { finalizer(env, data, hint); });
}

void napi_env__::finalize_soon(napi::Tracked& item) {
  item.link(finalizing);
  if (drain_posted_ || !may_run_js) return;
  drain_posted_ = host.mailbox()->post([this](IsolateHost&) {
    drain_posted_ = false;
    while (napi::Tracked* next = finalizing.next()) next->finalize();
  });
}

uint64_t napi_env__::add_cleanup(std::function<void()> run, void (*function)(void*), void* argument) {
  cleanup_hooks.push_back({next_hook_, std::move(run), function, argument});
  return next_hook_++;
}

void napi_env__::remove_cleanup(uint64_t number) {
  std::erase_if(cleanup_hooks, [number](const CleanupHook& hook) { return hook.number == number; });
}

void napi_env__::end() {
  may_run_js = false;
  while (!cleanup_hooks.empty()) {
    const CleanupHook hook = std::move(cleanup_hooks.back());
    cleanup_hooks.pop_back();
    v8::HandleScope handles(isolate);
    hook.run();
  }
  for (napi::Tracked* list : {&finalizing, &tracked}) {
    while (napi::Tracked* next = list->next()) {
      next->unlink();
      next->finalize();
    }
  }
  const auto last = std::exchange(instance, {});
  run_finalizer(last.finalizer, last.data, last.hint);
  last_exception.Reset();
}
