// SPDX-License-Identifier: Apache-2.0
// What is found, in words, with what mends it; and what follows for each transport.
#include "runtime/doctor/doctor.hh"

#include <fcntl.h>
#include <linux/io_uring.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <sstream>

#include "runtime/config/config.hh"
#include "runtime/doctor/cards.hh"
#include "runtime/doctor/machine.hh"

namespace sluice::doctor {

namespace {

constexpr uint64_t kWantedHugeMb = 1024;         // of hugepages for bypass: buffers of a few ports
constexpr uint64_t kLeastHugeMb = 256;           // below it the EAL does not start with its default
constexpr uint64_t kWantedOpenFiles = 65'536;    // connections of the kernel transport and their files
constexpr uint64_t kWantedLockedKb = 64 * 1024;  // io_uring's rings and VFIO's mappings
constexpr uint64_t kWantedSomaxconn = 4096;      // the kernel's accept queue

// capabilities(7)
enum Capability : unsigned { kNetAdmin = 12, kNetRaw = 13, kIpcLock = 14, kSysRawio = 17, kSysAdmin = 21 };

class Examination {
 public:
  explicit Examination(const Environment& environment)
      : environment_(environment), machine_(environment.root) {
    capabilities_ = machine_.capabilities();
  }

  Report run() {
    processors();
    memory();
    cards();
    iommu();
    virtual_ports();
    crypto();
    permissions();
    kernel_transport();
    exception_path();
    verdicts();
    return std::move(report_);
  }

 private:
  void section(std::string title) { report_.sections.push_back(Section{std::move(title), {}}); }
  void add(Level level, std::string text, std::string mend = "") {
    report_.sections.back().findings.push_back(Finding{level, std::move(text), std::move(mend)});
  }
  bool can(Capability capability) const { return capabilities_ >> capability & 1; }

  void processors() {
    section("Processors");
    const std::string online = machine_.line("/sys/devices/system/cpu/online");
    processors_ = std::max(1u, count_list(online));
    const std::string model = machine_.field("/proc/cpuinfo", "model name");
    add(Level::kGood, std::to_string(processors_) + " online" + (online.empty() ? "" : " (" + online + ")") +
                          (model.empty() ? "" : ", " + model));
    if (processors_ == 1)
      add(Level::kNote, "with a single processor, control and data share it: latency will suffer");
    const std::string isolated = machine_.line("/sys/devices/system/cpu/isolated");
    if (!isolated.empty()) {
      add(Level::kGood, "isolated from the scheduler: " + isolated);
    } else if (processors_ > 1) {
      const std::string data = processors_ == 2 ? "1" : "1-" + std::to_string(processors_ - 1);
      add(Level::kNote, "no processor is isolated; data cores run steadier on isolated ones",
          kernel_parameters("isolcpus=" + data + " nohz_full=" + data + " rcu_nocbs=" + data));
    }
    const std::string governor = machine_.line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
    if (!governor.empty() && governor != "performance")
      add(Level::kNote, "the frequency governor is " + governor + "; " + "performance keeps latency even",
          machine_.as_root("cpupower frequency-set -g performance"));
    unsigned nodes = 0;
    std::string described;
    for (const std::string& name : machine_.list("/sys/devices/system/node")) {
      if (name.rfind("node", 0) != 0 || name.find_first_not_of("0123456789", 4) != std::string::npos)
        continue;
      ++nodes;
      described += (described.empty() ? "" : "; ") + name.substr(4) + " has processors " +
                   machine_.line("/sys/devices/system/node/" + name + "/cpulist");
    }
    if (nodes > 1)
      add(Level::kGood,
          std::to_string(nodes) + " NUMA nodes: " + described + "; choose data cores on the card's node");
    else
      add(Level::kGood, "one NUMA node");
  }

  std::string kernel_parameters(const std::string& parameters) const {
    return "add " + parameters +
           " to GRUB_CMDLINE_LINUX in /etc/default/grub, then: " + machine_.as_root("update-grub") + " && " +
           machine_.as_root("reboot");
  }

