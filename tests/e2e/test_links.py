# SPDX-License-Identifier: Apache-2.0
"""Links that are not plain Ethernet of 1500 bytes: a VLAN, jumbo frames."""

from lab import SLUICE, on_each_transport


FETCH = """
const response = await fetch(process.argv[2]);
console.log(response.status, (await response.text()).length);
"""


@on_each_transport("veth6")
class Vlan:
    def fetch(self, vlan, url, limit_s=20):
        """By a client of ours at the other end, in this VLAN; None: in none."""
        lab = self.lab
        port = f"af_packet:{lab.interface},address={lab.client_address}/{lab.prefix}" + (f",vlan={vlan}" if vlan else "")
        if lab.family == 6:
            port += ",duplicate_detection=off"
        done = lab.run("timeout", limit_s, SLUICE, "--transport", "bypass", "--port", port, self.source(FETCH), url, check=False)
        return done.stdout.strip()

    def test_only_frames_with_its_tag_are_ours(self):
        lab = self.lab
        lab.transport_arguments[-1] += ",vlan=7"
        server = self.program("kitchen.mjs", "8080")
        # The other end is ours as well; the kernel there has no part in it.
        lab.run("ip", "address", "flush", "dev", lab.interface)
        lab.run("sysctl", "-qw", f"net.ipv6.conf.{lab.interface}.disable_ipv6=1")
        self.assertEqual(self.fetch(7, lab.url(server, "/download/3000000")), "200 3000000")
        self.assertEqual(self.fetch(8, lab.url(server, "/hello"), 2), "")
        self.assertEqual(self.fetch(None, lab.url(server, "/hello"), 2), "")
        self.assertEqual(self.fetch(7, lab.url(server, "/hello")), "200 14")


@on_each_transport("veth")
class SeveralVlans:
    def test_each_is_a_network_of_its_own(self):
        lab = self.lab
        device = "af_packet:slport"
        lab.transport_arguments = ["--transport", "bypass", "--port", f"{device},address=10.91.7.2/24,vlan=7",
                                   "--port", f"{device},address=10.91.9.2/24,vlan=9", "--port", f"{device},address={lab.address}/24"]
        self.program("kitchen.mjs", "8080")
        # Without a tag the other end is the kernel's.
        self.assertEqual(lab.run("curl", "-sS", f"http://{lab.address}:8080/hello").stdout, "Hello, World!\n")
        self.assertNotEqual(lab.run("curl", "-sS", "-m", "2", "http://10.91.7.2:8080/hello", check=False).returncode, 0)
        for vlan, other in ((7, 9), (9, 7)):
            # The other end is ours, with both VLANs as well.
            lab.run("ip", "address", "flush", "dev", lab.interface)
            ports = []
            for each in (vlan, other):
                ports += ["--port", f"af_packet:{lab.interface},address=10.91.{each}.1/24,vlan={each}"]
            done = lab.run("timeout", 20, SLUICE, "--transport", "bypass", *ports, self.source(FETCH),
                           f"http://10.91.{vlan}.2:8080/download/300000", check=False)
            self.assertEqual(done.stdout.strip(), "200 300000")
            # In the wrong VLAN nobody is there.
            done = lab.run("timeout", 2, SLUICE, "--transport", "bypass", "--port",
                           f"af_packet:{lab.interface},address=10.91.{vlan}.3/24,vlan={other}", self.source(FETCH),
                           f"http://10.91.{vlan}.2:8080/hello", check=False)
            self.assertEqual(done.stdout.strip(), "")


@on_each_transport("veth", "veth6")
class Jumbo:
    lab_mtu = 9000

    def test_large_frames_both_ways(self):
        lab = self.lab
        lab.run("ip", "link", "set", "slport", "mtu", "9000")
        server = self.program("kitchen.mjs", "8080")
        self.assertIn(" 0% packet loss", lab.run("ping", "-c", "3", "-i", "0.05", "-s", "8900", "-M", "do", lab.address).stdout)
        self.assertEqual(len(lab.run("curl", "-sS", lab.url(server, "/download/20000000"), text=False).stdout), 20_000_000)
        before = int(lab.run("cat", f"/sys/class/net/{lab.interface}/statistics/tx_packets").stdout)
        file = self.source("x" * 9_000_000, suffix=".txt")
        self.assertIn('"bytes":9000000', lab.run("curl", "-sS", "--data-binary", f"@{file}", lab.url(server, "/upload")).stdout)
        # In few frames: not in pieces of 1500.
        sent = int(lab.run("cat", f"/sys/class/net/{lab.interface}/statistics/tx_packets").stdout) - before
        self.assertLess(sent, 9_000_000 // 4000)
