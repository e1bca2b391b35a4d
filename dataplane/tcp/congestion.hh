// SPDX-License-Identifier: Apache-2.0
// The seam of congestion control: one algorithm a connection, picked by a tag instead of a virtual call, because it is
// asked with every acknowledgement. The state behind it exists once it is needed: with BBR or pacing from the start, with
// CUBIC when its slow start has outgrown a few round trips or with the first loss, with Reno never.
#pragma once
#include <algorithm>
#include <cstdint>

#include "dataplane/tcp/bbr.hh"
#include "dataplane/tcp/congestion_window.hh"
#include "dataplane/tcp/cubic.hh"
#include "dataplane/tcp/hystart.hh"
#include "dataplane/tcp/pacing.hh"

namespace sluice::tcp {

enum class CongestionControl : uint8_t { kReno, kCubic, kBbr };

constexpr const char* congestion_name(CongestionControl control) {
  constexpr const char* kNames[] = {"reno", "cubic", "bbr"};
  return kNames[static_cast<unsigned>(control)];
}

class CongestionState {
 public:
  explicit CongestionState(uint32_t own_number) : number(own_number) { new (&loss_based_) LossBased(); }
  CongestionState(uint32_t own_number, const Bbr& bbr) : number(own_number), is_bbr_(true) {
    new (&bbr_) Bbr(bbr);
  }

  Cubic& cubic() { return loss_based_.cubic; }
  HyStart& hystart() { return loss_based_.hystart; }
  Bbr& bbr() { return bbr_; }
  void on_timeout() {
    if (is_bbr_) return;
    cubic().restart();
    hystart().restart();
  }
  void undo() {
    if (!is_bbr_) cubic().undo();
  }

  float memory() const { return is_bbr_ ? bbr_.memory() : loss_based_.cubic.memory(); }

  Pacing pacing;
  const uint32_t number;  // in its slab

 private:
  struct LossBased {
    Cubic cubic;
    HyStart hystart;
  };
  const bool is_bbr_ = false;
  union {
    LossBased loss_based_;
    Bbr bbr_;
  };
};

// RFC 5681 section 3.1, (3), counting bytes (RFC 3465 section 2.1).
inline void reno_on_ack(CongestionWindow& window, uint32_t acked_bytes, uint32_t mss_bytes) {
  window.cwnd_bytes += std::max<uint32_t>(
      1, static_cast<uint32_t>(uint64_t{mss_bytes} * std::min(acked_bytes, window.cwnd_bytes) /
                               window.cwnd_bytes));
}

}  // namespace sluice::tcp
