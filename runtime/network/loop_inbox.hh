// SPDX-License-Identifier: Apache-2.0
// A core's end of the rings through which cores pass on packets that the process sends to itself (ip::Stack::pass_on).
#pragma once
#include "dataplane/core/reactor.hh"
#include "dataplane/ip/stack.hh"
#include "runtime/network/buffer_exchange.hh"

namespace sluice::runtime {

// A part of the core's reactor, before the transport. Registers itself with `stack`; borrows both.
class LoopInbox final : public ReactorPart {
 public:
  LoopInbox(BufferExchange& exchange, unsigned core, ip::Stack& stack);
  ~LoopInbox() override;
  LoopInbox(const LoopInbox&) = delete;
  bool receive(uint64_t now_ns) override;
  void transmit(uint64_t) override {}
  bool prepare_sleep(uint64_t&) override { return exchange_.empty(core_); }

 private:
  static constexpr unsigned kBurst = 64;
  static bool pass(void* context, unsigned to, Buffer* packet);
  BufferExchange& exchange_;
  const unsigned core_;
  ip::Stack& stack_;
};

}  // namespace sluice::runtime
