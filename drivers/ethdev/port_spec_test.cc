// SPDX-License-Identifier: Apache-2.0
// From a specification to DPDK's words, and the texts for what is wrong or missing.
#include "drivers/ethdev/port_spec.hh"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "drivers/ethdev/eal.hh"
#include "drivers/ethdev/port_preflight.hh"

namespace sluice::ethdev {
namespace {

PortSpec spec(PortKind kind, const std::string& name, std::map<std::string, std::string> settings = {}) {
  PortSpec made;
  made.kind = kind;
  made.name = name;
  made.settings = std::move(settings);
  return made;
}

// The device text, or the complaint.
std::string text_of(const PortSpec& port, bool simd512 = false) {
  DeviceText out;
  const std::string error = make_device_text(port, simd512, out);
  return error.empty() ? out.device + " " + out.arguments : error;
}

TEST(PortSpec, KindsHaveNamesThatParseBack) {
  for (const char* name : {"tap", "af_packet", "af_xdp", "memif", "virtio_user", "vhost", "ring", "pci"}) {
    const auto kind = parse_port_kind(name);
    ASSERT_TRUE(kind) << name;
    EXPECT_EQ(port_kind_name(*kind), name);
  }
  EXPECT_FALSE(parse_port_kind("pcap"));
}

TEST(PortSpec, TapGivesTheKernelAnotherAddressThanOurs) {
  PortSpec port = spec(PortKind::kTap, "sl0");
  port.mac = MacAddress{{0x02, 0, 0, 0, 0, 0x10}};
  EXPECT_EQ(text_of(port), "net_tap_sl0 iface=sl0,mac=02:00:00:00:00:11");
  port.mac.reset();
  EXPECT_EQ(text_of(port).find(mac_text(derived_mac(port))), std::string::npos);
}

TEST(PortSpec, DerivedAddressesAreStableLocalAndTellTheEndsApart) {
  const PortSpec server = spec(PortKind::kMemif, "/run/x", {{"role", "server"}});
  const PortSpec client = spec(PortKind::kMemif, "/run/x", {{"role", "client"}});
  EXPECT_EQ(derived_mac(server), derived_mac(server));
  EXPECT_NE(derived_mac(server), derived_mac(client));
  EXPECT_EQ(derived_mac(server).bytes[0], 0x02);
}

TEST(PortSpec, AfPacketFrameSlotsFitTheMtu) {
  EXPECT_EQ(text_of(spec(PortKind::kAfPacket, "eth0")),
            "net_af_packet_eth0 iface=eth0,qpairs=1,framesz=2048,blocksz=4096,framecnt=1024,qdisc_bypass=1");
  PortSpec jumbo = spec(PortKind::kAfPacket, "eth0");
  jumbo.mtu_bytes = 9000;
  EXPECT_NE(text_of(jumbo).find("framesz=16384,blocksz=16384"), std::string::npos);
}

TEST(PortSpec, MemifByPathOrByAbstractName) {
  EXPECT_NE(text_of(spec(PortKind::kMemif, "/run/w.sock", {{"role", "server"}}))
                .find("socket=/run/w.sock,socket-abstract=no,rsize=10"),
            std::string::npos);
  EXPECT_NE(text_of(spec(PortKind::kMemif, "w", {{"role", "client"}, {"descriptors", "2048"}}))
                .find("socket=sluice-w,socket-abstract=yes,rsize=11"),
            std::string::npos);
  EXPECT_EQ(text_of(spec(PortKind::kMemif, "w")),
            "port memif w: setting 'role' says server or client: one end of a memif each");
}

TEST(PortSpec, VirtioIsVectorizedOnlyWhereTheCpuCanAndNothingForbids) {
  const PortSpec plain = spec(PortKind::kVirtioUser, "/run/v.sock", {{"checksum", "off"}});
  EXPECT_EQ(text_of(plain, false).find("vectorized"), std::string::npos);
  EXPECT_NE(text_of(plain, true).find("vectorized=1"), std::string::npos);
  EXPECT_EQ(text_of(spec(PortKind::kVirtioUser, "/run/v.sock"), true).find("vectorized"), std::string::npos);
}

TEST(PortSpec, PciIsItsAddress) {
  EXPECT_EQ(text_of(spec(PortKind::kPci, "0000:01:00.0", {{"arguments", "a=1,b=2"}})),
            "0000:01:00.0 a=1,b=2");
  EXPECT_EQ(text_of(spec(PortKind::kPci, "01:00.0")),
            "port pci 01:00.0: not a PCI address of the form 0000:01:00.0 (lspci -D lists them)");
}

TEST(PortSpec, FaultsAreNamedWithTheValue) {
  EXPECT_EQ(text_of(spec(PortKind::kTap, "sl0", {{"speed", "10"}})),
            "port tap sl0: unknown setting 'speed' (known: buffers,descriptors,tso,checksum,remote,persist)");
  EXPECT_EQ(text_of(spec(PortKind::kTap, "sl0", {{"buffers", "many"}})),
            "port tap sl0: setting 'buffers' is not a number: 'many'");
  EXPECT_EQ(text_of(spec(PortKind::kTap, "sl0", {{"tso", "yes"}})),
            "port tap sl0: setting 'tso' is 0 or 1, not 'yes'");
  EXPECT_EQ(text_of(spec(PortKind::kTap, "an-interface-name")),
            "port tap an-interface-name: an interface name has at most 15 characters");
  EXPECT_EQ(text_of(spec(PortKind::kTap, "a,iface=b")),
            "port tap a,iface=b: the name may not contain commas, equals signs or spaces");
  EXPECT_EQ(text_of(spec(PortKind::kTap, "sl0", {{"remote", "x,mac=00:00:00:00:00:01"}})),
            "port tap sl0: setting 'remote' has the unusable value 'x,mac=00:00:00:00:00:01'");
  PortSpec port = spec(PortKind::kAfPacket, "eth0");
  port.queues = 2;
  EXPECT_NE(text_of(port).find("af_packet has one queue only"), std::string::npos);
  port = spec(PortKind::kTap, "sl0");
  port.queues = 17;
  EXPECT_EQ(text_of(port), "port tap sl0: 17 queues asked for; 1 to 16 are possible");
  port.queues = 1;
  port.mtu_bytes = 100;
  EXPECT_EQ(text_of(port), "port tap sl0: mtu 100 is not within 576 to 9600");
  port.mtu_bytes = 9000;
  EXPECT_EQ(text_of(port), "port tap sl0: DPDK's tap driver carries an mtu of at most 1500, not 9000");
}

TEST(PortPreflight, NamesTheMissingInterfaceAndThoseThatAre) {
  const std::string text = port_preflight(spec(PortKind::kAfPacket, "nosuch0"));
  EXPECT_EQ(text.find("port af_packet nosuch0: there is no such interface (there are: "), 0u) << text;
  EXPECT_NE(text.find("lo"), std::string::npos);
}

TEST(PortPreflight, TapNeedsAFreeName) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  EXPECT_EQ(port_preflight(spec(PortKind::kTap, "lo")),
            "port tap lo: an interface of that name exists already and is no tap: choose another name");
}

TEST(PortPreflight, VirtioUserWantsItsPeer) {
  EXPECT_EQ(port_preflight(spec(PortKind::kVirtioUser, "/nonexistent/v.sock")),
            "port virtio_user /nonexistent/v.sock: nobody listens there: start the vhost end first, or set "
            "server = 1");
  EXPECT_EQ(
      port_preflight(spec(PortKind::kVhost, "/nonexistent/v.sock")),
      "port vhost /nonexistent/v.sock: the directory of the socket does not exist: mkdir -p /nonexistent");
}

// A PCI tree like the kernel's.
class PciTree : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/sluice-pci-XXXXXX";
    root_ = mkdtemp(name);
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  void add(const std::string& address, const std::string& driver, bool iommu) {
    const std::filesystem::path device = root_ / "bus/pci/devices" / address;
    std::filesystem::create_directories(device);
    if (!driver.empty()) std::filesystem::create_symlink(root_ / "drivers" / driver, device / "driver");
    if (iommu) std::filesystem::create_symlink(root_ / "iommu_groups/1", device / "iommu_group");
  }
  std::string check(const std::string& address) {
    return port_preflight(spec(PortKind::kPci, address), root_.string());
  }
  std::filesystem::path root_;
};

