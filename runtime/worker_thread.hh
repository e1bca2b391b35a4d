// SPDX-License-Identifier: Apache-2.0
// A worker (node:worker_threads): one more IsolateHost, on a thread of its own with a reactor of its own. It runs on the
// processors that no data core has, as far as there are such. On the kernel transport it has sockets of its own; on bypass
// it has no network: ports and flows belong to the data cores.
//
// Its parent makes it, ends it and joins it; both talk by message ports (runtime/message_port.hh).
#pragma once
#include <pthread.h>
#include <sched.h>
#include <v8.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/isolate_host.hh"

namespace sluice::runtime {

class PortEnd;

struct WorkerOptions {
  uint32_t number = 0;  // threadId
  std::string name;
  Program program;
  std::vector<std::string> arguments, exec_arguments;
  HostLimits limits;
  size_t stack_bytes = 4u << 20;  // of JavaScript
  std::shared_ptr<PortEnd> control;
};

class WorkerThread final {
 public:
  // Begins at once. `on_ended` runs on the worker's thread as its last deed.
  WorkerThread(IsolateHost& parent, WorkerOptions options, std::function<void()> on_ended);
  // Ends it, when it still runs, and waits until it has.
  ~WorkerThread();
  WorkerThread(const WorkerThread&) = delete;

  // Ends it soon, whatever it is doing. Any thread.
  void stop();

  // Runs `task` in the worker, between two turns. False when it is over. Any thread.
  bool post(std::function<void(IsolateHost&)> task);

  // ---- when it has ended
  void join();
  int exit_code() const { return exit_code_; }
  bool out_of_memory() const { return out_of_memory_; }

  // ---- worker's thread
  const WorkerOptions& options() const { return options_; }
  std::shared_ptr<PortEnd> take_control() { return std::move(options_.control); }
  // Processor time, microseconds.
  static void processor_time(uint64_t& user_us, uint64_t& system_us);

  // What threads may use that are no data cores. Once, before any worker.
  static void set_processors(const cpu_set_t& set);
  static uint32_t next_number();

 private:
  class Part;
  static void* run_thread(void* self);
  void run();
  bool prepare(IsolateHost& host);
  WorkerOptions options_;
  std::function<void()> on_ended_;
  const config::Configuration& configuration_;
  const unsigned index_, count_;
  RuntimeImage image_;
  pthread_t thread_{};
  bool joined_ = false;
  int exit_code_ = 0;
  bool out_of_memory_ = false;
  std::mutex mutex_;  // of the two below
  std::atomic<bool> stopping_{false};
  IsolateHost* host_ = nullptr;
  Waiter* waiter_ = nullptr;
};

}  // namespace sluice::runtime
