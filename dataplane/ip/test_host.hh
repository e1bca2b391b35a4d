// SPDX-License-Identifier: Apache-2.0
// For tests: a host with our stack on the simulated wire, and a bare port whose frames the test writes and reads itself.
#pragma once
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/ip/stack.hh"
#include "dataplane/wire/arp.hh"
#include "dataplane/wire/checksum.hh"
#include "dataplane/wire/ethernet.hh"
#include "dataplane/wire/icmp.hh"
#include "dataplane/wire/icmpv6.hh"
#include "dataplane/wire/ipv4.hh"
#include "dataplane/wire/ipv6.hh"
#include "dataplane/wire/udp.hh"
#include "tests/simulation/simulation.hh"

namespace sluice::ip {

using Bytes = std::vector<std::byte>;

inline IpAddress ip_address(const std::string& text) {
  const auto address = IpAddress::parse(text);
  SLUICE_ASSERT(address.has_value());
  return *address;
}
inline uint32_t v4(const std::string& text) { return ip_address(text).v4(); }

// A host: port, timers, stack. Its address is 192.0.2.<n>/24 unless said otherwise.
struct TestHost {
  TestHost(simulation::Simulation& its_sim, const std::string& address,
           const simulation::SimulatedPortOptions& port_options = {}, uint8_t prefix_bits = 24,
           uint32_t mtu_bytes = 0)
      : TestHost(
            its_sim,
            InterfaceOptions{
                .name = "test", .addresses = {{ip_address(address), prefix_bits}}, .mtu_bytes = mtu_bytes},
            port_options) {}
  TestHost(simulation::Simulation& its_sim, const InterfaceOptions& options,
           const simulation::SimulatedPortOptions& port_options = {})
      : sim(its_sim),
        port(sim.wire.add_port(port_options)),
        timers(sim.now_ns()),
        stack(timers, sim.entropy) {
    stack.add_interface(port, options);
    sim.add_host(timers, [this](uint64_t now_ns) {
      bool any = stack.receive(now_ns);
      any |= timers.advance(now_ns) > 0;
      stack.transmit(now_ns);
      return any;
    });
  }
  ~TestHost() { sim.remove_host(timers); }

  // Sends an L4 packet of `length` bytes of 'x', or of these bytes.
  Error send(const std::string& to, uint8_t protocol, const Bytes& l4, bool may_fragment = false) {
    IpAddress source;
    Path path;
    if (const Error error = stack.find_path(ip_address(to), source, path); error != Error::kNone)
      return error;
    Buffer *head = nullptr, *tail = nullptr;
    size_t at = 0;
    do {
      Buffer* piece = stack.pool(path).allocate();
      const auto count = static_cast<uint32_t>(std::min<size_t>(l4.size() - at, 1480));
      if (count > 0) piece->append(l4.data() + at, count);
      at += count;
      (tail ? tail->next_segment : head) = piece;
      tail = piece;
    } while (at < l4.size());
    return stack.send(
        path,
        {.source = source, .destination = ip_address(to), .protocol = protocol, .may_fragment = may_fragment},
        head);
  }

  simulation::Simulation& sim;
  simulation::SimulatedPort& port;
  TimerWheel timers;
  Stack stack;
};

inline Bytes icmpv6_message(const IpAddress& source, const IpAddress& destination, uint8_t type, uint8_t code,
                            uint32_t rest, const Bytes& body) {
  Bytes message(wire::kIcmpv6HeaderBytes);
  wire::emit_icmpv6(message.data(), type, code, rest);
  message.insert(message.end(), body.begin(), body.end());
  const auto length = static_cast<uint32_t>(message.size());
  const auto sum = wire::pseudo_header_sum(source, destination, kProtocolIcmpv6, length);
  wire::store_16(message.data() + 2, wire::checksum_finish(wire::checksum_add(sum, message.data(), length)));
  return message;
}
// The body of a neighbour solicitation or advertisement: its target, and a link address in this option (0: none).
inline Bytes discovery_body(const IpAddress& target, uint8_t option = 0, const MacAddress& mac = {}) {
  Bytes body(option ? 24 : 16);
  std::memcpy(body.data(), target.bytes.data(), 16);
  if (option) {
    wire::store_8(&body[16], option);
    wire::store_8(&body[17], 1);
    wire::store_mac(&body[18], mac);
  }
  return body;
}

// A station that the test plays by hand.
struct TestStation {
  static constexpr MacAddress kMac{{2, 0xaa, 0, 0, 0, 1}};

  explicit TestStation(simulation::Simulation& its_sim, MacAddress its_mac = kMac)
      : sim(its_sim), mac(its_mac), port(sim.wire.add_port({.mac = its_mac, .promiscuous = true})) {}

  void send(const MacAddress& to, uint16_t ether_type, const Bytes& payload) {
    Bytes frame(wire::kEthernetHeaderBytes);
    wire::emit_ethernet(frame.data(), to, mac, ether_type);
    frame.insert(frame.end(), payload.begin(), payload.end());
    if (frame.size() < 60) frame.resize(60);  // as a NIC pads it
    port.inject(frame);
  }
  void send_arp(const MacAddress& to, const wire::ArpFields& fields) {
    Bytes bytes(wire::kArpBytes);
    wire::emit_arp(bytes.data(), fields);
    send(to, wire::kEtherTypeArp, bytes);
  }
  void send_ipv4(const MacAddress& to, wire::Ipv4Fields fields, const Bytes& l4) {
    fields.total_bytes = static_cast<uint16_t>(wire::kIpv4HeaderBytes + l4.size());
    Bytes bytes(wire::kIpv4HeaderBytes);
    wire::emit_ipv4(bytes.data(), fields);
    wire::set_ipv4_checksum(bytes.data(), fields);
    bytes.insert(bytes.end(), l4.begin(), l4.end());
    send(to, wire::kEtherTypeIpv4, bytes);
  }

