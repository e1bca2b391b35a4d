// SPDX-License-Identifier: Apache-2.0
// The neighbour cache: which Ethernet address an on-link address has, how sure that is, and the packets that wait for it.
// States as in RFC 4861 section 7.3.2, rules in neighbour.cc, questions by ARP (arp.cc) and by neighbour solicitations
// (neighbour_discovery.cc).
#pragma once
#include <array>
#include <cstdint>

#include "dataplane/core/slab.hh"
#include "dataplane/core/timer.hh"
#include "dataplane/ip/ipv6_address.hh"
#include "dataplane/ip/stack.hh"
#include "dataplane/wire/ethernet.hh"
#include "drivers/buffer.hh"
#include "drivers/clock.hh"
#include "drivers/entropy.hh"

namespace sluice::ip {

enum class NeighbourState : uint8_t {
  kIdle,        // nothing known, nothing asked
  kIncomplete,  // asked, no answer yet
  kReachable,   // answered or confirmed until reachable_until_ns
  kStale,       // address known, but not lately confirmed
  kDelay,       // stale and in use: the layer above may confirm it before we ask
  kProbe,       // asking the known address
  kFailed,      // did not answer; packets are refused until the hold is over
};

struct Neighbour : Timer {
  static constexpr unsigned kPendingPackets = 8;

  void* owner = nullptr;  // the stack's state, for the timer
  IpAddress address;
  uint32_t handle = 0;  // what a Path holds
  NeighbourState state = NeighbourState::kIdle;
  uint8_t interface_index = 0;
  uint8_t solicitations = 0;  // sent without an answer
  uint8_t pending_count = 0;
  bool is_router = false;  // it advertises so (RFC 4861 section 4.4)
  uint32_t next_in_bucket = UINT32_MAX;
  uint64_t reachable_until_ns = 0;
  uint64_t last_used_ns = 0;
  std::byte header[16] = {};                       // the Ethernet header of frames to it
  std::array<Buffer*, kPendingPackets> pending{};  // with their IP headers, oldest first

  bool mac_known() const {
    return state == NeighbourState::kReachable || state == NeighbourState::kStale ||
           state == NeighbourState::kDelay || state == NeighbourState::kProbe;
  }
  ~Neighbour() { drop_pending(); }
  // Releases what waits; returns how many.
  unsigned drop_pending() {
    const unsigned count = pending_count;
    for (unsigned i = 0; i < count; ++i) release(pending[i]);
    pending_count = 0;
    return count;
  }
};

class NeighbourCache {
 public:
  static constexpr uint32_t kLimit = 4096;
  // Handles that are no entry of the cache, but ways to send.
  static constexpr uint32_t kNone = UINT32_MAX, kBroadcast = UINT32_MAX - 1, kMulticast = UINT32_MAX - 2,
                            kOurselves = UINT32_MAX - 3;
  static bool is_entry(uint32_t handle) { return handle < kOurselves; }

  NeighbourCache(TimerWheel& timers, Entropy& entropy, Stack::Counters& counters)
      : timers_(timers), counters_(counters), table_(kLimit), hash_key_(entropy.u64() | 1) {
    buckets_.fill(kNone);
  }
  ~NeighbourCache();

  // The entry that a Path refers to, or nullptr when it was evicted since.
  Neighbour* by_handle(uint32_t handle) {
    const uint32_t number = handle & kNumberMask;
    if (!is_entry(handle) || !table_.live(number)) return nullptr;
    Neighbour& entry = table_[number];
    return entry.handle == handle ? &entry : nullptr;
  }
  Neighbour* find(const IpAddress& address, uint8_t interface_index);
  // The entry, made anew (kIdle) when there is none. At the limit an old one is evicted, counted
  // (neighbour_table_full), with what waits in it. Never fails.
  Neighbour& find_or_add(const IpAddress& address, uint8_t interface_index, uint64_t now_ns);
  // Calls `visit` with each entry; it may not add or remove any.
  template <typename Visit>
  void for_each(Visit&& visit) {
    for (uint32_t number = 0; number < table_.end(); ++number)
      if (table_.live(number)) visit(table_[number]);
  }
  void remove(Neighbour& entry);
  uint32_t size() const { return table_.live_count(); }

 private:
  static constexpr uint32_t kNumberBits = 12, kNumberMask = (1u << kNumberBits) - 1;
  static_assert(kLimit == 1u << kNumberBits);
  // So that a handle is never one of the special values.
  static constexpr uint32_t kGenerations = (1u << (32 - kNumberBits)) - 1;
  static constexpr unsigned kEvictionSample = 64;

  uint32_t& bucket_of(const IpAddress& address, uint8_t interface_index) {
    const uint64_t folded =
        std::rotl(address_half(address, 1) * hash_key_, 29) + (address_half(address, 0) ^ interface_index);
    return buckets_[(folded * hash_key_) >> (64 - kNumberBits)];
  }
  void evict();

  TimerWheel& timers_;
  Stack::Counters& counters_;
  Slab<Neighbour> table_;
  const uint64_t hash_key_;  // so that nobody fills one bucket on purpose
  std::array<uint32_t, kLimit> buckets_;
  uint32_t next_generation_ = 0, hand_ = 0;
};

}  // namespace sluice::ip
