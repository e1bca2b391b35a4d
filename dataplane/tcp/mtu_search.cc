// SPDX-License-Identifier: Apache-2.0
// Looking for a larger segment that the path takes (RFC 4821 section 7, RFC 8899 section 5.3), after a black hole or a
// router's word made them small, or from a small beginning where that is wanted. A probe is a segment of the data itself, larger
// than the others, sent when enough follows it that its loss shows without a timeout; then it is sent again in pieces, and the
// congestion window stays (RFC 4821 section 7.6.2).
#include <algorithm>

#include "dataplane/tcp/connection.hh"
#include "dataplane/tcp/tcp.hh"

namespace sluice::tcp {

namespace {
constexpr uint8_t kProbeLosses = 3;   // RFC 8899 section 5.1.2, MAX_PROBES
constexpr uint32_t kWorthBytes = 32;  // a smaller gain is not looked for
constexpr uint32_t kFollowingSegments =
    4;  // behind the probe: as many as show a loss, and one that may be lost itself
constexpr uint32_t kInconclusiveMs = 1'000;  // after a timeout, which may have had any reason
constexpr uint32_t kWokenMs = 10'000;  // after a rest, in which was forgotten how far the search had come
constexpr uint16_t kBaseBytes = 1024;  // where a search from below begins (RFC 4821 section 7.2)
}  // namespace

// Payload of a segment that the link and the peer take.
uint16_t Connection::full_mss() const {
  const uint32_t headers = (flow_.remote.is_v4() ? 20 : 40) + wire::kTcpHeaderBytes;
  const uint32_t link_bytes = tcp_->stack_.link_mtu_bytes(path_, flow_.remote) - headers;
  return static_cast<uint16_t>(std::min<uint32_t>(peer_mss_, link_bytes) - (timestamps_ ? 12 : 0));
}

void Connection::set_path_mtu(uint32_t mss_bytes) {
  path_.mtu_bytes = static_cast<uint16_t>(mss_bytes + (flow_.remote.is_v4() ? 20 : 40) +
                                          wire::kTcpHeaderBytes + (timestamps_ ? 12 : 0));
  update_mss();
}

// At the beginning of a connection.
void Connection::begin_mtu_search() {
  if (tcp_->limits_.mtu_probing != MtuProbing::kAlways || mss_ <= kBaseBytes) return;
  set_path_mtu(kBaseBytes);
  wait_for_mtu_search(0);
}

void Connection::wait_for_mtu_search(uint32_t wait_ms) {
  active_->mtu_search.next_tick = tcp_->tick() + ticks_of_ms(wait_ms);
}

void Connection::mtu_search_woken() { wait_for_mtu_search(kWokenMs); }

// A router has quoted what we sent, which was more than it takes.
void Connection::limit_mtu_search(uint32_t path_mtu_bytes) {
  MtuSearch& search = active_->mtu_search;
  const uint32_t headers = (flow_.remote.is_v4() ? 20 : 40) + wire::kTcpHeaderBytes + (timestamps_ ? 12 : 0);
  if (path_mtu_bytes < headers + mss_) return;
  const uint32_t payload_bytes = path_mtu_bytes - headers;
  if (search.ceiling_bytes == 0 || payload_bytes < search.ceiling_bytes)
    search.ceiling_bytes = static_cast<uint16_t>(payload_bytes);
}

// Sends the next probe if it is time for one and there is what it takes. Whether it left.
bool Connection::probe_mtu() {
  MtuSearch& search = active_->mtu_search;
  if (search.probe_bytes) {
    if (before(snd_una_, search.begin + search.probe_bytes)) return false;
    // It was not found lost, so it has arrived.
    const uint16_t bytes = search.probe_bytes;
    search.probe_bytes = 0;
    search.losses = 0;
    ++tcp_->counters.mtu_probes_arrived;
    set_path_mtu(bytes);
    tcp_->stack_.path_mtu_confirmed(flow_.remote, path_.mtu_bytes);
    if (!search_mtu_) return false;
  }
  if (static_cast<int32_t>(tcp_->tick() - search.next_tick) < 0) return false;
  const uint16_t full = full_mss();
  const bool untried = search.ceiling_bytes == 0 || search.ceiling_bytes >= full;
  const uint32_t ceiling = untried ? full : search.ceiling_bytes;
  if (ceiling < mss_ + kWorthBytes && (!untried || ceiling <= mss_)) {
    // Found, for now: later the path may be another.
    search.ceiling_bytes = 0;
    search.losses = 0;
    wait_for_mtu_search(kMtuRaiseMs);
    return false;
  }
  // Nearly always either all that the link takes goes through, or what a tunnel leaves of it: first the most, then by halves.
  const uint32_t bytes = untried ? ceiling : (mss_ + ceiling + 1) / 2;
  const uint32_t needed = bytes + kFollowingSegments * mss_;
  const uint32_t unsent = before(snd_nxt_, write_seq_) ? write_seq_ - snd_nxt_ : 0;
  if (!sack_ || state_ > State::kCloseWait || active_->recovery || cwr_due_ || unsent < needed ||
      usable_window() < needed || pipe_bytes() + needed > window_.cwnd_bytes || !may_send_by_pace() ||
      tcp_->stack_.transmit_room(path_) < Tcp::kTransmitReserve)
    return false;
  FlightRecord* record = new_record(snd_nxt_, static_cast<uint32_t>(tcp_->now_us()));
  if (!record) return false;
  search.begin = snd_nxt_;
  search.probe_bytes = static_cast<uint16_t>(bytes);
  if (!send_data(snd_nxt_, bytes, false, active_->queue.unsent(), false, true)) {
    search.probe_bytes = 0;
    forget_record(record);
    return false;
  }
  ++tcp_->counters.mtu_probes;
  note_new(*record, bytes);
  return true;
}

// `record` is lost. When it is the probe, it was perhaps too large.
void Connection::look_for_lost_mtu_probe(const FlightRecord& record) {
  MtuSearch& search = active_->mtu_search;
  if (search.probe_bytes == 0 || record.begin != search.begin) return;
  ++tcp_->counters.mtu_probes_lost;
  // In a recovery there is no question left: the window is reduced already.
  if (phase_ == RecoveryPhase::kOpen) search.lost_bytes = record.bytes();
  if (++search.losses == kProbeLosses) {
    search.losses = 0;
    search.ceiling_bytes = static_cast<uint16_t>(search.probe_bytes - 1);
  }
  search.probe_bytes = 0;
  // A round trip until the next, at least.
  search.next_tick = tcp_->tick() + std::max(1u, ticks_of_us(rtt_.smoothed_us()));
}

// At a timeout: it may have had any reason.
void Connection::forget_mtu_probe() {
  if (active_->mtu_search.probe_bytes == 0) return;
  active_->mtu_search.probe_bytes = 0;
  wait_for_mtu_search(kInconclusiveMs);
}

}  // namespace sluice::tcp
