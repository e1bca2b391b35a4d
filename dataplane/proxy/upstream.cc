// SPDX-License-Identifier: Apache-2.0
#include "dataplane/proxy/upstream.hh"

#include "drivers/assert.hh"
#include "drivers/clock.hh"

namespace sluice::proxy {

UpstreamGroup::UpstreamGroup(std::vector<Upstream> upstreams, const UpstreamOptions& options)
    : upstreams_(std::move(upstreams)), options_(options) {
  SLUICE_ASSERT(!upstreams_.empty() && upstreams_.size() <= kUpstreamsLimit);
}

int UpstreamGroup::choose(uint64_t now_ns, uint64_t tried) {
  const unsigned count = size();
  int chosen = -1, spare = -1;
  for (unsigned i = 0; i < count; ++i) {
    const unsigned index = options_.balance == Balance::kFailover ? i : (next_ + i) % count;
    if (tried >> index & 1) continue;
    const Upstream& upstream = upstreams_[index];
    if (upstream.down_until_ns > now_ns) {
      // The one whose time out ends first is the best of those that are out.
      if (spare < 0 || upstream.down_until_ns < upstreams_[spare].down_until_ns)
        spare = static_cast<int>(index);
      continue;
    }
    if (options_.balance != Balance::kLeastConnections) {
      chosen = static_cast<int>(index);
      break;
    }
    if (chosen < 0 || upstream.active < upstreams_[chosen].active) chosen = static_cast<int>(index);
  }
  if (chosen < 0) chosen = spare;
  if (chosen >= 0) next_ = (static_cast<unsigned>(chosen) + 1) % count;
  return chosen;
}

void UpstreamGroup::succeeded(unsigned index) {
  upstreams_[index].failures = 0;
  upstreams_[index].down_until_ns = 0;
}

void UpstreamGroup::failed(unsigned index, uint64_t now_ns) {
  Upstream& upstream = upstreams_[index];
  ++upstream.failed;
  if (options_.failures_limit != 0 && ++upstream.failures >= options_.failures_limit)
    upstream.down_until_ns = now_ns + options_.fail_timeout_ms * kNanosecondsPerMillisecond;
}

}  // namespace sluice::proxy
