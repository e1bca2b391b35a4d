// SPDX-License-Identifier: Apache-2.0
// X.509 certificates (RFC 5280) and SPKAC.
#include <arpa/inet.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <string_view>

#include "jsapi/native/node/crypto/crypto.hh"

namespace sluice::jsapi::crypto {

namespace {

struct Certificate {
  CertificatePtr x509;
};
X509* x509_of(v8::Local<v8::Value> value) {
  Certificate* certificate = NativeObjects::unwrap<Certificate>(value);
  return certificate != nullptr ? certificate->x509.get() : nullptr;
}

// x509Make(bytes): a handle
void x509_make(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  ::ERR_clear_error();
  const InputBytes bytes(isolate, info[0]);
  const BioPtr bio(::BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
  auto certificate = std::make_unique<Certificate>();
  certificate->x509.reset(::PEM_read_bio_X509_AUX(bio.get(), nullptr, nullptr, nullptr));
  if (certificate->x509 == nullptr) {
    const uint8_t* at = bytes.data();
    const Failure failure = take_failure("Failed to parse certificate");
    certificate->x509.reset(::d2i_X509(nullptr, &at, static_cast<long>(bytes.size())));
    if (certificate->x509 == nullptr) {
      ::ERR_clear_error();
      return throw_failure(isolate, failure);
    }
  }
  ::ERR_clear_error();
  info.GetReturnValue().Set(crypto_of(info).objects.wrap(std::move(certificate), 4096));
}

std::string content_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<size_t>(size)};
}

std::string name_text(const X509_NAME* name) {
  const BioPtr bio(::BIO_new(::BIO_s_mem()));
  ::X509_NAME_print_ex(bio.get(), name, 0,
                       ASN1_STRFLGS_ESC_2253 | ASN1_STRFLGS_ESC_CTRL | ASN1_STRFLGS_UTF8_CONVERT | XN_FLAG_SEP_MULTILINE | XN_FLAG_FN_SN);
  return content_of(bio.get());
}
// [key, value, ...]
v8::Local<v8::Value> name_parts(v8::Isolate* isolate, const X509_NAME* name) {
  std::vector<std::string> parts;
  for (int i = 0; i < ::X509_NAME_entry_count(name); ++i) {
    X509_NAME_ENTRY* entry = ::X509_NAME_get_entry(name, i);
    const ASN1_OBJECT* object = ::X509_NAME_ENTRY_get_object(entry);
    const int nid = ::OBJ_obj2nid(object);
    char text[128];
    if (nid != NID_undef) parts.emplace_back(::OBJ_nid2sn(nid));
    else parts.emplace_back(::OBJ_obj2txt(text, sizeof(text), object, 1) > 0 ? text : "");
    unsigned char* value = nullptr;
    const int size = ::ASN1_STRING_to_UTF8(&value, ::X509_NAME_ENTRY_get_data(entry));
    parts.emplace_back(reinterpret_cast<char*>(value), static_cast<size_t>(std::max(size, 0)));
    ::OPENSSL_free(value);
  }
  return names_array(isolate, parts);
}

// What stands in a list must not be able to look like two entries of it: then it is written as JSON has it.
bool is_safe(std::string_view text, bool in_uri) {
  for (const char c : text) {
    if (c == '"' || c == '\\' || c == ',' || c == '\'') return false;
    if (in_uri ? (c < ' ' || c > '~') : (c < ' ' || c > '~')) return false;
  }
  return true;
}
void append_text(std::string& to, std::string_view prefix, std::string_view text, bool is_utf8) {
  if (is_safe(text, false)) {
    to.append(prefix).append(text);
    return;
  }
  to += '"';
  to += prefix;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\\') to += "\\\\";
    else if (c == '"') to += "\\\"";
    else if ((byte >= ' ' && c != ',' && byte <= '~') || (is_utf8 && byte > '~') || c == ',') to += c;
    else {
      static constexpr char kDigits[] = "0123456789abcdef";
      to += "\\u00";
      to += kDigits[byte >> 4];
      to += kDigits[byte & 15];
    }
  }
  to += '"';
}
std::string_view view_of(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(::ASN1_STRING_get0_data(text)), static_cast<size_t>(::ASN1_STRING_length(text))};
}

