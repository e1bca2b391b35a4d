// SPDX-License-Identifier: Apache-2.0
// Where frames go that are not for our stack: a kernel interface (drivers/kernel/kernel_queue.hh), or a test's hands.
#pragma once
#include "drivers/buffer.hh"

namespace sluice {

class FrameSink {
 public:
  // Takes a frame, its Ethernet header in front; a chain counts as one frame, which may be larger than the MTU (a datagram
  // that was put together). May drop it, counted. The core's own thread.
  virtual void take(Buffer* frame) = 0;

 protected:
  ~FrameSink() = default;
};

}  // namespace sluice
