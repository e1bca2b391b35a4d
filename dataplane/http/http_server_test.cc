// SPDX-License-Identifier: Apache-2.0
// The server engine as a client sees it: raw bytes in, raw bytes out, over streams in memory and virtual time. Scenarios
// run three times: as written, byte by byte, and in random pieces; the outcome must be the same.
#include <gtest/gtest.h>

#include <random>

#include "dataplane/http/test_rig.hh"

namespace sluice::http {
namespace {

enum class Split { kWhole, kByte, kRandom };
std::function<uint32_t(uint32_t)> splitter(Split split, unsigned seed = 1) {
  switch (split) {
    case Split::kWhole: return {};
    case Split::kByte: return [](uint32_t) { return 1u; };
    case Split::kRandom: {
      auto random = std::make_shared<std::minstd_rand>(seed);
      return [random](uint32_t available) {
        return 1 + static_cast<uint32_t>((*random)() % std::min(available, 40u));
      };
    }
  }
  return {};
}

class HttpServer : public testing::TestWithParam<Split> {
 protected:
  void TearDown() override {
    if (!rig) return;
    rig->server.abort_all();
    for (auto& peer : rig->peers)
      if (peer->stream) peer->stream->abort();
    rig->run();
    EXPECT_EQ(rig->server.connections(), 0u);
    EXPECT_EQ(rig->server.idle_connections(), 0u);
    EXPECT_EQ(rig->server.requests_in_progress(), 0u);
    EXPECT_EQ(rig->transport.pool().outstanding(), 0u);
    EXPECT_EQ(rig->handler.alive, 0);
  }
  void make(const Limits& limits = {}) {
    rig = std::make_unique<Rig>(limits);
    rig->transport.split = splitter(GetParam());
  }
  std::unique_ptr<Rig> rig;
};
INSTANTIATE_TEST_SUITE_P(Splits, HttpServer, testing::Values(Split::kWhole, Split::kByte, Split::kRandom),
                         [](const auto& info) {
                           return info.param == Split::kWhole  ? "Whole"
                                  : info.param == Split::kByte ? "Byte"
                                                               : "Random";
                         });

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::string_view kHello =
    "HTTP/1.1 200 OK\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nContent-Type: text/plain\r\nContent-Length: "
    "5\r\n\r\nhello";

TEST_P(HttpServer, AnswersAGetAndKeepsTheConnection) {
  make();
  RawPeer& peer = rig->connect();
  peer.send(kGet);
  rig->run();
  EXPECT_EQ(peer.received, kHello);
  EXPECT_FALSE(peer.ended);
  peer.received.clear();
  peer.send(kGet);
  rig->run();
  EXPECT_EQ(peer.received, kHello);
  EXPECT_EQ(rig->server.idle_connections(), 1u);
  EXPECT_EQ(rig->transport.pool().outstanding(), 0u) << "an idle connection holds no Buffer";
  EXPECT_EQ(rig->server.counters.requests, 2u);
  EXPECT_EQ(rig->server.counters.responses[2], 2u);
}

TEST_P(HttpServer, AnswersPipelinedRequestsInOrder) {
  make();
  RawPeer& peer = rig->connect();
  std::string all, expected;
  for (int i = 0; i < 10; ++i) {
    all += kGet;
    expected += kHello;
  }
  peer.send(all);
  rig->run();
  EXPECT_EQ(peer.received, expected);
}

// ---- heads that are refused

struct Malformed {
  const char* name;
  std::string_view bytes;
  int status;
};
constexpr std::string_view kNul("GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", 36);
const Malformed kMalformed[] = {
    {"bare LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400},
    {"bare LF after a field", "GET / HTTP/1.1\r\nHost: a\n\r\n", 400},
    {"bare LF as the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\n", 400},
    {"bare CR in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400},
    {"bare CR in the request line", "GET /\r HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"CR and something else before", "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"CR and something else, and no more", "GET / HTTP/1.1\r\nHost: a\r\n\rX", 400},
    {"CR CR LF", "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", 400},
    {"NUL in a value", kNul, 400},
    {"DEL in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\x7f\r\n\r\n", 400},
    {"control in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n", 400},
    {"control in the target", "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"folded field", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400},
    {"folded with a tab", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n\tb\r\n\r\n", 400},
    {"space before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400},
    {"space before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400},
    {"tab before the colon", "GET / HTTP/1.1\r\nHost\t: a\r\n\r\n", 400},
    {"space in a name", "GET / HTTP/1.1\r\nHost: a\r\nX Y: b\r\n\r\n", 400},
    {"no colon", "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", 400},
    {"empty name", "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", 400},
    {"name with a slash", "GET / HTTP/1.1\r\nHost: a\r\nX/Y: b\r\n\r\n", 400},
    {"name above ASCII", "GET / HTTP/1.1\r\nHost: a\r\nX\xc3\xa4: b\r\n\r\n", 400},
    {"no Host", "GET / HTTP/1.1\r\n\r\n", 400},
    {"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
    {"the same Host twice", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", 400},
    {"two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400},
    {"Host with a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
    {"Host with a comma", "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", 400},
    {"Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
    {"Host with user information", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400},
    {"different Content-Lengths",
     "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400},
    {"equal Content-Lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
     400},
    {"Content-Length list", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\na", 400},
    {"negative Content-Length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400},
    {"signed Content-Length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\na", 400},
    {"hexadecimal Content-Length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\na", 400},
    {"empty Content-Length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", 400},
    {"Content-Length with a space", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1 2\r\n\r\n", 400},
    {"Content-Length beyond 64 bits",
     "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", 400},
    {"Content-Length beyond 63 bits",
     "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999999999999999\r\n\r\n", 400},
    {"TE and CL",
     "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
    {"CL and TE the other way round",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400},
    {"TE in HTTP/1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
    {"TE identity", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", 400},
    {"TE not ending in chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
     400},
    {"TE chunked twice", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", 400},
    {"TE with a tab behind", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n",
     400},
    {"TE chunked in two fields",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {"TE xchunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", 400},
    {"TE quoted", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n", 400},
    {"TE with a parameter", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;a=b\r\n\r\n", 400},
    {"TE empty", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n", 400},
    {"TE with an empty item", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ,chunked\r\n\r\n", 400},
    {"TE with a vertical tab",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0b"
     "chunked\r\n\r\n",
     400},
    {"unknown coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
     501},
    {"unknown coding in a field before",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     501},
    {"method in lower case", "get / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
    {"unknown method", "FROB / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
    {"method with a bad character", "G@T / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"method of RTSP", "DESCRIBE / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
    {"no method", " / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"no target", "GET HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"empty target", "GET  HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"two spaces", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"tab for a space", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"tab in the target", "GET /\t HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"space at the end of the line", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400},
    {"target without a slash", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"asterisk with GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"absolute form without a host", "GET http:/// HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"authority form with GET", "GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"CONNECT with a path", "CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"CONNECT without a port", "CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    {"CONNECT with a body", "CONNECT a:1 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", 400},
    {"HTTP/0.9", "GET /\r\n\r\n", 400},
    {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
    {"HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
    {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505},
    {"HTTP/0.9 by name", "GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505},
    {"HTTP/1.10", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400},
    {"http/1.1", "GET / http/1.1\r\nHost: a\r\n\r\n", 400},
    {"HTTP/1", "GET / HTTP/1\r\nHost: a\r\n\r\n", 400},
    {"HTTP/11", "GET / HTTP/11\r\nHost: a\r\n\r\n", 400},
    {"unknown expectation", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: miracles\r\n\r\n",
     417},
    {"two expectations", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-continue, x\r\n\r\n",
     417},
    {"TLS", "\x16\x03\x01\x02\x01\x01\xfc", 400},
    {"two empty lines before", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
};

TEST_P(HttpServer, RefusesMalformedHeads) {
  for (const Malformed& each : kMalformed) {
    make();
    SCOPED_TRACE(each.name);
    RawPeer& peer = rig->connect();
    peer.send(each.bytes);
    rig->run();
    EXPECT_EQ(peer.received.substr(0, 13), "HTTP/1.1 " + std::to_string(each.status) + " ");
    EXPECT_NE(peer.received.find("\r\nConnection: close\r\n"), std::string::npos);
    EXPECT_TRUE(peer.closed);
    EXPECT_EQ(peer.error, Error::kNone) << "the client must see the response, not a reset";
    EXPECT_EQ(rig->handler.requests, 0);
    // Behind a sound request the same bytes are refused too, after its response.
    RawPeer& second = rig->connect();
    second.send(std::string(kGet) + std::string(each.bytes));
    rig->run();
    ASSERT_TRUE(second.received.starts_with(kHello));
    // An empty line is skipped there as well.
    EXPECT_EQ(second.received.substr(kHello.size(), 13), "HTTP/1.1 " + std::to_string(each.status) + " ");
    EXPECT_EQ(rig->handler.requests, 1);
    TearDown();
  }
}

struct Sound {
  const char* name;
  std::string_view bytes;
  const char* log;
};
const Sound kSound[] = {
    {"empty line before", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET /"},
    {"HTTP/1.0 without Host", "GET /x HTTP/1.0\r\n\r\n", "GET /x"},
    {"empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "GET /"},
    {"Host of IPv6", "GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", "GET /"},
    {"absolute form", "GET http://a:1/b?c HTTP/1.1\r\nHost: a:1\r\n\r\n", "GET http://a:1/b?c"},
    {"asterisk", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS *"},
    {"query and UTF-8", "GET /\xc3\xa4?x=%20#f HTTP/1.1\r\nHost: a\r\n\r\n", "GET /\xc3\xa4?x=%20#f"},
    {"tabs around a value", "GET / HTTP/1.1\r\nHost:\ta\t \r\nX:\t\r\n\r\n", "GET /"},
    {"every token character", "GET / HTTP/1.1\r\nHost: a\r\n!#$%&'*+-.^_`|~09azAZ: b\r\n\r\n", "GET /"},
    {"value above ASCII", "GET / HTTP/1.1\r\nHost: a\r\nX: \xff\x80\r\n\r\n", "GET /"},
    {"M-SEARCH", "M-SEARCH /x HTTP/1.1\r\nHost: a\r\n\r\n", "M-SEARCH /x"},
    {"PATCH", "PATCH /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "PATCH /x"},
    {"chunked in capitals", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n",
     "POST /"},
    {"Expect without a body", "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n", "GET /"},
    {"Upgrade not wanted", "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
     "GET /"},
};
TEST_P(HttpServer, AcceptsSoundHeads) {
  for (const Sound& each : kSound) {
    make();
    SCOPED_TRACE(each.name);
    const std::string answer = rig->ask(each.bytes);
    EXPECT_EQ(answer.substr(0, 15), "HTTP/1.1 200 OK");
    ASSERT_EQ(rig->handler.log.size(), 1u);
    EXPECT_EQ(rig->handler.log[0], each.log);
    TearDown();
  }
}

TEST_P(HttpServer, GivesHeadersInOrderAndInPlace) {
  make();
  std::string seen;
  rig->handler.request = [&](Exchange& exchange) {
    for (const HeaderField& field : exchange.headers())
      seen += std::string(field.name) + "=" + std::string(field.value) + "|";
    EXPECT_EQ(exchange.header("hOST"), "a");
    EXPECT_EQ(exchange.header("nothing").data(), nullptr);
    EXPECT_EQ(exchange.remote().port, 40000);
    EXPECT_EQ(exchange.local().port, 80);
    exchange.respond(200, "", "");
  };
  std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\n", expected = "Host=a|";
  for (int i = 0; i < 30; ++i) {  // more than fit into an exchange
    bytes += "X-" + std::to_string(i) + ":  v" + std::to_string(i) + " \r\n";
    expected += "X-" + std::to_string(i) + "=v" + std::to_string(i) + "|";
  }
  rig->ask(bytes + "\r\n");
  EXPECT_EQ(seen, expected);
}

// ---- limits

TEST_P(HttpServer, HoldsHeadsAgainstTheirLimits) {
  Limits limits;
  limits.head_bytes = 1024;
  limits.target_bytes = 200;
  limits.header_count = 20;
  const auto target = [](size_t bytes) {
    return "GET /" + std::string(bytes - 1, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n";
  };
  const auto head = [](size_t bytes) {
    std::string text = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
    return text + std::string(bytes - text.size() - 4, 'x') + "\r\n\r\n";
  };
  const auto fields = [](int count) {
    std::string text = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (int i = 1; i < count; ++i) text += "X: y\r\n";
    return text + "\r\n";
  };
  const std::pair<std::string, const char*> cases[] = {
      {target(200), "200"},  {target(201), "414"},
      {target(1000), "414"}, {"GET /" + std::string(3000, 'x'), "414"},
      {head(1024), "200"},   {head(1025), "431"},
      {head(5000), "431"},   {fields(20), "200"},
      {fields(21), "431"},   {std::string(3000, 'x'), "400"},
  };
  for (const auto& [bytes, status] : cases) {
    make(limits);
    EXPECT_EQ(rig->ask(bytes).substr(9, 3), status) << bytes.substr(0, 60) << " of " << bytes.size();
    TearDown();
  }
  make(limits);
  rig->ask(head(5000));
  rig->ask(fields(21));
  rig->ask(target(201));
  EXPECT_EQ(rig->server.counters.head_too_large, 1u);
  EXPECT_EQ(rig->server.counters.too_many_headers, 1u);
  EXPECT_EQ(rig->server.counters.target_too_long, 1u);
}

TEST_P(HttpServer, RefusesBodiesBeyondTheLimit) {
  Limits limits;
  limits.body_bytes = 10;
  make(limits);
  rig->handler.request = [](Exchange& exchange) { exchange.read_body(); };
  rig->handler.body_end = [](Exchange& exchange) { exchange.respond(200, "", ""); };
  EXPECT_EQ(rig->ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n01234567890").substr(9, 3),
            "413");
  EXPECT_EQ(rig->handler.requests, 0);
  EXPECT_EQ(rig->ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789").substr(9, 3),
            "200");
  EXPECT_EQ(rig->ask("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
                     "chunked\r\n\r\n6\r\n012345\r\n5\r\n01234\r\n0\r\n\r\n")
                .substr(9, 3),
            "413");
  EXPECT_EQ(rig->handler.aborted, 1);
  EXPECT_EQ(rig->server.counters.body_too_large, 2u);
}

TEST_P(HttpServer, ClosesAfterTheLastRequestOfAConnection) {
  Limits limits;
  limits.requests_per_connection = 2;
  make(limits);
  RawPeer& peer = rig->connect();
  peer.send(std::string(kGet) + std::string(kGet) + std::string(kGet));
  rig->run();
  EXPECT_EQ(rig->handler.requests, 2);
  EXPECT_TRUE(peer.received.starts_with(kHello));
  EXPECT_NE(peer.received.find("Connection: close", kHello.size()), std::string::npos);
  EXPECT_TRUE(peer.closed);
}

TEST(HttpServerLimits, RefusesConnectionsBeyondTheLimitWhenItsListenerIsNotKnown) {
  Limits limits;
  limits.connections = 2;
  Rig rig(limits);
  RawPeer& a = rig.connect();
  rig.connect();
  RawPeer& c = rig.connect();
  EXPECT_TRUE(c.closed);
  EXPECT_EQ(rig.server.counters.connections_refused, 1u);
  a.stream->abort();
  rig.run();
  RawPeer& d = rig.connect();
  d.send(kGet);
  rig.run();
  EXPECT_EQ(d.received, kHello);
}

TEST(HttpServerLimits, ConnectionsBeyondTheLimitWaitInTheBacklog) {
  Limits limits;
  limits.connections = 2;
  Rig rig(limits);
  rig.server.set_listener(rig.listener.get());
  RawPeer& a = rig.connect();
  rig.connect();
  RawPeer& c = rig.connect();
  EXPECT_FALSE(c.closed || c.connected);
  EXPECT_EQ(rig.server.counters.accept_paused, 1u);
  EXPECT_EQ(rig.server.counters.connections_refused, 0u);
  a.stream->abort();
  rig.run();
  EXPECT_TRUE(c.connected);
  c.send(kGet);
  rig.run();
  EXPECT_EQ(c.received, kHello);
  EXPECT_EQ(rig.server.counters.accept_paused, 2u) << "it is full again";
}

TEST(HttpServerLimits, AcceptingGoesOnWhenASixteenthIsFree) {
  Limits limits;
  limits.connections = 32;
  Rig rig(limits);
  rig.server.set_listener(rig.listener.get());
  std::vector<RawPeer*> peers;
  for (int i = 0; i < 32; ++i) peers.push_back(&rig.connect());
  RawPeer& waiting = rig.connect();
  peers[0]->stream->abort();
  rig.run();
  EXPECT_FALSE(waiting.connected);
  peers[1]->stream->abort();
  rig.run();
  EXPECT_TRUE(waiting.connected);
}

TEST(HttpServerLimits, AnswersRequestsBeyondTheLimitWith503) {
  Limits limits;
  limits.requests = 1;
  Rig rig(limits);
  Exchange* held = nullptr;
  rig.handler.request = [&](Exchange& exchange) { held = &exchange; };
  RawPeer& a = rig.connect();
  a.send(kGet);
  rig.run();
  EXPECT_EQ(rig.ask(kGet).substr(9, 3), "503");
  EXPECT_EQ(rig.server.counters.requests_refused, 1u);
  held->respond(200, "", "late");
  rig.run();
  EXPECT_TRUE(a.received.ends_with("late"));
}

// ---- keep-alive

TEST_P(HttpServer, FollowsTheKeepAliveRules) {
  struct Case {
    std::string_view head;
    bool stays;
    std::string_view says;  // of Connection
  };
  const Case cases[] = {
      {"GET / HTTP/1.1\r\nHost: a\r\n", true, ""},
      {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n", false, "close"},
      {"GET / HTTP/1.1\r\nHost: a\r\nConnection: x, CLOSE\r\n", false, "close"},
      {"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n", true, ""},
      {"GET / HTTP/1.0\r\n", false, "close"},
      {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n", true, "keep-alive"},
      {"GET / HTTP/1.0\r\nConnection: close, keep-alive\r\n", false, "close"},
  };
  for (const Case& each : cases) {
    make();
    SCOPED_TRACE(each.head);
    RawPeer& peer = rig->connect();
    peer.send(std::string(each.head) + "\r\n" + std::string(kGet));
    rig->run();
    const std::string first = peer.received.substr(0, peer.received.find("hello"));
    const size_t at = first.find("Connection: ");
    EXPECT_EQ(at == std::string::npos ? "" : first.substr(at + 12, first.find('\r', at) - at - 12),
              each.says);
    EXPECT_EQ(peer.closed, !each.stays);
    EXPECT_EQ(rig->handler.requests, each.stays ? 2 : 1) << "what follows a close is not read";
    TearDown();
  }
}

TEST_P(HttpServer, ClosesWhenTheHandlerSaysSo) {
  make();
  rig->handler.request = [](Exchange& exchange) { exchange.respond(200, "connection: Close\r\n", "x"); };
  RawPeer& peer = rig->connect();
  peer.send(std::string(kGet) + std::string(kGet));
  rig->run();
  EXPECT_EQ(rig->handler.requests, GetParam() == Split::kWhole ? 1 : 1);
  EXPECT_TRUE(peer.closed);
  EXPECT_EQ(peer.error, Error::kNone);
  EXPECT_EQ(peer.received.find("Connection: close"), std::string::npos)
      << "said once, as the handler wrote it";
}

// ---- responses

TEST_P(HttpServer, LeavesOutBodiesWhereNoneMayBe) {
  make();
  uint16_t status = 200;
  rig->handler.request = [&](Exchange& exchange) { exchange.respond(status, "", "hello"); };
  RawPeer& peer = rig->connect();
  const auto ask = [&](std::string_view bytes) {
    peer.received.clear();
    peer.send(bytes);
    rig->run();
    return peer.received;
  };
  EXPECT_TRUE(ask("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").ends_with("\r\nContent-Length: 5\r\n\r\n"));
  status = 204;
  std::string answer = ask(kGet);
  EXPECT_EQ(answer.find("Content-Length"), std::string::npos);
  EXPECT_TRUE(answer.ends_with("\r\n\r\n"));
  status = 304;
  answer = ask(kGet);
  EXPECT_EQ(answer.find("Content-Length"), std::string::npos);
  EXPECT_TRUE(answer.ends_with("\r\n\r\n"));
  status = 205;
  EXPECT_TRUE(ask(kGet).ends_with("\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_FALSE(peer.closed);
}

TEST_P(HttpServer, KeepsFramingRightWhateverTheFieldsSay) {
  make();
  std::string fields;
  rig->handler.request = [&](Exchange& exchange) { exchange.respond(200, fields, "hello"); };
  RawPeer& peer = rig->connect();
  const auto ask = [&](std::string_view bytes) {
    peer.received.clear();
    peer.send(bytes);
    rig->run();
    return peer.received;
  };
  fields = "Content-Length: 3\r\nX: y\r\nTransfer-Encoding: chunked\r\n";
  const std::string answer = ask(kGet);
  EXPECT_NE(answer.find("X: y\r\nContent-Length: 5\r\n\r\nhello"), std::string::npos);
  EXPECT_EQ(answer.find("chunked"), std::string::npos);
  fields = "content-length: 1234\r\n";
  EXPECT_NE(ask("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").find("Content-Length: 1234\r\n\r\n"),
            std::string::npos);
  fields = "Date: then\r\n";
  const std::string dated = ask(kGet);
  EXPECT_EQ(dated.find("Mon, 01"), std::string::npos);
  EXPECT_NE(dated.find("Date: then\r\n"), std::string::npos);
}

TEST_P(HttpServer, StreamsWithKnownAndUnknownLength) {
  make();
  int64_t length = 10;
  std::string_view trailers;
  rig->handler.request = [&](Exchange& exchange) {
    exchange.start(201, "X: y\r\n", "Made", length);
    exchange.write("hello");
    exchange.write("");
    exchange.write(chain_of("world", rig->transport.pool()));
    exchange.end(trailers);
  };
  const std::string head = "HTTP/1.1 201 Made\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nX: y\r\n";
  EXPECT_EQ(rig->ask(kGet), head + "Content-Length: 10\r\n\r\nhelloworld");
  length = Exchange::kLengthUnknown;
  EXPECT_EQ(rig->ask(kGet), head + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n");
  trailers = "T: u\r\n";
  EXPECT_EQ(rig->ask(kGet),
            head + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nworld\r\n0\r\nT: u\r\n\r\n");
  EXPECT_EQ(rig->ask("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"), head + "\r\n");
  // HTTP/1.0 knows no chunks: until the end of the connection.
  RawPeer& peer = rig->connect();
  peer.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  rig->run();
  EXPECT_EQ(peer.received, head + "Connection: close\r\n\r\nhelloworld");
  EXPECT_TRUE(peer.closed);
}

TEST_P(HttpServer, NeverSendsMoreOrLessThanAnnounced) {
  make();
  rig->handler.request = [&](Exchange& exchange) {
    exchange.start(200, "", "", 3);
    exchange.write("abcdef");
    exchange.write(chain_of("ghi", rig->transport.pool()));
    exchange.end();
  };
  RawPeer& peer = rig->connect();
  peer.send(kGet);
  rig->run();
  EXPECT_TRUE(peer.received.ends_with("\r\n\r\nabc"));
  EXPECT_FALSE(peer.closed);
  EXPECT_EQ(rig->server.counters.response_cut, 2u);
  rig->handler.request = [](Exchange& exchange) {
    exchange.start(200, "", "", 3);
    exchange.write("ab");
    exchange.end();
  };
  RawPeer& other = rig->connect();
  other.send(kGet);
  rig->run();
  EXPECT_TRUE(other.closed);
  EXPECT_EQ(other.error, Error::kConnectionReset) << "a cut response must not look whole";
  EXPECT_EQ(rig->handler.aborted, 1);
}

TEST_P(HttpServer, ProducesBodiesInPlace) {
  make();
  uint32_t size = 0;
  rig->handler.request = [&](Exchange& exchange) {
    exchange.respond(200, "", size, {nullptr, [](void*, std::byte* to, uint32_t offset, uint32_t count) {
                                       for (uint32_t i = 0; i < count; ++i)
                                         to[i] = std::byte('a' + (offset + i) % 26);
                                     }});
  };
  for (uint32_t each : {0u, 1u, 500u, 1023u, 1024u, 5000u, 100'000u}) {
    size = each;
    std::string body;
    for (uint32_t i = 0; i < each; ++i) body += static_cast<char>('a' + i % 26);
    const std::string answer = rig->ask(kGet);
    EXPECT_EQ(answer.substr(answer.find("\r\n\r\n") + 4), body);
    EXPECT_NE(answer.find("Content-Length: " + std::to_string(each) + "\r\n"), std::string::npos);
  }
}

TEST_P(HttpServer, SendsLongHeadsAndBodies) {
  make();
  const std::string fields = "X: " + std::string(5000, 'x') + "\r\n", body(300'000, 'b');
  rig->handler.request = [&](Exchange& exchange) { exchange.respond(200, fields, body); };
  std::string answer = rig->ask(kGet);
  EXPECT_NE(answer.find(fields), std::string::npos);
  EXPECT_TRUE(answer.ends_with("\r\n\r\n" + body));
  rig->handler.request = [&](Exchange& exchange) {
    exchange.respond(200, fields, chain_of(body, rig->transport.pool()));
  };
  answer = rig->ask(kGet);
  EXPECT_NE(answer.find(fields), std::string::npos);
  EXPECT_TRUE(answer.ends_with("\r\n\r\n" + body));
}

TEST_P(HttpServer, SendsInformationalResponses) {
  make();
  rig->handler.request = [](Exchange& exchange) {
    exchange.informational(103, "Link: </x>\r\n");
    exchange.informational(101, "");  // not an informational response that may be sent so
    exchange.respond(200, "", "");
  };
  EXPECT_TRUE(
      rig->ask(kGet).starts_with("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\n"));
  EXPECT_TRUE(rig->ask("GET / HTTP/1.0\r\n\r\n").starts_with("HTTP/1.1 200 OK\r\n"));
}

TEST(HttpServerDate, FollowsTheClock) {
  Rig rig;
  EXPECT_NE(rig.ask(kGet).find("Date: Mon, 01 Jan 2024 00:00:00 GMT\r\n"), std::string::npos);
  rig.pass_ms(999);
  EXPECT_NE(rig.ask(kGet).find("Date: Mon, 01 Jan 2024 00:00:00 GMT\r\n"), std::string::npos);
  rig.pass_ms(1);
  EXPECT_NE(rig.ask(kGet).find("Date: Mon, 01 Jan 2024 00:00:01 GMT\r\n"), std::string::npos);
}

// ---- pipelining

TEST_P(HttpServer, HoldsResponsesUntilTheirTurn) {
  make();
  std::vector<Exchange*> exchanges;
  rig->handler.request = [&](Exchange& exchange) { exchanges.push_back(&exchange); };
  RawPeer& peer = rig->connect();
  peer.send(std::string(kGet) + std::string(kGet) + std::string(kGet) + std::string(kGet));
  rig->run();
  ASSERT_EQ(exchanges.size(), 4u);
  exchanges[3]->respond(200, "", "3");
  exchanges[2]->start(200, "", "", Exchange::kLengthUnknown);
  exchanges[2]->write("2");
  exchanges[1]->respond(200, "", chain_of("1", rig->transport.pool()));
  rig->run();
  EXPECT_EQ(peer.received, "");
  exchanges[0]->respond(200, "", "0");
  rig->run();
  EXPECT_TRUE(peer.received.ends_with("1\r\n2\r\n")) << peer.received;
  exchanges[2]->end();
  rig->run();
  EXPECT_TRUE(peer.received.ends_with(
      "0\r\n\r\nHTTP/1.1 200 OK\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nContent-Length: 1\r\n\r\n3"));
  EXPECT_EQ(rig->handler.released, 4);
}

TEST_P(HttpServer, ABadBodyCutsItsOwnResponseOnly) {
  make();
  rig->handler.request = [](Exchange& exchange) {
    if (exchange.target() == "/whole") return exchange.respond(200, "", "whole");
    exchange.read_body();
    exchange.start(200, "", "", 10);
    exchange.write("ab");
  };
  RawPeer& peer = rig->connect();
  peer.send(
      "GET /whole HTTP/1.1\r\nHost: a\r\n\r\n"
      "POST /cut HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\nnot a size\r\n");
  rig->run();
  EXPECT_NE(peer.received.find("whole"), std::string::npos) << peer.received;
  EXPECT_TRUE(peer.received.ends_with("Content-Length: 10\r\n\r\nab")) << peer.received;
  EXPECT_TRUE(peer.ended) << "FIN after eight bytes too few says that it was cut";
  EXPECT_EQ(peer.error, Error::kNone) << "a reset may overtake the first response";
  EXPECT_EQ(rig->handler.aborted, 1);
  EXPECT_EQ(rig->server.counters.response_cut, 1u);
}

TEST_P(HttpServer, ABadBodyIsAnsweredInPlaceOfAResponseThatWaits) {
  make();
  Exchange* first = nullptr;
  rig->handler.request = [&](Exchange& exchange) {
    if (exchange.target() == "/first") {
      first = &exchange;
      return;
    }
    exchange.read_body();
    exchange.start(200, "", "", 10);
    exchange.write("ab");
  };
  RawPeer& peer = rig->connect();
  peer.send(
      "GET /first HTTP/1.1\r\nHost: a\r\n\r\n"
      "POST /cut HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\nnot a size\r\n");
  rig->run();
  ASSERT_TRUE(first);
  EXPECT_EQ(peer.received, "");
  EXPECT_FALSE(peer.closed);
  first->respond(200, "", "first");
  rig->run();
  const size_t at = peer.received.find("\r\n\r\nfirstHTTP/1.1 400 Bad Request\r\n");
  EXPECT_NE(at, std::string::npos) << peer.received;
  EXPECT_TRUE(peer.ended);
  EXPECT_EQ(peer.error, Error::kNone);
}

TEST_P(HttpServer, BoundsPipelining) {
  Limits limits;
  limits.pipeline_requests = 3;
  make(limits);
  std::vector<Exchange*> exchanges;
  rig->handler.request = [&](Exchange& exchange) { exchanges.push_back(&exchange); };
  RawPeer& peer = rig->connect();
  std::string all;
  for (int i = 0; i < 10; ++i) all += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n\r\n";
  peer.send(all);
  rig->run();
  EXPECT_EQ(exchanges.size(), 3u);
  EXPECT_GE(rig->server.counters.pipeline_paused, 1u);
  for (size_t i = 0; i < exchanges.size(); ++i) {
    exchanges[i]->respond(200, "", std::string(exchanges[i]->target()));
    rig->run();
  }
  EXPECT_EQ(exchanges.size(), 10u);
  size_t at = 0;
  for (int i = 0; i < 10; ++i) {
    at = peer.received.find("\r\n\r\n/" + std::to_string(i), at);
    ASSERT_NE(at, std::string::npos) << i;
  }
}

TEST_P(HttpServer, TellsAWriterThatWaitsForItsTurnToPause) {
  make();
  std::vector<Exchange*> exchanges;
  rig->handler.request = [&](Exchange& exchange) { exchanges.push_back(&exchange); };
  RawPeer& peer = rig->connect();
  peer.send(std::string(kGet) + std::string(kGet));
  rig->run();
  ASSERT_EQ(exchanges.size(), 2u);
  exchanges[1]->start(200, "", "", Exchange::kLengthUnknown);
  const std::string piece(16 * 1024, 'x');
  int pieces = 1;
  while (exchanges[1]->write(piece)) ASSERT_LT(++pieces, 10);
  EXPECT_EQ(rig->handler.drained, 0);
  exchanges[0]->respond(200, "", "");
  rig->run();
  EXPECT_EQ(rig->handler.drained, 1);
  exchanges[1]->end();
  rig->run();
  EXPECT_TRUE(peer.received.ends_with("\r\n0\r\n\r\n"));
}

// ---- request bodies

TEST_P(HttpServer, ReadsBodies) {
  make();
  std::string body;
  rig->handler.request = [](Exchange& exchange) { exchange.read_body(); };
  rig->handler.body_end = [&](Exchange& exchange) {
    body = rig->handler.bodies[exchange.number()];
    exchange.respond(200, "", std::to_string(body.size()));
  };
  RawPeer& peer = rig->connect();
  const auto ask = [&](const std::string& bytes) {
    peer.received.clear();
    body = "?";
    peer.send(bytes);
    rig->run();
    return peer.received.substr(peer.received.rfind('\n') + 1);
  };
  const std::string post = "POST / HTTP/1.1\r\nHost: a\r\n";
  EXPECT_EQ(ask(post + "Content-Length: 5\r\n\r\nhello"), "5");
  EXPECT_EQ(body, "hello");
  EXPECT_EQ(ask(post + "Content-Length: 0\r\n\r\n"), "0");
  EXPECT_EQ(body, "");
  EXPECT_EQ(ask(post + "\r\n"), "0");
  const std::string large(100'000, 'z');
  EXPECT_EQ(ask(post + "Content-Length: 100000\r\n\r\n" + large), "100000");
  EXPECT_EQ(body, large);
  EXPECT_EQ(
      ask(post + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n006;x=\"y z\"\r\n world\r\n0\r\n\r\n"),
      "11");
  EXPECT_EQ(body, "hello world");
  EXPECT_EQ(ask(post + "Transfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\nX-Sum: 5\r\nY: z\r\n\r\n"),
            "10");
  EXPECT_EQ(rig->handler.trailers, "X-Sum=5;Y=z;");
  std::string chunks;
  for (int i = 0; i < 2000; ++i) chunks += "1\r\nq\r\n";
  EXPECT_EQ(ask(post + "Transfer-Encoding: chunked\r\n\r\n" + chunks + "0\r\n\r\n"), "2000");
  EXPECT_EQ(ask(post + "Content-Length: 5\r\n\r\nhello" + post + "Content-Length: 5\r\n\r\nagain"), "5");
  EXPECT_EQ(body, "again");
  EXPECT_FALSE(peer.closed);
}

TEST_P(HttpServer, EndsABodyBeforeTheNextRequest) {
  make();
  std::string order;
  rig->handler.request = [&](Exchange& exchange) {
    order += "request;";
    exchange.read_body();
  };
  rig->handler.body_end = [&](Exchange& exchange) {
    order += "end;";
    exchange.respond(200, "", "");
  };
  rig->ask(std::string(kGet) + "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx" +
           std::string(kGet));
  EXPECT_EQ(order, "request;end;request;end;request;end;");
}

TEST_P(HttpServer, RefusesMalformedChunks) {
  const std::pair<std::string_view, const char*> cases[] = {
      {"G\r\n", "400"},
      {"\r\n", "400"},
      {"5\n", "400"},
      {"5\rhello", "400"},
      {"5 \r\nhello\r\n", "400"},
      {" 5\r\nhello\r\n", "400"},
      {"-5\r\n", "400"},
      {"0x5\r\nhello\r\n", "400"},
      {"5\r\nhello\n", "400"},
      {"5\r\nhellox\r\n", "400"},
      {"5;a\nb\r\n", "400"},
      {"5;\x01\r\n", "400"},
      {"5;\r\nhello\r\n", "400"},
      {"5;a=\r\nhello\r\n", "400"},
      {"5;a=\"b\"c\r\nhello\r\n", "400"},
      {"5;a b\r\nhello\r\n", "400"},
      {"5;a=\"\xff\"\r\n", "400"},
      {"FFFFFFFFFFFFFFFFF\r\n", "400"},
      {"1000000000000000\r\n", "400"},
      {"0000000000000000005\r\nhello\r\n", "400"},
      {"0\r\nX y: z\r\n\r\n", "400"},
      {"0\r\n X: z\r\n\r\n", "400"},
      {"0\r\nContent-Length: 1\r\n\r\n", "400"},
      {"0\r\nTransfer-Encoding: chunked\r\n\r\n", "400"},
      {"0\r\nHost: a\r\n\r\n", "400"},
      {"0\r\n\n", "400"},
  };
  for (const auto& [bytes, status] : cases) {
    make();
    SCOPED_TRACE(bytes);
    rig->handler.request = [](Exchange& exchange) { exchange.read_body(); };
    EXPECT_EQ(
        rig->ask("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(bytes))
            .substr(9, 3),
        status);
    EXPECT_EQ(rig->handler.aborted, 1);
    EXPECT_EQ(rig->handler.body_ends, 0);
    TearDown();
  }
  make();
  rig->handler.request = [](Exchange& exchange) { exchange.read_body(); };
  std::string extensions;
  for (int i = 0; i < 20; ++i)
    extensions += "1;" + std::string(500, 'e') + "=" + std::string(500, 'f') + "\r\nx\r\n";
  EXPECT_EQ(
      rig->ask("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + extensions).substr(9, 3),
      "400");
}

TEST_P(HttpServer, HoldsThePeerBackWhenBodiesAreNotConsumed) {
  make();
  rig->handler.consume = false;
  Exchange* exchange = nullptr;
  rig->handler.request = [&](Exchange& each) {
    exchange = &each;
    each.read_body();
  };
  rig->handler.body_end = [](Exchange& each) { each.respond(200, "", ""); };
  RawPeer& peer = rig->connect();
  peer.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n" + std::string(300'000, 'x'));
  rig->run();
  ASSERT_NE(exchange, nullptr);
  const size_t first = rig->handler.bodies[exchange->number()].size();
  EXPECT_EQ(first, 64u * 1024) << "the stream's window";
  exchange->body_consumed(static_cast<uint32_t>(first));
  rig->run();
  EXPECT_EQ(rig->handler.bodies[exchange->number()].size(), 2 * first);
  rig->handler.consume = true;
  exchange->body_consumed(static_cast<uint32_t>(first));
  rig->run();
  EXPECT_EQ(rig->handler.last_body.size(), 300'000u);
  EXPECT_EQ(peer.received.substr(9, 3), "200");
}

TEST_P(HttpServer, KeepsBodiesUntilTheyAreRead) {
  make();
  std::vector<Exchange*> exchanges;
  rig->handler.request = [&](Exchange& exchange) { exchanges.push_back(&exchange); };
  RawPeer& peer = rig->connect();
  peer.send(
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nT: u\r\n\r\n" +
      std::string(kGet));
  rig->run();
  ASSERT_EQ(exchanges.size(), 2u);
  EXPECT_EQ(rig->handler.body_ends, 0);
  exchanges[0]->read_body();
  EXPECT_EQ(rig->handler.body_ends, 1);
  EXPECT_EQ(rig->handler.trailers, "T=u;");
  exchanges[1]->respond(200, "", "");
  exchanges[0]->respond(200, "", "");
  rig->run();
  EXPECT_EQ(rig->handler.released, 2);
}

TEST_P(HttpServer, DropsBodiesThatNobodyWants) {
  make();
  RawPeer& peer = rig->connect();
  peer.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" + std::string(kGet));
  rig->run();
  EXPECT_EQ(peer.received, std::string(kHello) + std::string(kHello));
  // Far more than is worth receiving.
  RawPeer& other = rig->connect();
  other.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\nhello");
  rig->run();
  EXPECT_NE(other.received.find("Connection: close"), std::string::npos);
  EXPECT_TRUE(other.closed);
  EXPECT_EQ(other.error, Error::kNone);
  // Chunked: cannot be known.
  RawPeer& third = rig->connect();
  std::string chunks;
  for (int i = 0; i < 200; ++i) chunks += "400\r\n" + std::string(1024, 'c') + "\r\n";
  third.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks);
  rig->run();
  EXPECT_EQ(third.received, kHello);
  EXPECT_TRUE(third.ended);
}

TEST_P(HttpServer, DiscardsOnRequest) {
  make();
  Exchange* exchange = nullptr;
  rig->handler.request = [&](Exchange& each) {
    exchange = &each;
    each.discard_body();
  };
  RawPeer& peer = rig->connect();
  peer.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n" + std::string(200'000, 'x'));
  rig->run();
  exchange->respond(200, "", "done");
  rig->run();
  EXPECT_TRUE(peer.received.ends_with("done"));
  EXPECT_FALSE(peer.closed);
}

TEST_P(HttpServer, SendsContinueWhenTheBodyIsWanted) {
  make();
  Exchange* exchange = nullptr;
  rig->handler.request = [&](Exchange& each) { exchange = &each; };
  rig->handler.body_end = [&](Exchange& each) { each.respond(200, "", rig->handler.bodies[each.number()]); };
  RawPeer& peer = rig->connect();
  peer.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-Continue\r\n\r\n");
  rig->run();
  EXPECT_EQ(peer.received, "");
  exchange->read_body();
  rig->run();
  EXPECT_EQ(peer.received, "HTTP/1.1 100 Continue\r\n\r\n");
  peer.send("hello");
  rig->run();
  EXPECT_TRUE(peer.received.ends_with("hello"));
  EXPECT_FALSE(peer.closed);
  // Turned down without reading: nobody can know whether the body comes, so the connection ends.
  RawPeer& other = rig->connect();
  other.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  rig->run();
  exchange->respond(403, "", "");
  rig->run();
  EXPECT_TRUE(other.received.starts_with("HTTP/1.1 403 "));
  EXPECT_NE(other.received.find("Connection: close"), std::string::npos);
  EXPECT_TRUE(other.closed);
}

// ---- back-pressure of responses

TEST_P(HttpServer, PausesWritersWhileThePeerReadsNothing) {
  make();
  Exchange* exchange = nullptr;
  rig->handler.request = [&](Exchange& each) {
    exchange = &each;
    each.start(200, "", "", Exchange::kLengthUnknown);
  };
  RawPeer& peer = rig->connect();
  peer.reading = false;
  peer.send(kGet);
  rig->run();
  const std::string piece(8 * 1024, 'x');
  size_t total = 0;
  while (exchange->write(piece)) {
    total += piece.size();
    ASSERT_LT(total, 10'000'000u);
    rig->run();
  }
  EXPECT_EQ(rig->handler.drained, 0);
  peer.read_on();
  rig->run();
  EXPECT_EQ(rig->handler.drained, 1);
  exchange->end();
  rig->run();
  EXPECT_TRUE(peer.received.ends_with("\r\n0\r\n\r\n"));
}

// ---- ends

TEST_P(HttpServer, TellsHandlersThatThePeerIsGone) {
  make();
  std::vector<Exchange*> exchanges;
  rig->handler.request = [&](Exchange& exchange) { exchanges.push_back(&exchange); };
  RawPeer& peer = rig->connect();
  peer.send(std::string(kGet) + std::string(kGet));
  rig->run();
  exchanges[1]->respond(200, "", "never seen");
  peer.stream->abort();
  rig->run();
  EXPECT_EQ(rig->handler.aborted, 1) << "the second was over for its handler";
  EXPECT_EQ(rig->handler.abort_error, Error::kConnectionReset);
  EXPECT_EQ(rig->handler.released, 2);
  EXPECT_EQ(rig->server.connections(), 0u);
}

TEST_P(HttpServer, AnswersAPeerThatHasHalfClosed) {
  make();
  Exchange* exchange = nullptr;
  rig->handler.request = [&](Exchange& each) { exchange = &each; };
  RawPeer& peer = rig->connect();
  peer.send(kGet);
  peer.stream->shutdown();
  rig->run();
  ASSERT_NE(exchange, nullptr);
  exchange->respond(200, "", "still here");
  rig->run();
  EXPECT_TRUE(peer.received.ends_with("still here"));
  EXPECT_TRUE(peer.closed);
  EXPECT_EQ(peer.error, Error::kNone);
}

TEST_P(HttpServer, APeerThatHasHalfClosedIsProbedAndGoneWithAReset) {
  make();
  FakeStream* accepted = nullptr;
  rig->handler.request = [](Exchange&) {};
  RawPeer& peer = rig->connect();
  peer.send(kGet);
  rig->run();
  accepted = rig->transport.peer_of(*peer.stream);
  EXPECT_EQ(accepted->probed_ms, 0u);
  peer.stream->shutdown();
  rig->run();
  EXPECT_EQ(rig->handler.aborted, 0);
  EXPECT_GT(accepted->probed_ms, 0u) << "or nobody would ever know";
  peer.stream->abort();
  rig->run();
  EXPECT_EQ(rig->handler.aborted, 1);
  EXPECT_EQ(rig->handler.abort_error, Error::kConnectionReset);
  EXPECT_EQ(rig->handler.released, 1);
}

TEST_P(HttpServer, WithoutHalfOpenConnectionsTheFinOfAPeerAbortsItsRequests) {
  Limits limits;
  limits.half_open = false;
  make(limits);
  Exchange* exchange = nullptr;
  rig->handler.request = [&](Exchange& each) {
    if (each.target() == "/late")
      exchange = &each;
    else
      each.respond(200, "", "at once");
  };
  RawPeer& quick = rig->connect();
  quick.send(kGet);
  quick.stream->shutdown();
  rig->run();
  EXPECT_TRUE(quick.received.ends_with("at once")) << "what was answered arrives";
  RawPeer& late = rig->connect();
  late.send("GET /late HTTP/1.1\r\nHost: x\r\n\r\n");
  rig->run();
  ASSERT_NE(exchange, nullptr);
  late.stream->shutdown();
  rig->run();
  EXPECT_EQ(rig->handler.aborted, 1);
  EXPECT_EQ(rig->handler.released, 2);
  EXPECT_EQ(late.received, "");
  EXPECT_TRUE(late.closed);
  EXPECT_EQ(rig->server.counters.aborted_by_peer, 1u);
  EXPECT_EQ(rig->server.connections(), 0u);
}

TEST_P(HttpServer, RefusesBodiesThatEndEarly) {
  make();
  rig->handler.request = [](Exchange& exchange) { exchange.read_body(); };
  RawPeer& peer = rig->connect();
  peer.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello");
  peer.stream->shutdown();
  rig->run();
  EXPECT_EQ(rig->handler.aborted, 1);
  EXPECT_EQ(rig->handler.body_ends, 0);
  EXPECT_EQ(peer.received.substr(9, 3), "400");
  EXPECT_TRUE(peer.closed);
}

TEST_P(HttpServer, ClosesQuietlyWhenThePeerEndsBetweenOrInHeads) {
  make();
  for (std::string_view bytes : {std::string_view(""), std::string_view("GET / HT")}) {
    RawPeer& peer = rig->connect();
    peer.send(bytes);
    peer.stream->shutdown();
    rig->run();
    EXPECT_EQ(peer.received, "");
    EXPECT_TRUE(peer.closed);
    EXPECT_EQ(peer.error, Error::kNone);
  }
}

TEST_P(HttpServer, LingersSoThatTheClientSeesTheError) {
  make();
  RawPeer& peer = rig->connect();
  peer.close_on_end = false;
  peer.send("BAD\r\n");
  rig->run();
  for (int i = 0; i < 10; ++i) {
    peer.send(std::string(1000, 'x'));
    rig->run();
  }
  EXPECT_EQ(peer.received.substr(9, 3), "400");
  EXPECT_TRUE(peer.ended);
  EXPECT_FALSE(peer.closed) << "received and dropped, not reset";
  rig->pass_ms(10'000);
  EXPECT_TRUE(peer.closed) << "but not for ever";
  // Nor for any amount.
  RawPeer& flood = rig->connect();
  flood.close_on_end = false;
  flood.send("BAD\r\n" + std::string(400'000, 'x'));
  rig->run();
  EXPECT_TRUE(flood.closed);
  EXPECT_EQ(rig->server.counters.linger_aborted, 2u);
}

// ---- time

TEST_P(HttpServer, ClosesIdleConnections) {
  make();
  RawPeer& fresh = rig->connect();
  RawPeer& used = rig->connect();
  rig->pass_ms(30'000);
  used.send(kGet);
  rig->run();
  rig->pass_ms(31'000);
  EXPECT_TRUE(fresh.closed);
  EXPECT_EQ(fresh.received, "");
  EXPECT_FALSE(used.closed) << "its time began with its last request";
  rig->pass_ms(30'000);
  EXPECT_TRUE(used.closed);
  EXPECT_EQ(used.error, Error::kNone);
  EXPECT_EQ(rig->server.counters.idle_closed, 2u);
}

TEST_P(HttpServer, WaitsForEverWhenTimeoutsAreOff) {
  Limits limits;
  limits.idle_timeout_ms = limits.header_timeout_ms = 0;
  make(limits);
  RawPeer& idle = rig->connect();
  RawPeer& slow = rig->connect();
  slow.send(kGet.substr(0, 10));
  rig->run();
  rig->pass_ms(1'000'000);
  EXPECT_FALSE(idle.closed);
  slow.send(kGet.substr(10));
  rig->run();
  EXPECT_EQ(slow.received.substr(9, 3), "200");
}

TEST_P(HttpServer, GivesUpOnSlowHeads) {
  make();
  RawPeer& peer = rig->connect();
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
  for (size_t i = 0; i < 25 && !peer.closed; ++i) {  // a byte each half second: always activity, never a head
    peer.send(head.substr(i, 1));
    rig->run();
    rig->pass_ms(500);
  }
  EXPECT_EQ(peer.received.substr(9, 3), "408");
  EXPECT_TRUE(peer.closed);
  EXPECT_EQ(rig->server.counters.header_timeout, 1u);
  // One that comes just in time.
  RawPeer& other = rig->connect();
  other.send(kGet.substr(0, 10));
  rig->run();
  rig->pass_ms(9'900);
  other.send(kGet.substr(10));
  rig->run();
  EXPECT_EQ(other.received.substr(9, 3), "200");
}

TEST_P(HttpServer, GivesUpOnSlowBodies) {
  make();
  rig->handler.request = [](Exchange& exchange) { exchange.read_body(); };
  RawPeer& peer = rig->connect();
  peer.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n");
  rig->run();
  for (int i = 0; i < 3; ++i) {
    rig->pass_ms(50'000);
    peer.send("x");
    rig->run();
  }
  EXPECT_FALSE(peer.closed);
  rig->pass_ms(61'000);
  EXPECT_EQ(peer.received.substr(9, 3), "408");
  EXPECT_TRUE(peer.closed);
  EXPECT_EQ(rig->handler.abort_error, Error::kTimedOut);
  EXPECT_EQ(rig->server.counters.body_timeout, 1u);
}

TEST_P(HttpServer, WaitsForSlowHandlersAsLongAsTheyTake) {
  make();
  Exchange* exchange = nullptr;
  rig->handler.request = [&](Exchange& each) { exchange = &each; };
  RawPeer& peer = rig->connect();
  peer.send(kGet);
  rig->run();
  rig->pass_ms(600'000);
  EXPECT_FALSE(peer.closed);
  exchange->respond(200, "", "at last");
  rig->run();
  EXPECT_TRUE(peer.received.ends_with("at last"));
  rig->pass_ms(61'000);
  EXPECT_TRUE(peer.closed);
}

TEST_P(HttpServer, GivesUpOnPeersThatTakeNothing) {
  make();
  rig->handler.request = [](Exchange& exchange) { exchange.respond(200, "", std::string(300'000, 'x')); };
  RawPeer& peer = rig->connect();
  peer.reading = false;
  peer.send(kGet);
  rig->run();
  rig->pass_ms(400'000);
  EXPECT_TRUE(peer.closed);
  EXPECT_EQ(rig->server.counters.send_timeout, 1u);
  // One that reads slowly but reads is served to the end.
  RawPeer& slow = rig->connect();
  slow.reading = false;
  slow.send(kGet);
  rig->run();
  for (int i = 0; i < 6; ++i) {
    rig->pass_ms(40'000);
    slow.read_on();
    slow.reading = false;
    rig->run();
  }
  EXPECT_TRUE(slow.received.ends_with(std::string(300'000, 'x')));
  EXPECT_EQ(rig->server.counters.send_timeout, 1u);
}

// ---- upgrades

TEST_P(HttpServer, HandsOverUpgradedConnections) {
  make();
  RawPeer taken;
  Exchange* exchange = nullptr;
  rig->handler.upgrade = [&](Exchange& each) {
    exchange = &each;
    EXPECT_EQ(each.header("upgrade"), "websocket");
    return true;
  };
  RawPeer& peer = rig->connect();
  peer.send(
      std::string(kGet) +
      "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\nframes");
  rig->run();
  EXPECT_EQ(peer.received, kHello);
  ASSERT_NE(exchange, nullptr);
  taken.stream = static_cast<FakeStream*>(exchange->upgrade(taken));
  ASSERT_NE(taken.stream, nullptr);
  taken.send("HTTP/1.1 101 Switching Protocols\r\n\r\n");
  peer.send(" and more");
  rig->run();
  EXPECT_EQ(taken.received, "frames and more");
  EXPECT_TRUE(peer.received.ends_with("101 Switching Protocols\r\n\r\n"));
  EXPECT_EQ(rig->handler.released, 2);
  EXPECT_EQ(rig->server.connections(), 0u);
  peer.stream->abort();
  rig->run();
  EXPECT_TRUE(taken.closed);
}

TEST_P(HttpServer, HandsOverAtOnceAndTurnsDown) {
  make();
  RawPeer taken;
  rig->handler.upgrade = [&](Exchange& each) {
    if (each.method() != Method::kConnect) {
      each.respond(403, "", "no");
      return true;
    }
    EXPECT_EQ(each.target(), "b:443");
    taken.stream = static_cast<FakeStream*>(each.upgrade(taken));
    taken.send("HTTP/1.1 200 OK\r\n\r\n");
    return true;
  };
  RawPeer& peer = rig->connect();
  peer.send(
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nCONNECT b:443 HTTP/1.1\r\nHost: "
      "b:443\r\n\r\n\x16\x03");
  rig->run();
  EXPECT_TRUE(peer.received.starts_with("HTTP/1.1 403 "));
  EXPECT_TRUE(peer.received.ends_with("noHTTP/1.1 200 OK\r\n\r\n"));
  EXPECT_EQ(taken.received, "\x16\x03");
  peer.stream->shutdown();
  rig->run();
  EXPECT_TRUE(taken.ended);
  // Nobody wants it.
  rig->handler.upgrade = nullptr;
  EXPECT_EQ(rig->ask("CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n").substr(9, 3), "501");
}

// ---- operation

TEST_P(HttpServer, DrainsWithoutBreakingRequests) {
  make();
  Exchange* exchange = nullptr;
  rig->handler.request = [&](Exchange& each) { exchange = &each; };
  RawPeer& idle = rig->connect();
  RawPeer& busy = rig->connect();
  busy.send(kGet);
  rig->run();
  rig->server.drain();
  rig->run();
  EXPECT_TRUE(idle.closed);
  EXPECT_EQ(idle.error, Error::kNone);
  EXPECT_FALSE(busy.closed);
  EXPECT_FALSE(rig->server.drained());
  exchange->respond(200, "", "last");
  rig->run();
  EXPECT_NE(busy.received.find("Connection: close"), std::string::npos);
  EXPECT_TRUE(busy.received.ends_with("last"));
  EXPECT_TRUE(rig->server.drained());
  EXPECT_TRUE(rig->connect().closed);
}

// At the end of the process nobody waits for peers that do not close their side, idle or answered, whenever their end began.
TEST_P(HttpServer, LeavesWithoutWaitingForSilentPeers) {
  make();
  Exchange* exchange = nullptr;
  rig->handler.request = [&](Exchange& each) { exchange = &each; };
  RawPeer& idle = rig->connect();
  RawPeer& busy = rig->connect();
  idle.close_on_end = busy.close_on_end = false;
  busy.send(kGet);
  rig->run();
  rig->server.drain();  // the program closed its server; then the process is told to end
  rig->run();
  EXPECT_TRUE(idle.ended);
  EXPECT_FALSE(idle.closed);
  rig->server.drain(true);
  rig->pass_ms(Server::kLeaveTimeoutMs + 50);
  EXPECT_TRUE(idle.closed);
  EXPECT_FALSE(busy.closed) << "a request in progress is waited for";
  exchange->respond(200, "", "last");
  rig->run();
  EXPECT_TRUE(busy.received.ends_with("last"));
  EXPECT_FALSE(rig->server.drained());
  rig->pass_ms(Server::kLeaveTimeoutMs + 50);
  EXPECT_TRUE(rig->server.drained());
}

TEST_P(HttpServer, HandsRequestsToANewHandler) {
  make();
  TestHandler other;
  Exchange* old = nullptr;
  rig->handler.request = [&](Exchange& each) { old = &each; };
  other.request = [](Exchange& each) { each.respond(200, "", "new"); };
  RawPeer& peer = rig->connect();
  peer.send(kGet);
  rig->run();
  rig->server.set_handler(other);
  peer.send(kGet);
  rig->run();
  EXPECT_EQ(other.requests, 1);
  old->respond(200, "", "old");
  rig->run();
  EXPECT_TRUE(peer.received.find("old") < peer.received.find("new"));
  EXPECT_EQ(rig->handler.released, 1);
  EXPECT_EQ(other.released, 1);
}

TEST_P(HttpServer, FindsExchangesByHandle) {
  make();
  Exchange* exchange = nullptr;
  rig->handler.request = [&](Exchange& each) { exchange = &each; };
  RawPeer& peer = rig->connect();
  peer.send(kGet);
  rig->run();
  const uint32_t number = exchange->number(), generation = exchange->generation();
  EXPECT_EQ(rig->server.find(number, generation), exchange);
  exchange->respond(200, "", "");
  EXPECT_EQ(rig->server.find(number, generation), nullptr);
  peer.send(kGet);
  rig->run();
  EXPECT_EQ(rig->server.find(number, generation), nullptr);
  EXPECT_EQ(rig->server.latency.count(), 1u);
}

TEST(HttpServerPool, AbortsResponsesThatCannotBeQueued) {
  Rig rig({}, 2176, 8);
  rig.handler.request = [](Exchange& exchange) { exchange.respond(200, "", std::string(100'000, 'x')); };
  RawPeer& peer = rig.connect();
  peer.send(kGet);
  rig.run();
  EXPECT_TRUE(peer.closed);
  EXPECT_EQ(peer.error, Error::kConnectionReset);
  EXPECT_GE(rig.server.counters.no_buffers, 1u);
  rig.handler.request = nullptr;
  EXPECT_EQ(rig.ask(kGet), kHello) << "and goes on with the next";
}

}  // namespace
}  // namespace sluice::http
