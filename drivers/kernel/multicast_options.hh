// SPDX-License-Identifier: Apache-2.0
// Options of the host's datagram sockets for groups and for everybody: ip(7), ipv6(7), RFC 3678. A socket of family AF_INET6
// gets both families' where the option has no address in it.
#pragma once
#include "drivers/error.hh"
#include "drivers/kernel/socket_driver.hh"
#include "drivers/multicast.hh"

namespace sluice::kernel {

Error set_group(const Socket& socket, const GroupMembership& membership, bool member);
Error set_multicast_interface(const Socket& socket, const InterfaceChoice& on);
Error set_multicast_hops(const Socket& socket, uint8_t hops);
Error set_multicast_loopback(const Socket& socket, bool comes_back);
Error set_broadcast(const Socket& socket, bool allowed);
Error set_hops(const Socket& socket, uint8_t hops);

}  // namespace sluice::kernel
