// SPDX-License-Identifier: Apache-2.0
// What is wrong with a segment, judged from outside.
#include "tests/scenarios/tcp_observer.hh"

#include <cstdio>
#include <utility>

#include "dataplane/tcp/sequence.hh"
#include "dataplane/wire/checksum.hh"
#include "dataplane/wire/ipv4.hh"
#include "dataplane/wire/ipv6.hh"
#include "dataplane/wire/tcp.hh"
#include "drivers/address.hh"

namespace sluice::scenarios {

using tcp::after;
using tcp::before;

namespace {
constexpr size_t kLinesLimit = 400, kEthernetBytes = 14;

std::string flag_letters(uint8_t flags) {
  std::string letters;
  const char names[] = "FSRPAUEW";
  for (unsigned bit = 0; bit < 8; ++bit)
    if (flags >> bit & 1) letters += names[bit];
  return letters;
}
}  // namespace

void TcpObserver::complain(const std::string& what) {
  if (complaint_.empty()) complaint_ = what + (lines_.empty() ? "" : ": " + lines_.back());
}

std::string TcpObserver::trace() const {
  std::string text;
  for (const std::string& line : lines_) text += line + "\n";
  return text;
}

void TcpObserver::see(std::span<const std::byte> frame, uint64_t now_ns) {
  if (frame.size() < kEthernetBytes + 20) return;
  const auto packet = frame.subspan(kEthernetBytes);
  IpAddress source, destination;
  std::span<const std::byte> bytes;
  if (frame[12] == std::byte{8} && frame[13] == std::byte{0}) {
    const auto ip = wire::Ipv4View::parse(packet);
    if (!ip || ip->protocol() != 6) return;
    if (wire::checksum_finish(wire::checksum_add(0, packet.data(), ip->header_bytes())) != 0)
      return complain("a wrong IP checksum was sent");
    source = IpAddress::v4(ip->source());
    destination = IpAddress::v4(ip->destination());
    bytes = packet.subspan(ip->header_bytes(), ip->total_bytes() - ip->header_bytes());
  } else if (frame[12] == std::byte{0x86} && frame[13] == std::byte{0xdd}) {
    const auto ip = wire::Ipv6View::parse(packet);
    if (!ip || ip->next_header() != 6) return;
    source = ip->source();
    destination = ip->destination();
    bytes = packet.subspan(wire::kIpv6HeaderBytes, ip->payload_bytes());
  } else {
    return;
  }
  const auto view = wire::TcpView::parse(bytes);
  if (!view) return complain("a malformed TCP header was sent");
  const auto sum = wire::pseudo_header_sum(source, destination, 6, static_cast<uint32_t>(bytes.size()));
  const std::string from = source.to_string() + ":" + std::to_string(view->source_port());
  const std::string to = destination.to_string() + ":" + std::to_string(view->destination_port());
  const auto payload = bytes.subspan(view->header_bytes());
  const auto length = static_cast<uint32_t>(payload.size());
  wire::TcpOptions options;
  wire::parse_tcp_options(view->options(), options);
  std::string line = std::to_string(now_ns / 1000) + " us " + from + " > " + to + " " +
                     flag_letters(view->flags()) + " seq " + std::to_string(view->sequence()) + " ack " +
                     std::to_string(view->acknowledgement()) + " win " + std::to_string(view->window()) +
                     " len " + std::to_string(length);
  for (unsigned i = 0; i < options.sack_blocks; ++i)
    line += " sack " + std::to_string(options.sack[i].left) + "-" + std::to_string(options.sack[i].right);
  lines_.push_back(std::move(line));
  if (lines_.size() > kLinesLimit) lines_.pop_front();
  if (wire::checksum_finish(wire::checksum_add(sum, bytes.data(), bytes.size())) != 0)
    return complain("a wrong TCP checksum was sent");

  const bool first = from < to;
  Talk& talk = talks_[first ? from + to : to + from];
  Side& side = talk.sides[first ? 0 : 1];
  Side& other = talk.sides[first ? 1 : 0];
  const uint8_t flags = view->flags();
  if (flags & wire::kTcpRst) return;
  const uint32_t sequence = view->sequence();
  if (flags & wire::kTcpSyn) {
    if (side.known && side.initial == sequence) return;  // once more
    // A new incarnation forgets the old one.
    if (!(flags & wire::kTcpAck)) other = Side();
    side = Side();
    side.known = true;
    side.initial = sequence;
    side.furthest = sequence + 1 + length;
    side.scaling = options.has_window_scale;
    side.scale = options.window_scale;
    if (flags & wire::kTcpAck) {
      side.window_known = true;
      side.acknowledged = view->acknowledgement();
      side.window_edge = view->acknowledgement() + view->window();  // never scaled
    }
    return;
  }
  if (!side.known || !other.known || !(flags & wire::kTcpAck)) return;
  const uint32_t ack = view->acknowledgement();
  if (after(ack, other.furthest)) complain("an acknowledgement of what was never sent");
  const bool scaled = side.scaling && other.scaling;
  const uint32_t edge = ack + (uint32_t{view->window()} << (scaled ? side.scale : 0));
  if (side.window_known) {
    if (before(ack, side.acknowledged)) complain("an acknowledgement went back");
    // RFC 9293 section 3.8.6: not even by a byte. After the peer's FIN it says nothing.
    if (before(edge, side.window_edge) && !other.finished) complain("a window shrank");
  }
  side.acknowledged = ack;
  if (!side.window_known || after(edge, side.window_edge)) side.window_edge = edge;
  side.window_known = true;
  const uint32_t end = sequence + length;
  // One byte may lie beyond, as a probe.
  if (length > 0 && other.window_known && after(end, other.window_edge + 1))
    complain("data beyond the window");
  if (length > 0) {
    uint64_t hash = 1469598103934665603u;
    for (const std::byte byte : payload) hash = (hash ^ static_cast<uint64_t>(byte)) * 1099511628211u;
    const uint64_t key = uint64_t{sequence - side.initial} << 32 | length;
    const auto [at, inserted] = side.blocks.try_emplace(key, hash);
    if (!inserted && at->second != hash) complain("the same bytes were sent with two values");
  }
  const uint32_t past = end + (flags & wire::kTcpFin ? 1 : 0);
  if (flags & wire::kTcpFin) side.finished = true;
  if (side.finished && length > 0 && !(flags & wire::kTcpFin) && after(end, side.furthest))
    complain("data behind the FIN");
  if (after(past, side.furthest)) side.furthest = past;
}

}  // namespace sluice::scenarios
