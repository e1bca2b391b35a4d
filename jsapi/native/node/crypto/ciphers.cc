// SPDX-License-Identifier: Apache-2.0
// Symmetric ciphers, with and without authentication: by handles, and in one call for WebCrypto.
#include <openssl/core_names.h>
#include <openssl/err.h>

#include <algorithm>
#include <cstring>

#include "jsapi/native/node/crypto/crypto.hh"

namespace sluice::jsapi::crypto {

namespace {

constexpr int kNoTagLength = -1;

bool is_authenticated(const EVP_CIPHER* cipher) {
  return (::EVP_CIPHER_get_flags(cipher) & EVP_CIPH_FLAG_AEAD_CIPHER) != 0;
}
bool is_mode_with_fixed_length(int mode) { return mode == EVP_CIPH_CCM_MODE || mode == EVP_CIPH_OCB_MODE; }
bool is_chacha(const EVP_CIPHER* cipher) { return ::EVP_CIPHER_is_a(cipher, "ChaCha20-Poly1305") == 1; }
// SP 800-38D section 5.2.1.2
bool is_gcm_tag(int size) { return size == 4 || size == 8 || (size >= 12 && size <= 16); }

struct Cipher {
  CipherContextPtr context;
  const EVP_CIPHER* cipher = nullptr;
  int mode = 0;
  bool encrypts = false, authenticated = false, ccm_failed = false;
  enum class Tag : uint8_t { kUnknown, kKnown, kPassed } tag_state = Tag::kUnknown;
  int tag_bytes = kNoTagLength;
  uint8_t tag[EVP_MAX_BLOCK_LENGTH] = {};
  size_t ccm_limit_bytes = 0;

  // The tag of a message to be read goes to the library as late as possible: its setting is checked by the first use.
  bool pass_tag() {
    if (tag_state != Tag::kKnown) return true;
    tag_state = Tag::kPassed;
    return ::EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, tag_bytes, tag) == 1;
  }
};
using Kind = Failure::Kind;

std::string number_text(int number) { return std::to_string(static_cast<unsigned>(number)); }

// cipherMake(name, key handle or bytes, iv or null, encrypts, tag bytes or undefined)
void cipher_make(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const auto fail = [&](Kind kind, const char* code, std::string message) {
    throw_failure(isolate, coded(kind, code, std::move(message)));
  };
  ::ERR_clear_error();
  const std::string name = from_v8(isolate, info[0]);
  auto made = std::make_unique<Cipher>();
  made->cipher = cipher_named(name);
  if (made->cipher == nullptr) return fail(Kind::kError, "ERR_CRYPTO_UNKNOWN_CIPHER", "Unknown cipher");
  const EVP_CIPHER* cipher = made->cipher;
  made->mode = ::EVP_CIPHER_get_mode(cipher);
  made->encrypts = info[3]->IsTrue();
  made->authenticated = is_authenticated(cipher);
  const KeyRef key_object = key_of(info[1]);
  const InputBytes key_bytes(isolate, info[1]), iv(isolate, info[2]);
  const std::span<const uint8_t> key = key_object != nullptr ? std::span<const uint8_t>(key_object->secret) : key_bytes.span();
  const int iv_wanted = ::EVP_CIPHER_get_iv_length(cipher);
  const bool has_iv = info[2]->IsObject();
  if (!has_iv && iv_wanted != 0) return fail(Kind::kTypeError, "ERR_CRYPTO_INVALID_IV", "Invalid initialization vector");
  if (!made->authenticated && has_iv && static_cast<int>(iv.size()) != iv_wanted)
    return fail(Kind::kTypeError, "ERR_CRYPTO_INVALID_IV", "Invalid initialization vector");
  if (is_chacha(cipher) && iv.size() > 12)
    return fail(Kind::kTypeError, "ERR_CRYPTO_INVALID_IV", "Invalid initialization vector");
  made->context.reset(::EVP_CIPHER_CTX_new());
  EVP_CIPHER_CTX* context = made->context.get();
  if (made->mode == EVP_CIPH_WRAP_MODE) ::EVP_CIPHER_CTX_set_flags(context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
  if (::EVP_CipherInit_ex(context, cipher, nullptr, nullptr, nullptr, made->encrypts ? 1 : 0) != 1)
    return throw_openssl(isolate, "Failed to initialize cipher");
  if (made->authenticated) {
    if (has_iv && iv.empty()) return fail(Kind::kTypeError, "ERR_CRYPTO_INVALID_IV", "Invalid initialization vector");
    if (::EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_IVLEN, static_cast<int>(iv.size()), nullptr) != 1)
      return fail(Kind::kTypeError, "ERR_CRYPTO_INVALID_IV", "Invalid initialization vector");
    const int wanted = info[4]->IsNumber() ? integer_of(info[4]) : kNoTagLength;
    if (made->mode == EVP_CIPH_GCM_MODE) {
      if (wanted != kNoTagLength) {
        if (!is_gcm_tag(wanted))
          return fail(Kind::kTypeError, "ERR_CRYPTO_INVALID_AUTH_TAG", "Invalid authentication tag length: " + number_text(wanted));
        made->tag_bytes = wanted;
      }
    } else {
      int size = wanted;
      if (size == kNoTagLength) {
        if (!is_chacha(cipher))
          return fail(Kind::kTypeError, "ERR_CRYPTO_INVALID_AUTH_TAG", "authTagLength required for " + name);
        size = 16;
      }
      // The message's length is bounded by what its field of 15 - N bytes holds (SP 800-38C).
      if (made->mode == EVP_CIPH_CCM_MODE) {
        made->ccm_limit_bytes = INT_MAX;
        if (iv.size() == 12) made->ccm_limit_bytes = 16777215;
        if (iv.size() == 13) made->ccm_limit_bytes = 65535;
      }
      if (::EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, size, nullptr) != 1)
        return fail(Kind::kTypeError, "ERR_CRYPTO_INVALID_AUTH_TAG", "Invalid authentication tag length: " + number_text(size));
      made->tag_bytes = size;
    }
  }
  if (::EVP_CIPHER_CTX_set_key_length(context, static_cast<int>(key.size())) != 1 ||
      (static_cast<int>(key.size()) != ::EVP_CIPHER_CTX_get_key_length(context))) {
    ::ERR_clear_error();
    return fail(Kind::kRangeError, "ERR_CRYPTO_INVALID_KEYLEN", "Invalid key length");
  }
  if (::EVP_CipherInit_ex(context, nullptr, nullptr, key.data(), has_iv ? iv.data() : nullptr, made->encrypts ? 1 : 0) != 1)
    return throw_openssl(isolate, "Failed to initialize cipher");
  info.GetReturnValue().Set(crypto_of(info).objects.wrap(std::move(made), 1024));
}

