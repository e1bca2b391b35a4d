// SPDX-License-Identifier: Apache-2.0
// What only V8 can tell about a value, for showing it to people.
#include <cstdio>

#include "runtime/bindings/bindings.hh"
#include "runtime/isolate_host.hh"

namespace sluice::runtime {

using Info = v8::FunctionCallbackInfo<v8::Value>;

template <bool (v8::Value::*Test)() const>
static void is(const Info& info) {
  info.GetReturnValue().Set(((*info[0])->*Test)());
}

static void is_boxed(const Info& info) {
  v8::Local<v8::Value> value = info[0];
  info.GetReturnValue().Set(value->IsNumberObject() || value->IsStringObject() || value->IsBooleanObject() ||
                            value->IsBigIntObject() || value->IsSymbolObject());
}

// [target, handler], or undefined when it is no proxy.
static void proxy_details(const Info& info) {
  if (!info[0]->IsProxy()) return;
  v8::Local<v8::Proxy> proxy = info[0].As<v8::Proxy>();
  v8::Local<v8::Value> both[] = {proxy->GetTarget(), proxy->GetHandler()};
  info.GetReturnValue().Set(v8::Array::New(info.GetIsolate(), both, 2));
}

// [state, result]
static void promise_details(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::Promise> promise = info[0].As<v8::Promise>();
  v8::Local<v8::Value> both[] = {v8::Integer::New(isolate, promise->State()), v8::Undefined(isolate)};
  if (promise->State() != v8::Promise::kPending) both[1] = promise->Result();
  info.GetReturnValue().Set(v8::Array::New(isolate, both, 2));
}

// [entries, whether they are keys and values in turn] of an iterator over a map or set
static void preview_entries(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  bool pairs = false;
  v8::Local<v8::Array> entries;
  if (!info[0]->IsObject() || !info[0].As<v8::Object>()->PreviewEntries(&pairs).ToLocal(&entries))
    entries = v8::Array::New(isolate);
  v8::Local<v8::Value> both[] = {entries, v8::Boolean::New(isolate, pairs)};
  info.GetReturnValue().Set(v8::Array::New(isolate, both, 2));
}

// constructorName(object): as V8 knows it, whatever its properties say
static void constructor_name(const Info& info) {
  if (info[0]->IsObject()) info.GetReturnValue().Set(info[0].As<v8::Object>()->GetConstructorName());
}

// ownNonIndexProperties(object, only enumerable ones)
static void own_non_index_properties(const Info& info) {
  v8::Local<v8::Array> names;
  if (info[0]
          .As<v8::Object>()
          ->GetPropertyNames(info.GetIsolate()->GetCurrentContext(), v8::KeyCollectionMode::kOwnOnly,
                             info[1]->IsTrue() ? v8::ONLY_ENUMERABLE : v8::ALL_PROPERTIES,
                             v8::IndexFilter::kSkipIndices)
          .ToLocal(&names))
    info.GetReturnValue().Set(names);
}

// externalAddress(value) -> hexadecimal
static void external_address(const Info& info) {
  char text[20];
  snprintf(text, sizeof text, "%lx", reinterpret_cast<unsigned long>(info[0].As<v8::External>()->Value()));
  info.GetReturnValue().Set(v8::String::NewFromUtf8(info.GetIsolate(), text).ToLocalChecked());
}

void install_inspect(v8::Local<v8::Context> context, v8::Local<v8::Object> target, IsolateHost&) {
  set_function(context, target, "isMap", is<&v8::Value::IsMap>);
  set_function(context, target, "isSet", is<&v8::Value::IsSet>);
  set_function(context, target, "isDate", is<&v8::Value::IsDate>);
  set_function(context, target, "isPromise", is<&v8::Value::IsPromise>);
  set_function(context, target, "isArrayBuffer", is<&v8::Value::IsArrayBuffer>);
  set_function(context, target, "isModuleNamespace", is<&v8::Value::IsModuleNamespaceObject>);
  set_function(context, target, "isSharedArrayBuffer", is<&v8::Value::IsSharedArrayBuffer>);
  set_function(context, target, "isWeakMap", is<&v8::Value::IsWeakMap>);
  set_function(context, target, "isWeakSet", is<&v8::Value::IsWeakSet>);
  set_function(context, target, "isArguments", is<&v8::Value::IsArgumentsObject>);
  set_function(context, target, "isAsyncFunction", is<&v8::Value::IsAsyncFunction>);
  set_function(context, target, "isGeneratorFunction", is<&v8::Value::IsGeneratorFunction>);
  set_function(context, target, "isNativeError", is<&v8::Value::IsNativeError>);
  set_function(context, target, "isExternal", is<&v8::Value::IsExternal>);
  set_function(context, target, "isMapIterator", is<&v8::Value::IsMapIterator>);
  set_function(context, target, "isSetIterator", is<&v8::Value::IsSetIterator>);
  set_function(context, target, "isBoxed", is_boxed);
  set_function(context, target, "constructorName", constructor_name);
  set_function(context, target, "ownNonIndexProperties", own_non_index_properties);
  set_function(context, target, "externalAddress", external_address);
  set_function(context, target, "proxyDetails", proxy_details);
  set_function(context, target, "promiseDetails", promise_details);
  set_function(context, target, "previewEntries", preview_entries);
}

}  // namespace sluice::runtime
