# SPDX-License-Identifier: Apache-2.0
"""Many clients at once, and clients that behave badly, while a good one is served."""

import os
import random
import resource
import selectors
import socket
import struct
import time

from lab import CLIENT_ADDRESS, SERVER_ADDRESS, on_each_transport, wait_until

REQUEST = b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"
ANSWER = b"Hello, World!\n"


def raise_file_limit(count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        return False
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))
    return True


@on_each_transport()
class Crowds:
    def setUp(self):
        super().setUp()
        self.assertTrue(raise_file_limit(15_000), "15,000 open files are not allowed here")
        self.server = self.program("kitchen.mjs", "8080" if self.lab.transport != "kernel" else "0")

    def open_many(self, count):
        """`count` connected sockets, opened a hundred at a time."""
        clients, selector = [], selectors.DefaultSelector()
        self.addCleanup(selector.close)
        self.addCleanup(lambda: [client.close() for client in clients])
        with self.lab.inside():
            waiting = 0
            while len(clients) < count or waiting:
                while len(clients) < count and waiting < 100:
                    client = socket.socket()
                    client.setblocking(False)
                    client.connect_ex((self.lab.address, self.server.port))
                    clients.append(client)
                    selector.register(client, selectors.EVENT_WRITE)
                    waiting += 1
                ready = selector.select(10)
                self.assertTrue(ready, f"no connection was established for 10 s; {len(clients)} were begun")
                for key, _ in ready:
                    self.assertEqual(key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), 0)
                    selector.unregister(key.fileobj)
                    waiting -= 1
        return clients

    def serve_all(self, clients):
        """Each client gets the whole answer to one request."""
        selector = selectors.DefaultSelector()
        self.addCleanup(selector.close)
        received = {}
        for client in clients:
            client.setblocking(False)
            self.assertEqual(client.send(REQUEST), len(REQUEST))
            selector.register(client, selectors.EVENT_READ)
            received[client] = b""
        left = len(clients)
        while left:
            ready = selector.select(20)
            self.assertTrue(ready, f"{left} of {len(clients)} clients have no answer after 20 s")
            for key, _ in ready:
                client = key.fileobj
                piece = client.recv(4096)
                self.assertTrue(piece, "the server closed a connection")
                received[client] += piece
                if received[client].endswith(ANSWER):
                    selector.unregister(client)
                    left -= 1

    def good_client(self):
        connection = self.lab.http(self.server, limit_s=20)
        connection.request("GET", "/hello")
        self.assertEqual(connection.getresponse().read(), ANSWER)
        connection.close()

    def test_ten_thousand_connections(self):
        clients = self.open_many(10_000)
        self.serve_all(clients)
        self.serve_all(random.Random(1).sample(clients, 2_000))

    def test_a_thousand_stalled_clients(self):
        stalled = self.open_many(1_000)
        for number, client in enumerate(stalled):
            client.send(REQUEST[:1 + number % (len(REQUEST) - 1)])
        for _ in range(20):
            self.good_client()
        for number, client in enumerate(stalled):
            client.send(REQUEST[1 + number % (len(REQUEST) - 1):])
        selector = selectors.DefaultSelector()
        for client in stalled:
            selector.register(client, selectors.EVENT_READ)
        left = len(stalled)
        while left:
            ready = selector.select(20)
            self.assertTrue(ready, f"{left} stalled clients were forgotten")
            for key, _ in ready:
                self.assertIn(b"200 OK", key.fileobj.recv(4096))
                selector.unregister(key.fileobj)
                left -= 1
        selector.close()

    def test_aborts_in_every_state(self):
        reset = struct.pack("ii", 1, 0)
        upload = b"POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 5000
        chunked = b"POST /upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n" + b"x" * 700
        states = [b"", b"G", REQUEST[:20], REQUEST, REQUEST * 5, upload, chunked,
                  b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /download/50000000 HTTP/1.1\r\nHost: x\r\n\r\n"]
        for repetition in range(5):
            for state in states:
                for how in ("reset", "close", "half-close"):
                    with self.lab.connect(self.server.port) as client:
                        if state:
                            client.sendall(state)
                        if b"download" in state:
                            client.recv(1000)
                        if how == "half-close":
                            client.shutdown(socket.SHUT_WR)
                        elif how == "reset":
                            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
            self.good_client()
        self.assertIsNone(self.server.process.poll())


@on_each_transport("tap", "veth")
class Floods:
    def setUp(self):
        super().setUp()
        self.server = self.program("kitchen.mjs", "8080")

    def test_a_client_is_served_during_a_syn_flood(self):
        connection = self.lab.http(self.server, limit_s=30)
        connection.request("GET", "/hello")
        self.assertEqual(connection.getresponse().read(), ANSWER)
        # Sources that answer nothing: addresses of this namespace's own network that nobody has.
        with self.lab.inside():
            raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self.addCleanup(raw.close)
        generator = random.Random(7)
        served = 0
        for burst in range(40):
            for _ in range(1_000):
                packet = syn(f"10.91.0.{generator.randrange(10, 250)}", SERVER_ADDRESS, generator.randrange(1024, 65535), 8080, generator)
                try:
                    raw.sendto(packet, (SERVER_ADDRESS, 0))
                except OSError:
                    pass  # the device's queue is full: as much of a flood as it takes
            connection.request("GET", "/hello")
            self.assertEqual(connection.getresponse().read(), ANSWER)
            if burst % 10 == 9:
                fresh = self.lab.http(self.server, limit_s=30)
                fresh.request("GET", "/hello")
                self.assertEqual(fresh.getresponse().read(), ANSWER)
                fresh.close()
                served += 1
        self.assertEqual(served, 4)


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def syn(source, destination, source_port, destination_port, generator):
    a, b = socket.inet_aton(source), socket.inet_aton(destination)
    tcp = struct.pack("!HHIIBBHHHBBH", source_port, destination_port, generator.randrange(2**32), 0, 6 << 4, 2, 64240, 0, 0, 2, 4, 1460)
    pseudo = a + b + struct.pack("!BBH", 0, 6, len(tcp))
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), generator.randrange(65536), 0, 64, 6, 0, a, b)
    return ip + tcp
