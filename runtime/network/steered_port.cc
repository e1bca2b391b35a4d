// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/steered_port.hh"

#include "drivers/ethdev/software_rss.hh"

namespace sluice::runtime {

bool SteeredPort::flow_is_local(const IpAddress& source, const IpAddress& destination, uint16_t source_port,
                                uint16_t destination_port) const {
  return ethdev::software_rss_queue(source, destination, source_port, destination_port, exchange_.cores()) ==
         core_;
}

unsigned SteeredPort::receive(Buffer** frames, unsigned limit) {
  // What others received for us first: it has waited longer. Half the burst at most, so that neither starves.
  unsigned kept = exchange_.take(core_, frames, limit / 2, port_.pool());
  const unsigned begin = kept, end = kept + port_.receive(frames + kept, limit - kept);
  uint64_t to_wake = 0;
  constexpr unsigned kAhead = 4;
  for (unsigned i = begin; i < end && i < begin + kAhead; ++i) __builtin_prefetch(frames[i]->data);
  for (unsigned i = begin; i < end; ++i) {
    if (i + kAhead < end) __builtin_prefetch(frames[i + kAhead]->data);
    Buffer* const frame = frames[i];
    const int owner = ethdev::software_rss_queue(frame->bytes(), exchange_.cores());
    if (owner < 0 || owner == static_cast<int>(core_)) {
      frames[kept++] = frame;
      continue;
    }
    ++counters.handed_over;
    if (exchange_.put(core_, static_cast<unsigned>(owner), frame)) {
      to_wake |= uint64_t{1} << owner;
    } else {
      ++counters.dropped;
      release(frame);
    }
  }
  for (; to_wake != 0; to_wake &= to_wake - 1)
    exchange_.wake(static_cast<unsigned>(__builtin_ctzll(to_wake)));
  return kept;
}

}  // namespace sluice::runtime
