// SPDX-License-Identifier: Apache-2.0
// Buffers and mbufs through a ring wire in this process: who owns what, and when it comes back. Ordinary memory, no
// privileges.
#include "drivers/ethdev/ethernet_queue.hh"

#include <gtest/gtest.h>
#include <rte_mbuf.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <thread>
#include <utility>
#include <vector>

#include "drivers/ethdev/eal.hh"
#include "drivers/ethdev/ethdev.hh"
#include "drivers/ethdev/mbuf.hh"

namespace sluice::ethdev {
namespace {

class Started : public ::testing::Environment {
 public:
  void SetUp() override {
    EalOptions options;
    options.memory = EalMemory::kOrdinary;
    options.memory_mb = 96;
    ASSERT_EQ(Eal::start(options), "");
  }
  void TearDown() override { Eal::stop(); }
};
[[maybe_unused]] const auto* const kStarted = ::testing::AddGlobalTestEnvironment(new Started);

PortSpec ring(const char* side, std::map<std::string, std::string> more = {}) {
  PortSpec spec;
  spec.kind = PortKind::kRing;
  spec.name = "wire";
  spec.settings = std::move(more);
  spec.settings["side"] = side;
  spec.settings["buffers"] = "4096";
  spec.settings.try_emplace("descriptors", "256");
  return spec;
}

class Wire : public ::testing::Test {
 protected:
  void SetUp() override { open({}); }
  void open(std::map<std::string, std::string> settings) {
    a_.reset();
    b_.reset();
    std::string error;
    a_ = EthernetDevice::open(ring("a", settings), error);
    ASSERT_TRUE(a_) << error;
    b_ = EthernetDevice::open(ring("b", settings), error);
    ASSERT_TRUE(b_) << error;
  }
  void TearDown() override {
    for (const auto& each : {&a_, &b_})
      if (*each) (*each)->queue(0).pool().flush();
    for (const auto& each : {&a_, &b_}) {
      if (*each) {
        EXPECT_EQ((*each)->queue(0).pool().outstanding(), 0u);
      }
    }
  }
  EthernetQueue& a() { return a_->queue(0); }
  EthernetQueue& b() { return b_->queue(0); }
  Buffer* frame(std::string_view text) {
    Buffer* buffer = a().pool().allocate();
    EXPECT_NE(buffer, nullptr);
    buffer->append(text.data(), static_cast<uint32_t>(text.size()));
    return buffer;
  }
  // Sends one frame from a, gives what b receives (one reference), nullptr when nothing came.
  Buffer* pass(Buffer* taken) {
    EXPECT_EQ(a().transmit(&taken, 1), 1u);
    Buffer* got = nullptr;
    return b().receive(&got, 1) ? got : nullptr;
  }
  static std::string all(const Buffer* chain) {
    std::string out;
    for (; chain; chain = chain->next_segment) out += chain->text();
    return out;
  }
  std::unique_ptr<EthernetDevice> a_, b_;
};

TEST_F(Wire, BufferAndMbufAreNeighbours) {
  Buffer* buffer = a().pool().allocate();
  EXPECT_EQ(buffer_of(mbuf_of(buffer)), buffer);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer) % 64, 0u);
  EXPECT_EQ(mbuf_of(buffer)->buf_addr, buffer->storage);
  EXPECT_EQ(buffer->storage, reinterpret_cast<std::byte*>(buffer + 1));
  EXPECT_EQ(buffer->capacity, a().pool().storage_bytes());
  EXPECT_EQ(buffer->headroom(), kTransmitHeadroomBytes);
  release(buffer);
}

TEST_F(Wire, PoolRefusesAtItsLimitAndRecovers) {
  std::vector<Buffer*> held;
  while (Buffer* buffer = a().pool().allocate()) held.push_back(buffer);
  EXPECT_EQ(held.size(), a().pool().limit_buffers());
  EXPECT_EQ(a().pool().exhausted, 1u);
  EXPECT_EQ(a().pool().outstanding(), held.size());
  for (Buffer* buffer : held) release(buffer);
  Buffer* again = a().pool().allocate();
  EXPECT_NE(again, nullptr);
  release(again);
}

