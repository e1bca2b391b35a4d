// SPDX-License-Identifier: Apache-2.0
// The io_uring driver: one ring a core, and one system call a turn. Accepting and receiving are multishot
// operations, armed once; what is received lands in Buffers that were lent to the kernel, which pick no
// Buffer before there are bytes, so an idle connection holds none. Completions are worked off by this thread
// alone, when it enters the kernel (DEFER_TASKRUN): nothing interrupts a turn.
//
// Needs Linux 6.1. Where the kernel is older or forbids io_uring (a container's filter,
// kernel.io_uring_disabled), the epoll driver does.
#include <liburing.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "drivers/clock.hh"
#include "drivers/kernel/errno_error.hh"
#include "drivers/kernel/host_address.hh"
#include "drivers/kernel/socket_driver.hh"

namespace sluice::kernel {

namespace {

constexpr unsigned kSubmissionEntries = 2048;
constexpr unsigned kCompletionEntries = 16384;
constexpr unsigned kCompletionsPerTurn = 1024;
constexpr unsigned kSendSegments = 64;       // iovecs of one send
constexpr uint32_t kSendBytes = 512 * 1024;  // of one send, about
constexpr unsigned kVectorArena = 4096;      // iovecs of the sends of one turn
constexpr uint64_t kStarvedNapNs = 1'000'000;
constexpr int kBufferGroup = 0;

// What a completion is about: in the low bits of user_data, beside the Socket.
enum Operation : uint64_t {
  kAccept,
  kReceive,
  kSend,
  kConnect,
  kClose,
  kWatchFailure,
  kReadable,
  kWritable,
  kNothing,
  kWake,
  kWatched,
  kOperationMask = 15,
};
static_assert(alignof(Socket) > kOperationMask);

// Socket::state.
enum State : uint16_t {
  kWanted = 1 << 0,      // accepting or receiving is wanted
  kArmed = 1 << 1,       // ... and armed in the kernel
  kCancelling = 1 << 2,  // ... and being cancelled
  kEnded = 1 << 3,       // nothing more will be received
  kFailed = 1 << 4,      // reported
  kFailureWatched = 1 << 5,
  kStarving = 1 << 6,  // on the list of those that wait for a Buffer
  kReady = 1 << 7,     // on the list of datagram sockets that have more
  kWritableWatched = 1 << 8,
  kReceived = 1 << 9,     // on the list of streams that received in this turn ...
  kUnanswered = 1 << 10,  // ... and have not sent since
};

class UringDriver final : public SocketDriver, public Waiter {
 public:
  UringDriver(const DriverOptions& options, BufferPool& pool)
      : pool_(pool), slot_count_(options.receive_buffers) {
    vectors_.resize(kVectorArena);
    messages_.resize(kVectorArena / 2);
  }
  ~UringDriver() override;

  bool open(std::string& why);

  // ---- SocketDriver
  const char* name() const override { return "io_uring"; }
  Waiter& waiter() override { return *this; }
  void set_accepting(Socket& listener, bool accepting) override { set_wanted(listener, kAccept, accepting); }
  void adopt(Socket& socket, int descriptor) override;
  void set_receiving(Socket& socket, bool receiving) override { set_wanted(socket, kReceive, receiving); }
  void watch_failure(Socket& socket) override;
  uint32_t send(Socket& socket, Buffer* front, uint32_t offset) override;
  bool reap() override;
  void flush() override;
  bool prepare_sleep(uint64_t& timeout_ns) override;

  // ---- Waiter
  void wait(uint64_t timeout_ns) override;
  void wake() override;
  void watch(int fd) override;
  void unwatch(int fd) override;

 protected:
  // On a non-blocking socket io_uring reports EAGAIN instead of waiting.
  bool wants_nonblocking() const override { return false; }
  void start_listener(Socket& socket) override {
    socket.state = kWanted;
    arm_accept(socket);
  }
  OpenResult start_connect(Socket& socket, const void* address, uint32_t address_bytes) override;
  void start_datagram(Socket& socket) override;
  void want_datagram_writable(Socket& socket) override;
  void start_close(Socket& socket) override;

