// SPDX-License-Identifier: Apache-2.0
#include "dataplane/filter/filtered_port.hh"

#include <algorithm>

namespace sluice::filter {

FilteredPort::FilteredPort(Port& port, Clock& clock, const std::vector<Rule>& rules)
    : port_(port), clock_(clock) {
  for (const Rule& rule : rules)
    rules_.push_back({rule, {std::max(1u, rule.packets_per_second), std::max(1u, rule.burst_packets)}, {}});
}

unsigned FilteredPort::receive(Buffer** frames, unsigned limit) {
  limit = std::min(limit, FrameMatcher::kBurstFrames);
  withheld_ = false;
  for (unsigned burst = 0; burst < kBurstsInVain; ++burst) {
    const unsigned count = port_.receive(frames, limit);
    if (count == 0) return 0;
    if (const unsigned kept = sift(frames, count)) return kept;
    withheld_ = true;
  }
  return 0;
}

unsigned FilteredPort::sift(Buffer** frames, unsigned count) {
  uint64_t undecided = count == 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1;
  uint64_t gone = 0;  // taken out of the burst
  for (LiveRule& each : rules_) {
    const uint64_t matching = each.rule.matcher->match(frames, undecided);
    if (matching == 0) continue;
    undecided &= ~matching;
    each.counters.matched_packets += static_cast<uint64_t>(__builtin_popcountll(matching));
    const uint64_t now_ns = each.rule.action == Action::kRateLimit ? clock_.monotonic_ns() : 0;
    for (uint64_t left = matching; left != 0; left &= left - 1) {
      const int i = __builtin_ctzll(left);
      Buffer* const frame = frames[i];
      each.counters.matched_bytes += frame->next_segment ? frame->chain_length() : frame->length;
      if (each.rule.action == Action::kPass ||
          (each.rule.action == Action::kRateLimit && each.bucket.take(now_ns)))
        continue;
      gone |= uint64_t{1} << i;
      if (each.rule.action == Action::kKernel && kernel_ != nullptr) {
        kernel_->take(frame);
      } else {
        ++each.counters.dropped_packets;
        release(frame);
      }
    }
    if (undecided == 0) break;
  }
  if (gone == 0) return count;
  unsigned kept = 0;
  for (unsigned i = 0; i < count; ++i)
    if (!(gone >> i & 1)) frames[kept++] = frames[i];
  return kept;
}

}  // namespace sluice::filter
