// SPDX-License-Identifier: Apache-2.0
// Node-API: classes, objects that wrap something of the addon, type tags, externals, finalizers.
#include <vector>

#include "jsapi/native/node/napi/functions.hh"
#include "jsapi/native/node/napi/references.hh"

namespace napi = sluice::jsapi::napi;
using napi::Reference;

namespace {

v8::PropertyAttribute attributes_of(const napi_property_descriptor& property) {
  int attributes = v8::PropertyAttribute::None;
  // Whether there is a setter says whether an accessor can be written.
  if (!property.getter && !property.setter && !(property.attributes & napi_writable))
    attributes |= v8::PropertyAttribute::ReadOnly;
  if (!(property.attributes & napi_enumerable)) attributes |= v8::PropertyAttribute::DontEnum;
  if (!(property.attributes & napi_configurable)) attributes |= v8::PropertyAttribute::DontDelete;
  return static_cast<v8::PropertyAttribute>(attributes);
}

// The reference that `object` wraps; nullptr: none.
Reference* wrapped(napi_env env, v8::Local<v8::Object> object) {
  v8::Local<v8::Value> holder;
  if (!object->GetPrivate(env->context(), env->addons.wrap_key()).ToLocal(&holder) || !holder->IsExternal())
    return nullptr;
  return static_cast<Reference*>(holder.As<v8::External>()->Value());
}

napi_status unwrap(napi_env env, napi_value value, void** result, bool remove) {
  NAPI_BEGIN(env);
  NAPI_CHECK_ARG(env, value);
  if (!remove) NAPI_CHECK_ARG(env, result);
  NAPI_CHECK(env, napi::to_local(value)->IsObject(), napi_object_expected);
  v8::Local<v8::Object> object = napi::to_local(value).As<v8::Object>();
  Reference* reference = wrapped(env, object);
  NAPI_CHECK(env, reference != nullptr, napi_invalid_arg);
  if (result) *result = reference->data();
  if (remove) {
    if (!object->DeletePrivate(env->context(), env->addons.wrap_key()).FromMaybe(false))
      return attempt.failure(napi_generic_failure);
    reference->forget_finalizer();
  }
  return attempt.status();
}

}  // namespace

