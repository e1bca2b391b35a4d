// SPDX-License-Identifier: Apache-2.0
// One header after the other, and the options of those that have some.
#include "dataplane/ip/ipv6_extensions.hh"

namespace sluice::ip {

namespace {

// Options that we do not know say in their first two bits what is to be done (RFC 8200 section 4.2). We know none but
// padding and the router alert (RFC 2711), which is for routers. False: the packet is to be dropped.
bool look_at_options(std::span<const std::byte> options, uint32_t at, ExtensionWalk& walk) {
  constexpr uint8_t kPad1 = 0, kPadN = 1, kRouterAlert = 5;
  for (size_t i = 0; i < options.size();) {
    const uint8_t kind = wire::load_8(&options[i]);
    if (kind == kPad1) {
      ++i;
      continue;
    }
    if (i + 2 > options.size() || i + 2 + wire::load_8(&options[i + 1]) > options.size()) {
      walk.verdict = ExtensionWalk::Verdict::kMalformed;
      return false;
    }
    if (kind != kPadN && kind != kRouterAlert && kind >> 6 != 0) {
      walk.verdict = ExtensionWalk::Verdict::kUnknownOption;
      walk.report = kind >> 6 != 1;
      walk.report_multicast = kind >> 6 == 2;
      walk.pointer = at + static_cast<uint32_t>(i);
      return false;
    }
    i += 2u + wire::load_8(&options[i + 1]);
  }
  return true;
}

}  // namespace

ExtensionWalk walk_extensions(std::span<const std::byte> bytes, uint8_t next_header, bool first) {
  using Verdict = ExtensionWalk::Verdict;
  ExtensionWalk walk;
  walk.next_header = next_header;
  for (unsigned count = 0;; ++count) {
    const uint8_t kind = walk.next_header;
    if (kind != wire::kNextHopByHop && kind != wire::kNextRouting && kind != wire::kNextDestinationOptions)
      return walk;
    if (kind == wire::kNextHopByHop && !(first && count == 0)) {
      walk.verdict = Verdict::kMisplaced;
      walk.pointer = walk.next_at;
      return walk;
    }
    const auto rest = bytes.subspan(walk.bytes);
    if (rest.size() < 8) {
      walk.verdict = Verdict::kMalformed;
      return walk;
    }
    const uint32_t length = 8 * (wire::load_8(&rest[1]) + 1u);
    if (count == ExtensionWalk::kHeadersLimit || walk.bytes + length > ExtensionWalk::kBytesLimit) {
      walk.verdict = Verdict::kLimit;
      return walk;
    }
    if (rest.size() < length) {
      walk.verdict = Verdict::kMalformed;
      return walk;
    }
    if (kind == wire::kNextRouting) {
      // Of any type: with no segments left it has led here, and says nothing more.
      if (wire::load_8(&rest[3]) != 0) {
        walk.verdict = Verdict::kRefusedRoute;
        walk.pointer = walk.bytes + 2;
        return walk;
      }
    } else if (!look_at_options(rest.subspan(2, length - 2), walk.bytes + 2, walk)) {
      return walk;
    }
    walk.next_at = walk.bytes;
    walk.next_header = wire::load_8(&rest[0]);
    walk.bytes += length;
  }
}

}  // namespace sluice::ip
