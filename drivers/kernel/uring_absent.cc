// SPDX-License-Identifier: Apache-2.0
// Stands in for uring.cc in a build without liburing.
#include "drivers/kernel/socket_driver.hh"

namespace sluice::kernel {

std::unique_ptr<SocketDriver> make_uring_driver(const DriverOptions&, BufferPool&, std::string& why) {
  why = "io_uring: this program was built without liburing";
  return nullptr;
}

}  // namespace sluice::kernel
