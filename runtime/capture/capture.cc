// SPDX-License-Identifier: Apache-2.0
#include "runtime/capture/capture.hh"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>

#include "runtime/capture/pcapng.hh"

namespace sluice::runtime {

// ---- control thread

Capture::Capture(std::vector<std::string> interfaces, std::vector<Waiter*> waiters)
    : interfaces_(std::move(interfaces)) {
  SLUICE_ASSERT(interfaces_.size() <= kInterfacesLimit);
  for (Waiter* waiter : waiters) {
    cores_.push_back(std::make_unique<Core>());
    cores_.back()->waiter = waiter;
  }
}

Capture::~Capture() {
  stop();
  if (writer_.joinable()) writer_.join();
}

void Capture::change_generation() {
  generation_.fetch_add(1, std::memory_order_release);
  for (const auto& core : cores_) core->waiter->wake();
}

std::string Capture::start(const CaptureRequest& request, bool replace) {
  {
    std::lock_guard lock(mutex_);
    if (!finished_) return "a capture to " + status_.file + " runs already; end it first";
  }
  if (writer_.joinable()) writer_.join();
  uint64_t wanted = request.interfaces.empty() ? UINT64_MAX : 0;
  for (const std::string& name : request.interfaces) {
    uint64_t bit = 0;
    std::string known;
    for (size_t i = 0; i < interfaces_.size(); ++i) {
      if (interfaces_[i] == name) bit |= uint64_t{1} << i;
      known += (known.empty() ? "" : ", ") + interfaces_[i];
    }
    if (bit == 0) return "there is no port " + name + " to capture from; there are: " + known;
    wanted |= bit;
  }
  const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | (replace ? O_TRUNC : O_EXCL);
  const int file = ::open(request.file.c_str(), flags, 0600);
  if (file < 0)
    return "the capture cannot be written to " + request.file + ": " + std::strerror(errno) +
           (errno == EEXIST ? "; name a new file" : "");
  request_ = request;
  wanted_interfaces_ = wanted;
  file_ = file;
  written_ = {};
  for (size_t i = 0; i < kInterfacesLimit; ++i) {
    dropped_before_[i] = 0;
    for (const auto& core : cores_) dropped_before_[i] += core->dropped[i].load(std::memory_order_relaxed);
  }
  std::string head;
  pcapng::append_section(head, "sluice");
  for (const std::string& name : interfaces_) pcapng::append_interface(head, name, request.snap_bytes);
  {
    std::lock_guard lock(mutex_);
    status_ = {};
    status_.running = true;
    status_.file = request.file;
    stopping_ = finished_ = false;
  }
  if (!append(head)) {
    ::close(file_);
    std::lock_guard lock(mutex_);
    finished_ = true;
    status_.running = false;
    return status_.error;
  }
  change_generation();
  writer_ = std::thread([this] { write_all(); });
  return "";
}

std::string Capture::stop() {
  std::unique_lock lock(mutex_);
  if (finished_) return "no capture runs";
  stopping_ = true;
  changed_.notify_all();
  changed_.wait_for(lock, std::chrono::milliseconds(kStopPatienceMs), [this] { return finished_; });
  return "";
}

Capture::Status Capture::status() {
  std::lock_guard lock(mutex_);
  Status now = status_;
  for (size_t i = 0; i < interfaces_.size() && !finished_; ++i) {
    for (const auto& core : cores_) now.dropped += core->dropped[i].load(std::memory_order_relaxed);
    now.dropped -= dropped_before_[i];
  }
  return now;
}

// ---- the writer

bool Capture::all_saw(uint64_t generation) const {
  for (const auto& core : cores_)
    if (core->attended.load(std::memory_order_acquire) &&
        core->seen.load(std::memory_order_acquire) != generation)
      return false;
  return true;
}

void Capture::write_all() {
  pthread_setname_np(pthread_self(), "capture");
  bool room = true, writable = true;
  for (bool ending = false; !ending && room && writable;) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, std::chrono::milliseconds(kWriteEveryMs), [this] { return stopping_; });
      ending = stopping_;
    }
    std::string block;
    room = drain(block, room);
    writable = append(block);
  }
  change_generation();
  // A core that computes may take its time to notice; until then it writes into its ring, and nothing may be reused.
  const uint64_t off = generation_.load(std::memory_order_relaxed);
  while (!all_saw(off)) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  std::string block;
  drain(block, room && writable);
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  uint64_t dropped_all = 0;
  for (size_t i = 0; i < interfaces_.size(); ++i) {
    uint64_t dropped = 0;
    for (const auto& core : cores_) dropped += core->dropped[i].load(std::memory_order_relaxed);
    dropped -= dropped_before_[i];
    dropped_all += dropped;
    pcapng::append_statistics(
        block, static_cast<uint32_t>(i),
        static_cast<uint64_t>(now.tv_sec) * kNanosecondsPerSecond + static_cast<uint64_t>(now.tv_nsec),
        written_[i], dropped);
  }
  if (writable) append(block);
  ::close(file_);
  std::lock_guard lock(mutex_);
  status_.running = false;
  status_.dropped = dropped_all;
  finished_ = true;
  if (!status_.error.empty()) std::fprintf(stderr, "the capture has ended: %s\n", status_.error.c_str());
  changed_.notify_all();
}

