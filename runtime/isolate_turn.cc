// SPDX-License-Identifier: Apache-2.0
// A turn of an isolate: events are handed over, ticks and microtasks run until nothing is left to do.
#include <mutex>

#include "dataplane/core/cycles.hh"
#include "runtime/descriptor_watch.hh"
#include "runtime/host_internals.hh"
#include "runtime/isolate_host.hh"
#include "runtime/platform.hh"

namespace sluice::runtime {

namespace {

constexpr int32_t kImmediatesInterrupted = 2;  // runtime/js/ticks.js
constexpr unsigned kRoundsPerTurn = 16;        // batches that a turn hands over before other flows get theirs
constexpr unsigned kSettleRounds = 10'000;     // ticks and microtasks that call each other

}  // namespace

bool IsolateHost::has_work() const {
  return !ring_.empty() || ring_.word(kRingTicks) || ring_.word(kRingImmediates) || tasks_->next_ns() == 0 ||
         mailbox_->state_->any.load(std::memory_order_relaxed) || !internals_->rejections.empty();
}

void IsolateHost::woken() {
  if (descriptors_) descriptors_->woken();
}

bool IsolateHost::descriptors_ready(uint64_t now_ns) {
  return descriptors_ && ending_ == Ending::kRunning && descriptors_->collect(now_ns);
}

uint64_t IsolateHost::next_task_ns() const { return tasks_->next_ns(); }

bool IsolateHost::deliver(uint64_t now_ns) {
  if (ending_ != Ending::kRunning) return false;
  const bool ready = __builtin_expect(descriptors_ != nullptr, 0) && descriptors_->due(now_ns) &&
                     descriptors_->collect(now_ns);
  if (!ready && !has_work() && !tasks_->due(now_ns)) return false;
  const cycles::Scope stage(cycles::Stage::kBridge);
  Entry entry(*this);
  if (mailbox_->state_->any.load(std::memory_order_acquire)) {
    std::vector<std::function<void(IsolateHost&)>> tasks;
    {
      std::lock_guard lock(mailbox_->state_->mutex);
      tasks.swap(mailbox_->state_->tasks);
      mailbox_->state_->any.store(false, std::memory_order_relaxed);
    }
    for (auto& task : tasks) {
      v8::TryCatch caught(isolate_);
      task(*this);
      if (caught.HasCaught()) uncaught(caught);
    }
    settle();
  }
  if (tasks_->due(now_ns)) {
    tasks_->run(now_ns);
    settle();
  }
  if (ready && ending_ == Ending::kRunning) {
    while (ending_ == Ending::kRunning && descriptors_->dispatch_next()) settle();
  }
  unsigned rounds = 0;
  while (ending_ == Ending::kRunning) {
    if (!ring_.empty()) {
      hand_over();
      settle();
    } else if (rounds == 0) {
      settle();
    }
    if (ending_ == Ending::kRunning && ring_.word(kRingImmediates) && !immediates_ran_) {
      immediates_ran_ = true;
      // One that throws does not put off those behind it: they come before any timer, as in Node.
      do {
        call_hook(internals_->run_immediates);
        settle();
      } while (ending_ == Ending::kRunning && ring_.word(kRingImmediates) == kImmediatesInterrupted);
    }
    if (ring_.empty()) break;
    if (++rounds == kRoundsPerTurn) {
      ++counters.rounds_limited;
      break;
    }
  }
  immediates_ran_ = false;
  return true;
}

// The batch: one call for all events; one more for each handler that throws.
void IsolateHost::hand_over() {
  v8::Local<v8::Context> context = context_.Get(isolate_);
  v8::Local<v8::Function> on_turn = internals_->on_turn.Get(isolate_);
  const v8::Local<v8::Value> receiver = v8::Undefined(isolate_);
  uint32_t begin = ring_.begin();
  const uint32_t end = ring_.end();
  counters.events += end - begin;
  while (begin < end) {
    v8::TryCatch caught(isolate_);
    v8::Local<v8::Value> arguments[] = {v8::Integer::New(isolate_, static_cast<int32_t>(begin)),
                                        v8::Integer::New(isolate_, static_cast<int32_t>(end))};
    bool returned;
    {
      const cycles::Scope stage(cycles::Stage::kJavaScript);
      returned = !on_turn->Call(context, receiver, 2, arguments).IsEmpty();
    }
    if (returned) {
      begin = end;
    } else {
      if (stopped(caught)) return;
      begin = static_cast<uint32_t>(ring_.word(kRingCursor)) + 1;
      uncaught(caught);
      if (ending_ != Ending::kRunning) return;
    }
  }
  ring_.handled(end);
}

// Ticks, then microtasks, then rejections, until none is left.
void IsolateHost::settle() {
  for (unsigned round = 0; round < kSettleRounds; ++round) {
    if (ending_ != Ending::kRunning) return;
    if (ring_.word(kRingTicks) && !call_hook(internals_->process_ticks))
      continue;  // one threw; the others come first
    {
      const cycles::Scope stage(cycles::Stage::kJavaScript);
      isolate_->PerformMicrotaskCheckpoint();
    }
    if (__builtin_expect(isolate_->IsExecutionTerminating(), 0)) {
      note_termination();
      return;
    }
    if (ring_.word(kRingTicks)) continue;
    if (internals_->rejections.empty()) return;
    report_rejections();
  }
}

}  // namespace sluice::runtime
