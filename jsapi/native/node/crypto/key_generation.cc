// SPDX-License-Identifier: Apache-2.0
// New key pairs.
#include <openssl/core_names.h>
#include <openssl/dh.h>
#include <openssl/dsa.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "jsapi/native/node/crypto/crypto.hh"

namespace sluice::jsapi::crypto {

namespace {

PkeyContextPtr context_named(const char* name) { return PkeyContextPtr(::EVP_PKEY_CTX_new_from_name(nullptr, name, nullptr)); }

PkeyPtr generate(EVP_PKEY_CTX* context) {
  EVP_PKEY* pkey = nullptr;
  return ::EVP_PKEY_keygen(context, &pkey) == 1 ? PkeyPtr(pkey) : nullptr;
}
PkeyPtr generate_from(EVP_PKEY* parameters) {
  const PkeyContextPtr context(::EVP_PKEY_CTX_new_from_pkey(nullptr, parameters, nullptr));
  if (context == nullptr || ::EVP_PKEY_keygen_init(context.get()) != 1) return nullptr;
  return generate(context.get());
}

// The public key is the same object as the private one: its type tells what may be shown of it.
Outcome pair_of(PkeyPtr pkey) {
  if (pkey == nullptr) return Outcome::fail("Key generation failed");
  ::EVP_PKEY_up_ref(pkey.get());
  const KeyRef shown = make_key(Key::Type::kPublic, PkeyPtr(pkey.get()));
  const KeyRef kept = make_key(Key::Type::kPrivate, std::move(pkey));
  return {std::nullopt, [shown, kept](v8::Isolate* isolate, Crypto& crypto) -> v8::Local<v8::Value> {
            v8::Local<v8::Value> both[] = {wrap_key(crypto, shown), wrap_key(crypto, kept)};
            return v8::Array::New(isolate, both, 2);
          }};
}

// generateRsa(done, bits, exponent, pss, digest or undefined, mgf1's digest or undefined, salt bytes or undefined)
void generate_rsa(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const int bits = integer_of(info[1]);
  const auto exponent = static_cast<uint64_t>(info[2].As<v8::Number>()->Value());
  const bool pss = info[3]->IsTrue();
  const std::string digest = info[4]->IsString() ? from_v8(isolate, info[4]) : "", mask = info[5]->IsString() ? from_v8(isolate, info[5]) : "";
  const int salt = integer_of(info[6], -1);
  perform(info, info[0], [=]() -> Outcome {
    const PkeyContextPtr context = context_named(pss ? "RSA-PSS" : "RSA");
    const BigNumberPtr number(::BN_new());
    ::BN_set_word(number.get(), exponent);
    bool fine = ::EVP_PKEY_keygen_init(context.get()) == 1 && ::EVP_PKEY_CTX_set_rsa_keygen_bits(context.get(), bits) == 1 &&
                ::EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context.get(), number.get()) == 1;
    if (fine && pss) {
      const EVP_MD* md = digest.empty() ? nullptr : digest_named(digest);
      if (md != nullptr) fine = ::EVP_PKEY_CTX_set_rsa_pss_keygen_md(context.get(), md) == 1;
      const EVP_MD* mgf1 = mask.empty() ? md : digest_named(mask);
      if (fine && mgf1 != nullptr) fine = ::EVP_PKEY_CTX_set_rsa_pss_keygen_mgf1_md(context.get(), mgf1) == 1;
      const int bytes = salt >= 0 ? salt : md != nullptr ? ::EVP_MD_get_size(md) : -1;
      if (fine && bytes >= 0) fine = ::EVP_PKEY_CTX_set_rsa_pss_keygen_saltlen(context.get(), bytes) == 1;
    }
    if (!fine) return Outcome::fail("Key generation failed");
    return pair_of(generate(context.get()));
  });
}
// generateDsa(done, bits, divisor bits or -1)
void generate_dsa(const Info& info) {
  const int bits = integer_of(info[1]), divisor_bits = integer_of(info[2], -1);
  perform(info, info[0], [=]() -> Outcome {
    const PkeyContextPtr context = context_named("DSA");
    EVP_PKEY* parameters = nullptr;
    bool fine = ::EVP_PKEY_paramgen_init(context.get()) == 1 && ::EVP_PKEY_CTX_set_dsa_paramgen_bits(context.get(), bits) == 1;
    if (fine && divisor_bits >= 0) fine = ::EVP_PKEY_CTX_set_dsa_paramgen_q_bits(context.get(), divisor_bits) == 1;
    if (!fine || ::EVP_PKEY_paramgen(context.get(), &parameters) != 1) return Outcome::fail("Key generation failed");
    const PkeyPtr owned(parameters);
    return pair_of(generate_from(parameters));
  });
}
// generateEc(done, curve, explicit)
void generate_ec(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const std::string curve = from_v8(isolate, info[1]);
  const bool is_explicit = info[2]->IsTrue();
  perform(info, info[0], [=]() -> Outcome {
    const PkeyContextPtr context = context_named("EC");
    if (::EVP_PKEY_keygen_init(context.get()) != 1 || ::EVP_PKEY_CTX_set_group_name(context.get(), curve.c_str()) != 1 ||
        ::EVP_PKEY_CTX_set_ec_param_enc(context.get(), is_explicit ? OPENSSL_EC_EXPLICIT_CURVE : OPENSSL_EC_NAMED_CURVE) != 1)
      return Outcome::fail("Key generation failed");
    return pair_of(generate(context.get()));
  });
}
// The group of a name in Node's words or OpenSSL's; 0: none.
int curve_number(const std::string& name) {
  int number = ::EC_curve_nist2nid(name.c_str());
  if (number == NID_undef) number = ::OBJ_sn2nid(name.c_str());
  return number;
}
void curve_known(const Info& info) {
  const GroupPtr group(::EC_GROUP_new_by_curve_name(curve_number(from_v8(info.GetIsolate(), info[0]))));
  ::ERR_clear_error();
  info.GetReturnValue().Set(group != nullptr);
}
void curve_names(const Info& info) {
  std::vector<EC_builtin_curve> curves(::EC_get_builtin_curves(nullptr, 0));
  ::EC_get_builtin_curves(curves.data(), curves.size());
  std::vector<std::string> names;
  for (const EC_builtin_curve& curve : curves) names.emplace_back(::OBJ_nid2sn(curve.nid));
  info.GetReturnValue().Set(names_array(info.GetIsolate(), names));
}
// generateNamed(done, "ED25519" and so on)
void generate_named(const Info& info) {
  const std::string name = from_v8(info.GetIsolate(), info[1]);
  perform(info, info[0], [=]() -> Outcome {
    const PkeyContextPtr context = context_named(name.c_str());
    if (context == nullptr || ::EVP_PKEY_keygen_init(context.get()) != 1) return Outcome::fail("Key generation failed");
    return pair_of(generate(context.get()));
  });
}
// generateDh(done, prime bytes or bits, generator, group or undefined)
void generate_dh(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  ByteVector prime;
  if (info[1]->IsObject()) prime = InputBytes(isolate, info[1]).copy();
  const int bits = integer_of(info[1]), generator = integer_of(info[2], 2);
  perform(info, info[0], [=]() -> Outcome {
    const PkeyContextPtr context = context_named("DH");
    EVP_PKEY* parameters = nullptr;
    bool fine = false;
    if (!prime.empty()) {
      const BigNumberPtr p = number_of(prime), g(::BN_new());
      ::BN_set_word(g.get(), static_cast<unsigned>(generator));
      const std::unique_ptr<OSSL_PARAM_BLD, FreeWith<OSSL_PARAM_BLD_free>> builder(::OSSL_PARAM_BLD_new());
      ::OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_FFC_P, p.get());
      ::OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_FFC_G, g.get());
      const std::unique_ptr<OSSL_PARAM, FreeWith<OSSL_PARAM_free>> list(::OSSL_PARAM_BLD_to_param(builder.get()));
      fine = ::EVP_PKEY_fromdata_init(context.get()) == 1 &&
             ::EVP_PKEY_fromdata(context.get(), &parameters, EVP_PKEY_KEY_PARAMETERS, list.get()) == 1;
    } else {
      fine = ::EVP_PKEY_paramgen_init(context.get()) == 1 && ::EVP_PKEY_CTX_set_dh_paramgen_prime_len(context.get(), bits) == 1 &&
             ::EVP_PKEY_CTX_set_dh_paramgen_generator(context.get(), generator) == 1 &&
             ::EVP_PKEY_paramgen(context.get(), &parameters) == 1;
    }
    const PkeyPtr owned(parameters);
    if (!fine) return Outcome::fail("Key generation failed");
    return pair_of(generate_from(parameters));
  });
}

}  // namespace

void add_key_generation(const Adder& add) {
  add("generateRsa", generate_rsa);
  add("generateDsa", generate_dsa);
  add("generateEc", generate_ec);
  add("generateNamed", generate_named);
  add("generateDh", generate_dh);
  add("curveKnown", curve_known);
  add("curveNames", curve_names);
}

}  // namespace sluice::jsapi::crypto
