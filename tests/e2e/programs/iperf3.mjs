// SPDX-License-Identifier: Apache-2.0
// As much of iperf3's protocol as its TCP tests need: a server for `iperf3 -c`, with -R, -P and -n, for one test after the
// other (`ADDRESS [PORT]`), or a client for `iperf3 -s` (`client HOST PORT SECONDS [reverse]`).
//
// The control connection carries a cookie, then states of one byte and, between them, JSON behind its length. Each stream is a
// connection of its own that begins with the cookie.
import { listen, connect } from 'sluice:net';

const kTestStart = 1, kTestRunning = 2, kTestEnd = 4, kParameters = 9, kCreateStreams = 10, kExchangeResults = 13,
  kDisplayResults = 14, kDone = 16, kAccessDenied = 255;
const kCookieBytes = 37;
const kPiece = new Uint8Array(128 * 1024);

// What comes of a socket, by exact numbers of bytes.
class Reader {
  #chunks;
  #rest = new Uint8Array(0);
  constructor(socket) {
    this.#chunks = socket[Symbol.asyncIterator]();
  }
  async take(bytes) {
    while (this.#rest.length < bytes) {
      const { value, done } = await this.#chunks.next();
      if (done) throw new Error('the peer has gone');
      const joined = new Uint8Array(this.#rest.length + value.length);
      joined.set(this.#rest);
      joined.set(value, this.#rest.length);
      this.#rest = joined;
    }
    const taken = this.#rest.slice(0, bytes);
    this.#rest = this.#rest.slice(bytes);
    return taken;
  }
  async state() {
    return (await this.take(1))[0];
  }
  async json() {
    const length = new DataView((await this.take(4)).buffer).getUint32(0);
    if (length > 1 << 20) throw new Error(`${length} bytes of parameters`);
    return JSON.parse(new TextDecoder().decode(await this.take(length)));
  }
  // How many bytes come until the end, beginning with what was taken too early.
  async countAll(onBytes) {
    onBytes(this.#rest.length);
    for (;;) {
      const { value, done } = await this.#chunks.next();
      if (done) return;
      onBytes(value.length);
    }
  }
}

function json(value) {
  const text = new TextEncoder().encode(JSON.stringify(value));
  const message = new Uint8Array(4 + text.length);
  new DataView(message.buffer).setUint32(0, text.length);
  message.set(text, 4);
  return message;
}
const byte = (value) => new Uint8Array([value]);

const results = (streams, seconds) => ({
  cpu_util_total: 0, cpu_util_user: 0, cpu_util_system: 0, sender_has_retransmits: 0,
  streams: streams.map((stream, index) => ({
    id: index === 0 ? 1 : index + 2, bytes: stream.bytes, retransmits: -1, jitter: 0, errors: 0, packets: 0, start_time: 0,
    end_time: seconds,
  })),
});

async function send(stream) {
  try {
    while (!stream.over) {
      const full = !stream.socket.write(kPiece);
      stream.bytes += kPiece.length;
      if (full) await stream.socket.drained;
    }
  } catch { /* the peer ends a test by closing its streams */ }
}
const receive = (stream) => stream.reader.countAll((bytes) => { stream.bytes += bytes; }).catch(() => {});

// ---- server ----------------------------------------------------------------------------------------------------------

let test;

async function control(socket, reader, cookie) {
  test = { cookie, streams: [] };
  const mine = test;
  const begun = new Promise((resolve) => { mine.complete = resolve; });
  socket.write(byte(kParameters));
  const wanted = await reader.json();
  mine.count = wanted.parallel ?? 1;
  socket.write(byte(kCreateStreams));
  await begun;
  const startMs = performance.now();
  socket.write(byte(kTestStart));
  socket.write(byte(kTestRunning));
  for (const stream of mine.streams) {
    if (wanted.reverse) send(stream); // until the client has had enough
    else receive(stream);
  }
  if (await reader.state() !== kTestEnd) throw new Error('not the end of the test');
  for (const stream of mine.streams) {
    stream.over = true;
    // As iperf3's server does, before the results: with -R the client now reads whole blocks, and its place in a block is
    // anywhere; without an end of the stream it would wait for bytes that nobody sends.
    stream.socket.end();
  }
  const seconds = (performance.now() - startMs) / 1000;
  socket.write(byte(kExchangeResults));
  const theirs = await reader.json();
  socket.write(json(results(mine.streams, seconds)));
  socket.write(byte(kDisplayResults));
  if (await reader.state() !== kDone) throw new Error('not the end');
  const sum = (streams) => streams.reduce((total, stream) => total + stream.bytes, 0);
  console.log(`done: ${sum(mine.streams)} bytes here, ${sum(theirs.streams)} there`);
  for (const stream of mine.streams) stream.socket.destroy();
  socket.end();
}

function serve(hostname, port) {
  const listener = listen({ hostname, port }, async (socket) => {
    const reader = new Reader(socket);
    let first = false;
    try {
      const cookie = String(await reader.take(kCookieBytes));
      if (test?.cookie === cookie) {
        test.streams.push({ socket, reader, bytes: 0, over: false });
        if (test.streams.length === test.count) test.complete();
      } else if (test) {
        socket.end(byte(kAccessDenied));
      } else {
        first = true;
        await control(socket, reader, cookie);
      }
    } catch (error) {
      console.log(`test failed: ${error.message}`);
      socket.destroy();
    }
    if (first) test = undefined;
  });
  console.log(`iperf3 on ${listener.port}`);
}

// ---- client ----------------------------------------------------------------------------------------------------------

export async function run(hostname, port, seconds, reverse) {
  const cookie = new Uint8Array(kCookieBytes);
  for (let i = 0; i < kCookieBytes - 1; i++) cookie[i] = 97 + Math.floor(Math.random() * 26);
  const socket = connect({ hostname, port }), reader = new Reader(socket);
  const streams = [];
  socket.write(cookie);
  for (;;) {
    switch (await reader.state()) {
      case kParameters:
        socket.write(json({ tcp: true, omit: 0, time: seconds, num: 0, blockcount: 0, parallel: 1, len: kPiece.length,
          pacing_timer: 1000, client_version: '3.12', ...(reverse ? { reverse: true } : {}) }));
        break;
      case kCreateStreams: {
        const stream = { socket: connect({ hostname, port }), bytes: 0, over: false };
        stream.reader = new Reader(stream.socket);
        stream.socket.write(cookie);
        streams.push(stream);
        break;
      }
      case kTestStart: break;
      case kTestRunning:
        for (const stream of streams) reverse ? receive(stream) : send(stream);
        setTimeout(() => {
          for (const stream of streams) stream.over = true;
          socket.write(byte(kTestEnd));
        }, seconds * 1000);
        break;
      case kExchangeResults:
        socket.write(json(results(streams, seconds)));
        console.log(`sent and received: ${JSON.stringify((await reader.json()).streams.map((stream) => stream.bytes))} there, ` +
          `${streams.map((stream) => stream.bytes)} here`);
        break;
      case kDisplayResults:
        socket.end(byte(kDone));
        for (const stream of streams) stream.socket.destroy();
        return;
      default: throw new Error('a state that does not exist');
    }
  }
}

const [mode, ...rest] = process.argv.slice(2);
if (mode === 'client') await run(rest[0], Number(rest[1]), Number(rest[2]), rest[3] === 'reverse');
else if (mode) serve(mode, Number(rest[0] ?? 5201));
