// SPDX-License-Identifier: Apache-2.0
// Big-endian loads and stores at any alignment: what all header views of this room are made of. Values are in host order.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace sluice::wire {

static_assert(std::endian::native == std::endian::little, "byte order of the hosts this was written for");

inline uint8_t load_8(const std::byte* at) { return static_cast<uint8_t>(*at); }
inline uint16_t load_16(const std::byte* at) {
  uint16_t value;
  std::memcpy(&value, at, sizeof value);
  return __builtin_bswap16(value);
}
inline uint32_t load_32(const std::byte* at) {
  uint32_t value;
  std::memcpy(&value, at, sizeof value);
  return __builtin_bswap32(value);
}
inline void store_8(std::byte* at, uint8_t value) { *at = static_cast<std::byte>(value); }
inline void store_16(std::byte* at, uint16_t value) {
  value = __builtin_bswap16(value);
  std::memcpy(at, &value, sizeof value);
}
inline void store_32(std::byte* at, uint32_t value) {
  value = __builtin_bswap32(value);
  std::memcpy(at, &value, sizeof value);
}

}  // namespace sluice::wire
