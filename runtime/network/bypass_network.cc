// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/bypass_network.hh"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <string_view>

#include "dataplane/core/keyed_hash.hh"
#include "dataplane/filter/filtered_port.hh"
#include "dataplane/ip/stack.hh"
#include "dataplane/ip/vlan_port.hh"
#include "dataplane/tcp/tcp.hh"
#include "dataplane/transport/bypass.hh"
#include "dataplane/udp/udp.hh"
#include "drivers/ethdev/eal.hh"
#include "drivers/kernel/host_clock.hh"
#include "drivers/kernel/host_entropy.hh"
#include "runtime/network/address_service.hh"
#include "runtime/network/filter_watch.hh"
#include "runtime/network/kernel_path.hh"
#include "runtime/network/loop_inbox.hh"
#include "runtime/network/poll_mode.hh"
#include "runtime/network/steered_port.hh"

namespace sluice::runtime {

namespace {

ethdev::PortKind port_kind(config::PortKind kind) {
  switch (kind) {
    case config::PortKind::kTap: return ethdev::PortKind::kTap;
    case config::PortKind::kAfPacket: return ethdev::PortKind::kAfPacket;
    case config::PortKind::kAfXdp: return ethdev::PortKind::kAfXdp;
    case config::PortKind::kMemif: return ethdev::PortKind::kMemif;
    case config::PortKind::kVirtioUser: return ethdev::PortKind::kVirtioUser;
    case config::PortKind::kVhost: return ethdev::PortKind::kVhost;
    case config::PortKind::kRing: return ethdev::PortKind::kRing;
    case config::PortKind::kPci: return ethdev::PortKind::kPci;
  }
  return ethdev::PortKind::kTap;
}

tcp::Limits tcp_limits(const config::Configuration& whole) {
  const config::TcpConfig& configuration = whole.tcp;
  tcp::Limits limits;
  if (whole.has_kernel_interface()) {
    limits.ephemeral_first = config::kPortsBesideKernelFirst;
    limits.ephemeral_last = config::kPortsBesideKernelLast;
  }
  limits.ecn_accept = configuration.ecn != config::EcnPolicy::kOff;
  limits.ecn_offer = configuration.ecn == config::EcnPolicy::kOffer;
  limits.receive_window_limit_bytes = configuration.receive_window_limit_bytes;
  limits.receive_window_bytes =
      std::min(limits.receive_window_bytes, configuration.receive_window_limit_bytes);
  limits.user_timeout_ms = configuration.user_timeout_ms;
  limits.user_timeout_option = configuration.user_timeout_option;
  switch (configuration.mtu_probing) {
    case config::MtuProbingPolicy::kOff: limits.mtu_probing = tcp::MtuProbing::kOff; break;
    case config::MtuProbingPolicy::kAfterReduction: break;
    case config::MtuProbingPolicy::kAlways: limits.mtu_probing = tcp::MtuProbing::kAlways; break;
  }
  return limits;
}

tcp::CongestionControl congestion_control(config::CongestionKind kind) {
  switch (kind) {
    case config::CongestionKind::kReno: return tcp::CongestionControl::kReno;
    case config::CongestionKind::kCubic: break;
    case config::CongestionKind::kBbr: return tcp::CongestionControl::kBbr;
  }
  return tcp::CongestionControl::kCubic;
}

filter::Action filter_action(config::FilterAction action) {
  switch (action) {
    case config::FilterAction::kDrop: return filter::Action::kDrop;
    case config::FilterAction::kPass: return filter::Action::kPass;
    case config::FilterAction::kKernel: return filter::Action::kKernel;
    case config::FilterAction::kRateLimit: break;
  }
  return filter::Action::kRateLimit;
}

ethdev::EalMemory eal_memory(config::HugePages hugepages) {
  switch (hugepages) {
    case config::HugePages::kAlways: return ethdev::EalMemory::kHugepages;
    case config::HugePages::kNever: return ethdev::EalMemory::kOrdinary;
    case config::HugePages::kAuto: break;
  }
  return ethdev::EalMemory::kAuto;
}

ethdev::PortSpec port_spec(const config::PortConfig& port, uint32_t cores) {
  ethdev::PortSpec spec;
  spec.kind = port_kind(port.kind);
  spec.name = port.name;
  std::string_view rest = port.arguments;
  while (!rest.empty()) {
    const size_t comma = rest.find(',');
    const std::string_view pair = rest.substr(0, comma);
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    const size_t equals = pair.find('=');
    if (equals == std::string_view::npos)
      spec.settings.emplace(pair, "1");
    else
      spec.settings.emplace(pair.substr(0, equals), pair.substr(equals + 1));
  }
  spec.queues = static_cast<uint16_t>(port.queues != 0 ? port.queues : cores);
  if (port.mtu_bytes != 0) spec.mtu_bytes = port.mtu_bytes;
  spec.mac = port.mac;
  spec.promiscuous = port.promiscuous;
  return spec;
}

// The key of the identifiers in IPv6 addresses that we form (RFC 7217): the machine's own, so that they stay the same after a
// restart; all zero, which stands for a random one, where the machine has none.
std::array<uint64_t, 2> stable_key() {
  std::ifstream file("/etc/machine-id");
  std::string text;
  std::getline(file, text);
  std::array<uint64_t, 2> key{};
  if (text.size() < 32) return key;
  for (size_t half = 0; half < 2; ++half) {
    const char* at = text.data() + 16 * half;
    uint64_t value = 0;
    if (std::from_chars(at, at + 16, value, 16).ptr != at + 16) return {};
    // Others must not learn the machine's number from addresses, nor get the same key by using it as it is.
    key[half] = KeyedHash({0x736c756963652076, 0x3620737461626c65}).add(value).add(half).finish();
  }
  return key;
}

}  // namespace

// The stack of one core over its queue of each port.
class BypassCore final : public CoreNetwork {
 public:
  BypassCore(BypassNetwork& network, unsigned index)
      : network_(network),
        index_(index),
        registered_(ethdev::Eal::register_thread()),
        waiter_(*network.waiters_[index]),
        reactor_(clock_, waiter_, poll_mode(network.configuration_)),
        stack_(reactor_.timers(), entropy_),
        neighbours_(*network.neighbours_, index, stack_),
        capture_(*network.capture_, index, stack_, clock_),
        kernel_path_(stack_, waiter_),
        transport_(reactor_.timers(), clock_, entropy_, stack_, tcp_limits(network.configuration_)) {
    if (network.configuration_.has_kernel_interface())
      transport_.udp().set_ephemeral_ports(config::kPortsBesideKernelFirst, config::kPortsBesideKernelLast);
    transport_.tcp().congestion_control = congestion_control(network.configuration_.tcp.congestion);
    transport_.tcp().pacing = network.configuration_.tcp.pacing;
    transport_.tcp().set_fast_open_key(network.fast_open_key_);
    reactor_.add(capture_);
    reactor_.add(neighbours_);
    if (network.loop_) {
      loop_ = std::make_unique<LoopInbox>(*network.loop_, index, stack_);
      reactor_.add(*loop_);
    }
    if (network.configuration_.has_kernel_interface()) reactor_.add(kernel_path_);
    reactor_.add(transport_);
    if (network.udp_ports_) transport_.udp().share_ports(*network.udp_ports_, index);
  }
  ~BypassCore() override {
    // What the connections' ends leave in the queue is sent before the port goes. Only this part of the reactor is still there.
    transport_.transmit(clock_.monotonic_ns());
    addresses_.reset();
    if (registered_) ethdev::Eal::unregister_thread();
  }

