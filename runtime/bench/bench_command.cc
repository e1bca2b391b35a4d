// SPDX-License-Identifier: Apache-2.0
#include "runtime/bench/bench_command.hh"

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <cinttypes>
#include <csignal>
#include <cstdio>
#include <memory>
#include <thread>

#include "runtime/bench/bench_options.hh"
#include "runtime/network/network.hh"

namespace sluice::runtime {

namespace {

using load::Generator;
using load::GeneratorOptions;
using load::GeneratorResults;

std::atomic<bool> interrupted{false};

// One generator thread and what it found.
struct Worker {
  std::thread thread;
  GeneratorResults results;
  std::string error;
  std::string driver;
  std::atomic<uint64_t> responses{0};
  std::atomic<uint32_t> established{0};
  std::atomic<bool> finished{false};
};

void pin(unsigned index, const config::Configuration& configuration) {
  const auto& list = configuration.cores.list;
  if (index >= list.size()) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(list[index], &set);
  pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

void run_worker(Worker& worker, Network& network, unsigned index, const BenchOptions& options) {
  pin(index, options.network);
  auto core = network.make_core(index, worker.error);
  if (core) {
    worker.driver = core->driver();
    GeneratorOptions load = options.load;
    const uint32_t threads = options.threads;
    load.connections =
        options.load.connections / threads + (index < options.load.connections % threads ? 1 : 0);
    load.rate_per_second = options.load.rate_per_second / threads;
    {
      Generator generator(core->reactor(), core->transport(), load);
      core->reactor().add(generator);
      // Turn by turn, so that the reactor's own loop needs no hook: the generator's sleep is what prepare_sleep says.
      class Watch final : public ReactorPart {
       public:
        Watch(Reactor& reactor, Generator& generator, Worker& worker)
            : reactor_(reactor), generator_(generator), worker_(worker) {}
        bool receive(uint64_t) override { return false; }
        void transmit(uint64_t now_ns) override {
          worker_.responses.store(generator_.results().responses, std::memory_order_relaxed);
          worker_.established.store(generator_.established(), std::memory_order_relaxed);
          if (interrupted.load(std::memory_order_relaxed)) generator_.stop(now_ns);
          // A few turns more, so that the ends of the connections are sent.
          if (generator_.done() && ++turns_after_ > 100) reactor_.stop();
        }
        bool prepare_sleep(uint64_t& timeout_ns) override {
          if (generator_.done()) return false;
          timeout_ns = std::min<uint64_t>(timeout_ns, 100 * kNanosecondsPerMillisecond);
          return true;
        }

       private:
        Reactor& reactor_;
        Generator& generator_;
        Worker& worker_;
        unsigned turns_after_ = 0;
      } watch(core->reactor(), generator, worker);
      core->reactor().add(watch);
      core->reactor().run();
      worker.results = generator.results();
    }
  }
  core.reset();
  worker.finished.store(true);
}

double milliseconds(uint64_t ns) { return static_cast<double>(ns) / 1e6; }

std::string duration_text(uint64_t ns) {
  char text[32];
  const double value = static_cast<double>(ns);
  if (value < 1e6)
    std::snprintf(text, sizeof text, "%.1f us", value / 1e3);
  else if (value < 1e9)
    std::snprintf(text, sizeof text, "%.2f ms", value / 1e6);
  else
    std::snprintf(text, sizeof text, "%.2f s", value / 1e9);
  return text;
}

constexpr double kPercentiles[] = {50, 75, 90, 99, 99.9, 99.99, 100};

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      char code[8];
      std::snprintf(code, sizeof code, "\\u%04x", c);
      out += code;
    } else {
      out += c;
    }
  }
  return out;
}

std::string latency_json(const Histogram& histogram) {
  std::string out = "{";
  char text[96];
  for (const double percentile : kPercentiles) {
    std::snprintf(text, sizeof text, "\"p%g\": %.4f, ", percentile,
                  milliseconds(histogram.percentile_ns(percentile)));
    out += text;
  }
  std::snprintf(text, sizeof text, "\"mean\": %.4f}", histogram.mean_ns() / 1e6);
  return out + text;
}

std::string report_json(const BenchOptions& options, const GeneratorResults& results,
                        const std::string& driver) {
  char text[1536];
  const double seconds = static_cast<double>(results.elapsed_ns) / 1e9;
  std::snprintf(
      text, sizeof text,
      "{\n  \"url\": \"%s\", \"transport\": \"%s\", \"driver\": \"%s\",\n"
      "  \"connections\": %u, \"threads\": %u, \"pipeline\": %u, \"rate\": %.0f, \"new_connections\": %s,\n"
      "  \"seconds\": %.3f, \"requests\": %" PRIu64 ", \"responses\": %" PRIu64
      ", \"responses_per_second\": %.1f,\n"
      "  \"bytes\": %" PRIu64 ", \"connections_opened\": %" PRIu64
      ",\n"
      "  \"status\": {\"1xx\": %" PRIu64 ", \"2xx\": %" PRIu64 ", \"3xx\": %" PRIu64 ", \"4xx\": %" PRIu64
      ", \"5xx\": %" PRIu64
      "},\n"
      "  \"errors\": {\"connect\": %" PRIu64 ", \"read\": %" PRIu64 ", \"timeout\": %" PRIu64
      ", \"malformed\": %" PRIu64 ", \"backlog\": %" PRIu64 "},\n",
      escaped(options.url).c_str(),
      options.network.transport == config::TransportKind::kBypass ? "bypass" : "kernel",
      escaped(driver).c_str(), options.load.connections, options.threads, options.load.pipeline,
      options.load.rate_per_second, options.load.connection_per_request ? "true" : "false", seconds,
      results.requests, results.responses,
      seconds > 0 ? static_cast<double>(results.responses) / seconds : 0.0, results.response_bytes,
      results.connections_opened, results.status_class[1], results.status_class[2], results.status_class[3],
      results.status_class[4], results.status_class[5], results.connect_errors, results.read_errors,
      results.timeouts, results.malformed, results.backlog);
  return std::string(text) + "  \"latency_ms\": " + latency_json(results.latency) +
         ",\n  \"service_ms\": " + latency_json(results.service) + "\n}\n";
}

