// SPDX-License-Identifier: Apache-2.0
// The command line of `sluice bench`: what becomes of it, and what is said when it cannot be taken.
#include "runtime/bench/bench_options.hh"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "runtime/bench/bench_command.hh"

namespace sluice::runtime {
namespace {

// As the program reads it: `sluice bench ...`.
std::optional<BenchOptions> parse(std::vector<const char*> arguments, std::string& error) {
  arguments.insert(arguments.begin(), "bench");
  const auto configuration = config::load(arguments, error);
  if (!configuration) return std::nullopt;
  EXPECT_EQ(configuration->command, config::Command::kBench);
  return parse_bench_options(*configuration, error);
}

BenchOptions good(std::vector<const char*> arguments) {
  std::string error;
  auto options = parse(std::move(arguments), error);
  EXPECT_TRUE(options) << error;
  return options.value_or(BenchOptions{});
}

std::string refused(std::vector<const char*> arguments) {
  std::string error;
  EXPECT_FALSE(parse(std::move(arguments), error));
  EXPECT_EQ(error.find('\n'), std::string::npos) << error;
  return error;
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST(BenchOptions, AUrlIsEnough) {
  const BenchOptions options = good({"http://127.0.0.1:8080/"});
  EXPECT_EQ(options.load.target.to_string(), "127.0.0.1:8080");
  EXPECT_EQ(options.load.request, "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n");
  EXPECT_EQ(options.load.connections, 64u);
  EXPECT_EQ(options.load.pipeline, 1u);
  EXPECT_EQ(options.load.rate_per_second, 0);
  EXPECT_EQ(options.load.duration_ns, 10 * kNanosecondsPerSecond);
  EXPECT_EQ(options.load.timeout_ms, 5'000u);
  EXPECT_FALSE(options.load.connection_per_request);
  EXPECT_EQ(options.threads, 1u);
  EXPECT_EQ(options.network.transport, config::TransportKind::kKernel);
}

TEST(BenchOptions, UrlsInTheirParts) {
  struct {
    const char *url, *target, *line, *host;
  } cases[] = {
      {"http://127.0.0.1", "127.0.0.1:80", "GET / HTTP/1.1", "127.0.0.1"},
      {"http://127.0.0.1:81", "127.0.0.1:81", "GET / HTTP/1.1", "127.0.0.1:81"},
      {"http://127.0.0.1/a/b?c=d", "127.0.0.1:80", "GET /a/b?c=d HTTP/1.1", "127.0.0.1"},
      {"http://127.0.0.1?c=d", "127.0.0.1:80", "GET /?c=d HTTP/1.1", "127.0.0.1"},
      {"http://127.0.0.1/a#part", "127.0.0.1:80", "GET /a HTTP/1.1", "127.0.0.1"},
      {"http://127.0.0.1#part", "127.0.0.1:80", "GET / HTTP/1.1", "127.0.0.1"},
      {"http://[::1]:81/", "[::1]:81", "GET / HTTP/1.1", "[::1]:81"},
  };
  for (const auto& c : cases) {
    const BenchOptions options = good({c.url});
    EXPECT_EQ(options.load.target.to_string(), c.target) << c.url;
    EXPECT_EQ(options.load.request, std::string(c.line) + "\r\nHost: " + c.host + "\r\n\r\n") << c.url;
  }
}

TEST(BenchOptions, UrlsThatCannotBeAsked) {
  for (const char* url :
       {"https://127.0.0.1/", "127.0.0.1:8080", "http://", "http://:80/", "http://127.0.0.1:0/",
        "http://127.0.0.1:99999/", "http://127.0.0.1:x/", "http://127.0.0.1/a b", "http://[::1/"})
    EXPECT_TRUE(has(refused({url}), "bench: ")) << url;
  EXPECT_TRUE(has(refused({}), "no URL"));
  EXPECT_TRUE(has(refused({"http://127.0.0.1/", "http://127.0.0.2/"}), "one URL at a time"));
}

TEST(BenchOptions, Counts) {
  const BenchOptions options = good({"-c", "10k", "--pipeline=16", "-R", "1.5k", "http://127.0.0.1/"});
  EXPECT_EQ(options.load.connections, 10'000u);
  EXPECT_EQ(options.load.pipeline, 16u);
  EXPECT_EQ(options.load.rate_per_second, 1'500);
  for (const char* wrong : {"0", "-1", "x", "", "1x", "2M", "nan"})
    EXPECT_TRUE(has(refused({"-c", wrong, "http://127.0.0.1/"}), "-c")) << wrong;
  EXPECT_TRUE(has(refused({"--pipeline", "257", "http://127.0.0.1/"}), "1 to 256"));
  EXPECT_TRUE(has(refused({"http://127.0.0.1/", "-R"}), "wants a value"));
}

TEST(BenchOptions, Times) {
  struct {
    const char* text;
    uint64_t ms;
  } cases[] = {{"10", 10'000},  {"10s", 10'000}, {"500ms", 500},
               {"2m", 120'000}, {"0.5", 500},    {"1h", 3'600'000}};
  for (const auto& c : cases) {
    EXPECT_EQ(good({"-d", c.text, "http://127.0.0.1/"}).load.duration_ns, c.ms * kNanosecondsPerMillisecond)
        << c.text;
    EXPECT_EQ(good({"--timeout", c.text, "http://127.0.0.1/"}).load.timeout_ms, c.ms) << c.text;
  }
  for (const char* wrong : {"0", "-1s", "1d", "25h", "s", "0.1ms", "1 s"})
    EXPECT_TRUE(has(refused({"-d", wrong, "http://127.0.0.1/"}), "is not a time")) << wrong;
}

TEST(BenchOptions, TheRequestIsMadeOfItsParts) {
  const BenchOptions post =
      good({"-H", "X-A: 1", "-H", "Content-Type: text/plain", "-b", "body", "http://127.0.0.1/p"});
  EXPECT_EQ(post.load.request,
            "POST /p HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: 1\r\nContent-Type: text/plain\r\nContent-Length: "
            "4\r\n\r\nbody");
  EXPECT_TRUE(good({"-m", "PUT", "-b", "", "http://127.0.0.1/"}).load.request.starts_with("PUT / "));
  EXPECT_TRUE(has(good({"-m", "PUT", "-b", "", "http://127.0.0.1/"}).load.request, "Content-Length: 0\r\n"));
  const BenchOptions named = good({"-H", "hOsT: other", "http://127.0.0.1/"});
  EXPECT_EQ(named.load.request, "GET / HTTP/1.1\r\nhOsT: other\r\n\r\n") << "one Host only";
  EXPECT_FALSE(named.load.head_only);
  EXPECT_TRUE(good({"-m", "HEAD", "http://127.0.0.1/"}).load.head_only);
  const BenchOptions once = good({"--new-connections", "http://127.0.0.1/"});
  EXPECT_TRUE(once.load.connection_per_request);
  EXPECT_TRUE(has(once.load.request, "\r\nConnection: close\r\n"));
}

TEST(BenchOptions, ABodyFromAFile) {
  char path[] = "/tmp/sluice-bench-body-XXXXXX";
  const int descriptor = mkstemp(path);
  ASSERT_GE(descriptor, 0);
  close(descriptor);
  std::ofstream(path, std::ios::binary) << std::string("a\0b\n", 4);
  const std::string argument = std::string("@") + path;
  EXPECT_TRUE(good({"-b", argument.c_str(), "http://127.0.0.1/"})
                  .load.request.ends_with("Content-Length: 4\r\n\r\n" + std::string("a\0b\n", 4)));
  std::remove(path);
  EXPECT_TRUE(has(refused({"-b", argument.c_str(), "http://127.0.0.1/"}), path));
}

TEST(BenchOptions, WhatWouldBreakTheRequestIsRefused) {
  for (const char* header : {"no colon", ": x", "a b: c", "X: a\r\nY: b", "X: a\nb"})
    EXPECT_TRUE(has(refused({"-H", header, "http://127.0.0.1/"}), "--header")) << header;
  for (const char* method : {"GE T", "", "G\r\n"})
    EXPECT_TRUE(has(refused({"-m", method, "http://127.0.0.1/"}), "method")) << method;
  EXPECT_TRUE(has(refused({"--rat", "5", "http://127.0.0.1/"}), "--rat"));
}

TEST(BenchOptions, Sources) {
  const BenchOptions options = good({"--source", "127.0.0.2", "--source=127.0.0.3", "http://127.0.0.1/"});
  ASSERT_EQ(options.load.sources.size(), 2u);
  EXPECT_EQ(options.load.sources[1].to_string(), "127.0.0.3");
  EXPECT_TRUE(has(refused({"--source", "nowhere", "http://127.0.0.1/"}), "nowhere"));
}

TEST(BenchOptions, ReportsAndProgress) {
  const BenchOptions options = good({"--json", "--output", "report.json", "-q", "http://127.0.0.1/"});
  EXPECT_TRUE(options.json && options.quiet);
  EXPECT_EQ(options.json_file, "report.json");
}

// The options that choose a network are those of every program: before or among the generator's own.
TEST(BenchOptions, TheNetworkIsThatOfTheCommandLine) {
  const BenchOptions bypass =
      good({"http://192.0.2.2/", "--port", "memif:lab,address=192.0.2.1/24,arguments=role=client", "-c", "3",
            "--poll", "busy"});
  EXPECT_EQ(bypass.network.transport, config::TransportKind::kBypass);
  ASSERT_EQ(bypass.network.ports.size(), 1u);
  EXPECT_EQ(bypass.network.ports[0].device(), "memif:lab");
  EXPECT_EQ(bypass.network.poll, config::PollMode::kBusy);
  EXPECT_EQ(bypass.load.connections, 3u);
  EXPECT_EQ(good({"--no-uring", "http://127.0.0.1/"}).network.kernel_driver, config::KernelDriver::kEpoll);
  EXPECT_TRUE(has(refused({"--transport", "bypass", "http://127.0.0.1/"}), "bypass needs a port"));
}

TEST(BenchOptions, ThreadsAreCores) {
  EXPECT_EQ(good({"http://127.0.0.1/"}).network.cores.count, 1u);
  const BenchOptions named = good({"--cores", "0-0", "http://127.0.0.1/"});
  EXPECT_EQ(named.threads, 1u);
  EXPECT_EQ(named.network.cores.list, std::vector<uint32_t>{0});
  EXPECT_TRUE(has(refused({"-t", "2", "--cores", "1", "http://127.0.0.1/"}), "-t says 2"));
  EXPECT_TRUE(has(refused({"-t", "256", "http://127.0.0.1/"}), "processor"))
      << "a machine with 256 processors?";
}

TEST(BenchOptions, TheHelpNamesEveryOption) {
  const std::string help = bench_help_text();
  for (const char* option : {"--connections", "--threads", "--duration", "--rate", "--pipeline",
                             "--new-connections", "--method", "--header", "--body", "--timeout", "--source",
                             "--json", "--output", "--quiet", "--transport", "--port"})
    EXPECT_TRUE(has(help, option)) << option;
}

}  // namespace
}  // namespace sluice::runtime
