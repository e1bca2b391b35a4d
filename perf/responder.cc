// SPDX-License-Identifier: Apache-2.0
// The far ends of a measurement in one process on one core: a native responder, and with --load a load generator beside it in
// the same reactor (the client and the upstream of a proxy share the core that is not measured).
//
//   responder PORT [--load URL CONNECTIONS SECONDS] [options that choose a network]
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/load/generator.hh"
#include "perf/responder.hh"
#include "runtime/network/network.hh"

namespace {

using namespace sluice;

Reactor* reactor_to_stop;

int fail(const std::string& error) {
  std::fprintf(stderr, "responder: %s\n", error.c_str());
  return 2;
}

// Ends the reactor when the load is done.
class Watch final : public ReactorPart {
 public:
  Watch(Reactor& reactor, load::Generator& generator) : reactor_(reactor), generator_(generator) {}
  bool receive(uint64_t) override { return false; }
  void transmit(uint64_t) override {
    if (generator_.done() && ++turns_ > 100) reactor_.stop();
  }
  bool prepare_sleep(uint64_t&) override { return !generator_.done(); }

 private:
  Reactor& reactor_;
  load::Generator& generator_;
  unsigned turns_ = 0;
};

// "http://ADDRESS:PORT/path"
bool parse_target(std::string_view url, load::GeneratorOptions& options) {
  if (!url.starts_with("http://")) return false;
  url.remove_prefix(7);
  const size_t slash = url.find('/');
  const std::string_view authority = url.substr(0, slash);
  const size_t colon = authority.find(':');
  const auto address = IpAddress::parse(authority.substr(0, colon));
  if (!address || colon == std::string_view::npos) return false;
  options.target = {*address,
                    static_cast<uint16_t>(std::atoi(std::string(authority.substr(colon + 1)).c_str()))};
  options.request = "GET " + std::string(slash == std::string_view::npos ? "/" : url.substr(slash)) +
                    " HTTP/1.1\r\nHost: " + std::string(authority) + "\r\n\r\n";
  return true;
}

}  // namespace

int main(int count, char** values) {
  if (count < 2)
    return fail("usage: responder PORT [--load URL CONNECTIONS SECONDS] [options that choose a network]");
  load::GeneratorOptions load;
  bool loads = false;
  int rest = 2;
  if (count >= 6 && std::strcmp(values[2], "--load") == 0) {
    if (!parse_target(values[3], load)) return fail(std::string("cannot use the URL ") + values[3]);
    load.connections = static_cast<uint32_t>(std::atoi(values[4]));
    load.duration_ns = static_cast<uint64_t>(std::atof(values[5]) * 1e9);
    loads = true;
    rest = 6;
  }
  std::string error;
  const auto configuration = config::load({values + rest, static_cast<size_t>(count - rest)}, error);
  if (!configuration) return fail(error);
  auto network = runtime::Network::open(*configuration, error);
  if (!network) return fail(error);
  auto core = network->make_core(0, error);
  if (!core) return fail(error);
  {
    perf::Responder responder;
    http::Server server(core->reactor(), core->clock(), configuration->http, responder);
    transport::ListenOptions options;
    options.local.address = IpAddress::v4(0);
    options.local.port = static_cast<uint16_t>(std::atoi(values[1]));
    auto listener = core->transport().listen(options, server);
    if (!listener) return fail(listener.detail.empty() ? error_code(listener.error) : listener.detail);
    reactor_to_stop = &core->reactor();
    const auto stop = [](int) { reactor_to_stop->stop(); };
    std::signal(SIGTERM, stop);
    std::signal(SIGINT, stop);
    std::printf("listening on port %u (%s)\n", listener.value->local().port, core->driver());
    std::fflush(stdout);
    std::unique_ptr<load::Generator> generator;
    std::unique_ptr<Watch> watch;
    if (loads) {
      generator = std::make_unique<load::Generator>(core->reactor(), core->transport(), load);
      watch = std::make_unique<Watch>(core->reactor(), *generator);
      core->reactor().add(*generator);
      core->reactor().add(*watch);
    }
    core->reactor().run();
    if (generator) {
      const load::GeneratorResults& results = generator->results();
      std::printf(
          "{\"responses\": %llu, \"seconds\": %.3f, \"2xx\": %llu, \"errors\": %llu, \"p50_ms\": %.4f, "
          "\"p99_ms\": %.4f}\n",
          static_cast<unsigned long long>(results.responses), static_cast<double>(results.elapsed_ns) / 1e9,
          static_cast<unsigned long long>(results.status_class[2]),
          static_cast<unsigned long long>(results.connect_errors + results.read_errors + results.timeouts +
                                          results.malformed),
          static_cast<double>(results.latency.percentile_ns(50)) / 1e6,
          static_cast<double>(results.latency.percentile_ns(99)) / 1e6);
    }
    listener.value.reset();
    server.abort_all();
    // The generator stays a part of the reactor until the last turn.
    for (int turns = 0; turns < 1000 && !server.drained(); ++turns) core->reactor().turn();
    std::fflush(stdout);
    std::_Exit(0);  // the parts of the reactor end here with the process, in no order
  }
}
