// SPDX-License-Identifier: Apache-2.0
// A transport in memory for tests, fuzzing and micro-benchmarks: pairs of streams with windows, send marks, FIN and RST,
// delivered when the reactor turns, in pieces of the caller's choosing. Deterministic.
#pragma once
#include <algorithm>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/core/reactor.hh"
#include "dataplane/transport/transport.hh"
#include "drivers/buffer.hh"

namespace sluice::http {

class NoWaiter final : public Waiter {
 public:
  void wait(uint64_t) override {}
  void wake() override {}
  void watch(int) override {}
  void unwatch(int) override {}
};

class FakeTransport;

class FakeStream final : public transport::Stream {
 public:
  explicit FakeStream(FakeTransport& transport) : transport_(transport) {}
  ~FakeStream() { release(head_); }

  Error write(Buffer* chain) override;
  Buffer* reserve(uint32_t bytes) override;
  void commit(uint32_t bytes) override {
    queued_bytes_ += bytes;
    was_full_ = was_full_ || write_is_full();
  }
  void shutdown() override { finishing_ = true; }
  void abort() override { aborted_ = true; }
  void consumed(uint32_t count) override {
    SLUICE_ASSERT(count <= unconsumed_);
    unconsumed_ -= count;
  }
  void set_no_delay(bool) override {}
  void set_keep_alive(bool enabled, uint32_t idle_ms) override { probed_ms = enabled ? idle_ms : 0; }
  uint32_t probed_ms = 0;  // idle time before keep-alive probes; 0: there are none
  Endpoint local() const override { return local_; }
  Endpoint remote() const override { return remote_; }
  BufferPool& pool() override;

  bool aborted() const { return aborted_; }
  bool finishing() const { return finishing_; }
  uint32_t unconsumed() const { return unconsumed_; }
  uint32_t window_bytes = 64 * 1024;
  // Nothing that is written leaves while this is set: a peer that reads nothing.
  bool blocked = false;

 private:
  friend class FakeTransport;
  FakeTransport& transport_;
  FakeStream* peer_ = nullptr;
  Buffer* head_ = nullptr;  // what is to be sent, one chain
  Buffer* tail_ = nullptr;
  Endpoint local_, remote_;
  uint32_t unconsumed_ = 0;
  bool finishing_ = false, finished_ = false;  // FIN asked for; delivered to the peer
  bool aborted_ = false, reset_ = false, closed_ = false, connecting_ = false;
  bool was_full_ = false, gone_ = false;
};

class FakeListener final : public transport::Listener {
 public:
  FakeListener(FakeTransport& transport, const Endpoint& local, transport::ListenerUser& user)
      : transport_(transport), local_(local), user_(user) {}
  ~FakeListener() override;
  Endpoint local() const override { return local_; }
  void set_accepting(bool accepting) override { accepting_ = accepting; }

 private:
  friend class FakeTransport;
  FakeTransport& transport_;
  Endpoint local_;
  transport::ListenerUser& user_;
  bool accepting_ = true;
};

class FakeTransport final : public transport::Transport, public ReactorPart {
 public:
  explicit FakeTransport(uint32_t storage_bytes = 2176, uint32_t limit_buffers = 1 << 16)
      : pool_(storage_bytes, limit_buffers) {}

  // The size of the next piece to be delivered out of `available` bytes; unset: everything, as the Buffers that were written.
  std::function<uint32_t(uint32_t available)> split;