// Appends what the rings hold to `block`, by time; or, when `keep` is false, forgets it. False when the file has its full
// length.
bool Capture::drain(std::string& block, bool keep) {
  struct Frame {
    CapturedFrame about;
    size_t at;
  };
  std::vector<Frame> frames;
  std::vector<std::byte> bytes;
  for (const auto& core : cores_) {
    CapturedFrame about;
    // Bounded: what comes while we read is for the next time.
    for (uint64_t taken = 0; taken < CaptureRing::kBytes && core->ring.take(about);) {
      frames.push_back({about, bytes.size()});
      bytes.resize(bytes.size() + about.bytes);
      core->ring.take_bytes(about, bytes.data() + frames.back().at);
      taken += sizeof about + about.bytes;
    }
  }
  if (!keep) return false;
  std::stable_sort(frames.begin(), frames.end(), [](const Frame& left, const Frame& right) {
    return left.about.time_ns < right.about.time_ns;
  });
  std::lock_guard lock(mutex_);
  for (const Frame& frame : frames) {
    if (status_.bytes + block.size() > uint64_t{request_.limit_mb} << 20) {
      status_.error = status_.file + " has its " + std::to_string(request_.limit_mb) + " MB (megabytes=)";
      return false;
    }
    const std::span kept(bytes.data() + frame.at, frame.about.bytes);
    pcapng::append_frame(block, frame.about.interface_index, frame.about.time_ns, frame.about.outgoing, kept,
                         frame.about.original_bytes);
    ++written_[frame.about.interface_index];
    ++status_.frames;
  }
  return true;
}

bool Capture::append(const std::string& block) {
  size_t done = 0;
  while (done < block.size()) {
    const ssize_t count = ::write(file_, block.data() + done, block.size() - done);
    if (count < 0 && errno == EINTR) continue;
    std::lock_guard lock(mutex_);
    if (count < 0) {
      status_.error = "writing to " + status_.file + " failed: " + std::strerror(errno);
      return false;
    }
    done += static_cast<size_t>(count);
    status_.bytes += static_cast<uint64_t>(count);
  }
  return true;
}

// ---- a data core

CapturePoint::CapturePoint(Capture& capture, unsigned core, ip::Stack& stack, Clock& clock)
    : capture_(capture), core_(*capture.cores_[core]), stack_(stack), clock_(clock) {
  core_.seen.store(0, std::memory_order_relaxed);
  core_.attended.store(true, std::memory_order_release);
}

CapturePoint::~CapturePoint() {
  stack_.set_frame_tap(nullptr, nullptr);
  core_.attended.store(false, std::memory_order_release);
}

void CapturePoint::change() {
  seen_ = capture_.generation_.load(std::memory_order_acquire);
  if (seen_ % 2 == 1) {
    stack_.set_frame_tap(saw, this);
  } else {
    stack_.set_frame_tap(nullptr, nullptr);
  }
  core_.seen.store(seen_, std::memory_order_release);
}

void CapturePoint::saw(void* context, uint8_t interface_index, const Buffer* frame, bool outgoing) {
  auto& self = *static_cast<CapturePoint*>(context);
  const Capture& capture = self.capture_;
  if (!(capture.wanted_interfaces_ >> interface_index & 1) ||
      !capture_wants(capture.request_, std::span(frame->data, frame->length)))
    return;
  const uint32_t length = frame->chain_length();
  const CapturedFrame about{.time_ns = self.clock_.realtime_ns(),
                            .original_bytes = length,
                            .bytes = std::min(length, capture.request_.snap_bytes),
                            .interface_index = interface_index,
                            .outgoing = outgoing};
  if (!self.core_.ring.put(about, frame))
    self.core_.dropped[interface_index].store(
        self.core_.dropped[interface_index].load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

}  // namespace sluice::runtime
