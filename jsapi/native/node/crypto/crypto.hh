// SPDX-License-Identifier: Apache-2.0
// What the parts of internalBinding('crypto') share: owners of OpenSSL's objects, its errors as JavaScript's, and work that is done at
// once or on the pool.
#pragma once
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <v8.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "jsapi/native/node/bytes.hh"
#include "jsapi/native/node/native_object.hh"
#include "jsapi/native/node/pool.hh"
#include "runtime/isolate_host.hh"
#include "runtime/v8_text.hh"

namespace sluice::jsapi::crypto {

using Info = v8::FunctionCallbackInfo<v8::Value>;
using ByteVector = std::vector<uint8_t>;
using runtime::from_v8;
using runtime::to_v8;

template <auto kFree>
struct FreeWith {
  template <typename T>
  void operator()(T* at) const {
    kFree(at);
  }
};
using PkeyPtr = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;
using PkeyContextPtr = std::unique_ptr<EVP_PKEY_CTX, FreeWith<EVP_PKEY_CTX_free>>;
using DigestContextPtr = std::unique_ptr<EVP_MD_CTX, FreeWith<EVP_MD_CTX_free>>;
using CipherContextPtr = std::unique_ptr<EVP_CIPHER_CTX, FreeWith<EVP_CIPHER_CTX_free>>;
using BigNumberPtr = std::unique_ptr<BIGNUM, FreeWith<BN_clear_free>>;
using BioPtr = std::unique_ptr<BIO, FreeWith<BIO_free_all>>;
using CertificatePtr = std::unique_ptr<X509, FreeWith<X509_free>>;
using GroupPtr = std::unique_ptr<EC_GROUP, FreeWith<EC_GROUP_free>>;
using PointPtr = std::unique_ptr<EC_POINT, FreeWith<EC_POINT_free>>;

// Of one isolate.
struct Crypto {
  explicit Crypto(runtime::IsolateHost& host) : objects(host.isolate()), pool(host) {}
  NativeObjects objects;
  PoolWork pool;
};
inline Crypto& crypto_of(const Info& info) { return *static_cast<Crypto*>(info.Data().As<v8::External>()->Value()); }

// ---- errors

// What OpenSSL's queue held, or a message and code of our own.
struct Failure {
  std::vector<unsigned long> errors;
  std::string message, code;
  enum class Kind : uint8_t { kError, kTypeError, kRangeError } kind = Kind::kError;
};
// Empties this thread's queue. `standard` is the message when it holds nothing.
Failure take_failure(std::string standard);
// Empty when a setter that a script put on Object.prototype threw; that error is then on its way.
v8::MaybeLocal<v8::Value> error_of(v8::Isolate* isolate, const Failure& failure);
void throw_failure(v8::Isolate* isolate, const Failure& failure);
inline void throw_openssl(v8::Isolate* isolate, std::string standard) {
  throw_failure(isolate, take_failure(std::move(standard)));
}
inline Failure coded(Failure::Kind kind, std::string code, std::string message) {
  return {{}, std::move(message), std::move(code), kind};
}

// ---- work

struct Outcome {
  using Value = std::function<v8::Local<v8::Value>(v8::Isolate*, Crypto&)>;
  std::optional<Failure> failure;
  Value value;

  static Outcome fail(std::string standard) { return {take_failure(std::move(standard)), {}}; }
  static Outcome fail(Failure failure) { return {std::move(failure), {}}; }
  static Outcome bytes(ByteVector bytes);
  static Outcome boolean(bool value);
  static Outcome nothing();
};
// With a function as `done` on the pool, then done(error or null, value); else at once: the value is returned or the error thrown.
// `work` holds no V8 handles.
void perform(const Info& info, v8::Local<v8::Value> done, std::function<Outcome()> work);

// ---- keys

struct Key {
  enum class Type : uint8_t { kSecret, kPublic, kPrivate } type = Type::kSecret;
  ByteVector secret;
  PkeyPtr pkey;
  ~Key() {
    if (!secret.empty()) OPENSSL_cleanse(secret.data(), secret.size());
  }
};
using KeyRef = std::shared_ptr<const Key>;
struct KeyHandle {
  KeyRef key;
};
KeyRef make_key(Key::Type type, PkeyPtr pkey);
v8::Local<v8::Value> wrap_key(Crypto& crypto, KeyRef key);
// nullptr when it is none.
KeyRef key_of(v8::Local<v8::Value> value);

// ---- small conversions

int integer_of(v8::Local<v8::Value> value, int standard = 0);
// Big-endian, as long as it must be, or padded to `size`.
ByteVector bytes_of(const BIGNUM* number, size_t size = 0);
BigNumberPtr number_of(std::span<const uint8_t> bytes);
// By name, kept for good; nullptr: there is none. Core's thread or pool.
const EVP_MD* digest_named(const std::string& name);
const EVP_CIPHER* cipher_named(const std::string& name);
// False: a setter threw.
bool set(v8::Isolate* isolate, v8::Local<v8::Object> object, const char* name, v8::Local<v8::Value> value);
v8::Local<v8::Array> names_array(v8::Isolate* isolate, const std::vector<std::string>& names);

// Each adds its functions to the binding.
using Target = v8::Local<v8::Object>;
struct Adder {
  v8::Local<v8::Context> context;
  Target target;
  v8::Local<v8::External> data;
  void operator()(const char* name, v8::FunctionCallback function) const {
    runtime::set_function(context, target, name, function, data);
  }
};
void add_hashes(const Adder& add);
void add_random(const Adder& add);
void add_ciphers(const Adder& add);
void add_keys(const Adder& add);
void add_key_formats(const Adder& add);
void add_key_generation(const Adder& add);
void add_signatures(const Adder& add);
void add_derivation(const Adder& add);
void add_agreement(const Adder& add);
void add_certificates(const Adder& add);

}  // namespace sluice::jsapi::crypto
