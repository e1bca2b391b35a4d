// SPDX-License-Identifier: Apache-2.0
// A core's numbers on their way to the control core: filled on the core, when asked, and handed over without a lock.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/core/histogram.hh"

namespace sluice::runtime {

struct Sample {
  std::string name;    // without "sluice_"
  std::string labels;  // without braces
  double value = 0;
  bool counter = true;  // else a gauge
};

// What one core tells.
struct CorePage {
  uint64_t sequence = 0;  // of the request it answers
  std::vector<Sample> samples;
  // Cumulative counts of HTTP latency by bucket.
  std::vector<uint64_t> latency_buckets;
  uint64_t latency_count = 0;
  double latency_sum_seconds = 0;
};

// Three pages that change hands by exchanging a number: one writer (the core), one reader (the control core).
class CorePages {
 public:
  // Reader: asks for fresh numbers. Returns the sequence that the answer will bear.
  uint64_t request() { return wanted_.fetch_add(1, std::memory_order_release) + 1; }
  // Writer: whether numbers are asked for. One relaxed load.
  bool wanted() const { return wanted_.load(std::memory_order_relaxed) != written_; }
  // Writer: the page to fill, then publish().
  CorePage& back() { return pages_[back_]; }
  void publish() {
    written_ = wanted_.load(std::memory_order_acquire);
    pages_[back_].sequence = written_;
    back_ = ready_.exchange(static_cast<uint8_t>(back_ | kFresh), std::memory_order_acq_rel) & kIndex;
  }
  // Reader: the newest page.
  const CorePage& front() {
    if (ready_.load(std::memory_order_relaxed) & kFresh)
      front_ = ready_.exchange(front_, std::memory_order_acq_rel) & kIndex;
    return pages_[front_];
  }

 private:
  static constexpr uint8_t kFresh = 0x80, kIndex = 0x7f;
  std::array<CorePage, 3> pages_;
  uint8_t back_ = 0, front_ = 1;
  std::atomic<uint8_t> ready_{2};
  uint64_t written_ = 0;
  std::atomic<uint64_t> wanted_{0};
};

}  // namespace sluice::runtime
