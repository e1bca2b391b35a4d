// SPDX-License-Identifier: Apache-2.0
// The IP layer of one core, as the layers above see it: where packets come up from and go down to. Interfaces, routes,
// neighbours, fragments and ICMP live behind it, a file each.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dataplane/core/timer.hh"
#include "drivers/address.hh"
#include "drivers/buffer.hh"
#include "drivers/entropy.hh"
#include "drivers/error.hh"
#include "drivers/frame_sink.hh"
#include "drivers/port.hh"

namespace sluice::ip {

inline constexpr uint8_t kProtocolIcmp = 1, kProtocolIgmp = 2, kProtocolTcp = 6, kProtocolUdp = 17,
                         kProtocolIcmpv6 = 58;

// What the IP layer tells of a packet that it hands up.
struct ReceivedPacket {
  IpAddress source, destination;
  uint8_t protocol = 0;
  uint8_t hop_limit = 0;
  uint8_t traffic_class = 0;  // ECN in the low two bits (RFC 3168)
  uint8_t interface_index = 0;
  bool l4_checksum_verified = false;  // by the port
  bool broadcast = false;             // sent to a broadcast or multicast address; never so for TCP
  uint8_t network_header_bytes = 20;  // length of the IP headers that still lie in front of the packet's data
  bool fragmented = false;            // it came in pieces (IPv6 only: RFC 6980 asks)
  bool more_follow = false;           // the port gave further frames with this one: end_of_burst() comes
  // Of a packet from this host to itself: cores that may still be asked whether it belongs to them (Stack::pass_on).
  uint8_t cores_to_ask = 0;
};

// An ICMP error about something we sent (RFC 792, RFC 1122 section 3.2.2, RFC 4443): already matched to a protocol.
struct IcmpError {
  Error error = Error::kNone;  // what it means for a connection
  bool hard = false;           // RFC 1122 section 4.2.3.9
  uint32_t path_mtu_bytes =
      0;                    // "fragmentation needed", "packet too big": next-hop MTU (RFC 1191, 8201), else 0
  IpAddress local, remote;  // of the packet that caused it
  std::span<const std::byte> l4;  // what it quotes of our L4 header, at least 8 bytes
};

// A protocol above IP: TCP, UDP.
class Protocol {
 public:
  // Takes the packet: the L4 header begins at packet->data, and the chain ends where the IP payload ends. Padding is cut.
  // The first 60 bytes of the payload (or all of it) lie in the first segment.
  virtual void receive(const ReceivedPacket& about, Buffer* packet) = 0;
  virtual void icmp_error(const IcmpError& about) = 0;
  // All packets of the burst that had `more_follow` set have been received.
  virtual void end_of_burst() {}
  // Whether it is worth its while to tell the protocol of a burst before its packets are received.
  virtual bool looks_ahead() const { return false; }
  // A burst as it came from the port, Ethernet header first and nothing verified: only to ask memory for what receive() will
  // read.
  virtual void look_ahead(Buffer* const* frames, unsigned count) {
    (void)frames;
    (void)count;
  }

 protected:
  ~Protocol() = default;
};

// How to reach a destination, as a value that a connection keeps: 12 bytes that stay valid until `generation` of the
// stack moves on (a route or address changed), then the connection asks again.
struct Path {
  // Set in the generation of an IPv6 path: what compares it with the stack's own finds IPv4 at once, and looks on otherwise.
  static constexpr uint32_t kIpv6 = 1u << 31;

