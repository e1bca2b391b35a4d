// SPDX-License-Identifier: Apache-2.0
// The strict parser of message heads: lines found by a vector scan for control characters, names by a table.
#include "dataplane/http/head_parser.hh"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "dataplane/http/llhttp_judge.hh"

namespace sluice::http {

namespace {

// Longer than any method that is known, so that a longer word is not a method.
constexpr uint32_t kLongestMethodBytes = 24;
// " HTTP/1.1\r\n" and the space after the method.
constexpr uint32_t kRequestLineRestBytes = 12;

constexpr std::array<bool, 256> make_token_table() {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[c] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[c] = table[c - 32] = true;
  for (char c : {'!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~'})
    table[static_cast<unsigned char>(c)] = true;
  return table;
}
constexpr std::array<bool, 256> kToken = make_token_table();

// Characters of uri-host [ ":" port ] (RFC 3986 section 3.2.2): unreserved, sub-delims, percent, colon and brackets. A comma
// is left out: it would let two values in one field pass for a host.
constexpr std::array<bool, 256> make_host_table() {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[c] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[c] = table[c - 32] = true;
  for (char c : {'-', '.', '_', '~', '!', '$', '&', '\'', '(', ')', '*', '+', ';', '=', '%', ':', '[', ']'})
    table[static_cast<unsigned char>(c)] = true;
  return table;
}
constexpr std::array<bool, 256> kHost = make_host_table();

constexpr unsigned char byte_of(char c) { return static_cast<unsigned char>(c); }

HeadResult fail(ParsedHead& head, uint16_t status, const char* detail) {
  head.error_status = status;
  head.error_detail = detail;
  return HeadResult::kError;
}

uint64_t load8(const char* at) {
  uint64_t value;
  std::memcpy(&value, at, 8);
  return value;
}
constexpr uint64_t word(const char (&text)[9]) {
  uint64_t value = 0;
  for (int i = 7; i >= 0; --i) value = value << 8 | byte_of(text[i]);
  return value;
}
constexpr uint64_t kLower8 = 0x2020202020202020;

// Names whose meaning the engine must know. Setting bit 5 of every byte lowers letters and leaves '-' as it is; no other
// token character is mapped onto either.
enum class KnownField : uint8_t {
  kNone,
  kHost,
  kConnection,
  kContentLength,
  kTransferEncoding,
  kExpect,
  kUpgrade,
};
inline KnownField known_field(const char* name, size_t length) {
  switch (length) {
    case 4: {
      uint32_t value;
      std::memcpy(&value, name, 4);
      return (value | 0x20202020u) == 0x74736f68u ? KnownField::kHost : KnownField::kNone;
    }
    case 6: return field_name_equals({name, length}, "expect") ? KnownField::kExpect : KnownField::kNone;
    case 7: return field_name_equals({name, length}, "upgrade") ? KnownField::kUpgrade : KnownField::kNone;
    case 10:
      return (load8(name) | kLower8) == word("connecti") && (name[8] | 0x20) == 'o' && (name[9] | 0x20) == 'n'
                 ? KnownField::kConnection
                 : KnownField::kNone;
    case 14:
      return (load8(name) | kLower8) == word("content-") && (load8(name + 6) | kLower8) == word("t-length")
                 ? KnownField::kContentLength
                 : KnownField::kNone;
    case 17:
      return (load8(name) | kLower8) == word("transfer") && (load8(name + 9) | kLower8) == word("encoding") &&
                     name[8] == '-'
                 ? KnownField::kTransferEncoding
                 : KnownField::kNone;
    default: return KnownField::kNone;
  }
}

// 1*DIGIT that fits into 63 bits (RFC 9110 section 8.6).
bool parse_content_length(std::string_view value, uint64_t& length) {
  if (value.empty() || value.size() > 19) return false;
  uint64_t result = 0;
  for (char c : value) {
    if (c < '0' || c > '9') return false;
    result = result * 10 + static_cast<uint64_t>(c - '0');
  }
  if (result > static_cast<uint64_t>(INT64_MAX)) return false;
  length = result;
  return true;
}

// What the fields of one message said about its framing and its connection.
struct FieldFacts {
  uint8_t hosts = 0;
  bool close = false, keep_alive = false, connection_upgrade = false, upgrade_field = false;
  bool content_length = false, transfer_encoding = false, chunked = false, chunked_last = false,
       other_coding = false;
  bool expect = false, bad_expect = false;
  bool plain = true;
};

void read_connection(std::string_view value, FieldFacts& facts) {
  if (value.size() == 10 && (load8(value.data()) | kLower8) == word("keep-ali") && (value[8] | 0x20) == 'v' &&
      (value[9] | 0x20) == 'e') {
    facts.keep_alive = true;
    return;
  }
  facts.close |= list_has_token(value, "close");
  facts.keep_alive |= list_has_token(value, "keep-alive");
  facts.connection_upgrade |= list_has_token(value, "upgrade");
}

// Adds the codings of one Transfer-Encoding line. False: not a list of tokens, or chunked twice (RFC 9112 section 6.1).
bool read_transfer_encoding(std::string_view value, FieldFacts& facts) {
  facts.transfer_encoding = true;
  for (;;) {
    const size_t comma = value.find(',');
    std::string_view item = value.substr(0, comma);
    while (!item.empty() && (item.front() == ' ' || item.front() == '\t')) item.remove_prefix(1);
    while (!item.empty() && (item.back() == ' ' || item.back() == '\t')) item.remove_suffix(1);
    if (!is_token(item)) return false;
    if (field_name_equals(item, "chunked")) {
      if (facts.chunked) return false;
      facts.chunked = facts.chunked_last = true;
    } else {
      facts.other_coding = true;
      facts.chunked_last = false;
    }
    if (comma == std::string_view::npos) return true;
    value.remove_prefix(comma + 1);
  }
}

bool is_host(std::string_view value) {
  return std::all_of(value.begin(), value.end(), [](char c) { return kHost[byte_of(c)]; });
}

enum class Section : uint8_t { kRequest, kResponse, kTrailer };

// Parses field lines from `at` to the empty line. `start` is where the head began, `end` where what is visible of it ends.
template <Section kSection>
HeadResult parse_fields(const char* start, const char* at, const char* end, ParsedHead& head,
                        FieldFacts& facts) {
  HeaderField* const store = head.field_store.data();
  const uint32_t limit = static_cast<uint32_t>(head.field_store.size());
  uint32_t count = 0;
  for (;;) {
    const char* const line = at;
    const char* const stop = find_control(at, end);
    if (stop == end) return HeadResult::kIncomplete;
    if (*stop != '\r')
      return fail(head, 400, *stop == '\n' ? "line without CR" : "control character in a header field");
    if (stop + 1 == end) return HeadResult::kIncomplete;
    if (stop[1] != '\n') return fail(head, 400, "CR without LF");
    at = stop + 2;
    if (stop == line) {
      head.field_count = count;
      head.head_bytes = static_cast<uint32_t>(at - start);
      return HeadResult::kComplete;
    }
    const char* colon = line;
    while (kToken[byte_of(*colon)]) ++colon;  // stops at the CR at the latest
    if (*colon != ':' || colon == line) {
      if (*line == ' ' || *line == '\t') return fail(head, 400, "folded header field");
      if (*colon == ' ' || *colon == '\t') return fail(head, 400, "space in a header field name");
      return fail(head, 400, "bad header field name");
    }
    if (count == limit) return fail(head, 431, "too many header fields");
    const char* value = colon + 1;
    while (*value == ' ' || *value == '\t') ++value;
    const char* value_end = stop;
    while (value_end > value && (value_end[-1] == ' ' || value_end[-1] == '\t')) --value_end;
    HeaderField& field = store[count++];
    field.name = {line, static_cast<size_t>(colon - line)};
    field.value = {value, static_cast<size_t>(value_end - value)};

    switch (known_field(line, field.name.size())) {
      case KnownField::kNone: break;
      case KnownField::kHost:
        if (kSection == Section::kTrailer) return fail(head, 400, "Host in trailers");
        if (kSection == Section::kRequest) {
          if (facts.hosts != 0) return fail(head, 400, "more than one Host");
          facts.hosts = 1;
          if (!is_host(field.value)) return fail(head, 400, "bad Host");
        }
        break;
      case KnownField::kConnection:
        if (kSection != Section::kTrailer) read_connection(field.value, facts);
        break;
      case KnownField::kContentLength:
        if (kSection == Section::kTrailer) return fail(head, 400, "Content-Length in trailers");
        if (facts.content_length) return fail(head, 400, "more than one Content-Length");
        facts.content_length = true;
        if (!parse_content_length(field.value, head.content_length))
          return fail(head, 400, "bad Content-Length");
        break;
      case KnownField::kTransferEncoding:
        if (kSection == Section::kTrailer) return fail(head, 400, "Transfer-Encoding in trailers");
        facts.plain = false;
        // A tab is white space by RFC 9110 section 5.6.3, but there are parsers, llhttp for one, to whom "chunked" with a tab
        // behind it is another coding. Two that disagree where a body ends are what smuggling is made of (RFC 9112 section 11.2).
        if (std::find(colon + 1, stop, '\t') != stop) return fail(head, 400, "tab in Transfer-Encoding");
        if (!read_transfer_encoding(field.value, facts)) return fail(head, 400, "bad Transfer-Encoding");
        break;
      case KnownField::kExpect:
        facts.plain = false;
        facts.expect = true;
        facts.bad_expect |= !field_name_equals(field.value, "100-continue");
        break;
      case KnownField::kUpgrade:
        facts.plain = false;
        facts.upgrade_field = true;
        break;
    }
  }
}

// Like llhttp's numbers. The common ones first; -1: unknown.
int find_method(std::string_view name) {
  switch (name.size()) {
    case 3:
      if (name == "GET") return static_cast<int>(Method::kGet);
      if (name == "PUT") return static_cast<int>(Method::kPut);
      break;
    case 4:
      if (name == "POST") return static_cast<int>(Method::kPost);
      if (name == "HEAD") return static_cast<int>(Method::kHead);
      break;
    default: break;
  }
  for (int i = 0; i < 34; ++i)
    if (method_name(static_cast<Method>(i)) == name) return i;
  return -1;
}

// The four forms of RFC 9112 section 3.2. Every byte but controls and space may be in it; what is behind the authority is for
// the handler to judge.
bool target_is_sound(Method method, std::string_view target) {
  if (method == Method::kConnect) {  // authority-form: host and port, both there
    const size_t colon = target.rfind(':');
    if (colon == std::string_view::npos || colon == 0 || colon + 1 == target.size()) return false;
    for (char c : target.substr(colon + 1))
      if (c < '0' || c > '9') return false;
    return is_host(target);
  }
  if (target[0] == '/') return true;
  if (target[0] == '*') return target.size() == 1 && method == Method::kOptions;
  // absolute-form: scheme "://" authority
  size_t i = 0;
  while (i < target.size() && ((target[i] | 0x20) >= 'a' && (target[i] | 0x20) <= 'z')) ++i;
  if (i == 0 || target.substr(i, 3) != "://") return false;
  const std::string_view rest = target.substr(i + 3);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  const size_t at = authority.rfind('@');
  const std::string_view host = at == std::string_view::npos ? authority : authority.substr(at + 1);
  return !host.empty() && is_host(host);
}

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return kToken[byte_of(c)]; });
}

