// SPDX-License-Identifier: Apache-2.0
// The user timeout (RFC 9293 section 3.8.3), and what the ends tell each other of it (RFC 5482), where that is wanted: in our
// SYN, and in an acknowledgement once the handshake is over, because a peer may not remember what came with a SYN (section 3.2).
#include <algorithm>

#include "dataplane/tcp/connection.hh"
#include "dataplane/tcp/tcp.hh"

namespace sluice::tcp {

uint32_t Connection::user_timeout_ms() const {
  return user_timeout_ms_ ? user_timeout_ms_ : tcp_->limits_.user_timeout_ms;
}

void Connection::say_user_timeout(wire::TcpOptions& options) const {
  options.user_timeout_s = std::max(1u, user_timeout_ms() / 1000);
}

// The peer waits for `seconds`. Whoever has chosen a timeout for this connection is not overruled (section 3.1, CHANGEABLE).
void Connection::hear_user_timeout(uint32_t seconds) {
  const Limits& limits = tcp_->limits_;
  if (!limits.user_timeout_option || (user_timeout_ms_ && !user_timeout_heard_)) return;
  ++tcp_->counters.user_timeouts_heard;
  user_timeout_heard_ = true;
  const uint64_t wanted_ms = std::max(
      {uint64_t{seconds} * 1000, uint64_t{limits.user_timeout_ms}, uint64_t{limits.user_timeout_least_ms}});
  user_timeout_ms_ = static_cast<uint32_t>(std::min(wanted_ms, uint64_t{limits.user_timeout_most_ms}));
}

}  // namespace sluice::tcp
