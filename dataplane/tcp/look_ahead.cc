// SPDX-License-Identifier: Apache-2.0
// A burst waits for memory once: with millions of connections neither the flow's slot nor the connection is in any cache, and
// segments that are looked up one after the other wait for both each time. So what a burst will look for is asked for first.
#include "dataplane/core/cycles.hh"
#include "dataplane/tcp/tcp.hh"
#include "dataplane/wire/ethernet.hh"
#include "dataplane/wire/ipv4.hh"
#include "dataplane/wire/ipv6.hh"
#include "dataplane/wire/tcp.hh"

namespace sluice::tcp {

namespace {

// The flow of an ordinary frame. false: it is none, and is looked up like any other when its turn comes. Nothing is
// verified here: the worst that a wrong answer does is to read a line of memory that nobody needs.
bool flow_of_frame(const Buffer& frame, Flow& flow) {
  constexpr uint32_t kLink = wire::kEthernetHeaderBytes, kPorts = 4;
  if (frame.length < kLink + wire::kIpv4HeaderBytes + kPorts) return false;
  const auto packet = std::span<const std::byte>(frame.bytes()).subspan(kLink);
  const std::byte* ports = nullptr;
  switch (wire::load_16(frame.data + 12)) {
    case wire::kEtherTypeIpv4: {
      const auto header = wire::Ipv4View::parse(packet);
      if (!header || header->protocol() != ip::kProtocolTcp || header->is_fragment() ||
          packet.size() < header->header_bytes() + kPorts)
        return false;
      flow.local = IpAddress::v4(header->destination());
      flow.remote = IpAddress::v4(header->source());
      ports = packet.data() + header->header_bytes();
      break;
    }
    case wire::kEtherTypeIpv6: {
      const auto header = wire::Ipv6View::parse(packet);
      if (!header || header->next_header() != ip::kProtocolTcp ||
          packet.size() < wire::kIpv6HeaderBytes + kPorts)
        return false;
      flow.local = header->destination();
      flow.remote = header->source();
      ports = packet.data() + wire::kIpv6HeaderBytes;
      break;
    }
    default: return false;
  }
  flow.remote_port = wire::load_16(ports);
  flow.local_port = wire::load_16(ports + 2);
  return true;
}

}  // namespace

bool Tcp::looks_ahead() const { return flows_.size() >= limits_.look_ahead_flows; }

void Tcp::look_ahead(Buffer* const* frames, unsigned count) {
  const cycles::Scope stage(cycles::Stage::kTcp);
  constexpr unsigned kAtOnce = ip::Stack::kReceiveBurst;
  Flow flows[kAtOnce];
  SLUICE_ASSERT(count <= kAtOnce);
  unsigned known = 0;
  for (unsigned i = 0; i < count; ++i) known += flow_of_frame(*frames[i], flows[known]);
  expect(flows, known);
}

void Tcp::expect(const Flow* flows, unsigned count) {
  constexpr unsigned kAtOnce = ip::Stack::kReceiveBurst;
  uint32_t hashes[kAtOnce];
  SLUICE_ASSERT(count <= kAtOnce);
  for (unsigned i = 0; i < count; ++i) {
    hashes[i] = hash_of(flows[i]);
    flows_.prefetch(hashes[i]);
  }
  for (unsigned i = 0; i < count; ++i) {
    const FlowReference likely = flows_.likely(hashes[i]);
    if (likely.kind() != FlowReference::kConnection) continue;
    // All three lines of it: to take in a segment reads or writes each.
    const auto* connection = reinterpret_cast<const std::byte*>(&connections_.known(likely.number()));
    for (unsigned line = 0; line < sizeof(Connection); line += 64) __builtin_prefetch(connection + line, 1);
  }
}

}  // namespace sluice::tcp
