# SPDX-License-Identifier: Apache-2.0
"""The exception path: one card and one address for the program and for the host kernel. The port is a TAP device whose other
end lies in a namespace of the clients', as if a cable went there; the kernel of the server's namespace has what is not ours.
"""

import contextlib
import os
import re
import socket
import struct
import threading
import unittest

import lab as labs
from lab import NamespaceLab, need_program, PROGRAMS, _setns, _system, on_each_transport, wait_until

RELAY = """
import { serve } from 'sluice:http';
serve({ port: 8080 }, async (req, res) => {
  try {
    const response = await fetch(new URLSearchParams(req.url.split('?')[1]).get('url'));
    res.end(await response.text());
  } catch (error) {
    res.statusCode = 502;
    res.end(String(error.cause ?? error));
  }
});
"""


class ExceptionLab(NamespaceLab):
    transport = "exception"
    interface = "sl0"
    kernel_interface = "sluice0"

    def __init__(self, **options):
        super().__init__("a TAP device", **options)
        if not os.path.exists("/dev/net/tun"):
            self.close()
            raise unittest.SkipTest("a TAP device needs /dev/net/tun")
        self.kernel_namespace = self.namespace + "-k"
        _system("ip", "netns", "add", self.kernel_namespace)
        self._stack.callback(_system, "ip", "netns", "del", self.kernel_namespace)
        _system("ip", "-n", self.kernel_namespace, "link", "set", "lo", "up")
        self.server_prefix = ["ip", "netns", "exec", self.kernel_namespace]
        self.set_port("")

    def set_port(self, more, gateway=True):
        port = self.port(f"tap:{self.interface}")
        if not gateway:
            port = port.replace(f",gateway={self.client_address}", "")
        self.transport_arguments = ["--admin", "127.0.0.1:0", "--port", f"{port},kernel_interface={self.kernel_interface}{more}"]

    def after_start(self):
        # The cable's other end.
        _system("ip", "-n", self.kernel_namespace, "link", "set", self.interface, "netns", self.namespace)
        self.set_up_client(self.interface)

    @contextlib.contextmanager
    def at_kernel(self):
        """Sockets that are made inside are the server's kernel's."""
        with open("/proc/thread-self/ns/net") as home, open(f"/var/run/netns/{self.kernel_namespace}") as there:
            _setns(there.fileno())
            try:
                yield
            finally:
                _setns(home.fileno())

    def kernel(self, *command, check=True):
        done = self.run("nsenter", f"--net=/var/run/netns/{self.kernel_namespace}", *command, check=check)
        return done.stdout

    def metric(self, server, name, labels=""):
        url = server.wait_for(r"metrics on (http://\S+)").group(1)
        text = self.kernel("curl", "-sS", url)
        return sum(int(value) for label, value in re.findall(rf"^{name}\{{([^}}]*)\}} (\d+)$", text, re.M) if labels in label)


class InterfaceLab(ExceptionLab):
    """The port is an interface that is there already, one end of a veth pair."""

    device = "af_xdp:slport"

    def __init__(self, **options):
        need_program("ethtool", "ethtool")
        super().__init__(**options)
        kernel = self.kernel_namespace
        _system("ip", "-n", kernel, "link", "add", "slport", "type", "veth", "peer", "name", self.interface)
        for interface in ("slport", self.interface):
            _system("ip", "netns", "exec", kernel, "ethtool", "-K", interface, "tx", "off")
        _system("ip", "netns", "exec", kernel, "sysctl", "-qw", "net.ipv6.conf.slport.disable_ipv6=1")
        _system("ip", "-n", kernel, "link", "set", self.interface, "netns", self.namespace)
        _system("ip", "-n", kernel, "link", "set", "slport", "up")
        self.set_up_client(self.interface)
        self.transport_arguments[-1] = self.transport_arguments[-1].replace(f"tap:{self.interface}", self.device)

    def after_start(self):
        pass


class SharedInterfaceLab(InterfaceLab):
    device = "af_packet:slport"

    def __init__(self, **options):
        need_program("nft", "nftables")
        super().__init__(**options)
        # As docs/bypass.md says: the kernel sees the frames of this interface as well.
        for words in ("add table netdev sluice",
                      "add chain netdev sluice in { type filter hook ingress device slport priority 0; policy drop; }"):
            _system("ip", "netns", "exec", self.kernel_namespace, "nft", words)


labs.OTHER_LABS |= {"exception": ExceptionLab, "exception_af_xdp": InterfaceLab, "exception_af_packet": SharedInterfaceLab}


