// SPDX-License-Identifier: Apache-2.0
// The DHCP clients of all interfaces of a stack: gives them their way to the wire, hands the stack what they learn, and tells
// whoever wants to know. On one core only; the others get the result (runtime/network/learnt_board.hh).
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/core/timer.hh"
#include "dataplane/dhcp/client4.hh"
#include "dataplane/dhcp/client6.hh"
#include "dataplane/ip/stack.hh"
#include "dataplane/transport/transport.hh"
#include "dataplane/udp/udp.hh"
#include "drivers/clock.hh"
#include "drivers/entropy.hh"

namespace sluice::dhcp {

// What the stack is to do with a lease.
ip::LearntIpv4 learnt_of(const Lease4& lease);

class ServiceListener {
 public:
  // The lease of an interface was got, changed, or went (nullptr). The stack knows already. Lease times are the server's.
  virtual void on_lease4(uint8_t interface_index, const Lease4* lease) = 0;
  // The stack was given these IPv6 addresses, which it checks yet.
  virtual void on_held6(uint8_t interface_index, std::span<const ip::LearntIpv6> addresses) = 0;
  // What is in use of IPv6 changed: an address passed its check or went, or there is other information.
  virtual void on_lease6(uint8_t interface_index, const Lease6& lease) = 0;

 protected:
  ~ServiceListener() = default;
};

enum class Dhcp6 : uint8_t {
  kOff,
  kByRouter,  // as the flags of router advertisements say (RFC 4861 section 4.2)
  kAlways,    // addresses are asked for whatever routers say
};

struct InterfaceWishes {
  bool ipv4 = false;
  Dhcp6 ipv6 = Dhcp6::kOff;
  uint32_t interface_id = 0;
  bool check = true;  // addresses are checked for conflicts
};

class Service final : public ip::AddressWatcher {
 public:
  // Borrows all; they outlive it. It is the stack's only AddressWatcher.
  Service(TimerWheel& timers, Clock& clock, Entropy& entropy, ip::Stack& stack, udp::Udp& udp,
          ServiceListener& listener);
  ~Service();
  Service(const Service&) = delete;

  // Starts the clients of an interface, or has them wait for a router's word. Empty, or what is wrong in one line.
  std::string add(uint8_t interface_index, const InterfaceWishes& wishes);
  // Gives everything back and stops; what is sent leaves with the next Stack::transmit().
  void stop();
  // Whether each interface that asks for an address has got one.
  bool all_have_addresses() const;

  const Client4* client4(uint8_t interface_index) const;  // nullptr: it has none
  const Client6* client6(uint8_t interface_index) const;
  Client4::Counters counters4() const;  // of all interfaces
  Client6::Counters counters6() const;

  // ---- ip::AddressWatcher
  void checked(uint8_t interface_index, const IpAddress& address, bool free) override;
  void conflict(uint8_t interface_index, const IpAddress& address) override;
  void advertised(uint8_t interface_index, bool managed, bool other) override;

 private:
  struct Interface final : Link4, Link6 {
    Interface(Service& its_service, uint8_t its_index) : service(its_service), index(its_index) {}
    void send4(uint32_t source, uint32_t destination, std::span<const std::byte> payload) override;
    void check4(uint32_t address) override;
    void stop_check4() override;
    void use4(const Lease4* lease) override;
    bool ready6() override;
    void send6(std::span<const std::byte> payload) override;
    void hold6(const Lease6& lease) override;
    void use6(const Lease6& lease) override;
    Service& service;
    const uint8_t index;
    Dhcp6 wish6 = Dhcp6::kOff;
    std::unique_ptr<Client4> client4;
    std::unique_ptr<Client6> client6;
  };
  struct Inbox4 final : transport::DatagramUser {
    explicit Inbox4(Service& its_service) : service(its_service) {}
    void on_datagram(const Endpoint& from, const Endpoint& to, Buffer* payload) override;
    Service& service;
  };
  struct Inbox6 final : transport::DatagramUser {
    explicit Inbox6(Service& its_service) : service(its_service) {}
    void on_datagram(const Endpoint& from, const Endpoint& to, Buffer* payload) override;
    Service& service;
  };

  Interface* find(uint8_t interface_index) const;
  Error send(uint8_t interface_index, const Endpoint& from, const Endpoint& to,
             std::span<const std::byte> payload);

  TimerWheel& timers_;
  Clock& clock_;
  Entropy& entropy_;
  ip::Stack& stack_;
  udp::Udp& udp_;
  ServiceListener& listener_;
  std::vector<std::unique_ptr<Interface>> interfaces_;
  Inbox4 inbox4_{*this};
  Inbox6 inbox6_{*this};
  std::unique_ptr<transport::DatagramSocket> socket4_, socket6_;
};

}  // namespace sluice::dhcp
