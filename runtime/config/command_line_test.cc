// SPDX-License-Identifier: Apache-2.0
// The command line: commands, settings, what belongs to the program, and how it goes together with a file and a machine.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "runtime/config/config.hh"

namespace sluice::config {
namespace {

namespace fs = std::filesystem;

// A machine of files: four processors, two interfaces, three PCI devices. Gone with the test.
class CommandLine : public testing::Test {
 protected:
  void SetUp() override {
    root_ = testing::TempDir() + "sluice-config-" + std::to_string(getpid());
    fs::remove_all(root_);
    write("/sys/devices/system/cpu/online", "0-2,5\n");
    fs::create_directories(root_ + "/sys/class/net/eth0");
    fs::create_directories(root_ + "/sys/class/net/lo");
    pci("0000:01:00.0", "0x020000", "vfio-pci");
    pci("0000:01:00.1", "0x020000", "ixgbe");
    pci("0000:02:00.0", "0x030000", "");
    pci("0000:03:00.0", "0x020000", "mlx5_core");
    pci("0000:04:00.0", "0x020000", "");
  }
  void TearDown() override { fs::remove_all(root_); }

  void write(const std::string& path, const std::string& text) {
    fs::create_directories(fs::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text;
  }
  void pci(const std::string& address, const std::string& device_class, const std::string& driver) {
    const std::string device = "/sys/bus/pci/devices/" + address;
    write(device + "/class", device_class + "\n");
    if (!driver.empty()) fs::create_symlink("../../../bus/pci/drivers/" + driver, root_ + device + "/driver");
  }

  Configuration good(std::vector<const char*> arguments) {
    std::string error;
    const std::optional<Configuration> configuration = load(arguments, error, root_);
    EXPECT_TRUE(configuration) << error;
    return configuration.value_or(Configuration{});
  }
  std::string bad(std::vector<const char*> arguments) {
    std::string error;
    EXPECT_FALSE(load(arguments, error, root_));
    EXPECT_EQ(error.find('\n'), std::string::npos) << error;
    return error;
  }

  std::string root_;
};

using Words = std::vector<std::string>;

TEST_F(CommandLine, NothingAtAll) { EXPECT_EQ(good({}).command, Command::kNone); }

TEST_F(CommandLine, WhatStandsBehindTheProgramBelongsToIt) {
  const Configuration c = good({"--cores", "2", "app.js", "--cores", "9", "-e", "--", "x"});
  EXPECT_EQ(c.command, Command::kFile);
  EXPECT_EQ(c.program, "app.js");
  EXPECT_EQ(c.cores.count, 2u);
  EXPECT_EQ(c.arguments, (Words{"--cores", "9", "-e", "--", "x"}));
}

TEST_F(CommandLine, DoubleDashEndsTheOptions) {
  const Configuration c = good({"--", "-odd.js", "--help"});
  EXPECT_EQ(c.program, "-odd.js");
  EXPECT_EQ(c.arguments, Words{"--help"});
}

TEST_F(CommandLine, EvalAndPrint) {
  for (const auto& words : {std::vector<const char*>{"-e", "1", "a", "-b"},
                            {"--eval", "1", "a", "-b"},
                            {"--eval=1", "a", "-b"},
                            {"-e", "1", "--", "a", "-b"}}) {
    const Configuration c = good(words);
    EXPECT_EQ(c.command, Command::kEval);
    EXPECT_EQ(c.code, "1");
    EXPECT_EQ(c.arguments, (Words{"a", "-b"}));
  }
  for (const auto& words :
       {std::vector<const char*>{"-p", "-1"}, {"--print", "-1"}, {"-pe", "-1"}, {"--print=-1"}}) {
    const Configuration c = good(words);
    EXPECT_EQ(c.command, Command::kPrint);
    EXPECT_EQ(c.code, "-1");
  }
  EXPECT_EQ(bad({"-e"}), "-e needs a value, as in -e CODE");
}

TEST_F(CommandLine, StandardInput) {
  const Configuration c = good({"-", "a", "--help"});
  EXPECT_EQ(c.command, Command::kStdin);
  EXPECT_EQ(c.arguments, (Words{"a", "--help"}));
}

TEST_F(CommandLine, VersionAndHelp) {
  EXPECT_EQ(good({"-v"}).command, Command::kVersion);
  EXPECT_EQ(good({"--version", "--nonsense"}).command, Command::kVersion);
  EXPECT_EQ(good({"-h"}).command, Command::kHelp);
  EXPECT_EQ(good({"--help"}).command, Command::kHelp);
  EXPECT_EQ(version_text().back(), '\n');
  for (const char* option :
       {"--transport",   "--port",    "--cores",    "--poll",          "--config",   "--admin",
        "--watchdog-ms", "--heap-mb", "--drain-ms", "--kernel-driver", "--no-uring", "--hugepages",
        "--v8-flags",    "--set",     "--eval",     "--capture",       "--print",    "--version",
        "--help",        "bench",     "doctor"})
    EXPECT_NE(help_text().find(option), std::string::npos) << option;
}

TEST_F(CommandLine, DoctorTakesTheRest) {
  const Configuration c = good({"doctor", "--json"});
  EXPECT_EQ(c.command, Command::kDoctor);
  EXPECT_EQ(c.arguments, Words{"--json"});
}

TEST_F(CommandLine, BenchKeepsItsOwnOptionsAndGivesUsTheNetworks) {
  const Configuration c =
      good({"bench", "http://10.0.0.2/", "-c", "8", "--port", "tap:sl1,address=10.0.0.3/24", "-p", "16",
            "--rate=10", "--poll=busy", "-e", "-h"});
  EXPECT_EQ(c.command, Command::kBench);
  EXPECT_EQ(c.arguments, (Words{"http://10.0.0.2/", "-c", "8", "-p", "16", "--rate=10", "-e", "-h"}));
  EXPECT_EQ(c.transport, TransportKind::kBypass);
  EXPECT_EQ(c.poll, PollMode::kBusy);
}

TEST_F(CommandLine, Settings) {
  const Configuration c = good({"--transport=kernel",
                                "--poll",
                                "busy",
                                "--admin",
                                "0.0.0.0:9",
                                "--watchdog-ms",
                                "5",
                                "--heap-mb=32",
                                "--drain-ms",
                                "6",
                                "--kernel-driver",
                                "uring",
                                "--hugepages=always",
                                "--v8-flags",
                                "--max-lazy",
                                "--set",
                                "http.head_bytes=512",
                                "--set",
                                "dpdk.memory_mb=128",
                                "a.js"});
  EXPECT_EQ(c.poll, PollMode::kBusy);
  EXPECT_EQ(c.admin->to_string(), "0.0.0.0:9");
  EXPECT_EQ(c.isolate.watchdog_ms, 5u);
  EXPECT_EQ(c.isolate.heap_mb, 32u);
  EXPECT_EQ(c.isolate.drain_ms, 6u);
  EXPECT_EQ(c.kernel_driver, KernelDriver::kUring);
  EXPECT_EQ(c.dpdk.hugepages, HugePages::kAlways);
  EXPECT_EQ(c.v8_flags, "--max-lazy");
  EXPECT_EQ(c.http.head_bytes, 512u);
  EXPECT_EQ(c.dpdk.memory_mb, 128u);
  EXPECT_EQ(good({"--no-uring", "a.js"}).kernel_driver, KernelDriver::kEpoll);
}

TEST_F(CommandLine, WrongOptions) {
  EXPECT_EQ(bad({"--prot", "x"}), "--prot: there is no such option; did you mean --port?");
  EXPECT_EQ(bad({"-z"}), "-z: there is no such option; sluice --help lists them");
  EXPECT_EQ(bad({"--poll", "bussy", "a.js"}), "--poll bussy: not one of adaptive, busy");
  EXPECT_EQ(bad({"--port"}), "--port needs a value, as in --port tap:sl0,address=10.0.0.2/24");
  EXPECT_EQ(bad({"--cores", "--poll", "busy"}), "--cores needs a value, as in --cores 2");
  EXPECT_EQ(bad({"--no-uring=1"}), "--no-uring takes no value");
  EXPECT_EQ(bad({"--watchdog-ms", "1s", "a.js"}),
            "--watchdog-ms 1s: a whole number is wanted, from 0 to 86400000");
  EXPECT_EQ(bad({"--heap-mb", "99999999999999999999", "a.js"}),
            "--heap-mb 99999999999999999999: out of range; from 16 to 65536");
  EXPECT_EQ(bad({"--set", "http.head_byte=1"}),
            "--set http.head_byte=1: there is no setting http.head_byte; did you mean http.head_bytes?");
  EXPECT_EQ(bad({"--set", "http.head_bytes"}),
            "--set http.head_bytes: KEY=VALUE is wanted, as in --set http.head_bytes=32768");
  EXPECT_EQ(bad({"--set", "http.head_bytes=1", "a.js"}),
            "--set http.head_bytes=1: out of range; from 256 to 1048576");
  EXPECT_EQ(bad({""}), "the name of the program is empty");
}

TEST_F(CommandLine, Cores) {
  EXPECT_EQ(good({"--cores", "4", "a.js"}).cores.count, 4u);
  EXPECT_EQ(good({"--cores", "0,5", "a.js"}).cores.list, (std::vector<uint32_t>{0, 5}));
  EXPECT_EQ(good({"--cores", "1-2", "a.js"}).cores.list, (std::vector<uint32_t>{1, 2}));
  EXPECT_EQ(good({"--cores", "5-5", "a.js"}).cores.list, std::vector<uint32_t>{5});
  EXPECT_EQ(bad({"--cores", "5", "a.js"}), "--cores 5: this machine has 4 processors; name at most as many");
  EXPECT_EQ(bad({"--cores", "1,3", "a.js"}), "--cores 1,3: there is no processor 3; online are 0-2,5");
  EXPECT_EQ(bad({"--cores", "1,1", "a.js"}), "--cores 1,1: processor 1 is named twice");
  for (const char* text : {"1,", "2-1", "a", "1-", "-1-", ",", "0-9999"}) {
    const std::string line = bad({(std::string("--cores=") + text).c_str(), "a.js"});
    EXPECT_EQ(line, std::string("--cores ") + text +
                        ": a number of cores, or a list of processors, as in 1,3 or 2-5");
  }
}

TEST_F(CommandLine, APortMeansBypass) {
  const Configuration c =
      good({"--port",
            "tap:sl0,address=10.0.0.2/24,address=10.0.0.3/24,gateway=10.0.0.1,mtu=1400,queues=2,"
            "promiscuous,mac=02:00:00:00:00:01,arguments=a=1,b=2",
            "a.js"});
  EXPECT_EQ(c.transport, TransportKind::kBypass);
  ASSERT_EQ(c.ports.size(), 1u);
  const PortConfig& port = c.ports[0];
  EXPECT_EQ(port.device(), "tap:sl0");
  EXPECT_EQ(port.addresses.size(), 2u);
  EXPECT_EQ(port.gateway->to_string(), "10.0.0.1");
  EXPECT_EQ(port.mtu_bytes, 1400u);
  EXPECT_EQ(port.queues, 2u);
  EXPECT_TRUE(port.promiscuous);
  EXPECT_TRUE(port.mac);
  EXPECT_EQ(port.arguments, "a=1,b=2");
}

TEST_F(CommandLine, APortOfBothFamilies) {
  const Configuration c =
      good({"--port",
            "tap:sl0,address=10.0.0.2/24,address=fd00::2/64,gateway=10.0.0.1,gateway=fd00::1,slaac=on,"
            "duplicate_detection=off",
            "a.js"});
  const PortConfig& port = c.ports.at(0);
  EXPECT_EQ(port.addresses.at(1).to_string(), "fd00::2/64");
  EXPECT_EQ(port.gateway->to_string(), "10.0.0.1");
  EXPECT_EQ(port.ipv6_gateway->to_string(), "fd00::1");
  EXPECT_TRUE(port.slaac);
  EXPECT_FALSE(port.duplicate_detection);
  EXPECT_TRUE(good({"--port", "tap:sl0,slaac", "a.js"}).ports.at(0).slaac);
}

TEST_F(CommandLine, APortWhoseAddressesServersGive) {
  const PortConfig one = good({"--port", "tap:sl0,address=dhcp", "a.js"}).ports.at(0);
  EXPECT_TRUE(one.dhcp);
  EXPECT_TRUE(one.addresses.empty());
  EXPECT_TRUE(one.needs_servers());
  EXPECT_FALSE(one.has_ipv6());
  const PortConfig both =
      good({"--port", "tap:sl0,address=dhcp,address=10.0.0.2/24,dhcp6=on,dhcp_wait_ms=500,vlan=7", "a.js"})
          .ports.at(0);
  EXPECT_EQ(both.addresses.size(), 1u);
  EXPECT_EQ(both.dhcp6, Dhcp6::kOn);
  EXPECT_EQ(both.dhcp_wait_ms, 500u);
  EXPECT_TRUE(both.has_ipv6());
  EXPECT_EQ(both.title(), "tap:sl0 vlan 7");
  const PortConfig as_routers_say = good({"--port", "tap:sl0,slaac", "a.js"}).ports.at(0);
  EXPECT_TRUE(as_routers_say.asks_servers());
  EXPECT_FALSE(as_routers_say.needs_servers());
  EXPECT_FALSE(good({"--port", "tap:sl0,slaac,dhcp6=off", "a.js"}).ports.at(0).asks_servers());
  EXPECT_EQ(bad({"--port", "tap:sl0,address=dhcp,address=dhcp", "a.js"}),
            "--port tap:sl0,address=dhcp,address=dhcp: address dhcp: dhcp is named twice");
  EXPECT_NE(bad({"--port", "tap:sl0,address=dhcp,gateway=10.0.0.1", "a.js"})
                .find("the DHCP server tells the gateway"),
            std::string::npos);
}

TEST_F(CommandLine, WrongPorts) {
  const auto port = [&](const std::string& text) { return bad({"--port", text.c_str(), "a.js"}); };
  EXPECT_EQ(port("tap:sl0"),
            "--port tap:sl0: the port lacks address = \"ADDRESS/LENGTH\", as in \"10.0.0.2/24\" or "
            "\"fd00::2/64\", or \"dhcp\"");
  EXPECT_EQ(port("tap:sl0,adress=1"), "--port tap:sl0,adress=1: a port has no adress; did you mean address?");
  EXPECT_EQ(
      port("tap:sl0,address=10.0.0.2"),
      "--port tap:sl0,address=10.0.0.2: address 10.0.0.2: the prefix length is missing, as in 10.0.0.2/24");
  EXPECT_EQ(
      port("tap:sl0,address=10.0.0.2/24,promiscuous=maybe"),
      "--port tap:sl0,address=10.0.0.2/24,promiscuous=maybe: promiscuous maybe: true or false is wanted");
  EXPECT_EQ(bad({"--transport", "kernel", "--port", "tap:sl0,address=10.0.0.2/24", "a.js"}),
            "--port tap:sl0,address=10.0.0.2/24: the kernel transport has no ports; drop the port, or say "
            "--transport bypass");
  EXPECT_EQ(bad({"--transport", "bypass", "a.js"}),
            "--transport bypass: bypass needs a port, as in --port tap:sl0,address=10.0.0.2/24");
}

TEST_F(CommandLine, DevicesMustBeThere) {
  const auto port = [&](const std::string& device) {
    return bad({"--port", (device + ",address=10.0.0.2/24").c_str(), "a.js"});
  };
  EXPECT_EQ(port("af_packet:eth9"),
            "--port af_packet:eth9,address=10.0.0.2/24: there is no interface eth9; there are: eth0, lo");
  EXPECT_EQ(port("af_xdp:eth9"),
            "--port af_xdp:eth9,address=10.0.0.2/24: there is no interface eth9; there are: eth0, lo");
  EXPECT_EQ(port("09:00.0"),
            "--port 09:00.0,address=10.0.0.2/24: there is no PCI device 0000:09:00.0; sluice doctor lists "
            "the network cards");
  EXPECT_EQ(
      port("02:00.0"),
      "--port 02:00.0,address=10.0.0.2/24: the PCI device 0000:02:00.0 is no network card; sluice doctor "
      "lists those that are");
  EXPECT_EQ(
      port("01:00.1"),
      "--port 01:00.1,address=10.0.0.2/24: the PCI device 0000:01:00.1 belongs to the kernel's driver ixgbe; "
      "give it to DPDK: dpdk-devbind.py --bind=vfio-pci 0000:01:00.1");
  EXPECT_EQ(port("04:00.0"),
            "--port 04:00.0,address=10.0.0.2/24: the PCI device 0000:04:00.0 belongs to no driver; "
            "give it to DPDK: dpdk-devbind.py --bind=vfio-pci 0000:04:00.0");
  EXPECT_EQ(port("vhost:/nowhere/at/all/v.sock"),
            "--port vhost:/nowhere/at/all/v.sock,address=10.0.0.2/24: there is no folder "
            "/nowhere/at/all for the socket; mkdir -p /nowhere/at/all");
  for (const char* device : {"af_packet:eth0", "af_xdp:eth0", "01:00.0", "03:00.0", "tap:new0", "ring:lab"})
    EXPECT_EQ(good({"--port", (std::string(device) + ",address=10.0.0.2/24").c_str(), "a.js"}).ports.size(),
              1u);
}

TEST_F(CommandLine, TheCommandLineWinsOverTheFile) {
  write("/a.toml", R"(
program = "file.js"
arguments = ["from", "file"]
poll = "busy"
cores = 2
[[port]]
device = "tap:file0"
address = "10.0.0.2/24"
[isolate]
heap_mb = 100
)");
  const std::string file = root_ + "/a.toml";
  const Configuration alone = good({"--config", file.c_str()});
  EXPECT_EQ(alone.command, Command::kFile);
  EXPECT_EQ(alone.program, root_ + "/file.js");
  EXPECT_EQ(alone.arguments, (Words{"from", "file"}));
  EXPECT_EQ(alone.transport, TransportKind::kBypass);
  EXPECT_EQ(alone.file, file);
  // Wherever --config stands.
  const Configuration both = good(
      {"--cores", "1", "--port", "tap:line0,address=10.0.0.3/24", "--config", file.c_str(), "line.js", "x"});
  EXPECT_EQ(both.program, "line.js");
  EXPECT_EQ(both.arguments, Words{"x"});
  EXPECT_EQ(both.cores.count, 1u);
  EXPECT_EQ(both.poll, PollMode::kBusy);
  EXPECT_EQ(both.isolate.heap_mb, 100u);
  ASSERT_EQ(both.ports.size(), 1u);
  EXPECT_EQ(both.ports[0].device(), "tap:line0");
}

TEST_F(CommandLine, FilesThatAreNotRight) {
  EXPECT_EQ(bad({"--config", "/nowhere/a.toml", "a.js"}),
            "--config /nowhere/a.toml: cannot be read: No such file or directory");
  const std::string folder = bad({"--config", root_.c_str(), "a.js"});
  EXPECT_EQ(folder, "--config " + root_ + ": cannot be read: Is a directory");
  write("/a.toml", "[isolate]\nheap = 3\n");
  const std::string file = root_ + "/a.toml";
  EXPECT_EQ(bad({"--config", file.c_str(), "a.js"}),
            file + ":2:1: there is no setting isolate.heap; did you mean heap_mb?");
  write("/a.toml", "[isolate]\nheap_mb = 30\n");
  EXPECT_EQ(bad({"--config", file.c_str()}),
            file + ":1:1: it names no program (program = \"app.js\"), and there is none on the command line");
  EXPECT_EQ(bad({"--config", file.c_str(), "--config", "b.toml"}),
            "--config b.toml: a configuration file is given already, " + file);
  write("/a.toml", "cores = 9\nprogram = \"a.js\"\n");
  EXPECT_EQ(bad({"--config", file.c_str()}),
            file + ":1:9: cores = 9: this machine has 4 processors; name at most as many");
}

TEST(Prefix, Contains) {
  const auto at = [](const char* text) { return *IpAddress::parse(text); };
  const Prefix prefix{at("10.1.2.3"), 20};
  EXPECT_TRUE(prefix.contains(at("10.1.0.0")));
  EXPECT_TRUE(prefix.contains(at("10.1.15.255")));
  EXPECT_FALSE(prefix.contains(at("10.1.16.0")));
  EXPECT_FALSE(prefix.contains(at("::1")));
  const Prefix ipv6{at("2001:db8:a000::1"), 35};
  EXPECT_TRUE(ipv6.contains(at("2001:db8:bfff::9")));
  EXPECT_FALSE(ipv6.contains(at("2001:db8:c000::1")));
  EXPECT_FALSE(ipv6.contains(at("10.1.2.3")));
  EXPECT_FALSE((Prefix{at("::"), 0}.contains(at("10.1.2.3"))));
  EXPECT_TRUE((Prefix{at("0.0.0.0"), 0}.contains(at("203.0.113.9"))));
  EXPECT_TRUE((Prefix{at("10.0.0.1"), 32}.contains(at("10.0.0.1"))));
  EXPECT_FALSE((Prefix{at("10.0.0.1"), 32}.contains(at("10.0.0.0"))));
}

}  // namespace
}  // namespace sluice::config