void append_general_name(std::string& to, const GENERAL_NAME* name) {
  switch (name->type) {
    case GEN_DNS: return append_text(to, "DNS:", view_of(name->d.dNSName), false);
    case GEN_EMAIL: return append_text(to, "email:", view_of(name->d.rfc822Name), false);
    case GEN_URI: return append_text(to, "URI:", view_of(name->d.uniformResourceIdentifier), false);
    case GEN_DIRNAME: {
      const BioPtr bio(::BIO_new(::BIO_s_mem()));
      ::X509_NAME_print_ex(bio.get(), name->d.dirn, 0,
                           (XN_FLAG_RFC2253 & ~(ASN1_STRFLGS_ESC_MSB | ASN1_STRFLGS_ESC_2253)) | ASN1_STRFLGS_UTF8_CONVERT);
      return append_text(to, "DirName:", content_of(bio.get()), true);
    }
    case GEN_IPADD: {
      const std::string_view bytes = view_of(name->d.iPAddress);
      char text[INET6_ADDRSTRLEN] = "<invalid>";
      if (bytes.size() == 4) {
        ::inet_ntop(AF_INET, bytes.data(), text, sizeof(text));
      } else if (bytes.size() == 16) {
        // Groups without the short form, as OpenSSL writes them.
        std::string groups;
        for (int i = 0; i < 8; ++i) {
          char group[8];
          std::snprintf(group, sizeof(group), "%s%X", i > 0 ? ":" : "",
                        (static_cast<unsigned char>(bytes[static_cast<size_t>(2 * i)]) << 8) |
                            static_cast<unsigned char>(bytes[static_cast<size_t>(2 * i + 1)]));
          groups += group;
        }
        to.append("IP Address:").append(groups);
        return;
      }
      to.append("IP Address:").append(text);
      return;
    }
    case GEN_RID: {
      char text[256];
      ::OBJ_obj2txt(text, sizeof(text), name->d.registeredID, 1);
      to.append("Registered ID:").append(text);
      return;
    }
    case GEN_OTHERNAME: {
      const ASN1_OBJECT* id = name->d.otherName->type_id;
      const int nid = ::OBJ_obj2nid(id);
      const ASN1_TYPE* value = name->d.otherName->value;
      std::string prefix;
      if (nid == NID_id_on_SmtpUTF8Mailbox) prefix = "SmtpUTF8Mailbox";
      else if (nid == NID_XmppAddr) prefix = "XmppAddr";
      else if (nid == NID_SRVName) prefix = "SRVName";
      else if (nid == NID_ms_upn) prefix = "UPN";
      else if (nid == NID_NAIRealm) prefix = "NAIRealm";
      if (prefix.empty() || (value->type != V_ASN1_UTF8STRING && value->type != V_ASN1_IA5STRING)) {
        to += "othername:<unsupported>";
        return;
      }
      to += "othername:";
      append_text(to, prefix + ":", view_of(value->value.asn1_string), value->type == V_ASN1_UTF8STRING);
      return;
    }
    case GEN_X400: to += "X400Name:<unsupported>"; return;
    case GEN_EDIPARTY: to += "EdiPartyName:<unsupported>"; return;
    default: return;
  }
}
std::string alternative_names(X509* x509) {
  const std::unique_ptr<GENERAL_NAMES, FreeWith<GENERAL_NAMES_free>> names(
      static_cast<GENERAL_NAMES*>(::X509_get_ext_d2i(x509, NID_subject_alt_name, nullptr, nullptr)));
  std::string text;
  if (names == nullptr) return text;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    if (i > 0) text += ", ";
    append_general_name(text, sk_GENERAL_NAME_value(names.get(), i));
  }
  return text;
}
std::string access_text(X509* x509) {
  const std::unique_ptr<AUTHORITY_INFO_ACCESS, FreeWith<AUTHORITY_INFO_ACCESS_free>> list(
      static_cast<AUTHORITY_INFO_ACCESS*>(::X509_get_ext_d2i(x509, NID_info_access, nullptr, nullptr)));
  std::string text;
  if (list == nullptr) return text;
  for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(list.get()); ++i) {
    const ACCESS_DESCRIPTION* each = sk_ACCESS_DESCRIPTION_value(list.get(), i);
    char method[80];
    const int nid = ::OBJ_obj2nid(each->method);
    if (nid == NID_undef) ::OBJ_obj2txt(method, sizeof(method), each->method, 1);
    if (!text.empty()) text += '\n';
    text.append(nid != NID_undef ? ::OBJ_nid2ln(nid) : method).append(" - ");
    append_general_name(text, each->location);
  }
  return text.empty() ? text : text + "\n";
}
std::string time_text(const ASN1_TIME* time) {
  const BioPtr bio(::BIO_new(::BIO_s_mem()));
  ::ASN1_TIME_print(bio.get(), time);
  return content_of(bio.get());
}
double time_ms(const ASN1_TIME* time) {
  struct tm parts {};
  ::ASN1_TIME_to_tm(time, &parts);
  return static_cast<double>(::timegm(&parts)) * 1000;
}
std::string fingerprint(X509* x509, const char* digest) {
  uint8_t bytes[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (::X509_digest(x509, digest_named(digest), bytes, &size) != 1) return {};
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    static constexpr char kDigits[] = "0123456789ABCDEF";
    if (i > 0) text += ':';
    text += kDigits[bytes[i] >> 4];
    text += kDigits[bytes[i] & 15];
  }
  return text;
}

