// SPDX-License-Identifier: Apache-2.0
// The receive window: what is promised to the peer (RFC 9293 section 3.8.6), and how large it grows.
#include <algorithm>

#include "dataplane/tcp/connection.hh"
#include "dataplane/tcp/tcp.hh"

namespace sluice::tcp {

namespace {
constexpr uint32_t kLeastIntervalUs = 2'000;  // measured less often than every message
}

// The largest window: that of the buffer, or what the field can say.
uint32_t Connection::receive_limit() const {
  return std::min<uint32_t>(receive_limit_bytes_, 65'535u << receive_scale_);
}

// Bytes that may still arrive.
uint32_t Connection::receive_room() const {
  const uint32_t limit = receive_limit();
  if (tcp_->held_bytes_ >= tcp_->limits_.receive_total_bytes) return 0;
  return active_->unconsumed < limit ? limit - active_->unconsumed : 0;
}

// The window field of the segment that is about to leave; moves the advertised edge. Never takes back what
// was promised (RFC 9293 section 3.8.6.2.2), and opens in steps worth a segment.
uint32_t Connection::choose_window() {
  const uint32_t limit = receive_limit();
  Sequence right = rcv_nxt_ + receive_room();
  const auto opens = static_cast<int32_t>(right - rcv_adv_);
  if (opens < static_cast<int32_t>(std::min<uint32_t>(local_mss_, limit / 2))) right = rcv_adv_;
  // After the peer's FIN the edge may lie one before RCV.NXT.
  const uint32_t window = before(right, rcv_nxt_) ? 0 : right - rcv_nxt_;
  uint32_t units = std::min(window >> receive_scale_, 65'535u);
  // Rounding down must not move the edge back.
  if (before(rcv_nxt_ + (units << receive_scale_), rcv_adv_) && units < 65'535) ++units;
  rcv_adv_ = later(rcv_adv_, rcv_nxt_ + (units << receive_scale_));
  return units;
}

// Dynamic right-sizing (M. Fisk and W. Feng, 2001): the window is to be twice what the user took in within a round trip,
// because the sender's window may double in the next. It only grows, up to a limit; memory is used only by bytes that
// are there.
void Connection::tune_receive_window() {
  const uint32_t rtt_us = rtt_.smoothed_us();
  const auto now_us = static_cast<uint32_t>(tcp_->now_us());
  const uint32_t elapsed_us = now_us - active_->tune_us;
  if (rtt_us == 0 || elapsed_us < std::max(rtt_us, kLeastIntervalUs)) return;
  const Sequence taken = rcv_nxt_ - active_->unconsumed;
  const uint32_t bytes = taken - active_->tune_seq;
  active_->tune_seq = taken;
  active_->tune_us = now_us;
  // The measured time may be longer than a round trip.
  const uint64_t wanted = uint64_t{bytes} * 2 * rtt_us / elapsed_us;
  const uint32_t limit =
      std::max(tcp_->limits_.receive_window_limit_bytes, tcp_->limits_.receive_window_bytes);
  if (wanted <= receive_limit_bytes_ || receive_limit_bytes_ >= limit) return;
  // Not when the room is short for all.
  if (tcp_->held_bytes_ > tcp_->limits_.receive_total_bytes / 2) {
    ++tcp_->counters.receive_window_limit;
    return;
  }
  receive_limit_bytes_ = static_cast<uint32_t>(std::min<uint64_t>(wanted, limit));
  ++tcp_->counters.receive_window_raised;
}

}  // namespace sluice::tcp
