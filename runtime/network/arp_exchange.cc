// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/arp_exchange.hh"

#include <algorithm>

namespace sluice::runtime {

ArpExchange::ArpExchange(std::vector<Waiter*> waiters) : waiters_(std::move(waiters)) {
  for (unsigned i = 0; i < cores() * cores(); ++i) channels_.push_back(std::make_unique<Channel>());
}

ArpInbox::ArpInbox(ArpExchange& exchange, unsigned core, ip::Stack& stack)
    : exchange_(exchange), core_(core), stack_(stack) {
  if (exchange_.cores() > 1) stack_.set_arp_listener(heard, this);
}

void ArpInbox::heard(void* context, uint8_t interface_index, std::span<const std::byte> arp) {
  auto& self = *static_cast<ArpInbox*>(context);
  ArpExchange::Packet packet;
  packet.interface_index = interface_index;
  std::copy_n(arp.begin(), std::min(arp.size(), packet.bytes.size()), packet.bytes.begin());
  for (unsigned to = 0; to < self.exchange_.cores(); ++to) {
    if (to == self.core_) continue;
    if (self.exchange_.channel(self.core_, to).put(packet)) self.exchange_.wake(to);
  }
}

bool ArpInbox::receive(uint64_t) {
  bool worked = false;
  ArpExchange::Packet packet;
  for (unsigned from = 0; from < exchange_.cores(); ++from) {
    if (from == core_) continue;
    while (exchange_.channel(from, core_).take(packet)) {
      stack_.hear_arp(packet.interface_index, packet.bytes);
      worked = true;
    }
  }
  return worked;
}

bool ArpInbox::prepare_sleep(uint64_t&) {
  for (unsigned from = 0; from < exchange_.cores(); ++from)
    if (from != core_ && !exchange_.channel(from, core_).empty()) return false;
  return true;
}

uint64_t ArpInbox::refused() const {
  uint64_t refused = 0;
  for (unsigned to = 0; to < exchange_.cores(); ++to) refused += exchange_.channel(core_, to).refused;
  return refused;
}

}  // namespace sluice::runtime
