// SPDX-License-Identifier: Apache-2.0
// A live pair of our stacks in the midst of a conversation: the input first chooses a state to bring it to (handshake, data
// in flight, recovery, zero window, each of the closing states, TIME-WAIT, Fast Open), then meddles with what is on the wire:
// segments come again, late, not at all, in pieces, or changed in a field or an option, with checksums that are right. After
// each step the inside of both stacks must be sound; what honest wires may do must not harm a byte; and in the end an honest
// connection through the same stacks must work, and nothing be left.
#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "dataplane/tcp/test_host.hh"
#include "dataplane/wire/checksum.hh"
#include "dataplane/wire/ethernet.hh"
#include "dataplane/wire/icmp.hh"
#include "dataplane/wire/icmpv6.hh"
#include "dataplane/wire/ipv4.hh"
#include "dataplane/wire/ipv6.hh"
#include "dataplane/wire/tcp.hh"

using namespace sluice;
using namespace sluice::tcp::test;

namespace {

using Bytes = std::vector<std::byte>;
constexpr uint64_t kMs = kNanosecondsPerMillisecond, kSecond = kNanosecondsPerSecond;
const IpAddress kClient = IpAddress::v4(0xc0000201), kServer = IpAddress::v4(0xc0000202),
                kClient6 = *IpAddress::parse("2001:db8::1"), kServer6 = *IpAddress::parse("2001:db8::2");
constexpr uint16_t kPort = 80;
constexpr size_t kKeptFrames = 16, kInputLimitBytes = 1024;

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

 private:
  std::span<const uint8_t> left_;
};

// Where the parts of a TCP frame lie.
struct Parts {
  bool ipv6;
  size_t l4, end;
};
std::optional<Parts> parts_of(std::span<const std::byte> frame) {
  if (frame.size() < 54) return std::nullopt;
  const unsigned type = wire::load_16(&frame[12]);
  if (type == wire::kEtherTypeIpv4 && frame[23] == std::byte{6} &&
      (wire::load_16(&frame[20]) & 0x3fff) == 0) {
    const size_t l4 = 14 + static_cast<size_t>(frame[14] & std::byte{15}) * 4;
    return Parts{false, l4, size_t{14} + wire::load_16(&frame[16])};
  }
  if (type == wire::kEtherTypeIpv6 && frame[20] == std::byte{6})
    return Parts{true, 54, size_t{54} + wire::load_16(&frame[18])};
  return std::nullopt;
}

// Lengths and sums as they must be.
void mend(Bytes& frame, const Parts& parts) {
  IpAddress source, destination;
  if (parts.ipv6) {
    wire::store_16(&frame[18], static_cast<uint16_t>(frame.size() - 54));
    const auto view = wire::Ipv6View::parse(std::span(frame).subspan(14));
    source = view->source();
    destination = view->destination();
  } else {
    wire::store_16(&frame[16], static_cast<uint16_t>(frame.size() - 14));
    wire::store_16(&frame[24], 0);
    wire::store_16(&frame[24], wire::checksum_finish(wire::checksum_add(0, &frame[14], parts.l4 - 14)));
    source = IpAddress::v4(wire::load_32(&frame[26]));
    destination = IpAddress::v4(wire::load_32(&frame[30]));
  }
  const auto bytes = static_cast<uint32_t>(frame.size() - parts.l4);
  wire::store_16(&frame[parts.l4 + 16], 0);
  const auto sum = wire::pseudo_header_sum(source, destination, 6, bytes);
  wire::store_16(&frame[parts.l4 + 16],
                 wire::checksum_finish(wire::checksum_add(sum, &frame[parts.l4], bytes)));
}

tcp::Limits limits_of(uint8_t choice) {
  tcp::Limits limits;
  if (choice & 1) limits.receive_window_bytes = limits.receive_window_limit_bytes = 8'000;
  limits.ecn_offer = choice & 2;
  if (choice & 4) limits.flight_records = 64;
  if (choice & 8) limits.out_of_order_buffers = 4;
  limits.look_ahead_flows = 1;
  return limits;
}

struct Rig {
  Simulation world{1};
  Host client, server;
  const bool ipv6;
  Acceptor acceptor, honest_acceptor;
  std::unique_ptr<transport::Listener> listener, honest_listener;
  Recorder user;
  const std::string data = pattern(40'000, 3), reply = pattern(30'000, 4);
  struct Kept {
    Bytes bytes;
    unsigned from;
  };
  std::deque<Kept> kept;  // the latest TCP frames
  std::vector<Kept> held;
  std::array<unsigned, 2> drop{}, hold{};
  bool changed = false;  // something was sent that no honest wire makes of what was said

