// SPDX-License-Identifier: Apache-2.0
// The epoll driver, for where io_uring is missing or forbidden. Streams are registered once, edge-triggered
// for both directions; listeners and datagram sockets level-triggered. A read that did not fill its Buffer
// has drained the socket, which saves the read that would only say so; a request costs one recv and one send.
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>
#include <vector>

#include "drivers/clock.hh"
#include "drivers/kernel/errno_error.hh"
#include "drivers/kernel/socket_driver.hh"

namespace sluice::kernel {

namespace {

constexpr int kEventsPerTurn = 512;
constexpr unsigned kAcceptsPerTurn = 128;  // of one listener
constexpr unsigned kReceivesPerTurn = 16;  // of one stream
constexpr unsigned kSendSegments = 64;     // iovecs of one writev
constexpr unsigned kSendsPerCall = 8;      // writev calls before others get their turn
constexpr uint64_t kStarvedNapNs = 1'000'000;
// A turn that found nothing is followed by others before the reactor sleeps. They take some ten nanoseconds
// each, a call ten times that: so only every eighth looks again.
constexpr int kIdleTurnsPerLook = 8;

// Socket::state.
enum State : uint16_t {
  kWanted = 1 << 0,    // accepting or receiving is wanted
  kReadable = 1 << 1,  // there may be bytes, or an end
  kHangup = 1 << 2,    // the peer's FIN was seen: read until it
  kEnded = 1 << 3,
  kFailed = 1 << 4,
  kConnecting = 1 << 5,
  kSending = 1 << 6,  // a send waits for room
  kReady = 1 << 7,    // on the list of those to be looked at in the next turn
  kWritableWatched = 1 << 8,
};

class EpollDriver final : public SocketDriver, public Waiter {
 public:
  explicit EpollDriver(BufferPool& pool) : pool_(pool) {}
  ~EpollDriver() override;
  bool open(std::string& why);

  // ---- SocketDriver
  const char* name() const override { return "epoll"; }
  Waiter& waiter() override { return *this; }
  void set_accepting(Socket& listener, bool accepting) override;
  void adopt(Socket& socket, int descriptor) override;
  void set_receiving(Socket& socket, bool receiving) override;
  void watch_failure(Socket& socket) override {}  // always is
  uint32_t send(Socket& socket, Buffer* front, uint32_t offset) override;
  bool reap() override;
  void flush() override {}
  bool prepare_sleep(uint64_t& timeout_ns) override;

  // ---- Waiter
  void wait(uint64_t timeout_ns) override;
  void wake() override;
  void watch(int fd) override;
  void unwatch(int fd) override;

 protected:
  bool wants_nonblocking() const override { return true; }
  void start_listener(Socket& socket) override;
  OpenResult start_connect(Socket& socket, const void* address, uint32_t address_bytes) override;
  void start_datagram(Socket& socket) override;
  void want_datagram_writable(Socket& socket) override;
  void start_close(Socket& socket) override;

 private:
  void control(int operation, int fd, uint32_t events, void* context);
  void ready(Socket& socket);
  void event(Socket& socket, uint32_t events);
  void accept_burst(Socket& socket);
  bool receive_burst(Socket& socket);  // whether there was a Buffer to receive into
  void connect_done(Socket& socket);
  void fail(Socket& socket, int number);
  // What a call returned at once, to be reported from the next turn: a call never calls back, and SO_ERROR
  // does not keep it. The number waits in Socket::operations, which this driver does not need otherwise.
  void fail_later(Socket& socket, int number) {
    socket.operations = static_cast<uint8_t>(number);
    ready(socket);
  }
  static int pending_error(const Socket& socket);

