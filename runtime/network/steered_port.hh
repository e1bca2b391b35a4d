// SPDX-License-Identifier: Apache-2.0
// A core's queue of a port that does not put flows where we want them (several queues, no RSS of ours): what belongs to
// another core by the hash is handed to that core before the stack sees it. A tap, for instance, gives a flow to the queue
// that last sent for it, as far as the kernel remembers, so that the answer to a SYN may come to any core.
//
// The owner of a flow follows from its addresses and ports alone, for flows that come in as for those that we open; nothing
// is remembered. The kernel soon learns where a flow's frames come from, and delivers them to the right queue by itself.
#pragma once
#include <cstdint>

#include "dataplane/core/reactor.hh"
#include "drivers/port.hh"
#include "runtime/network/buffer_exchange.hh"

namespace sluice::runtime {

// One core's thread. Stands between the stack and `port`; both and the exchange (one for each port) are borrowed.
class SteeredPort final : public Port {
 public:
  // The flows are spread over all cores of the exchange.
  SteeredPort(Port& port, BufferExchange& exchange, unsigned core)
      : port_(port), exchange_(exchange), core_(core) {}

  unsigned receive(Buffer** frames, unsigned limit) override;
  unsigned transmit(Buffer** frames, unsigned count) override { return port_.transmit(frames, count); }
  BufferPool& pool() override { return port_.pool(); }
  MacAddress mac() const override { return port_.mac(); }
  uint32_t mtu_bytes() const override { return port_.mtu_bytes(); }
  const PortCapabilities& capabilities() const override { return port_.capabilities(); }
  bool flow_is_local(const IpAddress& source, const IpAddress& destination, uint16_t source_port,
                     uint16_t destination_port) const override;
  int interrupt_fd() override { return port_.interrupt_fd(); }
  void arm_interrupt() override { port_.arm_interrupt(); }
  void disarm_interrupt() override { port_.disarm_interrupt(); }

  struct Counters {
    uint64_t handed_over = 0;  // frames that another core owns
    uint64_t dropped = 0;      // of those: it was too far behind
  } counters;

 private:
  Port& port_;
  BufferExchange& exchange_;
  const unsigned core_;
};

// Keeps a core awake that received only what belongs to others: the stack has seen nothing, and more may wait in the
// queue. A part of the reactor behind the transport.
class SteeringWatch final : public ReactorPart {
 public:
  explicit SteeringWatch(const SteeredPort& port) : port_(port) {}
  bool receive(uint64_t) override { return moved(); }
  void transmit(uint64_t) override {}
  bool prepare_sleep(uint64_t&) override { return !moved(); }

 private:
  bool moved() {
    const bool moved = port_.counters.handed_over != seen_;
    seen_ = port_.counters.handed_over;
    return moved;
  }
  const SteeredPort& port_;
  uint64_t seen_ = 0;
};

}  // namespace sluice::runtime
