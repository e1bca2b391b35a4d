// SPDX-License-Identifier: Apache-2.0
#include "runtime/data_core.hh"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>

#include <algorithm>
#include <bit>
#include <cstdio>

#include "dataplane/core/cycles.hh"
#include "runtime/host_internals.hh"
#include "runtime/metrics.hh"
#include "runtime/platform.hh"
#include "runtime/process.hh"

namespace sluice::runtime {

DataCore::DataCore(Process& process, unsigned index, int processor)
    : process_(process), index_(index), processor_(processor) {}

DataCore::~DataCore() { join(); }

// ---- control thread

void DataCore::launch() {
  state_.store(State::kStarting, std::memory_order_release);
  thread_ = std::thread([this] { run(); });
}

void DataCore::join() {
  if (thread_.joinable()) thread_.join();
}

void DataCore::wake() {
  std::lock_guard lock(host_mutex_);
  if (services_) services_->reactor.waiter().wake();
}

void DataCore::command(Command command) {
  commands_.fetch_or(command, std::memory_order_release);
  wake();
}

void DataCore::signal(int number) {
  signals_.fetch_or(uint64_t{1} << number, std::memory_order_release);
  command(kSignal);
}

void DataCore::watch(uint64_t now_ns, uint64_t limit_ns) {
  if (limit_ns == 0 || !guarded_.load(std::memory_order_relaxed)) return;
  std::lock_guard lock(host_mutex_);
  for (IsolateHost* host : {host_.get(), candidate_.get()}) {
    if (!host) continue;
    const uint64_t started_ns = host->entry_started_ns();
    if (started_ns == 0 || now_ns < started_ns + limit_ns) continue;
    if (interrupted_entry_ns_ != started_ns) {
      interrupted_entry_ns_ = started_ns;
      interrupted_at_ns_ = now_ns;
      host->interrupt(started_ns);
    } else if (now_ns > interrupted_at_ns_ + kNanosecondsPerSecond) {
      // The interrupt, which would tell where it loops, does not get through.
      host->isolate()->TerminateExecution();
    }
  }
}

void DataCore::interrupt_script() {
  std::lock_guard lock(host_mutex_);
  for (IsolateHost* host : {host_.get(), candidate_.get()})
    if (host && host->entry_started_ns() != 0) host->isolate()->TerminateExecution();
}

// ---- the core's thread

std::string DataCore::name() const {
  return services_->count > 1 ? "core " + std::to_string(index_) + ": " : std::string();
}

std::unique_ptr<IsolateHost> DataCore::make_host() {
  HostLimits limits;
  limits.heap_mb = process_.configuration().isolate.heap_mb;
  return std::make_unique<IsolateHost>(*services_, process_.image(), limits);
}

void DataCore::set_host(std::unique_ptr<IsolateHost> host) {
  std::lock_guard lock(host_mutex_);
  host_ = std::move(host);
}

void DataCore::run() {
  if (processor_ >= 0) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<unsigned>(processor_), &set);
    pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
  }
  pthread_setname_np(pthread_self(), ("data-" + std::to_string(index_)).c_str());
  std::string error;
  network_ = process_.network().make_core(index_, error);
  if (!network_) {
    std::fprintf(stderr, "sluice: %s\n", error.c_str());
    end(1, true);
    process_.notify();
    return;
  }
  Reactor& reactor = network_->reactor();
  servers_ = std::make_unique<ServerRegistry>(reactor, network_->clock(), network_->transport());
  servers_->set_chosen_ports(process_.chosen_ports());
  servers_->set_announcer(
      [](void* context, const char* scheme, const Endpoint& local) {
        auto& core = *static_cast<DataCore*>(context);
        core.guarded_.store(true, std::memory_order_relaxed);
        if (core.index_ == 0) core.process_.announce(scheme, local, core.services_->transport.name(), core.network_->driver());
      },
      this);
  {
    std::lock_guard lock(host_mutex_);
    services_.reset(new CoreServices{index_, static_cast<unsigned>(process_.cores().size()), reactor, network_->clock(),
                                     network_->entropy(), network_->transport(), process_.configuration(), *servers_});
  }
  cycles::account.since = cycles::now();
  reactor.add(*this);
  set_host(make_host());
  host_->start(process_.program());
  state_.store(State::kRunning, std::memory_order_release);
  process_.notify();
  look_after_host();
  reactor.run();

  candidate_.reset();
  retiring_.clear();
  if (cycles::enabled) print_cycles();
  if (host_) host_->teardown();
  servers_->abort_all();
  services_->script_network.reset();
  reactor.turn();  // what the teardown wrote
  set_host(nullptr);
  servers_.reset();
  {
    std::lock_guard lock(host_mutex_);
    services_.reset();
  }
  network_.reset();
  state_.store(State::kEnded, std::memory_order_release);
  process_.notify();
}

