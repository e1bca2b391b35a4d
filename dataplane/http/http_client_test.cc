// SPDX-License-Identifier: Apache-2.0
// The client engine against servers that answer with given bytes, over streams in memory and virtual time; and against our
// own server engine. Scenarios run as written, byte by byte and in random pieces.
#include <gtest/gtest.h>

#include <random>

#include "dataplane/http/client.hh"
#include "dataplane/http/test_rig.hh"

namespace sluice::http {
namespace {

// What came of one request.
class Outcome final : public ClientHandler {
 public:
  void on_informational(ClientRequest&, uint16_t status, std::span<const HeaderField>) override {
    log += "i" + std::to_string(status) + ";";
  }
  void on_response(ClientRequest& request, uint16_t code, std::string_view text, uint8_t,
                   std::span<const HeaderField> headers) override {
    status = code;
    reason = text;
    for (const HeaderField& field : headers)
      fields += std::string(field.name) + "=" + std::string(field.value) + ";";
    if (response) response(request);
  }
  void on_body(ClientRequest& request, Buffer* chain) override {
    const uint32_t bytes = chain->chain_length();
    body += text_of(chain);
    release(chain);
    if (consume) request.body_consumed(bytes);
    if (piece) piece(request);
  }
  void on_complete(ClientRequest&, std::span<const HeaderField> headers) override {
    ++completed;
    for (const HeaderField& field : headers)
      trailers += std::string(field.name) + "=" + std::string(field.value) + ";";
    if (complete) complete();
  }
  void on_failed(ClientRequest&, Error why, bool nothing_back) override {
    ++failed;
    error = why;
    sent_nothing_back = nothing_back;
    if (failure) failure();
  }
  void on_drained(ClientRequest&) override { ++drained; }
  void on_upgraded(ClientRequest& request, uint16_t code, std::span<const HeaderField>) override {
    status = code;
    if (upgraded) upgraded(request);
  }
  std::function<void(ClientRequest&)> response, piece, upgraded;
  std::function<void()> complete, failure;
  uint16_t status = 0;
  std::string reason, fields, body, trailers, log;
  bool consume = true, sent_nothing_back = false;
  int completed = 0, failed = 0, drained = 0;
  Error error = Error::kNone;
};

// A server that says what it is told to.
class Script final : public transport::ListenerUser {
 public:
  void on_accepted(transport::Stream& stream) override {
    peers.push_back(std::make_unique<RawPeer>());
    peers.back()->stream = static_cast<FakeStream*>(&stream);
    peers.back()->connected = true;
    stream.set_user(peers.back().get());
  }
  RawPeer& last() { return *peers.back(); }
  std::vector<std::unique_ptr<RawPeer>> peers;
};

enum class Split { kWhole, kByte, kRandom };

class HttpClient : public testing::TestWithParam<Split> {
 protected:
  void make(const ClientLimits& limits = {}) {
    end();
    transport = std::make_unique<FakeTransport>();
    reactor = std::make_unique<Reactor>(clock, waiter, PollMode::kBusy);
    reactor->add(*transport);
    if (GetParam() == Split::kByte) transport->split = [](uint32_t) { return 1u; };
    if (GetParam() == Split::kRandom) {
      auto random = std::make_shared<std::minstd_rand>(7);
      transport->split = [random](uint32_t available) {
        return 1 + static_cast<uint32_t>((*random)() % std::min(available, 40u));
      };
    }
    script = std::make_unique<Script>();
    transport::ListenOptions options;
    options.local.port = 80;
    listener = transport->listen(options, *script).value;
    client = std::make_unique<Client>(*reactor, clock, *transport, limits);
    origin.port = 80;
  }
  void TearDown() override { end(); }
  void end() {
    if (!client) return;
    EXPECT_EQ(client->requests_in_progress(), 0u);
    client.reset();
    for (auto& peer : script->peers)
      if (peer->stream) peer->stream->abort();
    run();
    EXPECT_EQ(transport->pool().outstanding(), 0u);
    listener.reset();
  }
  void run() {
    for (int i = 0; i < 2'000'000 && reactor->turn(); ++i) {
    }
  }
  void pass_ms(uint64_t ms) {
    const uint64_t end_ns = clock.now_ns() + ms * kNanosecondsPerMillisecond;
    while (clock.now_ns() < end_ns) {
      clock.advance_to(std::min(end_ns, clock.now_ns() + 50 * kNanosecondsPerMillisecond));
      run();
    }
  }
  ClientRequest* get(Outcome& outcome, std::string_view method = "GET", std::string_view target = "/") {
    RequestHead head;
    head.method = method;
    head.target = target;
    head.fields = "Host: a\r\n";
    ClientRequest* request = client->request(origin, head, outcome);
    run();
    return request;
  }
  // A request on its own, answered by `bytes`, then optionally the end of the connection.
  void answer(Outcome& outcome, std::string_view bytes, bool end = false, std::string_view method = "GET") {
    get(outcome, method);
    script->last().send(bytes);
    if (end) script->last().stream->shutdown();
    run();
  }

