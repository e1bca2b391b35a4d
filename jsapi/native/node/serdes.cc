// SPDX-License-Identifier: Apache-2.0
// V8's serialiser and deserialiser as objects, for node:v8. What they cannot write or read themselves they ask the JavaScript object
// (`self`) for that is around them: _writeHostObject, _readHostObject, _getSharedArrayBufferId, _getDataCloneError.
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "jsapi/native/node/bindings.hh"
#include "jsapi/native/node/native_object.hh"
#include "runtime/isolate_host.hh"
#include "runtime/v8_text.hh"

namespace sluice::jsapi {

namespace {

using Info = v8::FunctionCallbackInfo<v8::Value>;

struct Serdes {
  explicit Serdes(v8::Isolate* isolate) : objects(isolate) {}
  NativeObjects objects;
};

Serdes& serdes(const Info& info) { return *static_cast<Serdes*>(info.Data().As<v8::External>()->Value()); }

// self[name], when it is a function. False: it is none, or an exception is on its way.
bool method_of(v8::Local<v8::Context> context, v8::Local<v8::Object> self, const char* name,
               v8::Local<v8::Function>& out) {
  v8::Local<v8::Value> found;
  if (!self->Get(context, runtime::to_v8(context->GetIsolate(), name)).ToLocal(&found)) return false;
  if (!found->IsFunction()) return false;
  out = found.As<v8::Function>();
  return true;
}

void cannot_read(v8::Isolate* isolate) {
  isolate->ThrowException(
      v8::Exception::Error(runtime::to_v8(isolate, "Unable to deserialize cloned data.")));
}

// Sets who is asked for the time of one call. Not kept longer: a strong reference from here to the object that owns this would keep
// both for ever.
class Asking {
 public:
  Asking(v8::Local<v8::Object>& place, v8::Local<v8::Value> self) : place_(place), before_(place) {
    place_ = self.As<v8::Object>();
  }
  ~Asking() { place_ = before_; }
  Asking(const Asking&) = delete;

 private:
  v8::Local<v8::Object>& place_;
  v8::Local<v8::Object> before_;
};

class Writer final : public v8::ValueSerializer::Delegate {
 public:
  explicit Writer(v8::Isolate* isolate) : serializer(isolate, this), isolate_(isolate) {}
  void ThrowDataCloneError(v8::Local<v8::String> message) override {
    v8::Local<v8::Context> context = isolate_->GetCurrentContext();
    v8::Local<v8::Function> make;
    v8::TryCatch caught(isolate_);
    v8::Local<v8::Value> error, text = message;
    if (method_of(context, self, "_getDataCloneError", make)) {
      if (make->Call(context, self, 1, &text).ToLocal(&error)) isolate_->ThrowException(error);
    } else if (!caught.HasCaught()) {
      isolate_->ThrowException(v8::Exception::Error(message));
    }
    caught.ReThrow();
  }
  v8::Maybe<bool> WriteHostObject(v8::Isolate* isolate, v8::Local<v8::Object> object) override {
    v8::Local<v8::Context> context = isolate->GetCurrentContext();
    v8::Local<v8::Function> write;
    v8::Local<v8::Value> argument = object;
    {
      v8::TryCatch caught(isolate);
      const bool found = method_of(context, self, "_writeHostObject", write);
      if (!found) {
        if (!caught.HasCaught()) cannot_clone("#<Object>");
        caught.ReThrow();
        return v8::Nothing<bool>();
      }
    }
    return write->Call(context, self, 1, &argument).IsEmpty() ? v8::Nothing<bool>() : v8::Just(true);
  }
  v8::Maybe<uint32_t> GetSharedArrayBufferId(v8::Isolate* isolate,
                                             v8::Local<v8::SharedArrayBuffer> buffer) override {
    v8::Local<v8::Context> context = isolate->GetCurrentContext();
    v8::Local<v8::Function> find;
    v8::Local<v8::Value> argument = buffer, id;
    {
      v8::TryCatch caught(isolate);
      const bool found = method_of(context, self, "_getSharedArrayBufferId", find);
      if (!found) {
        if (!caught.HasCaught()) cannot_clone("#<SharedArrayBuffer>");
        caught.ReThrow();
        return v8::Nothing<uint32_t>();
      }
    }
    if (!find->Call(context, self, 1, &argument).ToLocal(&id)) return v8::Nothing<uint32_t>();
    return id->Uint32Value(context);
  }

