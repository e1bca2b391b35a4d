# SPDX-License-Identifier: Apache-2.0
"""What scripts see: sluice:http, sluice:net, fetch() and workers, over the kernel's loopback."""

import http.client
import json
import pathlib
import socket
import struct
import unittest

import lab

EXAMPLES = lab.ROOT / "examples"


def read_response(file):
    """One response from a raw socket's file: (status line, fields, body)."""
    status = file.readline().decode().rstrip("\r\n")
    fields = []
    while (line := file.readline().decode("latin-1").rstrip("\r\n")) != "":
        name, _, value = line.partition(": ")
        fields.append((name, value))
    lower = {name.lower(): value for name, value in fields}
    if lower.get("transfer-encoding") == "chunked":
        body = b""
        while (size := int(file.readline(), 16)) != 0:
            body += file.read(size)
            file.readline()
        while (line := file.readline().decode().rstrip("\r\n")) != "":
            name, _, value = line.partition(": ")
            fields.append((name, value))
    else:
        body = file.read(int(lower.get("content-length", 0)))
    return status, fields, body


class ApiCase(unittest.TestCase):
    program = lab.PROGRAMS / "api.mjs"
    arguments = ["0"]
    environment = {}
    ready = lab.LISTENING

    def setUp(self):
        self.lab = lab.KernelLab()
        self.addCleanup(self.lab.close)
        self.server = self.lab.start(self.program, *self.arguments, ready=self.ready, environment=self.environment)

    def ask(self, path, method="GET", body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)
        self.addCleanup(connection.close)
        connection.request(method, path, body, headers or {})
        return connection.getresponse()

    def json(self, path, *arguments, **options):
        return json.loads(self.ask(path, *arguments, **options).read())

    def raw(self, text):
        connection = self.lab.connect(self.server.port)
        self.addCleanup(connection.close)
        connection.sendall(text if isinstance(text, bytes) else text.encode())
        return connection, connection.makefile("rb")

    def state_when(self, condition):
        """What /state says once `condition` holds for it."""
        found = {}

        def look():
            found.clear()
            found.update(self.json("/state"))
            return condition(found)

        lab.wait_until(look, 10, f"a state (last: {found})")
        return found


class Requests(ApiCase):
    def test_what_a_handler_reads(self):
        seen = self.json("/request?a=b", "POST", "text", {"X-Mixed-Case": "Value", "Cookie": "a=1"})
        self.assertEqual(seen["method"], "POST")
        self.assertEqual(seen["url"], "/request?a=b")
        self.assertEqual(seen["headers"]["x-mixed-case"], "Value")
        self.assertIn("X-Mixed-Case", seen["rawHeaders"])
        self.assertEqual(seen["httpVersion"], "1.1")
        self.assertEqual(seen["remoteAddress"], "127.0.0.1")
        self.assertEqual(seen["localPort"], self.server.port)
        self.assertTrue(seen["hasBody"])
        self.assertEqual(seen["contentLength"], 4)
        self.assertEqual(seen["body"], "text")
        self.assertEqual(seen["host"], f"127.0.0.1:{self.server.port}")
        self.assertIsNone(seen["none"])

    def test_repeated_fields_are_put_together_as_node_does(self):
        text = ("GET /request HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nx-a: 2\r\nCookie: c=1\r\nCookie: d=2\r\nUser-Agent: one\r\n"
                "User-Agent: two\r\nSet-Cookie: s=1\r\n\r\n")
        for _ in range(4):  # the shape of the names is compiled on the way
            _, file = self.raw(text)
            headers = json.loads(read_response(file)[2])["headers"]
            self.assertEqual(headers["x-a"], "1, 2")
            self.assertEqual(headers["cookie"], "c=1; d=2")
            self.assertEqual(headers["user-agent"], "one")
            self.assertEqual(headers["set-cookie"], ["s=1"])

    def test_a_field_called_proto_is_harmless(self):
        for _ in range(3):
            _, file = self.raw("GET /request HTTP/1.1\r\nHost: a\r\n__proto__: x\r\nX-B: y\r\n\r\n")
            self.assertEqual(json.loads(read_response(file)[2])["headers"], {"host": "a", "x-b": "y"})

    def test_trailers_of_a_request(self):
        _, file = self.raw("POST /request HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 6\r\n\r\n")
        seen = json.loads(read_response(file)[2])
        self.assertEqual(seen["body"], "abc")
        self.assertIsNone(seen["contentLength"])
        self.assertEqual(seen["trailers"], {"x-sum": "6"})

    def test_what_was_not_read_in_time_says_so(self):
        self.ask("/keep").read()
        seen = self.json("/kept")
        self.assertEqual(seen["url"], "/keep")
        self.assertEqual(seen["method"], "GET")
        self.assertEqual(seen["headers"]["code"], "ERR_REQUEST_RELEASED")
        self.assertEqual(seen["raw"]["code"], "ERR_REQUEST_RELEASED")
        self.assertEqual(seen["body"], "ERR_BODY_DISCARDED")

    def test_a_handler_reads_on_after_its_response(self):
        self.json("/errors")
        self.assertEqual(self.ask("/after-end", headers={"X-Mark": "seen"}).read(), b"first")
        found = []
        lab.wait_until(lambda: found.extend(self.json("/errors")) or found, 10, "the second half of the handler")
        self.assertEqual(found, ["/after-end seen"])


