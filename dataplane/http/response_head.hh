// SPDX-License-Identifier: Apache-2.0
// Serialising a response head (RFC 9112 section 4): what the handler's field lines say about framing is read once, and the
// head is written in one go into memory that the caller has made sure of.
#pragma once
#include <cstdint>
#include <string_view>

namespace sluice::http {

// What the handler's own field lines name, so that the engine neither repeats nor contradicts it.
struct OwnFields {
  bool date = false, connection = false, close = false, content_length = false, transfer_encoding = false,
       chunked = false;
  bool bad_content_length = false;
  uint64_t length = 0;  // of content_length
  // Lines that frame the message are the engine's to write: they are left out when the fields are copied.
  bool has_framing() const { return content_length || transfer_encoding; }
};
OwnFields read_own_fields(std::string_view fields);

struct ResponseHead {
  enum class Framing : uint8_t { kNone, kLength, kChunked };
  enum class Connection : uint8_t { kUnsaid, kClose, kKeepAlive };
  uint16_t status = 200;
  Framing framing = Framing::kNone;
  Connection connection = Connection::kUnsaid;
  bool drop_own_framing = false;     // leave out Content-Length and Transfer-Encoding lines of `fields`
  bool drop_own_connection = false;  // leave out Connection and Keep-Alive lines of `fields`
  uint64_t length = 0;               // of kLength
  std::string_view reason;           // empty: the registered one
  std::string_view date_line;        // empty: none
  std::string_view fields;

  // At least as long as the head will be, in bytes.
  uint32_t bound_bytes() const {
    return static_cast<uint32_t>(kFixedBytes + reason.size() + date_line.size() + fields.size());
  }
  // Writes the head with its empty line at `at`; returns its end.
  char* write(char* at) const;

 private:
  static constexpr size_t kFixedBytes = 9 + 4 + 40 + 2 + 18 + 20 + 26 + 24 + 2;
};

// Writes `value` in decimal at `at` (at most 20 bytes); returns its end.
char* write_decimal(char* at, uint64_t value);
// Writes `value` in hexadecimal at `at` (at most 16 bytes); returns its end.
char* write_hexadecimal(char* at, uint64_t value);

// What stands before the data of a chunk (RFC 9112 section 7.1); CRLF follows the data.
class ChunkLine {
 public:
  explicit ChunkLine(uint64_t data_bytes) : end_(write_hexadecimal(text_, data_bytes)) {
    *end_++ = '\r';
    *end_++ = '\n';
  }
  std::string_view text() const { return {text_, static_cast<size_t>(end_ - text_)}; }

 private:
  char text_[18];
  char* end_;
};

}  // namespace sluice::http
