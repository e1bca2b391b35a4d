// SPDX-License-Identifier: Apache-2.0
// The reverse proxy of one core: takes an exchange of the HTTP server over and forwards it to an upstream through the HTTP
// client, both bodies streamed by reference with back-pressure, nothing of them brought to the layer above (RFC 9110
// section 7.6).
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/core/slab.hh"
#include "dataplane/http/client.hh"
#include "dataplane/http/server.hh"
#include "dataplane/proxy/upstream.hh"

namespace sluice::proxy {

// Changes to the header fields of a message on its way.
struct HeaderEdits {
  std::string set;                  // lines "Name: value\r\n": replace fields of the same name, or are added
  std::vector<std::string> remove;  // names
  std::string
      via;  // name of this proxy in the Via field (RFC 9110 section 7.6.3); empty: no such field is added

  bool empty() const { return set.empty() && remove.empty(); }
};

struct ForwardOptions {
  HeaderEdits request, response;
  std::string target;          // sent instead of the request's own when not empty
  bool preserve_host = false;  // send the Host field of the request instead of the upstream's
  bool forwarded_for = true;   // append the peer's address to X-Forwarded-For
};

// The outcome of a forwarding. `status`: of the response given to the peer (502 or 504 when no upstream answered; 0 when the
// peer went away first). `upstream`: index in its group, -1 when none was reached.
struct ForwardOutcome {
  uint16_t status = 0;
  int upstream = -1;
  unsigned attempts = 0;
  Error error = Error::kNone;
};

struct ProxyCounters {
  uint64_t forwarded = 0, completed = 0, failed_over = 0, bad_gateway = 0, gateway_timeout = 0,
           peer_aborted = 0, upstream_aborted = 0, refused = 0;
  uint64_t stale_retried =
      0;  // streamed requests sent again because a pooled connection had just been closed
};

class Proxy {
 public:
  static constexpr uint32_t kForwardingsLimit = 65'536;  // in progress at once; beyond it 503, counted
  // Of a request body kept for a second attempt, when the first may fail after the body has begun to be sent: over a pooled
  // connection, or with further upstreams for an idempotent request. A longer body of known length gets a new connection
  // instead. Until a connection stands nothing of a body is taken from the peer, so a failing connect loses none of it.
  static constexpr uint32_t kReplayLimitBytes = 64 * 1024;
  static constexpr uint32_t kCopyBelowBytes =
      512;  // smaller pieces are copied next to what is queued already

  struct Completion {
    void* context = nullptr;
    void (*done)(void* context, const ForwardOutcome& outcome) = nullptr;
  };

  // Borrows both; they outlive the proxy.
  Proxy(Reactor& reactor, http::Client& client);
  ~Proxy();

  // Takes `exchange` over, whose response has not been started and whose body has not been read: its events go to the proxy
  // from now on, but for on_released, which goes to the handler it had. `group` and `options` must live until `completion`
  // is called, once, never from inside forward(). False: kForwardingsLimit was reached and the exchange was answered with
  // 503; nothing was taken over and `completion` is not called.
  bool forward(http::Exchange& exchange, UpstreamGroup& group, const ForwardOptions& options,
               Completion completion);

  ProxyCounters counters;

 private:
  class Forwarding;
  struct Slots;
  Reactor& reactor_;
  http::Client& client_;
  std::unique_ptr<Slots> slots_;
  std::string fields_;  // scratch for header lines; kept so that its memory is reused
  std::string target_;  // scratch likewise
};

}  // namespace sluice::proxy
