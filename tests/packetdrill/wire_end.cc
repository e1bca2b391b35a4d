// SPDX-License-Identifier: Apache-2.0
#include "tests/packetdrill/wire_end.hh"

#include "dataplane/wire/arp.hh"
#include "dataplane/wire/checksum.hh"
#include "dataplane/wire/ethernet.hh"
#include "dataplane/wire/icmp.hh"
#include "dataplane/wire/ipv4.hh"
#include "dataplane/wire/tcp.hh"

namespace sluice::packetdrill {

using namespace wire;

namespace {

using Kind = TcpOption::Kind;
enum OptionNumber : uint8_t {  // IANA's
  kEnd = 0,
  kNop = 1,
  kMss = 2,
  kWindowScale = 3,
  kSackPermitted = 4,
  kSack = 5,
  kTimestamp = 8,
  kFastOpen = 34,
  kExperimental = 254  // RFC 6994; Fast Open's magic follows
};
constexpr uint16_t kFastOpenMagic = 0xf989;

void append_32(std::vector<std::byte>& bytes, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<std::byte>(value >> shift));
}
void append_8(std::vector<std::byte>& bytes, std::initializer_list<unsigned> values) {
  for (const unsigned value : values) bytes.push_back(static_cast<std::byte>(value));
}

// Exactly as the script lays them out: padding is its own affair, but for the end of the header.
std::vector<std::byte> encode(const std::vector<TcpOption>& options) {
  std::vector<std::byte> bytes;
  for (const TcpOption& option : options) {
    switch (option.kind) {
      case Kind::kNop: append_8(bytes, {kNop}); break;
      case Kind::kEnd: append_8(bytes, {kEnd}); break;
      case Kind::kMss: append_8(bytes, {kMss, 4, option.value >> 8, option.value & 0xff}); break;
      case Kind::kWindowScale: append_8(bytes, {kWindowScale, 3, option.value}); break;
      case Kind::kSackPermitted: append_8(bytes, {kSackPermitted, 2}); break;
      case Kind::kSack:
        append_8(bytes, {kSack, static_cast<unsigned>(2 + 8 * option.ranges.size())});
        for (const auto& [left, right] : option.ranges) append_32(bytes, left), append_32(bytes, right);
        break;
      case Kind::kTimestamp:
        append_8(bytes, {kTimestamp, 10});
        append_32(bytes, option.value);
        append_32(bytes, option.echo);
        break;
      case Kind::kFastOpen:
        if (option.experimental) {
          append_8(bytes, {kExperimental, static_cast<unsigned>(4 + option.cookie.size()),
                           kFastOpenMagic >> 8, kFastOpenMagic & 0xff});
        } else {
          append_8(bytes, {kFastOpen, static_cast<unsigned>(2 + option.cookie.size())});
        }
        for (const char byte : option.cookie) bytes.push_back(static_cast<std::byte>(byte));
        break;
    }
  }
  while (bytes.size() % 4 != 0) bytes.push_back(std::byte{kEnd});
  return bytes;
}

std::vector<TcpOption> decode(std::span<const std::byte> bytes) {
  std::vector<TcpOption> options;
  while (!bytes.empty()) {
    const uint8_t kind = load_8(bytes.data());
    if (kind == kEnd) break;
    TcpOption option{.kind = Kind::kNop};
    uint32_t length = 1;
    if (kind != kNop) {
      if (bytes.size() < 2) break;
      length = load_8(bytes.data() + 1);
      if (length < 2 || length > bytes.size()) break;
      const std::byte* at = bytes.data() + 2;
      switch (kind) {
        case kMss: option = {.kind = Kind::kMss, .value = load_16(at)}; break;
        case kWindowScale: option = {.kind = Kind::kWindowScale, .value = load_8(at)}; break;
        case kSackPermitted: option.kind = Kind::kSackPermitted; break;
        case kSack:
          option.kind = Kind::kSack;
          for (uint32_t i = 2; i + 8 <= length; i += 8)
            option.ranges.emplace_back(load_32(bytes.data() + i), load_32(bytes.data() + i + 4));
          break;
        case kTimestamp:
          option = {.kind = Kind::kTimestamp, .value = load_32(at), .echo = load_32(at + 4)};
          break;
        case kFastOpen:
          option.kind = Kind::kFastOpen;
          option.cookie.assign(reinterpret_cast<const char*>(at), length - 2);
          break;
        case kExperimental:
          if (length < 4 || load_16(at) != kFastOpenMagic) break;
          option.kind = Kind::kFastOpen;
          option.experimental = true;
          option.cookie.assign(reinterpret_cast<const char*>(at + 2), length - 4);
          break;
        default: break;
      }
    }
    options.push_back(std::move(option));
    bytes = bytes.subspan(length);
  }
  return options;
}

}  // namespace

WireEnd::WireEnd(simulation::Simulation& world, IpAddress own, IpAddress host, MacAddress host_mac)
    : world_(world),
      own_(own),
      host_(host),
      host_mac_(host_mac),
      port_(world.wire.add_port()),
      timers_(world.now_ns()) {
  world.add_host(timers_, [this](uint64_t) { return turn(); });
}

WireEnd::~WireEnd() { world_.remove_host(timers_); }

bool WireEnd::turn() {
  Buffer* frame = nullptr;
  bool any = false;
  while (port_.receive(&frame, 1) == 1) {
    any = true;
    std::vector<std::byte> bytes;
    for (const Buffer* segment = frame; segment; segment = segment->next_segment)
      bytes.insert(bytes.end(), segment->data, segment->data + segment->length);
    release(frame);
    take(bytes);
  }
  return any;
}

