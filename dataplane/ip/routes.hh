// SPDX-License-Identifier: Apache-2.0
// Where packets to an IPv4 prefix go. A small table, sorted so that the first match is the longest prefix: an appliance has
// a handful of routes, and connections ask once.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "drivers/error.hh"

namespace sluice::ip {

struct Route {
  uint32_t prefix = 0, mask = 0;  // host order
  uint32_t gateway = 0;           // 0: on-link
  uint8_t interface_index = 0;
};

class Routes {
 public:
  static constexpr size_t kLimit = 1024;

  // A route of the same prefix is replaced. kNoBuffers at kLimit.
  Error add(uint32_t prefix, uint8_t prefix_bits, uint32_t gateway, uint8_t interface_index);
  const Route* find(uint32_t destination) const {
    for (const Route& route : routes_)
      if ((destination & route.mask) == route.prefix) return &route;
    return nullptr;
  }

 private:
  std::vector<Route> routes_;  // longest mask first
};

}  // namespace sluice::ip
