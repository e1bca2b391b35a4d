// SPDX-License-Identifier: Apache-2.0
// The seam: byte streams, as HTTP, TLS, the proxy and scripts see them, whether they come from our own TCP
// (dataplane/tcp) or from the host kernel's (dataplane/transport/kernel_*). Everything above is written once.
//
// Rules: one core, no locks. A Stream belongs to its transport. It is valid for its user from on_connected/on_accepted
// until its on_closed() returns, or until the user called detach(). Calls into a Stream never call back into its user
// before they return, except where said: events come from the transport's own receive and timer steps.
#pragma once
#include <cstdint>
#include <string_view>

#include "drivers/address.hh"
#include "drivers/buffer.hh"
#include "drivers/error.hh"

namespace sluice::transport {

class Stream;

// The user of one stream. All calls come on the stream's core.
class StreamUser {
 public:
  // An outbound stream is established. Until then nothing may be written.
  virtual void on_connected(Stream& stream) { (void)stream; }
  // Bytes in order; takes the chain (1 or more segments, none empty). They count against the receive window until the
  // user gives them back by stream.consumed(count), which may be called within on_data or later.
  virtual void on_data(Stream& stream, Buffer* chain) = 0;
  // The peer has sent its last byte (FIN). Sending goes on until shutdown() or abort().
  virtual void on_end(Stream& stream) = 0;
  // After write() or write_space() had shown a full send queue: it is below the low mark again.
  virtual void on_writable(Stream& stream) { (void)stream; }
  // The last call. kNone: both sides ended in order. The stream is gone when this returns.
  virtual void on_closed(Stream& stream, Error error) = 0;

 protected:
  ~StreamUser() = default;
};

class Stream {
 public:
  // Bytes that wait to be sent or acknowledged above which writers should pause (back-pressure), and below which
  // on_writable is called. Soft: write() never refuses for size, so that a response head is never cut in two.
  static constexpr uint32_t kSendHighMarkBytes = 256 * 1024;
  static constexpr uint32_t kSendLowMarkBytes = 64 * 1024;

  // Queues a chain of bytes; takes it (also on error). kBrokenPipe after shutdown(), kConnectionReset when the stream is
  // dead but on_closed has not come yet. Sent at the end of the turn at the latest; call flush() only to force.
  virtual Error write(Buffer* chain) = 0;

  // The place where small writes are put together without a further copy: a Buffer at the end of the send queue that has
  // not been sent yet and has at least `bytes` (<= kReserveLimitBytes) of tailroom; append to it and call commit() with
  // the count. nullptr: no Buffer is to be had (the pool is at its limit) or the stream does not take writes any more.
  static constexpr uint32_t kReserveLimitBytes = 1024;
  virtual Buffer* reserve(uint32_t bytes) = 0;
  virtual void commit(uint32_t appended_bytes) = 0;
  // Copies `bytes` into the send queue by reserve/commit.
  Error write_copy(std::string_view bytes);

  // Sends FIN after what is queued. The user may still receive.
  virtual void shutdown() = 0;
  // Ends both directions at once: RST (when the peer may still believe in the stream); what is queued is dropped.
  // on_closed(kConnectionAborted) comes later in this turn or the next one, never from inside abort().
  virtual void abort() = 0;

  // After shutdown(), when nothing is queued: the peer's end is not waited for any longer. What was written may still be on its
  // way and arrives. on_closed follows as after abort().
  virtual void leave() { abort(); }

  // Gives back `count` bytes of receive window.
  virtual void consumed(uint32_t count) = 0;

  virtual void set_no_delay(bool enabled) = 0;                      // Nagle off (RFC 9293 section 3.7.4)
  virtual void set_keep_alive(bool enabled, uint32_t idle_ms) = 0;  // RFC 9293 section 3.8.4
  virtual Endpoint local() const = 0;
  virtual Endpoint remote() const = 0;
  // Bytes written but not yet acknowledged by the peer (own TCP) or not yet taken by the kernel.
  uint32_t queued_bytes() const { return queued_bytes_; }
  bool write_is_full() const { return queued_bytes_ >= send_high_mark_bytes_; }
  // Pool for Buffers that are to be written to this stream.
  virtual BufferPool& pool() = 0;

  StreamUser* user() const { return user_; }
  void set_user(StreamUser* user) { user_ = user; }

 protected:
  ~Stream() = default;
  StreamUser* user_ = nullptr;
  uint32_t queued_bytes_ = 0;
  uint32_t send_high_mark_bytes_ = kSendHighMarkBytes;  // own TCP: more where the path holds more
};

}  // namespace sluice::transport
