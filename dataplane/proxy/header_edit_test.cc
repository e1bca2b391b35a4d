// SPDX-License-Identifier: Apache-2.0
// Which fields go on to the next hop, and the parts of a request that name hosts and peers.
#include "dataplane/proxy/header_edit.hh"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::proxy {
namespace {

using Fields = std::vector<http::HeaderField>;

std::string forwarded(const Fields& fields, const HeaderEdits& edits = {},
                      std::vector<std::string_view> also_removed = {}) {
  std::string lines;
  append_forwarded(lines, fields, edits, also_removed);
  return lines;
}

TEST(HeaderEdit, OrdinaryFieldsGoOnInTheirOrderAndSpelling) {
  EXPECT_EQ(forwarded({{"Accept", "*/*"}, {"X-a", "1"}, {"x-A", "2"}, {"Cookie", ""}}),
            "Accept: */*\r\nX-a: 1\r\nx-A: 2\r\nCookie: \r\n");
}

TEST(HeaderEdit, FieldsOfTheHopDoNot) {
  for (const std::string_view name :
       {"Connection", "Keep-Alive", "Proxy-Connection", "TE", "Transfer-Encoding", "Upgrade", "Expect",
        "Content-Length", "Proxy-Authorization", "kEEP-aLIVE", "transfer-encodinG"})
    EXPECT_EQ(forwarded({{"A", "1"}, {name, "x"}, {"B", "2"}}), "A: 1\r\nB: 2\r\n") << name;
}

TEST(HeaderEdit, NorDoFieldsThatConnectionNames) {
  EXPECT_EQ(forwarded({{"Connection", "close, X-Hop ,\tx-other"},
                       {"x-hop", "1"},
                       {"X-OTHER", "2"},
                       {"X-Hopp", "3"},
                       {"X-Ho", "4"}}),
            "X-Hopp: 3\r\nX-Ho: 4\r\n");
  EXPECT_EQ(
      forwarded(
          {{"X-One", "1"}, {"Connection", "x-one"}, {"Connection", "x-two"}, {"X-Two", "2"}, {"X", "3"}}),
      "X: 3\r\n");
}

TEST(HeaderEdit, MoreConnectionFieldsThanAreKeptForwardNothing) {
  const Fields fields = {{"Connection", "a"}, {"Connection", "b"}, {"Connection", "c"},
                         {"Connection", "d"}, {"Connection", "e"}, {"E", "secret of the hop"}};
  EXPECT_EQ(forwarded(fields), "");
}

TEST(HeaderEdit, SetReplacesAndAdds) {
  HeaderEdits edits;
  edits.set = "X-Via: sluice\r\nServer: none\r\n";
  EXPECT_EQ(forwarded({{"server", "nginx"}, {"A", "1"}, {"SERVER", "again"}}, edits),
            "A: 1\r\nX-Via: sluice\r\nServer: none\r\n");
}

TEST(HeaderEdit, RemoveTakesEveryFieldOfTheName) {
  HeaderEdits edits;
  edits.remove = {"cookie", "X-Powered-By"};
  EXPECT_EQ(forwarded({{"Cookie", "a"}, {"x-powered-by", "b"}, {"COOKIE", "c"}, {"Cookies", "d"}}, edits),
            "Cookies: d\r\n");
}

TEST(HeaderEdit, AlsoRemovedIsTheCallersOwnList) {
  EXPECT_EQ(forwarded({{"Host", "h"}, {"A", "1"}, {"X-Forwarded-For", "p"}}, {}, {"host", "x-forwarded-for"}),
            "A: 1\r\n");
}

TEST(HeaderEdit, SetsFieldLooksAtNamesOnly) {
  const std::string_view lines = "Host: a\r\nX-B: Server: x\r\n";
  EXPECT_TRUE(sets_field(lines, "hOST"));
  EXPECT_TRUE(sets_field(lines, "x-b"));
  EXPECT_FALSE(sets_field(lines, "server"));
  EXPECT_FALSE(sets_field(lines, "Hos"));
  EXPECT_FALSE(sets_field("", "host"));
}

TEST(HeaderEdit, ForwardedForKeepsEveryHopInOrder) {
  std::string lines;
  append_forwarded_for(
      lines,
      Fields{{"x-forwarded-for", "192.0.2.1, 192.0.2.2"}, {"A", "1"}, {"X-Forwarded-For", "192.0.2.3"}},
      "192.0.2.4");
  EXPECT_EQ(lines, "X-Forwarded-For: 192.0.2.1, 192.0.2.2, 192.0.2.3, 192.0.2.4\r\n");
  lines.clear();
  append_forwarded_for(lines, Fields{{"X-Forwarded-For", ""}}, "192.0.2.4");
  EXPECT_EQ(lines, "X-Forwarded-For: 192.0.2.4\r\n");
}

TEST(HeaderEdit, TargetsAreSplitIntoAuthorityAndPath) {
  struct {
    std::string_view target, authority, path;
  } cases[] = {
      {"/", "", "/"},
      {"/a?b=http://c/d", "", "/a?b=http://c/d"},
      {"*", "", "*"},
      {"http://example.org:81/a/b?c", "example.org:81", "/a/b?c"},
      {"http://example.org", "example.org", ""},
      {"http://example.org?q", "example.org", "?q"},
      {"example.org:443", "", "example.org:443"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(split_target(c.target).authority, c.authority) << c.target;
    EXPECT_EQ(split_target(c.target).path, c.path) << c.target;
  }
}

TEST(HeaderEdit, ContentLengthIsANumberOrNothing) {
  EXPECT_EQ(content_length_of(Fields{{"A", "1"}, {"content-LENGTH", "42"}}), 42);
  EXPECT_EQ(content_length_of(Fields{{"Content-Length", "0"}}), 0);
  EXPECT_EQ(content_length_of(Fields{}), -1);
  EXPECT_EQ(content_length_of(Fields{{"Content-Length", "4x"}}), -1);
  EXPECT_EQ(content_length_of(Fields{{"Content-Length", ""}}), -1);
}

TEST(HeaderEdit, OnlyChunkedCanBeForwarded) {
  EXPECT_TRUE(is_only_chunked(Fields{}));
  EXPECT_TRUE(is_only_chunked(Fields{{"transfer-encoding", "Chunked"}}));
  EXPECT_FALSE(is_only_chunked(Fields{{"Transfer-Encoding", "gzip, chunked"}}));
  EXPECT_FALSE(is_only_chunked(Fields{{"Transfer-Encoding", "gzip"}}));
}

}  // namespace
}  // namespace sluice::proxy
