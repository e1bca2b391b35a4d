// SPDX-License-Identifier: Apache-2.0
// Node-API: ArrayBuffers, views of them, Node's Buffers, and memory of the addon behind either.
#include <atomic>
#include <cstring>
#include <tuple>

#include "jsapi/native/node/napi/newer.hh"
#include "runtime/v8_text.hh"

namespace napi = sluice::jsapi::napi;
using sluice::runtime::IsolateHost;
using sluice::runtime::throw_error;

namespace {

// Memory of an addon that V8 uses. V8 lets go of it on any of its threads; the finalizer runs on the isolate's.
class LentMemory final : public napi::Tracked {
 public:
  // What V8 holds instead, since it may live longer than the environment.
  struct Handle {
    std::shared_ptr<IsolateHost::Mailbox> mailbox;
    std::shared_ptr<LentMemory*>
        memory;  // to nullptr when the environment has gone; read on the isolate's thread
  };

  LentMemory(napi_env env, void* data, napi_finalize finalizer, void* hint)
      : env_(env),
        data_(data),
        hint_(hint),
        finalizer_(finalizer),
        self_(std::make_shared<LentMemory*>(this)) {
    link(env->tracked);
  }
  Handle* handle() { return new Handle{env_->host.mailbox(), self_}; }
  void watch(v8::Local<v8::ArrayBuffer> buffer) {
    buffer_.Reset(env_->isolate, buffer);
    buffer_.SetWeak();
  }

  // Of a BackingStore. ANY thread. When the isolate is gone, the memory is left to the addon that lent it.
  static void release(void*, size_t, void* parameter) {
    auto* handle = static_cast<Handle*>(parameter);
    std::ignore = handle->mailbox->post([memory = handle->memory](IsolateHost&) {
      if (*memory) (*memory)->finalize();
    });
    delete handle;
  }

  // Either V8 has let go of it, or the environment ends.
  void finalize() override {
    unlink();
    napi_env env = env_;
    bool in_use = false;
    if (!buffer_.IsEmpty()) {
      v8::HandleScope handles(env->isolate);
      v8::Local<v8::ArrayBuffer> buffer = buffer_.Get(env->isolate);
      // Somebody beside JavaScript (a write under way) may read it still: then it is never given back.
      in_use = buffer->GetBackingStore().use_count() > 2;
      if (!in_use && buffer->IsDetachable()) buffer->Detach();
      buffer_.Reset();
    }
    *self_ = nullptr;
    const napi_finalize finalizer = finalizer_;
    void* data = data_;
    void* hint = hint_;
    delete this;
    if (!in_use) env->run_finalizer(finalizer, data, hint);
  }

