// SPDX-License-Identifier: Apache-2.0
// Bytes that arrived for a script and that it has not taken yet: of a request's or response's body, or of a socket. They
// stay in the Buffers they came in until the script asks for them, and are then copied once.
#pragma once
#include <v8.h>

#include <cstdint>
#include <string>

#include "drivers/buffer.hh"
#include "jsapi/native/encoding.hh"

namespace sluice::jsapi {

// How a script wants a whole body.
enum class WholeBody : uint8_t { kText = 0, kBytes = 1, kArrayBuffer = 2 };

class ReceivedBytes {
 public:
  // Takes the chain.
  void push(Buffer* chain) {
    bytes_ += chain->chain_length();
    queue_.push(chain);
  }
  uint64_t size() const { return bytes_ + gathered_.size(); }
  bool empty() const { return bytes_ == 0 && gathered_.empty(); }
  void clear();

  // All bytes that wait, as a new Uint8Array. Empty, with a RangeError pending, when the script's memory is used up.
  v8::MaybeLocal<v8::Uint8Array> take(v8::Isolate* isolate);
  // The same as text (a byte order mark removed), or in the other form asked for.
  v8::MaybeLocal<v8::Value> take_whole(v8::Isolate* isolate, WholeBody form);
  // Moves what waits into plain memory, so that the Buffers go back to their pool. Returns the bytes moved.
  uint32_t gather();

 private:
  static constexpr size_t kKeptBytes = 16 * 1024;  // memory that stays for the next one
  void copy_to(uint8_t* out) const;
  BufferQueue queue_;
  uint32_t bytes_ = 0;    // in queue_
  std::string gathered_;  // before those in queue_
};

}  // namespace sluice::jsapi
