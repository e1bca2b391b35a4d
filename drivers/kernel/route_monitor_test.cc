// SPDX-License-Identifier: Apache-2.0
// The kernel's routes, addresses and neighbours, followed in a network namespace of the test's own.
#include "drivers/kernel/route_monitor.hh"

#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <unistd.h>

#include <cstdlib>
#include <map>

#include "drivers/kernel/kernel_interface.hh"

namespace sluice::kernel {
namespace {

class Monitor : public ::testing::Test, protected RouteMonitor::User {
 protected:
  void SetUp() override {
    if (geteuid() != 0 || access("/dev/net/tun", R_OK | W_OK) != 0 || unshare(CLONE_NEWNET) != 0)
      GTEST_SKIP() << "needs root, a network namespace and /dev/net/tun";
    ip("link set lo up");
    std::string error;
    interface = KernelInterface::create(
        {.name = "sluice0", .mac = {{2, 0, 0, 0, 0, 9}}, .addresses = {{*IpAddress::parse("192.0.2.1"), 24}}},
        error);
    ASSERT_TRUE(interface) << error;
    ASSERT_EQ(interface->index(), if_nametoindex("sluice0"));
  }
  void open(bool routes = true) {
    RouteMonitor::Options options;
    options.interfaces.insert(interface->index());
    if (routes) options.route_interfaces.insert(interface->index());
    std::string error;
    monitor = RouteMonitor::open(options, *this, error);
    ASSERT_TRUE(monitor) << error;
  }
  // Runs `ip` to its end; what it did is told when it returns.
  void ip(const std::string& words) {
    ASSERT_EQ(std::system(("ip " + words).c_str()), 0) << words;
    if (monitor) monitor->poll();
  }
  void on_address(const IpAddress& address, unsigned index, bool present) override {
    EXPECT_EQ(index, interface->index());
    addresses[address.to_string()] = present;
  }
  void on_routes(const IpAddress& prefix, uint8_t bits, std::span<const RouteMonitor::Hop> hops) override {
    std::string text;
    for (const auto& hop : hops)
      text += (text.empty() ? "" : " ") + (hop.gateway.is_any() ? "link" : hop.gateway.to_string());
    routes[prefix.to_string() + "/" + std::to_string(bits)] = text;
  }
  void on_neighbour(const IpAddress& address, unsigned, const MacAddress& mac) override {
    neighbours[address.to_string()] = mac.bytes[5];
  }
  void on_interface_gone(unsigned) override { gone = true; }

  std::unique_ptr<KernelInterface> interface;
  std::unique_ptr<RouteMonitor> monitor;
  std::map<std::string, bool> addresses;
  std::map<std::string, std::string> routes;
  std::map<std::string, int> neighbours;
  bool gone = false;
};

TEST_F(Monitor, ReadsWhatIsThere) {
  ip("route add 198.51.100.0/24 via 192.0.2.50");
  ip("route add 203.0.113.0/24 nexthop via 192.0.2.50 nexthop via 192.0.2.51");
  ip("-6 route add 2001:db8:5::/48 via fe80::1 dev sluice0");
  ip("neigh add 192.0.2.60 lladdr 02:00:00:00:00:3c dev sluice0");
  ip("route add 10.0.0.0/8 dev lo");  // of another interface
  open();
  EXPECT_TRUE(addresses["192.0.2.1"]);
  EXPECT_EQ(routes["198.51.100.0/24"], "192.0.2.50");
  EXPECT_EQ(routes["203.0.113.0/24"], "192.0.2.50 192.0.2.51");
  EXPECT_EQ(routes["2001:db8:5::/48"], "fe80::1");
  EXPECT_FALSE(routes.contains("10.0.0.0/8"));
  EXPECT_FALSE(routes.contains("192.0.2.0/24")) << "comes with the address";
  EXPECT_EQ(neighbours["192.0.2.60"], 0x3c);
}

TEST_F(Monitor, FollowsChanges) {
  open();
  ip("route add 198.51.100.0/24 via 192.0.2.50");
  EXPECT_EQ(routes["198.51.100.0/24"], "192.0.2.50");
  ip("route replace 198.51.100.0/24 via 192.0.2.51");
  EXPECT_EQ(routes["198.51.100.0/24"], "192.0.2.51");
  ip("route add 198.51.100.0/24 via 192.0.2.52 metric 50");
  EXPECT_EQ(routes["198.51.100.0/24"], "192.0.2.51") << "of the lowest metric";
  ip("route del 198.51.100.0/24 via 192.0.2.51");
  EXPECT_EQ(routes["198.51.100.0/24"], "192.0.2.52");
  ip("route replace 198.51.100.0/24 dev lo metric 50");
  EXPECT_EQ(routes["198.51.100.0/24"], "") << "it leads elsewhere";
  ip("route add default via 192.0.2.50");
  EXPECT_EQ(routes["0.0.0.0/0"], "192.0.2.50");
  ip("-6 route add 2001:db8:5::/48 nexthop via fe80::1 dev sluice0 nexthop via fe80::2 dev sluice0");
  EXPECT_EQ(routes["2001:db8:5::/48"], "fe80::1 fe80::2");
  ip("-6 route del 2001:db8:5::/48 via fe80::1 dev sluice0");
  EXPECT_EQ(routes["2001:db8:5::/48"], "fe80::2");
  ip("neigh replace 192.0.2.60 lladdr 02:00:00:00:00:3d dev sluice0");
  EXPECT_EQ(neighbours["192.0.2.60"], 0x3d);
  ip("route add blackhole 203.0.113.0/24");
  EXPECT_FALSE(routes.contains("203.0.113.0/24"));
}

TEST_F(Monitor, OfASilentEndToo) {
  open();
  ip("address add 192.0.3.1/24 dev sluice0");
  EXPECT_TRUE(addresses["192.0.3.1"]);
  ip("route add 198.51.100.0/24 via 192.0.2.50");
  // The kernel says nothing of routes that go with their link.
  ip("link set sluice0 down");
  EXPECT_EQ(routes["198.51.100.0/24"], "");
  ip("link set sluice0 up");
  ip("route add 198.51.100.0/24 via 192.0.3.50 src 192.0.3.1");
  EXPECT_EQ(routes["198.51.100.0/24"], "192.0.3.50");
  ip("address del 192.0.3.1/24 dev sluice0");
  EXPECT_FALSE(addresses["192.0.3.1"]);
  EXPECT_EQ(routes["198.51.100.0/24"], "");
  ip("route add 198.51.100.0/24 via 192.0.2.50");
  ip("link del sluice0");
  EXPECT_TRUE(gone);
  EXPECT_FALSE(addresses["192.0.2.1"]);
  EXPECT_EQ(routes["198.51.100.0/24"], "");
}

TEST_F(Monitor, WithoutRoutesOnlyAddressesAreTold) {
  open(false);
  ip("route add 198.51.100.0/24 via 192.0.2.50");
  ip("address add 192.0.3.1/24 dev sluice0");
  EXPECT_TRUE(routes.empty());
  EXPECT_TRUE(addresses["192.0.3.1"]);
}

}  // namespace
}  // namespace sluice::kernel