// cipherUpdate(handle, bytes or text): bytes; number: what went wrong (1 state, 2 too long)
void cipher_update(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  Cipher* cipher = NativeObjects::unwrap<Cipher>(info[0]);
  const auto problem = [&](int number) { info.GetReturnValue().Set(number); };
  if (cipher == nullptr || cipher->context == nullptr) return problem(1);
  ::ERR_clear_error();
  EVP_CIPHER_CTX* context = cipher->context.get();
  const InputBytes bytes(isolate, info[1]);
  if (bytes.size() > INT_MAX - EVP_MAX_BLOCK_LENGTH) return problem(2);
  if (cipher->mode == EVP_CIPH_CCM_MODE && bytes.size() > cipher->ccm_limit_bytes) return problem(2);
  if (!cipher->encrypts && cipher->authenticated && !cipher->pass_tag()) return problem(1);
  int size = static_cast<int>(bytes.size()) + ::EVP_CIPHER_CTX_get_block_size(context);
  if (cipher->mode == EVP_CIPH_WRAP_MODE && cipher->encrypts &&
      ::EVP_CipherUpdate(context, nullptr, &size, bytes.data(), static_cast<int>(bytes.size())) != 1)
    return problem(1);
  v8::Local<v8::ArrayBuffer> buffer = v8::ArrayBuffer::New(isolate, static_cast<size_t>(size));
  uint8_t nothing[EVP_MAX_BLOCK_LENGTH];
  auto* to = size > 0 ? static_cast<uint8_t*>(buffer->Data()) : nothing;
  const int result = ::EVP_CipherUpdate(context, to, &size, bytes.data(), static_cast<int>(bytes.size()));
  if (result != 1 && !cipher->encrypts && cipher->mode == EVP_CIPH_CCM_MODE) {
    // Here a wrong tag shows at once; final() tells it.
    cipher->ccm_failed = true;
    ::ERR_clear_error();
    info.GetReturnValue().Set(v8::Uint8Array::New(buffer, 0, 0));
    return;
  }
  if (result != 1) return problem(1);
  info.GetReturnValue().Set(v8::Uint8Array::New(buffer, 0, static_cast<size_t>(size)));
}

