// SPDX-License-Identifier: Apache-2.0
// What a connection of either engine has received and not yet looked at, and how bodies are cut out of it: the same for
// requests and for responses (RFC 9112 sections 6 and 7). No I/O, no window: the caller gives back what it has consumed.
#pragma once
#include <algorithm>
#include <cstdint>

#include "dataplane/http/chunked_decoder.hh"
#include "dataplane/http/exchange_body.hh"
#include "drivers/buffer.hh"

namespace sluice::http {

// Pieces of a body in order: one chain, as handlers take it.
struct BodyChain {
  Buffer* head = nullptr;
  Buffer* tail = nullptr;

  // Takes one segment.
  void append(Buffer* piece) {
    (tail ? tail->next_segment : head) = piece;
    tail = piece;
  }
  Buffer* take() {
    Buffer* const chain = head;
    head = tail = nullptr;
    return chain;
  }
};

class InputQueue {
 public:
  InputQueue() = default;
  InputQueue(const InputQueue&) = delete;
  ~InputQueue() {
    while (head_) take(head_->length);
  }

  Buffer* front() const { return head_; }
  bool empty() const { return head_ == nullptr; }

  // Takes a received chain; small segments are moved behind what waits already.
  void push(Buffer* chain) {
    while (chain) {
      Buffer* const next = chain->next_segment;
      chain->next_segment = nullptr;
      push_segment(chain);
      chain = next;
    }
  }

  // The first `count` bytes of the front segment are done with.
  void take(uint32_t count) {
    if (count < head_->length) return head_->trim_front(count);
    release(unlink_front());
  }

  // Everything is of no interest. Returns how many bytes that were.
  uint32_t drop() {
    uint32_t bytes = 0;
    while (head_) {
      bytes += head_->length;
      take(head_->length);
    }
    return bytes;
  }

  // The first `count` bytes of the front segment become the end of `body`. False: the pool is at its limit, nothing happened.
  bool cut(uint32_t count, BodyChain& body, BufferPool& pool) {
    Buffer* const buffer = head_;
    if (count == buffer->length && buffer->references == 1) {
      unlink_front();
      if (body.tail && absorb(*body.tail, *buffer)) {
        release(buffer);
      } else {
        body.append(buffer);
      }
      return true;
    }
    Buffer* const piece = slice(*buffer, count, body.tail, pool);
    if (!piece) return false;
    if (piece != body.tail) body.append(piece);
    take(count);
    return true;
  }

  // Goes through the front segment of a chunked body. `consume(count)` hears of bytes of framing, which are taken;
  // `piece(count)` is to cut that many bytes of data off and may refuse to go on.
  enum class Chunked : uint8_t {
    kMore,      // the segment is used up
    kTrailers,  // the last chunk came; the trailer section is next
    kError,     // see ChunkedDecoder::detail()
    kStopped,   // by `piece`
  };
  template <typename Consume, typename Piece>
  Chunked read_chunked(ChunkedDecoder& decoder, Consume&& consume, Piece&& piece) {
    while (true) {
      Buffer* const buffer = head_;
      const char* const start = reinterpret_cast<const char*>(buffer->data);
      const char* at = start;
      const ChunkedDecoder::Step step = decoder.next(at, start + buffer->length);
      if (step == ChunkedDecoder::Step::kError) return Chunked::kError;
      const uint32_t framing = static_cast<uint32_t>(at - start);
      consume(framing);
      const bool used_up = framing == buffer->length;
      if (framing) take(framing);
      if (step == ChunkedDecoder::Step::kTrailers) return Chunked::kTrailers;
      if (used_up) return Chunked::kMore;
      const uint32_t count = static_cast<uint32_t>(std::min<uint64_t>(buffer->length, decoder.remaining()));
      const bool whole = count == buffer->length;
      if (!piece(count)) return Chunked::kStopped;
      decoder.taken(count);
      if (whole) return Chunked::kMore;
    }
  }

  // All that is left, as one chain.
  Buffer* take_chain() {
    Buffer* const chain = head_;
    for (Buffer* segment = chain; segment; segment = segment->next_segment) {
      segment->next_segment = segment->next;
      segment->next = nullptr;
    }
    head_ = tail_ = nullptr;
    return chain;
  }

 private:
  void push_segment(Buffer* buffer) {
    if (buffer->length == 0 || (tail_ && absorb(*tail_, *buffer))) return release(buffer);
    buffer->next = nullptr;
    (tail_ ? tail_->next : head_) = buffer;
    tail_ = buffer;
  }
  Buffer* unlink_front() {
    Buffer* const buffer = head_;
    head_ = buffer->next;
    if (!head_) tail_ = nullptr;
    buffer->next = nullptr;
    return buffer;
  }

  Buffer* head_ = nullptr;  // single segments, linked by Buffer::next
  Buffer* tail_ = nullptr;
};

}  // namespace sluice::http
