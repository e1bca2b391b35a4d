# SPDX-License-Identifier: Apache-2.0
"""Other people's tools against our stack, in a namespace of their own: iperf3 both ways, nmap's scans and what it makes of our
numbers, hping3's floods while a client goes on being served.

SLUICE_LONG=1: longer runs, and the wait for half-open connections to expire.
"""

import json
import os
import re
import subprocess

from lab import PROGRAMS, on_each_transport, need_program, wait_until
from test_linux import Streams

LONG = os.environ.get("SLUICE_LONG") == "1"
ANSWER = b"Hello, World!\n"
FLOOD_PACKETS = 300_000 if LONG else 6_000  # more than a backlog


@on_each_transport("tap", "veth", "veth6")
class Iperf3(Streams):
    def setUp(self):
        super().setUp()
        need_program("iperf3", "iperf3")
        self.seconds, self.bytes = (10, 10_000_000_000) if LONG else (1, 20_000_000)

    def test_iperf3_against_our_server(self):
        lab = self.lab
        server = lab.start(PROGRAMS / "iperf3.mjs", lab.address, 5201, ready=r"iperf3 on (\d+)")
        for options in ([], ["-R"], ["-P", "3"], ["-R", "-P", "3"]):
            report = json.loads(lab.run("iperf3", "-c", lab.address, "-n", self.bytes, "-J", *options, check=False).stdout)
            self.assertNotIn("error", report)
            sent, received = (report["end"][which]["bytes"] for which in ("sum_sent", "sum_received"))
            # The receiver's end is told while the last bytes are under way.
            self.assertGreaterEqual(sent, self.bytes, options)
            self.assertTrue(0 < received <= sent, (options, sent, received))
        self.assertNotIn("failed", server.output())

    def test_our_client_against_iperf3(self):
        lab = self.lab
        # A tap is there when its owner is: so the server of the kernel's side comes second, and is asked in one go.
        client = self.source(f"""
import {{ listen }} from 'sluice:net';
import {{ run }} from '{PROGRAMS / "iperf3.mjs"}';
listen({{ port: 9 }}, async () => {{
  for (const reverse of [false, true]) await run('{lab.client_address}', reverse ? 5202 : 5201, {self.seconds}, reverse);
  console.log('all done');
}});
console.log('ready');
""")
        ours = lab.start(client, ready="ready")
        lab.after_start()
        # One serves one test at a time, and takes a while to be done with it.
        for port in (5201, 5202):
            lab.background("iperf3", "-s", "-p", port, "-B", lab.client_address, "--forceflush").wait_for("listening")
        lab.connect(9).close()
        ours.wait_for("all done", 60)
        counts = re.findall(r"sent and received: \[(\d+)\] there, (\d+) here", ours.output())
        self.assertEqual(len(counts), 2, ours.output())
        for there, here in counts:
            self.assertGreater(min(int(there), int(here)), 0)


@on_each_transport("veth", "tap", "veth6")
class Nmap(Streams):
    """What a scanner sees: ports as they are, and numbers that it cannot foresee."""

    def nmap(self, *arguments):
        need_program("nmap", "nmap")
        family = ["-6"] if self.lab.family == 6 else []
        return self.lab.run("nmap", *family, "-n", "-Pn", "--send-ip", *arguments, self.lab.address).stdout

    def test_scans(self):
        server = self.lab.start(PROGRAMS / "kitchen.mjs", "8080")
        self.assertRegex(self.nmap("-sS", "-p", "1-2000,8080"), r"Not shown: 2000 closed tcp ports \(reset\)[^$]*8080/tcp open")
        for kind in ("-sF", "-sX", "-sN", "-sA", "-sW", "-sM"):
            self.nmap(kind, "-p", "1-20,8080", "--max-retries", "1")
        self.assertRegex(self.nmap("-sU", "-p", "1-20", "--max-retries", "2"), "closed udp ports|closed")
        self.assertEqual(self.lab.run("curl", "-sS", self.lab.url(server, "/hello")).stdout.encode(), ANSWER)

    def test_what_it_makes_of_our_numbers(self):
        server = self.lab.start(PROGRAMS / "kitchen.mjs", "8080")
        said = self.nmap("-O", "-v", "--max-os-tries", "1", "-p", "81,8080")
        if self.lab.family == 4:  # it says nothing of the kind over IPv6
            self.assertRegex(said, r"TCP Sequence Prediction: Difficulty=\d+ \(Good luck!\)")
            self.assertRegex(said, r"IP ID Sequence Generation: (All zeros|Randomized|Random positive increments)")
        self.assertEqual(self.lab.run("curl", "-sS", self.lab.url(server, "/hello")).stdout.encode(), ANSWER)


