// SPDX-License-Identifier: Apache-2.0
// From a flow to what is known of it: a connection, a half-open record or a TIME-WAIT record, in one look-up.
// Open addressing with linear probing over slots of 8 bytes. Growing moves a few slots with each insertion
// instead of all at once, so that no packet waits for a million others.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "drivers/assert.hh"

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
  explicit FlowTable(uint32_t limit_entries) : limit_(limit_entries) { slots_.resize(kInitialSlots); }

  // The entry with `hash` for which `matches(reference)` holds, or none.
  template <typename Matches>
  FlowReference find(uint32_t hash, Matches&& matches) const {
    const FlowReference found = probe(slots_, hash, matches);
    if (found || old_.empty()) return found;
    return probe(old_, hash, matches);
  }
  // False at the limit (counted). The flow must not be there yet.
  bool insert(uint32_t hash, FlowReference reference);
  // The entry must be there.
  void erase(uint32_t hash, FlowReference reference);
  // Lets the flow's entry refer to something else.
  void replace(uint32_t hash, FlowReference from, FlowReference to);

  uint32_t size() const { return size_; }
  size_t memory_bytes() const { return (slots_.capacity() + old_.capacity()) * sizeof(Slot); }

  uint64_t refused = 0;  // insertions beyond the limit

 private:
  struct Slot {
    uint32_t hash = 0;
    FlowReference reference;
  };
  static_assert(sizeof(Slot) == 8);
  static constexpr uint32_t kInitialSlots = 1024;
  static constexpr uint32_t kSlotsMovedPerInsertion = 8;
  // In the table that is being left: was here once, look further. No object has this number and kind.
  static constexpr uint32_t kMoved = (1u << 30) - 1;

  template <typename Matches>
  static FlowReference probe(const std::vector<Slot>& slots, uint32_t hash, Matches&& matches) {
    const uint32_t mask = static_cast<uint32_t>(slots.size()) - 1;
    for (uint32_t at = hash & mask;; at = (at + 1) & mask) {
      const Slot& slot = slots[at];
      if (!slot.reference) return {};
      if (slot.hash == hash && slot.reference.bits != kMoved && matches(slot.reference))
        return slot.reference;
    }
  }
  Slot* locate(std::vector<Slot>& slots, uint32_t hash, FlowReference reference);
  void put(uint32_t hash, FlowReference reference);
  void move_some(uint32_t count);

  std::vector<Slot> slots_;
  std::vector<Slot> old_;  // not empty while growing
  uint32_t old_next_ = 0;  // slots below it were moved
  uint32_t size_ = 0, limit_;
};

}  // namespace sluice::tcp
