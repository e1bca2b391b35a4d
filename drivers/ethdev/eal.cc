// SPDX-License-Identifier: Apache-2.0
// Starting the EAL: the choice of memory, the command line, the log, and keeping threads where they belong.
#include "drivers/ethdev/eal.hh"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>

// AF_XDP's helpers talk to stderr unless told not to. Weak: they are linked only where their driver is.
extern "C" {
[[gnu::weak]] void* libbpf_set_print(void* function);
[[gnu::weak]] void* libxdp_set_print(void* function);
}

namespace sluice::ethdev {

namespace {

struct EalState {
  bool started = false;
  bool hugepages = false;
  EalRole role = EalRole::kAlone;
  bool verbose = false;
};
EalState state;

// The EAL logs from any of its threads.
std::mutex log_mutex;
std::string log_partial, log_line;
int log_rank = 0;

// How much a line tells: the first complaint says more than the chain of "failed to ..." that follows it.
int rank_of(const std::string& line) {
  if (line.find("mp action") != std::string::npos)
    return 0;  // said of every memif by processes that share nothing
  for (const char* word : {"annot", "ailed", "rror", "nvalid", "nable", "not ", "No "})
    if (line.find(word) != std::string::npos) return 2;
  return 1;
}

ssize_t log_write(void*, const char* text, size_t size) {
  const std::lock_guard<std::mutex> lock(log_mutex);
  if (state.verbose) std::fwrite(text, 1, size, stderr);
  log_partial.append(text, size);
  size_t end;
  while ((end = log_partial.find('\n')) != std::string::npos) {
    std::string line = log_partial.substr(0, end);
    log_partial.erase(0, end + 1);
    if (const int rank = rank_of(line); !line.empty() && rank > log_rank) {
      log_line = std::move(line);
      log_rank = rank;
    }
  }
  return static_cast<ssize_t>(size);
}

std::string cpu_list_of(const cpu_set_t& cpus) {
  std::string list;
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &cpus)) continue;
    if (!list.empty()) list += ',';
    list += std::to_string(cpu);
  }
  return list;
}

bool read_number(const std::string& path, uint64_t& value) {
  FILE* file = std::fopen(path.c_str(), "re");
  if (!file) return false;
  unsigned long long number = 0;
  const bool good = std::fscanf(file, "%llu", &number) == 1;
  std::fclose(file);
  value = number;
  return good;
}

bool has_port(const EalOptions& options, PortKind kind) {
  for (const PortSpec& port : options.ports)
    if (port.kind == kind) return true;
  return false;
}

// Pages of 2 MB that would cover the need, for the command in the error text.
std::string hugepage_advice(uint32_t memory_mb) {
  return "echo " + std::to_string((memory_mb + 1) / 2) +
         " > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages";
}

}  // namespace

uint64_t free_hugepage_bytes() {
  const std::string root = "/sys/kernel/mm/hugepages";
  DIR* directory = opendir(root.c_str());
  if (!directory) return 0;
  uint64_t total = 0;
  while (const dirent* entry = readdir(directory)) {
    unsigned long long kilobytes = 0;
    uint64_t pages = 0;
    if (std::sscanf(entry->d_name, "hugepages-%llukB", &kilobytes) == 1 &&
        read_number(root + "/" + entry->d_name + "/free_hugepages", pages))
      total += pages * kilobytes * 1024;
  }
  closedir(directory);
  return total;
}