  v8::ValueSerializer serializer;
  v8::Local<v8::Object> self;

 private:
  // The words of V8's own delegate, whose exceptions its serialiser does not see.
  void cannot_clone(const std::string& what) {
    ThrowDataCloneError(runtime::to_v8(isolate_, what + " could not be cloned."));
  }
  v8::Isolate* isolate_;
};

class Reader final : public v8::ValueDeserializer::Delegate {
 public:
  // `bytes` lie in `store`, which is kept.
  Reader(v8::Isolate* isolate, std::shared_ptr<v8::BackingStore> store, const uint8_t* bytes, size_t count)
      : begin(bytes), store_(std::move(store)), deserializer(isolate, bytes, count, this) {}
  v8::MaybeLocal<v8::Object> ReadHostObject(v8::Isolate* isolate) override {
    v8::Local<v8::Context> context = isolate->GetCurrentContext();
    v8::Local<v8::Function> read;
    {
      v8::TryCatch caught(isolate);
      const bool found = method_of(context, self, "_readHostObject", read);
      if (!found) {
        if (!caught.HasCaught()) cannot_read(isolate);
        caught.ReThrow();
        return {};
      }
    }
    // The deserialiser forbids JavaScript to run while it reads; this is the one place where it may.
    v8::Isolate::AllowJavascriptExecutionScope allow(isolate);
    v8::Local<v8::Value> value;
    if (!read->Call(context, self, 0, nullptr).ToLocal(&value)) return {};
    if (!value->IsObject()) {
      isolate->ThrowException(
          v8::Exception::TypeError(runtime::to_v8(isolate, "readHostObject must return an object")));
      return {};
    }
    return value.As<v8::Object>();
  }
  v8::MaybeLocal<v8::SharedArrayBuffer> GetSharedArrayBufferFromId(v8::Isolate* isolate,
                                                                   uint32_t id) override {
    const auto found = shared.find(id);
    if (found != shared.end()) return found->second.Get(isolate);
    cannot_read(isolate);
    return {};
  }

  const uint8_t* begin;
  std::map<uint32_t, v8::Global<v8::SharedArrayBuffer>> shared;  // by the ids that the serialiser gave them

 private:
  std::shared_ptr<v8::BackingStore> store_;

