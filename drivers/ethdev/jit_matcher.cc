// SPDX-License-Identifier: Apache-2.0
#define ALLOW_EXPERIMENTAL_API  // rte_bpf_convert()
#include "drivers/ethdev/jit_matcher.hh"

#include <pcap/bpf.h>
#include <rte_bpf.h>
#include <rte_malloc.h>

#include "drivers/ethdev/mbuf.hh"

namespace sluice::ethdev {

namespace {

// Of DPDK 22.11: a load whose place is in X is converted to one whose place is in A, so "tcp[13]" reads anywhere. The
// converter's names of the two registers are 7 and 0. Where it is mended there is nothing to do.
void mend_indirect_loads(const rte_bpf_prm& converted) {
  constexpr uint8_t kRegisterX = EBPF_REG_7, kRegisterA = EBPF_REG_0, kClassAndMode = 0xe7;
  auto* instructions = const_cast<ebpf_insn*>(converted.ins);
  for (uint32_t i = 0; i < converted.nb_ins; ++i)
    if ((instructions[i].code & kClassAndMode) == (BPF_LD | BPF_IND) && instructions[i].src_reg == kRegisterA)
      instructions[i].src_reg = kRegisterX;
}

}  // namespace

JitMatcher::JitMatcher(std::unique_ptr<pcap::PcapFilter> filter) : filter_(std::move(filter)) {
  auto* instructions = const_cast<pcap::Instruction*>(filter_->program().data());
  bpf_program classic{static_cast<u_int>(filter_->program().size()),
                      reinterpret_cast<bpf_insn*>(instructions)};
  rte_bpf_prm* const converted = rte_bpf_convert(&classic);
  if (converted == nullptr) return;
  mend_indirect_loads(*converted);
  program_ = rte_bpf_load(converted);
  rte_free(converted);
  rte_bpf_jit machine_code{};
  if (program_ != nullptr && rte_bpf_get_jit(program_, &machine_code) == 0) run_ = machine_code.func;
}

JitMatcher::~JitMatcher() { rte_bpf_destroy(program_); }

uint64_t JitMatcher::match(Buffer* const* frames, uint64_t candidates) const {
  if (run_ == nullptr) return filter_->match(frames, candidates);
  uint64_t matching = 0;
  for (; candidates != 0; candidates &= candidates - 1) {
    const int i = __builtin_ctzll(candidates);
    Buffer* const frame = frames[i];
    bool matches;
    // The program reads through the mbuf, whose lengths are the Buffer's business since it was received. Of a chain the
    // links are cut there, and its length would be wrong.
    if (frame->next_segment == nullptr && frame->pool->has_mbufs()) [[likely]] {
      rte_mbuf* const mbuf = mbuf_of(frame);
      mbuf->data_off = static_cast<uint16_t>(frame->data - static_cast<std::byte*>(mbuf->buf_addr));
      mbuf->data_len = static_cast<uint16_t>(frame->length);
      mbuf->pkt_len = frame->length;
      matches = run_(mbuf) != 0;
    } else {
      matches = filter_->matches(frame);
    }
    matching |= uint64_t{matches} << i;
  }
  return matching;
}

}  // namespace sluice::ethdev
