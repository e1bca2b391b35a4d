// SPDX-License-Identifier: Apache-2.0
// Node-API: objects and arrays, and their properties.
#include <tuple>
#include <vector>

#include "jsapi/native/node/napi/functions.hh"
#include "jsapi/native/node/napi/newer.hh"

namespace napi = sluice::jsapi::napi;

namespace {

// `act(object)` returns whether V8 did it; false without an exception is a failure.
template <typename Act>
napi_status with_object(napi_env env, napi_value object, Act act) {
  NAPI_BEGIN(env);
  NAPI_CHECK_ARG(env, object);
  v8::Local<v8::Object> target;
  if (!napi::to_local(object)->ToObject(env->context()).ToLocal(&target))
    return attempt.failure(napi_object_expected);
  const napi_status status = act(target);
  if (status != napi_ok) return attempt.failure(status);
  return attempt.status();
}

napi_status found(v8::MaybeLocal<v8::Value> from, napi_value* result) {
  v8::Local<v8::Value> value;
  if (!from.ToLocal(&value)) return napi_generic_failure;
  *result = napi::to_napi(value);
  return napi_ok;
}

napi_status said(v8::Maybe<bool> from, bool* result) {
  bool value;
  if (!from.To(&value)) return napi_generic_failure;
  if (result) *result = value;
  return napi_ok;
}

napi_status done(v8::Maybe<bool> from) { return from.FromMaybe(false) ? napi_ok : napi_generic_failure; }

v8::MaybeLocal<v8::String> named(napi_env env, const char* name) {
  return v8::String::NewFromUtf8(env->isolate, name, v8::NewStringType::kInternalized);
}

}  // namespace

namespace sluice::jsapi::napi {

napi_status name_of_property(napi_env env, const napi_property_descriptor& property,
                             v8::Local<v8::Name>* name) {
  if (property.utf8name) {
    v8::Local<v8::String> text;
    if (!named(env, property.utf8name).ToLocal(&text)) return env->fail(napi_generic_failure);
    *name = text;
    return napi_ok;
  }
  NAPI_CHECK_ARG(env, property.name);
  v8::Local<v8::Value> value = to_local(property.name);
  NAPI_CHECK(env, value->IsName(), napi_name_expected);
  *name = value.As<v8::Name>();
  return napi_ok;
}

}  // namespace sluice::jsapi::napi

extern "C" {

napi_status napi_create_object(napi_env env, napi_value* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, result);
  *result = napi::to_napi(v8::Object::New(env->isolate));
  return env->succeed();
}

napi_status node_api_create_object_with_properties(napi_env env, napi_value prototype, napi_value* names,
                                                   napi_value* values, size_t count, napi_value* result) {
  NAPI_BEGIN(env);
  NAPI_CHECK_ARG(env, result);
  if (count > 0) {
    NAPI_CHECK_ARG(env, names);
    NAPI_CHECK_ARG(env, values);
  }
  std::vector<v8::Local<v8::Name>> keys;
  std::vector<v8::Local<v8::Value>> contents;
  for (size_t i = 0; i < count; ++i) {
    v8::Local<v8::Value> name = napi::to_local(names[i]);
    NAPI_CHECK(env, name->IsName(), napi_name_expected);
    keys.push_back(name.As<v8::Name>());
    contents.push_back(napi::to_local(values[i]));
  }
  v8::Local<v8::Value> parent;
  if (prototype) {
    parent = napi::to_local(prototype);
  } else {
    parent = v8::Null(env->isolate);
  }
  *result = napi::to_napi(v8::Object::New(env->isolate, parent, keys.data(), contents.data(), count));
  return attempt.status();
}

napi_status napi_create_array(napi_env env, napi_value* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, result);
  *result = napi::to_napi(v8::Array::New(env->isolate));
  return env->succeed();
}
napi_status napi_create_array_with_length(napi_env env, size_t length, napi_value* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, result);
  *result = napi::to_napi(v8::Array::New(env->isolate, static_cast<int>(length)));
  return env->succeed();
}
napi_status napi_get_array_length(napi_env env, napi_value value, uint32_t* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, value);
  NAPI_CHECK_ARG(env, result);
  NAPI_CHECK(env, napi::to_local(value)->IsArray(), napi_array_expected);
  *result = napi::to_local(value).As<v8::Array>()->Length();
  return env->succeed();
}

