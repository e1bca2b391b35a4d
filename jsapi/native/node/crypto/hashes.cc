// SPDX-License-Identifier: Apache-2.0
// Digests and HMAC: by handles that take piece after piece, and in one call.
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/hmac.h>

#include <algorithm>

#include "jsapi/native/node/crypto/crypto.hh"

namespace sluice::jsapi::crypto {

namespace {

struct Hash {
  DigestContextPtr context;
  const EVP_MD* digest = nullptr;
};

bool is_xof(const EVP_MD* digest) { return (::EVP_MD_get_flags(digest) & EVP_MD_FLAG_XOF) != 0; }

// Of all digests, SHAKE's default length is the one that OpenSSL 3 gives; newer ones give none.
size_t size_of(const EVP_MD* digest) { return static_cast<size_t>(::EVP_MD_get_size(digest)); }

bool finish(EVP_MD_CTX* context, const EVP_MD* digest, uint8_t* to, size_t size) {
  if (size == 0) return true;
  if (is_xof(digest)) return ::EVP_DigestFinalXOF(context, to, size) == 1;
  return ::EVP_DigestFinal_ex(context, to, nullptr) == 1;
}

// Only XOFs give what is asked for; the error is the one that OpenSSL has for the others.
void wrong_length(v8::Isolate* isolate) {
  ::ERR_clear_error();
  ERR_raise(ERR_LIB_EVP, EVP_R_NOT_XOF_OR_INVALID_LENGTH);
  throw_openssl(isolate, "Unsupported length");
}

// hashMake(name or handle to copy, outputBytes or undefined): a handle; undefined: no such digest
void hash_make(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  auto hash = std::make_unique<Hash>();
  if (Hash* other = NativeObjects::unwrap<Hash>(info[0]); other != nullptr) {
    hash->digest = other->digest;
    hash->context.reset(::EVP_MD_CTX_new());
    if (::EVP_MD_CTX_copy(hash->context.get(), other->context.get()) != 1) return throw_openssl(isolate, "Digest copy error");
  } else {
    hash->digest = digest_named(from_v8(isolate, info[0]));
    if (hash->digest == nullptr) return;
    hash->context.reset(::EVP_MD_CTX_new());
    if (::EVP_DigestInit_ex(hash->context.get(), hash->digest, nullptr) != 1)
      return throw_openssl(isolate, "Digest method not supported");
  }
  if (info[1]->IsNumber() && !is_xof(hash->digest) &&
      static_cast<size_t>(info[1].As<v8::Number>()->Value()) != size_of(hash->digest)) {
    return wrong_length(isolate);
  }
  info.GetReturnValue().Set(crypto_of(info).objects.wrap(std::move(hash), 512));
}
// hashUpdate(handle, bytes or UTF-8 text)
void hash_update(const Info& info) {
  Hash* hash = NativeObjects::unwrap<Hash>(info[0]);
  if (hash == nullptr) return;
  const InputBytes bytes(info.GetIsolate(), info[1]);
  info.GetReturnValue().Set(::EVP_DigestUpdate(hash->context.get(), bytes.data(), bytes.size()) == 1);
}
// A text in hex without a crossing more; other encodings are JavaScript's.
void give(const Info& info, std::span<const uint8_t> bytes, v8::Local<v8::Value> hex) {
  v8::Isolate* isolate = info.GetIsolate();
  if (!hex->IsTrue()) {
    info.GetReturnValue().Set(new_bytes(isolate, bytes));
    return;
  }
  static constexpr char kDigits[] = "0123456789abcdef";
  char text[2 * EVP_MAX_MD_SIZE];
  std::string longer;
  char* to = text;
  if (bytes.size() > EVP_MAX_MD_SIZE) {
    longer.resize(bytes.size() * 2);
    to = longer.data();
  }
  for (size_t i = 0; i < bytes.size(); ++i) {
    to[2 * i] = kDigits[bytes[i] >> 4];
    to[2 * i + 1] = kDigits[bytes[i] & 15];
  }
  info.GetReturnValue().Set(v8::String::NewFromOneByte(isolate, reinterpret_cast<const uint8_t*>(to),
                                                       v8::NewStringType::kNormal, static_cast<int>(bytes.size() * 2))
                                .ToLocalChecked());
}
// hashDigest(handle, outputBytes or undefined, as hex)
void hash_digest(const Info& info) {
  Hash* hash = NativeObjects::unwrap<Hash>(info[0]);
  if (hash == nullptr) return;
  const size_t size = info[1]->IsNumber() ? static_cast<size_t>(info[1].As<v8::Number>()->Value()) : size_of(hash->digest);
  uint8_t local[EVP_MAX_MD_SIZE];
  ByteVector longer;
  uint8_t* to = local;
  if (size > sizeof(local)) {
    longer.resize(size);
    to = longer.data();
  }
  if (!finish(hash->context.get(), hash->digest, to, size)) return throw_openssl(info.GetIsolate(), "Digest failed");
  give(info, {to, size}, info[2]);
}
// hashOnce(name, bytes or text, as hex, outputBytes or undefined): undefined: no such digest; false: not that length
void hash_once(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const InputBytes name(isolate, info[0]);
  const EVP_MD* digest = digest_named(std::string(name.text()));
  if (digest == nullptr) return;
  size_t size = size_of(digest);
  if (info[3]->IsNumber()) {
    const auto wanted = static_cast<size_t>(info[3].As<v8::Number>()->Value());
    if (!is_xof(digest) && wanted != size) {
      info.GetReturnValue().Set(false);
      return;
    }
    size = wanted;
  }
  const InputBytes bytes(isolate, info[1]);
  thread_local DigestContextPtr context(::EVP_MD_CTX_new());
  uint8_t local[EVP_MAX_MD_SIZE];
  ByteVector longer;
  uint8_t* to = local;
  if (size > sizeof(local)) {
    longer.resize(size);
    to = longer.data();
  }
  if (::EVP_DigestInit_ex(context.get(), digest, nullptr) != 1 ||
      ::EVP_DigestUpdate(context.get(), bytes.data(), bytes.size()) != 1 || !finish(context.get(), digest, to, size))
    return throw_openssl(isolate, "Digest failed");
  give(info, {to, size}, info[2]);
}
// hashLater(done, name, bytes, outputBytes or undefined)
void hash_later(const Info& info) {
  const EVP_MD* digest = digest_named(from_v8(info.GetIsolate(), info[1]));
  auto bytes = InputBytes(info.GetIsolate(), info[2]).copy();
  const size_t size =
      info[3]->IsNumber() ? static_cast<size_t>(info[3].As<v8::Number>()->Value()) : digest != nullptr ? size_of(digest) : 0;
  perform(info, info[0], [digest, bytes = std::move(bytes), size]() -> Outcome {
    if (digest == nullptr) return Outcome::fail("Digest method not supported");
    DigestContextPtr context(::EVP_MD_CTX_new());
    ByteVector result(size);
    if (::EVP_DigestInit_ex(context.get(), digest, nullptr) != 1 ||
        ::EVP_DigestUpdate(context.get(), bytes.data(), bytes.size()) != 1 ||
        !finish(context.get(), digest, result.data(), size))
      return Outcome::fail("Digest failed");
    return Outcome::bytes(std::move(result));
  });
}
// digestInfo(name): [name, bytes of the result, is XOF] or undefined
void digest_info(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const EVP_MD* digest = digest_named(from_v8(isolate, info[0]));
  if (digest == nullptr) return;
  v8::Local<v8::Value> parts[] = {to_v8(isolate, ::EVP_MD_get0_name(digest)),
                                  v8::Integer::New(isolate, static_cast<int>(size_of(digest))),
                                  v8::Boolean::New(isolate, is_xof(digest)),
                                  v8::Integer::New(isolate, ::EVP_MD_get_block_size(digest))};
  info.GetReturnValue().Set(v8::Array::New(isolate, parts, 4));
}

void digest_names(const Info& info) {
  std::vector<std::string> names;
  ::EVP_MD_do_all_sorted(
      [](const EVP_MD*, const char* from, const char*, void* to) {
        if (from == nullptr) return;
        if (digest_named(from) == nullptr) return;
        static_cast<std::vector<std::string>*>(to)->emplace_back(from);
      },
      &names);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  info.GetReturnValue().Set(names_array(info.GetIsolate(), names));
}

struct Mac {
  std::unique_ptr<EVP_MAC_CTX, FreeWith<EVP_MAC_CTX_free>> context;
};
EVP_MAC* hmac() {
  static EVP_MAC* mac = ::EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  return mac;
}
bool start_mac(EVP_MAC_CTX* context, const EVP_MD* digest, std::span<const uint8_t> key) {
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, const_cast<char*>(::EVP_MD_get0_name(digest)), 0),
      OSSL_PARAM_construct_end()};
  static const uint8_t kNothing = 0;
  return ::EVP_MAC_init(context, key.empty() ? &kNothing : key.data(), key.size(), parameters) == 1;
}
// hmacMake(digest, key handle or bytes): undefined: no such digest
void hmac_make(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const EVP_MD* digest = digest_named(from_v8(isolate, info[0]));
  if (digest == nullptr) return;
  auto mac = std::make_unique<Mac>();
  mac->context.reset(::EVP_MAC_CTX_new(hmac()));
  const KeyRef key = key_of(info[1]);
  const InputBytes bytes(isolate, info[1]);
  if (!start_mac(mac->context.get(), digest, key != nullptr ? std::span<const uint8_t>(key->secret) : bytes.span()))
    return throw_openssl(isolate, "HMAC failed");
  info.GetReturnValue().Set(crypto_of(info).objects.wrap(std::move(mac), 1024));
}
void hmac_update(const Info& info) {
  Mac* mac = NativeObjects::unwrap<Mac>(info[0]);
  if (mac == nullptr) return;
  const InputBytes bytes(info.GetIsolate(), info[1]);
  info.GetReturnValue().Set(::EVP_MAC_update(mac->context.get(), bytes.data(), bytes.size()) == 1);
}
// hmacDigest(handle, as hex)
void hmac_digest(const Info& info) {
  Mac* mac = NativeObjects::unwrap<Mac>(info[0]);
  if (mac == nullptr) return;
  uint8_t result[EVP_MAX_MD_SIZE];
  size_t size = 0;
  if (::EVP_MAC_final(mac->context.get(), result, &size, sizeof(result)) != 1)
    return throw_openssl(info.GetIsolate(), "HMAC failed");
  give(info, {result, size}, info[1]);
}
// hmacLater(done, digest, key handle, bytes)
void hmac_later(const Info& info) {
  const EVP_MD* digest = digest_named(from_v8(info.GetIsolate(), info[1]));
  perform(info, info[0],
          [digest, key = key_of(info[2]), bytes = InputBytes(info.GetIsolate(), info[3]).copy()]() -> Outcome {
            if (digest == nullptr || key == nullptr) return Outcome::fail("HMAC failed");
            std::unique_ptr<EVP_MAC_CTX, FreeWith<EVP_MAC_CTX_free>> context(::EVP_MAC_CTX_new(hmac()));
            ByteVector result(EVP_MAX_MD_SIZE);
            size_t size = 0;
            if (!start_mac(context.get(), digest, key->secret) ||
                ::EVP_MAC_update(context.get(), bytes.data(), bytes.size()) != 1 ||
                ::EVP_MAC_final(context.get(), result.data(), &size, result.size()) != 1)
              return Outcome::fail("HMAC failed");
            result.resize(size);
            return Outcome::bytes(std::move(result));
          });
}

}  // namespace

void add_hashes(const Adder& add) {
  add("hashMake", hash_make);
  add("hashUpdate", hash_update);
  add("hashDigest", hash_digest);
  add("hashOnce", hash_once);
  add("hashLater", hash_later);
  add("digestInfo", digest_info);
  add("digestNames", digest_names);
  add("hmacMake", hmac_make);
  add("hmacUpdate", hmac_update);
  add("hmacDigest", hmac_digest);
  add("hmacLater", hmac_later);
}

}  // namespace sluice::jsapi::crypto
