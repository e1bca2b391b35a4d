# SPDX-License-Identifier: Apache-2.0
"""Addresses from real DHCP servers (dnsmasq) on a veth pair."""

import pathlib
import signal
import tempfile
import shutil

from lab import LISTENING, PROGRAMS, need_program, on_each_transport, wait_until

POOL = "10.91.0.100,10.91.0.100,255.255.255.0"


def dnsmasq(test, *arguments):
    """A server at the clients' end of the lab; its log is its output."""
    need_program("dnsmasq", "dnsmasq-base")
    directory = tempfile.mkdtemp(prefix="sluice-e2e-")
    test.addCleanup(shutil.rmtree, directory, True)
    server = test.lab.background("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--user=root",
                                 "--log-facility=-", "--log-dhcp", f"--interface={test.lab.interface}", "--bind-dynamic",
                                 f"--dhcp-leasefile={directory}/leases", "--no-ping", *arguments)
    server.wait_for(r"DHCPv?6?, (IP range|stateless)|DHCP, IP range|router advertisement on")
    server.leases = pathlib.Path(directory) / "leases"
    return server


@on_each_transport("veth")
class Dhcp4:
    port = "af_packet:slport,address=dhcp"

    def setUp(self):
        super().setUp()
        self.lab.transport_arguments[-1] = self.port

    def test_address_routes_and_the_end(self):
        served = dnsmasq(self, f"--dhcp-range={POOL},1h", "--dhcp-option=option:dns-server,10.91.0.53", "--domain=lab.example",
                         "--dhcp-option=option:classless-static-route,10.99.0.0/16,10.91.0.1,0.0.0.0/0,10.91.0.1",
                         "--dhcp-option=option:mtu,1300")
        server = self.program("kitchen.mjs", "8080")
        self.assertRegex(server.output(), r"af_packet:slport: address 10\.91\.0\.100/24 by DHCP from 10\.91\.0\.1, lease 3600 s, "
                                          r"gateway 10\.91\.0\.1, MTU 1300, DNS 10\.91\.0\.53, domain lab\.example")
        done = self.lab.run("curl", "-sS", "http://10.91.0.100:8080/hello")
        self.assertEqual(done.stdout, "Hello, World!\n")
        # Through the route that was told: from an address which is not on the link.
        self.lab.run("ip", "address", "add", "10.99.0.9/32", "dev", "lo")
        done = self.lab.run("curl", "-sS", "--interface", "10.99.0.9", "http://10.91.0.100:8080/hello")
        self.assertEqual(done.stdout, "Hello, World!\n")
        self.assertIn("10.91.0.100", served.leases.read_text())
        server.signal(signal.SIGTERM)
        self.assertEqual(server.wait(), 0)
        served.wait_for(r"DHCPRELEASE\(slpeer\) 10\.91\.0\.100")
        self.assertNotIn("10.91.0.100", served.leases.read_text())

    def test_an_address_that_somebody_has_is_declined(self):
        # The kernel's end has the first of two addresses.
        self.lab.run("ip", "address", "add", "10.91.0.101/32", "dev", self.lab.interface)
        served = dnsmasq(self, "--dhcp-range=10.91.0.101,10.91.0.102,255.255.255.0,1h",
                         "--dhcp-host=*:*:*:*:*:*,10.91.0.101")
        self.program("kitchen.mjs", "8080", ready="by DHCP|no address")
        served.wait_for(r"DHCPDECLINE\(slpeer\) 10\.91\.0\.101")

    def test_without_a_server_the_program_begins_and_an_address_comes_later(self):
        self.lab.transport_arguments[-1] += ",dhcp_wait_ms=300"
        server = self.program("kitchen.mjs", "8080")
        self.assertIn("af_packet:slport: no address by DHCP within 300 ms", server.output())
        dnsmasq(self, f"--dhcp-range={POOL},1h")
        server.wait_for("address 10.91.0.100/24 by DHCP", 60)
        self.assertEqual(self.lab.run("curl", "-sS", "http://10.91.0.100:8080/hello").stdout, "Hello, World!\n")

    def test_it_can_be_ended_while_it_waits(self):
        server = self.program("kitchen.mjs", "8080", ready=None)
        wait_until(lambda: "slport" in self.lab.run("cat", "/proc/net/packet", check=False).stdout or
                   len(self.lab.run("cat", "/proc/net/packet").stdout.splitlines()) > 1, 20, "the port")
        server.signal(signal.SIGTERM)
        self.assertEqual(server.wait(), -signal.SIGTERM)
        self.assertNotRegex(server.output(), LISTENING)


