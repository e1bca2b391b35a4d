// SPDX-License-Identifier: Apache-2.0
#include "runtime/worker_thread.hh"

#include <pthread.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <tuple>

#include "dataplane/core/reactor.hh"
#include "drivers/kernel/event_waiter.hh"
#include "drivers/kernel/host_clock.hh"
#include "drivers/kernel/host_entropy.hh"
#include "runtime/config/config.hh"
#include "runtime/host_internals.hh"
#include "runtime/message_port.hh"
#include "runtime/network/kernel_network.hh"
#include "runtime/platform.hh"
#include "runtime/server_registry.hh"
#include "runtime/v8_text.hh"

namespace sluice::runtime {

namespace {

constexpr size_t kStackReserveBytes = 512u << 10;  // for C++ below JavaScript's limit
constexpr uint64_t kPollNs = kNanosecondsPerMillisecond;
constexpr int kExitTerminated = 1;

cpu_set_t free_processors;
bool free_processors_known = false;
std::atomic<uint32_t> numbers{0};

// Of a worker on bypass.
class NoNetwork final : public transport::Transport {
 public:
  const char* name() const override { return "none"; }
  transport::Result<std::unique_ptr<transport::Listener>> listen(const transport::ListenOptions&,
                                                                 transport::ListenerUser&) override {
    return {nullptr, Error::kAddressNotAvailable, kWhy};
  }
  transport::Result<transport::Stream*> connect(const transport::ConnectOptions&,
                                                transport::StreamUser&) override {
    return {nullptr, Error::kNetworkUnreachable, kWhy};
  }
  transport::Result<std::unique_ptr<transport::DatagramSocket>> bind_datagram(
      const transport::DatagramOptions&, transport::DatagramUser&) override {
    return {nullptr, Error::kAddressNotAvailable, kWhy};
  }
  BufferPool& pool() override { return pool_; }
  uint32_t open_streams() const override { return 0; }

 private:
  static constexpr const char* kWhy =
      "a worker has no network on the bypass transport: let the main thread do it, or use --cores";
  HeapBufferPool pool_{2048, 64};
};

}  // namespace

// The worker's part in its reactor.
class WorkerThread::Part final : public ReactorPart {
 public:
  Part(WorkerThread& worker, IsolateHost& host, Reactor& reactor, ServerRegistry& servers)
      : worker_(worker), host_(host), reactor_(reactor), servers_(servers) {}
  bool receive(uint64_t) override { return false; }
  bool deliver(uint64_t now_ns) override {
    const bool worked = !stopping() && host_.deliver(now_ns);
    look();
    return worked;
  }
  void transmit(uint64_t) override {}
  bool prepare_sleep(uint64_t& timeout_ns) override {
    if (stopping()) return false;
    if (waiting_for_tasks_) timeout_ns = std::min(timeout_ns, kPollNs);
    if (host_.has_work() && host_.ending() == Ending::kRunning) return false;
    const uint64_t now_ns = host_.core().clock.monotonic_ns();
    const uint64_t task_ns = host_.next_task_ns();
    if (task_ns <= now_ns) return false;
    timeout_ns = std::min(timeout_ns, task_ns - now_ns);
    return true;
  }

  void look() {
    servers_.step();
    waiting_for_tasks_ = false;
    if (stopping() || host_.ending() != Ending::kRunning) return reactor_.stop();
    if (host_.wants_to_live() || servers_.busy()) return;
    if (platform().worker_tasks() > 0) {
      waiting_for_tasks_ = true;
      return;
    }
    if (host_.wants_to_live()) return;
    host_.finish();
    if (host_.ending() != Ending::kRunning) reactor_.stop();
  }

 private:
  bool stopping() const { return worker_.stopping_.load(std::memory_order_relaxed); }
  WorkerThread& worker_;
  IsolateHost& host_;
  Reactor& reactor_;
  ServerRegistry& servers_;
  bool waiting_for_tasks_ = false;
};

void WorkerThread::set_processors(const cpu_set_t& set) {
  free_processors = set;
  free_processors_known = true;
}

uint32_t WorkerThread::next_number() { return ++numbers; }

WorkerThread::WorkerThread(IsolateHost& parent, WorkerOptions options, std::function<void()> on_ended)
    : options_(std::move(options)),
      on_ended_(std::move(on_ended)),
      configuration_(parent.core().configuration),
      index_(parent.core().index),
      count_(parent.core().count),
      image_(parent.image()) {
  image_.arguments = options_.arguments;
  image_.exec_arguments = options_.exec_arguments;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, options_.stack_bytes + kStackReserveBytes);
  SLUICE_ASSERT(pthread_create(&thread_, &attributes, run_thread, this) == 0);
  pthread_attr_destroy(&attributes);
}

