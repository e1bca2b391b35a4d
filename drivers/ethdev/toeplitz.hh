// SPDX-License-Identifier: Apache-2.0
// The Toeplitz hash with which NICs spread flows over their receive queues (RSS), in software: to know beforehand to
// which core the replies of a flow will come.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "drivers/address.hh"

namespace sluice::ethdev {

// A key whose 16-bit words are all the same makes the hash symmetric: swapping source with destination, addresses and
// ports together, gives the same value, so both directions of a flow land on one core. NICs take keys of 40 or 52 bytes;
// this one has the larger size and any front part of it works as well. (Woo and Park, "Scalable TCP session monitoring
// with symmetric receive-side scaling", KAIST 2012.)
inline constexpr size_t kRssKeyBytes = 52;
extern const std::array<uint8_t, kRssKeyBytes> kSymmetricRssKey;

// The hash of `input` (network byte order, as the packet carries it). `key` must be at least 4 bytes longer than `input`.
uint32_t toeplitz(std::span<const uint8_t> key, std::span<const uint8_t> input);

// The hash under kSymmetricRssKey, quickly. That key is the same every 16 bits, so it does not matter where in the input a
// 16-bit word stands, and the words can be added (xor) first: toeplitz(kSymmetricRssKey, input) == symmetric_hash(sum).
uint32_t symmetric_hash(uint16_t sum_of_words);

// What a NIC computes for an IPv4 packet with TCP or UDP: source address, destination address, source port, destination
// port. Arguments in host order.
uint32_t toeplitz_ipv4(std::span<const uint8_t> key, uint32_t source, uint32_t destination,
                       uint16_t source_port, uint16_t destination_port);

// The same for IPv6.
uint32_t toeplitz_ipv6(std::span<const uint8_t> key, const IpAddress& source, const IpAddress& destination,
                       uint16_t source_port, uint16_t destination_port);

// The same for an IPv4 packet of which only the addresses count (a fragment, ICMP).
uint32_t toeplitz_ipv4(std::span<const uint8_t> key, uint32_t source, uint32_t destination);

}  // namespace sluice::ethdev
