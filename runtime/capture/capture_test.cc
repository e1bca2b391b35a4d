// SPDX-License-Identifier: Apache-2.0
// What is in the file, block by block, and what is not.
#include "runtime/capture/capture.hh"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/ip/test_host.hh"
#include "tests/simulation/simulation.hh"

namespace sluice::runtime {
namespace {

using ip::Bytes;
using ip::ip_address;

// A reader of its own, by the draft.
struct File {
  struct Frame {
    uint32_t interface_number;
    uint64_t time_ns;
    uint32_t original_bytes;
    bool outgoing;
    std::string bytes;
  };
  std::vector<std::string> interfaces;
  std::vector<Frame> frames;
  std::vector<uint64_t> received, dropped;  // by interface
  bool sound = true;

  explicit File(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    const std::string all((std::istreambuf_iterator<char>(in)), {});
    const auto u32 = [&](size_t at) {
      uint32_t value = 0;
      if (at + 4 <= all.size()) std::memcpy(&value, all.data() + at, 4);
      return value;
    };
    const auto options = [&](size_t at, size_t end, auto&& each) {
      while (at + 4 <= end) {
        const uint16_t code = static_cast<uint16_t>(u32(at)), length = static_cast<uint16_t>(u32(at) >> 16);
        if (code == 0) return;
        each(code, all.substr(at + 4, length));
        at += 4 + (length + 3u) / 4 * 4;
      }
      sound = false;  // no end of the options
    };
    const auto u64_of = [](const std::string& text) {
      uint64_t value = 0;
      std::memcpy(&value, text.data(), std::min<size_t>(text.size(), 8));
      return value;
    };
    size_t at = 0;
    for (uint32_t length; at < all.size(); at += length) {
      length = u32(at + 4);
      if (length < 12 || length % 4 != 0 || at + length > all.size() || u32(at + length - 4) != length) {
        sound = false;
        return;
      }
      const size_t end = at + length - 4;
      switch (u32(at)) {
        case 0x0a0d0d0a: sound &= at == 0 && u32(at + 8) == 0x1a2b3c4d && u32(at + 12) == 1; break;
        case 1:
          sound &= u32(at + 8) == 1;  // Ethernet
          options(at + 16, end, [&](uint16_t code, const std::string& value) {
            if (code == 2) interfaces.push_back(value);
            if (code == 9) sound &= value == std::string(1, 9);
          });
          break;
        case 6: {
          const uint32_t kept = u32(at + 20);
          Frame frame{u32(at + 8), uint64_t{u32(at + 12)} << 32 | u32(at + 16), u32(at + 24), false,
                      all.substr(at + 28, kept)};
          options(at + 28 + (kept + 3) / 4 * 4, end, [&](uint16_t code, const std::string& value) {
            if (code == 2) frame.outgoing = (u64_of(value) & 3) == 2;
          });
          frames.push_back(std::move(frame));
          break;
        }
        case 5:
          options(at + 20, end, [&](uint16_t code, const std::string& value) {
            if (code == 4) received.push_back(u64_of(value));
            if (code == 7) dropped.push_back(u64_of(value));
          });
          break;
        default: sound = false;
      }
    }
  }
};

std::string text_of(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

struct CaptureTest : testing::Test {
  CaptureTest() {
    char folder_name[] = "/tmp/sluice-capture-XXXXXX";
    folder = mkdtemp(folder_name);
    request.file = folder + "/frames.pcapng";
    sim.run_for(kNanosecondsPerMillisecond);  // the announcement of the address
  }
  ~CaptureTest() override { std::filesystem::remove_all(folder); }

  void start() {
    ASSERT_EQ(capture.start(request, false), "");
    point.receive(0);
  }
  // The core goes on with its turns while the capture ends.
  File stop() {
    std::thread stopper([this] { EXPECT_EQ(capture.stop(), ""); });
    while (capture.status().running) point.receive(0);
    stopper.join();
    return File(request.file);
  }
  void ping(const std::string& from = "192.0.2.9") {
    Bytes message(40);
    wire::emit_icmp(message.data(), wire::kIcmpEchoRequest, 0, 0);
    wire::set_icmp_checksum(message.data(), wire::checksum_finish(wire::checksum_add(0, message.data(), 40)));
    station.send_ipv4(host.port.mac(),
                      {.hop_limit = 64,
                       .protocol = ip::kProtocolIcmp,
                       .source = ip_address(from).v4(),
                       .destination = ip_address("192.0.2.1").v4()},
                      message);
    sim.run_for(kNanosecondsPerMillisecond);
  }

  std::string folder;
  simulation::Simulation sim{5};
  ip::TestHost host{sim, "192.0.2.1"};
  ip::TestStation station{sim};
  Capture capture{{"sl0", "sl1"}, {&sim.waiter}};
  CapturePoint point{capture, 0, host.stack, sim.clock};
  CaptureRequest request;
};

TEST_F(CaptureTest, HoldsWhatWentOverThePortWhileItRan) {
  ping();  // before
  station.received();
  start();
  const uint64_t begin_ns = sim.clock.realtime_ns();
  ping();
  const auto sent = station.received();
  const File file = stop();
  ping();  // after
  ASSERT_TRUE(file.sound);
  EXPECT_EQ(file.interfaces, (std::vector<std::string>{"sl0", "sl1"}));
  // The question, and what our side sent: an ARP question for the station, since it has not answered one yet.
  ASSERT_EQ(file.frames.size(), 1 + sent.size());
  EXPECT_FALSE(file.frames[0].outgoing);
  EXPECT_EQ(file.frames[0].interface_number, 0u);
  EXPECT_EQ(file.frames[0].original_bytes, 74u);
  EXPECT_EQ(file.frames[0].bytes.size(), 74u);
  EXPECT_GE(file.frames[0].time_ns, begin_ns);
  EXPECT_LE(file.frames[0].time_ns, sim.clock.realtime_ns());
  for (size_t i = 0; i < sent.size(); ++i) {
    EXPECT_TRUE(file.frames[1 + i].outgoing);
    EXPECT_EQ(file.frames[1 + i].bytes, text_of(sent[i]).substr(0, file.frames[1 + i].bytes.size()));
  }
  EXPECT_EQ(file.received, (std::vector<uint64_t>{file.frames.size(), 0}));
  EXPECT_EQ(file.dropped, (std::vector<uint64_t>{0, 0}));
  EXPECT_EQ(File(request.file).frames.size(), file.frames.size()) << "closed is closed";
}

TEST_F(CaptureTest, OnlyWhatIsAskedFor) {
  request.hosts = {ip_address("192.0.2.9")};
  request.interfaces = {"sl0"};
  request.snap_bytes = 20;
  start();
  ping("192.0.2.8");
  ping("192.0.2.9");
  const File file = stop();
  ASSERT_TRUE(file.sound);
  ASSERT_GE(file.frames.size(), 1u);
  EXPECT_EQ(file.frames[0].bytes.size(), 20u);
  EXPECT_EQ(file.frames[0].original_bytes, 74u);
  for (const auto& frame : file.frames)  // of ARP too
    EXPECT_TRUE(frame.original_bytes == 74 || frame.outgoing);
}

TEST_F(CaptureTest, OfAnotherPortNothing) {
  request.interfaces = {"sl1"};
  start();
  ping();
  EXPECT_TRUE(stop().frames.empty());
  request.interfaces = {"eth7"};
  EXPECT_EQ(capture.start(request, true), "there is no port eth7 to capture from; there are: sl0, sl1");
}

TEST_F(CaptureTest, OneAtATimeAndNeverOverAFile) {
  EXPECT_EQ(capture.stop(), "no capture runs");
  start();
  EXPECT_NE(capture.start(request, true).find("runs already"), std::string::npos);
  stop();
  EXPECT_NE(capture.start(request, false).find("File exists; name a new file"), std::string::npos);
  EXPECT_EQ(capture.start(request, true), "");
  point.receive(0);
  ping();
  EXPECT_GE(stop().frames.size(), 1u);
  request.file = folder + "/nowhere/x";
  EXPECT_NE(capture.start(request, true).find("No such file"), std::string::npos);
}

TEST_F(CaptureTest, EndsByItselfWhenTheFileIsFull) {
  request.limit_mb = 1;
  start();
  for (unsigned i = 0; i < 20'000 && capture.status().error.empty(); ++i) {
    ping();
    station.received();
    if (i % 1000 == 999) std::this_thread::yield();
  }
  while (capture.status().running) {
    ping();
    station.received();
    point.receive(0);
  }
  EXPECT_EQ(capture.status().error, request.file + " has its 1 MB (megabytes=)");
  const File file(request.file);
  EXPECT_TRUE(file.sound);
  EXPECT_LT(std::filesystem::file_size(request.file), (1u << 20) + 1000);
  EXPECT_EQ(file.received.size(), 2u);
}

TEST(CaptureRing, RefusesWhatDoesNotFitAndKeepsTheOrder) {
  CaptureRing ring;
  HeapBufferPool pool(2048, 8);
  Buffer* head = pool.allocate(0);
  head->next_segment = pool.allocate(0);
  const std::string text = text_of(ip::pattern_bytes(3000));
  uint32_t put = 0, taken = 0;
  for (unsigned round = 0; round < 20; ++round) {
    for (;; ++put) {
      const uint32_t length = 1 + put * 37 % 3000;
      head->length = head->next_segment->length = 0;
      head->append(text.data(), std::min(length, 1500u));
      head->next_segment->append(text.data() + std::min(length, 1500u), length - std::min(length, 1500u));
      if (!ring.put({.time_ns = put, .original_bytes = 9000, .bytes = length}, head)) break;
    }
    const unsigned most = round == 19 ? UINT32_MAX : 900;
    CapturedFrame about;
    for (unsigned i = 0; i < most && ring.take(about); ++i, ++taken) {
      ASSERT_EQ(about.time_ns, taken);
      ASSERT_EQ(about.bytes, 1 + taken * 37 % 3000);
      std::string bytes(about.bytes, '\0');
      ring.take_bytes(about, reinterpret_cast<std::byte*>(bytes.data()));
      ASSERT_EQ(bytes, text.substr(0, about.bytes));
    }
  }
  EXPECT_EQ(taken, put);
  EXPECT_GT(put, 10'000u);
  release(head);
}

TEST(CaptureRequest, IsReadWhole) {
  CaptureRequest request;
  EXPECT_EQ(parse_capture("/tmp/a b.pcapng", request), "");
  EXPECT_EQ(request.file, "/tmp/a b.pcapng");
  request = {};
  EXPECT_EQ(parse_capture("x,host=10.0.0.1,host=::1,port=80,interface=sl0,snap=96,megabytes=5", request), "");
  EXPECT_EQ(request.hosts, (std::vector{ip_address("10.0.0.1"), ip_address("::1")}));
  EXPECT_EQ(request.ports, std::vector<uint16_t>{80});
  EXPECT_EQ(request.interfaces, std::vector<std::string>{"sl0"});
  EXPECT_EQ(request.snap_bytes, 96u);
  EXPECT_EQ(request.limit_mb, 5u);
}

TEST(CaptureRequest, SaysWhatIsWrong) {
  const auto wrong = [](const char* text) {
    CaptureRequest request;
    return parse_capture(text, request);
  };
  EXPECT_EQ(wrong(",port=1"), "a file is wanted, as in capture.pcapng,host=10.0.0.1,port=80");
  EXPECT_EQ(wrong("x,host=10.0.0"), "'host=10.0.0': an address is wanted, as in host=10.0.0.1");
  EXPECT_EQ(wrong("x,port=0"), "'port=0': a port from 1 to 65535 is wanted");
  EXPECT_EQ(wrong("x,snap=13"), "'snap=13': from 14 to 262144 bytes are wanted");
  EXPECT_EQ(wrong("x,tcp"), "'tcp': not known; there are host, port, interface, snap and megabytes");
  EXPECT_NE(wrong("x,port=1,port=2,port=3,port=4,port=5,port=6,port=7,port=8,port=9"), "");
}

Bytes tcp_frame(const char* from, uint16_t from_port, const char* to, uint16_t to_port) {
  Bytes frame(14 + 20 + 20);
  wire::emit_ethernet(frame.data(), {}, {}, wire::kEtherTypeIpv4);
  wire::emit_ipv4(frame.data() + 14, {.total_bytes = 40,
                                      .hop_limit = 64,
                                      .protocol = ip::kProtocolTcp,
                                      .source = ip_address(from).v4(),
                                      .destination = ip_address(to).v4()});
  wire::store_16(frame.data() + 34, from_port);
  wire::store_16(frame.data() + 36, to_port);
  return frame;
}

TEST(CaptureRequest, ChoosesOneConnectionInBothDirections) {
  CaptureRequest request;
  ASSERT_EQ(parse_capture("x,host=10.0.0.1,host=10.0.0.2,port=80,port=40000", request), "");
  EXPECT_TRUE(capture_wants(request, tcp_frame("10.0.0.1", 40000, "10.0.0.2", 80)));
  EXPECT_TRUE(capture_wants(request, tcp_frame("10.0.0.2", 80, "10.0.0.1", 40000)));
  EXPECT_FALSE(capture_wants(request, tcp_frame("10.0.0.1", 40001, "10.0.0.2", 80)));
  EXPECT_FALSE(capture_wants(request, tcp_frame("10.0.0.3", 40000, "10.0.0.2", 80)));
  Bytes fragment = tcp_frame("10.0.0.1", 40000, "10.0.0.2", 80);
  wire::store_16(fragment.data() + 20, 5);  // a later fragment: these are no ports
  EXPECT_FALSE(capture_wants(request, fragment));
  const Bytes whole = tcp_frame("10.0.0.1", 40000, "10.0.0.2", 80);
  for (size_t length = 0; length < whole.size() - 16; ++length)  // sanitizers see its end
    EXPECT_FALSE(
        capture_wants(request, Bytes(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(length))));
}

}  // namespace
}  // namespace sluice::runtime
