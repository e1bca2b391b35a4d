// SPDX-License-Identifier: Apache-2.0
#include "tests/packetdrill/sockets.hh"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>

#include "tests/packetdrill/socket.hh"

namespace sluice::packetdrill {

namespace {

// How many bytes a struct msghdr's buffers hold.
uint64_t bytes_of(const Value& message) {
  uint64_t bytes = 0;
  if (const Value* buffers = member(message, "msg_iov"))
    for (const Value& buffer : buffers->items)
      if (buffer.members.size() == 2) bytes += static_cast<uint64_t>(buffer.members[1].second.number);
  return bytes;
}

}  // namespace

Sockets::Sockets(tcp::Tcp& tcp, const Settings& settings, IpAddress local, IpAddress remote)
    : tcp_(tcp), settings_(settings), local_(local), remote_(remote) {}

Sockets::~Sockets() = default;

Sockets::Socket* Sockets::find(const Value& descriptor) {
  const auto at = open_.find(static_cast<int>(descriptor.number));
  return at == open_.end() ? nullptr : at->second.get();
}

// The lowest free number, as POSIX says; scripts may ask for another one (packetdrill maps numbers).
int Sockets::add(std::unique_ptr<Socket> socket) {
  int descriptor = kFirstDescriptor;
  while (open_.contains(descriptor)) ++descriptor;
  return add(std::move(socket), descriptor);
}
int Sockets::add(std::unique_ptr<Socket> socket, int64_t wanted) {
  const int descriptor = static_cast<int>(wanted);
  socket->descriptor = descriptor;
  // A number that a script gives twice: the first one is not spoken of any more.
  if (const auto at = open_.find(descriptor); at != open_.end()) closed_.push_back(std::move(at->second));
  open_[descriptor] = std::move(socket);
  newest_ = descriptor;
  return descriptor;
}

int Sockets::descriptor_of(uint16_t local_port, uint16_t remote_port) const {
  for (const auto& [descriptor, socket] : open_)
    if (socket->stream_local_port == local_port && socket->stream_remote_port == remote_port)
      return descriptor;
  return -1;
}

std::optional<CallResult> Sockets::call(const CallEvent& call) {
  const auto& arguments = call.arguments;
  const auto argument = [&](size_t index) { return index < arguments.size() ? arguments[index] : Value{}; };
  if (call.name == "socket") {
    const int64_t type = argument(1).number;
    if ((type & ~int64_t{SOCK_NONBLOCK}) != SOCK_STREAM) return foreign("sockets that are not of TCP");
    auto socket = std::make_unique<Socket>();
    socket->non_blocking = (type & SOCK_NONBLOCK) != 0;
    if (call.result.kind == Value::Kind::kNumber && call.result.number >= 0 &&
        !open_.contains(static_cast<int>(call.result.number)))
      return done(add(std::move(socket), call.result.number));
    return done(add(std::move(socket)));
  }
  if (call.name == "poll") return poll(call);
  if (call.name.starts_with("epoll_")) return epoll(call);
  if (call.name == "open") {
    // A file of as many bytes as are asked for.
    if (call.result.kind != Value::Kind::kNumber || call.result.number < 0)
      return foreign("open() like this");
    return done(call.result.number);
  }
  if (arguments.empty()) return foreign(call.name + "()");
  Socket* socket = find(arguments[0]);
  if (!socket) return failed("EBADF");
  if (call.name == "setsockopt") return set_option(*socket, call);
  if (call.name == "getsockopt") return get_option(*socket, call);
  if (call.name == "fcntl") {
    if (argument(1).number == F_GETFL) return done(O_RDWR | (socket->non_blocking ? O_NONBLOCK : 0));
    socket->non_blocking = (argument(2).number & O_NONBLOCK) != 0;
    return done(0);
  }
  if (call.name == "bind") {
    socket->local_port = kPort;
    return done(0);
  }
  if (call.name == "listen") return listen(*socket);
  if (call.name == "accept") return accept(*socket, call);
  if (call.name == "connect") return connect(*socket);
  if (call.name == "ioctl") {
    const int64_t request = argument(1).number;
    CallResult result = done(0);
    if (request == FIONREAD) {
      result.filled = list_of(static_cast<int64_t>(socket->readable_bytes));
    } else if (request == TIOCOUTQ) {
      result.filled = list_of(socket->stream ? socket->stream->queued_bytes() : 0);
    } else {
      return foreign("ioctl() " + std::to_string(request));
    }
    return result;
  }
  if (call.name == "sendfile")
    return write(*socket, static_cast<uint64_t>(argument(3).number), !socket->non_blocking, false);
  if (call.name == "read" || call.name == "write" || call.name == "send" || call.name == "recv" ||
      call.name == "sendto" || call.name == "recvfrom" || call.name == "sendmsg" || call.name == "recvmsg")
    return transfer(*socket, call);
  if (call.name == "shutdown") {
    if (!socket->stream) return failed("ENOTCONN");
    const int64_t how = argument(1).number;
    if (how != SHUT_WR) {
      socket->reads_nothing = true;
    }
    if (how != SHUT_RD) {
      socket->writes_nothing = true;
      socket->stream->shutdown();
    }
    return done(0);
  }
  if (call.name == "close") {
    close(*socket);
    return done(0);
  }
  return foreign(call.name + "()");
}

void Sockets::close(Socket& socket) {
  const auto at = open_.find(socket.descriptor);
  std::unique_ptr<Socket> owned = std::move(at->second);
  open_.erase(at);
  owned->left = true;
  if (owned->stream) {
    if (owned->kind == Socket::Kind::kConnecting || owned->linger_at_once || owned->readable_bytes > 0) {
      owned->stream->abort();
    } else {
      owned->stream->shutdown();
    }
  }
  for (auto& waiting : owned->waiting)
    if (waiting->stream) waiting->stream->abort();
  owned->listener.reset();
  closed_.push_back(std::move(owned));
}

// read() and write() and their kin.
std::optional<CallResult> Sockets::transfer(Socket& socket, const CallEvent& call) {
  const auto& arguments = call.arguments;
  const auto number = [&](size_t index) { return index < arguments.size() ? arguments[index].number : 0; };
  const bool message = call.name == "sendmsg" || call.name == "recvmsg";
  const int64_t flags = message ? number(2) : call.name == "read" || call.name == "write" ? 0 : number(3);
  if (!message && arguments.size() > 1 && arguments[1].kind == Value::Kind::kNull)
    return foreign("pointers that lead nowhere");
  if (flags & MSG_ZEROCOPY) return foreign("MSG_ZEROCOPY: Linux's notices of pages that are free again");
  if (flags & MSG_EOR) return foreign("MSG_EOR: borders of writes, which Linux keeps for its time stamps");
  if (flags & MSG_MORE) return foreign("MSG_MORE: what is written in one turn goes together here");
  if ((flags & ~int64_t{MSG_DONTWAIT | MSG_NOSIGNAL | MSG_FASTOPEN}) != 0)
    return foreign(call.name + "() with such flags");
  const bool may_block = !socket.non_blocking && !(flags & MSG_DONTWAIT);
  const uint64_t bytes =
      message && arguments.size() > 1 ? bytes_of(arguments[1]) : static_cast<uint64_t>(number(2));
  if (call.name == "write" || call.name.starts_with("send")) {
    if (call.name == "sendto" && arguments.size() > 4 && arguments[4].kind == Value::Kind::kNumber &&
        arguments[4].number == AF_UNSPEC && (flags & MSG_FASTOPEN))
      return failed("EOPNOTSUPP");
    return write(socket, bytes, may_block, flags & MSG_FASTOPEN);
  }
  const auto result = read(socket, bytes, may_block);
  if (!result || !message) return result;
  if (const Value* control = member(arguments[1], "msg_control"); control && result->value >= 0) {
    // How much more there is; the end counts when it is next.
    const uint64_t rest = socket.readable_bytes > 0 ? socket.readable_bytes : socket.end_received;
    for (const Value& item : control->items) {
      const Value* type = member(item, "cmsg_type");
      const Value* data = member(item, "cmsg_data");
      if (!type || !data || type->number != TCP_CM_INQ || !socket.reports_rest)
        return foreign("such a control message");
      if (data->number != static_cast<int64_t>(rest)) return failed("TCP_CM_INQ is " + std::to_string(rest));
    }
  }
  return result;
}

CallResult Sockets::listen(Socket& socket) {
  transport::ListenOptions options;
  options.local = {IpAddress{}, socket.local_port};
  options.backlog = 4096;
  options.no_delay = socket.no_delay;
  options.mss_limit_bytes = socket.mss_limit_bytes;
  options.fast_open = settings_.fast_open_server && (settings_.fast_open_all || socket.fast_open);
  socket.listener.reset();
  auto listener = tcp_.listen(options, socket);
  if (!listener) return failed(error_code(listener.error));
  socket.listener = std::move(listener.value);
  socket.kind = Socket::Kind::kListening;
  return done(0);
}

// Sends a SYN, with up to `fast_open_bytes` if there are any. kNone: on its way.
Error Sockets::open(Socket& socket, bool fast_open, uint64_t fast_open_bytes) {
  transport::ConnectOptions options;
  options.remote = {remote_, kPort};
  options.local_address = local_;
  options.timeout_ms = socket.connect_timeout_ms;
  options.no_delay = socket.no_delay;
  options.fast_open = fast_open;
  options.mss_limit_bytes = socket.mss_limit_bytes;
  socket.kind = Socket::Kind::kConnecting;
  auto connected = tcp_.connect(options, socket);
  if (!connected) return connected.error;
  socket.stream = connected.value;
  socket.stream_local_port = connected.value->local().port;
  socket.stream_remote_port = kPort;
  if (socket.keep_alive) socket.stream->set_keep_alive(true, socket.keep_alive_idle_ms);
  return fast_open_bytes ? socket.stream->write_copy(std::string(fast_open_bytes, 'x')) : Error::kNone;
}

// What a SYN to the peer may carry.
std::optional<uint64_t> Sockets::fast_open_room(const Socket& socket) const {
  const auto room = tcp_.fast_open_room(remote_);
  if (!room || !socket.mss_limit_bytes) return room;
  return std::min<uint64_t>(*room, socket.mss_limit_bytes - wire::kTcpOptionsLimitBytes);
}

std::optional<CallResult> Sockets::connect(Socket& socket) {
  using Kind = Socket::Kind;
  if (socket.kind == Kind::kFresh) {
    if (socket.fast_open_connect && fast_open_room(socket)) {
      socket.kind = Kind::kDeferred;
      return done(0);
    }
    if (const Error error = open(socket, socket.fast_open_connect, 0); error != Error::kNone)
      return failed(error_code(error));
    if (socket.non_blocking) return failed("EINPROGRESS");
    return std::nullopt;
  }
  switch (socket.kind) {
    case Kind::kConnecting: return socket.non_blocking ? std::optional(failed("EALREADY")) : std::nullopt;
    case Kind::kDeferred: return failed("EISCONN");
    case Kind::kConnected:
      // The call that made the connection returns 0, a further one says that it stands.
      if (!socket.non_blocking && !socket.connect_returned) {
        socket.connect_returned = true;
        return done(0);
      }
      return failed("EISCONN");
    default: {
      const Error error = std::exchange(socket.error, Error::kNone);
      return failed(error == Error::kNone ? "EINVAL" : error_code(error));
    }
  }
}

// The first write of a socket that connects with it (RFC 7413 section 2).
std::optional<CallResult> Sockets::write_with_syn(Socket& socket, uint64_t length, bool may_block) {
  const auto room = fast_open_room(socket);
  const uint64_t fits = room ? std::min<uint64_t>(length, *room) : 0;
  // Whoever waits leaves the rest to be sent behind the handshake.
  const uint64_t queued = may_block ? length : fits;
  if (const Error error = open(socket, true, queued); error != Error::kNone) return failed(error_code(error));
  if (may_block) {
    written_partly_ = length;
    return std::nullopt;
  }
  return fits > 0 ? done(static_cast<int64_t>(fits)) : failed("EINPROGRESS");
}

std::optional<CallResult> Sockets::accept(Socket& socket, const CallEvent& call) {
  if (socket.kind != Socket::Kind::kListening) return failed("EINVAL");
  if (socket.waiting.empty()) {
    if (socket.non_blocking) return failed("EAGAIN");
    return std::nullopt;
  }
  auto accepted = std::move(socket.waiting.front());
  socket.waiting.pop_front();
  accepted->no_delay = socket.no_delay;
  accepted->send_buffer_bytes = socket.send_buffer_bytes;
  const Value& wanted = call.result;
  if (wanted.kind == Value::Kind::kNumber && wanted.number >= 0)
    return done(add(std::move(accepted), wanted.number));
  return done(add(std::move(accepted)));
}

std::optional<CallResult> Sockets::read(Socket& socket, uint64_t limit, bool may_block) {
  // What still comes after shutdown(SHUT_RD) can be read, which POSIX leaves open.
  if (socket.readable_bytes > 0) {
    const uint64_t count = std::min(limit, socket.readable_bytes);
    socket.readable_bytes -= count;
    if (socket.stream) socket.stream->consumed(static_cast<uint32_t>(count));
    return done(static_cast<int64_t>(count));
  }
  if (socket.error != Error::kNone && socket.kind == Socket::Kind::kEnded)
    return failed(error_code(std::exchange(socket.error, Error::kNone)));
  if (socket.end_received || socket.reads_nothing || socket.kind == Socket::Kind::kEnded) return done(0);
  const bool not_yet = socket.kind == Socket::Kind::kDeferred || socket.kind == Socket::Kind::kConnecting;
  if (socket.kind != Socket::Kind::kConnected && !not_yet) return failed("ENOTCONN");
  return may_block ? std::nullopt : std::optional(failed("EAGAIN"));
}

std::optional<CallResult> Sockets::write(Socket& socket, uint64_t length, bool may_block, bool fast_open) {
  using Kind = Socket::Kind;
  if (socket.kind == Kind::kDeferred || (fast_open && socket.kind == Kind::kFresh)) {
    if (!settings_.fast_open_client) return failed("EOPNOTSUPP");
    return write_with_syn(socket, length, may_block);
  }
  if (socket.kind == Kind::kEnded) written_partly_ = 0;
  if (socket.kind == Kind::kEnded && socket.error != Error::kNone)
    return failed(error_code(std::exchange(socket.error, Error::kNone)));
  if (socket.writes_nothing || !socket.stream) return failed("EPIPE");
  if (socket.kind == Kind::kConnecting) {
    if (may_block) return std::nullopt;
    return failed(fast_open ? "EALREADY" : "EAGAIN");
  }
  const uint64_t queued = socket.stream->queued_bytes();
  const uint64_t room = socket.send_buffer_bytes > queued ? socket.send_buffer_bytes - queued : 0;
  const uint64_t count = std::min(length - written_partly_, room);
  if (count > 0) {
    const Error error = socket.stream->write_copy(std::string(count, 'x'));
    if (error != Error::kNone) return failed(error_code(error));
  }
  if (!may_block) return count > 0 || length == 0 ? done(static_cast<int64_t>(count)) : failed("EAGAIN");
  written_partly_ += count;
  if (written_partly_ < length) {
    if (socket.send_buffer_bytes != UINT64_MAX) return foreign("how much a Linux socket's send buffer holds");
    return std::nullopt;
  }
  written_partly_ = 0;
  return done(static_cast<int64_t>(length));
}

}  // namespace sluice::packetdrill
