// SPDX-License-Identifier: Apache-2.0
// The cubic curve and its Reno-friendly lower bound.
#include "dataplane/tcp/cubic.hh"

#include <algorithm>
#include <cmath>

namespace sluice::tcp {

namespace {
constexpr float kBeta = 0.7f;                                     // RFC 9438 section 4.6
constexpr float kC = 0.4f;                                        // section 5, segments per second cubed
constexpr float kAlpha = 3.0f * (1.0f - kBeta) / (1.0f + kBeta);  // section 4.3
}  // namespace

uint32_t Cubic::on_loss(const CongestionWindow& window, uint32_t mss_bytes) {
  const auto cwnd = static_cast<float>(window.cwnd_bytes);
  prior_w_max_bytes_ = w_max_bytes_;
  // Fast convergence (4.7): a window smaller than the last one means that somebody else needs room.
  w_max_bytes_ = cwnd < w_max_bytes_ ? cwnd * (1.0f + kBeta) / 2.0f : cwnd;
  epoch_us_ = 0;
  return std::max(static_cast<uint32_t>(cwnd * kBeta), 2 * mss_bytes);
}

void Cubic::on_ack(CongestionWindow& window, uint32_t acked_bytes, uint32_t mss_bytes, uint32_t rtt_us,
                   uint64_t now_us) {
  const auto mss = static_cast<float>(mss_bytes);
  const auto cwnd = static_cast<float>(window.cwnd_bytes);
  if (epoch_us_ == 0) {
    epoch_us_ = std::max<uint64_t>(now_us, 1);
    w_est_bytes_ = cwnd;
    surplus_bytes_ = 0;
    if (cwnd < w_max_bytes_) {
      k_seconds_ = std::cbrt((w_max_bytes_ - cwnd) / mss / kC);  // section 4.2, figure 2
      origin_bytes_ = w_max_bytes_;
    } else {
      k_seconds_ = 0;
      origin_bytes_ = cwnd;
    }
  }
  // Where the curve will be one round trip from now (figure 1).
  const float t = static_cast<float>(now_us - epoch_us_) * 1e-6f + static_cast<float>(rtt_us) * 1e-6f;
  const float distance = t - k_seconds_;
  float target = origin_bytes_ + kC * distance * distance * distance * mss;
  target = std::clamp(target, cwnd, 1.5f * cwnd);  // section 4.2
  const auto acked = static_cast<float>(acked_bytes);
  const float alpha = w_est_bytes_ >= w_max_bytes_ ? 1.0f : kAlpha;  // section 4.3
  w_est_bytes_ += alpha * mss * acked / cwnd;
  float growth = (target - cwnd) * acked / cwnd;  // sections 4.4 and 4.5
  if (w_est_bytes_ > cwnd + growth) growth = w_est_bytes_ - cwnd;
  // No more than slow start would give.
  surplus_bytes_ += std::min(growth, acked);
  const auto whole = static_cast<uint32_t>(surplus_bytes_);
  surplus_bytes_ -= static_cast<float>(whole);
  window.cwnd_bytes += whole;
}

}  // namespace sluice::tcp
