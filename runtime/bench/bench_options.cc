// SPDX-License-Identifier: Apache-2.0
#include "runtime/bench/bench_options.hh"

#include <netdb.h>

#include <charconv>
#include <cstring>
#include <fstream>
#include <sstream>

#include "runtime/bench/bench_command.hh"

namespace sluice::runtime {

namespace {

// "10", "10s", "500ms", "2m" -> nanoseconds.
bool parse_duration(std::string_view text, uint64_t& ns) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || !(value > 0)) return false;
  const std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  double scale;
  if (unit.empty() || unit == "s")
    scale = 1e9;
  else if (unit == "ms")
    scale = 1e6;
  else if (unit == "m")
    scale = 60e9;
  else if (unit == "h")
    scale = 3600e9;
  else
    return false;
  if (value * scale > 24 * 3600e9 || value * scale < 1e6) return false;
  ns = static_cast<uint64_t>(value * scale);
  return true;
}

bool parse_count(std::string_view text, uint64_t low, uint64_t high, uint64_t& value) {
  double scale = 1;
  if (!text.empty() && (text.back() == 'k' || text.back() == 'K'))
    scale = 1e3, text.remove_suffix(1);
  else if (!text.empty() && text.back() == 'M')
    scale = 1e6, text.remove_suffix(1);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  number *= scale;
  if (!(number >= static_cast<double>(low) && number <= static_cast<double>(high)))
    return false;  // not a number either
  value = static_cast<uint64_t>(number);
  return true;
}

bool is_token(std::string_view text) {
  if (text.empty()) return false;
  for (const char c : text)
    if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
        !std::strchr("!#$%&'*+-.^_`|~", c))
      return false;
  return true;
}

std::optional<IpAddress> look_up(const std::string& host) {
  if (auto address = IpAddress::parse(host)) return address;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return std::nullopt;
  std::optional<IpAddress> address;
  for (const addrinfo* at = found; at && !address; at = at->ai_next) {
    char text[NI_MAXHOST];
    if (getnameinfo(at->ai_addr, at->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST) == 0)
      address = IpAddress::parse(text);
  }
  freeaddrinfo(found);
  return address;
}

struct Url {
  std::string host, authority, target;
  uint16_t port = 80;
};

bool parse_url(const std::string& text, Url& url, std::string& error) {
  if (!text.starts_with("http://")) {
    error = "bench: \"" + text + "\" is not an http:// URL; try http://127.0.0.1:8080/";
    return false;
  }
  const size_t begin = 7, slash = text.find_first_of("/?#", begin);
  url.authority = text.substr(begin, slash == std::string::npos ? std::string::npos : slash - begin);
  url.target = slash == std::string::npos
                   ? ""
                   : text.substr(slash, text.find('#') == std::string::npos ? std::string::npos
                                                                            : text.find('#') - slash);
  if (!url.target.starts_with('/')) url.target.insert(0, "/");
  std::string_view rest = url.authority;
  if (!rest.empty() && rest.front() == '[') {
    const size_t close = rest.find(']');
    if (close == std::string_view::npos)
      rest = {};
    else
      url.host = rest.substr(1, close - 1), rest.remove_prefix(close + 1);
  } else {
    const size_t colon = rest.find(':');
    url.host = rest.substr(0, colon);
    rest = colon == std::string_view::npos ? std::string_view() : rest.substr(colon);
  }
  uint64_t port = 80;
  if (url.host.empty() ||
      (!rest.empty() && (rest.front() != ':' || !parse_count(rest.substr(1), 1, 65535, port)))) {
    error = "bench: \"" + text + "\" has no usable host and port; try http://127.0.0.1:8080/";
    return false;
  }
  for (const char c : url.target)
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f) {
      error = "bench: the path of \"" + text + "\" has white space or control characters; escape them with %";
      return false;
    }
  url.port = static_cast<uint16_t>(port);
  return true;
}

}  // namespace

