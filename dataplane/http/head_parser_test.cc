// SPDX-License-Identifier: Apache-2.0
#include "dataplane/http/head_parser.hh"

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

TEST(HeadParser, ReadsAPlainRequest) {
  HeaderField store[8];
  ParsedHead head;
  head.field_store = store;
  const std::string_view bytes = "GET /a?b HTTP/1.1\r\nHost:  example.com \r\nX-Y:\r\n\r\nrest";
  ASSERT_EQ(parse_request_head(bytes, {1024, 100}, head), HeadResult::kComplete);
  EXPECT_EQ(head.method, Method::kGet);
  EXPECT_EQ(head.target, "/a?b");
  EXPECT_EQ(head.head_bytes, bytes.size() - 4);
  ASSERT_EQ(head.field_count, 2u);
  EXPECT_EQ(store[0].name, "Host");
  EXPECT_EQ(store[0].value, "example.com");
  EXPECT_EQ(store[1].value, "");
  EXPECT_TRUE(head.keep_alive);
}

}  // namespace
}  // namespace sluice::http