def echo_server(listener):
    """Gives each connection back what it sends, until the listener is closed."""

    def answer(connection):
        with connection, contextlib.suppress(OSError):
            connection.settimeout(60)
            while data := connection.recv(65536):
                connection.sendall(data)

    def serve():
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()


def exchange(connection, count):
    """Sends bytes and reads them back."""
    sent = os.urandom(count)
    sender = threading.Thread(target=connection.sendall, args=(sent,))
    sender.start()
    got = bytearray()
    while len(got) < count:
        data = connection.recv(65536)
        if not data:
            break
        got += data
    sender.join()
    return bytes(got) == sent


class Beside:
    """What all classes here need."""

    def family(self):
        return socket.AF_INET6 if self.lab.family == 6 else socket.AF_INET

    def listen(self, where, address, port=0):
        with where():
            listener = socket.create_server((address, port), family=self.family())
        self.addCleanup(listener.close)
        echo_server(listener)
        return listener.getsockname()[1]

    def datagram_socket(self, where, address, port=0):
        with where():
            made = socket.socket(self.family(), socket.SOCK_DGRAM)
            made.bind((address, port))
        made.settimeout(20)
        self.addCleanup(made.close)
        return made

    def connect(self, where, address, port, source=None):
        with where():
            made = socket.create_connection((address, port), timeout=20, source_address=(source, 0) if source else None)
        self.addCleanup(made.close)
        return made

    def hello(self, server):
        return self.lab.run("curl", "-sS", "--max-time", "20", self.lab.url(server, "/hello")).stdout

    def ping(self, *arguments):
        return self.lab.run("ping", "-c", "3", "-i", "0.2", "-w", "20", *arguments, check=False).stdout