// The program is over on this core. What was written still goes out, for kLingerNs at most.
void DataCore::end(int exit_code, bool whole_process) {
  if (lingering_) return;
  exit_code_ = exit_code;
  ends_process_ = whole_process;
  if (!services_) {
    state_.store(State::kEnded, std::memory_order_release);
    return;
  }
  lingering_ = true;
  linger_deadline_ns_ = services_->clock.monotonic_ns() + kLingerNs;
}

// A turn after end(): the responses of that turn are sent, now everything may go.
void DataCore::linger(uint64_t now_ns) {
  if (!linger_begun_) {
    linger_begun_ = true;
    if (candidate_) retire(candidate_);
    for (Retiring& old : retiring_) retire(old.host);
    retiring_.clear();
    if (host_) {
      servers_->abandon(*host_);
      host_->teardown();
    }
    servers_->drain();
    services_->script_network.reset();
    return;
  }
  servers_->step();
  if (now_ns >= linger_deadline_ns_ || (!servers_->busy() && services_->transport.open_streams() == 0)) services_->reactor.stop();
}

void DataCore::retire(std::unique_ptr<IsolateHost>& host) {
  servers_->abandon(*host);
  host->teardown();
  add_totals(*host);
  std::unique_ptr<IsolateHost> gone;
  {
    std::lock_guard lock(host_mutex_);
    gone = std::move(host);
  }
}

bool DataCore::receive(uint64_t now_ns) {
  const uint32_t commands = commands_.load(std::memory_order_relaxed);
  if (__builtin_expect(commands == 0, 1)) return false;
  commands_.fetch_and(~commands, std::memory_order_acquire);
  if (commands & kStop) {
    exit_code_ = exit_code_ ? exit_code_ : 0;
    services_->reactor.stop();
    lingering_ = linger_begun_ = true;
    linger_deadline_ns_ = now_ns;
    return true;
  }
  if (lingering_) return true;
  uint64_t signals = signals_.exchange(0, std::memory_order_acquire);
  while (signals && !lingering_) {
    const int number = std::countr_zero(signals);
    signals &= signals - 1;
    bool handled = false;
    if (host_) host_->emit_signal(number, handled);
    if (handled) continue;
    if (number == SIGTERM) begin_drain(now_ns);
    if (number == SIGHUP) begin_reload(now_ns);
  }
  return true;
}

bool DataCore::deliver(uint64_t now_ns) {
  if (__builtin_expect(lingering_, 0)) {
    linger(now_ns);
    return false;
  }
  bool worked = false;
  if (__builtin_expect(host_ != nullptr, 1)) worked = host_->deliver(now_ns);
  if (__builtin_expect(candidate_ || !retiring_.empty(), 0)) look_after_reload(now_ns);
  look_after_host();
  return worked;
}

void DataCore::transmit(uint64_t) {
  if (__builtin_expect(pages_.wanted(), 0)) {
    fill_page();
    pages_.publish();
    process_.notify();
  }
}

