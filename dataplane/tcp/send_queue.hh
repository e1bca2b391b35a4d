// SPDX-License-Identifier: Apache-2.0
// What was written and is not yet acknowledged, as Buffers in order of sequence. A Buffer's own fields move
// when it is sent in place (headers grow in front of it, lower layers link it into their queues), so its
// payload is described here.
#pragma once
#include <cstdint>

#include "dataplane/core/slab.hh"
#include "dataplane/tcp/sequence.hh"
#include "drivers/buffer.hh"

namespace sluice::tcp {

struct SendEntry {
  Buffer* buffer = nullptr;  // one reference
  std::byte* payload = nullptr;
  uint32_t length = 0;    // bytes
  Sequence sequence = 0;  // of the first byte
  SendEntry* next = nullptr;
  uint32_t number = 0;  // in the slab

  Sequence end() const { return sequence + length; }
  // Whether headers may be written in front of the payload: nobody else reads or has sent this Buffer.
  bool owned_alone() const { return buffer->references == 1 && !(buffer->flags & Buffer::kExternal); }
};

using SendEntrySlab = Slab<SendEntry, 1024>;

// Gives back the queue's reference of one Buffer. It may have been linked into a large segment, and still be on its way in it:
// then the link is that one's.
inline void release_entry_buffer(Buffer* buffer) {
  if (buffer->references > 1) {
    --buffer->references;
    return;
  }
  buffer->next_segment = nullptr;
  release(buffer);
}

// Head and tail only; empty costs 24 bytes and no more.
class SendQueue {
 public:
  bool empty() const { return head_ == nullptr; }
  SendEntry* head() const { return head_; }
  SendEntry* tail() const { return tail_; }
  // The entry that holds the next byte to be sent for the first time; nullptr when all was sent.
  SendEntry* unsent() const { return unsent_; }

  void push(SendEntry* entry) {
    entry->next = nullptr;
    (tail_ ? tail_->next : head_) = entry;
    tail_ = entry;
    if (!unsent_) unsent_ = entry;
  }
  // Everything before `next` was sent now. An empty entry, which waits for commit(), counts as unsent.
  void sent_until(Sequence next) {
    while (unsent_ && unsent_->length > 0 && at_or_before(unsent_->end(), next)) unsent_ = unsent_->next;
  }
  // Drops entries that lie wholly before `edge`.
  void acknowledge(Sequence edge, SendEntrySlab& slab) {
    while (head_ && at_or_before(head_->end(), edge)) {
      SendEntry* entry = head_;
      // An empty entry at the end waits for commit().
      if (entry->length == 0 && entry->next == nullptr) break;
      head_ = entry->next;
      if (unsent_ == entry) unsent_ = head_;
      if (!head_) tail_ = nullptr;
      release_entry_buffer(entry->buffer);
      slab.release(entry->number);
    }
  }
  void clear(SendEntrySlab& slab) {
    while (SendEntry* entry = head_) {
      head_ = entry->next;
      release_entry_buffer(entry->buffer);
      slab.release(entry->number);
    }
    tail_ = unsent_ = nullptr;
  }
  // The entry that holds `at`, or nullptr.
  SendEntry* find(Sequence at) const {
    SendEntry* entry = unsent_ && at_or_after(at, unsent_->sequence) ? unsent_ : head_;
    while (entry && at_or_before(entry->end(), at)) entry = entry->next;
    return entry;
  }
  // Copies `count` bytes from `at` on, which `entry` holds.
  static void copy(const SendEntry* entry, Sequence at, uint32_t count, std::byte* out) {
    while (count > 0) {
      const uint32_t offset = at - entry->sequence;
      const uint32_t part = entry->length - offset < count ? entry->length - offset : count;
      std::memcpy(out, entry->payload + offset, part);
      out += part;
      at += part;
      count -= part;
      entry = entry->next;
    }
  }

 private:
  SendEntry* head_ = nullptr;
  SendEntry* tail_ = nullptr;
  SendEntry* unsent_ = nullptr;
};
static_assert(sizeof(SendQueue) == 24);

}  // namespace sluice::tcp
