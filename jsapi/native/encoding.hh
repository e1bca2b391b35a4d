// SPDX-License-Identifier: Apache-2.0
// Strings across the border: bytes of the network to JavaScript strings and back, with as few passes as V8 allows.
#pragma once
#include <v8.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace sluice::jsapi {

// Whether all bytes are below 0x80.
inline bool is_ascii(const void* bytes, size_t count) {
  const auto* at = static_cast<const uint8_t*>(bytes);
  uint8_t all = 0;
  for (size_t i = 0; i < count; ++i) all |= at[i];
  return all < 0x80;
}

// Bytes of a message head: each byte is one character, as Node gives them (RFC 9110 section 5.5 leaves the upper half
// opaque).
inline v8::Local<v8::String> latin1(v8::Isolate* isolate, std::string_view text) {
  return v8::String::NewFromOneByte(isolate, reinterpret_cast<const uint8_t*>(text.data()),
                                    v8::NewStringType::kNormal, static_cast<int>(text.size()))
      .ToLocalChecked();
}
inline v8::Local<v8::String> latin1_internalized(v8::Isolate* isolate, std::string_view text) {
  return v8::String::NewFromOneByte(isolate, reinterpret_cast<const uint8_t*>(text.data()),
                                    v8::NewStringType::kInternalized, static_cast<int>(text.size()))
      .ToLocalChecked();
}

// UTF-8 with invalid sequences replaced, as TextDecoder does; a byte order mark is not removed. Empty when the text is
// longer than a string can be (an exception is pending then).
v8::MaybeLocal<v8::String> utf8(v8::Isolate* isolate, std::string_view text);

// The text of a JavaScript string as UTF-8 (unpaired surrogates become U+FFFD), held in place while it is short.
class Utf8Text {
 public:
  Utf8Text(v8::Isolate* isolate, v8::Local<v8::String> string);
  Utf8Text(const Utf8Text&) = delete;
  std::string_view view() const { return view_; }

 private:
  static constexpr int kInPlaceBytes = 4096;
  char in_place_[kInPlaceBytes];
  std::string longer_;
  std::string_view view_;
};

// For values that are known to be strings; copies.
std::string to_utf8(v8::Isolate* isolate, v8::Local<v8::Value> value);

// Appends a string of a message head as Latin-1 (characters above 0xff have been refused before).
void append_latin1(v8::Isolate* isolate, v8::Local<v8::String> string, std::string& out);

// The bytes of an ArrayBuffer or a view of one, without a copy (but for small arrays that V8 keeps inside the object,
// for which a buffer would have to be made). False for anything else.
struct Bytes {
  Bytes() = default;
  Bytes(const Bytes&) = delete;
  const uint8_t* data = nullptr;
  size_t length = 0;
  uint8_t in_place[64];
  std::string_view view() const { return {reinterpret_cast<const char*>(data), length}; }
};
bool bytes_of(v8::Local<v8::Value> value, Bytes& bytes);
// A new ArrayBuffer; empty, with a RangeError pending, when there is no memory for it (V8's own function would end the process).
v8::MaybeLocal<v8::ArrayBuffer> new_array_buffer(v8::Isolate* isolate, size_t bytes);
// The store behind them, for keeping it alive.
std::shared_ptr<v8::BackingStore> store_of(v8::Local<v8::Value> value);

}  // namespace sluice::jsapi
