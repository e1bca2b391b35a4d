// SPDX-License-Identifier: Apache-2.0
// What an addon holds on to: a value with a count, and a finalizer for when the value is gone.
#pragma once
#include "jsapi/native/node/napi/env.hh"

namespace sluice::jsapi::napi {

class Reference final : public Tracked {
 public:
  // Who deletes it: the environment, once the finalizer has run, or the addon with napi_delete_reference.
  enum class Owner : uint8_t { kEnvironment, kAddon };

  Reference(napi_env env, v8::Local<v8::Value> value, uint32_t count, Owner owner,
            napi_finalize finalizer = nullptr, void* data = nullptr, void* hint = nullptr);

  uint32_t ref();
  uint32_t unref();
  uint32_t count() const { return count_; }
  // Empty when the value is gone.
  v8::Local<v8::Value> get() const { return value_.Get(env_->isolate); }
  bool gone() const { return value_.IsEmpty(); }
  void* data() const { return data_; }
  // The value is no longer wrapped: the finalizer will not run. Deletes the reference if nobody else will.
  void forget_finalizer();
  void finalize() override;

 private:
  void weaken();
  napi_env env_;
  v8::Global<v8::Value> value_;
  uint32_t count_;
  Owner owner_;
  bool can_be_weak_;
  napi_finalize finalizer_;
  void* data_;
  void* hint_;
};

}  // namespace sluice::jsapi::napi

// The same thing by the name of the public headers.
inline napi_ref to_napi(sluice::jsapi::napi::Reference* reference) {
  return reinterpret_cast<napi_ref>(reference);
}
inline sluice::jsapi::napi::Reference* from_napi(napi_ref reference) {
  return reinterpret_cast<sluice::jsapi::napi::Reference*>(reference);
}
