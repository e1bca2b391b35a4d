// SPDX-License-Identifier: Apache-2.0
// What decides on a host's addresses and groups: DHCP of both versions, router advertisements, ARP for an address that is
// being probed, IGMP and MLD queries. An input's records say what comes, when, and which groups a program joins. Transactions,
// identifiers and checksums are put right, unless the record says otherwise, so that all states are reached. Whatever comes:
// no crash, no storm, no address that the clients do not hold, no Buffer left over.
#include <span>
#include <vector>

#include "dataplane/dhcp/test_host.hh"
#include "dataplane/ip/ipv6_address.hh"

using namespace sluice;

namespace {

using Bytes = std::vector<std::byte>;
constexpr uint32_t kServer = 0xc0000201, kOffered = 0xc0000205;  // 192.0.2.1 and .5
const IpAddress kServer6 = *IpAddress::parse("fe80::5"), kGiven = *IpAddress::parse("2001:db8:7::100");
constexpr MacAddress kPeerMac{{2, 0xaa, 0, 0, 0, 9}};

// The input, taken from its front; zeros when it is used up.
class Input {
 public:
  Input(const uint8_t* data, size_t size) : left_(data, size) {}
  bool empty() const { return left_.empty(); }
  uint8_t byte() {
    if (left_.empty()) return 0;
    const uint8_t value = left_.front();
    left_ = left_.subspan(1);
    return value;
  }
  Bytes bytes(size_t count) {
    count = std::min(count, left_.size());
    Bytes taken(count);
    for (std::byte& each : taken) each = static_cast<std::byte>(byte());
    return taken;
  }

 private:
  std::span<const uint8_t> left_;
};

struct Rig {
  simulation::Simulation world{1};
  simulation::SimulatedPort& peer = world.wire.add_port({.mac = kPeerMac, .promiscuous = true});
  dhcp::DhcpHost host{world,
                      {.ipv4 = true, .ipv6 = dhcp::Dhcp6::kAlways, .interface_id = 7},
                      ip::InterfaceOptions{.name = "fuzz", .autoconfigure = true, .stable_key = {1, 2}}};
  IpAddress our_link_address;
  unsigned joined[2] = {};

  void run(uint64_t duration_ns) {
    world.run_for(duration_ns);
    Buffer* frame = nullptr;
    while (peer.receive(&frame, 1) == 1) release(frame);
    our_link_address = host.stack.link_local_address(0);
    // What the stack holds is what the clients hold.
    const dhcp::Lease4* lease = host.client().lease();
    bool found = false;
    for (const IpAddress& each : host.stack.addresses())
      if (each.is_v4()) {
        SLUICE_ASSERT(lease != nullptr && each.v4() == lease->address);
        found = true;
      }
    SLUICE_ASSERT(found == (lease != nullptr));
    if (lease != nullptr) SLUICE_ASSERT(lease->prefix_bits >= 1 && lease->prefix_bits <= 32);
    for (const auto& each : host.client6().lease().addresses)
      SLUICE_ASSERT(!each.checked || host.stack.is_local(each.address) ||
                    each.valid_until_ns <= world.now_ns());
  }
  void deliver(const MacAddress& to, uint16_t type, const Bytes& packet) {
    Bytes frame(wire::kEthernetHeaderBytes);
    wire::emit_ethernet(frame.data(), to, kPeerMac, type);
    frame.insert(frame.end(), packet.begin(), packet.end());
    host.port.deliver(frame);
  }
  void send_ipv4(const MacAddress& to, uint8_t protocol, uint32_t destination, uint8_t hop_limit,
                 const Bytes& l4) {
    const wire::Ipv4Fields fields{.total_bytes = static_cast<uint16_t>(wire::kIpv4HeaderBytes + l4.size()),
                                  .hop_limit = hop_limit,
                                  .protocol = protocol,
                                  .source = kServer,
                                  .destination = destination};
    Bytes packet(wire::kIpv4HeaderBytes);
    wire::emit_ipv4(packet.data(), fields);
    wire::set_ipv4_checksum(packet.data(), fields);
    packet.insert(packet.end(), l4.begin(), l4.end());
    deliver(to, wire::kEtherTypeIpv4, packet);
  }
  void send_ipv6(const MacAddress& to, uint8_t protocol, const IpAddress& destination, uint8_t hop_limit,
                 size_t checksum_at, Bytes l4) {
    const auto length = static_cast<uint32_t>(l4.size());
    wire::store_16(&l4[checksum_at], 0);
    const auto sum = wire::pseudo_header_sum(kServer6, destination, protocol, length);
    wire::store_16(&l4[checksum_at], wire::checksum_finish(wire::checksum_add(sum, l4.data(), length)));
    Bytes packet(wire::kIpv6HeaderBytes);
    wire::emit_ipv6(packet.data(), {.payload_bytes = static_cast<uint16_t>(length),
                                    .next_header = protocol,
                                    .hop_limit = hop_limit,
                                    .source = kServer6,
                                    .destination = destination});
    packet.insert(packet.end(), l4.begin(), l4.end());
    deliver(to, wire::kEtherTypeIpv6, packet);
  }
  static Bytes udp(uint16_t from, uint16_t to, const Bytes& payload) {
    Bytes l4(wire::kUdpHeaderBytes);
    wire::emit_udp(l4.data(), from, to, static_cast<uint16_t>(l4.size() + payload.size()));
    l4.insert(l4.end(), payload.begin(), payload.end());
    return l4;
  }

