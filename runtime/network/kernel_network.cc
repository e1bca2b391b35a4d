// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/kernel_network.hh"

#include <algorithm>

#include "dataplane/transport/kernel.hh"
#include "drivers/kernel/host_clock.hh"
#include "drivers/kernel/host_entropy.hh"
#include "drivers/kernel/socket_driver.hh"
#include "runtime/network/poll_mode.hh"

namespace sluice::runtime {

namespace {

kernel::DriverKind driver_kind(config::KernelDriver driver) {
  switch (driver) {
    case config::KernelDriver::kUring: return kernel::DriverKind::kUring;
    case config::KernelDriver::kEpoll: return kernel::DriverKind::kEpoll;
    case config::KernelDriver::kAuto: break;
  }
  return kernel::DriverKind::kAutomatic;
}

transport::KernelOptions kernel_options(const config::Configuration& configuration) {
  transport::KernelOptions options;
  // Outbound connections need room beside the inbound ones that HTTP's limit allows.
  options.max_streams = std::max(options.max_streams, configuration.http.connections);
  return options;
}

class KernelCore final : public CoreNetwork {
 public:
  KernelCore(const config::Configuration& configuration, std::unique_ptr<HeapBufferPool> pool,
             std::unique_ptr<kernel::SocketDriver> driver)
      : pool_(std::move(pool)),
        driver_(std::move(driver)),
        reactor_(clock_, driver_->waiter(), poll_mode(configuration)),
        transport_(reactor_, *driver_, *pool_, kernel_options(configuration)) {
    reactor_.add(transport_);
  }

  Clock& clock() override { return clock_; }
  Entropy& entropy() override { return entropy_; }
  Reactor& reactor() override { return reactor_; }
  transport::Transport& transport() override { return transport_; }
  const char* driver() const override { return driver_->name(); }

  void visit_counters(const CounterVisitor& visit) override {
    const transport::KernelTransport::Counters& counters = transport_.counters;
    visit("stream_accepted", "", counters.accepted);
    visit("stream_connected", "", counters.connected);
    visit("stream_connect_failed", "", counters.connects_failed);
    visit("stream_connect_timed_out", "", counters.connects_timed_out);
    visit("stream_closed", "", counters.closed);
    visit("stream_resets_received", "", counters.resets_received);
    visit("stream_aborts", "", counters.aborts);
    visit("stream_bytes_received", "", counters.bytes_received);
    visit("stream_bytes_sent", "", counters.bytes_sent);
    visit("stream_limit_hit", "limit=\"streams\"",
          counters.accept_pauses_limit + counters.connects_refused_limit);
    visit("stream_limit_hit", "limit=\"files\"", counters.accept_pauses_files);
    visit("stream_limit_hit", "limit=\"held_accepts\"", counters.accepts_refused);
    visit("stream_receive_pauses", "", counters.receive_pauses);
    visit("datagrams_received", "", counters.datagrams_received);
    visit("datagrams_sent", "", counters.datagrams_sent);
    visit("datagrams_refused", "", counters.datagrams_refused);
    visit("datagram_errors", "", counters.datagram_errors);
    visit("kernel_system_calls", "", driver_->counters.system_calls);
    visit("kernel_events", "", driver_->counters.events);
    visit("kernel_receive_starved", "", driver_->counters.receive_starved);
    visit("kernel_buffers_exhausted", "", pool_->exhausted);
  }
  void visit_gauges(const CounterVisitor& visit) override {
    visit("stream_connections", "", transport_.open_streams());
    visit("kernel_buffers", "", pool_->outstanding());
  }

 private:
  kernel::HostClock clock_;
  kernel::HostEntropy entropy_;
  std::unique_ptr<HeapBufferPool> pool_;
  std::unique_ptr<kernel::SocketDriver> driver_;
  Reactor reactor_;
  transport::KernelTransport transport_;
};

}  // namespace

std::unique_ptr<CoreNetwork> KernelNetwork::make_core(unsigned, std::string& error) {
  auto pool =
      std::make_unique<HeapBufferPool>(transport::KernelTransport::kBufferStorageBytes, kBuffersLimit);
  kernel::DriverOptions options;
  options.kind = driver_kind(configuration_.kernel_driver);
  std::string why;
  auto driver = kernel::make_socket_driver(options, *pool, why);
  if (!driver) {
    error = "the kernel's sockets cannot be used: " + why;
    return nullptr;
  }
  return std::make_unique<KernelCore>(configuration_, std::move(pool), std::move(driver));
}

}  // namespace sluice::runtime