  Rig(uint8_t setup, uint8_t choice)
      : client(world, kClient, limits_of(choice), {}, {{kClient6, 64}}),
        server(world, kServer, limits_of(choice >> 4), {}, {{kServer6, 64}}),
        ipv6(setup & 0x80) {
    world.wire.set_conditions({.delay_ns = 5 * kMs});
    for (Host* host : {&client, &server}) {
      host->tcp->congestion_control = static_cast<tcp::CongestionControl>((setup >> 5 & 3) % 3);
    }
    listener = listen(kPort, acceptor);
    honest_listener = listen(kPort + 1, honest_acceptor);
    honest_acceptor.echoes = true;
    world.wire.set_hook(
        [this](std::span<std::byte> frame, unsigned from, unsigned) { return pass(frame, from); });
  }
  std::unique_ptr<transport::Listener> listen(uint16_t port, Acceptor& taker) {
    auto result = server.tcp->listen({.local = {{}, port}, .backlog = 4, .fast_open = true}, taker);
    SLUICE_ASSERT(result);
    return std::move(result.value);
  }
  Stream* connect(uint16_t port, Recorder& who, bool fast_open = false) {
    transport::ConnectOptions options;
    options.remote = {ipv6 ? kServer6 : kServer, port};
    options.timeout_ms = 60'000;
    options.fast_open = fast_open;
    auto result = client.tcp->connect(options, who);
    SLUICE_ASSERT(result);
    return result.value;
  }

  bool pass(std::span<std::byte> frame, unsigned from) {
    const auto parts = parts_of(frame);
    if (!parts) return true;
    // What is sent is well-formed, whatever was received.
    SLUICE_ASSERT(parts->end <= frame.size());
    Bytes whole(frame.begin(), frame.begin() + static_cast<ptrdiff_t>(parts->end));
    Bytes again = whole;
    mend(again, *parts);
    SLUICE_ASSERT(wire::load_16(&again[parts->l4 + 16]) % 0xffff ==
                  wire::load_16(&whole[parts->l4 + 16]) % 0xffff);
    const unsigned side = from == client.port.number() ? 0 : 1;
    kept.push_back({whole, from});
    if (kept.size() > kKeptFrames) kept.pop_front();
    if (drop[side] > 0) {
      --drop[side];
      return false;
    }
    if (hold[side] > 0) {
      --hold[side];
      held.push_back({std::move(whole), from});
      return false;
    }
    return true;
  }
  void deliver(const Bytes& frame, unsigned from) {
    (from == client.port.number() ? server : client).port.deliver(frame);
  }
  void release_held(bool backwards) {
    if (backwards) std::reverse(held.begin(), held.end());
    for (const Kept& each : held) deliver(each.bytes, each.from);
    held.clear();
  }

  void run(uint64_t duration_ns) {
    const uint64_t until_ns = world.now_ns() + duration_ns;
    while (world.step(until_ns)) check();
    check();
  }
  void check() {
    for (Host* host : {&client, &server}) {
      const char* broken = host->tcp->broken_invariant();
      if (broken) std::fprintf(stderr, "%s: %s\n", host == &client ? "client" : "server", broken);
      SLUICE_ASSERT(broken == nullptr);
    }
    if (changed) return;
    // In order, once, and as it was written: so far.
    SLUICE_ASSERT(reply.starts_with(user.received));
    for (const auto& each : acceptor.users) SLUICE_ASSERT(data.starts_with(each->received));
  }
  Recorder* accepted() { return acceptor.users.empty() ? nullptr : acceptor.users.back().get(); }

