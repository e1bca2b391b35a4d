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

bool DataCore::watches(int number) {
  std::lock_guard lock(host_mutex_);
  return host_ && (host_->watched_signals() >> number & 1);
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
        if (core.index_ == 0)
          core.process_.announce(scheme, local, core.services_->transport.name(), core.network_->driver());
      },
      this);
  {
    std::lock_guard lock(host_mutex_);
    services_.reset(new CoreServices{index_, static_cast<unsigned>(process_.cores().size()), reactor,
                                     network_->clock(), network_->entropy(), network_->transport(),
                                     process_.configuration(), *servers_});
  }
  if (cycles::enabled()) cycles::account.since = cycles::counter();
  reactor.add(*this);
  wait_for_addresses();
  set_host(make_host());
  // A process that was ended meanwhile does not begin.
  if (!lingering_) host_->start(process_.program());
  state_.store(State::kRunning, std::memory_order_release);
  process_.notify();
  look_after_host();
  reactor.run();

  candidate_.reset();
  retiring_.clear();
  if (cycles::enabled()) print_cycles();
  if (host_) host_->teardown();
  servers_->abort_all();
  services_->script_network.reset();
  reactor.turn();  // what the teardown wrote
  network_->leave();
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

void DataCore::wait_for_addresses() {
  uint32_t limit_ms = 0;
  std::string ports;
  for (const config::PortConfig& port : process_.configuration().ports) {
    if (!port.needs_servers()) continue;
    limit_ms = std::max(limit_ms, port.dhcp_wait_ms);
    ports += (ports.empty() ? "" : ", ") + port.title();
  }
  addresses_deadline_ns_ = services_->clock.monotonic_ns() + uint64_t{limit_ms} * kNanosecondsPerMillisecond;
  services_->reactor.run_while(
      [](void* context) {
        auto& core = *static_cast<DataCore*>(context);
        return !core.lingering_ && !core.network_->has_addresses() &&
               core.services_->clock.monotonic_ns() < core.addresses_deadline_ns_;
      },
      this);
  addresses_deadline_ns_ = 0;
  if (index_ == 0 && !lingering_ && !network_->has_addresses())
    std::fprintf(
        stderr, "%s: no address by DHCP within %u ms; the program begins without one, servers are asked on\n",
        ports.c_str(), limit_ms);
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
  if (now_ns >= linger_deadline_ns_ || (!servers_->busy() && services_->transport.open_streams() == 0))
    services_->reactor.stop();
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

void DataCore::after_sleep() {
  for (IsolateHost* host : {host_.get(), candidate_.get()})
    if (host) host->woken();
}

bool DataCore::prepare_sleep(uint64_t& timeout_ns) {
  if (lingering_ || draining_ || !retiring_.empty() || candidate_) timeout_ns = std::min(timeout_ns, kPollNs);
  if (restart_at_ns_) timeout_ns = std::min(timeout_ns, kPollNs);
  if (waiting_for_workers_) timeout_ns = std::min(timeout_ns, kNanosecondsPerMillisecond);
  const uint64_t now_ns = services_->clock.monotonic_ns();
  if (addresses_deadline_ns_ != 0)
    timeout_ns = std::min(timeout_ns, addresses_deadline_ns_ - std::min(now_ns, addresses_deadline_ns_));
  for (IsolateHost* host : {host_.get(), candidate_.get()}) {
    if (!host || lingering_) continue;
    if (host->has_work() && host->ending() == Ending::kRunning) return false;
    const uint64_t task_ns = host->next_task_ns();
    if (task_ns <= now_ns) return false;
    timeout_ns = std::min(timeout_ns, task_ns - now_ns);
    if (host->descriptors_ready(now_ns)) {
      host->woken();
      return false;
    }
  }
  return commands_.load(std::memory_order_relaxed) == 0 && !pages_.wanted();
}

}  // namespace sluice::runtime
