// SPDX-License-Identifier: Apache-2.0
// Which PCI devices there are, whose they are, and which of our DPDK drivers knows them.
#include "runtime/doctor/cards.hh"

#include <algorithm>
#include <sstream>

namespace sluice::doctor {

namespace {

// The kernel's driver tells which DPDK driver fits, because both are written for the same list of devices.
struct DriverPair {
  std::string_view kernel, pmd;
};
constexpr DriverPair kDrivers[] = {
    {"e1000", "net_e1000"}, {"e1000e", "net_e1000"}, {"igb", "net_e1000"},       {"igbvf", "net_e1000"},
    {"igc", "net_igc"},     {"ixgbe", "net_ixgbe"},  {"ixgbevf", "net_ixgbe"},   {"i40e", "net_i40e"},
    {"iavf", "net_iavf"},   {"i40evf", "net_iavf"},  {"ice", "net_ice"},         {"mlx5_core", "net_mlx5"},
    {"ena", "net_ena"},     {"bnxt_en", "net_bnxt"}, {"vmxnet3", "net_vmxnet3"}, {"virtio-pci", "net_virtio"},
};
// Where the kernel's driver has let go of it already: by vendor and device.
struct IdPair {
  std::string_view id, pmd;  // a whole "vendor:device", or a vendor alone
};
constexpr IdPair kIds[] = {
    {"8086", "an Intel driver"}, {"15b3", "net_mlx5"},         {"1d0f", "net_ena"},
    {"14e4", "net_bnxt"},        {"15ad:07b0", "net_vmxnet3"}, {"1af4:1000", "net_virtio"},
    {"1af4:1041", "net_virtio"},
};

struct QatId {
  std::string_view id, name;
  bool virtual_function;
};
constexpr QatId kQat[] = {
    {"8086:0435", "QAT DH895xCC", false}, {"8086:0443", "QAT DH895xCC", true},
    {"8086:37c8", "QAT C62x", false},     {"8086:37c9", "QAT C62x", true},
    {"8086:19e2", "QAT C3xxx", false},    {"8086:19e3", "QAT C3xxx", true},
    {"8086:6f54", "QAT D15xx", false},    {"8086:6f55", "QAT D15xx", true},
    {"8086:18a0", "QAT C4xxx", false},    {"8086:18a1", "QAT C4xxx", true},
    {"8086:4940", "QAT 4xxx", false},     {"8086:4941", "QAT 4xxx", true},
    {"8086:4942", "QAT 401xx", false},    {"8086:4943", "QAT 401xx", true},
    {"8086:4944", "QAT 402xx", false},    {"8086:4945", "QAT 402xx", true},
};

bool is_userspace_driver(std::string_view driver) {
  return driver == "vfio-pci" || driver == "uio_pci_generic" || driver == "igb_uio";
}

std::string without_0x(const std::string& hex) { return hex.rfind("0x", 0) == 0 ? hex.substr(2) : hex; }

// "Vendor Device" out of pci.ids: vendors begin a line, their devices a line with one tab (pciutils' format).
std::string name_of(const std::string& ids, const std::string& vendor, const std::string& device) {
  std::istringstream lines(ids);
  std::string found_vendor;
  for (std::string one; std::getline(lines, one);) {
    if (one.empty() || one[0] == '#') continue;
    if (one[0] != '\t') {
      if (!found_vendor.empty()) return found_vendor;
      if (one.compare(0, 6, vendor + "  ") == 0) found_vendor = one.substr(6);
    } else if (!found_vendor.empty() && one.compare(0, 7, "\t" + device + "  ") == 0) {
      return found_vendor + " " + one.substr(7);
    }
  }
  return found_vendor;
}

std::vector<std::string> default_route_interfaces(const Machine& machine) {
  std::vector<std::string> interfaces;
  std::istringstream lines(machine.text("/proc/net/route"));
  std::string one;
  std::getline(lines, one);
  while (std::getline(lines, one)) {
    std::istringstream columns(one);
    std::string interface, destination;
    columns >> interface >> destination;
    if (destination == "00000000") interfaces.push_back(interface);
  }
  return interfaces;
}

Card read_card(const Machine& machine, const std::string& address) {
  const std::string path = "/sys/bus/pci/devices/" + address;
  Card card;
  card.address = address;
  card.id = without_0x(machine.line(path + "/vendor")) + ":" + without_0x(machine.line(path + "/device"));
  card.driver = machine.link_name(path + "/driver");
  card.virtual_function = machine.exists(path + "/physfn");
  const std::string node = machine.line(path + "/numa_node");
  card.numa_node =
      node.empty() || node[0] == '-' ? -1 : static_cast<int>(machine.number(path + "/numa_node"));
  card.interfaces = machine.list(path + "/net");
  for (const std::string& inner : machine.list(path))
    if (inner.rfind("virtio", 0) == 0)
      for (const std::string& name : machine.list(path + "/" + inner + "/net"))
        card.interfaces.push_back(name);
  return card;
}

}  // namespace

bool ready_for_dpdk(const Card& card) {
  return is_userspace_driver(card.driver) || card.driver == "mlx5_core";
}

std::vector<Card> network_cards(const Machine& machine) {
  std::vector<Card> cards;
  std::string ids;
  const std::vector<std::string> routed = default_route_interfaces(machine);
  for (const std::string& address : machine.list("/sys/bus/pci/devices")) {
    // Class 02: network controllers (PCI code and ID assignment, section 1.3).
    if (machine.line("/sys/bus/pci/devices/" + address + "/class").rfind("0x02", 0) != 0) continue;
    Card card = read_card(machine, address);
    for (const DriverPair& pair : kDrivers)
      if (pair.kernel == card.driver) card.pmd = pair.pmd;
    if (is_userspace_driver(card.driver) || card.driver.empty())
      for (const IdPair& pair : kIds)
        if (card.id == pair.id || card.id.substr(0, 4) == pair.id) card.pmd = pair.pmd;
    if (ids.empty()) ids = machine.text("/usr/share/misc/pci.ids");
    card.name = name_of(ids, card.id.substr(0, 4), card.id.substr(5));
    card.carries_default_route =
        std::any_of(card.interfaces.begin(), card.interfaces.end(), [&](const std::string& name) {
          return std::find(routed.begin(), routed.end(), name) != routed.end();
        });
    cards.push_back(std::move(card));
  }
  return cards;
}

std::vector<Card> accelerators(const Machine& machine) {
  std::vector<Card> cards;
  for (const std::string& address : machine.list("/sys/bus/pci/devices")) {
    Card card = read_card(machine, address);
    for (const QatId& qat : kQat) {
      if (card.id != qat.id) continue;
      card.name = qat.name;
      card.virtual_function |= qat.virtual_function;
      cards.push_back(card);
    }
  }
  return cards;
}

}  // namespace sluice::doctor
