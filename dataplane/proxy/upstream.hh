// SPDX-License-Identifier: Apache-2.0
// A group of upstream servers of one core: which one is asked next, and which ones are left out for a while because they
// failed (passive health, as nginx's max_fails and fail_timeout).
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "drivers/address.hh"

namespace sluice::proxy {

enum class Balance : uint8_t {
  kRoundRobin,        // each in turn
  kFailover,          // the first that works
  kLeastConnections,  // the one with the fewest requests in progress
};

struct Upstream {
  Endpoint endpoint;
  std::string host;  // value of the Host field sent to it: "example.org:8080"

  uint32_t active = 0;         // requests in progress
  uint32_t failures = 0;       // in a row
  uint64_t down_until_ns = 0;  // left out until then
  uint64_t requests = 0, failed = 0;
};

struct UpstreamOptions {
  Balance balance = Balance::kRoundRobin;
  uint32_t failures_limit = 1;  // failures in a row that put an upstream out for fail_timeout_ms; 0: never
  uint32_t fail_timeout_ms = 10'000;
};

class UpstreamGroup {
 public:
  static constexpr unsigned kUpstreamsLimit = 64;

  // At least one and at most kUpstreamsLimit upstreams.
  UpstreamGroup(std::vector<Upstream> upstreams, const UpstreamOptions& options);

  // The upstream for the next attempt of a request, `tried` being a set of bits of those that it has tried. Those that are
  // out are asked only when no other is left. -1 when all were tried.
  int choose(uint64_t now_ns, uint64_t tried);
  void succeeded(unsigned index);
  void failed(unsigned index, uint64_t now_ns);

  Upstream& operator[](unsigned index) { return upstreams_[index]; }
  unsigned size() const { return static_cast<unsigned>(upstreams_.size()); }

 private:
  std::vector<Upstream> upstreams_;
  UpstreamOptions options_;
  unsigned next_ = 0;
};

}  // namespace sluice::proxy
