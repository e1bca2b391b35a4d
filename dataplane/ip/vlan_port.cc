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

unsigned VlanPort::receive(Buffer** frames, unsigned limit) {
  // A burst of strangers must not look as if nothing were left.
  for (;;) {
    const unsigned count = under_.receive(frames, limit);
    unsigned kept = 0;
    for (unsigned i = 0; i < count; ++i) {
      const auto view = wire::EthernetView::parse(frames[i]->bytes());
      if (!view || !view->tagged() || view->vlan() != vlan_) {
        ++other_vlans;
        release(frames[i]);
        continue;
      }
      take_off(frames[i]);
      frames[kept++] = frames[i];
    }
    if (kept > 0 || count == 0) return kept;
  }
}

unsigned VlanPort::transmit(Buffer** frames, unsigned count) {
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
