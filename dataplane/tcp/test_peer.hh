// SPDX-License-Identifier: Apache-2.0
// For tests only: a host on the simulated wire that has no TCP. The test says each segment it sends and looks
// at each it receives, so that the stack on the other side meets whatever the test thinks of.
#pragma once
#include <gtest/gtest.h>

#include <deque>
#include <string>

#include "dataplane/tcp/test_host.hh"
#include "dataplane/wire/arp.hh"
#include "dataplane/wire/checksum.hh"
#include "dataplane/wire/ethernet.hh"
#include "dataplane/wire/icmp.hh"
#include "dataplane/wire/ipv4.hh"
#include "dataplane/wire/tcp.hh"

namespace sluice::tcp::test {

using namespace wire;  // flags of segments

struct RawSegment {
  uint8_t flags = kTcpAck;
  Sequence sequence = 0, acknowledgement = 0;
  uint16_t window = 65'535;
  TcpOptions options{};
  std::string payload{};
  uint64_t at_ns = 0;     // received
  uint8_t codepoint = 0;  // received: ECN, of the IP header
};

class RawPeer {
 public:
  RawPeer(Simulation& world, Host& other, IpAddress own, uint16_t own_port, uint16_t other_port)
      : address(own),
        port(own_port),
        remote_port(other_port),
        world_(world),
        other_(other),
        wire_port_(world.wire.add_port()),
        timers_(world.now_ns()) {
    world.add_host(timers_, [this](uint64_t) { return turn(); });
  }
  ~RawPeer() { world_.remove_host(timers_); }

  void send(const RawSegment& segment) {
    post(segment);
    settle();
  }
  // The same, without waiting for what it causes. `codepoint`: ECN, of the IP header.
  void post(const RawSegment& segment, uint8_t codepoint = 0) {
    std::byte frame[2048] = {};
    std::byte* tcp = frame + 34;
    const uint32_t options_bytes = emit_tcp_options(tcp + kTcpHeaderBytes, segment.options);
    emit_tcp(tcp,
             {.source_port = port,
              .destination_port = remote_port,
              .sequence = segment.sequence,
              .acknowledgement = segment.acknowledgement,
              .flags = segment.flags,
              .window = segment.window},
             options_bytes);
    const auto tcp_bytes = static_cast<uint32_t>(kTcpHeaderBytes + options_bytes + segment.payload.size());
    std::memcpy(tcp + kTcpHeaderBytes + options_bytes, segment.payload.data(), segment.payload.size());
    const auto sum = pseudo_header_sum(address, other_.address, 6, tcp_bytes);
    set_tcp_checksum(tcp, checksum_finish(checksum_add(sum, tcp, tcp_bytes)));
    send_ip(frame, 6, tcp_bytes, codepoint);
  }
  // With sequence and acknowledgement as they stand, and the timestamp if they are in use.
  void send(uint8_t flags, const std::string& payload = {}) {
    RawSegment segment = next(flags);
    segment.payload = payload;
    send(segment);
    sequence += static_cast<uint32_t>(payload.size()) + (flags & kTcpFin ? 1 : 0) + (flags & kTcpSyn ? 1 : 0);
  }
  RawSegment next(uint8_t flags = kTcpAck) {
    RawSegment segment;
    segment.flags = flags;
    segment.sequence = sequence;
    segment.acknowledgement = acknowledgement;
    segment.window = window;
    segment.options = stamp();
    return segment;
  }
  TcpOptions stamp() {
    TcpOptions options;
    options.has_timestamp = timestamps;
    options.timestamp = timestamp;
    options.timestamp_echo = echo;
    return options;
  }
  void send_icmp(uint8_t type, uint8_t code, uint32_t rest, Sequence quoted_sequence) {
    std::byte frame[128] = {};
    std::byte* icmp = frame + 34;
    emit_icmp(icmp, type, code, rest);
    std::byte* quoted = icmp + kIcmpHeaderBytes;
    const Ipv4Fields fields{.total_bytes = 1500,
                            .fragment_word = kIpv4DontFragment,
                            .hop_limit = 60,
                            .protocol = 6,
                            .source = other_.address.v4(),
                            .destination = address.v4()};
    emit_ipv4(quoted, fields);
    set_ipv4_checksum(quoted, fields);
    store_16(quoted + 20, remote_port);
    store_16(quoted + 22, port);
    store_32(quoted + 24, quoted_sequence);
    set_icmp_checksum(icmp, checksum_finish(checksum_add(0, icmp, 8 + 28)));
    send_ip(frame, 1, 8 + 28);
    settle();
  }

