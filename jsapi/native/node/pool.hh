// SPDX-License-Identifier: Apache-2.0
// Threads for what takes long or blocks: the disk, compression, key generation. Four of the process, away from the data
// cores; and the way back into the isolate that asked.
#pragma once
#include <v8.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace sluice::runtime {
class IsolateHost;
}

namespace sluice::jsapi {

class Pool {
 public:
  static constexpr unsigned kThreads = 4;

  static Pool& shared();
  // ANY thread. `work` runs in the order of adding, on a thread that runs where the process was started. The queue has no limit
  // of its own: what waits in it is held by the isolates that asked, within their limits.
  void add(std::function<void()> work);

 private:
  void run();
  std::mutex mutex_;
  std::condition_variable some_;
  std::deque<std::function<void()>> waiting_;
  unsigned threads_ = 0, idle_ = 0;
};

// The work of one isolate on the pool, and the callbacks that wait for it. Make one per binding, owned by the host
// (IsolateHost::own). All calls on the core's thread.
class PoolWork {
 public:
  // What `done` is called with: at most three arguments.
  struct Results {
    v8::Local<v8::Value> values[3];
    int count = 0;
  };
  // Runs on the core's thread, inside the context; may leave out what it does not have.
  using Settle = std::function<void(v8::Isolate*, Results&)>;

  explicit PoolWork(runtime::IsolateHost& host) : host_(host) {}

  // `work` runs on the pool and must not touch V8; what it and `settle` hold must be free of V8 handles (backing stores are
  // fine), since both may outlive the isolate. Then `done` is called with what `settle` gives. Holds a reference of the host meanwhile.
  void start(std::function<void()> work, Settle settle, v8::Local<v8::Function> done);

  uint32_t under_way() const { return static_cast<uint32_t>(under_way_.size()); }

 private:
  void finish(uint64_t number, const Settle& settle);
  runtime::IsolateHost& host_;
  uint64_t next_ = 1;
  std::unordered_map<uint64_t, v8::Global<v8::Function>> under_way_;
};

}  // namespace sluice::jsapi
