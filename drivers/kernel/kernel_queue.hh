// SPDX-License-Identifier: Apache-2.0
// One core's queue of a kernel interface: frames in both directions, without a copy of our own.
#pragma once
#include <array>
#include <cstdint>

#include "drivers/buffer.hh"
#include "drivers/frame_sink.hh"

namespace sluice::kernel {

// One core's thread.
class KernelQueue final : public FrameSink {
 public:
  // Frames that wait to be handed over to the kernel; beyond it they are dropped (queue_full).
  static constexpr unsigned kFramesLimit = 256;
  // Frames each way in one turn: a system call each.
  static constexpr unsigned kBurstFrames = 64;

  // Borrows the descriptor, of KernelInterface. `frame_bytes`: the longest frame that the kernel sends.
  KernelQueue(int descriptor, uint32_t frame_bytes) : descriptor_(descriptor), frame_bytes_(frame_bytes) {}
  ~KernelQueue();
  KernelQueue(const KernelQueue&) = delete;

  void take(Buffer* frame) override;
  // Hands over up to kBurstFrames of those that wait.
  void flush();
  bool waiting() const { return head_ != tail_; }
  // Up to `limit` frames that the kernel sends; the caller takes them. From `pool`, chains where one Buffer does not suffice.
  unsigned receive(Buffer** frames, unsigned limit, BufferPool& pool);
  // The interface was taken away: nothing goes there or comes from there any more.
  bool lost() const { return lost_; }
  int descriptor() const { return descriptor_; }

  struct Counters {
    uint64_t to_kernel_packets = 0, to_kernel_bytes = 0, from_kernel_packets = 0, from_kernel_bytes = 0;
    // Drops by cause.
    uint64_t queue_full = 0, interface_down = 0, interface_lost = 0, refused = 0, no_buffer = 0;
  } counters;

 private:
  static constexpr unsigned kSegmentsLimit = 160;  // of a chain: 128 fragments and some
  void write(const Buffer* frame);

  const int descriptor_;
  const uint32_t frame_bytes_;
  bool lost_ = false;
  std::array<Buffer*, kFramesLimit> frames_{};
  unsigned head_ = 0, tail_ = 0;
  static_assert((kFramesLimit & (kFramesLimit - 1)) == 0);
};

}  // namespace sluice::kernel
