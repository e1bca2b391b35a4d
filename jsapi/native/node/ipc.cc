// SPDX-License-Identifier: Apache-2.0
// Messages of child_process with `serialization: 'advanced'`: what V8's serialiser writes, with views of bytes as Node writes
// them, so that the other end may be either.
#include <cstdlib>
#include <cstring>
#include <utility>

#include "jsapi/native/node/bindings.hh"
#include "runtime/v8_text.hh"

namespace sluice::jsapi {

using Info = v8::FunctionCallbackInfo<v8::Value>;

namespace {

// The numbers of kinds of views on the wire.
enum ViewKind : uint32_t {
  kInt8,
  kUint8,
  kUint8Clamped,
  kInt16,
  kUint16,
  kInt32,
  kUint32,
  kFloat32,
  kFloat64,
  kDataView,
  kBuffer,
  kBigInt64,
  kBigUint64,
};
constexpr uint32_t kView = 0, kObject = 1;  // tags of host objects

ViewKind kind_of(v8::Local<v8::ArrayBufferView> view, v8::Local<v8::Value> buffer_prototype) {
  if (view->IsUint8Array()) return view->GetPrototype()->StrictEquals(buffer_prototype) ? kBuffer : kUint8;
  if (view->IsInt8Array()) return kInt8;
  if (view->IsUint8ClampedArray()) return kUint8Clamped;
  if (view->IsInt16Array()) return kInt16;
  if (view->IsUint16Array()) return kUint16;
  if (view->IsInt32Array()) return kInt32;
  if (view->IsUint32Array()) return kUint32;
  if (view->IsFloat32Array()) return kFloat32;
  if (view->IsFloat64Array()) return kFloat64;
  if (view->IsBigInt64Array()) return kBigInt64;
  if (view->IsBigUint64Array()) return kBigUint64;
  return kDataView;
}

class Writer final : public v8::ValueSerializer::Delegate {
 public:
  Writer(v8::Isolate* isolate, v8::Local<v8::Value> buffer_prototype)
      : serializer(isolate, this), isolate_(isolate), buffer_prototype_(buffer_prototype) {
    serializer.SetTreatArrayBufferViewsAsHostObjects(true);
  }
  void ThrowDataCloneError(v8::Local<v8::String> message) override {
    isolate_->ThrowException(v8::Exception::Error(message));
  }
  v8::Maybe<bool> WriteHostObject(v8::Isolate*, v8::Local<v8::Object> object) override {
    if (!object->IsArrayBufferView()) {
      // As a plain object with what it owns.
      v8::Local<v8::Context> context = isolate_->GetCurrentContext();
      v8::Local<v8::Array> names;
      if (!object->GetOwnPropertyNames(context).ToLocal(&names)) return v8::Nothing<bool>();
      v8::Local<v8::Object> plain = v8::Object::New(isolate_);
      for (uint32_t i = 0; i < names->Length(); ++i) {
        v8::Local<v8::Value> name, value;
        if (!names->Get(context, i).ToLocal(&name) || !object->Get(context, name).ToLocal(&value) ||
            plain->Set(context, name, value).IsNothing())
          return v8::Nothing<bool>();
      }
      serializer.WriteUint32(kObject);
      return serializer.WriteValue(context, plain);
    }
    v8::Local<v8::ArrayBufferView> view = object.As<v8::ArrayBufferView>();
    serializer.WriteUint32(kView);
    serializer.WriteUint32(kind_of(view, buffer_prototype_));
    serializer.WriteUint32(static_cast<uint32_t>(view->ByteLength()));
    serializer.WriteRawBytes(static_cast<const uint8_t*>(view->Buffer()->Data()) + view->ByteOffset(),
                             view->ByteLength());
    return v8::Just(true);
  }
  v8::ValueSerializer serializer;

