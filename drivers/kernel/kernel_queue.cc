// SPDX-License-Identifier: Apache-2.0
#include "drivers/kernel/kernel_queue.hh"

#include <sys/uio.h>

#include <algorithm>
#include <cerrno>

#include "drivers/kernel/kernel_interface.hh"

namespace sluice::kernel {

namespace {
// What read() and write() say when the device behind the descriptor is gone.
bool means_lost(int code) { return code == EBADFD || code == ENODEV || code == EBADF; }
}  // namespace

KernelQueue::~KernelQueue() {
  for (; head_ != tail_; ++head_) release(frames_[head_ % kFramesLimit]);
}

void KernelQueue::take(Buffer* frame) {
  if (lost_ || tail_ - head_ == kFramesLimit) {
    ++(lost_ ? counters.interface_lost : counters.queue_full);
    release(frame);
    return;
  }
  frames_[tail_++ % kFramesLimit] = frame;
}

void KernelQueue::flush() {
  for (unsigned done = 0; head_ != tail_ && done < kBurstFrames; ++head_, ++done) {
    Buffer* const frame = frames_[head_ % kFramesLimit];
    write(frame);
    release(frame);
  }
}

void KernelQueue::write(const Buffer* frame) {
  if (lost_) {
    ++counters.interface_lost;
    return;
  }
  KernelInterface::FrameHeader header{};
  // The kernel need not look at what the port, or we, have verified.
  if (frame->flags & Buffer::kReceiveL4ChecksumGood) header.flags = KernelInterface::FrameHeader::kDataValid;
  iovec parts[1 + kSegmentsLimit];
  parts[0] = {&header, sizeof header};
  int count = 1;
  uint64_t bytes = 0;
  for (const Buffer* segment = frame; segment; segment = segment->next_segment) {
    if (segment->length == 0) continue;
    if (count == 1 + static_cast<int>(kSegmentsLimit)) {
      ++counters.refused;
      return;
    }
    parts[count++] = {segment->data, segment->length};
    bytes += segment->length;
  }
  ssize_t written;
  do {
    written = writev(descriptor_, parts, count);
  } while (written < 0 && errno == EINTR);
  if (written >= 0) {
    ++counters.to_kernel_packets;
    counters.to_kernel_bytes += bytes;
  } else if (means_lost(errno)) {
    lost_ = true;
    ++counters.interface_lost;
  } else {
    ++(errno == EIO ? counters.interface_down : counters.refused);
  }
}

unsigned KernelQueue::receive(Buffer** frames, unsigned limit, BufferPool& pool) {
  constexpr unsigned kPartsLimit = 8;
  unsigned count = 0;
  while (count < limit && !lost_) {
    KernelInterface::FrameHeader header;
    iovec parts[1 + kPartsLimit];
    parts[0] = {&header, sizeof header};
    Buffer* segments[kPartsLimit];
    unsigned used = 0;
    uint32_t room = 0;
    while (room < frame_bytes_ && used < kPartsLimit) {
      Buffer* const segment = pool.allocate(used == 0 ? kTransmitHeadroomBytes : 0);
      if (segment == nullptr) break;
      parts[1 + used] = {segment->data, segment->tailroom()};
      room += segment->tailroom();
      segments[used++] = segment;
    }
    ssize_t got = -1;
    if (room < frame_bytes_) {
      ++counters.no_buffer;  // the kernel keeps the frame, up to its own limit
    } else {
      do {
        got = readv(descriptor_, parts, 1 + static_cast<int>(used));
      } while (got < 0 && errno == EINTR);
      if (got < 0 && means_lost(errno)) lost_ = true;
    }
    if (got <= static_cast<ssize_t>(sizeof header)) {
      while (used > 0) release(segments[--used]);
      if (got < 0) break;
      continue;
    }
    auto left = static_cast<uint32_t>(got - static_cast<ssize_t>(sizeof header));
    ++counters.from_kernel_packets;
    counters.from_kernel_bytes += left;
    for (unsigned i = 0; i < used; ++i) {
      const uint32_t part = std::min(left, segments[i]->tailroom());
      segments[i]->append(part);
      left -= part;
      if (i == 0) continue;
      if (part == 0)
        release(segments[i]);
      else
        segments[i - 1]->next_segment = segments[i];
    }
    frames[count++] = segments[0];
  }
  return count;
}

}  // namespace sluice::kernel
