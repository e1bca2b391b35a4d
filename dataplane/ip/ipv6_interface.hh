// SPDX-License-Identifier: Apache-2.0
// What an interface knows of IPv6: its addresses and what they have been through, the groups it listens to, and what routers
// told it. The rules are in duplicate_detection.cc, router_discovery.cc and multicast_listener.cc.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/core/keyed_hash.hh"
#include "dataplane/core/timer.hh"
#include "dataplane/ip/ipv6_address.hh"

namespace sluice::ip {

enum class AddressState : uint8_t {
  kTentative,   // being checked for duplicates (RFC 4862 section 5.4); takes and sends nothing
  kPreferred,   // in use
  kDeprecated,  // in use by those who have it already (RFC 4862 section 5.5.4)
  kDuplicate,   // somebody else has it
};
enum class AddressOrigin : uint8_t { kConfigured, kLinkLocal, kAutoconfigured, kServer };

// A timer that knows whose it is.
struct InterfaceTimer : Timer {
  void* owner = nullptr;  // the stack's state
  uint8_t interface_index = 0;
};

struct LocalAddress : InterfaceTimer {
  IpAddress address;
  uint8_t prefix_bits = 0;
  AddressState state = AddressState::kTentative;
  AddressOrigin origin = AddressOrigin::kConfigured;
  uint8_t detections_left = 0;   // solicitations to be sent yet
  uint8_t identifier_tries = 0;  // "DAD_Counter" of RFC 7217 section 5
  uint64_t preferred_until_ns = UINT64_MAX, valid_until_ns = UINT64_MAX;

  bool usable() const { return state == AddressState::kPreferred || state == AddressState::kDeprecated; }
  // Whether packets may be made with it: they wait for the check where it was configured, since there is no other.
  bool may_be_source() const {
    return usable() || (state == AddressState::kTentative &&
                        (origin == AddressOrigin::kConfigured || origin == AddressOrigin::kLinkLocal));
  }
};

// A router that offers itself as a default (RFC 4861 section 6.3.4).
struct DefaultRouter {
  IpAddress address;
  uint64_t expires_ns = 0;
  int8_t preference = 0;  // -1, 0, 1 (RFC 4191 section 2.1)
};

// A group that we listen to, and what its routers are still to be told (RFC 3810).
struct MulticastGroup {
  IpAddress group;
  uint16_t members = 0;      // addresses of ours that want it; 0: it is being left
  uint8_t reports_left = 0;  // of the last change
};

struct Ipv6Interface {
  // What strangers on the link can make us keep.
  static constexpr unsigned kAddressesLimit = 16, kRoutersLimit = 8, kPrefixesLimit = 16, kGroupsLimit = 60;

  bool enabled = false;
  bool obeys_routers = false;   // router advertisements are obeyed
  bool autoconfigures = false;  // and addresses are formed as they say
  uint8_t hop_limit = 64;       // of what we send
  uint8_t detections = 1;       // "DupAddrDetectTransmits"; 0: no check for duplicates
  uint32_t mtu_bytes = 0;       // the port's, or less when a router says so
  HashKey stable_key;           // "secret_key" of RFC 7217
  std::vector<std::unique_ptr<LocalAddress>> addresses;
  std::vector<DefaultRouter> routers;  // best first is not kept: there are few
  std::vector<MulticastGroup> groups;
  unsigned solicitations_left = 0;
  bool answers_query = false;  // a query asked for all groups
  InterfaceTimer solicit_timer, expiry_timer, report_timer;

  LocalAddress* find(const IpAddress& address) const {
    for (const auto& own : addresses)
      if (own->address == address) return own.get();
    return nullptr;
  }
  bool listens_to(const IpAddress& group) const {
    if (group == kAllNodes) return true;
    for (const MulticastGroup& each : groups)
      if (each.group == group && each.members > 0) return true;
    return false;
  }
  // The address of link scope, when it may be used.
  const LocalAddress* link_local() const {
    for (const auto& own : addresses)
      if (own->usable() && is_link_local(own->address)) return own.get();
    return nullptr;
  }
};

}  // namespace sluice::ip
