// SPDX-License-Identifier: Apache-2.0
// The proxy between a peer that speaks raw bytes and upstreams that do, over streams in memory: every byte that leaves on
// either side is seen. Server engine, client engine and proxy run in one reactor on virtual time, as on a core.
#include "dataplane/proxy/proxy.hh"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "dataplane/http/fake_transport.hh"
#include "dataplane/http/test_rig.hh"
#include "tests/simulation/virtual_clock.hh"

namespace sluice::proxy {
namespace {

using http::chain_of;
using http::Exchange;
using http::FakeStream;
using http::RawPeer;

constexpr uint16_t kFrontPort = 80, kFirstPort = 8001, kSecondPort = 8002, kNobodyPort = 8003;
const std::string kSimpleGet = "GET /a?b HTTP/1.1\r\nHost: front\r\n\r\n";
const std::string kSimpleAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

size_t times(std::string_view text, std::string_view part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size()))
    ++count;
  return count;
}

std::string pattern(size_t bytes) {
  std::string text(bytes, 0);
  uint32_t state = 12345;
  for (char& c : text) c = static_cast<char>('a' + (state = state * 1103515245 + 12345) / 65536 % 26);
  return text;
}

// The body of the first message in `bytes` (after its head), taken out of its chunks when it is chunked.
std::string body_of(std::string_view bytes) {
  const size_t end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) return "(no head)";
  const bool chunked = has(bytes.substr(0, end), "Transfer-Encoding: chunked");
  std::string_view rest = bytes.substr(end + 4);
  if (!chunked) return std::string(rest);
  std::string body;
  for (;;) {
    const size_t line = rest.find("\r\n");
    if (line == std::string_view::npos) return body + "(cut)";
    const size_t count = std::stoul(std::string(rest.substr(0, line)), nullptr, 16);
    rest.remove_prefix(line + 2);
    if (count == 0) return body;
    if (rest.size() < count + 2) return body + std::string(rest) + "(cut)";
    body += rest.substr(0, count);
    rest.remove_prefix(count + 2);
  }
}

// An upstream whose answers the test writes by hand.
class RawUpstream final : public transport::ListenerUser {
 public:
  RawUpstream(http::FakeTransport& transport, uint16_t port) {
    transport::ListenOptions options;
    options.local.port = port;
    listener = transport.listen(options, *this).value;
  }
  void on_accepted(transport::Stream& stream) override {
    peers.push_back(std::make_unique<RawPeer>());
    peers.back()->stream = static_cast<FakeStream*>(&stream);
    peers.back()->reading = reading;
    stream.set_user(peers.back().get());
  }
  RawPeer& last() { return *peers.back(); }
  bool reading = true;
  std::unique_ptr<transport::Listener> listener;
  std::vector<std::unique_ptr<RawPeer>> peers;
};

// Forwards all requests to one group.
class FrontHandler final : public http::ServerHandler {
 public:
  void on_request(Exchange& exchange) override {
    ++requests;
    inside_forward = true;
    const bool taken =
        proxy->forward(exchange, *group, options, {this, [](void* context, const ForwardOutcome& outcome) {
                                                     static_cast<FrontHandler*>(context)->completed(outcome);
                                                   }});
    inside_forward = false;
    refused += !taken;
  }
  void on_body(Exchange&, Buffer* chain) override { release(chain); }
  void on_body_end(Exchange&) override {}
  void on_released(Exchange&) override { ++released; }
  void completed(const ForwardOutcome& outcome) {
    EXPECT_FALSE(inside_forward);
    outcomes.push_back(outcome);
  }

  Proxy* proxy = nullptr;
  UpstreamGroup* group = nullptr;
  ForwardOptions options;
  std::vector<ForwardOutcome> outcomes;
  int requests = 0, released = 0, refused = 0;
  bool inside_forward = false;
};

struct Rig {
  explicit Rig(std::vector<uint16_t> ports, const http::ClientLimits& client_limits = {},
               const UpstreamOptions& upstream_options = {.balance = Balance::kFailover},
               const http::Limits& limits = {})
      : client(std::make_unique<http::Client>(reactor, clock, transport, client_limits)),
        proxy(reactor, *client),
        front(reactor, clock, limits, handler) {
    reactor.add(transport);
    std::vector<Upstream> upstreams;
    for (const uint16_t port : ports) {
      Upstream upstream;
      upstream.endpoint = {IpAddress::v4(0x7f000001), port};
      upstream.host = "up:" + std::to_string(port);
      upstreams.push_back(upstream);
    }
    group = std::make_unique<UpstreamGroup>(std::move(upstreams), upstream_options);
    handler.proxy = &proxy;
    handler.group = group.get();
    transport::ListenOptions options;
    options.local.port = kFrontPort;
    front_listener = transport.listen(options, front).value;
  }

