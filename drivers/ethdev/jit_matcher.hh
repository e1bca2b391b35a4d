// SPDX-License-Identifier: Apache-2.0
// A packet filter as machine code: classic BPF from libpcap, converted to eBPF, checked and compiled by DPDK.
#pragma once
#include <memory>

#include "drivers/frame_matcher.hh"
#include "drivers/pcap/pcap_filter.hh"

struct rte_bpf;

namespace sluice::ethdev {

// Made once, used by all cores: running it alters nothing but the mbufs' own lengths.
class JitMatcher final : public FrameMatcher {
 public:
  // Takes the filter. After Eal::start(), main thread. Where DPDK cannot compile it (another processor, a program that
  // its verifier does not take) libpcap's interpreter runs it: never fails.
  explicit JitMatcher(std::unique_ptr<pcap::PcapFilter> filter);
  ~JitMatcher() override;
  JitMatcher(const JitMatcher&) = delete;

  uint64_t match(Buffer* const* frames, uint64_t candidates) const override;
  bool is_machine_code() const { return run_ != nullptr; }

 private:
  const std::unique_ptr<pcap::PcapFilter> filter_;
  rte_bpf* program_ = nullptr;
  uint64_t (*run_)(void* mbuf) = nullptr;
};

}  // namespace sluice::ethdev
