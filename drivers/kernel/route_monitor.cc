// SPDX-License-Identifier: Apache-2.0
#include "drivers/kernel/route_monitor.hh"

#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "drivers/kernel/netlink.hh"

namespace sluice::kernel {

namespace {

constexpr size_t kDatagramBytes = 32 * 1024;  // the kernel makes none larger
constexpr int kReceiveBytes = 1 << 20;        // news that may wait

int netlink_socket(int flags) {
  const int made = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, NETLINK_ROUTE);
  if (made >= 0) setsockopt(made, SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBytes, sizeof kReceiveBytes);
  return made;
}

template <typename Body>
bool body_of(std::span<const std::byte> bytes, Body& out) {
  if (bytes.size() < sizeof(Body)) return false;
  std::memcpy(&out, bytes.data(), sizeof out);
  return true;
}

template <typename Body, typename Visit>
void attributes_of(std::span<const std::byte> bytes, Visit&& visit) {
  const size_t at = NLMSG_ALIGN(sizeof(Body));
  if (bytes.size() > at)
    each_attribute(reinterpret_cast<const rtattr*>(bytes.data() + at), bytes.size() - at, visit);
}

uint32_t number(std::span<const uint8_t> payload) {
  uint32_t value = 0;
  if (payload.size() == sizeof value) std::memcpy(&value, payload.data(), sizeof value);
  return value;
}

}  // namespace

