// SPDX-License-Identifier: Apache-2.0
// The neighbour cache's table, and the rules by which an entry's state moves (RFC 4861 section 7.3, for ARP as well).
#include "dataplane/ip/neighbour.hh"

#include "dataplane/ip/state.hh"

namespace sluice::ip {

namespace {
constexpr uint64_t kReachableNs = 30 * kNanosecondsPerSecond;
constexpr uint64_t kDelayNs = 5 * kNanosecondsPerSecond;
// RFC 1122 section 2.3.2.1: not more than one question a second about one address. The second and later ones wait longer.
constexpr uint64_t kRetransmitNs = 1 * kNanosecondsPerSecond;
constexpr unsigned kSolicitations = 3;
// For so long nobody is asked again about one who did not answer.
constexpr uint64_t kFailedHoldNs = 1 * kNanosecondsPerSecond;
}  // namespace

// ---- the table ---------------------------------------------------------------------------------------------------

NeighbourCache::~NeighbourCache() {
  for (uint32_t number = 0; number < table_.end(); ++number)
    if (table_.live(number)) timers_.cancel(table_[number]);
}

Neighbour* NeighbourCache::find(const IpAddress& address, uint8_t interface_index) {
  for (uint32_t number = bucket_of(address, interface_index); number != kNone;) {
    Neighbour& entry = table_[number];
    if (entry.address == address && entry.interface_index == interface_index) return &entry;
    number = entry.next_in_bucket;
  }
  return nullptr;
}

Neighbour& NeighbourCache::find_or_add(const IpAddress& address, uint8_t interface_index, uint64_t now_ns) {
  if (Neighbour* known = find(address, interface_index)) return *known;
  if (table_.live_count() == kLimit) evict();
  uint32_t number = 0;
  Neighbour* entry = table_.allocate(number);
  SLUICE_ASSERT(entry != nullptr);
  entry->address = address;
  entry->interface_index = interface_index;
  entry->handle = next_generation_ << kNumberBits | number;
  next_generation_ = (next_generation_ + 1) % kGenerations;
  entry->last_used_ns = now_ns;
  uint32_t& bucket = bucket_of(address, interface_index);
  entry->next_in_bucket = bucket;
  bucket = number;
  return *entry;
}

void NeighbourCache::remove(Neighbour& entry) {
  const uint32_t number = entry.handle & kNumberMask;
  uint32_t* link = &bucket_of(entry.address, entry.interface_index);
  while (*link != number) link = &table_[*link].next_in_bucket;
  *link = entry.next_in_bucket;
  timers_.cancel(entry);
  counters_.neighbour_queue_dropped += entry.drop_pending();
  table_.release(number);
}

void NeighbourCache::evict() {
  // Near enough to least recently used: the oldest of a sample, those without a known address first.
  Neighbour* victim = nullptr;
  for (unsigned i = 0; i < kEvictionSample; ++i) {
    Neighbour& entry = table_[hand_];
    hand_ = (hand_ + 1) % kLimit;
    if (victim == nullptr || (victim->mac_known() && !entry.mac_known()) ||
        (victim->mac_known() == entry.mac_known() && entry.last_used_ns < victim->last_used_ns))
      victim = &entry;
  }
  ++counters_.neighbour_table_full;
  remove(*victim);
}

// ---- the rules ---------------------------------------------------------------------------------------------------

Error Stack::State::output_unresolved(Interface& out, Neighbour& to, Buffer* packet) {
  const auto arm = [&](uint64_t after_ns) {
    to.owner = this;
    to.fire = [](Timer& timer, uint64_t at_ns) {
      auto& entry = static_cast<Neighbour&>(timer);
      auto& state = *static_cast<State*>(entry.owner);
      state.now_ns = at_ns;
      state.neighbour_timer(entry);
    };
    timers.arm(to, now_ns + after_ns);
  };
  bool begins = false;
  switch (to.state) {
    case NeighbourState::kReachable:  // for longer than that holds
    case NeighbourState::kStale:
      to.state = NeighbourState::kDelay;
      arm(kDelayNs);
      break;
    case NeighbourState::kDelay:
    case NeighbourState::kProbe: break;
    case NeighbourState::kFailed:
      if (now_ns < to.reachable_until_ns) {
        ++counters.neighbour_queue_dropped;
        release(packet);
        return Error::kHostUnreachable;
      }
      [[fallthrough]];
    case NeighbourState::kIdle:
      to.state = NeighbourState::kIncomplete;
      to.solicitations = 1;
      arm(kRetransmitNs);
      begins = true;
      [[fallthrough]];
    case NeighbourState::kIncomplete:
      if (to.pending_count == Neighbour::kPendingPackets) {
        // RFC 1122 section 2.3.2.2 wants the latest kept.
        release(to.pending[0]);
        for (unsigned i = 1; i < to.pending_count; ++i) to.pending[i - 1] = to.pending[i];
        --to.pending_count;
        ++counters.neighbour_queue_dropped;
      }
      to.pending[to.pending_count++] = packet;
      if (begins) ask(out, to, true);  // from the address of what waits
      return Error::kNone;
  }
  std::memcpy(packet->prepend(wire::kEthernetHeaderBytes), to.header, wire::kEthernetHeaderBytes);
  return enqueue(out, packet);
}

void Stack::State::neighbour_learnt(Neighbour& entry, const MacAddress& mac, bool confirmed) {
  Interface& out = *interfaces[entry.interface_index];
  const bool same = entry.mac_known() && wire::load_mac(entry.header) == mac;
  if (!same)
    wire::emit_ethernet(entry.header, mac, out.mac,
                        entry.address.is_v4() ? wire::kEtherTypeIpv4 : wire::kEtherTypeIpv6);
  if (confirmed) {
    entry.state = NeighbourState::kReachable;
    entry.reachable_until_ns = now_ns + kReachableNs;
    timers.cancel(entry);
  } else if (!same) {
    entry.state = NeighbourState::kStale;
    timers.cancel(entry);
  }
  const unsigned count = entry.pending_count;
  entry.pending_count = 0;
  for (unsigned i = 0; i < count; ++i) {
    Buffer* packet = entry.pending[i];
    std::memcpy(packet->prepend(wire::kEthernetHeaderBytes), entry.header, wire::kEthernetHeaderBytes);
    enqueue(out, packet);
  }
  // An address that came unasked while packets waited is used, and checked.
  if (count > 0 && entry.state == NeighbourState::kStale) {
    entry.state = NeighbourState::kDelay;
    entry.solicitations = 0;
    timers.arm(entry, now_ns + kDelayNs);
  }
}

void Stack::State::neighbour_confirmed(Neighbour& entry) {
  if (!entry.mac_known()) return;
  entry.state = NeighbourState::kReachable;
  entry.reachable_until_ns = now_ns + kReachableNs;
  timers.cancel(entry);
}

void Stack::State::neighbour_timer(Neighbour& entry) {
  Interface& out = *interfaces[entry.interface_index];
  switch (entry.state) {
    case NeighbourState::kDelay:
      entry.state = NeighbourState::kProbe;
      entry.solicitations = 1;
      timers.arm(entry, now_ns + kRetransmitNs);
      ask(out, entry, false);
      break;
    case NeighbourState::kProbe:
      if (entry.solicitations < kSolicitations) {
        ++entry.solicitations;
        timers.arm(entry, now_ns + kRetransmitNs);
        ask(out, entry, false);
      } else {
        // Somebody else may have the address now: ask them all.
        entry.state = NeighbourState::kIncomplete;
        entry.solicitations = 1;
        timers.arm(entry, now_ns + kRetransmitNs);
        ask(out, entry, true);
      }
      break;
    case NeighbourState::kIncomplete:
      if (entry.solicitations < kSolicitations) {
        ++entry.solicitations;
        timers.arm(entry, now_ns + 2 * kRetransmitNs);
        ask(out, entry, true);
      } else {
        neighbour_failed(entry);
      }
      break;
    default: break;
  }
}

void Stack::State::neighbour_failed(Neighbour& entry) {
  ++counters.neighbour_failed;
  entry.state = NeighbourState::kFailed;
  entry.reachable_until_ns = now_ns + kFailedHoldNs;
  // Those who sent what waited here hear of it as of an ICMP error; they may send again while they do.
  const auto waiting = entry.pending;
  const unsigned count = entry.pending_count;
  entry.pending_count = 0;
  counters.neighbour_queue_dropped += count;
  // Another router may be there for what went through this one (RFC 4861 section 6.3.6).
  if (entry.is_router) ++generation;
  for (unsigned i = 0; i < count; ++i) {
    Buffer* packet = waiting[i];
    if (!entry.address.is_v4()) {
      neighbour_failed_for(*packet);
    } else if (const auto header = wire::Ipv4View::parse(packet->bytes())) {
      Protocol* protocol = protocols[header->protocol()];
      if (protocol != nullptr && header->fragment_offset_bytes() == 0) {
        protocol->icmp_error({.error = Error::kHostUnreachable,
                              .hard = false,
                              .local = IpAddress::v4(header->source()),
                              .remote = IpAddress::v4(header->destination()),
                              .l4 = packet->bytes().subspan(header->header_bytes())});
      }
    }
    release(packet);
  }
}

}  // namespace sluice::ip
