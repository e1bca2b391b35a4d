// SPDX-License-Identifier: Apache-2.0
// What lies behind ip::Stack: the state of all mechanisms, and the calls between them. Private to this room; each group of
// functions is defined in the file that is named before it.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/ip/interface.hh"
#include "dataplane/ip/ipv6_routes.hh"
#include "dataplane/ip/neighbour.hh"
#include "dataplane/ip/path_mtu.hh"
#include "dataplane/ip/rate_limit.hh"
#include "dataplane/ip/reassembly.hh"
#include "dataplane/ip/routes.hh"
#include "dataplane/ip/stack.hh"
#include "dataplane/wire/arp.hh"
#include "dataplane/wire/icmpv6.hh"
#include "dataplane/wire/ipv4.hh"
#include "dataplane/wire/ipv6.hh"

namespace sluice::ip {

struct Stack::State {
  // ICMP errors that we send.
  static constexpr uint32_t kIcmpErrorsPerSecond = 1000, kIcmpErrorBurst = 50;
  static constexpr unsigned kInterfacesLimit = 64;
  static constexpr unsigned kLoopQueuePackets = kTransmitQueueFrames;
  static constexpr uint16_t kCutLimitFrames = 48;  // of one large segment
  // What Protocol::receive promises to find in the first segment.
  static constexpr uint32_t kContiguousBytes = 60;
  static constexpr uint16_t kL4Requests =
      Buffer::kTransmitTcpChecksum | Buffer::kTransmitUdpChecksum | Buffer::kTransmitTso;

  State(Stack& stack, TimerWheel& its_timers, Entropy& its_entropy);
  ~State();

  Stack& stack;
  Counters& counters;
  TimerWheel& timers;
  Entropy& entropy;
  uint64_t now_ns;
  uint32_t generation = 1;
  bool more_follow = false;  // of the frame that is being received
  std::vector<std::unique_ptr<Interface>> interfaces;
  std::vector<uint32_t> local_addresses;  // of all interfaces, host order
  std::vector<IpAddress> local_ipv6;      // those that packets are taken for
  Routes routes;
  Ipv6Routes ipv6_routes;
  Routes kernel_routes;
  Ipv6Routes kernel_ipv6_routes;
  std::vector<IpAddress> kernel_addresses;
  NeighbourCache neighbours;
  Reassembly reassembly;
  struct OwnedTimer : Timer {
    State* owner = nullptr;
  } reassembly_timer;
  PathMtuCache path_mtus;
  RateLimit icmp_errors;
  std::array<Protocol*, 256> protocols{};
  NeighbourListener neighbour_listener = nullptr;
  void* neighbour_listener_context = nullptr;
  AddressWatcher* address_watcher = nullptr;
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
  std::array<uint32_t, 256> ipv6_identifications{};  // drawn when IPv6 is first switched on

