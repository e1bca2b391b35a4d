// SPDX-License-Identifier: Apache-2.0
// The chunked transfer coding as received (RFC 9112 section 7.1), strictly: hexadecimal digits, extensions of the
// plain form ;name, ;name=value or ;name="value", CRLF and nothing else. It only finds where the pieces lie; it neither copies nor holds bytes.
#pragma once
#include <cstdint>

namespace sluice::http {

class ChunkedDecoder {
 public:
  enum class Step : uint8_t {
    kNeedMore,  // everything given was framing
    kData,      // `at` stands at data of which remaining() bytes follow; take some and call taken()
    kTrailers,  // the last chunk is over; the trailer section begins at `at`
    kError,     // malformed; see detail()
  };

  // Extensions carry nothing that anybody uses, but cost work: all those of one body together may be this long.
  static constexpr uint32_t kExtensionBytes = 16 * 1024;
  // Digits of a chunk size, leading zeros included: far from overflow, longer than anybody sends.
  static constexpr uint32_t kSizeDigits = 15;

  void reset() { *this = ChunkedDecoder(); }

  // Reads framing from `at` up to `end` and moves `at` behind it.
  Step next(const char*& at, const char* end);

  uint64_t remaining() const { return remaining_; }
  void taken(uint64_t bytes) {
    remaining_ -= bytes;
    if (remaining_ == 0) state_ = State::kDataCr;
  }
  const char* detail() const;

 private:
  enum class State : uint8_t {
    kSize,
    kExtensionName,
    kExtensionValue,
    kExtensionQuoted,
    kExtensionEnd,
    kSizeLf,
    kData,
    kDataCr,
    kDataLf,
    kTrailers,
    kError,
  };
  State extension(char c);
  uint64_t remaining_ = 0;
  State state_ = State::kSize;
  uint8_t digits_ = 0;            // of the chunk's size
  bool extension_begun_ = false;  // the name or value of an extension has a character
  uint16_t extension_bytes_ = 0;
  static_assert(kExtensionBytes <= UINT16_MAX);
};

}  // namespace sluice::http
