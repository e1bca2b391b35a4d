// SPDX-License-Identifier: Apache-2.0
// What servers told an interface (DHCP): addresses, routes and MTU that stand beside those of the configuration until whoever
// asked the server takes them back. The configuration wins where both say something.
#include <algorithm>

#include "dataplane/ip/state.hh"

namespace sluice::ip {

// RFC 791: what every host must take in; smaller ones that are told would only make everything slow.
static constexpr uint32_t kSmallestMtuBytes = 576;

void Stack::set_address_watcher(AddressWatcher* watcher) { state_->address_watcher = watcher; }

void Stack::await_address(uint8_t interface_index, uint16_t udp_port) {
  SLUICE_ASSERT(interface_index < state_->interfaces.size());
  state_->interfaces[interface_index]->awaits_on_port = udp_port;
}

void Stack::learn_ipv4(uint8_t interface_index, const LearntIpv4& what) {
  State& s = *state_;
  SLUICE_ASSERT(interface_index < s.interfaces.size());
  Interface& in = *s.interfaces[interface_index];
  const bool same = in.learnt.address == what.address && in.learnt.prefix_bits == what.prefix_bits;
  in.learnt = what;
  in.mtu_bytes = what.mtu_bytes >= kSmallestMtuBytes && what.mtu_bytes < in.own_mtu_bytes ? what.mtu_bytes
                                                                                          : in.own_mtu_bytes;
  const uint32_t address = what.address.is_any() ? 0 : what.address.v4();
  if (!same) {
    std::erase_if(in.prefixes, [](const LocalPrefix& own) { return own.learnt; });
    const bool fresh = address != 0 && !in.owns(address);
    if (fresh) {
      const uint32_t mask = what.prefix_bits == 0 ? 0 : ~uint32_t{0} << (32 - what.prefix_bits);
      in.prefixes.push_back({address, mask, true});
    }
    s.local_addresses.clear();
    for (const auto& each : s.interfaces)
      for (const LocalPrefix& own : each->prefixes) s.local_addresses.push_back(own.address);
    if (fresh) s.announce(in, address);
  }
  s.list_learnt_routes();
  ++s.generation;
}

// Anew for all interfaces: of two that know a way to the same prefix, the first one's is used.
void Stack::State::list_learnt_routes() {
  routes.forget_learnt();
  for (const auto& each : interfaces) {
    const LearntIpv4& told = each->learnt;
    if (told.address.is_any()) continue;
    const auto add = [&](const LearntRoute& route) {
      if (routes.add_learnt(route.prefix, route.prefix_bits, route.gateway, each->index) != Error::kNone)
        ++counters.discovery_limit;
    };
    add({.prefix = told.address.v4(), .prefix_bits = told.prefix_bits});
    for (unsigned i = 0; i < told.routes_count; ++i)
      if (told.routes[i].gateway == 0) add(told.routes[i]);
    for (unsigned i = 0; i < told.routes_count; ++i) {
      const LearntRoute& route = told.routes[i];
      // A router that cannot be reached without a router is none.
      if (route.gateway == 0 || is_local(route.gateway)) continue;
      const Route* way = routes.find(route.gateway);
      if (way != nullptr && way->gateway == 0 && way->interface_index == each->index) add(route);
    }
  }
}

void Stack::learn_ipv6(uint8_t interface_index, std::span<const LearntIpv6> addresses) {
  State& s = *state_;
  SLUICE_ASSERT(interface_index < s.interfaces.size());
  Interface& in = *s.interfaces[interface_index];
  if (!in.ipv6.enabled) return;
  for (size_t i = in.ipv6.addresses.size(); i-- > 0;) {
    LocalAddress& own = *in.ipv6.addresses[i];
    if (own.origin == AddressOrigin::kServer &&
        std::none_of(addresses.begin(), addresses.end(),
                     [&](const LearntIpv6& told) { return told.address == own.address; }))
      s.remove_local_address(in, own);
  }
  for (const LearntIpv6& told : addresses) {
    if (LocalAddress* own = in.ipv6.find(told.address)) {
      if (own->origin != AddressOrigin::kServer) continue;
      own->preferred_until_ns = told.preferred_until_ns;
      own->valid_until_ns = told.valid_until_ns;
      if (own->usable())
        own->state =
            told.preferred_until_ns > s.now_ns ? AddressState::kPreferred : AddressState::kDeprecated;
      continue;
    }
    LocalAddress fresh;
    fresh.address = told.address;
    fresh.prefix_bits = 128;  // RFC 8415 section 18.2.10.1: it says nothing of a prefix on the link
    fresh.origin = AddressOrigin::kServer;
    fresh.preferred_until_ns = told.preferred_until_ns;
    fresh.valid_until_ns = told.valid_until_ns;
    s.add_local_address(in, fresh, 0);
  }
  ++s.generation;
  s.arm_expiry(in);
}

}  // namespace sluice::ip
