// SPDX-License-Identifier: Apache-2.0
// A data core: its thread, its network, the isolate that runs the program, and what happens to it: replaced when it runs
// away or its heap is full, changed for a new one at a reload, drained at the end.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/core/reactor.hh"
#include "runtime/core.hh"
#include "runtime/core_page.hh"
#include "runtime/isolate_host.hh"
#include "runtime/network/network.hh"
#include "runtime/server_registry.hh"

namespace sluice::runtime {

class Process;

class DataCore final : public ReactorPart {
 public:
  enum class State : uint8_t {
    kIdle,      // not launched
    kStarting,  // the program's first evaluation is under way
    kRunning,
    kEnded,  // see exit_code(), whole_process()
  };

  DataCore(Process& process, unsigned index, int processor);
  ~DataCore() override;

  // ---- control thread
  void launch();
  void join();
  State state() const { return state_.load(std::memory_order_acquire); }
  int exit_code() const { return exit_code_; }  // in kEnded
  bool ends_process() const {
    return ends_process_;
  }  // in kEnded: process.exit(), an uncaught error: the others stop too
  enum Command : uint32_t { kStop = 1, kSignal = 2 };  // kStop: ends at once
  void command(Command command);
  void signal(int number);  // hands a signal to the program
  CorePages& pages() { return pages_; }
  void wake();
  // Whether the program has a listener for the signal.
  bool watches(int number);
  // Looks at the entry under way; ends it when it is older than `limit_ns`.
  void watch(uint64_t now_ns, uint64_t limit_ns);
  // Ends whatever JavaScript is running (kStop while a script computes).
  void interrupt_script();
  unsigned index() const { return index_; }
  // The program serves, or has connections or requests of its own: it is worth draining and replacing.
  bool guarded() const { return guarded_.load(std::memory_order_relaxed); }

  // ---- ReactorPart
  bool receive(uint64_t now_ns) override;
  bool deliver(uint64_t now_ns) override;
  void transmit(uint64_t now_ns) override;
  bool prepare_sleep(uint64_t& timeout_ns) override;
  void after_sleep() override;

 private:
  // Replacements within kReplacementWindowNs before the process gives up, and the pause before each.
  static constexpr unsigned kReplacementLimit = 5;
  static constexpr uint64_t kReplacementWindowNs = 10 * kNanosecondsPerSecond;
  static constexpr uint64_t kReplacementPauseNs = 200 * kNanosecondsPerMillisecond;
  static constexpr uint64_t kPollNs =
      5 * kNanosecondsPerMillisecond;  // while something is waited for that wakes nobody
  static constexpr uint64_t kLingerNs = kNanosecondsPerSecond;  // for the last bytes of connections that end

  void run();
  // Turns until the ports have the addresses that they ask servers for, or have asked for long enough.
  void wait_for_addresses();
  std::unique_ptr<IsolateHost> make_host();
  void set_host(std::unique_ptr<IsolateHost> host);
  void retire(std::unique_ptr<IsolateHost>& host);
  void look_after_host();
  void replace(Ending ending);
  void restart();
  void begin_reload(uint64_t now_ns);
  void look_after_reload(uint64_t now_ns);
  void end(int exit_code, bool whole_process);
  void linger(uint64_t now_ns);
  void begin_drain(uint64_t now_ns);
  void look_after_drain();
  void fill_page();
  void print_cycles();
  std::string name() const;

  Process& process_;
  const unsigned index_;
  const int processor_;
  std::thread thread_;
  std::atomic<State> state_{State::kIdle};
  std::atomic<uint32_t> commands_{0};
  std::atomic<uint64_t> signals_{0};          // bit set
  std::atomic<bool> guarded_{false};          // the watchdog applies
  int exit_code_ = 0;
  bool ends_process_ = false;

  std::unique_ptr<CoreNetwork> network_;
  std::unique_ptr<CoreServices> services_;
  std::unique_ptr<ServerRegistry> servers_;
  std::mutex host_mutex_;  // for the watchdog, which looks at host_ from the control thread
  std::unique_ptr<IsolateHost> host_;
  std::unique_ptr<IsolateHost> candidate_;  // evaluates during a reload
  struct Retiring {
    std::unique_ptr<IsolateHost> host;
    uint64_t deadline_ns;
  };
  std::vector<Retiring> retiring_;
  uint64_t candidate_deadline_ns_ = 0;
  std::vector<uint64_t> replacements_ns_;
  uint64_t addresses_deadline_ns_ = 0;  // while addresses are waited for
  uint64_t restart_at_ns_ = 0;          // a replacement waits for its pause
  uint64_t requests_counted_ = 0;       // by servers that are gone
  bool waiting_for_workers_ = false;
  bool adopt_orphans_ =
      false;  // endpoints of the replaced isolate that nobody took are closed when evaluated
  bool draining_ = false, lingering_ = false, linger_begun_ = false, has_streams_ = false;
  uint64_t drain_deadline_ns_ = 0, linger_deadline_ns_ = 0;
  uint64_t interrupted_entry_ns_ = 0, interrupted_at_ns_ = 0;  // control thread
  CorePages pages_;
  struct Totals {
    uint64_t replaced_watchdog = 0, replaced_heap = 0, reloads = 0, reloads_failed = 0;
    // Of isolates that are gone.
    uint64_t entries = 0, events = 0, gc_count = 0, gc_ns = 0, uncaught = 0, rejections = 0;
  } totals_;
  void add_totals(const IsolateHost& host);
};

}  // namespace sluice::runtime
