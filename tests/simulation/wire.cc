// SPDX-License-Identifier: Apache-2.0
// The simulated switch, its ports, and what a NIC would do for them (checksums, TSO). The header arithmetic here is
// written plainly and apart from dataplane/wire, so that an error there does not cancel itself out.
#include "tests/simulation/wire.hh"

#include <algorithm>
#include <cstring>

namespace sluice::simulation {

namespace {

constexpr size_t kEthernetBytes = 14;

unsigned get_16(std::span<const std::byte> bytes, size_t at) {
  return static_cast<unsigned>(bytes[at]) << 8 | static_cast<unsigned>(bytes[at + 1]);
}
uint32_t get_32(std::span<const std::byte> bytes, size_t at) {
  return static_cast<uint32_t>(get_16(bytes, at)) << 16 | get_16(bytes, at + 2);
}
void put_16(std::span<std::byte> bytes, size_t at, unsigned value) {
  bytes[at] = static_cast<std::byte>(value >> 8);
  bytes[at + 1] = static_cast<std::byte>(value);
}
void put_32(std::span<std::byte> bytes, size_t at, uint32_t value) {
  put_16(bytes, at, value >> 16);
  put_16(bytes, at + 2, value & 0xffff);
}

unsigned sum_16(std::span<const std::byte> bytes, unsigned sum = 0) {
  for (size_t i = 0; i < bytes.size(); ++i) {
    sum += static_cast<unsigned>(bytes[i]) << (i % 2 == 0 ? 8 : 0);
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return sum;
}

struct Layout {
  size_t l4 = 0, end = 0;
  unsigned protocol = 0;
  bool ipv6 = false;
};
// Where the parts of a whole, unfragmented IPv4 frame lie, or of an IPv6 frame without extension headers; false when it is
// neither.
bool layout_of(std::span<const std::byte> frame, Layout& out) {
  if (frame.size() >= kEthernetBytes + 40 && get_16(frame, 12) == 0x86dd) {
    out = {kEthernetBytes + 40, kEthernetBytes + 40 + get_16(frame, kEthernetBytes + 4),
           static_cast<unsigned>(frame[kEthernetBytes + 6]), true};
    return out.end <= frame.size();
  }
  if (frame.size() < kEthernetBytes + 20 || get_16(frame, 12) != 0x0800) return false;
  const unsigned header = (static_cast<unsigned>(frame[kEthernetBytes]) & 15) * 4;
  const unsigned total = get_16(frame, kEthernetBytes + 2);
  if (header < 20 || total < header || kEthernetBytes + total > frame.size()) return false;
  if ((get_16(frame, kEthernetBytes + 6) & 0x3fff) != 0) return false;
  out = {kEthernetBytes + header, kEthernetBytes + total, static_cast<unsigned>(frame[kEthernetBytes + 9]),
         false};
  return true;
}
unsigned pseudo_sum(std::span<const std::byte> frame, const Layout& at, size_t l4_bytes) {
  const auto addresses =
      at.ipv6 ? frame.subspan(kEthernetBytes + 8, 32) : frame.subspan(kEthernetBytes + 12, 8);
  const unsigned sum = sum_16(addresses) + at.protocol + static_cast<unsigned>(l4_bytes);
  return (sum & 0xffff) + (sum >> 16);
}

}  // namespace

// ---- port --------------------------------------------------------------------------------------------------------

SimulatedPort::SimulatedPort(SimulatedWire& wire, unsigned number, const SimulatedPortOptions& options)
    : wire_(wire),
      number_(number),
      options_(options),
      pool_(std::max<uint32_t>(kStorageBytes, options.mtu_bytes + 18 + kTransmitHeadroomBytes),
            options.pool_buffers) {}

unsigned SimulatedPort::receive(Buffer** frames, unsigned limit) {
  unsigned count = 0;
  while (count < limit && !received_.empty()) {
    frames[count++] = received_.front();
    received_.pop_front();
  }
  return count;
}

unsigned SimulatedPort::transmit(Buffer** frames, unsigned count) {
  if (accepted_at_ns_ != wire_.clock_.now_ns()) {
    accepted_at_ns_ = wire_.clock_.now_ns();
    accepted_now_ = 0;
  }
  unsigned sent = 0;
  std::vector<std::byte> frame;
  for (; sent < count; ++sent) {
    if (options_.transmit_queue_frames != 0 && accepted_now_ >= options_.transmit_queue_frames) break;
    ++accepted_now_;
    const Buffer& request = *frames[sent];
    SLUICE_ASSERT(request.next_segment == nullptr || options_.capabilities.transmit_scatter);
    frame.clear();
    for (const Buffer* segment = &request; segment; segment = segment->next_segment)
      frame.insert(frame.end(), segment->data, segment->end());
    if (request.flags & Buffer::kTransmitTso) {
      SLUICE_ASSERT(options_.capabilities.tso);
      transmit_tso(frame, request);
    } else {
      finish_checksums(frame, request);
      inject(frame);
    }
    release(frames[sent]);
  }
  return sent;
}

void SimulatedPort::finish_checksums(std::vector<std::byte>& frame, const Buffer& request) {
  const PortCapabilities& can = options_.capabilities;
  if (request.flags & Buffer::kTransmitIpChecksum) {
    SLUICE_ASSERT(can.transmit_ip_checksum && request.l2_bytes == kEthernetBytes);
    const std::span<std::byte> header = std::span(frame).subspan(request.l2_bytes, request.l3_bytes);
    put_16(header, 10, 0);
    put_16(header, 10, ~sum_16(header) & 0xffff);
  }
  const bool tcp = request.flags & Buffer::kTransmitTcpChecksum,
             udp = request.flags & Buffer::kTransmitUdpChecksum;
  if (!tcp && !udp) return;
  SLUICE_ASSERT(tcp ? can.transmit_tcp_checksum : can.transmit_udp_checksum);
  Layout at;
  SLUICE_ASSERT(layout_of(frame, at));
  SLUICE_ASSERT(at.l4 == size_t{request.l2_bytes} + request.l3_bytes && at.protocol == (tcp ? 6u : 17u));
  const size_t field = at.l4 + (tcp ? 16 : 6);
  // The field must hold the pseudo-header's sum; a NIC trusts it, so a wrong one must fail here.
  SLUICE_ASSERT(get_16(frame, field) % 0xffff == pseudo_sum(frame, at, at.end - at.l4) % 0xffff);
  const unsigned sum = ~sum_16(std::span(frame).subspan(at.l4, at.end - at.l4)) & 0xffff;
  put_16(frame, field, udp && sum == 0 ? 0xffff : sum);
}

void SimulatedPort::transmit_tso(const std::vector<std::byte>& frame, const Buffer& request) {
  Layout at;
  SLUICE_ASSERT(layout_of(frame, at) && at.protocol == 6);
  SLUICE_ASSERT(!at.ipv6 || !options_.capabilities.tso_ipv4_only);
  SLUICE_ASSERT(request.tso_segment_bytes > 0 && request.l4_bytes >= 20);
  SLUICE_ASSERT(get_16(frame, at.l4 + 16) % 0xffff == pseudo_sum(frame, at, 0) % 0xffff);
  const size_t headers = at.l4 + request.l4_bytes, payload = at.end - headers;
  SLUICE_ASSERT(payload <= options_.capabilities.tso_limit_bytes);
  std::vector<std::byte> piece;
  for (size_t done = 0, index = 0; done < payload; ++index) {
    const size_t count = std::min<size_t>(request.tso_segment_bytes, payload - done);
    piece.assign(frame.begin(), frame.begin() + static_cast<ptrdiff_t>(headers));
    piece.insert(piece.end(), frame.begin() + static_cast<ptrdiff_t>(headers + done),
                 frame.begin() + static_cast<ptrdiff_t>(headers + done + count));
    if (at.ipv6) {
      put_16(piece, kEthernetBytes + 4, static_cast<unsigned>(piece.size() - at.l4));
    } else {
      put_16(piece, kEthernetBytes + 2, static_cast<unsigned>(piece.size() - kEthernetBytes));
      put_16(piece, kEthernetBytes + 4,
             (get_16(frame, kEthernetBytes + 4) + static_cast<unsigned>(index)) & 0xffff);
      put_16(piece, kEthernetBytes + 10, 0);
      put_16(piece, kEthernetBytes + 10,
             ~sum_16(std::span(piece).subspan(kEthernetBytes, at.l4 - kEthernetBytes)) & 0xffff);
    }
    put_32(piece, at.l4 + 4, get_32(frame, at.l4 + 4) + static_cast<uint32_t>(done));
    unsigned flags = static_cast<unsigned>(frame[at.l4 + 13]);
    if (done + count < payload) flags &= ~0x09u;  // FIN and PSH go with the last piece
    if (index > 0) flags &= ~0x80u;               // CWR with the first
    piece[at.l4 + 13] = static_cast<std::byte>(flags);
    put_16(piece, at.l4 + 16, pseudo_sum(piece, at, piece.size() - at.l4));
    put_16(piece, at.l4 + 16, ~sum_16(std::span(piece).subspan(at.l4)) & 0xffff);
    inject(piece);
    done += count;
  }
}

void SimulatedPort::inject(std::span<const std::byte> frame) {
  ++counters.transmitted;
  counters.transmitted_bytes += frame.size();
  wire_.send(number_, frame);
}

void SimulatedPort::arrive(std::span<const std::byte> frame) {
  Buffer* buffer = nullptr;
  if (received_.size() < options_.receive_queue_frames &&
      frame.size() <= pool_.storage_bytes() - kTransmitHeadroomBytes)
    buffer = pool_.allocate();
  if (buffer == nullptr) {
    ++counters.receive_dropped;
    return;
  }
  buffer->append(frame.data(), static_cast<uint32_t>(frame.size()));
  if (options_.verifies_checksums) {
    bool good = true;
    if (frame.size() >= kEthernetBytes + 20 && get_16(frame, 12) == 0x0800) {
      const size_t header = (static_cast<size_t>(frame[kEthernetBytes]) & 15) * 4;
      if (header >= 20 && kEthernetBytes + header <= frame.size()) {
        good = sum_16(frame.subspan(kEthernetBytes, header)) == 0xffff;
        buffer->flags |= good ? Buffer::kReceiveIpChecksumGood : Buffer::kReceiveIpChecksumBad;
      }
    }
    Layout at;
    if (good && layout_of(frame, at) && (at.protocol == 6 || at.protocol == 17)) {
      const size_t l4_bytes = at.end - at.l4;
      const bool absent = at.protocol == 17 && l4_bytes >= 8 && get_16(frame, at.l4 + 6) == 0;
      const unsigned sum = sum_16(frame.subspan(at.l4, l4_bytes), pseudo_sum(frame, at, l4_bytes));
      if (!absent)
        buffer->flags |= sum == 0xffff ? Buffer::kReceiveL4ChecksumGood : Buffer::kReceiveL4ChecksumBad;
    }
  }
  received_.push_back(buffer);
  ++counters.received;
}

// ---- wire --------------------------------------------------------------------------------------------------------

SimulatedWire::SimulatedWire(VirtualClock& clock, uint64_t seed) : clock_(clock), entropy_(seed) {}

SimulatedWire::~SimulatedWire() {
  for (auto& port : ports_)
    for (Buffer* buffer : port->received_) release(buffer);
  if (trace_) std::fclose(trace_);
}

SimulatedPort& SimulatedWire::add_port(const SimulatedPortOptions& options) {
  const auto number = static_cast<unsigned>(ports_.size());
  SimulatedPortOptions own = options;
  if (own.mac == MacAddress{}) {
    own.mac.bytes = {2, 0, 0, 0, static_cast<uint8_t>((number + 1) >> 8), static_cast<uint8_t>(number + 1)};
  }
  ports_.emplace_back(new SimulatedPort(*this, number, own));
  links_.emplace_back();
  for (auto& row : links_) row.resize(ports_.size(), Link{.conditions = default_conditions_});
  return *ports_.back();
}

void SimulatedWire::set_conditions(const Conditions& conditions) {
  default_conditions_ = conditions;
  for (auto& row : links_)
    for (Link& each : row) each.conditions = conditions;
}

void SimulatedWire::send(unsigned from, std::span<const std::byte> frame) {
  ++counters.sent;
  if (frame.size() < kEthernetBytes) return;
  if (trace_) {
    const uint64_t now_ns = clock_.realtime_ns();
    const uint32_t record[4] = {static_cast<uint32_t>(now_ns / kNanosecondsPerSecond),
                                static_cast<uint32_t>(now_ns % kNanosecondsPerSecond),
                                static_cast<uint32_t>(frame.size()), static_cast<uint32_t>(frame.size())};
    std::fwrite(record, sizeof record, 1, trace_);
    std::fwrite(frame.data(), frame.size(), 1, trace_);
  }
  // A switch that knows every port's address; what goes to none of them is flooded.
  unsigned target = UINT32_MAX;
  for (const auto& port : ports_)
    if (std::memcmp(port->options_.mac.bytes.data(), frame.data(), 6) == 0) target = port->number_;
  for (unsigned to = 0; to < ports_.size(); ++to) {
    if (to == from) continue;
    if (target == UINT32_MAX || to == target || ports_[to]->options_.promiscuous) send_to(from, to, frame);
  }
}

void SimulatedWire::send_to(unsigned from, unsigned to, std::span<const std::byte> frame) {
  Link& way = link(from, to);
  const Conditions& now = way.conditions;
  std::vector<std::byte> bytes(frame.begin(), frame.end());
  if (hook_ && !hook_(bytes, from, to)) {
    ++counters.filtered;
    return;
  }
  if (way.burst_left == 0 && entropy_.chance(now.burst_loss)) way.burst_left = now.burst_loss_frames;
  const bool in_burst = way.burst_left > 0;
  if (in_burst) --way.burst_left;
  if (now.cut || in_burst || entropy_.chance(now.loss)) {
    ++counters.lost;
    return;
  }
  uint64_t leaves_ns = clock_.now_ns();
  if (now.rate_bits_per_second > 0) {
    // Preamble, frame check sequence and gap are on the line too: 24 bytes.
    const auto time_of = [&](uint64_t count) {
      return (count + 24) * 8 * kNanosecondsPerSecond / now.rate_bits_per_second;
    };
    const uint64_t waiting_ns = way.line_free_ns > leaves_ns ? way.line_free_ns - leaves_ns : 0;
    if (waiting_ns >
        uint64_t{now.queue_frames} * time_of(ports_[from]->options_.mtu_bytes + kEthernetBytes)) {
      ++counters.queue_dropped;
      return;
    }
    way.line_free_ns = leaves_ns + waiting_ns + time_of(bytes.size());
    leaves_ns = way.line_free_ns;
  }
  if (entropy_.chance(now.corruption)) {
    ++counters.corrupted;
    const size_t word = entropy_.below(bytes.size() / 2) * 2;
    const uint64_t first = entropy_.below(16), flips = 1 + entropy_.below(3);
    for (uint64_t i = 0; i < flips; ++i) {
      const uint64_t bit = (first + i * 5) % 16;
      bytes[word + bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
    }
  }
  const auto arrival_ns = [&] {
    return leaves_ns + now.delay_ns + (now.jitter_ns > 0 ? entropy_.below(now.jitter_ns + 1) : 0);
  };
  if (entropy_.chance(now.duplication)) {
    ++counters.duplicated;
    in_flight_.push(std::make_unique<Flight>(Flight{arrival_ns(), order_++, to, bytes}));
  }
  in_flight_.push(std::make_unique<Flight>(Flight{arrival_ns(), order_++, to, std::move(bytes)}));
}

bool SimulatedWire::deliver() {
  bool any = false;
  while (!in_flight_.empty() && in_flight_.top()->at_ns <= clock_.now_ns()) {
    auto flight = std::move(const_cast<std::unique_ptr<Flight>&>(in_flight_.top()));
    in_flight_.pop();
    ports_[flight->to]->arrive(flight->bytes);
    ++counters.delivered;
    any = true;
  }
  return any;
}

void SimulatedWire::trace(const std::string& path) {
  trace_ = std::fopen(path.c_str(), "wb");
  SLUICE_ASSERT(trace_ != nullptr);
  // File header: magic of nanosecond times, version 2.4, zone and accuracy 0, longest frame, Ethernet.
  const uint32_t header[6] = {0xa1b23c4d, 4u << 16 | 2, 0, 0, 65535, 1};
  std::fwrite(header, sizeof header, 1, trace_);
}

}  // namespace sluice::simulation
