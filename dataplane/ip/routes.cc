// SPDX-License-Identifier: Apache-2.0
// The route table.
#include "dataplane/ip/routes.hh"

#include <algorithm>

namespace sluice::ip {

Error Routes::add(uint32_t prefix, uint8_t prefix_bits, uint32_t gateway, uint8_t interface_index) {
  if (prefix_bits > 32) return Error::kInvalid;
  const uint32_t mask = prefix_bits == 0 ? 0 : ~uint32_t{0} << (32 - prefix_bits);
  const Route route{prefix & mask, mask, gateway, interface_index};
  for (size_t i = 0; i < routes_.size(); ++i) {
    Route& first = routes_[i];
    if (first.prefix != route.prefix || first.mask != mask) continue;
    for (size_t at = i; at < i + first.equal; ++at) {
      Route& old = routes_[at];
      if (first.gateway != 0 && gateway != 0 && old.gateway != gateway) continue;
      const uint8_t equal = old.equal;
      old = route;
      old.equal = equal;
      return Error::kNone;
    }
    if (first.equal == kEqualLimit) return Error::kInvalid;
    if (routes_.size() == kLimit) return Error::kNoBuffers;
    const uint8_t equal = ++first.equal;
    routes_.insert(routes_.begin() + static_cast<ptrdiff_t>(i) + equal - 1, route);
    return Error::kNone;
  }
  if (routes_.size() == kLimit) return Error::kNoBuffers;
  const auto place =
      std::find_if(routes_.begin(), routes_.end(), [&](const Route& other) { return other.mask < mask; });
  routes_.insert(place, route);
  return Error::kNone;
}

Error Routes::add_learnt(uint32_t prefix, uint8_t prefix_bits, uint32_t gateway, uint8_t interface_index) {
  if (prefix_bits > 32) return Error::kInvalid;
  const uint32_t mask = prefix_bits == 0 ? 0 : ~uint32_t{0} << (32 - prefix_bits);
  for (const Route& each : routes_)
    if (each.mask == mask && each.prefix == (prefix & mask)) return Error::kNone;
  if (const Error error = add(prefix, prefix_bits, gateway, interface_index); error != Error::kNone)
    return error;
  for (Route& each : routes_)
    if (each.mask == mask && each.prefix == (prefix & mask)) each.learnt = true;
  return Error::kNone;
}

void Routes::forget_learnt() {
  std::erase_if(routes_, [](const Route& each) { return each.learnt; });
}

size_t Routes::remove(uint32_t prefix, uint8_t prefix_bits) {
  if (prefix_bits > 32) return 0;
  const uint32_t mask = prefix_bits == 0 ? 0 : ~uint32_t{0} << (32 - prefix_bits);
  return std::erase_if(
      routes_, [&](const Route& route) { return route.mask == mask && route.prefix == (prefix & mask); });
}

}  // namespace sluice::ip
