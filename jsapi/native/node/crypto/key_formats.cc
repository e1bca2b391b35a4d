// SPDX-License-Identifier: Apache-2.0
// Keys as bare numbers and points: what JWK (RFC 7517, 7518, 8037) and raw formats are made of.
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#include "jsapi/native/node/crypto/crypto.hh"

namespace sluice::jsapi::crypto {

namespace {

using ParameterBuilder = std::unique_ptr<OSSL_PARAM_BLD, FreeWith<OSSL_PARAM_BLD_free>>;
using Parameters = std::unique_ptr<OSSL_PARAM, FreeWith<OSSL_PARAM_free>>;

PkeyPtr from_data(const char* type, OSSL_PARAM_BLD* builder, bool is_private) {
  const Parameters parameters(::OSSL_PARAM_BLD_to_param(builder));
  const PkeyContextPtr context(::EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* pkey = nullptr;
  if (parameters == nullptr || context == nullptr || ::EVP_PKEY_fromdata_init(context.get()) != 1 ||
      ::EVP_PKEY_fromdata(context.get(), &pkey, is_private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1)
    return nullptr;
  return PkeyPtr(pkey);
}

const char* const kRsaParts[] = {OSSL_PKEY_PARAM_RSA_N,         OSSL_PKEY_PARAM_RSA_E,       OSSL_PKEY_PARAM_RSA_D,
                                 OSSL_PKEY_PARAM_RSA_FACTOR1,   OSSL_PKEY_PARAM_RSA_FACTOR2, OSSL_PKEY_PARAM_RSA_EXPONENT1,
                                 OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1};

void give_key(const Info& info, PkeyPtr pkey, bool is_private) {
  ::ERR_clear_error();
  if (pkey == nullptr) return;
  info.GetReturnValue().Set(
      wrap_key(crypto_of(info), make_key(is_private ? Key::Type::kPrivate : Key::Type::kPublic, std::move(pkey))));
}

// rsaMake([n, e] or [n, e, d, p, q, dp, dq, qi]): a handle; undefined: that is no key
void rsa_make(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::Array> parts = info[0].As<v8::Array>();
  const ParameterBuilder builder(::OSSL_PARAM_BLD_new());
  std::vector<BigNumberPtr> numbers;
  for (uint32_t i = 0; i < parts->Length() && i < 8; ++i) {
    const InputBytes bytes(isolate, parts->Get(isolate->GetCurrentContext(), i).ToLocalChecked());
    numbers.push_back(number_of(bytes.span()));
    ::OSSL_PARAM_BLD_push_BN(builder.get(), kRsaParts[i], numbers.back().get());
  }
  const bool is_private = parts->Length() > 2;
  give_key(info, from_data("RSA", builder.get(), is_private), is_private);
}

// The point of a private key.
ByteVector public_point(const EC_GROUP* group, const BIGNUM* number) {
  const PointPtr point(::EC_POINT_new(group));
  if (::EC_POINT_mul(group, point.get(), number, nullptr, nullptr, nullptr) != 1) return {};
  ByteVector bytes(::EC_POINT_point2oct(group, point.get(), POINT_CONVERSION_UNCOMPRESSED, nullptr, 0, nullptr));
  ::EC_POINT_point2oct(group, point.get(), POINT_CONVERSION_UNCOMPRESSED, bytes.data(), bytes.size(), nullptr);
  return bytes;
}
// ecMake(curve, point or undefined, number or undefined)
void ec_make(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const std::string curve = from_v8(isolate, info[0]);
  const bool is_private = info[2]->IsObject();
  ByteVector point;
  if (info[1]->IsObject()) point = InputBytes(isolate, info[1]).copy();
  BigNumberPtr number = is_private ? number_of(InputBytes(isolate, info[2]).span()) : nullptr;
  const int nid = ::OBJ_sn2nid(curve.c_str());
  const GroupPtr group(::EC_GROUP_new_by_curve_name(nid));
  if (group == nullptr) {
    ::ERR_clear_error();
    return;
  }
  if (is_private && (BN_is_zero(number.get()) || ::BN_cmp(number.get(), ::EC_GROUP_get0_order(group.get())) >= 0)) return;
  if (point.empty() && is_private) point = public_point(group.get(), number.get());
  const ParameterBuilder builder(::OSSL_PARAM_BLD_new());
  ::OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve.c_str(), 0);
  ::OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
  if (is_private) ::OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, number.get());
  PkeyPtr pkey = from_data("EC", builder.get(), is_private);
  if (pkey != nullptr && is_private) {
    const PkeyContextPtr check(::EVP_PKEY_CTX_new_from_pkey(nullptr, pkey.get(), nullptr));
    if (::EVP_PKEY_public_check_quick(check.get()) != 1) pkey = nullptr;
  }
  give_key(info, std::move(pkey), is_private);
}
// okpMake("ED25519" and so on, bytes, isPrivate)
void okp_make(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const std::string name = from_v8(isolate, info[0]);
  const InputBytes bytes(isolate, info[1]);
  const bool is_private = info[2]->IsTrue();
  give_key(info,
           PkeyPtr(is_private ? ::EVP_PKEY_new_raw_private_key_ex(nullptr, name.c_str(), nullptr, bytes.data(), bytes.size())
                              : ::EVP_PKEY_new_raw_public_key_ex(nullptr, name.c_str(), nullptr, bytes.data(), bytes.size())),
           is_private);
}

ByteVector number_bytes(const EVP_PKEY* pkey, const char* name, size_t size = 0) {
  BIGNUM* number = nullptr;
  if (::EVP_PKEY_get_bn_param(pkey, name, &number) != 1) return {};
  const BigNumberPtr owned(number);
  return bytes_of(number, size);
}

// keyParts(handle): RSA: [n, e, d, p, q, dp, dq, qi]; EC: [curve, x, y, d]; Edwards and Montgomery: [x, d]; the private ones only of
// private keys
void key_parts(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const KeyRef key = key_of(info[0]);
  if (key == nullptr || key->pkey == nullptr) return;
  const EVP_PKEY* pkey = key->pkey.get();
  const bool is_private = key->type == Key::Type::kPrivate;
  std::vector<v8::Local<v8::Value>> parts;
  const auto push = [&](const ByteVector& bytes) { parts.push_back(new_bytes(isolate, bytes)); };
  switch (::EVP_PKEY_get_base_id(pkey)) {
    case EVP_PKEY_RSA:
    case EVP_PKEY_RSA_PSS:
      for (int i = 0; i < (is_private ? 8 : 2); ++i) push(number_bytes(pkey, kRsaParts[i]));
      break;
    case EVP_PKEY_EC: {
      char curve[80];
      size_t size = 0;
      if (::EVP_PKEY_get_utf8_string_param(pkey, OSSL_PKEY_PARAM_GROUP_NAME, curve, sizeof(curve), &size) != 1) break;
      parts.push_back(to_v8(isolate, {curve, size}));
      const GroupPtr group(::EC_GROUP_new_by_curve_name(::OBJ_sn2nid(curve)));
      if (group == nullptr) break;
      const size_t field = static_cast<size_t>(::EC_GROUP_get_degree(group.get()) + 7) / 8;
      push(number_bytes(pkey, OSSL_PKEY_PARAM_EC_PUB_X, field));
      push(number_bytes(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, field));
      if (is_private)
        push(number_bytes(pkey, OSSL_PKEY_PARAM_PRIV_KEY, static_cast<size_t>(::EC_GROUP_order_bits(group.get()) + 7) / 8));
      break;
    }
    default: {
      size_t size = 0;
      if (::EVP_PKEY_get_raw_public_key(pkey, nullptr, &size) != 1) break;
      ByteVector bytes(size);
      ::EVP_PKEY_get_raw_public_key(pkey, bytes.data(), &size);
      push(bytes);
      if (is_private && ::EVP_PKEY_get_raw_private_key(pkey, nullptr, &size) == 1) {
        bytes.resize(size);
        ::EVP_PKEY_get_raw_private_key(pkey, bytes.data(), &size);
        push(bytes);
      }
    }
  }
  ::ERR_clear_error();
  info.GetReturnValue().Set(v8::Array::New(isolate, parts.data(), parts.size()));
}

// Whether a key pair belongs together.
void key_check(const Info& info) {
  const KeyRef key = key_of(info[0]);
  if (key == nullptr || key->pkey == nullptr) return;
  const PkeyContextPtr check(::EVP_PKEY_CTX_new_from_pkey(nullptr, key->pkey.get(), nullptr));
  info.GetReturnValue().Set((key->type == Key::Type::kPrivate ? ::EVP_PKEY_check(check.get())
                                                              : ::EVP_PKEY_public_check(check.get())) == 1);
  ::ERR_clear_error();
}

}  // namespace

void add_key_formats(const Adder& add) {
  add("rsaMake", rsa_make);
  add("ecMake", ec_make);
  add("okpMake", okp_make);
  add("keyParts", key_parts);
  add("keyCheck", key_check);
}

}  // namespace sluice::jsapi::crypto
