// SPDX-License-Identifier: Apache-2.0
// The kernel transport as its users see it, over both drivers and both address families, on loopback. One
// thread: the test turns the reactor until a condition holds. Peers are streams of the same transport, or
// plain sockets where the peer is to misbehave.
#include "dataplane/transport/kernel.hh"

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <functional>
#include <thread>
#include <tuple>

#include "drivers/kernel/host_address.hh"
#include "drivers/kernel/host_clock.hh"

namespace sluice::transport {
namespace {

using kernel::DriverKind;

constexpr uint64_t kPatienceNs = 20 * kNanosecondsPerSecond;  // then a condition counts as never
constexpr uint64_t kForeverNs = 3600 * kNanosecondsPerSecond;

// A byte stream that differs at every offset: what arrives can be checked without keeping it.
uint8_t pattern(uint64_t offset) { return static_cast<uint8_t>((offset * 2654435761u) >> 13 ^ offset >> 7); }

// Records what happens to one stream, and does what the test tells it.
struct Recorder final : StreamUser {
  Stream* stream = nullptr;
  uint64_t received = 0, mismatches = 0;
  std::string text;  // the first bytes
  int connected = 0, ended = 0, writable = 0, closed = 0;
  Error error = Error::kNone;
  bool consume = true, end_back = false;
  uint64_t owed = 0;               // bytes not yet consumed()
  uint64_t to_send = 0, sent = 0;  // of the pattern
  bool shutdown_after = false;
  bool inside_call = false;  // to prove that calls do not call back
  std::function<void(Recorder&)> on_bytes, at_end, at_connect;