class Responses(ApiCase):
    def test_fields(self):
        answer = self.ask("/fields")
        self.assertEqual((answer.status, answer.reason), (203, "Quite Fine"))
        self.assertEqual(answer.headers.get_all("X-One"), ["second"])
        self.assertEqual(answer.getheader("X-Number"), "5")
        self.assertEqual(answer.headers.get_all("Set-Cookie"), ["a=1", "b=2", "c=3"])
        self.assertIsNone(answer.getheader("X-Gone"))
        self.assertEqual(answer.getheader("X-Latin"), "caf\u00e9")
        self.assertIsNotNone(answer.getheader("Date"))
        seen = json.loads(answer.read())
        self.assertEqual(seen["one"], "second")
        self.assertEqual(seen["cookies"], ["a=1", "b=2", "c=3"])
        self.assertIn("x-number", seen["names"])
        self.assertFalse(seen["has"])
        self.assertEqual(seen["late"], "ERR_HTTP_HEADERS_SENT")
        self.assertTrue(seen["sent"])
        self.assertFalse(seen["ended"])

    def test_what_must_not_be_sent_is_refused(self):
        seen = self.json("/invalid")
        for name in ("token", "empty"):
            self.assertEqual(seen[name]["code"], "ERR_INVALID_HTTP_TOKEN")
        for name in ("crlf", "nul", "wide"):
            self.assertEqual(seen[name]["code"], "ERR_INVALID_CHAR")
        self.assertEqual(seen["undefined"]["code"], "ERR_HTTP_INVALID_HEADER_VALUE")
        self.assertEqual(seen["status"]["code"], "ERR_HTTP_INVALID_STATUS_CODE")
        self.assertEqual(seen["status"]["name"], "RangeError")
        self.assertEqual(seen["chunk"]["code"], "ERR_INVALID_ARG_TYPE")
        self.assertEqual(seen["object"]["code"], "ERR_INVALID_ARG_TYPE")
        self.assertEqual(seen["length"]["code"], "ERR_HTTP_CONTENT_LENGTH_MISMATCH")

    def test_bodies_of_each_kind_and_size(self):
        for size in (0, 1, 1000, 1365, 1366, 4096, 4097, 20_000, 1_000_000):
            for kind, expected in {
                "ascii": b"a" * size,
                "rope": b"a" * (size >> 1) + b"b" * (size - (size >> 1)),
                "latin1": "\u00e9".encode() * size,
                "wide": "\u20ac".encode() * size,
                "emoji": "\U0001f600".encode() * size,
                "bytes": b"\x07" * size,
                "buffer": b"\x08" * size,
                "view": b"\x09" * size,
                "data": b"\x06" * size,
            }.items():
                answer = self.ask(f"/body?kind={kind}&size={size}")
                body = answer.read()
                self.assertEqual(answer.getheader("Content-Length"), str(len(expected)), (kind, size))
                self.assertTrue(body == expected, f"{kind} of {size}: {body[:40]!r}...")

    def test_bodies_of_other_kinds(self):
        self.assertEqual(self.ask("/body?kind=lone").read(), "\ufffdx".encode())
        self.assertEqual(self.ask("/body?kind=tiny").read(), b"\x01\x02\x03")
        answer = self.ask("/body?kind=none")
        self.assertEqual((answer.getheader("Content-Length"), answer.read()), ("0", b""))
        answer = self.ask("/body?kind=write")
        self.assertEqual(answer.getheader("Transfer-Encoding"), "chunked")
        self.assertEqual(answer.read(), "caf\u00e9 AB\u20ac".encode())
        answer = self.ask("/body?kind=length")
        self.assertEqual((answer.getheader("Content-Length"), answer.getheader("Transfer-Encoding"), answer.read()), ("6", None, b"onetwo"))
        for status in (204, 304):
            answer = self.ask(f"/body?kind={status}")
            self.assertEqual((answer.status, answer.read()), (status, b""))

    def test_head_has_the_length_and_no_body(self):
        for kind in ("ascii", "bytes"):
            _, file = self.raw(f"HEAD /body?kind={kind}&size=70000 HTTP/1.1\r\nHost: a\r\n\r\nGET /body?kind=tiny HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertEqual(file.readline(), b"HTTP/1.1 200 OK\r\n")
            fields = []
            while (line := file.readline()) != b"\r\n":
                fields.append(line.lower())
            self.assertIn(b"content-length: 70000\r\n", fields)
            self.assertEqual(read_response(file)[2], b"\x01\x02\x03")

    def test_constant_and_changing_fields(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)
        self.addCleanup(connection.close)
        for i in range(60):
            connection.request("GET", "/same", headers={"X-Variant": "b" if i % 3 == 0 else "a"})
            answer = connection.getresponse()
            answer.read()
            self.assertEqual(answer.getheader("X-Variant"), "b" if i % 3 == 0 else "a")
            self.assertEqual(answer.headers.get_all("Content-Type"), ["text/plain"])
            self.assertEqual(answer.getheader("Cache-Control"), "no-store")
            connection.request("GET", "/own", headers={"X-Id": str(i)})
            answer = connection.getresponse()
            answer.read()
            self.assertEqual(answer.headers.get_all("X-Id"), [str(i)])
            self.assertEqual(answer.headers.get_all("Content-Type"), ["text/plain"])

    def test_errors_are_answered_500_and_handed_on(self):
        self.json("/errors")
        for path, message in {"/throw": "thrown on purpose", "/reject": "rejected on purpose"}.items():
            answer = self.ask(path)
            self.assertEqual((answer.status, answer.read()), (500, b"Internal Server Error\n"))
            self.assertEqual(self.json("/errors"), [f"GET {message}"])

    def test_an_error_after_the_head_ends_the_connection(self):
        self.json("/errors")
        answer = self.ask("/late-throw")
        self.assertEqual(answer.status, 200)
        with self.assertRaises((http.client.IncompleteRead, ConnectionResetError, http.client.HTTPException, ValueError)):
            answer.read()
        self.assertEqual(self.json("/errors"), ["GET thrown after the head"])

    def test_handlers_that_answer_later(self):
        self.assertEqual(self.ask("/callback").read(), b"from a timer")
        self.assertEqual(self.ask("/async").read(), b"after a while /async")

    def test_pieces(self):
        answer = self.ask("/stream")
        self.assertEqual(answer.getheader("Transfer-Encoding"), "chunked")
        self.assertEqual(answer.read(), b"".join(b"piece %d\n" % i for i in range(5)))

    def test_back_pressure(self):
        connection, file = self.raw("GET /flood HTTP/1.1\r\nHost: a\r\n\r\n")
        status, _, body = read_response(file)
        self.assertEqual(status, "HTTP/1.1 200 OK")
        self.assertEqual(len(body), 400 * 64 * 1024)
        self.assertGreater(self.state_when(lambda state: "pauses" in state)["pauses"], 0)

    def test_trailers_and_hints(self):
        _, file = self.raw("GET /trailers HTTP/1.1\r\nHost: a\r\n\r\n")
        _, fields, body = read_response(file)
        self.assertEqual(body, b"body")
        self.assertIn(("X-Sum", "42"), fields)
        _, file = self.raw("GET /hints HTTP/1.1\r\nHost: a\r\n\r\n")
        status, fields, _ = read_response(file)
        self.assertEqual(status.split()[1], "103")
        self.assertEqual(dict(fields)["Link"], "</style.css>; rel=preload")
        self.assertEqual(read_response(file)[2], b"hinted")

    def test_finish_comes_once_for_each_response(self):
        before = self.json("/state")["finished"]
        _, file = self.raw("GET /many HTTP/1.1\r\nHost: a\r\n\r\n" * 20)
        for _ in range(20):
            self.assertEqual(read_response(file)[2], b"x")
        self.assertEqual(self.json("/state")["finished"], before + 20)


class Bodies(ApiCase):
    def test_echo_in_pieces(self):
        for size in (0, 1, 5_000, 3_000_000):
            body = bytes(i % 251 for i in range(size))
            self.assertTrue(self.ask("/echo", "POST", body).read() == body, size)

    def test_chunked_body_that_comes_slowly(self):
        connection, file = self.raw("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in (b"3\r\nabc\r\n", b"2\r\nde\r\n", b"0\r\n\r\n"):
            connection.sendall(piece)
        self.assertEqual(read_response(file)[2], b"abcde")

    def test_json(self):
        self.assertEqual(self.json("/json", "POST", '{"a": [1, "\u20ac"]}'.encode()), {"got": {"a": [1, "\u20ac"]}})
        answer = self.ask("/json", "POST", "{")
        self.assertEqual((answer.status, json.loads(answer.read())["name"]), (400, "SyntaxError"))
        answer = self.ask("/json", "POST", "x" * 2000)
        self.assertEqual((answer.status, json.loads(answer.read())["code"]), (413, "ERR_BODY_TOO_LARGE"))

    def test_a_body_is_used_once(self):
        self.assertEqual(self.json("/twice", "POST", "abc"), {"used": True, "code": "ERR_BODY_ALREADY_USED"})

    def test_events(self):
        self.assertEqual(self.ask("/events", "POST", b"x" * 100_000).read(), b"100000")

    def test_a_body_nobody_reads_does_not_harm_the_next_request(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)
        self.addCleanup(connection.close)
        for path in ("/ignore", "/break", "/ignore"):
            connection.request("POST", path, b"y" * 30_000)
            self.assertEqual(connection.getresponse().status, 200)
            connection.close()
        _, file = self.raw(b"POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n" + b"z" * 1000 + b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertEqual(read_response(file)[2], b"not interested")
        self.assertTrue(read_response(file)[2].startswith(b"piece 0"))

    def test_a_peer_that_goes_away(self):
        before = self.json("/state")
        self.reset_after("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
        after = self.state_when(lambda state: state["closed"] > before["closed"])
        self.assertEqual(after["aborted"], before["aborted"] + 1)
        self.assertEqual(after["finished"], before["finished"])
        self.assertEqual(after["reason"], "ECONNRESET")
        self.reset_after("POST /read-aborted HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
        self.assertEqual(self.state_when(lambda state: "read" in state)["read"], "ECONNRESET")

    def reset_after(self, text):
        """Sends `text`, and resets the connection once its request has been handed over."""
        before = self.json("/state")["begun"]
        with self.lab.connect(self.server.port) as connection:
            connection.sendall(text.encode())
            self.state_when(lambda state: state["begun"] > before)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def test_upgrade(self):
        connection, file = self.raw("GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nearly")
        status, _, _ = read_response(file)
        self.assertEqual(status, "HTTP/1.1 101 Switching Protocols")
        self.assertTrue(file.read(6) == b"<echo ")
        rest = b""
        while not rest.endswith(b">"):
            rest += file.read(1)
        connection.sendall(b"later")
        connection.shutdown(socket.SHUT_WR)
        echoed = file.read()
        self.assertIn(echoed, (b"earlylater", b"later"))
        self.assertEqual(len(echoed) + int(rest[:-1]), len(b"earlylater"))


class Clients(ApiCase):
    def test_request(self):
        seen = self.json("/client")
        self.assertEqual((seen["status"], seen["type"], seen["url"], seen["sent"]), (200, "application/json", "/request?x=1", "yes"))
        self.assertEqual(seen["host"], f"127.0.0.1:{self.server.port}")
        self.assertEqual((seen["posted"], seen["length"]), ("caf\u00e9", 5))
        self.assertEqual((seen["streamed"]["method"], seen["streamed"]["body"]), ("PUT", "abc"))
        self.assertEqual(seen["streamed"]["headers"]["transfer-encoding"], "chunked")
        self.assertEqual(seen["chunks"], "".join(f"piece {i}\n" for i in range(5)))
        self.assertEqual(seen["refused"], "ECONNREFUSED")
        self.assertEqual(seen["name"], "ENOTFOUND")
        self.assertEqual(seen["https"], "ERR_INVALID_PROTOCOL")
        self.assertEqual(seen["trailers"], ["body", {"x-sum": "42"}])
        self.assertEqual(seen["large"], 3_000_000)
        self.assertEqual(seen["limited"], "ERR_BODY_TOO_LARGE")

    def test_a_request_is_given_up_by_its_signal(self):
        self.assertEqual(self.json("/abort-client"), {"name": "AbortError"})

    def test_fetch(self):
        seen = self.json("/fetch")
        self.assertTrue(seen["same"] and seen["redirected"] and seen["ok"])
        self.assertEqual((seen["url"], seen["accept"], seen["status"]), ("/request", "text/plain", 404))
        self.assertEqual(seen["posted"]["body"], "a=1+2&b=%26")
        self.assertEqual(seen["posted"]["headers"]["content-type"], "application/x-www-form-urlencoded;charset=UTF-8")
        self.assertTrue(seen["text"].endswith("piece 4\n"))
        self.assertEqual(seen["failed"], ["fetch failed", "ECONNREFUSED"])

    def test_proxy(self):
        answer = self.ask("/proxied?to=/request%3Fforwarded", "POST", "through", {"X-Secret": "hidden", "X-Kept": "yes"})
        self.assertEqual((answer.status, answer.getheader("X-Through"), answer.getheader("Content-Type")), (200, "proxy", "text/x-proxied"))
        seen = json.loads(answer.read())
        self.assertEqual((seen["url"], seen["body"], seen["headers"]["x-added"], seen["headers"]["x-kept"]),
                         ("/request?forwarded", "through", "on the way", "yes"))
        self.assertNotIn("x-secret", seen["headers"])
        self.assertEqual(seen["headers"]["x-forwarded-for"], "127.0.0.1")
        self.assertEqual(seen["headers"]["via"], "1.1 sluice")
        outcome = self.state_when(lambda state: "outcome" in state)["outcome"]
        self.assertEqual((outcome["status"], outcome["statusCode"], outcome["upstream"], outcome["ended"]), (200, 200, True, True))

    def test_proxy_of_large_bodies(self):
        body = bytes(i % 251 for i in range(2_000_000))
        # The first upstream refuses.
        self.assertTrue(self.ask("/proxied?to=/echo", "POST", body).read() == body)

    def test_proxy_options_that_a_program_changes(self):
        # The same object, an equal one for each request, and one that cannot be compared: what it says now is what counts.
        for kind in ("same", "equal", "iterable"):
            for number in ("1", "1", "2", "1", "3"):
                seen = self.json(f"/proxied-options?kind={kind}&number={number}")
                self.assertEqual((seen["headers"]["x-number"], seen["headers"]["via"]), (number, "1.1 edge-" + number), kind)

    def test_proxy_options_that_are_wrong(self):
        self.assertEqual(self.json("/proxied-wrong"), {"codes": ["ERR_INVALID_ARG_VALUE", "ERR_INVALID_ARG_VALUE", "ERR_INVALID_CHAR"]})

    def test_proxy_without_an_upstream_that_works(self):
        self.assertEqual(self.ask("/proxied-nowhere").status, 502)
        outcome = self.state_when(lambda state: state.get("outcome", {}).get("status") == 502)["outcome"]
        self.assertEqual((outcome["attempts"], outcome["error"]), (2, "ECONNREFUSED"))

    def test_proxy_of_a_request_whose_body_was_read(self):
        self.assertEqual(self.json("/proxied-late", "POST", "x"), {"code": "ERR_BODY_ALREADY_USED"})

    def test_sockets(self):
        seen = self.json("/net")
        self.assertEqual(seen["text"], "written before and after")
        self.assertEqual(seen["code"], "ECONNREFUSED")
        self.assertTrue(seen["port"])
        self.assertEqual(seen["answered"], ["datagram", True])
        self.assertEqual(seen["late"], "ERR_STREAM_WRITE_AFTER_END")
        self.assertEqual(seen["big"], "EMSGSIZE")

    def test_echo_of_streams_and_datagrams(self):
        ports = self.json("/ports")
        with socket.create_connection(("127.0.0.1", ports["tcp"]), timeout=10) as stream:
            body = bytes(i % 253 for i in range(1_000_000))
            received = bytearray()
            stream.settimeout(10)
            sent = 0
            while len(received) < len(body):
                if sent < len(body):
                    sent += stream.send(body[sent:sent + 50_000])
                    if sent == len(body):
                        stream.shutdown(socket.SHUT_WR)
                received += stream.recv(100_000)
            self.assertTrue(bytes(received) == body)
            self.assertEqual(stream.recv(1), b"")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
            datagrams.settimeout(10)
            for message in (b"", b"one", b"x" * 1400, b"y" * 9000):
                datagrams.sendto(message, ("127.0.0.1", ports["udp"]))
                self.assertEqual(datagrams.recv(65536), message)


class ReplacedIsolates(ApiCase):
    def setUp(self):
        self.lab = lab.KernelLab()
        self.addCleanup(self.lab.close)
        self.server = self.lab.start("--watchdog-ms", "300", self.program, "0")

    def test_what_is_under_way_when_the_isolate_is_replaced(self):
        size = 30_000_000
        _, large = self.raw(f"GET /body?kind=bytes&size={size} HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertEqual(large.readline(), b"HTTP/1.1 200 OK\r\n")  # the rest waits in the send queue, by reference
        _, half = self.raw("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
        _, proxied = self.raw("GET /proxied?to=/wait HTTP/1.1\r\nHost: a\r\n\r\n")
        _, asking = self.raw("POST /read-aborted HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
        self.state_when(lambda state: state["begun"] == 3)
        _, loop = self.raw("GET /loop HTTP/1.1\r\nHost: a\r\n\r\n")
        self.server.wait_for("started anew")
        for file in (half, asking, proxied, loop):
            self.assertEqual(file.readline().split()[1:2], [b"503"])
        while large.readline() != b"\r\n":
            pass
        self.assertTrue(large.read(size) == b"\x07" * size)
        self.assertEqual(self.json("/state")["begun"], 0)  # the new one serves


class Workers(ApiCase):
    program = EXAMPLES / "worker.js"
    arguments = []
    environment = {"PORT": "0"}

    def test_routes(self):
        self.assertEqual(self.ask("/hello?name=a+b%20c").read(), b"Hello, a b c\n")
        answer = self.ask("/upper", "POST", "\u00e9a".encode())
        self.assertEqual((answer.getheader("Content-Type"), answer.read()), ("text/plain", "\u00c9A".encode()))
        self.assertEqual(self.json("/headers", headers={"X-B": "2"})["x-b"], "2")
        answer = self.ask("/other")
        self.assertEqual((answer.status, answer.getheader("Content-Type")), (404, "text/plain;charset=UTF-8"))


class Examples(unittest.TestCase):
    def setUp(self):
        self.lab = lab.KernelLab()
        self.addCleanup(self.lab.close)

    def start(self, name, *arguments, **options):
        return self.lab.start(EXAMPLES / name, "0", *arguments, **options)

    def get(self, process, path="/", *arguments, method="GET", **options):
        connection = self.lab.http(process)
        self.addCleanup(connection.close)
        connection.request(method, path, *arguments, **options)
        return connection.getresponse()

    def test_hello(self):
        answer = self.get(self.start("hello.js"))
        self.assertEqual((answer.getheader("Content-Type"), answer.read()), ("text/plain", b"Hello from Sluice\n"))

    def test_json(self):
        server = self.start("json.js")
        self.assertEqual(json.loads(self.get(server, method="POST", body='{"a":1}').read()), {"a": 1, "seen": True})
        self.assertEqual(self.get(server, method="POST", body="no").status, 400)
        self.assertEqual(self.get(server).getheader("Allow"), "POST")

    def test_streaming(self):
        server = self.start("streaming.js", environment={"INTERVAL_MS": "5"})
        with self.lab.connect(server.port) as connection:
            connection.sendall(b"GET /events HTTP/1.1\r\nHost: a\r\n\r\n")
            received = b""
            while b"id: 3\n" not in received:
                received += connection.recv(4096)
            self.assertIn(b"text/event-stream", received)
        self.assertEqual(self.get(server, "/count/30000").read(), b"".join(b"%d\n" % i for i in range(1, 30001)))
        seen = json.loads(self.get(server, "/upload", method="PUT", body=b"x" * 1_000_000).read())
        self.assertEqual(seen["bytes"], 1_000_000)

    def test_proxy_goes_on_when_an_upstream_stops(self):
        first, second = self.start("hello.js"), self.start("hello.js")
        server = self.start("proxy.js", environment={"UPSTREAMS": f"127.0.0.1:{first.port},127.0.0.1:{second.port}"})
        for stop in (None, first, second):
            if stop:
                stop.stop()
            for _ in range(4):
                answer = self.get(server)
                answer.read()
                self.assertEqual(answer.status, 502 if stop is second else 200)
                if answer.status == 200:
                    self.assertEqual(answer.getheader("X-Served-Through"), "sluice")

    def test_echo(self):
        server = self.lab.start(EXAMPLES / "echo.js", "0", ready=r"listening on \S*?:(\d+)")
        with self.lab.connect(server.port) as stream:
            stream.sendall(b"over tcp")
            stream.shutdown(socket.SHUT_WR)
            self.assertEqual(stream.makefile("rb").read(), b"over tcp")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
            datagrams.settimeout(10)
            datagrams.sendto(b"over udp", ("127.0.0.1", server.port))
            self.assertEqual(datagrams.recv(100), b"over udp")


if __name__ == "__main__":
    unittest.main()