  std::string configure() {
    const config::Configuration& configuration = network_.configuration_;
    uint8_t ipv6_interface = 0;  // routers of link scope are named only where there is one
    trunks_.resize(network_.devices_.size());
    for (size_t i = 0; i < configuration.ports.size(); ++i) {
      const size_t device_index = network_.device_of_[i];
      ethdev::EthernetDevice& device = *network_.devices_[device_index];
      const config::PortConfig& port = configuration.ports[i];
      if (index_ >= device.queues()) continue;  // this core has no queue of that port
      ip::InterfaceOptions options;
      options.name = port.vlan != 0 ? port.name + "." + std::to_string(port.vlan) : port.name;
      options.mtu_bytes = port.mtu_bytes;
      for (const config::Prefix& prefix : port.addresses)
        options.addresses.push_back({prefix.address, prefix.length});
      Trunk& trunk = trunks_[device_index];
      if (trunk.port == nullptr) {
        ethdev::EthernetQueue& queue = device.queue(static_cast<uint16_t>(index_));
        trunk.port = &queue;
        if (BufferExchange* exchange = network_.steering_[device_index].get()) {
          steered_.push_back(std::make_unique<SteeredPort>(queue, *exchange, index_));
          trunk.port = steered_.back().get();
        }
        transport_.sleep_on(*trunk.port, waiter_);
        queues_.push_back(&queue);
      }
      Port* port_of_core = trunk.port;
      options.autoconfigure = port.slaac;
      options.obey_routers = port.dhcp6 == config::Dhcp6::kOn;  // which tells no routes
      options.duplicate_detections = port.duplicate_detection ? 1 : 0;
      options.stable_key = network_.stable_key_;
      if (port.vlan != 0 || network_.is_shared(device_index)) {
        ip::VlanPort& vlan = *vlans_.emplace_back(std::make_unique<ip::VlanPort>(*trunk.port, port.vlan));
        trunk.vlans->push_back(&vlan);
        vlan.share(*trunk.vlans);
        port_of_core = &vlan;
      }
      if (std::vector<filter::Rule> rules = network_.rules_of(i); !rules.empty())
        port_of_core =
            filtered_.emplace_back(i, std::make_unique<filter::FilteredPort>(*port_of_core, clock_, rules))
                .second.get();
      const uint8_t interface_index = stack_.add_interface(*port_of_core, options);
      if (port.has_ipv6()) ipv6_interface = interface_index;
      if (port.asks_servers()) {
        if (!addresses_)
          addresses_ = std::make_unique<AddressService>(index_, network_.learnt_.get(), reactor_, clock_,
                                                        entropy_, stack_, transport_.udp());
        if (std::string error = addresses_->add(i, interface_index, port); !error.empty()) return error;
      }
      if (const kernel::KernelInterface* kernel = network_.kernel_interfaces_[i].get()) {
        FrameSink& sink =
            kernel_path_.add(interface_index, *port_of_core, *kernel, index_, port.routes_from_kernel);
        if (!filtered_.empty() && filtered_.back().first == i) filtered_.back().second->set_kernel(&sink);
      }
      for (const auto& gateway : {port.gateway, port.ipv6_gateway}) {
        if (!gateway) continue;
        const IpAddress anywhere = gateway->is_v4() ? IpAddress::v4(0) : IpAddress{};
        if (const Error error = stack_.add_route(anywhere, 0, *gateway, interface_index);
            error != Error::kNone)
          return port.where + "the gateway " + gateway->to_string() + " cannot be used: " + error_code(error);
      }
    }
    for (const config::RouteConfig& route : configuration.routes)
      if (const Error error = stack_.add_route(route.to.address, route.to.length, route.via, ipv6_interface);
          error != Error::kNone)
        return route.where + "the route to " + route.to.to_string() + " cannot be used: " + error_code(error);
    if (queues_.empty())
      return "core " + std::to_string(index_) +
             " has no queue of any port; give a port more queues or use fewer --cores";
    if (configuration.has_kernel_interface())
      if (std::string error = kernel_path_.begin(); !error.empty()) return error;
    for (const auto& [index, port] : filtered_)
      reactor_.add(*filter_watches_.emplace_back(std::make_unique<FilterWatch>(*port)));
    for (const auto& port : steered_) {
      steering_watches_.push_back(std::make_unique<SteeringWatch>(*port));
      reactor_.add(*steering_watches_.back());
    }
    if (addresses_) reactor_.add(*addresses_);
    return "";
  }

