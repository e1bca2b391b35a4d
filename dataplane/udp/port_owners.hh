// SPDX-License-Identifier: Apache-2.0
// Which core of a process has a UDP port. Cores that listen at one port share its datagrams, as the hash has it; but a
// socket that only one core has (a client, which was given a free port) gets its answers from anybody, so they may arrive
// at any core. A core that has no socket for a datagram looks here. Not on the path of those that find theirs.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>

namespace sluice::udp {

// Made before the cores, outlives them. Any thread.
class PortOwners {
 public:
  // True when the port is the core's now, or was already.
  bool claim(uint16_t port, unsigned core) {
    uint16_t nobody = 0;
    const auto mine = static_cast<uint16_t>(core + 1);
    return owners_[port].compare_exchange_strong(nobody, mine, std::memory_order_acq_rel) || nobody == mine;
  }
  void release(uint16_t port, unsigned core) {
    auto mine = static_cast<uint16_t>(core + 1);
    owners_[port].compare_exchange_strong(mine, 0, std::memory_order_acq_rel);
  }
  // -1: nobody's.
  int owner(uint16_t port) const { return owners_[port].load(std::memory_order_acquire) - 1; }

 private:
  std::array<std::atomic<uint16_t>, 65536> owners_{};
};

}  // namespace sluice::udp