// cipherFinal(handle): bytes; or it throws
void cipher_final(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  Cipher* cipher = NativeObjects::unwrap<Cipher>(info[0]);
  if (cipher == nullptr || cipher->context == nullptr) {
    info.GetReturnValue().Set(1);
    return;
  }
  ::ERR_clear_error();
  EVP_CIPHER_CTX* context = cipher->context.get();
  uint8_t last[EVP_MAX_BLOCK_LENGTH];
  int size = 0;
  bool fine = true;
  if (cipher->authenticated && !cipher->encrypts) fine = cipher->pass_tag();
  if (!cipher->encrypts && cipher->authenticated && cipher->tag_state != Cipher::Tag::kPassed && is_chacha(cipher->cipher)) {
    fine = false;
  } else if (!cipher->encrypts && cipher->mode == EVP_CIPH_CCM_MODE) {
    fine = fine && !cipher->ccm_failed && cipher->tag_state == Cipher::Tag::kPassed;
  } else if (!cipher->encrypts && cipher->authenticated && cipher->tag_state != Cipher::Tag::kPassed) {
    fine = false;
  } else {
    fine = fine && ::EVP_CipherFinal_ex(context, last, &size) == 1;
    if (fine && cipher->encrypts && cipher->authenticated) {
      if (cipher->tag_bytes == kNoTagLength) cipher->tag_bytes = 16;
      fine = ::EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, cipher->tag_bytes, cipher->tag) == 1;
    }
  }
  cipher->context.reset();
  if (!fine)
    return throw_openssl(isolate, cipher->authenticated ? "Unsupported state or unable to authenticate data" : "Unsupported state");
  info.GetReturnValue().Set(new_bytes(isolate, {last, static_cast<size_t>(size)}));
}

void cipher_auto_padding(const Info& info) {
  Cipher* cipher = NativeObjects::unwrap<Cipher>(info[0]);
  info.GetReturnValue().Set(cipher != nullptr && cipher->context != nullptr &&
                            ::EVP_CIPHER_CTX_set_padding(cipher->context.get(), info[1]->IsTrue() ? 1 : 0) == 1);
}

// cipherSetTag(handle, bytes): true, or false: not now; an error of its length is thrown
void cipher_set_tag(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  Cipher* cipher = NativeObjects::unwrap<Cipher>(info[0]);
  info.GetReturnValue().Set(false);
  if (cipher == nullptr || cipher->context == nullptr || !cipher->authenticated || cipher->encrypts ||
      cipher->tag_state != Cipher::Tag::kUnknown)
    return;
  const InputBytes bytes(isolate, info[1]);
  const int size = static_cast<int>(std::min<size_t>(bytes.size(), INT_MAX));
  const bool valid = cipher->mode == EVP_CIPH_GCM_MODE
                         ? (cipher->tag_bytes == kNoTagLength || cipher->tag_bytes == size) && is_gcm_tag(size)
                         : cipher->tag_bytes == size;
  if (!valid)
    return throw_failure(isolate, coded(Kind::kTypeError, "ERR_CRYPTO_INVALID_AUTH_TAG",
                                        "Invalid authentication tag length: " + number_text(size)));
  cipher->tag_bytes = size;
  std::memcpy(cipher->tag, bytes.data(), static_cast<size_t>(size));
  cipher->tag_state = Cipher::Tag::kKnown;
  info.GetReturnValue().Set(true);
}
// cipherTag(handle): bytes or undefined
void cipher_tag(const Info& info) {
  Cipher* cipher = NativeObjects::unwrap<Cipher>(info[0]);
  if (cipher == nullptr || cipher->context != nullptr || !cipher->encrypts || cipher->tag_bytes == kNoTagLength) return;
  info.GetReturnValue().Set(new_bytes(info.GetIsolate(), {cipher->tag, static_cast<size_t>(cipher->tag_bytes)}));
}
// cipherAad(handle, bytes, plaintext bytes or -1): true; false: not now; 1: the length is needed; 2: too long
void cipher_aad(const Info& info) {
  Cipher* cipher = NativeObjects::unwrap<Cipher>(info[0]);
  info.GetReturnValue().Set(false);
  if (cipher == nullptr || cipher->context == nullptr || !cipher->authenticated) return;
  const InputBytes bytes(info.GetIsolate(), info[1]);
  int size = 0;
  EVP_CIPHER_CTX* context = cipher->context.get();
  if (cipher->mode == EVP_CIPH_CCM_MODE) {
    const int plain = integer_of(info[2], -1);
    if (plain < 0) {
      info.GetReturnValue().Set(1);
      return;
    }
    if (static_cast<size_t>(plain) > cipher->ccm_limit_bytes) {
      info.GetReturnValue().Set(2);
      return;
    }
    if (!cipher->encrypts && !cipher->pass_tag()) return;
    if (::EVP_CipherUpdate(context, nullptr, &size, nullptr, plain) != 1) return;
  }
  info.GetReturnValue().Set(
      ::EVP_CipherUpdate(context, nullptr, &size, bytes.data(), static_cast<int>(bytes.size())) == 1);
}

