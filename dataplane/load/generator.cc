// SPDX-License-Identifier: Apache-2.0
#include "dataplane/load/generator.hh"

#include <algorithm>

namespace sluice::load {

using transport::Stream;

class Generator::Connection final : public transport::StreamUser {
 public:
  explicit Connection(Generator& generator, uint32_t depth) : generator_(generator), flights_(depth) {}

  void on_connected(Stream&) override { generator_.opened(*this); }

  void on_data(Stream& stream, Buffer* chain) override {
    const uint32_t length = chain->chain_length();
    generator_.results_.response_bytes += length;
    for (Buffer* segment = chain; segment; segment = segment->next_segment) {
      std::string_view input = segment->text();
      while (!input.empty()) {
        if (in_flight == 0) {  // bytes that nobody asked for
          ++generator_.results_.malformed;
          release(chain);
          stream.abort();
          return;
        }
        const ResponseReader::Event event = reader.read(input, generator_.options_.head_only);
        if (event == ResponseReader::Event::kNeedMore) break;
        if (event == ResponseReader::Event::kMalformed) {
          ++generator_.results_.malformed;
          release(chain);
          stream.abort();
          return;
        }
        if (!complete(stream)) {
          release(chain);
          return;
        }
      }
    }
    release(chain);
    stream.consumed(length);
  }

  void on_end(Stream& stream) override {
    if (reader.ends_with_connection() && in_flight > 0) {
      reader.reset();
      complete(stream);
    }
    ending = true;
    ending_ns_ = generator_.reactor_.now_ns();
    stream.shutdown();
  }

  void on_closed(Stream&, Error error) override {
    stream_ = nullptr;
    generator_.lost(*this, error);
  }

  struct Flight {
    uint64_t due_ns, sent_ns;
  };
  Flight& oldest() { return flights_[first_]; }
  void push(uint64_t due_ns, uint64_t sent_ns) {
    flights_[(first_ + in_flight) % flights_.size()] = {due_ns, sent_ns};
    ++in_flight;
  }
  void forget_flights() { in_flight = 0, first_ = 0; }
  // Since when the connection waits for nothing but its end.
  bool ends_since(uint64_t& since_ns) const {
    since_ns = ending_ns_;
    return ending && in_flight == 0;
  }

  Stream* stream_ = nullptr;
  bool connected = false, ending = false, listed_idle = false;
  uint32_t in_flight = 0;
  ResponseReader reader;

 private:
  // One response came. False: this connection sends nothing more.
  bool complete(Stream& stream) {
    const Flight flight = flights_[first_];
    first_ = (first_ + 1) % static_cast<uint32_t>(flights_.size());
    --in_flight;
    const bool goes_on = reader.keep_alive() && !generator_.options_.connection_per_request;
    if (!goes_on) {
      ending = true;
      ending_ns_ = generator_.reactor_.now_ns();
      // A server that announced the end of the connection ends it (RFC 9112 section 9.6): TIME-WAIT is then its own, and
      // the port here is free again at once. Whoever opens connections as fast as it can must not be the one to close them.
      if (reader.keep_alive()) stream.shutdown();
    }
    generator_.completed(*this, flight.due_ns, flight.sent_ns, reader.status());
    return goes_on;
  }

