// SPDX-License-Identifier: Apache-2.0
// TCP headers and options: round trips, known bytes, and what must be refused.
#include "dataplane/wire/tcp.hh"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/simulation/seeded_entropy.hh"

namespace sluice::wire {
namespace {

std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
  std::vector<std::byte> bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

TEST(TcpHeader, RoundTrip) {
  std::byte bytes[kTcpHeaderBytes + 12] = {};
  emit_tcp(bytes,
           {.source_port = 0x1234,
            .destination_port = 443,
            .sequence = 0xdeadbeef,
            .acknowledgement = 0x01020304,
            .flags = kTcpSyn | kTcpAck | kTcpEce,
            .window = 65535,
            .urgent = 7},
           12);
  set_tcp_checksum(bytes, 0xabcd);
  const auto view = TcpView::parse(bytes);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->source_port(), 0x1234);
  EXPECT_EQ(view->destination_port(), 443);
  EXPECT_EQ(view->sequence(), 0xdeadbeef);
  EXPECT_EQ(view->acknowledgement(), 0x01020304u);
  EXPECT_EQ(view->header_bytes(), 32u);
  EXPECT_EQ(view->flags(), kTcpSyn | kTcpAck | kTcpEce);
  EXPECT_EQ(view->window(), 65535);
  EXPECT_EQ(view->checksum(), 0xabcd);
  EXPECT_EQ(view->urgent(), 7);
  EXPECT_EQ(view->options().size(), 12u);
}

TEST(TcpHeader, LengthsThatLieAreRefused) {
  std::vector<std::byte> bytes(60);
  emit_tcp(bytes.data(), {.source_port = 1, .destination_port = 2}, 40);
  EXPECT_TRUE(TcpView::parse(bytes));
  for (size_t length = 0; length < 60; ++length)
    EXPECT_FALSE(TcpView::parse(std::span(bytes).first(length))) << length;
  for (int words = 0; words < 5; ++words) {
    bytes[12] = static_cast<std::byte>(words << 4);
    EXPECT_FALSE(TcpView::parse(bytes)) << words;
  }
  bytes[12] = std::byte{5 << 4};
  EXPECT_TRUE(TcpView::parse(std::span(bytes).first(20)));
  EXPECT_TRUE(TcpView::parse(bytes)->options().empty());
}

TEST(TcpOptions, SynOfLinuxIsReadAndWritten) {
  const auto bytes = bytes_of({2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7});
  TcpOptions options;
  ASSERT_TRUE(parse_tcp_options(bytes, options));
  EXPECT_EQ(options.mss, 1460);
  EXPECT_TRUE(options.sack_permitted);
  EXPECT_TRUE(options.has_timestamp);
  EXPECT_EQ(options.timestamp, 1u);
  EXPECT_EQ(options.timestamp_echo, 0u);
  EXPECT_TRUE(options.has_window_scale);
  EXPECT_EQ(options.window_scale, 7);
  std::byte out[kTcpOptionsLimitBytes];
  ASSERT_EQ(emit_tcp_options(out, options), bytes.size());
  EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), out));
}

TEST(TcpOptions, TimestampOnlyFastPathAgreesWithTheSlowOne) {
  TcpOptions options;
  options.has_timestamp = true;
  options.timestamp = 0x01020304;
  options.timestamp_echo = 0xa0b0c0d0;
  std::byte out[kTcpOptionsLimitBytes];
  const uint32_t length = emit_tcp_options(out, options);
  ASSERT_EQ(length, 12u);
  uint32_t timestamp = 0, echo = 0;
  ASSERT_TRUE(parse_tcp_timestamp_only({out, length}, timestamp, echo));
  EXPECT_EQ(timestamp, 0x01020304u);
  EXPECT_EQ(echo, 0xa0b0c0d0u);
  // The same option, otherwise padded: not the fast shape, but understood.
  const auto other = bytes_of({8, 10, 1, 2, 3, 4, 0xa0, 0xb0, 0xc0, 0xd0, 1, 1});
  EXPECT_FALSE(parse_tcp_timestamp_only(other, timestamp, echo));
  TcpOptions read;
  ASSERT_TRUE(parse_tcp_options(other, read));
  EXPECT_EQ(read.timestamp, 0x01020304u);
  EXPECT_EQ(read.timestamp_echo, 0xa0b0c0d0u);
}

TEST(TcpOptions, SackBlocksThatFitAreSent) {
  TcpOptions options;
  options.has_timestamp = true;
  options.sack_blocks = 4;
  for (uint32_t i = 0; i < 4; ++i) options.sack[i] = {i * 100, i * 100 + 50};
  std::byte out[kTcpOptionsLimitBytes];
  uint32_t length = emit_tcp_options(out, options);
  EXPECT_EQ(length, 40u);
  TcpOptions read;
  ASSERT_TRUE(parse_tcp_options({out, length}, read));
  ASSERT_EQ(read.sack_blocks, 3);  // beside a timestamp, RFC 2018 section 3
  for (uint32_t i = 0; i < 3; ++i) EXPECT_EQ(read.sack[i], options.sack[i]);
  options.has_timestamp = false;
  length = emit_tcp_options(out, options);
  ASSERT_TRUE(parse_tcp_options({out, length}, read));
  EXPECT_EQ(read.sack_blocks, 4);
}

