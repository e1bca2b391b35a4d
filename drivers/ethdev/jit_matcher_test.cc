// SPDX-License-Identifier: Apache-2.0
// Filters as machine code say the same as libpcap's interpreter, whatever the frame. Ordinary memory, no privileges.
#include "drivers/ethdev/jit_matcher.hh"

#include <gtest/gtest.h>

#include <random>

#include "drivers/ethdev/eal.hh"
#include "drivers/ethdev/mbuf_pool.hh"
#include "drivers/pcap/test_frames.hh"

namespace sluice::ethdev {
namespace {

class Started : public ::testing::Environment {
 public:
  void SetUp() override {
    EalOptions options;
    options.memory = EalMemory::kOrdinary;
    options.memory_mb = 96;
    ASSERT_EQ(Eal::start(options), "");
  }
  void TearDown() override { Eal::stop(); }
};
[[maybe_unused]] const auto* const kStarted = ::testing::AddGlobalTestEnvironment(new Started);

std::unique_ptr<pcap::PcapFilter> compiled(const char* text) {
  std::string error;
  auto filter = pcap::PcapFilter::compile(text, error);
  EXPECT_TRUE(filter) << text << ": " << error;
  return filter;
}

constexpr const char* kTexts[] = {
    "",
    "tcp port 22 and net 10.0.0.0/8",
    "udp",
    "not ip",
    "arp or ip6",
    "vlan 7 and tcp port 22",
    "vlan",
    "host 192.0.2.1 and (port 53 or portrange 1000-1200)",
    "ip[6:2] & 0x1fff != 0",
    "icmp[icmptype] == icmp-echo",
    "ip6 and icmp6[icmp6type] == icmp6-echo",
    "less 64",
    "greater 500",
    "ether[200:4] == 0",
    "tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn",
    "ip6 and tcp dst port 443",
    "ether dst 02:00:00:00:00:02",
    "ip multicast or ether broadcast",
    "(tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x47455420)",
    "tcp[13] != 0",
    "tcp[2:2] > tcp[0:2]",
    "udp[4:2] - 8 > 20",
    "ip[8] * 3 + ip[9] >= ip[10] + len",
    "ip[ip[15] & 7] & 1 = 1",
    "ip[2:2] / 2 < 100 and not (ip[9] | 4 = 21)",
    "ip[10:2] % 7 = 3 or ip[10:2] ^ 0x55 > 0x8000",
    "ip[14] << 3 > ip[15] >> 1",
    "ip6 protochain 17",
    "ip protochain 6",
    "ether[0] & 1 = 1 and ether[6:4] != 0",
};

TEST(JitMatcher, AgreesWithTheInterpreter) {
  std::string error;
  const auto pool = MbufPool::create("jit_test", 4096, 2176, error);
  ASSERT_TRUE(pool) << error;
  std::vector<Buffer*> frames;
  const auto add = [&](const std::vector<uint8_t>& bytes) {
    Buffer* frame = pool->allocate();
    frame->append(bytes.data(), static_cast<uint32_t>(bytes.size()));
    frames.push_back(frame);
  };
  for (const uint8_t protocol : {6, 17, 89})
    for (const uint16_t vlan : {0, 7, 8})
      for (const uint16_t port : {22, 53, 443})
        for (const uint16_t fragment : {0, 0x2000, 100})
          add(pcap::test_frame({.source = port == 22 ? 0x0a000001u : 0xc0000201u,
                                .protocol = protocol,
                                .destination_port = port,
                                .vlan = vlan,
                                .fragment = fragment,
                                .payload_bytes = port}));
  auto echo = pcap::test_frame({.protocol = 1});
  echo[34] = 8;
  add(echo);
  echo[34] = 0;
  add(echo);
  // Any bytes behind the addresses: arithmetic, and loads whose place is computed.
  std::minstd_rand random(1);
  for (unsigned i = 0; i < 2000; ++i) {
    auto bytes = pcap::test_frame({.protocol = uint8_t(i % 3 == 0   ? 1
                                                       : i % 3 == 1 ? 6
                                                                    : 17),
                                   .payload_bytes = 100});
    if (i % 2) {  // of the header no more than its length and protocol stay
      for (size_t at = 16; at < 23; ++at) bytes[at] = static_cast<uint8_t>(random());
      bytes[14] = static_cast<uint8_t>(0x40 | (random() & 15));
    }
    for (size_t at = 24; at < bytes.size(); ++at) bytes[at] = static_cast<uint8_t>(random());
    bytes.erase(bytes.end() - static_cast<ptrdiff_t>(random() % 90), bytes.end());
    if (i % 5 == 0) bytes[12] = 0x86, bytes[13] = 0xdd;
    add(bytes);
  }
  // Cut off anywhere: reading past the end is no match, and no fault.
  const auto whole = pcap::test_frame({.source = 0x0a000001, .protocol = 6, .destination_port = 22});
  for (size_t length = 1; length < whole.size(); ++length)
    add({whole.begin(), whole.begin() + static_cast<ptrdiff_t>(length)});
  // What is scattered over several Buffers.
  add(whole);
  frames.back()->next_segment = pool->allocate();
  frames.back()->next_segment->append(whole.data(), static_cast<uint32_t>(whole.size()));

  for (const char* text : kTexts) {
    const JitMatcher matcher(compiled(text));
    EXPECT_TRUE(matcher.is_machine_code() || std::strstr(text, "protochain")) << text;
    const auto interpreter = compiled(text);
    for (size_t begin = 0; begin < frames.size(); begin += 64) {
      const size_t count = std::min<size_t>(64, frames.size() - begin);
      const uint64_t all = count == 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1;
      EXPECT_EQ(matcher.match(&frames[begin], all), interpreter->match(&frames[begin], all)) << text;
      // Only what is asked about is looked at.
      const uint64_t some = all & 0x5555'5555'5555'5555;
      EXPECT_EQ(matcher.match(&frames[begin], some), interpreter->match(&frames[begin], some)) << text;
    }
  }
  for (Buffer* frame : frames) release(frame);
}

TEST(JitMatcher, LooksAtTheFrameAsItIsNow) {
  std::string error;
  const auto pool = MbufPool::create("jit_now", 512, 2176, error);
  ASSERT_TRUE(pool) << error;
  const JitMatcher matcher(compiled("tcp port 22"));
  const auto bytes = pcap::test_frame({.protocol = 6, .destination_port = 22});
  Buffer* frame = pool->allocate();
  frame->append("12345678", 8);
  frame->append(bytes.data(), static_cast<uint32_t>(bytes.size()));
  EXPECT_EQ(matcher.match(&frame, 1), 0u);
  frame->trim_front(8);
  EXPECT_EQ(matcher.match(&frame, 1), 1u);
  frame->trim_back(frame->length - 30);
  EXPECT_EQ(matcher.match(&frame, 1), 0u);
  release(frame);
}

}  // namespace
}  // namespace sluice::ethdev
