# SPDX-License-Identifier: Apache-2.0
"""How each case is driven: requests as a browser or a client would send them, and what has to come back.

A driver takes a Case and raises AssertionError. Its name is the case's, with _ for -.
"""

import base64
import gzip
import json
import os
import re
import struct


def same(got, wanted, what=""):
    assert got == wanted, f"{what}: got {got!r}, wanted {wanted!r}"


def has(text, part):
    assert part in text, f"{part!r} is not in {text[:500]!r}"


def all_ok(case):
    """Of cases that run their checks themselves."""
    results = case.get("/run").json()
    wrong = {name: word for name, word in results.items() if word != "ok"}
    assert results and not wrong, "\n".join(f"{name}: {word}" for name, word in wrong.items())


def connect(case):
    answer = case.get("/x?y=1")
    same((answer.status, answer.text, answer.headers["X-First"]), (200, "connect GET /x?y=1", "yes"))
    answer = case.get("/static/style.css")
    same((answer.status, answer.headers["Content-Type"]), (200, "text/css; charset=utf-8"))
    same(case.get("/static/style.css", headers={"If-None-Match": answer.headers["ETag"]}).status, 304)
    same(case.get("/static/style.css", headers={"Range": "bytes=0-3"}).text, "body")
    same(case.post("/echo", b"z" * 300_000).body, b"z" * 300_000)
    same(case.get("/fail").text, "caught on purpose")


def express(case):
    answer = case.get("/")
    same((answer.status, answer.text), (200, "hello from express"))
    same(answer.headers["Content-Type"], "text/html; charset=utf-8")
    same(answer.headers["X-Content-Type-Options"], "nosniff", "helmet")
    same(case.get("/", headers={"If-None-Match": answer.headers["ETag"]}).status, 304)
    same(case.request("HEAD", "/").headers["Content-Length"], "18")
    got = case.get("/users/7?q=a%20b").json()
    same((got["id"], got["q"], got["ip"], got["protocol"]), ("7", "a b", "string", "http"))
    answer = case.post_json("/json", {"a": [1, "ä"]})
    same((answer.status, answer.json()), (201, {"got": {"a": [1, "ä"]}}))
    same(case.post("/json", b"{", {"Content-Type": "application/json"}).status, 500)
    same(case.post("/form", b"a=1&b%5B%5D=2&b%5B%5D=3", {"Content-Type": "application/x-www-form-urlencoded"}).json(), {"a": "1", "b": ["2", "3"]})
    same(case.get("/page").text.strip(), "<h1>Hello &lt;Ada&gt;</h1><ul><li>a</li><li>b</li></ul>")
    answer = case.get("/large", headers={"Accept-Encoding": "gzip"})
    same((answer.headers["Content-Encoding"], gzip.decompress(answer.body)), ("gzip", b"x" * 200_000))
    answer = case.get("/static/style.css")
    same((answer.status, answer.headers["Cache-Control"]), (200, "public, max-age=3600"))
    same(case.get("/static/none.css").status, 404)
    same(case.get("/static/../express4.cjs").status in (403, 404), True)
    counted = case.get("/count")
    cookie = counted.headers["Set-Cookie"].split(";")[0]
    same(case.get("/count", headers={"Cookie": cookie}).json(), {"count": 2})
    same(case.post_json("/login", {"username": "ada", "password": "wrong"}).status, 401)
    login = case.post_json("/login", {"username": "ada", "password": "open"})
    same(login.json(), {"user": "ada"})
    same(case.get("/me", headers={"Cookie": login.headers["Set-Cookie"].split(";")[0]}).json(), {"user": "ada"})
    same(case.get("/me").json(), {"user": None})
    body, kind = multipart({"note": b"a note"}, "file", "data.bin", b"\0\r\n-" * 50_000)
    same(case.post("/upload", body, {"Content-Type": kind}).json(), {"name": "data.bin", "bytes": 200_000, "note": "a note"})
    answer = case.get("/redirect")
    same((answer.status, answer.headers["Location"]), (302, "/"))
    same(case.get("/download").headers["Content-Disposition"].replace('"', ""), "attachment; filename=theme.css")
    answer = case.get("/stream")
    same((answer.headers["Transfer-Encoding"], answer.text), ("chunked", "part 4\npart 3\npart 2\npart 1\npart 0\ndone\n"))
    same(case.get("/fail").json(), {"error": "on purpose"})
    same(case.get("/async").json(), {"error": "later"})
    answer = case.request("PUT", "/api/thing")
    same((answer.text, answer.headers["X-Router"]), ("put thing", "yes"))
    same(case.request("DELETE", "/api/thing").status, 204)
    same(set(case.request("OPTIONS", "/api/thing").headers["Allow"].replace(" ", "").split(",")) >= {"GET", "PUT", "DELETE"}, True)
    same(case.get("/nothing").status, 404)


express4 = express5 = express


