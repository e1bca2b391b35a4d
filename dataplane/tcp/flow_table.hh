// SPDX-License-Identifier: Apache-2.0
// From a flow to what is known of it: a connection, a half-open record or a TIME-WAIT record, in one look-up.
// Open addressing with linear probing over slots of 8 bytes, three eighths to three quarters of them in use. Growing moves
// a few slots with each insertion instead of all at once, so that no packet waits for a million others.
#pragma once
#include <cstdint>

#include "drivers/assert.hh"
#include "drivers/pages.hh"

namespace sluice::tcp {

// What a slot refers to: the number of an object in the store of its kind.
struct FlowReference {
  enum Kind : uint32_t { kNone = 0, kConnection = 1, kHalfOpen = 2, kTimeWait = 3 };
  uint32_t bits = 0;

  FlowReference() = default;
  FlowReference(Kind kind, uint32_t number) : bits(uint32_t{kind} << 30 | number) {
    SLUICE_ASSERT(number < 1u << 30);
  }
  Kind kind() const { return static_cast<Kind>(bits >> 30); }
  uint32_t number() const { return bits & ((1u << 30) - 1); }
  explicit operator bool() const { return bits != 0; }
  bool operator==(const FlowReference&) const = default;
};

class FlowTable {
 public:
  // Grows up to `limit_entries`.
  explicit FlowTable(uint32_t limit_entries) : slots_(kInitialSlots), limit_(limit_entries) {}

  // The entry with `hash` for which `matches(reference)` holds, or none.
  template <typename Matches>
  FlowReference find(uint32_t hash, Matches&& matches) const {
    uint32_t at = hash & slots_.mask;
    for (;; at = (at + 1) & slots_.mask) {
      const Slot& slot = slots_[at];
      if (!slot.reference) break;
      if (slot.hash == hash && matches(slot.reference)) return slot.reference;
    }
    if (!growing()) return {};
    for (at = first_old(hash); at <= old_.mask; ++at) {
      const Slot& slot = old_[at];
      if (!slot.reference) break;
      if (slot.hash == hash && slot.reference.bits != kGone && matches(slot.reference)) return slot.reference;
    }
    return {};
  }
  // Asks for what find() will read, so that a burst of look-ups waits for memory once and not for each: first this of
  // all of them, then likely() of all of them.
  void prefetch(uint32_t hash) const {
    __builtin_prefetch(&slots_[hash & slots_.mask]);
    if (growing()) __builtin_prefetch(&old_[hash & old_.mask]);
  }
  // What find() will probably ask about; none when it is not that simple.
  FlowReference likely(uint32_t hash) const {
    for (uint32_t i = 0; i < kLikelySlots; ++i) {
      const Slot& slot = slots_[(hash + i) & slots_.mask];
      if (slot.hash == hash && slot.reference) return slot.reference;
    }
    if (!growing()) return {};
    const uint32_t first = first_old(hash);
    for (uint32_t at = first; at <= old_.mask && at - first < kLikelySlots; ++at)
      if (old_[at].hash == hash && old_[at].reference && old_[at].reference.bits != kGone)
        return old_[at].reference;
    return {};
  }
  // False at the limit (counted). The flow must not be there yet.
  bool insert(uint32_t hash, FlowReference reference);
  // The entry must be there.
  void erase(uint32_t hash, FlowReference reference);
  // Lets the flow's entry refer to something else.
  void replace(uint32_t hash, FlowReference from, FlowReference to);

  uint32_t size() const { return size_; }
  size_t memory_bytes() const { return slots_.pages.bytes() + old_.pages.bytes(); }

  uint64_t refused = 0;  // insertions beyond the limit

 private:
  struct Slot {
    uint32_t hash;
    FlowReference reference;
  };
  static_assert(sizeof(Slot) == 8);
  static constexpr uint32_t kInitialSlots = 1024;
  static constexpr uint32_t kSlotsMovedPerInsertion = 8;
  static constexpr uint32_t kLikelySlots = 8;  // a line of the cache
  // In the table that is being left: was here once, look further. No object has this number and kind.
  static constexpr uint32_t kGone = (1u << 30) - 1;

  // A power of two of slots; all-zero is empty. Being zero without having been touched, a new one costs no time.
  struct Slots {
    Slots() = default;
    explicit Slots(uint32_t count) : pages(size_t{count} * sizeof(Slot)), mask(count - 1) {}
    Slot& operator[](uint32_t at) const { return reinterpret_cast<Slot*>(pages.data())[at]; }
    Pages pages;
    uint32_t mask = 0;
  };

  bool growing() const { return old_.pages.data() != nullptr; }
  // Where to begin in the table that is being left. What lies before old_next_ has moved, and so has, as it was moved first,
  // whatever had to go round the end: so nothing is looked for there.
  uint32_t first_old(uint32_t hash) const {
    const uint32_t home = hash & old_.mask;
    return home < old_next_ ? old_next_ : home;
  }
  Slot* locate(uint32_t hash, FlowReference reference);
  Slot* locate_old(uint32_t hash, FlowReference reference);
  void put(uint32_t hash, FlowReference reference);
  void move_some(uint32_t count);

  Slots slots_;
  Slots old_;              // there while growing
  uint32_t old_next_ = 0;  // slots below it were moved
  uint32_t size_ = 0, limit_;
};

}  // namespace sluice::tcp
