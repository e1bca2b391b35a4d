// SPDX-License-Identifier: Apache-2.0
// What names a connection: its two endpoints, seen from this side.
#pragma once
#include <cstdint>
#include <cstring>

#include "dataplane/core/keyed_hash.hh"
#include "drivers/address.hh"

namespace sluice::tcp {

struct Flow {
  IpAddress local, remote;
  uint16_t local_port = 0, remote_port = 0;  // host order

  bool operator==(const Flow& other) const {
    return std::memcmp(this, &other, sizeof(Flow)) == 0;  // no padding
  }
  uint64_t hash(const HashKey& key) const {
    const auto word = [](const IpAddress& address, int half) {
      uint64_t value;
      std::memcpy(&value, address.bytes.data() + 8 * half, 8);
      return value;
    };
    const uint64_t ports = uint64_t{local_port} << 16 | remote_port;
    KeyedHash hash(key);
    // The upper half of an IPv4 address says nothing, and half of the lower one is constant too.
    if (local.is_v4() && remote.is_v4()) {
      return hash.add((word(local, 1) >> 32) << 32 | word(remote, 1) >> 32).add(ports).finish();
    }
    return hash.add(word(local, 0))
        .add(word(local, 1))
        .add(word(remote, 0))
        .add(word(remote, 1))
        .add(ports)
        .finish();
  }
};
static_assert(sizeof(Flow) == 36);

}  // namespace sluice::tcp
