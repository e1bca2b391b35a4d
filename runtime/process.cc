// SPDX-License-Identifier: Apache-2.0
#include "runtime/process.hh"

#include <sched.h>
#include <signal.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "dataplane/core/cycles.hh"
#include "drivers/kernel/event_waiter.hh"
#include "drivers/kernel/host_clock.hh"
#include "runtime/builtins.hh"
#include "runtime/capture/capture.hh"
#include "runtime/config/node_options.hh"
#include "runtime/host_internals.hh"
#include "runtime/metrics.hh"
#include "runtime/network/kernel_network.hh"
#include "runtime/platform.hh"
#include "runtime/process_signals.hh"
#include "runtime/worker_thread.hh"

namespace sluice::runtime {

// The control core's part in its reactor: signals, the cores' states, the watchdog's rounds.
class Process::Control final : public ReactorPart {
 public:
  Control(Process& process, Clock& clock) : process_(process), clock_(clock) {
    round_.fire = [](Timer& timer, uint64_t now_ns) {
      Control& control = *static_cast<Round&>(timer).control;
      const uint64_t limit_ns = control.limit_ns();
      for (const auto& core : control.process_.cores_) core->watch(now_ns, limit_ns);
      control.arm(now_ns);
    };
    round_.control = this;
    if (limit_ns()) arm(clock.monotonic_ns());
  }
  bool receive(uint64_t now_ns) override {
    bool any = false;
    while (const int number = next_signal()) {
      process_.on_signal(number);
      any = true;
    }
    process_.step();
    if (process_.metrics_) process_.metrics_->step(now_ns);
    return any;
  }
  void transmit(uint64_t) override {}
  bool prepare_sleep(uint64_t& timeout_ns) override {
    if (process_.metrics_ && process_.metrics_->waiting())
      timeout_ns = std::min<uint64_t>(timeout_ns, 10 * kNanosecondsPerMillisecond);
    return true;
  }

 private:
  struct Round : Timer {
    Control* control;
  };
  uint64_t limit_ns() const {
    return process_.configuration_.isolate.watchdog_ms * kNanosecondsPerMillisecond;
  }
  void arm(uint64_t now_ns) {
    process_.control_reactor_->timers().arm(
        round_,
        now_ns + std::clamp<uint64_t>(limit_ns() / 4, kNanosecondsPerMillisecond, kNanosecondsPerSecond));
  }
  Process& process_;
  Clock& clock_;
  Round round_{};
};

namespace {

std::vector<int> allowed_processors() {
  std::vector<int> list;
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0)
    for (int processor = 0; processor < CPU_SETSIZE; ++processor)
      if (CPU_ISSET(static_cast<unsigned>(processor), &set)) list.push_back(processor);
  return list;
}

uint64_t read_cycle_counter() {
#if defined(__x86_64__)
  return __rdtsc();
#else
  return 0;
#endif
}

std::string read_stdin() {
  std::string text;
  char piece[65536];
  ssize_t count;
  while ((count = ::read(0, piece, sizeof(piece))) > 0) text.append(piece, static_cast<size_t>(count));
  return text;
}

}  // namespace

Process::Process(const config::Configuration& configuration, const ProgramParts& parts)
    : configuration_(configuration) {
  for (const BuiltinModule& module : runtime_builtins()) image_.builtins.push_back(module);
  image_.builtins.insert(image_.builtins.end(), parts.builtins.begin(), parts.builtins.end());
  image_.natives = runtime_natives();
  image_.natives.insert(image_.natives.end(), parts.natives.begin(), parts.natives.end());
  if (parts.snapshot) {
    snapshot_ = {parts.snapshot, static_cast<int>(parts.snapshot_bytes)};
    image_.snapshot = &snapshot_;
  }
  image_.executable = parts.executable;
  image_.exec_arguments = configuration.exec_arguments;
  image_.node_options = configuration.node_options;
  image_.environment_options = config::environment_options();
  image_.first_argument = parts.first_argument;
  image_.arguments = {parts.executable};
  switch (configuration.command) {
    case config::Command::kFile: {
      program_ = {Program::Kind::kFile, configuration.program};
      std::string path = configuration.program;
      char buffer[PATH_MAX];
      if (::realpath(path.c_str(), buffer)) path = buffer;
      image_.arguments.push_back(path);
      break;
    }
    case config::Command::kEval: program_ = {Program::Kind::kEval, configuration.code}; break;
    case config::Command::kPrint: program_ = {Program::Kind::kPrint, configuration.code}; break;
    case config::Command::kBuiltIn: program_ = {Program::Kind::kBuiltIn, configuration.program}; break;
    default:
      program_ = {Program::Kind::kStdin, read_stdin()};
      if (configuration.command == config::Command::kStdin) image_.arguments.push_back("-");
      break;
  }
  image_.arguments.insert(image_.arguments.end(), configuration.arguments.begin(),
                          configuration.arguments.end());
}