TEST_F(Wire, FramesArriveWholeInOrderWithTheirHeadersSet) {
  Buffer* frames[100];
  for (int i = 0; i < 100; ++i) frames[i] = frame("frame " + std::to_string(i));
  EXPECT_EQ(a().transmit(frames, 100), 100u);
  Buffer* got[128];
  ASSERT_EQ(b().receive(got, 128), 100u);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(got[i]->text(), "frame " + std::to_string(i));
    EXPECT_EQ(got[i]->references, 1);
    EXPECT_EQ(got[i]->next_segment, nullptr);
    EXPECT_EQ(got[i]->headroom(), kTransmitHeadroomBytes);
    release(got[i]);
  }
  EXPECT_EQ(b().counters.received_frames, 100u);
  EXPECT_EQ(a().counters.transmitted_frames, 100u);
  EXPECT_EQ(a().counters.transmitted_bytes, b().counters.received_bytes);
}

TEST_F(Wire, AFullWireRefusesAndTheFramesStayWithTheCaller) {
  Buffer* frames[300];
  for (Buffer*& each : frames) each = frame("x");
  const unsigned sent = a().transmit(frames, 300);
  EXPECT_EQ(sent, 255u);  // a ring of 256 holds one less
  EXPECT_EQ(a().counters.transmit_refused, 300u - sent);
  for (unsigned i = sent; i < 300; ++i) {
    EXPECT_EQ(frames[i]->references, 1);
    EXPECT_EQ(frames[i]->text(), "x");
    release(frames[i]);
  }
  Buffer* got[300];
  const unsigned received = b().receive(got, 300);
  EXPECT_EQ(received, sent);
  for (unsigned i = 0; i < received; ++i) release(got[i]);
}

TEST_F(Wire, AKeptFrameIsCopiedAndCanBeSentAgain) {
  Buffer* kept = frame("keep me");
  for (int round = 1; round <= 3; ++round) {
    kept->retain();
    Buffer* got = pass(kept);
    ASSERT_NE(got, nullptr);
    EXPECT_NE(got, kept);  // the peer may do with it what it likes
    EXPECT_EQ(got->text(), "keep me");
    std::memset(got->data, 'z', got->length);
    EXPECT_EQ(kept->text(), "keep me");
    EXPECT_EQ(kept->references, 1);
    release(got);
    EXPECT_EQ(a().counters.transmit_copied, static_cast<uint64_t>(round));
  }
  release(kept);
}

TEST_F(Wire, AFrameGivenAwayIsNotCopied) {
  Buffer* given = frame("yours");
  Buffer* got = pass(given);
  EXPECT_EQ(got, given);
  EXPECT_EQ(got->pool, &b().pool());
  EXPECT_EQ(a().counters.transmit_copied, 0u);
  release(got);  // goes home to a's pool, which the fixture checks
}

TEST_F(Wire, ChainsArriveAsChains) {
  Buffer* head = frame("head-");
  head->next_segment = frame("middle-");
  head->next_segment->next_segment = frame("tail");
  Buffer* got = pass(head);
  ASSERT_NE(got, nullptr);
  EXPECT_EQ(all(got), "head-middle-tail");
  EXPECT_EQ(got->chain_length(), 16u);
  // The chain is Buffer's; DPDK wants its own links gone before an mbuf goes back to its pool.
  for (Buffer* each = got; each; each = each->next_segment) {
    EXPECT_EQ(mbuf_of(each)->next, nullptr);
    EXPECT_EQ(mbuf_of(each)->nb_segs, 1);
  }
  // Taking the chain apart leaves three sound Buffers: none remembers its neighbours.
  Buffer* second = got->next_segment;
  got->next_segment = nullptr;
  EXPECT_EQ(b().transmit(&second, 1), 1u);
  Buffer* back = nullptr;
  ASSERT_EQ(a().receive(&back, 1), 1u);
  EXPECT_EQ(all(back), "middle-tail");
  release(back);
  EXPECT_EQ(b().transmit(&got, 1), 1u);
  ASSERT_EQ(a().receive(&back, 1), 1u);
  EXPECT_EQ(all(back), "head-");
  EXPECT_EQ(back->next_segment, nullptr);
  release(back);
}

