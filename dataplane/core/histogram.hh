// SPDX-License-Identifier: Apache-2.0
// A histogram of durations with high dynamic range: log-linear, three significant digits from 1 us to 1 h, in constant
// memory (about 270 KB). Recording is a shift and an increment; histograms of several cores are merged by addition. The
// layout is the one that Gil Tene's HdrHistogram made known: each power of two is cut into 1,024 equal steps.
#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

namespace sluice {

class Histogram {
 public:
  static constexpr uint64_t kHighestNs =
      3'600'000'000'000;  // 1 h; what is longer is counted here and in `saturated`

  Histogram() : counts_(kCells, 0) {}

  void record(uint64_t duration_ns) { record(duration_ns, 1); }
  // Records `times` durations of the same length.
  void record(uint64_t duration_ns, uint64_t times) {
    if (__builtin_expect(duration_ns > kHighestNs, 0)) {
      duration_ns = kHighestNs;
      saturated_ += times;
    }
    counts_[index_of(duration_ns)] += times;
    count_ += times;
    sum_ns_ += duration_ns * times;
    if (duration_ns < min_ns_) min_ns_ = duration_ns;
    if (duration_ns > max_ns_) max_ns_ = duration_ns;
  }

  // Records `duration_ns` and, when it is longer than the interval at which a constant-rate generator meant to send, the
  // durations that the requests held up behind it would have had: duration - interval, - 2 * interval, ... (correction of
  // coordinated omission).
  void record_corrected(uint64_t duration_ns, uint64_t interval_ns) {
    record(duration_ns);
    if (interval_ns == 0) return;
    while (duration_ns > interval_ns * 2 - 1) {
      duration_ns -= interval_ns;
      record(duration_ns);
    }
  }

  void merge(const Histogram& other) {
    for (uint32_t i = 0; i < kCells; ++i) counts_[i] += other.counts_[i];
    count_ += other.count_;
    sum_ns_ += other.sum_ns_;
    saturated_ += other.saturated_;
    min_ns_ = std::min(min_ns_, other.min_ns_);
    max_ns_ = std::max(max_ns_, other.max_ns_);
  }
  void reset() {
    std::fill(counts_.begin(), counts_.end(), 0);
    count_ = sum_ns_ = saturated_ = max_ns_ = 0;
    min_ns_ = UINT64_MAX;
  }

  uint64_t count() const { return count_; }
  uint64_t saturated() const { return saturated_; }
  uint64_t sum_ns() const { return sum_ns_; }
  uint64_t min_ns() const { return count_ ? min_ns_ : 0; }
  uint64_t max_ns() const { return max_ns_; }
  double mean_ns() const { return count_ ? static_cast<double>(sum_ns_) / static_cast<double>(count_) : 0; }

  // The duration that `percentile` percent (0 to 100) of the recorded ones do not exceed, to three digits; 0 when empty.
  uint64_t percentile_ns(double percentile) const {
    if (count_ == 0) return 0;
    const double share = std::clamp(percentile, 0.0, 100.0) / 100 * static_cast<double>(count_);
    uint64_t wanted = static_cast<uint64_t>(share);
    if (static_cast<double>(wanted) < share || wanted == 0) ++wanted;
    uint64_t seen = 0;
    for (uint32_t i = 0; i < kCells; ++i) {
      seen += counts_[i];
      if (seen >= wanted) return std::clamp(highest_of(i), min_ns(), max_ns_);
    }
    return max_ns_;
  }

  // How many durations were at most `limit_ns` (to three digits), for cumulative buckets of Prometheus.
  uint64_t count_at_most(uint64_t limit_ns) const {
    const uint32_t last = index_of(std::min(limit_ns, kHighestNs));
    uint64_t seen = 0;
    for (uint32_t i = 0; i <= last; ++i) seen += counts_[i];
    return seen;
  }

 private:
  static constexpr unsigned kStepBits = 10;
  static constexpr uint32_t kSteps = 1u << kStepBits;

  // Values below 2 * kSteps each have a cell of their own; above, each power of two has kSteps cells.
  static constexpr uint32_t index_of(uint64_t value) {
    const unsigned shift = static_cast<unsigned>(std::bit_width(value | (2 * kSteps - 1))) - (kStepBits + 1);
    return shift * kSteps + static_cast<uint32_t>(value >> shift);
  }
  static constexpr uint64_t highest_of(uint32_t index) {
    if (index < 2 * kSteps) return index;
    const unsigned shift = index / kSteps - 1;
    return ((static_cast<uint64_t>(index) - shift * kSteps + 1) << shift) - 1;
  }
  static constexpr unsigned kHighestShift = std::bit_width(kHighestNs) - (kStepBits + 1);
  static constexpr uint32_t kCells =
      kHighestShift * kSteps + static_cast<uint32_t>(kHighestNs >> kHighestShift) + 1;

  std::vector<uint64_t> counts_;
  uint64_t count_ = 0, sum_ns_ = 0, saturated_ = 0, max_ns_ = 0;
  uint64_t min_ns_ = UINT64_MAX;
};

}  // namespace sluice
