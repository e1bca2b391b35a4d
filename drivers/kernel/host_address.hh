// SPDX-License-Identifier: Apache-2.0
// Between Endpoint and the kernel's socket addresses.
#pragma once
#include <netinet/in.h>
#include <sys/socket.h>

#include "drivers/address.hh"

namespace sluice::kernel {

// An address as the kernel takes it.
struct HostAddress {
  union {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
  };
  socklen_t bytes = 0;
};

// For a socket of family AF_INET6 (`ipv6`) or AF_INET. An IPv6 socket reaches IPv4 by mapped addresses.
HostAddress to_host(const Endpoint& endpoint, bool ipv6);
// All zero for other families.
Endpoint from_host(const sockaddr* address);

}  // namespace sluice::kernel
