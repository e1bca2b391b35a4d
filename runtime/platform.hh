// SPDX-License-Identifier: Apache-2.0
// V8's platform: background work (compilation, garbage collection) goes to V8's own worker threads on the control core;
// what V8 wants done on an isolate's own thread waits in a queue that the isolate's core looks at once a turn.
#pragma once
#include <libplatform/libplatform.h>
#include <v8.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <queue>
#include <unordered_map>
#include <vector>

#include "drivers/waiter.hh"

namespace sluice::runtime {

// Foreground tasks of one isolate. post*: any thread. run(): the isolate's.
class TaskQueue final : public v8::TaskRunner {
 public:
  explicit TaskQueue(Waiter* waiter) : waiter_(waiter) {}
  void PostTask(std::unique_ptr<v8::Task> task) override;
  void PostNonNestableTask(std::unique_ptr<v8::Task> task) override { PostTask(std::move(task)); }
  void PostDelayedTask(std::unique_ptr<v8::Task> task, double delay_seconds) override;
  void PostNonNestableDelayedTask(std::unique_ptr<v8::Task> task, double delay_seconds) override {
    PostDelayedTask(std::move(task), delay_seconds);
  }
  void PostIdleTask(std::unique_ptr<v8::IdleTask>) override {}
  bool IdleTasksEnabled() override { return false; }
  bool NonNestableTasksEnabled() const override { return true; }
  bool NonNestableDelayedTasksEnabled() const override { return true; }

  // Whether run() has something to do at `now_ns` (of CLOCK_MONOTONIC). One relaxed load when nothing waits.
  bool due(uint64_t now_ns) const { return next_ns_.load(std::memory_order_relaxed) <= now_ns; }
  uint64_t next_ns() const { return next_ns_.load(std::memory_order_relaxed); }  // UINT64_MAX: nothing waits
  void run(uint64_t now_ns);
  // The isolate goes: what waits is dropped, what comes later too.
  void close();

 private:
  struct Delayed {
    uint64_t at_ns;
    uint64_t order;
    mutable std::unique_ptr<v8::Task> task;
    bool operator<(const Delayed& other) const {  // for a priority queue whose top is the earliest
      return at_ns != other.at_ns ? at_ns > other.at_ns : order > other.order;
    }
  };
  void push(std::unique_ptr<v8::Task> task, uint64_t at_ns);
  std::mutex mutex_;
  std::priority_queue<Delayed> tasks_;
  uint64_t order_ = 0;
  bool closed_ = false;
  Waiter* waiter_;
  std::atomic<uint64_t> next_ns_{UINT64_MAX};
};

class Platform final : public v8::Platform {
 public:
  // Worker threads inherit the affinity of the calling thread: call it pinned to the control core.
  explicit Platform(int worker_threads);

  // Between Isolate::Allocate() and Isolate::Initialize(); `waiter` ends the sleep of the isolate's core (may be null).
  std::shared_ptr<TaskQueue> add_isolate(v8::Isolate* isolate, Waiter* waiter);
  void remove_isolate(v8::Isolate* isolate);

  v8::PageAllocator* GetPageAllocator() override { return workers_->GetPageAllocator(); }
  v8::ZoneBackingAllocator* GetZoneBackingAllocator() override { return workers_->GetZoneBackingAllocator(); }
  int NumberOfWorkerThreads() override { return workers_->NumberOfWorkerThreads(); }
  std::shared_ptr<v8::TaskRunner> GetForegroundTaskRunner(v8::Isolate* isolate) override;
  void CallOnWorkerThread(std::unique_ptr<v8::Task> task) override {
    workers_->CallOnWorkerThread(counted(std::move(task)));
  }
  void CallBlockingTaskOnWorkerThread(std::unique_ptr<v8::Task> task) override {
    workers_->CallBlockingTaskOnWorkerThread(counted(std::move(task)));
  }
  void CallLowPriorityTaskOnWorkerThread(std::unique_ptr<v8::Task> task) override {
    workers_->CallLowPriorityTaskOnWorkerThread(counted(std::move(task)));
  }
  void CallDelayedOnWorkerThread(std::unique_ptr<v8::Task> task, double delay_seconds) override {
    workers_->CallDelayedOnWorkerThread(std::move(task), delay_seconds);
  }
  std::unique_ptr<v8::JobHandle> PostJob(v8::TaskPriority priority,
                                         std::unique_ptr<v8::JobTask> task) override {
    // With this as the platform, so that the job's tasks are counted.
    return v8::platform::NewDefaultJobHandle(this, priority, std::move(task),
                                             static_cast<size_t>(NumberOfWorkerThreads()));
  }
  double MonotonicallyIncreasingTime() override { return workers_->MonotonicallyIncreasingTime(); }
  double CurrentClockTimeMillis() override { return workers_->CurrentClockTimeMillis(); }
  v8::TracingController* GetTracingController() override { return workers_->GetTracingController(); }

  // Tasks given to worker threads and not through: they may still bring something for an isolate (WebAssembly that is
  // being compiled), so a program does not end before.
  unsigned worker_tasks() const { return worker_tasks_.load(std::memory_order_acquire); }

 private:
  class CountedTask;
  std::unique_ptr<v8::Task> counted(std::unique_ptr<v8::Task> task);
  std::atomic<unsigned> worker_tasks_{0};
  std::unique_ptr<v8::Platform> workers_;
  std::mutex mutex_;
  std::unordered_map<v8::Isolate*, std::shared_ptr<TaskQueue>> isolates_;
};

// Gives V8 the options of a command line that are its own, before start_v8(). Returns the first that it does not know, or nothing.
std::string give_to_v8(const std::vector<std::string>& words);

// Makes the process's platform and starts V8 with `flags` (V8's own command line flags). Once, before any isolate.
Platform& start_v8(int worker_threads, const char* flags);
Platform& platform();

}  // namespace sluice::runtime
