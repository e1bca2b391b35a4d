// SPDX-License-Identifier: Apache-2.0
// What lies behind ip::Stack: the state of all mechanisms, and the calls between them. Private to this room; each group of
// functions is defined in the file that is named before it.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/ip/interface.hh"
#include "dataplane/ip/neighbour.hh"
#include "dataplane/ip/path_mtu.hh"
#include "dataplane/ip/rate_limit.hh"
#include "dataplane/ip/reassembly.hh"
#include "dataplane/ip/routes.hh"
#include "dataplane/ip/stack.hh"
#include "dataplane/wire/arp.hh"
#include "dataplane/wire/ipv4.hh"

namespace sluice::ip {

struct Stack::State {
  // ICMP errors that we send.
  static constexpr uint32_t kIcmpErrorsPerSecond = 1000, kIcmpErrorBurst = 50;
  static constexpr unsigned kInterfacesLimit = 64;
  static constexpr unsigned kLoopQueuePackets = kTransmitQueueFrames;

  State(Stack& stack, TimerWheel& its_timers, Entropy& entropy);
  ~State();

  Stack& stack;
  Counters& counters;
  TimerWheel& timers;
  uint64_t now_ns;
  uint32_t generation = 1;
  std::vector<std::unique_ptr<Interface>> interfaces;
  std::vector<uint32_t> local_addresses;  // of all interfaces, host order
  Routes routes;
  NeighbourCache neighbours;
  Reassembly reassembly;
  struct OwnedTimer : Timer {
    State* owner = nullptr;
  } reassembly_timer;
  PathMtuCache path_mtus;
  RateLimit icmp_errors;
  std::array<Protocol*, 256> protocols{};
  ArpListener arp_listener = nullptr;
  void* arp_listener_context = nullptr;
  FrameTap frame_tap = nullptr;
  void* frame_tap_context = nullptr;
  // Packets to ourselves, with their IP headers; delivered by the next receive().
  BufferQueue loop_queue;
  unsigned loop_count = 0;
  unsigned loop_core = 0, loop_cores = 1;  // this core, and how many share packets to themselves
  LoopPasser loop_passer = nullptr;
  void* loop_passer_context = nullptr;
  // Identification of packets that may be fragmented: a counter for each group of destinations, so that one peer does not
  // see how much is sent to others.
  std::array<uint16_t, 256> identifications;
  uint64_t identification_key;

  bool is_local(uint32_t address) const {
    for (uint32_t own : local_addresses)
      if (own == address) return true;
    return false;
  }

  static bool is_loopback(uint32_t address) { return address >> 24 == 127; }

  // What a looped packet carries in Buffer::user: the interface that it counts as coming from, and how many cores may still
  // be asked whether it is theirs.
  static uint16_t loop_tag(unsigned interface_index, unsigned cores_to_ask) {
    return static_cast<uint16_t>(interface_index | cores_to_ask << 8);
  }
  static uint8_t loop_interface(uint16_t tag) { return static_cast<uint8_t>(tag & 0xff); }
  static uint8_t loop_cores_to_ask(uint16_t tag) { return static_cast<uint8_t>(tag >> 8); }

  // ipv4_input.cc
  void input_frame(Interface& in, Buffer* frame);
  void input_ipv4(Interface& in, Buffer* packet, bool group_frame);
  void deliver(const ReceivedPacket& about, Buffer* packet);
  void reassemble(const ReceivedPacket& about, const wire::Ipv4View& header, Buffer* packet);
  void reassembly_expired();

  // ipv4_output.cc
  Error output(Interface& out, uint32_t neighbour, uint32_t path_mtu_bytes, const Outgoing& about,
               Buffer* packet);
  Error output_fragments(Interface& out, uint32_t neighbour, uint32_t mtu_bytes, const Outgoing& about,
                         Buffer* packet);
  Error output_frame(Interface& out, uint32_t neighbour, uint32_t destination, Buffer* packet);
  Error enqueue(Interface& out, Buffer* frame);
  Error loop_back(Interface& out, const Outgoing& about, Buffer* packet);
  void deliver_looped();
  uint16_t next_identification(uint32_t destination, uint8_t protocol);

  // loopback.cc
  void give_to_core(unsigned core, unsigned cores_to_ask, const ReceivedPacket& about, Buffer* packet);

  // neighbour.cc
  Error output_unresolved(Interface& out, Neighbour& to, Buffer* packet);
  void neighbour_learnt(Neighbour& entry, const MacAddress& mac, bool confirmed);
  void neighbour_confirmed(Neighbour& entry);
  void neighbour_timer(Neighbour& entry);
  void neighbour_failed(Neighbour& entry);

  // arp.cc
  void input_arp(Interface& in, Buffer* packet);
  void learn_from_arp(Interface& in, const wire::ArpFields& fields);
  void send_arp(Interface& out, const MacAddress& to, const wire::ArpFields& fields);
  void ask(Interface& out, const Neighbour& about, bool broadcast);
  void announce(Interface& out, uint32_t address);

  // icmp.cc
  void input_icmp(const ReceivedPacket& about, Buffer* packet);
  void input_icmp_error(const ReceivedPacket& about, const Buffer* packet);
  void send_icmp_error(const ReceivedPacket& about, const Buffer* packet, uint8_t type, uint8_t code);
};

}  // namespace sluice::ip
