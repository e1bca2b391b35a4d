// SPDX-License-Identifier: Apache-2.0
// ip::Stack: configuration, paths, and the two ends of a turn.
#include "dataplane/ip/stack.hh"

#include <algorithm>

#include "dataplane/core/cycles.hh"
#include "dataplane/ip/ipv6_address.hh"
#include "dataplane/ip/state.hh"
#include "dataplane/wire/icmp.hh"

namespace sluice::ip {

Stack::State::State(Stack& its_stack, TimerWheel& its_timers, Entropy& its_entropy)
    : stack(its_stack),
      counters(its_stack.counters),
      timers(its_timers),
      entropy(its_entropy),
      now_ns(its_timers.now_ns()),
      neighbours(its_timers, entropy, its_stack.counters),
      reassembly(its_stack.counters),
      icmp_errors(kIcmpErrorsPerSecond, kIcmpErrorBurst),
      identification_key(entropy.u64() | 1) {
  entropy.fill(std::as_writable_bytes(std::span(identifications)));
  reassembly_timer.owner = this;
  reassembly_timer.fire = [](Timer& timer, uint64_t at_ns) {
    State& state = *static_cast<OwnedTimer&>(timer).owner;
    state.now_ns = at_ns;
    state.reassembly_expired();
  };
}

Stack::State::~State() {
  timers.cancel(reassembly_timer);
  for (const auto& each : interfaces) {
    for (Timer* timer : {&each->ipv6.solicit_timer, &each->ipv6.expiry_timer, &each->ipv6.report_timer})
      timers.cancel(*timer);
    timers.cancel(each->probe);
    timers.cancel(each->groups.timer);
    for (const auto& own : each->ipv6.addresses) timers.cancel(*own);
  }
}

Stack::Stack(TimerWheel& timers, Entropy& entropy) : state_(new State(*this, timers, entropy)) {}
Stack::~Stack() { delete state_; }

uint8_t Stack::add_interface(Port& port, const InterfaceOptions& options) {
  State& s = *state_;
  SLUICE_ASSERT(s.interfaces.size() < State::kInterfacesLimit);
  const auto index = static_cast<uint8_t>(s.interfaces.size());
  s.interfaces.push_back(std::make_unique<Interface>(port, index, options));
  Interface& added = *s.interfaces.back();
  for (const LocalPrefix& own : added.prefixes) {
    s.local_addresses.push_back(own.address);
    SLUICE_ASSERT(s.routes.add(own.address & own.mask, static_cast<uint8_t>(__builtin_popcount(own.mask)), 0,
                               index) == Error::kNone);
    s.announce(added, own.address);
  }
  s.enable_ipv6(added, options);
  ++s.generation;
  return index;
}

Error Stack::add_route(IpAddress prefix, uint8_t prefix_bits, IpAddress gateway, uint8_t interface_index) {
  State& s = *state_;
  if (!gateway.is_v4() && !gateway.is_any()) {
    if (is_local(gateway) || is_multicast(gateway) || (prefix.is_v4() && !prefix.is_any()) ||
        interface_index >= s.interfaces.size())
      return Error::kInvalid;
    for (const auto& each : s.interfaces) {
      if (is_link_local(gateway) ? each->index != interface_index || !each->ipv6.enabled
                                 : !s.ipv6_routes.on_link(gateway, each->index))
        continue;
      ++s.generation;
      return s.ipv6_routes.add({.prefix = prefix.is_any() ? IpAddress{} : prefix,
                                .gateway = gateway,
                                .prefix_bits = prefix_bits,
                                .interface_index = each->index});
    }
    return Error::kNetworkUnreachable;
  }
  if (!gateway.is_v4() || gateway.is_any() || s.is_local(gateway.v4())) return Error::kInvalid;
  // Any (all zero) stands for 0.0.0.0 too.
  if (!prefix.is_v4() && !prefix.is_any()) return Error::kInvalid;
  for (const auto& each : s.interfaces) {
    if (each->on_link(gateway.v4()) == nullptr) continue;
    ++s.generation;
    return s.routes.add(prefix.is_v4() ? prefix.v4() : 0, prefix_bits, gateway.v4(), each->index);
  }
  return Error::kNetworkUnreachable;
}

void Stack::set_protocol(uint8_t number, Protocol* protocol) { state_->protocols[number] = protocol; }

bool Stack::receive(uint64_t now_ns) {
  State& s = *state_;
  s.now_ns = now_ns;
  bool any = s.loop_count > 0;
  if (any) s.deliver_looped();
  for (const auto& each : s.interfaces) {
    Buffer* frames[kReceiveBurst];
    const unsigned count = each->port.receive(frames, kReceiveBurst);
    if (count == 0) continue;
    any = true;
    counters.received_packets += count;
    if (s.frame_tap != nullptr) [[unlikely]]
      for (unsigned i = 0; i < count; ++i) s.frame_tap(s.frame_tap_context, each->index, frames[i], false);
    constexpr unsigned kAhead = 3;
    // Headers begin wherever their sender put them: the Ethernet header may end one line, the others begin the next.
    const auto prefetch = [](const Buffer* frame) {
      __builtin_prefetch(frame->data);
      __builtin_prefetch(frame->data + 64);
    };
    Protocol* const tcp = s.protocols[kProtocolTcp];
    const bool all_ahead = tcp && tcp->looks_ahead();
    const unsigned ahead = all_ahead ? count : std::min(count, kAhead);
    for (unsigned i = 0; i < ahead; ++i) prefetch(frames[i]);
    if (all_ahead) tcp->look_ahead(frames, count);
    for (unsigned i = 0; i < count; ++i) {
      if (i + kAhead < count && !all_ahead) prefetch(frames[i + kAhead]);
      counters.received_bytes += frames[i]->next_segment ? frames[i]->chain_length() : frames[i]->length;
      s.more_follow = each->merge_received && i + 1 < count;
      s.input_frame(*each, frames[i]);
    }
    s.more_follow = false;
    if (tcp) tcp->end_of_burst();
  }
  return any;
}

void Stack::transmit(uint64_t now_ns) {
  State& s = *state_;
  s.now_ns = now_ns;
  for (const auto& each : s.interfaces) each->queue.flush(each->port);
}

Error Stack::find_path(const IpAddress& remote, IpAddress& local, Path& path) {
  State& s = *state_;
  if (remote.is_any()) return Error::kNetworkUnreachable;
  if (!remote.is_v4()) return s.find_ipv6_path(remote, local, path);
  const uint32_t to = remote.v4();
  const bool choose_local = local.is_any();
  if (!choose_local && !is_local(local)) return Error::kAddressNotAvailable;
  path.generation = s.generation;

  if (is_local(remote)) [[unlikely]] {
    if (s.interfaces.empty()) return Error::kNetworkUnreachable;
    // All of 127/8 is one host, whose name is 127.0.0.1.
    if (choose_local) local = State::is_loopback(to) ? IpAddress::v4(0x7f000001) : remote;
    path.interface_index = 0;
    for (const auto& each : s.interfaces)
      for (const LocalPrefix& own : each->prefixes)
        if (own.address == to) path.interface_index = each->index;
    path.neighbour = NeighbourCache::kOurselves;
    path.mtu_bytes = static_cast<uint16_t>(s.interfaces[path.interface_index]->mtu_bytes);
    return Error::kNone;
  }

  // RFC 1122 section 3.2.1.3 (g): a loopback address is in no packet outside of a host.
  if (!choose_local && State::is_loopback(local.v4())) return Error::kNetworkUnreachable;
  const Route* route = s.find_route(to, s.spread_of(remote));
  uint32_t next_hop = to;
  const bool limited_broadcast = to == 0xffffffff, multicast = to >> 28 == 14;
  if (limited_broadcast || multicast) {
    // By the interface of the chosen address, else where the default route or the first interface is.
    if (s.interfaces.empty()) return Error::kNetworkUnreachable;
    path.interface_index = route ? route->interface_index : 0;
    if (!choose_local) {
      for (const auto& each : s.interfaces)
        for (const LocalPrefix& own : each->prefixes)
          if (own.address == local.v4()) path.interface_index = each->index;
    }
  } else {
    if (route == nullptr) return Error::kNetworkUnreachable;
    path.interface_index = route->interface_index;
    if (route->gateway != 0) next_hop = route->gateway;
  }
  Interface& out = *s.interfaces[path.interface_index];
  if (choose_local) {
    const LocalPrefix* own = out.on_link(next_hop);
    if (own == nullptr && !out.prefixes.empty()) own = &out.prefixes[0];
    if (own == nullptr) return Error::kAddressNotAvailable;
    local = IpAddress::v4(own->address);
  }
  path.mtu_bytes = static_cast<uint16_t>(s.path_mtus.find(remote, out.mtu_bytes, s.now_ns));
  if (multicast) {
    path.neighbour = NeighbourCache::kMulticast;
  } else if (out.is_broadcast(to)) {
    path.neighbour = NeighbourCache::kBroadcast;
  } else {
    path.neighbour = s.neighbours.find_or_add(IpAddress::v4(next_hop), out.index, s.now_ns).handle;
  }
  return Error::kNone;
}

bool Stack::path_is_current(const Path& path) const {
  if (path.generation != state_->generation && path.generation != (state_->generation | Path::kIpv6))
    return false;
  return (!NeighbourCache::is_entry(path.neighbour) ||
          state_->neighbours.by_handle(path.neighbour) != nullptr);
}

void Stack::learn_path_mtu(const IpAddress& remote, uint32_t mtu_bytes) {
  state_->path_mtus.learn(remote, mtu_bytes, state_->now_ns);
}

uint32_t Stack::link_mtu_bytes(const Path& path, const IpAddress& remote) const {
  const Interface& out = *state_->interfaces[path.interface_index];
  return remote.is_v4() ? out.mtu_bytes : out.ipv6.mtu_bytes;
}

void Stack::path_mtu_confirmed(const IpAddress& remote, uint32_t mtu_bytes) {
  state_->path_mtus.raise(remote, mtu_bytes);
}

const PortCapabilities& Stack::capabilities(const Path& path) const {
  return state_->interfaces[path.interface_index]->capabilities;
}
BufferPool& Stack::pool(const Path& path) { return state_->interfaces[path.interface_index]->port.pool(); }
BufferPool& Stack::pool() { return state_->interfaces.front()->port.pool(); }

Error Stack::send(const Path& path, const Outgoing& about, Buffer* packet) {
  const cycles::Scope stage(cycles::Stage::kPacket);
  State& s = *state_;
  if (path.generation != s.generation || (NeighbourCache::is_entry(path.neighbour) &&
                                          s.neighbours.by_handle(path.neighbour) == nullptr)) [[unlikely]] {
    if (path.is_ipv6() && path_is_current(path))
      return s.output_ipv6(*s.interfaces[path.interface_index], path.neighbour, path.mtu_bytes, about,
                           packet);
    Path fresh;
    IpAddress local = about.source;
    if (const Error error = find_path(about.destination, local, fresh); error != Error::kNone) {
      release(packet);
      return error;
    }
    Interface& out = *s.interfaces[fresh.interface_index];
    if (fresh.is_ipv6()) return s.output_ipv6(out, fresh.neighbour, fresh.mtu_bytes, about, packet);
    return s.output(out, fresh.neighbour, fresh.mtu_bytes, about, packet);
  }
  return s.output(*s.interfaces[path.interface_index], path.neighbour, path.mtu_bytes, about, packet);
}

unsigned Stack::transmit_room(const Path& path) const {
  if (path.neighbour == NeighbourCache::kOurselves) return State::kLoopQueuePackets - state_->loop_count;
  return kTransmitQueueFrames - state_->interfaces[path.interface_index]->queue.size();
}

Stack::LargeSegment Stack::large_segment(const Path& path) const {
  // What fits into an IPv4 packet with the longest headers.
  constexpr uint32_t kLargestBytes = wire::kIpv4PacketLimitBytes - 60 - 60;
  const Interface& out = *state_->interfaces[path.interface_index];
  const PortCapabilities& port = out.capabilities;
  if (path.is_ipv6() ? out.cut_sent_ipv6 : out.cut_sent) return {kLargestBytes, State::kCutLimitFrames, true};
  if (!port.tso || !port.transmit_tcp_checksum || !port.transmit_scatter) return {};
  return {std::min(port.tso_limit_bytes, kLargestBytes), port.segments_limit, false};
}

bool Stack::has_pending() const {
  if (state_->loop_count > 0) return true;
  for (const auto& each : state_->interfaces)
    if (each->queue.size() > 0) return true;
  return false;
}

bool Stack::is_resolving() const {
  bool any = false;
  state_->neighbours.for_each([&](const Neighbour& entry) { any |= entry.pending_count > 0; });
  return any;
}

void Stack::confirm_neighbour(const Path& path) {
  if (path.generation != state_->generation && path.generation != (state_->generation | Path::kIpv6)) return;
  if (Neighbour* entry = state_->neighbours.by_handle(path.neighbour)) state_->neighbour_confirmed(*entry);
}

void Stack::set_frame_tap(FrameTap tap, void* context) {
  state_->frame_tap = tap;
  state_->frame_tap_context = context;
}

bool Stack::is_local(const IpAddress& address) const {
  if (address.is_v4()) return state_->is_local(address.v4()) || State::is_loopback(address.v4());
  return state_->interface_of(address) != nullptr || ip::is_loopback(address);
}

MacAddress Stack::mac(uint8_t interface_index) const { return state_->interfaces[interface_index]->mac; }
uint32_t Stack::mtu_bytes(uint8_t interface_index) const {
  return state_->interfaces[interface_index]->mtu_bytes;
}

IpAddress Stack::link_local_address(uint8_t interface_index) const {
  const LocalAddress* own = state_->interfaces[interface_index]->ipv6.link_local();
  return own != nullptr ? own->address : IpAddress{};
}

Path Stack::path_on(uint8_t interface_index, const IpAddress& destination) const {
  const Interface& out = *state_->interfaces[interface_index];
  const bool ipv6 = !destination.is_v4();
  return {.generation = ipv6 ? state_->generation | Path::kIpv6 : state_->generation,
          .neighbour = !ipv6 && destination.v4() == 0xffffffff ? NeighbourCache::kBroadcast
                                                               : NeighbourCache::kMulticast,
          .interface_index = interface_index,
          .mtu_bytes = static_cast<uint16_t>(ipv6 ? out.ipv6.mtu_bytes : out.mtu_bytes)};
}

bool Stack::flow_is_local(const Path& path, const Endpoint& local, const Endpoint& remote) const {
  // Each core its own ports, so that no two cores open the same flow.
  if (path.neighbour == NeighbourCache::kOurselves) [[unlikely]]
    return local.port % state_->loop_cores == state_->loop_core;
  return state_->interfaces[path.interface_index]->port.flow_is_local(remote.address, local.address,
                                                                      remote.port, local.port);
}

std::optional<IpAddress> Stack::first_address() const {
  if (!state_->local_addresses.empty()) return IpAddress::v4(state_->local_addresses.front());
  for (const auto& each : state_->interfaces)
    for (const auto& own : each->ipv6.addresses)
      if (own->origin == AddressOrigin::kConfigured) return own->address;
  return std::nullopt;
}

std::vector<IpAddress> Stack::addresses() const {
  std::vector<IpAddress> all;
  for (const uint32_t own : state_->local_addresses) all.push_back(IpAddress::v4(own));
  all.insert(all.end(), state_->local_ipv6.begin(), state_->local_ipv6.end());
  return all;
}

void Stack::send_unreachable(const ReceivedPacket& about, const Buffer* packet, Unreachable code) {
  if (!about.source.is_v4()) {
    // What has no protocol at all is answered by the IP layer itself (RFC 4443 section 3.4).
    return state_->send_icmpv6_error(about, packet, wire::kIcmpv6Unreachable, wire::kIcmpv6PortUnreachable,
                                     0);
  }
  state_->send_icmp_error(about, packet, wire::kIcmpUnreachable, static_cast<uint8_t>(code));
}

}  // namespace sluice::ip