bool may_decide(std::string_view bytes, size_t before) {
  const char* const end = bytes.data() + bytes.size();
  return (before > 0 && bytes[before - 1] == '\r') || find_control(bytes.data() + before, end) != end;
}

const char* find_control(const char* at, const char* end) {
#if defined(__AVX2__)
  {
    const __m256i limit = _mm256_set1_epi8(0x1f), tab = _mm256_set1_epi8('\t'), del = _mm256_set1_epi8(0x7f);
    while (end - at >= 32) {
      const __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
      const __m256i low = _mm256_cmpeq_epi8(_mm256_min_epu8(v, limit), v);
      const __m256i bad =
          _mm256_or_si256(_mm256_andnot_si256(_mm256_cmpeq_epi8(v, tab), low), _mm256_cmpeq_epi8(v, del));
      const uint32_t mask = static_cast<uint32_t>(_mm256_movemask_epi8(bad));
      if (mask) return at + std::countr_zero(mask);
      at += 32;
    }
  }
#endif
#if defined(__SSE2__)
  {
    const __m128i limit = _mm_set1_epi8(0x1f), tab = _mm_set1_epi8('\t'), del = _mm_set1_epi8(0x7f);
    while (end - at >= 16) {
      const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
      const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(v, limit), v);
      const __m128i bad = _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(v, tab), low), _mm_cmpeq_epi8(v, del));
      const uint32_t mask = static_cast<uint32_t>(_mm_movemask_epi8(bad));
      if (mask) return at + std::countr_zero(mask);
      at += 16;
    }
  }
