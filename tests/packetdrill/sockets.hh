// SPDX-License-Identifier: Apache-2.0
// Berkeley sockets over our TCP, for scripts: descriptors, calls that block or do not, options. A call that would block
// says so and is made again when something has happened.
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "dataplane/tcp/tcp.hh"
#include "tests/packetdrill/script.hh"
#include "tests/packetdrill/settings.hh"

namespace sluice::packetdrill {

struct CallResult {
  int64_t value = 0;
  std::string error;                     // errno's name, value is -1 then
  std::optional<NotApplicable> foreign;  // the call, or how it is used, has no meaning here
  std::optional<Value> filled;           // what the call wrote to its last pointer argument but one
};

class Sockets {
 public:
  static constexpr uint16_t kPort = 8080;  // of bind(..., ...) and of connect(..., ...)
  static constexpr int kFirstDescriptor = 3;

  // `settings` may change.
  Sockets(tcp::Tcp& tcp, const Settings& settings, IpAddress local, IpAddress remote);
  ~Sockets();

  // Makes the call once. nullopt: it blocks. `may_block` false stands for O_NONBLOCK.
  std::optional<CallResult> call(const CallEvent& call);

  // What Linux calls tcp_info (linux/tcp.h) of a descriptor, as far as it has a meaning here.
  void add_info(int descriptor, std::map<std::string, double>& names) const;
  int newest_descriptor() const { return newest_; }
  // The descriptor whose connection has this remote port, or -1.
  int descriptor_of(uint16_t local_port, uint16_t remote_port) const;

 private:
  struct Socket;
  Socket* find(const Value& descriptor);
  int add(std::unique_ptr<Socket> socket);
  int add(std::unique_ptr<Socket> socket, int64_t wanted);
  std::optional<CallResult> connect(Socket& socket);
  std::optional<CallResult> accept(Socket& socket, const CallEvent& call);
  std::optional<CallResult> transfer(Socket& socket, const CallEvent& call);
  std::optional<CallResult> read(Socket& socket, uint64_t limit, bool may_block);
  std::optional<CallResult> write(Socket& socket, uint64_t length, bool may_block, bool fast_open);
  std::optional<CallResult> write_with_syn(Socket& socket, uint64_t length, bool may_block);
  CallResult listen(Socket& socket);
  Error open(Socket& socket, bool fast_open, uint64_t fast_open_bytes);
  std::optional<uint64_t> fast_open_room(const Socket& socket) const;
  CallResult set_option(Socket& socket, const CallEvent& call);
  CallResult get_option(Socket& socket, const CallEvent& call);

  // ---- readiness.cc ----
  std::optional<CallResult> poll(const CallEvent& call);
  std::optional<CallResult> epoll(const CallEvent& call);
  static int64_t events_of(const Socket& socket);
  void close(Socket& socket);

  // What an epoll descriptor watches.
  struct Watch {
    int64_t events = 0;
    uint64_t happenings = 0;  // of the socket when it was reported last
    bool reported = false;
  };

  tcp::Tcp& tcp_;
  const Settings& settings_;
  std::map<int, std::map<int, Watch>> epolls_;
  const IpAddress local_, remote_;
  std::map<int, std::unique_ptr<Socket>> open_;
  std::deque<std::unique_ptr<Socket>> closed_;  // whose streams still end
  int newest_ = -1;
  uint64_t written_partly_ = 0;  // by the write that blocks
};

}  // namespace sluice::packetdrill
