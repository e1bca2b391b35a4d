// SPDX-License-Identifier: Apache-2.0
#include "drivers/kernel/kernel_interface.hh"

#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "drivers/kernel/netlink.hh"

namespace sluice::kernel {

static_assert(sizeof(KernelInterface::FrameHeader) == 10);

namespace {

std::string reason() { return std::string(": ") + std::strerror(errno); }

// Sends one request and waits for the kernel's word on it; an errno value, 0: done.
int ask(int socket, const NetlinkRequest& request) {
  if (send(socket, request.data(), request.size(), 0) < 0) return errno;
  alignas(8) std::byte answer[1024];
  const ssize_t got = recv(socket, answer, sizeof answer, 0);
  if (got < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(nlmsgerr)))) return got < 0 ? errno : EPROTO;
  const auto* header = reinterpret_cast<const nlmsghdr*>(answer);
  return header->nlmsg_type == NLMSG_ERROR ? -static_cast<const nlmsgerr*>(NLMSG_DATA(header))->error
                                           : EPROTO;
}

}  // namespace

std::unique_ptr<KernelInterface> KernelInterface::create(const KernelInterfaceOptions& options,
                                                         std::string& error) {
  std::unique_ptr<KernelInterface> made(new KernelInterface);
  made->name_ = options.name;
  error = made->configure(options);
  if (!error.empty()) {
    error = "kernel interface " + options.name + ": " + error;
    return nullptr;
  }
  return made;
}

KernelInterface::~KernelInterface() {
  for (const int each : descriptors_) close(each);  // with the last one it goes
}

std::string KernelInterface::configure(const KernelInterfaceOptions& options) {
  if (if_nametoindex(name_.c_str()) != 0)
    return "there is an interface of this name already; give another one";
  ifreq request{};
  std::memcpy(request.ifr_name, name_.c_str(), std::min<size_t>(name_.size(), IFNAMSIZ - 1));
  for (uint32_t queue = 0; queue < options.queues; ++queue) {
    const int tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (tun < 0) return "opening /dev/net/tun" + reason() + "; sluice doctor says how to get it";
    descriptors_.push_back(tun);
    // The flag of several queues also with one: it costs nothing.
    request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE | IFF_VNET_HDR;
    if (ioctl(tun, TUNSETIFF, &request) != 0)
      return "making it" + reason() + (errno == EPERM ? "; it needs CAP_NET_ADMIN" : "");
    int header_bytes = sizeof(FrameHeader);
    if (ioctl(tun, TUNSETVNETHDRSZ, &header_bytes) != 0) return "setting its header" + reason();
  }
  index_ = if_nametoindex(name_.c_str());

  const int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (control < 0) return "opening a socket" + reason();
  const auto set = [&](unsigned long what, const char* title) -> std::string {
    return ioctl(control, what, &request) == 0 ? "" : title + reason();
  };
  std::string error;
  request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
  std::memcpy(request.ifr_hwaddr.sa_data, options.mac.bytes.data(), 6);
  error = set(SIOCSIFHWADDR, "setting its MAC address");
  if (error.empty()) {
    request.ifr_mtu = static_cast<int>(options.mtu_bytes);
    error = set(SIOCSIFMTU, "setting its MTU");
  }
  if (error.empty()) {
    request.ifr_flags = IFF_UP;
    error = set(SIOCSIFFLAGS, "bringing it up");
  }
  close(control);
  if (!error.empty()) return error;

  const int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (netlink < 0) return "opening a netlink socket" + reason();
  for (const auto& own : options.addresses) {
    ifaddrmsg body{};
    body.ifa_family = netlink_family(own.address);
    body.ifa_prefixlen = own.prefix_bits;
    body.ifa_index = index_;
    if (!own.address.is_v4()) body.ifa_flags = IFA_F_NODAD;  // our own stack has asked for it
    NetlinkRequest add(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK, body);
    add.attribute(IFA_LOCAL, own.address);
    add.attribute(IFA_ADDRESS, own.address);
    if (const int code = ask(netlink, add); code != 0 && error.empty())
      error = "giving it the address " + own.address.to_string() + ": " + std::strerror(code);
  }
  for (const IpAddress& gateway : options.gateways) {
    rtmsg body{};
    body.rtm_family = netlink_family(gateway);
    body.rtm_table = RT_TABLE_MAIN;
    body.rtm_protocol = RTPROT_STATIC;
    body.rtm_scope = RT_SCOPE_UNIVERSE;
    body.rtm_type = RTN_UNICAST;
    NetlinkRequest add(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK, body);
    add.attribute(RTA_GATEWAY, gateway);
    add.attribute(RTA_OIF, index_);
    add.attribute(RTA_PRIORITY, kRouteMetric);
    if (const int code = ask(netlink, add); code != 0 && error.empty())
      error = "the default route through " + gateway.to_string() + ": " + std::strerror(code);
  }
  close(netlink);
  return error;
}

}  // namespace sluice::kernel
