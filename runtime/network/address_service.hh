// SPDX-License-Identifier: Apache-2.0
// Addresses from DHCP servers on one core: the first core asks, tells people and the board; the others take over from there.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "dataplane/core/reactor.hh"
#include "dataplane/dhcp/service.hh"
#include "runtime/config/config.hh"
#include "runtime/network/learnt_board.hh"
#include "runtime/network/network.hh"

namespace sluice::runtime {

class AddressService final : public ReactorPart, public dhcp::ServiceListener {
 public:
  // Borrows all. `board` may be null where there is one core only.
  AddressService(unsigned core, LearntBoard* board, Reactor& reactor, Clock& clock, Entropy& entropy,
                 ip::Stack& stack, udp::Udp& udp);
  ~AddressService() override;

  // A port of this core that asks for addresses; `port_index`: its place in the configuration. Empty, or what is wrong.
  std::string add(size_t port_index, uint8_t interface_index, const config::PortConfig& port);
  bool has_addresses() const;
  // Gives all leases back; what is sent has to be transmitted yet.
  void stop();
  void visit_counters(const CoreNetwork::CounterVisitor& visit) const;
  void visit_gauges(const CoreNetwork::CounterVisitor& visit) const;

  // ---- ReactorPart
  bool receive(uint64_t now_ns) override;
  void transmit(uint64_t) override {}
  bool prepare_sleep(uint64_t&) override { return !is_behind(); }

 private:
  struct Asking {
    size_t port_index;
    uint8_t interface_index;
    std::string title;         // "tap:sl0"
    std::string said4, said6;  // what was said of it last
    bool ipv4;
  };
  void on_lease4(uint8_t interface_index, const dhcp::Lease4* lease) override;
  void on_held6(uint8_t interface_index, std::span<const ip::LearntIpv6> addresses) override;
  void on_lease6(uint8_t interface_index, const dhcp::Lease6& lease) override;
  static void say(const Asking& port, std::string& last, std::string text);
  Asking* find(uint8_t interface_index);
  bool is_behind() const { return core_ != 0 && board_ != nullptr && board_->version() != seen_; }

  const unsigned core_;
  LearntBoard* const board_;
  Clock& clock_;
  ip::Stack& stack_;
  std::unique_ptr<dhcp::Service> service_;  // on the first core
  std::vector<Asking> asking_;
  uint64_t seen_ = 0;
};

}  // namespace sluice::runtime
