// SPDX-License-Identifier: Apache-2.0
// Bytes that JavaScript gives and takes: views, buffers, strings.
#pragma once
#include <v8.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::jsapi {

// What a call from JavaScript refers to: an ArrayBufferView, an ArrayBuffer or a SharedArrayBuffer where it lies, or a string as UTF-8.
// Valid within the call; anything else is empty.
class InputBytes {
 public:
  InputBytes(v8::Isolate* isolate, v8::Local<v8::Value> value) {
    if (value->IsArrayBufferView()) {
      v8::Local<v8::ArrayBufferView> view = value.As<v8::ArrayBufferView>();
      size_ = view->ByteLength();
      if (!view->HasBuffer() && size_ <= sizeof(local_)) {
        // Small ones lie in V8's heap; asking for their buffer would move them out.
        view->CopyContents(local_, size_);
        data_ = local_;
      } else {
        data_ = static_cast<const uint8_t*>(view->Buffer()->Data()) + view->ByteOffset();
      }
    } else if (value->IsArrayBuffer()) {
      data_ = static_cast<const uint8_t*>(value.As<v8::ArrayBuffer>()->Data());
      size_ = value.As<v8::ArrayBuffer>()->ByteLength();
    } else if (value->IsSharedArrayBuffer()) {
      v8::Local<v8::SharedArrayBuffer> shared = value.As<v8::SharedArrayBuffer>();
      data_ = static_cast<const uint8_t*>(shared->GetBackingStore()->Data());
      size_ = shared->ByteLength();
    } else if (value->IsString()) {
      v8::Local<v8::String> text = value.As<v8::String>();
      const int length = text->Length();
      char* at = reinterpret_cast<char*>(local_);
      size_t room = sizeof(local_);
      if (static_cast<size_t>(length) * 3 > room) {
        room = static_cast<size_t>(text->Utf8Length(isolate));
        copied_.reset(new uint8_t[room + 1]);
        at = reinterpret_cast<char*>(copied_.get());
      }
      size_ = static_cast<size_t>(text->WriteUtf8(isolate, at, static_cast<int>(room), nullptr,
                                                  v8::String::NO_NULL_TERMINATION | v8::String::REPLACE_INVALID_UTF8));
      data_ = reinterpret_cast<uint8_t*>(at);
    }
  }
  InputBytes(const InputBytes&) = delete;

  // Never nullptr: libraries take that for something else.
  const uint8_t* data() const { return data_ != nullptr ? data_ : local_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::span<const uint8_t> span() const { return {data(), size_}; }
  std::string_view text() const { return {reinterpret_cast<const char*>(data()), size_}; }
  std::vector<uint8_t> copy() const { return {data(), data() + size_}; }

 private:
  const uint8_t* data_ = nullptr;
  size_t size_ = 0;
  uint8_t local_[512];
  std::unique_ptr<uint8_t[]> copied_;
};

// Bytes of a view that stay where they are while another thread works on them.
struct HeldBytes {
  std::shared_ptr<v8::BackingStore> store;
  uint8_t* data = nullptr;
  size_t size = 0;
};

inline HeldBytes hold_bytes(v8::Local<v8::Value> value) {
  HeldBytes held;
  if (value->IsArrayBufferView()) {
    v8::Local<v8::ArrayBufferView> view = value.As<v8::ArrayBufferView>();
    held.store = view->Buffer()->GetBackingStore();
    held.data = static_cast<uint8_t*>(held.store->Data()) + view->ByteOffset();
    held.size = view->ByteLength();
  } else if (value->IsArrayBuffer()) {
    held.store = value.As<v8::ArrayBuffer>()->GetBackingStore();
    held.data = static_cast<uint8_t*>(held.store->Data());
    held.size = held.store->ByteLength();
  } else if (value->IsSharedArrayBuffer()) {
    held.store = value.As<v8::SharedArrayBuffer>()->GetBackingStore();
    held.data = static_cast<uint8_t*>(held.store->Data());
    held.size = held.store->ByteLength();
  }
  return held;
}

// A Uint8Array of its own with these bytes.
inline v8::Local<v8::Uint8Array> new_bytes(v8::Isolate* isolate, std::span<const uint8_t> bytes) {
  v8::Local<v8::ArrayBuffer> buffer = v8::ArrayBuffer::New(isolate, bytes.size());
  if (!bytes.empty()) std::memcpy(buffer->Data(), bytes.data(), bytes.size());
  return v8::Uint8Array::New(buffer, 0, bytes.size());
}

}  // namespace sluice::jsapi
