// SPDX-License-Identifier: Apache-2.0
// What one core's TCP counts: every event that a person may want to see and every cause of a drop.
#pragma once
#include <array>
#include <cstdint>

namespace sluice::tcp {

// RFC 9293 section 3.3.2. LISTEN, half-open SYN-RECEIVED and TIME-WAIT are records of their own, not
// connections.
enum class State : uint8_t {
  kClosed,
  kSynSent,
  kSynReceived,  // only after a simultaneous open
  kEstablished,
  kFinWait1,
  kFinWait2,
  kCloseWait,
  kClosing,
  kLastAck,
};
inline constexpr unsigned kStates = 9;

constexpr const char* state_name(State state) {
  constexpr const char* kNames[kStates] = {"closed",      "syn_sent",   "syn_received",
                                           "established", "fin_wait_1", "fin_wait_2",
                                           "close_wait",  "closing",    "last_ack"};
  return kNames[static_cast<unsigned>(state)];
}

// Whether RFC 9293 figure 5 (with section 3.10's text) has an edge from one state to the other.
constexpr bool legal_edge(State from, State to) {
  constexpr auto bit = [](State state) { return 1u << static_cast<unsigned>(state); };
  constexpr unsigned kClosedBit = 1u << static_cast<unsigned>(State::kClosed);  // every state may end
  constexpr unsigned kNext[kStates] = {
      bit(State::kSynSent) | bit(State::kSynReceived) |
          bit(State::kEstablished),  // listeners keep their own records
      bit(State::kSynReceived) | bit(State::kEstablished),
      bit(State::kEstablished) | bit(State::kFinWait1),
      bit(State::kFinWait1) | bit(State::kCloseWait),
      bit(State::kFinWait2) | bit(State::kClosing),
      0,
      bit(State::kLastAck),
      0,
      0,
  };
  return (kNext[static_cast<unsigned>(from)] | kClosedBit) & bit(to);
}

struct Counters {
  std::array<uint32_t, kStates> connections{};  // now, by state

  uint64_t segments_received = 0, segments_sent = 0;
  uint64_t bytes_received = 0;                    // payload, in order, handed to users
  uint64_t bytes_sent = 0;                        // payload, first transmissions
  uint64_t predicted = 0;                         // segments that took the short way
  uint64_t merged_segments = 0, merged_runs = 0;  // received; and the passes that served them

  // Opening and closing.
  uint64_t active_opens = 0, passive_opens = 0, accepted = 0, connect_failed = 0, simultaneous_opens = 0;
  uint64_t closed_in_order = 0, resets_received = 0, resets_sent = 0, resets_limited = 0, aborted = 0,
           timed_out = 0;
  uint64_t syn_received = 0, syn_ack_retransmitted = 0, half_open_expired = 0, half_open_reset = 0;
  uint64_t backlog_full = 0;  // SYNs that were answered with a cookie
  uint64_t cookies_sent = 0, cookies_accepted = 0, cookies_invalid = 0;
  uint64_t not_accepting = 0;      // SYNs and last ACKs dropped while a listener does not accept
  uint64_t connections_limit = 0;  // SYNs, last ACKs and connects refused
  uint64_t active_limit = 0;       // SYNs, segments, connects and writes for which no activity was left
  uint64_t rested = 0, woken = 0;  // connections that gave theirs back, and took one again
  uint64_t half_open_limit = 0;
  uint64_t ports_exhausted = 0;
  uint64_t time_wait_entered = 0, time_wait_reused = 0, time_wait_evicted = 0, time_wait_reset_ignored = 0;

  uint64_t fast_opens_sent = 0, fast_opens_refused = 0;   // as a client, with data
  uint64_t fast_opens_accepted = 0, fast_open_limit = 0;  // as a server; left to an ordinary handshake

  // Segments dropped, by cause.
  uint64_t malformed = 0, bad_checksum = 0, not_unicast = 0, no_connection = 0;
  uint64_t paws_rejected = 0, out_of_window = 0, bad_ack = 0, no_ack = 0, reset_out_of_window = 0,
           duplicate_data = 0;
  uint64_t out_of_order_limit = 0;  // out-of-order segments that found no room
  uint64_t receive_total_limit = 0;
  uint64_t data_after_close = 0;

  // Receiving.
  uint64_t out_of_order = 0, holes_filled = 0, challenge_acks = 0, challenge_acks_limited = 0;
  uint64_t acks_sent = 0;     // without data
  uint64_t delayed_acks = 0;  // of these, by the delayed-ack timer
  uint64_t window_updates = 0, duplicate_sacks_sent = 0;
  uint64_t receive_window_raised = 0,
           receive_window_limit = 0;  // grown; not grown because the total is short

  // Sending.
  uint64_t sent_in_place = 0, sent_copied = 0;
  uint64_t sent_large = 0;     // of both, those that are cut by the port (TSO) or on the way to it
  uint64_t retransmitted = 0;  // segments
  uint64_t timeouts = 0, fast_recoveries = 0, tail_probes = 0;
  uint64_t retransmissions_lost = 0;                                     // found by time (RFC 8985)
  uint64_t reordering_timeouts = 0;                                      // losses that were waited for
  uint64_t tail_probe_losses = 0;                                        // a probe repaired the only loss
  uint64_t duplicates_reported = 0;                                      // RFC 2883, by the peer
  uint64_t spurious_recoveries = 0;                                      // taken back
  uint64_t spurious_timeouts = 0;                                        // of these, found by F-RTO
  uint64_t user_timeouts_heard = 0;                                      // RFC 5482
  uint64_t mtu_probes = 0, mtu_probes_arrived = 0, mtu_probes_lost = 0;  // RFC 4821
  uint64_t black_holes = 0;                         // segments made smaller after timeouts
  uint64_t window_reductions = 0;                   // without a loss to mend
  uint64_t marks_reported = 0, marks_received = 0;  // RFC 3168
  uint64_t window_probes = 0, keep_alive_probes = 0, keep_alive_failed = 0;
  uint64_t duplicate_acks = 0, path_mtu_reductions = 0;
  uint64_t no_buffer = 0, no_path = 0, send_entries_limit = 0, recovery_limit = 0, icmp_ignored = 0,
           icmp_soft = 0;
};

}  // namespace sluice::tcp
