// SPDX-License-Identifier: Apache-2.0
// The strict head parser and the chunked decoder against llhttp: whatever they accept, llhttp must accept and read in the
// same way (the other direction does not hold: llhttp is the more lenient). And the verdict on a head must not depend on how
// much of what follows is already there.
#include <llhttp.h>

#include <string>
#include <vector>

#include "dataplane/http/chunked_decoder.hh"
#include "dataplane/http/head_parser.hh"
#include "dataplane/http/llhttp_judge.hh"
#include "drivers/assert.hh"
#include "tests/fuzz/http_mutation.hh"

using namespace sluice;
using namespace sluice::http;

namespace {

struct Read {
  HeadResult result;
  ParsedHead head;
  std::vector<HeaderField> store = std::vector<HeaderField>(50);
};

Read read_head(std::string_view bytes, bool request) {
  Read read;
  read.head.field_store = read.store;
  const HeadLimits limits{2048, 512};
  read.result =
      request ? parse_request_head(bytes, limits, read.head) : parse_response_head(bytes, limits, read.head);
  return read;
}

void check_head(std::string_view bytes, bool request) {
  const Read whole = read_head(bytes, request);
  // Every prefix says "incomplete" until one says what the whole says.
  bool decided = false;
  for (size_t size = 0; size <= bytes.size(); ++size) {
    const std::string copy(bytes.substr(0, size));  // its own memory: reading beyond it is found
    const Read part = read_head(copy, request);
    if (part.result == HeadResult::kIncomplete) {
      SLUICE_ASSERT(!decided);
      continue;
    }
    // The engines look again only when it can matter.
    if (!decided && size > 0 && size < 512) SLUICE_ASSERT(may_decide(copy, size - 1));
    if (decided) break;
    decided = true;
    SLUICE_ASSERT(part.result == whole.result);
    SLUICE_ASSERT(part.head.error_status == whole.head.error_status);
    SLUICE_ASSERT(part.head.head_bytes == whole.head.head_bytes &&
                  part.head.field_count == whole.head.field_count);
    if (part.result == HeadResult::kComplete) SLUICE_ASSERT(part.head.head_bytes == size);
  }
  if (whole.result != HeadResult::kComplete) return;
  const LlhttpVerdict verdict = llhttp_read_head(bytes.substr(0, whole.head.head_bytes), request);
  SLUICE_ASSERT(verdict.accepted);
  SLUICE_ASSERT(verdict.version_minor == whole.head.version_minor);
  SLUICE_ASSERT(verdict.field_count == whole.head.field_count);
  SLUICE_ASSERT(verdict.chunked == whole.head.chunked);
  SLUICE_ASSERT(verdict.has_content_length == whole.head.has_content_length);
  if (verdict.has_content_length) SLUICE_ASSERT(verdict.content_length == whole.head.content_length);
  if (request)
    SLUICE_ASSERT(verdict.method == static_cast<uint8_t>(whole.head.method));
  else
    SLUICE_ASSERT(verdict.status == whole.head.status);
}

struct Collected {
  std::string body;
  bool complete = false;
};

int on_body(llhttp_t* parser, const char* at, size_t length) {
  static_cast<Collected*>(parser->data)->body.append(at, length);
  return 0;
}
int on_message_complete(llhttp_t* parser) {
  static_cast<Collected*>(parser->data)->complete = true;
  return HPE_PAUSED;
}

// Decodes `bytes` in pieces of `step`. False: malformed.
bool decode(std::string_view bytes, size_t step, Collected& into) {
  ChunkedDecoder decoder;
  size_t offset = 0;
  while (offset < bytes.size()) {
    const std::string piece(bytes.substr(offset, step));
    const char* at = piece.data();
    const char* const end = at + piece.size();
    while (at < end) {
      const ChunkedDecoder::Step found = decoder.next(at, end);
      if (found == ChunkedDecoder::Step::kError) return false;
      if (found == ChunkedDecoder::Step::kTrailers) {
        into.complete = true;
        return true;
      }
      if (found == ChunkedDecoder::Step::kNeedMore) break;
      const size_t count = std::min<uint64_t>(decoder.remaining(), static_cast<uint64_t>(end - at));
      into.body.append(at, count);
      at += count;
      decoder.taken(count);
    }
    offset += piece.size();
  }
  return true;
}

void check_chunks(std::string_view bytes) {
  Collected whole, split;
  const bool sound = decode(bytes, bytes.size() + 1, whole);
  SLUICE_ASSERT(decode(bytes, 1, split) == sound);
  SLUICE_ASSERT(whole.body == split.body && whole.complete == split.complete);
  if (!sound) return;
  Collected theirs;
  llhttp_settings_t settings;
  llhttp_settings_init(&settings);
  settings.on_body = on_body;
  settings.on_message_complete = on_message_complete;
  llhttp_t parser;
  llhttp_init(&parser, HTTP_REQUEST, &settings);
  parser.data = &theirs;
  constexpr std::string_view kHead = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  SLUICE_ASSERT(llhttp_execute(&parser, kHead.data(), kHead.size()) == HPE_OK);
  llhttp_execute(&parser, bytes.data(), bytes.size());
  // llhttp 8 does not know that a further extension may follow a value without quotes (RFC 9112 section 7.1.1).
  const size_t value = bytes.find('=');
  if (value != std::string_view::npos && bytes.find(';', value) != std::string_view::npos) return;
  SLUICE_ASSERT(theirs.body == whole.body);
}

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return fuzz::mutate_http(data, size, max_size, seed, 1);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0 || size > 4096) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 3) {
    case 0: check_head(bytes, true); break;
    case 1: check_head(bytes, false); break;
    default: check_chunks(bytes); break;
  }
  return 0;
}
