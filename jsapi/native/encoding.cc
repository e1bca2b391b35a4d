// SPDX-License-Identifier: Apache-2.0
// Strings across the border.
#include "jsapi/native/encoding.hh"

namespace sluice::jsapi {

v8::MaybeLocal<v8::String> utf8(v8::Isolate* isolate, std::string_view text) {
  if (text.size() > static_cast<size_t>(v8::String::kMaxLength)) {
    isolate->ThrowException(v8::Exception::RangeError(
        v8::String::NewFromUtf8Literal(isolate, "Body is longer than a string can be")));
    return {};
  }
  if (is_ascii(text.data(), text.size())) return latin1(isolate, text);
  return v8::String::NewFromUtf8(isolate, text.data(), v8::NewStringType::kNormal,
                                 static_cast<int>(text.size()));
}

Utf8Text::Utf8Text(v8::Isolate* isolate, v8::Local<v8::String> string) {
  const int length = string->Length();
  if (length <= kInPlaceBytes && string->IsOneByte()) {
    string->WriteOneByte(isolate, reinterpret_cast<uint8_t*>(in_place_), 0, length,
                         v8::String::NO_NULL_TERMINATION);
    if (is_ascii(in_place_, static_cast<size_t>(length))) {
      view_ = {in_place_, static_cast<size_t>(length)};
      return;
    }
  }
  constexpr int kOptions = v8::String::NO_NULL_TERMINATION | v8::String::REPLACE_INVALID_UTF8;
  if (length * 3 <= kInPlaceBytes) {  // three bytes at most for each unit of UTF-16
    const int written = string->WriteUtf8(isolate, in_place_, kInPlaceBytes, nullptr, kOptions);
    view_ = {in_place_, static_cast<size_t>(written)};
    return;
  }
  longer_.resize(static_cast<size_t>(string->Utf8Length(isolate)));
  string->WriteUtf8(isolate, longer_.data(), static_cast<int>(longer_.size()), nullptr, kOptions);
  view_ = longer_;
}

std::string to_utf8(v8::Isolate* isolate, v8::Local<v8::Value> value) {
  if (!value->IsString()) return {};
  return std::string(Utf8Text(isolate, value.As<v8::String>()).view());
}

void append_latin1(v8::Isolate* isolate, v8::Local<v8::String> string, std::string& out) {
  const size_t before = out.size();
  const int length = string->Length();
  out.resize(before + static_cast<size_t>(length));
  string->WriteOneByte(isolate, reinterpret_cast<uint8_t*>(out.data() + before), 0, length,
                       v8::String::NO_NULL_TERMINATION);
}

bool bytes_of(v8::Local<v8::Value> value, Bytes& bytes) {
  if (value->IsArrayBufferView()) {
    const auto view = value.As<v8::ArrayBufferView>();
    if (!view->HasBuffer() && view->ByteLength() <= sizeof(bytes.in_place)) {
      bytes.length = view->CopyContents(bytes.in_place, sizeof(bytes.in_place));
      bytes.data = bytes.in_place;
      return true;
    }
    const auto buffer = view->Buffer();
    bytes.data = static_cast<const uint8_t*>(buffer->Data()) + view->ByteOffset();
    bytes.length = view->ByteLength();
    return true;
  }
  if (value->IsArrayBuffer()) {
    const auto buffer = value.As<v8::ArrayBuffer>();
    bytes.data = static_cast<const uint8_t*>(buffer->Data());
    bytes.length = buffer->ByteLength();
    return true;
  }
  return false;
}

v8::MaybeLocal<v8::ArrayBuffer> new_array_buffer(v8::Isolate* isolate, size_t bytes) {
  v8::ArrayBuffer::Allocator* allocator = isolate->GetArrayBufferAllocator();
  void* probe = allocator->AllocateUninitialized(bytes);
  if (probe == nullptr) {
    isolate->ThrowException(
        v8::Exception::RangeError(v8::String::NewFromUtf8Literal(isolate, "Array buffer allocation failed")));
    return {};
  }
  allocator->Free(probe, bytes);
  return v8::ArrayBuffer::New(isolate, bytes);
}

std::shared_ptr<v8::BackingStore> store_of(v8::Local<v8::Value> value) {
  if (value->IsArrayBufferView()) return value.As<v8::ArrayBufferView>()->Buffer()->GetBackingStore();
  return value.As<v8::ArrayBuffer>()->GetBackingStore();
}

}  // namespace sluice::jsapi