extern "C" {

napi_status napi_define_class(napi_env env, const char* name, size_t length, napi_callback constructor,
                              void* data, size_t count, const napi_property_descriptor* properties,
                              napi_value* result) {
  NAPI_BEGIN(env);
  NAPI_CHECK_ARG(env, result);
  NAPI_CHECK_ARG(env, constructor);
  NAPI_CHECK_ARG(env, name);
  NAPI_CHECK(env, napi::text_fits(length), napi_invalid_arg);
  if (count > 0) NAPI_CHECK_ARG(env, properties);

  v8::Isolate* isolate = env->isolate;
  v8::EscapableHandleScope handles(isolate);
  v8::Local<v8::FunctionTemplate> type =
      v8::FunctionTemplate::New(isolate, napi::call, napi::bind_callback(env, constructor, data));
  v8::Local<v8::String> class_name;
  if (!v8::String::NewFromUtf8(isolate, name, v8::NewStringType::kInternalized,
                               length == NAPI_AUTO_LENGTH ? -1 : static_cast<int>(length))
           .ToLocal(&class_name))
    return attempt.failure(napi_generic_failure);
  type->SetClassName(class_name);
  // Methods refuse receivers of other classes.
  v8::Local<v8::Signature> signature = v8::Signature::New(isolate, type);
  const auto member = [&](napi_callback callback, void* with) {
    return v8::FunctionTemplate::New(isolate, napi::call, napi::bind_callback(env, callback, with),
                                     signature);
  };

  std::vector<napi_property_descriptor> statics;
  for (size_t i = 0; i < count; ++i) {
    const napi_property_descriptor& property = properties[i];
    if (property.attributes & napi_static) {
      statics.push_back(property);
      continue;
    }
    v8::Local<v8::Name> key;
    if (const napi_status status = napi::name_of_property(env, property, &key); status != napi_ok)
      return status;
    const v8::PropertyAttribute attributes = attributes_of(property);
    if (property.getter || property.setter) {
      v8::Local<v8::FunctionTemplate> getter, setter;
      if (property.getter) getter = member(property.getter, property.data);
      if (property.setter) setter = member(property.setter, property.data);
      type->PrototypeTemplate()->SetAccessorProperty(key, getter, setter, attributes);
    } else if (property.method) {
      type->PrototypeTemplate()->Set(key, member(property.method, property.data), attributes);
    } else {
      NAPI_CHECK_ARG(env, property.value);
      v8::Local<v8::Value> value = napi::to_local(property.value);
      // Templates hold primitives only; objects are put on the prototype itself, below.
      if (!value->IsObject()) type->PrototypeTemplate()->Set(key, value, attributes);
    }
  }
  v8::Local<v8::Function> function;
  if (!type->GetFunction(env->context()).ToLocal(&function)) return attempt.failure(napi_generic_failure);
  for (size_t i = 0; i < count; ++i) {
    const napi_property_descriptor& property = properties[i];
    if ((property.attributes & napi_static) || property.getter || property.setter || property.method)
      continue;
    if (!napi::to_local(property.value)->IsObject()) continue;
    v8::Local<v8::Value> prototype;
    if (!function->Get(env->context(), v8::String::NewFromUtf8Literal(isolate, "prototype"))
             .ToLocal(&prototype))
      return attempt.failure(napi_generic_failure);
    const napi_status status = napi_define_properties(env, napi::to_napi(prototype), 1, &property);
    if (status != napi_ok) return status;
  }
  *result = napi::to_napi(handles.Escape(function));
  if (!statics.empty()) {
    const napi_status status = napi_define_properties(env, *result, statics.size(), statics.data());
    if (status != napi_ok) return status;
  }
  return attempt.status();
}

napi_status napi_wrap(napi_env env, napi_value value, void* native, napi_finalize finalizer, void* hint,
                      napi_ref* result) {
  NAPI_BEGIN(env);
  NAPI_CHECK_ARG(env, value);
  NAPI_CHECK(env, napi::to_local(value)->IsObject(), napi_object_expected);
  v8::Local<v8::Object> object = napi::to_local(value).As<v8::Object>();
  NAPI_CHECK(env, !object->HasPrivate(env->context(), env->addons.wrap_key()).FromMaybe(true),
             napi_invalid_arg);
  auto* reference =
      new Reference(env, object, 0, result ? Reference::Owner::kAddon : Reference::Owner::kEnvironment,
                    finalizer, native, hint);
  if (!object->SetPrivate(env->context(), env->addons.wrap_key(), v8::External::New(env->isolate, reference))
           .FromMaybe(false)) {
    delete reference;
    return attempt.failure(napi_generic_failure);
  }
  if (result) *result = to_napi(reference);
  return attempt.status();
}
napi_status napi_unwrap(napi_env env, napi_value value, void** result) {
  return unwrap(env, value, result, false);
}
napi_status napi_remove_wrap(napi_env env, napi_value value, void** result) {
  return unwrap(env, value, result, true);
}

napi_status napi_type_tag_object(napi_env env, napi_value value, const napi_type_tag* tag) {
  NAPI_BEGIN(env);
  NAPI_CHECK_ARG(env, value);
  NAPI_CHECK_ARG(env, tag);
  v8::Local<v8::Object> object;
  if (!napi::to_local(value)->ToObject(env->context()).ToLocal(&object))
    return attempt.failure(napi_object_expected);
  NAPI_CHECK(env, !object->HasPrivate(env->context(), env->addons.tag_key()).FromMaybe(true),
             napi_invalid_arg);
  const uint64_t words[] = {tag->lower, tag->upper};
  v8::Local<v8::BigInt> number;
  if (!v8::BigInt::NewFromWords(env->context(), 0, 2, words).ToLocal(&number) ||
      !object->SetPrivate(env->context(), env->addons.tag_key(), number).FromMaybe(false))
    return attempt.failure(napi_generic_failure);
  return attempt.status();
}

napi_status napi_check_object_type_tag(napi_env env, napi_value value, const napi_type_tag* tag,
                                       bool* result) {
  NAPI_BEGIN(env);
  NAPI_CHECK_ARG(env, value);
  NAPI_CHECK_ARG(env, tag);
  NAPI_CHECK_ARG(env, result);
  v8::Local<v8::Object> object;
  if (!napi::to_local(value)->ToObject(env->context()).ToLocal(&object))
    return attempt.failure(napi_object_expected);
  v8::Local<v8::Value> number;
  if (!object->GetPrivate(env->context(), env->addons.tag_key()).ToLocal(&number))
    return attempt.failure(napi_generic_failure);
  *result = false;
  if (number->IsBigInt()) {
    uint64_t words[2] = {0, 0};  // a BigInt has no leading zeros
    int sign = 0, count = 2;
    number.As<v8::BigInt>()->ToWordsArray(&sign, &count, words);
    *result = sign == 0 && count <= 2 && words[0] == tag->lower && words[1] == tag->upper;
  }
  return attempt.status();
}

napi_status napi_create_external(napi_env env, void* data, napi_finalize finalizer, void* hint,
                                 napi_value* result) {
  NAPI_BEGIN(env);
  NAPI_CHECK_ARG(env, result);
  v8::Local<v8::Value> external = v8::External::New(env->isolate, data);
  if (finalizer) new Reference(env, external, 0, Reference::Owner::kEnvironment, finalizer, data, hint);
  *result = napi::to_napi(external);
  return attempt.status();
}

napi_status napi_get_value_external(napi_env env, napi_value value, void** result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, value);
  NAPI_CHECK_ARG(env, result);
  NAPI_CHECK(env, napi::to_local(value)->IsExternal(), napi_invalid_arg);
  *result = napi::to_local(value).As<v8::External>()->Value();
  return env->succeed();
}

napi_status napi_add_finalizer(napi_env env, napi_value value, void* data, napi_finalize finalizer,
                               void* hint, napi_ref* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, value);
  NAPI_CHECK_ARG(env, finalizer);
  v8::Local<v8::Value> object = napi::to_local(value);
  NAPI_CHECK(env, object->IsObject() || object->IsExternal(), napi_invalid_arg);
  auto* reference =
      new Reference(env, object, 0, result ? Reference::Owner::kAddon : Reference::Owner::kEnvironment,
                    finalizer, data, hint);
  if (result) *result = to_napi(reference);
  return env->succeed();
}

napi_status node_api_post_finalizer(napi_env env, napi_finalize finalizer, void* data, void* hint) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, finalizer);
  struct Posted final : napi::Tracked {
    void finalize() override {
      napi_env to = env;
      const napi_finalize call = finalizer;
      void *with = data, *and_with = hint;
      delete this;
      to->run_finalizer(call, with, and_with);
    }
    napi_env env;
    napi_finalize finalizer;
    void *data, *hint;
  };
  auto* posted = new Posted;
  posted->env = env;
  posted->finalizer = finalizer;
  posted->data = data;
  posted->hint = hint;
  env->finalize_soon(*posted);
  return env->succeed();
}

}  // extern "C"