std::unique_ptr<RouteMonitor> RouteMonitor::open(const Options& options, User& user, std::string& error) {
  std::unique_ptr<RouteMonitor> monitor(new RouteMonitor(options, user));
  monitor->socket_ = netlink_socket(SOCK_NONBLOCK);
  if (monitor->socket_ < 0) {
    error = std::string("opening a netlink socket: ") + std::strerror(errno);
    return nullptr;
  }
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
  if (!options.route_interfaces.empty())
    address.nl_groups |= RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE | RTMGRP_NEIGH;
  if (bind(monitor->socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    error = std::string("listening to the kernel's routes: ") + std::strerror(errno);
    return nullptr;
  }
  error = monitor->read_all();
  if (!error.empty()) return nullptr;
  return monitor;
}

RouteMonitor::~RouteMonitor() {
  if (socket_ >= 0) close(socket_);
}

bool RouteMonitor::poll() {
  alignas(8) std::byte datagram[kDatagramBytes];
  bool any = false;
  for (unsigned i = 0; i < kMessagesPerPoll; ++i) {
    const ssize_t got = recv(socket_, datagram, sizeof datagram, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == ENOBUFS) {
      ++counters.overruns;
      must_read_all_ = any = true;
      continue;
    }
    if (got <= 0) break;
    any = true;
    int finished = 0;
    take({datagram, static_cast<size_t>(got)}, finished);
  }
  if (must_read_all_) {
    must_read_all_ = false;
    // What could not be read is as it was; the next news tries again.
    if (!read_all().empty()) must_read_all_ = true;
  }
  return any;
}

// Everything once more, into new tables; the difference to the old ones is told.
std::string RouteMonitor::read_all() {
  collected_.clear();
  collected_addresses_.clear();
  reading_all_ = true;
  std::string error;
  for (const unsigned interface : options_.interfaces)
    if (error.empty()) error = dump(RTM_GETADDR, AF_UNSPEC, interface);
  for (const unsigned interface : options_.route_interfaces) {
    for (const uint8_t family : {AF_INET, AF_INET6})
      if (error.empty()) error = dump(RTM_GETROUTE, family, interface);
    if (error.empty()) error = dump(RTM_GETNEIGH, AF_UNSPEC, interface);
  }
  reading_all_ = false;
  if (!error.empty()) return error;
  for (const auto& each : addresses_)
    if (!collected_addresses_.contains(each)) user_.on_address({each.second}, each.first, false);
  for (const auto& each : collected_addresses_)
    if (!addresses_.contains(each)) user_.on_address({each.second}, each.first, true);
  addresses_.swap(collected_addresses_);
  for (const auto& [key, metrics] : routes_)
    if (!collected_.contains(key)) tell(key, &metrics, nullptr);
  for (const auto& [key, metrics] : collected_) {
    const auto old = routes_.find(key);
    tell(key, old == routes_.end() ? nullptr : &old->second, &metrics);
  }
  routes_.swap(collected_);
  collected_.clear();
  return "";
}

// One list of the kernel's, through a socket of its own.
std::string RouteMonitor::dump(uint16_t type, uint8_t family, unsigned interface) {
  const int from = netlink_socket(0);
  if (from < 0) return std::string("opening a netlink socket: ") + std::strerror(errno);
  // With strict checks the kernel sends only what is of the interface; without, all, and we look.
  const int on = 1;
  setsockopt(from, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
  const timeval limit{5, 0};
  setsockopt(from, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  const auto sent = [&](const NetlinkRequest& request) {
    return send(from, request.data(), request.size(), 0) == static_cast<ssize_t>(request.size());
  };
  bool good = false;
  if (type == RTM_GETADDR) {
    ifaddrmsg body{};
    body.ifa_family = family;
    body.ifa_index = interface;
    good = sent(NetlinkRequest(type, NLM_F_DUMP, body));
  } else if (type == RTM_GETNEIGH) {
    ndmsg body{};
    body.ndm_family = family;
    NetlinkRequest request(type, NLM_F_DUMP, body);
    request.attribute(NDA_IFINDEX, interface);
    good = sent(request);
  } else {
    rtmsg body{};
    body.rtm_family = family;
    NetlinkRequest request(type, NLM_F_DUMP, body);
    request.attribute(RTA_OIF, interface);
    good = sent(request);
  }
  std::string error;
  int finished = good ? 0 : errno;
  alignas(8) std::byte datagram[kDatagramBytes];
  while (finished == 0) {
    const ssize_t got = recv(from, datagram, sizeof datagram, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      finished = got < 0 ? errno : EPROTO;
      break;
    }
    // Disturbed by a change: that change is news, too.
    if (!take({datagram, static_cast<size_t>(got)}, finished)) must_read_all_ = true;
  }
  close(from);
  // -1: all of it was read. No such interface: then there is nothing of it.
  if (finished > 0 && finished != ENODEV)
    error = std::string("reading the kernel's routes: ") + std::strerror(finished);
  return error;
}

bool RouteMonitor::take(std::span<const std::byte> datagram, int& finished) {
  bool undisturbed = true;
  while (datagram.size() >= sizeof(nlmsghdr)) {
    nlmsghdr header;
    std::memcpy(&header, datagram.data(), sizeof header);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > datagram.size()) break;
    const auto body = datagram.subspan(NLMSG_HDRLEN, header.nlmsg_len - NLMSG_HDRLEN);
    if (header.nlmsg_flags & NLM_F_DUMP_INTR) undisturbed = false;
    ++counters.messages;
    switch (header.nlmsg_type) {
      case NLMSG_DONE: finished = -1; break;
      case NLMSG_ERROR: {
        nlmsgerr answer{};
        finished = body_of(body, answer) && answer.error < 0 ? -answer.error : -1;
        break;
      }
      case RTM_NEWROUTE:
      case RTM_DELROUTE: take_route(body, header.nlmsg_type == RTM_NEWROUTE, header.nlmsg_flags); break;
      case RTM_NEWADDR:
      case RTM_DELADDR: take_address(body, header.nlmsg_type == RTM_NEWADDR); break;
      case RTM_NEWNEIGH: take_neighbour(body); break;
      case RTM_NEWLINK:
      case RTM_DELLINK: take_link(body, header.nlmsg_type == RTM_NEWLINK); break;
      default: break;
    }
    const size_t step = NLMSG_ALIGN(header.nlmsg_len);
    if (step >= datagram.size()) break;
    datagram = datagram.subspan(step);
  }
  return undisturbed;
}

void RouteMonitor::take_route(std::span<const std::byte> body, bool added, uint16_t flags) {
  rtmsg route;
  if (!body_of(body, route) || (route.rtm_family != AF_INET && route.rtm_family != AF_INET6)) return;
  // The networks of addresses come with the addresses.
  if (route.rtm_type != RTN_UNICAST || route.rtm_flags & RTM_F_CLONED ||
      route.rtm_protocol == RTPROT_KERNEL || route.rtm_src_len != 0 || route.rtm_tos != 0)
    return;
  uint32_t table = route.rtm_table, metric = 0;
  Key key{route.rtm_family == AF_INET ? IpAddress::v4(0) : IpAddress{}, route.rtm_dst_len};
  Hop single;
  bool usable = true;
  std::vector<Hop> hops;
  attributes_of<rtmsg>(body, [&](uint16_t type, std::span<const uint8_t> payload) {
    switch (type) {
      case RTA_TABLE: table = number(payload); break;
      case RTA_PRIORITY: metric = number(payload); break;
      case RTA_DST: netlink_address(payload, key.first); break;
      case RTA_OIF: single.interface = number(payload); break;
      case RTA_GATEWAY: netlink_address(payload, single.gateway); break;
      case RTA_VIA: usable = false; break;
      case RTA_MULTIPATH: {
        std::span<const uint8_t> rest = payload;
        rtnexthop next;
        while (rest.size() >= sizeof next) {
          std::memcpy(&next, rest.data(), sizeof next);
          if (next.rtnh_len < sizeof next || next.rtnh_len > rest.size()) break;
          Hop hop{{}, static_cast<unsigned>(next.rtnh_ifindex)};
          bool fits = true;
          if (next.rtnh_len > sizeof next)
            each_attribute(reinterpret_cast<const rtattr*>(rest.data() + sizeof next),
                           next.rtnh_len - sizeof next, [&](uint16_t inner, std::span<const uint8_t> value) {
                             if (inner == RTA_GATEWAY) netlink_address(value, hop.gateway);
                             if (inner == RTA_VIA) fits = false;
                           });
          if (options_.route_interfaces.contains(hop.interface)) {
            if (fits)
              hops.push_back(hop);
            else
              ++counters.unusable;
          }
          const size_t step = RTNH_ALIGN(next.rtnh_len);
          if (step >= rest.size()) break;
          rest = rest.subspan(step);
        }
        break;
      }
      default: break;
    }
  });
  if (table != RT_TABLE_MAIN) return;
  if (options_.route_interfaces.contains(single.interface)) {
    if (usable)
      hops.push_back(single);
    else
      ++counters.unusable;
  }
  Table& into = reading_all_ ? collected_ : routes_;
  auto at = into.find(key);
  // A route that goes elsewhere now does not go here any more.
  const bool replaces = added && flags & NLM_F_REPLACE && !reading_all_;
  if (hops.empty() && !replaces) return;
  if (at == into.end()) {
    if (!added || hops.empty()) return;
    if (into.size() == kPrefixesLimit) {
      ++counters.prefixes_limit;
      return;
    }
    at = into.emplace(key, Metrics{}).first;
  }
  const Metrics before = at->second;
  std::vector<Hop>& set = at->second[metric];
  if (replaces) set.clear();
  for (const Hop& hop : hops) {
    const auto found = std::find(set.begin(), set.end(), hop);
    if (added && found == set.end()) set.push_back(hop);
    if (!added && found != set.end()) set.erase(found);
  }
  if (set.empty()) at->second.erase(metric);
  if (!reading_all_) tell(key, &before, &at->second);
  if (at->second.empty()) into.erase(at);
}

void RouteMonitor::tell(const Key& key, const Metrics* before, const Metrics* after) {
  static const std::vector<Hop> kNone;
  const auto best = [](const Metrics* metrics) -> const std::vector<Hop>& {
    return metrics == nullptr || metrics->empty() ? kNone : metrics->begin()->second;
  };
  if (best(before) != best(after)) user_.on_routes(key.first, key.second, best(after));
}

void RouteMonitor::take_address(std::span<const std::byte> body, bool added) {
  ifaddrmsg about;
  if (!body_of(body, about) || !options_.interfaces.contains(about.ifa_index)) return;
  IpAddress address, peer;
  bool has_local = false, has_peer = false;
  attributes_of<ifaddrmsg>(body, [&](uint16_t type, std::span<const uint8_t> payload) {
    // Of a point-to-point link IFA_ADDRESS is the other end.
    if (type == IFA_LOCAL) has_local = netlink_address(payload, address);
    if (type == IFA_ADDRESS) has_peer = netlink_address(payload, peer);
  });
  if (!has_local) address = peer;
  if (!has_local && !has_peer) return;
  const std::pair<unsigned, std::array<uint8_t, 16>> entry{about.ifa_index, address.bytes};
  if (reading_all_) {
    collected_addresses_.insert(entry);
    return;
  }
  if (added ? addresses_.insert(entry).second : addresses_.erase(entry) > 0)
    user_.on_address(address, about.ifa_index, added);
  // With an address go the routes that had it as their source, of which the kernel does not tell.
  if (!added && !options_.route_interfaces.empty()) must_read_all_ = true;
}

void RouteMonitor::take_neighbour(std::span<const std::byte> body) {
  ndmsg about;
  constexpr uint16_t kKnown = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT;
  if (!body_of(body, about) ||
      !options_.route_interfaces.contains(static_cast<unsigned>(about.ndm_ifindex)) ||
      (about.ndm_family != AF_INET && about.ndm_family != AF_INET6) || !(about.ndm_state & kKnown))
    return;
  IpAddress address;
  MacAddress mac;
  bool has_address = false, has_mac = false;
  attributes_of<ndmsg>(body, [&](uint16_t type, std::span<const uint8_t> payload) {
    if (type == NDA_DST) has_address = netlink_address(payload, address);
    if (type == NDA_LLADDR && payload.size() == mac.bytes.size()) {
      std::copy(payload.begin(), payload.end(), mac.bytes.begin());
      has_mac = true;
    }
  });
  if (has_address && has_mac) user_.on_neighbour(address, static_cast<unsigned>(about.ndm_ifindex), mac);
}

void RouteMonitor::take_link(std::span<const std::byte> body, bool present) {
  ifinfomsg about;
  if (!body_of(body, about)) return;
  const auto interface = static_cast<unsigned>(about.ifi_index);
  // Messages of a bridge's ports have a family.
  if (about.ifi_family != AF_UNSPEC || !options_.interfaces.contains(interface)) return;
  // When a link goes down its IPv4 routes go without a word.
  if (!options_.route_interfaces.empty()) must_read_all_ = true;
  if (present) return;
  for (auto each = addresses_.begin(); each != addresses_.end();) {
    if (each->first != interface) {
      ++each;
      continue;
    }
    user_.on_address({each->second}, interface, false);
    each = addresses_.erase(each);
  }
  user_.on_interface_gone(interface);
}

}  // namespace sluice::kernel
