// SPDX-License-Identifier: Apache-2.0
// What an acknowledgement says about the records of what is under way: by its number, by SACK blocks (RFC 2018,
// RFC 6675 section 4, Update), by a report of a duplicate (RFC 2883 section 4).
#include <algorithm>

#include "dataplane/tcp/connection.hh"
#include "dataplane/tcp/tcp.hh"

namespace sluice::tcp {

// The recovery's state, made at the first sign of trouble; nullptr at the limit.
Recovery* Connection::make_recovery() {
  if (!active_->recovery) {
    uint32_t number;
    active_->recovery = tcp_->recoveries_.allocate(number, number);
    if (!active_->recovery) {
      ++tcp_->counters.recovery_limit;
      return nullptr;
    }
    active_->recovery->hold_until = snd_una_;
  }
  return active_->recovery;
}

void Connection::release_recovery() {
  if (!active_->recovery) return;
  tcp_->recoveries_.release(active_->recovery->number);
  active_->recovery = nullptr;
}

// `bytes` of `record` have arrived, as is known only now.
void Connection::note_delivered(const FlightRecord& record, Sequence begin, Sequence end, AckSample& sample) {
  const uint32_t bytes = end - begin;
  sample.delivered_bytes += bytes;
  // Whether the echoed timestamp shows that it was not the retransmission that arrived.
  const bool doubtful = record.retransmitted && active_->recovery && active_->recovery->stamped &&
                        timestamps_ && sample.has_echo && before(sample.echo, active_->recovery->first_stamp);
  if (!record.retransmitted) {
    const uint32_t rtt_us = static_cast<uint32_t>(tcp_->now_us()) - record.sent_us;
    if (sample.rtt_us == 0 || rtt_us < sample.rtt_us) sample.rtt_us = std::max(rtt_us, 1u);
    sample.original_delivered |= before(begin, active_->recover);
    // RFC 8985 section 6.2, step 3: what arrives late shows that the path reorders.
    if (sample.prior_forward_most_valid && before(end, sample.prior_forward_most)) reordering_ = true;
  }
  if (active_->recovery &&
      (!active_->recovery->forward_most_valid || after(end, active_->recovery->forward_most))) {
    active_->recovery->forward_most = end;
    active_->recovery->forward_most_valid = true;
  }
  if (!doubtful &&
      (!sample.newest || sent_after(record.sent_us, end, sample.newest_sent_us, sample.newest_end))) {
    sample.newest = true;
    sample.newest_sent_us = record.sent_us;
    sample.newest_end = end;
    sample.newest_retransmitted = record.retransmitted;
  }
  if (control_ == CongestionControl::kBbr &&
      (!sample.rate || at_or_after(record.delivered_bytes, sample.prior_delivered_bytes))) {
    sample.rate = true;
    sample.prior_delivered_bytes = record.delivered_bytes;
    sample.prior_delivered_us = record.delivered_us;
    sample.send_elapsed_us = record.sent_us - record.first_sent_us;
    sample.rate_application_limited = record.application_limited;
    active_->congestion->bbr().first_sent_us = record.sent_us;
  }
}

// Takes in the blocks of a segment whose acknowledgement number is `ack`. What was told for the first time is in
// `sample`.
void Connection::update_scoreboard(const wire::TcpOptions& options, Sequence ack, AckSample& sample) {
  wire::SackBlock blocks[wire::TcpOptions::kSackBlocksLimit];
  unsigned count = 0;
  for (unsigned i = 0; i < options.sack_blocks; ++i) {
    const wire::SackBlock block = options.sack[i];
    if (!before(block.left, block.right)) continue;
    // RFC 2883 section 4: the first block, if it lies below the acknowledgement or within the second block.
    const bool duplicate =
        i == 0 && (at_or_before(block.right, ack) ||
                   (options.sack_blocks > 1 && at_or_after(block.left, options.sack[1].left) &&
                    at_or_before(block.right, options.sack[1].right)));
    if (duplicate) {
      // Only of what we may have sent (section 5: not from a peer gone astray).
      if (snd_nxt_ - block.left <= (1u << 30) && at_or_before(block.right, snd_nxt_)) {
        ++tcp_->counters.duplicates_reported;
        sample.duplicate_reported = true;
        sample.duplicate_begin = block.left;
        sample.duplicate_bytes = block.right - block.left;
      }
      continue;
    }
    // Anything else must be in flight.
    if (after(block.right, snd_nxt_) || before(block.left, ack)) continue;
    unsigned at = count++;
    for (; at > 0 && before(block.left, blocks[at - 1].left); --at) blocks[at] = blocks[at - 1];
    blocks[at] = block;
  }
  if (count == 0) return;
  if (!make_recovery()) return;
  FlightRecord* previous = nullptr;
  FlightRecord* record = active_->flight.head();
  for (unsigned i = 0; i < count; ++i) {
    const Sequence left = blocks[i].left, right = blocks[i].right;
    while (record && at_or_before(record->end, left)) {
      previous = record;
      record = record->next;
    }
    while (record && before(record->begin, right)) {
      if (!record->sacked) {
        if (before(record->begin, left)) {
          FlightRecord* rest = active_->flight.split(record, left, tcp_->flight_records_);
          if (!rest) {
            ++tcp_->counters.recovery_limit;
            break;
          }
          previous = record;
          record = rest;
        }
        if (after(record->end, right) && !active_->flight.split(record, right, tcp_->flight_records_)) {
          ++tcp_->counters.recovery_limit;
          break;
        }
        note_delivered(*record, record->begin, record->end, sample);
        const uint32_t bytes = record->bytes();
        sample.sacked_bytes += bytes;
        active_->recovery->sacked_bytes += bytes;
        if (record->lost) active_->recovery->lost_bytes -= bytes;
        record->lost = false;
        record->sacked = true;
      }
      // Neighbours become one record, so that there are as many as there are holes.
      if (previous && previous->sacked && previous->end == record->begin) {
        active_->flight.join(previous, tcp_->flight_records_);
        record = previous->next;
      } else {
        if (record->next && record->next->sacked) active_->flight.join(record, tcp_->flight_records_);
        previous = record;
        record = record->next;
      }
    }
  }
}

// Records before `ack` are done with.
void Connection::acknowledge_flight(Sequence ack, AckSample& sample) {
  const uint32_t reported_rtt_us = sample.rtt_us;
  bool mended = false;
  while (FlightRecord* record = active_->flight.head()) {
    if (at_or_after(record->begin, ack)) break;
    const Sequence end = earlier(record->end, ack);
    const uint32_t bytes = end - record->begin;
    mended |= record->retransmitted;
    if (record->sacked) {
      active_->recovery->sacked_bytes -= bytes;
    } else {
      if (record->lost) active_->recovery->lost_bytes -= bytes;
      note_delivered(*record, record->begin, end, sample);
    }
    record->begin = end;
    if (end != record->end) break;
    active_->flight.pop(tcp_->flight_records_);
  }
  // What lay behind a hole waited for it to be filled: that is no round trip. (What was SACKed is.)
  if (mended) sample.rtt_us = reported_rtt_us;
}

// All that is under way and not SACKed counts as lost: after a timeout (RFC 8985 section 6.3, RFC 6675 section 5.1).
void Connection::mark_all_lost() {
  if (!make_recovery()) return;
  if (!sack_) active_->recovery->sacked_bytes = 0;
  active_->recovery->lost_bytes = 0;
  for (FlightRecord* record = active_->flight.head(); record; record = record->next) {
    record->lost = !record->sacked;
    if (record->lost) active_->recovery->lost_bytes += record->bytes();
  }
}

// The first segment that is not SACKed counts as lost. False when there is none, or it was already.
bool Connection::mark_head_lost() {
  FlightRecord* head = active_->flight.head();
  if (!head || head->sacked || head->lost || !make_recovery()) return false;
  if (head->bytes() > mss_) active_->flight.split(head, head->begin + mss_, tcp_->flight_records_);
  head->lost = true;
  active_->recovery->lost_bytes += head->bytes();
  return true;
}

// RFC 2018 section 8: a peer that has dropped what it reported shows it in a report of the very first byte.
void Connection::forget_sacked() {
  for (FlightRecord* record = active_->flight.head(); record; record = record->next) record->sacked = false;
  active_->recovery->sacked_bytes = 0;
}

Connection::FlightSummary Connection::summarize_flight() const {
  FlightSummary summary;
  if (!active_) return summary;
  for (const FlightRecord* record = active_->flight.head(); record; record = record->next) {
    if (record->sacked) {
      summary.sacked_bytes += record->bytes();
    } else if (record->lost) {
      summary.lost_bytes += record->bytes();
    } else if (record->retransmitted) {
      summary.retransmitted_bytes += record->bytes();
    }
  }
  return summary;
}

// The same on the short way. Returns when the newest of what is acknowledged was sent.
uint32_t Connection::acknowledge_flight(Sequence ack) {
  uint32_t sent_us = 0;
  while (FlightRecord* record = active_->flight.head()) {
    if (at_or_after(record->begin, ack)) break;
    sent_us = record->sent_us;
    if (after(record->end, ack)) {
      record->begin = ack;
      break;
    }
    active_->flight.pop(tcp_->flight_records_);
  }
  return sent_us;
}

}  // namespace sluice::tcp