  void memory() {
    section("Hugepages");
    uint64_t total_mb = 0, free_mb = 0;
    for (const std::string& size : machine_.list("/sys/kernel/mm/hugepages")) {
      const std::string path = "/sys/kernel/mm/hugepages/" + size;
      uint64_t kb = 0;
      if (std::sscanf(size.c_str(), "hugepages-%lukB", &kb) != 1 || kb == 0) continue;
      const uint64_t total = machine_.number(path + "/nr_hugepages"),
                     free = machine_.number(path + "/free_hugepages");
      if (total == 0) continue;
      total_mb += total * kb / 1024;
      free_mb += free * kb / 1024;
      add(free ? Level::kGood : Level::kNote,
          std::to_string(total) + " of " +
              (kb >= 1 << 20 ? std::to_string(kb >> 20) + " GB" : std::to_string(kb >> 10) + " MB") + ", " +
              std::to_string(free) + " free");
    }
    const std::string path = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages";
    has_hugepages_ = free_mb >= kLeastHugeMb;
    if (!has_hugepages_) {
      const uint64_t pages = (total_mb - free_mb + kWantedHugeMb) / 2;
      add(Level::kMissing,
          total_mb == 0 ? "none are reserved: a network card needs them, virtual ports run slower without"
                        : std::to_string(free_mb) + " MB are free; bypass wants " +
                              std::to_string(kWantedHugeMb) + " MB",
          machine_.write(std::to_string(pages), path));
    } else if (free_mb < kWantedHugeMb) {
      add(Level::kNote,
          std::to_string(free_mb) + " MB are free: enough for one port; " + std::to_string(kWantedHugeMb) +
              " MB leave room",
          machine_.write(std::to_string((total_mb - free_mb + kWantedHugeMb) / 2), path));
    }
  }

  void cards() {
    section("Network cards");
    cards_ = network_cards(machine_);
    if (cards_.empty())
      add(Level::kNote, "no PCI network card; bypass runs on virtual ports here (tap, af_packet, af_xdp)");
    for (const Card& card : cards_) {
      std::string text =
          card.address + " " + (card.name.empty() ? card.id : card.name + " [" + card.id + "]");
      for (const std::string& name : card.interfaces) text += ", " + name;
      text += card.driver.empty() ? ", no driver" : ", driver " + card.driver;
      if (card.numa_node >= 0) text += ", NUMA node " + std::to_string(card.numa_node);
      if (card.virtual_function) text += ", virtual function";
      if (ready_for_dpdk(card)) {
        ready_cards_ += !card.carries_default_route;
        add(Level::kGood, text + ": ready (--port " + card.address + ",address=ADDRESS/LENGTH)");
        if (card.carries_default_route)
          add(Level::kNote, card.address + " carries this machine's default route: keep it for the kernel");
      } else if (card.pmd.empty()) {
        add(Level::kNote,
            text + ": no DPDK driver of ours takes it; use af_packet or af_xdp on its interface");
      } else if (card.carries_default_route) {
        add(Level::kNote,
            text + ": carries this machine's default route; taking it would cut the machine off");
      } else {
        std::string mend;
        for (const std::string& name : card.interfaces)
          mend += machine_.as_root("ip link set " + name + " down") + " && ";
        mend += machine_.as_root("dpdk-devbind.py --bind=vfio-pci " + card.address);
        ++bindable_cards_;
        add(Level::kMissing, text + ": " + card.pmd + " could take it, but it belongs to the kernel", mend);
      }
    }
  }