std::string bench_help_text() {
  return "Usage: sluice bench URL [options]\n"
         "\n"
         "  -c, --connections N     connections kept open, of all threads together (64)\n"
         "  -t, --threads N         generator threads, one core each (1)\n"
         "  -d, --duration TIME     how long to measure: 10, 10s, 500ms, 2m (10s)\n"
         "  -R, --rate N            open loop: N requests a second in all, whatever the server does; latency "
         "counts from\n"
         "                          when a request was due. Without it: closed loop, as fast as responses "
         "come\n"
         "  -P, --pipeline N        requests in flight on each connection (1)\n"
         "      --new-connections   a new connection for every request\n"
         "  -m, --method NAME       request method (GET, or POST with a body)\n"
         "  -H, --header 'N: V'     one more header field (repeatable)\n"
         "  -b, --body TEXT         request body; @FILE reads it from a file\n"
         "      --timeout TIME      a response that takes longer failed (5s)\n"
         "      --source ADDRESS    connect from this address (repeatable: in turn; each has some 64,000 "
         "ports)\n"
         "      --json              the report as JSON\n"
         "      --output FILE       the JSON report into a file as well\n"
         "  -q, --quiet             no progress line\n"
         "  and the options that choose a network: --transport, --port, --config, --kernel-driver, --poll, "
         "--set\n";
}

