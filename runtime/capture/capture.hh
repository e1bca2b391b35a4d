// SPDX-License-Identifier: Apache-2.0
// A capture of what goes over the ports, begun and ended while the data cores run. Each core copies the frames that are
// wanted into a ring of its own; a thread beside the data cores writes them to a pcapng file.
#pragma once
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/core/reactor.hh"
#include "dataplane/ip/stack.hh"
#include "drivers/clock.hh"
#include "runtime/capture/capture_request.hh"
#include "runtime/capture/capture_ring.hh"

namespace sluice::runtime {

// Of a process: one capture at a time. Control thread, but for what the points call.
class Capture {
 public:
  static constexpr unsigned kInterfacesLimit = 64;

  // `interfaces`: names of the ports, in the order of the stacks' interfaces; `waiters` of the cores, borrowed.
  Capture(std::vector<std::string> interfaces, std::vector<Waiter*> waiters);
  // Ends a capture that runs. The cores are gone by now.
  ~Capture();
  Capture(const Capture&) = delete;

  // Begins. "" or one line that says why not. `replace`: a file of that name is written anew; else it must not exist.
  std::string start(const CaptureRequest& request, bool replace);
  // Ends, and waits a moment for the file to be complete. "" or why there is nothing to end.
  std::string stop();

  struct Status {
    bool running = false;  // or being completed
    std::string file;      // of the present capture, or the last one
    uint64_t frames = 0, bytes = 0;
    uint64_t dropped = 0;  // a core's ring was full
    std::string error;     // why it ended by itself
  };
  Status status();

 private:
  friend class CapturePoint;
  struct Core {
    Waiter* waiter;
    CaptureRing ring;
    std::atomic<uint64_t> seen{0};  // the generation that the core acts upon
    std::atomic<bool> attended{false};
    std::array<std::atomic<uint64_t>, kInterfacesLimit> dropped{};
  };
  void change_generation();
  bool all_saw(uint64_t generation) const;
  void write_all();
  bool drain(std::string& block, bool keep);
  bool append(const std::string& block);

  static constexpr uint64_t kWriteEveryMs = 20, kStopPatienceMs = 500;

  const std::vector<std::string> interfaces_;
  std::vector<std::unique_ptr<Core>> cores_;
  // Odd: cores capture what `request_` says; even: they do not. The request changes only when all cores have seen that.
  std::atomic<uint64_t> generation_{0};
  CaptureRequest request_;
  uint64_t wanted_interfaces_ = 0;  // a bit each

  std::thread writer_;
  int file_ = -1;  // the writer's, once it runs
  std::array<uint64_t, kInterfacesLimit> written_{}, dropped_before_{};
  std::mutex mutex_;  // control thread and writer; guards what follows
  std::condition_variable changed_;
  bool stopping_ = false, finished_ = true;
  Status status_;
};

// One core's end: a part of its reactor. Its thread. Borrows all.
class CapturePoint final : public ReactorPart {
 public:
  CapturePoint(Capture& capture, unsigned core, ip::Stack& stack, Clock& clock);
  ~CapturePoint() override;
  CapturePoint(const CapturePoint&) = delete;
  bool receive(uint64_t) override {
    if (__builtin_expect(capture_.generation_.load(std::memory_order_relaxed) != seen_, 0)) change();
    return false;
  }
  void transmit(uint64_t) override {}
  bool prepare_sleep(uint64_t&) override {
    return capture_.generation_.load(std::memory_order_relaxed) == seen_;
  }

 private:
  void change();
  static void saw(void* context, uint8_t interface_index, const Buffer* frame, bool outgoing);
  Capture& capture_;
  Capture::Core& core_;
  ip::Stack& stack_;
  Clock& clock_;
  uint64_t seen_ = 0;
};

}  // namespace sluice::runtime
