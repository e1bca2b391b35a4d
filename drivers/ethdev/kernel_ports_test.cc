// SPDX-License-Identifier: Apache-2.0
// The ports whose other end is the kernel (tap, af_packet, af_xdp), in a network namespace of this test's own, which goes
// with the process. The kernel's end is a packet socket.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "drivers/ethdev/eal.hh"
#include "drivers/ethdev/ethdev.hh"

namespace sluice::ethdev {
namespace {

constexpr uint16_t kExperimental =
    0x88b5;  // IEEE 802 local experimental EtherType: the kernel itself never sends it
constexpr int kPatienceMs = 10'000;

// ---- the kernel's end ----

class KernelEnd {
 public:
  explicit KernelEnd(const std::string& interface) {
    fd_ = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_ALL));
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    address.sll_ifindex = static_cast<int>(if_nametoindex(interface.c_str()));
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~KernelEnd() { close(fd_); }
  void send(const std::string& frame) {
    EXPECT_EQ(::send(fd_, frame.data(), frame.size(), 0), static_cast<ssize_t>(frame.size()));
  }
  // The next frame that came in with this EtherType; "" when none comes.
  std::string receive(uint16_t ethertype) {
    for (;;) {
      pollfd waiting{fd_, POLLIN, 0};
      const int ready = poll(&waiting, 1, kPatienceMs);
      if (ready < 0 && errno == EINTR) continue;  // the tap driver's signal
      if (ready <= 0) return "";
      char frame[70'000];
      sockaddr_ll from{};
      socklen_t size = sizeof from;
      const ssize_t length = recvfrom(fd_, frame, sizeof frame, 0, reinterpret_cast<sockaddr*>(&from), &size);
      if (length < 14 || from.sll_pkttype == PACKET_OUTGOING) continue;
      if ((static_cast<uint8_t>(frame[12]) << 8 | static_cast<uint8_t>(frame[13])) == ethertype)
        return std::string(frame, static_cast<size_t>(length));
    }
  }

 private:
  int fd_;
};

MacAddress kernel_mac(const std::string& interface) {
  MacAddress mac;
  ifreq request{};
  std::snprintf(request.ifr_name, sizeof request.ifr_name, "%s", interface.c_str());
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  EXPECT_EQ(ioctl(fd, SIOCGIFHWADDR, &request), 0);
  close(fd);
  std::memcpy(mac.bytes.data(), request.ifr_hwaddr.sa_data, 6);
  return mac;
}

// ---- packets ----

std::string experimental(const std::string& payload) {
  std::string frame(12, '\xff');
  frame[6] = '\x02';
  frame += static_cast<char>(kExperimental >> 8);
  frame += static_cast<char>(kExperimental & 0xff);
  return frame + payload;
}

uint32_t sum16(const std::string& bytes, size_t from, size_t to, uint32_t sum = 0) {
  for (size_t i = from; i < to; i += 2)
    sum += static_cast<uint32_t>(static_cast<uint8_t>(bytes[i])) << 8 |
           (i + 1 < to ? static_cast<uint8_t>(bytes[i + 1]) : 0);
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

void put16(std::string& bytes, size_t at, uint32_t value) {
  bytes[at] = static_cast<char>(value >> 8);
  bytes[at + 1] = static_cast<char>(value);
}
uint32_t get16(const std::string& bytes, size_t at) {
  return static_cast<uint32_t>(static_cast<uint8_t>(bytes[at])) << 8 | static_cast<uint8_t>(bytes[at + 1]);
}
uint32_t get32(const std::string& bytes, size_t at) { return get16(bytes, at) << 16 | get16(bytes, at + 2); }

constexpr size_t kEth = 14, kIp = 20, kTcp = 20;

// Ethernet, IPv4 and TCP headers for `payload_bytes`; IP checksum 0, the TCP checksum field holds the pseudo header's sum.
std::string tcp_headers(size_t payload_bytes) {
  std::string h(kEth + kIp + kTcp, '\0');
  h.replace(0, 6, std::string(6, '\xff'));
  h[6] = '\x02';
  put16(h, 12, 0x0800);
  h[kEth] = 0x45;
  put16(h, kEth + 2, static_cast<uint32_t>(kIp + kTcp + payload_bytes));
  h[kEth + 8] = 64;
  h[kEth + 9] = 6;
  const uint8_t addresses[8] = {192, 0, 2, 1, 198, 51, 100, 2};
  for (size_t i = 0; i < 8; ++i) h[kEth + 12 + i] = static_cast<char>(addresses[i]);
  const size_t tcp = kEth + kIp;
  put16(h, tcp, 40'000);
  put16(h, tcp + 2, 80);
  put16(h, tcp + 6, 1000);  // sequence number
  h[tcp + 12] = 0x50;
  h[tcp + 13] = 0x10;
  uint32_t pseudo = sum16(h, kEth + 12, kEth + 20, static_cast<uint32_t>(6 + kTcp + payload_bytes));
  put16(h, tcp + 16, pseudo);
  return h;
}

// Whether the IP header's and the TCP segment's checksums are right.
bool ip_sum_good(const std::string& frame) { return sum16(frame, kEth, kEth + kIp) == 0xffff; }
bool tcp_sum_good(const std::string& frame) {
  const uint32_t length = get16(frame, kEth + 2);
  const uint32_t pseudo = sum16(frame, kEth + 12, kEth + 20, 6 + length - static_cast<uint32_t>(kIp));
  return sum16(frame, kEth + kIp, kEth + length, pseudo) == 0xffff;
}

void with_sums(std::string& frame) {
  put16(frame, kEth + 10, ~sum16(frame, kEth, kEth + kIp) & 0xffff);
  put16(frame, kEth + kIp + 16, 0);
  const uint32_t length = get16(frame, kEth + 2);
  const uint32_t pseudo = sum16(frame, kEth + 12, kEth + 20, 6 + length - static_cast<uint32_t>(kIp));
  put16(frame, kEth + kIp + 16, ~sum16(frame, kEth + kIp, frame.size(), pseudo) & 0xffff);
}

std::string pattern(size_t length) {
  std::string out(length, '\0');
  for (size_t i = 0; i < length; ++i) out[i] = static_cast<char>(i * 31 + i / 251);
  return out;
}

// ---- the port's end ----

Buffer* buffer_with(EthernetQueue& queue, const std::string& bytes) {
  Buffer* head = nullptr;
  Buffer** link = &head;
  for (size_t at = 0; at < bytes.size();) {
    Buffer* buffer = queue.pool().allocate();
    EXPECT_NE(buffer, nullptr);
    const size_t part = std::min<size_t>(buffer->tailroom(), bytes.size() - at);
    buffer->append(bytes.data() + at, static_cast<uint32_t>(part));
    at += part;
    *link = buffer;
    link = &buffer->next_segment;
  }
  return head;
}

std::string text_of(const Buffer* chain) {
  std::string out;
  for (; chain; chain = chain->next_segment) out += chain->text();
  return out;
}

// The next frame of this EtherType at the port, as one reference; nullptr when none comes.
Buffer* wait_for(EthernetQueue& queue, uint16_t ethertype) {
  for (int waited_ms = 0; waited_ms < kPatienceMs;) {
    Buffer* got = nullptr;
    if (queue.receive(&got, 1) == 1) {
      const std::string head(got->text().substr(0, 14));
      if (get16(head, 12) == ethertype) return got;
      release(got);
      continue;
    }
    pollfd waiting{queue.interrupt_fd(), POLLIN, 0};
    poll(&waiting, queue.interrupt_fd() >= 0 ? 1 : 0, 1);
    ++waited_ms;
  }
  return nullptr;
}

std::unique_ptr<EthernetDevice> open(PortKind kind, const std::string& name,
                                     std::map<std::string, std::string> settings = {},
                                     uint32_t mtu_bytes = 1500, uint16_t queues = 1) {
  PortSpec spec;
  spec.kind = kind;
  spec.name = name;
  spec.settings = std::move(settings);
  spec.settings.try_emplace("buffers", "4096");
  spec.mtu_bytes = mtu_bytes;
  spec.queues = queues;
  std::string error;
  auto device = EthernetDevice::open(spec, error);
  EXPECT_TRUE(device) << error;
  return device;
}

class Tap : public ::testing::Test {
 protected:
  // One device for all tests: the kernel takes its time to make and to remove an interface.
  static void SetUpTestSuite() {
    device_ = sluice::ethdev::open(PortKind::kTap, "sltap");
    if (device_) kernel_ = std::make_unique<KernelEnd>("sltap");
  }
  static void TearDownTestSuite() {
    kernel_.reset();
    device_.reset();
  }
  void SetUp() override {
    ASSERT_TRUE(device_);
    port().pool().flush();
    held_by_driver_ = port().pool().outstanding();
    port().counters = {};
  }
  void TearDown() override {
    if (!device_) return;
    port().pool().flush();
    EXPECT_EQ(port().pool().outstanding(), held_by_driver_);
  }
  static EthernetQueue& port() { return device_->queue(0); }
  static void transmit(Buffer* frame) { ASSERT_EQ(port().transmit(&frame, 1), 1u); }
  inline static std::unique_ptr<EthernetDevice> device_;
  inline static std::unique_ptr<KernelEnd> kernel_;
  uint32_t held_by_driver_ = 0;
};

TEST_F(Tap, CarriesFramesBothWays) {
  transmit(
      buffer_with(port(), experimental("to the kernel, sixty bytes or more so that nobody needs to pad it")));
  EXPECT_EQ(kernel_->receive(kExperimental),
            experimental("to the kernel, sixty bytes or more so that nobody needs to pad it"));
  kernel_->send(experimental("to the port"));
  Buffer* got = wait_for(port(), kExperimental);
  ASSERT_NE(got, nullptr);
  EXPECT_EQ(text_of(got), experimental("to the port"));
  release(got);
}

TEST_F(Tap, TheKernelsEndHasAnotherAddress) {
  EXPECT_NE(kernel_mac("sltap"), port().mac());
  EXPECT_EQ(port().mac(), derived_mac(device_->spec()));
}

TEST_F(Tap, ItsDescriptorWakesASleeper) {
  ASSERT_GE(port().interrupt_fd(), 0);
  for (Buffer* early; port().receive(&early, 1) == 1;) release(early);
  port().arm_interrupt();
  kernel_->send(experimental("wake up"));
  pollfd waiting{port().interrupt_fd(), POLLIN, 0};
  int ready;
  while ((ready = poll(&waiting, 1, kPatienceMs)) < 0 && errno == EINTR) {
  }
  EXPECT_EQ(ready, 1);
  port().disarm_interrupt();
  Buffer* got = wait_for(port(), kExperimental);
  ASSERT_NE(got, nullptr);
  release(got);
}

TEST_F(Tap, FillsInChecksumsOverAKeptPayloadAgainAndAgain) {
  ASSERT_TRUE(port().capabilities().transmit_tcp_checksum && port().capabilities().transmit_ip_checksum);
  const std::string bytes = pattern(999);  // odd
  Buffer* payload = buffer_with(port(), bytes);
  for (int round = 0; round < 3; ++round) {
    Buffer* head = buffer_with(port(), tcp_headers(bytes.size()));
    head->flags = Buffer::kTransmitIpChecksum | Buffer::kTransmitTcpChecksum;
    head->l2_bytes = kEth;
    head->l3_bytes = kIp;
    head->l4_bytes = kTcp;
    head->next_segment = payload->retain();
    transmit(head);
    EXPECT_EQ(payload->references, 1);
    const std::string got = kernel_->receive(0x0800);
    ASSERT_EQ(got.size(), kEth + kIp + kTcp + bytes.size());
    EXPECT_TRUE(ip_sum_good(got));
    EXPECT_TRUE(tcp_sum_good(got));
    EXPECT_EQ(got.substr(kEth + kIp + kTcp), bytes);
  }
  EXPECT_EQ(port().counters.transmit_copied, 0u);
  release(payload);
}

TEST_F(Tap, CutsALargeSegment) {
  ASSERT_TRUE(port().capabilities().tso);
  const std::string bytes = pattern(20'000);
  ASSERT_LE(bytes.size(), port().capabilities().tso_limit_bytes);
  Buffer* head = buffer_with(port(), tcp_headers(bytes.size()));
  head->flags = Buffer::kTransmitIpChecksum | Buffer::kTransmitTcpChecksum | Buffer::kTransmitTso;
  head->l2_bytes = kEth;
  head->l3_bytes = kIp;
  head->l4_bytes = kTcp;
  head->tso_segment_bytes = 1460;
  head->next_segment = buffer_with(port(), bytes);
  transmit(head);
  std::string together;
  while (together.size() < bytes.size()) {
    const std::string got = kernel_->receive(0x0800);
    ASSERT_FALSE(got.empty());
    EXPECT_LE(got.size(), 1514u);
    EXPECT_TRUE(ip_sum_good(got));
    EXPECT_TRUE(tcp_sum_good(got));
    EXPECT_EQ(get32(got, kEth + kIp + 4), 1000 + together.size());
    together += got.substr(kEth + kIp + kTcp);
  }
  EXPECT_EQ(together, bytes);
}

TEST_F(Tap, TellsGoodChecksumsFromBad) {
  std::string frame = tcp_headers(100) + pattern(100);
  with_sums(frame);
  kernel_->send(frame);
  Buffer* got = wait_for(port(), 0x0800);
  ASSERT_NE(got, nullptr);
  EXPECT_EQ(got->flags, Buffer::kReceiveIpChecksumGood | Buffer::kReceiveL4ChecksumGood);
  release(got);
  frame[kEth + kIp + kTcp] ^= 1;
  kernel_->send(frame);
  got = wait_for(port(), 0x0800);
  ASSERT_NE(got, nullptr);
  EXPECT_EQ(got->flags, Buffer::kReceiveIpChecksumGood | Buffer::kReceiveL4ChecksumBad);
  EXPECT_EQ(port().counters.receive_bad_checksum, 1u);
  release(got);
}

TEST_F(Tap, AnOversizedFrameBlocksNobody) {
  Buffer* frames[2] = {buffer_with(port(), experimental(std::string(1600, 'x'))),
                       buffer_with(port(), experimental(std::string(60, 'y')))};
  EXPECT_EQ(port().transmit(frames, 2), 2u);
  EXPECT_EQ(kernel_->receive(kExperimental), experimental(std::string(60, 'y')));
  EXPECT_EQ(port().counters.transmit_oversized, 1u);
}

TEST(TapQueues, EachSendsAndAFlowReturnsToItsQueue) {
  auto device = open(PortKind::kTap, "slqueues", {}, 1500, 2);
  ASSERT_TRUE(device);
  KernelEnd kernel("slqueues");
  for (uint16_t index = 0; index < 2; ++index) {
    Buffer* frame =
        buffer_with(device->queue(index), experimental(std::string(60, static_cast<char>('0' + index))));
    ASSERT_EQ(device->queue(index).transmit(&frame, 1), 1u);
    EXPECT_EQ(kernel.receive(kExperimental).back(), '0' + index);
  }
}

bool run(const std::string& command) { return std::system(command.c_str()) == 0; }

void send_and_receive(EthernetDevice& device, KernelEnd& kernel) {
  EthernetQueue& port = device.queue(0);
  // A kept payload behind a header, twice: the second time the driver may still hold the first.
  Buffer* payload = buffer_with(port, std::string(100, 'p'));
  for (int round = 0; round < 2; ++round) {
    Buffer* head = buffer_with(port, experimental("header" + std::to_string(round)));
    if (port.capabilities().transmit_scatter) {
      head->next_segment = payload->retain();
    } else {
      head->append(payload->data, payload->length);
    }
    ASSERT_EQ(port.transmit(&head, 1), 1u);
    EXPECT_EQ(kernel.receive(kExperimental),
              experimental("header" + std::to_string(round) + std::string(100, 'p')));
  }
  release(payload);
  kernel.send(experimental(std::string(100, 'k')));
  ASSERT_GE(port.interrupt_fd(), 0);
  pollfd waiting{port.interrupt_fd(), POLLIN, 0};
  int ready;
  while ((ready = poll(&waiting, 1, kPatienceMs)) < 0 && errno == EINTR) {
  }
  EXPECT_EQ(ready, 1);
  Buffer* got = wait_for(port, kExperimental);
  ASSERT_NE(got, nullptr);
  EXPECT_EQ(text_of(got), experimental(std::string(100, 'k')));
  release(got);
}

TEST(AfPacket, WorksOverVethAndWakesASleeper) {
  if (!run("ip link add slveth0 type veth peer name slveth1 2>/dev/null"))
    GTEST_SKIP() << "needs iproute2 and veth";
  ASSERT_TRUE(run("ip link set slveth0 up && ip link set slveth1 up"));
  {
    auto device = open(PortKind::kAfPacket, "slveth0");
    ASSERT_TRUE(device);
    EXPECT_EQ(device->mac(), kernel_mac("slveth0"));
    KernelEnd kernel("slveth1");
    send_and_receive(*device, kernel);
  }
  run("ip link del slveth0");
}

TEST(AfPacket, CarriesJumboFrames) {
  if (!run("ip link add slbig0 mtu 9000 type veth peer name slbig1 mtu 9000 2>/dev/null"))
    GTEST_SKIP() << "needs iproute2 and veth";
  ASSERT_TRUE(run("ip link set slbig0 up && ip link set slbig1 up"));
  {
    auto device = open(PortKind::kAfPacket, "slbig0", {{"buffers", "2048"}, {"descriptors", "256"}}, 9000);
    ASSERT_TRUE(device);
    KernelEnd kernel("slbig1");
    const std::string frame = experimental(pattern(8986));
    kernel.send(frame);
    Buffer* got = wait_for(device->queue(0), kExperimental);
    ASSERT_NE(got, nullptr);
    EXPECT_EQ(text_of(got), frame);
    ASSERT_EQ(device->queue(0).transmit(&got, 1), 1u);  // back as it came
    EXPECT_EQ(kernel.receive(kExperimental), frame);
  }
  run("ip link del slbig0");
}

TEST(AfXdp, WorksOverVethAndWakesASleeper) {
  if (!run("ip link add slxdp0 type veth peer name slxdp1 2>/dev/null"))
    GTEST_SKIP() << "needs iproute2 and veth";
  ASSERT_TRUE(run("ip link set slxdp0 up && ip link set slxdp1 up"));
  {
    PortSpec spec;
    spec.kind = PortKind::kAfXdp;
    spec.name = "slxdp0";
    spec.settings = {{"buffers", "8192"}};
    std::string error;
    auto device = EthernetDevice::open(spec, error);
    if (!device) {
      run("ip link del slxdp0");
      GTEST_SKIP() << "AF_XDP is not to be had here: " << error;
    }
    KernelEnd kernel("slxdp1");
    send_and_receive(*device, kernel);
  }
  run("ip link del slxdp0");
}

// Into a network namespace of our own; as an ordinary user with a user namespace around it.
bool enter_namespace() {
  if (geteuid() == 0) return unshare(CLONE_NEWNET) == 0;
  const unsigned uid = geteuid();
  if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return false;
  FILE* map = std::fopen("/proc/self/uid_map", "we");
  if (!map) return false;
  std::fprintf(map, "0 %u 1", uid);
  return std::fclose(map) == 0;
}

}  // namespace
}  // namespace sluice::ethdev

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  if (!sluice::ethdev::enter_namespace()) {
    std::puts("skipped: needs root, or user namespaces, for a network namespace of its own");
    return 77;
  }
  sluice::ethdev::EalOptions options;
  options.memory = sluice::ethdev::EalMemory::kOrdinary;
  options.memory_mb = 128;
  if (const std::string error = sluice::ethdev::Eal::start(options); !error.empty()) {
    std::printf("%s\n", error.c_str());
    return 1;
  }
  const int result = RUN_ALL_TESTS();
  sluice::ethdev::Eal::stop();
  return result;
}
