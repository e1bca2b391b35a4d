// SPDX-License-Identifier: Apache-2.0
// KernelTransport: the rules of stream.hh and transport.hh on top of kernel::SocketDriver.
#include "dataplane/transport/kernel.hh"

#include <algorithm>
#include <utility>
#include "drivers/kernel/multicast_options.hh"

namespace sluice::transport {

// One connection. What an idle connection costs in user space is this object.
class KernelStream final : public Stream, public kernel::Socket, public Timer {
 public:
  KernelStream(KernelTransport& transport, uint32_t number) : transport_(transport), number_(number) {
    Timer::fire = [](Timer& timer, uint64_t) {
      auto& stream = static_cast<KernelStream&>(timer);
      ++stream.transport_.counters.connects_timed_out;
      stream.finish(Error::kTimedOut, false);
    };
  }
  ~KernelStream() { drop_all(); }

  Error write(Buffer* chain) override;
  Buffer* reserve(uint32_t bytes) override;
  void commit(uint32_t appended_bytes) override;
  void shutdown() override;
  void abort() override;
  void leave() override;
  void consumed(uint32_t count) override;
  void set_no_delay(bool enabled) override {
    if (!(flags_ & kFinished)) kernel::SocketDriver::set_no_delay(*this, enabled);
  }
  void set_keep_alive(bool enabled, uint32_t idle_ms) override {
    if (!(flags_ & kFinished)) kernel::SocketDriver::set_keep_alive(*this, enabled, idle_ms);
  }
  Endpoint local() const override {
    if (local_.port == 0 && !(flags_ & kFinished)) local_ = kernel::SocketDriver::local(*this);
    return local_;
  }
  Endpoint remote() const override {
    if (remote_.port == 0 && !(flags_ & kFinished)) remote_ = kernel::SocketDriver::remote(*this);
    return remote_;
  }
  BufferPool& pool() override { return transport_.pool_; }

 private:
  friend class KernelTransport;
  enum Flag : uint16_t {
    kConnecting = 1 << 0,
    kEstablished = 1 << 1,  // counted in open_streams
    kEndReceived = 1 << 2,
    kShutdownWanted = 1 << 3,
    kShutdownDone = 1 << 4,
    kSending = 1 << 5,      // a send is in flight
    kFull = 1 << 6,         // the high mark was reached: on_writable is owed
    kWritableDue = 1 << 7,  // ... and due
    kReceivePaused = 1 << 8,
    kDirty = 1 << 9,      // on the list of those to be flushed
    kDeferred = 1 << 10,  // on the list of those with an event to come
    kFinished = 1 << 11,  // closed by this side, on_closed owed
    kUserGone = 1 << 12,  // on_closed delivered
    kReleased = 1 << 13,  // the driver has forgotten it
  };

  // Ends the stream: on_closed(error) follows.
  void finish(Error error, bool reset);
  void flush();
  void drop_front(uint32_t bytes);
  void drop_all();
  void note_writable();
  void queue_grew(uint32_t bytes);

