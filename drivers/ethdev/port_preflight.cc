// SPDX-License-Identifier: Apache-2.0
// Checks by kind of port.
#include "drivers/ethdev/port_preflight.hh"

#include <net/if.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

namespace sluice::ethdev {

namespace {

constexpr unsigned kCapNetAdmin = 12, kCapNetRaw = 13;  // linux/capability.h

bool has_capability(unsigned number) {
  FILE* file = std::fopen("/proc/self/status", "re");
  if (!file) return true;  // cannot know
  char line[256];
  unsigned long long effective = ~0ull;
  while (std::fgets(line, sizeof line, file)) {
    if (std::sscanf(line, "CapEff: %llx", &effective) == 1) break;
  }
  std::fclose(file);
  return effective >> number & 1;
}

bool exists(const std::string& path) {
  struct stat about;
  return stat(path.c_str(), &about) == 0;
}

// The last part of what the symbolic link at `path` points to, "" when there is none.
std::string link_name(const std::string& path) {
  char target[512];
  const ssize_t length = readlink(path.c_str(), target, sizeof target);
  if (length <= 0) return "";
  const std::string text(target, static_cast<size_t>(length));
  return text.substr(text.rfind('/') + 1);
}

std::string interfaces() {
  std::string list;
  if (struct if_nameindex* all = if_nameindex()) {
    for (const auto* each = all; each->if_index; ++each)
      list += (list.empty() ? "" : ", ") + std::string(each->if_name);
    if_freenameindex(all);
  }
  return list;
}

std::string parent_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string privilege(const std::string& title, const char* needs) {
  return "port " + title + ": needs " + needs +
         ": run as root, or once: setcap cap_net_admin,cap_net_raw+ep $(which sluice)";
}

std::string check_pci(const PortSpec& spec, const std::string& sysfs) {
  const std::string title = "port " + port_title(spec);
  const std::string device = sysfs + "/bus/pci/devices/" + spec.name;
  if (!exists(device)) return title + ": there is no such PCI device (lspci -D lists them)";
  const std::string driver = link_name(device + "/driver");
  // These share the device with the kernel: DPDK drives them through it.
  if (driver == "mlx5_core" || driver == "mlx4_core" || driver == "mana") return "";
  if (driver != "vfio-pci" && driver != "uio_pci_generic" && driver != "igb_uio") {
    const bool iommu = exists(device + "/iommu_group");
    return title + ": " + (driver.empty() ? "bound to no driver" : "bound to the kernel's driver " + driver) +
           ": modprobe vfio-pci" +
           (iommu ? "" : " && echo 1 > /sys/module/vfio/parameters/enable_unsafe_noiommu_mode") +
           " && dpdk-devbind.py --bind=vfio-pci " + spec.name +
           (iommu ? ""
                  : " (this machine shows no IOMMU: switch it on in the firmware and boot with "
                    "intel_iommu=on, or accept DMA without protection)");
  }
  return "";
}

}  // namespace

std::string port_preflight(const PortSpec& spec, const std::string& sysfs) {
  const std::string title = port_title(spec);
  switch (spec.kind) {
    case PortKind::kTap:
      if (!exists("/dev/net/tun")) return "port " + title + ": /dev/net/tun is missing: modprobe tun";
      if (!has_capability(kCapNetAdmin)) return privilege(title, "CAP_NET_ADMIN");
      if (access("/dev/net/tun", R_OK | W_OK) != 0)
        return "port " + title + ": /dev/net/tun cannot be opened (" + std::strerror(errno) + ")";
      if (if_nametoindex(spec.name.c_str()) != 0 && !exists("/sys/class/net/" + spec.name + "/tun_flags"))
        return "port " + title +
               ": an interface of that name exists already and is no tap: choose another name";
      return "";
    case PortKind::kAfPacket:
    case PortKind::kAfXdp:
      if (if_nametoindex(spec.name.c_str()) == 0)
        return "port " + title + ": there is no such interface (there are: " + interfaces() + ")";
      if (!has_capability(kCapNetRaw)) return privilege(title, "CAP_NET_RAW");
      if (spec.kind == PortKind::kAfXdp && !has_capability(kCapNetAdmin))
        return privilege(title, "CAP_NET_ADMIN");
      return "";
    case PortKind::kMemif: {
      if (spec.name.find('/') == std::string::npos) return "";
      if (!exists(parent_of(spec.name)))
        return "port " + title + ": the directory of the socket does not exist: mkdir -p " +
               parent_of(spec.name);
      const auto role = spec.settings.find("role");
      if (role != spec.settings.end() && role->second == "client" && !exists(spec.name))
        return "port " + title + ": nobody listens there: start the server end first";
      return "";
    }
    case PortKind::kVirtioUser: {
      const auto server = spec.settings.find("server");
      if (server != spec.settings.end() && server->second == "1") {
        if (!exists(parent_of(spec.name)))
          return "port " + title + ": the directory of the socket does not exist: mkdir -p " +
                 parent_of(spec.name);
      } else if (!exists(spec.name)) {
        return "port " + title + ": nobody listens there: start the vhost end first, or set server = 1";
      }
      return "";
    }
    case PortKind::kVhost:
      if (!exists(parent_of(spec.name)))
        return "port " + title + ": the directory of the socket does not exist: mkdir -p " +
               parent_of(spec.name);
      return "";
    case PortKind::kRing: return "";
    case PortKind::kPci: return check_pci(spec, sysfs);
  }
  return "";
}

}  // namespace sluice::ethdev
