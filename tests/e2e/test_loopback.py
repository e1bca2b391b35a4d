# SPDX-License-Identifier: Apache-2.0
"""A program that talks to itself: 127.0.0.1 and its own addresses are inside the process, also on bypass."""

import os
import unittest

from lab import ROOT, SERVER_ADDRESS, on_each_transport

# Asks its own servers by each name they have, then a port at which nobody listens.
SELF = """
import { serve } from 'sluice:http';
const [port, own] = process.argv.slice(2);
const local = serve({ hostname: '127.0.0.1', port: Number(port) }, (req, res) => res.end('local ' + req.url));
const any = serve({ hostname: '0.0.0.0', port: Number(port) && Number(port) + 1 }, (req, res) => res.end('x'.repeat(300000)));
const ask = async (url) => (await (await fetch(url)).text());
const answers = [await ask(`http://127.0.0.1:${local.port}/a`), await ask(`http://localhost:${local.port}/b`)];
for (const host of ['127.0.0.1', own]) answers.push((await ask(`http://${host}:${any.port}/`)).length);
try {
  await fetch('http://127.0.0.1:9/');
} catch (error) {
  answers.push((error.cause ?? error).code);
}
console.log(`answers: ${answers.join(' | ')}`);
"""
EXPECTED = "answers: local /a | local /b | 300000 | 300000 | ECONNREFUSED"


@on_each_transport()
class Loopback:
    def own_address(self):
        return "127.0.0.1" if self.lab.transport == "kernel" else SERVER_ADDRESS

    def port(self):
        return "0" if self.lab.transport == "kernel" else "8080"

    def test_a_program_reaches_itself(self):
        server = self.lab.start(self.source(SELF), self.port(), self.own_address(), ready=None)
        server.wait_for(EXPECTED.replace("|", r"\|"))

    def test_so_it_does_on_each_of_several_cores(self):
        if self.lab.transport == "veth" or len(os.sched_getaffinity(0)) < 2:
            raise unittest.SkipTest("needs two processors and a port of two queues")
        server = self.lab.start("--cores", "2", self.source(SELF), self.port(), self.own_address(), ready=None)
        server.wait_for("(?s)" + EXPECTED.replace("|", r"\|") + ".*" + EXPECTED.replace("|", r"\|"))

    def test_an_example_that_binds_127_0_0_1(self):
        server = self.lab.start(ROOT / "examples/hello.js", self.port(), ready=r"listening on http://127\.0\.0\.1:(\d+)")
        if self.lab.transport == "kernel":
            self.assertEqual(self.lab.run("curl", "-sS", self.lab.url(server)).stdout, "Hello from Sluice\n")
            return
        # Inside the process, and it says so: from outside nobody is there.
        said = server.wait_for(r"127\.0\.0\.1 is inside this process only.*reachable at (\S+)")
        self.assertEqual(said.group(1), f"http://{SERVER_ADDRESS}:{server.port}")
        self.assertEqual(self.lab.run("curl", "-sS", "--max-time", "10", self.lab.url(server), check=False).returncode, 7)
