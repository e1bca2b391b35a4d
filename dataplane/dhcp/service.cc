// SPDX-License-Identifier: Apache-2.0
#include "dataplane/dhcp/service.hh"

#include <algorithm>
#include <array>

#include "dataplane/wire/checksum.hh"
#include "dataplane/wire/udp.hh"

namespace sluice::dhcp {

ip::LearntIpv4 learnt_of(const Lease4& lease) {
  ip::LearntIpv4 learnt;
  learnt.address = IpAddress::v4(lease.address);
  learnt.prefix_bits = lease.prefix_bits;
  learnt.mtu_bytes = lease.mtu_bytes;
  for (const Route4& route : lease.routes) {
    if (learnt.routes_count == ip::LearntIpv4::kRoutesLimit) break;
    learnt.routes[learnt.routes_count++] = {route.prefix, route.prefix_bits, route.gateway};
  }
  return learnt;
}

Service::Service(TimerWheel& timers, Clock& clock, Entropy& entropy, ip::Stack& stack, udp::Udp& udp,
                 ServiceListener& listener)
    : timers_(timers), clock_(clock), entropy_(entropy), stack_(stack), udp_(udp), listener_(listener) {
  stack_.set_address_watcher(this);
}

Service::~Service() { stack_.set_address_watcher(nullptr); }

std::string Service::add(uint8_t interface_index, const InterfaceWishes& wishes) {
  Interface& added = *interfaces_.emplace_back(std::make_unique<Interface>(*this, interface_index));
  const ClientOptions options{
      .mac = stack_.mac(interface_index), .interface_id = wishes.interface_id, .check = wishes.check};
  if (wishes.ipv4) {
    if (!socket4_) {
      auto socket = udp_.bind({IpAddress::v4(0), kClientPort4}, inbox4_);
      if (!socket) return "DHCP: " + socket.detail;
      socket4_ = std::move(socket.value);
    }
    added.client4 = std::make_unique<Client4>(timers_, entropy_, added, options);
    stack_.await_address(interface_index, kClientPort4);
    added.client4->start(clock_.monotonic_ns());
  }
  if (wishes.ipv6 != Dhcp6::kOff) {
    if (!socket6_) {
      auto socket = udp_.bind({IpAddress{}, kClientPort6}, inbox6_);
      if (!socket) return "DHCPv6: " + socket.detail;
      socket6_ = std::move(socket.value);
    }
    added.wish6 = wishes.ipv6;
    added.client6 = std::make_unique<Client6>(timers_, entropy_, added, options);
    if (wishes.ipv6 == Dhcp6::kAlways) added.client6->start(clock_.monotonic_ns());
  }
  return "";
}

void Service::stop() {
  for (const auto& each : interfaces_) {
    if (each->client4) each->client4->stop(clock_.monotonic_ns());
    if (each->client6) each->client6->stop(clock_.monotonic_ns());
  }
}

bool Service::all_have_addresses() const {
  return std::all_of(interfaces_.begin(), interfaces_.end(), [](const auto& each) {
    return (!each->client4 || each->client4->lease() != nullptr) &&
           (each->wish6 != Dhcp6::kAlways || each->client6->has_address());
  });
}

Service::Interface* Service::find(uint8_t interface_index) const {
  for (const auto& each : interfaces_)
    if (each->index == interface_index) return each.get();
  return nullptr;
}

const Client4* Service::client4(uint8_t interface_index) const {
  const Interface* found = find(interface_index);
  return found != nullptr ? found->client4.get() : nullptr;
}

const Client6* Service::client6(uint8_t interface_index) const {
  const Interface* found = find(interface_index);
  return found != nullptr ? found->client6.get() : nullptr;
}

Client6::Counters Service::counters6() const {
  Client6::Counters sum;
  for (const auto& each : interfaces_) {
    if (!each->client6) continue;
    const Client6::Counters& one = each->client6->counters;
    sum.sent += one.sent;
    sum.received += one.received;
    sum.malformed += one.malformed;
    sum.unexpected += one.unexpected;
    sum.refused += one.refused;
    sum.declined += one.declined;
    sum.expired += one.expired;
    sum.acquired += one.acquired;
    sum.renewed += one.renewed;
    sum.informed += one.informed;
  }
  return sum;
}

Client4::Counters Service::counters4() const {
  Client4::Counters sum;
  for (const auto& each : interfaces_) {
    if (!each->client4) continue;
    const Client4::Counters& one = each->client4->counters;
    sum.sent += one.sent;
    sum.received += one.received;
    sum.malformed += one.malformed;
    sum.unexpected += one.unexpected;
    sum.naks += one.naks;
    sum.declined += one.declined;
    sum.expired += one.expired;
    sum.acquired += one.acquired;
    sum.renewed += one.renewed;
  }
  return sum;
}

Error Service::send(uint8_t interface_index, const Endpoint& from, const Endpoint& to,
                    std::span<const std::byte> payload) {
  ip::Path path = stack_.path_on(interface_index, to.address);
  const bool to_one = to.address.is_v4() && to.address.v4() != 0xffffffff;
  if (to_one) {
    IpAddress local = from.address;
    if (const Error error = stack_.find_path(to.address, local, path); error != Error::kNone) return error;
  }
  Buffer* packet = stack_.pool(path).allocate();
  if (packet == nullptr) return Error::kNoBuffers;
  if (packet->tailroom() < wire::kUdpHeaderBytes + payload.size()) {
    release(packet);
    return Error::kMessageTooLong;
  }
  const auto total = static_cast<uint16_t>(wire::kUdpHeaderBytes + payload.size());
  wire::emit_udp(packet->append(wire::kUdpHeaderBytes), from.port, to.port, total);
  packet->append(payload.data(), static_cast<uint32_t>(payload.size()));
  const auto sum = wire::pseudo_header_sum(from.address, to.address, ip::kProtocolUdp, total);
  wire::set_udp_checksum(packet->data, wire::checksum_finish(wire::checksum_add(sum, packet->data, total)));
  return stack_.send(path,
                     {.source = from.address,
                      .destination = to.address,
                      .protocol = ip::kProtocolUdp,
                      .may_fragment = to_one},
                     packet);
}

// A datagram in one piece; the payload is taken.
static std::span<const std::byte> in_one_piece(Buffer* payload,
                                               std::array<std::byte, kMessageLimitBytes4>& bytes) {
  size_t length = 0;
  for (const Buffer* segment = payload; segment && length < bytes.size(); segment = segment->next_segment) {
    const size_t part = std::min<size_t>(segment->length, bytes.size() - length);
    if (part > 0) std::memcpy(&bytes[length], segment->data, part);
    length += part;
  }
  release(payload);
  return {bytes.data(), length};
}

// Which client a message is for its transaction tells: it is a random number of each.
void Service::Inbox4::on_datagram(const Endpoint& from, const Endpoint&, Buffer* payload) {
  std::array<std::byte, kMessageLimitBytes4> bytes;
  const auto message = in_one_piece(payload, bytes);
  if (from.port != kServerPort4) return;
  const uint32_t transaction = message.size() >= 8 ? wire::load_32(&message[4]) : 0;
  Client4* chosen = nullptr;
  for (const auto& each : service.interfaces_)
    if (each->client4 && (chosen == nullptr || each->client4->transaction() == transaction))
      chosen = each->client4.get();
  if (chosen != nullptr) chosen->receive(service.clock_.monotonic_ns(), message);
}

void Service::Inbox6::on_datagram(const Endpoint& from, const Endpoint&, Buffer* payload) {
  std::array<std::byte, kMessageLimitBytes4> bytes;
  const auto message = in_one_piece(payload, bytes);
  if (from.address.is_v4()) return;
  const uint32_t transaction = message.size() >= 4 ? wire::load_32(message.data()) & 0xffffff : 0;
  Client6* chosen = nullptr;
  for (const auto& each : service.interfaces_)
    if (each->client6 && (chosen == nullptr || each->client6->transaction() == transaction))
      chosen = each->client6.get();
  if (chosen != nullptr) chosen->receive(service.clock_.monotonic_ns(), message);
}

bool Service::Interface::ready6() { return !service.stack_.link_local_address(index).is_any(); }

void Service::Interface::send6(std::span<const std::byte> payload) {
  const IpAddress own = service.stack_.link_local_address(index);
  if (!own.is_any()) service.send(index, {own, kClientPort6}, {kAllServers6, kServerPort6}, payload);
}

void Service::Interface::hold6(const Lease6& lease) {
  std::vector<ip::LearntIpv6> held;
  for (const auto& each : lease.addresses)
    held.push_back({each.address, each.preferred_until_ns, each.valid_until_ns});
  service.listener_.on_held6(index, held);
  service.stack_.learn_ipv6(index, held);
}

void Service::Interface::use6(const Lease6& lease) { service.listener_.on_lease6(index, lease); }

void Service::Interface::send4(uint32_t source, uint32_t destination, std::span<const std::byte> payload) {
  service.send(index, {IpAddress::v4(source), kClientPort4}, {IpAddress::v4(destination), kServerPort4},
               payload);
}

void Service::Interface::check4(uint32_t address) { service.stack_.probe(index, IpAddress::v4(address)); }
void Service::Interface::stop_check4() { service.stack_.stop_probe(index); }

void Service::Interface::use4(const Lease4* lease) {
  service.stack_.learn_ipv4(index, lease != nullptr ? learnt_of(*lease) : ip::LearntIpv4{});
  service.stack_.await_address(index, lease != nullptr ? 0 : kClientPort4);
  service.listener_.on_lease4(index, lease);
}

void Service::checked(uint8_t interface_index, const IpAddress& address, bool free) {
  const Interface* const found = find(interface_index);
  if (found == nullptr) return;
  if (address.is_v4() && found->client4) found->client4->checked(clock_.monotonic_ns(), free);
  if (!address.is_v4() && found->client6) found->client6->checked(clock_.monotonic_ns(), address, free);
}

void Service::conflict(uint8_t interface_index, const IpAddress&) {
  const Interface* const found = find(interface_index);
  if (found != nullptr && found->client4) found->client4->conflict(clock_.monotonic_ns());
}

void Service::advertised(uint8_t interface_index, bool managed, bool other) {
  const Interface* const found = find(interface_index);
  if (found == nullptr || found->wish6 != Dhcp6::kByRouter) return;
  if (managed) {
    found->client6->start(clock_.monotonic_ns());
  } else if (other) {
    found->client6->inform(clock_.monotonic_ns());
  }
}

}  // namespace sluice::dhcp
