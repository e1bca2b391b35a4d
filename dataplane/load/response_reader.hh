// SPDX-License-Identifier: Apache-2.0
// Finds the ends of HTTP/1.1 responses in a stream of bytes, as cheaply as a load generator must: it looks at the status,
// the framing (RFC 9112 section 6.3) and whether the connection stays open, and at nothing else.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace sluice::load {

class ResponseReader {
 public:
  static constexpr uint32_t kHeadLimitBytes = 64 * 1024;

  enum class Event : uint8_t {
    kNeedMore,   // all of `input` was used
    kComplete,   // one response ended; `input` begins behind it
    kMalformed,  // this is no HTTP/1.1 response: close the connection
  };

  // Reads on in `input` and shortens it by what was used. `head_only`: the response is one to a HEAD request.
  Event read(std::string_view& input, bool head_only);

  // The connection ended. True: that was a regular end of a response without a length.
  bool ends_with_connection() const { return state_ == State::kBodyUntilClose; }
  // A response has begun and has not ended.
  bool in_progress() const { return state_ != State::kHead || !partial_.empty(); }

  // Of the last complete response.
  uint16_t status() const { return status_; }
  bool keep_alive() const { return keep_alive_; }

  void reset() {
    state_ = State::kHead;
    partial_.clear();
  }

 private:
  enum class State : uint8_t {
    kHead,
    kBodyCounted,
    kBodyUntilClose,
    kChunkSize,
    kChunkExtension,
    kChunkSizeEnd,
    kChunkData,
    kChunkDataEnd,
    kTrailerLine,
    kTrailerText
  };
  bool parse_head(std::string_view head, bool head_only);
  Event read_chunked(std::string_view& input);

  State state_ = State::kHead;
  bool keep_alive_ = true;
  uint16_t status_ = 0;
  uint64_t left_bytes_ = 0;  // of the body or of the current chunk
  std::string partial_;      // a head that came in pieces; empty otherwise
};

}  // namespace sluice::load
