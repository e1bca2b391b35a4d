// SPDX-License-Identifier: Apache-2.0
#include "tests/packetdrill/sockets.hh"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>

namespace sluice::packetdrill {

struct Sockets::Socket final : transport::StreamUser, transport::ListenerUser {
  enum class Kind : uint8_t { kFresh, kListening, kConnecting, kConnected, kEnded } kind = Kind::kFresh;
  int descriptor = -1;
  bool non_blocking = false, no_delay = false, keep_alive = false, linger_at_once = false;
  bool reads_nothing = false, writes_nothing = false;  // shutdown()
  bool left = false;                                   // closed by the script
  bool end_received = false;
  uint32_t keep_alive_idle_ms = 7'200'000;
  uint64_t send_buffer_bytes = UINT64_MAX;
  uint64_t readable_bytes = 0;
  Error error = Error::kNone;  // not reported yet
  uint16_t local_port = 0;     // bound
  transport::Stream* stream = nullptr;
  uint16_t stream_local_port = 0, stream_remote_port = 0;
  std::unique_ptr<transport::Listener> listener;
  std::deque<std::unique_ptr<Socket>> waiting;  // accepted by TCP, not yet by the script
  bool connect_returned = false;

  void take(transport::Stream& its_stream) {
    stream = &its_stream;
    stream_local_port = its_stream.local().port;
    stream_remote_port = its_stream.remote().port;
  }
  void on_accepted(transport::Stream& its_stream) override {
    auto accepted = std::make_unique<Socket>();
    accepted->kind = Kind::kConnected;
    accepted->take(its_stream);
    its_stream.set_user(accepted.get());
    its_stream.set_no_delay(no_delay);
    waiting.push_back(std::move(accepted));
  }
  void on_connected(transport::Stream& its_stream) override {
    kind = Kind::kConnected;
    take(its_stream);
  }
  void on_data(transport::Stream& its_stream, Buffer* chain) override {
    const uint32_t length = chain->chain_length();
    release(chain);
    if (left) return its_stream.abort();  // nobody will read it (RFC 2525 section 2.17)
    if (reads_nothing) return its_stream.consumed(length);
    readable_bytes += length;
  }
  void on_end(transport::Stream&) override { end_received = true; }
  void on_closed(transport::Stream&, Error its_error) override {
    if (kind == Kind::kConnecting && its_error == Error::kConnectionReset)
      its_error = Error::kConnectionRefused;
    error = its_error;
    stream = nullptr;
    kind = Kind::kEnded;
  }
};

namespace {

CallResult done(int64_t value) { return {.value = value, .error = {}, .foreign = {}, .filled = {}}; }
CallResult failed(const char* error) { return {.value = -1, .error = error, .foreign = {}, .filled = {}}; }
CallResult foreign(std::string what) {
  return {.value = 0, .error = {}, .foreign = NotApplicable{std::move(what)}, .filled = {}};
}
int64_t first_number(const Value& value) {
  return value.kind == Value::Kind::kList && !value.items.empty() ? value.items[0].number : value.number;
}
Value list_of(int64_t number) {
  Value inner;
  inner.kind = Value::Kind::kNumber;
  inner.number = number;
  Value list;
  list.kind = Value::Kind::kList;
  list.items.push_back(inner);
  return list;
}

}  // namespace

Sockets::Sockets(tcp::Tcp& tcp, IpAddress local, IpAddress remote)
    : tcp_(tcp), local_(local), remote_(remote) {}

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
  open_[descriptor] = std::move(socket);
  newest_ = descriptor;
  return descriptor;
}

