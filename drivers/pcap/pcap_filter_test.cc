// SPDX-License-Identifier: Apache-2.0
// What filters say of frames: the language is libpcap's, so only what Sluice adds or relies on is looked at.
#include "drivers/pcap/pcap_filter.hh"

#include <gtest/gtest.h>

#include "drivers/pcap/test_frames.hh"

namespace sluice::pcap {
namespace {

class Filters : public ::testing::Test {
 protected:
  bool matches(const std::string& text, const std::vector<uint8_t>& bytes) {
    std::string error;
    const auto filter = PcapFilter::compile(text, error);
    EXPECT_TRUE(filter) << text << ": " << error;
    Buffer* frame = pool.allocate();
    frame->append(bytes.data(), static_cast<uint32_t>(bytes.size()));
    const bool answer = filter && filter->matches(frame);
    release(frame);
    return answer;
  }
  HeapBufferPool pool{2048, 64};
};

TEST_F(Filters, TellPortsNetsAndProtocols) {
  const auto ssh = test_frame({.source = 0x0a000001, .protocol = 6, .destination_port = 22});
  EXPECT_TRUE(matches("tcp port 22 and net 10.0.0.0/8", ssh));
  EXPECT_FALSE(matches("tcp port 22 and net 192.0.2.0/24 and not net 10.0.0.0/8", ssh));
  EXPECT_FALSE(matches("udp port 22", ssh));
  EXPECT_TRUE(matches("", ssh));
  EXPECT_TRUE(matches("ether proto 0x0800", ssh));
}

TEST_F(Filters, SeeVlanTagsOnlyWhenAskedFor) {
  const auto tagged = test_frame({.protocol = 6, .destination_port = 22, .vlan = 7});
  EXPECT_FALSE(matches("tcp port 22", tagged));
  EXPECT_TRUE(matches("vlan 7 and tcp port 22", tagged));
  EXPECT_FALSE(matches("vlan 8 and tcp port 22", tagged));
}

TEST_F(Filters, LaterFragmentsHaveNoPorts) {
  const auto first = test_frame({.protocol = 17, .destination_port = 53, .fragment = 0x2000});
  const auto later = test_frame({.protocol = 17, .destination_port = 53, .fragment = 185});
  EXPECT_TRUE(matches("udp port 53", first));
  EXPECT_FALSE(matches("udp port 53", later));
  EXPECT_TRUE(matches("udp and ip[6:2] & 0x1fff != 0", later));
}

TEST_F(Filters, OfAChainTheFirstSegmentIsRead) {
  std::string error;
  const auto long_ones = PcapFilter::compile("greater 1000", error);
  const auto behind = PcapFilter::compile("ether[100] == 0", error);
  Buffer* frame = pool.allocate();
  frame->append(std::vector<char>(80).data(), 80);
  frame->next_segment = pool.allocate();
  frame->next_segment->append(std::vector<char>(1000).data(), 1000);
  EXPECT_TRUE(long_ones->matches(frame));
  EXPECT_FALSE(behind->matches(frame));
  release(frame);
}

TEST_F(Filters, SayWhatIsWrongWithAText) {
  std::string error;
  EXPECT_FALSE(PcapFilter::compile("tcp prt 22", error));
  EXPECT_NE(error.find("syntax error"), std::string::npos) << error;
  EXPECT_FALSE(PcapFilter::compile("port 99999", error));
  EXPECT_FALSE(error.empty());
}

}  // namespace
}  // namespace sluice::pcap
