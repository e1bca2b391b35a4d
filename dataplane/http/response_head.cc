// SPDX-License-Identifier: Apache-2.0
#include "dataplane/http/response_head.hh"

#include <algorithm>
#include <array>
#include <cstring>

#include "dataplane/http/message.hh"

namespace sluice::http {

namespace {

// Status lines of all registered statuses, made once.
struct StatusLines {
  struct Line {
    uint8_t length = 0;
    char text[55];
  };
  std::array<Line, 500> lines;  // 100 to 599
  StatusLines() {
    for (unsigned i = 0; i < lines.size(); ++i) {
      const uint16_t status = static_cast<uint16_t>(100 + i);
      const std::string_view reason = status_reason(status);
      constexpr std::string_view kVersion = "HTTP/1.1 ";
      char* at = std::copy(kVersion.begin(), kVersion.end(), lines[i].text);
      at = write_decimal(at, status);
      *at++ = ' ';
      at = std::copy(reason.begin(), reason.end(), at);
      *at++ = '\r';
      *at++ = '\n';
      lines[i].length = static_cast<uint8_t>(at - lines[i].text);
    }
  }
};
const StatusLines kStatusLines;

char* put(char* at, std::string_view text) {
  if (!text.empty()) std::memcpy(at, text.data(), text.size());
  return at + text.size();
}

// Calls visit(line with CRLF, name length) for each field line.
template <typename Visit>
void for_each_line(std::string_view fields, Visit visit) {
  while (!fields.empty()) {
    const size_t end = fields.find('\n');
    const std::string_view line = fields.substr(0, end == std::string_view::npos ? fields.size() : end + 1);
    visit(line);
    fields.remove_prefix(line.size());
  }
}

bool names(std::string_view line, std::string_view name) {
  return line.size() > name.size() && line[name.size()] == ':' &&
         field_name_equals(line.substr(0, name.size()), name);
}

std::string_view value_of(std::string_view line, size_t name_bytes) {
  std::string_view value = line.substr(name_bytes + 1);
  while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
  while (!value.empty() && static_cast<unsigned char>(value.back()) <= ' ') value.remove_suffix(1);
  return value;
}

bool is_framing(std::string_view line) {
  return names(line, "content-length") || names(line, "transfer-encoding");
}
bool is_connection(std::string_view line) { return names(line, "connection") || names(line, "keep-alive"); }

}  // namespace

char* write_decimal(char* at, uint64_t value) {
  char digits[20];
  unsigned count = 0;
  do {
    digits[count++] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value != 0);
  while (count > 0) *at++ = digits[--count];
  return at;
}

char* write_hexadecimal(char* at, uint64_t value) {
  unsigned shift = 60;
  while (shift > 0 && (value >> shift) == 0) shift -= 4;
  for (;; shift -= 4) {
    *at++ = "0123456789abcdef"[value >> shift & 15];
    if (shift == 0) return at;
  }
}

OwnFields read_own_fields(std::string_view fields) {
  OwnFields own;
  for_each_line(fields, [&own](std::string_view line) {
    switch (line[0] | 0x20) {
      case 'd': own.date |= names(line, "date"); break;
      case 'c':
        if (names(line, "connection")) {
          own.connection = true;
          own.close |= list_has_token(value_of(line, 10), "close");
        } else if (names(line, "content-length")) {
          own.content_length = true;
          own.length = 0;
          const std::string_view value = value_of(line, 14);
          if (value.empty() || value.size() > 18) own.bad_content_length = true;
          for (char c : value) {
            if (c < '0' || c > '9') own.bad_content_length = true;
            own.length = own.length * 10 + static_cast<uint64_t>(c - '0');
          }
        }
        break;
      case 't':
        if (names(line, "transfer-encoding")) {
          own.transfer_encoding = true;
          own.chunked |= list_has_token(value_of(line, 17), "chunked");
        }
        break;
      default: break;
    }
  });
  return own;
}

char* ResponseHead::write(char* at) const {
  if (status >= 100 && status < 600 && reason.empty()) {
    const StatusLines::Line& line = kStatusLines.lines[status - 100u];
    std::memcpy(at, line.text, sizeof(line.text));  // of fixed length: cheaper than the exact one
    at += line.length;
  } else {
    at = put(at, "HTTP/1.1 ");
    at = write_decimal(at, status);
    *at++ = ' ';
    at = put(at, reason);
    at = put(at, "\r\n");
  }
  at = put(at, date_line);
  if (!drop_own_framing && !drop_own_connection) {
    at = put(at, fields);
  } else {
    for_each_line(fields, [&](std::string_view line) {
      if ((drop_own_framing && is_framing(line)) || (drop_own_connection && is_connection(line))) return;
      at = put(at, line);
    });
  }
  switch (framing) {
    case Framing::kNone: break;
    case Framing::kLength:
      at = put(at, "Content-Length: ");
      at = write_decimal(at, length);
      at = put(at, "\r\n");
      break;
    case Framing::kChunked: at = put(at, "Transfer-Encoding: chunked\r\n"); break;
  }
  switch (connection) {
    case Connection::kUnsaid: break;
    case Connection::kClose: at = put(at, "Connection: close\r\n"); break;
    case Connection::kKeepAlive: at = put(at, "Connection: keep-alive\r\n"); break;
  }
  return put(at, "\r\n");
}

}  // namespace sluice::http