  Generator& generator_;
  std::vector<Flight> flights_;
  uint64_t ending_ns_ = 0;
  uint32_t first_ = 0;
};

void GeneratorResults::merge(const GeneratorResults& other) {
  requests += other.requests;
  responses += other.responses;
  response_bytes += other.response_bytes;
  for (int i = 0; i < 6; ++i) status_class[i] += other.status_class[i];
  connections_opened += other.connections_opened;
  connect_errors += other.connect_errors;
  read_errors += other.read_errors;
  timeouts += other.timeouts;
  malformed += other.malformed;
  backlog += other.backlog;
  elapsed_ns = std::max(elapsed_ns, other.elapsed_ns);
  if (other.last_error != Error::kNone) last_error = other.last_error;
  latency.merge(other.latency);
  service.merge(other.service);
}

Generator::Generator(Reactor& reactor, transport::Transport& transport, const GeneratorOptions& options)
    : reactor_(reactor), transport_(transport), options_(options) {
  options_.connections = std::clamp(options_.connections, 1u, kConnectionsLimit);
  options_.pipeline = options_.connection_per_request ? 1 : std::clamp(options_.pipeline, 1u, kPipelineLimit);
  connections_.reserve(options_.connections);
  for (uint32_t i = 0; i < options_.connections; ++i)
    connections_.push_back(std::make_unique<Connection>(*this, options_.pipeline));
  idle_.resize(options_.connections);
  reopen_.reserve(options_.connections);
  refused_.reserve(options_.connections);
  reopening_.reserve(options_.connections);
  timeouts_.self = this;
  timeouts_.fire = [](Timer& timer, uint64_t) { static_cast<TimeoutTimer&>(timer).self->check_timeouts(); };
}

Generator::~Generator() {
  reactor_.timers().cancel(timeouts_);
  for (auto& connection : connections_) {
    if (connection->stream_) {
      connection->stream_->set_user(nullptr);
      connection->stream_->abort();
    }
  }
}

void Generator::open(Connection& connection) {
  transport::ConnectOptions connect;
  connect.remote = options_.target;
  connect.timeout_ms = options_.timeout_ms;
  if (!options_.sources.empty())
    connect.local_address = options_.sources[next_source_++ % options_.sources.size()];
  connection.connected = connection.ending = false;
  connection.reader.reset();
  connection.forget_flights();
  auto result = transport_.connect(connect, connection);
  if (!result) {
    refused(connection, result.error);
    return;
  }
  connection.stream_ = result.value;
  ++connecting_;
}

void Generator::refused(Connection& connection, Error error) {
  ++results_.connect_errors;
  results_.last_error = error;
  if (refused_.empty()) ask_again_ns_ = reactor_.now_ns() + kRefusedPauseNs;
  refused_.push_back(&connection);
}

void Generator::opened(Connection& connection) {
  --connecting_;
  ++established_;
  ++results_.connections_opened;
  connection.connected = true;
  if (phase_ == Phase::kRunning) ready(connection);
}

void Generator::lost(Connection& connection, Error error) {
  if (!connection.connected) {
    --connecting_;
    if (phase_ != Phase::kDone) refused(connection, error);  // else it was finish() that gave it up
    return;
  }
  --established_;
  if (connection.in_flight > 0 && phase_ == Phase::kRunning) {
    ++results_.read_errors;
    results_.last_error = error;
  }
  connection.connected = false;
  connection.forget_flights();
  if (phase_ != Phase::kDone) reopen_.push_back(&connection);
}

uint64_t Generator::due_at(uint64_t index) const {
  return start_ns_ + static_cast<uint64_t>(static_cast<double>(index) * 1e9 / options_.rate_per_second);
}

void Generator::send(Connection& connection, uint64_t due_ns) {
  const uint64_t now_ns = reactor_.now_ns();
  connection.push(options_.rate_per_second > 0 ? due_ns : now_ns, now_ns);
  ++results_.requests;
  connection.stream_->write_copy(options_.request);
}

// A connection has room for one more request.
void Generator::ready(Connection& connection) {
  if (phase_ != Phase::kRunning || !connection.connected || connection.ending) return;
  if (options_.rate_per_second > 0) {
    while (connection.in_flight < options_.pipeline && due_at(next_due_) <= reactor_.now_ns())
      send(connection, due_at(next_due_++));
    if (connection.in_flight < options_.pipeline && !connection.listed_idle) {
      connection.listed_idle = true;
      idle_[(idle_first_ + idle_count_++) % idle_.size()] = &connection;
    }
    return;
  }
  if (options_.connection_per_request && connection.in_flight > 0) return;
  while (connection.in_flight < options_.pipeline) send(connection, 0);
}

void Generator::completed(Connection& connection, uint64_t due_ns, uint64_t sent_ns, uint16_t status) {
  if (phase_ != Phase::kRunning) return;
  const uint64_t now_ns = reactor_.now_ns();
  ++results_.responses;
  ++results_.status_class[status / 100 < 6 ? status / 100 : 0];
  results_.latency.record(now_ns - due_ns);
  results_.service.record(now_ns - sent_ns);
  ready(connection);
}

void Generator::begin(uint64_t now_ns) {
  phase_ = Phase::kRunning;
  start_ns_ = now_ns;
  end_ns_ = now_ns + options_.duration_ns;
  reactor_.timers().arm(timeouts_, now_ns + options_.timeout_ms * kNanosecondsPerMillisecond / 4);
  for (auto& connection : connections_) ready(*connection);
}

void Generator::finish(uint64_t now_ns) {
  results_.elapsed_ns = phase_ == Phase::kRunning ? now_ns - start_ns_ : 0;
  end_ns_ = std::min(end_ns_, now_ns);
  if (options_.rate_per_second > 0)
    while (due_at(next_due_) < end_ns_) ++next_due_, ++results_.backlog;
  phase_ = Phase::kDone;
  reactor_.timers().cancel(timeouts_);
  for (auto& connection : connections_)
    if (connection->stream_) connection->stream_->abort();
}

void Generator::check_timeouts() {
  const uint64_t limit_ns = options_.timeout_ms * kNanosecondsPerMillisecond;
  const uint64_t now_ns = reactor_.now_ns();
  for (auto& connection : connections_) {
    if (connection->stream_ && connection->in_flight > 0 &&
        now_ns - connection->oldest().sent_ns > limit_ns) {
      results_.timeouts += connection->in_flight;
      connection->forget_flights();
      connection->stream_->abort();
    } else if (uint64_t since_ns;
               connection->stream_ && connection->ends_since(since_ns) && now_ns - since_ns > limit_ns) {
      connection->stream_->abort();  // it was answered, so nothing is lost but the good manners
    }
  }
  if (phase_ == Phase::kRunning) reactor_.timers().arm(timeouts_, now_ns + limit_ns / 4);
}

bool Generator::receive(uint64_t) { return false; }

bool Generator::deliver(uint64_t now_ns) {
  if (phase_ == Phase::kDone) return false;
  bool worked = false;
  while (next_to_open_ < connections_.size() && connecting_ < kConnectingLimit) {
    open(*connections_[next_to_open_++]);
    worked = true;
  }
  // A server that refuses is asked again, but not in a busy loop; connections that it took are not held up by that.
  if (!refused_.empty() && now_ns >= ask_again_ns_) {
    reopen_.insert(reopen_.end(), refused_.begin(), refused_.end());
    refused_.clear();
  }
  if (!reopen_.empty()) {
    reopening_.swap(reopen_);
    size_t i = 0;
    for (; i < reopening_.size() && connecting_ < kConnectingLimit; ++i) open(*reopening_[i]);
    reopen_.insert(reopen_.end(), reopening_.begin() + static_cast<ptrdiff_t>(i), reopening_.end());
    reopening_.clear();
    worked = true;
  }
  if (phase_ == Phase::kOpening) {
    const bool all = next_to_open_ == connections_.size() && connecting_ == 0;
    if (options_.start_ns != 0 ? now_ns >= options_.start_ns : all) begin(now_ns);
    return true;
  }
  if (options_.rate_per_second > 0) {
    while (idle_count_ > 0 && due_at(next_due_) <= now_ns) {
      Connection* connection = idle_[idle_first_];
      idle_first_ = (idle_first_ + 1) % idle_.size();
      --idle_count_;
      connection->listed_idle = false;
      ready(*connection);
      worked = true;
    }
  }
  if (now_ns >= end_ns_) finish(now_ns);
  return worked;
}

bool Generator::prepare_sleep(uint64_t& timeout_ns) {
  if (phase_ == Phase::kOpening) {
    timeout_ns = std::min<uint64_t>(timeout_ns, kNanosecondsPerMillisecond);
    return true;
  }
  if (phase_ == Phase::kDone) return true;
  const uint64_t now_ns = reactor_.now_ns();
  uint64_t next_ns = end_ns_;
  if (options_.rate_per_second > 0) next_ns = std::min(next_ns, due_at(next_due_));
  if (!reopen_.empty() && connecting_ < kConnectingLimit) return false;
  if (!refused_.empty()) next_ns = std::min(next_ns, ask_again_ns_);
  if (next_ns <= now_ns) return false;
  // Below the resolution of a sleep it is more truthful to keep turning.
  if (next_ns - now_ns < 100'000) return false;
  timeout_ns = std::min(timeout_ns, next_ns - now_ns - 60'000);
  return true;
}

}  // namespace sluice::load
