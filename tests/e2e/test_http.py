# SPDX-License-Identifier: Apache-2.0
"""HTTP as real clients speak it, on each transport."""

import json
import os
import socket
import struct
import tempfile

from lab import need_program, on_each_transport, wait_until


def pattern(size):
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def read_response(stream):
    """Status, headers and body of one response from a binary file object."""
    line = stream.readline()
    if not line:
        return None
    status = int(line.split()[1])
    headers = {}
    while (line := stream.readline().strip()):
        name, value = line.split(b":", 1)
        headers[name.decode().lower()] = value.strip().decode()
    if headers.get("transfer-encoding") == "chunked":
        body = b""
        while (size := int(stream.readline().split(b";")[0], 16)):
            body += stream.read(size)
            stream.readline()
        stream.readline()
    else:
        body = stream.read(int(headers.get("content-length", 0)))
    return status, headers, body


@on_each_transport("kernel", "tap", "veth", "tap6")
class Clients:
    def setUp(self):
        super().setUp()
        self.server = self.program("kitchen.mjs", "8080" if self.lab.transport != "kernel" else "0")

    def url(self, path):
        return self.lab.url(self.server, path)

    def test_curl_get_twice_on_one_connection(self):
        done = self.lab.run("curl", "-sS", "-w", "%{http_code} %{num_connects}\n", self.url("/hello"), self.url("/hello"))
        self.assertEqual(done.stdout, "Hello, World!\n200 1\nHello, World!\n200 0\n")

    def test_curl_head(self):
        done = self.lab.run("curl", "-sSI", self.url("/hello"))
        self.assertIn("HTTP/1.1 200 OK", done.stdout)
        self.assertRegex(done.stdout.lower(), r"content-length: 14")
        self.assertRegex(done.stdout.lower(), r"date: \w{3}, \d{2} \w{3} \d{4} \d{2}:\d{2}:\d{2} gmt")

    def test_curl_post_with_expect_continue(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(pattern(3_000_000))
            file.flush()
            done = self.lab.run("curl", "-sS", "-v", "-H", "Expect: 100-continue", "--data-binary", "@" + file.name, self.url("/upload"))
        self.assertEqual(json.loads(done.stdout), {"bytes": 3_000_000, "wrong": 0})
        self.assertIn("100 Continue", done.stderr)

    def test_curl_chunked_upload_and_download(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(pattern(500_000))
            file.flush()
            done = self.lab.run("curl", "-sS", "-H", "Transfer-Encoding: chunked", "--data-binary", "@" + file.name, self.url("/upload"))
        self.assertEqual(json.loads(done.stdout), {"bytes": 500_000, "wrong": 0})
        self.assertEqual(self.lab.run("curl", "-sS", self.url("/chunks")).stdout, "one,two,three")

    def test_wget(self):
        need_program("wget", "wget")
        done = self.lab.run("wget", "-q", "-O", "-", self.url("/download/100000"), text=False)
        self.assertEqual(done.stdout, pattern(100_000))

    def test_python_http_client(self):
        connection = self.lab.http(self.server)
        for size in (0, 1, 1000, 70_000):
            connection.request("POST", "/echo", body=pattern(size), headers={"Content-Type": "x/y"})
            response = connection.getresponse()
            self.assertEqual((response.status, response.getheader("Content-Type")), (200, "x/y"))
            self.assertEqual(response.read(), pattern(size))
        connection.request("GET", "/headers", headers={"X-One": "1", "Accept": "a/b"})
        seen = json.loads(connection.getresponse().read())
        self.assertEqual((seen["method"], seen["url"], seen["headers"]["x-one"], seen["headers"]["accept"]), ("GET", "/headers", "1", "a/b"))
        connection.close()

    def test_wrk(self):
        need_program("wrk", "wrk")
        done = self.lab.run("wrk", "-t1", "-c50", "-d2s", self.url("/hello"))
        self.assertNotIn("Socket errors", done.stdout)
        self.assertNotIn("Non-2xx", done.stdout)
        self.assertRegex(done.stdout, r"[1-9]\d+ requests in")

    def test_pipelined_responses_come_in_order(self):
        with self.lab.connect(self.server.port) as client:
            client.sendall(b"".join(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path for path in (b"/slow", b"/hello", b"/nothing", b"/hello")))
            stream = client.makefile("rb")
            self.assertEqual([read_response(stream)[::2] for _ in range(4)],
                             [(200, b"slow"), (200, b"Hello, World!\n"), (404, b"not found"), (200, b"Hello, World!\n")])

    def test_head_that_comes_byte_by_byte(self):
        with self.lab.connect(self.server.port) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in b"GET /hello HTTP/1.1\r\nHost: x\r\nX-Long: abcdef\r\n\r\n":
                client.sendall(bytes([byte]))
            self.assertEqual(read_response(client.makefile("rb"))[2], b"Hello, World!\n")

    def test_malformed_requests_are_refused_and_others_go_on(self):
        cases = {
            b"GET / HTTP/1.1\nHost: x\n\n": 400,
            b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab": 400,
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n": 400,
            b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n": 400,
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n": 400,
            b"GET / HTTP/1.1\r\n\r\n": 400,
            b"GET / HTTP/3.7\r\nHost: x\r\n\r\n": 505,
            b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n": 414,
            b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 70_000 + b"\r\n\r\n": 431,
            b"POST /echo HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\nContent-Length: 1\r\n\r\n": 417,
        }
        witness = self.lab.http(self.server)
        for request, expected in cases.items():
            with self.subTest(request=request[:60]), self.lab.connect(self.server.port) as client:
                client.sendall(request)
                stream = client.makefile("rb")
                status, headers, _ = read_response(stream)
                self.assertEqual(status, expected)
                self.assertEqual(headers.get("connection"), "close")
                self.assertEqual(stream.read(), b"")
            witness.request("GET", "/hello")
            self.assertEqual(witness.getresponse().read(), b"Hello, World!\n")

    def test_an_error_in_a_handler_is_a_500_and_is_reported(self):
        connection = self.lab.http(self.server)
        connection.request("GET", "/throw")
        response = connection.getresponse()
        self.assertEqual(response.status, 500)
        response.read()
        self.server.wait_for(r"thrown on purpose")
        self.server.wait_for(r"kitchen\.mjs:\d+")
        self.assertEqual(self.lab.run("curl", "-sS", self.url("/hello")).stdout, "Hello, World!\n")

    def test_a_half_closed_client_gets_its_response(self):
        with self.lab.connect(self.server.port) as client:
            client.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
            client.shutdown(socket.SHUT_WR)
            stream = client.makefile("rb")
            status, _, body = read_response(stream)
            self.assertEqual((status, body), (200, b"slow"))
            self.assertEqual(stream.read(), b"")

    def test_a_reset_behind_a_half_close_aborts_the_request(self):
        witness = self.lab.http(self.server)

        def gone():
            witness.request("GET", "/gone")
            return int(witness.getresponse().read())

        client = self.lab.connect(self.server.port)
        client.sendall(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_until(lambda: self._count(witness) >= 2, 10, "the request that waits")
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(gone(), 0)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        wait_until(lambda: gone() == 1, 10, "the abort of the request")

    def test_sigterm_does_not_wait_for_a_client_that_says_nothing(self):
        with self.lab.connect(self.server.port) as client:
            client.sendall(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
            stream = client.makefile("rb")
            self.assertEqual(read_response(stream)[0], 200)
            self.server.signal(15)
            self.assertEqual(stream.read(), b"")
            self.assertEqual(self.server.wait(), 0)  # while the client keeps its side open

    def test_sigterm_lets_requests_finish_and_exits_0(self):
        with self.lab.connect(self.server.port) as client:
            client.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
            stream = client.makefile("rb")
            connection = self.lab.http(self.server)
            wait_until(lambda: self._count(connection) >= 2, 10, "the slow request")
            self.server.signal(15)
            status, _, body = read_response(stream)
            self.assertEqual((status, body), (200, b"slow"))
        self.assertEqual(self.server.wait(), 0)

    def _count(self, connection):
        connection.request("GET", "/count")
        return int(connection.getresponse().read())
