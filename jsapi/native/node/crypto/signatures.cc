// SPDX-License-Identifier: Apache-2.0
// Signatures, and RSA as a cipher.
#include <openssl/dsa.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "jsapi/native/node/crypto/crypto.hh"

namespace sluice::jsapi::crypto {

namespace {

constexpr int kDefaultPadding = -1000, kDefaultSalt = -1000;

struct Manner {
  KeyRef key;
  const EVP_MD* digest = nullptr;
  bool unknown_digest = false, ieee = false;
  int padding = kDefaultPadding, salt = kDefaultSalt;
};

bool is_one_shot(const EVP_PKEY* pkey) {
  const int id = ::EVP_PKEY_get_base_id(pkey);
  return id == EVP_PKEY_ED25519 || id == EVP_PKEY_ED448;
}
// Bytes of each half of a signature as IEEE P1363 has it; 0: the key's kind has no such form.
size_t half_bytes(const EVP_PKEY* pkey) {
  const int id = ::EVP_PKEY_get_base_id(pkey);
  if (id == EVP_PKEY_EC) {
    BIGNUM* order = nullptr;
    ::EVP_PKEY_get_bn_param(pkey, "order", &order);
    const BigNumberPtr owned(order);
    return order != nullptr ? static_cast<size_t>(BN_num_bytes(order)) : static_cast<size_t>(::EVP_PKEY_get_bits(pkey) + 7) / 8;
  }
  if (id == EVP_PKEY_DSA) {
    BIGNUM* order = nullptr;
    ::EVP_PKEY_get_bn_param(pkey, "q", &order);
    const BigNumberPtr owned(order);
    return order != nullptr ? static_cast<size_t>(BN_num_bytes(order)) : 0;
  }
  return 0;
}
bool to_ieee(const EVP_PKEY* pkey, ByteVector& signature) {
  const size_t half = half_bytes(pkey);
  if (half == 0) return true;
  const uint8_t* at = signature.data();
  const std::unique_ptr<ECDSA_SIG, FreeWith<ECDSA_SIG_free>> parts(
      ::d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(signature.size())));
  if (parts == nullptr) return false;
  ByteVector result(half * 2);
  if (::BN_bn2binpad(::ECDSA_SIG_get0_r(parts.get()), result.data(), static_cast<int>(half)) < 0 ||
      ::BN_bn2binpad(::ECDSA_SIG_get0_s(parts.get()), result.data() + half, static_cast<int>(half)) < 0)
    return false;
  signature = std::move(result);
  return true;
}
bool from_ieee(const EVP_PKEY* pkey, ByteVector& signature) {
  const size_t half = half_bytes(pkey);
  if (half == 0) return true;
  if (signature.size() != half * 2) return false;
  const std::unique_ptr<ECDSA_SIG, FreeWith<ECDSA_SIG_free>> parts(::ECDSA_SIG_new());
  BIGNUM* r = ::BN_bin2bn(signature.data(), static_cast<int>(half), nullptr);
  BIGNUM* s = ::BN_bin2bn(signature.data() + half, static_cast<int>(half), nullptr);
  ::ECDSA_SIG_set0(parts.get(), r, s);
  uint8_t* der = nullptr;
  const int size = ::i2d_ECDSA_SIG(parts.get(), &der);
  if (size <= 0) return false;
  signature.assign(der, der + size);
  ::OPENSSL_free(der);
  return true;
}

bool set_padding(EVP_PKEY_CTX* context, const Manner& manner) {
  const int id = ::EVP_PKEY_get_base_id(manner.key->pkey.get());
  if (id != EVP_PKEY_RSA && id != EVP_PKEY_RSA_PSS) return true;
  int padding = manner.padding;
  if (padding == kDefaultPadding) padding = id == EVP_PKEY_RSA_PSS ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING;
  if (::EVP_PKEY_CTX_set_rsa_padding(context, padding) <= 0) return false;
  if (padding == RSA_PKCS1_PSS_PADDING && manner.salt != kDefaultSalt)
    return ::EVP_PKEY_CTX_set_rsa_pss_saltlen(context, manner.salt) > 0;
  return true;
}

// Of the arguments from `at`: key handle, digest or undefined, padding, salt, ieee
Manner manner_of(const Info& info, int at) {
  Manner manner;
  manner.key = key_of(info[at]);
  if (info[at + 1]->IsString()) {
    manner.digest = digest_named(from_v8(info.GetIsolate(), info[at + 1]));
    manner.unknown_digest = manner.digest == nullptr;
  }
  manner.padding = integer_of(info[at + 2], kDefaultPadding);
  manner.salt = integer_of(info[at + 3], kDefaultSalt);
  manner.ieee = info[at + 4]->IsTrue();
  return manner;
}
Outcome invalid_digest() {
  return Outcome::fail(coded(Failure::Kind::kTypeError, "ERR_CRYPTO_INVALID_DIGEST", "Invalid digest"));
}
Outcome unsupported() {
  return Outcome::fail(coded(Failure::Kind::kError, "ERR_CRYPTO_UNSUPPORTED_OPERATION", "Unsupported crypto operation"));
}

// signWhole(done, key, digest, padding, salt, ieee, bytes)
void sign_whole(const Info& info) {
  perform(info, info[0], [manner = manner_of(info, 1), bytes = InputBytes(info.GetIsolate(), info[6]).copy()]() -> Outcome {
    if (manner.unknown_digest) return invalid_digest();
    EVP_PKEY* pkey = manner.key->pkey.get();
    const DigestContextPtr context(::EVP_MD_CTX_new());
    EVP_PKEY_CTX* inner = nullptr;
    if (::EVP_DigestSignInit(context.get(), &inner, manner.digest, nullptr, pkey) <= 0 || !set_padding(inner, manner))
      return Outcome::fail("Signing failed");
    size_t size = 0;
    if (::EVP_DigestSign(context.get(), nullptr, &size, bytes.data(), bytes.size()) <= 0) return Outcome::fail("Signing failed");
    ByteVector signature(size);
    if (::EVP_DigestSign(context.get(), signature.data(), &size, bytes.data(), bytes.size()) <= 0)
      return Outcome::fail("Signing failed");
    signature.resize(size);
    if (manner.ieee && !to_ieee(pkey, signature)) return Outcome::fail("Malformed signature");
    return Outcome::bytes(std::move(signature));
  });
}
// verifyWhole(done, key, digest, padding, salt, ieee, bytes, signature)
void verify_whole(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  perform(info, info[0],
          [manner = manner_of(info, 1), bytes = InputBytes(isolate, info[6]).copy(),
           signature = InputBytes(isolate, info[7]).copy()]() mutable -> Outcome {
            if (manner.unknown_digest) return invalid_digest();
            EVP_PKEY* pkey = manner.key->pkey.get();
            const DigestContextPtr context(::EVP_MD_CTX_new());
            EVP_PKEY_CTX* inner = nullptr;
            if (::EVP_DigestVerifyInit(context.get(), &inner, manner.digest, nullptr, pkey) <= 0 || !set_padding(inner, manner))
              return Outcome::fail("Verification failed");
            if (manner.ieee && !from_ieee(pkey, signature)) return Outcome::boolean(false);
            const bool fine =
                ::EVP_DigestVerify(context.get(), signature.data(), signature.size(), bytes.data(), bytes.size()) == 1;
            ::ERR_clear_error();
            return Outcome::boolean(fine);
          });
}
PkeyContextPtr context_of(const Manner& manner) {
  return PkeyContextPtr(::EVP_PKEY_CTX_new_from_pkey(nullptr, manner.key->pkey.get(), nullptr));
}
// signDigest(undefined, key, digest's name, padding, salt, ieee, digest)
void sign_digest(const Info& info) {
  perform(info, info[0], [manner = manner_of(info, 1), bytes = InputBytes(info.GetIsolate(), info[6]).copy()]() -> Outcome {
    if (is_one_shot(manner.key->pkey.get())) return unsupported();
    const PkeyContextPtr context = context_of(manner);
    size_t size = 0;
    if (::EVP_PKEY_sign_init(context.get()) <= 0 || !set_padding(context.get(), manner) ||
        ::EVP_PKEY_CTX_set_signature_md(context.get(), manner.digest) <= 0 ||
        ::EVP_PKEY_sign(context.get(), nullptr, &size, bytes.data(), bytes.size()) <= 0)
      return Outcome::fail("Signing failed");
    ByteVector signature(size);
    if (::EVP_PKEY_sign(context.get(), signature.data(), &size, bytes.data(), bytes.size()) <= 0)
      return Outcome::fail("Signing failed");
    signature.resize(size);
    if (manner.ieee && !to_ieee(manner.key->pkey.get(), signature)) return Outcome::fail("Malformed signature");
    return Outcome::bytes(std::move(signature));
  });
}
// verifyDigest(undefined, key, digest's name, padding, salt, ieee, digest, signature)
void verify_digest(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  perform(info, info[0],
          [manner = manner_of(info, 1), bytes = InputBytes(isolate, info[6]).copy(),
           signature = InputBytes(isolate, info[7]).copy()]() mutable -> Outcome {
            if (is_one_shot(manner.key->pkey.get())) return unsupported();
            if (manner.ieee && !from_ieee(manner.key->pkey.get(), signature)) return Outcome::fail("Malformed signature");
            const PkeyContextPtr context = context_of(manner);
            if (::EVP_PKEY_verify_init(context.get()) <= 0 || !set_padding(context.get(), manner) ||
                ::EVP_PKEY_CTX_set_signature_md(context.get(), manner.digest) <= 0)
              return Outcome::fail("Verification failed");
            const bool fine =
                ::EVP_PKEY_verify(context.get(), signature.data(), signature.size(), bytes.data(), bytes.size()) == 1;
            ::ERR_clear_error();
            return Outcome::boolean(fine);
          });
}

// rsaCipher(done, operation, key, padding, oaep digest or undefined, label or undefined, bytes); operations: 0 encrypt by the public key,
// 1 decrypt by the private one, 2 "encrypt" by the private one, 3 "decrypt" by the public one
void rsa_cipher(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const int operation = integer_of(info[1]), padding = integer_of(info[3]);
  const KeyRef key = key_of(info[2]);
  const EVP_MD* digest = nullptr;
  if (info[4]->IsString()) {
    digest = digest_named(from_v8(isolate, info[4]));
    if (digest == nullptr) return throw_failure(isolate, *invalid_digest().failure);
  }
  const bool has_label = info[5]->IsObject();
  perform(info, info[0],
          [=, label = InputBytes(isolate, info[5]).copy(), bytes = InputBytes(isolate, info[6]).copy()]() -> Outcome {
            const PkeyContextPtr context(::EVP_PKEY_CTX_new_from_pkey(nullptr, key->pkey.get(), nullptr));
            EVP_PKEY_CTX* at = context.get();
            int (*const starts[])(EVP_PKEY_CTX*) = {::EVP_PKEY_encrypt_init, ::EVP_PKEY_decrypt_init, ::EVP_PKEY_sign_init,
                                                    ::EVP_PKEY_verify_recover_init};
            using Work = int (*)(EVP_PKEY_CTX*, unsigned char*, size_t*, const unsigned char*, size_t);
            const Work works[] = {::EVP_PKEY_encrypt, ::EVP_PKEY_decrypt, ::EVP_PKEY_sign, ::EVP_PKEY_verify_recover};
            if (at == nullptr || starts[operation](at) <= 0 || ::EVP_PKEY_CTX_set_rsa_padding(at, padding) <= 0)
              return Outcome::fail("RSA operation failed");
            if (operation == 1 && padding == RSA_PKCS1_PADDING) {
              // Without implicit rejection a decryption tells whether the padding was right (Bleichenbacher's attack).
              if (::EVP_PKEY_CTX_ctrl_str(at, "rsa_pkcs1_implicit_rejection", "1") <= 0) {
                ::ERR_clear_error();
                return Outcome::fail(coded(Failure::Kind::kTypeError, "ERR_INVALID_ARG_VALUE",
                                           "RSA_PKCS1_PADDING is no longer supported for private decryption"));
              }
            }
            if (digest != nullptr && padding == RSA_PKCS1_OAEP_PADDING && ::EVP_PKEY_CTX_set_rsa_oaep_md(at, digest) <= 0)
              return Outcome::fail("RSA operation failed");
            if (has_label && padding == RSA_PKCS1_OAEP_PADDING && !label.empty()) {
              void* copy = ::OPENSSL_memdup(label.data(), label.size());
              if (::EVP_PKEY_CTX_set0_rsa_oaep_label(at, copy, static_cast<int>(label.size())) <= 0) {
                ::OPENSSL_free(copy);
                return Outcome::fail("RSA operation failed");
              }
            }
            size_t size = 0;
            if (works[operation](at, nullptr, &size, bytes.data(), bytes.size()) <= 0) return Outcome::fail("RSA operation failed");
            ByteVector result(size);
            if (works[operation](at, result.data(), &size, bytes.data(), bytes.size()) <= 0)
              return Outcome::fail("RSA operation failed");
            result.resize(size);
            return Outcome::bytes(std::move(result));
          });
}

}  // namespace

void add_signatures(const Adder& add) {
  add("signWhole", sign_whole);
  add("verifyWhole", verify_whole);
  add("signDigest", sign_digest);
  add("verifyDigest", verify_digest);
  add("rsaCipher", rsa_cipher);
}

}  // namespace sluice::jsapi::crypto
