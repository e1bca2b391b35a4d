// SPDX-License-Identifier: Apache-2.0
#include "dataplane/transport/stream.hh"

#include <algorithm>

namespace sluice::transport {

Error Stream::write_copy(std::string_view bytes) {
  while (!bytes.empty()) {
    // Whatever room there is: a segment's worth is filled before the next Buffer is begun, so that it leaves as it is.
    Buffer* buffer = reserve(1);
    if (!buffer) return Error::kNoBuffers;
    const uint32_t count = static_cast<uint32_t>(std::min<size_t>(bytes.size(), buffer->tailroom()));
    buffer->append(bytes.data(), count);
    commit(count);
    bytes.remove_prefix(count);
  }
  return Error::kNone;
}

}  // namespace sluice::transport