  bool is_ipv6() const { return generation & kIpv6; }
  uint32_t generation = 0;
  uint32_t neighbour = UINT32_MAX;  // entry in the neighbour cache
  uint8_t interface_index = 0;
  uint16_t mtu_bytes = 0;  // of the interface, or a smaller path MTU that was learnt
};
static_assert(sizeof(Path) == 12);

struct InterfaceAddress {
  IpAddress address;
  uint8_t prefix_bits = 0;
};

struct InterfaceOptions {
  std::string name;
  std::vector<InterfaceAddress> addresses;
  uint32_t mtu_bytes = 0;  // 0: the port's
  // Of IPv6, which is on when there is an IPv6 address, `autoconfigure` or `obey_routers`. An address of link scope is then
  // made as well.
  bool autoconfigure = false;  // addresses and routers as router advertisements say (RFC 4862)
  bool obey_routers = false;   // routers only: addresses come from elsewhere
  // How often each address is asked for before it is used, a second apart: nobody may answer (RFC 4862 section 5.4).
  uint8_t duplicate_detections = 1;
  // Segments of a flow that come in one burst are put together before TCP looks at them, where the port does not do it.
  bool merge_received = true;
  // Where the port cannot cut large TCP segments (TSO), TCP gives large ones all the same, which are cut on their way to it.
  bool cut_sent = true;
  // Key of the identifiers in addresses that we make (RFC 7217): the same at each start, and on all cores. 0: random.
  std::array<uint64_t, 2> stable_key{};
};

// A route that a server told an interface of (RFC 2132 section 3.5, RFC 3442).
struct LearntRoute {
  uint32_t prefix = 0;  // host order
  uint8_t prefix_bits = 0;
  uint32_t gateway = 0;  // 0: on the link
  bool operator==(const LearntRoute&) const = default;
};

// What a server told an interface for IPv4 (DHCP). Times are none of the stack's: whoever asked the server takes it back.
struct LearntIpv4 {
  static constexpr unsigned kRoutesLimit = 32;
  IpAddress address;  // any: none
  uint8_t prefix_bits = 0;
  uint32_t mtu_bytes = 0;  // 0: not told
  uint8_t routes_count = 0;
  std::array<LearntRoute, kRoutesLimit> routes{};
};

// An IPv6 address that a server gave (DHCPv6), and until when it is good, in the time of the stack's turns.
struct LearntIpv6 {
  IpAddress address;
  uint64_t preferred_until_ns = 0, valid_until_ns = 0;
};

// Who brings an interface its addresses from a server, and hears what becomes of them.
class AddressWatcher {
 public:
  // An address that Stack::probe() asked for, or that was given to learn_ipv6(), was checked: nobody has it, or somebody.
  virtual void checked(uint8_t interface_index, const IpAddress& address, bool free) = 0;
  // Somebody else uses an address of learn_ipv4(), and did not give way when it was defended (RFC 5227 section 2.4).
  virtual void conflict(uint8_t interface_index, const IpAddress& address) = 0;
  // A router said whether addresses, or other things, are to be asked from a server (RFC 4861 section 4.2).
  virtual void advertised(uint8_t interface_index, bool managed, bool other) = 0;

 protected:
  ~AddressWatcher() = default;
};

class Stack {
 public:
  struct Outgoing;
  static constexpr unsigned kReceiveBurst = 64;
  // Frames that wait for the port; beyond it they are dropped, counted.
  static constexpr unsigned kTransmitQueueFrames = 1024;

  // Borrows all; they outlive the stack.
  Stack(TimerWheel& timers, Entropy& entropy);
  ~Stack();

  // Adds an interface over `port`; returns its index. Configuration time only.
  uint8_t add_interface(Port& port, const InterfaceOptions& options);
  // A route to `prefix`/`prefix_bits` through `gateway`, of the same family (`::` or `0.0.0.0` with 0 bits: the default
  // route), which must be on-link of some interface; one of link scope is on that of `interface_index`. Longest prefix wins.
  Error add_route(IpAddress prefix, uint8_t prefix_bits, IpAddress gateway, uint8_t interface_index = 0);
  void set_protocol(uint8_t number, Protocol* protocol);