void print_report(const BenchOptions& options, const GeneratorResults& results) {
  const double seconds = static_cast<double>(results.elapsed_ns) / 1e9;
  std::printf("%" PRIu64 " responses in %.2f s: %.0f a second, %.2f MB a second\n", results.responses,
              seconds, seconds > 0 ? static_cast<double>(results.responses) / seconds : 0.0,
              seconds > 0 ? static_cast<double>(results.response_bytes) / seconds / 1e6 : 0.0);
  std::printf("%s ", options.load.rate_per_second > 0 ? "latency from when a request was due:" : "latency:");
  for (const double percentile : kPercentiles)
    std::printf(" p%g %s", percentile, duration_text(results.latency.percentile_ns(percentile)).c_str());
  std::printf("\n");
  if (options.load.rate_per_second > 0) {
    std::printf("latency from when it was sent:      ");
    for (const double percentile : kPercentiles)
      std::printf(" p%g %s", percentile, duration_text(results.service.percentile_ns(percentile)).c_str());
    std::printf("\n");
  }
  std::printf("status: 2xx %" PRIu64 ", 3xx %" PRIu64 ", 4xx %" PRIu64 ", 5xx %" PRIu64
              "; connections opened: %" PRIu64 "\n",
              results.status_class[2], results.status_class[3], results.status_class[4],
              results.status_class[5], results.connections_opened);
  if (results.connect_errors + results.read_errors + results.timeouts + results.malformed + results.backlog !=
      0)
    std::printf("errors: connect %" PRIu64 ", read %" PRIu64 ", timeout %" PRIu64 ", malformed %" PRIu64
                ", never sent %" PRIu64 "\n",
                results.connect_errors, results.read_errors, results.timeouts, results.malformed,
                results.backlog);
}

}  // namespace

int bench_command(const config::Configuration& configuration) {
  for (const std::string& argument : configuration.arguments)
    if (argument == "--help" || argument == "-h") {
      std::fputs(bench_help_text().c_str(), stdout);
      return 0;
    }
  std::string error;
  const auto options = parse_bench_options(configuration, error);
  if (!options) {
    std::fprintf(stderr, "sluice: %s\n", error.c_str());
    return 2;
  }
  auto network = Network::open(options->network, error);
  if (!network) {
    std::fprintf(stderr, "sluice: %s\n", error.c_str());
    return 2;
  }
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted.store(true); };
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);

  std::vector<std::unique_ptr<Worker>> workers;
  for (unsigned i = 0; i < options->threads; ++i) {
    workers.push_back(std::make_unique<Worker>());
    Worker& worker = *workers.back();
    worker.thread =
        std::thread([&worker, &network, i, &options] { run_worker(worker, *network, i, *options); });
  }
  const bool live = !options->quiet && isatty(STDERR_FILENO);
  uint64_t before = 0;
  for (bool finished = false; !finished;) {
    usleep(live ? 500'000 : 20'000);
    finished = true;
    uint64_t responses = 0;
    uint32_t established = 0;
    for (const auto& worker : workers) {
      finished &= worker->finished.load();
      responses += worker->responses.load(std::memory_order_relaxed);
      established += worker->established.load(std::memory_order_relaxed);
    }
    if (live && !finished)
      std::fprintf(stderr, "\r%" PRIu64 " responses, %.0f a second, %u connections \x1b[K", responses,
                   static_cast<double>(responses - before) * 2, established);
    before = responses;
  }
  if (live) std::fprintf(stderr, "\r\x1b[K");
  GeneratorResults results;
  for (const auto& worker : workers) {
    worker->thread.join();
    if (!worker->error.empty()) error = worker->error;
    results.merge(worker->results);
  }
  const std::string driver = workers.front()->driver;
  workers.clear();
  network.reset();
  if (!error.empty()) {
    std::fprintf(stderr, "sluice: %s\n", error.c_str());
    return 2;
  }
  if (options->json)
    std::fputs(report_json(*options, results, driver).c_str(), stdout);
  else
    print_report(*options, results);
  if (!options->json_file.empty()) {
    std::FILE* file = std::fopen(options->json_file.c_str(), "w");
    if (!file || std::fputs(report_json(*options, results, driver).c_str(), file) < 0) {
      std::fprintf(stderr, "sluice: bench: cannot write \"%s\"\n", options->json_file.c_str());
      if (file) std::fclose(file);
      return 2;
    }
    std::fclose(file);
  }
  if (results.responses == 0) {
    std::fprintf(stderr, "sluice: bench: no response came from %s%s%s\n",
                 options->load.target.to_string().c_str(), results.last_error == Error::kNone ? "" : ": ",
                 results.last_error == Error::kNone ? "" : error_code(results.last_error));
    return 1;
  }
  return results.connect_errors + results.read_errors + results.timeouts + results.malformed == 0 ? 0 : 1;
}

}  // namespace sluice::runtime
