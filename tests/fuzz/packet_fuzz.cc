// SPDX-License-Identifier: Apache-2.0
// Packets against the whole stack: ARP, IPv4, ICMP, fragments, UDP and TCP, as an input's records say. Raw bytes are cut
// short by the first checksum, so most records are put in order as far as they are not what is tried: checksums are right,
// sequence numbers near those expected. Whatever comes: no crash, no hang, no Buffer left over.
#include <map>
#include <span>
#include <vector>

#include "dataplane/tcp/test_host.hh"
#include "dataplane/udp/udp.hh"
#include "dataplane/wire/arp.hh"
#include "dataplane/wire/checksum.hh"
#include "dataplane/wire/ethernet.hh"
#include "dataplane/wire/icmp.hh"
#include "dataplane/wire/ipv4.hh"
#include "dataplane/wire/tcp.hh"
#include "dataplane/wire/udp.hh"
#include "tests/simulation/simulation.hh"

using namespace sluice;

namespace {

constexpr uint32_t kUs = 0xc0000201, kPeer = 0xc0000209;  // 192.0.2.1 and .9
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
  tcp::test::Host host{world, IpAddress::v4(kUs)};
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
  void note(std::span<const std::byte> frame) {
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
    switch (control & 7) {
      case 0: rig.raw_frame(input); break;
      case 1: rig.ipv4_header(input); break;
      case 2: rig.fragment(input); break;
      case 3: rig.icmp(input); break;
      case 4: rig.datagram(input); break;
      case 5: rig.arp(input); break;
      default: rig.segment(input); break;
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
  rig.echo.socket.reset();
  return 0;
}
