// SPDX-License-Identifier: Apache-2.0
// SYN cookies (RFC 4987 section 3.6): what a half-open record would hold, put into the initial sequence
// number and, when the client uses timestamps, into the low bits of ours. Nothing is stored until the client
// proves that it is there.
#pragma once
#include <cstdint>
#include <iterator>
#include <optional>

#include "dataplane/tcp/flow.hh"
#include "dataplane/tcp/sequence.hh"

namespace sluice::tcp {

class SynCookies {
 public:
  static constexpr uint64_t kPeriodNs = 64'000'000'000;  // a cookie is valid for one to two periods

  explicit SynCookies(Entropy& entropy)
      : flow_key_(HashKey::from(entropy)), time_key_(HashKey::from(entropy)) {}

  // Our initial sequence number for the client's `irs` and `mss_bytes` (rounded down to what a cookie can
  // say).
  Sequence make(const Flow& flow, Sequence irs, uint16_t mss_bytes, uint64_t now_ns) const;
  // The client's MSS, if `iss` is a cookie made for this flow not long ago.
  std::optional<uint16_t> check(const Flow& flow, Sequence irs, Sequence iss, uint64_t now_ns) const;

  // Options in the low six bits of a timestamp. The result is at most `timestamp`, so that the clock never
  // goes back.
  struct Options {
    bool sack_permitted = false;
    bool has_window_scale = false;
    uint8_t window_scale = 0;
    bool ecn = false;
  };
  static uint32_t encode(uint32_t timestamp, const Options& options);
  static Options decode(uint32_t timestamp_echo);

 private:
  uint32_t time_hash(const Flow& flow, Sequence irs, uint32_t period) const;
  HashKey flow_key_, time_key_;
};

}  // namespace sluice::tcp
