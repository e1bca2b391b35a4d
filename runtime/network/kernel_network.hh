// SPDX-License-Identifier: Apache-2.0
// The cores' networks on the host kernel's sockets.
#pragma once
#include <memory>
#include <string>

#include "runtime/network/network.hh"

namespace sluice::runtime {

class KernelNetwork final : public Network {
 public:
  // Buffers of one core, 16 KiB each, made as they are needed; beyond it writers are told kNoBuffers.
  static constexpr uint32_t kBuffersLimit = 131'072;

  explicit KernelNetwork(const config::Configuration& configuration) : configuration_(configuration) {}
  std::unique_ptr<CoreNetwork> make_core(unsigned index, std::string& error) override;

 private:
  const config::Configuration& configuration_;
};

}  // namespace sluice::runtime
