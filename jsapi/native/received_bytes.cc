// SPDX-License-Identifier: Apache-2.0
// Bytes that arrived for a script and that it has not taken yet.
#include "jsapi/native/received_bytes.hh"

#include <cstring>

namespace sluice::jsapi {

void ReceivedBytes::clear() {
  queue_.clear();
  bytes_ = 0;
  gathered_.clear();
  if (gathered_.capacity() > kKeptBytes) gathered_.shrink_to_fit();
}

void ReceivedBytes::copy_to(uint8_t* out) const {
  if (!gathered_.empty()) std::memcpy(out, gathered_.data(), gathered_.size());
  out += gathered_.size();
  for (const Buffer* chain = queue_.front(); chain; chain = chain->next)
    for (const Buffer* segment = chain; segment; segment = segment->next_segment) {
      std::memcpy(out, segment->data, segment->length);
      out += segment->length;
    }
}

v8::MaybeLocal<v8::Uint8Array> ReceivedBytes::take(v8::Isolate* isolate) {
  const size_t count = size();
  v8::Local<v8::ArrayBuffer> buffer;
  if (!new_array_buffer(isolate, count).ToLocal(&buffer)) return {};
  if (count) copy_to(static_cast<uint8_t*>(buffer->Data()));
  clear();
  return v8::Uint8Array::New(buffer, 0, count);
}

uint32_t ReceivedBytes::gather() {
  const uint32_t moved = bytes_;
  while (Buffer* chain = queue_.pop()) {
    for (const Buffer* segment = chain; segment; segment = segment->next_segment)
      gathered_ += segment->text();
    release(chain);
  }
  bytes_ = 0;
  return moved;
}

v8::MaybeLocal<v8::Value> ReceivedBytes::take_whole(v8::Isolate* isolate, WholeBody form) {
  if (form != WholeBody::kText) {
    v8::Local<v8::Uint8Array> array;
    if (!take(isolate).ToLocal(&array)) return {};
    if (form == WholeBody::kArrayBuffer) return array->Buffer().As<v8::Value>();
    return array.As<v8::Value>();
  }
  std::string_view text;
  const Buffer* only = queue_.front();
  if (gathered_.empty() && only && only->next == nullptr && only->next_segment == nullptr) {
    text = only->text();
  } else {
    gather();
    text = gathered_;
  }
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  v8::Local<v8::String> string;
  const bool made = utf8(isolate, text).ToLocal(&string);
  clear();
  if (!made) return {};
  return string.As<v8::Value>();
}

}  // namespace sluice::jsapi
