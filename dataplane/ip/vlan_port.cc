// SPDX-License-Identifier: Apache-2.0
// A tag stands behind the two MAC addresses: they are moved to make or to close the gap.
#include "dataplane/ip/vlan_port.hh"

#include "dataplane/wire/ethernet.hh"

namespace sluice::ip {

namespace {
constexpr uint32_t kMacsBytes = 12;

void take_off(Buffer* frame) {
  std::memmove(frame->data + wire::kVlanTagBytes, frame->data, kMacsBytes);
  frame->trim_front(wire::kVlanTagBytes);
}
void put_on(Buffer* frame, uint16_t vlan) {
  std::byte* const at = frame->prepend(wire::kVlanTagBytes);
  std::memmove(at, at + wire::kVlanTagBytes, kMacsBytes);
  wire::store_16(at + kMacsBytes, wire::kEtherTypeVlan);
  wire::store_16(at + kMacsBytes + 2, vlan);
  frame->l2_bytes = wire::kEthernetHeaderBytes + wire::kVlanTagBytes;
}
}  // namespace

VlanPort* VlanPort::sibling(uint16_t vlan) const {
  if (siblings_ == nullptr) return nullptr;
  for (VlanPort* each : *siblings_)
    if (each->vlan_ == vlan) return each;
  return nullptr;
}

void VlanPort::keep(Buffer* frame) {
  if (waiting_count_ == kWaitingLimit) {
    ++waiting_limit;
    release(frame);
    return;
  }
  waiting_.push(frame);
  ++waiting_count_;
}

unsigned VlanPort::receive(Buffer** frames, unsigned limit) {
  unsigned kept = 0;
  for (; kept < limit && waiting_count_ > 0; --waiting_count_) frames[kept++] = waiting_.pop();
  if (kept > 0) return kept;
  // A burst of strangers must not look as if nothing were left.
  for (;;) {
    const unsigned count = under_.receive(frames, limit);
    for (unsigned i = 0; i < count; ++i) {
      const auto view = wire::EthernetView::parse(frames[i]->bytes());
      // A tag of VLAN 0 gives a priority only.
      const uint16_t vlan = view && view->tagged() ? view->vlan() : uint16_t{0};
      VlanPort* const whose = !view ? nullptr : vlan == vlan_ ? this : sibling(vlan);
      if (whose == nullptr) {
        ++other_vlans;
        release(frames[i]);
        continue;
      }
      if (vlan != 0) take_off(frames[i]);
      if (whose == this)
        frames[kept++] = frames[i];
      else
        whose->keep(frames[i]);
    }
    if (kept > 0 || count == 0) return kept;
  }
}

unsigned VlanPort::transmit(Buffer** frames, unsigned count) {
  if (vlan_ == 0) return under_.transmit(frames, count);
  for (unsigned i = 0; i < count; ++i) put_on(frames[i], vlan_);
  const unsigned taken = under_.transmit(frames, count);
  // What stays with the stack comes again.
  for (unsigned i = taken; i < count; ++i) {
    take_off(frames[i]);
    frames[i]->l2_bytes = wire::kEthernetHeaderBytes;
  }
  return taken;
}

}  // namespace sluice::ip