TEST_F(Wire, AChainWithAKeptPayloadIsCopiedWhole) {
  Buffer* payload = frame("payload");
  for (int round = 0; round < 3; ++round) {
    Buffer* head = frame("header ");
    head->next_segment = payload->retain();
    Buffer* got = pass(head);
    ASSERT_NE(got, nullptr);
    EXPECT_EQ(all(got), "header payload");
    release(got);
    EXPECT_EQ(payload->references, 1);
  }
  release(payload);
}

int external_releases = 0;

TEST_F(Wire, ExternalMemoryIsCopiedAndReleasedOnce) {
  static const char kText[] = "somebody else's bytes";
  external_releases = 0;
  Buffer* external = a().pool().allocate_external(
      kText, sizeof kText - 1, [](void* context) { ++*static_cast<int*>(context); }, &external_releases);
  Buffer* head = frame("head:");
  head->next_segment = external;
  Buffer* got = pass(head);
  ASSERT_NE(got, nullptr);
  EXPECT_EQ(all(got), std::string("head:") + kText);
  EXPECT_EQ(external_releases, 1);
  release(got);
  EXPECT_EQ(external_releases, 1);
}

TEST_F(Wire, OversizedFramesAreDroppedAndCountedAndOthersPass) {
  PortSpec spec = ring("a");
  Buffer* big = frame(std::string(1519, 'b'));
  Buffer* frames[3] = {frame("1"), big, frame("2")};
  EXPECT_EQ(a().transmit(frames, 3), 3u);
  EXPECT_EQ(a().counters.transmit_oversized, 1u);
  Buffer* got[3];
  ASSERT_EQ(b().receive(got, 3), 2u);
  EXPECT_EQ(got[0]->text(), "1");
  EXPECT_EQ(got[1]->text(), "2");
  release(got[0]);
  release(got[1]);
}

TEST_F(Wire, ATsoFrameIsDroppedWhereThePortHasNoTso) {
  Buffer* big = frame(std::string(1800, 'b'));
  big->flags = Buffer::kTransmitTso;
  EXPECT_EQ(a().transmit(&big, 1), 1u);
  EXPECT_EQ(a().counters.transmit_unsendable, 1u);
  Buffer* got = nullptr;
  EXPECT_EQ(b().receive(&got, 1), 0u);
}

TEST_F(Wire, ATrustedWireNeitherMakesNorChecksChecksums) {
  open({{"checksum", "trusted"}});
  EXPECT_TRUE(a().capabilities().transmit_tcp_checksum);
  Buffer* sent = frame("no sum");
  sent->flags = Buffer::kTransmitTcpChecksum | Buffer::kTransmitIpChecksum;
  Buffer* got = pass(sent);
  ASSERT_NE(got, nullptr);
  EXPECT_EQ(got->flags, Buffer::kReceiveIpChecksumGood | Buffer::kReceiveL4ChecksumGood);
  release(got);
}

TEST_F(Wire, AnUntrustedWireSaysNothingOfChecksums) {
  EXPECT_FALSE(a().capabilities().transmit_tcp_checksum);
  Buffer* got = pass(frame("?"));
  ASSERT_NE(got, nullptr);
  EXPECT_EQ(got->flags, 0);
  release(got);
}

// What a NIC does: it keeps a reference until the frame is on the wire.
TEST_F(Wire, ABufferThatADriverStillHoldsComesBackWhenTheDriverIsDone) {
  Buffer* buffer = frame("in flight");
  rte_mbuf* mbuf = mbuf_of(buffer);
  rte_mbuf_refcnt_update(mbuf, 1);  // the driver's
  release(buffer);                  // acknowledged before the driver has cleaned its ring
  EXPECT_EQ(rte_mbuf_refcnt_read(mbuf), 1);
  a().pool().flush();
  EXPECT_EQ(a().pool().outstanding(), 1u);
  rte_pktmbuf_free(mbuf);  // the driver cleans up
  EXPECT_EQ(a().pool().outstanding(), 0u);
}