  // ---- addresses from a server (dataplane/dhcp)
  // Replaces what was learnt for this interface before; what is configured stays, and wins where both say something.
  void learn_ipv4(uint8_t interface_index, const LearntIpv4& what);
  // The same for IPv6: those that are no longer among `addresses` go, new ones are checked for duplicates first.
  void learn_ipv6(uint8_t interface_index, std::span<const LearntIpv6> addresses);
  // Asks whether somebody has this IPv4 address (RFC 5227 section 2.1): the watcher hears checked(). One at a time.
  void probe(uint8_t interface_index, const IpAddress& address);
  void stop_probe(uint8_t interface_index);
  // Datagrams to this UDP port (0: none) that were sent to our Ethernet address are taken in whatever their IPv4 address
  // is: answers to a host that has none yet (RFC 2131 section 4.1).
  void await_address(uint8_t interface_index, uint16_t udp_port);
  void set_address_watcher(AddressWatcher* watcher);  // nullptr: nobody
  // The address of link scope that packets may be sent from; any: none yet.
  IpAddress link_local_address(uint8_t interface_index) const;
  MacAddress mac(uint8_t interface_index) const;
  uint32_t mtu_bytes(uint8_t interface_index) const;  // of IPv4 packets
  // ---- groups (RFC 1112, RFC 3376; RFC 3810)
  // Joins a group on an interface, as often as it is left again: packets to it are taken in, and routers and switches are
  // told. Any source: filters by source are not told. kNoBuffers beyond kGroupsLimit, counted; kInvalid where it is no group,
  // or the interface has not that family.
  static constexpr unsigned kGroupsLimit = 40;  // of programs, on each interface, of each family
  Error join_group(uint8_t interface_index, const IpAddress& group);
  void leave_group(uint8_t interface_index, const IpAddress& group);
  // The interface with this address of ours; that of this name, or with this number as text.
  std::optional<uint8_t> interface_with(const IpAddress& address) const;
  static bool is_to_everybody(const Path& path);  // a broadcast address
  std::optional<uint8_t> interface_named(std::string_view name) const;
  // As find_path(), for a group, on this interface.
  Error find_group_path(uint8_t interface_index, const IpAddress& group, IpAddress& local, Path& path);
  // A copy of a packet to a group or to everybody comes up here with the next receive(), or on another core that has somebody
  // for it. Does not take the packet.
  void loop_group(const Path& path, const Outgoing& about, const Buffer* packet);
  // A way to a group or to everybody (255.255.255.255) on this interface, whatever the routes say; it is good for now.
  Path path_on(uint8_t interface_index, const IpAddress& destination) const;

  // Takes in one burst from each port, hands packets up. Returns whether there was any.
  bool receive(uint64_t now_ns);
  // Sends all queued frames that the ports accept.
  void transmit(uint64_t now_ns);

  // Path to `remote` from `local` (any: then the chosen source address is stored into it, RFC 6724 for IPv6).
  // kNetworkUnreachable without a route, kAddressNotAvailable when `local` is not ours.
  Error find_path(const IpAddress& remote, IpAddress& local, Path& path);
  bool path_is_current(const Path& path) const;
  // A protocol that found an IcmpError with a path MTU to be true (a socket of it exists, the sequence number fits)
  // remembers it for later paths to `remote`: kept 10 minutes (RFC 1191 section 6.3), never below 576 bytes, of IPv6 1280.
  void learn_path_mtu(const IpAddress& remote, uint32_t mtu_bytes);
  // Offloads of the path's port, for the layer above that fills in checksums and TSO requests.
  const PortCapabilities& capabilities(const Path& path) const;
  // Bytes of a packet that the link at the beginning of `path` to `remote` takes, whatever is known of the rest of it.
  uint32_t link_mtu_bytes(const Path& path, const IpAddress& remote) const;
  // A packet of this size has arrived at `remote` (RFC 4821 section 7.8): what a router has said of less is forgotten.
  void path_mtu_confirmed(const IpAddress& remote, uint32_t mtu_bytes);
  BufferPool& pool(const Path& path);
  BufferPool& pool();  // of the first interface