  void iommu() {
    section("IOMMU and VFIO");
    const bool groups = !machine_.list("/sys/kernel/iommu_groups").empty();
    const std::string cmdline = machine_.line("/proc/cmdline");
    const bool intel = machine_.field("/proc/cpuinfo", "vendor_id") == "GenuineIntel";
    const bool wanted = !cards_.empty();
    const Level lacking = wanted ? Level::kMissing : Level::kNote;
    const bool no_iommu = machine_.line("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode") == "Y";
    const bool vfio =
        machine_.exists("/sys/module/vfio_pci") || machine_.exists("/sys/bus/pci/drivers/vfio-pci");
    if (groups) {
      add(Level::kGood, std::to_string(machine_.list("/sys/kernel/iommu_groups").size()) + " IOMMU groups");
    } else if (machine_.field("/proc/cpuinfo", "flags").find("hypervisor") != std::string::npos) {
      add(no_iommu ? Level::kNote : lacking,
          no_iommu ? "no IOMMU, as usual in a virtual machine; VFIO runs without (unsafe)"
                   : "no IOMMU, as usual in a virtual machine; VFIO can do without, unsafely",
          no_iommu ? ""
                   : machine_.as_root("modprobe vfio enable_unsafe_noiommu_mode=1") + " && " +
                         machine_.write("1", "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode"));
    } else {
      const bool asked = cmdline.find("iommu=on") != std::string::npos;
      add(lacking, asked ? "no IOMMU, though the kernel's command line asks for it" : "the IOMMU is off",
          asked ? "switch on VT-d or AMD-Vi in the setup of the firmware"
                : kernel_parameters(intel ? "intel_iommu=on iommu=pt" : "amd_iommu=on iommu=pt"));
    }
    if (vfio)
      add(Level::kGood, "vfio-pci is loaded");
    else
      add(lacking, "vfio-pci is not loaded", machine_.as_root("modprobe vfio-pci"));
    vfio_ready_ = vfio && (groups || no_iommu);
  }

  void virtual_ports() {
    section("Virtual ports");
    has_tun_ = machine_.exists("/dev/net/tun");
    if (has_tun_)
      add(Level::kGood, "/dev/net/tun: tap ports");
    else
      add(Level::kMissing, "no /dev/net/tun: no tap ports",
          machine_.as_root("modprobe tun") + " && { test -c /dev/net/tun || { " +
              machine_.as_root("mkdir -p /dev/net") + " && " +
              machine_.as_root("mknod /dev/net/tun c 10 200") + "; }; }");
    std::string names;
    for (const std::string& name : machine_.list("/sys/class/net"))
      if (name != "lo") names += (names.empty() ? "" : ", ") + name;
    if (names.empty())
      add(Level::kNote, "no interface for af_packet or af_xdp");
    else
      add(Level::kGood, "interfaces for af_packet and af_xdp: " + names);
  }

  void crypto() {
    section("Accelerators");
    const std::vector<Card> qat = accelerators(machine_);
    if (qat.empty()) add(Level::kNote, "no QAT device: TLS runs on the processor");
    for (const Card& card : qat)
      add(Level::kGood, card.address + " " + card.name +
                            (card.virtual_function ? " (virtual function)" : "") +
                            (card.driver.empty() ? ", no driver" : ", driver " + card.driver));
    std::istringstream words(machine_.field("/proc/cpuinfo", "flags"));
    std::vector<std::string> flags;
    for (std::string word; words >> word;) flags.push_back(word);
    const auto has = [&](const char* flag) {
      return std::find(flags.begin(), flags.end(), flag) != flags.end();
    };
    const std::pair<const char*, const char*> wanted[] = {
        {"aes", "AES-NI"},      {"pclmulqdq", "CLMUL"},
        {"vaes", "VAES"},       {"vpclmulqdq", "VPCLMUL"},
        {"sha_ni", "SHA"},      {"avx2", "AVX2"},
        {"avx512f", "AVX-512"}, {"avx512ifma", "IFMA (RSA and ECDSA in batches)"}};
    std::string there, lacking;
    for (const auto& [flag, name] : wanted)
      (has(flag) ? there : lacking) +=
          ((has(flag) ? there : lacking).empty() ? "" : ", ") + std::string(name);
    if (!there.empty()) add(Level::kGood, "the processor has " + there);
    if (!lacking.empty()) add(Level::kNote, "the processor lacks " + lacking);
  }

