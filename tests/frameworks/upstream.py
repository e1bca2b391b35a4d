# SPDX-License-Identifier: Apache-2.0
"""What proxies and clients of the cases talk to: a small HTTP server. Prints "listening on PORT"."""

import gzip
import http.server
import sys

_flaky = [0]


class Upstream(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body, **fields):
        self.send_response(status)
        self.send_header("X-Upstream", "yes")
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        path = self.path.split("?")[0]
        if path == "/hello":
            self.answer(200, b"hello", Content_Type="text/plain")
        elif path == "/gzip":
            self.answer(200, gzip.compress(b"y" * 100_000), Content_Type="text/plain", Content_Encoding="gzip")
        elif path == "/large":
            self.answer(200, b"z" * 2_000_000, Content_Type="application/octet-stream")
        elif path == "/redirect":
            self.answer(302, b"", Location="/hello")
        elif path.startswith("/status/"):
            self.answer(int(path[8:]), b"as asked", Content_Type="text/plain")
        elif path == "/flaky":
            _flaky[0] += 1
            self.answer(200 if _flaky[0] % 2 == 0 else 503, b"now", Content_Type="text/plain")
        elif path == "/never":
            # Until the client gives up.
            self.connection.settimeout(10)
            self.connection.recv(1)
            self.close_connection = True
        else:
            self.answer(404, b"nothing here", Content_Type="text/plain")

    do_HEAD = do_GET

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        pieces = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def do_POST(self):
        body = self.body()
        if self.path == "/multipart":
            boundary = self.headers["Content-Type"].split("boundary=")[1].encode()
            parts = body.count(b"--" + boundary + b"\r\n")
            self.answer(200, b'{"parts":%d}' % parts, Content_Type="application/json")
        else:
            self.answer(200, body, Content_Type=self.headers.get("Content-Type", "application/octet-stream"))

    def log_message(self, *arguments):
        pass


if __name__ == "__main__":
    server = http.server.ThreadingHTTPServer((sys.argv[1], 0), Upstream)
    server.daemon_threads = True
    print(f"listening on {server.server_address[1]}", flush=True)
    server.serve_forever()
