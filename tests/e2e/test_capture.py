# SPDX-License-Identifier: Apache-2.0
"""Captures of what goes over a port, as an operator takes them and other tools read them."""

import re
import shutil
import signal

from lab import CLIENT_ADDRESS, LabTest, PROGRAMS, SERVER_ADDRESS, on_each_transport


@on_each_transport("tap", "veth")
class Captures:
    def folder(self):
        return self.source("").parent

    def read(self, file):
        """What tcpdump says of each packet, where it is installed; the bare bytes in any case."""
        if shutil.which("tcpdump"):
            done = self.lab.run("tcpdump", "-Z", "root", "-nn", "-r", file)
            self.assertNotIn("truncated", done.stderr)
            return done.stdout.splitlines(), file.read_bytes()
        return None, file.read_bytes()

    def test_from_the_command_line_to_the_end(self):
        file = self.folder() / "all.pcapng"
        server = self.lab.start("--capture", f"{file},port=8080", PROGRAMS / "kitchen.mjs", "8080")
        self.lab.run("curl", "-sS", "-H", "Mark: captured", self.lab.url(server, "/hello"))
        server.signal(signal.SIGTERM)
        self.assertEqual(server.wait(), 0)
        lines, content = self.read(file)
        self.assertIn(b"Mark: captured", content)
        self.assertIn(b"Hello, World!", content)
        if lines:
            there = re.escape(f" {CLIENT_ADDRESS}.") + r"\d+ > " + re.escape(f"{SERVER_ADDRESS}.8080: Flags ")
            back = re.escape(f" {SERVER_ADDRESS}.8080 > {CLIENT_ADDRESS}.")
            self.assertRegex("\n".join(lines), there + r"\[S\]")
            self.assertRegex("\n".join(lines), back + r"\d+: Flags \[S\.\]")
            for line in lines:
                self.assertRegex(line, f"{there}|{back}", "only what was asked for")

    def test_one_connection_while_others_go_on(self):
        folder = self.folder()
        file = folder / "one.pcapng"
        server = self.lab.start("--admin", "127.0.0.1:0", PROGRAMS / "kitchen.mjs", "8080")
        admin = server.wait_for(r"metrics on (http://\S+)/metrics").group(1) + "/capture"

        def capture(method, query="", status=200):
            done = self.lab.run("curl", "-sS", "-g", "-X", method, "-w", "%{http_code}", admin + query).stdout
            self.assertEqual(done[-3:], str(status), done)
            return done[:-3]

        wanted, other = self.lab.http(server), self.lab.http(server)

        def ask(connection, mark):
            connection.request("GET", "/hello", headers={"Mark": mark})
            self.assertEqual(connection.getresponse().read(), b"Hello, World!\n")

        ask(wanted, "too-early")
        self.assertEqual(capture("GET"), "no capture\n")
        own_port = wanted.sock.getsockname()[1]
        self.assertEqual(capture("POST", f"?{file},port={own_port},host={CLIENT_ADDRESS}"), f"capturing to {file}\n")
        self.assertIn("runs already", capture("POST", f"?{folder}/two.pcapng", 409))
        ask(wanted, "in-time")
        ask(other, "of-another")
        self.assertRegex(capture("DELETE"), rf"^captured to {file}: \d+ frames, \d+ bytes, 0 dropped\n$")
        ask(wanted, "too-late")
        lines, content = self.read(file)
        self.assertIn(b"Mark: in-time", content)
        for absent in (b"too-early", b"of-another", b"too-late"):
            self.assertNotIn(absent, content)
        if lines:
            self.assertGreaterEqual(len(lines), 2)
        # What may go wrong, each with its reason.
        self.assertIn("no capture runs", capture("DELETE", status=409))
        self.assertIn("File exists", capture("POST", f"?{file}", 409))
        self.assertIn("whole path", capture("POST", "?here.pcapng", 400))
        self.assertIn("host=nobody", capture("POST", f"?{folder}/x,host=nobody", 400))
        self.assertIn("eth7", capture("POST", f"?{folder}/x,interface=eth7", 409))
        done = self.lab.run("curl", "-sS", "-X", "POST", "-H", "Origin: http://example.org", f"{admin}?{folder}/x").stdout
        self.assertEqual(done, "not for web pages\n")
        self.assertFalse((folder / "x").exists())

    def test_on_two_cores(self):
        if self.lab.transport != "tap":
            self.skipTest("a port of one queue")
        file = self.folder() / "both.pcapng"
        server = self.lab.start("--cores", "2", "--capture", f"{file}", PROGRAMS / "kitchen.mjs", "8080")
        for number in range(32):
            self.lab.run("curl", "-sS", "-H", f"Mark: number-{number}.", self.lab.url(server, "/hello"))
        server.signal(signal.SIGTERM)
        self.assertEqual(server.wait(), 0)
        _, content = self.read(file)
        for number in range(32):
            self.assertIn(f"Mark: number-{number}.".encode(), content)


class KernelTransport(LabTest):
    def test_there_is_no_port_to_capture_from(self):
        server = self.lab.start("--capture", "/tmp/not-made.pcapng", PROGRAMS / "kitchen.mjs", "0", ready=None)
        server.wait_for(r"--capture: the kernel transport has no ports of ours; tcpdump captures there")
        self.assertEqual(server.wait(), 2)