 private:
  napi_env env_;
  void* data_;
  void* hint_;
  napi_finalize finalizer_;
  std::shared_ptr<LentMemory*> self_;
  v8::Global<v8::ArrayBuffer> buffer_;
};

v8::Local<v8::ArrayBuffer> lend(napi_env env, void* data, size_t length, napi_finalize finalizer,
                                void* hint) {
  auto* memory = new LentMemory(env, data, finalizer, hint);
  if (!data || length == 0) {  // V8 would not tell when it lets go of nothing
    env->finalize_soon(*memory);
    return v8::ArrayBuffer::New(env->isolate, 0);
  }
  v8::Local<v8::ArrayBuffer> buffer = v8::ArrayBuffer::New(
      env->isolate, v8::ArrayBuffer::NewBackingStore(data, length, LentMemory::release, memory->handle()));
  memory->watch(buffer);
  return buffer;
}

napi_status give_buffer(napi_env env, napi::Attempt& attempt, v8::Local<v8::ArrayBuffer> memory,
                        size_t offset, size_t length, napi_value* result) {
  v8::Local<v8::Value> buffer;
  if (!env->addons.buffer(env->context(), memory, offset, length).ToLocal(&buffer))
    return attempt.failure(napi_generic_failure);
  *result = napi::to_napi(buffer);
  return attempt.status();
}

struct Kind {
  const char* name;
  size_t size;
};
// In the order of napi_typedarray_type.
constexpr Kind kKinds[] = {{"Int8Array", 1},     {"Uint8Array", 1},    {"Uint8ClampedArray", 1},
                           {"Int16Array", 2},    {"Uint16Array", 2},   {"Int32Array", 4},
                           {"Uint32Array", 4},   {"Float32Array", 4},  {"Float64Array", 8},
                           {"BigInt64Array", 8}, {"BigUint64Array", 8}};

v8::Local<v8::Value> view(napi_typedarray_type type, v8::Local<v8::ArrayBuffer> memory, size_t offset,
                          size_t length) {
  switch (type) {
    case napi_int8_array: return v8::Int8Array::New(memory, offset, length);
    case napi_uint8_array: return v8::Uint8Array::New(memory, offset, length);
    case napi_uint8_clamped_array: return v8::Uint8ClampedArray::New(memory, offset, length);
    case napi_int16_array: return v8::Int16Array::New(memory, offset, length);
    case napi_uint16_array: return v8::Uint16Array::New(memory, offset, length);
    case napi_int32_array: return v8::Int32Array::New(memory, offset, length);
    case napi_uint32_array: return v8::Uint32Array::New(memory, offset, length);
    case napi_float32_array: return v8::Float32Array::New(memory, offset, length);
    case napi_float64_array: return v8::Float64Array::New(memory, offset, length);
    case napi_bigint64_array: return v8::BigInt64Array::New(memory, offset, length);
    case napi_biguint64_array: return v8::BigUint64Array::New(memory, offset, length);
  }
  return {};
}

napi_typedarray_type type_of(v8::Local<v8::Value> value) {
  if (value->IsInt8Array()) return napi_int8_array;
  if (value->IsUint8Array()) return napi_uint8_array;
  if (value->IsUint8ClampedArray()) return napi_uint8_clamped_array;
  if (value->IsInt16Array()) return napi_int16_array;
  if (value->IsUint16Array()) return napi_uint16_array;
  if (value->IsInt32Array()) return napi_int32_array;
  if (value->IsUint32Array()) return napi_uint32_array;
  if (value->IsFloat32Array()) return napi_float32_array;
  if (value->IsFloat64Array()) return napi_float64_array;
  if (value->IsBigInt64Array()) return napi_bigint64_array;
  return napi_biguint64_array;
}

template <typename Test>
napi_status test(napi_env env, napi_value value, bool* result, Test is) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, value);
  NAPI_CHECK_ARG(env, result);
  *result = is(napi::to_local(value));
  return env->succeed();
}

}  // namespace

extern "C" {

napi_status napi_is_arraybuffer(napi_env env, napi_value value, bool* result) {
  return test(env, value, result, [](v8::Local<v8::Value> local) { return local->IsArrayBuffer(); });
}
napi_status node_api_is_sharedarraybuffer(napi_env env, napi_value value, bool* result) {
  return test(env, value, result, [](v8::Local<v8::Value> local) { return local->IsSharedArrayBuffer(); });
}
napi_status napi_is_typedarray(napi_env env, napi_value value, bool* result) {
  return test(env, value, result, [](v8::Local<v8::Value> local) { return local->IsTypedArray(); });
}
napi_status napi_is_dataview(napi_env env, napi_value value, bool* result) {
  return test(env, value, result, [](v8::Local<v8::Value> local) { return local->IsDataView(); });
}
napi_status napi_is_buffer(napi_env env, napi_value value, bool* result) {
  return test(env, value, result, [](v8::Local<v8::Value> local) { return local->IsArrayBufferView(); });
}
napi_status napi_is_detached_arraybuffer(napi_env env, napi_value value, bool* result) {
  return test(env, value, result, [](v8::Local<v8::Value> local) {
    return local->IsArrayBuffer() && local.As<v8::ArrayBuffer>()->WasDetached();
  });
}

napi_status napi_create_arraybuffer(napi_env env, size_t length, void** data, napi_value* result) {
  NAPI_BEGIN(env);
  NAPI_CHECK_ARG(env, result);
  v8::Local<v8::ArrayBuffer> buffer = v8::ArrayBuffer::New(env->isolate, length);
  if (data) *data = buffer->Data();
  *result = napi::to_napi(buffer);
  return attempt.status();
}
napi_status node_api_create_sharedarraybuffer(napi_env env, size_t length, void** data, napi_value* result) {
  NAPI_BEGIN(env);
  NAPI_CHECK_ARG(env, result);
  v8::Local<v8::SharedArrayBuffer> buffer = v8::SharedArrayBuffer::New(env->isolate, length);
  if (data) *data = buffer->Data();
  *result = napi::to_napi(buffer);
  return attempt.status();
}

napi_status napi_create_external_arraybuffer(napi_env env, void* data, size_t length, napi_finalize finalizer,
                                             void* hint, napi_value* result) {
  NAPI_BEGIN(env);
  NAPI_CHECK_ARG(env, result);
  *result = napi::to_napi(lend(env, data, length, finalizer, hint));
  return attempt.status();
}

napi_status napi_get_arraybuffer_info(napi_env env, napi_value value, void** data, size_t* length) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, value);
  v8::Local<v8::Value> local = napi::to_local(value);
  if (local->IsSharedArrayBuffer()) {
    if (data) *data = local.As<v8::SharedArrayBuffer>()->Data();
    if (length) *length = local.As<v8::SharedArrayBuffer>()->ByteLength();
    return env->succeed();
  }
  NAPI_CHECK(env, local->IsArrayBuffer(), napi_invalid_arg);
  if (data) *data = local.As<v8::ArrayBuffer>()->Data();
  if (length) *length = local.As<v8::ArrayBuffer>()->ByteLength();
  return env->succeed();
}

