// SPDX-License-Identifier: Apache-2.0
// What routers tell (RFC 4861 section 6.3): default routers with their preferences (RFC 4191), prefixes on the link, MTU and
// hop limit, and the prefixes to form addresses in (RFC 4862 section 5.5). Only where the interface autoconfigures: else
// everything comes from the configuration and advertisements are ignored.
#include <algorithm>

#include "dataplane/ip/state.hh"

namespace sluice::ip {

namespace {

constexpr size_t kFixedBytes = 16;              // of an advertisement, up to the options
constexpr size_t kPrefixInformationBytes = 32;  // RFC 4861 section 4.6.2
constexpr uint64_t kSolicitationIntervalNs = 4 * kNanosecondsPerSecond;
constexpr uint64_t kTwoHoursNs = 7200 * kNanosecondsPerSecond;
constexpr uint64_t kLongestWaitNs =
    24 * 3600 * kNanosecondsPerSecond;                        // of the expiry timer, then it looks again
constexpr uint64_t kForDuplicatesNs = kNanosecondsPerSecond;  // RFC 4862 section 5.4.2: not all at once

// When something of this lifetime in seconds ends; all ones: never.
uint64_t end_of(uint64_t now_ns, uint32_t seconds) {
  return seconds == UINT32_MAX ? UINT64_MAX : now_ns + seconds * kNanosecondsPerSecond;
}

}  // namespace

void Stack::State::send_router_solicitation(Interface& out) {
  if (out.ipv6.solicitations_left == 0) return;
  if (--out.ipv6.solicitations_left > 0) timers.arm(out.ipv6.solicit_timer, now_ns + kSolicitationIntervalNs);
  Buffer* message = out.port.pool().allocate();
  if (message == nullptr) {
    ++counters.no_buffer;
    return;
  }
  wire::emit_icmpv6(message->append(wire::kIcmpv6HeaderBytes), wire::kIcmpv6RouterSolicitation, 0, 0);
  // From nobody as long as we have no address: the answer then goes to all.
  const LocalAddress* own = out.ipv6.link_local();
  if (own != nullptr) {
    std::byte* at = message->append(8);
    wire::store_8(at, wire::kOptionSourceLinkAddress);
    wire::store_8(at + 1, 1);
    wire::store_mac(at + 2, out.mac);
  }
  send_on_link(out, own ? own->address : IpAddress{}, kAllRouters, message);
}

void Stack::State::input_router_advertisement(Interface& in, const ReceivedPacket& about,
                                              std::span<const std::byte> message) {
  Ipv6Interface& ipv6 = in.ipv6;
  if (!ipv6.obeys_routers) {
    ++counters.icmp_ignored;
    return;
  }
  // RFC 4861 section 6.1.2; all options are looked at before any is obeyed.
  bool good = message.size() >= kFixedBytes && is_link_local(about.source);
  for (size_t at = kFixedBytes; good && at < message.size();) {
    const size_t length = at + 2 <= message.size() ? size_t{wire::load_8(&message[at + 1])} * 8 : 0;
    good = length > 0 && at + length <= message.size();
    at += length;
  }
  if (!good) {
    ++counters.icmp_malformed;
    return;
  }
  if (const uint8_t hop_limit = wire::load_8(&message[4]); hop_limit != 0) ipv6.hop_limit = hop_limit;
  const uint32_t lifetime = wire::load_16(&message[6]);
  // RFC 4191 section 2.2: 01 high, 11 low, 10 is to be taken for medium.
  const unsigned bits = wire::load_8(&message[5]) >> 3 & 3;
  const auto preference = static_cast<int8_t>(bits == 1 ? 1 : bits == 3 ? -1 : 0);
  learn_router(in, about.source, lifetime * kNanosecondsPerSecond, preference);
  if (lifetime > 0) {
    ipv6.solicitations_left = 0;
    timers.cancel(ipv6.solicit_timer);
  }
  for (size_t at = kFixedBytes; at < message.size();) {
    const size_t length = size_t{wire::load_8(&message[at + 1])} * 8;
    const auto option = message.subspan(at, length);
    at += length;
    switch (wire::load_8(&option[0])) {
      case wire::kOptionSourceLinkAddress: learn_link_address(in, about.source, option.subspan(2, 6)); break;
      case wire::kOptionMtu: {
        const uint32_t mtu_bytes = wire::load_32(&option[4]);
        if (mtu_bytes < wire::kIpv6MinimumMtuBytes || mtu_bytes > in.mtu_bytes || mtu_bytes == ipv6.mtu_bytes)
          break;
        ipv6.mtu_bytes = mtu_bytes;
        ++generation;
        break;
      }
      case wire::kOptionPrefixInformation:
        if (length == kPrefixInformationBytes) input_prefix(in, option);
        break;
      default: break;
    }
  }
  if (Neighbour* entry = neighbours.find(about.source, in.index)) entry->is_router = true;
  arm_expiry(in);
  constexpr uint8_t kManaged = 0x80, kOther = 0x40;
  const uint8_t flags = wire::load_8(&message[5]);
  if (address_watcher != nullptr)
    address_watcher->advertised(in.index, (flags & kManaged) != 0, (flags & kOther) != 0);
}

void Stack::State::learn_router(Interface& in, const IpAddress& router, uint64_t lifetime_ns,
                                int8_t preference) {
  auto& routers = in.ipv6.routers;
  const auto known =
      std::find_if(routers.begin(), routers.end(), [&](const auto& each) { return each.address == router; });
  if (lifetime_ns == 0) {
    if (known == routers.end()) return;
    routers.erase(known);
    ++generation;
    return;
  }
  if (known != routers.end()) {
    if (known->preference != preference) ++generation;
    known->preference = preference;
    known->expires_ns = now_ns + lifetime_ns;
    return;
  }
  if (routers.size() == Ipv6Interface::kRoutersLimit) {
    ++counters.discovery_limit;
    return;
  }
  routers.push_back({router, now_ns + lifetime_ns, preference});
  ++generation;
}

void Stack::State::input_prefix(Interface& in, std::span<const std::byte> option) {
  constexpr uint8_t kOnLink = 0x80, kAutonomous = 0x40;
  const uint8_t bits = wire::load_8(&option[2]), flags = wire::load_8(&option[3]);
  const uint32_t valid = wire::load_32(&option[4]), preferred = wire::load_32(&option[8]);
  IpAddress prefix;
  std::memcpy(prefix.bytes.data(), &option[16], 16);
  if (bits > 128 || is_link_local(prefix) || is_multicast(prefix) || bits == 0) return;
  prefix = masked(prefix, bits);

  if (flags & kOnLink) {
    if (valid == 0) {
      if (ipv6_routes.forget(prefix, bits, in.index)) ++generation;
    } else {
      const bool known = ipv6_routes.on_link(prefix, in.index);
      if (!known && ipv6_routes.learnt(in.index) >= Ipv6Interface::kPrefixesLimit) {
        ++counters.discovery_limit;
      } else if (ipv6_routes.add({.prefix = prefix,
                                  .prefix_bits = bits,
                                  .interface_index = in.index,
                                  .expires_ns = end_of(now_ns, valid),
                                  .learnt = true}) == Error::kNone &&
                 !known) {
        ++generation;
      }
    }
  }
  // RFC 4862 section 5.5.3; an identifier has 64 bits (RFC 7217 section 5).
  if (!in.ipv6.autoconfigures || !(flags & kAutonomous) || preferred > valid || bits != 64) return;
  for (const auto& own : in.ipv6.addresses) {
    if (own->origin != AddressOrigin::kAutoconfigured || !in_prefix(own->address, prefix, bits)) continue;
    own->preferred_until_ns = end_of(now_ns, preferred);
    const uint64_t end_ns = end_of(now_ns, valid);
    // Section 5.5.3 e: nobody shortens it to less than two hours with a forged advertisement.
    if (end_ns > own->valid_until_ns || end_ns > now_ns + kTwoHoursNs) {
      own->valid_until_ns = end_ns;
    } else if (own->valid_until_ns > now_ns + kTwoHoursNs) {
      own->valid_until_ns = now_ns + kTwoHoursNs;
    }
    const bool preferred_now = own->preferred_until_ns > now_ns;
    if (own->usable() && preferred_now != (own->state == AddressState::kPreferred)) {
      own->state = preferred_now ? AddressState::kPreferred : AddressState::kDeprecated;
      ++generation;
    }
    return;
  }
  if (valid == 0) return;
  LocalAddress own;
  own.address = prefix;
  own.prefix_bits = bits;
  own.origin = AddressOrigin::kAutoconfigured;
  own.preferred_until_ns = end_of(now_ns, preferred);
  own.valid_until_ns = end_of(now_ns, valid);
  form_identifier(in, own);
  if (in.ipv6.find(own.address) != nullptr) return;  // configured, by chance or on purpose
  add_local_address(in, own, 1 + (in.ipv6.detections ? random_delay_ns(kForDuplicatesNs) : 0));
}

void Stack::State::expire_ipv6(Interface& in) {
  Ipv6Interface& ipv6 = in.ipv6;
  bool changed = ipv6_routes.expire(now_ns) > 0;
  changed |= std::erase_if(ipv6.routers, [&](const auto& each) { return each.expires_ns <= now_ns; }) > 0;
  for (size_t i = ipv6.addresses.size(); i-- > 0;) {
    LocalAddress& own = *ipv6.addresses[i];
    if (own.valid_until_ns <= now_ns) {
      remove_local_address(in, own);
    } else if (own.state == AddressState::kPreferred && own.preferred_until_ns <= now_ns) {
      own.state = AddressState::kDeprecated;
      changed = true;
    }
  }
  if (changed) ++generation;
  arm_expiry(in);
}

void Stack::State::arm_expiry(Interface& in) {
  uint64_t next_ns = ipv6_routes.next_expiry_ns();
  for (const DefaultRouter& router : in.ipv6.routers) next_ns = std::min(next_ns, router.expires_ns);
  for (const auto& own : in.ipv6.addresses) {
    next_ns = std::min(next_ns, own->valid_until_ns);
    if (own->state == AddressState::kPreferred || own->preferred_until_ns > now_ns)
      next_ns = std::min(next_ns, own->preferred_until_ns);
  }
  if (next_ns != UINT64_MAX)
    timers.arm(in.ipv6.expiry_timer,
               std::clamp(next_ns, now_ns + kNanosecondsPerMillisecond, now_ns + kLongestWaitNs));
}

}  // namespace sluice::ip
