// SPDX-License-Identifier: Apache-2.0
// One core's way to the host kernel beside its ports: frames that are not ours go to the kernel interface of their port, what
// the kernel sends goes out of the port, and the kernel's addresses, routes and neighbours are told to the stack.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "dataplane/core/reactor.hh"
#include "dataplane/ip/stack.hh"
#include "drivers/kernel/kernel_interface.hh"
#include "drivers/kernel/kernel_queue.hh"
#include "drivers/kernel/route_monitor.hh"
#include "drivers/port.hh"

namespace sluice::runtime {

// A part of the core's reactor, before the transport. Own thread.
class KernelPath final : public ReactorPart, private kernel::RouteMonitor::User {
 public:
  // Borrows both.
  KernelPath(ip::Stack& stack, Waiter& waiter) : stack_(stack), waiter_(waiter) {}
  ~KernelPath() override;
  KernelPath(const KernelPath&) = delete;

  // From now on `interface_index` of the stack, which stands on `port`, has queue `queue` of `interface` beside it. Returns
  // where frames for the kernel go. `follows_routes`: its routes and neighbours are the stack's, too.
  FrameSink& add(uint8_t interface_index, Port& port, const kernel::KernelInterface& interface,
                 uint32_t queue, bool follows_routes);
  // After the last add(): reads what the kernel knows. "" or one line.
  std::string begin();
  bool empty() const { return ways_.empty(); }

  bool receive(uint64_t now_ns) override;
  void transmit(uint64_t now_ns) override;
  bool prepare_sleep(uint64_t& timeout_ns) override;
  void after_sleep() override;

  // Of all its interfaces together.
  kernel::KernelQueue::Counters counters() const;
  kernel::RouteMonitor::Counters monitor_counters() const;
  uint64_t port_refused() const { return port_refused_; }

 private:
  // A descriptor costs a system call to look at: while it was silent of late, only so often.
  static constexpr uint64_t kFramesPollNs = 50'000, kNewsPollNs = 1'000'000;
  struct Way {
    Way(uint8_t its_interface, Port& its_port, const kernel::KernelInterface& its_kernel, uint32_t number,
        uint32_t frame_bytes)
        : interface_index(its_interface),
          port(its_port),
          interface(its_kernel),
          queue_number(number),
          queue(its_kernel.descriptor(number), frame_bytes) {}
    const uint8_t interface_index;
    Port& port;
    const kernel::KernelInterface& interface;
    const uint32_t queue_number;
    kernel::KernelQueue queue;
    uint64_t poll_at_ns = 0;
    // Of the kernel's, which the port has not taken yet: no more are read meanwhile.
    Buffer* unsent[kernel::KernelQueue::kBurstFrames];
    unsigned unsent_count = 0;
    bool said_lost = false;
  };
  bool receive(Way& way, uint64_t now_ns);
  void send(Way& way, unsigned count);
  void lose(Way& way);
  Way* way_of(unsigned kernel_index);

  void on_address(const IpAddress& address, unsigned interface, bool present) override;
  void on_routes(const IpAddress& prefix, uint8_t prefix_bits,
                 std::span<const kernel::RouteMonitor::Hop> hops) override;
  void on_neighbour(const IpAddress& address, unsigned interface, const MacAddress& mac) override;
  void on_interface_gone(unsigned interface) override;

  ip::Stack& stack_;
  Waiter& waiter_;
  std::vector<std::unique_ptr<Way>> ways_;
  kernel::RouteMonitor::Options watched_;
  std::unique_ptr<kernel::RouteMonitor> monitor_;
  uint64_t news_at_ns_ = 0, port_refused_ = 0;
};

}  // namespace sluice::runtime
