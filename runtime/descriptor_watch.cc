// SPDX-License-Identifier: Apache-2.0
#include "runtime/descriptor_watch.hh"

#include <unistd.h>

#include <cerrno>

#include "drivers/assert.hh"

namespace sluice::runtime {

DescriptorWatch::DescriptorWatch(Waiter& waiter) : waiter_(waiter), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  SLUICE_ASSERT(epoll_ >= 0);
  waiter_.watch(epoll_);
}

DescriptorWatch::~DescriptorWatch() {
  waiter_.unwatch(epoll_);
  ::close(epoll_);
}

int DescriptorWatch::watch(int fd, uint32_t events, DescriptorUser& user) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &user;
  if (::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event) == 0) return 0;
  if (errno != ENOENT) return errno;
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) return errno;
  ++watched_;
  return 0;
}

void DescriptorWatch::unwatch(int fd, DescriptorUser& user) {
  if (::epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr) == 0) --watched_;
  for (int i = 0; i < batch_count_; ++i)
    if (batch_[i].data.ptr == &user) batch_[i].data.ptr = nullptr;
}

bool DescriptorWatch::collect(uint64_t now_ns) {
  if (watched_ == 0) return false;
  woken_ = false;
  next_ns_ = now_ns + kPauseNs;
  if (batch_next_ < batch_count_) return true;
  const int count = ::epoll_wait(epoll_, batch_, kBatch, 0);
  batch_next_ = 0;
  batch_count_ = count > 0 ? count : 0;
  return batch_count_ > 0;
}

bool DescriptorWatch::dispatch_next() {
  while (batch_next_ < batch_count_) {
    const epoll_event event = batch_[batch_next_++];
    if (!event.data.ptr) continue;
    static_cast<DescriptorUser*>(event.data.ptr)->on_ready(event.events);
    return true;
  }
  batch_next_ = batch_count_ = 0;
  return false;
}

}  // namespace sluice::runtime
