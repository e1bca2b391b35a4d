// SPDX-License-Identifier: Apache-2.0
// Chains of Buffers: cut, copied and pulled up, nothing lost, nothing leaked.
#include "dataplane/core/chain.hh"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice {
namespace {

struct ChainTest : testing::Test {
  HeapBufferPool pool{512, 100};
  void TearDown() override { EXPECT_EQ(pool.outstanding(), 0u); }

  Buffer* make(const std::vector<std::string>& pieces) {
    Buffer *head = nullptr, *tail = nullptr;
    for (const std::string& piece : pieces) {
      Buffer* buffer = pool.allocate();
      buffer->append(piece.data(), static_cast<uint32_t>(piece.size()));
      (tail ? tail->next_segment : head) = buffer;
      tail = buffer;
    }
    return head;
  }
  static std::string text(const Buffer* chain) {
    std::string all;
    for (; chain; chain = chain->next_segment) all += chain->text();
    return all;
  }
  static int segments(const Buffer* chain) {
    int count = 0;
    for (; chain; chain = chain->next_segment) ++count;
    return count;
  }
};

TEST_F(ChainTest, TrimToCutsTheEnd) {
  const std::string all = "abcdefgh";
  for (uint32_t keep = 0; keep <= all.size(); ++keep) {
    Buffer* chain = make({"abc", "de", "fgh"});
    trim_chain_to(chain, keep);
    EXPECT_EQ(text(chain), all.substr(0, keep));
    for (const Buffer* each = chain->next_segment; each; each = each->next_segment)
      EXPECT_GT(each->length, 0u);
    release(chain);
  }
}

TEST_F(ChainTest, TrimFrontCutsTheFront) {
  const std::string all = "abcdefgh";
  for (uint32_t count = 0; count <= all.size(); ++count) {
    Buffer* chain = trim_chain_front(make({"abc", "de", "fgh"}), count);
    EXPECT_EQ(text(chain), all.substr(count));
    release(chain);
  }
}

TEST_F(ChainTest, PullUpBringsTheFrontTogether) {
  Buffer* chain = make({"a", "bc", "d", "efgh"});
  ASSERT_TRUE(pull_up(chain, 5));
  EXPECT_EQ(chain->text(), "abcde");
  EXPECT_EQ(text(chain), "abcdefgh");
  EXPECT_EQ(segments(chain), 2);
  release(chain);
}

TEST_F(ChainTest, PullUpRefusesWithoutRoomOrWhenShared) {
  Buffer* chain = make({std::string(512 - kTransmitHeadroomBytes, 'x'), "y"});
  EXPECT_FALSE(pull_up(chain, 512 - kTransmitHeadroomBytes + 1));
  EXPECT_EQ(segments(chain), 2);
  release(chain);
  chain = make({"a", "b"});
  chain->retain();
  EXPECT_FALSE(pull_up(chain, 2));
  EXPECT_EQ(chain->text(), "a");
  --chain->references;
  release(chain);
}

TEST_F(ChainTest, CopiesAreWholeAndHaveHeadroom) {
  Buffer* chain = make({"abc", "", "de", "fgh"});
  for (uint32_t offset = 0; offset <= 8; ++offset) {
    for (uint32_t length = 0; offset + length <= 8; ++length) {
      Buffer* copy = copy_flat(pool, chain, offset, length);
      ASSERT_NE(copy, nullptr);
      EXPECT_EQ(copy->text(), text(chain).substr(offset, length));
      EXPECT_EQ(copy->headroom(), kTransmitHeadroomBytes);
      release(copy);
    }
  }
  release(chain);

  std::vector<std::string> pieces;
  for (int i = 0; i < 10; ++i) pieces.push_back(std::string(150, static_cast<char>('a' + i)));
  chain = make(pieces);
  Buffer* copy = copy_chain(pool, chain);
  EXPECT_EQ(text(copy), text(chain));
  EXPECT_LT(segments(copy), segments(chain));
  release(copy);
  EXPECT_EQ(copy_flat(pool, chain, 0, 1000), nullptr);  // more than a Buffer holds
  release(chain);
}

TEST_F(ChainTest, CopyOfAChainFailsWholeWhenThePoolRunsOut) {
  HeapBufferPool small(256, 2);
  Buffer* chain = make({std::string(384, 'x'), std::string(384, 'y')});
  EXPECT_EQ(copy_chain(small, chain), nullptr);
  EXPECT_EQ(small.outstanding(), 0u);
  EXPECT_EQ(small.exhausted, 1u);
  release(chain);
}

}  // namespace
}  // namespace sluice
