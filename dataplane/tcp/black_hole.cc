// SPDX-License-Identifier: Apache-2.0
// Black holes (RFC 4821 section 7.7, RFC 8899 section 4.3): a path that drops large packets without a word. When a
// large segment was sent again and again in vain, the connection goes on with smaller ones.
#include <algorithm>

#include "dataplane/tcp/connection.hh"
#include "dataplane/tcp/tcp.hh"

namespace sluice::tcp {

namespace {
constexpr uint8_t kTimeouts = 3;  // in a row
// RFC 4821 section 7.2 and RFC 9293 section 3.7.1: what nearly every path takes, and what every path of IPv4 must.
constexpr uint16_t kSmallerBytes[] = {1024, 536};
}  // namespace

// At a timeout, the number of earlier ones in `active_->backoff`.
void Connection::look_for_black_hole() {
  const FlightRecord* head = active_->flight.head();
  if (active_->backoff + 1 < kTimeouts || !head) return;
  for (const uint16_t bytes : kSmallerBytes) {
    if (mss_ <= bytes || head->bytes() <= bytes) continue;
    set_path_mtu(bytes);
    wait_for_mtu_search(0);
    ++tcp_->counters.black_holes;
    return;
  }
}

}  // namespace sluice::tcp