 private:
  // Descriptors that end wait(). One-shot polls, armed before each sleep, are as good as level-triggered.
  struct Watched {
    int fd;
    bool armed;
    bool dropped;
  };

  io_uring_sqe* prepare(Socket* socket, Operation operation);
  void enable();
  void submit_and_run();
  void set_wanted(Socket& socket, Operation operation, bool wanted);
  void arm_accept(Socket& socket);
  void arm_receive(Socket& socket, bool poll_first);
  void complete(uint64_t user_data, int result, unsigned flags);
  void accept_done(Socket& socket, int result);
  void receive_done(Socket& socket, int result, unsigned flags);
  void fail(Socket& socket, int number);
  void receive_ready(Socket& socket);
  bool lend(uint16_t slot);
  bool refill();
  void starve(Socket& socket);
  void feed(Socket& socket);  // takes it off the list
  uint64_t watched_data(size_t index) const { return index << 4 | kWatched; }

  BufferPool& pool_;
  io_uring ring_{};
  bool ring_open_ = false, enabled_ = false;
  int event_ = -1;
  std::atomic<bool> woken_{false};  // the eventfd was written and its completion not yet seen
  bool wake_pending_ = false;       // seen, but no wait() ended for it yet
  bool wake_armed_ = false;

  // The Buffers lent to the kernel, by slot; nullptr: none was to be had.
  io_uring_buf_ring* buffer_ring_ = nullptr;
  size_t buffer_ring_bytes_ = 0;
  uint32_t slot_count_;
  std::vector<Buffer*> slots_;
  std::vector<uint16_t> empty_slots_;
  int lent_ = 0;  // added since the last advance

  // Vectors of sends that are not submitted yet; the kernel copies them at submission.
  std::vector<iovec> vectors_;
  std::vector<msghdr> messages_;
  unsigned vectors_used_ = 0, messages_used_ = 0;