Process::~Process() = default;

// Data cores get processors of their own as far as there are; the main thread, and with it V8's workers, takes one of the
// others.
bool Process::pin_and_place(std::string&) {
  const std::vector<int> allowed = allowed_processors();
  processors_.assign(configuration_.cores.count, -1);
  int control = -1;
  if (!configuration_.cores.list.empty()) {
    for (size_t i = 0; i < processors_.size() && i < configuration_.cores.list.size(); ++i)
      processors_[i] = static_cast<int>(configuration_.cores.list[i]);
    for (const int processor : allowed) {
      if (std::find(processors_.begin(), processors_.end(), processor) != processors_.end()) continue;
      control = processor;
      break;
    }
  } else if (allowed.size() > configuration_.cores.count) {
    control = allowed[0];
    for (size_t i = 0; i < processors_.size(); ++i) processors_[i] = allowed[i + 1];
  } else if (!allowed.empty()) {
    for (size_t i = 0; i < processors_.size(); ++i) processors_[i] = allowed[i % allowed.size()];
  }
  // Workers keep off the data cores' processors, as far as there are others.
  cpu_set_t others;
  CPU_ZERO(&others);
  for (const int processor : allowed)
    if (std::find(processors_.begin(), processors_.end(), processor) == processors_.end())
      CPU_SET(static_cast<unsigned>(processor), &others);
  if (CPU_COUNT(&others) == 0)
    for (const int processor : allowed) CPU_SET(static_cast<unsigned>(processor), &others);
  WorkerThread::set_processors(others);
  if (control >= 0) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<unsigned>(control), &set);
    sched_setaffinity(0, sizeof(set), &set);
  }
  return true;
}

uint16_t Process::find(const std::string& key) {
  std::lock_guard lock(ports_mutex_);
  const auto known = ports_.find(key);
  return known == ports_.end() ? 0 : known->second;
}

void Process::remember(const std::string& key, uint16_t port) {
  std::lock_guard lock(ports_mutex_);
  ports_[key] = port;
}

void Process::announce(const char* scheme, const Endpoint& local, const char* transport, const char* driver) {
  const unsigned cores = configuration_.cores.count;
  std::string text = "listening on " + std::string(scheme) + "://" + local.to_string() + " (" + transport +
                     " transport, " + driver + ", " + std::to_string(cores) +
                     (cores == 1 ? " core)\n" : " cores)\n");
  const bool bypass = configuration_.transport == config::TransportKind::kBypass;
  const bool inside =
      local.address.is_v4() ? local.address.v4() >> 24 == 127 : local.address == IpAddress::parse("::1");
  if (bypass && inside) {
    // Our stack has no part in the host's loopback interface.
    std::string where;
    for (const config::PortConfig& port : configuration_.ports)
      for (const config::Prefix& own : port.addresses)
        where += (where.empty() ? "" : ", ") + std::string(scheme) + "://" +
                 Endpoint{own.address, local.port}.to_string();
    text += "  " + local.address.to_string() + " is inside this process only, on the bypass transport" +
            (where.empty() ? "" : "; a program that listens on all addresses (::) is reachable at " + where) +
            "\n";
  }
  {
    std::lock_guard lock(announcements_mutex_);
    announcements_ += text;
  }
  if (cores == 1) print_announcements();
  notify();
}

// On bypass a connection comes to the core that its addresses lead to, and is refused there as long as that core has not
// come so far: so nobody is told of the first core's listening before the others have run the program, too.
void Process::print_announcements() {
  std::lock_guard lock(announcements_mutex_);
  std::fputs(announcements_.c_str(), stderr);
  announcements_.clear();
}

void Process::stop_cores(DataCore::Command command) {
  stopping_ = true;
  for (const auto& core : cores_) {
    if (core->state() == DataCore::State::kIdle || core->state() == DataCore::State::kEnded) continue;
    core->command(command);
    core->interrupt_script();
  }
}

// A listener of the program decides. Without one SIGTERM drains and SIGHUP reloads a program that serves; one that does not
// is ended by either, as by SIGINT and by a second SIGTERM.
void Process::on_signal(int number) {
  bool listening = false, serving = false;
  for (const auto& core : cores_) {
    listening |= core->watches(number);
    serving |= core->guarded();
  }
  const bool fatal =
      number == SIGINT || (number == SIGTERM && (draining_ || !serving)) || (number == SIGHUP && !serving);
  if (fatal && !listening) {
    fatal_signal_ = number;
    stop_cores(DataCore::kStop);
    return;
  }
  if (number == SIGTERM && !listening) draining_ = true;
  for (const auto& core : cores_)
    if (core->state() == DataCore::State::kRunning || core->state() == DataCore::State::kStarting)
      core->signal(number);
}

