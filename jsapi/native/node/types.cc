// SPDX-License-Identifier: Apache-2.0
// util.types and what else only V8 can tell about values.
#include "jsapi/native/node/bindings.hh"
#include "runtime/isolate_host.hh"
#include "runtime/v8_text.hh"

namespace sluice::jsapi {

using Info = v8::FunctionCallbackInfo<v8::Value>;
using runtime::set_function;

namespace {

template <bool (v8::Value::*Test)() const>
void is(const Info& info) {
  info.GetReturnValue().Set(((*info[0])->*Test)());
}

void is_any_array_buffer(const Info& info) {
  info.GetReturnValue().Set(info[0]->IsArrayBuffer() || info[0]->IsSharedArrayBuffer());
}

void is_boxed_primitive(const Info& info) {
  v8::Local<v8::Value> value = info[0];
  info.GetReturnValue().Set(value->IsNumberObject() || value->IsStringObject() || value->IsBooleanObject() ||
                            value->IsBigIntObject() || value->IsSymbolObject());
}

// constructorName(object)
void constructor_name(const Info& info) {
  if (info[0]->IsObject()) info.GetReturnValue().Set(info[0].As<v8::Object>()->GetConstructorName());
}

// ownNonIndexProperties(object, only enumerable ones)
void own_non_index_properties(const Info& info) {
  v8::Local<v8::Context> context = info.GetIsolate()->GetCurrentContext();
  v8::Local<v8::Array> names;
  if (info[0]
          .As<v8::Object>()
          ->GetPropertyNames(context, v8::KeyCollectionMode::kOwnOnly,
                             info[1]->IsTrue() ? v8::ONLY_ENUMERABLE : v8::ALL_PROPERTIES,
                             v8::IndexFilter::kSkipIndices)
          .ToLocal(&names))
    info.GetReturnValue().Set(names);
}

// previewEntries(object) -> [entries, whether they are keys and values in turn], for maps, sets, weak ones and iterators
void preview_entries(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  bool pairs = false;
  v8::Local<v8::Array> entries;
  if (!info[0]->IsObject() || !info[0].As<v8::Object>()->PreviewEntries(&pairs).ToLocal(&entries)) return;
  v8::Local<v8::Value> both[] = {entries, v8::Boolean::New(isolate, pairs)};
  info.GetReturnValue().Set(v8::Array::New(isolate, both, 2));
}

// callSites(count) -> [function name, script name, line, column, script id, ...] of the caller's callers
void call_sites(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::Context> context = isolate->GetCurrentContext();
  const int count = info[0]->Int32Value(context).FromMaybe(0);
  v8::Local<v8::StackTrace> stack = v8::StackTrace::CurrentStackTrace(isolate, count);
  v8::Local<v8::Array> all = v8::Array::New(isolate);
  uint32_t at = 0;
  for (int i = 0; i < stack->GetFrameCount(); ++i) {
    v8::Local<v8::StackFrame> frame = stack->GetFrame(isolate, static_cast<uint32_t>(i));
    const auto text = [isolate](v8::Local<v8::String> value) -> v8::Local<v8::Value> {
      if (value.IsEmpty()) return v8::String::Empty(isolate);
      return value;
    };
    all->Set(context, at++, text(frame->GetFunctionName())).Check();
    all->Set(context, at++, text(frame->GetScriptName())).Check();
    all->Set(context, at++, v8::Integer::New(isolate, frame->GetLineNumber())).Check();
    all->Set(context, at++, v8::Integer::New(isolate, frame->GetColumn())).Check();
    all->Set(context, at++, v8::Integer::New(isolate, frame->GetScriptId())).Check();
  }
  info.GetReturnValue().Set(all);
}

}  // namespace

void install_types(v8::Local<v8::Context> context, v8::Local<v8::Object> target, runtime::IsolateHost&) {
  v8::Local<v8::Object> types = v8::Object::New(context->GetIsolate());
  target->Set(context, runtime::name_of(context->GetIsolate(), "types"), types).Check();
  const auto add = [&](const char* name, v8::FunctionCallback test) {
    set_function(context, types, name, test);
  };
  add("isExternal", is<&v8::Value::IsExternal>);
  add("isDate", is<&v8::Value::IsDate>);
  add("isArgumentsObject", is<&v8::Value::IsArgumentsObject>);
  add("isBigIntObject", is<&v8::Value::IsBigIntObject>);
  add("isBooleanObject", is<&v8::Value::IsBooleanObject>);
  add("isNumberObject", is<&v8::Value::IsNumberObject>);
  add("isStringObject", is<&v8::Value::IsStringObject>);
  add("isSymbolObject", is<&v8::Value::IsSymbolObject>);
  add("isBoxedPrimitive", is_boxed_primitive);
  add("isNativeError", is<&v8::Value::IsNativeError>);
  add("isRegExp", is<&v8::Value::IsRegExp>);
  add("isAsyncFunction", is<&v8::Value::IsAsyncFunction>);
  add("isGeneratorFunction", is<&v8::Value::IsGeneratorFunction>);
  add("isGeneratorObject", is<&v8::Value::IsGeneratorObject>);
  add("isPromise", is<&v8::Value::IsPromise>);
  add("isMap", is<&v8::Value::IsMap>);
  add("isSet", is<&v8::Value::IsSet>);
  add("isMapIterator", is<&v8::Value::IsMapIterator>);
  add("isSetIterator", is<&v8::Value::IsSetIterator>);
  add("isWeakMap", is<&v8::Value::IsWeakMap>);
  add("isWeakSet", is<&v8::Value::IsWeakSet>);
  add("isArrayBuffer", is<&v8::Value::IsArrayBuffer>);
  add("isDataView", is<&v8::Value::IsDataView>);
  add("isSharedArrayBuffer", is<&v8::Value::IsSharedArrayBuffer>);
  add("isProxy", is<&v8::Value::IsProxy>);
  add("isModuleNamespaceObject", is<&v8::Value::IsModuleNamespaceObject>);
  add("isAnyArrayBuffer", is_any_array_buffer);
  set_function(context, target, "constructorName", constructor_name);
  set_function(context, target, "ownNonIndexProperties", own_non_index_properties);
  set_function(context, target, "previewEntries", preview_entries);
  set_function(context, target, "callSites", call_sites);
}

}  // namespace sluice::jsapi
