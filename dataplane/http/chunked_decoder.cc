// SPDX-License-Identifier: Apache-2.0
// The chunked transfer coding as received: a state per place in the framing.
#include "dataplane/http/chunked_decoder.hh"

namespace sluice::http {

namespace {
int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}
}  // namespace

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
        state_ = c == ';' ? State::kExtension : State::kSizeLf;
        ++at;
        continue;
      }
      case State::kExtension:
        if (c == '\r') {
          state_ = State::kSizeLf;
        } else {
          const unsigned char byte = static_cast<unsigned char>(c);
          if ((byte < 0x20 && c != '\t') || byte == 0x7f || ++extension_bytes_ > kExtensionBytes) break;
        }
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
