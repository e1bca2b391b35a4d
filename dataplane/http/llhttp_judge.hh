// SPDX-License-Identifier: Apache-2.0
// A second opinion on heads that are not plain (transfer codings, upgrades, expectations, CONNECT): llhttp, the parser of
// Node and of many others, must read the same framing out of them. What only one of two parsers accepts is refused.
#pragma once
#include <string_view>

#include "dataplane/http/head_parser.hh"

namespace sluice::http {

// `bytes` is one whole request head and `head` what the strict parser made of it. Whether llhttp agrees.
bool llhttp_agrees_on_request(std::string_view bytes, const ParsedHead& head);

// What llhttp by itself says of a whole head, for tests and fuzzing.
struct LlhttpVerdict {
  bool accepted = false;
  uint8_t method = 0, version_minor = 0;
  bool chunked = false, has_content_length = false, keep_alive = false;
  uint64_t content_length = 0;
  uint32_t field_count = 0;
  uint16_t status = 0;
};
LlhttpVerdict llhttp_read_head(std::string_view bytes, bool request);

}  // namespace sluice::http