TEST_F(Wire, ABufferWithoutAnMbufIsCopied) {
  HeapBufferPool heap(2048, 8);
  const auto from_heap = [&](std::string_view text) {
    Buffer* buffer = heap.allocate();
    buffer->append(text.data(), static_cast<uint32_t>(text.size()));
    return buffer;
  };
  Buffer* got = pass(from_heap("from the heap"));
  ASSERT_NE(got, nullptr);
  EXPECT_EQ(got->text(), "from the heap");
  release(got);
  // Also behind a header of the port's own pool, and while the sender keeps it.
  Buffer* head = frame("header ");
  Buffer* body = from_heap("and body");
  head->next_segment = body->retain();
  got = pass(head);
  ASSERT_NE(got, nullptr);
  EXPECT_EQ(all(got), "header and body");
  release(got);
  EXPECT_EQ(body->text(), "and body");
  release(body);
  EXPECT_EQ(heap.outstanding(), 0u);
}

TEST_F(Wire, NothingIsAppendedFromNowhere) {
  Buffer* buffer = frame("whole");
  buffer->append(nullptr, 0);
  EXPECT_EQ(buffer->text(), "whole");
  release(buffer);
}

TEST_F(Wire, BuffersThatAnotherQueueAdoptedGoHomeBeforeTheirPoolGoes) {
  // Two queues on each side: b's first queue receives, its second releases.
  a_.reset();
  b_.reset();
  std::string error;
  PortSpec first = ring("a"), second = ring("b");
  first.queues = second.queues = 2;
  a_ = EthernetDevice::open(first, error);
  ASSERT_TRUE(a_) << error;
  b_ = EthernetDevice::open(second, error);
  ASSERT_TRUE(b_) << error;
  EXPECT_FALSE(b_->steers());
  Buffer* got = pass(frame("changes hands"));
  ASSERT_NE(got, nullptr);
  MbufPool& other = b_->queue(1).pool();
  other.adopt(got);
  release(got);
  // Not at home yet: the pool that released it collects them.
  EXPECT_EQ(a().pool().outstanding(), 1u);
  b_.reset();
  a().pool().flush();
  EXPECT_EQ(a().pool().outstanding(), 0u);
}

TEST_F(Wire, TheFlowStaysWhereThePeerPutIt) {
  EXPECT_TRUE(a().flow_is_local(IpAddress::v4(0xc0000201), IpAddress::v4(0xc0000202), 1234, 80));
  EXPECT_EQ(a().interrupt_fd(), -1);
}

TEST_F(Wire, EndsHaveDifferentAddressesAndTheLinkIsUp) {
  EXPECT_NE(a().mac(), b().mac());
  EXPECT_TRUE(a_->link().up);
  EXPECT_EQ(a().mtu_bytes(), 1500u);
  EXPECT_EQ(a_->driver(), "net_ring");
}

TEST(EthernetDeviceOpen, SaysWhatIsWrong) {
  std::string error;
  PortSpec spec;
  spec.kind = PortKind::kAfPacket;
  spec.name = "nosuch0";
  EXPECT_EQ(EthernetDevice::open(spec, error), nullptr);
  EXPECT_NE(error.find("there is no such interface"), std::string::npos) << error;

  PortSpec greedy = ring("a");
  greedy.settings["buffers"] = "1000000";
  EXPECT_EQ(EthernetDevice::open(greedy, error), nullptr);
  EXPECT_EQ(error.find("port ring wire: packet buffers: no room for 1000000 of 2176 bytes"), 0u) << error;
  EXPECT_NE(error.find("lower 'buffers'"), std::string::npos) << error;
}

