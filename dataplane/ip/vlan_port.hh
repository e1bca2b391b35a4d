// SPDX-License-Identifier: Apache-2.0
// A port that is one VLAN of another port (IEEE 802.1Q): frames lose their tag on the way in and get it on the way out, so
// that the stack above knows nothing of tags, and pays nothing for them where there are none. Several of them share a port:
// whichever asks first takes the burst, and keeps for the others what is theirs.
#pragma once
#include <cstdint>
#include <vector>

#include "drivers/port.hh"

namespace sluice::ip {

class VlanPort final : public Port {
 public:
  static constexpr uint16_t kFirst = 1, kLast = 4094;  // 0 is a priority only, 4095 is reserved

  static constexpr unsigned kWaitingLimit =
      512;  // frames that another one took for it; beyond it they are dropped

  // Borrows `under`, of which it takes all frames. VLAN 0 is that of frames without a tag.
  VlanPort(Port& under, uint16_t vlan) : under_(under), vlan_(vlan) {}
  // All that share `under`, this one among them; borrowed, and may grow. They are polled in turn by one stack.
  void share(const std::vector<VlanPort*>& siblings) { siblings_ = &siblings; }

  unsigned receive(Buffer** frames, unsigned limit) override;
  unsigned transmit(Buffer** frames, unsigned count) override;
  BufferPool& pool() override { return under_.pool(); }
  MacAddress mac() const override { return under_.mac(); }
  uint32_t mtu_bytes() const override { return under_.mtu_bytes(); }  // a tag does not count
  const PortCapabilities& capabilities() const override { return under_.capabilities(); }
  bool flow_is_local(const IpAddress& source, const IpAddress& destination, uint16_t source_port,
                     uint16_t destination_port) const override {
    return under_.flow_is_local(source, destination, source_port, destination_port);
  }
  int interrupt_fd() override { return under_.interrupt_fd(); }
  void arm_interrupt() override { under_.arm_interrupt(); }
  void disarm_interrupt() override { under_.disarm_interrupt(); }

  uint64_t other_vlans = 0;    // frames of nobody's VLAN: dropped
  uint64_t waiting_limit = 0;  // frames beyond kWaitingLimit: dropped

 private:
  VlanPort* sibling(uint16_t vlan) const;
  void keep(Buffer* frame);

  Port& under_;
  const uint16_t vlan_;
  const std::vector<VlanPort*>* siblings_ = nullptr;
  BufferQueue waiting_;
  unsigned waiting_count_ = 0;
};

}  // namespace sluice::ip
