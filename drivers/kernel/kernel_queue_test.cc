// SPDX-License-Identifier: Apache-2.0
// A queue of a kernel interface over a pair of sockets, which keep frames apart like a TAP device does.
#include "drivers/kernel/kernel_queue.hh"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "drivers/kernel/kernel_interface.hh"

namespace sluice::kernel {
namespace {

using Header = KernelInterface::FrameHeader;

class Queue : public ::testing::Test {
 protected:
  Queue() {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends), 0);
    ours = ends[0];
    kernels = ends[1];
    queue = std::make_unique<KernelQueue>(ours, 1514);
  }
  ~Queue() {
    queue.reset();
    close(ours);
    close(kernels);
    EXPECT_EQ(pool.outstanding(), 0u);
  }
  Buffer* frame(const std::string& text) {
    Buffer* made = pool.allocate();
    made->append(text.data(), static_cast<uint32_t>(text.size()));
    return made;
  }
  // What the kernel got: flags of the header, and the frame; nothing: "-".
  std::string kernel_got() {
    char bytes[4096];
    const ssize_t got = read(kernels, bytes, sizeof bytes);
    if (got < static_cast<ssize_t>(sizeof(Header))) return "-";
    return std::to_string(bytes[0]) +
           std::string(bytes + sizeof(Header), static_cast<size_t>(got) - sizeof(Header));
  }
  void kernel_sends(const std::string& text) {
    const std::string whole = std::string(sizeof(Header), '\0') + text;
    EXPECT_EQ(write(kernels, whole.data(), whole.size()), static_cast<ssize_t>(whole.size()));
  }
  HeapBufferPool pool{1024, 2048};
  int ours = -1, kernels = -1;
  std::unique_ptr<KernelQueue> queue;
};

TEST_F(Queue, FramesGoInOrderWithWhatIsKnownOfTheirChecksum) {
  queue->take(frame("first"));
  Buffer* chain = frame("se");
  chain->next_segment = frame("");
  chain->next_segment->next_segment = frame("cond");
  chain->flags |= Buffer::kReceiveL4ChecksumGood;
  queue->take(chain);
  EXPECT_EQ(kernel_got(), "-");
  queue->flush();
  EXPECT_EQ(kernel_got(), "0first");
  EXPECT_EQ(kernel_got(), "2second");
  EXPECT_FALSE(queue->waiting());
  EXPECT_EQ(queue->counters.to_kernel_packets, 2u);
  EXPECT_EQ(queue->counters.to_kernel_bytes, 11u);
}

TEST_F(Queue, WhatDoesNotFitIsDroppedAndCounted) {
  for (unsigned i = 0; i < KernelQueue::kFramesLimit + 7; ++i) queue->take(frame(std::to_string(i)));
  EXPECT_EQ(queue->counters.queue_full, 7u);
  unsigned next = 0;
  for (unsigned turn = 0; turn < KernelQueue::kFramesLimit / KernelQueue::kBurstFrames; ++turn) {
    EXPECT_TRUE(queue->waiting());
    queue->flush();
    for (unsigned i = 0; i < KernelQueue::kBurstFrames; ++i)
      EXPECT_EQ(kernel_got(), "0" + std::to_string(next++));
    EXPECT_EQ(kernel_got(), "-") << "a turn's work is bounded";
  }
  EXPECT_FALSE(queue->waiting());
  queue->take(frame("again"));
  queue->flush();
  EXPECT_EQ(kernel_got(), "0again");
}

TEST_F(Queue, WhatTheKernelRefusesIsDropped) {
  int code = 0;
  for (; queue->counters.refused == 0 && code < 10'000; ++code) {
    queue->take(frame("x"));
    queue->flush();
  }
  EXPECT_GT(queue->counters.refused, 0u) << "nobody reads";
  EXPECT_FALSE(queue->lost());
}

TEST_F(Queue, FramesOfTheKernelComeWholeAlsoInPieces) {
  const std::string large(1514, 'L');
  kernel_sends("small");
  kernel_sends(large);
  Buffer* frames[8];
  ASSERT_EQ(queue->receive(frames, 8, pool), 2u);
  EXPECT_EQ(frames[0]->text(), "small");
  EXPECT_EQ(frames[0]->next_segment, nullptr);
  EXPECT_EQ(frames[0]->headroom(), kTransmitHeadroomBytes);
  EXPECT_EQ(frames[1]->chain_length(), 1514u);
  EXPECT_NE(frames[1]->next_segment, nullptr);
  release(frames[0]);
  release(frames[1]);
  EXPECT_EQ(queue->receive(frames, 8, pool), 0u);
}

TEST_F(Queue, NoMoreThanAskedForIsRead) {
  for (const char* text : {"a", "b", "c"}) kernel_sends(text);
  Buffer* frames[8];
  ASSERT_EQ(queue->receive(frames, 2, pool), 2u);
  release(frames[0]);
  release(frames[1]);
  ASSERT_EQ(queue->receive(frames, 2, pool), 1u);
  EXPECT_EQ(frames[0]->text(), "c");
  release(frames[0]);
}

TEST_F(Queue, WithoutBuffersFramesWait) {
  HeapBufferPool poor{1024, 1};
  kernel_sends("patient");
  Buffer* frames[8];
  EXPECT_EQ(queue->receive(frames, 8, poor), 0u);
  EXPECT_EQ(queue->counters.no_buffer, 1u);
  ASSERT_EQ(queue->receive(frames, 8, pool), 1u);
  EXPECT_EQ(frames[0]->text(), "patient");
  release(frames[0]);
}

}  // namespace
}  // namespace sluice::kernel
