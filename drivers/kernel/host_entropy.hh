// SPDX-License-Identifier: Apache-2.0
// Unpredictable bytes from the host kernel, fetched some hundred at a time.
#pragma once
#include <array>

#include "drivers/entropy.hh"

namespace sluice::kernel {

// One thread.
class HostEntropy final : public Entropy {
 public:
  ~HostEntropy() override;
  void fill(std::span<std::byte> out) override;

 private:
  static constexpr size_t kBufferBytes = 256;  // what getrandom(2) gives without being interrupted
  std::array<std::byte, kBufferBytes> buffer_{};
  size_t left_ = 0;  // unused bytes, at the end of buffer_
};

}  // namespace sluice::kernel