const char* mode_name(int mode) {
  switch (mode) {
    case EVP_CIPH_CBC_MODE: return "cbc";
    case EVP_CIPH_CCM_MODE: return "ccm";
    case EVP_CIPH_CFB_MODE: return "cfb";
    case EVP_CIPH_CTR_MODE: return "ctr";
    case EVP_CIPH_ECB_MODE: return "ecb";
    case EVP_CIPH_GCM_MODE: return "gcm";
    case EVP_CIPH_OCB_MODE: return "ocb";
    case EVP_CIPH_OFB_MODE: return "ofb";
    case EVP_CIPH_WRAP_MODE: return "wrap";
    case EVP_CIPH_XTS_MODE: return "xts";
    case EVP_CIPH_STREAM_CIPHER: return "stream";
    default: return "";
  }
}
// cipherInfo(name or nid, keyBytes or undefined, ivBytes or undefined): [name, nid, mode, keyBytes, ivBytes, blockBytes]
void cipher_info(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  std::string name;
  if (info[0]->IsNumber()) {
    const char* known = ::OBJ_nid2sn(integer_of(info[0]));
    if (known == nullptr) return;
    name = known;
  } else {
    name = from_v8(isolate, info[0]);
  }
  const EVP_CIPHER* cipher = cipher_named(name);
  if (cipher == nullptr) return;
  int key_bytes = ::EVP_CIPHER_get_key_length(cipher), iv_bytes = ::EVP_CIPHER_get_iv_length(cipher);
  if (info[1]->IsNumber() || info[2]->IsNumber()) {
    // Whether these lengths would do.
    const CipherContextPtr context(::EVP_CIPHER_CTX_new());
    if (::EVP_CipherInit_ex(context.get(), cipher, nullptr, nullptr, nullptr, 1) != 1) return;
    if (info[1]->IsNumber()) {
      const int wanted = integer_of(info[1]);
      if (::EVP_CIPHER_CTX_set_key_length(context.get(), wanted) != 1) {
        ::ERR_clear_error();
        return;
      }
      key_bytes = wanted;
    }
    if (info[2]->IsNumber()) {
      const int wanted = integer_of(info[2]);
      if (!is_authenticated(cipher)) {
        if (wanted != iv_bytes) return;
      } else if (is_chacha(cipher)) {
        if (wanted > 12) return;
      } else if (::EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_IVLEN, wanted, nullptr) != 1) {
        ::ERR_clear_error();
        return;
      }
      iv_bytes = wanted;
    }
  }
  const int nid = ::EVP_CIPHER_get_nid(cipher);
  const char* shown = nid != NID_undef ? ::OBJ_nid2ln(nid) : ::EVP_CIPHER_get0_name(cipher);
  const int mode = ::EVP_CIPHER_get_mode(cipher);
  v8::Local<v8::Value> parts[] = {
      to_v8(isolate, shown),
      v8::Integer::New(isolate, nid),
      to_v8(isolate, mode_name(mode)),
      v8::Integer::New(isolate, key_bytes),
      v8::Integer::New(isolate, iv_bytes),
      v8::Integer::New(isolate, mode == EVP_CIPH_STREAM_CIPHER ? 0 : ::EVP_CIPHER_get_block_size(cipher))};
  info.GetReturnValue().Set(v8::Array::New(isolate, parts, 6));
}
void cipher_names(const Info& info) {
  std::vector<std::string> names;
  ::EVP_CIPHER_do_all_sorted(
      [](const EVP_CIPHER*, const char* from, const char*, void* to) {
        if (from == nullptr || cipher_named(from) == nullptr) return;
        std::string name = from;
        std::transform(name.begin(), name.end(), name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
        static_cast<std::vector<std::string>*>(to)->push_back(std::move(name));
      },
      &names);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  info.GetReturnValue().Set(names_array(info.GetIsolate(), names));
}

// cipherWhole(done, encrypts, name, key handle, iv or undefined, bytes, aad or undefined, tag bytes): with a tag it stands at the end of
// what is encrypted. For WebCrypto.
void cipher_whole(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const bool encrypts = info[1]->IsTrue();
  const EVP_CIPHER* cipher = cipher_named(from_v8(isolate, info[2]));
  const KeyRef key = key_of(info[3]);
  ByteVector iv = InputBytes(isolate, info[4]).copy(), bytes = InputBytes(isolate, info[5]).copy(),
             aad = InputBytes(isolate, info[6]).copy();
  const auto tag_bytes = static_cast<size_t>(integer_of(info[7]));
  perform(info, info[0], [=, iv = std::move(iv), bytes = std::move(bytes), aad = std::move(aad)]() -> Outcome {
    if (cipher == nullptr || key == nullptr) return Outcome::fail("Unknown cipher");
    const CipherContextPtr context(::EVP_CIPHER_CTX_new());
    const bool authenticated = is_authenticated(cipher);
    if (::EVP_CIPHER_get_mode(cipher) == EVP_CIPH_WRAP_MODE)
      ::EVP_CIPHER_CTX_set_flags(context.get(), EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    size_t body = bytes.size();
    if (authenticated && !encrypts) {
      if (body < tag_bytes) return Outcome::fail("Unable to authenticate data");
      body -= tag_bytes;
    }
    ByteVector result(body + EVP_MAX_BLOCK_LENGTH * 2 + tag_bytes);
    int size = 0, more = 0;
    bool fine = ::EVP_CipherInit_ex(context.get(), cipher, nullptr, nullptr, nullptr, encrypts ? 1 : 0) == 1;
    if (authenticated) {
      fine = fine && ::EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_IVLEN, static_cast<int>(iv.size()), nullptr) == 1;
      if (!encrypts)
        fine = fine && ::EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, static_cast<int>(tag_bytes),
                                             const_cast<uint8_t*>(bytes.data() + body)) == 1;
      else if (::EVP_CIPHER_get_mode(cipher) == EVP_CIPH_OCB_MODE)
        fine = fine &&
               ::EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, static_cast<int>(tag_bytes), nullptr) == 1;
    }
    fine = fine && static_cast<int>(key->secret.size()) == ::EVP_CIPHER_CTX_get_key_length(context.get()) &&
           ::EVP_CipherInit_ex(context.get(), nullptr, nullptr, key->secret.data(), iv.empty() ? nullptr : iv.data(),
                               encrypts ? 1 : 0) == 1;
    if (authenticated && !aad.empty())
      fine = fine && ::EVP_CipherUpdate(context.get(), nullptr, &size, aad.data(), static_cast<int>(aad.size())) == 1;
    size = 0;
    if (body > 0 || ::EVP_CIPHER_get_mode(cipher) == EVP_CIPH_WRAP_MODE)
      fine = fine && ::EVP_CipherUpdate(context.get(), result.data(), &size, bytes.data(), static_cast<int>(body)) == 1;
    fine = fine && ::EVP_CipherFinal_ex(context.get(), result.data() + size, &more) == 1;
    size += more;
    if (fine && authenticated && encrypts) {
      fine = ::EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(tag_bytes), result.data() + size) == 1;
      size += static_cast<int>(tag_bytes);
    }
    if (!fine) return Outcome::fail("Cipher job failed");
    result.resize(static_cast<size_t>(size));
    return Outcome::bytes(std::move(result));
  });
}

}  // namespace

void add_ciphers(const Adder& add) {
  add("cipherMake", cipher_make);
  add("cipherUpdate", cipher_update);
  add("cipherFinal", cipher_final);
  add("cipherAutoPadding", cipher_auto_padding);
  add("cipherSetTag", cipher_set_tag);
  add("cipherTag", cipher_tag);
  add("cipherAad", cipher_aad);
  add("cipherInfo", cipher_info);
  add("cipherNames", cipher_names);
  add("cipherWhole", cipher_whole);
}

}  // namespace sluice::jsapi::crypto
