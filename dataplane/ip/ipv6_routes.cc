// SPDX-License-Identifier: Apache-2.0
// The IPv6 route table.
#include "dataplane/ip/ipv6_routes.hh"

#include <algorithm>

namespace sluice::ip {

Error Ipv6Routes::add(const Ipv6Route& wanted) {
  if (wanted.prefix_bits > 128) return Error::kInvalid;
  Ipv6Route route = wanted;
  route.prefix = masked(wanted.prefix, wanted.prefix_bits);
  const auto on_link = [](const Ipv6Route& each) { return is_unspecified(each.gateway); };
  for (size_t i = 0; i < routes_.size(); ++i) {
    Ipv6Route& first = routes_[i];
    if (first.prefix != route.prefix || first.prefix_bits != route.prefix_bits) continue;
    if (on_link(first) && on_link(route) && first.interface_index != route.interface_index) continue;
    for (size_t at = i; at < i + first.equal; ++at) {
      Ipv6Route& old = routes_[at];
      if (!on_link(old) && !on_link(route) && old.gateway != route.gateway) continue;
      if (route.learnt && !old.learnt) return Error::kNone;
      route.equal = old.equal;
      old = route;
      return Error::kNone;
    }
    if (first.equal == kEqualLimit) return Error::kInvalid;
    if (routes_.size() == kLimit) return Error::kNoBuffers;
    const uint8_t equal = ++first.equal;
    routes_.insert(routes_.begin() + static_cast<ptrdiff_t>(i) + equal - 1, route);
    return Error::kNone;
  }
  if (routes_.size() == kLimit) return Error::kNoBuffers;
  const auto place = std::find_if(routes_.begin(), routes_.end(), [&](const Ipv6Route& other) {
    return other.prefix_bits < route.prefix_bits;
  });
  routes_.insert(place, route);
  return Error::kNone;
}

size_t Ipv6Routes::remove(const IpAddress& prefix, uint8_t prefix_bits) {
  return std::erase_if(routes_, [&](const Ipv6Route& route) {
    return route.prefix_bits == prefix_bits && route.prefix == masked(prefix, prefix_bits);
  });
}

bool Ipv6Routes::on_link(const IpAddress& address, uint8_t interface_index) const {
  return std::any_of(routes_.begin(), routes_.end(), [&](const Ipv6Route& route) {
    return is_unspecified(route.gateway) && route.interface_index == interface_index &&
           in_prefix(address, route.prefix, route.prefix_bits);
  });
}

size_t Ipv6Routes::expire(uint64_t now_ns) {
  return std::erase_if(routes_, [&](const Ipv6Route& route) { return route.expires_ns <= now_ns; });
}

bool Ipv6Routes::forget(const IpAddress& prefix, uint8_t prefix_bits, uint8_t interface_index) {
  return std::erase_if(routes_, [&](const Ipv6Route& route) {
           return route.learnt && route.prefix == masked(prefix, prefix_bits) &&
                  route.prefix_bits == prefix_bits && route.interface_index == interface_index;
         }) > 0;
}

uint64_t Ipv6Routes::next_expiry_ns() const {
  uint64_t next_ns = UINT64_MAX;
  for (const Ipv6Route& route : routes_) next_ns = std::min(next_ns, route.expires_ns);
  return next_ns;
}

size_t Ipv6Routes::learnt(uint8_t interface_index) const {
  return static_cast<size_t>(std::count_if(routes_.begin(), routes_.end(), [&](const Ipv6Route& route) {
    return route.learnt && route.interface_index == interface_index;
  }));
}

}  // namespace sluice::ip
