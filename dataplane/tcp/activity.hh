// SPDX-License-Identifier: Apache-2.0
// The part of a connection that exists only while something is under way: data queued, in flight, out of order, or not
// taken in by the user; deadlines; recoveries; probes; a handshake. Attached by the first segment or call that needs it, given
// back when the connection has been quiet for a while (rest.cc). What must outlive a quiet time stands in Connection.
#pragma once
#include <cstdint>

#include "dataplane/core/timer.hh"
#include "dataplane/tcp/flight.hh"
#include "dataplane/tcp/mtu_search.hh"
#include "dataplane/tcp/send_queue.hh"
#include "dataplane/tcp/sequence.hh"

namespace sluice::tcp {

class CongestionState;
class Connection;
class Reassembly;
struct Recovery;

struct Activity {
  Activity(uint32_t own_number, Connection& its_owner) : owner(&its_owner), number(own_number) {}

  // Fires at the least of the deadlines or before; without any, when the connection may have come to rest. Armed as long as
  // the connection lives.
  Timer timer;
  Connection* const owner;
  Activity* next_dirty = nullptr;
  Activity* next_closed = nullptr;

  SendQueue queue;
  Flight flight;
  Reassembly* reassembly = nullptr;
  Recovery* recovery = nullptr;
  CongestionState* congestion = nullptr;

  // Deadlines in ticks, 0: none.
  uint32_t retransmit_at = 0, ack_at = 0, idle_at = 0, pace_at = 0;
  uint32_t last_receive_tick = 0;
  uint32_t stuck_since = 0;  // first timeout without progress since, 0: none
  uint32_t keep_idle_ms = 0;
  uint32_t ts_offset = 0, challenge_tick = 0;

  Sequence snd_max = 0;  // past SND.NXT only by a window probe's byte
  Sequence snd_wl1 = 0, snd_wl2 = 0;
  Sequence recover = 0;    // a recovery ends when this is acknowledged; what came before it was dealt with
  Sequence cwr_until = 0;  // marks are answered again when this is acknowledged
  // The next sample is taken when this is acknowledged; while timing_: when our SYN left, in us.
  Sequence rtt_seq = 0;
  uint32_t round_flight = 0;  // the most that was under way in the round that ends there
  uint32_t unconsumed = 0;    // handed to the user, not given back
  Sequence tune_seq = 0;      // what the user had taken in at tune_us
  uint32_t tune_us = 0;
  Sequence iss = 0;        // of the handshake
  Sequence small_end = 0;  // of the newest segment that was not full (only kept for Nagle)

  MtuSearch mtu_search;

  const uint32_t number;  // in its slab
  uint8_t backoff = 0, duplicate_acks = 0, probes = 0, challenges = 0;
  bool probe_allowance = false;  // the probe of the tail may go beyond the window
};
static_assert(sizeof(Activity) <= 248);

}  // namespace sluice::tcp
