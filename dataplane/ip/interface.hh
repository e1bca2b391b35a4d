// SPDX-License-Identifier: Apache-2.0
// One interface: a port, its addresses, and the queue of frames that wait for the port to take them.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/ip/ipv6_interface.hh"
#include "dataplane/ip/stack.hh"
#include "dataplane/wire/ethernet.hh"
#include "drivers/port.hh"

namespace sluice::ip {

// An IPv4 address of ours with its prefix, host order.
struct LocalPrefix {
  uint32_t address = 0, mask = 0;
  bool learnt = false;  // from a server, not configured
  bool contains(uint32_t other) const { return ((address ^ other) & mask) == 0; }
  // The directed broadcast address; 0 for /31 and /32, which have none (RFC 3021).
  uint32_t broadcast() const { return ~mask > 1 ? address | ~mask : 0; }
};

// The first 6 bytes at `at` as a number, for comparing; 8 bytes must be readable.
inline uint64_t mac_word(const std::byte* at) {
  uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return word & 0xffff'ffff'ffff;
}

// Frames that wait for the port: a ring of pointers, so that a Buffer's `next` stays with whoever else holds it.
class TransmitQueue {
 public:
  static constexpr unsigned kFrames = Stack::kTransmitQueueFrames;
  ~TransmitQueue() {
    for (; head_ != tail_; ++head_) release(frames_[head_ % kFrames]);
  }
  unsigned size() const { return tail_ - head_; }
  bool full() const { return size() == kFrames; }
  void push(Buffer* frame) { frames_[tail_++ % kFrames] = frame; }
  // Gives the port what it takes.
  void flush(Port& port) {
    while (head_ != tail_) {
      const unsigned at = head_ % kFrames, run = kFrames - at < size() ? kFrames - at : size();
      const unsigned taken = port.transmit(&frames_[at], run);
      head_ += taken;
      if (taken < run) return;
    }
  }

 private:
  static_assert((kFrames & (kFrames - 1)) == 0, "the ring's numbers wrap");
  std::array<Buffer*, kFrames> frames_;
  unsigned head_ = 0, tail_ = 0;
};

// The question whether somebody has an address (address_probe.cc).
struct AddressProbe : InterfaceTimer {
  uint32_t address = 0;  // host order; 0: none is being asked for
  unsigned left = 0;     // probes to be sent yet
};

// A group of IPv4 that we are a member of, and what its routers are still to be told (igmp.cc).
struct Ipv4Group {
  uint32_t group = 0;    // host order
  uint16_t members = 0;  // 0: it is being left
  uint8_t reports_left = 0;
  bool asked = false;  // a query wants to hear of it
};

struct Ipv4Groups {
  std::vector<Ipv4Group> joined;
  InterfaceTimer timer;
  // Until when routers of older versions are taken to be there (RFC 3376 section 7.2.1).
  uint64_t version1_until_ns = 0, version2_until_ns = 0;

  bool contains(uint32_t group) const {
    for (const Ipv4Group& each : joined)
      if (each.group == group && each.members > 0) return true;
    return false;
  }
};

struct Interface {
  Port& port;
  const uint8_t index;
  const std::string name;
  const MacAddress mac;
  const uint64_t mac_as_word;
  const PortCapabilities capabilities;
  const uint32_t own_mtu_bytes;  // the port's, or less where the configuration says so
  uint32_t mtu_bytes;            // of IPv4: the same, or less when a server says so
  const bool merge_received;     // InterfaceOptions, unless the port does it
  const bool cut_sent, cut_sent_ipv6;
  std::vector<LocalPrefix> prefixes;
  LearntIpv4 learnt;
  uint16_t awaits_on_port = 0;  // Stack::await_address
  AddressProbe probe;
  Ipv4Groups groups;
  uint64_t defended_ns = 0;  // when an address was last defended against a conflict
  Ipv6Interface ipv6;
  FrameSink* exception = nullptr;  // where frames go that are not ours
  TransmitQueue queue;

  Interface(Port& its_port, uint8_t its_index, const InterfaceOptions& options);

  // The prefix of ours that `address` is in, or nullptr.
  const LocalPrefix* on_link(uint32_t address) const {
    for (const LocalPrefix& prefix : prefixes)
      if (prefix.contains(address)) return &prefix;
    return nullptr;
  }
  bool owns(uint32_t address) const {
    for (const LocalPrefix& prefix : prefixes)
      if (prefix.address == address) return true;
    return false;
  }
  bool is_broadcast(uint32_t address) const {
    if (address == 0xffffffff) return true;
    for (const LocalPrefix& prefix : prefixes)
      if (address == prefix.broadcast() && address != 0) return true;
    return false;
  }
};

}  // namespace sluice::ip
