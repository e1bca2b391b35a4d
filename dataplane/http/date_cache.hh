// SPDX-License-Identifier: Apache-2.0
// The Date header line (RFC 9110 section 6.6.1), made once a second: between two seconds it costs one comparison.
#pragma once
#include <cstdint>
#include <string_view>

#include "drivers/clock.hh"

namespace sluice::http {

class DateCache {
 public:
  explicit DateCache(Clock& clock) : clock_(clock) {}
  // "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n" for the second in which the monotonic time `now_ns` lies. Valid until the
  // next call.
  std::string_view line(uint64_t now_ns) {
    if (now_ns >= valid_until_ns_) refresh(now_ns);
    return {line_, sizeof(line_)};
  }

 private:
  void refresh(uint64_t now_ns);
  Clock& clock_;
  uint64_t valid_until_ns_ = 0;
  char line_[37];
};

}  // namespace sluice::http
