// SPDX-License-Identifier: Apache-2.0
// Packet filters as tcpdump knows them (pcap-filter(7)), compiled by libpcap to classic BPF. It can be run as it is, by
// libpcap's interpreter, on any Buffer; drivers/ethdev/jit_matcher.hh makes machine code of it for those of a DPDK port.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "drivers/frame_matcher.hh"

namespace sluice::pcap {

// One instruction of classic BPF, as in <pcap/bpf.h>.
struct Instruction {
  uint16_t code;
  uint8_t jump_true, jump_false;
  uint32_t k;
};

class PcapFilter final : public FrameMatcher {
 public:
  // `text` in pcap-filter syntax for Ethernet; "" matches everything. nullptr: `error` is what libpcap says of it. Names of
  // hosts are looked up by the host's resolver, which may take its time. Main thread.
  static std::unique_ptr<PcapFilter> compile(const std::string& text, std::string& error);

  uint64_t match(Buffer* const* frames, uint64_t candidates) const override;
  bool matches(const Buffer* frame) const;
  const std::vector<Instruction>& program() const { return program_; }

 private:
  PcapFilter() = default;
  std::vector<Instruction> program_;
};

}  // namespace sluice::pcap
