// SPDX-License-Identifier: Apache-2.0
// Keeps a core awake whose filters took everything that it received: the stack has seen nothing, and more may wait in the
// queue. A part of the reactor behind the transport.
#pragma once
#include "dataplane/core/reactor.hh"
#include "dataplane/filter/filtered_port.hh"

namespace sluice::runtime {

class FilterWatch final : public ReactorPart {
 public:
  explicit FilterWatch(const filter::FilteredPort& port) : port_(port) {}
  bool receive(uint64_t) override { return port_.withheld(); }
  void transmit(uint64_t) override {}
  bool prepare_sleep(uint64_t&) override { return !port_.withheld(); }

 private:
  const filter::FilteredPort& port_;
};

}  // namespace sluice::runtime
