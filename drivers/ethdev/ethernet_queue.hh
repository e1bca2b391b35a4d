// SPDX-License-Identifier: Apache-2.0
// One pair of receive and transmit queues of a DPDK port: the Port that a core's network stack works on.
#pragma once
#include <memory>

#include "drivers/ethdev/mbuf_pool.hh"
#include "drivers/port.hh"

struct rte_mbuf;

namespace sluice::ethdev {

class EthernetDevice;

// One data thread, which has called Eal::register_thread(). Made and owned by EthernetDevice.
class EthernetQueue final : public Port {
 public:
  // What happens to an mbuf after the driver has accepted it; decides whether Buffers can be shared with it.
  enum class TransmitStyle : uint8_t {
    kCopies,    // the driver has copied it when its transmit function returns (tap, af_packet, memif, vhost)
    kRefers,    // the driver reads it later and then drops its reference (NICs, virtio, af_xdp)
    kHandsOver  // the peer receives this very mbuf (ring): what is shared must be copied first
  };

  struct Traits {
    uint16_t port_id = 0, queue_id = 0;
    TransmitStyle style = TransmitStyle::kRefers;
    bool trusts_wire = false;  // both ends share memory: checksums are neither made nor looked at
    uint16_t tso_clamp_bytes =
        0;  // tap: largest l3 + l4 + payload of a TSO segment, 0 when there is no such limit
    uint32_t frame_limit_bytes = 1518;  // longer frames than this (and not TSO) are dropped
  };

  EthernetQueue(const EthernetDevice& device, const Traits& traits, std::unique_ptr<MbufPool> pool)
      : device_(device), traits_(traits), pool_(std::move(pool)) {}

  unsigned receive(Buffer** frames, unsigned limit) override;
  unsigned transmit(Buffer** frames, unsigned count) override;
  MbufPool& pool() override { return *pool_; }
  MacAddress mac() const override;
  uint32_t mtu_bytes() const override;
  const PortCapabilities& capabilities() const override;
  bool flow_is_local(const IpAddress& source, const IpAddress& destination, uint16_t source_port,
                     uint16_t destination_port) const override;
  int interrupt_fd() override { return interrupt_fd_; }
  void arm_interrupt() override;
  void disarm_interrupt() override;

  // Since start; read by any thread (a torn read is impossible, a late one harmless).
  struct Counters {
    uint64_t received_frames = 0, received_bytes = 0, transmitted_frames = 0, transmitted_bytes = 0;
    uint64_t receive_bad_checksum = 0;  // as told by the port; still handed up
    uint64_t transmit_refused = 0;      // frames that the full port did not take; they stayed with the stack
    uint64_t transmit_copied = 0;       // frames that had to be copied, see TransmitStyle
    // Dropped, by cause.
    uint64_t transmit_oversized = 0;   // longer than the MTU allows
    uint64_t transmit_unsendable = 0;  // the driver cannot send it: an offload or chain it does not know
  } counters;

 private:
  friend class EthernetDevice;
  static constexpr unsigned kBurstFrames = 64;
  // Of a port that was full a moment ago: what it refuses has been prepared for nothing.
  static constexpr unsigned kCautiousFrames = 4;
  // Copies that are waiting for the driver's verdict, as a bit set of the burst.
  using CopiedSet = uint64_t;
  enum class Verdict : uint8_t { kSend, kDrop, kWait };

  Verdict prepare(Buffer* frame, rte_mbuf*& out, bool& copied, bool& offloads);
  Verdict prepare_slowly(Buffer* frame, rte_mbuf*& out, bool& copied);
  uint64_t offload_flags(const Buffer* frame, rte_mbuf* mbuf, const std::byte* headers) const;
  rte_mbuf* copy_of(const Buffer* frame);
  bool attach_external(Buffer* segment, rte_mbuf* mbuf);
  void take_back(Buffer* frame, rte_mbuf* mbuf, bool copied);

  const EthernetDevice& device_;
  const Traits traits_;
  std::unique_ptr<MbufPool> pool_;
  unsigned burst_limit_ = kBurstFrames;
  int interrupt_fd_ = -1;
  bool interrupt_controlled_ =
      false;  // armed through the driver; else the descriptor is just readable or not
};

}  // namespace sluice::ethdev