  struct Outgoing {
    IpAddress source, destination;
    uint8_t protocol = 0;
    uint8_t hop_limit = 64;
    uint8_t traffic_class = 0;
    bool may_fragment = false;  // DF is set otherwise; in IPv6 it is us who cut, or nobody
  };
  // Takes an L4 packet (a chain with at least 54 bytes of headroom in front), puts IP and Ethernet headers before it and
  // queues it for the port; waits in the neighbour entry while that is being resolved (a bounded number of packets, the
  // oldest dropped, counted). The packet's transmit flags and l4_bytes are the caller's; l2/l3 and the IP checksum are set
  // here. When the last reference is not the caller's, headers go in front of the same bytes: see Port::transmit.
  // The packet is taken in any case. kMessageTooLong when it does not fit and may not be fragmented; kNoBuffers when the
  // transmit queue is full; kHostUnreachable when the neighbour did not answer of late.
  Error send(const Path& path, const Outgoing& about, Buffer* packet);
  // What a large TCP segment to there may be (Buffer::kTransmitTso). `pieces`: it is a chain of Buffers of which each but the
  // last holds one segment's payload with room for headers in front, and is cut into these before it reaches the port. Else
  // the port cuts it wherever it likes.
  struct LargeSegment {
    uint32_t limit_bytes = 0;  // of payload; 0: none are taken
    uint16_t buffers_limit = 0;
    bool pieces = false;
  };
  LargeSegment large_segment(const Path& path) const;
  // Frames that the path's transmit queue still takes: for a sender that wants to wait rather than have frames dropped.
  unsigned transmit_room(const Path& path) const;
  // Whether frames wait that the ports have not accepted yet, or packets to ourselves: no time to sleep.
  bool has_pending() const;
  // Whether packets wait for an answer to who has their next hop's address: who ends may want to give it a moment.
  bool is_resolving() const;

  // The layer above got an acknowledgement from this neighbour: it is reachable (RFC 4861 section 7.3.1).
  void confirm_neighbour(const Path& path);

  // Where several cores have a queue each of one port, an ARP packet comes to one of them only, and seldom to the one that
  // asked. So the cores tell one another: `listener` gets each ARP packet (28 bytes) and each neighbour or router
  // advertisement and neighbour solicitation (with its IPv6 header, at most kHeardLimitBytes) that came to this core, to be
  // copied to the other cores, which give it to hear_neighbour(): they learn from it by the same rules, and answer nothing.
  static constexpr uint32_t kHeardLimitBytes = 320;  // longer ones are not shared, counted (discovery_limit)
  using NeighbourListener = void (*)(void* context, uint8_t interface_index,
                                     std::span<const std::byte> packet);
  void set_neighbour_listener(NeighbourListener listener, void* context);
  void hear_neighbour(uint8_t interface_index, std::span<const std::byte> packet);

  // ---- packets to ourselves
  // The addresses of the interfaces, all of 127/8 and ::1 are within the process: what is sent there comes back with the next
  // receive(), without a wire. On a wire 127/8 and ::1 are neither taken in nor sent (RFC 1122 section
  // 3.2.1.3, RFC 4291 section 2.5.3).
  //
  // Where the process has several cores, a packet to ourselves comes up on the core that sent it. A protocol that has
  // nobody for it there calls pass_on(), and the next core is asked; when all have been, it comes back to the first with
  // `cores_to_ask` 0, which then refuses it. `passer` takes the packet (its IP header in front) to `core`, which gives it
  // to take_looped(); false: not taken, it could not be passed.
  using LoopPasser = bool (*)(void* context, unsigned core, Buffer* packet);
  void share_loop(unsigned core, unsigned cores, LoopPasser passer, void* context);
  // Takes the packet, whose data is at its L4 header, when there is a core to ask; false when there is none.
  bool pass_on(const ReceivedPacket& about, Buffer* packet);
  void take_looped(Buffer* packet);
  // Gives a packet from anywhere, whose data is at its L4 header and whose checksum was right, to one other core; that one
  // gets it as if it were one to ourselves. False, and not taken, when there is no way.
  bool hand_to(unsigned core, const ReceivedPacket& about, Buffer* packet);

  // Whether it is ours: an interface's, in 127/8, or ::1; also an address of IPv6 that is still being checked for duplicates.
  bool is_local(const IpAddress& address) const;

