# SPDX-License-Identifier: Apache-2.0
"""What an operator does and sees: reload, watchdog, heap limit, metrics, idle CPU, bad configuration."""

import errno
import pathlib
import re
import select
import signal
import socket
import subprocess
import time
import unittest

from lab import LabTest, PROGRAMS, SLUICE, need_root, on_each_transport, wait_until


@on_each_transport()
class Operation:
    def port(self):
        return "8080" if self.lab.transport != "kernel" else "0"

    def get(self, server, path="/", check=True):
        return self.lab.run("curl", "-sS", "--max-time", "20", self.lab.url(server, path), check=check).stdout

    def test_reload_drops_no_connection(self):
        program = self.source("""
import { serve } from 'sluice:http';
serve({ port: Number(process.argv[2]), hostname: '0.0.0.0' }, (req, res) => res.end('first'));
""")
        server = self.lab.start(program, self.port())
        connection = self.lab.http(server)

        def ask():
            connection.request("GET", "/")
            return connection.getresponse().read()

        self.assertEqual(ask(), b"first")
        program.write_text(program.read_text().replace("first", "second"))
        server.signal(signal.SIGHUP)
        answers = set()

        def changed():
            answers.add(ask())
            return b"second" in answers

        wait_until(changed, 20, "the new program")
        self.assertLessEqual(answers, {b"first", b"second"})
        # A program that does not load leaves the old one in place.
        program.write_text("syntax error here")
        server.signal(signal.SIGHUP)
        server.wait_for(r"SyntaxError")
        self.assertEqual(ask(), b"second")

    def test_reload_under_load_loses_no_request(self):
        program = self.source("""
import { serve } from 'sluice:http';
serve({ port: Number(process.argv[2]), hostname: '0.0.0.0' }, (req, res) => res.end('ok'));
""")
        server = self.lab.start(program, self.port())
        load = self.lab.background("wrk", "-t1", "-c50", "-d5s", self.lab.url(server))
        for _ in range(4):
            time.sleep(1)  # the load's own clock: reloads are spread over it
            server.signal(signal.SIGHUP)
        load.wait()
        self.assertNotIn("Socket errors", load.output())
        self.assertNotIn("Non-2xx", load.output())

    def test_an_endless_loop_is_ended_and_the_program_comes_back(self):
        program = self.source("""
import { serve } from 'sluice:http';
serve({ port: Number(process.argv[2]), hostname: '0.0.0.0' }, (req, res) => {
  if (req.url === '/loop') for (;;);
  res.end('alive');
});
""")
        server = self.lab.start("--watchdog-ms", "300", program, self.port())
        self.assertEqual(self.get(server), "alive")
        self.get(server, "/loop", check=False)
        server.wait_for(r"(?s)300 ms without returning.*program\.mjs:4")
        self.assertEqual(self.get(server), "alive")
        self.assertIsNone(server.process.poll())

    def test_connections_beyond_the_limit_wait_for_their_turn(self):
        program = self.source("""
import { serve } from 'sluice:http';
serve({ port: Number(process.argv[2]), hostname: '0.0.0.0', maxConnections: 2 }, (req, res) => res.end('served'));
""")
        server = self.lab.start(program, self.port())
        served = [self.lab.http(server) for _ in range(2)]
        for connection in served:
            connection.request("GET", "/")
            self.assertEqual(connection.getresponse().read(), b"served")
        with self.lab.inside():
            third = socket.socket()
        with third:
            third.setblocking(False)
            self.assertIn(third.connect_ex((self.lab.address, server.port)), (0, errno.EINPROGRESS))
            served[0].close()
            third.settimeout(30)
            self.assertTrue(select.select([], [third], [], 30)[1])
            third.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            self.assertTrue(third.makefile("rb").read().endswith(b"served"))

    def test_without_half_open_connections_a_fin_aborts_the_request(self):
        program = self.source("""
import { serve } from 'sluice:http';
const seen = [];
serve({ port: Number(process.argv[2]), hostname: '0.0.0.0', allowHalfOpen: false }, async (req, res) => {
  if (req.url === '/seen') return res.end(seen.join());
  req.on('aborted', () => seen.push('aborted'));
  req.on('close', () => seen.push('close'));
  await new Promise(() => {});
});
""")
        server = self.lab.start(program, self.port())
        with self.lab.connect(server.port) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(client.recv(1), b"")
        wait_until(lambda: self.get(server, "/seen") == "aborted,close", 10, "the events of the request")

    def test_a_full_heap_ends_the_isolate_only(self):
        program = self.source("""
import { serve } from 'sluice:http';
const kept = [];
serve({ port: Number(process.argv[2]), hostname: '0.0.0.0' }, (req, res) => {
  if (req.url === '/fill') for (;;) kept.push(new Array(1000).fill({ a: kept.length }));
  res.end('alive');
});
""")
        server = self.lab.start("--heap-mb", "64", program, self.port())
        self.assertEqual(self.get(server), "alive")
        self.get(server, "/fill", check=False)
        server.wait_for(r"(?i)heap")
        self.assertEqual(self.get(server), "alive")
        self.assertIsNone(server.process.poll())

    def test_idle_cpu(self):
        server = self.program("kitchen.mjs", self.port())
        connection = self.lab.http(server)
        connection.request("GET", "/hello")
        connection.getresponse().read()
        time.sleep(1)  # settles
        before = server.cpu_seconds()
        time.sleep(5)  # the span over which CPU time is counted
        used = server.cpu_seconds() - before
        self.assertLess(used, 0.1, "more than 2 % of a CPU while idle")