napi_status napi_detach_arraybuffer(napi_env env, napi_value value) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, value);
  v8::Local<v8::Value> local = napi::to_local(value);
  NAPI_CHECK(env, local->IsArrayBuffer(), napi_arraybuffer_expected);
  NAPI_CHECK(env, local.As<v8::ArrayBuffer>()->IsDetachable(), napi_detachable_arraybuffer_expected);
  local.As<v8::ArrayBuffer>()->Detach();
  return env->succeed();
}

napi_status napi_create_typedarray(napi_env env, napi_typedarray_type type, size_t length, napi_value memory,
                                   size_t offset, napi_value* result) {
  NAPI_BEGIN(env);
  NAPI_CHECK_ARG(env, memory);
  NAPI_CHECK_ARG(env, result);
  NAPI_CHECK(env, napi::to_local(memory)->IsArrayBuffer(), napi_invalid_arg);
  NAPI_CHECK(env, static_cast<size_t>(type) < std::size(kKinds), napi_invalid_arg);
  v8::Local<v8::ArrayBuffer> buffer = napi::to_local(memory).As<v8::ArrayBuffer>();
  const Kind& kind = kKinds[type];
  if (offset % kind.size != 0) {
    throw_error(
        env->isolate, v8::Exception::RangeError,
        std::string("start offset of ") + kind.name + " should be a multiple of " + std::to_string(kind.size),
        "ERR_NAPI_INVALID_TYPEDARRAY_ALIGNMENT");
    return env->fail(napi_invalid_arg);
  }
  size_t bytes = 0;
  if (__builtin_mul_overflow(length, kind.size, &bytes) || offset > buffer->ByteLength() ||
      bytes > buffer->ByteLength() - offset) {
    throw_error(env->isolate, v8::Exception::RangeError, "Invalid typed array length",
                "ERR_NAPI_INVALID_TYPEDARRAY_LENGTH");
    return env->fail(napi_invalid_arg);
  }
  *result = napi::to_napi(view(type, buffer, offset, length));
  return attempt.status();
}

napi_status napi_get_typedarray_info(napi_env env, napi_value value, napi_typedarray_type* type,
                                     size_t* length, void** data, napi_value* memory, size_t* offset) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, value);
  NAPI_CHECK(env, napi::to_local(value)->IsTypedArray(), napi_invalid_arg);
  v8::Local<v8::TypedArray> array = napi::to_local(value).As<v8::TypedArray>();
  if (type) *type = type_of(array);
  if (length) *length = array->Length();
  if (data || memory) {
    v8::Local<v8::ArrayBuffer> buffer = array->Buffer();
    if (data) *data = static_cast<uint8_t*>(buffer->Data()) + array->ByteOffset();
    if (memory) *memory = napi::to_napi(buffer);
  }
  if (offset) *offset = array->ByteOffset();
  return env->succeed();
}

