// SPDX-License-Identifier: Apache-2.0
// Segments that are merged on their way up and cut on their way down: no peer can tell, and users get the same bytes.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "dataplane/tcp/test_peer.hh"

namespace sluice::tcp::test {
namespace {

constexpr uint32_t kMss = 1448;  // with timestamps
constexpr uint8_t kExperienced = 3;

// A peer that puts several segments on the wire at once, so that the port gives them in one burst.
class Merging : public ::testing::Test {
 protected:
  Recorder& open(bool sack = true, bool ecn = false) {
    TcpOptions options{.has_timestamp = true, .sack_permitted = sack, .mss = 1460, .timestamp = 5000};
    bench.listen();
    peer.timestamps = true;
    RawSegment syn;
    syn.flags = ecn ? kTcpSyn | kTcpEce | kTcpCwr : kTcpSyn;
    syn.sequence = peer.sequence;
    syn.options = options;
    peer.send(syn);
    ++peer.sequence;
    const RawSegment answer = peer.take();
    peer.acknowledgement = answer.sequence + 1;
    peer.echo = answer.options.timestamp;
    peer.send(kTcpAck);
    // The first segments of a connection are acknowledged one by one.
    for (int i = 0; i < 10; ++i) peer.send(kTcpAck | kTcpPsh, std::string(kMss, 'w'));
    peer.run_ms(100);
    peer.segments.clear();
    Recorder& user = bench.acceptor.only();
    user.received.clear();
    user.chunks = 0;
    merged_before = bench.counters().merged_segments;
    return user;
  }
  // The next segment, of these bytes; not sent yet.
  RawSegment next(const std::string& payload, uint8_t flags = kTcpAck) {
    RawSegment segment = peer.next(flags);
    segment.payload = payload;
    peer.sequence += static_cast<uint32_t>(payload.size()) + (flags & kTcpFin ? 1 : 0);
    return segment;
  }
  std::vector<RawSegment> series(unsigned count) {
    std::vector<RawSegment> all;
    for (unsigned i = 0; i < count; ++i) all.push_back(next(std::string(kMss, static_cast<char>('a' + i))));
    return all;
  }
  static std::string bytes_of(const std::vector<RawSegment>& all) {
    std::string bytes;
    for (const RawSegment& each : all) bytes += each.payload;
    return bytes;
  }
  void post(const std::vector<RawSegment>& all) {
    for (const RawSegment& each : all) peer.post(each);
    peer.settle();
  }
  uint64_t merged() const { return bench.counters().merged_segments - merged_before; }