bool DataCore::prepare_sleep(uint64_t& timeout_ns) {
  if (lingering_ || draining_ || !retiring_.empty() || candidate_) timeout_ns = std::min(timeout_ns, kPollNs);
  if (restart_at_ns_) timeout_ns = std::min(timeout_ns, kPollNs);
  if (waiting_for_workers_) timeout_ns = std::min(timeout_ns, kNanosecondsPerMillisecond);
  const uint64_t now_ns = services_->clock.monotonic_ns();
  for (IsolateHost* host : {host_.get(), candidate_.get()}) {
    if (!host || lingering_) continue;
    if (host->has_work() && host->ending() == Ending::kRunning) return false;
    const uint64_t task_ns = host->next_task_ns();
    if (task_ns <= now_ns) return false;
    timeout_ns = std::min(timeout_ns, task_ns - now_ns);
  }
  return commands_.load(std::memory_order_relaxed) == 0 && !pages_.wanted();
}

// ---- the isolate's fate

void DataCore::look_after_host() {
  servers_->step();
  if (__builtin_expect(host_ == nullptr, 0)) {
    if (restart_at_ns_ && services_->clock.monotonic_ns() >= restart_at_ns_) restart();
    return;
  }
  IsolateHost& host = *host_;
  if (__builtin_expect(host.ending() != Ending::kRunning, 0)) {
    switch (host.ending()) {
      case Ending::kRunning: return;
      case Ending::kFinished: return end(host.exit_code(), host.exit_requested());
      case Ending::kUncaught: return end(host.exit_code(), true);
      case Ending::kWatchdog:
      case Ending::kHeapLimit: return replace(host.ending());
    }
  }
  const bool guarded = servers_->busy() || (host.evaluated() && host.references() > 0);
  if (host.watched_signals() != watched_signals_.load(std::memory_order_relaxed))
    watched_signals_.store(host.watched_signals(), std::memory_order_relaxed);
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
    std::fprintf(stderr, "sluice: %swatchdog: the script ran for more than %u ms without returning and was stopped%s\n%s", name().c_str(),
                 limits.watchdog_ms, stack.empty() ? "" : ", at:", stack.c_str());
  } else {
    ++totals_.replaced_heap;
    std::fprintf(stderr, "sluice: %sthe script's heap reached its limit of %u MB and its isolate was ended (--heap-mb changes the limit)\n",
                 name().c_str(), limits.heap_mb);
  }
  if (!worth_it) return end(kExitGaveUp, true);
  std::erase_if(replacements_ns_, [now_ns](uint64_t at_ns) { return now_ns - at_ns > kReplacementWindowNs; });
  if (replacements_ns_.size() >= kReplacementLimit) {
    std::fprintf(stderr, "sluice: %sthe isolate was replaced %u times within %u s: giving up\n", name().c_str(), kReplacementLimit,
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
  std::fprintf(stderr, "sluice: %sthe program is started anew in a new isolate; connections stay open\n", name().c_str());
  set_host(make_host());
  adopt_orphans_ = true;
  host_->start(process_.program());
}

// ---- reload

void DataCore::begin_reload(uint64_t now_ns) {
  if (!host_) return;  // about to be started from the file as it is now
  if (candidate_ || draining_) {
    std::fprintf(stderr, "sluice: %sno reload: %s\n", name().c_str(), draining_ ? "the process is ending" : "one is under way");
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
      retiring_.push_back({std::move(old), now_ns + process_.configuration().isolate.drain_ms * kNanosecondsPerMillisecond});
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
  const bool done = !servers_->busy() && (!has_streams_ || services_->transport.open_streams() == 0);
  const bool late = services_->clock.monotonic_ns() >= drain_deadline_ns_;
  if (!done && !late) return;
  if (!done) std::fprintf(stderr, "sluice: %sconnections that are still busy are closed\n", name().c_str());
  if (host_) host_->conclude(0);
  end(host_ ? host_->exit_code() : 0, false);
}

// ---- numbers

// Cycles of each stage for each request served, as one line of JSON: what `./dev bench` reads.
void DataCore::print_cycles() {
  const auto requests = static_cast<double>(std::max<uint64_t>(servers_->requests(), 1));
  std::string line = "cycles {";
  for (unsigned stage = 1; stage < cycles::kStages; ++stage) {
    char text[64];
    std::snprintf(text, sizeof(text), "%s\"%s\": %.1f", stage == 1 ? "" : ", ", cycles::kStageNames[stage],
                  static_cast<double>(cycles::account.spent[stage]) / requests);
    line += text;
  }
  std::fprintf(stderr, "%s}\n", line.c_str());
}

void DataCore::add_totals(const IsolateHost& host) {
  totals_.entries += host.counters.entries;
  totals_.events += host.counters.events;
  totals_.gc_count += host.counters.gc_count;
  totals_.gc_ns += host.counters.gc_ns;
  totals_.uncaught += host.counters.uncaught;
  totals_.rejections += host.counters.unhandled_rejections;
}

void DataCore::fill_page() {
  CorePage& page = pages_.back();
  page.samples.clear();
  const auto counter = [&page](std::string_view name, double value, std::string_view labels = {}) {
    page.samples.push_back({std::string(name), std::string(labels), value, true});
  };
  const auto gauge = [&page](std::string_view name, double value, std::string_view labels = {}) {
    page.samples.push_back({std::string(name), std::string(labels), value, false});
  };
  network_->visit_counters([&](std::string_view name, std::string_view labels, uint64_t value) {
    counter(name, static_cast<double>(value), labels);
  });
  network_->visit_gauges([&](std::string_view name, std::string_view labels, uint64_t value) {
    gauge(name, static_cast<double>(value), labels);
  });
  const Reactor::Counters& turns = services_->reactor.counters;
  counter("reactor_turns", static_cast<double>(turns.turns));
  counter("reactor_idle_turns", static_cast<double>(turns.idle_turns));
  counter("reactor_sleeps", static_cast<double>(turns.sleeps));
  counter("reactor_timers_fired", static_cast<double>(turns.timers_fired));

  if (cycles::enabled)
    for (unsigned stage = 0; stage < cycles::kStages; ++stage)
      counter("stage_cycles", static_cast<double>(cycles::account.spent[stage]), std::string("stage=\"") + cycles::kStageNames[stage] + "\"");

  fill_http(page, *servers_);

  const Totals gone = totals_;  // of isolates that are gone; those that live are added for this page only
  for (const IsolateHost* host : {static_cast<const IsolateHost*>(host_.get()), static_cast<const IsolateHost*>(candidate_.get())})
    if (host) add_totals(*host);
  const Totals now = totals_;
  totals_ = gone;
  counter("isolate_entries", static_cast<double>(now.entries));
  counter("isolate_events", static_cast<double>(now.events));
  counter("gc_runs", static_cast<double>(now.gc_count));
  counter("gc_seconds", static_cast<double>(now.gc_ns) * 1e-9);
  counter("uncaught_errors", static_cast<double>(now.uncaught));
  counter("unhandled_rejections", static_cast<double>(now.rejections));
  counter("isolates_replaced", static_cast<double>(now.replaced_watchdog), "cause=\"watchdog\"");
  counter("isolates_replaced", static_cast<double>(now.replaced_heap), "cause=\"heap\"");
  counter("reloads", static_cast<double>(now.reloads), "result=\"ok\"");
  counter("reloads", static_cast<double>(now.reloads_failed), "result=\"failed\"");
  if (host_) {
    v8::HeapStatistics heap;
    host_->isolate()->GetHeapStatistics(&heap);
    gauge("heap_used_bytes", static_cast<double>(heap.used_heap_size()));
    gauge("heap_total_bytes", static_cast<double>(heap.total_heap_size()));
    gauge("heap_limit_bytes", static_cast<double>(heap.heap_size_limit()));
    gauge("array_buffer_bytes", static_cast<double>(host_->array_buffer_bytes()));
    gauge("isolate_references", host_->references());
    gauge("gc_longest_seconds", static_cast<double>(host_->counters.gc_longest_ns) * 1e-9);
    counter("event_ring_spilled", static_cast<double>(host_->ring().spilled));
    counter("limits_hit", static_cast<double>(host_->counters.rounds_limited), "limit=\"rounds_per_turn\"");
  }
}

}  // namespace sluice::runtime
