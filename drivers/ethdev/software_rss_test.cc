// SPDX-License-Identifier: Apache-2.0
// That the software places flows as a NIC with our key would, and both directions, errors and quotes at one place.
#include "drivers/ethdev/software_rss.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "drivers/ethdev/toeplitz.hh"

namespace sluice::ethdev {
namespace {

using Bytes = std::vector<std::byte>;

Bytes bytes(std::initializer_list<unsigned> list) {
  Bytes out;
  for (const unsigned each : list) out.push_back(static_cast<std::byte>(each));
  return out;
}
Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}
Bytes word(unsigned value) { return bytes({value >> 8, value & 255}); }
Bytes address(uint32_t value) { return word(value >> 16) + word(value & 0xffff); }

Bytes ethernet(unsigned type) { return Bytes(12) + word(type); }
Bytes ports(uint16_t source, uint16_t destination) { return word(source) + word(destination) + Bytes(16); }
Bytes ipv4(unsigned protocol, uint32_t source, uint32_t destination, unsigned fragment_word = 0) {
  return bytes({0x45, 0, 0, 40, 0, 0}) + word(fragment_word) + bytes({64, protocol, 0, 0}) + address(source) +
         address(destination);
}
Bytes ipv6(unsigned protocol, unsigned source, unsigned destination) {
  return bytes({0x60, 0, 0, 0, 0, 20, protocol, 64, 0x20, 0x01, 0x0d, 0xb8}) + Bytes(10) + word(source) +
         bytes({0x20, 0x01, 0x0d, 0xb8}) + Bytes(10) + word(destination);
}

constexpr uint32_t kHere = 0xc0000202, kThere = 0xc6336407;
constexpr unsigned kTcp = 6, kUdp = 17, kIcmp = 1;
constexpr unsigned kQueues = 16;  // so that agreement by chance is seldom

TEST(SoftwareRss, IsTheHashOfANicWithOurKey) {
  for (uint16_t port = 40'000; port < 40'200; ++port) {
    const auto nic = toeplitz_ipv4(kSymmetricRssKey, kThere, kHere, port, 80) % kQueues;
    EXPECT_EQ(software_rss_queue(IpAddress::v4(kThere), IpAddress::v4(kHere), port, 80, kQueues), nic);
    for (const unsigned protocol : {kTcp, kUdp})
      EXPECT_EQ(
          software_rss_queue(ethernet(0x0800) + ipv4(protocol, kThere, kHere) + ports(port, 80), kQueues),
          static_cast<int>(nic));
    Bytes tuple = ipv6(kTcp, port, 7) + ports(port, 80);
    std::vector<uint8_t> input;
    for (size_t i = 8; i < 44; ++i) input.push_back(static_cast<uint8_t>(tuple[i]));
    const auto nic6 = toeplitz(kSymmetricRssKey, input) % kQueues;
    EXPECT_EQ(software_rss_queue(ethernet(0x86dd) + tuple, kQueues), static_cast<int>(nic6));
    IpAddress from, to;
    std::copy_n(input.begin(), 16, from.bytes.begin());
    std::copy_n(input.begin() + 16, 16, to.bytes.begin());
    EXPECT_EQ(software_rss_queue(from, to, port, 80, kQueues), nic6);
  }
}

TEST(SoftwareRss, SpreadsNeighbouringFlowsEvenly) {
  for (const unsigned queues : {2u, 3u, 4u, 7u}) {
    std::vector<unsigned> count(queues);
    for (unsigned port = 32'768; port < 32'768 + 2048; port += 2)  // Linux takes every other port
      ++count[software_rss_queue(IpAddress::v4(kThere), IpAddress::v4(kHere), static_cast<uint16_t>(port),
                                 443, queues)];
    for (const unsigned each : count) EXPECT_NEAR(each, 1024.0 / queues, 1024.0 / queues * 0.2);
  }
}

TEST(SoftwareRss, BothDirectionsAndErrorsAboutThemAreAtOnePlace) {
  for (uint16_t port = 1000; port < 1100; ++port) {
    const int place =
        software_rss_queue(ethernet(0x0800) + ipv4(kTcp, kThere, kHere) + ports(port, 80), kQueues);
    const Bytes sent = ipv4(kTcp, kHere, kThere) + ports(80, port);
    EXPECT_EQ(software_rss_queue(ethernet(0x0800) + sent, kQueues), place);
    EXPECT_EQ(software_rss_queue(ethernet(0x8100) + word(0) + word(0x0800) + sent, kQueues), place);
    // A router between, which has an address of its own, says that it is too big.
    const Bytes error = ipv4(kIcmp, 0x0a000001, kHere) + bytes({3, 4, 0, 0, 0, 0, 5, 0}) + sent;
    EXPECT_EQ(software_rss_queue(ethernet(0x0800) + error, kQueues), place);

    const Bytes sent6 = ipv6(kTcp, 1, port) + ports(80, port);
    const int place6 = software_rss_queue(ethernet(0x86dd) + sent6, kQueues);
    const Bytes error6 = ipv6(58, 99, 1) + bytes({2, 0, 0, 0, 0, 0, 5, 0}) + sent6;
    EXPECT_EQ(software_rss_queue(ethernet(0x86dd) + error6, kQueues), place6);
  }
}

TEST(SoftwareRss, AllFragmentsOfAPacketMeet) {
  const int first =
      software_rss_queue(ethernet(0x0800) + ipv4(kUdp, kThere, kHere, 0x2000) + ports(5000, 6000), kQueues);
  EXPECT_EQ(software_rss_queue(ethernet(0x0800) + ipv4(kUdp, kThere, kHere, 0x0010) + ports(1, 2), kQueues),
            first);
}

TEST(SoftwareRss, WhatHasNoFlowStays) {
  EXPECT_EQ(software_rss_queue(ethernet(0x0806) + Bytes(28), kQueues), -1);
  EXPECT_EQ(software_rss_queue(ethernet(0x86dd) + ipv6(58, 1, 2) + bytes({135, 0}) + Bytes(22), kQueues), -1);
  EXPECT_EQ(software_rss_queue(ethernet(0x88cc) + Bytes(40), kQueues), -1);
}

TEST(SoftwareRss, LooksAtNoByteThatIsNotThere) {
  const Bytes frames[] = {
      ethernet(0x0800) + ipv4(kTcp, kThere, kHere) + ports(1, 2),
      ethernet(0x0800) + ipv4(kIcmp, kThere, kHere) + bytes({3, 4, 0, 0, 0, 0, 5, 0}) + ipv4(kTcp, 1, 2) +
          ports(1, 2),
      ethernet(0x86dd) + ipv6(58, 1, 2) + bytes({2, 0, 0, 0, 0, 0, 5, 0}) + ipv6(kTcp, 1, 2) + ports(1, 2)};
  for (const Bytes& whole : frames) {
    for (size_t length = 0; length <= whole.size(); ++length) {
      const Bytes cut(whole.begin(),
                      whole.begin() + static_cast<ptrdiff_t>(length));  // sanitizers see its end
      const int queue = software_rss_queue(cut, kQueues);
      EXPECT_TRUE(queue >= -1 && queue < static_cast<int>(kQueues));
    }
  }
}

}  // namespace
}  // namespace sluice::ethdev
