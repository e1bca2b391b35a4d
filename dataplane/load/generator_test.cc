// SPDX-License-Identifier: Apache-2.0
// The generator against servers in memory on virtual time: what it sends, what it counts, and whom it charges for waiting.
#include "dataplane/load/generator.hh"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/http/fake_transport.hh"
#include "tests/simulation/virtual_clock.hh"

namespace sluice::load {
namespace {

using http::FakeStream;

constexpr uint16_t kPort = 8080;
constexpr uint64_t kMillisecond = kNanosecondsPerMillisecond;
const std::string kRequest = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const std::string kResponse = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

// A server that counts requests of kRequest and answers when told to.
class Server final : public transport::ListenerUser {
 public:
  class Peer final : public transport::StreamUser {
   public:
    Peer(Server& owner, transport::Stream& its_stream) : server(owner), stream(&its_stream) {}
    void on_data(transport::Stream& from, Buffer* chain) override {
      for (const Buffer* segment = chain; segment; segment = segment->next_segment)
        received += segment->text();
      from.consumed(chain->chain_length());
      release(chain);
      while (received.starts_with(kRequest)) {
        received.erase(0, kRequest.size());
        ++server.requests;
        ++unanswered;
      }
      EXPECT_TRUE(kRequest.starts_with(received)) << received;
      server.most_unanswered = std::max(server.most_unanswered, unanswered);
      server.answer(*this);
    }
    void on_end(transport::Stream& from) override {
      ended = true;
      from.shutdown();
    }
    void on_closed(transport::Stream&, Error) override { stream = nullptr; }
    bool ended = false;  // the generator closed its side
    Server& server;
    transport::Stream* stream;
    std::string received;
    unsigned unanswered = 0, answered = 0;
  };

  explicit Server(http::FakeTransport& transport) {
    transport::ListenOptions options;
    options.local.port = kPort;
    listener = transport.listen(options, *this).value;
  }
  void on_accepted(transport::Stream& stream) override {
    peers.push_back(std::make_unique<Peer>(*this, stream));
    stream.set_user(peers.back().get());
  }
  // All that wait on this connection, unless the server is stalled.
  void answer(Peer& peer) {
    while (!stalled && peer.stream && peer.unanswered > 0) {
      --peer.unanswered;
      ++peer.answered;
      if (respond)
        respond(peer);
      else
        peer.stream->write_copy(response);
    }
  }
  void resume() {
    stalled = false;
    for (auto& peer : peers) answer(*peer);
  }

  std::function<void(Peer&)> respond;  // instead of `response`
  std::string response = kResponse;
  bool stalled = false;
  uint64_t requests = 0;
  unsigned most_unanswered = 0;
  std::unique_ptr<transport::Listener> listener;
  std::vector<std::unique_ptr<Peer>> peers;
};

struct Rig {
  Rig() { reactor.add(transport); }
  ~Rig() {
    part.generator = nullptr;
    generator.reset();
    if (server)
      for (auto& peer : server->peers)
        if (peer->stream) peer->stream->abort();
    for (int i = 0; i < 100; ++i) reactor.turn();
    EXPECT_EQ(transport.pool().outstanding(), 0u);
    EXPECT_EQ(transport.open_streams(), 0u);
  }
  void start(GeneratorOptions options) {
    options.target = {IpAddress::v4(0x7f000001), kPort};
    if (options.request.empty()) options.request = kRequest;
    generator = std::make_unique<Generator>(reactor, transport, options);
    part.generator = generator.get();
    reactor.add(part);
  }
  // Turns of 10 us each, until the generator is done or `for_ns` have passed.
  void run(uint64_t for_ns = 100 * kNanosecondsPerSecond) {
    const uint64_t end_ns = clock.now_ns() + for_ns;
    while (!generator->done() && clock.now_ns() < end_ns) {
      reactor.turn();
      clock.advance_by(kTurnNs);
    }
  }
  const GeneratorResults& results() const { return generator->results(); }

