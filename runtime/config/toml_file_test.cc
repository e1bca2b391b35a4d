// SPDX-License-Identifier: Apache-2.0
// The configuration file: what it can say, and that each mistake is one line with its place and the way out.
#include <gtest/gtest.h>

#include "runtime/config/config.hh"

namespace sluice::config {
namespace {

Configuration good(std::string_view text) {
  Configuration configuration;
  std::string error;
  EXPECT_TRUE(read_toml(text, "a.toml", configuration, error)) << error;
  EXPECT_EQ(error, "");
  return configuration;
}

std::string bad(std::string_view text) {
  Configuration configuration;
  std::string error;
  EXPECT_FALSE(read_toml(text, "a.toml", configuration, error)) << text;
  EXPECT_EQ(error.find('\n'), std::string::npos) << error;
  return error;
}

// Without a [[port]] header the port's keys begin in line 3.
std::string bad_port(const std::string& rest) { return bad("[[port]]\ndevice = \"tap:sl0\"\n" + rest); }

TEST(TomlFile, EmptyFileKeepsTheDefaults) {
  const Configuration c = good("");
  EXPECT_EQ(c.command, Command::kNone);
  EXPECT_EQ(c.transport, TransportKind::kKernel);
  EXPECT_EQ(c.cores.count, 1u);
  EXPECT_EQ(c.http.head_bytes, http::Limits{}.head_bytes);
}

TEST(TomlFile, EverythingThatThereIs) {
  const Configuration c = good(R"(
program = "app.js"
arguments = ["one", "two words"]
transport = "bypass"
cores = [1, 3]
poll = "busy"
admin = "127.0.0.1:9090"

[kernel]
driver = "epoll"

[tcp]
congestion = "bbr"
pacing = true
ecn = "offer"
mtu_probing = "always"
user_timeout_option = true
receive_window_limit_bytes = 1000000
user_timeout_ms = 30000

[dpdk]
memory_mb = 512
hugepages = "never"
arguments = ["--log-level=5"]

[[port]]
device = "tap:sl0"
address = ["10.0.0.2/24", "10.0.0.3/24"]
gateway = "10.0.0.1"
mtu = 1400
queues = 2
mac = "02:00:00:00:00:0a"
promiscuous = true
arguments = "remote=eth0,x=y"

[[port]]
device = "01:00.1"
address = "192.0.2.7/31"

[[route]]
to = "198.51.100.0/24"
via = "10.0.0.9"

[http]
head_bytes = 4096
target_bytes = 1024
header_count = 50
body_bytes = 5000000000
header_timeout_ms = 1
idle_timeout_ms = 2
body_timeout_ms = 3
pipeline_requests = 4
pending_body_bytes = 8192
connections = 5
requests_per_connection = 6

[isolate]
heap_mb = 64
watchdog_ms = 0
drain_ms = 7
v8_flags = "--stack-size=500"
)");
  EXPECT_EQ(c.command, Command::kFile);
  EXPECT_EQ(c.program, "app.js");
  EXPECT_EQ(c.arguments, (std::vector<std::string>{"one", "two words"}));
  EXPECT_EQ(c.transport, TransportKind::kBypass);
  EXPECT_EQ(c.cores.count, 2u);
  EXPECT_EQ(c.cores.list, (std::vector<uint32_t>{1, 3}));
  EXPECT_EQ(c.poll, PollMode::kBusy);
  ASSERT_TRUE(c.admin);
  EXPECT_EQ(c.admin->to_string(), "127.0.0.1:9090");
  EXPECT_EQ(c.kernel_driver, KernelDriver::kEpoll);
  EXPECT_EQ(c.tcp.congestion, CongestionKind::kBbr);
  EXPECT_TRUE(c.tcp.pacing);
  EXPECT_EQ(c.tcp.ecn, EcnPolicy::kOffer);
  EXPECT_EQ(c.tcp.mtu_probing, MtuProbingPolicy::kAlways);
  EXPECT_TRUE(c.tcp.user_timeout_option);
  EXPECT_EQ(c.tcp.receive_window_limit_bytes, 1'000'000u);
  EXPECT_EQ(c.tcp.user_timeout_ms, 30'000u);
  EXPECT_EQ(c.dpdk.memory_mb, 512u);
  EXPECT_EQ(c.dpdk.hugepages, HugePages::kNever);
  EXPECT_EQ(c.dpdk.arguments, std::vector<std::string>{"--log-level=5"});
  ASSERT_EQ(c.ports.size(), 2u);
  const PortConfig& tap = c.ports[0];
  EXPECT_EQ(tap.kind, PortKind::kTap);
  EXPECT_EQ(tap.name, "sl0");
  ASSERT_EQ(tap.addresses.size(), 2u);
  EXPECT_EQ(tap.addresses[1].to_string(), "10.0.0.3/24");
  ASSERT_TRUE(tap.gateway);
  EXPECT_EQ(tap.gateway->to_string(), "10.0.0.1");
  EXPECT_EQ(tap.mtu_bytes, 1400u);
  EXPECT_EQ(tap.queues, 2u);
  ASSERT_TRUE(tap.mac);
  EXPECT_EQ(tap.mac->bytes[5], 0x0a);
  EXPECT_TRUE(tap.promiscuous);
  EXPECT_EQ(tap.arguments, "remote=eth0,x=y");
  EXPECT_EQ(c.ports[1].device(), "pci:0000:01:00.1");
  ASSERT_EQ(c.routes.size(), 1u);
  EXPECT_EQ(c.routes[0].to.to_string(), "198.51.100.0/24");
  EXPECT_EQ(c.routes[0].via.to_string(), "10.0.0.9");
  EXPECT_EQ(c.http.head_bytes, 4096u);
  EXPECT_EQ(c.http.target_bytes, 1024u);
  EXPECT_EQ(c.http.header_count, 50u);
  EXPECT_EQ(c.http.body_bytes, 5'000'000'000u);
  EXPECT_EQ(c.http.header_timeout_ms, 1u);
  EXPECT_EQ(c.http.idle_timeout_ms, 2u);
  EXPECT_EQ(c.http.body_timeout_ms, 3u);
  EXPECT_EQ(c.http.pipeline_requests, 4u);
  EXPECT_EQ(c.http.pending_body_bytes, 8192u);
  EXPECT_EQ(c.http.connections, 5u);
  EXPECT_EQ(c.http.requests_per_connection, 6u);
  EXPECT_EQ(c.isolate.heap_mb, 64u);
  EXPECT_EQ(c.isolate.watchdog_ms, 0u);
  EXPECT_EQ(c.isolate.drain_ms, 7u);
  EXPECT_EQ(c.v8_flags, "--stack-size=500");
  std::string error;
  EXPECT_TRUE(check_consistency(c, error)) << error;
}

TEST(TomlFile, ProgramIsNamedFromWhereTheFileLies) {
  Configuration c;
  std::string error;
  ASSERT_TRUE(read_toml("program = \"lib/app.js\"", "/etc/sluice/a.toml", c, error));
  EXPECT_EQ(c.program, "/etc/sluice/lib/app.js");
  ASSERT_TRUE(read_toml("program = \"/srv/app.js\"", "/etc/sluice/a.toml", c, error));
  EXPECT_EQ(c.program, "/srv/app.js");
}

TEST(TomlFile, UnknownKeysAreNamedWithTheNearestOne) {
  EXPECT_EQ(bad("pol = \"busy\""), "a.toml:1:1: there is no setting pol; did you mean poll?");
  EXPECT_EQ(bad("\n\n[htpp]\nx = 1"), "a.toml:3:2: there is no setting htpp; did you mean http?");
  EXPECT_EQ(bad("[http]\nheader_bytes = 1"),
            "a.toml:2:1: there is no setting http.header_bytes; did you mean head_bytes?");
  EXPECT_EQ(bad("[kernel]\nzzzzzzzzz = 1"),
            "a.toml:2:1: there is no setting kernel.zzzzzzzzz; there are: driver");
  EXPECT_EQ(bad_port("adress = \"10.0.0.2/24\""), "a.toml:3:1: a port has no adress; did you mean address?");
  EXPECT_EQ(bad("[[route]]\nto = \"10.1.0.0/16\"\nvai = \"10.0.0.1\""),
            "a.toml:3:1: a route has no vai; did you mean via?");
}

TEST(TomlFile, WrongTypesAndChoices) {
  EXPECT_EQ(bad("poll = \"bussy\""), "a.toml:1:8: poll = \"bussy\": not one of adaptive, busy");
  EXPECT_EQ(bad("poll = 3"), "a.toml:1:8: poll = 3: a string is wanted, in quotes");
  EXPECT_EQ(bad("cores = \"two\""),
            "a.toml:1:9: cores = \"two\": a number of cores, or an array of processors, as in [1, 3]");
  EXPECT_EQ(bad("cores = 0"), "a.toml:1:9: cores = 0: out of range; from 1 to 256");
  EXPECT_EQ(bad("cores = []"), "a.toml:1:9: cores = []: from 1 to 256 processors are wanted, as in [1, 3]");
  EXPECT_EQ(bad("cores = [1, 2, 1]"), "a.toml:1:9: cores = [1, 2, 1]: processor 1 is named twice");
  EXPECT_EQ(bad("cores = [1, -2]"), "a.toml:1:13: cores = -2: out of range; from 0 to 4095");
  EXPECT_EQ(bad("[isolate]\nheap_mb = 1.5"),
            "a.toml:2:11: heap_mb = 1.5: a whole number is wanted, from 16 to 65536");
  EXPECT_EQ(bad("[isolate]\nheap_mb = \"64\""),
            "a.toml:2:11: heap_mb = \"64\": a whole number is wanted, from 16 to 65536");
  EXPECT_EQ(bad("[isolate]\nheap_mb = 2024-01-02"),
            "a.toml:2:11: heap_mb = 2024-01-02: a whole number is wanted, from 16 to 65536");
  EXPECT_EQ(bad("[http]\nhead_bytes = -1"),
            "a.toml:2:14: head_bytes = -1: out of range; from 256 to 1048576");
  EXPECT_EQ(bad("http = 4"), "a.toml:1:8: http = 4: a table is wanted: [http]");
  EXPECT_EQ(bad("port = \"tap:sl0\""), "a.toml:1:8: port = \"tap:sl0\": tables are wanted: [[port]]");
  EXPECT_EQ(bad("arguments = [\"a\", 2]"), "a.toml:1:19: arguments = 2: a string is wanted, in quotes");
  EXPECT_EQ(bad_port("promiscuous = \"true\"\naddress = \"10.0.0.2/24\""),
            "a.toml:3:15: promiscuous = \"true\": true or false is wanted, without quotes");
  EXPECT_EQ(bad("admin = \"nowhere\""),
            "a.toml:1:9: admin = \"nowhere\": ADDRESS:PORT is wanted, as in 127.0.0.1:9090 or [::1]:9090");
  EXPECT_EQ(bad("admin = 70000"),
            "a.toml:1:9: admin = 70000: ADDRESS:PORT is wanted, as in 127.0.0.1:9090 or [::1]:9090");
  EXPECT_EQ(bad("admin = \"::1:9090\""),
            "a.toml:1:9: admin = \"::1:9090\": ADDRESS:PORT is wanted, as in 127.0.0.1:9090 or [::1]:9090");
}

TEST(TomlFile, AdminAddressForms) {
  EXPECT_EQ(good("capture = \"/tmp/x.pcapng,port=80\"").capture, "/tmp/x.pcapng,port=80");
  EXPECT_EQ(bad("capture = \"x,port=http\""),
            "a.toml:1:11: capture = \"x,port=http\": 'port=http': a port from 1 to 65535 is wanted");
  EXPECT_EQ(good("admin = 9090").admin->to_string(), "127.0.0.1:9090");
  EXPECT_EQ(good("admin = \"0.0.0.0:1\"").admin->to_string(), "0.0.0.0:1");
  EXPECT_EQ(good("admin = \"localhost:1\"").admin->to_string(), "127.0.0.1:1");
  EXPECT_EQ(good("admin = \"[::1]:9090\"").admin->to_string(), "[::1]:9090");
}

TEST(TomlFile, NotToml) {
  const std::string error = bad("poll = \"busy\"\ncores = = 2\n");
  EXPECT_EQ(error.substr(0, 11), "a.toml:2:9:") << error;
  EXPECT_EQ(bad("cores = 1\ncores = 2").substr(0, 9), "a.toml:2:");
}

TEST(TomlFile, TheFirstMistakeInTheFileIsTold) {
  EXPECT_EQ(bad("poll = 1\nadmin = true\n[http]\nzzz = 3").substr(0, 12), "a.toml:1:8: ");
  EXPECT_EQ(bad("[http]\nzzz = 3\n[dpdk]\nmemory_mb = 1").substr(0, 12), "a.toml:2:1: ");
  EXPECT_EQ(bad("zzz = 1\naaa = 2").substr(0, 12), "a.toml:1:1: ");
}

TEST(TomlFile, Devices) {
  const std::string rest = "\naddress = \"10.0.0.2/24\"";
  const auto device = [&](const std::string& name) { return "[[port]]\ndevice = \"" + name + "\"" + rest; };
  for (const char* name : {"tap:sl0", "af_packet:eth1", "af_xdp:eth1", "memif:/run/m.sock",
                           "virtio_user:/run/v.sock", "vhost:/run/v.sock", "ring:lab", "pci:0000:af:00.1"})
    EXPECT_EQ(good(device(name)).ports.at(0).device(), name);
  EXPECT_EQ(good(device("0000:AF:00.1")).ports.at(0).device(), "pci:0000:af:00.1");
  EXPECT_EQ(good(device("af:00.1")).ports.at(0).device(), "pci:0000:af:00.1");

  EXPECT_EQ(bad(device("tup:sl0")),
            "a.toml:2:10: device = \"tup:sl0\": no kind of device is called tup; did you mean tap?");
  EXPECT_EQ(bad(device("tap")), "a.toml:2:10: device = \"tap\": the device needs a name, as in tap:sl0");
  EXPECT_EQ(bad(device("")), "a.toml:2:10: device = \"\": a device is wanted, as in tap:sl0");
  EXPECT_EQ(bad(device("tap:sixteen-letters-")),
            "a.toml:2:10: device = \"tap:sixteen-letters-\": the name of an interface has at most 15 "
            "characters and no slash");
  EXPECT_EQ(bad(device("tap:a b")),
            "a.toml:2:10: device = \"tap:a b\": a device's name has neither blanks nor commas");
  EXPECT_EQ(
      bad(device("pci:12")),
      "a.toml:2:10: device = \"pci:12\": not a PCI address; as in 0000:01:00.0 (sluice doctor lists them)");
  EXPECT_EQ(bad(device("01:00.9")).substr(0, 12), "a.toml:2:10:");
  EXPECT_EQ(bad("[[port]]" + rest), "a.toml:1:1: the port lacks device = \"KIND:NAME\", as in \"tap:sl0\"");
}

TEST(TomlFile, OwnAddresses) {
  const auto address = [](const std::string& text) { return bad_port("address = \"" + text + "\""); };
  const auto line = [](const std::string& text, const std::string& why) {
    return "a.toml:3:11: address = \"" + text + "\": " + why;
  };
  EXPECT_EQ(address("10.0.0.256/24"),
            line("10.0.0.256/24", "not an IP address; ADDRESS/LENGTH is wanted, as in 10.0.0.2/24"));
  EXPECT_EQ(address("10.0.0.2"), line("10.0.0.2", "the prefix length is missing, as in 10.0.0.2/24"));
  for (const char* text : {"10.0.0.2/33", "10.0.0.2/", "10.0.0.2/x", "10.0.0.2/24x", "10.0.0.2/-1"})
    EXPECT_EQ(address(text), line(text, "not a prefix length behind the slash; a number from 0 to 32"));
  EXPECT_EQ(address("10.0.0.2/0"), line("10.0.0.2/0", "a prefix length from 1 to 32 is wanted"));
  EXPECT_EQ(address("10.0.0.0/24"), line("10.0.0.0/24", "this is the network itself; give an address in it"));
  EXPECT_EQ(address("10.0.0.255/24"),
            line("10.0.0.255/24", "this is the network's broadcast address; give another one in it"));
  EXPECT_EQ(address("127.0.0.1/8").substr(0, 12), "a.toml:3:11:");
  EXPECT_EQ(address("224.0.0.1/4").substr(0, 12), "a.toml:3:11:");
  EXPECT_EQ(address("255.255.255.255/32").substr(0, 12), "a.toml:3:11:");
  EXPECT_EQ(address("0.0.0.0/8").substr(0, 12), "a.toml:3:11:");
  EXPECT_EQ(bad_port("address = [\"10.0.0.2/24\", \"10.0.0.2/25\"]"),
            "a.toml:3:27: address = \"10.0.0.2/25\": the port has this address already");
  EXPECT_EQ(bad_port("address = []"),
            "a.toml:3:11: address = []: at least one address is wanted, as in \"10.0.0.2/24\" or \"dhcp\"");
  EXPECT_EQ(bad_port("mtu = 1500"),
            "a.toml:1:1: the port lacks address = \"ADDRESS/LENGTH\", as in \"10.0.0.2/24\" or "
            "\"fd00::2/64\", or \"dhcp\"");
  // Point-to-point and host networks have neither a network nor a broadcast address (RFC 3021).
  EXPECT_EQ(good("[[port]]\ndevice = \"tap:a\"\naddress = \"10.0.0.0/31\"").ports.size(), 1u);
  EXPECT_EQ(good("[[port]]\ndevice = \"tap:a\"\naddress = \"10.0.0.0/32\"").ports.size(), 1u);
}

TEST(TomlFile, Gateways) {
  const std::string own = "address = \"10.0.0.2/24\"\n";
  EXPECT_EQ(bad_port(own + "gateway = \"10.0.1.1\""),
            "a.toml:4:11: gateway = \"10.0.1.1\": the gateway is in no network of this port (10.0.0.2/24)");
  EXPECT_EQ(bad_port(own + "gateway = \"10.0.0.2\""),
            "a.toml:4:11: gateway = \"10.0.0.2\": this is the port's own address; name the next router");
  EXPECT_EQ(
      bad_port(own + "gateway = \"10.0.0.1/24\""),
      "a.toml:4:11: gateway = \"10.0.0.1/24\": an address without a prefix length is wanted, as in 10.0.0.1");
  EXPECT_EQ(bad_port(own + "gateway = \"fe80::1\""),
            "a.toml:4:11: gateway = \"fe80::1\": the gateway is in no network of this port (10.0.0.2/24)");
  EXPECT_EQ(bad_port(own + "gateway = \"10.0.0.1\"\n[[port]]\ndevice = \"tap:b\"\naddress = "
                           "\"10.1.0.2/24\"\ngateway = \"10.1.0.1\""),
            "a.toml:8:11: gateway = \"10.1.0.1\": the port tap:sl0 has a gateway already; keep one, and "
            "write [[route]] for the rest");
}

TEST(TomlFile, Ipv6OfAPort) {
  const auto port = [](const std::string& text) {
    return good("[[port]]\ndevice = \"tap:a\"\n" + text).ports.at(0);
  };
  const PortConfig both = port(
      "address = [\"10.0.0.2/24\", \"fd00::2/64\"]\ngateway = [\"fe80::1\", \"10.0.0.1\"]\nslaac = true\n"
      "duplicate_detection = \"off\"");
  EXPECT_EQ(both.addresses[1].to_string(), "fd00::2/64");
  EXPECT_EQ(both.gateway->to_string(), "10.0.0.1");
  EXPECT_EQ(both.ipv6_gateway->to_string(), "fe80::1");
  EXPECT_TRUE(both.slaac);
  EXPECT_FALSE(both.duplicate_detection);
  const PortConfig automatic = port("slaac = \"on\"\ngateway = \"fe80::1\"");
  EXPECT_TRUE(automatic.addresses.empty() && automatic.has_ipv6());
  EXPECT_FALSE(port("address = \"10.0.0.2/24\"").has_ipv6());
  EXPECT_TRUE(port("address = \"fd00::/127\"").has_ipv6());

  const auto address = [](const std::string& text) { return bad_port("address = \"" + text + "\""); };
  const auto line = [](const std::string& text, const std::string& why) {
    return "a.toml:3:11: address = \"" + text + "\": " + why;
  };
  EXPECT_EQ(address("fd00::2"), line("fd00::2", "the prefix length is missing, as in fd00::2/64"));
  EXPECT_EQ(address("fd00::2/129"),
            line("fd00::2/129", "not a prefix length behind the slash; a number from 0 to 128"));
  EXPECT_EQ(address("fd00::2/0"), line("fd00::2/0", "a prefix length from 1 to 128 is wanted"));
  EXPECT_EQ(address("ff02::1/64"), line("ff02::1/64", "a multicast address cannot be a port's own"));
  EXPECT_EQ(address("::/64"), line("::/64", ":: is no address; give one of the port's network"));
  EXPECT_EQ(address("::1/128"),
            line("::1/128",
                 "a loopback address stays inside the kernel; give the port an address of "
                 "its network"));
  std::string many = "address = [\"fd00::1/64\"";
  for (int i = 2; i <= 13; ++i) many += ", \"fd00::" + std::to_string(i) + "/64\"";
  EXPECT_NE(bad_port(many + "]").find("\"fd00::13/64\": a port has at most 12 IPv6 addresses"),
            std::string::npos);
  const std::string own = "address = \"fd00::2/64\"\n";
  EXPECT_EQ(bad_port(own + "slaac = \"maybe\""), "a.toml:4:9: slaac = \"maybe\": on or off is wanted");
  EXPECT_EQ(bad_port(own + "mtu = 1279"), "a.toml:4:7: mtu = 1279: IPv6 needs an mtu of at least 1280");
  EXPECT_EQ(bad_port(own + "gateway = \"fd00:1::1\""),
            "a.toml:4:11: gateway = \"fd00:1::1\": the gateway is in no network of this port (fd00::2/64)");
  EXPECT_EQ(
      bad_port(own + "gateway = [\"fd00::1\", \"fd00::3\"]"),
      "a.toml:4:23: gateway = \"fd00::3\": the port has the gateway fd00::1 already; one of each family, "
      "and [[route]] for the rest");
  EXPECT_EQ(bad("[[route]]\nto = \"fd01:0:0:1::/32\"\nvia = \"fd00::1\""),
            "a.toml:2:6: to = \"fd01:0:0:1::/32\": there are bits behind the prefix length; the network is "
            "fd01::/32");
  EXPECT_EQ(
      bad("[[route]]\nto = \"fd01::/32\"\nvia = \"10.0.0.1\""),
      "a.toml:1:1: to and via are of different families; a route to fd01::/32 goes via an IPv6 address");
  const Configuration two = good(
      "transport = \"bypass\"\n[[port]]\ndevice = \"tap:a\"\naddress = \"fd00::2/64\"\n[[port]]\ndevice = "
      "\"tap:b\"\nslaac = true\n[[route]]\nto = \"fd01::/32\"\nvia = \"fe80::1\"");
  std::string error;
  EXPECT_FALSE(check_consistency(two, error));
  EXPECT_EQ(
      error,
      "a.toml:10:7: via = \"fe80::1\": a router of link scope does not tell which port it is at; give its "
      "address in a network");
}

TEST(TomlFile, OtherPortSettings) {
  const std::string own = "address = \"10.0.0.2/24\"\n";
  EXPECT_EQ(bad_port(own + "mtu = 60"), "a.toml:4:7: mtu = 60: out of range; from 576 to 9216");
  EXPECT_EQ(good("[[port]]\ndevice = \"tap:a\"\nvlan = 7\n" + own).ports.at(0).vlan, 7);
  EXPECT_EQ(bad_port(own + "vlan = 4095"), "a.toml:4:8: vlan = 4095: out of range; from 1 to 4094");
  EXPECT_EQ(bad_port(own + "queues = 0"), "a.toml:4:10: queues = 0: out of range; from 1 to 64");
  EXPECT_EQ(bad_port(own + "mac = \"02:00:00:00:00\""),
            "a.toml:4:7: mac = \"02:00:00:00:00\": not a MAC address; six bytes, as in 02:00:00:00:00:01");
  EXPECT_EQ(bad_port(own + "mac = \"01:00:00:00:00:00\""),
            "a.toml:4:7: mac = \"01:00:00:00:00:00\": a multicast MAC address cannot be a port's own; the "
            "first byte must be even");
  EXPECT_EQ(bad_port(own + "arguments = \"a=1 b=2\""),
            "a.toml:4:13: arguments = \"a=1 b=2\": device arguments have no blanks: key=value,key=value");
}

TEST(TomlFile, PortsAgainstEachOther) {
  const std::string first = "address = \"10.0.0.2/24\"\n[[port]]\n";
  EXPECT_EQ(bad_port(first + "device = \"tap:sl0\"\naddress = \"10.1.0.2/24\""),
            "a.toml:5:10: device = \"tap:sl0\": this device is a port already; give each a vlan of its own");
  // VLANs of one device.
  const std::string vlan = "vlan = 7\n" + first + "device = \"tap:sl0\"\naddress = \"10.1.0.2/24\"\n";
  EXPECT_EQ(bad_port(vlan + "vlan = 7"),
            "a.toml:6:10: device = \"tap:sl0\": this device is a port of that vlan already");
  EXPECT_EQ(bad_port(vlan + "vlan = 8\nqueues = 1"),
            "a.toml:9:10: queues = 1: this is the device's; the first port of it says it");
  for (const char* good : {"vlan = 8", ""}) {  // another one, and what has no tag
    Configuration c;
    std::string error;
    EXPECT_TRUE(read_toml("[[port]]\ndevice = \"tap:sl0\"\n" + vlan + good, "a.toml", c, error)) << error;
    EXPECT_EQ(c.ports.size(), 2u);
  }
  EXPECT_EQ(bad_port(first + "device = \"tap:sl1\"\naddress = \"10.0.0.2/16\""),
            "a.toml:6:11: address = \"10.0.0.2/16\": the port tap:sl0 has the address 10.0.0.2 already");
}

TEST(TomlFile, Routes) {
  EXPECT_EQ(bad("[[route]]\nto = \"10.1.2.0/16\"\nvia = \"10.0.0.1\""),
            "a.toml:2:6: to = \"10.1.2.0/16\": there are bits behind the prefix length; the network is "
            "10.1.0.0/16");
  EXPECT_EQ(bad("[[route]]\nvia = \"10.0.0.1\""), "a.toml:1:1: the route lacks to = \"ADDRESS/LENGTH\"");
  const auto inconsistent = [](const std::string& via) {
    const Configuration c = good(
        "transport = \"bypass\"\n[[port]]\ndevice = \"tap:sl0\"\naddress = \"10.0.0.2/24\"\n"
        "[[route]]\nto = \"0.0.0.0/0\"\nvia = \"" +
        via + "\"");
    std::string error;
    EXPECT_FALSE(check_consistency(c, error));
    return error;
  };
  EXPECT_EQ(inconsistent("10.0.1.1"),
            "a.toml:7:7: via = \"10.0.1.1\": the router is in no network of a port (10.0.0.2/24)");
  EXPECT_EQ(inconsistent("10.0.0.2"),
            "a.toml:7:7: via = \"10.0.0.2\": this is the own address of tap:sl0; name the next router");
}

TEST(TomlFile, TransportAndPortsMustAgree) {
  std::string error;
  EXPECT_FALSE(check_consistency(good("transport = \"bypass\""), error));
  EXPECT_EQ(
      error,
      "a.toml:1:13: transport = \"bypass\": bypass needs a port, as in --port tap:sl0,address=10.0.0.2/24");
  EXPECT_FALSE(check_consistency(
      good("transport = \"kernel\"\n[[port]]\ndevice = \"tap:sl0\"\naddress = \"10.0.0.2/24\""), error));
  EXPECT_EQ(error, "a.toml:2:1: the kernel transport has no ports; drop the port, or say --transport bypass");
}

TEST(TomlFile, KernelInterfaces) {
  const std::string port = "[[port]]\ndevice = \"tap:sl0\"\naddress = \"10.0.0.2/24\"\n";
  const Configuration none = good(port);
  EXPECT_FALSE(none.has_kernel_interface());
  const Configuration c =
      good(port + "kernel_interface = \"sluice0\"\nroutes_from_kernel = true\nkernel_addresses = \"off\"\n");
  EXPECT_TRUE(c.has_kernel_interface());
  EXPECT_EQ(c.ports.at(0).kernel_interface, "sluice0");
  EXPECT_TRUE(c.ports.at(0).routes_from_kernel);
  EXPECT_FALSE(c.ports.at(0).kernel_addresses);
  EXPECT_EQ(
      bad(port + "kernel_interface = \"a/b\"\n"),
      "a.toml:4:20: kernel_interface = \"a/b\": the name of an interface has 1 to 15 characters, no slash, "
      "colon, blank or %");
  EXPECT_EQ(
      bad(port + "kernel_interface = \"sl0\"\n"),
      "a.toml:4:20: kernel_interface = \"sl0\": this is the port's own device; the kernel's interface needs "
      "another name");
  EXPECT_EQ(bad(port + "routes_from_kernel = true\n"),
            "a.toml:4:22: routes_from_kernel = true: routes come from a kernel interface: kernel_interface = "
            "\"sluice0\"");
  EXPECT_NE(
      bad(port + "kernel_interface = \"k0\"\n[[port]]\ndevice = \"tap:sl1\"\naddress = \"10.0.1.2/24\"\n"
                 "kernel_interface = \"k0\"\n")
          .find("the port tap:sl0 has this kernel interface already"),
      std::string::npos);
}

TEST(TomlFile, Filters) {
  const Configuration c = good(R"(
[[filter]]
match = "tcp port 22 and net 10.0.0.0/8"
action = "kernel"
port = "sl0"
[[filter]]
match = "icmp"
action = "rate_limit"
packets_per_second = 100
burst_packets = 20
[[filter]]
match = "udp"
action = "rate_limit"
packets_per_second = 100
)");
  ASSERT_EQ(c.filters.size(), 3u);
  EXPECT_EQ(c.filters[0].action, FilterAction::kKernel);
  EXPECT_EQ(c.filters[0].port, "sl0");
  EXPECT_EQ(c.filters[1].packets_per_second, 100u);
  EXPECT_EQ(c.filters[1].burst_packets, 20u);
  EXPECT_EQ(c.filters[2].burst_packets, 10u) << "a tenth of a second";
  const std::string first = "[[filter]]\nmatch = \"udp\"\naction = \"drop\"\n";
  EXPECT_EQ(
      bad(first + "[[filter]]\nmatch = \"tcp prt 22\"\naction = \"drop\"\n"),
      "a.toml:5:9: match = \"tcp prt 22\": filter 2: syntax error; the language is that of tcpdump (man "
      "pcap-filter)");
  EXPECT_EQ(bad(first + "packets_per_second = 5\n"),
            "a.toml:1:1: filter 1: packets_per_second and burst_packets are for action = \"rate_limit\"");
  EXPECT_NE(bad("[[filter]]\naction = \"drop\"\n").find("filter 1: it lacks match"), std::string::npos);
  EXPECT_NE(bad("[[filter]]\nmatch = \"udp\"\n").find("filter 1: it lacks action"), std::string::npos);
  EXPECT_NE(bad("[[filter]]\nmatch = \"udp\"\naction = \"rate_limit\"\n").find("lacks packets_per_second"),
            std::string::npos);
  EXPECT_NE(bad(first + "rate = 5\n").find("filter 1: a filter has no rate"), std::string::npos);
  EXPECT_NE(bad("[[filter]]\nmatch = \"udp\"\naction = \"burn\"\n")
                .find("not one of drop, pass, kernel, rate_limit"),
            std::string::npos);
}

TEST(TomlFile, FiltersFitTheirPorts) {
  const auto wrong = [](const std::string& text) {
    Configuration configuration = good(text);
    if (!configuration.ports.empty()) configuration.transport = TransportKind::kBypass;
    std::string error;
    EXPECT_FALSE(check_consistency(configuration, error)) << text;
    return error;
  };
  const std::string port = "[[port]]\ndevice = \"tap:sl0\"\naddress = \"10.0.0.2/24\"\n";
  const std::string filter = "[[filter]]\nmatch = \"udp\"\naction = \"kernel\"\n";
  EXPECT_EQ(wrong(port + filter),
            "a.toml:4:1: filter 1: the port has no kernel interface; give it kernel_interface = \"sluice0\"");
  EXPECT_EQ(wrong(port + filter + "port = \"eth9\"\n"),
            "a.toml:4:1: filter 1: there is no port eth9; there are: sl0");
  EXPECT_NE(wrong(filter).find("the host kernel has nftables"), std::string::npos);
}

}  // namespace
}  // namespace sluice::config