 private:
  v8::Isolate* isolate_;
  v8::Local<v8::Value> buffer_prototype_;
};

class Reader final : public v8::ValueDeserializer::Delegate {
 public:
  Reader(v8::Isolate* isolate, const uint8_t* bytes, size_t count, v8::Local<v8::Value> buffer_prototype)
      : deserializer(isolate, bytes, count, this), isolate_(isolate), buffer_prototype_(buffer_prototype) {}
  v8::MaybeLocal<v8::Object> ReadHostObject(v8::Isolate*) override {
    v8::Local<v8::Context> context = isolate_->GetCurrentContext();
    uint32_t tag = 0, kind = 0, size = 0;
    const void* bytes = nullptr;
    if (!deserializer.ReadUint32(&tag)) return bad();
    if (tag == kObject) {
      v8::Local<v8::Value> plain;
      if (!deserializer.ReadValue(context).ToLocal(&plain) || !plain->IsObject()) return {};
      return plain.As<v8::Object>();
    }
    if (tag != kView || !deserializer.ReadUint32(&kind) || !deserializer.ReadUint32(&size) ||
        !deserializer.ReadRawBytes(size, &bytes))
      return bad();
    v8::Local<v8::ArrayBuffer> buffer = v8::ArrayBuffer::New(isolate_, size);
    if (size > 0) std::memcpy(buffer->Data(), bytes, size);
    switch (kind) {
      case kInt8: return v8::Int8Array::New(buffer, 0, size);
      case kUint8: return v8::Uint8Array::New(buffer, 0, size);
      case kUint8Clamped: return v8::Uint8ClampedArray::New(buffer, 0, size);
      case kInt16: return v8::Int16Array::New(buffer, 0, size / 2);
      case kUint16: return v8::Uint16Array::New(buffer, 0, size / 2);
      case kInt32: return v8::Int32Array::New(buffer, 0, size / 4);
      case kUint32: return v8::Uint32Array::New(buffer, 0, size / 4);
      case kFloat32: return v8::Float32Array::New(buffer, 0, size / 4);
      case kFloat64: return v8::Float64Array::New(buffer, 0, size / 8);
      case kDataView: return v8::DataView::New(buffer, 0, size);
      case kBigInt64: return v8::BigInt64Array::New(buffer, 0, size / 8);
      case kBigUint64: return v8::BigUint64Array::New(buffer, 0, size / 8);
      case kBuffer: {
        v8::Local<v8::Uint8Array> view = v8::Uint8Array::New(buffer, 0, size);
        view->SetPrototype(context, buffer_prototype_).Check();
        return view;
      }
      default: return bad();
    }
  }
  v8::ValueDeserializer deserializer;

 private:
  v8::MaybeLocal<v8::Object> bad() {
    isolate_->ThrowException(
        v8::Exception::Error(runtime::to_v8(isolate_, "Unable to deserialize cloned data.")));
    return {};
  }
  v8::Isolate* isolate_;
  v8::Local<v8::Value> buffer_prototype_;
};

// serialize(value, Buffer.prototype) -> ArrayBuffer
void serialize(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  Writer writer(isolate, info[1]);
  writer.serializer.WriteHeader();
  if (!writer.serializer.WriteValue(isolate->GetCurrentContext(), info[0]).FromMaybe(false)) return;
  const std::pair<uint8_t*, size_t> bytes = writer.serializer.Release();
  v8::Local<v8::ArrayBuffer> buffer = v8::ArrayBuffer::New(isolate, bytes.second);
  std::memcpy(buffer->Data(), bytes.first, bytes.second);
  std::free(bytes.first);
  info.GetReturnValue().Set(buffer);
}

// deserialize(view, Buffer.prototype) -> value
void deserialize(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::Context> context = isolate->GetCurrentContext();
  v8::Local<v8::ArrayBufferView> view = info[0].As<v8::ArrayBufferView>();
  Reader reader(isolate, static_cast<const uint8_t*>(view->Buffer()->Data()) + view->ByteOffset(),
                view->ByteLength(), info[1]);
  v8::Local<v8::Value> value;
  if (reader.deserializer.ReadHeader(context).FromMaybe(false) &&
      reader.deserializer.ReadValue(context).ToLocal(&value))
    info.GetReturnValue().Set(value);
}

}  // namespace

void install_ipc(v8::Local<v8::Context> context, v8::Local<v8::Object> target, runtime::IsolateHost&) {
  runtime::set_function(context, target, "serialize", serialize);
  runtime::set_function(context, target, "deserialize", deserialize);
}

}  // namespace sluice::jsapi
