// SPDX-License-Identifier: Apache-2.0
// An echo server for the driver's own WebSocket client, and on request our client against it.
import http from 'node:http';
import { WebSocket, WebSocketServer } from 'ws';
import { announce, host, port } from './announce.cjs';

const server = http.createServer(async (req, res) => {
  const results = [];
  const socket = new WebSocket(`ws://${host}:${server.address().port}/echo`, { perMessageDeflate: true });
  const next = () => new Promise((resolve, reject) => {
    socket.once('message', (data, binary) => resolve(binary ? [...data] : `${data}`));
    socket.once('error', reject);
  });
  await new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  for (const message of ['text', Buffer.from([1, 2, 3]), 'long '.repeat(20_000)]) {
    const answer = next();
    socket.send(message);
    const data = await answer;
    results.push(typeof data === 'string' && data.length > 100 ? data.length : data);
  }
  const pong = new Promise((resolve) => socket.once('pong', (data) => resolve(`${data}`)));
  socket.ping('here?');
  results.push(await pong);
  const closed = new Promise((resolve) => socket.once('close', (code, reason) => resolve([code, `${reason}`])));
  socket.close(4001, 'enough');
  results.push(await closed);
  res.end(JSON.stringify(results));
});
const echo = new WebSocketServer({ noServer: true, perMessageDeflate: true });
server.on('upgrade', (req, socket, head) => {
  if (req.url !== '/echo') {
    socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n');
    return;
  }
  echo.handleUpgrade(req, socket, head, (client) => client.on('message', (data, isBinary) => client.send(data, { binary: isBinary })));
});
server.listen(port, host, () => announce(server));
