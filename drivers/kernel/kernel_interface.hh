// SPDX-License-Identifier: Apache-2.0
// An interface of the host kernel that stands beside a bypass port: what is not ours goes there, and what the kernel sends
// goes out of the port. A TAP device of our own with a queue for each core: DPDK's tap driver would do the same with a
// write for each frame, but its device is a port, with a number, mbufs and real-time signals, and does not tell of its end.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "drivers/address.hh"
#include "drivers/port.hh"

namespace sluice::kernel {

struct KernelInterfaceOptions {
  std::string name;  // at most 15 characters; must not exist yet
  MacAddress mac;
  uint32_t mtu_bytes = 1500;
  uint32_t queues = 1;  // one for each core
  struct Own {
    IpAddress address;
    uint8_t prefix_bits = 0;
  };
  std::vector<Own> addresses;       // that the kernel is to have on it
  std::vector<IpAddress> gateways;  // of default routes through it, with kRouteMetric
};

class KernelInterface {
 public:
  // In front of each frame on its descriptors: struct virtio_net_hdr (virtio 1.2 section 5.1.6), whose header is C only.
  struct FrameHeader {
    static constexpr uint8_t kDataValid = 2;  // checksums need not be looked at
    uint8_t flags = 0, gso_type = 0;
    uint16_t header_bytes = 0, gso_bytes = 0, checksum_start = 0, checksum_offset = 0;
  };
  // Of the default route that we make: others win, such as one of a second card.
  static constexpr uint32_t kRouteMetric = 4096;

  // Main thread. nullptr: `error` is one line that names the thing, the value and the way out.
  static std::unique_ptr<KernelInterface> create(const KernelInterfaceOptions& options, std::string& error);
  // Removes the interface.
  ~KernelInterface();
  KernelInterface(const KernelInterface&) = delete;

  const std::string& name() const { return name_; }
  unsigned index() const { return index_; }  // the kernel's number of it
  // Not blocking; a frame for each read() and write(), a FrameHeader in front of it.
  int descriptor(uint32_t queue) const { return descriptors_[queue]; }
  uint32_t queues() const { return static_cast<uint32_t>(descriptors_.size()); }

 private:
  KernelInterface() = default;
  std::string configure(const KernelInterfaceOptions& options);
  std::string name_;
  unsigned index_ = 0;
  std::vector<int> descriptors_;
};

}  // namespace sluice::kernel
