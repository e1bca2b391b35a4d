// SPDX-License-Identifier: Apache-2.0
// The TCP header and its options (RFC 9293 section 3.1, RFC 7323, RFC 2018, RFC 5482, RFC 7413): a view that is checked once, and
// an emitter.
#pragma once
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "dataplane/wire/bytes.hh"

namespace sluice::wire {

inline constexpr uint32_t kTcpHeaderBytes = 20;  // without options
inline constexpr uint32_t kTcpOptionsLimitBytes = 40;

enum TcpFlag : uint8_t {
  kTcpFin = 0x01,
  kTcpSyn = 0x02,
  kTcpRst = 0x04,
  kTcpPsh = 0x08,
  kTcpAck = 0x10,
  kTcpUrg = 0x20,
  kTcpEce = 0x40,  // RFC 3168
  kTcpCwr = 0x80,
};

// A TCP header in place. Borrows the bytes.
class TcpView {
 public:
  // nullopt unless `bytes` holds a whole header, options included: the length field is honest.
  static std::optional<TcpView> parse(std::span<const std::byte> bytes) {
    if (bytes.size() < kTcpHeaderBytes) return std::nullopt;
    const TcpView view(bytes.data());
    if (view.header_bytes() < kTcpHeaderBytes || view.header_bytes() > bytes.size()) return std::nullopt;
    return view;
  }

  uint16_t source_port() const { return load_16(at_); }
  uint16_t destination_port() const { return load_16(at_ + 2); }
  uint32_t sequence() const { return load_32(at_ + 4); }
  uint32_t acknowledgement() const { return load_32(at_ + 8); }
  uint32_t header_bytes() const { return uint32_t{load_8(at_ + 12)} >> 4 << 2; }
  uint8_t flags() const { return load_8(at_ + 13); }
  uint16_t window() const { return load_16(at_ + 14); }  // not scaled
  uint16_t checksum() const { return load_16(at_ + 16); }
  uint16_t urgent() const { return load_16(at_ + 18); }
  std::span<const std::byte> options() const {
    return {at_ + kTcpHeaderBytes, header_bytes() - kTcpHeaderBytes};
  }

 private:
  explicit TcpView(const std::byte* at) : at_(at) {}
  const std::byte* at_;
};

struct TcpFields {
  uint16_t source_port = 0, destination_port = 0;
  uint32_t sequence = 0, acknowledgement = 0;
  uint8_t flags = 0;
  uint16_t window = 0;
  uint16_t urgent = 0;
};

// Writes the 20 fixed bytes at `at`, the checksum field 0. `options_bytes`: length of the options behind them, a
// multiple of 4 and at most kTcpOptionsLimitBytes.
inline void emit_tcp(std::byte* at, const TcpFields& fields, uint32_t options_bytes = 0) {
  store_16(at, fields.source_port);
  store_16(at + 2, fields.destination_port);
  store_32(at + 4, fields.sequence);
  store_32(at + 8, fields.acknowledgement);
  store_16(at + 12, static_cast<uint16_t>((kTcpHeaderBytes + options_bytes) >> 2 << 12 | fields.flags));
  store_16(at + 14, fields.window);
  store_16(at + 16, 0);
  store_16(at + 18, fields.urgent);
}
inline void set_tcp_checksum(std::byte* tcp, uint16_t checksum) { store_16(tcp + 16, checksum); }

struct SackBlock {
  uint32_t left = 0, right = 0;  // [left, right)
  bool operator==(const SackBlock&) const = default;
};

struct TcpOptions {
  static constexpr unsigned kSackBlocksLimit = 4;  // what fits in 40 bytes
  static constexpr unsigned kCookieLimitBytes = 16;

  bool has_timestamp = false;
  bool has_window_scale = false;
  bool sack_permitted = false;
  bool has_fast_open = false;  // RFC 7413; a cookie of 0 bytes asks for one
  // In the shape it had before it was given a number: option 254 (RFC 6994), which some servers still speak alone.
  bool fast_open_experimental = false;
  uint8_t window_scale = 0;  // as sent; a receiver uses at most 14 (RFC 7323 section 2.3)
  uint8_t sack_blocks = 0;
  uint8_t cookie_bytes = 0;
  uint16_t mss = 0;             // 0: none
  uint32_t user_timeout_s = 0;  // RFC 5482; 0: none
  uint32_t timestamp = 0, timestamp_echo = 0;
  std::array<SackBlock, kSackBlocksLimit> sack{};
  std::array<std::byte, kCookieLimitBytes> cookie{};
};

// The shape of nearly all segments of a connection with timestamps: exactly NOP NOP TIMESTAMP. True when it is that.
inline bool parse_tcp_timestamp_only(std::span<const std::byte> options, uint32_t& timestamp,
                                     uint32_t& echo) {
  if (options.size() != 12 || load_32(options.data()) != 0x0101080a) return false;
  timestamp = load_32(options.data() + 4);
  echo = load_32(options.data() + 8);
  return true;
}

// Reads the options into `out` (which it resets). False when a length is impossible (RFC 9293 section 3.1, MUST-7); what
// came before it is in `out`. Unknown options are skipped; known ones of a wrong length are treated as unknown.
bool parse_tcp_options(std::span<const std::byte> options, TcpOptions& out);

// Writes what `options` holds at `at` (room for 40 bytes), padded with NOPs to a multiple of 4; returns the length. SACK
// blocks and a cookie that do not fit any more are left out, last first.
uint32_t emit_tcp_options(std::byte* at, const TcpOptions& options);

}  // namespace sluice::wire