  BufferPool& pool_;
  int epoll_ = -1, event_ = -1;
  std::atomic<bool> woken_{false};
  bool wake_pending_ = false;
  Buffer* spare_ = nullptr;  // an empty Buffer for the next recv
  epoll_event events_[kEventsPerTurn];
  int gathered_ = 0;            // events that wait() found for the next reap()
  int skip_ = 0;                // turns until epoll is asked again
  std::vector<Socket*> ready_;  // nullptr: closed meanwhile
  std::vector<Socket*> closed_;
  bool starving_ = false;
};

bool EpollDriver::open(std::string& why) {
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  event_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (epoll_ < 0 || event_ < 0) {
    why = std::string("epoll: ") + strerror(errno);
    return false;
  }
  control(EPOLL_CTL_ADD, event_, EPOLLIN | EPOLLET, &event_);
  return true;
}

EpollDriver::~EpollDriver() {
  release(spare_);
  if (event_ >= 0) ::close(event_);
  if (epoll_ >= 0) ::close(epoll_);
}

void EpollDriver::control(int operation, int fd, uint32_t events, void* context) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = context;
  epoll_ctl(epoll_, operation, fd, &event);
}

void EpollDriver::ready(Socket& socket) {
  if (socket.state & kReady) return;
  socket.state |= kReady;
  ready_.push_back(&socket);
}

int EpollDriver::pending_error(const Socket& socket) {
  int number = 0;
  socklen_t bytes = sizeof number;
  getsockopt(socket.fd, SOL_SOCKET, SO_ERROR, &number, &bytes);
  return number;
}

void EpollDriver::fail(Socket& socket, int number) {
  if (socket.closing || socket.state & kFailed) return;
  socket.state |= kFailed;
  user_->failed(socket, error_from_errno(number));
}

// ---- accepting and receiving ------------------------------------------------------------------------------

void EpollDriver::start_listener(Socket& socket) {
  socket.state = kWanted;
  control(EPOLL_CTL_ADD, socket.fd, EPOLLIN, &socket);
}

void EpollDriver::set_accepting(Socket& listener, bool accepting) {
  if (accepting == ((listener.state & kWanted) != 0)) return;
  listener.state ^= kWanted;
  control(accepting ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, listener.fd, EPOLLIN, &listener);
}

void EpollDriver::accept_burst(Socket& socket) {
  for (unsigned i = 0; i < kAcceptsPerTurn; ++i) {
    if (socket.closing || !(socket.state & kWanted)) return;
    ++counters.system_calls;
    const int descriptor = accept4(socket.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor >= 0) {
      user_->accepted(socket, descriptor);
      continue;
    }
    switch (errno) {
      case EAGAIN: return;
      case EMFILE:
      case ENFILE:
      case ENOMEM:
      case ENOBUFS: {
        const int number = errno;
        set_accepting(socket, false);
        user_->accept_failed(socket, error_from_errno(number));
        return;
      }
      default: continue;  // a connection that died in the queue
    }
  }
}

void EpollDriver::adopt(Socket& socket, int descriptor) {
  socket.fd = descriptor;
  socket.kind = Socket::Kind::kStream;
  ++open_sockets_;
  socket.state = kWanted;
  control(EPOLL_CTL_ADD, descriptor, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, &socket);
}

void EpollDriver::set_receiving(Socket& socket, bool receiving) {
  if (receiving == ((socket.state & kWanted) != 0)) return;
  socket.state ^= kWanted;
  if (receiving && socket.state & kReadable) ready(socket);
}

bool EpollDriver::receive_burst(Socket& socket) {
  for (unsigned i = 0; i < kReceivesPerTurn; ++i) {
    if (socket.closing || (socket.state & (kWanted | kReadable | kEnded | kFailed)) != (kWanted | kReadable))
      return true;
    if (!spare_ && !(spare_ = pool_.allocate())) {
      ++counters.receive_starved;
      starving_ = true;
      ready(socket);
      return false;
    }
    const uint32_t room = spare_->tailroom();
    ++counters.system_calls;
    const ssize_t count = ::recv(socket.fd, spare_->data, room, 0);
    if (count > 0) {
      // Edge-triggered: more bytes make a new event. But a FIN that was seen already makes none.
      if (static_cast<uint32_t>(count) < room && !(socket.state & kHangup))
        socket.state &= static_cast<uint16_t>(~kReadable);
      spare_->length = static_cast<uint32_t>(count);
      user_->received(socket, std::exchange(spare_, nullptr));
    } else if (count == 0) {
      socket.state &= static_cast<uint16_t>(~kReadable);
      socket.state |= kEnded;
      user_->ended(socket);
      return true;
    } else if (errno == EAGAIN) {
      socket.state &= static_cast<uint16_t>(~kReadable);
      return true;
    } else if (errno != EINTR) {
      fail(socket, errno);
      return true;
    }
  }
  if (!socket.closing) ready(socket);
  return true;
}

// ---- sending ----------------------------------------------------------------------------------------------

uint32_t EpollDriver::send(Socket& socket, Buffer* front, uint32_t offset) {
  uint32_t total = 0;
  Buffer* chain = front;
  Buffer* segment = front;
  for (unsigned call = 0; call < kSendsPerCall && chain; ++call) {
    iovec vectors[kSendSegments];
    unsigned used = 0;
    uint32_t bytes = 0;
    while (chain && used < kSendSegments) {
      if (segment->length > offset) {
        vectors[used++] = {segment->data + offset, segment->length - offset};
        bytes += segment->length - offset;
      }
      offset = 0;
      segment = segment->next_segment;
      if (!segment) {
        chain = chain->next;
        segment = chain;
      }
    }
    if (used == 0) break;
    msghdr message{};
    message.msg_iov = vectors;
    message.msg_iovlen = used;
    ++counters.system_calls;
    const ssize_t count = used == 1 ? ::send(socket.fd, vectors[0].iov_base, vectors[0].iov_len, MSG_NOSIGNAL)
                                    : ::sendmsg(socket.fd, &message, MSG_NOSIGNAL);
    if (count > 0) total += static_cast<uint32_t>(count);
    if (count >= 0 && static_cast<uint32_t>(count) == bytes) continue;
    if (total > 0) return total;  // the rest, or the error, with the next call
    // Nothing at all: sent() comes with the next event, or failed() from the next turn.
    socket.state |= kSending;
    if (errno != EAGAIN) fail_later(socket, errno);
    return 0;
  }
  SLUICE_ASSERT(total > 0);
  return total;
}

OpenResult EpollDriver::start_connect(Socket& socket, const void* address, uint32_t address_bytes) {
  socket.state = kWanted | kConnecting;
  if (::connect(socket.fd, static_cast<const sockaddr*>(address), address_bytes) < 0 &&
      errno != EINPROGRESS) {
    fail_later(socket, errno);
    return {};
  }
  // Not before: epoll would report an unconnected socket as hung up.
  control(EPOLL_CTL_ADD, socket.fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, &socket);
  return {};
}

void EpollDriver::connect_done(Socket& socket) {
  const int number = socket.operations ? std::exchange(socket.operations, 0) : pending_error(socket);
  socket.state &= static_cast<uint16_t>(~kConnecting);
  if (number != 0) socket.state |= kFailed;
  user_->connected(socket, error_from_errno(number));
}

void EpollDriver::start_close(Socket& socket) {
  if (socket.state & kReady) *std::find(ready_.begin(), ready_.end(), &socket) = nullptr;
  ::close(socket.fd);
  closed_.push_back(&socket);
}

// ---- datagrams --------------------------------------------------------------------------------------------

void EpollDriver::start_datagram(Socket& socket) {
  socket.state = kWanted;
  control(EPOLL_CTL_ADD, socket.fd, EPOLLIN, &socket);
}

void EpollDriver::want_datagram_writable(Socket& socket) {
  if (socket.state & kWritableWatched) return;
  socket.state |= kWritableWatched;
  control(EPOLL_CTL_MOD, socket.fd, EPOLLIN | EPOLLOUT, &socket);
}

// ---- events -----------------------------------------------------------------------------------------------

void EpollDriver::event(Socket& socket, uint32_t events) {
  if (socket.closing) return;
  if (socket.kind == Socket::Kind::kListener) return accept_burst(socket);
  if (socket.kind == Socket::Kind::kDatagram) {
    if (events & EPOLLOUT && socket.state & kWritableWatched) {
      socket.state &= static_cast<uint16_t>(~kWritableWatched);
      control(EPOLL_CTL_MOD, socket.fd, EPOLLIN, &socket);
      user_->datagram_writable(socket);
    }
    if (!socket.closing && events & (EPOLLIN | EPOLLERR))
      receive_datagrams(socket, pool_);  // level-triggered
    return;
  }
  if (socket.state & kConnecting) {
    if (!(events & (EPOLLOUT | EPOLLERR | EPOLLHUP))) return;
    connect_done(socket);
    if (socket.closing || socket.state & kFailed) return;
  }
  if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) socket.state |= kHangup;
  if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) socket.state |= kReadable;
  if (socket.state & kSending && events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) {
    socket.state &= static_cast<uint16_t>(~kSending);
    user_->sent(socket, 0);
  }
  if (socket.closing) return;
  if (socket.state & kWanted && !(socket.state & (kEnded | kFailed))) {
    receive_burst(socket);
  } else if (events & EPOLLERR) {
    // Nobody reads, so that a reset would go unnoticed.
    if (const int number = pending_error(socket)) fail(socket, number);
  }
}

