// SPDX-License-Identifier: Apache-2.0
#include "dataplane/transport/stream.hh"

#include <algorithm>

namespace sluice::transport {

Error Stream::write_copy(std::string_view bytes) {
  while (!bytes.empty()) {
    const uint32_t wanted = static_cast<uint32_t>(std::min<size_t>(bytes.size(), kReserveLimitBytes));
    Buffer* buffer = reserve(wanted);
    if (!buffer) return Error::kNoBuffers;
    const uint32_t count = static_cast<uint32_t>(std::min<size_t>(bytes.size(), buffer->tailroom()));
    buffer->append(bytes.data(), count);
    commit(count);
    bytes.remove_prefix(count);
  }
  return Error::kNone;
}

}  // namespace sluice::transport
