// SPDX-License-Identifier: Apache-2.0
// Node-API: strings, copied in and out or over memory of the addon, and strings made to be names of properties.
#include <string>

#include "jsapi/native/node/napi/env.hh"
#include "jsapi/native/node/napi/newer.hh"

namespace napi = sluice::jsapi::napi;

namespace {

template <typename Unit, typename Make>
napi_status create(napi_env env, const Unit* text, size_t length, napi_value* result, Make make) {
  NAPI_CHECK_ENV(env);
  if (!text) NAPI_CHECK(env, length == 0, napi_invalid_arg);
  NAPI_CHECK_ARG(env, result);
  NAPI_CHECK(env, napi::text_fits(length), napi_invalid_arg);
  v8::Local<v8::String> made;
  // V8 counts what ends with a zero when the length is -1.
  const int count = length == NAPI_AUTO_LENGTH ? -1 : static_cast<int>(length);
  if (!text || count == 0) {
    made = v8::String::Empty(env->isolate);
  } else if (!make(count).ToLocal(&made)) {
    return env->fail(napi_generic_failure);
  }
  *result = napi::to_napi(made);
  return env->succeed();
}

napi_status latin1(napi_env env, const char* text, size_t length, napi_value* result,
                   v8::NewStringType type) {
  return create(env, text, length, result, [&](int count) {
    return v8::String::NewFromOneByte(env->isolate, reinterpret_cast<const uint8_t*>(text), type, count);
  });
}
napi_status utf8(napi_env env, const char* text, size_t length, napi_value* result, v8::NewStringType type) {
  return create(env, text, length, result,
                [&](int count) { return v8::String::NewFromUtf8(env->isolate, text, type, count); });
}
napi_status utf16(napi_env env, const char16_t* text, size_t length, napi_value* result,
                  v8::NewStringType type) {
  return create(env, text, length, result, [&](int count) {
    return v8::String::NewFromTwoByte(env->isolate, reinterpret_cast<const uint16_t*>(text), type, count);
  });
}

// Memory of the addon behind a string; the finalizer runs when V8 has let go of it.
class ReleasedText final : public napi::Tracked {
 public:
  ReleasedText(napi_env env, void* data, napi_finalize finalizer, void* hint)
      : env_(env), data_(data), hint_(hint), finalizer_(finalizer) {
    link(env->tracked);
  }
  // At the env's end the text may still be in V8's heap, which nobody reads any more.
  void finalize() override {
    unlink();
    napi_env env = env_;
    const napi_finalize finalizer = finalizer_;
    void* data = data_;
    void* hint = hint_;
    if (over_) *over_ = nullptr;
    delete this;
    env->run_finalizer(finalizer, data, hint);
  }
  napi_env env_;
  ReleasedText** over_ = nullptr;  // where the string names this

 private:
  void* data_;
  void* hint_;
  napi_finalize finalizer_;
};

template <typename Base, typename Unit>
class ExternalText final : public Base {
 public:
  ExternalText(const Unit* text, size_t length, ReleasedText* release)
      : text_(text), length_(length), release_(release) {
    release->over_ = &release_;
  }
  ~ExternalText() override {
    if (!release_) return;
    release_->over_ = nullptr;
    release_->env_->finalize_soon(*release_);
  }
  const Unit* data() const override { return text_; }
  size_t length() const override { return length_; }

 private:
  const Unit* text_;
  size_t length_;
  ReleasedText* release_;
};

using Latin1Text = ExternalText<v8::String::ExternalOneByteStringResource, char>;
using Utf16Text = ExternalText<v8::String::ExternalStringResource, uint16_t>;

// Shorter strings are copied: the bookkeeping would cost more.
constexpr size_t kSmallestExternal = 32;

template <typename Unit, typename Make, typename Copy>
napi_status external(napi_env env, Unit* text, size_t length, napi_finalize finalizer, void* hint,
                     napi_value* result, bool* copied, Make make, Copy copy) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, text);
  NAPI_CHECK_ARG(env, result);
  NAPI_CHECK(env, napi::text_fits(length), napi_invalid_arg);
  if (length == NAPI_AUTO_LENGTH) length = std::char_traits<Unit>::length(text);
  if (length < kSmallestExternal) {
    const napi_status status = copy(env, text, length, result);
    if (status != napi_ok) return status;
    if (copied) *copied = true;
    env->run_finalizer(finalizer, text, hint);
    return env->succeed();
  }
  auto* release = new ReleasedText(env, text, finalizer, hint);
  v8::Local<v8::String> made;
  if (!make(length, release).ToLocal(&made)) return env->fail(napi_generic_failure);
  if (copied) *copied = false;
  *result = napi::to_napi(made);
  return env->succeed();
}

