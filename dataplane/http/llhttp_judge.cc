// SPDX-License-Identifier: Apache-2.0
// llhttp as the second judge of a head that is whole and in one piece: its state lives on the stack for one call.
#include "dataplane/http/llhttp_judge.hh"

#include <llhttp.h>

namespace sluice::http {

namespace {

int on_headers_complete(llhttp_t* parser) {
  auto* verdict = static_cast<LlhttpVerdict*>(parser->data);
  verdict->accepted = true;
  verdict->method = parser->method;
  verdict->version_minor = parser->http_minor;
  verdict->chunked = parser->flags & F_CHUNKED;
  verdict->has_content_length = parser->flags & F_CONTENT_LENGTH;
  verdict->content_length = parser->content_length;
  verdict->status = parser->status_code;
  verdict->keep_alive = llhttp_should_keep_alive(parser) != 0;
  return HPE_PAUSED;
}

int on_field_complete(llhttp_t* parser) {
  ++static_cast<LlhttpVerdict*>(parser->data)->field_count;
  return 0;
}

const llhttp_settings_t& settings() {
  static const llhttp_settings_t kSettings = [] {
    llhttp_settings_t made;
    llhttp_settings_init(&made);
    made.on_headers_complete = on_headers_complete;
    made.on_header_value_complete = on_field_complete;
    return made;
  }();
  return kSettings;
}

}  // namespace

LlhttpVerdict llhttp_read_head(std::string_view bytes, bool request) {
  LlhttpVerdict verdict;
  llhttp_t parser;
  llhttp_init(&parser, request ? HTTP_REQUEST : HTTP_RESPONSE, &settings());
  parser.data = &verdict;
  llhttp_execute(&parser, bytes.data(), bytes.size());
  return verdict;
}

bool llhttp_agrees_on_request(std::string_view bytes, const ParsedHead& head) {
  const LlhttpVerdict verdict = llhttp_read_head(bytes, true);
  return verdict.accepted && verdict.method == static_cast<uint8_t>(head.method) &&
         verdict.version_minor == head.version_minor && verdict.chunked == head.chunked &&
         verdict.has_content_length == head.has_content_length &&
         verdict.content_length == head.content_length && verdict.field_count == head.field_count;
}

}  // namespace sluice::http
