// SPDX-License-Identifier: Apache-2.0
// Key objects: read from and written as PEM and DER, compared, described.
#include <openssl/core_names.h>
#include <openssl/dsa.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <cstring>

#include "jsapi/native/node/crypto/crypto.hh"

namespace sluice::jsapi::crypto {

namespace {

// As jsapi/node/internal/crypto_keys.js numbers them.
enum Format { kDer = 0, kPem = 1 };
enum Encoding { kPkcs1 = 0, kPkcs8 = 1, kSpki = 2, kSec1 = 3 };

struct Passphrase {
  std::string text;
  bool given = false;
};
int read_passphrase(char* buffer, int size, int, void* user) {
  auto* passphrase = static_cast<Passphrase*>(user);
  if (!passphrase->given || passphrase->text.size() > static_cast<size_t>(size)) return -1;
  std::memcpy(buffer, passphrase->text.data(), passphrase->text.size());
  return static_cast<int>(passphrase->text.size());
}

BioPtr memory_of(std::span<const uint8_t> bytes) {
  return BioPtr(::BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

PkeyPtr parse_private(std::span<const uint8_t> bytes, int format, int type, Passphrase& passphrase) {
  if (format == kPem) return PkeyPtr(::PEM_read_bio_PrivateKey(memory_of(bytes).get(), nullptr, read_passphrase, &passphrase));
  const uint8_t* at = bytes.data();
  const long size = static_cast<long>(bytes.size());
  if (type == kPkcs1) return PkeyPtr(::d2i_PrivateKey(EVP_PKEY_RSA, nullptr, &at, size));
  if (type == kSec1) return PkeyPtr(::d2i_PrivateKey(EVP_PKEY_EC, nullptr, &at, size));
  // PKCS#8 (RFC 5958): encrypted ones begin with the algorithm, others with a version.
  const BioPtr bio = memory_of(bytes);
  const uint8_t* begin = at;
  std::unique_ptr<X509_SIG, FreeWith<X509_SIG_free>> sealed(::d2i_X509_SIG(nullptr, &begin, size));
  if (sealed != nullptr) return PkeyPtr(::d2i_PKCS8PrivateKey_bio(bio.get(), nullptr, read_passphrase, &passphrase));
  ::ERR_clear_error();
  std::unique_ptr<PKCS8_PRIV_KEY_INFO, FreeWith<PKCS8_PRIV_KEY_INFO_free>> open(
      ::d2i_PKCS8_PRIV_KEY_INFO_bio(bio.get(), nullptr));
  return open != nullptr ? PkeyPtr(::EVP_PKCS82PKEY(open.get())) : nullptr;
}

template <typename Parse>
bool try_pem(std::span<const uint8_t> bytes, const char* name, Parse parse, PkeyPtr& pkey) {
  uint8_t* der = nullptr;
  long size = 0;
  if (::PEM_bytes_read_bio(&der, &size, nullptr, name, memory_of(bytes).get(), nullptr, nullptr) != 1) return false;
  const uint8_t* at = der;
  pkey = parse(&at, size);
  ::OPENSSL_clear_free(der, static_cast<size_t>(size));
  return true;
}
PkeyPtr spki_of(const uint8_t** at, long size) { return PkeyPtr(::d2i_PUBKEY(nullptr, at, size)); }
PkeyPtr pkcs1_public_of(const uint8_t** at, long size) { return PkeyPtr(::d2i_PublicKey(EVP_PKEY_RSA, nullptr, at, size)); }
PkeyPtr certified_of(const uint8_t** at, long size) {
  const CertificatePtr certificate(::d2i_X509(nullptr, at, size));
  return certificate != nullptr ? PkeyPtr(::X509_get_pubkey(certificate.get())) : nullptr;
}

// RFC 8017 appendix A.1: a private key begins with a version, a public one with a large number.
bool is_pkcs1_private(std::span<const uint8_t> bytes) {
  size_t at = 2;
  if (bytes.size() < 2 || bytes[0] != 0x30) return false;
  if (bytes[1] & 0x80) at += bytes[1] & 0x7f;
  return at + 3 <= bytes.size() && bytes[at] == 2 && bytes[at + 1] == 1 && (bytes[at + 2] & 0xfe) == 0;
}

PkeyPtr parse_public(std::span<const uint8_t> bytes, int format, int type, Passphrase& passphrase) {
  PkeyPtr pkey;
  if (format == kPem) {
    const bool found = try_pem(bytes, "PUBLIC KEY", spki_of, pkey) || try_pem(bytes, "RSA PUBLIC KEY", pkcs1_public_of, pkey) ||
                       try_pem(bytes, "CERTIFICATE", certified_of, pkey);
    if (found) return pkey;
    ::ERR_clear_error();
    return parse_private(bytes, format, type, passphrase);
  }
  const uint8_t* at = bytes.data();
  const long size = static_cast<long>(bytes.size());
  if (type == kSpki) return spki_of(&at, size);
  if (type == kPkcs1 && !is_pkcs1_private(bytes)) return pkcs1_public_of(&at, size);
  return parse_private(bytes, format, type, passphrase);
}

// keySecret(bytes): a handle
void key_secret(const Info& info) {
  auto key = std::make_shared<Key>();
  key->secret = InputBytes(info.GetIsolate(), info[0]).copy();
  info.GetReturnValue().Set(wrap_key(crypto_of(info), std::move(key)));
}
void key_secret_bytes(const Info& info) {
  if (const KeyRef key = key_of(info[0])) info.GetReturnValue().Set(new_bytes(info.GetIsolate(), key->secret));
}
void key_secret_size(const Info& info) {
  if (const KeyRef key = key_of(info[0])) info.GetReturnValue().Set(static_cast<double>(key->secret.size()));
}

// keyParse(asPublic, bytes, format, type, passphrase or undefined): a handle; undefined: a passphrase is needed
void key_parse(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  ::ERR_clear_error();
  const bool as_public = info[0]->IsTrue();
  const InputBytes bytes(isolate, info[1]);
  Passphrase passphrase;
  if (!info[4]->IsUndefined()) {
    passphrase.given = true;
    passphrase.text = std::string(InputBytes(isolate, info[4]).text());
  }
  const int format = integer_of(info[2]), type = integer_of(info[3], -1);
  PkeyPtr pkey = as_public ? parse_public(bytes.span(), format, type, passphrase)
                           : parse_private(bytes.span(), format, type, passphrase);
  if (pkey == nullptr) {
    const unsigned long error = ::ERR_peek_error();
    if (!passphrase.given && ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_BAD_PASSWORD_READ) {
      ::ERR_clear_error();
      return;
    }
    return throw_openssl(isolate, as_public ? "Failed to read asymmetric key" : "Failed to read private key");
  }
  ::ERR_clear_error();
  info.GetReturnValue().Set(wrap_key(crypto_of(info), make_key(as_public ? Key::Type::kPublic : Key::Type::kPrivate, std::move(pkey))));
}

// keyPublicOf(private handle)
void key_public_of(const Info& info) {
  const KeyRef key = key_of(info[0]);
  if (key == nullptr || key->pkey == nullptr) return;
  ::EVP_PKEY_up_ref(key->pkey.get());
  info.GetReturnValue().Set(wrap_key(crypto_of(info), make_key(Key::Type::kPublic, PkeyPtr(key->pkey.get()))));
}

const char* type_name(const EVP_PKEY* pkey) {
  switch (::EVP_PKEY_get_base_id(pkey)) {
    case EVP_PKEY_RSA: return "rsa";
    case EVP_PKEY_RSA_PSS: return "rsa-pss";
    case EVP_PKEY_DSA: return "dsa";
    case EVP_PKEY_DH:
    case EVP_PKEY_DHX: return "dh";
    case EVP_PKEY_EC: return "ec";
    case EVP_PKEY_ED25519: return "ed25519";
    case EVP_PKEY_ED448: return "ed448";
    case EVP_PKEY_X25519: return "x25519";
    case EVP_PKEY_X448: return "x448";
    default: return nullptr;
  }
}
void key_type(const Info& info) {
  const KeyRef key = key_of(info[0]);
  if (key == nullptr || key->pkey == nullptr) return;
  if (const char* name = type_name(key->pkey.get())) info.GetReturnValue().Set(to_v8(info.GetIsolate(), name));
}

BigNumberPtr number_parameter(const EVP_PKEY* pkey, const char* name) {
  BIGNUM* number = nullptr;
  ::EVP_PKEY_get_bn_param(pkey, name, &number);
  return BigNumberPtr(number);
}
std::string text_parameter(const EVP_PKEY* pkey, const char* name) {
  char text[80];
  size_t size = 0;
  return ::EVP_PKEY_get_utf8_string_param(pkey, name, text, sizeof(text), &size) == 1 ? std::string(text, size) : std::string();
}

// [modulus bits, exponent bytes] of RSA, with PSS's [digest, mgf1's digest, salt bytes] where they are bound; [p bits, q bits] of DSA;
// [curve] of EC
void key_details(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const KeyRef key = key_of(info[0]);
  if (key == nullptr || key->pkey == nullptr) return;
  const EVP_PKEY* pkey = key->pkey.get();
  std::vector<v8::Local<v8::Value>> parts;
  const int id = ::EVP_PKEY_get_base_id(pkey);
  if (id == EVP_PKEY_RSA || id == EVP_PKEY_RSA_PSS) {
    parts.push_back(v8::Integer::New(isolate, ::EVP_PKEY_get_bits(pkey)));
    const BigNumberPtr exponent = number_parameter(pkey, OSSL_PKEY_PARAM_RSA_E);
    parts.push_back(new_bytes(isolate, bytes_of(exponent.get())));
    if (id == EVP_PKEY_RSA_PSS) {
      const std::string digest = text_parameter(pkey, OSSL_PKEY_PARAM_RSA_DIGEST),
                        mask = text_parameter(pkey, OSSL_PKEY_PARAM_RSA_MGF1_DIGEST);
      int salt = -1;
      const bool has_salt = ::EVP_PKEY_get_int_param(pkey, OSSL_PKEY_PARAM_RSA_PSS_SALTLEN, &salt) == 1;
      if (!digest.empty() || !mask.empty() || has_salt) {
        // What is left out is RFC 8017's default.
        parts.push_back(to_v8(isolate, digest.empty() ? "SHA1" : digest));
        parts.push_back(to_v8(isolate, mask.empty() ? "SHA1" : mask));
        parts.push_back(v8::Integer::New(isolate, has_salt ? salt : 20));
      }
    }
  } else if (id == EVP_PKEY_DSA) {
    const BigNumberPtr p = number_parameter(pkey, OSSL_PKEY_PARAM_FFC_P), q = number_parameter(pkey, OSSL_PKEY_PARAM_FFC_Q);
    parts.push_back(v8::Integer::New(isolate, BN_num_bits(p.get())));
    parts.push_back(v8::Integer::New(isolate, BN_num_bits(q.get())));
  } else if (id == EVP_PKEY_EC) {
    const std::string curve = text_parameter(pkey, OSSL_PKEY_PARAM_GROUP_NAME);
    parts.push_back(curve.empty() ? v8::Undefined(isolate).As<v8::Value>() : to_v8(isolate, curve).As<v8::Value>());
  } else {
    return;
  }
  ::ERR_clear_error();
  info.GetReturnValue().Set(v8::Array::New(isolate, parts.data(), parts.size()));
}

void key_equals(const Info& info) {
  const KeyRef a = key_of(info[0]), b = key_of(info[1]);
  bool equal = false;
  if (a != nullptr && b != nullptr && a->type == b->type) {
    if (a->type == Key::Type::kSecret)
      equal = a->secret.size() == b->secret.size() &&
              ::CRYPTO_memcmp(a->secret.data(), b->secret.data(), a->secret.size()) == 0;
    else
      equal = ::EVP_PKEY_eq(a->pkey.get(), b->pkey.get()) == 1;
  }
  ::ERR_clear_error();
  info.GetReturnValue().Set(equal);
}

// keyExport(handle, format, type, cipher or undefined, passphrase or undefined): bytes, or a text when it is PEM
void key_export(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const KeyRef key = key_of(info[0]);
  if (key == nullptr || key->pkey == nullptr) return;
  ::ERR_clear_error();
  const EVP_PKEY* pkey = key->pkey.get();
  const int format = integer_of(info[1]), type = integer_of(info[2]);
  const EVP_CIPHER* cipher = nullptr;
  if (info[3]->IsString()) {
    cipher = cipher_named(from_v8(isolate, info[3]));
    if (cipher == nullptr)
      return throw_failure(isolate, coded(Failure::Kind::kError, "ERR_CRYPTO_UNKNOWN_CIPHER", "Unknown cipher"));
  }
  const InputBytes passphrase(isolate, info[4]);
  auto* text = cipher != nullptr ? reinterpret_cast<char*>(const_cast<uint8_t*>(passphrase.data())) : nullptr;
  const int text_size = static_cast<int>(passphrase.size());
  const BioPtr bio(::BIO_new(::BIO_s_mem()));
  bool fine = false;
  if (key->type == Key::Type::kPublic) {
    if (type == kPkcs1) {
      uint8_t* der = nullptr;
      const int size = ::i2d_PublicKey(pkey, &der);
      fine = size > 0 && (format == kPem ? ::PEM_write_bio(bio.get(), "RSA PUBLIC KEY", "", der, size) > 0
                                         : ::BIO_write(bio.get(), der, size) == size);
      ::OPENSSL_free(der);
    } else {
      fine = (format == kPem ? ::PEM_write_bio_PUBKEY(bio.get(), pkey) : ::i2d_PUBKEY_bio(bio.get(), pkey)) == 1;
    }
  } else if (type == kPkcs8) {
    fine = (format == kPem ? ::PEM_write_bio_PKCS8PrivateKey(bio.get(), pkey, cipher, text, text_size, nullptr, nullptr)
                           : ::i2d_PKCS8PrivateKey_bio(bio.get(), pkey, cipher, text, text_size, nullptr, nullptr)) == 1;
  } else if (format == kPem) {
    fine = ::PEM_write_bio_PrivateKey_traditional(bio.get(), pkey, cipher, reinterpret_cast<unsigned char*>(text), text_size,
                                                  nullptr, nullptr) == 1;
  } else {
    uint8_t* der = nullptr;
    const int size = ::i2d_PrivateKey(pkey, &der);
    fine = size > 0 && ::BIO_write(bio.get(), der, size) == size;
    ::OPENSSL_clear_free(der, size > 0 ? static_cast<size_t>(size) : 0);
  }
  if (!fine) return throw_openssl(isolate, "Failed to encode key");
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  const std::span<const uint8_t> bytes(reinterpret_cast<uint8_t*>(data), static_cast<size_t>(size));
  if (format == kPem) info.GetReturnValue().Set(to_v8(isolate, {data, static_cast<size_t>(size)}));
  else info.GetReturnValue().Set(new_bytes(isolate, bytes));
}

}  // namespace

void add_keys(const Adder& add) {
  add("keySecret", key_secret);
  add("keySecretBytes", key_secret_bytes);
  add("keySecretSize", key_secret_size);
  add("keyParse", key_parse);
  add("keyPublicOf", key_public_of);
  add("keyType", key_type);
  add("keyDetails", key_details);
  add("keyEquals", key_equals);
  add("keyExport", key_export);
}

}  // namespace sluice::jsapi::crypto
