// SPDX-License-Identifier: Apache-2.0
// What HTTP messages are made of, as views into the received bytes (RFC 9110, RFC 9112). No copies: the views are valid
// as long as the object that gave them says.
#pragma once
#include <cstdint>
#include <string_view>

namespace sluice::http {

// The numbers are llhttp's, so that no table lies between the parser and a script.
enum class Method : uint8_t {
  kDelete = 0,
  kGet = 1,
  kHead = 2,
  kPost = 3,
  kPut = 4,
  kConnect = 5,
  kOptions = 6,
  kTrace = 7,
  kPatch = 28
};

// "GET", "M-SEARCH", ...; for every method that llhttp knows.
std::string_view method_name(Method method);

struct HeaderField {
  std::string_view name;   // as received
  std::string_view value;  // without the white space around it
};

// Case-insensitive comparison of field names (RFC 9110 section 5.1).
bool field_name_equals(std::string_view a, std::string_view b);

// Whether `list`, a comma-separated list of tokens such as the value of Connection, has `token` in any case
// (RFC 9110 section 5.6.1).
bool list_has_token(std::string_view list, std::string_view token);

// "Not Found" for 404; empty for a status without a name (RFC 9110 section 15 and the IANA registry).
std::string_view status_reason(uint16_t status);

// Limits of one server or client. Each has a counter in Counters that tells how often it was hit. A timeout of 0 is none.
struct Limits {
  uint32_t head_bytes =
      16 * 1024;  // request line and header fields: 431 beyond it (414 when the target alone is too long)
  uint32_t target_bytes = 8 * 1024;     // 414
  uint32_t header_count = 100;          // 431
  uint64_t body_bytes = UINT64_MAX;     // 413
  uint32_t header_timeout_ms = 10'000;  // from the first byte of a head to its end: 408
  uint32_t idle_timeout_ms = 60'000;    // of a keep-alive connection between requests: closed
  uint32_t body_timeout_ms = 60'000;    // between two pieces of a body: 408
  uint32_t send_timeout_ms =
      60'000;  // the peer takes nothing of a response that waits for it: connection aborted
  uint32_t linger_timeout_ms = 2'000;  // after the last response: for the peer to close its side, then abort
  uint32_t linger_bytes = 256 * 1024;  // what a peer may still send meanwhile (dropped), then abort
  uint32_t pipeline_requests = 64;     // requests of one connection in progress: beyond it reading pauses
  uint32_t pending_body_bytes = 256 * 1024;  // received and not yet consumed: beyond it reading pauses
  uint32_t connections = 1'000'000;          // at it accepting pauses until a sixteenth is free again
  uint32_t requests = 1'000'000;             // in progress on all connections: beyond it 503
  uint32_t requests_per_connection = 0;      // 0: no limit; else `Connection: close` with the last one
  // A peer that has sent its FIN may be waiting for the response all the same (RFC 9112 section 9.6 speaks of one that is
  // "half-closing"). True: it gets it, and counts as gone when the connection is reset or does not answer probes. False: its
  // FIN ends what is in progress, as in Node.
  bool half_open = true;
};

}  // namespace sluice::http
