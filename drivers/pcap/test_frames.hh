// SPDX-License-Identifier: Apache-2.0
// For tests: frames of TCP and UDP over IPv4, byte by byte.
#pragma once
#include <cstdint>
#include <vector>

namespace sluice::pcap {

struct TestFrame {
  uint32_t source = 0xc0000201, destination = 0xc0000202;
  uint8_t protocol = 17;
  uint16_t source_port = 1000, destination_port = 2000;
  uint16_t vlan = 0;      // 0: without a tag
  uint16_t fragment = 0;  // flags and offset, as in the header
  uint32_t payload_bytes = 26;
};

inline std::vector<uint8_t> test_frame(const TestFrame& what) {
  std::vector<uint8_t> bytes = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
  const auto put_16 = [&](uint32_t value) {
    bytes.push_back(static_cast<uint8_t>(value >> 8));
    bytes.push_back(static_cast<uint8_t>(value));
  };
  if (what.vlan != 0) {
    put_16(0x8100);
    put_16(what.vlan);
  }
  put_16(0x0800);
  const uint32_t header_bytes = what.protocol == 6 ? 20 : 8;
  put_16(0x4500);
  put_16(20 + header_bytes + what.payload_bytes);
  put_16(1);
  put_16(what.fragment);
  put_16(64u << 8 | what.protocol);
  put_16(0);
  put_16(what.source >> 16);
  put_16(what.source);
  put_16(what.destination >> 16);
  put_16(what.destination);
  put_16(what.source_port);
  put_16(what.destination_port);
  bytes.insert(bytes.end(), header_bytes - 4 + what.payload_bytes, 0);
  return bytes;
}

}  // namespace sluice::pcap
