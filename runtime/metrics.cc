// SPDX-License-Identifier: Apache-2.0
#include "runtime/metrics.hh"

#include <algorithm>
#include <charconv>
#include <cinttypes>
#include <cmath>
#include <cstdio>
#include <map>

#include "runtime/capture/capture.hh"
#include "runtime/process.hh"
#include "runtime/version.hh"

namespace sluice::runtime {

namespace {

// Upper ends of the latency buckets.
constexpr uint64_t kBucketsNs[] = {10'000,        25'000,        50'000,        100'000,       250'000,
                                   500'000,       1'000'000,     2'500'000,     5'000'000,     10'000'000,
                                   25'000'000,    50'000'000,    100'000'000,   250'000'000,   500'000'000,
                                   1'000'000'000, 2'500'000'000, 5'000'000'000, 10'000'000'000};

std::string number(double value) {
  char text[40];
  if (value == std::floor(value) && std::fabs(value) < 1e15) {
    std::snprintf(text, sizeof(text), "%.0f", value);
  } else {
    std::snprintf(text, sizeof(text), "%.9g", value);
  }
  return text;
}

}  // namespace

void fill_http(CorePage& page, const ServerRegistry& servers) {
  page.latency_buckets.assign(std::size(kBucketsNs), 0);
  page.latency_count = 0;
  page.latency_sum_seconds = 0;
  http::ServerCounters sum = servers.gone();
  uint64_t connections = 0, idle = 0, in_progress = 0;
  for (const auto& entry : servers.entries()) {
    if (!entry->server) continue;
    const http::Server& server = *entry->server;
    connections += server.connections();
    idle += server.idle_connections();
    in_progress += server.requests_in_progress();
    ServerRegistry::add(sum, server.counters);
    for (size_t i = 0; i < std::size(kBucketsNs); ++i)
      page.latency_buckets[i] += server.latency.count_at_most(kBucketsNs[i]);
    page.latency_count += server.latency.count();
    page.latency_sum_seconds += static_cast<double>(server.latency.sum_ns()) * 1e-9;
  }
  const auto counter = [&page](const char* name, uint64_t value, std::string labels = {}) {
    page.samples.push_back({name, std::move(labels), static_cast<double>(value), true});
  };
  const auto gauge = [&page](const char* name, uint64_t value, std::string labels = {}) {
    page.samples.push_back({name, std::move(labels), static_cast<double>(value), false});
  };
  counter("http_requests", sum.requests);
  for (int status = 1; status <= 5; ++status)
    counter("http_responses", sum.responses[status], "class=\"" + std::to_string(status) + "xx\"");
  counter("http_connections_accepted", sum.connections_accepted);
  counter("http_bytes_received", sum.bytes_received);
  counter("http_bytes_sent", sum.bytes_sent);
  counter("http_aborted_by_peer", sum.aborted_by_peer);
  counter("http_upgraded", sum.upgraded);
  const std::pair<const char*, uint64_t> limits[] = {
      {"connections", sum.connections_refused + sum.accept_paused},
      {"header_timeout", sum.header_timeout},
      {"idle_timeout", sum.idle_closed},
      {"body_timeout", sum.body_timeout},
      {"head_bytes", sum.head_too_large},
      {"target_bytes", sum.target_too_long},
      {"body_bytes", sum.body_too_large},
      {"header_count", sum.too_many_headers},
      {"pipeline_requests", sum.pipeline_paused},
      {"pending_body_bytes", sum.body_paused},
      {"send_timeout", sum.send_timeout},
      {"buffers", sum.no_buffers},
      {"requests", sum.requests_refused}};
  for (const auto& [name, value] : limits)
    counter("http_limit_hit", value, std::string("limit=\"") + name + "\"");
  const std::pair<const char*, uint64_t> refused[] = {{"bad_request", sum.bad_request},
                                                      {"unsupported_version", sum.unsupported_version},
                                                      {"unsupported_method", sum.unsupported_method},
                                                      {"expectation_failed", sum.expectation_failed}};
  for (const auto& [name, value] : refused)
    counter("http_requests_refused", value, std::string("cause=\"") + name + "\"");
  gauge("http_connections", idle, "state=\"idle\"");
  gauge("http_connections", connections - std::min(idle, connections), "state=\"active\"");
  gauge("http_requests_in_progress", in_progress);
}

std::string metrics_text(const std::vector<const CorePage*>& pages, uint64_t uptime_ms) {
  // All samples of a metric stand together.
  struct Family {
    bool counter = true;
    std::string lines;
  };
  std::map<std::string, Family> families;
  for (size_t core = 0; core < pages.size(); ++core) {
    for (const Sample& sample : pages[core]->samples) {
      Family& family = families[sample.name];
      family.counter = sample.counter;
      family.lines += "sluice_" + sample.name + (sample.counter ? "_total" : "") + "{core=\"" +
                      std::to_string(core) + "\"" + (sample.labels.empty() ? "" : "," + sample.labels) +
                      "} " + number(sample.value) + "\n";
    }
  }
  std::string text = std::string("# TYPE sluice_build_info gauge\nsluice_build_info{version=\"") + kVersion +
                     "\"} 1\n# TYPE sluice_uptime_seconds gauge\nsluice_uptime_seconds " +
                     number(static_cast<double>(uptime_ms) / 1000) + "\n";
  for (const auto& [name, family] : families)
    text += "# TYPE sluice_" + name + (family.counter ? "_total counter\n" : " gauge\n") + family.lines;
  text += "# TYPE sluice_http_request_duration_seconds histogram\n";
  for (size_t core = 0; core < pages.size(); ++core) {
    const CorePage& page = *pages[core];
    const std::string label = "core=\"" + std::to_string(core) + "\"";
    for (size_t i = 0; i < page.latency_buckets.size(); ++i)
      text += "sluice_http_request_duration_seconds_bucket{" + label + ",le=\"" +
              number(static_cast<double>(kBucketsNs[i]) * 1e-9) + "\"} " +
              std::to_string(page.latency_buckets[i]) + "\n";
    text += "sluice_http_request_duration_seconds_bucket{" + label + ",le=\"+Inf\"} " +
            std::to_string(page.latency_count) + "\n";
    text +=
        "sluice_http_request_duration_seconds_sum{" + label + "} " + number(page.latency_sum_seconds) + "\n";
    text += "sluice_http_request_duration_seconds_count{" + label + "} " +
            std::to_string(page.latency_count) + "\n";
  }
  return text;
}

Metrics::Metrics(Process& process, Reactor& reactor, Clock& clock, transport::Transport& transport)
    : process_(process),
      reactor_(reactor),
      clock_(clock),
      transport_(transport),
      started_ns_(clock.monotonic_ns()) {
  limits_.connections = 64;
  server_ = std::make_unique<http::Server>(reactor_, clock_, limits_, *this);
}

Metrics::~Metrics() {
  listener_.reset();
  server_->abort_all();
}

std::string Metrics::listen(const Endpoint& address) {
  transport::ListenOptions options;
  options.local = address;
  options.backlog = 64;
  auto result = transport_.listen(options, *server_);
  if (!result) return "the admin address " + address.to_string() + " cannot be served: " + result.detail;
  listener_ = std::move(result.value);
  return {};
}

void Metrics::on_body(http::Exchange& exchange, Buffer* chain) {
  const uint32_t bytes = chain->chain_length();
  release(chain);
  exchange.body_consumed(bytes);
}

void Metrics::on_request(http::Exchange& exchange) {
  const std::string_view path = exchange.target().substr(0, exchange.target().find('?'));
  static constexpr const char* kPlain = "Content-Type: text/plain; charset=utf-8\r\n";
  exchange.discard_body();
  if (path == "/capture") {
    const std::string_view target = exchange.target();
    return on_capture(exchange,
                      path.size() < target.size() ? target.substr(path.size() + 1) : std::string_view());
  }
  if (path != "/metrics")
    return exchange.respond(404, kPlain, std::string_view("this address has /metrics and /capture\n"));
  if (exchange.method() != http::Method::kGet && exchange.method() != http::Method::kHead)
    return exchange.respond(405, "Allow: GET, HEAD\r\n", std::string_view());
  if (scrapes_.size() == kScrapesLimit)
    return exchange.respond(503, kPlain, std::string_view("too many at once\n"));
  Scrape scrape{exchange.number(), exchange.generation(), {}, clock_.monotonic_ns() + kPatienceNs};
  for (const auto& core : process_.cores()) {
    scrape.sequences.push_back(core->pages().request());
    core->wake();
  }
  scrapes_.push_back(std::move(scrape));
}

// POST /capture?FILE[,KEY=VALUE...] begins, DELETE ends, GET tells.
void Metrics::on_capture(http::Exchange& exchange, std::string_view query) {
  static constexpr const char* kPlain = "Content-Type: text/plain; charset=utf-8\r\n";
  const auto answer = [&](int status, const std::string& line) {
    exchange.respond(status, kPlain, std::string_view(line + "\n"));
  };
  // A web page may have its visitor's browser send a POST to anywhere: that is not the operator's word.
  if (!exchange.header("origin").empty()) return answer(403, "not for web pages");
  Capture* const capture = process_.network().capture();
  if (capture == nullptr) return answer(409, "the kernel transport has no ports of ours: use tcpdump");
  if (exchange.method() == http::Method::kPost) {
    std::string text;
    for (size_t i = 0; i < query.size(); ++i) {
      unsigned byte = 0;
      if (query[i] == '%' && i + 2 < query.size() &&
          std::from_chars(&query[i + 1], &query[i + 3], byte, 16).ptr == &query[i + 3]) {
        text += static_cast<char>(byte);
        i += 2;
      } else {
        text += query[i];
      }
    }
    CaptureRequest request;
    std::string wrong = parse_capture(text, request);
    if (wrong.empty() && request.file[0] != '/')
      wrong = request.file + ": the whole path of the file is wanted";
    if (!wrong.empty()) return answer(400, wrong);
    // Never over a file that is there: who may ask here need not be who owns it.
    wrong = capture->start(request, false);
    return wrong.empty() ? answer(200, "capturing to " + request.file) : answer(409, wrong);
  }
  if (exchange.method() == http::Method::kDelete) {
    if (const std::string wrong = capture->stop(); !wrong.empty()) return answer(409, wrong);
  } else if (exchange.method() != http::Method::kGet && exchange.method() != http::Method::kHead) {
    return exchange.respond(405, "Allow: GET, HEAD, POST, DELETE\r\n", std::string_view());
  }
  const Capture::Status status = capture->status();
  if (status.file.empty()) return answer(200, "no capture");
  answer(200, std::string(status.running ? "capturing to " : "captured to ") + status.file + ": " +
                  std::to_string(status.frames) + " frames, " + std::to_string(status.bytes) + " bytes, " +
                  std::to_string(status.dropped) + " dropped" +
                  (status.error.empty() ? "" : "; " + status.error));
}

void Metrics::step(uint64_t now_ns) {
  for (size_t i = 0; i < scrapes_.size();) {
    const Scrape& scrape = scrapes_[i];
    std::vector<const CorePage*> pages;
    bool complete = true;
    for (size_t core = 0; core < scrape.sequences.size(); ++core) {
      pages.push_back(&process_.cores()[core]->pages().front());
      complete &= pages.back()->sequence >= scrape.sequences[core];
    }
    if (!complete && now_ns < scrape.deadline_ns) {
      ++i;
      continue;
    }
    if (http::Exchange* exchange = server_->find(scrape.number, scrape.generation))
      exchange->respond(
          200, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n",
          std::string_view(metrics_text(pages, (now_ns - started_ns_) / kNanosecondsPerMillisecond)));
    scrapes_.erase(scrapes_.begin() + static_cast<ptrdiff_t>(i));
  }
}

}  // namespace sluice::runtime
