// SPDX-License-Identifier: Apache-2.0
// What no single value can tell: whether the parts of a configuration fit together, and whether this machine has what
// they name. Reads /sys only.
#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>

#include "runtime/config/config.hh"

namespace sluice::config {

namespace fs = std::filesystem;

namespace {

constexpr size_t kMaxPorts = 32;

std::string first_line(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// Number of processors in a list as the kernel writes it: "0-3,8". `contains` asks for one of them.
bool list_contains(std::string_view list, uint32_t wanted, uint32_t& count) {
  bool found = false;
  count = 0;
  while (!list.empty()) {
    const size_t comma = list.find(',');
    const std::string_view part = list.substr(0, comma);
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
    uint32_t first = 0;
    auto [stop, code] = std::from_chars(part.data(), part.data() + part.size(), first);
    if (code != std::errc()) return found;
    uint32_t last = first;
    if (stop != part.data() + part.size()) std::from_chars(stop + 1, part.data() + part.size(), last);
    if (last < first) return found;
    count += last - first + 1;
    found |= wanted >= first && wanted <= last;
  }
  return found;
}

bool check_interface(const PortConfig& port, const std::string& root, std::string& error) {
  const fs::path net = fs::path(root + "/sys/class/net");
  std::error_code ignored;
  if (fs::exists(net / port.name, ignored)) return true;
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(net, ignored)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
  error =
      port.where + "there is no interface " + port.name + "; there are: " + (list.empty() ? "none" : list);
  return false;
}

bool check_pci(const PortConfig& port, const std::string& root, std::string& error) {
  const fs::path device = fs::path(root + "/sys/bus/pci/devices") / port.name;
  std::error_code ignored;
  if (!fs::exists(device, ignored)) {
    error = port.where + "there is no PCI device " + port.name + "; sluice doctor lists the network cards";
    return false;
  }
  if (first_line(device / "class").rfind("0x02", 0) != 0) {
    error = port.where + "the PCI device " + port.name +
            " is no network card; sluice doctor lists those that are";
    return false;
  }
  const std::string driver = fs::read_symlink(device / "driver", ignored).filename();
  // Mellanox cards are driven through the kernel's own driver.
  for (const char* good : {"vfio-pci", "uio_pci_generic", "igb_uio", "mlx5_core"})
    if (driver == good) return true;
  error = port.where + "the PCI device " + port.name + " belongs to " +
          (driver.empty() ? "no driver" : "the kernel's driver " + driver) +
          "; give it to DPDK: dpdk-devbind.py --bind=vfio-pci " + port.name;
  return false;
}

bool check_socket(const PortConfig& port, std::string& error) {
  if (port.name.find('/') == std::string::npos) return true;
  const fs::path folder = fs::path(port.name).parent_path();
  std::error_code ignored;
  if (fs::is_directory(folder, ignored)) return true;
  error =
      port.where + "there is no folder " + folder.string() + " for the socket; mkdir -p " + folder.string();
  return false;
}

}  // namespace

bool check_consistency(const Configuration& configuration, std::string& error) {
  const bool bypass = configuration.transport == TransportKind::kBypass;
  if (bypass && configuration.ports.empty()) {
    error = configuration.transport_where + "bypass needs a port, as in --port tap:sl0,address=10.0.0.2/24";
    return false;
  }
  if (!bypass && !configuration.ports.empty()) {
    error = configuration.ports[0].where +
            "the kernel transport has no ports; drop the port, or say --transport bypass";
    return false;
  }
  if (configuration.ports.size() > kMaxPorts) {
    error =
        configuration.ports[kMaxPorts].where + "there are more than " + std::to_string(kMaxPorts) + " ports";
    return false;
  }
  for (const FilterConfig& filter : configuration.filters) {
    if (!bypass) {
      error =
          filter.where + "filters are for the ports of the bypass transport; the host kernel has nftables";
      return false;
    }
    bool any = false, kernel = true;
    std::string names;
    for (const PortConfig& port : configuration.ports) {
      names += (names.empty() ? "" : ", ") + port.name;
      if (!filter.is_for(port)) continue;
      any = true;
      kernel &= !port.kernel_interface.empty();
    }
    if (!any) {
      error = filter.where + "there is no port " + filter.port + "; there are: " + names;
      return false;
    }
    if (filter.action == FilterAction::kKernel && !kernel) {
      error = filter.where + "the port has no kernel interface; give it kernel_interface = \"sluice0\"";
      return false;
    }
  }
  for (const RouteConfig& route : configuration.routes) {
    bool reachable = false;
    unsigned ipv6_ports = 0;
    std::string networks;
    for (const PortConfig& port : configuration.ports) {
      ipv6_ports += port.has_ipv6();
      for (const Prefix& own : port.addresses) {
        if (own.address == route.via) {
          error = route.where + "this is the own address of " + port.device() + "; name the next router";
          return false;
        }
        reachable |= own.is_network_of(route.via);
        networks += (networks.empty() ? "" : ", ") + own.to_string();
      }
    }
    if (is_link_local(route.via)) {
      if (ipv6_ports == 1) continue;
      error =
          route.where + (ipv6_ports == 0 ? "no port has an IPv6 address"
                                         : "a router of link scope does not tell which port it is at; give "
                                           "its address in a network");
      return false;
    }
    if (!reachable) {
      error =
          route.where + (networks.empty() ? "routes are for the bypass transport; the host kernel has its own"
                                          : "the router is in no network of a port (" + networks + ")");
      return false;
    }
  }
  return true;
}

bool check_machine(const Configuration& configuration, const std::string& root, std::string& error) {
  const std::string online = first_line(root + "/sys/devices/system/cpu/online");
  if (!online.empty()) {
    uint32_t count = 0;
    list_contains(online, 0, count);
    for (uint32_t core : configuration.cores.list) {
      uint32_t ignored = 0;
      if (!list_contains(online, core, ignored)) {
        error = configuration.cores.where + "there is no processor " + std::to_string(core) +
                "; online are " + online;
        return false;
      }
    }
    if (configuration.cores.count > count) {
      error = configuration.cores.where + "this machine has " + std::to_string(count) +
              (count == 1 ? " processor" : " processors") + "; name at most as many";
      return false;
    }
  }
  for (const PortConfig& port : configuration.ports) {
    switch (port.kind) {
      case PortKind::kAfPacket:
      case PortKind::kAfXdp:
        if (!check_interface(port, root, error)) return false;
        break;
      case PortKind::kPci:
        if (!check_pci(port, root, error)) return false;
        break;
      case PortKind::kMemif:
      case PortKind::kVirtioUser:
      case PortKind::kVhost:
        if (!check_socket(port, error)) return false;
        break;
      case PortKind::kTap:
      case PortKind::kRing: break;
    }
  }
  return true;
}

}  // namespace sluice::config
