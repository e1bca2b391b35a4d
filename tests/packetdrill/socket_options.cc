// SPDX-License-Identifier: Apache-2.0
// setsockopt() and getsockopt(), as far as an option has a meaning here.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "tests/packetdrill/socket.hh"

namespace sluice::packetdrill {
namespace {

int64_t first_number(const Value& value) {
  return value.kind == Value::Kind::kList && !value.items.empty() ? value.items[0].number : value.number;
}

// Why an option of Linux cannot mean anything here; nullptr: it might.
const char* why_foreign(int64_t level, int64_t name) {
  if (level == SOL_SOCKET) {
    switch (name) {
      case SO_ZEROCOPY: return "SO_ZEROCOPY: Linux's notices of pages that are free again";
      case SO_TIMESTAMPING: return "SO_TIMESTAMPING: Linux's queue of time stamps";
      default: return nullptr;
    }
  }
  if (level != IPPROTO_TCP) return nullptr;
  switch (name) {
    case TCP_NOTSENT_LOWAT: return "TCP_NOTSENT_LOWAT: how much a Linux socket's send buffer holds";
    case TCP_FASTOPEN_KEY: return "TCP_FASTOPEN_KEY: a key for one listener alone";
    case TCP_CORK: return "TCP_CORK: what is written in one turn goes together here";
    default: return nullptr;
  }
}

}  // namespace

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
        const Value* on = member(call.arguments[3], "onoff");
        const Value* time = member(call.arguments[3], "linger");
        socket.linger_at_once = on && on->number != 0 && time && time->number == 0;
        return done(0);
      }
      default: break;
    }
  } else if (level == IPPROTO_IP && (name == IP_TOS || name == IP_MTU_DISCOVER)) {
    // In Linux these look for the route anew; ours is looked at with every segment.
    return done(0);
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
      case TCP_FASTOPEN:
        socket.fast_open = value != 0;
        // It may come after listen().
        return socket.kind == Socket::Kind::kListening ? listen(socket) : done(0);
      case TCP_FASTOPEN_CONNECT:
        if (!settings_.fast_open_client) return failed("EOPNOTSUPP");
        socket.fast_open_connect = value != 0;
        return done(0);
      case TCP_SYNCNT:
        // Each wait is twice the one before (RFC 6298 section 5.5).
        if (socket.stream) return foreign("TCP_SYNCNT while the SYN is under way");
        socket.connect_timeout_ms = ((1000u << (value + 1)) - 1000);
        return done(0);
      case TCP_MAXSEG:
        socket.mss_limit_bytes = static_cast<uint16_t>(value);
        if (socket.stream) return foreign("TCP_MAXSEG of a connection that stands");
        return socket.kind == Socket::Kind::kListening ? listen(socket) : done(0);
      case TCP_INQ: socket.reports_rest = value != 0; return done(0);
      default: break;
    }
  }
  if (const char* why = why_foreign(level, name)) return foreign(why);
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
  if (level == IPPROTO_TCP && name == TCP_MAXSEG) {
    const auto* connection = static_cast<tcp::Connection*>(socket.stream);
    result.filled = list_of(connection ? connection->mss_bytes() : socket.mss_limit_bytes);
    return result;
  }
  if (const char* why = why_foreign(level, name)) return foreign(why);
  return foreign("getsockopt() " + std::to_string(level) + ", " + std::to_string(name));
}

}  // namespace sluice::packetdrill
