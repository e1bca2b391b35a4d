// SPDX-License-Identifier: Apache-2.0
// DPDK's environment layer (EAL): started once per process, before any port is opened. It is told which memory to use and
// on which CPUs its own threads may run; the threads of Sluice it leaves where they are.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "drivers/ethdev/port_spec.hh"

namespace sluice::ethdev {

enum class EalMemory : uint8_t {
  kAuto,       // hugepages when enough are free, else ordinary pages
  kHugepages,  // or an error that says how to get them
  kOrdinary,   // no hugepages: slower (TLB), and not for PCI NICs
};

// kAlone shares nothing with other processes (not even files) and is the rule. Ring wires between processes need one
// primary and its secondaries, which share all DPDK memory; data threads cannot be registered then.
enum class EalRole : uint8_t { kAlone, kPrimary, kSecondary };

struct EalOptions {
  // The ports that will be opened: PCI devices must be known at start, the others only tell what the EAL needs.
  std::vector<PortSpec> ports;
  EalMemory memory = EalMemory::kAuto;
  uint32_t memory_mb = 256;            // for all pools of packet buffers and DPDK's own tables
  std::vector<unsigned> control_cpus;  // where EAL's threads run; empty: where the calling thread may run
  EalRole role = EalRole::kAlone;
  std::string group = "sluice";              // of a primary and its secondaries
  bool verbose = false;                      // DPDK's log to stderr
  std::vector<std::string> extra_arguments;  // appended to EAL's command line as they are
};

class Eal {
 public:
  // Starts the EAL. Returns "" or one line: what failed, the value, the way out. A second call does nothing and returns
  // "" (the options of the first stand). Main thread; its CPU affinity is as before afterwards.
  static std::string start(const EalOptions& options);
  static bool started();
  static bool on_hugepages();
  static EalRole role();
  // After all ports are closed. The EAL cannot be started again in this process.
  static void stop();

  // Each data thread calls this first and unregister_thread() last, so that DPDK's per-core caches work for it.
  // Not possible with other processes attached: returns false, and the thread works without those caches.
  static bool register_thread();
  static void unregister_thread();

  // The most telling line that DPDK logged since the last call, "" when there was none: for error texts.
  static std::string take_log_line();

  // The command line that start() would use. For tests and `sluice doctor`.
  static std::vector<std::string> arguments(const EalOptions& options, bool hugepages,
                                            const std::string& cpu_list);
};

// Bytes of hugepages that are free for the taking on this machine.
uint64_t free_hugepage_bytes();

}  // namespace sluice::ethdev