TEST(JumboWire, LongFramesTravelAsChains) {
  std::string error;
  PortSpec spec = ring("a");
  spec.mtu_bytes = 9000;
  auto from = EthernetDevice::open(spec, error);
  spec.settings["side"] = "b";
  auto to = EthernetDevice::open(spec, error);
  ASSERT_TRUE(from && to) << error;
  Buffer* head = from->queue(0).pool().allocate();
  head->append(std::string(2000, '1').data(), 2000);
  Buffer* tail = head;
  for (const char digit : {'2', '3', '4'}) {
    tail = tail->next_segment = from->queue(0).pool().allocate(0);
    tail->append(std::string(2176, digit).data(), 2176);
  }
  head->retain();  // so it is copied, into a chain of its own
  head->next_segment->retain();
  head->next_segment->next_segment->retain();
  tail->retain();
  Buffer* sent = head;
  ASSERT_EQ(from->queue(0).transmit(&sent, 1), 1u);
  Buffer* got = nullptr;
  ASSERT_EQ(to->queue(0).receive(&got, 1), 1u);
  std::string text, expected;
  for (const Buffer* part = got; part; part = part->next_segment) text += part->text();
  for (const Buffer* part = head; part; part = part->next_segment) expected += part->text();
  EXPECT_EQ(text, expected);
  EXPECT_EQ(text.size(), 2000u + 3 * 2176);
  release(got);
  release(head);
}

// Both ends of a memif in one process: a driver that copies, so a kept Buffer and external memory need no copy of ours.
TEST(Memif, SharesKeptAndExternalBuffersWithoutCopies) {
  std::string error;
  PortSpec spec;
  spec.kind = PortKind::kMemif;
  spec.name = "sluice-test-" + std::to_string(getpid());
  spec.settings = {{"role", "server"}, {"buffers", "4096"}};
  auto server = EthernetDevice::open(spec, error);
  ASSERT_TRUE(server) << error;
  spec.settings["role"] = "client";
  auto client = EthernetDevice::open(spec, error);
  ASSERT_TRUE(client) << error;
  for (long tries = 0; !(server->link().up && client->link().up); ++tries) {
    ASSERT_LT(tries, 2'000'000'000L);
    sched_yield();
  }
  static const char kText[] = "external payload";
  external_releases = 0;
  EthernetQueue& from = client->queue(0);
  Buffer* payload = from.pool().allocate_external(
      kText, sizeof kText - 1, [](void* context) { ++*static_cast<int*>(context); }, &external_releases);
  for (int round = 0; round < 3; ++round) {
    Buffer* head = from.pool().allocate();
    head->append("head:", 5);
    head->next_segment = payload->retain();
    payload->next_segment = from.pool().allocate();
    payload->next_segment->append("!", 1);
    ASSERT_EQ(from.transmit(&head, 1), 1u);
    EXPECT_EQ(payload->references, 1);
    payload->next_segment = nullptr;
    Buffer* got = nullptr;
    ASSERT_EQ(server->queue(0).receive(&got, 1), 1u);
    EXPECT_EQ(got->text(), std::string("head:") + kText + "!");
    release(got);
    EXPECT_EQ(external_releases, 0);
  }
  EXPECT_EQ(from.counters.transmit_copied, 0u);
  release(payload);
  EXPECT_EQ(external_releases, 1);

  // A kept Buffer from the middle of a chain: the next user of its mbuf must not inherit the neighbour.
  Buffer* middle = from.pool().allocate();
  middle->append("middle", 6);
  Buffer* head = from.pool().allocate();
  head->append("head:", 5);
  head->next_segment = middle->retain();
  middle->next_segment = from.pool().allocate();
  middle->next_segment->append("!", 1);
  ASSERT_EQ(from.transmit(&head, 1), 1u);
  middle->next_segment = nullptr;
  release(middle);
  EXPECT_EQ(mbuf_of(middle)->next, nullptr);
  EXPECT_EQ(mbuf_of(middle)->nb_segs, 1);
  Buffer* got = nullptr;
  ASSERT_EQ(server->queue(0).receive(&got, 1), 1u);
  EXPECT_EQ(got->text(), "head:middle!");
  release(got);
  from.pool().flush();
  EXPECT_EQ(from.pool().outstanding(), 0u);
}

// vhost and virtio_user, both in this process: a driver that reads our Buffers after transmit() has returned.
class Virtio : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = "/tmp/sluice-virtio-" + std::to_string(getpid());
    std::string error;
    PortSpec spec;
    spec.kind = PortKind::kVhost;
    spec.name = path_;
    spec.settings = {{"buffers", "4096"}};
    server_ = EthernetDevice::open(spec, error);
    ASSERT_TRUE(server_) << error;
    spec.kind = PortKind::kVirtioUser;
    client_ = EthernetDevice::open(spec, error);
    ASSERT_TRUE(client_) << error;
    for (long tries = 0; !(server_->link().up && client_->link().up); ++tries) {
      ASSERT_LT(tries, 2'000'000'000L);
      sched_yield();
    }
  }
  void TearDown() override {
    client_.reset();
    server_.reset();
    unlink(path_.c_str());
  }
  EthernetQueue& client() { return client_->queue(0); }
  EthernetQueue& server() { return server_->queue(0); }
  static Buffer* next(EthernetQueue& queue) {
    Buffer* got = nullptr;
    for (long tries = 0; tries < 100'000'000L; ++tries)
      if (queue.receive(&got, 1) == 1) return got;
    return nullptr;
  }
  static std::string all(const Buffer* chain) {
    std::string out;
    for (; chain; chain = chain->next_segment) out += chain->text();
    return out;
  }
  // Ethernet, IPv4 and TCP headers, enough of them for offloads.
  static Buffer* headers(EthernetQueue& queue, uint16_t flags) {
    Buffer* head = queue.pool().allocate();
    std::byte* at = head->append(54);
    std::memset(at, 0, 54);
    at[12] = std::byte{0x08};
    at[14] = std::byte{0x45};
    at[23] = std::byte{6};
    at[46] = std::byte{0x50};
    head->flags = flags;
    head->l2_bytes = 14;
    head->l3_bytes = 20;
    head->l4_bytes = 20;
    return head;
  }
  std::string path_;
  std::unique_ptr<EthernetDevice> server_, client_;
};

