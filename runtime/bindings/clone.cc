// SPDX-License-Identifier: Apache-2.0
// structuredClone (HTML Standard, section 2.7) by V8's serialiser.
#include <utility>
#include <vector>

#include "runtime/bindings/bindings.hh"
#include "runtime/isolate_host.hh"
#include "runtime/v8_text.hh"

namespace sluice::runtime {

namespace {

// Notes why a value cannot be cloned; built-in JavaScript makes the DataCloneError of it.
class Delegate final : public v8::ValueSerializer::Delegate {
 public:
  Delegate(v8::Isolate* isolate, v8::Local<v8::Object> failure) : isolate_(isolate), failure_(failure) {}
  void ThrowDataCloneError(v8::Local<v8::String> message) override {
    failure_->Set(isolate_->GetCurrentContext(), name_of(isolate_, "message"), message).Check();
    isolate_->ThrowException(v8::Exception::Error(message));
  }
  v8::Maybe<uint32_t> GetSharedArrayBufferId(v8::Isolate*, v8::Local<v8::SharedArrayBuffer> buffer) override {
    shared_.push_back(buffer);
    return v8::Just(static_cast<uint32_t>(shared_.size() - 1));
  }
  const std::vector<v8::Local<v8::SharedArrayBuffer>>& shared() const { return shared_; }

 private:
  v8::Isolate* isolate_;
  v8::Local<v8::Object> failure_;
  std::vector<v8::Local<v8::SharedArrayBuffer>> shared_;
};

class Reader final : public v8::ValueDeserializer::Delegate {
 public:
  explicit Reader(const std::vector<v8::Local<v8::SharedArrayBuffer>>& shared) : shared_(shared) {}
  v8::MaybeLocal<v8::SharedArrayBuffer> GetSharedArrayBufferFromId(v8::Isolate*, uint32_t id) override {
    return shared_[id];
  }

 private:
  const std::vector<v8::Local<v8::SharedArrayBuffer>>& shared_;
};

}  // namespace

// clone(value, transfer[], failure)
static void clone(const v8::FunctionCallbackInfo<v8::Value>& info) {
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::Context> context = isolate->GetCurrentContext();
  v8::Local<v8::Array> transfer = info[1].As<v8::Array>();
  v8::Local<v8::Object> failure = info[2].As<v8::Object>();
  const auto fail = [&](const char* why) {
    failure->Set(context, name_of(isolate, "message"), to_v8(isolate, why)).Check();
  };
  Delegate delegate(isolate, failure);
  v8::ValueSerializer serializer(isolate, &delegate);
  std::vector<v8::Local<v8::ArrayBuffer>> buffers;
  for (uint32_t i = 0; i < transfer->Length(); ++i) {
    v8::Local<v8::Value> item;
    if (!transfer->Get(context, i).ToLocal(&item)) return;
    if (!item->IsArrayBuffer()) return fail("Found invalid object in transferList");
    v8::Local<v8::ArrayBuffer> buffer = item.As<v8::ArrayBuffer>();
    if (!buffer->IsDetachable()) return fail("An ArrayBuffer could not be cloned.");
    serializer.TransferArrayBuffer(i, buffer);
    buffers.push_back(buffer);
  }
  serializer.WriteHeader();
  {
    v8::TryCatch caught(isolate);
    if (!serializer.WriteValue(context, info[0]).FromMaybe(false)) {
      if (caught.HasTerminated() ||
          failure->HasOwnProperty(context, name_of(isolate, "message")).FromMaybe(false) == false)
        caught.ReThrow();
      return;
    }
  }
  const std::pair<uint8_t*, size_t> bytes = serializer.Release();
  Reader reader(delegate.shared());
  v8::ValueDeserializer deserializer(isolate, bytes.first, bytes.second, &reader);
  for (uint32_t i = 0; i < buffers.size(); ++i) {
    std::shared_ptr<v8::BackingStore> store = buffers[i]->GetBackingStore();
    buffers[i]->Detach();
    deserializer.TransferArrayBuffer(i, v8::ArrayBuffer::New(isolate, std::move(store)));
  }
  v8::Local<v8::Value> result;
  if (deserializer.ReadHeader(context).FromMaybe(false) && deserializer.ReadValue(context).ToLocal(&result))
    info.GetReturnValue().Set(result);
  std::free(bytes.first);
}

void install_clone(v8::Local<v8::Context> context, v8::Local<v8::Object> target, IsolateHost&) {
  set_function(context, target, "clone", clone);
  set_function(context, target, "detach", [](const v8::FunctionCallbackInfo<v8::Value>& info) {
    if (info[0]->IsArrayBuffer() && info[0].As<v8::ArrayBuffer>()->IsDetachable())
      info[0].As<v8::ArrayBuffer>()->Detach();
  });
}

}  // namespace sluice::runtime
