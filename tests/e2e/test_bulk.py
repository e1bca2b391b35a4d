# SPDX-License-Identifier: Apache-2.0
"""Many bytes, byte-exact, on a clean wire and on one that loses frames.

SLUICE_BULK_BYTES sets the size; 1 GB unless CI says less.
"""

import json
import os
import threading

from lab import on_each_transport

BULK_BYTES = int(os.environ.get("SLUICE_BULK_BYTES", 1_000_000_000))
PERIOD = 251
PIECE = bytes(range(PERIOD)) * 4096


def pattern_at(offset, size):
    begin = offset % PERIOD
    return PIECE[begin:begin + size]


class Transfer:
    def setUp(self):
        super().setUp()
        self.server = self.program("kitchen.mjs", "8080" if self.lab.transport != "kernel" else "0")

    def download(self, size):
        connection = self.lab.http(self.server, limit_s=60)
        connection.request("GET", f"/download/{size}")
        response = connection.getresponse()
        self.assertEqual(response.status, 200)
        at = 0
        while (piece := response.read(256 * 1024)):
            if piece != pattern_at(at, len(piece)):
                self.fail(f"a wrong byte after {at}")
            at += len(piece)
        self.assertEqual(at, size)

    def upload(self, size):
        connection = self.lab.http(self.server, limit_s=120)
        connection.putrequest("POST", "/upload")
        connection.putheader("Content-Length", str(size))
        connection.endheaders()
        at = 0
        while at < size:
            count = min(256 * 1024, size - at)
            connection.send(pattern_at(at, count))
            at += count
        response = connection.getresponse()
        self.assertEqual(json.loads(response.read()), {"bytes": size, "wrong": 0})


@on_each_transport()
class CleanWire(Transfer):
    def test_download(self):
        self.download(BULK_BYTES)

    def test_upload(self):
        self.upload(BULK_BYTES)

    def test_both_ways_at_once(self):
        errors = []

        def guarded(function):
            try:
                function(BULK_BYTES // 10)
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=guarded, args=(f,)) for f in (self.download, self.upload, self.download, self.upload)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(errors, [])


@on_each_transport("tap6", "veth6")
class NarrowWire(Transfer):
    """IPv6, and the smallest MTU that it may have."""

    lab_mtu = 1280

    def test_both_ways(self):
        self.download(BULK_BYTES // 40)
        self.upload(BULK_BYTES // 40)


@on_each_transport("tap", "veth")
class LossyWire(Transfer):
    """2 % of the frames that the server sends are lost on their way to the client."""

    def setUp(self):
        super().setUp()
        self.lab.drop(self.lab.interface, 2)

    def test_download(self):
        self.download(BULK_BYTES)

    def test_upload(self):
        self.upload(BULK_BYTES)
