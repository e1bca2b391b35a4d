# SPDX-License-Identifier: Apache-2.0
"""Filters before the stack, with real traffic: rules of the configuration on a port with a kernel interface beside it."""

import os
import socket
import struct

from lab import PROGRAMS, SLUICE, LabTest, on_each_transport, wait_until
from test_exception import Beside, exchange


class Rules(Beside):
    def start(self, rules):
        text = "".join("[[filter]]\n" + "".join(f"{key} = {value}\n" for key, value in rule.items()) for rule in rules)
        return self.lab.start("--config", self.source(text, suffix=".toml"), PROGRAMS / "kitchen.mjs", "8080")

    def counted(self, server, rule, what="matched_packets"):
        return self.lab.metric(server, f"sluice_filter_{what}_total", f'port="sl0",rule="{rule}"')


@on_each_transport("exception", "exception6")
class Filters(Rules):
    def test_the_first_rule_that_matches_decides(self):
        lab = self.lab
        server = self.start([
            {"match": "'udp port 7001'", "action": "'pass'"},
            {"port": "'sl0'", "match": "'udp portrange 7000-7010'", "action": "'drop'"},
            {"match": f"'tcp port 8080 and src host {lab.client_address}'", "action": "'pass'"},
        ])
        heard = self.datagram_socket(lab.at_kernel, lab.address, 7001)
        deaf = self.datagram_socket(lab.at_kernel, lab.address, 7002)
        other = self.datagram_socket(lab.at_kernel, lab.address, 7011)
        here = self.datagram_socket(lab.inside, lab.client_address)
        for port in (7002, 7001, 7011):
            here.sendto(str(port).encode(), (lab.address, port))
        self.assertEqual(heard.recv(100), b"7001")
        self.assertEqual(other.recv(100), b"7011")
        wait_until(lambda: self.counted(server, 2, "dropped_packets") == 1, 20, "the drop")
        deaf.setblocking(False)
        with self.assertRaises(BlockingIOError):
            deaf.recv(100)
        self.assertEqual(self.hello(server), "Hello, World!\n")
        self.assertGreater(self.counted(server, 3), 3)
        self.assertGreater(self.counted(server, 3, "matched_bytes"), 300)
        self.assertEqual((self.counted(server, 1), self.counted(server, 2)), (1, 1))

    def test_a_rule_can_send_to_the_kernel_what_would_be_ours(self):
        lab = self.lab
        second = "fd00:91::9" if lab.family == 6 else "10.91.0.9"
        server = self.start([{"match": f"'tcp port 8080 and src host {second}'", "action": "'kernel'"}])
        lab.run("ip", "address", "add", f"{second}/{lab.prefix}", "dev", lab.interface, *(["nodad"] if lab.family == 6 else []))
        self.listen(lab.at_kernel, lab.address, 8080)
        self.assertTrue(exchange(self.connect(lab.inside, lab.address, 8080, source=second), 10_000))
        self.assertEqual(self.lab.run("curl", "-sS", "--max-time", "20", "--interface", lab.client_address, lab.url(server, "/hello")).stdout,
                         "Hello, World!\n")

    def test_a_rate_is_limited(self):
        lab = self.lab
        protocol = "icmp6 and icmp6[icmp6type] == icmp6-echo" if lab.family == 6 else "icmp[icmptype] == icmp-echo"
        server = self.start([{"match": f"'{protocol}'", "action": "'rate_limit'", "packets_per_second": 1, "burst_packets": 4}])
        out = lab.run("ping", "-c", "20", "-i", "0.01", "-W", "1", lab.address, check=False).stdout
        answered = out.count("bytes from")
        self.assertTrue(4 <= answered < 20, out)
        self.assertEqual(self.counted(server, 1), 20)
        self.assertEqual(self.counted(server, 1, "dropped_packets"), 20 - answered)
        self.assertEqual(self.hello(server), "Hello, World!\n")

    def test_tagged_frames_and_fragments(self):
        lab = self.lab
        server = self.start([
            {"match": "'vlan 5 and udp port 9000'", "action": "'drop'"},
            {"match": "'udp and ip[6:2] & 0x1fff != 0'" if lab.family == 4 else "'ip6 proto 44 and ip6[42:2] & 0xfff8 != 0'", "action": "'drop'"},
        ])
        # Tagged as a sender in another VLAN would: the kernel here may have no VLAN devices.
        with lab.inside():
            sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.addCleanup(sender.close)
        sender.bind((lab.interface, 0))
        with lab.at_kernel():
            heard = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.addCleanup(heard.close)
        heard.bind((lab.kernel_interface, 0))
        heard.settimeout(20)

        def send(port):
            payload = struct.pack("!HHHH", 1000, port, 8 + 20, 0) + os.urandom(20)
            if lab.family == 6:
                network = struct.pack("!IHBB", 6 << 28, len(payload), 17, 64)
            else:
                network = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 1, 0, 64, 17, 0)
            addresses = b"".join(socket.inet_pton(self.family(), each) for each in (lab.client_address, lab.address))
            sender.send(bytes.fromhex("ffffffffffff020000000001") + struct.pack("!HHH", 0x8100, 5, 0x86DD if lab.family == 6 else 0x0800)
                        + network + addresses + payload)
            return payload

        unwanted, wanted = send(9000), send(9001)
        while not (got := heard.recv(65536)).endswith(wanted):
            self.assertFalse(got.endswith(unwanted))
        wait_until(lambda: self.counted(server, 1, "dropped_packets") == 1, 20, "the drop")
        # Of a datagram in pieces the later ones are lost: it never gets whole.
        whole = self.datagram_socket(lab.at_kernel, lab.address, 9002)
        here = self.datagram_socket(lab.inside, lab.client_address)
        here.sendto(bytes(4000), (lab.address, 9002))
        here.sendto(b"short", (lab.address, 9002))
        self.assertEqual(whole.recv(65536), b"short")
        self.assertEqual(self.counted(server, 2, "dropped_packets"), 2)


class WrongRules(LabTest):
    def refused(self, text):
        config = self.source(text, suffix=".toml")
        done = self.lab.run(SLUICE, "--config", config, "-p", "1", check=False)
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        return done.stderr

    def test_what_is_wrong_is_said_with_number_text_and_place(self):
        port = '[[port]]\ndevice = "tap:sl0"\naddress = "10.91.0.2/24"\n'
        good = '[[filter]]\nmatch = "udp"\naction = "drop"\n'
        told = self.refused(port + good + '[[filter]]\nmatch = "tcp prt 22"\naction = "drop"\n')
        self.assertRegex(told, r'\.toml:8:9: match = "tcp prt 22": filter 2: syntax error')
        self.assertIn("filter 2: the port has no kernel interface", self.refused(port + good + good.replace("drop", "kernel")))
        self.assertIn("filter 1: there is no port eth9; there are: sl0", self.refused(port + good + 'port = "eth9"\n'))
        self.assertIn("filter 1: filters are for the ports of the bypass transport", self.refused(good))
