// SPDX-License-Identifier: Apache-2.0
// A simulated Ethernet segment: any number of ports on one switch, in virtual time, with as hostile a wire between each
// pair as a test wants. Everything that happens follows from one seed.
#pragma once
#include <cstdint>
#include <cstdio>
#include <deque>
#include <functional>
#include <memory>
#include <queue>
#include <span>
#include <string>
#include <vector>

#include "drivers/buffer.hh"
#include "drivers/port.hh"
#include "tests/simulation/seeded_entropy.hh"
#include "tests/simulation/virtual_clock.hh"

namespace sluice::simulation {

// What happens to frames on their way from one port to another. Probabilities are per frame, 0 to 1.
struct Conditions {
  uint64_t delay_ns = 10'000;
  uint64_t jitter_ns = 0;  // each frame takes up to this much longer: frames overtake each other
  double loss = 0;
  double burst_loss = 0;            // probability that a burst of losses begins
  unsigned burst_loss_frames = 10;  // its length
  double duplication = 0;
  double corruption = 0;  // 1 to 3 bits of one 16-bit word flipped: the Internet checksum sees that always
  uint64_t rate_bits_per_second = 0;  // 0: infinite
  unsigned queue_frames = 1000;       // waiting for the rate limit; beyond it frames are dropped (tail drop)
  bool cut = false;                   // everything is lost
};

class SimulatedWire;

struct SimulatedPortOptions {
  MacAddress mac{};  // all zero: 02:00:00:00:00:<number + 1>
  uint32_t mtu_bytes = 1500;
  // What the port claims, and then does (checksums, TSO). The default makes the stack do all by itself.
  PortCapabilities capabilities{};
  bool verifies_checksums = false;       // sets the kReceive*Checksum* flags, as a NIC would
  unsigned receive_queue_frames = 4096;  // beyond it frames are dropped, counted
  unsigned transmit_queue_frames = 0;    // frames that transmit() accepts per advance of time; 0: all
  uint32_t pool_buffers = 1u << 17;
  bool promiscuous = false;  // gets every frame on the segment
};

// One host's port. Frames are copied on transmission, so a sender's Buffer is free when transmit() returns.
class SimulatedPort final : public Port {
 public:
  // Least bytes of storage of each Buffer: a full frame of 1500 behind the transmit headroom. More for a larger MTU.
  static constexpr uint32_t kStorageBytes = 2048;

  unsigned receive(Buffer** frames, unsigned limit) override;
  unsigned transmit(Buffer** frames, unsigned count) override;
  HeapBufferPool& pool() override { return pool_; }
  MacAddress mac() const override { return options_.mac; }
  uint32_t mtu_bytes() const override { return options_.mtu_bytes; }
  const PortCapabilities& capabilities() const override { return options_.capabilities; }

  unsigned number() const { return number_; }
  bool has_received() const { return !received_.empty(); }
  // Sends these bytes as if the host's stack had: for tests that forge frames.
  void inject(std::span<const std::byte> frame);
  // Puts a frame into the receive queue, past the wire.
  void deliver(std::span<const std::byte> frame) { arrive(frame); }

  struct Counters {
    uint64_t transmitted = 0, transmitted_bytes = 0, received = 0, receive_dropped = 0;
  } counters;

 private:
  friend class SimulatedWire;
  SimulatedPort(SimulatedWire& wire, unsigned number, const SimulatedPortOptions& options);
  void arrive(std::span<const std::byte> frame);
  void finish_checksums(std::vector<std::byte>& frame, const Buffer& request);
  void transmit_tso(const std::vector<std::byte>& frame, const Buffer& request);

  SimulatedWire& wire_;
  const unsigned number_;
  const SimulatedPortOptions options_;
  HeapBufferPool pool_;
  std::deque<Buffer*> received_;
  unsigned accepted_now_ = 0;
  uint64_t accepted_at_ns_ = 0;
};

class SimulatedWire {
 public:
  // Borrows the clock.
  SimulatedWire(VirtualClock& clock, uint64_t seed);
  ~SimulatedWire();
  SimulatedWire(const SimulatedWire&) = delete;

  // Stays at its place as long as the wire.
  SimulatedPort& add_port(const SimulatedPortOptions& options = {});
  SimulatedPort& port(unsigned number) { return *ports_[number]; }

  // The conditions of one direction, to be read and changed at any time.
  Conditions& conditions(unsigned from, unsigned to) { return link(from, to).conditions; }
  // Sets all directions, also those of ports added later.
  void set_conditions(const Conditions& conditions);

  // Called for each frame and each receiver before anything else happens to it, with the numbers of the two ports. False
  // drops the frame (counted in `filtered`). The hook may alter bytes in place.
  using Hook = std::function<bool(std::span<std::byte> frame, unsigned from, unsigned to)>;
  void set_hook(Hook hook) { hook_ = std::move(hook); }

  // Time of the next arrival, UINT64_MAX when nothing is under way.
  uint64_t next_event_ns() const { return in_flight_.empty() ? UINT64_MAX : in_flight_.top()->at_ns; }
  // Delivers what has arrived by the clock's time. Returns whether there was any.
  bool deliver();
  size_t in_flight() const { return in_flight_.size(); }

  // Writes what is sent from now on to `path` as a pcap file with nanosecond times.
  void trace(const std::string& path);

  struct Counters {
    uint64_t sent = 0, delivered = 0, lost = 0, duplicated = 0, corrupted = 0, queue_dropped = 0,
             filtered = 0;
  } counters;

 private:
  friend class SimulatedPort;
  struct Link {
    Conditions conditions;
    unsigned burst_left = 0;
    uint64_t line_free_ns = 0;  // when the rate-limited line has sent all it holds
  };
  struct Flight {
    uint64_t at_ns;
    uint64_t order;  // ties go by order of sending
    unsigned to;
    std::vector<std::byte> bytes;
  };
  struct Later {
    bool operator()(const std::unique_ptr<Flight>& a, const std::unique_ptr<Flight>& b) const {
      return a->at_ns != b->at_ns ? a->at_ns > b->at_ns : a->order > b->order;
    }
  };
  Link& link(unsigned from, unsigned to) { return links_[from][to]; }
  void send(unsigned from, std::span<const std::byte> frame);
  void send_to(unsigned from, unsigned to, std::span<const std::byte> frame);

  VirtualClock& clock_;
  SeededEntropy entropy_;
  std::vector<std::unique_ptr<SimulatedPort>> ports_;
  std::vector<std::vector<Link>> links_;
  Conditions default_conditions_;
  Hook hook_;
  std::priority_queue<std::unique_ptr<Flight>, std::vector<std::unique_ptr<Flight>>, Later> in_flight_;
  uint64_t order_ = 0;
  std::FILE* trace_ = nullptr;
};

}  // namespace sluice::simulation