TEST_F(Virtio, AKeptPayloadIsSharedWithTheDriverAndCopiedOnlyWhileItStillHoldsIt) {
  Buffer* payload = client().pool().allocate();
  payload->append("payload", 7);
  for (int round = 0; round < 4; ++round) {
    Buffer* head = headers(client(), 0);
    head->next_segment = payload->retain();
    ASSERT_EQ(client().transmit(&head, 1), 1u);
    EXPECT_EQ(payload->references, 1);
    Buffer* got = next(server());
    ASSERT_NE(got, nullptr);
    EXPECT_EQ(all(got).substr(54), "payload");
    release(got);
  }
  // The first went without a copy; the ring is far from full, so the driver has not yet looked for what it may free.
  EXPECT_EQ(client().counters.transmit_copied, 3u);
  release(payload);
}

TEST_F(Virtio, MemoryThatThePeerCannotSeeIsCopied) {
  static const char kText[] = "a string literal";
  external_releases = 0;
  Buffer* head = headers(client(), 0);
  head->next_segment = client().pool().allocate_external(
      kText, sizeof kText - 1, [](void* context) { ++*static_cast<int*>(context); }, &external_releases);
  ASSERT_EQ(client().transmit(&head, 1), 1u);
  EXPECT_EQ(external_releases, 1);
  EXPECT_EQ(client().counters.transmit_copied, 1u);
  Buffer* got = next(server());
  ASSERT_NE(got, nullptr);
  EXPECT_EQ(all(got).substr(54), kText);
  release(got);
}

