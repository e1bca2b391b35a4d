// SPDX-License-Identifier: Apache-2.0
// Proportional Rate Reduction (RFC 6937, with the choice of bounds of draft-ietf-tcpm-prr-rfc6937bis): how much a recovery may send with each acknowledgement, so that it ends
// with ssthresh in flight, neither in one burst nor after a silence.
#pragma once
#include <algorithm>
#include <cstdint>

namespace sluice::tcp {

class Prr {
 public:
  // At the beginning of a recovery, with `flight_bytes` between SND.UNA and SND.NXT (RecoverFS).
  void begin(uint32_t flight_bytes) {
    delivered_bytes_ = sent_bytes_ = 0;
    flight_bytes_ = std::max(flight_bytes, 1u);
  }
  void on_sent(uint32_t bytes) { sent_bytes_ += bytes; }

  // An acknowledgement delivered (cumulatively or by SACK) `delivered_bytes`; `pipe_bytes` are now thought to be under
  // way. `may_grow`: SND.UNA moved and nothing further was found lost by it ("safeACK"). Then the reduction bound is the one of
  // slow start (section 3, SSRB), else the conservative one (CRB).
  // Returns the congestion window.
  uint32_t on_ack(uint32_t delivered_bytes, uint32_t pipe_bytes, uint32_t ssthresh_bytes, uint32_t mss_bytes,
                  bool may_grow) {
    delivered_bytes_ += delivered_bytes;
    uint32_t count = 0;
    if (pipe_bytes > ssthresh_bytes) {
      const uint64_t due = (uint64_t{delivered_bytes_} * ssthresh_bytes + flight_bytes_ - 1) / flight_bytes_;
      count = due > sent_bytes_ ? static_cast<uint32_t>(due - sent_bytes_) : 0;
    } else {
      uint32_t limit =
          std::max(delivered_bytes_ > sent_bytes_ ? delivered_bytes_ - sent_bytes_ : 0, delivered_bytes);
      if (may_grow) limit += mss_bytes;
      count = std::min(ssthresh_bytes - pipe_bytes, limit);
    }
    // The first retransmission is always allowed.
    if (sent_bytes_ == 0) count = std::max(count, mss_bytes);
    return pipe_bytes + count;
  }

 private:
  uint32_t delivered_bytes_ = 0;  // prr_delivered
  uint32_t sent_bytes_ = 0;       // prr_out
  uint32_t flight_bytes_ = 1;     // RecoverFS
};

}  // namespace sluice::tcp
