// SPDX-License-Identifier: Apache-2.0
// The Fast Open cookie (RFC 7413 section 4.1.2) that Linux gives a client under a key: scripts hold such cookies, and where one
// is right there it stands for the one that is right here.
#pragma once
#include <array>
#include <cstddef>
#include <string>

#include "drivers/address.hh"

namespace sluice::packetdrill {

// SipHash-2-4 over both IPv4 addresses, the client's first; eight bytes.
std::string linux_cookie(const std::array<std::byte, 16>& key, const IpAddress& client,
                         const IpAddress& server);

}  // namespace sluice::packetdrill
