// SPDX-License-Identifier: Apache-2.0
// The load generator of one core: keeps `connections` to one server, sends one prepared request over and over, and measures.
//
// Closed loop (rate 0): a connection sends its next request when the response has come; the figure is the throughput, and
// the latency is that of the service. Open loop: request k is due at start + k / rate whether or not the server keeps up;
// it is sent by the next free connection, and its latency counts from when it was due, so that a server that stalls is
// charged for the requests that had to wait (no coordinated omission).
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/core/histogram.hh"
#include "dataplane/core/reactor.hh"
#include "dataplane/load/response_reader.hh"
#include "dataplane/transport/transport.hh"

namespace sluice::load {

struct GeneratorOptions {
  Endpoint target;
  std::vector<IpAddress>
      sources;  // connections take them in turn: one address has 64,511 ports for a target; empty: by route
  std::string request;        // the bytes of one request, head and body
  bool head_only = false;     // the request is a HEAD
  uint32_t connections = 64;  // at most kConnectionsLimit
  uint32_t pipeline = 1;      // requests of a connection in flight, at most kPipelineLimit
  bool connection_per_request = false;
  double rate_per_second = 0;  // 0: closed loop
  uint64_t start_ns = 0;       // reactor time; 0: as soon as all connections are there or have failed
  uint64_t duration_ns = 10 * kNanosecondsPerSecond;
  uint32_t timeout_ms =
      5'000;  // a response that takes longer counts as timed out, its connection is replaced
};

struct GeneratorResults {
  uint64_t requests = 0;  // sent within the measured time
  uint64_t responses = 0, response_bytes = 0;
  uint64_t status_class[6] = {};  // [2] 2xx ...
  uint64_t connections_opened = 0, connect_errors = 0, read_errors = 0, timeouts = 0, malformed = 0;
  uint64_t backlog = 0;  // open loop: due and not sent at the end
  uint64_t elapsed_ns = 0;
  Error last_error = Error::kNone;  // of a connection that failed or broke
  Histogram latency;  // nanoseconds; from when the request was due (open loop) or was sent (closed loop)
  Histogram service;  // nanoseconds; from when it was sent
  void merge(const GeneratorResults& other);
};

class Generator final : public ReactorPart {
 public:
  static constexpr uint32_t kConnectionsLimit = 1'000'000;
  static constexpr uint32_t kPipelineLimit = 256;
  // Connections that are being opened at once: a listen queue must not be the thing that is measured.
  static constexpr uint32_t kConnectingLimit = 256;

  // Before a connection that was refused is tried again.
  static constexpr uint64_t kRefusedPauseNs = 10 * kNanosecondsPerMillisecond;

  // Borrows both; add it to the reactor after the transport.
  Generator(Reactor& reactor, transport::Transport& transport, const GeneratorOptions& options);
  ~Generator() override;

  // Ends the measurement now.
  void stop(uint64_t now_ns) {
    if (phase_ != Phase::kDone) finish(now_ns);
  }
  bool done() const { return phase_ == Phase::kDone; }
  const GeneratorResults& results() const { return results_; }
  uint32_t established() const { return established_; }

  bool receive(uint64_t now_ns) override;
  bool deliver(uint64_t now_ns) override;
  void transmit(uint64_t) override {}
  bool prepare_sleep(uint64_t& timeout_ns) override;

 private:
  class Connection;
  enum class Phase : uint8_t { kOpening, kRunning, kDone };

  void open(Connection& connection);
  void refused(Connection& connection, Error error);
  void opened(Connection& connection);
  void lost(Connection& connection, Error error);
  void completed(Connection& connection, uint64_t due_ns, uint64_t sent_ns, uint16_t status);
  void ready(Connection& connection);  // may send one more request
  void send(Connection& connection, uint64_t due_ns);
  void begin(uint64_t now_ns);
  void finish(uint64_t now_ns);
  uint64_t due_at(uint64_t index) const;
  void check_timeouts();

  Reactor& reactor_;
  transport::Transport& transport_;
  GeneratorOptions options_;
  GeneratorResults results_;
  std::vector<std::unique_ptr<Connection>> connections_;
  // Open loop: connections with room for a request, each in turn, in a ring of all connections.
  std::vector<Connection*> idle_;
  size_t idle_first_ = 0, idle_count_ = 0;
  std::vector<Connection*> reopen_;     // to be opened again in the next turn
  std::vector<Connection*> reopening_;  // scratch of that turn
  std::vector<Connection*> refused_;    // to be opened again at ask_again_ns_
  Phase phase_ = Phase::kOpening;
  uint32_t next_to_open_ = 0, next_source_ = 0, connecting_ = 0, established_ = 0;
  uint64_t start_ns_ = 0, end_ns_ = 0, next_due_ = 0;
  uint64_t ask_again_ns_ = 0;
  struct TimeoutTimer : Timer {
    Generator* self = nullptr;
  } timeouts_;
};

}  // namespace sluice::load