  void send_ipv6(const MacAddress& to, wire::Ipv6Fields fields, const Bytes& payload) {
    fields.payload_bytes = static_cast<uint16_t>(payload.size());
    Bytes bytes(wire::kIpv6HeaderBytes);
    wire::emit_ipv6(bytes.data(), fields);
    bytes.insert(bytes.end(), payload.begin(), payload.end());
    send(to, wire::kEtherTypeIpv6, bytes);
  }
  // An ICMPv6 message whose checksum is right.
  void send_icmpv6(const MacAddress& to, wire::Ipv6Fields fields, uint8_t type, uint8_t code, uint32_t rest,
                   const Bytes& body) {
    fields.next_header = wire::kNextIcmpv6;
    send_ipv6(to, fields, icmpv6_message(fields.source, fields.destination, type, code, rest, body));
  }

  // All frames that came since the last call, of this type (0: all).
  std::vector<Bytes> received(uint16_t ether_type = 0) {
    Buffer* buffer = nullptr;
    while (port.receive(&buffer, 1) == 1) {
      frames_.emplace_back(buffer->data, buffer->end());
      release(buffer);
    }
    std::vector<Bytes> chosen;
    for (const Bytes& frame : frames_)
      if (ether_type == 0 || wire::EthernetView::parse(frame)->ether_type() == ether_type)
        chosen.push_back(frame);
    frames_.clear();
    return chosen;
  }
  std::vector<wire::ArpFields> received_arp() {
    std::vector<wire::ArpFields> all;
    for (const Bytes& frame : received(wire::kEtherTypeArp))
      all.push_back(*wire::parse_arp(std::span(frame).subspan(wire::kEthernetHeaderBytes)));
    return all;
  }
  // IPv4 packets, each from its IP header to the end of its total length.
  std::vector<Bytes> received_ipv4() {
    std::vector<Bytes> all;
    for (const Bytes& frame : received(wire::kEtherTypeIpv4)) {
      const auto packet = std::span(frame).subspan(wire::kEthernetHeaderBytes);
      const auto header = wire::Ipv4View::parse(packet);
      SLUICE_ASSERT(header.has_value() && header->checksum_is_right());
      all.emplace_back(packet.begin(), packet.begin() + header->total_bytes());
    }
    return all;
  }

  // IPv6 packets, each from its header to the end of its payload.
  std::vector<Bytes> received_ipv6() {
    std::vector<Bytes> all;
    for (const Bytes& frame : received(wire::kEtherTypeIpv6)) {
      const auto packet = std::span(frame).subspan(wire::kEthernetHeaderBytes);
      const auto header = wire::Ipv6View::parse(packet);
      SLUICE_ASSERT(header.has_value());
      all.emplace_back(packet.begin(), packet.begin() + wire::kIpv6HeaderBytes + header->payload_bytes());
    }
    return all;
  }
  // Those of them that are ICMPv6 messages of this type; their checksum must be right.
  std::vector<Bytes> received_icmpv6(uint8_t type) {
    std::vector<Bytes> all;
    for (const Bytes& packet : received_ipv6()) {
      const auto header = *wire::Ipv6View::parse(packet);
      if (header.next_header() != wire::kNextIcmpv6) continue;
      const auto message = std::span(packet).subspan(wire::kIpv6HeaderBytes);
      const auto length = static_cast<uint32_t>(message.size());
      const auto sum = wire::pseudo_header_sum(header.source(), header.destination(), 58, length);
      SLUICE_ASSERT(wire::checksum_finish(wire::checksum_add(sum, message.data(), length)) == 0);
      if (wire::load_8(message.data()) == type) all.push_back(packet);
    }
    return all;
  }

  simulation::Simulation& sim;
  const MacAddress mac;
  simulation::SimulatedPort& port;

 private:
  std::vector<Bytes> frames_;
};

// A protocol that keeps what it is given.
struct RecordingProtocol final : Protocol {
  struct Packet {
    ReceivedPacket about;
    Bytes l4;
    uint32_t first_segment_bytes = 0;
  };
  struct IcmpReport {
    IcmpError about;
    Bytes l4;
  };
  void receive(const ReceivedPacket& about, Buffer* packet) override {
    Packet kept{about, {}, packet->length};
    for (const Buffer* segment = packet; segment; segment = segment->next_segment)
      kept.l4.insert(kept.l4.end(), segment->data, segment->end());
    packets.push_back(std::move(kept));
    release(packet);
  }
  void icmp_error(const IcmpError& about) override {
    errors.push_back({about, Bytes(about.l4.begin(), about.l4.end())});
  }
  std::vector<Packet> packets;
  std::vector<IcmpReport> errors;
};

inline Bytes pattern_bytes(size_t count, unsigned salt = 0) {
  Bytes bytes(count);
  for (size_t i = 0; i < count; ++i) bytes[i] = static_cast<std::byte>(i * 7 + i / 251 + salt);
  return bytes;
}

}  // namespace sluice::ip