std::vector<std::string> Eal::arguments(const EalOptions& options, bool hugepages,
                                        const std::string& cpu_list) {
  std::vector<std::string> list = {
      "sluice", "--no-telemetry", "--iova-mode=va", "--lcores",
      // Processes that share pools must not share a core number: pools cache by it.
      std::string(options.role == EalRole::kSecondary ? "1" : "0") + "@(" + cpu_list + ")"};
  if (!options.verbose) list.push_back("--log-level=*:warning");
  if (!hugepages) {
    // Not shared with anybody, so no configuration file either; the EAL refuses --in-memory here.
    list.insert(list.end(), {"--no-huge", "--no-shconf", "-m", std::to_string(options.memory_mb)});
  } else if (options.role == EalRole::kAlone) {
    list.push_back("--in-memory");
    // A vhost peer maps our memory by file descriptors, of which its protocol carries eight.
    if (has_port(options, PortKind::kVirtioUser)) list.push_back("--single-file-segments");
  } else {
    list.insert(list.end(), {"--proc-type", options.role == EalRole::kPrimary ? "primary" : "secondary",
                             "--file-prefix", options.group});
  }
  bool pci = false;
  for (const PortSpec& port : options.ports) {
    if (port.kind != PortKind::kPci) continue;
    pci = true;
    DeviceText device;
    make_device_text(port, false, device);
    list.insert(list.end(), {"-a", device.device + (device.arguments.empty() ? "" : "," + device.arguments)});
  }
  if (!pci) list.push_back("--no-pci");
  if (has_port(options, PortKind::kVirtioUser) && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl"))
    list.push_back("--force-max-simd-bitwidth=512");
  list.insert(list.end(), options.extra_arguments.begin(), options.extra_arguments.end());
  return list;
}

std::string Eal::start(const EalOptions& options) {
  if (state.started) return "";
  const uint64_t need = uint64_t{options.memory_mb} << 20;
  const uint64_t free = free_hugepage_bytes();
  bool hugepages = options.memory != EalMemory::kOrdinary && free >= need;
  if (options.role == EalRole::kSecondary) hugepages = true;  // it uses the primary's
  const char* why = options.memory == EalMemory::kHugepages ? "memory = hugepages"
                    : options.role == EalRole::kPrimary     ? "a ring wire between processes"
                    : has_port(options, PortKind::kPci)     ? "a PCI port"
                                                            : nullptr;
  if (!hugepages && why) {
    if (options.memory == EalMemory::kOrdinary)
      return std::string("packet memory: ") + why + " needs hugepages, but ordinary memory is asked for";
    return std::string("packet memory: ") + why + " needs " + std::to_string(options.memory_mb) +
           " MB of hugepages, " + std::to_string(free >> 20) +
           " MB are free: " + hugepage_advice(options.memory_mb);
  }

  // The EAL binds the calling thread to the cores of its list and starts its own threads on "the rest". So it is called
  // with the control CPUs as the whole world, and our affinity is put back afterwards.
  cpu_set_t before, control;
  pthread_getaffinity_np(pthread_self(), sizeof before, &before);
  control = before;
  if (!options.control_cpus.empty()) {
    CPU_ZERO(&control);
    for (const unsigned cpu : options.control_cpus) {
      if (cpu >= CPU_SETSIZE) return "control CPU " + std::to_string(cpu) + " does not exist";
      CPU_SET(cpu, &control);
    }
    if (pthread_setaffinity_np(pthread_self(), sizeof control, &control) != 0)
      return "control CPUs " + cpu_list_of(control) + " cannot be used: allowed are " + cpu_list_of(before);
    pthread_getaffinity_np(pthread_self(), sizeof control, &control);
  }

  state.verbose = options.verbose;
  cookie_io_functions_t functions{};
  functions.write = log_write;
  FILE* stream = fopencookie(nullptr, "w", functions);
  if (stream) {
    std::setvbuf(stream, nullptr, _IOLBF, 0);
    rte_openlog_stream(stream);
  }

  const std::vector<std::string> words = arguments(options, hugepages, cpu_list_of(control));
  std::vector<char*> argv;
  for (const std::string& word : words)
    argv.push_back(strdup(word.c_str()));  // the EAL keeps pointers to some
  argv.push_back(nullptr);
  // Fatal complaints of the EAL go to stderr as well as to the log, of which we give the gist.
  const int stderr_before = options.verbose ? -1 : fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
  if (stderr_before >= 0) {
    const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (null >= 0) {
      dup2(null, STDERR_FILENO);
      close(null);
    }
  }
  const int parsed = rte_eal_init(static_cast<int>(words.size()), argv.data());
  if (stderr_before >= 0) {
    dup2(stderr_before, STDERR_FILENO);
    close(stderr_before);
  }
  pthread_setaffinity_np(pthread_self(), sizeof before, &before);
  if (parsed < 0) {
    const int code = rte_errno;
    const std::string line = take_log_line();
    std::string text = "DPDK does not start";
    if (code != 0) text += " (" + std::string(rte_strerror(code)) + ")";
    if (!line.empty()) text += ": " + line;
    if (options.role == EalRole::kSecondary)
      text += "; is the primary process (group " + options.group + ") running?";
    return text;
  }
  take_log_line();
  if (!options.verbose && libbpf_set_print) libbpf_set_print(nullptr);
  if (!options.verbose && libxdp_set_print) libxdp_set_print(nullptr);
  state.started = true;
  state.hugepages = hugepages;
  state.role = options.role;

  // The tap driver has the kernel send a queued signal for each frame; when that queue overflows, the kernel falls back
  // to SIGIO, which by default ends the process.
  struct sigaction action {};
  if (sigaction(SIGIO, nullptr, &action) == 0 && action.sa_handler == SIG_DFL) {
    action.sa_handler = SIG_IGN;
    sigaction(SIGIO, &action, nullptr);
  }
  return "";
}

bool Eal::started() { return state.started; }
bool Eal::on_hugepages() { return state.hugepages; }
EalRole Eal::role() { return state.role; }

void Eal::stop() {
  if (!state.started) return;
  state.started = false;
  rte_eal_cleanup();
}

bool Eal::register_thread() {
  if (state.role != EalRole::kAlone) return false;
  return rte_lcore_id() != LCORE_ID_ANY || rte_thread_register() == 0;
}

void Eal::unregister_thread() {
  // The EAL's main thread keeps its number: it was not given by register_thread().
  if (state.role == EalRole::kAlone && rte_lcore_id() != rte_get_main_lcore()) rte_thread_unregister();
}

std::string Eal::take_log_line() {
  const std::lock_guard<std::mutex> lock(log_mutex);
  std::string line = std::move(log_line);
  log_line.clear();
  log_rank = 0;
  return line;
}

}  // namespace sluice::ethdev
