// SPDX-License-Identifier: Apache-2.0
#include "jsapi/native/node/pool.hh"

#include <sched.h>
#include <unistd.h>

#include <thread>
#include <tuple>
#include <utility>

#include "runtime/isolate_host.hh"

namespace sluice::jsapi {

using runtime::IsolateHost;

Pool& Pool::shared() {
  static Pool* pool = new Pool;  // never ends: threads may be inside a system call when the process exits
  return *pool;
}

void Pool::add(std::function<void()> work) {
  std::lock_guard lock(mutex_);
  waiting_.push_back(std::move(work));
  if (idle_ == 0 && threads_ < kThreads) {
    ++threads_;
    std::thread([this] { run(); }).detach();
  } else {
    some_.notify_one();
  }
}

void Pool::run() {
  cpu_set_t set;
  if (::sched_getaffinity(::getpid(), sizeof(set), &set) == 0) ::sched_setaffinity(0, sizeof(set), &set);
  for (std::unique_lock lock(mutex_);;) {
    ++idle_;
    some_.wait(lock, [this] { return !waiting_.empty(); });
    --idle_;
    std::function<void()> work = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    work();
    work = nullptr;
    lock.lock();
  }
}

void PoolWork::start(std::function<void()> work, Settle settle, v8::Local<v8::Function> done) {
  const uint64_t number = next_++;
  // The pool works on what outlives the isolate; the callback stays here.
  under_way_[number].Reset(host_.isolate(), done);
  host_.ref();
  Pool::shared().add(
      [work = std::move(work), settle = std::move(settle), number, mailbox = host_.mailbox(), this]() mutable {
        work();
        work = nullptr;
        std::ignore =
            mailbox->post([settle = std::move(settle), number, this](IsolateHost&) { finish(number, settle); });
      });
}

void PoolWork::finish(uint64_t number, const Settle& settle) {
  const auto found = under_way_.find(number);
  if (found == under_way_.end()) return;
  v8::Global<v8::Function> done = std::move(found->second);
  under_way_.erase(found);
  IsolateHost::Entry entry(host_);
  v8::Isolate* isolate = host_.isolate();
  v8::TryCatch caught(isolate);
  Results results;
  settle(isolate, results);
  if (!caught.HasCaught())
    std::ignore =
        done.Get(isolate)->Call(host_.context(), v8::Undefined(isolate), results.count, results.values);
  host_.unref();
  if (caught.HasCaught()) host_.uncaught(caught);
}

}  // namespace sluice::jsapi