  Bench bench;
  RawPeer& peer = bench.peer;
  uint64_t merged_before = 0;
};

TEST_F(Merging, ABurstOfOneFlowComesUpAsOne) {
  Recorder& user = open();
  const auto all = series(6);
  post(all);
  EXPECT_EQ(user.received, bytes_of(all));
  EXPECT_EQ(user.chunks, 1u);
  EXPECT_EQ(merged(), 6u);
  // Two full segments are owed an acknowledgement (RFC 5681 section 4.2); this one is for all six.
  EXPECT_EQ(peer.take().acknowledgement, peer.sequence);
  EXPECT_TRUE(peer.segments.empty());
}

TEST_F(Merging, WhatIsPushedIsNotWaitedWith) {
  Recorder& user = open();
  auto all = series(5);
  all[2].flags |= kTcpPsh;
  post(all);
  EXPECT_EQ(user.received, bytes_of(all));
  EXPECT_EQ(user.chunks, 2u);
}

TEST_F(Merging, SmallMessagesAreLeftAlone) {
  Recorder& user = open();
  std::vector<RawSegment> all;
  for (int i = 0; i < 4; ++i) all.push_back(next("a small message"));
  post(all);
  EXPECT_EQ(user.received, bytes_of(all));
  EXPECT_EQ(user.chunks, 4u);
  EXPECT_EQ(merged(), 0u);
}

TEST_F(Merging, TheEndBehindARunIsSeen) {
  Recorder& user = open();
  auto all = series(3);
  all.push_back(next("the last", kTcpAck | kTcpFin | kTcpPsh));
  post(all);
  EXPECT_EQ(user.received, bytes_of(all));
  EXPECT_EQ(user.ended, 1u);
  EXPECT_EQ(peer.segments.back().acknowledgement, peer.sequence);
}

TEST_F(Merging, BehindAHoleEachSegmentIsAnsweredByItself) {
  // A peer without SACK counts duplicates to find a loss (RFC 5681 section 3.2).
  Recorder& user = open(false);
  const Sequence hole = peer.sequence;
  const auto all = series(5);
  post({all[1], all[2], all[3], all[4]});
  EXPECT_EQ(user.received, "");
  ASSERT_EQ(peer.segments.size(), 4u);
  for (const RawSegment& each : peer.segments) EXPECT_EQ(each.acknowledgement, hole);
  peer.segments.clear();
  post({all[0]});
  EXPECT_EQ(user.received, bytes_of(all));
  EXPECT_EQ(peer.take().acknowledgement, peer.sequence);
}

TEST_F(Merging, AHoleInTheMidstOfABurstIsReported) {
  Recorder& user = open();
  const auto all = series(6);
  post({all[0], all[1], all[3], all[4], all[5]});
  EXPECT_EQ(user.received, bytes_of({all[0], all[1]}));
  const RawSegment report = peer.segments.back();
  EXPECT_EQ(report.acknowledgement, all[2].sequence);
  ASSERT_EQ(report.options.sack_blocks, 1u);
  EXPECT_EQ(report.options.sack[0], (SackBlock{all[3].sequence, peer.sequence}));
  post({all[2]});
  EXPECT_EQ(user.received, bytes_of(all));
}

TEST_F(Merging, ARunThatCameBeforeIsReportedAsADuplicate) {
  Recorder& user = open();
  const auto all = series(3);
  post(all);
  peer.segments.clear();
  post(all);
  EXPECT_EQ(user.received, bytes_of(all));
  // RFC 2883 section 4: said of what came twice.
  ASSERT_FALSE(peer.segments.empty());
  const RawSegment report = peer.segments.back();
  EXPECT_EQ(report.acknowledgement, peer.sequence);
  ASSERT_GE(report.options.sack_blocks, 1u);
  EXPECT_TRUE(before(report.options.sack[0].left, peer.sequence));
}

TEST_F(Merging, AMarkOfCongestionInTheMidstIsEchoed) {
  Recorder& user = open(true, true);
  const auto all = series(5);
  for (size_t i = 0; i < all.size(); ++i) peer.post(all[i], i == 2 ? kExperienced : 2);
  peer.settle();
  EXPECT_EQ(user.received, bytes_of(all));
  EXPECT_EQ(bench.counters().marks_received, 1u);
  EXPECT_TRUE(peer.segments.back().flags & kTcpEce);
}

TEST_F(Merging, ASegmentOutOfThePastIsRefused) {
  Recorder& user = open();
  auto all = series(3);
  all[2].options.timestamp -= 1000;  // PAWS (RFC 7323 section 5.3)
  post(all);
  EXPECT_EQ(user.received, bytes_of({all[0], all[1]}));
  EXPECT_EQ(bench.counters().paws_rejected, 1u);
}

TEST_F(Merging, NewsInTheAcknowledgementIsSeen) {
  Recorder& user = open();
  user.send(std::string(2 * kMss, 'y'), false);
  peer.settle();
  while (!peer.segments.empty()) peer.take_data();
  const Sequence now = peer.acknowledgement;
  auto all = series(4);
  all[0].acknowledgement = all[1].acknowledgement = now - kMss;
  all[2].acknowledgement = all[3].acknowledgement = now;
  post(all);
  EXPECT_EQ(user.received, bytes_of(all));
  EXPECT_EQ(user.stream->queued_bytes(), 0u);
}

TEST_F(Merging, TheLastWindowOfARunCounts) {
  Recorder& user = open();
  auto all = series(3);
  all[2].window = 100;
  post(all);
  peer.segments.clear();
  user.send(std::string(1000, 'y'), false);
  peer.run_ms(1000);
  // A small window is used up when nothing else opens it (RFC 9293 section 3.8.6.2.1).
  ASSERT_FALSE(peer.segments.empty());
  EXPECT_EQ(peer.take().payload.size(), 100u);
}

TEST_F(Merging, WhatComesTwiceIsTakenOnce) {
  Recorder& user = open();
  const auto all = series(4);
  std::vector<RawSegment> twice;
  for (const RawSegment& each : all) twice.insert(twice.end(), 2, each);
  post(twice);
  EXPECT_EQ(user.received, bytes_of(all));
}

TEST(MergingFlows, AreToldApart) {
  Simulation world(3);
  Host server(world, IpAddress::v4(0xc0000202));
  std::vector<std::unique_ptr<Host>> clients;
  // More than there are runs at once.
  for (uint32_t i = 0; i < SegmentRuns::kLimit + 2; ++i)
    clients.push_back(std::make_unique<Host>(world, IpAddress::v4(0xc000020a + i)));
  Acceptor acceptor;
  auto listener = server.tcp->listen({.local = {IpAddress{}, 80}}, acceptor);
  std::vector<std::unique_ptr<Recorder>> users;
  for (auto& client : clients) {
    users.push_back(std::make_unique<Recorder>());
    ASSERT_TRUE(client->tcp->connect({.remote = {server.address, 80}}, *users.back()));
    users.back()->send(pattern(100'000, users.size()), true);
  }
  ASSERT_TRUE(world.run_until([&] {
    for (auto& user : users)
      if (user->closed == 0) return false;
    return true;
  }));
  std::vector<std::string> sent, received;
  for (size_t i = 0; i < users.size(); ++i) sent.push_back(pattern(100'000, i + 1));
  for (auto& user : acceptor.users) received.push_back(user->received);
  std::sort(sent.begin(), sent.end());
  std::sort(received.begin(), received.end());
  EXPECT_EQ(received, sent);
  EXPECT_GT(server.tcp->counters.merged_segments, 0u);
}

// ---- cut on the way down

struct Transfer {
  std::vector<std::vector<std::byte>> frames;  // of the sender, with data
  uint64_t large = 0, cut = 0, merged = 0;
  std::string received;
};

Transfer transfer(const SoftwareOffloads& software, bool ipv6, const PortCapabilities& port = {},
                  double loss = 0) {
  Transfer result;
  Simulation world(11);
  simulation::SimulatedPortOptions ports;
  ports.capabilities = port;
  const IpAddress client6 = *IpAddress::parse("2001:db8::1"), server6 = *IpAddress::parse("2001:db8::2");
  Host client(world, IpAddress::v4(0xc0000201), {}, ports, {{client6, 64}}, software);
  Host server(world, IpAddress::v4(0xc0000202), {}, {}, {{server6, 64}});
  simulation::Conditions conditions;
  conditions.delay_ns = 1'000'000;
  conditions.loss = loss;
  world.wire.set_conditions(conditions);
  world.wire.set_hook([&](std::span<std::byte> frame, unsigned from, unsigned) {
    if (from == 0 && frame.size() > 200) result.frames.emplace_back(frame.begin(), frame.end());
    return true;
  });
  Acceptor acceptor;
  auto listener = server.tcp->listen({.local = {IpAddress{}, 80}}, acceptor);
  Recorder user;
  EXPECT_TRUE(client.tcp->connect({.remote = {ipv6 ? server6 : server.address, 80}}, user));
  user.send(pattern(300'000), true);
  EXPECT_TRUE(world.run_until([&] { return user.closed == 1; }));
  result.large = client.tcp->counters.sent_large;
  result.cut = client.stack.counters.frames_cut;
  result.merged = server.tcp->counters.merged_segments;
  result.received = acceptor.only().received;
  world.run_for(kNanosecondsPerSecond);
  EXPECT_EQ(client.port.pool().outstanding(), 0u);
  EXPECT_EQ(server.port.pool().outstanding(), 0u);
  listener.value.reset();
  return result;
}

class Cutting : public ::testing::TestWithParam<bool> {};  // IPv6

TEST_P(Cutting, TheSameFramesLeaveAsWithout) {
  const Transfer plain = transfer({true, false}, GetParam()), cut = transfer({true, true}, GetParam());
  EXPECT_EQ(plain.large, 0u);
  EXPECT_GT(cut.large, 0u);
  EXPECT_GT(cut.cut, 100u);
  EXPECT_EQ(cut.received, pattern(300'000));
  ASSERT_EQ(plain.frames.size(), cut.frames.size());
  for (size_t i = 0; i < cut.frames.size(); ++i) ASSERT_EQ(plain.frames[i], cut.frames[i]) << "frame " << i;
  // And what came in bursts went up merged.
  EXPECT_GT(cut.merged, 0u);
}

TEST_P(Cutting, WithThePortsChecksums) {
  const PortCapabilities port{.transmit_ip_checksum = true, .transmit_tcp_checksum = true};
  const Transfer cut = transfer({true, true}, GetParam(), port);
  EXPECT_GT(cut.cut, 100u);
  EXPECT_EQ(cut.received, pattern(300'000));
}

TEST_P(Cutting, APortThatCutsIsGivenBuffersWithoutACopy) {
  const PortCapabilities port{.transmit_ip_checksum = true,
                              .transmit_tcp_checksum = true,
                              .tso = true,
                              .transmit_scatter = true,
                              .tso_limit_bytes = 60'000,
                              .segments_limit = 8};
  const Transfer whole = transfer({true, true}, GetParam(), port);
  EXPECT_GT(whole.large, 0u);
  EXPECT_EQ(whole.cut, 0u);
  EXPECT_EQ(whole.received, pattern(300'000));
}

TEST_P(Cutting, WhatIsLostIsSentAgainAsASegment) {
  const Transfer cut = transfer({true, true}, GetParam(), {}, 0.05);
  EXPECT_GT(cut.cut, 0u);
  EXPECT_EQ(cut.received, pattern(300'000));
}

INSTANTIATE_TEST_SUITE_P(Families, Cutting, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "Ipv6" : "Ipv4"; });

}  // namespace
}  // namespace sluice::tcp::test