tcp::Connection* Sockets::connection(int descriptor) const {
  const auto at = open_.find(descriptor);
  return at == open_.end() ? nullptr : static_cast<tcp::Connection*>(at->second->stream);
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
  if (call.name == "listen") {
    transport::ListenOptions options;
    options.local = {IpAddress{}, socket->local_port};
    options.backlog = 4096;
    options.no_delay = socket->no_delay;
    auto listener = tcp_.listen(options, *socket);
    if (!listener) return failed(error_code(listener.error));
    socket->listener = std::move(listener.value);
    socket->kind = Socket::Kind::kListening;
    return done(0);
  }
  if (call.name == "accept") return accept(*socket, call);
  if (call.name == "connect") return connect(*socket);
  const int64_t flags =
      call.name == "send" || call.name == "recv" || call.name == "sendto" || call.name == "recvfrom"
          ? argument(3).number
          : 0;
  if ((flags & ~int64_t{MSG_DONTWAIT | MSG_NOSIGNAL}) != 0) return foreign(call.name + "() with such flags");
  const bool may_block = !socket->non_blocking && !(flags & MSG_DONTWAIT);
  if (call.name == "read" || call.name == "recv")
    return read(*socket, static_cast<uint64_t>(argument(2).number), may_block);
  if (call.name == "write" || call.name == "send") {
    const Value length = argument(2);
    return write(*socket, static_cast<uint64_t>(length.number), may_block);
  }
  if (call.name == "shutdown") {
    if (!socket->stream) return failed("ENOTCONN");
    const int64_t how = argument(1).number;
    if (how != SHUT_WR) {
      socket->reads_nothing = true;
      if (socket->readable_bytes > 0) socket->stream->consumed(static_cast<uint32_t>(socket->readable_bytes));
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

std::optional<CallResult> Sockets::connect(Socket& socket) {
  using Kind = Socket::Kind;
  if (socket.kind == Kind::kFresh) {
    transport::ConnectOptions options;
    options.remote = {remote_, kPort};
    options.local_address = local_;
    options.timeout_ms = 120'000;
    options.no_delay = socket.no_delay;
    socket.kind = Kind::kConnecting;
    auto connected = tcp_.connect(options, socket);
    if (!connected) return failed(error_code(connected.error));
    socket.stream = connected.value;
    socket.stream_local_port = connected.value->local().port;
    socket.stream_remote_port = kPort;
    if (socket.keep_alive) socket.stream->set_keep_alive(true, socket.keep_alive_idle_ms);
    if (socket.non_blocking) return failed("EINPROGRESS");
    return std::nullopt;
  }
  switch (socket.kind) {
    case Kind::kConnecting: return socket.non_blocking ? std::optional(failed("EALREADY")) : std::nullopt;
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
  if (wanted.kind == Value::Kind::kNumber && wanted.number >= 0 &&
      !open_.contains(static_cast<int>(wanted.number)))
    return done(add(std::move(accepted), wanted.number));
  return done(add(std::move(accepted)));
}

std::optional<CallResult> Sockets::read(Socket& socket, uint64_t limit, bool may_block) {
  if (socket.readable_bytes > 0 && !socket.reads_nothing) {
    const uint64_t count = std::min(limit, socket.readable_bytes);
    socket.readable_bytes -= count;
    if (socket.stream) socket.stream->consumed(static_cast<uint32_t>(count));
    return done(static_cast<int64_t>(count));
  }
  if (socket.error != Error::kNone && socket.kind == Socket::Kind::kEnded)
    return failed(error_code(std::exchange(socket.error, Error::kNone)));
  if (socket.end_received || socket.reads_nothing || socket.kind == Socket::Kind::kEnded) return done(0);
  if (socket.kind != Socket::Kind::kConnected) return failed("ENOTCONN");
  return may_block ? std::nullopt : std::optional(failed("EAGAIN"));
}

std::optional<CallResult> Sockets::write(Socket& socket, uint64_t length, bool may_block) {
  if (socket.kind == Socket::Kind::kEnded && socket.error != Error::kNone)
    return failed(error_code(std::exchange(socket.error, Error::kNone)));
  if (socket.writes_nothing || !socket.stream) return failed("EPIPE");
  if (socket.kind == Socket::Kind::kConnecting)
    return may_block ? std::nullopt : std::optional(failed("EAGAIN"));
  const uint64_t queued = socket.stream->queued_bytes();
  const uint64_t room = socket.send_buffer_bytes > queued ? socket.send_buffer_bytes - queued : 0;
  const uint64_t count = std::min(length - written_partly_, room);
  if (count > 0) {
    const Error error = socket.stream->write_copy(std::string(count, 'x'));
    if (error != Error::kNone) return failed(error_code(error));
  }
  if (!may_block) return count > 0 || length == 0 ? done(static_cast<int64_t>(count)) : failed("EAGAIN");
  written_partly_ += count;
  if (written_partly_ < length) return std::nullopt;
  written_partly_ = 0;
  return done(static_cast<int64_t>(length));
}

CallResult Sockets::set_option(Socket& socket, const CallEvent& call) {
  if (call.arguments.size() < 4) return failed("EINVAL");
  const int64_t level = call.arguments[1].number, name = call.arguments[2].number;
  const int64_t value = first_number(call.arguments[3]);
  if (level == SOL_SOCKET) {
    switch (name) {
      case SO_REUSEADDR:
      case SO_REUSEPORT: return done(0);
      case SO_SNDBUF: socket.send_buffer_bytes = static_cast<uint64_t>(value) * 2; return done(0);
      case SO_KEEPALIVE:
        socket.keep_alive = value != 0;
        if (socket.stream) socket.stream->set_keep_alive(value != 0, socket.keep_alive_idle_ms);
        return done(0);
      case SO_LINGER: {
        const Value& linger = call.arguments[3];
        bool on = false, at_once = false;
        for (const auto& [member, content] : linger.members) {
          if (member == "onoff") on = content.number != 0;
          if (member == "linger") at_once = content.number == 0;
        }
        socket.linger_at_once = on && at_once;
        return done(0);
      }
      default: break;
    }
  } else if (level == IPPROTO_TCP) {
    switch (name) {
      case TCP_NODELAY:
        socket.no_delay = value != 0;
        if (socket.stream) socket.stream->set_no_delay(value != 0);
        return done(0);
      case TCP_KEEPIDLE:
        socket.keep_alive_idle_ms = static_cast<uint32_t>(value) * 1000;
        if (socket.stream && socket.keep_alive)
          socket.stream->set_keep_alive(true, socket.keep_alive_idle_ms);
        return done(0);
      default: break;
    }
  }
  return foreign("setsockopt() " + std::to_string(level) + ", " + std::to_string(name));
}

CallResult Sockets::get_option(Socket& socket, const CallEvent& call) {
  if (call.arguments.size() < 4) return failed("EINVAL");
  const int64_t level = call.arguments[1].number, name = call.arguments[2].number;
  CallResult result = done(0);
  if (level == SOL_SOCKET && name == SO_ERROR) {
    // Linux's numbers, as errno names are not to be had from a number that the script does not name.
    const Error error = std::exchange(socket.error, Error::kNone);
    result.filled = list_of(error == Error::kNone                ? 0
                            : error == Error::kConnectionRefused ? ECONNREFUSED
                            : error == Error::kTimedOut          ? ETIMEDOUT
                            : error == Error::kHostUnreachable   ? EHOSTUNREACH
                                                                 : ECONNRESET);
    return result;
  }
  if (level == SOL_SOCKET && name == SO_SNDBUF) {
    result.filled = list_of(static_cast<int64_t>(socket.send_buffer_bytes));
    return result;
  }
  if (level == IPPROTO_TCP && name == TCP_NODELAY) {
    result.filled = list_of(socket.no_delay);
    return result;
  }
  return foreign("getsockopt() " + std::to_string(level) + ", " + std::to_string(name));
}

std::optional<CallResult> Sockets::poll(const CallEvent& call) {
  if (call.arguments.size() < 3 || call.arguments[0].items.empty()) return foreign("such a poll()");
  Value filled;
  filled.kind = Value::Kind::kList;
  int64_t ready = 0;
  for (const Value& entry : call.arguments[0].items) {
    int64_t wanted = 0;
    const Socket* socket = nullptr;
    for (const auto& [member, content] : entry.members) {
      if (member == "fd") socket = find(content);
      if (member == "events") wanted = content.number;
    }
    if (!socket) return foreign("such a poll()");
    using Kind = Socket::Kind;
    int64_t events = 0;
    if (socket->readable_bytes > 0 || socket->end_received || !socket->waiting.empty() ||
        socket->kind == Kind::kEnded)
      events |= POLLIN;
    if (socket->kind == Kind::kEnded || (socket->kind == Kind::kConnected &&
                                         socket->stream->queued_bytes() * 3 / 2 < socket->send_buffer_bytes))
      events |= POLLOUT;
    if (socket->end_received || socket->kind == Kind::kEnded) events |= POLLRDHUP;
    events &= wanted;
    if (socket->kind == Kind::kEnded) events |= POLLHUP | (socket->error != Error::kNone ? POLLERR : 0);
    ready += events != 0;
    Value returned;
    returned.kind = Value::Kind::kStruct;
    returned.members.emplace_back(
        "revents",
        Value{.kind = Value::Kind::kNumber, .number = events, .text = {}, .items = {}, .members = {}});
    filled.items.push_back(std::move(returned));
  }
  if (ready == 0 && call.arguments[2].number > 0) return foreign("poll() that waits for a time");
  if (ready == 0 && call.arguments[2].number < 0) return std::nullopt;
  CallResult result = done(ready);
  result.filled = std::move(filled);
  return result;
}

}  // namespace sluice::packetdrill
