// SPDX-License-Identifier: Apache-2.0
// Words of multicast that both transports understand.
#pragma once
#include <string>

#include "drivers/address.hh"

namespace sluice {

// An interface: by its name or its number as text (the zone of `fe80::1%eth0`), else by an address of its own; neither: as the
// routes have it.
struct InterfaceChoice {
  IpAddress address;
  std::string name;
};

// A group on an interface. With a source only what comes from there is meant (RFC 4607).
struct GroupMembership {
  IpAddress group;
  InterfaceChoice on;
  IpAddress source;  // any: from anybody
};

}  // namespace sluice