  // ---- the state to begin with
  void reach(uint8_t state) {
    switch (state % 12) {
      case 0:  // SYN-SENT
        connect(kPort, user);
        drop[0] = 1;
        return run(kMs);
      case 1:  // half open: the answer is lost
        connect(kPort, user);
        drop[1] = 1;
        return run(20 * kMs);
      case 2: return establish();
      case 3:  // data in flight, both ways
        establish();
        user.send(data, false);
        if (accepted()) accepted()->send(reply, false);
        return run(7 * kMs);
      case 4:  // recovery
        establish();
        user.send(data, false);
        drop[0] = 1;
        return run(16 * kMs);
      case 5:  // zero window
        acceptor.consumes = false;
        establish();
        user.send(data, false);
        return run(3 * kSecond);
      case 6:  // FIN-WAIT-1
        establish();
        drop[0] = 3;
        user.send(data.substr(0, 100), true);
        return run(kMs);
      case 7:  // FIN-WAIT-2 and CLOSE-WAIT
        acceptor.shuts_down_on_end = false;
        establish();
        user.send(data.substr(0, 100), true);
        return run(50 * kMs);
      case 8:  // both end at once: CLOSING
        establish();
        user.send({}, true);
        if (accepted()) accepted()->send({}, true);
        drop[0] = drop[1] = 0;
        return run(7 * kMs);
      case 9:  // TIME-WAIT
        establish();
        user.send(data.substr(0, 1000), true);
        return run(200 * kMs);
      case 10: {  // Fast Open: a cookie, then data with the SYN
        Recorder visitor;
        connect(kPort + 1, visitor, true);
        run(50 * kMs);
        if (visitor.stream) visitor.stream->abort();
        run(50 * kMs);
        Stream* stream = connect(kPort, user, true);
        stream->write_copy(std::string_view(data).substr(0, 500));
        return run(7 * kMs);
      }
      default:  // LAST-ACK
        establish();
        if (accepted()) accepted()->send(reply.substr(0, 500), true);
        drop[1] = 1;
        return run(20 * kMs);
    }
  }
  void establish() {
    connect(kPort, user);
    run(50 * kMs);
  }

  // ---- what is done to it
  void meddle(Input& input) {
    const uint8_t action = input.byte(), detail = input.byte();
    const Kept* chosen = kept.empty() ? nullptr : &kept[detail % kept.size()];
    switch (action % 9) {
      case 0:
        if (chosen) deliver(chosen->bytes, chosen->from);
        break;
      case 1: drop[detail & 1] = detail >> 1 & 3; break;
      case 2: hold[detail & 1] = detail >> 1 & 7; break;
      case 3: release_held(detail & 1); break;
      case 4:
      case 5:
        if (chosen) change(*chosen, input);
        break;
      case 6:
        if (chosen) cut(*chosen, input);
        break;
      case 7:
        if (chosen) report(*chosen, input);
        break;
      default: act(detail); break;
    }
    constexpr uint64_t kGapsNs[] = {0,        0,         100'000,     kMs,         6 * kMs,
                                    45 * kMs, 250 * kMs, 1 * kSecond, 3 * kSecond, 70 * kSecond};
    run(kGapsNs[(action / 9) % std::size(kGapsNs)]);
  }

