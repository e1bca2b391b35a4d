// SPDX-License-Identifier: Apache-2.0
// Buffer's hot half: text to bytes and back in Node's encodings, searching, comparing, filling, swapping.
// Arguments were checked in JavaScript; a view here is a Uint8Array (or another view where said so).
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "jsapi/native/node/bindings.hh"
#include "runtime/isolate_host.hh"
#include "runtime/v8_text.hh"

namespace sluice::jsapi {

using Info = v8::FunctionCallbackInfo<v8::Value>;
using runtime::throw_error;
using runtime::to_v8;

namespace {

// As jsapi/node/internal/encodings.js numbers them.
enum class Encoding : uint8_t { kUtf8, kUtf16, kLatin1, kAscii, kBase64, kBase64Url, kHex };

struct Bytes {
  uint8_t* data = nullptr;
  size_t size = 0;
  std::string_view text() const { return {reinterpret_cast<const char*>(data), size}; }
};

Bytes bytes_of(v8::Local<v8::Value> value) {
  if (value->IsArrayBufferView()) {
    v8::Local<v8::ArrayBufferView> view = value.As<v8::ArrayBufferView>();
    const size_t size = view->ByteLength();
    if (size == 0) return {};
    return {static_cast<uint8_t*>(view->Buffer()->Data()) + view->ByteOffset(), size};
  }
  if (value->IsArrayBuffer()) {
    v8::Local<v8::ArrayBuffer> buffer = value.As<v8::ArrayBuffer>();
    return {static_cast<uint8_t*>(buffer->Data()), buffer->ByteLength()};
  }
  if (value->IsSharedArrayBuffer()) {
    v8::Local<v8::SharedArrayBuffer> buffer = value.As<v8::SharedArrayBuffer>();
    return {static_cast<uint8_t*>(buffer->Data()), buffer->ByteLength()};
  }
  return {};
}

size_t size_of(const Info& info, int at) {
  return static_cast<size_t>(info[at]->IntegerValue(info.GetIsolate()->GetCurrentContext()).FromMaybe(0));
}

Encoding encoding_of(const Info& info, int at) {
  return static_cast<Encoding>(info[at].As<v8::Int32>()->Value());
}

void too_long(v8::Isolate* isolate) {
  throw_error(isolate, v8::Exception::Error, "Cannot create a string longer than 0x1fffffe8 characters",
              "ERR_STRING_TOO_LONG");
}

constexpr size_t kLongestString = static_cast<size_t>(v8::String::kMaxLength);
// From here on a string refers to memory of its own outside V8's heap.
constexpr size_t kExternalFrom = size_t{1} << 20;

class OwnedLatin1 final : public v8::String::ExternalOneByteStringResource {
 public:
  OwnedLatin1(std::unique_ptr<char[]> text, size_t size) : text_(std::move(text)), size_(size) {}
  const char* data() const override { return text_.get(); }
  size_t length() const override { return size_; }

