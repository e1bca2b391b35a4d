// SPDX-License-Identifier: Apache-2.0
// A run of a program: the control core (the main thread) with its signals, watchdog and admin endpoint, and the data cores.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "dataplane/core/reactor.hh"
#include "runtime/config/config.hh"
#include "runtime/data_core.hh"
#include "runtime/isolate_host.hh"
#include "runtime/network/network.hh"
#include "runtime/server_registry.hh"

namespace sluice::runtime {

class Metrics;

// What main() knows and the runtime does not.
struct ProgramParts {
  std::span<const BuiltinModule> builtins;  // jsapi's
  std::span<const NativeModule> natives;
  const char* snapshot = nullptr;  // of runtime_builtins() and `builtins`; nullptr: none
  size_t snapshot_bytes = 0;
  std::string executable;
  std::string first_argument;  // as the caller named the program
};

// Exit codes of the runtime itself.
inline constexpr int kExitGaveUp =
    70;  // the isolate had to be replaced too often, or was not worth replacing
inline constexpr int kExitConfiguration = 2;  // nothing was started
inline constexpr int kExitBadOption = 9;      // the same, as Node says it

class Process final : private ChosenPorts {
 public:
  Process(const config::Configuration& configuration, const ProgramParts& parts);
  ~Process() override;
  // Runs the program to its end; returns the exit code. Main thread.
  int run();

  const config::Configuration& configuration() const { return configuration_; }
  const RuntimeImage& image() const { return image_; }
  const Program& program() const { return program_; }
  Network& network() { return *network_; }
  ChosenPorts* chosen_ports() { return this; }
  const std::vector<std::unique_ptr<DataCore>>& cores() const { return cores_; }
  // A core's state changed. Any thread.
  void notify() { control_reactor_->waiter().wake(); }
  // Says where an endpoint of the first core listens, once all cores have run the program. Any thread.
  void announce(const char* scheme, const Endpoint& local, const char* transport, const char* driver);

 private:
  class Control;
  void print_announcements();
  uint16_t find(const std::string& key) override;
  void remember(const std::string& key, uint16_t port) override;
  bool pin_and_place(std::string& error);
  void on_signal(int number);
  void step();
  void stop_cores(DataCore::Command command);

  const config::Configuration& configuration_;
  RuntimeImage image_;
  v8::StartupData snapshot_{nullptr, 0};
  Program program_;
  std::unique_ptr<Network> network_;
  std::unique_ptr<CoreNetwork> admin_network_;  // with an admin endpoint: the control core's own sockets
  std::unique_ptr<Clock> control_clock_;
  std::unique_ptr<Waiter> control_waiter_;
  std::unique_ptr<Reactor> own_reactor_;
  Reactor* control_reactor_ = nullptr;
  std::unique_ptr<Control> control_;
  std::unique_ptr<Metrics> metrics_;
  std::vector<std::unique_ptr<DataCore>> cores_;
  std::vector<int> processors_;
  std::mutex ports_mutex_;
  std::mutex announcements_mutex_;
  std::string announcements_;  // lines not printed yet
  std::map<std::string, uint16_t> ports_;
  bool launched_all_ = false, stopping_ = false, draining_ = false;
  int exit_code_ = 0;
  bool exit_code_known_ = false;
  int fatal_signal_ = 0;
};

// The whole of it, for main().
int run_program(const config::Configuration& configuration, const ProgramParts& parts);

}  // namespace sluice::runtime