  KernelTransport& transport_;
  // Chains that wait to be sent, linked by Buffer::next; the front one may be sent in part.
  Buffer* head_ = nullptr;
  Buffer* tail_ = nullptr;
  uint32_t front_offset_ = 0;      // bytes of the first segment that are sent already
  uint32_t unconsumed_bytes_ = 0;  // given to the user, not yet given back
  const uint32_t number_;          // in the slab
  uint16_t flags_ = 0;
  Error close_error_ = Error::kNone;
  KernelStream* next_dirty_ = nullptr;
  KernelStream* next_deferred_ = nullptr;
  // Asked of the kernel when somebody wants to know; port 0: not yet.
  mutable Endpoint local_, remote_;
};
static_assert(sizeof(KernelStream) <= 256 - 16, "an idle stream is to stay small");

struct KernelTransport::ListenerState : kernel::Socket {
  KernelTransport* transport = nullptr;
  ListenerUser* user = nullptr;
  Endpoint local;
  bool wanted = true;         // by its user
  bool out_of_files = false;  // paused until the timer
  std::vector<int> held;      // accepted by the kernel while accepting had stopped
};

struct KernelTransport::DatagramState : kernel::Socket {
  struct Waiting {
    Endpoint to;
    Buffer* payload;
  };
  KernelTransport* transport = nullptr;
  DatagramUser* user = nullptr;
  Endpoint local;
  // Ring of kDatagramQueueLimit, made when the kernel first has no room.
  std::vector<Waiting> queue;
  uint32_t queue_head = 0, queue_count = 0;
  ~DatagramState() { drop(); }
  void drop() {
    for (; queue_count > 0; --queue_count, ++queue_head) release(queue[queue_head % queue.size()].payload);
  }
};

class KernelListener final : public Listener {
 public:
  explicit KernelListener(KernelTransport::ListenerState& state) : state_(state) {}
  ~KernelListener() override { state_.transport->close_listener(state_); }
  Endpoint local() const override { return state_.local; }
  void set_accepting(bool accepting) override {
    state_.wanted = accepting;
    state_.transport->update_accepting(state_);
  }

 private:
  KernelTransport::ListenerState& state_;
};

class KernelDatagramSocket final : public DatagramSocket {
 public:
  explicit KernelDatagramSocket(KernelTransport::DatagramState& state) : state_(state) {}
  ~KernelDatagramSocket() override { state_.transport->close_datagram(state_); }
  Endpoint local() const override { return state_.local; }
  BufferPool& pool() override { return state_.transport->pool_; }
  Error send(const Endpoint& to, Buffer* payload) override;
  Error join_group(const GroupMembership& membership) override {
    return kernel::set_group(state_, membership, true);
  }
  Error leave_group(const GroupMembership& membership) override {
    return kernel::set_group(state_, membership, false);
  }
  Error set_multicast_interface(const InterfaceChoice& on) override {
    return kernel::set_multicast_interface(state_, on);
  }
  Error set_multicast_hops(uint8_t hops) override { return kernel::set_multicast_hops(state_, hops); }
  Error set_multicast_loopback(bool comes_back) override {
    return kernel::set_multicast_loopback(state_, comes_back);
  }
  Error set_broadcast(bool allowed) override { return kernel::set_broadcast(state_, allowed); }
  Error set_hops(uint8_t hops) override {
    return hops == 0 ? Error::kInvalid : kernel::set_hops(state_, hops);
  }

