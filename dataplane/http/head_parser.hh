// SPDX-License-Identifier: Apache-2.0
// The strict parser of message heads (RFC 9112 sections 2 to 6), in place: it works on the received bytes and gives views
// into them. It accepts only what every other recipient would read in the same way, since a message that two parsers cut
// differently is how requests are smuggled: lines end in CRLF and nothing else, no control characters, no folding, no
// space before a colon, one framing. Heads that carry more than the plain fields of every day are put before llhttp as
// well (llhttp_judge.hh); both must agree.
//
// What it says about a prefix of a head depends only on the whole lines in it and on control characters, so the outcome
// does not depend on how the bytes were split on their way.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

#include "dataplane/http/message.hh"

namespace sluice::http {

enum class HeadResult : uint8_t {
  kIncomplete,  // so far sound
  kComplete,
  kError,  // see error_status and error_detail
};

// What parsing a head gives, in addition to the fields.
struct ParsedHead {
  // Where the fields go: at most this many are accepted. Set by the caller.
  std::span<HeaderField> field_store;

  uint32_t head_bytes = 0;  // length of the head with its empty line; valid with kComplete
  uint32_t field_count = 0;
  uint8_t version_minor = 0;
  bool keep_alive = false;  // by version and Connection (RFC 9112 section 9.3)
  bool chunked = false;
  bool has_content_length = false;
  uint64_t content_length = 0;
  bool plain = false;    // nothing in it that asks for the second opinion of llhttp
  bool upgrade = false;  // Upgrade is there and Connection names it, in an HTTP/1.1 message
  // requests
  Method method = Method::kGet;
  bool expect_continue = false;
  std::string_view target;
  // responses
  uint16_t status = 0;
  std::string_view reason;
  bool unknown_coding = false;  // Transfer-Encoding without a final chunked: the body lasts until the end
  // kError
  uint16_t error_status = 0;  // what a server answers: 400, 414, 417, 431, 501, 505
  const char* error_detail = "";

  std::span<const HeaderField> fields() const { return field_store.first(field_count); }
};

// Limits that a head is held against.
struct HeadLimits {
  uint32_t head_bytes;
  uint32_t target_bytes;
};

// Parses the request head at the front of `bytes`. One empty line before it is skipped (RFC 9112 section 2.2).
HeadResult parse_request_head(std::string_view bytes, const HeadLimits& limits, ParsedHead& head);

// Parses the response head at the front of `bytes`; any error is of status 502.
HeadResult parse_response_head(std::string_view bytes, const HeadLimits& limits, ParsedHead& head);

// Parses a trailer section with its empty line (RFC 9112 section 7.1.2). Framing and routing fields are refused in it
// (RFC 9110 section 6.5.1).
HeadResult parse_trailers(std::string_view bytes, const HeadLimits& limits, ParsedHead& head);

// The first control character other than a tab in [at, end), or `end`.
const char* find_control(const char* at, const char* end);

// Whether the verdict on `bytes`, of which the first `before` were found incomplete, can have changed: a new control character
// has come, or what follows a CR. (Limits are the caller's to watch.)
bool may_decide(std::string_view bytes, size_t before);

// Whether `text` is a token (RFC 9110 section 5.6.2) of at least one character.
bool is_token(std::string_view text);

}  // namespace sluice::http