void WireEnd::take(std::span<const std::byte> frame) {
  const auto ethernet = EthernetView::parse(frame);
  if (!ethernet) return;
  const auto packet = frame.subspan(ethernet->header_bytes());
  if (ethernet->ether_type() == kEtherTypeArp) {
    const auto request = parse_arp(packet);
    if (!request || request->operation != kArpRequest || request->target_ip != own_.v4()) return;
    std::byte reply[kEthernetHeaderBytes + kArpBytes];
    emit_ethernet(reply, ethernet->source(), port_.mac(), kEtherTypeArp);
    emit_arp(reply + kEthernetHeaderBytes, {.operation = kArpReply,
                                            .sender_mac = port_.mac(),
                                            .target_mac = request->sender_mac,
                                            .sender_ip = own_.v4(),
                                            .target_ip = request->sender_ip});
    port_.inject(reply);
    return;
  }
  const auto ip = Ipv4View::parse(packet);
  if (ethernet->ether_type() != kEtherTypeIpv4 || !ip || ip->protocol() != 6 ||
      ip->total_bytes() > packet.size())
    return;
  const auto segment_bytes = packet.subspan(ip->header_bytes(), ip->total_bytes() - ip->header_bytes());
  const auto tcp = TcpView::parse(segment_bytes);
  if (!tcp) return;
  const auto sum =
      pseudo_header_sum_v4(ip->source(), ip->destination(), 6, static_cast<uint32_t>(segment_bytes.size()));
  SLUICE_ASSERT(checksum_finish(checksum_add(sum, segment_bytes.data(), segment_bytes.size())) == 0);
  Segment segment;
  segment.source_port = tcp->source_port();
  segment.destination_port = tcp->destination_port();
  segment.sequence = tcp->sequence();
  segment.acknowledgement = tcp->acknowledgement();
  segment.flags = tcp->flags();
  segment.ecn = ip->traffic_class() & 3;
  segment.window = tcp->window();
  segment.urgent = tcp->urgent();
  segment.options = decode(tcp->options());
  segment.length = static_cast<uint32_t>(segment_bytes.size()) - tcp->header_bytes();
  segment.at_ns = world_.now_ns();
  received.push_back(std::move(segment));
}

void WireEnd::send(const Segment& segment) {
  const std::vector<std::byte> options = encode(segment.options);
  std::vector<std::byte> bytes(kTcpHeaderBytes + options.size() + segment.length, std::byte{'y'});
  emit_tcp(bytes.data(),
           {.source_port = segment.source_port,
            .destination_port = segment.destination_port,
            .sequence = segment.sequence,
            .acknowledgement = segment.acknowledgement,
            .flags = segment.flags,
            .window = segment.window,
            .urgent = segment.urgent},
           static_cast<uint32_t>(options.size()));
  std::copy(options.begin(), options.end(), bytes.begin() + kTcpHeaderBytes);
  const auto sum = pseudo_header_sum(own_, host_, 6, static_cast<uint32_t>(bytes.size()));
  set_tcp_checksum(bytes.data(), checksum_finish(checksum_add(sum, bytes.data(), bytes.size())));
  send_frame(6, segment.ecn, bytes);
}

void WireEnd::send_icmp(const PacketEvent::Icmp& icmp, const Segment& about) {
  // RFC 792: the IP header and eight bytes of what it carried.
  std::vector<std::byte> bytes(kIcmpHeaderBytes + kIpv4HeaderBytes + kTcpHeaderBytes);
  emit_icmp(bytes.data(), icmp.type, icmp.code, icmp.mtu_bytes);
  const Ipv4Fields quoted{
      .total_bytes = static_cast<uint16_t>(kIpv4HeaderBytes + kTcpHeaderBytes + about.length),
      .fragment_word = kIpv4DontFragment,
      .protocol = 6,
      .source = host_.v4(),
      .destination = own_.v4()};
  emit_ipv4(bytes.data() + kIcmpHeaderBytes, quoted);
  set_ipv4_checksum(bytes.data() + kIcmpHeaderBytes, quoted);
  emit_tcp(bytes.data() + kIcmpHeaderBytes + kIpv4HeaderBytes, {.source_port = about.source_port,
                                                                .destination_port = about.destination_port,
                                                                .sequence = about.sequence,
                                                                .flags = about.flags});
  set_icmp_checksum(bytes.data(), checksum_finish(checksum_add(0, bytes.data(), bytes.size())));
  send_frame(1, 0, bytes);
}

void WireEnd::send_frame(uint8_t protocol, uint8_t ecn, std::span<const std::byte> payload) {
  std::vector<std::byte> frame(kEthernetHeaderBytes + kIpv4HeaderBytes + payload.size());
  emit_ethernet(frame.data(), host_mac_, port_.mac(), kEtherTypeIpv4);
  const Ipv4Fields fields{.traffic_class = ecn,
                          .total_bytes = static_cast<uint16_t>(kIpv4HeaderBytes + payload.size()),
                          .fragment_word = kIpv4DontFragment,
                          .protocol = protocol,
                          .source = own_.v4(),
                          .destination = host_.v4()};
  emit_ipv4(frame.data() + kEthernetHeaderBytes, fields);
  set_ipv4_checksum(frame.data() + kEthernetHeaderBytes, fields);
  std::copy(payload.begin(), payload.end(), frame.begin() + kEthernetHeaderBytes + kIpv4HeaderBytes);
  port_.inject(frame);
}

}  // namespace sluice::packetdrill
