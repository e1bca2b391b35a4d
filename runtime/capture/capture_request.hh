// SPDX-License-Identifier: Apache-2.0
// What to capture, and where to: the words of --capture and of POST /capture.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "drivers/address.hh"

namespace sluice::runtime {

// A frame is wanted when it meets all that is said. Two hosts and two ports are one connection.
struct CaptureRequest {
  static constexpr size_t kTermsLimit = 8;  // of each kind
  std::string file;
  std::vector<std::string> interfaces;  // of one of these ports, by name; empty: of all
  std::vector<IpAddress> hosts;         // each is its source or its destination (of ARP: sender or target)
  std::vector<uint16_t> ports;          // each is its source or its destination, TCP or UDP
  uint32_t snap_bytes = 262'144;        // of each frame, at most
  uint32_t limit_mb = 1024;             // of the file: then the capture ends
};

// "FILE[,KEY=VALUE...]" with the keys host, port, interface, snap and megabytes. Returns "" or what is wrong, in one line.
std::string parse_capture(std::string_view text, CaptureRequest& request);

// Whether the request's hosts and ports are those of this Ethernet frame. Nothing is assumed of its bytes.
bool capture_wants(const CaptureRequest& request, std::span<const std::byte> frame);

}  // namespace sluice::runtime
