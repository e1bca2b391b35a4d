// SPDX-License-Identifier: Apache-2.0
// What a data core tells of itself: its page of numbers for /metrics, its account of cycles.
#include <algorithm>
#include <cstdio>

#include "dataplane/core/cycles.hh"
#include "runtime/data_core.hh"
#include "runtime/metrics.hh"
#include "runtime/process.hh"

namespace sluice::runtime {

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

  if (cycles::enabled())
    for (unsigned stage = 0; stage < cycles::kStages; ++stage)
      counter("stage_cycles", static_cast<double>(cycles::account.spent[stage]),
              std::string("stage=\"") + cycles::kStageNames[stage] + "\"");

  fill_http(page, *servers_);

  const Totals gone = totals_;  // of isolates that are gone; those that live are added for this page only
  for (const IsolateHost* host :
       {static_cast<const IsolateHost*>(host_.get()), static_cast<const IsolateHost*>(candidate_.get())})
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
