// SPDX-License-Identifier: Apache-2.0
// Listening endpoints and the half-open connections in front of them. A half-open connection is a small
// record of its own: a flood of SYNs costs neither connections nor buffers, and past the backlog nothing at
// all (SYN cookies).
#pragma once
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "dataplane/core/slab.hh"
#include "dataplane/core/timer.hh"
#include "dataplane/ip/stack.hh"
#include "dataplane/tcp/flow.hh"
#include "dataplane/tcp/sequence.hh"
#include "dataplane/transport/transport.hh"

namespace sluice::tcp {

class Tcp;

struct ListeningEndpoint {
  Endpoint local;
  transport::ListenerUser* user = nullptr;
  uint32_t backlog = 0;
  uint32_t half_open = 0;
  bool accepting = true;
  bool no_delay = true;
  bool ipv6_only = false;
  bool paced = false;
  bool fast_open = false;
  transport::Congestion congestion = transport::Congestion::kDefault;
  uint16_t mss_limit_bytes = UINT16_MAX;
  uint32_t user_timeout_ms = 0;
  uint32_t id = 0;
  bool takes_both() const { return local.address == IpAddress{} && !ipv6_only; }
  uint64_t last_cookie_ns = 0;  // 0: none sent, so no acknowledgement can carry one
};

// SYN-RECEIVED of a passive open.
struct HalfOpen {
  Timer timer;  // the next retransmission of our SYN
  Tcp* tcp = nullptr;
  ListeningEndpoint* listener = nullptr;
  Flow flow;
  uint32_t hash = 0, number = 0;
  Sequence irs = 0, iss = 0;
  uint32_t timestamp_recent = 0;
  uint32_t timestamp_offset = 0;  // of our clock, for this flow
  uint32_t sent_us = 0;           // when our SYN left, for a first round-trip time
  uint16_t peer_mss_bytes = 536;
  uint8_t peer_window_scale = 0;
  uint8_t retries = 0;
  bool timestamps = false, sack = false, window_scaling = false, ecn = false;
  bool cookie_wanted = false;        // RFC 7413
  bool cookie_experimental = false;  // in that shape of the option
};
static_assert(sizeof(HalfOpen) <= 128);

class ListenerTable {
 public:
  // The endpoint for segments to `address`:`port`, one bound to the address before one bound to any; nullptr:
  // none.
  ListeningEndpoint* find(const IpAddress& address, uint16_t port) const {
    const auto at = by_port_.find(port);
    if (at == by_port_.end()) return nullptr;
    ListeningEndpoint* any = nullptr;
    for (ListeningEndpoint* listener : at->second) {
      if (listener->local.address == address) return listener;
      // The one for a single family before the one for both.
      if (listener->local.address.takes(address, listener->ipv6_only) &&
          (any == nullptr || !listener->takes_both()))
        any = listener;
    }
    return any;
  }
  bool uses_port(uint16_t port) const { return by_port_.contains(port); }
  // Whether exactly this endpoint is taken: also by one that takes part of the same (:: and 0.0.0.0).
  bool taken(const Endpoint& local, bool ipv6_only) const {
    const auto at = by_port_.find(local.port);
    if (at == by_port_.end()) return false;
    for (ListeningEndpoint* listener : at->second)
      if (listener->local.address == local.address ||
          (listener->local.address.is_any() && local.address.is_any() &&
           (listener->takes_both() || (!local.address.is_v4() && !ipv6_only))))
        return true;
    return false;
  }
  void add(ListeningEndpoint* listener) { by_port_[listener->local.port].push_back(listener); }
  void remove(ListeningEndpoint* listener) {
    auto& list = by_port_[listener->local.port];
    std::erase(list, listener);
    if (list.empty()) by_port_.erase(listener->local.port);
  }

 private:
  std::unordered_map<uint16_t, std::vector<ListeningEndpoint*>> by_port_;
};

}  // namespace sluice::tcp