static std::optional<BenchOptions> parse(const config::Configuration& configuration, std::string& error) {
  const std::vector<std::string>& arguments = configuration.arguments;
  BenchOptions options;
  options.network = configuration;
  bool has_threads = false;
  std::string method, body, fields;
  bool has_host = false, has_body = false;
  uint64_t number = 0;
  for (size_t i = 0; i < arguments.size(); ++i) {
    std::string name = arguments[i], value;
    bool has_value = false;
    if (name.starts_with("--")) {
      if (const size_t equals = name.find('='); equals != std::string::npos) {
        value = name.substr(equals + 1);
        name = name.substr(0, equals);
        has_value = true;
      }
    }
    const auto need = [&]() {
      if (has_value) return true;
      if (i + 1 >= arguments.size()) {
        error = "bench: " + name + " wants a value; see sluice bench --help";
        return false;
      }
      value = arguments[++i];
      return true;
    };
    const auto count = [&](uint64_t low, uint64_t high) {
      if (!need()) return false;
      if (parse_count(value, low, high, number)) return true;
      error = "bench: " + name + " \"" + value + "\" is not a number from " + std::to_string(low) + " to " +
              std::to_string(high);
      return false;
    };
    if (name == "-c" || name == "--connections") {
      if (!count(1, load::Generator::kConnectionsLimit)) return std::nullopt;
      options.load.connections = static_cast<uint32_t>(number);
    } else if (name == "-t" || name == "--threads") {
      if (!count(1, 256)) return std::nullopt;
      options.threads = static_cast<uint32_t>(number);
      has_threads = true;
    } else if (name == "-d" || name == "--duration" || name == "--timeout") {
      uint64_t ns = 0;
      if (!need()) return std::nullopt;
      if (!parse_duration(value, ns)) {
        error = "bench: " + name + " \"" + value + "\" is not a time of 1 ms to 24 h; try 10s, 500ms or 2m";
        return std::nullopt;
      }
      if (name == "--timeout")
        options.load.timeout_ms = static_cast<uint32_t>(ns / kNanosecondsPerMillisecond);
      else
        options.load.duration_ns = ns;
    } else if (name == "-R" || name == "--rate") {
      if (!count(1, 1'000'000'000)) return std::nullopt;
      options.load.rate_per_second = static_cast<double>(number);
    } else if (name == "-P" || name == "--pipeline") {
      if (!count(1, load::Generator::kPipelineLimit)) return std::nullopt;
      options.load.pipeline = static_cast<uint32_t>(number);
    } else if (name == "--new-connections") {
      options.load.connection_per_request = true;
    } else if (name == "-m" || name == "--method") {
      if (!need()) return std::nullopt;
      if (!is_token(value)) {
        error = "bench: --method \"" + value + "\" is not an HTTP method";
        return std::nullopt;
      }
      method = value;
    } else if (name == "-H" || name == "--header") {
      if (!need()) return std::nullopt;
      const size_t colon = value.find(':');
      if (colon == std::string::npos || !is_token(std::string_view(value).substr(0, colon)) ||
          value.find_first_of("\r\n") != std::string::npos) {
        error = "bench: --header \"" + value + "\" is not of the form 'Name: value'";
        return std::nullopt;
      }
      if (http::field_name_equals(std::string_view(value).substr(0, colon), "host")) has_host = true;
      fields += value + "\r\n";
    } else if (name == "-b" || name == "--body") {
      if (!need()) return std::nullopt;
      has_body = true;
      body = value;
      if (value.starts_with("@")) {
        std::ifstream file(value.substr(1), std::ios::binary);
        if (!file) {
          error = "bench: the body file \"" + value.substr(1) + "\" cannot be read";
          return std::nullopt;
        }
        std::ostringstream contents;
        contents << file.rdbuf();
        body = contents.str();
      }
    } else if (name == "--source") {
      if (!need()) return std::nullopt;
      const auto source = IpAddress::parse(value);
      if (!source) {
        error = "bench: --source \"" + value + "\" is not an address";
        return std::nullopt;
      }
      options.load.sources.push_back(*source);
    } else if (name == "--json") {
      options.json = true;
    } else if (name == "--output") {
      if (!need()) return std::nullopt;
      options.json_file = value;
    } else if (name == "-q" || name == "--quiet") {
      options.quiet = true;
    } else if (name.starts_with("-")) {
      error = "bench: unknown option " + name + "; see sluice bench --help";
      return std::nullopt;
    } else if (options.url.empty()) {
      options.url = name;
    } else {
      error = "bench: one URL at a time, but there are \"" + options.url + "\" and \"" + name + "\"";
      return std::nullopt;
    }
  }
  if (options.url.empty()) {
    error = "bench: no URL given; try sluice bench http://127.0.0.1:8080/";
    return std::nullopt;
  }
  Url url;
  if (!parse_url(options.url, url, error)) return std::nullopt;
  const auto address = look_up(url.host);
  if (!address) {
    error = "bench: the host name \"" + url.host + "\" is not known; use its address";
    return std::nullopt;
  }
  options.load.target = {*address, url.port};
  config::Cores& cores = options.network.cores;
  if (!cores.where.empty() && has_threads && cores.count != options.threads) {
    error = "bench: " + cores.where + "that makes " + std::to_string(cores.count) + " threads, and -t says " +
            std::to_string(options.threads) + "; one of them is enough";
    return std::nullopt;
  }
  if (!cores.where.empty())
    options.threads = cores.count;
  else if (has_threads)
    cores.where = "-t " + std::to_string(options.threads) + ": ";
  cores.count = options.threads;
  if (!config::check_machine(options.network, "", error)) {
    error = "bench: " + error;
    return std::nullopt;
  }
  if (options.threads > options.load.connections) cores.count = options.threads = options.load.connections;
  if (method.empty()) method = has_body ? "POST" : "GET";
  options.load.head_only = method == "HEAD";
  options.load.request = method + " " + url.target + " HTTP/1.1\r\n";
  if (!has_host) options.load.request += "Host: " + url.authority + "\r\n";
  options.load.request += fields;
  if (has_body) options.load.request += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  if (options.load.connection_per_request) options.load.request += "Connection: close\r\n";
  options.load.request += "\r\n" + body;

  return options;
}

std::optional<BenchOptions> parse_bench_options(const config::Configuration& configuration,
                                                std::string& error) {
  auto options = parse(configuration, error);
  // What was given is repeated in it, and it is to be one line.
  for (char& c : error)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return options;
}

}  // namespace sluice::runtime
