// SPDX-License-Identifier: Apache-2.0
// What the operator decided, whole and checked: from a TOML file and the command line, which wins. Everything is checked
// before anything starts, and what is wrong is one line that names the place, the key, the value and the way out.
// Main thread, at start and at reload.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/http/message.hh"
#include "drivers/address.hh"
#include "drivers/port.hh"

namespace sluice::config {

enum class TransportKind : uint8_t { kKernel, kBypass };
enum class PollMode : uint8_t { kAdaptive, kBusy };  // kAdaptive sleeps when there is nothing to do
enum class KernelDriver : uint8_t { kAuto, kUring, kEpoll };
enum class CongestionKind : uint8_t { kReno, kCubic, kBbr };
enum class EcnPolicy : uint8_t { kOff, kAccept, kOffer };  // kAccept: when the peer offers it
enum class FilterAction : uint8_t { kDrop, kPass, kKernel, kRateLimit };
enum class HugePages : uint8_t { kAuto, kAlways, kNever };

enum class PortKind : uint8_t { kTap, kAfPacket, kAfXdp, kMemif, kVirtioUser, kVhost, kRing, kPci };
// kAuto: as routers say, where slaac is on. kOn: an address is asked for whatever they say.
enum class Dhcp6 : uint8_t { kAuto, kOn, kOff };

// As written in front of the colon: "tap", "af_packet", ...
std::string_view port_kind_name(PortKind kind);

// ADDR/LEN.
struct Prefix {
  IpAddress address;
  uint8_t length = 0;  // bits: to 32, of IPv6 to 128
  bool contains(const IpAddress& other) const;
  // The same, when there is anybody else in it: not for a single address.
  bool is_network_of(const IpAddress& other) const {
    return contains(other) && length < (address.is_v4() ? 32 : 128);
  }
  std::string to_string() const;
  bool operator==(const Prefix&) const = default;
};

// fe80::/10: needs no network to be reached.
inline bool is_link_local(const IpAddress& address) {
  return address.bytes[0] == 0xfe && (address.bytes[1] & 0xc0) == 0x80;
}

// A port of the bypass transport: which device, and who we are on it.
struct PortConfig {
  PortKind kind = PortKind::kTap;
  std::string name;       // interface, socket path, ring name, or PCI address with its domain (0000:01:00.0)
  std::string arguments;  // raw device arguments for DPDK, "key=value,key=value"; empty: none
  std::vector<Prefix> addresses;
  std::optional<IpAddress> gateway;       // of the IPv4 default route
  std::optional<IpAddress> ipv6_gateway;  // of the IPv6 default route; may be of link scope
  uint16_t vlan = 0;                      // only frames with this tag (802.1Q); 0: those without
  bool dhcp = false;                      // an IPv4 address, routes and more from a server (RFC 2131)
  Dhcp6 dhcp6 = Dhcp6::kAuto;             // the same for IPv6 (RFC 8415)
  uint32_t dhcp_wait_ms = 15'000;  // the program's start waits for addresses from servers no longer than this
  bool slaac = false;              // IPv6 addresses and routers as router advertisements say (RFC 4862)
  bool duplicate_detection =
      true;                // IPv6 addresses, and those of servers, are asked for before they are used
  uint32_t mtu_bytes = 0;  // 0: the device's own
  uint32_t queues = 0;     // 0: one for each data core
  bool promiscuous = false;
  std::optional<MacAddress> mac;  // nothing: the device's own
  std::string where;  // stands in front of messages about it: "app.toml:12:1: " or "--port tap:sl0,...: "

  // What is not ours goes to this interface of the host kernel, and comes from it; empty: there is none.
  std::string kernel_interface;
  bool kernel_addresses = true;     // the kernel interface gets the port's addresses and gateways
  bool routes_from_kernel = false;  // its routes and neighbours are ours too

  bool has_ipv6() const;
  // Whether it gets addresses by DHCP, or may.
  bool asks_servers() const { return needs_servers() || (slaac && dhcp6 == Dhcp6::kAuto); }
  bool needs_servers() const { return dhcp || dhcp6 == Dhcp6::kOn; }
  // device(), and the VLAN where there is one: "tap:sl0 vlan 7"
  std::string title() const;
  // "tap:sl0", "pci:0000:01:00.0"
  std::string device() const;
};

// Ports of connections that the program opens where a port has a kernel interface: an address may be the kernel's as well,
// whose own are above them by default (net.ipv4.ip_local_port_range, 32768 to 60999).
inline constexpr uint16_t kPortsBesideKernelFirst = 10'240, kPortsBesideKernelLast = 32'767;

struct RouteConfig {
  Prefix to;
  IpAddress via;
  std::string where;  // stands in front of messages about `via`
};

// A rule for received frames, before the stack. They are asked in their order, the first that matches decides.
struct FilterConfig {
  std::string port;   // name or device of a port; empty: all ports
  std::string match;  // as pcap-filter(7); known to compile
  FilterAction action = FilterAction::kDrop;
  uint32_t packets_per_second = 0, burst_packets = 0;  // of kRateLimit
  std::string where;                                   // stands in front of messages about it