  void reply4(Input& input) {
    const uint8_t shape = input.byte();
    Bytes message(240);
    wire::store_32(message.data(), 0x02010600);
    wire::store_32(&message[4], host.client().transaction() ^ (shape & 0x80 ? 1u : 0u));
    wire::store_32(&message[16], shape & 1 ? kOffered : kOffered + input.byte());
    wire::store_mac(&message[28], host.port.mac());
    wire::store_32(&message[236], 0x63825363);
    const auto put = [&](uint8_t code, const Bytes& value) {
      message.push_back(std::byte{code});
      message.push_back(static_cast<std::byte>(value.size()));
      message.insert(message.end(), value.begin(), value.end());
    };
    const auto word = [](uint32_t value) {
      Bytes bytes(4);
      wire::store_32(bytes.data(), value);
      return bytes;
    };
    constexpr uint8_t kTypes[] = {2, 5, 6, 1};
    put(53, {std::byte{kTypes[shape >> 1 & 3]}});
    if (shape & 8) put(54, word(kServer));
    if (shape & 16) put(51, word(uint32_t{input.byte()} * (shape & 32 ? 16u : 1u)));
    if (shape & 64) put(52, {std::byte{3}});  // options in "sname" and "file", too
    const Bytes options = input.bytes(input.byte());
    if (shape & 64) std::copy_n(options.begin(), std::min<size_t>(options.size(), 192), message.begin() + 44);
    message.insert(message.end(), options.begin(), options.end());
    send_ipv4(wire::kBroadcastMac, 17, 0xffffffff, 64, udp(67, 68, message));
  }
  void reply6(Input& input) {
    const uint8_t shape = input.byte();
    Bytes message(4);
    wire::store_32(message.data(), (shape & 1 ? 0x07000000u : 0x02000000u) |
                                       (host.client6().transaction() ^ (shape & 0x80 ? 1u : 0u)));
    const auto put = [&](uint16_t code, const Bytes& value) {
      const size_t at = message.size();
      message.resize(at + 4);
      wire::store_16(&message[at], code);
      wire::store_16(&message[at + 2], static_cast<uint16_t>(value.size()));
      message.insert(message.end(), value.begin(), value.end());
    };
    if (shape & 2) put(1, dhcp::duid(host.port.mac()));
    if (shape & 4) put(2, {std::byte{1}, std::byte{static_cast<uint8_t>(shape >> 6 & 1)}});
    if (shape & 8) put(14, {});
    if (shape & 16) put(7, {std::byte{255}});
    if (shape & 32) {
      // An association, with an address and whatever comes.
      Bytes value(12 + 28);
      wire::store_32(value.data(), 7);
      wire::store_32(&value[4], input.byte());
      wire::store_32(&value[8], input.byte());
      wire::store_16(&value[12], 5);
      wire::store_16(&value[14], 24);
      std::memcpy(&value[16], kGiven.bytes.data(), 16);
      wire::store_8(&value[31], input.byte());
      wire::store_32(&value[32], input.byte());
      wire::store_32(&value[36], input.byte());
      const Bytes more = input.bytes(input.byte() & 63);
      value.insert(value.end(), more.begin(), more.end());
      put(3, value);
    }
    const Bytes options = input.bytes(input.byte());
    message.insert(message.end(), options.begin(), options.end());
    send_ipv6(host.port.mac(), 17, our_link_address, 64, 6, udp(547, 546, message));
  }
  void raw(Input& input) {
    const bool six = input.byte() & 1;
    const Bytes message = input.bytes(input.byte());
    if (six)
      send_ipv6(host.port.mac(), 17, our_link_address, 64, 6, udp(547, 546, message));
    else
      send_ipv4(wire::kBroadcastMac, 17, 0xffffffff, 64, udp(67, 68, message));
  }
  void igmp(Input& input) {
    const uint8_t shape = input.byte();
    Bytes message = input.bytes(input.byte() & 63);
    if (message.size() < 8) message.resize(8);
    constexpr uint8_t kTypes[] = {0x11, 0x11, 0x16, 0x22};
    wire::store_8(message.data(), kTypes[shape & 3]);
    if (shape & 4) wire::store_32(&message[4], shape & 8 ? 0xefffff00u + (shape >> 4 & 3u) : 0);
    wire::store_16(&message[2], 0);
    wire::store_16(&message[2], wire::checksum_finish(wire::checksum_add(0, message.data(), message.size())));
    send_ipv4({{1, 0, 0x5e, 0, 0, 1}}, 2, 0xe0000001, shape & 0x80 ? 2 : 1, message);
  }
  void icmpv6(Input& input) {
    const uint8_t shape = input.byte();
    Bytes message = input.bytes(input.byte());
    if (message.size() < 24) message.resize(24);
    constexpr uint8_t kTypes[] = {134, 130, 135, 136};
    const uint8_t type = kTypes[shape & 3];
    wire::store_8(message.data(), type);
    wire::store_8(&message[1], 0);
    if (shape & 4 && type != 134) {
      const IpAddress& about = type == 130 ? *IpAddress::parse("ff05::1") : kGiven;
      std::memcpy(&message[8], about.bytes.data(), 16);
    }
    send_ipv6(ip::multicast_mac(ip::kAllNodes), 58, ip::kAllNodes, type == 130 ? 1 : 255, 2, message);
  }
  void arp(Input& input) {
    const uint8_t shape = input.byte();
    Bytes packet(wire::kArpBytes);
    wire::emit_arp(packet.data(), {.operation = static_cast<uint16_t>(1 + (shape & 1)),
                                   .sender_mac = kPeerMac,
                                   .target_mac = host.port.mac(),
                                   .sender_ip = shape & 2   ? kOffered
                                                : shape & 4 ? kServer
                                                            : 0,
                                   .target_ip = shape & 8 ? kOffered : kServer});
    deliver(wire::kBroadcastMac, wire::kEtherTypeArp, packet);
  }
  void groups(Input& input) {
    const uint8_t shape = input.byte();
    const bool six = shape & 1;
    const unsigned bit = 1u << (shape >> 2 & 3);
    const IpAddress group =
        six ? IpAddress{{0xff, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, static_cast<uint8_t>(bit)}}
            : IpAddress::v4(0xefffff00u + (shape >> 2 & 3u));
    if (joined[six] & bit) {
      host.stack.leave_group(0, group);
      joined[six] &= ~bit;
    } else if (host.stack.join_group(0, group) == Error::kNone) {
      joined[six] |= bit;
    }
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 2048) return 0;
  Input input(data, size);
  Rig rig;
  rig.run(1'500 * kNanosecondsPerMillisecond);
  // A lease of an hour runs out once; more time shows nothing new and costs much.
  constexpr uint64_t kLongestS = 5'000;
  unsigned records = 0;
  uint64_t seconds = 2;
  while (!input.empty()) {
    const uint8_t control = input.byte();
    ++records;
    switch (control & 7) {
      case 0: rig.reply4(input); break;
      case 1: rig.reply6(input); break;
      case 2: rig.raw(input); break;
      case 3: rig.igmp(input); break;
      case 4: rig.icmpv6(input); break;
      case 5: rig.arp(input); break;
      case 6: rig.groups(input); break;
      default: break;
    }
    constexpr uint64_t kGapsS[] = {0, 1, 3, 12, 70, 700, 4000};
    const uint8_t gap = control >> 3 & 15;
    uint64_t pause_s = gap < 9 ? 0 : kGapsS[gap - 9];
    if (seconds + pause_s > kLongestS) pause_s = 0;
    seconds += pause_s;
    rig.run(pause_s * kNanosecondsPerSecond + kNanosecondsPerMillisecond);
  }
  // No storm: an answer to each record, and some a second.
  const auto sent = rig.host.service->counters4().sent + rig.host.service->counters6().sent;
  SLUICE_ASSERT(sent <= 8 + 4 * records + 4 * seconds);
  rig.host.service->stop();  // the addresses stay with the stack, which is about to go
  rig.world.run_for(120 * kNanosecondsPerSecond);
  Buffer* frame = nullptr;
  while (rig.peer.receive(&frame, 1) == 1) release(frame);
  SLUICE_ASSERT(rig.host.port.pool().outstanding() == 0);
  return 0;
}
