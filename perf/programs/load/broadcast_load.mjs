// SPDX-License-Identifier: Apache-2.0
// The generator of the Socket.IO row: many WebSocket clients, one of which speaks; when all have heard it, it speaks again.
//   broadcast_load.mjs ADDRESS PORT SECONDS CLIENTS
import { connect } from 'sluice:net';

const [address, port, seconds, count] = [process.argv[2], ...process.argv.slice(3).map(Number)];
const frame = (text) => {
  const bytes = new TextEncoder().encode(text);
  const out = new Uint8Array(6 + bytes.length);
  out.set([0x81, 0x80 | bytes.length]);  // the mask is zero, which RFC 6455 allows as any other
  out.set(bytes, 6);
  return out;
};
let heard = 0, broadcasts = 0, start = 0, done = false, first;

function client() {
  return new Promise((resolve, reject) => {
    const socket = connect({ hostname: address, port });
    let rest = new Uint8Array(0), opened = false;
    socket.on('error', reject);
    socket.on('connect', () => socket.write('GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: bench\r\nConnection: Upgrade\r\n' +
      'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'));
    socket.on('data', (chunk) => {
      let bytes = chunk;
      if (rest.length > 0) {
        bytes = new Uint8Array(rest.length + chunk.length);
        bytes.set(rest);
        bytes.set(chunk, rest.length);
      }
      let at = 0;
      if (!opened) {
        const text = new TextDecoder().decode(bytes);
        const end = text.indexOf('\r\n\r\n');
        if (end < 0) {
          rest = bytes;
          return;
        }
        opened = true;
        at = end + 4;
      }
      while (bytes.length - at >= 2) {
        let length = bytes[at + 1] & 0x7f, from = at + 2;
        if (length === 126) {
          if (bytes.length - at < 4) break;
          length = bytes[at + 2] << 8 | bytes[at + 3];
          from += 2;
        }
        if (bytes.length < from + length) break;
        const [kind, second] = [bytes[from], bytes[from + 1]];
        at = from + length;
        if (kind === 0x30) socket.write(frame('40'));            // open: join the namespace
        else if (kind === 0x32) socket.write(frame('3'));        // ping
        else if (kind === 0x34 && second === 0x30) resolve(socket);
        else if (kind === 0x34 && second === 0x32) onHeard();
      }
      rest = bytes.slice(at);
    });
  });
}
function onHeard() {
  if (++heard < count) return;
  heard = 0;
  broadcasts++;
  if (!done) first.write(frame('42["say","hello everybody"]'));
}
const sockets = [];
for (let i = 0; i < count; i += 50) sockets.push(...await Promise.all(Array.from({ length: Math.min(50, count - i) }, client)));
[first] = sockets;
start = performance.now();
first.write(frame('42["say","hello everybody"]'));
setTimeout(() => {
  done = true;
  const took = (performance.now() - start) / 1000;
  console.log(JSON.stringify({ per_second: broadcasts * count / took, broadcasts, clients: count }));
  process.exit(0);
}, seconds * 1000);