  void on_connected(Stream& at) override {
    EXPECT_FALSE(inside_call);
    EXPECT_EQ(&at, stream);
    ++connected;
    if (at_connect) at_connect(*this);
    pump();
  }
  void on_data(Stream& at, Buffer* chain) override {
    EXPECT_FALSE(inside_call);
    EXPECT_EQ(ended, 0);
    EXPECT_EQ(closed, 0);
    for (Buffer* segment = chain; segment; segment = segment->next_segment) {
      EXPECT_GT(segment->length, 0u);
      for (std::byte byte : segment->bytes()) {
        if (text.size() < 64) text.push_back(static_cast<char>(byte));
        if (static_cast<uint8_t>(byte) != pattern(received)) ++mismatches;
        ++received;
      }
    }
    const uint32_t count = chain->chain_length();
    release(chain);
    if (consume) {
      at.consumed(count);
    } else {
      owed += count;
    }
    if (on_bytes) on_bytes(*this);
  }
  void on_end(Stream& at) override {
    EXPECT_FALSE(inside_call);
    ++ended;
    if (at_end) at_end(*this);
    if (end_back) at.shutdown();
  }
  void on_writable(Stream&) override {
    EXPECT_FALSE(inside_call);
    ++writable;
    pump();
  }
  void on_closed(Stream&, Error why) override {
    EXPECT_FALSE(inside_call);
    ++closed;
    error = why;
    stream = nullptr;
  }
  // Writes the pattern until the queue is full; in pieces of every size.
  void pump() {
    if (!stream || to_send == 0) return;
    while (sent < to_send && !stream->write_is_full()) {
      char piece[20'000];
      const uint64_t count = std::min<uint64_t>({to_send - sent, sizeof piece, 1 + sent % 19'997});
      for (uint64_t i = 0; i < count; ++i) piece[i] = static_cast<char>(pattern(sent + i));
      ASSERT_EQ(stream->write_copy({piece, count}), Error::kNone);
      sent += count;
    }
    if (sent == to_send && shutdown_after) stream->shutdown();
  }
  void abort() {
    inside_call = true;
    stream->abort();
    inside_call = false;
  }
};

struct Acceptor final : ListenerUser {
  std::vector<std::unique_ptr<Recorder>> streams;
  std::function<void(Recorder&)> prepare;
  void on_accepted(Stream& stream) override {
    streams.push_back(std::make_unique<Recorder>());
    Recorder& recorder = *streams.back();
    recorder.stream = &stream;
    stream.set_user(&recorder);
    if (prepare) prepare(recorder);
  }
};

// A plain non-blocking socket.
struct RawSocket {
  int fd = -1;
  explicit RawSocket(int descriptor) : fd(descriptor) {}
  RawSocket(RawSocket&& other) noexcept : fd(std::exchange(other.fd, -1)) {}
  ~RawSocket() { close(); }
  void close() {
    if (fd >= 0) ::close(std::exchange(fd, -1));
  }
  void reset() {
    const linger at_once{1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close();
  }
  static RawSocket make(bool ipv6, int type = SOCK_STREAM) {
    return RawSocket(::socket(ipv6 ? AF_INET6 : AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  }
  void connect(const Endpoint& to, bool ipv6) {
    const auto address = kernel::to_host(to, ipv6);
    const int result = ::connect(fd, &address.any, address.bytes);
    ASSERT_TRUE(result == 0 || errno == EINPROGRESS) << strerror(errno);
  }
  bool established() const {
    pollfd at{fd, POLLOUT, 0};
    return poll(&at, 1, 0) == 1 && !(at.revents & (POLLERR | POLLHUP));
  }
};

using Parameter = std::tuple<DriverKind, bool>;

class KernelTransportTest : public testing::TestWithParam<Parameter> {
 protected:
  bool ipv6() const { return std::get<1>(GetParam()); }
  IpAddress loopback() const { return *IpAddress::parse(ipv6() ? "::1" : "127.0.0.1"); }
  Endpoint any_port() const { return {loopback(), 0}; }

  void SetUp() override { start({}, 4096, 256); }
  void start(const KernelOptions& options, uint32_t pool_buffers, uint32_t receive_buffers) {
    stop();
    pool = std::make_unique<HeapBufferPool>(KernelTransport::kBufferStorageBytes, pool_buffers);
    std::string why;
    driver = kernel::make_socket_driver({std::get<0>(GetParam()), receive_buffers}, *pool, why);
    if (!driver) GTEST_SKIP() << why;
    reactor = std::make_unique<Reactor>(clock, driver->waiter(), PollMode::kAdaptive);
    transport = std::make_unique<KernelTransport>(*reactor, *driver, *pool, options);
    reactor->add(*transport);
  }
  void stop() {
    listener.reset();
    transport.reset();
    reactor.reset();
    driver.reset();
    // Whatever a test did, no Buffer is lost.
    if (pool) {
      EXPECT_EQ(pool->outstanding(), 0u);
    }
    pool.reset();
  }
  void TearDown() override { stop(); }

  void turn() {
    if (reactor->turn()) return;
    uint64_t timeout_ns = kNanosecondsPerMillisecond;
    if (transport->prepare_sleep(timeout_ns)) driver->waiter().wait(timeout_ns);
  }
  // False when it never holds.
  bool turn_until(const std::function<bool()>& condition) {
    const uint64_t start_ns = clock.monotonic_ns();
    while (!condition()) {
      if (clock.monotonic_ns() - start_ns > kPatienceNs) return false;
      turn();
    }
    return true;
  }
  // Lets everything that is under way happen.
  void settle() {
    for (int idle = 0; idle < 20;) {
      if (reactor->turn()) {
        idle = 0;
        continue;
      }
      ++idle;
      uint64_t timeout_ns = kNanosecondsPerMillisecond;
      if (transport->prepare_sleep(timeout_ns)) driver->waiter().wait(timeout_ns);
    }
  }
  void listen() {
    auto result = transport->listen({.local = any_port()}, acceptor);
    ASSERT_TRUE(result) << result.detail;
    listener = std::move(result.value);
  }
  void connect(Recorder& recorder, const Endpoint& to, uint32_t timeout_ms = 10'000) {
    auto result = transport->connect({.remote = to, .timeout_ms = timeout_ms}, recorder);
    ASSERT_TRUE(result) << result.detail;
    recorder.stream = result.value;
  }
  // A raw client, and the server's side of its connection.
  RawSocket raw_client() {
    RawSocket raw = RawSocket::make(ipv6());
    const size_t before = acceptor.streams.size();
    raw.connect(listener->local(), ipv6());
    EXPECT_TRUE(turn_until([&] { return acceptor.streams.size() > before; }));
    return raw;
  }
  // What recv on a raw socket says in the end, having turned the reactor meanwhile: bytes, 0, or -errno.
  ssize_t raw_receive(RawSocket& raw, char* to, size_t size) {
    ssize_t count = -1;
    const bool came = turn_until([&] {
      count = ::recv(raw.fd, to, size, 0);
      if (count < 0) count = -errno;
      return count != -EAGAIN;
    });
    EXPECT_TRUE(came);
    return count;
  }

  kernel::HostClock clock;
  std::unique_ptr<HeapBufferPool> pool;
  std::unique_ptr<kernel::SocketDriver> driver;
  std::unique_ptr<Reactor> reactor;
  std::unique_ptr<KernelTransport> transport;
  Acceptor acceptor;
  std::unique_ptr<Listener> listener;
};

TEST_P(KernelTransportTest, CarriesEveryByteInOrderBothWays) {
  constexpr uint64_t kBytes = 64 * 1024 * 1024;
  acceptor.prepare = [](Recorder& server) {
    server.to_send = kBytes;
    server.shutdown_after = true;
    server.pump();
  };
  listen();
  Recorder client;
  client.to_send = kBytes;
  client.shutdown_after = true;
  connect(client, listener->local());
  ASSERT_TRUE(turn_until([&] { return client.closed && acceptor.streams[0]->closed; }));
  const Recorder& server = *acceptor.streams[0];
  EXPECT_EQ(client.connected, 1);
  EXPECT_EQ(client.received, kBytes);
  EXPECT_EQ(server.received, kBytes);
  EXPECT_EQ(client.mismatches + server.mismatches, 0u);
  EXPECT_EQ(client.error, Error::kNone);
  EXPECT_EQ(server.error, Error::kNone);
  EXPECT_GT(client.writable, 0);
  EXPECT_EQ(transport->open_streams(), 0u);
  EXPECT_EQ(transport->counters.bytes_received, 2 * kBytes);
  EXPECT_EQ(transport->counters.bytes_sent, 2 * kBytes);
}

TEST_P(KernelTransportTest, SendsChainsOfManySegments) {
  listen();
  RawSocket raw = raw_client();
  Recorder& server = *acceptor.streams[0];
  std::string expected;
  for (int message = 0; message < 3; ++message) {
    Buffer* head = nullptr;
    Buffer** end = &head;
    for (int i = 0; i < 150; ++i) {
      Buffer* segment = pool->allocate();
      const std::string text = std::to_string(message * 1000 + i) + ",";
      segment->append(text.data(), static_cast<uint32_t>(text.size()));
      expected += text;
      *end = segment;
      end = &segment->next_segment;
    }
    ASSERT_EQ(server.stream->write(head), Error::kNone);
    ASSERT_EQ(server.stream->write_copy("and small ones;"), Error::kNone);
    expected += "and small ones;";
  }
  EXPECT_EQ(server.stream->queued_bytes(), expected.size());
  server.stream->shutdown();
  std::string got;
  char piece[4096];
  for (ssize_t count; (count = raw_receive(raw, piece, sizeof piece)) > 0;)
    got.append(piece, static_cast<size_t>(count));
  EXPECT_EQ(got, expected);
}

TEST_P(KernelTransportTest, SendsOnAfterThePeersEnd) {
  acceptor.prepare = [](Recorder& server) {
    server.at_end = [](Recorder& me) {
      me.to_send = 300'000;
      me.shutdown_after = true;
      me.pump();
    };
  };
  listen();
  Recorder client;
  client.to_send = 1000;
  client.shutdown_after = true;
  connect(client, listener->local());
  ASSERT_TRUE(turn_until([&] { return client.closed && acceptor.streams[0]->closed; }));
  EXPECT_EQ(acceptor.streams[0]->received, 1000u);
  EXPECT_EQ(acceptor.streams[0]->ended, 1);
  EXPECT_EQ(client.received, 300'000u);
  EXPECT_EQ(client.mismatches, 0u);
  EXPECT_EQ(client.ended, 1);
  EXPECT_EQ(client.error, Error::kNone);
  EXPECT_EQ(acceptor.streams[0]->error, Error::kNone);
}

TEST_P(KernelTransportTest, ReceivesOnAfterItsOwnEnd) {
  acceptor.prepare = [](Recorder& server) { server.stream->shutdown(); };
  listen();
  Recorder client;
  client.at_end = [](Recorder& me) {  // the server has ended before the client says anything
    me.to_send = 300'000;
    me.shutdown_after = true;
    me.pump();
  };
  connect(client, listener->local());
  ASSERT_TRUE(turn_until([&] { return client.closed && acceptor.streams[0]->closed; }));
  EXPECT_EQ(acceptor.streams[0]->received, 300'000u);
  EXPECT_EQ(acceptor.streams[0]->mismatches, 0u);
  EXPECT_EQ(client.error, Error::kNone);
  EXPECT_EQ(acceptor.streams[0]->error, Error::kNone);
}

TEST_P(KernelTransportTest, RefusesWritesAfterShutdown) {
  listen();
  RawSocket raw = raw_client();
  Stream& stream = *acceptor.streams[0]->stream;
  stream.shutdown();
  Buffer* buffer = pool->allocate();
  buffer->append("x", 1);
  EXPECT_EQ(stream.write(buffer), Error::kBrokenPipe);
  EXPECT_EQ(stream.reserve(10), nullptr);
  char byte;
  EXPECT_EQ(raw_receive(raw, &byte, 1), 0);
}

TEST_P(KernelTransportTest, AReservationThatIsNotUsedSendsNothing) {
  listen();
  RawSocket raw = raw_client();
  Stream& stream = *acceptor.streams[0]->stream;
  settle();
  const uint32_t before = pool->outstanding();
  ASSERT_NE(stream.reserve(100), nullptr);
  settle();
  EXPECT_EQ(pool->outstanding(), before);
  ASSERT_EQ(stream.write_copy("real"), Error::kNone);
  char text[8];
  ASSERT_EQ(raw_receive(raw, text, sizeof text), 4);
  EXPECT_EQ(std::string_view(text, 4), "real");
}

TEST_P(KernelTransportTest, AbortResetsThePeer) {
  listen();
  RawSocket raw = raw_client();
  Recorder& server = *acceptor.streams[0];
  server.abort();
  ASSERT_TRUE(turn_until([&] { return server.closed == 1; }));
  EXPECT_EQ(server.error, Error::kConnectionAborted);
  char byte;
  EXPECT_EQ(raw_receive(raw, &byte, 1), -ECONNRESET);
  EXPECT_EQ(transport->open_streams(), 0u);
}

TEST_P(KernelTransportTest, AbortDropsWhatIsQueued) {
  listen();
  RawSocket raw = raw_client();
  Recorder& server = *acceptor.streams[0];
  server.to_send = 64 * 1024 * 1024;
  server.pump();
  settle();
  ASSERT_GT(server.stream->queued_bytes(), 0u);
  server.abort();
  ASSERT_TRUE(turn_until([&] { return server.closed == 1; }));
  EXPECT_EQ(server.error, Error::kConnectionAborted);
  char piece[65536];
  ssize_t count;
  while ((count = raw_receive(raw, piece, sizeof piece)) > 0) {
  }
  EXPECT_EQ(count, -ECONNRESET);
}

// Left with much of what was written still in the kernel and a peer that reads none of it yet: all of it arrives.
TEST_P(KernelTransportTest, LeavingLosesNothingThatWasWritten) {
  listen();
  RawSocket raw = raw_client();
  Recorder& server = *acceptor.streams[0];
  server.to_send = 100'000;
  server.shutdown_after = true;
  server.pump();
  ASSERT_TRUE(turn_until([&] { return server.stream->queued_bytes() == 0; }));
  settle();
  ASSERT_EQ(server.closed, 0);
  server.stream->leave();
  ASSERT_TRUE(turn_until([&] { return server.closed == 1; }));
  EXPECT_EQ(server.error, Error::kConnectionAborted);
  char piece[65536];
  ssize_t count, total = 0;
  while ((count = raw_receive(raw, piece, sizeof piece)) > 0) total += count;
  EXPECT_EQ(count, 0) << "an end, not a reset";
  EXPECT_EQ(total, 100'000);
  EXPECT_EQ(transport->open_streams(), 0u);
}

TEST_P(KernelTransportTest, LeavingWhatIsStillQueuedIsAnAbort) {
  listen();
  RawSocket raw = raw_client();
  Recorder& server = *acceptor.streams[0];
  server.to_send = 64 * 1024 * 1024;
  server.pump();
  settle();
  ASSERT_GT(server.stream->queued_bytes(), 0u);
  server.stream->leave();
  ASSERT_TRUE(turn_until([&] { return server.closed == 1; }));
  char piece[65536];
  ssize_t count;
  while ((count = raw_receive(raw, piece, sizeof piece)) > 0) {
  }
  EXPECT_EQ(count, -ECONNRESET);
}

TEST_P(KernelTransportTest, AbortInsideEventsIsSafe) {
  int round = 0;
  acceptor.prepare = [&](Recorder& server) {
    if (round == 0) server.abort();
    if (round == 1) server.on_bytes = [](Recorder& me) { me.abort(); };
    if (round == 2) server.at_end = [](Recorder& me) { me.abort(); };
  };
  listen();
  for (; round < 3; ++round) {
    RawSocket raw = raw_client();
    if (round == 1) {
      ASSERT_EQ(::send(raw.fd, "x", 1, 0), 1);
    }
    if (round == 2) ::shutdown(raw.fd, SHUT_WR);
    ASSERT_TRUE(turn_until([&] { return acceptor.streams.back()->closed == 1; }));
    EXPECT_EQ(acceptor.streams.back()->error, Error::kConnectionAborted);
    char byte;
    EXPECT_EQ(raw_receive(raw, &byte, 1), -ECONNRESET);
  }
}

TEST_P(KernelTransportTest, TellsOfThePeersReset) {
  listen();
  RawSocket raw = raw_client();
  raw.reset();
  Recorder& server = *acceptor.streams[0];
  ASSERT_TRUE(turn_until([&] { return server.closed == 1; }));
  EXPECT_EQ(server.error, Error::kConnectionReset);
  EXPECT_EQ(server.ended, 0);
  EXPECT_EQ(transport->counters.resets_received, 1u);
}

TEST_P(KernelTransportTest, TellsOfAResetThatComesWithTheLastBytes) {
  listen();
  RawSocket raw = raw_client();
  Recorder& server = *acceptor.streams[0];
  // Both are there before the server's next turn, which sees one wake-up for the two.
  ASSERT_EQ(::send(raw.fd, "half a request", 14, 0), 14);
  raw.reset();
  ASSERT_TRUE(turn_until([&] { return server.closed == 1; }));
  EXPECT_EQ(server.error, Error::kConnectionReset);
}

TEST_P(KernelTransportTest, TellsOfAResetAfterThePeersEnd) {
  listen();
  RawSocket raw = raw_client();
  Recorder& server = *acceptor.streams[0];
  ::shutdown(raw.fd, SHUT_WR);
  ASSERT_TRUE(turn_until([&] { return server.ended == 1; }));
  settle();
  EXPECT_EQ(server.closed, 0);
  raw.reset();
  ASSERT_TRUE(turn_until([&] { return server.closed == 1; }));
  EXPECT_EQ(server.error, Error::kConnectionReset);
}

TEST_P(KernelTransportTest, TellsOfAResetWhileSending) {
  listen();
  RawSocket raw = raw_client();
  Recorder& server = *acceptor.streams[0];
  server.to_send = 64 * 1024 * 1024;
  server.pump();
  settle();
  ASSERT_GT(server.stream->queued_bytes(), 0u);
  raw.reset();
  ASSERT_TRUE(turn_until([&] { return server.closed == 1; }));
  EXPECT_EQ(server.error, Error::kConnectionReset);
}

TEST_P(KernelTransportTest, TellsOfARefusal) {
  // Bound but not listening: nobody else can take the port meanwhile.
  RawSocket holder = RawSocket::make(ipv6());
  const auto address = kernel::to_host(any_port(), ipv6());
  ASSERT_EQ(::bind(holder.fd, &address.any, address.bytes), 0);
  sockaddr_storage name;
  socklen_t bytes = sizeof name;
  getsockname(holder.fd, reinterpret_cast<sockaddr*>(&name), &bytes);
  Recorder client;
  connect(client, kernel::from_host(reinterpret_cast<sockaddr*>(&name)));
  ASSERT_TRUE(turn_until([&] { return client.closed == 1; }));
  EXPECT_EQ(client.error, Error::kConnectionRefused);
  EXPECT_EQ(client.connected, 0);
  EXPECT_EQ(transport->open_streams(), 0u);
}

TEST_P(KernelTransportTest, GivesUpAConnectionAttemptAfterItsTime) {
  // A listener whose queue is full drops SYNs.
  RawSocket deaf = RawSocket::make(ipv6());
  const auto address = kernel::to_host(any_port(), ipv6());
  ASSERT_EQ(::bind(deaf.fd, &address.any, address.bytes), 0);
  ASSERT_EQ(::listen(deaf.fd, 0), 0);
  sockaddr_storage name;
  socklen_t bytes = sizeof name;
  getsockname(deaf.fd, reinterpret_cast<sockaddr*>(&name), &bytes);
  const Endpoint to = kernel::from_host(reinterpret_cast<sockaddr*>(&name));
  Recorder clients[4];
  for (Recorder& client : clients) connect(client, to, 50);
  ASSERT_TRUE(turn_until([&] { return clients[3].closed == 1; }));
  EXPECT_EQ(clients[3].error, Error::kTimedOut);
  EXPECT_EQ(clients[3].connected, 0);
  EXPECT_GE(transport->counters.connects_timed_out, 1u);
}

TEST_P(KernelTransportTest, AnAbortedConnectionAttemptIsGone) {
  listen();
  Recorder client;
  connect(client, listener->local());
  client.abort();
  EXPECT_EQ(client.closed, 0);
  ASSERT_TRUE(turn_until([&] { return client.closed == 1; }));
  EXPECT_EQ(client.error, Error::kConnectionAborted);
  EXPECT_EQ(client.connected, 0);
}

TEST_P(KernelTransportTest, AWriterWaitsForASlowReader) {
  listen();
  RawSocket raw = raw_client();
  Recorder& server = *acceptor.streams[0];
  constexpr uint64_t kBytes = 32 * 1024 * 1024;
  server.to_send = kBytes;
  server.shutdown_after = true;
  server.pump();
  EXPECT_TRUE(server.stream->write_is_full());
  settle();
  EXPECT_LT(server.sent, kBytes);  // the kernel's buffers hold less than this
  EXPECT_GT(server.stream->queued_bytes(), 0u);
  const int writable_before = server.writable;
  // A write beyond the mark is taken all the same.
  EXPECT_EQ(server.stream->write_copy(std::string(1, static_cast<char>(pattern(server.sent)))), Error::kNone);
  ++server.sent;
  uint64_t got = 0, mismatches = 0;
  std::vector<char> piece(65536);
  for (ssize_t count; (count = raw_receive(raw, piece.data(), piece.size())) > 0;)
    for (ssize_t i = 0; i < count; ++i)
      mismatches += static_cast<uint8_t>(piece[static_cast<size_t>(i)]) != pattern(got++);
  EXPECT_EQ(got, kBytes);
  EXPECT_EQ(mismatches, 0u);
  EXPECT_GT(server.writable, writable_before);
}

TEST_P(KernelTransportTest, ReceivingStopsForAUserThatDoesNotConsume) {
  acceptor.prepare = [](Recorder& server) { server.consume = false; };
  listen();
  RawSocket raw = raw_client();
  Recorder& server = *acceptor.streams[0];
  constexpr uint64_t kBytes = 32 * 1024 * 1024;
  uint64_t sent = 0;
  const auto push = [&] {
    char piece[30'000];
    while (sent < kBytes) {
      const size_t wanted = std::min<uint64_t>(sizeof piece, kBytes - sent);
      for (size_t i = 0; i < wanted; ++i) piece[i] = static_cast<char>(pattern(sent + i));
      const ssize_t count = ::send(raw.fd, piece, wanted, MSG_NOSIGNAL);
      if (count <= 0) return;
      sent += static_cast<uint64_t>(count);
    }
  };
  for (int i = 0; i < 10; ++i) {
    push();
    settle();
  }
  EXPECT_LT(sent, kBytes);
  EXPECT_GE(server.received, KernelTransport::kReceiveHighMarkBytes);
  EXPECT_LE(server.received,
            KernelTransport::kReceiveHighMarkBytes + 256 * KernelTransport::kBufferStorageBytes);
  EXPECT_EQ(transport->counters.receive_pauses, 1u);
  ASSERT_TRUE(turn_until([&] {
    push();
    if (server.stream) server.stream->consumed(static_cast<uint32_t>(std::exchange(server.owed, 0)));
    return server.received == kBytes;
  }));
  EXPECT_EQ(server.mismatches, 0u);
  // Neither the end nor a reset is missed while stopped.
  server.consume = true;
  ::shutdown(raw.fd, SHUT_WR);
  EXPECT_TRUE(turn_until([&] { return server.ended == 1; }));
}

TEST_P(KernelTransportTest, TellsOfAResetWhileReceivingIsStopped) {
  acceptor.prepare = [](Recorder& server) { server.consume = false; };
  listen();
  RawSocket raw = raw_client();
  Recorder& server = *acceptor.streams[0];
  const std::string piece(100'000, 'x');
  ASSERT_TRUE(turn_until([&] {
    (void)!::send(raw.fd, piece.data(), piece.size(), MSG_NOSIGNAL);
    return transport->counters.receive_pauses > 0;
  }));
  settle();
  raw.reset();
  ASSERT_TRUE(turn_until([&] { return server.closed == 1; }));
  EXPECT_EQ(server.error, Error::kConnectionReset);
}

TEST_P(KernelTransportTest, ServesTwoThousandConnectionsAtOnce) {
  constexpr size_t kConnections = 2000;
  const auto name = [](size_t i) { return std::to_string(i) + ">"; };
  acceptor.prepare = [](Recorder& server) {
    server.on_bytes = [](Recorder& me) { me.stream->write_copy(me.text); };
    server.end_back = true;
  };
  listen();
  std::vector<Recorder> clients(kConnections);
  for (size_t i = 0; i < kConnections; ++i) {
    clients[i].at_connect = [i, name](Recorder& me) { me.stream->write_copy(name(i)); };
    connect(clients[i], listener->local());
  }
  ASSERT_TRUE(turn_until([&] {
    for (const Recorder& client : clients)
      if (client.text.empty() || client.text.back() != '>') return false;
    return true;
  }));
  for (size_t i = 0; i < kConnections; ++i) EXPECT_EQ(clients[i].text, name(i));
  EXPECT_EQ(transport->open_streams(), 2 * kConnections);
  // Idle now: no stream holds a Buffer. What is out is what the driver keeps for all of them.
  EXPECT_LE(pool->outstanding(), 256u);
  for (Recorder& client : clients) client.stream->shutdown();
  ASSERT_TRUE(turn_until([&] { return transport->open_streams() == 0; }));
  for (const Recorder& client : clients) EXPECT_EQ(client.error, Error::kNone);
  EXPECT_EQ(transport->counters.accepted, kConnections);
  EXPECT_EQ(transport->counters.closed, 2 * kConnections);
}

TEST_P(KernelTransportTest, AListenerCanPause) {
  listen();
  listener->set_accepting(false);
  settle();
  std::vector<RawSocket> raws;
  for (int i = 0; i < 5; ++i) {
    raws.push_back(RawSocket::make(ipv6()));
    raws.back().connect(listener->local(), ipv6());
  }
  settle();
  EXPECT_TRUE(raws[4].established());  // waits in the kernel
  EXPECT_EQ(acceptor.streams.size(), 0u);
  listener->set_accepting(true);
  EXPECT_TRUE(turn_until([&] { return acceptor.streams.size() == 5; }));
}

TEST_P(KernelTransportTest, PausingAndResumingInOneTurnLosesNothing) {
  listen();
  std::vector<RawSocket> raws;
  for (int i = 0; i < 40; ++i) {
    raws.push_back(RawSocket::make(ipv6()));
    raws.back().connect(listener->local(), ipv6());
    listener->set_accepting(false);
    if (i % 3 == 0) turn();
    listener->set_accepting(true);
    if (i % 2 == 0) turn();
  }
  EXPECT_TRUE(turn_until([&] { return acceptor.streams.size() == 40; }));
}

TEST_P(KernelTransportTest, AListenerMayCloseInItsOwnCallback) {
  acceptor.prepare = [&](Recorder&) { listener.reset(); };
  listen();
  const Endpoint at = listener->local();
  std::vector<RawSocket> raws;
  for (int i = 0; i < 5; ++i) {
    raws.push_back(RawSocket::make(ipv6()));
    raws.back().connect(at, ipv6());
  }
  ASSERT_TRUE(turn_until([&] { return !acceptor.streams.empty(); }));
  settle();
  EXPECT_EQ(acceptor.streams.size(), 1u);
  // The accepted one lives on, and the port is free again.
  acceptor.streams[0]->stream->write_copy("still here");
  char text[16];
  bool answered = false;
  ASSERT_TRUE(turn_until([&] {
    for (RawSocket& raw : raws) answered |= ::recv(raw.fd, text, sizeof text, 0) == 10;
    return answered;
  }));
  acceptor.prepare = nullptr;
  auto again = transport->listen({.local = at}, acceptor);
  EXPECT_TRUE(again) << again.detail;
}

TEST_P(KernelTransportTest, APortIsFreeAsSoonAsItsListenerIsGone) {
  listen();
  const Endpoint at = listener->local();
  settle();
  for (int i = 0; i < 3; ++i) {
    listener.reset();
    auto again = transport->listen({.local = at}, acceptor);
    ASSERT_TRUE(again) << again.detail;
    listener = std::move(again.value);
    RawSocket raw = raw_client();
  }
}

TEST_P(KernelTransportTest, StopsAcceptingAtTheStreamLimit) {
  start({.max_streams = 8}, 4096, 256);
  listen();
  std::vector<RawSocket> raws;
  for (int i = 0; i < 20; ++i) {
    raws.push_back(RawSocket::make(ipv6()));
    raws.back().connect(listener->local(), ipv6());
  }
  ASSERT_TRUE(turn_until([&] { return transport->counters.accept_pauses_limit > 0; }));
  settle();
  EXPECT_EQ(acceptor.streams.size(), 8u);
  EXPECT_EQ(transport->open_streams(), 8u);
  EXPECT_EQ(transport->counters.accept_pauses_limit, 1u);
  Recorder client;
  auto refused = transport->connect({.remote = listener->local()}, client);
  EXPECT_EQ(refused.error, Error::kNoBuffers);
  EXPECT_NE(refused.detail.find("8 streams"), std::string::npos) << refused.detail;
  for (size_t closed = 0; closed < 12; ++closed) {
    acceptor.streams[closed]->abort();
    ASSERT_TRUE(turn_until([&] { return acceptor.streams.size() == 9 + closed; })) << closed;
    EXPECT_LE(transport->open_streams(), 8u);
  }
}

TEST_P(KernelTransportTest, RecoversFromTooManyFiles) {
  listen();
  listener->set_accepting(false);  // io_uring takes the limit of the time at which accepting began
  settle();
  std::vector<RawSocket> raws;
  for (int i = 0; i < 10; ++i) raws.push_back(RawSocket::make(ipv6()));
  rlimit normal;
  getrlimit(RLIMIT_NOFILE, &normal);
  rlimit tight = normal;
  tight.rlim_cur = static_cast<rlim_t>(raws.back().fd) + 4;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &tight), 0);
  for (RawSocket& raw : raws) raw.connect(listener->local(), ipv6());
  listener->set_accepting(true);
  const bool paused = turn_until([&] { return transport->counters.accept_pauses_files > 0; });
  const size_t accepted = acceptor.streams.size();
  setrlimit(RLIMIT_NOFILE, &normal);
  ASSERT_TRUE(paused);
  EXPECT_LT(accepted, 10u);
  EXPECT_TRUE(turn_until([&] { return acceptor.streams.size() == 10; }));
}

TEST_P(KernelTransportTest, WaitsForBuffersWhenThePoolIsEmpty) {
  start({}, 6, 4);
  struct Hoarder final : StreamUser {
    BufferQueue kept;
    uint64_t received = 0, mismatches = 0;
    bool ended = false;
    void on_data(Stream& stream, Buffer* chain) override {
      for (std::byte byte : chain->bytes()) mismatches += static_cast<uint8_t>(byte) != pattern(received++);
      stream.consumed(chain->length);
      kept.push(chain);
    }
    void on_end(Stream& stream) override {
      ended = true;
      stream.shutdown();
    }
    void on_closed(Stream&, Error) override {}
  } hoarder;
  struct Giver final : ListenerUser {
    Hoarder* hoarder;
    Stream* stream = nullptr;
    void on_accepted(Stream& accepted) override {
      stream = &accepted;
      accepted.set_user(hoarder);
    }
  } giver;
  giver.hoarder = &hoarder;
  auto result = transport->listen({.local = any_port()}, giver);
  ASSERT_TRUE(result);
  RawSocket raw = RawSocket::make(ipv6());
  raw.connect(result.value->local(), ipv6());
  ASSERT_TRUE(turn_until([&] { return giver.stream != nullptr; }));
  std::string data(1'000'000, '\0');
  for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(pattern(i));
  size_t sent = 0;
  const auto push = [&] {
    const ssize_t count = ::send(raw.fd, data.data() + sent, data.size() - sent, MSG_NOSIGNAL);
    if (count > 0) sent += static_cast<size_t>(count);
    if (sent == data.size()) ::shutdown(raw.fd, SHUT_WR);
  };
  ASSERT_TRUE(turn_until([&] {
    if (sent < data.size()) push();
    return driver->counters.receive_starved > 0;
  }));
  settle();
  EXPECT_LE(hoarder.received, 6u * KernelTransport::kBufferStorageBytes);
  EXPECT_TRUE(turn_until([&] {
    if (sent < data.size()) push();
    release(hoarder.kept.pop());
    return hoarder.ended;
  }));
  EXPECT_EQ(hoarder.received, data.size());
  EXPECT_EQ(hoarder.mismatches, 0u);
  hoarder.kept.clear();
}

TEST_P(KernelTransportTest, KnowsBothEndpoints) {
  listen();
  Recorder client;
  connect(client, listener->local());
  ASSERT_TRUE(turn_until([&] { return client.connected && acceptor.streams.size() == 1; }));
  const Stream& server = *acceptor.streams[0]->stream;
  EXPECT_EQ(client.stream->remote(), listener->local());
  EXPECT_EQ(server.local(), listener->local());
  EXPECT_EQ(server.remote(), client.stream->local());
  EXPECT_EQ(server.remote().address, loopback());
  EXPECT_NE(server.remote().port, 0);
}

TEST_P(KernelTransportTest, ConnectsFromAGivenAddress) {
  const IpAddress from = *IpAddress::parse(ipv6() ? "::1" : "127.0.0.2");
  listen();
  Recorder client;
  auto result = transport->connect({.remote = listener->local(), .local_address = from}, client);
  ASSERT_TRUE(result);
  client.stream = result.value;
  ASSERT_TRUE(turn_until([&] { return client.connected && acceptor.streams.size() == 1; }));
  EXPECT_EQ(acceptor.streams[0]->stream->remote().address, from);
}

TEST_P(KernelTransportTest, ListeningOnAnyServesBothFamilies) {
  auto result = transport->listen({.local = {IpAddress{}, 0}}, acceptor);
  ASSERT_TRUE(result) << result.detail;
  listener = std::move(result.value);
  RawSocket raw = RawSocket::make(ipv6());
  raw.connect({loopback(), listener->local().port}, ipv6());
  ASSERT_TRUE(turn_until([&] { return acceptor.streams.size() == 1; }));
  EXPECT_EQ(acceptor.streams[0]->stream->remote().address, loopback());
}

TEST_P(KernelTransportTest, NamesAPortThatIsInUse) {
  RawSocket other = RawSocket::make(ipv6());
  const int on = 1;
  setsockopt(other.fd, SOL_SOCKET, SO_REUSEPORT, &on,
             sizeof on);  // as a second instance of this program would
  const auto address = kernel::to_host(any_port(), ipv6());
  ASSERT_EQ(::bind(other.fd, &address.any, address.bytes), 0);
  ASSERT_EQ(::listen(other.fd, 10), 0);
  sockaddr_storage name;
  socklen_t bytes = sizeof name;
  getsockname(other.fd, reinterpret_cast<sockaddr*>(&name), &bytes);
  const Endpoint taken = kernel::from_host(reinterpret_cast<sockaddr*>(&name));
  auto result = transport->listen({.local = taken}, acceptor);
  EXPECT_EQ(result.error, Error::kAddressInUse);
  EXPECT_NE(result.detail.find(taken.to_string()), std::string::npos) << result.detail;
}

TEST_P(KernelTransportTest, OneCoreListensOnceTwoCoresShare) {
  listen();
  auto twice = transport->listen({.local = listener->local()}, acceptor);
  EXPECT_EQ(twice.error, Error::kAddressInUse);
  std::string why;
  auto second_driver = kernel::make_socket_driver({std::get<0>(GetParam())}, *pool, why);
  Reactor second_reactor(clock, second_driver->waiter(), PollMode::kAdaptive);
  KernelTransport second(second_reactor, *second_driver, *pool);
  second_reactor.add(second);
  Acceptor second_acceptor;
  auto shared = second.listen({.local = listener->local()}, second_acceptor);
  ASSERT_TRUE(shared) << shared.detail;
  std::vector<RawSocket> raws;
  for (int i = 0; i < 64; ++i) {
    raws.push_back(RawSocket::make(ipv6()));
    raws.back().connect(listener->local(), ipv6());
  }
  EXPECT_TRUE(turn_until([&] {
    second_reactor.turn();
    return acceptor.streams.size() + second_acceptor.streams.size() == 64;
  }));
  EXPECT_GT(acceptor.streams.size(), 0u);
  EXPECT_GT(second_acceptor.streams.size(), 0u);
}

TEST_P(KernelTransportTest, NamesAnAddressThatIsNotHere) {
  auto result =
      transport->listen({.local = {*IpAddress::parse(ipv6() ? "2001:db8::1" : "192.0.2.1"), 0}}, acceptor);
  EXPECT_EQ(result.error, Error::kAddressNotAvailable);
  EXPECT_NE(result.detail.find(ipv6() ? "2001:db8::1" : "192.0.2.1"), std::string::npos) << result.detail;
}

TEST_P(KernelTransportTest, WakesFromAnotherThread) {
  Waiter& waiter = driver->waiter();
  waiter.wake();
  waiter.wait(kForeverNs);  // hangs when broken
  for (int i = 0; i < 20; ++i) {
    std::thread other([&waiter] { waiter.wake(); });
    waiter.wait(kForeverNs);
    other.join();
    settle();
  }
  // A wake() that a turn takes in still ends the next wait().
  waiter.wake();
  for (int i = 0; i < 5; ++i) reactor->turn();
  waiter.wait(kForeverNs);
}

TEST_P(KernelTransportTest, ArrivingBytesEndTheSleep) {
  listen();
  RawSocket raw = raw_client();
  settle();
  uint64_t timeout_ns = kForeverNs;
  ASSERT_TRUE(transport->prepare_sleep(timeout_ns));
  std::thread other([&raw] { ASSERT_EQ(::send(raw.fd, "x", 1, 0), 1); });
  driver->waiter().wait(kForeverNs);
  other.join();
  EXPECT_TRUE(turn_until([&] { return acceptor.streams[0]->received == 1; }));
}

TEST_P(KernelTransportTest, WatchedDescriptorsEndTheSleep) {
  Waiter& waiter = driver->waiter();
  const int event = eventfd(1, EFD_CLOEXEC);
  waiter.watch(event);
  waiter.wait(kForeverNs);
  for (int i = 0; i < 3; ++i) reactor->turn();
  waiter.wait(kForeverNs);  // still readable
  waiter.unwatch(event);
  settle();
  const uint64_t start = clock.monotonic_ns();
  waiter.wait(2 * kNanosecondsPerMillisecond);
  EXPECT_GE(clock.monotonic_ns() - start, kNanosecondsPerMillisecond);
  ::close(event);
}

TEST_P(KernelTransportTest, ClosesOpenStreamsWithItself) {
  listen();
  RawSocket idle = raw_client();
  RawSocket busy = raw_client();
  Recorder& server = *acceptor.streams[1];
  server.to_send = 64 * 1024 * 1024;
  server.pump();
  settle();
  stop();  // checks that every Buffer came back
  char byte;
  ssize_t count = -1;
  const uint64_t start_ns = clock.monotonic_ns();
  do {
    count = ::recv(idle.fd, &byte, 1, 0);
  } while (count < 0 && errno == EAGAIN && clock.monotonic_ns() - start_ns < kPatienceNs);
  EXPECT_EQ(count, 0);
  EXPECT_EQ(acceptor.streams[0]->closed + server.closed, 0);
}

// ---- datagrams --------------------------------------------------------------------------------------------

struct DatagramRecorder final : DatagramUser {
  struct Got {
    Endpoint from, to;
    std::string payload;
  };
  std::vector<Got> got;
  std::vector<std::pair<Endpoint, Error>> errors;
  void on_datagram(const Endpoint& from, const Endpoint& to, Buffer* payload) override {
    Got each{from, to, {}};
    for (Buffer* segment = payload; segment; segment = segment->next_segment) each.payload += segment->text();
    release(payload);
    got.push_back(std::move(each));
  }
  void on_error(const Endpoint& remote, Error error) override { errors.emplace_back(remote, error); }
};

Buffer* chain_of(BufferPool& pool, std::string_view text) {
  Buffer* head = nullptr;
  Buffer** end = &head;
  do {
    Buffer* segment = pool.allocate();
    const auto count = static_cast<uint32_t>(std::min<size_t>(text.size(), segment->tailroom()));
    segment->append(text.data(), count);
    text.remove_prefix(count);
    *end = segment;
    end = &segment->next_segment;
  } while (!text.empty());
  return head;
}

TEST_P(KernelTransportTest, CarriesDatagrams) {
  DatagramRecorder one, two;
  auto first = transport->bind_datagram(any_port(), one);
  ASSERT_TRUE(first) << first.detail;
  auto second = transport->bind_datagram({IpAddress{}, 0}, two);
  ASSERT_TRUE(second) << second.detail;
  const Endpoint to{loopback(), second.value->local().port};
  const std::string large(60'000, 'L');
  for (std::string_view payload :
       {std::string_view("hello"), std::string_view(""), std::string_view(large)}) {
    const size_t before = two.got.size();
    ASSERT_EQ(first.value->send(to, chain_of(*pool, payload)), Error::kNone);
    ASSERT_TRUE(turn_until([&] { return two.got.size() > before; }));
    EXPECT_EQ(two.got.back().payload, payload);
    EXPECT_EQ(two.got.back().from, first.value->local());
    EXPECT_EQ(two.got.back().to, to);  // the address it was sent to, on a socket bound to any
    ASSERT_EQ(second.value->send(two.got.back().from, chain_of(*pool, payload)), Error::kNone);
    ASSERT_TRUE(turn_until([&] { return one.got.size() > before; }));
    EXPECT_EQ(one.got.back().payload, payload);
  }
  EXPECT_EQ(first.value->send(to, chain_of(*pool, std::string(65'508, 'x'))), Error::kMessageTooLong);
}

TEST_P(KernelTransportTest, CarriesManyDatagramsOverManyTurns) {
  DatagramRecorder one, two;
  auto first = transport->bind_datagram(any_port(), one);
  auto second = transport->bind_datagram(any_port(), two);
  ASSERT_TRUE(first && second);
  constexpr int kDatagrams = 150;  // more than one turn takes in; fits the kernel's receive buffer
  for (int i = 0; i < kDatagrams; ++i)
    ASSERT_EQ(first.value->send(second.value->local(), chain_of(*pool, std::to_string(i))), Error::kNone);
  ASSERT_TRUE(turn_until([&] { return two.got.size() == kDatagrams; }));
  for (int i = 0; i < kDatagrams; ++i) EXPECT_EQ(two.got[static_cast<size_t>(i)].payload, std::to_string(i));
}

TEST_P(KernelTransportTest, TellsOfAnUnreachableDatagramPort) {
  DatagramRecorder one, gone;
  auto first = transport->bind_datagram(any_port(), one);
  auto second = transport->bind_datagram(any_port(), gone);
  ASSERT_TRUE(first && second);
  const Endpoint nobody = second.value->local();
  second.value.reset();
  settle();
  ASSERT_EQ(first.value->send(nobody, chain_of(*pool, "anybody?")), Error::kNone);
  ASSERT_TRUE(turn_until([&] { return !one.errors.empty(); }));
  EXPECT_EQ(one.errors[0].first, nobody);
  EXPECT_EQ(one.errors[0].second, Error::kConnectionRefused);
  // The socket itself is well.
  DatagramRecorder three;
  auto third = transport->bind_datagram(any_port(), three);
  ASSERT_EQ(first.value->send(third.value->local(), chain_of(*pool, "you?")), Error::kNone);
  EXPECT_TRUE(turn_until([&] { return three.got.size() == 1; }));
}

TEST_P(KernelTransportTest, NamesADatagramPortThatIsInUse) {
  DatagramRecorder one, two;
  auto first = transport->bind_datagram(any_port(), one);
  ASSERT_TRUE(first);
  auto second = transport->bind_datagram(first.value->local(), two);
  EXPECT_EQ(second.error, Error::kAddressInUse);
  EXPECT_NE(second.detail.find(first.value->local().to_string()), std::string::npos) << second.detail;
}

// ---- the choice of the driver -----------------------------------------------------------------------------

// Runs `body` on a thread on which the kernel answers io_uring_setup with EPERM, as a container's filter
// does.
void without_uring(const std::function<void()>& body) {
  std::thread([&body] {
    sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog filter{4, program};
    ASSERT_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    ASSERT_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter), 0) << strerror(errno);
    body();
  }).join();
}

bool built_with_uring() {
  HeapBufferPool pool(KernelTransport::kBufferStorageBytes, 64);
  std::string why;
  kernel::make_socket_driver({DriverKind::kUring}, pool, why);
  return why.find("built without") == std::string::npos;
}

TEST(KernelDriverChoice, EpollDoesWhereUringIsForbidden) {
  if (!built_with_uring()) GTEST_SKIP() << "this program was built without liburing";
  without_uring([] {
    HeapBufferPool pool(KernelTransport::kBufferStorageBytes, 64);
    std::string why;
    auto driver = kernel::make_socket_driver({DriverKind::kAutomatic}, pool, why);
    ASSERT_TRUE(driver);
    EXPECT_STREQ(driver->name(), "epoll");
    EXPECT_NE(why.find("EPERM"), std::string::npos) << why;
    EXPECT_FALSE(kernel::make_socket_driver({DriverKind::kUring}, pool, why));
    EXPECT_NE(why.find("EPERM"), std::string::npos) << why;
  });
}

TEST(KernelDriverChoice, RefusesAnImpossibleNumberOfReceiveBuffers) {
  if (!built_with_uring()) GTEST_SKIP() << "this program was built without liburing";
  HeapBufferPool pool(KernelTransport::kBufferStorageBytes, 64);
  std::string why;
  EXPECT_FALSE(kernel::make_socket_driver({DriverKind::kUring, 100}, pool, why));
  EXPECT_NE(why.find("100"), std::string::npos) << why;
}

INSTANTIATE_TEST_SUITE_P(Drivers, KernelTransportTest,
                         testing::Combine(testing::Values(DriverKind::kUring, DriverKind::kEpoll),
                                          testing::Bool()),
                         [](const testing::TestParamInfo<Parameter>& info) {
                           return std::string(std::get<0>(info.param) == DriverKind::kUring ? "uring"
                                                                                            : "epoll") +
                                  (std::get<1>(info.param) ? "_ipv6" : "_ipv4");
                         });

}  // namespace
}  // namespace sluice::transport
