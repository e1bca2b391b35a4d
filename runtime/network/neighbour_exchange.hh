// SPDX-License-Identifier: Apache-2.0
// What the cores of one port tell one another of their neighbours: an ARP packet or a neighbour discovery message of IPv6
// arrives on one queue only, and seldom on that of the core which asked, so each core hands what it hears to the others.
#pragma once
#include <array>
#include <cstddef>
#include <memory>
#include <vector>

#include "dataplane/core/reactor.hh"
#include "dataplane/core/ring.hh"
#include "dataplane/ip/stack.hh"

namespace sluice::runtime {

// The rings between all cores. Made before any core; outlives them.
class NeighbourExchange {
 public:
  struct Packet {
    uint8_t interface_index = 0;
    uint16_t length = 0;
    std::array<std::byte, ip::Stack::kHeardLimitBytes> bytes;
  };
  // Packets on the way from one core to another; beyond it they are lost, as such messages may be: whoever needs it asks again.
  static constexpr uint32_t kPacketsLimit = 64;
  using Channel = Ring<Packet, kPacketsLimit>;

  // `waiters`: of the cores, in their order; borrowed.
  explicit NeighbourExchange(std::vector<Waiter*> waiters);
  unsigned cores() const { return static_cast<unsigned>(waiters_.size()); }
  Channel& channel(unsigned from, unsigned to) { return *channels_[from * cores() + to]; }
  void wake(unsigned core) { waiters_[core]->wake(); }

 private:
  std::vector<Waiter*> waiters_;
  std::vector<std::unique_ptr<Channel>> channels_;
};

// One core's end of it: a part of its reactor.
class NeighbourInbox final : public ReactorPart {
 public:
  // Registers itself with `stack`.
  NeighbourInbox(NeighbourExchange& exchange, unsigned core, ip::Stack& stack);
  bool receive(uint64_t now_ns) override;
  void transmit(uint64_t) override {}
  bool prepare_sleep(uint64_t& timeout_ns) override;
  uint64_t refused() const;  // packets that found a ring full

 private:
  static void heard(void* context, uint8_t interface_index, std::span<const std::byte> bytes);
  NeighbourExchange& exchange_;
  const unsigned core_;
  ip::Stack& stack_;
};

}  // namespace sluice::runtime
