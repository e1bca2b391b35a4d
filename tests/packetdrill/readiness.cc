// SPDX-License-Identifier: Apache-2.0
// poll() and epoll: which sockets of a script are ready, and since when.
#include <poll.h>
#include <sys/epoll.h>

#include "tests/packetdrill/socket.hh"

namespace sluice::packetdrill {

// With poll()'s numbers, which are epoll's too. Errors and hang-ups are reported to everybody.
int64_t Sockets::events_of(const Socket& socket) {
  using Kind = Socket::Kind;
  int64_t events = 0;
  if (socket.readable_bytes > 0 || socket.end_received || !socket.waiting.empty() ||
      socket.kind == Kind::kEnded)
    events |= POLLIN;
  if (socket.kind == Kind::kEnded || socket.kind == Kind::kDeferred ||
      (socket.kind == Kind::kConnected &&
       socket.stream->queued_bytes() * uint64_t{3} / 2 < socket.send_buffer_bytes))
    events |= POLLOUT;
  if (socket.end_received || socket.kind == Kind::kEnded) events |= POLLRDHUP;
  if (socket.kind == Kind::kEnded) events |= POLLHUP | (socket.error != Error::kNone ? POLLERR : 0);
  return events;
}

std::optional<CallResult> Sockets::poll(const CallEvent& call) {
  if (call.arguments.size() < 3 || call.arguments[0].items.empty()) return foreign("such a poll()");
  Value filled;
  filled.kind = Value::Kind::kList;
  int64_t ready = 0;
  for (const Value& entry : call.arguments[0].items) {
    const Value* descriptor = member(entry, "fd");
    const Value* wanted = member(entry, "events");
    const Socket* socket = descriptor ? find(*descriptor) : nullptr;
    if (!socket || !wanted) return foreign("such a poll()");
    const int64_t events = events_of(*socket) & (wanted->number | POLLHUP | POLLERR);
    ready += events != 0;
    Value returned;
    returned.kind = Value::Kind::kStruct;
    returned.members.emplace_back("revents", number_value(events));
    filled.items.push_back(std::move(returned));
  }
  // That the time it waits for has passed is the runner's to see: the call has not returned.
  if (ready == 0 && call.arguments[2].number != 0) return std::nullopt;
  CallResult result = done(ready);
  result.filled = std::move(filled);
  return result;
}

std::optional<CallResult> Sockets::epoll(const CallEvent& call) {
  const auto& arguments = call.arguments;
  if (call.name == "epoll_create" || call.name == "epoll_create1") {
    if (call.result.kind != Value::Kind::kNumber || call.result.number < 0) return foreign("such an epoll");
    epolls_[static_cast<int>(call.result.number)];
    return done(call.result.number);
  }
  if (arguments.size() < 4) return foreign("such an epoll");
  const auto at = epolls_.find(static_cast<int>(arguments[0].number));
  if (at == epolls_.end()) return failed("EBADF");
  auto& watches = at->second;
  if (call.name == "epoll_ctl") {
    const int descriptor = static_cast<int>(arguments[2].number);
    if (arguments[1].number == EPOLL_CTL_DEL) {
      watches.erase(descriptor);
      return done(0);
    }
    const Value* events = member(arguments[3], "events");
    if (!events || !find(arguments[2])) return foreign("such an epoll_ctl()");
    if (events->number & (EPOLLONESHOT | EPOLLEXCLUSIVE)) return foreign("EPOLLONESHOT");
    watches[descriptor] = {.events = events->number, .happenings = 0, .reported = false};
    return done(0);
  }
  if (call.name != "epoll_wait") return foreign(call.name + "()");
  Value filled;
  int64_t ready = 0;
  for (auto& [descriptor, watch] : watches) {
    const Socket* socket = find(number_value(descriptor));
    if (!socket) continue;
    const int64_t events = events_of(*socket) & (watch.events | EPOLLHUP | EPOLLERR);
    if (events == 0) continue;
    if ((watch.events & EPOLLET) && watch.reported && watch.happenings == socket->happenings) continue;
    watch.reported = true;
    watch.happenings = socket->happenings;
    if (ready++ > 0) return foreign("several events of an epoll_wait()");
    filled.kind = Value::Kind::kStruct;
    filled.members.emplace_back("events", number_value(events));
    filled.members.emplace_back("fd", number_value(descriptor));
  }
  if (ready == 0 && arguments[3].number != 0) return std::nullopt;
  CallResult result = done(ready);
  if (ready > 0) result.filled = std::move(filled);
  return result;
}

}  // namespace sluice::packetdrill
