// SPDX-License-Identifier: Apache-2.0
#include "jsapi/native/host_names.hh"

#include <gtest/gtest.h>

namespace sluice::jsapi {
namespace {

TEST(HostNames, AddressesAndLocalhostNeedNoFile) {
  HostNames names;
  names.read("");
  EXPECT_EQ(names.find("192.0.2.7"), IpAddress::v4(0xc0000207));
  EXPECT_EQ(names.find("[2001:db8::1]"), IpAddress::parse("2001:db8::1"));
  EXPECT_EQ(names.find("LocalHost"), IpAddress::v4(0x7f000001));
  EXPECT_EQ(names.find("a.localhost"), IpAddress::v4(0x7f000001));
  EXPECT_EQ(names.find("example.org"), std::nullopt);
  EXPECT_EQ(names.find(""), std::nullopt);
}

TEST(HostNames, ReadsTheFormatOfTheHostsFile) {
  HostNames names;
  names.read(
      "# a comment\n"
      "192.0.2.1\tone  Uno # and one\n"
      "not-an-address broken\n"
      "2001:db8::2 two\r\n"
      "192.0.2.2 two\n"
      "192.0.2.9 two\n"
      "192.0.2.3 last");
  EXPECT_EQ(names.find("one"), IpAddress::v4(0xc0000201));
  EXPECT_EQ(names.find("uno"), IpAddress::v4(0xc0000201));
  EXPECT_EQ(names.find("and"), std::nullopt);
  EXPECT_EQ(names.find("broken"), std::nullopt);
  EXPECT_EQ(names.find("two"), IpAddress::v4(0xc0000202));  // the first of IPv4, which is preferred
  EXPECT_EQ(names.find("last"), IpAddress::v4(0xc0000203));
}

}  // namespace
}  // namespace sluice::jsapi
