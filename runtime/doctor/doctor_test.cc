// SPDX-License-Identifier: Apache-2.0
// The doctor in front of machines made of files: what it finds, what it says to do, what follows.
#include "runtime/doctor/doctor.hh"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

namespace sluice::doctor {
namespace {

namespace fs = std::filesystem;

class Doctor : public testing::Test {
 protected:
  void SetUp() override {
    environment_.root = testing::TempDir() + "sluice-doctor-" + std::to_string(getpid());
    environment_.program = "/opt/sluice";
    fs::remove_all(environment_.root);
    fs::create_directories(environment_.root);
  }
  void TearDown() override { fs::remove_all(environment_.root); }

  void write(const std::string& path, const std::string& text) {
    fs::create_directories(fs::path(environment_.root + path).parent_path());
    std::ofstream(environment_.root + path) << text;
  }
  void folder(const std::string& path) { fs::create_directories(environment_.root + path); }
  void pci(const std::string& address, const std::string& id_class, const std::string& vendor,
           const std::string& device, const std::string& driver) {
    const std::string path = "/sys/bus/pci/devices/" + address;
    write(path + "/class", id_class + "\n");
    write(path + "/vendor", "0x" + vendor + "\n");
    write(path + "/device", "0x" + device + "\n");
    if (!driver.empty()) fs::create_symlink("../../drivers/" + driver, environment_.root + path + "/driver");
  }
  void status(const std::string& uid, const std::string& capabilities) {
    write("/proc/self/status",
          "Name:\tsluice\nUid:\t1000\t" + uid + "\t0\t0\nCapEff:\t" + capabilities + "\n");
  }
  void limits(const std::string& files, const std::string& locked) {
    write("/proc/self/limits",
          "Limit                     Soft Limit           Hard Limit           Units     \n"
          "Max open files            " +
              files +
              "                 1048576              files     \n"
              "Max locked memory         " +
              locked + "              8388608              bytes     \n");
  }
  // Everything that bypass on a card needs.
  void well_prepared() {
    write("/sys/devices/system/cpu/online", "0-3\n");
    write("/sys/devices/system/cpu/isolated", "1-3\n");
    write("/proc/cpuinfo",
          "vendor_id\t: GenuineIntel\nmodel name\t: Example 9000\nflags\t\t: fpu aes pclmulqdq avx2 sha_ni "
          "vaes\n");
    write("/sys/devices/system/node/node0/cpulist", "0-1\n");
    write("/sys/devices/system/node/node1/cpulist", "2-3\n");
    write("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "1024\n");
    write("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "1000\n");
    folder("/sys/kernel/iommu_groups/0");
    folder("/sys/kernel/iommu_groups/1");
    folder("/sys/module/vfio_pci");
    write("/dev/net/tun", "");
    pci("0000:01:00.0", "0x020000", "8086", "10fb", "vfio-pci");
    write("/sys/bus/pci/devices/0000:01:00.0/numa_node", "1\n");
    write("/usr/share/misc/pci.ids",
          "# list\n8085  Wrong\n\t10fb  Wrong\n8086  Intel Corporation\n\t10fa  Wrong\n\t10fb  82599ES\n9999 "
          " Wrong\n");
    status("0", "000001ffffffffff");
    limits("1048576", "unlimited");
  }

  Report examine() { return doctor::examine(environment_); }
  // The finding of a section that contains `text`.
  Finding find(const std::string& section, const std::string& text) {
    const Report report = examine();
    for (const Section& candidate : report.sections)
      if (candidate.title == section)
        for (const Finding& finding : candidate.findings)
          if (finding.text.find(text) != std::string::npos) return finding;
    ADD_FAILURE() << "nothing about \"" << text << "\" in:\n" << to_text(report);
    return Finding{};
  }
  bool mentions(const std::string& text) { return to_text(examine()).find(text) != std::string::npos; }

  Environment environment_;
};

TEST_F(Doctor, NothingReadableStillGivesAReport) {
  const Report report = examine();
  EXPECT_EQ(report.sections.size(), 8u);
  ASSERT_EQ(report.verdicts.size(), 3u);
  EXPECT_EQ(report.verdicts[0].level, Level::kGood);
  EXPECT_EQ(report.verdicts[1].text,
            "bypass on a tap port: lacks /dev/net/tun, cap_net_admin and cap_net_raw");
  EXPECT_EQ(report.verdicts[2].text, "bypass on a network card: there is no PCI network card");
}

TEST_F(Doctor, EveryMissingThingHasAMend) {
  pci("0000:01:00.0", "0x020000", "8086", "10fb", "ixgbe");
  for (const Section& section : examine().sections)
    for (const Finding& finding : section.findings)
      EXPECT_TRUE(finding.level != Level::kMissing || !finding.mend.empty()) << finding.text;
}

TEST_F(Doctor, AWellPreparedMachineIsReady) {
  well_prepared();
  const Report report = examine();
  for (const Finding& verdict : report.verdicts) EXPECT_EQ(verdict.level, Level::kGood) << verdict.text;
  for (const Section& section : report.sections)
    for (const Finding& finding : section.findings) EXPECT_NE(finding.level, Level::kMissing) << finding.text;
  EXPECT_EQ(find("Network cards", "0000:01:00.0").text,
            "0000:01:00.0 Intel Corporation 82599ES [8086:10fb], driver vfio-pci, NUMA node 1: ready (--port "
            "0000:01:00.0,address=ADDRESS/LENGTH)");
  EXPECT_EQ(find("Processors", "online").text, "4 online (0-3), Example 9000");
  EXPECT_EQ(find("Processors", "NUMA").text,
            "2 NUMA nodes: 0 has processors 0-1; 1 has processors 2-3; choose data cores on the card's node");
  EXPECT_EQ(find("Hugepages", "free").text, "1024 of 2 MB, 1000 free");
}

TEST_F(Doctor, IsolationIsAdvisedForAllButTheFirstProcessor) {
  write("/sys/devices/system/cpu/online", "0-7\n");
  const Finding finding = find("Processors", "isolated");
  EXPECT_EQ(finding.level, Level::kNote);
  EXPECT_NE(finding.mend.find("isolcpus=1-7 nohz_full=1-7"), std::string::npos) << finding.mend;
  EXPECT_NE(finding.mend.find("sudo update-grub && sudo reboot"), std::string::npos) << finding.mend;
}

TEST_F(Doctor, HugepagesAreMendedByTheirNumber) {
  EXPECT_EQ(find("Hugepages", "none are reserved").mend,
            "echo 512 | sudo tee /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages");
  status("0", "0");
  EXPECT_EQ(find("Hugepages", "none are reserved").mend,
            "echo 512 > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages");
  // Those that somebody uses are kept.
  write("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "300\n");
  write("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "10\n");
  EXPECT_EQ(find("Hugepages", "20 MB are free").mend,
            "echo 802 > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages");
  write("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "200\n");
  EXPECT_EQ(find("Hugepages", "400 MB are free").level, Level::kNote);
  write("/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages", "2\n");
  write("/sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages", "2\n");
  EXPECT_EQ(find("Hugepages", "GB").text, "2 of 1 GB, 2 free");
  EXPECT_FALSE(mentions("MB are free"));
}

TEST_F(Doctor, ACardOfTheKernelIsMendedByBindingIt) {
  pci("0000:01:00.0", "0x020000", "8086", "10fb", "ixgbe");
  folder("/sys/bus/pci/devices/0000:01:00.0/net/eth5");
  const Finding finding = find("Network cards", "0000:01:00.0");
  EXPECT_EQ(finding.level, Level::kMissing);
  EXPECT_EQ(
      finding.text,
      "0000:01:00.0 8086:10fb, eth5, driver ixgbe: net_ixgbe could take it, but it belongs to the kernel");
  EXPECT_EQ(finding.mend, "sudo ip link set eth5 down && sudo dpdk-devbind.py --bind=vfio-pci 0000:01:00.0");
}

TEST_F(Doctor, TheCardWithTheDefaultRouteIsLeftAlone) {
  pci("0000:00:03.0", "0x020000", "1af4", "1000", "virtio-pci");
  folder("/sys/bus/pci/devices/0000:00:03.0/virtio0/net/ens3");
  write("/proc/net/route",
        "Iface\tDestination\tGateway\nens3\t00000000\t0100000A\nens3\t0000000A\t00000000\n");
  const Finding finding = find("Network cards", "ens3");
  EXPECT_EQ(finding.level, Level::kNote);
  EXPECT_NE(finding.text.find("default route"), std::string::npos);
  EXPECT_EQ(finding.mend, "");
  EXPECT_NE(examine().verdicts[2].text.find("a card that is free"), std::string::npos);
}

TEST_F(Doctor, CardsOfAllSorts) {
  pci("0000:01:00.0", "0x020000", "15b3", "1017", "mlx5_core");
  pci("0000:02:00.0", "0x028000", "10ec", "8822", "rtw88");
  pci("0000:03:00.0", "0x030000", "10de", "0001", "nouveau");
  pci("0000:04:00.0", "0x020000", "1d0f", "ec20", "");
  folder("/sys/bus/pci/devices/0000:04:00.0/physfn");
  EXPECT_EQ(find("Network cards", "0000:01:00.0").level, Level::kGood);
  EXPECT_EQ(find("Network cards", "0000:02:00.0").level, Level::kNote);
  EXPECT_EQ(find("Network cards", "0000:04:00.0").text,
            "0000:04:00.0 1d0f:ec20, no driver, virtual function: net_ena could take it, but it belongs to "
            "the kernel");
  EXPECT_FALSE(mentions("0000:03:00.0"));
}

TEST_F(Doctor, IommuOnBareMetalAndInAVirtualMachine) {
  pci("0000:01:00.0", "0x020000", "8086", "10fb", "ixgbe");
  write("/proc/cpuinfo", "vendor_id\t: GenuineIntel\nflags\t\t: fpu\n");
  EXPECT_NE(find("IOMMU and VFIO", "the IOMMU is off").mend.find("intel_iommu=on iommu=pt"),
            std::string::npos);
  write("/proc/cpuinfo", "vendor_id\t: AuthenticAMD\nflags\t\t: fpu\n");
  EXPECT_NE(find("IOMMU and VFIO", "the IOMMU is off").mend.find("amd_iommu=on iommu=pt"), std::string::npos);
  write("/proc/cmdline", "root=/dev/vda1 amd_iommu=on\n");
  EXPECT_NE(find("IOMMU and VFIO", "no IOMMU").mend.find("firmware"), std::string::npos);
  write("/proc/cpuinfo", "vendor_id\t: AuthenticAMD\nflags\t\t: fpu hypervisor\n");
  EXPECT_EQ(find("IOMMU and VFIO", "virtual machine").level, Level::kMissing);
  write("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "Y\n");
  EXPECT_EQ(find("IOMMU and VFIO", "virtual machine").level, Level::kNote);
  EXPECT_EQ(find("IOMMU and VFIO", "vfio-pci").mend, "sudo modprobe vfio-pci");
}

TEST_F(Doctor, WithoutACardVfioIsNoNeed) {
  EXPECT_EQ(find("IOMMU and VFIO", "vfio-pci").level, Level::kNote);
}

TEST_F(Doctor, TapNeedsTheDeviceAndTheRight) {
  write("/dev/net/tun", "");
  status("1000", "0000000000003000");  // cap_net_admin, cap_net_raw
  EXPECT_EQ(find("Virtual ports", "tap").level, Level::kGood);
  EXPECT_EQ(examine().verdicts[1].text,
            "bypass on a tap port: ready, without hugepages (--port tap:sl0,address=ADDRESS/LENGTH)");
  status("1000", "0000000000001000");
  EXPECT_EQ(examine().verdicts[1].text, "bypass on a tap port: lacks cap_net_admin and cap_net_raw");
  const Finding finding = find("Permissions", "lacks");
  EXPECT_EQ(finding.level, Level::kMissing);
  EXPECT_EQ(finding.text, "for bypass the program lacks cap_net_raw,cap_ipc_lock,cap_sys_rawio");
  EXPECT_EQ(finding.mend, "sudo setcap cap_net_admin,cap_net_raw,cap_ipc_lock,cap_sys_rawio+ep /opt/sluice");
}

TEST_F(Doctor, RootInAContainerIsToldItsFlags) {
  status("0", "0000000000000000");
  EXPECT_EQ(find("Permissions", "container").mend,
            "start the container with --cap-add=NET_ADMIN --cap-add=NET_RAW --cap-add=IPC_LOCK "
            "--cap-add=SYS_RAWIO");
}

TEST_F(Doctor, AcceleratorsByPciId) {
  EXPECT_EQ(find("Accelerators", "no QAT").level, Level::kNote);
  pci("0000:6b:00.0", "0x0b4000", "8086", "4940", "4xxx");
  pci("0000:6b:00.1", "0x0b4000", "8086", "4941", "vfio-pci");
  EXPECT_EQ(find("Accelerators", "0000:6b:00.0").text, "0000:6b:00.0 QAT 4xxx, driver 4xxx");
  EXPECT_EQ(find("Accelerators", "0000:6b:00.1").text,
            "0000:6b:00.1 QAT 4xxx (virtual function), driver vfio-pci");
  write("/proc/cpuinfo", "flags\t\t: aes avx512f sha\n");
  EXPECT_EQ(find("Accelerators", "the processor has").text, "the processor has AES-NI, AVX-512");
  EXPECT_NE(find("Accelerators", "the processor lacks").text.find("SHA"), std::string::npos);
}

TEST_F(Doctor, IoUring) {
  EXPECT_EQ(find("Kernel transport", "io_uring").text, "io_uring works");
  environment_.io_uring_error = EPERM;
  EXPECT_NE(find("Kernel transport", "io_uring").mend.find("seccomp"), std::string::npos);
  write("/proc/sys/kernel/io_uring_disabled", "2\n");
  EXPECT_EQ(find("Kernel transport", "io_uring").mend, "sudo sysctl -w kernel.io_uring_disabled=0");
  environment_.io_uring_error = ENOSYS;
  EXPECT_NE(find("Kernel transport", "io_uring").text.find("no io_uring"), std::string::npos);
  EXPECT_EQ(examine().verdicts[0].text, "kernel transport: ready, with epoll");
}

TEST_F(Doctor, LimitsOfTheProcess) {
  limits("1024", "65536");
  EXPECT_EQ(find("Kernel transport", "open files").level, Level::kNote);
  EXPECT_EQ(find("Kernel transport", "locked memory").text,
            "locked memory: 64 KB; io_uring and VFIO want more");
  limits("65536", "67108864");
  EXPECT_EQ(find("Kernel transport", "open files").text, "open files: 65536");
  EXPECT_EQ(find("Kernel transport", "locked memory").text, "locked memory: 64 MB");
  write("/proc/sys/net/core/somaxconn", "128\n");
  EXPECT_EQ(find("Kernel transport", "accept queue").mend, "sudo sysctl -w net.core.somaxconn=4096");
}

TEST_F(Doctor, PortsBesideTheKernels) {
  write("/proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n");
  EXPECT_NE(to_text(examine()).find("ours 10240 to 32767, the kernel's 32768 to 60999"), std::string::npos);
  write("/proc/sys/net/ipv4/ip_local_port_range", "1024\t65535\n");
  const std::string text = to_text(examine());
  EXPECT_NE(text.find("may take the same one"), std::string::npos) << text;
  EXPECT_NE(text.find("sysctl -w net.ipv4.ip_local_port_range='32768 60999'"), std::string::npos) << text;
}

TEST_F(Doctor, TextForPeople) {
  const std::string text = to_text(examine());
  EXPECT_EQ(text.find("Processors\n"), 0u);
  EXPECT_NE(text.find("  missing  no /dev/net/tun: no tap ports\n           mend: sudo modprobe tun"),
            std::string::npos);
  EXPECT_NE(text.find("\nWhat follows\n  ok       kernel transport: ready, with io_uring\n"),
            std::string::npos);
  EXPECT_EQ(text.back(), '\n');
}

TEST(DoctorHere, RunsOnThisMachine) {
  const Report report = examine(this_machine());
  EXPECT_EQ(report.verdicts.size(), 3u);
  EXPECT_FALSE(report.sections[0].findings.empty());
}

}  // namespace
}  // namespace sluice::doctor
