# SPDX-License-Identifier: Apache-2.0
"""The clients of a soak: load.py HOST PORT SECONDS. Each kind of client goes on until the time is over, and looks at every answer.
Prints a line of JSON: what each kind did, what went wrong, and the server's own figures after a quarter of the time and at the end.
"""

import asyncio
import json
import random
import sys
import time

HOST, PORT, SECONDS = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
LIMIT_S = 30  # an answer that takes longer is none
done, wrong = {}, []


def head(method, target, *fields):
    return "\r\n".join([f"{method} {target} HTTP/1.1", "Host: soak", "User-Agent: soak", *fields, "", ""]).encode()


async def answer(reader):
    """(status, body)"""
    text = await reader.readuntil(b"\r\n\r\n")
    lines = text.decode("latin-1").split("\r\n")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    if "content-length" in fields:
        body = await reader.readexactly(int(fields["content-length"]))
    elif fields.get("transfer-encoding") == "chunked":
        pieces = []
        while size := int((await reader.readline()), 16):
            pieces.append(await reader.readexactly(size))
            await reader.readexactly(2)
        await reader.readexactly(2)
        body = b"".join(pieces)
    else:
        body = b""
    return int(lines[0].split()[1]), body


async def connect():
    return await asyncio.open_connection(HOST, PORT)


async def ask(streams, target, method="GET", body=None):
    reader, writer = streams
    fields = [f"Content-Length: {len(body)}"] if body is not None else []
    writer.write(head(method, target, *fields) + (body or b""))
    return await answer(reader)


def expect(got, wanted):
    if got != wanted:
        raise AssertionError(f"got {got!r:.200}, wanted {wanted!r:.200}")


async def keep_alive():
    streams = await connect()
    for _ in range(200):
        expect(await ask(streams, "/hello"), (200, b"hello\n"))
        expect(json.loads((await ask(streams, "/json?a=1"))[1]), {"url": "/json?a=1", "agent": "soak"})
        expect((await ask(streams, "/none"))[0], 404)
        await asyncio.sleep(0.001)
    streams[1].close()


async def short():
    streams = await connect()
    expect(await ask(streams, "/later"), (200, b"later\n"))
    streams[1].close()


async def pipelined():
    reader, writer = await connect()
    writer.write(head("GET", "/later") + head("GET", "/hello") + head("GET", "/stream"))
    expect(await answer(reader), (200, b"later\n"))
    expect(await answer(reader), (200, b"hello\n"))
    expect(len((await answer(reader))[1]), 20 * 4096)
    writer.close()


async def upload():
    streams = await connect()
    body = random.randbytes(random.randrange(1, 300_000))
    expect(await ask(streams, "/count", "POST", body), (200, b"%d\n" % len(body)))
    reader, writer = streams
    writer.write(head("POST", "/echo", "Transfer-Encoding: chunked"))
    back = asyncio.ensure_future(answer(reader))
    for at in range(0, len(body), 20_000):
        piece = body[at:at + 20_000]
        writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        await writer.drain()
    writer.write(b"0\r\n\r\n")
    expect(await back, (200, body))
    writer.close()


async def slow_reader():
    reader, writer = await asyncio.open_connection(HOST, PORT, limit=16_384)
    writer.write(head("GET", "/large"))
    await reader.readuntil(b"\r\n\r\n")
    left = 1 << 20
    while left > 0:
        piece = await reader.read(32_768)
        if not piece:
            raise AssertionError("the answer was cut")
        left -= len(piece)
        await asyncio.sleep(0.02)
    writer.close()


async def aborted():
    """Goes away in the middle: of a head, an upload, an answer, a wait."""
    reader, writer = await connect()
    kind = random.randrange(4)
    if kind == 0:
        writer.write(head("GET", "/hello")[:-10])
    elif kind == 1:
        writer.write(head("POST", "/echo", "Content-Length: 100000") + b"a" * 5000)
    elif kind == 2:
        writer.write(head("GET", "/large"))
        await reader.read(1000)
    else:
        writer.write(head("GET", "/later"))
    await asyncio.sleep(random.random() * 0.03)
    writer.transport.abort()


async def upgraded():
    reader, writer = await connect()
    writer.write(head("GET", "/", "Connection: Upgrade", "Upgrade: echo") + b"early")
    if b" 101 " not in await reader.readuntil(b"\r\n\r\n"):
        raise AssertionError("no 101")
    expect(await reader.readexactly(5), b"early")
    for _ in range(20):
        message = random.randbytes(random.randrange(1, 5000))
        writer.write(message)
        expect(await reader.readexactly(len(message)), message)
    if random.random() < 0.5:
        writer.write_eof()
        expect(await reader.read(), b"")
        writer.close()
    else:
        writer.transport.abort()


async def thrower():
    streams = await connect()
    for _ in range(5):
        expect(await ask(streams, "/throw"), (500, b"thrown\n"))
    streams[1].write(head("GET", "/throw-now"))
    await asyncio.sleep(0.02)
    streams[1].transport.abort()


async def rubbish():
    reader, writer = await connect()
    writer.write(random.choice([b"\x16\x03\x01\x02\0", b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\nBad Name: x\r\nHost: a\r\n\r\n",
                                b"POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n"]))
    await reader.read()  # an error or nothing, and the end
    writer.close()


CLIENTS = {keep_alive: 8, short: 8, pipelined: 2, upload: 4, slow_reader: 4, aborted: 6, upgraded: 4, thrower: 2, rubbish: 2}


async def go_on(client, until):
    while time.monotonic() < until:
        try:
            await asyncio.wait_for(client(), LIMIT_S)
            done[client.__name__] = done.get(client.__name__, 0) + 1
        except Exception as error:  # all of it is reported
            if client is aborted and isinstance(error, ConnectionError):
                continue
            if len(wrong) < 50:
                wrong.append(f"{client.__name__}: {type(error).__name__}: {error}")
            await asyncio.sleep(0.1)


async def stats():
    streams = await connect()
    _, body = await asyncio.wait_for(ask(streams, "/stats"), LIMIT_S)
    streams[1].close()
    return json.loads(body)


async def main():
    deadline = time.monotonic() + 10
    while True:
        try:
            await stats()
            break
        except OSError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.05)
    began = time.monotonic()
    workers = [asyncio.ensure_future(go_on(client, began + SECONDS)) for client, count in CLIENTS.items() for _ in range(count)]
    figures = []
    for part in range(1, 5):
        await asyncio.sleep(max(0, began + SECONDS * part / 4 - time.monotonic()))
        figures.append(await stats())
    await asyncio.gather(*workers)
    # What is still on its way to be closed gets the time to.
    deadline = time.monotonic() + 20
    while (last := await stats())["connections"] > 1 and time.monotonic() < deadline:
        await asyncio.sleep(0.2)
    print(json.dumps({"done": done, "wrong": wrong, "figures": figures, "last": last}))


asyncio.run(main())
