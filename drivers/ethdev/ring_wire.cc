// SPDX-License-Identifier: Apache-2.0
// The pairs of rings, one for each queue and direction, and the two ports over them.
#include "drivers/ethdev/ring_wire.hh"

#include <rte_bus_vdev.h>
#include <rte_errno.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_ring.h>

#include <map>
#include <vector>

#include "drivers/ethdev/eal.hh"

namespace sluice::ethdev {

namespace {

std::map<std::string, unsigned>& open_sides() {  // main thread only
  static std::map<std::string, unsigned> sides;
  return sides;
}

// Name of a ring: frames of queue `queue` towards side `to`.
std::string ring_name(const std::string& wire, char to, unsigned queue) {
  return "sl_" + wire + "_" + to + std::to_string(queue);
}

std::string device_name(const std::string& wire, char side) { return "net_ring_" + wire + "_" + side; }

std::string make_wire(const PortSpec& spec) {
  const uint32_t descriptors = setting_number(spec, "descriptors", 1024);
  uint32_t size = 1;
  while (size < descriptors) size *= 2;
  std::vector<rte_ring*> towards_a, towards_b;
  for (unsigned queue = 0; queue < spec.queues; ++queue) {
    for (const char to : {'a', 'b'}) {
      rte_ring* ring = rte_ring_create(ring_name(spec.name, to, queue).c_str(), size,
                                       static_cast<int>(SOCKET_ID_ANY), RING_F_SP_ENQ | RING_F_SC_DEQ);
      if (!ring)
        return "port " + port_title(spec) + ": the ring cannot be made (" + rte_strerror(rte_errno) + ")";
      (to == 'a' ? towards_a : towards_b).push_back(ring);
    }
  }
  const unsigned count = spec.queues;
  // DPDK puts "net_ring_" in front of the name by itself.
  const int a =
      rte_eth_from_rings((spec.name + "_a").c_str(), towards_a.data(), count, towards_b.data(), count, 0);
  const int b =
      rte_eth_from_rings((spec.name + "_b").c_str(), towards_b.data(), count, towards_a.data(), count, 0);
  if (a < 0 || b < 0)
    return "port " + port_title(spec) + ": the wire cannot be made (" + rte_strerror(rte_errno) + ")";
  return "";
}

}  // namespace

std::string find_ring_port(const PortSpec& spec, uint16_t& port_id) {
  const auto side = spec.settings.find("side");
  const std::string name = device_name(spec.name, side->second[0]);
  if (rte_eth_dev_get_port_by_name(name.c_str(), &port_id) != 0) {
    if (Eal::role() == EalRole::kSecondary)
      return "port " + port_title(spec) +
             ": the primary process has no such wire (it must have made it before this one starts)";
    if (std::string error = make_wire(spec); !error.empty()) return error;
    if (rte_eth_dev_get_port_by_name(name.c_str(), &port_id) != 0)
      return "port " + port_title(spec) + ": not found as " + name;
  }
  ++open_sides()[spec.name];
  return "";
}

void drop_ring_port(const PortSpec& spec) {
  unsigned& sides = open_sides()[spec.name];
  if (sides > 0 && --sides > 0) return;
  if (Eal::role() == EalRole::kSecondary) return;
  for (const char side : {'a', 'b'}) rte_vdev_uninit(device_name(spec.name, side).c_str());
  for (unsigned queue = 0; queue < spec.queues; ++queue)
    for (const char to : {'a', 'b'}) rte_ring_free(rte_ring_lookup(ring_name(spec.name, to, queue).c_str()));
}

}  // namespace sluice::ethdev