  const char* name() const override { return "fake"; }
  transport::Result<std::unique_ptr<transport::Listener>> listen(const transport::ListenOptions& options,
                                                                 transport::ListenerUser& user) override {
    auto listener = std::make_unique<FakeListener>(*this, options.local, user);
    listeners_.push_back(listener.get());
    transport::Result<std::unique_ptr<transport::Listener>> result;
    result.value = std::move(listener);
    return result;
  }
  transport::Result<transport::Stream*> connect(const transport::ConnectOptions& options,
                                                transport::StreamUser& user) override {
    FakeStream* stream = add();
    stream->set_user(&user);
    stream->remote_ = options.remote;
    stream->local_ = {IpAddress::v4(0x7f000001), next_port_++};
    stream->connecting_ = true;
    transport::Result<transport::Stream*> result;
    result.value = stream;
    return result;
  }
  transport::Result<std::unique_ptr<transport::DatagramSocket>> bind_datagram(
      const transport::DatagramOptions&, transport::DatagramUser&) override {
    transport::Result<std::unique_ptr<transport::DatagramSocket>> result;
    result.error = Error::kInvalid;
    return result;
  }
  HeapBufferPool& pool() override { return pool_; }
  uint32_t open_streams() const override { return static_cast<uint32_t>(streams_.size()); }
  // Connections that do not answer at all: connect() neither succeeds nor fails.
  bool black_hole = false;
  // Asked for each connection, when set: whether it is refused.
  std::function<bool()> refuse;

  // The other end of an established stream.
  static FakeStream* peer_of(const FakeStream& stream) { return stream.peer_; }

  bool receive(uint64_t) override {
    bool worked = false;
    for (size_t i = 0; i < streams_.size(); ++i) worked |= step(*streams_[i]);
    // A pair goes when both of its ends are closed.
    for (auto& stream : streams_)
      stream->gone_ = stream->closed_ && (!stream->peer_ || stream->peer_->closed_);
    std::erase_if(streams_, [](const std::unique_ptr<FakeStream>& stream) { return stream->gone_; });
    return worked;
  }
  void transmit(uint64_t) override {}
  bool prepare_sleep(uint64_t&) override { return true; }

 private:
  friend class FakeStream;
  friend class FakeListener;
  FakeStream* add() {
    streams_.push_back(std::make_unique<FakeStream>(*this));
    return streams_.back().get();
  }
  bool step(FakeStream& stream);
  bool pass_on(FakeStream& stream);
  void close(FakeStream& stream, Error error) {
    if (stream.closed_) return;
    stream.closed_ = true;
    release(stream.head_);
    stream.head_ = stream.tail_ = nullptr;
    stream.queued_bytes_ = 0;
    if (stream.user_) stream.user_->on_closed(stream, error);
  }

