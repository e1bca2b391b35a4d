// SPDX-License-Identifier: Apache-2.0
// HostEntropy: getrandom(2) behind a small buffer, whose bytes are wiped as they are given out.
#include "drivers/kernel/host_entropy.hh"

#include <sys/random.h>

#include <cerrno>
#include <cstring>

#include "drivers/assert.hh"

namespace sluice::kernel {

static void fetch(std::span<std::byte> out) {
  while (!out.empty()) {
    const ssize_t count = getrandom(out.data(), out.size(), 0);
    if (count < 0) {
      SLUICE_ASSERT(errno == EINTR);  // the only other error is ENOSYS, from kernels older than 3.17
      continue;
    }
    out = out.subspan(static_cast<size_t>(count));
  }
}

HostEntropy::~HostEntropy() { explicit_bzero(buffer_.data(), buffer_.size()); }

void HostEntropy::fill(std::span<std::byte> out) {
  if (out.size() > kBufferBytes) return fetch(out);
  if (out.size() > left_) {
    fetch(buffer_);
    left_ = kBufferBytes;
  }
  std::byte* from = buffer_.data() + (kBufferBytes - left_);
  std::memcpy(out.data(), from, out.size());
  std::memset(from, 0, out.size());
  left_ -= out.size();
}

}  // namespace sluice::kernel
