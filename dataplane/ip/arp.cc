// SPDX-License-Identifier: Apache-2.0
// ARP (RFC 826), with the conflict rules of RFC 5227 as far as a host with fixed addresses needs them.
#include "dataplane/ip/state.hh"

namespace sluice::ip {

// RFC 5227 section 2.4 (b): an address is defended at most once in this time, or two of the kind would fight forever.
static constexpr uint64_t kDefendIntervalNs = 10 * kNanosecondsPerSecond;

void Stack::State::input_arp(Interface& in, Buffer* packet) {
  ++counters.arp_received;
  const auto fields = wire::parse_arp(packet->bytes());
  const bool known_operation =
      fields && (fields->operation == wire::kArpRequest || fields->operation == wire::kArpReply);
  if (!known_operation || wire::is_group(fields->sender_mac) || fields->sender_mac == MacAddress{}) {
    ++counters.malformed;
    release(packet);
    return;
  }
  if (neighbour_listener != nullptr)
    neighbour_listener(neighbour_listener_context, in.index, packet->bytes().first(wire::kArpBytes));
  // Who asks for us has our answer; all else is news for the kernel as well, or a question for an address of its own.
  const bool asks_for_us = fields->operation == wire::kArpRequest && in.owns(fields->target_ip);
  if (asks_for_us || !to_kernel(in, packet)) release(packet);
  probe_hears(in, *fields);
  if (in.owns(fields->sender_ip)) {
    if (fields->sender_mac == in.mac) return;  // our own announcement, come back
    ++counters.address_conflicts;
    if (in.defended_ns == 0 || now_ns - in.defended_ns >= kDefendIntervalNs) {
      in.defended_ns = now_ns;
      announce(in, fields->sender_ip);
    } else if (in.learnt.address == IpAddress::v4(fields->sender_ip) && address_watcher != nullptr) {
      address_watcher->conflict(in.index, in.learnt.address);  // what a server gave, it can give anew
    }
    return;
  }
  learn_from_arp(in, *fields);
  if (asks_for_us) {
    send_arp(in, fields->sender_mac,
             {.operation = wire::kArpReply,
              .sender_mac = in.mac,
              .target_mac = fields->sender_mac,
              .sender_ip = fields->target_ip,
              .target_ip = fields->sender_ip});
  }
}

void Stack::State::learn_from_arp(Interface& in, const wire::ArpFields& fields) {
  // A sender of 0 probes for conflicts and tells nothing about itself.
  const uint32_t sender = fields.sender_ip;
  if (sender == 0 || in.owns(sender) || in.is_broadcast(sender)) return;
  // In no network of ours, but a route of the kernel's says that it is on the link.
  if (!in.on_link(sender) && neighbours.find(IpAddress::v4(sender), in.index) == nullptr) return;
  // Neighbours are learnt from those who ask for us (they are about to talk to us), and from others only when there is an
  // entry already.
  const bool asks_for_us = fields.operation == wire::kArpRequest && in.owns(fields.target_ip);
  Neighbour* entry = asks_for_us ? &neighbours.find_or_add(IpAddress::v4(sender), in.index, now_ns)
                                 : neighbours.find(IpAddress::v4(sender), in.index);
  if (entry == nullptr || (entry->state == NeighbourState::kIdle && !asks_for_us)) return;
  // An answer to a question of ours is proof that the neighbour hears us; anything else is only news of its address.
  const bool we_asked = entry->state == NeighbourState::kIncomplete ||
                        entry->state == NeighbourState::kProbe || entry->state == NeighbourState::kDelay;
  const bool confirmed = fields.operation == wire::kArpReply && we_asked && fields.target_mac == in.mac;
  neighbour_learnt(*entry, fields.sender_mac, confirmed);
}

void Stack::set_neighbour_listener(NeighbourListener listener, void* context) {
  state_->neighbour_listener = listener;
  state_->neighbour_listener_context = context;
}

void Stack::hear_neighbour(uint8_t interface_index, std::span<const std::byte> packet) {
  if (interface_index >= state_->interfaces.size()) return;
  Interface& in = *state_->interfaces[interface_index];
  if (const auto header = wire::Ipv6View::parse(packet)) {
    state_->hear_neighbour_discovery(in, *header, packet.subspan(wire::kIpv6HeaderBytes));
  } else if (const auto igmp = wire::Ipv4View::parse(packet); igmp && igmp->protocol() == kProtocolIgmp) {
    state_->input_igmp_message(in, packet.subspan(igmp->header_bytes()), igmp->hop_limit());
  } else if (const auto fields = wire::parse_arp(packet)) {
    state_->probe_hears(in, *fields);
    state_->learn_from_arp(in, *fields);
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
  if (!about.address.is_v4()) return solicit(out, about, broadcast);
  const uint32_t target = about.address.v4();
  const LocalPrefix* own = out.on_link(target);
  if (own == nullptr) {
    if (out.prefixes.empty()) return;
    own = &out.prefixes[0];
  }
  send_arp(out, broadcast ? wire::kBroadcastMac : wire::load_mac(about.header),
           {.operation = wire::kArpRequest,
            .sender_mac = out.mac,
            .sender_ip = own->address,
            .target_ip = target});
}

void Stack::State::announce(Interface& out, uint32_t address) {
  send_arp(
      out, wire::kBroadcastMac,
      {.operation = wire::kArpRequest, .sender_mac = out.mac, .sender_ip = address, .target_ip = address});
}

}  // namespace sluice::ip