  // Lets everything arrive that needs no timer.
  void settle() { world_.run_for(settle_ns); }
  void run_ms(uint64_t ms) { world_.run_for(ms * 1'000'000); }

  // The next segment that came, or a failure.
  RawSegment take() {
    if (segments.empty()) {
      ADD_FAILURE() << "a segment was expected";
      return {};
    }
    RawSegment segment = segments.front();
    segments.pop_front();
    return segment;
  }
  // Opens a connection to the host's listener by hand.
  void open(const TcpOptions& options = {.mss = 1460}) {
    timestamps = options.has_timestamp;
    if (timestamps) timestamp = options.timestamp;
    RawSegment syn;
    syn.flags = kTcpSyn;
    syn.sequence = sequence;
    syn.window = window;
    syn.options = options;
    send(syn);
    ++sequence;
    const RawSegment answer = take();
    EXPECT_EQ(answer.flags, kTcpSyn | kTcpAck);
    EXPECT_EQ(answer.acknowledgement, sequence);
    syn_ack = answer;
    acknowledgement = answer.sequence + 1;
    echo = answer.options.timestamp;
    send(kTcpAck);
  }
  // Answers a connection that the host opens.
  void accept(const TcpOptions& options = {.mss = 1460}) {
    const RawSegment syn = take();
    EXPECT_EQ(syn.flags, kTcpSyn);
    syn_ack = syn;
    timestamps = options.has_timestamp;
    acknowledgement = syn.sequence + 1;
    RawSegment answer = next(kTcpSyn | kTcpAck);
    answer.options = options;
    answer.options.timestamp_echo = syn.options.timestamp;
    send(answer);
    ++sequence;
    const RawSegment ack = take();
    EXPECT_EQ(ack.flags, kTcpAck);
    EXPECT_EQ(ack.acknowledgement, sequence);
  }
  // Takes a data segment in order and moves the acknowledgement on; sends nothing.
  std::string take_data() {
    const RawSegment segment = take();
    EXPECT_EQ(segment.sequence, acknowledgement);
    acknowledgement += static_cast<uint32_t>(segment.payload.size()) + (segment.flags & kTcpFin ? 1 : 0);
    echo = segment.options.timestamp;
    return segment.payload;
  }

  const IpAddress address;
  const uint16_t port;
  uint16_t remote_port;  // 0: whichever connects to us
  Sequence sequence = 1000, acknowledgement = 0;
  uint16_t window = 65'535;
  bool timestamps = false;
  uint32_t timestamp = 5000, echo = 0;
  RawSegment syn_ack;
  uint64_t settle_ns = 1'000'000;  // more than a round trip
  std::deque<RawSegment> segments;