  // Everything that is still open is closed: whatever happened in a test, nothing may be left over.
  ~Rig() {
    front.abort_all();
    for (RawUpstream* upstream : {&first, &second})
      for (auto& peer : upstream->peers)
        if (peer->stream) peer->stream->abort();
    for (auto& peer : peers)
      if (peer->stream) peer->stream->abort();
    run();
    pass_ms(10'000);
    EXPECT_EQ(client->requests_in_progress(), 0u);
    EXPECT_EQ(client->connections(), 0u);
    EXPECT_EQ(front.connections(), 0u);
    EXPECT_EQ(front.requests_in_progress(), 0u);
    EXPECT_EQ(transport.pool().outstanding(), 0u);
    for (unsigned i = 0; i < group->size(); ++i) EXPECT_EQ((*group)[i].active, 0u);
    EXPECT_EQ(proxy.counters.completed, proxy.counters.forwarded);
    EXPECT_EQ(handler.outcomes.size(), proxy.counters.forwarded);
    EXPECT_EQ(handler.released, handler.requests);
  }

  RawPeer& connect() {
    peers.push_back(std::make_unique<RawPeer>());
    RawPeer& peer = *peers.back();
    transport::ConnectOptions options;
    options.remote.port = kFrontPort;
    peer.stream = static_cast<FakeStream*>(transport.connect(options, peer).value);
    run();
    return peer;
  }
  void run() {
    for (int i = 0; i < 1'000'000 && reactor.turn(); ++i) {
    }
  }
  void pass_ms(uint64_t ms) {
    const uint64_t end_ns = clock.now_ns() + ms * kNanosecondsPerMillisecond;
    while (clock.now_ns() < end_ns) {
      clock.advance_to(std::min(end_ns, clock.now_ns() + 50 * kNanosecondsPerMillisecond));
      run();
    }
  }
  // Sends `bytes` on a connection of its own.
  RawPeer& send(std::string_view bytes) {
    RawPeer& peer = connect();
    peer.send(bytes);
    run();
    return peer;
  }
  void answer(RawUpstream& upstream, std::string_view bytes) {
    ASSERT_FALSE(upstream.peers.empty()) << "the upstream was not asked";
    upstream.last().send(bytes);
    run();
  }
  const ForwardOutcome& outcome() {
    static const ForwardOutcome none;
    EXPECT_EQ(handler.outcomes.size(), 1u);
    return handler.outcomes.empty() ? none : handler.outcomes.back();
  }

  simulation::VirtualClock clock;
  http::NoWaiter waiter;
  Reactor reactor{clock, waiter, PollMode::kBusy};
  http::FakeTransport transport;
  RawUpstream first{transport, kFirstPort}, second{transport, kSecondPort};
  std::unique_ptr<http::Client> client;
  Proxy proxy;
  FrontHandler handler;
  http::Server front;
  std::unique_ptr<UpstreamGroup> group;
  std::unique_ptr<transport::Listener> front_listener;
  std::vector<std::unique_ptr<RawPeer>> peers;
};

// ---- heads

TEST(Proxy, ForwardsARequestAndItsResponse) {
  Rig rig({kFirstPort});
  RawPeer& peer = rig.send(kSimpleGet);
  EXPECT_EQ(rig.first.last().received,
            "GET /a?b HTTP/1.1\r\nHost: up:8001\r\nX-Forwarded-For: 127.0.0.1\r\n\r\n");
  rig.answer(rig.first,
             "HTTP/1.1 203 Fine Indeed\r\nContent-Length: 5\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nX-A: "
             "1\r\n\r\nhello");
  EXPECT_EQ(peer.received.substr(0, peer.received.find("\r\n")), "HTTP/1.1 203 Fine Indeed");
  EXPECT_EQ(times(peer.received, "Date: "), 1u);
  EXPECT_EQ(times(peer.received, "Content-Length: 5\r\n"), 1u);
  EXPECT_TRUE(has(peer.received, "X-A: 1\r\n"));
  EXPECT_EQ(body_of(peer.received), "hello");
  EXPECT_EQ(rig.outcome().status, 203);
  EXPECT_EQ(rig.outcome().upstream, 0);
  EXPECT_EQ(rig.outcome().attempts, 1u);
  EXPECT_EQ(rig.outcome().error, Error::kNone);
}

TEST(Proxy, BothConnectionsAreKept) {
  Rig rig({kFirstPort});
  RawPeer& peer = rig.connect();
  for (int i = 0; i < 5; ++i) {
    peer.send(kSimpleGet);
    rig.run();
    rig.answer(rig.first, kSimpleAnswer);
  }
  EXPECT_EQ(times(peer.received, "HTTP/1.1 200 OK"), 5u);
  EXPECT_EQ(rig.first.peers.size(), 1u);
  EXPECT_FALSE(peer.closed || peer.ended);
}

TEST(Proxy, PipelinedRequestsAreAnsweredInOrder) {
  Rig rig({kFirstPort});
  RawPeer& peer = rig.send(
      "GET /1 HTTP/1.1\r\nHost: f\r\n\r\nGET /2 HTTP/1.1\r\nHost: f\r\n\r\nGET /3 HTTP/1.1\r\nHost: "
      "f\r\n\r\n");
  ASSERT_EQ(rig.first.peers.size(), 3u);
  for (const int i : {2, 0, 1}) {
    RawPeer& upstream = *rig.first.peers[static_cast<size_t>(i)];
    const std::string body = upstream.received.substr(4, 2);
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + body);
    rig.run();
  }
  EXPECT_LT(peer.received.find("/1"), peer.received.find("/2"));
  EXPECT_LT(peer.received.find("/2"), peer.received.find("/3"));
  EXPECT_EQ(times(peer.received, "HTTP/1.1 200 OK"), 3u);
}

TEST(Proxy, FieldsOfTheHopStayOnTheirHop) {
  Rig rig({kFirstPort});
  RawPeer& peer = rig.send(
      "GET / HTTP/1.1\r\nHost: f\r\nConnection: keep-alive, X-Secret\r\nX-Secret: s\r\nKeep-Alive: "
      "timeout=5\r\nTE: trailers\r\n"
      "Proxy-Connection: keep-alive\r\nAccept: a\r\n\r\n");
  const std::string asked = rig.first.last().received;
  for (const char* name : {"Connection", "Secret", "Keep-Alive", "TE:"})
    EXPECT_FALSE(has(asked, name)) << name;
  EXPECT_TRUE(has(asked, "Accept: a\r\n"));
  rig.answer(rig.first,
             "HTTP/1.1 200 OK\r\nConnection: close, X-Own\r\nX-Own: o\r\nKeep-Alive: "
             "timeout=9\r\nContent-Length: 0\r\nX-B: 2\r\n\r\n");
  for (const char* name : {"X-Own", "timeout=9", "Connection: close"})
    EXPECT_FALSE(has(peer.received, name)) << name;
  EXPECT_TRUE(has(peer.received, "X-B: 2\r\n"));
  EXPECT_FALSE(peer.ended) << "that the upstream closes is no reason to close here";
}

