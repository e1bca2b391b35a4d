// SPDX-License-Identifier: Apache-2.0
// internalBinding('crypto'): its errors, its work on the pool, and its parts put together.
#include "jsapi/native/node/crypto/crypto.hh"

#include <openssl/crypto.h>
#include <openssl/err.h>

#include <mutex>
#include <unordered_map>

#include "jsapi/native/node/bindings.hh"

namespace sluice::jsapi {
namespace crypto {

Failure take_failure(std::string standard) {
  Failure failure;
  failure.message = std::move(standard);
  while (const unsigned long error = ::ERR_get_error()) failure.errors.push_back(error);
  return failure;
}

static const char* library_prefix(unsigned long error) {
  switch (ERR_GET_LIB(error)) {
    case ERR_LIB_SYS: return "SYS_";
    case ERR_LIB_BN: return "BN_";
    case ERR_LIB_RSA: return "RSA_";
    case ERR_LIB_DH: return "DH_";
    case ERR_LIB_EVP: return "EVP_";
    case ERR_LIB_BUF: return "BUF_";
    case ERR_LIB_OBJ: return "OBJ_";
    case ERR_LIB_PEM: return "PEM_";
    case ERR_LIB_DSA: return "DSA_";
    case ERR_LIB_X509: return "X509_";
    case ERR_LIB_ASN1: return "ASN1_";
    case ERR_LIB_CONF: return "CONF_";
    case ERR_LIB_CRYPTO: return "CRYPTO_";
    case ERR_LIB_EC: return "EC_";
    case ERR_LIB_BIO: return "BIO_";
    case ERR_LIB_PKCS7: return "PKCS7_";
    case ERR_LIB_X509V3: return "X509V3_";
    case ERR_LIB_PKCS12: return "PKCS12_";
    case ERR_LIB_RAND: return "RAND_";
    case ERR_LIB_ENGINE: return "ENGINE_";
    case ERR_LIB_OCSP: return "OCSP_";
    case ERR_LIB_UI: return "UI_";
    case ERR_LIB_CMS: return "CMS_";
    case ERR_LIB_KDF: return "KDF_";
    default: return "";
  }
}

static std::string text_of(unsigned long error) {
  char text[256];
  ::ERR_error_string_n(error, text, sizeof(text));
  return text;
}

v8::MaybeLocal<v8::Value> error_of(v8::Isolate* isolate, const Failure& failure) {
  std::string message = failure.message;
  if (!failure.errors.empty() && failure.code.empty()) message = text_of(failure.errors.front());
  v8::Local<v8::String> text = to_v8(isolate, message);
  v8::Local<v8::Value> value = failure.kind == Failure::Kind::kTypeError    ? v8::Exception::TypeError(text)
                               : failure.kind == Failure::Kind::kRangeError ? v8::Exception::RangeError(text)
                                                                            : v8::Exception::Error(text);
  v8::Local<v8::Object> error = value.As<v8::Object>();
  if (!failure.code.empty()) {
    if (!set(isolate, error, "code", to_v8(isolate, failure.code))) return {};
    return value;
  }
  if (failure.errors.empty()) return value;
  const unsigned long first = failure.errors.front();
  if (failure.errors.size() > 1) {
    std::vector<std::string> stack;
    for (size_t i = failure.errors.size() - 1; i > 0; --i) stack.push_back(text_of(failure.errors[i]));
    if (!set(isolate, error, "opensslErrorStack", names_array(isolate, stack))) return {};
  }
  if (const char* library = ::ERR_lib_error_string(first))
    if (!set(isolate, error, "library", to_v8(isolate, library))) return {};
  if (const char* reason = ::ERR_reason_error_string(first)) {
    if (!set(isolate, error, "reason", to_v8(isolate, reason))) return {};
    std::string code = ERR_GET_LIB(first) == ERR_LIB_SSL ? "ERR_SSL_" : std::string("ERR_OSSL_") + library_prefix(first);
    for (const char* at = reason; *at != '\0'; ++at)
      code += *at == ' ' ? '_' : *at >= 'a' && *at <= 'z' ? static_cast<char>(*at - 32) : *at;
    if (!set(isolate, error, "code", to_v8(isolate, code))) return {};
  }
  return value;
}

void throw_failure(v8::Isolate* isolate, const Failure& failure) {
  v8::Local<v8::Value> error;
  if (error_of(isolate, failure).ToLocal(&error)) isolate->ThrowException(error);
}

Outcome Outcome::bytes(ByteVector bytes) {
  return {std::nullopt, [bytes = std::move(bytes)](v8::Isolate* isolate, Crypto&) -> v8::Local<v8::Value> {
            return new_bytes(isolate, bytes);
          }};
}
Outcome Outcome::boolean(bool value) {
  return {std::nullopt,
          [value](v8::Isolate* isolate, Crypto&) -> v8::Local<v8::Value> { return v8::Boolean::New(isolate, value); }};
}
Outcome Outcome::nothing() {
  return {std::nullopt, [](v8::Isolate* isolate, Crypto&) -> v8::Local<v8::Value> { return v8::Undefined(isolate); }};
}

void perform(const Info& info, v8::Local<v8::Value> done, std::function<Outcome()> work) {
  Crypto& crypto = crypto_of(info);
  v8::Isolate* isolate = info.GetIsolate();
  if (done->IsFunction()) {
    auto outcome = std::make_shared<Outcome>();
    crypto.pool.start(
        [outcome, work = std::move(work)] {
          ::ERR_clear_error();
          *outcome = work();
        },
        [outcome, &crypto](v8::Isolate* to, PoolWork::Results& results) {
          if (outcome->failure) {
            if (error_of(to, *outcome->failure).ToLocal(&results.values[0])) results.count = 1;
            return;
          }
          results.values[0] = v8::Null(to);
          results.values[1] = outcome->value(to, crypto);
          results.count = 2;
        },
        done.As<v8::Function>());
    return;
  }
  ::ERR_clear_error();
  const Outcome outcome = work();
  if (outcome.failure) throw_failure(isolate, *outcome.failure);
  else info.GetReturnValue().Set(outcome.value(isolate, crypto));
}

KeyRef make_key(Key::Type type, PkeyPtr pkey) {
  auto key = std::make_shared<Key>();
  key->type = type;
  key->pkey = std::move(pkey);
  return key;
}
v8::Local<v8::Value> wrap_key(Crypto& crypto, KeyRef key) {
  auto handle = std::make_unique<KeyHandle>();
  handle->key = std::move(key);
  return crypto.objects.wrap(std::move(handle), 2048);
}
KeyRef key_of(v8::Local<v8::Value> value) {
  KeyHandle* handle = NativeObjects::unwrap<KeyHandle>(value);
  return handle != nullptr ? handle->key : nullptr;
}

int integer_of(v8::Local<v8::Value> value, int standard) {
  return value->IsNumber() ? static_cast<int>(value.As<v8::Number>()->Value()) : standard;
}
ByteVector bytes_of(const BIGNUM* number, size_t size) {
  ByteVector bytes(std::max<size_t>(size, static_cast<size_t>(BN_num_bytes(number))));
  ::BN_bn2binpad(number, bytes.data(), static_cast<int>(bytes.size()));
  return bytes;
}
BigNumberPtr number_of(std::span<const uint8_t> bytes) {
  return BigNumberPtr(::BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
}

// Fetching walks OpenSSL's providers each time, under locks: once a name is enough.
template <typename T, typename Fetch>
static const T* cached(const std::string& name, Fetch fetch) {
  static std::mutex mutex;
  static auto* known = new std::unordered_map<std::string, T*>;
  static constexpr size_t kNamesLimit = 1024;  // of names that exist, in all their spellings
  std::lock_guard lock(mutex);
  const auto found = known->find(name);
  if (found != known->end()) return found->second;
  T* fetched = fetch();
  if (fetched == nullptr) ::ERR_clear_error();
  else if (known->size() < kNamesLimit) known->emplace(name, fetched);
  return fetched;
}
const EVP_MD* digest_named(const std::string& name) {
  return cached<EVP_MD>(name, [&]() -> EVP_MD* {
    if (EVP_MD* fetched = ::EVP_MD_fetch(nullptr, name.c_str(), nullptr)) return fetched;
    // Names like RSA-SHA256 are aliases of the old table.
    const EVP_MD* old = ::EVP_get_digestbyname(name.c_str());
    return old != nullptr ? ::EVP_MD_fetch(nullptr, ::EVP_MD_get0_name(old), nullptr) : nullptr;
  });
}
const EVP_CIPHER* cipher_named(const std::string& name) {
  return cached<EVP_CIPHER>(name, [&]() -> EVP_CIPHER* {
    if (EVP_CIPHER* fetched = ::EVP_CIPHER_fetch(nullptr, name.c_str(), nullptr)) return fetched;
    const EVP_CIPHER* old = ::EVP_get_cipherbyname(name.c_str());
    return old != nullptr ? ::EVP_CIPHER_fetch(nullptr, ::EVP_CIPHER_get0_name(old), nullptr) : nullptr;
  });
}

bool set(v8::Isolate* isolate, v8::Local<v8::Object> object, const char* name, v8::Local<v8::Value> value) {
  return object->Set(isolate->GetCurrentContext(), runtime::name_of(isolate, name), value).FromMaybe(false);
}
v8::Local<v8::Array> names_array(v8::Isolate* isolate, const std::vector<std::string>& names) {
  std::vector<v8::Local<v8::Value>> values;
  for (const std::string& name : names) values.push_back(to_v8(isolate, name));
  return v8::Array::New(isolate, values.data(), values.size());
}

static void fips(const Info& info) { info.GetReturnValue().Set(::EVP_default_properties_is_fips_enabled(nullptr) == 1); }
static void set_fips(const Info& info) {
  if (::EVP_default_properties_enable_fips(nullptr, info[0]->IsTrue() ? 1 : 0) != 1)
    throw_openssl(info.GetIsolate(), "Could not change the FIPS mode");
}
static void equal(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const InputBytes a(isolate, info[0]), b(isolate, info[1]);
  info.GetReturnValue().Set(a.size() == b.size() && ::CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0);
}

}  // namespace crypto

void install_crypto(v8::Local<v8::Context> context, v8::Local<v8::Object> target, runtime::IsolateHost& host) {
  v8::Local<v8::External> data =
      v8::External::New(context->GetIsolate(), host.own(std::make_unique<crypto::Crypto>(host)));
  const crypto::Adder add{context, target, data};
  add("fips", crypto::fips);
  add("setFips", crypto::set_fips);
  add("equal", crypto::equal);
  crypto::add_hashes(add);
  crypto::add_random(add);
  crypto::add_ciphers(add);
  crypto::add_keys(add);
  crypto::add_key_formats(add);
  crypto::add_key_generation(add);
  crypto::add_signatures(add);
  crypto::add_derivation(add);
  crypto::add_agreement(add);
  crypto::add_certificates(add);
}

}  // namespace sluice::jsapi
