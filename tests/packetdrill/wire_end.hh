// SPDX-License-Identifier: Apache-2.0
// The script's end of the wire: frames made from what a script says, frames received as segments to be compared. Answers
// ARP; has no TCP.
#pragma once
#include <cstdint>
#include <deque>
#include <vector>

#include "drivers/address.hh"
#include "tests/packetdrill/script.hh"
#include "tests/simulation/simulation.hh"

namespace sluice::packetdrill {

// A TCP segment with the numbers that are on the wire.
struct Segment {
  uint16_t source_port = 0, destination_port = 0;
  uint32_t sequence = 0, acknowledgement = 0;
  uint8_t flags = 0, ecn = 0;
  uint16_t window = 0, urgent = 0;
  std::vector<TcpOption> options;
  uint32_t length = 0;
  uint64_t at_ns = 0;  // received
};

class WireEnd {
 public:
  // Its address on the wire; what is sent to any address of the host's network comes here.
  WireEnd(simulation::Simulation& world, IpAddress own, IpAddress host, MacAddress host_mac);
  ~WireEnd();

  void send(const Segment& segment);
  // An ICMP error that quotes `about`, a segment of the host.
  void send_icmp(const PacketEvent::Icmp& icmp, const Segment& about);
  std::deque<Segment> received;

 private:
  bool turn();
  void take(std::span<const std::byte> frame);
  void send_frame(uint8_t protocol, uint8_t ecn, std::span<const std::byte> payload);

  simulation::Simulation& world_;
  const IpAddress own_, host_;
  const MacAddress host_mac_;
  simulation::SimulatedPort& port_;
  TimerWheel timers_;
};

}  // namespace sluice::packetdrill
