// SPDX-License-Identifier: Apache-2.0
// The chunked transfer coding as received: a state per place in the framing.
#include "dataplane/http/chunked_decoder.hh"

#include <string_view>

#include "dataplane/http/head_parser.hh"

namespace sluice::http {

namespace {
int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}
}  // namespace

// The state behind character `c` of an extension (RFC 9112 section 7.1.1), white space and escapes left out.
ChunkedDecoder::State ChunkedDecoder::extension(char c) {
  if (state_ == State::kExtensionQuoted) {
    if (c == '"') return State::kExtensionEnd;
    return (c >= 0x20 && c < 0x7f && c != '\\') ? State::kExtensionQuoted : State::kError;
  }
  if (state_ == State::kExtensionEnd || extension_begun_) {
    const bool name = state_ == State::kExtensionName;
    if (c == '\r') return State::kSizeLf;
    if (c == ';' || (c == '=' && name)) {
      extension_begun_ = false;
      return c == ';' ? State::kExtensionName : State::kExtensionValue;
    }
    if (state_ == State::kExtensionEnd) return State::kError;
  } else if (c == '"' && state_ == State::kExtensionValue) {
    return State::kExtensionQuoted;
  }
  extension_begun_ = true;
  return is_token(std::string_view(&c, 1)) ? state_ : State::kError;
}

ChunkedDecoder::Step ChunkedDecoder::next(const char*& at, const char* end) {
  while (at < end) {
    const char c = *at;
    switch (state_) {
      case State::kSize: {
        const int digit = hex_digit(c);
        if (digit >= 0) {
          if (++digits_ > kSizeDigits) break;
          remaining_ = remaining_ << 4 | static_cast<uint64_t>(digit);
          ++at;
          continue;
        }
        if (digits_ == 0 || (c != '\r' && c != ';')) break;
        state_ = c == ';' ? State::kExtensionName : State::kSizeLf;
        extension_begun_ = false;
        ++at;
        continue;
      }
      case State::kExtensionName:
      case State::kExtensionValue:
      case State::kExtensionQuoted:
      case State::kExtensionEnd:
        state_ = ++extension_bytes_ > kExtensionBytes ? State::kError : extension(c);
        if (state_ == State::kError) break;
        ++at;
        continue;
      case State::kSizeLf:
        if (c != '\n') break;
        ++at;
        digits_ = 0;
        if (remaining_ == 0) {
          state_ = State::kTrailers;
          return Step::kTrailers;
        }
        state_ = State::kData;
        continue;
      case State::kData: return Step::kData;
      case State::kDataCr:
        if (c != '\r') break;
        ++at;
        state_ = State::kDataLf;
        continue;
      case State::kDataLf:
        if (c != '\n') break;
        ++at;
        state_ = State::kSize;
        continue;
      case State::kTrailers: return Step::kTrailers;
      case State::kError: break;
    }
    state_ = State::kError;
    return Step::kError;
  }
  return state_ == State::kTrailers ? Step::kTrailers : Step::kNeedMore;
}

const char* ChunkedDecoder::detail() const { return "malformed chunk"; }

}  // namespace sluice::http
