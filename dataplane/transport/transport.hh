// SPDX-License-Identifier: Apache-2.0
// One core's source of streams and datagrams. Two implementations: our own stack on ports (`bypass`) and the host
// kernel's sockets (`kernel`). Both are ReactorParts of their core's reactor.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "dataplane/transport/stream.hh"
#include "drivers/multicast.hh"

namespace sluice::transport {

// The user of a listening endpoint.
class ListenerUser {
 public:
  // A connection is established; `stream` has no user yet: set it (stream.set_user) before returning, or abort().
  virtual void on_accepted(Stream& stream) = 0;

 protected:
  ~ListenerUser() = default;
};

// How a sender shares its path with others: RFC 5681, RFC 9438, or BBR version 1. On `kernel` the host decides.
enum class Congestion : uint8_t { kDefault, kReno, kCubic, kBbr };

struct ListenOptions {
  Endpoint local;           // port 0: the transport chooses
  uint32_t backlog = 4096;  // half-open and not yet accepted connections; beyond it SYNs are dropped, counted
  bool no_delay = true;
  bool ipv6_only = false;  // of ::, which else takes IPv4 as well
  // Of accepted connections, on `bypass`.
  Congestion congestion = Congestion::kDefault;
  bool paced = false;  // segments leave at a rate, not in bursts (with kBbr always)
  // On `bypass`: data in a SYN is taken from clients that have been here before (RFC 7413). It may come twice.
  bool fast_open = false;
  uint16_t mss_limit_bytes =
      0;  // on `bypass`: segments in both directions are at most this long; 0: no limit
  uint32_t user_timeout_ms =
      0;  // unacknowledged data ends the connection after this (RFC 5482); 0: the default
};

// A listening endpoint of this core; closes when destroyed. Established streams go on. When several cores listen on the
// same endpoint, connections are spread over them (RSS on bypass, SO_REUSEPORT on the kernel).
class Listener {
 public:
  virtual ~Listener() = default;
  virtual Endpoint local() const = 0;
  // Stops (false) and starts (true) accepting, without closing the endpoint: for draining and for connection limits.
  virtual void set_accepting(bool accepting) = 0;
};

struct ConnectOptions {
  Endpoint remote;
  IpAddress local_address;       // any: chosen by route
  uint32_t timeout_ms = 10'000;  // on_closed(kTimedOut) after it
  bool no_delay = true;
  // As in ListenOptions.
  Congestion congestion = Congestion::kDefault;
  bool paced = false;
  // On `bypass`: what is written in the turn of connect() leaves with the SYN where the server has given a cookie before.
  // It may arrive twice.
  bool fast_open = false;
  uint16_t mss_limit_bytes = 0;  // as in ListenOptions
  uint32_t user_timeout_ms = 0;
};

// A received datagram's user, and the means to send (RFC 768).
class DatagramUser {
 public:
  // Takes the payload.
  virtual void on_datagram(const Endpoint& from, const Endpoint& to, Buffer* payload) = 0;
  // An ICMP error came back for something sent to `remote`.
  virtual void on_error(const Endpoint& remote, Error error) {
    (void)remote;
    (void)error;
  }

 protected:
  ~DatagramUser() = default;
};

struct DatagramOptions {
  Endpoint local;  // a group as the address: only what is sent to it comes
  // The port may be shared with other sockets that say so: each gets what is sent to groups and to everybody, one of them
  // the rest.
  bool reuse_address = false;
  DatagramOptions(const Endpoint& its_local) : local(its_local) {}
  DatagramOptions(const IpAddress& address, uint16_t port) : local{address, port} {}
  static DatagramOptions shared(const Endpoint& local) {
    DatagramOptions options(local);
    options.reuse_address = true;
    return options;
  }
};

class DatagramSocket {
 public:
  virtual ~DatagramSocket() = default;
  virtual Endpoint local() const = 0;

  // ---- groups and everybody. Where nothing else is said kInvalid is for what cannot be, kAddressNotAvailable for an
  // interface that is not there.
  // Becomes a member of a group, or ceases to be: kAddressInUse when it is one already, kAddressNotAvailable when it is none;
  // kNoBuffers at a limit. On `bypass` from any source only: kInvalid with one. What a socket has joined it leaves when it
  // closes.
  virtual Error join_group(const GroupMembership& membership) = 0;
  virtual Error leave_group(const GroupMembership& membership) = 0;
  // Of what is sent to groups: where it leaves, how far it gets (1: this link; the default), and whether it comes back to
  // members on this host (yes).
  virtual Error set_multicast_interface(const InterfaceChoice& on) = 0;
  virtual Error set_multicast_hops(uint8_t hops) = 0;
  virtual Error set_multicast_loopback(bool comes_back) = 0;
  // Whether datagrams to everybody may be sent: kAccess otherwise, which is the default.
  virtual Error set_broadcast(bool allowed) = 0;
  virtual Error set_hops(uint8_t hops) = 0;  // of what is sent to one host: 1 to 255
  // Sends one datagram; takes the chain. kMessageTooLong above 65,507 bytes; kNoBuffers when the send queue is full.
  virtual Error send(const Endpoint& to, Buffer* payload) = 0;
  virtual BufferPool& pool() = 0;
};

template <typename T>
struct Result {
  T value{};
  Error error = Error::kNone;
  std::string
      detail;  // for people: names the thing, the value and the way out; empty when there is nothing to add
  explicit operator bool() const { return error == Error::kNone; }
};

class Transport {
 public:
  virtual ~Transport() = default;
  virtual const char* name() const = 0;  // "kernel" or "bypass"
  virtual Result<std::unique_ptr<Listener>> listen(const ListenOptions& options, ListenerUser& user) = 0;
  // Starts a connection: `user` gets on_connected or on_closed. The stream pointer is valid at once (for abort()).
  virtual Result<Stream*> connect(const ConnectOptions& options, StreamUser& user) = 0;
  virtual Result<std::unique_ptr<DatagramSocket>> bind_datagram(const DatagramOptions& options,
                                                                DatagramUser& user) = 0;
  virtual BufferPool& pool() = 0;
  // Established and half-closed streams.
  virtual uint32_t open_streams() const = 0;
};

}  // namespace sluice::transport
