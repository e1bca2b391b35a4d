// SPDX-License-Identifier: Apache-2.0
// The route table.
#include "dataplane/ip/routes.hh"

#include <algorithm>

namespace sluice::ip {

Error Routes::add(uint32_t prefix, uint8_t prefix_bits, uint32_t gateway, uint8_t interface_index) {
  if (prefix_bits > 32) return Error::kInvalid;
  const uint32_t mask = prefix_bits == 0 ? 0 : ~uint32_t{0} << (32 - prefix_bits);
  const Route route{prefix & mask, mask, gateway, interface_index};
  for (Route& old : routes_) {
    if (old.prefix == route.prefix && old.mask == mask) {
      old = route;
      return Error::kNone;
    }
  }
  if (routes_.size() == kLimit) return Error::kNoBuffers;
  const auto place =
      std::find_if(routes_.begin(), routes_.end(), [&](const Route& other) { return other.mask < mask; });
  routes_.insert(place, route);
  return Error::kNone;
}

}  // namespace sluice::ip