// `length`: all of it, in units of the form; `write(room)` writes at most so many and says how many it wrote.
template <typename Unit, typename Length, typename Write>
napi_status get(napi_env env, napi_value value, Unit* buffer, size_t size, size_t* result, Length length,
                Write write) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, value);
  v8::Local<v8::Value> local = napi::to_local(value);
  NAPI_CHECK(env, local->IsString(), napi_string_expected);
  v8::Local<v8::String> text = local.As<v8::String>();
  if (!buffer) {
    NAPI_CHECK_ARG(env, result);
    *result = static_cast<size_t>(length(text));
  } else if (size != 0) {
    const size_t room = size - 1;
    const int written = write(text, static_cast<int>(room > INT32_MAX ? INT32_MAX : room));
    buffer[written] = 0;
    if (result) *result = static_cast<size_t>(written);
  } else if (result) {
    *result = 0;
  }
  return env->succeed();
}

}  // namespace

extern "C" {

napi_status napi_create_string_latin1(napi_env env, const char* text, size_t length, napi_value* result) {
  return latin1(env, text, length, result, v8::NewStringType::kNormal);
}
napi_status napi_create_string_utf8(napi_env env, const char* text, size_t length, napi_value* result) {
  return utf8(env, text, length, result, v8::NewStringType::kNormal);
}
napi_status napi_create_string_utf16(napi_env env, const char16_t* text, size_t length, napi_value* result) {
  return utf16(env, text, length, result, v8::NewStringType::kNormal);
}
napi_status node_api_create_property_key_latin1(napi_env env, const char* text, size_t length,
                                                napi_value* result) {
  return latin1(env, text, length, result, v8::NewStringType::kInternalized);
}
napi_status node_api_create_property_key_utf8(napi_env env, const char* text, size_t length,
                                              napi_value* result) {
  return utf8(env, text, length, result, v8::NewStringType::kInternalized);
}
napi_status node_api_create_property_key_utf16(napi_env env, const char16_t* text, size_t length,
                                               napi_value* result) {
  return utf16(env, text, length, result, v8::NewStringType::kInternalized);
}

napi_status node_api_create_external_string_latin1(napi_env env, char* text, size_t length,
                                                   napi_finalize finalizer, void* hint, napi_value* result,
                                                   bool* copied) {
  return external(
      env, text, length, finalizer, hint, result, copied,
      [&](size_t count, ReleasedText* release) {
        return v8::String::NewExternalOneByte(env->isolate, new Latin1Text(text, count, release));
      },
      napi_create_string_latin1);
}
napi_status node_api_create_external_string_utf16(napi_env env, char16_t* text, size_t length,
                                                  napi_finalize finalizer, void* hint, napi_value* result,
                                                  bool* copied) {
  return external(
      env, text, length, finalizer, hint, result, copied,
      [&](size_t count, ReleasedText* release) {
        return v8::String::NewExternalTwoByte(
            env->isolate, new Utf16Text(reinterpret_cast<const uint16_t*>(text), count, release));
      },
      napi_create_string_utf16);
}

napi_status napi_get_value_string_latin1(napi_env env, napi_value value, char* buffer, size_t size,
                                         size_t* result) {
  return get(
      env, value, buffer, size, result, [](v8::Local<v8::String> text) { return text->Length(); },
      [&](v8::Local<v8::String> text, int room) {
        return text->WriteOneByte(env->isolate, reinterpret_cast<uint8_t*>(buffer), 0, room,
                                  v8::String::NO_NULL_TERMINATION);
      });
}
napi_status napi_get_value_string_utf8(napi_env env, napi_value value, char* buffer, size_t size,
                                       size_t* result) {
  return get(
      env, value, buffer, size, result,
      [env](v8::Local<v8::String> text) { return text->Utf8Length(env->isolate); },
      [&](v8::Local<v8::String> text, int room) {
        return text->WriteUtf8(env->isolate, buffer, room, nullptr,
                               v8::String::REPLACE_INVALID_UTF8 | v8::String::NO_NULL_TERMINATION);
      });
}
napi_status napi_get_value_string_utf16(napi_env env, napi_value value, char16_t* buffer, size_t size,
                                        size_t* result) {
  return get(
      env, value, buffer, size, result, [](v8::Local<v8::String> text) { return text->Length(); },
      [&](v8::Local<v8::String> text, int room) {
        return text->Write(env->isolate, reinterpret_cast<uint16_t*>(buffer), 0, room,
                           v8::String::NO_NULL_TERMINATION);
      });
}

}  // extern "C"
