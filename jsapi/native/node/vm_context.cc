// SPDX-License-Identifier: Apache-2.0
// Contexts of node:vm. Reads of the global object go to the sandbox first and to the real global object behind it; what is
// written, defined or deleted happens on the sandbox.
#include "jsapi/native/node/bindings.hh"
#include "jsapi/native/node/vm.hh"
#include "runtime/v8_text.hh"

namespace sluice::jsapi::vm {

using runtime::name_of;
using runtime::set_function;
using Info = v8::FunctionCallbackInfo<v8::Value>;

namespace {

constexpr int kWasmSlot = 40;  // of a context's embedder data: whether WebAssembly may be compiled

v8::Local<v8::Private> context_key(v8::Isolate* isolate) {
  return v8::Private::ForApi(isolate, name_of(isolate, "sluice.vm.context"));
}

// The holder is the data of each interceptor: a pointer to the Context, and the sandbox.
template <typename T>
struct Target {
  explicit Target(const v8::PropertyCallbackInfo<T>& info)
      : isolate(info.GetIsolate()), holder(info.Data().template As<v8::Object>()) {
    auto* state = static_cast<Context*>(holder->GetAlignedPointerFromInternalField(0));
    context = state->context.Get(isolate);
    if (context.IsEmpty()) return;
    v8::Local<v8::Value> value = holder->GetInternalField(1);
    if (!value->IsObject()) {  // while the context is being made
      context.Clear();
      return;
    }
    sandbox = value.As<v8::Object>();
    global = context->Global();
  }
  bool ready() const { return !context.IsEmpty(); }
  v8::Isolate* isolate;
  v8::Local<v8::Object> holder, sandbox, global;
  v8::Local<v8::Context> context;
};

void get(v8::Local<v8::Name> name, const v8::PropertyCallbackInfo<v8::Value>& info) {
  Target at(info);
  if (!at.ready()) return;
  v8::MaybeLocal<v8::Value> found = at.sandbox->GetRealNamedProperty(at.context, name);
  if (found.IsEmpty()) found = at.global->GetRealNamedProperty(at.context, name);
  v8::Local<v8::Value> value;
  if (!found.ToLocal(&value)) return;
  // What refers to the sandbox means the global object, seen from inside.
  info.GetReturnValue().Set(value == at.sandbox ? at.global.As<v8::Value>() : value);
}

void query(v8::Local<v8::Name> name, const v8::PropertyCallbackInfo<v8::Integer>& info) {
  Target at(info);
  if (!at.ready()) return;
  v8::PropertyAttribute attributes;
  // Only what is the sandbox's own: its prototypes are not those of the global object. The rest V8 finds by itself.
  if (at.sandbox->HasOwnProperty(at.context, name).FromMaybe(false) &&
      at.sandbox->GetPropertyAttributes(at.context, name).To(&attributes))
    info.GetReturnValue().Set(attributes);
}

bool has_own(const v8::Local<v8::Context>& context, v8::Local<v8::Object> object, const char* name) {
  return object->HasOwnProperty(context, name_of(context->GetIsolate(), name)).FromMaybe(false);
}

void set(v8::Local<v8::Name> name, v8::Local<v8::Value> value,
         const v8::PropertyCallbackInfo<v8::Value>& info) {
  Target at(info);
  if (!at.ready()) return;
  v8::PropertyAttribute of_global = v8::None, of_sandbox = v8::None;
  const bool on_global = at.global->GetRealNamedPropertyAttributes(at.context, name).To(&of_global);
  const bool on_sandbox = at.sandbox->GetRealNamedPropertyAttributes(at.context, name).To(&of_sandbox);
  if ((on_global && (of_global & v8::ReadOnly)) || (on_sandbox && (of_sandbox & v8::ReadOnly))) return;
  const bool declared = on_global || on_sandbox;
  // "x = 1" of nothing declared, in strict code: the engine throws. A function declaration is no such assignment.
  const bool bare = at.global != info.This();
  if (!declared && info.ShouldThrowOnError() && bare && !value->IsFunction()) return;
  if (!declared && name->IsSymbol()) return;
  if (!at.sandbox->Set(at.context, name, value).FromMaybe(false)) return;
  v8::Local<v8::Value> descriptor;
  if (on_sandbox && at.sandbox->GetOwnPropertyDescriptor(at.context, name).ToLocal(&descriptor) &&
      descriptor->IsObject()) {
    v8::Local<v8::Object> object = descriptor.As<v8::Object>();
    // With an accessor it is done: the global object gets no value of its own beside it.
    if (has_own(at.context, object, "get") || has_own(at.context, object, "set"))
      info.GetReturnValue().Set(value);
  }
}

void describe(v8::Local<v8::Name> name, const v8::PropertyCallbackInfo<v8::Value>& info) {
  Target at(info);
  if (!at.ready()) return;
  v8::Local<v8::Value> descriptor;
  if (at.sandbox->HasOwnProperty(at.context, name).FromMaybe(false) &&
      at.sandbox->GetOwnPropertyDescriptor(at.context, name).ToLocal(&descriptor))
    info.GetReturnValue().Set(descriptor);
}

void define(v8::Local<v8::Name> name, const v8::PropertyDescriptor& wanted,
            const v8::PropertyCallbackInfo<v8::Value>& info) {
  Target at(info);
  if (!at.ready()) return;
  v8::PropertyAttribute attributes = v8::None;
  const bool on_global = at.global->GetRealNamedPropertyAttributes(at.context, name).To(&attributes);
  if (on_global && (attributes & v8::ReadOnly) && (attributes & v8::DontDelete)) return;
  const auto apply = [&](v8::PropertyDescriptor& made) {
    if (wanted.has_enumerable()) made.set_enumerable(wanted.enumerable());
    if (wanted.has_configurable()) made.set_configurable(wanted.configurable());
    (void)at.sandbox->DefineProperty(at.context, name, made).FromMaybe(false);
  };
  v8::Local<v8::Value> undefined = v8::Undefined(at.isolate);
  if (wanted.has_get() || wanted.has_set()) {
    v8::PropertyDescriptor made(wanted.has_get() ? wanted.get() : undefined,
                                wanted.has_set() ? wanted.set() : undefined);
    apply(made);
  } else if (wanted.has_writable()) {
    v8::PropertyDescriptor made(wanted.has_value() ? wanted.value() : undefined, wanted.writable());
    apply(made);
  } else if (wanted.has_value()) {
    v8::PropertyDescriptor made(wanted.value());
    apply(made);
  } else {
    v8::PropertyDescriptor made;
    apply(made);
  }
}

void remove(v8::Local<v8::Name> name, const v8::PropertyCallbackInfo<v8::Boolean>& info) {
  Target at(info);
  if (!at.ready()) return;
  if (!at.sandbox->Delete(at.context, name).FromMaybe(true)) info.GetReturnValue().Set(false);
}

void enumerate(const v8::PropertyCallbackInfo<v8::Array>& info) {
  Target at(info);
  if (!at.ready()) return;
  v8::Local<v8::Array> names;
  if (at.sandbox
          ->GetPropertyNames(at.context, v8::KeyCollectionMode::kOwnOnly, v8::ALL_PROPERTIES,
                             v8::IndexFilter::kSkipIndices)
          .ToLocal(&names))
    info.GetReturnValue().Set(names);
}

void enumerate_indices(const v8::PropertyCallbackInfo<v8::Array>& info) {
  Target at(info);
  if (!at.ready()) return;
  v8::Local<v8::Array> all;
  if (!at.sandbox
           ->GetPropertyNames(at.context, v8::KeyCollectionMode::kOwnOnly, v8::ALL_PROPERTIES,
                              v8::IndexFilter::kIncludeIndices)
           .ToLocal(&all))
    return;
  std::vector<v8::Local<v8::Value>> indices;
  for (uint32_t i = 0; i < all->Length(); ++i) {
    v8::Local<v8::Value> key;
    if (all->Get(at.context, i).ToLocal(&key) && key->IsUint32()) indices.push_back(key);
  }
  info.GetReturnValue().Set(v8::Array::New(at.isolate, indices.data(), indices.size()));
}

v8::Local<v8::Name> text_of(v8::Isolate* isolate, uint32_t index) {
  return name_of(isolate, std::to_string(index));
}

void get_at(uint32_t index, const v8::PropertyCallbackInfo<v8::Value>& info) {
  get(text_of(info.GetIsolate(), index), info);
}
void query_at(uint32_t index, const v8::PropertyCallbackInfo<v8::Integer>& info) {
  query(text_of(info.GetIsolate(), index), info);
}
void set_at(uint32_t index, v8::Local<v8::Value> value, const v8::PropertyCallbackInfo<v8::Value>& info) {
  set(text_of(info.GetIsolate(), index), value, info);
}
void describe_at(uint32_t index, const v8::PropertyCallbackInfo<v8::Value>& info) {
  describe(text_of(info.GetIsolate(), index), info);
}
void define_at(uint32_t index, const v8::PropertyDescriptor& wanted,
               const v8::PropertyCallbackInfo<v8::Value>& info) {
  define(text_of(info.GetIsolate(), index), wanted, info);
}
void remove_at(uint32_t index, const v8::PropertyCallbackInfo<v8::Boolean>& info) {
  remove(text_of(info.GetIsolate(), index), info);
}

bool may_compile_wasm(v8::Local<v8::Context> context, v8::Local<v8::String>) {
  if (context->GetNumberOfEmbedderDataFields() <= kWasmSlot) return true;
  v8::Local<v8::Value> allowed = context->GetEmbedderData(kWasmSlot);
  return allowed.IsEmpty() || !allowed->IsFalse();
}

// makeContext(sandbox or undefined, strings, wasm, own microtasks): the sandbox, or a new context's own global object
void make_context(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::Context> current = isolate->GetCurrentContext();
  const bool intercepted = info[0]->IsObject();
  auto state = std::make_unique<Context>();
  v8::Local<v8::ObjectTemplate> holder_template = v8::ObjectTemplate::New(isolate);
  holder_template->SetInternalFieldCount(2);
  v8::Local<v8::Object> holder;
  if (!holder_template->NewInstance(current).ToLocal(&holder)) return;
  holder->SetAlignedPointerInInternalField(0, state.get());
  if (info[3]->IsTrue())
    state->microtasks = v8::MicrotaskQueue::New(isolate, v8::MicrotasksPolicy::kExplicit);

  v8::Local<v8::FunctionTemplate> constructor = v8::FunctionTemplate::New(isolate);
  v8::Local<v8::ObjectTemplate> global = constructor->InstanceTemplate();
  if (intercepted) {
    global->SetHandler(
        v8::NamedPropertyHandlerConfiguration(get, set, query, remove, enumerate, define, describe, holder));
    global->SetHandler(v8::IndexedPropertyHandlerConfiguration(
        get_at, set_at, query_at, remove_at, enumerate_indices, define_at, describe_at, holder));
  }
  v8::Local<v8::Context> made =
      v8::Context::New(isolate, nullptr, global, v8::MaybeLocal<v8::Value>(), {}, state->microtasks.get());
  if (made.IsEmpty()) {
    if (!isolate->IsExecutionTerminating())
      runtime::throw_error(isolate, v8::Exception::Error, "Failed to create a context");
    return;
  }
  made->SetSecurityToken(current->GetSecurityToken());
  made->AllowCodeGenerationFromStrings(info[1]->IsTrue());
  made->SetEmbedderData(kWasmSlot, info[2]);
  v8::Local<v8::Object> sandbox = intercepted ? info[0].As<v8::Object>() : made->Global();
  holder->SetInternalField(1, sandbox);
  // The context keeps the holder (V8 does not know that templates refer to it for as long), the sandbox keeps both.
  made->SetEmbedderData(kWasmSlot + 1, holder);
  holder
      ->SetPrivate(current, v8::Private::ForApi(isolate, name_of(isolate, "sluice.vm.global")),
                   made->Global())
      .Check();
  if (!sandbox->SetPrivate(current, context_key(isolate), holder).FromMaybe(false)) return;
  state->context.Reset(isolate, made);
  state->context.SetWeak();
  state->holder.Reset(isolate, holder);
  Context* raw = state.release();
  raw->holder.SetWeak(
      raw,
      [](const v8::WeakCallbackInfo<Context>& gone) {
        Context* context = gone.GetParameter();
        context->holder.Reset();
        gone.SetSecondPassCallback(
            [](const v8::WeakCallbackInfo<Context>& second) { delete second.GetParameter(); });
      },
      v8::WeakCallbackType::kParameter);
  info.GetReturnValue().Set(sandbox);
}

void is_context(const Info& info) {
  info.GetReturnValue().Set(context_of(info.GetIsolate(), info[0]) != nullptr);
}

// measureMemory(detailed, eager) -> promise
void measure_memory(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::Context> context = isolate->GetCurrentContext();
  v8::Local<v8::Promise::Resolver> resolver;
  if (!v8::Promise::Resolver::New(context).ToLocal(&resolver)) return;
  isolate->MeasureMemory(
      v8::MeasureMemoryDelegate::Default(
          isolate, context, resolver,
          info[0]->IsTrue() ? v8::MeasureMemoryMode::kDetailed : v8::MeasureMemoryMode::kSummary),
      info[1]->IsTrue() ? v8::MeasureMemoryExecution::kEager : v8::MeasureMemoryExecution::kDefault);
  info.GetReturnValue().Set(resolver->GetPromise());
}

}  // namespace

Context* context_of(v8::Isolate* isolate, v8::Local<v8::Value> sandbox) {
  if (!sandbox->IsObject()) return nullptr;
  v8::Local<v8::Value> holder;
  if (!sandbox.As<v8::Object>()
           ->GetPrivate(isolate->GetCurrentContext(), context_key(isolate))
           .ToLocal(&holder) ||
      !holder->IsObject())
    return nullptr;
  auto* state = static_cast<Context*>(holder.As<v8::Object>()->GetAlignedPointerFromInternalField(0));
  return state->context.IsEmpty() ? nullptr : state;
}

void install_contexts(v8::Local<v8::Context> context, v8::Local<v8::Object> target,
                      runtime::IsolateHost& host) {
  host.isolate()->SetAllowWasmCodeGenerationCallback(may_compile_wasm);
  set_function(context, target, "makeContext", make_context);
  set_function(context, target, "isContext", is_context);
  set_function(context, target, "measureMemory", measure_memory);
}

}  // namespace sluice::jsapi::vm