napi_status napi_get_prototype(napi_env env, napi_value object, napi_value* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, object);
  NAPI_CHECK_ARG(env, result);
  v8::Local<v8::Object> target;
  if (!napi::to_local(object)->ToObject(env->context()).ToLocal(&target))
    return env->fail(napi_object_expected);
  *result = napi::to_napi(target->GetPrototype());
  return env->succeed();
}
napi_status node_api_set_prototype(napi_env env, napi_value object, napi_value prototype) {
  NAPI_CHECK_ARG(env, prototype);
  return with_object(env, object, [&](v8::Local<v8::Object> target) {
    return done(target->SetPrototype(env->context(), napi::to_local(prototype)));
  });
}

napi_status napi_get_all_property_names(napi_env env, napi_value object, napi_key_collection_mode mode,
                                        napi_key_filter filter, napi_key_conversion conversion,
                                        napi_value* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, result);
  int wanted = v8::PropertyFilter::ALL_PROPERTIES;
  if (filter & napi_key_writable) wanted |= v8::PropertyFilter::ONLY_WRITABLE;
  if (filter & napi_key_enumerable) wanted |= v8::PropertyFilter::ONLY_ENUMERABLE;
  if (filter & napi_key_configurable) wanted |= v8::PropertyFilter::ONLY_CONFIGURABLE;
  if (filter & napi_key_skip_strings) wanted |= v8::PropertyFilter::SKIP_STRINGS;
  if (filter & napi_key_skip_symbols) wanted |= v8::PropertyFilter::SKIP_SYMBOLS;
  NAPI_CHECK(env, mode == napi_key_include_prototypes || mode == napi_key_own_only, napi_invalid_arg);
  NAPI_CHECK(env, conversion == napi_key_keep_numbers || conversion == napi_key_numbers_to_strings,
             napi_invalid_arg);
  return with_object(env, object, [&](v8::Local<v8::Object> target) {
    v8::Local<v8::Array> names;
    if (!target
             ->GetPropertyNames(env->context(),
                                mode == napi_key_own_only ? v8::KeyCollectionMode::kOwnOnly
                                                          : v8::KeyCollectionMode::kIncludePrototypes,
                                static_cast<v8::PropertyFilter>(wanted), v8::IndexFilter::kIncludeIndices,
                                conversion == napi_key_keep_numbers ? v8::KeyConversionMode::kKeepNumbers
                                                                    : v8::KeyConversionMode::kConvertToString)
             .ToLocal(&names))
      return napi_generic_failure;
    *result = napi::to_napi(names);
    return napi_ok;
  });
}
napi_status napi_get_property_names(napi_env env, napi_value object, napi_value* result) {
  return napi_get_all_property_names(
      env, object, napi_key_include_prototypes,
      static_cast<napi_key_filter>(napi_key_enumerable | napi_key_skip_symbols), napi_key_numbers_to_strings,
      result);
}

// ---- by key

napi_status napi_set_property(napi_env env, napi_value object, napi_value key, napi_value value) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, key);
  NAPI_CHECK_ARG(env, value);
  return with_object(env, object, [&](v8::Local<v8::Object> target) {
    return done(target->Set(env->context(), napi::to_local(key), napi::to_local(value)));
  });
}
napi_status napi_get_property(napi_env env, napi_value object, napi_value key, napi_value* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, key);
  NAPI_CHECK_ARG(env, result);
  return with_object(env, object, [&](v8::Local<v8::Object> target) {
    return found(target->Get(env->context(), napi::to_local(key)), result);
  });
}
napi_status napi_has_property(napi_env env, napi_value object, napi_value key, bool* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, key);
  NAPI_CHECK_ARG(env, result);
  return with_object(env, object, [&](v8::Local<v8::Object> target) {
    return said(target->Has(env->context(), napi::to_local(key)), result);
  });
}
napi_status napi_delete_property(napi_env env, napi_value object, napi_value key, bool* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, key);
  return with_object(env, object, [&](v8::Local<v8::Object> target) {
    return said(target->Delete(env->context(), napi::to_local(key)), result);
  });
}
napi_status napi_has_own_property(napi_env env, napi_value object, napi_value key, bool* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, key);
  NAPI_CHECK_ARG(env, result);
  return with_object(env, object, [&](v8::Local<v8::Object> target) {
    v8::Local<v8::Value> name = napi::to_local(key);
    if (!name->IsName()) return napi_name_expected;
    return said(target->HasOwnProperty(env->context(), name.As<v8::Name>()), result);
  });
}

// ---- by name

