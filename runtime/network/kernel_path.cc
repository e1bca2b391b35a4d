// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/kernel_path.hh"

#include <algorithm>
#include <cstdio>

namespace sluice::runtime {

namespace {
constexpr uint32_t kFrameOverheadBytes = 14 + 2 * 4;  // Ethernet with two tags
}

KernelPath::~KernelPath() {
  for (const auto& way : ways_) {
    stack_.set_exception(way->interface_index, nullptr);
    if (!way->queue.lost()) waiter_.unwatch(way->queue.descriptor());
    for (unsigned i = 0; i < way->unsent_count; ++i) release(way->unsent[i]);
  }
  if (monitor_) waiter_.unwatch(monitor_->descriptor());
}

FrameSink& KernelPath::add(uint8_t interface_index, Port& port, const kernel::KernelInterface& interface,
                           uint32_t queue, bool follows_routes) {
  Way& way = *ways_.emplace_back(
      std::make_unique<Way>(interface_index, port, interface, queue, port.mtu_bytes() + kFrameOverheadBytes));
  stack_.set_exception(interface_index, &way.queue);
  waiter_.watch(way.queue.descriptor());
  watched_.interfaces.insert(interface.index());
  if (follows_routes) watched_.route_interfaces.insert(interface.index());
  return way.queue;
}

std::string KernelPath::begin() {
  std::string error;
  monitor_ = kernel::RouteMonitor::open(watched_, *this, error);
  if (monitor_) waiter_.watch(monitor_->descriptor());
  return error;
}

bool KernelPath::receive(uint64_t now_ns) {
  bool any = false;
  for (const auto& way : ways_) any |= receive(*way, now_ns);
  if (now_ns >= news_at_ns_) {
    news_at_ns_ = now_ns + kNewsPollNs;
    any |= monitor_->poll();
  }
  return any;
}

bool KernelPath::receive(Way& way, uint64_t now_ns) {
  if (way.unsent_count > 0) {
    send(way, way.unsent_count);
    if (way.unsent_count > 0) return true;
  }
  if (now_ns < way.poll_at_ns || way.queue.lost()) return false;
  const unsigned count = way.queue.receive(way.unsent, kernel::KernelQueue::kBurstFrames, way.port.pool());
  if (way.queue.lost()) lose(way);
  if (count == 0) {
    way.poll_at_ns = now_ns + kFramesPollNs;
    return false;
  }
  send(way, count);
  return true;
}

// The first `count` of `unsent`; what the port does not take stays.
void KernelPath::send(Way& way, unsigned count) {
  const unsigned taken = way.port.transmit(way.unsent, count);
  if (taken < count) ++port_refused_;
  std::copy(way.unsent + taken, way.unsent + count, way.unsent);
  way.unsent_count = count - taken;
}

void KernelPath::lose(Way& way) {
  if (way.said_lost) return;
  way.said_lost = true;
  waiter_.unwatch(way.queue.descriptor());
  stack_.set_exception(way.interface_index, nullptr);
  if (way.queue_number == 0)
    std::fprintf(stderr,
                 "sluice: the kernel interface %s was removed: what is not ours is refused from now on; "
                 "restart to have it again\n",
                 way.interface.name().c_str());
}

void KernelPath::transmit(uint64_t) {
  for (const auto& way : ways_) {
    if (!way->queue.waiting()) continue;
    way->queue.flush();
    if (way->queue.lost()) lose(*way);
  }
}

bool KernelPath::prepare_sleep(uint64_t&) {
  for (const auto& way : ways_)
    if (way->queue.waiting() || way->unsent_count > 0) return false;
  return true;
}

void KernelPath::after_sleep() {
  for (const auto& way : ways_) way->poll_at_ns = 0;
  news_at_ns_ = 0;
}

KernelPath::Way* KernelPath::way_of(unsigned kernel_index) {
  for (const auto& way : ways_)
    if (way->interface.index() == kernel_index) return way.get();
  return nullptr;
}

void KernelPath::on_address(const IpAddress& address, unsigned, bool present) {
  stack_.set_kernel_address(address, present);
}

void KernelPath::on_routes(const IpAddress& prefix, uint8_t prefix_bits,
                           std::span<const kernel::RouteMonitor::Hop> hops) {
  std::vector<ip::Stack::Hop> ours;
  for (const auto& hop : hops)
    if (const Way* way = way_of(hop.interface)) ours.push_back({hop.gateway, way->interface_index});
  stack_.set_kernel_routes(prefix, prefix_bits, ours);
}

void KernelPath::on_neighbour(const IpAddress& address, unsigned interface, const MacAddress& mac) {
  if (const Way* way = way_of(interface)) stack_.learn_kernel_neighbour(way->interface_index, address, mac);
}

void KernelPath::on_interface_gone(unsigned interface) {
  Way* const way = way_of(interface);
  if (way != nullptr) lose(*way);
}

kernel::KernelQueue::Counters KernelPath::counters() const {
  kernel::KernelQueue::Counters sum;
  for (const auto& way : ways_) {
    const auto& each = way->queue.counters;
    sum.to_kernel_packets += each.to_kernel_packets;
    sum.to_kernel_bytes += each.to_kernel_bytes;
    sum.from_kernel_packets += each.from_kernel_packets;
    sum.from_kernel_bytes += each.from_kernel_bytes;
    sum.queue_full += each.queue_full;
    sum.interface_down += each.interface_down;
    sum.interface_lost += each.interface_lost;
    sum.refused += each.refused;
    sum.no_buffer += each.no_buffer;
  }
  return sum;
}

kernel::RouteMonitor::Counters KernelPath::monitor_counters() const {
  return monitor_ ? monitor_->counters : kernel::RouteMonitor::Counters{};
}

}  // namespace sluice::runtime
