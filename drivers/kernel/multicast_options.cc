// SPDX-License-Identifier: Apache-2.0
#include "drivers/kernel/multicast_options.hh"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "drivers/kernel/errno_error.hh"
#include "drivers/kernel/host_address.hh"

namespace sluice::kernel {

namespace {

Error outcome(int result) { return result == 0 ? Error::kNone : error_from_errno(errno); }

Error set_number(int fd, int level, int option, int value) {
  return outcome(setsockopt(fd, level, option, &value, sizeof value));
}

// The number of an interface; 0: as the routes have it. False when there is no such interface.
bool interface_number(const InterfaceChoice& on, unsigned& number) {
  number = 0;
  if (!on.name.empty()) {
    number = if_nametoindex(on.name.c_str());
    if (number != 0) return true;
    char* end = nullptr;
    const unsigned long as_number = strtoul(on.name.c_str(), &end, 10);
    char name[IF_NAMESIZE];
    if (end == on.name.c_str() || *end != '\0' ||
        if_indextoname(static_cast<unsigned>(as_number), name) == nullptr)
      return false;
    number = static_cast<unsigned>(as_number);
    return true;
  }
  if (on.address.is_any()) return true;
  ifaddrs* all = nullptr;
  if (getifaddrs(&all) != 0) return false;
  for (const ifaddrs* each = all; each != nullptr && number == 0; each = each->ifa_next)
    if (each->ifa_addr != nullptr && from_host(each->ifa_addr).address == on.address)
      number = if_nametoindex(each->ifa_name);
  freeifaddrs(all);
  return number != 0;
}

}  // namespace

Error set_group(const Socket& socket, const GroupMembership& membership, bool member) {
  const bool ipv4 = membership.group.is_v4();
  if (!ipv4 && !socket.ipv6) return Error::kInvalid;
  const int level = ipv4 ? IPPROTO_IP : IPPROTO_IPV6;
  unsigned number = 0;
  if (!interface_number(membership.on, number)) return Error::kAddressNotAvailable;
  const HostAddress group = to_host({membership.group, 0}, !ipv4);
  if (membership.source.is_any()) {
    group_req request{};
    request.gr_interface = number;
    memcpy(&request.gr_group, &group.any, group.bytes);
    return outcome(setsockopt(socket.fd, level, member ? MCAST_JOIN_GROUP : MCAST_LEAVE_GROUP, &request,
                              sizeof request));
  }
  if (membership.source.is_v4() != ipv4) return Error::kInvalid;
  const HostAddress source = to_host({membership.source, 0}, !ipv4);
  group_source_req request{};
  request.gsr_interface = number;
  memcpy(&request.gsr_group, &group.any, group.bytes);
  memcpy(&request.gsr_source, &source.any, source.bytes);
  return outcome(setsockopt(socket.fd, level, member ? MCAST_JOIN_SOURCE_GROUP : MCAST_LEAVE_SOURCE_GROUP,
                            &request, sizeof request));
}

Error set_multicast_interface(const Socket& socket, const InterfaceChoice& on) {
  unsigned number = 0;
  if (!interface_number(on, number)) return Error::kAddressNotAvailable;
  ip_mreqn choice{};
  choice.imr_ifindex = static_cast<int>(number);
  const Error of_ipv4 = outcome(setsockopt(socket.fd, IPPROTO_IP, IP_MULTICAST_IF, &choice, sizeof choice));
  if (!socket.ipv6) return of_ipv4;
  return set_number(socket.fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, static_cast<int>(number));
}

Error set_multicast_hops(const Socket& socket, uint8_t hops) {
  const Error of_ipv4 = set_number(socket.fd, IPPROTO_IP, IP_MULTICAST_TTL, hops);
  return socket.ipv6 ? set_number(socket.fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, hops) : of_ipv4;
}

Error set_multicast_loopback(const Socket& socket, bool comes_back) {
  const Error of_ipv4 = set_number(socket.fd, IPPROTO_IP, IP_MULTICAST_LOOP, comes_back);
  return socket.ipv6 ? set_number(socket.fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, comes_back) : of_ipv4;
}

Error set_broadcast(const Socket& socket, bool allowed) {
  return set_number(socket.fd, SOL_SOCKET, SO_BROADCAST, allowed);
}

Error set_hops(const Socket& socket, uint8_t hops) {
  const Error of_ipv4 = set_number(socket.fd, IPPROTO_IP, IP_TTL, hops);
  return socket.ipv6 ? set_number(socket.fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, hops) : of_ipv4;
}

}  // namespace sluice::kernel