  // ---- packets that are not ours
  // From now on what arrives on this interface and nobody here wants goes to `sink` (borrowed; nullptr: nowhere), whole:
  // unknown protocols and ethertypes, other addresses and groups, and of our own addresses, where the kernel has them as
  // well (set_kernel_address), what no connection, listener or socket of ours takes. Echo requests and questions for our
  // link address we answer ourselves; other ICMP, ARP and discovery messages go to both.
  void set_exception(uint8_t interface_index, FrameSink* sink);
  // Whether the host kernel has this address on the other side of the sink. Beyond the limit addresses count as only ours.
  static constexpr size_t kKernelAddressesLimit = 256;
  void set_kernel_address(const IpAddress& address, bool present);
  // For a protocol that has nobody for the packet, whose data is at its L4 header: takes it when it is the kernel's, false
  // when it is to be refused. Ask pass_on() before.
  bool give_to_kernel(const ReceivedPacket& about, Buffer* packet);

  struct Hop {
    IpAddress gateway;  // any: on the link
    uint8_t interface_index = 0;
  };
  // The kernel's routes to a prefix are these now; none: it has none any more. kNoBuffers, kInvalid, counted
  // (kernel_routes_refused): not all of them are used.
  Error set_kernel_routes(const IpAddress& prefix, uint8_t prefix_bits, std::span<const Hop> hops);
  // The kernel knows this neighbour: used where we know nothing better.
  void learn_kernel_neighbour(uint8_t interface_index, const IpAddress& address, const MacAddress& mac);

  // `tap` is shown each frame that a port gave us, and each one that is queued for a port, whole, its Ethernet header in
  // front; nullptr: nobody is. Checksums that the port is to fill in are not there yet.
  using FrameTap = void (*)(void* context, uint8_t interface_index, const Buffer* frame, bool outgoing);
  void set_frame_tap(FrameTap tap, void* context);
  // Whether replies of this flow (remote -> local) arrive on this core's queue.
  bool flow_is_local(const Path& path, const Endpoint& local, const Endpoint& remote) const;
  std::optional<IpAddress> first_address() const;
  // All that packets are taken for, IPv4 first.
  std::vector<IpAddress> addresses() const;
  // Sends an ICMP error about a received packet, rate-limited (RFC 1812 section 4.3.2.8). `packet` is not taken; its
  // data is at its L4 header, IP header still in front of it.
  enum class Unreachable : uint8_t { kProtocol = 2, kPort = 3 };
  void send_unreachable(const ReceivedPacket& about, const Buffer* packet, Unreachable code);

  struct Counters {
    uint64_t received_packets = 0, received_bytes = 0, transmitted_packets = 0, transmitted_bytes = 0;
    // Drops by cause.
    uint64_t not_for_us = 0, malformed = 0, bad_checksum = 0, unknown_ethertype = 0, unknown_protocol = 0,
             hop_limit = 0;
    uint64_t source_invalid = 0, source_routed = 0;
    uint64_t fragments_received = 0, reassembled = 0, reassembly_timed_out = 0, reassembly_limit = 0,
             fragment_overlap = 0;
    uint64_t neighbour_queue_dropped = 0, neighbour_failed = 0, neighbour_table_full = 0,
             transmit_queue_full = 0;
    uint64_t no_buffer = 0;
    uint64_t icmp_received = 0, icmp_sent = 0, icmp_rate_limited = 0, echo_replied = 0, arp_received = 0,
             arp_sent = 0;
    uint64_t icmp_malformed = 0, icmp_ignored = 0, address_conflicts = 0, looped_back = 0, fragments_sent = 0;
    uint64_t frames_cut = 0;  // of large segments, in software
    uint64_t loop_passed_on = 0, loop_pass_refused = 0;
    uint64_t given_to_kernel = 0, kernel_routes_refused = 0;
    uint64_t kernel_addresses_refused = 0;  // beyond kKernelAddressesLimit
    uint64_t igmp_received = 0, igmp_sent = 0;
    uint64_t group_limit = 0;  // groups that programs wanted beyond kGroupsLimit
    // Of IPv6.
    uint64_t extension_limit = 0;   // packets with more, or longer, extension headers than are skipped
    uint64_t option_refused = 0;    // packets with an option or header that must not be skipped
    uint64_t discovery_limit = 0;   // addresses, routers, prefixes and groups beyond what an interface keeps
    uint64_t addresses_formed = 0;  // by autoconfiguration
  } counters;

 private:
  struct State;
  State* state_;
};

}  // namespace sluice::ip
