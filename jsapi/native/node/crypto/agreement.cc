// SPDX-License-Identifier: Apache-2.0
// Secrets that two agree on: Diffie-Hellman over primes and over curves.
//
// The class DiffieHellman shows a prime, keys that are set one by one, and OpenSSL's verdict on the parameters; EVP has no such object, so
// that OpenSSL's older DH stands here.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/bn.h>
#include <openssl/dh.h>
#include <openssl/err.h>

#include <algorithm>
#include <cstring>

#include "jsapi/native/node/crypto/crypto.hh"

namespace sluice::jsapi::crypto {

namespace {

using Kind = Failure::Kind;

struct PrimeGroup {
  std::unique_ptr<DH, FreeWith<DH_free>> dh;
};

void give_group(const Info& info, BIGNUM* p, BIGNUM* g) {
  auto group = std::make_unique<PrimeGroup>();
  group->dh.reset(::DH_new());
  ::DH_set0_pqg(group->dh.get(), p, nullptr, g);
  info.GetReturnValue().Set(crypto_of(info).objects.wrap(std::move(group), 1024));
}
// dhMake(bits or prime bytes, generator number or bytes)
void dh_make(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  ::ERR_clear_error();
  BigNumberPtr generator(::BN_new());
  if (info[1]->IsNumber()) {
    const int number = integer_of(info[1]);
    if (number < 2) {
      ERR_raise(ERR_LIB_DH, DH_R_BAD_GENERATOR);
      return throw_openssl(isolate, "Invalid generator");
    }
    ::BN_set_word(generator.get(), static_cast<unsigned>(number));
  } else {
    generator = number_of(InputBytes(isolate, info[1]).span());
    if (BN_is_zero(generator.get()) || BN_is_one(generator.get())) {
      ERR_raise(ERR_LIB_DH, DH_R_BAD_GENERATOR);
      return throw_openssl(isolate, "Invalid generator");
    }
  }
  if (info[0]->IsNumber()) {
    const int bits = integer_of(info[0]);
    if (bits < 2) {
      ERR_raise(ERR_LIB_DH, DH_R_MODULUS_TOO_SMALL);
      return throw_openssl(isolate, "Invalid prime length");
    }
    auto group = std::make_unique<PrimeGroup>();
    group->dh.reset(::DH_new());
    if (::DH_generate_parameters_ex(group->dh.get(), bits, static_cast<int>(::BN_get_word(generator.get())), nullptr) != 1)
      return throw_openssl(isolate, "Invalid prime length");
    info.GetReturnValue().Set(crypto_of(info).objects.wrap(std::move(group), 1024));
    return;
  }
  give_group(info, number_of(InputBytes(isolate, info[0]).span()).release(), generator.release());
}
// dhGroup(name): undefined: there is none
void dh_group(const Info& info) {
  static const struct {
    const char* name;
    BIGNUM* (*make)(BIGNUM*);
  } kGroups[] = {{"modp1", ::BN_get_rfc2409_prime_768},   {"modp2", ::BN_get_rfc2409_prime_1024},
                 {"modp5", ::BN_get_rfc3526_prime_1536},  {"modp14", ::BN_get_rfc3526_prime_2048},
                 {"modp15", ::BN_get_rfc3526_prime_3072}, {"modp16", ::BN_get_rfc3526_prime_4096},
                 {"modp17", ::BN_get_rfc3526_prime_6144}, {"modp18", ::BN_get_rfc3526_prime_8192}};
  std::string name = from_v8(info.GetIsolate(), info[0]);
  std::transform(name.begin(), name.end(), name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  for (const auto& group : kGroups) {
    if (name != group.name) continue;
    BIGNUM* generator = ::BN_new();
    ::BN_set_word(generator, 2);
    return give_group(info, group.make(nullptr), generator);
  }
}
DH* dh_of(const Info& info) {
  PrimeGroup* group = NativeObjects::unwrap<PrimeGroup>(info[0]);
  return group != nullptr ? group->dh.get() : nullptr;
}
void dh_generate(const Info& info) {
  DH* dh = dh_of(info);
  if (dh == nullptr) return;
  ::ERR_clear_error();
  if (::DH_generate_key(dh) != 1) return throw_openssl(info.GetIsolate(), "Key generation failed");
  const BIGNUM* key = ::DH_get0_pub_key(dh);
  info.GetReturnValue().Set(new_bytes(info.GetIsolate(), bytes_of(key, static_cast<size_t>(::DH_size(dh)))));
}
// dhGet(handle, 0 prime, 1 generator, 2 public key, 3 private key): bytes or undefined
void dh_get(const Info& info) {
  DH* dh = dh_of(info);
  if (dh == nullptr) return;
  const int which = integer_of(info[1]);
  const BIGNUM* number = which == 0   ? ::DH_get0_p(dh)
                         : which == 1 ? ::DH_get0_g(dh)
                         : which == 2 ? ::DH_get0_pub_key(dh)
                                      : ::DH_get0_priv_key(dh);
  if (number != nullptr) info.GetReturnValue().Set(new_bytes(info.GetIsolate(), bytes_of(number)));
}
void dh_set(const Info& info) {
  DH* dh = dh_of(info);
  if (dh == nullptr) return;
  BIGNUM* number = number_of(InputBytes(info.GetIsolate(), info[2]).span()).release();
  if (integer_of(info[1]) == 2) ::DH_set0_key(dh, number, nullptr);
  else ::DH_set0_key(dh, nullptr, number);
}
// dhCompute(handle, the other's public key): bytes; number: 1 too small, 2 too large, 3 refused
void dh_compute(const Info& info) {
  DH* dh = dh_of(info);
  if (dh == nullptr) return;
  v8::Isolate* isolate = info.GetIsolate();
  ::ERR_clear_error();
  const BigNumberPtr other = number_of(InputBytes(isolate, info[1]).span());
  ByteVector secret(static_cast<size_t>(::DH_size(dh)));
  const int size = ::DH_compute_key(secret.data(), other.get(), dh);
  if (size == -1) {
    int result = 0;
    const int checked = ::DH_check_pub_key(dh, other.get(), &result);
    ::ERR_clear_error();
    info.GetReturnValue().Set(checked == 1 && (result & DH_CHECK_PUBKEY_TOO_SMALL)   ? 1
                              : checked == 1 && (result & DH_CHECK_PUBKEY_TOO_LARGE) ? 2
                                                                                     : 3);
    return;
  }
  // As long as the prime (RFC 2631 section 2.1.2).
  const size_t shorter = secret.size() - static_cast<size_t>(size);
  if (shorter != 0) {
    std::memmove(secret.data() + shorter, secret.data(), static_cast<size_t>(size));
    std::memset(secret.data(), 0, shorter);
  }
  info.GetReturnValue().Set(new_bytes(isolate, secret));
}
void dh_check(const Info& info) {
  DH* dh = dh_of(info);
  if (dh == nullptr) return;
  int codes = 0;
  ::DH_check(dh, &codes);
  ::ERR_clear_error();
  info.GetReturnValue().Set(codes);
}

// ---- curves

struct CurveKeys {
  GroupPtr group;
  BigNumberPtr number;
  PointPtr point;
};
point_conversion_form_t form_of(v8::Local<v8::Value> value) {
  return static_cast<point_conversion_form_t>(integer_of(value, POINT_CONVERSION_UNCOMPRESSED));
}
ByteVector point_bytes(const EC_GROUP* group, const EC_POINT* point, point_conversion_form_t form) {
  ByteVector bytes(::EC_POINT_point2oct(group, point, form, nullptr, 0, nullptr));
  ::EC_POINT_point2oct(group, point, form, bytes.data(), bytes.size(), nullptr);
  return bytes;
}
PointPtr point_of(const EC_GROUP* group, std::span<const uint8_t> bytes) {
  PointPtr point(::EC_POINT_new(group));
  if (::EC_POINT_oct2point(group, point.get(), bytes.data(), bytes.size(), nullptr) != 1) return nullptr;
  return point;
}
PointPtr point_from(const EC_GROUP* group, const BIGNUM* number) {
  PointPtr point(::EC_POINT_new(group));
  if (::EC_POINT_mul(group, point.get(), number, nullptr, nullptr, nullptr) != 1) return nullptr;
  return point;
}
GroupPtr group_named(const std::string& name) {
  int number = ::EC_curve_nist2nid(name.c_str());
  if (number == NID_undef) number = ::OBJ_sn2nid(name.c_str());
  GroupPtr group(::EC_GROUP_new_by_curve_name(number));
  ::ERR_clear_error();
  return group;
}

// ecdhMake(curve): undefined: there is none
void ecdh_make(const Info& info) {
  GroupPtr group = group_named(from_v8(info.GetIsolate(), info[0]));
  if (group == nullptr) return;
  auto keys = std::make_unique<CurveKeys>();
  keys->group = std::move(group);
  info.GetReturnValue().Set(crypto_of(info).objects.wrap(std::move(keys), 1024));
}
void ecdh_generate(const Info& info) {
  CurveKeys* keys = NativeObjects::unwrap<CurveKeys>(info[0]);
  if (keys == nullptr) return;
  const BIGNUM* order = ::EC_GROUP_get0_order(keys->group.get());
  keys->number.reset(::BN_secure_new());
  do {
    if (::BN_priv_rand_range(keys->number.get(), order) != 1) return throw_openssl(info.GetIsolate(), "Failed to generate key");
  } while (BN_is_zero(keys->number.get()));
  ::BN_set_flags(keys->number.get(), BN_FLG_CONSTTIME);
  keys->point = point_from(keys->group.get(), keys->number.get());
}
// ecdhPublic(handle, form): bytes or undefined
void ecdh_public(const Info& info) {
  CurveKeys* keys = NativeObjects::unwrap<CurveKeys>(info[0]);
  if (keys == nullptr || keys->point == nullptr) return;
  info.GetReturnValue().Set(new_bytes(info.GetIsolate(), point_bytes(keys->group.get(), keys->point.get(), form_of(info[1]))));
}
void ecdh_private(const Info& info) {
  CurveKeys* keys = NativeObjects::unwrap<CurveKeys>(info[0]);
  if (keys == nullptr || keys->number == nullptr) return;
  info.GetReturnValue().Set(new_bytes(
      info.GetIsolate(),
      bytes_of(keys->number.get(), static_cast<size_t>(::EC_GROUP_order_bits(keys->group.get()) + 7) / 8)));
}
// ecdhSetPrivate(handle, bytes): whether it is one
void ecdh_set_private(const Info& info) {
  CurveKeys* keys = NativeObjects::unwrap<CurveKeys>(info[0]);
  if (keys == nullptr) return;
  BigNumberPtr number = number_of(InputBytes(info.GetIsolate(), info[1]).span());
  const bool valid = !BN_is_zero(number.get()) && ::BN_cmp(number.get(), ::EC_GROUP_get0_order(keys->group.get())) < 0;
  info.GetReturnValue().Set(valid);
  if (!valid) return;
  keys->number = std::move(number);
  keys->point = point_from(keys->group.get(), keys->number.get());
}
// ecdhSetPublic(handle, bytes): whether it is one
void ecdh_set_public(const Info& info) {
  CurveKeys* keys = NativeObjects::unwrap<CurveKeys>(info[0]);
  if (keys == nullptr) return;
  ::ERR_clear_error();
  PointPtr point = point_of(keys->group.get(), InputBytes(info.GetIsolate(), info[1]).span());
  if (point == nullptr) return throw_openssl(info.GetIsolate(), "Failed to convert Buffer to EC_POINT");
  keys->point = std::move(point);
}
// ecdhCompute(handle, the other's public key): bytes; number: 1 no such point, 2 keys that do not belong together, 3 no key
void ecdh_compute(const Info& info) {
  CurveKeys* keys = NativeObjects::unwrap<CurveKeys>(info[0]);
  if (keys == nullptr) return;
  ::ERR_clear_error();
  const EC_GROUP* group = keys->group.get();
  const auto problem = [&](int number) {
    ::ERR_clear_error();
    info.GetReturnValue().Set(number);
  };
  if (keys->number == nullptr) return problem(3);
  const PointPtr own = point_from(group, keys->number.get());
  if (keys->point == nullptr || ::EC_POINT_cmp(group, own.get(), keys->point.get(), nullptr) != 0) return problem(2);
  const PointPtr other = point_of(group, InputBytes(info.GetIsolate(), info[1]).span());
  if (other == nullptr || ::EC_POINT_is_at_infinity(group, other.get())) return problem(1);
  const PointPtr shared(::EC_POINT_new(group));
  const BigNumberPtr x(::BN_new());
  if (::EC_POINT_mul(group, shared.get(), nullptr, other.get(), keys->number.get(), nullptr) != 1 ||
      ::EC_POINT_get_affine_coordinates(group, shared.get(), x.get(), nullptr, nullptr) != 1)
    return problem(1);
  info.GetReturnValue().Set(
      new_bytes(info.GetIsolate(), bytes_of(x.get(), static_cast<size_t>(::EC_GROUP_get_degree(group) + 7) / 8)));
}
// ecdhConvert(bytes, curve, form): bytes; undefined: no such curve
void ecdh_convert(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const GroupPtr group = group_named(from_v8(isolate, info[1]));
  if (group == nullptr) return;
  ::ERR_clear_error();
  const PointPtr point = point_of(group.get(), InputBytes(isolate, info[0]).span());
  if (point == nullptr) return throw_openssl(isolate, "Failed to convert Buffer to EC_POINT");
  info.GetReturnValue().Set(new_bytes(isolate, point_bytes(group.get(), point.get(), form_of(info[2]))));
}

// agree(done, private key, public key)
void agree(const Info& info) {
  perform(info, info[0], [own = key_of(info[1]), other = key_of(info[2])]() -> Outcome {
    const PkeyContextPtr context(::EVP_PKEY_CTX_new_from_pkey(nullptr, own->pkey.get(), nullptr));
    size_t size = 0;
    if (::EVP_PKEY_derive_init(context.get()) <= 0 || ::EVP_PKEY_derive_set_peer(context.get(), other->pkey.get()) <= 0 ||
        ::EVP_PKEY_derive(context.get(), nullptr, &size) <= 0)
      return Outcome::fail("diffieHellman failed");
    ByteVector secret(size);
    const size_t whole = size;
    if (::EVP_PKEY_derive(context.get(), secret.data(), &size) <= 0) return Outcome::fail("diffieHellman failed");
    if (size < whole) {
      std::memmove(secret.data() + (whole - size), secret.data(), size);
      std::memset(secret.data(), 0, whole - size);
    }
    return Outcome::bytes(std::move(secret));
  });
}

}  // namespace

void add_agreement(const Adder& add) {
  add("dhMake", dh_make);
  add("dhGroup", dh_group);
  add("dhGenerate", dh_generate);
  add("dhGet", dh_get);
  add("dhSet", dh_set);
  add("dhCompute", dh_compute);
  add("dhCheck", dh_check);
  add("ecdhMake", ecdh_make);
  add("ecdhGenerate", ecdh_generate);
  add("ecdhPublic", ecdh_public);
  add("ecdhPrivate", ecdh_private);
  add("ecdhSetPrivate", ecdh_set_private);
  add("ecdhSetPublic", ecdh_set_public);
  add("ecdhCompute", ecdh_compute);
  add("ecdhConvert", ecdh_convert);
  add("agree", agree);
}

}  // namespace sluice::jsapi::crypto
