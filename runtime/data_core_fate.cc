// SPDX-License-Identifier: Apache-2.0
// What becomes of a data core's isolate: it ends, it is replaced, the core gives up.
#include <algorithm>
#include <cstdio>

#include "runtime/data_core.hh"
#include "runtime/platform.hh"
#include "runtime/process.hh"

namespace sluice::runtime {

void DataCore::look_after_host() {
  servers_->step();
  if (__builtin_expect(host_ == nullptr, 0)) {
    if (restart_at_ns_ && services_->clock.monotonic_ns() >= restart_at_ns_) restart();
    return;
  }
  IsolateHost& host = *host_;
  if (__builtin_expect(host.ending() != Ending::kRunning, 0)) {
    if (commands_.load(std::memory_order_relaxed) & kStop) return;  // ended from outside; the next turn stops
    switch (host.ending()) {
      case Ending::kRunning: return;
      case Ending::kFinished: return end(host.exit_code(), host.exit_requested());
      case Ending::kUncaught: return end(host.exit_code(), true);
      case Ending::kWatchdog:
      case Ending::kHeapLimit: return replace(host.ending());
    }
  }
  const bool guarded = servers_->busy() || (host.evaluated() && host.references() > 0);
  if (guarded != guarded_.load(std::memory_order_relaxed)) guarded_.store(guarded, std::memory_order_relaxed);
  if (adopt_orphans_ && host.evaluated()) {
    adopt_orphans_ = false;
    servers_->close_orphans();
  }
  if (draining_) return look_after_drain();
  waiting_for_workers_ = false;
  if (host.wants_to_live() || servers_->busy() || candidate_) return;
  if (platform().worker_tasks() > 0) {
    waiting_for_workers_ = true;
    return;
  }
  if (host.wants_to_live()) return;  // what a worker brought at last
  host.finish();
  if (host.ending() == Ending::kFinished) end(host.exit_code(), host.exit_requested());
}

void DataCore::replace(Ending ending) {
  const uint64_t now_ns = services_->clock.monotonic_ns();
  const config::IsolateLimits& limits = process_.configuration().isolate;
  const bool worth_it = guarded_.load(std::memory_order_relaxed) && !draining_;
  if (ending == Ending::kWatchdog) {
    ++totals_.replaced_watchdog;
    const std::string& stack = host_->entry_stack();
    std::fprintf(
        stderr,
        "sluice: %swatchdog: the script ran for more than %u ms without returning and was stopped%s\n%s",
        name().c_str(), limits.watchdog_ms, stack.empty() ? "" : ", at:", stack.c_str());
  } else {
    ++totals_.replaced_heap;
    std::fprintf(stderr,
                 "sluice: %sthe script's heap reached its limit of %u MB and its isolate was ended "
                 "(--heap-mb changes the limit)\n",
                 name().c_str(), limits.heap_mb);
  }
  if (!worth_it) return end(kExitGaveUp, true);
  std::erase_if(replacements_ns_, [now_ns](uint64_t at_ns) { return now_ns - at_ns > kReplacementWindowNs; });
  if (replacements_ns_.size() >= kReplacementLimit) {
    std::fprintf(stderr, "sluice: %sthe isolate was replaced %u times within %u s: giving up\n",
                 name().c_str(), kReplacementLimit,
                 static_cast<unsigned>(kReplacementWindowNs / kNanosecondsPerSecond));
    return end(kExitGaveUp, true);
  }
  if (candidate_) retire(candidate_);
  retire(host_);
  restart_at_ns_ = now_ns + kReplacementPauseNs * replacements_ns_.size();
  replacements_ns_.push_back(now_ns);
  if (restart_at_ns_ == now_ns) restart();
}

void DataCore::restart() {
  restart_at_ns_ = 0;
  std::fprintf(stderr, "sluice: %sthe program is started anew in a new isolate; connections stay open\n",
               name().c_str());
  set_host(make_host());
  adopt_orphans_ = true;
  host_->start(process_.program());
}

}  // namespace sluice::runtime
