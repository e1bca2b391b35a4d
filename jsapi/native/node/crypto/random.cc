// SPDX-License-Identifier: Apache-2.0
// Random bytes, primes, and OpenSSL's secure heap.
#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "jsapi/native/node/crypto/crypto.hh"

namespace sluice::jsapi::crypto {

namespace {

// randomFill(done, view, offset, bytes)
void random_fill(const Info& info) {
  const HeldBytes held = hold_bytes(info[1]);
  const size_t offset = std::min<size_t>(static_cast<size_t>(info[2].As<v8::Number>()->Value()), held.size);
  const size_t size = std::min<size_t>(static_cast<size_t>(info[3].As<v8::Number>()->Value()), held.size - offset);
  perform(info, info[0], [held, offset, size]() -> Outcome {
    // The library counts in int.
    for (size_t at = 0; at < size;) {
      const size_t now = std::min<size_t>(size - at, 1 << 30);
      if (::RAND_bytes(held.data + offset + at, static_cast<int>(now)) != 1) return Outcome::fail("Random bytes failed");
      at += now;
    }
    return Outcome::nothing();
  });
}

// primeMake(done, bits, safe, add or undefined, rem or undefined)
void prime_make(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const int bits = integer_of(info[1]);
  const bool safe = info[2]->IsTrue();
  ByteVector add, rem;
  const bool has_add = info[3]->IsObject(), has_rem = info[4]->IsObject();
  if (has_add) add = InputBytes(isolate, info[3]).copy();
  if (has_rem) rem = InputBytes(isolate, info[4]).copy();
  if (has_add) {
    const BigNumberPtr add_number = number_of(add);
    if (BN_num_bits(add_number.get()) > bits)
      return throw_failure(isolate, coded(Failure::Kind::kRangeError, "ERR_OUT_OF_RANGE", "invalid options.add"));
    if (has_rem && ::BN_cmp(add_number.get(), number_of(rem).get()) <= 0)
      return throw_failure(isolate, coded(Failure::Kind::kRangeError, "ERR_OUT_OF_RANGE", "invalid options.rem"));
  }
  perform(info, info[0], [=]() -> Outcome {
    const BigNumberPtr prime(::BN_secure_new());
    const BigNumberPtr add_number = has_add ? number_of(add) : nullptr, rem_number = has_rem ? number_of(rem) : nullptr;
    if (::BN_generate_prime_ex(prime.get(), bits, safe ? 1 : 0, add_number.get(), rem_number.get(), nullptr) != 1)
      return Outcome::fail("Prime generation failed");
    return Outcome::bytes(bytes_of(prime.get(), static_cast<size_t>(bits + 7) / 8));
  });
}
// primeCheck(done, bytes, checks)
void prime_check(const Info& info) {
  const int checks = integer_of(info[2]);
  perform(info, info[0], [bytes = InputBytes(info.GetIsolate(), info[1]).copy(), checks]() -> Outcome {
    const std::unique_ptr<BN_CTX, FreeWith<BN_CTX_free>> context(::BN_CTX_new());
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"  // the new one has no number of checks
    const int result = ::BN_is_prime_ex(number_of(bytes).get(), checks, context.get(), nullptr);
#pragma GCC diagnostic pop
    if (result < 0) return Outcome::fail("BignumPrimeCheck failed");
    return Outcome::boolean(result == 1);
  });
}

// [total, used] of the secure heap, or undefined: there is none
void secure_heap(const Info& info) {
  if (::CRYPTO_secure_malloc_initialized() != 1) return;
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::Value> parts[] = {v8::Number::New(isolate, static_cast<double>(::CRYPTO_secure_used()))};
  info.GetReturnValue().Set(v8::Array::New(isolate, parts, 1));
}

}  // namespace

void add_random(const Adder& add) {
  add("randomFill", random_fill);
  add("primeMake", prime_make);
  add("primeCheck", prime_check);
  add("secureHeap", secure_heap);
}

}  // namespace sluice::jsapi::crypto
