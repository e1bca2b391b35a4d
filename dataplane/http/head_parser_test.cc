// SPDX-License-Identifier: Apache-2.0
// The head parser by itself: views, prefixes, limits, and agreement with llhttp.
#include "dataplane/http/head_parser.hh"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "dataplane/http/llhttp_judge.hh"

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

// find_control looks at vectors of bytes: the answer must not depend on where in a vector a byte lies.
TEST(HeadParser, FindsControlsAtEveryPlace) {
  for (size_t size = 0; size < 100; ++size) {
    const std::string clean(size, 'a');
    EXPECT_EQ(find_control(clean.data(), clean.data() + size), clean.data() + size);
    for (size_t at = 0; at < size; ++at) {
      for (int c : {0, 1, 8, 10, 13, 31, 127}) {
        std::string text = clean;
        text[at] = static_cast<char>(c);
        EXPECT_EQ(find_control(text.data(), text.data() + size), text.data() + at);
      }
      for (int c : {9, 32, 33, 126, 128, 255}) {
        std::string text = clean;
        text[at] = static_cast<char>(c);
        EXPECT_EQ(find_control(text.data(), text.data() + size), text.data() + size);
      }
    }
  }
}

TEST(HeadParser, JudgesPrefixesAsItJudgesTheWhole) {
  const std::string heads[] = {
      "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
      "GET /" + std::string(300, 'x') + " HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(600, 'x') + "\r\n\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  };
  for (const std::string& bytes : heads) {
    HeaderField store[8];
    ParsedHead whole;
    whole.field_store = store;
    const HeadResult verdict = parse_request_head(bytes, {500, 200}, whole);
    ASSERT_NE(verdict, HeadResult::kIncomplete);
    for (size_t size = 0; size <= bytes.size(); ++size) {
      ParsedHead part;
      part.field_store = store;
      const HeadResult result = parse_request_head(std::string_view(bytes).substr(0, size), {500, 200}, part);
      if (result == HeadResult::kIncomplete) continue;
      EXPECT_EQ(result, verdict) << size;
      EXPECT_EQ(part.error_status, whole.error_status);
      break;
    }
  }
}

// Whatever we accept, llhttp accepts and reads in the same way: over heads put together at random from sound and unsound parts.
TEST(HeadParser, AcceptsNothingThatLlhttpReadsDifferently) {
  const std::string_view parts[] = {
      "GET",
      "POST",
      "CONNECT",
      " ",
      "  ",
      "/",
      "*",
      "a:80",
      "http://a/",
      " HTTP/1.1\r\n",
      " HTTP/1.0\r\n",
      "\r\n",
      "\n",
      "\r",
      "Host: a\r\n",
      "Content-Length: 5\r\n",
      "Content-Length: 05\r\n",
      "Content-Length:\t5 \r\n",
      "Transfer-Encoding: chunked\r\n",
      "Transfer-Encoding: gzip\r\n",
      "Connection: close\r\n",
      "Connection: keep-alive, upgrade\r\n",
      "Upgrade: x\r\n",
      "Expect: 100-continue\r\n",
      "X: y\r\n",
      "X:\r\n",
      "X: \x80\r\n",
      "X : y\r\n",
      " x\r\n",
      "\t",
      ":",
      "Connection:\r\n",
      "Transfer-Encoding: Chunked \r\n",
      "Transfer-Encoding: chunked\t\r\n",
      "Proxy-Connection: close\r\n",
      "Content-Lengt",
      "content-length: 18446744073709551615\r\n",
  };
  std::minstd_rand random(1);
  int accepted = 0;
  for (int i = 0; i < 200'000; ++i) {
    std::string bytes = random() % 2 ? "GET / HTTP/1.1\r\nHost: a\r\n" : "POST /x HTTP/1.1\r\n";
    if (random() % 8 == 0) bytes.clear();
    for (unsigned count = random() % 6; count > 0; --count) bytes += parts[random() % std::size(parts)];
    bytes += "\r\n";
    HeaderField store[16];
    ParsedHead head;
    head.field_store = store;
    if (parse_request_head(bytes, {1024, 100}, head) != HeadResult::kComplete) continue;
    ++accepted;
    const LlhttpVerdict verdict = llhttp_read_head(std::string_view(bytes).substr(0, head.head_bytes), true);
    ASSERT_TRUE(verdict.accepted) << bytes;
    EXPECT_EQ(verdict.method, static_cast<uint8_t>(head.method)) << bytes;
    EXPECT_EQ(verdict.version_minor, head.version_minor) << bytes;
    EXPECT_EQ(verdict.field_count, head.field_count) << bytes;
    EXPECT_EQ(verdict.chunked, head.chunked) << bytes;
    EXPECT_EQ(verdict.has_content_length, head.has_content_length) << bytes;
    EXPECT_EQ(verdict.content_length, head.content_length) << bytes;
  }
  EXPECT_GT(accepted, 10'000);
}

TEST(HeadParser, ReadsResponses) {
  HeaderField store[8];
  ParsedHead head;
  head.field_store = store;
  ASSERT_EQ(parse_response_head("HTTP/1.1 404 Not here\r\nA: b\r\n\r\n", {1024, 0}, head),
            HeadResult::kComplete);
  EXPECT_EQ(head.status, 404);
  EXPECT_EQ(head.reason, "Not here");
  EXPECT_TRUE(head.keep_alive);
  EXPECT_FALSE(head.has_content_length);
}

}  // namespace
}  // namespace sluice::http