@on_each_transport("tap")
class Dhcp4Cores:
    """A device with several queues: one core asks, all cores use what it is told."""

    def test_both_cores_hear_of_it(self):
        lab = self.lab
        lab.transport_arguments[-1] = f"tap:{lab.interface},address=dhcp"
        server = lab.start("--cores", "2", "--admin", "127.0.0.1:0", PROGRAMS / "kitchen.mjs", "8080", ready=r"metrics on http://[^:]+:(\d+)")
        dnsmasq(self, f"--dhcp-range={POOL},1h")
        server.wait_for(LISTENING, 60)
        for _ in range(20):  # flows of both cores
            self.assertEqual(lab.run("curl", "-sS", "http://10.91.0.100:8080/hello").stdout, "Hello, World!\n")
        self.assertEqual(server.output().count("by DHCP from"), 1)
        metrics = lab.run("curl", "-sS", f"http://127.0.0.1:{server.port}/metrics").stdout
        self.assertRegex(metrics, r'sluice_dhcp_state\{.*port="tap:sl0",family="4",state="bound"\} 1')
        self.assertRegex(metrics, r'sluice_dhcp_lease_seconds\{.*address="10\.91\.0\.100"\} 3[56]\d\d')


@on_each_transport("veth6")
class Dhcp6:
    ADDRESS = "fd00:91::100"

    def start(self, settings, *arguments):
        self.lab.transport_arguments[-1] = f"af_packet:slport,{settings}"
        return self.program("kitchen.mjs", "8080", *arguments)

    def test_an_address_in_any_case_and_the_end(self):
        served = dnsmasq(self, f"--dhcp-range={self.ADDRESS},{self.ADDRESS},64,1h", "--dhcp-option=option6:dns-server,[fd00:91::53]",
                         "--dhcp-option=option6:domain-search,lab.example", "--enable-ra")
        server = self.start("dhcp6=on")
        self.assertRegex(server.output(), r"af_packet:slport: address fd00:91::100 by DHCPv6, valid 3600 s, DNS fd00:91::53, domain lab\.example")
        done = self.lab.run("curl", "-sS", f"http://[{self.ADDRESS}]:8080/hello")
        self.assertEqual(done.stdout, "Hello, World!\n")
        self.assertIn(self.ADDRESS, served.leases.read_text())
        server.signal(signal.SIGTERM)
        self.assertEqual(server.wait(), 0)
        served.wait_for(r"DHCPRELEASE\(slpeer\)")
        wait_until(lambda: self.ADDRESS not in served.leases.read_text(), 10, "the end of the lease")

    def test_as_the_router_says(self):
        served = dnsmasq(self, f"--dhcp-range={self.ADDRESS},{self.ADDRESS},64,1h", "--enable-ra")
        server = self.start("slaac=on")
        server.wait_for(r"address fd00:91::100 by DHCPv6", 60)
        done = self.lab.run("curl", "-sS", f"http://[{self.ADDRESS}]:8080/hello")
        self.assertEqual(done.stdout, "Hello, World!\n")
        self.assertIn("DHCPREPLY", served.output())

    def test_information_only(self):
        served = dnsmasq(self, "--dhcp-range=fd00:91::,ra-stateless,64,1h", "--dhcp-option=option6:dns-server,[fd00:91::53]")
        server = self.start("slaac=on")
        server.wait_for(r"af_packet:slport: information by DHCPv6, DNS fd00:91::53", 60)
        self.assertNotIn("DHCPSOLICIT", served.output())