@on_each_transport("tap", "veth")
class Hping3(Streams):
    """Floods, bounded in number, from an address of the lab's own network that nobody has and from the client's own."""

    FLOODS = {
        "SYN": ["-S", "-a", "10.91.0.77"],
        "SYN from many ports of a host that answers": ["-S"],
        "RST": ["-R", "-a", "10.91.0.77"],
        "ACK": ["-A", "-a", "10.91.0.77"],
        "ACK from a host that answers": ["-A"],
        "FIN": ["-F", "-a", "10.91.0.77"],
        "all flags": ["-F", "-S", "-R", "-P", "-A", "-U"],
        "fragments": ["-S", "-f", "-d", "200", "-a", "10.91.0.77"],
        "first fragments without others": ["-S", "-x", "-d", "64", "-a", "10.91.0.77"],
        "UDP": ["--udp", "-d", "100"],
        "ICMP": ["--icmp", "-d", "1000"],
    }

    def test_a_client_is_served_meanwhile(self):
        need_program("hping3", "hping3")
        lab = self.lab
        server = lab.start("--admin", "127.0.0.1:0", PROGRAMS / "kitchen.mjs", "8080")
        server.metrics_url = server.wait_for(r"metrics on (http://\S+/metrics)").group(1)
        kept = lab.http(server)
        before = self.metrics(server)
        for name, options in self.FLOODS.items():
            flood = lab.background("hping3", "-q", "-n", "-i", "u10", "-c", FLOOD_PACKETS, "-p", "8080", *options, lab.address)
            answers = 0
            while flood.process.poll() is None or answers < 5:
                kept.request("GET", "/hello")
                self.assertEqual(kept.getresponse().read(), ANSWER, name)
                fresh = lab.http(server)
                fresh.request("GET", "/hello")
                self.assertEqual(fresh.getresponse().read(), ANSWER, name)
                fresh.close()
                answers += 1
            self.assertIn(flood.wait(), (0, 1), name)  # 1: not everything was answered
        kept.close()

        # It was all noticed.
        counted = self.metrics(server)
        grown = lambda name: counted.get(name, 0) - before.get(name, 0)
        for name in ("tcp_syn_cookies_sent_total", 'tcp_limit_hit_total{limit="backlog"}', 'tcp_dropped_total{cause="no_connection"}',
                     "tcp_resets_sent_total", "icmp_echo_replied_total"):
            self.assertGreater(grown(name), 0, name)
        if lab.transport == "tap":  # behind a packet socket the kernel has put them together
            self.assertGreater(grown("ip_fragments_received_total"), 0)
        # And nothing of it stays, but half-open connections for their minute.
        idle = before["port_buffers"]

        def nothing_is_left():
            now = self.metrics(server)
            open_now = sum(value for name, value in now.items()
                           if name.startswith("tcp_connections{") and "time_wait" not in name and (LONG or "half_open" not in name))
            return open_now == 0 and now["port_buffers"] <= idle + (0 if LONG else 200)

        wait_until(nothing_is_left, 150 if LONG else 40, "the end of all that the floods began")
        self.assertLessEqual(self.metrics(server)['tcp_connections{state="half_open"}'], 4096)
        self.assertIsNone(server.process.poll())