bool EpollDriver::reap() {
  bool worked = false;
  starving_ = false;
  if (gathered_ == 0 && --skip_ <= 0) {
    ++counters.system_calls;
    gathered_ = std::max(0, epoll_wait(epoll_, events_, kEventsPerTurn, 0));
    skip_ = gathered_ > 0 ? 0 : kIdleTurnsPerLook;
  }
  const int count = std::exchange(gathered_, 0);
  for (int i = 0; i < count; ++i) {
    void* context = events_[i].data.ptr;
    if (context == nullptr) continue;  // a watched descriptor
    if (context == &event_) {
      woken_.store(false);
      wake_pending_ = true;
      continue;
    }
    worked = true;
    ++counters.events;
    event(*static_cast<Socket*>(context), events_[i].events);
  }
  const size_t ready_count = ready_.size();
  for (size_t i = 0; i < ready_count; ++i) {
    if (!ready_[i]) continue;
    Socket& socket = *std::exchange(ready_[i], nullptr);
    socket.state &= static_cast<uint16_t>(~kReady);
    if (socket.state & kConnecting) {
      worked = true;
      connect_done(socket);
      continue;
    }
    if (socket.state & kSending) {
      if (const int number = std::exchange(socket.operations, 0)) {
        socket.state &= static_cast<uint16_t>(~kSending);
        user_->sent(socket, 0);
        fail(socket, number);
        worked = true;
        continue;
      }
    }
    worked |= receive_burst(socket);
  }
  ready_.erase(ready_.begin(), ready_.begin() + static_cast<ptrdiff_t>(ready_count));
  // Not before now: events of this batch may have named them.
  while (!closed_.empty()) {
    Socket& socket = *closed_.back();
    closed_.pop_back();
    worked = true;
    forget(socket);
  }
  return worked;
}

