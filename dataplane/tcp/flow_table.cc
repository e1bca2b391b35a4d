// SPDX-License-Identifier: Apache-2.0
// Insertion, removal and gradual growth of the flow table.
#include "dataplane/tcp/flow_table.hh"

#include <utility>

namespace sluice::tcp {

FlowTable::Slot* FlowTable::locate(uint32_t hash, FlowReference reference) {
  for (uint32_t at = hash & slots_.mask;; at = (at + 1) & slots_.mask) {
    Slot& slot = slots_[at];
    if (!slot.reference) return nullptr;
    if (slot.reference == reference && slot.hash == hash) return &slot;
  }
}

FlowTable::Slot* FlowTable::locate_old(uint32_t hash, FlowReference reference) {
  if (!growing()) return nullptr;
  for (uint32_t at = first_old(hash); at <= old_.mask; ++at) {
    Slot& slot = old_[at];
    if (!slot.reference) return nullptr;
    if (slot.reference == reference && slot.hash == hash) return &slot;
  }
  return nullptr;
}

void FlowTable::put(uint32_t hash, FlowReference reference) {
  uint32_t at = hash & slots_.mask;
  while (slots_[at].reference) at = (at + 1) & slots_.mask;
  slots_[at] = {hash, reference};
}

void FlowTable::move_some(uint32_t count) {
  if (!growing()) return;
  // What went round the end lies at the beginning, and all of that must move before anything else is looked for.
  const bool at_start = old_next_ == 0;
  for (; count > 0 || (at_start && old_[old_next_].reference); count -= count > 0) {
    const Slot& slot = old_[old_next_];
    if (slot.reference && slot.reference.bits != kGone) put(slot.hash, slot.reference);
    ++old_next_;
    const size_t done_bytes = size_t{old_next_} * sizeof(Slot);
    if (old_next_ > old_.mask) {
      old_ = {};
      return;
    }
    if (done_bytes % Pages::kHugePageBytes == 0)
      old_.pages.give_back(done_bytes - Pages::kHugePageBytes, done_bytes);
  }
}

bool FlowTable::insert(uint32_t hash, FlowReference reference) {
  if (size_ >= limit_) {
    ++refused;
    return false;
  }
  move_some(kSlotsMovedPerInsertion);
  // At three quarters of the new size the old table is long empty: each insertion moves more slots than it
  // fills.
  if (uint64_t{size_} * 4 >= (uint64_t{slots_.mask} + 1) * 3) {
    move_some(UINT32_MAX);
    old_ = std::exchange(slots_, Slots((slots_.mask + 1) * 2));
    old_next_ = 0;
    move_some(kSlotsMovedPerInsertion);
  }
  put(hash, reference);
  ++size_;
  return true;
}

void FlowTable::erase(uint32_t hash, FlowReference reference) {
  --size_;
  if (Slot* slot = locate_old(hash, reference)) {
    slot->reference.bits = kGone;
    return;
  }
  Slot* slot = locate(hash, reference);
  SLUICE_ASSERT(slot != nullptr);
  // Closes the gap: entries behind it move up unless that would put them before their own place.
  const uint32_t mask = slots_.mask;
  uint32_t gap = static_cast<uint32_t>(slot - &slots_[0]);
  for (uint32_t at = (gap + 1) & mask; slots_[at].reference; at = (at + 1) & mask) {
    const uint32_t home = slots_[at].hash & mask;
    if (((at - home) & mask) >= ((at - gap) & mask)) {
      slots_[gap] = slots_[at];
      gap = at;
    }
  }
  slots_[gap] = {};
}

void FlowTable::replace(uint32_t hash, FlowReference from, FlowReference to) {
  Slot* slot = locate_old(hash, from);
  if (!slot) slot = locate(hash, from);
  SLUICE_ASSERT(slot != nullptr);
  slot->reference = to;
}

}  // namespace sluice::tcp
