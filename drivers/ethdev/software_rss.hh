// SPDX-License-Identifier: Apache-2.0
// What a NIC's receive-side scaling does, in software, for ports that have several queues and no such thing (a tap, a
// shared-memory wire): which of several queues a frame's flow belongs to. Same fields, same key as we give a NIC.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "drivers/address.hh"

namespace sluice::ethdev {

// The queue, below `queues`, to which a received Ethernet frame belongs, or -1 when it belongs to none in particular (ARP,
// neighbour discovery, what is not IP): such a frame stays where it came.
//
// TCP and UDP go by addresses and ports, an ICMP error by the flow that it quotes, everything else by addresses: fragments
// too, since only the first of them has ports. Both directions of a flow go to one queue. `frame` is the first segment;
// nothing is assumed of it.
int software_rss_queue(std::span<const std::byte> frame, unsigned queues);

// The same for a TCP or UDP flow; both addresses of one family.
unsigned software_rss_queue(const IpAddress& source, const IpAddress& destination, uint16_t source_port,
                            uint16_t destination_port, unsigned queues);

}  // namespace sluice::ethdev