// ---- sleeping ---------------------------------------------------------------------------------------------

bool EpollDriver::prepare_sleep(uint64_t& timeout_ns) {
  if (starving_) {
    timeout_ns = std::min(timeout_ns, kStarvedNapNs);
  } else if (!ready_.empty()) {
    return false;
  }
  return closed_.empty();
}

void EpollDriver::wait(uint64_t timeout_ns) {
  if (std::exchange(wake_pending_, false) || gathered_ > 0) return;
  const timespec timeout{static_cast<time_t>(timeout_ns / kNanosecondsPerSecond),
                         static_cast<long>(timeout_ns % kNanosecondsPerSecond)};
  ++counters.system_calls;
  int count = epoll_pwait2(epoll_, events_, kEventsPerTurn, &timeout, nullptr);
  if (count < 0 && (errno == ENOSYS || errno == EPERM)) {  // before Linux 5.11: milliseconds, rounded up
    count = epoll_wait(epoll_, events_, kEventsPerTurn, static_cast<int>((timeout_ns + 999'999) / 1'000'000));
  }
  gathered_ = std::max(0, count);
  for (int i = 0; i < gathered_; ++i) {
    if (events_[i].data.ptr != &event_) continue;
    events_[i].data.ptr = nullptr;  // has done its work
    woken_.store(false);
  }
}

void EpollDriver::wake() {
  if (woken_.exchange(true)) return;
  const uint64_t one = 1;
  const int saved = errno;
  (void)!::write(event_, &one, sizeof one);
  errno = saved;
}

void EpollDriver::watch(int fd) { control(EPOLL_CTL_ADD, fd, EPOLLIN, nullptr); }
void EpollDriver::unwatch(int fd) { epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr); }

}  // namespace

std::unique_ptr<SocketDriver> make_epoll_driver(BufferPool& pool, std::string& why) {
  auto driver = std::make_unique<EpollDriver>(pool);
  if (!driver->open(why)) return nullptr;
  return driver;
}

}  // namespace sluice::kernel
