// SPDX-License-Identifier: Apache-2.0
// Packets against the whole stack, both families: ARP, neighbour and router discovery, ICMP, extension headers, fragments,
// UDP and TCP, as an input's records say. Raw bytes are cut
// short by the first checksum, so most records are put in order as far as they are not what is tried: checksums are right,
// sequence numbers near those expected. Whatever comes: no crash, no hang, no Buffer left over.
#include <map>
#include <span>
#include <vector>

#include "dataplane/ip/ipv6_address.hh"
#include "dataplane/tcp/test_host.hh"
#include "dataplane/udp/udp.hh"
#include "dataplane/wire/arp.hh"
#include "dataplane/wire/checksum.hh"
#include "dataplane/wire/ethernet.hh"
#include "dataplane/wire/icmp.hh"
#include "dataplane/wire/icmpv6.hh"
#include "dataplane/wire/ipv4.hh"
#include "dataplane/wire/ipv6.hh"
#include "dataplane/wire/tcp.hh"
#include "dataplane/wire/udp.hh"
#include "tests/simulation/simulation.hh"

using namespace sluice;

namespace {

constexpr uint32_t kUs = 0xc0000201, kPeer = 0xc0000209;  // 192.0.2.1 and .9
const IpAddress kUs6 = *IpAddress::parse("2001:db8::1"), kPeer6 = *IpAddress::parse("2001:db8::9"),
                kPeerOfLink = *IpAddress::parse("fe80::9");
constexpr MacAddress kPeerMac{{2, 0xaa, 0, 0, 0, 9}};
constexpr uint16_t kEchoPort = 7, kTcpPort = 80, kFirstPeerPort = 40'000;
using Bytes = std::vector<std::byte>;

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
  uint16_t word() {
    const uint8_t high = byte();
    return static_cast<uint16_t>(high << 8 | byte());
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

struct UdpEcho final : transport::DatagramUser {
  void on_datagram(const Endpoint& from, const Endpoint&, Buffer* payload) override {
    socket->send(from, payload);
  }
  std::unique_ptr<transport::DatagramSocket> socket;
};

struct Rig {
  simulation::Simulation world{1};
  simulation::SimulatedPort& peer = world.wire.add_port({.mac = kPeerMac, .promiscuous = true});
  tcp::test::Host host{world, IpAddress::v4(kUs), {}, {}, {{kUs6, 64}}};
  // With IPv6 addresses that are still being checked, and routers obeyed.
  struct Automatic {
    TimerWheel timers;
    ip::Stack stack;
    simulation::SimulatedPort& port;
    explicit Automatic(simulation::Simulation& its_world)
        : timers(its_world.now_ns()),
          stack(timers, its_world.entropy),
          port(its_world.wire.add_port({})),
          world(its_world) {
      stack.add_interface(
          port,
          {.name = "automatic", .addresses = {{kUs6, 64}}, .autoconfigure = true, .stable_key = {1, 2}});
      world.add_host(timers, [this](uint64_t now_ns) {
        bool any = stack.receive(now_ns);
        any |= timers.advance(now_ns) > 0;
        stack.transmit(now_ns);
        return any;
      });
    }
    ~Automatic() { world.remove_host(timers); }
    simulation::Simulation& world;
  } automatic{world};
  udp::Udp udp{host.stack, world.entropy};
  UdpEcho echo;
  tcp::test::Acceptor acceptor;
  std::unique_ptr<transport::Listener> listener;
  tcp::test::Recorder connecting;
  // What our host's segments to each of the peer's ports say: where it goes on, and what it expects.
  struct Flow {
    uint32_t next_sequence = 0, expected = 0;
    uint16_t our_port = kTcpPort;
  };
  std::map<uint16_t, Flow> flows;

  Rig() {
    world.wire.set_conditions({.delay_ns = 1000});
    // The two hosts, which have an address in common, do not hear each other.
    world.wire.set_hook([this](std::span<std::byte>, unsigned from, unsigned to) {
      return from == peer.number() || to == peer.number();
    });
    auto bound = udp.bind({{}, kEchoPort}, echo);
    echo.socket = std::move(bound.value);
    acceptor.echoes = true;
    auto listening = host.tcp->listen({.local = {{}, kTcpPort}}, acceptor);
    listener = std::move(listening.value);
    Bytes arp(wire::kEthernetHeaderBytes + wire::kArpBytes);
    wire::emit_ethernet(arp.data(), wire::kBroadcastMac, kPeerMac, wire::kEtherTypeArp);
    wire::emit_arp(
        arp.data() + wire::kEthernetHeaderBytes,
        {.operation = wire::kArpRequest, .sender_mac = kPeerMac, .sender_ip = kPeer, .target_ip = kUs});
    peer.inject(arp);
    run(kNanosecondsPerMillisecond);
    // One connection that the input may answer.
    connecting.echoes = true;
    host.tcp->connect({.remote = {IpAddress::v4(kPeer), kFirstPeerPort}}, connecting);
    run(kNanosecondsPerMillisecond);
  }

  void run(uint64_t duration_ns) {
    world.run_for(duration_ns);
    Buffer* frame = nullptr;
    while (peer.receive(&frame, 1) == 1) {
      note(frame->bytes());
      release(frame);
    }
  }
  // What goes out by IPv6 has right checksums, and extension headers that we know.
  void note_ipv6(std::span<const std::byte> packet) {
    const auto header = wire::Ipv6View::parse(packet);
    SLUICE_ASSERT(header && wire::kIpv6HeaderBytes + header->payload_bytes() <= packet.size());
    auto l4 = packet.subspan(wire::kIpv6HeaderBytes, header->payload_bytes());
    uint8_t protocol = header->next_header();
    if (protocol == wire::kNextFragment) return;
    if (protocol == wire::kNextHopByHop) {
      protocol = wire::load_8(l4.data());
      l4 = l4.subspan(8);
    }
    SLUICE_ASSERT(protocol == wire::kNextIcmpv6 || protocol == ip::kProtocolTcp ||
                  protocol == ip::kProtocolUdp);
    const auto bytes = static_cast<uint32_t>(l4.size());
    const auto sum = wire::pseudo_header_sum(header->source(), header->destination(), protocol, bytes);
    SLUICE_ASSERT(wire::checksum_finish(wire::checksum_add(sum, l4.data(), bytes)) == 0);
  }
  void note(std::span<const std::byte> frame) {
    if (wire::load_16(frame.data() + 12) == wire::kEtherTypeIpv6)
      return note_ipv6(frame.subspan(wire::kEthernetHeaderBytes));
    if (wire::load_16(frame.data() + 12) != wire::kEtherTypeIpv4) return;
    const auto packet = frame.subspan(wire::kEthernetHeaderBytes);
    // What we send ourselves must be right.
    const auto header = wire::Ipv4View::parse(packet);
    SLUICE_ASSERT(header && header->checksum_is_right() && header->total_bytes() <= packet.size());
    if (header->is_fragment() || header->protocol() != ip::kProtocolTcp) return;
    const auto l4 = packet.subspan(header->header_bytes(), header->total_bytes() - header->header_bytes());
    const auto pseudo = wire::pseudo_header_sum_v4(header->source(), header->destination(), ip::kProtocolTcp,
                                                   static_cast<uint32_t>(l4.size()));
    SLUICE_ASSERT(wire::checksum_finish(wire::checksum_add(pseudo, l4.data(), l4.size())) == 0);
    const auto tcp = wire::TcpView::parse(l4);
    SLUICE_ASSERT(tcp.has_value());
    Flow& flow = flows[tcp->destination_port()];
    flow.our_port = tcp->source_port();
    flow.next_sequence = tcp->sequence() + static_cast<uint32_t>(l4.size()) - tcp->header_bytes() +
                         ((tcp->flags() & (wire::kTcpSyn | wire::kTcpFin)) != 0);
    if (tcp->flags() & wire::kTcpAck) flow.expected = tcp->acknowledgement();
  }

  void send_ipv4(uint8_t protocol, const Bytes& l4, uint16_t fragment_word = 0, uint16_t identification = 0) {
    const wire::Ipv4Fields fields{.total_bytes = static_cast<uint16_t>(wire::kIpv4HeaderBytes + l4.size()),
                                  .identification = identification,
                                  .fragment_word = fragment_word,
                                  .protocol = protocol,
                                  .source = kPeer,
                                  .destination = kUs};
    Bytes frame(wire::kEthernetHeaderBytes + wire::kIpv4HeaderBytes + l4.size());
    wire::emit_ethernet(frame.data(), host.port.mac(), kPeerMac, wire::kEtherTypeIpv4);
    wire::emit_ipv4(frame.data() + wire::kEthernetHeaderBytes, fields);
    wire::set_ipv4_checksum(frame.data() + wire::kEthernetHeaderBytes, fields);
    std::copy(l4.begin(), l4.end(), frame.begin() + wire::kEthernetHeaderBytes + wire::kIpv4HeaderBytes);
    host.port.deliver(frame);
  }
  static wire::PartialSum pseudo(uint8_t protocol, const Bytes& l4) {
    return wire::pseudo_header_sum_v4(kPeer, kUs, protocol, static_cast<uint32_t>(l4.size()));
  }

  // A packet to one of our two hosts: its own address, a group, or whatever the shape says.
  void send_ipv6(uint8_t shape, uint8_t next_header, const Bytes& payload, uint8_t hop_limit = 255) {
    const wire::Ipv6Fields fields{.payload_bytes = static_cast<uint16_t>(payload.size()),
                                  .next_header = next_header,
                                  .hop_limit = hop_limit,
                                  .source = source_of(shape),
                                  .destination = destination_of(shape)};
    Bytes frame(wire::kEthernetHeaderBytes + wire::kIpv6HeaderBytes);
    simulation::SimulatedPort& port = shape & 16 ? automatic.port : host.port;
    wire::emit_ethernet(
        frame.data(),
        ip::is_multicast(fields.destination) ? ip::multicast_mac(fields.destination) : port.mac(), kPeerMac,
        wire::kEtherTypeIpv6);
    wire::emit_ipv6(frame.data() + wire::kEthernetHeaderBytes, fields);
    frame.insert(frame.end(), payload.begin(), payload.end());
    port.deliver(frame);
  }
  static IpAddress source_of(uint8_t shape) {
    return shape & 1 ? kPeerOfLink : shape & 32 ? IpAddress{} : kPeer6;
  }
  static IpAddress destination_of(uint8_t shape) {
    if (shape & 4) return ip::solicited_node(kUs6);
    return shape & 2 ? ip::kAllNodes : kUs6;
  }
  void set_checksum(uint8_t shape, uint8_t protocol, size_t field, Bytes& l4) const {
    if (l4.size() < field + 2) return;
    wire::store_16(&l4[field], 0);
    const auto bytes = static_cast<uint32_t>(l4.size());
    const auto sum = wire::pseudo_header_sum(source_of(shape), destination_of(shape), protocol, bytes);
    wire::store_16(&l4[field], wire::checksum_finish(wire::checksum_add(sum, l4.data(), bytes)));
  }
  void icmpv6(Input& input) {
    const uint8_t shape = input.byte();
    // Mostly the messages that change something.
    static constexpr uint8_t kTypes[] = {1, 2, 3, 4, 128, 130, 133, 134, 134, 135, 135, 136, 136, 137};
    const uint8_t choice = input.byte();
    Bytes message = input.bytes(input.byte());
    if (message.size() < wire::kIcmpv6HeaderBytes) message.resize(wire::kIcmpv6HeaderBytes);
    wire::store_8(message.data(), choice & 0x80 ? choice : kTypes[choice % sizeof kTypes]);
    if (choice & 0x40) wire::store_8(message.data() + 1, 0);
    const uint8_t type = wire::load_8(message.data());
    if (wire::icmpv6_type_is_error(type) && message.size() >= 56) {
      // About something that we may have sent.
      wire::store_8(message.data() + 8, 0x60);
      std::memcpy(message.data() + 16, kUs6.bytes.data(), 16);
      std::memcpy(message.data() + 32, kPeer6.bytes.data(), 16);
    } else if ((type == 135 || type == 136) && message.size() >= 24 && choice & 0x20) {
      const IpAddress& target = type == 135 || shape & 64 ? kUs6 : kPeer6;
      std::memcpy(message.data() + 8, target.bytes.data(), 16);
    }
    set_checksum(shape, wire::kNextIcmpv6, 2, message);
    send_ipv6(shape, wire::kNextIcmpv6, message, type == 130 ? 1 : 255);
  }
  void ipv6_extensions(Input& input) {
    const uint8_t shape = input.byte(), next_header = input.byte();
    static constexpr uint8_t kHeaders[] = {0, 43, 44, 60, 59, 6, 17, 58};
    send_ipv6(shape & 0x1e, next_header & 0x80 ? next_header : kHeaders[next_header & 7],
              input.bytes(input.byte()));
  }
  void ipv6_fragment(Input& input) {
    const uint8_t shape = input.byte() & 16,
                  protocol = input.byte() & 1 ? ip::kProtocolUdp : ip::kProtocolIcmpv6;
    Bytes payload(wire::kFragmentHeaderBytes);
    const uint16_t word = input.word();
    wire::emit_fragment(payload.data(), {.next_header = protocol,
                                         .offset_bytes = static_cast<uint16_t>(word & 0xfff8),
                                         .more = (word & 1) != 0,
                                         .identification = input.byte() & 3u});
    const Bytes piece = input.bytes(size_t{input.byte()} * 4);
    payload.insert(payload.end(), piece.begin(), piece.end());
    send_ipv6(shape, wire::kNextFragment, payload);
  }
  void ipv6_transport(Input& input) {
    const bool tcp = input.byte() & 1;
    Bytes l4(tcp ? wire::kTcpHeaderBytes : wire::kUdpHeaderBytes);
    const Bytes payload = input.bytes(input.byte());
    if (tcp) {
      wire::emit_tcp(l4.data(),
                     {.source_port = kFirstPeerPort,
                      .destination_port = kTcpPort,
                      .sequence = input.word(),
                      .acknowledgement = input.word(),
                      .flags = input.byte(),
                      .window = input.word(),
                      .urgent = 0},
                     0);
    } else {
      wire::emit_udp(l4.data(), kFirstPeerPort, input.byte() & 1 ? kEchoPort : input.word(),
                     static_cast<uint16_t>(l4.size() + payload.size()));
    }
    l4.insert(l4.end(), payload.begin(), payload.end());
    const uint8_t protocol = tcp ? ip::kProtocolTcp : ip::kProtocolUdp;
    set_checksum(0, protocol, tcp ? 16 : 6, l4);
    send_ipv6(0, protocol, l4);
  }

  void raw_frame(Input& input) {
    Bytes frame = input.bytes(input.byte());
    if (frame.size() >= 6 && (frame[0] & std::byte{1}) == std::byte{0})
      wire::store_mac(frame.data(), host.port.mac());
    host.port.deliver(frame);
  }
  void ipv4_header(Input& input) {
    // The header's fields and options are tried, its checksum is right.
    Bytes packet = input.bytes(input.byte());
    if (packet.size() < wire::kIpv4HeaderBytes) return;
    wire::store_32(packet.data() + 16, kUs);
    wire::store_16(packet.data() + 10, 0);
    const size_t header = std::min<size_t>((static_cast<size_t>(packet[0]) & 15) * 4, packet.size());
    wire::store_16(packet.data() + 10, wire::checksum_finish(wire::checksum_add(0, packet.data(), header)));
    Bytes frame(wire::kEthernetHeaderBytes);
    wire::emit_ethernet(frame.data(), host.port.mac(), kPeerMac, wire::kEtherTypeIpv4);
    frame.insert(frame.end(), packet.begin(), packet.end());
    host.port.deliver(frame);
  }
  void fragment(Input& input) {
    const uint8_t protocol = input.byte() & 1 ? ip::kProtocolUdp : ip::kProtocolIcmp;
    const uint16_t word = input.word();
    const uint8_t identification = input.byte() & 3;
    send_ipv4(protocol, input.bytes(size_t{input.byte()} * 4), word, identification);
  }
  void icmp(Input& input) {
    Bytes message = input.bytes(input.byte());
    if (message.size() < wire::kIcmpHeaderBytes) message.resize(wire::kIcmpHeaderBytes);
    if (wire::icmp_type_is_error(wire::load_8(message.data())) && message.size() >= 48) {
      // About something that we may have sent.
      wire::store_8(message.data() + 8, 0x45);
      wire::store_32(message.data() + 20, kUs);
      wire::store_32(message.data() + 24, kPeer);
    }
    wire::set_icmp_checksum(message.data(), 0);
    wire::set_icmp_checksum(message.data(),
                            wire::checksum_finish(wire::checksum_add(0, message.data(), message.size())));
    send_ipv4(ip::kProtocolIcmp, message);
  }
  void datagram(Input& input) {
    Bytes l4(wire::kUdpHeaderBytes);
    const uint16_t port = input.byte() & 1 ? kEchoPort : input.word();
    const Bytes payload = input.bytes(input.byte());
    wire::emit_udp(l4.data(), kFirstPeerPort, port, static_cast<uint16_t>(l4.size() + payload.size()));
    l4.insert(l4.end(), payload.begin(), payload.end());
    wire::set_udp_checksum(l4.data(), wire::checksum_finish(wire::checksum_add(pseudo(ip::kProtocolUdp, l4),
                                                                               l4.data(), l4.size())));
    send_ipv4(ip::kProtocolUdp, l4);
  }
  void segment(Input& input) {
    const auto port = static_cast<uint16_t>(kFirstPeerPort + (input.byte() & 3));
    const Flow flow = flows.contains(port) ? flows[port] : Flow{};
    const auto near = [&](uint32_t value) {
      const uint8_t step = input.byte();
      // Mostly exact, else a little or far off.
      if (step < 128) return value;
      return value + static_cast<uint32_t>(static_cast<int8_t>(step << 1) * (step & 1 ? 1 : 1400));
    };
    const uint32_t sequence = near(flow.expected), acknowledgement = near(flow.next_sequence);
    const wire::TcpFields fields{.source_port = port,
                                 .destination_port = flow.our_port,
                                 .sequence = sequence,
                                 .acknowledgement = acknowledgement,
                                 .flags = input.byte(),
                                 .window = input.word(),
                                 .urgent = 0};
    Bytes options = input.bytes(input.byte() % 41);
    options.resize((options.size() + 3) & ~size_t{3}, std::byte{1});
    const Bytes payload = input.bytes(input.byte());
    Bytes l4(wire::kTcpHeaderBytes);
    wire::emit_tcp(l4.data(), fields, static_cast<uint32_t>(options.size()));
    l4.insert(l4.end(), options.begin(), options.end());
    l4.insert(l4.end(), payload.begin(), payload.end());
    wire::set_tcp_checksum(l4.data(), wire::checksum_finish(wire::checksum_add(pseudo(ip::kProtocolTcp, l4),
                                                                               l4.data(), l4.size())));
    send_ipv4(ip::kProtocolTcp, l4);
  }
  void arp(Input& input) {
    Bytes frame(wire::kEthernetHeaderBytes);
    wire::emit_ethernet(frame.data(), wire::kBroadcastMac, kPeerMac, wire::kEtherTypeArp);
    frame.resize(frame.size() + wire::kArpBytes);
    const uint8_t shape = input.byte();
    wire::emit_arp(frame.data() + wire::kEthernetHeaderBytes,
                   {.operation = static_cast<uint16_t>(1 + (shape & 1)),
                    .sender_mac = shape & 2 ? kPeerMac : MacAddress{{2, 1, 1, 1, 1, input.byte()}},
                    .target_mac = host.port.mac(),
                    .sender_ip = shape & 4 ? kPeer : (kUs & 0xffffff00) | input.byte(),
                    .target_ip = shape & 8 ? kUs : (kUs & 0xffffff00) | input.byte()});
    host.port.deliver(frame);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 4096) return 0;
  Input input(data, size);
  Rig rig;
  while (!input.empty()) {
    const uint8_t control = input.byte();
    // The top bit chooses the family.
    switch (control & 0x87) {
      case 0: rig.raw_frame(input); break;
      case 1: rig.ipv4_header(input); break;
      case 2: rig.fragment(input); break;
      case 3: rig.icmp(input); break;
      case 4: rig.datagram(input); break;
      case 5: rig.arp(input); break;
      case 0x80:
      case 0x81: rig.ipv6_extensions(input); break;
      case 0x82: rig.ipv6_fragment(input); break;
      case 0x83: rig.ipv6_transport(input); break;
      default: control & 0x80 ? rig.icmpv6(input) : rig.segment(input); break;
    }
    // Up to some seconds pass: timers are part of it.
    constexpr uint64_t kGapsNs[] = {0,           1'000,         1'000'000,    45'000'000,
                                    250'000'000, 1'100'000'000, 3'500'000'000};
    const uint8_t gap = control >> 3 & 15;
    rig.run(gap < 9 ? 1'000 : kGapsNs[gap - 9]);
  }
  // Everybody leaves; in the end nothing may be left.
  rig.listener.reset();
  if (rig.connecting.stream != nullptr) rig.connecting.stream->abort();
  for (auto& user : rig.acceptor.users)
    if (user->stream != nullptr) user->stream->abort();
  rig.run(40 * kNanosecondsPerSecond);  // longer than fragments are kept
  SLUICE_ASSERT(rig.host.tcp->open_streams() == 0);
  SLUICE_ASSERT(rig.host.port.pool().outstanding() == 0);
  SLUICE_ASSERT(rig.automatic.port.pool().outstanding() == 0);
  rig.echo.socket.reset();
  return 0;
}