  bool has_addresses() override { return !addresses_ || addresses_->has_addresses(); }
  void leave() override {
    if (!addresses_) return;
    addresses_->stop();
    transport_.transmit(clock_.monotonic_ns());
    const uint64_t deadline_ns = clock_.monotonic_ns() + kLeaveNs;
    while (stack_.is_resolving() && clock_.monotonic_ns() < deadline_ns) {
      const uint64_t now_ns = clock_.monotonic_ns();
      stack_.receive(now_ns);
      transport_.transmit(now_ns);
    }
  }

  Clock& clock() override { return clock_; }
  Entropy& entropy() override { return entropy_; }
  Reactor& reactor() override { return reactor_; }
  transport::Transport& transport() override { return transport_; }
  const char* driver() const override { return network_.devices_.front()->driver().c_str(); }

  void visit_counters(const CounterVisitor& visit) override {
    const ip::Stack::Counters& ip = stack_.counters;
    visit("ip_packets_received", "", ip.received_packets);
    visit("ip_bytes_received", "", ip.received_bytes);
    visit("ip_packets_transmitted", "", ip.transmitted_packets);
    visit("ip_bytes_transmitted", "", ip.transmitted_bytes);
    const auto ip_drop = [&](const char* labels, uint64_t value) { visit("ip_dropped", labels, value); };
    ip_drop("cause=\"not_for_us\"", ip.not_for_us);
    ip_drop("cause=\"malformed\"", ip.malformed);
    ip_drop("cause=\"bad_checksum\"", ip.bad_checksum);
    ip_drop("cause=\"unknown_ethertype\"", ip.unknown_ethertype);
    ip_drop("cause=\"unknown_protocol\"", ip.unknown_protocol);
    ip_drop("cause=\"hop_limit\"", ip.hop_limit);
    ip_drop("cause=\"source_invalid\"", ip.source_invalid);
    ip_drop("cause=\"source_routed\"", ip.source_routed);
    ip_drop("cause=\"extension_limit\"", ip.extension_limit);
    ip_drop("cause=\"option_refused\"", ip.option_refused);
    ip_drop("cause=\"reassembly_timed_out\"", ip.reassembly_timed_out);
    ip_drop("cause=\"reassembly_limit\"", ip.reassembly_limit);
    ip_drop("cause=\"fragment_overlap\"", ip.fragment_overlap);
    ip_drop("cause=\"neighbour_queue\"", ip.neighbour_queue_dropped);
    ip_drop("cause=\"neighbour_failed\"", ip.neighbour_failed);
    ip_drop("cause=\"neighbour_table_full\"", ip.neighbour_table_full);
    ip_drop("cause=\"transmit_queue_full\"", ip.transmit_queue_full);
    ip_drop("cause=\"no_buffer\"", ip.no_buffer);
    visit("ip_fragments_received", "", ip.fragments_received);
    visit("ip_reassembled", "", ip.reassembled);
    visit("icmp_received", "", ip.icmp_received);
    visit("icmp_sent", "", ip.icmp_sent);
    visit("icmp_rate_limited", "", ip.icmp_rate_limited);
    visit("icmp_echo_replied", "", ip.echo_replied);
    visit("ip_address_conflicts", "", ip.address_conflicts);
    visit("ipv6_discovery_limit_hit", "", ip.discovery_limit);
    visit("ipv6_addresses_formed", "", ip.addresses_formed);
    visit("arp_received", "", ip.arp_received);
    visit("arp_sent", "", ip.arp_sent);
    visit("neighbours_not_shared", "", neighbours_.refused());
    visit("igmp_received", "", ip.igmp_received);
    visit("igmp_sent", "", ip.igmp_sent);
    visit("ip_limit_hit", "limit=\"groups\"", ip.group_limit);
    visit("ip_looped_back", "", ip.looped_back);
    visit("ip_loop_passed_on", "", ip.loop_passed_on);
    ip_drop("cause=\"loop_core_behind\"", ip.loop_pass_refused);

    const udp::Udp::Counters& udp = transport_.udp().counters;
    visit("udp_datagrams_received", "", udp.received_datagrams);
    visit("udp_datagrams_transmitted", "", udp.transmitted_datagrams);
    visit("udp_dropped", "cause=\"malformed\"", udp.malformed);
    visit("udp_dropped", "cause=\"bad_checksum\"", udp.bad_checksum);
    visit("udp_dropped", "cause=\"no_socket\"", udp.no_socket);
    visit("udp_send_failed", "", udp.send_failed);
    visit("udp_limit_hit", "limit=\"sockets\"", udp.sockets_refused);
    visit("udp_limit_hit", "limit=\"group_receivers\"", udp.group_receivers_limit);
    visit("udp_no_buffer", "", udp.no_buffer);
    if (addresses_) addresses_->visit_counters(visit);

    const tcp::Counters& tcp = transport_.tcp().counters;
    visit("tcp_segments_received", "", tcp.segments_received);
    visit("tcp_segments_sent", "", tcp.segments_sent);
    visit("tcp_bytes_received", "", tcp.bytes_received);
    visit("tcp_bytes_sent", "", tcp.bytes_sent);
    visit("tcp_segments_predicted", "", tcp.predicted);
    visit("tcp_segments_merged", "", tcp.merged_segments);
    visit("tcp_merged_runs", "", tcp.merged_runs);
    visit("tcp_large_segments_sent", "", tcp.sent_large);
    visit("ip_frames_cut", "", ip.frames_cut);
    visit("tcp_active_opens", "", tcp.active_opens);
    visit("tcp_passive_opens", "", tcp.passive_opens);
    visit("tcp_accepted", "", tcp.accepted);
    visit("tcp_connect_failed", "", tcp.connect_failed);
    visit("tcp_resets_received", "", tcp.resets_received);
    visit("tcp_resets_sent", "", tcp.resets_sent);
    visit("tcp_timed_out", "", tcp.timed_out);
    visit("tcp_syn_received", "", tcp.syn_received);
    visit("tcp_syn_cookies_sent", "", tcp.cookies_sent);
    visit("tcp_syn_cookies_accepted", "", tcp.cookies_accepted);
    visit("tcp_time_wait_reused", "", tcp.time_wait_reused);
    visit("tcp_retransmitted", "", tcp.retransmitted);
    visit("tcp_retransmission_timeouts", "", tcp.timeouts);
    visit("tcp_fast_recoveries", "", tcp.fast_recoveries);
    visit("tcp_tail_probes", "", tcp.tail_probes);
    visit("tcp_spurious_recoveries", "", tcp.spurious_recoveries);
    visit("tcp_ecn_marks_received", "", tcp.marks_received);
    visit("tcp_ecn_marks_reported", "", tcp.marks_reported);
    visit("tcp_black_holes", "", tcp.black_holes);
    visit("tcp_fast_opens_accepted", "", tcp.fast_opens_accepted);
    visit("tcp_out_of_order", "", tcp.out_of_order);
    visit("tcp_challenge_acks", "", tcp.challenge_acks);
    visit("tcp_window_probes", "", tcp.window_probes);
    visit("tcp_keep_alive_probes", "", tcp.keep_alive_probes);
    const auto tcp_drop = [&](const char* labels, uint64_t value) { visit("tcp_dropped", labels, value); };
    tcp_drop("cause=\"malformed\"", tcp.malformed);
    tcp_drop("cause=\"bad_checksum\"", tcp.bad_checksum);
    tcp_drop("cause=\"not_unicast\"", tcp.not_unicast);
    tcp_drop("cause=\"no_connection\"", tcp.no_connection);
    tcp_drop("cause=\"paws\"", tcp.paws_rejected);
    tcp_drop("cause=\"out_of_window\"", tcp.out_of_window);
    tcp_drop("cause=\"bad_ack\"", tcp.bad_ack);
    tcp_drop("cause=\"no_ack\"", tcp.no_ack);
    tcp_drop("cause=\"reset_out_of_window\"", tcp.reset_out_of_window);
    tcp_drop("cause=\"reset_in_time_wait\"", tcp.time_wait_reset_ignored);
    tcp_drop("cause=\"duplicate_data\"", tcp.duplicate_data);
    tcp_drop("cause=\"data_after_close\"", tcp.data_after_close);
    const auto tcp_limit = [&](const char* labels, uint64_t value) { visit("tcp_limit_hit", labels, value); };
    tcp_limit("limit=\"backlog\"", tcp.backlog_full);
    tcp_limit("limit=\"connections\"", tcp.connections_limit);
    tcp_limit("limit=\"active_connections\"", tcp.active_limit);
    tcp_limit("limit=\"half_open\"", tcp.half_open_limit);
    tcp_limit("limit=\"fast_open_pending\"", tcp.fast_open_limit);
    tcp_limit("limit=\"receive_window\"", tcp.receive_window_limit);
    tcp_limit("limit=\"time_wait\"", tcp.time_wait_evicted);
    tcp_limit("limit=\"ports\"", tcp.ports_exhausted);
    tcp_limit("limit=\"out_of_order\"", tcp.out_of_order_limit);
    tcp_limit("limit=\"receive_total\"", tcp.receive_total_limit);
    tcp_limit("limit=\"send_entries\"", tcp.send_entries_limit);
    tcp_limit("limit=\"buffers\"", tcp.no_buffer);

    uint64_t received = 0, transmitted = 0, refused = 0, oversized = 0, unsendable = 0, exhausted = 0;
    for (ethdev::EthernetQueue* queue : queues_) {
      received += queue->counters.received_frames;
      transmitted += queue->counters.transmitted_frames;
      refused += queue->counters.transmit_refused;
      oversized += queue->counters.transmit_oversized;
      unsendable += queue->counters.transmit_unsendable;
      exhausted += queue->pool().exhausted;
    }
    visit("port_frames_received", "", received);
    visit("port_frames_transmitted", "", transmitted);
    visit("port_transmit_refused", "", refused);
    visit("port_dropped", "cause=\"oversized\"", oversized);
    visit("port_dropped", "cause=\"unsendable\"", unsendable);
    uint64_t other_vlans = 0;
    uint64_t vlan_behind = 0;
    for (const auto& each : vlans_) {
      other_vlans += each->other_vlans;
      vlan_behind += each->waiting_limit;
    }
    visit("port_dropped", "cause=\"other_vlan\"", other_vlans);
    visit("port_dropped", "cause=\"vlan_behind\"", vlan_behind);
    visit("port_buffers_exhausted", "", exhausted);
    uint64_t handed_over = 0, dropped = 0;
    for (const auto& port : steered_) {
      handed_over += port->counters.handed_over;
      dropped += port->counters.dropped;
    }
    visit("port_frames_steered", "", handed_over);
    visit("port_dropped", "cause=\"core_behind\"", dropped);
    if (!kernel_path_.empty()) {
      const kernel::KernelQueue::Counters kernel = kernel_path_.counters();
      visit("kernel_interface_packets", "to=\"kernel\"", kernel.to_kernel_packets);
      visit("kernel_interface_packets", "to=\"port\"", kernel.from_kernel_packets);
      visit("kernel_interface_bytes", "to=\"kernel\"", kernel.to_kernel_bytes);
      visit("kernel_interface_bytes", "to=\"port\"", kernel.from_kernel_bytes);
      const auto kernel_drop = [&](const char* labels, uint64_t value) {
        visit("kernel_interface_dropped", labels, value);
      };
      kernel_drop("cause=\"queue_full\"", kernel.queue_full);
      kernel_drop("cause=\"interface_down\"", kernel.interface_down);
      kernel_drop("cause=\"interface_lost\"", kernel.interface_lost);
      kernel_drop("cause=\"refused\"", kernel.refused);
      visit("kernel_interface_waits", "for=\"buffers\"", kernel.no_buffer);
      visit("kernel_interface_waits", "for=\"port\"", kernel_path_.port_refused());
      const kernel::RouteMonitor::Counters monitor = kernel_path_.monitor_counters();
      visit("kernel_routes_messages", "", monitor.messages);
      visit("kernel_routes_overruns", "", monitor.overruns);
      visit("kernel_routes_refused", "cause=\"limit\"", monitor.prefixes_limit + ip.kernel_routes_refused);
      visit("kernel_routes_refused", "cause=\"unusable\"", monitor.unusable);
      visit("kernel_addresses_refused", "", ip.kernel_addresses_refused);
    }
    for (const auto& [index, port] : filtered_) {
      size_t rule = 0;
      for (size_t i = 0; i < network_.configuration_.filters.size(); ++i) {
        if (!network_.configuration_.filters[i].is_for(network_.configuration_.ports[index])) continue;
        const filter::FilteredPort::Counters& counted = port->counters(rule++);
        const std::string labels = "port=\"" + network_.configuration_.ports[index].name + "\",rule=\"" +
                                   std::to_string(i + 1) + "\"";
        visit("filter_matched_packets", labels, counted.matched_packets);
        visit("filter_matched_bytes", labels, counted.matched_bytes);
        visit("filter_dropped_packets", labels, counted.dropped_packets);
      }
    }
  }