@on_each_transport("exception", "exception6")
class OneAddressForBoth(Beside):
    def test_connections_go_to_whom_they_are_for(self):
        lab = self.lab
        server = self.program("kitchen.mjs", "8080")
        self.listen(lab.at_kernel, lab.address, 22)
        self.assertEqual(self.hello(server), "Hello, World!\n")
        connection = self.connect(lab.inside, lab.address, 22)
        self.assertTrue(exchange(connection, 3_000_000), "the kernel's connection carries bytes both ways")
        self.assertEqual(self.hello(server), "Hello, World!\n")
        self.assertTrue(exchange(connection, 1000))
        # Nobody's port: the kernel says so.
        with self.assertRaises(ConnectionRefusedError):
            self.connect(lab.inside, lab.address, 23)

    def test_the_kernel_opens_connections_too(self):
        lab = self.lab
        server = self.program("kitchen.mjs", "8080")
        port = self.listen(lab.inside, lab.client_address)
        connection = self.connect(lab.at_kernel, lab.client_address, port)
        self.assertTrue(exchange(connection, 1_000_000))
        self.assertEqual(self.hello(server), "Hello, World!\n")

    def test_ping_both_ways(self):
        lab = self.lab
        server = self.program("kitchen.mjs", "8080")
        self.assertIn("3 received", self.ping(lab.address))
        self.assertIn("3 received", self.ping("-s", "4000", lab.address))
        self.assertGreater(lab.metric(server, "sluice_icmp_echo_replied_total"), 0)
        out = lab.kernel("ping", "-c", "3", "-i", "0.2", "-w", "20", lab.client_address)
        self.assertIn("3 received", out)

    def test_datagrams_and_their_fragments(self):
        lab = self.lab
        self.program("kitchen.mjs", "8080")
        there = self.datagram_socket(lab.at_kernel, lab.address, 5353)
        here = self.datagram_socket(lab.inside, lab.client_address)
        for size in (10, 1400, 20_000):
            sent = os.urandom(size)
            here.sendto(sent, (lab.address, 5353))
            got, sender = there.recvfrom(65536)
            self.assertEqual(got, sent)
            there.sendto(got, sender)
            self.assertEqual(here.recv(65536), sent)
        # Nobody's port: the kernel's ICMP error comes back.
        here.connect((lab.address, 5354))
        here.send(b"?")
        with self.assertRaises(ConnectionRefusedError):
            here.recv(10)

    def test_errors_about_the_kernels_datagrams_reach_it(self):
        lab = self.lab
        self.program("kitchen.mjs", "8080")
        there = self.datagram_socket(lab.at_kernel, lab.address, 5353)
        there.connect((lab.client_address, 9))
        there.send(b"?")
        with self.assertRaises(ConnectionRefusedError):
            there.recv(10)

    def test_the_programs_own_connections_use_ports_below_the_kernels(self):
        lab = self.lab
        server = self.lab.start(self.source(RELAY))
        with lab.inside():
            listener = socket.create_server((lab.client_address, 0), family=self.family())
        self.addCleanup(listener.close)
        listener.settimeout(20)
        target = f"http://{lab.in_url(lab.client_address)}:{listener.getsockname()[1]}/"
        client = lab.background("curl", "-sS", "-G", "--max-time", "20", "--data-urlencode", f"url={target}", lab.url(server))
        connection, peer = listener.accept()
        self.assertTrue(10_240 <= peer[1] <= 32_767, peer)
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nback")
        client.wait()
        self.assertEqual(client.output(), "back")
        connection.close()

    def test_an_address_of_the_kernels_own(self):
        lab = self.lab
        server = self.program("kitchen.mjs", "8080")
        other = "fd00:91::77" if lab.family == 6 else "10.91.0.77"
        lab.kernel("ip", "address", "add", f"{other}/{lab.prefix}", "dev", lab.kernel_interface,
                   *(["nodad"] if lab.family == 6 else []))
        port = self.listen(lab.at_kernel, other)
        self.assertTrue(exchange(self.connect(lab.inside, other, port), 100_000))
        self.assertIn("3 received", self.ping(other))
        # On that address nobody is the program's.
        with self.assertRaises(ConnectionRefusedError):
            self.connect(lab.inside, other, 8080)
        self.assertEqual(self.hello(server), "Hello, World!\n")

    def test_without_the_address_at_the_kernel_we_refuse_ourselves(self):
        lab = self.lab
        lab.set_port(",kernel_addresses=off")
        server = self.program("kitchen.mjs", "8080")
        self.assertNotIn(lab.address, lab.kernel("ip", "address", "show", "dev", lab.kernel_interface))
        with self.assertRaises(ConnectionRefusedError):
            self.connect(lab.inside, lab.address, 22)
        self.assertGreater(lab.metric(server, "sluice_tcp_resets_sent_total"), 0)

    def test_a_removed_interface_leaves_the_program_alone(self):
        lab = self.lab
        server = self.program("kitchen.mjs", "8080")
        self.listen(lab.at_kernel, lab.address, 22)
        self.assertTrue(exchange(self.connect(lab.inside, lab.address, 22), 1000))
        lab.kernel("ip", "link", "del", lab.kernel_interface)
        server.wait_for("kernel interface sluice0 was removed")
        self.assertEqual(self.hello(server), "Hello, World!\n")
        with self.assertRaises(ConnectionRefusedError):
            self.connect(lab.inside, lab.address, 22)

    def test_an_interface_that_is_down_loses_only_its_own(self):
        lab = self.lab
        server = self.program("kitchen.mjs", "8080")
        there = "fd00:91::78" if lab.family == 6 else "10.91.0.78"
        lab.kernel("ip", "link", "set", lab.kernel_interface, "down")
        here = self.datagram_socket(lab.inside, lab.client_address)
        # The host cannot resolve it, and asks: those questions are lost at the interface.
        here.sendto(b"?", (there, 9))
        wait_until(lambda: lab.metric(server, "sluice_kernel_interface_dropped_total", 'cause="interface_down"') > 0, 20, "a drop")
        self.assertEqual(self.hello(server), "Hello, World!\n")


@on_each_transport("exception_af_xdp", "exception_af_packet")
class OtherPorts(Beside):
    def test_connections_go_to_whom_they_are_for(self):
        lab = self.lab
        server = self.program("kitchen.mjs", "8080")
        self.listen(lab.at_kernel, lab.address, 22)
        port = self.listen(lab.inside, lab.client_address)
        self.assertEqual(self.hello(server), "Hello, World!\n")
        self.assertTrue(exchange(self.connect(lab.inside, lab.address, 22), 300_000))
        self.assertTrue(exchange(self.connect(lab.at_kernel, lab.client_address, port), 300_000))
        self.assertEqual(self.hello(server), "Hello, World!\n")
        with self.assertRaises(ConnectionRefusedError):
            self.connect(lab.inside, lab.address, 23)


