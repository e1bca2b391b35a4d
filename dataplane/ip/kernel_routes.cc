// SPDX-License-Identifier: Apache-2.0
// What the host kernel knows of routes and neighbours, taken over: a routing daemon there steers our packets too. Routes of
// the configuration win over those of the same prefix.
#include "dataplane/ip/state.hh"

namespace sluice::ip {

Error Stack::set_kernel_routes(const IpAddress& prefix, uint8_t prefix_bits, std::span<const Hop> hops) {
  State& s = *state_;
  Error first = Error::kNone;
  const auto note = [&first](Error error) {
    if (first == Error::kNone) first = error;
  };
  if (prefix.is_v4()) {
    s.kernel_routes.remove(prefix.v4(), prefix_bits);
    for (const Hop& hop : hops) {
      if (hop.interface_index >= s.interfaces.size()) return Error::kInvalid;
      const uint32_t gateway = hop.gateway.is_any() ? 0 : hop.gateway.v4();
      if (!hop.gateway.is_any() && (!hop.gateway.is_v4() || s.is_local(gateway)))
        note(Error::kInvalid);
      else
        note(s.kernel_routes.add(prefix.v4(), prefix_bits, gateway, hop.interface_index));
    }
  } else {
    s.kernel_ipv6_routes.remove(prefix, prefix_bits);
    for (const Hop& hop : hops) {
      if (hop.interface_index >= s.interfaces.size()) return Error::kInvalid;
      const bool on_link = hop.gateway.is_any();
      if (!on_link && (hop.gateway.is_v4() || s.interface_of(hop.gateway) != nullptr))
        note(Error::kInvalid);
      else
        note(s.kernel_ipv6_routes.add({.prefix = prefix,
                                       .gateway = on_link ? IpAddress{} : hop.gateway,
                                       .prefix_bits = prefix_bits,
                                       .interface_index = hop.interface_index}));
    }
  }
  if (first != Error::kNone) ++counters.kernel_routes_refused;
  ++s.generation;
  return first;
}

void Stack::learn_kernel_neighbour(uint8_t interface_index, const IpAddress& address, const MacAddress& mac) {
  State& s = *state_;
  if (interface_index >= s.interfaces.size() || is_local(address) || wire::is_group(mac) ||
      mac == MacAddress{} || mac == s.interfaces[interface_index]->mac)
    return;
  // The kernel's table must not push out who we talk to.
  Neighbour* entry = s.neighbours.find(address, interface_index);
  if (entry == nullptr && s.neighbours.size() >= NeighbourCache::kLimit / 2) return;
  if (entry == nullptr) entry = &s.neighbours.find_or_add(address, interface_index, s.now_ns);
  // Unconfirmed: we ask for ourselves before we rely on it for long, and do not let it replace what we know.
  if (!entry->mac_known()) s.neighbour_learnt(*entry, mac, false);
}

}  // namespace sluice::ip