napi_status napi_set_named_property(napi_env env, napi_value object, const char* name, napi_value value) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, name);
  NAPI_CHECK_ARG(env, value);
  return with_object(env, object, [&](v8::Local<v8::Object> target) {
    v8::Local<v8::String> key;
    if (!named(env, name).ToLocal(&key)) return napi_generic_failure;
    return done(target->Set(env->context(), key, napi::to_local(value)));
  });
}
napi_status napi_get_named_property(napi_env env, napi_value object, const char* name, napi_value* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, name);
  NAPI_CHECK_ARG(env, result);
  return with_object(env, object, [&](v8::Local<v8::Object> target) {
    v8::Local<v8::String> key;
    if (!named(env, name).ToLocal(&key)) return napi_generic_failure;
    return found(target->Get(env->context(), key), result);
  });
}
napi_status napi_has_named_property(napi_env env, napi_value object, const char* name, bool* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, name);
  NAPI_CHECK_ARG(env, result);
  return with_object(env, object, [&](v8::Local<v8::Object> target) {
    v8::Local<v8::String> key;
    if (!named(env, name).ToLocal(&key)) return napi_generic_failure;
    return said(target->Has(env->context(), key), result);
  });
}

// ---- by index

napi_status napi_set_element(napi_env env, napi_value object, uint32_t index, napi_value value) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, value);
  return with_object(env, object, [&](v8::Local<v8::Object> target) {
    return done(target->Set(env->context(), index, napi::to_local(value)));
  });
}
napi_status napi_get_element(napi_env env, napi_value object, uint32_t index, napi_value* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, result);
  return with_object(env, object, [&](v8::Local<v8::Object> target) {
    return found(target->Get(env->context(), index), result);
  });
}
napi_status napi_has_element(napi_env env, napi_value object, uint32_t index, bool* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, result);
  return with_object(env, object, [&](v8::Local<v8::Object> target) {
    return said(target->Has(env->context(), index), result);
  });
}
napi_status napi_delete_element(napi_env env, napi_value object, uint32_t index, bool* result) {
  return with_object(env, object, [&](v8::Local<v8::Object> target) {
    return said(target->Delete(env->context(), index), result);
  });
}

// ---- several at once, and all

napi_status napi_define_properties(napi_env env, napi_value object, size_t count,
                                   const napi_property_descriptor* properties) {
  NAPI_BEGIN(env);
  NAPI_CHECK_ARG(env, object);
  if (count > 0) NAPI_CHECK_ARG(env, properties);
  v8::Local<v8::Value> value = napi::to_local(object);
  NAPI_CHECK(env, value->IsObject(), napi_object_expected);
  v8::Local<v8::Object> target = value.As<v8::Object>();
  for (size_t i = 0; i < count; ++i) {
    const napi_property_descriptor& property = properties[i];
    v8::Local<v8::Name> name;
    if (const napi_status status = napi::name_of_property(env, property, &name); status != napi_ok)
      return status;
    const auto define = [&](v8::PropertyDescriptor& descriptor) {
      descriptor.set_enumerable((property.attributes & napi_enumerable) != 0);
      descriptor.set_configurable((property.attributes & napi_configurable) != 0);
      return target->DefineProperty(env->context(), name, descriptor).FromMaybe(false);
    };
    const auto function = [&](napi_callback callback, v8::Local<v8::Value>* made) {
      v8::Local<v8::Function> local;
      if (!napi::make_function(env, callback, property.data).ToLocal(&local)) return false;
      *made = local;
      return true;
    };
    if (property.getter || property.setter) {
      v8::Local<v8::Value> getter = v8::Undefined(env->isolate), setter = v8::Undefined(env->isolate);
      if ((property.getter && !function(property.getter, &getter)) ||
          (property.setter && !function(property.setter, &setter)))
        return attempt.failure(napi_generic_failure);
      v8::PropertyDescriptor descriptor(getter, setter);
      if (!define(descriptor)) return attempt.failure(napi_invalid_arg);
    } else {
      v8::Local<v8::Value> content;
      if (property.method) {
        if (!function(property.method, &content)) return attempt.failure(napi_generic_failure);
        if (name->IsString()) content.As<v8::Function>()->SetName(name.As<v8::String>());
      } else {
        NAPI_CHECK_ARG(env, property.value);
        content = napi::to_local(property.value);
      }
      v8::PropertyDescriptor descriptor(content, (property.attributes & napi_writable) != 0);
      if (!define(descriptor)) return attempt.failure(napi_invalid_arg);
    }
  }
  return attempt.status();
}

napi_status napi_object_freeze(napi_env env, napi_value object) {
  return with_object(env, object, [&](v8::Local<v8::Object> target) {
    return done(target->SetIntegrityLevel(env->context(), v8::IntegrityLevel::kFrozen));
  });
}
napi_status napi_object_seal(napi_env env, napi_value object) {
  return with_object(env, object, [&](v8::Local<v8::Object> target) {
    return done(target->SetIntegrityLevel(env->context(), v8::IntegrityLevel::kSealed));
  });
}

}  // extern "C"