  HeapBufferPool pool_;
  std::vector<std::unique_ptr<FakeStream>> streams_;
  std::vector<FakeListener*> listeners_;
  uint16_t next_port_ = 40000;
};

// ---- inline parts

inline BufferPool& FakeStream::pool() { return transport_.pool_; }

inline Error FakeStream::write(Buffer* chain) {
  if (closed_ || aborted_ || reset_ || finishing_) {
    release(chain);
    return finishing_ ? Error::kBrokenPipe : Error::kConnectionReset;
  }
  queued_bytes_ += chain->chain_length();
  was_full_ = was_full_ || write_is_full();
  (tail_ ? tail_->next_segment : head_) = chain;
  while (chain->next_segment) chain = chain->next_segment;
  tail_ = chain;
  return Error::kNone;
}

inline Buffer* FakeStream::reserve(uint32_t bytes) {
  SLUICE_ASSERT(bytes <= kReserveLimitBytes);
  if (closed_ || aborted_ || reset_ || finishing_) return nullptr;
  if (tail_ && tail_->references == 1 && tail_->tailroom() >= bytes) return tail_;
  Buffer* buffer = transport_.pool_.allocate();
  if (!buffer) return nullptr;
  (tail_ ? tail_->next_segment : head_) = buffer;
  tail_ = buffer;
  return buffer;
}

inline FakeListener::~FakeListener() { std::erase(transport_.listeners_, this); }

// Delivers one piece of what `stream` wrote to its peer.
inline bool FakeTransport::pass_on(FakeStream& stream) {
  FakeStream& peer = *stream.peer_;
  const uint32_t room = peer.window_bytes > peer.unconsumed_ ? peer.window_bytes - peer.unconsumed_ : 0;
  uint32_t count = std::min(stream.queued_bytes_, room);
  if (count == 0 || stream.blocked) return false;
  if (split) count = std::clamp<uint32_t>(split(count), 1, count);
  Buffer* chain = nullptr;
  Buffer** link = &chain;
  uint32_t left = count;
  while (left > 0) {
    Buffer* front = stream.head_;
    if (front->length <= left && !split && front->references == 1 && !(front->flags & Buffer::kExternal) &&
        front->length) {
      stream.head_ = front->next_segment;
      if (!stream.head_) stream.tail_ = nullptr;
      front->next_segment = nullptr;
      left -= front->length;
      *link = front;
      link = &front->next_segment;
      continue;
    }
    // A copy, as over a wire.
    while (front->length > 0 && left > 0) {
      Buffer* copy = pool_.allocate();
      if (!copy) {
        // Nothing to be had now: what is gathered goes, the rest later.
        stream.queued_bytes_ -= count - left;
        peer.unconsumed_ += count - left;
        if (chain) peer.user_->on_data(peer, chain);
        return false;
      }
      const uint32_t piece = std::min({front->length, left, copy->tailroom()});
      copy->append(front->data, piece);
      front->trim_front(piece);
      left -= piece;
      *link = copy;
      link = &copy->next_segment;
    }
    if (front->length == 0) {
      stream.head_ = front->next_segment;
      if (!stream.head_) stream.tail_ = nullptr;
      front->next_segment = nullptr;
      release(front);
    }
  }
  stream.queued_bytes_ -= count;
  peer.unconsumed_ += count;
  if (peer.user_) {
    peer.user_->on_data(peer, chain);
  } else {
    release(chain);
  }
  return true;
}

inline bool FakeTransport::step(FakeStream& stream) {
  if (stream.closed_) return false;
  if (stream.connecting_) {
    if (stream.aborted_) {
      close(stream, Error::kConnectionAborted);
      return true;
    }
    if (black_hole) return false;
    FakeListener* listener = nullptr;
    for (FakeListener* each : listeners_)
      if (each->local_.port == stream.remote_.port) listener = each;
    if (listener && !listener->accepting_) return false;  // waits in the backlog
    stream.connecting_ = false;
    if (!listener || (refuse && refuse())) {
      close(stream, Error::kConnectionRefused);
      return true;
    }
    FakeStream* other = add();
    other->peer_ = &stream;
    stream.peer_ = other;
    other->local_ = stream.remote_;
    other->remote_ = stream.local_;
    listener->user_.on_accepted(*other);
    stream.user_->on_connected(stream);
    return true;
  }
  if (stream.aborted_) {
    if (stream.peer_ && !stream.peer_->closed_) stream.peer_->reset_ = true;
    close(stream, Error::kConnectionAborted);
    return true;
  }
  if (stream.reset_) {
    close(stream, Error::kConnectionReset);
    return true;
  }
  FakeStream& peer = *stream.peer_;
  bool worked = false;
  if (!peer.closed_ && !peer.aborted_) worked |= pass_on(stream);
  if (stream.aborted_ || stream.closed_) return true;
  if (stream.was_full_ && stream.queued_bytes_ < transport::Stream::kSendLowMarkBytes && stream.user_) {
    stream.was_full_ = false;
    worked = true;
    stream.user_->on_writable(stream);
  }
  if (stream.finishing_ && !stream.finished_ && stream.queued_bytes_ == 0 && !peer.closed_) {
    stream.finished_ = true;
    worked = true;
    if (peer.user_) peer.user_->on_end(peer);
  }
  if (stream.finished_ && peer.finished_ && !stream.closed_ && !stream.aborted_) {
    close(stream, Error::kNone);
    if (!peer.aborted_) close(peer, Error::kNone);
    worked = true;
  }
  return worked;
}

}  // namespace sluice::http
