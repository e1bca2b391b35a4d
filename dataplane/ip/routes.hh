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
  uint8_t equal = 1;  // of the first of those with the same prefix: how many they are
  bool learnt = false;
};

class Routes {
 public:
  static constexpr size_t kLimit = 1024;
  static constexpr size_t kEqualLimit = 16;  // gateways of one prefix

  // A route of the same prefix stands beside it when both have gateways, different ones, else it is replaced. kNoBuffers at
  // kLimit, kInvalid at kEqualLimit gateways for one prefix.
  Error add(uint32_t prefix, uint8_t prefix_bits, uint32_t gateway, uint8_t interface_index);
  // One that a server told: it stands only where there is no other route of the same prefix. Configured ones are added first.
  Error add_learnt(uint32_t prefix, uint8_t prefix_bits, uint32_t gateway, uint8_t interface_index);
  void forget_learnt();
  // Takes out all routes of this prefix; returns how many.
  size_t remove(uint32_t prefix, uint8_t prefix_bits);
  // Of several equal ones, `spread` chooses: the same for all packets of a flow (RFC 2992: by its hash).
  const Route* find(uint32_t destination, uint32_t spread = 0) const {
    for (const Route& route : routes_)
      if ((destination & route.mask) == route.prefix)
        return &route + (route.equal > 1 ? spread % route.equal : 0);
    return nullptr;
  }

 private:
  std::vector<Route> routes_;  // longest mask first, those of one prefix side by side
};

}  // namespace sluice::ip