def need_hugepages(ports):
    free = sum(int((folder / "free_hugepages").read_text()) * int(folder.name[10:-2]) // 1024
               for folder in pathlib.Path("/sys/kernel/mm/hugepages").glob("hugepages-*kB"))
    if free < 512 * ports:
        raise unittest.SkipTest(f"{ports} virtio ports need {512 * ports} MB of free hugepages")


class PortsWithoutInterrupt(LabTest):
    """Two processes joined by shared memory: nothing wakes a core when a frame comes, so it looks now and then."""

    lab_name = "isolated"

    def test_idle_cpu(self):
        need_root("a virtio_user port")
        need_hugepages(2)
        program = self.source("import { serve } from 'sluice:http'; serve({ port: 8080 }, (req, res) => res.end('awake'));")
        asking = self.source("""
const ask = async () => console.log(await (await fetch('http://192.0.2.2:8080/')).text());
await ask();
process.on('SIGHUP', ask);
setInterval(() => {}, 1e9);
""")
        wire = program.parent / "wire"
        server = self.lab.start("--port", f"virtio_user:{wire},address=192.0.2.2/24,arguments=server=1", program, ready=None)
        wait_until(wire.exists, 30, "the socket of the port")
        client = self.lab.start("--port", f"vhost:{wire},address=192.0.2.1/24,arguments=client=1", asking, ready=r"awake")
        ends = {"virtio_user": server, "vhost": client}
        time.sleep(1)  # settles
        before = {name: end.cpu_seconds() for name, end in ends.items()}
        time.sleep(5)  # the span over which CPU time is counted
        for name, end in ends.items():
            self.assertLess(end.cpu_seconds() - before[name], 0.1, f"more than 2 % of a CPU while idle on {name}")
        client.signal(signal.SIGHUP)
        client.wait_for(r"awake\s+awake")


class WaitingPort(LabTest):
    def test_sigterm_while_a_port_waits_for_its_other_end(self):
        need_root("a virtio_user port")
        need_hugepages(1)
        program = self.source("import { serve } from 'sluice:http'; serve({ port: 8080 }, () => {});")
        wire = program.parent / "wire"
        server = self.lab.start("--port", f"virtio_user:{wire},address=192.0.2.2/24,arguments=server=1", program, ready=None)
        wait_until(wire.exists, 30, "the socket of the port")
        server.signal(signal.SIGTERM)
        self.assertEqual(server.wait(10), -signal.SIGTERM)


class Metrics(LabTest):
    def test_prometheus_text(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            admin = probe.getsockname()[1]
        server = self.lab.start("--admin", f"127.0.0.1:{admin}", PROGRAMS / "kitchen.mjs", "0", "127.0.0.1")
        for _ in range(5):
            self.lab.run("curl", "-sS", self.lab.url(server, "/hello"))
        self.lab.run("curl", "-sS", self.lab.url(server, "/nothing"))

        def metrics():
            return self.lab.run("curl", "-sS", f"http://127.0.0.1:{admin}/metrics").stdout

        def value(text, pattern):
            return sum(float(number) for number in re.findall(rf"^{pattern} ([0-9.e+]+)$", text, re.M))

        wait_until(lambda: value(metrics(), r"sluice_http_requests_total\{[^}]*\}") >= 6, 10, "six counted requests")
        text = metrics()
        self.assertGreaterEqual(value(text, r'sluice_http_responses_total\{[^}]*class="2xx"[^}]*\}'), 5)
        self.assertGreaterEqual(value(text, r'sluice_http_responses_total\{[^}]*class="4xx"[^}]*\}'), 1)
        for name in ("sluice_http_request_duration_seconds_bucket", "sluice_gc", "sluice_heap"):
            self.assertIn(name, text)
        for line in text.splitlines():
            self.assertRegex(line, r"^(# (HELP|TYPE) .*|[a-zA-Z_:][a-zA-Z0-9_:]*(\{[^}]*\})? [-+0-9.eEInfNa]+)$")


class BadConfiguration(LabTest):
    def refused(self, *arguments):
        done = subprocess.run([SLUICE, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=30)
        self.assertNotEqual(done.returncode, 0)
        lines = done.stderr.strip().splitlines()
        self.assertEqual(len(lines), 1, done.stderr)
        return lines[0]

    def test_one_clear_line(self):
        file = self.source('transport = "kernel"\n[http]\nidle_timeout = "soon"\n', ".toml")
        line = self.refused("--config", file, "x.js")
        self.assertRegex(line, r"program\.toml:3:\d+: .*idle_timeout")
        line = self.refused("--transport", "bypass", "--port", "tap:sl0,address=10.91.0.300/24", "x.js")
        self.assertIn("10.91.0.300/24", line)
        self.assertIn("--transprot", self.refused("--transprot", "kernel", "x.js"))

    def test_a_port_in_use(self):
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", 0))
            holder.listen()
            port = holder.getsockname()[1]
            program = self.source(f"import {{ serve }} from 'sluice:http'; serve({{ port: {port}, hostname: '127.0.0.1' }}, () => {{}});")
            done = subprocess.run([SLUICE, program], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=30)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("EADDRINUSE", done.stderr)
        self.assertIn(str(port), done.stderr)