  void visit_gauges(const CounterVisitor& visit) override {
    const tcp::Counters& tcp = transport_.tcp().counters;
    for (unsigned state = 1; state < tcp::kStates; ++state) {
      const std::string labels =
          std::string("state=\"") + tcp::state_name(static_cast<tcp::State>(state)) + "\"";
      visit("tcp_connections", labels, tcp.connections[state]);
    }
    visit("tcp_connections", "state=\"half_open\"", transport_.tcp().half_open_count());
    visit("tcp_connections", "state=\"time_wait\"", transport_.tcp().time_wait_count());
    uint64_t buffers = 0;
    for (ethdev::EthernetQueue* queue : queues_) buffers += queue->pool().outstanding();
    visit("port_buffers", "", buffers);
    visit("tcp_table_bytes", "", transport_.tcp().memory_bytes());
    if (addresses_) addresses_->visit_gauges(visit);
  }

 private:
  BypassNetwork& network_;
  const unsigned index_;
  const bool registered_;
  kernel::HostClock clock_;
  kernel::HostEntropy entropy_;
  kernel::EventWaiter& waiter_;
  Reactor reactor_;
  std::vector<std::unique_ptr<SteeredPort>> steered_;
  std::vector<std::unique_ptr<ip::VlanPort>> vlans_;
  // With the number of the port in the configuration.
  std::vector<std::pair<size_t, std::unique_ptr<filter::FilteredPort>>> filtered_;
  std::vector<std::unique_ptr<FilterWatch>> filter_watches_;
  // A device as this core sees it, and the VLANs that share it.
  struct Trunk {
    Port* port = nullptr;
    std::unique_ptr<std::vector<ip::VlanPort*>> vlans = std::make_unique<std::vector<ip::VlanPort*>>();
  };
  std::vector<Trunk> trunks_;
  ip::Stack stack_;
  NeighbourInbox neighbours_;
  std::unique_ptr<LoopInbox> loop_;
  std::vector<std::unique_ptr<SteeringWatch>> steering_watches_;
  CapturePoint capture_;
  KernelPath kernel_path_;
  transport::BypassTransport transport_;
  std::unique_ptr<AddressService> addresses_;  // where a port asks servers for addresses
  std::vector<ethdev::EthernetQueue*> queues_;
};

std::unique_ptr<Network> BypassNetwork::open(const config::Configuration& configuration, std::string& error) {
  if (configuration.ports.empty()) {
    error = "the bypass transport needs a port: --port tap:sl0,address=192.0.2.1/24 (see docs/bypass.md)";
    return nullptr;
  }
  ethdev::EalOptions eal;
  eal.memory = eal_memory(configuration.dpdk.hugepages);
  eal.memory_mb = configuration.dpdk.memory_mb;
  eal.extra_arguments = configuration.dpdk.arguments;
  // The first port of a device says what it is like; those after it are further VLANs of it.
  std::vector<size_t> device_of, first_of;
  for (size_t i = 0; i < configuration.ports.size(); ++i) {
    const config::PortConfig& port = configuration.ports[i];
    size_t known = 0;
    while (known < first_of.size() && configuration.ports[first_of[known]].device() != port.device()) ++known;
    device_of.push_back(known);
    if (known < first_of.size()) continue;
    first_of.push_back(i);
    eal.ports.push_back(port_spec(port, configuration.cores.count));
  }
  for (const config::PortConfig& port : configuration.ports) {
    if (port.queues <= configuration.cores.count) continue;
    error = port.where + "nobody would read " + std::to_string(port.queues) +
            " queues: each core has one of each port, and there " +
            (configuration.cores.count == 1 ? "is 1 core"
                                            : "are " + std::to_string(configuration.cores.count) + " cores") +
            "; raise --cores, or leave queues out";
    return nullptr;
  }
  error = ethdev::Eal::start(eal);
  if (!error.empty()) return nullptr;
  std::unique_ptr<BypassNetwork> network(new BypassNetwork(configuration));
  for (size_t i = 0; i < eal.ports.size(); ++i) {
    auto device = ethdev::EthernetDevice::open(eal.ports[i], error);
    if (!device) {
      error = configuration.ports[first_of[i]].where + error;
      return nullptr;
    }
    network->devices_.push_back(std::move(device));
  }
  network->device_of_ = std::move(device_of);
  for (size_t i = 0; i < configuration.ports.size(); ++i) {
    network->kernel_interfaces_.push_back(nullptr);
    if (!configuration.ports[i].kernel_interface.empty() &&
        !(error = network->open_kernel_interface(i)).empty())
      return nullptr;
  }
  network->stable_key_ = stable_key();
  kernel::HostEntropy entropy;
  network->fast_open_key_ = HashKey::from(entropy);
  for (const config::FilterConfig& filter : configuration.filters) {
    auto compiled = pcap::PcapFilter::compile(filter.match, error);
    if (!compiled) {  // it did when the configuration was read
      error = filter.where + error;
      return nullptr;
    }
    network->matchers_.push_back(std::make_unique<ethdev::JitMatcher>(std::move(compiled)));
  }
  std::vector<Waiter*> waiters;
  for (uint32_t i = 0; i < configuration.cores.count; ++i) {
    network->waiters_.push_back(std::make_unique<kernel::EventWaiter>());
    waiters.push_back(network->waiters_.back().get());
  }
  for (const auto& device : network->devices_) {
    const auto sharing = static_cast<ptrdiff_t>(std::min<size_t>(device->queues(), waiters.size()));
    network->steering_.push_back(device->steers() || sharing < 2
                                     ? nullptr
                                     : std::make_unique<BufferExchange>(
                                           std::vector<Waiter*>(waiters.begin(), waiters.begin() + sharing)));
  }
  std::vector<std::string> names;
  for (const config::PortConfig& port : configuration.ports)
    names.push_back(port.vlan != 0 ? port.name + "." + std::to_string(port.vlan) : port.name);
  network->capture_ = std::make_unique<Capture>(std::move(names), waiters);
  if (waiters.size() > 1) {
    network->loop_ = std::make_unique<BufferExchange>(waiters);
    network->udp_ports_ = std::make_unique<udp::PortOwners>();
    network->learnt_ = std::make_unique<LearntBoard>(configuration.ports.size(), waiters);
  }
  network->neighbours_ = std::make_unique<NeighbourExchange>(std::move(waiters));
  return network;
}

std::string BypassNetwork::open_kernel_interface(size_t i) {
  const config::PortConfig& port = configuration_.ports[i];
  const ethdev::EthernetDevice& device = *devices_[device_of_[i]];
  kernel::KernelInterfaceOptions options;
  options.name = port.kernel_interface;
  options.mac = device.mac();
  options.mtu_bytes = port.mtu_bytes != 0 ? port.mtu_bytes : device.mtu_bytes();
  options.queues = std::min<uint32_t>(device.queues(), configuration_.cores.count);
  if (port.kernel_addresses) {
    for (const config::Prefix& own : port.addresses) options.addresses.push_back({own.address, own.length});
    for (const auto& gateway : {port.gateway, port.ipv6_gateway})
      if (gateway) options.gateways.push_back(*gateway);
  }
  std::string error;
  kernel_interfaces_[i] = kernel::KernelInterface::create(options, error);
  return error.empty() ? "" : port.where + error;
}

// The rules of one port, each core with its share of the rates.
std::vector<filter::Rule> BypassNetwork::rules_of(size_t port) const {
  std::vector<filter::Rule> rules;
  const uint32_t cores = std::min<uint32_t>(devices_[device_of_[port]]->queues(), configuration_.cores.count);
  for (size_t i = 0; i < configuration_.filters.size(); ++i) {
    const config::FilterConfig& filter = configuration_.filters[i];
    if (!filter.is_for(configuration_.ports[port])) continue;
    rules.push_back({filter_action(filter.action), matchers_[i].get(),
                     std::max(1u, filter.packets_per_second / cores),
                     std::max(1u, filter.burst_packets / cores)});
  }
  return rules;
}

BypassNetwork::~BypassNetwork() {
  matchers_.clear();  // the memory of their code is the EAL's
  capture_.reset();
  steering_.clear();
  loop_.reset();
  // A core's pool of one port may hold Buffers of another port's, which came to it from another core.
  for (const auto& device : devices_)
    for (uint16_t i = 0; i < device->queues(); ++i) device->queue(i).pool().flush();
  devices_.clear();
  ethdev::Eal::stop();
}

std::unique_ptr<CoreNetwork> BypassNetwork::make_core(unsigned index, std::string& error) {
  auto core = std::make_unique<BypassCore>(*this, index);
  error = core->configure();
  if (!error.empty()) return nullptr;
  return core;
}

}  // namespace sluice::runtime
