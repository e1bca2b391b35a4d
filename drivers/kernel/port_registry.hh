// SPDX-License-Identifier: Apache-2.0
// Which endpoints this process listens on, by which driver. SO_REUSEPORT lets the cores of one process share
// an endpoint, but it would let a second process of the same user share it too, unnoticed; and one program
// must not listen twice on one core.
#pragma once
#include "drivers/address.hh"

namespace sluice::kernel {

enum class PortUse : uint8_t {
  kNew,     // nobody in this process listens there: whoever does is somebody else
  kShared,  // another core of this process does
  kTwice,   // this owner does already
};

// Any thread: listening is not the data path, so a lock does.
PortUse port_use(const Endpoint& endpoint, const void* owner);
void add_port(const Endpoint& endpoint, const void* owner);
void remove_port(const Endpoint& endpoint, const void* owner);

}  // namespace sluice::kernel