TEST(TcpOptions, RandomOnesComeBackAsTheyWere) {
  simulation::SeededEntropy entropy(5);
  for (int i = 0; i < 2000; ++i) {
    TcpOptions options;
    if (entropy.chance(0.5)) options.mss = static_cast<uint16_t>(1 + entropy.below(65535));
    if (entropy.chance(0.5)) {
      options.has_timestamp = true;
      options.timestamp = entropy.u32();
      options.timestamp_echo = entropy.u32();
    }
    options.sack_permitted = entropy.chance(0.5);
    if (entropy.chance(0.5)) {
      options.has_window_scale = true;
      options.window_scale = static_cast<uint8_t>(entropy.below(15));
    }
    if (entropy.chance(0.3)) {
      options.has_fast_open = true;
      constexpr uint8_t kLengths[] = {0, 4, 8, 16};
      options.cookie_bytes = kLengths[entropy.below(4)];
      options.fast_open_experimental = entropy.chance(0.3);
      entropy.fill(std::span(options.cookie).first(options.cookie_bytes));
    }
    std::byte out[kTcpOptionsLimitBytes];
    const uint32_t length = emit_tcp_options(out, options);
    ASSERT_LE(length, kTcpOptionsLimitBytes);
    ASSERT_EQ(length % 4, 0u);
    TcpOptions read;
    ASSERT_TRUE(parse_tcp_options({out, length}, read));
    EXPECT_EQ(read.mss, options.mss);
    EXPECT_EQ(read.has_timestamp, options.has_timestamp);
    EXPECT_EQ(read.timestamp, options.timestamp);
    EXPECT_EQ(read.timestamp_echo, options.timestamp_echo);
    EXPECT_EQ(read.sack_permitted, options.sack_permitted);
    EXPECT_EQ(read.has_window_scale, options.has_window_scale);
    EXPECT_EQ(read.window_scale, options.window_scale);
    if (read.has_fast_open || length + 4u + options.cookie_bytes <= kTcpOptionsLimitBytes) {
      EXPECT_EQ(read.has_fast_open, options.has_fast_open);
      EXPECT_EQ(read.fast_open_experimental, options.fast_open_experimental);
      EXPECT_EQ(read.cookie_bytes, options.cookie_bytes);
      EXPECT_EQ(read.cookie, options.cookie);
    }
  }
}

struct OptionsCase {
  const char* name;
  std::vector<std::byte> bytes;
  bool well_formed;
  void (*check)(const TcpOptions&);
};

TEST(TcpOptions, Malformed) {
  const OptionsCase cases[] = {
      {"length zero", bytes_of({1, 8, 0, 1}), false, nullptr},
      {"length one", bytes_of({2, 1, 5, 0xb4}), false, nullptr},
      {"kind without length", bytes_of({1, 1, 1, 2}), false, nullptr},
      {"runs past the end", bytes_of({2, 5, 5, 0xb4}), false, nullptr},
      {"what came before counts", bytes_of({2, 4, 5, 0xb4, 8, 0, 0, 0}), false,
       [](const TcpOptions& options) { EXPECT_EQ(options.mss, 1460); }},
      {"MSS of a wrong length is unknown", bytes_of({2, 3, 5, 0}), true,
       [](const TcpOptions& options) { EXPECT_EQ(options.mss, 0); }},
      {"end hides the rest", bytes_of({0, 2, 4, 5}), true,
       [](const TcpOptions& options) { EXPECT_EQ(options.mss, 0); }},
      {"unknown kind is skipped", bytes_of({99, 4, 1, 2, 2, 4, 5, 0xb4}), true,
       [](const TcpOptions& options) { EXPECT_EQ(options.mss, 1460); }},
      {"SACK of a broken block", bytes_of({5, 9, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1}), true,
       [](const TcpOptions& options) { EXPECT_EQ(options.sack_blocks, 0); }},
      {"odd cookie", bytes_of({34, 7, 1, 2, 3, 4, 5, 1}), true,
       [](const TcpOptions& options) { EXPECT_FALSE(options.has_fast_open); }},
      {"somebody else's experiment", bytes_of({254, 4, 0x12, 0x34}), true,
       [](const TcpOptions& options) { EXPECT_FALSE(options.has_fast_open); }},
      {"an experiment without a name", bytes_of({254, 2, 1, 1}), true,
       [](const TcpOptions& options) { EXPECT_FALSE(options.has_fast_open); }},
      {"nothing", {}, true, [](const TcpOptions& options) { EXPECT_FALSE(options.has_timestamp); }},
  };
  for (const OptionsCase& each : cases) {
    SCOPED_TRACE(each.name);
    TcpOptions options;
    options.has_timestamp = true;  // must be reset
    EXPECT_EQ(parse_tcp_options(each.bytes, options), each.well_formed);
    if (each.check) each.check(options);
  }
}

TEST(TcpOptions, RandomBytesAreSurvived) {
  simulation::SeededEntropy entropy(6);
  for (int i = 0; i < 50'000; ++i) {
    // Exactly as long as said, so that a sanitizer sees a step too far.
    std::vector<std::byte> bytes(entropy.below(41));
    entropy.fill(bytes);
    if (!bytes.empty() && entropy.chance(0.7)) bytes[0] = static_cast<std::byte>(entropy.below(9));
    TcpOptions options;
    parse_tcp_options(bytes, options);
    EXPECT_LE(options.sack_blocks, TcpOptions::kSackBlocksLimit);
    EXPECT_LE(options.cookie_bytes, TcpOptions::kCookieLimitBytes);
  }
}

}  // namespace
}  // namespace sluice::wire
