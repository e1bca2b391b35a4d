# SPDX-License-Identifier: Apache-2.0
"""Several data cores: connections are spread, each core answers, and what a core asks for comes back to it."""

import os
import re
import unittest

from lab import PROGRAMS, on_each_transport, wait_until

PROXY = """
import { serve, proxy } from 'sluice:http';
serve({ port: Number(process.argv[2]) }, (req, res) => proxy(req, res, process.argv[3]));
"""


@on_each_transport("kernel", "tap", "tap6")
class TwoCores:
    def setUp(self):
        if len(os.sched_getaffinity(0)) < 2:
            raise unittest.SkipTest("two processors are needed for two data cores")
        super().setUp()

    def port(self):
        return "8080" if self.lab.transport != "kernel" else "0"

    def ask_on_new_connections(self, server, count, path, expected):
        for _ in range(count):
            connection = self.lab.http(server)
            connection.request("GET", path)
            response = connection.getresponse()
            self.assertEqual((response.status, response.read()), (200, expected))
            connection.close()

    def test_connections_are_spread_over_the_cores(self):
        server = self.lab.start("--cores", "2", "--admin", "127.0.0.1:0", PROGRAMS / "kitchen.mjs", self.port())
        metrics = server.wait_for(r"metrics on (http://\S+)").group(1)

        def counted(expected):
            def look():
                text = self.lab.run("curl", "-sS", metrics).stdout
                counts = {core: int(count) for core, count in re.findall(r'^sluice_http_requests_total\{core="(\d)"\} (\d+)', text, re.M)}
                return sum(counts.values()) == expected and counts

            return wait_until(look, 20, f"{expected} counted requests")

        # The second core comes up after the first one has begun to listen, so the first connections may all be its.
        before = {}
        for asked in range(64, 64 * 6, 64):
            self.ask_on_new_connections(server, 64, "/hello", b"Hello, World!\n")
            seen = counted(asked)
            of_these = [seen[core] - before.get(core, 0) for core in ("0", "1")]
            if min(of_these) > 3:
                return
            before = seen
        self.fail(f"nearly all went to one core: {of_these} of the last 64")

    def test_what_a_core_asks_upstream_comes_back_to_it(self):
        host = "127.0.0.1" if self.lab.transport == "kernel" else self.lab.in_url(self.lab.client_address)
        upstream = self.lab.background("python3", "-c", UPSTREAM)
        upstream_port = upstream.wait_for(r"port (\d+)").group(1)
        server = self.lab.start("--cores", "2", self.source(PROXY), self.port(), f"http://{host}:{upstream_port}")
        self.ask_on_new_connections(server, 40, "/", b"from upstream")


UPSTREAM = """
import http.server, socket
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"  # a connection for each request
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "13")
        self.end_headers()
        self.wfile.write(b"from upstream")
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer.address_family = socket.AF_INET6
server = http.server.ThreadingHTTPServer(("::", 0), Handler)
print("port", server.server_address[1], flush=True)
server.serve_forever()
"""