  void change(const Kept& chosen, Input& input) {
    Bytes frame = chosen.bytes;
    Parts parts = *parts_of(frame);
    frame.resize(parts.end);
    constexpr uint32_t kSteps[] = {1,     ~0u,    2,           100,      0u - 100, 1460,     0u - 1460,
                                   8'000, 65'535, 0u - 65'535, 1u << 20, 1u << 30, 1u << 31, 0u - (1u << 30),
                                   0,     500'000};
    for (unsigned left = 1 + input.byte() % 3; left > 0; --left) {
      std::byte* const tcp = &frame[parts.l4];
      const uint8_t what = input.byte(), value = input.byte();
      const auto step = [&](size_t at) {
        wire::store_32(tcp + at, wire::load_32(tcp + at) + kSteps[value % 16]);
      };
      const size_t header = (static_cast<size_t>(tcp[12]) >> 4) * 4;
      switch (what % 10) {
        case 0: step(4); break;
        case 1: step(8); break;
        case 2: tcp[13] ^= static_cast<std::byte>(value); break;
        case 3: tcp[13] = static_cast<std::byte>(value); break;
        case 4: wire::store_16(tcp + 14, static_cast<uint16_t>(value & 1 ? value * 257 : value)); break;
        case 5:  // an option's byte
          if (header > 20) tcp[20 + value % (header - 20)] = static_cast<std::byte>(input.byte());
          break;
        case 6: {  // a timestamp, or the edge of a SACK block: a word of the options
          if (header < 24) break;
          const size_t at = 20 + 2 * (value % ((header - 22) / 2));
          wire::store_32(tcp + at, wire::load_32(tcp + at) + kSteps[input.byte() % 16]);
          break;
        }
        case 7:  // shorter, or longer, data
          if (value & 1) {
            frame.resize(std::min(frame.size() + value * 4u, parts.l4 + 1'440), std::byte{value});
          } else {
            frame.resize(
                std::max(parts.l4 + header, frame.size() - std::min<size_t>(frame.size(), value * 4u)));
          }
          break;
        case 8: {  // options anew
          wire::TcpOptions options;
          options.has_timestamp = value & 1;
          options.timestamp = value * 0x01010101u;
          options.sack_permitted = value & 2;
          options.mss = value & 4 ? static_cast<uint16_t>(value * 8) : 0;
          options.has_window_scale = value & 8;
          options.window_scale = value >> 4;
          options.sack_blocks = value >> 6;
          for (unsigned i = 0; i < options.sack_blocks; ++i) {
            const uint32_t left_edge = wire::load_32(tcp + 8) + kSteps[input.byte() % 16];
            options.sack[i] = {left_edge, left_edge + kSteps[input.byte() % 16]};
          }
          std::byte room[wire::kTcpOptionsLimitBytes];
          const uint32_t bytes = wire::emit_tcp_options(room, options);
          const auto begin = frame.begin() + static_cast<ptrdiff_t>(parts.l4);
          frame.erase(begin + 20, begin + static_cast<ptrdiff_t>(header));
          frame.insert(frame.begin() + static_cast<ptrdiff_t>(parts.l4 + 20), room, room + bytes);
          frame[parts.l4 + 12] = static_cast<std::byte>((20 + bytes) / 4 << 4);
          break;
        }
        default:  // a port
          wire::store_16(tcp, static_cast<uint16_t>(wire::load_16(tcp) + (value & 1)));
          break;
      }
    }
    changed = true;
    mend(frame, parts);
    if (input.byte() % 8 == 0) {
      // A tag that gives a priority only.
      const std::byte tag[4] = {std::byte{0x81}, {}, {}, {}};
      frame.insert(frame.begin() + 12, tag, tag + 4);
    }
    deliver(frame, chosen.from);
  }

  // The same in two fragments, or in two that overlap, or only one of them.
  void cut(const Kept& chosen, Input& input) {
    const Parts parts = *parts_of(chosen.bytes);
    const size_t length = parts.end - parts.l4;
    const uint8_t how = input.byte();
    const size_t first = std::min<size_t>(8u + 8u * (input.byte() % 32), (length - 1) & ~size_t{7});
    if (parts.ipv6 || first == 0) return;
    const size_t overlap = how & 1 ? std::min<size_t>(8, first) : 0;
    const auto piece = [&](size_t begin, size_t end, bool more) {
      Bytes frame(chosen.bytes.begin(), chosen.bytes.begin() + static_cast<ptrdiff_t>(parts.l4));
      frame.insert(frame.end(), chosen.bytes.begin() + static_cast<ptrdiff_t>(parts.l4 + begin),
                   chosen.bytes.begin() + static_cast<ptrdiff_t>(parts.l4 + end));
      wire::store_16(&frame[16], static_cast<uint16_t>(frame.size() - 14));
      wire::store_16(&frame[18], static_cast<uint16_t>(1 + (how >> 4)));
      wire::store_16(&frame[20], static_cast<uint16_t>(begin / 8 | (more ? wire::kIpv4MoreFragments : 0)));
      wire::store_16(&frame[24], 0);
      wire::store_16(&frame[24], wire::checksum_finish(wire::checksum_add(0, &frame[14], parts.l4 - 14)));
      deliver(frame, chosen.from);
    };
    if (how & 2) piece(first - overlap, length, false);
    if (!(how & 4)) piece(0, first, true);
    if (!(how & 2)) piece(first - overlap, length, false);
  }

  // What a router would say about a frame: to its sender.
  void report(const Kept& chosen, Input& input) {
    const Parts parts = *parts_of(chosen.bytes);
    const uint8_t what = input.byte();
    const uint32_t mtu = 500 + input.byte() * 8u;
    const std::span<const std::byte> packet = std::span(chosen.bytes).subspan(14);
    Host& to = chosen.from == client.port.number() ? client : server;
    Host& from = &to == &client ? server : client;
    Bytes message;
    if (parts.ipv6) {
      message.resize(wire::kIcmpv6HeaderBytes);
      wire::emit_icmpv6(message.data(), what & 1 ? wire::kIcmpv6PacketTooBig : uint8_t{1},
                        what & 1 ? uint8_t{0} : uint8_t(what >> 1 & 7), what & 1 ? 800 + mtu : 0);
    } else {
      message.resize(wire::kIcmpHeaderBytes);
      wire::emit_icmp(message.data(), wire::kIcmpUnreachable, what & 1 ? uint8_t{4} : uint8_t(what >> 1 & 15),
                      what & 1 ? mtu : 0);
    }
    message.insert(message.end(), packet.begin(),
                   packet.begin() + static_cast<ptrdiff_t>(std::min<size_t>(packet.size(), 500)));
    Bytes frame(parts.ipv6 ? 54 : 34);
    wire::emit_ethernet(frame.data(), to.port.mac(), from.port.mac(),
                        parts.ipv6 ? wire::kEtherTypeIpv6 : wire::kEtherTypeIpv4);
    const auto bytes = static_cast<uint32_t>(message.size());
    if (parts.ipv6) {
      const IpAddress source = &to == &client ? kServer6 : kClient6,
                      destination = &to == &client ? kClient6 : kServer6;
      const auto sum = wire::pseudo_header_sum(source, destination, 58, bytes);
      wire::store_16(&message[2], wire::checksum_finish(wire::checksum_add(sum, message.data(), bytes)));
      wire::emit_ipv6(&frame[14], {.payload_bytes = static_cast<uint16_t>(bytes),
                                   .next_header = 58,
                                   .hop_limit = 64,
                                   .source = source,
                                   .destination = destination});
    } else {
      wire::set_icmp_checksum(message.data(),
                              wire::checksum_finish(wire::checksum_add(0, message.data(), bytes)));
      const wire::Ipv4Fields fields{.total_bytes = static_cast<uint16_t>(20 + bytes),
                                    .hop_limit = 64,
                                    .protocol = 1,
                                    .source = from.address.v4(),
                                    .destination = to.address.v4()};
      wire::emit_ipv4(&frame[14], fields);
      wire::set_ipv4_checksum(&frame[14], fields);
    }
    frame.insert(frame.end(), message.begin(), message.end());
    // Hard errors may end what is being opened.
    changed = true;
    to.port.deliver(frame);
  }

  // One of the two programs does something.
  void act(uint8_t detail) {
    Recorder* const who = detail & 1 ? accepted() : &user;
    if (!who || !who->stream) return;
    switch (detail >> 1 & 7) {
      case 0:
      case 1: {
        // Goes on from where it is, as far as there is more.
        const std::string& all = who == &user ? data : reply;
        uint32_t& written = who == &user ? written_[0] : written_[1];
        const auto piece =
            std::min<size_t>(1 + detail * 40u, all.size() - std::min<size_t>(written, all.size()));
        if (!fresh_) break;
        who->send(all.substr(written, piece), false);
        written += static_cast<uint32_t>(piece);
        break;
      }
      case 2: who->stream->shutdown(); break;
      case 3: who->give_back(); break;
      case 4: who->consumes = !who->consumes; break;
      case 5: who->stream->set_keep_alive(true, 2'000); break;
      case 6: who->stream->set_no_delay(detail & 16); break;
      default: who->stream->abort(); break;
    }
  }
  // Only where reach() has written nothing yet.
  void may_write(uint8_t state) { fresh_ = state % 12 == 2 || state % 12 == 1 || state % 12 == 0; }

  // ---- the end
  void finish() {
    drop = hold = {};
    held.clear();
    run(kMs);
    // An honest connection works, whatever was done to the other.
    Recorder honest;
    connect(kPort + 1, honest);
    const std::string said = pattern(20'000, 9);
    bool begun = false;
    const uint64_t until_ns = world.now_ns() + 100 * kSecond;
    while (honest.received.size() < said.size() && honest.closed == 0 && world.step(until_ns)) {
      if (!begun && honest.stream) {
        begun = true;
        honest.send(said, false);
      }
    }
    SLUICE_ASSERT(honest.received == said);
    honest.stream->abort();
    if (user.stream) user.stream->abort();
    for (Acceptor* each : {&acceptor, &honest_acceptor})
      for (auto& one : each->users)
        if (one->stream) one->stream->abort();
    // Who is still connecting has his timeout; fragments and TIME-WAIT have theirs.
    for (unsigned i = 0; i < 4; ++i) {
      run(50 * kSecond);
      if (user.stream) user.stream->abort();
      for (auto& one : acceptor.users)
        if (one->stream) one->stream->abort();
    }
    listener.reset();
    honest_listener.reset();
    run(kSecond);
    for (Host* host : {&client, &server}) {
      SLUICE_ASSERT(host->tcp->open_streams() == 0);
      SLUICE_ASSERT(host->tcp->flow_count() == 0);
      SLUICE_ASSERT(host->port.pool().outstanding() == 0);
    }
  }

 private:
  std::array<uint32_t, 2> written_{};
  bool fresh_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3 || size > kInputLimitBytes) return 0;
  Input input(data, size);
  const uint8_t setup = input.byte(), choice = input.byte(), state = input.byte();
  Rig rig(setup, choice);
  rig.reach(state);
  rig.may_write(state);
  while (!input.empty()) rig.meddle(input);
  rig.finish();
  return 0;
}
