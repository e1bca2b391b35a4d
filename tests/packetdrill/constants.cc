// SPDX-License-Identifier: Apache-2.0
// The names of socket calls that scripts use. The numbers are only compared with one another.
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <map>

#include "tests/packetdrill/script.hh"

namespace sluice::packetdrill {

std::optional<int64_t> constant(const std::string& name) {
#define NAME(x) \
  { #x, x }
  static const std::map<std::string, int64_t> names = {
      NAME(AF_INET),
      NAME(AF_INET6),
      NAME(SOCK_STREAM),
      NAME(SOCK_DGRAM),
      NAME(SOCK_NONBLOCK),
      NAME(IPPROTO_TCP),
      NAME(IPPROTO_UDP),
      NAME(IPPROTO_IP),
      NAME(SOL_SOCKET),
      {"SOL_TCP", IPPROTO_TCP},
      {"SOL_IP", IPPROTO_IP},
      NAME(SO_REUSEADDR),
      NAME(SO_REUSEPORT),
      NAME(SO_KEEPALIVE),
      NAME(SO_LINGER),
      NAME(SO_SNDBUF),
      NAME(SO_RCVBUF),
      NAME(SO_ERROR),
      NAME(TCP_NODELAY),
      NAME(TCP_CONGESTION),
      NAME(TCP_KEEPIDLE),
      NAME(TCP_QUICKACK),
      NAME(TCP_USER_TIMEOUT),
      NAME(TCP_MAXSEG),
      NAME(O_RDWR),
      NAME(O_NONBLOCK),
      NAME(F_GETFL),
      NAME(F_SETFL),
      NAME(SHUT_RD),
      NAME(SHUT_WR),
      NAME(SHUT_RDWR),
      NAME(POLLIN),
      NAME(POLLOUT),
      NAME(POLLERR),
      NAME(POLLHUP),
      NAME(POLLRDHUP),
      NAME(MSG_DONTWAIT),
      NAME(MSG_NOSIGNAL),
      NAME(MSG_MORE),
      NAME(MSG_EOR),
      NAME(MSG_FASTOPEN),
      NAME(MSG_ZEROCOPY),
      NAME(AF_UNSPEC),
      NAME(SO_ZEROCOPY),
      NAME(SO_TIMESTAMPING),
      NAME(TCP_FASTOPEN),
      NAME(TCP_FASTOPEN_CONNECT),
      NAME(TCP_FASTOPEN_KEY),
      NAME(TCP_FASTOPEN_NO_COOKIE),
      NAME(TCP_NOTSENT_LOWAT),
      NAME(TCP_CORK),
      NAME(TCP_SYNCNT),
      NAME(TCP_WINDOW_CLAMP),
      NAME(TCP_INQ),
      NAME(TCP_CM_INQ),
      NAME(IP_TOS),
      NAME(IP_MTU_DISCOVER),
      NAME(IP_PMTUDISC_DONT),
      NAME(IP_PMTUDISC_DO),
      NAME(IP_PMTUDISC_WANT),
      NAME(FIONREAD),
      {"SIOCINQ", FIONREAD},
      {"SIOCOUTQ", TIOCOUTQ},
      {"EPOLLIN", EPOLLIN},
      {"EPOLLOUT", EPOLLOUT},
      {"EPOLLERR", EPOLLERR},
      {"EPOLLHUP", EPOLLHUP},
      {"EPOLLRDHUP", EPOLLRDHUP},
      {"EPOLLET", int64_t{EPOLLET}},
      NAME(EPOLL_CTL_ADD),
      NAME(EPOLL_CTL_MOD),
      NAME(EPOLL_CTL_DEL),
      NAME(O_RDONLY),
      {"TCPI_OPT_TIMESTAMPS", TCPI_OPT_TIMESTAMPS},
      {"TCPI_OPT_SACK", TCPI_OPT_SACK},
      {"TCPI_OPT_WSCALE", TCPI_OPT_WSCALE},
      {"TCPI_OPT_ECN", TCPI_OPT_ECN},
      {"TCPI_OPT_SYN_DATA", TCPI_OPT_SYN_DATA},
      // States of tcp_info (linux/tcp.h, which netinet/tcp.h does not have in full).
      {"TCP_CA_Open", 0},
      {"TCP_CA_Disorder", 1},
      {"TCP_CA_CWR", 2},
      {"TCP_CA_Recovery", 3},
      {"TCP_CA_Loss", 4},
      NAME(TCP_ESTABLISHED),
      NAME(TCP_SYN_SENT),
      NAME(TCP_SYN_RECV),
      NAME(TCP_FIN_WAIT1),
      NAME(TCP_FIN_WAIT2),
      NAME(TCP_TIME_WAIT),
      NAME(TCP_CLOSE),
      NAME(TCP_CLOSE_WAIT),
      NAME(TCP_LAST_ACK),
      NAME(TCP_LISTEN),
      NAME(TCP_CLOSING),
  };
#undef NAME
  const auto at = names.find(name);
  return at == names.end() ? std::nullopt : std::optional(at->second);
}

}  // namespace sluice::packetdrill