TEST_F(PciTree, SaysHowToBindADevice) {
  std::filesystem::create_directories(root_ / "drivers/ixgbe");
  std::filesystem::create_directories(root_ / "iommu_groups/1");
  add("0000:01:00.0", "ixgbe", true);
  EXPECT_EQ(check("0000:01:00.0"),
            "port pci 0000:01:00.0: bound to the kernel's driver ixgbe: modprobe vfio-pci && dpdk-devbind.py "
            "--bind=vfio-pci 0000:01:00.0");
  EXPECT_EQ(check("0000:01:00.1"),
            "port pci 0000:01:00.1: there is no such PCI device (lspci -D lists them)");
}

TEST_F(PciTree, SaysWhenThereIsNoIommu) {
  add("0000:02:00.0", "", false);
  const std::string text = check("0000:02:00.0");
  EXPECT_NE(text.find("bound to no driver"), std::string::npos);
  EXPECT_NE(text.find("enable_unsafe_noiommu_mode"), std::string::npos);
}

TEST_F(PciTree, IsContentWithVfioAndWithDriversThatShare) {
  add("0000:03:00.0", "vfio-pci", true);
  add("0000:04:00.0", "mlx5_core", true);
  EXPECT_EQ(check("0000:03:00.0"), "");
  EXPECT_EQ(check("0000:04:00.0"), "");
}

bool contains(const std::vector<std::string>& list, const std::string& word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

TEST(EalArguments, ShareNothingAndLookAtNoPciDeviceUnlessAsked) {
  EalOptions options;
  options.ports = {spec(PortKind::kTap, "sl0")};
  auto words = Eal::arguments(options, true, "0");
  EXPECT_TRUE(contains(words, "--in-memory"));
  EXPECT_TRUE(contains(words, "--no-pci"));
  EXPECT_TRUE(contains(words, "0@(0)"));
  words = Eal::arguments(options, false, "0,1");
  EXPECT_FALSE(contains(words, "--in-memory"));
  EXPECT_TRUE(contains(words, "--no-huge"));
  options.ports.push_back(spec(PortKind::kPci, "0000:01:00.0"));
  words = Eal::arguments(options, true, "0");
  EXPECT_FALSE(contains(words, "--no-pci"));
  EXPECT_TRUE(contains(words, "0000:01:00.0"));
  options.extra_arguments = {"--legacy-mem", "-v"};
  words = Eal::arguments(options, true, "0");
  EXPECT_TRUE(contains(words, "--legacy-mem"));
  EXPECT_EQ(words.back(), "-v");
}

TEST(EalStart, SaysHowToGetHugepages) {
  EalOptions options;
  options.memory = EalMemory::kHugepages;
  options.memory_mb = 1u << 22;  // 4 TB: no machine of ours has them free
  const std::string text = Eal::start(options);
  EXPECT_EQ(text.find("packet memory: memory = hugepages needs 4194304 MB of hugepages, "), 0u) << text;
  EXPECT_NE(text.find("echo 2097152 > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"),
            std::string::npos);
  EXPECT_FALSE(Eal::started());
}

}  // namespace
}  // namespace sluice::ethdev