WorkerThread::~WorkerThread() {
  stop();
  join();
}

void WorkerThread::stop() {
  std::lock_guard lock(mutex_);
  stopping_ = true;
  if (host_) host_->isolate()->TerminateExecution();
  if (waiter_) waiter_->wake();
}

bool WorkerThread::post(std::function<void(IsolateHost&)> task) {
  std::lock_guard lock(mutex_);
  return host_ && !stopping_ && host_->mailbox()->post(std::move(task));
}

void WorkerThread::join() {
  if (joined_) return;
  joined_ = true;
  pthread_join(thread_, nullptr);
}

void WorkerThread::processor_time(uint64_t& user_us, uint64_t& system_us) {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  const auto us = [](const timeval& time) {
    return static_cast<uint64_t>(time.tv_sec) * 1'000'000 + static_cast<uint64_t>(time.tv_usec);
  };
  user_us = us(usage.ru_utime);
  system_us = us(usage.ru_stime);
}

void* WorkerThread::run_thread(void* self) {
  auto& worker = *static_cast<WorkerThread*>(self);
  const auto top = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  worker.options_.limits.stack_limit = top - worker.options_.stack_bytes;
  worker.run();
  worker.on_ended_();
  return nullptr;
}

// What the worker's own JavaScript does before its program. False: it ended already.
bool WorkerThread::prepare(IsolateHost& host) {
  IsolateHost::Entry entry(host);
  v8::Isolate* isolate = host.isolate();
  v8::TryCatch caught(isolate);
  v8::Local<v8::Object> start;
  v8::Local<v8::Value> begin;
  if (host.builtin("internal/node/worker_start").ToLocal(&start) &&
      start->Get(host.context(), name_of(isolate, "begin")).ToLocal(&begin))
    std::ignore = begin.As<v8::Function>()->Call(host.context(), start, 0, nullptr);
  if (caught.HasCaught()) host.uncaught(caught);
  return host.ending() == Ending::kRunning;
}

void WorkerThread::run() {
  if (free_processors_known) pthread_setaffinity_np(pthread_self(), sizeof(free_processors), &free_processors);
  pthread_setname_np(pthread_self(), options_.name.substr(0, 15).c_str());
  kernel::HostClock own_clock;
  kernel::HostEntropy own_entropy;
  std::unique_ptr<kernel::EventWaiter> own_waiter;
  std::unique_ptr<Reactor> own_reactor;
  std::unique_ptr<NoNetwork> no_network;
  std::unique_ptr<CoreNetwork> network;
  std::unique_ptr<KernelNetwork> kernel_network;
  if (configuration_.transport == config::TransportKind::kKernel) {
    std::string error;
    kernel_network = std::make_unique<KernelNetwork>(configuration_);
    network = kernel_network->make_core(0, error);
  }
  if (!network) {
    own_waiter = std::make_unique<kernel::EventWaiter>();
    own_reactor = std::make_unique<Reactor>(own_clock, *own_waiter, PollMode::kAdaptive);
    no_network = std::make_unique<NoNetwork>();
  }
  Reactor& reactor = network ? network->reactor() : *own_reactor;
  Clock& clock = network ? network->clock() : own_clock;
  Entropy& entropy = network ? network->entropy() : own_entropy;
  transport::Transport& transport = network ? network->transport() : *no_network;
  ServerRegistry servers(reactor, clock, transport);
  CoreServices services{index_, count_, reactor, clock, entropy, transport, configuration_, servers};
  auto host = std::make_unique<IsolateHost>(services, image_, options_.limits);
  host->internals().worker = this;
  bool stopped;
  {
    std::lock_guard lock(mutex_);
    host_ = host.get();
    waiter_ = &reactor.waiter();
    stopped = stopping_;
  }
  Part part(*this, *host, reactor, servers);
  reactor.add(part);
  if (!stopped && prepare(*host)) host->start(options_.program);
  part.look();
  reactor.run();
  {
    std::lock_guard lock(mutex_);
    stopped = stopping_;
    stopping_ = true;
    host_ = nullptr;
    waiter_ = nullptr;
  }
  switch (host->ending()) {
    case Ending::kFinished:
    case Ending::kUncaught: exit_code_ = host->exit_code(); break;
    case Ending::kHeapLimit: out_of_memory_ = true; [[fallthrough]];
    default: exit_code_ = kExitTerminated; break;
  }
  servers.abandon(*host);
  host->teardown();
  servers.abort_all();
  services.script_network.reset();
  reactor.turn();  // what the teardown wrote
  if (network) network->leave();
  host.reset();
}

}  // namespace sluice::runtime
