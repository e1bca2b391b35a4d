// SPDX-License-Identifier: Apache-2.0
// The admin address: /metrics, the numbers of all cores in Prometheus' text format (exposition format 0.0.4), and /capture,
// which begins and ends captures. Served on the control core by the house's own HTTP server over the kernel's sockets.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/http/server.hh"
#include "dataplane/transport/transport.hh"
#include "runtime/core_page.hh"
#include "runtime/server_registry.hh"

namespace sluice::runtime {

class Process;

// Adds what a core's HTTP servers counted.
void fill_http(CorePage& page, const ServerRegistry& servers);

// All pages as text; page i is core i's.
std::string metrics_text(const std::vector<const CorePage*>& pages, uint64_t uptime_ms);

class Metrics final : public http::ServerHandler {
 public:
  // Borrows all. Control thread.
  Metrics(Process& process, Reactor& reactor, Clock& clock, transport::Transport& transport);
  ~Metrics();
  // "" or one line that says why the address cannot be served.
  std::string listen(const Endpoint& address);
  // Answers the scrapes whose numbers have come. Once a turn of the control reactor.
  void step(uint64_t now_ns);
  bool waiting() const { return !scrapes_.empty(); }
  Endpoint local() const { return listener_->local(); }

 private:
  static constexpr uint64_t kPatienceNs =
      200 * kNanosecondsPerMillisecond;        // for a core that is busy computing
  static constexpr size_t kScrapesLimit = 16;  // at once; beyond it 503
  void on_request(http::Exchange& exchange) override;
  void on_capture(http::Exchange& exchange, std::string_view query);
  void on_body(http::Exchange& exchange, Buffer* chain) override;
  void on_body_end(http::Exchange&) override {}

  struct Scrape {
    uint32_t number, generation;
    std::vector<uint64_t> sequences;
    uint64_t deadline_ns;
  };
  Process& process_;
  Reactor& reactor_;
  Clock& clock_;
  transport::Transport& transport_;
  http::Limits limits_;
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<transport::Listener> listener_;
  std::vector<Scrape> scrapes_;
  uint64_t started_ns_;
};

}  // namespace sluice::runtime
