// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/address_service.hh"

#include <algorithm>
#include <cstdio>

namespace sluice::runtime {

AddressService::AddressService(unsigned core, LearntBoard* board, Reactor& reactor, Clock& clock,
                               Entropy& entropy, ip::Stack& stack, udp::Udp& udp)
    : core_(core), board_(board), clock_(clock), stack_(stack) {
  if (core == 0)
    service_ = std::make_unique<dhcp::Service>(reactor.timers(), clock, entropy, stack, udp, *this);
}

AddressService::~AddressService() = default;

std::string AddressService::add(size_t port_index, uint8_t interface_index, const config::PortConfig& port) {
  asking_.push_back({port_index, interface_index, port.title(), "", "", port.dhcp});
  if (!service_) {
    if (port.dhcp) stack_.await_address(interface_index, dhcp::kClientPort4);
    return "";
  }
  // RFC 4361 section 6.1: the same after a restart, and another one for each VLAN behind one MAC address.
  const MacAddress mac = stack_.mac(interface_index);
  uint32_t interface_id = port.vlan;
  for (size_t i = 2; i < mac.bytes.size(); ++i)
    interface_id = (interface_id << 8 | interface_id >> 24) ^ mac.bytes[i];
  dhcp::InterfaceWishes wishes;
  wishes.ipv4 = port.dhcp;
  wishes.ipv6 = port.dhcp6 == config::Dhcp6::kOn                  ? dhcp::Dhcp6::kAlways
                : port.slaac && port.dhcp6 != config::Dhcp6::kOff ? dhcp::Dhcp6::kByRouter
                                                                  : dhcp::Dhcp6::kOff;
  wishes.interface_id = interface_id;
  wishes.check = port.duplicate_detection;
  const std::string error = service_->add(interface_index, wishes);
  return error.empty() ? error : port.where + error;
}

AddressService::Asking* AddressService::find(uint8_t interface_index) {
  for (Asking& each : asking_)
    if (each.interface_index == interface_index) return &each;
  return nullptr;
}

bool AddressService::has_addresses() const {
  if (asking_.empty()) return true;
  return service_ ? service_->all_have_addresses() : board_->complete() && !is_behind();
}

void AddressService::stop() {
  if (service_) service_->stop();
}

static std::string duration(uint32_t seconds) {
  return seconds == UINT32_MAX ? "for ever" : std::to_string(seconds) + " s";
}

void AddressService::say(const Asking& port, std::string& last, std::string text) {
  if (text != last) std::fprintf(stderr, "%s: %s\n", port.title.c_str(), text.c_str());
  last = std::move(text);
}

void AddressService::on_held6(uint8_t interface_index, std::span<const ip::LearntIpv6> addresses) {
  Asking* const port = find(interface_index);
  if (port == nullptr || board_ == nullptr) return;
  board_->publish(port->port_index,
                  [&](Learnt& learnt) { learnt.ipv6.assign(addresses.begin(), addresses.end()); });
}

void AddressService::on_lease6(uint8_t interface_index, const dhcp::Lease6& lease) {
  Asking* const port = find(interface_index);
  if (port == nullptr) return;
  std::string text;
  for (const auto& each : lease.addresses)
    if (each.checked)
      text += (text.empty() ? "address " : ", ") + each.address.to_string() + " by DHCPv6, valid " +
              duration(each.valid_s);
  if (text.empty()) {
    text = port->said6.rfind("address", 0) == 0 ? "the address by DHCPv6 is gone; asking for another one"
                                                : "information by DHCPv6";
  }
  for (size_t i = 0; i < lease.dns_servers.size(); ++i)
    text += (i == 0 ? ", DNS " : " ") + lease.dns_servers[i].to_string();
  for (size_t i = 0; i < lease.domains.size(); ++i) text += (i == 0 ? ", domain " : " ") + lease.domains[i];
  say(*port, port->said6, std::move(text));
  if (board_ != nullptr) board_->set_complete(service_->all_have_addresses());
}

void AddressService::on_lease4(uint8_t interface_index, const dhcp::Lease4* lease) {
  Asking* const port = find(interface_index);
  if (port == nullptr) return;
  std::string text;
  if (lease != nullptr) {
    text = "address " + IpAddress::v4(lease->address).to_string() + "/" + std::to_string(lease->prefix_bits) +
           " by DHCP from " + IpAddress::v4(lease->server).to_string() + ", lease " +
           duration(lease->lease_s);
    for (const dhcp::Route4& route : lease->routes)
      if (route.prefix_bits == 0 && route.gateway != 0)
        text += ", gateway " + IpAddress::v4(route.gateway).to_string();
    if (lease->mtu_bytes != 0) text += ", MTU " + std::to_string(stack_.mtu_bytes(interface_index));
    for (size_t i = 0; i < lease->dns_servers.size(); ++i)
      text += (i == 0 ? ", DNS " : " ") + lease->dns_servers[i].to_string();
    for (size_t i = 0; i < lease->domains.size(); ++i)
      text += (i == 0 ? ", domain " : " ") + lease->domains[i];
  } else {
    text = "the address by DHCP is gone; asking for another one";
  }
  say(*port, port->said4, std::move(text));
  if (board_ == nullptr) return;
  board_->publish(port->port_index, [&](Learnt& learnt) {
    learnt.ipv4 = lease != nullptr ? dhcp::learnt_of(*lease) : ip::LearntIpv4{};
  });
  board_->set_complete(service_->all_have_addresses());
}

bool AddressService::receive(uint64_t) {
  if (!is_behind()) return false;
  seen_ = board_->version();
  for (const Asking& port : asking_) {
    const Learnt learnt = board_->read(port.port_index);
    stack_.learn_ipv4(port.interface_index, learnt.ipv4);
    if (port.ipv4)
      stack_.await_address(port.interface_index, learnt.ipv4.address.is_any() ? dhcp::kClientPort4 : 0);
    stack_.learn_ipv6(port.interface_index, learnt.ipv6);
  }
  return true;
}

void AddressService::visit_counters(const CoreNetwork::CounterVisitor& visit) const {
  if (!service_ || asking_.empty()) return;
  const dhcp::Client4::Counters v4 = service_->counters4();
  const auto event = [&](const char* labels, uint64_t value) { visit("dhcp_events", labels, value); };
  event("family=\"4\",event=\"sent\"", v4.sent);
  event("family=\"4\",event=\"received\"", v4.received);
  event("family=\"4\",event=\"malformed\"", v4.malformed);
  event("family=\"4\",event=\"unexpected\"", v4.unexpected);
  event("family=\"4\",event=\"nak\"", v4.naks);
  event("family=\"4\",event=\"declined\"", v4.declined);
  event("family=\"4\",event=\"expired\"", v4.expired);
  event("family=\"4\",event=\"acquired\"", v4.acquired);
  event("family=\"4\",event=\"renewed\"", v4.renewed);
  const dhcp::Client6::Counters v6 = service_->counters6();
  event("family=\"6\",event=\"sent\"", v6.sent);
  event("family=\"6\",event=\"received\"", v6.received);
  event("family=\"6\",event=\"malformed\"", v6.malformed);
  event("family=\"6\",event=\"unexpected\"", v6.unexpected);
  event("family=\"6\",event=\"refused\"", v6.refused);
  event("family=\"6\",event=\"declined\"", v6.declined);
  event("family=\"6\",event=\"expired\"", v6.expired);
  event("family=\"6\",event=\"acquired\"", v6.acquired);
  event("family=\"6\",event=\"renewed\"", v6.renewed);
  event("family=\"6\",event=\"informed\"", v6.informed);
}

void AddressService::visit_gauges(const CoreNetwork::CounterVisitor& visit) const {
  if (!service_) return;
  const uint64_t now_ns = clock_.monotonic_ns();
  const auto state = [&](const std::string& port, std::string_view name) {
    visit("dhcp_state", port + ",state=\"" + std::string(name) + "\"", 1);
  };
  const auto left = [&](const std::string& port, const std::string& address, uint64_t until_ns) {
    visit("dhcp_lease_seconds", port + ",address=\"" + address + "\"",
          until_ns > now_ns ? (until_ns - now_ns) / kNanosecondsPerSecond : 0);
  };
  for (const Asking& asking : asking_) {
    const std::string port = "port=\"" + asking.title + "\",family=";
    if (const dhcp::Client4* client = service_->client4(asking.interface_index)) {
      state(port + "\"4\"", dhcp::state_name(client->state()));
      if (const dhcp::Lease4* lease = client->lease())
        left(port + "\"4\"", IpAddress::v4(lease->address).to_string(), client->expires_ns());
    }
    if (const dhcp::Client6* client = service_->client6(asking.interface_index)) {
      state(port + "\"6\"", dhcp::state_name(client->state()));
      for (const auto& each : client->lease().addresses)
        left(port + "\"6\"", each.address.to_string(), each.valid_until_ns);
    }
  }
}

}  // namespace sluice::runtime