  bool is_local(uint32_t address) const {
    for (uint32_t own : local_addresses)
      if (own == address) return true;
    return false;
  }
  bool is_local(const IpAddress& address) const {  // of IPv6
    for (const IpAddress& own : local_ipv6)
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

  // Which of several equal routes packets to `remote` take: always the same one, and nothing that a stranger can foretell.
  uint32_t spread_of(const IpAddress& remote) const {
    const uint64_t sum = address_half(remote, 0) * 3 + address_half(remote, 1);
    return static_cast<uint32_t>((sum ^ sum >> 31) * identification_key >> 33);
  }

  // The longest prefix; of two alike the configuration's.
  const Route* find_route(uint32_t to, uint32_t spread) const {
    const Route* const own = routes.find(to, spread);
    const Route* const kernels = kernel_routes.find(to, spread);
    return kernels != nullptr && (own == nullptr || kernels->mask > own->mask) ? kernels : own;
  }
  const Ipv6Route* find_route(const IpAddress& to, uint32_t spread) const {
    const Ipv6Route* const own = ipv6_routes.find(to, spread);
    const Ipv6Route* const kernels = kernel_ipv6_routes.find(to, spread);
    return kernels != nullptr && (own == nullptr || kernels->prefix_bits > own->prefix_bits) ? kernels : own;
  }

  // exception.cc
  // Takes the packet, whose data is right behind its Ethernet header, when the interface has somewhere to give it.
  bool to_kernel(Interface& in, Buffer* packet);
  // The same, and what stays here is dropped and counted.
  void not_ours(Interface& in, Buffer* packet, uint64_t& counter);

  // ipv4_input.cc
  void input_frame(Interface& in, Buffer* frame);
  void input_ipv4(Interface& in, Buffer* packet, bool group_frame);
  void deliver(const ReceivedPacket& about, Buffer* packet);
  void reassemble(const ReceivedPacket& about, const wire::Ipv4View& header, Buffer* packet);
  void add_fragment(const Reassembly::Fragment& fragment, const ReceivedPacket& about, Buffer* packet);
  void deliver_reassembled(ReceivedPacket& about, Buffer* whole);
  void reassembly_expired();

  // ipv4_output.cc
  Error output(Interface& out, uint32_t neighbour, uint32_t path_mtu_bytes, const Outgoing& about,
               Buffer* packet);
  Error output_fragments(Interface& out, uint32_t neighbour, uint32_t mtu_bytes, const Outgoing& about,
                         Buffer* packet);
  Error output_frame(Interface& out, uint32_t neighbour, uint32_t destination, Buffer* packet);
  Error enqueue(Interface& out, Buffer* frame);
  // cut.cc
  Error enqueue_cut(Interface& out, Buffer* whole);
  Error loop_back(Interface& out, const Outgoing& about, Buffer* packet);
  void deliver_looped();
  uint16_t next_identification(uint32_t destination, uint8_t protocol);
  // Completes a checksum that was left to the port, because the port will not see the packet in one piece.
  static void finish_l4_checksum(Buffer* packet);
  // The packet in one Buffer, with its requests; nullptr, counted, when there is none. Takes `packet`.
  Buffer* flattened(Interface& out, Buffer* packet);

  // loopback.cc
  void give_to_core(unsigned core, unsigned cores_to_ask, const ReceivedPacket& about, Buffer* packet);

  // neighbour.cc
  Error output_unresolved(Interface& out, Neighbour& to, Buffer* packet);
  void neighbour_learnt(Neighbour& entry, const MacAddress& mac, bool confirmed);
  void neighbour_confirmed(Neighbour& entry);
  void neighbour_timer(Neighbour& entry);
  void neighbour_failed(Neighbour& entry);
  // Tells the protocol of this IPv6 packet that it will not get there.
  void neighbour_failed_for(const Buffer& packet);

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

  // ipv6_input.cc
  void input_ipv6(Interface& in, Buffer* packet, bool group_frame);
  // Goes on with a packet whose data begins with a header of the kind `next_header`, which is named at byte `next_at` of
  // the packet. `first`: right behind the IPv6 header.
  void process_ipv6(ReceivedPacket& about, Buffer* packet, uint8_t next_header, uint32_t next_at, bool first);
  void reassemble_ipv6(const ReceivedPacket& about, const wire::FragmentFields& fields, Buffer* packet);
  void deliver_ipv6(const ReceivedPacket& about, Buffer* packet, uint32_t next_at);
  void deliver_looped_ipv6(Buffer* packet);

  // ipv6_output.cc
  Error output_ipv6(Interface& out, uint32_t neighbour, uint32_t path_mtu_bytes, const Outgoing& about,
                    Buffer* packet);
  Error output_ipv6_fragments(Interface& out, uint32_t neighbour, uint32_t mtu_bytes, const Outgoing& about,
                              Buffer* packet);
  Error output_ipv6_frame(Interface& out, uint32_t neighbour, const IpAddress& destination, Buffer* packet);
  Error loop_back_ipv6(Interface& out, const Outgoing& about, Buffer* packet);
  uint32_t flow_label_of(const Outgoing& about, const Buffer* packet) const;

  // ipv6_paths.cc
  Error find_ipv6_path(const IpAddress& remote, IpAddress& local, Path& path);
  // The interface whose address this is, tentative or not; nullptr when it is none of ours.
  Interface* interface_of(const IpAddress& address) const;
  const DefaultRouter* default_router(Interface*& out);

  // source_address.cc
  // The best address of ours for packets to `destination` through `out` (RFC 6724 section 5); nullptr when there is none.
  const LocalAddress* choose_source(const Interface& out, const IpAddress& destination) const;

  // icmpv6.cc
  void input_icmpv6(const ReceivedPacket& about, Buffer* packet);
  void input_icmpv6_error(const ReceivedPacket& about, const Buffer* packet);
  void reply_to_echo(const ReceivedPacket& about, Buffer* packet);
  // `also_multicast`: of those errors that may be about a packet to a group (RFC 4443 section 2.4 e).
  void send_icmpv6_error(const ReceivedPacket& about, const Buffer* packet, uint8_t type, uint8_t code,
                         uint32_t rest, bool also_multicast = false);
  static void set_icmpv6_checksum(Buffer* message, const IpAddress& source, const IpAddress& destination);
  // Completes the checksum of a message and sends it through `out`, to a group or a neighbour. Takes `message`.
  void send_on_link(Interface& out, const IpAddress& source, const IpAddress& destination, Buffer* message);

  // address_probe.cc
  void probe_timer(Interface& in);
  // What an ARP packet from another station means for the address that is being probed.
  void probe_hears(Interface& in, const wire::ArpFields& fields);

  // igmp.cc
  Error join_ipv4_group(Interface& in, uint32_t group);
  void leave_ipv4_group(Interface& in, uint32_t group);
  void input_igmp(const ReceivedPacket& about, Buffer* packet);
  void input_igmp_message(Interface& in, std::span<const std::byte> message, uint8_t hop_limit);
  void report_ipv4_groups(Interface& in);
  void send_igmp(Interface& out, uint32_t destination, Buffer* message);
  unsigned igmp_version(const Interface& in) const;

  // groups.cc
  // Whether a packet to this group is taken in on this interface.
  bool takes_group(const Interface& in, uint32_t group, uint8_t protocol) const;

  // learnt.cc
  void list_learnt_routes();

  // neighbour_discovery.cc
  void input_solicitation(Interface& in, const ReceivedPacket& about, std::span<const std::byte> message,
                          bool answer);
  void input_advertisement(Interface& in, const ReceivedPacket& about, std::span<const std::byte> message);
  void hear_neighbour_discovery(Interface& in, const wire::Ipv6View& header,
                                std::span<const std::byte> message);
  void learn_link_address(Interface& in, const IpAddress& neighbour, std::span<const std::byte> address);
  void solicit(Interface& out, const Neighbour& about, bool multicast);
  void send_solicitation(Interface& out, const IpAddress& source, const IpAddress& destination,
                         const IpAddress& target);
  void send_advertisement(Interface& out, const LocalAddress& own, const IpAddress& to, uint32_t flags);

  // duplicate_detection.cc
  void enable_ipv6(Interface& in, const InterfaceOptions& options);
  // kNoBuffers at the interface's limit, counted.
  LocalAddress* add_local_address(Interface& in, const LocalAddress& like, uint64_t delay_ns);
  void remove_local_address(Interface& in, LocalAddress& own);
  void local_address_timer(Interface& in, LocalAddress& own);
  void local_address_ready(Interface& in, LocalAddress& own);
  void local_address_duplicate(Interface& in, LocalAddress& own);
  void list_local_addresses();
  static void form_identifier(const Interface& in, LocalAddress& own);
  uint64_t random_delay_ns(uint64_t below_ns) { return entropy.u64() % below_ns; }

  // router_discovery.cc
  void input_router_advertisement(Interface& in, const ReceivedPacket& about,
                                  std::span<const std::byte> message);
  void input_prefix(Interface& in, std::span<const std::byte> option);
  void learn_router(Interface& in, const IpAddress& router, uint64_t lifetime_ns, int8_t preference);
  void send_router_solicitation(Interface& out);
  void expire_ipv6(Interface& in);
  void arm_expiry(Interface& in);

  // multicast_listener.cc
  bool join_group(Interface& in, const IpAddress& group);  // false: at the limit, counted
  void leave_group(Interface& in, const IpAddress& group);
  void input_listener_query(Interface& in, const ReceivedPacket& about, std::span<const std::byte> message);
  void report_groups(Interface& in);
};

}  // namespace sluice::ip
