// SPDX-License-Identifier: Apache-2.0
// TCP options, read and written.
#include "dataplane/wire/tcp.hh"

#include <algorithm>

namespace sluice::wire {

namespace {
enum OptionKind : uint8_t {
  kEnd = 0,
  kNop = 1,
  kMss = 2,
  kWindowScale = 3,
  kSackPermitted = 4,
  kSack = 5,
  kTimestamp = 8,
  kUserTimeout = 28,
  kFastOpen = 34,
  kExperimental = 254,  // RFC 6994: who uses it says so in the two bytes that follow
};
constexpr uint16_t kFastOpenMagic = 0xf989;  // RFC 7413 section 4.1.1's, before it had a number
}  // namespace

bool parse_tcp_options(std::span<const std::byte> options, TcpOptions& out) {
  out = TcpOptions{};
  if (parse_tcp_timestamp_only(options, out.timestamp, out.timestamp_echo)) {
    out.has_timestamp = true;
    return true;
  }
  const std::byte* at = options.data();
  const std::byte* const end = at + options.size();
  while (at < end) {
    const uint8_t kind = load_8(at);
    if (kind == kEnd) return true;
    if (kind == kNop) {
      ++at;
      continue;
    }
    if (end - at < 2) return false;
    const uint8_t length = load_8(at + 1);
    if (length < 2 || length > end - at) return false;
    const std::byte* value = at + 2;
    switch (kind) {
      case kMss:
        if (length == 4) out.mss = load_16(value);
        break;
      case kWindowScale:
        if (length == 3) {
          out.has_window_scale = true;
          out.window_scale = load_8(value);
        }
        break;
      case kSackPermitted:
        if (length == 2) out.sack_permitted = true;
        break;
      case kSack:
        if (length >= 10 && (length - 2) % 8 == 0) {
          out.sack_blocks = 0;
          for (; value < at + length && out.sack_blocks < TcpOptions::kSackBlocksLimit; value += 8)
            out.sack[out.sack_blocks++] = {load_32(value), load_32(value + 4)};
        }
        break;
      case kTimestamp:
        if (length == 10) {
          out.has_timestamp = true;
          out.timestamp = load_32(value);
          out.timestamp_echo = load_32(value + 4);
        }
        break;
      case kUserTimeout:
        // RFC 5482 section 3: seconds or, with the first bit, minutes.
        if (length == 4) {
          const uint32_t word = load_16(value);
          out.user_timeout_s = (word & 0x7fff) * (word & 0x8000 ? 60 : 1);
        }
        break;
      case kFastOpen:
        // RFC 7413 section 4.1.1: 4 to 16 bytes, even; none asks for a cookie.
        if (length == 2 || (length >= 6 && length <= 18 && length % 2 == 0)) {
          out.has_fast_open = true;
          out.fast_open_experimental = false;
          out.cookie_bytes = static_cast<uint8_t>(length - 2);
          std::memcpy(out.cookie.data(), value, out.cookie_bytes);
        }
        break;
      case kExperimental:
        if (length == 4 || (length >= 8 && length <= 20 && length % 2 == 0)) {
          if (load_16(value) != kFastOpenMagic) break;
          out.has_fast_open = out.fast_open_experimental = true;
          out.cookie_bytes = static_cast<uint8_t>(length - 4);
          std::memcpy(out.cookie.data(), value + 2, out.cookie_bytes);
        }
        break;
      default: break;
    }
    at += length;
  }
  return true;
}

uint32_t emit_tcp_options(std::byte* const begin, const TcpOptions& options) {
  std::byte* at = begin;
  const auto room = [&] { return kTcpOptionsLimitBytes - static_cast<uint32_t>(at - begin); };
  if (options.mss != 0) {
    store_32(at, uint32_t{kMss} << 24 | 4u << 16 | options.mss);
    at += 4;
  }
  if (options.has_timestamp) {
    // With SACK-permitted in the place of the two NOPs a SYN saves a word.
    store_16(at, options.sack_permitted ? kSackPermitted << 8 | 2 : kNop << 8 | kNop);
    store_16(at + 2, kTimestamp << 8 | 10);
    store_32(at + 4, options.timestamp);
    store_32(at + 8, options.timestamp_echo);
    at += 12;
  } else if (options.sack_permitted) {
    store_32(at, uint32_t{kNop} << 24 | uint32_t{kNop} << 16 | kSackPermitted << 8 | 2);
    at += 4;
  }
  if (options.has_window_scale) {
    store_32(at, uint32_t{kNop} << 24 | uint32_t{kWindowScale} << 16 | 3u << 8 | options.window_scale);
    at += 4;
  }
  if (options.has_fast_open) {
    const uint32_t header_bytes = options.fast_open_experimental ? 4 : 2;
    const uint32_t bytes = header_bytes + options.cookie_bytes;
    if (((bytes + 3) & ~3u) <= room()) {
      store_8(at, options.fast_open_experimental ? kExperimental : kFastOpen);
      store_8(at + 1, static_cast<uint8_t>(bytes));
      if (options.fast_open_experimental) store_16(at + 2, kFastOpenMagic);
      std::memcpy(at + header_bytes, options.cookie.data(), options.cookie_bytes);
      at += bytes;
      while ((at - begin) % 4 != 0) store_8(at++, kNop);
    }
  }
  if (options.user_timeout_s != 0 && room() >= 4) {
    const uint32_t minutes = std::min(options.user_timeout_s / 60, 0x7fffu);
    store_32(at, uint32_t{kUserTimeout} << 24 | 4u << 16 |
                     (options.user_timeout_s <= 0x7fff ? options.user_timeout_s : 0x8000 | minutes));
    at += 4;
  }
  if (options.sack_blocks > 0 && room() >= 12) {
    uint32_t blocks = (room() - 4) / 8;
    if (blocks > options.sack_blocks) blocks = options.sack_blocks;
    store_32(at, uint32_t{kNop} << 24 | uint32_t{kNop} << 16 | kSack << 8 | (2 + 8 * blocks));
    at += 4;
    for (uint32_t i = 0; i < blocks; ++i, at += 8) {
      store_32(at, options.sack[i].left);
      store_32(at + 4, options.sack[i].right);
    }
  }
  return static_cast<uint32_t>(at - begin);
}

}  // namespace sluice::wire