  bool is_for(const PortConfig& each) const {
    return port.empty() || port == each.name || port == each.device();
  }
};

struct Cores {
  uint32_t count = 1;          // data cores
  std::vector<uint32_t> list;  // which processors, when named; then count == list.size()
  std::string where;           // stands in front of messages about them
};

struct DpdkConfig {
  uint32_t memory_mb = 256;  // of the EAL, all ports together
  HugePages hugepages = HugePages::kAuto;
  std::vector<std::string> arguments;  // handed to the EAL as they are
};

enum class MtuProbingPolicy : uint8_t { kOff, kAfterReduction, kAlways };

// Of the bypass transport; on `kernel` the host's settings hold.
struct TcpConfig {
  CongestionKind congestion = CongestionKind::kCubic;
  bool pacing = false;
  EcnPolicy ecn = EcnPolicy::kAccept;
  MtuProbingPolicy mtu_probing = MtuProbingPolicy::kAfterReduction;
  bool user_timeout_option = false;                       // RFC 5482: said to the peer and heard from it
  uint32_t receive_window_limit_bytes = 4 * 1024 * 1024;  // a connection's window grows up to this
  uint32_t user_timeout_ms = 120'000;                     // unacknowledged data ends a connection after this
};

struct IsolateLimits {
  uint32_t heap_mb = 2048;  // of each isolate's JavaScript heap: beyond it the isolate is replaced
  uint32_t watchdog_ms =
      10'000;  // longest turn inside JavaScript: beyond it the isolate is replaced; 0: no watchdog
  uint32_t drain_ms = 30'000;   // after SIGTERM or SIGHUP: connections that are left then are closed
  bool account_cycles = false;  // cycles by stage of the turn are counted (dataplane/core/cycles.hh)
};

enum class Command : uint8_t {
  kNone,     // nothing was named: standard input when it is no terminal, else the help
  kFile,     // program
  kEval,     // code
  kPrint,    // code, and print its value
  kStdin,    // `-`
  kBuiltIn,  // program is the id of a built-in module that does what an option asks for
  kBench,    // arguments are the bench client's
  kDoctor,   // arguments are the doctor's
  kVersion,
  kHelp,
};

struct Configuration {
  Command command = Command::kNone;
  std::string program;  // kFile: as written on the command line; from a file relative to that file
  std::string code;     // kEval, kPrint
  std::vector<std::string> arguments;  // of the program
  std::string file;                    // --config, empty: none

  TransportKind transport = TransportKind::kKernel;  // kBypass where ports are given and nothing else is said
  std::string transport_where;    // stands in front of messages about it; empty: nobody said
  std::vector<PortConfig> ports;  // bypass only, at least one
  std::vector<RouteConfig> routes;
  std::vector<FilterConfig> filters;
  Cores cores;
  PollMode poll = PollMode::kAdaptive;
  KernelDriver kernel_driver = KernelDriver::kAuto;
  std::optional<Endpoint> admin;  // where /metrics is served; nothing: nowhere
  std::string capture;            // FILE[,KEY=VALUE...] as parse_capture() takes it; empty: none
  http::Limits http;
  TcpConfig tcp;
  IsolateLimits isolate;
  DpdkConfig dpdk;
  std::string v8_flags;                     // handed to V8 as they are
  std::vector<std::string> v8_words;        // options of the command line that are V8's, or nobody's
  std::vector<std::string> node_options;    // of Node: name, value, name, value, ...
  std::vector<std::string> exec_arguments;  // process.execArgv: Node's and V8's options as they were given
  std::vector<std::string> notes;           // for people: lines about options that are not there

  bool has_kernel_interface() const {
    for (const PortConfig& port : ports)
      if (!port.kernel_interface.empty()) return true;
    return false;
  }
};

// Reads the command line (without the program's own name) and the file that --config names, checks them together, and
// looks whether the devices and processors they name are there. `root` stands in front of /sys and /proc (for tests).
// nullopt: `error` is one line without a newline at its end.
std::optional<Configuration> load(std::span<const char* const> arguments, std::string& error,
                                  const std::string& root = "");
// As above, with what NODE_OPTIONS says in front of the command line.
std::optional<Configuration> load(std::span<const char* const> arguments, const char* node_options,
                                  std::string& error, const std::string& root = "");

// The same in its parts. `text` is the contents of a file called `path`; `into` gets what it says.
bool read_toml(std::string_view text, const std::string& path, Configuration& into, std::string& error);
// Whether the parts fit together: ports, addresses, gateways, routes.
bool check_consistency(const Configuration& configuration, std::string& error);
// Whether the named devices and processors are on this machine.
bool check_machine(const Configuration& configuration, const std::string& root, std::string& error);

// What --help and --version print, with a newline at the end.
std::string help_text();
std::string version_text();

}  // namespace sluice::config
