// SPDX-License-Identifier: Apache-2.0
// A cookie is F(flow) + period << 24 + (G(flow, irs, period) + index of MSS) mod 2^24.
#include "dataplane/tcp/syn_cookie.hh"

namespace sluice::tcp {

namespace {
// The values that stand for most hosts: RFC 9293's default, tunnels and PPPoE, Ethernet, jumbo frames.
constexpr uint16_t kMssBytes[] = {536, 1024, 1220, 1360, 1440, 1460, 4312, 8960};
constexpr uint32_t kLowMask = (1u << 24) - 1;
constexpr uint32_t kOptionBits = 6, kOptionMask = (1u << kOptionBits) - 1;
constexpr uint32_t kNoScale = 15, kSackBit = 16, kEcnBit = 32;
}  // namespace

uint32_t SynCookies::time_hash(const Flow& flow, Sequence irs, uint32_t period) const {
  HashKey key = time_key_;
  key.k0 ^= irs;
  key.k1 ^= period;
  return static_cast<uint32_t>(flow.hash(key)) & kLowMask;
}

Sequence SynCookies::make(const Flow& flow, Sequence irs, uint16_t mss_bytes, uint64_t now_ns) const {
  uint32_t index = 0;
  while (index + 1 < std::size(kMssBytes) && kMssBytes[index + 1] <= mss_bytes) ++index;
  const auto period = static_cast<uint32_t>(now_ns / kPeriodNs);
  return static_cast<uint32_t>(flow.hash(flow_key_)) + (period << 24) +
         ((time_hash(flow, irs, period) + index) & kLowMask);
}

std::optional<uint16_t> SynCookies::check(const Flow& flow, Sequence irs, Sequence iss,
                                          uint64_t now_ns) const {
  const uint32_t rest = iss - static_cast<uint32_t>(flow.hash(flow_key_));
  const auto period = static_cast<uint32_t>(now_ns / kPeriodNs);
  const uint32_t age = (period - (rest >> 24)) & 0xff;
  if (age > 1) return std::nullopt;
  const uint32_t index = (rest - time_hash(flow, irs, period - age)) & kLowMask;
  if (index >= std::size(kMssBytes)) return std::nullopt;
  return kMssBytes[index];
}

uint32_t SynCookies::encode(uint32_t timestamp, const Options& options) {
  const uint32_t bits = (options.has_window_scale ? options.window_scale & 15u : kNoScale) |
                        (options.sack_permitted ? kSackBit : 0) | (options.ecn ? kEcnBit : 0);
  uint32_t value = (timestamp & ~kOptionMask) | bits;
  if (after(value, timestamp)) value -= 1u << kOptionBits;
  return value;
}

SynCookies::Options SynCookies::decode(uint32_t timestamp_echo) {
  Options options;
  options.sack_permitted = timestamp_echo & kSackBit;
  options.ecn = timestamp_echo & kEcnBit;
  const uint32_t scale = timestamp_echo & 15;
  options.has_window_scale = scale != kNoScale;
  options.window_scale = options.has_window_scale ? static_cast<uint8_t>(scale) : 0;
  return options;
}

}  // namespace sluice::tcp
