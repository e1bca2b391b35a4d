// SPDX-License-Identifier: Apache-2.0
// The rarely used half of a connection that sends: what is known of losses and retransmissions. Exists from the
// first report of a hole, probe or timeout until all of that is acknowledged.
#pragma once
#include <cstdint>

#include "dataplane/tcp/flight.hh"
#include "dataplane/tcp/prr.hh"
#include "dataplane/tcp/sequence.hh"

namespace sluice::tcp {

inline constexpr uint32_t kDuplicateThreshold = 3;  // RFC 5681 section 3.2, RFC 6675's DupThresh

enum class RecoveryPhase : uint8_t {
  kOpen,
  kFast,  // fast recovery: RFC 8985 with SACK, RFC 6582 without
  kLoss,  // after a retransmission timeout
};

// RFC 5682 section 3.1: where the test for a spurious timeout stands.
enum class ForwardRto : uint8_t {
  kNone,
  kFirst,   // the head was sent again; the first acknowledgement decides whether to go on
  kSecond,  // new data was sent; the second acknowledgement tells
};

struct Recovery {
  explicit Recovery(uint32_t own_number) : number(own_number) {}

  uint32_t sacked_bytes = 0;  // of records that are `sacked`; without SACK: of duplicate acknowledgements
  uint32_t lost_bytes = 0;    // of records that are `lost`

  // RACK (RFC 8985 section 5.3): of what was sent last among all that has been delivered.
  uint32_t rack_sent_us = 0, rack_rtt_us = 0;
  Sequence rack_end = 0;
  Sequence forward_most = 0;  // RACK.fack
  Sequence dsack_round = 0;   // the window widens once until this is acknowledged
  bool rack_valid = false, forward_most_valid = false, dsack_round_valid = false;

  // The probe of the tail (section 7).
  bool probing = false, probe_retransmitted = false;
  Sequence probe_end = 0;

  ForwardRto forward_rto = ForwardRto::kNone;
  bool probe_only = false;  // nothing was lost but a probe of the path's MTU
  bool rescued = false;     // RFC 6675's rescue retransmission of this recovery was used

  // To take a reduction back (undo.cc).
  bool undo_possible = false;
  Sequence undo_from = 0;
  uint32_t undo_retransmissions = 0;  // segments sent again and not reported as duplicates
  uint32_t prior_cwnd_bytes = 0, prior_ssthresh_bytes = 0;
  bool stamped = false;
  uint32_t first_stamp = 0, last_stamp = 0;  // our timestamps of the first and last retransmission

  // Kept until this is acknowledged, when nothing else keeps it: reports of duplicates come late.
  Sequence hold_until = 0;

  Prr prr;
  const uint32_t number;  // in its slab
};

// What one acknowledgement delivered.
struct AckSample {
  uint32_t acked_bytes = 0;      // SND.UNA moved by this much
  uint32_t delivered_bytes = 0;  // acknowledged or SACKed for the first time
  uint32_t sacked_bytes = 0;     // of these, SACKed
  // RACK.fack before it: what one acknowledgement tells of at once has no order.
  Sequence prior_forward_most = 0;
  bool prior_forward_most_valid = false;
  uint32_t rtt_us = 0;          // of the newest that was sent only once; 0: none
  uint32_t newest_sent_us = 0;  // RACK: of all that was delivered
  Sequence newest_end = 0;
  bool newest = false, newest_retransmitted = false;
  bool original_delivered = false;  // something that was sent only once, before the last timeout
  bool duplicate_reported = false;  // RFC 2883
  uint32_t duplicate_bytes = 0;
  Sequence duplicate_begin = 0;
  bool lost_more = false;       // losses were found upon it
  uint32_t grown_by_bytes = 0;  // delivered, and acknowledged with it
  bool has_echo = false;
  uint32_t echo = 0;
  // Of the newest record, for the delivery rate.
  bool rate = false, rate_application_limited = false;
  uint32_t prior_delivered_bytes = 0, prior_delivered_us = 0, send_elapsed_us = 0;
};

}  // namespace sluice::tcp
