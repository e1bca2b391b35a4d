// SPDX-License-Identifier: Apache-2.0
// The reader must find the same responses however the bytes are cut.
#include "dataplane/load/response_reader.hh"

#include <gtest/gtest.h>

#include <vector>

namespace sluice::load {
namespace {

struct Outcome {
  std::vector<uint16_t> statuses;
  bool malformed = false, ends_with_connection = false, keep_alive = true;
  bool operator==(const Outcome&) const = default;
};

Outcome read_all(std::string_view bytes, size_t piece_bytes, bool head_only = false) {
  ResponseReader reader;
  Outcome outcome;
  for (size_t at = 0; at < bytes.size(); at += piece_bytes) {
    std::string_view input = bytes.substr(at, piece_bytes);
    while (!input.empty()) {
      const ResponseReader::Event event = reader.read(input, head_only);
      if (event == ResponseReader::Event::kMalformed) {
        outcome.malformed = true;
        return outcome;
      }
      if (event == ResponseReader::Event::kComplete) outcome.statuses.push_back(reader.status());
    }
  }
  outcome.ends_with_connection = reader.ends_with_connection();
  outcome.keep_alive = reader.keep_alive();
  return outcome;
}

struct Case {
  const char* name;
  std::string bytes;
  Outcome expected;
  bool head_only = false;
};

class ResponseReaderCases : public testing::TestWithParam<Case> {};

TEST_P(ResponseReaderCases, AnyCut) {
  const Case& c = GetParam();
  for (size_t piece = 1; piece <= c.bytes.size(); ++piece)
    EXPECT_EQ(read_all(c.bytes, piece, c.head_only), c.expected) << "pieces of " << piece;
}

const Case kCases[] = {
    {"counted", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", {{200}}},
    {"pipelined",
     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 404 Not Found\r\ncontent-length:0\r\n\r\n",
     {{200, 404}}},
    {"chunked",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: "
     "chunked\r\n\r\n5;x=y\r\nhello\r\n0a\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n"
     "HTTP/1.1 204 No Content\r\n\r\n",
     {{200, 204}}},
    {"informational",
     "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\nx",
     {{201}}},
    {"closes",
     "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx",
     {{200}, false, false, false}},
    {"old", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", {{200}, false, false, false}},
    {"until_close", "HTTP/1.1 200 OK\r\n\r\nsome bytes", {{}, false, true, false}},
    {"head",
     "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
     {{200, 304}},
     true},
    {"bad_version", "SSH-2.0-OpenSSH_9.2 and so on\r\n\r\n", {{}, true}},
    {"bad_chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", {{}, true}},
    {"bad_length", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", {{}, true}},
};

INSTANTIATE_TEST_SUITE_P(All, ResponseReaderCases, testing::ValuesIn(kCases),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(ResponseReader, RefusesAnEndlessHead) {
  ResponseReader reader;
  const std::string line(1000, 'a');
  std::string first = "HTTP/1.1 200 OK\r\nX: ";
  std::string_view input = first;
  EXPECT_EQ(reader.read(input, false), ResponseReader::Event::kNeedMore);
  for (int i = 0; i < 100; ++i) {
    input = line;
    if (reader.read(input, false) == ResponseReader::Event::kMalformed) return;
  }
  FAIL() << "100 KB of head were taken";
}

}  // namespace
}  // namespace sluice::load
