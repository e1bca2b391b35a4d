// SPDX-License-Identifier: Apache-2.0
// UDP (RFC 768, RFC 1122 section 4.1) over our own IP layer: sockets by local endpoint, as the transport seam wants them.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/ip/stack.hh"
#include "dataplane/transport/transport.hh"
#include "dataplane/udp/port_owners.hh"
#include "drivers/entropy.hh"

namespace sluice::udp {

class Socket;

class Udp final : public ip::Protocol {
 public:
  static constexpr uint32_t kSocketsLimit = 16384;
  static constexpr uint32_t kPayloadLimitBytes =
      65507;  // of IPv4; the 20 more that IPv6 could carry are not used
  // Ports given out when port 0 is asked for, from kEphemeralFirst up (RFC 6056 section 3.2 wants the range wide).
  static constexpr uint16_t kEphemeralFirst = 32768;

  // Borrows both; they outlive it. Registers itself with the stack. All sockets are closed before it is destroyed.
  Udp(ip::Stack& stack, Entropy& entropy);
  ~Udp();
  Udp(const Udp&) = delete;

  // A socket on `local`: the address any, or one of ours; port 0 is chosen at random. It closes when destroyed, which may
  // happen within calls to its user. kAddressInUse, kAddressNotAvailable, kNoBuffers (kSocketsLimit).
  transport::Result<std::unique_ptr<transport::DatagramSocket>> bind(
      const transport::DatagramOptions& options, transport::DatagramUser& user);

  void receive(const ip::ReceivedPacket& about, Buffer* packet) override;
  void icmp_error(const ip::IcmpError& about) override;

  // With several cores, before the first socket: ports that are given out are no other core's, and a datagram without a
  // socket here goes to the core that has its port (through Stack::hand_to).
  void share_ports(PortOwners& owners, unsigned core) {
    owners_ = &owners;
    core_ = core;
  }

  // The ports given out are of this range from now on, both included. Before the first socket.
  void set_ephemeral_ports(uint16_t first, uint16_t last) {
    SLUICE_ASSERT(first <= last);
    ephemeral_first_ = first;
    ephemeral_count_ = last - first + 1u;
  }

  uint32_t open_sockets() const { return open_sockets_; }

  struct Counters {
    uint64_t received_datagrams = 0, transmitted_datagrams = 0;
    uint64_t malformed = 0, bad_checksum = 0, no_socket = 0;
    uint64_t send_failed = 0;            // routes, buffers, queues: the caller was told
    uint64_t sockets_refused = 0;        // kSocketsLimit, or no port free
    uint64_t icmp_errors = 0;            // told to a user
    uint64_t group_receivers_limit = 0;  // sockets beyond 64 that did not get what was sent to a group
    uint64_t no_buffer = 0;              // sockets for whose copy of that there was no Buffer
  } counters;

 private:
  friend class Socket;
  uint16_t ephemeral_first_ = kEphemeralFirst;
  uint32_t ephemeral_count_ = 65536 - kEphemeralFirst;
  static constexpr unsigned kBuckets = 4096;

  Socket*& bucket_of(uint16_t port) { return buckets_[port % kBuckets]; }
  // The socket that datagrams to this address and port are for: bound to the address itself, else to any.
  Socket* find(const IpAddress& address, uint16_t port);
  bool in_use(const Endpoint& local, bool reuse);
  // To each socket that has joined the group, or to each at the port when it is for everybody.
  void receive_group(const ip::ReceivedPacket& about, const Endpoint& from, uint16_t port, Buffer* packet);
  bool is_open(const Socket* socket, uint16_t port);
  void close(Socket& socket);
  bool is_another_cores(const ip::ReceivedPacket& about, uint16_t port, Buffer* packet);

  ip::Stack& stack_;
  Entropy& entropy_;
  PortOwners* owners_ = nullptr;
  unsigned core_ = 0;
  std::array<Socket*, kBuckets> buckets_{};
  uint32_t open_sockets_ = 0;
};

// One bound endpoint.
class Socket final : public transport::DatagramSocket {
 public:
  ~Socket() override;
  Endpoint local() const override { return local_; }
  Error send(const Endpoint& to, Buffer* payload) override;
  BufferPool& pool() override { return udp_.stack_.pool(); }
  Error join_group(const GroupMembership& membership) override;
  Error leave_group(const GroupMembership& membership) override;
  Error set_multicast_interface(const InterfaceChoice& on) override;
  Error set_multicast_hops(uint8_t hops) override;
  Error set_multicast_loopback(bool comes_back) override;
  Error set_broadcast(bool allowed) override;
  Error set_hops(uint8_t hops) override;
  static constexpr size_t kGroupsLimit = 40;  // of one socket

 private:
  friend class Udp;
  struct Membership {
    uint8_t interface_index;
    IpAddress group;
    bool operator==(const Membership&) const = default;
  };
  Socket(Udp& udp, const Endpoint& local, bool reuse, transport::DatagramUser& user)
      : udp_(udp), local_(local), reuse_(reuse), user_(user) {}
  bool takes_group(const ip::ReceivedPacket& about) const;
  // The interface that is meant, for this group; an error when there is none.
  Error choose(const InterfaceChoice& on, const IpAddress& group, uint8_t& interface_index) const;
  Error find_path(const Endpoint& to);

  Udp& udp_;
  const Endpoint local_;
  const bool reuse_;
  bool loops_ = true, broadcast_allowed_ = false;
  uint8_t hops_ = 64, group_hops_ = 1;
  int group_interface_ = -1;  // -1: as the routes have it
  std::vector<Membership> memberships_;
  transport::DatagramUser& user_;
  Socket* next_ = nullptr;  // in its bucket
  // The way of the last datagram: most sockets talk to one peer at a time.
  IpAddress last_remote_, last_source_;
  ip::Path last_path_;
};

}  // namespace sluice::udp