void Process::step() {
  bool all_ended = true, all_up = true;
  for (const auto& core : cores_) {
    const DataCore::State state = core->state();
    all_up = all_up && state != DataCore::State::kIdle && state != DataCore::State::kStarting;
    if (!launched_all_ &&
        (state == DataCore::State::kRunning || (state == DataCore::State::kEnded && !core->ends_process()))) {
      // The first core has chosen the ports by now.
      launched_all_ = true;
      for (const auto& other : cores_)
        if (other->state() == DataCore::State::kIdle && !stopping_) other->launch();
    }
    if (state == DataCore::State::kEnded) {
      if (core->exit_code() != 0 && !exit_code_known_) {
        exit_code_ = core->exit_code();
        exit_code_known_ = true;
      }
      if (core->ends_process() && !stopping_) {
        exit_code_ = core->exit_code();
        exit_code_known_ = true;
        stop_cores(DataCore::kStop);
      }
    } else if (state != DataCore::State::kIdle || !stopping_) {
      all_ended = false;
    }
  }
  if (all_up) print_announcements();
  // A core that ended before it ran leaves the others unlaunched.
  if (!launched_all_ && cores_[0]->state() == DataCore::State::kEnded) all_ended = true;
  if (all_ended) control_reactor_->stop();
}

int Process::run() {
  std::string error;
  pin_and_place(error);
  if (configuration_.isolate.account_cycles) cycles::counter = read_cycle_counter;
  // Two workers: concurrent marking and compilation beside a job of the collector.
  start_v8(2, configuration_.v8_flags.c_str());
  for (const std::string& note : configuration_.notes) std::fprintf(stderr, "sluice: %s\n", note.c_str());
  ::signal(SIGPIPE, SIG_IGN);
  network_ = Network::open(configuration_, error);
  if (!network_) {
    std::fprintf(stderr, "sluice: %s\n", error.c_str());
    return kExitConfiguration;
  }
  if (!configuration_.capture.empty()) {
    Capture* const capture = network_->capture();
    CaptureRequest request;
    error = parse_capture(configuration_.capture, request);
    if (capture == nullptr)
      error =
          "--capture: the kernel transport has no ports of ours; tcpdump captures there, or say --transport "
          "bypass";
    if (error.empty()) error = capture->start(request, true);
    if (!error.empty()) {
      std::fprintf(stderr, "sluice: %s\n", error.c_str());
      return kExitConfiguration;
    }
  }
  // Not before: a port may wait for its other end to come, and until then a signal simply ends the process.
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) deliver_signal_to_control(number);
  Clock* clock;
  config::Configuration admin_configuration;
  if (configuration_.admin) {
    admin_configuration = configuration_;
    admin_configuration.transport = config::TransportKind::kKernel;
    admin_configuration.poll = config::PollMode::kAdaptive;
    admin_network_ = KernelNetwork(admin_configuration).make_core(0, error);
    if (!admin_network_) {
      std::fprintf(stderr, "sluice: %s\n", error.c_str());
      return kExitConfiguration;
    }
    control_reactor_ = &admin_network_->reactor();
    clock = &admin_network_->clock();
    metrics_ = std::make_unique<Metrics>(*this, *control_reactor_, *clock, admin_network_->transport());
    error = metrics_->listen(*configuration_.admin);
    if (!error.empty()) {
      std::fprintf(stderr, "sluice: %s\n", error.c_str());
      return kExitConfiguration;
    }
    std::fprintf(stderr, "metrics on http://%s/metrics\n", metrics_->local().to_string().c_str());
  } else {
    control_clock_ = std::make_unique<kernel::HostClock>();
    control_waiter_ = std::make_unique<kernel::EventWaiter>();
    own_reactor_ = std::make_unique<Reactor>(*control_clock_, *control_waiter_, PollMode::kAdaptive);
    control_reactor_ = own_reactor_.get();
    clock = control_clock_.get();
  }
  control_ = std::make_unique<Control>(*this, *clock);
  control_reactor_->add(*control_);
  control_reactor_->waiter().watch(signal_descriptor());
  for (unsigned index = 0; index < configuration_.cores.count; ++index)
    cores_.push_back(std::make_unique<DataCore>(*this, index, processors_[index]));
  cores_[0]->launch();
  control_reactor_->run();
  for (const auto& core : cores_) core->join();
  control_reactor_->waiter().unwatch(signal_descriptor());
  metrics_.reset();
  cores_.clear();
  network_.reset();
  if (fatal_signal_) {
    // The caller is to see what ended the process.
    ::signal(fatal_signal_, SIG_DFL);
    ::raise(fatal_signal_);
  }
  return exit_code_;
}

int run_program(const config::Configuration& configuration, const ProgramParts& parts) {
  Process process(configuration, parts);
  return process.run();
}

}  // namespace sluice::runtime
