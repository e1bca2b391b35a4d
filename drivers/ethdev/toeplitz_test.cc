// SPDX-License-Identifier: Apache-2.0
// The software hash against the verification suite that NIC makers use ("Verifying the RSS Hash Calculation", Microsoft).
#include "drivers/ethdev/toeplitz.hh"

#include <gtest/gtest.h>

namespace sluice::ethdev {
namespace {

constexpr uint8_t kVerificationKey[40] = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
                                          0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
                                          0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
                                          0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};

constexpr uint32_t ip(uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  return a << 24 | b << 16 | c << 8 | d;
}

struct Vector {
  uint32_t destination;
  uint16_t destination_port;
  uint32_t source;
  uint16_t source_port;
  uint32_t addresses_only, with_ports;
};

constexpr Vector kVectors[] = {
    {ip(161, 142, 100, 80), 1766, ip(66, 9, 149, 187), 2794, 0x323e8fc2, 0x51ccc178},
    {ip(65, 69, 140, 83), 4739, ip(199, 92, 111, 2), 14230, 0xd718262a, 0xc626b0ea},
    {ip(12, 22, 207, 184), 38024, ip(24, 19, 198, 95), 12898, 0xd2d0a5de, 0x5c2b394a},
    {ip(209, 142, 163, 6), 2217, ip(38, 27, 205, 30), 48228, 0x82989176, 0xafc7327f},
    {ip(202, 188, 127, 2), 1303, ip(153, 39, 163, 191), 44251, 0x5d1809c5, 0x10e828a2},
};

TEST(Toeplitz, GivesTheValuesOfTheVerificationSuite) {
  for (const Vector& v : kVectors) {
    EXPECT_EQ(toeplitz_ipv4(kVerificationKey, v.source, v.destination), v.addresses_only);
    EXPECT_EQ(toeplitz_ipv4(kVerificationKey, v.source, v.destination, v.source_port, v.destination_port),
              v.with_ports);
  }
}

TEST(Toeplitz, TakesAnIpv6TupleOfTheVerificationSuite) {
  // 3ffe:2501:200:1fff::7 port 2794 -> 3ffe:2501:200:3::1 port 1766
  const uint8_t input[36] = {0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00, 0x1f, 0xff, 0,    0,    0,    0,
                             0,    0,    0,    7,    0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00, 0x00, 0x03,
                             0,    0,    0,    0,    0,    0,    0,    1,    0x0a, 0xea, 0x06, 0xe6};
  EXPECT_EQ(toeplitz(kVerificationKey, input), 0x40207d3du);
  EXPECT_EQ(toeplitz_ipv6(kVerificationKey, *IpAddress::parse("3ffe:2501:200:1fff::7"),
                          *IpAddress::parse("3ffe:2501:200:3::1"), 2794, 1766),
            0x40207d3du);
  EXPECT_EQ(toeplitz(kVerificationKey, std::span(input).first(32)), 0x2cc18cd5u);
}

TEST(Toeplitz, OurKeySendsBothDirectionsOfAFlowToOnePlace) {
  for (const Vector& v : kVectors) {
    const uint32_t there =
        toeplitz_ipv4(kSymmetricRssKey, v.source, v.destination, v.source_port, v.destination_port);
    const uint32_t back =
        toeplitz_ipv4(kSymmetricRssKey, v.destination, v.source, v.destination_port, v.source_port);
    EXPECT_EQ(there, back);
    EXPECT_NE(there, 0u);
  }
}

TEST(Toeplitz, OurKeySpreadsSourcePortsEvenly) {
  int hits[8] = {};
  for (unsigned port = 1024; port < 1024 + 8000; ++port)
    ++hits[toeplitz_ipv4(kSymmetricRssKey, ip(192, 0, 2, 1), ip(198, 51, 100, 7), static_cast<uint16_t>(port),
                         80) %
           8];
  for (const int each : hits) EXPECT_NEAR(each, 1000, 200);
}

}  // namespace
}  // namespace sluice::ethdev
