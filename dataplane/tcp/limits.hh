// SPDX-License-Identifier: Apache-2.0
// The limits of one core's TCP, with their defaults. Each has a counter (counters.hh) and a behaviour when it
// is reached.
#pragma once
#include <cstdint>

namespace sluice::tcp {

inline constexpr uint16_t kLeastMssBytes = 88;  // less would be all header

// When segments larger than those in use are tried (mtu_search.cc).
enum class MtuProbing : uint8_t {
  kOff,
  kAfterReduction,  // after a black hole or, in time, a router's word
  kAlways,          // every connection begins with 1,024 bytes and looks for more
};

struct Limits {
  // Connections in all states but half-open and TIME-WAIT. At the limit SYNs are dropped and connect() fails
  // with kTooManyFiles; memory grows with use, in chunks.
  uint32_t connections = 1u << 20;
  // Connections that are not at rest (rest.cc). Beyond it connections are not opened, segments for a connection at rest are
  // dropped, and its write() fails with kNoBuffers; ends go through. Room is first sought with those that have been quiet.
  uint32_t active_connections = 1u << 20;
  // After which an established connection without anything under way is at rest.
  uint32_t rest_after_ms = 1'000;
  // From this many flows on memory is asked for those of a burst before the first is looked up (look_ahead.cc): their slots and
  // connections fill a cache of level 2. Below it, the hash of each would be worked out twice for nothing.
  uint32_t look_ahead_flows = 8192;
  // Half-open records of all listeners together; beyond it (and beyond a listener's backlog) SYN cookies are
  // sent.
  uint32_t half_open = 1u << 16;
  // TIME-WAIT records; at the limit the oldest makes room.
  uint32_t time_wait = 1u << 18;
  // Receive buffer of a connection: the largest window that is advertised at first. Bytes handed to the user and
  // not yet given back by consumed() count against it.
  uint32_t receive_window_bytes = 256 * 1024;
  // What it grows to where a user takes more than that within a round trip (receive_window.cc).
  uint32_t receive_window_limit_bytes = 4 * 1024 * 1024;
  // What a send queue may hold before a writer is to pause grows with the congestion window up to this.
  uint32_t send_queue_limit_bytes = 4 * 1024 * 1024;
  // Bytes that all users together have not given back, and out-of-order bytes; beyond it windows do not open
  // further and segments that arrive out of order are dropped.
  uint64_t receive_total_bytes = uint64_t{1} << 30;
  // Buffers of a connection's out-of-order queue: small segments must not cost a Buffer each without bound.
  uint32_t out_of_order_buffers = 512;
  // Pieces of data in all send queues together; beyond it write() fails with kNoBuffers.
  uint32_t send_entries = 1u << 22;
  // Connections that were accepted with data in their SYN and have not shaken hands yet (RFC 7413 section 5.1); beyond
  // it such data is left for after the handshake.
  uint32_t fast_open_pending = 1024;
  // Records of what is under way, all connections together; beyond it sending waits for acknowledgements.
  uint32_t flight_records = 1u << 22;
  // Timestamps (RFC 7323): whether our SYNs offer them, and whether an offer is accepted. Without them there is no PAWS, and
  // no reuse of a port in TIME-WAIT.
  bool timestamps = true;
  // Fast Open without cookies (RFC 7413 section 5's amplification is then open to anybody): only where all that send to us are
  // known. As a server data in any SYN is taken, as a client it is sent in all.
  bool fast_open_cookies = true;
  // Explicit Congestion Notification (RFC 3168): whether our SYNs offer it, and whether we accept an offer.
  bool ecn_offer = false, ecn_accept = true;
  MtuProbing mtu_probing = MtuProbing::kAfterReduction;
  // Resets in answer to segments of no connection, per second (RFC 5961 section 7 in spirit); more are left
  // out.
  uint32_t resets_per_second = 10'000;
  // Acknowledgements that challenge or correct the peer, per connection and second (RFC 5961 section 7).
  uint32_t challenge_acks_per_second = 20;

  // Local ports of connections that we open (EphemeralPorts), both included: fewer where an address is also the host
  // kernel's, which gives out ports of its own.
  uint16_t ephemeral_first = 10'240, ephemeral_last = 65'535;

  uint32_t time_wait_ms = 60'000;  // 2 MSL (RFC 9293 section 3.4.2 suggests MSL 2 min and allows less)
  // After which connect() takes a port out of TIME-WAIT when timestamps tell the incarnations apart (RFC 6191 section 2).
  // RFC 7323 appendix B.2 asks for a tick of the slower clock; those in use tick in 1 to 10 ms. Ports are taken in a
  // circle, the longest unused one first, so the least wait matters only to who uses up all of them.
  uint32_t time_wait_reuse_ms = 100;
  uint32_t fin_wait_2_ms = 60'000;  // for a connection without a user
  uint32_t user_timeout_ms =
      120'000;  // data unacknowledged for so long ends the connection (RFC 9293 section 3.8.3, R2)
  // RFC 5482: whether it is told to peers, and theirs are heard, for connections whose user has not chosen one; between these
  // (section 3.1, L_LIMIT and U_LIMIT).
  bool user_timeout_option = false;
  uint32_t user_timeout_least_ms = 100'000, user_timeout_most_ms = 3'600'000;
  uint32_t delayed_ack_ms = 40;  // RFC 9293 section 3.8.6.3: below 500
  uint32_t keep_alive_interval_ms = 75'000;
  uint32_t keep_alive_probes = 9;
  uint32_t syn_ack_retries = 5;
};

}  // namespace sluice::tcp