// x509Info(handle): an object with all that it says of itself
void x509_info(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  X509* x509 = x509_of(info[0]);
  if (x509 == nullptr) return;
  v8::Local<v8::Object> object = v8::Object::New(isolate);
  const auto text = [&](const char* name, const std::string& value) {
    if (!value.empty()) set(isolate, object, name, to_v8(isolate, value));
  };
  text("subject", name_text(::X509_get_subject_name(x509)));
  text("issuer", name_text(::X509_get_issuer_name(x509)));
  set(isolate, object, "subjectParts", name_parts(isolate, ::X509_get_subject_name(x509)));
  set(isolate, object, "issuerParts", name_parts(isolate, ::X509_get_issuer_name(x509)));
  text("subjectAltName", alternative_names(x509));
  text("infoAccess", access_text(x509));
  text("validFrom", time_text(::X509_get0_notBefore(x509)));
  text("validTo", time_text(::X509_get0_notAfter(x509)));
  set(isolate, object, "validFromMs", v8::Number::New(isolate, time_ms(::X509_get0_notBefore(x509))));
  set(isolate, object, "validToMs", v8::Number::New(isolate, time_ms(::X509_get0_notAfter(x509))));
  text("fingerprint", fingerprint(x509, "SHA1"));
  text("fingerprint256", fingerprint(x509, "SHA256"));
  text("fingerprint512", fingerprint(x509, "SHA512"));
  const BigNumberPtr serial(::ASN1_INTEGER_to_BN(::X509_get0_serialNumber(x509), nullptr));
  if (char* hex = ::BN_bn2hex(serial.get()); hex != nullptr) {
    text("serialNumber", hex);
    ::OPENSSL_free(hex);
  }
  const std::unique_ptr<EXTENDED_KEY_USAGE, FreeWith<EXTENDED_KEY_USAGE_free>> usage(
      static_cast<EXTENDED_KEY_USAGE*>(::X509_get_ext_d2i(x509, NID_ext_key_usage, nullptr, nullptr)));
  if (usage != nullptr) {
    std::vector<std::string> ids;
    for (int i = 0; i < sk_ASN1_OBJECT_num(usage.get()); ++i) {
      char id[256];
      if (::OBJ_obj2txt(id, sizeof(id), sk_ASN1_OBJECT_value(usage.get(), i), 1) >= 0) ids.emplace_back(id);
    }
    set(isolate, object, "keyUsage", names_array(isolate, ids));
  }
  set(isolate, object, "ca", v8::Boolean::New(isolate, ::X509_check_ca(x509) == 1));
  const int algorithm = ::X509_get_signature_nid(x509);
  const ASN1_OBJECT* algorithm_object = nullptr;
  const X509_ALGOR* algorithm_part = nullptr;
  ::X509_get0_signature(nullptr, &algorithm_part, x509);
  ::X509_ALGOR_get0(&algorithm_object, nullptr, nullptr, algorithm_part);
  char oid[128];
  ::OBJ_obj2txt(oid, sizeof(oid), algorithm_object, 1);
  text("signatureAlgorithmOid", oid);
  if (algorithm != NID_undef) text("signatureAlgorithm", ::OBJ_nid2ln(algorithm));
  uint8_t* der = nullptr;
  const int size = ::i2d_X509(x509, &der);
  if (size > 0) set(isolate, object, "raw", new_bytes(isolate, {der, static_cast<size_t>(size)}));
  ::OPENSSL_free(der);
  const BioPtr bio(::BIO_new(::BIO_s_mem()));
  ::PEM_write_bio_X509(bio.get(), x509);
  text("pem", content_of(bio.get()));
  // Of the key, as tls shows it.
  const EVP_PKEY* pkey = ::X509_get0_pubkey(x509);
  if (pkey != nullptr) {
    const int id = ::EVP_PKEY_get_base_id(pkey);
    if (id == EVP_PKEY_RSA || id == EVP_PKEY_RSA_PSS) {
      BIGNUM *n = nullptr, *e = nullptr;
      ::EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &n);
      ::EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e);
      const BigNumberPtr modulus(n), exponent(e);
      char* hex = ::BN_bn2hex(n);
      text("modulus", hex);
      ::OPENSSL_free(hex);
      hex = ::BN_bn2hex(e);
      std::string digits = hex;
      ::OPENSSL_free(hex);
      digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size() - 1));
      for (char& c : digits)
        if (c >= 'A' && c <= 'F') c = static_cast<char>(c + 32);
      text("exponent", "0x" + digits);
    } else if (id == EVP_PKEY_EC) {
      char curve[80];
      size_t curve_size = 0;
      if (::EVP_PKEY_get_utf8_string_param(pkey, OSSL_PKEY_PARAM_GROUP_NAME, curve, sizeof(curve), &curve_size) == 1) {
        text("asn1Curve", curve);
        const char* nist = ::EC_curve_nid2nist(::OBJ_sn2nid(curve));
        if (nist != nullptr) text("nistCurve", nist);
      }
      uint8_t point[256];
      size_t point_size = 0;
      if (::EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &point_size) == 1)
        set(isolate, object, "point", new_bytes(isolate, {point, point_size}));
    }
    set(isolate, object, "bits", v8::Integer::New(isolate, ::EVP_PKEY_get_bits(pkey)));
    uint8_t* key_der = nullptr;
    const int key_size = ::i2d_PUBKEY(pkey, &key_der);
    if (key_size > 0) set(isolate, object, "pubkey", new_bytes(isolate, {key_der, static_cast<size_t>(key_size)}));
    ::OPENSSL_free(key_der);
  }
  ::ERR_clear_error();
  info.GetReturnValue().Set(object);
}
void x509_public_key(const Info& info) {
  X509* x509 = x509_of(info[0]);
  if (x509 == nullptr) return;
  ::ERR_clear_error();
  PkeyPtr pkey(::X509_get_pubkey(x509));
  if (pkey == nullptr) return throw_openssl(info.GetIsolate(), "Failed to read the public key");
  info.GetReturnValue().Set(wrap_key(crypto_of(info), make_key(Key::Type::kPublic, std::move(pkey))));
}
// x509Check(handle, 0 host 1 email 2 ip, text, flags): the matching name, true, false; null: that is no such name
void x509_check(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  X509* x509 = x509_of(info[0]);
  if (x509 == nullptr) return;
  const std::string text = from_v8(isolate, info[2]);
  const auto flags = static_cast<unsigned>(integer_of(info[3]));
  int result = 0;
  char* peer = nullptr;
  switch (integer_of(info[1])) {
    case 0: result = ::X509_check_host(x509, text.data(), text.size(), flags, &peer); break;
    case 1: result = ::X509_check_email(x509, text.data(), text.size(), flags); break;
    default: result = ::X509_check_ip_asc(x509, text.c_str(), flags);
  }
  ::ERR_clear_error();
  if (result == 1 && peer != nullptr) info.GetReturnValue().Set(to_v8(isolate, peer));
  else if (result == -2) info.GetReturnValue().SetNull();
  else info.GetReturnValue().Set(result == 1);
  ::OPENSSL_free(peer);
}
void x509_check_issued(const Info& info) {
  X509 *x509 = x509_of(info[0]), *issuer = x509_of(info[1]);
  if (x509 != nullptr && issuer != nullptr) info.GetReturnValue().Set(::X509_check_issued(issuer, x509) == X509_V_OK);
  ::ERR_clear_error();
}
void x509_check_private(const Info& info) {
  X509* x509 = x509_of(info[0]);
  const KeyRef key = key_of(info[1]);
  if (x509 != nullptr && key != nullptr) info.GetReturnValue().Set(::X509_check_private_key(x509, key->pkey.get()) == 1);
  ::ERR_clear_error();
}
void x509_verify(const Info& info) {
  X509* x509 = x509_of(info[0]);
  const KeyRef key = key_of(info[1]);
  if (x509 != nullptr && key != nullptr) info.GetReturnValue().Set(::X509_verify(x509, key->pkey.get()) > 0);
  ::ERR_clear_error();
}

