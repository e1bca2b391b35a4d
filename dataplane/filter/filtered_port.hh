// SPDX-License-Identifier: Apache-2.0
// Rules before the stack: each received frame is looked at once, a burst at a time, and the first rule that matches says
// what becomes of it. A port without rules has none of this in its way.
#pragma once
#include <cstdint>
#include <vector>

#include "dataplane/ip/rate_limit.hh"
#include "drivers/clock.hh"
#include "drivers/frame_matcher.hh"
#include "drivers/frame_sink.hh"
#include "drivers/port.hh"

namespace sluice::filter {

enum class Action : uint8_t {
  kDrop,
  kPass,       // to the stack, whatever later rules say
  kKernel,     // to the port's kernel interface
  kRateLimit,  // to the stack while the token bucket has any, else dropped
};

struct Rule {
  Action action = Action::kPass;
  const FrameMatcher* matcher = nullptr;  // borrowed
  // Of kRateLimit: this core's share.
  uint32_t packets_per_second = 0, burst_packets = 0;
};

// Of one core's thread. Stands between the stack and `port`.
class FilteredPort final : public Port {
 public:
  // Borrows all. `kernel`: where kKernel sends frames; may be set later, nullptr drops them.
  FilteredPort(Port& port, Clock& clock, const std::vector<Rule>& rules);
  void set_kernel(FrameSink* kernel) { kernel_ = kernel; }

  unsigned receive(Buffer** frames, unsigned limit) override;
  unsigned transmit(Buffer** frames, unsigned count) override { return port_.transmit(frames, count); }
  BufferPool& pool() override { return port_.pool(); }
  MacAddress mac() const override { return port_.mac(); }
  uint32_t mtu_bytes() const override { return port_.mtu_bytes(); }
  const PortCapabilities& capabilities() const override { return port_.capabilities(); }
  bool flow_is_local(const IpAddress& source, const IpAddress& destination, uint16_t source_port,
                     uint16_t destination_port) const override {
    return port_.flow_is_local(source, destination, source_port, destination_port);
  }
  int interrupt_fd() override { return port_.interrupt_fd(); }
  void arm_interrupt() override { port_.arm_interrupt(); }
  void disarm_interrupt() override { port_.disarm_interrupt(); }

  struct Counters {
    uint64_t matched_packets = 0, matched_bytes = 0;
    uint64_t dropped_packets =
        0;  // of those: all of kDrop, of kRateLimit what was too much, of kKernel without one
  };
  const Counters& counters(size_t rule) const { return rules_[rule].counters; }
  size_t rules() const { return rules_.size(); }
  // Whether the last receive() consumed frames and gave none: there may be more, the core must not sleep.
  bool withheld() const { return withheld_; }

 private:
  // A burst of strangers must not look as if nothing were left, and a flood must not hold the core up.
  static constexpr unsigned kBurstsInVain = 4;
  struct LiveRule {
    Rule rule;
    ip::RateLimit bucket;
    Counters counters;
  };
  unsigned sift(Buffer** frames, unsigned count);

  Port& port_;
  Clock& clock_;
  FrameSink* kernel_ = nullptr;
  std::vector<LiveRule> rules_;
  bool withheld_ = false;
};

}  // namespace sluice::filter