  void permissions() {
    section("Permissions");
    const std::pair<Capability, const char*> wanted[] = {{kNetAdmin, "cap_net_admin"},
                                                         {kNetRaw, "cap_net_raw"},
                                                         {kIpcLock, "cap_ipc_lock"},
                                                         {kSysRawio, "cap_sys_rawio"}};
    std::string there, lacking;
    for (const auto& [capability, name] : wanted)
      (can(capability) ? there : lacking) +=
          ((can(capability) ? there : lacking).empty() ? "" : ",") + std::string(name);
    if (machine_.is_root()) add(Level::kGood, "running as root");
    if (!there.empty()) add(Level::kGood, "capabilities: " + there);
    may_network_ = can(kNetAdmin) && can(kNetRaw);
    if (lacking.empty()) return;
    if (machine_.is_root())
      add(may_network_ ? Level::kNote : Level::kMissing, "this root lacks " + lacking + ", as in a container",
          "start the container with " + as_container_flags(lacking));
    else
      add(may_network_ ? Level::kNote : Level::kMissing, "for bypass the program lacks " + lacking,
          "sudo setcap cap_net_admin,cap_net_raw,cap_ipc_lock,cap_sys_rawio+ep " + environment_.program);
  }

  static std::string as_container_flags(const std::string& capabilities) {
    std::string flags;
    std::istringstream names(capabilities);
    for (std::string name; std::getline(names, name, ',');) {
      std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::toupper(c); });
      flags += (flags.empty() ? "--cap-add=" : " --cap-add=") + name.substr(4);
    }
    return flags;
  }