// ---- SPKAC (the "keygen" element of HTML)

using Spki = std::unique_ptr<NETSCAPE_SPKI, FreeWith<NETSCAPE_SPKI_free>>;
Spki spki_of(const Info& info) {
  const InputBytes bytes(info.GetIsolate(), info[0]);
  std::string_view text = bytes.text();
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ' || text.back() == '\t'))
    text.remove_suffix(1);
  const std::string copy(text);
  return Spki(::NETSCAPE_SPKI_b64_decode(copy.c_str(), static_cast<int>(copy.size())));
}
void spkac_verify(const Info& info) {
  const Spki spki = spki_of(info);
  bool fine = false;
  if (spki != nullptr) {
    const PkeyPtr pkey(::X509_PUBKEY_get(spki->spkac->pubkey));
    fine = pkey != nullptr && ::NETSCAPE_SPKI_verify(spki.get(), pkey.get()) > 0;
  }
  ::ERR_clear_error();
  info.GetReturnValue().Set(fine);
}
void spkac_public_key(const Info& info) {
  const Spki spki = spki_of(info);
  if (spki != nullptr) {
    const PkeyPtr pkey(::NETSCAPE_SPKI_get_pubkey(spki.get()));
    const BioPtr bio(::BIO_new(::BIO_s_mem()));
    if (pkey != nullptr && ::PEM_write_bio_PUBKEY(bio.get(), pkey.get()) == 1) {
      const std::string text = content_of(bio.get());
      info.GetReturnValue().Set(new_bytes(info.GetIsolate(), {reinterpret_cast<const uint8_t*>(text.data()), text.size()}));
    }
  }
  ::ERR_clear_error();
}
void spkac_challenge(const Info& info) {
  const Spki spki = spki_of(info);
  if (spki != nullptr) {
    unsigned char* text = nullptr;
    const int size = ::ASN1_STRING_to_UTF8(&text, spki->spkac->challenge);
    if (size >= 0) info.GetReturnValue().Set(new_bytes(info.GetIsolate(), {text, static_cast<size_t>(size)}));
    ::OPENSSL_free(text);
  }
  ::ERR_clear_error();
}

}  // namespace

void add_certificates(const Adder& add) {
  add("x509Make", x509_make);
  add("x509Info", x509_info);
  add("x509PublicKey", x509_public_key);
  add("x509Check", x509_check);
  add("x509CheckIssued", x509_check_issued);
  add("x509CheckPrivate", x509_check_private);
  add("x509Verify", x509_verify);
  add("spkacVerify", spkac_verify);
  add("spkacPublicKey", spkac_public_key);
  add("spkacChallenge", spkac_challenge);
}

}  // namespace sluice::jsapi::crypto
