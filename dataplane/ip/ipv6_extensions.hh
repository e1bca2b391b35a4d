// SPDX-License-Identifier: Apache-2.0
// The headers between the IPv6 header and what a packet carries (RFC 8200 section 4): skipped within limits, refused where
// they ask for what a host must not do.
#pragma once
#include <cstdint>
#include <span>

#include "dataplane/wire/ipv6.hh"

namespace sluice::ip {

struct ExtensionWalk {
  // RFC 8504 section 5.3 lets a host have such limits: honest packets have one or two short headers.
  static constexpr unsigned kHeadersLimit = 8;
  static constexpr uint32_t kBytesLimit = 160;

  enum class Verdict : uint8_t {
    kDone,           // `next_header` is a protocol, a fragment header or "none"; it begins after `bytes`
    kMalformed,      // cut short
    kLimit,          // more headers or bytes than the limits
    kRefusedRoute,   // a routing header with segments left: RFC 5095, RFC 8200 section 4.4
    kUnknownOption,  // an option that says: discard
    kMisplaced,      // hop-by-hop options that do not come first (RFC 8200 section 4.3)
  };
  Verdict verdict = Verdict::kDone;
  uint8_t next_header = 0;
  uint32_t bytes = 0;    // of headers that were skipped
  uint32_t pointer = 0;  // where the fault is, from the first byte walked
  uint32_t next_at =
      UINT32_MAX;  // where `next_header` stands, from the first byte walked; UINT32_MAX: before it
  // Of kUnknownOption: whether the sender is told, and whether also when the packet went to a group.
  bool report = false, report_multicast = false;
};

// Walks from `bytes`, which begins with a header of the kind `next_header`. `first`: right behind the IPv6 header, where
// hop-by-hop options may be.
ExtensionWalk walk_extensions(std::span<const std::byte> bytes, uint8_t next_header, bool first);

}  // namespace sluice::ip
