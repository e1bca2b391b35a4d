// SPDX-License-Identifier: Apache-2.0
// Somebody on the wire who looks at every segment as it is sent, and says what no TCP may do: a checksum that is wrong, a
// window that shrinks, data beyond the window, an acknowledgement of what was never sent, one byte of the stream with two
// values. Keeps the last segments for a trace.
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <string>

namespace sluice::scenarios {

class TcpObserver {
 public:
  // `frame`: Ethernet with IPv4 or IPv6 (others are left alone). At `now_ns` of the simulation.
  void see(std::span<const std::byte> frame, uint64_t now_ns);
  // The first thing that was wrong; empty: nothing.
  const std::string& complaint() const { return complaint_; }
  // The last segments, a line each.
  std::string trace() const;

 private:
  struct Side {
    bool known = false, scaling = false, window_known = false, finished = false;
    uint32_t initial = 0;       // sequence number of the SYN
    uint32_t furthest = 0;      // behind the last byte sent
    uint32_t window_edge = 0;   // furthest right edge it has promised
    uint32_t acknowledged = 0;  // furthest acknowledgement it has sent
    uint8_t scale = 0;
    std::map<uint64_t, uint64_t> blocks;  // hash of what was sent, by offset and length
  };
  struct Talk {
    Side sides[2];
  };
  void complain(const std::string& what);

  std::map<std::string, Talk> talks_;
  std::deque<std::string> lines_;
  std::string complaint_;
};

}  // namespace sluice::scenarios
