// SPDX-License-Identifier: Apache-2.0
// Which header fields of a message are forwarded: all but those of the hop (RFC 9110 section 7.6.1), with the edits asked for.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "dataplane/http/message.hh"
#include "dataplane/proxy/proxy.hh"

namespace sluice::proxy {

// Whether a field belongs to one hop only: the fixed ones, and those that a Connection field of the message names.
class HopByHop {
 public:
  explicit HopByHop(std::span<const http::HeaderField> headers);
  bool contains(std::string_view name) const;

 private:
  static constexpr unsigned kConnectionFields = 4;
  std::string_view connection_[kConnectionFields];  // values of the Connection fields
  unsigned count_ = 0;
  bool too_many_ = false;
};

// Appends the lines of `headers` that are to be forwarded, then those of `edits.set`.
void append_forwarded(std::string& lines, std::span<const http::HeaderField> headers,
                      const HeaderEdits& edits, std::span<const std::string_view> also_removed);

// Appends the Via line of this hop, behind those of earlier ones (RFC 9110 section 7.6.3), unless `edits` name or set none.
// `version_minor` is that of the message as it was received.
void append_via(std::string& lines, const HeaderEdits& edits, uint8_t version_minor);

// Whether one of the header lines `lines` is of the field `name`.
bool sets_field(std::string_view lines, std::string_view name);

// Appends one X-Forwarded-For line: the values that the message came with, in their order, and `peer`.
void append_forwarded_for(std::string& lines, std::span<const http::HeaderField> headers,
                          std::string_view peer);

// A request target in its parts. `authority` is empty unless it was in absolute-form; then `path` begins with '/' or '?' or
// is empty (RFC 9112 section 3.2).
struct AbsoluteTarget {
  std::string_view authority, path;
};
AbsoluteTarget split_target(std::string_view target);

// False: the message has a transfer coding besides chunked, which is removed with the field and so cannot be forwarded.
bool is_only_chunked(std::span<const http::HeaderField> headers);

// The value of Content-Length, or -1 when there is none (the message is chunked or ends with the connection).
int64_t content_length_of(std::span<const http::HeaderField> headers);

}  // namespace sluice::proxy
