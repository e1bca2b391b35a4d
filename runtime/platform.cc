// SPDX-License-Identifier: Apache-2.0
#include "runtime/platform.hh"

#include <time.h>

#include <algorithm>
#include <cstring>

#include "drivers/assert.hh"

namespace sluice::runtime {

static uint64_t monotonic_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(now.tv_nsec);
}

void TaskQueue::push(std::unique_ptr<v8::Task> task, uint64_t at_ns) {
  std::lock_guard lock(mutex_);
  if (closed_) return;
  const bool earlier = at_ns < next_ns_.load(std::memory_order_relaxed);
  tasks_.push({at_ns, order_++, std::move(task)});
  if (!earlier) return;
  next_ns_.store(at_ns, std::memory_order_relaxed);
  if (waiter_) waiter_->wake();
}

void TaskQueue::PostTask(std::unique_ptr<v8::Task> task) { push(std::move(task), 0); }

void TaskQueue::PostDelayedTask(std::unique_ptr<v8::Task> task, double delay_seconds) {
  push(std::move(task), monotonic_ns() + static_cast<uint64_t>(std::max(delay_seconds, 0.0) * 1e9));
}

void TaskQueue::run(uint64_t now_ns) {
  std::vector<std::unique_ptr<v8::Task>> due_now;
  {
    std::lock_guard lock(mutex_);
    while (!tasks_.empty() && tasks_.top().at_ns <= now_ns) {
      due_now.push_back(std::move(tasks_.top().task));
      tasks_.pop();
    }
    next_ns_.store(tasks_.empty() ? UINT64_MAX : tasks_.top().at_ns, std::memory_order_relaxed);
  }
  for (auto& task : due_now) task->Run();
}

void TaskQueue::close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
  tasks_ = {};
  waiter_ = nullptr;
  next_ns_.store(UINT64_MAX, std::memory_order_relaxed);
}

class Platform::CountedTask final : public v8::Task {
 public:
  CountedTask(std::unique_ptr<v8::Task> task, std::atomic<unsigned>& count)
      : task_(std::move(task)), count_(count) {
    count_.fetch_add(1, std::memory_order_relaxed);
  }
  ~CountedTask() override {
    task_.reset();
    count_.fetch_sub(1, std::memory_order_release);
  }
  void Run() override { task_->Run(); }

 private:
  std::unique_ptr<v8::Task> task_;
  std::atomic<unsigned>& count_;
};

std::unique_ptr<v8::Task> Platform::counted(std::unique_ptr<v8::Task> task) {
  return std::make_unique<CountedTask>(std::move(task), worker_tasks_);
}

Platform::Platform(int worker_threads)
    : workers_(worker_threads > 0 ? v8::platform::NewDefaultPlatform(worker_threads)
                                  : v8::platform::NewSingleThreadedDefaultPlatform()) {}

std::shared_ptr<TaskQueue> Platform::add_isolate(v8::Isolate* isolate, Waiter* waiter) {
  auto queue = std::make_shared<TaskQueue>(waiter);
  std::lock_guard lock(mutex_);
  isolates_[isolate] = queue;
  return queue;
}

void Platform::remove_isolate(v8::Isolate* isolate) {
  std::lock_guard lock(mutex_);
  isolates_.erase(isolate);
}

std::shared_ptr<v8::TaskRunner> Platform::GetForegroundTaskRunner(v8::Isolate* isolate) {
  std::lock_guard lock(mutex_);
  auto found = isolates_.find(isolate);
  // V8 asks for isolates that nobody announced while a snapshot is built.
  if (found == isolates_.end())
    found = isolates_.emplace(isolate, std::make_shared<TaskQueue>(nullptr)).first;
  return found->second;
}

static Platform* the_platform = nullptr;

std::string give_to_v8(const std::vector<std::string>& words) {
  if (words.empty()) return {};
  std::vector<std::string> texts = words;
  std::string name = "sluice";
  std::vector<char*> pointers = {name.data()};
  for (std::string& text : texts) pointers.push_back(text.data());
  int count = static_cast<int>(pointers.size());
  v8::V8::SetFlagsFromCommandLine(&count, pointers.data(), true);
  return count > 1 ? pointers[1] : std::string();
}

Platform& start_v8(int worker_threads, const char* flags) {
  SLUICE_ASSERT(the_platform == nullptr);
  // Never deleted: V8 threads may run until the process ends.
  the_platform = new Platform(worker_threads);
  v8::V8::SetFlagsFromString(
      "--turbo-fast-api-calls --no-harmony-import-assertions --harmony-import-attributes");
  if (worker_threads == 0) v8::V8::SetFlagsFromString("--single-threaded");
  if (flags && *flags) v8::V8::SetFlagsFromString(flags, std::strlen(flags));
  v8::V8::InitializePlatform(the_platform);
  v8::V8::Initialize();
  return *the_platform;
}

Platform& platform() {
  SLUICE_ASSERT(the_platform != nullptr);
  return *the_platform;
}

}  // namespace sluice::runtime