  simulation::VirtualClock clock;
  NoWaiter waiter;
  std::unique_ptr<FakeTransport> transport;
  std::unique_ptr<Reactor> reactor;
  std::unique_ptr<Script> script;
  std::unique_ptr<transport::Listener> listener;
  std::unique_ptr<Client> client;
  Endpoint origin;
};
INSTANTIATE_TEST_SUITE_P(Splits, HttpClient, testing::Values(Split::kWhole, Split::kByte, Split::kRandom),
                         [](const auto& info) {
                           return info.param == Split::kWhole  ? "Whole"
                                  : info.param == Split::kByte ? "Byte"
                                                               : "Random";
                         });

TEST_P(HttpClient, SendsAndReceives) {
  make();
  Outcome outcome;
  get(outcome, "GET", "/a?b");
  EXPECT_EQ(script->last().received, "GET /a?b HTTP/1.1\r\nHost: a\r\n\r\n");
  script->last().send("HTTP/1.1 200 Fine\r\nX: y\r\nContent-Length: 5\r\n\r\nhello");
  run();
  EXPECT_EQ(outcome.status, 200);
  EXPECT_EQ(outcome.reason, "Fine");
  EXPECT_EQ(outcome.fields, "X=y;Content-Length=5;");
  EXPECT_EQ(outcome.body, "hello");
  EXPECT_EQ(outcome.completed, 1);
  EXPECT_EQ(client->idle_connections(), 1u);
  EXPECT_EQ(transport->pool().outstanding(), 0u) << "an idle connection holds no Buffer";
}

TEST_P(HttpClient, ReusesConnections) {
  make();
  for (int i = 0; i < 3; ++i) {
    Outcome outcome;
    answer(outcome, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
    EXPECT_EQ(outcome.completed, 1);
  }
  EXPECT_EQ(script->peers.size(), 1u);
  EXPECT_EQ(client->counters.connections_opened, 1u);
  EXPECT_EQ(client->counters.connections_reused, 2u);
}

TEST_P(HttpClient, StartsTheNextRequestFromTheEndOfTheLast) {
  make();
  Outcome first, second;
  first.complete = [&] { ASSERT_NE(get(second), nullptr); };
  get(first);
  script->last().send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  run();
  EXPECT_EQ(script->peers.size(), 1u);
  script->last().send("HTTP/1.1 201 OK\r\nContent-Length: 0\r\n\r\n");
  run();
  EXPECT_EQ(second.status, 201);
}

TEST_P(HttpClient, ReadsEveryFraming) {
  struct Case {
    const char* name;
    std::string_view method, bytes;
    bool end;
    std::string_view body;
    bool reused;
  };
  const Case cases[] = {
      {"chunked", "GET",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;x=y\r\n!\r\n0\r\n\r\n", false,
       "hello!", true},
      {"HEAD", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", false, "", true},
      {"HEAD of chunked", "HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false, "", true},
      {"204", "GET", "HTTP/1.1 204 No Content\r\n\r\n", false, "", true},
      {"304", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", false, "", true},
      {"until close", "GET", "HTTP/1.1 200 OK\r\n\r\nhello", true, "hello", false},
      {"HTTP/1.0 until close", "GET", "HTTP/1.0 200 OK\r\n\r\nhello", true, "hello", false},
      {"HTTP/1.0 keep-alive", "GET",
       "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx", false, "x", true},
      {"HTTP/1.0", "GET", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", false, "x", false},
      {"close", "GET", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx", false, "x",
       false},
      {"no reason", "GET", "HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx", false, "x", true},
      {"unknown coding until close", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello", true,
       "hello", false},
      {"204 with a length", "GET", "HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n", false, "", false},
  };
  for (const Case& each : cases) {
    make();
    SCOPED_TRACE(each.name);
    Outcome outcome;
    answer(outcome, each.bytes, each.end, each.method);
    EXPECT_EQ(outcome.completed, 1);
    EXPECT_EQ(outcome.failed, 0);
    EXPECT_EQ(outcome.body, each.body);
    EXPECT_EQ(client->idle_connections(), each.reused ? 1u : 0u);
  }
}

TEST_P(HttpClient, RefusesMalformedResponses) {
  constexpr std::string_view kNul("HTTP/1.1 200 OK\r\nX: \0\r\n\r\n", 25);
  const std::pair<const char*, std::string_view> cases[] = {
      {"bare LF", "HTTP/1.1 200 OK\nContent-Length: 0\n\n"},
      {"bare LF in fields", "HTTP/1.1 200 OK\r\nContent-Length: 0\n\r\n"},
      {"bare CR", "HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n"},
      {"NUL", kNul},
      {"folding", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n"},
      {"space before colon", "HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n"},
      {"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx"},
      {"length and chunked",
       "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"bad length", "HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\nx"},
      {"chunked in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"chunked and a tab", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n"},
      {"chunked not last", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"},
      {"bad chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n"},
      {"HTTP/2", "HTTP/2 200 OK\r\n\r\n"},
      {"HTTP/1.2", "HTTP/1.2 200 OK\r\n\r\n"},
      {"status of two digits", "HTTP/1.1 20 OK\r\n\r\n"},
      {"status of four digits", "HTTP/1.1 2000 OK\r\n\r\n"},
      {"status below 100", "HTTP/1.1 099 OK\r\n\r\n"},
      {"no version", "200 OK\r\n\r\n"},
      {"lower case", "http/1.1 200 OK\r\n\r\n"},
      {"switching without being asked",
       "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"},
  };
  for (const auto& [name, bytes] : cases) {
    make();
    SCOPED_TRACE(name);
    Outcome outcome;
    answer(outcome, bytes);
    EXPECT_EQ(outcome.failed, 1);
    EXPECT_EQ(outcome.error, Error::kInvalid);
    EXPECT_FALSE(outcome.sent_nothing_back);
    EXPECT_EQ(outcome.completed, 0);
    EXPECT_EQ(client->connections(), 0u);
    EXPECT_EQ(client->counters.malformed, 1u);
  }
}

TEST_P(HttpClient, HoldsResponsesAgainstTheirLimits) {
  ClientLimits limits;
  limits.head_bytes = 1000;
  limits.header_count = 5;
  for (const std::string& bytes :
       {"HTTP/1.1 200 OK\r\nX: " + std::string(2000, 'x') + "\r\n\r\n",
        "HTTP/1.1 200 " + std::string(2000, 'x'),
        std::string("HTTP/1.1 200 OK\r\nA:\r\nB:\r\nC:\r\nD:\r\nE:\r\nF:\r\n\r\n")}) {
    make(limits);
    Outcome outcome;
    answer(outcome, bytes);
    EXPECT_EQ(outcome.failed, 1);
  }
  make();
  Outcome outcome;
  std::string many;
  for (int i = 0; i < 40; ++i) many += "HTTP/1.1 102 Processing\r\n\r\n";
  answer(outcome, many);
  EXPECT_EQ(outcome.failed, 1);
}

TEST_P(HttpClient, DoesNotReuseAConnectionWithBytesLeftOver) {
  make();
  Outcome first;
  answer(first,
         "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison");
  EXPECT_EQ(first.completed, 1);
  EXPECT_EQ(client->idle_connections(), 0u);
  Outcome second;
  answer(second, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine");
  EXPECT_EQ(second.body, "fine");
  EXPECT_EQ(script->peers.size(), 2u);
}

TEST_P(HttpClient, PassesInformationalResponsesAndTrailers) {
  make();
  Outcome outcome;
  answer(outcome,
         "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 "
         "OK\r\nTransfer-Encoding: chunked\r\n\r\n"
         "0\r\nX-Sum: 7\r\nY: z\r\n\r\n");
  EXPECT_EQ(outcome.log, "i100;i103;");
  EXPECT_EQ(outcome.status, 200);
  EXPECT_EQ(outcome.trailers, "X-Sum=7;Y=z;");
}

TEST_P(HttpClient, FailsOnResponsesThatEndEarly) {
  for (std::string_view bytes :
       {std::string_view("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"),
        std::string_view("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"),
        std::string_view("HTTP/1.1 200 OK\r\nContent-"), std::string_view("")}) {
    make();
    SCOPED_TRACE(bytes);
    Outcome outcome;
    answer(outcome, bytes, true);
    EXPECT_EQ(outcome.failed, 1);
    EXPECT_EQ(outcome.error, Error::kConnectionReset);
    EXPECT_EQ(outcome.sent_nothing_back, bytes.empty());
    EXPECT_EQ(client->connections(), 0u);
  }
  make();  // a reset does not complete a body that lasts until the end
  Outcome outcome;
  get(outcome);
  script->last().send("HTTP/1.1 200 OK\r\n\r\nhello");
  run();
  script->last().stream->abort();
  run();
  EXPECT_EQ(outcome.failed, 1);
}

TEST_P(HttpClient, TriesAgainOnAStaleConnection) {
  make();
  Outcome first;
  answer(first, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  // The server closes while the next request is on its way.
  Outcome second;
  RequestHead head;
  head.fields = "Host: a\r\n";
  client->request(origin, head, second);
  script->last().stream->abort();
  run();
  ASSERT_EQ(script->peers.size(), 2u);
  EXPECT_EQ(second.failed, 0);
  script->last().send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  run();
  EXPECT_EQ(second.body, "ok");
  EXPECT_EQ(client->counters.stale_retried, 1u);
  // Only once, and only what may be done twice.
  Outcome third;
  head.method = "POST";
  client->request(origin, head, third);
  script->last().stream->abort();
  run();
  EXPECT_EQ(third.failed, 1);
  EXPECT_TRUE(third.sent_nothing_back);
  Outcome fourth;
  answer(fourth, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  Outcome fifth;
  head.method = "GET";
  client->request(origin, head, fifth);
  script->last().stream->abort();
  run();
  script->last().stream->abort();
  run();
  EXPECT_EQ(fifth.failed, 1);
}

// A FIN that acknowledges nothing of the request: its server cannot have acted on it (RFC 9110 section 9.2.2).
TEST_P(HttpClient, TriesAnyMethodAgainWhenTheServerHadReceivedNothing) {
  make();
  Outcome first;
  answer(first, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  script->last().stream->window_bytes = 0;
  script->last().stream->shutdown();
  Outcome second;
  RequestHead head;
  head.method = "POST";
  head.fields = "Host: a\r\n";
  head.content_length = 4;
  head.body = "body";
  client->request(origin, head, second);
  run();
  ASSERT_EQ(script->peers.size(), 2u);
  EXPECT_TRUE(script->last().received.ends_with("\r\n\r\nbody"));
  script->last().send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  run();
  EXPECT_EQ(second.body, "ok");
  EXPECT_EQ(second.failed, 0);
}

TEST_P(HttpClient, AFreshConnectionIsMadeWhenAskedFor) {
  make();
  Outcome first;
  answer(first, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  ASSERT_EQ(client->idle_connections(), 1u);
  Outcome second;
  RequestHead head;
  head.fields = "Host: a\r\n";
  head.fresh_connection = true;
  client->request(origin, head, second);
  run();
  EXPECT_EQ(script->peers.size(), 2u);
  EXPECT_EQ(client->idle_connections(), 1u);
  script->last().send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  run();
  EXPECT_EQ(second.body, "ok");
}

TEST_P(HttpClient, ClosesIdleConnectionsInTime) {
  make();
  Outcome outcome;
  answer(outcome, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  pass_ms(3'000);
  EXPECT_EQ(client->idle_connections(), 1u);
  pass_ms(1'500);
  EXPECT_EQ(client->idle_connections(), 0u);
  EXPECT_EQ(client->connections(), 0u);
  EXPECT_EQ(script->last().error, Error::kNone);
  Outcome second;
  answer(second, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  client->close_idle();
  run();
  EXPECT_EQ(client->connections(), 0u);
  // An idle connection on which the server speaks is of no use.
  Outcome third;
  answer(third, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  script->last().send("HTTP/1.1 408 Request Timeout\r\n\r\n");
  run();
  EXPECT_EQ(client->connections(), 0u);
}

TEST_P(HttpClient, TimesOut) {
  make();
  Outcome outcome;
  get(outcome);
  pass_ms(61'000);
  EXPECT_EQ(outcome.failed, 1);
  EXPECT_EQ(outcome.error, Error::kTimedOut);
  EXPECT_TRUE(outcome.sent_nothing_back);
  Outcome body;
  answer(body, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
  pass_ms(50'000);
  script->last().send("l");
  run();
  pass_ms(50'000);
  EXPECT_EQ(body.failed, 0);
  pass_ms(12'000);
  EXPECT_EQ(body.error, Error::kTimedOut);
  EXPECT_FALSE(body.sent_nothing_back);
  transport->black_hole = true;
  Outcome connecting;
  get(connecting);
  pass_ms(6'000);
  EXPECT_EQ(connecting.error, Error::kTimedOut);
  EXPECT_EQ(client->counters.timed_out, 3u);
}

TEST_P(HttpClient, FailsWhenRefused) {
  make();
  listener.reset();
  Outcome outcome;
  get(outcome);
  EXPECT_EQ(outcome.error, Error::kConnectionRefused);
  EXPECT_TRUE(outcome.sent_nothing_back);
  EXPECT_EQ(client->counters.connect_failed, 1u);
}

TEST_P(HttpClient, QueuesBeyondTheConnectionLimit) {
  ClientLimits limits;
  limits.connections_per_origin = 2;
  limits.waiting_requests = 2;
  make(limits);
  Outcome outcomes[5];
  ClientRequest* requests[5];
  RequestHead head;
  head.fields = "Host: a\r\n";
  for (int i = 0; i < 5; ++i) requests[i] = client->request(origin, head, outcomes[i]);
  EXPECT_EQ(requests[4], nullptr);
  EXPECT_EQ(client->counters.waiting_refused, 1u);
  run();
  EXPECT_EQ(script->peers.size(), 2u);
  requests[2]->cancel();
  script->peers[0]->send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  run();
  EXPECT_EQ(outcomes[0].completed, 1);
  EXPECT_EQ(script->peers[0]->received, "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
  // A connection that dies makes room as well.
  script->peers[1]->stream->abort();
  script->peers[0]->send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  run();
  EXPECT_EQ(outcomes[1].failed, 1);
  EXPECT_EQ(outcomes[2].completed + outcomes[2].failed, 0) << "cancelled";
  EXPECT_EQ(outcomes[3].completed, 1);
}

TEST_P(HttpClient, StreamsRequestBodies) {
  make();
  Outcome outcome;
  RequestHead head;
  head.method = "POST";
  head.fields = "Host: a\r\n";
  head.content_length = -1;
  ClientRequest* request = client->request(origin, head, outcome);
  EXPECT_TRUE(request->write("before "));
  run();
  request->write("after");
  request->write(chain_of("!", transport->pool()));
  request->end();
  run();
  EXPECT_EQ(script->last().received,
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nbefore "
            "\r\n5\r\nafter\r\n1\r\n!\r\n0\r\n\r\n");
  script->last().send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  run();
  EXPECT_EQ(outcome.completed, 1);
  Outcome sized;
  head.content_length = 5;
  script->last().received.clear();
  request = client->request(origin, head, sized);
  request->write("hel");
  request->write("lo and too much");
  request->end();
  run();
  EXPECT_EQ(script->last().received, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
  script->last().send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  run();
  EXPECT_EQ(sized.completed, 1);
  Outcome whole;
  head.body = "12345";
  script->last().received.clear();
  client->request(origin, head, whole);
  run();
  EXPECT_TRUE(script->last().received.ends_with("Content-Length: 5\r\n\r\n12345"));
  script->last().send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  run();
  Outcome cut;
  head.body = {};
  request = client->request(origin, head, cut);
  request->write("hel");
  request->end();
  run();
  EXPECT_EQ(cut.failed, 1) << "less than announced";
  EXPECT_EQ(script->last().error, Error::kConnectionReset);
}

TEST_P(HttpClient, TellsWritersToPause) {
  make();
  Outcome outcome;
  RequestHead head;
  head.method = "POST";
  head.fields = "Host: a\r\n";
  head.content_length = -1;
  ClientRequest* request = client->request(origin, head, outcome);
  const std::string piece(8192, 'x');
  int pieces = 1;
  while (request->write(piece)) ASSERT_LT(++pieces, 100);
  EXPECT_EQ(outcome.drained, 0);
  run();
  EXPECT_EQ(outcome.drained, 1) << "connected";
  script->last().reading = false;
  while (request->write(piece)) {
    ASSERT_LT(++pieces, 1000);
    run();
  }
  EXPECT_EQ(outcome.drained, 1);
  script->last().read_on();
  run();
  EXPECT_EQ(outcome.drained, 2);
  request->end();
  script->last().send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  run();
  EXPECT_EQ(outcome.completed, 1);
}

TEST_P(HttpClient, ClosesWhenTheResponseComesBeforeTheRequestIsSent) {
  make();
  Outcome outcome;
  RequestHead head;
  head.method = "POST";
  head.fields = "Host: a\r\n";
  head.content_length = -1;
  ClientRequest* request = client->request(origin, head, outcome);
  request->write("x");
  run();
  script->last().send("HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n");
  run();
  EXPECT_EQ(outcome.completed, 1);
  EXPECT_EQ(client->connections(), 0u);
}

TEST_P(HttpClient, HoldsTheServerBack) {
  make();
  Outcome outcome;
  outcome.consume = false;
  ClientRequest* request = get(outcome);
  script->last().send("HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + std::string(200'000, 'x'));
  run();
  EXPECT_EQ(outcome.body.size(), 64u * 1024);
  pass_ms(100'000);
  EXPECT_EQ(outcome.failed, 0) << "it is this side that is late";
  outcome.consume = true;
  request->body_consumed(64 * 1024);
  run();
  EXPECT_EQ(outcome.body.size(), 200'000u);
  EXPECT_EQ(outcome.completed, 1);
}

TEST_P(HttpClient, Cancels) {
  make();
  Outcome outcome;
  ClientRequest* request = get(outcome);
  request->cancel();
  run();
  EXPECT_EQ(outcome.failed, 0);
  EXPECT_EQ(script->last().error, Error::kConnectionReset);
  // Inside calls.
  Outcome in_response;
  in_response.response = [](ClientRequest& each) { each.cancel(); };
  answer(in_response, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_EQ(in_response.body, "");
  Outcome in_body;
  in_body.piece = [](ClientRequest& each) { each.cancel(); };
  answer(in_body, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_EQ(in_body.completed + in_body.failed, 0);
  // Before the connection is there: it is kept for the next.
  Outcome early;
  RequestHead head;
  head.fields = "Host: a\r\n";
  client->request(origin, head, early)->cancel();
  run();
  EXPECT_EQ(client->idle_connections(), 1u);
}

TEST_P(HttpClient, HandsOverUpgradedConnections) {
  make();
  RawPeer taken;
  Outcome outcome;
  outcome.upgraded = [&](ClientRequest& each) {
    taken.stream = static_cast<FakeStream*>(each.upgrade(taken));
  };
  RequestHead head;
  head.fields = "Host: a\r\nConnection: upgrade\r\nUpgrade: x\r\n";
  client->request(origin, head, outcome);
  run();
  script->last().send("HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nframes");
  run();
  EXPECT_EQ(outcome.status, 101);
  script->last().send("!");
  run();
  EXPECT_EQ(taken.received, "frames!");
  taken.send("back");
  run();
  EXPECT_TRUE(script->last().received.ends_with("\r\n\r\nback"));
  EXPECT_EQ(client->connections(), 0u);
  script->last().stream->abort();
  run();
  EXPECT_TRUE(taken.closed);
  // CONNECT, and an upgrade that the handler does not take.
  RawPeer tunnel;
  Outcome connect;
  connect.upgraded = [&](ClientRequest& each) {
    tunnel.stream = static_cast<FakeStream*>(each.upgrade(tunnel));
  };
  head.method = "CONNECT";
  head.target = "b:443";
  head.fields = "Host: b:443\r\n";
  client->request(origin, head, connect);
  run();
  script->last().send("HTTP/1.1 200 OK\r\n\r\nhi");
  run();
  EXPECT_EQ(tunnel.received, "hi");
  script->last().stream->abort();
  run();
  Outcome refused;
  client->request(origin, head, refused);
  run();
  script->last().send("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n");
  run();
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(refused.completed, 1);
  Outcome ignored;
  client->request(origin, head, ignored);
  run();
  script->last().send("HTTP/1.1 200 OK\r\n\r\n");
  run();
  EXPECT_EQ(ignored.failed, 1);
}

TEST_P(HttpClient, RefusesHeadsThatWouldBreakOut) {
  make();
  Outcome outcome;
  RequestHead head;
  head.fields = "Host: a\r\n";
  head.target = "/ HTTP/1.1\r\nX: y";
  EXPECT_EQ(client->request(origin, head, outcome), nullptr);
  head.target = "/";
  head.method = "GET /x";
  EXPECT_EQ(client->request(origin, head, outcome), nullptr);
}

TEST_P(HttpClient, GoesOnFromFailures) {
  make();
  listener.reset();
  Outcome first, second;
  first.failure = [&] {
    RequestHead head;
    head.fields = "Host: a\r\n";
    EXPECT_NE(client->request(origin, head, second), nullptr);
  };
  get(first);
  EXPECT_EQ(first.failed, 1);
  EXPECT_EQ(second.failed, 1);
  EXPECT_EQ(client->connections(), 0u);
}

TEST_P(HttpClient, SharesTheConnectionLimitBetweenOrigins) {
  ClientLimits limits;
  limits.connections = 1;
  make(limits);
  Endpoint other = origin;
  other.address = IpAddress::v4(0x7f000002);
  Outcome first, second;
  get(first);
  RequestHead head;
  head.fields = "Host: a\r\nConnection: close\r\n";
  client->request(other, head, second);
  run();
  ASSERT_EQ(script->peers.size(), 1u);
  script->last().send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  run();
  ASSERT_EQ(script->peers.size(), 2u);
  script->last().send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  run();
  EXPECT_EQ(second.completed, 1);
}

TEST_P(HttpClient, TalksToOurServer) {
  make();
  TestHandler handler;
  Server server(*reactor, clock, {}, handler);
  transport::ListenOptions options;
  options.local.port = 81;
  auto own = transport->listen(options, server).value;
  handler.request = [&](Exchange& exchange) { exchange.read_body(); };
  handler.body_end = [&](Exchange& exchange) {
    const std::string& body = handler.bodies[exchange.number()];
    exchange.start(200, "", "", Exchange::kLengthUnknown);
    for (size_t i = 0; i < body.size(); i += 1000) exchange.write(std::string_view(body).substr(i, 1000));
    exchange.end("X-Length: " + std::to_string(body.size()) + "\r\n");
  };
  origin.port = 81;
  for (size_t size : {size_t{0}, size_t{1}, size_t{999}, size_t{50'000}}) {
    Outcome outcome;
    const std::string body(size, 'e');
    RequestHead head;
    head.method = "PUT";
    head.fields = "Host: a\r\n";
    head.body = body;
    head.content_length = static_cast<int64_t>(size);
    ASSERT_NE(client->request(origin, head, outcome), nullptr);
    run();
    EXPECT_EQ(outcome.body, body);
    EXPECT_EQ(outcome.trailers, "X-Length=" + std::to_string(size) + ";");
  }
  EXPECT_EQ(client->counters.connections_opened, 1u);
  client->close_idle();
  run();
  EXPECT_TRUE(server.drained());
}

}  // namespace
}  // namespace sluice::http
