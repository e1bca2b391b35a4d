// SPDX-License-Identifier: Apache-2.0
// Server, and on request a number of clients in the same process, by WebSocket and by polling.
import http from 'node:http';
import { Server } from 'socket.io';
import { io } from 'socket.io-client';
import { announce, host, port } from './announce.cjs';

const server = http.createServer(async (req, res) => {
  try {
    const results = {};
    for (const transport of ['websocket', 'polling']) results[transport] = await converse(transport);
    results.upgrade = await upgraded();
    res.end(JSON.stringify(results));
  } catch (error) {
    res.statusCode = 500;
    res.end(`${error.stack}`);
  }
});
const rooms = new Server(server);
rooms.on('connection', (socket) => {
  socket.on('add', (a, b, answer) => answer(a + b));
  socket.on('say', (text) => rooms.emit('said', text));
  socket.on('bytes', (bytes, answer) => answer(Buffer.from(bytes).reverse()));
  socket.on('join', (room, answer) => {
    socket.join(room);
    answer();
  });
});
rooms.of('/inner').on('connection', (socket) => socket.emit('welcome', 'inside'));

const url = () => `http://${host}:${server.address().port}`;
function connected(socket) {
  return new Promise((resolve, reject) => {
    socket.once('connect', () => resolve(socket));
    socket.once('connect_error', reject);
  });
}
async function converse(transport) {
  const options = { transports: [transport], forceNew: true };
  const [a, b] = await Promise.all([connected(io(url(), options)), connected(io(url(), options))]);
  const heard = Promise.all([a, b].map((socket) => new Promise((resolve) => socket.once('said', resolve))));
  a.emit('say', `by ${transport}`);
  const sum = await a.emitWithAck('add', 2, 3);
  const bytes = [...new Uint8Array(await b.emitWithAck('bytes', Buffer.from([1, 2, 3])))];
  const inner = io(`${url()}/inner`, options);
  const welcome = await new Promise((resolve) => inner.once('welcome', resolve));
  const result = { sum, bytes, heard: await heard, welcome };
  for (const socket of [a, b, inner]) socket.close();
  return result;
}
async function upgraded() {
  const socket = io(url(), { forceNew: true });
  await connected(socket);
  if (socket.io.engine.transport.name !== 'websocket') await new Promise((resolve) => socket.io.engine.once('upgrade', resolve));
  const { name } = socket.io.engine.transport;
  socket.close();
  return name;
}
server.listen(port, host, () => announce(server));
