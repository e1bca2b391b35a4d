// SPDX-License-Identifier: Apache-2.0
// A DPDK port as a whole: opened from a specification, its offloads negotiated, one queue for each data core. The main
// thread opens, watches and closes it; each queue belongs to one data thread (ethernet_queue.hh).
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "drivers/ethdev/ethernet_queue.hh"
#include "drivers/ethdev/port_spec.hh"
#include "drivers/port.hh"

namespace sluice::ethdev {

class EthernetDevice {
 public:
  // Opens and starts the port; the EAL runs already. nullptr, and one line in `error`, when that cannot be done.
  //
  // ring: a wire of that name has the sides a and b. Whoever opens a side first, in a process that is alone or primary,
  // makes the wire; the other side may be opened in the same process or in a secondary process.
  // virtio_user with server=1: waits here until the vhost end has connected.
  static std::unique_ptr<EthernetDevice> open(const PortSpec& spec, std::string& error);

  // Stops and closes the port. No thread may use its queues any more, and every Buffer of its pools must be back.
  ~EthernetDevice();
  EthernetDevice(const EthernetDevice&) = delete;

  uint16_t queues() const { return static_cast<uint16_t>(queues_.size()); }
  EthernetQueue& queue(uint16_t index) { return *queues_[index]; }
  const PortSpec& spec() const { return spec_; }
  const std::string& driver() const { return driver_; }  // DPDK's name: "net_tap", "net_ixgbe"
  MacAddress mac() const { return mac_; }
  uint32_t mtu_bytes() const { return spec_.mtu_bytes; }
  const PortCapabilities& capabilities() const { return capabilities_; }
  uint16_t port_id() const { return port_id_; }
  // CPUs of this NUMA node are near the device; -1 when that means nothing.
  int numa_node() const;

  struct Link {
    bool up = false;
    uint32_t speed_mbps = 0;  // 0: unknown
  };
  Link link() const;

  struct Stats {
    uint64_t received_frames = 0, received_bytes = 0, transmitted_frames = 0, transmitted_bytes = 0;
    uint64_t receive_missed = 0;     // no free descriptor: the stack was too slow
    uint64_t receive_errors = 0;     // broken frames
    uint64_t receive_no_buffer = 0;  // the pool was at its limit
    uint64_t transmit_errors = 0;
  };
  // As the driver counts.
  Stats stats() const;
  // Everything else that the driver counts, with its own names.
  std::vector<std::pair<std::string, uint64_t>> extended_stats() const;

  // The queue to which the port gives a packet of this flow, or -1 where only the peer knows (virtual devices).
  int queue_of_flow(const IpAddress& source, const IpAddress& destination, uint16_t source_port,
                    uint16_t destination_port) const;

  // Whether every flow comes to the queue that queue_of_flow() says: with one queue, and where the port spreads flows by our
  // hash. Elsewhere the frames of a flow may come to any queue, and whoever wants them on one core sorts them (software_rss.hh).
  bool steers() const { return queues() == 1 || !redirection_.empty(); }

  // One line for the log: driver, queues, offloads in use.
  std::string summary() const;

 private:
  EthernetDevice() = default;
  std::string configure();
  std::string configure_queues(uint16_t receive_descriptors, uint16_t transmit_descriptors,
                               uint32_t storage_bytes);
  void spread_flows(uint16_t reta_size);
  bool hashes_as_asked(uint64_t fields) const;
  void find_interrupts();
  std::string failed(const char* what, int code) const;

  PortSpec spec_;
  std::string device_, driver_;
  uint16_t port_id_ = UINT16_MAX;
  bool owned_ = false;  // this process made the device and removes it
  bool started_ = false;
  bool interrupts_ = false;
  MacAddress mac_;
  PortCapabilities capabilities_;
  EthernetQueue::Traits traits_;
  std::vector<std::unique_ptr<EthernetQueue>> queues_;
  std::vector<uint16_t>
      redirection_;  // RSS: hash modulo size -> queue; empty when the port does not spread by hash
};

}  // namespace sluice::ethdev
