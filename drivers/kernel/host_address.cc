// SPDX-License-Identifier: Apache-2.0
// Endpoint to sockaddr_in or sockaddr_in6, and back.
#include "drivers/kernel/host_address.hh"

#include <arpa/inet.h>

#include <cstring>

namespace sluice::kernel {

HostAddress to_host(const Endpoint& endpoint, bool ipv6) {
  HostAddress address;
  if (ipv6) {
    address.v6 = {};
    address.v6.sin6_family = AF_INET6;
    address.v6.sin6_port = htons(endpoint.port);
    std::memcpy(&address.v6.sin6_addr, endpoint.address.bytes.data(), 16);
    address.bytes = sizeof address.v6;
  } else {
    address.v4 = {};
    address.v4.sin_family = AF_INET;
    address.v4.sin_port = htons(endpoint.port);
    // The any address, :: or ::ffff:0.0.0.0, ends in four zero bytes in both forms.
    std::memcpy(&address.v4.sin_addr, endpoint.address.bytes.data() + 12, 4);
    address.bytes = sizeof address.v4;
  }
  return address;
}

Endpoint from_host(const sockaddr* address) {
  Endpoint endpoint;
  if (address->sa_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, address, sizeof v4);
    endpoint.address = IpAddress::v4(ntohl(v4.sin_addr.s_addr));
    endpoint.port = ntohs(v4.sin_port);
  } else if (address->sa_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, address, sizeof v6);
    std::memcpy(endpoint.address.bytes.data(), &v6.sin6_addr, 16);
    endpoint.port = ntohs(v6.sin6_port);
  }
  return endpoint;
}

}  // namespace sluice::kernel
