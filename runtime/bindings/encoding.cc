// SPDX-License-Identifier: Apache-2.0
// Text to bytes and back: UTF-8 (Encoding Standard), UTF-16LE, Latin-1, base64 (RFC 4648 section 4).
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "runtime/bindings/bindings.hh"
#include "runtime/isolate_host.hh"
#include "runtime/v8_text.hh"

namespace sluice::runtime {

using Info = v8::FunctionCallbackInfo<v8::Value>;

namespace {

std::string_view bytes_of(v8::Local<v8::Value> value) {
  v8::Local<v8::ArrayBufferView> view = value.As<v8::ArrayBufferView>();
  // An empty view may have no memory at all.
  if (view->ByteLength() == 0) return {};
  return {static_cast<const char*>(view->Buffer()->Data()) + view->ByteOffset(), view->ByteLength()};
}

// RFC 3629 section 4.
bool valid_utf8(std::string_view text) {
  const auto* at = reinterpret_cast<const uint8_t*>(text.data());
  const uint8_t* end = at + text.size();
  while (at < end) {
    uint64_t eight;
    if (end - at >= 8 && (std::memcpy(&eight, at, 8), (eight & 0x8080808080808080u) == 0)) {
      at += 8;
      continue;
    }
    const uint8_t first = *at++;
    if (first < 0x80) continue;
    unsigned more;
    uint8_t low = 0x80, high = 0xbf;
    if (first >= 0xc2 && first <= 0xdf) {
      more = 1;
    } else if (first >= 0xe0 && first <= 0xef) {
      more = 2;
      if (first == 0xe0) low = 0xa0;
      if (first == 0xed) high = 0x9f;
    } else if (first >= 0xf0 && first <= 0xf4) {
      more = 3;
      if (first == 0xf0) low = 0x90;
      if (first == 0xf4) high = 0x8f;
    } else {
      return false;
    }
    if (static_cast<size_t>(end - at) < more) return false;
    for (unsigned i = 0; i < more; ++i, low = 0x80, high = 0xbf)
      if (at[i] < low || at[i] > high) return false;
    at += more;
  }
  return true;
}

constexpr char kBase64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : 63;
}

}  // namespace

static void encode(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::String> text = info[0].As<v8::String>();
  const auto length = static_cast<size_t>(text->Utf8Length(isolate));
  v8::Local<v8::ArrayBuffer> buffer = v8::ArrayBuffer::New(isolate, length);
  if (length > 0)
    text->WriteUtf8(isolate, static_cast<char*>(buffer->Data()), static_cast<int>(length), nullptr,
                    v8::String::NO_NULL_TERMINATION | v8::String::REPLACE_INVALID_UTF8);
  info.GetReturnValue().Set(v8::Uint8Array::New(buffer, 0, length));
}

// [UTF-16 units read, bytes written]
static void encode_into(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const std::string_view room = bytes_of(info[1]);
  int read = 0, written = 0;
  if (!room.empty())
    written = info[0].As<v8::String>()->WriteUtf8(
        isolate, const_cast<char*>(room.data()), static_cast<int>(room.size()), &read,
        v8::String::NO_NULL_TERMINATION | v8::String::REPLACE_INVALID_UTF8);
  v8::Local<v8::Value> both[] = {v8::Integer::New(isolate, read), v8::Integer::New(isolate, written)};
  info.GetReturnValue().Set(v8::Array::New(isolate, both, 2));
}

static void set_string(const Info& info, v8::MaybeLocal<v8::String> string) {
  v8::Local<v8::String> text;
  if (string.ToLocal(&text)) return info.GetReturnValue().Set(text);
  throw_error(info.GetIsolate(), v8::Exception::Error, "Cannot create a string longer than V8's limit",
              "ERR_STRING_TOO_LONG");
}

// decodeUtf8(bytes, fatal): undefined when fatal and not valid.
static void decode_utf8(const Info& info) {
  const std::string_view bytes = bytes_of(info[0]);
  if (info[1]->IsTrue() && !valid_utf8(bytes)) return;
  set_string(info, v8::String::NewFromUtf8(info.GetIsolate(), bytes.data(), v8::NewStringType::kNormal,
                                           static_cast<int>(bytes.size())));
}

static void decode_utf16(const Info& info) {
  const std::string_view bytes = bytes_of(info[0]);
  std::u16string units(bytes.size() / 2, u'\0');
  if (!units.empty()) std::memcpy(units.data(), bytes.data(), units.size() * 2);
  set_string(info,
             v8::String::NewFromTwoByte(info.GetIsolate(), reinterpret_cast<const uint16_t*>(units.data()),
                                        v8::NewStringType::kNormal, static_cast<int>(units.size())));
}

static void decode_latin1(const Info& info) {
  const std::string_view bytes = bytes_of(info[0]);
  set_string(info,
             v8::String::NewFromOneByte(info.GetIsolate(), reinterpret_cast<const uint8_t*>(bytes.data()),
                                        v8::NewStringType::kNormal, static_cast<int>(bytes.size())));
}

// btoa(text): undefined when a character is beyond Latin-1.
static void btoa(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::String> text = info[0].As<v8::String>();
  if (!text->ContainsOnlyOneByte()) return;
  std::string bytes(static_cast<size_t>(text->Length()), '\0');
  text->WriteOneByte(isolate, reinterpret_cast<uint8_t*>(bytes.data()), 0, text->Length(),
                     v8::String::NO_NULL_TERMINATION);
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t left = bytes.size() - i;
    const auto byte = [&](size_t at) {
      return at < left ? static_cast<uint32_t>(static_cast<uint8_t>(bytes[i + at])) : 0u;
    };
    const uint32_t group = byte(0) << 16 | byte(1) << 8 | byte(2);
    out += kBase64[group >> 18];
    out += kBase64[group >> 12 & 63];
    out += left > 1 ? kBase64[group >> 6 & 63] : '=';
    out += left > 2 ? kBase64[group & 63] : '=';
  }
  set_string(info, v8::String::NewFromOneByte(isolate, reinterpret_cast<const uint8_t*>(out.data()),
                                              v8::NewStringType::kNormal, static_cast<int>(out.size())));
}

// atob(text of the alphabet with up to two '='): undefined when it is not base64 (forgiving decode, Infra Standard).
static void atob(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  std::string text = from_v8(isolate, info[0]);
  if (text.size() % 4 == 0) {
    if (text.ends_with('=')) text.pop_back();
    if (text.ends_with('=')) text.pop_back();
  }
  if (text.size() % 4 == 1 || text.find('=') != std::string::npos) return;
  std::string out;
  uint32_t group = 0;
  unsigned bits = 0;
  for (const char c : text) {
    group = group << 6 | static_cast<uint32_t>(base64_value(c));
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out += static_cast<char>(group >> bits & 0xff);
  }
  set_string(info, v8::String::NewFromOneByte(isolate, reinterpret_cast<const uint8_t*>(out.data()),
                                              v8::NewStringType::kNormal, static_cast<int>(out.size())));
}

void install_encoding(v8::Local<v8::Context> context, v8::Local<v8::Object> target, IsolateHost&) {
  set_function(context, target, "encode", encode);
  set_function(context, target, "encodeInto", encode_into);
  set_function(context, target, "decodeUtf8", decode_utf8);
  set_function(context, target, "decodeUtf16", decode_utf16);
  set_function(context, target, "decodeLatin1", decode_latin1);
  set_function(context, target, "btoa", btoa);
  set_function(context, target, "atob", atob);
}

}  // namespace sluice::runtime
