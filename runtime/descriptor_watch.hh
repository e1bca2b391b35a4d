// SPDX-License-Identifier: Apache-2.0
// Descriptors of a program that are no sockets of the transport: pipes to children, terminals, the ends of children. They lie in
// an epoll set of the isolate, which itself is watched by what the core sleeps on: so they work on either transport, and a core
// without any pays one comparison a turn. Core's thread.
#pragma once
#include <sys/epoll.h>

#include <cstdint>

#include "drivers/waiter.hh"

namespace sluice::runtime {

class DescriptorUser {
 public:
  // `events`: EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR. Level-triggered. Called inside an IsolateHost::Entry.
  virtual void on_ready(uint32_t events) = 0;

 protected:
  ~DescriptorUser() = default;
};

class DescriptorWatch {
 public:
  explicit DescriptorWatch(Waiter& waiter);
  ~DescriptorWatch();
  DescriptorWatch(const DescriptorWatch&) = delete;

  // From now on `user` is told of `events` of `fd`; again for the same `fd` to change them. 0, or an errno (EPERM: a file,
  // which is always ready).
  int watch(int fd, uint32_t events, DescriptorUser& user);
  void unwatch(int fd, DescriptorUser& user);

  // Whether it is time to ask: after a sleep, and else every kPauseNs.
  bool due(uint64_t now_ns) const { return watched_ > 0 && (woken_ || now_ns >= next_ns_); }
  void woken() { woken_ = true; }
  // Asks the kernel, without waiting. Whether there is something for dispatch_next().
  bool collect(uint64_t now_ns);
  // Tells one user. False when there is none left.
  bool dispatch_next();

 private:
  static constexpr uint64_t kPauseNs = 20'000;
  static constexpr int kBatch = 64;  // descriptors a turn
  Waiter& waiter_;
  int epoll_;
  uint32_t watched_ = 0;
  uint64_t next_ns_ = 0;
  bool woken_ = false;
  int batch_next_ = 0, batch_count_ = 0;
  epoll_event batch_[kBatch];
};

}  // namespace sluice::runtime