@on_each_transport("exception")
class Names(Beside):
    def test_an_interface_that_is_there_already_is_refused(self):
        lab = self.lab
        lab.kernel("ip", "tuntap", "add", "dev", lab.kernel_interface, "mode", "tap")
        server = lab.start(PROGRAMS / "kitchen.mjs", "8080", ready=None)
        self.assertNotEqual(server.wait(), 0)
        self.assertIn("kernel interface sluice0: there is an interface of this name already", server.output())

    def test_lldp_and_tagged_frames_are_the_kernels(self):
        lab = self.lab
        self.program("kitchen.mjs", "8080")

        def raw(where, interface):
            with where():
                made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            made.bind((interface, 0))
            made.settimeout(20)
            self.addCleanup(made.close)
            return made

        there, here = raw(lab.at_kernel, lab.kernel_interface), raw(lab.inside, lab.interface)
        for head in (struct.pack("!H", 0x88CC), struct.pack("!HHH", 0x8100, 5, 0x0800)):
            payload = os.urandom(50)
            here.send(bytes.fromhex("0180c200000e020000000001") + head + payload)
            while not there.recv(65536).endswith(payload):
                pass


@on_each_transport("exception", "exception6")
class TwoCores(Beside):
    def setUp(self):
        if len(os.sched_getaffinity(0)) < 2:
            raise unittest.SkipTest("two processors are needed for two data cores")
        super().setUp()

    def test_each_core_has_its_queue(self):
        lab = self.lab
        server = lab.start("--cores", "2", PROGRAMS / "kitchen.mjs", "8080")
        self.listen(lab.at_kernel, lab.address, 22)
        port = self.listen(lab.inside, lab.client_address)
        connections = [self.connect(lab.inside, lab.address, 22) for _ in range(8)]
        connections += [self.connect(lab.at_kernel, lab.client_address, port) for _ in range(8)]
        for connection in connections:
            self.assertTrue(exchange(connection, 100_000))
            self.assertEqual(self.hello(server), "Hello, World!\n")


@on_each_transport("exception", "exception6")
class RoutesOfTheKernel(Beside):
    def start(self, routes="on"):
        lab = self.lab
        lab.set_port(f",routes_from_kernel={routes}", gateway=False)
        self.far = "fd00:92::5" if lab.family == 6 else "203.0.113.5"
        self.network = "fd00:92::/64" if lab.family == 6 else "203.0.113.0/24"
        lab.run("ip", "address", "add", f"{self.far}/{128 if lab.family == 6 else 32}", "dev", "lo")
        self.server = lab.start(self.source(RELAY))
        with lab.inside():
            listener = socket.create_server((self.far, 0), family=self.family())
        self.addCleanup(listener.close)
        self.target = f"http://{lab.in_url(self.far)}:{listener.getsockname()[1]}/"

        def serve():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection, contextlib.suppress(OSError):
                    connection.settimeout(20)
                    connection.recv(65536)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nfar")

        threading.Thread(target=serve, daemon=True).start()

    def ask(self):
        return self.lab.run("curl", "-sS", "-G", "--max-time", "20", "--data-urlencode", f"url={self.target}",
                            self.lab.url(self.server)).stdout

    def route(self, *words):
        self.lab.kernel("ip", f"-{self.lab.family}", "route", *words)

    def test_a_route_is_followed_and_its_end_too(self):
        lab = self.lab
        self.start()
        self.assertNotEqual(self.ask(), "far")
        self.route("add", self.network, "via", lab.client_address, "dev", lab.kernel_interface)
        wait_until(lambda: self.ask() == "far", 20, "the route in use")
        self.route("del", self.network)
        wait_until(lambda: self.ask() != "far", 20, "the route's end")
        # A better one, which leads to nobody, and the worse one again.
        self.route("add", self.network, "via", lab.client_address, "dev", lab.kernel_interface, "metric", "200")
        wait_until(lambda: self.ask() == "far", 20, "the route in use")
        self.route("add", self.network, "via", f"{lab.client_address[:-1]}99", "dev", lab.kernel_interface, "metric", "100")
        wait_until(lambda: self.ask() != "far", 60, "the better route in use")
        self.route("del", self.network, "metric", "100")
        wait_until(lambda: self.ask() == "far", 20, "the other route in use")
        # With the interface the kernel's routes go without a word.
        lab.kernel("ip", "link", "set", lab.kernel_interface, "down")
        wait_until(lambda: self.ask() != "far", 20, "the route's end")

    def test_a_default_route(self):
        lab = self.lab
        self.start()
        self.route("add", "default", "via", lab.client_address, "dev", lab.kernel_interface)
        wait_until(lambda: self.ask() == "far", 20, "the route in use")

    def test_routes_are_left_alone_unless_asked_for(self):
        lab = self.lab
        self.start(routes="off")
        self.route("add", self.network, "via", lab.client_address, "dev", lab.kernel_interface)
        self.assertNotEqual(self.ask(), "far")
