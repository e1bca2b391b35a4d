// SPDX-License-Identifier: Apache-2.0
// ARP (RFC 826), with the conflict rules of RFC 5227 as far as a host with fixed addresses needs them.
#include "dataplane/ip/state.hh"

namespace sluice::ip {

// RFC 5227 section 2.4 (b): an address is defended at most once in this time, or two of the kind would fight forever.
static constexpr uint64_t kDefendIntervalNs = 10 * kNanosecondsPerSecond;

void Stack::State::input_arp(Interface& in, Buffer* packet) {
  ++counters.arp_received;
  const auto fields = wire::parse_arp(packet->bytes());
  release(packet);
  if (!fields || wire::is_group(fields->sender_mac) || fields->sender_mac == MacAddress{}) {
    ++counters.malformed;
    return;
  }
  bool target_is_ours = false, sender_is_ours = false;
  for (const LocalPrefix& own : in.prefixes) {
    target_is_ours |= own.address == fields->target_ip;
    sender_is_ours |= own.address == fields->sender_ip;
  }
  if (sender_is_ours) {
    if (fields->sender_mac == in.mac) return;  // our own announcement, come back
    ++counters.address_conflicts;
    if (in.defended_ns == 0 || now_ns - in.defended_ns >= kDefendIntervalNs) {
      in.defended_ns = now_ns;
      announce(in, fields->sender_ip);
    }
    return;
  }
  const bool request = fields->operation == wire::kArpRequest, reply = fields->operation == wire::kArpReply;
  if (!request && !reply) {
    ++counters.malformed;
    return;
  }
  // A sender of 0 probes for conflicts and tells nothing about itself. Neighbours are learnt from those who ask for us
  // (they are about to talk to us), and from others only when there is an entry already.
  if (fields->sender_ip != 0 && in.on_link(fields->sender_ip) && !in.is_broadcast(fields->sender_ip)) {
    Neighbour* entry = request && target_is_ours
                           ? &neighbours.find_or_add(fields->sender_ip, in.index, now_ns)
                           : neighbours.find(fields->sender_ip, in.index);
    if (entry != nullptr) {
      const bool asked = entry->state == NeighbourState::kIncomplete ||
                         entry->state == NeighbourState::kProbe || entry->state == NeighbourState::kDelay;
      if (entry->state != NeighbourState::kIdle || (request && target_is_ours))
        neighbour_learnt(*entry, fields->sender_mac, reply && asked && fields->target_mac == in.mac);
    }
  }
  if (request && target_is_ours) {
    send_arp(in, fields->sender_mac,
             {.operation = wire::kArpReply,
              .sender_mac = in.mac,
              .target_mac = fields->sender_mac,
              .sender_ip = fields->target_ip,
              .target_ip = fields->sender_ip});
  }
}

void Stack::State::send_arp(Interface& out, const MacAddress& to, const wire::ArpFields& fields) {
  Buffer* frame = out.port.pool().allocate();
  if (frame == nullptr) {
    ++counters.no_buffer;
    return;
  }
  std::byte* at = frame->append(wire::kEthernetHeaderBytes + wire::kArpBytes);
  wire::emit_ethernet(at, to, out.mac, wire::kEtherTypeArp);
  wire::emit_arp(at + wire::kEthernetHeaderBytes, fields);
  ++counters.arp_sent;
  enqueue(out, frame);
}

void Stack::State::ask(Interface& out, const Neighbour& about, bool broadcast) {
  const LocalPrefix* own = out.on_link(about.address);
  if (own == nullptr) {
    if (out.prefixes.empty()) return;
    own = &out.prefixes[0];
  }
  send_arp(out, broadcast ? wire::kBroadcastMac : wire::load_mac(about.header),
           {.operation = wire::kArpRequest,
            .sender_mac = out.mac,
            .sender_ip = own->address,
            .target_ip = about.address});
}

void Stack::State::announce(Interface& out, uint32_t address) {
  send_arp(
      out, wire::kBroadcastMac,
      {.operation = wire::kArpRequest, .sender_mac = out.mac, .sender_ip = address, .target_ip = address});
}

}  // namespace sluice::ip
