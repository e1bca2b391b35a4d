// SPDX-License-Identifier: Apache-2.0
// Where packets to an IPv6 prefix go: from the configuration, and prefixes that routers say are on the link (RFC 4861
// section 6.3.4), which expire. A small table, sorted so that the first match is the longest prefix.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "dataplane/ip/ipv6_address.hh"
#include "drivers/error.hh"

namespace sluice::ip {

struct Ipv6Route {
  IpAddress prefix;
  IpAddress gateway;  // unspecified: on-link
  uint8_t prefix_bits = 0;
  uint8_t interface_index = 0;
  uint64_t expires_ns = UINT64_MAX;  // UINT64_MAX: configured, or for ever
  bool learnt = false;               // from a router
  uint8_t equal = 1;  // of the first of those with the same prefix and gateways: how many they are
};

class Ipv6Routes {
 public:
  static constexpr size_t kLimit = 1024;
  static constexpr size_t kEqualLimit = 16;  // gateways of one prefix

  // A route of the same prefix stands beside it when both have gateways, different ones, or when both are on-link, on
  // different interfaces; else it is replaced, except a configured one by one that was learnt. kNoBuffers at kLimit, kInvalid
  // at kEqualLimit gateways for one prefix.
  Error add(const Ipv6Route& route);
  // Takes out all routes of this prefix; returns how many.
  size_t remove(const IpAddress& prefix, uint8_t prefix_bits);
  // Of several equal gateways, `spread` chooses: the same for all packets of a flow.
  const Ipv6Route* find(const IpAddress& destination, uint32_t spread = 0) const {
    for (const Ipv6Route& route : routes_)
      if (in_prefix(destination, route.prefix, route.prefix_bits))
        return &route + (route.equal > 1 ? spread % route.equal : 0);
    return nullptr;
  }
  // Whether `address` is in an on-link prefix of this interface.
  bool on_link(const IpAddress& address, uint8_t interface_index) const;
  // Takes out what was learnt and is due; returns how many.
  size_t expire(uint64_t now_ns);
  // Takes out a learnt on-link prefix; false when there is none.
  bool forget(const IpAddress& prefix, uint8_t prefix_bits, uint8_t interface_index);
  uint64_t next_expiry_ns() const;
  // On-link prefixes that routers told this interface.
  size_t learnt(uint8_t interface_index) const;

 private:
  std::vector<Ipv6Route> routes_;  // longest prefix first, gateways of one prefix side by side
};

}  // namespace sluice::ip
