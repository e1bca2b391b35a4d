// SPDX-License-Identifier: Apache-2.0
// The queue of received bytes: what is cut off it is what went in, however it was cut, and no Buffer is lost.
#include "dataplane/http/input_queue.hh"

#include <gtest/gtest.h>

#include <string>

#include "dataplane/http/test_rig.hh"

namespace sluice::http {
namespace {

struct Queue {
  HeapBufferPool pool{2176, 4096};
  InputQueue queue;
  void push(std::string_view bytes) { queue.push(chain_of(bytes, pool)); }
};

std::string taken(BodyChain& body) {
  Buffer* const chain = body.take();
  std::string text = text_of(chain);
  release(chain);
  return text;
}

TEST(InputQueue, SmallPiecesAreJoined) {
  Queue q;
  q.push("ab");
  q.push("cd");
  q.push("");
  EXPECT_EQ(q.queue.front()->text(), "abcd");
  EXPECT_EQ(q.pool.outstanding(), 1u);
  q.queue.take(3);
  EXPECT_EQ(q.queue.front()->text(), "d");
  q.queue.take(1);
  EXPECT_TRUE(q.queue.empty());
  EXPECT_EQ(q.pool.outstanding(), 0u);
}

TEST(InputQueue, CutGivesTheFirstBytesAndKeepsTheRest) {
  const std::string text = std::string(1000, 'a') + std::string(900, 'b');
  for (const uint32_t count : {1u, 256u, 257u, 1000u, 1900u}) {
    Queue q;
    q.push(text);
    BodyChain body;
    ASSERT_TRUE(q.queue.cut(count, body, q.pool));
    EXPECT_EQ(q.queue.empty(), count == text.size());
    if (!q.queue.empty()) EXPECT_EQ(q.queue.front()->text(), text.substr(count));
    EXPECT_EQ(q.queue.drop(), text.size() - count);
    EXPECT_EQ(taken(body), text.substr(0, count));
    EXPECT_EQ(q.pool.outstanding(), 0u);
  }
}

// Somebody still reads the head that lies in the same Buffer: its bytes must not move.
TEST(InputQueue, CutLeavesABufferAloneThatIsReferredTo) {
  Queue q;
  q.push(std::string(600, 'x'));
  BufferRef held(q.queue.front()->retain());
  const std::byte* const at = q.queue.front()->data;
  q.queue.take(100);
  BodyChain body;
  ASSERT_TRUE(q.queue.cut(500, body, q.pool));
  EXPECT_TRUE(q.queue.empty());
  EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(at), 600), std::string(600, 'x'));
  EXPECT_EQ(taken(body), std::string(500, 'x'));
}

TEST(InputQueue, WithoutABufferForThePieceNothingHappens) {
  HeapBufferPool pool(2176, 1);
  InputQueue queue;
  queue.push(chain_of(std::string(600, 'x'), pool));
  BodyChain body;
  EXPECT_FALSE(queue.cut(300, body, pool));
  EXPECT_EQ(queue.front()->length, 600u);
  EXPECT_EQ(body.head, nullptr);
}

TEST(InputQueue, ChunksComeOutAsTheirDataAndTheirFraming) {
  const std::string chunked = "3\r\nabc\r\n10;e=f\r\n0123456789abcdef\r\n0\r\n";
  for (size_t piece = 1; piece <= chunked.size(); ++piece) {
    Queue q;
    ChunkedDecoder decoder;
    BodyChain body;
    size_t framing = 0;
    auto end = InputQueue::Chunked::kMore;
    for (size_t at = 0; at < chunked.size(); at += piece) {
      q.push(std::string_view(chunked).substr(at, piece));
      while (!q.queue.empty() && end == InputQueue::Chunked::kMore)
        end = q.queue.read_chunked(
            decoder, [&](uint32_t bytes) { framing += bytes; },
            [&](uint32_t count) { return q.queue.cut(count, body, q.pool); });
    }
    EXPECT_EQ(end, InputQueue::Chunked::kTrailers) << piece;
    EXPECT_EQ(framing, chunked.size() - 19) << piece;
    EXPECT_EQ(taken(body), "abc0123456789abcdef") << piece;
  }
}

TEST(InputQueue, ReadingChunksStopsWhenThePieceIsRefused) {
  Queue q;
  q.push("3\r\nabc\r\n");
  ChunkedDecoder decoder;
  EXPECT_EQ(q.queue.read_chunked(
                decoder, [](uint32_t) {}, [](uint32_t) { return false; }),
            InputQueue::Chunked::kStopped);
  EXPECT_EQ(q.queue.front()->text(), "abc\r\n");
}

}  // namespace
}  // namespace sluice::http