TEST(Proxy, EditsApplyToBothDirections) {
  Rig rig({kFirstPort});
  rig.handler.options.request.set = "X-Added: in\r\n";
  rig.handler.options.request.remove = {"cookie"};
  rig.handler.options.response.set = "X-Added: out\r\nServer: sluice\r\n";
  rig.handler.options.response.remove = {"X-Powered-By"};
  RawPeer& peer = rig.send("GET / HTTP/1.1\r\nHost: f\r\nCookie: c=1\r\nX-Added: forged\r\n\r\n");
  const std::string asked = rig.first.last().received;
  EXPECT_EQ(times(asked, "X-Added: "), 1u);
  EXPECT_TRUE(has(asked, "X-Added: in\r\n"));
  EXPECT_FALSE(has(asked, "Cookie"));
  rig.answer(rig.first, "HTTP/1.1 200 OK\r\nServer: other\r\nX-Powered-By: y\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(times(peer.received, "Server: "), 1u);
  EXPECT_TRUE(has(peer.received, "Server: sluice\r\n") && has(peer.received, "X-Added: out\r\n"));
  EXPECT_FALSE(has(peer.received, "X-Powered-By"));
}

TEST(Proxy, ForwardedForKeepsTheHopsBefore) {
  Rig rig({kFirstPort});
  rig.send("GET / HTTP/1.1\r\nHost: f\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 192.0.2.2\r\n\r\n");
  EXPECT_EQ(times(rig.first.last().received, "X-Forwarded-For"), 1u);
  EXPECT_TRUE(has(rig.first.last().received, "X-Forwarded-For: 192.0.2.1, 192.0.2.2, 127.0.0.1\r\n"));
}

TEST(Proxy, ForwardedForCanBeLeftAloneOrReplaced) {
  Rig rig({kFirstPort});
  rig.handler.options.forwarded_for = false;
  rig.send("GET / HTTP/1.1\r\nHost: f\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n");
  EXPECT_TRUE(has(rig.first.last().received, "X-Forwarded-For: 192.0.2.1\r\n"));
  rig.answer(rig.first, kSimpleAnswer);
  rig.handler.options.forwarded_for = true;
  rig.handler.options.request.set = "X-Forwarded-For: hidden\r\n";
  rig.first.last().received.clear();
  rig.send("GET / HTTP/1.1\r\nHost: f\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n");
  EXPECT_EQ(times(rig.first.last().received, "X-Forwarded-For"), 1u);
  EXPECT_TRUE(has(rig.first.last().received, "X-Forwarded-For: hidden\r\n"));
}

TEST(Proxy, HostIsTheUpstreamsUnlessPreserved) {
  Rig rig({kFirstPort});
  rig.handler.options.preserve_host = true;
  rig.send("GET / HTTP/1.1\r\nhost: front:9\r\nConnection: host\r\n\r\n");
  EXPECT_EQ(times(rig.first.last().received, "ost: "), 1u);
  EXPECT_TRUE(has(rig.first.last().received, "Host: front:9\r\n"));
  rig.answer(rig.first, kSimpleAnswer);
  // HTTP/1.0 needs none, the upstream does.
  rig.first.last().received.clear();
  rig.send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(has(rig.first.last().received, "Host: up:8001\r\n"));
  rig.answer(rig.first, kSimpleAnswer);
  rig.handler.options.request.set = "Host: chosen\r\n";
  rig.first.last().received.clear();
  rig.send(kSimpleGet);
  EXPECT_EQ(times(rig.first.last().received, "Host: "), 1u);
  EXPECT_TRUE(has(rig.first.last().received, "Host: chosen\r\n"));
}

TEST(Proxy, AbsoluteTargetsBecomeOriginForm) {
  struct {
    const char *line, *asked, *host;
  } cases[] = {
      {"GET http://named:81/x?y HTTP/1.1", "GET /x?y HTTP/1.1", "named:81"},
      {"GET http://named?y HTTP/1.1", "GET /?y HTTP/1.1", "named"},
      {"OPTIONS http://named HTTP/1.1", "OPTIONS * HTTP/1.1", "named"},
      {"OPTIONS * HTTP/1.1", "OPTIONS * HTTP/1.1", "front"},
  };
  for (const auto& c : cases) {
    Rig rig({kFirstPort});
    rig.handler.options.preserve_host = true;
    rig.send(std::string(c.line) + "\r\nHost: front\r\n\r\n");
    ASSERT_FALSE(rig.first.peers.empty()) << c.line;
    EXPECT_TRUE(rig.first.last().received.starts_with(std::string(c.asked) + "\r\nHost: " + c.host + "\r\n"))
        << rig.first.last().received;
  }
}

TEST(Proxy, ViaNamesTheProxyBehindTheHopsBefore) {
  Rig rig({kFirstPort});
  rig.handler.options.request.via = "edge";
  rig.handler.options.response.via = "front:80";
  RawPeer& peer = rig.send("GET / HTTP/1.0\r\nVia: 1.1 first\r\nX-A: 1\r\n\r\n");
  const std::string& asked = rig.first.last().received;
  EXPECT_TRUE(has(asked, "Via: 1.1 first\r\n"));
  EXPECT_TRUE(has(asked, "Via: 1.0 edge\r\n"));
  EXPECT_LT(asked.find("first"), asked.find("edge"));
  rig.answer(rig.first, kSimpleAnswer);
  EXPECT_TRUE(has(peer.received, "Via: 1.1 front:80\r\n"));
}

TEST(Proxy, ViaIsLeftToTheEditsWhenTheySetIt) {
  Rig rig({kFirstPort});
  rig.handler.options.request.via = "edge";
  rig.handler.options.request.set = "Via: 1.1 hidden\r\n";
  rig.send("GET / HTTP/1.1\r\nHost: f\r\nVia: 1.1 first\r\n\r\n");
  EXPECT_EQ(times(rig.first.last().received, "Via: "), 1u);
  EXPECT_TRUE(has(rig.first.last().received, "Via: 1.1 hidden\r\n"));
}

TEST(Proxy, TheTargetCanBeReplaced) {
  Rig rig({kFirstPort});
  rig.handler.options.target = "/other";
  rig.send(kSimpleGet);
  EXPECT_TRUE(rig.first.last().received.starts_with("GET /other HTTP/1.1\r\n"));
}

// ---- bodies

TEST(Proxy, HeadAndStatusesWithoutBodyKeepTheirLengthAndSendNone) {
  Rig rig({kFirstPort});
  RawPeer& peer = rig.connect();
  struct {
    const char *request, *answer, *expected;
  } cases[] = {
      {"HEAD / HTTP/1.1\r\nHost: f\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n",
       "Content-Length: 500\r\n"},
      {"HEAD / HTTP/1.1\r\nHost: f\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
       "HTTP/1.1 200 OK\r\n"},
      {"GET / HTTP/1.1\r\nHost: f\r\n\r\n",
       "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\nETag: e\r\n\r\n", "ETag: e\r\n"},
      {"GET / HTTP/1.1\r\nHost: f\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 204 No Content\r\n"},
  };
  for (const auto& c : cases) {
    peer.received.clear();
    peer.send(c.request);
    rig.run();
    rig.answer(rig.first, c.answer);
    EXPECT_TRUE(has(peer.received, c.expected)) << peer.received;
    EXPECT_TRUE(peer.received.ends_with("\r\n\r\n")) << peer.received;
    EXPECT_EQ(times(peer.received, "\r\n\r\n"), 1u) << peer.received;
  }
  EXPECT_EQ(rig.first.peers.size(), 1u) << "all on one connection";
}

// Both bodies at once and byte by byte, counted and chunked, in pieces of many sizes.
TEST(Proxy, BodiesArriveWholeHoweverTheyAreCut) {
  const std::string up = pattern(3'000), down = pattern(5'000).substr(100);
  for (const uint32_t piece : {1u, 7u, 511u, 512u, 1400u, 100'000u}) {
    for (const bool chunked : {false, true}) {
      Rig rig({kFirstPort});
      rig.transport.split = [piece](uint32_t) { return piece; };
      std::string request = "POST /up HTTP/1.1\r\nHost: f\r\n", answer = "HTTP/1.1 200 OK\r\n";
      if (chunked) {
        request += "Transfer-Encoding: chunked\r\n\r\n5dc\r\n" + up.substr(0, 1500) + "\r\n5dc\r\n" +
                   up.substr(1500) + "\r\n0\r\n\r\n";
        answer += "Transfer-Encoding: chunked\r\n\r\n1\r\n" + down.substr(0, 1) + "\r\n1323\r\n" +
                  down.substr(1) + "\r\n0\r\n\r\n";
      } else {
        request += "Content-Length: 3000\r\n\r\n" + up;
        answer += "Content-Length: 4900\r\n\r\n" + down;
      }
      RawPeer& peer = rig.send(request);
      ASSERT_EQ(rig.first.peers.size(), 1u);
      EXPECT_EQ(body_of(rig.first.last().received), up) << piece << (chunked ? " chunked" : "");
      EXPECT_EQ(has(rig.first.last().received, "Content-Length: 3000\r\n"), !chunked);
      rig.answer(rig.first, answer);
      EXPECT_EQ(body_of(peer.received), down) << piece << (chunked ? " chunked" : "");
      EXPECT_EQ(has(peer.received, "Content-Length: 4900\r\n"), !chunked);
      EXPECT_EQ(rig.outcome().status, 200);
    }
  }
}

TEST(Proxy, TrailersOfTheResponseAreForwarded) {
  Rig rig({kFirstPort});
  RawPeer& peer = rig.send(kSimpleGet);
  rig.answer(rig.first,
             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: "
             "X-Sum\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 42\r\n\r\n");
  EXPECT_TRUE(peer.received.ends_with("0\r\nX-Sum: 42\r\n\r\n")) << peer.received;
}

TEST(Proxy, TrailersOfTheRequestAreForwarded) {
  Rig rig({kFirstPort});
  RawPeer& peer = rig.send(
      "PUT / HTTP/1.1\r\nHost: f\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5\r\nhello\r\n0\r\n"
      "X-Sum: 42\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(has(rig.first.last().received, "Trailer: X-Sum\r\n"));
  EXPECT_TRUE(rig.first.last().received.ends_with("0\r\nX-Sum: 42\r\n\r\n")) << rig.first.last().received;
  rig.answer(rig.first, kSimpleAnswer);
  // They are sent again with the body.
  rig.first.last().stream->abort();
  peer.send(
      "PUT / HTTP/1.1\r\nHost: f\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 43\r\n\r\n");
  rig.run();
  ASSERT_EQ(rig.first.peers.size(), 2u);
  EXPECT_TRUE(rig.first.last().received.ends_with("0\r\nX-Sum: 43\r\n\r\n")) << rig.first.last().received;
}

TEST(Proxy, AResponseThatEndsWithItsConnectionIsChunkedForANewPeerAndClosedForAnOldOne) {
  {
    Rig rig({kFirstPort});
    RawPeer& peer = rig.send(kSimpleGet);
    rig.answer(rig.first, "HTTP/1.1 200 OK\r\n\r\nuntil the end");
    rig.first.last().stream->shutdown();
    rig.run();
    EXPECT_EQ(body_of(peer.received), "until the end");
    EXPECT_FALSE(peer.ended);
  }
  {
    Rig rig({kFirstPort});
    RawPeer& peer = rig.send("GET / HTTP/1.0\r\n\r\n");
    rig.answer(rig.first, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    EXPECT_TRUE(peer.received.ends_with("\r\n\r\nhello")) << peer.received;
    EXPECT_TRUE(peer.ended);
  }
}

TEST(Proxy, AnUpstreamIsHeldBackWhileThePeerReadsNothing) {
  Rig rig({kFirstPort});
  RawPeer& peer = rig.connect();
  peer.reading = false;
  peer.send(kSimpleGet);
  rig.run();
  const std::string body = pattern(8'000'000);
  rig.answer(rig.first, "HTTP/1.1 200 OK\r\nContent-Length: 8000000\r\n\r\n" + body);
  EXPECT_LT(peer.received.size(), 200'000u);
  // What the upstream could not send yet is still with it: the proxy holds a bounded part.
  const uint32_t unsent = rig.first.last().stream->queued_bytes();
  EXPECT_GT(unsent, 7'000'000u);
  peer.read_on();
  rig.run();
  EXPECT_EQ(body_of(peer.received), body);
  EXPECT_EQ(rig.outcome().status, 200);
}

TEST(Proxy, APeerIsHeldBackWhileTheUpstreamReadsNothing) {
  Rig rig({kFirstPort});
  rig.first.reading = false;
  const std::string body = pattern(8'000'000);
  RawPeer& peer = rig.send("POST / HTTP/1.1\r\nHost: f\r\nContent-Length: 8000000\r\n\r\n" + body);
  EXPECT_GT(peer.stream->queued_bytes(), 7'000'000u);
  rig.first.last().read_on();
  rig.run();
  EXPECT_EQ(body_of(rig.first.last().received), body);
  rig.answer(rig.first, kSimpleAnswer);
  EXPECT_EQ(body_of(peer.received), "hello");
}

TEST(Proxy, APeerIsHeldBackBeforeTheUpstreamIsConnected) {
  Rig rig({kFirstPort});
  RawPeer& peer = rig.connect();
  rig.transport.black_hole = true;
  const std::string body = pattern(2'000'000);
  peer.send("POST / HTTP/1.1\r\nHost: f\r\nContent-Length: 2000000\r\n\r\n" + body);
  rig.run();
  EXPECT_GT(peer.stream->queued_bytes(), 1'000'000u);
  rig.transport.black_hole = false;
  rig.run();
  ASSERT_EQ(rig.first.peers.size(), 1u);
  EXPECT_EQ(body_of(rig.first.last().received), body);
}

TEST(Proxy, ContinueIsTheBusinessOfEachHop) {
  Rig rig({kFirstPort});
  RawPeer& peer = rig.send("POST / HTTP/1.1\r\nHost: f\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(peer.received, "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_FALSE(has(rig.first.last().received, "Expect"));
  peer.send("abc");
  rig.run();
  EXPECT_TRUE(rig.first.last().received.ends_with("\r\n\r\nabc"));
  rig.answer(rig.first, "HTTP/1.1 100 Continue\r\n\r\n" + kSimpleAnswer);
  EXPECT_EQ(times(peer.received, "100 Continue"), 1u);
  EXPECT_TRUE(has(peer.received, "HTTP/1.1 200 OK\r\n"));
}

TEST(Proxy, ContinueWaitsForTheConnectionToTheUpstream) {
  Rig rig({kFirstPort});
  RawPeer& peer = rig.connect();
  rig.transport.black_hole = true;
  peer.send("POST / HTTP/1.1\r\nHost: f\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  rig.run();
  EXPECT_EQ(peer.received, "");
  rig.transport.black_hole = false;
  rig.run();
  EXPECT_EQ(peer.received, "HTTP/1.1 100 Continue\r\n\r\n");
}

TEST(Proxy, InformationalResponsesAreForwarded) {
  Rig rig({kFirstPort});
  RawPeer& peer = rig.send(kSimpleGet);
  rig.answer(rig.first, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nConnection: x\r\n\r\n");
  EXPECT_EQ(peer.received, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n");
  rig.answer(rig.first, kSimpleAnswer);
  EXPECT_EQ(times(peer.received, "HTTP/1.1 200 OK"), 1u);
}

TEST(Proxy, AResponseBeforeTheRequestsEndIsPassedOn) {
  Rig rig({kFirstPort});
  RawPeer& peer = rig.send("POST / HTTP/1.1\r\nHost: f\r\nContent-Length: 3000\r\n\r\n" + pattern(100));
  rig.answer(rig.first, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno");
  EXPECT_TRUE(has(peer.received, "HTTP/1.1 413 Content Too Large\r\n"));
  EXPECT_TRUE(rig.first.last().closed)
      << "the rest of the request is not sent, so that connection is of no use";
  peer.send(pattern(2900) + kSimpleGet);
  rig.run();
  ASSERT_EQ(rig.first.peers.size(), 2u) << "the peer's connection goes on behind its body";
  rig.answer(rig.first, kSimpleAnswer);
  EXPECT_TRUE(peer.received.ends_with("hello"));
}

// ---- failing upstreams

TEST(Proxy, ARefusedConnectionFailsOverForEveryMethod) {
  for (const char* method : {"GET", "POST", "PATCH", "PUT"}) {
    Rig rig({kNobodyPort, kFirstPort});
    RawPeer& peer = rig.send(std::string(method) + " / HTTP/1.1\r\nHost: f\r\nContent-Length: 4\r\n\r\nbody");
    ASSERT_EQ(rig.first.peers.size(), 1u) << method;
    EXPECT_EQ(body_of(rig.first.last().received), "body") << method;
    EXPECT_EQ(times(rig.first.last().received, " / HTTP/1.1"), 1u);
    rig.answer(rig.first, kSimpleAnswer);
    EXPECT_EQ(body_of(peer.received), "hello") << method;
    EXPECT_EQ(rig.outcome().upstream, 1);
    EXPECT_EQ(rig.outcome().attempts, 2u);
    EXPECT_EQ(rig.proxy.counters.failed_over, 1u);
  }
}

TEST(Proxy, ABodyOfAnySizeSurvivesAnUpstreamThatRefuses) {
  const std::string body = pattern(3'000'000);
  for (const bool chunked : {false, true}) {
    Rig rig({kNobodyPort, kNobodyPort + 1, kFirstPort});
    RawPeer& peer = rig.send(
        std::string("POST / HTTP/1.1\r\nHost: f\r\n") +
        (chunked ? "Transfer-Encoding: chunked\r\n\r\n2dc6c0\r\n" : "Content-Length: 3000000\r\n\r\n") +
        body + (chunked ? "\r\n0\r\n\r\n" : ""));
    ASSERT_EQ(rig.first.peers.size(), 1u);
    EXPECT_EQ(body_of(rig.first.last().received), body) << (chunked ? " chunked" : "");
    rig.answer(rig.first, kSimpleAnswer);
    EXPECT_EQ(body_of(peer.received), "hello");
    EXPECT_EQ(rig.outcome().attempts, 3u);
  }
}

// ---- pooled connections that their upstream closes just as they are used again

// The answer to a request on a connection that stays, then that connection broken in the moment of the next request.
struct Stale {
  explicit Stale(std::vector<uint16_t> ports = {kFirstPort})
      : rig(std::move(ports)), peer(rig.send(kSimpleGet)) {
    rig.answer(rig.first, kSimpleAnswer);
    peer.received.clear();
  }
  Rig rig;
  RawPeer& peer;
};

TEST(Proxy, AStaleConnectionIsReplacedWithoutBlamingTheUpstream) {
  for (const bool finished : {false, true}) {
    for (const char* request :
         {"GET /x HTTP/1.1\r\nHost: f\r\n\r\n", "PUT /x HTTP/1.1\r\nHost: f\r\nContent-Length: 4\r\n\r\nbody",
          "PUT /x HTTP/1.1\r\nHost: f\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n"}) {
      Stale stale;
      Rig& rig = stale.rig;
      finished ? rig.first.last().stream->shutdown() : rig.first.last().stream->abort();
      stale.peer.send(request);
      rig.run();
      ASSERT_EQ(rig.first.peers.size(), 2u) << request;
      EXPECT_TRUE(has(rig.first.last().received, " /x HTTP/1.1\r\n")) << request;
      if (*request == 'P') {
        EXPECT_EQ(body_of(rig.first.last().received), "body") << request;
      }
      rig.answer(rig.first, kSimpleAnswer);
      EXPECT_EQ(body_of(stale.peer.received), "hello") << request;
      EXPECT_EQ((*rig.group)[0].failed, 0u) << request;
      EXPECT_EQ(rig.handler.outcomes.back().attempts, 1u);
    }
  }
}

TEST(Proxy, APostOnAStaleConnectionIsSentAgainOnlyWhenNothingOfItWasReceived) {
  const char* const post = "POST / HTTP/1.1\r\nHost: f\r\nContent-Length: 4\r\n\r\nbody";
  {
    Stale stale;
    stale.rig.first.last().stream->abort();  // who knows what it had seen
    stale.peer.send(post);
    stale.rig.run();
    EXPECT_TRUE(has(stale.peer.received, "HTTP/1.1 502 Bad Gateway\r\n")) << stale.peer.received;
    EXPECT_EQ(stale.rig.first.peers.size(), 1u);
    EXPECT_EQ((*stale.rig.group)[0].failed, 0u) << "and yet no reason to leave it out";
  }
  {
    Stale stale;
    stale.rig.first.last().stream->window_bytes = 0;  // its end is on the way and acknowledges nothing
    stale.rig.first.last().stream->shutdown();
    stale.peer.send(post);
    stale.rig.run();
    ASSERT_EQ(stale.rig.first.peers.size(), 2u);
    EXPECT_EQ(body_of(stale.rig.first.last().received), "body");
    stale.rig.answer(stale.rig.first, kSimpleAnswer);
    EXPECT_EQ(body_of(stale.peer.received), "hello");
  }
}

TEST(Proxy, AnUpstreamThatBreaksTheNewConnectionTooHasFailed) {
  Stale stale;
  stale.rig.first.last().stream->abort();
  stale.peer.send("PUT / HTTP/1.1\r\nHost: f\r\nContent-Length: 4\r\n\r\nbody");
  stale.rig.run();
  ASSERT_EQ(stale.rig.first.peers.size(), 2u);
  stale.rig.first.last().stream->abort();
  stale.rig.run();
  EXPECT_EQ(stale.rig.first.peers.size(), 2u);
  EXPECT_TRUE(has(stale.peer.received, "HTTP/1.1 502 Bad Gateway\r\n"));
  EXPECT_EQ((*stale.rig.group)[0].failed, 1u);
}

TEST(Proxy, ABodyOfWhichMoreWasSentThanIsKeptIsNotSentAgain) {
  Stale stale;
  Rig& rig = stale.rig;
  rig.first.last().stream->window_bytes = 1'000'000;
  // Chunked, so that its length is not known when the connection is chosen.
  stale.peer.send("PUT / HTTP/1.1\r\nHost: f\r\nTransfer-Encoding: chunked\r\n\r\n30d40\r\n" +
                  pattern(100'000));
  rig.run();
  ASSERT_EQ(rig.first.peers.size(), 1u);
  rig.first.last().stream->abort();
  rig.run();
  EXPECT_EQ(rig.first.peers.size(), 1u);
  EXPECT_TRUE(has(stale.peer.received, "HTTP/1.1 502 Bad Gateway\r\n"));
  EXPECT_EQ((*rig.group)[0].failed, 0u);
}

TEST(Proxy, ALongBodyGetsANewConnection) {
  Stale stale;
  const std::string body = pattern(Proxy::kReplayLimitBytes + 1);
  stale.rig.first.last().stream->abort();
  stale.peer.send("POST / HTTP/1.1\r\nHost: f\r\nContent-Length: " + std::to_string(body.size()) +
                  "\r\n\r\n" + body);
  stale.rig.run();
  ASSERT_EQ(stale.rig.first.peers.size(), 2u);
  EXPECT_EQ(body_of(stale.rig.first.last().received), body);
  stale.rig.answer(stale.rig.first, kSimpleAnswer);
  EXPECT_EQ(body_of(stale.peer.received), "hello");
}

TEST(Proxy, AResetBeforeAByteCameFailsOverForIdempotentMethods) {
  for (const char* method : {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"}) {
    Rig rig({kFirstPort, kSecondPort});
    RawPeer& peer = rig.send(std::string(method) + " / HTTP/1.1\r\nHost: f\r\n\r\n");
    ASSERT_EQ(rig.first.peers.size(), 1u) << method;
    rig.first.last().stream->abort();
    rig.run();
    ASSERT_EQ(rig.second.peers.size(), 1u) << method;
    rig.answer(rig.second, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-From: second\r\n\r\n");
    EXPECT_TRUE(has(peer.received, "X-From: second\r\n")) << method;
  }
}

TEST(Proxy, WhatIsNotIdempotentIsNeverRepeatedOnceItWasSent) {
  for (const char* method : {"POST", "PATCH"}) {
    Rig rig({kFirstPort, kSecondPort});
    RawPeer& peer = rig.send(std::string(method) + " / HTTP/1.1\r\nHost: f\r\nContent-Length: 4\r\n\r\nbody");
    rig.first.last().stream->abort();
    rig.run();
    EXPECT_TRUE(rig.second.peers.empty()) << method;
    EXPECT_TRUE(has(peer.received, "HTTP/1.1 502 Bad Gateway\r\n")) << peer.received;
    EXPECT_EQ(rig.outcome().status, 502);
    EXPECT_EQ(rig.outcome().attempts, 1u);
    EXPECT_EQ(rig.proxy.counters.bad_gateway, 1u);
  }
}

TEST(Proxy, NothingIsRepeatedOnceAByteOfTheResponseCame) {
  Rig rig({kFirstPort, kSecondPort});
  RawPeer& peer = rig.send(kSimpleGet);
  rig.answer(rig.first, "HTTP/1.1 200");
  rig.first.last().stream->abort();
  rig.run();
  EXPECT_TRUE(rig.second.peers.empty());
  EXPECT_TRUE(has(peer.received, "HTTP/1.1 502 Bad Gateway\r\n"));
}

TEST(Proxy, TheKeptBodyIsSentToTheNextUpstream) {
  const std::string body = pattern(20'000);
  // All of it had come when the first upstream failed; a part of it had.
  for (const size_t sent : {size_t{20'000}, size_t{9'000}}) {
    for (const bool chunked : {false, true}) {
      Rig rig({kFirstPort, kSecondPort});
      const std::string head =
          std::string("PUT / HTTP/1.1\r\nHost: f\r\n") +
          (chunked ? "Transfer-Encoding: chunked\r\n\r\n4e20\r\n" : "Content-Length: 20000\r\n\r\n");
      const std::string end = chunked ? "\r\n0\r\n\r\n" : "";
      RawPeer& peer = rig.send(head + body.substr(0, sent) + (sent == body.size() ? end : ""));
      rig.first.last().stream->abort();
      rig.run();
      if (sent < body.size()) {
        peer.send(body.substr(sent) + end);
        rig.run();
      }
      ASSERT_EQ(rig.second.peers.size(), 1u);
      EXPECT_EQ(body_of(rig.second.last().received), body) << sent << (chunked ? " chunked" : "");
      rig.answer(rig.second, kSimpleAnswer);
      EXPECT_EQ(body_of(peer.received), "hello");
    }
  }
}

TEST(Proxy, ABodyThatIsTooLongToKeepIsNotRepeated) {
  Rig rig({kFirstPort, kSecondPort});
  const size_t bytes = Proxy::kReplayLimitBytes + 1;
  RawPeer& peer = rig.send("PUT / HTTP/1.1\r\nHost: f\r\nContent-Length: " + std::to_string(bytes) +
                           "\r\n\r\n" + pattern(bytes));
  rig.first.last().stream->abort();
  rig.run();
  EXPECT_TRUE(rig.second.peers.empty());
  EXPECT_TRUE(has(peer.received, "HTTP/1.1 502 Bad Gateway\r\n"));
}

// The upstream took nothing of a body until the window of the peer was used up, then failed: the peer must get on with it.
TEST(Proxy, ABodyThatWasHeldBackDoesNotHangWhenItsUpstreamFails) {
  Rig rig({kFirstPort});
  rig.first.reading = false;
  RawPeer& peer = rig.send("POST / HTTP/1.1\r\nHost: f\r\nContent-Length: 900000\r\n\r\n" + pattern(900'000));
  rig.first.last().stream->abort();
  rig.run();
  EXPECT_TRUE(has(peer.received, "HTTP/1.1 502 Bad Gateway\r\n"));
  rig.pass_ms(5'000);
  EXPECT_TRUE(peer.ended || peer.closed) << "so much is not taken in only to be dropped";
  EXPECT_EQ(rig.front.requests_in_progress(), 0u);
}

TEST(Proxy, WhenNoneCanBeReachedThePeerIsToldBadGateway) {
  Rig rig({kNobodyPort, kNobodyPort + 1});
  RawPeer& peer = rig.send("GET / HTTP/1.1\r\nHost: f\r\n\r\n");
  EXPECT_TRUE(peer.received.starts_with("HTTP/1.1 502 Bad Gateway\r\n"));
  EXPECT_EQ(rig.outcome().status, 502);
  EXPECT_EQ(rig.outcome().attempts, 2u);
  EXPECT_EQ(rig.outcome().error, Error::kConnectionRefused);
  peer.send(kSimpleGet);
  rig.run();
  EXPECT_EQ(times(peer.received, "502 Bad Gateway"), 2u) << "the connection goes on";
}

TEST(Proxy, ASilentUpstreamIsATimeout) {
  http::ClientLimits limits;
  limits.response_timeout_ms = 1'000;
  Rig rig({kFirstPort}, limits);
  RawPeer& peer = rig.send(kSimpleGet);
  rig.pass_ms(900);
  EXPECT_EQ(peer.received, "");
  rig.pass_ms(300);
  EXPECT_TRUE(peer.received.starts_with("HTTP/1.1 504 Gateway Timeout\r\n"));
  EXPECT_EQ(rig.outcome().status, 504);
  EXPECT_EQ(rig.proxy.counters.gateway_timeout, 1u);
}

TEST(Proxy, AnUpstreamThatDoesNotAnswerItsSynIsATimeoutToo) {
  http::ClientLimits limits;
  limits.connect_timeout_ms = 1'000;
  Rig rig({kFirstPort}, limits);
  RawPeer& peer = rig.connect();
  rig.transport.black_hole = true;
  peer.send(kSimpleGet);
  rig.pass_ms(2'000);
  EXPECT_TRUE(peer.received.starts_with("HTTP/1.1 504 Gateway Timeout\r\n"));
}

TEST(Proxy, AResponseThatIsNoHttpIsABadGateway) {
  for (const char* answer :
       {"SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nx"}) {
    Rig rig({kFirstPort, kSecondPort});
    RawPeer& peer = rig.send(kSimpleGet);
    rig.answer(rig.first, answer);
    EXPECT_TRUE(peer.received.starts_with("HTTP/1.1 502 Bad Gateway\r\n")) << answer << peer.received;
    EXPECT_TRUE(rig.first.last().closed) << answer;
  }
}

TEST(Proxy, AnUpstreamThatDiesInTheMidstEndsThePeersConnectionVisibly) {
  for (const char* framing : {"Content-Length: 100000", "Transfer-Encoding: chunked"}) {
    Rig rig({kFirstPort, kSecondPort});
    RawPeer& peer = rig.send(kSimpleGet);
    rig.answer(rig.first, std::string("HTTP/1.1 200 OK\r\n") + framing + "\r\n\r\n5\r\nhello\r\n");
    EXPECT_TRUE(has(peer.received, "hello")) << framing;
    rig.first.last().stream->abort();
    rig.run();
    EXPECT_TRUE(peer.closed) << framing;
    EXPECT_EQ(peer.error, Error::kConnectionReset) << framing;
    EXPECT_FALSE(peer.received.ends_with("0\r\n\r\n")) << framing;
    EXPECT_TRUE(rig.second.peers.empty());
    EXPECT_EQ(rig.proxy.counters.upstream_aborted, 1u);
    EXPECT_EQ(rig.proxy.counters.peer_aborted, 0u) << "it was not the peer";
    EXPECT_EQ(rig.outcome().error, Error::kConnectionReset);
  }
}

TEST(Proxy, AFailedUpstreamIsLeftOutForAWhile) {
  Rig rig({kNobodyPort, kFirstPort}, {}, {.balance = Balance::kFailover, .fail_timeout_ms = 2'000});
  RawPeer& peer = rig.connect();
  const auto ask = [&] {
    peer.send(kSimpleGet);
    rig.run();
    rig.answer(rig.first, kSimpleAnswer);
    return rig.handler.outcomes.back().attempts;
  };
  EXPECT_EQ(ask(), 2u);
  EXPECT_EQ(ask(), 1u) << "the second one is asked directly";
  rig.pass_ms(2'100);
  EXPECT_EQ(ask(), 2u) << "the first one is given another chance";
  EXPECT_EQ((*rig.group)[0].failed, 2u);
}

// ---- peers that go away

TEST(Proxy, APeerThatGoesAwayCancelsTheRequestToTheUpstream) {
  struct {
    const char *what, *request, *answer;
  } cases[] = {
      {"before the response", "GET / HTTP/1.1\r\nHost: f\r\n\r\n", ""},
      {"in the midst of its own body", "POST / HTTP/1.1\r\nHost: f\r\nContent-Length: 1000\r\n\r\nabc", ""},
      {"in the midst of the response", "GET / HTTP/1.1\r\nHost: f\r\n\r\n",
       "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc"},
  };
  for (const auto& c : cases) {
    Rig rig({kFirstPort, kSecondPort});
    RawPeer& peer = rig.send(c.request);
    if (*c.answer) rig.answer(rig.first, c.answer);
    peer.stream->abort();
    rig.run();
    EXPECT_TRUE(rig.first.last().closed) << c.what;
    EXPECT_TRUE(rig.second.peers.empty()) << c.what;
    EXPECT_EQ(rig.client->requests_in_progress(), 0u) << c.what;
    EXPECT_EQ(rig.outcome().status, 0) << c.what;
    EXPECT_EQ(rig.outcome().error, Error::kConnectionReset) << c.what;
    EXPECT_EQ(rig.proxy.counters.peer_aborted, 1u) << c.what;
    EXPECT_EQ((*rig.group)[0].failed, 0u) << "not the fault of the upstream";
  }
}

TEST(Proxy, APeerThatGoesAwayWhileTheUpstreamIsBeingConnected) {
  Rig rig({kFirstPort});
  RawPeer& peer = rig.connect();
  rig.transport.black_hole = true;
  peer.send(kSimpleGet);
  rig.run();
  peer.stream->abort();
  rig.run();
  EXPECT_EQ(rig.outcome().status, 0);
  rig.transport.black_hole = false;
  rig.run();
  for (const auto& upstream : rig.first.peers) EXPECT_EQ(upstream->received, "");
}

TEST(Proxy, ABodyThatBreaksTheRulesIsAnswered400AndCancelled) {
  Rig rig({kFirstPort});
  RawPeer& peer = rig.send("POST / HTTP/1.1\r\nHost: f\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  EXPECT_TRUE(has(rig.first.last().received, "abc"));
  peer.send("zz\r\n");
  rig.run();
  EXPECT_TRUE(has(peer.received, "HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_TRUE(rig.first.last().closed);
  EXPECT_FALSE(rig.first.last().received.ends_with("0\r\n\r\n")) << "a cut body must not look complete";
}

TEST(Proxy, APeerThatClosesItsSideAfterTheRequestStillGetsTheResponse) {
  Rig rig({kFirstPort});
  RawPeer& peer = rig.send(kSimpleGet);
  peer.stream->shutdown();
  rig.run();
  rig.answer(rig.first, kSimpleAnswer);
  EXPECT_EQ(body_of(peer.received), "hello");
  EXPECT_EQ(rig.outcome().status, 200);
}

// ---- limits

TEST(Proxy, WhenTooManyWaitForAnUpstreamThePeerIsToldSo) {
  http::ClientLimits limits;
  limits.connections_per_origin = 1;
  limits.waiting_requests = 2;
  Rig rig({kFirstPort}, limits);
  std::vector<RawPeer*> peers;
  for (int i = 0; i < 4; ++i) peers.push_back(&rig.send(kSimpleGet));
  rig.pass_ms(50);  // an answer without an attempt comes with the timers
  EXPECT_TRUE(peers[3]->received.starts_with("HTTP/1.1 502")) << peers[3]->received;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(peers[static_cast<size_t>(i)]->received, "");
    rig.answer(rig.first, kSimpleAnswer);
    EXPECT_EQ(body_of(peers[static_cast<size_t>(i)]->received), "hello");
  }
  EXPECT_EQ(rig.first.peers.size(), 1u);
}

TEST(Proxy, BeyondItsLimitRequestsAreRefusedWith503) {
  http::ClientLimits limits;
  limits.connections_per_origin = 1;
  limits.waiting_requests = Proxy::kForwardingsLimit;
  http::Limits front;
  front.pipeline_requests = 1024;
  Rig rig({kFirstPort}, limits, {}, front);
  std::string many;
  for (int i = 0; i < 1024; ++i) many += "GET / HTTP/1.1\r\nHost: f\r\n\r\n";
  for (uint32_t i = 0; i < Proxy::kForwardingsLimit / 1024; ++i) rig.send(many);
  EXPECT_EQ(rig.handler.refused, 0);
  RawPeer& peer = rig.send(kSimpleGet);
  EXPECT_TRUE(peer.received.starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
  EXPECT_TRUE(has(peer.received, "Retry-After: 1\r\n"));
  EXPECT_EQ(rig.handler.refused, 1);
  EXPECT_EQ(rig.proxy.counters.refused, 1u);
}

}  // namespace
}  // namespace sluice::proxy
