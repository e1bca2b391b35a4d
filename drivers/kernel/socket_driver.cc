// SPDX-License-Identifier: Apache-2.0
// What both drivers share: opening sockets and their options, datagrams, and the choice of the driver.
#include "drivers/kernel/socket_driver.hh"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
// After the socket headers, which it relies on.
#include <linux/errqueue.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "drivers/kernel/errno_error.hh"
#include "drivers/kernel/host_address.hh"
#include "drivers/kernel/port_registry.hh"

namespace sluice::kernel {

namespace {

constexpr unsigned kDatagramBatch = 16;
constexpr unsigned kDatagramBatchesPerEvent = 4;
constexpr unsigned kErrorsPerEvent = 16;
constexpr uint32_t kSpillBytes = 65536;  // no UDP datagram is larger

void enable(int fd, int level, int option) {
  const int on = 1;
  setsockopt(fd, level, option, &on, sizeof on);
}

OpenResult listen_error(int number, const Endpoint& local) {
  OpenResult result;
  result.error = error_from_errno(number);
  const std::string at = local.to_string();
  switch (number) {
    case EADDRINUSE:
      result.detail = "cannot listen on " + at +
                      ": another program listens there already; stop it (ss -ltnp 'sport = :" +
                      std::to_string(local.port) + "' names it) or choose another port";
      break;
    case EACCES:
    case EPERM:
      result.detail =
          "cannot listen on " + at +
          ": ports below 1024 need a privilege; choose a higher port, or allow it with "
          "setcap cap_net_bind_service=+ep on the program or sysctl net.ipv4.ip_unprivileged_port_start=" +
          std::to_string(local.port);
      break;
    case EADDRNOTAVAIL:
      result.detail =
          "cannot listen on " + at + ": no interface of this machine has that address; ip address lists them";
      break;
    case EMFILE:
    case ENFILE:
      result.detail = "cannot listen on " + at + ": no file descriptor is left; raise the limit (ulimit -n)";
      break;
    default: result.detail = "cannot listen on " + at + ": " + strerror(number);
  }
  return result;
}

OpenResult failure(int number, const char* what, const Endpoint& where) {
  OpenResult result;
  result.error = error_from_errno(number);
  result.detail = std::string(what) + " " + where.to_string() + ": " + strerror(number);
  if (result.error == Error::kTooManyFiles) result.detail += "; raise the limit of open files (ulimit -n)";
  return result;
}

// An unbound socket for `address`. The any address in its IPv6 form becomes IPv4 where the host has no IPv6, unless IPv6 alone
// is wanted.
int open_socket(const IpAddress& address, int type, bool& ipv6, bool ipv6_only = false) {
  ipv6 = !address.is_v4();
  int fd = ::socket(ipv6 ? AF_INET6 : AF_INET, type, 0);
  if (fd < 0 && ipv6 && errno == EAFNOSUPPORT && address.is_any() && !ipv6_only) {
    ipv6 = false;
    fd = ::socket(AF_INET, type, 0);
  }
  if (fd >= 0 && ipv6) {
    const int only = ipv6_only;
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
  }
  return fd;
}

// Whether somebody listens on `local`: a socket that shares nothing can then not be bound to it.
int probe(const Endpoint& local, bool ipv6_only) {
  bool ipv6;
  const int fd = open_socket(local.address, SOCK_STREAM | SOCK_CLOEXEC, ipv6, ipv6_only);
  if (fd < 0) return errno;
  enable(fd, SOL_SOCKET, SO_REUSEADDR);  // connections in TIME_WAIT do not count
  const HostAddress address = to_host(local, ipv6);
  const int number = ::bind(fd, &address.any, address.bytes) < 0 ? errno : 0;
  ::close(fd);
  return number;
}

}  // namespace

OpenResult SocketDriver::listen(Socket& socket, const ListenRequest& request) {
  PortUse use = PortUse::kNew;
  if (request.local.port != 0) {
    use = port_use(request.local, this);
    if (use == PortUse::kTwice) {
      return {Error::kAddressInUse,
              "cannot listen on " + request.local.to_string() +
                  ": this program listens there already; close that server first or choose another port"};
    }
    if (use == PortUse::kNew) {
      if (const int number = probe(request.local, request.ipv6_only))
        return listen_error(number, request.local);
    }
  }
  const int type = SOCK_STREAM | SOCK_CLOEXEC | (wants_nonblocking() ? SOCK_NONBLOCK : 0);
  const int fd = open_socket(request.local.address, type, socket.ipv6, request.ipv6_only);
  if (fd < 0) return listen_error(errno, request.local);
  enable(fd, SOL_SOCKET, SO_REUSEADDR);
  enable(fd, SOL_SOCKET, SO_REUSEPORT);
  if (request.no_delay) enable(fd, IPPROTO_TCP, TCP_NODELAY);
  const HostAddress address = to_host(request.local, socket.ipv6);
  const int backlog = static_cast<int>(std::min<uint32_t>(request.backlog, INT32_MAX));
  if (::bind(fd, &address.any, address.bytes) < 0 || ::listen(fd, backlog) < 0) {
    const int number = errno;
    ::close(fd);
    return listen_error(number, request.local);
  }
  socket.fd = fd;
  socket.kind = Socket::Kind::kListener;
  add_port(local(socket), this);
  ++open_sockets_;
  start_listener(socket);
  return {};
}

OpenResult SocketDriver::connect(Socket& socket, const ConnectRequest& request) {
  const int type = SOCK_STREAM | SOCK_CLOEXEC | (wants_nonblocking() ? SOCK_NONBLOCK : 0);
  const int fd = open_socket(request.remote.address, type, socket.ipv6);
  if (fd < 0) return failure(errno, "cannot connect to", request.remote);
  if (request.no_delay) enable(fd, IPPROTO_TCP, TCP_NODELAY);
  if (!request.local_address.is_any()) {
    // The port is chosen at connect(), so that one port may serve connections to several peers.
    enable(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);
    const HostAddress address = to_host({request.local_address, 0}, socket.ipv6);
    if (::bind(fd, &address.any, address.bytes) < 0) {
      const int number = errno;
      ::close(fd);
      return failure(number, "cannot connect from", {request.local_address, 0});
    }
  }
  socket.fd = fd;
  socket.kind = Socket::Kind::kStream;
  ++open_sockets_;
  const HostAddress address = to_host(request.remote, socket.ipv6);
  return start_connect(socket, &address.any, address.bytes);
}

OpenResult SocketDriver::bind_datagram(Socket& socket, const Endpoint& local, bool reuse_address) {
  const int fd = open_socket(local.address, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, socket.ipv6);
  if (fd < 0) return failure(errno, "cannot bind the datagram socket", local);
  if (reuse_address) enable(fd, SOL_SOCKET, SO_REUSEADDR);
  // The address a datagram was sent to, and ICMP errors about what we sent.
  enable(fd, IPPROTO_IP, IP_PKTINFO);
  enable(fd, IPPROTO_IP, IP_RECVERR);
  if (socket.ipv6) {
    enable(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO);
    enable(fd, IPPROTO_IPV6, IPV6_RECVERR);
  }
  const HostAddress address = to_host(local, socket.ipv6);
  if (::bind(fd, &address.any, address.bytes) < 0) {
    const int number = errno;
    ::close(fd);
    OpenResult result = failure(number, "cannot bind the datagram socket", local);
    if (number == EADDRINUSE) result.detail += "; ss -lunp names who uses it";
    return result;
  }
  socket.fd = fd;
  socket.kind = Socket::Kind::kDatagram;
  if (!spill_) spill_ = std::make_unique_for_overwrite<std::byte[]>(kDatagramBatch * kSpillBytes);
  ++open_sockets_;
  start_datagram(socket);
  return {};
}

void SocketDriver::refuse(int descriptor) {
  const linger reset{1, 0};
  setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  ::close(descriptor);
}

void SocketDriver::shutdown_send(Socket& socket) {
  ++counters.system_calls;
  ::shutdown(socket.fd, SHUT_WR);
}

void SocketDriver::set_no_delay(const Socket& socket, bool enabled) {
  const int value = enabled;
  setsockopt(socket.fd, IPPROTO_TCP, TCP_NODELAY, &value, sizeof value);
}

void SocketDriver::set_keep_alive(const Socket& socket, bool enabled, uint32_t idle_ms) {
  const int value = enabled;
  setsockopt(socket.fd, SOL_SOCKET, SO_KEEPALIVE, &value, sizeof value);
  if (!enabled) return;
  const int idle_s = static_cast<int>(std::clamp<uint32_t>((idle_ms + 999) / 1000, 1, 32767));
  setsockopt(socket.fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
}

Endpoint SocketDriver::local(const Socket& socket) {
  sockaddr_storage storage;
  socklen_t bytes = sizeof storage;
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  return getsockname(socket.fd, address, &bytes) < 0 ? Endpoint{} : from_host(address);
}

Endpoint SocketDriver::remote(const Socket& socket) {
  sockaddr_storage storage;
  socklen_t bytes = sizeof storage;
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  return getpeername(socket.fd, address, &bytes) < 0 ? Endpoint{} : from_host(address);
}

void SocketDriver::close(Socket& socket, bool reset) {
  SLUICE_ASSERT(socket.fd >= 0 && !socket.closing);
  if (socket.kind == Socket::Kind::kListener) {
    remove_port(local(socket), this);
    // Ends listening at once, so that the endpoint is free when this returns, whoever still holds the file.
    ::shutdown(socket.fd, SHUT_RDWR);
  }
  if (reset) {
    const linger at_once{1, 0};
    setsockopt(socket.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  socket.closing = true;
  start_close(socket);
}

void SocketDriver::forget(Socket& socket) {
  socket.fd = -1;
  socket.closing = false;
  socket.state = 0;
  SLUICE_ASSERT(open_sockets_ > 0);
  --open_sockets_;
  if (user_) user_->released(socket);
}

void SocketDriver::drain() {
  for (int rounds = 0; open_sockets_ > 0 && rounds < 100; ++rounds) {
    flush();
    if (!reap()) {
      waiter().wait(10'000'000);
    }
  }
}

// ---- datagrams: by readiness in both drivers, as the path of a datagram is not where the time goes --------

namespace {

// Room for IP_PKTINFO and IPV6_PKTINFO.
union ControlSpace {
  cmsghdr align;
  char bytes[CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(in_pktinfo))];
};

IpAddress destination_of(msghdr& message) {
  IpAddress address;
  for (cmsghdr* control = CMSG_FIRSTHDR(&message); control; control = CMSG_NXTHDR(&message, control)) {
    if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info;
      std::memcpy(&info, CMSG_DATA(control), sizeof info);
      std::memcpy(address.bytes.data(), &info.ipi6_addr, 16);
      return address;
    }
    if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
      in_pktinfo info;
      std::memcpy(&info, CMSG_DATA(control), sizeof info);
      address = IpAddress::v4(ntohl(info.ipi_addr.s_addr));
    }
  }
  return address;
}

// Takes one entry of the socket's error queue: an ICMP error with the destination of what caused it.
bool read_error_queue(int fd, Endpoint& remote, Error& error) {
  sockaddr_storage name;
  char payload[1];
  union {
    cmsghdr align;
    char bytes[512];
  } control;
  iovec vector{payload, sizeof payload};
  msghdr message{};
  message.msg_name = &name;
  message.msg_namelen = sizeof name;
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes;
  message.msg_controllen = sizeof control.bytes;
  if (recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return false;
  remote = message.msg_namelen ? from_host(reinterpret_cast<sockaddr*>(&name)) : Endpoint{};
  error = Error::kIo;
  for (cmsghdr* at = CMSG_FIRSTHDR(&message); at; at = CMSG_NXTHDR(&message, at)) {
    const bool extended = (at->cmsg_level == IPPROTO_IP && at->cmsg_type == IP_RECVERR) ||
                          (at->cmsg_level == IPPROTO_IPV6 && at->cmsg_type == IPV6_RECVERR);
    if (!extended) continue;
    sock_extended_err about;
    std::memcpy(&about, CMSG_DATA(at), sizeof about);
    error = error_from_errno(static_cast<int>(about.ee_errno));
  }
  return true;
}

}  // namespace

void SocketDriver::report_datagram_errors(Socket& socket) {
  Endpoint remote;
  Error error;
  for (unsigned i = 0; i < kErrorsPerEvent && !socket.closing && read_error_queue(socket.fd, remote, error);
       ++i)
    user_->datagram_error(socket, remote, error);
}

bool SocketDriver::receive_datagrams(Socket& socket, BufferPool& pool) {
  Buffer* buffers[kDatagramBatch];
  mmsghdr messages[kDatagramBatch];
  iovec vectors[kDatagramBatch][2];
  sockaddr_storage names[kDatagramBatch];
  ControlSpace controls[kDatagramBatch];
  const uint16_t port = local(socket).port;
  for (unsigned batch = 0; batch < kDatagramBatchesPerEvent; ++batch) {
    unsigned room = 0;
    while (room < kDatagramBatch && (buffers[room] = pool.allocate()) != nullptr) {
      vectors[room][0] = {buffers[room]->data, buffers[room]->tailroom()};
      vectors[room][1] = {spill_.get() + room * kSpillBytes, kSpillBytes};
      messages[room] = {};
      msghdr& header = messages[room].msg_hdr;
      header.msg_name = &names[room];
      header.msg_namelen = sizeof names[room];
      header.msg_iov = vectors[room];
      header.msg_iovlen = 2;
      header.msg_control = controls[room].bytes;
      header.msg_controllen = sizeof controls[room].bytes;
      ++room;
    }
    if (room == 0) {
      ++counters.receive_starved;
      return true;
    }
    ++counters.system_calls;
    const int count = recvmmsg(socket.fd, messages, room, MSG_DONTWAIT, nullptr);
    const int number = count < 0 ? errno : 0;
    const unsigned received = count < 0 ? 0 : static_cast<unsigned>(count);
    for (unsigned i = received; i < room; ++i) release(buffers[i]);
    for (unsigned i = 0; i < received; ++i) {
      BufferRef head(buffers[i]);
      if (socket.closing) continue;
      const Endpoint from = from_host(reinterpret_cast<sockaddr*>(&names[i]));
      const Endpoint to{destination_of(messages[i].msg_hdr), port};
      uint32_t left = messages[i].msg_len;
      const std::byte* spilled = spill_.get() + i * kSpillBytes;
      Buffer* tail = head.get();
      tail->length = std::min(left, tail->tailroom());
      left -= tail->length;
      while (left > 0 && (tail->next_segment = pool.allocate()) != nullptr) {
        tail = tail->next_segment;
        const uint32_t part = std::min(left, tail->tailroom());
        tail->append(spilled, part);
        spilled += part;
        left -= part;
      }
      // Cut, a datagram would be worse than lost.
      if (left > 0) {
        user_->datagram_error(socket, from, Error::kNoBuffers);
      } else {
        user_->datagram(socket, from, to, head.take());
      }
    }
    if (socket.closing) return false;
    if (count < 0 && number != EAGAIN && number != EINTR) {
      // An error that is pending is reported once by any call; the error queue keeps it with its address.
      report_datagram_errors(socket);
      continue;
    }
    if (received < room) {
      report_datagram_errors(socket);
      return false;
    }
  }
  return true;
}

SocketDriver::DatagramResult SocketDriver::send_datagram(Socket& socket, const Endpoint& to,
                                                         const Buffer* payload, Error& error) {
  constexpr unsigned kSegments = 64;
  iovec vectors[kSegments];
  unsigned used = 0;
  for (const Buffer* segment = payload; segment; segment = segment->next_segment) {
    if (segment->length == 0) continue;
    if (used == kSegments) {
      error = Error::kMessageTooLong;
      return DatagramResult::kFailed;
    }
    vectors[used++] = {segment->data, segment->length};
  }
  if (!socket.ipv6 && !to.address.is_v4()) {
    error = Error::kAddressNotAvailable;
    return DatagramResult::kFailed;
  }
  HostAddress address = to_host(to, socket.ipv6);
  msghdr message{};
  message.msg_name = &address.any;
  message.msg_namelen = address.bytes;
  message.msg_iov = vectors;
  message.msg_iovlen = used;
  // Twice: the first call may report an ICMP error about an earlier datagram, which the error queue keeps.
  int number = 0;
  for (int attempt = 0; attempt < 2; ++attempt) {
    ++counters.system_calls;
    if (sendmsg(socket.fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return DatagramResult::kSent;
    number = errno;
    if (number != ECONNREFUSED && number != EHOSTUNREACH && number != ENETUNREACH && number != EINTR) break;
  }
  if (number == EAGAIN) {
    want_datagram_writable(socket);
    return DatagramResult::kWouldBlock;
  }
  error = error_from_errno(number);
  return DatagramResult::kFailed;
}

// ---- the choice -------------------------------------------------------------------------------------------

std::unique_ptr<SocketDriver> make_socket_driver(const DriverOptions& options, BufferPool& pool,
                                                 std::string& why) {
  why.clear();
  if (options.kind != DriverKind::kEpoll) {
    if (auto driver = make_uring_driver(options, pool, why)) return driver;
    if (options.kind == DriverKind::kUring) return nullptr;
  }
  std::string epoll_why;
  auto driver = make_epoll_driver(pool, epoll_why);
  if (!driver) why += (why.empty() ? "" : "; ") + epoll_why;
  return driver;
}

}  // namespace sluice::kernel
