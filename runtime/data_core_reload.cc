// SPDX-License-Identifier: Apache-2.0
// How a data core changes its program for a new one, and how it ends: reload and draining.
#include <algorithm>
#include <cstdio>

#include "runtime/data_core.hh"
#include "runtime/process.hh"

namespace sluice::runtime {

void DataCore::begin_reload(uint64_t now_ns) {
  if (!host_) return;  // about to be started from the file as it is now
  if (candidate_ || draining_) {
    std::fprintf(stderr, "sluice: %sno reload: %s\n", name().c_str(),
                 draining_ ? "the process is ending" : "one is under way");
    return;
  }
  auto fresh = make_host();
  {
    std::lock_guard lock(host_mutex_);
    candidate_ = std::move(fresh);
  }
  candidate_deadline_ns_ = now_ns + process_.configuration().isolate.drain_ms * kNanosecondsPerMillisecond;
  servers_->begin_reload(*candidate_);
  candidate_->start(process_.program());
}

void DataCore::look_after_reload(uint64_t now_ns) {
  if (candidate_) {
    candidate_->deliver(now_ns);
    const bool late = now_ns >= candidate_deadline_ns_;
    if (candidate_->ending() != Ending::kRunning || (late && !candidate_->evaluated())) {
      ++totals_.reloads_failed;
      std::fprintf(stderr, "sluice: %sthe new program %s; the old one goes on\n", name().c_str(),
                   late ? "did not finish its top-level code in time" : "failed");
      retire(candidate_);
      servers_->close_orphans();
    } else if (candidate_->evaluated()) {
      ++totals_.reloads;
      std::unique_ptr<IsolateHost> old;
      {
        std::lock_guard lock(host_mutex_);
        old = std::move(host_);
        host_ = std::move(candidate_);
      }
      servers_->commit_reload();
      servers_->abandon(*old);
      servers_->close_orphans();
      std::fprintf(stderr, "sluice: %sreloaded\n", name().c_str());
      retiring_.push_back(
          {std::move(old), now_ns + process_.configuration().isolate.drain_ms * kNanosecondsPerMillisecond});
    }
  }
  // Old isolates stay for what they have begun.
  for (size_t i = 0; i < retiring_.size();) {
    IsolateHost& old = *retiring_[i].host;
    old.deliver(now_ns);
    if (old.ending() != Ending::kRunning || !old.busy() || now_ns >= retiring_[i].deadline_ns) {
      retire(retiring_[i].host);
      retiring_.erase(retiring_.begin() + static_cast<ptrdiff_t>(i));
    } else {
      ++i;
    }
  }
}

// ---- draining

void DataCore::begin_drain(uint64_t now_ns) {
  if (draining_) return;
  draining_ = true;
  for (const auto& entry : servers_->entries()) has_streams_ |= entry->kind == ServerRegistry::Kind::kStream;
  drain_deadline_ns_ = now_ns + process_.configuration().isolate.drain_ms * kNanosecondsPerMillisecond;
  servers_->drain();
}

void DataCore::look_after_drain() {
  const bool done =
      servers_->entries().empty() && (!has_streams_ || services_->transport.open_streams() == 0);
  const bool late = services_->clock.monotonic_ns() >= drain_deadline_ns_;
  if (!done && !late) return;
  if (!done) std::fprintf(stderr, "sluice: %sconnections that are still busy are closed\n", name().c_str());
  if (host_) host_->conclude(0);
  end(host_ ? host_->exit_code() : 0, false);
}

}  // namespace sluice::runtime
