// SPDX-License-Identifier: Apache-2.0
// C++ objects that JavaScript holds: an opaque handle object each, deleted when it is collected or the isolate goes. The functions of a
// binding take the handle as an argument.
#pragma once
#include <v8.h>

#include <cstdint>
#include <memory>
#include <utility>

namespace sluice::jsapi {

// All handles of one binding. Owned by the host (IsolateHost::own), so that what is left goes with the isolate.
class NativeObjects {
 public:
  explicit NativeObjects(v8::Isolate* isolate) : isolate_(isolate) {
    v8::HandleScope scope(isolate);
    v8::Local<v8::ObjectTemplate> shape = v8::ObjectTemplate::New(isolate);
    shape->SetInternalFieldCount(1);
    shape_.Reset(isolate, shape);
  }
  ~NativeObjects() {
    while (first_ != nullptr) drop(first_);
  }
  NativeObjects(const NativeObjects&) = delete;

  // `bytes`: what the object holds beside V8's heap, roughly, for the collector's accounts.
  template <typename T>
  v8::Local<v8::Object> wrap(std::unique_ptr<T> object, int64_t bytes = 0) {
    v8::Local<v8::Object> handle =
        shape_.Get(isolate_)->NewInstance(isolate_->GetCurrentContext()).ToLocalChecked();
    auto* record = new Record{this, object.release(), [](void* at) { delete static_cast<T*>(at); }, &tag_of<T>, bytes,
                              nullptr, first_, {}};
    if (first_ != nullptr) first_->before = record;
    first_ = record;
    handle->SetAlignedPointerInInternalField(0, record);
    record->handle.Reset(isolate_, handle);
    record->handle.SetWeak(
        record, [](const v8::WeakCallbackInfo<Record>& info) { info.GetParameter()->owner->drop(info.GetParameter()); },
        v8::WeakCallbackType::kParameter);
    if (bytes != 0) isolate_->AdjustAmountOfExternalAllocatedMemory(bytes);
    return handle;
  }

  // nullptr: `value` is no handle of a T.
  template <typename T>
  static T* unwrap(v8::Local<v8::Value> value) {
    if (!value->IsObject()) return nullptr;
    v8::Local<v8::Object> object = value.As<v8::Object>();
    if (object->InternalFieldCount() != 1) return nullptr;
    auto* record = static_cast<Record*>(object->GetAlignedPointerFromInternalField(0));
    return record != nullptr && record->tag == &tag_of<T> ? static_cast<T*>(record->object) : nullptr;
  }

 private:
  template <typename T>
  static inline char tag_of = 0;

  struct Record {
    NativeObjects* owner;
    void* object;
    void (*destroy)(void*);
    const char* tag;
    int64_t bytes;
    Record *before, *after;
    v8::Global<v8::Object> handle;
  };
  void drop(Record* record) {
    (record->before != nullptr ? record->before->after : first_) = record->after;
    if (record->after != nullptr) record->after->before = record->before;
    record->handle.Reset();
    if (record->bytes != 0) isolate_->AdjustAmountOfExternalAllocatedMemory(-record->bytes);
    record->destroy(record->object);
    delete record;
  }

  v8::Isolate* isolate_;
  v8::Global<v8::ObjectTemplate> shape_;
  Record* first_ = nullptr;
};

}  // namespace sluice::jsapi
