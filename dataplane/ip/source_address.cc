// SPDX-License-Identifier: Apache-2.0
// Which of our IPv6 addresses a packet gets (RFC 6724 section 5). Candidates are those of the outgoing interface; rules 4
// (home addresses), 5 (interfaces), 5.5 (prefixes of a next hop) and 7 (temporary addresses) have no meaning here.
#include "dataplane/ip/state.hh"

namespace sluice::ip {

namespace {

// RFC 6724 section 3.1, with the scopes of RFC 4291 section 2.7.
unsigned scope_of(const IpAddress& address) {
  constexpr unsigned kLink = 2, kSite = 5, kGlobal = 14;
  if (is_multicast(address)) return address.bytes[1] & 15;
  if (is_link_local(address) || is_loopback(address)) return kLink;
  if (address.bytes[0] == 0xfe && (address.bytes[1] & 0xc0) == 0xc0) return kSite;
  return kGlobal;
}

// The default policy table (section 2.1), its labels.
unsigned label_of(const IpAddress& address) {
  if (is_loopback(address)) return 0;
  if (address.is_v4()) return 4;
  if (address.bytes[0] == 0x20 && address.bytes[1] == 0x02) return 2;  // 6to4
  if (address.bytes[0] == 0x20 && address.bytes[1] == 0x01 && address.bytes[2] == 0 && address.bytes[3] == 0)
    return 5;                                        // Teredo
  if ((address.bytes[0] & 0xfe) == 0xfc) return 13;  // unique local
  if (address.bytes[0] == 0xfe && (address.bytes[1] & 0xc0) == 0xc0) return 11;
  if (address.bytes[0] == 0x3f && address.bytes[1] == 0xfe) return 12;
  return 1;
}

// Whether `a` is the better source for `destination`.
bool better(const LocalAddress& a, const LocalAddress& b, const IpAddress& destination) {
  // Rule 1: the destination itself.
  if ((a.address == destination) != (b.address == destination)) return a.address == destination;
  // Rule 2: the appropriate scope.
  const unsigned wanted = scope_of(destination), scope_a = scope_of(a.address), scope_b = scope_of(b.address);
  if (scope_a < scope_b) return scope_a >= wanted;
  if (scope_b < scope_a) return scope_b < wanted;
  // What is still being checked comes after what is not; rule 3: deprecated ones too.
  if (a.usable() != b.usable()) return a.usable();
  const bool deprecated_a = a.state == AddressState::kDeprecated,
             deprecated_b = b.state == AddressState::kDeprecated;
  if (deprecated_a != deprecated_b) return deprecated_b;
  // Rule 6: the destination's label.
  const bool label_a = label_of(a.address) == label_of(destination),
             label_b = label_of(b.address) == label_of(destination);
  if (label_a != label_b) return label_a;
  // Rule 8: the longest matching prefix, no longer than the source's own.
  const auto match = [&](const LocalAddress& own) {
    const unsigned bits = common_prefix_bits(own.address, destination);
    return bits < own.prefix_bits ? bits : own.prefix_bits;
  };
  return match(a) > match(b);
}

}  // namespace

const LocalAddress* Stack::State::choose_source(const Interface& out, const IpAddress& destination) const {
  const LocalAddress* best = nullptr;
  for (const auto& own : out.ipv6.addresses)
    if (own->may_be_source() && (best == nullptr || better(*own, *best, destination))) best = own.get();
  return best;
}

}  // namespace sluice::ip
