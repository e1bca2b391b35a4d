// SPDX-License-Identifier: Apache-2.0
// Insertion, removal and gradual growth of the flow table.
#include "dataplane/tcp/flow_table.hh"

#include <utility>

namespace sluice::tcp {

FlowTable::Slot* FlowTable::locate(std::vector<Slot>& slots, uint32_t hash, FlowReference reference) {
  if (slots.empty()) return nullptr;
  const uint32_t mask = static_cast<uint32_t>(slots.size()) - 1;
  for (uint32_t at = hash & mask;; at = (at + 1) & mask) {
    Slot& slot = slots[at];
    if (!slot.reference) return nullptr;
    if (slot.reference == reference && slot.hash == hash) return &slot;
  }
}

void FlowTable::put(uint32_t hash, FlowReference reference) {
  const uint32_t mask = static_cast<uint32_t>(slots_.size()) - 1;
  uint32_t at = hash & mask;
  while (slots_[at].reference) at = (at + 1) & mask;
  slots_[at] = {hash, reference};
}

void FlowTable::move_some(uint32_t count) {
  while (count-- > 0 && !old_.empty()) {
    Slot& slot = old_[old_next_];
    if (slot.reference && slot.reference.bits != kMoved) {
      put(slot.hash, slot.reference);
      slot.reference.bits = kMoved;
    }
    if (++old_next_ == old_.size()) old_ = {};
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
  if (uint64_t{size_} * 4 >= uint64_t{slots_.size()} * 3) {
    move_some(UINT32_MAX);
    old_ = std::exchange(slots_, std::vector<Slot>(slots_.size() * 2));
    old_next_ = 0;
  }
  put(hash, reference);
  ++size_;
  return true;
}

void FlowTable::erase(uint32_t hash, FlowReference reference) {
  --size_;
  if (Slot* slot = locate(old_, hash, reference)) {
    slot->reference.bits = kMoved;
    return;
  }
  Slot* slot = locate(slots_, hash, reference);
  SLUICE_ASSERT(slot != nullptr);
  // Closes the gap: entries behind it move up unless that would put them before their own place.
  const uint32_t mask = static_cast<uint32_t>(slots_.size()) - 1;
  uint32_t gap = static_cast<uint32_t>(slot - slots_.data());
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
  Slot* slot = locate(old_, hash, from);
  if (!slot) slot = locate(slots_, hash, from);
  SLUICE_ASSERT(slot != nullptr);
  slot->reference = to;
}

}  // namespace sluice::tcp
