// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/neighbour_exchange.hh"

#include <algorithm>

namespace sluice::runtime {

NeighbourExchange::NeighbourExchange(std::vector<Waiter*> waiters) : waiters_(std::move(waiters)) {
  for (unsigned i = 0; i < cores() * cores(); ++i) channels_.push_back(std::make_unique<Channel>());
}

NeighbourInbox::NeighbourInbox(NeighbourExchange& exchange, unsigned core, ip::Stack& stack)
    : exchange_(exchange), core_(core), stack_(stack) {
  if (exchange_.cores() > 1) stack_.set_neighbour_listener(heard, this);
}

void NeighbourInbox::heard(void* context, uint8_t interface_index, std::span<const std::byte> bytes) {
  auto& self = *static_cast<NeighbourInbox*>(context);
  NeighbourExchange::Packet packet;
  packet.interface_index = interface_index;
  packet.length = static_cast<uint16_t>(std::min(bytes.size(), packet.bytes.size()));
  std::copy_n(bytes.begin(), packet.length, packet.bytes.begin());
  for (unsigned to = 0; to < self.exchange_.cores(); ++to) {
    if (to == self.core_) continue;
    if (self.exchange_.channel(self.core_, to).put(packet)) self.exchange_.wake(to);
  }
}

bool NeighbourInbox::receive(uint64_t) {
  bool worked = false;
  NeighbourExchange::Packet packet;
  for (unsigned from = 0; from < exchange_.cores(); ++from) {
    if (from == core_) continue;
    while (exchange_.channel(from, core_).take(packet)) {
      stack_.hear_neighbour(packet.interface_index, std::span(packet.bytes).first(packet.length));
      worked = true;
    }
  }
  return worked;
}

bool NeighbourInbox::prepare_sleep(uint64_t&) {
  for (unsigned from = 0; from < exchange_.cores(); ++from)
    if (from != core_ && !exchange_.channel(from, core_).empty()) return false;
  return true;
}

uint64_t NeighbourInbox::refused() const {
  uint64_t refused = 0;
  for (unsigned to = 0; to < exchange_.cores(); ++to) refused += exchange_.channel(core_, to).refused;
  return refused;
}

}  // namespace sluice::runtime