  // Forwards to the generator, which a test may destroy before the reactor.
  struct Part final : ReactorPart {
    bool receive(uint64_t now_ns) override { return generator && generator->receive(now_ns); }
    bool deliver(uint64_t now_ns) override { return generator && generator->deliver(now_ns); }
    void transmit(uint64_t) override {}
    bool prepare_sleep(uint64_t& timeout_ns) override { return generator->prepare_sleep(timeout_ns); }
    Generator* generator = nullptr;
  };

  static constexpr uint64_t kTurnNs = 10'000;
  simulation::VirtualClock clock;
  http::NoWaiter waiter;
  Reactor reactor{clock, waiter, PollMode::kBusy};
  http::FakeTransport transport;
  Part part;
  std::unique_ptr<Server> server = std::make_unique<Server>(transport);
  std::unique_ptr<Generator> generator;
};

// ---- closed loop

TEST(Generator, ClosedLoopKeepsOneRequestInFlightOnEachConnection) {
  Rig rig;
  rig.start({.connections = 8, .duration_ns = 50 * kMillisecond});
  rig.run();
  ASSERT_TRUE(rig.generator->done());
  const GeneratorResults& results = rig.results();
  EXPECT_EQ(rig.server->peers.size(), 8u);
  EXPECT_EQ(rig.server->most_unanswered, 1u);
  EXPECT_EQ(results.connections_opened, 8u);
  EXPECT_GT(results.responses, 1'000u);
  EXPECT_LE(results.requests - results.responses, 8u) << "those in flight at the end";
  EXPECT_GE(rig.server->requests, results.responses);
  EXPECT_LE(rig.server->requests, results.requests);
  EXPECT_EQ(results.status_class[2], results.responses);
  EXPECT_EQ(results.latency.count(), results.responses);
  EXPECT_EQ(results.service.count(), results.responses);
  EXPECT_GE(results.response_bytes, results.responses * kResponse.size());
  EXPECT_EQ(
      results.connect_errors + results.read_errors + results.timeouts + results.malformed + results.backlog,
      0u);
  EXPECT_NEAR(static_cast<double>(results.elapsed_ns), 50.0 * kMillisecond, 2.0 * Rig::kTurnNs);
}

TEST(Generator, PipeliningKeepsItsDepthInFlight) {
  Rig rig;
  rig.server->stalled = true;
  rig.start({.connections = 2, .pipeline = 16, .duration_ns = 50 * kMillisecond});
  rig.run(10 * kMillisecond);
  EXPECT_EQ(rig.server->requests, 32u);
  EXPECT_EQ(rig.server->most_unanswered, 16u);
  rig.server->resume();
  rig.run();
  EXPECT_GT(rig.results().responses, 1'000u);
  EXPECT_LE(rig.server->most_unanswered, 16u);
  EXPECT_LE(rig.results().requests - rig.results().responses, 32u);
}

TEST(Generator, ResponsesAreFoundHoweverTheyAreCut) {
  for (const uint32_t piece : {1u, 5u, 30u}) {
    Rig rig;
    rig.transport.split = [piece](uint32_t) { return piece; };
    rig.start({.connections = 2, .pipeline = 4, .duration_ns = 20 * kMillisecond});
    rig.run();
    EXPECT_GT(rig.results().responses, 10u);
    EXPECT_EQ(rig.results().malformed + rig.results().read_errors, 0u) << piece;
    EXPECT_EQ(rig.results().status_class[2], rig.results().responses);
  }
}

TEST(Generator, LatencyOfTheClosedLoopIsThatOfTheService) {
  Rig rig;
  rig.server->stalled = true;
  rig.start({.connections = 1, .duration_ns = 100 * kMillisecond});
  rig.run(40 * kMillisecond);
  rig.server->resume();
  rig.run();
  EXPECT_NEAR(static_cast<double>(rig.results().latency.max_ns()), 40.0 * kMillisecond, 1.0 * kMillisecond);
  EXPECT_LT(rig.results().latency.percentile_ns(90), kMillisecond);
  EXPECT_EQ(rig.results().latency.max_ns(), rig.results().service.max_ns());
}

TEST(Generator, StatusesAreCountedByClass) {
  Rig rig;
  rig.server->respond = [](Server::Peer& peer) {
    static const char* kStatuses[] = {"200", "301", "404", "503"};
    peer.stream->write_copy(std::string("HTTP/1.1 ") + kStatuses[peer.answered % 4] +
                            " X\r\nContent-Length: 0\r\n\r\n");
  };
  rig.start({.connections = 1, .duration_ns = 20 * kMillisecond});
  rig.run();
  const uint64_t quarter = rig.results().responses / 4;
  EXPECT_GT(quarter, 10u);
  for (const int status_class : {2, 3, 4, 5})
    EXPECT_NEAR(static_cast<double>(rig.results().status_class[status_class]), quarter, 1.0);
}

// ---- open loop

TEST(Generator, OpenLoopSendsAtItsRate) {
  Rig rig;
  rig.start({.connections = 10, .rate_per_second = 1'000, .duration_ns = 2 * kNanosecondsPerSecond});
  rig.run();
  EXPECT_NEAR(static_cast<double>(rig.results().requests), 2'000, 2);
  EXPECT_EQ(rig.results().backlog, 0u);
  EXPECT_LT(rig.results().latency.max_ns(), kMillisecond);
}

TEST(Generator, OpenLoopChargesAServerThatStallsForAllThatHadToWait) {
  Rig rig;
  rig.start({.connections = 10, .rate_per_second = 1'000, .duration_ns = 3 * kNanosecondsPerSecond});
  rig.run(1 * kNanosecondsPerSecond);
  rig.server->stalled = true;
  rig.run(1 * kNanosecondsPerSecond);
  rig.server->resume();
  rig.run();
  const GeneratorResults& results = rig.results();
  EXPECT_NEAR(static_cast<double>(results.responses), 3'000, 2) << "those that were late were made up for";
  EXPECT_EQ(results.backlog, 0u);
  // A thousand were due during the second without answers: their waits are spread evenly over it.
  const uint64_t waited = results.latency.count() - results.latency.count_at_most(500 * kMillisecond);
  EXPECT_NEAR(static_cast<double>(waited), 500, 20);
  EXPECT_NEAR(static_cast<double>(results.latency.max_ns()), 1.0 * kNanosecondsPerSecond,
              20.0 * kMillisecond);
  // Only the ten that were in flight saw a slow service.
  EXPECT_EQ(results.service.count() - results.service.count_at_most(500 * kMillisecond), 10u);
}

TEST(Generator, WhatIsNeverSentIsTheBacklog) {
  Rig rig;
  rig.server->stalled = true;
  rig.start({.connections = 4, .rate_per_second = 1'000, .duration_ns = 1 * kNanosecondsPerSecond});
  rig.run();
  EXPECT_EQ(rig.results().requests, 4u);
  EXPECT_NEAR(static_cast<double>(rig.results().backlog), 996, 2);
}

// ---- connections

TEST(Generator, AConnectionForEachRequest) {
  Rig rig;
  rig.start(
      {.connections = 4, .pipeline = 8, .connection_per_request = true, .duration_ns = 50 * kMillisecond});
  rig.run();
  const GeneratorResults& results = rig.results();
  EXPECT_GT(results.responses, 100u);
  EXPECT_GE(results.connections_opened, results.responses);
  for (const auto& peer : rig.server->peers) EXPECT_LE(peer->answered, 1u);
  for (int i = 0; i < 100; ++i) rig.reactor.turn();  // connections that the end met half-way are no errors
  EXPECT_EQ(results.read_errors + results.connect_errors, 0u);
}

TEST(Generator, AServerThatClosesAfterEachResponseIsNoError) {
  Rig rig;
  rig.server->respond = [](Server::Peer& peer) {
    peer.stream->write_copy("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    peer.stream->shutdown();
  };
  rig.start({.connections = 2, .duration_ns = 20 * kMillisecond});
  rig.run();
  EXPECT_GT(rig.results().responses, 20u);
  EXPECT_EQ(rig.results().read_errors, 0u);
}

// Who closes first keeps the port busy for as long as TIME-WAIT lasts: with a connection for each request the generator
// would soon have no port left.
TEST(Generator, AServerThatAnnouncesTheEndIsLeftToCloseFirst) {
  Rig rig;
  rig.server->respond = [](Server::Peer& peer) {
    peer.stream->write_copy("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  };
  rig.start({.connections = 1, .connection_per_request = true, .duration_ns = 50 * kMillisecond});
  rig.run(5 * kMillisecond);
  ASSERT_EQ(rig.server->peers.size(), 1u);
  EXPECT_FALSE(rig.server->peers[0]->ended);
  rig.server->peers[0]->stream->shutdown();
  rig.run(5 * kMillisecond);
  EXPECT_TRUE(rig.server->peers[0]->ended);
  EXPECT_EQ(rig.server->peers.size(), 2u);
  EXPECT_EQ(rig.results().read_errors + rig.results().connect_errors, 0u);
}

TEST(Generator, AServerThatAnnouncesTheEndAndForgetsItIsLeft) {
  Rig rig;
  rig.server->respond = [](Server::Peer& peer) {
    peer.stream->write_copy("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  };
  rig.start({.connections = 1,
             .connection_per_request = true,
             .duration_ns = 1'000 * kMillisecond,
             .timeout_ms = 100});
  rig.run();
  EXPECT_GE(rig.results().responses, 5u);
  EXPECT_EQ(rig.results().timeouts + rig.results().read_errors, 0u);
}

TEST(Generator, OneThatIsRefusedDoesNotHoldUpTheOthers) {
  Rig rig;
  rig.start({.connections = 10, .connection_per_request = true, .duration_ns = 100 * kMillisecond});
  rig.run(10 * kMillisecond);
  const uint64_t before = rig.results().responses;
  // With a pause of all of them after each refusal there would be 100 connections in a little more than 10 ms.
  unsigned count = 0;
  rig.transport.refuse = [&count] { return ++count % 100 == 0; };
  for (int i = 0; i < 8'000; ++i) {
    rig.reactor.turn();
    rig.clock.advance_by(Rig::kTurnNs);
  }
  EXPECT_GT(rig.results().connect_errors, 10u);
  EXPECT_GT(rig.results().responses - before, 1'500u);
}

TEST(Generator, AResponseThatLastsUntilTheCloseCounts) {
  Rig rig;
  rig.server->respond = [](Server::Peer& peer) {
    peer.stream->write_copy("HTTP/1.1 200 OK\r\n\r\nall of it");
    peer.stream->shutdown();
  };
  rig.start({.connections = 1, .duration_ns = 20 * kMillisecond});
  rig.run();
  EXPECT_GT(rig.results().responses, 20u);
  EXPECT_EQ(rig.results().read_errors, 0u);
}

TEST(Generator, ConnectionsThatBreakAreCountedAndReplaced) {
  Rig rig;
  rig.server->respond = [](Server::Peer& peer) {
    if (peer.answered < 5)
      peer.stream->write_copy(kResponse);
    else
      peer.stream->abort();
  };
  rig.start({.connections = 2, .duration_ns = 20 * kMillisecond});
  rig.run();
  EXPECT_GT(rig.results().read_errors, 5u);
  EXPECT_GT(rig.results().connections_opened, rig.results().read_errors);
  EXPECT_GE(rig.results().responses, 4 * rig.results().read_errors);
}

TEST(Generator, ARefusedConnectionIsTriedAgainButNotInABusyLoop) {
  Rig rig;
  rig.server->listener.reset();
  rig.start({.connections = 1, .duration_ns = 100 * kMillisecond});
  rig.run(50 * kMillisecond);
  EXPECT_GE(rig.results().connect_errors, 2u);
  EXPECT_LE(rig.results().connect_errors, 6u);
  EXPECT_EQ(rig.results().last_error, Error::kConnectionRefused);
  EXPECT_EQ(rig.results().responses, 0u);
  Server late(rig.transport);
  rig.run();
  EXPECT_GT(rig.results().responses, 100u);
  for (auto& peer : late.peers)
    if (peer->stream) peer->stream->abort();
  rig.generator->stop(rig.clock.now_ns());
  for (int i = 0; i < 10; ++i) rig.reactor.turn();
}

TEST(Generator, AResponseThatTakesTooLongIsATimeoutAndItsConnectionReplaced) {
  Rig rig;
  rig.server->stalled = true;
  rig.start({.connections = 3, .pipeline = 2, .duration_ns = 1'000 * kMillisecond, .timeout_ms = 100});
  rig.run(200 * kMillisecond);
  EXPECT_EQ(rig.results().timeouts, 6u);
  EXPECT_EQ(rig.results().read_errors, 0u) << "it was this side that ended them";
  EXPECT_EQ(rig.server->peers.size(), 6u);
  rig.server->resume();
  rig.run();
  EXPECT_GT(rig.results().responses, 100u);
}

TEST(Generator, WhatIsNoHttpIsMalformed) {
  for (const char* nonsense : {"SSH-2.0-OpenSSH_9.2\r\n\r\n",
                               "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokmore than was asked for"}) {
    Rig rig;
    rig.server->response = nonsense;
    rig.start({.connections = 1, .duration_ns = 20 * kMillisecond});
    rig.run();
    EXPECT_GT(rig.results().malformed, 0u) << nonsense;
  }
}

TEST(Generator, NoMoreConnectionsAreBegunAtOnceThanTheLimit) {
  Rig rig;
  rig.start({.connections = Generator::kConnectingLimit + 100, .duration_ns = kMillisecond});
  rig.transport.black_hole = true;
  rig.run(5 * kMillisecond);
  EXPECT_EQ(rig.transport.open_streams(), Generator::kConnectingLimit);
  rig.transport.black_hole = false;
  rig.run();
  EXPECT_EQ(rig.results().connections_opened, Generator::kConnectingLimit + 100);
}

TEST(Generator, StopEndsTheMeasurementAtOnce) {
  Rig rig;
  rig.start({.connections = 1, .duration_ns = 100 * kNanosecondsPerSecond});
  rig.run(20 * kMillisecond);
  rig.generator->stop(rig.clock.now_ns());
  EXPECT_TRUE(rig.generator->done());
  EXPECT_NEAR(static_cast<double>(rig.results().elapsed_ns), 20.0 * kMillisecond, 1.0 * kMillisecond);
  const uint64_t requests = rig.server->requests;
  for (int i = 0; i < 100; ++i) rig.reactor.turn();
  EXPECT_LE(rig.server->requests, requests + 1);
}

TEST(GeneratorResults, MergeAddsCountsAndTakesTheLongerTime) {
  GeneratorResults a, b;
  a.requests = 3, a.responses = 2, a.status_class[2] = 2, a.elapsed_ns = 10;
  b.requests = 4, b.responses = 4, b.status_class[5] = 4, b.elapsed_ns = 7, b.timeouts = 1;
  b.latency.record(5 * kMillisecond);
  a.merge(b);
  EXPECT_EQ(a.requests, 7u);
  EXPECT_EQ(a.responses, 6u);
  EXPECT_EQ(a.status_class[2], 2u);
  EXPECT_EQ(a.status_class[5], 4u);
  EXPECT_EQ(a.timeouts, 1u);
  EXPECT_EQ(a.elapsed_ns, 10u);
  EXPECT_EQ(a.latency.count(), 1u);
}

}  // namespace
}  // namespace sluice::load