def multipart(fields, name, filename, content):
    boundary = "----the-boundary-of-this"
    pieces = [f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n'.encode() + value + b"\r\n" for key, value in fields.items()]
    pieces.append(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
                  "Content-Type: application/octet-stream\r\n\r\n".encode() + content + b"\r\n")
    return b"".join(pieces) + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def koa(case):
    answer = case.get("/")
    same((answer.status, answer.text, answer.headers["X-Took"]), (200, "hello from koa", "some"))
    same(case.get("/user/7?a=1").json(), {"id": "7", "query": {"a": "1"}})
    answer = case.post_json("/json", {"name": "ä"})
    same((answer.status, answer.json()), (201, {"name": "ä"}))
    same(case.get("/stream").text, "abc")
    has(case.get("/cookie").headers["Set-Cookie"], "name=value")
    same(case.get("/cookie", headers={"Cookie": "name=mine"}).text, "mine")
    same(case.get("/fail").status, 500)
    answer = case.get("/teapot")
    same((answer.status, answer.text), (418, "short and stout"))
    same(case.request("DELETE", "/").status, 405)
    same(case.get("/nothing").status, 404)


def hapi(case):
    same(case.get("/").text, "hello from hapi")
    same(case.get("/user/7?a=1").json(), {"id": "7", "query": {"a": "1"}})
    same(case.post_json("/json", {"name": "ä"}).status, 201)
    same(case.get("/fail").status, 500)
    has(case.get("/cookie").headers["Set-Cookie"], "name=value")
    same(case.get("/cookie", headers={"Cookie": "name=mine"}).json(), {"name": "mine"})
    same(case.get("/nothing").json()["error"], "Not Found")


def fastify(case):
    answer = case.get("/")
    same((answer.text, answer.headers["x-hook"]), ("hello from fastify", "yes"))
    same(case.get("/user/7").json(), {"id": 7})
    same(case.get("/user/x").status, 400)
    same(case.post_json("/json", {"name": "ada"}).json(), {"got": {"name": "ada"}})
    same(case.post_json("/json", {}).status, 400)
    same(case.get("/stream").text, "abc")
    same(case.get("/fail").json()["message"], "on purpose")
    same(case.get("/inject").json(), {"status": 200, "body": {"id": 7}})
    same(case.get("/static/style.css").status, 200)
    same(case.get("/nothing").status, 404)


def sails(case):
    same(case.get("/").text, "hello from sails")
    same(case.get("/user/7").json(), {"id": "7"})
    same(case.post_json("/json", {"name": "ada"}).status, 201)
    same(case.get("/fail").status, 500)
    same(case.get("/nothing").status, 404)


def restify(case):
    same(case.get("/").json(), "hello from restify")
    same(case.get("/user/7?q=1").json(), {"id": "7", "q": "1"})
    same(case.post_json("/json", {"name": "ada"}).status, 201)
    same(case.get("/fail").status, 500)
    same(case.get("/nothing").json()["code"], "ResourceNotFound")


def hono(case):
    same(case.get("/").text, "hello from hono")
    same(case.get("/user/7?q=1").json(), {"id": "7", "q": "1"})
    answer = case.post_json("/json", {"name": "ä"})
    same((answer.status, answer.json()), (201, {"name": "ä"}))
    same(case.get("/stream").text, "abc")
    same(case.get("/fail").text, "caught on purpose")
    same(case.get("/nothing").status, 404)


def nest(case):
    same(case.get("/").text, "hello from nest, you")
    same(case.get("/user/7").json(), {"id": "7"})
    answer = case.post_json("/json", {"name": "ada"})
    same((answer.status, answer.json()), (201, {"name": "ada"}))
    same(case.get("/fail").status, 500)
    same(case.get("/nothing").json()["error"], "Not Found")


def polka(case):
    answer = case.get("/")
    same((answer.text, answer.headers["X-First"]), ("hello from polka", "yes"))
    same(case.get("/user/7?a=1").json(), {"id": "7", "query": {"a": "1"}})
    same(case.get("/nothing").status, 404)


def feathers(case):
    same(case.get("/messages").json(), [])
    answer = case.post_json("/messages", {"text": "first"})
    same((answer.status, answer.json()), (201, {"id": 0, "text": "first"}))
    same(case.get("/messages/0").json(), {"id": 0, "text": "first"})
    same(case.get("/messages/9").status, 404)


feathers_express = feathers_koa = feathers


def feathers_socketio(case):
    same(case.get("/run").json(), [{"id": 0, "text": "by socket"}] * 2)
    same(case.get("/messages").json(), [{"id": 0, "text": "by socket"}])


def socketio(case):
    results = case.get("/run").json()
    for transport in ("websocket", "polling"):
        same(results[transport], {"sum": 5, "bytes": [3, 2, 1], "heard": [f"by {transport}"] * 2, "welcome": "inside"})
    same(results["upgrade"], "websocket")
    # From outside, by hand: the first packet of a polling session, then its upgrade.
    opened = case.get("/socket.io/?EIO=4&transport=polling")
    session = json.loads(opened.text[1:])["sid"]
    same(case.request("POST", f"/socket.io/?EIO=4&transport=polling&sid={session}", b"40", {"Content-Type": "text/plain"}).text, "ok")
    has(case.get(f"/socket.io/?EIO=4&transport=polling&sid={session}").text, "40{")
    with WebSocketClient(case, f"/socket.io/?EIO=4&transport=websocket&sid={session}") as client:
        client.send("2probe")
        same(client.receive(), "3probe")


class WebSocketClient:
    """RFC 6455, as much as a driver needs."""

    def __init__(self, case, target):
        self.socket = case.socket()
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode())
        self.file = self.socket.makefile("rb")
        self.head = b""
        while not self.head.endswith(b"\r\n\r\n"):
            line = self.file.readline()
            assert line, "the connection was closed"
            self.head += line
        has(self.head.decode(), "HTTP/1.1 101")

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.file.close()
        self.socket.close()

    def send(self, text):
        payload = text.encode()
        length = bytes([0x80 | len(payload)]) if len(payload) < 126 else bytes([0x80 | 126]) + struct.pack("!H", len(payload))
        mask = os.urandom(4)
        self.socket.sendall(b"\x81" + length + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload)))

    def receive(self):
        first, second = self.file.read(2)
        length = second & 0x7F
        if length == 126:
            length = struct.unpack("!H", self.file.read(2))[0]
        payload = self.file.read(length)
        return payload.decode() if first & 0xF == 1 else (first & 0xF, payload)


