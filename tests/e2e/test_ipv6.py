# SPDX-License-Identifier: Apache-2.0
"""What IPv6 has of its own: neighbours, fragments and pings against the kernel's stack, addresses that routers give, both
families at one listener, the load generator."""

import re
import socket
import struct

from lab import LISTENING, SLUICE, PROGRAMS, on_each_transport, wait_until


@on_each_transport("tap6", "veth6")
class Pings:
    def setUp(self):
        super().setUp()
        self.lab.transport_arguments[-1] = self.lab.transport_arguments[-1].removesuffix(",duplicate_detection=off")
        self.server = self.program("kitchen.mjs", "8080")

    def ping(self, *arguments):
        return self.lab.run("ping", "-6", "-i", "0.05", "-w", "20", *arguments).stdout

    def test_small_and_large(self):
        for size in (56, 9000, 60000):  # the larger ones in pieces, both ways
            self.assertIn(" 0% packet loss", self.ping("-c", "5", "-s", size, self.lab.address))

    def test_all_nodes_and_the_address_of_the_link(self):
        out = wait_until(lambda: re.search(r"from (fe80::\S+?)(?:%\w+)?: icmp_seq", self._all_nodes()), 20, "an answer from the link")
        self.assertIn(" 0% packet loss", self.ping("-c", "2", f"{out.group(1)}%{self.lab.interface}"))

    def _all_nodes(self):
        # The kernel answers itself as well, from an address that is its own.
        own = self.lab.run("ip", "-6", "address", "show", "dev", self.lab.interface).stdout
        out = self.lab.run("ping", "-6", "-c", "2", "-i", "0.1", "-w", "2", f"ff02::1%{self.lab.interface}", check=False).stdout
        return "\n".join(line for line in out.splitlines()
                         if not any(address in line for address in re.findall(r"inet6 (\S+)/", own)))

    def test_neighbours_know_each_other(self):
        self.lab.run("curl", "-sS", self.lab.url(self.server, "/hello"))
        entry = self.lab.run("ip", "-6", "neigh", "show", self.lab.address).stdout
        self.assertRegex(entry, r"lladdr \S+ .*(REACHABLE|DELAY|STALE|PROBE)")

    def test_nobody_at_a_port(self):
        with self.lab.inside():
            probe = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        with probe:
            probe.connect((self.lab.address, 9))
            probe.settimeout(10)
            probe.send(b"x")
            with self.assertRaises(ConnectionRefusedError):  # by ICMPv6
                probe.recv(1)
        with self.assertRaises(ConnectionRefusedError):  # by a reset
            self.lab.connect(9)

    def test_a_narrow_path(self):
        """A router says that packets are too big; what was sent is sent again, smaller."""
        # The router is played here: what is large does not arrive, and the server is told so once.
        size = 300_000
        self.lab.run("nft", "add table netdev narrow; add chain netdev narrow in { type filter hook ingress device "
                     f"{self.lab.interface} priority 0; }}; add rule netdev narrow in meta length > 1300 drop")
        with self.lab.connect(self.server.port) as client, self.lab.inside():
            raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
            with raw, socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as sniffer:
                sniffer.bind((self.lab.interface, 0))
                sniffer.settimeout(10)
                client.sendall(f"GET /download/{size} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
                while True:
                    frame = sniffer.recv(2000)
                    if len(frame) > 1314 and frame[12:14] == b"\x86\xdd" and frame[20] == 6:
                        break
                raw.sendto(b"\2\0\0\0" + struct.pack(">I", 1280) + frame[14:14 + 1232], (self.lab.address, 0, 0, 0))
                received = b""
                while (piece := client.recv(65536)):
                    received += piece
        self.assertEqual(len(received.split(b"\r\n\r\n", 1)[1]), size)


@on_each_transport("tap6")
class Autoconfiguration:
    """A router on the link, played by the test."""

    def setUp(self):
        super().setUp()
        self.lab.transport_arguments[-1] = f"tap:{self.lab.interface},slaac=on"
        self.server = self.program("kitchen.mjs", "8080")

    def advertise(self):
        with self.lab.inside():
            raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
            index = socket.if_nametoindex(self.lab.interface)
        with raw:
            raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
            prefix = socket.inet_pton(socket.AF_INET6, "fd00:91::")
            message = struct.pack(">BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0)
            message += struct.pack(">BBBBIII", 3, 4, 64, 0xC0, 86400, 14400, 0) + prefix
            raw.sendto(message, ("ff02::1", 0, 0, index))

    def test_address_from_a_router(self):
        wait_until(lambda: "tentative" not in (out := self.lab.run("ip", "-6", "address", "show", "dev", self.lab.interface).stdout)
                   and "fe80" in out, 20, "the kernel's address of the link")
        self.advertise()

        def formed():
            out = self.lab.run("ping", "-6", "-c", "2", "-i", "0.1", "-w", "1", "-I", self.lab.client_address,
                               f"ff02::1%{self.lab.interface}", check=False).stdout
            return re.search(r"from (fd00:91:(?!:1:)\S+?)(?:%\w+)?: icmp_seq", out)

        address = wait_until(formed, 20, "an address that was formed").group(1)
        done = self.lab.run("curl", "-sS", f"http://[{address}]:8080/hello")
        self.assertEqual(done.stdout, "Hello, World!\n")


@on_each_transport("kernel", "tap")
class BothFamilies:
    """One listener for both, one for IPv6 alone."""

    def setUp(self):
        super().setUp()
        self.six = "::1"
        if self.lab.transport != "kernel":
            self.six = "fd00:91::2"
            self.lab.transport_arguments[-1] += f",address={self.six}/64,duplicate_detection=off"

    def serve(self, options):
        port = "0" if self.lab.transport == "kernel" else "8080"
        source = self.source(f"import {{ serve }} from 'sluice:http'; serve({{ port: {port}, {options} }}, "
                             "(req, res) => res.end(req.remoteAddress ?? 'ok'));")
        server = self.lab.start(source)
        if self.lab.transport != "kernel":
            self.lab.run("ip", "address", "add", "fd00:91::1/64", "dev", self.lab.interface, "nodad")
        return server

    def get(self, server, address):
        return self.lab.run("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", f"http://{self.lab.in_url(address)}:{server.port}/",
                            check=False).stdout

    def test_any(self):
        server = self.serve("hostname: '::'")
        self.assertIn("http://[::]:", server.output())
        self.assertEqual([self.get(server, self.lab.address), self.get(server, self.six)], ["200", "200"])

    def test_ipv6_only(self):
        server = self.serve("hostname: '::', ipv6Only: true")
        self.assertEqual([self.get(server, self.lab.address), self.get(server, self.six)], ["000", "200"])

    def test_one_address(self):
        server = self.serve(f"hostname: '{self.six}'")
        self.assertIn(f"http://[{self.six}]:", server.output())
        self.assertEqual([self.get(server, self.lab.address), self.get(server, self.six)], ["000", "200"])


@on_each_transport("kernel6", "tap6")
class Clients6:
    """Our own clients: the load generator, and fetch in a program."""

    def test_fetch_and_bench(self):
        fetching = self.source("""
const response = await fetch(process.argv[2] + '/echo', { method: 'POST', body: 'over six' });
console.log(response.status, await response.text());
""")
        if self.lab.transport == "kernel":
            server = self.program("kitchen.mjs", "0", "::1")
            url = self.lab.url(server, "")
            done = self.lab.run(SLUICE, fetching, url)
            bench = self.lab.run(SLUICE, "bench", url + "/hello", "-c", "4", "-d", "300ms", "-q")
        else:
            # The server is on the kernel's side, its client on ours.
            server = self.lab.background(SLUICE, PROGRAMS / "kitchen.mjs", "8080", "::")
            server.wait_for(LISTENING)
            url = f"http://[{self.lab.client_address}]:8080"
            client = self.lab.start(fetching, url, ready=None)
            self._set_up(client)
            client.wait_for("over six")
            self.assertEqual(client.wait(), 0)
            done = client.output()
            client = self.lab.start("bench", url + "/hello", "-c", "4", "-d", "300ms", "-q", ready=None)
            self._set_up(client)
            self.assertEqual(client.wait(), 0)
            self.assertRegex(client.output(), r"4xx 0, 5xx 0")
            self.assertIn("200 over six", done)
            return
        self.assertEqual(done.stdout, "200 over six\n")
        self.assertRegex(bench.stdout, r"4xx 0, 5xx 0")

    def _set_up(self, client):
        wait_until(lambda: self.lab.run("ip", "link", "show", self.lab.interface, check=False).returncode == 0, 20, "the device")
        self.lab.after_start()