 private:
  void send_ip(std::byte* frame, uint8_t protocol, uint32_t bytes, uint8_t codepoint = 0) {
    const Ipv4Fields fields{.traffic_class = codepoint,
                            .total_bytes = static_cast<uint16_t>(20 + bytes),
                            .fragment_word = kIpv4DontFragment,
                            .hop_limit = 64,
                            .protocol = protocol,
                            .source = address.v4(),
                            .destination = other_.address.v4()};
    emit_ipv4(frame + 14, fields);
    set_ipv4_checksum(frame + 14, fields);
    emit_ethernet(frame, other_.port.mac(), wire_port_.mac(), kEtherTypeIpv4);
    wire_port_.inject({frame, 34 + bytes});
  }
  bool turn() {
    Buffer* frames[32];
    const unsigned count = wire_port_.receive(frames, 32);
    for (unsigned i = 0; i < count; ++i) {
      receive(frames[i]->bytes());
      release(frames[i]);
    }
    return count > 0;
  }
  void receive(std::span<const std::byte> frame) {
    const auto ethernet = EthernetView::parse(frame);
    if (ethernet->ether_type() == kEtherTypeArp) {
      const auto arp = parse_arp(frame.subspan(14));
      if (!arp || arp->target_ip != address.v4() || arp->operation != kArpRequest) return;
      std::byte answer[14 + kArpBytes];
      emit_ethernet(answer, arp->sender_mac, wire_port_.mac(), kEtherTypeArp);
      ArpFields fields;
      fields.operation = kArpReply;
      fields.sender_mac = wire_port_.mac();
      fields.sender_ip = address.v4();
      fields.target_mac = arp->sender_mac;
      fields.target_ip = arp->sender_ip;
      emit_arp(answer + 14, fields);
      wire_port_.inject(answer);
      return;
    }
    const auto ip = Ipv4View::parse(frame.subspan(14));
    if (!ip || ip->protocol() != 6 || ip->destination() != address.v4()) return;
    const auto bytes = frame.subspan(14 + 20, ip->total_bytes() - 20);
    const auto sum = pseudo_header_sum(other_.address, address, 6, static_cast<uint32_t>(bytes.size()));
    EXPECT_EQ(checksum_finish(checksum_add(sum, bytes.data(), bytes.size())), 0);
    const auto tcp = TcpView::parse(bytes);
    ASSERT_TRUE(tcp);
    if (tcp->destination_port() != port) return;
    if (remote_port == 0) remote_port = tcp->source_port();  // the host connects to us
    if (tcp->source_port() != remote_port) return;
    RawSegment segment;
    segment.flags = tcp->flags();
    segment.sequence = tcp->sequence();
    segment.acknowledgement = tcp->acknowledgement();
    segment.window = tcp->window();
    parse_tcp_options(tcp->options(), segment.options);
    const auto payload = bytes.subspan(tcp->header_bytes());
    segment.payload.assign(reinterpret_cast<const char*>(payload.data()), payload.size());
    segment.at_ns = world_.now_ns();
    segment.codepoint = ip->traffic_class() & 3;
    segments.push_back(std::move(segment));
  }

  Simulation& world_;
  Host& other_;
  simulation::SimulatedPort& wire_port_;
  TimerWheel timers_;
};

// One of our hosts at 192.0.2.2 and a raw peer at 192.0.2.1.
struct Bench {
  // `rtt_ms`: of the wire, in whole; 0: some microseconds.
  explicit Bench(const Limits& limits = {}, uint64_t seed = 1, uint64_t rtt_ms = 0)
      : world(seed),
        host(world, IpAddress::v4(0xc0000202), limits),
        peer(world, host, IpAddress::v4(0xc0000201), 40'000, 80) {
    if (rtt_ms == 0) return;
    // Addresses are resolved before time counts.
    peer.send(kTcpAck);
    peer.segments.clear();
    simulation::Conditions conditions;
    conditions.delay_ns = rtt_ms * 500'000;
    world.wire.set_conditions(conditions);
    peer.settle_ns = rtt_ms * 1'000'000 + 2'000'000;
  }

  // The peer connects to us.
  void listen(uint32_t backlog = 4096) {
    transport::ListenOptions options;
    options.local.port = 80;
    options.backlog = backlog;
    options.congestion = congestion;
    options.user_timeout_ms = user_timeout_ms;
    auto result = host.tcp->listen(options, acceptor);
    SLUICE_ASSERT(result);
    listener = std::move(result.value);
  }
  Recorder& open(const TcpOptions& options = {.mss = 1460}) {
    listen();
    peer.open(options);
    peer.settle();
    return acceptor.only();
  }
  // We connect to the peer, which answers nothing by itself.
  Stream* connect(Recorder& user, uint32_t timeout_ms = 10'000) {
    peer.remote_port = 0;
    transport::ConnectOptions options;
    options.remote = {peer.address, peer.port};
    options.timeout_ms = timeout_ms;
    auto result = host.tcp->connect(options, user);
    SLUICE_ASSERT(result);
    peer.settle();
    return result.value;
  }
  const Counters& counters() const { return host.tcp->counters; }
  Connection& connection() { return static_cast<Connection&>(*acceptor.only().stream); }

  Simulation world;
  Host host;
  RawPeer peer;
  Acceptor acceptor;
  std::unique_ptr<transport::Listener> listener;
  transport::Congestion congestion = transport::Congestion::kDefault;  // of listen()
  uint32_t user_timeout_ms = 0;
};

}  // namespace sluice::tcp::test