def ws(case):
    same(case.get("/run").json(), ["text", [1, 2, 3], 100_000, "here?", [4001, "enough"]])
    with WebSocketClient(case, "/echo") as client:
        for text in ("one", "two", "x" * 1000):
            client.send(text)
            same(client.receive(), text)
    same(case.get("/elsewhere", headers={"Connection": "Upgrade", "Upgrade": "websocket"}).status, 404)


def http_proxy(case):
    answer = case.get("/hello")
    same((answer.status, answer.text, answer.headers["X-Through"], answer.headers["X-Upstream"]), (200, "hello", "http-proxy", "yes"))
    same(len(case.get("/large").body), 2_000_000)
    same(case.post("/echo", b"q" * 500_000).body, b"q" * 500_000)
    same(case.get("/status/418").status, 418)
    same(case.get("/nowhere").text, "ECONNREFUSED")


def http_proxy_middleware(case):
    same(case.get("/own").text, "own")
    same(case.get("/api/hello").text, "hello")
    same(case.get("/api/old").text, "hello")
    same(case.post("/api/echo", b"q" * 200_000).body, b"q" * 200_000)


axios = got = undici = node_fetch = superagent = supertest = pg = ioredis = mysql2 = mongodb = all_ok


def derby(case):
    text = case.get("/").text
    has(text, "<h1>Hello from &lt;derby></h1>")
    same(re.findall(r"<li>(.*?)</li>", text), ["a", "b"])


def node_red(case):
    same(case.get("/hello/ada").json(), {"hello": "ada", "from": "node-red"})
    same(case.get("/red/settings").status, 200)
    same(len(case.get("/red/flows").json()) >= 4, True)


def apollo(case):
    def ask(query, **variables):
        return case.post_json("/", {"query": query, "variables": variables}).json()
    same(ask("{ books { title author } }"), {"data": {"books": [{"title": "TCP", "author": "Stevens"}]}})
    same(ask("mutation($t: String!) { add(title: $t, author: \"Kurose\") { title } }", t="Networks"), {"data": {"add": {"title": "Networks"}}})
    same(ask("query($a: String) { books(author: $a) { title } }", a="Kurose"), {"data": {"books": [{"title": "Networks"}]}})
    same("errors" in ask("{ nothing }"), True)


def yoga(case):
    same(case.post_json("/graphql", {"query": '{ hello(name: "ada") }'}).json(), {"data": {"hello": "hello ada"}})
    text = case.request("POST", "/graphql", json.dumps({"query": "subscription { count(to: 3) }"}).encode(),
                        {"Content-Type": "application/json", "Accept": "text/event-stream"}).text
    same(re.findall(r'"count":(\d)', text), ["1", "2", "3"])
    same(case.get("/graphql?query=%7Bhello%7D").json(), {"data": {"hello": "hello world"}})


def trpc(case):
    same(case.get("/hello?input=%22you%22").json(), {"result": {"data": "hello you"}})
    same(case.post_json("/add", {"a": 1, "b": 2}).json(), {"result": {"data": 3}})
    same(case.get("/fail").status, 403)
    same(case.get("/run").json(), {"result": {"data": ["hello client", 5, 403]}})
