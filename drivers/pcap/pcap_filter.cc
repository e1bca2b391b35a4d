// SPDX-License-Identifier: Apache-2.0
#include "drivers/pcap/pcap_filter.hh"

#include <pcap/pcap.h>

#include <cstring>
#include <string_view>

namespace sluice::pcap {

static_assert(sizeof(Instruction) == sizeof(bpf_insn) && offsetof(Instruction, k) == offsetof(bpf_insn, k));

std::unique_ptr<PcapFilter> PcapFilter::compile(const std::string& text, std::string& error) {
  constexpr int kSnapBytes = 262'144;
  pcap_t* const pcap = pcap_open_dead(DLT_EN10MB, kSnapBytes);
  if (pcap == nullptr) {
    error = "no memory";
    return nullptr;
  }
  bpf_program compiled{};
  std::unique_ptr<PcapFilter> filter;
  if (pcap_compile(pcap, &compiled, text.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0) {
    error = pcap_geterr(pcap);
    constexpr std::string_view kPreamble = "can't parse filter expression: ";
    if (error.starts_with(kPreamble)) error.erase(0, kPreamble.size());
  } else {
    filter.reset(new PcapFilter);
    filter->program_.resize(compiled.bf_len);
    std::memcpy(filter->program_.data(), compiled.bf_insns, compiled.bf_len * sizeof(Instruction));
    pcap_freecode(&compiled);
  }
  pcap_close(pcap);
  return filter;
}

bool PcapFilter::matches(const Buffer* frame) const {
  const uint32_t total = frame->next_segment ? frame->chain_length() : frame->length;
  return bpf_filter(reinterpret_cast<const bpf_insn*>(program_.data()),
                    reinterpret_cast<const u_char*>(frame->data), total, frame->length) != 0;
}

uint64_t PcapFilter::match(Buffer* const* frames, uint64_t candidates) const {
  uint64_t matching = 0;
  for (; candidates != 0; candidates &= candidates - 1) {
    const int i = __builtin_ctzll(candidates);
    matching |= uint64_t{matches(frames[i])} << i;
  }
  return matching;
}

}  // namespace sluice::pcap