 private:
  std::unique_ptr<char[]> text_;
  size_t size_;
};

// Makes a one-byte string of `size` characters that `fill(char*)` writes.
template <typename Fill>
void give_one_byte(const Info& info, size_t size, Fill fill) {
  v8::Isolate* isolate = info.GetIsolate();
  if (size > kLongestString) return too_long(isolate);
  v8::Local<v8::String> text;
  if (size < kExternalFrom) {
    char small[1024];
    std::unique_ptr<char[]> large;
    char* at = small;
    if (size > sizeof(small)) {
      large = std::make_unique_for_overwrite<char[]>(size);
      at = large.get();
    }
    fill(at);
    if (v8::String::NewFromOneByte(isolate, reinterpret_cast<const uint8_t*>(at), v8::NewStringType::kNormal,
                                   static_cast<int>(size))
            .ToLocal(&text))
      info.GetReturnValue().Set(text);
    return;
  }
  auto memory = std::make_unique_for_overwrite<char[]>(size);
  fill(memory.get());
  auto resource = std::make_unique<OwnedLatin1>(std::move(memory), size);
  if (v8::String::NewExternalOneByte(isolate, resource.get()).ToLocal(&text)) {
    resource.release();  // the string's
    info.GetReturnValue().Set(text);
  }
}

bool all_ascii(const uint8_t* at, size_t size) {
  uint64_t any = 0;
  for (; size >= 8; at += 8, size -= 8) {
    uint64_t eight;
    std::memcpy(&eight, at, 8);
    any |= eight;
    if (any & 0x8080808080808080u) return false;
  }
  for (; size > 0; ++at, --size) any |= *at;
  return (any & 0x8080808080808080u) == 0;
}

constexpr char kBase64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr char kBase64Url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void base64_encode(const uint8_t* at, size_t size, bool url, char* out) {
  const char* alphabet = url ? kBase64Url : kBase64;
  size_t i = 0;
  for (; i + 3 <= size; i += 3) {
    const uint32_t group =
        static_cast<uint32_t>(at[i]) << 16 | static_cast<uint32_t>(at[i + 1]) << 8 | at[i + 2];
    *out++ = alphabet[group >> 18];
    *out++ = alphabet[group >> 12 & 63];
    *out++ = alphabet[group >> 6 & 63];
    *out++ = alphabet[group & 63];
  }
  if (i == size) return;
  const bool two = i + 2 == size;
  const uint32_t group =
      static_cast<uint32_t>(at[i]) << 16 | (two ? static_cast<uint32_t>(at[i + 1]) << 8 : 0u);
  *out++ = alphabet[group >> 18];
  *out++ = alphabet[group >> 12 & 63];
  if (two) *out++ = alphabet[group >> 6 & 63];
  if (!url) {
    *out++ = '=';
    if (!two) *out++ = '=';
  }
}

struct Base64Table {
  int8_t value[256];
  constexpr Base64Table() : value() {
    for (int8_t& each : value) each = -1;
    for (int i = 0; i < 64; ++i) value[static_cast<uint8_t>(kBase64[i])] = static_cast<int8_t>(i);
    value[static_cast<uint8_t>('-')] = 62;
    value[static_cast<uint8_t>('_')] = 63;
  }
};
constexpr Base64Table kBase64Values;

// Both alphabets; what is in neither is skipped, '=' ends it. Returns the bytes written, at most `room`.
template <typename Char>
size_t base64_decode(const Char* at, size_t count, uint8_t* out, size_t room) {
  size_t written = 0;
  uint32_t group = 0;
  unsigned bits = 0;
  for (size_t i = 0; i < count && written < room; ++i) {
    const Char c = at[i];
    if (c == '=') break;
    const int value = c < 256 ? kBase64Values.value[static_cast<uint8_t>(c)] : -1;
    if (value < 0) continue;
    group = group << 6 | static_cast<uint32_t>(value);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out[written++] = static_cast<uint8_t>(group >> bits);
  }
  return written;
}

int hex_value(unsigned c) {
  if (c >= '0' && c <= '9') return static_cast<int>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<int>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<int>(c - 'A' + 10);
  return -1;
}

// Stops at the first pair that is not hexadecimal.
template <typename Char>
size_t hex_decode(const Char* at, size_t count, uint8_t* out, size_t room) {
  size_t written = 0;
  for (; written < room && 2 * written + 1 < count; ++written) {
    const int high = hex_value(at[2 * written]), low = hex_value(at[2 * written + 1]);
    if (high < 0 || low < 0) break;
    out[written] = static_cast<uint8_t>(high << 4 | low);
  }
  return written;
}

// The units of a string, whichever width it has.
struct Units {
  std::unique_ptr<uint8_t[]> narrow;
  std::unique_ptr<uint16_t[]> wide;
  size_t count;
  Units(v8::Isolate* isolate, v8::Local<v8::String> text) : count(static_cast<size_t>(text->Length())) {
    if (text->IsOneByte()) {
      narrow = std::make_unique_for_overwrite<uint8_t[]>(count + 1);
      text->WriteOneByte(isolate, narrow.get(), 0, -1, v8::String::NO_NULL_TERMINATION);
    } else {
      wide = std::make_unique_for_overwrite<uint16_t[]>(count + 1);
      text->Write(isolate, wide.get(), 0, -1, v8::String::NO_NULL_TERMINATION);
    }
  }
};

// Returns the bytes written.
size_t write_text(v8::Isolate* isolate, v8::Local<v8::String> text, uint8_t* out, size_t room,
                  Encoding encoding) {
  if (room == 0) return 0;
  constexpr int kOptions = v8::String::NO_NULL_TERMINATION | v8::String::REPLACE_INVALID_UTF8;
  switch (encoding) {
    case Encoding::kUtf8: {
      const int limit = room > INT32_MAX ? INT32_MAX : static_cast<int>(room);
      return static_cast<size_t>(
          text->WriteUtf8(isolate, reinterpret_cast<char*>(out), limit, nullptr, kOptions));
    }
    case Encoding::kUtf16: {
      const size_t units = std::min(room / 2, static_cast<size_t>(text->Length()));
      if ((reinterpret_cast<uintptr_t>(out) & 1) == 0) {
        text->Write(isolate, reinterpret_cast<uint16_t*>(out), 0, static_cast<int>(units),
                    v8::String::NO_NULL_TERMINATION);
      } else {
        auto aligned = std::make_unique_for_overwrite<uint16_t[]>(units);
        text->Write(isolate, aligned.get(), 0, static_cast<int>(units), v8::String::NO_NULL_TERMINATION);
        std::memcpy(out, aligned.get(), units * 2);
      }
      return units * 2;
    }
    case Encoding::kLatin1:
    case Encoding::kAscii: {
      const size_t count = std::min(room, static_cast<size_t>(text->Length()));
      text->WriteOneByte(isolate, out, 0, static_cast<int>(count), v8::String::NO_NULL_TERMINATION);
      return count;
    }
    default: break;
  }
  const Units units(isolate, text);
  if (encoding == Encoding::kHex)
    return units.narrow ? hex_decode(units.narrow.get(), units.count, out, room)
                        : hex_decode(units.wide.get(), units.count, out, room);
  return units.narrow ? base64_decode(units.narrow.get(), units.count, out, room)
                      : base64_decode(units.wide.get(), units.count, out, room);
}

// write(view, text, offset, length, encoding) -> bytes written. Of UTF-8 and UTF-16, whole characters only.
void write(const Info& info) {
  const Bytes bytes = bytes_of(info[0]);
  const size_t offset = size_of(info, 2);
  if (offset >= bytes.size) return info.GetReturnValue().Set(0);
  const size_t room = std::min(size_of(info, 3), bytes.size - offset);
  info.GetReturnValue().Set(static_cast<double>(write_text(info.GetIsolate(), info[1].As<v8::String>(),
                                                           bytes.data + offset, room, encoding_of(info, 4))));
}

// read(view, start, end, encoding) -> text
void read(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const Bytes bytes = bytes_of(info[0]);
  const size_t end = std::min(size_of(info, 2), bytes.size), start = size_of(info, 1);
  if (start >= end) return info.GetReturnValue().Set(v8::String::Empty(isolate));
  const uint8_t* at = bytes.data + start;
  const size_t size = end - start;
  switch (encoding_of(info, 3)) {
    case Encoding::kUtf8: {
      if (all_ascii(at, size))
        return give_one_byte(info, size, [&](char* out) { std::memcpy(out, at, size); });
      v8::Local<v8::String> text;
      if (size > kLongestString ||
          !v8::String::NewFromUtf8(isolate, reinterpret_cast<const char*>(at), v8::NewStringType::kNormal,
                                   static_cast<int>(size))
               .ToLocal(&text))
        return too_long(isolate);
      return info.GetReturnValue().Set(text);
    }
    case Encoding::kUtf16: {
      const size_t units = size / 2;
      if (units > kLongestString) return too_long(isolate);
      auto aligned = std::make_unique_for_overwrite<uint16_t[]>(units + 1);
      std::memcpy(aligned.get(), at, units * 2);
      v8::Local<v8::String> text;
      if (v8::String::NewFromTwoByte(isolate, aligned.get(), v8::NewStringType::kNormal,
                                     static_cast<int>(units))
              .ToLocal(&text))
        info.GetReturnValue().Set(text);
      return;
    }
    case Encoding::kLatin1: return give_one_byte(info, size, [&](char* out) { std::memcpy(out, at, size); });
    case Encoding::kAscii:
      return give_one_byte(info, size, [&](char* out) {
        for (size_t i = 0; i < size; ++i) out[i] = static_cast<char>(at[i] & 0x7f);
      });
    case Encoding::kBase64:
      return give_one_byte(info, (size + 2) / 3 * 4, [&](char* out) { base64_encode(at, size, false, out); });
    case Encoding::kBase64Url:
      return give_one_byte(info, (size * 4 + 2) / 3, [&](char* out) { base64_encode(at, size, true, out); });
    case Encoding::kHex:
      return give_one_byte(info, size * 2, [&](char* out) {
        constexpr char kDigits[] = "0123456789abcdef";
        for (size_t i = 0; i < size; ++i) {
          *out++ = kDigits[at[i] >> 4];
          *out++ = kDigits[at[i] & 15];
        }
      });
  }
}

void byte_length_utf8(const Info& info) {
  info.GetReturnValue().Set(info[0].As<v8::String>()->Utf8Length(info.GetIsolate()));
}

// compare(a, b) -> -1, 0, 1
void compare(const Info& info) {
  const Bytes a = bytes_of(info[0]), b = bytes_of(info[1]);
  const size_t both = std::min(a.size, b.size);
  int order = both > 0 ? std::memcmp(a.data, b.data, both) : 0;
  if (order == 0) order = a.size < b.size ? -1 : a.size > b.size ? 1 : 0;
  info.GetReturnValue().Set(order < 0 ? -1 : order > 0 ? 1 : 0);
}

// indexOf(view, needle, offset, forward, unit): offset is within the view (forward) or the last possible beginning
// (backward); with unit 2 only even distances from the view's beginning count. -1: not found.
void index_of(const Info& info) {
  const std::string_view hay = bytes_of(info[0]).text(), needle = bytes_of(info[1]).text();
  const size_t offset = size_of(info, 2), unit = size_of(info, 4);
  const bool forward = info[3]->IsTrue();
  size_t at = forward ? hay.find(needle, offset) : hay.rfind(needle, offset);
  while (unit == 2 && at != std::string_view::npos && (at & 1) != 0)
    at = forward ? hay.find(needle, at + 1) : at == 0 ? std::string_view::npos : hay.rfind(needle, at - 1);
  info.GetReturnValue().Set(at == std::string_view::npos ? -1.0 : static_cast<double>(at));
}

// indexOfByte(view, byte, offset, forward)
void index_of_byte(const Info& info) {
  const std::string_view hay = bytes_of(info[0]).text();
  const char byte =
      static_cast<char>(info[1]->Uint32Value(info.GetIsolate()->GetCurrentContext()).FromMaybe(0));
  const size_t at = info[3]->IsTrue() ? hay.find(byte, size_of(info, 2)) : hay.rfind(byte, size_of(info, 2));
  info.GetReturnValue().Set(at == std::string_view::npos ? -1.0 : static_cast<double>(at));
}

// fill(view, pattern view, start, end): the pattern is not empty
void fill(const Info& info) {
  const Bytes bytes = bytes_of(info[0]), pattern = bytes_of(info[1]);
  const size_t start = size_of(info, 2), end = std::min(size_of(info, 3), bytes.size);
  if (start >= end || pattern.size == 0) return;
  uint8_t* at = bytes.data + start;
  const size_t size = end - start;
  if (pattern.size == 1) {
    std::memset(at, pattern.data[0], size);
    return;
  }
  size_t done = std::min(pattern.size, size);
  std::memmove(at, pattern.data, done);
  while (done < size) {
    const size_t more = std::min(done, size - done);
    std::memcpy(at + done, at, more);
    done += more;
  }
}

// copy(source, target, target start, source start, count): within both
void copy(const Info& info) {
  const Bytes source = bytes_of(info[0]), target = bytes_of(info[1]);
  const size_t to = size_of(info, 2), from = size_of(info, 3);
  size_t count = size_of(info, 4);
  if (to >= target.size || from >= source.size) return;
  count = std::min({count, target.size - to, source.size - from});
  std::memmove(target.data + to, source.data + from, count);
}

template <size_t Unit>
void swap(const Info& info) {
  const Bytes bytes = bytes_of(info[0]);
  for (size_t i = 0; i + Unit <= bytes.size; i += Unit) std::reverse(bytes.data + i, bytes.data + i + Unit);
}

void is_ascii(const Info& info) {
  const Bytes bytes = bytes_of(info[0]);
  info.GetReturnValue().Set(all_ascii(bytes.data, bytes.size));
}

}  // namespace

void install_buffer(v8::Local<v8::Context> context, v8::Local<v8::Object> target, runtime::IsolateHost&) {
  using runtime::set_function;
  set_function(context, target, "write", write);
  set_function(context, target, "read", read);
  set_function(context, target, "byteLengthUtf8", byte_length_utf8);
  set_function(context, target, "compare", compare);
  set_function(context, target, "indexOf", index_of);
  set_function(context, target, "indexOfByte", index_of_byte);
  set_function(context, target, "fill", fill);
  set_function(context, target, "copy", copy);
  set_function(context, target, "swap16", swap<2>);
  set_function(context, target, "swap32", swap<4>);
  set_function(context, target, "swap64", swap<8>);
  set_function(context, target, "isAscii", is_ascii);
}

}  // namespace sluice::jsapi
