// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/loop_inbox.hh"

namespace sluice::runtime {

LoopInbox::LoopInbox(BufferExchange& exchange, unsigned core, ip::Stack& stack)
    : exchange_(exchange), core_(core), stack_(stack) {
  stack_.share_loop(core, exchange.cores(), pass, this);
  exchange_.set_attended(core, true);
}

LoopInbox::~LoopInbox() { exchange_.set_attended(core_, false); }

bool LoopInbox::pass(void* context, unsigned to, Buffer* packet) {
  auto& self = *static_cast<LoopInbox*>(context);
  // A core that has not come up yet, or has ended, has nobody for the packet.
  while (to != self.core_ && !self.exchange_.is_attended(to)) to = (to + 1) % self.exchange_.cores();
  if (to == self.core_) {
    self.stack_.take_looped(packet);
    return true;
  }
  if (!self.exchange_.put(self.core_, to, packet)) return false;
  self.exchange_.wake(to);
  return true;
}

bool LoopInbox::receive(uint64_t) {
  if (exchange_.empty(core_)) return false;
  Buffer* packets[kBurst];
  const unsigned count = exchange_.take(core_, packets, kBurst, stack_.pool());
  for (unsigned i = 0; i < count; ++i) stack_.take_looped(packets[i]);
  return count > 0;
}

}  // namespace sluice::runtime
