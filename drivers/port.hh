// SPDX-License-Identifier: Apache-2.0
// One core's view of a network port: a pair of receive and transmit queues that carry Ethernet frames. Implemented by
// drivers/ethdev (DPDK) and by the simulated wire (tests/simulation).
#pragma once
#include <array>
#include <cstdint>

#include "drivers/address.hh"
#include "drivers/buffer.hh"

namespace sluice {

struct MacAddress {
  std::array<uint8_t, 6> bytes{};
  bool operator==(const MacAddress&) const = default;
};

// What the port does by itself. Whatever it does not, the stack does in software.
struct PortCapabilities {
  bool transmit_ip_checksum = false;
  bool transmit_tcp_checksum = false;
  bool transmit_udp_checksum = false;
  bool tso = false;
  bool tso_ipv4_only = false;     // IPv6 segments are not cut
  bool transmit_scatter = false;  // chains of several segments may be sent
  uint32_t tso_limit_bytes = 0;   // largest TCP payload of one TSO packet
  uint16_t segments_limit = 0;    // Buffers of one frame that is sent; 0: any number
  bool receive_merged = false;    // segments of a flow come merged (LRO)
};

class Port {
 public:
  virtual ~Port() = default;

  // Up to `limit` received frames; the caller takes them. Frames may be chains. Never blocks.
  virtual unsigned receive(Buffer** frames, unsigned limit) = 0;

  // Sends frames in order; returns how many were accepted. One reference of each accepted frame is taken; the rest stays
  // with the caller. A frame of which the caller keeps a further reference must not be altered by either side until the
  // caller drops it or sends it again.
  virtual unsigned transmit(Buffer** frames, unsigned count) = 0;

  // Where Buffers for this port's transmissions come from.
  virtual BufferPool& pool() = 0;
  virtual MacAddress mac() const = 0;
  virtual uint32_t mtu_bytes() const = 0;  // largest IP packet
  virtual const PortCapabilities& capabilities() const = 0;

  // Whether a packet of this flow that arrives here is given by the port to this queue (RSS); used to pick source ports
  // of outbound connections so that replies come home. Both addresses of one family, ports in host order, as the arriving
  // packet has them.
  virtual bool flow_is_local(const IpAddress& source, const IpAddress& destination, uint16_t source_port,
                             uint16_t destination_port) const {
    (void)source, (void)destination, (void)source_port, (void)destination_port;
    return true;
  }

  // For sleeping: a file descriptor that becomes readable when frames wait, or -1 (the reactor then naps). Call
  // arm_interrupt() before sleeping and look at the queue once more after it; disarm_interrupt() after waking.
  virtual int interrupt_fd() { return -1; }
  virtual void arm_interrupt() {}
  virtual void disarm_interrupt() {}
};

}  // namespace sluice
