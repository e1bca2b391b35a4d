// SPDX-License-Identifier: Apache-2.0
// Keys from passwords and other keys: PBKDF2 (RFC 8018), scrypt (RFC 7914), HKDF (RFC 5869).
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/kdf.h>

#include "jsapi/native/node/crypto/crypto.hh"

namespace sluice::jsapi::crypto {

namespace {

ByteVector bytes_or_key(v8::Isolate* isolate, v8::Local<v8::Value> value) {
  if (const KeyRef key = key_of(value)) return key->secret;
  return InputBytes(isolate, value).copy();
}
size_t size_of(v8::Local<v8::Value> value) { return static_cast<size_t>(value.As<v8::Number>()->Value()); }

// pbkdf2(done, password, salt, iterations, bytes, digest)
void pbkdf2(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const EVP_MD* digest = digest_named(from_v8(isolate, info[5]));
  perform(info, info[0],
          [password = bytes_or_key(isolate, info[1]), salt = InputBytes(isolate, info[2]).copy(), iterations = integer_of(info[3]),
           size = size_of(info[4]), digest]() -> Outcome {
            ByteVector result(size);
            static const char kNothing = 0;
            if (size > 0 && ::PKCS5_PBKDF2_HMAC(password.empty() ? &kNothing : reinterpret_cast<const char*>(password.data()),
                                                static_cast<int>(password.size()), salt.data(), static_cast<int>(salt.size()),
                                                iterations, digest, static_cast<int>(size), result.data()) != 1)
              return Outcome::fail("PBKDF2 failed");
            return Outcome::bytes(std::move(result));
          });
}
// scryptCheck(N, r, p, maxmem): undefined, or why not
void scrypt_check(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const auto number = [&](int i) { return static_cast<uint64_t>(info[i].As<v8::Number>()->Value()); };
  if (::EVP_PBE_scrypt(nullptr, 0, nullptr, 0, number(0), number(1), number(2), number(3), nullptr, 0) == 1) return;
  const unsigned long error = ::ERR_peek_last_error();
  std::string text = "Invalid scrypt params";
  if (error != 0) {
    const char* reason = ::ERR_reason_error_string(error);
    text += ": ";
    text += reason != nullptr ? reason : "refused";
  }
  ::ERR_clear_error();
  info.GetReturnValue().Set(to_v8(isolate, text));
}
// scrypt(done, password, salt, N, r, p, maxmem, bytes)
void scrypt(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const auto number = [&](int i) { return static_cast<uint64_t>(info[i].As<v8::Number>()->Value()); };
  perform(info, info[0],
          [password = bytes_or_key(isolate, info[1]), salt = InputBytes(isolate, info[2]).copy(), n = number(3), r = number(4),
           p = number(5), memory = number(6), size = size_of(info[7])]() -> Outcome {
            ByteVector result(size);
            static const uint8_t kNothing = 0;
            if (size > 0 && ::EVP_PBE_scrypt(password.empty() ? "" : reinterpret_cast<const char*>(password.data()), password.size(),
                                             salt.empty() ? &kNothing : salt.data(), salt.size(), n, r, p, memory, result.data(),
                                             size) != 1)
              return Outcome::fail("Scrypt failed");
            return Outcome::bytes(std::move(result));
          });
}
// hkdf(done, digest, key handle, salt, info, bytes)
void hkdf(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const std::string digest = from_v8(isolate, info[1]);
  perform(info, info[0],
          [digest, key = bytes_or_key(isolate, info[2]), salt = InputBytes(isolate, info[3]).copy(),
           label = InputBytes(isolate, info[4]).copy(), size = size_of(info[5])]() mutable -> Outcome {
            static EVP_KDF* kdf = ::EVP_KDF_fetch(nullptr, "HKDF", nullptr);
            const std::unique_ptr<EVP_KDF_CTX, FreeWith<EVP_KDF_CTX_free>> context(::EVP_KDF_CTX_new(kdf));
            const EVP_MD* md = digest_named(digest);
            if (md == nullptr) return Outcome::fail("HKDF failed");
            static uint8_t nothing = 0;
            const OSSL_PARAM parameters[] = {
                OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, const_cast<char*>(::EVP_MD_get0_name(md)), 0),
                OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, key.empty() ? &nothing : key.data(), key.size()),
                OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salt.empty() ? &nothing : salt.data(), salt.size()),
                OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, label.empty() ? &nothing : label.data(), label.size()),
                OSSL_PARAM_construct_end()};
            ByteVector result(size);
            if (size > 0 && ::EVP_KDF_derive(context.get(), result.data(), size, parameters) != 1) return Outcome::fail("HKDF failed");
            return Outcome::bytes(std::move(result));
          });
}

}  // namespace

void add_derivation(const Adder& add) {
  add("pbkdf2", pbkdf2);
  add("scryptCheck", scrypt_check);
  add("scrypt", scrypt);
  add("hkdf", hkdf);
}

}  // namespace sluice::jsapi::crypto