 private:
  KernelTransport::DatagramState& state_;
};

// ---- KernelStream: writing --------------------------------------------------------------------------------

void KernelStream::queue_grew(uint32_t bytes) {
  queued_bytes_ += bytes;
  if (queued_bytes_ >= kSendHighMarkBytes) flags_ = static_cast<uint16_t>((flags_ | kFull) & ~kWritableDue);
  transport_.mark_dirty(*this);
}

Error KernelStream::write(Buffer* chain) {
  if (flags_ & (kFinished | kShutdownWanted)) {
    release(chain);
    return flags_ & kFinished ? Error::kConnectionReset : Error::kBrokenPipe;
  }
  const uint32_t bytes = chain->chain_length();
  if (bytes == 0) {
    release(chain);
    return Error::kNone;
  }
  chain->next = nullptr;
  (tail_ ? tail_->next : head_) = chain;
  tail_ = chain;
  queue_grew(bytes);
  return Error::kNone;
}

Buffer* KernelStream::reserve(uint32_t bytes) {
  SLUICE_ASSERT(bytes <= kReserveLimitBytes);
  if (flags_ & (kFinished | kShutdownWanted)) return nullptr;
  // The kernel may be reading the tail just now; what is appended lies behind what it was told to read.
  if (tail_ && !tail_->next_segment && tail_->references == 1 && tail_->tailroom() >= bytes) return tail_;
  Buffer* buffer = transport_.pool_.allocate(0);
  if (!buffer) return nullptr;
  SLUICE_ASSERT(buffer->tailroom() >= bytes);
  (tail_ ? tail_->next : head_) = buffer;
  tail_ = buffer;
  transport_.mark_dirty(*this);  // so that it goes back if nothing is ever committed
  return buffer;
}

void KernelStream::commit(uint32_t appended_bytes) {
  if (appended_bytes > 0) queue_grew(appended_bytes);
}

void KernelStream::drop_front(uint32_t bytes) {
  SLUICE_ASSERT(bytes <= queued_bytes_);
  queued_bytes_ -= bytes;
  transport_.counters.bytes_sent += bytes;
  bytes += front_offset_;
  while (head_ && bytes >= head_->length) {
    Buffer* segment = head_;
    bytes -= segment->length;
    if (segment->next_segment) {
      segment->next_segment->next = segment->next;
      if (tail_ == segment) tail_ = segment->next_segment;
      head_ = segment->next_segment;
      segment->next_segment = nullptr;
    } else {
      head_ = segment->next;
      if (!head_) tail_ = nullptr;
    }
    segment->next = nullptr;
    release(segment);
  }
  front_offset_ = bytes;
}

void KernelStream::note_writable() {
  if (!(flags_ & kFull) || queued_bytes_ >= kSendLowMarkBytes) return;
  flags_ = static_cast<uint16_t>((flags_ & ~kFull) | kWritableDue);
  transport_.defer(*this);
}

void KernelStream::drop_all() {
  while (head_) {
    Buffer* chain = head_;
    head_ = chain->next;
    chain->next = nullptr;
    release(chain);
  }
  tail_ = nullptr;
  front_offset_ = 0;
  queued_bytes_ = 0;
}

void KernelStream::flush() {
  if (flags_ & (kFinished | kConnecting | kSending)) return;
  while (queued_bytes_ > 0) {
    const uint32_t taken = transport_.driver_.send(*this, head_, front_offset_);
    if (taken == 0) {
      flags_ |= kSending;
      return;
    }
    drop_front(taken);
    note_writable();
  }
  if (head_) drop_all();  // reserved, but nothing was committed
  if (flags_ & kShutdownWanted && !(flags_ & kShutdownDone)) {
    flags_ |= kShutdownDone;
    if (flags_ & kEndReceived) return finish(Error::kNone, false);  // close() sends the FIN
    transport_.driver_.shutdown_send(*this);
  }
  if (flags_ & kEndReceived) transport_.driver_.watch_failure(*this);
}

// ---- KernelStream: its end --------------------------------------------------------------------------------

void KernelStream::shutdown() {
  if (flags_ & (kFinished | kShutdownWanted)) return;
  flags_ |= kShutdownWanted;
  transport_.mark_dirty(*this);
}

void KernelStream::abort() {
  if (flags_ & kFinished) return;
  ++transport_.counters.aborts;
  finish(Error::kConnectionAborted, true);
}

// The kernel goes on by itself with what it has taken; a reset would throw that away.
void KernelStream::leave() {
  if (queued_bytes_ > 0 || !(flags_ & kShutdownWanted)) return abort();
  finish(Error::kConnectionAborted, false);
}

void KernelStream::finish(Error error, bool reset) {
  if (flags_ & kFinished) return;
  flags_ |= kFinished;
  close_error_ = error;
  transport_.reactor_.timers().cancel(*this);
  if (!(flags_ & kSending)) drop_all();  // else when the driver gives them back
  transport_.driver_.close(*this, reset);
  transport_.defer(*this);
}

void KernelStream::consumed(uint32_t count) {
  SLUICE_ASSERT(count <= unconsumed_bytes_);
  unconsumed_bytes_ -= count;
  if (!(flags_ & kReceivePaused) || unconsumed_bytes_ > KernelTransport::kReceiveLowMarkBytes) return;
  flags_ = static_cast<uint16_t>(flags_ & ~kReceivePaused);
  if (!(flags_ & kFinished)) transport_.driver_.set_receiving(*this, true);
}

// ---- KernelTransport: lists of a turn ---------------------------------------------------------------------

KernelTransport::KernelTransport(Reactor& reactor, kernel::SocketDriver& driver, BufferPool& pool,
                                 const KernelOptions& options)
    : reactor_(reactor), driver_(driver), pool_(pool), options_(options), streams_(options.max_streams) {
  driver_.set_user(this);
  accept_timer_.transport = this;
  accept_timer_.fire = [](Timer& timer, uint64_t) {
    KernelTransport& transport = *static_cast<AcceptTimer&>(timer).transport;
    for (auto& listener : transport.listeners_) listener->out_of_files = false;
    transport.resume_due_ = true;
  };
}

KernelTransport::~KernelTransport() {
  destroying_ = true;
  reactor_.timers().cancel(accept_timer_);
  for (auto& listener : listeners_)
    SLUICE_ASSERT(listener->user == nullptr);  // listeners go before their transport
  for (auto& datagram : datagrams_) SLUICE_ASSERT(datagram->user == nullptr);
  for (uint32_t number = 0; number < streams_.end(); ++number)
    if (streams_.live(number)) streams_[number].finish(Error::kConnectionAborted, false);
  driver_.drain();
  driver_.set_user(nullptr);
}

void KernelTransport::mark_dirty(KernelStream& stream) {
  if (stream.flags_ & KernelStream::kDirty) return;
  stream.flags_ |= KernelStream::kDirty;
  stream.next_dirty_ = dirty_;
  dirty_ = &stream;
}

void KernelTransport::defer(KernelStream& stream) {
  if (stream.flags_ & KernelStream::kDeferred) return;
  stream.flags_ |= KernelStream::kDeferred;
  stream.next_deferred_ = nullptr;
  *deferred_end_ = &stream;
  deferred_end_ = &stream.next_deferred_;
}

bool KernelTransport::run_deferred() {
  if (!deferred_) return false;
  KernelStream* list = std::exchange(deferred_, nullptr);
  deferred_end_ = &deferred_;
  while (list) {
    KernelStream& stream = *list;
    list = stream.next_deferred_;
    stream.flags_ = static_cast<uint16_t>(stream.flags_ & ~KernelStream::kDeferred);
    if (stream.flags_ & KernelStream::kFinished) {
      stream.flags_ |= KernelStream::kUserGone;
      if (stream.flags_ & KernelStream::kEstablished) --open_streams_;
      ++counters.closed;
      if (StreamUser* user = std::exchange(stream.user_, nullptr))
        user->on_closed(stream, stream.close_error_);
      if (stream.flags_ & KernelStream::kReleased) free_stream(stream);
    } else if (stream.flags_ & KernelStream::kWritableDue) {
      stream.flags_ = static_cast<uint16_t>(stream.flags_ & ~KernelStream::kWritableDue);
      if (stream.user_) stream.user_->on_writable(stream);
    }
  }
  return true;
}

void KernelTransport::free_stream(KernelStream& stream) {
  if (stream.flags_ & KernelStream::kDirty) {  // closed in the turn in which it was written to
    KernelStream** at = &dirty_;
    while (*at != &stream) at = &(*at)->next_dirty_;
    *at = stream.next_dirty_;
  }
  streams_.release(stream.number_);
  if (limited_ && streams_.live_count() <= options_.max_streams - std::max(1u, options_.max_streams / 16)) {
    limited_ = false;
    resume_due_ = true;
  }
}

bool KernelTransport::receive(uint64_t) {
  bool worked = driver_.reap();
  if (resume_due_) {
    resume_due_ = false;
    resume_listeners();
    worked = true;
  }
  worked |= run_deferred();
  return worked;
}

bool KernelTransport::deliver(uint64_t) { return run_deferred(); }

void KernelTransport::transmit(uint64_t) {
  while (dirty_) {
    KernelStream& stream = *dirty_;
    dirty_ = stream.next_dirty_;
    stream.flags_ = static_cast<uint16_t>(stream.flags_ & ~KernelStream::kDirty);
    stream.flush();
  }
  driver_.flush();
}

bool KernelTransport::prepare_sleep(uint64_t& timeout_ns) {
  if (dirty_ || deferred_ || resume_due_) return false;
  return driver_.prepare_sleep(timeout_ns);
}

// ---- listening --------------------------------------------------------------------------------------------

Result<std::unique_ptr<Listener>> KernelTransport::listen(const ListenOptions& options, ListenerUser& user) {
  Result<std::unique_ptr<Listener>> result;
  auto state = std::make_unique<ListenerState>();
  state->transport = this;
  state->user = &user;
  const kernel::OpenResult opened =
      driver_.listen(*state, {options.local, options.backlog, options.no_delay, options.ipv6_only});
  if (!opened) {
    result.error = opened.error;
    result.detail = opened.detail;
    return result;
  }
  state->local = kernel::SocketDriver::local(*state);
  listeners_.push_back(std::move(state));
  ListenerState& listener = *listeners_.back();
  result.value = std::make_unique<KernelListener>(listener);
  if (limited_) update_accepting(listener);
  return result;
}

void KernelTransport::update_accepting(ListenerState& listener) {
  if (listener.closing) return;
  const bool accepting = listener.wanted && !listener.out_of_files && !limited_;
  driver_.set_accepting(listener, accepting);
  if (accepting && !listener.held.empty()) resume_due_ = true;
}

void KernelTransport::resume_listeners() {
  // By index: a user may open and close listeners in on_accepted.
  for (size_t i = 0; i < listeners_.size(); ++i) {
    ListenerState& listener = *listeners_[i];
    std::vector<int> held = std::exchange(listener.held, {});
    for (int descriptor : held) accepted(listener, descriptor);  // held again when there is no room
    update_accepting(listener);
  }
}

void KernelTransport::accepted(kernel::Socket& socket, int descriptor) {
  auto& listener = static_cast<ListenerState&>(socket);
  if (at_limit() && !limited_) {
    limited_ = true;
    ++counters.accept_pauses_limit;
    for (auto& each : listeners_) update_accepting(*each);
  }
  if (limited_ || !listener.wanted || !listener.user) {
    if (listener.user && listener.held.size() < kHeldLimit) {
      ++counters.accepts_held;
      listener.held.push_back(descriptor);
    } else {
      ++counters.accepts_refused;
      kernel::SocketDriver::refuse(descriptor);
    }
    return;
  }
  open_accepted(listener, descriptor);
}

void KernelTransport::open_accepted(ListenerState& listener, int descriptor) {
  uint32_t number = 0;
  KernelStream* stream = streams_.allocate(number, *this, number);
  SLUICE_ASSERT(stream != nullptr);
  driver_.adopt(*stream, descriptor);
  stream->flags_ |= KernelStream::kEstablished;
  ++open_streams_;
  ++counters.accepted;
  listener.user->on_accepted(*stream);
  SLUICE_ASSERT(stream->user_ != nullptr || stream->flags_ & KernelStream::kFinished);
}

void KernelTransport::accept_failed(kernel::Socket& socket, Error) {
  auto& listener = static_cast<ListenerState&>(socket);
  ++counters.accept_pauses_files;
  listener.out_of_files = true;
  if (!accept_timer_.armed()) reactor_.timers().arm(accept_timer_, reactor_.now_ns() + kAcceptPauseNs);
}

void KernelTransport::close_listener(ListenerState& listener) {
  listener.user = nullptr;
  for (int descriptor : listener.held) kernel::SocketDriver::refuse(descriptor);
  listener.held.clear();
  driver_.close(listener, false);
}

// ---- connections ------------------------------------------------------------------------------------------

Result<Stream*> KernelTransport::connect(const ConnectOptions& options, StreamUser& user) {
  Result<Stream*> result;
  uint32_t number = 0;
  KernelStream* stream = at_limit() ? nullptr : streams_.allocate(number, *this, number);
  if (!stream) {
    ++counters.connects_refused_limit;
    result.error = Error::kNoBuffers;
    result.detail = "cannot connect to " + options.remote.to_string() + ": this core has " +
                    std::to_string(options_.max_streams) + " streams open, which is its limit";
    return result;
  }
  const kernel::OpenResult opened =
      driver_.connect(*stream, {options.remote, options.local_address, options.no_delay});
  if (!opened) {
    ++counters.connects_failed;
    result.error = opened.error;
    result.detail = opened.detail;
    free_stream(*stream);
    return result;
  }
  stream->user_ = &user;
  stream->flags_ |= KernelStream::kConnecting;
  stream->remote_ = options.remote;
  if (options.timeout_ms > 0)
    reactor_.timers().arm(*stream, reactor_.now_ns() + options.timeout_ms * kNanosecondsPerMillisecond);
  result.value = stream;
  return result;
}

void KernelTransport::connected(kernel::Socket& socket, Error error) {
  auto& stream = static_cast<KernelStream&>(socket);
  reactor_.timers().cancel(stream);
  if (error != Error::kNone) {
    ++counters.connects_failed;
    stream.finish(error, false);
    return;
  }
  stream.flags_ =
      static_cast<uint16_t>((stream.flags_ & ~KernelStream::kConnecting) | KernelStream::kEstablished);
  ++open_streams_;
  ++counters.connected;
  mark_dirty(stream);  // shutdown() may have been asked for already
  if (stream.user_) stream.user_->on_connected(stream);
}

void KernelTransport::received(kernel::Socket& socket, Buffer* buffer) {
  auto& stream = static_cast<KernelStream&>(socket);
  const uint32_t bytes = buffer->length;
  counters.bytes_received += bytes;
  if (!stream.user_ || stream.flags_ & KernelStream::kFinished) {
    release(buffer);
    return;
  }
  stream.unconsumed_bytes_ += bytes;
  stream.user_->on_data(stream, buffer);
  constexpr uint16_t kStopped = KernelStream::kReceivePaused | KernelStream::kFinished;
  if (stream.unconsumed_bytes_ < kReceiveHighMarkBytes || stream.flags_ & kStopped) return;
  ++counters.receive_pauses;
  stream.flags_ |= KernelStream::kReceivePaused;
  driver_.set_receiving(stream, false);
  driver_.watch_failure(stream);
}

void KernelTransport::ended(kernel::Socket& socket) {
  auto& stream = static_cast<KernelStream&>(socket);
  if (stream.flags_ & KernelStream::kFinished) return;
  stream.flags_ |= KernelStream::kEndReceived;
  if (stream.user_) stream.user_->on_end(stream);
  if (stream.flags_ & KernelStream::kFinished) return;
  if (stream.flags_ & KernelStream::kShutdownDone) {
    stream.finish(Error::kNone, false);
  } else {
    mark_dirty(stream);
  }
}

void KernelTransport::sent(kernel::Socket& socket, uint32_t bytes) {
  auto& stream = static_cast<KernelStream&>(socket);
  stream.flags_ = static_cast<uint16_t>(stream.flags_ & ~KernelStream::kSending);
  if (stream.flags_ & KernelStream::kFinished) {
    stream.drop_all();
    return;
  }
  stream.drop_front(bytes);
  stream.note_writable();
  if (stream.queued_bytes_ > 0 || stream.flags_ & KernelStream::kShutdownWanted) {
    mark_dirty(stream);
  } else if (stream.head_) {
    stream.drop_all();
  }
}

void KernelTransport::failed(kernel::Socket& socket, Error error) {
  auto& stream = static_cast<KernelStream&>(socket);
  if (error == Error::kConnectionReset) ++counters.resets_received;
  stream.finish(error, false);
}

void KernelTransport::released(kernel::Socket& socket) {
  const auto is = [&socket](const auto& each) { return static_cast<kernel::Socket*>(each.get()) == &socket; };
  switch (socket.kind) {
    case kernel::Socket::Kind::kListener:
      listeners_.erase(std::find_if(listeners_.begin(), listeners_.end(), is));
      return;
    case kernel::Socket::Kind::kDatagram:
      datagrams_.erase(std::find_if(datagrams_.begin(), datagrams_.end(), is));
      return;
    default: break;
  }
  auto& stream = static_cast<KernelStream&>(socket);
  stream.drop_all();
  stream.flags_ |= KernelStream::kReleased;
  if (stream.flags_ & KernelStream::kUserGone) free_stream(stream);
}

// ---- datagrams --------------------------------------------------------------------------------------------

Result<std::unique_ptr<DatagramSocket>> KernelTransport::bind_datagram(const DatagramOptions& options,
                                                                       DatagramUser& user) {
  Result<std::unique_ptr<DatagramSocket>> result;
  auto state = std::make_unique<DatagramState>();
  state->transport = this;
  state->user = &user;
  const kernel::OpenResult opened = driver_.bind_datagram(*state, options.local, options.reuse_address);
  if (!opened) {
    result.error = opened.error;
    result.detail = opened.detail;
    return result;
  }
  state->local = kernel::SocketDriver::local(*state);
  datagrams_.push_back(std::move(state));
  result.value = std::make_unique<KernelDatagramSocket>(*datagrams_.back());
  return result;
}

Error KernelDatagramSocket::send(const Endpoint& to, Buffer* payload) {
  KernelTransport& transport = *state_.transport;
  BufferRef owned(payload);
  // RFC 768 over IPv4: 65,535 less 20 bytes of IP and 8 of UDP.
  constexpr uint32_t kLargestBytes = 65'507;
  if (payload->chain_length() > kLargestBytes) return Error::kMessageTooLong;
  if (state_.queue_count == 0) {
    Error error = Error::kNone;
    switch (transport.driver_.send_datagram(state_, to, payload, error)) {
      case kernel::SocketDriver::DatagramResult::kSent:
        ++transport.counters.datagrams_sent;
        return Error::kNone;
      case kernel::SocketDriver::DatagramResult::kFailed: return error;
      case kernel::SocketDriver::DatagramResult::kWouldBlock: break;
    }
    state_.queue.resize(KernelTransport::kDatagramQueueLimit);
  }
  if (state_.queue_count == state_.queue.size()) {
    ++transport.counters.datagrams_refused;
    return Error::kNoBuffers;
  }
  state_.queue[(state_.queue_head + state_.queue_count++) % state_.queue.size()] = {to, owned.take()};
  return Error::kNone;
}

void KernelTransport::datagram_writable(kernel::Socket& socket) {
  auto& state = static_cast<DatagramState&>(socket);
  while (state.queue_count > 0) {
    const DatagramState::Waiting& front = state.queue[state.queue_head % state.queue.size()];
    Error error = Error::kNone;
    const auto outcome = driver_.send_datagram(state, front.to, front.payload, error);
    if (outcome == kernel::SocketDriver::DatagramResult::kWouldBlock) return;
    const Endpoint to = front.to;
    release(front.payload);
    ++state.queue_head;
    --state.queue_count;
    if (outcome == kernel::SocketDriver::DatagramResult::kSent) {
      ++counters.datagrams_sent;
    } else {
      datagram_error(state, to, error);
      if (!state.user) return;
    }
  }
}

void KernelTransport::datagram(kernel::Socket& socket, const Endpoint& from, const Endpoint& to,
                               Buffer* payload) {
  auto& state = static_cast<DatagramState&>(socket);
  ++counters.datagrams_received;
  state.user->on_datagram(from, to, payload);
}

void KernelTransport::datagram_error(kernel::Socket& socket, const Endpoint& remote, Error error) {
  auto& state = static_cast<DatagramState&>(socket);
  ++counters.datagram_errors;
  state.user->on_error(remote, error);
}

void KernelTransport::close_datagram(DatagramState& state) {
  state.user = nullptr;
  state.drop();
  driver_.close(state, false);
}

}  // namespace sluice::transport