TEST_F(Virtio, AChecksumLeftToTheWireCountsAsGood) {
  ASSERT_TRUE(client().capabilities().transmit_tcp_checksum && server().capabilities().transmit_tcp_checksum);
  for (auto [from, to] : {std::pair(&client(), &server()), std::pair(&server(), &client())}) {
    Buffer* head = headers(*from, Buffer::kTransmitTcpChecksum);
    ASSERT_EQ(from->transmit(&head, 1), 1u);
    Buffer* got = next(*to);
    ASSERT_NE(got, nullptr);
    EXPECT_TRUE(got->flags & Buffer::kReceiveL4ChecksumGood);
    EXPECT_EQ(got->length, 54u);
    release(got);
  }
}

TEST_F(Virtio, ALargeSegmentTravelsWhole) {
  ASSERT_TRUE(client().capabilities().tso);
  Buffer* head = headers(client(), Buffer::kTransmitTcpChecksum | Buffer::kTransmitTso);
  head->tso_segment_bytes = 1460;
  Buffer* tail = head;
  for (int i = 0; i < 10; ++i) {
    tail = tail->next_segment = client().pool().allocate(0);
    std::memset(tail->append(2000), 'a' + i, 2000);
  }
  const std::string sent = all(head).substr(54);
  ASSERT_EQ(client().transmit(&head, 1), 1u);
  Buffer* got = next(server());
  ASSERT_NE(got, nullptr);
  EXPECT_EQ(all(got).substr(54), sent);
  release(got);
}

TEST_F(Virtio, AThousandBurstsLoseAndLeakNothing) {
  server().pool().flush();
  client().pool().flush();
  uint64_t sent = 0, received = 0;
  for (int round = 0; round < 1000; ++round) {
    Buffer* frames[32];
    for (Buffer*& each : frames) {
      each = headers(client(), 0);
      std::memcpy(each->append(8), &sent, 8);
      ++sent;
    }
    ASSERT_EQ(client().transmit(frames, 32), 32u);
    for (int i = 0; i < 32; ++i) {
      Buffer* got = next(server());
      ASSERT_NE(got, nullptr);
      uint64_t number;
      std::memcpy(&number, got->data + 54, 8);
      EXPECT_EQ(number, received++);
      release(got);
    }
  }
  // What the driver has not freed yet is bounded by its rings.
  client().pool().flush();
  EXPECT_LE(client().pool().outstanding(), 2u * 1024);
}

TEST(StaleSocket, OfAKilledServerIsReplacedThatOfALivingOneIsNot) {
  const std::string path = "/tmp/sluice-stale-" + std::to_string(getpid());
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size());
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(fd, 1), 0);
  PortSpec spec;
  spec.kind = PortKind::kVhost;
  spec.name = path;
  spec.settings = {{"buffers", "4096"}};
  std::string error;
  EXPECT_EQ(EthernetDevice::open(spec, error), nullptr);
  EXPECT_NE(error.find("Address already in use"), std::string::npos) << error;
  close(fd);  // the server is gone, its socket is still there
  EXPECT_TRUE(EthernetDevice::open(spec, error)) << error;
  unlink(path.c_str());
}

TEST(DataThread, RegistersAndWorksOnAQueue) {
  std::string error;
  PortSpec spec = ring("a");
  auto a = EthernetDevice::open(spec, error);
  spec.settings["side"] = "b";
  auto b = EthernetDevice::open(spec, error);
  ASSERT_TRUE(a && b) << error;
  bool registered = false;
  unsigned received = 0;
  std::thread([&] {
    registered = Eal::register_thread();
    Buffer* frame = a->queue(0).pool().allocate();
    frame->append("x", 1);
    a->queue(0).transmit(&frame, 1);
    received = b->queue(0).receive(&frame, 1);
    if (received) release(frame);
    a->queue(0).pool().flush();
    b->queue(0).pool().flush();
    Eal::unregister_thread();
  }).join();
  EXPECT_TRUE(registered);
  EXPECT_EQ(received, 1u);
  EXPECT_EQ(a->queue(0).pool().outstanding(), 0u);
}

}  // namespace
}  // namespace sluice::ethdev