 public:
  v8::ValueDeserializer deserializer;
  v8::Local<v8::Object> self;
  bool failed = false;  // V8 does not allow to go on after a bad header
};

void fail(const Info& info, const char* message) {
  info.GetIsolate()->ThrowException(v8::Exception::Error(runtime::to_v8(info.GetIsolate(), message)));
}

Writer* writer_of(const Info& info) { return NativeObjects::unwrap<Writer>(info[0]); }
Reader* reader_of(const Info& info) {
  Reader* reader = NativeObjects::unwrap<Reader>(info[0]);
  if (reader != nullptr && reader->failed) {
    cannot_read(info.GetIsolate());
    return nullptr;
  }
  return reader;
}

uint32_t uint32_at(const Info& info, int index) {
  return info[index]->Uint32Value(info.GetIsolate()->GetCurrentContext()).FromMaybe(0);
}

// ---- writing

void make_writer(const Info& info) {
  info.GetReturnValue().Set(serdes(info).objects.wrap(std::make_unique<Writer>(info.GetIsolate())));
}

void write_header(const Info& info) {
  if (Writer* writer = writer_of(info)) writer->serializer.WriteHeader();
}

// writeValue(handle, self, value) -> true, or an exception
void write_value(const Info& info) {
  Writer* writer = writer_of(info);
  if (writer == nullptr) return;
  Asking asking(writer->self, info[1]);
  const v8::Maybe<bool> done = writer->serializer.WriteValue(info.GetIsolate()->GetCurrentContext(), info[2]);
  if (done.IsJust()) info.GetReturnValue().Set(done.FromJust());
}

// release(handle) -> ArrayBuffer with what was written
void release(const Info& info) {
  Writer* writer = writer_of(info);
  if (writer == nullptr) return;
  const std::pair<uint8_t*, size_t> bytes = writer->serializer.Release();
  info.GetReturnValue().Set(v8::ArrayBuffer::New(
      info.GetIsolate(),
      v8::ArrayBuffer::NewBackingStore(
          bytes.first, bytes.second, [](void* at, size_t, void*) { std::free(at); }, nullptr)));
}

void write_transfer(const Info& info) {
  if (Writer* writer = writer_of(info))
    writer->serializer.TransferArrayBuffer(uint32_at(info, 1), info[2].As<v8::ArrayBuffer>());
}

void write_uint32(const Info& info) {
  if (Writer* writer = writer_of(info)) writer->serializer.WriteUint32(uint32_at(info, 1));
}

void write_uint64(const Info& info) {
  if (Writer* writer = writer_of(info))
    writer->serializer.WriteUint64(static_cast<uint64_t>(uint32_at(info, 1)) << 32 | uint32_at(info, 2));
}

void write_double(const Info& info) {
  if (Writer* writer = writer_of(info))
    writer->serializer.WriteDouble(info[1]->NumberValue(info.GetIsolate()->GetCurrentContext()).FromMaybe(0));
}

void write_bytes(const Info& info) {
  Writer* writer = writer_of(info);
  if (writer == nullptr) return;
  v8::Local<v8::ArrayBufferView> view = info[1].As<v8::ArrayBufferView>();
  writer->serializer.WriteRawBytes(static_cast<const uint8_t*>(view->Buffer()->Data()) + view->ByteOffset(),
                                   view->ByteLength());
}

void views_are_host_objects(const Info& info) {
  if (Writer* writer = writer_of(info))
    writer->serializer.SetTreatArrayBufferViewsAsHostObjects(info[1]->BooleanValue(info.GetIsolate()));
}

// ---- reading

void make_reader(const Info& info) {
  v8::Local<v8::ArrayBufferView> view = info[0].As<v8::ArrayBufferView>();
  std::shared_ptr<v8::BackingStore> store = view->Buffer()->GetBackingStore();
  const auto* bytes = static_cast<const uint8_t*>(store->Data()) + view->ByteOffset();
  info.GetReturnValue().Set(serdes(info).objects.wrap(
      std::make_unique<Reader>(info.GetIsolate(), std::move(store), bytes, view->ByteLength())));
}

// readHeader(handle) -> true, or an exception
void read_header(const Info& info) {
  Reader* reader = reader_of(info);
  if (reader == nullptr) return;
  const v8::Maybe<bool> read = reader->deserializer.ReadHeader(info.GetIsolate()->GetCurrentContext());
  reader->failed = !read.FromMaybe(false);
  if (read.IsJust()) info.GetReturnValue().Set(read.FromJust());
}

// readValue(handle, self)
void read_value(const Info& info) {
  Reader* reader = reader_of(info);
  if (reader == nullptr) return;
  Asking asking(reader->self, info[1]);
  v8::Local<v8::Value> value;
  if (reader->deserializer.ReadValue(info.GetIsolate()->GetCurrentContext()).ToLocal(&value))
    info.GetReturnValue().Set(value);
}

void read_transfer(const Info& info) {
  Reader* reader = reader_of(info);
  if (reader == nullptr) return;
  if (info[2]->IsSharedArrayBuffer())
    reader->shared[uint32_at(info, 1)].Reset(info.GetIsolate(), info[2].As<v8::SharedArrayBuffer>());
  else
    reader->deserializer.TransferArrayBuffer(uint32_at(info, 1), info[2].As<v8::ArrayBuffer>());
}

void wire_version(const Info& info) {
  if (Reader* reader = reader_of(info))
    info.GetReturnValue().Set(reader->deserializer.GetWireFormatVersion());
}

void read_uint32(const Info& info) {
  Reader* reader = reader_of(info);
  if (reader == nullptr) return;
  uint32_t value = 0;
  if (!reader->deserializer.ReadUint32(&value)) return fail(info, "ReadUint32() failed");
  info.GetReturnValue().Set(value);
}

// -> [high 32 bits, low 32 bits]
void read_uint64(const Info& info) {
  Reader* reader = reader_of(info);
  if (reader == nullptr) return;
  uint64_t value = 0;
  if (!reader->deserializer.ReadUint64(&value)) return fail(info, "ReadUint64() failed");
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::Value> halves[] = {v8::Integer::NewFromUnsigned(isolate, static_cast<uint32_t>(value >> 32)),
                                   v8::Integer::NewFromUnsigned(isolate, static_cast<uint32_t>(value))};
  info.GetReturnValue().Set(v8::Array::New(isolate, halves, 2));
}

void read_double(const Info& info) {
  Reader* reader = reader_of(info);
  if (reader == nullptr) return;
  double value = 0;
  if (!reader->deserializer.ReadDouble(&value)) return fail(info, "ReadDouble() failed");
  info.GetReturnValue().Set(value);
}

// readBytes(handle, count) -> where they begin, counted from the begin of the bytes given
void read_bytes(const Info& info) {
  Reader* reader = reader_of(info);
  if (reader == nullptr) return;
  const double count = info[1]->NumberValue(info.GetIsolate()->GetCurrentContext()).FromMaybe(-1);
  const void* at = nullptr;
  if (!(count >= 0 && count <= 9007199254740991.0) ||
      !reader->deserializer.ReadRawBytes(static_cast<size_t>(count), &at))
    return fail(info, "ReadRawBytes() failed");
  info.GetReturnValue().Set(static_cast<double>(static_cast<const uint8_t*>(at) - reader->begin));
}

// Whether V8 keeps the text with one byte a character.
void is_one_byte(const Info& info) { info.GetReturnValue().Set(info[0].As<v8::String>()->IsOneByte()); }

}  // namespace

void install_serdes(v8::Local<v8::Context> context, v8::Local<v8::Object> target,
                    runtime::IsolateHost& host) {
  v8::Isolate* isolate = context->GetIsolate();
  Serdes* state = host.own(std::make_unique<Serdes>(isolate));
  v8::Local<v8::External> data = v8::External::New(isolate, state);
  const auto add = [&](const char* name, v8::FunctionCallback function) {
    runtime::set_function(context, target, name, function, data);
  };
  add("makeWriter", make_writer);
  add("makeReader", make_reader);
  add("writeHeader", write_header);
  add("writeValue", write_value);
  add("release", release);
  add("writeTransfer", write_transfer);
  add("writeUint32", write_uint32);
  add("writeUint64", write_uint64);
  add("writeDouble", write_double);
  add("writeBytes", write_bytes);
  add("viewsAreHostObjects", views_are_host_objects);
  add("readHeader", read_header);
  add("readValue", read_value);
  add("readTransfer", read_transfer);
  add("wireVersion", wire_version);
  add("readUint32", read_uint32);
  add("readUint64", read_uint64);
  add("readDouble", read_double);
  add("readBytes", read_bytes);
  add("isOneByte", is_one_byte);
}

}  // namespace sluice::jsapi
