// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/buffer_exchange.hh"

namespace sluice::runtime {

BufferExchange::BufferExchange(std::vector<Waiter*> waiters)
    : waiters_(std::move(waiters)), attended_(std::make_unique<std::atomic<bool>[]>(cores())) {
  for (unsigned i = 0; i < cores() * cores(); ++i)
    channels_.push_back(i / cores() == i % cores() ? nullptr : std::make_unique<Channel>());
}

BufferExchange::~BufferExchange() {
  for (const auto& channel : channels_) {
    Buffer* chain;
    while (channel && channel->take(chain)) release(chain);
  }
}

unsigned BufferExchange::take(unsigned to, Buffer** chains, unsigned limit, BufferPool& pool) {
  // A fair share each, so that one core's flood does not keep the others' Buffers waiting.
  const unsigned others = cores() - 1;
  unsigned count = 0;
  for (unsigned i = 1; i <= others; ++i) {
    Channel& from = channel((to + i) % cores(), to);
    unsigned share = (limit - count) / (others - i + 1);
    if (share == 0 && count < limit) share = 1;
    for (; share > 0 && from.take(chains[count]); --share) pool.adopt(chains[count++]);
  }
  return count;
}

bool BufferExchange::empty(unsigned to) const {
  for (unsigned from = 0; from < cores(); ++from)
    if (from != to && !channel(from, to).empty()) return false;
  return true;
}

uint64_t BufferExchange::refused(unsigned from) const {
  uint64_t refused = 0;
  for (unsigned to = 0; to < cores(); ++to)
    if (to != from) refused += channel(from, to).refused;
  return refused;
}

}  // namespace sluice::runtime
