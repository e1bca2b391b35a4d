// SPDX-License-Identifier: Apache-2.0
// Which way an IPv6 packet goes: next hop (RFC 4861 section 5.2), default routers, interface, source address and path MTU.
#include "dataplane/ip/state.hh"

namespace sluice::ip {

Interface* Stack::State::interface_of(const IpAddress& address) const {
  for (const auto& each : interfaces)
    if (const LocalAddress* own = each->ipv6.find(address))
      if (own->state != AddressState::kDuplicate) return each.get();
  return nullptr;
}

// RFC 4861 section 6.3.6 and RFC 4191 section 3.2: one that may be reachable before one that did not answer, then the
// preferred one. A router that nothing is known of counts as reachable: the first packet asks.
const DefaultRouter* Stack::State::default_router(Interface*& out) {
  const DefaultRouter* best = nullptr;
  int best_score = 0;
  for (const auto& each : interfaces) {
    for (const DefaultRouter& router : each->ipv6.routers) {
      const Neighbour* entry = neighbours.find(router.address, each->index);
      const bool failed = entry != nullptr && entry->state == NeighbourState::kFailed;
      const int score = (failed ? 0 : 10) + router.preference + 2;
      if (score <= best_score) continue;
      best = &router;
      best_score = score;
      out = each.get();
    }
  }
  return best;
}

Error Stack::State::find_ipv6_path(const IpAddress& remote, IpAddress& local, Path& path) {
  const bool choose_local = local.is_any();
  const bool from_loopback = ip::is_loopback(local);
  Interface* const home = choose_local || from_loopback ? nullptr : interface_of(local);
  if (!choose_local && !from_loopback && home == nullptr) return Error::kAddressNotAvailable;
  path.generation = generation | Path::kIpv6;

  if (ip::is_loopback(remote) || is_local(remote)) [[unlikely]] {
    if (interfaces.empty()) return Error::kNetworkUnreachable;
    Interface& own = ip::is_loopback(remote) ? *interfaces[0] : *interface_of(remote);
    if (choose_local) local = remote;
    path.interface_index = own.index;
    path.neighbour = NeighbourCache::kOurselves;
    path.mtu_bytes = static_cast<uint16_t>(own.mtu_bytes);
    return Error::kNone;
  }
  // RFC 4291 section 2.5.3: ::1 is in no packet outside of a host.
  if (from_loopback) return Error::kNetworkUnreachable;

  Interface* out = nullptr;
  IpAddress next_hop = remote;
  const bool multicast = is_multicast(remote);
  const Ipv6Route* const route = find_route(remote, spread_of(remote));
  if (is_link_local(remote) || multicast) {
    // Without a zone there is only the interface of our own address to tell the link, else the first that has IPv6.
    out = home;
    for (const auto& each : interfaces)
      if (out == nullptr && each->ipv6.enabled) out = each.get();
  } else if (route != nullptr) {
    out = interfaces[route->interface_index].get();
    if (!is_unspecified(route->gateway)) next_hop = route->gateway;
  } else if (const DefaultRouter* router = default_router(out)) {
    next_hop = router->address;
  }
  if (out == nullptr) return Error::kNetworkUnreachable;
  if (choose_local) {
    const LocalAddress* own = choose_source(*out, remote);
    if (own == nullptr) return Error::kAddressNotAvailable;
    // What is sent to a group does not wait for anything.
    if (multicast && !own->usable()) return Error::kAddressNotAvailable;
    local = own->address;
  }
  path.interface_index = out->index;
  path.mtu_bytes = static_cast<uint16_t>(path_mtus.find(remote, out->ipv6.mtu_bytes, now_ns));
  path.neighbour =
      multicast ? NeighbourCache::kMulticast : neighbours.find_or_add(next_hop, out->index, now_ns).handle;
  return Error::kNone;
}

}  // namespace sluice::ip
