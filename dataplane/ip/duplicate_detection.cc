// SPDX-License-Identifier: Apache-2.0
// IPv6 addresses of ours from the wish to their use: identifiers that say nothing of the machine (RFC 7217), the check that
// nobody else has them (RFC 4862 section 5.4), and what happens when somebody has.
#include <algorithm>

#include "dataplane/ip/state.hh"

namespace sluice::ip {

namespace {

constexpr uint64_t kRetransmitNs = kNanosecondsPerSecond;  // RFC 4861 section 10: "RETRANS_TIMER"
constexpr unsigned kIdentifierTries = 3;                   // RFC 7217 section 6: "IDGEN_RETRIES"
constexpr uint64_t kIdentifierDelayNs = kNanosecondsPerSecond;

// RFC 5453: those of the router anycast address, of other subnet anycast addresses and of proxies.
bool is_reserved_identifier(uint64_t identifier) {
  return identifier == 0 || (identifier >= 0xfdffffffffffff80 && identifier <= 0xfdffffffffffffff) ||
         identifier >> 24 == 0x02005efffe;
}

}  // namespace

void Stack::State::enable_ipv6(Interface& in, const InterfaceOptions& options) {
  Ipv6Interface& ipv6 = in.ipv6;
  const bool wanted = options.autoconfigure || options.obey_routers ||
                      std::any_of(options.addresses.begin(), options.addresses.end(),
                                  [](const auto& own) { return !own.address.is_v4(); });
  // RFC 8200 section 5: a link that carries less is none for IPv6.
  if (!wanted || in.mtu_bytes < wire::kIpv6MinimumMtuBytes) return;
  if (ipv6_identifications[0] == 0 && ipv6_identifications[1] == 0)
    entropy.fill(std::as_writable_bytes(std::span(ipv6_identifications)));
  ipv6.enabled = true;
  ipv6.obeys_routers = options.autoconfigure || options.obey_routers;
  ipv6.autoconfigures = options.autoconfigure;
  ipv6.detections = options.duplicate_detections;
  ipv6.mtu_bytes = in.mtu_bytes;
  ipv6.stable_key = {options.stable_key[0], options.stable_key[1]};
  if (options.stable_key[0] == 0 && options.stable_key[1] == 0) ipv6.stable_key = HashKey::from(entropy);
  for (InterfaceTimer* timer : {&ipv6.solicit_timer, &ipv6.expiry_timer, &ipv6.report_timer}) {
    timer->owner = this;
    timer->interface_index = in.index;
  }
  const auto on_timer = [](InterfaceTimer& timer, auto handle) { timer.fire = handle; };
  on_timer(
      ipv6.solicit_timer, +[](Timer& timer, uint64_t at_ns) {
        auto& mine = static_cast<InterfaceTimer&>(timer);
        auto& state = *static_cast<State*>(mine.owner);
        state.now_ns = at_ns;
        state.send_router_solicitation(*state.interfaces[mine.interface_index]);
      });
  on_timer(
      ipv6.expiry_timer, +[](Timer& timer, uint64_t at_ns) {
        auto& mine = static_cast<InterfaceTimer&>(timer);
        auto& state = *static_cast<State*>(mine.owner);
        state.now_ns = at_ns;
        state.expire_ipv6(*state.interfaces[mine.interface_index]);
      });
  on_timer(
      ipv6.report_timer, +[](Timer& timer, uint64_t at_ns) {
        auto& mine = static_cast<InterfaceTimer&>(timer);
        auto& state = *static_cast<State*>(mine.owner);
        state.now_ns = at_ns;
        state.report_groups(*state.interfaces[mine.interface_index]);
      });

  LocalAddress link_local;
  link_local.address.bytes[0] = 0xfe;
  link_local.address.bytes[1] = 0x80;
  link_local.prefix_bits = 64;
  link_local.origin = AddressOrigin::kLinkLocal;
  SLUICE_ASSERT(
      ipv6_routes.add({.prefix = link_local.address, .prefix_bits = 10, .interface_index = in.index}) ==
      Error::kNone);
  const bool has_link_local =
      std::any_of(options.addresses.begin(), options.addresses.end(),
                  [](const auto& own) { return !own.address.is_v4() && is_link_local(own.address); });
  if (!has_link_local) {
    form_identifier(in, link_local);
    add_local_address(in, link_local, 0);
  }
  for (const InterfaceAddress& wish : options.addresses) {
    if (wish.address.is_v4()) continue;
    SLUICE_ASSERT(wish.prefix_bits <= 128);
    LocalAddress own;
    own.address = wish.address;
    own.prefix_bits = wish.prefix_bits;
    SLUICE_ASSERT(ipv6_routes.add(
                      {.prefix = own.address, .prefix_bits = own.prefix_bits, .interface_index = in.index}) ==
                  Error::kNone);
    add_local_address(in, own, 0);
  }
  if (ipv6.obeys_routers) {
    // RFC 4861 section 6.3.7: not all hosts of a building at once when the power comes back.
    ipv6.solicitations_left = 3;
    timers.arm(ipv6.solicit_timer, now_ns + random_delay_ns(kNanosecondsPerSecond));
  }
}

LocalAddress* Stack::State::add_local_address(Interface& in, const LocalAddress& like, uint64_t delay_ns) {
  if (in.ipv6.addresses.size() == Ipv6Interface::kAddressesLimit) {
    ++counters.discovery_limit;
    return nullptr;
  }
  in.ipv6.addresses.push_back(std::make_unique<LocalAddress>(like));
  LocalAddress& own = *in.ipv6.addresses.back();
  own.owner = this;
  own.interface_index = in.index;
  own.detections_left = in.ipv6.detections;
  own.fire = [](Timer& timer, uint64_t at_ns) {
    auto& mine = static_cast<LocalAddress&>(timer);
    auto& state = *static_cast<State*>(mine.owner);
    state.now_ns = at_ns;
    state.local_address_timer(*state.interfaces[mine.interface_index], mine);
  };
  join_group(in, solicited_node(own.address));
  if (delay_ns == 0)
    local_address_timer(in, own);
  else
    timers.arm(own, now_ns + delay_ns);
  return &own;
}

void Stack::State::remove_local_address(Interface& in, LocalAddress& own) {
  timers.cancel(own);
  leave_group(in, solicited_node(own.address));
  std::erase_if(in.ipv6.addresses, [&](const auto& each) { return each.get() == &own; });
  list_local_addresses();
  ++generation;
}

void Stack::State::local_address_timer(Interface& in, LocalAddress& own) {
  if (own.detections_left == 0) return local_address_ready(in, own);
  --own.detections_left;
  send_solicitation(in, IpAddress{}, solicited_node(own.address), own.address);
  timers.arm(own, now_ns + kRetransmitNs);
}

void Stack::State::local_address_ready(Interface& in, LocalAddress& own) {
  own.state = own.preferred_until_ns > now_ns ? AddressState::kPreferred : AddressState::kDeprecated;
  if (own.origin == AddressOrigin::kAutoconfigured) ++counters.addresses_formed;
  list_local_addresses();
  ++generation;
  if (own.origin == AddressOrigin::kServer && address_watcher != nullptr)
    address_watcher->checked(in.index, own.address, true);
  // Those who could not be asked for want of an address to ask from.
  neighbours.for_each([&](Neighbour& entry) {
    if (entry.interface_index != in.index || entry.address.is_v4() ||
        entry.state != NeighbourState::kIncomplete)
      return;
    entry.solicitations = 1;
    timers.arm(entry, now_ns + kRetransmitNs);
    solicit(in, entry, true);
  });
}

void Stack::State::local_address_duplicate(Interface& in, LocalAddress& own) {
  ++counters.address_conflicts;
  timers.cancel(own);
  leave_group(in, solicited_node(own.address));
  const bool of_our_making =
      own.origin == AddressOrigin::kLinkLocal || own.origin == AddressOrigin::kAutoconfigured;
  if (of_our_making && own.identifier_tries < kIdentifierTries) {
    ++own.identifier_tries;
    form_identifier(in, own);
    own.detections_left = in.ipv6.detections;
    join_group(in, solicited_node(own.address));
    timers.arm(own, now_ns + kIdentifierDelayNs);
  } else {
    own.state = AddressState::kDuplicate;
  }
  list_local_addresses();
  ++generation;
  // Last: it may take the address away.
  if (own.origin == AddressOrigin::kServer && address_watcher != nullptr)
    address_watcher->checked(in.index, own.address, false);
}

void Stack::State::list_local_addresses() {
  local_ipv6.clear();
  for (const auto& each : interfaces)
    for (const auto& own : each->ipv6.addresses)
      if (own->usable()) local_ipv6.push_back(own->address);
}

// RFC 7217 section 5: F(prefix, interface, DAD counter, key), the lower half of the address.
void Stack::State::form_identifier(const Interface& in, LocalAddress& own) {
  uint64_t identifier;
  for (uint64_t again = 0;; ++again) {
    identifier = KeyedHash(in.ipv6.stable_key)
                     .add(address_half(own.address, 0))
                     .add(in.mac_as_word)
                     .add(own.identifier_tries | again << 8)
                     .finish();
    if (!is_reserved_identifier(identifier)) break;
  }
  for (int i = 0; i < 8; ++i) own.address.bytes[8 + i] = static_cast<uint8_t>(identifier >> (56 - 8 * i));
}

}  // namespace sluice::ip
