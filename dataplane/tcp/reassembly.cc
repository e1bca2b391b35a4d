// SPDX-License-Identifier: Apache-2.0
// The out-of-order queue and its SACK blocks.
#include "dataplane/tcp/reassembly.hh"

#include <algorithm>

#include "dataplane/core/chain.hh"

namespace sluice::tcp {

void Reassembly::queue_clear() {
  while (Buffer* chain = head_) {
    head_ = chain->next;
    release(chain);
  }
  tail_ = nullptr;
}

static uint32_t segments_of(const Buffer* chain) {
  uint32_t count = 0;
  for (; chain; chain = chain->next_segment) ++count;
  return count;
}

Reassembly::Outcome Reassembly::insert(Sequence sequence, uint32_t length, Buffer* chain,
                                       uint32_t buffer_limit) {
  Sequence end = sequence + length;
  // Where it belongs: behind `previous`. Nearly always at the end.
  Buffer* previous = nullptr;
  if (tail_ && at_or_after(sequence, sequence_of(tail_))) {
    previous = tail_;
  } else {
    for (Buffer* at = head_; at && at_or_before(sequence_of(at), sequence); at = at->next) previous = at;
  }
  const Range* same = ranges_.find(sequence);
  if (same && at_or_before(end, same->end)) {
    note_duplicate(sequence, end);
    release(chain);
    return Outcome::kDuplicate;
  }
  if (previous) {
    const Sequence had = sequence_of(previous) + previous->chain_length();
    if (after(had, sequence)) {
      note_duplicate(sequence, had);
      chain = trim_chain_front(chain, had - sequence);
      sequence = had;
    }
  }
  const uint32_t added = segments_of(chain);
  const Range* behind = ranges_.next(sequence);
  const bool touches =
      ranges_.find(sequence) || ranges_.find(sequence - 1) || (behind && at_or_before(behind->begin, end));
  if (buffers_ + added > buffer_limit || (ranges_.full() && !touches)) {
    release(chain);
    return Outcome::kNoRoom;
  }
  // Chains that lie wholly within the new bytes give way to it; one that goes further keeps its bytes.
  Buffer* following = previous ? previous->next : head_;
  while (following && at_or_before(sequence_of(following) + following->chain_length(), end)) {
    Buffer* covered = following;
    following = covered->next;
    (previous ? previous->next : head_) = following;
    if (!following) tail_ = previous;
    const uint32_t covered_bytes = covered->chain_length();
    note_duplicate(sequence_of(covered), sequence_of(covered) + covered_bytes);
    bytes_ -= covered_bytes;
    buffers_ -= segments_of(covered);
    release(covered);
  }
  if (following && after(end, sequence_of(following))) {
    note_duplicate(sequence_of(following), end);
    trim_chain_to(chain, sequence_of(following) - sequence);
    end = sequence_of(following);
  }
  ranges_.insert(sequence, end);
  chain->rss_hash = sequence;
  chain->flags &= ~Buffer::kRssHashValid;
  chain->next = following;
  (previous ? previous->next : head_) = chain;
  if (!following) tail_ = chain;
  bytes_ += end - sequence;
  buffers_ += segments_of(chain);
  // The newest range first; older ones stay behind it.
  const Range* mine = ranges_.find(sequence);
  unsigned kept = 0;
  std::array<Sequence, kRecent> recent{};
  recent[kept++] = sequence;
  for (unsigned i = 0; i < recent_count_ && kept < kRecent; ++i) {
    const Range* other = ranges_.find(recent_[i]);
    if (other && other != mine) recent[kept++] = recent_[i];
  }
  recent_ = recent;
  recent_count_ = kept;
  return Outcome::kQueued;
}

Buffer* Reassembly::take(Sequence next, uint32_t& length) {
  length = 0;
  Buffer* result = nullptr;
  Buffer* last = nullptr;
  while (head_ && at_or_before(sequence_of(head_), next)) {
    Buffer* chain = head_;
    head_ = chain->next;
    if (!head_) tail_ = nullptr;
    chain->next = nullptr;
    const uint32_t have = chain->chain_length();
    bytes_ -= have;
    buffers_ -= segments_of(chain);
    const uint32_t old = next - sequence_of(chain);
    if (old >= have) {
      release(chain);
      continue;
    }
    chain = trim_chain_front(chain, old);
    next += have - old;
    length += have - old;
    (last ? last->next_segment : result) = chain;
    last = chain;
    while (last->next_segment) last = last->next_segment;
  }
  ranges_.trim_before(next);
  return result;
}

void Reassembly::report(wire::TcpOptions& options, unsigned limit) {
  const auto add = [&](const Range& range) {
    if (options.sack_blocks == limit) return;
    options.sack[options.sack_blocks++] = {range.begin, range.end};
  };
  if (has_duplicate_) {
    add(duplicate_);
    has_duplicate_ = false;
  }
  const unsigned first = options.sack_blocks;
  const auto reported = [&](const Range& range) {
    for (unsigned i = first; i < options.sack_blocks; ++i)
      if (options.sack[i].left == range.begin) return true;
    return false;
  };
  for (unsigned i = 0; i < recent_count_; ++i) {
    const Range* range = ranges_.find(recent_[i]);
    if (range && !reported(*range)) add(*range);
  }
  for (unsigned i = ranges_.count(); i-- > 0;)
    if (!reported(ranges_[i])) add(ranges_[i]);
}

}  // namespace sluice::tcp