napi_status napi_create_dataview(napi_env env, size_t length, napi_value memory, size_t offset,
                                 napi_value* result) {
  NAPI_BEGIN(env);
  NAPI_CHECK_ARG(env, memory);
  NAPI_CHECK_ARG(env, result);
  NAPI_CHECK(env, napi::to_local(memory)->IsArrayBuffer(), napi_invalid_arg);
  v8::Local<v8::ArrayBuffer> buffer = napi::to_local(memory).As<v8::ArrayBuffer>();
  if (offset > buffer->ByteLength() || length > buffer->ByteLength() - offset) {
    throw_error(
        env->isolate, v8::Exception::RangeError,
        "byte_offset + byte_length should be less than or equal to the size in bytes of the array passed in",
        "ERR_NAPI_INVALID_DATAVIEW_ARGS");
    return env->fail(napi_invalid_arg);
  }
  *result = napi::to_napi(v8::DataView::New(buffer, offset, length));
  return attempt.status();
}

napi_status napi_get_dataview_info(napi_env env, napi_value value, size_t* length, void** data,
                                   napi_value* memory, size_t* offset) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, value);
  NAPI_CHECK(env, napi::to_local(value)->IsDataView(), napi_invalid_arg);
  v8::Local<v8::DataView> part = napi::to_local(value).As<v8::DataView>();
  if (length) *length = part->ByteLength();
  if (data || memory) {
    v8::Local<v8::ArrayBuffer> buffer = part->Buffer();
    if (data) *data = static_cast<uint8_t*>(buffer->Data()) + part->ByteOffset();
    if (memory) *memory = napi::to_napi(buffer);
  }
  if (offset) *offset = part->ByteOffset();
  return env->succeed();
}

// ---- Buffers

napi_status napi_create_buffer(napi_env env, size_t length, void** data, napi_value* result) {
  NAPI_BEGIN(env);
  NAPI_CHECK_ARG(env, result);
  v8::Local<v8::ArrayBuffer> memory = v8::ArrayBuffer::New(env->isolate, length);
  if (data) *data = memory->Data();
  return give_buffer(env, attempt, memory, 0, length, result);
}
napi_status napi_create_buffer_copy(napi_env env, size_t length, const void* from, void** data,
                                    napi_value* result) {
  NAPI_BEGIN(env);
  NAPI_CHECK_ARG(env, result);
  v8::Local<v8::ArrayBuffer> memory = v8::ArrayBuffer::New(env->isolate, length);
  if (length > 0) std::memcpy(memory->Data(), from, length);
  if (data) *data = memory->Data();
  return give_buffer(env, attempt, memory, 0, length, result);
}
napi_status napi_create_external_buffer(napi_env env, size_t length, void* data, napi_finalize finalizer,
                                        void* hint, napi_value* result) {
  NAPI_BEGIN(env);
  NAPI_CHECK_ARG(env, result);
  return give_buffer(env, attempt, lend(env, data, length, finalizer, hint), 0, data ? length : 0, result);
}
napi_status node_api_create_buffer_from_arraybuffer(napi_env env, napi_value memory, size_t offset,
                                                    size_t length, napi_value* result) {
  NAPI_BEGIN(env);
  NAPI_CHECK_ARG(env, memory);
  NAPI_CHECK_ARG(env, result);
  NAPI_CHECK(env, napi::to_local(memory)->IsArrayBuffer(), napi_arraybuffer_expected);
  v8::Local<v8::ArrayBuffer> buffer = napi::to_local(memory).As<v8::ArrayBuffer>();
  if (offset > buffer->ByteLength() || length > buffer->ByteLength() - offset) {
    throw_error(env->isolate, v8::Exception::RangeError, "The byte offset + length is out of range",
                "ERR_OUT_OF_RANGE");
    return env->fail(napi_pending_exception);
  }
  return give_buffer(env, attempt, buffer, offset, length, result);
}

napi_status napi_get_buffer_info(napi_env env, napi_value value, void** data, size_t* length) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, value);
  NAPI_CHECK(env, napi::to_local(value)->IsArrayBufferView(), napi_invalid_arg);
  v8::Local<v8::ArrayBufferView> part = napi::to_local(value).As<v8::ArrayBufferView>();
  if (data) *data = static_cast<uint8_t*>(part->Buffer()->Data()) + part->ByteOffset();
  if (length) *length = part->ByteLength();
  return env->succeed();
}

}  // extern "C"