#endif
  for (; at < end; ++at) {
    const unsigned char c = byte_of(*at);
    if ((c < 0x20 && c != '\t') || c == 0x7f) return at;
  }
  return end;
}

HeadResult parse_request_head(std::string_view bytes, const HeadLimits& limits, ParsedHead& head) {
  const char* const start = bytes.data();
  const char* const end = start + std::min<size_t>(bytes.size(), limits.head_bytes);
  const char* at = start;
  if (at < end && *at == '\r') {  // RFC 9112 section 2.2: an empty line before the request
    if (at + 1 == end) return HeadResult::kIncomplete;
    if (at[1] != '\n') return fail(head, 400, "CR without LF");
    at += 2;
  }

  // The request line, which has a limit of its own.
  const uint64_t line_limit = uint64_t{limits.target_bytes} + kLongestMethodBytes + kRequestLineRestBytes;
  const char* const line_end_limit = static_cast<uint64_t>(end - at) > line_limit ? at + line_limit : end;
  const char* const line = at;
  const char* const stop = find_control(at, line_end_limit);
  if (stop == line_end_limit || (*stop == '\r' && stop + 1 == line_end_limit)) {
    if (static_cast<uint64_t>(line_end_limit - line) < line_limit && bytes.size() < limits.head_bytes)
      return HeadResult::kIncomplete;
    const size_t space = std::string_view(line, line_end_limit).find(' ');
    if (space > kLongestMethodBytes) return fail(head, 400, "bad method");
    return fail(head, 414, "request target too long");
  }
  if (*stop != '\r')
    return fail(head, 400, *stop == '\n' ? "line without CR" : "control character in the request line");
  if (stop[1] != '\n') return fail(head, 400, "CR without LF");
  at = stop + 2;

  const char* space = line;
  while (kToken[byte_of(*space)]) ++space;
  if (*space != ' ' || space == line) return fail(head, 400, "bad method");
  const std::string_view method(line, static_cast<size_t>(space - line));
  const char* const target = space + 1;
  // The version is what follows the last space; there must be exactly two.
  const char* const target_end =
      static_cast<const char*>(std::memchr(target, ' ', static_cast<size_t>(stop - target)));
  if (!target_end) return fail(head, 400, "no HTTP version");
  if (target_end == target) return fail(head, 400, "no request target");
  head.target = {target, static_cast<size_t>(target_end - target)};
  const char* const version = target_end + 1;
  if (stop - version != 8 || std::memcmp(version, "HTTP/", 5) != 0 || !is_digit(version[5]) ||
      version[6] != '.' || !is_digit(version[7]))
    return fail(head, 400, "bad HTTP version");
  if (version[5] != '1' || version[7] > '1')
    return fail(head, 505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
  head.version_minor = static_cast<uint8_t>(version[7] - '0');
  if (head.target.size() > limits.target_bytes) return fail(head, 414, "request target too long");
  if (std::memchr(target, '\t', head.target.size())) return fail(head, 400, "tab in the request target");
  const int number = find_method(method);
  if (number < 0) return fail(head, 501, "unknown method");
  head.method = static_cast<Method>(number);
  if (!target_is_sound(head.method, head.target)) return fail(head, 400, "bad request target");

  FieldFacts facts;
  const HeadResult result = parse_fields<Section::kRequest>(start, at, end, head, facts);
  if (result != HeadResult::kComplete) {
    if (result == HeadResult::kIncomplete && bytes.size() >= limits.head_bytes)
      return fail(head, 431, "request head too large");
    return result;
  }

  // RFC 9112 section 3.2.
  if (facts.hosts == 0 && head.version_minor >= 1) return fail(head, 400, "no Host");
  // RFC 9112 section 6.1 and 6.3.
  head.has_content_length = facts.content_length;
  if (facts.transfer_encoding) {
    if (facts.content_length) return fail(head, 400, "both Transfer-Encoding and Content-Length");
    if (head.version_minor == 0) return fail(head, 400, "Transfer-Encoding in HTTP/1.0");
    if (!facts.chunked_last) return fail(head, 400, "Transfer-Encoding that does not end in chunked");
    if (facts.other_coding) return fail(head, 501, "unknown transfer coding");
    head.chunked = true;
  }
  const bool has_body = head.chunked || head.content_length > 0;
  if (has_body && (head.method == Method::kConnect || head.method == Method::kTrace))
    return fail(head, 400, "a body where none may be");
  // RFC 9112 section 9.3.
  head.keep_alive = !facts.close && (head.version_minor >= 1 || facts.keep_alive);
  // RFC 9110 section 7.8: not in HTTP/1.0. With a body it is an ordinary request: the body must be read first anyhow.
  head.upgrade = facts.upgrade_field && facts.connection_upgrade && head.version_minor >= 1 && !has_body;
  // RFC 9110 section 10.1.1: expectations of HTTP/1.0 are ignored.
  if (facts.expect && head.version_minor >= 1) {
    if (facts.bad_expect) return fail(head, 417, "unknown expectation");
    head.expect_continue = has_body;
  }
  head.plain = facts.plain && head.method != Method::kConnect;
  if (!head.plain && !llhttp_agrees_on_request(bytes.substr(0, head.head_bytes), head))
    return fail(head, 400, "malformed request head");
  return HeadResult::kComplete;
}

HeadResult parse_response_head(std::string_view bytes, const HeadLimits& limits, ParsedHead& head) {
  const char* const start = bytes.data();
  const char* const end = start + std::min<size_t>(bytes.size(), limits.head_bytes);
  const char* const stop = find_control(start, end);
  if (stop == end || (*stop == '\r' && stop + 1 == end)) {
    if (bytes.size() < limits.head_bytes) return HeadResult::kIncomplete;
    return fail(head, 502, "response head too large");
  }
  if (*stop != '\r' || stop[1] != '\n') return fail(head, 502, "bad end of the status line");
  // HTTP/1.x SP 3DIGIT [SP reason]. The space before an empty reason is often left out.
  const size_t length = static_cast<size_t>(stop - start);
  if (length < 12 || std::memcmp(start, "HTTP/1.", 7) != 0 || (start[7] != '0' && start[7] != '1') ||
      start[8] != ' ' || !is_digit(start[9]) || !is_digit(start[10]) || !is_digit(start[11]) ||
      (length > 12 && start[12] != ' '))
    return fail(head, 502, "bad status line");
  head.version_minor = static_cast<uint8_t>(start[7] - '0');
  head.status = static_cast<uint16_t>((start[9] - '0') * 100 + (start[10] - '0') * 10 + (start[11] - '0'));
  if (head.status < 100) return fail(head, 502, "bad status");
  head.reason = length > 13 ? std::string_view(start + 13, length - 13) : std::string_view();

  FieldFacts facts;
  const HeadResult result = parse_fields<Section::kResponse>(start, stop + 2, end, head, facts);
  if (result == HeadResult::kError) head.error_status = 502;
  if (result != HeadResult::kComplete) {
    if (result == HeadResult::kIncomplete && bytes.size() >= limits.head_bytes)
      return fail(head, 502, "response head too large");
    return result;
  }
  head.has_content_length = facts.content_length;
  if (facts.transfer_encoding) {
    // A server that sends both may be smuggling through it (RFC 9112 section 6.3, item 3): refused.
    if (facts.content_length) return fail(head, 502, "both Transfer-Encoding and Content-Length");
    if (head.version_minor == 0) return fail(head, 502, "Transfer-Encoding in HTTP/1.0");
    if (facts.chunked && !facts.chunked_last)
      return fail(head, 502, "chunked is not the last transfer coding");
    if (facts.chunked && facts.other_coding) return fail(head, 502, "unknown transfer coding");
    head.chunked = facts.chunked;
    head.unknown_coding = !facts.chunked;
  }
  head.keep_alive = !facts.close && (head.version_minor >= 1 || facts.keep_alive);
  head.upgrade = facts.upgrade_field && facts.connection_upgrade;
  return HeadResult::kComplete;
}

HeadResult parse_trailers(std::string_view bytes, const HeadLimits& limits, ParsedHead& head) {
  const char* const start = bytes.data();
  const char* const end = start + std::min<size_t>(bytes.size(), limits.head_bytes);
  FieldFacts facts;
  const HeadResult result = parse_fields<Section::kTrailer>(start, start, end, head, facts);
  if (result == HeadResult::kIncomplete && bytes.size() >= limits.head_bytes)
    return fail(head, 431, "trailers too large");
  return result;
}

}  // namespace sluice::http
