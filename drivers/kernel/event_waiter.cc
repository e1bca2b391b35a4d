// SPDX-License-Identifier: Apache-2.0
// EventWaiter: level-triggered epoll with an eventfd among its descriptors.
#include "drivers/kernel/event_waiter.hh"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

#include "drivers/assert.hh"
#include "drivers/clock.hh"

namespace sluice::kernel {

EventWaiter::EventWaiter()
    : epoll_(epoll_create1(EPOLL_CLOEXEC)), event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  SLUICE_ASSERT(epoll_ >= 0 && event_ >= 0);
  watch(event_);
}

EventWaiter::~EventWaiter() {
  ::close(event_);
  ::close(epoll_);
}

void EventWaiter::wait(uint64_t timeout_ns) {
  epoll_event events[8];
  const timespec timeout{static_cast<time_t>(timeout_ns / kNanosecondsPerSecond),
                         static_cast<long>(timeout_ns % kNanosecondsPerSecond)};
  int count = epoll_pwait2(epoll_, events, 8, &timeout, nullptr);
  if (count < 0 && (errno == ENOSYS || errno == EPERM)) {
    // Before Linux 5.11: milliseconds, rounded up so that no timer is early.
    const uint64_t timeout_ms = (timeout_ns + kNanosecondsPerMillisecond - 1) / kNanosecondsPerMillisecond;
    count = epoll_wait(epoll_, events, 8, static_cast<int>(timeout_ms));
  }
  for (int i = 0; i < count; ++i) {
    if (events[i].data.fd != event_) continue;
    uint64_t value;
    // Read first, then clear: a wake() in between finds the flag set, and its work is looked for after this
    // wait() anyway.
    (void)!::read(event_, &value, sizeof value);
    woken_.store(false);
  }
}

void EventWaiter::wake() {
  if (woken_.exchange(true)) return;
  const uint64_t one = 1;
  const int saved = errno;
  (void)!::write(event_, &one, sizeof one);
  errno = saved;
}

void EventWaiter::watch(int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
}

void EventWaiter::unwatch(int fd) { epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr); }

}  // namespace sluice::kernel
