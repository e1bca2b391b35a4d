// SPDX-License-Identifier: Apache-2.0
// The Internet checksum (RFC 1071): over flat memory, over Buffer chains with odd lengths, with the pseudo-header of TCP
// and UDP, and updated in place (RFC 1624). Partial sums are opaque 64-bit values, to be added and handed on; finished
// checksums are host-order values, to be stored with store_16().
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "dataplane/wire/bytes.hh"
#include "drivers/address.hh"
#include "drivers/buffer.hh"

namespace sluice::wire {

// A one's complement sum of little-endian 16-bit words, not folded. The sum of 2^32 bytes does not overflow it.
using PartialSum = uint64_t;

namespace checksum_detail {
// The body for long ranges: two words at a time in separate accumulators, which compilers turn into vectors.
inline PartialSum add_long(const std::byte*& at, size_t& length) {
  uint64_t low = 0, high = 0;
  const size_t words = length / 8;
  for (size_t i = 0; i < words; ++i) {
    uint64_t word;
    std::memcpy(&word, at + i * 8, 8);
    low += word & 0xffffffff;
    high += word >> 32;
  }
  at += words * 8;
  length -= words * 8;
  return low + high;
}
}  // namespace checksum_detail

// Folds to 16 bits, little-endian words.
inline uint16_t checksum_fold(PartialSum sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffffffff) + (sum >> 32);
  uint32_t half = static_cast<uint32_t>(sum & 0xffff) + static_cast<uint32_t>(sum >> 16);
  half = (half & 0xffff) + (half >> 16);
  return static_cast<uint16_t>((half & 0xffff) + (half >> 16));
}

// Adds `length` bytes that begin at an even offset of what is summed. An odd last byte is padded with zero, so only
// the last piece may be odd; checksum_add_chain() takes care of pieces that are not.
inline PartialSum checksum_add(PartialSum sum, const void* data, size_t length) {
  const auto* at = static_cast<const std::byte*>(data);
  sum += checksum_detail::add_long(at, length);
  if (length & 4) {
    uint32_t word;
    std::memcpy(&word, at, 4);
    sum += word;
    at += 4;
  }
  if (length & 2) {
    uint16_t word;
    std::memcpy(&word, at, 2);
    sum += word;
    at += 2;
  }
  if (length & 1) sum += static_cast<uint8_t>(*at);
  return sum;
}

// Adds the first `length` bytes (<= chain_length()) of a chain of segments of any length.
inline PartialSum checksum_add_chain(PartialSum sum, const Buffer* chain, uint32_t length) {
  bool odd = false;
  while (length > 0) {
    const uint32_t part = chain->length < length ? chain->length : length;
    if (odd) {
      // At an odd offset each byte has the other one's weight: RFC 1071 section 2 (B).
      sum += __builtin_bswap16(checksum_fold(checksum_add(0, chain->data, part)));
    } else {
      sum = checksum_add(sum, chain->data, part);
    }
    odd ^= (part & 1) != 0;
    length -= part;
    chain = chain->next_segment;
  }
  return sum;
}

// The checksum field's value (host order) for what was summed, the field itself counted as zero. For a range that
// contains a right checksum it is 0.
inline uint16_t checksum_finish(PartialSum sum) {
  return __builtin_bswap16(static_cast<uint16_t>(~checksum_fold(sum)));
}

// The sum itself, not complemented, host order: what the checksum field holds when a port is to complete it.
inline uint16_t checksum_unfinished(PartialSum sum) { return __builtin_bswap16(checksum_fold(sum)); }

// RFC 9293 section 3.1, RFC 768; `l4_bytes` is the length of the L4 header and what follows it. For a TSO request DPDK
// wants the length left out: pass 0.
inline PartialSum pseudo_header_sum_v4(uint32_t source, uint32_t destination, uint8_t protocol,
                                       uint32_t l4_bytes) {
  return PartialSum{__builtin_bswap32(source)} + __builtin_bswap32(destination) + (uint32_t{protocol} << 8) +
         __builtin_bswap16(static_cast<uint16_t>(l4_bytes));
}
// Either family, by the addresses (RFC 8200 section 8.1 for IPv6).
inline PartialSum pseudo_header_sum(const IpAddress& source, const IpAddress& destination, uint8_t protocol,
                                    uint32_t l4_bytes) {
  if (source.is_v4()) return pseudo_header_sum_v4(source.v4(), destination.v4(), protocol, l4_bytes);
  PartialSum sum = checksum_add(0, source.bytes.data(), 16);
  sum = checksum_add(sum, destination.bytes.data(), 16);
  return sum + (uint32_t{protocol} << 8) + __builtin_bswap32(l4_bytes);
}

// The checksum after a 16-bit field that it covers changed from `before` to `after`; all host order (RFC 1624, eqn. 3).
inline uint16_t checksum_update_16(uint16_t checksum, uint16_t before, uint16_t after) {
  uint32_t sum = static_cast<uint16_t>(~checksum);
  sum += static_cast<uint16_t>(~before);
  sum += after;
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}
inline uint16_t checksum_update_32(uint16_t checksum, uint32_t before, uint32_t after) {
  checksum =
      checksum_update_16(checksum, static_cast<uint16_t>(before >> 16), static_cast<uint16_t>(after >> 16));
  return checksum_update_16(checksum, static_cast<uint16_t>(before), static_cast<uint16_t>(after));
}

}  // namespace sluice::wire