  Socket* starving_ = nullptr;
  std::vector<Socket*> ready_;     // datagram sockets that have more; nullptr: closed meanwhile
  std::vector<Socket*> received_;  // see flush(); nullptr: closed meanwhile
  std::vector<Watched> watched_;
};

bool UringDriver::open(std::string& why) {
  io_uring_params params{};
  params.flags = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_SUBMIT_ALL |
                 IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SINGLE_ISSUER |
                 IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_R_DISABLED;
  params.cq_entries = kCompletionEntries;
  int result = io_uring_queue_init_params(kSubmissionEntries, &ring_, &params);
  if (result == -ENOMEM) {  // a small RLIMIT_MEMLOCK
    params.cq_entries = kCompletionEntries / 4;
    result = io_uring_queue_init_params(kSubmissionEntries / 4, &ring_, &params);
  }
  if (result < 0) {
    why = "io_uring: ";
    if (result == -ENOSYS) {
      why += "the kernel has none (ENOSYS)";
    } else if (result == -EPERM || result == -EACCES) {
      why +=
          "forbidden (EPERM): see sysctl kernel.io_uring_disabled, or the seccomp profile of the container";
    } else if (result == -EINVAL) {
      why += "the kernel is older than Linux 6.1 (EINVAL)";
    } else {
      why += strerror(-result);
    }
    return false;
  }
  ring_open_ = true;
  event_ = eventfd(0, EFD_CLOEXEC);
  if (event_ < 0) {
    why = std::string("io_uring: eventfd: ") + strerror(errno);
    return false;
  }

  buffer_ring_bytes_ = slot_count_ * sizeof(io_uring_buf);
  void* memory = nullptr;
  if (posix_memalign(&memory, 4096, buffer_ring_bytes_) != 0) {
    why = "io_uring: no memory";
    return false;
  }
  buffer_ring_ = static_cast<io_uring_buf_ring*>(memory);
  std::memset(memory, 0, buffer_ring_bytes_);
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<uint64_t>(memory);
  registration.ring_entries = slot_count_;
  registration.bgid = kBufferGroup;
  if (int error = io_uring_register_buf_ring(&ring_, &registration, 0); error < 0) {
    why = std::string("io_uring: cannot register a buffer ring: ") + strerror(-error);
    return false;
  }
  io_uring_buf_ring_init(buffer_ring_);
  slots_.assign(slot_count_, nullptr);
  for (uint32_t slot = slot_count_; slot-- > 0;) empty_slots_.push_back(static_cast<uint16_t>(slot));
  return true;
}

UringDriver::~UringDriver() {
  if (ring_open_) {
    if (buffer_ring_) io_uring_unregister_buf_ring(&ring_, kBufferGroup);
    io_uring_queue_exit(&ring_);
  }
  for (Buffer* buffer : slots_) release(buffer);
  free(buffer_ring_);
  if (event_ >= 0) ::close(event_);
}

// The ring belongs to the thread that first turns with it.
void UringDriver::enable() {
  enabled_ = true;
  // By hand: the shared library of liburing 2.3 declares io_uring_enable_rings, but does not export it.
  const long result =
      syscall(__NR_io_uring_register, ring_.ring_fd, IORING_REGISTER_ENABLE_RINGS, nullptr, 0);
  SLUICE_ASSERT(result == 0);
  // Saves the look-up of the descriptor at each call; not everywhere to be had.
  io_uring_register_ring_fd(&ring_);
  refill();
}

void UringDriver::submit_and_run() {
  ++counters.system_calls;
  io_uring_submit_and_get_events(&ring_);
  vectors_used_ = messages_used_ = 0;
}

io_uring_sqe* UringDriver::prepare(Socket* socket, Operation operation) {
  io_uring_sqe* entry = io_uring_get_sqe(&ring_);
  if (__builtin_expect(entry == nullptr, 0)) {
    if (!enabled_) enable();
    ++counters.submissions_full;
    ++counters.system_calls;
    io_uring_submit(&ring_);
    vectors_used_ = messages_used_ = 0;
    entry = io_uring_get_sqe(&ring_);
    SLUICE_ASSERT(entry != nullptr);
  }
  entry->user_data = reinterpret_cast<uint64_t>(socket) | operation;
  if (socket) ++socket->operations;
  return entry;
}

// Sets what the io_uring_prep_* functions of liburing clear.
#define SLUICE_PREPARE(name, socket, operation, function, ...) \
  io_uring_sqe* name = prepare(socket, operation);             \
  const uint64_t name##_data = name->user_data;                \
  function(name, __VA_ARGS__);                                 \
  name->user_data = name##_data

// ---- accepting and receiving ------------------------------------------------------------------------------

void UringDriver::arm_accept(Socket& socket) {
  SLUICE_PREPARE(entry, &socket, kAccept, io_uring_prep_multishot_accept, socket.fd, nullptr, nullptr,
                 SOCK_CLOEXEC);
  socket.state |= kArmed;
}

void UringDriver::arm_receive(Socket& socket, bool poll_first) {
  SLUICE_PREPARE(entry, &socket, kReceive, io_uring_prep_recv, socket.fd, nullptr, 0, 0);
  entry->ioprio = IORING_RECV_MULTISHOT | (poll_first ? IORING_RECVSEND_POLL_FIRST : 0);
  entry->flags |= IOSQE_BUFFER_SELECT;
  entry->buf_group = kBufferGroup;
  socket.state |= kArmed;
}

void UringDriver::adopt(Socket& socket, int descriptor) {
  socket.fd = descriptor;
  socket.kind = Socket::Kind::kStream;
  ++open_sockets_;
  socket.state = kWanted;
  arm_receive(socket, true);
}

void UringDriver::set_wanted(Socket& socket, Operation operation, bool wanted) {
  if (wanted == ((socket.state & kWanted) != 0)) return;
  if (wanted) {
    socket.state |= kWanted;
    // While a cancellation is under way, its end arms anew.
    if (socket.state & (kArmed | kStarving | kEnded | kFailed)) return;
    operation == kAccept ? arm_accept(socket) : arm_receive(socket, false);
    return;
  }
  socket.state &= static_cast<uint16_t>(~kWanted);
  if (socket.state & kStarving) feed(socket);
  if (!(socket.state & kArmed) || socket.state & kCancelling) return;
  socket.state |= kCancelling;
  SLUICE_PREPARE(entry, nullptr, kNothing, io_uring_prep_cancel64,
                 reinterpret_cast<uint64_t>(&socket) | operation, 0);
  entry->flags |= IOSQE_CQE_SKIP_SUCCESS;
}

void UringDriver::accept_done(Socket& socket, int result) {
  if (result >= 0) {
    if (socket.closing) {
      refuse(result);
    } else {
      user_->accepted(socket, result);
    }
  }
  if (socket.closing || socket.state & kArmed || !(socket.state & kWanted)) return;
  switch (-result) {
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
      socket.state &= static_cast<uint16_t>(~kWanted);
      user_->accept_failed(socket, error_from_errno(-result));
      return;
    case EBADF:
    case EINVAL:
    case ENOTSOCK:
    case EOPNOTSUPP: SLUICE_ASSERT(!"a listener that does not listen");
    default: arm_accept(socket);  // a connection that died in the queue, or a wanted one again
  }
}

void UringDriver::receive_done(Socket& socket, int result, unsigned flags) {
  if (flags & IORING_CQE_F_BUFFER) {
    const uint16_t slot = static_cast<uint16_t>(flags >> IORING_CQE_BUFFER_SHIFT);
    Buffer* buffer = slots_[slot];
    slots_[slot] = nullptr;
    if (result > 0 && !socket.closing) {
      buffer->length = static_cast<uint32_t>(result);
      if (!(socket.state & kFailureWatched)) {
        socket.state |= kUnanswered;
        if (!(socket.state & kReceived)) received_.push_back(&socket);
        socket.state |= kReceived;
      }
      user_->received(socket, buffer);
    } else {
      release(buffer);
    }
    // After the user had it: a Buffer that was given back meanwhile is still warm.
    if (!lend(slot)) empty_slots_.push_back(slot);
  }
  if (socket.closing || socket.state & (kEnded | kFailed)) return;
  if (result == 0) {
    socket.state |= kEnded;
    user_->ended(socket);
    return;
  }
  if (socket.state & kArmed) return;
  if (result < 0 && result != -ENOBUFS && result != -ECANCELED && result != -EINTR && result != -EAGAIN) {
    fail(socket, -result);
    return;
  }
  if (!(socket.state & kWanted)) return;
  if (result == -ENOBUFS && empty_slots_.size() == slot_count_) {
    starve(socket);
    return;
  }
  arm_receive(socket, false);
}

void UringDriver::fail(Socket& socket, int number) {
  if (socket.closing || socket.state & kFailed) return;
  socket.state |= kFailed;
  user_->failed(socket, error_from_errno(number));
}

// Lends the kernel a Buffer under the number `slot`.
bool UringDriver::lend(uint16_t slot) {
  Buffer* buffer = pool_.allocate();
  if (!buffer) return false;
  slots_[slot] = buffer;
  io_uring_buf_ring_add(buffer_ring_, buffer->data, buffer->tailroom(), slot,
                        static_cast<int>(slot_count_ - 1), lent_++);
  return true;
}

// Fills empty slots. Returns whether any was.
bool UringDriver::refill() {
  const size_t before = empty_slots_.size();
  while (!empty_slots_.empty() && lend(empty_slots_.back())) empty_slots_.pop_back();
  return empty_slots_.size() < before;
}

void UringDriver::watch_failure(Socket& socket) {
  if (socket.state & (kFailureWatched | kFailed)) return;
  socket.state |= kFailureWatched;
  // POLLERR and POLLHUP are reported without being asked for; so is POLLRDHUP, which may be known already:
  // hence multishot.
  SLUICE_PREPARE(entry, &socket, kWatchFailure, io_uring_prep_poll_multishot, socket.fd, 0);
}

// ---- sending ----------------------------------------------------------------------------------------------

uint32_t UringDriver::send(Socket& socket, Buffer* front, uint32_t offset) {
  // Room for the widest send, or what was prepared goes out first.
  if (vectors_used_ + kSendSegments > kVectorArena || messages_used_ == messages_.size()) {
    if (!enabled_) enable();
    ++counters.submissions_full;
    submit_and_run();
  }
  socket.state &= static_cast<uint16_t>(~kUnanswered);
  // Before the vectors are gathered: it may submit, and so reset the arena.
  io_uring_sqe* entry = prepare(&socket, kSend);
  const uint64_t data = entry->user_data;
  iovec* vectors = &vectors_[vectors_used_];
  unsigned used = 0;
  uint32_t bytes = 0;
  for (Buffer* chain = front; chain && used < kSendSegments && bytes < kSendBytes; chain = chain->next) {
    for (Buffer* segment = chain; segment && used < kSendSegments; segment = segment->next_segment) {
      if (segment->length > offset) {
        vectors[used++] = {segment->data + offset, segment->length - offset};
        bytes += segment->length - offset;
      }
      offset = 0;
    }
  }
  SLUICE_ASSERT(bytes > 0);
  // With MSG_WAITALL the kernel itself goes on after a short send.
  constexpr int kFlags = MSG_NOSIGNAL | MSG_WAITALL;
  if (used == 1) {
    io_uring_prep_send(entry, socket.fd, vectors[0].iov_base, vectors[0].iov_len, kFlags);
  } else {
    msghdr& message = messages_[messages_used_++];
    message = {};
    message.msg_iov = vectors;
    message.msg_iovlen = used;
    vectors_used_ += used;
    io_uring_prep_sendmsg(entry, socket.fd, &message, kFlags);
  }
  entry->user_data = data;
  return 0;
}

OpenResult UringDriver::start_connect(Socket& socket, const void* address, uint32_t address_bytes) {
  socket.state = kWanted;
  // The address must live until submission: it lies in the arena of this turn, among the iovecs.
  constexpr unsigned kEntries = (sizeof(sockaddr_in6) + sizeof(iovec) - 1) / sizeof(iovec);
  if (vectors_used_ + kEntries > kVectorArena) {
    if (!enabled_) enable();
    ++counters.submissions_full;
    submit_and_run();
  }
  io_uring_sqe* entry = prepare(&socket, kConnect);
  const uint64_t data = entry->user_data;
  void* copy = &vectors_[vectors_used_];
  vectors_used_ += kEntries;
  std::memcpy(copy, address, address_bytes);
  io_uring_prep_connect(entry, socket.fd, static_cast<const sockaddr*>(copy), address_bytes);
  entry->user_data = data;
  return {};
}

void UringDriver::start_close(Socket& socket) {
  if (socket.state & kStarving) feed(socket);
  if (socket.state & kReady) *std::find(ready_.begin(), ready_.end(), &socket) = nullptr;
  if (socket.state & kReceived) *std::find(received_.begin(), received_.end(), &socket) = nullptr;
  if (socket.operations > 0) {
    SLUICE_PREPARE(cancel, nullptr, kNothing, io_uring_prep_cancel_fd, socket.fd, IORING_ASYNC_CANCEL_ALL);
    cancel->flags |= IOSQE_CQE_SKIP_SUCCESS;
  }
  SLUICE_PREPARE(entry, &socket, kClose, io_uring_prep_close, socket.fd);
}

// ---- datagrams --------------------------------------------------------------------------------------------

void UringDriver::start_datagram(Socket& socket) {
  socket.state = kWanted | kArmed;
  SLUICE_PREPARE(entry, &socket, kReadable, io_uring_prep_poll_multishot, socket.fd, POLLIN);
}

void UringDriver::receive_ready(Socket& socket) {
  if (!receive_datagrams(socket, pool_) || socket.closing) return;
  socket.state |= kReady;
  ready_.push_back(&socket);
}

void UringDriver::want_datagram_writable(Socket& socket) {
  if (socket.state & kWritableWatched) return;
  socket.state |= kWritableWatched;
  SLUICE_PREPARE(entry, &socket, kWritable, io_uring_prep_poll_add, socket.fd, POLLOUT);
}

// ---- completions ------------------------------------------------------------------------------------------

void UringDriver::complete(uint64_t user_data, int result, unsigned flags) {
  const auto operation = static_cast<Operation>(user_data & kOperationMask);
  const bool more = flags & IORING_CQE_F_MORE;
  switch (operation) {
    case kNothing: return;
    case kWake:
      woken_.store(false);
      wake_pending_ = true;
      wake_armed_ = more;
      return;
    case kWatched: {
      Watched& watched = watched_[user_data >> 4];
      watched.armed = false;
      return;
    }
    default: break;
  }
  auto& socket = *reinterpret_cast<Socket*>(user_data & ~static_cast<uint64_t>(kOperationMask));
  // The socket stays until this completion is dealt with, whatever its user does.
  switch (operation) {
    case kAccept:
      if (!more) socket.state &= static_cast<uint16_t>(~(kArmed | kCancelling));
      accept_done(socket, result);
      break;
    case kReceive:
      if (!more) socket.state &= static_cast<uint16_t>(~(kArmed | kCancelling));
      receive_done(socket, result, flags);
      break;
    case kSend:
      // The Buffers are the user's again in any case.
      user_->sent(socket, result > 0 ? static_cast<uint32_t>(result) : 0);
      if (result < 0 && result != -EINTR && result != -EAGAIN) fail(socket, -result);
      break;
    case kConnect:
      if (socket.closing) break;
      if (result == 0) arm_receive(socket, true);
      user_->connected(socket, error_from_errno(-result));
      break;
    case kWatchFailure:
      if (!more) socket.state &= static_cast<uint16_t>(~kFailureWatched);
      if (!socket.closing && result > 0 && result & (POLLERR | POLLHUP)) {
        int number = 0;
        socklen_t bytes = sizeof number;
        getsockopt(socket.fd, SOL_SOCKET, SO_ERROR, &number, &bytes);
        if (number != 0) fail(socket, number);
      }
      break;
    case kReadable:
      if (socket.closing) break;
      if (!more) {
        SLUICE_PREPARE(entry, &socket, kReadable, io_uring_prep_poll_multishot, socket.fd, POLLIN);
      }
      if (!(socket.state & kReady)) receive_ready(socket);
      break;
    case kWritable:
      socket.state &= static_cast<uint16_t>(~kWritableWatched);
      if (!socket.closing) user_->datagram_writable(socket);
      break;
    case kClose: break;
    default: break;
  }
  if (!more && --socket.operations == 0 && socket.closing) forget(socket);
}

bool UringDriver::reap() {
  if (__builtin_expect(!enabled_, 0)) enable();
  if (!empty_slots_.empty()) {
    refill();
    if (lent_) io_uring_buf_ring_advance(buffer_ring_, std::exchange(lent_, 0));
  }
  while (starving_ && empty_slots_.size() < slot_count_) {
    Socket& socket = *starving_;
    feed(socket);
    arm_receive(socket, false);
  }
  bool worked = false;
  const size_t ready = ready_.size();
  for (size_t i = 0; i < ready; ++i) {
    if (!ready_[i]) continue;
    Socket& socket = *std::exchange(ready_[i], nullptr);
    socket.state &= static_cast<uint16_t>(~kReady);
    worked = true;
    receive_ready(socket);
  }
  ready_.erase(ready_.begin(), ready_.begin() + static_cast<ptrdiff_t>(ready));
  if (io_uring_cq_ready(&ring_) == 0) {
    // Nothing there, but the kernel may hold back work until we come.
    const unsigned flags = IO_URING_READ_ONCE(*ring_.sq.kflags);
    if (flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) submit_and_run();
  }
  unsigned count = 0;
  unsigned head = *ring_.cq.khead;
  const unsigned mask = ring_.cq.ring_mask;
  while (count < kCompletionsPerTurn && head != io_uring_smp_load_acquire(ring_.cq.ktail)) {
    const io_uring_cqe& entry = ring_.cq.cqes[head & mask];
    const uint64_t user_data = entry.user_data;
    const int result = entry.res;
    const unsigned flags = entry.flags;
    io_uring_smp_store_release(ring_.cq.khead, ++head);
    complete(user_data, result, flags);
    ++count;
  }
  if (lent_) io_uring_buf_ring_advance(buffer_ring_, std::exchange(lent_, 0));
  counters.events += count;
  return worked || count > 0;
}

void UringDriver::flush() {
  if (__builtin_expect(!enabled_, 0)) enable();
  // A multishot receive that wakes for bytes and a reset together delivers the bytes and never tells of the reset. Where
  // something is sent in answer, the send fails; where nothing is, a poll looks at the socket's state once and stays.
  for (Socket* socket : received_) {
    if (!socket) continue;
    const bool unanswered = socket->state & kUnanswered;
    socket->state &= static_cast<uint16_t>(~(kReceived | kUnanswered));
    if (unanswered && !(socket->state & (kFailed | kEnded))) watch_failure(*socket);
  }
  received_.clear();
  if (io_uring_sq_ready(&ring_) == 0) return;
  submit_and_run();
}

// ---- sleeping ---------------------------------------------------------------------------------------------

bool UringDriver::prepare_sleep(uint64_t& timeout_ns) {
  if (!ready_.empty()) return false;
  if (io_uring_cq_ready(&ring_) > 0) return false;
  if (IO_URING_READ_ONCE(*ring_.sq.kflags) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) return false;
  if (starving_) timeout_ns = std::min(timeout_ns, kStarvedNapNs);
  return true;
}

void UringDriver::wait(uint64_t timeout_ns) {
  if (!enabled_) enable();
  if (std::exchange(wake_pending_, false)) return;
  if (!wake_armed_) {
    wake_armed_ = true;
    SLUICE_PREPARE(entry, nullptr, kWake, io_uring_prep_poll_multishot, event_, POLLIN);
  }
  for (size_t i = 0; i < watched_.size(); ++i) {
    if (watched_[i].armed || watched_[i].dropped) continue;
    watched_[i].armed = true;
    io_uring_sqe* entry = prepare(nullptr, kNothing);
    io_uring_prep_poll_add(entry, watched_[i].fd, POLLIN);
    entry->user_data = watched_data(i);
  }
  __kernel_timespec timeout{static_cast<int64_t>(timeout_ns / kNanosecondsPerSecond),
                            static_cast<long long>(timeout_ns % kNanosecondsPerSecond)};
  io_uring_cqe* entry = nullptr;
  ++counters.system_calls;
  io_uring_submit_and_wait_timeout(&ring_, &entry, 1, &timeout, nullptr);
  vectors_used_ = messages_used_ = 0;
}

void UringDriver::wake() {
  if (woken_.exchange(true)) return;
  const uint64_t one = 1;
  const int saved = errno;
  (void)!::write(event_, &one, sizeof one);
  errno = saved;
}

void UringDriver::watch(int fd) {
  for (Watched& watched : watched_) {
    if (watched.dropped && !watched.armed) {
      watched = {fd, false, false};
      return;
    }
  }
  watched_.push_back({fd, false, false});
}

void UringDriver::unwatch(int fd) {
  for (size_t i = 0; i < watched_.size(); ++i) {
    if (watched_[i].fd != fd || watched_[i].dropped) continue;
    watched_[i].dropped = true;
    if (watched_[i].armed) {
      SLUICE_PREPARE(entry, nullptr, kNothing, io_uring_prep_cancel64, watched_data(i), 0);
      entry->flags |= IOSQE_CQE_SKIP_SUCCESS;
    }
  }
}

void UringDriver::starve(Socket& socket) {
  ++counters.receive_starved;
  socket.state |= kStarving;
  socket.next = starving_;
  starving_ = &socket;
}

void UringDriver::feed(Socket& socket) {
  Socket** at = &starving_;
  while (*at != &socket) at = &(*at)->next;
  *at = socket.next;
  socket.next = nullptr;
  socket.state &= static_cast<uint16_t>(~kStarving);
}

}  // namespace

std::unique_ptr<SocketDriver> make_uring_driver(const DriverOptions& options, BufferPool& pool,
                                                std::string& why) {
  const uint32_t count = options.receive_buffers;
  if (count == 0 || count > 32768 || (count & (count - 1)) != 0) {
    why =
        "io_uring: receive_buffers is " + std::to_string(count) + ", but must be a power of two up to 32768";
    return nullptr;
  }
  auto driver = std::make_unique<UringDriver>(options, pool);
  if (!driver->open(why)) return nullptr;
  return driver;
}

}  // namespace sluice::kernel