  void kernel_transport() {
    section("Kernel transport");
    const std::string disabled = machine_.line("/proc/sys/kernel/io_uring_disabled");
    if (environment_.io_uring_error == 0) {
      add(Level::kGood, "io_uring works");
    } else if (environment_.io_uring_error == ENOSYS) {
      add(Level::kNote, "this kernel has no io_uring: epoll is used, which costs more per request");
    } else if (disabled == "1" || disabled == "2") {
      add(Level::kNote,
          "io_uring is switched off (kernel.io_uring_disabled=" + disabled +
              "): epoll is used, which costs more per request",
          machine_.as_root("sysctl -w kernel.io_uring_disabled=0"));
    } else {
      add(Level::kNote,
          std::string("io_uring is forbidden (") + std::strerror(environment_.io_uring_error) +
              "): epoll is used, which costs more per request",
          "a seccomp filter usually forbids it: allow io_uring_setup, io_uring_enter and io_uring_register "
          "in the container's profile");
    }
    const uint64_t files = machine_.limit("Max open files");
    if (files >= kWantedOpenFiles)
      add(Level::kGood,
          files == UINT64_MAX ? "open files: unlimited" : "open files: " + std::to_string(files));
    else
      add(Level::kNote,
          "open files: " + std::to_string(files) + ", and each connection of the kernel transport is one",
          "ulimit -n 1048576 (in a unit of systemd: LimitNOFILE=1048576)");
    const uint64_t locked = machine_.limit("Max locked memory");
    if (locked == UINT64_MAX || locked / 1024 >= kWantedLockedKb)
      add(Level::kGood, locked == UINT64_MAX ? "locked memory: unlimited"
                                             : "locked memory: " + std::to_string(locked >> 20) + " MB");
    else
      add(Level::kNote, "locked memory: " + std::to_string(locked >> 10) + " KB; io_uring and VFIO want more",
          "ulimit -l unlimited (in a unit of systemd: LimitMEMLOCK=infinity)");
    const uint64_t backlog = machine_.number("/proc/sys/net/core/somaxconn");
    if (backlog != 0 && backlog < kWantedSomaxconn)
      add(Level::kNote, "the kernel's accept queue holds " + std::to_string(backlog) + " connections",
          machine_.as_root("sysctl -w net.core.somaxconn=" + std::to_string(kWantedSomaxconn)));
    const std::string first_port = machine_.line("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    if (!machine_.is_root() && !first_port.empty() && first_port != "0")
      add(Level::kNote, "ports below " + first_port + " are for root",
          "sudo sysctl -w net.ipv4.ip_unprivileged_port_start=80");
  }

  // Where a port's address is the kernel's as well (kernel_interface), each has ports of its own.
  void exception_path() {
    const std::string range = machine_.line("/proc/sys/net/ipv4/ip_local_port_range");
    unsigned first = 0, last = 0;
    if (std::sscanf(range.c_str(), "%u %u", &first, &last) != 2) return;
    section("Beside the kernel (kernel_interface)");
    const std::string ours = std::to_string(config::kPortsBesideKernelFirst) + " to " +
                             std::to_string(config::kPortsBesideKernelLast);
    const std::string theirs = std::to_string(first) + " to " + std::to_string(last);
    if (first > config::kPortsBesideKernelLast || last < config::kPortsBesideKernelFirst)
      add(Level::kGood, "ports of outbound connections: ours " + ours + ", the kernel's " + theirs);
    else
      add(Level::kNote,
          "the kernel gives out the ports " + theirs + " and we " + ours +
              ": with a kernel_interface two connections may take the same one",
          machine_.as_root("sysctl -w net.ipv4.ip_local_port_range='" +
                           std::to_string(config::kPortsBesideKernelLast + 1) + " 60999'"));
  }

  void verdicts() {
    const auto verdict = [&](Level level, std::string text) {
      report_.verdicts.push_back(Finding{level, std::move(text), ""});
    };
    verdict(Level::kGood, environment_.io_uring_error == 0 ? "kernel transport: ready, with io_uring"
                                                           : "kernel transport: ready, with epoll");
    std::string lacking;
    const auto lack = [&](const char* what) { lacking += (lacking.empty() ? "" : ", ") + std::string(what); };
    if (!has_tun_) lack("/dev/net/tun");
    if (!may_network_) lack("cap_net_admin and cap_net_raw");
    if (lacking.empty())
      verdict(Level::kGood, std::string("bypass on a tap port: ready") +
                                (has_hugepages_ ? "" : ", without hugepages") +
                                " (--port tap:sl0,address=ADDRESS/LENGTH)");
    else
      verdict(Level::kMissing, "bypass on a tap port: lacks " + lacking);
    lacking.clear();
    if (cards_.empty()) {
      verdict(Level::kMissing, "bypass on a network card: there is no PCI network card");
      return;
    }
    if (ready_cards_ == 0)
      lack(bindable_cards_ ? "a card bound to vfio-pci" : "a card that is free and that DPDK knows");
    if (!vfio_ready_) lack("VFIO");
    if (!has_hugepages_) lack("hugepages");
    if (!can(kIpcLock) && machine_.limit("Max locked memory") != UINT64_MAX) lack("the right to lock memory");
    if (lacking.empty())
      verdict(Level::kGood, "bypass on a network card: ready");
    else
      verdict(Level::kMissing, "bypass on a network card: lacks " + lacking);
  }

  const Environment& environment_;
  Machine machine_;
  Report report_;
  std::vector<Card> cards_;
  uint64_t capabilities_ = 0;
  unsigned processors_ = 1;
  unsigned ready_cards_ = 0, bindable_cards_ = 0;
  bool has_hugepages_ = false, has_tun_ = false, may_network_ = false, vfio_ready_ = false;
};

}  // namespace

Environment this_machine() {
  Environment environment;
  std::error_code error;
  environment.program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (environment.program.empty()) environment.program = "build/sluice";
  io_uring_params parameters{};
  const long fd = syscall(__NR_io_uring_setup, 1, &parameters);
  if (fd < 0)
    environment.io_uring_error = errno;
  else
    close(static_cast<int>(fd));
  return environment;
}

Report examine(const Environment& environment) { return Examination(environment).run(); }

std::string to_text(const Report& report) {
  std::string text;
  const auto line = [&](const Finding& finding) {
    static constexpr const char* kMarks[] = {"  ok       ", "  note     ", "  missing  "};
    text += kMarks[static_cast<int>(finding.level)] + finding.text + "\n";
    if (!finding.mend.empty()) text += "           mend: " + finding.mend + "\n";
  };
  for (const Section& section : report.sections) {
    text += section.title + "\n";
    for (const Finding& finding : section.findings) line(finding);
    text += "\n";
  }
  text += "What follows\n";
  for (const Finding& finding : report.verdicts) line(finding);
  return text;
}

int run() {
  const std::string text = to_text(examine(this_machine()));
  std::fwrite(text.data(), 1, text.size(), stdout);
  return 0;
}

}  // namespace sluice::doctor
