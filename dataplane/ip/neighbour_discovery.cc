// SPDX-License-Identifier: Apache-2.0
// Neighbour solicitations and advertisements (RFC 4861 section 7): what ARP is to IPv4. Redirects are not obeyed. What was
// checked before: the hop limit, the checksum, the code, and that the message came in one piece (icmpv6.cc).
#include <optional>

#include "dataplane/ip/state.hh"

namespace sluice::ip {

namespace {

constexpr size_t kFixedBytes = wire::kIcmpv6HeaderBytes + 16;  // up to the options
constexpr uint32_t kLinkAddressOptionBytes = 8;

// The link address in the option `wanted`, empty when there is none; nullopt when the options are malformed (RFC 4861
// section 7.1.1: one of length 0).
std::optional<std::span<const std::byte>> link_address(std::span<const std::byte> options, uint8_t wanted) {
  std::span<const std::byte> found;
  while (!options.empty()) {
    if (options.size() < 2) return std::nullopt;
    const size_t length = size_t{wire::load_8(&options[1])} * 8;
    if (length == 0 || length > options.size()) return std::nullopt;
    if (wire::load_8(&options[0]) == wanted && length == kLinkAddressOptionBytes)
      found = options.subspan(2, 6);
    options = options.subspan(length);
  }
  return found;
}

void append_link_address(Buffer* message, uint8_t option, const MacAddress& mac) {
  std::byte* at = message->append(kLinkAddressOptionBytes);
  wire::store_8(at, option);
  wire::store_8(at + 1, 1);
  wire::store_mac(at + 2, mac);
}

bool is_stations(std::span<const std::byte> mac) {
  const MacAddress address = wire::load_mac(mac.data());
  return !wire::is_group(address) && address != MacAddress{};
}

}  // namespace

void Stack::State::learn_link_address(Interface& in, const IpAddress& neighbour,
                                      std::span<const std::byte> address) {
  if (address.empty() || !is_stations(address)) return;
  neighbour_learnt(neighbours.find_or_add(neighbour, in.index, now_ns), wire::load_mac(address.data()),
                   false);
}

void Stack::State::input_solicitation(Interface& in, const ReceivedPacket& about,
                                      std::span<const std::byte> message, bool answer) {
  const auto target = wire::Icmpv6View::parse(message)->target();
  const auto source_mac =
      target ? link_address(message.subspan(kFixedBytes), wire::kOptionSourceLinkAddress) : std::nullopt;
  const bool from_nobody = is_unspecified(about.source);
  // RFC 4861 section 7.1.1.
  if (!source_mac || is_multicast(*target) ||
      (from_nobody && (about.destination != solicited_node(*target) || !source_mac->empty()))) {
    ++counters.icmp_malformed;
    return;
  }
  LocalAddress* own = in.ipv6.find(*target);
  if (own == nullptr) return;  // many share a solicited-node group
  if (!own->usable()) {
    // RFC 4862 section 5.4.3: another one wants this address as well. From somebody: it cannot be about us.
    if (from_nobody && own->state == AddressState::kTentative) local_address_duplicate(in, *own);
    return;
  }
  if (!from_nobody) learn_link_address(in, about.source, *source_mac);
  if (!answer) return;
  if (from_nobody)
    send_advertisement(in, *own, kAllNodes, wire::kAdvertisedOverride);
  else
    send_advertisement(in, *own, about.source, wire::kAdvertisedSolicited | wire::kAdvertisedOverride);
}

void Stack::State::input_advertisement(Interface& in, const ReceivedPacket& about,
                                       std::span<const std::byte> message) {
  const auto view = wire::Icmpv6View::parse(message);
  const auto target = view->target();
  const auto told =
      target ? link_address(message.subspan(kFixedBytes), wire::kOptionTargetLinkAddress) : std::nullopt;
  const bool solicited = view->rest() & wire::kAdvertisedSolicited,
             overrides = view->rest() & wire::kAdvertisedOverride;
  // RFC 4861 section 7.1.2.
  if (!told || is_multicast(*target) || (is_multicast(about.destination) && solicited) ||
      is_unspecified(about.source) || (!told->empty() && !is_stations(*told))) {
    ++counters.icmp_malformed;
    return;
  }
  if (LocalAddress* own = in.ipv6.find(*target)) {
    // RFC 4862 section 5.4.4.
    if (own->state == AddressState::kTentative) {
      local_address_duplicate(in, *own);
    } else if (own->usable()) {
      ++counters.address_conflicts;
    }
    return;
  }
  Neighbour* entry = neighbours.find(*target, in.index);
  if (entry == nullptr || entry->state == NeighbourState::kIdle) return;  // RFC 4861 section 7.2.5
  const bool was_router = entry->is_router;
  if (!entry->mac_known()) {
    if (told->empty()) return;
    entry->is_router = view->rest() & wire::kAdvertisedRouter;
    neighbour_learnt(*entry, wire::load_mac(told->data()),
                     solicited && entry->state == NeighbourState::kIncomplete);
    return;
  }
  const MacAddress known = wire::load_mac(entry->header);
  const MacAddress mac = told->empty() ? known : wire::load_mac(told->data());
  if (!overrides && mac != known) {
    // Somebody may speak for it, but not in place of what is known: that is to be checked.
    if (entry->state == NeighbourState::kReachable) entry->state = NeighbourState::kStale;
    return;
  }
  entry->is_router = view->rest() & wire::kAdvertisedRouter;
  neighbour_learnt(*entry, mac, solicited);
  // RFC 4861 section 7.2.5: it has stopped being a router.
  if (was_router && !entry->is_router) learn_router(in, *target, 0, 0);
}

void Stack::State::hear_neighbour_discovery(Interface& in, const wire::Ipv6View& header,
                                            std::span<const std::byte> message) {
  const auto view = wire::Icmpv6View::parse(message);
  if (!view || !in.ipv6.enabled) return;
  const ReceivedPacket about{.source = header.source(),
                             .destination = header.destination(),
                             .protocol = kProtocolIcmpv6,
                             .hop_limit = header.hop_limit(),
                             .interface_index = in.index};
  switch (view->type()) {
    case wire::kIcmpv6NeighbourSolicitation: return input_solicitation(in, about, message, false);
    case wire::kIcmpv6NeighbourAdvertisement: return input_advertisement(in, about, message);
    case wire::kIcmpv6RouterAdvertisement: return input_router_advertisement(in, about, message);
    case wire::kIcmpv6MulticastListenerQuery: return input_listener_query(in, about, message);
    default: return;
  }
}

void Stack::State::solicit(Interface& out, const Neighbour& about, bool multicast) {
  // RFC 4861 section 7.2.2: from the address of the packet that waits, else from one of the link. Before any of ours is
  // known to be nobody else's there is nothing to ask from: local_address_ready() asks again.
  const LocalAddress* own = nullptr;
  if (about.pending_count > 0) {
    const auto header = wire::Ipv6View::parse(about.pending[0]->bytes());
    if (header) own = out.ipv6.find(header->source());
    if (own != nullptr && own->state == AddressState::kTentative) return;
  }
  if (own == nullptr || !own->usable()) own = out.ipv6.link_local();
  if (own == nullptr) {
    own = choose_source(out, about.address);
    if (own == nullptr || !own->usable()) return;
  }
  send_solicitation(out, own->address, multicast ? solicited_node(about.address) : about.address,
                    about.address);
}

void Stack::State::send_solicitation(Interface& out, const IpAddress& source, const IpAddress& destination,
                                     const IpAddress& target) {
  Buffer* message = out.port.pool().allocate();
  if (message == nullptr) {
    ++counters.no_buffer;
    return;
  }
  wire::emit_icmpv6(message->append(wire::kIcmpv6HeaderBytes), wire::kIcmpv6NeighbourSolicitation, 0, 0);
  message->append(target.bytes.data(), 16);
  if (!is_unspecified(source)) append_link_address(message, wire::kOptionSourceLinkAddress, out.mac);
  send_on_link(out, source, destination, message);
}

void Stack::State::send_advertisement(Interface& out, const LocalAddress& own, const IpAddress& to,
                                      uint32_t flags) {
  Buffer* message = out.port.pool().allocate();
  if (message == nullptr) {
    ++counters.no_buffer;
    return;
  }
  wire::emit_icmpv6(message->append(wire::kIcmpv6HeaderBytes), wire::kIcmpv6NeighbourAdvertisement, 0, flags);
  message->append(own.address.bytes.data(), 16);
  append_link_address(message, wire::kOptionTargetLinkAddress, out.mac);
  send_on_link(out, own.address, to, message);
}

}  // namespace sluice::ip
